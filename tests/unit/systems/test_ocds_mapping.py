import pytest

from adapters.systems.ocds import Summary, sections
from adapters.systems.ocds.convert import Converter
from adapters.systems.ocds.rules import Draft
from adapters.systems.ocds.tree import Number
from node.domain.category import category
from node.domain.values import DateValue, DecimalValue, TimeValue

FIRM = {
    "id": "F1",
    "name": "虚构建设有限公司",
    "identifier": {"scheme": "CN-USCC", "id": "91990000200000009C"},
}


def test_money_becomes_a_pair_of_fields_with_the_digits_of_the_source(read_text):
    text = (
        '{"ocid": "o", "tender": {"value": {"amount": 12345678901234567.10, "currency": "CNY"},'
        ' "minValue": {"amount": "0.10"},'
        ' "items": [{"quantity": 2, "n": 2, "unit": {"value": {"amount": 3}}}]}}'
    )
    (draft,) = read_text(text).drafts
    assert draft.fields["value_amount"] == DecimalValue("12345678901234567.10")
    assert draft.fields["value_currency"] == "CNY"
    assert draft.fields["min_value_amount"] == DecimalValue("0.10")
    unit = {"value": {"amount": DecimalValue("3")}}
    assert draft.fields["items"] == ({"quantity": DecimalValue("2"), "n": 2, "unit": unit},)


def test_amount_that_would_need_guessing_is_kept_as_it_stands(read_release):
    reading = read_release(tender={"id": "t", "value": {"amount": "1.234,50", "currency": "guaraní"}})
    (draft,) = reading.drafts
    assert "value_amount" not in draft.fields
    assert draft.fields["details"] == {"value": {"amount": "1.234,50"}}
    assert draft.fields["value_currency"] == "guaraní"
    assert len(reading.summary.noted) == 2


def test_dates_keep_the_zone_they_have_and_get_none(read_release):
    (draft,) = read_release(
        contracts=[
            {
                "id": "c",
                "dateSigned": "2015-06-03",
                "period": {
                    "startDate": "2017-06-30T06:32:13",
                    "endDate": "2018-01-01T00:00:00-04:00",
                    "durationInDays": 9,
                },
            }
        ]
    ).drafts
    assert draft.fields["date_signed"] == DateValue("2015-06-03")
    assert draft.fields["period_start"] == "2017-06-30T06:32:13"
    assert draft.fields["period_end"] == TimeValue("2018-01-01T00:00:00-04:00")
    assert draft.fields["details"] == {"period": {"durationInDays": 9}}


@pytest.mark.parametrize(
    ("date", "occurred", "kept"),
    [
        ("2026-01-01T08:00:00+0800", "2026-01-01T08:00:00+08:00", None),
        ("2026-01-01", None, DateValue("2026-01-01")),
        ("2026-01-01T08:00:00", None, "2026-01-01T08:00:00"),
        (None, None, None),
        ("", None, None),
    ],
)
def test_release_date_is_when_it_occurred_only_with_a_zone(read_release, date, occurred, kept):
    (draft,) = read_release(date=date, tender={"id": "t"}).drafts
    assert draft.occurred == occurred
    assert draft.fields.get("release_date") == kept


def test_organisations_are_named_and_identified_in_the_record_itself(read_release):
    reading = read_release(
        parties=[FIRM | {"roles": ["supplier"], "address": {"locality": "示例市", "x": 1}}],
        buyer={"id": "B", "name": "示例市虚构局", "address": {"locality": "示例市"}},
        awards=[{"id": "a", "suppliers": [{"id": "F1"}]}],
        contracts=[{"id": "c", "suppliers": {"name": "样本公司"}}],
    )
    (award,) = reading.of("trade.award")
    assert award.fields["suppliers"] == (FIRM,)
    assert award.fields["buyer_name"] == "示例市虚构局"
    assert award.fields["process"] == {"buyer": {"address": {"locality": "示例市"}}}
    (contract,) = reading.of("trade.contract")
    assert contract.fields["suppliers"] == ({"name": "样本公司"},)
    assert "process" not in contract.fields
    (party,) = reading.of("trade.party")
    assert party.fields["code"] == FIRM["identifier"]["id"]
    assert party.fields["details"] == {"address": {"x": 1}}
    assert "buyer_name" not in party.fields


