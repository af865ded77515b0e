"""What every ledger must do, on every ledger: in memory, the embedded engine, Anvil.

The last two are real processes behind the same adapter; `test_ledger_rules` has the contracts' rules.
"""

import secrets

import pytest

from node.domain.ledger import (
    Action,
    Anchored,
    CastVote,
    ChangeController,
    CreateSubject,
    GrantTerms,
    GuaranteeStep,
    GuaranteeTerms,
    IssueGuarantee,
    MemberAdmitted,
    ProposeStanding,
    RegisterGrant,
    RevokeGrant,
    Signed,
    StepGuarantee,
    UpdateEndpoints,
    VoteCast,
)
from node.errors import LedgerUnavailableError, NonceTakenError
from tests.support import ledger_worlds
from tests.support.ledger_worlds import FOUNDER_NAMES, Tree, World, assert_refused
from tests.support.ledgers import new_account_key, submit, wait_for_outcome

FIRST = FOUNDER_NAMES[0]

engine = ledger_worlds.engine
world = ledger_worlds.world


async def terms_of(world: World, revoker: bytes, *, lifetime: int = 3_600) -> GrantTerms:
    now = await world.now()
    return GrantTerms(secrets.token_bytes(32), now + 600, now + lifetime, revoker)


# -- reading -------------------------------------------------------------------------------------------


async def test_founders_are_reported_in_order(world: World) -> None:
    assert await world.happenings(MemberAdmitted) == [MemberAdmitted(member) for member in world.members]
    first = (await world.events())[0]
    assert first.block == world.deployment.block


async def test_events_come_in_order_and_in_the_range_asked_for(world: World) -> None:
    ledger, tree = world.ledger(), Tree()
    outcomes = [await submit(ledger, tree.grow(size)) for size in (1, 2, 3)]
    blocks = [outcome.block.number for outcome in outcomes]
    events = await ledger.events(blocks[0], blocks[-1])
    assert [event.happening.size for event in events] == [1, 3, 6]
    assert [event.block for event in events] == sorted(blocks)
    assert [one.happening.size for one in await ledger.events(blocks[1], blocks[1])] == [3]
    assert await ledger.events(blocks[-1] + 1, blocks[-1] + 50) == []


async def test_blocks_are_found_by_number(world: World) -> None:
    ledger = world.ledger()
    head = await ledger.head()
    assert await ledger.block(head.number) == head
    genesis = await ledger.block(0)
    assert genesis is not None
    assert genesis.hash == world.deployment.genesis_hash
    assert await ledger.block(head.number + 1_000) is None


# -- sending -------------------------------------------------------------------------------------------


async def test_dry_run_names_the_problem_and_spends_nothing(world: World) -> None:
    await assert_refused(world, FIRST, CastVote(99, True), "AllianceUnknownProposal")


async def test_the_same_transaction_sent_twice_has_its_effect_once(world: World) -> None:
    ledger, call = world.ledger(), Tree().grow(1)
    signed = await ledger.sign(call, await ledger.next_nonce())
    await ledger.send(signed)
    await ledger.send(signed)
    outcome = await wait_for_outcome(ledger, signed.hash)
    await ledger.send(signed)
    assert outcome.succeeded
    assert await ledger.outcome(signed.hash) == outcome
    assert await world.happenings(Anchored) == [Anchored(FIRST, 1, call.root)]
    assert await ledger.next_nonce() == signed.nonce + 1


async def test_signing_is_repeatable(world: World) -> None:
    ledger, call = world.ledger(), Tree().grow(1)
    assert await ledger.sign(call, 7) == await ledger.sign(call, 7)


async def test_a_taken_nonce_is_told(world: World) -> None:
    ledger, tree = world.ledger(), Tree()
    nonce = await ledger.next_nonce()
    await submit(ledger, tree.grow(1))
    rival = await ledger.sign(tree.grow(1), nonce)
    with pytest.raises(NonceTakenError):
        await ledger.send(rival)
    assert await ledger.outcome(rival.hash) is None


async def test_outcome_of_an_unsent_transaction_is_none(world: World) -> None:
    ledger = world.ledger()
    signed = await ledger.sign(Tree().grow(1), await ledger.next_nonce())
    assert await ledger.outcome(signed.hash) is None


async def test_a_refused_call_that_is_sent_anyway_fails_and_uses_its_nonce(world: World) -> None:
    ledger = world.ledger()
    signed = await ledger.sign(CastVote(99, True), await ledger.next_nonce())
    await ledger.send(signed)
    outcome = await wait_for_outcome(ledger, signed.hash)
    assert not outcome.succeeded
    assert await ledger.next_nonce() == signed.nonce + 1
    assert await world.happenings(VoteCast) == []


async def test_a_stranger_may_call_nothing(world: World) -> None:
    stranger, key = new_account_key(), world.es256_key()
    terms = await terms_of(world, key.signer)
    guarantee = GuaranteeTerms(bytes(32), bytes(32), terms.expires, FIRST, *[bytes(32)] * 4, 5)
    step = GuaranteeStep(bytes(32), 2, bytes(32), 2, bytes(32))
    for call, problem in [
        (Tree().grow(1), "AnchorsNotMember"),
        (CreateSubject(bytes(32), key.signer), "SubjectsNotMember"),
        (ChangeController(bytes(32), b"", key.signer, key.signer, bytes(64)), "SubjectsNotMember"),
        (RegisterGrant(terms), "GrantsNotMember"),
        (RevokeGrant(terms, bytes(64)), "GrantsNotMember"),
        (IssueGuarantee(guarantee, bytes(64)), "GuaranteesNotMember"),
        (StepGuarantee(step, Signed(key.signer, bytes(64))), "GuaranteesNotMember"),
        (CastVote(1, True), "AllianceNotMember"),
        (UpdateEndpoints("a:1", "b:2"), "AllianceNotMember"),
        (ProposeStanding(Action.SUSPEND, FIRST, await world.now() + 60), "AllianceNotMember"),
    ]:
        await assert_refused(world, stranger, call, problem)


# -- when it is down -----------------------------------------------------------------------------------


async def test_an_engine_that_is_down_is_told_and_found_again(world: World) -> None:
    ledger, tree = world.ledger(), Tree()
    await submit(ledger, tree.grow(1))
    before = await ledger.head()
    second = await ledger.sign(tree.grow(1), await ledger.next_nonce())
    hasty = world.ledger(timeout_seconds=0.5)
    world.go_down()
    try:
        for attempt in (hasty.head, hasty.next_nonce, lambda: hasty.send(second)):
            with pytest.raises(LedgerUnavailableError):
                await attempt()
    finally:
        world.come_up()
    assert await ledger.block(before.number) == before
    await ledger.send(second)
    assert (await wait_for_outcome(ledger, second.hash)).succeeded
    assert [event.size for event in await world.happenings(Anchored)] == [1, 2]
