"""What every ledger must do, on every ledger: in memory, the embedded engine, Anvil.

The last two are real processes behind the same adapter. Anvil has no P-256 precompile under cancun, so the
contracts' own check runs there.
"""

import os
import secrets
from collections.abc import AsyncIterator, Iterator

import pytest

from node.domain.ledger import (
    Action,
    AnchorCheckpoint,
    Anchored,
    CastVote,
    ChangeController,
    ControllerChanged,
    CreateSubject,
    EndpointsUpdated,
    GrantRegistered,
    GrantRevoked,
    GrantTerms,
    MemberAdmitted,
    MemberStanding,
    ProposalMade,
    ProposalPassed,
    ProposeAdmission,
    ProposeStanding,
    RegisterGrant,
    RevokeGrant,
    SubjectCreated,
    UpdateEndpoints,
    VoteCast,
)
from node.domain.ledger_ids import change_controller_digest, grant_id, revoke_grant_digest, subject_id
from node.domain.merkle import consistency_proof, grow, leaf_hash, root_hash
from node.errors import LedgerRefusedError, LedgerUnavailableError, NonceTakenError
from tests.support.ledger_worlds import FOUNDER_NAMES, World, new_world, running_engine
from tests.support.ledgers import (
    AnvilEngine,
    EmbeddedEngine,
    missing_anvil,
    new_account_key,
    new_member,
    submit,
    wait_for_outcome,
)

FIRST, SECOND, THIRD = FOUNDER_NAMES
Engine = EmbeddedEngine | AnvilEngine | None


@pytest.fixture(scope="module", params=["memory", "embedded", "anvil"])
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    reason = missing_anvil() if request.param == "anvil" else None
    if reason is not None:
        if os.environ.get("HEQI_REQUIRE_ALL") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    with running_engine(request.param, tmp_path_factory.mktemp("engine")) as started:
        yield started


@pytest.fixture
async def world(engine: Engine) -> AsyncIterator[World]:
    world = new_world(engine)
    await world.found()
    yield world
    await world.close()


class Tree:
    """A Merkle tree of random leaves."""

    def __init__(self) -> None:
        self.size = 0
        self._nodes: dict[tuple[int, int], bytes] = {}

    def grow(self, count: int) -> AnchorCheckpoint:
        """The anchor for `count` leaves more."""
        old_size = self.size
        leaves = [leaf_hash(secrets.token_bytes(8)) for _ in range(count)]
        for level, index, value in grow(old_size, leaves, self._read):
            self._nodes[level, index] = value
        self.size += count
        proof = consistency_proof(old_size, self.size, self._read) if old_size else []
        return AnchorCheckpoint(self.size, root_hash(self.size, self._read), tuple(proof))

    def _read(self, level: int, index: int) -> bytes:
        return self._nodes[level, index]


async def terms_of(world: World, revoker: bytes, *, lifetime: int = 3_600) -> GrantTerms:
    now = await world.now()
    return GrantTerms(secrets.token_bytes(32), now + 600, now + lifetime, revoker)


async def assert_refused(world: World, who: object, call: object, problem: str) -> None:
    ledger = world.ledger(who)
    nonce = await ledger.next_nonce()
    with pytest.raises(LedgerRefusedError) as refusal:
        await ledger.dry_run(call)
    assert refusal.value.problem == problem
    assert await ledger.next_nonce() == nonce


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
    for call, problem in [
        (Tree().grow(1), "AnchorsNotMember"),
        (CreateSubject(bytes(32), key.signer), "SubjectsNotMember"),
        (ChangeController(bytes(32), key.signer, bytes(64)), "SubjectsNotMember"),
        (RegisterGrant(terms), "GrantsNotMember"),
        (RevokeGrant(terms, bytes(64)), "GrantsNotMember"),
        (CastVote(1, True), "AllianceNotMember"),
        (UpdateEndpoints("a:1", "b:2"), "AllianceNotMember"),
        (ProposeStanding(Action.SUSPEND, FIRST, await world.now() + 60), "AllianceNotMember"),
    ]:
        await assert_refused(world, stranger, call, problem)


# -- anchors -------------------------------------------------------------------------------------------


async def test_a_log_grows_by_consistent_anchors(world: World) -> None:
    ledger, tree = world.ledger(), Tree()
    calls = [tree.grow(size) for size in (3, 5, 8, 1, 300)]
    for call in calls:
        assert (await submit(ledger, call)).succeeded
    assert await world.happenings(Anchored) == [Anchored(FIRST, call.size, call.root) for call in calls]


