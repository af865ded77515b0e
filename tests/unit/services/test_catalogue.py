"""The catalogue at nodes: votes, texts that are missing or false, and what happens to records meanwhile."""

import msgspec
import pytest

from node.domain.alliance_life import ProposeDefinition
from node.domain.catalogue import shipped
from node.domain.catalogue.definition import Definition, FieldRule, definition_digest, encode_definition
from node.domain.grant import Scope
from node.domain.ledger import CastVote
from node.domain.record import EARLIER_RECORD_TYPE, RECORD_TYPE, parse_payload
from node.domain.wallet import PackageRecord
from node.errors import (
    ConflictError,
    DefinitionError,
    DefinitionMissingError,
    MissingError,
    PackageError,
    RecordFormatError,
)
from node.services.preparing import Incoming
from tests.support import catalogue
from tests.support.world import World
from tests.support.world_centre import Centre
from tests.support.world_records import incoming

as_before = catalogue.as_before
AWARD = "trade.award"
HOUR = 3600


def later(name: str = AWARD, **fields: FieldRule) -> Definition:
    """The next version of a shipped definition, with further fields."""
    known = shipped.definitions()[name]
    return msgspec.structs.replace(known, version=known.version + 1, fields={**known.fields, **fields})


def field(**members: object) -> FieldRule:
    return FieldRule(chinese="新增", english="Added", schema={"type": "string", "maxLength": 20}, **members)


def new_category(name: str = "example.vote") -> Definition:
    return Definition(
        type="heqi.category.v1",
        name=name,
        version=1,
        chinese="表决示例",
        english="An example that was voted in",
        owner="centre",
        slots=8,
        fields={"title": field(required=True)},
    )


async def decide(world: World, definition: Definition) -> bytes:
    """Two of three agree; the definition's hash."""
    digest = world.home.services.catalogue_votes.propose(encode_definition(definition))
    await world.settle()
    number = max(number for number, _ in world.reader.services.projection.proposals())
    world.reader.services.membership.vote(number, approve=True)
    await world.settle()
    return digest


def append(centre: Centre, thing: str, category: str = AWARD, **fields: object) -> list[str]:
    """Hand in one record; why it was parked, if it was."""
    sequence = centre.records.last_sequence("etrading") + 1
    before = dict(centre.services.parking.rows())
    centre.records.append("etrading", sequence, [incoming(thing, category=category, fields=fields)])
    return [row.message for number, row in centre.services.parking.rows() if number not in before]


def last(centre: Centre) -> tuple[int, str]:
    """Version and type in the payload of the newest record."""
    payload = centre.records.load(_newest(centre)).seal().payload
    return parse_payload(payload)[0].definition, msgspec.json.decode(payload)["type"]


async def test_what_is_in_force_at_the_founding_came_with_the_software(world: World) -> None:
    await world.settle()
    for centre in world.centres.values():
        rules = centre.services.catalogue.rules()
        assert {entry.category for entry in rules.entries} == set(shipped.definitions())
        assert not rules.lacking
        assert centre.services.catalogue.wanted() == []
        assert not any(entry.text for entry in rules.entries), "nothing is kept that came with the software"


async def test_a_vote_changes_what_new_records_must_be_and_old_ones_stay_readable(world: World) -> None:
    await world.settle()
    home = world.home
    assert "no such field" in append(home, "a", title="示例", added="x")[0]
    assert append(home, "a", title="示例") == []
    assert last(home) == (1, RECORD_TYPE)
    digest = await decide(world, later(added=field(required=True)))
    for centre in world.centres.values():
        assert centre.services.catalogue.rules().version(AWARD) == 2
        assert definition_digest(centre.services.catalogue.text(digest)) == digest
        (told,) = append(centre, "b", title="示例")
        assert told.startswith("added（新增）")
        assert append(centre, "b", title="示例", added="x") == []
        assert last(centre) == (2, RECORD_TYPE)
    old = home.records.load(0)
    assert (old.header.definition, old.fields["title"]) == (1, "示例")
    assert parse_payload(old.seal().payload)[0] == old.header


async def test_what_was_parked_can_be_released_once_a_vote_allows_it(world: World) -> None:
    await world.settle()
    append(world.home, "a", title="示例", added="x")
    (number,) = dict(world.home.services.parking.rows())
    await decide(world, later(added=field()))
    draft = incoming("a", category=AWARD, fields={"title": "示例", "added": "x"}).draft
    position = world.home.services.decisions.release_record(number, draft)
    assert world.home.records.load(position).header.definition == 2


