// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC5267} from "@openzeppelin/contracts/interfaces/IERC5267.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {MembersOnly} from "./MembersOnly.sol";

/// @title Base of the contracts where a member relays what somebody else signed
/// @notice Signatures are over EIP-712 data with the domain ("Heqi", "1", chain id, this contract, alliance id):
/// chain ids and addresses repeat between networks, the alliance id does not. Signers are ERC-7913.
/// @dev Not OpenZeppelin's EIP712, which caches the domain in immutables.
abstract contract SignedMoves is MembersOnly, IERC5267 {
    string private constant NAME = "Heqi";
    string private constant VERSION = "1";
    /// @dev ERC-5267: name, version, chainId, verifyingContract and salt
    bytes1 private constant FIELDS = 0x1f;
    uint256 private constant ADDRESS_LENGTH = 20;
    uint256 private constant MAX_KEY_LENGTH = 128;

    /// @inheritdoc IERC5267
    function eip712Domain()
        external
        view
        returns (
            bytes1 fields,
            string memory name,
            string memory version,
            uint256 chainId,
            address verifyingContract,
            bytes32 salt,
            uint256[] memory extensions
        )
    {
        return (FIELDS, NAME, VERSION, block.chainid, address(this), ALLIANCE.allianceId(), new uint256[](0));
    }

    /// @dev A signer names its own verifier, and an evil one accepts anything: only those that the members voted
    /// for are asked, at every use. A plain address has no code, or else its code would decide (ERC-1271); the
    /// zero address could never sign.
    function _isWellFormed(bytes memory signer) internal view returns (bool) {
        if (signer.length < ADDRESS_LENGTH || signer.length > ADDRESS_LENGTH + MAX_KEY_LENGTH) return false;
        address location = address(bytes20(signer));
        if (signer.length > ADDRESS_LENGTH) return ALLIANCE.isVerifier(location);
        return location != address(0) && location.code.length == 0;
    }

    /// @dev `signer` MUST be well formed at this moment
    function _isSigned(bytes memory signer, bytes32 structHash, bytes memory signature) internal view returns (bool) {
        bytes32 separator =
            MessageHashUtils.toDomainSeparator(FIELDS, NAME, VERSION, block.chainid, address(this), ALLIANCE.allianceId());
        bytes32 digest = MessageHashUtils.toTypedDataHash(separator, structHash);
        return SignatureChecker.isValidSignatureNow(signer, digest, signature);
    }
}
