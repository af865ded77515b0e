"""What is said of CMS signatures, right ones and attacked ones."""

import datetime

import pytest
from asn1crypto import cms as asn1
from asn1crypto import core
from cryptography.x509 import BasicConstraints
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.signatures.cms import MAX_SIGNERS, Trust, read_cms
from node.domain.signed_file import Finding, Problem
from node.errors import InvalidError, NodeError
from tests.support.signed_files import CONTENT, cms, cms_by_pyhanko, cms_stamped
from tests.unit.domain.mutation import refuses_or_returns, spoilt_bytes
from tests.vectors.authority import Issued, bidder, issue, name, root, rsa_key, usage
from tests.vectors.keys import p256
from tests.vectors.world import NOW

TRUST = Trust([root().der], NOW)
THEN = datetime.datetime(2026, 2, 1, tzinfo=datetime.UTC)


def read(signature: bytes, content: bytes = b"") -> Finding:
    (found,) = read_cms(content or signature, signature if content else b"", TRUST)
    return found


def problem(signature: bytes, content: bytes = b"") -> Problem:
    return read(signature, content).problem


def changed(signature: bytes, change) -> bytes:
    """The CMS file with something done to its signed data."""
    info = asn1.ContentInfo.load(signature)
    change(info["content"])
    return info.dump(force=True)


def other(key) -> Issued:
    return issue(name("other"), key, root(), key_usage=usage("digital_signature"), constraints=None)


# -- what works -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("signature", "content", "mechanism"),
    [
        (cms(bidder()), b"", "ecdsa"),
        (cms(bidder(), armoured=True), b"", "ecdsa"),
        (cms(bidder(), detached=True), CONTENT, "ecdsa"),
        (cms(bidder()), CONTENT, "ecdsa"),
        (cms(bidder(), attributes=False), b"", "ecdsa"),
        (cms(bidder(rsa_bits=2048)), b"", "rsassa_pkcs1v15"),
        (cms(bidder(rsa_bits=2048), pss=True, detached=True), CONTENT, "rsassa_pss"),
    ],
    ids=["attached", "PEM", "detached", "both", "bare", "RSA", "PSS"],
)
def test_a_signature_by_another_library_is_read(signature, content, mechanism):
    found = read(signature, content)
    assert (found.problem, found.mechanism, found.digest) == (Problem.NONE, mechanism, "sha256")
    assert found.chain == ((bidder() if mechanism == "ecdsa" else bidder(rsa_bits=2048)).der,)
    assert found.covers_whole


def test_who_and_when_are_told():
    found = read(cms_by_pyhanko(bidder(), at=THEN))
    assert "91110000600037341L" in found.subject
    assert (found.claimed, found.stamped) == (int(THEN.timestamp()), None)


def test_every_signer_is_told_separately():
    first, second = cms(bidder()), cms(other(rsa_key(2048)))
    added = asn1.ContentInfo.load(second)["content"]

    def join(signed):
        signed["signer_infos"] = asn1.SignerInfos([*signed["signer_infos"], *added["signer_infos"]])
        signed["certificates"] = asn1.CertificateSet([*signed["certificates"], *added["certificates"]])

    both = changed(first, join)
    found = read_cms(both, b"", TRUST)
    assert [(one.name, one.problem, one.key) for one in found] == [
        ("0", Problem.NONE, "secp256r1"),
        ("1", Problem.NONE, "rsa"),
    ]
    spoilt = both.replace(added["signer_infos"][0]["signature"].native, bytes(256))
    assert [one.problem for one in read_cms(spoilt, b"", TRUST)] == [Problem.NONE, Problem.FALSE_SIGNATURE]


def test_possible_issuers_follow_the_signer_nearest_first():
    middle = issue(
        name("middle"), p256("middle").key, root(), key_usage=usage("key_cert_sign"),
        constraints=BasicConstraints(ca=True, path_length=0),
    )  # fmt: skip
    leaf = issue(
        name("leaf"), p256("leaf").key, middle, key_usage=usage("digital_signature"), constraints=None
    )

    def add(signed):
        more = [asn1.CertificateChoices.load(one.der) for one in (root(), middle)]
        signed["certificates"] = asn1.CertificateSet([*more, *signed["certificates"]])

    assert read(changed(cms(leaf), add)).chain == (leaf.der, middle.der)


# -- attacks ----------------------------------------------------------------------------------------------


def test_altered_content_is_found():
    assert problem(cms(bidder(), detached=True), CONTENT + b"0") is Problem.ALTERED
    assert problem(cms(bidder()).replace(b"12800000", b"92800000")) is Problem.ALTERED


def test_an_altered_signature_is_found():
    def flip(signed):
        signer = signed["signer_infos"][0]
        raw = bytearray(signer["signature"].native)
        raw[-1] ^= 1
        signer["signature"] = core.OctetString(bytes(raw))

    assert problem(changed(cms(bidder()), flip)) is Problem.FALSE_SIGNATURE


def test_altered_attributes_are_found():
    assert problem(cms_by_pyhanko(bidder(), at=THEN).replace(b"260201", b"260301")) is Problem.FALSE_SIGNATURE


