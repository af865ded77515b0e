"""What a message's records need before they have a place: checks, commitments, what is kept at rest.

This is nearly all of the work, it looks at nothing but the message, and it needs no key but the index key: so it
can be done beside the node's process (`api/preparing.py`). What is left for `records.py` is to give version and
position, to seal, and to write.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from node.domain.catalogue.rules import Rules, shipped_rules
from node.domain.category import OwnerRule, category
from node.domain.disclosure import SEED_BYTES
from node.domain.draft import RecordDraft, check_draft
from node.domain.encoding import to_rfc3339
from node.domain.record import RecordHeader, SealedRecord, begin_payload, seal_record
from node.domain.values import to_json_value
from node.errors import DefinitionMissingError, InvalidError, RecordFormatError
from node.services.filing import project_key, thing_key
from node.services.vault import Entropy

MAX_MESSAGE_RECORDS = 5_000
_NO_VERSION = 1
"""Stands in headers until `Records` gives the version."""


class StoredRecord(msgspec.Struct, frozen=True, array_like=True):
    """What a record is made of; payload, salts and entry follow from it."""

    seed: bytes
    header: RecordHeader
    fields: Mapping[str, object]
    project: str = ""

    def seal(self) -> SealedRecord:
        """Payload, disclosures and entry, made anew."""
        return seal_record(self.header, self.fields, self.seed)


@dataclass(frozen=True, slots=True)
class Problem:
    """Why something cannot be used."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Incoming:
    """One item of a message: a draft, or why there is none, and how it came."""

    raw: bytes
    draft: RecordDraft | Problem


class AboutSubject(msgspec.Struct, frozen=True, array_like=True):
    """A record that a centre's system hands in about a subject, on an authority's word."""

    subject: str
    """Its owner: whether it is registered here is only known where the record gets its place."""
    place: int
    """Which item of the message, from 0."""
    raw: bytes
    """The item, in case it must be parked."""


class PreparedRecord(msgspec.Struct, frozen=True, array_like=True):
    """A record that lacks only its version and its position."""

    category: str
    thing: bytes
    """Keyed digest under which its versions are filed."""
    project: bytes
    """Keyed digest; empty where there is none."""
    blind: bytes
    beginning: bytes
    """Of its payload, from `begin_payload`."""
    body: bytes
    """`StoredRecord` in MessagePack, with whatever version."""
    sealed_with: str = ""
    """Category under whose key it is sealed; its own if empty."""
    about: AboutSubject | None = None
    """None: its owner is the centre, or whoever stages it says."""

    @property
    def part(self) -> str:
        """Category whose data it is erased together with."""
        return self.sealed_with or self.category


class Unusable(msgspec.Struct, frozen=True, array_like=True):
    """An item that must be parked."""

    place: int
    """Which item of the message, from 0."""
    reason: str
    message: str
    raw: bytes


class Prepared(msgspec.Struct, frozen=True, array_like=True):
    """A message, ready to be written."""

    digest: bytes
    """SHA-256 of its content."""
    captured: int
    """Milliseconds since 1970 UTC."""
    records: list[PreparedRecord]
    unusable: list[Unusable]


