"""JSON-RPC's two notations for numbers and bytes, and what a parameter may be.

Source: execution-apis: "quantity" is 0x-hex without leading zeros, "data" is 0x-hex of whole bytes.
"""

import re

from adapters.ledger.embedded.rpc_error import RpcError

_QUANTITY = re.compile(r"0x[0-9a-fA-F]{1,64}")
_DATA = re.compile(r"0x(?:[0-9a-fA-F]{2})*")


def quantity(number: int) -> str:
    """A number as JSON-RPC writes it."""
    return hex(number)


def data(raw: bytes) -> str:
    """Bytes as JSON-RPC writes them."""
    return "0x" + raw.hex()


def word(number: int) -> str:
    """A 256-bit word as data."""
    return f"0x{number:064x}"


def read_quantity(value: object, name: str) -> int:
    """Read a number; leading zeros are forgiven.

    Raises:
        RpcError: it is none.
    """
    if not isinstance(value, str) or not _QUANTITY.fullmatch(value):
        raise RpcError.bad_params(f"{name} must be a 0x-hex quantity")
    return int(value, 16)


def read_data(value: object, name: str, length: int | None = None) -> bytes:
    """Read bytes, of exactly `length` if it is given.

    Raises:
        RpcError: it is no such thing.
    """
    if not isinstance(value, str) or not _DATA.fullmatch(value):
        raise RpcError.bad_params(f"{name} must be 0x-hex data")
    raw = bytes.fromhex(value[2:])
    if length is not None and len(raw) != length:
        raise RpcError.bad_params(f"{name} must have {length} bytes")
    return raw


def read_object(value: object, name: str) -> dict[str, object]:
    """Read a JSON object.

    Raises:
        RpcError: it is none.
    """
    if not isinstance(value, dict):
        raise RpcError.bad_params(f"{name} must be an object")
    return value
