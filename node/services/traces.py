"""Where the database holds something about an owner, and how it is removed: every row that `layout.py` draws.

Left alone: entries and the tree, which hold hashes of random bytes; what the ledger says anyway; guarantees (those of
banks without a node too), their applications, steps and receipts, which are the guarantor's and the beneficiary's own
papers; what was told to whom, with the receipts (`notices.py`); and, where a subject is erased, the centre's account
of reads on a legal basis, which ends with the centre's own retention. What this node read elsewhere goes when the
home there says so (`holdings.py`).
"""

from collections.abc import Iterator

import msgspec

from node.domain.category import OwnerRule, categories
from node.domain.document import document_digest, reopen_document
from node.domain.erasure import (
    OBTAINED_PART,
    READS,
    REGISTRATION_PART,
    ErasedLine,
    as_application,
    as_read,
    category_of,
    record_part,
)
from node.domain.reading import ReadRequest, id_of_use
from node.domain.retention import month_at, month_of
from node.domain.section import CATEGORIES
from node.ports import Store
from node.services import layout
from node.services.applications import Applications
from node.services.own_requests import OwnRequests
from node.services.parking import OPEN, Parking
from node.services.recognition import status_key
from node.services.records import RecordRow, stored_of
from node.services.registration_rows import Registration
from node.services.reserving import traces_of as reservation_traces
from node.services.sections import forget
from node.services.serving import HistoryEntry
from node.services.system_cases import traces_of as system_traces
from node.services.transaction import Transaction
from node.services.vault import Vault, part_of
from node.services.waiting import WAITING, WaitingRow, traces_of

_THING_BYTES = 32


