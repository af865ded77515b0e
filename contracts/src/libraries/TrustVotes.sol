// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAlliance} from "../interfaces/IAlliance.sol";
import {ITrustList} from "../interfaces/ITrustList.sol";

/// @title What the alliance does with a proposal about the trust list
/// @notice Its data is the canonical ABI encoding of (bytes32 ca, bytes entry), and no other encoding of the same.
library TrustVotes {
    /// @dev ca · offset of the entry · its length
    uint256 private constant HEAD = 96;

    /// @dev Reverts unless the entry could be put in force now
    function check(address list, bytes memory data) internal view {
        (bytes32 ca, bytes memory entry) = _decode(data);
        ITrustList(list).check(ca, entry);
    }

    /// @dev Puts the entry in force
    function carryOut(address list, bytes memory data) internal {
        (bytes32 ca, bytes memory entry) = _decode(data);
        ITrustList(list).set(ca, entry);
    }

    function _decode(bytes memory data) private pure returns (bytes32 ca, bytes memory entry) {
        // the length is looked at first: `abi.decode` reverts without saying why
        uint256 offset;
        uint256 length;
        if (data.length >= HEAD) {
            assembly ("memory-safe") {
                offset := mload(add(data, 0x40))
                length := mload(add(data, 0x60))
            }
        }
        if (offset != 64 || length > data.length || data.length != HEAD + ((length + 31) / 32) * 32) {
            revert IAlliance.AllianceMalformedProposal();
        }
        (ca, entry) = abi.decode(data, (bytes32, bytes));
        if (keccak256(abi.encode(ca, entry)) != keccak256(data)) revert IAlliance.AllianceMalformedProposal();
    }
}
