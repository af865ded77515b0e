"""A beneficiary's side of releases: what waits at the tender's centre, and whether to sign it.

The centre only says what is due. Whoever signs checks here that each guarantee is its guarantor's own document, of
this beneficiary, this section and this centre, and that what is due belongs to its kind. An agent that signs without
a person asks its rules besides: what they do not name stays for a person. Of a guarantee
that has moved it asks for the steps, and works out the terms in force itself, from documents that the signature's own
place on the ledger fixes: they are what is given back.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

import msgspec
from heqi.v1 import wallet_service_pb2 as pb

from node.config import read_file
from node.domain.guarantee import Guarantee
from node.domain.guarantee_table import State
from node.domain.member import Member
from node.domain.sealed_guarantee import peek_guarantee
from node.domain.section import amount_of
from node.domain.wallet import ReleasesCall
from node.errors import (
    ConfigError,
    ConflictError,
    DocumentFormatError,
    MissingError,
    NodeError,
    UnavailableError,
)
from node.wallet.client import WalletClient
from node.wallet.guarantees import FIRST_STEP, GuaranteeScribe, Seen, check_told, seen_in, unmoved

KIND_OF = {"bid-return": "bid", "performance-return": "performance", "quality-return": "quality"}
"""Which guarantee is given back under which obligation."""
_MAX_RULES_BYTES = 16_384
_LEAST_PAUSE, _MOST_PAUSE = 1.0, 86_400.0
_REASON = re.compile(r"[^\x00-\x1f\x7f]{1,200}")


@dataclass(frozen=True, slots=True)
class Waiting:
    """One guarantee that the centre has prepared for release."""

    prepared: pb.PreparedRelease
    terms: Guarantee | None
    """With amount and end in force; None if it must not be signed."""
    objection: str = ""
    """Why it must not be."""
    seen: Seen | None = None
    """How it stands; None if it must not be signed."""


class SectionRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an agent may sign for one section."""

    section: str
    obligations: tuple[str, ...]
    """Of `KIND_OF`."""
    most_amount: str
    """Largest guarantee that it gives back by itself; plain decimal, in the guarantee's currency."""
    currency: str = "CNY"
    guarantors: tuple[str, ...] = ()
    """Only theirs; everybody's if empty."""
    most_releases: int = 1_000
    """Of this process, all together: then it stops and asks for a person."""


class AgentRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The rules file of a beneficiary's agent."""

    centre: str
    """Whose word on what is due it takes."""
    section: tuple[SectionRule, ...]
    pause_seconds: float = 60.0
    """Between two questions."""


def ask_releases(writer: GuaranteeScribe, node: str, section: str) -> str:
    """The signed question which guarantees of a section wait for this beneficiary."""
    key = writer.scribe.key.beneficiary_key(section)
    return replace(writer.scribe, key=key, subject="").call(ReleasesCall, node, section=section)


def waiting(
    writer: GuaranteeScribe, client: WalletClient, members: dict[str, Member], section: str
) -> Iterator[Waiting]:
    """What waits at the centre that a client is connected to, each checked.

    Raises:
        NodeError: what the centre refuses.
    """
    token = ""
    while True:
        page = client.releases(ask_releases(writer, client.member.name, section), token)
        for prepared in page.releases:
            yield _checked(writer, client, members, section, prepared)
        if not page.next_page_token or page.next_page_token <= token:
            return
        token = page.next_page_token


def sign(writer: GuaranteeScribe, client: WalletClient, members: dict[str, Member], one: Waiting) -> bool:
    """Release one that waits; whether this was not on its way before.

    Raises:
        DocumentFormatError: it must not be signed.
        NodeError: what the node refuses.
    """
    if one.terms is None or one.seen is None:
        raise DocumentFormatError(one.objection)
    guarantor = members[one.terms.iss]
    token = writer.release(client.member.name, one.seen, guarantor, one.prepared.reason)
    return not client.release_guarantee(token).was_under_way


def refusal(rules: AgentRules, one: Waiting, done: int) -> str:
    """Why an agent leaves a release to a person; empty if its rules let it sign.

    Args:
        rules: its own.
        one: what waits.
        done: how many of this section it has signed.
    """
    if one.terms is None:
        return one.objection
    rule = next((rule for rule in rules.section if rule.section == one.terms.section), None)
    if rule is None or one.terms.centre != rules.centre:
        return "no rule for this section and centre"
    if one.prepared.obligation_kind not in rule.obligations:
        return f"no rule for {one.prepared.obligation_kind}"
    if rule.guarantors and one.terms.iss not in rule.guarantors:
        return f"no rule for guarantees of {one.terms.iss}"
    if one.terms.currency != rule.currency or Decimal(one.terms.amount) > Decimal(rule.most_amount):
        return f"{one.terms.amount} {one.terms.currency} is over the rule's amount"
    if done >= rule.most_releases:
        return "as many as the rule allows are signed"
    return ""


