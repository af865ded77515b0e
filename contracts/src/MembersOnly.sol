// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAlliance} from "./interfaces/IAlliance.sol";

/// @title Base of the contracts that take calls from the alliance's active members only
/// @dev ALLIANCE is the one immutable there is: a joining node writes its address into the compiled code at the
/// places that the artefact names, and compares the result with the deployed code byte by byte.
abstract contract MembersOnly {
    /// @notice The alliance whose members may call
    IAlliance public immutable ALLIANCE;

    constructor(IAlliance alliance) {
        ALLIANCE = alliance;
    }

    /// @return id of the active member that sends this call, or zero: each contract has its own error for that
    function _senderMember() internal view returns (bytes32 id) {
        return ALLIANCE.memberOf(msg.sender);
    }

    /// @dev For what only fulfils a duty: it is taken also from a member that is suspended, absent or has left
    /// @return id of the member that sends this call, in whatever standing, or zero
    function _senderBound() internal view returns (bytes32 id) {
        return ALLIANCE.boundMember(msg.sender);
    }
}
