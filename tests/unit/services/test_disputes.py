"""A record can be disputed by its subject and by the person in it; both sides' words stand in the log."""

import os
from typing import Any

import pytest

from node.domain.dispute import DISPUTE_CATEGORY, Dispute, DisputeAnswer
from node.domain.document import open_members_document, peek_document, sign_document
from node.domain.encoding import to_base64url
from node.domain.wallet import DisputeCall, DisputesCall
from node.errors import (
    ConflictError,
    DocumentFormatError,
    MissingError,
    RecordFormatError,
    UnknownCallerError,
)
from node.services.preparing import StoredRecord
from node.wallet.keyfile import WalletKey, new_wallet_key
from tests.support.world import Shared, World
from tests.support.world_people import PERSONNEL, call, staffed

SAID = "账号有误，应以开户行证明为准"


def dispute(world: World, shared: Shared, key: WalletKey | None = None, **changes: Any) -> str:
    key = key or shared.bidder.key
    values: dict[str, Any] = {
        "alliance": world.descriptor.alliance,
        "iat": int(world.clock.now()),
        "jti": to_base64url(os.urandom(16)),
        "subject": shared.bidder.subject,
        "home": world.home.name,
        "key": key.public_key.hex(),
        "category": "subject.base",
        "thing": "base",
        "version": 1,
        "fields": ("bank_account",),
        "statement": SAID,
        **changes,
    }
    return sign_document(Dispute(**values), key.sign)


def hand_in(world: World, shared: Shared, token: str, key: WalletKey | None = None) -> str:
    subject, key = shared.bidder.subject, key or shared.bidder.key
    made = call(world, DisputeCall, world.home, subject, key, dispute=token)
    return world.home.services.disputes.open(made)


def records(world: World, subject: str, category: str, thing: str = "") -> list[StoredRecord]:
    found = [world.home.records.load(at) for at in world.home.records.all_of(subject)]
    return sorted(
        (one for one in found if one.header.category == category and thing in {"", one.header.thing}),
        key=lambda one: one.header.version,
    )


async def test_a_dispute_and_its_answer_stand_in_the_log_and_the_original_stays(
    world: World, shared: Shared
) -> None:
    subject, disputes = shared.bidder.subject, world.home.services.disputes
    token = dispute(world, shared)
    identity = hand_in(world, shared, token)
    assert hand_in(world, shared, token) == identity
    answer = disputes.settle(subject, identity, "corrected", "已按证明更正", {"bank_account": "42"})
    said = open_members_document(answer, DisputeAnswer, world.member(world.home.name).identity_keys)
    assert (said.outcome, said.version) == ("corrected", 2)
    opened, settled = records(world, subject, DISPUTE_CATEGORY)
    assert (opened.fields["state"], opened.fields["statement"]) == ("open", SAID)
    assert (settled.fields["statement"], settled.fields["answer"]) == (SAID, "已按证明更正")
    first, second = records(world, subject, "subject.base")
    assert (second.fields["bank_account"], second.header.version) == ("42", 2)
    assert first.fields["bank_account"] != "42"
    await world.settle()
    fetched = await world.reader.services.reading.fetch(shared.digest)
    assert fetched.records[0].fields["bank_account"] == "42"
    with pytest.raises(ConflictError, match="answered already"):
        disputes.settle(subject, identity, "kept", "…", {})


async def test_holders_and_later_readers_see_that_a_dispute_is_open_and_settled(
    world: World, shared: Shared
) -> None:
    subject, remarks = shared.bidder.subject, world.reader.services.remarks
    await world.reader.services.reading.fetch(shared.digest)
    identity = hand_in(world, shared, dispute(world, shared))
    await world.settle()
    [remark] = remarks.of(subject)
    assert (remark.disputed, remark.settled) == (("bank_account",), False)
    world.home.services.disputes.settle(subject, identity, "kept", "证明与记录一致", {})
    await world.settle()
    [remark] = remarks.of(subject)
    assert (remark.disputed, remark.settled) == ((), True)


async def test_a_reader_sees_an_open_dispute_with_its_first_answer(world: World, shared: Shared) -> None:
    hand_in(world, shared, dispute(world, shared))
    world.network.absent.add(world.third.name)
    await world.reader.services.reading.fetch(shared.digest)
    [remark] = world.reader.services.remarks.of(shared.bidder.subject)
    assert remark.disputed == ("bank_account",)