def test_contact_data_of_people_is_left_out_everywhere_and_counted(read_release):
    person = {"name": "Somebody", "email": "a@b.example", "telephone": "1"}
    reading = read_release(
        parties=[FIRM | {"contactPoint": person, "additionalContactPoints": [person]}],
        buyer={"name": "x", "contactPoint_fr": person},
        tender={
            "id": "t",
            "procuringEntity": {"name": "y", "contactPoint": person},
            "x": [{"email": "a@b.example"}],
        },
        awards=[{"id": "a", "suppliers": [{"name": "z", "contactPoint": person}]}],
    )
    assert len(reading.accepted) == 3
    assert "Somebody" not in repr(reading.outcomes)
    assert "a@b.example" not in repr(reading.outcomes)
    assert reading.summary.left_out == {
        "contactPoint": 3,
        "contactPoint_fr": 1,
        "additionalContactPoints": 1,
        "email": 1,
    }


def test_bids_and_performance_are_things_of_their_own(read_release):
    reading = read_release(
        bids={
            "statistics": [{"id": "s", "measure": "bids", "value": 1}],
            "details": [{"id": 7, "status": "valid"}],
        },
        contracts=[{"id": "c/1", "implementation": {"transactions": [{"id": "1", "value": {"amount": 5}}]}}],
    )
    assert reading.things == [
        "ocds-1/bids/7",
        "ocds-1/contracts/c~11",
        "ocds-1/contracts/c~11/implementation",
    ]
    bid, contract, performance = reading.drafts
    assert bid.fields["id"] == "7"
    assert "bids" in bid.fields["process"]
    assert "details" not in contract.fields
    assert performance.fields["transactions"][0]["value"] == {"amount": DecimalValue("5")}


def test_names_of_things_cannot_run_into_each_other(read_json):
    releases = [
        {"ocid": "o", "awards": [{"id": "a/awards/b"}]},
        {"ocid": "o/awards/a", "awards": [{"id": "b"}]},
        {"ocid": "o~1awards", "awards": [{"id": "b"}]},
    ]
    assert len(set(read_json(releases).things)) == 3


def test_nulls_and_what_is_empty_without_them_are_dropped(read_release):
    (draft,) = read_release(
        tender={
            "id": "t",
            "title": None,
            "submissionMethod": [None],
            "awardPeriod": {},
            "x": {"y": {"z": None}},
        }
    ).drafts
    assert set(draft.fields) == {"id"}


def test_value_of_another_kind_is_kept_in_details(read_release):
    (draft,) = read_release(
        tender={"title": {"zh": "x"}, "hasEnquiries": "no", "value": 5, "numberOfTenderers": "3"}
    ).drafts
    assert draft.fields == {
        "details": {"title": {"zh": "x"}, "hasEnquiries": "no", "value": 5, "numberOfTenderers": "3"}
    }


def test_source_version_is_release_id_and_tags(read_release):
    assert (
        read_release(tag=["award", "contract"], tender={"id": "t"}).drafts[0].source_version
        == "r1 award,contract"
    )
    assert read_release(tag="award", id=5, tender={"id": "t"}).drafts[0].source_version == "5 award"
    assert read_release(tag=None, id=None, tender={"id": "t"}).drafts[0].source_version == ""


@pytest.mark.parametrize("tag", ["a\nb", "\ud800", "x" * 200])
def test_odd_release_tag_costs_no_record(read_release, tag):
    reading = read_release(tag=[tag], tender={"id": "t"})
    assert reading.drafts[0].source_version == ""
    assert reading.summary.noted == {"release id and tags left out: too long or not printable": 1}


EVERY_SECTION = [
    sections.PLANNING,
    sections.TENDER,
    sections.BID,
    sections.AWARD,
    sections.CONTRACT,
    sections.PERFORMANCE,
    sections.PARTY,
]


@pytest.mark.parametrize("section", EVERY_SECTION, ids=lambda section: section.category)
def test_fullest_section_fits_the_slots_of_its_category(section):
    draft = Draft(Converter(Summary()), {}, "")
    texts = "currency startDate endDate name id scheme legalName uri description project projectID"
    address = "streetAddress locality region postalCode countryName"
    simple = dict.fromkeys((texts + " " + address).split(), "2026-01-01")
    part = {**simple, "amount": Number("1"), "identifier": simple}
    # One of these is what the rule wants.
    for candidate in ("2026-01-01", Number("1"), True, part, part | {"amount": part}):
        for rule in section.rules.values():
            rule(candidate, draft)
    assert len(draft.fields) >= len(section.rules)
    names = {*draft.fields, *sections.CONTEXT_FIELDS, "release_date", "details"}
    assert len(names) <= category(section.category).slots
