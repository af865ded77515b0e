"""First load: a centre's existing registrations, which have no wallet yet, become waiting registrations.

A message of many becomes one synced batch, known by (client, sequence) like any append message. What cannot be used
is parked with everything that is wrong with it, and stops nothing. The same registration again, under its source's
own identifier, stores nothing; with other content it becomes the next versions of its records, until the bidder has
taken it over.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from node.domain.act import ActKind
from node.domain.catalogue.rules import Rules
from node.domain.category import category
from node.domain.certificate import check_credit_code
from node.domain.draft import RecordDraft, check_draft
from node.domain.duties import Act
from node.domain.encoding import canonical_json
from node.domain.erasure import REGISTRATION_PART, record_part
from node.domain.ledger_ids import subject_id
from node.domain.retention import month_at
from node.errors import DuplicateError, InvalidError, RecordFormatError
from node.ports import Clock, Store
from node.services import layout
from node.services.acts import Acts
from node.services.alliance import Alliance
from node.services.feed import Feed, FeedEntry
from node.services.parking import ParkedRow, Parking
from node.services.preparing import MAX_MESSAGE_RECORDS, Problem, plain_fields
from node.services.records import Accepted, Records
from node.services.transaction import Transaction
from node.services.vault import Entropy, Vault
from node.services.waiting import LoadedRow, Waiting, WaitingRow

_BASE = "subject.base"
_SALT_BYTES = 32
MAX_ID_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Existing:
    """One registration as its source states it."""

    source_id: str
    """The source's own identifier, 1 to 200 printable characters."""
    credit_code: str
    records: Sequence[RecordDraft | Problem]
    """Without owner."""
    content: bytes
    """SHA-256 of all of it."""


@dataclass(frozen=True, slots=True)
class Unusable:
    """An item that was parked."""

    place: int
    """Which item of the message, from 0."""
    problem: Problem


@dataclass(frozen=True, slots=True)
class Loaded:
    """What became of a message."""

    accepted: Accepted
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    parked: Sequence[Unusable] = ()
    is_repeated: bool = False
    """Whether it was accepted before; then only `accepted` says something."""


