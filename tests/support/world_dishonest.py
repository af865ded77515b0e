"""What members can do who do not play by the rules: with their own keys, and everything that they have seen."""

import json
import os
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from node.domain.checkpoint import Checkpoint, sign_checkpoint
from node.domain.document import document_digest, peek_document, sign_document
from node.domain.encoding import canonical_json, from_base64url, to_base64url
from node.domain.evidence import (
    Evidence,
    ShownRecord,
    encode_evidence,
    evidence_digest,
    parse_evidence,
    show_record,
)
from node.domain.grant import Grant, Scope, grant_terms
from node.domain.ledger_ids import grant_id
from node.domain.legal_read import LegalAnswer
from node.domain.merkle import grow, inclusion_proof, leaf_hash, root_hash
from node.domain.reading import ReadAnswer, ReadRequest
from node.domain.record import SealedRecord
from node.ports import Answer, Signer
from tests.support.world import World
from tests.support.world_bidder import Bidder
from tests.support.world_centre import Centre


def read_request(world: World, reader: Centre, token: str, **changes: Any) -> str:
    """A read request by a member's own key, for whatever grant it likes."""
    grant = peek_document(token, Grant)
    raw_id = grant_id(bytes.fromhex(grant.alliance), grant_terms(grant, document_digest(token)))
    values: dict[str, Any] = {
        "alliance": grant.alliance,
        "iat": int(world.clock.now()),
        "jti": to_base64url(os.urandom(16)),
        "iss": reader.name,
        "aud": grant.home,
        "grant": raw_id.hex(),
        "scope": grant.scope,
        "purpose": grant.purpose,
        **changes,
    }
    return sign_document(ReadRequest(**values), reader.keys.identity.sign)


def altered_grant(token: str, **changes: Any) -> str:
    """The grant with other content and the old signature."""
    header, _, signature = token.split(".")
    grant = msgspec.structs.replace(peek_document(token, Grant), **changes)
    return f"{header}.{to_base64url(canonical_json(msgspec.to_builtins(grant)))}.{signature}"


def resigned_grant(bidder: Bidder, token: str, **changes: Any) -> str:
    """The grant with other content, signed by the bidder itself."""
    return sign_document(msgspec.structs.replace(peek_document(token, Grant), **changes), bidder.key.sign)


def signed_anew(
    home: Centre,
    answer: Answer,
    evidence: Evidence | bytes,
    kind: type[ReadAnswer | LegalAnswer] = ReadAnswer,
    **changes: Any,
) -> Answer:
    """Other evidence in an answer that the home signs as its own."""
    raw = evidence if isinstance(evidence, bytes) else encode_evidence(evidence)
    signed = peek_document(answer.answer, kind)
    signed = msgspec.structs.replace(signed, evidence=evidence_digest(raw), **changes)
    return Answer(raw, sign_document(signed, home.keys.identity.sign), answer.delegation)


def with_record(answer: Answer, change: Callable[[ShownRecord], ShownRecord]) -> Evidence:
    """The answer's evidence with its first record changed."""
    evidence = parse_evidence(answer.evidence)
    first, *rest = evidence.records
    return Evidence(evidence.checkpoint, (change(first), *rest))


def other_value(record: ShownRecord, field: str, value: object) -> ShownRecord:
    """The record with another value in a disclosed field."""
    disclosures = []
    for disclosure in record.disclosures:
        salt, name, old = json.loads(from_base64url(disclosure))
        shown = [salt, name, value if name == field else old]
        disclosures.append(to_base64url(canonical_json(shown)))
    return msgspec.structs.replace(record, disclosures=tuple(disclosures))


def other_payload(record: ShownRecord, **changes: object) -> ShownRecord:
    """The record with another header."""
    payload = json.loads(from_base64url(record.payload)) | changes
    return msgspec.structs.replace(record, payload=to_base64url(canonical_json(payload)))


def shown(home: Centre, positions: Sequence[int], scope: Sequence[Scope], size: int = 0) -> Evidence:
    """True evidence over any records of the home's log, for whoever asks."""
    size = size or home.services.proving.anchored_size()
    showing = home.serving._showing
    return parse_evidence(showing.show(showing.load(positions), scope, size))


def forged_tree(
    world: World, home: Centre, sealed: SealedRecord, fields: Sequence[str], log: Signer | None = None
) -> Evidence:
    """A record that never was in the log, under a checkpoint of the anchored size that its key, or `log`, signs."""
    size, nodes = home.services.proving.anchored_size(), {}
    leaves = [leaf_hash(os.urandom(32)) for _ in range(size - 1)] + [leaf_hash(sealed.entry)]
    for level, index, value in grow(0, leaves, lambda level, index: nodes[level, index]):
        nodes[level, index] = value

    def read(level: int, index: int) -> bytes:
        return nodes[level, index]

    checkpoint = Checkpoint(world.descriptor.alliance, home.name, size, root_hash(size, read))
    log = log or home.keys.log
    note = sign_checkpoint(checkpoint, log.public_key, log.sign)
    opened = sealed.commitments.disclosures
    record = show_record(
        sealed.payload,
        sealed.commitments.blind,
        [opened[name] for name in sorted(fields)],
        size - 1,
        inclusion_proof(size - 1, size, read),
    )
    return Evidence(note, (record,))
