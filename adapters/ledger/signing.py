"""Signing transactions: EIP-1559, at a gas price of zero, with the chain id in them."""

from eth_account.signers.local import LocalAccount

from adapters.ledger.book import Book
from adapters.ledger.calls import to_invocation
from adapters.ledger.deployment import Deployment
from node.domain.ledger import Call, SignedCall


def sign_call(signer: LocalAccount, deployment: Deployment, book: Book, call: Call, nonce: int) -> SignedCall:
    """Sign the transaction that makes a call.

    Raises:
        ContractUnknownError: the contract that it is for is of an unknown version.
    """
    invocation = to_invocation(call, deployment)
    target = book.target(invocation)
    return sign_free(signer, deployment.chain_id, nonce, to=target, data=invocation.data, gas=invocation.gas)


def sign_free(
    signer: LocalAccount, chain_id: int, nonce: int, *, to: bytes, data: bytes, gas: int
) -> SignedCall:
    """Sign a transaction that costs nothing; `to` is empty to create a contract."""
    signed = signer.sign_transaction(
        {
            "type": 2,
            "chainId": chain_id,
            "nonce": nonce,
            "to": to,
            "data": data,
            "value": 0,
            "gas": gas,
            "maxFeePerGas": 0,
            "maxPriorityFeePerGas": 0,
        }
    )
    return SignedCall(nonce, bytes(signed.raw_transaction), bytes(signed.hash))
