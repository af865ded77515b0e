"""What the guarantor's own e-guarantee system is to be told, kept durably until it is: each thing once.

Written in the batch of what gives rise to it. A system that is slow or away delays and loses nothing; what it refuses
or answers falsely is parked with the reason, and is tried again or given up by a person. What concerns one
application goes out in its order, so a call that is parked holds up those after it, and no others.
"""

import asyncio
import enum
import logging
from collections.abc import Iterator

import msgspec

from node.domain.act import ActKind
from node.domain.guarantee_system import SystemCall, check_answer
from node.errors import BankAnswerError, BankUnavailableError, ConflictError, MissingError
from node.ports import Clock, GuaranteeSystem, Store
from node.services import layout
from node.services.acts import Acts
from node.services.feed import Feed, FeedEntry
from node.services.pauses import Pauses
from node.services.transaction import Transaction
from node.services.vault import Vault

logger = logging.getLogger(__name__)

_AT_ONCE = 8
_FIRST_PAUSE_SECONDS, _LAST_PAUSE_SECONDS = 1.0, 300.0
_MOST_PROBLEM = 400
_APPLICATION_BYTES = 32
_PARKED = b"p"


class CallState(enum.Enum):
    """Where a call stands; the words are stable."""

    OPEN = "open"
    DONE = "done"
    PARKED = "parked"
    DROPPED = "dropped"


class KeptCall(msgspec.Struct, frozen=True):
    """A call and what became of it."""

    call: SystemCall
    queued: float
    """Seconds since 1970 UTC."""
    state: str = CallState.OPEN.value
    attempts: int = 0
    problem: str = ""
    """Why it is parked, or what delays it."""


