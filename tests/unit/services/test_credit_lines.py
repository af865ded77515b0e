"""A credit line is drawn on from every centre and never beyond its limit; what is over comes back, once."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal

import pytest

from node.domain.catalogue import shipped
from node.domain.credit_line import LINE_CATEGORY, NOTHING_BEFORE, LineEvent, check_history
from node.domain.evidence import VerifiedRecord
from node.domain.guarantee_statement import Amendment, Discrepancy, Notice, Payment, Reason, Reduction
from node.domain.guarantee_table import GRACE_SECONDS, Event, State
from node.domain.ledger import IssueGuarantee
from node.errors import ConflictError, InvalidError, LineError, LineHistoryError, MissingError, StoreError
from node.services import layout
from node.services.credit_lines import CreditLine
from node.services.guarantee_lives import GuaranteeLives
from node.services.transaction import Transaction
from tests.support.world import DAY, World
from tests.support.world_bidder import Bidder
from tests.support.world_desk import applied, grant_line, row, use_rules
from tests.support.world_guarantees import BANK, Tender


@pytest.fixture
async def bidder(tender: Tender) -> Bidder:
    """A registered company with a line of 200,000 yuan at the bank."""
    bidder = await tender.bidder()
    grant_line(tender, bidder)
    return bidder


def line(tender: Tender, bidder: Bidder) -> CreditLine:
    return tender.bank.services.lines.show(bidder.subject)


def history(tender: Tender, bidder: Bidder) -> list[dict[str, object]]:
    """The fields of the line's records, oldest first."""
    records, lines = tender.bank.records, tender.bank.services.lines
    return [dict(records.load(at).fields) for at in lines.positions(line(tender, bidder).line)]


def sections(tender: Tender, count: int, centre: str = "") -> list[Tender]:
    """Further sections; at another centre, if named."""
    others = [Tender(tender.world, f"{centre or 'GC'}-{number}/1") for number in range(count)]
    for other in others:
        other.centre = tender.world[centre] if centre else other.centre
    return others


async def test_an_issue_draws_in_its_own_batch(tender: Tender, bidder: Bidder) -> None:
    issued = await tender.issued(bidder)
    found = line(tender, bidder)
    assert (found.limit, found.used, found.number) == ("200000", "80000", 2)
    assert history(tender, bidder)[-1]["guarantee"] == issued.id
    assert tender.bank.services.lines.free(bidder.subject, "CNY") == Decimal(120000)


async def test_a_failing_database_draws_nothing(tender: Tender, bidder: Bidder) -> None:
    application = await tender.assessed(bidder)
    before = tender.bank.store.everything()

    def full(name: str) -> None:
        if name == "write":
            raise StoreError("full")

    tender.bank.store.before = full
    with pytest.raises(StoreError):
        tender.bank.services.guarantor.issue(application, "BH-1")
    assert tender.bank.store.everything() == before


async def test_many_draws_at_once_from_two_centres_never_exceed_the_line(
    tender: Tender, bidder: Bidder
) -> None:
    here, there = sections(tender, 4), sections(tender, 4, tender.world.third.name)
    applications = [await one.assessed(bidder) for one in (*here, *there)]
    guarantor = tender.bank.services.guarantor

    async def issue(number: int, application: str) -> bool:
        await asyncio.sleep(0)
        try:
            guarantor.issue(application, f"BH-{number}")
        except LineError:
            return False
        return True

    done = await asyncio.gather(*(issue(*one) for one in enumerate(applications)))
    assert sum(done) == 2
    assert line(tender, bidder).used == "160000"
    assert len([one for one in tender.bank.outbox() if isinstance(one.decoded(), IssueGuarantee)]) == 2
    tender.bank.restart()
    assert line(tender, bidder).used == "160000"


async def test_rules_stop_at_the_line_and_leave_the_rest_to_people(tender: Tender) -> None:
    use_rules(tender.bank, more='[[rules]]\nid = "line"\ncheck = "line"\nzh = "额度"\nen = "line"\n')
    bidder = await tender.bidder()
    grant_line(tender, bidder)
    both = (*sections(tender, 2), *sections(tender, 2, tender.world.third.name))
    stages = [row(tender, await applied(one, bidder)).stage.value for one in both]
    assert stages == ["issued", "issued", "received", "received"]
    assert line(tender, bidder).used == "160000"


