// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAlliance} from "./interfaces/IAlliance.sol";
import {ISubjects} from "./interfaces/ISubjects.sol";
import {MembersOnly} from "./MembersOnly.sol";
import {SignedMoves} from "./SignedMoves.sol";
import {Succession} from "./Succession.sol";

/// @title Bidders as the ledger knows them
/// @dev The version in what is signed makes each signature good for one change only, also when a controller or a
/// home comes back later: hand-overs and moves count in one sequence.
contract Subjects is ISubjects, SignedMoves, Succession {
    struct Subject {
        bytes32 home;
        uint64 version;
        bytes controller;
    }

    bytes32 private constant CHANGE_CONTROLLER_TYPEHASH =
        keccak256("ChangeController(bytes32 subject,uint64 version,bytes controller)");
    bytes32 private constant MOVE_SUBJECT_TYPEHASH =
        keccak256("MoveSubject(bytes32 subject,uint64 version,bytes32 home)");
    /// @dev Bit of `IAlliance.Member.roles`
    uint8 private constant CENTRE = 1;

    mapping(bytes32 id => Subject) private _subjects;

    /// @param alliance whose active members are homes and relays
    constructor(IAlliance alliance) MembersOnly(alliance) {}

    /// @inheritdoc ISubjects
    function create(bytes32 salt, bytes calldata controller) external returns (bytes32 subject) {
        bytes32 home = _senderMember();
        if (home == 0) revert SubjectsNotMember(msg.sender);
        _requireInForce();
        if (!_isWellFormed(controller)) revert SubjectsMalformedSigner();
        subject = keccak256(abi.encode(ALLIANCE.allianceId(), home, salt));
        if (_find(subject).home != 0) revert SubjectsExists(subject);

        _subjects[subject] = Subject({home: home, version: 1, controller: controller});
        emit SubjectCreated(subject, home, controller);
    }

    /// @inheritdoc ISubjects
    function changeController(bytes32 subject, bytes calldata controller, bytes calldata signature) external {
        if (_senderBound() == 0) revert SubjectsNotMember(msg.sender);
        _requireInForce();
        Subject memory entry = _known(subject);
        if (!_isWellFormed(entry.controller) || !_isWellFormed(controller)) revert SubjectsMalformedSigner();
        uint64 version = entry.version + 1;
        bytes32 structHash = keccak256(abi.encode(CHANGE_CONTROLLER_TYPEHASH, subject, version, keccak256(controller)));
        if (!_isSigned(entry.controller, structHash, signature)) revert SubjectsWrongSignature(subject);

        _subjects[subject] = Subject({home: entry.home, version: version, controller: controller});
        emit ControllerChanged(subject, version, controller);
    }

    /// @inheritdoc ISubjects
    function move(bytes32 subject, bytes calldata signature) external {
        bytes32 home = _senderMember();
        if (home == 0) revert SubjectsNotMember(msg.sender);
        _requireInForce();
        if (ALLIANCE.member(home).roles & CENTRE == 0) revert SubjectsNotCentre(home);
        Subject memory entry = _known(subject);
        if (entry.home == home) revert SubjectsUnchanged(subject);
        if (!_isWellFormed(entry.controller)) revert SubjectsMalformedSigner();
        uint64 version = entry.version + 1;
        bytes32 structHash = keccak256(abi.encode(MOVE_SUBJECT_TYPEHASH, subject, version, home));
        if (!_isSigned(entry.controller, structHash, signature)) revert SubjectsWrongSignature(subject);

        _subjects[subject] = Subject({home: home, version: version, controller: entry.controller});
        emit SubjectMoved(subject, version, home);
    }

    /// @inheritdoc ISubjects
    function subjectOf(bytes32 subject)
        external
        view
        returns (bytes32 home, uint64 version, bytes memory controller)
    {
        Subject memory entry = _known(subject);
        return (entry.home, entry.version, entry.controller);
    }

    /// @inheritdoc Succession
    function _bookName() internal pure override returns (bytes32) {
        return "Subjects";
    }

    function _known(bytes32 subject) private view returns (Subject memory entry) {
        entry = _find(subject);
        if (entry.home == 0) revert SubjectsUnknown(subject);
    }

    /// @return entry as this contract has it, or as its predecessor has it; without home if nobody has
    function _find(bytes32 subject) private view returns (Subject memory entry) {
        entry = _subjects[subject];
        address before = entry.home == 0 ? _predecessor() : address(0);
        if (before == address(0)) return entry;
        try ISubjects(before).subjectOf(subject) returns (bytes32 home, uint64 version, bytes memory controller) {
            return Subject({home: home, version: version, controller: controller});
        } catch {
            return entry;
        }
    }
}
