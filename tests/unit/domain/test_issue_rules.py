"""Instant decisions: a closed vocabulary, no guess where data is missing, every rule explained without its values."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.domain.issue_facts import FactRecord, Facts, Total
from node.domain.issue_rules import Approved, Fee, Outcome, decide, fee_of, parse_rules
from node.errors import RulesFormatError

NOW = 1_800_000_000
DAY = 86_400
BASE = {
    "credit_rating": "AA",
    "registered_capital": "20000000",
    "registered_capital_currency": "CNY",
    "licence_end_date": "9999-12-31",
}
QUALIFIED = {"level": "一级", "qualification_name": "建筑工程施工总承包", "end_date": "2030-01-01"}
CREDIT_FIELDS = frozenset({"kind", "entry_code", "occurred_date", "confined_end", "revoked_entry"})
HEAD = """
type = "heqi.issue-rules.v1"
name = "试行"
when_all_hold = "issue"
number_prefix = "BH-"
"""


def rules(*texts: str, head: str = HEAD) -> Approved:
    blocks = "".join(
        f'[[rules]]\nid = "r{n}"\nzh = "不符"\nen = "does not fit"\n{text}\n' for n, text in enumerate(texts)
    )
    return parse_rules((head + blocks).encode())


def facts(**changes: Any) -> Facts:
    values: dict[str, Any] = {
        "kind": "bid",
        "amount": Decimal("80000.00"),
        "currency": "CNY",
        "nbf": NOW,
        "exp": NOW + 90 * DAY,
        "centre": "hangzhou",
        "now": NOW,
        "granted": {"subject.base": frozenset(BASE)},
        "records": {"subject.base": [FactRecord(BASE, NOW - 10 * DAY)]},
        "line_free": None,
        "applicant": Total(0, Decimal(0)),
        "day": Total(0, Decimal(0)),
        "refusals": 0,
        **changes,
    }
    return Facts(**values)


def with_base(**changes: Any) -> Facts:
    fields = {name: value for name, value in {**BASE, **changes}.items() if value is not None}
    return facts(records={"subject.base": [FactRecord(fields, NOW)]})


def with_(category: str, *records: dict[str, Any], granted: frozenset[str] | None = None) -> Facts:
    names = (
        frozenset({"level", "qualification_name", "end_date"}) | CREDIT_FIELDS if granted is None else granted
    )
    return facts(granted={category: names}, records={category: [FactRecord(one, NOW) for one in records]})


def entry(**changes: Any) -> dict[str, Any]:
    values = {"kind": "blacklist", "entry_code": "E1", "occurred_date": "2026-12-01", **changes}
    return {name: value for name, value in values.items() if value is not None}


def test_all_hold_and_it_is_issued() -> None:
    decision = decide(
        rules('check = "kind"\nany_of = ["bid"]', 'check = "amount"\nat_most = "80000"'), facts()
    )
    assert decision.outcome == "issue"
    assert [(found.rule, found.verdict) for found in decision.findings] == [("r0", "HOLDS"), ("r1", "HOLDS")]


LINE = 'check = "line"'
QUALIFICATION = 'check = "qualification"\nlevels = ["一级", "特级"]'
NAMED = QUALIFICATION + '\nnames = ["建筑工程施工总承包"]'
RATING = 'check = "credit-rating"\nany_of = ["AAA", "AA"]'
CAPITAL = 'check = "registered-capital"\nat_least = "10000000"'
ENTRIES = 'check = "no-entries"\nwithin_days = 365'
LICENCE = 'check = "licence"'
TOTAL = 'check = "applicant-total"\nat_most_count = 2\nat_most = "200000"'
PER_DAY = 'check = "day-total"\nat_most_count = 2\nat_most = "200000"'
AGE = 'check = "record-age"\ncategory = "subject.base"\nat_most_days = 30'

CASES: list[tuple[str, Facts, str]] = [
    ('check = "kind"\nany_of = ["bid"]', facts(kind="quality"), "FAILS"),
    ('check = "amount"\nat_most = "80000"', facts(amount=Decimal("80000.000001")), "FAILS"),
    ('check = "amount"\nat_most = "80000"', facts(currency="USD"), "FAILS"),
    ('check = "amount"\nat_least = "1"\nat_most = "80000"', facts(amount=Decimal("0.5")), "FAILS"),
    ('check = "validity"\nat_most_days = 90', facts(), "HOLDS"),
    ('check = "validity"\nat_most_days = 90', facts(exp=NOW + 90 * DAY + 1), "FAILS"),
    ('check = "centre"\nany_of = ["hangzhou"]', facts(), "HOLDS"),
    ('check = "centre"\nany_of = ["ningbo"]', facts(), "FAILS"),
    ('check = "centre"\nany_of = ["ningbo"]', facts(centre=None), "UNKNOWN"),
    (LINE, facts(), "UNKNOWN"),
    (LINE, facts(line_free=Decimal(80000)), "HOLDS"),
    (LINE, facts(line_free=Decimal("79999.99")), "FAILS"),
    (QUALIFICATION, facts(), "UNKNOWN"),
    (QUALIFICATION, with_("subject.qualification"), "FAILS"),
    (QUALIFICATION, with_("subject.qualification", QUALIFIED), "HOLDS"),
    (QUALIFICATION, with_("subject.qualification", {**QUALIFIED, "level": "三级"}), "FAILS"),
    (QUALIFICATION, with_("subject.qualification", {**QUALIFIED, "end_date": "2026-12-31"}), "FAILS"),
    (QUALIFICATION, with_("subject.qualification", {**QUALIFIED, "end_date": "soon"}), "UNKNOWN"),
    (QUALIFICATION, with_("subject.qualification", QUALIFIED, granted=frozenset({"level"})), "UNKNOWN"),
    (NAMED, with_("subject.qualification", QUALIFIED), "HOLDS"),
    (NAMED, with_("subject.qualification", {**QUALIFIED, "qualification_name": "公路"}), "FAILS"),
    (NAMED, with_("subject.qualification", {"level": "一级", "end_date": "2030-01-01"}), "UNKNOWN"),
    (RATING, facts(), "HOLDS"),
    (RATING, with_base(credit_rating="B"), "FAILS"),
    (RATING, with_base(credit_rating=None), "UNKNOWN"),
    (CAPITAL, facts(), "HOLDS"),
    (CAPITAL, with_base(registered_capital="9999999.99"), "FAILS"),
    (CAPITAL, with_base(registered_capital="2千万"), "UNKNOWN"),
    (CAPITAL, with_base(registered_capital_currency="USD"), "UNKNOWN"),
    (CAPITAL, with_base(registered_capital_currency=None), "UNKNOWN"),
    (ENTRIES, facts(), "UNKNOWN"),
    (ENTRIES, with_("subject.credit", granted=frozenset({"kind"})), "UNKNOWN"),
    (ENTRIES, with_("subject.credit"), "HOLDS"),
    (ENTRIES, with_("subject.credit", entry()), "FAILS"),
    (ENTRIES, with_("subject.credit", entry(kind="reward")), "HOLDS"),
    (ENTRIES, with_("subject.credit", entry(kind=None)), "UNKNOWN"),
    (ENTRIES, with_("subject.credit", entry(occurred_date="2020-01-01")), "HOLDS"),
    (ENTRIES, with_("subject.credit", entry(occurred_date=None)), "UNKNOWN"),
    (ENTRIES, with_("subject.credit", entry(occurred_date="2020-01-01", confined_end="2040-01-01")), "FAILS"),
    (ENTRIES, with_("subject.credit", entry(occurred_date="2020-01-01", confined_end="?")), "UNKNOWN"),
    (
        ENTRIES,
        with_(
            "subject.credit", entry(), entry(kind="blacklist_revocation", entry_code="E2", revoked_entry="E1")
        ),
        "HOLDS",
    ),
    (LICENCE, facts(), "HOLDS"),
    (LICENCE, with_base(licence_end_date="2027-02-01"), "FAILS"),
    (LICENCE, with_base(licence_end_date=None), "UNKNOWN"),
    (TOTAL, facts(applicant=Total(1, Decimal(120000))), "HOLDS"),
    (TOTAL, facts(applicant=Total(2, Decimal(0))), "FAILS"),
    (TOTAL, facts(applicant=Total(1, Decimal(120001))), "FAILS"),
    (PER_DAY, facts(day=Total(1, Decimal(120000))), "HOLDS"),
    (PER_DAY, facts(day=Total(2, Decimal(0))), "FAILS"),
    (AGE, facts(), "HOLDS"),
    (AGE, facts(records={"subject.base": [FactRecord(BASE, NOW - 31 * DAY)]}), "FAILS"),
    (AGE, facts(records={}), "UNKNOWN"),
    ('check = "refusals"\nat_most = 0', facts(), "HOLDS"),
    ('check = "refusals"\nat_most = 0', facts(refusals=1), "FAILS"),
]


@pytest.mark.parametrize(("text", "seen", "verdict"), CASES)
def test_what_each_check_says(text: str, seen: Facts, verdict: str) -> None:
    [found] = decide(rules(text), seen).findings
    assert found.verdict == verdict


@pytest.mark.parametrize(("text", "seen", "verdict"), CASES)
def test_what_is_missing_leads_to_a_person_whatever_the_rule_says(
    text: str, seen: Facts, verdict: str
) -> None:
    decision = decide(rules(text + '\notherwise = "refuse"'), seen)
    assert decision.outcome == {"HOLDS": "issue", "FAILS": "refuse", "UNKNOWN": "manual"}[verdict]
    assert decide(rules(text), seen).outcome == ("issue" if verdict == "HOLDS" else "manual")


def test_a_refusal_tells_the_files_reasons_and_no_value() -> None:
    seen = with_base(registered_capital="123456")
    decision = decide(rules(CAPITAL + '\notherwise = "refuse"', RATING), seen)
    assert (decision.outcome, decision.reason) == ("refuse", "不符 | does not fit")
    assert "123456" not in msgspec.json.encode(decision).decode()
    assert decision.findings[0].saw == (
        "subject.base.registered_capital",
        "subject.base.registered_capital_currency",
    )


def test_two_base_records_are_no_fact() -> None:
    seen = facts(records={"subject.base": [FactRecord(BASE, NOW), FactRecord(BASE, NOW)]})
    assert decide(rules(RATING), seen).outcome == "manual"


@pytest.mark.parametrize(
    "text",
    [
        'check = "python"\ncode = "1"',
        'check = "kind"',
        'check = "kind"\nany_of = []',
        'check = "amount"\nat_most = 80000.0',
        'check = "amount"\nat_most = "8e4"',
        'check = "amount"\nat_most = "1"\nat_least = "2"',
        'check = "amount"\nat_most = "1"\nelse = "issue"',
        'check = "validity"\nat_most_days = true',
        'check = "line"\notherwise = "issue"',
        'check = "line"\n[payments]\nat_most = "50000"',
        'check = "line"\n[payments]\nat_most = "5e4"\nday_at_most = "50000"',
    ],
)
def test_what_is_outside_the_vocabulary_is_no_rules_file(text: str) -> None:
    with pytest.raises(RulesFormatError):
        rules(text)


@pytest.mark.parametrize(
    "raw",
    [b"", b"\xff", HEAD.encode(), b"a" * 70_000, HEAD.encode() + b'[[rules]]\nid = "a"\n' * 65],
)
def test_what_is_no_rules_file_at_all(raw: bytes) -> None:
    with pytest.raises(RulesFormatError):
        parse_rules(raw)


def test_ids_are_unique() -> None:
    block = '[[rules]]\nid = "a"\nzh = "x"\nen = "x"\ncheck = "line"\n'
    with pytest.raises(RulesFormatError, match="same id"):
        parse_rules((HEAD + 2 * block).encode())


@settings(max_examples=40)
@given(st.lists(st.sampled_from(CASES), min_size=1, max_size=6), st.data())
def test_nothing_is_let_through_unless_every_rule_holds(
    cases: list[tuple[str, Facts, str]], data: st.DataObject
) -> None:
    otherwise = [data.draw(st.sampled_from(["manual", "refuse"])) for _ in cases]
    approved = rules(
        *(f'{text}\notherwise = "{to}"' for (text, _, _), to in zip(cases, otherwise, strict=True))
    )
    decision = decide(approved, cases[0][1])
    verdicts = [found.verdict for found in decision.findings]
    if decision.outcome == "issue":
        assert set(verdicts) == {"HOLDS"}
    refusing = [v == "FAILS" and to == "refuse" for v, to in zip(verdicts, otherwise, strict=True)]
    assert (decision.outcome == Outcome.REFUSE.value) == any(refusing)
    assert decide(approved, cases[0][1]) == decision


@given(st.decimals(0, 10**12, places=6), st.decimals(0, "0.99", places=8))
def test_a_fee_is_exact_and_never_below_its_least(amount: Decimal, rate: Decimal) -> None:
    fee = fee_of(Fee(rate=str(rate), least="100"), str(amount), "CNY")
    assert fee is not None
    assert max(amount * rate, Decimal(100)) <= fee < max(amount * rate, Decimal(100)) + Decimal("0.000002")
    assert fee_of(Fee(), str(amount), "USD") is None
