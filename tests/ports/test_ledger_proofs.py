"""What the contracts held, proven to strangers: on every ledger."""

import secrets
from collections.abc import Mapping, Sequence

import pytest

from node.domain.ledger import AnchorCheckpoint, Block, GrantTerms, RegisterGrant, RevokeGrant
from node.domain.ledger_ids import grant_id, revoke_grant_digest
from node.domain.ledger_proof import encode_ledger_proof, parse_ledger_proof, read_storage
from node.domain.proven_state import (
    ALLIANCE,
    ANCHORS,
    GRANTS,
    Facts,
    GrantStanding,
    ProvenAnchor,
    ProvenGrant,
    ProvenState,
    storage_of,
)
from node.errors import LedgerProofError, LedgerUnavailableError
from tests.support import ledger_worlds
from tests.support.ledger_worlds import FOUNDER_NAMES, Tree, World
from tests.support.ledgers import submit

FIRST, SECOND, _ = FOUNDER_NAMES

engine = ledger_worlds.engine
world = ledger_worlds.world


def book_of(world: World) -> Mapping[str, Sequence[bytes]]:
    return {name: [world.deployment.address_of(name)] for name in (ANCHORS, GRANTS)}


async def proven(world: World, facts: Facts, block: Block | None = None) -> ProvenState:
    ledger = world.ledger()
    alliance = world.deployment.address_of(ALLIANCE)
    wanted = storage_of(facts, alliance, book_of(world))
    proof = await ledger.prove(block or await ledger.head(), wanted)
    # As a stranger gets it: bytes, and what the descriptor says.
    shown = parse_ledger_proof(encode_ledger_proof(proof))
    codes = {name: one.code_hash for name, one in world.deployment.contracts.items()}
    return ProvenState(read_storage(shown), alliance, codes)


async def anchor(world: World, tree: Tree, count: int, who: str = FIRST) -> tuple[AnchorCheckpoint, Block]:
    call = tree.grow(count)
    outcome = await submit(world.ledger(who), call)
    return call, outcome.block


async def test_an_anchor_is_proven_with_size_root_and_time(world: World) -> None:
    call, block = await anchor(world, Tree(), 3)
    state = await proven(world, Facts(anchors=(FIRST, SECOND)), block)
    assert state.anchor(FIRST) == ProvenAnchor(call.size, call.root, block.time)
    assert state.anchor(SECOND) is None
    assert (state.block.number, state.block.hash, state.block.time) == (block.number, block.hash, block.time)


async def test_a_member_is_proven_with_its_keys(world: World) -> None:
    state = await proven(world, Facts(members=(FIRST, SECOND)))
    for member in world.members[:2]:
        shown = state.member(member.name)
        assert shown.identity_key == member.identity_key
        assert (shown.log_key, shown.account) == (member.log_key, member.account)
        assert (shown.is_active, shown.roles) == (True, member.roles)
        assert (shown.keys_version, shown.log_size) == (0, 0)


async def test_the_number_of_active_members_is_proven_with_any_member(world: World) -> None:
    assert (await proven(world, Facts(members=(FIRST,)))).active_members() == len(world.members)
    with pytest.raises(LedgerProofError, match="does not show"):
        (await proven(world, Facts(anchors=(FIRST,)))).active_members()


async def test_that_nobody_has_a_name_is_proven_too(world: World) -> None:
    state = await proven(world, Facts(members=("beijing",)))
    with pytest.raises(LedgerProofError, match="no member"):
        state.member("beijing")


async def test_a_grant_is_proven_in_each_of_its_states(world: World) -> None:
    ledger, revoker = world.ledger(), world.es256_key()
    now = await world.now()
    terms = GrantTerms(secrets.token_bytes(32), now + 600, now + 3_600, revoker.signer)
    grant = grant_id(world.alliance_id, terms)
    facts = Facts(grants=(grant,))
    before = await ledger.head()
    registered = (await submit(ledger, RegisterGrant(terms))).block
    digest = revoke_grant_digest(world.deployment.domain_of(GRANTS), grant)
    revoked = (await submit(ledger, RevokeGrant(terms, revoker.sign(digest)))).block
    assert (await proven(world, facts, before)).grant(grant) == ProvenGrant(GrantStanding.UNKNOWN, 0)
    assert (await proven(world, facts, registered)).grant(grant) == ProvenGrant(
        GrantStanding.REGISTERED, terms.expires
    )
    assert (await proven(world, facts, revoked)).grant(grant).standing is GrantStanding.REVOKED


async def test_the_contract_in_force_is_proven_from_the_alliance_alone(world: World) -> None:
    state = await proven(world, Facts(anchors=(FIRST,), grants=(bytes(32),)))
    for name in (ANCHORS, GRANTS):
        assert state.contract(name) == world.deployment.address_of(name)


async def test_what_is_not_shown_is_refused_and_not_zero(world: World) -> None:
    state = await proven(world, Facts(anchors=(FIRST,)))
    for ask in (
        lambda: state.anchor(SECOND),
        lambda: state.member(FIRST),
        lambda: state.grant(bytes(32)),
        lambda: state.contract("Subjects"),
    ):
        with pytest.raises(LedgerProofError, match="does not show"):
            ask()


async def test_a_block_that_is_not_the_chains_is_not_proven(world: World) -> None:
    ledger = world.ledger()
    head = await ledger.head()
    wanted = storage_of(Facts(members=(FIRST,)), world.deployment.address_of(ALLIANCE), book_of(world))
    for other in (Block(head.number, secrets.token_bytes(32), head.time), Block(10**6, head.hash, head.time)):
        with pytest.raises(LedgerUnavailableError):
            await ledger.prove(other, wanted)


async def test_no_proof_comes_from_an_engine_that_is_down(world: World) -> None:
    ledger = world.ledger(timeout_seconds=2)
    head = await ledger.head()
    world.go_down()
    try:
        with pytest.raises(LedgerUnavailableError):
            await ledger.prove(head, {world.deployment.address_of(ALLIANCE): []})
    finally:
        world.come_up()