async def test_a_false_notice_beside_an_answer_counts_for_nothing(world: World, shared: Shared) -> None:
    hand_in(world, shared, dispute(world, shared))
    world.network.tamper = lambda answer: type(answer)(
        answer.evidence, answer.answer, answer.delegation, answer.status, b"", ("x", answer.answer)
    )
    await world.reader.services.reading.fetch(shared.digest)
    assert world.reader.services.remarks.of(shared.bidder.subject) == []


async def test_who_does_not_hold_the_record_is_not_told(world: World, shared: Shared) -> None:
    await world.reader.services.reading.fetch(shared.digest)
    level = dispute(world, shared, category="subject.qualification", thing="D199999999", fields=("level",))
    hand_in(world, shared, level)
    assert list(world.home.services.notices.of_subject(shared.bidder.subject)) == []


async def test_a_person_disputes_its_own_record_and_its_words_are_personal(world: World) -> None:
    shared, [person, other] = await staffed(world, count=2)
    about = {"category": PERSONNEL, "thing": person.thing, "fields": ("phone",)}
    with pytest.raises(UnknownCallerError):
        hand_in(world, shared, dispute(world, shared, other.key, **about), other.key)
    identity = hand_in(world, shared, dispute(world, shared, person.key, **about), person.key)
    [record] = records(world, shared.bidder.subject, DISPUTE_CATEGORY, identity)
    assert record.fields["person_statement"] == SAID
    assert "statement" not in record.fields
    disputes, subject = world.home.services.disputes, shared.bidder.subject
    seen = {
        name: len(disputes.of_wallet(call(world, DisputesCall, world.home, subject, key)))
        for name, key in (("person", person.key), ("other", other.key), ("company", shared.bidder.key))
    }
    assert seen == {"person": 1, "other": 0, "company": 1}


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"category": "trade.tender"}, DocumentFormatError),
        ({"category": "access.read"}, DocumentFormatError),
        ({"category": "nothing"}, DocumentFormatError),
        ({"fields": ()}, DocumentFormatError),
        ({"fields": ("b", "a")}, DocumentFormatError),
        ({"fields": ("nothing",)}, MissingError),
        ({"thing": "other"}, MissingError),
        ({"version": 2}, ConflictError),
        ({"home": "nanjing"}, DocumentFormatError),
        ({"alliance": "ab" * 32}, DocumentFormatError),
    ],
)
async def test_a_dispute_that_makes_no_sense_is_refused(
    world: World, shared: Shared, changes: dict[str, Any], error: type[Exception]
) -> None:
    before = list(world.home.records.all_of(shared.bidder.subject))
    with pytest.raises(error):
        hand_in(world, shared, dispute(world, shared, **changes))
    assert list(world.home.records.all_of(shared.bidder.subject)) == before


async def test_strangers_dispute_nothing(world: World, shared: Shared) -> None:
    stranger = new_wallet_key()
    with pytest.raises(UnknownCallerError):
        hand_in(world, shared, dispute(world, shared, stranger), stranger)


async def test_an_answer_corrects_only_what_is_disputed(world: World, shared: Shared) -> None:
    subject, disputes = shared.bidder.subject, world.home.services.disputes
    identity = hand_in(world, shared, dispute(world, shared))
    for outcome, statement, corrections in (
        ("corrected", "x", {}),
        ("corrected", "x", {"legal_name": "别的"}),
        ("kept", "x", {"bank_account": "1"}),
        ("kept", " ", {}),
        ("corrected", "x", {"bank_account": 1.5}),
    ):
        with pytest.raises((RecordFormatError, DocumentFormatError)):
            disputes.settle(subject, identity, outcome, statement, corrections)  # type: ignore[arg-type]
    with pytest.raises(MissingError):
        disputes.settle(subject, "ab" * 32, "kept", "x", {})
    assert len(records(world, subject, "subject.base")) == 1


async def test_a_dispute_goes_with_its_subject(world: World, shared: Shared) -> None:
    hand_in(world, shared, dispute(world, shared))
    world.home.services.erasures.by_wallet(shared.bidder.scribe.erase(world.home.name))
    assert list(world.home.services.disputes.all()) == []
    assert peek_document(dispute(world, shared), Dispute).statement == SAID
