"""First load: registrations without wallets, stored and anchored, shared with nobody until their bidders come."""

import hashlib

import pytest

from adapters.systems.sample_packages import base_document, qualification_document
from node.domain.draft import RecordDraft
from node.errors import (
    DuplicateError,
    MissingError,
    NodeError,
    RecordFormatError,
    SequenceError,
    StandingError,
    UnknownCallerError,
)
from node.services import layout
from node.services.loading import Existing
from node.services.preparing import Problem
from node.services.transaction import Transaction
from node.services.waiting import WAITING
from tests.support.world import World
from tests.support.world_faults import KilledError, kill_at
from tests.support.world_legal import read
from tests.unit.services.test_standing import suspend

SYSTEM = "主体库"


@pytest.fixture
async def world():
    with World(supervisors=["supervision"]) as world:
        await world.settle()
        yield world


def record(category, thing, **fields):
    return RecordDraft(category, thing, None, "-", "", None, fields)


def existing(bidder, source_id="10001", **changes):
    base = base_document(bidder.organisation, bidder.code, **{"bank_account": "6222 0000", **changes})
    further = qualification_document(bidder.code, "D1")
    records = [record(one.category, one.thing, **one.fields) for one in (base, further)]
    content = hashlib.sha256(repr((source_id, bidder.code, records)).encode()).digest()
    return Existing(source_id, bidder.code, records, content)


def load(world, *items, sequence=1, client="load-1", system=SYSTEM):
    digest = hashlib.sha256(repr(items).encode()).digest()
    return world.home.services.loading.load(client, sequence, digest, system, items)


def subject_of(world, bidder):
    return world.home.services.registrations.find(bidder.code)


async def test_a_loaded_registration_is_stored_anchored_and_on_no_ledger(world):
    bidder = world.bidder()
    loaded = load(world, existing(bidder))
    assert (loaded.added, loaded.accepted.count, loaded.accepted.parked) == (1, 2, 0)
    subject = subject_of(world, bidder)
    positions = list(world.home.records.all_of(subject))
    await world.settle()
    assert world.home.services.proving.final_through() > max(positions)
    assert world.home.services.projection.subject(bytes.fromhex(subject)) is None
    assert world.home.outbox() == []
    for key, value in world.home.store.everything().items():
        assert b"6222" not in value, key
        assert bidder.code.encode() not in key + value, key


async def test_the_bidder_takes_its_registration_over_with_positions_and_versions(world):
    bidder = world.bidder()
    load(world, existing(bidder))
    await world.settle()
    subject = subject_of(world, bidder)
    before = {at: world.home.records.load(at) for at in world.home.records.all_of(subject)}
    registered = world.register(bidder, package=[])
    await world.settle()
    assert registered.subject == subject
    after = {at: world.home.records.load(at) for at in world.home.records.all_of(subject)}
    assert {at: after[at] for at in before} == before
    assert {after[at].header.category for at in after.keys() - before.keys()} == {"subject.attestation"}
    row = world.reader.services.projection.subject(bytes.fromhex(subject))
    assert row is not None
    assert row.home == world.home.name
    shared = await world.share(bidder)
    fetched = await world.reader.services.reading.fetch(shared.digest)
    assert fetched.records[0].fields["bank_account"] == "6222 0000"
    assert fetched.records[0].header.version == 1
    assert Transaction(world.home.store).counter(WAITING) == 0


async def test_what_the_bidder_brings_along_becomes_the_next_version(world):
    bidder = world.bidder()
    load(world, existing(bidder))
    world.register(bidder)
    await world.settle()
    [newest] = world.home.records.newest(bidder.subject, "subject.base", lambda _: True)
    assert world.home.records.load(newest).header.version == 2


