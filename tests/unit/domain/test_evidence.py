import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from node.domain.encoding import canonical_json, to_base64url
from node.domain.evidence import (
    Evidence,
    VerifiedRecord,
    check_answers_identity,
    check_answers_scope,
    encode_evidence,
    evidence_digest,
    parse_evidence,
    verify_evidence,
)
from node.domain.grant import Scope
from node.errors import (
    AnchorError,
    CertificateError,
    DisclosureError,
    InclusionError,
    NodeError,
    ProofFormatError,
    SignatureError,
    StaleVersionError,
)
from tests.unit.domain.mutation import refuses_or_returns, spoilt_bytes, spoilt_json
from tests.vectors import story
from tests.vectors.authority import CREDIT_CODE
from tests.vectors.keys import log_key
from tests.vectors.world import ALLIANCE, HOME, READER, SUBJECT

EVIDENCE = story.evidence()
RAW = encode_evidence(EVIDENCE)
LOG_KEY = log_key(f"{HOME} log").public
BASE, QUALIFICATION = EVIDENCE.records


def verify(evidence, *, alliance=ALLIANCE, member=HOME, key=LOG_KEY):
    return verify_evidence(evidence, alliance=alliance, member=member, log_key=lambda _: key)


def shown(category="subject.base", *, thing="base", owner=SUBJECT, version=2, **fields):
    header = replace(story.header("base"), category=category, thing=thing, owner=owner, version=version)
    return VerifiedRecord(header, fields, 0, b"")


def with_base(**changes):
    return replace(EVIDENCE, records=(replace(BASE, **changes), QUALIFICATION))


def test_evidence_shows_its_records():
    verified = verify(parse_evidence(RAW))
    assert verified.checkpoint.size == story.LOG_SIZE
    assert [record.index for record in verified.records] == [4, 11]
    assert [dict(record.fields) for record in verified.records] == [
        {"credit_code": CREDIT_CODE, "name": story.FIELDS["base"]["name"]},
        {"field_03": 3},
    ]
    assert verified.records[0].header == story.header("base")
    assert verified.records[0].payload == story.record("base").payload


def test_digest_is_over_the_bytes():
    assert evidence_digest(RAW) == hashlib.sha256(RAW).hexdigest()


@pytest.mark.parametrize(
    "raw", [b"", b"{}", RAW + b"\n", RAW[:-1] + b',"x":1}', RAW.replace(b'"index"', b'"at"')]
)
def test_evidence_in_another_form_is_refused(raw):
    with pytest.raises(ProofFormatError):
        parse_evidence(raw)


def test_evidence_of_another_log_is_refused():
    for other in ({"alliance": "00" * 32}, {"member": READER}):
        with pytest.raises(AnchorError):
            verify(EVIDENCE, **other)
    with pytest.raises(SignatureError):
        verify(EVIDENCE, key=log_key(f"{READER} log").public)


@pytest.mark.parametrize("header", [{"alliance": "00" * 32}, {"member": READER}])
def test_record_that_names_another_log_is_refused_though_it_is_in_this_one(header):
    payload = canonical_json({**json.loads(story.record("base").payload), **header})
    with pytest.raises(AnchorError, match="another log"):
        verify(with_base(payload=to_base64url(payload)))


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"index": 5}, InclusionError),
        ({"index": -1}, InclusionError),
        ({"index": story.LOG_SIZE}, InclusionError),
        ({"inclusion": BASE.inclusion[1:]}, InclusionError),
        ({"inclusion": (*BASE.inclusion, BASE.inclusion[0])}, InclusionError),
        ({"inclusion": (*BASE.inclusion[:-1], to_base64url(bytes(31)))}, InclusionError),
        ({"inclusion": ("=", *BASE.inclusion[1:])}, ProofFormatError),
        ({"blind": to_base64url(bytes(32))}, InclusionError),
        ({"blind": to_base64url(bytes(31))}, ProofFormatError),
        ({"blind": BASE.blind + "="}, ProofFormatError),
        ({"payload": QUALIFICATION.payload}, InclusionError),
        ({"payload": "e30"}, ProofFormatError),
        ({"disclosures": QUALIFICATION.disclosures}, DisclosureError),
        ({"disclosures": BASE.disclosures * 2}, DisclosureError),
    ],
)
def test_record_that_is_changed_is_refused(changes, error):
    with pytest.raises(error):
        verify(with_base(**changes))


