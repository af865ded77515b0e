"""The JSON-RPC methods that the adapter uses, and no others.

Each takes the decoded parameters as they came and checks them; what is not accepted raises `RpcError`.
Source: execution-apis for names, parameters and results; EIP-1186 for `eth_getProof`.
"""

from collections.abc import Awaitable, Callable

from eth.abc import BlockHeaderAPI

from adapters.ledger.embedded.accounts import Accounts
from adapters.ledger.embedded.admission import check_funds, read_transaction
from adapters.ledger.embedded.chain import EmbeddedChain
from adapters.ledger.embedded.encoding import data, quantity, read_data, read_object, read_quantity, word
from adapters.ledger.embedded.log_filter import LogFilter, find_logs
from adapters.ledger.embedded.pool import Pool
from adapters.ledger.embedded.rpc_error import RpcError
from adapters.ledger.embedded.trial import Trial, estimate_gas, try_call
from adapters.ledger.embedded.views import (
    Json,
    block_view,
    mined_transaction_view,
    receipt_view,
    transaction_view,
)

Method = Callable[..., object | Awaitable[object]]

CLIENT_VERSION = "heqi-embedded/1 (cancun, P-256)"
_MAX_PROOF_SLOTS = 100
_NEWEST = ("latest", "safe", "finalized", "pending")
"""One engine, no forks: the newest block is final. Calls on "pending" run on it too."""


class Methods:
    """The methods over one chain and pool; `wake` is called when the pool has got work."""

    def __init__(self, chain: EmbeddedChain, pool: Pool, wake: Callable[[], None]) -> None:
        self._chain = chain
        self._pool = pool
        self._wake = wake

    def table(self) -> dict[str, Method]:
        """Name on the wire → method."""
        return {
            "web3_clientVersion": lambda: CLIENT_VERSION,
            "net_version": lambda: str(self._chain.chain_id),
            "eth_chainId": lambda: quantity(self._chain.chain_id),
            "eth_syncing": lambda: False,
            "eth_gasPrice": lambda: quantity(0),
            "eth_maxPriorityFeePerGas": lambda: quantity(0),
            "eth_blockNumber": lambda: quantity(self._chain.head.block_number),
            "eth_getBlockByNumber": self.block_by_number,
            "eth_getBlockByHash": self.block_by_hash,
            "eth_getTransactionByHash": self.transaction_by_hash,
            "eth_getTransactionReceipt": self.receipt,
            "eth_getLogs": self.logs,
            "eth_getTransactionCount": self.transaction_count,
            "eth_getCode": self.code,
            "eth_getStorageAt": self.storage_at,
            "eth_getProof": self.proof,
            "eth_call": self.call,
            "eth_estimateGas": self.estimate_gas,
            "eth_sendRawTransaction": self.send_raw_transaction,
        }

    # -- blocks and transactions -------------------------------------------------------------------------

    def block_by_number(self, tag: object, full: object = False) -> Json | None:  # noqa: FBT002
        """The block at a number or tag, or null."""
        header = self._find_header(tag)
        return None if header is None else block_view(self._chain.sealed_block(header), full=full is True)

    def block_by_hash(self, block_hash: object, full: object = False) -> Json | None:  # noqa: FBT002
        """The block with a hash, or null."""
        return self.block_by_number({"blockHash": block_hash}, full)

    def transaction_by_hash(self, transaction_hash: object) -> Json | None:
        """The transaction, mined or waiting, or null."""
        digest = read_data(transaction_hash, "transaction hash", 32)
        place = self._chain.place_of(digest)
        if place is not None:
            return mined_transaction_view(*place)
        waiting = self._pool.get(digest)
        return None if waiting is None else transaction_view(waiting.transaction)

    def receipt(self, transaction_hash: object) -> Json | None:
        """What became of a mined transaction, or null."""
        place = self._chain.place_of(read_data(transaction_hash, "transaction hash", 32))
        return None if place is None else receipt_view(*place)

    async def logs(self, wanted: object) -> list[Json]:
        """The logs that a filter describes."""
        return await find_logs(self._chain, LogFilter.read(wanted, self._header))

    # -- accounts ----------------------------------------------------------------------------------------

    def transaction_count(self, address: object, tag: object = "latest") -> str:
        """The account's next nonce; under "pending" counting what waits."""
        account = read_data(address, "address", 20)
        if tag == "pending":
            return quantity(self._pool.next_nonce(account))
        return quantity(self._accounts(tag).account(account).nonce)

    def code(self, address: object, tag: object = "latest") -> str:
        """Runtime code."""
        return data(self._accounts(tag).code(read_data(address, "address", 20)))

    def storage_at(self, address: object, slot: object, tag: object = "latest") -> str:
        """One word of storage; the slot as quantity or 32 bytes."""
        return word(self._accounts(tag).storage(read_data(address, "address", 20), _read_slot(slot)))

    def proof(self, address: object, slots: object, tag: object = "latest") -> Json:
        """Account and storage with their Merkle-Patricia proofs against the block's state root."""
        account_id = read_data(address, "address", 20)
        if not isinstance(slots, list) or len(slots) > _MAX_PROOF_SLOTS:
            raise RpcError.bad_params(f"storage keys must be a list of at most {_MAX_PROOF_SLOTS}")
        keys = [_read_slot(slot) for slot in slots]
        accounts = self._accounts(tag)
        account = accounts.account(account_id)
        return {
            "address": data(account_id),
            "accountProof": [data(node) for node in accounts.account_proof(account_id)],
            "balance": quantity(account.balance),
            "codeHash": data(account.code_hash),
            "nonce": quantity(account.nonce),
            "storageHash": data(account.storage_root),
            "storageProof": [
                {
                    "key": data(key),
                    "value": quantity(accounts.storage(account_id, key)),
                    "proof": [data(node) for node in accounts.storage_proof(account_id, key)],
                }
                for key in keys
            ],
        }

    # -- executing ---------------------------------------------------------------------------------------

    def call(self, call: object, tag: object = "latest") -> str:
        """Output of a call on a block's state."""
        return data(try_call(self._chain, self._header(tag), Trial.read(call)))

    def estimate_gas(self, call: object, tag: object = "latest") -> str:
        """A gas limit that is enough."""
        return quantity(estimate_gas(self._chain, self._header(tag), Trial.read(call)))

    def send_raw_transaction(self, raw: object) -> str:
        """Check a signed transaction and let it wait for the next block."""
        candidate = read_transaction(read_data(raw, "transaction"), self._chain.chain_id)
        check_funds(candidate.transaction, self._accounts("latest").account(candidate.sender).balance)
        self._pool.add(candidate)
        self._wake()
        return data(candidate.hash)

    # -- parameters --------------------------------------------------------------------------------------

    def _accounts(self, tag: object) -> Accounts:
        return Accounts(self._chain.trie_nodes(), self._header(tag).state_root)

    def _header(self, tag: object) -> BlockHeaderAPI:
        header = self._find_header(tag)
        if header is None:
            raise RpcError.refused("header not found")
        return header

    def _find_header(self, tag: object) -> BlockHeaderAPI | None:
        if isinstance(tag, str) and tag in _NEWEST:
            return self._chain.head
        if tag == "earliest":
            return self._chain.header_at(0)
        if isinstance(tag, dict):
            fields = read_object(tag, "block")
            if "blockHash" in fields:
                return self._chain.header_of(read_data(fields["blockHash"], "block hash", 32))
            tag = fields.get("blockNumber")
        return self._chain.header_at(read_quantity(tag, "block"))


def _read_slot(value: object) -> bytes:
    return read_quantity(value, "storage slot").to_bytes(32, "big")
