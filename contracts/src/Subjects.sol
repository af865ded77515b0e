// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAlliance} from "./interfaces/IAlliance.sol";
import {ISubjects} from "./interfaces/ISubjects.sol";
import {MembersOnly} from "./MembersOnly.sol";
import {Recoveries} from "./Recoveries.sol";
import {Succession} from "./Succession.sol";

/// @title Bidders as the ledger knows them
/// @dev The version in what is signed makes each signature good for one change only, also when a controller or a
/// home comes back later: changes of controllers, moves, vetoes and recoveries count in one sequence.
contract Subjects is Recoveries, Succession {
    /// @param digest keccak256 of the keccak256 of every controller, in order: one word that a storage proof shows
    struct Subject {
        bytes32 home;
        uint64 version;
        bytes32 digest;
        bytes[] controllers;
    }

    bytes32 private constant CHANGE_CONTROLLER_TYPEHASH =
        keccak256("ChangeController(bytes32 subject,uint64 version,bytes removed,bytes added)");
    bytes32 private constant MOVE_SUBJECT_TYPEHASH =
        keccak256("MoveSubject(bytes32 subject,uint64 version,bytes32 home)");
    bytes32 private constant VETO_RECOVERY_TYPEHASH = keccak256("VetoRecovery(bytes32 subject,uint64 version)");
    /// @dev Bit of `IAlliance.Member.roles`
    uint8 private constant CENTRE = 1;
    uint256 private constant MAX_CONTROLLERS = 5;

    mapping(bytes32 id => Subject) private _subjects;

    /// @param alliance whose active members are homes and relays
    constructor(IAlliance alliance) MembersOnly(alliance) {}

    /// @inheritdoc ISubjects
    function create(bytes32 salt, bytes calldata controller) external returns (bytes32 subject) {
        bytes32 home = _active();
        if (!_isWellFormed(controller)) revert SubjectsMalformedSigner();
        subject = keccak256(abi.encode(ALLIANCE.allianceId(), home, salt));
        if (_find(subject).home != 0) revert SubjectsExists(subject);

        _put(subject, home, 1, _only(controller));
        emit SubjectCreated(subject, home, controller);
    }

    /// @inheritdoc ISubjects
    function changeController(
        bytes32 subject,
        bytes calldata removed,
        bytes calldata added,
        bytes calldata signer,
        bytes calldata signature
    ) external {
        _bound();
        if (added.length != 0 && !_isWellFormed(added)) revert SubjectsMalformedSigner();
        _requireSigned(subject, _changeHash(subject, removed, added), signer, signature);
        Subject memory entry = _known(subject);
        _put(subject, entry.home, entry.version + 1, _exchange(subject, entry.controllers, removed, added));
        emit ControllerChanged(subject, entry.version + 1, removed, added);
    }

    /// @inheritdoc ISubjects
    function move(bytes32 subject, bytes calldata signer, bytes calldata signature) external {
        bytes32 home = _active();
        if (ALLIANCE.member(home).roles & CENTRE == 0) revert SubjectsNotCentre(home);
        Subject memory entry = _known(subject);
        if (entry.home == home) revert SubjectsUnchanged(subject);
        uint64 version = entry.version + 1;
        bytes32 structHash = keccak256(abi.encode(MOVE_SUBJECT_TYPEHASH, subject, version, home));
        _requireSigned(subject, structHash, signer, signature);

        _put(subject, home, version, entry.controllers);
        emit SubjectMoved(subject, version, home);
    }

    /// @inheritdoc ISubjects
    function proposeRecovery(bytes32 subject, bytes calldata controller) external {
        _propose(subject, controller, _active());
    }

    /// @inheritdoc ISubjects
    function confirmRecovery(bytes32 subject, uint64 version, bytes calldata controller) external {
        _confirm(subject, version, controller, _active());
    }

    /// @inheritdoc ISubjects
    function vetoRecovery(bytes32 subject, bytes calldata signer, bytes calldata signature) external {
        _bound();
        Subject memory entry = _known(subject);
        uint64 version = entry.version + 1;
        bytes32 structHash = keccak256(abi.encode(VETO_RECOVERY_TYPEHASH, subject, version));
        _requireSigned(subject, structHash, signer, signature);

        _put(subject, entry.home, version, entry.controllers);
        emit RecoveryVetoed(subject, version);
    }

    /// @inheritdoc ISubjects
    function finishRecovery(bytes32 subject, uint64 version, bytes calldata controller) external {
        _bound();
        _finish(subject, version, controller);
    }

    /// @inheritdoc ISubjects
    function subjectOf(
        bytes32 subject
    ) external view returns (bytes32 home, uint64 version, bytes[] memory controllers) {
        Subject memory entry = _known(subject);
        return (entry.home, entry.version, entry.controllers);
    }

    /// @inheritdoc ISubjects
    function isDrawn(bytes32 subject, bytes32 member) external view returns (bool) {
        return _isDrawn(subject, member);
    }

    /// @inheritdoc Succession
    function _bookName() internal pure override returns (bytes32) {
        return "Subjects";
    }

    /// @inheritdoc Recoveries
    function _standOf(bytes32 subject) internal view override returns (bytes32, uint64, bytes32) {
        Subject memory entry = _known(subject);
        return (entry.home, entry.version, entry.digest);
    }

    /// @inheritdoc Recoveries
    function _isController(bytes32 subject, bytes memory signer) internal view override returns (bool) {
        Subject memory entry = _known(subject);
        return _indexOf(entry.controllers, signer) < entry.controllers.length;
    }

    /// @inheritdoc Recoveries
    function _recover(bytes32 subject, bytes memory controller) internal override {
        Subject memory entry = _known(subject);
        _put(subject, entry.home, entry.version + 1, _only(controller));
    }

    /// @return id of the active member that sends this call to the contract in force
    function _active() private view returns (bytes32 id) {
        id = _senderMember();
        if (id == 0) revert SubjectsNotMember(msg.sender);
        _requireInForce();
    }

    /// @dev Reverts unless a member in whatever standing sends this call to the contract in force
    function _bound() private view {
        if (_senderBound() == 0) revert SubjectsNotMember(msg.sender);
        _requireInForce();
    }

    function _requireSigned(
        bytes32 subject,
        bytes32 structHash,
        bytes calldata signer,
        bytes calldata signature
    ) private view {
        if (!_isController(subject, signer)) revert SubjectsNotController(subject);
        if (!_isWellFormed(signer)) revert SubjectsMalformedSigner();
        if (!_isSigned(signer, structHash, signature)) revert SubjectsWrongSignature(subject);
    }

    function _changeHash(
        bytes32 subject,
        bytes calldata removed,
        bytes calldata added
    ) private view returns (bytes32) {
        uint64 version = _known(subject).version + 1;
        bytes32 typehash = CHANGE_CONTROLLER_TYPEHASH;
        return keccak256(abi.encode(typehash, subject, version, keccak256(removed), keccak256(added)));
    }

    function _exchange(
        bytes32 subject,
        bytes[] memory present,
        bytes memory removed,
        bytes memory added
    ) private pure returns (bytes[] memory changed) {
        uint256 place = present.length;
        if (removed.length != 0) {
            place = _indexOf(present, removed);
            if (place == present.length) revert SubjectsNotController(subject);
        }
        bool isNothing = removed.length == 0 && added.length == 0;
        if (isNothing || _indexOf(present, added) < present.length) revert SubjectsUnchanged(subject);
        uint256 count = present.length;
        if (removed.length != 0) --count;
        if (added.length != 0) ++count;
        if (count == 0 || count > MAX_CONTROLLERS) revert SubjectsControllerCount(count);
        changed = new bytes[](count);
        for (uint256 i = 0; i < count; ++i) {
            if (added.length != 0) changed[i] = i == place ? added : present[i];
            else changed[i] = present[i < place ? i : i + 1];
        }
    }

    /// @return the place of the signer; the number of controllers if it is none of them
    function _indexOf(bytes[] memory controllers, bytes memory signer) private pure returns (uint256) {
        bytes32 wanted = keccak256(signer);
        for (uint256 i = 0; i < controllers.length; ++i) {
            if (keccak256(controllers[i]) == wanted) return i;
        }
        return controllers.length;
    }

    function _only(bytes memory controller) private pure returns (bytes[] memory controllers) {
        controllers = new bytes[](1);
        controllers[0] = controller;
    }

    function _digestOf(bytes[] memory controllers) private pure returns (bytes32) {
        bytes32[] memory hashes = new bytes32[](controllers.length);
        for (uint256 i = 0; i < hashes.length; ++i) hashes[i] = keccak256(controllers[i]);
        return keccak256(abi.encodePacked(hashes));
    }

    function _put(bytes32 subject, bytes32 home, uint64 version, bytes[] memory controllers) private {
        Subject storage entry = _subjects[subject];
        entry.home = home;
        entry.version = version;
        entry.digest = _digestOf(controllers);
        entry.controllers = controllers;
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
        try ISubjects(before).subjectOf(subject) returns (bytes32 home, uint64 version, bytes[] memory controllers) {
            return Subject(home, version, _digestOf(controllers), controllers);
        } catch {
            return entry;
        }
    }
}
