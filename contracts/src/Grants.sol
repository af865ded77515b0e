// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAlliance} from "./interfaces/IAlliance.sol";
import {IGrants} from "./interfaces/IGrants.sol";
import {MembersOnly} from "./MembersOnly.sol";
import {SignedMoves} from "./SignedMoves.sol";
import {Succession} from "./Succession.sol";

/// @title That a signed grant exists and is not revoked
/// @dev A grant only moves UNKNOWN -> REGISTERED -> REVOKED or UNKNOWN -> REVOKED: revoked is for ever, so a
/// revocation that overtakes its registration wins. Revoking goes on where the contract has been replaced, and is
/// taken from members in any standing: what a wallet signed for this contract must not lose its force.
contract Grants is IGrants, SignedMoves, Succession {
    struct Grant {
        State state;
        uint64 expires;
    }

    bytes32 private constant REVOKE_GRANT_TYPEHASH = keccak256("RevokeGrant(bytes32 grant)");

    mapping(bytes32 id => Grant) private _grants;

    /// @param alliance whose active members are relays
    constructor(IAlliance alliance) MembersOnly(alliance) {}

    /// @inheritdoc IGrants
    function register(
        bytes32 digest,
        uint64 registerBefore,
        uint64 expires,
        bytes calldata revoker
    ) external returns (bytes32 grant) {
        if (_senderMember() == 0) revert GrantsNotMember(msg.sender);
        _requireInForce();
        if (!_isWellFormed(revoker)) revert GrantsMalformedSigner();
        grant = _grantId(digest, registerBefore, expires, revoker);
        (State state, ) = stateOf(grant);
        if (state == State.REGISTERED) revert GrantsAlreadyRegistered(grant);
        if (state == State.REVOKED) revert GrantsAlreadyRevoked(grant);
        if (block.timestamp > registerBefore) revert GrantsTooLate(registerBefore);
        if (block.timestamp >= expires) revert GrantsExpired(expires);

        _grants[grant] = Grant({state: State.REGISTERED, expires: expires});
        emit GrantRegistered(grant, expires);
    }

    /// @inheritdoc IGrants
    function revoke(
        bytes32 digest,
        uint64 registerBefore,
        uint64 expires,
        bytes calldata revoker,
        bytes calldata signature
    ) external returns (bytes32 grant) {
        if (_senderBound() == 0) revert GrantsNotMember(msg.sender);
        if (!_isWellFormed(revoker)) revert GrantsMalformedSigner();
        grant = _grantId(digest, registerBefore, expires, revoker);
        Grant storage entry = _grants[grant];
        if (entry.state == State.REVOKED) revert GrantsAlreadyRevoked(grant);
        bytes32 structHash = keccak256(abi.encode(REVOKE_GRANT_TYPEHASH, grant));
        if (!_isSigned(revoker, structHash, signature)) revert GrantsWrongSignature(grant);

        entry.state = State.REVOKED;
        emit GrantRevoked(grant);
    }

    /// @inheritdoc IGrants
    function stateOf(bytes32 grant) public view returns (State state, uint64 expires) {
        Grant storage entry = _grants[grant];
        (state, expires) = (entry.state, entry.expires);
        address before = state == State.REVOKED ? address(0) : _predecessor();
        if (before == address(0)) return (state, expires);
        (State earlier, uint64 until) = IGrants(before).stateOf(grant);
        return earlier == State.REVOKED || state == State.UNKNOWN ? (earlier, until) : (state, expires);
    }

    /// @inheritdoc Succession
    function _bookName() internal pure override returns (bytes32) {
        return "Grants";
    }

    /// @dev Commits to the revoker: nobody can leave a tombstone on somebody else's grant
    function _grantId(
        bytes32 digest,
        uint64 registerBefore,
        uint64 expires,
        bytes calldata revoker
    ) private view returns (bytes32) {
        return keccak256(abi.encode(ALLIANCE.allianceId(), digest, registerBefore, expires, keccak256(revoker)));
    }
}
