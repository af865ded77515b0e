// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ISuccession} from "./interfaces/ISuccession.sol";
import {MembersOnly} from "./MembersOnly.sol";

/// @title Base of the contracts that the members can replace
/// @dev Which contract came before which is the address book's business, not the deployer's: there is no constructor
/// argument that could name a false predecessor, and the same code serves as first and as later version.
abstract contract Succession is MembersOnly, ISuccession {
    /// @return the contract's name in the address book
    function _bookName() internal pure virtual returns (bytes32);

    /// @dev Reverts unless the address book names this contract
    function _requireInForce() internal view virtual {
        address present = ALLIANCE.contractOf(_bookName());
        if (present != address(this)) revert ContractNotInForce(_bookName(), present);
    }

    /// @return the contract that had the name before this one; zero if there is none
    function _predecessor() internal view returns (address) {
        return ALLIANCE.predecessorOf(_bookName(), address(this));
    }
}
