"""Which contract function each call of the domain is, and how much gas it may use."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from adapters.ledger.abi import encode_function, encode_values
from adapters.ledger.artifact import (
    ALLIANCE,
    ANCHORS,
    GRANTS,
    GUARANTEES,
    OPENINGS,
    RESERVATIONS,
    SUBJECTS,
    VERIFIER,
)
from adapters.ledger.deployment import Deployment
from node.domain.alliance_life import (
    MoveSubject,
    ProposeCalendar,
    ProposeContract,
    ProposeDefinition,
    ProposeRoles,
    ProposeVerifier,
    StandingStep,
)
from node.domain.ledger import (
    NO_WORD,
    Action,
    AnchorCheckpoint,
    Call,
    CastVote,
    ChangeController,
    ChangeKeys,
    CreateSubject,
    Evidence,
    GrantTerms,
    GuaranteeTerms,
    IssueGuarantee,
    ProposeAdmission,
    ProposeStanding,
    ProposeTrust,
    RegisterGrant,
    RevokeGrant,
    Signed,
    StepGuarantee,
    UpdateEndpoints,
)
from node.domain.ledger_ids import category_to_bytes32
from node.domain.member import Member, member_name_to_bytes32
from node.domain.recovery import ConfirmRecovery, FinishRecovery, ProposeRecovery, VetoRecovery
from node.domain.sealing import (
    AnnounceOpening,
    OpenTender,
    PostponeOpening,
    ReserveApplications,
    SignedReservation,
)

MEMBER_TYPE = "(bytes32,uint8,address,bytes32,bytes32,bytes32,bytes32,string,string)"
DATA_TYPES: dict[Action, tuple[str, ...]] = {
    Action.ADMIT: (MEMBER_TYPE,),
    Action.SUSPEND: ("bytes32",),
    Action.REINSTATE: ("bytes32",),
    Action.SET_CONTRACT: ("bytes32", "address", "bytes32"),
    Action.SET_VERIFIER: ("address", "bool", "bytes32"),
    Action.SET_TRUST: ("bytes32", "bytes"),
    Action.SET_ROLES: ("bytes32", "uint8"),
    Action.SET_DEFINITION: ("bytes32", "uint32", "bytes32"),
    Action.SET_CALENDAR: ("uint16", "uint256", "uint256"),
}
"""What a proposal's data is the encoding of."""


@dataclass(frozen=True, slots=True)
class Invocation:
    """A call as the contracts take it."""

    contract: str
    data: bytes
    """Selector and arguments."""
    gas: int
    """Limit. Gas is free, so the limits are generous and fixed: an estimate would cost a request and would no
    longer be true when another transaction comes in between. `tests/ports` measures the real use."""
    at: bytes = b""
    """20 bytes: a contract that was replaced since; empty: the one in force."""


def to_invocation(call: Call, deployment: Deployment) -> Invocation:
    """Translate a call; two of them name another of the alliance's contracts."""
    if isinstance(call, IssueGuarantee):
        return _issue_guarantee(call, deployment.address_of(VERIFIER))
    if isinstance(call, ChangeKeys):
        return _change_keys(call, deployment.address_of(VERIFIER))
    return _TABLE[type(call)](call)


def member_tuple(member: Member) -> tuple[object, ...]:
    """A member as the struct `IAlliance.Member`."""
    return (
        member_name_to_bytes32(member.name),
        int(member.roles),
        member.account,
        member.identity_key[:32],
        member.identity_key[32:],
        member.log_key,
        member.sealing_key,
        member.endpoint,
        member.wallet_endpoint,
    )


def _anchor(call: AnchorCheckpoint) -> Invocation:
    arguments = (call.size, call.root, call.consistency)
    return Invocation(ANCHORS, encode_function(ANCHORS, "anchor", arguments), 500_000)


def _create_subject(call: CreateSubject) -> Invocation:
    arguments = (call.salt, call.controller)
    return Invocation(SUBJECTS, encode_function(SUBJECTS, "create", arguments), 1_000_000)


def _change_controller(call: ChangeController) -> Invocation:
    arguments = (call.subject, call.removed, call.added, call.signer, call.signature)
    return Invocation(SUBJECTS, encode_function(SUBJECTS, "changeController", arguments), 4_000_000)


def _register_grant(call: RegisterGrant) -> Invocation:
    return Invocation(GRANTS, encode_function(GRANTS, "register", _terms(call.terms)), 500_000)


