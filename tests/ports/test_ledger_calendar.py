"""The working days that the members vote, the same on every ledger."""

from datetime import UTC, datetime

from node.domain.alliance_life import CalendarSet, ProposeCalendar
from node.domain.calendar import WorkingYear, working_year
from node.domain.ledger import Action, CastVote, ProposalMade
from tests.support import ledger_worlds
from tests.support.ledger_worlds import World, assert_refused
from tests.support.ledgers import submit

engine, world = ledger_worlds.engine, ledger_worlds.world


async def test_a_year_is_proposed_voted_on_and_reported(world: World) -> None:
    now = await world.now()
    year = working_year(datetime.fromtimestamp(now, UTC).year + 1, holidays=frozenset(), worked=frozenset())
    proposal = ProposeCalendar(year, now + 3600)
    await submit(world.ledger("hangzhou"), proposal)
    (made,) = await world.happenings(ProposalMade)
    assert (made.action, made.about, made.entry) == (Action.SET_CALENDAR, str(year.year), year.words)
    assert made.detail == f"{len(year.days())} working days"
    assert await world.happenings(CalendarSet) == []
    await submit(world.ledger("nanjing"), CastVote(1, True))
    assert await world.happenings(CalendarSet) == [CalendarSet(year)]
    await assert_refused(world, "hangzhou", proposal, "CalendarUnchanged")
    empty = ProposeCalendar(WorkingYear.of(year.year, 0, 0), now + 3600)
    await assert_refused(world, "hangzhou", empty, "CalendarMalformedYear")
    over = ProposeCalendar(working_year(2025, holidays=frozenset(), worked=frozenset()), now + 3600)
    await assert_refused(world, "hangzhou", over, "CalendarUnchanged")
