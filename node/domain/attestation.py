"""Attestations 核验记录: who checked which fields of which version of a record, how, and with what result.

They are records of category `subject.attestation` (docs/formats/attestation.md) that only a subject's home writes,
and that the subject grants like its other records. What one is worth to a reader is decided here and nowhere else:

    an attestation counts for a field of a record if both stand in the same home's log and belong to the same
    subject, it names exactly this category, thing and version, and it lists the field without a difference
"""

import enum
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from node.domain.evidence import VerifiedRecord
from node.domain.record import RecordHeader
from node.domain.values import TimeValue, Value, is_time
from node.errors import RecordFormatError

ATTESTATION_CATEGORY = "subject.attestation"
SALT_BYTES = 32
MAX_FIELDS = 64
_EVIDENCE_TAG = b"heqi.attestation-evidence.v1\0"
_HEX_DIGITS = frozenset("0123456789abcdef")


class Attester(enum.Enum):
    """Whose word an attestation is; the home centre always writes it down."""

    HOME = "home"
    """注册中心"""
    REGISTRY = "registry"
    """登记机关（市场监管）"""
    AUTHORITY = "authority"
    """发证机关"""
    PARENT = "parent"
    """上级单位：of a branch"""


class Method(enum.Enum):
    """How it was checked."""

    CERTIFICATE = "certificate"
    """Against the certificate that vouches for the subject's wallet."""
    LOOK_UP = "look-up"
    """By asking the register."""
    ORIGINAL = "original"
    """An operator of the home saw the original."""
    DOCUMENT = "document"
    """By a document that the issuing authority signed."""
    CONFIRMATION = "confirmation"
    """By the parent's signature, under a certificate that names it."""


class Result(enum.Enum):
    """What came of it."""

    MATCH = "match"
    MISMATCH = "mismatch"
    NOT_FOUND = "not-found"
    """Whoever was asked knows of no such thing."""


_WORD_OF = {
    Method.CERTIFICATE: Attester.HOME,
    Method.LOOK_UP: Attester.REGISTRY,
    Method.ORIGINAL: Attester.HOME,
    Method.DOCUMENT: Attester.AUTHORITY,
    Method.CONFIRMATION: Attester.PARENT,
}


@dataclass(frozen=True, slots=True)
class About:
    """One version of one record of the subject."""

    category: str
    thing: str
    version: int


@dataclass(frozen=True, slots=True)
class Attestation:
    """What an attestation says."""

    about: About
    fields: tuple[str, ...]
    """That were checked, strictly ascending, at least one."""
    method: Method
    attester: str
    """Name: the home's member name, the register's or the authority's own; 1 to 200 characters."""
    result: Result
    checked: str
    """When, RFC 3339 UTC."""
    evidence: str
    """`evidence_digest` of what it rests on, 64 hex digits."""
    evidence_salt: str
    """64 hex digits."""
    differs: tuple[str, ...] = ()
    """Those of `fields` that differ, strictly ascending; only and always for a mismatch."""
    state: str = ""
    """What the register says became of the company (`RegistryState`); empty for other methods."""

    @property
    def kind(self) -> Attester:
        """Whose word it is."""
        return _WORD_OF[self.method]


@dataclass(frozen=True, slots=True)
class FieldStanding:
    """What attestations say of one shown field of one record."""

    field: str
    attested: tuple[Attestation, ...]
    """Of this very version, and the value was found right."""
    disputed: tuple[Attestation, ...]
    """Of this very version, and the value was found to differ, or the thing not to exist."""
    outdated: tuple[Attestation, ...]
    """Of another version: they say nothing of this one."""


def evidence_digest(salt: bytes, evidence: bytes) -> str:
    """SHA-256("heqi.attestation-evidence.v1" ‖ 0x00 ‖ salt ‖ evidence), 64 hex digits."""
    return hashlib.sha256(_EVIDENCE_TAG + salt + evidence).hexdigest()


def check_attestation(attestation: Attestation) -> None:
    """Refuse one that says nothing clear.

    Raises:
        RecordFormatError: names the rule that it breaks.
    """
    fields, differs = attestation.fields, attestation.differs
    if not 1 <= len(fields) <= MAX_FIELDS or list(fields) != sorted(set(fields)):
        raise RecordFormatError(f"an attestation names 1 to {MAX_FIELDS} fields, once each, ascending")
    if list(differs) != sorted(set(differs)) or not set(differs) <= set(fields):
        raise RecordFormatError("what differs must be among the fields that were checked, ascending")
    if bool(differs) != (attestation.result is Result.MISMATCH):
        raise RecordFormatError("a mismatch says which fields differ, and nothing else does")
    if attestation.about.version < 1 or not attestation.about.thing:
        raise RecordFormatError("an attestation is about one version of one thing")
    if attestation.about.category == ATTESTATION_CATEGORY:
        raise RecordFormatError("an attestation is not about another attestation")
    if not 1 <= len(attestation.attester) <= 200 or not attestation.attester.isprintable():
        raise RecordFormatError("the attester's name has 1 to 200 printable characters")
    if not is_time(attestation.checked):
        raise RecordFormatError("checked: must be RFC 3339 with a zone")
    for digest in (attestation.evidence, attestation.evidence_salt):
        if len(digest) != 64 or not set(digest) <= _HEX_DIGITS:
            raise RecordFormatError("evidence and its salt are 64 lower-case hex digits each")
    if bool(attestation.state) != (
        attestation.method is Method.LOOK_UP and attestation.result is not Result.NOT_FOUND
    ):
        raise RecordFormatError("the company's state is what a register found, and nobody else says it")


