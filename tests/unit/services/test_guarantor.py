"""A guarantor's desk: read and verify, then issue once or refuse, and what the ledger makes of it."""

from dataclasses import replace

import pytest

from node.domain.document import open_document
from node.domain.draft import RecordDraft
from node.domain.guarantee import Guarantee
from node.domain.ledger import IssueGuarantee
from node.domain.ledger_ids import issue_guarantee_digest
from node.domain.signature import verify_p256
from node.errors import (
    ConflictError,
    DocumentFormatError,
    DuplicateError,
    GrantMissingError,
    GrantRevokedError,
    GrantScopeError,
    PeerError,
    StandingError,
    StoreError,
    VerificationError,
)
from node.ports import Answer
from node.services.guarantees import Verdict
from node.services.outbox import State
from node.services.transaction import Transaction
from tests.support.world_bidder import Bidder
from tests.support.world_dishonest import other_value, signed_anew, with_record
from tests.support.world_guarantees import INSURER, Tender
from tests.support.world_guarantees import signed_anew as signed_anew_file


@pytest.fixture
async def bidder(tender: Tender) -> Bidder:
    """A registered company."""
    return await tender.bidder()


@pytest.fixture
async def assessed(tender: Tender, bidder: Bidder) -> str:
    """An application whose applicant the bank has read and verified."""
    return await tender.assessed(bidder)


# -- reading -----------------------------------------------------------------------------------------------


async def test_the_bank_reads_what_was_granted_and_no_more(tender: Tender, bidder: Bidder) -> None:
    application = tender.apply(bidder)
    await tender.world.settle()
    [record] = await tender.bank.services.guarantor.assess(application)
    assert dict(record.fields) == {"credit_code": bidder.code, "legal_name": bidder.organisation}
    row = tender.bank.services.guarantor.load(application)
    assert (row.legal_name, row.credit_code) == (bidder.organisation, bidder.code)
    [entry] = tender.world.home.serving.history(bidder.subject)
    assert entry.receipt, "the home has the bank's signed request and its receipt"


async def test_the_bank_reads_once_the_ledger_has_the_grant(tender: Tender, bidder: Bidder) -> None:
    application = tender.apply(bidder)
    with pytest.raises(GrantMissingError):
        await tender.bank.services.guarantor.assess(application)
    await tender.world.settle()
    assert await tender.bank.services.guarantor.assess(application)


async def test_the_applicant_can_revoke_before_the_bank_reads(tender: Tender, bidder: Bidder) -> None:
    grant = tender.grant(bidder)
    tender.world.give(bidder, grant)
    application = tender.apply(bidder, grant=grant)
    await tender.world.settle()
    tender.world.revoke(bidder, grant)
    await tender.world.settle()
    with pytest.raises(GrantRevokedError):
        await tender.bank.services.guarantor.assess(application)


async def test_an_absent_home_delays_the_assessment(tender: Tender, bidder: Bidder) -> None:
    application = tender.apply(bidder)
    await tender.world.settle()
    tender.world.network.absent.add(tender.world.home.name)
    with pytest.raises(PeerError):
        await tender.bank.services.guarantor.assess(application)
    tender.world.network.absent.clear()
    assert await tender.bank.services.guarantor.assess(application)


async def test_what_a_dishonest_home_says_is_not_taken(tender: Tender, bidder: Bidder) -> None:
    application = tender.apply(bidder)
    await tender.world.settle()

    def lie(answer: Answer) -> Answer:
        changed = with_record(answer, lambda record: other_value(record, "legal_name", "别家公司"))
        return signed_anew(tender.world.home, answer, changed)

    tender.world.network.tamper = lie
    with pytest.raises(VerificationError):
        await tender.bank.services.guarantor.assess(application)
    assert tender.bank.services.guarantor.load(application).legal_name == ""


async def test_who_did_not_state_its_name_is_not_named_in_a_guarantee(tender: Tender) -> None:
    bidder = tender.world.bidder()
    tender.world.register(bidder)
    home, transaction = tender.world.home, Transaction(tender.world.home.store)
    # As a home that was there before definitions were may have taken it.
    nameless = RecordDraft(
        "subject.base", "base", bidder.subject, "wallet", "", None, {"credit_code": bidder.code}
    )
    home.records.stage(transaction, [nameless])
    transaction.commit()
    await tender.world.settle()
    application = tender.apply(bidder)
    await tender.world.settle()
    with pytest.raises(GrantScopeError, match="does not state its name"):
        await tender.bank.services.guarantor.assess(application)
    with pytest.raises(ConflictError):
        tender.bank.services.guarantor.issue(application, "BH-1")


