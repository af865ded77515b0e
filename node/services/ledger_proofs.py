"""Ledger proofs, taken when something is final and kept with what they prove: engines drop old state.

Noted in the unit of work that makes the thing final, taken in the background: no call waits for a proof, and nothing
else is disturbed when the engine gives none. What is kept:

- for own anchors under which records became final, a proof of the anchor and of this member with its keys; whatever
  is under an anchor is under every later one, so one proof serves all that waited for it;
- for each read elsewhere, a proof of the grant, the home's anchor, and both members with their keys, as of the block
  that the read relied on, or a later one that says the same of the grant.
"""

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import msgspec

from node.domain import ledger
from node.domain.ledger import Block, Event
from node.domain.ledger_proof import LedgerProof, encode_ledger_proof, parse_ledger_proof
from node.domain.proven_state import (
    ALLIANCE,
    ANCHORS,
    GRANTS,
    Facts,
    GrantStanding,
    ProvenState,
    open_ledger_proof,
    storage_of,
)
from node.errors import LedgerProofError, LedgerUnavailableError, ProofFormatError
from node.ports import Clock, Ledger, Store
from node.services import layout
from node.services.alliance import Alliance
from node.services.log import CheckpointRow
from node.services.transaction import Transaction

logger = logging.getLogger(__name__)

LOST = "ledger-proofs-lost"
"""Counter: proofs that no engine could give any more."""

GIVE_UP_SECONDS = 24 * 3600.0
"""How long an engine that answers, but does not prove, is asked again."""
_THROUGH = "ledger-proofs-through"
"""Counter: all records at positions below this have a proof, or one is noted."""


class AnchorToProve(msgspec.Struct, frozen=True, array_like=True):
    """An own anchor that is final."""

    since: float
    """When it was noted, seconds since 1970 UTC."""


class ReadToProve(msgspec.Struct, frozen=True, array_like=True):
    """A read that this node made."""

    since: float
    grant: bytes
    """Id on the ledger, 32 bytes."""
    home: str
    size: int
    """Of the anchor under which it answered."""
    block: Block
    """The newest block that the read relied on."""


class AnchorProof(msgspec.Struct, frozen=True, array_like=True):
    """A proof that is kept, and of which block."""

    number: int
    hash: bytes
    proof: bytes


def waiting_since(store: Store) -> Iterator[float]:
    """When each proof that is still to be taken was noted, seconds since 1970 UTC.

    Raises:
        StoreError: the database fails.
    """
    for _, raw in store.scan(layout.ANCHOR_TO_PROVE):
        yield msgspec.msgpack.decode(raw, type=AnchorToProve).since
    for _, raw in store.scan(layout.READ_TO_PROVE):
        yield msgspec.msgpack.decode(raw, type=ReadToProve).since


