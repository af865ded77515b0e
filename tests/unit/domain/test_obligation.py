"""三金一款: what follows from a section's records, for whom, until when, and what shows that it was done."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.domain.calendar import working_year
from node.domain.guarantee_table import GRACE_SECONDS
from node.domain.obligation import (
    RULES,
    Held,
    Kind,
    Obligation,
    Rule,
    State,
    counting_by,
    last_day,
    next_moment,
    releasable,
    rules_with,
    state_of,
)
from node.domain.section import ByParty, Fact, Party, SectionFacts, begin_of, day_at, take_fact
from node.domain.section_obligations import derive
from node.errors import InvalidError

SECTION = "GC-2026-001-1"
WINNER = Party("91310000132269406T", "中标公司")
LOSER = Party("91110108740053589U", "落选公司")
OPENED = date(2026, 3, 2)
SIGNED = date(2026, 4, 1)  # a Wednesday; the fifth day after it is a Monday, 6 April
FAR = date(2026, 12, 1)
WEEKDAYS = counting_by({})


def at(day: date) -> float:
    return begin_of(day) + 43_200


class Story:
    """One section's records."""

    def __init__(self) -> None:
        self.facts = SectionFacts(SECTION, {})
        self.held: list[Held] = []
        self.count = 0
        self.add("trade.opening", "o", opening_time=f"{OPENED}T09:30:00+08:00")
        for party in (WINNER, LOSER):
            self.bid(party)

    def add(self, category: str, thing: str, *, version: int = 0, occurred: str = "", **fields: Any) -> None:
        self.count += 1
        take_fact(self.facts, Fact(category, thing, version or self.count, self.count, occurred, fields))

    def bid(self, party: Party, **fields: Any) -> None:
        self.add("trade.bid", party.code, **{"status": "valid", "tenderers": [listed(party)], **fields})

    def contract(self, **fields: Any) -> None:
        values = {"date_signed": str(SIGNED), "suppliers": [listed(WINNER)], "buyer_name": "招标人", **fields}
        self.add("trade.contract", "c", **values)

    def holds(self, party: Party = LOSER, kind: str = "bid", **changes: Any) -> Held:
        values = {
            "id": f"{len(self.held) + 1:064x}",
            "kind": kind,
            "applicant": party,
            "beneficiary": "招标人",
            "amount": "80000.00",
            "currency": "CNY",
            "begins": begin_of(OPENED),
            "ends": begin_of(FAR),
            "state": "ISSUED",
            "step": 1,
            "is_over": False,
            "is_quiet": True,
            **changes,
        }
        self.held.append(Held(**values))
        return self.held[-1]

    def owed(self, day: date = SIGNED) -> list[Obligation]:
        return derive(self.facts, self.held, RULES, WEEKDAYS, at(day))

    def one(self, day: date = SIGNED) -> Obligation:
        [found] = self.owed(day)
        return found


def listed(party: Party) -> dict[str, str]:
    return {"id": f"CN-USCC-{party.code}", "name": party.name}


def paid(purpose: str, amount: str, day: str = "2026-03-01", **others: Any) -> dict[str, Any]:
    return {
        "id": f"{purpose}/{amount}/{day}",
        "purpose": purpose,
        "date": day,
        "value": {"amount": amount},
        **others,
    }


@pytest.fixture
def story() -> Story:
    return Story()


def test_before_the_opening_nothing_is_owed_whatever_else_is_known(story: Story):
    story.contract()
    story.holds()
    assert derive(story.facts, story.held, RULES, WEEKDAYS, begin_of(OPENED) + 34_199) == []
    assert len(derive(story.facts, story.held, RULES, WEEKDAYS, begin_of(OPENED) + 34_200)) == 1


def test_without_a_contract_a_bid_guarantee_waits(story: Story):
    story.holds()
    assert (story.one().waits_for, story.one().due) == ("no-contract", None)
    assert state_of(story.one(), FAR) is State.WAITING


