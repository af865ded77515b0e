// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAlliance} from "./interfaces/IAlliance.sol";
import {IOpenings} from "./interfaces/IOpenings.sol";
import {MembersOnly} from "./MembersOnly.sol";
import {Succession} from "./Succession.sol";

/// @title When tenders are opened
/// @dev Kept by member and id: whoever reads an id on its way cannot take it. Postponing and opening are duties towards
/// the bidders, so a centre that is suspended meanwhile can still do both. The block's time decides, which whoever makes
/// blocks can shift by seconds.
contract Openings is IOpenings, Succession {
    struct Opening {
        uint64 time;
        uint64 opened;
    }

    /// @dev Bit of `IAlliance.Member.roles`
    uint8 private constant CENTRE = 1;

    mapping(bytes32 member => mapping(bytes32 opening => Opening)) private _openings;

    /// @param alliance whose centres open tenders
    constructor(IAlliance alliance) MembersOnly(alliance) {}

    /// @inheritdoc IOpenings
    function announce(bytes32 opening, uint64 time) external {
        bytes32 member = _senderMember();
        if (member == 0) revert OpeningsNotMember(msg.sender);
        _requireInForce();
        if (ALLIANCE.member(member).roles & CENTRE == 0) revert OpeningsNotCentre(member);
        (uint64 known, ) = stateOf(member, opening);
        if (known != 0) revert OpeningsAnnounced(opening);
        if (time <= block.timestamp) revert OpeningsNotLater(time);
        _openings[member][opening].time = time;
        emit OpeningAnnounced(member, opening, time);
    }

    /// @inheritdoc IOpenings
    function postpone(bytes32 opening, uint64 time, bytes32 notice) external {
        (bytes32 member, uint64 committed) = _closed(opening);
        if (time <= committed) revert OpeningsNotLater(time);
        _openings[member][opening].time = time;
        emit OpeningPostponed(member, opening, time, notice);
    }

    /// @inheritdoc IOpenings
    function open(bytes32 opening) external {
        (bytes32 member, uint64 committed) = _closed(opening);
        if (block.timestamp < committed) revert OpeningsTooEarly(committed);
        _openings[member][opening] = Opening({time: committed, opened: uint64(block.timestamp)});
        emit Opened(member, opening, uint64(block.timestamp));
    }

    /// @inheritdoc IOpenings
    function stateOf(bytes32 member, bytes32 opening) public view returns (uint64 time, uint64 opened) {
        Opening storage entry = _openings[member][opening];
        address before = entry.time == 0 ? _predecessor() : address(0);
        return before == address(0) ? (entry.time, entry.opened) : IOpenings(before).stateOf(member, opening);
    }

    /// @inheritdoc Succession
    function _bookName() internal pure override returns (bytes32) {
        return "Openings";
    }

    /// @dev Reverts unless it is the sender's own and not open yet
    function _closed(bytes32 opening) private view returns (bytes32 member, uint64 time) {
        member = _senderBound();
        if (member == 0) revert OpeningsNotMember(msg.sender);
        _requireInForce();
        uint64 opened;
        (time, opened) = stateOf(member, opening);
        if (time == 0) revert OpeningsUnknown(opening);
        if (opened != 0) revert OpeningsOpened(opening);
    }
}
