"""Applying to a guarantor: with the centre's code and the applicant's own grant, once per code."""

import pytest

from node.errors import (
    ConflictError,
    DuplicateError,
    MissingError,
    RoleMissingError,
    SignatureError,
    StandingError,
    UnknownCallerError,
)
from node.wallet.guarantees import GuaranteeScribe
from tests.support.world import DAY
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
    return [(found.id, found.row.refused) for found in tender.bank.services.guarantor.of_wallet(asked)]


def at_the_desk(tender: Tender) -> list[str]:
    """The ids of all applications, as the bank sees them."""
    return [found.id for found in tender.bank.services.guarantor.applications()]


async def test_an_application_waits_for_the_bank(tender: Tender, bidder: Bidder) -> None:
    application = tender.apply(bidder)
    [found] = tender.bank.services.guarantor.applications()
    row = found.row
    assert (found.id, row.subject) == (application, bidder.subject)
    assert (row.legal_name, row.credit_code, row.refused, row.guarantee) == ("", "", "", "")
    [entry] = await tender.bank.feed("application.received")
    assert entry.about == {"application": application, "subject": bidder.subject}


async def test_an_application_survives_a_crash(tender: Tender, bidder: Bidder) -> None:
    application = tender.apply(bidder)
    tender.bank.restart()
    assert at_the_desk(tender) == [application]
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
    assert own(tender, bidder) == [(first, "the accounts are missing"), (second, "")]
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
    assert set(at_the_desk(tender)) == ids
    assert len(ids) == 3


# -- a lost answer -----------------------------------------------------------------------------------------


def request(tender: Tender, bidder: Bidder, grant: str, **terms: object) -> str:
    """What the bidder's wallet signs, anew each time."""
    writer = GuaranteeScribe(bidder.scribe)
    return writer.apply(tender.bank.name, tender.code(bidder), grant, tender.terms(**terms))


async def test_the_same_request_gets_the_same_answer_and_is_taken_once(
    tender: Tender, bidder: Bidder
) -> None:
    token = request(tender, bidder, tender.grant(bidder))
    first = tender.bank.services.guarantor.apply(token)
    before = kept(tender)
    assert tender.bank.services.guarantor.apply(token) == first
    tender.bank.restart()
    tender.world.clock.advance(3_600)
    assert tender.bank.services.guarantor.apply(token) == first
    assert kept(tender) == before


async def test_the_same_application_signed_anew_gets_the_same_answer(tender: Tender, bidder: Bidder) -> None:
    grant, now = tender.grant(bidder), int(tender.world.clock.now())
    times = {"nbf": now, "exp": now + 90 * DAY}
    first = tender.bank.services.guarantor.apply(request(tender, bidder, grant, **times))
    before = kept(tender)
    tender.world.clock.advance(
        3_600
    )  # the first request is too old to be repeated, and the code is another copy
    assert tender.bank.services.guarantor.apply(request(tender, bidder, grant, **times)) == first
    assert kept(tender) == before
    for changes in ({"amount": "1.00"}, {"exp": now + 91 * DAY}, {"beneficiary_name": "别家"}):
        with pytest.raises(DuplicateError):
            tender.bank.services.guarantor.apply(request(tender, bidder, grant, **times | changes))
    with pytest.raises(DuplicateError):
        tender.bank.services.guarantor.apply(request(tender, bidder, tender.grant(bidder), **times))


async def test_the_answer_to_a_request_is_what_it_was_also_after_the_decision(
    tender: Tender, bidder: Bidder
) -> None:
    guarantor, grant = tender.bank.services.guarantor, tender.grant(bidder)
    token = request(tender, bidder, grant)
    first = guarantor.apply(token)
    guarantor.refuse(first, "the accounts are missing")
    assert guarantor.apply(token) == first
    assert guarantor.apply(request(tender, bidder, grant)) == first
    again = guarantor.apply(request(tender, bidder, tender.grant(bidder)))
    assert again != first, "a refusal frees the code for whoever means it"
    assert own(tender, bidder) == [(first, "the accounts are missing"), (again, "")]


async def test_what_only_looks_like_the_request_is_not_answered(tender: Tender, bidder: Bidder) -> None:
    """The id is the digest of what was signed; who has no signature learns nothing from it."""
    token = request(tender, bidder, tender.grant(bidder))
    tender.bank.services.guarantor.apply(token)
    head, _, signature = token.rpartition(".")
    for forged in ("", "A" * len(signature)):
        with pytest.raises(SignatureError):
            tender.bank.services.guarantor.apply(f"{head}.{forged}")


# -- long lists --------------------------------------------------------------------------------------------


async def test_applications_are_read_on_from_any_place_oldest_first(tender: Tender, bidder: Bidder) -> None:
    ids = [Tender(tender.world, f"S-{count}").apply(bidder) for count in range(5)]
    everything = list(tender.bank.services.guarantor.applications())
    assert [found.id for found in everything] == ids
    for place, found in enumerate(everything):
        assert [row.id for row in tender.bank.services.guarantor.applications(found.number)] == ids[place:]
    asked = GuaranteeScribe(bidder.scribe).applications(tender.bank.name)
    rest = tender.bank.services.guarantor.of_wallet(asked, everything[3].number)
    assert [found.id for found in rest] == ids[3:]


async def test_a_wallets_list_costs_the_bank_nothing_for_others(tender: Tender, bidder: Bidder) -> None:
    other = await tender.bidder()
    tender.apply(bidder)

    def reads() -> int:
        """How often the database is asked for the bidder's list."""
        calls: list[str] = []
        tender.bank.store.before = calls.append
        assert len(own(tender, bidder)) == 1
        tender.bank.store.before = lambda _: None
        return len(calls)

    alone = reads()
    for count in range(5):
        Tender(tender.world, f"S-{count}").apply(other)
    assert reads() == alone


async def test_an_application_that_is_not_there_is_missing(tender: Tender) -> None:
    guarantor = tender.bank.services.guarantor
    with pytest.raises(MissingError):
        guarantor.load("ab" * 32)
    with pytest.raises(MissingError):
        await guarantor.assess("ab" * 32)
    for decide in (lambda: guarantor.issue("ab" * 32, "1"), lambda: guarantor.refuse("ab" * 32, "no")):
        with pytest.raises(MissingError):
            decide()
