"""Not there, sealed, not granted, another's: the same answer in bytes, in reads of the store, in signatures."""

import os
from collections.abc import Callable
from dataclasses import replace
from unittest.mock import patch

import pytest

from node.domain import document
from node.domain.category import Category, category
from node.domain.grant import Scope, open_grant
from node.errors import GrantMissingError
from node.services import showing
from node.wire.status import to_rpc_status
from tests.support.world import SCOPE, Shared, World
from tests.support.world_dishonest import read_request, resigned_grant

PERFORMANCE = (Scope("subject.performance", ("bid_amount",)),)
QUALIFICATION = (Scope("subject.qualification", ("level",)),)
Case = Callable[[World, Shared], tuple[str, str, str]]
"""Who asks, with which request and grant."""


def by_another(world: World, shared: Shared) -> tuple[str, str, str]:
    """Not granted: the grant is for another member."""
    return world.third.name, read_request(world, world.third, shared.token), shared.token


def one_field_more(world: World, shared: Shared) -> tuple[str, str, str]:
    """Not granted: of a record that is there."""
    scope = (Scope(SCOPE[0].category, tuple(sorted({*SCOPE[0].fields, "legal_representative"}))),)
    return world.reader.name, read_request(world, world.reader, shared.token, scope=scope), shared.token


def another_purpose(world: World, shared: Shared) -> tuple[str, str, str]:
    """Not granted: for this."""
    return (
        world.reader.name,
        read_request(world, world.reader, shared.token, purpose="marketing"),
        shared.token,
    )


def not_on_the_ledger(world: World, shared: Shared) -> tuple[str, str, str]:
    """Not granted: signed and held back."""
    token = resigned_grant(shared.bidder, shared.token, jti="A" * 22)
    return world.reader.name, read_request(world, world.reader, token), token


def nobody(world: World, shared: Shared) -> tuple[str, str, str]:
    """Not there: no such subject."""
    token = resigned_grant(shared.bidder, shared.token, iss=os.urandom(32).hex())
    return world.reader.name, read_request(world, world.reader, token), token


def no_record(world: World, shared: Shared) -> tuple[str, str, str]:
    """Not there: granted, and the subject never stated anything of the kind."""
    return (
        world.reader.name,
        read_request(world, world.reader, PERFORMANCE_TOKEN[0]),
        PERFORMANCE_TOKEN[0],
    )


def sealed(world: World, shared: Shared) -> tuple[str, str, str]:
    """There and granted, and sealed until an opening."""
    return (
        world.reader.name,
        read_request(world, world.reader, QUALIFICATION_TOKEN[0]),
        QUALIFICATION_TOKEN[0],
    )


PERFORMANCE_TOKEN: list[str] = []
QUALIFICATION_TOKEN: list[str] = []


@pytest.fixture
async def both(world: World, shared: Shared, monkeypatch: pytest.MonkeyPatch) -> Shared:
    """A subject without performance records, that granted its base, its performance and its qualifications.

    Qualifications are sealed here: of the shipped categories that a subject owns none is.
    """
    for scope, tokens in ((PERFORMANCE, PERFORMANCE_TOKEN), (QUALIFICATION, QUALIFICATION_TOKEN)):
        world.request(world.reader, shared.bidder, scope)
        await world.settle()
        tokens[:] = [world.grant(shared.bidder)]
        await world.settle()
    monkeypatch.setattr(showing, "category", _with_a_seal)
    return shared


def _with_a_seal(name: str) -> Category:
    kind = category(name)
    return replace(kind, sealed=frozenset({"level"})) if name == "subject.qualification" else kind


CASES: tuple[Case, ...] = (
    no_record,
    sealed,
    nobody,
    by_another,
    one_field_more,
    another_purpose,
    not_on_the_ledger,
)


def seen(world: World, caller: str, request: str, grant: str) -> tuple[object, list[str], int]:
    """The bytes of the refusal, what was asked of the store in order, and how many signatures were checked."""
    home, asked = world.home, []
    open_grant.cache_clear()
    home.store.before = asked.append
    try:
        with (
            patch.object(document, "verify_p256", wraps=document.verify_p256) as verify,
            pytest.raises(GrantMissingError) as refusal,
        ):
            home.serving.read(caller, request, grant)
    finally:
        home.store.before = lambda _: None
    status = to_rpc_status(refusal.value)
    return (status.code, status.details, status.trailing_metadata), asked, verify.call_count


async def test_what_is_not_there_and_what_is_not_granted_are_the_same_from_outside(
    world: World, both: Shared
) -> None:
    seen(world, *no_record(world, both))  # what is remembered from block to block
    found = {case.__name__: seen(world, *case(world, both)) for case in CASES}
    for name, outside in found.items():
        assert outside == found["no_record"], name


async def test_a_refused_read_leaves_nothing(world: World, both: Shared) -> None:
    before = dict(world.home.store.inner._values)
    for case in CASES:
        seen(world, *case(world, both))
    assert world.home.store.inner._values == before
