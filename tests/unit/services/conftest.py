from collections.abc import Iterator

import pytest

from tests.support.world import World


@pytest.fixture
def world() -> Iterator[World]:
    """Three centres; the first is used as home, the second as reader."""
    with World() as world:
        yield world


@pytest.fixture
def lonely() -> Iterator[World]:
    """One centre, for what concerns no other."""
    with World(("hangzhou",)) as world:
        yield world
