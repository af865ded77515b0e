"""Authorities, certificates and delegations for tests of trust, around one moment."""

import base64
import datetime
import functools
import time
from types import SimpleNamespace

from asn1crypto import core
from asn1crypto import ocsp as asn1_ocsp
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from msgspec.structs import replace

from adapters.crypto import trial_ca
from adapters.crypto.trial_ca import TrialCertificate
from adapters.crypto.trial_status import TrialResponder
from node.domain.delegation import Delegation, sign_delegation
from node.domain.encoding import to_base64url
from node.domain.status import binding_nonce, build_ocsp_request
from node.domain.trust import TrustAnchor, TrustList, anchor_from_pem
from node.domain.validity import Circumstances, Statement, StatusProof

ALLIANCE = "ab" * 32
CODE = "91110108740053589U"
KEY = "11" * 64
OCSP, CRL, TSA = "http://ocsp.example/", "http://crl.example/ca.crl", "http://tsa.example/"
NOW = int(time.time())
SALT = bytes(range(16))


def root(name: str = "甲 CA") -> TrialCertificate:
    return _root(name)


def bidder(name: str = "甲 CA") -> TrialCertificate:
    return _bidder(name)


@functools.cache
def _root(name: str) -> TrialCertificate:
    return trial_ca.make_root(name)


@functools.cache
def _bidder(name: str) -> TrialCertificate:
    return trial_ca.issue(root(name), "虚构建设有限公司", CODE)


def anchor(of: TrialCertificate | None = None, anchor_id: str = "a-ca", **terms: object) -> TrustAnchor:
    pem = (of or root()).certificate_pem.decode()
    return replace(anchor_from_pem(anchor_id, anchor_id, pem, trial_ca.CREDIT_CODE_OID), **terms)


def tsa_anchor(of: TrialCertificate, **terms: object) -> TrustAnchor:
    return TrustAnchor(
        id="tsa",
        name="tsa",
        certificate=base64.b64encode(of.der).decode(),
        serves="timestamps",
        timestamp=(TSA,),
        **terms,
    )


def delegate(
    signer: TrialCertificate | None = None, *above: TrialCertificate, at: int = NOW, seconds: int = 10**8
) -> str:
    signer = signer or bidder()
    delegation = Delegation(
        alliance=ALLIANCE, iat=at, jti="A" * 22, key=KEY, credit_code=CODE, exp=at + seconds
    )
    return sign_delegation(delegation, [signer.der, *(one.der for one in above)], signer.key)


def circumstances(*anchors: TrustAnchor, now: int = NOW, soft_fail: tuple[str, ...] = ()) -> Circumstances:
    return Circumstances(ALLIANCE, TrustList(anchors), now, frozenset(soft_fail))


class Clock(SimpleNamespace):
    """A clock that a test sets."""

    def __call__(self) -> float:
        return self.now


class TimedResponder(TrialResponder):
    """Signs as of its own clock, which `cryptography` does not: a test may not depend on how fast it runs."""

    def answer(self, request: bytes) -> bytes:
        answer = asn1_ocsp.OCSPResponse.load(super().answer(request))
        basic = answer["response_bytes"]["response"].parsed
        signed = basic["tbs_response_data"]
        signed["produced_at"] = datetime.datetime.fromtimestamp(int(self._now()), datetime.UTC)
        basic["signature"] = _sign(self._signer, signed.dump(force=True))
        answer["response_bytes"]["response"] = core.ParsableOctetString(basic.dump(force=True))
        return answer.dump(force=True)


def _sign(signer: TrialCertificate, content: bytes) -> bytes:
    if isinstance(signer.key, rsa.RSAPrivateKey):
        return signer.key.sign(content, padding.PKCS1v15(), hashes.SHA256())
    return signer.key.sign(content, ec.ECDSA(hashes.SHA256()))


def responder(of: TrialCertificate | None = None, at: int = NOW, **kind: object) -> TrialResponder:
    return TimedResponder(of or root(), now=Clock(now=at), **kind)


def said(
    says: TrialResponder,
    token: str,
    signer: TrialCertificate | None = None,
    issuer: TrialCertificate | None = None,
) -> Statement:
    """What a responder says about a certificate, in an answer that commits to the delegation."""
    nonce = binding_nonce(token, SALT)
    request = build_ocsp_request((signer or bidder()).certificate, (issuer or root()).certificate, nonce)
    return Statement("ocsp", to_base64url(says.answer(request)), to_base64url(SALT))


def proof(*statements: Statement, timestamp: bytes = b"") -> StatusProof:
    return StatusProof(statements, to_base64url(timestamp))
