"""For tests that bring new definitions: what they teach this process, the next test does not know."""

from collections.abc import Iterator

import pytest

from node.domain import category


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    known = category._known()
    before = dict(known._known)
    yield
    known._known = before