async def test_a_rewritten_log_is_refused(world: World) -> None:
    ledger, tree, forged = world.ledger(), Tree(), Tree()
    await submit(ledger, tree.grow(5))
    forged.grow(5)
    await assert_refused(world, FIRST, forged.grow(3), "AnchorsInconsistent")
    honest = tree.grow(3)
    await assert_refused(world, FIRST, AnchorCheckpoint(honest.size, honest.root, ()), "AnchorsInconsistent")
    await assert_refused(
        world, FIRST, AnchorCheckpoint(5, honest.root, honest.consistency), "AnchorsNotGrowing"
    )
    assert (await submit(ledger, honest)).succeeded


# -- subjects ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["P-256", "secp256k1"])
async def test_a_controller_hands_over_and_nobody_else(world: World, kind: str) -> None:
    make_key = world.es256_key if kind == "P-256" else new_account_key
    ledger, salt, old, new = world.ledger(SECOND), secrets.token_bytes(32), make_key(), make_key()
    subject = subject_id(world.alliance_id, SECOND, salt)
    await submit(ledger, CreateSubject(salt, old.signer))

    digest = change_controller_digest(world.deployment.domain_of("Subjects"), subject, 2, new.signer)
    thief = ChangeController(subject, new.signer, new.sign(digest))
    await assert_refused(world, THIRD, thief, "SubjectsWrongSignature")
    change = ChangeController(subject, new.signer, old.sign(digest))
    assert (await submit(world.ledger(THIRD), change)).succeeded
    await assert_refused(world, SECOND, change, "SubjectsWrongSignature")

    assert await world.happenings(SubjectCreated, ControllerChanged) == [
        SubjectCreated(subject, SECOND, old.signer),
        ControllerChanged(subject, 2, new.signer),
    ]


async def test_es256_signatures_pass_with_s_in_either_half(world: World) -> None:
    ledger, salt, key = world.ledger(), secrets.token_bytes(32), world.es256_key()
    subject = subject_id(world.alliance_id, FIRST, salt)
    await submit(ledger, CreateSubject(salt, key.signer))
    domain = world.deployment.domain_of("Subjects")
    for version, high in ((2, False), (3, True)):
        digest = change_controller_digest(domain, subject, version, key.signer)
        call = ChangeController(subject, key.signer, key.sign(digest, high=high))
        assert (await submit(ledger, call)).succeeded


async def test_a_subject_is_created_once_and_with_an_accepted_signer(world: World) -> None:
    ledger, key = world.ledger(), world.es256_key()
    call = CreateSubject(secrets.token_bytes(32), key.signer)
    await submit(ledger, call)
    await assert_refused(world, FIRST, call, "SubjectsExists")
    salt = secrets.token_bytes(32)
    evil_verifier = secrets.token_bytes(20)
    for signer in (
        b"",
        bytes(20),
        evil_verifier + key.signer[20:],
        key.signer + bytes(65),
        world.deployment.address_of("Alliance"),
    ):
        await assert_refused(world, FIRST, CreateSubject(salt, signer), "SubjectsMalformedSigner")
    unknown = ChangeController(salt, key.signer, bytes(64))
    await assert_refused(world, FIRST, unknown, "SubjectsUnknown")


# -- grants --------------------------------------------------------------------------------------------


async def test_a_grant_is_registered_once_and_revoked_for_good(world: World) -> None:
    ledger, key = world.ledger(), world.es256_key()
    terms = await terms_of(world, key.signer)
    grant = grant_id(world.alliance_id, terms)
    assert (await submit(ledger, RegisterGrant(terms))).succeeded
    await assert_refused(world, SECOND, RegisterGrant(terms), "GrantsAlreadyRegistered")

    forged = RevokeGrant(terms, world.es256_key().sign(bytes(32)))
    await assert_refused(world, FIRST, forged, "GrantsWrongSignature")
    digest = revoke_grant_digest(world.deployment.domain_of("Grants"), grant)
    revoke = RevokeGrant(terms, key.sign(digest))
    assert (await submit(world.ledger(THIRD), revoke)).succeeded
    await assert_refused(world, FIRST, revoke, "GrantsAlreadyRevoked")
    await assert_refused(world, FIRST, RegisterGrant(terms), "GrantsAlreadyRevoked")
    assert await world.happenings(GrantRegistered, GrantRevoked) == [
        GrantRegistered(grant, terms.expires),
        GrantRevoked(grant),
    ]


async def test_revoking_first_leaves_a_tombstone(world: World) -> None:
    key = new_account_key()
    terms = await terms_of(world, key.signer)
    grant = grant_id(world.alliance_id, terms)
    digest = revoke_grant_digest(world.deployment.domain_of("Grants"), grant)
    assert (await submit(world.ledger(), RevokeGrant(terms, key.sign(digest)))).succeeded
    await assert_refused(world, FIRST, RegisterGrant(terms), "GrantsAlreadyRevoked")
    assert await world.happenings(GrantRegistered, GrantRevoked) == [GrantRevoked(grant)]


