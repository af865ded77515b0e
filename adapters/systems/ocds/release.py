"""One release to its records: which facts it states, about which things, and when.

| section | category | thing |
|---|---|---|
| parties | trade.party | `<ocid>/parties/<id>` |
| planning | trade.planning | `<ocid>/planning` |
| tender | trade.tender | `<ocid>/tender` |
| bids.details | trade.bid | `<ocid>/bids/<id>` |
| awards | trade.award | `<ocid>/awards/<id>` |
| contracts | trade.contract | `<ocid>/contracts/<id>` |
| contracts.implementation | trade.performance | `<ocid>/contracts/<id>/implementation` |

`~` and `/` inside ocid and id are written `~0` and `~1`, so that no two things share a name. The buyer is in
every record. What else a release says beside its sections is in the field `process` of its first record.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from adapters.systems.ocds.convert import Converter, to_identifier
from adapters.systems.ocds.dates import order_key, read_date
from adapters.systems.ocds.fault import FaultError
from adapters.systems.ocds.outcome import Accepted, Outcome, Parked, Reason, Summary
from adapters.systems.ocds.record import Origin, collect, make_record
from adapters.systems.ocds.rules import Draft, Rules, take, text
from adapters.systems.ocds.sections import BUYER, PARTY
from adapters.systems.ocds.shapes import SECTIONS, Release
from adapters.systems.ocds.statements import find_statements
from adapters.systems.ocds.tree import Tree, Unusable, parked, step
from node.domain.draft import MAX_SOURCE_LENGTH
from node.domain.values import DateValue, TimeValue, Value

# About the publication, not about the process.
_ENVELOPE = frozenset(
    {"ocid", "id", "date", "tag", "version", "initiationType", "packageInfo", "publisher", "validationErrors"}
)
_COMMON: Rules = {"buyer": BUYER, "language": text("language")}
# Leaves room for section and id in the name of a thing.
_MAX_OCID_LENGTH = 120


@dataclass(frozen=True, slots=True)
class MappedRelease:
    """What became of one release."""

    ocid: str
    order: str
    """Sorts the releases of one ocid by date."""
    outcomes: list[Outcome]


def map_release(release: Release, source_system: str, summary: Summary) -> MappedRelease | Parked:
    """Map one release. Parks it as a whole only if nothing in it can be placed."""
    tree, source = release.tree, release.source
    ocid = to_identifier(tree.get("ocid")) or release.ocid
    if ocid is None:
        return parked(Reason.MISSING_OCID, "a release without ocid belongs to no process", source, tree)
    if len(ocid) > _MAX_OCID_LENGTH or not ocid.isprintable():
        return parked(Reason.BAD_IDENTIFIER, "the ocid is too long or not printable", source, tree)
    converter = Converter(summary)
    common = Draft(converter, _parties_by_id(tree), source)
    try:
        order, occurred = _read_date(tree, common)
    except FaultError as fault:
        return parked(fault.reason, str(fault), source + "/date", tree)
    origin = Origin(
        source_system, _source_version(tree, converter), occurred, common.parties, converter, ocid
    )
    outcomes = list(_make_records(tree, ocid, origin, common, summary))
    if not outcomes:
        return parked(Reason.EMPTY, "a release without any section", source, tree)
    return MappedRelease(ocid, order, outcomes)


def _make_records(
    tree: dict[str, Tree], ocid: str, origin: Origin, common: Draft, summary: Summary
) -> Iterator[Outcome]:
    dated = dict(common.fields)
    process = _take_common(tree, common)
    yield from common.parked
    stated: dict[str, Accepted] = {}
    for statement in find_statements(tree, step(ocid)[1:], common.place):
        if isinstance(statement, Parked):
            yield statement
            continue
        # An organisation is the same whoever buys: what surrounds it would only make versions of it.
        alone = statement.section is PARTY
        extra = dated if alone else common.fields | ({"process": process} if process else {})
        for outcome in make_record(statement, origin, extra):
            if isinstance(outcome, Parked):
                yield outcome
                continue
            first = stated.setdefault(outcome.draft.thing, outcome)
            if first.content == outcome.content:
                yield outcome
                process = process if alone else {}
            else:
                message = f"another one with this id stands at {first.source}"
                yield parked(Reason.DUPLICATE_ID, message, statement.source, statement.node)
    # There was no record to put it into.
    summary.left_out.update(process.keys())


def _take_common(tree: dict[str, Tree], common: Draft) -> dict[str, Value]:
    """Put the buyer and the language into `common`; return what else is said beside the sections."""
    process: dict[str, Value] = {}
    for key, part in tree.items():
        if key in _ENVELOPE or (key in SECTIONS and key != "bids"):
            continue
        beside = part
        if key == "bids":
            # Statistics and the like; the bids themselves are sections.
            beside = {k: v for k, v in part.items() if k != "details"} if isinstance(part, dict) else None
        # Key by key: what is unusable beside the sections costs no more than itself.
        try:
            process |= collect(take({key: beside}, _COMMON, common), common)
        except FaultError as fault:
            place = common.place + fault.pointer
            common.parked.append(parked(fault.reason, str(fault), place, part, part=True))
    return process


def _read_date(tree: dict[str, Tree], common: Draft) -> tuple[str, str | None]:
    """The key for the order and `occurred`.

    A date without a zone is no moment, and none is made up: it becomes the field `release_date`, a day as a
    date, anything else as the text it is.
    """
    stated = tree.get("date")
    if isinstance(stated, Unusable):
        raise FaultError(stated.reason, stated.message)
    if not isinstance(stated, str) or not stated.strip():
        common.converter.note("release without date")
        return "", None
    value = read_date(stated.strip())
    if isinstance(value, TimeValue):
        return order_key(value.text), value.text
    common.converter.note("release date without zone")
    common.put(
        "release_date", value if isinstance(value, DateValue) else common.converter.to_value(str(stated))
    )
    return order_key(stated.strip()), None


def _source_version(tree: dict[str, Tree], converter: Converter) -> str:
    stated = tree.get("tag")
    tags = stated if isinstance(stated, list) else [stated]
    words = [to_identifier(tree.get("id")), ",".join(str(tag) for tag in tags if isinstance(tag, str))]
    version = " ".join(word for word in words if word)
    if len(version) > MAX_SOURCE_LENGTH or not version.isprintable():
        # No thing is named by it: it is not worth the records.
        converter.note("release id and tags left out: too long or not printable")
        return ""
    return version


def _parties_by_id(tree: dict[str, Tree]) -> dict[str, dict[str, Tree]]:
    parties = tree.get("parties")
    found: dict[str, dict[str, Tree]] = {}
    for party in parties if isinstance(parties, list) else []:
        key = to_identifier(party.get("id")) if isinstance(party, dict) else None
        if key is not None and isinstance(party, dict):
            found.setdefault(key, party)
    return found
