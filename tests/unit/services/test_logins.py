"""Logging in: whoever answers a challenge once, in time, at the centre that asks, is who the session names."""

import asyncio
import dataclasses
import os
from collections.abc import AsyncIterator

import msgspec
import pytest

from node.domain.document import document_digest, open_document, peek_document, sign_document
from node.domain.encoding import to_base64url
from node.domain.ledger import ControllerChanged, Event
from node.domain.login import (
    MAX_SECONDS,
    MAX_STATE_CHARS,
    MIN_SECONDS,
    SESSION_SECONDS,
    USUAL_SECONDS,
    CertificateLogin,
    LoginAnswer,
    LoginChallenge,
    LoginSession,
    Wants,
)
from node.domain.wallet import StatusCall
from node.errors import (
    BusyError,
    CertificateError,
    DocumentFormatError,
    InvalidError,
    LoginRefusedError,
    MissingError,
    NodeError,
    NotMemberError,
    ProjectionStaleError,
    SignatureError,
    UnknownCallerError,
)
from node.services import logins
from node.services.logins import Login
from node.services.projecting import apply_event
from node.services.transaction import Transaction
from node.wallet.keyfile import WalletKey, new_wallet_key
from node.wallet.logins import answer_with_certificate, answer_with_wallet, open_login
from tests.support.world import World
from tests.support.world_bidder import Authority, Bidder
from tests.support.world_centre import Centre


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """Three centres that know of each other by the ledger."""
    with World() as world:
        await world.follow()
        yield world


@pytest.fixture
async def bidder(world: World) -> Bidder:
    """Registered at the first centre; it logs in at the second, which is not its home."""
    bidder = world.bidder()
    world.register(bidder)
    await world.settle()
    return bidder


def ask(
    centre: Centre, wants: Wants = Wants.COMPANY, state: str = "", seconds: int = USUAL_SECONDS
) -> LoginChallenge:
    return centre.services.logins.create(wants, "login", state, seconds)


def sign(world: World, bidder: Bidder, challenge: LoginChallenge, *, company: bool = False) -> str:
    """What the real wallet makes of the QR code."""
    opened = open_login(str(challenge), world.descriptor)
    return answer_with_wallet(bidder.scribe, opened, bidder.delegation if company else "")


def certify(world: World, bidder: Bidder, challenge: LoginChallenge) -> str:
    opened = open_login(str(challenge), world.descriptor)
    return answer_with_certificate(opened, [bidder.certificate.der], bidder.certificate.key)


def session_of(centre: Centre, challenge: LoginChallenge) -> LoginSession:
    answered = centre.services.logins.get(challenge.id).answered
    assert answered is not None
    assert peek_document(answered.token, LoginSession) == answered.session
    return open_document(answered.token, LoginSession, centre.keys.identity.public_key)


def changed(token: str, key: WalletKey, **changes: object) -> str:
    """The same answer with other content, signed by some key."""
    return sign_document(msgspec.structs.replace(peek_document(token, LoginAnswer), **changes), key.sign)


def rotate(centre: Centre, bidder: Bidder, key: WalletKey) -> None:
    """The ledger says that another key speaks for the subject from now on."""
    transaction = Transaction(centre.store)
    signer_of = centre.services.alliance.signer_of
    old, signer = signer_of(bidder.key.name), signer_of(key.name)
    apply_event(transaction, Event(1, 0, ControllerChanged(bytes.fromhex(bidder.subject), 2, old, signer)))
    transaction.commit()


# -- what works -------------------------------------------------------------------------------------------


async def test_a_bidder_logs_in_at_a_centre_that_is_not_its_home_and_stays_a_number(
    world: World, bidder: Bidder
) -> None:
    challenge = ask(world.reader, state="cookie")
    token = sign(world, bidder, challenge)
    world.reader.services.logins.answer(token)
    session, now = session_of(world.reader, challenge), int(world.clock.now())
    assert session == LoginSession(
        alliance=world.descriptor.alliance,
        iat=now,
        jti=session.jti,
        iss=world.reader.name,
        login=challenge.id,
        state="cookie",
        method="wallet",
        subject=bidder.subject,
        home=world.home.name,
        credit_code="",
        organisation="",
        answer=document_digest(token).hex(),
        exp=now + SESSION_SECONDS,
    )
    answered = world.reader.services.logins.get(challenge.id).answered
    assert answered is not None
    assert answered.answer == token


async def test_a_bidder_shows_its_company_by_its_delegation(world: World, bidder: Bidder) -> None:
    challenge = ask(world.reader)
    world.reader.services.logins.answer(sign(world, bidder, challenge, company=True))
    session = session_of(world.reader, challenge)
    assert (session.subject, session.credit_code, session.organisation) == (
        bidder.subject,
        bidder.code,
        bidder.organisation,
    )


