// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ConsistencyProof} from "../src/libraries/ConsistencyProof.sol";

/// @title Shows the library to the tests
contract ConsistencyChecker {
    /// @notice See `ConsistencyProof.verify`
    function verify(bytes32[] calldata proof, uint64 oldSize, bytes32 oldRoot, uint64 newSize, bytes32 newRoot)
        external
        pure
        returns (bool)
    {
        return ConsistencyProof.verify(proof, oldSize, oldRoot, newSize, newRoot);
    }
}
