"""Whether a delegation holds as of the moment that matters; taking proofs away never helps."""

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from adapters.crypto import trial_ca
from node.domain.status import Status
from node.domain.timestamp import build_timestamp_request
from node.domain.trust import TrustList
from node.domain.validity import NO_PROOF, StatusProof, encode_proof, judge_delegation, parse_proof
from node.errors import CertificateError, DocumentFormatError, NodeError, RevokedError, StatusUnknownError
from tests.support.trial_timestamps import TrialTimestamps
from tests.support.trust import (
    CODE,
    NOW,
    OCSP,
    anchor,
    bidder,
    circumstances,
    delegate,
    proof,
    responder,
    root,
    said,
    tsa_anchor,
)
from tests.unit.domain.mutation import refuses_or_returns, spoilt_bytes

TOKEN = delegate()
WITH_OCSP = anchor(ocsp=(OCSP,))
MONTH = 30 * 86_400
LATER = NOW + MONTH


def judge(token=TOKEN, *anchors, now=NOW, moment=None, proof=NO_PROOF, known=(), soft_fail=()):
    where = circumstances(*(anchors or (WITH_OCSP,)), now=now, soft_fail=soft_fail)
    return judge_delegation(token, where, moment=moment or now, proof=proof, known=known)


def knows(revoked=None, at=NOW, signer=None):
    return [((signer or bidder()).der, Status(at, at + 3600, at, revoked))]


def test_an_authority_without_services_needs_no_status():
    assert not judge(TOKEN, anchor()).is_status_known


def test_without_a_word_on_revocation_nothing_goes_on_unless_told_to():
    with pytest.raises(StatusUnknownError, match="a-ca"):
        judge()
    assert not judge(soft_fail=("a-ca",)).is_status_known
    with pytest.raises(StatusUnknownError):
        judge(soft_fail=("b-ca",))
    assert judge(known=knows()).is_status_known


def test_what_is_no_longer_news_says_nothing_about_now():
    with pytest.raises(StatusUnknownError):
        judge(now=NOW + 3601, known=knows())
    # but it settles what happened before it was said
    assert judge(now=NOW + 3601, moment=NOW, known=knows()).is_status_known


def test_a_status_of_another_certificate_says_nothing():
    with pytest.raises(StatusUnknownError):
        judge(known=knows(signer=bidder("乙 CA")))


def test_revoked_stops_what_is_new_also_where_the_caller_goes_on_without_status():
    for soft_fail in ((), ("a-ca",)):
        with pytest.raises(RevokedError):
            judge(known=knows(revoked=NOW), soft_fail=soft_fail)


def test_a_revocation_stays_known_when_its_news_is_old():
    with pytest.raises(RevokedError):
        judge(now=LATER, known=knows(revoked=NOW), soft_fail=("a-ca",))


def bound(at=NOW, token=TOKEN):
    return proof(said(responder(at=at), token))


def test_what_was_granted_before_the_revocation_stands_where_the_delegation_is_proven_older():
    known = knows(revoked=LATER - 10, at=LATER)
    judged = judge(now=LATER, moment=NOW + 100, known=known, proof=bound())
    assert judged.at <= NOW + 100
    # a grant that the ledger may have taken at the revocation or later does not
    for moment in (LATER - 10, LATER - 9, LATER):
        with pytest.raises(RevokedError):
            judge(now=LATER, moment=moment, known=known, proof=bound())


def test_without_proof_of_its_age_a_delegation_falls_with_its_certificate():
    """A thief of the key could have signed it after the revocation and written any `iat`."""
    known = knows(revoked=LATER - 10, at=LATER)
    unbound = replace(bound().statements[0], salt="")
    mute = proof(said(responder(echoes_nonces=False), TOKEN))
    for nothing in (NO_PROOF, proof(unbound), mute):
        with pytest.raises(RevokedError):
            judge(now=LATER, moment=NOW + 100, known=known, proof=nothing)


def test_a_proof_of_another_delegation_or_salt_proves_nothing():
    known = knows(revoked=LATER - 10, at=LATER)
    other = delegate(at=NOW - 1)
    salted = replace(bound().statements[0], salt="A" * 22)
    malformed = replace(bound().statements[0], salt="B" * 22)
    for false in (bound(token=other), proof(salted), proof(malformed)):
        with pytest.raises(RevokedError):
            judge(now=LATER, moment=NOW + 100, known=known, proof=false)


def test_a_proof_that_shows_the_certificate_revoked_proves_no_age():
    says = responder()
    says.revoke(bidder().certificate, NOW - 50)
    with pytest.raises(RevokedError):
        judge(now=LATER, moment=NOW, proof=proof(said(says, TOKEN)))


