"""Accidents: a process that is killed, a database that fails, a ledger that is interrupted.

Both wrappers tell `before` of each call that passes, so that a test can stop the world at an exact place.
"""

from collections.abc import Callable, Iterator, Sequence

from adapters.ledger.memory import MemoryLedger
from node.domain.ledger import Block, Call, Event, Outcome, SignedCall
from node.domain.ledger_proof import LedgerProof, Storage
from node.errors import StoreError
from node.ports import Batch, Store


class KilledError(BaseException):
    """kill -9: no `except Exception` of the node sees it."""


Hook = Callable[[str], object]


def kill_at(*names: str) -> Hook:
    """A hook that kills the process before the named calls."""

    def hook(name: str) -> None:
        if name in names:
            raise KilledError(name)

    return hook


def refuse_writes(name: str) -> None:
    """A hook for a disk that takes nothing more."""
    if name == "write":
        raise StoreError("the disk of this test is full")


def pass_by(_: str) -> None:
    """The hook that does nothing."""


class FrailStore:
    """A `Store` that can fail."""

    def __init__(self, inner: Store) -> None:
        self.inner = inner
        self.before: Hook = pass_by
        self.is_broken = False
        self.writes = 0

    def get(self, key: bytes) -> bytes | None:
        self._pass("get")
        return self.inner.get(key)

    def scan(
        self, prefix: bytes, *, start: bytes = b"", stop: bytes | None = None, reverse: bool = False
    ) -> Iterator[tuple[bytes, bytes]]:
        self._pass("scan")
        return self.inner.scan(prefix, start=start, stop=stop, reverse=reverse)

    def write(self, batch: Batch) -> None:
        self._pass("write")
        self.inner.write(batch)
        self.writes += 1
        self.before("written")

    def close(self) -> None:
        self.inner.close()

    def everything(self) -> dict[bytes, bytes]:
        """All that is stored."""
        return dict(self.inner.scan(b""))

    def _pass(self, name: str) -> None:
        self.before(name)
        if self.is_broken:
            raise StoreError("the database of this test is broken")


class FrailLedger(MemoryLedger):
    """A member's ledger that tells of each call, and keeps what was sent."""

    before: Hook = staticmethod(pass_by)

    def __init__(self, *args: object) -> None:
        super().__init__(*args)  # type: ignore[arg-type]
        self.sent: list[SignedCall] = []

    async def head(self) -> Block:
        self.before("head")
        return await super().head()

    async def block(self, number: int) -> Block | None:
        self.before("block")
        return await super().block(number)

    async def events(self, first: int, last: int) -> Sequence[Event]:
        self.before("events")
        return await super().events(first, last)

    async def dry_run(self, call: Call) -> None:
        self.before("dry_run")
        await super().dry_run(call)

    async def sign(self, call: Call, nonce: int) -> SignedCall:
        self.before("sign")
        return await super().sign(call, nonce)

    async def send(self, signed: SignedCall) -> None:
        self.before("send")
        self.sent.append(signed)
        await super().send(signed)
        self.before("sent")

    async def outcome(self, transaction_hash: bytes) -> Outcome | None:
        self.before("outcome")
        return await super().outcome(transaction_hash)

    async def prove(self, block: Block, storage: Storage) -> LedgerProof:
        self.before("prove")
        return await super().prove(block, storage)
