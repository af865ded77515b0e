"""Ledger proofs: taken when something is final, kept with what they prove, and no burden to anything else."""

import pytest

from node.domain.document import peek_document
from node.domain.grant import Grant
from node.domain.proven_state import GrantStanding, ProvenState, open_ledger_proof
from node.errors import LedgerUnavailableError
from node.services import layout
from node.services.ledger_proofs import GIVE_UP_SECONDS, LOST
from node.services.transaction import Transaction
from tests.support.world import Shared, World
from tests.support.world_centre import Centre
from tests.support.world_faults import KilledError, kill_at
from tests.support.world_records import incoming
from tests.unit.services.test_upgrade import replace


def proof_from(world: World, centre: Centre, size: int) -> ProvenState:
    found = centre.services.ledger_proofs.for_anchor(size)
    assert found is not None
    return open_ledger_proof(found[1], world.descriptor)


def read_state(world: World, request: str, number: int) -> ProvenState:
    """Of the last block that is proven for a read."""
    proofs = world.reader.services.ledger_proofs.for_read(request, number)
    return open_ledger_proof(proofs[-1], world.descriptor)


def kept(centre: Centre) -> list[int]:
    keys = [key for key, _ in centre.store.scan(layout.ANCHOR_PROOF)]
    return [layout.from_number(key[len(layout.ANCHOR_PROOF) :]) for key in keys]


def waiting(centre: Centre) -> int:
    return len(list(centre.store.scan(b"lq/")))


def lost(centre: Centre) -> int:
    return Transaction(centre.store).counter(LOST)


def refuse_proofs(name: str) -> None:
    if name == "prove":
        raise LedgerUnavailableError("missing trie node")


async def test_an_anchor_with_records_is_proven_with_the_key_that_signed_it(lonely: World) -> None:
    lonely.home.records.append("c", 1, [incoming("a")])
    await lonely.settle()
    size = lonely.home.services.proving.anchored_size()
    state = proof_from(lonely, lonely.home, 1)
    anchor, member = state.anchor(lonely.home.name), state.member(lonely.home.name)
    row = lonely.home.services.projection.anchor(lonely.home.name, size)
    assert anchor is not None
    assert row is not None
    assert (anchor.size, anchor.root) == (size, row.root)
    assert (member.log_key, member.is_active) == (lonely.home.keys.log.public_key, True)
    block = lonely.chain.block(state.block.number)
    assert block is not None
    assert block.hash == state.block.hash


async def test_pure_cover_is_not_proven(lonely: World) -> None:
    lonely.home.records.append("c", 1, [incoming("a")])
    await lonely.settle()
    await lonely.settle()
    await lonely.settle()
    assert kept(lonely.home) == [4]
    lonely.home.records.append("c", 2, [incoming("b")])
    await lonely.settle()
    assert kept(lonely.home) == [4, 16]


async def test_a_record_takes_the_first_proof_at_or_beyond_its_place(lonely: World) -> None:
    for number in range(1, 3):
        lonely.home.records.append("c", number, [incoming(str(number))])
        await lonely.settle()
    proofs = lonely.home.services.ledger_proofs
    assert [proofs.for_anchor(size)[0] for size in (1, 4, 5, 8)] == [4, 4, 8, 8]
    assert proofs.for_anchor(9) is None


async def test_a_read_is_proven_at_the_reader_with_all_that_it_rested_on(
    world: World, shared: Shared
) -> None:
    reader = world.reader
    cursor = reader.services.projection.cursor()
    fetched = await reader.services.reading.fetch(shared.digest)
    assert cursor is not None
    assert not reader.services.ledger_proofs.for_read(shared.digest, fetched.number)
    world.revoke(shared.bidder, shared.token)
    await world.settle()
    state = read_state(world, shared.digest, fetched.number)
    assert state.block.number >= cursor.number
    grant = state.grant(bytes.fromhex(shared.bidder.scribe.grant_id(shared.token)))
    # as of the read, though it was revoked before the proof was taken
    expires = peek_document(shared.token, Grant).exp
    assert (grant.standing, grant.expires) == (GrantStanding.REGISTERED, expires)
    for centre in (world.home, reader):
        shown = state.member(centre.name)
        assert (shown.identity_key, shown.is_active) == (centre.keys.identity.public_key, True)
    anchor = state.anchor(world.home.name)
    assert anchor is not None
    assert world.home.services.projection.anchor(world.home.name, anchor.size) is not None


