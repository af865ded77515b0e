// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title What the alliance takes as a name or an endpoint
/// @notice Every member's node decodes these from events. Printable ASCII only: one name that is no UTF-8 would
/// stop the followers of all members at that block.
library Names {
    uint256 internal constant MAX_ENDPOINT_LENGTH = 255;

    /// @return whether `name` is `[a-z][a-z0-9-]{0,30}`, right-padded with zeros
    function isMemberName(bytes32 name) internal pure returns (bool) {
        if (!_isLower(name[0])) return false;
        uint256 length = 1;
        while (length < 32 && (_isLower(name[length]) || _isDigit(name[length]) || name[length] == "-")) ++length;
        return _endsAt(name, length);
    }

    /// @return whether `name` is `[A-Za-z][A-Za-z0-9]{0,30}`, right-padded with zeros
    function isContractName(bytes32 name) internal pure returns (bool) {
        if (!_isLetter(name[0])) return false;
        uint256 length = 1;
        while (length < 32 && (_isLetter(name[length]) || _isDigit(name[length]))) ++length;
        return _endsAt(name, length);
    }

    /// @return whether `name` is `[a-z][a-z0-9_.]{0,30}`, right-padded with zeros
    function isCategoryName(bytes32 name) internal pure returns (bool) {
        if (!_isLower(name[0])) return false;
        uint256 length = 1;
        while (
            length < 32
                && (_isLower(name[length]) || _isDigit(name[length]) || name[length] == "_" || name[length] == ".")
        ) ++length;
        return _endsAt(name, length);
    }

    /// @return whether `endpoint` has at most 255 bytes, all of them visible ASCII; empty is "not reachable"
    function isEndpoint(string memory endpoint) internal pure returns (bool) {
        bytes memory raw = bytes(endpoint);
        if (raw.length > MAX_ENDPOINT_LENGTH) return false;
        for (uint256 i = 0; i < raw.length; ++i) {
            if (raw[i] < 0x21 || raw[i] > 0x7e) return false;
        }
        return true;
    }

    /// @dev At most 31 characters, so that a name is always followed by a zero
    function _endsAt(bytes32 name, uint256 length) private pure returns (bool) {
        return length < 32 && name << (8 * length) == 0;
    }

    function _isLetter(bytes1 char) private pure returns (bool) {
        return _isLower(char) || (char >= "A" && char <= "Z");
    }

    function _isLower(bytes1 char) private pure returns (bool) {
        return char >= "a" && char <= "z";
    }

    function _isDigit(bytes1 char) private pure returns (bool) {
        return char >= "0" && char <= "9";
    }
}
