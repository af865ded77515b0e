"""承诺函: a bidder's own signed pledge that stands for bid security where the tender takes one.

Nobody guarantees it: what it is worth is the bidder's word, and what follows when that is broken. It is signed by the
wallet's key, carries the delegation by which a certificate vouches for that key, and lies in the sealed bid; nothing
of it is ever on the ledger or sent to anybody before the opening. docs/formats/documents.md.
Source: 招标投标 credit pledges in use instead of deposits (信用承诺替代投标保证金).
"""

from typing import ClassVar

from node.domain.controller import ControllerKey
from node.domain.document import Document, open_by_controller, peek_document
from node.domain.encoding import Hex32, Seconds
from node.domain.guarantee import Amount, Currency, Text
from node.errors import DocumentFormatError


class BidPledge(Document, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Signed by the bidder's wallet."""

    kind: ClassVar[str] = "bid-pledge"

    centre: Text
    """Centre that runs the tender."""
    section: Text
    """标段编号."""
    key: ControllerKey
    """The wallet's key, or passkey; it signs the pledge."""
    delegation: str
    """The delegation of `key`, a compact JWS: it says whose pledge this is."""
    text: Hex32
    """SHA-256 of the text that is pledged, as the tender gives it."""
    amount: Amount
    """What the bidder pledges to pay when it breaks its word."""
    currency: Currency
    exp: Seconds
    """Until when the pledge binds."""


def open_pledge(token: str) -> BidPledge:
    """A pledge that the key in it has signed; whose key that is, its delegation says.

    Raises:
        DocumentFormatError: malformed.
        SignatureError: not signed by that key.
    """
    pledge = open_by_controller(token, BidPledge, peek_document(token, BidPledge).key)
    if not pledge.amount.strip("0."):
        raise DocumentFormatError("the amount is zero")
    if pledge.exp <= pledge.iat:
        raise DocumentFormatError("the pledge ends before it was signed")
    return pledge
