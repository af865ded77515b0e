"""Codes, grants and terms with which nobody applies."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from node.domain.document import peek_document, sign_document
from node.domain.grant import Grant, Scope
from node.errors import (
    ConflictError,
    DocumentFormatError,
    GrantMissingError,
    GrantScopeError,
    MovedError,
    NodeError,
    NotMemberError,
    SignatureError,
)
from node.services.application_codes import CODE_VALID_SECONDS
from node.wallet.keyfile import new_wallet_key
from tests.support.world import DAY
from tests.support.world_bidder import Bidder
from tests.support.world_dishonest import altered_grant
from tests.support.world_guarantees import INSURER, Tender, other_code


@pytest.fixture
async def bidder(tender: Tender) -> Bidder:
    """A registered company."""
    return await tender.bidder()


def kept(tender: Tender) -> dict[bytes, bytes]:
    """All that the bank has stored, but for the marks of requests that were taken."""
    return {k: v for k, v in tender.bank.store.everything().items() if not k.startswith(b"j/")}


# -- the code ----------------------------------------------------------------------------------------------

Forge = Callable[[Tender, Bidder, str], str]
CODES: dict[str, tuple[Forge, type[NodeError]]] = {
    "given to another wallet": (
        lambda tender, _, __: tender.code(tender.world.bidder()),
        SignatureError,
    ),
    "by a guarantor": (
        lambda tender, _, code: other_code(code, tender.bank.keys.identity.sign, iss=tender.bank.name),
        DocumentFormatError,
    ),
    "by the applicant": (lambda _, bidder, code: other_code(code, bidder.key.sign), SignatureError),
    "by another centre in this one's name": (
        lambda tender, _, code: other_code(code, tender.world.third.keys.identity.sign),
        SignatureError,
    ),
    "by nobody": (
        lambda tender, _, code: other_code(code, new_wallet_key().sign, iss="nobody"),
        NotMemberError,
    ),
    "of another alliance": (
        lambda tender, _, code: other_code(code, tender.centre.keys.identity.sign, alliance="ab" * 32),
        DocumentFormatError,
    ),
    "that has run out": (
        lambda tender, _, code: other_code(
            code, tender.centre.keys.identity.sign, exp=int(tender.world.clock.now()) - 1
        ),
        ConflictError,
    ),
    "that is no HMAC": (
        lambda tender, _, code: other_code(code, tender.centre.keys.identity.sign, code="mine"),
        DocumentFormatError,
    ),
}


@pytest.mark.parametrize("attack", CODES)
async def test_a_code_that_the_centre_did_not_give_to_this_wallet_is_refused(
    tender: Tender, bidder: Bidder, attack: str
) -> None:
    forge, error = CODES[attack]
    code = forge(tender, bidder, tender.code(bidder))
    before = kept(tender)
    with pytest.raises(error):
        tender.apply(bidder, code=code)
    assert kept(tender) == before


async def test_a_code_is_good_to_its_last_second(tender: Tender, bidder: Bidder) -> None:
    code = tender.code(bidder)
    tender.world.clock.advance(CODE_VALID_SECONDS)
    assert tender.apply(bidder, code=code)


async def test_a_suspended_centres_codes_are_worthless(tender: Tender, bidder: Bidder) -> None:
    code = tender.code(bidder)
    await tender.suspend(tender.centre)
    with pytest.raises(NotMemberError):
        tender.apply(bidder, code=code)


# -- the grant ---------------------------------------------------------------------------------------------

GRANTS: dict[str, tuple[Callable[[Tender, Bidder], str], type[NodeError]]] = {
    "to somebody else": (
        lambda tender, bidder: tender.grant(bidder, tender.world[INSURER]),
        GrantScopeError,
    ),
    "too narrow": (
        lambda tender, bidder: tender.grant(bidder, scope=(Scope("subject.base", ("legal_name",)),)),
        GrantScopeError,
    ),
    "on something else": (
        lambda tender, bidder: tender.grant(bidder, scope=(Scope("subject.qualification", ("level",)),)),
        GrantScopeError,
    ),
    "widened afterwards": (
        lambda tender, bidder: altered_grant(
            tender.grant(bidder, scope=(Scope("subject.base", ("legal_name",)),)),
            scope=(Scope("subject.base", ("credit_code", "legal_name")),),
        ),
        SignatureError,
    ),
    "by another key": (lambda tender, bidder: _grant_of(tender, bidder, key=True), SignatureError),
    "of another subject": (lambda tender, bidder: _grant_of(tender, bidder, key=False), GrantScopeError),
    "with another home than the ledger says": (
        lambda tender, bidder: tender.grant(bidder, home=tender.world.third.name),
        MovedError,
    ),
    "no document": (lambda *_: "grant", DocumentFormatError),
}


def _grant_of(tender: Tender, bidder: Bidder, *, key: bool) -> str:
    """The bidder's grant by a foreign key, or a foreign subject's by the bidder's key."""
    thief = tender.world.bidder()
    thief.home, thief.subject = bidder.home, bidder.subject if key else "ab" * 32
    if not key:
        thief.key = bidder.key
    return tender.grant(thief)


@pytest.mark.parametrize("attack", GRANTS)
async def test_a_grant_that_does_not_let_the_bank_read_the_applicant_is_refused(
    tender: Tender, bidder: Bidder, attack: str
) -> None:
    forge, error = GRANTS[attack]
    grant = forge(tender, bidder)
    before = kept(tender)
    with pytest.raises(error):
        tender.apply(bidder, grant=grant)
    assert kept(tender) == before


async def test_a_grant_of_another_alliance_is_refused(tender: Tender, bidder: Bidder) -> None:
    grant = peek_document(tender.grant(bidder), Grant)
    elsewhere = sign_document(msgspec.structs.replace(grant, alliance="ab" * 32), bidder.key.sign)
    with pytest.raises(GrantMissingError):
        tender.apply(bidder, grant=elsewhere)


# -- the terms ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": "0"},
        {"amount": "0.00"},
        {"amount": "-1"},
        {"amount": "1e6"},
        {"amount": "80,000.00"},
        {"amount": "8万"},
        {"amount": "01"},
        {"amount": "1.0000001"},
        {"currency": "rmb"},
        {"currency": "CNY\n"},
        {"guarantee_kind": "other"},
        {"beneficiary_name": ""},
        {"beneficiary_name": "名" * 201},
        {"beneficiary_key": "ab" * 63},
        {"section": ""},
        {"exp": 0},
    ],
    ids=str,
)
async def test_malformed_terms_are_refused(tender: Tender, bidder: Bidder, changes: dict[str, Any]) -> None:
    before = kept(tender)
    with pytest.raises(DocumentFormatError):
        tender.apply(bidder, grant=tender.grant(bidder), **changes)
    assert kept(tender) == before


async def test_a_guarantee_that_would_be_over_already_is_not_applied_for(
    tender: Tender, bidder: Bidder
) -> None:
    now = int(tender.world.clock.now())
    with pytest.raises(DocumentFormatError, match="over"):
        tender.apply(bidder, nbf=now - 2 * DAY, exp=now)


@pytest.mark.parametrize("amount", ["0.01", "1", "9999999999999999.999999"])
async def test_any_amount_of_the_interfaces_in_use_can_be_applied_for(
    tender: Tender, bidder: Bidder, amount: str
) -> None:
    assert tender.apply(bidder, amount=amount)