async def test_a_guarantee_that_is_over_gives_back_what_it_drew(tender: Tender, bidder: Bidder) -> None:
    issued = await tender.in_force(bidder=bidder)
    assert line(tender, bidder).used == "80000"
    tender.release(issued)
    await tender.world.settle()
    assert (line(tender, bidder).used, history(tender, bidder)[-1]["event"]) == ("0", "returned")
    assert tender.bank.services.lines.exposures.total(bidder.subject, "CNY").count == 0
    tender.bank.services.lines.step()
    assert line(tender, bidder).number == 3


async def test_what_has_run_out_comes_back_after_a_time_of_grace(tender: Tender, bidder: Bidder) -> None:
    issued = await tender.in_force(bidder=bidder)
    await comes_free_at(tender, bidder, issued.terms.exp + GRACE_SECONDS)


async def comes_free_at(tender: Tender, bidder: Bidder, moment: int) -> None:
    """Nothing before, everything after."""
    for at, used in ((moment - 1_800, "80000"), (moment + 1_800, "0")):
        tender.world.clock.advance(at - int(tender.world.clock.now()))
        await tender.world.settle()
        assert line(tender, bidder).used == used


@pytest.mark.parametrize("answer", [Event.ACCEPT, Event.REFUSE, None])
async def test_a_line_comes_free_when_nothing_can_be_claimed_any_more_whatever_was_offered(
    tender: Tender, bidder: Bidder, answer: Event | None
) -> None:
    issued = await tender.in_force(bidder=bidder)
    longer = issued.terms.exp + 60 * DAY
    await tender.make(issued, Event.PROPOSE, Amendment("80000.00", longer, "the opening is postponed"))
    if answer is not None:
        await tender.step(issued, answer, Reason("our answer"))
        await tender.world.settle()
    await comes_free_at(
        tender, bidder, GRACE_SECONDS + (longer if answer is Event.ACCEPT else issued.terms.exp)
    )


async def test_an_end_that_is_not_known_yet_frees_nothing(tender: Tender, bidder: Bidder) -> None:
    issued = await tender.in_force(bidder=bidder)
    longer = issued.terms.exp + 60 * DAY
    await tender.make(issued, Event.PROPOSE, Amendment("80000.00", longer, "the opening is postponed"))
    shown = tender.bank.services.guarantee_views.show(issued.id)
    [(digest, token)] = shown.documents.items()
    raw_id, transaction = bytes.fromhex(issued.id), Transaction(tender.bank.store)
    transaction.delete(layout.GUARANTEE_STEP + raw_id + digest)
    transaction.commit()
    await tender.step(issued, Event.REFUSE, Reason("no"), via=tender.world.third)
    tender.world.clock.advance(issued.terms.exp + GRACE_SECONDS + DAY - int(tender.world.clock.now()))
    await tender.world.settle()
    assert line(tender, bidder).used == "80000"
    GuaranteeLives.keep(transaction := Transaction(tender.bank.store), raw_id, token)
    transaction.commit()
    await tender.world.settle()
    assert line(tender, bidder).used == "0"


async def test_a_claim_that_is_open_or_was_refused_keeps_the_line_drawn(
    tender: Tender, bidder: Bidder
) -> None:
    issued = await tender.in_force(bidder=bidder)
    tender.world.clock.advance(issued.terms.exp - DAY - int(tender.world.clock.now()))
    await tender.world.settle()
    await tender.claimed(issued)
    says = Notice((Discrepancy("document", "the statement is not signed"),))
    for end in (
        tender.make(issued, Event.FIND_DISCREPANT, says),
        tender.make(issued, Event.EXPIRE, Reason("over")),
    ):
        await end
        tender.world.clock.advance(GRACE_SECONDS + 2 * DAY)
        await tender.world.settle()
        assert line(tender, bidder).used == ("0" if tender.state(issued) is State.EXPIRED else "80000")


