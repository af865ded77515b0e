"""What each event of the contracts means in the domain's words."""

from collections.abc import Callable, Sequence
from typing import Any

from adapters.ledger.abi import Arguments, decode_log, decode_values
from adapters.ledger.calls import DATA_TYPES
from node.domain.alliance_life import (
    CalendarSet,
    ContractSet,
    DefinitionSet,
    LeaveAnnounced,
    MemberAbsent,
    MemberLeft,
    MemberSummoned,
    RolesChanged,
    SubjectMoved,
    SummonsEnded,
    VerifierSet,
)
from node.domain.calendar import WorkingYear
from node.domain.keys import KeyChange, KeyProofs, KeySet, Succession
from node.domain.ledger import (
    Action,
    Anchored,
    ControllerChanged,
    EndpointsUpdated,
    GrantRegistered,
    GrantRevoked,
    GuaranteeMoved,
    Happening,
    KeysChanged,
    MemberAdmitted,
    MemberStanding,
    ProposalMade,
    ProposalPassed,
    SubjectCreated,
    TrustSet,
    VoteCast,
)
from node.domain.ledger_ids import category_from_bytes32
from node.domain.member import Member, Role, role_names
from node.domain.member import member_name_from_bytes32 as read_name
from node.domain.recovery import RecoveryConfirmed, RecoveryProposed, RecoveryVetoed, SubjectRecovered
from node.domain.sealing import ApplicationsReserved, OpeningAnnounced, OpeningPostponed, TenderOpened
from node.errors import CodeFormatError


def to_happening(topics: Sequence[bytes], data: bytes) -> Happening | None:
    """Translate a log; None for events the domain has no word for.

    Raises:
        ValueError: the log does not fit its event.
    """
    decoded = decode_log(topics, data)
    if decoded is None or decoded[0] not in _TABLE:
        return None
    name, arguments = decoded
    try:
        return _TABLE[name](arguments)
    except CodeFormatError as error:
        raise ValueError(f"the event {name} carries what the contracts do not let in") from error


def member_from_tuple(fields: Sequence[Any]) -> Member:
    """The struct `IAlliance.Member` as a member.

    Raises:
        CodeFormatError: the name has the wrong form.
    """
    name, roles, account, x, y, log_key, sealing_key, endpoint, wallet_endpoint = fields
    return Member(
        name=read_name(name),
        roles=Role(roles),
        account=bytes.fromhex(account[2:]),
        identity_key=x + y,
        log_key=log_key,
        sealing_key=sealing_key,
        endpoint=endpoint,
        wallet_endpoint=wallet_endpoint,
    )


def key_change_from_tuples(change: Sequence[Any], proofs: Sequence[Any]) -> tuple[KeyChange, KeyProofs]:
    """The structs `IAlliance.KeyChange` and `IAlliance.KeyProofs`."""
    (account, x, y, log_key, sealing_key), log_size, overlap_until = change
    keys = KeySet(bytes.fromhex(account[2:]), x + y, log_key, sealing_key)
    return KeyChange(keys, log_size, overlap_until), KeyProofs(*proofs)


def _keys_changed(event: Arguments) -> KeysChanged:
    change, proofs = key_change_from_tuples(event["change"], event["proofs"])
    return KeysChanged(Succession(read_name(event["id"]), event["version"], event["time"], change, proofs))


def _proposal_made(event: Arguments) -> ProposalMade:
    action = Action(event["action"])
    data = decode_values(DATA_TYPES[action], event["data"])
    about, detail = _ABOUT[action](*data)
    return ProposalMade(
        proposal=event["proposal"],
        proposer=read_name(event["proposer"]),
        action=action,
        about=about,
        expires=event["expires"],
        eligible=event["eligible"],
        detail=detail,
        entry=_entry(action, data),
    )


def _entry(action: Action, data: Sequence[Any]) -> bytes:
    if action is Action.SET_CALENDAR:
        return WorkingYear.of(*data).words
    place = {Action.SET_TRUST: 1, Action.SET_DEFINITION: 2}.get(action)
    return b"" if place is None else data[place]


def _about_member(name: bytes) -> tuple[str, str]:
    return read_name(name), ""


def definition_detail(version: int, definition: bytes) -> str:
    """What a vote on a definition decides."""
    return f"version {version} sha-256 {definition.hex()}"


def calendar_detail(year: WorkingYear) -> str:
    """What a vote on a year decides, in short."""
    return f"{year.early.bit_count() + year.late.bit_count()} working days"


def _text(name: bytes) -> str:
    return name.rstrip(b"\0").decode("ascii")


