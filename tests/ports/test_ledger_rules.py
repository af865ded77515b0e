"""The contracts' rules, on every ledger: in memory, the embedded engine, Anvil.

Anvil has no P-256 precompile under cancun, so the contracts' own check runs there.
"""

import secrets
from dataclasses import replace

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
from tests.support import ledger_worlds
from tests.support.ledger_worlds import FOUNDER_NAMES, Tree, World, assert_refused
from tests.support.ledgers import new_account_key, new_member, submit

FIRST, SECOND, THIRD = FOUNDER_NAMES

engine = ledger_worlds.engine
world = ledger_worlds.world


async def terms_of(world: World, revoker: bytes, *, lifetime: int = 3_600) -> GrantTerms:
    now = await world.now()
    return GrantTerms(secrets.token_bytes(32), now + 600, now + lifetime, revoker)


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

    digest = change_controller_digest(
        world.deployment.domain_of("Subjects"), subject, 2, removed=old.signer, added=new.signer
    )
    change = ChangeController(subject, old.signer, new.signer, old.signer, old.sign(digest))
    thief = replace(change, signer=new.signer, signature=new.sign(digest))
    await assert_refused(world, THIRD, thief, "SubjectsNotController")
    await assert_refused(world, THIRD, replace(thief, signer=old.signer), "SubjectsWrongSignature")
    assert (await submit(world.ledger(THIRD), change)).succeeded
    await assert_refused(world, SECOND, change, "SubjectsNotController")

    assert await world.happenings(SubjectCreated, ControllerChanged) == [
        SubjectCreated(subject, SECOND, old.signer),
        ControllerChanged(subject, 2, old.signer, new.signer),
    ]


async def test_es256_signatures_pass_with_s_in_either_half(world: World) -> None:
    ledger, salt, key = world.ledger(), secrets.token_bytes(32), world.es256_key()
    subject = subject_id(world.alliance_id, FIRST, salt)
    await submit(ledger, CreateSubject(salt, key.signer))
    domain = world.deployment.domain_of("Subjects")
    other = world.es256_key().signer
    for version, high, removed, added in ((2, False, b"", other), (3, True, other, b"")):
        digest = change_controller_digest(domain, subject, version, removed=removed, added=added)
        call = ChangeController(subject, removed, added, key.signer, key.sign(digest, high=high))
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
    unknown = ChangeController(salt, b"", key.signer, key.signer, bytes(64))
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


async def test_a_suspended_member_begins_nothing_until_it_is_reinstated(world: World) -> None:
    expires = await world.now() + 600
    await submit(world.ledger(FIRST), ProposeStanding(Action.SUSPEND, THIRD, expires))
    await assert_refused(world, THIRD, CastVote(1, False), "AllianceNotEligible")
    await submit(world.ledger(SECOND), CastVote(1, True))
    create = CreateSubject(secrets.token_bytes(32), world.es256_key().signer)
    await assert_refused(world, THIRD, create, "SubjectsNotMember")
    await assert_refused(world, THIRD, UpdateEndpoints("a:1", "b:2"), "AllianceNotMember")

    await submit(world.ledger(FIRST), ProposeStanding(Action.REINSTATE, THIRD, expires))
    await submit(world.ledger(SECOND), CastVote(2, True))
    assert (await submit(world.ledger(THIRD), create)).succeeded
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
