// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IStanding} from "./interfaces/IStanding.sol";
import {Membership} from "./Membership.sol";

/// @title Where each member stands, and the steps that lead from one standing to another
/// @notice The waiting time is long, answering costs one call, any other member can object, and who comes back is
/// back: so silence can settle a deadlock, but not be used to shut out a member that is there.
abstract contract Standings is Membership {
    uint64 private constant WAITING_TIME = 30 days;
    uint64 private constant NOTICE = 30 days;

    /// @dev Why a member is not active; without meaning while it is
    mapping(bytes32 id => Standing) private _rest;
    mapping(bytes32 id => uint64) private _seen;
    mapping(bytes32 id => uint64) private _until;
    mapping(bytes32 id => uint64) private _leaves;

    /// @inheritdoc IStanding
    function standingOf(bytes32 id) public view returns (Standing) {
        return isActive(id) ? Standing.ACTIVE : _rest[id];
    }

    /// @inheritdoc IStanding
    function timesOf(bytes32 id) external view returns (uint64 seen, uint64 until, uint64 leaves) {
        return (_seen[id], _until[id], _leaves[id]);
    }

    /// @inheritdoc IStanding
    function boundMember(address account) public view returns (bytes32 id) {
        return _speakerFor(account);
    }

    /// @inheritdoc IStanding
    function summon(bytes32 id) external {
        bytes32 by = _sender();
        if (id == by) revert AllianceNotEligible(by);
        _requireStanding(id, Standing.ACTIVE);
        if (_until[id] != 0) revert AllianceUnchanged();
        uint64 seen = _seen[id];
        if (block.timestamp < seen + WAITING_TIME) revert AllianceSeenLately(id, seen);
        uint64 until = uint64(block.timestamp) + WAITING_TIME;
        _until[id] = until;
        emit MemberSummoned(id, by, until);
    }

    /// @inheritdoc IStanding
    function answer() external {
        _sender();
    }

    /// @inheritdoc IStanding
    function vouch(bytes32 id) external {
        bytes32 by = _sender();
        if (_until[id] == 0) revert AllianceNotSummoned(id);
        _note(id, by);
    }

    /// @inheritdoc IStanding
    function setAside(bytes32 id) external {
        _sender();
        uint64 until = _until[id];
        if (until == 0) revert AllianceNotSummoned(id);
        if (block.timestamp < until) revert AllianceTooEarly(until);
        _toRest(id, Standing.ABSENT);
        emit MemberAbsent(id);
    }

    /// @inheritdoc IStanding
    function comeBack() external {
        bytes32 id = boundMember(msg.sender);
        _requireStanding(id, Standing.ABSENT);
        _activate(id);
        emit MemberReturned(id);
    }

    /// @inheritdoc IStanding
    function announceLeave() external {
        bytes32 id = _sender();
        if (_leaves[id] != 0) revert AllianceUnchanged();
        uint64 from = uint64(block.timestamp) + NOTICE;
        _leaves[id] = from;
        emit LeaveAnnounced(id, from);
    }

    /// @inheritdoc IStanding
    function withdrawLeave() external {
        bytes32 id = _sender();
        if (_leaves[id] == 0) revert AllianceUnchanged();
        _leaves[id] = 0;
        emit LeaveAnnounced(id, 0);
    }

    /// @inheritdoc IStanding
    function depart() external {
        bytes32 id = _sender();
        uint64 from = _leaves[id];
        if (from == 0) revert AllianceUnchanged();
        if (block.timestamp < from) revert AllianceTooEarly(from);
        if (_countActive() == 1) revert AllianceLastMember(id);
        _toRest(id, Standing.LEFT);
        emit MemberLeft(id);
    }

    /// @dev An absent member is suspended too: then it no longer comes back by itself
    function _suspend(bytes32 id) internal {
        _toRest(id, Standing.SUSPENDED);
        emit MemberSuspended(id);
    }

    function _reinstate(bytes32 id) internal {
        _activate(id);
        emit MemberReinstated(id);
    }

    function _setRoles(bytes32 id, uint8 roles) internal {
        _changeRoles(id, roles);
        emit RolesChanged(id, roles);
    }

    /// @dev Reverts unless the member exists and a vote could suspend (or reinstate) it
    function _checkStanding(bytes32 id, bool active) internal view {
        _requireKnown(id);
        Standing standing = standingOf(id);
        if (active ? standing == Standing.ACTIVE : standing == Standing.SUSPENDED) revert AllianceUnchanged();
        if (!active && standing == Standing.LEFT) revert AllianceWrongStanding(id, standing);
    }

    /// @inheritdoc Membership
    function _noteLife(bytes32 id) internal override {
        _note(id, id);
    }

    function _note(bytes32 id, bytes32 by) private {
        _seen[id] = uint64(block.timestamp);
        if (_until[id] == 0) return;
        _until[id] = 0;
        emit SummonsEnded(id, by);
    }

    function _toRest(bytes32 id, Standing standing) private {
        if (isActive(id)) _deactivate(id);
        _rest[id] = standing;
        _until[id] = 0;
        _leaves[id] = 0;
    }

    function _requireStanding(bytes32 id, Standing wanted) private view {
        Standing standing = standingOf(id);
        if (standing != wanted) revert AllianceWrongStanding(id, standing);
    }
}
