// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title That a guarantee was issued and by whom, and which steps it has taken since; nothing about in whose favour,
/// at whose request, for what, how much
/// @notice The id commits to all that the contract must know, so a relay can change nothing:
/// id = keccak256(abi.encode(allianceId, terms))
/// @notice Which event leads from which state to which, and whose signature it needs, is one table
/// (GuaranteeTable.sol, generated).
interface IGuarantees {
    /// @param digest SHA-256 of the guarantee document, which carries 128 random bits or more
    /// @param application SHA-256 of the application code, which nobody can guess without the section's key
    /// @param expires block time after which the guarantee is no longer in force: its end rounded up to a multiple of
    /// GuaranteeTable.EXPIRY_UNIT, because the exact one, which the document has, would tell which section it is for
    /// @param guarantor id of an active member with role GUARANTOR
    /// @param beneficiary keccak256(salt ‖ ERC-7913 signer of the beneficiary's steps): the signer is the same for a
    /// whole section and stands in the tender's papers, the salt is another one for each guarantee and is guessed by nobody
    /// @param applicant as `beneficiary`, of the applicant's steps
    struct Terms {
        bytes32 digest;
        bytes32 application;
        uint64 expires;
        bytes32 guarantor;
        bytes32 beneficiary;
        bytes32 applicant;
    }

    /// @param document digest of the guarantee itself when it is issued, then what `step` was given
    event GuaranteeMoved(
        bytes32 indexed guarantee, uint8 event_, uint8 state, uint64 sequence, bytes32 document, uint64 expires
    );

    error GuaranteesNotMember(address account);
    error GuaranteesNotGuarantor(bytes32 member);
    error GuaranteesApplicationUsed(bytes32 application);
    error GuaranteesUnknown(bytes32 guarantee);
    error GuaranteesWrongStep(bytes32 guarantee, uint8 state, uint8 event_);
    /// @dev The same event was the last step, and cannot come again: whoever brings it a second time has nothing to do
    error GuaranteesAlreadyMoved(bytes32 guarantee, uint8 event_);
    error GuaranteesUnroundedExpiry(uint64 expires);
    error GuaranteesExpired(uint64 expires);
    error GuaranteesWrongMover(bytes32 guarantee);
    error GuaranteesMalformedSigner();
    error GuaranteesWrongSignature(bytes32 guarantee);

    /// @notice A guarantor issues; any member relays. A second guarantee under one application is refused, also
    /// when the first is released or has expired
    /// @param verifier accepted ERC-7913 verifier that checks the guarantor's P-256 identity key
    /// @param signature by that identity key over EIP-712 IssueGuarantee(bytes32 guarantee)
    /// @return guarantee the id
    function issue(Terms calldata terms, address verifier, bytes calldata signature)
        external
        returns (bytes32 guarantee);

    /// @notice One event of an issued guarantee; any member relays, also while the guarantor is suspended: duties
    /// run on
    /// @param document SHA-256 of the document that states the step
    /// @param signer ERC-7913 signer of the mover; for the guarantor an accepted verifier and its present identity key
    /// @param salt opens the terms' commitment to the signer; without meaning where the guarantor moves
    /// @param signature by the mover over EIP-712
    /// StepGuarantee(bytes32 guarantee,uint64 sequence,uint8 event,bytes32 document), sequence being the step's number
    function step(
        bytes32 guarantee,
        uint8 event_,
        bytes32 document,
        bytes calldata signer,
        bytes32 salt,
        bytes calldata signature
    ) external;

    /// @return whether a guarantee was issued under the application, by this contract or one that it replaced
    function isApplicationUsed(bytes32 application) external view returns (bool);

    /// @return state as in GuaranteeTable, zero if there is none
    /// @return sequence number of the last step
    /// @return expires when it has ended at the latest
    function stateOf(bytes32 guarantee) external view returns (uint8 state, uint64 sequence, uint64 expires);
}
