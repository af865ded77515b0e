// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {GuaranteeTable} from "../src/libraries/GuaranteeTable.sol";
import {Guarantees} from "../src/Guarantees.sol";
import {IAlliance} from "../src/interfaces/IAlliance.sol";

/// @title Guarantees under the table and every row besides: events from 16 on spell out their own
/// @notice event = next state + 16 * (1 + mover) + 128 if only before expiry; a mover above 2 is nobody
contract FreeGuarantees is Guarantees {
    /// @param alliance as for Guarantees
    constructor(IAlliance alliance) Guarantees(alliance) {}

    /// @dev Not in the address book, and in force all the same
    function _requireInForce() internal view override {}

    function _transition(uint8 state, uint8 event_)
        internal
        pure
        override
        returns (uint8 next, uint8 mover, bool beforeExpiry)
    {
        if (event_ < 16) return GuaranteeTable.transition(state, event_);
        return (event_ & 15, ((event_ >> 4) & 7) - 1, event_ & 128 != 0);
    }
}
