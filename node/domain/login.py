"""Login: a centre asks who is there, a bidder answers with its wallet or its certificate, the centre's node tells its
systems who it was.

    challenge  heqi:login/1/<alliance>/<member>/<id>/<end>/<wants>/<purpose>   what the QR code holds
    answer     `LoginAnswer` by the wallet's key, or `CertificateLogin` by a certificate: both hold the challenge
    session    `LoginSession` by the member's identity key

The answer repeats the whole challenge, so what the wallet has shown to its owner is what it has signed: an answer to
one member's challenge is worth nothing at another, in another alliance, or for another purpose.

Source: NIST SP 800-63B-4, 3.2.5 (verifier impersonation) and 3.2.7 (replay); docs/formats/login.md.
"""

import enum
import re
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import msgspec

from node.domain.document import Document
from node.domain.encoding import Hex32, Seconds, from_base64url
from node.domain.wallet import WalletCall
from node.errors import DocumentFormatError

MIN_SECONDS, MAX_SECONDS, USUAL_SECONDS = 30, 300, 180
"""How long a challenge lives."""
SESSION_SECONDS = 300
"""How long a session document may be shown; a system begins its own session with it at once."""
ID_BYTES = 16
MAX_STATE_CHARS = 200
_MAX_CHARS = 300
_PAYLOAD = re.compile(
    r"heqi:login/1/(?P<alliance>[0-9a-f]{64})/(?P<member>[a-z][a-z0-9-]{0,30})/(?P<id>[A-Za-z0-9_-]{22})"
    r"/(?P<end>0|[1-9][0-9]{0,11})/(?P<wants>subject|company)/(?P<purpose>[a-z][a-z0-9-]{0,62})"
)


class Wants(enum.StrEnum):
    """What a centre asks the bidder to show."""

    SUBJECT = "subject"
    """The subject id, which says nothing about the company behind it."""
    COMPANY = "company"
    """Name and credit code too. The bidder may show the subject id alone all the same."""


@dataclass(frozen=True, slots=True)
class LoginChallenge:
    """Who asks a bidder to log in, and what for. Public: whoever sees the QR code may read it."""

    alliance: str
    """Alliance id, 64 hex digits."""
    member: str
    """Member whose node asks, and takes the answer."""
    id: str
    """Base64url of 16 random bytes, 22 characters."""
    end: int
    """Not to be answered from this moment on, seconds since 1970 UTC."""
    wants: Wants
    purpose: str
    """A code such as `login`; never a tender's number."""

    def __str__(self) -> str:
        """What the QR code holds."""
        words = (self.alliance, self.member, self.id, str(self.end), self.wants, self.purpose)
        return "heqi:login/1/" + "/".join(words)


class LoginAnswer(WalletCall, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The wallet of a registered subject logs in at `node`."""

    kind: ClassVar[str] = "login"

    challenge: str
    """The challenge, as the QR code holds it."""
    delegation: str
    """The delegation of `key`, a compact JWS, if its owner shows the company; empty otherwise."""


class CertificateLogin(Document, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A certificate logs in at `node`: for a company that is not registered. Signed as `certified.py` says."""

    kind: ClassVar[str] = "certificate-login"

    node: str
    """Member whose node is answered."""
    challenge: str


class LoginSession(Document, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A node tells its centre's systems who has answered; by the member's identity key."""

    kind: ClassVar[str] = "login-session"

    iss: str
    """Member whose node has checked the answer."""
    login: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{22}\Z")]
    """Id of the challenge."""
    state: Annotated[str, msgspec.Meta(max_length=MAX_STATE_CHARS)]
    """What the system gave along when it asked; ties the session to the browser that showed the QR code."""
    method: Literal["wallet", "certificate"]
    subject: Annotated[str, msgspec.Meta(pattern=r"^([0-9a-f]{64})?\Z")]
    """Subject id; empty where a certificate answered."""
    home: str
    """The subject's home centre by the ledger; empty where a certificate answered."""
    credit_code: str
    """统一社会信用代码; empty unless the bidder has shown its company."""
    organisation: str
    """By the certificate; empty unless the bidder has shown its company."""
    answer: Hex32
    """Id of the answer."""
    exp: Seconds
    """Not to be taken from this moment on."""


def parse_challenge(text: str) -> LoginChallenge:
    """Read what a QR code holds.

    Raises:
        DocumentFormatError: it is no login challenge in the one allowed form.
    """
    found = _PAYLOAD.fullmatch(text) if len(text) <= _MAX_CHARS else None
    if found is None:
        raise DocumentFormatError("this is not a login challenge: heqi:login/1/… is expected")
    from_base64url(found["id"])  # the last character may hold stray bits
    return LoginChallenge(
        found["alliance"],
        found["member"],
        found["id"],
        int(found["end"]),
        Wants(found["wants"]),
        found["purpose"],
    )
