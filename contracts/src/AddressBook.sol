// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAlliance} from "./interfaces/IAlliance.sol";
import {Names} from "./libraries/Names.sol";

/// @title The alliance's address book: where its contracts are, and whose word on a signature counts
/// @notice A contract that is replaced stays where it was and stays readable; only the name moves on.
abstract contract AddressBook is IAlliance {
    mapping(bytes32 name => address) private _contracts;
    mapping(address verifier => bool) private _verifiers;

    /// @inheritdoc IAlliance
    function contractOf(bytes32 name) public view returns (address) {
        return _contracts[name];
    }

    /// @inheritdoc IAlliance
    function isVerifier(address verifier) public view virtual returns (bool) {
        return _verifiers[verifier];
    }

    function _setContract(bytes32 name, address location) internal {
        _contracts[name] = location;
        emit ContractSet(name, location);
    }

    function _setVerifier(address verifier, bool accepted) internal {
        _verifiers[verifier] = accepted;
        emit VerifierSet(verifier, accepted);
    }

    /// @dev What founders bring with them: nothing is deployed yet, but every entry is there once
    function _checkFoundingContract(bytes32 name, address location) internal view {
        if (!Names.isContractName(name) || location == address(0) || _contracts[name] != address(0)) {
            revert AllianceMalformedProposal();
        }
    }

    /// @dev As for contracts
    function _checkFoundingVerifier(address verifier) internal view {
        if (verifier == address(0) || _verifiers[verifier]) revert AllianceMalformedProposal();
    }

    /// @dev Members vote on code that they can read, not on an address where code may appear later
    function _checkContract(bytes32 name, address location) internal view {
        if (!Names.isContractName(name) || location.code.length == 0) revert AllianceMalformedProposal();
        if (_contracts[name] == location) revert AllianceUnchanged();
    }

    /// @dev As for contracts; one that is already accepted can always be dropped
    function _checkVerifier(address verifier, bool accepted) internal view {
        if (accepted && verifier.code.length == 0) revert AllianceMalformedProposal();
        if (_verifiers[verifier] == accepted) revert AllianceUnchanged();
    }
}
