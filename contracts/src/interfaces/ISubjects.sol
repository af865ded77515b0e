// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Bidders as the ledger knows them: a random id, a home, and the key that speaks for it
/// @notice Nothing here says who a subject is. A controller is an ERC-7913 signer: a 20-byte address, or a
/// 20-byte accepted verifier followed by a key of at most 128 bytes.
interface ISubjects {
    event SubjectCreated(bytes32 indexed subject, bytes32 indexed home, bytes controller);
    event ControllerChanged(bytes32 indexed subject, uint64 version, bytes controller);
    event SubjectMoved(bytes32 indexed subject, uint64 version, bytes32 indexed home);

    error SubjectsNotMember(address account);
    error SubjectsExists(bytes32 subject);
    error SubjectsUnknown(bytes32 subject);
    error SubjectsMalformedSigner();
    error SubjectsWrongSignature(bytes32 subject);
    error SubjectsNotCentre(bytes32 member);
    error SubjectsUnchanged(bytes32 subject);

    /// @notice The sender's member becomes home of a new subject
    /// @return subject keccak256(abi.encode(allianceId, home, salt)): nobody can take another home's id
    function create(bytes32 salt, bytes calldata controller) external returns (bytes32 subject);

    /// @notice The present controller hands over; any member may relay
    /// @param signature by the present controller over EIP-712
    /// ChangeController(bytes32 subject,uint64 version,bytes controller), version being the new one
    function changeController(bytes32 subject, bytes calldata controller, bytes calldata signature) external;

    /// @notice The sender's member becomes the subject's home, because the present controller signed that it does.
    /// The home so far is not asked: it may be dead, suspended or unwilling
    /// @param signature by the present controller over EIP-712
    /// MoveSubject(bytes32 subject,uint64 version,bytes32 home), version being the new one
    function move(bytes32 subject, bytes calldata signature) external;

    /// @return home the member that keeps the subject's records
    /// @return version number of the last signed change, of controller or home; 1 before the first
    /// @return controller the present ERC-7913 signer
    function subjectOf(bytes32 subject) external view returns (bytes32 home, uint64 version, bytes memory controller);
}
