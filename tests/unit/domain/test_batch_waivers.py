"""Waivers in a section's batch: which grade waives what, for whom, and what is left to be secured."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace as changed

from node.domain.batch_check import Batch, Expected, SectionTerms, Shown
from node.domain.batch_finding import Fault
from node.domain.batch_waivers import ShownWaiver
from node.domain.section import Party, day_at
from node.domain.waiver import Evaluation, WaiverRule, rules_from
from node.errors import DocumentFormatError
from tests.vectors import guarantee_story, waiver_vectors

STORY, WAIVER = guarantee_story.guarantee(), waiver_vectors.waiver()
ONE = Party(STORY.applicant_code, STORY.applicant_name)
OTHER = Party("91310000132269406T", "另一家虚构公司")
TODAY = day_at(WAIVER.opening)
EVALUATION = Evaluation(
    subject="ab" * 32,
    thing="e-1",
    version=1,
    code=ONE.code,
    evaluator="示例市水利局",
    scale="示例评价办法",
    grade="AA",
    is_withdrawn=False,
    first=TODAY,
    last=TODAY,
)
RULE = WaiverRule("示例市水利局", "示例评价办法", (("AAA", 100), ("AA", 60)), (WAIVER.home,))
TERMS = SectionTerms(
    section=WAIVER.section,
    centre=WAIVER.centre,
    demanded=Decimal(STORY.amount),
    opening=WAIVER.opening,
    waivers=(RULE,),
    bidders=(Expected((ONE,)),),
)


def shown(at: int = 0, party: Party = ONE, **changes: object) -> ShownWaiver:
    """A waiver; what is said of the evaluation goes into it."""
    said = {name: changes.pop(name) for name in list(changes) if name in Evaluation.__slots__}
    values = {
        "number": at,
        "verdict": "VALID",
        "is_valid": True,
        "digest": f"{at:064x}",
        "terms": WAIVER,
        "evaluation": replace(EVALUATION, code=party.code, **said),
        "party": party,
        "state": "current",
        **changes,
    }
    return ShownWaiver(**values)


def guarantee(at: int, amount: Decimal) -> Shown:
    return Shown(at, "VALID", True, f"{at:064x}", changed(STORY, amount=f"{amount:f}", nbf=0))


def of(found) -> list[Fault]:
    return [one.fault for one in found]


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"grade": "A"}, Fault.LOW_GRADE),
        ({"grade": "AA+"}, Fault.LOW_GRADE),
        ({"scale": "示例评价办法（2019）"}, Fault.OTHER_SCALE),
        ({"evaluator": "示例市交通运输局"}, Fault.OTHER_SCALE),
        ({"first": TODAY + timedelta(days=1), "last": TODAY + timedelta(days=2)}, Fault.EVALUATION_ENDED),
        ({"first": TODAY - timedelta(days=9), "last": TODAY - timedelta(days=1)}, Fault.EVALUATION_ENDED),
        ({"is_withdrawn": True}, Fault.EVALUATION_WITHDRAWN),
        ({"state": "superseded", "since": 7}, Fault.EVALUATION_SUPERSEDED),
        ({"state": "withdrawn", "since": 7}, Fault.EVALUATION_WITHDRAWN),
        ({"state": "erased", "since": 7}, Fault.EVALUATION_WITHDRAWN),
        ({"state": "disputed", "since": 7}, Fault.EVALUATION_DISPUTED),
        ({"state": "unknown"}, Fault.EVALUATION_UNKNOWN),
        ({"terms": changed(WAIVER, section="another")}, Fault.OTHER_SECTION),
        ({"terms": changed(WAIVER, centre="another")}, Fault.OTHER_SECTION),
        ({"terms": changed(WAIVER, home="another")}, Fault.NOT_ENTITLED),
        ({"bidder": OTHER.code}, Fault.OTHER_APPLICANT),
        ({"is_valid": False, "verdict": "EXPIRED"}, Fault.NOT_VALID),
    ],
)
def test_each_deviation_is_found_alone_and_waives_nothing(changes, fault):
    batch = Batch(TERMS)
    found, share = batch.take_waiver(shown(**changes))
    assert (of(found), share) == ([fault], 0)
    assert of(batch.close()) == [Fault.WITHOUT_SECURITY]


def test_without_an_opening_on_record_the_evaluation_counts_today_too():
    """Else a bidder whose evaluation has ended would date its waiver back."""
    batch = Batch(replace(TERMS, opening=0))
    for day, fault in ((TODAY, []), (TODAY + timedelta(days=1), [Fault.EVALUATION_ENDED])):
        found, share = batch.take_waiver(shown(day.day, checked=day))
        assert (of(found), share == 60) == (fault, not fault)


def test_names_and_grades_are_the_same_in_either_width():
    found, share = Batch(TERMS).take_waiver(shown(grade="ＡＡＡ", scale="示例 评价办法"))
    assert (found, share) == ([], 100)


def test_a_tender_that_waives_nothing_takes_no_waiver():
    for terms in (replace(TERMS, waivers=()), replace(TERMS, kind="performance")):
        found, share = Batch(terms).take_waiver(shown())
        assert (of(found), share) == ([Fault.WAIVER_NOT_TAKEN], 0)


def test_the_rest_is_secured_by_a_guarantee_over_it_that_comes_later():
    rest = Decimal(STORY.amount) * 40 / 100
    batch = Batch(TERMS)
    assert batch.take_waiver(shown()) == ([], 60)
    assert [one.expected for one in batch.close()] == ["bid, 40%"]
    assert of(batch.take(guarantee(1, rest - Decimal("0.01")))) == [Fault.TOO_SMALL]
    assert of(batch.take(guarantee(2, rest))) == [Fault.SAME_CODE]
    assert batch.close() == []
    assert of(Batch(TERMS).take(guarantee(0, rest))) == [Fault.TOO_SMALL], "nothing is waived yet"


def test_anothers_waiver_lowers_nobody_elses_guarantee():
    batch = Batch(replace(TERMS, bidders=(Expected((ONE,)), Expected((OTHER,)))))
    assert batch.take_waiver(shown(party=OTHER, grade="AAA")) == ([], 100)
    assert of(batch.take(guarantee(1, Decimal(STORY.amount) - 1))) == [Fault.TOO_SMALL]
    assert [one.bidder for one in Batch(batch.terms).close()] == [ONE, OTHER]


def test_of_a_joint_bid_every_member_shows_one_and_the_smallest_share_counts():
    batch = Batch(replace(TERMS, bidders=(Expected((ONE, OTHER)),)))
    assert batch.take_waiver(shown(grade="AAA")) == ([], 100)
    assert [one.expected for one in batch.close()] == ["bid"]
    assert batch.take_waiver(shown(1, party=OTHER)) == ([], 60)
    assert [one.expected for one in batch.close()] == ["bid, 40%"]
    assert batch.take_waiver(shown(2, party=OTHER, grade="AAA")) == ([], 100)
    assert batch.close() == []


def test_one_waiver_twice_and_one_of_no_bidder_are_found():
    batch = Batch(TERMS)
    batch.take_waiver(shown())
    found, _ = batch.take_waiver(shown(1, digest=f"{0:064x}"))
    assert (of(found), found[0].other) == ([Fault.SHOWN_TWICE], 0)
    assert of(batch.take_waiver(shown(2, party=OTHER))[0]) == [Fault.NOT_A_BIDDER]
    assert (batch.count, batch.faulty) == (3, 2)


@given(
    st.lists(st.sampled_from(["current", "unknown", "superseded", "disputed"]), min_size=1, max_size=4),
    st.lists(st.sampled_from(["AAA", "AA", "A"]), min_size=4, max_size=4),
)
def test_nothing_in_doubt_ever_waives_anything(states, grades):
    batch = Batch(TERMS)
    shares = [
        batch.take_waiver(shown(at, state=state, since=int(state != "current"), grade=grade))
        for at, (state, grade) in enumerate(zip(states, grades, strict=False))
    ]
    assert all(share == 0 for found, share in shares if found)
    best = max(share for _, share in shares)
    assert (batch.close() == []) is (best == 100)


@pytest.mark.parametrize(
    "changes",
    [
        {"grades": {}},
        {"grades": {"AAA": 0}},
        {"grades": {"AAA": 101}},
        {"grades": {"AAA": 99.5}},
        {"grades": {"AAA": 100, "ＡＡＡ": 50}},
        {"grades": {f"G{number}": 1 for number in range(21)}},
        {"evaluator": ""},
        {"scale": "a\nb"},
        {"recorders": ["Centre A"]},
        {"extra": 1},
    ],
)
def test_a_rule_that_says_nothing_clear_is_refused(changes):
    [plain] = waiver_vectors.RULES
    assert rules_from([plain])
    with pytest.raises(DocumentFormatError):
        rules_from([{**plain, **changes}])
    with pytest.raises(DocumentFormatError):
        rules_from([plain] * 51)
