"""Erasure at the home: what goes, what stays, who may ask, and what others still prove."""

import asyncio
import threading

import msgspec
import pytest

from node.config import Config, RetentionConfig
from node.domain.document import open_members_document
from node.domain.erasure import ErasureReceipt, Held
from node.errors import (
    DocumentFormatError,
    GrantMissingError,
    MissingError,
    NodeError,
    ReplayError,
    SignatureError,
    UnknownCallerError,
)
from node.services import erasing, layout
from node.services.erasure_rows import Erasure, overdue
from node.services.transaction import Transaction
from node.wallet.keyfile import new_wallet_key
from tests.support.world import Shared, World
from tests.support.world_bidder import Bidder
from tests.support.world_centre import Centre

YEAR = 366 * 86_400


def ask(centre: Centre, bidder: Bidder, *categories: str) -> str:
    """The bidder asks for erasure; the signed request."""
    token = bidder.scribe.erase(centre.name, categories)
    centre.services.erasures.by_wallet(token)
    return token


def answer(centre: Centre, token: str) -> list[Erasure]:
    return list(centre.services.erasures.by_wallet(token))


def receipt(world: World, centre: Centre, token: str) -> ErasureReceipt:
    [erasure] = answer(centre, token)
    handed_out = centre.services.erasures.receipt(erasure)
    return open_members_document(handed_out, ErasureReceipt, world.member(centre.name).identity_keys)


def rows_about(centre: Centre, subject: str) -> list[bytes]:
    """Rows that name the subject, apart from what the ledger says, the erasure's own, and whom it was told to."""
    own = (layout.LEDGER, b"er/", b"el/", b"eh/", b"eo/", layout.NOTICE, layout.NOTICE_ABOUT)
    named = (subject.encode(), bytes.fromhex(subject))
    found = [
        key
        for key, value in centre.store.everything().items()  # type: ignore[attr-defined]
        if any(name in key or name in value for name in named) and not key.startswith(own)
    ]
    return [key for key in found if not (key.startswith(layout.FEED) and b"erased" in centre.store.get(key))]


async def test_nothing_about_the_subject_is_left_and_the_receipt_says_so(world: World) -> None:
    bidder = world.bidder()
    world.register(bidder)
    await world.settle()
    world.request(world.reader, bidder)
    await world.settle()
    world.grant(bidder)
    await world.settle()
    token = ask(world.home, bidder)
    assert rows_about(world.home, bidder.subject) == []
    assert world.home.services.vault.parts(bidder.subject) == []
    await world.settle()
    await world.settle()
    said = receipt(world, world.home, token)
    assert said.whole
    assert (said.erased, said.held) == (("subject.base", "subject.qualification"), ())
    assert bidder.scribe.check_receipt(answer(world.home, token)[0].receipt, world.member("hangzhou"), token)


async def test_what_the_law_holds_is_blocked_and_erased_at_its_end(world: World, shared: Shared) -> None:
    bidder, home = shared.bidder, world.home
    await world.reader.services.reading.fetch(shared.digest)
    await world.settle()
    token = ask(home, bidder)
    await world.settle()
    await world.settle()
    said = receipt(world, home, token)
    [held] = said.held
    assert held.category == "access.read"
    assert held.until >= world.clock.now() + 3 * 365 * 86_400
    assert list(home.serving.history(bidder.subject)) == []
    assert home.services.vault.blocked(bidder.subject) != []
    assert list(home.records.all_of(bidder.subject)) == []
    home.restart()
    world.clock.advance(3 * YEAR + 40 * 86_400)
    await world.settle()
    await world.settle()
    _, second = answer(home, token)
    assert home.services.vault.blocked(bidder.subject) == []
    assert rows_about(home, bidder.subject) == []
    later = open_members_document(second.receipt, ErasureReceipt, world.member(home.name).identity_keys)
    assert (later.erased, later.held, later.whole) == (("access.read",), (), False)


async def test_a_named_category_goes_and_the_rest_stays(world: World, shared: Shared) -> None:
    bidder, home = shared.bidder, world.home
    token = ask(home, bidder, "subject.qualification")
    await world.settle()
    await world.settle()
    said = receipt(world, home, token)
    assert (said.whole, said.erased) == (False, ("subject.qualification",))
    fetched = await world.reader.services.reading.fetch(shared.digest)
    assert [record.header.category for record in fetched.records] == ["subject.base"]
    packages = list(home.services.moving.copy(bidder.scribe.copy(home.name)))
    assert [one.category for one in packages] == ["subject.base"]
    # Handed in again in the same month it is a new one under a new key, which a restart does not erase.
    world.register(bidder, package=[bidder.qualification("D2")])
    home.restart()
    await world.settle()
    packages = list(home.services.moving.copy(bidder.scribe.copy(home.name)))
    assert sorted(one.category for one in packages) == ["subject.base", "subject.qualification"]