async def test_records_of_a_category_that_was_voted_in_are_taken_proven_and_listed(world: World) -> None:
    await world.settle()
    assert "unknown category" in append(world.home, "x", "example.vote", title="一")[0]
    await decide(world, new_category())
    assert append(world.home, "x", "example.vote", title="一") == []
    assert append(world.home, "y", "example.vote", title=7) != []
    await world.settle()
    assert world.home.services.proving.own_bundle(_newest(world.home), ["title"])
    world.home.restart()
    assert append(world.home, "z", "example.vote", title="二") == []


def _newest(centre: Centre) -> int:
    return int.from_bytes(centre.records._store.get(b"m/position"), "big") - 1


async def test_until_its_text_is_here_a_category_takes_nothing_and_all_others_go_on(world: World) -> None:
    await world.settle()
    world.network.refuse_definitions = True
    await decide(world, later(added=field()))
    digest = definition_digest(encode_definition(later(added=field())))
    assert world.home.services.catalogue.rules().lacking == {}, "who proposed it has it"
    third = world.third
    assert third.services.catalogue.wanted() == [digest]
    (told,) = append(third, "a", title="示例")
    assert "its text is not here yet" in told
    assert append(third, "b", "trade.tender", title="示例") == []
    with pytest.raises(MissingError):
        third.services.catalogue.text(digest)
    world.network.refuse_definitions = False
    await world.settle()
    assert third.services.catalogue.wanted() == []
    assert append(third, "a", title="示例", added="x") == []


async def test_a_wallets_package_is_refused_with_the_reason_where_a_text_is_missing(world: World) -> None:
    await world.settle()
    world.network.refuse_definitions = True
    await decide(world, later("subject.qualification", added=field()))
    with pytest.raises(DefinitionMissingError, match=r"subject\.qualification takes no new record"):
        world.register(world.bidder(), world.third)
    assert world.register(world.bidder(), world.home).count == 2


async def test_a_member_that_hands_over_another_text_is_not_believed(world: World) -> None:
    await world.settle()
    false = encode_definition(later(forged=field()))
    world.network.false_definition = false
    await decide(world, later(added=field()))
    assert world.third.services.catalogue.rules().lacking.keys() == {AWARD}
    with pytest.raises(MissingError):
        world.third.services.catalogue.text(definition_digest(false))
    world.network.false_definition = b""
    await world.settle()
    assert append(world.third, "a", title="示例", added="x") == []


@pytest.mark.parametrize("text", [b"", b"\xff no definition", b"x" * 70_000])
async def test_a_definition_that_nobody_can_read_stops_its_category_and_no_follower(
    world: World, text: bytes
) -> None:
    await world.settle()
    await _force(world, AWARD, 2, definition_digest(text), text)
    for centre in world.centres.values():
        assert centre.services.catalogue.rules().lacking.keys() == {AWARD}
        assert append(centre, "a", title="示例") != []
        assert append(centre, "b", "trade.tender", title="示例") == []
    await decide_again(world)
    assert append(world.third, "a", title="示例") == []


async def decide_again(world: World) -> None:
    definition = msgspec.structs.replace(later(), version=3)
    await decide(world, definition)


async def test_a_definition_that_unmarks_personal_fields_is_voted_in_vain(world: World) -> None:
    await world.settle()
    known = shipped.definitions()["subject.base"]
    bare = {name: msgspec.structs.replace(rule, personal=False) for name, rule in known.fields.items()}
    text = encode_definition(msgspec.structs.replace(known, version=2, fields=bare))
    await _force(world, "subject.base", 2, definition_digest(text), text)
    assert "personal" in world.third.services.catalogue.rules().lacking["subject.base"]
    with pytest.raises(DefinitionMissingError):
        world.register(world.bidder())


async def _force(world: World, category: str, version: int, digest: bytes, text: bytes) -> None:
    """Two members vote for something that their own nodes would not propose."""
    expires = int(world.clock.now()) + HOUR
    world.queue(world.home, "catalogue", ProposeDefinition(category, version, digest, expires))
    await world.settle()
    if text and len(text) <= 65_536:
        world.home.services.catalogue.keep(text)
        await world.settle()
    number = max(number for number, _ in world.reader.services.projection.proposals())
    world.queue(world.reader, "vote", CastVote(number, approve=True))
    await world.settle()


async def test_what_is_voted_on_is_shown_with_its_text_at_every_member(world: World) -> None:
    await world.settle()
    text = encode_definition(later(added=field()))
    world.home.services.catalogue_votes.propose(text)
    await world.settle()
    for centre in world.centres.values():
        (shown,) = centre.services.catalogue_votes.proposed()
        assert (shown.category, shown.text, shown.problem) == (AWARD, text, "")


