// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAlliance} from "./interfaces/IAlliance.sol";
import {IAnchors} from "./interfaces/IAnchors.sol";
import {ConsistencyProof} from "./libraries/ConsistencyProof.sol";
import {MembersOnly} from "./MembersOnly.sol";

/// @title Per member, how far its log has grown
/// @dev Kept by member id, not by account: a member that was suspended goes on from its own last anchor.
contract Anchors is IAnchors, MembersOnly {
    struct Anchor {
        uint64 size;
        uint64 time;
        bytes32 root;
    }

    mapping(bytes32 member => Anchor) private _latest;

    /// @param alliance whose active members anchor
    constructor(IAlliance alliance) MembersOnly(alliance) {}

    /// @inheritdoc IAnchors
    function anchor(uint64 size, bytes32 root, bytes32[] calldata consistency) external {
        bytes32 member = _senderMember();
        if (member == 0) revert AnchorsNotMember(msg.sender);
        Anchor storage last = _latest[member];
        uint64 lastSize = last.size;
        if (size <= lastSize) revert AnchorsNotGrowing(size, lastSize);
        bool consistent = lastSize == 0
            ? consistency.length == 0
            : ConsistencyProof.verify(consistency, lastSize, last.root, size, root);
        if (!consistent) revert AnchorsInconsistent(size, lastSize);

        last.size = size;
        last.time = uint64(block.timestamp);
        last.root = root;
        emit Anchored(member, size, root);
    }

    /// @inheritdoc IAnchors
    function latest(bytes32 member) external view returns (uint64 size, bytes32 root, uint64 time) {
        Anchor storage last = _latest[member];
        return (last.size, last.root, last.time);
    }
}