async def test_a_node_that_reads_the_ledger_anew_frees_nothing_early(tender: Tender, bidder: Bidder) -> None:
    """Its own clock is far on, and the claim that the ledger has is not read yet."""
    await tender.in_force(bidder=bidder)
    lines, store = tender.bank.services.lines, tender.bank.store
    transaction = Transaction(store)
    for key, _ in list(store.scan(layout.LEDGER)):
        transaction.delete(key)
    transaction.commit()
    tender.world.clock.advance(200 * DAY)
    lines.step()
    assert line(tender, bidder).used == "80000"


async def test_a_rise_that_the_line_does_not_allow_is_told_once_and_counted_when_it_does(
    tender: Tender, bidder: Bidder, caplog: pytest.LogCaptureFixture
) -> None:
    """A backup was put back: what the offer had drawn is forgotten, and the line was lowered since."""
    issued = await tender.in_force(bidder=bidder)
    longer = issued.terms.exp + 60 * DAY
    offer = Amendment("150000.00", longer, "more")
    await tender.bank.services.guarantee_steps.make(issued.id, Event.PROPOSE, offer)
    transaction = Transaction(tender.bank.store)
    tender.bank.services.lines.change(transaction, bytes.fromhex(issued.id), Decimal(80000))
    transaction.commit()
    tender.bank.services.lines.lower(bidder.subject, Decimal(100000))
    await tender.world.settle()
    await tender.step(issued, Event.ACCEPT, Reason("agreed"))
    await tender.world.settle()
    for _ in range(3):
        tender.bank.restart()
        await tender.world.settle()
    assert line(tender, bidder).used == "80000"
    told = [entry.about for entry in await tender.bank.feed("line.exceeded")]
    assert told == [{"guarantee": issued.id}] * 2, "once for the offer, once for what became of it"
    assert caplog.text.count("beyond its applicant's line") == 2
    grant_line(tender, bidder, "120000")
    await tender.world.settle()
    assert line(tender, bidder).used == "80000"
    assert len(await tender.bank.feed("line.exceeded")) == 2
    grant_line(tender, bidder, "150000")
    await tender.world.settle()
    assert line(tender, bidder).used == "150000"
    assert list(tender.bank.store.scan(layout.EXPOSURE_MOVED)) == []


async def test_what_the_line_does_not_allow_comes_free_at_its_end_all_the_same(
    tender: Tender, bidder: Bidder
) -> None:
    issued = await tender.in_force(bidder=bidder)
    longer = issued.terms.exp + 60 * DAY
    tender.bank.services.lines.lower(bidder.subject, Decimal(80000))
    offer = Amendment("150000.00", longer, "more")
    with pytest.raises(LineError):
        await tender.bank.services.guarantee_steps.make(issued.id, Event.PROPOSE, offer)
    grant_line(tender, bidder, "150000")
    await tender.bank.services.guarantee_steps.make(issued.id, Event.PROPOSE, offer)
    transaction = Transaction(tender.bank.store)
    tender.bank.services.lines.change(transaction, bytes.fromhex(issued.id), Decimal(80000))
    transaction.commit()
    tender.bank.services.lines.lower(bidder.subject, Decimal(100000))
    await tender.world.settle()
    await tender.step(issued, Event.ACCEPT, Reason("agreed"))
    await tender.world.settle()
    await comes_free_at(tender, bidder, longer + GRACE_SECONDS)
    assert list(tender.bank.store.scan(layout.EXPOSURE_MOVED)) == []


async def test_an_issue_that_the_ledger_refused_comes_back_once_it_is_given_up(
    tender: Tender, bidder: Bidder
) -> None:
    insurer = tender.world["insurer"]
    await tender.issued(bidder, bank=insurer)
    await tender.world.settle()
    await tender.issued(bidder)
    await tender.world.settle()
    assert line(tender, bidder).used == "80000"
    [(number, _)] = tender.bank.services.outbox.items()
    tender.bank.services.decisions.drop_transaction(number)
    await tender.world.settle()
    assert line(tender, bidder).used == "0"


