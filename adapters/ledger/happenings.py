"""What each event of the contracts means in the domain's words."""

from collections.abc import Callable, Sequence
from typing import Any

from adapters.ledger.abi import Arguments, decode_log, decode_values
from adapters.ledger.calls import MEMBER_TYPE
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
    return ProposalMade(
        proposal=event["proposal"],
        proposer=read_name(event["proposer"]),
        action=action,
        about=_ABOUT[action](event["data"]),
        expires=event["expires"],
        eligible=event["eligible"],
    )


def _admitted_name(data: bytes) -> str:
    return member_from_tuple(decode_values([MEMBER_TYPE], data)[0]).name


def _contract_name(data: bytes) -> str:
    name: bytes = decode_values(["bytes32", "address"], data)[0]
    return name.rstrip(b"\0").decode("ascii")


def _verifier_address(data: bytes) -> str:
    address: str = decode_values(["address", "bool"], data)[0]
    return address


_ABOUT: dict[Action, Callable[[bytes], str]] = {
    Action.ADMIT: _admitted_name,
    Action.SUSPEND: read_name,
    Action.REINSTATE: read_name,
    Action.SET_CONTRACT: _contract_name,
    Action.SET_VERIFIER: _verifier_address,
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
    "Anchored": lambda event: Anchored(read_name(event["member"]), event["size"], event["root"]),
}
