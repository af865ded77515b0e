"""Changing a member's keys: nothing stops, nothing is lost, what was signed before stays good."""

from pathlib import Path

import msgspec
import pytest

from node.domain.bundle import parse_bundle
from node.domain.bundle_check import Verifier, verify_bundle
from node.domain.checkpoint import open_checkpoint
from node.domain.keys import KeyKind, KeySet
from node.domain.succession import encode_successions
from node.domain.verdict import Gap
from node.errors import ConflictError, InvalidError, NodeError, ProofFormatError, SignatureError
from node.services.guarantees import Verdict
from node.services.key_rotation import KeyRotation
from node.services.outbox import State
from node.wallet.folder import WalletFolder, WalletState
from tests.support.world import DAY, World
from tests.support.world_centre import Centre
from tests.support.world_guarantees import BANK, Tender
from tests.support.world_records import incoming

ON_LEDGER = (KeyKind.ACCOUNT, KeyKind.IDENTITY, KeyKind.LOG, KeyKind.SEALING)


@pytest.fixture
async def world(world: World) -> World:
    """Every node knows itself as a member."""
    await world.settle(publish=False)
    return world


@pytest.fixture
async def lonely(lonely: World) -> World:
    await lonely.settle(publish=False)
    return lonely


def rotation(centre: Centre) -> KeyRotation:
    return centre.services.key_rotation


def states(centre: Centre, kind: KeyKind) -> list[str]:
    return [one.state for one in rotation(centre).list() if one.info.kind is kind]


def present(centre: Centre) -> KeySet:
    return KeySet(*(centre.keys.present(kind) for kind in ON_LEDGER))


async def test_all_keys_change_and_everybody_follows(world: World) -> None:
    home, before = world.home, present(world.home)
    rotation(home).rotate(ON_LEDGER, overlap_seconds=10 * DAY)
    assert present(home) == before
    assert states(home, KeyKind.LOG) == ["present", "waiting"]
    await world.settle()
    after = present(home)
    assert after.account != before.account
    assert after.log_key != before.log_key
    assert after.sealing_key != before.sealing_key
    assert (
        after.identity_key == before.identity_key
    )  # for the first half, until everybody has learned of the new one
    assert states(home, KeyKind.IDENTITY) == ["present", "waiting"]
    for centre in world.centres.values():
        known = centre.services.projection.member(home.name)
        assert known.account == after.account
        assert set(known.identity_keys(world.clock.now())) == {before.identity_key, known.identity_key}
    world.clock.advance(5 * DAY + 60)
    rotation(home).step()
    assert states(home, KeyKind.IDENTITY) == ["overlap", "present"]
    world.clock.advance(5 * DAY + 60)
    assert states(home, KeyKind.IDENTITY) == ["former", "present"]
    member = home.services.projection.standing(home.name)
    assert member is not None
    assert KeySet.of(member.member) == present(home)


async def test_the_node_goes_on_appending_anchoring_and_answering_all_the_while(world: World) -> None:
    home, shared = world.home, await world.share(uses=20)
    for step in range(6):
        home.records.append("c", step + 1, [incoming(f"r{step}")])
        if step == 1:
            rotation(home).rotate(ON_LEDGER, overlap_seconds=DAY)
        if step == 3:
            rotation(world.reader).rotate(ON_LEDGER, overlap_seconds=DAY)
        await world.settle()
        await world.reader.services.reading.fetch(shared.digest)
        assert home.services.proving.anchored_size() == home.services.log.size()
        world.clock.advance(DAY / 2)
    assert not home.outbox()
    assert not world.reader.outbox()


