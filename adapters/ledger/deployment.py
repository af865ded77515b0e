"""Where an alliance's contracts are: what the alliance descriptor says about the ledger."""

from collections.abc import Mapping
from dataclasses import dataclass

from node.domain.descriptor import Descriptor
from node.domain.ledger_ids import Eip712Domain


@dataclass(frozen=True, slots=True)
class DeployedContract:
    """One contract on the chain."""

    address: bytes
    """20 bytes."""
    code_hash: bytes
    """32 bytes: keccak of the runtime code."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """An alliance's contracts on one chain."""

    alliance_id: bytes
    """32 random bytes."""
    chain_id: int
    genesis_hash: bytes
    """32 bytes: hash of block 0; chain ids repeat, this does not."""
    block: int
    """Number of the block that took the alliance contract: no event is older."""
    contracts: Mapping[str, DeployedContract]
    """By name: Alliance, Subjects, Grants, Anchors, Guarantees, TrustList, Catalogue, Calendar, Openings,
    Reservations, ES256Verifier, WebAuthnVerifier."""

    def address_of(self, name: str) -> bytes:
        """20 bytes: where the named contract is."""
        return self.contracts[name].address

    def domain_of(self, name: str) -> Eip712Domain:
        """The EIP-712 domain of signatures that the named contract checks."""
        return Eip712Domain(self.chain_id, self.address_of(name), self.alliance_id)


def deployment_of(descriptor: Descriptor) -> Deployment:
    """Where a checked alliance descriptor says that the contracts are."""
    return Deployment(
        alliance_id=bytes.fromhex(descriptor.alliance),
        chain_id=descriptor.chain_id,
        genesis_hash=bytes.fromhex(descriptor.genesis_hash),
        block=descriptor.deployed_block,
        contracts={
            name: DeployedContract(bytes.fromhex(contract.address), bytes.fromhex(contract.code_hash))
            for name, contract in descriptor.contracts.items()
        },
    )
