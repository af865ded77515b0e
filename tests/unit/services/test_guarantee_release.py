"""Giving a guarantee back is the beneficiary's step, through any member, once, and nobody else's."""

import os
from collections.abc import Callable
from typing import Any

import pytest

from node.domain.document import document_digest, open_document, peek_document, sign_document
from node.domain.encoding import to_base64url
from node.domain.guarantee import Guarantee, GuaranteeRelease, beneficiary_salt, guarantee_terms
from node.domain.guarantee_table import Event, State
from node.domain.ledger import GuaranteeStep, IssueGuarantee, Signed, StepGuarantee
from node.domain.ledger_ids import step_guarantee_digest
from node.domain.wallet import ReleaseCall
from node.errors import (
    ConflictError,
    DocumentFormatError,
    MissingError,
    NodeError,
    NotMemberError,
    ReplayError,
    RoleMissingError,
    SignatureError,
)
from node.services.guarantees import Verdict
from node.services.outbox import State as Place
from node.wallet.documents import Scribe
from node.wallet.guarantees import GuaranteeScribe, unmoved
from node.wallet.keyfile import WalletKey, new_wallet_key
from tests.support.world import DAY
from tests.support.world_guarantees import Issued, Tender, signed_anew


@pytest.fixture
async def issued(tender: Tender) -> Issued:
    """In force: the bank has signed it and every node has seen it on the ledger."""
    return await tender.in_force()


def state(tender: Tender, issued: Issued) -> tuple[int, int]:
    row = tender.world.third.services.projection.guarantee(bytes.fromhex(issued.id))
    assert row is not None
    return row.state, row.sequence


class Releaser:
    """Signs a release as the real wallet does, but for what a test changes."""

    def __init__(self, tender: Tender, issued: Issued) -> None:
        self.tender, self.issued, self.alliance = tender, issued, tender.centre.services.alliance
        self.key = tender.beneficiary.beneficiary_key(tender.section)
        self.signer = self.key
        self.document: dict[str, Any] = {}
        self.step: dict[str, Any] = {}

    def token(self) -> str:
        release = {
            "alliance": self.alliance.id,
            "iat": int(self.tender.world.clock.now()),
            "jti": to_base64url(os.urandom(16)),
            "guarantee": self.issued.id,
            "reason": "the tender is over",
            **self.document,
        }
        signed = sign_document(GuaranteeRelease(**release), self.signer.sign)
        step = {
            "guarantee": bytes.fromhex(self.issued.id),
            "sequence": 2,
            "previous": document_digest(self.issued.file),
            "event": Event.RELEASE,
            "document": document_digest(signed),
            **self.step,
        }
        digest = step_guarantee_digest(self.alliance.signing_domain("Guarantees"), GuaranteeStep(**step))
        return Scribe(self.key, self.tender.world.descriptor, "").call(
            ReleaseCall,
            self.tender.centre.name,
            guarantee=self.issued.file,
            release=signed,
            signature=self.key.sign(digest).hex(),
        )

    def send(self) -> str:
        return self.tender.centre.services.guarantee_steps.release(self.token()).guarantee


@pytest.mark.parametrize("via", ["home", "reader", "third", "bank"])
async def test_any_member_brings_the_beneficiarys_release(tender: Tender, issued: Issued, via: str) -> None:
    node = tender.bank if via == "bank" else getattr(tender.world, via)
    assert tender.release(issued, via=node) == issued.id
    assert state(tender, issued) == (State.ISSUED, 1), "nothing has happened before the ledger says so"
    await tender.world.settle()
    assert state(tender, issued) == (State.RELEASED, 2)
    [entry] = await node.feed("guarantee.step")
    assert entry.about == {"guarantee": issued.id, "event": "RELEASE"}


async def test_a_release_as_the_specification_has_it_is_taken(tender: Tender, issued: Issued) -> None:
    assert Releaser(tender, issued).send() == issued.id


async def test_a_wallet_does_not_sign_for_another_beneficiary(tender: Tender, issued: Issued) -> None:
    for wallet in (new_wallet_key(), issued.bidder.key):
        writer = GuaranteeScribe(Scribe(wallet, tender.world.descriptor, ""))
        with pytest.raises(DocumentFormatError, match="another beneficiary"):
            writer.release(tender.centre.name, unmoved(issued.file), tender.world.member("bank"), "mine")