async def test_bundles_before_during_and_after_verify_from_the_descriptor_alone(world: World) -> None:
    home, shared = world.home, await world.share(uses=20)
    bundles = []

    async def collect() -> None:
        home.records.append("c", len(bundles) // 2 + 1, [incoming(f"r{len(bundles)}")])
        await world.settle()
        bundles.append(home.services.proving.own_bundle(home.services.status.now().records - 1))
        fetched = await world.reader.services.reading.fetch(shared.digest)
        await world.settle()
        bundles.append(world.reader.services.proving.obtained_bundle(shared.digest, fetched.number))

    await collect()
    for centre in (home, world.reader, home):
        rotation(centre).rotate(ON_LEDGER, overlap_seconds=DAY)
        await collect()
        world.clock.advance(DAY)
        rotation(centre).step()
        await collect()
    for raw in bundles:
        world.verify(raw)


async def test_a_bundle_whose_changes_of_keys_are_false_is_refused(lonely: World) -> None:
    home = lonely.home
    rotation(home).rotate([KeyKind.LOG])
    await lonely.settle()
    home.records.append("c", 1, [incoming("a")])
    await lonely.settle()  # under a checkpoint that the key before no longer signs
    good = parse_bundle(home.services.proving.own_bundle(1))  # the rotation itself is record 0
    verifier = Verifier(lonely.descriptor, allowed=frozenset(Gap))
    verify_bundle(good, Verifier(lonely.descriptor))
    [change] = good.successions
    stolen = msgspec.structs.replace(change, log_key="11" * 32)
    for successions in ((), (stolen,), (msgspec.structs.replace(change, version=2),), (change, change)):
        false = msgspec.structs.replace(good, successions=successions, custody="")
        if successions == (change, change):
            verify_bundle(false, verifier)  # said twice is said once
            continue
        with pytest.raises(NodeError):
            verify_bundle(false, verifier)


async def test_while_a_log_key_waits_checkpoints_are_good_under_both(lonely: World) -> None:
    home = lonely.home
    home.services.publish()
    early = home.services.log.checkpoint(4).note
    rotation(home).rotate([KeyKind.LOG])
    old, new = home.keys.present(KeyKind.LOG), home.keys.newest(KeyKind.LOG)
    home.services.publish()
    note = home.services.log.checkpoint(8).note
    for key in (old, new):
        assert open_checkpoint(note, key).size == 8
    with pytest.raises(SignatureError):
        open_checkpoint(early, new)
    await lonely.settle()
    member = home.services.projection.member(home.name)
    assert (member.log_key_at(4), member.log_key_at(5), member.log_key_at(8)) == (old, new, new)
    home.services.publish()
    with pytest.raises(SignatureError):
        open_checkpoint(home.services.log.checkpoint(home.services.log.size()).note, old)


async def test_transactions_of_the_account_before_arrive_and_none_is_doubled(world: World) -> None:
    home = world.home
    rotation(home).rotate([KeyKind.ACCOUNT], overlap_seconds=DAY)
    bidders = [world.bidder() for _ in range(3)]
    for bidder in bidders:
        world.register(bidder)
    await home.services.sender.step()  # all under way by the account before
    assert {item.state for item in home.outbox()} == {State.SENT}
    assert {item.sender for item in home.outbox()} == {home.keys.present(KeyKind.ACCOUNT)}
    old = home.keys.present(KeyKind.ACCOUNT)
    await world.settle()
    new = home.keys.present(KeyKind.ACCOUNT)
    assert new != old
    assert not home.outbox()
    used = world.chain.next_nonce(old)
    world.register(world.bidder())
    await world.settle()
    assert world.chain.next_nonce(old) == used
    assert world.chain.next_nonce(new) >= 1


async def test_what_the_engine_lost_is_sent_again_by_the_account_that_signed_it(world: World) -> None:
    home = world.home
    rotation(home).rotate([KeyKind.ACCOUNT], overlap_seconds=0)
    await home.services.sender.step()
    world.chain.drop_pending()
    world.register(world.bidder())
    await world.settle()
    assert not home.outbox()
    assert states(home, KeyKind.ACCOUNT) == ["former", "present"]


@pytest.mark.parametrize("when", ["made", "queued", "sent", "final"])
async def test_a_crash_in_the_middle_of_a_change_is_gone_on_from(
    world: World, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = world.home
    if when == "made":
        with monkeypatch.context() as patch:
            patch.setattr(home.services.outbox, "add", _crash)
            with pytest.raises(RuntimeError):
                rotation(home).rotate(ON_LEDGER)
        home.restart()
        assert states(home, KeyKind.LOG) == ["present", "waiting"]
        rotation(home).rotate(ON_LEDGER)  # takes up what was made
    else:
        rotation(home).rotate(ON_LEDGER)
    if when in ("sent", "final"):
        await home.services.sender.step()
    if when == "final":
        world.seal()
    home.restart()
    await world.settle()
    assert states(home, KeyKind.LOG) == ["former", "present"]
    assert not home.outbox()


async def test_only_one_change_is_under_way(lonely: World) -> None:
    rotation(lonely.home).rotate([KeyKind.SEALING])
    with pytest.raises(ConflictError, match="under way"):
        rotation(lonely.home).rotate([KeyKind.LOG])
    await lonely.settle()
    rotation(lonely.home).rotate([KeyKind.LOG])
    await lonely.settle()
    assert states(lonely.home, KeyKind.SEALING) == states(lonely.home, KeyKind.LOG) == ["former", "present"]


async def test_senseless_changes_are_refused(lonely: World) -> None:
    for arguments in (((), DAY), ((KeyKind.INDEX,), DAY), ((KeyKind.LOG,), -1), ((KeyKind.LOG,), 31 * DAY)):
        with pytest.raises(InvalidError):
            rotation(lonely.home).rotate(*arguments)
    with pytest.raises(InvalidError, match="one key for a URI"):
        rotation(lonely.home).rotate([KeyKind.LOG, KeyKind.IDENTITY], DAY, "pkcs11:token=t;object=o")


async def test_an_urgent_change_in_the_overlap_of_the_last_ends_it(world: World) -> None:
    home, first = world.home, world.home.keys.present(KeyKind.IDENTITY)
    rotation(home).rotate([KeyKind.IDENTITY], overlap_seconds=10 * DAY)
    await world.settle()
    assert home.keys.present(KeyKind.IDENTITY) == first
    rotation(home).rotate([KeyKind.IDENTITY], overlap_seconds=0)
    await world.settle()
    world.clock.advance(2)
    known = world.reader.services.projection.member(home.name)
    assert known.identity_keys(world.clock.now()) == (home.keys.present(KeyKind.IDENTITY),)
    assert len(rotation(home).list()) == len(KeyKind) + 2


async def test_a_guarantee_stays_good_and_releasable_when_the_banks_keys_change() -> None:
    with World(guarantors=[BANK]) as world:
        await world.settle()
        tender = Tender(world)
        issued = await tender.in_force()
        under_way = await tender.issued(number="BH-2")  # signed by the key before, on its way
        rotation(tender.bank).rotate(ON_LEDGER, overlap_seconds=DAY)
        await world.settle()
        await world.settle()
        world.clock.advance(2 * DAY)
        rotation(tender.bank).step()
        await world.settle()
        for file in (issued.file, under_way.file):
            assert world.third.services.guarantees.check_file(file).verdict is Verdict.VALID
        later = await tender.issued(number="BH-3")
        await world.settle()
        assert world.third.services.guarantees.check_file(later.file).verdict is Verdict.VALID


async def test_a_new_data_key_wraps_at_once_and_the_old_one_goes_when_nothing_needs_it(world: World) -> None:
    home, shared = world.home, await world.share()
    old = home.keys.data[0]
    rotation(home).rotate([KeyKind.DATA])
    assert list(home.keys.data)[1:] == [old]
    home.restart()  # before anything is wrapped again
    await world.settle()
    world.register(world.bidder())
    await world.reader.services.reading.fetch(shared.digest)
    rotation(home).step()
    assert len(home.keys.data) == 2  # a second look, before anything is destroyed
    rotation(home).step()
    assert len(home.keys.data) == 1
    assert old not in home.keys.data
    home.restart()
    await world.settle()
    await world.reader.services.reading.fetch(shared.digest)
    assert states(home, KeyKind.DATA) == ["present"]


async def test_a_node_whose_ledger_names_keys_it_does_not_hold_says_so(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    home, keys = world.home, world.home.keys
    rotation(home).rotate([KeyKind.LOG])
    await home.services.sender.step()
    world.seal()
    del keys._rings[KeyKind.LOG].generations[2]  # an old copy of the folder was put back
    await world.settle()
    assert "the ledger names keys that this node does not hold: log" in caplog.text
    assert caplog.text.count("does not hold") == 1


def _crash(*_: object) -> None:
    raise RuntimeError("crash")


async def test_a_wallet_follows_a_members_keys_by_a_file_that_proves_itself(
    world: World, tmp_path: Path
) -> None:
    home = world.home
    for _ in range(2):
        rotation(home).rotate([KeyKind.IDENTITY, KeyKind.LOG], overlap_seconds=0)
        await world.settle()
    wallet = WalletFolder(tmp_path, WalletState(home.name), world.descriptor)
    assert wallet.member(home.name).identity_key != home.keys.identity.public_key
    (tmp_path / "cards").mkdir()
    file = tmp_path / "cards" / "home.json"
    file.write_bytes(encode_successions(rotation(home).history()))
    followed = wallet.member(home.name)
    assert KeySet.of(followed) == present(home)
    assert followed == world.reader.services.projection.member(home.name)
    file.write_bytes(encode_successions(rotation(home).history()[1:]))
    with pytest.raises(SignatureError, match="does not follow"):
        wallet.members()
    for malformed in (b"", b"{}", b"[{}]", b"\xff"):
        file.write_bytes(malformed)
        with pytest.raises(ProofFormatError):
            wallet.members()