async def test_a_lowered_line_is_not_drawn_on_until_enough_is_back(tender: Tender, bidder: Bidder) -> None:
    issued = await tender.in_force(bidder=bidder)
    lines = tender.bank.services.lines
    lines.lower(bidder.subject, Decimal(50000))
    assert lines.free(bidder.subject, "CNY") == 0
    other = sections(tender, 1)[0]
    application = await other.assessed(bidder, amount="1")
    with pytest.raises(LineError, match="too little"):
        tender.bank.services.guarantor.issue(application, "BH-2")
    tender.release(issued)
    await tender.world.settle()
    assert tender.bank.services.guarantor.issue(application, "BH-2")
    for limit, error in (
        ("50000", ConflictError),
        ("60000", ConflictError),
        ("-1", InvalidError),
        ("0.0000001", InvalidError),
    ):
        with pytest.raises(error):
            lines.lower(bidder.subject, Decimal(limit))


async def test_a_frozen_or_ended_line_is_not_drawn_on(tender: Tender, bidder: Bidder) -> None:
    lines, guarantor = tender.bank.services.lines, tender.bank.services.guarantor
    application = await tender.assessed(bidder)
    lines.freeze(bidder.subject)
    with pytest.raises(ConflictError):
        lines.freeze(bidder.subject)
    assert lines.free(bidder.subject, "CNY") is None
    with pytest.raises(LineError, match="frozen"):
        guarantor.issue(application, "BH-1")
    lines.thaw(bidder.subject)
    with pytest.raises(ConflictError):
        lines.thaw(bidder.subject)
    lines.end(bidder.subject)
    with pytest.raises(LineError, match="ended"):
        guarantor.issue(application, "BH-1")
    for step in (lines.freeze, lines.thaw, lines.end):
        with pytest.raises(ConflictError):
            step(bidder.subject)
    grant_line(tender, bidder, "90000")
    guarantor.issue(application, "BH-1")
    assert (line(tender, bidder).used, line(tender, bidder).limit) == ("80000", "90000")


async def test_a_line_whose_term_is_over_is_not_drawn_on(tender: Tender) -> None:
    bidder = await tender.bidder()
    grant_line(tender, bidder, days=1)
    application = await tender.assessed(bidder)
    tender.world.clock.advance(DAY + 60)
    await tender.world.settle()
    assert tender.bank.services.lines.free(bidder.subject, "CNY") is None
    with pytest.raises(LineError, match="term"):
        tender.bank.services.guarantor.issue(application, "BH-1")


async def test_outside_the_line_only_by_the_banks_word_on_record(tender: Tender, bidder: Bidder) -> None:
    application = await tender.assessed(bidder, amount="200001")
    guarantor = tender.bank.services.guarantor
    with pytest.raises(LineError):
        guarantor.issue(application, "BH-1")
    raw_id = guarantor.issue(application, "BH-1", outside_line=True)
    [act] = [one for one in tender.bank.services.acts.newest_first() if one.act == "guarantee.outside-line"]
    assert act.about == {"guarantee": raw_id, "subject": bidder.subject}
    assert line(tender, bidder).used == "0"
    assert tender.bank.services.lines.exposures.total(bidder.subject, "CNY").amount == Decimal(200001)


async def test_another_currency_than_the_lines_is_not_drawn(tender: Tender, bidder: Bidder) -> None:
    application = await tender.assessed(bidder, currency="USD")
    with pytest.raises(LineError, match="currency"):
        tender.bank.services.guarantor.issue(application, "BH-1")


async def test_what_is_drawn_stays_drawn_when_a_line_is_granted_again(tender: Tender, bidder: Bidder) -> None:
    await tender.issued(bidder)
    grant_line(tender, bidder, "500000")
    assert (line(tender, bidder).used, line(tender, bidder).limit) == ("80000", "500000")
    until = int(tender.world.clock.now()) + DAY
    with pytest.raises(ConflictError, match="currency"):
        tender.bank.services.lines.grant(bidder.subject, "USD", Decimal(1), until)