def test_an_authority_suspended_since_is_honoured_as_of_signing_time():
    suspended = replace(WITH_OCSP, suspended=LATER - 10)
    judged = judge(TOKEN, suspended, now=LATER, moment=NOW + 100, proof=bound(), known=knows(at=NOW + 200))
    assert judged.at < LATER - 10
    with pytest.raises(CertificateError):  # later than the suspension
        judge(TOKEN, suspended, now=LATER, moment=LATER - 10, proof=bound(), known=knows(at=NOW + 200))
    with pytest.raises(CertificateError):  # nothing shows that it is older
        judge(TOKEN, suspended, now=LATER, moment=NOW + 100, known=knows(at=NOW + 200))


@pytest.fixture(scope="module")
def short():
    """A certificate that ends within the day, and a delegation by it."""
    begin = datetime.datetime.fromtimestamp(NOW, datetime.UTC) - datetime.timedelta(hours=1)
    signer = trial_ca.issue(root(), "虚构", CODE, start=begin, days=0.5)
    return signer, delegate(signer)


def test_an_expired_certificate_still_stands_for_what_was_granted_in_its_time(short):
    signer, token = short
    kept = proof(said(responder(at=NOW + 100), token, signer))
    assert judge(token, now=LATER, moment=NOW + 100, proof=kept).is_status_known
    with pytest.raises(CertificateError):
        judge(token, now=LATER, moment=LATER - 100, proof=kept)


def test_a_time_stamp_proves_the_age_and_stripping_it_makes_the_verdict_stricter(short):
    signer, token = short
    stamps = TrialTimestamps(now=lambda: NOW + 10)
    stamp = stamps.answer(build_timestamp_request(token))
    anchors = (WITH_OCSP, tsa_anchor(stamps.root))
    word = replace(said(responder(at=NOW + 100), token, signer), salt="")
    stamped = proof(word, timestamp=stamp)
    assert judge(token, *anchors, now=LATER, moment=NOW + 100, proof=stamped).at == NOW + 100
    with pytest.raises(CertificateError):
        judge(token, *anchors, now=LATER, moment=NOW + 100, proof=replace(stamped, timestamp=""))
    with pytest.raises(CertificateError):  # by nobody on the list
        judge(token, WITH_OCSP, now=LATER, moment=NOW + 100, proof=stamped)
    with pytest.raises(CertificateError):  # of another delegation
        judge(delegate(signer, at=NOW - 1), *anchors, now=LATER, moment=NOW + 100, proof=stamped)


def test_an_authority_between_must_be_good_too():
    below = trial_ca.make_authority("甲一 CA", root())
    leaf = trial_ca.issue(below, "虚构", CODE)
    token = delegate(leaf, below)
    with pytest.raises(StatusUnknownError):
        judge(token, known=knows(signer=leaf))
    both = [*knows(signer=leaf), *knows(signer=below)]
    assert judge(token, known=both).is_status_known
    with pytest.raises(RevokedError):
        judge(token, known=[*knows(signer=leaf), *knows(signer=below, revoked=NOW)])


def test_a_spoilt_proof_does_not_stand_in_the_way_of_what_is_known():
    junk = StatusProof((replace(bound().statements[0], content="AAAA"),), "AAAA")
    assert judge(known=knows(), proof=junk).is_status_known


RAW = encode_proof(bound())


@given(st.binary() | spoilt_bytes(RAW))
def test_bytes_are_a_proof_or_refused(raw):
    refuses_or_returns(lambda: parse_proof(raw), DocumentFormatError)


def test_a_proof_has_a_bounded_size():
    many = StatusProof(bound().statements * 9)
    with pytest.raises(DocumentFormatError, match="at most"):
        parse_proof(encode_proof(many))
    with pytest.raises(DocumentFormatError, match="at most"):
        parse_proof(bytes(200_000))
    assert parse_proof(b"") == NO_PROOF


@given(st.booleans(), st.booleans(), st.integers(0, MONTH), st.integers(0, MONTH))
def test_less_proof_never_makes_a_verdict_milder(has_stamp, has_bound, revoked, moment):
    """Whatever holds with a part of the proofs, holds with all of them."""
    known = knows(revoked=NOW + revoked, at=LATER)
    whole = proof(*BOUND.statements, timestamp=STAMP)
    part = replace(whole, statements=BOUND.statements * has_bound, timestamp=whole.timestamp * has_stamp)

    def holds(shown):
        try:
            judge(TOKEN, *STAMPED, now=LATER, moment=NOW + moment, known=known, proof=shown)
        except NodeError:
            return False
        return True

    assert holds(whole) or not holds(part)


BOUND = bound()
STAMPS = TrialTimestamps(now=lambda: NOW + 5)
STAMP = STAMPS.answer(build_timestamp_request(TOKEN))
STAMPED = (WITH_OCSP, tsa_anchor(STAMPS.root))


def test_a_list_is_read_once_and_used_often():
    trust = TrustList([WITH_OCSP])
    assert trust.store(NOW) is trust.store(NOW + 1)
