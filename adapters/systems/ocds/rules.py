"""How one key of a section becomes fields of a record.

A rule takes what it understands and hands back the rest: text where an amount should be, a period's third
key, an organisation's address. The rest is kept in the record's `details`, under the source's own names.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from adapters.systems.ocds.convert import Converter, to_amount, to_identifier, to_integer, to_text, usable
from adapters.systems.ocds.dates import read_date
from adapters.systems.ocds.fault import PART_REASONS, FaultError
from adapters.systems.ocds.outcome import Parked
from adapters.systems.ocds.tree import Tree, parked, step
from node.domain.values import Value


@dataclass(slots=True)
class Draft:
    """A record's fields while they are collected."""

    converter: Converter
    parties: Mapping[str, dict[str, Tree]]
    """The release's organisations by id: since OCDS 1.1 a buyer or supplier only refers to one."""
    place: str
    """Where in the source the rules are at work: path and pointer."""
    fields: dict[str, Value] = field(default_factory=dict)
    parked: list[Parked] = field(default_factory=list)
    """Parts that could not be kept."""

    def put(self, name: str, value: Value | None) -> None:
        """Set a field, if there is a value."""
        if value is not None:
            self.fields[name] = value


Rule: TypeAlias = Callable[[Tree, Draft], Tree]
Rules: TypeAlias = Mapping[str, Rule]


def take(node: Mapping[str, Tree], rules: Rules, draft: Draft) -> dict[str, Tree]:
    """Apply the rules to an object; what no rule took comes back.

    Raises:
        FaultError: the statement is unusable; faults of form or size are parked in the draft instead.
    """
    rest: dict[str, Tree] = {}
    for key, part in node.items():
        if part is None or draft.converter.is_left_out(key):
            continue
        rule = rules.get(key)
        left = part if rule is None else within(key, part, draft, rule)
        if left is not None:
            rest[key] = left
    return rest


def within(key: str, part: Tree, draft: Draft, rule: Rule) -> Tree:
    """Apply one rule below a key. A fault of form or size is parked here and costs no more than this part.

    Raises:
        FaultError: the statement is unusable.
    """
    place = draft.place
    draft.place += step(key)
    try:
        return rule(usable(part), draft)
    except FaultError as fault:
        if fault.reason not in PART_REASONS:
            fault.pointer = step(key) + fault.pointer
            raise
        draft.parked.append(parked(fault.reason, str(fault), draft.place + fault.pointer, part, part=True))
        return None
    finally:
        draft.place = place


def text(name: str) -> Rule:
    """A text field."""

    def rule(part: Tree, draft: Draft) -> Tree:
        if type(part) is not str:
            return part
        draft.put(name, to_text(part))
        return None

    return rule


def identifier(name: str) -> Rule:
    """An identifier; publishers also write them as numbers."""

    def rule(part: Tree, draft: Draft) -> Tree:
        found = to_identifier(part)
        if found is None:
            return part
        draft.put(name, to_text(found))
        return None

    return rule


def moment(name: str) -> Rule:
    """A date or a time with its zone; a text of another form stays a text and is noted."""

    def rule(part: Tree, draft: Draft) -> Tree:
        if type(part) is not str:
            return part
        if part.strip():
            value = read_date(part.strip())
            if value is None:
                draft.converter.note("date kept as text: no zone, or a form of its own")
            draft.put(name, value or to_text(part))
        return None

    return rule


def boolean(name: str) -> Rule:
    """True or false."""

    def rule(part: Tree, draft: Draft) -> Tree:
        if not isinstance(part, bool):
            return part
        draft.put(name, part)
        return None

    return rule


def integer(name: str) -> Rule:
    """A whole number."""

    def rule(part: Tree, draft: Draft) -> Tree:
        value = to_integer(part)
        draft.put(name, value)
        return part if value is None else None

    return rule


def money(name: str) -> Rule:
    """`<name>_amount` and `<name>_currency`."""
    rules = {"amount": _amount(f"{name}_amount"), "currency": _currency(f"{name}_currency")}
    return group(rules)


def _amount(name: str) -> Rule:
    def rule(part: Tree, draft: Draft) -> Tree:
        value = to_amount(part)
        if value is None:
            draft.converter.note("amount kept as it is: not a plain number")
            return part
        draft.put(name, value)
        return None

    return rule


def _currency(name: str) -> Rule:
    def rule(part: Tree, draft: Draft) -> Tree:
        if type(part) is not str:
            return part
        if not (len(part) == 3 and part.isascii() and part.isalpha() and part.isupper()):
            draft.converter.note("currency kept as it is: not of the form of ISO 4217")
        draft.put(name, to_text(part))
        return None

    return rule


def period(name: str) -> Rule:
    """`<name>_start` and `<name>_end`."""
    return group({"startDate": moment(f"{name}_start"), "endDate": moment(f"{name}_end")})


def group(rules: Rules) -> Rule:
    """An object whose keys have rules of their own."""

    def rule(part: Tree, draft: Draft) -> Tree:
        return take(part, rules, draft) or None if isinstance(part, dict) else part

    return rule


def organisation(name: str) -> Rule:
    """`<name>_name`, `<name>_id`, and its official identifier as `<name>_scheme` and `<name>_code`."""
    rules = {
        "name": text(f"{name}_name"),
        "id": identifier(f"{name}_id"),
        "identifier": group({"scheme": text(f"{name}_scheme"), "id": identifier(f"{name}_code")}),
    }

    def rule(part: Tree, draft: Draft) -> Tree:
        return take(_completed(part, draft), rules, draft) or None if isinstance(part, dict) else part

    return rule


def organisations(name: str) -> Rule:
    """A list of organisations, each an object in the source's form; a single one counts as a list of one."""

    def rule(part: Tree, draft: Draft) -> Tree:
        listed = part if isinstance(part, list) else [part]
        if not all(isinstance(item, dict) for item in listed):
            return part
        whole: list[Tree] = [_completed(item, draft) for item in listed if isinstance(item, dict)]
        draft.put(name, draft.converter.to_value(whole, depth=0))
        return None

    return rule


def _completed(reference: dict[str, Tree], draft: Draft) -> dict[str, Tree]:
    # Name and official identifier of the organisation that is meant, so that the record stands by itself.
    party = draft.parties.get(to_identifier(reference.get("id")) or "")
    if party is None:
        return reference
    found = dict(reference)
    if found.get("name") is None:
        found["name"] = party.get("name")
    official = party.get("identifier")
    if found.get("identifier") is None and isinstance(official, dict):
        found["identifier"] = {"scheme": official.get("scheme"), "id": official.get("id")}
    return found


def anything(name: str) -> Rule:
    """Whatever it is, in the source's own form, as one field."""

    def rule(part: Tree, draft: Draft) -> Tree:
        draft.put(name, draft.converter.to_value(part, depth=0))
        return None

    return rule
