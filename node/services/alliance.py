"""What a node knows of its alliance: the descriptor it joined under, the projection, and itself."""

from dataclasses import dataclass

from node.domain.controller import Verifiers
from node.domain.descriptor import Descriptor, verifiers_of
from node.domain.duties import Act, is_allowed
from node.domain.ledger_ids import Eip712Domain
from node.domain.member import Role
from node.errors import RoleMissingError, StandingError
from node.services.projection import Projection, SubjectRow

_LACKING = {
    Role.CENTRE: "runs no tenders",
    Role.GUARANTOR: "is no guarantor in this alliance",
    Role.SUPERVISOR: "is no supervisor in this alliance",
}


@dataclass(frozen=True, slots=True)
class Alliance:
    """Shared by all services; holds no state of its own."""

    descriptor: Descriptor
    projection: Projection
    me: str
    """Name of the member that this node is."""

    @property
    def id(self) -> str:
        """Alliance id, 64 hex digits."""
        return self.descriptor.alliance

    @property
    def raw_id(self) -> bytes:
        """Alliance id, 32 bytes."""
        return bytes.fromhex(self.descriptor.alliance)

    def contract(self, name: str) -> bytes:
        """Address of the contract in force, 20 bytes.

        Raises:
            StoreError: the database fails.
        """
        return self.contracts(name)[0]

    def contracts(self, name: str) -> list[bytes]:
        """All contracts that have had the name and that this node can read, newest first.

        Raises:
            StoreError: the database fails.
        """
        later = [entry for entry in self.projection.contracts() if entry.name == name and entry.is_known]
        founding = bytes.fromhex(self.descriptor.contracts[name].address)
        return [*(entry.address for entry in reversed(later)), founding]

    def book(self, name: str, through: int) -> list[bytes]:
        """All contracts that have had the name up to a block, oldest first, those unknown to this node too.

        Args:
            name: in the address book.
            through: number of the block.

        Raises:
            StoreError: the database fails.
        """
        later = self.projection.contracts(through)
        founding = bytes.fromhex(self.descriptor.contracts[name].address)
        return [founding, *(entry.address for entry in later if entry.name == name)]

    def check_may(self, act: Act) -> None:
        """The gate of `node.domain.duties`: that this node's member may do something in its present standing.

        A node that is not admitted yet, or has not seen the ledger, may: what it begins waits in the outbox.

        Raises:
            StandingError: it may not.
            StoreError: the database fails.
        """
        row = self.projection.standing(self.me)
        if row is not None and not is_allowed(act, row.standing):
            raise StandingError(f"{self.me} is {row.standing.name.lower()} and may not {act.value}")

    def check_role(self, role: Role) -> None:
        """That this node's member has a role, whether it is in standing or not.

        Raises:
            RoleMissingError: it has not, or has not seen the ledger yet.
            StoreError: the database fails.
        """
        row = self.projection.standing(self.me)
        if row is None or not row.member.roles & role:
            raise RoleMissingError(f"{self.me} {_LACKING[role]}")

    @property
    def verifiers(self) -> Verifiers:
        """Of the kinds of controllers."""
        return verifiers_of(self.descriptor)

    def signer_of(self, key: str) -> bytes:
        """ERC-7913 signer of a controller key: the accepted verifier ‖ key."""
        return self.verifiers.signer_of(key)

    def speaks_for(self, row: SubjectRow | None, key: str) -> bool:
        """Whether a controller key is one of a subject's; False where there is no such subject."""
        return row is not None and self.signer_of(key) in row.controllers

    def signing_domain(self, contract: str) -> Eip712Domain:
        """EIP-712 domain of a contract of this alliance, the one in force.

        Raises:
            StoreError: the database fails.
        """
        return self.domain_at(self.contract(contract))

    def domain_at(self, address: bytes) -> Eip712Domain:
        """EIP-712 domain of the contract at an address."""
        return Eip712Domain(self.descriptor.chain_id, address, self.raw_id)
