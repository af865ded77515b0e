"""From the bytes of a signed transaction back to the call in it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import rlp
from eth_account import Account
from eth_hash.auto import keccak

from adapters.ledger.abi import decode_function, decode_values
from adapters.ledger.calls import DATA_TYPES
from adapters.ledger.deployment import Deployment
from adapters.ledger.happenings import key_change_from_tuples, member_from_tuple
from adapters.ledger.memory.guarantees import Issue
from node.domain.alliance_life import (
    MoveSubject,
    ProposeCalendar,
    ProposeContract,
    ProposeDefinition,
    ProposeRoles,
    ProposeVerifier,
    StandingStep,
    Step,
)
from node.domain.calendar import WorkingYear
from node.domain.ledger import (
    Action,
    AnchorCheckpoint,
    Call,
    CastVote,
    ChangeController,
    ChangeKeys,
    CreateSubject,
    Evidence,
    GrantTerms,
    GuaranteeStep,
    GuaranteeTerms,
    ProposeAdmission,
    ProposeStanding,
    ProposeTrust,
    RegisterGrant,
    RevokeGrant,
    Signed,
    StepGuarantee,
    UpdateEndpoints,
)
from node.domain.ledger_ids import category_from_bytes32
from node.domain.member import member_name_from_bytes32
from node.domain.recovery import ConfirmRecovery, FinishRecovery, ProposeRecovery, VetoRecovery
from node.domain.sealing import (
    AnnounceOpening,
    OpenTender,
    PostponeOpening,
    ReserveApplications,
    SignedReservation,
)


@dataclass(frozen=True, slots=True)
class Transaction:
    """A signed call, read back."""

    sender: bytes
    nonce: int
    call: Call | Issue
    hash: bytes
    target: bytes
    """20 bytes: the contract it was sent to."""


def read_transaction(raw: bytes, deployment: Deployment, places: Mapping[bytes, str]) -> Transaction:
    """Decode what `adapters.ledger.signing.sign_call` made.

    Args:
        raw: the transaction.
        deployment: of the alliance.
        places: name of every contract that there is or was, by address.

    Raises:
        ValueError: it is for another chain or none of the alliance's contracts.
    """
    chain_id, nonce, _, _, _, target, _, data, *_ = rlp.decode(raw[1:])
    if int.from_bytes(chain_id, "big") != deployment.chain_id:
        raise ValueError("invalid chain id for signer")
    contract = places.get(target)
    if contract is None:
        raise ValueError("not a call of the alliance's contracts")
    function, arguments = decode_function(contract, data)
    return Transaction(
        sender=bytes.fromhex(Account.recover_transaction(raw)[2:]),
        nonce=int.from_bytes(nonce, "big"),
        call=_CALLS[function](*arguments),
        hash=keccak(raw),
        target=target,
    )


def _propose(action: int, data: bytes, expires: int) -> Call:
    values = decode_values(DATA_TYPES[Action(action)], data)
    match Action(action):
        case Action.ADMIT:
            return ProposeAdmission(member_from_tuple(values[0]), expires)
        case Action.SET_CONTRACT:
            name, location, code_hash = values
            text = name.rstrip(b"\0").decode("ascii")
            return ProposeContract(text, bytes.fromhex(location[2:]), code_hash, expires)
        case Action.SET_VERIFIER:
            location, accepted, code_hash = values
            return ProposeVerifier(bytes.fromhex(location[2:]), accepted, code_hash, expires)
        case Action.SET_ROLES:
            return ProposeRoles(member_name_from_bytes32(values[0]), values[1], expires)
        case Action.SET_DEFINITION:
            return ProposeDefinition(category_from_bytes32(values[0]), values[1], values[2], expires)
        case Action.SET_CALENDAR:
            return ProposeCalendar(WorkingYear.of(*values), expires)
        case Action.SET_TRUST:
            return ProposeTrust(member_name_from_bytes32(values[0]), values[1], expires)
        case standing:
            return ProposeStanding(standing, member_name_from_bytes32(values[0]), expires)


def _standing_step(step: Step) -> Callable[..., Call]:
    return lambda *names: StandingStep(step, *map(member_name_from_bytes32, names))


def _revoke(digest: bytes, register_before: int, expires: int, revoker: bytes, signature: bytes) -> Call:
    return RevokeGrant(GrantTerms(digest, register_before, expires, revoker), signature)


def _issue(terms: tuple[Any, ...], verifier: str, signature: bytes) -> Issue:
    digest, application, expires, guarantor, *rest = terms
    name, address = member_name_from_bytes32(guarantor), bytes.fromhex(verifier[2:])
    return Issue(GuaranteeTerms(digest, application, expires, name, *rest), address, signature)


def _step(step: tuple[Any, ...], mover: tuple[Any, ...], evidence: tuple[Any, ...]) -> StepGuarantee:
    end, salt, lodged, receipt = evidence
    shown = Evidence(end, salt, lodged, _signed(*receipt) if lodged else None)
    return StepGuarantee(GuaranteeStep(*step), _signed(*mover), shown)


def _signed(signer: bytes, salt: bytes, member: bytes, signature: bytes) -> Signed:
    return Signed(signer, signature, salt, member_name_from_bytes32(member) if any(member) else "")


_CALLS: dict[str, Callable[..., Any]] = {
    "anchor": lambda size, root, proof: AnchorCheckpoint(size, root, tuple(proof)),
    "create": CreateSubject,
    "changeController": ChangeController,
    "register": lambda *terms: RegisterGrant(GrantTerms(*terms)),
    "revoke": _revoke,
    "issue": _issue,
    "step": _step,
    "propose": _propose,
    "vote": CastVote,
    "updateEndpoints": UpdateEndpoints,
    "changeKeys": lambda change, _, proofs: ChangeKeys(*key_change_from_tuples(change, proofs)),
    "move": MoveSubject,
    "proposeRecovery": ProposeRecovery,
    "confirmRecovery": ConfirmRecovery,
    "vetoRecovery": VetoRecovery,
    "finishRecovery": FinishRecovery,
    "announce": AnnounceOpening,
    "postpone": PostponeOpening,
    "open": OpenTender,
    "reserve": lambda rows: ReserveApplications(
        tuple(SignedReservation(nullifier, binding, r + vs) for nullifier, binding, r, vs in rows)
    ),
    **{step.value: _standing_step(step) for step in Step},
}
