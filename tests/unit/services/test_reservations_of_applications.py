"""Reservations of applications: what a bank goes by, what a bidder cannot do twice; who may hold shares."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from msgspec.structs import replace

from node.domain.descriptor import alliance_domain
from node.domain.document import peek_document
from node.domain.sealing import BATCH, ApplicationsReserved, ReserveApplications, SignedReservation
from node.domain.wallet import ReserveCall
from node.errors import (
    BusyError,
    ConflictError,
    DocumentFormatError,
    DuplicateError,
    MissingError,
    ReservationMissingError,
    RoleMissingError,
    SignatureError,
)
from node.services import reserving
from node.services.reserving import MOST_OF_ONE, Place, traces_of
from node.services.sealing_rows import reservation_of
from node.services.transaction import Transaction
from node.wallet.sealing import SealedPlan, SealedScribe
from tests.support.reserved import some_key, some_reservations
from tests.support.world import DAY, World
from tests.support.world_guarantees import BANK, INSURER
from tests.support.world_sealed import HOLDERS, NAMES, SealedTender

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def tender() -> AsyncIterator[SealedTender]:
    """An announced opening; two guarantors."""
    with World(NAMES[:4], guarantors=[BANK, INSURER], reserves=True) as world:
        yield await SealedTender(world).announce(HOLDERS[:2])


def bound_to(plan: SealedPlan, guarantor: str, until: int = 0) -> SealedPlan:
    """The plan as if its reservation were another's, or lasted longer."""
    last = plan.reservations[-1]
    return replace(plan, reservations=(replace(last, guarantor=guarantor, until=until or last.until),))


async def test_without_a_final_reservation_for_it_a_bank_takes_no_application(tender: SealedTender) -> None:
    bidder, insurer = await tender.tender.bidder(), tender.world[INSURER]
    plan = tender.begin(bidder, tender.plan(bidder))
    with pytest.raises(ReservationMissingError):
        tender.apply(bidder, plan)
    assert tender.reserve(bidder, plan) is Place.WAITING
    assert tender.reserve(bidder, plan) is Place.WAITING
    with pytest.raises(ReservationMissingError):
        tender.apply(bidder, plan)
    await tender.world.settle()
    assert tender.reserve(bidder, plan) is Place.RESERVED
    with pytest.raises(ReservationMissingError):
        tender.apply(bidder, bound_to(plan, INSURER), insurer)
    with pytest.raises(ReservationMissingError):
        tender.apply(bidder, bound_to(plan, BANK, plan.reservations[0].until + 1))
    plan = tender.apply(bidder, plan)
    await tender.world.settle()
    await tender.bank.services.guarantor.assess(plan.application)
    other = await tender.tender.bidder()
    with pytest.raises(MissingError):
        tender.ask(other, plan)  # only its applicant collects
    tender.pass_to(plan.reservations[0].until)
    await tender.world.settle()
    with pytest.raises(ReservationMissingError):
        tender.bank.services.guarantor.issue(plan.application, "MW-1")


async def test_an_applicant_cannot_reserve_one_application_for_two_banks(tender: SealedTender) -> None:
    bidder, insurer = await tender.tender.bidder(), tender.world[INSURER]
    plan = tender.plan(bidder)
    first, second = tender.begin(bidder, plan), tender.begin(bidder, plan, insurer)
    tender.reserve(bidder, first)
    tender.reserve(bidder, second, via=tender.world.third)
    await tender.world.settle()
    with pytest.raises(ConflictError):
        tender.begin(bidder, first, insurer)
    places = []
    for one, via in ((first, tender.world.home), (second, tender.world.third)):
        try:
            places.append(tender.reserve(bidder, one, via))
        except DuplicateError:
            places.append(Place.WAITING)
    assert sorted(place.value for place in places) == ["reserved", "waiting"], "whichever came first"


async def test_no_member_that_carries_a_reservation_binds_it_to_something_else(tender: SealedTender) -> None:
    """The relay, or whoever watches the pool, comes first with a binding of its own: the bidder's stands."""
    bidder, thief = await tender.tender.bidder(), tender.world.third
    plan = tender.begin(bidder, tender.plan(bidder))
    call = peek_document(SealedScribe(bidder.scribe).reserve(thief.name, plan), ReserveCall)
    own = SignedReservation(*map(bytes.fromhex, (call.nullifier, call.binding, call.signature)))
    false = [
        replace(own, binding=b"\7" * 32),
        replace(
            some_key().sign(alliance_domain(tender.world.descriptor), b"\7" * 32), nullifier=own.nullifier
        ),
    ]
    for one in false:
        told = {name: getattr(one, name).hex() for name in ("nullifier", "binding", "signature")}
        with pytest.raises(SignatureError):
            thief.services.reserving.reserve(bidder.scribe.call(ReserveCall, thief.name, **told))
    cover = some_reservations(alliance_domain(tender.world.descriptor), BATCH - len(false))
    transaction = Transaction(thief.store)
    thief.services.outbox.add(transaction, "theft", ReserveApplications((*false, *cover)))
    transaction.commit()
    await tender.world.settle()
    assert reservation_of(thief.store, cover[0].nullifier) is not None
    assert reservation_of(thief.store, own.nullifier) is None
    tender.reserve(bidder, plan)
    await tender.world.settle()
    assert tender.reserve(bidder, plan) is Place.RESERVED
    assert tender.apply(bidder, plan).application


