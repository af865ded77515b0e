// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Which certificate authorities the alliance recognises, and on what terms
/// @notice An entry is canonical JSON (docs/formats/trust.md). Its bytes travel in the event and in the proposal; the
/// contract keeps a hash of each, and for each version a hash of everything up to it, so that whoever has the bytes
/// from anywhere can check with one storage proof that they are the alliance's, all of them and in this order.
interface ITrustList {
    /// @param ca name of the authority, `[a-z][a-z0-9-]{0,30}`, right-padded with zeros
    /// @param version counts all changes from 1
    /// @param entry what holds for the authority from now on
    event TrustSet(bytes32 indexed ca, uint64 version, bytes entry);

    error TrustListNotAlliance(address sender);
    error TrustListMalformedEntry();
    /// @dev The entry is in force already
    error TrustListUnchanged();

    /// @return number of changes so far, the founding entries included
    function version() external view returns (uint64);

    /// @return how many of the changes came with the deployment; all later ones were voted on
    function founded() external view returns (uint64);

    /// @return keccak256 of the authority's entry in force; zero if it never had one
    function entryHash(bytes32 ca) external view returns (bytes32);

    /// @return keccak256(headAt(version - 1) ‖ ca ‖ keccak256(entry)); zero for version 0 and those yet to come
    function headAt(uint64 version_) external view returns (bytes32);

    /// @notice Reverts unless `set` would be possible now
    function check(bytes32 ca, bytes calldata entry) external view;

    /// @notice Put an entry in force; only the alliance calls it, when a vote has passed
    function set(bytes32 ca, bytes calldata entry) external;
}
