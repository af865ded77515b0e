"""What sealed bids leave behind, and when it goes: holders' keys and shares, reservations."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.store.memory import MemoryStore
from node.domain.document import peek_document, sign_document
from node.domain.encoding import to_base64url
from node.domain.opening import (
    KEY_KEPT_SECONDS,
    KEY_SECONDS,
    LONGEST_OPENING_SECONDS,
    Opening,
    ShareRelease,
    ShareRequest,
    open_terms,
)
from node.domain.sealed_guarantee import RESERVATION_DAYS
from node.domain.sealing import ApplicationsReserved
from node.domain.shares import seal_share, share_info
from node.errors import DocumentFormatError, MissingError
from node.services import layout
from node.services.revealing import Bid
from node.services.sealing_rows import apply_sealing, reservation_of
from node.services.transaction import Transaction
from tests.support.world import DAY, World
from tests.support.world_centre import Centre
from tests.support.world_guarantees import BANK
from tests.support.world_sealed import HOLDERS, NAMES, SealedTender


@pytest.fixture
def world() -> Iterator[World]:
    with World(NAMES, guarantors=[BANK], reserves=True, batch_size=16) as world:
        yield world


@pytest.fixture
def on_disk(tmp_path: Path) -> Iterator[World]:
    with World(("hangzhou", "nanjing", "shanghai"), folder=tmp_path) as world:
        yield world


def keys_of(holder: Centre) -> dict[str, bytes]:
    """The wrapped keys of a holder, and the shares that it gave, as they lie in its database."""
    rows = [*holder.store.scan(layout.OPENING_KEY), *holder.store.scan(layout.SHARES_GIVEN)]
    return {repr(key[:8]): value for key, value in rows}


def in_files(folder: Path, needles: dict[str, bytes]) -> set[str]:
    raw = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    return {name for name, needle in needles.items() if any(needle in content for content in raw)}


async def announce(world: World, in_seconds: int) -> tuple[str, Opening]:
    """By nanjing, with two holders; final everywhere."""
    opens = int(world.clock.now()) + in_seconds
    announced = world["nanjing"].services.openings.announce("GC-1", opens, ("hangzhou", "shanghai"), 2)
    terms = await announced
    await world.settle(corroborate=False)
    return terms, open_terms(terms, world.member)


def release(world: World, terms: str, sealed: str) -> str:
    """Shanghai's answer to nanjing."""
    centre = world["nanjing"]
    request = ShareRequest(
        alliance=world.descriptor.alliance,
        iat=int(world.clock.now()),
        jti=to_base64url(bytes(16)),
        iss=centre.name,
        aud="shanghai",
        terms=terms,
        shares=(sealed,),
    )
    signed = sign_document(request, centre.keys.identity.sign)
    return world["shanghai"].services.share_keeping.release(centre.name, signed)


async def test_keys_and_shares_are_in_no_file_of_a_holder_once_the_opening_is_long_over(
    on_disk: World, tmp_path: Path
) -> None:
    world, holder = on_disk, on_disk["shanghai"]
    await world.settle(corroborate=False)
    terms, opening = await announce(world, DAY)
    info = share_info(bytes.fromhex(world.descriptor.alliance), opening.id, holder.name)
    sealed = to_base64url(seal_share(opening.holders[1].key, bytes(17), info))
    world.clock.advance(DAY + 1)
    world.seal()
    await world.settle(corroborate=False)
    world["nanjing"].services.openings.open(opening.id.hex())
    await world.settle(corroborate=False)
    answer = peek_document(release(world, terms, sealed), ShareRelease)
    assert answer.shares == (to_base64url(bytes(17)),)
    keeping, folder = holder.services.share_keeping, tmp_path / holder.name
    needles = keys_of(holder)
    assert len(needles) == 2, "a key, and what was released"
    await keeping.step()
    assert in_files(folder, needles) == set(needles), "shares can be asked for again for a while"
    await announce(world, 200 * DAY)
    world.clock.advance(KEY_KEPT_SECONDS + DAY)
    world.seal()
    await world.settle(corroborate=False)
    scan = holder.store.scan(b"")
    next(scan)
    await keeping.step()
    scan.close()  # type: ignore[attr-defined]
    await keeping.step()
    assert in_files(folder, needles) == set()
    holder.restart()
    await world.settle(corroborate=False)
    assert in_files(folder, needles) == set()
    assert len(keys_of(holder)) == 1, "the key of the tender that is to come stays"
    assert not list(holder.store.scan(layout.SHARES_END, stop=layout.number(int(world.clock.now()))))
    with pytest.raises(MissingError, match="nothing to release"):
        release(world, terms, sealed)


async def test_a_bid_of_long_ago_is_opened_by_nobody_but_its_bidder(world: World) -> None:
    await world.settle()
    tender = await SealedTender(world).announce(in_seconds=10 * DAY)
    bidder = await tender.tender.bidder()
    bid = tender.seal(bidder, await tender.issued(bidder))
    await tender.open()
    assert not (await tender.reveal(bid))[0].problem
    tender.pass_to(int(world.clock.now()) + KEY_KEPT_SECONDS)
    await world.settle(corroborate=False)
    for name in HOLDERS:
        await world[name].services.share_keeping.step()
    alone = Bid(bid.sealed.file, bidder.code, bid.sealed.opening_key)
    by_holders, by_bidder = await tender.reveal(bid, alone)
    assert (bool(by_holders.problem), by_bidder.problem) == (True, "")