def test_a_company_without_a_wallet_logs_in_with_its_certificate(world: World) -> None:
    bidder = world.bidder()
    challenge = ask(world.reader)
    world.reader.services.logins.answer(certify(world, bidder, challenge))
    session = session_of(world.reader, challenge)
    assert (session.method, session.subject, session.home) == ("certificate", "", "")
    assert (session.credit_code, session.organisation) == (bidder.code, bidder.organisation)


def test_a_challenge_waits_until_it_is_answered(world: World) -> None:
    challenge = ask(world.reader)
    assert world.reader.services.logins.get(challenge.id) == Login(challenge, "", challenge.end)


async def test_who_watches_is_told_at_once(world: World, bidder: Bidder) -> None:
    challenge = ask(world.reader)
    watching = [asyncio.create_task(world.reader.services.logins.answered(challenge.id)) for _ in range(2)]
    await asyncio.sleep(0)
    world.reader.services.logins.answer(sign(world, bidder, challenge))
    assert len({(await one).token for one in watching}) == 1
    assert not world.reader.services.logins._bells


async def test_who_watches_is_told_of_the_end(world: World) -> None:
    challenge = ask(world.reader, seconds=MIN_SECONDS)
    world.clock.advance(MIN_SECONDS - 0.05)
    watching = asyncio.create_task(world.reader.services.logins.answered(challenge.id))
    await asyncio.sleep(0)
    world.clock.advance(1)
    with pytest.raises(MissingError, match="run out"):
        await watching
    assert not world.reader.services.logins._bells


async def test_a_restart_ends_every_login_and_opens_none_again(world: World, bidder: Bidder) -> None:
    open_, used = ask(world.reader), ask(world.reader)
    tokens = [sign(world, bidder, challenge) for challenge in (open_, used)]
    world.reader.services.logins.answer(tokens[1])
    world.reader.restart()
    await world.follow(world.reader)
    for challenge, token in zip((open_, used), tokens, strict=True):
        with pytest.raises(LoginRefusedError):
            world.reader.services.logins.answer(token)
        with pytest.raises(MissingError):
            world.reader.services.logins.get(challenge.id)


async def test_a_login_leaves_nothing_on_the_disk(world: World, bidder: Bidder) -> None:
    before, writes = world.reader.store.everything(), world.reader.store.writes
    challenge = ask(world.reader)
    world.reader.services.logins.answer(sign(world, bidder, challenge, company=True))
    assert (world.reader.store.everything(), world.reader.store.writes) == (before, writes)


# -- attacks ----------------------------------------------------------------------------------------------


async def test_a_replayed_answer_is_refused(world: World, bidder: Bidder) -> None:
    challenge = ask(world.reader)
    token = sign(world, bidder, challenge)
    world.reader.services.logins.answer(token)
    first = session_of(world.reader, challenge)
    with pytest.raises(LoginRefusedError):
        world.reader.services.logins.answer(token)
    assert session_of(world.reader, challenge) == first


async def test_a_challenge_takes_one_answer_only_whoever_gives_the_second(
    world: World, bidder: Bidder
) -> None:
    other = world.bidder()
    challenge = ask(world.reader)
    world.reader.services.logins.answer(certify(world, other, challenge))
    with pytest.raises(LoginRefusedError):
        world.reader.services.logins.answer(sign(world, bidder, challenge))
    assert session_of(world.reader, challenge).credit_code == other.code


async def test_a_forwarded_challenge_is_refused_at_the_centre_that_made_it(
    world: World, bidder: Bidder
) -> None:
    """A dishonest centre shows another centre's challenge as its own, and hands the answer on."""
    challenge = ask(world.third)
    dressed_up = dataclasses.replace(challenge, member=world.reader.name)
    token = sign(world, bidder, dressed_up)
    assert peek_document(token, LoginAnswer).node == world.reader.name
    with pytest.raises(DocumentFormatError, match="another node"):
        world.third.services.logins.answer(token)
    with pytest.raises(LoginRefusedError):
        world.reader.services.logins.answer(token)
    certified = certify(world, bidder, dressed_up)
    with pytest.raises(DocumentFormatError, match="another node"):
        world.third.services.logins.answer(certified)


async def test_a_wallet_that_answers_one_centre_with_the_challenge_of_another_is_refused(
    world: World, bidder: Bidder
) -> None:
    challenge = ask(world.third)
    token = changed(sign(world, bidder, challenge), bidder.key, node=world.reader.name)
    with pytest.raises(LoginRefusedError):
        world.reader.services.logins.answer(token)