class LedgerProofs:
    """Notes what is to be proven, takes the proofs, keeps them."""

    def __init__(self, store: Store, alliance: Alliance, ledger_port: Ledger, clock: Clock) -> None:
        self._store, self._alliance, self._ledger, self._clock = store, alliance, ledger_port, clock

    # -- what bundles carry ------------------------------------------------------------------------------

    def for_anchor(self, size: int) -> tuple[int, LedgerProof] | None:
        """The first own anchor at or beyond a size that is proven: its size, and the proof.

        Raises:
            StoreError: the database fails.
        """
        found = next(self._store.scan(layout.ANCHOR_PROOF, start=layout.number(size)), None)
        if found is None:
            return None
        key, raw = found
        kept = msgspec.msgpack.decode(raw, type=AnchorProof)
        return layout.from_number(key[len(layout.ANCHOR_PROOF) :]), parse_ledger_proof(kept.proof)

    def for_read(self, request: str, number: int) -> tuple[LedgerProof, ...]:
        """The proofs of what was read elsewhere, in ascending order of blocks; none if they are still to come.

        Args:
            request: digest of the own access request, 64 hex digits.
            number: which read under it, from 0.

        Raises:
            StoreError: the database fails.
        """
        raw = self._store.get(layout.READ_PROOF + bytes.fromhex(request) + layout.number(number))
        if raw is None:
            return ()
        return tuple(map(parse_ledger_proof, msgspec.msgpack.decode(raw, type=list[bytes])))

    # -- noting, in the unit of work that makes it final -------------------------------------------------

    def note_event(self, transaction: Transaction, event: Event) -> None:
        """An own anchor is final: prove it if it makes records final, and not cover alone.

        Raises:
            StoreError: the database fails.
        """
        anchored = event.happening
        if not isinstance(anchored, ledger.Anchored) or anchored.member != self._alliance.me:
            return
        place = layout.number(anchored.size)
        raw = transaction.get(layout.CHECKPOINT + place)
        if raw is None:
            return  # an older copy of the store was restored; the log sees to that
        through = msgspec.msgpack.decode(raw, type=CheckpointRow).through
        if through > transaction.counter(_THROUGH):
            transaction.set_counter(_THROUGH, through)
            note = AnchorToProve(self._clock.now())
            transaction.put(layout.ANCHOR_TO_PROVE + place, msgspec.msgpack.encode(note))

    def note_read(  # noqa: PLR0917
        self, transaction: Transaction, request: bytes, number: int, grant: bytes, home: str, size: int
    ) -> None:
        """A read was answered, checked and is kept.

        Args:
            transaction: the unit of work that keeps it.
            request: digest of the own access request.
            number: which read under it.
            grant: its id on the ledger, 32 bytes; empty where there was none.
            home: who answered.
            size: of the home's anchored checkpoint under which it answered.

        Raises:
            StoreError: the database fails.
        """
        block = self._alliance.projection.cursor()
        if block is None:
            return
        note = ReadToProve(self._clock.now(), grant, home, size, block)
        transaction.put(layout.READ_TO_PROVE + request + layout.number(number), msgspec.msgpack.encode(note))

    # -- in the background -------------------------------------------------------------------------------

    async def step(self) -> None:
        """Take the proofs that are due, as far as the engine gives them.

        Raises:
            LedgerUnavailableError: the engine does not answer, or did not prove something; it is asked again.
            StoreError: the database fails.
        """
        anchors = list(self._store.scan(layout.ANCHOR_TO_PROVE))
        reads = list(self._store.scan(layout.READ_TO_PROVE))
        final = self._alliance.projection.cursor()
        if final is None or not (anchors or reads):
            return
        await self._ledger.head()  # whoever does not answer this is asked nothing more
        trouble: LedgerUnavailableError | None = None
        if anchors:
            trouble = await self._prove_anchors(anchors, final)
        for group in _alike(reads):
            trouble = await self._prove_reads(group, final) or trouble
        if trouble is not None:
            raise trouble

    async def _prove_anchors(
        self, waiting: list[tuple[bytes, bytes]], final: Block
    ) -> LedgerUnavailableError | None:
        """One proof for all that wait; what goes wrong, if the engine is to be asked again."""
        await self._drop_orphans()
        me = self._alliance.me
        try:
            state, proof = await self._take(Facts((me,), self._witnesses(), (me,)), final)
            anchor = state.anchor(me)
        except LedgerUnavailableError as error:
            oldest = msgspec.msgpack.decode(waiting[0][1], type=AnchorToProve)
            return self._put_off([waiting[0][0]], oldest.since, error)
        except (LedgerProofError, ProofFormatError) as error:
            self._lose([key for key, _ in waiting], error)
            return None
        size = 0 if anchor is None else anchor.size
        place = layout.number(size)
        covered = [key for key, _ in waiting if key[len(layout.ANCHOR_TO_PROVE) :] <= place]
        if covered:
            transaction = Transaction(self._store)
            kept = AnchorProof(final.number, final.hash, proof)
            transaction.put(layout.ANCHOR_PROOF + place, msgspec.msgpack.encode(kept))
            for key in covered:
                transaction.delete(key)
            transaction.commit()
        return None

    async def _prove_reads(
        self, group: Sequence[tuple[bytes, ReadToProve]], final: Block
    ) -> LedgerUnavailableError | None:
        """One proof for reads that differ in their block alone: that of the last, which says the same."""
        last = max((read for _, read in group), key=lambda read: read.block.number)
        keys = [key for key, _ in group]
        try:
            proofs = await self._take_read(last, final)
        except LedgerUnavailableError as error:
            return self._put_off(keys, min(read.since for _, read in group), error)
        except (LedgerProofError, ProofFormatError) as error:
            self._lose(keys, error)
            return None
        transaction = Transaction(self._store)
        for key in keys:
            place = layout.READ_PROOF + key[len(layout.READ_TO_PROVE) :]
            transaction.put(place, msgspec.msgpack.encode(proofs))
            transaction.delete(key)
        transaction.commit()
        return None

    async def _take_read(self, read: ReadToProve, final: Block) -> list[bytes]:
        """A proof of the grant; and one of the anchor, where another has followed by then.

        Raises:
            LedgerUnavailableError: the engine does not prove it.
            LedgerProofError: as `_take`, or the grant was revoked before its state could be proven.
            ProofFormatError: as `_take`.
        """
        facts = Facts(
            (read.home, self._alliance.me),
            self._witnesses(),
            (read.home,),
            (read.grant,) if read.grant else (),
        )
        try:
            state, proof = await self._take(facts, read.block)
        except LedgerUnavailableError:
            # That state may be gone. A grant that is registered later and not revoked was so before.
            state, proof = await self._take(facts, final)
        if read.grant and state.grant(read.grant).standing is not GrantStanding.REGISTERED:
            raise LedgerProofError("the grant was revoked before its state could be proven")
        anchor = state.anchor(read.home)
        if anchor is not None and anchor.size == read.size:
            return [proof]
        row = self._alliance.projection.anchor(read.home, read.size)
        block = None if row is None else await self._ledger.block(row.block)
        if block is None:
            raise LedgerUnavailableError(f"the block of the anchor of {read.home} is not there")
        _, before = await self._take(replace(facts, grants=()), block)
        return [before, proof]

    def _witnesses(self) -> list[str]:
        return [row.member.name for row in self._alliance.projection.members()]

    async def _take(self, facts: Facts, block: Block) -> tuple[ProvenState, bytes]:
        """A proof, read as a stranger will read it.

        Raises:
            LedgerUnavailableError: the engine does not prove it.
            LedgerProofError: a contract is of other code than the descriptor names.
            ProofFormatError: the proof is too large.
        """
        descriptor = self._alliance.descriptor
        alliance = bytes.fromhex(descriptor.contracts[ALLIANCE].address)
        book = {name: self._alliance.book(name, block.number) for name in (ANCHORS, GRANTS)}
        proof = await self._ledger.prove(block, storage_of(facts, alliance, book))
        state = open_ledger_proof(proof, descriptor)
        for name in facts.members:
            state.member(name)
        for name in facts.anchors:
            state.anchor(name)
        for grant in facts.grants:
            state.grant(grant)
        return state, encode_ledger_proof(proof)

    async def _drop_orphans(self) -> None:
        """Prove again what was proven by blocks that are gone from the chain."""
        orphans: list[bytes] = []
        for key, raw in self._store.scan(layout.ANCHOR_PROOF, reverse=True):
            kept = msgspec.msgpack.decode(raw, type=AnchorProof)
            block = await self._ledger.block(kept.number)
            if block is not None and block.hash == kept.hash:
                break
            orphans.append(key)
        if not orphans:
            return
        transaction, note = Transaction(self._store), AnchorToProve(self._clock.now())
        for key in orphans:
            transaction.delete(key)
            place = key[len(layout.ANCHOR_PROOF) :]
            transaction.put(layout.ANCHOR_TO_PROVE + place, msgspec.msgpack.encode(note))
        transaction.commit()

    def _put_off(
        self, keys: list[bytes], since: float, error: LedgerUnavailableError
    ) -> LedgerUnavailableError | None:
        if self._clock.now() - since <= GIVE_UP_SECONDS:
            return error
        self._lose(keys, error)
        return None

    def _lose(self, keys: list[bytes], reason: object) -> None:
        logger.error("%d ledger proofs cannot be had any more: %s", len(keys), reason)
        transaction = Transaction(self._store)
        for key in keys:
            transaction.delete(key)
        transaction.set_counter(LOST, transaction.counter(LOST) + len(keys))
        transaction.commit()


def _alike(rows: Iterable[tuple[bytes, bytes]]) -> list[list[tuple[bytes, ReadToProve]]]:
    """Reads that one proof serves: under one grant, answered under one anchor."""
    groups: defaultdict[tuple[bytes, str, int], list[tuple[bytes, ReadToProve]]] = defaultdict(list)
    for key, raw in rows:
        read = msgspec.msgpack.decode(raw, type=ReadToProve)
        groups[read.grant, read.home, read.size].append((key, read))
    return list(groups.values())