class Loading:
    """Takes existing registrations in."""

    def __init__(  # noqa: PLR0917
        self,
        store: Store,
        vault: Vault,
        alliance: Alliance,
        records: Records,
        waiting: Waiting,
        parking: Parking,
        acts: Acts,
        feed: Feed,
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        self._store, self._vault, self._alliance, self._records = store, vault, alliance, records
        self._waiting, self._parking, self._acts, self._feed = waiting, parking, acts, feed
        self._clock, self._entropy = clock, entropy

    def load(
        self, client: str, sequence: int, digest: bytes, system: str, items: Sequence[Existing | Problem]
    ) -> Loaded:
        """Make a message durable.

        Args:
            client: who counts the sequence.
            sequence: one more than the client's last message, from 1.
            digest: SHA-256 of the message.
            system: name of the source.
            items: in order; what its sender could not read comes as a problem.

        Raises:
            StandingError: this node's member registers nobody now.
            RecordFormatError: too many records in one message, or the source has no name.
            SequenceError: a gap, or the same sequence with other content.
            StoreError: the database fails; then nothing of the message is stored.
        """
        self._alliance.check_may(Act.REGISTER)
        if not system.isprintable() or not 1 <= len(system) <= MAX_ID_LENGTH:
            raise RecordFormatError(f"the source has a name of 1 to {MAX_ID_LENGTH} printable characters")
        if len(items) > MAX_MESSAGE_RECORDS or sum(map(_count, items)) > MAX_MESSAGE_RECORDS:
            raise RecordFormatError(f"a message holds at most {MAX_MESSAGE_RECORDS} records")
        transaction = Transaction(self._store)
        known = self._records.acknowledged(transaction, client, sequence, digest)
        if known is not None:
            return Loaded(known, is_repeated=True)
        drafts: list[RecordDraft] = []
        parked: list[Unusable] = []
        counts = {"added": 0, "changed": 0, "unchanged": 0}
        fresh: list[WaitingRow] = []
        for place, item in enumerate(items):
            try:
                outcome, found = self._take(transaction, system, item, fresh)
            except InvalidError as error:
                parked.append(Unusable(place, Problem(error.reason, str(error))))
            except DuplicateError as error:
                parked.append(Unusable(place, Problem(error.reason, str(error))))
            else:
                counts[outcome] += 1
                drafts += found
        keys = self._ensure_keys(fresh, drafts)
        for row in fresh:
            self._waiting.put(transaction, row)
        self._park(transaction, client, sequence, system, items, parked)
        first = self._records.stage(transaction, drafts)
        accepted = Accepted(digest, first, len(drafts), len(parked))
        self._records.acknowledge(transaction, client, sequence, accepted)
        about = {"client": client, "sequence": str(sequence), "first": str(first), "count": str(len(drafts))}
        if sequence == 1:
            self._acts.record(transaction, ActKind.REGISTRATIONS_LOADED, {"client": client, "source": system})
        self._feed.add(transaction, FeedEntry("registrations.loaded", self._clock.now(), about))
        transaction.commit()
        self._vault.release(keys)
        self._feed.wake()
        return Loaded(accepted, counts["added"], counts["changed"], counts["unchanged"], parked)

    def _take(
        self, transaction: Transaction, system: str, item: Existing | Problem, fresh: list[WaitingRow]
    ) -> tuple[str, list[RecordDraft]]:
        """What one registration comes to; all its mistakes are told at once.

        Raises:
            InvalidError: it cannot be used.
            DuplicateError: the company is registered here otherwise.
        """
        if isinstance(item, Problem):
            raise RecordFormatError(item.message)
        drafts = _checked(item, self._records.rules)
        loaded = self._waiting.loaded(transaction, system, item.source_id)
        directory = layout.DIRECTORY + self._vault.directory_key(item.credit_code)
        holder = transaction.get(directory)
        if loaded is None:
            if holder is not None:
                raise DuplicateError("this company is registered here already")
            salt = self._entropy(_SALT_BYTES)
            raw = subject_id(self._alliance.raw_id, self._alliance.me, salt)
            transaction.put(directory, raw)
            fresh.append(WaitingRow(raw.hex(), salt, item.credit_code))
            outcome = "added"
        elif loaded.content == item.content:
            return "unchanged", []
        else:
            raw, outcome = loaded.subject, "changed"
            if holder != raw:
                raise DuplicateError("under this identifier another company was loaded")
            is_fresh = any(row.subject == raw.hex() for row in fresh)
            if not is_fresh and not self._waiting.is_waiting(raw.hex()):
                raise DuplicateError(
                    "the bidder has taken this registration over: only its wallet changes it"
                )
        self._waiting.note_loaded(transaction, system, item.source_id, LoadedRow(raw, item.content))
        return outcome, [replace(draft, owner=raw.hex(), source_system=system) for draft in drafts]

    def _ensure_keys(
        self, fresh: Sequence[WaitingRow], drafts: Sequence[RecordDraft]
    ) -> set[tuple[str, str]]:
        """All keys of a message in one synced write."""
        month = month_at(self._clock.now())
        names = {(row.subject, REGISTRATION_PART) for row in fresh}
        names |= {(draft.owner or "", record_part(draft.category, month)) for draft in drafts}
        self._vault.ensure(names)
        return names

    def _park(  # noqa: PLR0917
        self,
        transaction: Transaction,
        client: str,
        sequence: int,
        system: str,
        items: Sequence[Existing | Problem],
        parked: Sequence[Unusable],
    ) -> None:
        """Put aside what cannot be used: where it is at its source, and not what it holds."""
        rows = []
        for one in parked:
            item = items[one.place]
            source_id = item.source_id if isinstance(item, Existing) else ""
            raw = canonical_json({"system": system, "id": source_id})
            rows.append(ParkedRow(client, sequence, one.place, one.problem.reason, one.problem.message, raw))
        self._parking.park_all(transaction, rows)


def _checked(item: Existing, rules: Rules) -> list[RecordDraft]:
    """The records of a registration, if nothing is wrong with it.

    Raises:
        RecordFormatError: everything that is.
    """
    problems: list[str] = []
    drafts: list[RecordDraft] = []
    if not item.source_id.isprintable() or not 1 <= len(item.source_id) <= MAX_ID_LENGTH:
        problems.append(f"id: must have 1 to {MAX_ID_LENGTH} printable characters")
    try:
        check_credit_code(item.credit_code)
    except InvalidError as error:
        problems.append(f"credit_code: {error}")
    for place, found in enumerate(item.records):
        try:
            draft = _draft(found, item.credit_code)
            mistakes = rules.mistakes(draft.category, plain_fields(draft))
            problems += [f"record {place} ({draft.category}): {mistake}" for mistake in mistakes]
            drafts.append(draft)
        except InvalidError as error:
            name = "" if isinstance(found, Problem) else f" ({found.category})"
            problems.append(f"record {place}{name}: {error}")
    names = [(draft.category, draft.thing) for draft in drafts]
    problems += [
        f"{kind} {thing} is there twice" for kind, thing in sorted({n for n in names if names.count(n) > 1})
    ]
    if not any(not isinstance(found, Problem) and found.category == _BASE for found in item.records):
        problems.append(f"it must hold a {_BASE} record")
    if problems:
        raise RecordFormatError("; ".join(problems))
    return drafts


def _draft(found: RecordDraft | Problem, credit_code: str) -> RecordDraft:
    if isinstance(found, Problem):
        raise RecordFormatError(found.message)
    check_draft(found)
    kind = category(found.category)
    if not kind.is_from_wallet:
        raise RecordFormatError("a registration holds documents of its subject only")
    if len(found.fields) > kind.slots:
        raise RecordFormatError(f"at most {kind.slots} fields, not {len(found.fields)}")
    if found.category == _BASE and found.fields.get("credit_code") != credit_code:
        raise RecordFormatError("credit_code is not that of the registration")
    return found


def _count(item: Existing | Problem) -> int:
    return len(item.records) if isinstance(item, Existing) else 0
