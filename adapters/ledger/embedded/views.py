"""Blocks, transactions, receipts and logs as JSON-RPC shows them.

Source: execution-apis, schemas `Block`, `Transaction`, `ReceiptInfo` and `Log`.
"""

from typing import TypeVar

from eth.abc import BlockHeaderAPI, SignedTransactionAPI
from eth.constants import CREATE_CONTRACT_ADDRESS
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak
from rlp import encode as rlp_encode

from adapters.ledger.embedded.chain import SealedBlock
from adapters.ledger.embedded.encoding import data, quantity, word

_T = TypeVar("_T")
Json = dict[str, object]

_TRANSACTION_TYPE = quantity(2)
_BLOOM_BYTES = 256


def block_view(block: SealedBlock, *, full: bool) -> Json:
    """A block; with whole transactions if `full`, else with their hashes."""
    header = block.header
    return {
        "number": quantity(header.block_number),
        "hash": data(header.hash),
        "parentHash": data(header.parent_hash),
        "sha3Uncles": data(header.uncles_hash),
        "miner": to_checksum_address(header.coinbase),
        "stateRoot": data(header.state_root),
        "transactionsRoot": data(header.transaction_root),
        "receiptsRoot": data(header.receipt_root),
        "logsBloom": data(header.bloom.to_bytes(_BLOOM_BYTES, "big")),
        "difficulty": quantity(0),
        "gasLimit": quantity(header.gas_limit),
        "gasUsed": quantity(header.gas_used),
        "timestamp": quantity(header.timestamp),
        "extraData": data(header.extra_data),
        "mixHash": data(header.mix_hash),
        "nonce": data(header.nonce),
        "baseFeePerGas": quantity(_present(header.base_fee_per_gas)),
        "withdrawalsRoot": data(_present(header.withdrawals_root)),
        "blobGasUsed": quantity(header.blob_gas_used),
        "excessBlobGas": quantity(header.excess_blob_gas),
        "parentBeaconBlockRoot": data(_present(header.parent_beacon_block_root)),
        "size": quantity(block.size),
        "uncles": [],
        "withdrawals": [],
        "transactions": [
            mined_transaction_view(block, index) if full else data(transaction.hash)
            for index, transaction in enumerate(block.transactions)
        ],
    }


def mined_transaction_view(block: SealedBlock, index: int) -> Json:
    """The transaction at `index` of the block."""
    view = transaction_view(block.transactions[index])
    view.update(_place(block.header), transactionIndex=quantity(index))
    return view


def transaction_view(transaction: SignedTransactionAPI) -> Json:
    """A transaction that is in no block yet."""
    is_creation = transaction.to == CREATE_CONTRACT_ADDRESS
    return {
        "type": _TRANSACTION_TYPE,
        "hash": data(transaction.hash),
        "nonce": quantity(transaction.nonce),
        "from": to_checksum_address(transaction.sender),
        "to": None if is_creation else to_checksum_address(transaction.to),
        "gas": quantity(transaction.gas),
        "value": quantity(transaction.value),
        "input": data(transaction.data),
        "chainId": quantity(_present(transaction.chain_id)),
        "gasPrice": quantity(0),
        "maxFeePerGas": quantity(transaction.max_fee_per_gas),
        "maxPriorityFeePerGas": quantity(transaction.max_priority_fee_per_gas),
        "accessList": [
            {"address": to_checksum_address(account), "storageKeys": [word(slot) for slot in slots]}
            for account, slots in transaction.access_list
        ],
        "yParity": quantity(transaction.y_parity),
        "v": quantity(transaction.y_parity),
        "r": quantity(transaction.r),
        "s": quantity(transaction.s),
        "blockHash": None,
        "blockNumber": None,
        "transactionIndex": None,
    }


def receipt_view(block: SealedBlock, index: int) -> Json:
    """What became of the transaction at `index` of the block."""
    transaction, receipt = block.transactions[index], block.receipts[index]
    gas_before = block.receipts[index - 1].gas_used if index else 0
    is_creation = transaction.to == CREATE_CONTRACT_ADDRESS
    return {
        **_place(block.header),
        "type": _TRANSACTION_TYPE,
        "transactionHash": data(transaction.hash),
        "transactionIndex": quantity(index),
        "from": to_checksum_address(transaction.sender),
        "to": None if is_creation else to_checksum_address(transaction.to),
        "contractAddress": _created_address(transaction) if is_creation else None,
        "status": quantity(int.from_bytes(receipt.state_root, "big")),
        "gasUsed": quantity(receipt.gas_used - gas_before),
        "cumulativeGasUsed": quantity(receipt.gas_used),
        "effectiveGasPrice": quantity(0),
        "logsBloom": data(receipt.bloom.to_bytes(_BLOOM_BYTES, "big")),
        "logs": log_views(block, index),
    }


def log_views(block: SealedBlock, index: int) -> list[Json]:
    """The logs of the transaction at `index` of the block, in order."""
    first = block.first_log_index(index)
    shared: Json = {
        **_place(block.header),
        "transactionHash": data(block.transactions[index].hash),
        "transactionIndex": quantity(index),
        "removed": False,
    }
    return [
        {
            **shared,
            "logIndex": quantity(first + offset),
            "address": to_checksum_address(log.address),
            "topics": [word(topic) for topic in log.topics],
            "data": data(log.data),
        }
        for offset, log in enumerate(block.receipts[index].logs)
    ]


def _present(value: _T | None) -> _T:
    """py-evm types what older forks lack as optional; cancun's blocks and transactions have all of it."""
    assert value is not None
    return value


def _place(header: BlockHeaderAPI) -> Json:
    return {"blockHash": data(header.hash), "blockNumber": quantity(header.block_number)}


def _created_address(transaction: SignedTransactionAPI) -> str:
    """Where a creation puts its contract: the last 20 bytes of keccak(rlp(sender, nonce))."""
    return to_checksum_address(keccak(rlp_encode([transaction.sender, transaction.nonce]))[12:])
