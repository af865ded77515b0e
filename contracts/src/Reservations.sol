// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAlliance} from "./interfaces/IAlliance.sol";
import {IReservations} from "./interfaces/IReservations.sol";
import {MembersOnly} from "./MembersOnly.sol";
import {Succession} from "./Succession.sol";

/// @title Which guarantee applications are reserved
/// @dev The first reservation of a nullifier stands. A later one is passed over and does not fail the batch: it would
/// take others' reservations with it, and show which batch held no cover.
contract Reservations is IReservations, Succession {
    /// @inheritdoc IReservations
    uint256 public constant BATCH = 8;

    mapping(bytes32 nullifier => bytes32) private _bindings;

    /// @param alliance whose members reserve
    constructor(IAlliance alliance) MembersOnly(alliance) {}

    /// @inheritdoc IReservations
    function reserve(bytes32[] calldata nullifiers, bytes32[] calldata bindings) external {
        bytes32 member = _senderMember();
        if (member == 0) revert ReservationsNotMember(msg.sender);
        _requireInForce();
        if (nullifiers.length != BATCH) revert ReservationsWrongSize(nullifiers.length);
        if (bindings.length != BATCH) revert ReservationsWrongSize(bindings.length);
        for (uint256 i = 0; i < BATCH; ++i) {
            if (bindingOf(nullifiers[i]) == 0) _bindings[nullifiers[i]] = bindings[i];
        }
        emit Reserved(member, nullifiers, bindings, uint64(block.timestamp));
    }

    /// @inheritdoc IReservations
    function bindingOf(bytes32 nullifier) public view returns (bytes32 binding) {
        binding = _bindings[nullifier];
        address before = binding == 0 ? _predecessor() : address(0);
        if (before != address(0)) binding = IReservations(before).bindingOf(nullifier);
    }

    /// @inheritdoc Succession
    function _bookName() internal pure override returns (bytes32) {
        return "Reservations";
    }
}
