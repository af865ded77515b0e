"""A wallet lets a lender read its awards at the centre that ran a tender."""

from pathlib import Path

import msgspec

from node.config import read_file
from node.domain.award import AwardGrant, award_grant_terms, open_award_grant
from node.domain.document import document_digest, sign_by_controller
from node.domain.ledger import GrantTerms
from node.errors import DocumentFormatError
from node.wallet.documents import REGISTER_WITHIN_SECONDS, Scribe

_HOUR = 3_600


class AwardPapers(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a bidder hands to a lender, as JSON."""

    award_grant: str
    """Compact JWS."""
    delegation: str
    """Of the key that signed it."""


def sign_award_grant(scribe: Scribe, lender: str, centre: str, project: str, expires: int) -> str:
    """An award grant, a compact JWS.

    Args:
        scribe: of the bidder.
        lender: member that may read.
        centre: that keeps the records.
        project: as the centre files it.
        expires: until when, seconds since 1970 UTC; rounded up to a full hour, as it stands on the ledger.

    Raises:
        DocumentFormatError: it breaks a rule.
    """
    common = scribe.common()
    expires = _full_hour(expires)
    grant = AwardGrant(
        **common,
        iss=scribe.subject,
        key=scribe.signer.name,
        aud=lender,
        centre=centre,
        project=project,
        exp=expires,
        register_before=min(_full_hour(common["iat"] + REGISTER_WITHIN_SECONDS), expires),
        revoker=(scribe.verifier + scribe.key.revocation_key(common["jti"]).public_key).hex(),
    )
    token = sign_by_controller(grant, scribe.signer)
    open_award_grant(token)
    return token


def terms_of(token: str) -> GrantTerms:
    """What the ledger knows of an award grant.

    Raises:
        NodeError: it is none.
    """
    return award_grant_terms(open_award_grant(token), document_digest(token))


def read_papers(path: Path) -> AwardPapers:
    """What a bidder handed over.

    Raises:
        ConfigError: the file cannot be read.
        DocumentFormatError: it holds something else.
    """
    try:
        return msgspec.json.decode(read_file(path), type=AwardPapers)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise DocumentFormatError(f"{path} holds no award grant: {error}") from error


def _full_hour(seconds: int) -> int:
    return -(-seconds // _HOUR) * _HOUR
