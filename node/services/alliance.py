"""What a node knows of its alliance: the descriptor it joined under, the projection, and itself."""

from dataclasses import dataclass

from node.domain.descriptor import Descriptor
from node.domain.ledger_ids import Eip712Domain
from node.services.projection import Projection

VERIFIER_CONTRACT = "ES256Verifier"


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

    @property
    def verifier(self) -> bytes:
        """Address of the verifier of P-256 keys, 20 bytes."""
        return self.contract(VERIFIER_CONTRACT)

    def contract(self, name: str) -> bytes:
        """Address of a contract, 20 bytes."""
        return bytes.fromhex(self.descriptor.contracts[name].address)

    def signer_of(self, key: str) -> bytes:
        """ERC-7913 signer of a wallet's P-256 key (128 hex digits): the accepted verifier ‖ key."""
        return self.verifier + bytes.fromhex(key)

    def signing_domain(self, contract: str) -> Eip712Domain:
        """EIP-712 domain of a contract of this alliance."""
        return Eip712Domain(self.descriptor.chain_id, self.contract(contract), self.raw_id)
