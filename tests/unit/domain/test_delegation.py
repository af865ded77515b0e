import base64
import json
from datetime import timedelta

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from node.domain.certified import open_certified
from node.domain.delegation import Delegation, open_delegation, sign_delegation
from node.domain.document import typ
from node.domain.encoding import canonical_json, from_base64url
from node.domain.trust import TrustList
from node.errors import CertificateError, DocumentFormatError, NodeError, SignatureError
from tests.unit.domain.mutation import refuses_or_returns, spoilt_json, spoilt_text
from tests.vectors import authority, world
from tests.vectors.authority import anchor, bidder, issue, name, root, rsa_key, usage
from tests.vectors.keys import p256
from tests.vectors.signing import jws, members
from tests.vectors.world import ALLIANCE, NOW

TOKEN, RSA_TOKEN = world.delegation_token(), world.delegation_token(rsa=True)
KEY = p256("bidder certificate")
HEADER = json.loads(from_base64url(TOKEN.split(".")[0]))
PAYLOAD = canonical_json(members(world.delegation()))


def open_at(token, at=NOW, alliance=ALLIANCE):
    return open_delegation(token, alliance, TrustList([anchor()]), at)


@pytest.mark.parametrize(
    ("token", "says"),
    [(TOKEN, world.delegation()), (RSA_TOKEN, world.delegation("delegation rsa"))],
    ids=["ES256", "RS256"],
)
def test_delegation_by_a_recognised_certificate_opens(token, says):
    delegation, identity = open_at(token)
    assert delegation == says
    assert identity.credit_code == delegation.credit_code


@pytest.mark.parametrize(("token", "algorithm"), [(TOKEN, "ES256"), (RSA_TOKEN, "RS256")])
def test_delegation_is_verified_by_a_library_from_its_x5c(token, algorithm):
    header = jwt.get_unverified_header(token)
    der = base64.b64decode(header["x5c"][0])
    key = authority.x509.load_der_x509_certificate(der).public_key()
    payload = jwt.api_jws.decode(token, key, algorithms=[algorithm])
    assert json.loads(payload)["key"] == world.WALLET.public.hex()


def test_delegation_holds_until_it_ends_and_not_before_it_was_made():
    for at in (NOW - 300, NOW, world.delegation().exp):
        assert open_at(TOKEN, at)
    for at in (NOW - 301, world.delegation().exp + 1):
        with pytest.raises(CertificateError, match="not valid at this time"):
            open_at(TOKEN, at)


_DAY = 86_400
_BEGIN, _LAST = int(authority.START.timestamp()), int(authority.END.timestamp())


def _through_an_intermediate() -> tuple[str, TrustList]:
    """Two ways up: by an authority between that begins later and ends earlier, and by the root that is suspended."""
    start, end = (
        moment + timedelta(days=days) for moment, days in ((authority.START, 20), (authority.END, -30))
    )
    middle = issue(
        name("Middle"), p256("Middle").key, root(), start=start, end=end,
        key_usage=usage("key_cert_sign", "crl_sign"),
        constraints=authority.x509.BasicConstraints(ca=True, path_length=0),
    )  # fmt: skip
    leaf = issue(
        name("bidder", (authority.CREDIT_CODE,), authority.ORGANISATION), KEY.key, middle,
        start=authority.START + timedelta(days=10), end=authority.END - timedelta(days=20),
        key_usage=usage("digital_signature"), constraints=None,
    )  # fmt: skip
    token = sign_delegation(world.delegation(), [leaf.der, middle.der], leaf.key)
    return token, TrustList([replace(anchor(), suspended=_LAST - 40 * _DAY)])


_EDGES = [
    edge + shift
    for edge in (
        NOW,
        *(_BEGIN + days * _DAY for days in (0, 10, 20)),
        *(_LAST - days * _DAY for days in (40, 30, 20, 0)),
    )
    for shift in (-1, 0, 1)
]


@given(st.lists(st.sampled_from(_EDGES) | st.integers(_BEGIN - _DAY, _LAST + _DAY), min_size=1, max_size=12))
def test_what_is_remembered_of_a_certificate_is_what_a_fresh_look_says_at_every_second(moments):
    token, trust = _THROUGH
    for at in moments:
        # A list of its own: nothing is remembered of it.
        fresh = _outcome(token, TrustList(trust.anchors), at)
        assert _outcome(token, trust, at) == fresh
        assert (fresh is not None) == (_BEGIN + 20 * _DAY <= at < _LAST - 40 * _DAY)


