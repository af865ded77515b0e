// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC7913SignatureVerifier} from "@openzeppelin/contracts/interfaces/IERC7913.sol";
import {P256} from "@openzeppelin/contracts/utils/cryptography/P256.sol";

/// @title ERC-7913 verifier for ES256 (RFC 7518 3.4) as ordinary signers make it
/// @notice WebCrypto, JWS libraries and key stores hash what they are given, so the message that is signed is the 32
/// bytes of `hash`, and the digest is their SHA-256 (OpenZeppelin's own P-256 verifier wants the bare digest).
/// They also leave s in either half; both are the same signature here. So nothing may rely on a signature being the
/// only one for its message.
contract ES256Verifier is IERC7913SignatureVerifier {
    bytes4 private constant FAILURE = 0xffffffff;

    /// @inheritdoc IERC7913SignatureVerifier
    /// @param key x ‖ y, 64 bytes
    /// @param signature r ‖ s, 64 bytes
    function verify(bytes calldata key, bytes32 hash, bytes calldata signature) external view returns (bytes4) {
        if (key.length != 64 || signature.length != 64) return FAILURE;
        bytes32 digest = sha256(abi.encodePacked(hash));
        bytes32 s = _lowHalf(bytes32(signature[32:]));
        // checks the ranges of r and s and that the point is on the curve
        bool valid = P256.verify(digest, bytes32(signature[:32]), s, bytes32(key[:32]), bytes32(key[32:]));
        return valid ? IERC7913SignatureVerifier.verify.selector : FAILURE;
    }

    /// @dev n - s for s in the upper half; what is not below n stays as it is, for P256 to refuse
    function _lowHalf(bytes32 s) private pure returns (bytes32) {
        uint256 scalar = uint256(s);
        return scalar > P256.N / 2 && scalar < P256.N ? bytes32(P256.N - scalar) : s;
    }
}
