"""All guarantees of a section at once, at the tender's centre, against its own records."""

import hashlib
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from node.domain.batch_check import Batch, Expected, SectionTerms
from node.domain.batch_finding import Fault
from node.domain.section import Party
from node.errors import DocumentFormatError, InvalidError, TooLargeError
from node.services import batch_checks, layout
from node.services.batch_checks import Judged, JudgedPledge
from node.services.guarantees import Verdict
from node.services.sections import forget
from node.services.transaction import Transaction
from node.wallet.pledges import Pledged, sign_pledge
from tests.support.world import DAY
from tests.support.world_bidder import Bidder
from tests.support.world_guarantees import Issued, Tender, altered, signed_anew
from tests.support.world_sections import SECTION, SectionRecords


@pytest.fixture
def tender(tender: Tender) -> Tender:
    """A tender whose section the trading system numbers."""
    return Tender(tender.world, SECTION)


@pytest.fixture
def records(tender: Tender) -> SectionRecords:
    return SectionRecords(tender.centre)


def begin(tender: Tender, **terms: object) -> Batch:
    return tender.centre.services.batch_checks.begin(SectionTerms(SECTION, "", **terms))


def check(tender: Tender, batch: Batch, file: str, bidder: str = "") -> Judged:
    services = tender.centre.services
    return services.batch_checks.check(batch, partial(services.guarantees.check_file, file), bidder)


def faults(judged: Judged | JudgedPledge) -> list[Fault]:
    return [one.fault for one in judged.findings]


async def two(tender: Tender) -> list[Issued]:
    issued = [await tender.issued(number=f"BH-{number}") for number in (1, 2)]
    await tender.world.settle()
    return issued


async def test_after_the_opening_the_list_the_estimate_and_the_validity_come_from_the_records(
    tender: Tender, records: SectionRecords
) -> None:
    first, second = await two(tender)
    now = tender.world.clock.now()
    records.planned("3999999.99")
    records.bid(first.terms.applicant_code, first.terms.applicant_name)
    records.bid("91310000132269406T", "未提供担保有限公司")
    records.opened(now)
    batch = begin(tender)
    assert faults(check(tender, batch, first.file)) == [Fault.OVER_LEGAL_LIMIT], "2% of the estimate is less"
    assert Fault.NOT_A_BIDDER in faults(check(tender, batch, second.file))
    [missing] = batch.close()
    assert (missing.fault, missing.bidder) == (
        Fault.WITHOUT_SECURITY, Party("91310000132269406T", "未提供担保有限公司")
    )  # fmt: skip
    assert (batch.count, batch.valid, batch.faulty) == (2, 2, 2)


@pytest.mark.parametrize("planned", [False, True])
async def test_before_the_opening_a_batch_answers_as_if_nobody_had_bid(
    tender: Tender, records: SectionRecords, planned: bool
) -> None:
    issued = await tender.in_force()
    records.planned()
    without = begin(tender)
    records.bid("91310000132269406T", "虚构公司甲")
    if planned:
        records.opened(tender.world.clock.now() + DAY)
    batch = begin(tender)
    assert batch.terms == without.terms
    assert batch.terms.bidders is None
    assert faults(check(tender, batch, issued.file)) == []
    assert batch.close() == []
    tender.world.clock.advance(2 * DAY)
    assert (begin(tender).terms.bidders is not None) is planned, "only an opening opens, and only in its time"


async def test_a_withdrawn_bid_and_a_corrected_one_are_on_the_list_as_they_stand(
    tender: Tender, records: SectionRecords
) -> None:
    records.bid("91310000132269406T", "甲")
    records.bid("91110108740053589U", "乙")
    records.bid("91310000132269406T", "甲", status="withdrawn")
    records.bid("91110108740053589U", "乙", validity_period_end="2027-01-31")
    records.opened(tender.world.clock.now())
    [listed] = begin(tender).terms.bidders or ()
    assert [party.code for party in listed.parties] == ["91110108740053589U"]
    assert listed.valid_until == 1801411199, "the end of that day in China"


async def test_what_is_given_counts_before_what_is_on_record(tender: Tender, records: SectionRecords) -> None:
    records.planned()
    records.bid("91310000132269406T", "甲")
    records.opened(tender.world.clock.now())
    bidders = (Expected((Party("91110108740053589U", "乙"),)),)
    batch = begin(tender, base=Decimal(1), bidders=bidders)
    assert (batch.terms.base, batch.terms.bidders) == (Decimal(1), bidders)


