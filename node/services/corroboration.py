"""After a read: what others say about the log that the records came from, fetched in the background and kept.

An answer leaves the home before other members have cosigned its checkpoint. So the reader asks the home afterwards
for one that they have cosigned, which contains the answer's; from then on the home cannot keep a second log for
this reader alone.
"""

import logging
from collections import defaultdict
from collections.abc import Sequence

import msgspec

from node.domain.bundle import LaterCheckpoint
from node.domain.checkpoint import Checkpoint, open_checkpoint, parse_checkpoint
from node.domain.cosignature import cosignatures, witnesses_needed
from node.domain.document import peek_document
from node.domain.encoding import to_base64url
from node.domain.evidence import parse_evidence
from node.domain.merkle import verify_consistency
from node.domain.newest import withheld
from node.domain.reading import ReadRequest
from node.errors import AnchorError, MissingError, NodeError, StoreError, WitnessError
from node.ports import Clock, LogView, Peers, Store
from node.services import layout
from node.services.alliance import Alliance
from node.services.feed import Feed, FeedEntry
from node.services.legal_reading import LegalReading
from node.services.pauses import Pauses
from node.services.reading import Reading
from node.services.transaction import Transaction

logger = logging.getLogger(__name__)

_FIRST_PAUSE_SECONDS, _LAST_PAUSE_SECONDS = 0.5, 600.0


class Corroboration:
    """Collects witnessed checkpoints for what was read elsewhere."""

    def __init__(  # noqa: PLR0917
        self,
        store: Store,
        alliance: Alliance,
        peers: Peers,
        reading: Reading,
        legal_reading: LegalReading,
        feed: Feed,
        clock: Clock,
    ) -> None:
        self._store, self._alliance, self._peers = store, alliance, peers
        self._reading, self._legal, self._feed, self._clock = reading, legal_reading, feed, clock
        self._pauses = Pauses[bytes](clock, _FIRST_PAUSE_SECONDS, _LAST_PAUSE_SECONDS)

    def found(self, request: str, number: int) -> LaterCheckpoint | None:
        """The witnessed checkpoint that contains a read, if it has come.

        Raises:
            StoreError: the database fails.
        """
        raw = self._store.get(layout.CORROBORATED + bytes.fromhex(request) + layout.number(number))
        return None if raw is None else msgspec.msgpack.decode(raw, type=LaterCheckpoint)

    async def step(self) -> None:
        """Ask for what is waiting and due; who does not answer, or has none yet, is asked less and less often.

        Raises:
            StoreError: the database fails.
        """
        for (home, note), places in self._due().items():
            try:
                await self._fetch(home, parse_checkpoint(note), places)
            except StoreError:
                raise
            except NodeError as error:
                logger.info("%d reads of %s wait for cosignatures: %s", len(places), home, error)
            else:
                for place in places:
                    self._pauses.forget(place)

    def _due(self) -> dict[tuple[str, str], list[bytes]]:
        """Reads to ask about now, by home and by the checkpoint under which it answered."""
        waiting: defaultdict[tuple[str, str], list[bytes]] = defaultdict(list)
        for key, _ in self._store.scan(layout.UNCORROBORATED):
            place = key[len(layout.UNCORROBORATED) :]
            if not self._pauses.is_due(place):
                continue
            self._pauses.put_off(place)
            try:
                home, evidence = self._obtained(place[:-8].hex(), layout.from_number(place[-8:]))
            except StoreError:
                raise
            except NodeError as error:
                logger.info("read %s waits for cosignatures: %s", place.hex()[:8], error)
                continue
            waiting[home, parse_evidence(evidence).checkpoint].append(place)
        return waiting

    def _obtained(self, request: str, number: int) -> tuple[str, bytes]:
        """Who answered a read, under a grant or on a legal basis, and the evidence."""
        if self._legal.has(request):
            return self._legal.obtained(request)
        obtained = self._reading.obtained(request, number)
        return peek_document(obtained.request, ReadRequest).aud, obtained.evidence

    async def _fetch(self, name: str, first: Checkpoint, places: Sequence[bytes]) -> None:
        """One answer serves all that were read under one checkpoint."""
        home = self._alliance.projection.member(name)
        view = await self._peers.witnessed_view(home, first.size)
        checkpoint = open_checkpoint(view.note, home.log_key_at(parse_checkpoint(view.note).size))
        self._check(first, checkpoint, view)
        consistency = tuple(map(to_base64url, view.proofs[0]))
        transaction = Transaction(self._store)
        row = msgspec.msgpack.encode(LaterCheckpoint(view.note, consistency))
        for place in places:
            transaction.put(layout.CORROBORATED + place, row)
            transaction.delete(layout.UNCORROBORATED + place)
            self._compare(transaction, place, name)
        transaction.commit()
        self._feed.wake()

    def _compare(self, transaction: Transaction, place: bytes, home: str) -> None:
        """With the read before under the same request: whether the home kept something back then."""
        digest, number = place[:-8].hex(), layout.from_number(place[-8:])
        if not number:
            return
        try:
            before, after = [
                parse_evidence(self._reading.obtained(digest, one).evidence) for one in (number - 1, number)
            ]
        except MissingError:  # erased since
            return
        for shown, kept_back in withheld(before, after):
            logger.error(
                "%s stated that version %d was the newest, and had version %d",
                home,
                shown.version,
                kept_back.version,
            )
            about = {"request": digest, "read": str(number - 1), "home": home, "category": shown.category}
            self._feed.add(transaction, FeedEntry("read.withheld", self._clock.now(), about))

    def _check(self, first: Checkpoint, checkpoint: Checkpoint, view: LogView) -> None:
        if checkpoint.origin != first.origin:
            raise AnchorError("the home showed a checkpoint of another log")
        verify_consistency(first.size, checkpoint.size, first.root, checkpoint.root, view.proofs[0])
        active = [row.member for row in self._alliance.projection.members() if row.active]
        keys = {member.name: member.log_key for member in active if member.name != checkpoint.member}
        have, needed = len(cosignatures(view.note, checkpoint, keys)), witnesses_needed(len(keys))
        if have < needed:
            raise WitnessError(f"the home showed {have} of the {needed} cosignatures needed")