class SystemCalls:
    """The durable queue."""

    def __init__(  # noqa: PLR0917
        self,
        store: Store,
        vault: Vault,
        system: GuaranteeSystem | None,
        acts: Acts,
        feed: Feed,
        clock: Clock,
        me: str,
    ) -> None:
        self._store, self._vault, self._system, self._acts = store, vault, system, acts
        self._feed, self._clock, self._me = feed, clock, me
        self._pauses = Pauses[bytes](clock, _FIRST_PAUSE_SECONDS, _LAST_PAUSE_SECONDS)

    @property
    def has_system(self) -> bool:
        """Whether there is such a system; without one nothing goes anywhere."""
        return self._system is not None

    def add(self, transaction: Transaction, call: SystemCall) -> None:
        """Have something told, together with what gives rise to it; what was to be told before stays as it is.

        Raises:
            ConflictError: the same thing was to be told with another content.
            StoreError: the database fails.
        """
        known = self._find(transaction, _key(call))
        if known is None:
            self._put(transaction, KeptCall(call, self._clock.now()))
        elif known.call != call:
            raise ConflictError("this was told to the guarantee system before, with another content")

    def find(self, application: str, step: int) -> KeptCall | None:
        """A call, or None.

        Raises:
            StoreError: the database fails.
        """
        return self._find(Transaction(self._store), bytes.fromhex(application) + layout.number(step))

    def unsettled(self, application: str = "") -> Iterator[KeptCall]:
        """Calls that are neither done nor given up, about one application or all, each application's in order.

        Raises:
            StoreError: the database fails.
        """
        for place, _ in self._store.scan(layout.SYSTEM_CALL_OPEN + bytes.fromhex(application)):
            found = self._find(Transaction(self._store), place[len(layout.SYSTEM_CALL_OPEN) :])
            if found is not None:
                yield found

    def retry(self, application: str) -> None:
        """Try again the call about an application that is parked.

        Raises:
            MissingError: there is none.
            StoreError: the database fails.
        """
        self._decide(application, CallState.OPEN, ActKind.SYSTEM_CALL_RETRIED)

    def drop(self, application: str) -> None:
        """Give it up: somebody has seen to it in that system by hand.

        Raises:
            MissingError: there is none.
            StoreError: the database fails.
        """
        self._decide(application, CallState.DROPPED, ActKind.SYSTEM_CALL_DROPPED)

    async def step(self) -> None:
        """Tell what is due.

        Raises:
            StoreError: the database fails.
        """
        if self._system is not None:
            due = list(self._due())
            await asyncio.gather(*(self._tell(self._system, call) for call in due))

    def _due(self) -> Iterator[SystemCall]:
        """Of each application only what comes first."""
        last, count = b"", 0
        for place, mark in self._store.scan(layout.SYSTEM_CALL_OPEN):
            key = place[len(layout.SYSTEM_CALL_OPEN) :]
            if key[:_APPLICATION_BYTES] == last:
                continue
            last = key[:_APPLICATION_BYTES]
            if mark == _PARKED or not self._pauses.is_due(key):
                continue
            kept = self._find(Transaction(self._store), key)
            if kept is not None:
                yield kept.call
                count += 1
            if count == _AT_ONCE:
                return

    async def _tell(self, system: GuaranteeSystem, call: SystemCall) -> None:
        try:
            answer = await system.tell(call)
            check_answer(call, answer)
        except BankUnavailableError as error:
            self._pauses.put_off(_key(call))
            self._note(call, CallState.OPEN, str(error))
        except BankAnswerError as error:
            self._note(call, CallState.PARKED, f"{error.reason}: {error}")
        else:
            if answer.state == "taken":
                self._note(call, CallState.DONE, "")
            else:
                self._note(call, CallState.PARKED, answer.reason or "refused without a reason")

    def _note(self, call: SystemCall, state: CallState, problem: str) -> None:
        transaction, key = Transaction(self._store), _key(call)
        kept = self._find(transaction, key)
        if kept is None or kept.state != CallState.OPEN.value:
            return  # somebody has decided about it while the answer was on its way
        # How often is counted where something else changes too: a system that is away is no reason to write.
        if state is CallState.OPEN and kept.problem == problem and kept.attempts:
            return
        attempts = kept.attempts + 1
        problem = problem[:_MOST_PROBLEM]
        self._put(
            transaction, msgspec.structs.replace(kept, state=state.value, attempts=attempts, problem=problem)
        )
        if state is CallState.PARKED:
            logger.warning("order %s at the guarantee system is parked: %s", call.about[:8], problem)
            about = {"application": call.about, "kind": call.kind}
            self._feed.add(transaction, FeedEntry("system.parked", self._clock.now(), about))
        transaction.commit()
        if state is not CallState.OPEN:
            self._pauses.forget(key)
        self._feed.wake()

    def _decide(self, application: str, state: CallState, act: ActKind) -> None:
        parked = CallState.PARKED.value
        kept = next((one for one in self.unsettled(application) if one.state == parked), None)
        if kept is None:
            raise MissingError("nothing about this application is parked")
        transaction = Transaction(self._store)
        self._put(transaction, msgspec.structs.replace(kept, state=state.value))
        self._acts.record(transaction, act, {"application": application, "kind": kept.call.kind})
        transaction.commit()

    def _find(self, transaction: Transaction, key: bytes) -> KeptCall | None:
        place = layout.SYSTEM_CALL + key
        sealed = transaction.get(place)
        if sealed is None:
            return None
        return msgspec.msgpack.decode(self._vault.open(self._me, place, sealed), type=KeptCall)

    def _put(self, transaction: Transaction, kept: KeptCall) -> None:
        place, index = layout.SYSTEM_CALL + _key(kept.call), layout.SYSTEM_CALL_OPEN + _key(kept.call)
        transaction.put(place, self._vault.seal(self._me, place, msgspec.msgpack.encode(kept)))
        if kept.state in {CallState.OPEN.value, CallState.PARKED.value}:
            transaction.put(index, _PARKED if kept.state == CallState.PARKED.value else b"")
        else:
            transaction.delete(index)


def parked_count(store: Store) -> int:
    """How many calls wait for a person.

    Raises:
        StoreError: the database fails.
    """
    return sum(mark == _PARKED for _, mark in store.scan(layout.SYSTEM_CALL_OPEN))


def _key(call: SystemCall) -> bytes:
    return bytes.fromhex(call.about) + layout.number(call.step)
