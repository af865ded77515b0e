import base64

import pytest
from cryptography.exceptions import InvalidSignature
from hypothesis import given
from hypothesis import strategies as st
from tlog_scales import signing, tlog

from node.domain.checkpoint import (
    Checkpoint,
    open_checkpoint,
    parse_checkpoint,
    sign_checkpoint,
    verifier_key,
)
from node.errors import ProofFormatError, SignatureError
from tests.vectors import story
from tests.vectors.keys import log_key
from tests.vectors.world import ALLIANCE, HOME, READER

KEY = log_key(f"{HOME} log")
CHECKPOINT = Checkpoint(ALLIANCE, HOME, 21, bytes(range(32)))
NOTE = sign_checkpoint(CHECKPOINT, KEY.public, KEY.sign)
TEXT, TAIL = NOTE.split("\n\n")


@given(st.integers(0, 10**19 - 1), st.binary(min_size=32, max_size=32))
def test_signed_checkpoint_opens(size, root):
    checkpoint = Checkpoint(ALLIANCE, HOME, size, root)
    assert open_checkpoint(sign_checkpoint(checkpoint, KEY.public, KEY.sign), KEY.public) == checkpoint


def test_note_is_verified_by_another_implementation():
    foreign = tlog.Checkpoint.from_text(NOTE)
    verifier_key = signing.Vkey(CHECKPOINT.origin, None, 1, KEY.public)
    foreign.verify(verifier_key)
    assert (foreign.origin, foreign.size, foreign.root_hash) == (CHECKPOINT.origin, 21, CHECKPOINT.root)
    forged = tlog.Checkpoint.from_text(NOTE.replace("\n21\n", "\n22\n"))
    with pytest.raises(InvalidSignature):
        forged.verify(verifier_key)


def test_verifier_key_is_read_by_another_implementation():
    foreign = signing.Vkey.from_string(verifier_key(ALLIANCE, HOME, KEY.public))
    tlog.Checkpoint.from_text(NOTE).verify(foreign)


def test_note_of_another_implementation_opens():
    signer = signing.PlainEd25519Signer(CHECKPOINT.origin, KEY.seed)
    foreign = tlog.Checkpoint.make_signed(CHECKPOINT.origin, 21, CHECKPOINT.root, [signer])
    assert foreign.serialize() == NOTE
    assert open_checkpoint(foreign.serialize(), KEY.public) == CHECKPOINT


def test_cosignatures_of_others_are_passed_over():
    other = log_key(f"{READER} log")
    cosigner = signing.PlainEd25519Signer(f"heqi/{ALLIANCE}/{READER}", other.seed)
    signers = [cosigner, signing.PlainEd25519Signer(CHECKPOINT.origin, KEY.seed)]
    note = tlog.Checkpoint.make_signed(CHECKPOINT.origin, 21, CHECKPOINT.root, signers).serialize()
    assert open_checkpoint(note, KEY.public) == CHECKPOINT
    with pytest.raises(SignatureError):
        open_checkpoint(note, other.public)


def test_note_under_another_key_is_refused():
    with pytest.raises(SignatureError):
        open_checkpoint(NOTE, log_key("other").public)


@pytest.mark.parametrize(
    "note",
    [
        "",
        "\n\n",
        NOTE + "\n",
        NOTE + "— x\n",
        NOTE + "—  " + base64.b64encode(bytes(68)).decode() + "\n",
        NOTE + f"— x {base64.b64encode(bytes(4)).decode()}\n",
        NOTE + TAIL * 64,
        NOTE.replace(ALLIANCE, ALLIANCE.upper()),
        NOTE.replace(ALLIANCE, ALLIANCE[:-1]),
        NOTE.replace(HOME, "Centre"),
        NOTE.replace(HOME, "1centre"),
        NOTE.replace("\n21\n", "\n-1\n"),
        NOTE.replace("\n21\n", "\n" + "9" * 20 + "\n"),
        NOTE.replace("\n21\n", "\n２１\n"),
        NOTE.replace("\n21\n", "\n21 \n"),
        "\n" + NOTE,
    ],
)
def test_malformed_note_is_refused(note):
    with pytest.raises(ProofFormatError):
        parse_checkpoint(note)


def test_overlong_note_is_refused():
    with pytest.raises(ProofFormatError):
        parse_checkpoint(NOTE + f"— {'x' * 16_384} {base64.b64encode(bytes(68)).decode()}\n")


def test_every_changed_character_of_a_note_is_refused():
    note = story.note()
    for at, character in enumerate(note):
        for other in {chr(ord(character) ^ 1), "A", " ", "合"} - {character}:
            with pytest.raises((ProofFormatError, SignatureError)):
                open_checkpoint(note[:at] + other + note[at + 1 :], KEY.public)
