import base64
import datetime
import warnings

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from stdnum.cn import uscc

from adapters.crypto import trial_ca
from node.domain.certificate import (
    MAX_CERTIFICATE_BYTES,
    MAX_CHAIN_LENGTH,
    check_certificate,
    check_credit_code,
)
from node.domain.trust import CreditCodeField, TrustList, anchor_from_pem, check_anchor
from node.errors import CertificateError, CodeFormatError, NodeError
from tests.unit.domain.mutation import refuses_or_returns, spoilt_bytes, spoilt_text
from tests.vectors.authority import (
    CREDIT_CODE,
    CREDIT_CODE_OID,
    END,
    ORGANISATION,
    START,
    anchor,
    bidder,
    issue,
    name,
    root,
    usage,
)
from tests.vectors.keys import p256
from tests.vectors.world import NOW

SIGNING = usage("digital_signature", "content_commitment")
LEAF = x509.BasicConstraints(ca=False, path_length=None)


def check(*chain, at=NOW, anchors=None):
    return check_certificate([issued.der for issued in chain], TrustList(anchors or [anchor()]), at)


def make(key=None, by=None, codes=(CREDIT_CODE,), **options):
    """A bidder's certificate that is right but for what is said."""
    chosen = {"key_usage": SIGNING, "constraints": LEAF, **options}
    subject = chosen.pop("subject", name("bidder", codes, ORGANISATION))
    return issue(subject, key or p256("bidder").key, by or root(), **chosen)


def authority(common, by, path_length=None):
    return issue(
        name(common),
        p256(common).key,
        by,
        key_usage=usage("key_cert_sign", "crl_sign"),
        constraints=x509.BasicConstraints(ca=True, path_length=path_length),
    )


def seconds(moment: datetime.datetime) -> int:
    return int(moment.timestamp())


@pytest.mark.parametrize("rsa_bits", [0, 2048])
def test_bidder_of_a_recognised_authority_is_identified(rsa_bits):
    identity = check(bidder(rsa_bits=rsa_bits))
    assert (identity.credit_code, identity.organisation) == (CREDIT_CODE, ORGANISATION)
    assert identity.leaf == bidder(rsa_bits=rsa_bits).certificate


def test_certificate_of_the_trial_authority_is_identified():
    trial = trial_ca.make_root()
    anchors = TrustList(
        [anchor_from_pem("trial", "试用", trial.certificate_pem.decode(), trial_ca.CREDIT_CODE_OID)]
    )
    at = seconds(datetime.datetime.now(datetime.UTC))
    issued = trial_ca.issue(trial, ORGANISATION, CREDIT_CODE)
    assert check_certificate([issued.der], anchors, at).credit_code == CREDIT_CODE
    expired = trial_ca.issue(trial, ORGANISATION, CREDIT_CODE, days=0.01)
    with pytest.raises(CertificateError):
        check_certificate([expired.der], anchors, at)


def test_certificate_is_good_from_its_first_to_its_last_second():
    for at in (seconds(START), seconds(END)):
        assert check(bidder(), at=at)
    for at in (seconds(START) - 1, seconds(END) + 1, 0, 253_402_300_799):
        with pytest.raises(CertificateError, match="valid"):
            check(bidder(), at=at)


@pytest.mark.parametrize("at", [-1, 2**53 - 1, -(2**53) + 1])
def test_time_that_no_calendar_has_is_refused(at):
    with pytest.raises(CertificateError):
        check(bidder(), at=at)


def test_certificate_of_another_authority_is_refused():
    with pytest.raises(CertificateError):
        check(make(by=root("Strange root")))


def test_authority_of_the_same_name_with_another_key_is_refused():
    impostor = issue(
        name("Test root"),
        p256("impostor").key,
        key_usage=usage("key_cert_sign"),
        constraints=x509.BasicConstraints(ca=True, path_length=1),
    )
    for chain in ([make(by=impostor)], [make(by=impostor), impostor]):
        with pytest.raises(CertificateError):
            check(*chain)


