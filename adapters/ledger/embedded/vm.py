"""The EVM that the embedded engine runs: cancun, with the P-256 check that Besu has too.

Source: EIP-7951 (the precompile at 0x100 and its price); EIP-1559 (why the base fee stays zero: see `chain`).
"""

from eth.abc import ComputationAPI
from eth.consensus.noproof import NoProofConsensus
from eth.vm.forks.cancun import CancunVM
from eth.vm.forks.cancun.computation import CancunComputation
from eth.vm.forks.cancun.state import CancunState
from eth_typing import Address

from adapters.ledger.p256 import is_p256_signature

P256VERIFY_ADDRESS = Address((0x100).to_bytes(20, "big"))
P256VERIFY_GAS = 6_900

_VALID = (1).to_bytes(32, "big")


def p256verify(computation: ComputationAPI) -> ComputationAPI:
    """The precompile: 32-byte one for a valid signature, empty output for anything else; never an error."""
    computation.consume_gas(P256VERIFY_GAS, reason="P256VERIFY")
    computation.output = _VALID if is_p256_signature(bytes(computation.msg.data)) else b""
    return computation


class HeqiComputation(CancunComputation):
    """Cancun's computation with one precompile more."""

    _precompiles = {**CancunComputation.get_precompiles(), P256VERIFY_ADDRESS: p256verify}  # noqa: RUF012


class HeqiState(CancunState):
    """Cancun's state, computing with `HeqiComputation`."""

    computation_class = HeqiComputation


class HeqiVM(CancunVM):
    """Cancun without proof of work or stake: who may write to the database seals."""

    _state_class = HeqiState
    consensus_class = NoProofConsensus