async def test_in_whose_favour_it_must_be_comes_from_the_tenders_record_and_a_key_that_is_given_counts_before(
    tender: Tender, records: SectionRecords
) -> None:
    issued = await tender.in_force()
    assert [one.expected for one in begin(tender).not_compared()] == ["beneficiary", "demanded-amount"]
    records.tendered("另一招标人")
    batch = begin(tender)
    [finding] = check(tender, batch, issued.file).findings
    assert (finding.fault, finding.expected) == (Fault.OTHER_BENEFICIARY, "另一招标人")
    assert [one.expected for one in batch.not_compared()] == ["demanded-amount"]
    assert (
        faults(check(tender, begin(tender, beneficiary_key=issued.terms.beneficiary_key), issued.file)) == []
    )
    records.tendered(issued.terms.beneficiary_name)
    assert faults(check(tender, begin(tender), issued.file)) == [], "a corrected record counts"
    records.tendered("第三招标人", "another tender")
    assert begin(tender).terms.beneficiary_name == "", "two names: nothing is guessed"


async def test_what_performance_is_secured_with_comes_from_the_contract_once_bids_are_opened(
    tender: Tender, records: SectionRecords
) -> None:
    issued = await tender.issued(guarantee_kind="performance", amount="480000.00")
    await tender.world.settle()
    value = {"amount": "480000.01", "currency": "CNY"}
    asked = [{"obligations": ["fulfillment"], "value": value}]
    records.contracted(
        issued.terms.applicant_code, issued.terms.applicant_name, "2026-01-05", guarantees=asked
    )
    assert begin(tender, kind="performance").terms.demanded is None, (
        "nothing of a contract before the opening"
    )
    records.opened(tender.world.clock.now())
    batch = begin(tender, kind="performance")
    [finding] = check(tender, batch, issued.file).findings
    assert (finding.fault, finding.expected) == (Fault.TOO_SMALL, "480000.01")
    assert begin(tender, kind="performance", demanded=Decimal(1)).terms.demanded == 1
    assert begin(tender, kind="performance", currency="USD").terms.demanded is None
    assert begin(tender, kind="quality").terms.demanded is None
    assert begin(tender).terms.demanded is None, "what a bid is secured with is in no record"
    records.contracted("91310000132269406T", "乙", "2026-01-05", "second", guarantees=asked)
    assert begin(tender, kind="performance").terms.demanded is None, "two contracts: nothing is guessed"


async def test_records_that_an_earlier_version_did_not_read_are_read_after_an_upgrade(
    tender: Tender, records: SectionRecords
) -> None:
    records.planned()
    records.tendered("虚构招标人")
    assert begin(tender).terms.beneficiary_name == "虚构招标人"
    store, digest = tender.centre.store, tender.centre.services.sections.digest(SECTION)
    transaction = Transaction(store)
    transaction.delete(layout.SECTION + digest)
    transaction.put(layout.SECTION_READING, b"of an earlier version")
    transaction.commit()
    assert begin(tender).terms.beneficiary_name == "虚构招标人"


async def test_false_files_and_false_terms_are_found_and_the_rest_goes_on(tender: Tender) -> None:
    first, second = await two(tender)
    batch = begin(tender, beneficiary_key=first.terms.beneficiary_key)
    for nonsense in ("", "nonsense", altered(first.file, amount="1.00"), first.file[:-4]):
        assert faults(check(tender, batch, nonsense)) == [Fault.NOT_VALID]
    assert faults(check(tender, batch, first.file)) == []
    assert faults(check(tender, batch, first.file, bidder=second.terms.applicant_code)) == [
        Fault.TWO_BIDDERS,
        Fault.OTHER_APPLICANT,
    ]
    assert faults(check(tender, batch, second.file)) == []
    assert (batch.count, batch.valid) == (7, 3)


async def test_a_copied_code_is_found(tender: Tender) -> None:
    """The bank issues twice under one code, which an honest one does not."""
    issued = await tender.in_force()
    batch = begin(tender)
    check(tender, batch, issued.file)
    copied = signed_anew(issued.file, tender.bank.keys.identity.sign, number="BH-2")
    assert Fault.SAME_CODE in faults(check(tender, batch, copied))


async def test_a_stale_ledger_makes_items_unreadable_and_stops_nothing(tender: Tender) -> None:
    issued = await tender.in_force()
    batch = begin(tender)
    tender.world.clock.advance(3600)
    judged = check(tender, batch, issued.file)
    assert judged.checked is None
    assert faults(judged) == [Fault.UNREADABLE]
    await tender.world.settle()
    assert faults(check(tender, batch, issued.file)) == []


async def test_a_batch_names_its_section_and_ends_somewhere(
    tender: Tender, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InvalidError, match="section"):
        tender.centre.services.batch_checks.begin(SectionTerms("", ""))
    monkeypatch.setattr(batch_checks, "MAX_ITEMS", 1)
    batch = begin(tender)
    check(tender, batch, "nonsense")
    with pytest.raises(TooLargeError):
        check(tender, batch, "nonsense")


