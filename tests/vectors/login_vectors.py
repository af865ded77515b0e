"""A login at a centre that is not the bidder's home: challenge, both kinds of answer, session; and what is none."""

from collections.abc import Mapping
from typing import Any

from node.domain.certified import sign_certified
from node.domain.document import document_digest, sign_document
from node.domain.encoding import to_base64url
from node.domain.login import (
    SESSION_SECONDS,
    USUAL_SECONDS,
    CertificateLogin,
    LoginAnswer,
    LoginChallenge,
    LoginSession,
    Wants,
)
from tests.vectors import authority, world
from tests.vectors.keys import fixed_bytes, p256
from tests.vectors.world import ALLIANCE, HOME, NOW, READER, SUBJECT, WALLET

CHALLENGE = LoginChallenge(
    ALLIANCE, READER, to_base64url(fixed_bytes("login", 16)), NOW + USUAL_SECONDS, Wants.COMPANY, "login"
)


def answer() -> LoginAnswer:
    return LoginAnswer(
        **world.common("login answer"),
        node=READER,
        subject=SUBJECT,
        key=WALLET.public.hex(),
        challenge=str(CHALLENGE),
        delegation=world.delegation_token(),
    )


def answer_token() -> str:
    return sign_document(answer(), WALLET.sign)


def certificate_login() -> CertificateLogin:
    return CertificateLogin(**world.common("certificate login"), node=READER, challenge=str(CHALLENGE))


def certificate_token() -> str:
    bidder = authority.bidder()
    # `sign_certified` signs with fresh randomness; the vector needs the deterministic signature.
    signing_input = sign_certified(certificate_login(), [bidder.der], bidder.key).rpartition(".")[0]
    return f"{signing_input}.{to_base64url(p256('bidder certificate').sign(signing_input.encode()))}"


def session() -> LoginSession:
    return LoginSession(
        **world.common("login session"),
        iss=READER,
        login=CHALLENGE.id,
        state="browser 7",
        method="wallet",
        subject=SUBJECT,
        home=HOME,
        credit_code=authority.CREDIT_CODE,
        organisation=authority.ORGANISATION,
        answer=document_digest(answer_token()).hex(),
        exp=NOW + SESSION_SECONDS,
    )


def false_challenges() -> list[tuple[str, str]]:
    """Why, and the text."""
    right = str(CHALLENGE)
    return [
        ("another scheme", right.replace("heqi:", "HEQI:")),
        ("another version", right.replace("/1/", "/2/", 1)),
        ("a word more", right + "/x"),
        ("a word less", right.rpartition("/")[0]),
        ("a line break behind it", right + "\n"),
        ("an alliance in capitals", right.replace(ALLIANCE, ALLIANCE.upper())),
        ("a member that cannot be", right.replace(READER, "Centre B")),
        ("an id of 15 bytes", right.replace(CHALLENGE.id, CHALLENGE.id[:-2])),
        ("an id with stray bits", right.replace(CHALLENGE.id, CHALLENGE.id[:-1] + "B")),
        ("an end with a leading zero", right.replace(str(CHALLENGE.end), f"0{CHALLENGE.end}")),
        ("an end in other digits", right.replace(str(CHALLENGE.end), "١٢٣")),
        ("something else is wanted", right.replace("/company/", "/everything/")),
        ("no purpose", right.rpartition("/")[0] + "/"),
    ]


def documents() -> list[tuple[str, str]]:
    """Name of the key, and the document."""
    return [
        ("wallet", answer_token()),
        ("bidder certificate", certificate_token()),
        (f"{READER} identity", sign_document(session(), world.identity(READER).sign)),
    ]


def parts() -> Mapping[str, Any]:
    """The challenge, taken apart."""
    return {
        "alliance": CHALLENGE.alliance,
        "member": CHALLENGE.member,
        "id": CHALLENGE.id,
        "end": CHALLENGE.end,
        "wants": str(CHALLENGE.wants),
        "purpose": CHALLENGE.purpose,
    }
