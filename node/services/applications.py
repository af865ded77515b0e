"""Where a guarantor's node keeps applications: by id, in the order they came in, by applicant and by code."""

from collections.abc import Iterator

import msgspec

from node.domain.document import peek_document, reopen_document
from node.domain.guarantee import ApplicationCode, code_digest
from node.domain.wallet import ApplyCall
from node.errors import MissingError
from node.ports import Store
from node.services import layout
from node.services.transaction import Transaction
from node.services.vault import Vault

_COUNTER = "applications"


class Application(msgspec.Struct, frozen=True):
    """An application and what became of it."""

    call: str
    """The applicant's signed call."""
    subject: str
    read: str
    """Under which id its data is fetched."""
    legal_name: str = ""
    """From the verified record; empty until it was assessed."""
    credit_code: str = ""
    refused: str = ""
    """Why, if it was refused."""
    guarantee: str = ""
    """The document, if one was issued."""


class Numbered(msgspec.Struct, frozen=True):
    """An application in its place among all that came in."""

    number: int
    id: str
    """64 hex digits."""
    row: Application


class Applications:
    """The applications at this guarantor, sealed."""

    def __init__(self, store: Store, vault: Vault, member: str) -> None:
        self._store, self._vault, self._member = store, vault, member

    def add(self, transaction: Transaction, identity: bytes, code: bytes, row: Application) -> None:
        """Keep a new application; from now on the code, by its SHA-256, is its."""
        number = layout.number(transaction.take(_COUNTER))
        self.put(transaction, identity, row)
        transaction.put(layout.APPLICATION_CODE + code, identity)
        transaction.put(layout.APPLICATION_ORDER + number, identity)
        transaction.put(layout.APPLICATION_OF + bytes.fromhex(row.subject) + number, identity)

    def put(self, transaction: Transaction, identity: bytes, row: Application) -> None:
        """Replace an application by what became of it."""
        key = layout.APPLICATION + identity
        transaction.put(key, self._vault.seal(self._member, key, msgspec.msgpack.encode(row)))

    def get(self, identity: bytes) -> Application | None:
        """One application, or None.

        Raises:
            StoreError: the database fails.
        """
        key = layout.APPLICATION + identity
        sealed = self._store.get(key)
        if sealed is None:
            return None
        return msgspec.msgpack.decode(self._vault.open(self._member, key, sealed), type=Application)

    def load(self, application: str) -> Application:
        """One application.

        Raises:
            MissingError: there is none by that id.
            StoreError: the database fails.
        """
        found = self.get(bytes.fromhex(application))
        if found is None:
            raise MissingError("there is no such application")
        return found

    def holder(self, code: bytes) -> bytes | None:
        """Id of the application that came last under a code, by its SHA-256, or None.

        Raises:
            StoreError: the database fails.
        """
        return self._store.get(layout.APPLICATION_CODE + code)

    def holder_key(self, row: Application) -> bytes:
        """Where it is filed under its code."""
        return layout.APPLICATION_CODE + digest_of_code(reopen_document(row.call, ApplyCall))

    def all(self, first: int = 0) -> Iterator[Numbered]:
        """All applications from number `first` on, oldest first.

        Raises:
            StoreError: the database fails.
        """
        return self._rows(layout.APPLICATION_ORDER, first)

    def of(self, subject: str, first: int = 0) -> Iterator[Numbered]:
        """An applicant's own applications from number `first` on, oldest first.

        Raises:
            StoreError: the database fails.
        """
        return self._rows(layout.APPLICATION_OF + bytes.fromhex(subject), first)

    def _rows(self, prefix: bytes, first: int) -> Iterator[Numbered]:
        for key, identity in self._store.scan(prefix, start=layout.number(first)):
            number = layout.from_number(key[len(prefix) :])
            yield Numbered(number, identity.hex(), self.load(identity.hex()))


def digest_of_code(call: ApplyCall) -> bytes:
    """SHA-256 of the code that an application is under, whether it shows the code or not; 32 bytes."""
    if call.sealed is not None:
        return bytes.fromhex(call.sealed.application)
    return code_digest(peek_document(call.code, ApplicationCode).code)
