"""How an alliance changes, on every ledger: standing, roles, contracts, the homes of subjects."""

import secrets
from dataclasses import replace

import pytest

from node.domain.alliance_life import (
    WAITING_SECONDS,
    BookEntry,
    ContractSet,
    LeaveAnnounced,
    MoveSubject,
    ProposeContract,
    ProposeRoles,
    ProposeVerifier,
    RolesChanged,
    StandingStep,
    Step,
    SubjectMoved,
    VerifierSet,
)
from node.domain.ledger import (
    Action,
    AnchorCheckpoint,
    Anchored,
    CastVote,
    ChangeController,
    CreateSubject,
    GrantRegistered,
    GrantRevoked,
    GrantTerms,
    ProposalMade,
    ProposeStanding,
    RegisterGrant,
    RevokeGrant,
)
from node.domain.ledger_ids import (
    Eip712Domain,
    change_controller_digest,
    grant_id,
    move_subject_digest,
    revoke_grant_digest,
    subject_id,
)
from node.errors import ContractUnknownError
from tests.support import ledger_worlds
from tests.support.ledger_worlds import FOUNDER_NAMES, Tree, World, assert_refused
from tests.support.ledgers import Es256Key, submit

FIRST, SECOND, THIRD = FOUNDER_NAMES

engine = ledger_worlds.engine
world = ledger_worlds.world


async def vote_through(world: World, call: object, number: int = 1) -> None:
    await submit(world.ledger(FIRST), call)
    await submit(world.ledger(SECOND), CastVote(number, approve=True))


async def suspend(world: World, name: str, number: int = 1) -> None:
    await vote_through(world, ProposeStanding(Action.SUSPEND, name, await world.now() + 600), number)


# -- standing ------------------------------------------------------------------------------------------


async def test_who_was_seen_lately_is_not_summoned(world: World) -> None:
    await assert_refused(world, FIRST, StandingStep(Step.SUMMON, SECOND), "AllianceSeenLately")
    await assert_refused(world, FIRST, StandingStep(Step.SUMMON, FIRST), "AllianceNotEligible")
    await assert_refused(world, FIRST, StandingStep(Step.SUMMON, "nobody"), "AllianceWrongStanding")
    await assert_refused(world, FIRST, StandingStep(Step.SET_ASIDE, SECOND), "AllianceNotSummoned")
    await assert_refused(world, FIRST, StandingStep(Step.VOUCH, SECOND), "AllianceNotSummoned")
    await assert_refused(world, FIRST, StandingStep(Step.COME_BACK), "AllianceWrongStanding")


async def test_a_member_leaves_after_its_notice_and_not_before(world: World) -> None:
    third = world.ledger(THIRD)
    await assert_refused(world, THIRD, StandingStep(Step.DEPART), "AllianceUnchanged")
    await submit(third, StandingStep(Step.ANNOUNCE_LEAVE))
    await assert_refused(world, THIRD, StandingStep(Step.ANNOUNCE_LEAVE), "AllianceUnchanged")
    await assert_refused(world, THIRD, StandingStep(Step.DEPART), "AllianceTooEarly")
    await submit(third, StandingStep(Step.WITHDRAW_LEAVE))
    first, second = await world.happenings(LeaveAnnounced)
    assert (first.name, second) == (THIRD, LeaveAnnounced(THIRD, 0))
    assert first.leaves - (await world.now()) + 60 >= WAITING_SECONDS


