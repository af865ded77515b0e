"""Holds a dead home to what its bidders were told, and to what the ledger says of them.

Rules, beside those of `crash_audit`:
    SUBJECT   a registration is missing, doubled, or neither on the ledger nor on its way
    GRANT     the same of a grant or a revocation
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from tests.support.crash_audit import Known, Violation
from tests.support.crash_chain import Seen
from tests.support.crash_folder import Picture
from tests.support.crash_wallets import MARK_FIELDS, Bidder


def check_bidders(
    picture: Picture, known: dict[int, Known], bidders: Sequence[Bidder], seen: Seen
) -> Iterator[Violation]:
    open_objects = {msgspec.msgpack.decode(raw)["object"] for raw in picture.numbered(b"o/").values()}
    documents: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for record in known.values():
        if len(record.header["owner"]) == 64:
            documents[record.header["owner"]].append(record.fields | {"category": record.header["category"]})
    registered = {key.decode() for key, _ in picture.under(b"s/")}
    if len(list(picture.under(b"u/"))) != len(registered) or documents.keys() - registered:
        yield "SUBJECT", "directory, registrations and documents are not of the same subjects"
    twice = [subject.hex() for subject, count in Counter(s for s, _, _ in seen.subjects).items() if count > 1]
    if twice:
        yield "SUBJECT", f"{twice[0]} is on the ledger twice"
    on_ledger = {subject.hex(): (home, controller) for subject, home, controller in seen.subjects}
    for bidder in bidders:
        if bidder.subject:
            yield from _check_subject(bidder, registered, on_ledger, open_objects)
            yield from _check_documents(bidder, documents[bidder.subject])
            yield from _check_grants(bidder, picture, seen, open_objects)
    yield from _check_unanswered(bidders, documents)


def _check_subject(
    bidder: Bidder,
    registered: set[str],
    on_ledger: dict[str, tuple[str, bytes]],
    open_objects: set[str],
) -> Iterator[Violation]:
    if bidder.subject not in registered:
        yield "SUBJECT", f"{bidder.subject} was acknowledged and is not registered"
    elif bidder.subject in on_ledger:
        home, controller = on_ledger[bidder.subject]
        if home != bidder.home or controller[20:] != bidder.key.public_key:
            yield "SUBJECT", f"{bidder.subject} has another home or key on the ledger"
    elif f"subject/{bidder.subject}" not in open_objects:
        yield "SUBJECT", f"{bidder.subject} is neither on the ledger nor on its way"


def _check_documents(bidder: Bidder, documents: list[dict[str, Any]]) -> Iterator[Violation]:
    attested = [document for document in documents if document["category"] == "subject.attestation"]
    documents = [document for document in documents if document["category"] != "subject.attestation"]
    marks = [_mark(document) for document in documents]
    if len([document for document in documents if document["category"] == "subject.base"]) != 1:
        yield "DOUBLED", f"{bidder.subject} has not one base document: {marks}"
    if len(attested) != 1:
        yield "MISSING", f"{bidder.subject} has {len(attested)} attestations of what its certificate says"
    if bidder.taken - set(marks):
        yield "MISSING", f"{bidder.taken - set(marks)} was acknowledged"
    if set(marks) - bidder.tried:
        yield "FOREIGN", f"{set(marks) - bidder.tried} was never handed in"


def _mark(document: dict[str, Any]) -> str:
    return str(document[MARK_FIELDS[document["category"]]])


def _check_grants(
    bidder: Bidder, picture: Picture, seen: Seen, open_objects: set[str]
) -> Iterator[Violation]:
    for what, ids, on_ledger in (
        ("grant", bidder.granted, seen.registered),
        ("revocation", bidder.revoked, seen.revoked),
    ):
        for raw_id in ids:
            kept = picture.rows.get(b"g/" + raw_id)
            if kept is None or (what == "revocation" and not msgspec.msgpack.decode(kept)["revoked"]):
                yield "GRANT", f"{what} {raw_id.hex()} was acknowledged and is not kept"
            is_under_way = f"grant/{raw_id.hex()}" in open_objects
            if on_ledger.count(raw_id) > 1 or (raw_id not in on_ledger and not is_under_way):
                yield "GRANT", f"{what} {raw_id.hex()} is {on_ledger.count(raw_id)} times on the ledger"


def _check_unanswered(
    bidders: Sequence[Bidder], documents: dict[str, list[dict[str, Any]]]
) -> Iterator[Violation]:
    """A registration whose answer was lost is whole or absent: its documents are those of one try."""
    tried = {mark: bidder for bidder in bidders for mark in bidder.tried}
    for subject, found in documents.items():
        handed_in = [one for one in found if one["category"] != "subject.attestation"]
        owners = {tried[_mark(one)].code for one in handed_in if _mark(one) in tried}
        if len(owners) != 1:
            yield "FOREIGN", f"the documents of {subject} are of {len(owners)} bidders"
