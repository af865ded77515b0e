"""Who checked what: attestations at the home, and what they are worth to a reader."""

import asyncio
from collections.abc import Iterator, Sequence

import msgspec
import pytest

from adapters.registries.trial import MemoryRegistry
from node.config import RegistryConfig
from node.domain.attestation import (
    ALL_FIELDS,
    ATTESTATION_CATEGORY,
    About,
    Attestation,
    Method,
    Result,
    evidence_digest,
    standings,
)
from node.domain.evidence import VerifiedRecord
from node.domain.grant import Scope
from node.domain.registry import Comparison, RegistryEntry, RegistryState, encode_entry
from node.domain.wallet import PackageRecord
from node.errors import ConflictError, MissingError, RecordFormatError
from node.services import layout
from node.services.attesting import Attested
from node.services.reading import Fetched
from tests.support.world import DAY, World
from tests.support.world_bidder import LEGAL_REPRESENTATIVE, Bidder

SALT = "ab" * 32
EVIDENCE = evidence_digest(bytes.fromhex(SALT), b"a scan")
SCOPE = (
    Scope(ATTESTATION_CATEGORY, ALL_FIELDS),
    Scope("subject.base", ("credit_code", "legal_name", "legal_representative")),
)


@pytest.fixture
def register() -> MemoryRegistry:
    return MemoryRegistry()


@pytest.fixture
def world(register: MemoryRegistry) -> Iterator[World]:
    with World(registry=register) as world:
        yield world


def entry(bidder: Bidder, **changes: object) -> RegistryEntry:
    found = RegistryEntry(
        credit_code=bidder.code,
        name=bidder.organisation,
        state=RegistryState.IN_OPERATION,
        as_of="2026-03-01T00:00:00Z",
        source="1",
        legal_representative=LEGAL_REPRESENTATIVE,
        registered_capital="50000000",
    )
    return msgspec.structs.replace(found, **changes)


def attested(world: World, bidder: Bidder, method: Method | None = None) -> list[Attested]:
    found = world.home.services.attesting.of(bidder.subject)
    return [one for one in found if method in {None, one.attestation.method}]


def said(world: World, bidder: Bidder, method: Method) -> Attestation:
    [one] = attested(world, bidder, method)
    return one.attestation


async def read(world: World, bidder: Bidder, scope: Sequence[Scope] = SCOPE) -> Fetched:
    shared = await world.share(bidder, scope)
    return await world.reader.services.reading.fetch(shared.digest)


def base_of(fetched: Fetched) -> VerifiedRecord:
    [base] = [record for record in fetched.records if record.header.category == "subject.base"]
    return base


# -- the certificate --------------------------------------------------------------------------------------


def test_what_the_certificate_says_is_attested_with_the_registration(world: World) -> None:
    bidder = world.bidder()
    world.register(bidder)
    one = said(world, bidder, Method.CERTIFICATE)
    assert (one.about, one.fields) == (About("subject.base", "base", 1), ("credit_code", "legal_name"))
    assert (one.result, one.attester) == (Result.MATCH, world.home.name)
    assert one.evidence == evidence_digest(bytes.fromhex(one.evidence_salt), bidder.delegation.encode())


def test_a_name_that_is_not_the_certificates_is_attested_as_differing(world: World) -> None:
    bidder = world.bidder()
    world.register(bidder, package=[bidder.base(legal_name="虚构另一家有限公司")])
    one = said(world, bidder, Method.CERTIFICATE)
    assert (one.result, one.differs) == (Result.MISMATCH, ("legal_name",))


def test_a_newer_version_is_attested_anew_and_a_further_document_changes_nothing(world: World) -> None:
    bidder = world.bidder()
    world.register(bidder)
    world.register(bidder, package=[bidder.qualification("D2")])
    assert said(world, bidder, Method.CERTIFICATE).about.version == 1
    world.register(bidder, package=[bidder.base(email="one@example.cn")])
    assert said(world, bidder, Method.CERTIFICATE).about.version == 2


def test_a_renewed_delegation_is_attested_for_the_version_that_is_here(world: World) -> None:
    bidder = world.bidder()
    world.register(bidder)
    [before] = attested(world, bidder, Method.CERTIFICATE)
    bidder.delegation = bidder.delegate(bidder.key, seconds=1000)
    world.register(bidder, package=[])
    [after] = attested(world, bidder, Method.CERTIFICATE)
    assert (before.header.version, after.header.version) == (1, 2)
    assert after.attestation.about.version == 1


