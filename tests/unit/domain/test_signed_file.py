"""What a signature is worth, once a reader has said what it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from node.domain.certificate import CertificateIdentity, check_certificate
from node.domain.signed_file import Finding, Format, Problem, format_of, judge, weakness_of
from node.domain.trust import TrustList
from tests.vectors.authority import CREDIT_CODE, END, ORGANISATION, START, anchor, bidder, root
from tests.vectors.world import NOW

GOOD = Finding(
    name="0", digest="sha256", mechanism="ecdsa", key="secp256r1", key_bits=256, chain=(bidder().der,)
)
BEGIN, EXPIRY = int(START.timestamp()), int(END.timestamp())


def recognise(chain, at) -> CertificateIdentity:
    return check_certificate(chain, TrustList([anchor()]), at)


def judged(at: int = NOW, **changes):
    return judge(replace(GOOD, **changes), recognise, at)


def test_a_good_signature_by_a_recognised_certificate_counts():
    verdict = judged()
    assert verdict.is_valid
    assert (verdict.credit_code, verdict.organisation, verdict.judged_at) == (CREDIT_CODE, ORGANISATION, NOW)


@pytest.mark.parametrize("problem", [one for one in Problem if one is not Problem.NONE])
def test_what_a_reader_has_against_a_signature_stays_and_nobody_is_named(problem):
    verdict = judged(problem=problem, detail="why")
    assert (verdict.problem, verdict.detail, verdict.is_valid) == (problem, "why", False)
    assert (verdict.credit_code, verdict.organisation) == ("", "")


@pytest.mark.parametrize("chain", [(), (b"x",), (root().der,)], ids=["none", "nonsense", "an authority"])
def test_a_certificate_that_is_not_acceptable_does_not_count(chain):
    assert judged(chain=chain).problem is Problem.CERTIFICATE


def test_an_expired_certificate_counts_for_what_was_stamped_in_its_time():
    after = EXPIRY + 86_400
    assert judged(after).problem is Problem.CERTIFICATE
    verdict = judged(after, stamped=NOW)
    assert (verdict.is_valid, verdict.judged_at) == (True, NOW)
    assert judged(after, stamped=BEGIN - 1).problem is Problem.CERTIFICATE


def test_the_signers_own_word_for_the_time_is_worth_nothing():
    assert judged(EXPIRY + 86_400, claimed=NOW).problem is Problem.CERTIFICATE


def test_a_timestamp_from_the_future_is_not_believed():
    assert judged(NOW, stamped=EXPIRY + 86_400).judged_at == NOW


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"digest": "sha1"}, "sha1"),
        ({"digest": "md5"}, "md5"),
        ({"digest": ""}, "no digest"),
        ({"mechanism": "dsa"}, "dsa"),
        ({"key": "rsa", "key_bits": 2047}, "2047"),
        ({"key": "rsa", "key_bits": 1 << 20}, "bits"),
        ({"key": "secp256k1"}, "secp256k1"),
        ({"key": "sm2p256v1"}, "sm2"),
    ],
)
def test_weak_and_unknown_algorithms_do_not_count(changes, word):
    verdict = judged(**changes)
    assert verdict.problem is Problem.WEAK_ALGORITHM
    assert word in verdict.detail


@given(st.text(max_size=12), st.text(max_size=12), st.text(max_size=12), st.integers())
def test_only_what_is_known_to_be_strong_is_strong(digest, mechanism, key, bits):
    assert weakness_of(digest, mechanism, key, bits)


@pytest.mark.parametrize(
    ("beginning", "form"),
    [
        (b"%PDF-1.7\n", Format.PDF),
        (b"\n" * 1000 + b"%PDF-2.0", Format.PDF),
        (b"eyJhbGciOiJFUzI1NiJ9.", Format.JWS),
        (b" \neyJ", Format.JWS),
        (b"\x30\x82", Format.CMS),
        (b"-----BEGIN PKCS7-----", Format.CMS),
        (b"", Format.CMS),
    ],
)
def test_the_format_is_told_by_the_beginning(beginning, form):
    assert format_of(beginning) is form
