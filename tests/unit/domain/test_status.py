"""OCSP answers, revocation lists and time stamps: who may say it, about whom, and what an enemy sends instead."""

import datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given
from hypothesis import strategies as st

from adapters.crypto import trial_ca
from node.domain.status import (
    CLOCK_SKEW_SECONDS,
    MAX_AGE_SECONDS,
    MAX_OCSP_BYTES,
    Status,
    build_ocsp_request,
    open_crl,
    open_ocsp,
)
from node.domain.timestamp import build_timestamp_request, check_timestamp
from node.domain.trust import TrustList
from node.errors import StatusError, TimestampError
from tests.support.trial_timestamps import TrialTimestamps
from tests.support.trust import CODE, NOW, bidder, responder, root, tsa_anchor
from tests.unit.domain.mutation import refuses_or_returns, spoilt_bytes

NONCE = bytes(32)
REQUEST = build_ocsp_request(bidder().certificate, root().certificate, NONCE)
GOOD = responder().answer(REQUEST)
LIST = responder().revocation_list()
STAMP_TOKEN = "a.b.c"
AUTHORITY = TrialTimestamps()
STAMP = AUTHORITY.answer(build_timestamp_request(STAMP_TOKEN))
STAMPERS = TrustList([tsa_anchor(AUTHORITY.root)])


def opened(raw=GOOD, certificate=None, issuer=None, **asked):
    return open_ocsp(raw, (certificate or bidder()).certificate, (issuer or root()).certificate, **asked)


def listed(raw=LIST, certificate=None, issuer=None):
    return open_crl(raw, (certificate or bidder()).certificate, (issuer or root()).certificate)


def test_a_good_answer_says_until_when():
    status = opened(nonce=NONCE, must_echo=True)
    assert (status.revoked, status.nonce, status.this_update) == (None, NONCE, NOW)
    assert status.next_update == NOW + 3600


def test_news_lasts_until_next_update_and_not_for_ever():
    status = opened()
    assert [status.is_news(NOW + late) for late in (0, 3600, 3601, -CLOCK_SKEW_SECONDS - 1)] == [
        True,
        True,
        False,
        False,
    ]
    endless = Status(NOW, NOW + 10**9, NOW)
    assert endless.is_news(NOW + MAX_AGE_SECONDS)
    assert not endless.is_news(NOW + MAX_AGE_SECONDS + 1)


def test_a_revoked_certificate_is_told_with_its_moment():
    says = responder()
    says.revoke(bidder().certificate, NOW - 5)
    assert opened(says.answer(REQUEST)).revoked == NOW - 5
    assert listed(says.revocation_list()).revoked == NOW - 5
    assert listed().revoked is None


def test_an_answer_to_another_question_is_a_replay():
    with pytest.raises(StatusError, match="replay"):
        opened(nonce=bytes([1]) * 32)


def test_an_answer_without_nonce_is_a_replay_where_the_responder_repeats_them():
    mute = responder(echoes_nonces=False).answer(REQUEST)
    assert opened(mute, nonce=NONCE).nonce is None
    with pytest.raises(StatusError, match="replay"):
        opened(mute, nonce=NONCE, must_echo=True)


def test_an_answer_about_another_certificate_is_refused():
    other = trial_ca.issue(root(), "他", CODE)
    with pytest.raises(StatusError, match="another certificate"):
        opened(certificate=other)


def test_an_answer_by_another_authority_is_refused():
    with pytest.raises(StatusError, match="not signed by the issuer"):
        opened(responder(root("乙 CA")).answer(REQUEST))


def _delegate(purpose=ExtendedKeyUsageOID.OCSP_SIGNING, by=None, change=lambda builder: builder):
    return trial_ca.issue_service(by or root(), "OCSP", purpose, change=change)


def test_an_answer_by_the_issuers_responder_counts():
    assert opened(responder(signer=_delegate()).answer(REQUEST)).revoked is None


def test_an_answer_by_a_responder_without_that_task_is_refused():
    for says, signer in (
        ("given that task", _delegate(ExtendedKeyUsageOID.CODE_SIGNING)),
        ("cannot be read", _delegate(by=root("乙 CA"))),  # another authority's responder
    ):
        with pytest.raises(StatusError, match=says):
            opened(responder(signer=signer).answer(REQUEST))
    # A bidder of the same authority is no responder either.
    with pytest.raises(StatusError):
        opened(responder(signer=bidder()).answer(REQUEST))


def test_a_spoilt_signature_is_refused():
    at = GOOD.index(ocsp.load_der_ocsp_response(GOOD).signature) + 20
    with pytest.raises(StatusError):
        opened(GOOD[:at] + bytes([GOOD[at] ^ 1]) + GOOD[at + 1 :])


@pytest.mark.parametrize("status", ["TRY_LATER", "UNAUTHORIZED", "INTERNAL_ERROR"])
def test_a_responder_that_does_not_answer_is_no_good_news(status):
    raw = ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus[status])
    with pytest.raises(StatusError, match=status):
        opened(raw.public_bytes(Encoding.DER))


def _answer(status, *, key=None, algorithm=None):
    asked = ocsp.load_der_ocsp_request(REQUEST)
    now = datetime.datetime.fromtimestamp(NOW, datetime.UTC)
    signer = key or root()
    builder = ocsp.OCSPResponseBuilder().add_response_by_hash(
        asked.issuer_name_hash, asked.issuer_key_hash, asked.serial_number, asked.hash_algorithm, status,
        now, None, None, None,
    )  # fmt: skip
    named = builder.responder_id(ocsp.OCSPResponderEncoding.NAME, signer.certificate)
    return named.sign(signer.key, algorithm or hashes.SHA256()).public_bytes(Encoding.DER)


