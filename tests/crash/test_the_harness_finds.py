"""The harness must be able to fail: nodes on stores that are broken on purpose are found out."""

import pytest

from tests.support.crash_soak import report, soak

_KILLS = 60


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("store", "rules"),
    [
        # Acknowledged, not synced: gone when the power goes.
        ("unsynced", {"MISSING"}),
        # Acknowledged, never written.
        ("dropping", {"MISSING", "SEQUENCE", "REFUSED", "OUTBOX", "DOUBLED"}),
        # Written in halves: a kill leaves one of them, and the node may find that out itself and not start.
        ("splitting", {"BROKEN", "FOREIGN", "INDEX", "DOUBLED", "SHRANK", "OUTBOX", "STOPPED"}),
    ],
)
async def test_a_broken_store(store, rules):
    tally = await soak(_KILLS, f"broken/{store}", store=store)
    assert rules & {rule for rule, _ in tally.violations}, report(tally)
