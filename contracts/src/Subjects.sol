// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAlliance} from "./interfaces/IAlliance.sol";
import {ISubjects} from "./interfaces/ISubjects.sol";
import {MembersOnly} from "./MembersOnly.sol";
import {SignedMoves} from "./SignedMoves.sol";

/// @title Bidders as the ledger knows them
/// @dev The version in the signed hand-over makes each signature good for one change only, also when a
/// controller comes back later.
contract Subjects is ISubjects, SignedMoves {
    struct Subject {
        bytes32 home;
        uint64 version;
        bytes controller;
    }

    bytes32 private constant CHANGE_CONTROLLER_TYPEHASH =
        keccak256("ChangeController(bytes32 subject,uint64 version,bytes controller)");

    mapping(bytes32 id => Subject) private _subjects;

    /// @param alliance whose active members are homes and relays
    constructor(IAlliance alliance) MembersOnly(alliance) {}

    /// @inheritdoc ISubjects
    function create(bytes32 salt, bytes calldata controller) external returns (bytes32 subject) {
        bytes32 home = _senderMember();
        if (home == 0) revert SubjectsNotMember(msg.sender);
        if (!_isWellFormed(controller)) revert SubjectsMalformedSigner();
        subject = keccak256(abi.encode(ALLIANCE.allianceId(), home, salt));
        if (_subjects[subject].home != 0) revert SubjectsExists(subject);

        _subjects[subject] = Subject({home: home, version: 1, controller: controller});
        emit SubjectCreated(subject, home, controller);
    }

    /// @inheritdoc ISubjects
    function changeController(bytes32 subject, bytes calldata controller, bytes calldata signature) external {
        if (_senderMember() == 0) revert SubjectsNotMember(msg.sender);
        Subject storage entry = _subjects[subject];
        if (entry.home == 0) revert SubjectsUnknown(subject);

        bytes memory present = entry.controller;
        if (!_isWellFormed(present) || !_isWellFormed(controller)) revert SubjectsMalformedSigner();
        uint64 version = entry.version + 1;
        bytes32 structHash = keccak256(abi.encode(CHANGE_CONTROLLER_TYPEHASH, subject, version, keccak256(controller)));
        if (!_isSigned(present, structHash, signature)) revert SubjectsWrongSignature(subject);

        entry.version = version;
        entry.controller = controller;
        emit ControllerChanged(subject, version, controller);
    }

    /// @inheritdoc ISubjects
    function subjectOf(bytes32 subject)
        external
        view
        returns (bytes32 home, uint64 version, bytes memory controller)
    {
        Subject storage entry = _subjects[subject];
        if (entry.home == 0) revert SubjectsUnknown(subject);
        return (entry.home, entry.version, entry.controller);
    }
}