async def test_reads_that_are_held_come_back_into_sight_in_no_way(world: World, shared: Shared) -> None:
    bidder, home = shared.bidder, world.home
    await world.reader.services.reading.fetch(shared.digest)
    await world.settle()
    [blocked] = [
        p
        for p in home.records.all_of(bidder.subject)
        if home.records.load(p).header.category == "access.read"
    ]
    ask(home, bidder, "access.read")
    assert list(home.serving.history(bidder.subject)) == []
    missing = pytest.raises(MissingError, match=f"there is no record at position {blocked}")
    with missing:
        home.records.load(blocked)
    # A later read of the same month is seen, and can be blocked too, without a word about the first.
    await world.reader.services.reading.fetch(shared.digest)
    await world.settle()
    assert len(list(home.serving.history(bidder.subject))) == 1
    ask(home, bidder, "access.read")
    assert len(home.services.vault.blocked(bidder.subject)) == 2
    assert len(home.services.exporting.registration(bidder.scribe.export(home.name))) == 3


async def test_an_erased_subject_answers_like_one_that_never_was(world: World, shared: Shared) -> None:
    bidder, home = shared.bidder, world.home
    ask(home, bidder)
    await world.settle()
    with pytest.raises(GrantMissingError, match="no live grant covers this read"):
        await world.reader.services.reading.fetch(shared.digest)
    for call in (
        lambda: home.services.exporting.registration(bidder.scribe.export(home.name)),
        lambda: list(home.services.moving.copy(bidder.scribe.copy(home.name))),
        lambda: home.sharing.give_grant(bidder.scribe.give(home.name, shared.token)),
    ):
        with pytest.raises(UnknownCallerError):
            call()
    world.request(world.reader, bidder)
    await world.settle()
    assert list(home.sharing.requests(bidder.subject)) == []


async def test_who_was_erased_can_register_anew_as_somebody_else(world: World, shared: Shared) -> None:
    bidder, former = shared.bidder, shared.bidder.subject
    ask(world.home, bidder)
    await world.settle()
    bidder.subject = ""
    world.register(bidder)
    assert bidder.subject != former
    await world.settle()
    again = await world.share(bidder)
    assert (await world.reader.services.reading.fetch(again.digest)).records


# -- attacks -----------------------------------------------------------------------------------------------


async def test_a_request_again_erases_nothing_again(world: World, shared: Shared) -> None:
    bidder, home = shared.bidder, world.home
    token = ask(home, bidder, "subject.qualification")
    world.register(bidder, package=[bidder.qualification("D2")])
    [first] = answer(home, token)
    [second] = answer(home, token)
    assert first.line == second.line
    assert len(list(home.records.newest(bidder.subject, "subject.qualification", lambda _: True))) == 1


async def test_an_old_request_is_not_taken(world: World, shared: Shared) -> None:
    token = shared.bidder.scribe.erase(world.home.name)
    world.clock.advance(301)
    with pytest.raises(ReplayError):
        world.home.services.erasures.by_wallet(token)


async def test_nobody_else_can_have_a_subject_erased(world: World, shared: Shared) -> None:
    bidder, home = shared.bidder, world.home
    stranger = world.bidder()
    world.register(stranger)
    await world.settle()
    before = home.services.vault.parts(bidder.subject)
    own, stranger.subject = stranger.subject, bidder.subject
    attacks = {
        stranger.scribe.erase(home.name): UnknownCallerError,
        bidder.scribe.erase(world.reader.name): DocumentFormatError,
        bidder.scribe.erase(home.name)[:-6] + "AAAAAA": NodeError,
        bidder.scribe.erase(home.name, ["trade.tender"]): DocumentFormatError,
        bidder.scribe.erase(home.name, ["subject.nothing"]): NodeError,
    }
    for token, refusal in attacks.items():
        with pytest.raises(refusal):
            home.services.erasures.by_wallet(token)
    assert home.services.vault.parts(bidder.subject) == before
    stranger.subject = own


async def test_a_key_that_speaks_no_more_cannot_erase(world: World, shared: Shared) -> None:
    bidder, home = shared.bidder, world.home
    token = bidder.scribe.erase(home.name)
    subject = bytes.fromhex(bidder.subject)
    row = home.services.projection.subject(subject)
    assert row is not None
    other = home.services.alliance.signer_of(new_wallet_key().public_key.hex())
    changed = msgspec.structs.replace(row, controllers=(other,))
    key = next(k for k, _ in home.store.scan(layout.LEDGER_SUBJECT) if k.endswith(subject))
    transaction = Transaction(home.store)
    transaction.put(key, msgspec.msgpack.encode(changed))
    transaction.commit()
    with pytest.raises(UnknownCallerError):
        home.services.erasures.by_wallet(token)
    assert home.services.registrations.is_registered(bidder.subject)