@pytest.mark.parametrize("decide", ["issue", "refuse"])
async def test_a_decided_application_is_not_assessed_again(
    tender: Tender, bidder: Bidder, assessed: str, decide: str
) -> None:
    guarantor = tender.bank.services.guarantor
    getattr(guarantor, decide)(assessed, "BH-1")
    decided = guarantor.load(assessed)
    with pytest.raises(ConflictError, match="decided"):
        await guarantor.assess(assessed)
    assert guarantor.load(assessed) == decided
    assert len(list(tender.world.home.serving.history(bidder.subject))) == 1, "nothing was read for nothing"


async def test_an_application_decided_while_its_data_is_read_stays_as_decided(
    tender: Tender, bidder: Bidder
) -> None:
    application = tender.apply(bidder)
    await tender.world.settle()

    def refuse(answer: Answer) -> Answer:
        tender.bank.services.guarantor.refuse(application, "too late")
        return answer

    tender.world.network.tamper = refuse
    with pytest.raises(ConflictError, match="decided"):
        await tender.bank.services.guarantor.assess(application)
    row = tender.bank.services.guarantor.load(application)
    assert (row.refused, row.legal_name, row.credit_code) == ("too late", "", "")


# -- issuing -----------------------------------------------------------------------------------------------


async def test_a_guarantee_says_what_was_applied_for_and_who_was_verified(
    tender: Tender, bidder: Bidder, assessed: str
) -> None:
    tender.bank.services.guarantor.issue(assessed, "BH-2026-0001")
    token = tender.bank.services.guarantor.load(assessed).guarantee
    guarantee = open_document(token, Guarantee, tender.bank.keys.identity.public_key)
    asked = tender.terms()
    assert (guarantee.iss, guarantee.number) == (tender.bank.name, "BH-2026-0001")
    assert (guarantee.applicant, guarantee.applicant_name) == (bidder.subject, bidder.organisation)
    assert guarantee.applicant_code == bidder.code
    assert (guarantee.amount, guarantee.currency) == (asked.amount, asked.currency)
    assert (guarantee.beneficiary_name, guarantee.beneficiary_key) == (
        asked.beneficiary_name,
        asked.beneficiary_key,
    )
    assert (guarantee.section, guarantee.guarantee_kind) == (asked.section, "bid")
    assert guarantee.applicant_key == bidder.key.applicant_key(guarantee.code).public_key.hex()


async def test_what_goes_to_the_ledger_names_neither_applicant_nor_section(
    tender: Tender, bidder: Bidder, assessed: str
) -> None:
    raw_id = tender.bank.services.guarantor.issue(assessed, "BH-1")
    [item] = tender.bank.outbox()
    issue = item.decoded()
    assert isinstance(issue, IssueGuarantee)
    domain = tender.bank.services.alliance.signing_domain("Guarantees")
    digest = issue_guarantee_digest(domain, bytes.fromhex(raw_id))
    verify_p256(tender.bank.keys.identity.public_key, digest, issue.signature)
    shown = repr(issue.terms)
    for secret in (
        bidder.code,
        bidder.organisation,
        bidder.subject,
        tender.section,
        bidder.key.public_key.hex(),
    ):
        assert secret not in shown
    assert bidder.key.public_key not in issue.terms.applicant + issue.terms.beneficiary


async def test_an_issue_survives_a_crash_before_it_is_sent(tender: Tender, assessed: str) -> None:
    raw_id = tender.bank.services.guarantor.issue(assessed, "BH-1")
    tender.bank.restart()
    await tender.world.settle()
    checked = tender.bank.services.guarantees.check_number(tender.bank.name, "BH-1")
    assert (checked.verdict, checked.guarantee_id) == (Verdict.VALID, raw_id)


async def test_a_failing_database_issues_nothing_in_part(tender: Tender, assessed: str) -> None:
    before = tender.bank.store.everything()

    def full(name: str) -> None:
        if name == "write":
            raise StoreError("full")

    tender.bank.store.before = full
    with pytest.raises(StoreError):
        tender.bank.services.guarantor.issue(assessed, "BH-1")
    assert tender.bank.store.everything() == before


async def test_nothing_is_issued_before_it_was_assessed(tender: Tender, bidder: Bidder) -> None:
    application = tender.apply(bidder)
    with pytest.raises(ConflictError, match="assess"):
        tender.bank.services.guarantor.issue(application, "BH-1")


