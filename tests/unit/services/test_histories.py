"""Whatever happens in whatever order: nobody reads what the model forbids, and who may read can."""

import os

from tests.support.histories import run_histories

SEED = int(os.environ.get("HEQI_HISTORIES_SEED", "20261122"))
COUNT = int(os.environ.get("HEQI_HISTORIES", "150"))
"""`make histories` runs 100,000."""


async def test_no_read_that_the_model_forbids_and_none_refused_that_it_allows() -> None:
    allowed = refused = done = 0
    async for batch in run_histories(SEED, COUNT):
        allowed, refused, done = allowed + batch.allowed, refused + batch.refused, done + batch.count
        if COUNT > 1_000 and not done % 1_000:
            print(f"{done:,} histories, {allowed:,} reads answered, {refused:,} refused", flush=True)
    assert allowed > COUNT
    assert refused > COUNT
