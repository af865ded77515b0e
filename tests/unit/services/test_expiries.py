"""What runs out is told in time, once per level, and never twice."""

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.services.expiries import Deadline, Expiries, Level, level_of
from tests.support.world import DAY, World
from tests.support.world_clock import WorldClock


@pytest.mark.parametrize(
    ("days", "level"),
    [
        (61, Level.FINE),
        (60, Level.FINE),
        (59.9, Level.NOTICE),
        (30, Level.NOTICE),
        (29.9, Level.WARNING),
        (7, Level.WARNING),
        (6.9, Level.URGENT),
        (0.1, Level.URGENT),
        (0, Level.EXPIRED),
        (-1, Level.EXPIRED),
    ],
)
def test_levels_are_at_60_30_and_7_days(days: float, level: Level) -> None:
    assert level_of(1e9 + days * DAY, 1e9) is level


@given(st.floats(0, 1e10), st.floats(0, 1e10), st.floats(0, 1e8), st.integers(1, 60))
def test_what_comes_nearer_never_sounds_less_urgent(
    expires: float, now: float, later: float, lead: int
) -> None:
    assert level_of(expires, now + later, lead) >= level_of(expires, now, lead)


def test_what_renews_itself_is_fine_until_it_did_not() -> None:
    assert level_of(3 * DAY, 0, lead_days=2) is Level.FINE
    assert level_of(1.9 * DAY, 0, lead_days=2) is Level.URGENT


def test_the_log_says_each_level_once_and_begins_again_after_a_renewal(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    clock, end = WorldClock(0), [100.0 * DAY]
    expiries = Expiries(clock, [lambda: [Deadline("the certificate", end[0])]])
    said = []
    for _ in range(102):
        caplog.clear()
        expiries.tell()
        expiries.tell()
        said += [(int(clock.now() // DAY), record.levelname) for record in caplog.records]
        clock.advance(DAY)
    assert said == [(41, "INFO"), (71, "WARNING"), (94, "ERROR"), (100, "ERROR")]
    end[0] = clock.now() + 5 * DAY
    caplog.clear()
    expiries.tell()
    assert "the certificate runs out in 5.0 days" in caplog.text


def test_the_status_lists_trust_anchors_nearest_first(lonely: World) -> None:
    home = lonely.home
    home.services.expiries.sources.append(lambda: [Deadline("leaf", lonely.clock.now() + DAY)])
    told = home.services.status.now().expiries
    assert [one.level for one in told] == [Level.URGENT, Level.FINE]
    assert told[0].what == "leaf"
    assert told[1].what.startswith("trust anchor ")
    assert [one.expires for one in told] == sorted(one.expires for one in told)
