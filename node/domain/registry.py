"""What a company register 市场监管 says of a company, and whether a base document agrees with it.

An entry is what was asked for under one credit code at one moment. It is checked when it comes, whoever brings it:
a register may be wrong, an adapter may be wrong, and neither may make a record of it. docs/formats/attestation.md.
"""

import enum
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated

import msgspec

from node.domain.certificate import check_credit_code
from node.domain.encoding import canonical_json, decode_canonical, parse_readable_json
from node.domain.values import is_time
from node.errors import CodeFormatError, DocumentFormatError, RegistryAnswerError

MAX_ENTRY_BYTES = 16 * 1024

Line = Annotated[str, msgspec.Meta(max_length=300)]
Amount = Annotated[str, msgspec.Meta(pattern=r"^((0|[1-9][0-9]{0,17})(\.[0-9]{1,6})?)?\Z")]


class RegistryState(enum.Enum):
    """What became of a registered company; the first word is the code, the second what registers print."""

    IN_OPERATION = "in-operation"
    """存续（在营、开业、在册）"""
    DORMANT = "dormant"
    """歇业、停业"""
    MOVED_OUT = "moved-out"
    """迁出"""
    CANCELLED = "cancelled"
    """撤销：the registration itself was undone"""
    LICENCE_REVOKED = "licence-revoked"
    """吊销"""
    DEREGISTERED = "deregistered"
    """注销"""


class RegistryEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One company, as its register has it."""

    credit_code: str
    """GB 32100, 18 characters."""
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=300)]
    state: RegistryState
    as_of: str
    """To when the register answers for this, RFC 3339 with a zone."""
    source: Annotated[str, msgspec.Meta(min_length=1, max_length=300)]
    """By what the register can find this answer again: its own serial, a file and a line."""
    legal_representative: Line = ""
    """Empty where the register does not say, like the next five."""
    kind: Line = ""
    """公司类型"""
    address: Line = ""
    registered_capital: Amount = ""
    """Plain decimal in units of the currency, never in units of 10,000."""
    currency: Annotated[str, msgspec.Meta(pattern=r"^([A-Z]{3})?\Z")] = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A base document beside an entry; field names of the document, ascending."""

    compared: tuple[str, ...]
    differs: tuple[str, ...]


def encode_entry(entry: RegistryEntry) -> bytes:
    """Canonical JSON of all members: what an attestation's evidence digest is over."""
    return canonical_json(msgspec.to_builtins(entry))


def decode_entry(raw: bytes) -> RegistryEntry:
    """The inverse of `encode_entry`.

    Raises:
        RegistryAnswerError: it is none.
    """
    try:
        return decode_canonical(raw, RegistryEntry)
    except DocumentFormatError as error:
        raise RegistryAnswerError(f"not a register's entry: {error}") from error


def parse_entry(raw: bytes) -> RegistryEntry:
    """An entry from JSON as a register, or a file that stands for one, writes it.

    Raises:
        RegistryAnswerError: too long, not JSON, or a member is missing, unknown or malformed.
    """
    if len(raw) > MAX_ENTRY_BYTES:
        raise RegistryAnswerError(f"an entry of a register has at most {MAX_ENTRY_BYTES} bytes")
    try:
        return msgspec.convert(parse_readable_json(raw), type=RegistryEntry)
    except (msgspec.ValidationError, DocumentFormatError) as error:
        raise RegistryAnswerError(f"not a register's entry: {error}") from error


def check_entry(entry: RegistryEntry, credit_code: str) -> None:
    """Check what a register answered to a question.

    Args:
        entry: the answer.
        credit_code: that was asked about.

    Raises:
        RegistryAnswerError: it is about another company, or no right code or time is in it.
    """
    if entry.credit_code != credit_code:
        raise RegistryAnswerError("the register answered for another credit code than was asked about")
    try:
        check_credit_code(entry.credit_code)
    except CodeFormatError as error:
        raise RegistryAnswerError(f"the register's answer: {error}") from error
    if not is_time(entry.as_of):
        raise RegistryAnswerError("the register's answer: as_of must be RFC 3339 with a zone")


def compare(entry: RegistryEntry, fields: Mapping[str, object]) -> Comparison:
    """Which fields of a base document the register knows too, and which of them differ.

    Names and addresses are compared in Unicode form NFKC without white space: registers and forms differ in the
    width of brackets. Amounts are compared as numbers, and only where both have the same currency, or one has none.
    The type of company is not compared: documents hold a code, registers print words.
    """
    pairs: dict[str, bool] = {}
    for name, said in (
        ("credit_code", entry.credit_code),
        ("legal_name", entry.name),
        ("legal_representative", entry.legal_representative),
        ("address", entry.address),
    ):
        if said and name in fields:
            pairs[name] = is_same_text(said, fields[name])
    if entry.registered_capital and "registered_capital" in fields:
        currencies = {entry.currency, str(fields.get("registered_capital_currency", ""))} - {""}
        pairs["registered_capital"] = len(currencies) < 2 and _is_same_amount(
            entry.registered_capital, fields["registered_capital"]
        )
    return Comparison(tuple(sorted(pairs)), tuple(sorted(name for name, same in pairs.items() if not same)))


def is_same_text(one: object, other: object) -> bool:
    """Whether two names are the same but for the width of characters and white space."""
    return _plain(one) == _plain(other)


def _plain(text: object) -> str:
    return "".join(unicodedata.normalize("NFKC", str(text)).split())


def _is_same_amount(one: object, other: object) -> bool:
    try:
        return Decimal(str(one)) == Decimal(str(other))
    except ArithmeticError:
        return False
