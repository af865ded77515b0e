// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Whether a Merkle tree has only grown
/// @dev RFC 9162 2.1.4.2, with the node hash of RFC 6962: SHA-256(0x01 ‖ left ‖ right). The step numbers in the
/// code are those of the RFC.
library ConsistencyProof {
    /// @param proof sibling hashes as RFC 9162 2.1.4.1 gives them, 1 to 65
    /// @param oldSize number of leaves before, at least 1
    /// @param newSize number of leaves now, greater than `oldSize`
    /// @return whether the tree `newRoot` begins with all the leaves of the tree `oldRoot`, in order
    function verify(
        bytes32[] calldata proof,
        uint64 oldSize,
        bytes32 oldRoot,
        uint64 newSize,
        bytes32 newRoot
    ) internal pure returns (bool) {
        if (proof.length == 0) return false; // 1
        bool whole = oldSize & (oldSize - 1) == 0;
        uint256 next = whole ? 0 : 1;
        bytes32 oldHash = whole ? oldRoot : proof[0]; // 2, 5
        bytes32 newHash = oldHash;

        uint64 oldNode = oldSize - 1; // 3
        uint64 newNode = newSize - 1;
        while (oldNode & 1 == 1) (oldNode, newNode) = (oldNode >> 1, newNode >> 1); // 4

        // Each round halves `newNode`, so an over-long proof fails after at most 64 of them.
        for (; next < proof.length; ++next) {
            bytes32 sibling = proof[next];
            if (newNode == 0) return false; // 6.1
            if (oldNode & 1 == 1 || oldNode == newNode) {
                oldHash = _hashNode(sibling, oldHash); // 6.2.1
                newHash = _hashNode(sibling, newHash);
                while (oldNode & 1 == 0 && oldNode != 0) (oldNode, newNode) = (oldNode >> 1, newNode >> 1); // 6.2.2
            } else {
                newHash = _hashNode(newHash, sibling); // 6.3
            }
            (oldNode, newNode) = (oldNode >> 1, newNode >> 1); // 6.4
        }
        return oldHash == oldRoot && newHash == newRoot && newNode == 0; // 7
    }

    function _hashNode(bytes32 left, bytes32 right) private pure returns (bytes32) {
        return sha256(abi.encodePacked(bytes1(0x01), left, right));
    }
}
