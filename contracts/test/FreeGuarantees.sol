// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {GuaranteeTable} from "../src/libraries/GuaranteeTable.sol";
import {Guarantees} from "../src/Guarantees.sol";
import {IAlliance} from "../src/interfaces/IAlliance.sol";

/// @title Guarantees under the table and any row besides, which can be put into any state
contract FreeGuarantees is Guarantees {
    mapping(uint8 state => mapping(uint8 event_ => GuaranteeTable.Rule)) private _added;

    /// @param alliance as for Guarantees
    constructor(IAlliance alliance) Guarantees(alliance) {}

    /// @notice A row that the table does not have, or has otherwise
    function add(uint8 state, uint8 event_, GuaranteeTable.Rule calldata added) external {
        _added[state][event_] = added;
    }

    /// @notice Put an issued guarantee into a state
    function put(bytes32 guarantee, uint8 state, uint64 due, uint8 interrupted) external {
        Guarantee storage entry = _guarantees[guarantee];
        (entry.state, entry.due, entry.interrupted) = (state, due, interrupted);
    }

    /// @dev Not in the address book, and in force all the same
    function _requireInForce() internal view override {}

    function _rule(uint8 state, uint8 event_) internal view override returns (GuaranteeTable.Rule memory) {
        GuaranteeTable.Rule memory added = _added[state][event_];
        return added.next == GuaranteeTable.STATE_NONE ? GuaranteeTable.rule(state, event_) : added;
    }
}
