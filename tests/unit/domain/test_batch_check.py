"""What only all guarantees of a section together show."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from node.domain.batch_check import Batch, Expected, SectionTerms, Shown
from node.domain.batch_finding import Fault
from node.domain.section import Party
from tests.vectors import guarantee_story

STORY = guarantee_story.guarantee()
ONE = Party(STORY.applicant_code, STORY.applicant_name)
OTHER = Party("91310000132269406T", "另一家虚构公司")
TERMS = SectionTerms(
    section=STORY.section,
    centre=STORY.centre,
    demanded=Decimal(STORY.amount),
    base=Decimal(STORY.amount) * 50,
    opening=STORY.nbf,
    valid_until=STORY.exp,
    beneficiary_name=STORY.beneficiary_name,
    beneficiary_key=STORY.beneficiary_key,
    bidders=(Expected((ONE,), STORY.iss, STORY.number),),
)


def shown(
    at: int = 0, *, bidder: str = "", verdict: str = "VALID", id_: str = "", **changes: object
) -> Shown:
    terms = replace(STORY, **changes)
    return Shown(at, verdict, verdict == "VALID", id_ or f"{at:064x}", terms, bidder)


def faults(batch: Batch, *items: Shown) -> list[list[Fault]]:
    return [[one.fault for one in batch.take(item)] for item in items]


def with_terms(**changes: object) -> Batch:
    return Batch(SectionTerms(**{name: getattr(TERMS, name) for name in TERMS.__slots__} | changes))


def test_a_guarantee_that_meets_every_term_exactly_has_no_finding():
    batch = Batch(TERMS)
    assert faults(batch, shown(bidder=ONE.code)) == [[]]
    assert (batch.count, batch.valid, batch.faulty, batch.close()) == (1, 1, 0, [])


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"section": "another"}, Fault.OTHER_SECTION),
        ({"centre": "another"}, Fault.OTHER_SECTION),
        ({"guarantee_kind": "performance"}, Fault.OTHER_KIND),
        ({"beneficiary_name": "另一招标人"}, Fault.OTHER_BENEFICIARY),
        ({"beneficiary_key": "ab" * 64}, Fault.OTHER_BENEFICIARY),
        ({"iss": "another-bank"}, Fault.OTHER_GUARANTOR),
        ({"number": "another"}, Fault.OTHER_GUARANTOR),
        ({"currency": "USD"}, Fault.OTHER_CURRENCY),
        ({"amount": f"{Decimal(STORY.amount) - Decimal('0.000001'):f}"}, Fault.TOO_SMALL),
        ({"amount": f"{Decimal(STORY.amount) + Decimal('0.000001'):f}"}, Fault.OVER_LEGAL_LIMIT),
        ({"exp": STORY.exp - 1}, Fault.TOO_SHORT),
        ({"nbf": STORY.nbf + 1}, Fault.TOO_SHORT),
    ],
)
def test_each_deviation_is_found_and_nothing_else(changes, fault):
    assert faults(Batch(TERMS), shown(**changes)) == [[fault]]


def test_who_is_not_on_the_list_is_named():
    batch = with_terms(bidders=(Expected((OTHER,)),))
    assert faults(batch, shown()) == [[Fault.NOT_A_BIDDER]]
    assert [one.bidder for one in batch.close()] == [OTHER]


def test_without_a_list_nothing_is_said_about_bidders():
    batch = with_terms(bidders=None)
    assert faults(batch, shown()) == [[]]
    assert batch.close() == []


def test_what_nobody_knows_is_told_as_not_compared():
    assert Batch(TERMS).not_compared() == []
    assert with_terms(beneficiary_name="").not_compared() == [], "the key is compared"
    unknown = with_terms(beneficiary_name="", beneficiary_key="", demanded=None)
    assert [(one.fault, one.expected) for one in unknown.not_compared()] == [
        (Fault.NOT_COMPARED, "beneficiary"),
        (Fault.NOT_COMPARED, "demanded-amount"),
    ]


def test_a_name_in_signs_of_another_width_is_the_same_name():
    batch = with_terms(beneficiary_name="虚构（集团） 公司", beneficiary_key="")
    assert faults(batch, shown(beneficiary_name="虚构(集团)公司")) == [[]]
    assert faults(batch, shown(beneficiary_name="虚构集团公司")) == [[Fault.OTHER_BENEFICIARY]]


def test_one_code_under_two_guarantees_is_found_at_the_second():
    batch = Batch(TERMS)
    [first, second] = [batch.take(shown(number)) for number in (0, 1)]
    assert first == []
    assert [(one.fault, one.item, one.other) for one in second] == [(Fault.SAME_CODE, 1, 0)]


def test_one_guarantee_in_two_bids_secures_only_the_bid_it_was_issued_for():
    batch = with_terms(bidders=(Expected((ONE,)), Expected((OTHER,))))
    found = faults(batch, shown(0, bidder=ONE.code, id_="aa"), shown(1, bidder=OTHER.code, id_="aa"))
    assert found == [[], [Fault.TWO_BIDDERS, Fault.OTHER_APPLICANT]]
    assert [one.bidder for one in batch.close()] == [OTHER]


def test_the_same_file_twice_for_one_bidder_is_only_shown_twice():
    assert faults(Batch(TERMS), shown(0, id_="aa"), shown(1, id_="aa")) == [[], [Fault.SHOWN_TWICE]]


@pytest.mark.parametrize("verdict", ["EXPIRED", "RELEASED", "NOT_YET", "WRONG_CODE", "ISSUED", "FALSE"])
def test_what_is_not_valid_secures_no_bid(verdict):
    batch = Batch(TERMS)
    assert faults(batch, shown(verdict=verdict)) == [[Fault.NOT_VALID]]
    assert [one.fault for one in batch.close()] == [Fault.WITHOUT_SECURITY]


def test_a_valid_guarantee_for_another_section_secures_no_bid():
    batch = Batch(TERMS)
    batch.take(shown(section="another"))
    assert len(batch.close()) == 1


def test_a_member_of_a_joint_bid_secures_the_bid_of_all():
    batch = with_terms(bidders=(Expected((OTHER, ONE)),))
    assert faults(batch, shown()) == [[]]
    assert batch.close() == []


def test_security_in_another_form_is_no_finding():
    assert with_terms(bidders=(Expected((OTHER,), is_secured=True),)).close() == []


def test_a_bids_own_validity_counts_where_it_is_longer():
    batch = with_terms(bidders=(Expected((ONE,), valid_until=STORY.exp + 1),))
    assert faults(batch, shown()) == [[Fault.TOO_SHORT]]


def test_what_cannot_be_read_stops_nothing():
    batch = Batch(TERMS)
    [found] = batch.unreadable(0, "the ledger is stale")
    assert (found.fault, found.item) == (Fault.UNREADABLE, 0)
    assert faults(batch, shown(1)) == [[]]
    assert (batch.count, batch.valid, batch.faulty) == (2, 1, 1)


def test_by_its_id_alone_nothing_is_compared():
    assert faults(Batch(TERMS), Shown(0, "ISSUED", is_valid=False, guarantee_id="aa")) == [
        [Fault.NOT_VALID, Fault.NO_TERMS]
    ]
    assert faults(Batch(TERMS), Shown(0, "UNKNOWN", is_valid=False)) == [[Fault.NOT_VALID]]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from((ONE, OTHER)), st.booleans()), max_size=12))
def test_every_repetition_is_found_once_and_every_bidder_is_secured_or_named(drawn):
    batch = with_terms(bidders=(Expected((ONE,)), Expected((OTHER,))))
    seen: set[str] = set()
    secured: set[str] = set()
    for number, (id_, party, is_valid) in enumerate(drawn):
        # The code goes with the guarantee, and the guarantee with its applicant.
        holder = ONE if id_ == "a" else OTHER
        item = shown(
            number,
            bidder=party.code,
            id_=id_ * 64,
            verdict="VALID" if is_valid else "EXPIRED",
            code=id_ * 43,
            applicant_code=holder.code,
            applicant_name=holder.name,
        )
        found = {one.fault for one in batch.take(item)}
        assert bool(found & {Fault.TWO_BIDDERS, Fault.SHOWN_TWICE}) is (id_ in seen)
        assert (Fault.OTHER_APPLICANT in found) is (party != holder)
        assert Fault.SAME_CODE not in found
        seen.add(id_)
        if is_valid and not found & {Fault.OTHER_APPLICANT, Fault.TWO_BIDDERS}:
            secured.add(holder.code)
    assert {one.bidder.code for one in batch.close() if one.bidder} == {ONE.code, OTHER.code} - secured
    assert batch.count == len(drawn)
