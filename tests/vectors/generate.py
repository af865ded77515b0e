"""Writes the vector files beside it: `python -m tests.vectors.generate`. Deterministic; a test compares.

A change in these files is a change of format: whoever has data or another implementation is concerned.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from node.domain import merkle
from node.domain.bundle import encode_bundle, parse_bundle
from node.domain.bundle_check import Verifier, verify_bundle
from node.domain.category import categories
from node.domain.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from node.domain.descriptor import descriptor_digest
from node.domain.disclosure import BLIND_BYTES, SALT_BYTES
from node.domain.document import Document, document_digest, open_document, sign_document, split_document
from node.domain.encoding import canonical_json, from_base64url, to_base64url, to_rfc3339
from node.domain.grant import Grant, open_grant
from node.domain.ledger_proof import LedgerProof, encode_ledger_proof
from node.domain.login import parse_challenge
from node.domain.proven_state import open_ledger_proof
from node.errors import NodeError
from tests.vectors import (
    approval_vectors,
    archive_vectors,
    attestation_vectors,
    authority,
    catalogue_vectors,
    chain,
    consent_vectors,
    desk_vectors,
    erasure_vectors,
    guarantee_file_vectors,
    guarantee_story,
    ledger_vectors,
    login_vectors,
    mandate_vectors,
    refusals,
    sealed_vectors,
    story,
    trust_vectors,
    waiver_vectors,
    wallet_calls,
    world,
)
from tests.vectors.false_bundles import false_bundles
from tests.vectors.keys import P256TestKey, log_key, p256
from tests.vectors.world import ALLIANCE, CENTRES, GUARANTOR, HOME, READER, THIRD, WALLET

FOLDER = Path(__file__).parent
Vectors = Mapping[str, Any]


def main(folder: Path = FOLDER) -> None:
    for name, make in TOPICS.items():
        text = json.dumps(make(), ensure_ascii=False, indent=1)
        (folder / name).write_text(text + "\n", encoding="utf-8")


def keys() -> Vectors:
    """Private keys included, so that another implementation can sign the same."""
    return {
        "p256": {
            name: {"private": f"{key.scalar:064x}", "public": key.public.hex()}
            for name, key in _p256_keys().items()
        },
        "ed25519": {
            name: {"private": log_key(name).seed.hex(), "public": log_key(name).public.hex()}
            for name in (f"{member} log" for member in CENTRES)
        },
    }


def _p256_keys() -> Mapping[str, P256TestKey]:
    names = [f"{member} identity" for member in (*CENTRES, GUARANTOR)]
    names += [
        "first officer",
        "second officer",
        "wallet",
        "attorney",
        "next wallet",
        "beneficiary wallet",
        "bidder certificate",
        "authority Test root",
        consent_vectors.PERSON,
    ]
    return {name: p256(name) for name in names} | {
        "applicant of the guarantee": guarantee_story.applicant_key(),
        "beneficiary of the guarantee": guarantee_story.beneficiary_key(),
    }


def canonical() -> Vectors:
    values = (
        {"b": 1, "a": [True, False, "x"], "": {}, "A": []},
        {"text": '合契 \U0001f3d7 é \x00\x1f\x7f"\\/\b\f\n\r\t\u2028'},
        {"n": [0, -1, 2**53 - 1, -(2**53) + 1]},
    )
    return {
        "canonical": [{"value": value, "bytes": canonical_json(value).hex()} for value in values],
        "refused": [{"why": why, "bytes": raw.hex()} for why, raw in refusals.JSON],
        "base64url": [{"bytes": raw.hex(), "text": to_base64url(raw)} for raw in (b"", b"\xfb\xff", b"abc")],
        "base64url_refused": list(refusals.BASE64URL),
        "times": [{"seconds": at, "text": to_rfc3339(at)} for at in (0, 1772330400.125, 253402300799)],
    }


def records() -> Vectors:
    return {
        "slots": {category.name: category.slots for category in categories()},
        "records": [*(_record(name) for name in story.PLACES), _record("award")],
    }


def _record(name: str) -> Vectors:
    sealed, fields = story.record(name), story.FIELDS[name]
    names, commitments = sorted(fields), story.record(name).commitments
    salts = [json.loads(from_base64url(commitments.disclosures[field]))[0] for field in names]
    return {
        "name": name,
        "seed": story.seed(name).hex(),
        "header": msgspec.to_builtins(story.header(name)),
        "fields": fields,
        "stream_bytes": BLIND_BYTES + SALT_BYTES * len(names) + 32 * (len(commitments.digests) - len(names)),
        "blind": commitments.blind.hex(),
        "salts": dict(zip(names, salts, strict=True)),
        "disclosures": dict(commitments.disclosures),
        "digests": list(commitments.digests),
        "payload": sealed.payload.decode(),
        "entry": sealed.entry.hex(),
    }


def log() -> Vectors:
    sizes = range(1, story.LOG_SIZE + 1)
    key, size = log_key(f"{HOME} log"), story.LOG_SIZE
    inclusion = [(0, 1), (0, 2), (4, 21), (20, 21), (11, 16), (6, 7)]
    consistency = [(1, 2), (3, 7), (7, 14), (8, 21), (14, 21), (21, 21)]
    return {
        "entries": [entry.hex() for entry in story.entries()],
        "leaf_hashes": [merkle.leaf_hash(entry).hex() for entry in story.entries()],
        "roots": {"0": merkle.EMPTY_ROOT.hex()} | {str(n): story.root(n).hex() for n in sizes},
        "inclusion": [
            {"index": at, "size": n, "proof": _hexes(merkle.inclusion_proof(at, n, story.read_node))}
            for at, n in inclusion
        ],
        "consistency": [
            {"old": old, "new": new, "proof": _hexes(merkle.consistency_proof(old, new, story.read_node))}
            for old, new in consistency
        ],
        "checkpoints": [
            _checkpoint(Checkpoint(ALLIANCE, HOME, n, story.root(n)), key.public, key.sign) for n in (7, size)
        ],
        "refused": [
            {
                "why": why,
                "reason": _reason(lambda note=note: open_checkpoint(note, key.public)),
                "note": note,
            }
            for why, note in refusals.notes(story.note())
        ],
    }


def _checkpoint(checkpoint: Checkpoint, public: bytes, sign: Callable[[bytes], bytes]) -> Vectors:
    return {
        "member": checkpoint.member,
        "size": checkpoint.size,
        "root": checkpoint.root.hex(),
        "log_key": public.hex(),
        "signed_text": checkpoint.text,
        "note": sign_checkpoint(checkpoint, public, sign),
    }


def documents() -> Vectors:
    reader, home, told = f"{READER} identity", f"{HOME} identity", guarantee_story
    beneficiary = "beneficiary of the guarantee"
    names = {key: name for name, key in _p256_keys().items()}
    signed: list[tuple[str, Document]] = [
        (home, world.card(HOME)),
        (reader, story.access_request()),
        ("wallet", story.grant()),
        (reader, story.read_request()),
        (home, story.read_answer()),
        (reader, story.read_receipt()),
        (f"{told.CENTRE} identity", told.code()),
        (f"{GUARANTOR} identity", told.guarantee()),
        (beneficiary, told.release()),
        (beneficiary, told.claim()),
        *((names[wallet_calls.signer(call)], call) for call in wallet_calls.calls()),
        ("wallet", wallet_calls.acceptance()),
        ("wallet", told.pledge()),
    ]
    token = sign_document(story.grant(), WALLET.sign)
    return {
        "documents": [
            *(_document(name, sign_document(one, _p256_keys()[name].sign)) for name, one in signed),
            _document(home, world.descriptor_signature(HOME)),
            _document("bidder certificate", world.delegation_token()),
            _document("test-key-rsa-2048.pem", world.delegation_token(rsa=True)),
            _document(reader, story.read_bundle().custody),
            _document(f"{THIRD} identity", sign_document(story.case_list(), world.identity(THIRD).sign)),
            _document("wallet", erasure_vectors.request_token()),
            _document(home, erasure_vectors.receipt_token()),
            *(
                _document(name, sign_document(one, _p256_keys()[name].sign))
                for name, one in (
                    ("first officer", story.legal_request()),
                    ("second officer", story.legal_countersignature()),
                    (reader, story.legal_read()),
                    (home, story.legal_answer()),
                )
            ),
            _document("wallet", mandate_vectors.mandate_token()),
            _document("attorney", mandate_vectors.grant_token()),
            *(_document("wallet", sign_document(call, WALLET.sign)) for call in mandate_vectors.calls()),
            _document("wallet", sign_document(wallet_calls.awards_call(), WALLET.sign)),
            _document("wallet", sign_document(wallet_calls.award_grant(), WALLET.sign)),
            _document(f"{GUARANTOR} identity", guarantee_file_vectors.attachment().seal),
        ],
        "award_grant": canonical_json(msgspec.to_builtins(wallet_calls.award_grant())).decode(),
        "application_code": {
            "index_key": told.INDEX_KEY.hex(),
            "section": told.SECTION,
            "section_key": told.SECTION_KEY.hex(),
            "credit_code": authority.CREDIT_CODE,
            "code": told.CODE,
        },
        "refused_grants": [
            {
                "why": why,
                "reason": _reason(lambda bad=bad: open_document(bad, Grant, WALLET.public)),
                "token": bad,
            }
            for why, bad in refusals.tokens(token)
        ],
    }


def _document(key: str, token: str) -> Vectors:
    header, payload = split_document(token)
    signing_input, _, signature = token.rpartition(".")
    return {
        "key": key,
        "header": header,
        "payload": payload.decode(),
        "signing_input": signing_input,
        "signature": from_base64url(signature).hex(),
        "id": document_digest(token).hex(),
    }


def logins() -> Vectors:
    return {
        "challenge": str(login_vectors.CHALLENGE),
        "parts": login_vectors.parts(),
        "documents": [_document(key, token) for key, token in login_vectors.documents()],
        "refused": [
            {"why": why, "reason": _reason(lambda text=text: parse_challenge(text)), "text": text}
            for why, text in login_vectors.false_challenges()
        ],
    }


def desk() -> Vectors:
    return {
        "documents": [_document(name, token) for name, token in desk_vectors.documents()],
        "line": desk_vectors.line(),
        "bank": desk_vectors.bank(),
        "system": desk_vectors.system(),
        "rules": desk_vectors.RULES,
        "rules_sha256": hashlib.sha256(desk_vectors.RULES.encode()).hexdigest(),
    }


def consents() -> Vectors:
    told = [*consent_vectors.documents(), *consent_vectors.calls()]
    return {
        "documents": [_document(key, token) for key, token in told],
        "shown": consent_vectors.shown().decode(),
        "evidence": consent_vectors.evidence(),
    }


def approvals() -> Vectors:
    alone = msgspec.structs.replace(approval_vectors.grant(), approval="")
    return {
        "documents": [_document(key, token) for key, token in approval_vectors.documents()],
        "alone": canonical_json(msgspec.to_builtins(alone)).decode(),
        "alone_id": document_digest(sign_document(alone, WALLET.sign)).hex(),
        "refused_grants": [
            {"why": why, "reason": _reason(lambda bad=bad: open_grant(bad)), "token": bad}
            for why, bad in approval_vectors.false_grants()
        ],
    }


def sealed() -> Vectors:
    return {
        "documents": [_document(key, token) for key, token in sealed_vectors.documents()],
        **sealed_vectors.parts(),
    }


def descriptor() -> Vectors:
    return {
        "file": world.alliance_file().decode(),
        "canonical": canonical_json(msgspec.to_builtins(world.descriptor())).decode(),
        "digest": descriptor_digest(world.descriptor()),
        "certificate_subject": authority.bidder().certificate.subject.rfc4514_string(),
    }


def bundles() -> Vectors:
    right = [json.loads(story.own_bundle()), json.loads(story.bundle())]
    return {
        "bundles": [
            _bundle("own", story.own_bundle()),
            _bundle("read elsewhere", story.bundle()),
            _bundle("read on a legal basis", encode_bundle(story.legal_bundle())),
        ],
        "refused": [
            {
                "why": why,
                "reason": _reason(lambda wrong=wrong: verify_bundle(wrong, Verifier(world.descriptor()))),
                "of": 0 if wrong.authority is None else 1,
                "replace": _difference(
                    right[0 if wrong.authority is None else 1], json.loads(encode_bundle(wrong))
                ),
            }
            for why, wrong in false_bundles(story.read_bundle())
        ],
        "case": story.case().decode(),
        "ledger": _ledger_facts(story.read_bundle().ledger[0]),
    }


def _ledger_facts(proof: LedgerProof) -> Vectors:
    """What the ledger proof of the second bundle shows."""
    state = open_ledger_proof(proof, world.descriptor())
    anchor, home, grant = state.anchor(HOME), state.member(HOME), state.grant(story.granted_id())
    assert anchor is not None
    return {
        "block": {"number": state.block.number, "hash": state.block.hash.hex(), "time": state.block.time},
        "active_members": state.active_members(),
        "anchor": {"member": HOME, "size": anchor.size, "root": anchor.root.hex(), "time": anchor.time},
        "member": {"name": home.name, "active": home.is_active, "log_key": home.log_key.hex()},
        "grant": {"id": story.granted_id().hex(), "state": int(grant.standing), "expires": grant.expires},
    }


def _bundle(name: str, raw: bytes) -> Vectors:
    verified = verify_bundle(parse_bundle(raw), Verifier(world.descriptor()))
    return {
        "name": name,
        "bundle": raw.decode(),
        "records": [
            {"thing": record.header.thing, "index": record.index, "fields": dict(record.fields)}
            for record in verified.evidence.records
        ],
        "steps": [step.kind.value for step in verified.steps],
    }


def _hexes(hashes: list[bytes]) -> list[str]:
    return [value.hex() for value in hashes]


def _reason(check: Callable[[], object]) -> str:
    """The stable word for why the check refuses; to be read over whenever it changes."""
    try:
        check()
    except NodeError as error:
        return error.reason
    raise AssertionError("a vector that must be refused is not")


def _difference(right: Vectors, wrong: Vectors) -> Vectors:
    """What to put into the right bundle to get the wrong one: values by dotted path, at most two deep.

    Null stands for a member that is left out.
    """
    paths: dict[str, Any] = {}
    for name in right | wrong:
        value, other = right.get(name), wrong.get(name)
        if isinstance(value, dict) and isinstance(other, dict):
            inner = {part: other.get(part) for part in value | other if other.get(part) != value.get(part)}
            paths |= {f"{name}.{part}": changed for part, changed in inner.items()}
        elif value != other:
            paths[name] = other
    return paths


def waivers() -> Vectors:
    return {
        **waiver_vectors.parts(),
        "documents": [_document(name, token) for name, token in waiver_vectors.documents()],
    }


def archive() -> Vectors:
    return {
        "lines": archive_vectors.lines(),
        "tile_paths": archive_vectors.paths(),
        "documents": [_document(f"{HOME} identity", archive_vectors.statement())],
    }


TOPICS: Mapping[str, Callable[[], Vectors]] = {
    "keys.json": keys,
    "canonical.json": canonical,
    "record.json": records,
    "catalogue.json": catalogue_vectors.vectors,
    "log.json": log,
    "archive.json": archive,
    "documents.json": documents,
    "guarantee-file.json": guarantee_file_vectors.guarantee_file,
    "login.json": logins,
    "consent.json": consents,
    "desk.json": desk,
    "sealed.json": sealed,
    "waiver.json": waivers,
    "ledger.json": ledger_vectors.ledger,
    "ledger-proof.json": lambda: {
        "proof": encode_ledger_proof(chain.proof()).decode(),
        "facts": chain.facts(),
    },
    "descriptor.json": descriptor,
    "bundle.json": bundles,
    "trust.json": trust_vectors.trust,
    "erasure.json": erasure_vectors.vectors,
    "attestation.json": attestation_vectors.vectors,
    "mandate.json": mandate_vectors.vectors,
    "approval.json": approvals,
}

if __name__ == "__main__":
    main()