async def test_one_bidder_cannot_fill_the_queue_of_others(tender: SealedTender) -> None:
    bidder, other = await tender.tender.bidder(), await tender.tender.bidder()
    relay = tender.centre
    plans = [tender.begin(bidder, tender.plan(tender.world.bidder())) for _ in range(MOST_OF_ONE + 1)]
    for plan in plans[:-1]:
        tender.reserve(bidder, plan)
    tender.reserve(bidder, plans[0])  # to ask again takes no place
    with pytest.raises(BusyError):
        tender.reserve(bidder, plans[-1])
    plan = tender.begin(other, tender.plan(other))
    tender.reserve(other, plan)
    assert not {relay.store.get(key) for key in traces_of(relay.store, bidder.subject)} & {None}
    assert len(list(traces_of(relay.store, bidder.subject))) == 3 * MOST_OF_ONE
    await tender.world.settle()
    assert tender.reserve(other, plan) is Place.RESERVED
    assert not list(traces_of(relay.store, bidder.subject)), "whose they were is not kept"
    assert tender.reserve(bidder, plans[-1]) is Place.WAITING


async def test_a_full_queue_takes_nothing_until_a_batch_has_left(
    tender: SealedTender, monkeypatch: pytest.MonkeyPatch
) -> None:
    await tender.world.settle()
    monkeypatch.setattr(reserving, "MOST_WAITING", 2)
    bidders = [await tender.tender.bidder() for _ in range(3)]
    plans = [tender.begin(bidder, tender.plan(bidder)) for bidder in bidders]
    for bidder, plan in zip(bidders[:2], plans[:2], strict=True):
        tender.reserve(bidder, plan)
    with pytest.raises(BusyError):
        tender.reserve(bidders[2], plans[2])
    await tender.world.settle()
    assert tender.reserve(bidders[2], plans[2]) is Place.WAITING


async def test_who_is_erased_waits_in_no_queue(tender: SealedTender) -> None:
    bidder, home = await tender.tender.bidder(), tender.world.home
    plan = tender.begin(bidder, tender.plan(bidder))
    tender.reserve(bidder, plan, via=home)
    home.services.erasures.by_wallet(bidder.scribe.erase(home.name))
    assert not list(traces_of(home.store, bidder.subject))
    for _ in range(2):
        await tender.world.settle()
    assert reservation_of(home.store, plan.nullifier) is None


async def test_a_refused_reservation_carries_no_further_application(tender: SealedTender) -> None:
    bidder = await tender.tender.bidder()
    plan = await tender.applied(bidder)
    tender.bank.services.guarantor.refuse(plan.application, "no credit")
    with pytest.raises(DuplicateError):
        tender.apply(bidder, replace(plan, salt="22" * 32))


async def test_a_batch_has_one_size_and_no_nullifier_twice(tender: SealedTender) -> None:
    bidder = await tender.tender.bidder()
    plan, before = tender.begin(bidder, tender.plan(bidder)), tender.world.chain.head().number
    for _ in range(2):
        tender.reserve(bidder, plan)
        await tender.world.settle()
    batches = [
        event.happening.nullifiers
        for event in tender.world.chain.events(before + 1, tender.world.chain.head().number)
        if isinstance(event.happening, ApplicationsReserved)
    ]
    seen = [nullifier for batch in batches for nullifier in batch]
    assert {len(batch) for batch in batches} == {BATCH}
    assert seen.count(plan.nullifier) == 1


async def test_a_sealed_application_says_nothing_in_the_clear(tender: SealedTender) -> None:
    bidder = await tender.tender.bidder()
    plan = tender.begin(bidder, tender.plan(bidder))
    tender.reserve(bidder, plan)
    await tender.world.settle()
    exact = replace(plan, terms=replace(plan.terms, exp=plan.terms.exp - 1))
    with pytest.raises(DocumentFormatError):
        tender.apply(bidder, exact)  # the exact end would name the tender


async def test_neither_guarantors_nor_the_centre_hold_shares(tender: SealedTender) -> None:
    openings, opens = tender.centre.services.openings, int(tender.world.clock.now()) + DAY
    for name in (BANK, tender.centre.name):
        with pytest.raises(DocumentFormatError):
            await openings.announce("S", opens, [*HOLDERS[:2], name], 2)
    for threshold in (0, 1, 3):
        with pytest.raises(DocumentFormatError):
            await openings.announce("S", opens, HOLDERS[:2], threshold)
    with pytest.raises(RoleMissingError):
        await tender.bank.services.openings.announce("S", opens, HOLDERS[:2], 2)


async def test_what_a_sealed_guarantee_rests_on_is_held_like_anothers(tender: SealedTender) -> None:
    """The bidder has its home erase it; the bank still has a promise to keep, and says so."""
    bidder, home = await tender.tender.bidder(), tender.world.home
    plan = await tender.issued(bidder, number="MW-9")
    home.services.erasures.by_wallet(bidder.scribe.erase(home.name))
    for _ in range(4):
        await tender.world.settle()
    told = [one for _, one in home.services.notices.of_subject(bidder.subject) if one.to == BANK]
    assert [one.outcome for one in told] == ["held"]
    assert tender.ask(bidder, plan).document