def _revoke_grant(call: RevokeGrant) -> Invocation:
    arguments = (*_terms(call.terms), call.signature)
    return Invocation(GRANTS, encode_function(GRANTS, "revoke", arguments), 2_000_000, call.at)


def _issue_guarantee(call: IssueGuarantee, verifier: bytes) -> Invocation:
    arguments = (_guarantee_terms(call.terms), verifier, call.signature)
    return Invocation(GUARANTEES, encode_function(GUARANTEES, "issue", arguments), 2_000_000)


def _step_guarantee(call: StepGuarantee) -> Invocation:
    step = call.step
    told = (
        step.guarantee,
        step.sequence,
        step.previous,
        step.event,
        step.document,
        step.end,
        step.expires,
    )
    arguments = (told, _signed(call.mover), _evidence(call.evidence))
    return Invocation(GUARANTEES, encode_function(GUARANTEES, "step", arguments), 3_000_000, call.at)


def _propose_admission(call: ProposeAdmission) -> Invocation:
    data = encode_values([MEMBER_TYPE], [member_tuple(call.member)])
    return _propose(Action.ADMIT, data, call.expires)


def _propose_standing(call: ProposeStanding) -> Invocation:
    return _propose(call.action, member_name_to_bytes32(call.name), call.expires)


def _propose_trust(call: ProposeTrust) -> Invocation:
    data = encode_values(DATA_TYPES[Action.SET_TRUST], [member_name_to_bytes32(call.anchor), call.entry])
    return _propose(Action.SET_TRUST, data, call.expires, gas=16_000_000)


def _propose_roles(call: ProposeRoles) -> Invocation:
    data = encode_values(DATA_TYPES[Action.SET_ROLES], [member_name_to_bytes32(call.name), call.roles])
    return _propose(Action.SET_ROLES, data, call.expires)


def _propose_contract(call: ProposeContract) -> Invocation:
    name = call.name.encode("ascii").ljust(32, b"\0")
    data = encode_values(DATA_TYPES[Action.SET_CONTRACT], [name, call.address, call.code_hash])
    return _propose(Action.SET_CONTRACT, data, call.expires)


def _propose_verifier(call: ProposeVerifier) -> Invocation:
    data = encode_values(DATA_TYPES[Action.SET_VERIFIER], [call.address, call.accepted, call.code_hash])
    return _propose(Action.SET_VERIFIER, data, call.expires)


def _propose_definition(call: ProposeDefinition) -> Invocation:
    values = [category_to_bytes32(call.category), call.version, call.definition]
    data = encode_values(DATA_TYPES[Action.SET_DEFINITION], values)
    return _propose(Action.SET_DEFINITION, data, call.expires)


def _propose_calendar(call: ProposeCalendar) -> Invocation:
    year = call.year
    data = encode_values(DATA_TYPES[Action.SET_CALENDAR], [year.year, year.early, year.late])
    return _propose(Action.SET_CALENDAR, data, call.expires)


def _propose(action: Action, data: bytes, expires: int, gas: int = 4_000_000) -> Invocation:
    arguments = (int(action), data, expires)
    return Invocation(ALLIANCE, encode_function(ALLIANCE, "propose", arguments), gas)


def _cast_vote(call: CastVote) -> Invocation:
    arguments = (call.proposal, call.approve)
    return Invocation(ALLIANCE, encode_function(ALLIANCE, "vote", arguments), 4_000_000)


def _update_endpoints(call: UpdateEndpoints) -> Invocation:
    arguments = (call.endpoint, call.wallet_endpoint)
    return Invocation(ALLIANCE, encode_function(ALLIANCE, "updateEndpoints", arguments), 1_500_000)


def _change_keys(call: ChangeKeys, verifier: bytes) -> Invocation:
    change, keys, proofs = call.change, call.change.keys, call.proofs
    identity = (keys.identity_key[:32], keys.identity_key[32:])
    arguments = (
        ((keys.account, *identity, keys.log_key, keys.sealing_key), change.log_size, change.overlap_until),
        verifier,
        (proofs.identity, proofs.new_identity, proofs.new_account),
    )
    return Invocation(ALLIANCE, encode_function(ALLIANCE, "changeKeys", arguments), 2_500_000)


def _standing_step(call: StandingStep) -> Invocation:
    arguments = [member_name_to_bytes32(call.name)] if call.step.names_member else []
    return Invocation(ALLIANCE, encode_function(ALLIANCE, call.step.value, arguments), 500_000)


