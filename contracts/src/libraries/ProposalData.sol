// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAlliance} from "../interfaces/IAlliance.sol";

/// @title Strict decoding of what a proposal carries
/// @notice Only the canonical ABI encoding is taken: members vote on what their own decoder shows them, and a
/// lenient encoding (moved offsets, dirty padding, trailing bytes) can show different things to different decoders.
library ProposalData {
    /// @dev Length of the fixed part of a `Member`, where its first string begins
    uint256 private constant MEMBER_HEAD = 9 * 32;

    /// @return id of the member that SUSPEND or REINSTATE is about
    function toId(bytes memory data) internal pure returns (bytes32 id) {
        if (data.length != 32) revert IAlliance.AllianceMalformedProposal();
        return abi.decode(data, (bytes32));
    }

    /// @return name of the contract that SET_CONTRACT sets
    /// @return location its new address
    /// @return codeHash keccak256 of the code that must be there
    function toContract(bytes memory data)
        internal
        pure
        returns (bytes32 name, address location, bytes32 codeHash)
    {
        if (data.length != 96 || _word(data, 32) > type(uint160).max) revert IAlliance.AllianceMalformedProposal();
        return abi.decode(data, (bytes32, address, bytes32));
    }

    /// @return verifier the contract that SET_VERIFIER is about
    /// @return accepted whether its answers count
    /// @return codeHash as for a contract; zero to drop one
    function toVerifier(bytes memory data)
        internal
        pure
        returns (address verifier, bool accepted, bytes32 codeHash)
    {
        if (data.length != 96 || _word(data, 0) > type(uint160).max || _word(data, 32) > 1) {
            revert IAlliance.AllianceMalformedProposal();
        }
        return abi.decode(data, (address, bool, bytes32));
    }

    /// @return id of the member that SET_ROLES is about
    /// @return roles all of its new ones
    function toRoles(bytes memory data) internal pure returns (bytes32 id, uint8 roles) {
        if (data.length != 64 || _word(data, 32) > type(uint8).max) revert IAlliance.AllianceMalformedProposal();
        return abi.decode(data, (bytes32, uint8));
    }

    /// @return category that SET_DEFINITION is about
    /// @return version of its definition
    /// @return definition SHA-256 of its text
    function toDefinition(bytes memory data)
        internal
        pure
        returns (bytes32 category, uint32 version, bytes32 definition)
    {
        if (data.length != 96 || _word(data, 32) > type(uint32).max) revert IAlliance.AllianceMalformedProposal();
        return abi.decode(data, (bytes32, uint32, bytes32));
    }

    /// @return year that SET_CALENDAR is about
    /// @return early its first 256 days, as in ICalendar
    /// @return late those after
    function toCalendar(bytes memory data) internal pure returns (uint16 year, uint256 early, uint256 late) {
        if (data.length != 96 || _word(data, 0) > type(uint16).max) revert IAlliance.AllianceMalformedProposal();
        return abi.decode(data, (uint16, uint256, uint256));
    }

    /// @return member that ADMIT is about; well encoded, but not checked further
    function toMember(bytes memory data) internal pure returns (IAlliance.Member memory member) {
        if (!_hasMemberLayout(data)) revert IAlliance.AllianceMalformedProposal();
        member = abi.decode(data, (IAlliance.Member));
        // what is left to differ is the padding after the strings
        if (keccak256(abi.encode(member)) != keccak256(data)) revert IAlliance.AllianceMalformedProposal();
    }

    /// @dev Checked by hand before decoding, because `abi.decode` reverts without saying why.
    /// Words: offset of the struct · its nine fields · endpoint (length, text) · wallet endpoint (length, text).
    function _hasMemberLayout(bytes memory data) private pure returns (bool) {
        uint256 start = 32;
        if (data.length < start + MEMBER_HEAD + 64 || _word(data, 0) != start) return false;
        if (_word(data, start + 32) > type(uint8).max || _word(data, start + 64) > type(uint160).max) return false;
        uint256 endpoint = MEMBER_HEAD;
        if (_word(data, start + 7 * 32) != endpoint) return false;
        uint256 length = _word(data, start + endpoint);
        if (length > data.length) return false;
        uint256 walletEndpoint = endpoint + 32 + _padded(length);
        if (_word(data, start + 8 * 32) != walletEndpoint || data.length < start + walletEndpoint + 32) return false;
        length = _word(data, start + walletEndpoint);
        return length <= data.length && data.length == start + walletEndpoint + 32 + _padded(length);
    }

    function _padded(uint256 length) private pure returns (uint256) {
        return ((length + 31) / 32) * 32;
    }

    /// @dev `position + 32 <= data.length` is the caller's to check
    function _word(bytes memory data, uint256 position) private pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := mload(add(add(data, 0x20), position))
        }
    }
}