def fields_of(attestation: Attestation) -> dict[str, Value]:
    """The fields of its record.

    Raises:
        RecordFormatError: see `check_attestation`.
    """
    check_attestation(attestation)
    fields: dict[str, Value] = {
        "about_category": attestation.about.category,
        "about_thing": attestation.about.thing,
        "about_version": attestation.about.version,
        "fields": attestation.fields,
        "attester_kind": attestation.kind.value,
        "attester": attestation.attester,
        "method": attestation.method.value,
        "result": attestation.result.value,
        "checked": TimeValue(attestation.checked),
        "evidence": attestation.evidence,
        "evidence_salt": attestation.evidence_salt,
    }
    if attestation.differs:
        fields["differs"] = attestation.differs
    if attestation.state:
        fields["state"] = attestation.state
    return fields


ALL_FIELDS = (
    "about_category",
    "about_thing",
    "about_version",
    "attester",
    "attester_kind",
    "checked",
    "differs",
    "evidence",
    "evidence_salt",
    "fields",
    "method",
    "result",
    "state",
)
"""What a reader asks for who wants to rely on attestations."""


def read_attestation(fields: Mapping[str, object]) -> Attestation:
    """What the shown fields of an attestation's record say.

    A subject may show a part of an attestation. One of which something is missing that could turn its meaning, such
    as what differs, is none.

    Args:
        fields: plain JSON values by name.

    Raises:
        RecordFormatError: a field is missing, or says something that no attestation says.
    """
    try:
        method = Method(_text(fields, "method"))
        attestation = Attestation(
            about=About(
                _text(fields, "about_category"),
                _text(fields, "about_thing"),
                _integer(fields, "about_version"),
            ),
            fields=_names(fields, "fields"),
            method=method,
            attester=_text(fields, "attester"),
            result=Result(_text(fields, "result")),
            checked=_text(fields, "checked"),
            evidence=_text(fields, "evidence"),
            evidence_salt=_text(fields, "evidence_salt"),
            differs=_names(fields, "differs") if "differs" in fields else (),
            state=_text(fields, "state") if "state" in fields else "",
        )
    except ValueError as error:
        raise RecordFormatError(f"not an attestation: {error}") from error
    if _text(fields, "attester_kind") != attestation.kind.value:
        raise RecordFormatError(f"not an attestation: {method.value} is not the word of that attester")
    check_attestation(attestation)
    return attestation


def standings(record: VerifiedRecord, others: Sequence[VerifiedRecord]) -> list[FieldStanding]:
    """What attestations among other verified records say of each shown field of a record, in order of names.

    Args:
        record: checked against its home's log.
        others: checked likewise, in any order; what is no attestation, of another home or of another subject says
            nothing, and neither does one of which too little was shown.
    """
    said = [
        attestation
        for other in others
        if _is_fellow(other.header, record.header) and (attestation := _read(other)) is not None
        if (attestation.about.category, attestation.about.thing)
        == (record.header.category, record.header.thing)
    ]
    found = []
    for field in sorted(record.fields):
        about = [one for one in said if field in one.fields]
        here = [one for one in about if one.about.version == record.header.version]
        right = tuple(one for one in here if _is_right(one, field))
        wrong = tuple(one for one in here if one not in right and _is_wrong(one, field))
        outdated = tuple(one for one in about if one.about.version != record.header.version)
        found.append(FieldStanding(field, right, wrong, outdated))
    return found


def _is_fellow(header: RecordHeader, of: RecordHeader) -> bool:
    """Whether it is an attestation by the same home for the same subject."""
    return header.category == ATTESTATION_CATEGORY and (
        (header.alliance, header.member, header.owner) == (of.alliance, of.member, of.owner)
    )


def _is_right(attestation: Attestation, field: str) -> bool:
    return attestation.result is not Result.NOT_FOUND and field not in attestation.differs


def _is_wrong(attestation: Attestation, field: str) -> bool:
    return attestation.result is Result.NOT_FOUND or field in attestation.differs


def _read(record: VerifiedRecord) -> Attestation | None:
    try:
        return read_attestation(record.fields)
    except RecordFormatError:
        return None


def _text(fields: Mapping[str, object], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str):
        raise RecordFormatError(f"not an attestation: {name} is not shown, or no text")
    return value


def _integer(fields: Mapping[str, object], name: str) -> int:
    value = fields.get(name)
    if type(value) is not int:
        raise RecordFormatError(f"not an attestation: {name} is not shown, or no integer")
    return value


def _names(fields: Mapping[str, object], name: str) -> tuple[str, ...]:
    value = fields.get(name)
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
        raise RecordFormatError(f"not an attestation: {name} is not shown, or no list of names")
    return tuple(value)
