"""Fixtures of this folder."""

import pytest
import pytest_asyncio

from node.cli.main import main
from tests.support.crash_home import Told, joined_home
from tests.support.network import open_network


@pytest.fixture
def centre(tmp_path):
    """A node's folder that has joined an alliance; the node does not run, and there is no engine."""
    return joined_home(tmp_path)


@pytest.fixture
def told(capsys):
    """Runs a command in this process, and returns how it was refused; a stack trace fails the test."""

    def run(*arguments: object) -> Told:
        code = main([str(argument) for argument in arguments])
        return Told(code, capsys.readouterr().err)

    return run


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def network(tmp_path_factory):
    async with open_network(tmp_path_factory.mktemp("network"), ("centre-a", "centre-b")) as running:
        yield running
