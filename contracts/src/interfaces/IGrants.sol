// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title That a signed grant exists and is not revoked; nothing about who granted what to whom
/// @notice The id commits to all that the contract must know, so a relay can change nothing:
/// id = keccak256(abi.encode(allianceId, digest, registerBefore, expires, keccak256(revoker)))
interface IGrants {
    enum State { UNKNOWN, REGISTERED, REVOKED }

    event GrantRegistered(bytes32 indexed grant, uint64 expires);
    event GrantRevoked(bytes32 indexed grant);

    error GrantsNotMember(address account);
    error GrantsAlreadyRegistered(bytes32 grant);
    error GrantsAlreadyRevoked(bytes32 grant);
    error GrantsTooLate(uint64 registerBefore);
    error GrantsExpired(uint64 expires);
    error GrantsMalformedSigner();
    error GrantsWrongSignature(bytes32 grant);

    /// @notice Any member relays, never the receiver: its account would tell who was granted something
    /// @param digest SHA-256 of the signed document, which carries 128 random bits or more
    /// @param registerBefore block time after which a held-back grant is dead
    /// @param revoker ERC-7913 signer of the grant's one-time revocation key
    function register(bytes32 digest, uint64 registerBefore, uint64 expires, bytes calldata revoker)
        external
        returns (bytes32 grant);

    /// @notice Any member relays; a grant that was never registered becomes a tombstone and never can be
    /// @param signature by the revocation key over EIP-712 RevokeGrant(bytes32 grant)
    function revoke(
        bytes32 digest,
        uint64 registerBefore,
        uint64 expires,
        bytes calldata revoker,
        bytes calldata signature
    ) external returns (bytes32 grant);

    /// @return state of the grant and the time it expires (zero if it was never registered)
    function stateOf(bytes32 grant) external view returns (State state, uint64 expires);
}
