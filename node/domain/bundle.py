"""Evidence bundles: one file that anybody can check without network, store or trust in who hands it over.

A bundle holds records with the fields that may be seen, under a signed checkpoint; cosignatures of other members
and proofs of what the ledger held; who kept it all and how; and, if the records were read at another centre, the
grant, the delegation and the signed answer that show by what right. `node.domain.bundle_check` checks it
(`docs/formats/bundle.md`).
"""

import hashlib
from typing import Annotated

import msgspec
from msgspec.structs import replace

from node.domain.consent import ShownConsent
from node.domain.encoding import canonical_json, decode_canonical
from node.domain.evidence import Evidence
from node.domain.ledger_proof import LedgerProof
from node.domain.succession import ShownSuccession
from node.errors import DocumentFormatError, ProofFormatError

BUNDLE_TYPE = "heqi.bundle.v1"
MAX_BUNDLE_BYTES = 16 << 20
MAX_LATER = 2
MAX_LEDGER_PROOFS = 2


class Authority(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """By what right records of a subject were read; the first four members are compact JWS."""

    grant: str
    delegation: str
    request: str
    answer: str
    status: str = ""
    """Base64url of the `StatusProof` of the delegation; left out if there is none."""
    consents: tuple[ShownConsent, ...] = ()
    """Of the people whose fields are shown; left out if there are none."""
    approval_status: str = ""
    """Base64url of the `StatusProof` of the second officer's delegation; left out if there is none."""


class LegalAuthority(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """On what legal basis records of a subject were read without a grant; compact JWS."""

    read: str
    request: str
    countersignature: str
    answer: str


class LaterCheckpoint(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A checkpoint of the same log that contains the evidence's, or is the same with cosignatures."""

    checkpoint: str
    """The signed note, cosignatures included."""
    consistency: tuple[str, ...]
    """Base64url nodes of the RFC 6962 consistency proof from the evidence's size; empty for the same size."""


class Bundle(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The file."""

    type: str
    alliance: str
    member: str
    """Centre whose log holds the records."""
    evidence: Evidence
    authority: Authority | None = None
    successions: tuple[ShownSuccession, ...] = ()
    """Changes of keys since the descriptor, of whoever signed something here, oldest first."""
    later: Annotated[tuple[LaterCheckpoint, ...], msgspec.Meta(max_length=MAX_LATER)] = ()
    """What was cosigned, and what was anchored, where it is not the evidence's own checkpoint; ascending sizes."""
    ledger: Annotated[tuple[LedgerProof, ...], msgspec.Meta(max_length=MAX_LEDGER_PROOFS)] = ()
    """What the ledger held, in ascending order of blocks."""
    custody: str = ""
    """`Custody`, a compact JWS; left out if nobody signs for it."""
    legal: LegalAuthority | None = None
    """Instead of `authority`, where there was no grant."""


def encode_bundle(bundle: Bundle) -> bytes:
    """Canonical JSON."""
    return canonical_json(msgspec.to_builtins(bundle))


def bundle_digest(bundle: Bundle) -> str:
    """SHA-256 of the bundle without its custody, 64 hex digits: what the keeper signs."""
    return hashlib.sha256(encode_bundle(replace(bundle, custody=""))).hexdigest()


def parse_bundle(raw: bytes) -> Bundle:
    """Read a bundle without believing it.

    Raises:
        ProofFormatError: it is none, in the one allowed encoding.
    """
    if len(raw) > MAX_BUNDLE_BYTES:
        raise ProofFormatError(f"a bundle has at most {MAX_BUNDLE_BYTES} bytes")
    try:
        bundle = decode_canonical(raw, Bundle)
    except DocumentFormatError as error:
        raise ProofFormatError(f"not a bundle: {error}") from error
    if bundle.type != BUNDLE_TYPE:
        raise ProofFormatError(f"unknown bundle type {bundle.type!r}")
    return bundle