def test_anothers_certificate_in_place_of_the_signers_is_found():
    """A certificate with the same issuer and serial number over another key."""
    double = issue(
        bidder().certificate.subject, p256("thief").key, root(), key_usage=usage("digital_signature"),
        constraints=None,
    )  # fmt: skip
    assert double.certificate.serial_number == bidder().certificate.serial_number
    for signature in (cms(bidder()), cms_by_pyhanko(bidder(), at=THEN)):

        def swap(signed):
            signed["certificates"] = asn1.CertificateSet([asn1.CertificateChoices.load(double.der)])

        assert problem(changed(signature, swap)) in {Problem.FALSE_SIGNATURE, Problem.UNREADABLE}


def test_a_signature_without_its_certificate_is_told():
    def strip(signed):
        signed["certificates"] = asn1.CertificateSet([])

    assert problem(changed(cms(bidder()), strip)) is Problem.NO_CERTIFICATE


def test_sha1_does_not_count():
    assert problem(cms_by_pyhanko(bidder(rsa_bits=2048), at=THEN, digest="sha1")) is Problem.WEAK_ALGORITHM


def test_a_short_rsa_key_does_not_count():
    assert problem(cms(other(rsa_key(1024)))) is Problem.WEAK_ALGORITHM


def test_signed_attributes_passed_off_as_content_are_refused():
    """Without attributes a signature is over the content itself, so another one's attributes would pass."""
    signed = asn1.ContentInfo.load(cms(bidder()))["content"]
    attributes = signed["signer_infos"][0]["signed_attrs"].untag().dump()

    def forge(signed):
        signed["encap_content_info"]["content"] = core.OctetString(attributes)
        del signed["signer_infos"][0]["signed_attrs"]

    assert problem(changed(cms(bidder()), forge)) is Problem.FALSE_SIGNATURE


def test_content_within_that_differs_from_the_content_given_is_refused():
    with pytest.raises(InvalidError, match="content of its own"):
        read(cms(bidder()), CONTENT + b" ")


def test_a_detached_signature_alone_is_refused():
    with pytest.raises(InvalidError, match="give the signed content"):
        read(cms(bidder(), detached=True))


def test_a_crowd_of_signers_is_refused():
    def multiply(signed):
        one = signed["signer_infos"][0]
        signed["signer_infos"] = asn1.SignerInfos([one] * 2)
        signed["signer_infos"] = asn1.SignerInfos([*signed["signer_infos"]] * MAX_SIGNERS)

    with pytest.raises(InvalidError, match="signers"):
        read_cms(changed(cms(bidder()), multiply), b"", TRUST)


@pytest.mark.parametrize(
    "raw", [b"", b"x", b"\x30\x80", b"\x30\x84\xff\xff\xff\xff", b"0" * 1000, bidder().der]
)
def test_what_is_no_cms_is_refused(raw):
    with pytest.raises(InvalidError):
        read_cms(raw, b"", TRUST)


# -- timestamps -------------------------------------------------------------------------------------------


def test_a_timestamp_of_a_recognised_authority_counts():
    assert read(cms_stamped(bidder(), THEN)).stamped == int(THEN.timestamp())


@pytest.mark.parametrize("who", [{"recognised": False}, {"is_authority": False}], ids=str)
def test_a_timestamp_of_somebody_else_is_told_and_does_not_count(who):
    """Somebody else's authority; or a bidder, who would date his own signature back with his own certificate."""
    found = read(cms_stamped(bidder(), THEN, **who))
    assert (found.problem, found.stamped) == (Problem.NONE, None)
    assert "not by a recognised authority" in found.stamp_problem


def test_without_recognised_authorities_no_timestamp_counts():
    (found,) = read_cms(cms_stamped(bidder(), THEN), b"", Trust([], NOW))
    assert (found.problem, found.stamped) == (Problem.NONE, None)


def test_the_timestamp_of_another_signature_is_found():
    earlier = asn1.ContentInfo.load(cms_stamped(bidder(), THEN))["content"]["signer_infos"][0][
        "unsigned_attrs"
    ]

    def transplant(signed):
        signed["signer_infos"][0]["unsigned_attrs"] = earlier

    signature = cms_by_pyhanko(bidder(rsa_bits=2048), at=THEN)
    assert problem(changed(signature, transplant)) is Problem.FALSE_TIMESTAMP


# -- nonsense ---------------------------------------------------------------------------------------------

SAMPLES = [cms(bidder()), cms(bidder(rsa_bits=2048), pss=True), cms_stamped(bidder(), THEN)]


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(SAMPLES).flatmap(spoilt_bytes))
def test_spoilt_der_is_refused_or_judged_and_raises_nothing_else(raw):
    found = refuses_or_returns(lambda: read_cms(raw, b"", TRUST), NodeError)
    for one in found or ():
        assert one.problem in Problem


@settings(deadline=None, max_examples=60)
@given(spoilt_bytes(CONTENT))
def test_no_other_content_passes(content):
    if content != CONTENT:
        found = refuses_or_returns(lambda: read_cms(content, cms(bidder(), detached=True), TRUST), NodeError)
        assert all(one.problem is Problem.ALTERED for one in found or ())