async def test_a_receipt_is_checked_by_the_wallet(world: World, shared: Shared) -> None:
    bidder, home = shared.bidder, world.home
    token = ask(home, bidder)
    await world.settle()
    [erasure] = answer(home, token)
    with pytest.raises(SignatureError):
        bidder.scribe.check_receipt(erasure.receipt, world.member(world.reader.name), token)
    with pytest.raises(DocumentFormatError):
        bidder.scribe.check_receipt(erasure.receipt, world.member(home.name), bidder.scribe.erase(home.name))


async def test_a_receipt_waits_until_the_record_of_it_is_anchored(world: World, shared: Shared) -> None:
    token = ask(world.home, shared.bidder)
    await world.settle()
    [erasure] = answer(world.home, token)
    assert erasure.receipt
    assert not world.home.services.erasures.receipt(erasure)
    await world.settle()
    assert world.home.services.erasures.receipt(answer(world.home, token)[0])


# -- the operator --------------------------------------------------------------------------------------------


async def test_the_operator_erases_with_a_reason_that_is_on_record(world: World, shared: Shared) -> None:
    bidder, erasures = shared.bidder, world.home.services.erasures
    with pytest.raises(DocumentFormatError):
        erasures.by_operator(bidder.subject, "", (), " ")
    with pytest.raises(MissingError):
        erasures.by_operator("", "91110000600037341L", (), "钱包遗失")
    done = erasures.by_operator("", bidder.code, (), "钱包遗失")
    assert done.line.whole
    await world.settle()
    acts = [act.act for act in world.home.services.acts.newest_first()]
    assert {"erasure.ordered", "data.erased"} <= set(acts)
    ordered = next(a for a in world.home.services.acts.newest_first() if a.act == "erasure.ordered")
    assert ordered.about == {"erasure": str(done.line.number), "reason": "钱包遗失"}
    assert rows_about(world.home, bidder.subject) == []


# -- others --------------------------------------------------------------------------------------------------


async def test_proofs_of_others_and_bundles_handed_out_hold(world: World, shared: Shared) -> None:
    other = world.bidder()
    world.register(other)
    await world.settle()
    await world.reader.services.reading.fetch(shared.digest)
    await world.settle()
    bundle = world.reader.services.proving.obtained_bundle(shared.digest, 0)
    home = world.home
    size = home.services.log.size()
    kept = home.services.vault.parts(other.subject)
    ask(home, shared.bidder)
    await world.settle()
    await world.settle()
    world.verify(bundle)
    with pytest.raises(MissingError, match="no such read"):
        world.reader.services.proving.obtained_bundle(shared.digest, 0)  # told, and gone there too
    [mine] = [
        p
        for p in home.records.all_of(other.subject)
        if home.records.load(p).header.category == "subject.base"
    ]
    world.verify(home.services.proving.own_bundle(mine))
    assert home.services.log.consistency(size, home.services.log.size())
    assert home.services.vault.parts(other.subject) == kept
    assert (await world.reader.services.reading.fetch((await world.share(other)).digest)).records


async def test_the_receipt_names_the_held_category_once(world: World, shared: Shared) -> None:
    """Reads of two months are held until the later end."""
    await world.reader.services.reading.fetch(shared.digest)
    world.clock.advance(32 * 86_400)
    token = ask(world.home, shared.bidder)
    [erasure] = answer(world.home, token)
    assert len(erasure.line.held) == 1
    await world.settle()
    said = open_members_document(
        answer(world.home, token)[0].receipt, ErasureReceipt, world.member(world.home.name).identity_keys
    )
    assert said.held == (Held("access.read", max(erasure.line.held.values())),)


async def test_at_the_home_that_it_has_left_a_subject_is_erased_too(world: World, shared: Shared) -> None:
    bidder, old, new = shared.bidder, world.home, world.third
    place = new.services.moving.place(bidder.scribe.place(new.name))
    token = bidder.scribe.move(
        new.name, bidder.delegation, bidder.package(), place.version + 1, place.contract
    )
    new.services.moving.take_over(token)
    await world.settle()
    bidder.home = new
    kept = new.services.vault.parts(bidder.subject)
    request = ask(old, bidder)
    await world.settle()
    await world.settle()
    assert receipt(world, old, request).iss == old.name
    assert rows_about(old, bidder.subject) == []
    assert new.services.vault.parts(bidder.subject) == kept
    again = await world.share(bidder)
    assert (await world.reader.services.reading.fetch(again.digest)).records


