"""What is said of signatures in JWS."""

import base64
import json

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings

from adapters.signatures.jws import read_jws
from node.domain.encoding import to_base64url
from node.domain.signed_file import Finding, Problem
from node.errors import InvalidError, NodeError
from tests.support.signed_files import CONTENT, jws
from tests.unit.domain.mutation import refuses_or_returns, spoilt_bytes
from tests.vectors.authority import bidder, issue, name, root, rsa_key, usage
from tests.vectors.keys import p256

SIGNED = jws(bidder())


def read(signature: bytes, content: bytes = b"") -> Finding:
    (found,) = read_jws(content or signature, signature if content else b"")
    return found


def with_header(**changes) -> bytes:
    x5c = [base64.b64encode(bidder().der).decode()]
    header = {"x5c": x5c, **changes}
    return jwt.PyJWS().encode(CONTENT, bidder().key, algorithm="ES256", headers=header).encode()


def unsigned(header) -> bytes:
    return f"{to_base64url(json.dumps(header).encode())}.{to_base64url(CONTENT)}.AAAA".encode()


@pytest.mark.parametrize(
    ("signer", "algorithm", "mechanism", "digest"),
    [
        (bidder(), "ES256", "ecdsa", "sha256"),
        (bidder(rsa_bits=2048), "RS256", "rsassa_pkcs1v15", "sha256"),
        (bidder(rsa_bits=2048), "PS384", "rsassa_pss", "sha384"),
    ],
)
def test_a_signature_is_read_attached_and_detached(signer, algorithm, mechanism, digest):
    for found in (
        read(jws(signer, algorithm=algorithm)),
        read(jws(signer, algorithm=algorithm, detached=True), CONTENT),
        read(jws(signer, algorithm=algorithm), CONTENT),
    ):
        assert (found.problem, found.mechanism, found.digest) == (Problem.NONE, mechanism, digest)
        assert found.chain == (signer.der,)


def test_the_claimed_time_is_told():
    assert read(jws(bidder(), b'{"iat":1772330400}')).claimed == 1772330400
    assert read(jws(bidder(), b'{"iat":true}')).claimed is None


def test_altered_content_is_found():
    assert read(jws(bidder(), detached=True), CONTENT + b"0").problem is Problem.FALSE_SIGNATURE
    with pytest.raises(InvalidError, match="content of its own"):
        read(SIGNED, CONTENT + b"0")


def test_a_signature_by_another_key_is_found():
    x5c = [base64.b64encode(bidder().der).decode()]
    forged = jwt.PyJWS().encode(CONTENT, p256("thief").key, algorithm="ES256", headers={"x5c": x5c})
    assert read(forged.encode()).problem is Problem.FALSE_SIGNATURE


@pytest.mark.parametrize("algorithm", ["none", "HS256", "RS1", "ES256K", 7, None])
def test_no_other_algorithm_counts(algorithm):
    header = {"alg": algorithm, "x5c": [base64.b64encode(bidder().der).decode()]}
    assert read(unsigned(header)).problem is Problem.WEAK_ALGORITHM


def test_the_public_key_is_no_secret_of_an_hmac():
    """Algorithm confusion: HS256 under the certificate as the secret."""
    secret = base64.b64encode(bidder().der).decode()
    forged = jwt.PyJWS().encode(CONTENT, secret, algorithm="HS256", headers={"x5c": [secret]})
    assert read(forged.encode()).problem is Problem.WEAK_ALGORITHM


@pytest.mark.filterwarnings("ignore:The RSA key is 1024 bits")
def test_weak_keys_and_foreign_curves_do_not_count():
    for key, algorithm in ((rsa_key(1024), "RS256"), (ec.generate_private_key(ec.SECP256K1()), "ES256K")):
        signer = issue(name("weak"), key, root(), key_usage=usage("digital_signature"), constraints=None)
        x5c = [base64.b64encode(signer.der).decode()]
        token = jwt.PyJWS().encode(CONTENT, key, algorithm=algorithm, headers={"x5c": x5c})
        assert read(token.encode()).problem is Problem.WEAK_ALGORITHM


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"crit": ["exp"], "exp": 1}, Problem.UNSUPPORTED),
        ({"zip": "DEF"}, Problem.UNSUPPORTED),
        ({"x5c": []}, Problem.NO_CERTIFICATE),
        ({"x5c": "AAAA"}, Problem.NO_CERTIFICATE),
        ({"x5c": ["AAAA"] * 6}, Problem.NO_CERTIFICATE),
        ({"x5c": ["AAAA"]}, Problem.UNREADABLE),
        ({"x5c": [None]}, Problem.UNREADABLE),
        ({"x5c": ["%"]}, Problem.UNREADABLE),
    ],
)
def test_headers_that_are_not_understood_do_not_count(changes, problem):
    assert read(with_header(**changes)).problem is problem


@pytest.mark.parametrize(
    "raw", [b"", b"..", b"a.b", b"a.b.c", b"e30.e30", "证.书.签".encode(), b"W10.e30.AA"]
)
def test_what_is_no_jws_is_refused(raw):
    with pytest.raises(InvalidError):
        read_jws(raw, b"")


def test_a_detached_signature_alone_is_refused():
    with pytest.raises(InvalidError, match="give the signed content"):
        read(jws(bidder(), detached=True))


@settings(deadline=None, max_examples=60)
@given(spoilt_bytes(SIGNED))
def test_a_spoilt_jws_is_refused_or_judged_and_raises_nothing_else(raw):
    for found in refuses_or_returns(lambda: read_jws(raw, b""), NodeError) or ():
        assert (
            found.problem is not Problem.NONE or raw.strip().rpartition(b".")[0] == SIGNED.rpartition(b".")[0]
        )
