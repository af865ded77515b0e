"""Where a guarantor's node keeps applications: by id, in the order they came in, by applicant and by code."""

from collections.abc import Iterator

import msgspec

from node.domain.desk import FREES_CODE, Stage
from node.domain.document import peek_document, reopen_document
from node.domain.guarantee import ApplicationCode, code_digest
from node.domain.issue_rules import Decision
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
    number: int = -1
    """Its place in the order; -1 where that was not written down."""
    refusals: int = 0
    """How often an application under the same code was refused before."""
    decision: Decision | None = None
    """What the rules said, if they were asked."""
    problem: str = ""
    """Why the rules could not decide, for the guarantor's own people: the reason word of an error."""
    needs: str = ""
    """What the guarantor has asked for."""
    replaced: bool = False
    """Whether the applicant has applied anew with that."""
    offer: str = ""
    """A guarantee-offer document by this guarantor."""
    contract: str = ""
    """The applicant's signed acceptance of it."""
    fee_paid: str = ""
    """What confirms the payment; `-` where there was nothing to pay."""
    cancelled: str = ""
    """The applicant's signed cancellation."""
    lapsed: bool = False

    @property
    def stage(self) -> Stage:
        """Where it stands: the last of what was done."""
        for is_there, stage in (
            (self.guarantee, Stage.ISSUED),
            (self.refused, Stage.REFUSED),
            (self.cancelled, Stage.CANCELLED),
            (self.lapsed, Stage.LAPSED),
            (self.replaced, Stage.REPLACED),
            (self.fee_paid, Stage.FEE_PAID),
            (self.contract, Stage.ACCEPTED),
            (self.offer, Stage.OFFERED),
            (self.needs, Stage.NEED_INFO),
        ):
            if is_there:
                return stage
        return Stage.APPLIED


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
        place = transaction.take(_COUNTER)
        number = layout.number(place)
        self.put(transaction, identity, msgspec.structs.replace(row, number=place))
        transaction.put(layout.APPLICATION_CODE + code, identity)
        transaction.put(layout.APPLICATION_WAITING + identity, b"")
        transaction.put(layout.APPLICATION_ORDER + number, identity)
        transaction.put(layout.APPLICATION_OF + bytes.fromhex(row.subject) + number, identity)

    def put(self, transaction: Transaction, identity: bytes, row: Application) -> None:
        """Replace an application by what became of it."""
        key = layout.APPLICATION + identity
        transaction.put(key, self._vault.seal(self._member, key, msgspec.msgpack.encode(row)))
        if row.number >= 0:
            place = layout.APPLICATION_OPEN + layout.number(row.number)
            if row.stage in FREES_CODE | {Stage.ISSUED}:
                transaction.delete(place)
            else:
                transaction.put(place, identity)

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

    def waiting(self) -> Iterator[str]:
        """Ids of the applications that the rules have not looked at yet.

        Raises:
            StoreError: the database fails.
        """
        for key, _ in self._store.scan(layout.APPLICATION_WAITING):
            yield key[len(layout.APPLICATION_WAITING) :].hex()

    def is_waiting(self, identity: bytes) -> bool:
        """Whether the rules are still to look at it.

        Raises:
            StoreError: the database fails.
        """
        return self._store.get(layout.APPLICATION_WAITING + identity) is not None

    @staticmethod
    def await_rules(transaction: Transaction, identity: bytes) -> None:
        """The rules are to look at it again."""
        transaction.put(layout.APPLICATION_WAITING + identity, b"")

    @staticmethod
    def settle(transaction: Transaction, identity: bytes) -> None:
        """The rules need not look at it any more."""
        transaction.delete(layout.APPLICATION_WAITING + identity)

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

    def open(self, first: int = 0) -> Iterator[Numbered]:
        """Those that are neither issued nor over, from number `first` on, oldest first.

        Raises:
            StoreError: the database fails.
        """
        return self._rows(layout.APPLICATION_OPEN, first)

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
