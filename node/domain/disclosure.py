"""Fields committed one by one, the SD-JWT way, so that any subset can be shown and checked.

A field's disclosure is base64url(JSON [salt, name, value]) and its digest base64url(SHA-256(disclosure)). The
record carries the sorted digests, filled up with decoys to a fixed number, so that a field that is absent does
not show. All secrets of a record come from one 32-byte random seed through SHAKE-256, so a node keeps the seed
and the values, and makes salts, decoys and digests anew when it needs them:

    SHAKE-256("heqi.record.v1" ‖ seed) = blind[32] ‖ salt[18] per field in order of names ‖ decoy[32] per free slot

Knowing some of this output tells nothing of the rest. Source: RFC 9901 4.2 (decoys: 4.2.5).
"""

import hashlib
from binascii import b2a_base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import orjson

from node.domain.encoding import from_base64url, parse_canonical_json
from node.domain.values import check_fields, from_json_value
from node.errors import DisclosureError, DocumentFormatError, RecordFormatError

SEED_BYTES = 32
BLIND_BYTES = 32
SALT_BYTES = 18  # a multiple of three: all salts of a record become base64 in one call, without padding
_SALT_CHARS = 24
_DIGEST_BYTES = 32
_DIGEST_CHARS = 43
_TO_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_XOF_TAG = b"heqi.record.v1"
_MAX_DISCLOSURE_CHARS = 1 << 20


@dataclass(frozen=True, slots=True)
class Commitments:
    """What a record publishes of its fields, and what opens them."""

    blind: bytes
    """32 bytes that hide the payload in the log entry."""
    disclosures: Mapping[str, str]
    """Disclosure by field name."""
    digests: Sequence[str]
    """Sorted base64url digests, decoys included; always as many as the category has slots."""


@dataclass(frozen=True, slots=True)
class Field:
    """A disclosed field after its disclosure was taken apart."""

    name: str
    value: object
    """Plain JSON value: decimals, dates and times are strings."""


def commit_fields(fields: Mapping[str, object], seed: bytes, slots: int) -> Commitments:
    """Commit to the fields of one record.

    Args:
        fields: plain JSON value by name, already checked; at most `slots` of them.
        seed: 32 random bytes, used for this record only.
        slots: how many digests records of this category carry.
    """
    names = sorted(fields)
    salts_end = BLIND_BYTES + SALT_BYTES * len(names)
    stream = hashlib.shake_256(_XOF_TAG + seed).digest(salts_end + _DIGEST_BYTES * (slots - len(names)))
    salts = _base64url(stream[BLIND_BYTES:salts_end]).decode("ascii")
    dumps, sha256 = orjson.dumps, hashlib.sha256
    texts = [
        dumps([salts[at : at + _SALT_CHARS], name, fields[name]], option=orjson.OPT_SORT_KEYS)
        for at, name in zip(range(0, len(salts), _SALT_CHARS), names, strict=True)
    ]
    # Made URL-safe and stripped of padding in one pass over all of them.
    lines = b"".join([b2a_base64(text) for text in texts])
    opened = lines.translate(_TO_URL_SAFE, b"=").splitlines()
    digests = [sha256(disclosure).digest() for disclosure in opened]
    digests += [stream[at : at + _DIGEST_BYTES] for at in range(salts_end, len(stream), _DIGEST_BYTES)]
    return Commitments(
        blind=stream[:BLIND_BYTES],
        disclosures=dict(zip(names, [disclosure.decode("ascii") for disclosure in opened], strict=True)),
        digests=_sorted_base64url(digests),
    )


def open_disclosures(disclosures: Iterable[str], digests: Sequence[str]) -> list[Field]:
    """Check that each disclosure belongs to the digests and take it apart.

    Raises:
        DisclosureError: one does not belong, is malformed, or two have one name.
    """
    known, fields, seen = set(digests), [], set()
    for disclosure in disclosures:
        field = _parse_disclosure(disclosure)
        digest = _base64url(hashlib.sha256(disclosure.encode("ascii")).digest()).decode("ascii")
        if digest not in known:
            raise DisclosureError(f"the disclosed field {field.name!r} does not belong to the record")
        if field.name in seen:
            raise DisclosureError(f"the field {field.name!r} is disclosed twice")
        seen.add(field.name)
        fields.append(field)
    return fields


def _parse_disclosure(disclosure: str) -> Field:
    if len(disclosure) > _MAX_DISCLOSURE_CHARS:
        raise DisclosureError("a disclosure is too long")
    try:
        match parse_canonical_json(from_base64url(disclosure)):
            case [str(salt), str(name), value] if len(from_base64url(salt)) == SALT_BYTES:
                # Whatever a record cannot hold, a verifier does not show.
                check_fields({name: from_json_value(value)})
                return Field(name, value)
    except (DocumentFormatError, RecordFormatError) as error:
        raise DisclosureError(f"a disclosure is malformed: {error}") from error
    raise DisclosureError("a disclosure is not [salt, name, value]")


def _base64url(raw: bytes) -> bytes:
    return b2a_base64(raw, newline=False).translate(_TO_URL_SAFE).rstrip(b"=")


def _sorted_base64url(digests: Sequence[bytes]) -> list[str]:
    # One base64 call for all: with a zero byte behind each digest every 33 bytes become 44 characters, of
    # which the first 43 are the digest's own and the last is always 'A'.
    text = _base64url(b"\0".join([*digests, b""])).decode("ascii")
    return sorted([text[at : at + _DIGEST_CHARS] for at in range(0, len(text), _DIGEST_CHARS + 1)])