@pytest.mark.parametrize(
    "change", [{"wants": Wants.SUBJECT}, {"purpose": "pay"}, {"end": 253_402_300_799}], ids=str
)
async def test_an_answer_to_an_altered_challenge_is_refused(
    world: World, bidder: Bidder, change: dict[str, object]
) -> None:
    """What the wallet has shown is what the centre asked, or the answer is worth nothing."""
    challenge = ask(world.reader)
    shown = dataclasses.replace(challenge, **change)  # type: ignore[arg-type]
    token = answer_with_wallet(bidder.scribe, shown)
    with pytest.raises(LoginRefusedError):
        world.reader.services.logins.answer(token)
    world.reader.services.logins.answer(sign(world, bidder, challenge))


async def test_an_expired_challenge_is_refused_by_wallet_and_centre(world: World, bidder: Bidder) -> None:
    challenge = ask(world.reader)
    token = sign(world, bidder, challenge)
    world.clock.advance(USUAL_SECONDS)
    await world.settle()
    with pytest.raises(LoginRefusedError):
        world.reader.services.logins.answer(token)
    world.clock.advance(61)
    with pytest.raises(LoginRefusedError, match="run out"):
        open_login(str(challenge), world.descriptor)


async def test_an_answer_from_another_alliance_is_refused(world: World, bidder: Bidder) -> None:
    challenge = ask(world.reader)
    elsewhere = dataclasses.replace(challenge, alliance="ab" * 32)
    with pytest.raises(DocumentFormatError, match="another alliance"):
        open_login(str(elsewhere), world.descriptor)
    token = sign(world, bidder, challenge)
    with pytest.raises(DocumentFormatError, match="another node or alliance"):
        world.reader.services.logins.answer(changed(token, bidder.key, alliance="ab" * 32))
    with pytest.raises(LoginRefusedError):
        world.reader.services.logins.answer(changed(token, bidder.key, challenge=str(elsewhere)))


async def test_a_signature_for_another_purpose_is_no_answer(world: World, bidder: Bidder) -> None:
    challenge = ask(world.reader)
    with pytest.raises(DocumentFormatError):
        world.reader.services.logins.answer(bidder.scribe.status(world.reader.name))
    with pytest.raises(DocumentFormatError):
        world.reader.services.logins.answer(bidder.delegation)
    with pytest.raises(DocumentFormatError):
        world.reader.services.gate.open(sign(world, bidder, challenge), StatusCall)


async def test_a_rotated_key_is_refused_also_under_a_delegation_that_still_runs(
    world: World, bidder: Bidder
) -> None:
    challenge = ask(world.reader)
    rotate(world.reader, bidder, new_wallet_key())
    for company in (False, True):
        with pytest.raises(UnknownCallerError):
            world.reader.services.logins.answer(sign(world, bidder, challenge, company=company))


async def test_another_key_does_not_log_in_as_the_subject(world: World, bidder: Bidder) -> None:
    challenge = ask(world.reader)
    thief = world.bidder()
    thief.subject = bidder.subject
    with pytest.raises(UnknownCallerError) as refusal:
        world.reader.services.logins.answer(sign(world, thief, challenge))
    thief.subject = "cd" * 32
    with pytest.raises(UnknownCallerError) as same:
        world.reader.services.logins.answer(sign(world, thief, challenge))
    assert str(refusal.value) == str(same.value)
    with pytest.raises(SignatureError):
        world.reader.services.logins.answer(changed(sign(world, bidder, challenge), thief.key))


async def test_nobody_shows_another_company(world: World, bidder: Bidder) -> None:
    challenge, other = ask(world.reader), world.bidder()
    token = sign(world, bidder, challenge)
    with pytest.raises(SignatureError, match="another wallet key"):
        world.reader.services.logins.answer(changed(token, bidder.key, delegation=other.delegation))


async def test_a_company_that_was_not_asked_for_is_not_taken(world: World, bidder: Bidder) -> None:
    challenge = ask(world.reader, Wants.SUBJECT)
    with pytest.raises(DocumentFormatError, match="not asked for"):
        world.reader.services.logins.answer(sign(world, bidder, challenge, company=True))


def test_a_certificate_of_an_unknown_authority_is_refused(world: World) -> None:
    stranger = world.bidder(authority=Authority("Nobody's CA"))
    challenge = ask(world.reader)
    with pytest.raises(CertificateError):
        world.reader.services.logins.answer(certify(world, stranger, challenge))


def test_a_certificate_signs_for_itself_only(world: World) -> None:
    bidder, thief = world.bidder(), world.bidder()
    challenge = ask(world.reader)
    token = answer_with_certificate(challenge, [bidder.certificate.der], thief.certificate.key)
    with pytest.raises(SignatureError):
        world.reader.services.logins.answer(token)


