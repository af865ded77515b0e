"""How a member changes its keys, on every ledger: in memory, the embedded engine, Anvil."""

import secrets
from dataclasses import replace

import pytest

from node.domain.keys import MAX_OVERLAP_SECONDS, KeyChange, KeyProofs, KeySet
from node.domain.ledger import (
    Action,
    CastVote,
    ChangeKeys,
    KeysChanged,
    MemberStanding,
    ProposeStanding,
    UpdateEndpoints,
)
from node.domain.ledger_ids import key_change_digest
from node.domain.member import Member
from node.domain.succession import follow
from node.errors import SignatureError
from tests.support import ledger_worlds
from tests.support.ledger_worlds import FOUNDER_NAMES, Tree, World, assert_refused
from tests.support.ledgers import AccountKey, Es256Key, new_account_key, submit

FIRST, SECOND, THIRD = FOUNDER_NAMES
MOVE = UpdateEndpoints("a.example:1", "a.example:2")

engine = ledger_worlds.engine
world = ledger_worlds.world


def member(world: World, name: str = FIRST) -> Member:
    return next(one for one in world.members if one.name == name)


def signed(
    world: World,
    change: KeyChange,
    *,
    version: int = 1,
    name: str = FIRST,
    by: Es256Key | None = None,
    identity: Es256Key | None = None,
    account: AccountKey | None = None,
) -> ChangeKeys:
    digest = key_change_digest(world.deployment.domain_of("Alliance"), name, version, change)
    proofs = KeyProofs(
        (by or world.identity(name)).sign(digest),
        identity.sign(digest) if identity else b"",
        account.sign(digest) if account else b"",
    )
    return ChangeKeys(change, proofs)


def keys(world: World, **changes: bytes) -> KeySet:
    return replace(KeySet.of(member(world)), **changes)


async def test_all_four_keys_change_at_once_and_the_event_proves_it(world: World) -> None:
    identity, account = world.es256_key(), new_account_key()
    new = KeySet(account.signer, identity.signer[20:], secrets.token_bytes(32), secrets.token_bytes(32))
    change = KeyChange(new, 64, 0)
    call = signed(world, change, identity=identity, account=account)
    assert (await submit(world.ledger(), call)).succeeded
    (changed,) = await world.happenings(KeysChanged)
    succession = changed.succession
    assert (succession.member, succession.version, succession.change) == (FIRST, 1, change)
    assert abs(succession.time - await world.now()) < 60
    followed = follow(member(world), succession, world.deployment.domain_of("Alliance"))
    assert KeySet.of(followed) == new
    with pytest.raises(SignatureError):
        follow(followed, succession, world.deployment.domain_of("Alliance"))


async def test_the_account_before_acts_during_the_overlap_and_not_without_one(world: World) -> None:
    account, second = new_account_key(), new_account_key()
    until = await world.now() + 600
    first = signed(world, KeyChange(keys(world, account=account.signer), 0, until), account=account)
    assert (await submit(world.ledger(), first)).succeeded
    assert (await submit(world.ledger(FIRST), MOVE)).succeeded
    assert (await submit(world.ledger(account), MOVE)).succeeded

    change = KeyChange(keys(world, account=second.signer), 0, 0)
    await assert_refused(
        world, FIRST, signed(world, change, version=2, account=second), "AllianceNotMember"
    )  # the account before may act, but not change keys
    last = signed(world, change, version=2, account=second)
    assert (await submit(world.ledger(account), last)).succeeded
    await assert_refused(world, account, MOVE, "AllianceNotMember")
    await assert_refused(world, FIRST, MOVE, "AllianceNotMember")
    assert (await submit(world.ledger(second), MOVE)).succeeded


