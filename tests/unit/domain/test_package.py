"""All mistakes of a package, and none that is not there."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.domain.package import BASE, WHOLE_PACKAGE, Company, check_package, draft_of
from node.domain.wallet import PackageRecord
from node.errors import InvalidError, Mistake, PackageError

CODE = "91110000600037341L"
COMPANY = Company(CODE, "虚构建设有限公司")
TODAY = date(2026, 3, 1)
GOOD = PackageRecord(BASE, "base", {"credit_code": CODE, "legal_name": "虚构建设有限公司"})


def qualification(thing: str = "D1", **fields: object) -> PackageRecord:
    return PackageRecord("subject.qualification", thing, {"level": "一级", **fields})


def no_rules(_category: str, _fields: object) -> list[tuple[str, str, str]]:
    """The catalogue has its own tests."""
    return []


def check(*documents: PackageRecord, is_first: bool = False) -> list[Mistake]:
    return check_package(documents, COMPANY, is_first=is_first, today=TODAY, rules=no_rules)


def named(found: list[Mistake]) -> list[tuple[int, str]]:
    return [(one.document, one.field) for one in found]


def test_a_good_package_has_no_mistake() -> None:
    good = qualification(issue_date="2020-01-01", end_date="2026-03-01", certificate_number="D1")
    assert check(GOOD, good, is_first=True) == []


def test_the_first_package_needs_a_base_document_and_later_ones_do_not() -> None:
    assert named(check(qualification(), is_first=True)) == [(WHOLE_PACKAGE, "")]
    assert check(qualification()) == []


@pytest.mark.parametrize("code", ["91110108740053589U", None, 5])
def test_the_credit_code_is_the_certificates(code: object) -> None:
    fields: dict[str, Any] = {"legal_name": "虚构建设有限公司"} | (
        {} if code is None else {"credit_code": code}
    )
    assert ("credit_code" in {one.field for one in check(PackageRecord(BASE, "base", fields))}) is True


def test_every_document_that_has_a_credit_code_has_the_same() -> None:
    assert named(check(GOOD, qualification(credit_code="91110108740053589U"))) == [(1, "credit_code")]
    assert check(GOOD, qualification(credit_code=CODE)) == []


def test_another_name_than_the_certificates_is_warned_of() -> None:
    [found] = check(PackageRecord(BASE, "base", {"credit_code": CODE, "legal_name": "另一家"}))
    assert (found.field, found.is_warning) == ("legal_name", True)


def test_dates_are_in_order() -> None:
    assert named(check(qualification(issue_date="2027-01-01", end_date="2026-12-31"))) == [(0, "end_date")]
    assert check(qualification(issue_date="2026-03-01", end_date="2026-03-01")) == []


def test_what_has_run_out_is_warned_of() -> None:
    [found] = check(qualification(end_date="2026-02-28"))
    assert (found.field, found.is_warning) == ("end_date", True)
    assert check(qualification(end_date="2026-03-01")) == []


def test_nothing_is_there_twice() -> None:
    assert named(check(qualification(), qualification())) == [(1, "")]
    twice = [qualification("D1", certificate_number="7"), qualification("D2", certificate_number="7")]
    assert named(check(*twice)) == [(1, "certificate_number")]


def test_every_bad_field_of_a_document_is_told() -> None:
    bad = PackageRecord("subject.qualification", "D1", {"a": None, "Bad": "x", "b": 1.5, "level": "一级"})
    assert {one.field for one in check(bad)} == {"a", "Bad", "b"}


def test_the_rules_of_a_category_are_told_for_documents_that_could_be_records() -> None:
    asked = []

    def rules(category: str, fields: object) -> list[tuple[str, str, str]]:
        asked.append(category)
        return [("level", "资质等级不在代码集内", "level is not in its code list")]

    bad = PackageRecord("subject.qualification", "D2", {"level": None})
    found = check_package([qualification(), bad], COMPANY, is_first=False, today=TODAY, rules=rules)
    assert asked == ["subject.qualification"]
    assert named(found) == [(0, "level"), (1, "level")]


def test_a_document_that_no_wallet_hands_in_is_told() -> None:
    for category in ("subject.attestation", "trade.tender", "access.read", "subject.unheard"):
        [found] = check(PackageRecord(category, "x", {"x": "y"}))
        assert (found.document, found.field) == (0, "")


values = st.none() | st.text(max_size=12) | st.integers() | st.floats() | st.dates().map(str)
documents = st.builds(
    PackageRecord,
    st.sampled_from([BASE, "subject.qualification", "subject.attestation", "x"]),
    st.sampled_from(["base", "D1", "", "D2"]),
    st.dictionaries(
        st.sampled_from(["credit_code", "legal_name", "issue_date", "end_date", "certificate_number", "Bad"]),
        values | st.just(CODE),
        max_size=4,
    ),
)


@given(st.lists(documents, max_size=5), st.booleans())
def test_a_package_without_mistakes_becomes_records_and_one_with_them_is_told_in_both_languages(
    package: list[PackageRecord], is_first: bool
) -> None:
    found = check_package(package, COMPANY, is_first=is_first, today=TODAY, rules=no_rules)
    assert all(one.chinese and one.english for one in found)
    refused = {one.document for one in found if not one.is_warning}
    for place, document in enumerate(package):
        try:
            draft_of("ab" * 32, document)
        except InvalidError:
            assert place in refused
    if refused:
        error = PackageError.of(found)
        assert error.mistakes == found
        assert len(str(error)) < 1_700
