"""Wallet requests: once, now, here, and by the key that they name."""

import msgspec
import pytest

from node.domain.document import peek_document, sign_document
from node.domain.encoding import from_base64url, to_base64url
from node.domain.wallet import WINDOW_SECONDS, HistoryCall, StatusCall
from node.errors import DocumentFormatError, ReplayError, SignatureError, UnknownCallerError
from node.services import layout
from node.wallet.keyfile import new_wallet_key
from tests.support.world import World
from tests.support.world_bidder import Bidder


@pytest.fixture
async def bidder(world: World) -> Bidder:
    bidder = world.bidder()
    world.register(bidder)
    await world.settle()
    return bidder


def open_status(world: World, token: str) -> StatusCall:
    return world.home.services.gate.open(token, StatusCall)


def changed(bidder: Bidder, token: str, **changes: object) -> str:
    """The same request with other content, signed by the same wallet."""
    call = peek_document(token, StatusCall)
    return sign_document(msgspec.structs.replace(call, **changes), bidder.key.sign)


async def test_a_request_of_the_subjects_key_is_let_in(world: World, bidder: Bidder) -> None:
    call = open_status(world, bidder.scribe.status(world.home.name))
    assert call.subject == bidder.subject
    assert world.home.services.gate.check_controller(call) == bytes.fromhex(bidder.subject)


async def test_a_replayed_request_is_refused_also_after_a_restart(world: World, bidder: Bidder) -> None:
    token = bidder.scribe.status(world.home.name)
    open_status(world, token)
    with pytest.raises(ReplayError):
        open_status(world, token)
    world.home.restart()
    with pytest.raises(ReplayError):
        open_status(world, token)


async def test_a_replay_under_another_valid_signature_is_refused(world: World, bidder: Bidder) -> None:
    """ECDSA: (r, n - s) is a signature too, and anybody can make it."""
    order = int("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551", 16)
    token = bidder.scribe.status(world.home.name)
    open_status(world, token)
    signing_input, _, signature = token.rpartition(".")
    raw = from_base64url(signature)
    mirrored = raw[:32] + (order - int.from_bytes(raw[32:], "big")).to_bytes(32, "big")
    with pytest.raises(ReplayError):
        open_status(world, f"{signing_input}.{to_base64url(mirrored)}")


@pytest.mark.parametrize("seconds", [-WINDOW_SECONDS - 1, WINDOW_SECONDS + 1])
async def test_a_request_from_another_time_is_refused(world: World, bidder: Bidder, seconds: int) -> None:
    token = bidder.scribe.status(world.home.name)
    world.clock.advance(seconds)
    with pytest.raises(ReplayError, match="clocks differ"):
        open_status(world, token)


@pytest.mark.parametrize("seconds", [-WINDOW_SECONDS, 0, WINDOW_SECONDS])
async def test_clocks_may_differ_a_little(world: World, bidder: Bidder, seconds: int) -> None:
    token = bidder.scribe.status(world.home.name)
    world.clock.advance(seconds)
    open_status(world, token)


async def test_a_request_to_another_node_is_refused(world: World, bidder: Bidder) -> None:
    with pytest.raises(DocumentFormatError, match="another node or alliance"):
        open_status(world, bidder.scribe.status(world.third.name))


async def test_a_request_of_another_alliance_is_refused(world: World, bidder: Bidder) -> None:
    token = changed(bidder, bidder.scribe.status(world.home.name), alliance="ab" * 32)
    with pytest.raises(DocumentFormatError, match="another node or alliance"):
        open_status(world, token)


async def test_a_request_of_another_kind_is_refused(world: World, bidder: Bidder) -> None:
    with pytest.raises(DocumentFormatError):
        world.home.services.gate.open(bidder.scribe.status(world.home.name), HistoryCall)


@pytest.mark.parametrize(
    "changes", [{"key": "zz" * 64}, {"key": "ab" * 63}, {"subject": "zz" * 32}, {"subject": "ab"}]
)
async def test_a_request_with_a_malformed_name_is_refused(
    world: World, bidder: Bidder, changes: dict[str, str]
) -> None:
    token = changed(bidder, bidder.scribe.status(world.home.name), **changes)
    with pytest.raises(DocumentFormatError):
        open_status(world, token)


async def test_a_request_signed_by_another_key_is_refused(world: World, bidder: Bidder) -> None:
    call = peek_document(bidder.scribe.status(world.home.name), StatusCall)
    with pytest.raises(SignatureError):
        open_status(world, sign_document(call, new_wallet_key().sign))


async def test_another_key_does_not_speak_for_the_subject(world: World, bidder: Bidder) -> None:
    thief = world.bidder()
    thief.subject = bidder.subject
    call = open_status(world, thief.scribe.status(world.home.name))
    with pytest.raises(UnknownCallerError) as refusal:
        world.home.services.gate.check_controller(call)
    thief.subject = "cd" * 32
    with pytest.raises(UnknownCallerError) as same:
        world.home.services.gate.check_controller(open_status(world, thief.scribe.status(world.home.name)))
    assert str(refusal.value) == str(same.value), "the answer must not tell whether there is such a subject"


async def test_a_request_without_a_subject_speaks_for_nobody(world: World) -> None:
    call = open_status(world, world.bidder().scribe.status(world.home.name))
    with pytest.raises(UnknownCallerError):
        world.home.services.gate.check_controller(call)


async def test_a_refused_request_is_not_remembered(world: World, bidder: Bidder) -> None:
    before = world.home.store.everything()
    with pytest.raises(DocumentFormatError):
        open_status(world, bidder.scribe.status(world.third.name))
    assert world.home.store.everything() == before


async def test_marks_of_requests_that_are_too_old_anyway_are_swept(world: World, bidder: Bidder) -> None:
    for _ in range(20):
        open_status(world, bidder.scribe.status(world.home.name))
    world.clock.advance(2 * WINDOW_SECONDS + 1)
    for _ in range(3):
        token = bidder.scribe.status(world.home.name)
        open_status(world, token)
    marks = [key for key, _ in world.home.store.scan(layout.TAKEN)]
    assert len(marks) == 3
    with pytest.raises(ReplayError):
        open_status(world, token)