# -- the register -----------------------------------------------------------------------------------------


async def test_the_register_is_asked_after_the_registration_and_attested(
    world: World, register: MemoryRegistry
) -> None:
    bidder = world.bidder()
    register.entries[bidder.code] = entry(bidder)
    world.register(bidder)
    assert register.asked == []
    assert attested(world, bidder, Method.LOOK_UP) == []
    await world.settle()
    one = said(world, bidder, Method.LOOK_UP)
    assert one.fields == ("credit_code", "legal_name", "legal_representative", "registered_capital")
    assert (one.result, one.state, one.attester) == (Result.MATCH, "in-operation", register.name)
    evidence = encode_entry(register.entries[bidder.code])
    assert one.evidence == evidence_digest(bytes.fromhex(one.evidence_salt), evidence)


async def test_what_differs_is_named_and_never_its_value(world: World, register: MemoryRegistry) -> None:
    bidder = world.bidder()
    register.entries[bidder.code] = entry(
        bidder, legal_representative="李四", state=RegistryState.LICENCE_REVOKED
    )
    world.register(bidder)
    await world.settle()
    [one] = attested(world, bidder, Method.LOOK_UP)
    assert one.attestation.differs == ("legal_representative",)
    assert one.attestation.state == "licence-revoked"
    assert "李四" not in str(world.home.records.load(one.position).fields)


async def test_a_company_that_the_register_does_not_know_is_attested_as_not_found(world: World) -> None:
    bidder = world.bidder()
    world.register(bidder)
    await world.settle()
    one = said(world, bidder, Method.LOOK_UP)
    assert (one.result, one.fields, one.state) == (Result.NOT_FOUND, ("credit_code",), "")


async def test_an_absent_register_delays_nothing_and_is_asked_again(
    world: World, register: MemoryRegistry
) -> None:
    bidder = world.bidder()
    register.entries[bidder.code], register.is_absent = entry(bidder), True
    world.register(bidder)
    await world.settle()
    row = world.third.services.projection.subject(bytes.fromhex(bidder.subject))
    assert row is not None  # registered all the same
    state = world.home.services.look_ups.of(bidder.subject)
    assert (state.answered, state.problem) == (0, "REGISTRY_UNAVAILABLE")
    assert state.due > 0
    assert state.tries > 0
    world.home.restart()
    register.is_absent = False
    world.clock.advance(4000)
    await world.settle()
    assert said(world, bidder, Method.LOOK_UP).result is Result.MATCH
    after = world.home.services.look_ups.of(bidder.subject)
    assert (after.due, after.tries, after.problem) == (0, 0, "")


async def test_an_absent_register_is_asked_less_and_less_often(
    world: World, register: MemoryRegistry
) -> None:
    register.is_absent = True
    world.register(world.bidder())
    for _ in range(20):
        await world.home.services.look_ups.step()
        await world.home.services.look_ups.step()
        world.clock.advance(60)
    # At once, then after 5, 10, 20, … seconds, in steps of a minute.
    assert 5 <= len(register.asked) <= 9


async def test_a_slow_register_is_given_up_and_holds_up_no_other(register: MemoryRegistry) -> None:
    with World(("hangzhou",), registry=register) as world:
        slow, quick = world.bidder(), world.bidder()
        register.entries |= {bidder.code: entry(bidder) for bidder in (slow, quick)}
        world.home.services.look_ups._timeout = 0.01
        world.register(slow)
        register.hangs = asyncio.Event()
        await world.home.services.look_ups.step()
        assert world.home.services.look_ups.of(slow.subject).problem == "REGISTRY_SLOW"
        register.hangs.set()
        world.register(quick)
        await world.home.services.look_ups.step()
        assert said(world, quick, Method.LOOK_UP).result is Result.MATCH


async def test_an_answer_for_another_company_attests_nothing(world: World, register: MemoryRegistry) -> None:
    bidder, other = world.bidder(), world.bidder()

    async def lie(_: str) -> RegistryEntry:
        return entry(other)

    register.look_up = lie  # type: ignore[method-assign]
    world.register(bidder)
    await world.home.services.look_ups.step()
    assert attested(world, bidder, Method.LOOK_UP) == []
    assert world.home.services.look_ups.of(bidder.subject).problem == "REGISTRY_ANSWER"