async def test_the_section_is_rebuilt_the_same_from_the_log(tender: Tender, records: SectionRecords) -> None:
    records.planned()
    records.bid("91310000132269406T", "甲")
    records.opened(tender.world.clock.now())
    before = begin(tender).terms
    services = tender.centre.services
    transaction = Transaction(tender.centre.store)
    for key in forget(transaction, tender.centre.store):
        transaction.delete(key)
    transaction.commit()
    assert services.sections.opened(SECTION) is None
    assert begin(tender).terms == before
    tender.centre.restart()
    assert begin(tender).terms == before


TEXT = hashlib.sha256("我方承诺".encode()).digest()


def pledged(tender: Tender, bidder: Bidder, **changes: Any) -> str:
    """The bidder's pledge, as its wallet signs it."""
    now = int(tender.world.clock.now())
    said = {
        "centre": tender.centre.name,
        "section": SECTION,
        "amount": "80000.00",
        "ends": now + 90 * DAY,
        **changes,
    }
    return sign_pledge(
        bidder.scribe,
        said["centre"],
        said["section"],
        changes.get("delegation", bidder.delegation),
        changes.get("text", TEXT),
        Pledged(said["amount"], "CNY", said["ends"]),
    )


async def check_pledge(tender: Tender, batch: Batch, file: str, bidder: str = "") -> JudgedPledge:
    services = tender.centre.services
    await services.pledges.prepare(file)
    return services.batch_checks.check_pledge(batch, partial(services.pledges.check, file), bidder)


@pytest.fixture
def pledger(tender: Tender) -> Bidder:
    """A company with a certificate and a wallet; for a pledge it need not be registered."""
    return tender.world.bidder()


async def test_a_pledge_stands_for_a_guarantee_where_the_tender_takes_one(
    tender: Tender, pledger: Bidder
) -> None:
    file = pledged(tender, pledger)
    checked = tender.centre.services.pledges.check(file)
    assert checked.verdict is Verdict.VALID
    listed = (Expected((Party(checked.credit_code, ""),)),)
    for takes, found, missing in ((True, [], 0), (False, [Fault.PLEDGE_NOT_TAKEN], 1)):
        batch = begin(
            tender, bidders=listed, takes_pledges=takes, pledge_text=TEXT.hex(), demanded=Decimal(80000)
        )
        assert faults(await check_pledge(tender, batch, file, checked.credit_code)) == found
        assert len(batch.close()) == missing


@pytest.mark.parametrize(
    ("changes", "fault", "secures"),
    [
        ({"section": "another"}, Fault.OTHER_SECTION, False),
        ({"centre": "another"}, Fault.OTHER_SECTION, False),
        ({"text": bytes(32)}, Fault.OTHER_TEXT, False),
        ({"amount": "79999.99"}, Fault.TOO_SMALL, True),
    ],
)
async def test_a_pledge_of_something_else_is_found(
    tender: Tender, pledger: Bidder, changes: dict[str, Any], fault: Fault, secures: bool
) -> None:
    file = pledged(tender, pledger, **changes)
    code = tender.centre.services.pledges.check(file).credit_code
    batch = begin(
        tender,
        bidders=(Expected((Party(code, ""),)),),
        takes_pledges=True,
        pledge_text=TEXT.hex(),
        demanded=Decimal(80000),
    )
    assert faults(await check_pledge(tender, batch, file)) == [fault]
    assert (batch.close() == []) is secures


async def test_a_pledge_that_is_forged_ended_or_anothers_binds_nobody(
    tender: Tender, pledger: Bidder
) -> None:
    file, other = pledged(tender, pledger), tender.world.bidder()
    stolen = pledged(tender, other, delegation=pledger.delegation)
    header, payload, signature = file.split(".")
    for false in (stolen, f"{header}.{payload}.{signature[::-1]}", "nonsense", ""):
        batch = begin(tender, takes_pledges=True)
        assert faults(await check_pledge(tender, batch, false)) == [Fault.NOT_VALID]
        assert batch.valid == 0
    batch = begin(tender, takes_pledges=True)
    assert faults(await check_pledge(tender, batch, file, "91310000132269406T")) == [Fault.OTHER_APPLICANT]
    assert faults(await check_pledge(tender, batch, file)) == [Fault.SHOWN_TWICE]
    with pytest.raises(DocumentFormatError, match="zero"):
        pledged(tender, pledger, amount="0.00")
    tender.world.clock.advance(90 * DAY)
    assert tender.centre.services.pledges.check(file).verdict in {Verdict.EXPIRED, Verdict.FALSE}
