"""The calendar of a centre: kept up as things come, told once, silent before the opening, never read in full."""

from datetime import date

import pytest
from msgspec.structs import replace

from node.config import Config, RetentionConfig, parse_config
from node.domain.guarantee_statement import Amendment, Payment, Reason, Reduction
from node.domain.guarantee_table import Event
from node.domain.obligation import State
from node.domain.section import begin_of, day_at
from node.errors import ConfigError, InvalidError, StoreError
from node.services import layout
from node.services.guarantee_lives import GuaranteeLives
from node.services.obligations import Asked, Owed
from node.services.sections import forget
from node.services.transaction import Transaction
from tests.support.world import DAY, World
from tests.support.world_guarantees import Issued, Tender
from tests.support.world_sections import SECTION, SectionRecords

WINNER, LOSER = "91310000132269406T", "91110108740053589U"


def today(world: World) -> date:
    return day_at(world.clock.now())


async def kept(centre) -> None:
    while await centre.services.obligations.step():
        pass


def listed(centre, section: str = "", *, late: bool = False, size: int = 1000) -> list[Owed]:
    found, token = [], ""
    while True:
        page = centre.services.obligations.page(Asked(section, late), size, token)
        assert len(page.items) <= size
        found += page.items
        if not (token := page.next_token):
            return found


@pytest.fixture
def tender(tender: Tender) -> Tender:
    return Tender(tender.world, SECTION)


@pytest.fixture
def records(tender: Tender) -> SectionRecords:
    return SectionRecords(tender.centre)


def hold(tender: Tender, issued: Issued) -> None:
    """The centre has seen the file, as at the opening."""
    tender.centre.services.guarantees.check_file(issued.file)


async def contracted(tender: Tender, records: SectionRecords) -> Issued:
    """A loser's guarantee, and a contract of today with somebody else."""
    issued = await tender.in_force()
    hold(tender, issued)
    records.bid(issued.terms.applicant_code, issued.terms.applicant_name)
    records.bid(WINNER, "中标公司")
    records.opened(tender.world.clock.now())
    records.contracted(WINNER, "中标公司", str(today(tender.world)))
    await kept(tender.centre)
    return issued


async def test_a_losers_guarantee_becomes_due_and_late_and_is_done_by_the_ledger(
    tender: Tender, records: SectionRecords
) -> None:
    issued, centre = await contracted(tender, records), tender.centre
    [owed] = listed(centre, SECTION)
    assert (owed.state, owed.obligation.guarantee) == (State.DUE, issued.id)
    assert listed(centre, late=True) == []
    tender.world.clock.advance(8 * DAY)
    [late] = listed(centre, late=True)
    assert (late.state, late.obligation) == (State.LATE, owed.obligation)
    await tender.world.settle()
    tender.release(issued)
    await tender.world.settle()
    [done] = listed(centre, SECTION)
    assert (done.state, done.obligation.id) == (State.DONE, owed.obligation.id)
    assert done.obligation.proof is not None
    assert done.obligation.proof.reference == f"{issued.id}/2"
    assert listed(centre, late=True) == []


async def test_a_guarantee_is_judged_by_the_terms_in_force(tender: Tender, records: SectionRecords) -> None:
    """Extended, reduced, and paid in part: each changes what is owed back, and how long it is."""
    issued, centre = await contracted(tender, records), tender.centre
    longer = issued.terms.exp + 60 * DAY
    await tender.make(issued, Event.PROPOSE, Amendment("90000.00", longer, "the opening is postponed"))
    await tender.step(issued, Event.ACCEPT, Reason("agreed"))
    await tender.world.settle()
    tender.world.clock.advance(issued.terms.exp + DAY - int(tender.world.clock.now()))
    await tender.world.settle()
    [owed] = listed(centre, SECTION)
    assert (owed.state, owed.obligation.amount) == (State.LATE, "90000.00"), (
        "its first end is no end any more"
    )
    [(_, held)] = centre.services.obligations.releasable(SECTION)
    assert (held.ends, held.amount) == (longer, "90000.00")
    await tender.step(issued, Event.REDUCE, Reduction("70000.00", "cd" * 32))
    await tender.world.settle()
    assert listed(centre, SECTION)[0].obligation.amount == "70000.00"
    await tender.claimed(issued, "30000.00")
    assert listed(centre, SECTION)[0].state is State.WAITING, "a claim is open"
    await tender.make(issued, Event.FIND_COMPLYING, Reason("complies"))
    await tender.make(issued, Event.PAY_PART, Payment("30000.00", "ab" * 32))
    [owed] = listed(centre, SECTION)
    assert (owed.state, owed.obligation.amount) == (State.LATE, "40000.00")
    tender.world.clock.advance(longer - int(tender.world.clock.now()))
    [ended] = listed(centre, SECTION)
    assert (ended.state, ended.obligation.proof and ended.obligation.proof.says) == (State.DONE, "EXPIRED")


