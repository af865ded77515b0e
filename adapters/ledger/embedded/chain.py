"""The chain itself: opening a folder, finding what is in it, and drafting the next block.

Rules:
- One folder holds one chain. Its id is drawn at random when the folder is first opened and stored in the same
  batch as the genesis block, whose extra data is random too: no two networks share ids or hashes.
- The base fee is zero for ever: blocks are filled to half their gas limit at most, and EIP-1559 raises the
  fee only past the half.
- Nothing is found by scanning: transactions, receipts and blocks that hold logs have an index.
"""

import functools
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from eth.abc import BlockHeaderAPI, ReceiptAPI, SignedTransactionAPI, StateAPI
from eth.chains.base import Chain
from eth.constants import ZERO_ADDRESS, ZERO_HASH32
from eth.exceptions import CanonicalHeadNotFound, HeaderNotFound, TransactionNotFound
from eth.typing import HeaderParams
from eth.vm.chain_context import ChainContext
from eth_typing import BlockNumber, Hash32
from rlp import encode as rlp_encode

from adapters.ledger.embedded.store import LevelStore
from adapters.ledger.embedded.vm import HeqiVM
from node.errors import ConfigError, StoreError

GAS_LIMIT = 2_000_000_000
BLOCK_GAS_TARGET = GAS_LIMIT // 2
TRANSACTION_GAS_CAP = 2**24
"""Source: EIP-7825; it bounds how long one transaction can keep the process busy."""

_CHAIN_ID_KEY = b"heqi:chain-id"
_LOGS_PREFIX = b"heqi:logs:"


@dataclass(frozen=True, slots=True)
class SealedBlock:
    """A block with its transactions and their receipts, in order."""

    header: BlockHeaderAPI
    transactions: tuple[SignedTransactionAPI, ...]
    receipts: tuple[ReceiptAPI, ...]
    size: int
    """Bytes of header and transactions; the few of the lists around them are left out."""

    def first_log_index(self, transaction_index: int) -> int:
        """How many logs come before those of the transaction: JSON-RPC numbers logs within a block."""
        return sum(len(receipt.logs) for receipt in self.receipts[:transaction_index])


class EmbeddedChain:
    """A chain in a folder. `head` is always a block that is wholly on disk."""

    def __init__(self, store: LevelStore, chain_id: int) -> None:
        """Use `open_chain`; a store without a genesis block is refused.

        Raises:
            StoreError: there is no head.
        """
        self.chain_id = chain_id
        self._store = store
        self._chain = _chain_class(chain_id)(store)
        try:
            self.head = self._chain.get_canonical_head()
        except (CanonicalHeadNotFound, HeaderNotFound) as error:
            raise StoreError("the chain's database has lost its head: restore the folder") from error
        self.sealed_block = functools.lru_cache(maxsize=64)(self._load_block)

    def close(self) -> None:
        """Give the folder back."""
        self._store.close()

    def header_at(self, number: int) -> BlockHeaderAPI | None:
        """The header of block `number`, or None past the head."""
        if number == self.head.block_number:
            return self.head
        if not 0 <= number < self.head.block_number:
            return None
        return self._chain.chaindb.get_canonical_block_header_by_number(BlockNumber(number))

    def header_of(self, block_hash: bytes) -> BlockHeaderAPI | None:
        """The header with that hash; every stored header is canonical, for there are no forks."""
        try:
            return self._chain.chaindb.get_block_header_by_hash(Hash32(block_hash))
        except HeaderNotFound:
            return None

    def place_of(self, transaction_hash: bytes) -> tuple[SealedBlock, int] | None:
        """The block that holds the transaction, and its index there."""
        try:
            number, index = self._chain.chaindb.get_transaction_index(Hash32(transaction_hash))
        except TransactionNotFound:
            return None
        header = self.header_at(number)
        return None if header is None else (self.sealed_block(header), index)

    def headers_with_logs(self, first: int, last: int) -> Iterator[BlockHeaderAPI]:
        """The headers of the blocks from `first` to `last`, both included, that hold any log."""
        for key, _ in self._store.stored_range(_logs_key(first), _logs_key(last)):
            header = self.header_at(int.from_bytes(key[len(_LOGS_PREFIX) :], "big"))
            if header is not None:
                yield header

    def state_at(self, header: BlockHeaderAPI) -> StateAPI:
        """The state after the block, to read and to try calls on; nothing done to it is ever stored."""
        return HeqiVM.build_state(
            self._store,
            header,
            ChainContext(self.chain_id),
            HeqiVM.get_prev_hashes(header.parent_hash, self._chain.chaindb) or (),
        )

    def trie_nodes(self) -> LevelStore:
        """The database as the tries read it: keccak of a node → the node."""
        return self._store

    def draft(self, timestamp: int) -> "Draft":
        """Begin the block after the head; `timestamp` must be later than the head's."""
        header = self._chain.create_header_from_parent(
            self.head, timestamp=timestamp, gas_limit=self.head.gas_limit, coinbase=ZERO_ADDRESS
        )
        return Draft(self, header)

    def _load_block(self, header: BlockHeaderAPI) -> SealedBlock:
        chaindb = self._chain.chaindb
        transactions = chaindb.get_block_transactions(header, HeqiVM.get_transaction_builder())
        receipts = tuple(chaindb.get_receipts(header, HeqiVM.get_receipt_builder()))
        size = len(rlp_encode(header)) + sum(len(transaction.encode()) for transaction in transactions)
        return SealedBlock(header, transactions, receipts, size)

    # -- for Draft ---------------------------------------------------------------------------------------

    def _vm(self, header: BlockHeaderAPI) -> HeqiVM:
        vm = self._chain.get_vm(header)
        assert isinstance(vm, HeqiVM)
        return vm

    def _append(self, vm: HeqiVM, header: BlockHeaderAPI, applied: list["_Applied"]) -> BlockHeaderAPI:
        transactions = tuple(entry.transaction for entry in applied)
        receipts = tuple(entry.receipt for entry in applied)
        with self._store.atomic_batch():
            filled = vm.set_block_transactions_and_withdrawals(vm.get_block(), header, transactions, receipts)
            block = vm.mine_block(filled).block
            self._chain.chaindb.persist_block(block)
            if any(receipt.logs for receipt in receipts):
                self._store[_logs_key(block.number)] = block.hash
        self.head = block.header
        return block.header


