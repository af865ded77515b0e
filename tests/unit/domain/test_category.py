import pytest

from node.domain.category import OwnerRule, categories, category
from node.domain.draft import _CATEGORY, MAX_FIELDS
from node.errors import RecordFormatError


def test_categories_are_found_by_name():
    assert [category(kind.name) for kind in categories()] == list(categories())


def test_names_are_what_a_draft_may_say_and_slots_fit_a_draft():
    for kind in categories():
        assert _CATEGORY.fullmatch(kind.name)
        assert 1 <= kind.slots <= MAX_FIELDS


def test_party_private_data_belongs_to_the_party():
    owned = {kind.name for kind in categories() if kind.owner is OwnerRule.SUBJECT}
    assert {"subject.base", "subject.credit", "access.read"} <= owned
    assert not any(name.startswith("trade.") for name in owned)


@pytest.mark.parametrize("name", ["", "subject", "subject.base ", "SUBJECT.BASE"])
def test_unknown_category_is_refused(name):
    with pytest.raises(RecordFormatError):
        category(name)
