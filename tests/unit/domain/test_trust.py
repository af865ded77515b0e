"""The trust list's terms and the paths that end on it, attacked."""

import datetime

import pytest
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from adapters.crypto import trial_ca
from node.domain.certificate import MAX_CHAIN_LENGTH, check_certificate
from node.domain.delegation import open_delegation
from node.domain.trust import CreditCodeField, TrustList, encode_anchor, parse_anchor
from node.errors import CertificateError, NodeError
from tests.support.trust import ALLIANCE, CODE, NOW, anchor, bidder, delegate, root
from tests.unit.domain.mutation import refuses_or_returns, spoilt_bytes

POLICY = "1.2.156.10197.6.1"


def check(*chain, anchors=None, at=NOW):
    return check_certificate([one.der for one in chain], TrustList(anchors or [anchor()]), at)


@pytest.fixture(scope="module")
def other():
    return trial_ca.make_root("乙 CA")


def test_an_entry_reads_back_from_its_own_bytes_only():
    entry = anchor(ocsp=("http://ocsp.example/",), suspended=NOW, policies=("1.2.3", "1.2.4"))
    assert parse_anchor(encode_anchor(entry), "a-ca") == entry
    with pytest.raises(CertificateError, match="names a-ca"):
        parse_anchor(encode_anchor(entry), "b-ca")
    for raw in (b"", b"{}", encode_anchor(entry) + b" ", encode_anchor(entry).replace(b'"id"', b'"Id"')):
        with pytest.raises(CertificateError):
            parse_anchor(raw)


@given(st.binary() | spoilt_bytes(encode_anchor(anchor())))
def test_bytes_are_an_entry_or_refused(raw):
    refuses_or_returns(lambda: parse_anchor(raw), CertificateError)


def test_a_suspended_authority_vouches_for_nobody_from_that_moment_on():
    suspended = [anchor(suspended=NOW)]
    assert check(bidder(), anchors=suspended, at=NOW - 1).credit_code == CODE
    with pytest.raises(CertificateError, match="no certificate authority"):
        check(bidder(), anchors=suspended, at=NOW)


def test_a_cross_certificate_is_no_detour_around_a_suspended_authority(other):
    """Another recognised authority has certified the suspended one's key."""
    detour = trial_ca.make_authority("甲 CA", other, key=root().key)
    anchors = [anchor(), anchor(other, "b-ca")]
    assert check(bidder(), detour, anchors=anchors).anchor.id == "a-ca"
    anchors[0] = replace(anchors[0], suspended=NOW)
    with pytest.raises(CertificateError, match="a-ca is suspended"):
        check(bidder(), detour, anchors=anchors)
    # Under a new name of its own the key is the same.
    renamed = trial_ca.make_authority("丙 CA", other, key=root().key)
    leaf = trial_ca.issue(renamed, "虚构建设有限公司", CODE)
    assert check(leaf, renamed, anchors=[anchors[1]]).credit_code == CODE
    with pytest.raises(CertificateError):
        check(leaf, renamed, anchors=anchors)


def test_an_authority_below_a_suspended_one_is_refused_unless_another_vouches_for_it(other):
    below = trial_ca.make_authority("甲一 CA", root())
    leaf = trial_ca.issue(below, "虚构建设有限公司", CODE)
    assert check(leaf, below).anchor.id == "a-ca"
    with pytest.raises(CertificateError):
        check(leaf, below, anchors=[anchor(suspended=NOW), anchor(other, "b-ca")])
    vouched = trial_ca.make_authority("甲一 CA", other, key=below.key)
    anchors = [anchor(suspended=NOW), anchor(other, "b-ca")]
    assert check(leaf, below, vouched, anchors=anchors).anchor.id == "b-ca"
    # Who does not want that lists the lower authority itself, suspended.
    with pytest.raises(CertificateError):
        check(leaf, vouched, anchors=[*anchors, anchor(below, "a1-ca", suspended=NOW)])


def test_the_nearest_listed_authoritys_terms_hold():
    below = trial_ca.make_authority("甲一 CA", root())
    leaf = trial_ca.issue(below, "虚构建设有限公司", CODE)
    strict = anchor(below, "a1-ca", policies=(POLICY,))
    with pytest.raises(CertificateError, match="policies"):
        check(leaf, below, anchors=[anchor(), strict])


def test_a_policy_that_is_not_recognised_is_refused():
    def leaf(*policies):
        values = x509.CertificatePolicies(
            [x509.PolicyInformation(x509.ObjectIdentifier(policy), None) for policy in policies]
        )
        return trial_ca.issue(root(), "虚构建设有限公司", CODE, extensions=[(values, False)])

    strict = [anchor(policies=(POLICY,))]
    assert check(leaf("1.2.3", POLICY), anchors=strict).credit_code == CODE
    for wrong in (leaf("1.2.3"), bidder()):
        with pytest.raises(CertificateError, match="polic"):
            check(wrong, anchors=strict)


def test_a_key_usage_that_is_not_recognised_is_refused():
    usage = dict.fromkeys(
        (
            "content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign",
            "crl_sign", "encipher_only", "decipher_only",
        ),
        False,
    )  # fmt: skip
    login_only = _signed(_plain(_without=x509.KeyUsage).add_extension(
        x509.KeyUsage(digital_signature=True, **usage), critical=True
    ))  # fmt: skip
    assert check(login_only).credit_code == CODE
    with pytest.raises(CertificateError, match="key usages"):
        check(login_only, anchors=[anchor(key_usages=("content_commitment",))])