@pytest.mark.parametrize(
    ("limit", "days"), [("0", 1), ("-1", 1), ("1e16", 1), ("0.0000001", 1), ("1", 0), ("1", 4_000)]
)
async def test_what_is_no_line_is_not_granted(tender: Tender, limit: str, days: int) -> None:
    bidder = await tender.bidder()
    with pytest.raises(InvalidError):
        grant_line(tender, bidder, limit, days)
    with pytest.raises(MissingError):
        line(tender, bidder)


async def test_a_part_that_was_paid_comes_back_and_the_rest_stays(tender: Tender, bidder: Bidder) -> None:
    issued = await tender.in_force(bidder=bidder)
    lines, transaction = tender.bank.services.lines, Transaction(tender.bank.store)
    for _ in range(2):
        lines.change(transaction, bytes.fromhex(issued.id), Decimal(30000))
    lines.change(transaction, bytes(32), Decimal(0))
    transaction.commit()
    assert (line(tender, bidder).used, line(tender, bidder).number) == ("30000", 3)


async def test_a_guarantee_that_rises_draws_the_difference_or_does_not_rise(
    tender: Tender, bidder: Bidder
) -> None:
    issued = await tender.in_force(bidder=bidder)
    lines, raw_id = tender.bank.services.lines, bytes.fromhex(issued.id)
    transaction = Transaction(tender.bank.store)
    lines.change(transaction, raw_id, Decimal(200000))
    transaction.commit()
    assert line(tender, bidder).used == "200000"
    with pytest.raises(LineError):
        lines.change(Transaction(tender.bank.store), raw_id, Decimal(200001))
    tender.release(issued)
    await tender.world.settle()
    assert line(tender, bidder).used == "0"


async def test_an_extended_guarantee_stays_drawn_until_its_new_end(tender: Tender, bidder: Bidder) -> None:
    issued = await tender.in_force(bidder=bidder)
    lines, transaction = tender.bank.services.lines, Transaction(tender.bank.store)
    lines.change(transaction, bytes.fromhex(issued.id), Decimal(80000), issued.terms.exp + 60 * DAY)
    transaction.commit()
    for days, used in ((130, "80000"), (60, "0")):
        tender.world.clock.advance(days * DAY)
        await tender.world.settle()
        assert line(tender, bidder).used == used


async def test_an_offer_draws_when_it_is_made_and_returns_when_it_is_refused(
    tender: Tender, bidder: Bidder
) -> None:
    issued = await tender.in_force(bidder=bidder)
    steps, end = tender.bank.services.guarantee_steps, issued.terms.exp
    with pytest.raises(LineError):
        await steps.make(issued.id, Event.PROPOSE, Amendment("200000.01", end, "beyond the line"))
    await tender.make(issued, Event.PROPOSE, Amendment("150000.00", end, "more"))
    assert line(tender, bidder).used == "150000"
    await tender.step(issued, Event.REFUSE, Reason("no"))
    await tender.world.settle()
    assert line(tender, bidder).used == "80000"


async def test_what_steps_take_from_a_guarantee_comes_back_to_the_line(
    tender: Tender, bidder: Bidder
) -> None:
    issued = await tender.in_force(bidder=bidder)
    await tender.step(issued, Event.REDUCE, Reduction("60000", "cd" * 32))
    await tender.world.settle()
    assert line(tender, bidder).used == "60000"
    await tender.claimed(issued, "20000.00")
    await tender.make(issued, Event.FIND_COMPLYING, Reason("as agreed"))
    await tender.make(issued, Event.PAY_PART, Payment("20000.00", "ab" * 32))
    assert line(tender, bidder).used == "40000"


# -- the chain of states -----------------------------------------------------------------------------------


async def moved(tender: Tender, bidder: Bidder) -> None:
    """A history with an event of every kind."""
    issued = await tender.in_force(bidder=bidder)
    lines = tender.bank.services.lines
    lines.lower(bidder.subject, Decimal(100000))
    lines.freeze(bidder.subject)
    lines.thaw(bidder.subject)
    tender.release(issued)
    await tender.world.settle()
    lines.end(bidder.subject)
    grant_line(tender, bidder, "300000")
    await tender.world.settle()


