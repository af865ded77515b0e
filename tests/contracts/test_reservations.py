"""Reservations: batches of one size, the first reservation stands, and only a nullifier's own key binds it."""

import secrets
from dataclasses import replace as replaced

import pytest
from eth_account import Account as Keys
from msgspec.structs import replace

from node.domain.ledger_ids import Eip712Domain
from node.domain.reservation_key import is_reservation_signed
from node.domain.sealing import BATCH, SignedReservation
from tests.contracts.signers import typed_digest
from tests.contracts.world import ALLIANCE_ID, World
from tests.support.evm import Receipt, refused
from tests.support.reserved import some_key, some_reservations

SECP256K1_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
ODD = 1 << 255


def place(world: World) -> Eip712Domain:
    return Eip712Domain(world.evm.chain_id, world.alliance.address, ALLIANCE_ID)


def some(world: World, count: int = BATCH) -> list[SignedReservation]:
    return list(some_reservations(place(world), count))


def send(world: World, batch: list[SignedReservation], by: str = "hangzhou", to: object = None) -> Receipt:
    rows = [(one.nullifier, one.binding, one.signature[:32], one.signature[32:]) for one in batch]
    return world.send(by, to or world.reservations, "reserve", rows)


def binding_of(world: World, one: SignedReservation) -> bytes:
    found: bytes = world.view(world.reservations, "bindingOf", one.nullifier)
    return found


def told(receipt: Receipt) -> tuple[list[bytes], list[bytes]]:
    (event,) = receipt.events
    assert event.name == "Reserved"
    return list(event.values["nullifiers"]), list(event.values["bindings"])


def test_a_batch_has_the_size_that_nodes_fill_up_to(world: World) -> None:
    assert world.view(world.reservations, "BATCH") == BATCH


def test_all_of_a_batch_is_taken_and_told_in_its_order(world: World) -> None:
    batch = some(world)
    receipt = send(world, batch)
    assert told(receipt) == ([one.nullifier for one in batch], [one.binding for one in batch])
    assert [binding_of(world, one) for one in batch] == [one.binding for one in batch]


def test_the_first_reservation_stands_and_the_batch_with_a_later_one_tells_the_rest_alone(
    world: World,
) -> None:
    key = some_key()
    first, later = (key.sign(place(world), secrets.token_bytes(32)) for _ in range(2))
    send(world, [first, *some(world, BATCH - 1)])
    rest = some(world, BATCH - 1)
    receipt = send(world, [later, *rest], "ningbo")
    assert told(receipt)[0] == [one.nullifier for one in rest]
    assert binding_of(world, first) == first.binding
    assert binding_of(world, rest[0]) == rest[0].binding


def test_of_one_nullifier_twice_in_a_batch_the_first_stands(world: World) -> None:
    key = some_key()
    first, second = (key.sign(place(world), secrets.token_bytes(32)) for _ in range(2))
    receipt = send(world, [first, second, *some(world, BATCH - 2)])
    assert binding_of(world, first) == first.binding
    assert second.binding not in told(receipt)[1]


def swapped_binding(world: World, one: SignedReservation) -> SignedReservation:
    return replace(one, binding=secrets.token_bytes(32))


def swapped_nullifier(world: World, one: SignedReservation) -> SignedReservation:
    return replace(one, nullifier=some_key().nullifier)


def another_contract(world: World, one: SignedReservation) -> SignedReservation:
    return some_key().sign(replaced(place(world), contract=world.reservations.address), one.binding)


def another_chain(world: World, one: SignedReservation) -> SignedReservation:
    return some_key().sign(replaced(place(world), chain_id=world.evm.chain_id + 1), one.binding)


def another_alliance(world: World, one: SignedReservation) -> SignedReservation:
    return some_key().sign(replaced(place(world), alliance_id=secrets.token_bytes(32)), one.binding)


def s_in_the_other_half(world: World, one: SignedReservation) -> SignedReservation:
    """As far as ERC-2098 can say it: the bit of the parity is s's highest."""
    vs = int.from_bytes(one.signature[32:], "big")
    mirrored = (SECP256K1_ORDER - vs % ODD) % ODD | (ODD - (vs & ODD))
    return replace(one, signature=one.signature[:32] + mirrored.to_bytes(32, "big"))


