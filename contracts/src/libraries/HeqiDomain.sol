// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";

/// @title The EIP-712 domain of this project's contracts: ("Heqi", "1", chain id, contract, alliance id)
/// @dev Chain ids and addresses repeat between networks, the alliance id does not. Not OpenZeppelin's EIP712, which
/// caches the domain in immutables.
library HeqiDomain {
    string internal constant NAME = "Heqi";
    string internal constant VERSION = "1";
    /// @dev ERC-5267: name, version, chainId, verifyingContract and salt
    bytes1 internal constant FIELDS = 0x1f;

    /// @return what a signer signs for a struct that the calling contract checks
    function digest(bytes32 allianceId, bytes32 structHash) internal view returns (bytes32) {
        bytes32 separator =
            MessageHashUtils.toDomainSeparator(FIELDS, NAME, VERSION, block.chainid, address(this), allianceId);
        return MessageHashUtils.toTypedDataHash(separator, structHash);
    }
}
