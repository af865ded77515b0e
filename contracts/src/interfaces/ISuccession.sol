// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title What contracts do that can be replaced by vote
/// @notice Only the one that the address book names takes anything new; a predecessor keeps what it holds, stays
/// readable, and lets run on what began there. A successor asks its predecessor for what it does not hold itself.
interface ISuccession {
    /// @param name in the address book
    /// @param present the contract that the address book names
    error ContractNotInForce(bytes32 name, address present);
}
