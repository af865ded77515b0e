// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title That a guarantee was issued and by whom, and which steps it has taken since; nothing about in whose favour,
/// at whose request, for what, how much
/// @notice The id commits to all that the contract must know, so a relay can change nothing:
/// id = keccak256(abi.encode(allianceId, terms))
/// @notice Which event leads from which state to which, whose signature it needs and when it is possible, is one table
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
    /// @param centre keccak256(salt ‖ id of the member that runs the tender)
    /// @param end keccak256(salt ‖ the exact end as a word)
    /// @param examination working days that the guarantor has to examine a claim
    struct Terms {
        bytes32 digest;
        bytes32 application;
        uint64 expires;
        bytes32 guarantor;
        bytes32 beneficiary;
        bytes32 applicant;
        bytes32 centre;
        bytes32 end;
        uint8 examination;
    }

    /// @notice What the mover signs: EIP-712 StepGuarantee with these members in this order
    /// @param sequence number of the step; the issue is 1
    /// @param previous `document` of the step before; of the issue the guarantee's digest. So whoever answers a step
    /// answers the one that it has seen
    /// @param event_ number in the table; its name in what is signed is `event`
    /// @param document SHA-256 of the document that states the step
    /// @param end commitment to a new end, where the table lets the step propose one; zero if it stays
    /// @param expires that end rounded up; zero if it stays
    struct Step {
        bytes32 guarantee;
        uint64 sequence;
        bytes32 previous;
        uint8 event_;
        bytes32 document;
        bytes32 end;
        uint64 expires;
    }

    /// @param signer ERC-7913; for guarantor and centre an accepted verifier and the member's identity key
    /// @param salt opens the terms' commitment; without meaning for the guarantor
    /// @param member id of the centre; without meaning for others
    /// @param signature over the EIP-712 digest
    struct Signed {
        bytes signer;
        bytes32 salt;
        bytes32 member;
        bytes signature;
    }

    /// @notice What shows that a step is in time; all zero where the table does not ask
    /// @param end exact end of the guarantee
    /// @param salt opens the commitment to it
    /// @param lodged when a counterparty of the mover received the step's document; zero without a receipt
    /// @param receipt by guarantor, beneficiary or centre, but not by the mover, over EIP-712
    /// StepReceipt(bytes32 guarantee,uint8 event,bytes32 document,uint64 lodged)
    struct Evidence {
        uint64 end;
        bytes32 salt;
        uint64 lodged;
        Signed receipt;
    }

    /// @param document digest of the guarantee itself when it is issued, then that of the step
    /// @param expires the rounded end in force
    /// @param end exact end in force when the step was made, if it opened it; otherwise zero
    /// @param since when the state began; a stay that is over is left out
    /// @param due when the period that runs in this state is over; zero if none runs
    event GuaranteeMoved(
        bytes32 indexed guarantee,
        uint8 event_,
        uint8 state,
        uint64 sequence,
        bytes32 document,
        uint64 expires,
        uint64 end,
        uint64 since,
        uint64 due
    );

    error GuaranteesNotMember(address account);
    error GuaranteesNotGuarantor(bytes32 member);
    error GuaranteesApplicationUsed(bytes32 application);
    error GuaranteesUnknown(bytes32 guarantee);
    error GuaranteesWrongStep(bytes32 guarantee, uint8 state, uint8 event_);
    /// @dev The same event was made by that number already: whoever brings it a second time has nothing to do
    error GuaranteesAlreadyMoved(bytes32 guarantee, uint8 event_);
    /// @dev Signed for another place in the guarantee's life: this was the last step
    error GuaranteesOtherStep(bytes32 guarantee, uint64 sequence, bytes32 document);
    error GuaranteesUnroundedExpiry(uint64 expires);
    error GuaranteesMalformedExamination(uint8 examination);
    /// @dev Another end comes with a step that proposes none, or is over, or not rounded; or a step that adopts an end
    /// says another one than was proposed
    error GuaranteesMalformedEnd();
    /// @dev The end that the evidence tells is not the one that the ledger is committed to
    error GuaranteesWrongEnd(bytes32 guarantee);
    error GuaranteesExpired(uint64 expires);
    error GuaranteesTooLate(uint64 due);
    error GuaranteesTooEarly(uint64 from);
    error GuaranteesWrongReceipt(bytes32 guarantee);
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
    function step(Step calldata step_, Signed calldata mover, Evidence calldata evidence) external;

    /// @return whether a guarantee was issued under the application, by this contract or one that it replaced
    function isApplicationUsed(bytes32 application) external view returns (bool);

    /// @return state as in GuaranteeTable, zero if there is none
    /// @return sequence number of the last step
    /// @return expires when it has ended at the latest
    /// @return document of the last step
    /// @return due when the period that runs in this state is over; zero if none runs
    function stateOf(bytes32 guarantee)
        external
        view
        returns (uint8 state, uint64 sequence, uint64 expires, bytes32 document, uint64 due);
}
