"""One network of real nodes for each file of tests."""

import pytest_asyncio

from tests.support.network import open_network


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def network(tmp_path_factory):
    async with open_network(tmp_path_factory.mktemp("network")) as running:
        yield running
