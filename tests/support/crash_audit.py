"""Holds a dead node's records to what its clients were told. Nothing of the node's own code is asked.

Rules, by the name that a violation carries:
    MISSING   something acknowledged is not there, or is there in part
    DOUBLED   something is there twice, or was acknowledged in two ways
    FOREIGN   something is there that nobody sent, or is not what was sent
    CHANGED   something that never changes has changed
    SEQUENCE  a client's count is not what its messages say
    BROKEN    the store contradicts itself
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from cryptography.exceptions import InvalidTag

from tests.support.crash_folder import Picture, number
from tests.support.crash_load import Told
from tests.support.crash_plan import MARK_FIELD, planned
from tests.support.crash_records import Opener

Violation = tuple[str, str]


@dataclass(frozen=True)
class Known:
    """A record that was opened and committed to once; its row must stay what it is."""

    raw: bytes
    header: dict[str, Any]
    fields: dict[str, Any]
    entry: bytes


@dataclass
class RecordAudit:
    """One node's records over all its lives."""

    member: str
    data_key: bytes
    seed: str
    known: dict[int, Known] = field(default_factory=dict)

    def check(self, picture: Picture, told: Told) -> Iterator[Violation]:
        yield from self._open_new(picture)
        marks = [known.fields[MARK_FIELD] for known in self.known.values() if MARK_FIELD in known.fields]
        if len(set(marks)) != len(marks):
            yield "DOUBLED", f"{len(marks) - len(set(marks))} records repeat the mark of another"
        covered, parked = set[int](), 0
        acknowledged = {
            number(key[-8:]): msgspec.msgpack.decode(raw)
            for key, raw in picture.under(b"a/" + told.client.encode() + b"\0")
        }
        yield from _check_sequence(picture, told, acknowledged)
        for sequence, row in acknowledged.items():
            parked += row["parked"]
            if sequence > told.sent:
                yield "FOREIGN", f"{told.client} {sequence} was never sent"
                continue
            mine = range(row["first"], row["first"] + row["count"])
            if covered & set(mine):
                yield "DOUBLED", f"{told.client} {sequence} shares records with another message"
            covered |= set(mine)
            yield from self._check_message(told.client, sequence, row)
        strays = [
            at
            for at, known in self.known.items()
            if known.header["owner"] == self.member
            and known.header["category"] != "node.act"  # in no message: the node's own
            and at not in covered
        ]
        if strays:
            yield "FOREIGN", f"records {strays[:3]} belong to no message: part of one was stored"
        yield from self._check_parked(picture, parked)
        yield from self._check_versions(picture)

    def _open_new(self, picture: Picture) -> Iterator[Violation]:
        rows, opener = picture.numbered(b"r/"), Opener(self.data_key, picture.keyring)
        for position, known in self.known.items():
            if position not in rows:
                yield "MISSING", f"record {position} was there before"
            elif rows[position] != known.raw:
                yield "CHANGED", f"record {position} is not what it was"
        if sorted(rows) != list(range(picture.counter("position"))):
            yield "BROKEN", f"{len(rows)} records, and a counter that says {picture.counter('position')}"
        for position in rows.keys() - self.known.keys():
            try:
                found = opener.record(b"r/" + position.to_bytes(8, "big"), rows[position])
            except (InvalidTag, KeyError, ValueError) as error:
                yield "MISSING", f"record {position} cannot be opened: {error!r}"
            else:
                self.known[position] = Known(rows[position], *found)

    def _check_message(self, client: str, sequence: int, row: dict[str, Any]) -> Iterator[Violation]:
        plan = planned(self.seed, client, sequence)
        if (row["digest"], row["count"], row["parked"]) != (plan.digest, len(plan.records), plan.parked):
            yield "FOREIGN", f"{client} {sequence} is acknowledged as another message"
            return
        for position, expected in enumerate(plan.records, row["first"]):
            known = self.known.get(position)
            if known is None or known.fields.get(MARK_FIELD) != expected.mark:
                yield "MISSING", f"{expected.mark} is not at position {position}"
            elif (known.fields, known.header["thing"], known.header["category"]) != (
                expected.fields,
                expected.thing,
                expected.category,
            ):
                yield "FOREIGN", f"{expected.mark} is not what was sent"

    def _check_parked(self, picture: Picture, count: int) -> Iterator[Violation]:
        rows = picture.numbered(b"p/")
        if sorted(rows) != list(range(count)) or picture.counter("parked") != count:
            yield "MISSING", f"{count} items were acknowledged as parked, {len(rows)} are there"
        opener = Opener(self.data_key, picture.keyring)
        for place, raw in rows.items():
            if not opener.parked(b"p/" + place.to_bytes(8, "big"), raw, self.member)["raw"]:
                yield "MISSING", f"parked item {place} is empty"

    def _check_versions(self, picture: Picture) -> Iterator[Violation]:
        versions = defaultdict(list)
        for known in self.known.values():
            header = known.header
            versions[header["owner"], header["category"], header["thing"]].append(header["version"])
        for thing, found in versions.items():
            if sorted(found) != list(range(1, len(found) + 1)):
                yield "DOUBLED", f"versions of {thing} are {sorted(found)}"
        last = sorted(number(raw) for _, raw in picture.under(b"vn/"))
        if last != sorted(len(found) for found in versions.values()):
            yield "BROKEN", "the last versions of things are not those of the records"
        of_subjects = {at: known for at, known in self.known.items() if len(known.header["owner"]) == 64}
        filed = {number(raw): number(key[-8:]) for key, raw in picture.under(b"v/")}
        if filed != {position: known.header["version"] for position, known in of_subjects.items()}:
            yield "BROKEN", "the directory of versions is not that of the records"
        listed = sorted(key for key, _ in picture.under(b"rc/"))
        if listed != sorted(_listed(position, known.header) for position, known in self.known.items()):
            yield "BROKEN", "the index by category is not that of the records"


def _listed(position: int, header: dict[str, Any]) -> bytes:
    moment = datetime.fromisoformat(header["captured"]) - datetime(1970, 1, 1, tzinfo=UTC)
    captured = moment // timedelta(milliseconds=1)
    name = header["category"].encode() + b"\0"
    return name + captured.to_bytes(8, "big") + position.to_bytes(8, "big")


def _check_sequence(picture: Picture, told: Told, rows: dict[int, dict[str, Any]]) -> Iterator[Violation]:
    last = picture.counter(f"client/{told.client}")
    if sorted(rows) != list(range(1, last + 1)):
        yield "SEQUENCE", f"{told.client}: {len(rows)} acknowledgements, and a counter that says {last}"
    if not told.through <= last <= told.sent:
        yield "SEQUENCE", f"{told.client} stands at {last}: acknowledged {told.through}, sent {told.sent}"
    for sequence, accepted in told.accepted.items():
        row = rows.get(sequence)
        if row is None:
            yield "MISSING", f"{told.client} {sequence} was acknowledged"
        elif (row["first"], row["count"], row["parked"]) != accepted:
            yield "DOUBLED", f"{told.client} {sequence} was acknowledged as {accepted} and is kept as {row}"
