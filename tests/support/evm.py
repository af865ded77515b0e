"""A small EVM for contract tests: py-evm in memory, one transaction a block, a clock that the test sets.

    evm = Evm()
    member = evm.account()
    contract = evm.deploy("Anchors", alliance_address, sender=member)
    receipt = evm.send(member, contract, "anchor", 1, root, [])         # raises Reverted
    receipt.events[0].name, receipt.gas_used

Not the product's engine: no disk, no finality, no JSON-RPC. It has the P-256 precompile (EIP-7951) unless
it is told not to.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import eth_abi
import rlp
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature
from eth.chains.base import MiningChain
from eth.consensus import ConsensusApplier, NoProofConsensus
from eth.db.atomic import AtomicDB
from eth.db.backends.memory import MemoryDB
from eth.vm.forks.cancun import CancunVM
from eth.vm.forks.cancun.computation import CancunComputation
from eth.vm.forks.cancun.state import CancunState
from eth_account import Account as Keys
from eth_utils import keccak
from eth_utils.abi import (
    abi_to_signature,
    event_abi_to_log_topic,
    function_abi_to_4byte_selector,
    get_abi_input_types,
    get_abi_output_types,
)

_ROOT = Path(__file__).parents[2]
_FOLDERS = (_ROOT / "adapters/ledger/artifacts", _ROOT / "tests/contracts/artifacts")
_P256VERIFY = (0x100).to_bytes(20, "big")
_GENESIS_TIME = 1_800_000_000
_BLOCK_GAS = 100_000_000


class Reverted(Exception):
    """A call or a transaction failed; `name` and `values` those of its custom error, "" if there is none."""

    def __init__(self, name: str, values: tuple[Any, ...], data: bytes) -> None:
        super().__init__(name or data.hex() or "no reason", *values)
        self.name, self.values, self.data = name, values, data


@contextmanager
def refused(problem: str, *values: Any) -> Iterator[None]:
    """The block ends in the custom error `problem`, with these values if any are given."""
    found = None
    try:
        yield
    except Reverted as error:
        found = error
    assert found is not None, f"not refused with {problem}"
    assert found.name == problem, f"refused with {found}, not with {problem}"
    assert not values or found.values == values


@dataclass(frozen=True, slots=True)
class Event:
    """One log entry; `values` by the names of the event's parameters."""

    name: str
    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a transaction that succeeded."""

    gas_used: int
    returned: Any
    events: list[Event]


class Artifact:
    """A compiled contract: encodes calls, decodes what comes back."""

    def __init__(self, artifact: dict[str, Any]) -> None:
        self.bytecode = bytes.fromhex(artifact["bytecode"][2:])
        self.deployed_bytecode = bytes.fromhex(artifact["deployedBytecode"][2:])
        self.immutable_references = artifact["immutableReferences"]
        abi = artifact["abi"]
        self._constructor = next((entry for entry in abi if entry["type"] == "constructor"), {"inputs": []})
        self._functions = {entry["name"]: entry for entry in abi if entry["type"] == "function"}
        self._events = {event_abi_to_log_topic(entry): entry for entry in abi if entry["type"] == "event"}
        errors = [entry for entry in abi if entry["type"] == "error"]
        self._errors = {keccak(text=abi_to_signature(entry))[:4]: entry for entry in errors}

    def creation_code(self, *args: Any) -> bytes:
        return self.bytecode + eth_abi.encode(_types(self._constructor["inputs"]), args)

    def encode(self, function: str, *args: Any) -> bytes:
        entry = self._functions[function]
        return function_abi_to_4byte_selector(entry) + eth_abi.encode(get_abi_input_types(entry), args)

    def decode(self, function: str, output: bytes) -> Any:
        values = eth_abi.decode(get_abi_output_types(self._functions[function]), output)
        return values[0] if len(values) == 1 else values

    def decode_event(self, topics: tuple[int, ...], data: bytes) -> Event:
        # One contract may call another, which then reports or refuses in its own words.
        topic = topics[0].to_bytes(32, "big")
        entry = next(one._events[topic] for one in (self, *_deployable()) if topic in one._events)
        raw_topics = iter(topic.to_bytes(32, "big") for topic in topics[1:])
        plain = [field for field in entry["inputs"] if not field["indexed"]]
        values = iter(eth_abi.decode(_types(plain), data))
        return Event(
            entry["name"],
            {
                field["name"]: eth_abi.decode(_types([field]), next(raw_topics))[0]
                if field["indexed"]
                else next(values)
                for field in entry["inputs"]
            },
        )

    def decode_error(self, data: bytes) -> Reverted:
        known = (one._errors.get(data[:4]) for one in (self, *_deployable()))
        entry = next((one for one in known if one is not None), None)
        if entry is None:
            return Reverted("", (), data)
        return Reverted(entry["name"], eth_abi.decode(get_abi_input_types(entry), data[4:]), data)


@cache
def _deployable() -> tuple[Artifact, ...]:
    return tuple(load(path.stem) for path in sorted(_FOLDERS[0].glob("*.json")))


@cache
def load(name: str) -> Artifact:
    """The artefact of the product's or the tests' contract `name`."""
    path = next(folder / f"{name}.json" for folder in _FOLDERS if (folder / f"{name}.json").exists())
    return Artifact(json.loads(path.read_text()))


@dataclass(frozen=True, slots=True)
class Contract:
    """A deployed contract."""

    address: bytes
    artifact: Artifact


class Account:
    """A key and its address; deterministic, so that a fork and a failing example can be repeated."""

    def __init__(self, number: int) -> None:
        self.keys = Keys.from_key(keccak(text=f"account {number}"))
        self.address = bytes.fromhex(self.keys.address[2:])


def create_address(deployer: bytes, nonce: int) -> bytes:
    """Where a contract lands: the last 20 bytes of keccak256(rlp([deployer, nonce]))."""
    return keccak(rlp.encode([deployer, nonce]))[12:]


class Evm:
    """A chain with one account's transaction per block."""

    def __init__(self, *, chain_id: int = 2_021_0518, precompile: bool = True) -> None:
        self._chain_class = _chain_class(chain_id, precompile)
        genesis = {
            "difficulty": 0,
            "gas_limit": _BLOCK_GAS,
            "base_fee_per_gas": 0,
            "timestamp": _GENESIS_TIME,
        }
        self._store: dict[bytes, bytes] = {}
        self._chain = self._chain_class.from_genesis(AtomicDB(MemoryDB(self._store)), genesis, {})
        self._view: tuple[int, Any] | None = None
        self._accounts = 0
        self.chain_id = chain_id
        self.now = _GENESIS_TIME
        """Time of the next block; a test moves it forward, and each block does by one second."""

    def fork(self) -> "Evm":
        """An independent copy: what happens there does not happen here."""
        other = object.__new__(Evm)
        other.__dict__.update(self.__dict__)
        other._store = dict(self._store)
        other._chain = self._chain_class(AtomicDB(MemoryDB(other._store)))
        other._view = None
        return other

    def account(self) -> Account:
        self._accounts += 1
        return Account(self._accounts)

    def nonce(self, account: Account) -> int:
        return self._vm().state.get_nonce(account.address)

    def code(self, address: bytes) -> bytes:
        return self._vm().state.get_code(address)

    def deploy(self, name: str, *args: Any, sender: Account) -> Contract:
        artifact = load(name)
        computation, _ = self._seal(sender, b"", artifact.creation_code(*args))
        if computation.is_error:
            raise artifact.decode_error(computation.output)
        return Contract(computation.msg.storage_address, artifact)

    def call(self, contract: Contract, function: str, *args: Any, sender: bytes = b"\x11" * 20) -> Any:
        """Run without a transaction, in the block that would come next."""
        machine = self._vm()
        before = machine.state.snapshot()
        computation = machine.execute_bytecode(
            origin=sender,
            gas_price=0,
            gas=_BLOCK_GAS,
            to=contract.address,
            sender=sender,
            value=0,
            data=contract.artifact.encode(function, *args),
            code=machine.state.get_code(contract.address),
        )
        machine.state.revert(before)
        if computation.is_error:
            raise contract.artifact.decode_error(computation.output)
        return contract.artifact.decode(function, computation.output)

    def logs(self, contract: Contract) -> list[Event]:
        """Everything that the contract reported in the newest block."""
        head = self._chain.get_canonical_head()
        receipts = self._chain.get_block_by_header(head).get_receipts(self._chain.chaindb)
        logs = [log for receipt in receipts for log in receipt.logs if log.address == contract.address]
        return [contract.artifact.decode_event(log.topics, log.data) for log in logs]

    def send(self, sender: Account, contract: Contract, function: str, *args: Any) -> Receipt:
        """One transaction in a block of its own."""
        return self.send_raw(sender, contract, function, contract.artifact.encode(function, *args))

    def send_raw(self, sender: Account, contract: Contract, function: str, data: bytes) -> Receipt:
        """As `send`, with calldata that no encoder would make."""
        computation, receipt = self._seal(sender, contract.address, data)
        if computation.is_error:
            raise contract.artifact.decode_error(computation.output)
        return Receipt(
            receipt.gas_used,
            contract.artifact.decode(function, computation.output) if computation.output else None,
            [contract.artifact.decode_event(log.topics, log.data) for log in receipt.logs],
        )

    def _vm(self) -> Any:
        """A machine on the newest state, kept until there is a newer one: making it costs more than most calls."""
        if self._view is None or self._view[0] != self.now:
            self._view = (self.now, self._chain.get_vm(self._next_header()))
        return self._view[1]

    def _next_header(self) -> Any:
        head = self._chain.get_canonical_head()
        return self._chain.create_header_from_parent(head, timestamp=self.now, gas_limit=_BLOCK_GAS)

    def _seal(self, sender: Account, to: bytes, data: bytes) -> tuple[Any, Any]:
        nonce = self.nonce(sender)
        self.now += 1
        self._view = None
        self._chain.header = self._next_header()
        unsigned = {
            "to": to,
            "data": data,
            "value": 0,
            "gas": _BLOCK_GAS,
            "gasPrice": 0,
            "nonce": nonce,
            "chainId": self.chain_id,
        }
        raw = sender.keys.sign_transaction(unsigned).raw_transaction
        transaction = self._chain.get_vm().get_transaction_builder().decode(raw)
        _, receipts, computations = self._chain.mine_all([transaction])
        return computations[0], receipts[0]


