"""Where a guarantor's node keeps what its own guarantee system is told and has pushed: by application, sealed."""

from collections.abc import Iterator

import msgspec

from node.domain import ledger
from node.domain.guarantee_system import UNDECIDED, CaseState, Decided, FilePushed
from node.domain.ledger import Event
from node.ports import Store
from node.services import layout
from node.services.transaction import Transaction
from node.services.vault import Vault

_NUMBER_BYTES = 8
_FILED = b"f"
_TROUBLED = b"!"


class SystemCase(msgspec.Struct, frozen=True):
    """An application at the guarantee system."""

    number: int
    """Of the application, among all."""
    state: str = CaseState.SENT.value
    decided: Decided | None = None
    sha256: str = ""
    """Of its file, hex; empty until that came."""
    guarantee: str = ""
    """That came of it, 64 hex digits."""
    is_told_opened: bool = False
    surrender: int = 0
    """Number of the ledger's step by which the applicant asked to surrender, of which the system was told."""
    answer: str = ""
    """What it said to that: `agreed`, `refused`, or nothing yet."""
    note: str = ""
    """With that."""
    problem: str = ""
    """What was wrong with the last push, or keeps a guarantee from being issued; for people."""


class SystemFile(msgspec.Struct, frozen=True):
    """The system's own file of a guarantee."""

    media: str
    """`PDF` or `OFD`."""
    sha256: str
    content: bytes


class SystemCases:
    """The cases, and the files that came with them."""

    def __init__(self, store: Store, vault: Vault, member: str) -> None:
        self._store, self._vault, self._member = store, vault, member

    def get(self, application: str) -> SystemCase | None:
        """One, or None.

        Raises:
            StoreError: the database fails.
        """
        raw = self._opened(layout.SYSTEM_CASE + bytes.fromhex(application))
        return None if raw is None else msgspec.msgpack.decode(raw, type=SystemCase)

    def put(self, transaction: Transaction, application: str, case: SystemCase) -> None:
        """Replace one by what became of it."""
        identity = bytes.fromhex(application)
        self._seal(transaction, layout.SYSTEM_CASE + identity, msgspec.msgpack.encode(case))
        if CaseState(case.state) in UNDECIDED:
            marks = (_FILED if case.state == CaseState.FILED.value else b"") + (
                _TROUBLED if case.problem else b""
            )
            transaction.put(layout.SYSTEM_CASE_OPEN + identity, layout.number(case.number) + marks)
        else:
            transaction.delete(layout.SYSTEM_CASE_OPEN + identity)
        if case.guarantee:
            transaction.put(layout.SYSTEM_ISSUED + bytes.fromhex(case.guarantee), identity)

    def of_guarantee(self, raw_id: bytes) -> tuple[str, SystemCase] | None:
        """Application and case that a guarantee came of, or None.

        Raises:
            StoreError: the database fails.
        """
        identity = self._store.get(layout.SYSTEM_ISSUED + raw_id)
        case = None if identity is None else self.get(identity.hex())
        return None if identity is None or case is None else (identity.hex(), case)

    def undecided(self) -> Iterator[tuple[str, SystemCase]]:
        """Applications that the system has still to decide, or that are still to be issued.

        Raises:
            StoreError: the database fails.
        """
        for key, _ in self._store.scan(layout.SYSTEM_CASE_OPEN):
            application = key[len(layout.SYSTEM_CASE_OPEN) :].hex()
            if (case := self.get(application)) is not None:
                yield application, case

    def filed(self) -> Iterator[str]:
        """Those of them that are approved, with their file; told without opening a row.

        Raises:
            StoreError: the database fails.
        """
        for key, value in self._store.scan(layout.SYSTEM_CASE_OPEN):
            if _FILED in value[_NUMBER_BYTES:]:
                yield key[len(layout.SYSTEM_CASE_OPEN) :].hex()

    def over(self) -> Iterator[str]:
        """Those of them whose application is over by somebody else's doing; told without opening a row.

        Raises:
            StoreError: the database fails.
        """
        for key, value in self._store.scan(layout.SYSTEM_CASE_OPEN):
            if self._store.get(layout.APPLICATION_OPEN + value[:_NUMBER_BYTES]) is None:
                yield key[len(layout.SYSTEM_CASE_OPEN) :].hex()

    def note_event(self, transaction: Transaction, event: Event) -> None:
        """As the follower's observer: a guarantee of the system's has moved, in the batch that shows it.

        Raises:
            StoreError: the database fails.
        """
        match event.happening:
            case ledger.GuaranteeMoved() as moved:
                if self._store.get(layout.SYSTEM_ISSUED + moved.guarantee) is not None:
                    self.note_moved(transaction, moved.guarantee, moved.sequence)

    @staticmethod
    def note_moved(transaction: Transaction, raw_id: bytes, sequence: int) -> None:
        """It is to be looked at."""
        transaction.put(layout.SYSTEM_MOVED + raw_id, layout.number(sequence))

    def keep_file(self, transaction: Transaction, push: FilePushed) -> None:
        """Keep a checked file."""
        row = SystemFile(push.media, push.sha256, push.content)
        self._seal(transaction, layout.SYSTEM_FILE + bytes.fromhex(push.about), msgspec.msgpack.encode(row))

    def file(self, application: str) -> SystemFile | None:
        """The file that the system made, or None.

        Raises:
            StoreError: the database fails.
        """
        raw = self._opened(layout.SYSTEM_FILE + bytes.fromhex(application))
        return None if raw is None else msgspec.msgpack.decode(raw, type=SystemFile)

    def _opened(self, place: bytes) -> bytes | None:
        sealed = self._store.get(place)
        return None if sealed is None else self._vault.open(self._member, place, sealed)

    def _seal(self, transaction: Transaction, place: bytes, content: bytes) -> None:
        transaction.put(place, self._vault.seal(self._member, place, content))


def troubled_count(store: Store) -> int:
    """How many undecided cases have a problem that people are to look at.

    Raises:
        StoreError: the database fails.
    """
    return sum(_TROUBLED in value[_NUMBER_BYTES:] for _, value in store.scan(layout.SYSTEM_CASE_OPEN))


def traces_of(store: Store, identity: bytes) -> Iterator[bytes]:
    """Keys of everything about an application here, but for which guarantee came of it.

    Raises:
        StoreError: the database fails.
    """
    for family in (layout.SYSTEM_CASE, layout.SYSTEM_CASE_OPEN, layout.SYSTEM_FILE):
        yield family + identity
    for family in (layout.SYSTEM_CALL, layout.SYSTEM_CALL_OPEN):
        yield from (key for key, _ in store.scan(family + identity))
