from collections.abc import Iterator

import pytest

from tests.support.world import Shared, World


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


@pytest.fixture
async def shared(world: World) -> Shared:
    """A live grant to the reader for three uses, which the reader has collected."""
    return await world.share()