async def test_under_terms_that_are_not_here_nothing_is_said_of_the_amount_and_the_ledgers_end_counts(
    tender: Tender, records: SectionRecords
) -> None:
    issued, centre = await contracted(tender, records), tender.centre
    longer = issued.terms.exp + 60 * DAY
    await tender.make(issued, Event.PROPOSE, Amendment("90000.00", longer, "the opening is postponed"))
    await tender.step(issued, Event.ACCEPT, Reason("agreed"), via=tender.bank)
    await tender.world.settle()
    tender.world.clock.advance(issued.terms.exp + DAY - int(tender.world.clock.now()))
    [owed] = listed(centre, SECTION)
    assert (owed.state, owed.obligation.amount) == (State.LATE, ""), (
        "the centre has no document of the change"
    )
    shown = tender.bank.services.guarantee_views.show(issued.id)
    transaction = Transaction(centre.store)
    for token in shown.documents.values():
        GuaranteeLives.keep(transaction, bytes.fromhex(issued.id), token)
    transaction.commit()
    assert listed(centre, SECTION)[0].obligation.amount == "90000.00", "they came later"


async def test_due_and_late_are_told_once_each_also_over_restarts_and_rebuilding(
    tender: Tender, records: SectionRecords
) -> None:
    issued, world, centre = await contracted(tender, records), tender.world, tender.centre
    kinds = ("obligation.due", "obligation.late", "release.prepared")
    for day in range(10):
        if day % 3 == 0:
            centre.restart()
        if day % 4 == 1:
            transaction = Transaction(centre.store)
            for key in forget(transaction, centre.store):
                transaction.delete(key)
            transaction.commit()
        await kept(centre)
        world.clock.advance(DAY)
    told = [(entry.kind, entry.about.get("guarantee", "")) for entry in await centre.feed(*kinds)]
    assert told == [("obligation.due", ""), ("release.prepared", issued.id), ("obligation.late", "")]
    [first, *_] = await centre.feed("obligation.due")
    assert set(first.about) == {"obligation", "kind", "section"}, "identifiers, and nobody's name"


async def test_before_the_opening_a_section_is_nowhere(tender: Tender, records: SectionRecords) -> None:
    issued, centre = await tender.in_force(), tender.centre
    hold(tender, issued)
    records.planned()
    records.bid(issued.terms.applicant_code, issued.terms.applicant_name)
    records.contracted(WINNER, "中标公司", str(today(tender.world)))
    records.bid(WINNER, "中标公司")
    opening = tender.world.clock.now() + DAY
    records.opened(opening)
    await kept(centre)
    assert listed(centre) == listed(centre, SECTION) == listed(centre, "no such section") == []
    assert centre.services.obligations.releasable(SECTION) == []
    kinds = {entry.kind for entry in await centre.feed()}
    assert not {kind for kind in kinds if kind.startswith(("obligation", "release"))}
    tender.world.clock.advance(DAY)
    assert len(listed(centre)) == 1, "the opening comes by time alone"


async def test_a_guarantee_under_anothers_code_and_one_not_on_the_ledger_are_no_security(
    tender: Tender, records: SectionRecords
) -> None:
    other = Tender(tender.world, "OTHER-1")
    bidder = await tender.bidder()
    mixed = await tender.issued(bidder, number="BH-7", code=other.code(bidder))
    await tender.world.settle()
    unissued = await tender.issued(number="BH-8")
    for one in (mixed, unissued):
        hold(tender, one)
    records.opened(tender.world.clock.now())
    records.contracted(WINNER, "中标公司", str(today(tender.world)))
    await kept(tender.centre)
    assert listed(tender.centre) == []
    await tender.world.settle()
    assert [owed.obligation.guarantee for owed in listed(tender.centre)] == [unissued.id]


@pytest.fixture
def many(lonely: World) -> World:
    """Forty sections, each with two deposits; in every fourth the contract is long signed."""
    for number in range(40):
        records = SectionRecords(lonely.home, f"GC-2026-{number:03d}")
        records.opened(lonely.clock.now() - 100 * DAY)
        deposits = [
            {
                "id": f"{number}/{code}",
                "purpose": "bid-deposit",
                "payer": {"id": code, "name": "投标公司"},
                "value": {"amount": "1.00"},
                "date": "2025-01-01",
            }
            for code in (WINNER, LOSER)
        ]
        records.performed(transactions=deposits)
        signed = begin_of(today(lonely)) - (30 + number) * DAY
        if number % 4 == 0:
            records.contracted(WINNER, "中标公司", str(day_at(signed)))
    return lonely


