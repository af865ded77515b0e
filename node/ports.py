"""What the node needs from outside, as small Protocols.

Each port states what an implementation MUST do; `tests/ports` runs one behaviour suite per port on every
implementation, the in-memory ones included. A method lets out only the errors it names.
"""

from collections.abc import Sequence
from typing import Protocol

from node.domain.ledger import Block, Call, Event, Outcome, SignedCall


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> float:
        """Seconds since 1970 UTC. MUST NOT be used to measure durations."""
        ...


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

        MUST contain only events of the contracts that the descriptor names.
        """
        ...

    async def next_nonce(self) -> int:
        """The nonce of the account's next transaction, counting mined ones only."""
        ...

    async def dry_run(self, call: Call) -> None:
        """Run the call on the newest state without spending anything.

        Raises:
            LedgerRefusedError: a contract refuses; `problem` names its custom error.
        """
        ...

    async def sign(self, call: Call, nonce: int) -> SignedCall:
        """Sign a transaction at gas price zero. MUST NOT send it."""
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

    async def close(self) -> None:
        """Release connections. The object MUST NOT be used afterwards."""
        ...