async def test_what_a_reader_obtained_is_the_readers(world: World, shared: Shared) -> None:
    """Also where the reader becomes the subject's home, and is asked to erase what it keeps as that."""
    bidder, reader = shared.bidder, world.reader
    await reader.services.reading.fetch(shared.digest)
    place = reader.services.moving.place(bidder.scribe.place(reader.name))
    token = bidder.scribe.move(
        reader.name, bidder.delegation, bidder.package(), place.version + 1, place.contract
    )
    reader.services.moving.take_over(token)
    await world.settle()
    ask(reader, bidder)
    await world.settle()
    assert reader.services.vault.parts(bidder.subject) == ["obtained"]
    world.verify(reader.services.proving.obtained_bundle(shared.digest, 0))


# -- what falls due ------------------------------------------------------------------------------------------


@pytest.fixture
def strict(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nodes whose configuration has a maximum for qualifications."""
    rules = Config.rules

    def stricter(config: Config) -> object:
        kept = {"subject.qualification": RetentionConfig(maximum_days=60)}
        return rules(msgspec.structs.replace(config, retention=kept))

    monkeypatch.setattr(Config, "rules", stricter)


@pytest.mark.usefixtures("strict")
async def test_what_is_past_its_maximum_goes_by_itself() -> None:
    with World(("hangzhou",)) as world:
        bidder, home = world.bidder(), world.home
        world.register(bidder)
        await world.settle()
        assert len(list(home.records.all_of(bidder.subject))) == 3
        world.clock.advance(61 * 86_400)
        await world.settle()
        await world.settle()
        left = [home.records.load(p).header.category for p in home.records.all_of(bidder.subject)]
        assert left == ["subject.attestation", "subject.base"]
        [erasure] = home.services.erasures.all()
        assert (erasure.line.whole, erasure.line.request) == (False, "")
        assert home.services.erasures.receipt(erasure)
        assert home.services.registrations.is_registered(bidder.subject)


async def test_a_held_part_that_nobody_erased_is_told_as_overdue(world: World, shared: Shared) -> None:
    home = world.home
    await world.reader.services.reading.fetch(shared.digest)
    await world.settle()
    ask(home, shared.bidder)
    assert overdue(home.store, world.clock.now()) == (0, 0.0)
    world.clock.advance(4 * YEAR)
    late, oldest = overdue(home.store, world.clock.now())
    assert (late, int(oldest)) == (1, 4 * YEAR)
    await world.settle()
    await world.settle()
    assert overdue(home.store, world.clock.now()) == (0, 0.0)


async def test_erasures_that_keep_coming_do_not_keep_earlier_ones_from_their_end(
    world: World, shared: Shared, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasing, "_REWRAP_BATCH", 1)
    others = [world.bidder() for _ in range(3)]
    for other in others:
        world.register(other)
    await world.settle()
    home = world.home
    first = ask(home, shared.bidder)
    assert await home.services.erasing.step()
    rounds = 0
    while not answer(home, first)[0].receipt:
        if others:
            ask(home, others.pop())
        await home.services.erasing.step()
        rounds += 1
        assert rounds < 200
    for _ in range(3):
        await world.settle()
    assert all(home.services.erasures.receipt(one) for one in home.services.erasures.all())
    assert len(home.keys.data) == 1


async def test_there_must_be_something_of_a_named_category(world: World, shared: Shared) -> None:
    with pytest.raises(MissingError):
        ask(world.home, shared.bidder, "subject.performance")
    with pytest.raises(DocumentFormatError, match="the authority withdraws"):
        ask(world.home, shared.bidder, "subject.credit")
    assert list(world.home.services.erasures.all()) == []


async def test_a_node_that_stops_waits_for_the_files_to_be_purged(world: World, shared: Shared) -> None:
    """The stores are closed next, and a database must not be closed under somebody's hands."""
    ask(world.home, shared.bidder)
    begun, may_end, ended = threading.Event(), threading.Event(), []

    def purge(_: object) -> bool:
        begun.set()
        assert may_end.wait(10)
        ended.append(True)
        return True

    world.home.keyring.purge = purge  # type: ignore[method-assign]
    working = asyncio.create_task(_to_the_end(world.home))
    await asyncio.to_thread(begun.wait, 10)
    working.cancel()
    await asyncio.sleep(0)
    assert not working.done()
    may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await working
    assert ended


async def _to_the_end(home: Centre) -> None:
    while await home.services.erasing.step():
        pass
