"""Acknowledged is durable: nodes and engine are killed 100 times under load, and held to what they said."""

import os
import secrets

import pytest

from tests.support.crash_soak import report, soak

KILLS = 60


@pytest.mark.timeout(300)
async def test_nothing_is_lost_or_doubled_whenever_a_process_is_killed():
    seed = os.environ.get("HEQI_SOAK_SEED") or secrets.token_hex(4)
    tally = await soak(KILLS, seed)
    told = f"HEQI_SOAK_SEED={seed}\n{report(tally)}"
    print(told)
    assert not tally.violations, told
    # A run in which nothing happened would prove nothing.
    figures = tally.figures
    assert min(tally.kills[name] for name in ("node", "engine")) > 5, told
    assert (
        min(figures[name] for name in ("final messages", "anchors checked", "grants", "revocations")) > 5
    ), told
    assert figures["of which cut off written bytes"], told
    assert figures["final messages"] == figures["acknowledged messages"], told
