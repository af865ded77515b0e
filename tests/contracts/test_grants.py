"""Grants: registered in time, revoked for ever. What counts as a signer is in test_signed_moves.py."""

from dataclasses import dataclass, replace

import eth_abi
import pytest
from eth_utils import keccak

from tests.contracts.signers import AddressSigner, typed_digest
from tests.contracts.world import ALLIANCE_ID, DAY, World
from tests.support.evm import Receipt, refused

UNKNOWN, REGISTERED, REVOKED = range(3)


@dataclass(frozen=True)
class Terms:
    digest: bytes
    register_before: int
    expires: int
    revoker: bytes

    @property
    def arguments(self) -> tuple[bytes, int, int, bytes]:
        return self.digest, self.register_before, self.expires, self.revoker

    @property
    def grant(self) -> bytes:
        fields = (ALLIANCE_ID, *self.arguments[:3], keccak(self.revoker))
        return keccak(eth_abi.encode(["bytes32", "bytes32", "uint64", "uint64", "bytes32"], fields))


@pytest.fixture
def owner(world: World) -> AddressSigner:
    return world.address_signer()


@pytest.fixture
def terms(world: World, owner: AddressSigner) -> Terms:
    return Terms(keccak(text="document"), world.evm.now + DAY, world.evm.now + 30 * DAY, owner.signer)


def register(world: World, terms: Terms) -> Receipt:
    return world.send("hangzhou", world.grants, "register", *terms.arguments)


def signature_of(world: World, signer: AddressSigner, grant: bytes) -> bytes:
    return signer.sign(
        typed_digest(world.domain(world.grants), "RevokeGrant", {"grant": "bytes32"}, {"grant": grant})
    )


def revoke(world: World, terms: Terms, signature: bytes) -> Receipt:
    return world.send("ningbo", world.grants, "revoke", *terms.arguments, signature)


def state(world: World, terms: Terms) -> tuple[int, int]:
    return world.view(world.grants, "stateOf", terms.grant)


def test_a_grant_is_registered_under_the_hash_of_its_terms(world: World, terms: Terms) -> None:
    receipt = register(world, terms)
    (event,) = receipt.events
    assert receipt.returned == terms.grant
    assert (event.name, event.values) == ("GrantRegistered", {"grant": terms.grant, "expires": terms.expires})
    assert state(world, terms) == (REGISTERED, terms.expires)


def test_an_unknown_grant_is_unknown(world: World, terms: Terms) -> None:
    assert state(world, terms) == (UNKNOWN, 0)


def test_a_grant_is_registered_once(world: World, terms: Terms) -> None:
    register(world, terms)
    with refused("GrantsAlreadyRegistered", terms.grant):
        register(world, terms)


def test_a_grant_held_back_too_long_is_dead(world: World, terms: Terms) -> None:
    late = world.fork()
    world.evm.now = terms.register_before - 1
    register(world, terms)
    late.evm.now = terms.register_before
    with refused("GrantsTooLate", terms.register_before):
        register(late, terms)


def test_an_expired_grant_is_not_registered(world: World, terms: Terms) -> None:
    short = replace(terms, expires=world.evm.now + 100)
    late = world.fork()
    world.evm.now = short.expires - 2
    register(world, short)
    late.evm.now = short.expires - 1
    with refused("GrantsExpired", short.expires):
        register(late, short)


def test_the_owner_revokes_through_any_member(world: World, terms: Terms, owner: AddressSigner) -> None:
    register(world, terms)
    receipt = revoke(world, terms, signature_of(world, owner, terms.grant))
    (event,) = receipt.events
    assert receipt.returned == terms.grant
    assert (event.name, event.values) == ("GrantRevoked", {"grant": terms.grant})
    assert state(world, terms) == (REVOKED, terms.expires)


def test_revoking_an_unknown_grant_leaves_a_tombstone(
    world: World, terms: Terms, owner: AddressSigner
) -> None:
    revoke(world, terms, signature_of(world, owner, terms.grant))
    assert state(world, terms) == (REVOKED, 0)
    with refused("GrantsAlreadyRevoked", terms.grant):
        register(world, terms)


def test_a_revoked_grant_is_never_registered_again(world: World, terms: Terms, owner: AddressSigner) -> None:
    register(world, terms)
    revoke(world, terms, signature_of(world, owner, terms.grant))
    with refused("GrantsAlreadyRevoked", terms.grant):
        register(world, terms)


def test_a_grant_is_revoked_once(world: World, terms: Terms, owner: AddressSigner) -> None:
    signature = signature_of(world, owner, terms.grant)
    revoke(world, terms, signature)
    with refused("GrantsAlreadyRevoked", terms.grant):
        revoke(world, terms, signature)


def test_an_expired_grant_can_still_be_revoked(world: World, terms: Terms, owner: AddressSigner) -> None:
    register(world, terms)
    world.evm.now = terms.expires + DAY
    revoke(world, terms, signature_of(world, owner, terms.grant))
    assert state(world, terms)[0] == REVOKED


def test_nobody_else_leaves_a_tombstone_on_a_grant(world: World, terms: Terms) -> None:
    enemy = world.address_signer()
    with refused("GrantsWrongSignature", terms.grant):
        revoke(world, terms, signature_of(world, enemy, terms.grant))
    own = replace(terms, revoker=enemy.signer)
    revoke(world, own, signature_of(world, enemy, own.grant))
    assert state(world, terms) == (UNKNOWN, 0)
    register(world, terms)


@pytest.mark.parametrize("field", ["digest", "register_before", "expires"])
def test_a_relay_can_change_nothing(world: World, terms: Terms, owner: AddressSigner, field: str) -> None:
    register(world, terms)
    value = getattr(terms, field)
    changed = replace(terms, **{field: value + 1 if isinstance(value, int) else keccak(value)})
    assert register(world, changed).returned != terms.grant
    with refused("GrantsWrongSignature", changed.grant):
        revoke(world, changed, signature_of(world, owner, terms.grant))


def test_a_revocation_kills_one_grant_only(world: World, terms: Terms, owner: AddressSigner) -> None:
    other = replace(terms, digest=keccak(text="another document"))
    register(world, terms)
    register(world, other)
    revoke(world, terms, signature_of(world, owner, terms.grant))
    assert state(world, other) == (REGISTERED, other.expires)