class Traces:
    """Finds and removes what the database holds."""

    def __init__(self, store: Store, vault: Vault, parking: Parking, me: str) -> None:
        self._store, self._vault, self._parking, self._me = store, vault, parking, me

    def divide(self, owner: str) -> None:
        """Seal what earlier versions sealed under one key for everything under the keys of its parts.

        What cannot be opened any more was erased, and goes. Durable when this returns.

        Raises:
            StoreError: the database fails.
        """
        if owner == self._me:
            return  # parked items and applications stay under the node's own key
        transaction = Transaction(self._store)
        self._divide_records(transaction, owner)
        for key, sealed in self._store.scan(layout.HISTORY + layout.text(owner)):
            if not part_of(sealed):
                content = self._opened(owner, key, sealed)
                time = 0.0 if content is None else msgspec.msgpack.decode(content, type=HistoryEntry).time
                self._reseal(transaction, owner, key, content, record_part(READS, month_at(time)))
        for key, sealed in self._of_registration(owner):
            if not part_of(sealed):
                self._reseal(transaction, owner, key, self._opened(owner, key, sealed), REGISTRATION_PART)
        if "" in self._vault.parts(owner):
            self._divide_obtained(transaction, owner)
        transaction.commit()

    def _divide_records(self, transaction: Transaction, owner: str) -> None:
        for _, position in self._versions(layout.VERSION, owner):
            key = layout.RECORD + position
            row = self._row(key)
            if row is None or part_of(row.sealed):
                continue
            content = self._opened(owner, key, row.sealed)
            if content is None:
                transaction.delete(key)
                continue
            header = stored_of(content).header
            part = record_part(header.category, month_of(header.captured))
            sealed = self._vault.seal(owner, key, content, part)
            transaction.put(key, msgspec.msgpack.encode(RecordRow(owner, sealed)))

    def _divide_obtained(self, transaction: Transaction, owner: str) -> None:
        for digest, own in OwnRequests(self._store, self._vault).all():
            if own.asked().subject == owner:
                for key, sealed in self._store.scan(layout.OBTAINED + digest):
                    if not part_of(sealed):
                        content = self._opened(owner, key, sealed)
                        self._reseal(transaction, owner, key, content, OBTAINED_PART)

    def remove(self, transaction: Transaction, line: ErasedLine) -> list[bytes]:
        """Delete everything about the parts that a line names, and take what it blocks out of sight.

        Returns:
            The keys of which the files must not keep anything.

        Raises:
            StoreError: the database fails.
        """
        gone: list[bytes] = []
        erased, held = frozenset(line.parts), frozenset(line.held)
        self._remove_records(transaction, line, erased, held, gone)
        for part in line.parts:
            self._remove_read(part, gone)
            self._remove_application(line.owner, part, gone)
        is_gone = line.whole or self._store.get(layout.REGISTRATION + line.owner.encode()) is None
        if not self._remove_history(line, erased, held, gone) and is_gone:
            gone.append(layout.COUNTER + f"history/{line.owner}".encode())
        if line.owner == self._me:
            self._remove_legal(erased, gone)
            if any(category_of(part) in CATEGORIES for part in line.parts):
                gone += forget(transaction, self._store)  # what follows from them; derived anew from the rest
        if line.whole:
            self._remove_registration(transaction, line.owner, gone)
            gone += [key for key, raw in self._store.scan(layout.FEED) if _is_about(raw, line.owner.encode())]
            self._remove_parked(transaction, line.owner, gone)
            gone += reservation_traces(self._store, line.owner)
            gone.append(layout.CHANGED + line.owner.encode())
            for family in (layout.HOLDER, layout.TOLD, layout.AWARD_READ):
                gone += [key for key, _ in self._store.scan(family + layout.text(line.owner))]
        for key in gone:
            transaction.delete(key)
        return gone

    def _remove_records(
        self,
        transaction: Transaction,
        line: ErasedLine,
        erased: frozenset[str],
        held: frozenset[str],
        gone: list[bytes],
    ) -> None:
        listed = self._listed(line.owner)
        for prefix in (layout.VERSION, layout.VERSION_BLOCKED):
            for version, position in self._versions(prefix, line.owner):
                key = layout.RECORD + position
                row = self._row(key)
                part = None if row is None else part_of(row.sealed)
                if part is None or part in erased:
                    gone += [version, key, *listed.get(position, ())]
                    if line.whole:
                        thing = version[-8 - _THING_BYTES : -8]
                        gone.append(layout.last_version(thing))
                elif part in held and prefix == layout.VERSION:
                    gone += [version, *listed.get(position, ())]
                    transaction.put(_blocked_key(line.owner, version), position)

    def _remove_history(
        self, line: ErasedLine, erased: frozenset[str], held: frozenset[str], gone: list[bytes]
    ) -> bool:
        """Whether some of it stays, blocked or not meant."""
        is_closed = stays = False
        blocked = frozenset(self._vault.blocked(line.owner))
        for key, sealed in self._store.scan(layout.HISTORY + layout.text(line.owner)):
            part = part_of(sealed)
            stays = stays or part not in erased
            if part not in erased and part not in held:
                continue
            content = self._opened(line.owner, key, sealed)
            if content is None:
                # What was blocked before has lost all that points to it then.
                is_closed = is_closed or part not in blocked
            else:
                entry = msgspec.msgpack.decode(content, type=HistoryEntry)
                gone += [
                    layout.READ + id_of_use(reopen_document(entry.request, ReadRequest)),
                    layout.ANSWER + document_digest(entry.answer),
                ]
            if part in erased:
                gone.append(key)
        if is_closed:
            # The keyring is ahead of this copy of the data: what points here is found the long way.
            own = layout.HISTORY + layout.text(line.owner)
            gone += [key for key, place in self._store.scan(layout.ANSWER) if place.startswith(own)]
        return stays

    @staticmethod
    def _remove_read(part: str, gone: list[bytes]) -> None:
        """What this node read elsewhere, and what proves it; that it asked and read stays in its log."""
        if (read := as_read(part)) is not None:
            digest, number = read
            place = digest + layout.number(number)
            families = (
                layout.OBTAINED,
                layout.UNCORROBORATED,
                layout.CORROBORATED,
                layout.READ_PROOF,
                layout.READ_TO_PROVE,
                layout.READ_BLOCKED,
            )
            gone += [family + place for family in families]

    def _remove_application(self, owner: str, part: str, gone: list[bytes]) -> None:
        if (identity := as_application(part)) is None:
            return
        applications = Applications(self._store, self._vault, self._me)
        row = applications.get(identity)
        if row is not None:
            gone.append(applications.holder_key(row))
        gone += [
            layout.APPLICATION + identity,
            layout.APPLICATION_WAITING + identity,
            layout.SEALED_ISSUE + identity,
            *system_traces(self._store, identity),
        ]
        own = layout.APPLICATION_OF + bytes.fromhex(owner)
        for prefix in (own, layout.APPLICATION_ORDER, layout.APPLICATION_OPEN):
            gone += [key for key, found in self._store.scan(prefix) if found == identity]

    def _remove_legal(self, erased: frozenset[str], gone: list[bytes]) -> None:
        """The account of reads on a legal basis, which is the centre's own: its rows go with its records."""
        for prefix in (layout.LEGAL_READ, layout.LEGAL_OUTCOME):
            for key, sealed in self._store.scan(prefix):
                if part_of(sealed) in erased:
                    gone.append(key)
                    if prefix == layout.LEGAL_READ:
                        answer, moment = key[-32:], key[-40:-32]
                        gone += [layout.LEGAL_ANSWER + answer, layout.LEGAL_RECEIPT_MISSING + moment + answer]

    def _of_waiting(self, transaction: Transaction, owner: str) -> Iterator[bytes]:
        """What is kept of a registration that was loaded, whether it waits still or not."""
        key = layout.WAITING + owner.encode()
        sealed = self._store.get(key)
        if sealed is not None:
            content = self._opened(owner, key, sealed)
            if content is None:
                yield from (place for place, raw in self._store.scan(layout.DIRECTORY) if raw.hex() == owner)
            else:
                code = msgspec.msgpack.decode(content, type=WaitingRow).credit_code
                yield layout.DIRECTORY + self._vault.directory_key(code)
            transaction.set_counter(WAITING, transaction.counter(WAITING) - 1)
        yield from traces_of(self._store, owner)

    def _remove_registration(self, transaction: Transaction, owner: str, gone: list[bytes]) -> None:
        place = layout.REGISTRATION + owner.encode()
        sealed = self._store.get(place)
        content = None if sealed is None else self._opened(owner, place, sealed)
        if content is not None:
            registration = msgspec.msgpack.decode(content, type=Registration)
            directory = layout.DIRECTORY + self._vault.directory_key(registration.credit_code)
            if self._store.get(directory) == bytes.fromhex(owner):
                gone.append(directory)
            # The first certificate is its own, the others are authorities'.
            gone += [status_key(one.certificate) for one in registration.vouchers]
        elif sealed is not None:
            gone += [key for key, raw in self._store.scan(layout.DIRECTORY) if raw.hex() == owner]
        gone += [key for key, _ in self._of_registration(owner)]
        gone.append(layout.COUNTER + f"package/{owner}".encode())
        gone += [key for key, _ in self._store.scan(layout.JOINT_BID + layout.text(owner))]
        gone += [key for key, _ in self._store.scan(layout.LOOK_UP_DUE) if key.endswith(owner.encode())]
        gone += [key for key, _ in self._store.scan(layout.CONSENT_LACKING + layout.text(owner))]
        gone += self._of_waiting(transaction, owner)
        for key, _ in self._store.scan(layout.GRANT_OF + layout.text(owner)):
            gone += [key, layout.GRANT + key[-32:]]

    def _remove_parked(self, transaction: Transaction, owner: str, gone: list[bytes]) -> None:
        """What could not be used is in its client's encoding, which nobody here reads; ids stand as they are."""
        found = [number for number, row in self._parking.rows() if _is_about(row.raw, owner.encode())]
        gone += [layout.PARKED + layout.number(number) for number in found]
        if found:
            transaction.set_counter(OPEN, transaction.counter(OPEN) - len(found))

    def _versions(self, prefix: bytes, owner: str) -> Iterator[tuple[bytes, bytes]]:
        """Key and position of every record; the centre's own stand in the index by category alone."""
        yield from self._store.scan(prefix + layout.text(owner))
        if owner == self._me and prefix == layout.VERSION:
            for kind in categories():
                if kind.owner is OwnerRule.CENTRE:
                    for key, _ in self._store.scan(layout.of_category(kind.name)):
                        yield key, key[-8:]

    def _listed(self, owner: str) -> dict[bytes, tuple[bytes, bytes]]:
        """By position, the keys under which a subject's records are listed."""
        found = {}
        for key, name in self._store.scan(layout.OF_OWNER + layout.text(owner)):
            found[key[-8:]] = (key, layout.of_category(name.decode()) + key[-16:])
        return found

    def _of_registration(self, owner: str) -> Iterator[tuple[bytes, bytes]]:
        place = layout.REGISTRATION + owner.encode()
        if (sealed := self._store.get(place)) is not None:
            yield place, sealed
        place = layout.LOOK_UP + owner.encode()
        if (sealed := self._store.get(place)) is not None:
            yield place, sealed
        yield from self._store.scan(layout.PACKAGE + layout.text(owner))
        yield from self._store.scan(layout.REQUEST + layout.text(owner))
        yield from self._store.scan(layout.CONSENT + layout.text(owner))
        yield from self._store.scan(layout.DISPUTE + layout.text(owner))
        yield from self._store.scan(layout.RECOVERY + layout.text(owner))

    def _row(self, key: bytes) -> RecordRow | None:
        raw = self._store.get(key)
        return None if raw is None else msgspec.msgpack.decode(raw, type=RecordRow)

    def _opened(self, owner: str, place: bytes, sealed: bytes) -> bytes | None:
        """What is sealed; None if nobody can open it any more."""
        return self._vault.peek(owner, place, sealed)

    def _reseal(
        self, transaction: Transaction, owner: str, key: bytes, content: bytes | None, part: str
    ) -> None:
        if content is None:
            transaction.delete(key)
        else:
            transaction.put(key, self._vault.seal(owner, key, content, part))


def _is_about(raw: bytes, owner: bytes) -> bool:
    return owner in raw


def _blocked_key(owner: str, version: bytes) -> bytes:
    if version.startswith(layout.VERSION):
        return layout.VERSION_BLOCKED + version[len(layout.VERSION) :]
    return layout.VERSION_BLOCKED + layout.text(owner) + version[len(layout.OF_CATEGORY) :]