async def test_a_suspended_member_anchors_and_begins_nothing(world: World) -> None:
    third, key = world.ledger(THIRD), world.es256_key()
    await suspend(world, THIRD)
    now = await world.now()
    terms = GrantTerms(secrets.token_bytes(32), now + 600, now + 3_600, key.signer)
    await assert_refused(
        world, THIRD, CreateSubject(secrets.token_bytes(32), key.signer), "SubjectsNotMember"
    )
    await assert_refused(world, THIRD, MoveSubject(bytes(32), b"", bytes(64)), "SubjectsNotMember")
    await assert_refused(world, THIRD, RegisterGrant(terms), "GrantsNotMember")
    await assert_refused(world, THIRD, CastVote(1, approve=True), "AllianceNotMember")
    tree = Tree()
    assert (await submit(third, tree.grow(2))).succeeded
    forged = replace(tree.grow(2), root=bytes(32))
    await assert_refused(world, THIRD, forged, "AnchorsInconsistent")
    digest = revoke_grant_digest(world.deployment.domain_of("Grants"), grant_id(world.alliance_id, terms))
    assert (await submit(third, RevokeGrant(terms, key.sign(digest)))).succeeded
    assert len(await world.happenings(Anchored, GrantRevoked)) == 2


# -- roles ---------------------------------------------------------------------------------------------


async def test_roles_change_by_vote_of_the_others(world: World) -> None:
    expires = await world.now() + 600
    for roles, problem in (
        (0, "AllianceMalformedMember"),
        (8, "AllianceMalformedMember"),
        (1, "AllianceUnchanged"),
    ):
        await assert_refused(world, FIRST, ProposeRoles(SECOND, roles, expires), problem)
    await assert_refused(world, FIRST, ProposeRoles(FIRST, 3, expires), "AllianceNotEligible")
    await submit(world.ledger(FIRST), ProposeRoles(SECOND, 4, expires))
    await assert_refused(world, SECOND, CastVote(1, approve=True), "AllianceNotEligible")
    await submit(world.ledger(THIRD), CastVote(1, approve=True))
    assert await world.happenings(ProposalMade, RolesChanged) == [
        ProposalMade(1, FIRST, Action.SET_ROLES, SECOND, expires, 2, "SUPERVISOR"),
        RolesChanged(SECOND, 4),
    ]


async def test_who_is_no_centre_any_more_takes_no_subject_over(world: World) -> None:
    subject, key = await new_subject(world, FIRST)
    expires = await world.now() + 600
    await submit(world.ledger(FIRST), ProposeRoles(SECOND, 4, expires))
    await submit(world.ledger(THIRD), CastVote(1, approve=True))
    await assert_refused(world, SECOND, move(world, subject, key, 2, SECOND), "SubjectsNotCentre")


# -- subjects move -------------------------------------------------------------------------------------


async def new_subject(world: World, home: str) -> tuple[bytes, Es256Key]:
    salt, key = secrets.token_bytes(32), world.es256_key()
    await submit(world.ledger(home), CreateSubject(salt, key.signer))
    return subject_id(world.alliance_id, home, salt), key


def move(world: World, subject: bytes, key: Es256Key, version: int, home: str) -> MoveSubject:
    digest = move_subject_digest(world.deployment.domain_of("Subjects"), subject, version, home)
    return MoveSubject(subject, key.signer, key.sign(digest))


async def test_a_subject_moves_away_from_a_suspended_home_without_its_help(world: World) -> None:
    subject, key = await new_subject(world, THIRD)
    await suspend(world, THIRD)
    assert (await submit(world.ledger(SECOND), move(world, subject, key, 2, SECOND))).succeeded
    assert await world.happenings(SubjectMoved) == [SubjectMoved(subject, 2, SECOND)]


async def test_nobody_claims_a_subject_that_did_not_sign(world: World) -> None:
    subject, key = await new_subject(world, FIRST)
    thief = world.es256_key()
    await assert_refused(world, SECOND, move(world, subject, thief, 2, SECOND), "SubjectsNotController")
    forged = replace(move(world, subject, thief, 2, SECOND), signer=key.signer)
    await assert_refused(world, SECOND, forged, "SubjectsWrongSignature")
    for_third = move(world, subject, key, 2, THIRD)
    await assert_refused(world, SECOND, for_third, "SubjectsWrongSignature")
    other, _ = await new_subject(world, FIRST)
    await assert_refused(world, THIRD, replace(for_third, subject=other), "SubjectsNotController")
    await assert_refused(world, THIRD, replace(for_third, subject=bytes(32)), "SubjectsUnknown")
    await assert_refused(world, FIRST, move(world, subject, key, 2, FIRST), "SubjectsUnchanged")


