// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Bidders as the ledger knows them: a random id, a home, and the keys that speak for it
/// @notice Nothing here says who a subject is. A controller is an ERC-7913 signer: a 20-byte address, or a
/// 20-byte accepted verifier followed by a key of at most 128 bytes. A subject has one to five; any one of them speaks
/// for it. Changes of controllers, moves, vetoes and recoveries count in one sequence of versions.
interface ISubjects {
    event SubjectCreated(bytes32 indexed subject, bytes32 indexed home, bytes controller);
    /// @param removed empty if none was
    /// @param added empty if none was; otherwise it takes the place of the one removed, or comes last
    event ControllerChanged(bytes32 indexed subject, uint64 version, bytes removed, bytes added);
    event SubjectMoved(bytes32 indexed subject, uint64 version, bytes32 indexed home);
    /// @param version that the subject would have after it
    event RecoveryProposed(bytes32 indexed subject, uint64 version, bytes controller, bytes32 indexed member);
    /// @param until block time from which it can be finished; zero while one confirmation is missing
    event RecoveryConfirmed(
        bytes32 indexed subject, uint64 version, bytes controller, bytes32 indexed member, uint64 until
    );
    event RecoveryVetoed(bytes32 indexed subject, uint64 version);
    /// @notice From now on the new controller alone speaks for the subject
    event SubjectRecovered(bytes32 indexed subject, uint64 version, bytes controller);

    error SubjectsNotMember(address account);
    error SubjectsExists(bytes32 subject);
    error SubjectsUnknown(bytes32 subject);
    error SubjectsMalformedSigner();
    error SubjectsWrongSignature(bytes32 subject);
    error SubjectsNotCentre(bytes32 member);
    error SubjectsUnchanged(bytes32 subject);
    /// @dev There would be none, or more than five
    error SubjectsControllerCount(uint256 count);
    error SubjectsNotController(bytes32 subject);
    error SubjectsAlreadyProposed(bytes32 subject, uint64 version);
    error SubjectsNotProposed(bytes32 subject, uint64 version);
    /// @dev Neither the home nor a member that was not drawn can confirm
    error SubjectsNotDrawn(bytes32 member);
    error SubjectsAlreadyConfirmed(bytes32 member);
    error SubjectsNotConfirmed(uint256 confirmations);
    error SubjectsTooEarly(uint64 until);

    /// @notice The sender's member becomes home of a new subject
    /// @return subject keccak256(abi.encode(allianceId, home, salt)): nobody can take another home's id
    function create(bytes32 salt, bytes calldata controller) external returns (bytes32 subject);

    /// @notice Add, remove or replace a controller; any member may relay
    /// @param removed a present controller, or empty
    /// @param added a new one, or empty
    /// @param signer a present controller, the removed one included
    /// @param signature by `signer` over EIP-712
    /// ChangeController(bytes32 subject,uint64 version,bytes removed,bytes added), version being the new one
    function changeController(
        bytes32 subject,
        bytes calldata removed,
        bytes calldata added,
        bytes calldata signer,
        bytes calldata signature
    ) external;

    /// @notice The sender's member becomes the subject's home, because a present controller signed that it does.
    /// The home so far is not asked: it may be dead, suspended or unwilling
    /// @param signer a present controller
    /// @param signature by it over EIP-712
    /// MoveSubject(bytes32 subject,uint64 version,bytes32 home), version being the new one
    function move(bytes32 subject, bytes calldata signer, bytes calldata signature) external;

    /// @notice Any active member proposes that a key takes the place of all controllers, which their owner has lost.
    /// Proposals stand side by side until the subject has a new version: nobody can block the right one
    function proposeRecovery(bytes32 subject, bytes calldata controller) external;

    /// @notice A drawn member has checked that the company's certificate vouches for the key; two of those that are
    /// drawn are needed
    function confirmRecovery(bytes32 subject, uint64 version, bytes calldata controller) external;

    /// @notice A present controller ends all proposals for its subject; any member may relay
    /// @param signer a present controller
    /// @param signature by it over EIP-712 VetoRecovery(bytes32 subject,uint64 version), version being the new one
    function vetoRecovery(bytes32 subject, bytes calldata signer, bytes calldata signature) external;

    /// @notice After the waiting time any member carries a confirmed proposal out
    function finishRecovery(bytes32 subject, uint64 version, bytes calldata controller) external;

    /// @return home the member that keeps the subject's records
    /// @return version number of the last change; 1 before the first
    /// @return controllers the present ERC-7913 signers, any one of which speaks for the subject
    function subjectOf(
        bytes32 subject
    ) external view returns (bytes32 home, uint64 version, bytes[] memory controllers);

    /// @return whether the member is one of the three that may confirm a recovery of the subject as it is now: those of
    /// the active members other than the home for which keccak256(digest of the controllers, member) is smallest
    function isDrawn(bytes32 subject, bytes32 member) external view returns (bool);
}
