"""Cosignatures, against an implementation that nobody here wrote (`tlog-scales`)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tlog_scales import signing, tlog

from node.domain.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from node.domain.cosignature import (
    cosign,
    cosignatures,
    open_cosignature,
    with_cosignatures,
    witnesses_needed,
)
from node.errors import ProofFormatError, SignatureError
from tests.vectors.keys import log_key
from tests.vectors.world import ALLIANCE, HOME, READER

HOME_KEY, WITNESS_KEY = log_key(f"{HOME} log"), log_key(f"{READER} log")
CHECKPOINT = Checkpoint(ALLIANCE, HOME, 21, bytes(range(32)))
NOTE = sign_checkpoint(CHECKPOINT, HOME_KEY.public, HOME_KEY.sign)
TIME = 1_770_000_000
LINE = cosign(CHECKPOINT, READER, WITNESS_KEY.public, TIME, WITNESS_KEY.sign)
_COSIGNATURE, _NAME = 4, f"heqi/{ALLIANCE}/{READER}"


def test_a_foreign_verifier_accepts_our_cosignature():
    foreign = tlog.Checkpoint.from_text(with_cosignatures(NOTE, [LINE]))
    foreign.verify(signing.Vkey(_NAME, None, _COSIGNATURE, WITNESS_KEY.public))
    foreign.verify(signing.Vkey(CHECKPOINT.origin, None, 1, HOME_KEY.public))


def test_the_note_still_opens_and_names_its_witnesses():
    note = with_cosignatures(NOTE, [LINE])
    assert open_checkpoint(note, HOME_KEY.public) == CHECKPOINT
    assert cosignatures(note, CHECKPOINT, {READER: WITNESS_KEY.public}) == {READER: TIME}
    assert cosignatures(NOTE, CHECKPOINT, {READER: WITNESS_KEY.public}) == {}
    assert cosignatures(note, CHECKPOINT, {READER: log_key("other").public}) == {}


@given(st.integers(0, 2**64 - 1), st.integers(0, 10**18))
def test_a_cosignature_opens_with_its_time(time, size):
    checkpoint = Checkpoint(ALLIANCE, HOME, size, bytes(32))
    line = cosign(checkpoint, READER, WITNESS_KEY.public, time, WITNESS_KEY.sign)
    assert open_cosignature(line, checkpoint, READER, WITNESS_KEY.public) == time


@pytest.mark.parametrize(
    "other",
    [
        Checkpoint(ALLIANCE, HOME, 22, CHECKPOINT.root),
        Checkpoint(ALLIANCE, HOME, 21, bytes(32)),
        Checkpoint("b" * 64, HOME, 21, CHECKPOINT.root),
        Checkpoint(ALLIANCE, "suzhou", 21, CHECKPOINT.root),
    ],
)
def test_a_cosignature_is_good_for_no_other_checkpoint(other):
    with pytest.raises(SignatureError):
        open_cosignature(LINE, other, READER, WITNESS_KEY.public)


def test_a_changed_time_is_found():
    later = cosign(CHECKPOINT, READER, WITNESS_KEY.public, TIME + 1, lambda _: b"")
    signature = LINE.split()[-1]
    forged = later.rstrip() + signature[len(later.split()[-1]) :] + "\n"
    with pytest.raises((SignatureError, ProofFormatError)):
        open_cosignature(forged, CHECKPOINT, READER, WITNESS_KEY.public)


def test_the_logs_own_signature_is_no_cosignature_and_the_other_way_round():
    own = NOTE.split("\n\n")[1]
    with pytest.raises(SignatureError):
        open_cosignature(own, CHECKPOINT, HOME, HOME_KEY.public)
    by_itself = cosign(CHECKPOINT, HOME, HOME_KEY.public, TIME, HOME_KEY.sign)
    with pytest.raises(SignatureError):
        open_checkpoint(f"{CHECKPOINT.text}\n{by_itself}", HOME_KEY.public)
    assert cosignatures(with_cosignatures(NOTE, [by_itself]), CHECKPOINT, {HOME: HOME_KEY.public}) == {}


@pytest.mark.parametrize("line", ["", "\n", LINE + LINE, LINE.rstrip(), "x" + LINE, LINE.replace("—", "-")])
def test_what_is_not_one_line_is_refused(line):
    with pytest.raises(ProofFormatError):
        open_cosignature(line, CHECKPOINT, READER, WITNESS_KEY.public)


def test_two_halves_of_an_alliance_cannot_both_witness():
    for others in range(1, 40):
        assert 2 * witnesses_needed(others) > others
    assert [witnesses_needed(others) for others in range(5)] == [0, 1, 2, 2, 3]
