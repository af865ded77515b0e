"""The drill: a leaf, a trust anchor and a log key run out or are stolen. What still works, and what stops.

`docs/operate.md` tells operators the same in a table.
"""

from collections.abc import Iterator

import pytest

from adapters.crypto.leaves import LEAF_SECONDS, LeafSource
from node.domain.evidence import verify_evidence
from node.domain.keys import KeyKind
from node.errors import AnchorError, CertificateError, KeyHolderError, SignatureError
from node.services.expiries import Level
from tests.support import world_dishonest
from tests.support.world import DAY, World
from tests.support.world_records import incoming


@pytest.fixture
def world() -> Iterator[World]:
    with World() as world:
        yield world


def away(*_: object) -> bytes:
    raise KeyHolderError("the token is unplugged")


async def test_the_holder_of_the_identity_key_is_away_until_the_leaf_runs_out(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared, home = await world.share(uses=20), world.home
    leaves = LeafSource(home.name, home.keys.identity, world.clock)
    first = leaves.leaf()
    with monkeypatch.context() as patch:
        patch.setattr(type(home.keys.identity), "sign", away)
        patch.setattr(type(home.keys.identity), "key", property(away))
        # works: taking records in, publishing, anchoring; connections, on the leaf that is still good
        for day in range(6):
            world.clock.advance(DAY * 0.9)  # past the half of its time, when it would be renewed
            home.records.append("c", day + 1, [incoming(str(day))])
            await world.settle()
            assert home.services.proving.anchored_size() == home.services.log.size()
            assert leaves.leaf() == first
        # stops: answers to readers, which the identity key signs
        with pytest.raises(KeyHolderError):
            await world.reader.services.reading.fetch(shared.digest)
        # stops, after seven days: everything over TLS
        world.clock.advance(LEAF_SECONDS)
        with pytest.raises(KeyHolderError):
            leaves.leaf()
    # all of it goes on by itself when the holder is back
    assert leaves.leaf() != first
    await world.settle()
    await world.reader.services.reading.fetch(shared.digest)


async def test_the_certificate_authority_runs_out(world: World) -> None:
    shared, home = await world.share(uses=20), world.home
    fetched = await world.reader.services.reading.fetch(shared.digest)
    await world.settle()
    bundle = world.reader.services.proving.obtained_bundle(shared.digest, fetched.number)
    deadline = min(home.services.status.now().expiries, key=lambda one: one.expires)
    assert deadline.level is Level.FINE
    world.clock.advance(deadline.expires - world.clock.now() - 20 * DAY)
    assert home.services.status.now().expiries[0].level is Level.WARNING
    world.clock.advance(20 * DAY + 1)
    assert home.services.status.now().expiries[0].level is Level.EXPIRED
    await world.settle(publish=False)
    # stops: new registrations under its certificates
    with pytest.raises(CertificateError):
        world.register(world.bidder())
    # works: the centre's own records, the log, its anchors, and every proof of the past
    home.records.append("c", 1, [incoming("after")])
    await world.settle()
    assert home.services.proving.anchored_size() == home.services.log.size()
    world.verify(bundle)


async def test_the_log_key_is_stolen(world: World) -> None:
    home = world.home
    await world.settle()
    home.records.append("c", 1, [incoming("before")])
    await world.settle()
    early = home.services.proving.own_bundle(0)
    stolen = home.keys.log
    sealed = home.records.load(0).seal()
    home.services.key_rotation.rotate([KeyKind.LOG], overlap_seconds=0)
    await world.settle()
    await world.settle()
    alliance, member = world.descriptor.alliance, world.reader.services.projection.member(home.name)
    forged = world_dishonest.forged_tree(world, home, sealed, ["title"], stolen)
    # stops: whatever the thief signs for what came after
    with pytest.raises(SignatureError):
        verify_evidence(forged, alliance=alliance, member=home.name, log_key=member.log_key_at)
    # works: what was signed before, what is signed now
    world.verify(early)
    home.records.append("c", 2, [incoming("after")])
    await world.settle()
    world.verify(home.services.proving.own_bundle(1))


async def test_until_a_stolen_log_key_is_changed_the_ledger_protects_readers(world: World) -> None:
    """The thief has the log key only. Who looks at the ledger is not deceived; who checks offline could be."""
    shared, home = await world.share(uses=20), world.home
    stolen = home.keys.log
    answers = []

    def tamper(answer):
        position = home.services.status.now().records - 1
        sealed = home.records.load(position).seal()
        fields = list(sealed.commitments.disclosures)
        evidence = world_dishonest.forged_tree(world, home, sealed, fields, stolen)
        answers.append(evidence)
        return world_dishonest.signed_anew(home, answer, evidence)

    world.network.tamper = tamper
    with pytest.raises(AnchorError):
        await world.reader.services.reading.fetch(shared.digest)
    member = world.reader.services.projection.member(home.name)
    verify_evidence(
        answers[0], alliance=world.descriptor.alliance, member=home.name, log_key=member.log_key_at
    )  # the forgery is perfect but for the anchor
