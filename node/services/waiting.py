"""Registrations that a centre had before, at its node, and that wait for their bidder's wallet.

A waiting registration has its subject id from the beginning, made from a random salt as any other, so that its
records keep owner, version and place in the log when the bidder takes it over. The id is nowhere but here until then:
not on the ledger, and no call of a wallet, a member or a system answers otherwise than for a subject that does not
exist. Only a read on a legal basis sees it.
"""

import hmac
from collections.abc import Iterator

import msgspec

from node.domain.erasure import REGISTRATION_PART
from node.ports import Store
from node.services import layout
from node.services.transaction import Transaction
from node.services.vault import Vault

_SOURCE_TAG = b"heqi.source.v1\0"
_ID_BYTES = 32
WAITING = "registrations-waiting"
"""Counter: registrations that wait."""


class WaitingRow(msgspec.Struct, frozen=True):
    """A registration without a wallet, at rest sealed under the subject's key."""

    subject: str
    salt: bytes
    """From which the subject's id follows; the ledger learns it when the bidder takes over."""
    credit_code: str


class LoadedRow(msgspec.Struct, frozen=True):
    """What was loaded under a source's own identifier."""

    subject: bytes
    content: bytes
    """SHA-256 of what was loaded last."""


class Waiting:
    """The waiting registrations of one home; all methods raise `StoreError` when the database fails."""

    def __init__(self, store: Store, vault: Vault, index_key: bytes) -> None:
        self._store, self._vault, self._index_key = store, vault, index_key

    def is_waiting(self, subject: str) -> bool:
        """Whether the subject's registration waits for its wallet."""
        return self._store.get(layout.WAITING + subject.encode()) is not None

    def find(self, subject: str, within: Transaction | None = None) -> WaitingRow | None:
        """A waiting registration; None if there is none, or the bidder has taken it over."""
        key = layout.WAITING + subject.encode()
        sealed = (within or self._store).get(key)
        if sealed is None:
            return None
        return msgspec.msgpack.decode(self._vault.open(subject, key, sealed), type=WaitingRow)

    def put(self, transaction: Transaction, row: WaitingRow) -> None:
        """Add a registration that waits."""
        key = layout.WAITING + row.subject.encode()
        content = msgspec.msgpack.encode(row)
        transaction.put(key, self._vault.seal(row.subject, key, content, REGISTRATION_PART))
        transaction.take(WAITING)

    def take_over(self, transaction: Transaction, subject: str) -> None:
        """Its bidder has a wallet now; where it came from stays known, so that nothing is loaded again."""
        transaction.delete(layout.WAITING + subject.encode())
        transaction.set_counter(WAITING, transaction.counter(WAITING) - 1)

    def loaded(self, transaction: Transaction, system: str, source_id: str) -> LoadedRow | None:
        """What was loaded under a source's identifier."""
        raw = transaction.get(self._source_key(system, source_id))
        return None if raw is None else msgspec.msgpack.decode(raw, type=LoadedRow)

    def note_loaded(self, transaction: Transaction, system: str, source_id: str, row: LoadedRow) -> None:
        """Remember what was loaded under a source's identifier."""
        key = self._source_key(system, source_id)
        transaction.put(key, msgspec.msgpack.encode(row))
        transaction.put(layout.LOADED_OF + row.subject + key[len(layout.LOADED) :], b"")

    def _source_key(self, system: str, source_id: str) -> bytes:
        # A source's identifier is often the credit code: nobody with the database alone may find it by trying.
        name = f"{system}\0{source_id}".encode()
        return layout.LOADED + hmac.digest(self._index_key, _SOURCE_TAG + name, "sha256")


def traces_of(store: Store, subject: str) -> Iterator[bytes]:
    """Keys of all that is kept here about a subject, apart from its directory entry."""
    if store.get(key := layout.WAITING + subject.encode()) is not None:
        yield key
    if len(subject) != 2 * _ID_BYTES:
        return  # the centre's own records
    for key, _ in store.scan(layout.LOADED_OF + bytes.fromhex(subject)):
        yield key
        yield layout.LOADED + key[-_ID_BYTES:]