async def test_late_and_expired_grants_are_refused(world: World) -> None:
    signer, now = world.es256_key().signer, await world.now()
    late = GrantTerms(bytes(32), now - 1, now + 600, signer)
    await assert_refused(world, FIRST, RegisterGrant(late), "GrantsTooLate")
    expired = GrantTerms(bytes(32), now + 600, now - 1, signer)
    await assert_refused(world, FIRST, RegisterGrant(expired), "GrantsExpired")


# -- the alliance --------------------------------------------------------------------------------------


async def test_two_thirds_admit_a_member_whose_calls_then_count(world: World) -> None:
    key = new_account_key()
    newcomer = new_member("suzhou", key.address)
    await assert_refused(world, key, Tree().grow(1), "AnchorsNotMember")
    expires = await world.now() + 600
    await submit(world.ledger(FIRST), ProposeAdmission(newcomer, expires))
    await assert_refused(world, key, CastVote(1, True), "AllianceNotMember")
    await assert_refused(world, FIRST, CastVote(1, True), "AllianceAlreadyVoted")
    await submit(world.ledger(SECOND), CastVote(1, True))
    await assert_refused(world, THIRD, CastVote(1, True), "AllianceProposalClosed")

    assert (await submit(world.ledger(key), Tree().grow(1))).succeeded
    kinds = (ProposalMade, VoteCast, ProposalPassed, MemberAdmitted)
    assert (await world.happenings(*kinds))[3:] == [
        ProposalMade(1, FIRST, Action.ADMIT, "suzhou", expires, 3),
        VoteCast(1, FIRST, True),
        VoteCast(1, SECOND, True),
        ProposalPassed(1),
        MemberAdmitted(newcomer),
    ]


async def test_a_suspended_member_may_call_nothing_until_it_is_reinstated(world: World) -> None:
    expires = await world.now() + 600
    await submit(world.ledger(FIRST), ProposeStanding(Action.SUSPEND, THIRD, expires))
    await assert_refused(world, THIRD, CastVote(1, False), "AllianceNotEligible")
    await submit(world.ledger(SECOND), CastVote(1, True))
    await assert_refused(world, THIRD, Tree().grow(1), "AnchorsNotMember")
    await assert_refused(world, THIRD, UpdateEndpoints("a:1", "b:2"), "AllianceNotMember")

    await submit(world.ledger(FIRST), ProposeStanding(Action.REINSTATE, THIRD, expires))
    await submit(world.ledger(SECOND), CastVote(2, True))
    assert (await submit(world.ledger(THIRD), Tree().grow(1))).succeeded
    assert await world.happenings(MemberStanding) == [
        MemberStanding(THIRD, active=False),
        MemberStanding(THIRD, active=True),
    ]


async def test_malformed_proposals_are_refused(world: World) -> None:
    now, key = await world.now(), new_account_key()
    newcomer = new_member("suzhou", key.address)
    taken_account = new_member("suzhou", world.members[0].account)
    taken_name = new_member(THIRD, key.address)
    for call, problem in [
        (ProposeAdmission(newcomer, now - 1), "AllianceWrongExpiry"),
        (ProposeAdmission(newcomer, now + 91 * 24 * 3_600), "AllianceWrongExpiry"),
        (ProposeAdmission(taken_account, now + 600), "AllianceAccountTaken"),
        (ProposeAdmission(taken_name, now + 600), "AllianceMemberExists"),
        (ProposeStanding(Action.SUSPEND, "nobody", now + 600), "AllianceUnknownMember"),
        (ProposeStanding(Action.REINSTATE, THIRD, now + 600), "AllianceUnchanged"),
        (ProposeStanding(Action.SUSPEND, FIRST, now + 600), "AllianceNotEligible"),
    ]:
        await assert_refused(world, FIRST, call, problem)


async def test_a_member_moves(world: World) -> None:
    assert (await submit(world.ledger(), UpdateEndpoints("new.example:1", "new.example:2"))).succeeded
    await assert_refused(world, FIRST, UpdateEndpoints("two words", "x:1"), "AllianceMalformedMember")
    moved = EndpointsUpdated(FIRST, "new.example:1", "new.example:2")
    assert await world.happenings(EndpointsUpdated) == [moved]


# -- when it is down -----------------------------------------------------------------------------------


async def test_an_engine_that_is_down_is_told_and_found_again(world: World) -> None:
    ledger, tree = world.ledger(), Tree()
    await submit(ledger, tree.grow(1))
    before = await ledger.head()
    second = await ledger.sign(tree.grow(1), await ledger.next_nonce())
    world.go_down()
    try:
        for attempt in (ledger.head, ledger.next_nonce, lambda: ledger.send(second)):
            with pytest.raises(LedgerUnavailableError):
                await attempt()
    finally:
        world.come_up()
    assert await ledger.block(before.number) == before
    await ledger.send(second)
    assert (await wait_for_outcome(ledger, second.hash)).succeeded
    assert [event.size for event in await world.happenings(Anchored)] == [1, 2]
