"""Which of a centre's records prove an award 中标证明, to whom, and with which fields.

A result is the winner's to show once it is public: as long as the source calls it anything but active, or dates it in
the future, it is as if there were none.

Source: 招标投标法实施条例 art. 54 (candidates are published before the award); OCDS 1.1, codelist awardStatus.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, ClassVar

import msgspec

from node.domain.controller import ControllerKey
from node.domain.document import Document, open_by_controller, peek_document
from node.domain.encoding import Hex32, Seconds, from_rfc3339
from node.domain.ledger import GrantTerms
from node.domain.values import is_day
from node.errors import CodeFormatError, DocumentFormatError

AWARD, CONTRACT = "trade.award", "trade.contract"
SCHEME = "CN-USCC"
"""Of credit codes as identifiers of organisations."""
MAX_GRANT_SECONDS = 93 * 86_400
_PUBLIC = "active"
_SHARED = frozenset({"id", "status", "value_amount", "value_currency", "suppliers"})
_PLACE = frozenset({"tender_project_code", "section_code", "transaction_code"})
FIELDS = {
    AWARD: _SHARED | _PLACE | {"date"},
    CONTRACT: _SHARED | _PLACE | {"award_id", "date_signed"},
}
"""What a lender needs: section, amount, date, winner; nothing about the other bidders."""
_DATE = {AWARD: "date", CONTRACT: "date_signed"}


class AwardGrant(Document, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A bidder lets a lender read its awards and contracts in one project at the centre that ran the tender.

    Signed by one of the bidder's controllers. On the ledger it looks like any grant, and is revoked like one.
    """

    kind: ClassVar[str] = "award-grant"

    iss: Hex32
    """Subject id."""
    key: ControllerKey
    """That signs."""
    aud: str
    """The lender, a member with the role GUARANTOR."""
    centre: str
    """That keeps the records."""
    project: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    exp: Seconds
    register_before: Seconds
    """Dead if it reaches the ledger later."""
    revoker: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{168}\Z")]
    """ERC-7913 signer of the one-time revocation key."""


def open_award_grant(token: str) -> AwardGrant:
    """A well-formed award grant that is signed by the key it names itself; whose key that is, only the ledger says.

    Raises:
        DocumentFormatError: a member of the document breaks a rule.
        SignatureError: not signed by that key.
    """
    claimed = peek_document(token, AwardGrant)
    if not claimed.iat <= claimed.register_before <= claimed.exp <= claimed.iat + MAX_GRANT_SECONDS:
        raise DocumentFormatError("an award grant ends within 93 days, and register_before lies in between")
    return open_by_controller(token, AwardGrant, claimed.key)


def award_grant_terms(grant: AwardGrant, digest: bytes) -> GrantTerms:
    """What the ledger learns of it, and cannot tell from a grant; `digest` is its token's."""
    return GrantTerms(digest, grant.register_before, grant.exp, bytes.fromhex(grant.revoker))


def shown_fields(category: str, fields: Mapping[str, object]) -> frozenset[str]:
    """Which fields of a record an award proof shows."""
    return FIELDS[category] & fields.keys()


def is_public(category: str, fields: Mapping[str, object], now: int) -> bool:
    """Whether the result is published.

    Args:
        category: `AWARD` or `CONTRACT`.
        fields: of the newest version of the record.
        now: seconds since 1970 UTC.
    """
    if fields.get("status") != _PUBLIC:
        return False
    date = str(fields.get(_DATE[category], ""))
    try:
        # A day begins in China. A text that no calendar knows says nothing against the source's own word.
        return from_rfc3339(f"{date}T00:00:00+08:00" if is_day(date) else date) <= now * 1_000
    except CodeFormatError:
        return True


def winners(fields: Mapping[str, object]) -> frozenset[str]:
    """Credit codes of the organisations that a record names as suppliers; joint bidders are several."""
    return frozenset(_codes(fields.get("suppliers")))


def _codes(suppliers: object) -> Iterator[str]:
    for one in suppliers if isinstance(suppliers, list | tuple) else ():
        identifier = one.get("identifier") if isinstance(one, Mapping) else None
        if isinstance(identifier, Mapping) and identifier.get("scheme") == SCHEME:
            yield str(identifier.get("id"))
