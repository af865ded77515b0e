// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAlliance} from "./interfaces/IAlliance.sol";
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
        uint64 sequence;
        uint64 expires;
        bytes32 guarantor;
        bytes32 beneficiary;
        bytes32 applicant;
    }

    /// @dev Bit of `IAlliance.Member.roles`
    uint8 private constant GUARANTOR = 2;

    bytes32 private constant ISSUE_GUARANTEE_TYPEHASH = keccak256("IssueGuarantee(bytes32 guarantee)");
    bytes32 private constant STEP_GUARANTEE_TYPEHASH =
        keccak256("StepGuarantee(bytes32 guarantee,uint64 sequence,uint8 event,bytes32 document)");

    mapping(bytes32 id => Guarantee) private _guarantees;
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
        if (isApplicationUsed(terms.application)) revert GuaranteesApplicationUsed(terms.application);
        if (!ALLIANCE.isVerifier(verifier)) revert GuaranteesMalformedSigner();
        guarantee = keccak256(abi.encode(ALLIANCE.allianceId(), terms));
        if (!_isIssued(guarantee, terms.guarantor, verifier, signature)) revert GuaranteesWrongSignature(guarantee);

        (uint8 next, , ) = _transition(GuaranteeTable.STATE_NONE, GuaranteeTable.EVENT_ISSUE);
        _usedApplications[terms.application] = true;
        _guarantees[guarantee] = Guarantee({
            state: next,
            event_: GuaranteeTable.EVENT_ISSUE,
            sequence: 1,
            expires: terms.expires,
            guarantor: terms.guarantor,
            beneficiary: terms.beneficiary,
            applicant: terms.applicant
        });
        emit GuaranteeMoved(guarantee, GuaranteeTable.EVENT_ISSUE, next, 1, terms.digest, terms.expires);
    }

    /// @inheritdoc IGuarantees
    function step(
        bytes32 guarantee,
        uint8 event_,
        bytes32 document,
        bytes calldata signer,
        bytes32 salt,
        bytes calldata signature
    ) external {
        if (_senderBound() == 0) revert GuaranteesNotMember(msg.sender);
        Guarantee storage entry = _guarantees[guarantee];
        (uint8 next, uint8 mover) = _possibleStep(guarantee, entry, event_);
        if (!_isWellFormed(signer)) revert GuaranteesMalformedSigner();
        if (!_isMover(entry, mover, signer, salt)) revert GuaranteesWrongMover(guarantee);
        uint64 sequence = entry.sequence + 1;
        bytes32 structHash = keccak256(abi.encode(STEP_GUARANTEE_TYPEHASH, guarantee, sequence, event_, document));
        if (!_isSigned(signer, structHash, signature)) revert GuaranteesWrongSignature(guarantee);

        entry.state = next;
        entry.event_ = event_;
        entry.sequence = sequence;
        emit GuaranteeMoved(guarantee, event_, next, sequence, document, entry.expires);
    }

    /// @inheritdoc IGuarantees
    function isApplicationUsed(bytes32 application) public view returns (bool) {
        if (_usedApplications[application]) return true;
        address before = _predecessor();
        return before != address(0) && IGuarantees(before).isApplicationUsed(application);
    }

    /// @inheritdoc IGuarantees
    function stateOf(bytes32 guarantee) external view returns (uint8 state, uint64 sequence, uint64 expires) {
        Guarantee storage entry = _guarantees[guarantee];
        return (entry.state, entry.sequence, entry.expires);
    }

    /// @inheritdoc Succession
    function _bookName() internal pure override returns (bytes32) {
        return "Guarantees";
    }

    /// @dev Virtual so that the tests can hold this contract to tables that no guarantee has yet
    function _transition(uint8 state, uint8 event_)
        internal
        pure
        virtual
        returns (uint8 next, uint8 mover, bool beforeExpiry)
    {
        return GuaranteeTable.transition(state, event_);
    }

    /// @dev Reverts unless `event_` is possible now
    function _possibleStep(
        bytes32 guarantee,
        Guarantee storage entry,
        uint8 event_
    ) private view returns (uint8 next, uint8 mover) {
        uint8 state = entry.state;
        if (state == GuaranteeTable.STATE_NONE) revert GuaranteesUnknown(guarantee);
        bool beforeExpiry;
        (next, mover, beforeExpiry) = _transition(state, event_);
        if (next == GuaranteeTable.STATE_NONE) {
            if (event_ == entry.event_) revert GuaranteesAlreadyMoved(guarantee, event_);
            revert GuaranteesWrongStep(guarantee, state, event_);
        }
        if (beforeExpiry && block.timestamp >= entry.expires) revert GuaranteesExpired(entry.expires);
    }

    /// @return whether `signer` is who the table wants; whether it also signed is another question
    function _isMover(
        Guarantee storage entry,
        uint8 mover,
        bytes calldata signer,
        bytes32 salt
    ) private view returns (bool) {
        if (mover == GuaranteeTable.MOVER_GUARANTOR) {
            // whichever accepted verifier: the key is what counts
            bytes32 key = keccak256(signer[20:]);
            return
                key == keccak256(_identityKey(entry.guarantor)) ||
                key == keccak256(_formerIdentityKey(entry.guarantor));
        }
        bytes32 commitment = keccak256(bytes.concat(salt, signer));
        if (mover == GuaranteeTable.MOVER_BENEFICIARY) return commitment == entry.beneficiary;
        return mover == GuaranteeTable.MOVER_APPLICANT && commitment == entry.applicant;
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
    function _formerIdentityKey(bytes32 guarantor) private view returns (bytes memory) {
        (bytes32 x, bytes32 y) = ALLIANCE.formerIdentityKey(guarantor);
        return abi.encodePacked(x, y);
    }

    /// @dev The present one, also of a suspended member: duties run on
    function _identityKey(bytes32 guarantor) private view returns (bytes memory) {
        IAlliance.Member memory member = ALLIANCE.member(guarantor);
        return abi.encodePacked(member.identityX, member.identityY);
    }
}