@pytest.mark.parametrize("size", [1, 3, 7, 1000])
async def test_pages_of_any_size_hold_every_obligation_once(many: World, size: int) -> None:
    await kept(many.home)
    everything = [owed.obligation.id for owed in listed(many.home, size=size)]
    assert len(everything) == len(set(everything)) == 80
    late = listed(many.home, late=True, size=size)
    assert len(late) == 20
    assert [owed.obligation.due for owed in late] == sorted(owed.obligation.due for owed in late)
    assert [owed.obligation.section for owed in listed(many.home, "GC-2026-005", size=size)] == [
        "GC-2026-005"
    ] * 2


async def test_a_token_is_of_its_list(many: World) -> None:
    obligations = many.home.services.obligations
    token = obligations.page(Asked(), 1, "").next_token
    assert token
    for asked in (Asked(is_late=True), Asked("GC-2026-000")):
        with pytest.raises(InvalidError, match="page_token"):
            obligations.page(asked, 1, token)


async def test_a_day_that_changes_nothing_reads_nothing_and_a_change_reads_one_section(
    many: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await kept(many.home)
    opened: list[bytes] = []
    vault, original = many.home.services.vault, many.home.services.vault.open

    def counting(owner: str, place: bytes, sealed: bytes) -> bytes:
        opened.append(place)
        return original(owner, place, sealed)

    monkeypatch.setattr(vault, "open", counting)
    many.clock.advance(3600)
    await kept(many.home)
    assert opened == []
    SectionRecords(many.home, "GC-2026-005").performed("later")
    await kept(many.home)
    assert len([place for place in opened if place.startswith((layout.SECTION, layout.OBLIGATIONS))]) <= 4
    opened.clear()
    assert len(listed(many.home, late=True)) == 20
    assert len(opened) == 10, "a section for each day of the index, and no other"


async def test_a_crash_after_any_write_loses_and_doubles_nothing(many: World) -> None:
    """What is told and what it follows from are one batch: whichever was the last one, the rest comes after it."""
    crashes = 0
    while True:

        def crash(what: str) -> None:
            if what == "written":
                raise StoreError("the power is gone")

        many.home.store.before = crash
        try:
            await kept(many.home)
        except StoreError:
            crashes += 1
            many.home.restart()
            continue
        break
    assert crashes > 1
    assert len(listed(many.home)) == 80
    told = [entry.about["obligation"] for entry in await many.home.feed("obligation.late")]
    assert len(told) == len(set(told)) == 20


async def test_names_are_sealed_at_rest(tender: Tender, records: SectionRecords) -> None:
    issued = await contracted(tender, records)
    families = (
        layout.SECTION,
        layout.OBLIGATIONS,
        layout.OBLIGATION_DUE,
        layout.OBLIGATION_TOLD,
        layout.SECTION_LOOK,
    )
    rows = [row for family in families for row in tender.centre.store.scan(family)]
    assert rows
    at_rest = b"".join(key + value for key, value in rows)
    for secret in (SECTION, issued.terms.applicant_code, issued.terms.applicant_name, WINNER):
        assert secret.encode() not in at_rest


async def test_what_follows_from_erased_records_goes_with_them_and_the_rest_is_derived_anew(
    many: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The centre's own records end too; here those of performance, which held the deposits."""
    await kept(many.home)
    assert len(listed(many.home)) == 80
    rules = Config.rules

    def stricter(config: Config) -> object:
        return rules(replace(config, retention={"trade.performance": RetentionConfig(maximum_days=5_600)}))

    monkeypatch.setattr(Config, "rules", stricter)
    many.home.restart()
    many.clock.advance(5_700 * DAY)
    for _ in range(3):
        await many.settle()
    await kept(many.home)
    facts = many.home.services.sections.opened("GC-2026-000")
    assert facts is not None
    assert {fact.category for fact in facts.facts.values()} == {"trade.opening", "trade.contract"}
    assert listed(many.home) == []


async def test_other_rules_count_every_day_anew(many: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await kept(many.home)
    before = {owed.obligation.due for owed in listed(many.home, "GC-2026-000")}
    changes = {"bid-return": (1, None)}
    monkeypatch.setattr(Config, "obligation_changes", lambda _: changes)
    many.home.restart()
    after = {owed.obligation.due for owed in listed(many.home, "GC-2026-000")}
    assert max(after) < min(before)


def test_a_configuration_that_lengthens_a_period_of_the_law_is_refused() -> None:
    text = """
name = "c"
roles = ["CENTRE"]
listen = { members = "localhost:1", wallets = "localhost:2" }
ledger = { url = "unix:///x" }
obligations = { "%s" = { days = %d } }
"""
    assert parse_config((text % ("quality-return", 30)).encode(), "heqi.toml").obligations
    for rule, days in (("bid-return", 6), ("nothing", 1), ("quality-return", -1)):
        with pytest.raises(ConfigError, match=rule):
            parse_config((text % (rule, days)).encode(), "heqi.toml")
