// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC5267} from "@openzeppelin/contracts/interfaces/IERC5267.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {HeqiDomain} from "./libraries/HeqiDomain.sol";
import {MembersOnly} from "./MembersOnly.sol";

/// @title Base of the contracts where a member relays what somebody else signed
/// @notice Signatures are over EIP-712 data in the domain of `HeqiDomain`. Signers are ERC-7913.
abstract contract SignedMoves is MembersOnly, IERC5267 {
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
        return (
            HeqiDomain.FIELDS,
            HeqiDomain.NAME,
            HeqiDomain.VERSION,
            block.chainid,
            address(this),
            ALLIANCE.allianceId(),
            new uint256[](0)
        );
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
        bytes32 digest = HeqiDomain.digest(ALLIANCE.allianceId(), structHash);
        return SignatureChecker.isValidSignatureNow(signer, digest, signature);
    }
}