async def test_an_engine_that_gives_no_proofs_disturbs_nothing_and_is_asked_again(lonely: World) -> None:
    home = lonely.home
    home.ledger.before = refuse_proofs
    for number in range(1, 4):
        home.records.append("c", number, [incoming(str(number))])
        await lonely.settle()
    assert home.services.proving.final_through() == 3
    assert (kept(home), waiting(home), lost(home)) == ([], 3, 0)
    home.restart()
    await lonely.settle()
    # One proof serves all three.
    assert kept(home) == [12]
    assert (waiting(home), lost(home)) == (0, 0)


async def test_what_cannot_be_proven_for_a_day_is_counted_as_lost(lonely: World) -> None:
    home = lonely.home
    home.ledger.before = refuse_proofs
    home.records.append("c", 1, [incoming("a")])
    await lonely.settle()
    lonely.clock.advance(GIVE_UP_SECONDS)
    await lonely.settle()
    assert (waiting(home), lost(home)) == (0, 1)


async def test_an_engine_that_is_away_for_days_loses_nothing(lonely: World) -> None:
    home = lonely.home
    home.records.append("c", 1, [incoming("a")])
    home.services.publish()
    await home.services.sender.step()
    lonely.seal()
    await lonely.follow()
    lonely.chain.is_down = True
    lonely.clock.advance(3 * GIVE_UP_SECONDS)
    await lonely.settle(publish=False)
    assert (waiting(home), lost(home)) == (1, 0)
    lonely.chain.is_down = False
    await lonely.settle(publish=False)
    assert (kept(home), waiting(home), lost(home)) == ([4], 0, 0)


async def test_a_grant_revoked_while_its_state_could_not_be_had_is_counted_and_stops_no_other(
    world: World, shared: Shared
) -> None:
    reader = world.reader
    await reader.services.reading.fetch(shared.digest)
    world.revoke(shared.bidder, shared.token)
    at_read = reader.services.projection.cursor()

    original = type(reader.ledger).prove

    async def prove(block, storage):
        if block == at_read:
            raise LedgerUnavailableError("missing trie node")
        return await original(reader.ledger, block, storage)

    reader.ledger.prove = prove
    reader.records.append("c", 1, [incoming("a")])
    await world.settle()
    assert lost(reader) == 1
    assert waiting(reader) == 0
    assert kept(reader)
    assert not reader.services.ledger_proofs.for_read(shared.digest, 0)


async def test_a_node_killed_while_it_proves_proves_after_its_restart(lonely: World) -> None:
    home = lonely.home
    home.records.append("c", 1, [incoming("a")])
    home.ledger.before = kill_at("prove")
    with pytest.raises(KilledError):
        await lonely.settle()
    home.restart()
    await lonely.settle(publish=False)
    assert (kept(home), waiting(home)) == ([4], 0)


async def test_what_was_proven_by_a_block_that_is_gone_is_proven_again(lonely: World) -> None:
    home = lonely.home
    lonely.seal(3)
    home.records.append("c", 1, [incoming("a")])
    await lonely.settle()
    state = proof_from(lonely, home, 1)
    lonely.chain.reorganise(lonely.chain.head().number - state.block.number + 2)
    home.records.append("c", 2, [incoming("b")])
    await lonely.settle()
    await lonely.settle()
    for size in kept(home):
        block = proof_from(lonely, home, size).block
        canonical = lonely.chain.block(block.number)
        assert canonical is not None
        assert canonical.hash == block.hash
    assert home.services.ledger_proofs.for_anchor(8) is not None


async def test_facts_are_proven_through_contracts_that_were_replaced(world: World, shared: Shared) -> None:
    await replace(world, "Grants")
    await replace(world, "Anchors")
    reader = world.reader
    fetched = await reader.services.reading.fetch(shared.digest)
    await world.settle()
    state = read_state(world, shared.digest, fetched.number)
    assert len(state.contracts("Grants")) == len(state.contracts("Anchors")) == 2
    assert state.contract("Grants") == reader.services.alliance.contract("Grants")
    grant = bytes.fromhex(shared.bidder.scribe.grant_id(shared.token))
    assert state.grant(grant).standing is GrantStanding.REGISTERED
