"""What members hand in about data that was read: notices for a holder, withdrawals for a home."""

from node.domain.consent import ConsentWithdrawal
from node.domain.document import peek_document
from node.errors import DocumentFormatError
from node.services.consents import Consents
from node.services.holdings import Holdings


class Inbox:
    """Tells the two apart by what they say they are."""

    def __init__(self, consents: Consents, holdings: Holdings) -> None:
        self._consents, self._holdings = consents, holdings

    def take(self, caller: str, document: str) -> str:
        """Take a notice of the calling member, or a withdrawal that it brings from a person.

        Returns:
            The receipt; empty while what a notice asks is not done.

        Raises:
            NodeError: it is neither, or not acceptable.
        """
        try:
            peek_document(document, ConsentWithdrawal)
        except DocumentFormatError:
            return self._holdings.submit(caller, document)
        return self._consents.take(document)
