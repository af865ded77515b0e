// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {
    ERC7913WebAuthnVerifier
} from "@openzeppelin/contracts/utils/cryptography/verifiers/ERC7913WebAuthnVerifier.sol";

/// @title ERC-7913 verifier for passkeys: P-256 keys in WebAuthn authenticators, user verification required
/// @notice The challenge is the hash itself. A contract cannot tell at which origin a passkey was used, nor for which
/// relying party it was made; who reads the signature off the ledger checks that (docs/formats/documents.md).
contract WebAuthnVerifier is ERC7913WebAuthnVerifier {}
