// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IStanding} from "./IStanding.sol";

/// @title Who belongs to the alliance, and which contracts and signature verifiers it uses
/// @notice Founders come with the constructor; everything after that changes by vote of two thirds of the
/// members that were active when the proposal was made. Nobody votes on a proposal about itself, and a suspension, or
/// taking a role away, needs two votes at least. What a member does about its own standing: IStanding.
interface IAlliance is IStanding {
    enum Action {
        NONE,
        ADMIT,
        SUSPEND,
        REINSTATE,
        SET_CONTRACT,
        SET_VERIFIER,
        SET_TRUST,
        SET_ROLES,
        SET_DEFINITION,
        SET_CALENDAR
    }

    /// @param id name of the member, `[a-z][a-z0-9-]{0,30}`, right-padded with zeros
    /// @param roles bit mask: 1 centre, 2 guarantor, 4 supervisor
    /// @param identityX x coordinate of the P-256 identity key
    /// @param identityY y coordinate of the P-256 identity key
    /// @param logKey Ed25519 public key that signs the member's checkpoints
    /// @param sealingKey X25519 public key
    /// @param endpoint where other members reach the node; at most 255 visible ASCII characters, may be empty
    /// @param walletEndpoint where wallets reach the node; as `endpoint`
    struct Member {
        bytes32 id;
        uint8 roles;
        address account;
        bytes32 identityX;
        bytes32 identityY;
        bytes32 logKey;
        bytes32 sealingKey;
        string endpoint;
        string walletEndpoint;
    }

    /// @notice The keys of a member, as in `Member`
    struct Keys {
        address account;
        bytes32 identityX;
        bytes32 identityY;
        bytes32 logKey;
        bytes32 sealingKey;
    }

    /// @param keys all four, those that stay the same included
    /// @param logSize size of the member's log up to which the log key before counts; zero if that key stays
    /// @param overlapUntil block time until which the account and identity key before count too; at most 30 days
    /// ahead, and zero for none: a key that somebody else has must not count any longer
    struct KeyChange {
        Keys keys;
        uint64 logSize;
        uint64 overlapUntil;
    }

    /// @param identity by the identity key before, ES256 over the EIP-712 digest
    /// @param newIdentity by the new identity key over the same; empty if that key stays
    /// @param newAccount by the new account over the same, r ‖ s ‖ v; empty if the account stays
    struct KeyProofs {
        bytes identity;
        bytes newIdentity;
        bytes newAccount;
    }

    event MemberAdmitted(bytes32 indexed id, Member member);
    event MemberSuspended(bytes32 indexed id);
    event MemberReinstated(bytes32 indexed id);
    event EndpointsUpdated(bytes32 indexed id, string endpoint, string walletEndpoint);
    /// @param version counts a member's changes from 1
    /// @param proofs let anybody follow the keys from those of the admission, without this ledger
    event KeysChanged(bytes32 indexed id, uint64 version, uint64 time, KeyChange change, KeyProofs proofs);
    /// @param codeHash keccak256 of its code, as it was voted on; zero at the founding, where it is deployed later
    event ContractSet(bytes32 indexed name, address indexed location, bytes32 codeHash);
    event VerifierSet(address indexed verifier, bool accepted);
    /// @param data ABI encoding of the action's argument:
    /// ADMIT (Member) · SUSPEND, REINSTATE (bytes32 id) · SET_CONTRACT (bytes32 name, address location,
    /// bytes32 codeHash) · SET_VERIFIER (address verifier, bool accepted, bytes32 codeHash) · SET_ROLES (bytes32 id,
    /// uint8 roles) · SET_TRUST (bytes32 ca, bytes entry) · SET_DEFINITION (bytes32 category, uint32 version,
    /// bytes32 definition) · SET_CALENDAR (uint16 year, uint256 early, uint256 late); no other encoding of the same values is taken
    event ProposalMade(
        uint256 indexed proposal, bytes32 indexed proposer, Action action, bytes data, uint64 expires, uint32 eligible
    );
    event VoteCast(uint256 indexed proposal, bytes32 indexed voter, bool approve);
    event ProposalPassed(uint256 indexed proposal);

    error AllianceNotMember(address account);
    error AllianceUnknownMember(bytes32 id);
    error AllianceMemberExists(bytes32 id);
    error AllianceAccountTaken(address account);
    error AllianceMalformedMember();
    error AllianceMalformedProposal();
    error AllianceUnknownProposal(uint256 proposal);
    error AllianceProposalClosed(uint256 proposal);
    error AllianceNotEligible(bytes32 voter);
    error AllianceAlreadyVoted(bytes32 voter);
    error AllianceWrongExpiry(uint64 expires);
    /// @dev The code at `location` is not the code that the proposal names
    error AllianceOtherCode(address location, bytes32 codeHash);
    /// @dev The proposal would leave everything as it is: suspend a suspended member, accept an accepted verifier
    error AllianceUnchanged();
    error AllianceMalformedKeys();
    /// @dev One of the proofs is missing, false, or for another change
    error AllianceWrongKeyProof();

    /// @return the alliance's random id, part of every EIP-712 domain
    function allianceId() external view returns (bytes32);

    /// @return id of the active member with this account; zero if there is none
    function memberOf(address account) external view returns (bytes32 id);

    /// @return x coordinate of the identity key before the present one while it still counts; zero otherwise
    /// @return y coordinate of that key
    function formerIdentityKey(bytes32 id) external view returns (bytes32 x, bytes32 y);

    /// @return how often the member has changed its keys
    function keysVersion(bytes32 id) external view returns (uint64);

    /// @return the member, active or suspended; reverts if there never was one by that id
    function member(bytes32 id) external view returns (Member memory);

    /// @return whether the member exists and is not suspended
    function isActive(bytes32 id) external view returns (bool);

    /// @return ids of all members in order of admission, suspended ones included
    function memberIds() external view returns (bytes32[] memory);

    /// @param name `[A-Za-z][A-Za-z0-9]{0,30}`, right-padded with zeros
    /// @return where the named contract is: "Subjects", "Grants", "Anchors", "Guarantees", "TrustList"; zero if not set
    function contractOf(bytes32 name) external view returns (address);

    /// @return all contracts that had the name, oldest first; the last one is in force
    function contractsOf(bytes32 name) external view returns (address[] memory);

    /// @return the contract that had the name before `location`, or the present one if `location` never had it
    function predecessorOf(bytes32 name, address location) external view returns (address);

    /// @return whether signatures may be checked by this ERC-7913 verifier
    function isVerifier(address verifier) external view returns (bool);

    /// @notice Make a proposal; the proposer's vote counts as yes, and it may pass at once
    /// @param expires block time after which nobody can vote; at most 90 days ahead
    function propose(Action action, bytes calldata data, uint64 expires) external returns (uint256 proposal);

    /// @notice Vote once; the action is carried out in the transaction that reaches two thirds
    function vote(uint256 proposal, bool approve) external;

    /// @notice A member changes its own addresses
    function updateEndpoints(string calldata endpoint, string calldata walletEndpoint) external;

    /// @notice A member changes its own keys, in whatever standing: its present account sends it and its present identity
    /// key signs it, so neither of them alone can take the other's place
    /// @param verifier accepted ERC-7913 verifier that checks the identity keys' signatures
    function changeKeys(KeyChange calldata change, address verifier, KeyProofs calldata proofs) external;
}