def load_rules(path: Path) -> AgentRules:
    """The rules in a file.

    Raises:
        ConfigError: it cannot be read, or makes no sense.
    """
    return parse_rules(read_file(path), str(path))


def parse_rules(raw: bytes, path: str) -> AgentRules:
    """The rules that a file holds.

    Args:
        raw: TOML.
        path: for messages.

    Raises:
        ConfigError: a key is missing, unknown or out of range.
    """
    if len(raw) > _MAX_RULES_BYTES:
        raise ConfigError(f"{path}: rules have at most {_MAX_RULES_BYTES} bytes")
    try:
        rules = msgspec.toml.decode(raw, type=AgentRules)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"{path}: {error}") from error
    if not _LEAST_PAUSE <= rules.pause_seconds <= _MOST_PAUSE:
        raise ConfigError(f"{path}: pause_seconds must be {_LEAST_PAUSE:g} to {_MOST_PAUSE:g}")
    if len({rule.section for rule in rules.section}) != len(rules.section):
        raise ConfigError(f"{path}: two rules for one section")
    for rule in rules.section:
        if amount_of(rule.most_amount) is None:
            raise ConfigError(f"{path}: most_amount of {rule.section} is not a plain decimal")
        if unknown := set(rule.obligations) - KIND_OF.keys():
            raise ConfigError(f"{path}: no obligation {min(unknown)!r}; there are {', '.join(KIND_OF)}")
        if rule.most_releases < 0:
            raise ConfigError(f"{path}: most_releases of {rule.section} is negative")
    return rules


def _checked(
    writer: GuaranteeScribe,
    client: WalletClient,
    members: dict[str, Member],
    section: str,
    prepared: pb.PreparedRelease,
) -> Waiting:
    try:
        terms = _open(writer, client.member.name, members, section, prepared)
        seen = _see(writer, client, prepared)
    except UnavailableError:
        raise  # it says nothing about the guarantee
    except NodeError as error:
        return Waiting(prepared, None, str(error))
    in_force = msgspec.structs.replace(terms, amount=f"{seen.life.amount:f}", exp=seen.life.end)
    return Waiting(prepared, in_force, seen=seen)


def _see(writer: GuaranteeScribe, client: WalletClient, prepared: pb.PreparedRelease) -> Seen:
    """How a guarantee stands, by the documents of its steps."""
    if prepared.step == FIRST_STEP:
        return unmoved(prepared.guarantee, prepared.contract)
    life = client.own_guarantee(writer.ask_steps(client.member.name, prepared.guarantee))
    seen = seen_in(prepared.guarantee, life)
    if seen.sequence + 1 != prepared.step or seen.life.state is not State.ISSUED:
        raise ConflictError("the guarantee has moved since, or something about it is open; ask again")
    try:
        check_told(seen)
    except (MissingError, DocumentFormatError) as error:
        raise ConflictError(f"what is given back cannot be told, release it by itself: {error}") from error
    return seen


def _open(
    writer: GuaranteeScribe,
    centre: str,
    members: dict[str, Member],
    section: str,
    prepared: pb.PreparedRelease,
) -> Guarantee:
    issuer = peek_guarantee(prepared.guarantee).iss
    if issuer not in members:
        raise DocumentFormatError(
            f"this wallet does not know {issuer}; put its card into the wallet's folder"
        )
    terms = writer.open(prepared.guarantee, members[issuer])
    key = writer.scribe.key.beneficiary_key(section).public_key.hex()
    if (terms.section, terms.centre, terms.beneficiary_key) != (section, centre, key):
        raise DocumentFormatError("the guarantee is of another section, centre or beneficiary")
    if writer.id_of(terms, prepared.guarantee).hex() != prepared.guarantee_id:
        raise DocumentFormatError("the guarantee has another id")
    if KIND_OF.get(prepared.obligation_kind) != terms.guarantee_kind:
        raise DocumentFormatError(
            f"{prepared.obligation_kind} gives no {terms.guarantee_kind} guarantee back"
        )
    if not _REASON.fullmatch(prepared.reason):
        raise DocumentFormatError("the reason is not one line of text")
    return terms