async def test_a_wallet_opens_only_what_that_guarantor_signed(tender: Tender, issued: Issued) -> None:
    writer, bank = tender.releasing, tender.world.member("bank")
    assert writer.open(issued.file, bank) == issued.terms
    with pytest.raises(SignatureError):
        writer.open(issued.file, tender.world.member("insurer"))
    for changes in ({"alliance": "ab" * 32}, {"iss": "insurer"}):
        with pytest.raises(DocumentFormatError, match="another alliance or guarantor"):
            writer.open(signed_anew(issued.file, tender.bank.keys.identity.sign, **changes), bank)


MOVERS: dict[str, Callable[[Tender, Issued], WalletKey]] = {
    "the bank": lambda tender, _: WalletKey(tender.bank.keys.identity.key),
    "the tender's centre": lambda tender, _: WalletKey(tender.centre.keys.identity.key),
    "the applicant's wallet": lambda _, issued: issued.bidder.key,
    "the applicant's key of this guarantee": lambda _, issued: issued.bidder.key.applicant_key(
        issued.terms.code
    ),
    "the beneficiary's wallet under its everyday key": lambda tender, _: tender.beneficiary,
    "the beneficiary's key of another section": lambda tender, _: tender.beneficiary.beneficiary_key("other"),
    "a stranger": lambda *_: new_wallet_key(),
}


@pytest.mark.parametrize("mover", MOVERS)
async def test_nobody_else_releases(tender: Tender, issued: Issued, mover: str) -> None:
    key, writer = MOVERS[mover](tender, issued), tender.releasing
    token = writer.sign_release(tender.centre.name, unmoved(issued.file), key, "no longer needed")
    with pytest.raises(RoleMissingError):
        tender.centre.services.guarantee_steps.release(token)
    assert tender.centre.outbox() == []


@pytest.mark.parametrize("mover", MOVERS)
async def test_the_ledger_takes_the_step_from_nobody_else(tender: Tender, issued: Issued, mover: str) -> None:
    """A member's node that leaves out every check of its own gets no further."""
    key, raw_id, document = MOVERS[mover](tender, issued), bytes.fromhex(issued.id), os.urandom(32)
    alliance = tender.bank.services.alliance
    step = GuaranteeStep(raw_id, 2, document_digest(issued.file), Event.RELEASE, document)
    signature = key.sign(step_guarantee_digest(alliance.signing_domain("Guarantees"), step))
    signer = alliance.signer_of(key.public_key.hex())
    mover = Signed(signer, signature, beneficiary_salt(issued.terms.code))
    tender.world.queue(tender.bank, f"guarantee/{issued.id}", StepGuarantee(step, mover))
    await tender.world.settle()
    [item] = tender.bank.outbox()
    assert item.state is Place.PARKED
    assert "GuaranteesWrongMover" in item.problem
    assert state(tender, issued) == (State.ISSUED, 1)


STRANGER = new_wallet_key()


def _another(tender: Tender, issued: Issued, **changes: Any) -> Releaser:
    releaser = Releaser(tender, issued)
    for name, value in changes.items():
        setattr(releaser, name, value)
    return releaser


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"document": {"guarantee": "ab" * 32}}, DocumentFormatError),
        ({"document": {"alliance": "ab" * 32}}, DocumentFormatError),
        ({"document": {"reason": ""}}, DocumentFormatError),
        ({"signer": STRANGER}, SignatureError),
        ({"step": {"sequence": 1}}, SignatureError),
        ({"step": {"sequence": 3}}, SignatureError),
        ({"step": {"event": Event.ISSUE}}, SignatureError),
        ({"step": {"guarantee": bytes(32)}}, SignatureError),
        ({"step": {"document": bytes(32)}}, SignatureError),
    ],
    ids=[
        "document for another guarantee",
        "document of another alliance",
        "document without a reason",
        "document by a stranger",
        "the number of the issue",
        "the number after the next",
        "another event",
        "a step of another guarantee",
        "a step for another document",
    ],
)
async def test_a_release_of_something_else_is_refused(
    tender: Tender, issued: Issued, changes: dict[str, Any], error: type[NodeError]
) -> None:
    with pytest.raises(error):
        _another(tender, issued, **changes).send()
    assert tender.centre.outbox() == []


async def test_what_the_ledger_does_not_have_is_not_released(tender: Tender) -> None:
    issued = await tender.issued()
    with pytest.raises(MissingError):
        Releaser(tender, issued).send()
    await tender.world.settle()
    assert Releaser(tender, issued).send() == issued.id


