"""Whether a raw transaction may enter the pool: form, signature, chain, gas and money.

Only EIP-1559 transactions are taken: they always carry the chain id, so none can be replayed from elsewhere.
Messages are geth's (`core/txpool/errors.go`, `core/error.go`), for clients tell the cases apart by them.
"""

from dataclasses import dataclass

from eth.abc import SignedTransactionAPI
from eth.constants import CREATE_CONTRACT_ADDRESS
from eth.exceptions import UnrecognizedTransactionType
from eth_keys.exceptions import BadSignature
from eth_utils.exceptions import ValidationError
from rlp.exceptions import RLPException

from adapters.ledger.embedded.chain import TRANSACTION_GAS_CAP
from adapters.ledger.embedded.rpc_error import RpcError
from adapters.ledger.embedded.vm import HeqiVM

MAX_TRANSACTION_BYTES = 128 * 1024
MAX_INITCODE_BYTES = 2 * 24_576
"""Source: EIP-3860."""

_DYNAMIC_FEE_TYPE = 2
_HALF_CURVE_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0


@dataclass(frozen=True, slots=True)
class Candidate:
    """A transaction that passed the checks, with what the pool sorts it by."""

    transaction: SignedTransactionAPI
    sender: bytes
    nonce: int
    hash: bytes


def read_transaction(raw: bytes, chain_id: int) -> Candidate:
    """Decode and check all that can be checked without the state.

    Raises:
        RpcError: the transaction can never be executed here; the message says why.
    """
    if len(raw) > MAX_TRANSACTION_BYTES:
        raise RpcError.refused(f"oversized data: transaction size {len(raw)}, limit {MAX_TRANSACTION_BYTES}")
    if raw[:1] != bytes([_DYNAMIC_FEE_TYPE]):
        raise RpcError.refused("transaction type not supported: send an EIP-1559 transaction")
    transaction = _decode(raw)
    if transaction.chain_id != chain_id:
        raise RpcError.refused(f"invalid chain id for signer: have {transaction.chain_id} want {chain_id}")
    _check_gas(transaction)
    return Candidate(transaction, _recover_sender(transaction), transaction.nonce, transaction.hash)


def check_funds(transaction: SignedTransactionAPI, balance: int) -> None:
    """No account has money here, so only transactions that cost nothing pass.

    Raises:
        RpcError: value and gas may cost more than `balance` wei.
    """
    cost = transaction.value + transaction.gas * transaction.max_fee_per_gas
    if cost > balance:
        raise RpcError.refused(
            f"insufficient funds for gas * price + value: balance {balance}, tx cost {cost}"
        )


def _decode(raw: bytes) -> SignedTransactionAPI:
    try:
        transaction = HeqiVM.get_transaction_builder().decode(raw)
        transaction.validate()
    except (
        RLPException,
        ValidationError,
        UnrecognizedTransactionType,
        ValueError,
        TypeError,
        RecursionError,  # lists in lists
    ) as error:
        raise RpcError.refused(f"rlp: cannot decode the transaction: {error}") from error
    if transaction.encode() != raw:
        # one transaction, one spelling: otherwise its hash would not be the one the sender computed
        raise RpcError.refused("rlp: the encoding is not canonical")
    return transaction


def _recover_sender(transaction: SignedTransactionAPI) -> bytes:
    if not 0 < transaction.s <= _HALF_CURVE_ORDER:
        raise RpcError.refused("invalid sender: invalid transaction v, r, s values")
    try:
        return transaction.sender
    except (ValidationError, BadSignature, ValueError) as error:
        raise RpcError.refused("invalid sender: invalid transaction v, r, s values") from error


def _check_gas(transaction: SignedTransactionAPI) -> None:
    if transaction.max_priority_fee_per_gas > transaction.max_fee_per_gas:
        raise RpcError.refused("max priority fee per gas higher than max fee per gas")
    if transaction.gas > TRANSACTION_GAS_CAP:
        raise RpcError.refused(
            f"transaction gas limit too high (cap: {TRANSACTION_GAS_CAP}, tx: {transaction.gas})"
        )
    if transaction.gas < transaction.intrinsic_gas:
        raise RpcError.refused(
            f"intrinsic gas too low: gas {transaction.gas}, minimum needed {transaction.intrinsic_gas}"
        )
    if transaction.to == CREATE_CONTRACT_ADDRESS and len(transaction.data) > MAX_INITCODE_BYTES:
        raise RpcError.refused(
            f"max initcode size exceeded: code size {len(transaction.data)}, limit {MAX_INITCODE_BYTES}"
        )