def other_parity(world: World, one: SignedReservation) -> SignedReservation:
    vs = int.from_bytes(one.signature[32:], "big") ^ ODD
    return replace(one, signature=one.signature[:32] + vs.to_bytes(32, "big"))


def zero_address(world: World, one: SignedReservation) -> SignedReservation:
    """What ecrecover answers to nonsense."""
    return replace(one, nullifier=bytes(32), signature=bytes(64))


def dirty_nullifier(world: World, one: SignedReservation) -> SignedReservation:
    """The same address under other high bytes would be a second nullifier."""
    return replace(one, nullifier=b"\1" + one.nullifier[1:])


def zero_binding(world: World, one: SignedReservation) -> SignedReservation:
    """It would count as none, and could be bound again."""
    return some_key().sign(place(world), bytes(32))


FALSE = [
    swapped_binding,
    swapped_nullifier,
    another_contract,
    another_chain,
    another_alliance,
    s_in_the_other_half,
    other_parity,
    zero_address,
    dirty_nullifier,
    zero_binding,
]


def test_whatever_the_key_has_not_signed_is_passed_over_and_the_true_one_comes_after_it(world: World) -> None:
    """A relay, or whoever watches the pool, cannot take a nullifier from its bidder."""
    true = some(world, len(FALSE))
    wrong = [make(world, one) for make, one in zip(FALSE, true, strict=True)]
    for start in range(0, len(wrong), BATCH):
        part = wrong[start : start + BATCH]
        rest = some(world, BATCH - len(part))
        receipt = send(world, [*part, *rest], "ningbo")
        assert told(receipt)[0] == [one.nullifier for one in rest]
    assert not any(any(binding_of(world, one)) for one in wrong)
    for one in true:
        send(world, [one, *some(world, BATCH - 1)])
        assert binding_of(world, one) == one.binding
    assert not any(is_reservation_signed(place(world), one) for one in wrong), "nodes judge as the contract"


def test_what_eth_account_signs_is_taken(world: World) -> None:
    """The digest and the compact form by an implementation that is not ours."""
    account, binding = Keys.create(), secrets.token_bytes(32)
    domain = {
        "name": "Heqi",
        "version": "1",
        "chainId": world.evm.chain_id,
        "verifyingContract": "0x" + world.alliance.address.hex(),
        "salt": ALLIANCE_ID,
    }
    digest = typed_digest(domain, "ReserveApplication", {"binding": "bytes32"}, {"binding": binding})
    signed = account.unsafe_sign_hash(digest)
    vs = signed.s | (ODD if signed.v == 28 else 0)
    compact = signed.r.to_bytes(32, "big") + vs.to_bytes(32, "big")
    one = SignedReservation(bytes.fromhex(account.address[2:]).rjust(32, b"\0"), binding, compact)
    send(world, [one, *some(world, BATCH - 1)])
    assert binding_of(world, one) == binding
    assert is_reservation_signed(place(world), one)


@pytest.mark.parametrize("size", [0, 1, BATCH - 1, BATCH + 1])
def test_a_batch_of_another_size_would_tell_something_and_is_refused(world: World, size: int) -> None:
    with refused("ReservationsWrongSize", size):
        send(world, some(world, size))


def test_what_was_never_reserved_has_no_binding(world: World) -> None:
    assert world.view(world.reservations, "bindingOf", secrets.token_bytes(32)) == bytes(32)


def test_a_successor_knows_what_was_reserved_and_takes_what_was_signed_before_it(world: World) -> None:
    first, waiting = some(world), some(world)
    send(world, first)
    later = world.successor("Reservations")
    receipt = send(world, first, "ningbo", later)
    assert told(receipt) == ([], [])
    assert world.view(later, "bindingOf", first[0].nullifier) == first[0].binding
    assert told(send(world, waiting, "ningbo", later))[0] == [one.nullifier for one in waiting]


def test_a_batch_fits_the_gas_that_nodes_give(world: World) -> None:
    receipt = send(world, some(world))
    assert receipt.gas_used < 1_500_000 / 2
