import hashlib
import json

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from jwcrypto.jwk import JWK
from jwcrypto.jws import JWS

from node.domain.document import (
    MAX_DOCUMENT_CHARS,
    document_digest,
    open_document,
    peek_document,
    sign_document,
    split_document,
    typ,
)
from node.domain.encoding import canonical_json, from_base64url, to_base64url
from node.domain.grant import Grant
from node.domain.reading import ReadReceipt, ReadRequest
from node.errors import DocumentFormatError, NodeError, SignatureError
from tests.unit.domain.mutation import refuses_or_returns, spoilt_json, spoilt_text
from tests.vectors import story
from tests.vectors.keys import mirror, p256
from tests.vectors.signing import jws, members
from tests.vectors.world import WALLET

TOKEN = story.grant_token()
PEM = WALLET.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
HEADER = {"alg": "ES256", "typ": typ(Grant)}


def test_document_opens_to_what_was_signed():
    assert open_document(TOKEN, Grant, WALLET.public) == story.grant()


def test_document_is_verified_by_pyjwt_and_jwcrypto():
    claims = members(story.grant())
    options = {"verify_aud": False, "verify_exp": False, "verify_nbf": False, "verify_iat": False}
    assert jwt.decode(TOKEN, PEM, algorithms=["ES256"], options=options) == claims
    foreign = JWS()
    foreign.deserialize(TOKEN, key=JWK.from_pem(PEM), alg="ES256")
    assert json.loads(foreign.payload) == claims


def test_document_that_another_library_signed_opens():
    foreign = jwt.api_jws.encode(
        canonical_json(members(story.grant())), WALLET.key, "ES256", HEADER, sort_headers=True
    )
    assert open_document(foreign, Grant, WALLET.public) == story.grant()


def test_header_and_payload_are_canonical():
    header, payload, _ = (from_base64url(part) for part in TOKEN.split("."))
    assert header == b'{"alg":"ES256","typ":"heqi-grant+jwt"}'
    assert payload == canonical_json(members(story.grant()))


def test_id_is_the_digest_of_the_signing_input_whatever_the_signature():
    signing_input, _, signature = TOKEN.rpartition(".")
    other = f"{signing_input}.{to_base64url(mirror(from_base64url(signature)))}"
    assert open_document(other, Grant, WALLET.public) == story.grant()
    assert document_digest(other) == document_digest(TOKEN)
    assert document_digest(TOKEN) == hashlib.sha256(signing_input.encode()).digest()


def test_document_of_another_kind_is_refused():
    receipt = sign_document(story.read_receipt(), WALLET.sign)
    assert open_document(receipt, ReadReceipt, WALLET.public)
    for kind in (Grant, ReadRequest):
        with pytest.raises(DocumentFormatError, match="header"):
            peek_document(receipt, kind)


def test_peeking_does_not_check_the_signature_and_opening_does():
    forged = TOKEN.rpartition(".")[0] + "." + to_base64url(bytes(64))
    assert peek_document(forged, Grant) == story.grant()
    with pytest.raises(SignatureError):
        open_document(forged, Grant, WALLET.public)


@pytest.mark.parametrize("key", [b"", bytes(64), p256("other").public, WALLET.public[:-1]])
def test_document_under_a_wrong_or_malformed_key_is_refused(key):
    with pytest.raises(SignatureError):
        open_document(TOKEN, Grant, key)


def test_overlong_document_is_refused():
    long = jws(HEADER, canonical_json({"x": "x" * MAX_DOCUMENT_CHARS}))
    with pytest.raises(DocumentFormatError, match="compact"):
        split_document(long)


def test_every_changed_character_of_a_document_is_refused():
    for at, character in enumerate(TOKEN):
        for other in {chr(ord(character) ^ 1), ".", "é"} - {character}:
            with pytest.raises(NodeError):
                open_document(TOKEN[:at] + other + TOKEN[at + 1 :], Grant, WALLET.public)


@given(st.text() | spoilt_text(TOKEN))
def test_text_is_a_document_or_refused(text):
    opened = refuses_or_returns(lambda: open_document(text, Grant, WALLET.public), NodeError)
    assert opened is None or document_digest(text) == document_digest(TOKEN)
    assert len(document_digest(text)) == 32


@given(spoilt_json(HEADER))
def test_header_with_anything_else_in_it_is_refused(header):
    if header != HEADER:
        with pytest.raises(DocumentFormatError):
            peek_document(jws(header, canonical_json(members(story.grant()))), Grant)
