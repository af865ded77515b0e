"""Bundles under attack. `tests/vectors/false_bundles.py` has the forgeries that need keys."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from node.domain.bundle import MAX_BUNDLE_BYTES, encode_bundle, parse_bundle
from node.domain.bundle_check import Verifier, verify_bundle
from node.domain.checkpoint import Checkpoint, sign_checkpoint
from node.domain.document import sign_document
from node.domain.encoding import canonical_json, from_base64url, to_base64url
from node.domain.evidence import show_record
from node.domain.merkle import leaf_hash
from node.domain.record import seal_record
from node.domain.verdict import Gap, StepKind
from node.errors import DescriptorError, GapError, NodeError, ProofFormatError
from tests.unit.domain.mutation import refuses_or_returns, spoilt_bytes
from tests.vectors import story, world
from tests.vectors.authority import CREDIT_CODE
from tests.vectors.false_bundles import false_bundles
from tests.vectors.keys import log_key, mirror, p256
from tests.vectors.world import ALLIANCE, HOME

VERIFIER = Verifier(world.descriptor())
WITHOUT_ALL = Verifier(world.descriptor(), allowed=frozenset(Gap))
READ, OWN = story.bundle(), story.own_bundle()


def verify(raw):
    return verify_bundle(parse_bundle(raw), VERIFIER)


def test_bundle_of_own_records_shows_them_without_authority():
    verified = verify(OWN)
    assert (verified.grant, verified.identity) == (None, None)
    assert [record.fields for record in verified.evidence.records] == [story.FIELDS["tender"]]
    assert [step.kind for step in verified.steps] == [
        StepKind.ROOTS,
        StepKind.CHECKPOINT,
        StepKind.RECORDS,
        StepKind.WITNESSED,
        StepKind.ANCHORED,
        StepKind.KEPT,
    ]


def test_bundle_of_read_records_shows_by_what_right():
    verified = verify(READ)
    assert verified.grant == story.grant()
    assert verified.identity.credit_code == CREDIT_CODE
    assert not any(step.is_gap for step in verified.steps)
    assert verified.roots.witnesses == list(story.WITNESSES)


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
        OWN.replace(b'"later":', b'"later":[],"later":'),
        encode_bundle(replace(parse_bundle(OWN), later=parse_bundle(OWN).later * 3)),
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
    [pytest.param(bundle, id=why) for why, bundle in false_bundles(story.read_bundle())],
)
def test_forged_bundle_is_refused(bundle):
    # What the reason must be stands in the vector file.
    with pytest.raises(NodeError):
        verify_bundle(bundle, VERIFIER)


@pytest.mark.parametrize("raw", [READ, OWN], ids=["read", "own"])
def test_changed_byte_of_a_bundle_is_refused(raw):
    # Not every place: each check takes milliseconds, and every string is met many times.
    for at in range(0, len(raw), 29):
        changed = bytearray(raw)
        changed[at] ^= 1
        with pytest.raises(NodeError):
            verify(bytes(changed))


def test_authority_cannot_be_taken_from_another_bundle():
    read, own = parse_bundle(READ), parse_bundle(OWN)
    with pytest.raises(NodeError, match="another answer"):
        verify_bundle(story.kept(replace(own, authority=read.authority)), VERIFIER)


def test_without_its_authority_a_bundle_claims_none():
    stripped = replace(parse_bundle(READ), authority=None, custody="")
    verified = verify_bundle(stripped, WITHOUT_ALL)
    assert verified.grant is None
    assert StepKind.GRANTED not in {step.kind for step in verified.steps}


@pytest.mark.parametrize(
    ("gap", "lacking"),
    [
        (Gap.WITNESSES, {"later": (), "custody": ""}),
        (Gap.LEDGER, {"ledger": (), "custody": ""}),
        (Gap.CUSTODY, {"custody": ""}),
    ],
)
def test_gap_is_refused_unless_it_is_allowed_and_then_told(gap, lacking):
    bundle = replace(parse_bundle(READ), **lacking)
    others = Verifier(world.descriptor(), allowed=frozenset(Gap) - {gap})
    with pytest.raises(GapError, match=f"--without-{gap.value}"):
        verify_bundle(bundle, others)
    told = [step.kind for step in verify_bundle(bundle, WITHOUT_ALL).steps if step.is_gap]
    assert told


def test_cosigners_count_against_the_members_that_the_ledger_shows():
    """Not against the founders: the alliance has grown, and the descriptor does not know."""
    steps = {step.kind: step.about for step in verify(READ).steps}
    assert (steps[StepKind.WITNESSED]["needed"], steps[StepKind.WITNESSED]["others"]) == (2, 3)
    bundle = replace(parse_bundle(READ), ledger=(), custody="")
    steps = {step.kind: step.about for step in verify_bundle(bundle, WITHOUT_ALL).steps}
    assert steps[StepKind.WITNESSED]["others"] == 2


def test_mirrored_signature_is_the_same_document():
    authority = parse_bundle(READ).authority
    for name in ("grant", "request", "answer", "delegation"):
        signing_input, _, signature = getattr(authority, name).rpartition(".")
        other = f"{signing_input}.{to_base64url(mirror(from_base64url(signature)))}"
        mirrored = replace(parse_bundle(READ), authority=replace(authority, **{name: other}))
        assert verify_bundle(story.kept(mirrored), VERIFIER).grant == story.grant()


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
    alone = replace(parse_bundle(OWN), member=member, evidence=evidence, later=(), ledger=(), custody="")
    return alone, sign_document(card, key.sign)


def test_bundle_of_a_later_member_needs_its_card():
    bundle, card = late_bundle()
    with pytest.raises(DescriptorError, match="give its member card"):
        verify_bundle(bundle, WITHOUT_ALL)
    verified = verify_bundle(bundle, Verifier(world.descriptor(), [card], allowed=frozenset(Gap)))
    assert verified.roots.cards == ["centre-d"]


def test_card_cannot_take_a_founders_place():
    thief = p256("thief")
    stolen = replace(
        world.card(HOME), identity_key=thief.public.hex(), log_key=log_key("thief log").public.hex()
    )
    with pytest.raises(DescriptorError, match="other keys"):
        verify_bundle(parse_bundle(OWN), Verifier(world.descriptor(), [sign_document(stolen, thief.sign)]))


@given(st.binary() | spoilt_bytes(READ) | spoilt_bytes(OWN))
def test_bytes_are_a_right_bundle_or_refused(raw):
    verified = refuses_or_returns(lambda: verify(raw), NodeError)
    assert verified is None or raw in (READ, OWN)
