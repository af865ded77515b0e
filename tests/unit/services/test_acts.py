"""Every privileged act is a record, written with what it does, and names who did it."""

import asyncio
from dataclasses import replace

import pytest

from adapters.crypto.leaves import new_request
from node.domain.act import ACT_CATEGORY, ActKind
from node.domain.bundle import parse_bundle
from node.domain.draft import RecordDraft
from node.domain.encoding import from_base64url
from node.errors import MissingError, StoreError
from node.services.acts import act_as, actor
from node.services.preparing import Incoming
from node.services.systems import SystemRole
from node.services.transaction import Transaction
from tests.support.world import World
from tests.support.world_faults import refuse_writes


def draft(category: str, thing: str = "7") -> RecordDraft:
    return RecordDraft(category, thing, None, "test", "", None, {"act": "vote.cast", "actor": "operator"})


def words(world: World) -> list[str]:
    return [act.act for act in world.home.services.acts.newest_first()]


def record(world: World, kind: ActKind = ActKind.VOTE_CAST, **about: str) -> None:
    transaction = Transaction(world.home.store)
    world.home.services.acts.record(transaction, kind, about)
    transaction.commit()


def test_an_act_says_who_did_what_to_what_and_when(lonely: World) -> None:
    record(lonely, proposal="3")
    [act] = lonely.home.services.acts.newest_first()
    assert (act.number, act.actor, act.act, dict(act.about)) == (0, "node", "vote.cast", {"proposal": "3"})
    assert act.time.endswith("Z")
    stored = lonely.home.records.load(act.position)
    assert (stored.header.category, stored.header.owner) == (ACT_CATEGORY, lonely.home.name)


async def test_each_call_names_its_own_actor(world: World) -> None:
    async def call(name: str) -> None:
        act_as(name)
        await asyncio.sleep(0)
        assert actor() == name
        record(world, proposal=name)

    await asyncio.gather(*(asyncio.create_task(call(f"system-{n}")) for n in range(5)))
    assert actor() == "node"
    found = {(act.actor, act.about["proposal"]) for act in world.home.services.acts.newest_first()}
    assert found == {(f"system-{n}", f"system-{n}") for n in range(5)}


def test_acts_are_listed_newest_first_from_any_place(lonely: World) -> None:
    for n in range(5):
        record(lonely, proposal=str(n))
    acts = lonely.home.services.acts
    assert [act.number for act in acts.newest_first()] == [4, 3, 2, 1, 0]
    assert [act.number for act in acts.newest_first(2)] == [1, 0]
    assert list(acts.newest_first(0)) == []
    with pytest.raises(MissingError):
        acts.position(5)
    with pytest.raises(MissingError):
        acts.position(-1)


def test_an_act_that_fails_leaves_no_record_of_it(lonely: World) -> None:
    lonely.home.store.before = refuse_writes
    with pytest.raises(StoreError):
        lonely.home.services.membership.move("a:1", "a:2")
    assert words(lonely) == []
    assert not lonely.home.outbox()


def test_a_system_cannot_invent_an_act(lonely: World) -> None:
    accepted = lonely.home.records.append("evil", 1, [Incoming(b"x", draft(ACT_CATEGORY))])
    assert (accepted.count, accepted.parked) == (0, 1)
    [(_, row)] = lonely.home.services.parking.rows()
    assert row.reason == "RECORD_FORMAT"
    assert words(lonely) == []


async def test_an_act_is_anchored_and_proven_like_any_record(lonely: World) -> None:
    record(lonely, proposal="3")
    await lonely.settle()
    position = lonely.home.services.acts.position(0)
    bundle = parse_bundle(lonely.home.services.proving.own_bundle(position))
    [shown] = bundle.evidence.records
    assert b'"category":"node.act"' in from_base64url(shown.payload)


async def test_all_that_membership_decides_is_recorded(world: World) -> None:
    await world.settle()
    membership = world.home.services.membership
    membership.move("a:1", "a:2")
    membership.propose_standing(world.reader.name, active=False, valid_seconds=3600)
    assert words(world) == ["standing.proposed", "endpoints.changed"]


async def test_reading_elsewhere_is_recorded_where_it_is_done(world: World) -> None:
    shared = await world.share()
    await world.reader.services.reading.fetch(shared.digest)
    found = [act for act in world.reader.services.acts.newest_first() if act.act.startswith("data.")]
    assert [act.act for act in found] == ["data.read", "data.requested"]
    assert found[0].about["home"] == world.home.name


def test_decisions_about_parked_things_are_recorded(lonely: World) -> None:
    lonely.home.records.append("c", 1, [Incoming(b"x", draft("trade.nothing")), Incoming(b"y", draft("no"))])
    decisions = lonely.home.services.decisions
    decisions.release_record(0, replace(draft("trade.tender"), fields={"title": "示例"}))
    decisions.drop_record(1)
    assert words(lonely) == ["record.dropped", "record.released"]
    assert lonely.home.services.parking.count() == 0


def test_another_configuration_is_recorded_and_the_same_is_not(lonely: World) -> None:
    services = lonely.home.services
    for digest in (b"1" * 32, b"1" * 32, b"2" * 32):
        services.note_config(digest)
    lonely.home.restart()
    lonely.home.services.note_config(b"2" * 32)
    assert words(lonely) == ["config.loaded"] * 2


def test_words_are_unique_and_told_in_two_languages() -> None:
    assert len({kind.word for kind in ActKind}) == len(ActKind)
    assert all(" | " in kind.summary for kind in ActKind)


def test_who_let_a_system_in_is_in_the_register_and_in_the_record(lonely: World) -> None:
    async def call() -> None:
        act_as("operator")
        lonely.home.services.systems.issue(new_request()[1], "trading", SystemRole.WRITER)

    asyncio.run(call())
    [act], [one] = lonely.home.services.acts.newest_first(), lonely.home.services.systems.all()
    assert (act.actor, one.row.issuer) == ("operator", "operator")
    assert act.about == {"system": "trading", "role": "writer", "serial": one.serial}