def test_blind_and_payload_cannot_be_cut_elsewhere():
    # The blind has a fixed length, so bytes cannot move between it and the payload with the same entry.
    blind, payload = story.record("base").commitments.blind, story.record("base").payload
    moved = with_base(blind=to_base64url(blind + payload[:1]), payload=to_base64url(payload[1:]))
    with pytest.raises(ProofFormatError):
        verify(moved)


def test_cover_cannot_be_shown_as_a_record():
    with pytest.raises(InclusionError):
        verify(with_base(index=0))


def test_evidence_without_records_proves_the_checkpoint_alone():
    assert verify(replace(EVIDENCE, records=())).records == []


WANTED = [Scope("subject.base", ("credit_code", "name"), 2)]


def test_answer_with_all_or_some_of_the_fields_is_what_was_asked_for():
    for fields in ({}, {"name": "x"}, {"name": "x", "credit_code": "y"}):
        check_answers_scope([shown(**fields)], WANTED, subject=SUBJECT)
    two = [shown(thing="a", name="x"), shown(thing="b", name="y", version=3)]
    check_answers_scope(two, WANTED, subject=SUBJECT)


@pytest.mark.parametrize(
    ("records", "error"),
    [
        ([], DisclosureError),
        ([shown(owner="00" * 32, name="x")], DisclosureError),
        ([shown("subject.credit", name="x")], DisclosureError),
        ([shown(name="x"), shown("subject.credit", thing="c", name="x")], DisclosureError),
        ([shown(name="x", employees=1)], DisclosureError),
        ([shown(name="x"), shown(name="x", version=3)], DisclosureError),
        ([shown(name="x", version=1)], StaleVersionError),
    ],
    ids=[
        "nothing",
        "another subject",
        "another category",
        "one more",
        "further field",
        "thing twice",
        "stale",
    ],
)
def test_answer_to_another_question_is_refused(records, error):
    with pytest.raises(error):
        check_answers_scope(records, WANTED, subject=SUBJECT)


def test_shown_credit_code_is_the_certificates():
    others = [shown(name="x"), shown("subject.credit", credit_code="another company's")]
    check_answers_identity([shown(credit_code=CREDIT_CODE), *others], CREDIT_CODE)
    for wrong in ("91310000775785552L", 1, ""):
        with pytest.raises(CertificateError):
            check_answers_identity([shown(credit_code=wrong)], CREDIT_CODE)


@given(st.binary() | spoilt_bytes(RAW))
def test_bytes_are_evidence_or_refused(raw):
    parsed = refuses_or_returns(lambda: parse_evidence(raw), ProofFormatError)
    assert parsed is None or encode_evidence(parsed) == raw


@given(spoilt_json(json.loads(RAW)))
def test_changed_evidence_shows_nothing_new(plain):
    verified = refuses_or_returns(lambda: verify(parse_evidence(canonical_json(plain))), NodeError)
    if verified is not None:
        # Whoever hands evidence on may leave out records and fields, and nothing else.
        honest = {record.index: record for record in verify(EVIDENCE).records}
        for record in verified.records:
            assert record.header == honest[record.index].header
            assert record.fields.items() <= honest[record.index].fields.items()


def test_own_encoding_is_canonical():
    assert (
        canonical_json(json.loads(RAW))
        == RAW
        == encode_evidence(Evidence(EVIDENCE.checkpoint, EVIDENCE.records))
    )
