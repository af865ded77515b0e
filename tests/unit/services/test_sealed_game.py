"""Two worlds that differ in who bids, how many, for what and with which bank look the same before the opening.

`make game` plays often, also worlds where guarantees are issued in the open, which must be told apart.
"""

import os
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import pytest
import pytest_asyncio

from tests.support.sealed_game import (
    ANOTHER,
    BUSY,
    CODE_SERVICE,
    ELSEWHERE,
    FEW,
    MANY,
    RESERVE,
    Secret,
    play,
)
from tests.support.sealed_views import Views, numbers, without
from tests.support.telling_apart import p_values
from tests.support.world_guarantees import BANK, INSURER

pytestmark = pytest.mark.asyncio(loop_scope="module")
RUNS = int(os.environ.get("HEQI_GAME_RUNS", "0"))
often = pytest.mark.skipif(not RUNS, reason="many worlds: make game")
FALSE_ALARM = 1 / 5_000
"""Of one test. A game makes 69: at most one of 70 games between worlds that look alike fails."""
SPLITS = 19_999


class Adversary(NamedTuple):
    """Who holds one node."""

    name: str
    is_trusted_centre: bool = False
    """Of a tender that the worlds differ in: all but its code service."""

    def sees(self, views: Views) -> tuple[Views, Sequence[bytes]]:
        """What it takes, and the families of rows that are not its."""
        if not self.is_trusted_centre:
            return views, ()
        others = [one for one in views.messages if (one.receiver, one.call) != (self.name, RESERVE)]
        return replace(views, messages=others), CODE_SERVICE


WHOLE = tuple(map(Adversary, ("hangzhou", "wuxi", "shanghai")))
"""A home that holds shares of both openings, a home, and a member that is neither home nor centre."""
CENTRES = (Adversary("nanjing", is_trusted_centre=True), Adversary("suzhou", is_trusted_centre=True))
GAMES = {
    "how many": (FEW, MANY, (*WHOLE, *CENTRES, Adversary(BANK))),
    "who": (FEW, ANOTHER, (*WHOLE, *CENTRES)),
    "how many, the second guarantor": (ANOTHER, BUSY, (*WHOLE, *CENTRES, Adversary(INSURER))),
    "for another centre's tender": (ANOTHER, ELSEWHERE, (*WHOLE, Adversary("nanjing"), CENTRES[1])),
}
"""What differs, two worlds, and all nodes but those that know it: the tender's code service, the chosen bank."""


def view_of(views: Views, adversary: Adversary) -> dict[str, Any]:
    seen, left_out = adversary.sees(views)
    return without(seen.of(adversary.name), left_out)


def differences(one: Views, other: Views, adversary: Adversary) -> dict[str, Any]:
    """What differs between two worlds for whoever holds a node, the noise of proofs apart."""
    first, second = view_of(one, adversary), view_of(other, adversary)
    return {
        what: (first[what], second[what])
        for what in first.keys() - {"proof bytes"}
        if first[what] != second[what]
    }


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def worlds() -> list[tuple[Secret, Views]]:
    """Each once."""
    return [(secret, await play(secret)) for secret in (FEW, MANY, ANOTHER, BUSY, ELSEWHERE)]


@pytest.mark.parametrize("game", GAMES)
async def test_one_node_and_the_chain_see_the_same_whoever_bids(
    worlds: list[tuple[Secret, Views]], game: str
) -> None:
    """A bank has the same customers in both; for which tender, and who else bids, it does not see."""
    one, other, adversaries = GAMES[game]
    first, second = (next(views for secret, views in worlds if secret is this) for this in (one, other))
    for adversary in adversaries:
        assert differences(first, second, adversary) == {}, adversary
    assert len(first.entropy) == len(second.entropy)
    for views, secret in ((first, one), (second, other)):
        came = Counter((message.receiver, message.call) for message in views.messages if not message.sender)
        wanted = [place for by in secret.applications for place in ((by.centre, RESERVE), (by.bank, "apply"))]
        assert {place: count for place, count in came.items() if place[1] != "collect"} == Counter(wanted)


