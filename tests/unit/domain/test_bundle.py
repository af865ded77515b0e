"""Bundles under attack. `tests/vectors/false_bundles.py` has the forgeries that need keys."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from node.domain.bundle import MAX_BUNDLE_BYTES, encode_bundle, parse_bundle, verify_bundle
from node.domain.checkpoint import Checkpoint, sign_checkpoint
from node.domain.document import sign_document
from node.domain.encoding import canonical_json, from_base64url, to_base64url
from node.domain.evidence import show_record
from node.domain.merkle import leaf_hash
from node.domain.record import seal_record
from node.errors import DescriptorError, NodeError, ProofFormatError
from tests.unit.domain.mutation import refuses_or_returns, spoilt_bytes, spoilt_json
from tests.vectors import story, world
from tests.vectors.authority import CREDIT_CODE
from tests.vectors.false_bundles import false_bundles
from tests.vectors.keys import log_key, mirror, p256
from tests.vectors.world import ALLIANCE, HOME

DESCRIPTOR = world.descriptor()
READ, OWN = story.bundle(), story.own_bundle()


def verify(raw):
    return verify_bundle(parse_bundle(raw), DESCRIPTOR)


def test_bundle_of_own_records_shows_them_without_authority():
    verified = verify(OWN)
    assert (verified.grant, verified.identity) == (None, None)
    assert [record.fields for record in verified.evidence.records] == [story.FIELDS["tender"]]
    assert len(verified.steps) == 3


def test_bundle_of_read_records_shows_by_what_right():
    verified = verify(READ)
    assert verified.grant == story.grant()
    assert verified.identity.credit_code == CREDIT_CODE
    assert len(verified.steps) == 7


def test_bundle_has_one_encoding():
    for raw in (READ, OWN):
        assert encode_bundle(parse_bundle(raw)) == raw
        assert canonical_json(json.loads(raw)) == raw
    assert b"authority" not in OWN


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        OWN + b"\n",
        OWN[:-1] + b',"x":1}',
        b'{"authority":null,' + OWN[1:],
        OWN.replace(b"heqi.bundle.v1", b"heqi.bundle.v2"),
        json.dumps(json.loads(OWN)).encode(),
    ],
)
def test_bundle_in_another_form_is_refused(raw):
    assert raw != OWN
    with pytest.raises(ProofFormatError):
        parse_bundle(raw)


def test_overlong_bundle_is_refused_unread():
    with pytest.raises(ProofFormatError, match="at most"):
        parse_bundle(b" " * (MAX_BUNDLE_BYTES + 1))


@pytest.mark.parametrize(
    "bundle",
    [pytest.param(bundle, id=why) for why, bundle in false_bundles(parse_bundle(READ))],
)
def test_forged_bundle_is_refused(bundle):
    # What the reason must be stands in the vector file.
    with pytest.raises(NodeError):
        verify_bundle(bundle, DESCRIPTOR)


@pytest.mark.parametrize("raw", [READ, OWN], ids=["read", "own"])
def test_changed_byte_of_a_bundle_is_refused(raw):
    # Every fourth place: each check takes a millisecond, and every string is met many times.
    for at in range(0, len(raw), 4):
        changed = bytearray(raw)
        changed[at] ^= 1
        with pytest.raises(NodeError):
            verify(bytes(changed))


def test_authority_cannot_be_taken_from_another_bundle():
    read, own = parse_bundle(READ), parse_bundle(OWN)
    with pytest.raises(NodeError, match="another answer"):
        verify_bundle(replace(own, authority=read.authority), DESCRIPTOR)


def test_without_its_authority_a_bundle_claims_none():
    verified = verify_bundle(replace(parse_bundle(READ), authority=None), DESCRIPTOR)
    assert verified.grant is None
    assert not any("grant" in step for step in verified.steps)


def test_mirrored_signature_is_the_same_document():
    authority = parse_bundle(READ).authority
    for name in ("grant", "request", "answer", "delegation"):
        signing_input, _, signature = getattr(authority, name).rpartition(".")
        other = f"{signing_input}.{to_base64url(mirror(from_base64url(signature)))}"
        mirrored = replace(parse_bundle(READ), authority=replace(authority, **{name: other}))
        assert verify_bundle(mirrored, DESCRIPTOR).grant == story.grant()


def late_bundle():
    """A bundle of a member that was admitted after the founding, and its card."""
    member, key, log = "centre-d", p256("centre-d identity"), log_key("centre-d log")
    header = replace(story.header("tender"), member=member, owner=member)
    sealed = seal_record(header, story.FIELDS["tender"], bytes(32))
    root = leaf_hash(sealed.entry)
    note = sign_checkpoint(Checkpoint(ALLIANCE, member, 1, root), log.public, log.sign)
    record = show_record(sealed.payload, sealed.commitments.blind, [], 0, [])
    evidence = replace(story.evidence(), checkpoint=note, records=(record,))
    card = replace(world.card(HOME), iss=member, identity_key=key.public.hex(), log_key=log.public.hex())
    return replace(parse_bundle(OWN), member=member, evidence=evidence), sign_document(card, key.sign)


def test_bundle_of_a_later_member_needs_its_card():
    bundle, card = late_bundle()
    with pytest.raises(DescriptorError, match="give its member card"):
        verify_bundle(bundle, DESCRIPTOR)
    verified = verify_bundle(bundle, DESCRIPTOR, [card])
    assert "given cards" in verified.steps[0]


def test_card_cannot_take_a_founders_place():
    thief = p256("thief")
    stolen = replace(
        world.card(HOME), identity_key=thief.public.hex(), log_key=log_key("thief log").public.hex()
    )
    with pytest.raises(DescriptorError, match="other keys"):
        verify_bundle(parse_bundle(OWN), DESCRIPTOR, [sign_document(stolen, thief.sign)])


@given(st.binary() | spoilt_bytes(READ) | spoilt_bytes(OWN))
def test_bytes_are_a_right_bundle_or_refused(raw):
    verified = refuses_or_returns(lambda: verify(raw), NodeError)
    assert verified is None or raw in (READ, OWN)


@given(spoilt_json(json.loads(READ)))
def test_changed_bundle_is_refused_or_has_lost_its_authority(plain):
    verified = refuses_or_returns(lambda: verify(canonical_json(plain)), NodeError)
    if verified is not None and plain != json.loads(READ):
        assert verified.grant is None
