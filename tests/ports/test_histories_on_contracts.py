"""The histories of `tests/unit/services/test_histories.py` once more, with the real contracts in the twin's place."""

import os
from collections.abc import Iterator

import pytest

from tests.support.histories import ROUNDS, run_histories
from tests.support.ledgers import AnvilEngine, missing_anvil

SEED = int(os.environ.get("HEQI_HISTORIES_SEED", "20261122"))
COUNT = int(os.environ.get("HEQI_HISTORIES_ON_CONTRACTS", "0"))
"""`make histories` runs 1,000, in batches of 250; without it one small batch of short ones runs."""


@pytest.fixture
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AnvilEngine]:
    reason = missing_anvil()
    if reason is not None:
        if os.environ.get("HEQI_REQUIRE_ALL"):
            pytest.fail(f"Anvil is missing: {reason}")
        pytest.skip(f"Anvil is missing: {reason}")
    anvil = AnvilEngine(tmp_path_factory.mktemp("anvil"))
    anvil.start()
    yield anvil
    anvil.stop()


@pytest.mark.timeout(3_600)
async def test_the_contracts_allow_no_read_that_the_model_forbids(engine: AnvilEngine) -> None:
    count, batch, rounds = (COUNT, 250, ROUNDS) if COUNT else (12, 12, 2)
    allowed = refused = done = 0
    async for histories in run_histories(SEED, count, batch, rounds, engine):
        allowed, refused = allowed + histories.allowed, refused + histories.refused
        done += histories.count
        if COUNT:
            print(
                f"{done:,} histories on contracts, {allowed:,} reads answered, {refused:,} refused",
                flush=True,
            )
    assert allowed
    assert refused