async def test_a_home_sees_that_a_bank_reads_a_customer_only_when_it_comes() -> None:
    """What the threat model says of it: an engine's host, and the home, see a read that was not made before."""
    few, many = await play(FEW, known=False), await play(MANY, known=False)
    assert few.queries[BANK, "prove"] == many.queries[BANK, "prove"]
    assert few.queries[INSURER, "prove"] < many.queries[INSURER, "prove"]
    for home in ("hangzhou", "wuxi"):
        assert "calls" in differences(few, many, Adversary(home))


async def test_whoever_runs_an_engine_that_others_use_sees_when_a_bank_records_and_no_more(
    worlds: list[tuple[Secret, Views]],
) -> None:
    """One proof for a log period in which anything was issued, however much: and no read of a customer it knows."""
    for secret, views in worlds:
        issuing = {one.bank for one in secret.applications}
        assert {bank: views.queries[bank, "prove"] for bank in (BANK, INSURER)} == {
            bank: int(bank in issuing) for bank in (BANK, INSURER)
        }


async def runs(secret: Secret, *, sealed: bool = True) -> list[Views]:
    return [await play(secret, sealed=sealed) for _ in range(RUNS)]


def told_apart(one: Sequence[Views], other: Sequence[Views], adversary: Adversary) -> dict[str, float]:
    counted = []
    for those in (one, other):
        seen = [adversary.sees(views) for views in those]
        counted.append([numbers(views, adversary.name, left_out) for views, left_out in seen])
    return p_values(*counted, SPLITS, random.Random(adversary.name))  # repeatable


@often
@pytest.mark.timeout(7_200)
async def test_over_many_runs_no_adversary_does_better_than_chance() -> None:
    played = {id(secret): await runs(secret) for secret in (FEW, MANY, ANOTHER, BUSY, ELSEWHERE)}
    found = {
        f"{game}: {adversary.name}": told_apart(played[id(one)], played[id(other)], adversary)
        for game, (one, other, adversaries) in GAMES.items()
        for adversary in adversaries
    }
    print(*(f"{name}: {p}" for name, p in found.items()), sep="\n")
    assert not {name: p for name, p in found.items() if min(p.values()) < FALSE_ALARM}


@often
@pytest.mark.timeout(7_200)
async def test_the_game_tells_guarantees_apart_that_are_issued_in_the_open() -> None:
    few, many = await runs(FEW, sealed=False), await runs(MANY, sealed=False)
    for adversary in GAMES["how many"][2]:
        assert differences(few[0], many[0], adversary)
        assert max(told_apart(few, many, adversary).values()) <= 1 / (SPLITS + 1), adversary


# -- the test of the test ------------------------------------------------------------------------------


def made(count: int, chance: random.Random, leak: float = 0.0) -> list[dict[str, float]]:
    """Runs of ten noisy numbers; one of them is larger by one in so many of the runs."""
    found = []
    for _ in range(count):
        run: dict[str, float] = {f"n{place}": chance.choice((70, 71, 71, 72)) for place in range(10)}
        run["n3"] += chance.random() < leak
        run["constant"] = 5.0
        found.append(run)
    return found


async def test_worlds_that_look_alike_are_told_apart_no_oftener_than_is_said() -> None:
    chance, alarms = random.Random(4), 0
    for _ in range(100):
        found = p_values(made(12, chance), made(12, chance), 99, chance)
        alarms += sum(p <= 0.05 for p in found.values())
    assert alarms <= 35, "of 300, where 15 are to be expected"


async def test_a_byte_more_in_most_runs_is_found() -> None:
    chance = random.Random(5)
    found = p_values(made(80, chance), made(80, chance, leak=0.9), 4_999, chance)
    assert found["larger"] <= FALSE_ALARM


async def test_what_only_two_numbers_tell_together_is_found() -> None:
    chance = random.Random(6)
    pairs = [[chance.random() for _ in range(40)] for _ in range(2)]
    alike = [{"a": value, "b": value} for value in pairs[0]]
    opposed = [{"a": value, "b": 1 - value} for value in pairs[1]]
    assert p_values(alike, opposed, 4_999, chance)["together"] <= FALSE_ALARM
    assert p_values([{"a": 1.0}] * 5, [{"a": 1.0}] * 5, 9, chance) == dict.fromkeys(
        ("larger", "spread", "together"), 1.0
    )
