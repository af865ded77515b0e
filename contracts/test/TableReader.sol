// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {GuaranteeTable} from "../src/libraries/GuaranteeTable.sol";

/// @title Shows the library to the tests
contract TableReader {
    /// @notice See `GuaranteeTable.rule`
    function rule(uint8 state, uint8 event_) external pure returns (GuaranteeTable.Rule memory) {
        return GuaranteeTable.rule(state, event_);
    }
}