def _plain(key=None, _without=None, subject=None):
    whole = bidder().certificate
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject or whole.subject)
        .issuer_name(whole.issuer)
        .public_key((key or bidder().key).public_key())
        .serial_number(7)
        .not_valid_before(whole.not_valid_before_utc)
        .not_valid_after(whole.not_valid_after_utc)
    )
    for extension in whole.extensions:
        if not isinstance(extension.value, _without or ()):
            builder = builder.add_extension(extension.value, extension.critical)
    return builder


def _signed(builder, key=None, algorithm=None):
    certificate = builder.sign((key or root()).key, algorithm or hashes.SHA256())
    return trial_ca.TrialCertificate(bidder().key, certificate)


def _signed_sha1(whole):
    """The same certificate under a signature over SHA-1, which `cryptography` no longer makes."""
    certificate = asn1_x509.Certificate.load(whole.der)
    certificate["tbs_certificate"]["signature"] = certificate["signature_algorithm"] = {
        "algorithm": "sha1_ecdsa"
    }
    signature = root().key.sign(certificate["tbs_certificate"].dump(force=True), ec.ECDSA(hashes.SHA1()))
    certificate["signature_value"] = signature
    return trial_ca.TrialCertificate(whole.key, x509.load_der_x509_certificate(certificate.dump(force=True)))


def test_weak_keys_and_hashes_are_refused():
    weak = rsa.generate_private_key(65537, 1024)
    with pytest.raises(CertificateError):
        check(_signed(_plain(weak)))
    with pytest.raises(CertificateError):
        check(_signed_sha1(bidder()))
    frail = trial_ca.make_authority("弱 CA", key=weak)
    leaf = trial_ca.issue(frail, "虚构建设有限公司", CODE)
    with pytest.raises(CertificateError, match="2048"):
        anchor(frail)
    # The same key between: certified by an authority that is recognised.
    between = trial_ca.make_authority("弱 CA", root(), key=weak)
    with pytest.raises(CertificateError):
        check(leaf, between)
    assert check(_signed(_plain(), algorithm=hashes.SHA384())).credit_code == CODE


def test_certificates_out_of_date_are_refused():
    day = datetime.timedelta(days=1)
    begin = datetime.datetime.fromtimestamp(NOW, datetime.UTC)
    late = trial_ca.issue(root(), "虚构建设有限公司", CODE, start=begin + day)
    gone = trial_ca.issue(root(), "虚构建设有限公司", CODE, start=begin - 2 * day, days=1)
    for one in (late, gone):
        with pytest.raises(CertificateError, match="not acceptable"):
            check(one)


def test_a_chain_that_is_too_long_is_refused():
    chain = [root()]
    for depth in range(MAX_CHAIN_LENGTH + 1):
        chain.append(trial_ca.make_authority(f"下级 {depth} CA", chain[-1]))
    leaf = trial_ca.issue(chain[-1], "虚构建设有限公司", CODE)
    with pytest.raises(CertificateError):
        check(leaf, *reversed(chain[1:]))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (CreditCodeField("1.2.156.9", "extension"), b"\x0c\x12" + CODE.encode()),
        (CreditCodeField("1.2.156.9", "extension"), b"\x13\x12" + CODE.encode()),
        (CreditCodeField("1.2.156.9", "extension"), b"\x16\x12" + CODE.encode()),
        (CreditCodeField("1.2.156.9", "extension-raw"), CODE.encode()),
        (CreditCodeField("1.2.156.9", "extension-raw", "NTRCN-"), b"NTRCN-" + CODE.encode()),
    ],
    ids=["utf8", "printable", "ia5", "raw", "prefix"],
)
def test_the_credit_code_is_read_where_the_authority_puts_it(field, value):
    def leaf(content):
        extension = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.156.9"), content)
        return trial_ca.issue(root(), "虚构建设有限公司", "", extensions=[(extension, False)])

    anchors = [anchor(credit_code=field)]
    assert check(leaf(value), anchors=anchors).credit_code == CODE
    for wrong in (b"", b"\x04\x12" + CODE.encode(), value[:-1], b"\xff" * 20):
        with pytest.raises(CertificateError, match="credit code"):
            check(leaf(wrong), anchors=anchors)
    with pytest.raises(CertificateError, match="credit code"):
        check(bidder(), anchors=anchors)
    with pytest.raises(CertificateError, match="credit code"):
        check(bidder(), anchors=[anchor(credit_code=replace(field, oid="2.5.29.15"))])


def test_a_code_without_the_prefix_is_refused():
    with pytest.raises(CertificateError, match="does not begin"):
        check(bidder(), anchors=[anchor(credit_code=CreditCodeField(trial_ca.CREDIT_CODE_OID, prefix="N-"))])


@pytest.mark.parametrize("kind", ["P-256", "P-384", "RSA-2048"])
def test_a_delegation_by_any_recognised_kind_of_key_opens(kind):
    key = {"P-256": None, "P-384": ec.generate_private_key(ec.SECP384R1()), "RSA-2048": None}[kind]
    signer = trial_ca.issue(root(), "虚构", CODE, key=key, rsa_bits=2048 * (kind == "RSA-2048"))
    trust = TrustList([anchor()])
    assert open_delegation(delegate(signer), ALLIANCE, trust, NOW)[1].credit_code == CODE


def test_a_p384_delegation_is_not_taken_under_another_algorithm():
    signer = trial_ca.issue(root(), "虚构", CODE, key=ec.generate_private_key(ec.SECP384R1()))
    head, payload, signature = delegate(signer).split(".")
    other = delegate(bidder()).split(".")[0]
    for token in (f"{other}.{payload}.{signature}", f"{head}.{payload}.{signature[:-4]}"):
        with pytest.raises(NodeError):
            open_delegation(token, ALLIANCE, TrustList([anchor()]), NOW)
