"""From the bytes of a signed transaction back to the call in it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import rlp
from eth_account import Account
from eth_hash.auto import keccak

from adapters.ledger.abi import decode_function, decode_values
from adapters.ledger.calls import MEMBER_TYPE
from adapters.ledger.deployment import Deployment
from adapters.ledger.happenings import key_change_from_tuples, member_from_tuple
from adapters.ledger.memory.guarantees import Issue
from node.domain.ledger import (
    Action,
    AnchorCheckpoint,
    Call,
    CastVote,
    ChangeController,
    ChangeKeys,
    CreateSubject,
    GrantTerms,
    ProposeAdmission,
    ProposeStanding,
    RegisterGrant,
    RevokeGrant,
    StepGuarantee,
    UpdateEndpoints,
)
from node.domain.member import member_name_from_bytes32


@dataclass(frozen=True, slots=True)
class Transaction:
    """A signed call, read back."""

    sender: bytes
    nonce: int
    call: Call | Issue
    hash: bytes


def read_transaction(raw: bytes, deployment: Deployment) -> Transaction:
    """Decode what `adapters.ledger.signing.sign_call` made.

    Raises:
        ValueError: it is for another chain or none of the alliance's contracts.
    """
    chain_id, nonce, _, _, _, target, _, data, *_ = rlp.decode(raw[1:])
    if int.from_bytes(chain_id, "big") != deployment.chain_id:
        raise ValueError("invalid chain id for signer")
    contract = next((name for name, place in deployment.contracts.items() if place.address == target), None)
    if contract is None:
        raise ValueError("not a call of the alliance's contracts")
    function, arguments = decode_function(contract, data)
    return Transaction(
        sender=bytes.fromhex(Account.recover_transaction(raw)[2:]),
        nonce=int.from_bytes(nonce, "big"),
        call=_CALLS[function](*arguments),
        hash=keccak(raw),
    )


def _propose(action: int, data: bytes, expires: int) -> Call:
    if action == Action.ADMIT:
        return ProposeAdmission(member_from_tuple(decode_values([MEMBER_TYPE], data)[0]), expires)
    return ProposeStanding(Action(action), member_name_from_bytes32(data), expires)


def _revoke(digest: bytes, register_before: int, expires: int, revoker: bytes, signature: bytes) -> Call:
    return RevokeGrant(GrantTerms(digest, register_before, expires, revoker), signature)


def _issue(terms: tuple[Any, ...], verifier: str, signature: bytes) -> Issue:
    digest, application, expires, guarantor, beneficiary, applicant = terms
    name, address = member_name_from_bytes32(guarantor), bytes.fromhex(verifier[2:])
    return Issue(digest, application, expires, name, beneficiary, applicant, address, signature)


_CALLS: dict[str, Callable[..., Any]] = {
    "anchor": lambda size, root, proof: AnchorCheckpoint(size, root, tuple(proof)),
    "create": CreateSubject,
    "changeController": ChangeController,
    "register": lambda *terms: RegisterGrant(GrantTerms(*terms)),
    "revoke": _revoke,
    "issue": _issue,
    "step": StepGuarantee,
    "propose": _propose,
    "vote": CastVote,
    "updateEndpoints": UpdateEndpoints,
    "changeKeys": lambda change, _, proofs: ChangeKeys(*key_change_from_tuples(change, proofs)),
}
