"""At a holder: what homes have had it delete, so that an answer which was under way meanwhile is not kept."""

from node.domain.consent import parse_shown
from node.domain.document import document_digest, reopen_document
from node.domain.evidence import things_of
from node.domain.notice import ConsentWithdrawn, Erased, Notice
from node.domain.reading import ReadAnswer
from node.errors import ConsentError, MissingError
from node.ports import Answer, Store
from node.services import layout
from node.services.transaction import Transaction


class Recalls:
    """Notices of deletion by subject and home."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @staticmethod
    def note(transaction: Transaction, token: str, notice: Notice) -> None:
        """Remember a checked notice, in the batch that takes it, if it is one of deletion."""
        if isinstance(notice.about, ConsentWithdrawn | Erased):
            place = layout.text(notice.subject, notice.iss) + document_digest(token)
            transaction.put(layout.RECALL + place, token.encode())

    def check(self, subject: str, home: str, answer: Answer) -> None:
        """Check that nothing of a verified answer was recalled while it was under way.

        Raises:
            ConsentError: the person has withdrawn.
            MissingError: the subject has had it erased.
            StoreError: the database fails.
        """
        recalled = self._store.scan(layout.RECALL + layout.text(subject, home))
        for notice in [reopen_document(raw.decode(), Notice) for _, raw in recalled]:
            signed = reopen_document(answer.answer, ReadAnswer).iat
            match notice.about:
                case ConsentWithdrawn(consent):
                    if consent in {
                        document_digest(one.consent).hex() for one in parse_shown(answer.consents)
                    }:
                        raise ConsentError("a person has withdrawn its consent meanwhile")
                case Erased(categories) if signed <= notice.iat:
                    named = {category for category, _ in things_of(answer.evidence)}
                    if not categories or not named.isdisjoint(categories):
                        raise MissingError("the subject has had this erased meanwhile")
                case _:
                    pass