@dataclass(frozen=True, slots=True)
class _Applied:
    transaction: SignedTransactionAPI
    receipt: ReceiptAPI


class BlockFullError(Exception):
    """The transaction does not fit into this block any more; it will into the next."""


class Draft:
    """The next block in the making, in memory until `seal`. The chain can be read meanwhile."""

    def __init__(self, chain: EmbeddedChain, header: BlockHeaderAPI) -> None:
        self._chain = chain
        self._vm = chain._vm(header)  # noqa: SLF001  the two classes are one unit
        self._header = header
        self._applied: list[_Applied] = []

    @property
    def size(self) -> int:
        """Number of transactions applied so far."""
        return len(self._applied)

    def apply(self, transaction: SignedTransactionAPI) -> None:
        """Execute the transaction as the block's next; one that reverts still takes its place.

        Raises:
            BlockFullError: there is no room; the draft is unchanged.
            Exception: whatever the EVM says against the transaction; the draft is unchanged.
        """
        if self._header.gas_used + transaction.gas > BLOCK_GAS_TARGET:
            raise BlockFullError
        state = self._vm.state
        self._vm.validate_transaction_against_header(self._header, transaction)
        state.lock_changes()  # before the snapshot: it forgets all snapshots
        before = state.snapshot()
        try:
            computation = state.apply_transaction(transaction)
        except Exception:
            state.revert(before)
            raise
        receipt = self._vm.make_receipt(self._header, transaction, computation, state)
        self._header = self._vm.add_receipt_to_header(self._header, receipt)
        self._applied.append(_Applied(transaction, receipt))

    def seal(self) -> BlockHeaderAPI:
        """Write the block to disk, synced, and make it the head.

        Raises:
            StoreError: the disk refuses; the head is what it was.
        """
        return self._chain._append(self._vm, self._header, self._applied)  # noqa: SLF001


def open_chain(folder: Path, *, now: int, chain_id: int | None = None) -> EmbeddedChain:
    """Open the chain in `folder`, or found one.

    Args:
        folder: made with mode 0700 if it does not exist.
        now: seconds since 1970 UTC, the time of a new genesis block.
        chain_id: for a new chain; random below 2^48 if None.

    Raises:
        StoreError: the database is held by another process or damaged.
        ConfigError: the folder holds a chain with another id.
    """
    store = LevelStore(folder)
    try:
        return EmbeddedChain(store, _settle_chain_id(store, now, chain_id))
    except BaseException:
        store.close()
        raise


def _settle_chain_id(store: LevelStore, now: int, wanted_id: int | None) -> int:
    if _CHAIN_ID_KEY not in store:
        chain_id = wanted_id or 1 + secrets.randbelow(2**48 - 1)
        _found_chain(store, chain_id, now)
        return chain_id
    chain_id = int.from_bytes(store[_CHAIN_ID_KEY], "big")
    if wanted_id not in (None, chain_id):
        raise ConfigError(f"the folder holds a chain with the id {chain_id}, not {wanted_id}")
    return chain_id


def _found_chain(store: LevelStore, chain_id: int, now: int) -> None:
    genesis: dict[str, HeaderParams] = {
        "coinbase": ZERO_ADDRESS,
        "difficulty": 0,
        "extra_data": secrets.token_bytes(32),
        "gas_limit": GAS_LIMIT,
        "base_fee_per_gas": 0,
        "mix_hash": ZERO_HASH32,
        "nonce": bytes(8),
        "timestamp": now,
    }
    with store.atomic_batch():
        store[_CHAIN_ID_KEY] = chain_id.to_bytes(8, "big")
        _chain_class(chain_id).from_genesis(store, genesis, {})


def _chain_class(chain_id: int) -> type[Chain]:
    """py-evm takes the id from the class."""
    return type(
        "HeqiChain", (Chain,), {"chain_id": chain_id, "vm_configuration": ((BlockNumber(0), HeqiVM),)}
    )


def _logs_key(block_number: int) -> bytes:
    return _LOGS_PREFIX + block_number.to_bytes(8, "big")
