"""Which part of JSON Schema (2020-12) a field's schema may use (docs/formats/catalogue.md).

Members vote on definitions, and every node runs what was voted: so nothing is allowed that could make one slow. There
are no references, so nothing is fetched and nothing recurs; alternatives are lists of constants, so nothing branches;
patterns are for an engine without backtracking, and only over texts whose length is bounded.

Source: JSON Schema 2020-12, core and validation; the `format`s are this project's own.
"""

from collections.abc import Iterator, Mapping

from node.domain.values import MAX_DEPTH, MAX_INTEGER

MAX_SCHEMA_DEPTH = 4
MAX_PATTERN_LENGTH = 200
MAX_PATTERN_TEXT = 1000
"""`maxLength` that a schema with a pattern must have at most."""
MAX_CODES = 500
MAX_MEMBERS = 64
_MAX_LENGTH = 65_536
_MAX_ITEMS = 4096

PATTERNS: Mapping[str, str] = {
    "amount": r"^(0|[1-9][0-9]{0,17})(\.[0-9]{1,6})?$",
    "decimal": r"^-?(0|[1-9][0-9]{0,33})(\.[0-9]{1,18})?$",
    "currency": r"^[A-Z]{3}$",
    "region-code": r"^[0-9]{6}$",
    "transaction-code": r"^[A-Z][0-9]{2}-[0-9A-HJ-NPQRTUWXY]{18}-[0-9]{8}-[0-9]{6}-[0-9A-Z*]$",
    "sha-256": r"^[0-9a-f]{64}$",
}
"""Formats that are a pattern and nothing else; the engine checks these without a call back."""
CALLED = frozenset({"credit-code", "date", "date-time"})
"""Formats that need more than a pattern."""
FORMATS = frozenset({*PATTERNS, *CALLED})

_TITLES = frozenset({"title", "description"})
_OF_TYPE: Mapping[str, frozenset[str]] = {
    "string": frozenset({"minLength", "maxLength", "pattern", "format"}),
    "integer": frozenset({"minimum", "maximum"}),
    "boolean": frozenset(),
    "array": frozenset({"items", "minItems", "maxItems"}),
    "object": frozenset({"properties", "required", "additionalProperties"}),
}
_BOUNDS: Mapping[str, int] = {
    "minLength": _MAX_LENGTH,
    "maxLength": _MAX_LENGTH,
    "minItems": _MAX_ITEMS,
    "maxItems": _MAX_ITEMS,
    "minimum": MAX_INTEGER,
    "maximum": MAX_INTEGER,
}


def problems_of(schema: object, path: str, depth: int = 0) -> Iterator[str]:
    """What a field's schema must not say; nothing if it is usable. Patterns are compiled elsewhere.

    Args:
        schema: plain JSON.
        path: names it in messages.
        depth: schemas around it.
    """
    if not isinstance(schema, dict):
        yield f"{path}: a schema is an object"
        return
    if depth >= min(MAX_SCHEMA_DEPTH, MAX_DEPTH):
        yield f"{path}: schemas are more than {MAX_SCHEMA_DEPTH} deep"
        return
    for name in sorted(_TITLES & schema.keys()):
        if not isinstance(schema[name], str):
            yield f"{path}: {name} must be a text"
    if "oneOf" in schema:
        yield from _codes(schema, path)
        return
    kind = schema.get("type")
    if kind is None:
        yield from _foreign(schema, _TITLES, path)
        return
    if not isinstance(kind, str) or kind not in _OF_TYPE:
        yield f"{path}: type must be one of {', '.join(_OF_TYPE)}"
        return
    yield from _foreign(schema, {"type"} | _TITLES | _OF_TYPE[kind], path)
    yield from _bounds(schema, path)
    if kind == "string":
        yield from _text(schema, path)
    elif kind == "array":
        yield from problems_of(schema.get("items", {}), f"{path}[]", depth + 1)
    elif kind == "object":
        yield from _object(schema, path, depth)