def _move_subject(call: MoveSubject) -> Invocation:
    arguments = (call.subject, call.signer, call.signature)
    return Invocation(SUBJECTS, encode_function(SUBJECTS, "move", arguments), 3_000_000)


def _propose_recovery(call: ProposeRecovery) -> Invocation:
    arguments = (call.subject, call.controller)
    return Invocation(SUBJECTS, encode_function(SUBJECTS, "proposeRecovery", arguments), 1_000_000)


def _confirm_recovery(call: ConfirmRecovery) -> Invocation:
    arguments = (call.subject, call.version, call.controller)
    return Invocation(SUBJECTS, encode_function(SUBJECTS, "confirmRecovery", arguments), 10_000_000)


def _veto_recovery(call: VetoRecovery) -> Invocation:
    arguments = (call.subject, call.signer, call.signature)
    return Invocation(SUBJECTS, encode_function(SUBJECTS, "vetoRecovery", arguments), 3_000_000)


def _finish_recovery(call: FinishRecovery) -> Invocation:
    arguments = (call.subject, call.version, call.controller)
    return Invocation(SUBJECTS, encode_function(SUBJECTS, "finishRecovery", arguments), 2_000_000)


def _announce_opening(call: AnnounceOpening) -> Invocation:
    return Invocation(OPENINGS, encode_function(OPENINGS, "announce", (call.opening, call.time)), 300_000)


def _postpone_opening(call: PostponeOpening) -> Invocation:
    arguments = (call.opening, call.time, call.notice)
    return Invocation(OPENINGS, encode_function(OPENINGS, "postpone", arguments), 300_000)


def _open_tender(call: OpenTender) -> Invocation:
    return Invocation(OPENINGS, encode_function(OPENINGS, "open", (call.opening,)), 300_000)


def _reserve_applications(call: ReserveApplications) -> Invocation:
    arguments = (reservation_rows(call.reservations),)
    return Invocation(RESERVATIONS, encode_function(RESERVATIONS, "reserve", arguments), 1_500_000)


def reservation_rows(reservations: Sequence[SignedReservation]) -> list[tuple[bytes, bytes, bytes, bytes]]:
    """The structs `IReservations.Reservation`."""
    return [(one.nullifier, one.binding, one.signature[:32], one.signature[32:]) for one in reservations]


def _terms(terms: GrantTerms) -> tuple[object, ...]:
    return (terms.digest, terms.register_before, terms.expires, terms.revoker)


def _guarantee_terms(terms: GuaranteeTerms) -> tuple[object, ...]:
    """The struct `IGuarantees.Terms`."""
    return (
        terms.digest,
        terms.application,
        terms.expires,
        member_name_to_bytes32(terms.guarantor),
        terms.beneficiary,
        terms.applicant,
        terms.centre,
        terms.end,
        terms.examination,
    )


def _signed(signed: Signed) -> tuple[object, ...]:
    """The struct `IGuarantees.Signed`."""
    member = member_name_to_bytes32(signed.member) if signed.member else NO_WORD
    return (signed.signer, signed.salt, member, signed.signature)


def _evidence(evidence: Evidence) -> tuple[object, ...]:
    """The struct `IGuarantees.Evidence`."""
    receipt = evidence.receipt or Signed(b"", b"")
    return (evidence.end, evidence.salt, evidence.lodged, _signed(receipt))


_TABLE: dict[type[Call], Callable[[Any], Invocation]] = {
    AnchorCheckpoint: _anchor,
    CreateSubject: _create_subject,
    ChangeController: _change_controller,
    RegisterGrant: _register_grant,
    RevokeGrant: _revoke_grant,
    StepGuarantee: _step_guarantee,
    ProposeAdmission: _propose_admission,
    ProposeStanding: _propose_standing,
    ProposeTrust: _propose_trust,
    ProposeRoles: _propose_roles,
    ProposeContract: _propose_contract,
    ProposeVerifier: _propose_verifier,
    ProposeDefinition: _propose_definition,
    ProposeCalendar: _propose_calendar,
    StandingStep: _standing_step,
    MoveSubject: _move_subject,
    ProposeRecovery: _propose_recovery,
    ConfirmRecovery: _confirm_recovery,
    VetoRecovery: _veto_recovery,
    FinishRecovery: _finish_recovery,
    CastVote: _cast_vote,
    UpdateEndpoints: _update_endpoints,
    AnnounceOpening: _announce_opening,
    PostponeOpening: _postpone_opening,
    OpenTender: _open_tender,
    ReserveApplications: _reserve_applications,
}
