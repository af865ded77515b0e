"""Signing transactions: EIP-1559, at a gas price of zero, with the chain id in them."""

import rlp
from eth_hash.auto import keccak

from adapters.ledger.book import Book
from adapters.ledger.calls import to_invocation
from adapters.ledger.deployment import Deployment
from node.domain.ledger import Call, SignedCall
from node.ports import Account

_TYPE = b"\x02"  # EIP-2718 type of an EIP-1559 transaction


def sign_call(account: Account, deployment: Deployment, book: Book, call: Call, nonce: int) -> SignedCall:
    """Sign the transaction that makes a call.

    Raises:
        ContractUnknownError: the contract that it is for is of an unknown version.
        KeyHolderError: the holder of the key does not answer.
    """
    invocation = to_invocation(call, deployment)
    target = book.target(invocation)
    return sign_free(account, deployment.chain_id, nonce, to=target, data=invocation.data, gas=invocation.gas)


def sign_free(account: Account, chain_id: int, nonce: int, *, to: bytes, data: bytes, gas: int) -> SignedCall:
    """Sign a transaction that costs nothing; `to` is empty to create a contract.

    eth-account signs only with keys that it holds; this one may be on a token. Source: EIP-1559, EIP-2718.
    """
    fields: list[object] = [chain_id, nonce, 0, 0, gas, to, 0, data, []]
    signature = account.sign(_TYPE + rlp.encode(fields))
    r, s = (int.from_bytes(part, "big") for part in (signature[:32], signature[32:64]))
    raw = _TYPE + rlp.encode([*fields, signature[64] - 27, r, s])
    return SignedCall(nonce, raw, keccak(raw))