async def test_a_key_that_nobody_ever_asked_for_goes_after_every_moment_it_can_be_for(world: World) -> None:
    await world.settle()
    tender = await SealedTender(world).announce(in_seconds=300 * DAY)
    openings, made = tender.centre.services.openings, tender.opening.terms.iat
    with pytest.raises(DocumentFormatError, match="365 days"):
        openings.postpone(tender.id, made + LONGEST_OPENING_SECONDS + 1, "for long")
    with pytest.raises(DocumentFormatError, match="365 days"):
        await tender.announce(in_seconds=LONGEST_OPENING_SECONDS + DAY)
    openings.postpone(tender.id, made + LONGEST_OPENING_SECONDS, "for as long as can be")
    await world.settle(corroborate=False)
    holder = world[HOLDERS[0]]
    for moment, left in ((made + LONGEST_OPENING_SECONDS + DAY, 1), (made + KEY_SECONDS + DAY, 0)):
        tender.pass_to(moment)
        await world.settle(corroborate=False)
        await holder.services.share_keeping.step()
        assert len(keys_of(holder)) == left


async def test_a_clock_that_runs_ahead_ends_no_key(world: World) -> None:
    await world.settle()
    await SealedTender(world).announce()
    holder = world[HOLDERS[0]]
    world.clock.advance(2 * KEY_SECONDS)  # and no block of that time
    await holder.services.share_keeping.step()
    assert len(keys_of(holder)) == 1


async def test_what_was_beside_its_cover_is_not_told_from_the_relays_database_later(world: World) -> None:
    tender = await SealedTender(world).announce()
    bidder = await tender.tender.bidder()
    plan = tender.begin(bidder, tender.plan(bidder))
    tender.reserve(bidder, plan)
    assert list(tender.centre.store.scan(layout.RESERVATION_NUMBER))
    for _ in range(2):
        tender.centre.services.reserving.send_batch()
        await world.settle(corroborate=False)
    assert reservation_of(tender.centre.store, plan.nullifier)
    assert not list(tender.centre.store.scan(layout.RESERVATION_NUMBER))


# -- reservations --------------------------------------------------------------------------------------

BATCHES = st.lists(
    st.tuples(
        st.integers(0, 400 * DAY // 4),
        st.lists(st.integers(0, 40), min_size=8, max_size=8),
        st.sampled_from(["hangzhou", "nanjing"]),
    ),
    max_size=12,
)


def batches(drawn: list[tuple[int, list[int], str]]) -> list[ApplicationsReserved]:
    """In the order of their blocks, each with what a contract takes of it that never forgets."""
    time, found, held = 1_790_000_000, [], set[bytes]()
    for number, (pause, numbers, member) in enumerate(drawn):
        time += pause
        nullifiers = tuple(
            one for one in dict.fromkeys(bytes([one]) * 32 for one in numbers) if one not in held
        )
        held.update(nullifiers)
        bindings = tuple(bytes([number + 1, place]) * 16 for place in range(len(nullifiers)))
        found.append(ApplicationsReserved(member, nullifiers, bindings, time))
    return found


def rows(happenings: list[ApplicationsReserved], piece: int) -> dict[bytes, bytes]:
    """The projection after reading them in pieces of so many."""
    store = MemoryStore()
    for first in range(0, len(happenings), piece):
        transaction = Transaction(store)
        for one in happenings[first : first + piece]:
            apply_sealing(transaction, one)
        transaction.commit()
    return dict(store.scan(b""))


@settings(max_examples=60)
@given(BATCHES)
def test_reservations_are_the_same_in_however_large_pieces_the_ledger_is_read(
    drawn: list[tuple[int, list[int], str]],
) -> None:
    happenings = batches(drawn)
    one_by_one = rows(happenings, 1)
    assert rows(happenings, 3) == one_by_one
    assert rows(happenings, 100) == one_by_one


@settings(max_examples=60)
@given(BATCHES)
def test_what_is_kept_is_what_the_contract_took_and_not_too_long_ago(
    drawn: list[tuple[int, list[int], str]],
) -> None:
    happenings, model = batches(drawn), dict[bytes, tuple[int, bytes]]()
    for one in happenings:
        oldest = one.time // DAY - RESERVATION_DAYS
        model = {key: held for key, held in model.items() if held[0] // DAY >= oldest}
        for nullifier, binding in zip(one.nullifiers, one.bindings, strict=True):
            model[nullifier] = (one.time, binding)
    store = MemoryStore()
    transaction = Transaction(store)
    for one in happenings:
        apply_sealing(transaction, one)
    transaction.commit()
    for number in range(41):
        row = reservation_of(store, bytes([number]) * 32)
        assert (None if row is None else (row.time, row.binding)) == model.get(bytes([number]) * 32)


def test_a_year_of_reservations_takes_no_more_than_its_last_half() -> None:
    store, day = MemoryStore(), 20_000
    for number in range(3 * RESERVATION_DAYS):
        transaction = Transaction(store)
        nullifiers = tuple(number.to_bytes(31, "big") + bytes([place]) for place in range(8))
        apply_sealing(
            transaction, ApplicationsReserved("hangzhou", nullifiers, nullifiers, (day + number) * DAY)
        )
        transaction.commit()
    assert sum(1 for _ in store.scan(layout.LEDGER_RESERVATION)) == 8 * (RESERVATION_DAYS + 1)
    assert sum(1 for _ in store.scan(layout.LEDGER_RESERVED_ON)) == RESERVATION_DAYS + 1
