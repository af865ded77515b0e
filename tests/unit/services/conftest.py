from collections.abc import AsyncIterator, Iterator

import pytest

from tests.support.world import Shared, World
from tests.support.world_guarantees import BANK, INSURER, Tender


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


@pytest.fixture
async def tender() -> AsyncIterator[Tender]:
    """A tender of the second of three centres, a bank and an insurer, all of which know each other."""
    with World(guarantors=[BANK, INSURER]) as world:
        await world.settle()
        yield Tender(world)
