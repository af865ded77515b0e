// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAlliance} from "./interfaces/IAlliance.sol";
import {IAnchors} from "./interfaces/IAnchors.sol";
import {ConsistencyProof} from "./libraries/ConsistencyProof.sol";
import {MembersOnly} from "./MembersOnly.sol";
import {Succession} from "./Succession.sol";

/// @title Per member, how far its log has grown
/// @dev Kept by member id, not by account: a member goes on from its own last anchor, also while it is suspended or
/// when it has left. A log that nobody anchors any more could be rewritten just when it matters.
contract Anchors is IAnchors, Succession {
    struct Anchor {
        uint64 size;
        uint64 time;
        bytes32 root;
    }

    mapping(bytes32 member => Anchor) private _latest;

    /// @param alliance whose members anchor
    constructor(IAlliance alliance) MembersOnly(alliance) {}

    /// @inheritdoc IAnchors
    function anchor(uint64 size, bytes32 root, bytes32[] calldata consistency) external {
        bytes32 member = _senderBound();
        if (member == 0) revert AnchorsNotMember(msg.sender);
        _requireInForce();
        (uint64 lastSize, bytes32 lastRoot, ) = latest(member);
        if (size <= lastSize) revert AnchorsNotGrowing(size, lastSize);
        bool consistent = lastSize == 0
            ? consistency.length == 0
            : ConsistencyProof.verify(consistency, lastSize, lastRoot, size, root);
        if (!consistent) revert AnchorsInconsistent(size, lastSize);

        Anchor storage last = _latest[member];
        last.size = size;
        last.time = uint64(block.timestamp);
        last.root = root;
        emit Anchored(member, size, root);
    }

    /// @inheritdoc IAnchors
    function latest(bytes32 member) public view returns (uint64 size, bytes32 root, uint64 time) {
        Anchor storage last = _latest[member];
        address before = last.size == 0 ? _predecessor() : address(0);
        return before == address(0) ? (last.size, last.root, last.time) : IAnchors(before).latest(member);
    }

    /// @inheritdoc Succession
    function _bookName() internal pure override returns (bytes32) {
        return "Anchors";
    }
}