async def test_one_answer_serves_for_its_time_and_a_correction_is_compared_at_once(
    world: World, register: MemoryRegistry
) -> None:
    bidder = world.bidder()
    register.entries[bidder.code] = entry(bidder)
    world.register(bidder, package=[bidder.base(legal_representative="误写")])
    await world.settle()
    assert said(world, bidder, Method.LOOK_UP).differs == ("legal_representative",)
    register.is_absent = True
    world.register(bidder, package=[bidder.base()])
    await world.settle()
    one = said(world, bidder, Method.LOOK_UP)
    assert (one.about.version, one.result) == (2, Result.MATCH)
    assert register.asked == [bidder.code]
    world.clock.advance(RegistryConfig().fresh_seconds)
    world.register(bidder, package=[bidder.base(email="two@example.cn")])
    await world.settle()
    assert len(register.asked) > 1
    assert said(world, bidder, Method.LOOK_UP).about.version == 2  # nobody has compared version 3 yet


async def test_a_document_that_changes_while_the_register_is_asked_is_the_one_compared(
    register: MemoryRegistry,
) -> None:
    with World(("hangzhou",), registry=register) as world:
        bidder = world.bidder()
        register.entries[bidder.code], register.hangs = entry(bidder), asyncio.Event()
        world.register(bidder)
        asking = asyncio.create_task(world.home.services.look_ups.step())
        while not register.asked:
            await asyncio.sleep(0)
        world.register(bidder, package=[bidder.base(legal_representative="新任")])
        register.hangs.set()
        await asking
        one = said(world, bidder, Method.LOOK_UP)
        assert (one.about.version, one.differs) == (2, ("legal_representative",))


async def test_what_the_register_said_is_sealed_and_goes_with_the_subject(
    world: World, register: MemoryRegistry
) -> None:
    bidder = world.bidder()
    register.entries[bidder.code] = entry(bidder, address="示例市虚构路 1 号")
    world.register(bidder)
    await world.settle()
    everything = world.home.store.everything()
    assert any(key.startswith(layout.LOOK_UP) for key in everything)
    needles = [text.encode() for text in ("虚构路", bidder.code, bidder.organisation)]
    assert not any(needle in value for value in everything.values() for needle in needles)
    register.is_absent = True
    world.register(bidder, package=[bidder.base(email="one@example.cn")])
    world.home.services.look_ups.ask_again(bidder.subject)
    world.home.services.erasures.by_wallet(bidder.scribe.erase(world.home.name))
    prefixes = (layout.LOOK_UP, layout.LOOK_UP_DUE)
    assert not any(key.startswith(prefixes) for key in world.home.store.everything())


async def test_attestations_about_a_category_are_erased_with_it_and_others_stay(world: World) -> None:
    bidder = world.bidder()
    world.register(bidder)
    by_operator(world, bidder, "level")
    world.home.services.erasures.by_wallet(bidder.scribe.erase(world.home.name, ["subject.qualification"]))
    assert {one.attestation.about.category for one in attested(world, bidder)} == {"subject.base"}


async def test_a_node_without_a_register_asks_and_promises_nothing() -> None:
    with World(("hangzhou",)) as world:
        bidder = world.bidder()
        world.register(bidder)
        assert await world.home.services.look_ups.step() is False
        assert world.home.services.look_ups.of(bidder.subject).due == 0
        with pytest.raises(ConflictError, match="no register is configured"):
            world.home.services.look_ups.ask_again(bidder.subject)


# -- an operator --------------------------------------------------------------------------------------------


def by_operator(world: World, bidder: Bidder, *fields: str, version: int = 1, differs: str = "") -> Attested:
    return world.home.services.attesting.by_operator(
        bidder.subject,
        About("subject.qualification", "D199999999", version),
        Method.ORIGINAL,
        "",
        Comparison(fields, (differs,) if differs else ()),
        EVIDENCE,
        SALT,
    )


def test_an_operator_attests_what_he_saw_and_that_is_on_record(world: World) -> None:
    bidder = world.bidder()
    world.register(bidder)
    one = by_operator(world, bidder, "certificate_number", "level", differs="level")
    assert (one.attestation.result, one.attestation.differs) == (Result.MISMATCH, ("level",))
    assert one.header.owner == bidder.subject
    [act] = [act for act in world.home.services.acts.newest_first() if act.act == "record.attested"]
    assert act.about == {
        "subject": bidder.subject,
        "category": "subject.qualification",
        "position": str(one.position),
    }


