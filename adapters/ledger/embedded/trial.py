"""Trying a call on a state without storing anything: `eth_call` and `eth_estimateGas`."""

from dataclasses import dataclass
from typing import cast

from eth.abc import BlockHeaderAPI, ComputationAPI, SignedTransactionAPI
from eth.constants import CREATE_CONTRACT_ADDRESS
from eth.exceptions import Revert
from eth.vm.forks.cancun.transactions import CancunTransactionBuilder
from eth.vm.spoof import SpoofTransaction
from eth_typing import Address
from eth_utils.exceptions import ValidationError

from adapters.ledger.embedded.chain import TRANSACTION_GAS_CAP, EmbeddedChain
from adapters.ledger.embedded.encoding import data, read_data, read_object, read_quantity
from adapters.ledger.embedded.rpc_error import REVERTED, RpcError

_ANYBODY = "0x" + "00" * 20
_MAX_DATA_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Trial:
    """What is to be tried. No value is sent: no account has any."""

    sender: bytes
    to: bytes
    """20 bytes; empty to create a contract."""
    data: bytes
    gas: int

    @classmethod
    def read(cls, value: object) -> "Trial":
        """Read the call object of JSON-RPC; prices are ignored, for nothing has one.

        Raises:
            RpcError: a field is malformed.
        """
        fields = read_object(value, "call")
        raw_to = fields.get("to")
        raw_data = fields.get("input") or fields.get("data") or "0x"
        raw_gas = fields.get("gas")
        if fields.get("value") not in (None, "0x0", "0x"):
            raise RpcError.refused("insufficient funds for transfer")
        trial = cls(
            sender=read_data(fields.get("from") or _ANYBODY, "from", 20),
            to=b"" if raw_to is None else read_data(raw_to, "to", 20),
            data=read_data(raw_data, "data"),
            gas=TRANSACTION_GAS_CAP if raw_gas is None else read_quantity(raw_gas, "gas"),
        )
        if len(trial.data) > _MAX_DATA_BYTES:
            raise RpcError.bad_params(f"data must have at most {_MAX_DATA_BYTES} bytes")
        return trial


def try_call(chain: EmbeddedChain, header: BlockHeaderAPI, trial: Trial) -> bytes:
    """The output of the call on the state after the block.

    Raises:
        RpcError: it reverts (code 3, with the revert data) or fails otherwise.
    """
    computation = _run(chain, header, trial, min(trial.gas, TRANSACTION_GAS_CAP))
    _raise_if_failed(computation)
    return bytes(computation.output)


def estimate_gas(chain: EmbeddedChain, header: BlockHeaderAPI, trial: Trial) -> int:
    """A gas limit with which the call succeeds, at most 1.5% above the least.

    Raises:
        RpcError: it fails however much gas it has.
    """
    cap = min(trial.gas, TRANSACTION_GAS_CAP)
    computation = _run(chain, header, trial, cap)
    _raise_if_failed(computation)
    used = cap - computation.get_gas_remaining()
    too_little, enough = used - 1, cap
    guess = used * 64 // 63 + 2_300  # EIP-150 keeps back 1/64 at each call; this is nearly always enough
    while (enough - too_little) * 200 > enough * 3:
        middle = guess if too_little < guess < enough else (too_little + enough) // 2
        guess = 0
        if _run(chain, header, trial, middle).is_error:
            too_little = middle
        else:
            enough = middle
    return enough


def _run(chain: EmbeddedChain, header: BlockHeaderAPI, trial: Trial, gas: int) -> ComputationAPI:
    state = chain.state_at(header)
    sender = Address(trial.sender)
    unsigned = CancunTransactionBuilder.new_unsigned_dynamic_fee_transaction(
        chain_id=chain.chain_id,
        nonce=state.get_nonce(sender),
        max_priority_fee_per_gas=0,
        max_fee_per_gas=0,
        gas=gas,
        to=Address(trial.to) if trial.to else CREATE_CONTRACT_ADDRESS,
        value=0,
        data=trial.data,
        access_list=(),
    )
    if gas < unsigned.intrinsic_gas:
        raise RpcError.refused(f"intrinsic gas too low: gas {gas}, minimum needed {unsigned.intrinsic_gas}")
    transaction = cast("SignedTransactionAPI", SpoofTransaction(unsigned, from_=sender))
    try:
        return state.apply_transaction(transaction)
    except ValidationError as error:
        raise RpcError.refused(str(error)) from error


def _raise_if_failed(computation: ComputationAPI) -> None:
    if computation.is_success:
        return
    if isinstance(computation.error, Revert):
        raise RpcError(REVERTED, "execution reverted", data(bytes(computation.output)))
    raise RpcError.refused(f"{type(computation.error).__name__}: {computation.error}")
