"""Nobody's personal field leaves without that person's own consent, and none after it was withdrawn."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from node.domain.bundle import encode_bundle, parse_bundle
from node.domain.consent import PersonConsent, ShownConsent, encode_shown, parse_shown
from node.domain.document import document_digest, peek_document, sign_document
from node.domain.notice import NoticeReceipt
from node.domain.verdict import StepKind
from node.domain.wallet import ConsentsCall
from node.errors import (
    ConflictError,
    ConsentError,
    DocumentFormatError,
    GrantMissingError,
    MissingError,
    NodeError,
    SignatureError,
    UnknownCallerError,
)
from node.services import layout
from node.wallet.keyfile import new_wallet_key
from tests.support.world import DAY, Shared, World
from tests.support.world_dishonest import read_request
from tests.support.world_people import ORDINARY, SENSITIVE, STAFF, call, staffed

REFUSAL = "no live grant covers this read, or there is nothing to read under it"


def refused(world: World, shared: Shared) -> None:
    """The read is refused like one without a grant, nothing is counted, and nothing leaves."""
    before = world.home.store.everything()
    with pytest.raises(GrantMissingError) as caught:
        world.home.serving.read(
            world.reader.name, read_request(world, world.reader, shared.token), shared.token
        )
    assert str(caught.value) == REFUSAL
    assert world.home.store.everything() == before


async def fields_read(world: World, shared: Shared) -> list[set[str]]:
    return [set(one.fields) for one in (await world.reader.services.reading.fetch(shared.digest)).records]


# -- giving ----------------------------------------------------------------------------------------------


async def test_a_grant_alone_does_not_let_a_persons_fields_leave(world: World) -> None:
    shared, [person] = await staffed(world)
    refused(world, shared)
    person.give(person.consent())
    assert await fields_read(world, shared) == [{"person_name", "phone", "job"}]


async def test_the_company_records_a_consent_with_its_evidence(world: World) -> None:
    shared, [person] = await staffed(world)
    receipt = person.give(token := person.recorded())
    assert person.give(token) == receipt
    assert await fields_read(world, shared) == [{"person_name", "phone", "job"}]
    obtained = world.reader.services.reading.obtained(shared.digest, 0)
    [shown] = parse_shown(obtained.consents)
    assert shown == ShownConsent(token, "")


async def test_everybody_in_the_answer_must_have_consented(world: World) -> None:
    shared, people = await staffed(world, count=3)
    for person in people[:2]:
        person.give(person.consent())
    refused(world, shared)
    [lack] = world.home.services.coverage.lacks(shared.bidder.subject)
    assert (lack.thing, lack.fields) == ("staff-3", ORDINARY)
    people[2].give(people[2].recorded())
    assert len(await fields_read(world, shared)) == 3


async def test_a_sensitive_field_needs_a_separate_consent(world: World) -> None:
    shared, [person] = await staffed(world, STAFF)
    person.give(person.consent())
    refused(world, shared)
    person.give(person.consent(sensitive=True))
    [fields] = await fields_read(world, shared)
    assert fields >= set(SENSITIVE)


@pytest.mark.parametrize(
    "changes",
    [
        {"fields": ("id_number", "person_name")},
        {"fields": ("id_number",)},
        {"fields": ("person_name",), "separate": True, "necessity": "…"},
        {"fields": SENSITIVE, "separate": True, "necessity": "  "},
        {"necessity": "why"},
        {"fields": ()},
        {"fields": ("phone", "person_name")},
        {"fields": ("job",)},
        {"category": "subject.base"},
        {"category": "no.such"},
        {"exp": 1},
    ],
)
async def test_a_consent_that_mixes_or_lacks_what_the_law_asks_for_is_refused(
    world: World, changes: dict[str, Any]
) -> None:
    _, [person] = await staffed(world)
    with pytest.raises(DocumentFormatError):
        person.give(person.consent(**changes))


OTHER = [
    {"receiver": "shanghai"},
    {"purpose": "another-purpose"},
    {"fields": ("person_name",)},
    {"thing": "staff-2"},
]


@pytest.mark.parametrize("changes", OTHER)
async def test_a_consent_for_something_else_opens_nothing(world: World, changes: dict[str, Any]) -> None:
    shared, people = await staffed(world, count=2)
    people[1].give(people[1].consent())
    if "thing" in changes:
        with pytest.raises(MissingError):
            people[0].give(people[0].consent(**changes))
    else:
        people[0].give(people[0].consent(**changes))
    refused(world, shared)


@pytest.mark.parametrize("changes", [{"alliance": "ab" * 32}, {"home": "nanjing"}])
async def test_a_consent_replayed_from_another_alliance_or_home_is_refused(
    world: World, changes: dict[str, Any]
) -> None:
    _, [person] = await staffed(world)
    with pytest.raises(DocumentFormatError, match="another home or alliance"):
        person.give(person.consent(**changes))


async def test_an_expired_consent_opens_nothing(world: World) -> None:
    shared, [person] = await staffed(world)
    person.give(token := person.consent(exp=int(world.clock.now()) + DAY))
    await fields_read(world, shared)
    world.clock.advance(DAY)
    await world.settle()
    refused(world, shared)
    with pytest.raises(DocumentFormatError, match="run out"):
        person.give(person.consent(nbf=1, exp=2))
    assert person.give(token)  # the same receipt, which opens nothing


async def test_a_consent_by_another_persons_key_is_refused(world: World) -> None:
    _, [person, other] = await staffed(world, count=2)
    with pytest.raises(MissingError, match="states this key"):
        person.give(
            sign_document(PersonConsent(**person.terms(key=other.key.public_key.hex())), other.key.sign)
        )
    with pytest.raises(SignatureError):
        person.give(sign_document(PersonConsent(**person.terms()), other.key.sign))


async def test_a_company_cannot_pass_its_own_signature_for_its_peoples(world: World) -> None:
    shared, [person] = await staffed(world)
    company = shared.bidder.key
    forged = sign_document(PersonConsent(**person.terms(key=company.public_key.hex())), company.sign)
    with pytest.raises(MissingError):
        person.give(forged)


async def test_a_record_that_names_another_key_makes_older_consents_worthless(world: World) -> None:
    shared, [person] = await staffed(world)
    person.give(person.consent())
    await fields_read(world, shared)
    other = new_wallet_key().public_key.hex()
    world.register(shared.bidder, package=[person.record(consent_key=other)])
    await world.settle()
    refused(world, shared)


async def test_only_the_person_or_the_company_brings_a_consent(world: World) -> None:
    shared, [person] = await staffed(world)
    stranger = new_wallet_key()
    with pytest.raises(UnknownCallerError):
        person.give(person.consent(), key=stranger)
    with pytest.raises(UnknownCallerError):
        person.give(person.recorded(signer=stranger), key=stranger)
    with pytest.raises(UnknownCallerError):
        person.give(person.recorded(signer=stranger))
    with pytest.raises(NodeError):
        person.give(sign_document(PersonConsent(**person.terms()), stranger.sign), key=stranger)
    person.give(person.consent(), key=person.key)
    assert await fields_read(world, shared)


async def test_no_consent_stands_readable_at_rest_or_outlives_its_subject(world: World) -> None:
    shared, [person] = await staffed(world)
    person.give(token := person.consent())
    rows = world.home.store.everything()  # type: ignore[attr-defined]
    assert not any(token.encode() in value for value in rows.values())
    world.home.services.erasures.by_wallet(shared.bidder.scribe.erase("hangzhou"))
    rows = world.home.store.everything()  # type: ignore[attr-defined]
    assert not any(key.startswith((layout.CONSENT, layout.CONSENT_LACKING)) for key in rows)


async def test_the_owner_learns_once_what_is_lacking_and_the_person_sees_its_own_only(world: World) -> None:
    shared, [person, other] = await staffed(world, count=2)
    for _ in range(3):
        refused(world, shared)
        await world.home.services.coverage.step()
    [entry] = await world.home.feed("consent.lacking")
    assert set(entry.about) == {"subject", "reader", "grant"}
    person.give(token := person.consent())
    other.give(other.consent())
    consents, subject = world.home.services.consents, shared.bidder.subject
    kept, lacks = consents.of_wallet(call(world, ConsentsCall, world.home, subject, shared.bidder.key))
    assert (len(kept), lacks) == (2, [])
    kept, lacks = consents.of_wallet(call(world, ConsentsCall, world.home, subject, person.key))
    assert ([one.token for one in kept], lacks) == ([token], [])
    assert consents.of_wallet(call(world, ConsentsCall, world.home, subject, new_wallet_key())) == ([], [])


async def test_a_read_without_personal_fields_needs_nobodys_consent(world: World, shared: Shared) -> None:
    fetched = await world.reader.services.reading.fetch(shared.digest)
    assert fetched.records
    assert world.reader.services.reading.obtained(shared.digest, 0).consents == b""


# -- what the reader checks ------------------------------------------------------------------------------


async def tampered(world: World, shared: Shared, shown: list[ShownConsent]) -> None:
    world.network.tamper = lambda answer: _with(answer, shown)
    with pytest.raises(ConsentError):
        await world.reader.services.reading.fetch(shared.digest)


def _with(answer: Any, shown: list[ShownConsent]) -> Any:
    return replace(answer, consents=encode_shown(shown))


async def test_a_reader_refuses_what_a_careless_home_shows_without_consent(world: World) -> None:
    shared, [person, other] = await staffed(world, count=2, uses=50)
    person.give(token := person.consent())
    other.give(other.consent())
    await world.reader.services.reading.fetch(shared.digest)
    good = parse_shown(world.reader.services.reading.obtained(shared.digest, 0).consents)
    [mine] = [one for one in good if one.consent == token]
    [rest] = [one for one in good if one.consent != token]
    await tampered(world, shared, [])
    await tampered(world, shared, [rest])
    await tampered(world, shared, [rest, ShownConsent(mine.consent, "")])
    await tampered(world, shared, [rest, ShownConsent(mine.consent, rest.key)])
    for changes in (*OTHER[:3], {"alliance": "ab" * 32}, {"home": "shanghai"}, {"nbf": 1, "exp": 2}):
        await tampered(world, shared, [rest, ShownConsent(person.consent(**changes), mine.key)])
    forged = sign_document(peek_document(token, PersonConsent), other.key.sign)
    await tampered(world, shared, [rest, ShownConsent(forged, mine.key)])
    await tampered(world, shared, [rest, ShownConsent(person.recorded(), mine.key)])
    paper = person.recorded(signer=new_wallet_key())
    await tampered(world, shared, [rest, ShownConsent(paper, "")])


# -- withdrawing -----------------------------------------------------------------------------------------


async def test_nothing_leaves_after_a_withdrawal_not_even_a_repetition(world: World) -> None:
    shared, [person] = await staffed(world)
    person.give(token := person.consent())
    request = read_request(world, world.reader, shared.token)
    world.home.serving.read(world.reader.name, request, shared.token)
    receipt = person.withdraw(token)
    refused(world, shared)
    with pytest.raises(GrantMissingError, match=REFUSAL):
        world.home.serving.read(world.reader.name, request, shared.token)
    assert person.withdraw(token) == receipt
    assert person.give(token) == receipt  # given again it stays withdrawn
    refused(world, shared)


async def test_a_withdrawal_reaches_the_holder_which_destroys_and_signs(world: World) -> None:
    shared, [person] = await staffed(world)
    person.give(token := person.consent())
    await fields_read(world, shared)
    person.withdraw(token)
    for _ in range(3):
        await world.settle()
    with pytest.raises(MissingError):
        world.reader.services.reading.obtained(shared.digest, 0)
    [(_, notice)] = world.home.services.notices.of_subject(shared.bidder.subject)
    assert notice.outcome == "deleted"
    receipt = peek_document(notice.receipt, NoticeReceipt)
    assert (receipt.iss, receipt.notice) == (world.reader.name, document_digest(notice.token).hex())
    assert list(world.home.services.notices.waiting()) == []
    rows = world.reader.store.everything()  # type: ignore[attr-defined]
    assert not any(key.startswith((layout.OBTAINED, layout.READ_PROOF)) for key in rows)


async def test_a_withdrawal_at_any_node_reaches_a_home_that_was_away(world: World) -> None:
    shared, [person] = await staffed(world)
    person.give(token := person.consent())
    world.network.absent.add(world.home.name)
    assert not person.withdraw(token, via=world.third)
    await world.third.services.notices.step()
    world.third.restart()
    world.network.absent.clear()
    await world.settle()
    refused(world, shared)
    assert list(world.third.services.notices.waiting()) == []


async def test_a_crash_after_a_withdrawal_loses_no_notice(world: World) -> None:
    shared, [person] = await staffed(world)
    person.give(token := person.consent())
    await fields_read(world, shared)
    person.withdraw(token)
    world.home.restart()
    await world.follow(world.home)
    refused(world, shared)
    for _ in range(3):
        await world.settle()
    with pytest.raises(MissingError):
        world.reader.services.reading.obtained(shared.digest, 0)


async def test_a_holder_that_never_answers_is_shown(world: World) -> None:
    shared, [person] = await staffed(world)
    person.give(token := person.consent())
    await fields_read(world, shared)
    world.network.absent.add(world.reader.name)
    person.withdraw(token)
    await world.settle()
    [(_, notice)] = world.home.services.notices.waiting()
    assert (notice.to, notice.outcome) == (world.reader.name, "")
    [kept], _ = world.home.services.consents.of_wallet(
        call(world, ConsentsCall, world.home, shared.bidder.subject, shared.bidder.key)
    )
    assert world.home.services.consents.holder_state(kept) == "waiting"


async def test_who_read_nothing_is_told_nothing(world: World) -> None:
    shared, [person] = await staffed(world)
    person.give(token := person.consent())
    person.withdraw(token)
    assert list(world.home.services.notices.of_subject(shared.bidder.subject)) == []


async def test_nobody_else_withdraws_a_consent(world: World) -> None:
    shared, [person, other] = await staffed(world, count=2)
    person.give(token := person.consent())
    other.give(paper := other.recorded())
    for key in (other.key, new_wallet_key(), shared.bidder.key):
        with pytest.raises(MissingError, match="no such consent"):
            person.withdraw(token, key=key)
    with pytest.raises(MissingError, match="no such consent"):
        other.withdraw(paper, key=person.key)
    assert await fields_read(world, shared)
    other.withdraw(paper, key=shared.bidder.key)
    refused(world, shared)


async def test_the_operator_records_a_withdrawal_of_a_recorded_consent_only(world: World) -> None:
    shared, [person, other] = await staffed(world, count=2)
    person.give(token := person.consent())
    other.give(paper := other.recorded())
    consents, subject = world.home.services.consents, shared.bidder.subject
    with pytest.raises(DocumentFormatError, match="reason"):
        consents.withdraw_on_record(subject, document_digest(paper).hex(), " ")
    with pytest.raises(ConflictError):
        consents.withdraw_on_record(subject, document_digest(token).hex(), "来函第 3 号")
    with pytest.raises(MissingError):
        consents.withdraw_on_record(subject, "ab" * 32, "来函第 3 号")
    await fields_read(world, shared)
    consents.withdraw_on_record(subject, document_digest(paper).hex(), "来函第 3 号")
    refused(world, shared)
    assert next(world.home.services.acts.newest_first()).act == "consent.withdrawn"


# -- what a stranger checks ------------------------------------------------------------------------------


async def test_a_bundle_shows_the_consents_and_is_refused_without_them(world: World) -> None:
    shared, [person, other] = await staffed(world, count=2)
    person.give(person.consent())
    other.give(other.recorded())
    await fields_read(world, shared)
    await world.settle()
    raw = world.reader.services.proving.obtained_bundle(shared.digest, 0)
    [step] = [one for one in world.verify(raw).steps if one.kind is StepKind.CONSENTED]
    assert step.about == {"signed": 1, "recorded": 1}
    bundle = parse_bundle(raw)
    assert bundle.authority is not None
    for consents in ((), bundle.authority.consents[:1]):
        authority = msgspec.structs.replace(bundle.authority, consents=consents)
        with pytest.raises(ConsentError):
            world.verify(encode_bundle(msgspec.structs.replace(bundle, authority=authority)))