class Preparer:
    """Prepares records of one node."""

    def __init__(
        self,
        index_key: bytes,
        entropy: Entropy,
        alliance: str,
        member: str,
        rules: Callable[[], Rules] = shipped_rules,
    ) -> None:
        """Args:
        index_key: files guessable names.
        entropy: of seeds.
        alliance: its id, 64 hex digits.
        member: this node's name.
        rules: the definitions in force, asked for once per message.
        """
        self._index_key, self._entropy = index_key, entropy
        self._alliance, self._member = alliance, member
        self.rules = rules

    def thing_key(self, owner: str, name: str, thing: str) -> bytes:
        """Under which the versions of an owner's thing in a category are filed."""
        return thing_key(self._index_key, owner, name, thing)

    def message(self, items: Sequence[Incoming], now: float) -> Prepared:
        """Prepare a message; what cannot be used is told and does not stop the rest.

        Args:
            items: of the message, in order.
            now: seconds since 1970 UTC when it was taken in.

        Raises:
            RecordFormatError: too many items.
        """
        check_count(len(items))
        digest = hashlib.sha256(b"".join([len(m.raw).to_bytes(4, "big") + m.raw for m in items])).digest()
        ready: list[_Ready] = []
        unusable: list[Unusable] = []
        rules = self.rules()
        for place, item in enumerate(items):
            checked = item.draft if isinstance(item.draft, Problem) else _checked(item.draft, rules)
            if isinstance(checked, Problem):
                unusable.append(Unusable(place, checked.reason, checked.message, item.raw))
            elif checked.draft.owner is None:
                ready.append(checked)
            else:
                about = AboutSubject(checked.draft.owner, place, item.raw)
                ready.append(checked._replace(about=about))
        captured = milliseconds(now)
        return Prepared(digest, captured, self._records(ready, captured), unusable)

    def check(self, draft: RecordDraft) -> RecordDraft | Problem:
        """A draft from a centre's own system, or why it cannot become a record now."""
        checked = _checked(draft, self.rules())
        return checked if isinstance(checked, Problem) else draft

    def records(self, drafts: Sequence[RecordDraft], captured: int) -> list[PreparedRecord]:
        """Prepare checked drafts; the node's own are written by it and come as they are.

        Args:
            drafts: of any owner and category.
            captured: milliseconds since 1970 UTC.

        Raises:
            RecordFormatError: a draft breaks a rule of its category.
        """
        version = self.rules().version
        ready = [_Ready(draft, plain_fields(draft), version(draft.category)) for draft in drafts]
        return self._records(ready, captured)

    def _records(self, ready: Sequence["_Ready"], captured: int) -> list[PreparedRecord]:
        seeds, at = self._entropy(SEED_BYTES * len(ready)), to_rfc3339(captured / 1000)
        return [
            self._record(one, at, seeds[n * SEED_BYTES : (n + 1) * SEED_BYTES]) for n, one in enumerate(ready)
        ]

    def _record(self, ready: "_Ready", captured: str, seed: bytes) -> PreparedRecord:
        draft, fields, version, about = ready
        owner = draft.owner or self._member
        header = RecordHeader(
            alliance=self._alliance,
            member=self._member,
            category=draft.category,
            thing=draft.thing,
            version=_NO_VERSION,
            owner=owner,
            source_system=draft.source_system,
            source_version=draft.source_version,
            captured=captured,
            clock="system",
            occurred=draft.occurred or "",
            definition=version,
        )
        beginning, commitments = begin_payload(header, fields, seed)
        return PreparedRecord(
            draft.category,
            thing_key(self._index_key, owner, draft.category, draft.thing),
            project_key(self._index_key, draft.project) if draft.project else b"",
            commitments.blind,
            beginning,
            msgspec.msgpack.encode(StoredRecord(seed, header, fields, draft.project)),
            draft.sealed_with,
            about,
        )


def check_count(items: int) -> None:
    """Refuse a message of too many items.

    Raises:
        RecordFormatError: it has more than `MAX_MESSAGE_RECORDS`.
    """
    if items > MAX_MESSAGE_RECORDS:
        raise RecordFormatError(f"a message holds at most {MAX_MESSAGE_RECORDS} records")


def milliseconds(now: float) -> int:
    """A moment in the precision in which records keep it."""
    return round(now * 1_000_000) // 1000


class _Ready(NamedTuple):
    """A draft that was checked."""

    draft: RecordDraft
    fields: Mapping[str, object]
    """Plain JSON values by name."""
    definition: int
    """Version of the definition that they were checked by."""
    about: AboutSubject | None = None


def plain_fields(draft: RecordDraft) -> dict[str, object]:
    """A draft's values as they stand in disclosures and as definitions see them."""
    return {
        name: value if type(value) is str else to_json_value(value) for name, value in draft.fields.items()
    }


def _checked(draft: RecordDraft, rules: Rules) -> "_Ready | Problem":
    checked = check_own(draft)
    if isinstance(checked, Problem):
        return checked
    fields = plain_fields(draft)
    try:
        return _Ready(draft, fields, rules.check(draft.category, fields))
    except (InvalidError, DefinitionMissingError) as error:
        return Problem(error.reason, str(error))


def check_own(draft: RecordDraft) -> RecordDraft | Problem:
    """A draft from a centre's own system, or why it cannot become a record."""
    try:
        check_draft(draft)
        kind = category(draft.category)
        if kind.is_own:
            raise RecordFormatError(f"{draft.category} is written by the node itself")
        if len(draft.fields) > kind.slots:
            raise RecordFormatError(
                f"{draft.category} holds at most {kind.slots} fields, not {len(draft.fields)}"
            )
        if kind.is_stated_by_authority and draft.owner is None:
            raise RecordFormatError(f"{draft.category} is about a subject; say which by its id")
        if not kind.is_stated_by_authority and (
            draft.owner is not None or kind.owner is not OwnerRule.CENTRE
        ):
            raise RecordFormatError(
                f"{draft.category} belongs to the {kind.owner.value}; a centre's systems hand in what is the centre's"
            )
    except InvalidError as error:
        return Problem(error.reason, str(error))
    return draft
