"""Brings the outbox to the ledger: dry run, sign, store, send, wait for finality.

An item is dry-run before it spends a nonce; what a contract refuses is parked. The signed transaction is durable
before it is sent, so after a crash the same bytes go out again and take effect at most once. One object has one
item under way; different objects share blocks.
"""

import logging
from collections.abc import Callable

import msgspec

from node.domain.ledger import Block
from node.errors import ContractUnknownError, LedgerRefusedError, NodeError, NonceTakenError
from node.ports import Clock, Ledger
from node.services.outbox import Outbox, OutboxItem, State

logger = logging.getLogger(__name__)

MAX_ATTEMPTS = 5
RESEND_SECONDS = 3.0
_ALREADY_DONE = frozenset(
    {
        "GrantsAlreadyRegistered",
        "GrantsAlreadyRevoked",
        "SubjectsExists",
        "SubjectsAlreadyProposed",
        "SubjectsAlreadyConfirmed",
        "SubjectsNotProposed",
        "GuaranteesAlreadyMoved",
    }
)
"""Refusals that mean the same is on the ledger already, relayed by somebody else or sent before: the aim is
reached. A subject's id follows from its home and a random salt, so nobody else can have taken it. A
recovery that is not proposed any more was finished or vetoed."""
_NOT_NOW = "NotMember"
"""How every contract's refusal ends that is about this member and no item: it is not admitted yet, or suspended.
Calls of that kind go out later; a duty that the ledger takes from a suspended member too does not wait for them."""
_IN_FORCE = "ContractNotInForce"
"""The contract was replaced a moment ago, and this node has not read the block yet."""


class Sender:
    """Moves every object's oldest item one step at a time."""

    def __init__(self, outbox: Outbox, ledger: Ledger, final_number: Callable[[], int], clock: Clock) -> None:
        """Args:
        outbox: what is to be sent.
        ledger: where to.
        final_number: number of the newest final block this node has seen.
        clock: paces repetitions.
        """
        self._outbox, self._ledger, self._final_number = outbox, ledger, final_number
        self._clock = clock
        self._sent_at: dict[int, float] = {}

    async def step(self) -> None:
        """Move every object on by what can be done now.

        Raises:
            LedgerUnavailableError: the engine does not answer; everything stays queued.
            StoreError: the database fails.
        """
        heads = sorted(self._outbox.heads().values(), key=lambda head: head[0])
        # Whatever is under way is the head of its object.
        account = self._ledger.account
        in_flight = {item.nonce for _, item in heads if item.state is State.SENT and item.sender == account}
        barred: set[str] = set()
        for number, item in heads:
            if item.state is State.WAITING:
                if item.kind not in barred and not await self._start(number, item, in_flight, account):
                    barred.add(item.kind)
            elif item.state is State.SENT:
                await self._follow(number, item, in_flight)

    async def _start(self, number: int, item: OutboxItem, in_flight: set[int], account: bytes) -> bool:
        """Bring an item on its way; False if this member can send nothing of its kind now."""
        try:
            call = item.decoded()
            await self._ledger.dry_run(call)
            nonce = await self._next_nonce(in_flight)
            if self._ledger.account != account:
                return False  # it has just changed: nonce and those in flight are the other's
            signed = await self._ledger.sign(call, nonce)
        except LedgerRefusedError as refusal:
            return self._refused(number, item, refusal)
        except ContractUnknownError as unknown:
            self._wait(number, item, unknown)
            return False
        except NodeError:
            raise
        except Exception as bug:
            # A call that cannot even be encoded would come up first in every step and stop all others.
            logger.exception("outbox item %d (%s) is parked: a bug", number, item.object)
            self._park(number, item, f"a bug: {type(bug).__name__}")
            return True
        in_flight.add(signed.nonce)
        sent = msgspec.structs.replace(
            item,
            state=State.SENT,
            attempts=item.attempts + 1,
            nonce=signed.nonce,
            raw=signed.raw,
            hash=signed.hash,
            sender=account,
        )
        self._outbox.update(number, sent)
        await self._send(number, sent)
        return True

    async def _follow(self, number: int, item: OutboxItem, in_flight: set[int]) -> None:
        outcome = await self._ledger.outcome(item.hash)
        if outcome is None:
            if self._clock.now() - self._sent_at.get(number, 0.0) <= RESEND_SECONDS:
                return
            if await self._is_stranded(item, in_flight):
                self._retry(number, item, "transactions before it are gone from the chain", counts=False)
                return
            # It may have been dropped; the same bytes take effect once.
            await self._send(number, item)
        elif not outcome.succeeded:
            self._retry(number, item, "the transaction failed in its block")
        elif await self._is_final(outcome.block):
            self._sent_at.pop(number, None)
            self._outbox.remove(number, item)

    async def _send(self, number: int, item: OutboxItem) -> None:
        self._sent_at[number] = self._clock.now()
        try:
            await self._ledger.send(item.signed())
        except NonceTakenError:
            # Either this very transaction is in a block by now, or another one used the nonce.
            if await self._ledger.outcome(item.hash) is None:
                self._retry(number, item, "another transaction used the nonce", counts=False)

    async def _is_stranded(self, item: OutboxItem, in_flight: set[int]) -> bool:
        """Whether nobody fills a nonce before the item's: a block that was final is gone, and what it held too.

        The item then goes out under the lowest nonce. Should the old transaction come to life after it, its contract
        refuses to do the same twice.
        """
        if item.sender != self._ledger.account:
            return False
        return await self._next_nonce(in_flight - {item.nonce}) < item.nonce

    async def _next_nonce(self, in_flight: set[int]) -> int:
        # The lowest free one: a nonce that nobody fills would hold up all later ones for ever.
        nonce = await self._ledger.next_nonce()
        while nonce in in_flight:
            nonce += 1
        return nonce

    async def _is_final(self, block: Block) -> bool:
        if block.number > self._final_number():
            return False
        canonical = await self._ledger.block(block.number)
        return canonical is not None and canonical.hash == block.hash

    def _retry(self, number: int, item: OutboxItem, problem: str, *, counts: bool = True) -> None:
        """Sign it anew; what no block has tried does not count as an attempt, and needs no operator."""
        if not counts:
            item = msgspec.structs.replace(item, attempts=item.attempts - 1)
        state = State.PARKED if item.attempts >= MAX_ATTEMPTS else State.WAITING
        if problem != item.problem or state is State.PARKED:
            logger.warning("outbox item %d (%s): %s; now %s", number, item.object, problem, state.value)
        self._outbox.update(number, item.unsigned(state, problem))

    def _wait(self, number: int, item: OutboxItem, reason: NodeError) -> None:
        if item.problem != str(reason):
            logger.warning("outbox item %d (%s) and others of its kind wait: %s", number, item.object, reason)
            self._outbox.update(number, msgspec.structs.replace(item, problem=str(reason)))

    def _refused(self, number: int, item: OutboxItem, refusal: LedgerRefusedError) -> bool:
        if refusal.problem.endswith(_NOT_NOW) or refusal.problem == _IN_FORCE:
            self._wait(number, item, refusal)
            return False
        if refusal.problem in _ALREADY_DONE:
            self._outbox.remove(number, item)
        else:
            logger.warning("outbox item %d (%s) is parked: %s", number, item.object, refusal)
            self._park(number, item, str(refusal))
        return True

    def _park(self, number: int, item: OutboxItem, problem: str) -> None:
        self._outbox.update(number, item.unsigned(State.PARKED, problem))
