import json

import msgspec
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from jwcrypto.jwk import JWK
from msgspec.structs import replace
from sd_jwt.verifier import SDJWTVerifier

from node.domain.category import categories
from node.domain.encoding import canonical_json
from node.domain.record import EARLIER_RECORD_TYPE, RECORD_TYPE, entry_of, parse_payload, seal_record
from node.errors import NodeError, ProofFormatError, RecordFormatError
from tests.unit.domain.mutation import refuses_or_returns, spoilt_bytes, spoilt_json
from tests.vectors import story
from tests.vectors.signing import jws
from tests.vectors.world import WALLET

HEADER, FIELDS, SEED = story.header("base"), story.FIELDS["base"], story.seed("base")
SEALED = seal_record(HEADER, FIELDS, SEED)
PLAIN = json.loads(SEALED.payload)


def spoil(**members: object) -> bytes:
    return canonical_json({**PLAIN, **members})


def test_payload_gives_header_and_digests_back():
    assert parse_payload(SEALED.payload) == (HEADER, SEALED.commitments.digests)
    occurred = replace(HEADER, occurred="2026-02-28T09:30:00+08:00")
    assert parse_payload(seal_record(occurred, FIELDS, SEED).payload)[0] == occurred


def test_a_record_is_an_sd_jwt_object_to_a_standard_library():
    token = jws({"alg": "ES256"}, SEALED.payload)
    names = ("employees", "name", "contact")
    presented = "~".join([token, *(SEALED.commitments.disclosures[name] for name in names), ""])
    key = JWK.from_pem(_public_pem())
    shown = SDJWTVerifier(presented, lambda *_: key).get_verified_payload()
    assert shown["fields"] == {name: FIELDS[name] for name in names}
    assert {name: shown[name] for name in ("thing", "version", "type")} == {
        "thing": HEADER.thing,
        "version": HEADER.version,
        "type": EARLIER_RECORD_TYPE,
    }


def test_sealing_again_gives_the_same_bytes():
    assert seal_record(HEADER, dict(reversed(FIELDS.items())), SEED) == SEALED


def test_entry_hides_the_payload_and_commits_to_it():
    assert len(SEALED.entry) == 32
    others = {
        seal_record(HEADER, FIELDS, bytes(32)).entry,
        seal_record(replace(HEADER, version=3), FIELDS, SEED).entry,
        seal_record(HEADER, {**FIELDS, "employees": 43}, SEED).entry,
        entry_of(SEALED.payload, bytes(32)),
    }
    assert SEALED.entry not in others
    assert len(others) == 4


@pytest.mark.parametrize("kind", categories(), ids=lambda kind: kind.name)
def test_size_of_a_payload_does_not_tell_how_many_fields_a_record_has(kind):
    header = replace(HEADER, category=kind.name)
    full = {f"f{i:02}": "x" for i in range(kind.slots)}
    sizes = {len(seal_record(header, fields, SEED).payload) for fields in ({}, {"a": 1}, full)}
    assert len(sizes) == 1


def test_record_of_an_unknown_category_is_refused():
    with pytest.raises(RecordFormatError):
        seal_record(replace(HEADER, category="subject.unknown"), FIELDS, SEED)


DIGESTS = PLAIN["fields"]["_sd"]


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"[]",
        SEALED.payload + b"\n",
        spoil(type="heqi.record.v2"),
        spoil(_sd_alg="sha-512"),
        spoil(category="subject.unknown"),
        spoil(occurred=""),
        spoil(version=0),
        spoil(version="1"),
        spoil(alliance="AB" * 32),
        spoil(alliance=HEADER.alliance + "\n"),
        spoil(remark="x"),
        spoil(owner=HEADER.member),
        spoil(owner="AB" * 32),
        spoil(category="trade.bid"),
        spoil(captured="2026-03-01"),
        spoil(occurred="yesterday"),
        spoil(thing=""),
        spoil(thing="x" * 201),
        spoil(source_system=""),
        spoil(source_version="x" * 201),
        spoil(fields={"_sd": DIGESTS, "name": "x"}),
        spoil(fields={"_sd": DIGESTS[::-1]}),
        spoil(fields={"_sd": DIGESTS[1:]}),
        spoil(fields={"_sd": [*DIGESTS, "z" * 42 + "8"]}),
        spoil(fields={"_sd": [DIGESTS[0], *DIGESTS[:-1]]}),
        spoil(fields={"_sd": [*DIGESTS[:-1], "z" * 43]}),
        spoil(fields={"_sd": [*DIGESTS[:-1], "zz"]}),
        spoil(fields={}),
        canonical_json({name: value for name, value in PLAIN.items() if name != "clock"}),
    ],
)
def test_payload_of_another_form_is_refused(payload):
    with pytest.raises(ProofFormatError):
        parse_payload(payload)


@given(spoilt_bytes(SEALED.payload) | st.binary())
def test_bytes_are_a_payload_or_refused(raw):
    refuses_or_returns(lambda: parse_payload(raw), NodeError)


@given(spoilt_json(PLAIN))
def test_payload_that_is_taken_says_itself_again(plain):
    parsed = refuses_or_returns(lambda: parse_payload(canonical_json(plain)), NodeError)
    if parsed is not None:
        header, digests = parsed
        said = {**msgspec.to_builtins(header), "fields": {"_sd": digests}}
        kind = RECORD_TYPE if header.definition else EARLIER_RECORD_TYPE
        assert {**said, "_sd_alg": "sha-256", "type": kind} == plain


def _public_pem() -> bytes:
    return WALLET.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
