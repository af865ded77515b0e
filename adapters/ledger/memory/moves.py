"""`Grants.sol` and `Anchors.sol` in Python. Checks stand in the contracts' order."""

from dataclasses import dataclass
from typing import Protocol

from adapters.ledger.artifact import ANCHORS, GRANTS
from adapters.ledger.deployment import Deployment
from adapters.ledger.memory.book import BookRules
from adapters.ledger.memory.signers import is_signed, is_well_formed
from adapters.ledger.memory.state import State
from node.domain.ledger import (
    AnchorCheckpoint,
    Anchored,
    GrantRegistered,
    GrantRevoked,
    Happening,
    RegisterGrant,
    RevokeGrant,
)
from node.domain.ledger_ids import (
    Eip712Domain,
    grant_id,
    revoke_grant_digest,
)
from node.domain.member import Member
from node.domain.merkle import verify_consistency
from node.errors import InclusionError, LedgerRefusedError


class Membership(Protocol):
    """What the contracts ask the alliance."""

    def member_of(self, account: bytes) -> str | None:
        """Name of the active member with this account."""
        ...

    def bound_member(self, account: bytes) -> str | None:
        """Name of the member with this account, in whatever standing."""
        ...

    def member(self, name: str) -> Member:
        """A member in any standing."""
        ...


@dataclass(frozen=True, slots=True)
class GrantEntry:
    """`Grants.Grant`; there is none where the state is unknown."""

    is_revoked: bool
    expires: int


@dataclass(frozen=True, slots=True)
class AnchorEntry:
    """`Anchors.Anchor`."""

    size: int
    root: bytes
    time: int


class MoveRules:
    """The functions of the two contracts; each returns what it reports."""

    def __init__(self, state: State, membership: Membership, book: BookRules, deployment: Deployment) -> None:
        self._state, self._membership, self._book = state, membership, book
        self._deployment = deployment

    def register_grant(self, sender: bytes, call: RegisterGrant, now: int) -> list[Happening]:
        """Raises:
        LedgerRefusedError: as `Grants.register`.
        """
        self._sender(sender, "GrantsNotMember")
        self._book.require_in_force(GRANTS)
        self._check_signer(call.terms.revoker, "GrantsMalformedSigner")
        grant = grant_id(self._deployment.alliance_id, call.terms)
        known = self._grant(grant)
        if known is not None:
            problem = "GrantsAlreadyRevoked" if known.is_revoked else "GrantsAlreadyRegistered"
            raise LedgerRefusedError(problem, f"grant=0x{grant.hex()}")
        if now > call.terms.register_before:
            raise LedgerRefusedError("GrantsTooLate", f"registerBefore={call.terms.register_before}")
        if now >= call.terms.expires:
            raise LedgerRefusedError("GrantsExpired", f"expires={call.terms.expires}")
        entry = GrantEntry(is_revoked=False, expires=call.terms.expires)
        self._state.put("grant", (self._state.frame.target, grant), entry)
        return [GrantRegistered(grant, call.terms.expires)]

    def revoke_grant(self, sender: bytes, call: RevokeGrant) -> list[Happening]:
        """Raises:
        LedgerRefusedError: as `Grants.revoke`.
        """
        self._bound(sender, "GrantsNotMember")
        self._check_signer(call.terms.revoker, "GrantsMalformedSigner")
        grant = grant_id(self._deployment.alliance_id, call.terms)
        place = (self._state.frame.target, grant)
        entry: GrantEntry | None = self._state.get("grant", place)
        if entry is not None and entry.is_revoked:
            raise LedgerRefusedError("GrantsAlreadyRevoked", f"grant=0x{grant.hex()}")
        digest = revoke_grant_digest(self._domain(), grant)
        if not is_signed(call.terms.revoker, digest, call.signature, self._book):
            raise LedgerRefusedError("GrantsWrongSignature", f"grant=0x{grant.hex()}")
        self._state.put("grant", place, GrantEntry(is_revoked=True, expires=entry.expires if entry else 0))
        return [GrantRevoked(grant)]

    def anchor(self, sender: bytes, call: AnchorCheckpoint) -> list[Happening]:
        """Raises:
        LedgerRefusedError: as `Anchors.anchor`.
        """
        name = self._bound(sender, "AnchorsNotMember")
        self._book.require_in_force(ANCHORS)
        last = self._last_anchor(name)
        last_size = last.size if last else 0
        detail = f"size={call.size}, last={last_size}"
        if call.size <= last_size:
            raise LedgerRefusedError("AnchorsNotGrowing", detail)
        if not _is_consistent(last, call):
            raise LedgerRefusedError("AnchorsInconsistent", detail)
        frame = self._state.frame
        self._state.put("anchor", (frame.target, name), AnchorEntry(call.size, call.root, frame.now))
        return [Anchored(name, call.size, call.root)]

    def _sender(self, account: bytes, problem: str) -> str:
        name = self._membership.member_of(account)
        if name is None:
            raise LedgerRefusedError(problem, f"account=0x{account.hex()}")
        return name

    def _bound(self, account: bytes, problem: str) -> str:
        name = self._membership.bound_member(account)
        if name is None:
            raise LedgerRefusedError(problem, f"account=0x{account.hex()}")
        return name

    def _last_anchor(self, name: str) -> AnchorEntry | None:
        """As the contract that is called has it, or the nearest before it that has any."""
        entries = (self._state.get("anchor", (place, name)) for place in reversed(self._book.so_far(ANCHORS)))
        return next((entry for entry in entries if entry is not None), None)

    def _grant(self, grant: bytes) -> GrantEntry | None:
        """As the contract that is called and those before it know it: revoked in one is revoked."""
        states = [self._state.get("grant", (place, grant)) for place in self._book.so_far(GRANTS)]
        known = [state for state in states if state is not None]
        return next((state for state in known if state.is_revoked), known[-1] if known else None)

    def _domain(self) -> Eip712Domain:
        deployment = self._deployment
        return Eip712Domain(deployment.chain_id, self._state.frame.target, deployment.alliance_id)

    def _check_signer(self, signer: bytes, problem: str) -> None:
        if not is_well_formed(signer, self._book):
            raise LedgerRefusedError(problem)


def _is_consistent(last: AnchorEntry | None, call: AnchorCheckpoint) -> bool:
    if last is None:
        return not call.consistency
    try:
        verify_consistency(last.size, call.size, last.root, call.root, call.consistency)
    except InclusionError:
        return False
    return True
