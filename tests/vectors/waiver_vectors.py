"""A waiver of bid security by a credit grade: an evaluation in a small log, the waiver of it, the home's word."""

from functools import cache
from typing import Any

import msgspec

from node.domain import merkle
from node.domain.checkpoint import Checkpoint, sign_checkpoint
from node.domain.document import document_digest, sign_document
from node.domain.encoding import canonical_json
from node.domain.evidence import Evidence, encode_evidence, show_record
from node.domain.record import RecordHeader, SealedRecord, seal_record
from node.domain.waiver import EVALUATION_CATEGORY, SHOWN_FIELDS, BidWaiver, EvaluationState
from tests.vectors import authority, world
from tests.vectors.guarantee_story import CENTRE, SECTION
from tests.vectors.keys import fixed_bytes, log_key
from tests.vectors.world import ALLIANCE, NOW, SUBJECT, THIRD, WALLET

_DAY = 86_400
OPENING = NOW + 20 * _DAY
FIELDS = {
    "body_code": authority.CREDIT_CODE,
    "body_name": authority.ORGANISATION,
    "document_number": "示例水〔2026〕17号",
    "evaluator_name": "示例市水利局",
    "grade": "AAA",
    "scale": "示例省水利建设市场主体信用评价",
    "score": "97.31",
    "status": "in_force",
    "valid_from": "2026-01-01",
    "valid_until": "2028-12-31",
}
RULES = [
    {
        "evaluator": "示例市水利局",
        "grades": {"AA": 50, "AAA": 100},
        "recorders": [THIRD],
        "scale": "示例省水利建设市场主体信用评价",
    }
]
_PLACE, _SIZE = 1, 3


@cache
def record() -> SealedRecord:
    header = RecordHeader(
        alliance=ALLIANCE,
        member=THIRD,
        category=EVALUATION_CATEGORY,
        thing="e-7c1f",
        version=1,
        owner=SUBJECT,
        source_system="示例评价系统",
        source_version="",
        captured="2026-01-05T02:00:00.000Z",
        clock="system",
        definition=1,
    )
    return seal_record(header, FIELDS, fixed_bytes("seed evaluation"))


@cache
def evidence(names: frozenset[str] = SHOWN_FIELDS) -> Evidence:
    """The record with some fields, in a log of three entries."""
    sealed = record()
    leaves = [fixed_bytes(f"waiver cover {place}") for place in range(_SIZE)]
    leaves[_PLACE] = sealed.entry
    hashes = [merkle.leaf_hash(entry) for entry in leaves]
    first = merkle.node_hash(hashes[0], hashes[1])
    key = log_key(f"{THIRD} log")
    checkpoint = Checkpoint(ALLIANCE, THIRD, _SIZE, merkle.node_hash(first, hashes[2]))
    opened = sealed.commitments.disclosures
    shown = [opened[name] for name in sorted(names & opened.keys())]
    one = show_record(sealed.payload, sealed.commitments.blind, shown, _PLACE, [hashes[0], hashes[2]])
    return Evidence(sign_checkpoint(checkpoint, key.public, key.sign), (one,))


def exported() -> bytes:
    """As the wallet keeps it: with all fields."""
    return encode_evidence(evidence(frozenset(FIELDS)))


@cache
def waiver() -> BidWaiver:
    return BidWaiver(
        **world.common("bid waiver"),
        centre=CENTRE,
        section=SECTION,
        key=WALLET.public.hex(),
        delegation=world.delegation_token(),
        home=THIRD,
        evidence=evidence(),
        opening=OPENING,
        exp=OPENING + 90 * _DAY,
    )


@cache
def waiver_token() -> str:
    return sign_document(waiver(), WALLET.sign)


@cache
def state_token() -> str:
    state = EvaluationState(
        **world.common("evaluation state"),
        iss=THIRD,
        aud=CENTRE,
        waiver=document_digest(waiver_token()).hex(),
        state="superseded",
        since=NOW + 10 * _DAY,
    )
    return sign_document(state, world.identity(THIRD).sign)


def documents() -> list[tuple[str, str]]:
    """Name of the key that signs, and document."""
    return [("wallet", waiver_token()), (f"{THIRD} identity", state_token())]


def parts() -> dict[str, Any]:
    """What the documents stand on."""
    return {
        "fields": FIELDS,
        "evidence": canonical_json(msgspec.to_builtins(evidence())).decode(),
        "exported": exported().decode(),
        "log_key": log_key(f"{THIRD} log").public.hex(),
        "rules": canonical_json(RULES).decode(),
    }