async def test_an_unusable_or_untimely_definition_is_not_proposed(world: World) -> None:
    await world.settle()
    votes = world.home.services.catalogue_votes
    for wrong in (
        b"{}",
        encode_definition(later())[:-1],
        encode_definition(msgspec.structs.replace(later(), slots=8)),
    ):
        with pytest.raises(DefinitionError):
            votes.propose(wrong)
    for untimely in (shipped.definitions()[AWARD], msgspec.structs.replace(later(), version=3)):
        with pytest.raises(ConflictError):
            votes.propose(encode_definition(untimely))
    assert list(votes.proposed()) == []


async def test_all_mistakes_of_a_package_are_told_at_once_and_nothing_is_stored(world: World) -> None:
    bidder = world.bidder()
    package = [
        bidder.base(region_code="99", registered_capital_unit="1"),
        bidder.qualification(level="甲级别"),
    ]
    with pytest.raises(PackageError) as caught:
        world.register(bidder, package=package)
    told = str(caught.value)
    assert all(part in told for part in ("region_code", "registered_capital_unit", "level"))
    chinese = " ".join(one.chinese for one in caught.value.mistakes)
    assert all(part in chinese for part in ("行政区划代码", "资质等级", "金额只以元为单位"))
    assert world.home.services.records.last_sequence("etrading") == 0
    assert world.register(bidder).count == 2


def test_a_wallet_hands_in_nothing_that_an_authority_states(world: World) -> None:
    bidder = world.bidder()
    praise = PackageRecord("subject.credit", "me", {"kind": "reward"})
    with pytest.raises(PackageError, match="a wallet hands in documents of the subject only"):
        world.register(bidder, package=[bidder.base(), praise])


def test_a_record_that_is_older_than_definitions_is_read_as_it_was(lonely: World) -> None:
    record = msgspec.structs.replace
    assert append(lonely.home, "a", title="示例") == []
    stored = lonely.home.records.load(_newest(lonely.home))
    old = record(stored, header=record(stored.header, definition=0))
    header, _ = parse_payload(old.seal().payload)
    assert header.definition == 0
    assert msgspec.json.decode(old.seal().payload)["type"] == EARLIER_RECORD_TYPE


# -- what an authority states of a subject -------------------------------------------------------------------


def penalty(subject: str, code: str, **members: object) -> Incoming:
    fields = {
        "kind": "reward",
        "entry_code": "X-1",
        "body_name": "虚构建设有限公司",
        "body_code": code,
        "occurred_date": "2026-01-05",
        "authority_name": "示例市发展和改革委员会",
        "document_number": "示例〔2026〕1号",
        "scope": "1",
        **members,
    }
    return incoming("X-1", category="subject.credit", owner=subject, fields=fields)


async def test_an_authoritys_entry_is_kept_under_the_subject_and_read_under_its_grant(world: World) -> None:
    bidder = world.bidder()
    world.register(bidder)
    await world.settle()
    accepted = world.home.records.append(
        "etrading", 1, [incoming("a"), penalty(bidder.subject, bidder.code), incoming("b")]
    )
    assert (accepted.count, accepted.parked) == (3, 0)
    records = [world.home.records.load(accepted.first + place) for place in range(3)]
    assert [one.header.owner for one in records] == ["hangzhou", bidder.subject, "hangzhou"]
    await world.settle()
    shared = await world.share(bidder, (Scope("subject.credit", ("body_code", "kind")),))
    (shown,) = (await world.reader.services.reading.fetch(shared.digest)).records
    assert shown.fields == {"body_code": bidder.code, "kind": "reward"}


async def test_an_entry_about_whoever_is_not_registered_here_is_parked_and_stops_nothing(
    world: World,
) -> None:
    bidder = world.bidder()
    world.register(bidder, world.reader)
    await world.settle()
    strangers = [penalty("ab" * 32, bidder.code), penalty(bidder.subject, bidder.code)]
    accepted = world.home.records.append("etrading", 1, [strangers[0], incoming("a"), strangers[1]])
    assert (accepted.count, accepted.parked) == (1, 2)
    rows = dict(world.home.services.parking.rows())
    assert [(row.place, row.reason, row.raw) for row in rows.values()] == [
        (0, "NOT_FOUND", strangers[0].raw),
        (2, "NOT_FOUND", strangers[1].raw),
    ]
    assert not [key for key in world.home.keyring.everything() if b"abababab" in key]
    with pytest.raises(RecordFormatError, match="not registered at this centre"):
        world.home.services.decisions.release_record(next(iter(rows)), strangers[0].draft)


@pytest.mark.parametrize("owner", [None, "ab" * 32])
def test_only_what_an_authority_states_names_a_subject(lonely: World, owner: str | None) -> None:
    category = "subject.credit" if owner is None else AWARD
    wrong = incoming("a", category=category, owner=owner, fields={"title": "x"})
    assert lonely.home.records.append("etrading", 1, [wrong]).parked == 1
