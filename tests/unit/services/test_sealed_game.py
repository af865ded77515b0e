"""Two worlds that differ in who bids, how many, for what and with which bank look the same before the opening.

`make game` plays often, also worlds where guarantees are issued in the open, which must be told apart.
"""

import os
import random
from collections.abc import Sequence
from typing import Any

import pytest
import pytest_asyncio

from tests.support.sealed_game import ANOTHER, CODE_SERVICE, FEW, MANY, Secret, play
from tests.support.sealed_views import Views, numbers, without
from tests.support.telling_apart import p_values
from tests.support.world_guarantees import BANK, INSURER

pytestmark = pytest.mark.asyncio(loop_scope="module")
RUNS = int(os.environ.get("HEQI_GAME_RUNS", "0"))
often = pytest.mark.skipif(not RUNS, reason="many worlds: make game")
MEMBERS = ("shanghai", "wuxi", "suzhou", "nanjing")
"""A holder of shares of both openings, one of one, and the two centres of the tenders, without their code service."""
FALSE_ALARM = 1 / 2_000
"""Of one test. A game makes 27: at most one of 70 games between worlds that look alike fails."""
SPLITS = 9_999


def left_out(name: str) -> Sequence[bytes]:
    return () if name == BANK else CODE_SERVICE


def views_of(views: Views, name: str) -> dict[str, Any]:
    return without(views.of(name), left_out(name))


def differences(one: Views, other: Views, name: str) -> dict[str, Any]:
    """What differs between two worlds for whoever holds a node, the noise of proofs apart."""
    first, second = views_of(one, name), views_of(other, name)
    return {
        what: (first[what], second[what])
        for what in first.keys() - {"proof bytes"}
        if first[what] != second[what]
    }


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pair() -> tuple[Views, Views]:
    """A world with one bidder and one with four."""
    return await play(FEW), await play(MANY)


async def test_one_node_and_the_chain_see_the_same_whoever_bids(pair: tuple[Views, Views]) -> None:
    """The bank has the same customer in both; for which tender, and who else bids, it does not see."""
    few, many = pair
    for name in (*MEMBERS, BANK):
        assert differences(few, many, name) == {}, name
    assert len(few.entropy) == len(many.entropy)
    assert {one.call for one in few.messages if BANK in {one.sender, one.receiver}} >= {
        "apply",
        "read",
        "collect",
    }
    assert [one for one in many.messages if one.receiver == INSURER and not one.sender], "others do bid"


async def runs(secret: Secret, *, sealed: bool = True) -> list[Views]:
    return [await play(secret, sealed=sealed) for _ in range(RUNS)]


def told_apart(one: Sequence[Views], other: Sequence[Views], name: str) -> dict[str, float]:
    counted = ([numbers(views, name, left_out(name)) for views in those] for those in (one, other))
    return p_values(*counted, SPLITS, random.Random(name))  # repeatable


@often
@pytest.mark.timeout(7_200)
async def test_over_many_runs_no_adversary_does_better_than_chance() -> None:
    few, many, another = await runs(FEW), await runs(MANY), await runs(ANOTHER)
    found = {f"how many: {name}": told_apart(few, many, name) for name in (*MEMBERS, BANK)}
    found |= {f"who: {name}": told_apart(few, another, name) for name in MEMBERS}
    print(*(f"{name}: {p}" for name, p in found.items()), sep="\n")
    assert not {name: p for name, p in found.items() if min(p.values()) < FALSE_ALARM}


@often
@pytest.mark.timeout(7_200)
async def test_the_game_tells_guarantees_apart_that_are_issued_in_the_open() -> None:
    few, many = await runs(FEW, sealed=False), await runs(MANY, sealed=False)
    for name in (*MEMBERS, BANK):
        assert differences(few[0], many[0], name)
        assert max(told_apart(few, many, name).values()) <= 1 / (SPLITS + 1), name


async def test_whoever_runs_an_engine_that_others_use_sees_which_of_them_read(
    pair: tuple[Views, Views],
) -> None:
    """What the threat model says of it."""
    few, many = pair
    asked = [(views.queries[BANK, "prove"], views.queries[INSURER, "prove"]) for views in (few, many)]
    assert asked[0][0] == asked[1][0]
    assert asked[0][1] < asked[1][1]


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
    found = p_values(made(80, chance), made(80, chance, leak=0.9), 1_999, chance)
    assert found["larger"] < FALSE_ALARM * 2


async def test_what_only_two_numbers_tell_together_is_found() -> None:
    chance = random.Random(6)
    pairs = [[chance.random() for _ in range(40)] for _ in range(2)]
    alike = [{"a": value, "b": value} for value in pairs[0]]
    opposed = [{"a": value, "b": 1 - value} for value in pairs[1]]
    assert p_values(alike, opposed, 1_999, chance)["together"] < FALSE_ALARM * 2
    assert p_values([{"a": 1.0}] * 5, [{"a": 1.0}] * 5, 9, chance) == dict.fromkeys(
        ("larger", "spread", "together"), 1.0
    )