async def test_a_move_serves_once_also_when_the_subject_moves_back_and_forth(world: World) -> None:
    subject, key = await new_subject(world, FIRST)
    there = move(world, subject, key, 2, SECOND)
    await submit(world.ledger(SECOND), there)
    await submit(world.ledger(FIRST), move(world, subject, key, 3, FIRST))
    await assert_refused(world, SECOND, there, "SubjectsWrongSignature")
    await submit(world.ledger(SECOND), move(world, subject, key, 4, SECOND))
    moves = [(moved.version, moved.home) for moved in await world.happenings(SubjectMoved)]
    assert moves == [(2, SECOND), (3, FIRST), (4, SECOND)]


async def test_a_move_that_was_signed_before_a_change_of_key_is_dead(world: World) -> None:
    subject, old = await new_subject(world, FIRST)
    new, stale = world.es256_key(), move(world, subject, old, 2, SECOND)
    digest = change_controller_digest(
        world.deployment.domain_of("Subjects"), subject, 2, removed=old.signer, added=new.signer
    )
    change = ChangeController(subject, old.signer, new.signer, old.signer, old.sign(digest))
    await submit(world.ledger(THIRD), change)
    await assert_refused(world, SECOND, stale, "SubjectsNotController")
    await assert_refused(world, SECOND, move(world, subject, old, 3, SECOND), "SubjectsNotController")
    assert (await submit(world.ledger(SECOND), move(world, subject, new, 3, SECOND))).succeeded


# -- contracts are replaced ----------------------------------------------------------------------------


async def replace_contract(world: World, name: str, number: int = 1) -> bytes:
    """The same code once more, in force by vote; its address."""
    address, code_hash = await world.deploy(name)
    await vote_through(world, ProposeContract(name, address, code_hash, await world.now() + 600), number)
    return address


async def test_an_upgrade_to_other_code_than_voted_is_refused(world: World) -> None:
    address, code_hash = await world.deploy("Grants")
    expires = await world.now() + 600
    lie = ProposeContract("Grants", address, bytes(31) + b"\1", expires)
    await assert_refused(world, FIRST, lie, "AllianceOtherCode")
    empty = ProposeContract("Grants", secrets.token_bytes(20), code_hash, expires)
    await assert_refused(world, FIRST, empty, "AllianceMalformedProposal")
    present = world.deployment.contracts["Grants"]
    again = ProposeContract("Grants", present.address, present.code_hash, expires)
    if world.deployment.contracts["Grants"].code_hash == code_hash:
        await assert_refused(world, FIRST, again, "AllianceUnchanged")
    verifier = ProposeVerifier(address, accepted=True, code_hash=bytes(31) + b"\1", expires=expires)
    await assert_refused(world, FIRST, verifier, "AllianceOtherCode")


async def test_a_replaced_contract_takes_nothing_new_and_revocations_for_ever(world: World) -> None:
    key, ledger, now = world.es256_key(), world.ledger(), await world.now()
    terms = GrantTerms(secrets.token_bytes(32), now + 600, now + 3_600, key.signer)
    await submit(ledger, RegisterGrant(terms))
    old = world.deployment.address_of("Grants")
    new = await replace_contract(world, "Grants")
    other = replace(terms, digest=secrets.token_bytes(32))
    await assert_refused(world, FIRST, RegisterGrant(other), "ContractNotInForce")

    entry = BookEntry("Grants", new, world.deployment.contracts["Grants"].code_hash, is_known=True)
    ledger.use([entry])
    await ledger.dry_run(RegisterGrant(other))
    assert (await submit(ledger, RegisterGrant(other))).succeeded
    grant = grant_id(world.alliance_id, terms)
    domain = world.deployment.domain_of("Grants")
    revoke = RevokeGrant(terms, key.sign(revoke_grant_digest(domain, grant)), at=old)
    assert (await submit(ledger, revoke)).succeeded
    reports = [
        (event.contract, type(event.happening))
        for event in await ledger.events(0, (await ledger.head()).number)
        if isinstance(event.happening, GrantRegistered | GrantRevoked)
    ]
    assert reports == [(old, GrantRegistered), (new, GrantRegistered), (old, GrantRevoked)]


