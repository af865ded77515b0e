"""Changes of keys and standings together: who speaks for a member, and when. The rest is in tests/ports."""

from eth_utils import keccak

from tests.contracts import rfc9162
from tests.contracts.signers import AddressSigner, typed_digest
from tests.contracts.world import DAY, FOUNDERS, SUSPEND, World, name
from tests.support.evm import Account, refused

HANGZHOU, NINGBO, WENZHOU = FOUNDERS
ACTIVE, SUSPENDED, ABSENT = 1, 2, 3
WAIT = 30 * DAY
LEAVES = rfc9162.leaves(8)
FIELDS = {
    "member": "bytes32",
    "version": "uint64",
    "account": "address",
    "identityX": "bytes32",
    "identityY": "bytes32",
    "logKey": "bytes32",
    "sealingKey": "bytes32",
    "logSize": "uint64",
    "overlapUntil": "uint64",
}


def change(
    world: World, who: str, *, account: Account | None = None, until: int = 0, version: int = 1
) -> None:
    """Another sealing key, and another account if there is one, sent by the member's account."""
    key, sealing = world.identity(who), keccak(text=f"{who} sealing {version}")
    new = account or world.members[who]
    kept = (key.public[:32], key.public[32:], keccak(text=f"{who} log"))
    values = (name(who), version, new.address, *kept, sealing, 0, until)
    domain = world.domain(world.alliance)
    digest = typed_digest(domain, "ChangeKeys", FIELDS, dict(zip(FIELDS, values, strict=True)))
    proofs = (key.sign(digest), b"", AddressSigner(account).sign(digest) if account else b"")
    keys = (new.address, *kept, sealing)
    world.send(who, world.alliance, "changeKeys", (keys, 0, until), world.es256.address, proofs)


def anchor(world: World, sender: Account, old: int, new: int) -> None:
    proof = rfc9162.consistency(old, LEAVES[:new]) if old else []
    world.evm.send(sender, world.anchors, "anchor", new, rfc9162.root(LEAVES[:new]), proof)


def test_a_change_of_keys_is_a_sign_of_life(world: World) -> None:
    world.evm.now += WAIT
    world.send(HANGZHOU, world.alliance, "summon", name(WENZHOU))
    change(world, WENZHOU)
    with refused("AllianceNotSummoned"):
        world.send(HANGZHOU, world.alliance, "setAside", name(WENZHOU))
    with refused("AllianceSeenLately"):
        world.send(HANGZHOU, world.alliance, "summon", name(WENZHOU))


def test_an_account_that_was_given_up_is_taken_for_duties_only_during_the_overlap(world: World) -> None:
    old, new = world.members[WENZHOU], world.evm.account()
    until = world.evm.now + DAY
    change(world, WENZHOU, account=new, until=until)
    anchor(world, old, 0, 2)
    anchor(world, new, 2, 4)
    world.evm.now = until + 1
    with refused("AnchorsNotMember"):
        anchor(world, old, 4, 6)
    assert world.view(world.alliance, "boundMember", old.address) == bytes(32)
    anchor(world, new, 4, 6)


def test_a_suspended_member_changes_its_keys_and_stays_suspended(world: World) -> None:
    old, new = world.members[WENZHOU], world.evm.account()
    world.decide((HANGZHOU, NINGBO), SUSPEND, name(WENZHOU))
    change(world, WENZHOU, account=new)
    assert world.standing(WENZHOU) == SUSPENDED
    with refused("AnchorsNotMember"):
        anchor(world, old, 0, 2)
    anchor(world, new, 0, 2)
    with refused("AllianceNotMember"):
        world.evm.send(new, world.alliance, "answer")


def test_an_absent_member_comes_back_by_its_new_account_and_not_by_the_one_it_gave_up(world: World) -> None:
    world.evm.now += WAIT
    world.send(HANGZHOU, world.alliance, "summon", name(WENZHOU))
    world.evm.now += WAIT
    world.send(HANGZHOU, world.alliance, "setAside", name(WENZHOU))
    old, new = world.members[WENZHOU], world.evm.account()
    change(world, WENZHOU, account=new)
    assert world.standing(WENZHOU) == ABSENT
    with refused("AllianceWrongStanding"):
        world.evm.send(old, world.alliance, "comeBack")
    world.evm.send(new, world.alliance, "comeBack")
    assert world.standing(WENZHOU) == ACTIVE
