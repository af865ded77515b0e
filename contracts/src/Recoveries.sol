// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ISubjects} from "./interfaces/ISubjects.sol";
import {SignedMoves} from "./SignedMoves.sol";

/// @title How a subject whose keys are lost gets a new one
/// @notice The contract cannot check a certificate. Three members are drawn that can, and two of them must say that
/// they did; then any key of the subject has a week to object.
/// @dev Who is drawn follows from the controllers themselves: keys that the owner's wallet made, so neither a home nor
/// whoever makes blocks can try until it likes the result, and proposing again draws the same members.
abstract contract Recoveries is ISubjects, SignedMoves {
    struct Recovery {
        bool proposed;
        uint64 until;
        bytes32[] confirmers;
    }

    uint64 private constant WAITING_TIME = 7 days;
    uint256 private constant DRAWN = 3;
    uint256 private constant NEEDED = 2;

    mapping(bytes32 id => Recovery) private _recoveries;

    /// @return home zero if there is no such subject
    /// @return version the present one
    /// @return digest of the controllers
    function _standOf(bytes32 subject) internal view virtual returns (bytes32 home, uint64 version, bytes32 digest);

    function _isController(bytes32 subject, bytes memory signer) internal view virtual returns (bool);

    /// @dev Makes `controller` the only one, under the next version
    function _recover(bytes32 subject, bytes memory controller) internal virtual;

    function _propose(bytes32 subject, bytes calldata controller, bytes32 by) internal {
        (, uint64 version, ) = _standOf(subject);
        if (!_isWellFormed(controller)) revert SubjectsMalformedSigner();
        if (_isController(subject, controller)) revert SubjectsUnchanged(subject);
        Recovery storage recovery = _recovery(subject, version + 1, controller);
        if (recovery.proposed) revert SubjectsAlreadyProposed(subject, version + 1);
        recovery.proposed = true;
        emit RecoveryProposed(subject, version + 1, controller, by);
    }

    function _confirm(bytes32 subject, uint64 version, bytes calldata controller, bytes32 by) internal {
        Recovery storage recovery = _running(subject, version, controller);
        if (!_isDrawn(subject, by)) revert SubjectsNotDrawn(by);
        for (uint256 i = 0; i < recovery.confirmers.length; ++i) {
            if (recovery.confirmers[i] == by) revert SubjectsAlreadyConfirmed(by);
        }
        recovery.confirmers.push(by);
        if (recovery.until == 0 && recovery.confirmers.length >= NEEDED) {
            recovery.until = uint64(block.timestamp) + WAITING_TIME;
        }
        emit RecoveryConfirmed(subject, version, controller, by, recovery.until);
    }

    function _finish(bytes32 subject, uint64 version, bytes calldata controller) internal {
        Recovery storage recovery = _running(subject, version, controller);
        // who was suspended meanwhile is not believed any longer
        uint256 confirmations = 0;
        for (uint256 i = 0; i < recovery.confirmers.length; ++i) {
            if (ALLIANCE.isActive(recovery.confirmers[i])) ++confirmations;
        }
        if (confirmations < NEEDED) revert SubjectsNotConfirmed(confirmations);
        if (block.timestamp < recovery.until) revert SubjectsTooEarly(recovery.until);
        if (!_isWellFormed(controller)) revert SubjectsMalformedSigner();
        _recover(subject, controller);
        emit SubjectRecovered(subject, version, controller);
    }

    function _isDrawn(bytes32 subject, bytes32 member) internal view returns (bool) {
        (bytes32 home, , bytes32 digest) = _standOf(subject);
        if (member == home || !ALLIANCE.isActive(member)) return false;
        bytes32 lot = keccak256(abi.encode(digest, member));
        bytes32[] memory ids = ALLIANCE.memberIds();
        uint256 before = 0;
        for (uint256 i = 0; i < ids.length; ++i) {
            bool isEligible = ids[i] != home && ALLIANCE.isActive(ids[i]);
            if (isEligible && keccak256(abi.encode(digest, ids[i])) < lot) ++before;
        }
        return before < DRAWN;
    }

    /// @dev Only for the present version: what was proposed before another change is over
    function _running(
        bytes32 subject,
        uint64 version,
        bytes calldata controller
    ) private view returns (Recovery storage recovery) {
        (, uint64 present, ) = _standOf(subject);
        recovery = _recovery(subject, version, controller);
        if (version != present + 1 || !recovery.proposed) revert SubjectsNotProposed(subject, version);
    }

    function _recovery(
        bytes32 subject,
        uint64 version,
        bytes calldata controller
    ) private view returns (Recovery storage) {
        return _recoveries[keccak256(abi.encode(subject, version, keccak256(controller)))];
    }
}
