// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAlliance} from "./interfaces/IAlliance.sol";
import {Names} from "./libraries/Names.sol";

/// @title The alliance's address book: where its contracts are, and whose word on a signature counts
/// @notice A contract that is replaced stays where it was and stays readable; only the name moves on.
abstract contract AddressBook is IAlliance {
    /// @dev Oldest first; the last one is in force
    mapping(bytes32 name => address[]) private _contracts;
    mapping(address verifier => bool) private _verifiers;

    /// @inheritdoc IAlliance
    function contractOf(bytes32 name) public view returns (address) {
        address[] storage known = _contracts[name];
        return known.length == 0 ? address(0) : known[known.length - 1];
    }

    /// @inheritdoc IAlliance
    function contractsOf(bytes32 name) external view returns (address[] memory) {
        return _contracts[name];
    }

    /// @inheritdoc IAlliance
    function predecessorOf(bytes32 name, address location) external view returns (address before) {
        address[] storage known = _contracts[name];
        for (uint256 i = 0; i < known.length && known[i] != location; ++i) before = known[i];
    }

    /// @inheritdoc IAlliance
    function isVerifier(address verifier) public view virtual returns (bool) {
        return _verifiers[verifier];
    }

    function _setContract(bytes32 name, address location, bytes32 codeHash) internal {
        _contracts[name].push(location);
        emit ContractSet(name, location, codeHash);
    }

    function _setVerifier(address verifier, bool accepted) internal {
        _verifiers[verifier] = accepted;
        emit VerifierSet(verifier, accepted);
    }

    /// @dev What founders bring with them: nothing is deployed yet, but every entry is there once
    function _checkFoundingContract(bytes32 name, address location) internal view {
        if (!Names.isContractName(name) || location == address(0) || _contracts[name].length != 0) {
            revert AllianceMalformedProposal();
        }
    }

    /// @dev As for contracts
    function _checkFoundingVerifier(address verifier) internal view {
        if (verifier == address(0) || _verifiers[verifier]) revert AllianceMalformedProposal();
    }

    /// @dev Members vote on code that they can read, not on an address where other code may appear later. None that
    /// was replaced comes back: it does not know what its successor did
    function _checkContract(bytes32 name, address location, bytes32 codeHash) internal view {
        if (!Names.isContractName(name)) revert AllianceMalformedProposal();
        _checkCode(location, codeHash);
        address[] storage known = _contracts[name];
        for (uint256 i = 0; i < known.length; ++i) {
            if (known[i] == location) revert AllianceUnchanged();
        }
    }

    /// @dev As for contracts; one that is already accepted can always be dropped
    function _checkVerifier(address verifier, bool accepted, bytes32 codeHash) internal view {
        if (accepted) _checkCode(verifier, codeHash);
        else if (codeHash != 0) revert AllianceMalformedProposal();
        if (_verifiers[verifier] == accepted) revert AllianceUnchanged();
    }

    function _checkCode(address location, bytes32 codeHash) private view {
        if (location.code.length == 0) revert AllianceMalformedProposal();
        if (location.codehash != codeHash) revert AllianceOtherCode(location, location.codehash);
    }
}
