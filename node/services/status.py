"""How this node is doing, in numbers."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from node.ports import Clock, Store
from node.probes import NodeState
from node.services.diagnosis import read_state
from node.services.expiries import Expiries, Expiry
from node.services.follower import Follower
from node.services.guarantee_watch import GuaranteeWatch
from node.services.log import Log
from node.services.outbox import Outbox, OutboxItem
from node.services.parking import Parking
from node.services.proving import Proving
from node.services.reach import Reach
from node.services.records import POSITION
from node.services.transaction import Transaction
from node.version import VERSION


@dataclass(frozen=True, slots=True)
class Status:
    """One moment of a node."""

    records: int
    log_size: int
    anchored_size: int
    block_number: int
    """-1 before the first."""
    block_age_seconds: int
    """-1 before the first."""
    outbox: Sequence[tuple[int, OutboxItem]]
    parked: int
    expiries: Sequence[Expiry]
    """What runs out, the nearest first."""


class NodeStatus:
    """Reads counters; changes nothing."""

    def __init__(  # noqa: PLR0917
        self,
        store: Store,
        log: Log,
        proving: Proving,
        follower: Follower,
        outbox: Outbox,
        parking: Parking,
        expiries: Expiries,
        reach: Reach,
        watch: GuaranteeWatch,
        clock: Clock,
    ) -> None:
        self._store, self._log, self._proving = store, log, proving
        self._follower, self._outbox, self._parking = follower, outbox, parking
        self._expiries, self._reach, self._watch, self._clock = expiries, reach, watch, clock

    def now(self) -> Status:
        """The status at this moment.

        Raises:
            StoreError: the database fails.
        """
        counters, head = Transaction(self._store), self._follower.head
        return Status(
            records=counters.counter(POSITION),
            log_size=self._log.size(),
            anchored_size=self._proving.anchored_size(),
            block_number=-1 if head is None else head.number,
            block_age_seconds=-1 if head is None else max(0, int(self._clock.now() - head.time)),
            outbox=list(self._outbox.items()),
            parked=self._parking.count(),
            expiries=self._expiries.list(),
        )

    def diagnose(self, anchored_size: int) -> NodeState:
        """What this node's database says, for `heqi doctor`; see `StateProbe.state`.

        Raises:
            StoreError: the database fails.
        """
        state = read_state(self._store, anchored_size, self._clock.now(), VERSION, is_running=True)
        return replace(
            state,
            erasure_list_trouble=self._reach.trouble(),
            guarantees=self._watch.add_to(state.guarantees),
        )
