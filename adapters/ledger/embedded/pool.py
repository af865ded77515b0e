"""Transactions that wait for a block: in memory, in order per account, bounded.

Nothing here survives a restart, on purpose: the sender's outbox keeps what it sent until it sees it in a
block, and sends it again. Messages are geth's, word for word, because clients tell the cases apart by them.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from adapters.ledger.embedded.admission import Candidate
from adapters.ledger.embedded.rpc_error import RpcError

POOL_CAPACITY = 4_096
NONCES_AHEAD = 256
"""How far past an account's next nonce a transaction may wait for those before it."""

ReadNonce = Callable[[bytes], int]
"""20-byte account → its next nonce in the newest block."""


@dataclass(slots=True)
class _Queue:
    """One account's waiting transactions by nonce."""

    by_nonce: dict[int, Candidate] = field(default_factory=dict)

    def ready(self, next_nonce: int) -> Iterator[Candidate]:
        """Those that can be executed one after the other from `next_nonce` on."""
        while next_nonce in self.by_nonce:
            yield self.by_nonce[next_nonce]
            next_nonce += 1


class Pool:
    """Waiting transactions; `read_nonce` says what is already in the chain."""

    def __init__(self, read_nonce: ReadNonce, *, capacity: int = POOL_CAPACITY) -> None:
        self._read_nonce = read_nonce
        self._capacity = capacity
        self._queues: dict[bytes, _Queue] = {}
        self._by_hash: dict[bytes, Candidate] = {}

    def __len__(self) -> int:
        return len(self._by_hash)

    def get(self, transaction_hash: bytes) -> Candidate | None:
        """The waiting transaction with that hash."""
        return self._by_hash.get(transaction_hash)

    def add(self, candidate: Candidate) -> None:
        """Let a checked transaction wait.

        Raises:
            RpcError: it is known, its nonce is used, taken by another, or too far ahead, or the pool is full.
        """
        sender, nonce = candidate.sender, candidate.nonce
        next_nonce = self._read_nonce(sender)
        if candidate.hash in self._by_hash:
            raise RpcError.refused("already known")
        if nonce < next_nonce:
            raise RpcError.refused(f"nonce too low: next nonce {next_nonce}, tx nonce {nonce}")
        if nonce in self._queues.get(sender, _Queue()).by_nonce:
            # at gas price zero nothing can outbid what is there
            raise RpcError.refused("replacement transaction underpriced")
        if nonce >= next_nonce + NONCES_AHEAD:
            raise RpcError.refused(f"nonce too high: next nonce {next_nonce}, tx nonce {nonce}")
        self._make_room()
        self._queues.setdefault(sender, _Queue()).by_nonce[nonce] = candidate
        self._by_hash[candidate.hash] = candidate

    def next_nonce(self, account: bytes) -> int:
        """The account's next nonce, counting those that wait without a gap."""
        next_nonce = self._read_nonce(account)
        queue = self._queues.get(account, _Queue())
        return next_nonce + sum(1 for _ in queue.ready(next_nonce))

    def ready(self, limit: int) -> list[Candidate]:
        """Up to `limit` transactions that can be executed in this order; accounts take turns."""
        turns = [queue.ready(self._read_nonce(account)) for account, queue in self._queues.items()]
        chosen: list[Candidate] = []
        while turns and len(chosen) < limit:
            still_ready = []
            for turn in turns:
                candidate = next(turn, None)
                if candidate is not None and len(chosen) < limit:
                    chosen.append(candidate)
                    still_ready.append(turn)
            turns = still_ready
        return chosen

    def has_ready(self) -> bool:
        """Whether a block would have work."""
        return any(self._read_nonce(account) in queue.by_nonce for account, queue in self._queues.items())

    def forget_used(self, accounts: set[bytes]) -> None:
        """Drop what a new block has settled: every nonce below the accounts' next ones."""
        for account in accounts & self._queues.keys():
            next_nonce = self._read_nonce(account)
            for nonce in [nonce for nonce in self._queues[account].by_nonce if nonce < next_nonce]:
                self._drop(self._queues[account].by_nonce[nonce])

    def drop(self, candidate: Candidate) -> None:
        """Drop a transaction that no block can hold; later ones of its account keep waiting for its nonce."""
        if candidate.hash in self._by_hash:
            self._drop(candidate)

    def _make_room(self) -> None:
        """When full, the oldest transaction that waits behind a gap goes.

        Raises:
            RpcError: all that wait could be executed.
        """
        if len(self._by_hash) < self._capacity:
            return
        ready = {candidate.hash for candidate in self.ready(self._capacity)}
        gapped = next((one for digest, one in self._by_hash.items() if digest not in ready), None)
        if gapped is None:
            raise RpcError.refused("txpool is full")
        self._drop(gapped)

    def _drop(self, candidate: Candidate) -> None:
        queue = self._queues[candidate.sender]
        del queue.by_nonce[candidate.nonce], self._by_hash[candidate.hash]
        if not queue.by_nonce:
            del self._queues[candidate.sender]
