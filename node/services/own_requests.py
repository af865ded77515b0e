"""A node's own access requests at rest: what was asked, what became of it, and what was read."""

from collections.abc import Iterator

import msgspec

from node.domain.document import reopen_document
from node.domain.erasure import OBTAINED_PART
from node.domain.grant import AccessRequest
from node.errors import MissingError
from node.ports import Store
from node.services import layout
from node.services.transaction import Transaction
from node.services.vault import Vault


class OwnRequest(msgspec.Struct, frozen=True):
    """An access request of this node and what became of it."""

    token: str
    delivered: bool = False
    grant: str = ""
    receipts: tuple[str, ...] = ()
    """Receipts that have not reached the home yet, oldest first."""
    reads: int = 0
    refused: int = 0
    """Reads that were refused, or answered falsely: the next is another one."""

    def asked(self) -> AccessRequest:
        """What was asked."""
        return reopen_document(self.token, AccessRequest)


class Obtained(msgspec.Struct, frozen=True):
    """What was read, with all that proves it."""

    request: str
    grant: str
    evidence: bytes
    answer: str
    delegation: str
    status: bytes = b""
    """`StatusProof` of the delegation: the home's, and what this node was told itself."""
    at: int = 0
    """When it was read, seconds since 1970 UTC."""
    consents: bytes = b""
    """Of the people in it, as the home showed them."""
    approval_status: bytes = b""
    """`StatusProof` of the second officer's delegation, as of the first's; empty without a second officer."""


class OwnRequests:
    """Own requests by digest, 32 bytes; all methods raise `StoreError` when the database fails."""

    def __init__(self, store: Store, vault: Vault) -> None:
        self._store, self._vault = store, vault

    def all(self) -> Iterator[tuple[bytes, OwnRequest]]:
        """Every request ever made, by digest."""
        for key, raw in self._store.scan(layout.OWN_REQUEST):
            yield key[len(layout.OWN_REQUEST) :], msgspec.msgpack.decode(raw, type=OwnRequest)

    def open(self) -> list[tuple[bytes, OwnRequest]]:
        """Requests about which something is still to be done in the background."""
        digests = [key[len(layout.OPEN_REQUEST) :] for key, _ in self._store.scan(layout.OPEN_REQUEST)]
        return [(digest, self.load(digest)) for digest in digests]

    def of_subject(self, subject: str) -> Iterator[tuple[bytes, OwnRequest]]:
        """Every request about a subject, by digest."""
        for key, _ in self._store.scan(layout.OWN_REQUEST_OF + layout.text(subject)):
            yield key[-32:], self.load(key[-32:])

    def kept(self, digest: bytes, own: OwnRequest) -> Iterator[tuple[int, Obtained]]:
        """What is left of the reads of a request, by number, blocked ones included."""
        subject, prefix = own.asked().subject, layout.OBTAINED + digest
        for key, sealed in self._store.scan(prefix):
            content = self._vault.peek(subject, key, sealed)
            if content is not None:
                number = layout.from_number(key[len(prefix) :])
                yield number, msgspec.msgpack.decode(content, type=Obtained)

    def load(self, digest: bytes) -> OwnRequest:
        """One request.

        Raises:
            MissingError: this node made no such request.
        """
        raw = self._store.get(layout.OWN_REQUEST + digest)
        if raw is None:
            raise MissingError("this node made no such request")
        return msgspec.msgpack.decode(raw, type=OwnRequest)

    def put(self, transaction: Transaction, digest: bytes, own: OwnRequest) -> None:
        """Write a request, and mark it while there is something to do about it in the background."""
        transaction.put(layout.OWN_REQUEST + digest, msgspec.msgpack.encode(own))
        transaction.put(layout.OWN_REQUEST_OF + layout.text(own.asked().subject) + digest, b"")
        if own.grant and not own.receipts:
            transaction.delete(layout.OPEN_REQUEST + digest)
        else:
            transaction.put(layout.OPEN_REQUEST + digest, b"")

    def save(self, digest: bytes, own: OwnRequest) -> None:
        """Write a request by itself."""
        transaction = Transaction(self._store)
        self.put(transaction, digest, own)
        transaction.commit()

    def close(self, digest: bytes) -> None:
        """Nothing is to be done about a request any more: it has run out, and nobody can answer it."""
        transaction = Transaction(self._store)
        transaction.delete(layout.OPEN_REQUEST + digest)
        transaction.commit()

    def put_obtained(
        self, transaction: Transaction, digest: bytes, number: int, subject: str, obtained: Obtained
    ) -> None:
        """Keep what read number `number` brought, sealed under its subject's key."""
        key = layout.OBTAINED + digest + layout.number(number)
        content = msgspec.msgpack.encode(obtained)
        transaction.put(key, self._vault.seal(subject, key, content, OBTAINED_PART))
        transaction.put(layout.UNCORROBORATED + digest + layout.number(number), b"")

    def obtained(self, digest: bytes, number: int) -> Obtained:
        """What a read brought.

        Raises:
            MissingError: there was no such read.
        """
        key = layout.OBTAINED + digest + layout.number(number)
        sealed = self._store.get(key)
        if sealed is None or self._store.get(layout.READ_BLOCKED + key[len(layout.OBTAINED) :]) is not None:
            raise MissingError("there is no such read")
        subject = self.load(digest).asked().subject
        return msgspec.msgpack.decode(self._vault.open(subject, key, sealed), type=Obtained)