async def test_a_successor_knows_what_its_predecessor_knew(world: World) -> None:
    ledger, tree, key = world.ledger(), Tree(), world.es256_key()
    await submit(ledger, tree.grow(3))
    subject, controller = await new_subject(world, FIRST)
    now = await world.now()
    terms = GrantTerms(secrets.token_bytes(32), now + 600, now + 3_600, key.signer)
    digest = revoke_grant_digest(world.deployment.domain_of("Grants"), grant_id(world.alliance_id, terms))
    await submit(ledger, RevokeGrant(terms, key.sign(digest)))
    entries = [
        BookEntry(name, await replace_contract(world, name, number), bytes(32), is_known=True)
        for number, name in enumerate(("Anchors", "Subjects", "Grants"), start=1)
    ]
    for who in (FIRST, SECOND):
        world.ledger(who).use(entries)
    later = world.ledger(SECOND)
    later.use(entries)
    ledger.use(entries)
    await refuse(ledger, RegisterGrant(terms), "GrantsAlreadyRevoked")
    forged = AnchorCheckpoint(5, secrets.token_bytes(32), ())
    await refuse(ledger, forged, "AnchorsInconsistent")
    assert (await submit(ledger, tree.grow(3))).succeeded
    place = Eip712Domain(world.deployment.chain_id, entries[1].address, world.alliance_id)
    await refuse(later, move(world, subject, controller, 2, SECOND), "SubjectsWrongSignature")
    signature = controller.sign(move_subject_digest(place, subject, 2, SECOND))
    assert (await submit(later, MoveSubject(subject, controller.signer, signature))).succeeded


async def refuse(ledger, call: object, problem: str) -> None:
    from node.errors import LedgerRefusedError  # noqa: PLC0415

    with pytest.raises(LedgerRefusedError) as refusal:
        await ledger.dry_run(call)
    assert refusal.value.problem == problem


async def test_a_contract_of_unknown_code_is_neither_written_nor_read(world: World) -> None:
    ledger, tree = world.ledger(), Tree()
    address, code_hash = await world.deploy("Anchors", other_code=True)
    await vote_through(world, ProposeContract("Anchors", address, code_hash, await world.now() + 600))
    (voted,) = [one for one in await world.happenings(ContractSet) if any(one.code_hash)]
    assert voted == ContractSet("Anchors", address, code_hash)
    assert not await ledger.knows(voted)
    ledger.use([BookEntry("Anchors", address, code_hash, is_known=False)])
    for attempt in (ledger.dry_run(tree.grow(2)), ledger.sign(tree.grow(2), 0)):
        with pytest.raises(ContractUnknownError):
            await attempt
    key = world.es256_key()
    assert (await submit(ledger, CreateSubject(secrets.token_bytes(32), key.signer))).succeeded


async def test_code_on_the_chain_is_compared_with_what_was_voted_on(world: World) -> None:
    ledger = world.ledger()
    address, code_hash = await world.deploy("Grants")
    assert await ledger.knows(ContractSet("Grants", address, code_hash))
    assert not await ledger.knows(ContractSet("Grants", address, secrets.token_bytes(32)))
    assert not await ledger.knows(ContractSet("Catalogue", address, code_hash))


async def test_a_verifier_that_is_voted_out_signs_nothing_any_more(world: World) -> None:
    subject, key = await new_subject(world, FIRST)
    verifier = world.deployment.address_of("ES256Verifier")
    expires = await world.now() + 600
    await vote_through(world, ProposeVerifier(verifier, accepted=False, code_hash=bytes(32), expires=expires))
    await assert_refused(world, SECOND, move(world, subject, key, 2, SECOND), "SubjectsMalformedSigner")
    assert (await world.happenings(VerifierSet))[-1] == VerifierSet(verifier, accepted=False)
