import dataclasses
import re

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from node.domain.certified import open_certified, sign_certified
from node.domain.document import open_document, sign_document
from node.domain.encoding import canonical_json, to_base64url
from node.domain.login import CertificateLogin, LoginAnswer, LoginChallenge, Wants, parse_challenge
from node.domain.trust import TrustList
from node.errors import CertificateError, DocumentFormatError, NodeError, SignatureError
from tests.unit.domain.mutation import refuses_or_returns, spoilt_json, spoilt_text
from tests.vectors import authority, login_vectors
from tests.vectors.signing import jws, members
from tests.vectors.world import NOW, WALLET

TEXT = str(login_vectors.CHALLENGE)
CERTIFIED = login_vectors.certificate_token()


LETTERS = st.text("abcz09-", max_size=30).map(lambda more: f"c{more}")


def challenges():
    return st.builds(
        LoginChallenge,
        st.binary(min_size=32, max_size=32).map(bytes.hex),
        LETTERS,
        st.binary(min_size=16, max_size=16).map(to_base64url),
        st.integers(0, 253_402_300_799),
        st.sampled_from(Wants),
        LETTERS,
    )


@settings(max_examples=50)
@given(challenges())
def test_a_challenge_is_read_as_it_was_written_and_fits_into_a_qr_code(challenge):
    assert parse_challenge(str(challenge)) == challenge
    assert len(str(challenge)) <= 300
    assert re.fullmatch(r"[!-~]+", str(challenge))


@given(st.one_of(st.text(), spoilt_text(TEXT)))
def test_another_text_is_refused_or_means_exactly_itself(text):
    found = refuses_or_returns(lambda: parse_challenge(text), DocumentFormatError)
    assert found is None or str(found) == text


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_signed_nonsense_is_refused(data):
    token = sign_with_wallet(data.draw(spoilt_json(members(login_vectors.answer()))))
    refuses_or_returns(lambda: open_document(token, LoginAnswer, WALLET.public), NodeError)


def sign_with_wallet(payload) -> str:
    return jws({"alg": "ES256", "typ": "heqi-login+jwt"}, canonical_json(payload), WALLET)


@settings(max_examples=50, deadline=None)
@given(spoilt_text(CERTIFIED))
def test_an_altered_certificate_login_is_refused(token):
    opened = refuses_or_returns(
        lambda: open_certified(token, CertificateLogin, TrustList([authority.anchor()]), NOW), NodeError
    )
    assert opened is None or opened[0] == login_vectors.certificate_login()


def test_a_p384_certificate_logs_in():
    key = ec.generate_private_key(ec.SECP384R1())
    signer = authority.issue(
        authority.name("bidder", [authority.CREDIT_CODE]),
        key,
        authority.root(),
        key_usage=authority.usage("digital_signature"),
        constraints=None,
    )
    token = sign_certified(login_vectors.certificate_login(), [signer.der], key)
    _, identity = open_certified(token, CertificateLogin, TrustList([authority.anchor()]), NOW)
    assert identity.credit_code == authority.CREDIT_CODE


def test_a_login_by_a_weak_key_cannot_even_be_signed():
    weak = authority.rsa_key(1024)
    with pytest.raises(CertificateError, match="2048"):
        sign_certified(login_vectors.certificate_login(), [authority.bidder().der], weak)


def test_an_rsa_signature_under_a_p256_certificate_is_refused():
    token = sign_certified(
        login_vectors.certificate_login(), [authority.bidder().der], authority.rsa_key(2048)
    )
    with pytest.raises(SignatureError, match="algorithm"):
        open_certified(token, CertificateLogin, TrustList([authority.anchor()]), NOW)


def test_no_two_kinds_of_login_pass_for_each_other():
    with pytest.raises(DocumentFormatError):
        open_document(CERTIFIED, LoginAnswer, WALLET.public)
    token = sign_document(login_vectors.answer(), WALLET.sign)
    with pytest.raises(DocumentFormatError):
        open_certified(token, CertificateLogin, TrustList([authority.anchor()]), NOW)


def test_every_part_of_a_challenge_is_part_of_what_is_signed():
    for field, value in {"member": "centre-c", "end": NOW, "wants": Wants.SUBJECT, "purpose": "x"}.items():
        assert str(dataclasses.replace(login_vectors.CHALLENGE, **{field: value})) != TEXT
