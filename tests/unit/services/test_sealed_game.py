"""Two worlds that differ in who bids, how many, for what and with which bank look the same before the opening.

`make game` plays often, also worlds where guarantees are issued in the open, which must be told apart.
"""

import math
import os
from collections.abc import Sequence
from typing import Any

import pytest

from tests.support.sealed_game import CODE_SERVICE, FEW, MANY, Secret, Views, accuracy, numbers, play, without
from tests.support.world_guarantees import BANK

pytestmark = pytest.mark.asyncio
RUNS = int(os.environ.get("HEQI_GAME_RUNS", "0"))
often = pytest.mark.skipif(not RUNS, reason="many worlds: make game")
MEMBERS = ("shanghai", "wuxi", "suzhou", "nanjing")
"""A holder of shares of both openings, one of one, and the two centres of the tenders, without their code service."""


def views_of(views: Views, name: str) -> dict[str, Any]:
    seen = views.of(name)
    return seen if name == BANK else without(seen, CODE_SERVICE)


def differences(one: Views, other: Views, name: str) -> dict[str, Any]:
    """What differs between two worlds for whoever holds a node, the noise of proofs apart."""
    first, second = views_of(one, name), views_of(other, name)
    return {
        what: (first[what], second[what])
        for what in first.keys() - {"proof bytes"}
        if first[what] != second[what]
    }


async def test_one_node_and_the_chain_see_the_same_whoever_bids() -> None:
    """The bank has the same customer in both; for which tender, and who else bids, it does not see."""
    few, many = await play(FEW), await play(MANY)
    for name in (*MEMBERS, BANK):
        assert differences(few, many, name) == {}, name
    assert len(few.entropy) == len(many.entropy)


async def runs(secret: Secret, *, sealed: bool = True) -> list[Views]:
    return [await play(secret, sealed=sealed) for _ in range(RUNS)]


def told_apart(one: Sequence[Views], other: Sequence[Views], name: str) -> float:
    return accuracy(
        [numbers(views_of(views, name), views.entropy) for views in one],
        [numbers(views_of(views, name), views.entropy) for views in other],
    )


@often
@pytest.mark.timeout(7_200)
async def test_over_many_runs_no_adversary_does_better_than_chance() -> None:
    few, many = await runs(FEW), await runs(MANY)
    guesses = 2 * (RUNS - RUNS // 2)
    # Five adversaries, each better than this by luck in one of 30,000 games.
    chance = 0.5 + 4 * math.sqrt(0.25 / guesses)
    for name in (*MEMBERS, BANK):
        assert told_apart(few, many, name) <= chance, name


@often
@pytest.mark.timeout(7_200)
async def test_the_game_tells_guarantees_apart_that_are_issued_in_the_open() -> None:
    few, many = await runs(FEW, sealed=False), await runs(MANY, sealed=False)
    for name in (*MEMBERS, BANK):
        assert differences(few[0], many[0], name)
        assert told_apart(few, many, name) == 1.0, name
