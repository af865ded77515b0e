"""A bidder's pledge in place of bid security."""

from dataclasses import dataclass

from node.domain.document import sign_by_controller
from node.domain.pledge import BidPledge, open_pledge
from node.wallet.documents import Scribe


@dataclass(frozen=True, slots=True)
class Pledged:
    """What is pledged, and until when."""

    amount: str
    """Plain decimal."""
    currency: str
    ends: int
    """Seconds since 1970 UTC."""


def sign_pledge(  # noqa: PLR0917  # what a pledge says
    scribe: Scribe, centre: str, section: str, delegation: str, text: bytes, pledged: Pledged
) -> str:
    """The signed pledge, a compact JWS.

    Args:
        scribe: of the bidder's wallet.
        centre: that runs the tender.
        section: of the tender.
        delegation: of the wallet's key.
        text: SHA-256 of the text that is pledged.
        pledged: how much, until when.

    Raises:
        DocumentFormatError: the amount or the end makes no sense.
    """
    pledge = BidPledge(
        **scribe.common(),
        centre=centre,
        section=section,
        key=scribe.signer.name,
        delegation=delegation,
        text=text.hex(),
        amount=pledged.amount,
        currency=pledged.currency,
        exp=pledged.ends,
    )
    signed = sign_by_controller(pledge, scribe.signer)
    open_pledge(signed)
    return signed