async def test_an_application_is_decided_once(tender: Tender, assessed: str) -> None:
    guarantor = tender.bank.services.guarantor
    guarantor.issue(assessed, "BH-1")
    with pytest.raises(ConflictError, match="decided"):
        guarantor.issue(assessed, "BH-2")
    with pytest.raises(ConflictError, match="decided"):
        guarantor.refuse(assessed, "a change of mind")
    assert len(tender.bank.outbox()) == 1


async def test_a_refused_application_is_not_issued(tender: Tender, assessed: str) -> None:
    guarantor = tender.bank.services.guarantor
    guarantor.refuse(assessed, "the line is used up")
    with pytest.raises(ConflictError, match="decided"):
        guarantor.issue(assessed, "BH-1")
    assert tender.bank.outbox() == []


@pytest.mark.parametrize("reason", ["", " \n"])
async def test_a_refusal_needs_a_reason(tender: Tender, assessed: str, reason: str) -> None:
    with pytest.raises(DocumentFormatError):
        tender.bank.services.guarantor.refuse(assessed, reason)
    assert tender.bank.services.guarantor.load(assessed).refused == ""


async def test_a_number_is_given_once(tender: Tender, assessed: str) -> None:
    guarantor = tender.bank.services.guarantor
    guarantor.issue(assessed, "BH-1")
    other = await tender.assessed()
    with pytest.raises(DuplicateError, match="BH-1"):
        guarantor.issue(other, "BH-1")
    assert guarantor.issue(other, "BH-2")


async def test_a_number_that_the_bank_signed_elsewhere_is_not_given_again(
    tender: Tender, assessed: str
) -> None:
    """For example before its database was restored: its node learns of the file when somebody shows it."""
    guarantor = tender.bank.services.guarantor
    first = guarantor.issue(assessed, "BH-1")
    lost = signed_anew_file(guarantor.load(assessed).guarantee, tender.bank.keys.identity.sign, number="BH-2")
    tender.bank.services.guarantees.check_file(lost)
    other = await tender.assessed()
    for number in ("BH-1", "BH-2"):
        with pytest.raises(DuplicateError, match=number):
            guarantor.issue(other, number)
    assert tender.bank.services.guarantees.check_number(tender.bank.name, "BH-1").guarantee_id == first


@pytest.mark.parametrize("number", ["", "9" * 201])
async def test_a_number_is_one(tender: Tender, assessed: str, number: str) -> None:
    with pytest.raises(DocumentFormatError):
        tender.bank.services.guarantor.issue(assessed, number)
    assert tender.bank.outbox() == []


async def test_a_suspended_guarantor_issues_nothing(tender: Tender, assessed: str) -> None:
    await tender.suspend(tender.bank)
    with pytest.raises(StandingError):
        tender.bank.services.guarantor.issue(assessed, "BH-1")


async def test_what_has_run_out_on_the_desk_is_not_issued(tender: Tender, assessed: str) -> None:
    tender.world.clock.advance(91 * 86_400)
    await tender.world.settle()
    with pytest.raises(DocumentFormatError, match="over"):
        tender.bank.services.guarantor.issue(assessed, "BH-1")


async def test_of_two_guarantors_under_one_code_the_ledger_takes_the_first(
    tender: Tender, bidder: Bidder
) -> None:
    insurer = tender.world[INSURER]
    first = await tender.issued(bidder)
    await tender.world.settle()
    second = await tender.issued(bidder, bank=insurer)
    await tender.world.settle()
    [item] = insurer.outbox()
    assert item.state is State.PARKED
    assert "GuaranteesApplicationUsed" in item.problem
    verdicts = [tender.centre.services.guarantees.check_file(i.file).verdict for i in (first, second)]
    assert verdicts == [Verdict.VALID, Verdict.NOT_YET]


async def test_who_is_no_guarantor_finds_no_ledger_that_takes_its_issue(
    tender: Tender, assessed: str
) -> None:
    """A centre whose node leaves out every check of its own gets no further."""
    tender.bank.services.guarantor.issue(assessed, "BH-1")
    [item] = tender.bank.outbox()
    issue = item.decoded()
    assert isinstance(issue, IssueGuarantee)
    posed = replace(issue, terms=replace(issue.terms, guarantor=tender.centre.name, application=bytes(32)))
    tender.world.queue(tender.centre, "guarantee/posed", posed)
    await tender.world.settle()
    [left] = tender.centre.outbox()
    assert left.state is State.PARKED
    assert "GuaranteesNotGuarantor" in left.problem
