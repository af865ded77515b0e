"""Consents: what a person agreed to have handed on about itself, to whom, for what, until when.

A company's grant is not enough for people in its records. Every personal field that leaves a home needs a consent
of that person for this receiver and purpose, and a sensitive one a separate consent that says why it is needed. A
consent is signed by the person's own key, which the record names, or recorded by the company with its evidence.

Source: PIPL art. 14, 15, 23, 28 to 30; docs/formats/consent.md.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, TypeAlias, TypeVar

import msgspec

from node.domain.category import category
from node.domain.controller import ControllerKey
from node.domain.disclosure import open_disclosures
from node.domain.document import Document, document_digest, open_by_controller, peek_document
from node.domain.encoding import Hex32, Seconds, canonical_json, decode_canonical
from node.domain.evidence import VerifiedRecord
from node.domain.grant import Purpose
from node.domain.record import parse_payload
from node.errors import ConsentError, DisclosureError, DocumentFormatError, NodeError, RecordFormatError

KEY_FIELD = "consent_key"
"""Field of a personal record that names the person's key, as documents name keys."""
MAX_VALIDITY_SECONDS = 1_098 * 86_400
_EVIDENCE_TAG = b"heqi.consent-evidence.v1\0"

Told = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class Terms(Document, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a person agrees to."""

    subject: Hex32
    """Whose record it is, 64 hex digits."""
    home: str
    """Member that hands the data on."""
    key: ControllerKey
    """That signs this document."""
    category: str
    thing: str
    """With `category`: the record about the person."""
    receiver: str
    """The one member that may read."""
    receiver_name: Told
    contact: Told
    """How to reach the receiver, as the person was told."""
    purpose: Purpose
    way: Told
    """How the receiver will handle the data."""
    fields: tuple[str, ...]
    """Strictly ascending; all sensitive, or none."""
    separate: bool
    """Whether this is a separate consent for sensitive fields."""
    necessity: Annotated[str, msgspec.Meta(max_length=500)]
    """Why sensitive fields are needed and what that means for the person; empty if and only if not separate."""
    nbf: Seconds
    exp: Seconds


class PersonConsent(Terms, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Signed by the person's own key."""

    kind: ClassVar[str] = "person-consent"


class RecordedConsent(Terms, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Signed by the subject's controller, which answers for it that the person agreed."""

    kind: ClassVar[str] = "recorded-consent"

    evidence: Literal["paper", "recording", "electronic"]
    digest: Hex32
    """`evidence_digest` of the file, 64 hex digits."""
    recorder: Told
    """Who recorded it: an office, not a name."""
    given: Seconds
    """When the person agreed."""


Consent: TypeAlias = PersonConsent | RecordedConsent
C = TypeVar("C", PersonConsent, RecordedConsent)


class ConsentWithdrawal(Document, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """As easy as giving: one signature, at any member."""

    kind: ClassVar[str] = "consent-withdrawal"

    subject: Hex32
    home: str
    consent: Hex32
    """Id of the consent, 64 hex digits."""
    key: ControllerKey
    """Signs this document."""


class ConsentReceipt(Document, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The home has a consent, or its withdrawal; signed by the home's identity key."""

    kind: ClassVar[str] = "consent-receipt"

    iss: str
    """Home."""
    consent: Hex32
    withdrawal: Annotated[str, msgspec.Meta(pattern=r"^([0-9a-f]{64})?\Z")]
    """Id of the withdrawal; empty while there is none."""


class ShownConsent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A consent beside the record that it is about."""

    consent: str
    """The document."""
    key: str
    """Disclosure of the record's `consent_key`; empty for a recorded consent."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a read asks of a person's consent."""

    alliance: str
    subject: str
    home: str
    receiver: str
    purpose: str
    at: int
    """Seconds since 1970 UTC."""


def evidence_digest(salt: bytes, file: bytes) -> str:
    """What a recorded consent says of its paper or recording, 64 hex digits; `salt` is 32 random bytes."""
    return hashlib.sha256(_EVIDENCE_TAG + salt + file).hexdigest()


def open_consent(token: str) -> Consent:
    """A well-formed consent that is signed by the key it names itself. Whose key that is, the caller checks.

    Raises:
        DocumentFormatError: a member breaks a rule.
        SignatureError: not signed by that key.
    """
    kind = kind_of(token)
    claimed = peek_document(token, kind)
    check_terms(claimed)
    return open_by_controller(token, kind, claimed.key)


def kind_of(token: str) -> type[PersonConsent] | type[RecordedConsent]:
    """Which of the two kinds a consent claims to be.

    Raises:
        DocumentFormatError: neither.
    """
    try:
        peek_document(token, PersonConsent)
    except DocumentFormatError:
        peek_document(token, RecordedConsent)
        return RecordedConsent
    return PersonConsent


def check_terms(consent: Consent) -> None:
    """Check what a consent says, apart from its signature.

    Raises:
        DocumentFormatError: a member breaks a rule.
    """
    try:
        kind = category(consent.category)
    except RecordFormatError as error:
        raise DocumentFormatError(str(error)) from error
    named = frozenset(consent.fields)
    if not named or list(consent.fields) != sorted(named):
        raise DocumentFormatError("the fields of a consent must be named once each, sorted")
    meant = kind.sensitive if consent.separate else kind.personal - kind.sensitive
    if not named <= meant:
        wanted = "sensitive" if consent.separate else "personal and not sensitive"
        raise DocumentFormatError(
            f"not {wanted} in {consent.category}: {', '.join(sorted(named - meant))}; sensitive fields need a "
            "separate consent (PIPL 29)"
        )
    if bool(consent.necessity.strip()) is not consent.separate:
        raise DocumentFormatError("a separate consent says why the fields are needed, and no other does")
    if not consent.nbf < consent.exp <= consent.nbf + MAX_VALIDITY_SECONDS:
        raise DocumentFormatError("a consent must end after it begins, and within three years")
    if isinstance(consent, RecordedConsent) and consent.given > consent.iat:
        raise DocumentFormatError("a consent cannot be recorded before it was given")


def open_withdrawal(token: str) -> ConsentWithdrawal:
    """A withdrawal that is signed by the key it names itself.

    Raises:
        DocumentFormatError: malformed.
        SignatureError: not signed by that key.
    """
    return open_by_controller(token, ConsentWithdrawal, peek_document(token, ConsentWithdrawal).key)


def is_for(consent: Consent, asked: Asked) -> bool:
    """Whether a consent names this alliance, subject, home, receiver and purpose, and is in force."""
    named = (consent.alliance, consent.subject, consent.home, consent.receiver, consent.purpose)
    wanted = (asked.alliance, asked.subject, asked.home, asked.receiver, asked.purpose)
    return named == wanted and consent.nbf <= asked.at < consent.exp


def lacking(name: str, fields: Iterable[str], consents: Iterable[Consent]) -> frozenset[str]:
    """The personal ones among the fields of a record in category `name` that none of its consents covers."""
    kind = category(name)
    ordinary, separate = set[str](), set[str]()
    for consent in consents:
        (separate if consent.separate else ordinary).update(consent.fields)
    return frozenset(
        field
        for field in kind.personal & frozenset(fields)
        if field not in (separate if field in kind.sensitive else ordinary)
    )


def encode_shown(shown: Iterable[ShownConsent]) -> bytes:
    """Canonical JSON, ascending by id; empty for none."""
    ordered = sort_shown(shown)
    return canonical_json(msgspec.to_builtins(ordered)) if ordered else b""


def sort_shown(shown: Iterable[ShownConsent]) -> tuple[ShownConsent, ...]:
    """Ascending by the document's id."""
    return tuple(sorted(shown, key=lambda one: document_digest(one.consent)))


def parse_shown(raw: bytes) -> tuple[ShownConsent, ...]:
    """Read shown consents without believing them.

    Raises:
        DocumentFormatError: not in the one allowed encoding, or not ascending.
    """
    if not raw:
        return ()
    shown = decode_canonical(raw, tuple[ShownConsent, ...])
    check_order(shown)
    return shown


def check_order(shown: Sequence[ShownConsent]) -> None:
    """Check that shown consents stand in the one allowed order.

    Raises:
        DocumentFormatError: not strictly ascending.
    """
    ids = [document_digest(one.consent) for one in shown]
    if ids != sorted(set(ids)):
        raise DocumentFormatError("consents stand in ascending order of their ids, each once")


def check_consents(
    records: Sequence[VerifiedRecord], shown: Sequence[ShownConsent], asked: Asked, controllers: Iterable[str]
) -> list[Consent]:
    """Check that every personal field that is shown has its person's consent, as anybody can.

    Args:
        records: verified, of one subject.
        shown: what the home, or a bundle, shows beside them.
        asked: what it must be for.
        controllers: keys that speak for the subject here, hex: whoever signed the grant.

    Returns:
        The consents, in their order.

    Raises:
        ConsentError: one is lacking, false, or about something else.
    """
    by_place = {(one.header.category, one.header.thing): one for one in records}
    found: dict[tuple[str, str], list[Consent]] = {place: [] for place in by_place}
    try:
        check_order(shown)
        opened = [(open_consent(one.consent), one.key) for one in shown]
    except NodeError as error:
        raise ConsentError(f"a consent is false: {error}") from error
    for consent, disclosure in opened:
        record = by_place.get((consent.category, consent.thing))
        if record is None or not is_for(consent, asked):
            raise ConsentError("a consent is for another record, receiver, purpose or time")
        _check_signer(consent, disclosure, record, frozenset(controllers))
        found[consent.category, consent.thing].append(consent)
    for place, record in by_place.items():
        if missing := lacking(place[0], record.fields, found[place]):
            raise ConsentError(
                f"no consent of its person covers {', '.join(sorted(missing))} of a {place[0]}"
            )
    return [consent for consent, _ in opened]


def _check_signer(
    consent: Consent, disclosure: str, record: VerifiedRecord, controllers: frozenset[str]
) -> None:
    if isinstance(consent, RecordedConsent):
        if disclosure or consent.key not in controllers:
            raise ConsentError("a recorded consent is not by who signed the grant")
        return
    try:
        [field] = open_disclosures([disclosure], parse_payload(record.payload)[1])
    except DisclosureError as error:
        raise ConsentError(f"the record does not name the person's key: {error}") from error
    if (field.name, field.value) != (KEY_FIELD, consent.key):
        raise ConsentError("a consent is signed by another key than the one that the record names")


def personal_fields(scope: Mapping[str, Iterable[str]]) -> Iterator[tuple[str, frozenset[str]]]:
    """Of the fields wanted by category, those that are about a person; categories without any are left out."""
    for name, fields in scope.items():
        if found := category(name).personal & frozenset(fields):
            yield name, found
