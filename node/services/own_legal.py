"""A centre's own requests on a legal basis at rest: what was asked, what became of it, and what was read."""

from collections.abc import Iterator

import msgspec

from node.domain.document import reopen_document
from node.domain.erasure import OBTAINED_PART
from node.domain.legal_read import LegalPapers, LegalRequest
from node.errors import MissingError
from node.ports import Answer, Store
from node.services import layout
from node.services.transaction import Transaction
from node.services.vault import Vault


class OwnLegal(msgspec.Struct, frozen=True):
    """A request on a legal basis of this centre, and what became of it."""

    request: str
    countersignature: str = ""
    read: str = ""
    """Durable before it is sent: a repetition must be the same read."""
    subject: str = ""
    """Whose the records are, once there was an answer."""
    receipt: str = ""
    """What is still to be handed in; empty when the home has it."""
    at: int = 0
    """When it was answered, seconds since 1970 UTC; 0 while it was not."""
    refused: str = ""
    """Why the home gave nothing, the last time it was asked."""

    def asked(self) -> LegalRequest:
        """What was asked."""
        return reopen_document(self.request, LegalRequest)

    @property
    def papers(self) -> LegalPapers:
        """What the home is shown."""
        return LegalPapers(self.read, self.request, self.countersignature)


class LegalObtained(msgspec.Struct, frozen=True):
    """What another home answered."""

    evidence: bytes
    answer: str


class OwnLegals:
    """Requests by digest, 32 bytes; all methods raise `StoreError` when the database fails."""

    def __init__(self, store: Store, vault: Vault, me: str) -> None:
        """Args:
        store: the node's database.
        vault: seals the requests under this member's own key, what they bring under the subject's.
        me: this node's member.
        """
        self._store, self._vault, self._me = store, vault, me

    def has(self, digest: bytes) -> bool:
        """Whether there is a request by that digest."""
        return self._store.get(layout.OWN_LEGAL + digest) is not None

    def all(self) -> Iterator[tuple[bytes, OwnLegal]]:
        """Every request ever made, by digest."""
        for key, _ in self._store.scan(layout.OWN_LEGAL):
            digest = key[len(layout.OWN_LEGAL) :]
            yield digest, self.load(digest)

    def open(self) -> list[bytes]:
        """Requests whose receipt the home does not have yet."""
        return [key[len(layout.OWN_LEGAL_OPEN) :] for key, _ in self._store.scan(layout.OWN_LEGAL_OPEN)]

    def load(self, digest: bytes) -> OwnLegal:
        """One request.

        Raises:
            MissingError: this centre made no such request.
        """
        key = layout.OWN_LEGAL + digest
        sealed = self._store.get(key)
        if sealed is None:
            raise MissingError("this node has no such request")
        return msgspec.msgpack.decode(self._vault.open(self._me, key, sealed), type=OwnLegal)

    def put(self, transaction: Transaction, digest: bytes, own: OwnLegal) -> None:
        """Write a request, and mark it while its receipt is to be handed in."""
        key = layout.OWN_LEGAL + digest
        transaction.put(key, self._vault.seal(self._me, key, msgspec.msgpack.encode(own)))
        if own.receipt:
            transaction.put(layout.OWN_LEGAL_OPEN + digest, b"")
        else:
            transaction.delete(layout.OWN_LEGAL_OPEN + digest)

    def save(self, digest: bytes, own: OwnLegal) -> None:
        """Write a request by itself."""
        transaction = Transaction(self._store)
        self.put(transaction, digest, own)
        transaction.commit()

    def put_obtained(self, transaction: Transaction, digest: bytes, subject: str, answer: Answer) -> None:
        """Keep what a request brought, sealed under its subject's key."""
        key = layout.OWN_LEGAL_OBTAINED + digest
        content = msgspec.msgpack.encode(LegalObtained(answer.evidence, answer.answer))
        transaction.put(key, self._vault.seal(subject, key, content, OBTAINED_PART))
        transaction.put(layout.UNCORROBORATED + digest + layout.number(0), b"")

    def obtained(self, digest: bytes, own: OwnLegal) -> Answer | None:
        """What a request brought, if that is kept here.

        Raises:
            MissingError: it was erased.
        """
        key = layout.OWN_LEGAL_OBTAINED + digest
        sealed = self._store.get(key) if own.at else None
        if sealed is None:
            return None
        obtained = msgspec.msgpack.decode(self._vault.open(own.subject, key, sealed), type=LegalObtained)
        return Answer(obtained.evidence, obtained.answer, "")
