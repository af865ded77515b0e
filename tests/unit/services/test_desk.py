"""Between application and issue: rules decide at once or leave it to people; offer, contract, fee, cancelling."""

from decimal import Decimal

import pytest

from node.domain.desk import Stage
from node.domain.document import document_digest, open_document, peek_document
from node.domain.ledger import IssueGuarantee
from node.domain.offer import GuaranteeOffer
from node.domain.wallet import AcceptCall
from node.errors import (
    ConflictError,
    DocumentFormatError,
    DuplicateError,
    MissingError,
    NodeError,
    RulesUnapprovedError,
    StandingError,
    UnknownCallerError,
)
from node.services.desk import NOTHING_TO_PAY
from node.services.guarantees import Verdict
from node.services.issue_rules import RulesSource
from node.services.reading import Fetched
from tests.support.world import DAY
from tests.support.world_bidder import Bidder
from tests.support.world_desk import WIDE, accept, applied, cancel, grant_line, row, source, terms, use_rules
from tests.support.world_guarantees import Tender


@pytest.fixture
async def bidder(tender: Tender) -> Bidder:
    """A registered company."""
    return await tender.bidder()


async def offered(tender: Tender, bidder: Bidder, outcome: str = "offer") -> str:
    use_rules(tender.bank, outcome)
    return await applied(tender, bidder)


# -- rules -------------------------------------------------------------------------------------------------


async def test_an_application_that_fits_the_rules_is_issued_without_a_person(
    tender: Tender, bidder: Bidder
) -> None:
    use_rules(tender.bank)
    application = await applied(tender, bidder)
    found = row(tender, application)
    assert found.stage is Stage.ISSUED
    assert found.decision is not None
    assert [one.verdict for one in found.decision.findings] == ["HOLDS"] * 4
    number = terms(tender, application).number
    assert number.startswith("BH-2")
    checked = tender.bank.services.guarantees.check_number(tender.bank.name, number)
    assert checked.verdict is Verdict.VALID


async def test_without_rules_people_decide(tender: Tender, bidder: Bidder) -> None:
    application = await applied(tender, bidder)
    assert row(tender, application).stage is Stage.APPLIED
    assert tender.bank.services.lines.exposures.total(bidder.subject, "CNY").count == 0


async def test_what_was_not_granted_is_left_to_people_and_explained(tender: Tender, bidder: Bidder) -> None:
    use_rules(tender.bank)
    application = await applied(tender, bidder, wide=False)
    found = row(tender, application)
    assert found.stage is Stage.APPLIED
    assert found.decision is not None
    assert {one.rule: one.verdict for one in found.decision.findings}["capital"] == "UNKNOWN"
    [event] = await tender.bank.feed("application.manual")
    assert event.about["application"] == application
    tender.bank.services.guarantor.issue(application, "BH-1")
    assert row(tender, application).stage is Stage.ISSUED


async def test_a_refusal_by_rules_tells_the_applicant_the_files_reason_only(
    tender: Tender, bidder: Bidder
) -> None:
    use_rules(tender.bank)
    application = await applied(tender, bidder, guarantee_kind="performance", amount="900000")
    assert row(tender, application).refused == "仅受理投标保函 | bid guarantees only"
    assert tender.bank.outbox() == []


async def test_who_was_refused_gets_to_a_person_with_the_same_code(tender: Tender, bidder: Bidder) -> None:
    use_rules(tender.bank)
    first = await applied(tender, bidder, wide=False)
    tender.bank.services.guarantor.refuse(first, "we do not know this company")
    again = await applied(tender, bidder)
    found = row(tender, again)
    assert (found.stage, found.refusals) == (Stage.APPLIED, 1)
    assert found.decision is not None
    assert {one.rule: one.verdict for one in found.decision.findings}["again"] == "FAILS"


async def test_an_absent_home_delays_the_rules_and_stops_nobody_else(tender: Tender, bidder: Bidder) -> None:
    use_rules(tender.bank)
    tender.world.network.absent.add(tender.world.home.name)
    grant = tender.grant(bidder)
    tender.world.give(bidder, grant)
    application = tender.apply(bidder, grant=grant)
    await tender.world.settle()
    assert row(tender, application).decision is None
    tender.world.network.absent.clear()
    await tender.world.settle()
    assert row(tender, application).decision is not None