def test_an_operator_attests_only_what_there_is(world: World) -> None:
    bidder, stranger = world.bidder(), world.bidder()
    world.register(bidder)
    with pytest.raises(MissingError, match="no version 2"):
        by_operator(world, bidder, "level", version=2)
    with pytest.raises(RecordFormatError, match="no field unheard"):
        by_operator(world, bidder, "level", "unheard")
    stranger.subject = "ab" * 32
    with pytest.raises(MissingError, match="has its home here"):
        by_operator(world, stranger, "level")
    with pytest.raises(RecordFormatError, match="must be among"):
        by_operator(world, bidder, "level", differs="certificate_number")
    attesting, about = world.home.services.attesting, About("subject.qualification", "D199999999", 1)
    for method, authority in ((Method.LOOK_UP, "x"), (Method.ORIGINAL, "x"), (Method.DOCUMENT, "")):
        with pytest.raises(RecordFormatError, match="an operator attests"):
            attesting.by_operator(
                bidder.subject, about, method, authority, Comparison(("level",), ()), EVIDENCE, SALT
            )


async def test_a_home_cannot_attest_for_a_subject_that_has_its_home_elsewhere(world: World) -> None:
    bidder = world.bidder()
    world.register(bidder, world.reader)
    await world.settle()
    with pytest.raises(MissingError, match="has its home here"):
        by_operator(world, bidder, "level")
    with pytest.raises(MissingError):
        list(world.home.services.attesting.of(bidder.subject))


# -- what a wallet can do ---------------------------------------------------------------------------------


@pytest.mark.parametrize("is_first", [True, False])
def test_a_wallet_cannot_write_an_attestation(world: World, is_first: bool) -> None:
    bidder = world.bidder()
    if not is_first:
        world.register(bidder)
    forged = PackageRecord(
        ATTESTATION_CATEGORY, "mine", {"about_category": "subject.base", "result": "match"}
    )
    with pytest.raises(RecordFormatError, match="documents of the subject only"):
        world.register(bidder, package=[bidder.base(), forged])


# -- the reader -------------------------------------------------------------------------------------------


async def test_a_reader_sees_which_fields_are_attested_by_whom_and_when(
    world: World, register: MemoryRegistry
) -> None:
    bidder = world.bidder()
    register.entries[bidder.code] = entry(bidder, legal_representative="李四")
    world.register(bidder)
    await world.settle()
    await world.settle()
    fetched = await read(world, bidder)
    worth = {one.field: one for one in standings(base_of(fetched), fetched.records)}
    assert {one.method for one in worth["legal_name"].attested} == {Method.CERTIFICATE, Method.LOOK_UP}
    assert [one.method for one in worth["legal_representative"].disputed] == [Method.LOOK_UP]
    assert worth["legal_representative"].attested == ()


async def test_an_attestation_of_version_1_does_not_count_for_version_2(
    world: World, register: MemoryRegistry
) -> None:
    bidder = world.bidder()
    register.entries[bidder.code] = entry(bidder)
    world.register(bidder)
    await world.settle()
    register.is_absent = True
    world.clock.advance(2 * DAY)
    world.register(bidder, package=[bidder.base(legal_representative="新任")])
    await world.settle()
    await world.settle()
    fetched = await read(world, bidder)
    base = base_of(fetched)
    assert base.header.version == 2
    worth = {one.field: one for one in standings(base, fetched.records)}
    assert worth["legal_representative"].attested == ()
    assert [one.about.version for one in worth["legal_representative"].outdated] == [1]
    assert [one.method for one in worth["legal_name"].attested] == [Method.CERTIFICATE]


async def test_a_part_of_an_attestation_that_could_turn_its_meaning_is_none(
    world: World, register: MemoryRegistry
) -> None:
    bidder = world.bidder()
    register.entries[bidder.code] = entry(bidder, legal_representative="李四")
    world.register(bidder)
    await world.settle()
    await world.settle()
    for left_out in ("differs", "result", "about_version"):
        fields = tuple(name for name in ALL_FIELDS if name != left_out)
        fetched = await read(world, bidder, (Scope(ATTESTATION_CATEGORY, fields), SCOPE[1]))
        worth = {one.field: one for one in standings(base_of(fetched), fetched.records)}
        assert worth["legal_representative"].attested == (), left_out