async def test_a_suspended_member_changes_its_keys_and_the_account_it_gave_up_fulfils_no_duty(
    world: World,
) -> None:
    suspend = ProposeStanding(Action.SUSPEND, FIRST, await world.now() + 600)
    await submit(world.ledger(SECOND), suspend)
    await submit(world.ledger(THIRD), CastVote(1, approve=True))
    account = new_account_key()
    call = signed(world, KeyChange(keys(world, account=account.signer), 0, 0), account=account)
    assert (await submit(world.ledger(FIRST), call)).succeeded
    anchor = Tree().grow(2)
    await assert_refused(world, FIRST, anchor, "AnchorsNotMember")
    await assert_refused(world, account, MOVE, "AllianceNotMember")
    assert (await submit(world.ledger(account), anchor)).succeeded
    assert await world.happenings(MemberStanding) == [MemberStanding(FIRST, active=False)]


async def test_neither_a_stolen_account_nor_a_stolen_identity_changes_keys(world: World) -> None:
    change = KeyChange(keys(world, log_key=secrets.token_bytes(32)), 0, 0)
    with_stolen_account = signed(world, change, by=world.es256_key())
    await assert_refused(world, FIRST, with_stolen_account, "AllianceWrongKeyProof")
    with_stolen_identity = signed(world, change)
    await assert_refused(world, SECOND, with_stolen_identity, "AllianceWrongKeyProof")
    await assert_refused(world, new_account_key(), with_stolen_identity, "AllianceNotMember")


async def test_a_key_that_nobody_proves_to_hold_is_refused(world: World) -> None:
    identity, account = world.es256_key(), new_account_key()
    for change, proof in (
        (KeyChange(keys(world, identity_key=identity.signer[20:]), 0, 0), {}),
        (KeyChange(keys(world, identity_key=identity.signer[20:]), 0, 0), {"identity": world.es256_key()}),
        (KeyChange(keys(world, account=account.signer), 0, 0), {}),
        (KeyChange(keys(world, account=account.signer), 0, 0), {"account": new_account_key()}),
        (KeyChange(keys(world, log_key=b"\1" * 32), 0, 0), {"account": account}),
        (KeyChange(keys(world, log_key=b"\1" * 32), 0, 0), {"identity": identity}),
    ):
        await assert_refused(world, FIRST, signed(world, change, **proof), "AllianceWrongKeyProof")


async def test_a_change_is_good_once_and_for_one_member(world: World) -> None:
    call = signed(world, KeyChange(keys(world, sealing_key=b"\2" * 32), 0, 0))
    assert (await submit(world.ledger(), call)).succeeded
    back = signed(world, KeyChange(keys(world), 0, 0), version=2)
    assert (await submit(world.ledger(), back)).succeeded
    await assert_refused(world, FIRST, call, "AllianceWrongKeyProof")
    of_another = signed(world, KeyChange(keys(world, sealing_key=b"\3" * 32), 0, 0), version=3, name=SECOND)
    await assert_refused(world, FIRST, of_another, "AllianceWrongKeyProof")


async def test_an_account_that_somebody_has_or_had_is_refused(world: World) -> None:
    taken = world.keys[SECOND]
    call = signed(world, KeyChange(keys(world, account=taken.signer), 0, 0), account=taken)
    await assert_refused(world, FIRST, call, "AllianceAccountTaken")


async def test_malformed_changes_are_refused(world: World) -> None:
    now = await world.now()
    log = {"log_key": b"\1" * 32}
    for change, problem in (
        (KeyChange(keys(world), 0, 0), "AllianceUnchanged"),
        (KeyChange(keys(world, log_key=bytes(32)), 0, 0), "AllianceMalformedKeys"),
        (KeyChange(keys(world, sealing_key=bytes(32)), 0, 0), "AllianceMalformedKeys"),
        (KeyChange(keys(world, sealing_key=b"\1" * 32), 9, 0), "AllianceMalformedKeys"),
        (KeyChange(keys(world, **log), 0, now + MAX_OVERLAP_SECONDS + 600), "AllianceMalformedKeys"),
    ):
        await assert_refused(world, FIRST, signed(world, change), problem)
    assert (await submit(world.ledger(), signed(world, KeyChange(keys(world, **log), 64, 0)))).succeeded
    earlier = signed(world, KeyChange(keys(world, log_key=b"\4" * 32), 63, 0), version=2)
    await assert_refused(world, FIRST, earlier, "AllianceMalformedKeys")
