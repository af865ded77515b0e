"""Several controllers, passkeys and recoveries: the same on every ledger."""

import secrets
from dataclasses import replace

from node.domain.alliance_life import MoveSubject
from node.domain.controller import drawn_members
from node.domain.ledger import ChangeController, ControllerChanged, CreateSubject
from node.domain.ledger_ids import (
    change_controller_digest,
    move_subject_digest,
    subject_id,
    veto_recovery_digest,
)
from node.domain.member import member_name_from_bytes32, member_name_to_bytes32
from node.domain.recovery import (
    ConfirmRecovery,
    FinishRecovery,
    ProposeRecovery,
    RecoveryConfirmed,
    RecoveryProposed,
    RecoveryVetoed,
    VetoRecovery,
)
from node.wallet.keyfile import new_wallet_key
from node.wallet.passkey import Passkey
from node.wallet.trial_authenticator import TrialAuthenticator
from tests.support import ledger_worlds
from tests.support.ledger_worlds import FOUNDER_NAMES, World, assert_refused
from tests.support.ledgers import Es256Key, submit

engine = ledger_worlds.engine
world = ledger_worlds.world
FIRST, SECOND, THIRD = FOUNDER_NAMES


async def new_subject(world: World, home: str) -> tuple[bytes, Es256Key]:
    salt, key = secrets.token_bytes(32), world.es256_key()
    await submit(world.ledger(home), CreateSubject(salt, key.signer))
    return subject_id(world.alliance_id, home, salt), key


def move(world: World, subject: bytes, key: Es256Key, version: int, home: str) -> MoveSubject:
    digest = move_subject_digest(world.deployment.domain_of("Subjects"), subject, version, home)
    return MoveSubject(subject, key.signer, key.sign(digest))


def change(
    world: World, subject: bytes, key: Es256Key, version: int, *, removed: bytes = b"", added: bytes = b""
) -> ChangeController:
    domain = world.deployment.domain_of("Subjects")
    digest = change_controller_digest(domain, subject, version, removed=removed, added=added)
    return ChangeController(subject, removed, added, key.signer, key.sign(digest))


async def test_any_controller_adds_and_removes(world: World) -> None:
    subject, first = await new_subject(world, FIRST)
    second, third = world.es256_key(), world.es256_key()
    assert (
        await submit(world.ledger(SECOND), change(world, subject, first, 2, added=second.signer))
    ).succeeded
    assert (
        await submit(world.ledger(THIRD), change(world, subject, second, 3, added=third.signer))
    ).succeeded
    out = change(world, subject, third, 4, removed=first.signer)
    assert (await submit(world.ledger(FIRST), out)).succeeded
    await assert_refused(world, FIRST, out, "SubjectsWrongSignature")
    await assert_refused(world, SECOND, move(world, subject, first, 5, SECOND), "SubjectsNotController")
    assert (await submit(world.ledger(SECOND), move(world, subject, second, 5, SECOND))).succeeded
    changes = [(one.version, one.removed, one.added) for one in await world.happenings(ControllerChanged)]
    assert changes == [(2, b"", second.signer), (3, b"", third.signer), (4, first.signer, b"")]


async def test_there_is_always_a_controller_and_never_more_than_five(world: World) -> None:
    subject, key = await new_subject(world, FIRST)
    last = change(world, subject, key, 2, removed=key.signer)
    await assert_refused(world, FIRST, last, "SubjectsControllerCount")
    await assert_refused(world, FIRST, change(world, subject, key, 2), "SubjectsUnchanged")
    same = change(world, subject, key, 2, added=key.signer)
    await assert_refused(world, FIRST, same, "SubjectsUnchanged")
    stranger = change(world, subject, key, 2, removed=world.es256_key().signer)
    await assert_refused(world, FIRST, stranger, "SubjectsNotController")
    for version in range(2, 6):
        more = change(world, subject, key, version, added=world.es256_key().signer)
        assert (await submit(world.ledger(FIRST), more)).succeeded
    sixth = change(world, subject, key, 6, added=world.es256_key().signer)
    await assert_refused(world, FIRST, sixth, "SubjectsControllerCount")


async def test_a_passkey_is_a_controller(world: World) -> None:
    key, salt = new_wallet_key(), secrets.token_bytes(32)
    passkey = Passkey(TrialAuthenticator(key, "wallet.example"))
    signer = world.deployment.address_of("WebAuthnVerifier") + key.public_key
    await submit(world.ledger(FIRST), CreateSubject(salt, signer))
    subject = subject_id(world.alliance_id, FIRST, salt)
    digest = move_subject_digest(world.deployment.domain_of("Subjects"), subject, 2, SECOND)
    moved = MoveSubject(subject, signer, passkey.sign_digest(digest))
    for false in (b"", key.sign(digest), passkey.sign_digest(bytes(32)), moved.signature[:-32]):
        await assert_refused(world, SECOND, replace(moved, signature=false), "SubjectsWrongSignature")
    assert (await submit(world.ledger(SECOND), moved)).succeeded


async def test_a_recovery_waits_for_two_drawn_members_a_week_and_no_veto(world: World) -> None:
    subject, key = await new_subject(world, FIRST)
    new = world.es256_key().signer
    proposal = ProposeRecovery(subject, new)
    assert (await submit(world.ledger(FIRST), proposal)).succeeded
    await assert_refused(world, THIRD, proposal, "SubjectsAlreadyProposed")
    confirm, finish = ConfirmRecovery(subject, 2, new), FinishRecovery(subject, 2, new)
    await assert_refused(world, FIRST, confirm, "SubjectsNotDrawn")
    await assert_refused(world, FIRST, finish, "SubjectsNotConfirmed")
    drawn = [
        member_name_from_bytes32(one)
        for one in drawn_members([key.signer], [member_name_to_bytes32(one) for one in (SECOND, THIRD)])
    ]
    for member in drawn:
        assert (await submit(world.ledger(member), confirm)).succeeded
        await assert_refused(world, member, confirm, "SubjectsAlreadyConfirmed")
    await assert_refused(world, FIRST, finish, "SubjectsTooEarly")
    await assert_refused(world, SECOND, replace(confirm, version=3), "SubjectsNotProposed")
    other = replace(finish, controller=world.es256_key().signer)
    await assert_refused(world, FIRST, other, "SubjectsNotProposed")
    digest = veto_recovery_digest(world.deployment.domain_of("Subjects"), subject, 2)
    veto = VetoRecovery(subject, key.signer, key.sign(digest))
    forged = replace(veto, signature=world.es256_key().sign(digest))
    await assert_refused(world, THIRD, forged, "SubjectsWrongSignature")
    assert (await submit(world.ledger(THIRD), veto)).succeeded
    await assert_refused(world, FIRST, finish, "SubjectsNotProposed")
    assert await world.happenings(RecoveryProposed, RecoveryVetoed) == [
        RecoveryProposed(subject, 2, new, FIRST),
        RecoveryVetoed(subject, 2),
    ]
    first, second = await world.happenings(RecoveryConfirmed)
    assert (first.member, first.until, second.member) == (drawn[0], 0, drawn[1])
    assert second.until > 0
