"""Follows the logs of all other members: cosigns what only grew, raises a provable alarm for what did not.

What was cosigned is durable before the cosignature leaves, so a witness never vouches for two versions of a log,
crashes included. After an alarm a log is cosigned no more until an operator has settled it.
"""

from collections.abc import Iterator

import msgspec

from node.domain.act import ActKind
from node.domain.checkpoint import Checkpoint, open_checkpoint, parse_checkpoint
from node.domain.cosignature import cosign
from node.domain.log_fault import LogFault, Seen, find_fault
from node.domain.member import Member
from node.errors import MissingError, NodeError, ProofFormatError, SignatureError, StoreError
from node.ports import Clock, Keys, LogView, Peers, Store
from node.services import layout
from node.services.acts import Acts
from node.services.alliance import Alliance
from node.services.feed import Feed, FeedEntry
from node.services.side_by_side import side_by_side
from node.services.transaction import Transaction

_ALARM_NUMBER = "alarm"


class WitnessedRow(msgspec.Struct, frozen=True):
    """The newest checkpoint of a log that this node vouches for."""

    size: int
    root: bytes
    note: str
    time: float


class AlarmRow(msgspec.Struct, frozen=True):
    """A fault, with all that proves it."""

    member: str
    fault: LogFault
    time: float
    note: str
    """What the log showed, signed by it."""
    known_note: str = ""
    """What it had shown before, signed by it; empty if this was the first."""
    anchor_size: int = 0
    anchor_root: bytes = b""
    """Its last final anchor on the ledger; empty if there was none."""
    settled: bool = False


class Witness:
    """One node as a witness of the others."""

    def __init__(  # noqa: PLR0917
        self,
        store: Store,
        alliance: Alliance,
        peers: Peers,
        keys: Keys,
        acts: Acts,
        feed: Feed,
        clock: Clock,
    ) -> None:
        self._store, self._alliance, self._peers = store, alliance, peers
        self._keys, self._acts, self._feed, self._clock = keys, acts, feed, clock
        self._delivered: dict[str, int] = {}
        self.problems: dict[str, str] = {}
        """Why a log could not be looked at the last time, by member."""

    async def step(self) -> None:
        """Look at every other active member's log once; who does not answer is asked again the next time.

        Raises:
            StoreError: the database fails.
        """
        rows = list(self._alliance.projection.members())
        others = [row.member for row in rows if row.active and row.member.name != self._alliance.me]
        await side_by_side(map(self._try, others))

    async def _try(self, member: Member) -> None:
        try:
            await self.look(member)
        except StoreError:
            raise
        except NodeError as error:
            self.problems[member.name] = f"{error.reason}: {error}"
        else:
            self.problems.pop(member.name, None)

    async def look(self, member: Member) -> LogFault | None:
        """Ask one log for its newest checkpoint; cosign it, or raise an alarm.

        Returns:
            The fault, or None.

        Raises:
            PeerError: its node does not answer.
            MissingError: it has published nothing yet.
            ProofFormatError, SignatureError: what it answers is not a checkpoint that its log key has signed: no
                proof of anything, so no alarm.
            StoreError: the database fails.
        """
        known, anchor = self.witnessed(member.name), self._anchor(member.name)
        sizes = [known.size if known else 0, anchor.size if anchor else 0]
        view = await self._peers.log_view(member, sizes)
        checkpoint = open_checkpoint(view.note, member.log_key_at(parse_checkpoint(view.note).size))
        if (checkpoint.alliance, checkpoint.member) != (self._alliance.id, member.name):
            raise SignatureError(f"{member.name} showed a checkpoint of another log")
        if len(view.proofs) != len(sizes):
            raise ProofFormatError(f"{member.name} answered with {len(view.proofs)} proofs")
        bound = Seen(known.size, known.root) if known else None
        fault = find_fault(checkpoint, bound, anchor, *view.proofs)
        if fault is not None:
            self._alarm(member.name, fault, view, known, anchor)
        elif not self._is_alarmed(member.name):
            await self._vouch(member, checkpoint, view.note, known)
        return fault

    def witnessed(self, member: str) -> WitnessedRow | None:
        """What this node vouches for of a log.

        Raises:
            StoreError: the database fails.
        """
        raw = self._store.get(layout.WITNESSED + member.encode())
        return None if raw is None else msgspec.msgpack.decode(raw, type=WitnessedRow)

    def alarms(self) -> Iterator[tuple[int, AlarmRow]]:
        """All alarms, oldest first.

        Raises:
            StoreError: the database fails.
        """
        for key, raw in self._store.scan(layout.ALARM):
            yield layout.from_number(key[len(layout.ALARM) :]), msgspec.msgpack.decode(raw, type=AlarmRow)

    def settle(self, number: int) -> None:
        """An operator has dealt with an alarm; it is kept, and the log is cosigned again if it is sound.

        Raises:
            MissingError: there is no such alarm.
            StoreError: the database fails.
        """
        transaction, key = Transaction(self._store), layout.ALARM + layout.number(number)
        raw = transaction.get(key)
        if raw is None:
            raise MissingError(f"there is no alarm {number}")
        alarm = msgspec.structs.replace(msgspec.msgpack.decode(raw, type=AlarmRow), settled=True)
        transaction.put(key, msgspec.msgpack.encode(alarm))
        transaction.delete(layout.OPEN_ALARM + alarm.member.encode())
        self._acts.record(transaction, ActKind.ALARM_SETTLED, {"alarm": str(number), "member": alarm.member})
        transaction.commit()

    async def _vouch(
        self, member: Member, checkpoint: Checkpoint, note: str, known: WitnessedRow | None
    ) -> None:
        now = self._clock.now()
        if known is None or known.size != checkpoint.size:
            transaction = Transaction(self._store)
            row = WitnessedRow(checkpoint.size, checkpoint.root, note, now)
            transaction.put(layout.WITNESSED + member.name.encode(), msgspec.msgpack.encode(row))
            transaction.commit()
        if self._delivered.get(member.name) != checkpoint.size:
            signer = self._keys.log
            line = cosign(checkpoint, self._alliance.me, signer.public_key, int(now), signer.sign)
            await self._peers.submit_cosignature(member, checkpoint.size, line)
            self._delivered[member.name] = checkpoint.size

    def _alarm(
        self, member: str, fault: LogFault, view: LogView, known: WitnessedRow | None, anchor: Seen | None
    ) -> None:
        if self._is_alarmed(member):
            return  # one alarm stands for all that follows from it
        transaction, now = Transaction(self._store), self._clock.now()
        row = AlarmRow(member, fault, now, view.note)
        if known is not None:
            row = msgspec.structs.replace(row, known_note=known.note)
        if anchor is not None:
            row = msgspec.structs.replace(row, anchor_size=anchor.size, anchor_root=anchor.root)
        number = layout.number(transaction.take(_ALARM_NUMBER))
        transaction.put(layout.ALARM + number, msgspec.msgpack.encode(row))
        transaction.put(layout.OPEN_ALARM + member.encode(), number)
        self._feed.add(transaction, FeedEntry("log.alarm", now, {"member": member, "fault": fault.value}))
        transaction.commit()
        self._feed.wake()

    def _is_alarmed(self, member: str) -> bool:
        return self._store.get(layout.OPEN_ALARM + member.encode()) is not None

    def _anchor(self, member: str) -> Seen | None:
        size = self._alliance.projection.anchored_size(member)
        row = self._alliance.projection.anchor(member, size) if size else None
        return None if row is None else Seen(size, row.root)
