// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Per member, how far its log has grown
/// @notice The first anchor is free; each later one needs an RFC 9162 2.1.4 consistency proof from the last,
/// so that no member can rewrite what it anchored.
interface IAnchors {
    event Anchored(bytes32 indexed member, uint64 size, bytes32 root);

    error AnchorsNotMember(address account);
    error AnchorsNotGrowing(uint64 size, uint64 last);
    error AnchorsInconsistent(uint64 size, uint64 last);

    /// @param size number of leaves, greater than the last one
    /// @param root RFC 6962 tree head at `size`, SHA-256
    /// @param consistency nodes of the consistency proof from the last size; empty for the first anchor
    function anchor(uint64 size, bytes32 root, bytes32[] calldata consistency) external;

    /// @return size of the last anchor, zero if there is none
    /// @return root tree head at that size
    /// @return time of the block that took it
    function latest(bytes32 member) external view returns (uint64 size, bytes32 root, uint64 time);
}
