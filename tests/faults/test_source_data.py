"""JSON that two readers could read differently: numbers keep their digits, everything else is parked."""

import pytest

from adapters.systems.ocds import Accepted, Parked, Summary, read_ocds
from node.domain.values import DecimalValue

RELEASE = """{"ocid": "ocds-%s", "id": "1", "date": "2026-01-02T03:04:05Z", "tag": ["tender"],
 "initiationType": "tender", "tender": {"id": "t", "title": "%s", "value": {%s, "currency": "CNY"}}}"""


def read(folder, value: str) -> tuple[list[Accepted], list[Parked]]:
    (folder / "asked.json").write_text(RELEASE % ("asked", "asked", value))
    (folder / "other.json").write_text(RELEASE % ("other", "other", '"amount": 1'))
    outcomes = list(read_ocds(folder, source_system="test", summary=Summary()))
    accepted = [outcome for outcome in outcomes if isinstance(outcome, Accepted)]
    assert "other" in {one.draft.fields["title"] for one in accepted}, "a bad file stopped the others"
    return (
        [one for one in accepted if one.draft.fields["title"] == "asked"],
        [outcome for outcome in outcomes if isinstance(outcome, Parked)],
    )


def test_an_amount_that_no_float_can_hold(tmp_path):
    (accepted,), parked = read(tmp_path, '"amount": 9007199254740993.10')
    assert DecimalValue("9007199254740993.10") in accepted.draft.fields.values()
    assert not parked


@pytest.mark.parametrize(
    ("value", "reason"),
    [('"amount": 1, "amount": 2', "DUPLICATE_KEY"), ('"amount": NaN', "NOT_A_NUMBER")],
)
def test_what_has_no_one_meaning_is_parked_with_its_reason(tmp_path, value, reason):
    accepted, parked = read(tmp_path, value)
    assert not accepted
    assert [(one.reason.name, "asked.json" in one.source) for one in parked] == [(reason, True)]