async def test_a_guarantee_is_released_once(tender: Tender, issued: Issued) -> None:
    tender.release(issued)
    await tender.world.settle()
    with pytest.raises(ConflictError, match="RELEASED"):
        tender.release(issued, via=tender.world.third)


async def test_a_release_is_taken_once(tender: Tender, issued: Issued) -> None:
    token = Releaser(tender, issued).token()
    tender.centre.services.guarantee_steps.release(token)
    with pytest.raises(ReplayError):
        tender.centre.services.guarantee_steps.release(token)


async def test_two_releases_at_two_members_are_one_and_none_is_parked(tender: Tender, issued: Issued) -> None:
    nodes = (tender.world.home, tender.world.third)
    for node in nodes:
        tender.release(issued, via=node)
    await tender.world.settle()
    assert state(tender, issued) == (State.RELEASED, 2)
    assert [node.outbox() for node in nodes] == [[], []]


async def test_a_second_release_is_told_that_the_first_is_on_its_way(tender: Tender, issued: Issued) -> None:
    release = tender.centre.services.guarantee_steps.release
    assert not release(Releaser(tender, issued).token()).was_under_way
    assert release(Releaser(tender, issued).token()).was_under_way
    tender.centre.restart()
    await tender.world.follow(tender.centre)
    release = tender.centre.services.guarantee_steps.release
    assert release(Releaser(tender, issued).token()).was_under_way
    [item] = tender.centre.outbox()
    assert item.state is Place.WAITING
    assert len(await tender.centre.feed("guarantee.step")) == 1
    await tender.world.settle()
    assert state(tender, issued) == (State.RELEASED, 2)
    assert tender.centre.outbox() == []


async def test_the_issue_that_is_not_cleared_away_yet_is_no_release_on_its_way(tender: Tender) -> None:
    issued = await tender.in_force()
    issue = IssueGuarantee(
        guarantee_terms(
            issued.terms, document_digest(issued.file), tender.bank.services.alliance.verifiers.es256
        ),
        bytes(64),
    )
    tender.world.queue(tender.bank, f"guarantee/{issued.id}", issue)
    token = tender.releasing.release(
        tender.bank.name, unmoved(issued.file), tender.world.member("bank"), "the tender is over"
    )
    assert not tender.bank.services.guarantee_steps.release(token).was_under_way


async def test_who_may_not_release_is_not_told_that_a_release_is_on_its_way(
    tender: Tender, issued: Issued
) -> None:
    tender.release(issued)
    with pytest.raises(SignatureError):
        _another(tender, issued, signer=STRANGER).send()


async def test_an_expired_guarantee_can_be_given_back(tender: Tender, issued: Issued) -> None:
    tender.world.clock.advance(91 * DAY)
    await tender.world.settle()
    tender.release(issued)
    await tender.world.settle()
    assert tender.centre.services.guarantees.check_id(issued.id).verdict is Verdict.RELEASED


async def test_a_suspended_guarantors_guarantee_can_be_given_back(tender: Tender, issued: Issued) -> None:
    await tender.suspend(tender.bank)
    assert Releaser(tender, issued).send() == issued.id
    await tender.world.settle()
    assert state(tender, issued) == (State.RELEASED, 2)


async def test_a_guarantee_in_the_name_of_nobody_is_not_released(tender: Tender, issued: Issued) -> None:
    false = signed_anew(issued.file, tender.bank.keys.identity.sign, iss="nobody")
    token = tender.releasing.sign_release(tender.centre.name, unmoved(false), tender.beneficiary, "over")
    with pytest.raises(NotMemberError):
        tender.centre.services.guarantee_steps.release(token)


async def test_the_release_that_the_ledger_names_is_the_beneficiarys_document(
    tender: Tender, issued: Issued
) -> None:
    token = Releaser(tender, issued).token()
    tender.centre.services.guarantee_steps.release(token)
    document = peek_document(token, ReleaseCall).release
    release = open_document(document, GuaranteeRelease, bytes.fromhex(issued.terms.beneficiary_key))
    assert release.guarantee == issued.id
    [item] = tender.centre.outbox()
    step = item.decoded()
    assert isinstance(step, StepGuarantee)
    assert step.step.document == document_digest(document)
    assert peek_document(issued.file, Guarantee).beneficiary_key == step.mover.signer[20:].hex()
