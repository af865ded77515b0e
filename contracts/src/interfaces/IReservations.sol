// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Which guarantee applications are reserved
/// @notice A nullifier follows from an application code, so a bidder can have one for a section and not two; a binding
/// says for which guarantor, to who has its salt (docs/formats/sealed.md). A nullifier is the address of a one-time key,
/// and that key signs the binding: whoever sees a reservation on its way can carry it, and put nothing else in its
/// place. Batches have one size, and what is not needed of one is signed by random keys: nobody can tell how many
/// applications there are.
interface IReservations {
    /// @param nullifier address of a one-time secp256k1 key, in the low 20 bytes
    /// @param binding not zero
    /// @param r of the key's signature over EIP-712 ReserveApplication(bytes32 binding), in the domain of the alliance
    /// @param vs y parity and s, in the lower half (ERC-2098)
    struct Reservation {
        bytes32 nullifier;
        bytes32 binding;
        bytes32 r;
        bytes32 vs;
    }

    /// @param member whose node sent the batch
    /// @param nullifiers those that were taken, in the batch's order; at most `BATCH`
    /// @param bindings one for each
    /// @param time of the block
    event Reserved(bytes32 indexed member, bytes32[] nullifiers, bytes32[] bindings, uint64 time);

    error ReservationsNotMember(address account);
    error ReservationsWrongSize(uint256 size);

    /// @return how many reservations every batch has
    function BATCH() external view returns (uint256);

    /// @param reservations exactly `BATCH`; those that are not signed, or whose nullifier was taken, are passed over
    function reserve(Reservation[] calldata reservations) external;

    /// @return binding of the first reservation; zero if there is none
    function bindingOf(bytes32 nullifier) external view returns (bytes32 binding);
}
