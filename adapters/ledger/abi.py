"""ABI encoding by name: functions, constructors, events and custom errors of the committed contracts.

Which call becomes which function, and which event means what, is in `calls` and `happenings`.
Source: Solidity's Contract ABI Specification; selectors are the first 4 bytes of keccak(signature).
"""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError
from eth_hash.auto import keccak

from adapters.ledger.artifact import CONTRACT_NAMES, load_artifact

_SELECTOR_BYTES = 4
_BUILT_IN_ERRORS = {"Error": ("string",), "Panic": ("uint256",)}
"""What `revert("…")` and failed assertions answer with."""

Arguments = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Signature:
    """Name and types of a function, event or error."""

    name: str
    types: tuple[str, ...]
    names: tuple[str, ...]
    indexed: tuple[bool, ...] = ()

    def hash(self) -> bytes:
        """Keccak of `name(type,…)`."""
        return keccak(f"{self.name}({','.join(self.types)})".encode())


def encode_function(contract: str, function: str, arguments: Sequence[object]) -> bytes:
    """Call data: selector and encoded arguments."""
    signature = _functions(contract)[function]
    return signature.hash()[:_SELECTOR_BYTES] + encode(signature.types, arguments)


def decode_function(contract: str, call_data: bytes) -> tuple[str, tuple[Any, ...]]:
    """Name and arguments of the function that call data is for.

    Raises:
        ValueError: the contract has no such function, or the arguments do not fit it.
    """
    for name, signature in _functions(contract).items():
        if signature.hash()[:_SELECTOR_BYTES] == call_data[:_SELECTOR_BYTES]:
            return name, _decode(signature.types, call_data[_SELECTOR_BYTES:])
    raise ValueError(f"{contract} has no function 0x{call_data[:_SELECTOR_BYTES].hex()}")


def decode_result(contract: str, function: str, output: bytes) -> tuple[Any, ...]:
    """What a function returned.

    Raises:
        ValueError: the bytes are no such thing.
    """
    entry = next(one for one in load_artifact(contract).abi if one.get("name") == function)
    return _decode(tuple(_type_of(item) for item in entry["outputs"]), output)


def encode_constructor(contract: str, arguments: Sequence[object]) -> bytes:
    """Creation code followed by the encoded arguments."""
    artifact = load_artifact(contract)
    inputs = next((one["inputs"] for one in artifact.abi if one["type"] == "constructor"), ())
    return artifact.bytecode + encode([_type_of(item) for item in inputs], arguments)


def decode_log(topics: Sequence[bytes], data: bytes) -> tuple[str, Arguments] | None:
    """Name and arguments of an event; None if the contracts know no such event.

    Raises:
        ValueError: the log does not fit its event.
    """
    signature = _events().get(topics[0]) if topics else None
    if signature is None:
        return None
    fields = list(zip(signature.names, signature.types, signature.indexed, strict=True))
    in_topics = [(name, kind) for name, kind, indexed in fields if indexed]
    in_data = [(name, kind) for name, kind, indexed in fields if not indexed]
    if len(topics) != 1 + len(in_topics):
        raise ValueError(f"the event {signature.name} has a wrong number of topics")
    arguments = {
        name: _decode((kind,), topic)[0] for (name, kind), topic in zip(in_topics, topics[1:], strict=True)
    }
    values = _decode(tuple(kind for _, kind in in_data), data)
    return signature.name, arguments | dict(zip((name for name, _ in in_data), values, strict=True))


def decode_error(data: bytes) -> tuple[str, str]:
    """Name of the custom error and its arguments as text; `Reverted` for what no contract here declares."""
    signature = _errors().get(data[:_SELECTOR_BYTES])
    if signature is None:
        return "Reverted", f"0x{data.hex()}" if data else ""
    try:
        values = _decode(signature.types, data[_SELECTOR_BYTES:])
    except ValueError:
        return signature.name, ""
    named = zip(signature.names, values, strict=True)
    return signature.name, ", ".join(f"{name}={_show(value)}" for name, value in named)


def encode_values(types: Sequence[str], values: Sequence[object]) -> bytes:
    """`abi.encode` of values."""
    return encode(types, values)


def decode_values(types: Sequence[str], data: bytes) -> tuple[Any, ...]:
    """`abi.decode` of values.

    Raises:
        ValueError: the bytes are no such thing.
    """
    return _decode(tuple(types), data)


@functools.cache
def _functions(contract: str) -> dict[str, _Signature]:
    return {
        one["name"]: _read_signature(one) for one in load_artifact(contract).abi if one["type"] == "function"
    }


@functools.cache
def _events() -> dict[bytes, _Signature]:
    return {signature.hash(): signature for signature in _all_of("event")}


@functools.cache
def _errors() -> dict[bytes, _Signature]:
    declared = {signature.hash()[:_SELECTOR_BYTES]: signature for signature in _all_of("error")}
    built_in = [_Signature(name, types, ("value",)) for name, types in _BUILT_IN_ERRORS.items()]
    return declared | {signature.hash()[:_SELECTOR_BYTES]: signature for signature in built_in}


def _all_of(kind: str) -> list[_Signature]:
    entries = [entry for name in CONTRACT_NAMES for entry in load_artifact(name).abi]
    return [_read_signature(entry) for entry in entries if entry["type"] == kind]


def _read_signature(entry: Mapping[str, Any]) -> _Signature:
    inputs = entry["inputs"]
    return _Signature(
        name=entry["name"],
        types=tuple(_type_of(item) for item in inputs),
        names=tuple(item["name"] for item in inputs),
        indexed=tuple(item.get("indexed", False) for item in inputs),
    )


def _type_of(item: Mapping[str, Any]) -> str:
    """The canonical type: `tuple[]` spelled out."""
    kind: str = item["type"]
    if not kind.startswith("tuple"):
        return kind
    return f"({','.join(_type_of(part) for part in item['components'])}){kind.removeprefix('tuple')}"


def _decode(types: tuple[str, ...], data: bytes) -> tuple[Any, ...]:
    try:
        return decode(types, data)
    except (DecodingError, OverflowError) as error:
        raise ValueError(f"not an ABI encoding of ({','.join(types)})") from error


def _show(value: object) -> str:
    if not isinstance(value, bytes):
        return str(value)
    text = value.rstrip(b"\0")
    is_name = len(value) == 32 and 0 < len(text) < 32 and text.replace(b"-", b"").isalnum()
    return text.decode("ascii") if is_name else f"0x{value.hex()}"