async def test_another_companys_certificate_takes_nothing_over(world):
    bidder, other = world.bidder(), world.bidder()
    load(world, existing(bidder))
    waiting = subject_of(world, bidder)
    world.register(other)
    assert other.subject != waiting
    with pytest.raises(NodeError):
        world.home.services.registrations.register(
            other.scribe.register(world.home.name, bidder.delegation, other.package())
        )
    assert world.home.services.waiting.is_waiting(waiting)


async def test_before_activation_it_answers_as_a_subject_that_does_not_exist(world):
    bidder, nobody = world.bidder(), world.bidder()
    load(world, existing(bidder))
    await world.settle()
    home, said = world.home.services, []
    for subject in (subject_of(world, bidder), "ab" * 32):
        answers = []
        bidder.subject, bidder.home = subject, world.home
        digest = world.request(world.reader, bidder)
        await world.settle()
        answers.append(list(home.sharing.requests(subject)))
        for call in (
            lambda s=subject: home.registrations.load(s),
            lambda s=subject: home.registrations.owned_by(s, bidder.key.public_key.hex()),
            lambda s=subject: home.erasures.by_wallet(bidder.scribe.erase(world.home.name, ())),
            lambda s=subject: home.registrations.register(
                bidder.scribe.register(world.home.name, nobody.delegation, bidder.package())
            ),
        ):
            with pytest.raises(NodeError) as refused:
                call()
            answers.append((type(refused.value), str(refused.value)))
        [own] = [one for one, _ in world.reader.services.reading.requests() if one == digest]
        assert own
        answers.append(home.registrations.is_home_of(subject))
        said.append(answers)
    assert said[0] == said[1]
    assert UnknownCallerError in {one[0] for one in said[0] if isinstance(one, tuple)}


async def test_no_grant_covers_it_and_a_read_on_a_legal_basis_does(world):
    bidder = world.bidder()
    load(world, existing(bidder))
    await world.settle()
    subject = subject_of(world, bidder)
    assert world.home.services.projection.subject(bytes.fromhex(subject)) is None  # so no grant opens
    fetched = await read(world, world["supervision"], world.home, "", credit_code=bidder.code)
    assert fetched.records[0].header.owner == subject
    world.register(bidder, package=[])
    await world.settle()
    assert len(list(world.home.services.legal_history.seen_by(bidder.subject, world.clock.now()))) == 1


async def test_the_same_registration_again_stores_nothing(world):
    bidder = world.bidder()
    load(world, existing(bidder))
    before = world.home.services.status.now().records
    again = load(world, existing(bidder), client="load-2")
    assert (again.unchanged, again.added, again.accepted.count) == (1, 0, 0)
    # The new client's first message is an act; nothing else is new.
    assert world.home.services.status.now().records == before + 1


async def test_the_same_message_again_gets_the_same_answer_and_another_one_is_refused(world):
    bidder, other = world.bidder(), world.bidder()
    first = load(world, existing(bidder))
    again = load(world, existing(bidder))
    assert (again.is_repeated, again.accepted) == (True, first.accepted)
    with pytest.raises(SequenceError):
        load(world, existing(other, "10002"))
    with pytest.raises(SequenceError):
        load(world, existing(other, "10002"), sequence=3)


async def test_other_content_becomes_next_versions_until_the_bidder_has_come(world):
    bidder = world.bidder()
    load(world, existing(bidder))
    changed = load(world, existing(bidder, legal_name="改名后有限公司"), sequence=2)
    assert (changed.changed, changed.accepted.count) == (1, 2)
    [newest] = world.home.records.newest(subject_of(world, bidder), "subject.base", lambda _: True)
    assert world.home.records.load(newest).header.version == 2
    world.register(bidder, package=[])
    late = load(world, existing(bidder, legal_name="再次改名"), sequence=3)
    assert [one.problem.reason for one in late.parked] == ["DUPLICATE"]


