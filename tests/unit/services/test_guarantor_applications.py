"""Applying to a guarantor: with the centre's code and the applicant's own grant, once per code."""

import pytest

from node.errors import (
    ConflictError,
    DuplicateError,
    MissingError,
    ReplayError,
    RoleMissingError,
    StandingError,
    UnknownCallerError,
)
from node.wallet.guarantees import GuaranteeScribe
from tests.support.world_bidder import Bidder
from tests.support.world_guarantees import Tender


@pytest.fixture
async def bidder(tender: Tender) -> Bidder:
    """A registered company."""
    return await tender.bidder()


def kept(tender: Tender) -> dict[bytes, bytes]:
    """All that the bank has stored, but for the marks of requests that were taken."""
    return {k: v for k, v in tender.bank.store.everything().items() if not k.startswith(b"j/")}


def own(tender: Tender, bidder: Bidder) -> list[tuple[str, str]]:
    """What the bidder's wallet is told: id and reason of refusal of each application."""
    asked = GuaranteeScribe(bidder.scribe).applications(tender.bank.name)
    return [(name, row.refused) for name, row in tender.bank.services.guarantor.of_wallet(asked)]


async def test_an_application_waits_for_the_bank(tender: Tender, bidder: Bidder) -> None:
    application = tender.apply(bidder)
    [(name, row)] = tender.bank.services.guarantor.applications()
    assert (name, row.subject) == (application, bidder.subject)
    assert (row.legal_name, row.credit_code, row.refused, row.guarantee) == ("", "", "", "")
    [entry] = await tender.bank.feed("application.received")
    assert entry.about == {"application": application, "subject": bidder.subject}


async def test_an_application_survives_a_crash(tender: Tender, bidder: Bidder) -> None:
    application = tender.apply(bidder)
    tender.bank.restart()
    assert [name for name, _ in tender.bank.services.guarantor.applications()] == [application]
    await tender.world.settle()
    assert await tender.bank.services.guarantor.assess(application)


async def test_a_wallet_sees_its_own_applications_only(tender: Tender, bidder: Bidder) -> None:
    other = await tender.bidder()
    first, second = tender.apply(bidder), tender.apply(other)
    assert own(tender, bidder) == [(first, "")]
    assert own(tender, other) == [(second, "")]
    bidder.subject = other.subject
    with pytest.raises(UnknownCallerError):
        own(tender, bidder)


async def test_nothing_of_an_application_lies_open_in_the_database(tender: Tender, bidder: Bidder) -> None:
    before = kept(tender)
    application = tender.apply(bidder, beneficiary_name="虚构区住房局")
    await tender.world.settle()
    await tender.bank.services.guarantor.assess(application)
    [stored] = [v for k, v in kept(tender).items() if k not in before and k.startswith(b"i/")]
    for secret in ("虚构区住房局", bidder.organisation, bidder.code, "eyJ"):
        assert secret.encode() not in stored


async def test_who_is_no_guarantor_takes_no_applications(tender: Tender, bidder: Bidder) -> None:
    with pytest.raises(RoleMissingError):
        tender.apply(bidder, bank=tender.centre)


async def test_a_suspended_guarantor_takes_no_applications(tender: Tender, bidder: Bidder) -> None:
    code, grant = tender.code(bidder), tender.grant(bidder)
    await tender.suspend(tender.bank)
    with pytest.raises(StandingError):
        tender.apply(bidder, code=code, grant=grant)


async def test_who_is_not_registered_cannot_apply(tender: Tender, bidder: Bidder) -> None:
    code, grant = tender.code(bidder), tender.grant(bidder)
    bidder.subject = "ab" * 32
    with pytest.raises(UnknownCallerError):
        tender.apply(bidder, code=code, grant=grant)


# -- one application per code ------------------------------------------------------------------------------


async def test_a_code_carries_one_application(tender: Tender, bidder: Bidder) -> None:
    first = tender.apply(bidder)
    for code in ("", tender.code(bidder)):  # also under the same code given again
        with pytest.raises(DuplicateError):
            tender.apply(bidder, code=code, amount="1.00")
    assert own(tender, bidder) == [(first, "")]


async def test_a_refusal_frees_the_code_and_stays_on_record(tender: Tender, bidder: Bidder) -> None:
    guarantor = tender.bank.services.guarantor
    first = tender.apply(bidder)
    guarantor.refuse(first, "the accounts are missing")
    second = tender.apply(bidder)
    assert second != first
    assert sorted(own(tender, bidder)) == sorted([(first, "the accounts are missing"), (second, "")])
    with pytest.raises(DuplicateError):
        tender.apply(bidder)
    with pytest.raises(ConflictError):
        guarantor.refuse(first, "again")


async def test_an_issued_guarantee_does_not_free_its_code(tender: Tender, bidder: Bidder) -> None:
    issued = await tender.issued(bidder)
    await tender.world.settle()
    tender.release(issued)
    await tender.world.settle()
    with pytest.raises(DuplicateError):
        tender.apply(bidder)


async def test_bidders_and_sections_do_not_stand_in_each_others_way(tender: Tender, bidder: Bidder) -> None:
    other, second_section = await tender.bidder(), Tender(tender.world, "GC-2026-001/2")
    ids = {tender.apply(bidder), tender.apply(other), second_section.apply(bidder)}
    assert {name for name, _ in tender.bank.services.guarantor.applications()} == ids
    assert len(ids) == 3


async def test_a_request_is_taken_once(tender: Tender, bidder: Bidder) -> None:
    grant = tender.grant(bidder)
    writer = GuaranteeScribe(bidder.scribe)
    token = writer.apply(tender.bank.name, tender.code(bidder), grant, tender.terms())
    tender.bank.services.guarantor.apply(token)
    with pytest.raises(ReplayError):
        tender.bank.services.guarantor.apply(token)


async def test_an_application_that_is_not_there_is_missing(tender: Tender) -> None:
    guarantor = tender.bank.services.guarantor
    with pytest.raises(MissingError):
        guarantor.load("ab" * 32)
    with pytest.raises(MissingError):
        await guarantor.assess("ab" * 32)
    for decide in (lambda: guarantor.issue("ab" * 32, "1"), lambda: guarantor.refuse("ab" * 32, "no")):
        with pytest.raises(MissingError):
            decide()
