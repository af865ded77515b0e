"""Application codes: one per bidder and section, from the section's centre, and noise to everybody else."""

import hashlib
import hmac
from typing import Any

import pytest

from node.domain.document import document_digest, open_document, peek_document
from node.domain.encoding import to_base64url
from node.domain.guarantee import ApplicationCode
from node.errors import (
    CertificateError,
    DocumentFormatError,
    NodeError,
    ReplayError,
    RoleMissingError,
    SignatureError,
    StandingError,
)
from node.services.application_codes import CODE_VALID_SECONDS
from node.services.guarantees import Verdict
from node.wallet.documents import Scribe
from node.wallet.guarantees import GuaranteeScribe
from node.wallet.keyfile import new_wallet_key
from tests.support.world_bidder import Authority, Bidder
from tests.support.world_guarantees import Tender


@pytest.fixture
def bidder(tender: Tender) -> Bidder:
    """A company with a certificate and no registration: a centre need not know whom it gives a code."""
    return tender.world.bidder()


def word(token: str) -> str:
    return peek_document(token, ApplicationCode).code


def ask(tender: Tender, bidder: Bidder, delegation: str, scribe: Scribe | None = None) -> str:
    """The bidder's wallet asks under any delegation."""
    writer = GuaranteeScribe(scribe or bidder.scribe)
    token = writer.ask_code(tender.centre.name, tender.section, delegation)
    return tender.centre.services.codes.give(token)


def test_a_code_is_the_centres_word_to_one_wallet_for_a_while(tender: Tender, bidder: Bidder) -> None:
    code = open_document(tender.code(bidder), ApplicationCode, tender.centre.keys.identity.public_key)
    now = int(tender.world.clock.now())
    assert (code.iss, code.key) == (tender.centre.name, bidder.key.public_key.hex())
    assert (code.alliance, code.iat, code.exp) == (
        tender.world.descriptor.alliance,
        now,
        now + CODE_VALID_SECONDS,
    )


def test_a_bidder_gets_the_same_code_however_often_it_asks(tender: Tender, bidder: Bidder) -> None:
    first = tender.code(bidder)
    tender.centre.restart()
    again = tender.code(bidder)
    assert word(again) == word(first)
    assert document_digest(again) != document_digest(first)


async def test_a_code_is_of_the_company_and_not_of_its_wallet(tender: Tender, bidder: Bidder) -> None:
    first = word(tender.code(bidder))
    bidder.key = new_wallet_key()
    bidder.delegation = bidder.delegate(bidder.key)
    assert word(tender.code(bidder)) == first


def test_codes_differ_between_sections_bidders_and_centres(tender: Tender, bidder: Bidder) -> None:
    other = tender.world.bidder()
    codes = [
        word(tender.code(who, at)) for who in (bidder, other) for at in (tender.centre, tender.world.third)
    ]
    codes.append(word(Tender(tender.world, "GC-2026-001/2").code(bidder)))
    assert len(set(codes)) == 5


@pytest.mark.parametrize("section", ["", "标" * 201])
def test_a_section_is_one(tender: Tender, bidder: Bidder, section: str) -> None:
    with pytest.raises(DocumentFormatError):
        Tender(tender.world, section).code(bidder)
    assert Tender(tender.world, "标" * 200).code(bidder)


def test_a_code_follows_from_a_key_that_only_the_centre_has(tender: Tender, bidder: Bidder) -> None:
    """By the formula of docs/guarantees.md, and under the data key of no other node."""

    def computed(data_key: bytes) -> str:
        section_key = hmac.new(
            data_key, b"heqi.section.v1\0" + tender.section.encode(), hashlib.sha256
        ).digest()
        return to_base64url(hmac.new(section_key, bidder.code.encode(), hashlib.sha256).digest())

    nodes = tender.world.centres.values()
    assert [node.name for node in nodes if computed(node.keys.index) == word(tender.code(bidder))] == [
        tender.centre.name
    ]


def test_giving_a_code_leaves_no_trace_of_who_asked(tender: Tender, bidder: Bidder) -> None:
    before = tender.centre.store.everything()
    tender.code(bidder)
    new = tender.centre.store.everything().keys() - before.keys()
    assert {key[:2] for key in new} == {b"j/"}, "only that this request was taken, by its hash"


def test_a_guarantor_runs_no_tenders(tender: Tender, bidder: Bidder) -> None:
    with pytest.raises(RoleMissingError):
        tender.code(bidder, tender.bank)


async def test_a_suspended_centre_gives_no_codes(tender: Tender, bidder: Bidder) -> None:
    await tender.suspend(tender.centre)
    with pytest.raises(StandingError):
        tender.code(bidder)


def test_a_request_is_taken_once(tender: Tender, bidder: Bidder) -> None:
    token = GuaranteeScribe(bidder.scribe).ask_code(tender.centre.name, tender.section, bidder.delegation)
    tender.centre.services.codes.give(token)
    with pytest.raises(ReplayError):
        tender.centre.services.codes.give(token)


@pytest.mark.parametrize(
    ("changes", "error"),
    [({"alliance": "ab" * 32}, DocumentFormatError), ({"seconds": -1}, CertificateError)],
)
def test_a_delegation_for_elsewhere_or_another_time_gets_no_code(
    tender: Tender, bidder: Bidder, changes: dict[str, Any], error: type[NodeError]
) -> None:
    with pytest.raises(error):
        ask(tender, bidder, bidder.delegate(bidder.key, **changes))


def test_another_companys_certificate_gets_no_code_for_this_one(tender: Tender, bidder: Bidder) -> None:
    thief = tender.world.bidder()
    with pytest.raises(CertificateError):
        ask(tender, thief, thief.delegate(thief.key, credit_code=bidder.code))
    with pytest.raises(SignatureError, match="another wallet key"):
        ask(tender, thief, bidder.delegation)


def test_an_authority_that_is_not_recognised_vouches_for_nobody(tender: Tender) -> None:
    impostor = tender.world.bidder(authority=Authority("陌生证书机构 Other CA"))
    with pytest.raises(CertificateError):
        tender.code(impostor)


def test_each_kind_of_guarantee_has_a_code_of_its_own(tender: Tender, bidder: Bidder) -> None:
    kinds = [word(tender.code(bidder, kind=kind)) for kind in ("bid", "performance", "quality")]
    assert len(set(kinds)) == 3
    assert kinds[1] == word(tender.code(bidder, kind="performance"))


async def test_a_performance_guarantee_under_the_bids_code_is_found_out(tender: Tender) -> None:
    bidder = await tender.bidder()
    issued = await tender.issued(bidder, guarantee_kind="performance", code=tender.code(bidder))
    await tender.world.settle()
    assert tender.centre.services.guarantees.check_file(issued.file).verdict is Verdict.WRONG_CODE
    right = await tender.issued(bidder, number="BH-2", guarantee_kind="performance")
    await tender.world.settle()
    assert tender.centre.services.guarantees.check_file(right.file).verdict is Verdict.VALID