async def test_no_wallet_logs_in_where_the_ledger_was_not_seen_for_long(world: World, bidder: Bidder) -> None:
    challenge = ask(world.reader)
    world.clock.advance(61)
    with pytest.raises(ProjectionStaleError):
        world.reader.services.logins.answer(sign(world, bidder, challenge))


async def test_ids_that_never_were_answer_exactly_as_those_that_are_over(
    world: World, bidder: Bidder
) -> None:
    used, expired = ask(world.reader), ask(world.reader, seconds=MIN_SECONDS)
    world.reader.services.logins.answer(sign(world, bidder, used))
    world.clock.advance(MIN_SECONDS)
    guessed = dataclasses.replace(used, id=to_base64url(os.urandom(16)))
    said = set()
    for challenge in (used, expired, guessed):
        with pytest.raises(LoginRefusedError) as refusal:
            world.reader.services.logins.answer(answer_with_wallet(bidder.scribe, challenge))
        said.add(str(refusal.value))
    assert len(said) == 1
    asked = set()
    for login_id in (expired.id, guessed.id, "", "x" * 5000, "../x"):
        with pytest.raises(MissingError) as missing:
            world.reader.services.logins.get(login_id)
        asked.add(str(missing.value))
    assert len(asked) == 1


async def test_a_false_signature_is_refused_alike_whether_the_challenge_is_open_or_not(
    world: World, bidder: Bidder
) -> None:
    open_, guessed = ask(world.reader), dataclasses.replace(ask(world.third), member=world.reader.name)
    said = set()
    for challenge in (open_, guessed):
        with pytest.raises(NodeError) as refusal:
            world.reader.services.logins.answer(changed(sign(world, bidder, challenge), new_wallet_key()))
        said.add(str(refusal.value))
    assert len(said) == 1


# -- bounds -----------------------------------------------------------------------------------------------


def test_open_challenges_are_bounded_and_make_room_when_they_run_out(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logins, "MAX_KEPT", 3)
    for _ in range(3):
        ask(world.reader, seconds=MIN_SECONDS)
    with pytest.raises(BusyError):
        ask(world.reader)
    world.clock.advance(MIN_SECONDS + 1)
    for _ in range(3):
        ask(world.reader)
    with pytest.raises(BusyError):
        ask(world.reader)


async def test_what_is_over_leaves_nothing_behind(world: World, bidder: Bidder) -> None:
    for _ in range(5):
        ask(world.reader)
    world.reader.services.logins.answer(sign(world, bidder, ask(world.reader)))
    world.clock.advance(MAX_SECONDS + SESSION_SECONDS)
    last = ask(world.reader)
    kept = world.reader.services.logins
    assert (list(kept._logins), kept._ends) == ([last.id], [(last.end, last.id)])


async def test_a_session_ends_with_its_time(world: World, bidder: Bidder) -> None:
    challenge = ask(world.reader)
    world.reader.services.logins.answer(sign(world, bidder, challenge))
    world.clock.advance(SESSION_SECONDS - 1)
    assert session_of(world.reader, challenge)
    world.clock.advance(1)
    with pytest.raises(MissingError):
        world.reader.services.logins.get(challenge.id)


@pytest.mark.parametrize("seconds", [MIN_SECONDS - 1, MAX_SECONDS + 1, -1])
def test_a_challenge_lives_neither_too_short_nor_too_long(world: World, seconds: int) -> None:
    with pytest.raises(InvalidError, match="seconds"):
        ask(world.reader, seconds=seconds)


def test_malformed_wishes_are_refused(world: World) -> None:
    with pytest.raises(InvalidError, match="purpose"):
        world.reader.services.logins.create(Wants.SUBJECT, "Tender 7", "", USUAL_SECONDS)
    with pytest.raises(InvalidError, match="state"):
        ask(world.reader, state="x" * (MAX_STATE_CHARS + 1))


def test_a_node_that_is_no_member_asks_nobody(world: World) -> None:
    newcomer, _ = world.newcomer("wuhan")
    with pytest.raises(NotMemberError):
        ask(newcomer)


def test_a_wallet_without_a_subject_is_told_to_use_its_certificate(world: World) -> None:
    challenge = ask(world.reader)
    with pytest.raises(DocumentFormatError, match="not registered"):
        answer_with_wallet(world.bidder().scribe, challenge)


def test_kinds_of_answers_are_told_apart_by_their_header(world: World) -> None:
    bidder, challenge = world.bidder(), ask(world.reader)
    token = certify(world, bidder, challenge)
    call = CertificateLogin(
        alliance=challenge.alliance, iat=1, jti="A" * 22, node=challenge.member, challenge=str(challenge)
    )
    with pytest.raises(DocumentFormatError):
        world.reader.services.logins.answer(sign_document(call, bidder.key.sign))
    world.reader.services.logins.answer(token)
