"""What each event of the contracts means in the domain's words."""

from collections.abc import Callable, Sequence
from typing import Any

from adapters.ledger.abi import Arguments, decode_log, decode_values
from adapters.ledger.calls import MEMBER_TYPE, TRUST_TYPES
from node.domain.ledger import (
    Action,
    Anchored,
    ControllerChanged,
    EndpointsUpdated,
    GrantRegistered,
    GrantRevoked,
    GuaranteeMoved,
    Happening,
    MemberAdmitted,
    MemberStanding,
    ProposalMade,
    ProposalPassed,
    SubjectCreated,
    TrustSet,
    VoteCast,
)
from node.domain.member import Member, Role
from node.domain.member import member_name_from_bytes32 as read_name
from node.errors import CodeFormatError


def to_happening(topics: Sequence[bytes], data: bytes) -> Happening | None:
    """Translate a log; None for events the domain has no word for (`ContractSet`, `VerifierSet`).

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


def _proposal_made(event: Arguments) -> ProposalMade:
    action = Action(event["action"])
    return ProposalMade(
        proposal=event["proposal"],
        proposer=read_name(event["proposer"]),
        action=action,
        about=_ABOUT[action](event["data"]),
        expires=event["expires"],
        eligible=event["eligible"],
        entry=decode_values(TRUST_TYPES, event["data"])[1] if action is Action.SET_TRUST else b"",
    )


def _admitted_name(data: bytes) -> str:
    return member_from_tuple(decode_values([MEMBER_TYPE], data)[0]).name


def _contract_name(data: bytes) -> str:
    name: bytes = decode_values(["bytes32", "address"], data)[0]
    return name.rstrip(b"\0").decode("ascii")


def _verifier_address(data: bytes) -> str:
    address: str = decode_values(["address", "bool"], data)[0]
    return address


def _anchor_name(data: bytes) -> str:
    return read_name(decode_values(TRUST_TYPES, data)[0])


_ABOUT: dict[Action, Callable[[bytes], str]] = {
    Action.ADMIT: _admitted_name,
    Action.SUSPEND: read_name,
    Action.REINSTATE: read_name,
    Action.SET_CONTRACT: _contract_name,
    Action.SET_VERIFIER: _verifier_address,
    Action.SET_TRUST: _anchor_name,
}

_TABLE: dict[str, Callable[[Arguments], Happening]] = {
    "MemberAdmitted": lambda event: MemberAdmitted(member_from_tuple(event["member"])),
    "MemberSuspended": lambda event: MemberStanding(read_name(event["id"]), active=False),
    "MemberReinstated": lambda event: MemberStanding(read_name(event["id"]), active=True),
    "EndpointsUpdated": lambda event: EndpointsUpdated(
        read_name(event["id"]), event["endpoint"], event["walletEndpoint"]
    ),
    "ProposalMade": _proposal_made,
    "VoteCast": lambda event: VoteCast(event["proposal"], read_name(event["voter"]), event["approve"]),
    "ProposalPassed": lambda event: ProposalPassed(event["proposal"]),
    "SubjectCreated": lambda event: SubjectCreated(
        event["subject"], read_name(event["home"]), event["controller"]
    ),
    "ControllerChanged": lambda event: ControllerChanged(
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
    ),
    "TrustSet": lambda event: TrustSet(read_name(event["ca"]), event["version"], event["entry"]),
    "Anchored": lambda event: Anchored(read_name(event["member"]), event["size"], event["root"]),
}
