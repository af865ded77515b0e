"""An offer 承保条件: what the guarantor signs before the applicant does; together they are the contract.

The application's id is the digest of the applicant's signed call, so an offer for it is for just those terms.
"""

from collections.abc import Mapping
from typing import Annotated, ClassVar

import msgspec

from node.domain.document import Document
from node.domain.encoding import Hex32, Seconds
from node.domain.guarantee import Amount, Currency
from node.errors import DocumentFormatError


class GuaranteeOffer(Document, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Signed by the guarantor's identity key."""

    kind: ClassVar[str] = "guarantee-offer"

    iss: str
    """Guarantor."""
    application: Hex32
    """Digest of the call that is answered: kind, amount, term and beneficiary stand in it."""
    fee: Amount
    """保费; 0 where none is charged for a single guarantee."""
    fee_currency: Currency
    conditions: Annotated[str, msgspec.Meta(max_length=4_000)]
    """What else applies, for people: for instance title and edition of the guarantor's standard contract."""
    exp: Seconds
    """Until when it can be accepted."""


def offer_of(terms: Mapping[str, object]) -> GuaranteeOffer:
    """The offer that says this.

    Raises:
        DocumentFormatError: fee, currency or conditions are malformed.
    """
    try:
        return msgspec.convert(dict(terms), GuaranteeOffer)
    except msgspec.ValidationError as error:
        raise DocumentFormatError(f"the offer is malformed: {error}") from error