def shown(tender: Tender, bidder: Bidder) -> list[VerifiedRecord]:
    """What a stranger who knows the descriptor gets out of the bundles."""
    lines, proving = tender.bank.services.lines, tender.bank.services.proving
    bundles = [proving.own_bundle(at) for at in lines.positions(line(tender, bidder).line)]
    return [record for one in bundles for record in tender.world.verify(one).evidence.records]


@pytest.fixture
async def told() -> AsyncIterator[tuple[Tender, Bidder]]:
    """A line with an event of every kind, in an alliance whose descriptor a stranger takes."""
    with World(("anqing", "anshun", "anyang"), guarantors=[BANK], batch_size=32) as world:
        await world.settle()
        tender = Tender(world)
        bidder = await tender.bidder()
        grant_line(tender, bidder)
        await moved(tender, bidder)
        yield tender, bidder


async def test_the_history_of_a_line_proves_itself_from_its_bundles(told: tuple[Tender, Bidder]) -> None:
    tender, bidder = told
    checked = check_history(shown(tender, bidder))
    found = line(tender, bidder)
    assert (checked.number, checked.entry.hex(), checked.line) == (found.number, found.entry, found.line)
    assert checked.state == found.state
    assert [one["event"] for one in history(tender, bidder)] == [
        "granted", "drawn", "lowered", "frozen", "thawed", "returned", "ended", "granted",
    ]  # fmt: skip


async def test_a_history_with_a_gap_a_fork_or_an_old_state_is_false(told: tuple[Tender, Bidder]) -> None:
    states = shown(*told)
    false: dict[str, list[VerifiedRecord]] = {
        "nothing": [],
        "a gap": states[:2] + states[3:],
        "without its beginning": states[1:],
        "an old state again": [*states, states[2]],
        "twice": [*states[:3], *states[2:]],
        "a fork": [*states[:3], replace(states[3], entry=bytes(32)), *states[4:]],
        "another order": [states[0], states[2], states[1], *states[3:]],
    }
    for one in false.values():
        with pytest.raises(LineHistoryError):
            check_history(one)
    assert check_history(states[:4]).number == 4


async def test_a_step_that_the_rules_do_not_allow_is_found(told: tuple[Tender, Bidder]) -> None:
    states = shown(*told)
    forged = {
        1: {"used": "0"},
        2: {"limit": "300000"},
        3: {"event": "thawed"},
        5: {"used": "1"},
        7: {"used": "80000"},
    }
    for at, changes in forged.items():
        changed = replace(states[at], fields={**states[at].fields, **changes})
        with pytest.raises(LineHistoryError):
            check_history([*states[:at], changed, *states[at + 1 :]])


async def test_nothing_of_a_line_can_be_told_from_outside() -> None:
    """The log grows alike with and without: entries of a line are entries like any other, 32 bytes each."""
    grown = []
    for has_line in (True, False):
        with World(guarantors=[BANK], batch_size=8) as world:
            await world.settle()
            tender = Tender(world)
            bidder = await tender.bidder()
            before = tender.bank.services.proving.anchored_size()
            if has_line:
                grant_line(tender, bidder)
            await tender.in_force(bidder=bidder)
            grown.append(tender.bank.services.proving.anchored_size() - before)
            entries = [
                value for key, value in tender.bank.store.everything().items() if key.startswith(b"t/")
            ]
            assert {len(one) for one in entries} == {32}
            assert len({*entries}) == len(entries)
    assert grown[0] == grown[1]


async def test_a_line_lies_sealed_in_the_database(tender: Tender, bidder: Bidder) -> None:
    await tender.issued(bidder)
    rows = [value for key, value in tender.bank.store.everything().items() if key[:3] in {b"cl/", b"cv/"}]
    assert len(rows) == 2
    for secret in (b"200000", b"80000", b"CNY", bidder.subject.encode()):
        assert all(secret not in one for one in rows)


def test_the_words_are_those_of_the_definition() -> None:
    codes = shipped.definitions()[LINE_CATEGORY].fields["event"].schema["oneOf"]
    assert {one["const"] for one in codes} == {event.value for event in LineEvent}
    assert len(NOTHING_BEFORE) == 64