def test_a_losers_guarantee_is_owed_back_within_five_days_of_the_contract(story: Story):
    story.contract()
    story.holds(LOSER)
    owed = story.one()
    assert (owed.kind, owed.rule, owed.trigger, owed.due) == (
        "bid-return",
        "bid-return",
        SIGNED,
        date(2026, 4, 6),
    )
    assert (owed.debtor, owed.creditor, owed.creditor_code) == ("招标人", LOSER.name, LOSER.code)
    days = (SIGNED - timedelta(1), SIGNED, date(2026, 4, 6), date(2026, 4, 7))
    assert [state_of(owed, day) for day in days] == [State.WAITING, State.DUE, State.DUE, State.LATE]
    assert day_at(next_moment(owed, SIGNED)) == date(2026, 4, 7)


def test_a_last_day_that_is_no_working_day_moves_to_the_next_one(story: Story):
    story.contract(date_signed="2026-03-30")  # five days later is a Saturday
    story.holds(LOSER)
    assert story.one().due == date(2026, 4, 6)


def test_the_winners_guarantee_waits_for_performance_security_that_was_agreed(story: Story):
    story.contract(guarantees=[{"obligations": ["fulfillment"]}])
    story.holds(WINNER)
    assert story.one().waits_for == "no-performance-security"
    cover = story.holds(WINNER, "performance", begins=begin_of(SIGNED + timedelta(3)))
    assert story.owed()[0].waits_for == "no-performance-security", "it has not begun"
    owed = story.owed(FAR - timedelta(1))[0]
    assert owed.trigger == SIGNED + timedelta(3)
    assert story.owed(FAR)[0].waits_for == "no-performance-security", "the cover has ended"
    story.held.remove(cover)
    story.holds(WINNER, "performance", is_over=True, is_quiet=False, state="RELEASED", step=2)
    assert story.owed(SIGNED)[0].waits_for == "no-performance-security", "the cover was released"


def test_a_member_of_the_winning_joint_bid_is_no_loser(story: Story):
    story.bid(LOSER, tenderers=[listed(LOSER), listed(Party("911101050828828466", "联合体成员"))])
    story.contract(suppliers=[{"id": "911101050828828466"}], guarantees=[{"kind": "performance"}])
    story.holds(LOSER)
    assert story.one().waits_for == "no-performance-security"


@pytest.mark.parametrize("suppliers", [[], [{"id": "911101050828828466", "name": "拼错的公司"}]])
def test_while_the_winner_is_none_of_the_bidders_nobody_is_a_loser(story: Story, suppliers):
    story.contract(suppliers=suppliers)
    held = story.holds(LOSER)
    assert story.one().waits_for == "winner-not-on-list"
    assert not releasable(story.one(), held, at(SIGNED))


def test_another_bidders_cover_is_no_cover_for_the_winner(story: Story):
    story.contract(guarantees=[{"kind": "performance"}])
    story.holds(WINNER)
    story.holds(LOSER, "performance")
    assert story.owed()[0].waits_for == "no-performance-security"


def test_without_agreed_security_the_winner_has_the_same_five_days(story: Story):
    story.contract()
    story.holds(WINNER)
    assert story.one().due == date(2026, 4, 6)


@pytest.mark.parametrize("status", ["cancelled", "superseded"])
def test_a_contract_that_no_longer_stands_takes_everything_back(story: Story, status: str):
    story.contract()
    held = story.holds(LOSER)
    assert releasable(story.one(), held, at(SIGNED))
    story.contract(status=status)
    assert story.one().waits_for == "no-contract"
    assert not releasable(story.one(), held, at(SIGNED))


def test_an_older_version_that_comes_late_changes_nothing(story: Story):
    story.contract()
    story.holds(LOSER)
    before = story.owed()
    story.add("trade.contract", "c", version=1, date_signed="2026-03-09", suppliers=[listed(WINNER)])
    assert story.owed() == before


def test_who_withdrew_in_time_gets_its_security_back_within_five_days_of_that(story: Story):
    story.bid(LOSER, status="withdrawn", release_date="2026-02-25")
    story.holds(LOSER)
    owed = story.one(OPENED)
    assert (owed.rule, owed.trigger, owed.due) == ("bid-return-withdrawn", date(2026, 2, 25), OPENED)


