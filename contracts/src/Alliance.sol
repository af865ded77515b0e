// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AddressBook} from "./AddressBook.sol";
import {IAlliance} from "./interfaces/IAlliance.sol";
import {ICalendar} from "./interfaces/ICalendar.sol";
import {ICatalogue} from "./interfaces/ICatalogue.sol";
import {MemberKeys} from "./MemberKeys.sol";
import {ProposalData} from "./libraries/ProposalData.sol";
import {Standings} from "./Standings.sol";
import {TrustVotes} from "./libraries/TrustVotes.sol";

/// @title The alliance: founding, proposals and votes
/// @notice There is no administrator and no phase in which anybody has more rights than later: the deployer passes
/// everything to the constructor (it knows the other contracts' CREATE addresses in advance) and can do nothing after.
///
/// A proposal passes with two thirds of the members that were active when it was made, the member that it would
/// suspend not counted. Votes are not taken back, also when the voter is suspended later. Beware of small numbers:
/// where only two members are active, each of them is all of the others. Where too few are there to pass anything,
/// Standings sets those aside that are silent.
contract Alliance is Standings, MemberKeys, AddressBook {
    /// @dev Of two members neither may shut the other out, or take a role from it: that takes two others
    uint256 private constant LEAST_AGAINST_A_MEMBER = 2;

    using ProposalData for bytes;

    struct Proposal {
        Action action;
        bool passed;
        uint64 expires;
        uint64 epoch;
        uint32 eligible;
        uint32 approvals;
        bytes32 about;
        bytes data;
        mapping(bytes32 voter => bool) voted;
    }

    uint256 private constant MAX_PROPOSAL_AGE = 90 days;
    bytes32 private constant TRUST_LIST = "TrustList";
    bytes32 private constant CATALOGUE = "Catalogue";
    bytes32 private constant CALENDAR = "Calendar";

    bytes32 private _allianceId;
    /// @dev Also the number of the newest proposal: they count from 1
    uint256 private _proposalCount;
    mapping(uint256 number => Proposal) private _proposals;

    /// @param allianceId_ random; makes signatures for this alliance worthless in any other
    /// @param founders the first members, at least one
    /// @param names of the contracts in `locations`, each once
    /// @param locations where they are, or will be
    /// @param verifiers ERC-7913 verifiers whose answers count from the start
    constructor(
        bytes32 allianceId_,
        Member[] memory founders,
        bytes32[] memory names,
        address[] memory locations,
        address[] memory verifiers
    ) {
        if (allianceId_ == 0 || founders.length == 0 || names.length != locations.length) {
            revert AllianceMalformedProposal();
        }
        _allianceId = allianceId_;
        for (uint256 i = 0; i < founders.length; ++i) {
            _checkAdmission(founders[i]);
            _admit(founders[i]);
        }
        for (uint256 i = 0; i < names.length; ++i) {
            _checkFoundingContract(names[i], locations[i]);
            // deployed after this contract: its code is the founders' to check, before they sign
            _setContract(names[i], locations[i], 0);
        }
        for (uint256 i = 0; i < verifiers.length; ++i) {
            _checkFoundingVerifier(verifiers[i]);
            _setVerifier(verifiers[i], true);
        }
    }

    /// @inheritdoc IAlliance
    function allianceId() public view override(MemberKeys, IAlliance) returns (bytes32) {
        return _allianceId;
    }

    /// @inheritdoc IAlliance
    function propose(Action action, bytes calldata data, uint64 expires) external returns (uint256 proposal) {
        bytes32 proposer = _sender();
        if (expires <= block.timestamp || expires > block.timestamp + MAX_PROPOSAL_AGE) {
            revert AllianceWrongExpiry(expires);
        }
        bytes32 about = _check(action, data);
        if (about == proposer) revert AllianceNotEligible(proposer);

        proposal = ++_proposalCount;
        Proposal storage entry = _proposals[proposal];
        entry.action = action;
        entry.expires = expires;
        entry.epoch = _currentEpoch();
        entry.eligible = _countActive() - (isActive(about) ? 1 : 0);
        entry.about = about;
        entry.data = data;
        emit ProposalMade(proposal, proposer, action, data, expires, entry.eligible);

        _castVote(proposal, proposer, true);
    }

    /// @inheritdoc IAlliance
    function vote(uint256 proposal, bool approve) external {
        bytes32 voter = _sender();
        Proposal storage entry = _proposals[proposal];
        if (entry.action == Action.NONE) revert AllianceUnknownProposal(proposal);
        if (entry.passed || block.timestamp > entry.expires) revert AllianceProposalClosed(proposal);
        if (voter == entry.about || !_isActiveSince(voter, entry.epoch)) revert AllianceNotEligible(voter);
        if (entry.voted[voter]) revert AllianceAlreadyVoted(voter);
        _castVote(proposal, voter, approve);
    }

    /// @inheritdoc IAlliance
    function isVerifier(address verifier) public view override(IAlliance, MemberKeys, AddressBook) returns (bool) {
        return AddressBook.isVerifier(verifier);
    }

    function _castVote(uint256 proposal, bytes32 voter, bool approve) private {
        Proposal storage entry = _proposals[proposal];
        entry.voted[voter] = true;
        if (approve) ++entry.approvals;
        emit VoteCast(proposal, voter, approve);

        uint256 least = _isAgainst(entry.action, entry.about, entry.data) ? LEAST_AGAINST_A_MEMBER : 1;
        if (entry.approvals >= least && uint256(entry.approvals) * 3 >= uint256(entry.eligible) * 2) {
            entry.passed = true;
            emit ProposalPassed(proposal);
            _carryOut(entry.action, entry.data);
        }
    }

    /// @dev Checks again: what was possible when it was proposed may have become impossible since
    function _carryOut(Action action, bytes memory data) private {
        bytes32 about = _check(action, data);
        if (action == Action.ADMIT) {
            _admit(data.toMember());
        } else if (action == Action.SUSPEND) {
            _suspend(about);
        } else if (action == Action.REINSTATE) {
            _reinstate(about);
        } else if (action == Action.SET_CONTRACT) {
            (bytes32 name, address location, bytes32 codeHash) = data.toContract();
            _setContract(name, location, codeHash);
        } else if (action == Action.SET_TRUST) {
            TrustVotes.carryOut(contractOf(TRUST_LIST), data);
        } else if (action == Action.SET_VERIFIER) {
            (address verifier, bool accepted, ) = data.toVerifier();
            _setVerifier(verifier, accepted);
        } else if (action == Action.SET_DEFINITION) {
            (bytes32 category, uint32 version, bytes32 definition) = data.toDefinition();
            ICatalogue(contractOf(CATALOGUE)).set(category, version, definition);
        } else if (action == Action.SET_CALENDAR) {
            (uint16 year, uint256 early, uint256 late) = data.toCalendar();
            ICalendar(contractOf(CALENDAR)).set(year, early, late);
        } else {
            (, uint8 roles) = data.toRoles();
            _setRoles(about, roles);
        }
    }

    /// @return whether the action takes something from the member that it is about
    function _isAgainst(Action action, bytes32 about, bytes memory data) private view returns (bool) {
        if (action != Action.SET_ROLES) return action == Action.SUSPEND;
        (, uint8 roles) = data.toRoles();
        return _rolesOf(about) & ~roles != 0;
    }

    /// @dev Reverts unless the action could be carried out now
    /// @return about the member that the action is about; zero if it is not about one
    function _check(Action action, bytes memory data) private view returns (bytes32 about) {
        if (action == Action.ADMIT) {
            Member memory newcomer = data.toMember();
            _checkAdmission(newcomer);
            return newcomer.id;
        } else if (action == Action.SUSPEND || action == Action.REINSTATE) {
            about = data.toId();
            _checkStanding(about, action == Action.REINSTATE);
        } else if (action == Action.SET_CONTRACT) {
            (bytes32 name, address location, bytes32 codeHash) = data.toContract();
            _checkContract(name, location, codeHash);
        } else if (action == Action.SET_VERIFIER) {
            (address verifier, bool accepted, bytes32 codeHash) = data.toVerifier();
            _checkVerifier(verifier, accepted, codeHash);
        } else if (action == Action.SET_TRUST) {
            TrustVotes.check(contractOf(TRUST_LIST), data);
        } else if (action == Action.SET_DEFINITION) {
            (bytes32 category, uint32 version, bytes32 definition) = data.toDefinition();
            ICatalogue(contractOf(CATALOGUE)).check(category, version, definition);
        } else if (action == Action.SET_CALENDAR) {
            (uint16 year, uint256 early, uint256 late) = data.toCalendar();
            ICalendar(contractOf(CALENDAR)).check(year, early, late);
        } else if (action == Action.SET_ROLES) {
            uint8 roles;
            (about, roles) = data.toRoles();
            _checkRoles(about, roles);
        } else {
            revert AllianceMalformedProposal();
        }
    }
}
