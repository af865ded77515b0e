// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAlliance} from "./interfaces/IAlliance.sol";
import {ICalendar} from "./interfaces/ICalendar.sol";
import {IGuarantees} from "./interfaces/IGuarantees.sol";
import {GuaranteeTable} from "./libraries/GuaranteeTable.sol";
import {MembersOnly} from "./MembersOnly.sol";
import {SignedMoves} from "./SignedMoves.sol";
import {Succession} from "./Succession.sol";

/// @title That a guarantee was issued and by whom, and which steps it has taken since
/// @dev What is possible is data, GuaranteeTable; this contract keeps it, whatever it says. The step's number in
/// what is signed makes each signature good for one step only, also where the table comes back to a state.
contract Guarantees is IGuarantees, SignedMoves, Succession {
    struct Guarantee {
        uint8 state;
        /// the last one
        uint8 event_;
        /// the state that a stay interrupted
        uint8 interrupted;
        uint8 examination;
        uint64 sequence;
        /// when the state began; a stay that is over is left out
        uint64 since;
        /// when its period is over; zero if none runs
        uint64 due;
        uint64 expires;
        uint64 proposedExpires;
        /// how long the interrupted state had lasted
        uint64 ran;
        /// what was left of its period, at least 1; zero if none ran
        uint64 left;
        bytes32 guarantor;
        bytes32 beneficiary;
        bytes32 applicant;
        bytes32 centre;
        bytes32 end;
        bytes32 proposedEnd;
        /// of the last step
        bytes32 document;
    }

    /// @dev Bit of `IAlliance.Member.roles`
    uint8 private constant GUARANTOR = 2;

    bytes32 private constant ISSUE_GUARANTEE_TYPEHASH = keccak256("IssueGuarantee(bytes32 guarantee)");
    bytes32 private constant STEP_GUARANTEE_TYPEHASH = keccak256(
        "StepGuarantee(bytes32 guarantee,uint64 sequence,bytes32 previous,uint8 event,bytes32 document,bytes32 end,uint64 expires)"
    );
    bytes32 private constant STEP_RECEIPT_TYPEHASH =
        keccak256("StepReceipt(bytes32 guarantee,uint8 event,bytes32 document,uint64 lodged)");
    bytes32 private constant CALENDAR = "Calendar";

    /// @dev Internal so that the tests can hold every state of a guarantee to the table
    mapping(bytes32 id => Guarantee) internal _guarantees;
    /// @dev Never freed, also not by a release. Ids differ because of it: each commits to its application
    mapping(bytes32 application => bool) private _usedApplications;

    /// @param alliance whose active members are relays, and whose guarantors issue
    constructor(IAlliance alliance) MembersOnly(alliance) {}

    /// @inheritdoc IGuarantees
    function issue(
        Terms calldata terms,
        address verifier,
        bytes calldata signature
    ) external returns (bytes32 guarantee) {
        if (_senderMember() == 0) revert GuaranteesNotMember(msg.sender);
        _requireInForce();
        if (!_mayIssue(terms.guarantor)) revert GuaranteesNotGuarantor(terms.guarantor);
        if (terms.expires % GuaranteeTable.EXPIRY_UNIT != 0) revert GuaranteesUnroundedExpiry(terms.expires);
        if (block.timestamp >= terms.expires) revert GuaranteesExpired(terms.expires);
        if (terms.examination == 0 || terms.examination > GuaranteeTable.MAX_EXAMINATION_DAYS) {
            revert GuaranteesMalformedExamination(terms.examination);
        }
        if (isApplicationUsed(terms.application)) revert GuaranteesApplicationUsed(terms.application);
        if (!ALLIANCE.isVerifier(verifier)) revert GuaranteesMalformedSigner();
        guarantee = keccak256(abi.encode(ALLIANCE.allianceId(), terms));
        if (!_isIssued(guarantee, terms.guarantor, verifier, signature)) revert GuaranteesWrongSignature(guarantee);

        uint8 state = _rule(GuaranteeTable.STATE_NONE, GuaranteeTable.EVENT_ISSUE).next;
        _usedApplications[terms.application] = true;
        Guarantee storage entry = _guarantees[guarantee];
        entry.state = state;
        entry.event_ = GuaranteeTable.EVENT_ISSUE;
        entry.examination = terms.examination;
        entry.sequence = 1;
        entry.since = uint64(block.timestamp);
        entry.expires = terms.expires;
        entry.guarantor = terms.guarantor;
        entry.beneficiary = terms.beneficiary;
        entry.applicant = terms.applicant;
        entry.centre = terms.centre;
        entry.end = terms.end;
        entry.document = terms.digest;
        emit GuaranteeMoved(
            guarantee,
            GuaranteeTable.EVENT_ISSUE,
            state,
            1,
            terms.digest,
            terms.expires,
            0,
            uint64(block.timestamp),
            0
        );
    }

    /// @inheritdoc IGuarantees
    function step(Step calldata step_, Signed calldata mover, Evidence calldata evidence) external {
        if (_senderBound() == 0) revert GuaranteesNotMember(msg.sender);
        Guarantee storage entry = _guarantees[step_.guarantee];
        GuaranteeTable.Rule memory rule = _possibleRule(entry, step_);
        if (!_isWellFormed(mover.signer)) revert GuaranteesMalformedSigner();
        _checkProposal(entry, rule.effect, step_);
        uint64 end = _checkTime(entry, rule, step_, mover, evidence);
        if (!_isMover(entry, rule.mover, mover)) revert GuaranteesWrongMover(step_.guarantee);
        bytes32 structHash = keccak256(abi.encode(STEP_GUARANTEE_TYPEHASH, step_));
        if (!_isSigned(mover.signer, structHash, mover.signature)) {
            revert GuaranteesWrongSignature(step_.guarantee);
        }

        _move(entry, rule, step_);
        emit GuaranteeMoved(
            step_.guarantee,
            step_.event_,
            entry.state,
            step_.sequence,
            step_.document,
            entry.expires,
            end,
            entry.since,
            entry.due
        );
    }

    /// @inheritdoc IGuarantees
    function isApplicationUsed(bytes32 application) public view returns (bool) {
        if (_usedApplications[application]) return true;
        address before = _predecessor();
        return before != address(0) && IGuarantees(before).isApplicationUsed(application);
    }

    /// @inheritdoc IGuarantees
    function stateOf(bytes32 guarantee)
        external
        view
        returns (uint8 state, uint64 sequence, uint64 expires, bytes32 document, uint64 due)
    {
        Guarantee storage entry = _guarantees[guarantee];
        return (entry.state, entry.sequence, entry.expires, entry.document, entry.due);
    }

    /// @inheritdoc Succession
    function _bookName() internal pure override returns (bytes32) {
        return "Guarantees";
    }

    /// @dev Virtual so that the tests can hold this contract to tables that no guarantee has yet
    function _rule(uint8 state, uint8 event_) internal view virtual returns (GuaranteeTable.Rule memory) {
        return GuaranteeTable.rule(state, event_);
    }

    /// @dev Reverts unless the step comes next and its event is possible
    function _possibleRule(Guarantee storage entry, Step calldata step_)
        private
        view
        returns (GuaranteeTable.Rule memory rule)
    {
        uint8 state = entry.state;
        if (state == GuaranteeTable.STATE_NONE) revert GuaranteesUnknown(step_.guarantee);
        if (step_.sequence == entry.sequence && step_.event_ == entry.event_) {
            revert GuaranteesAlreadyMoved(step_.guarantee, step_.event_);
        }
        rule = _rule(state, step_.event_);
        if (rule.next == GuaranteeTable.STATE_NONE) {
            revert GuaranteesWrongStep(step_.guarantee, state, step_.event_);
        }
        if (step_.sequence != entry.sequence + 1 || step_.previous != entry.document) {
            revert GuaranteesOtherStep(step_.guarantee, entry.sequence, entry.document);
        }
    }

    /// @dev Reverts unless the end that comes with the step is one that can be proposed, or is the one that was: whoever
    /// adopts an end says which, so that nobody is bound to another one than its document told
    function _checkProposal(Guarantee storage entry, uint8 effect, Step calldata step_) private view {
        if (effect == GuaranteeTable.EFFECT_ADOPT) {
            if (step_.end != entry.proposedEnd || step_.expires != entry.proposedExpires) {
                revert GuaranteesMalformedEnd();
            }
            return;
        }
        if (step_.end == 0 && step_.expires == 0) return;
        if (
            effect != GuaranteeTable.EFFECT_PROPOSE ||
            step_.end == 0 ||
            step_.expires <= block.timestamp ||
            step_.expires % GuaranteeTable.EXPIRY_UNIT != 0
        ) revert GuaranteesMalformedEnd();
    }

    /// @dev Reverts unless the step is possible at this time
    /// @return end that the evidence opened; zero where the table does not ask for it
    function _checkTime(
        Guarantee storage entry,
        GuaranteeTable.Rule memory rule,
        Step calldata step_,
        Signed calldata mover,
        Evidence calldata evidence
    ) private view returns (uint64 end) {
        if (rule.time == GuaranteeTable.TIME_BEFORE_EXPIRY) {
            if (block.timestamp >= entry.expires) revert GuaranteesExpired(entry.expires);
        } else if (rule.time == GuaranteeTable.TIME_IN_TIME) {
            end = _openedEnd(entry, step_, evidence);
            if (!_isBefore(end, entry, rule.mover, step_, mover, evidence)) revert GuaranteesExpired(end);
        } else if (rule.time == GuaranteeTable.TIME_AFTER_GRACE) {
            end = _openedEnd(entry, step_, evidence);
            if (block.timestamp < end + GuaranteeTable.GRACE) revert GuaranteesTooEarly(end + GuaranteeTable.GRACE);
        } else if (rule.time == GuaranteeTable.TIME_BEFORE_DUE) {
            if (!_isBefore(entry.due, entry, rule.mover, step_, mover, evidence)) revert GuaranteesTooLate(entry.due);
        } else if (rule.time == GuaranteeTable.TIME_AFTER_DUE) {
            if (block.timestamp < entry.due) revert GuaranteesTooEarly(entry.due);
        }
    }

    function _openedEnd(Guarantee storage entry, Step calldata step_, Evidence calldata evidence)
        private
        view
        returns (uint64)
    {
        if (keccak256(abi.encode(evidence.salt, evidence.end)) != entry.end) revert GuaranteesWrongEnd(step_.guarantee);
        return evidence.end;
    }

    /// @return whether the step comes before `limit`, or came by a receipt and the grace period is not over
    function _isBefore(
        uint64 limit,
        Guarantee storage entry,
        uint8 moverKind,
        Step calldata step_,
        Signed calldata mover,
        Evidence calldata evidence
    ) private view returns (bool) {
        if (block.timestamp < limit) return true;
        if (evidence.lodged == 0) return false;
        if (!_isReceipt(entry, moverKind, step_, mover, evidence)) revert GuaranteesWrongReceipt(step_.guarantee);
        return evidence.lodged < limit && block.timestamp - limit < GuaranteeTable.GRACE;
    }

    /// @dev By guarantor, beneficiary or centre; nobody receives what it sent itself, under whichever of them
    function _isReceipt(
        Guarantee storage entry,
        uint8 moverKind,
        Step calldata step_,
        Signed calldata mover,
        Evidence calldata evidence
    ) private view returns (bool) {
        Signed calldata by = evidence.receipt;
        if (!_isWellFormed(by.signer) || keccak256(by.signer[20:]) == keccak256(mover.signer[20:])) return false;
        if (
            (moverKind == GuaranteeTable.MOVER_GUARANTOR || !_isMover(entry, GuaranteeTable.MOVER_GUARANTOR, by)) &&
            (moverKind == GuaranteeTable.MOVER_BENEFICIARY || !_isMover(entry, GuaranteeTable.MOVER_BENEFICIARY, by)) &&
            (moverKind == GuaranteeTable.MOVER_CENTRE || !_isMover(entry, GuaranteeTable.MOVER_CENTRE, by))
        ) return false;
        bytes32 structHash = keccak256(
            abi.encode(STEP_RECEIPT_TYPEHASH, step_.guarantee, step_.event_, step_.document, evidence.lodged)
        );
        return _isSigned(by.signer, structHash, by.signature);
    }

    function _move(Guarantee storage entry, GuaranteeTable.Rule memory rule, Step calldata step_) private {
        uint64 now_ = uint64(block.timestamp);
        if (rule.effect == GuaranteeTable.EFFECT_RESUME) {
            entry.state = entry.interrupted;
            entry.since = now_ - entry.ran;
            entry.due = entry.left == 0 ? 0 : now_ + entry.left;
        } else {
            if (rule.effect == GuaranteeTable.EFFECT_INTERRUPT) {
                entry.interrupted = entry.state;
                entry.ran = now_ - entry.since;
                entry.left = entry.due == 0 ? 0 : entry.due > now_ ? entry.due - now_ : 1;
            } else if (rule.effect == GuaranteeTable.EFFECT_PROPOSE) {
                (entry.proposedEnd, entry.proposedExpires) = (step_.end, step_.expires);
            } else if (rule.effect == GuaranteeTable.EFFECT_ADOPT && entry.proposedEnd != 0) {
                (entry.end, entry.expires) = (entry.proposedEnd, entry.proposedExpires);
            }
            entry.state = rule.next;
            entry.due = _periodEnd(entry, rule.period);
            entry.since = now_;
        }
        entry.event_ = step_.event_;
        entry.sequence = step_.sequence;
        entry.document = step_.document;
    }

    /// @return when the period that begins with this step is over; zero for none
    function _periodEnd(Guarantee storage entry, uint8 period) private view returns (uint64) {
        uint64 now_ = uint64(block.timestamp);
        if (period == GuaranteeTable.PERIOD_EXAMINATION) {
            return ICalendar(ALLIANCE.contractOf(CALENDAR)).addWorkingDays(now_, entry.examination);
        }
        if (period == GuaranteeTable.PERIOD_SUSPENSION) return entry.since + GuaranteeTable.SUSPENSION_PERIOD;
        if (period == GuaranteeTable.PERIOD_SUIT) return now_ + GuaranteeTable.SUIT_PERIOD;
        if (period == GuaranteeTable.PERIOD_OBJECTION) return now_ + GuaranteeTable.OBJECTION_PERIOD;
        return 0;
    }

    /// @return whether `by` is who the table wants; whether it also signed is another question
    function _isMover(Guarantee storage entry, uint8 mover, Signed calldata by) private view returns (bool) {
        if (mover == GuaranteeTable.MOVER_GUARANTOR) return _isIdentity(entry.guarantor, by.signer);
        if (mover == GuaranteeTable.MOVER_CENTRE) {
            return keccak256(abi.encode(by.salt, by.member)) == entry.centre && _isIdentity(by.member, by.signer);
        }
        bytes32 commitment = keccak256(bytes.concat(by.salt, by.signer));
        if (mover == GuaranteeTable.MOVER_BENEFICIARY) return commitment == entry.beneficiary;
        return mover == GuaranteeTable.MOVER_APPLICANT && commitment == entry.applicant;
    }

    /// @dev Under whichever accepted verifier: the key is what counts, also of a member that is suspended
    function _isIdentity(bytes32 member, bytes calldata signer) private view returns (bool) {
        bytes32 key = keccak256(signer[20:]);
        return key == keccak256(_identityKey(member)) || key == keccak256(_formerIdentityKey(member));
    }

    function _mayIssue(bytes32 guarantor) private view returns (bool) {
        return ALLIANCE.isActive(guarantor) && ALLIANCE.member(guarantor).roles & GUARANTOR != 0;
    }

    /// @dev What was signed just before the guarantor changed its key counts while the key before does
    function _isIssued(bytes32 guarantee, bytes32 guarantor, address verifier, bytes calldata signature)
        private
        view
        returns (bool)
    {
        bytes32 structHash = keccak256(abi.encode(ISSUE_GUARANTEE_TYPEHASH, guarantee));
        if (_isSigned(abi.encodePacked(verifier, _identityKey(guarantor)), structHash, signature)) return true;
        bytes memory former = _formerIdentityKey(guarantor);
        return _isSigned(abi.encodePacked(verifier, former), structHash, signature);
    }

    /// @dev 64 zero bytes, which are no key, when there is none that counts
    function _formerIdentityKey(bytes32 member) private view returns (bytes memory) {
        (bytes32 x, bytes32 y) = ALLIANCE.formerIdentityKey(member);
        return abi.encodePacked(x, y);
    }

    /// @dev The present one, also of a suspended member: duties run on
    function _identityKey(bytes32 guarantor) private view returns (bytes memory) {
        IAlliance.Member memory member = ALLIANCE.member(guarantor);
        return abi.encodePacked(member.identityX, member.identityY);
    }
}