_ABOUT: dict[Action, Callable[..., tuple[str, str]]] = {
    Action.ADMIT: lambda fields: (member_from_tuple(fields).name, ""),
    Action.SUSPEND: _about_member,
    Action.REINSTATE: _about_member,
    Action.SET_CONTRACT: lambda name, address, code: (_text(name), f"{address.lower()} code 0x{code.hex()}"),
    Action.SET_VERIFIER: lambda address, accepted, code: (
        address.lower(),
        f"accept code 0x{code.hex()}" if accepted else "drop",
    ),
    Action.SET_ROLES: lambda name, roles: (read_name(name), role_names(roles)),
    Action.SET_TRUST: lambda name, _entry: (read_name(name), ""),
    Action.SET_DEFINITION: lambda name, version, definition: (
        category_from_bytes32(name),
        definition_detail(version, definition),
    ),
    Action.SET_CALENDAR: lambda *year: (str(year[0]), calendar_detail(WorkingYear.of(*year))),
}

_TABLE: dict[str, Callable[[Arguments], Happening]] = {
    "MemberAdmitted": lambda event: MemberAdmitted(member_from_tuple(event["member"])),
    "MemberSuspended": lambda event: MemberStanding(read_name(event["id"]), active=False),
    "MemberReinstated": lambda event: MemberStanding(read_name(event["id"]), active=True),
    "EndpointsUpdated": lambda event: EndpointsUpdated(
        read_name(event["id"]), event["endpoint"], event["walletEndpoint"]
    ),
    "KeysChanged": _keys_changed,
    "ProposalMade": _proposal_made,
    "VoteCast": lambda event: VoteCast(event["proposal"], read_name(event["voter"]), event["approve"]),
    "ProposalPassed": lambda event: ProposalPassed(event["proposal"]),
    "SubjectCreated": lambda event: SubjectCreated(
        event["subject"], read_name(event["home"]), event["controller"]
    ),
    "ControllerChanged": lambda event: ControllerChanged(
        event["subject"], event["version"], event["removed"], event["added"]
    ),
    "RecoveryProposed": lambda event: RecoveryProposed(
        event["subject"], event["version"], event["controller"], read_name(event["member"])
    ),
    "RecoveryConfirmed": lambda event: RecoveryConfirmed(
        event["subject"], event["version"], event["controller"], read_name(event["member"]), event["until"]
    ),
    "RecoveryVetoed": lambda event: RecoveryVetoed(event["subject"], event["version"]),
    "SubjectRecovered": lambda event: SubjectRecovered(
        event["subject"], event["version"], event["controller"]
    ),
    "GrantRegistered": lambda event: GrantRegistered(event["grant"], event["expires"]),
    "GrantRevoked": lambda event: GrantRevoked(event["grant"]),
    "GuaranteeMoved": lambda event: GuaranteeMoved(
        event["guarantee"],
        event["event_"],
        event["state"],
        event["sequence"],
        event["document"],
        event["expires"],
        event["end"],
        event["since"],
        event["due"],
    ),
    "TrustSet": lambda event: TrustSet(read_name(event["ca"]), event["version"], event["entry"]),
    "DefinitionSet": lambda event: DefinitionSet(
        category_from_bytes32(event["category"]), event["version"], event["definition"]
    ),
    "CalendarSet": lambda event: CalendarSet(WorkingYear.of(event["year"], event["early"], event["late"])),
    "MemberSummoned": lambda event: MemberSummoned(
        read_name(event["id"]), read_name(event["by"]), event["until"]
    ),
    "SummonsEnded": lambda event: SummonsEnded(read_name(event["id"]), read_name(event["by"])),
    "MemberAbsent": lambda event: MemberAbsent(read_name(event["id"]), absent=True),
    "MemberReturned": lambda event: MemberAbsent(read_name(event["id"]), absent=False),
    "LeaveAnnounced": lambda event: LeaveAnnounced(read_name(event["id"]), event["from"]),
    "MemberLeft": lambda event: MemberLeft(read_name(event["id"])),
    "RolesChanged": lambda event: RolesChanged(read_name(event["id"]), event["roles"]),
    "SubjectMoved": lambda event: SubjectMoved(event["subject"], event["version"], read_name(event["home"])),
    "ContractSet": lambda event: ContractSet(
        _text(event["name"]), bytes.fromhex(event["location"][2:]), event["codeHash"]
    ),
    "VerifierSet": lambda event: VerifierSet(bytes.fromhex(event["verifier"][2:]), event["accepted"]),
    "OpeningAnnounced": lambda event: OpeningAnnounced(
        read_name(event["member"]), event["opening"], event["time"]
    ),
    "OpeningPostponed": lambda event: OpeningPostponed(
        read_name(event["member"]), event["opening"], event["time"], event["notice"]
    ),
    "Opened": lambda event: TenderOpened(read_name(event["member"]), event["opening"], event["time"]),
    "Reserved": lambda event: ApplicationsReserved(
        read_name(event["member"]), tuple(event["nullifiers"]), tuple(event["bindings"]), event["time"]
    ),
    "Anchored": lambda event: Anchored(read_name(event["member"]), event["size"], event["root"]),
}
