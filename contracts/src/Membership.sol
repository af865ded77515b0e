// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAlliance} from "./interfaces/IAlliance.sol";
import {Names} from "./libraries/Names.sol";

/// @title The members' part of the alliance: who is in, and since when without a break
/// @notice Every change of membership opens a new epoch. A proposal remembers the epoch it was made in, so whoever
/// came in (or came back) later has no vote on it, without a list of voters per proposal.
/// Members are never deleted: an id or an account, once used, belongs to that member for good.
abstract contract Membership is IAlliance {
    uint8 private constant ALL_ROLES = 7;

    mapping(bytes32 id => Member) private _members;
    mapping(address account => bytes32 id) private _idOf;
    /// @dev Epoch of admission or last reinstatement; zero while not active, and for those who never were members
    mapping(bytes32 id => uint64 epoch) private _activeSince;
    bytes32[] private _ids;
    uint64 private _epoch;
    uint32 private _activeCount;

    /// @inheritdoc IAlliance
    function memberOf(address account) public view returns (bytes32 id) {
        id = _speakerFor(account);
        return isActive(id) ? id : bytes32(0);
    }

    /// @inheritdoc IAlliance
    function member(bytes32 id) external view returns (Member memory) {
        _requireKnown(id);
        return _members[id];
    }

    /// @inheritdoc IAlliance
    function isActive(bytes32 id) public view returns (bool) {
        return _activeSince[id] != 0;
    }

    /// @inheritdoc IAlliance
    function memberIds() external view returns (bytes32[] memory) {
        return _ids;
    }

    /// @inheritdoc IAlliance
    function updateEndpoints(string calldata endpoint, string calldata walletEndpoint) external {
        bytes32 id = _sender();
        if (!Names.isEndpoint(endpoint) || !Names.isEndpoint(walletEndpoint)) revert AllianceMalformedMember();
        _members[id].endpoint = endpoint;
        _members[id].walletEndpoint = walletEndpoint;
        emit EndpointsUpdated(id, endpoint, walletEndpoint);
    }

    function _admit(Member memory newcomer) internal {
        bytes32 id = newcomer.id;
        _members[id] = newcomer;
        _idOf[newcomer.account] = id;
        _ids.push(id);
        _activate(id);
        emit MemberAdmitted(id, newcomer);
    }

    /// @dev The accounts before stay the member's: nobody else can ever have them
    function _replaceKeys(bytes32 id, Keys memory keys) internal {
        Member storage entry = _members[id];
        if (keys.account != entry.account) {
            if (_idOf[keys.account] != 0) revert AllianceAccountTaken(keys.account);
            _idOf[keys.account] = id;
        }
        entry.account = keys.account;
        entry.identityX = keys.identityX;
        entry.identityY = keys.identityY;
        entry.logKey = keys.logKey;
        entry.sealingKey = keys.sealingKey;
    }

    function _changeRoles(bytes32 id, uint8 roles) internal {
        _members[id].roles = roles;
    }

    function _rolesOf(bytes32 id) internal view returns (uint8) {
        return _members[id].roles;
    }

    /// @dev Reverts unless `newcomer` is well formed and nobody has its id or account, suspended members included
    function _checkAdmission(Member memory newcomer) internal view {
        if (
            !Names.isMemberName(newcomer.id) ||
            !_areRoles(newcomer.roles) ||
            newcomer.account == address(0) ||
            newcomer.identityX == 0 ||
            newcomer.identityY == 0 ||
            newcomer.logKey == 0 ||
            newcomer.sealingKey == 0 ||
            !Names.isEndpoint(newcomer.endpoint) ||
            !Names.isEndpoint(newcomer.walletEndpoint)
        ) revert AllianceMalformedMember();
        if (_members[newcomer.id].account != address(0)) revert AllianceMemberExists(newcomer.id);
        if (_idOf[newcomer.account] != 0) revert AllianceAccountTaken(newcomer.account);
    }

    /// @dev Reverts unless the member exists and its roles would change to possible ones
    function _checkRoles(bytes32 id, uint8 roles) internal view {
        _requireKnown(id);
        if (!_areRoles(roles)) revert AllianceMalformedMember();
        if (_members[id].roles == roles) revert AllianceUnchanged();
    }

    /// @return whether an account that is or was the member's may still act for it
    function _speaksFor(bytes32 id, address account) internal view virtual returns (bool);

    /// @return id of the member whose present account this is, in whatever standing; zero if there is none
    function _ownerOf(address account) internal view returns (bytes32 id) {
        id = _idOf[account];
        return _members[id].account == account ? id : bytes32(0);
    }

    function _keysOf(bytes32 id) internal view returns (Keys memory) {
        Member storage entry = _members[id];
        return Keys(entry.account, entry.identityX, entry.identityY, entry.logKey, entry.sealingKey);
    }

    /// @dev Also the sign of life that ends a summons
    /// @return id of the active member that sends this call
    function _sender() internal returns (bytes32 id) {
        id = memberOf(msg.sender);
        if (id == 0) revert AllianceNotMember(msg.sender);
        _noteLife(id);
    }

    /// @dev Told of every call that an active member makes to the alliance, and when one becomes active
    function _noteLife(bytes32 id) internal virtual;

    /// @return id of the member that this account acts for, in whatever standing; zero if there is none, and for an
    /// account that the member has given up
    function _speakerFor(address account) internal view returns (bytes32 id) {
        id = _idOf[account];
        return _speaksFor(id, account) ? id : bytes32(0);
    }

    /// @return whether the member is active now and has been without a break since `epoch`
    function _isActiveSince(bytes32 id, uint64 epoch) internal view returns (bool) {
        uint64 since = _activeSince[id];
        return since != 0 && since <= epoch;
    }

    function _currentEpoch() internal view returns (uint64) {
        return _epoch;
    }

    function _countActive() internal view returns (uint32) {
        return _activeCount;
    }

    function _activate(bytes32 id) internal {
        _activeSince[id] = ++_epoch;
        ++_activeCount;
        _noteLife(id);
    }

    function _deactivate(bytes32 id) internal {
        ++_epoch;
        _activeSince[id] = 0;
        --_activeCount;
    }

    function _requireKnown(bytes32 id) internal view {
        if (_members[id].account == address(0)) revert AllianceUnknownMember(id);
    }

    function _areRoles(uint8 roles) private pure returns (bool) {
        return roles != 0 && roles <= ALL_ROLES;
    }
}
