// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAlliance} from "./interfaces/IAlliance.sol";
import {ITrustList} from "./interfaces/ITrustList.sol";
import {Names} from "./libraries/Names.sol";

/// @title The recognised certificate authorities
/// @dev Entries are opaque here: every node reads them, and one that it cannot read recognises nobody.
contract TrustList is ITrustList {
    /// @notice The alliance whose votes change the list
    /// @dev The one immutable, as in `MembersOnly`
    IAlliance public immutable ALLIANCE;

    uint256 private constant MAX_ENTRY_BYTES = 8192;

    uint64 private _version;
    uint64 private _founded;
    mapping(bytes32 ca => bytes32) private _entryHash;
    mapping(uint64 version => bytes32) private _headAt;

    /// @param alliance whose votes change the list
    /// @param names of the authorities that the founders recognise, each once
    /// @param entries one for each name
    constructor(IAlliance alliance, bytes32[] memory names, bytes[] memory entries) {
        ALLIANCE = alliance;
        if (names.length != entries.length) revert TrustListMalformedEntry();
        for (uint256 i = 0; i < names.length; ++i) {
            if (_entryHash[names[i]] != 0) revert TrustListMalformedEntry();
            _check(names[i], entries[i]);
            _set(names[i], entries[i]);
        }
        _founded = _version;
    }

    /// @inheritdoc ITrustList
    function version() external view returns (uint64) {
        return _version;
    }

    /// @inheritdoc ITrustList
    function founded() external view returns (uint64) {
        return _founded;
    }

    /// @inheritdoc ITrustList
    function entryHash(bytes32 ca) external view returns (bytes32) {
        return _entryHash[ca];
    }

    /// @inheritdoc ITrustList
    function headAt(uint64 version_) external view returns (bytes32) {
        return _headAt[version_];
    }

    /// @inheritdoc ITrustList
    function check(bytes32 ca, bytes calldata entry) external view {
        _check(ca, entry);
    }

    /// @inheritdoc ITrustList
    function set(bytes32 ca, bytes calldata entry) external {
        if (msg.sender != address(ALLIANCE)) revert TrustListNotAlliance(msg.sender);
        _check(ca, entry);
        _set(ca, entry);
    }

    function _check(bytes32 ca, bytes memory entry) private view {
        if (!Names.isMemberName(ca) || entry.length == 0 || entry.length > MAX_ENTRY_BYTES) {
            revert TrustListMalformedEntry();
        }
        if (_entryHash[ca] == keccak256(entry)) revert TrustListUnchanged();
    }

    function _set(bytes32 ca, bytes memory entry) private {
        bytes32 hash = keccak256(entry);
        bytes32 head = keccak256(abi.encode(_headAt[_version], ca, hash));
        _entryHash[ca] = hash;
        _headAt[++_version] = head;
        emit TrustSet(ca, _version, entry);
    }
}
