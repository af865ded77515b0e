// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Arrays} from "@openzeppelin/contracts/utils/Arrays.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {IAlliance} from "./interfaces/IAlliance.sol";
import {IReservations} from "./interfaces/IReservations.sol";
import {HeqiDomain} from "./libraries/HeqiDomain.sol";
import {MembersOnly} from "./MembersOnly.sol";
import {Succession} from "./Succession.sol";

/// @title Which guarantee applications are reserved
/// @dev The first reservation of a nullifier stands. A later one, and one that its key has not signed, is passed over
/// and does not fail the batch: it would take others' reservations with it, and show which batch held no cover.
contract Reservations is IReservations, Succession {
    /// @inheritdoc IReservations
    uint256 public constant BATCH = 8;

    bytes32 private constant RESERVE_APPLICATION_TYPEHASH = keccak256("ReserveApplication(bytes32 binding)");

    mapping(bytes32 nullifier => bytes32) private _bindings;

    /// @param alliance whose members reserve
    constructor(IAlliance alliance) MembersOnly(alliance) {}

    /// @inheritdoc IReservations
    function reserve(Reservation[] calldata reservations) external {
        bytes32 member = _senderMember();
        if (member == 0) revert ReservationsNotMember(msg.sender);
        _requireInForce();
        if (reservations.length != BATCH) revert ReservationsWrongSize(reservations.length);
        bytes32[] memory nullifiers = new bytes32[](BATCH);
        bytes32[] memory bindings = new bytes32[](BATCH);
        uint256 taken = 0;
        // The alliance's address, which never changes: what waits while this contract is replaced stays good.
        bytes32 separator = MessageHashUtils.toDomainSeparator(
            HeqiDomain.FIELDS,
            HeqiDomain.NAME,
            HeqiDomain.VERSION,
            block.chainid,
            address(ALLIANCE),
            ALLIANCE.allianceId()
        );
        for (uint256 i = 0; i < BATCH; ++i) {
            Reservation calldata one = reservations[i];
            if (!_isSigned(separator, one) || bindingOf(one.nullifier) != 0) continue;
            _bindings[one.nullifier] = one.binding;
            nullifiers[taken] = one.nullifier;
            bindings[taken] = one.binding;
            ++taken;
        }
        emit Reserved(
            member, Arrays.splice(nullifiers, 0, taken), Arrays.splice(bindings, 0, taken), uint64(block.timestamp)
        );
    }

    /// @inheritdoc IReservations
    function bindingOf(bytes32 nullifier) public view returns (bytes32 binding) {
        binding = _bindings[nullifier];
        address before = binding == 0 ? _predecessor() : address(0);
        if (before != address(0)) binding = IReservations(before).bindingOf(nullifier);
    }

    /// @inheritdoc Succession
    function _bookName() internal pure override returns (bytes32) {
        return "Reservations";
    }

    /// @dev A zero binding would count as none, and the nullifier could be reserved again
    function _isSigned(bytes32 separator, Reservation calldata one) private pure returns (bool) {
        if (one.binding == 0) return false;
        bytes32 structHash = keccak256(abi.encode(RESERVE_APPLICATION_TYPEHASH, one.binding));
        bytes32 digest = MessageHashUtils.toTypedDataHash(separator, structHash);
        (address signer, ECDSA.RecoverError mistake,) = ECDSA.tryRecover(digest, one.r, one.vs);
        return mistake == ECDSA.RecoverError.NoError && one.nullifier == bytes32(uint256(uint160(signer)));
    }
}