def _types(fields: list[dict[str, Any]]) -> list[str]:
    return get_abi_input_types({"type": "function", "name": "", "inputs": fields})


def _chain_class(chain_id: int, precompile: bool) -> type[MiningChain]:
    extra = {_P256VERIFY: _p256verify} if precompile else {}
    computation = type(
        "Computation", (CancunComputation,), {"_precompiles": {**CancunComputation._precompiles, **extra}}
    )
    state = type("State", (CancunState,), {"computation_class": computation})
    machine = type("VM", (CancunVM,), {"_state_class": state})
    configuration = ConsensusApplier(NoProofConsensus).amend_vm_configuration(((0, machine),))
    return type("TestChain", (MiningChain,), {"vm_configuration": configuration, "chain_id": chain_id})


def _p256verify(computation: Any) -> Any:
    """EIP-7951: 160 bytes hash ‖ r ‖ s ‖ x ‖ y in, 32 bytes 1 out if the signature holds, nothing if not."""
    computation.consume_gas(6900, "P256VERIFY")
    data = bytes(computation.msg.data)
    computation.output = b""
    if len(data) == 160:
        r, s, x, y = (int.from_bytes(data[start : start + 32], "big") for start in range(32, 160, 32))
        try:
            key = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
            key.verify(encode_dss_signature(r, s), data[:32], ec.ECDSA(Prehashed(hashes.SHA256())))
            computation.output = (1).to_bytes(32, "big")
        except (InvalidSignature, ValueError):
            pass
    return computation