def patterns_of(schema: object) -> Iterator[str]:
    """The patterns in a usable schema, its own inner ones included."""
    if not isinstance(schema, dict):
        return
    if isinstance(schema.get("pattern"), str):
        yield schema["pattern"]
    yield from patterns_of(schema.get("items"))
    members = schema.get("properties")
    for inner in members.values() if isinstance(members, dict) else ():
        yield from patterns_of(inner)


def to_engine(schema: Mapping[str, object]) -> dict[str, object]:
    """A usable schema as the engine takes it: formats that are patterns become those, prose is left out."""
    found: dict[str, object] = {}
    for name, value in schema.items():
        if name == "format" and isinstance(value, str) and value in PATTERNS:
            found["pattern"] = PATTERNS[str(value)]
        elif name == "oneOf" and isinstance(value, list):
            found["enum"] = [one["const"] for one in value]
        elif name == "items" and isinstance(value, dict):
            found["items"] = to_engine(value)
        elif name == "properties" and isinstance(value, dict):
            found["properties"] = {key: to_engine(inner) for key, inner in value.items()}
        elif name not in _TITLES:
            found[name] = value
    return found


def _foreign(schema: Mapping[str, object], known: frozenset[str] | set[str], path: str) -> Iterator[str]:
    for name in sorted(schema.keys() - known):
        yield f"{path}: {name!a} is not among the keywords that a definition may use there"


def _bounds(schema: Mapping[str, object], path: str) -> Iterator[str]:
    for name, most in _BOUNDS.items():
        bound = schema.get(name, 0)
        least = -MAX_INTEGER if name in {"minimum", "maximum"} else 0
        if type(bound) is not int or not least <= bound <= most:
            yield f"{path}: {name} must be a whole number up to {most}"


def _codes(schema: Mapping[str, object], path: str) -> Iterator[str]:
    yield from _foreign(schema, {"oneOf"} | _TITLES, path)
    codes = schema["oneOf"]
    if not isinstance(codes, list) or not 1 <= len(codes) <= MAX_CODES:
        yield f"{path}: oneOf is a list of 1 to {MAX_CODES} codes"
        return
    seen: set[object] = set()
    for place, code in enumerate(codes):
        if (
            not isinstance(code, dict)
            or code.keys() != {"const", "title", "description"}
            or not all(isinstance(text, str) and 0 < len(text) <= 200 for text in code.values())
        ):
            yield f"{path}: code {place} must have const, title (Chinese) and description (English), all texts"
        elif code["const"] in seen:
            yield f"{path}: the code {code['const']!a} stands twice"
        else:
            seen.add(code["const"])


def _text(schema: Mapping[str, object], path: str) -> Iterator[str]:
    if "format" in schema and (not isinstance(schema["format"], str) or schema["format"] not in FORMATS):
        yield f"{path}: format must be one of {', '.join(sorted(FORMATS))}"
    pattern = schema.get("pattern")
    if pattern is None:
        return
    if "format" in schema:
        yield f"{path}: a text has a format or a pattern, not both"
    if not isinstance(pattern, str) or len(pattern) > MAX_PATTERN_LENGTH:
        yield f"{path}: a pattern is a text of at most {MAX_PATTERN_LENGTH} characters"
    longest = schema.get("maxLength")
    if type(longest) is not int or longest > MAX_PATTERN_TEXT:
        yield f"{path}: what has a pattern needs a maxLength of at most {MAX_PATTERN_TEXT}"


def _object(schema: Mapping[str, object], path: str, depth: int) -> Iterator[str]:
    members, required = schema.get("properties", {}), schema.get("required", [])
    if not isinstance(members, dict) or len(members) > MAX_MEMBERS:
        yield f"{path}: properties is an object of at most {MAX_MEMBERS} schemas"
        return
    if not isinstance(required, list) or not all(isinstance(one, str) and one in members for one in required):
        yield f"{path}: required is a list of names that stand under properties"
    if not isinstance(schema.get("additionalProperties", True), bool):
        yield f"{path}: additionalProperties is true or false"
    for name, inner in members.items():
        yield from problems_of(inner, f"{path}.{name}", depth + 1)
