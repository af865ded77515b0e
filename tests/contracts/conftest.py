"""The alliance is founded once; each test gets a fork of it."""

import pytest

from tests.contracts.world import World, found
from tests.support.evm import Evm


@pytest.fixture(scope="session")
def founded() -> World:
    return found(Evm())


@pytest.fixture
def world(founded: World) -> World:
    return founded.fork()