async def test_bad_lines_are_parked_with_all_their_mistakes_and_stop_nothing(world):
    good, bad, twice = world.bidder(), world.bidder(), world.bidder()
    wrong = Existing(
        "", bad.code[:-1] + "I",
        [
            record("trade.award", "x", a="b"), record("subject.base", "base", credit_code=good.code),
            record("access.read", "x", a="b"), Problem("RECORD_FORMAT", "a float"),
        ],
        bytes(32),
    )  # fmt: skip
    loaded = load(
        world, existing(good), wrong, existing(twice, "3"), existing(twice, "4"), Problem("X", "not JSON")
    )
    assert (loaded.added, loaded.accepted.parked) == (2, 3)
    assert [(one.place, one.problem.reason) for one in loaded.parked] == [
        (1, "RECORD_FORMAT"), (3, "DUPLICATE"), (4, "RECORD_FORMAT"),
    ]  # fmt: skip
    message = loaded.parked[0].problem.message
    assert all(
        part in message for part in ("id:", "credit_code:", "record 0", "record 1", "record 2", "record 3")
    )
    rows = [row for _, row in world.home.services.parking.rows()]
    assert len(rows) == 3
    assert all(good.code.encode() not in row.raw and bad.code.encode() not in row.raw for row in rows)


async def test_a_company_that_has_registered_is_not_loaded_over(world):
    bidder = world.bidder()
    world.register(bidder)
    loaded = load(world, existing(bidder))
    assert [one.problem.reason for one in loaded.parked] == ["DUPLICATE"]


async def test_a_kill_in_the_middle_leaves_a_message_whole_or_absent(world):
    bidder, other = world.bidder(), world.bidder()
    load(world, existing(bidder))
    world.home.store.before = kill_at("write")
    with pytest.raises(KilledError):
        load(world, existing(other, "2"), sequence=2)
    world.home.restart()
    await world.follow()
    with pytest.raises(MissingError):
        subject_of(world, other)
    assert load(world, existing(other, "2"), sequence=2).added == 1
    assert subject_of(world, bidder) != subject_of(world, other)


@pytest.mark.parametrize("activated", [False, True])
async def test_erasure_leaves_no_trace_of_a_loaded_registration(world, activated):
    bidder = world.bidder()
    load(world, existing(bidder))
    subject = subject_of(world, bidder)
    if activated:
        world.register(bidder, package=[])
    await world.settle()
    world.home.services.erasures.by_operator("", bidder.code, (), "asked by letter")
    await world.settle()
    with pytest.raises(MissingError):
        subject_of(world, bidder)
    prefixes = (layout.WAITING, layout.LOADED, layout.LOADED_OF, layout.VERSION, layout.REGISTRATION)
    assert [key for prefix in prefixes for key, _ in world.home.store.scan(prefix)] == []
    assert world.home.services.vault.parts(subject) == []
    assert Transaction(world.home.store).counter(WAITING) == 0


async def test_a_suspended_home_loads_nobody(world):
    await suspend(world, world.home)
    with pytest.raises(StandingError):
        load(world, existing(world.bidder()))


async def test_a_subject_that_moves_here_does_not_mix_with_one_that_waits(world):
    bidder = world.bidder()
    world.register(bidder, world.third)
    await world.settle()
    load(world, existing(bidder))
    home = world.home.services
    place = home.moving.place(bidder.scribe.place(world.home.name))
    token = bidder.scribe.move(
        world.home.name, bidder.delegation, bidder.package(), place.version + 1, place.contract
    )
    with pytest.raises(DuplicateError):
        home.moving.take_over(token)


async def test_a_source_without_a_name_and_a_message_that_is_too_large_are_refused(world):
    bidder = world.bidder()
    with pytest.raises(RecordFormatError, match="name"):
        load(world, existing(bidder), system="")
    many = Existing(
        "1", bidder.code, [record("subject.base", str(n), a="b") for n in range(5_001)], bytes(32)
    )
    with pytest.raises(RecordFormatError, match="5000"):
        load(world, many)
