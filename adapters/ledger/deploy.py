"""Founding an alliance on a chain: its contracts are deployed once, by whichever founder does it.

The deployer gets no rights from it: everything is in the constructors' arguments, and every other founder
checks the result with `adapters.ledger.check.check_deployment` before it signs the descriptor.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import rlp
from eth_hash.auto import keccak

from adapters.ledger.abi import decode_error, encode_constructor
from adapters.ledger.artifact import (
    ALLIANCE,
    BOOK_NAMES,
    CATALOGUE,
    CONTRACT_NAMES,
    TRUST_LIST,
    VERIFIERS,
    load_artifact,
)
from adapters.ledger.calls import member_tuple
from adapters.ledger.deployment import DeployedContract, Deployment
from adapters.ledger.engine import Engine, EngineRefusal
from adapters.ledger.signing import sign_free
from node.domain.catalogue.shipped import FoundingEntry, founding_entries
from node.domain.ledger_ids import category_to_bytes32
from node.domain.member import Member, member_name_to_bytes32
from node.domain.trust import TrustAnchor, encode_anchor
from node.errors import LedgerRefusedError, LedgerUnavailableError
from node.ports import Account

DEPLOYMENT_GAS = 10_000_000

_POLL_SECONDS = 0.1
_EMPTY: Mapping[str, tuple[object, ...]] = {CATALOGUE: ([], [], [])}
"""What a later version is built with besides the alliance: what is in force it asks its predecessor for."""


@dataclass(frozen=True, slots=True)
class Creation:
    """One contract to deploy."""

    name: str
    data: bytes
    """Creation code and constructor arguments."""
    nonce: int
    address: bytes
    """20 bytes: where it will be."""


async def deploy_alliance(
    url: str,
    account: Account,
    *,
    alliance_id: bytes,
    founders: Sequence[Member],
    anchors: Sequence[TrustAnchor] = (),
    definitions: Sequence[FoundingEntry] | None = None,
    timeout_seconds: float = 10.0,
    mining_seconds: float = 60.0,
) -> Deployment:
    """Deploy the contracts of a new alliance and wait until they are in blocks.

    Args:
        url: of the engine, as for `EvmLedger`.
        account: signs; it must not send anything else meanwhile.
        alliance_id: 32 random bytes.
        founders: the first members, in order.
        anchors: founding entries of the trust list, in order.
        definitions: founding entries of the catalogue; None for those that come with this software.
        timeout_seconds: for each request.
        mining_seconds: how long to wait for each contract to be in a block.

    Raises:
        LedgerUnavailableError: the engine does not answer, or a contract was in no block in time.
        LedgerRefusedError: a constructor refuses; `problem` says why.
    """
    engine = Engine(url, timeout_seconds)
    try:
        deployer = _Deployer(engine, account, mining_seconds)
        return await deployer.run(alliance_id, founders, anchors, definitions)
    except EngineRefusal as refusal:
        if refusal.data:
            raise LedgerRefusedError(*decode_error(refusal.data)) from refusal
        raise LedgerUnavailableError(f"{url} refuses the deployment: {refusal.message}") from refusal
    finally:
        await engine.close()


async def deploy_contract(  # noqa: PLR0917
    url: str,
    account: Account,
    name: str,
    alliance: bytes,
    timeout_seconds: float = 10.0,
    mining_seconds: float = 60.0,
) -> DeployedContract:
    """Deploy a contract that the members may then vote into the address book; where it is, and its code hash.

    Args:
        url: of the engine, as for `EvmLedger`.
        account: signs; it must not send anything else meanwhile.
        name: one of `BOOK_NAMES`.
        alliance: 20 bytes: the alliance contract.
        timeout_seconds: for each request.
        mining_seconds: how long to wait for the contract to be in a block.

    Raises:
        LedgerUnavailableError: the engine does not answer, or the contract was in no block in time.
        LedgerRefusedError: it cannot be deployed.
    """
    engine = Engine(url, timeout_seconds)
    try:
        deployer = _Deployer(engine, account, mining_seconds)
        address = await deployer.one(name, encode_constructor(name, (alliance, *_EMPTY.get(name, ()))))
        return DeployedContract(address, code_hash(name, alliance))
    except EngineRefusal as refusal:
        raise LedgerUnavailableError(f"{url} refuses the deployment: {refusal.message}") from refusal
    finally:
        await engine.close()


def plan_creations(  # noqa: PLR0917
    deployer: bytes,
    first_nonce: int,
    alliance_id: bytes,
    founders: Sequence[Member],
    anchors: Sequence[TrustAnchor] = (),
    definitions: Sequence[FoundingEntry] | None = None,
) -> list[Creation]:
    """What to deploy, in order. The alliance names the others before they exist: addresses are known."""
    nonces = {name: first_nonce + offset for offset, name in enumerate(CONTRACT_NAMES)}
    addresses = {name: created_address(deployer, nonce) for name, nonce in nonces.items()}
    alliance_arguments = (
        alliance_id,
        [member_tuple(founder) for founder in founders],
        [name.encode("ascii").ljust(32, b"\0") for name in BOOK_NAMES],
        [addresses[name] for name in BOOK_NAMES],
        [addresses[name] for name in VERIFIERS],
    )
    arguments: dict[str, tuple[object, ...]] = {ALLIANCE: alliance_arguments}
    arguments |= dict.fromkeys(VERIFIERS, ())
    for name in BOOK_NAMES:
        arguments[name] = (addresses[ALLIANCE],)
    arguments[TRUST_LIST] = (
        addresses[ALLIANCE],
        [member_name_to_bytes32(anchor.id) for anchor in anchors],
        [encode_anchor(anchor) for anchor in anchors],
    )
    founding = founding_entries() if definitions is None else definitions
    arguments[CATALOGUE] = (
        addresses[ALLIANCE],
        [category_to_bytes32(one.category) for one in founding],
        [one.version for one in founding],
        [one.definition for one in founding],
    )
    return [
        Creation(name, encode_constructor(name, arguments[name]), nonces[name], addresses[name])
        for name in CONTRACT_NAMES
    ]


def created_address(sender: bytes, nonce: int) -> bytes:
    """20 bytes: where CREATE puts a contract, keccak(rlp(sender, nonce))[12:]."""
    encoded: bytes = rlp.encode([sender, nonce])
    return keccak(encoded)[12:]


def code_hash(name: str, alliance: bytes) -> bytes:
    """Keccak of what must stand on the chain for the named contract of the alliance at that address."""
    return keccak(load_artifact(name).runtime_code(alliance))


class _Deployer:
    def __init__(self, engine: Engine, signer: Account, mining_seconds: float) -> None:
        self._engine = engine
        self._signer = signer
        self._mining_seconds = mining_seconds

    async def run(
        self,
        alliance_id: bytes,
        founders: Sequence[Member],
        anchors: Sequence[TrustAnchor],
        definitions: Sequence[FoundingEntry] | None,
    ) -> Deployment:
        engine = self._engine
        chain_id = engine.read_number(await engine.request("eth_chainId"), "chain id")
        genesis = engine.read_object(await engine.request("eth_getBlockByNumber", "0x0", False), "block")
        count = await engine.request("eth_getTransactionCount", _hex(self._signer.address), "latest")
        first_nonce = engine.read_number(count, "transaction count")

        creations = plan_creations(
            self._signer.address, first_nonce, alliance_id, founders, anchors, definitions
        )
        for creation in creations:  # all of them before any is sent: half an alliance is none
            await engine.request(
                "eth_call", {"from": _hex(self._signer.address), "data": _hex(creation.data)}, "latest"
            )
        hashes = [await self._send(creation, chain_id) for creation in creations]
        blocks = [await self._wait(digest) for digest in hashes]

        alliance = creations[0].address
        return Deployment(
            alliance_id=alliance_id,
            chain_id=chain_id,
            genesis_hash=engine.read_bytes(genesis.get("hash"), "block", 32),
            block=blocks[0],
            contracts={
                creation.name: DeployedContract(creation.address, code_hash(creation.name, alliance))
                for creation in creations
            },
        )

    async def one(self, name: str, data: bytes) -> bytes:
        engine, account = self._engine, self._signer.address
        chain_id = engine.read_number(await engine.request("eth_chainId"), "chain id")
        count = await engine.request("eth_getTransactionCount", _hex(account), "latest")
        nonce = engine.read_number(count, "transaction count")
        address = created_address(account, nonce)
        await self._wait(await self._send(Creation(name, data, nonce, address), chain_id))
        return address

    async def _send(self, creation: Creation, chain_id: int) -> str:
        signed = sign_free(
            self._signer, chain_id, creation.nonce, to=b"", data=creation.data, gas=DEPLOYMENT_GAS
        )
        await self._engine.request("eth_sendRawTransaction", _hex(signed.raw))
        return _hex(signed.hash)

    async def _wait(self, transaction_hash: str) -> int:
        """Number of the block that took the transaction."""
        try:
            async with asyncio.timeout(self._mining_seconds):
                receipt = await self._poll(transaction_hash)
        except TimeoutError as error:
            raise LedgerUnavailableError(f"{transaction_hash} is in no block yet") from error
        if self._engine.read_number(receipt.get("status"), "receipt") != 1:
            raise LedgerRefusedError("Reverted", f"transaction {transaction_hash}")
        return self._engine.read_number(receipt.get("blockNumber"), "receipt")

    async def _poll(self, transaction_hash: str) -> dict[str, object]:
        while True:
            answer = await self._engine.request("eth_getTransactionReceipt", transaction_hash)
            if answer is not None:
                return self._engine.read_object(answer, "receipt")
            await asyncio.sleep(_POLL_SECONDS)


def _hex(raw: bytes) -> str:
    return "0x" + raw.hex()
