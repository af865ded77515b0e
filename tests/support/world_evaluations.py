"""Credit evaluations in a world: what an authority's system hands in at a bidder's home, and waivers of them."""

from datetime import timedelta
from typing import Any

from node.domain.section import day_at
from node.domain.waiver import EVALUATION_CATEGORY, WaiverRule
from node.wallet.waivers import Tender, sign_waiver
from tests.support.world import DAY, World
from tests.support.world_bidder import Bidder
from tests.support.world_centre import Centre
from tests.support.world_records import incoming

EVALUATOR, SCALE, SECTION = "虚构市水利局", "虚构省水利建设市场主体信用评价", "GC-2026-001-1"
SECRETS = {"score": "97.31", "document_number": "虚构水〔2026〕17号", "evaluator_code": "12350100MB02709751"}
"""What an evaluation says besides the grade."""


def graded_fields(code: str, now: float) -> dict[str, Any]:
    """What an evaluation of a company says, but for its name."""
    today = day_at(now)
    return {
        "evaluator_name": EVALUATOR,
        "scale": SCALE,
        "grade": "AAA",
        "body_code": code,
        "valid_from": str(today - timedelta(days=30)),
        "valid_until": str(today + timedelta(days=300)),
        "status": "in_force",
    }


def graded(
    world: World, bidder: Bidder, *, thing: str = "e-1", at: Centre | None = None, **changes: Any
) -> int:
    """The authority's system hands in an evaluation, or the next version of one; its position."""
    home = at or bidder.registered_at
    fields = {
        **graded_fields(bidder.code, world.clock.now()),
        "body_name": bidder.organisation,
        **SECRETS,
        **changes,
    }
    records = home.services.records
    about = {"category": EVALUATION_CATEGORY, "owner": bidder.subject, "fields": fields}
    accepted = records.append("authority", records.last_sequence("authority") + 1, [incoming(thing, **about)])
    assert accepted.parked == 0, [row.message for _, row in home.services.parking.rows()]
    return accepted.first


async def evaluated(world: World, home: Centre | None = None, **changes: Any) -> Bidder:
    """A registered company with an evaluation that is final at its home."""
    bidder = world.bidder()
    world.register(bidder, home)
    await world.settle()
    graded(world, bidder, **changes)
    await world.settle()
    return bidder


def exported(bidder: Bidder) -> bytes:
    """The evidence of its newest evaluation, as the wallet keeps it."""
    home = bidder.registered_at
    found = home.services.exporting.registration(bidder.scribe.export(home.name))
    [one] = [one.evidence for one in found if one.header.category == EVALUATION_CATEGORY]
    return one


def waiver(world: World, bidder: Bidder, centre: Centre, **changes: Any) -> str:
    """The bidder's waiver for a section whose bids are opened tomorrow."""
    said = {"section": SECTION, "opening": int(world.clock.now()) + DAY, "days": 90, **changes}
    tender = Tender(said.get("centre", centre.name), said["section"], said["opening"])
    return sign_waiver(
        changes.get("scribe", bidder.scribe),
        tender,
        changes.get("delegation", bidder.delegation),
        changes.get("evidence") or exported(bidder),
        said["opening"] + said["days"] * DAY,
    ).token


def rule(*recorders: str, **changes: Any) -> WaiverRule:
    """What the tender waives: all for AAA, half for AA."""
    values = {"evaluator": EVALUATOR, "scale": SCALE, "shares": (("AAA", 100), ("AA", 50)), **changes}
    return WaiverRule(recorders=recorders, **values)
