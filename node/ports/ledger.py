"""The shared ledger."""

from collections.abc import Sequence
from typing import Protocol

from node.domain.alliance_life import BookEntry, ContractSet
from node.domain.ledger import Block, Call, Event, Outcome, SignedCall
from node.domain.ledger_proof import LedgerProof, Storage


class Ledger(Protocol):
    """The shared ledger, seen from one member's account.

    All methods raise `LedgerUnavailableError` when the engine does not answer in time, and nothing else
    but what they name. Implementations MUST NOT cache anything that a block can change, MUST NOT retry a
    `send` under another nonce, and MUST be safe for concurrent calls from one event loop.
    """

    @property
    def account(self) -> bytes:
        """20 bytes: the address that signs."""
        ...

    async def head(self) -> Block:
        """The newest block."""
        ...

    async def block(self, number: int) -> Block | None:
        """The canonical block at `number`, or None past the head."""
        ...

    async def events(self, first: int, last: int) -> Sequence[Event]:
        """What the alliance's contracts reported in blocks `first` to `last`, both included, in order.

        MUST contain only events of the contracts that the descriptor names and of those in `use` that are known.
        """
        ...

    def use(self, contracts: Sequence[BookEntry]) -> None:
        """Take in which contracts votes have put in force since the founding, oldest first.

        From then on calls MUST go to the newest contract of a name, or where they say `at`, and events of all that
        are known MUST be reported.
        """
        ...

    async def knows(self, contract: ContractSet) -> bool:
        """Whether this software knows the code of a contract that was voted in.

        MUST compare the code on the chain: with what was voted on, and with the code this software was built for.
        """
        ...

    async def next_nonce(self) -> int:
        """The nonce of the account's next transaction, counting mined ones only."""
        ...

    async def dry_run(self, call: Call) -> None:
        """Run the call on the newest state without spending anything.

        Raises:
            LedgerRefusedError: a contract refuses; `problem` names its custom error.
            ContractUnknownError: the contract in force is not `known`.
        """
        ...

    async def sign(self, call: Call, nonce: int) -> SignedCall:
        """Sign a transaction at gas price zero. MUST NOT send it.

        Raises:
            ContractUnknownError: the contract in force is not `known`.
        """
        ...

    async def send(self, signed: SignedCall) -> None:
        """Hand the transaction to the engine. MUST accept one that the engine already knows.

        Raises:
            NonceTakenError: another transaction of this account already has the nonce.
        """
        ...

    async def outcome(self, transaction_hash: bytes) -> Outcome | None:
        """The canonical block that holds the transaction and whether it succeeded, or None."""
        ...

    async def prove(self, block: Block, storage: Storage) -> LedgerProof:
        """What contracts held after a canonical block, provable to strangers.

        MUST be a proof of just these slots, against the header of the block with that number and that hash, checked;
        `LedgerUnavailableError` also if the engine has another block there, or no longer has its state.
        MUST serve the newest block; how far back is the engine's affair.
        """
        ...

    async def close(self) -> None:
        """Release connections. The object MUST NOT be used afterwards."""
        ...