def _outcome(token, trust, at):
    try:
        _, identity = open_certified(token, Delegation, trust, at)
    except CertificateError:
        return None
    return identity.credit_code, identity.path, identity.anchor


_THROUGH = _through_an_intermediate()


def test_delegation_for_another_alliance_is_refused():
    with pytest.raises(DocumentFormatError, match="another alliance"):
        open_at(TOKEN, alliance="00" * 32)


def test_delegation_that_names_another_company_is_refused():
    other = replace(world.delegation(), credit_code="91310000775785552L")
    with pytest.raises(CertificateError, match="another credit code"):
        open_at(sign_delegation(other, [bidder().der], bidder().key))


def test_delegation_by_another_key_than_the_certificates_is_refused():
    for key in (p256("other").key, rsa_key(2048)):
        with pytest.raises((SignatureError, DocumentFormatError)):
            open_at(sign_delegation(world.delegation(), [bidder().der], key))


@pytest.mark.parametrize(
    "key", [rsa_key(1024), ec.derive_private_key(7, ec.SECP521R1())], ids=["RSA-1024", "P-521"]
)
def test_certificate_with_a_weak_or_foreign_key_is_refused(key):
    signing = usage("digital_signature")
    subject = name("bidder", [authority.CREDIT_CODE])
    weak = issue(subject, key, root(), key_usage=signing, constraints=None)
    header = {**HEADER, "x5c": [base64.b64encode(weak.der).decode()]}
    with pytest.raises(CertificateError, match="key"):
        open_at(jws(header, PAYLOAD, KEY))


def changed_header(**changes):
    return jws({**HEADER, **changes}, PAYLOAD, KEY)


CERTIFICATE = HEADER["x5c"][0]


@pytest.mark.parametrize(
    "token",
    [
        changed_header(typ="heqi-grant+jwt"),
        changed_header(alg="none"),
        changed_header(alg="HS256"),
        changed_header(alg="PS256"),
        changed_header(kid="x"),
        changed_header(crit=["x5c"]),
        changed_header(x5c=CERTIFICATE),
        changed_header(x5c=[1]),
        changed_header(x5c=[CERTIFICATE.replace("M", "-", 1)]),
        changed_header(x5c=["证书"]),
        changed_header(x5c=[CERTIFICATE + "\n"]),
        changed_header(x5c=["AB=="]),
        jws({"alg": "ES256", "typ": typ(Delegation)}, PAYLOAD, KEY),
        jws([], PAYLOAD, KEY),
    ],
)
def test_delegation_with_another_header_is_refused(token):
    with pytest.raises(DocumentFormatError):
        open_at(token)


@pytest.mark.parametrize("chain", [[], ["AAAA"], [CERTIFICATE] * 6])
def test_delegation_with_another_chain_is_refused(chain):
    with pytest.raises(CertificateError):
        open_at(changed_header(x5c=chain))


def test_header_of_the_other_algorithm_is_refused():
    with pytest.raises(SignatureError):
        open_at(changed_header(alg="RS256"))


@pytest.mark.parametrize(
    "changes", [{"key": "zz" * 64}, {"key": "AB" * 64}, {"key": "00" * 63}, {"exp": -1}, {"exp": 1.5}]
)
def test_delegation_with_a_malformed_member_is_refused(changes):
    payload = json.dumps({**json.loads(PAYLOAD), **changes}, separators=(",", ":"), sort_keys=True)
    with pytest.raises(DocumentFormatError):
        open_at(jws(HEADER, payload.encode(), KEY))


@given(st.text() | spoilt_text(TOKEN) | spoilt_text(RSA_TOKEN))
def test_text_is_a_delegation_or_refused(text):
    opened = refuses_or_returns(lambda: open_at(text), NodeError)
    assert opened is None or text in (TOKEN, RSA_TOKEN)


@given(spoilt_json(HEADER), spoilt_json(json.loads(PAYLOAD)))
def test_signed_nonsense_is_refused(header, payload):
    refuses_or_returns(lambda: open_at(jws(header, PAYLOAD, KEY)), NodeError)
    refuses_or_returns(lambda: open_at(jws(HEADER, canonical_json(payload), KEY)), NodeError)