async def test_after_an_hour_of_waiting_a_person_looks_at_it(tender: Tender, bidder: Bidder) -> None:
    use_rules(tender.bank)
    tender.world.network.absent.add(tender.world.home.name)
    grant = tender.grant(bidder)
    tender.world.give(bidder, grant)
    application = tender.apply(bidder, grant=grant)
    await tender.world.settle()
    tender.world.clock.advance(3_601)
    await tender.world.follow()
    await tender.world.settle()
    await tender.world.settle()
    assert row(tender, application).problem == "PEER"
    assert len(await tender.bank.feed("application.manual")) == 1


@pytest.mark.parametrize("decides", ["refuse", "cancel"])
async def test_what_is_decided_while_the_rules_read_is_left_to_nobody(
    tender: Tender, bidder: Bidder, monkeypatch: pytest.MonkeyPatch, decides: str
) -> None:
    use_rules(tender.bank)
    grant = tender.grant(bidder, scope=WIDE)
    tender.world.give(bidder, grant)
    application = tender.apply(bidder, grant=grant)
    guarantor = tender.bank.services.guarantor
    fetch = guarantor._reading.fetch

    async def slow(digest: str) -> Fetched:
        fetched = await fetch(digest)
        if row(tender, application).stage is Stage.APPLIED:
            if decides == "refuse":
                guarantor.refuse(application, "a person was quicker")
            else:
                cancel(tender, bidder, application)
        return fetched

    monkeypatch.setattr(guarantor._reading, "fetch", slow)
    await tender.world.settle()
    found = row(tender, application)
    assert (found.stage, found.problem) == (
        Stage.REFUSED if decides == "refuse" else Stage.CANCELLED,
        "",
    )
    assert await tender.bank.feed("application.manual") == []


