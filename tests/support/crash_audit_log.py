"""Holds a dead node's log, its outbox and what it believes of the ledger to the ledger itself.

Rules, beside those of `crash_audit`:
    SHRANK    the log has fewer or other leaves than it had
    INDEX     a record has no index, two, or one that another has
    ROOT      a stored node, checkpoint or anchor is not what the leaves give
    ANCHOR    the ledger has an anchor that the node does not know, or one size twice
    FINAL     a client was told FINAL and the ledger has no anchor over it
    OUTBOX    the outbox contradicts itself, or something in it was refused
"""

import base64
import hashlib
import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tests.support.crash_audit import Known, Violation
from tests.support.crash_chain import Seen
from tests.support.crash_folder import Picture, number
from tests.support.crash_load import Told
from tests.support.crash_tree import Tree, leaf_hash

_NOWHERE = b"\xff" * 8


@dataclass
class LogAudit:
    """One node's log over all its lives."""

    member: str
    alliance: str
    log_key: bytes
    tree: Tree = field(default_factory=Tree)
    checkpoints: dict[int, bytes] = field(default_factory=dict)

    def check(self, picture: Picture, known: dict[int, Known], told: Told, seen: Seen) -> Iterator[Violation]:
        size, through = picture.counter("log-size"), picture.counter("log-through")
        leaves = {index: leaf_hash(entry) for index, entry in picture.numbered(b"t/").items()}
        if sorted(leaves) != list(range(size)) or size < len(self.tree.leaves):
            yield "SHRANK", f"{len(leaves)} leaves, counter {size}; there were {len(self.tree.leaves)}"
            return
        if any(leaves[index] != leaf for index, leaf in enumerate(self.tree.leaves)):
            yield "SHRANK", "a leaf is not what it was"
            return
        for index in range(len(self.tree.leaves), size):
            self.tree.grow(leaves[index])
        stored = {(key[0], number(key[1:])): raw for key, raw in picture.under(b"n/")}
        stored |= {(0, index): leaf for index, leaf in leaves.items()}
        if stored != self.tree.nodes:
            yield "ROOT", "the stored nodes are not those of a tree over the leaves"
        yield from _check_places(picture, known, leaves, through)
        yield from self._check_checkpoints(picture, size, through)
        yield from self._check_anchors(picture, seen)
        yield from self._check_finals(picture, told, seen)
        yield from self._check_outbox(picture)
        journal = sorted(picture.numbered(b"f/"))
        if journal != list(range(picture.counter("feed"))):
            yield "BROKEN", "the journal has a gap"

    def _check_checkpoints(self, picture: Picture, size: int, through: int) -> Iterator[Violation]:
        rows = picture.numbered(b"c/")
        if any(rows.get(at) != raw for at, raw in self.checkpoints.items()):
            yield "CHANGED", "a checkpoint is gone or not what it was"
        reaches = 0
        indexes = picture.numbered(b"x/")
        for at in sorted(rows.keys() - self.checkpoints.keys()):
            note, reaches = msgspec.msgpack.decode(rows[at])
            if not _is_signed(
                note, f"heqi/{self.alliance}/{self.member}", at, self.tree.root(at), self.log_key
            ):
                yield "ROOT", f"the checkpoint of size {at} is not over the leaves, or not signed"
            if any(number(indexes.get(position, _NOWHERE)) >= at for position in range(reaches)):
                yield "INDEX", f"the checkpoint of size {at} says that it covers a record which it does not"
        if rows and (max(rows), reaches or through) != (size, through):
            yield "BROKEN", f"the newest checkpoint is of size {max(rows)} to {reaches}; {size} to {through}"
        self.checkpoints = rows

    def _check_anchors(self, picture: Picture, seen: Seen) -> Iterator[Violation]:
        anchors = seen.anchors.get(self.member, [])
        sizes = [size for size, _ in anchors]
        if any(later <= earlier for earlier, later in itertools.pairwise(sizes)):
            yield "ANCHOR", f"anchors do not grow: {sizes[-5:]}"
        for size, root in anchors:
            if size not in self.checkpoints:
                yield "ANCHOR", f"the ledger has an anchor of size {size}, the node no such checkpoint"
            elif root != self.tree.root(size):
                yield "ROOT", f"the anchor of size {size} is not over the leaves"
        believed = {
            (number(key[-8:]), msgspec.msgpack.decode(raw)["root"])
            for key, raw in picture.under(b"l/anchor/" + self.member.encode() + b"\0")
        }
        if not believed <= set(anchors):
            yield "ANCHOR", "the node believes in anchors that the ledger does not have"

    def _check_finals(self, picture: Picture, told: Told, seen: Seen) -> Iterator[Violation]:
        anchored = {size for size, _ in seen.anchors.get(self.member, [])}
        indexes = picture.numbered(b"x/")
        for sequence, size in told.final.items():
            first, count, _ = told.accepted.get(sequence, (0, 0, 0))
            if not count:
                continue  # all of it was parked: there is nothing that an anchor could cover
            is_under = all(
                position in indexes and number(indexes[position]) < size
                for position in range(first, first + count)
            )
            if size not in anchored or not is_under:
                yield "FINAL", f"{told.client} {sequence} was final under {size}, and is not on the ledger"

    def _check_outbox(self, picture: Picture) -> Iterator[Violation]:
        items = [msgspec.msgpack.decode(raw) for raw in picture.numbered(b"o/").values()]
        counted = {key.decode(): number(raw) for key, raw in picture.under(b"m/open/")}
        if Counter(item["object"] for item in items) != counted:
            yield "OUTBOX", f"counters say {counted}"
        for item in items:
            if item["state"] == "parked":
                yield "OUTBOX", f"{item['object']} was refused: {item['problem']}"
        anchors = [item["call"][1] for item in items if item["object"] == "anchor"]
        if len(anchors) > 1:
            yield "OUTBOX", f"{len(anchors)} anchors at once"
        if any(anchor["root"] != self.tree.root(anchor["size"]) for anchor in anchors):
            yield "ROOT", "the anchor in the outbox is not over the leaves"


def _check_places(
    picture: Picture, known: dict[int, Known], leaves: dict[int, bytes], through: int
) -> Iterator[Violation]:
    waiting = picture.numbered(b"e/")
    indexes = {position: number(raw) for position, raw in picture.numbered(b"x/").items()}
    if sorted(indexes) != list(range(through)):
        yield "INDEX", f"{len(indexes)} records have an index, {through} should"
    if sorted(waiting) != list(range(through, picture.counter("position"))):
        yield "INDEX", "the entries that wait are not those of the records without an index"
    if len(set(indexes.values())) != len(indexes):
        yield "INDEX", "two records have one index"
    for position, record in known.items():
        at = indexes.get(position)
        is_there = (
            waiting.get(position) == record.entry if at is None else leaves.get(at) == leaf_hash(record.entry)
        )
        if not is_there:
            yield "INDEX", f"the entry of record {position} is not where the node says"


def _is_signed(note: str, origin: str, size: int, root: bytes, key: bytes) -> bool:
    text = f"{origin}\n{size}\n{base64.b64encode(root).decode()}\n"
    key_hash = hashlib.sha256(f"{origin}\n".encode() + b"\x01" + key).digest()[:4]
    start = f"{text}\n— {origin} "
    if not note.startswith(start):
        return False
    signature = base64.b64decode(note[len(start) :])
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature[4:], text.encode())
    except InvalidSignature:
        return False
    return signature[:4] == key_hash
