"""Domain values and records to and from `heqi.v1` messages: the only file that knows both."""

from collections.abc import Iterable, Sequence

from heqi.v1 import access_service_pb2, record_pb2

from node.domain.attestation import ATTESTATION_CATEGORY, Attestation, standings
from node.domain.draft import RecordDraft
from node.domain.encoding import canonical_json
from node.domain.evidence import VerifiedRecord
from node.domain.grant import Scope
from node.domain.values import DateValue, DecimalValue, TimeValue, Value
from node.errors import RecordFormatError

MAX_DEPTH = 16


def draft_from_record(record: record_pb2.Record) -> RecordDraft:
    """The draft that a message states; the rules of its category are not checked here.

    Raises:
        RecordFormatError: a value is malformed, or something is stated twice.
    """
    return RecordDraft(
        category=record.category,
        thing=record.thing,
        owner=record.subject_id or None,
        source_system=record.source_system,
        source_version=record.source_version,
        occurred=record.occurred or None,
        fields=_fields(record.fields, 0),
        project=record.project,
    )


def record_from_draft(draft: RecordDraft) -> record_pb2.Record:
    """The message for a draft from a centre's system."""
    return record_pb2.Record(
        category=draft.category,
        thing=draft.thing,
        source_system=draft.source_system,
        source_version=draft.source_version,
        occurred=draft.occurred or "",
        project=draft.project,
        subject_id=draft.owner or "",
        fields=[
            record_pb2.NamedValue(name=name, value=_message(value)) for name, value in draft.fields.items()
        ],
    )


def scopes_from_messages(messages: Iterable[access_service_pb2.Scope]) -> list[Scope]:
    """Scopes in the canonical order: sorted by category, fields sorted, each once."""
    scopes = [Scope(m.category, tuple(sorted(set(m.fields))), m.least_version or 1) for m in messages]
    return sorted(scopes, key=lambda scope: scope.category)


def verified_record_message(
    record: VerifiedRecord, others: Sequence[VerifiedRecord] = ()
) -> record_pb2.VerifiedRecord:
    """A verified record for the centre's own systems.

    Args:
        record: to be shown.
        others: records of the same read: attestations among them say what the fields are worth.
    """
    header = record.header
    said = standings(record, others) if header.category != ATTESTATION_CATEGORY else []
    return record_pb2.VerifiedRecord(
        category=header.category,
        thing=header.thing,
        version=header.version,
        owner=header.owner,
        member=header.member,
        captured=header.captured,
        index=record.index,
        fields_json=canonical_json(record.fields).decode(),
        standings=[
            record_pb2.FieldStanding(
                field=one.field,
                attested=map(attestation_message, one.attested),
                disputed=map(attestation_message, one.disputed),
                outdated=map(attestation_message, one.outdated),
            )
            for one in said
            if one.attested or one.disputed or one.outdated
        ],
    )


def attestation_message(attestation: Attestation) -> record_pb2.Attestation:
    """An attestation for the centre's own systems."""
    about = attestation.about
    return record_pb2.Attestation(
        about_category=about.category,
        about_thing=about.thing,
        about_version=about.version,
        fields=attestation.fields,
        attester_kind=attestation.kind.value,
        attester=attestation.attester,
        method=attestation.method.value,
        result=attestation.result.value,
        differs=attestation.differs,
        checked=attestation.checked,
        evidence=attestation.evidence,
        evidence_salt=attestation.evidence_salt,
        state=attestation.state,
    )


def _fields(entries: Iterable[record_pb2.NamedValue], depth: int) -> dict[str, Value]:
    fields: dict[str, Value] = {}
    for entry in entries:
        name, value = entry.name, entry.value
        if name in fields:
            raise RecordFormatError(f"{name!r} is stated twice")
        # Most fields are texts: spare them the call.
        fields[name] = value.text if value.WhichOneof("kind") == "text" else _value(value, depth)
    return fields


def _value(message: record_pb2.Value, depth: int) -> Value:
    if depth > MAX_DEPTH:
        raise RecordFormatError(f"lists and objects are more than {MAX_DEPTH} deep")
    kind = message.WhichOneof("kind")
    match kind:
        case "text":
            return message.text
        case "integer":
            return message.integer
        case "decimal":
            return DecimalValue(message.decimal)
        case "boolean":
            return message.boolean
        case "date":
            return DateValue(message.date)
        case "time":
            return TimeValue(message.time)
        case "list":
            return tuple(_value(item, depth + 1) for item in message.list.values)
        case "object":
            return _fields(message.object.entries, depth + 1)
        case _:
            raise RecordFormatError("a field is stated without a value; leave it out instead")


def _message(value: Value) -> record_pb2.Value:
    match value:
        case bool():
            return record_pb2.Value(boolean=value)
        case str():
            return record_pb2.Value(text=value)
        case int():
            return record_pb2.Value(integer=value)
        case DecimalValue(digits):
            return record_pb2.Value(decimal=digits)
        case DateValue(text):
            return record_pb2.Value(date=text)
        case TimeValue(text):
            return record_pb2.Value(time=text)
        case tuple():
            return record_pb2.Value(list=record_pb2.ListValue(values=[_message(item) for item in value]))
        case _:
            entries = [record_pb2.NamedValue(name=key, value=_message(item)) for key, item in value.items()]
            return record_pb2.Value(object=record_pb2.ObjectValue(entries=entries))