def test_who_revoked_its_bid_after_the_deadline_or_lost_the_award_is_for_the_tenderer_to_decide(story: Story):
    story.bid(LOSER, status="withdrawn", release_date="2026-03-20")
    story.add("trade.award", "a", status="cancelled", suppliers=[{"name": "又一家", "code": ""}])
    story.contract()
    story.holds(LOSER)
    story.holds(Party("", "又一家"))
    assert [one.waits_for for one in story.owed(FAR - timedelta(1))] == [
        "revoked-after-deadline",
        "award-lost",
    ]


def test_while_a_claim_is_open_nothing_is_given_back(story: Story):
    story.contract()
    held = story.holds(LOSER, state="CLAIMED", is_quiet=False, step=2)
    assert story.one().waits_for == "claim-or-amendment-open"
    assert not releasable(story.one(), held, at(SIGNED))


def test_what_was_left_open_without_a_claim_ends_after_the_time_of_grace(story: Story):
    story.contract()
    story.holds(LOSER, state="AMENDMENT_PROPOSED", is_quiet=False, step=2)
    claimed = story.holds(LOSER, state="CLAIMED", is_quiet=False, step=2)
    last = FAR + timedelta(GRACE_SECONDS // 86_400)
    assert [one.proof for one in story.owed(last - timedelta(1))] == [None, None]
    offered, open_claim = story.owed(last)
    assert (offered.proof and offered.proof.says, offered.proof and offered.proof.day) == ("EXPIRED", FAR)
    assert (open_claim.proof, open_claim.waits_for) == (None, "claim-or-amendment-open"), claimed.lapses


def test_performance_security_under_unknown_terms_gives_no_bid_security_back(story: Story):
    story.contract(guarantees=[{"obligations": ["performance"]}])
    story.holds(WINNER)
    story.holds(WINNER, kind="performance", amount="", is_known=False, step=3)
    assert [one.waits_for for one in story.owed()] == ["documents-missing", "no-completion"]


@pytest.mark.parametrize(
    ("changes", "day", "says"),
    [
        ({"is_over": True, "is_quiet": False, "state": "RELEASED", "step": 2}, SIGNED, "RELEASED"),
        ({}, FAR, "EXPIRED"),
    ],
)
def test_the_step_on_the_ledger_shows_that_a_guarantee_was_given_back(story: Story, changes, day, says):
    story.contract()
    held = story.holds(LOSER, **changes)
    owed = story.one(day)
    assert owed.proof is not None
    assert (owed.proof.source, owed.proof.reference, owed.proof.says) == (
        "ledger",
        f"{held.id}/{held.step}",
        says,
    )
    assert state_of(owed, day) is State.DONE
    assert not releasable(owed, held, at(day))


def test_performance_security_is_owed_back_after_completion_and_quality_security_after_the_defects_period(
    story: Story,
):
    milestones = [
        {"id": "m1", "code": "completion", "status": "scheduled", "dueDate": "2026-05-04"},
        {"id": "m2", "code": "defects-liability-end", "dueDate": "2026-06-01"},
    ]
    story.contract(milestones=milestones)
    story.holds(WINNER, "performance")
    story.holds(WINNER, "quality")
    performance, quality = story.owed()
    assert (performance.waits_for, performance.due) == ("no-completion", None)
    assert (quality.trigger, quality.due) == (date(2026, 6, 1), date(2026, 6, 15))
    assert state_of(quality, date(2026, 5, 31)) is State.WAITING
    done = [{"id": "m1", "status": "met", "dateMet": "2026-05-05"}]
    story.add("trade.performance", "p", contract_id="c", milestones=done)
    performance, _ = story.owed()
    assert (performance.trigger, performance.due) == (date(2026, 5, 5), date(2026, 6, 2))


def test_a_deposit_in_money_is_owed_back_like_a_guarantee_and_the_refund_shows_it(story: Story):
    story.contract()
    deposits = [
        paid("bid-deposit", "50000.00", payer=listed(LOSER)),
        paid("bid-deposit", "30000.00", payer=listed(LOSER)),
    ]
    story.add("trade.performance", "p", transactions=deposits)
    owed = story.one()
    assert (owed.kind, owed.amount, owed.creditor_code, owed.guarantee) == (
        "bid-return",
        "80000.00",
        LOSER.code,
        "",
    )
    half = paid("bid-deposit-refund", "79999.99", "2026-04-02", payee=listed(LOSER))
    story.add("trade.performance", "q", transactions=[half])
    assert story.one().proof is None
    story.add(
        "trade.performance",
        "r",
        transactions=[paid("bid-deposit-refund", "0.01", "2026-04-03", payee=listed(LOSER))],
    )
    proof = story.one().proof
    assert proof is not None
    assert (proof.source, proof.reference, proof.day) == ("record", str(story.count), date(2026, 4, 3))


def test_the_same_transaction_in_two_records_counts_once(story: Story):
    story.contract()
    deposit = paid("bid-deposit", "50000.00", payer=listed(LOSER))
    for thing in ("p", "q"):
        story.add("trade.performance", thing, transactions=[deposit])
    assert story.one().amount == "50000.00"


def test_progress_pay_is_owed_as_the_contract_says_and_part_of_it_is_not_enough(story: Story):
    pay = {
        "id": "m1",
        "type": "payment",
        "dueDate": "2026-05-06",
        "value": {"amount": "1000000.00", "currency": "CNY"},
    }
    story.contract(milestones=[pay, {"id": "m2", "type": "delivery", "dueDate": "2026-05-06"}])
    owed = story.one()
    assert (owed.kind, owed.creditor, owed.due) == ("progress-pay", WINNER.name, date(2026, 5, 6))
    related = {"relatedImplementationMilestone": {"id": "m1"}}
    story.add("trade.performance", "p", transactions=[paid("", "999999.99", "2026-05-01", **related)])
    assert state_of(story.one(), date(2026, 5, 7)) is State.LATE
    story.add("trade.performance", "q", transactions=[paid("", "0.01", "2026-05-20", **related)])
    assert state_of(story.one(), date(2026, 5, 7)) is State.DONE


def test_money_of_another_currency_pays_nothing(story: Story):
    story.contract(
        milestones=[{"id": "m1", "type": "payment", "dueDate": "2026-05-06", "value": {"amount": "1"}}]
    )
    dollars = paid("", "1", relatedImplementationMilestone={"id": "m1"})
    dollars["value"] = {"amount": "1", "currency": "USD"}
    story.add("trade.performance", "p", transactions=[dollars])
    assert story.one().proof is None


def test_a_voted_holiday_moves_the_last_day_on(story: Story):
    story.contract()
    story.holds(LOSER)
    voted = working_year(2026, holidays=frozenset({date(2026, 4, 6)}), worked=frozenset({date(2026, 4, 11)}))
    [owed] = derive(story.facts, story.held, RULES, counting_by({2026: voted}), at(SIGNED))
    assert owed.due == date(2026, 4, 7)
    assert counting_by({2026: voted})(date(2026, 4, 10), 1) == date(2026, 4, 11), "a Saturday that is worked"


@pytest.mark.parametrize(
    "changes",
    [
        {"nothing": (1, None)},
        {"bid-return": (6, None)},
        {"bid-return": (5, "working")},
        {"bid-return-withdrawn": (6, None)},
        {"quality-return": (-1, None)},
        {"quality-return": (100_000, None)},
    ],
)
def test_a_period_of_the_law_is_only_shortened_and_absurd_ones_are_refused(changes):
    with pytest.raises(InvalidError):
        rules_with(changes)


def test_a_contracts_own_period_is_set():
    rules = rules_with({"quality-return": (10, "working"), "bid-return": (3, None)})
    assert (rules["quality-return"].days, rules["quality-return"].counted) == (10, "working")
    assert rules["bid-return"].days == 3
    assert RULES["bid-return"].days == 5


DAYS = st.dates(date(2025, 1, 1), date(2035, 1, 1))


@given(DAYS, st.integers(0, 400), st.sampled_from(["calendar", "working"]), DAYS)
def test_states_follow_one_another_in_time_and_change_only_when_said(trigger, days, counted, day):
    rule = Rule("quality-return", days, counted, "", is_law=False)
    due = last_day(rule, trigger, WEEKDAYS)
    assert due >= trigger
    assert due.weekday() < 5 or counted == "working"
    assert due >= trigger + timedelta(days)
    owed = Obligation(
        id="", kind="", rule="", section="", debtor="", creditor="", creditor_code="", amount="", currency="",
        trigger=trigger, due=due,
    )  # fmt: skip
    order = [State.WAITING, State.DUE, State.LATE]
    today = state_of(owed, day)
    assert order.index(state_of(owed, day + timedelta(1))) >= order.index(today)
    moment = next_moment(owed, day)
    if moment:
        assert state_of(owed, day_at(moment - 1)) is today
        assert state_of(owed, day_at(moment)) is not today
    else:
        assert today is State.LATE


@given(st.permutations(range(7)), st.lists(st.integers(0, 6), max_size=5))
def test_records_in_any_order_and_twice_give_the_same(order, again):
    story = Story()
    story.contract(guarantees=[{"kind": "performance"}])
    story.bid(LOSER, status="withdrawn", release_date="2026-02-25")
    story.add("trade.performance", "p", transactions=[paid("bid-deposit", "1.00", payer=listed(WINNER))])
    story.contract(milestones=[{"id": "m", "type": "payment", "dueDate": "2026-05-06"}])
    facts = []
    for category, thing, version, fields in (
        ("trade.opening", "o", 1, {"opening_time": f"{OPENED}T09:30:00+08:00"}),
        ("trade.bid", "b", 1, {"status": "valid", "tenderers": [listed(LOSER)]}),
        (
            "trade.bid",
            "b",
            2,
            {"status": "withdrawn", "tenderers": [listed(LOSER)], "release_date": "2026-02-25"},
        ),
        ("trade.contract", "c", 1, {"date_signed": str(SIGNED), "suppliers": [listed(WINNER)]}),
        ("trade.contract", "c", 2, {"date_signed": "2026-04-02", "suppliers": [listed(WINNER)]}),
        ("trade.contract", "d", 1, {"date_signed": "2026-04-03", "status": "cancelled"}),
        ("trade.performance", "p", 1, {"transactions": [paid("bid-deposit", "1.00", payer=listed(WINNER))]}),
    ):
        facts.append(Fact(category, thing, version, len(facts), "", fields))
    story.holds(LOSER)
    results = []
    for places in (range(7), [*order, *again]):
        known = SectionFacts(SECTION, {})
        for place in places:
            take_fact(known, facts[place])
        results.append(derive(known, story.held, RULES, WEEKDAYS, at(SIGNED)))
    assert results[0] == results[1]
    assert {one.kind for one in results[0]} == {Kind.BID_RETURN.value}


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=12)
    | st.sampled_from(["2026-03-01", "1.00", "met"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "id",
                    "name",
                    "value",
                    "amount",
                    "milestones",
                    "dueDate",
                    "dateMet",
                    "code",
                    "type",
                    "payer",
                    "purpose",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["trade.bid", "trade.award", "trade.contract", "trade.performance", "trade.opening"]),
            st.dictionaries(
                st.sampled_from(
                    ["status", "tenderers", "suppliers", "date_signed", "guarantees", "milestones", "transactions",
                     "opening_time", "value_amount", "contract_id"]
                ),
                JSON,
            ),
        ),
        max_size=6,
    )
)  # fmt: skip
@settings(max_examples=40, deadline=None)
def test_no_record_that_a_source_may_write_stops_the_derivation(records):
    story = Story()
    story.contract(milestones=[{"id": "m", "type": "payment", "dueDate": "2026-05-06"}])
    story.holds(LOSER)
    for number, (category, fields) in enumerate(records):
        story.add(category, f"x{number}", **fields)
    for owed in story.owed():
        state_of(owed, SIGNED)


NAMED = st.builds(Party, st.sampled_from(["", "A", "B"]), st.sampled_from(["", "甲", "乙"]))


@given(st.lists(NAMED, max_size=8), NAMED)
def test_things_are_found_by_party_as_parties_are_told(owners, asked):
    found = ByParty((party, number) for number, party in enumerate(owners)).of(asked)
    assert sorted(found) == [n for n, party in enumerate(owners) if party.is_same(asked.code, asked.name)]
