// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Which guarantee applications are reserved
/// @notice A nullifier follows from an application code, so a bidder can have one for a section and not two; a binding
/// says for which guarantor, to who has its salt (docs/formats/sealed.md). Batches have one size, and what is not
/// needed of one is random: nobody can tell how many applications there are.
interface IReservations {
    /// @param member whose node sent the batch
    /// @param nullifiers as many as `BATCH`; those that were taken before stay as they were
    /// @param bindings one for each
    /// @param time of the block
    event Reserved(bytes32 indexed member, bytes32[] nullifiers, bytes32[] bindings, uint64 time);

    error ReservationsNotMember(address account);
    error ReservationsWrongSize(uint256 size);

    /// @return how many reservations every batch has
    function BATCH() external view returns (uint256);

    /// @param nullifiers exactly `BATCH`
    /// @param bindings exactly `BATCH`, none of them zero
    function reserve(bytes32[] calldata nullifiers, bytes32[] calldata bindings) external;

    /// @return binding of the first reservation; zero if there is none
    function bindingOf(bytes32 nullifier) external view returns (bytes32 binding);
}