def test_self_signed_certificate_is_refused():
    alone = issue(name("bidder", [CREDIT_CODE]), p256("bidder").key, key_usage=SIGNING, constraints=LEAF)
    with pytest.raises(CertificateError):
        check(alone)


@pytest.mark.parametrize(
    "options",
    [
        {"key_usage": None},
        {"key_usage": usage("key_encipherment")},
        {"key_usage": usage("digital_signature", "key_cert_sign")},
        {"constraints": x509.BasicConstraints(ca=True, path_length=None)},
        {"more": [(x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\5\0"), True)]},
    ],
    ids=["no usage", "not for signing", "may issue", "is an authority", "unknown critical extension"],
)
def test_certificate_not_made_for_signing_documents_is_refused(options):
    with pytest.raises(CertificateError):
        check(make(**options))


@pytest.mark.parametrize(
    "options",
    [
        {"key_usage": usage("content_commitment")},
        {"key_usage": usage("digital_signature")},
        {"constraints": None},
        {"more": [(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), False)]},
        {"more": [(x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\5\0"), False)]},
    ],
    ids=["commitment only", "signature only", "no constraints", "extended usage", "unknown extension"],
)
def test_signing_certificate_of_an_ordinary_form_is_taken(options):
    assert check(make(**options)).credit_code == CREDIT_CODE


def test_root_itself_is_no_bidder():
    with pytest.raises(CertificateError):
        check(root())


@pytest.mark.parametrize(
    "codes",
    [(), ("",), ("91110000600037341M",), ("91110000600037341l",), (CREDIT_CODE, CREDIT_CODE), ("合契",)],
    ids=["none", "empty", "wrong check character", "lower case", "two", "not a code"],
)
def test_certificate_without_one_right_credit_code_is_refused(codes):
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, "bidder")]
    oid = x509.ObjectIdentifier(CREDIT_CODE_OID)
    attributes += [x509.NameAttribute(oid, code, _validate=False) for code in codes]
    with pytest.raises(CertificateError, match="credit code"):
        check(make(subject=x509.Name(attributes)))


def test_credit_code_is_read_where_this_authority_puts_it():
    elsewhere = anchor_from_pem("elsewhere", "elsewhere", root().pem, "2.5.4.5")
    with pytest.raises(CertificateError, match="credit code"):
        check(bidder(), anchors=[elsewhere])
    serial = x509.Name([x509.NameAttribute(NameOID.SERIAL_NUMBER, CREDIT_CODE)])
    identity = check(make(subject=serial), anchors=[elsewhere])
    assert (identity.credit_code, identity.organisation) == (CREDIT_CODE, "")


def test_path_through_an_intermediate_authority_is_taken():
    middle = authority("Middle", root(), 0)
    assert check(make(by=middle), middle).credit_code == CREDIT_CODE
    with pytest.raises(CertificateError):
        check(make(by=middle))
    below = authority("Below", middle)
    with pytest.raises(CertificateError):
        check(make(by=below), below, middle)


def test_chain_is_bounded():
    top = issue(
        name("Long root"),
        p256("Long root").key,
        key_usage=usage("key_cert_sign"),
        constraints=x509.BasicConstraints(ca=True, path_length=None),
    )
    chain = [top]
    for depth in range(MAX_CHAIN_LENGTH):
        chain.insert(0, authority(f"Depth {depth}", chain[0]))
        path = [make(by=chain[0]), *chain[:-1]]
        if len(path) <= MAX_CHAIN_LENGTH:
            assert check(*path, anchors=[anchor(top)])
        else:
            with pytest.raises(CertificateError, match="1 to 5"):
                check(*path, anchors=[anchor(top)])
    with pytest.raises(CertificateError, match="1 to 5"):
        check()


def test_overlong_certificate_is_refused_unread():
    with pytest.raises(CertificateError, match="ordinary size"):
        check_certificate([bidder().der + bytes(MAX_CERTIFICATE_BYTES)], TrustList([anchor()]), NOW)


def test_any_of_several_authorities_will_do():
    others = [anchor(root("Strange root")), anchor()]
    assert check(bidder(), anchors=others).credit_code == CREDIT_CODE


def test_alliance_without_authorities_takes_nobody():
    with pytest.raises(CertificateError, match="recognises no"):
        check_certificate([bidder().der], TrustList([]), NOW)


def test_certificate_of_an_unknown_version_is_refused():
    # The version is the context tag [0] at the start of the to-be-signed part.
    der = bidder().der.replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x05", 1)
    with pytest.raises(CertificateError, match="cannot be read"):
        check_certificate([der], TrustList([anchor()]), NOW)


@given(st.binary() | spoilt_bytes(bidder().der))
def test_bytes_are_the_certificate_or_refused(der):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)
        taken = refuses_or_returns(lambda: check_certificate([der], TrustList([anchor()]), NOW), NodeError)
    assert taken is None or der == bidder().der


@given(st.binary() | spoilt_bytes(root().der))
def test_intermediate_that_cannot_be_read_or_used_is_refused_or_passed_over(der):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)
        refuses_or_returns(
            lambda: check_certificate([bidder().der, der], TrustList([anchor()]), NOW), NodeError
        )


def test_anchor_is_a_ca_certificate_with_an_oid():
    check_anchor(anchor())
    for wrong in (
        replace(anchor(), certificate=""),
        replace(anchor(), certificate="AAAA"),
        replace(anchor(), certificate=anchor().certificate + "\n"),
        replace(anchor(), credit_code=CreditCodeField("credit code")),
        replace(anchor(), credit_code=CreditCodeField("9.9")),
        replace(anchor(), credit_code=None),
        replace(anchor(), id="CA"),
        replace(anchor(), serves="timestamps"),
        replace(anchor(), timestamp=("http://tsa.example/",)),
        replace(anchor(), key_usages=()),
        replace(anchor(), policies=("1.2.4", "1.2.3")),
        replace(anchor(), ocsp=("ftp://ca.example/",)),
        replace(anchor(), ocsp=("http://user@ca.example/",)),
        replace(anchor(), crl=("http:///list",)),
        replace(anchor(), crl=("http://a.example/",) * 5),
        anchor(bidder()),
        anchor(make(constraints=None)),
    ):
        with pytest.raises(CertificateError):
            check_anchor(wrong)


def test_anchor_with_an_extension_twice_is_refused():
    # Key identifier 2.5.29.14 becomes a second key usage 2.5.29.15; nobody signs anew, for nobody checks here.
    der = root().der.replace(b"\x55\x1d\x0e", b"\x55\x1d\x0f", 1)
    with pytest.raises(CertificateError):
        check_anchor(replace(anchor(), certificate=base64.b64encode(der).decode()))


@given(spoilt_text(anchor().certificate))
def test_text_is_an_anchor_or_refused(text):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)
        refuses_or_returns(lambda: check_anchor(replace(anchor(), certificate=text)), NodeError)


@pytest.mark.parametrize("code", [CREDIT_CODE, "91110108MA01KPGK0L"])
def test_credit_code_is_that_of_gb_32100(code):
    assert check_credit_code(code) == code
    wrong_places = [
        code[:at] + other + code[at + 1 :]
        for at in range(18)
        for other in "0123456789ABCDEFGHJKLMNPQRTUWXYIOZSV a"
        if other != code[at]
    ]
    assert not any(uscc.is_valid(wrong) for wrong in wrong_places if wrong == wrong.upper().strip())
    for wrong in wrong_places:
        with pytest.raises(CodeFormatError):
            check_credit_code(wrong)


@given(st.text() | spoilt_text(CREDIT_CODE))
def test_text_is_a_credit_code_in_capitals_or_refused(text):
    code = refuses_or_returns(lambda: check_credit_code(text), CodeFormatError)
    assert code is None or (uscc.is_valid(text) and text == uscc.compact(text))


def test_key_of_another_curve_passes_the_path_only():
    # What a delegation may be signed with is decided there; here the certificate itself is sound.
    assert check(make(key=ec.derive_private_key(7, ec.SECP384R1()))).credit_code == CREDIT_CODE
