"""`AddressBook.sol` and `Succession.sol` in Python: which contract is in force, which verifiers count."""

import re
from collections.abc import Mapping

from adapters.ledger.artifact import PASSKEY_VERIFIER
from adapters.ledger.memory.state import State
from node.domain.alliance_life import ContractSet, VerifierSet
from node.errors import LedgerRefusedError

_CONTRACT_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]{0,30}")
_NO_CODE = bytes(32)


class BookRules:
    """The alliance's address book."""

    def __init__(self, state: State, contracts: Mapping[str, bytes], verifiers: Mapping[str, bytes]) -> None:
        """Args:
        state: what the contracts hold.
        contracts: where the founding ones are, by name.
        verifiers: the founding ones, by name.
        """
        self._state = state
        for name, address in contracts.items():
            state.put("contract", name, (address,))
        self._passkeys = verifiers[PASSKEY_VERIFIER]
        for address in verifiers.values():
            state.put("verifier", address, True)

    def is_verifier(self, address: bytes) -> bool:
        """Whether it is accepted."""
        accepted: bool = self._state.get("verifier", address, False)
        return accepted

    def is_of_passkeys(self, address: bytes) -> bool:
        """Whether this verifier takes WebAuthn assertions."""
        return address == self._passkeys

    def has_code(self, address: bytes) -> bool:
        """Whether a contract stands there."""
        return self._state.get("code", address) is not None

    def history(self, name: str) -> tuple[bytes, ...]:
        """All contracts that had the name, oldest first."""
        known: tuple[bytes, ...] = self._state.get("contract", name, ())
        return known

    def so_far(self, name: str) -> tuple[bytes, ...]:
        """The contract that is called, after all that had its name before it."""
        known, target = self.history(name), self._state.frame.target
        return known[: known.index(target) + 1] if target in known else (*known, target)

    def require_in_force(self, name: str) -> None:
        """Raises:
        LedgerRefusedError: the contract that is called is not the one that the book names.
        """
        if self.history(name)[-1] != self._state.frame.target:
            raise LedgerRefusedError("ContractNotInForce", f"name={name}")

    def check_contract(self, name: str, address: bytes, code_hash: bytes) -> None:
        """Raises:
        LedgerRefusedError: as `AddressBook._checkContract`.
        """
        if not _CONTRACT_NAME.fullmatch(name):
            raise LedgerRefusedError("AllianceMalformedProposal")
        self._check_code(address, code_hash)
        if address in self.history(name):
            raise LedgerRefusedError("AllianceUnchanged")

    def check_verifier(self, address: bytes, code_hash: bytes, *, accepted: bool) -> None:
        """Raises:
        LedgerRefusedError: as `AddressBook._checkVerifier`.
        """
        if accepted:
            self._check_code(address, code_hash)
        elif code_hash != _NO_CODE:
            raise LedgerRefusedError("AllianceMalformedProposal")
        if self.is_verifier(address) == accepted:
            raise LedgerRefusedError("AllianceUnchanged")

    def set_contract(self, name: str, address: bytes, code_hash: bytes) -> ContractSet:
        """Put a contract in force."""
        self._state.put("contract", name, (*self.history(name), address))
        return ContractSet(name, address, code_hash)

    def set_verifier(self, address: bytes, *, accepted: bool) -> VerifierSet:
        """Accept a verifier, or no longer."""
        self._state.put("verifier", address, accepted)
        return VerifierSet(address, accepted)

    def _check_code(self, address: bytes, code_hash: bytes) -> None:
        found: bytes | None = self._state.get("code", address)
        if found is None:
            raise LedgerRefusedError("AllianceMalformedProposal")
        if found != code_hash:
            raise LedgerRefusedError("AllianceOtherCode", f"codeHash=0x{found.hex()}")