async def test_a_crash_after_the_decision_loses_nothing(
    tender: Tender, bidder: Bidder, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_rules(tender.bank)

    def crash(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(tender.bank.services.desk, "_issue_at_once", crash)
    with pytest.raises(RuntimeError):
        await applied(tender, bidder)
    tender.bank.restart()
    await tender.world.settle()
    [found] = tender.bank.services.guarantor.applications()
    assert found.row.stage is Stage.ISSUED
    assert len(list(tender.bank.services.lines.exposures.of(bidder.subject))) == 1


async def test_what_rules_may_not_issue_after_all_is_left_to_people(tender: Tender, bidder: Bidder) -> None:
    use_rules(tender.bank)
    grant_line(tender, bidder, "1")
    found = row(tender, await applied(tender, bidder))
    assert (found.stage, found.problem) == (Stage.APPLIED, "LINE")
    assert len(await tender.bank.feed("application.manual")) == 1
    asked = len(list(tender.world.home.serving.history(bidder.subject)))
    await tender.world.settle()
    assert len(list(tender.world.home.serving.history(bidder.subject))) == asked, "it is not tried again"


async def test_rules_that_were_swapped_are_not_used(tender: Tender, bidder: Bidder) -> None:
    use_rules(tender.bank)
    in_force, text = tender.bank.services.rules.current, source(more="# let everybody through\n").text
    approved = source().approved
    tender.bank.rules = RulesSource(text, approved)
    with pytest.raises(RulesUnapprovedError):
        tender.bank.services.rules.load()
    assert tender.bank.services.rules.current is in_force
    tender.bank.restart()
    assert tender.bank.services.rules.current is None
    assert "SHA-256" in tender.bank.services.rules.problem
    await tender.world.settle()
    assert row(tender, await applied(tender, bidder)).decision is None, "people decide"


async def test_loading_rules_is_an_act_once_for_each_file(tender: Tender) -> None:
    acts = tender.bank.services.acts
    use_rules(tender.bank)
    use_rules(tender.bank)
    use_rules(tender.bank, "offer")
    loaded = [one.about["sha256"] for one in acts.newest_first() if one.act == "rules.loaded"]
    assert loaded == [source("offer").approved, source().approved]
    tender.bank.rules = None
    with pytest.raises(MissingError):
        tender.bank.services.rules.load()
    assert tender.bank.services.rules.current is None


async def test_a_dry_run_reads_and_does_nothing(tender: Tender, bidder: Bidder) -> None:
    application = await applied(tender, bidder)
    use_rules(tender.bank)
    rules = tender.bank.services.rules.current
    assert rules is not None
    with pytest.raises(MissingError):
        tender.bank.services.desk.check(application, rules)
    await tender.bank.services.guarantor.assess(application)
    before, reads = (
        tender.bank.store.everything(),
        len(list(tender.world.home.serving.history(bidder.subject))),
    )
    assert tender.bank.services.desk.check(application, rules).outcome == "issue"
    assert tender.bank.store.everything() == before
    assert len(list(tender.world.home.serving.history(bidder.subject))) == reads


async def test_a_days_worth_of_instant_decisions_is_counted(tender: Tender, bidder: Bidder) -> None:
    limit = (
        '[[rules]]\nid = "day"\ncheck = "day-total"\nat_most_count = 1\nat_most = "100000"\n'
        'zh = "限"\nen = "limit"\n'
    )
    use_rules(tender.bank, more=limit)
    clock, other = tender.world.clock, await tender.bidder()
    clock.advance(DAY - (clock.now() + 3600) % DAY)  # 07:00 in Beijing, 23:00 UTC
    await tender.world.settle()
    assert row(tender, await applied(tender, bidder)).stage is Stage.ISSUED
    clock.advance(2 * 3600)
    await tender.world.settle()
    assert row(tender, await applied(tender, other)).stage is Stage.APPLIED
    tender.world.clock.advance(DAY)
    await tender.world.settle()
    third = await tender.bidder()
    assert row(tender, await applied(tender, third)).stage is Stage.ISSUED


# -- offer, contract, fee ----------------------------------------------------------------------------------


async def test_an_offer_is_signed_accepted_paid_and_issued(tender: Tender, bidder: Bidder) -> None:
    application = await offered(tender, bidder)
    found = row(tender, application)
    offer = open_document(found.offer, GuaranteeOffer, tender.bank.keys.identity.public_key)
    assert (offer.application, offer.fee, offer.fee_currency) == (application, "160", "CNY")
    assert offer.conditions == "投标保函合同 2026 版"
    guarantor = tender.bank.services.guarantor
    with pytest.raises(ConflictError, match="not ready"):
        guarantor.issue(application, "BH-1")
    assert accept(tender, bidder, application).stage is Stage.ACCEPTED
    with pytest.raises(ConflictError, match="not ready"):
        guarantor.issue(application, "BH-1")
    tender.bank.services.desk.confirm_fee(application, "T-2026-1")
    guarantor.issue(application, "BH-1")
    await tender.world.settle()
    found = row(tender, application)
    assert (found.stage, found.fee_paid) == (Stage.ISSUED, "T-2026-1")
    assert peek_document(found.contract, AcceptCall).offer == document_digest(found.offer).hex()


async def test_an_offer_without_a_fee_is_paid_when_it_is_accepted(tender: Tender, bidder: Bidder) -> None:
    application = await tender.assessed(bidder)
    tender.bank.services.desk.offer(application, Decimal(0), "CNY", "", DAY)
    after = accept(tender, bidder, application)
    assert (after.stage, after.fee_paid) == (Stage.FEE_PAID, NOTHING_TO_PAY)
    assert tender.bank.services.guarantor.issue(application, "BH-1")


async def test_a_fee_is_confirmed_once(tender: Tender, bidder: Bidder) -> None:
    application = await offered(tender, bidder)
    desk = tender.bank.services.desk
    with pytest.raises(ConflictError):
        desk.confirm_fee(application, "T-1")
    accept(tender, bidder, application)
    for wrong in ("", " ", "x" * 201, "a\nb"):
        with pytest.raises(DocumentFormatError):
            desk.confirm_fee(application, wrong)
    desk.confirm_fee(application, "T-1")
    with pytest.raises(ConflictError):
        desk.confirm_fee(application, "T-2")
    assert row(tender, application).fee_paid == "T-1"


async def test_an_acceptance_whose_answer_was_lost_is_answered_again(tender: Tender, bidder: Bidder) -> None:
    application = await offered(tender, bidder)
    first = accept(tender, bidder, application)
    assert accept(tender, bidder, application) == first


async def test_nobody_accepts_or_cancels_for_another(tender: Tender, bidder: Bidder) -> None:
    application = await offered(tender, bidder)
    other = await tender.bidder()
    for move in (accept, cancel):
        with pytest.raises(MissingError):
            move(tender, other, application)
    bidder.subject, own = other.subject, bidder.subject
    with pytest.raises(UnknownCallerError):
        accept(tender, bidder, application)
    bidder.subject = own
    assert row(tender, application).stage is Stage.OFFERED


async def test_an_old_offer_is_not_accepted(tender: Tender, bidder: Bidder) -> None:
    application = await offered(tender, bidder)
    other = await offered(tender, await tender.bidder())
    with pytest.raises(ConflictError, match="another offer"):
        accept(tender, bidder, application, row(tender, other).offer)
    tender.world.clock.advance(7 * DAY + 1)
    await tender.world.settle()
    with pytest.raises(ConflictError, match="over"):
        accept(tender, bidder, application)
    tender.bank.services.desk.lapse(application)
    with pytest.raises(ConflictError):
        accept(tender, bidder, application)


async def test_an_offer_does_not_lapse_before_its_time(tender: Tender, bidder: Bidder) -> None:
    application = await offered(tender, bidder)
    with pytest.raises(ConflictError, match="stands"):
        tender.bank.services.desk.lapse(application)
    accept(tender, bidder, application)
    with pytest.raises(ConflictError, match="stands"):
        tender.bank.services.desk.lapse(application)
    tender.bank.services.desk.confirm_fee(application, "T-1")
    tender.world.clock.advance(8 * DAY)
    with pytest.raises(ConflictError):
        tender.bank.services.desk.lapse(application)


async def test_a_cancelled_application_frees_its_code_and_cannot_be_issued(
    tender: Tender, bidder: Bidder
) -> None:
    application = await offered(tender, bidder)
    accept(tender, bidder, application)
    cancel(tender, bidder, application)
    cancel(tender, bidder, application)  # the answer was lost
    assert row(tender, application).stage is Stage.CANCELLED
    with pytest.raises(ConflictError):
        tender.bank.services.guarantor.issue(application, "BH-1")
    with pytest.raises(ConflictError):
        tender.bank.services.desk.confirm_fee(application, "T-1")
    again = await applied(tender, bidder)
    assert row(tender, again).refusals == 0


async def test_what_is_issued_is_not_cancelled(tender: Tender, bidder: Bidder) -> None:
    use_rules(tender.bank)
    application = await applied(tender, bidder)
    with pytest.raises(ConflictError, match="issued"):
        cancel(tender, bidder, application)


async def test_who_is_asked_for_more_applies_anew_under_the_same_code(tender: Tender, bidder: Bidder) -> None:
    application = await applied(tender, bidder, wide=False)
    desk = tender.bank.services.desk
    with pytest.raises(DocumentFormatError):
        desk.ask(application, " ")
    desk.ask(application, "请授权读取注册资本 | grant registered_capital, please")
    assert row(tender, application).stage is Stage.NEED_INFO
    use_rules(tender.bank)
    again = await applied(tender, bidder)
    assert row(tender, application).stage is Stage.REPLACED
    assert (row(tender, again).stage, row(tender, again).refusals) == (Stage.ISSUED, 0)
    with pytest.raises(DuplicateError):
        await applied(tender, bidder)
    issues = [item for item in tender.bank.outbox() if isinstance(item.decoded(), IssueGuarantee)]
    assert issues == []


@pytest.mark.parametrize(
    ("fee", "currency", "seconds"), [("1", "yuan", DAY), ("1", "CNY", 0), ("1", "CNY", 91 * DAY)]
)
async def test_a_malformed_offer_is_not_signed(tender: Tender, fee: str, currency: str, seconds: int) -> None:
    application = await tender.assessed()
    with pytest.raises(DocumentFormatError):
        tender.bank.services.desk.offer(application, Decimal(fee), currency, "", seconds)
    assert row(tender, application).offer == ""


async def test_nothing_is_offered_before_the_data_was_read(tender: Tender, bidder: Bidder) -> None:
    application = await applied(tender, bidder)
    with pytest.raises(ConflictError, match="assess"):
        tender.bank.services.desk.offer(application, Decimal(1), "CNY", "", DAY)


async def test_a_suspended_guarantor_offers_nothing_and_may_refuse(tender: Tender, bidder: Bidder) -> None:
    application = await tender.assessed(bidder)
    await tender.suspend(tender.bank)
    with pytest.raises(StandingError):
        tender.bank.services.desk.offer(application, Decimal(1), "CNY", "", DAY)
    with pytest.raises(NodeError):
        tender.bank.services.guarantor.issue(application, "BH-1")
    tender.bank.services.guarantor.refuse(application, "we are at rest")