def test_an_unknown_certificate_is_no_good_news():
    assert opened(_answer(ocsp.OCSPCertStatus.GOOD)).revoked is None
    with pytest.raises(StatusError, match="does not know"):
        opened(_answer(ocsp.OCSPCertStatus.UNKNOWN))


def test_answers_and_lists_under_weak_keys_are_refused():
    frail = trial_ca.make_authority("弱 CA", key=rsa.generate_private_key(65537, 1024))
    leaf = trial_ca.issue(frail, "虚构", CODE)
    request = build_ocsp_request(leaf.certificate, frail.certificate, NONCE)
    for refused in (
        lambda: opened(responder(frail).answer(request), leaf, frail),
        lambda: listed(responder(frail).revocation_list(), leaf, frail),
    ):
        with pytest.raises(StatusError, match="weak"):
            refused()


def _crl(*extensions, by=None, next_update=True, issuer=None, algorithm=None):
    now = datetime.datetime.fromtimestamp(NOW, datetime.UTC)
    builder = x509.CertificateRevocationListBuilder().issuer_name((issuer or root()).certificate.subject)
    builder = builder.last_update(now).next_update(now + datetime.timedelta(hours=1))
    for extension in extensions:
        builder = builder.add_extension(extension, critical=True)
    return builder.sign((by or root()).key, algorithm or hashes.SHA256()).public_bytes(Encoding.DER)


def _partial(**kind):
    plain = dict(  # noqa: C408
        full_name=None, relative_name=None, only_contains_user_certs=False, only_contains_ca_certs=False,
        only_some_reasons=None, indirect_crl=False, only_contains_attribute_certs=False,
    )  # fmt: skip
    return x509.IssuingDistributionPoint(**(plain | kind))


def test_a_list_for_end_entities_counts_for_one():
    assert listed(_crl(_partial(only_contains_user_certs=True))).revoked is None


@pytest.mark.parametrize(
    "raw",
    [
        _crl(by=root("乙 CA")),
        _crl(issuer=root("乙 CA")),
        _crl(_partial(only_contains_ca_certs=True)),
        _crl(_partial(indirect_crl=True)),
        _crl(_partial(only_some_reasons=frozenset([x509.ReasonFlags.key_compromise]))),
        _crl(_partial(only_contains_attribute_certs=True)),
        _crl(x509.DeltaCRLIndicator(1)),
    ],
    ids=["other key", "other name", "authorities", "indirect", "some reasons", "attributes", "delta"],
)
def test_a_list_by_another_or_of_another_kind_is_refused(raw):
    with pytest.raises(StatusError):
        listed(raw)


def test_a_list_by_an_authority_that_may_not_sign_lists_is_refused():
    usage = x509.KeyUsage(True, False, False, False, False, True, False, False, False)
    whole = root().certificate
    bare = (
        x509.CertificateBuilder()
        .subject_name(whole.subject).issuer_name(whole.subject).public_key(root().key.public_key())
        .serial_number(1).not_valid_before(whole.not_valid_before_utc).not_valid_after(whole.not_valid_after_utc)
        .add_extension(usage, critical=True).sign(root().key, hashes.SHA256())
    )  # fmt: skip
    with pytest.raises(StatusError, match="not meant"):
        listed(issuer=trial_ca.TrialCertificate(root().key, bare))


@given(st.binary(max_size=400) | spoilt_bytes(GOOD))
def test_bytes_are_an_answer_or_refused(raw):
    refuses_or_returns(lambda: opened(raw), StatusError)


@given(st.binary(max_size=400) | spoilt_bytes(LIST))
def test_bytes_are_a_list_or_refused(raw):
    refuses_or_returns(lambda: listed(raw), StatusError)


@given(st.binary(max_size=400) | spoilt_bytes(STAMP))
def test_bytes_are_a_time_stamp_or_refused(raw):
    refuses_or_returns(lambda: check_timestamp(raw, STAMP_TOKEN, STAMPERS), TimestampError)


def test_what_is_too_long_is_not_read():
    with pytest.raises(StatusError, match="at most"):
        opened(bytes(MAX_OCSP_BYTES + 1))


def test_a_time_stamp_tells_its_moment():
    early = TrialTimestamps(now=lambda: NOW - 500)
    raw = early.answer(build_timestamp_request(STAMP_TOKEN))
    assert check_timestamp(raw, STAMP_TOKEN, TrustList([tsa_anchor(early.root)])) == NOW - 500


def test_a_time_stamp_on_something_else_is_refused():
    with pytest.raises(TimestampError):
        check_timestamp(STAMP, "a.b.d", STAMPERS)


def test_a_time_stamp_by_nobody_recognised_for_it_is_refused():
    stranger = TrialTimestamps()
    suspended = TrustList([tsa_anchor(AUTHORITY.root, suspended=NOW - 1000)])
    for trust in (TrustList([]), TrustList([tsa_anchor(stranger.root)]), suspended):
        with pytest.raises(TimestampError, match="recognised"):
            check_timestamp(STAMP, STAMP_TOKEN, trust)


def test_a_unit_that_is_not_for_time_stamps_cannot_stamp():
    wrong = TrialTimestamps(purpose=ExtendedKeyUsageOID.CODE_SIGNING)
    raw = wrong.answer(build_timestamp_request(STAMP_TOKEN))
    with pytest.raises(TimestampError):
        check_timestamp(raw, STAMP_TOKEN, TrustList([tsa_anchor(wrong.root)]))
