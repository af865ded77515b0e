// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {GuaranteeTable} from "../src/libraries/GuaranteeTable.sol";

/// @title Shows the library to the tests
contract TableReader {
    /// @notice See `GuaranteeTable.transition`
    function transition(uint8 state, uint8 event_)
        external
        pure
        returns (uint8 next, uint8 mover, bool beforeExpiry)
    {
        return GuaranteeTable.transition(state, event_);
    }
}
