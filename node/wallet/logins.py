"""Logging in: what a wallet checks before it shows who asks, and what it signs."""

import os
import time
from collections.abc import Sequence

from node.domain.certified import PrivateKey, sign_certified
from node.domain.descriptor import Descriptor
from node.domain.document import common_members
from node.domain.login import MAX_SECONDS, CertificateLogin, LoginAnswer, LoginChallenge, parse_challenge
from node.errors import DocumentFormatError, LoginRefusedError
from node.wallet.documents import Scribe

_CLOCK_SKEW_SECONDS = 60


def open_login(payload: str, descriptor: Descriptor) -> LoginChallenge:
    """Read a QR code that asks this wallet to log in.

    Raises:
        DocumentFormatError: it is none, or asks for another alliance.
        LoginRefusedError: it has run out.
    """
    challenge, now = parse_challenge(payload.strip()), int(time.time())
    if challenge.alliance != descriptor.alliance:
        raise DocumentFormatError("this login is for another alliance than the wallet")
    if not now - _CLOCK_SKEW_SECONDS < challenge.end <= now + MAX_SECONDS + _CLOCK_SKEW_SECONDS:
        raise LoginRefusedError("this login has run out, or this machine's clock is wrong")
    return challenge


def answer_with_wallet(scribe: Scribe, challenge: LoginChallenge, delegation: str = "") -> str:
    """Log in with the wallet's key.

    Args:
        scribe: the wallet of a registered subject.
        challenge: who asks.
        delegation: shows the company; empty to stay a number.

    Raises:
        DocumentFormatError: the wallet has no subject yet.
    """
    if not scribe.subject:
        raise DocumentFormatError("this wallet is not registered yet; log in with the certificate")
    return scribe.call(LoginAnswer, challenge.member, challenge=str(challenge), delegation=delegation)


def answer_with_certificate(challenge: LoginChallenge, chain: Sequence[bytes], key: PrivateKey) -> str:
    """Log in with a certificate, which always shows the company.

    Args:
        challenge: who asks.
        chain: DER certificates, the company's first, without the trust anchor.
        key: the private key of the first.
    """
    answer = CertificateLogin(
        **common_members(challenge.alliance, time.time(), os.urandom(16)),
        node=challenge.member,
        challenge=str(challenge),
    )
    return sign_certified(answer, chain, key)
