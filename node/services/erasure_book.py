"""The list of erasures, and how the database and the keyring follow it.

Every line is durable in the list first, then applied to the database, then to the keyring; each keeps how far it
came. What a crash leaves undone, or a backup that was put back has undone, is applied at the next start, before
anything is served. Applied twice a line does no more than once.
"""

import logging
from collections.abc import Iterable, Mapping

import msgspec

from node.domain.act import ActKind
from node.domain.document import document_digest
from node.domain.erasure import ErasedLine, Line, Mark, ReceiptLine, by_category, encode_line, read_lines
from node.domain.keys import KeyKind
from node.domain.notice import Erased
from node.errors import ErasureListError
from node.ports import Clock, ErasureList, Keys, Store
from node.services import layout
from node.services.acts import Acts
from node.services.erasure_rows import Erasure, ErasureRows, OpenErasure
from node.services.feed import Feed, FeedEntry
from node.services.notices import Notices
from node.services.reach import ACCEPTED
from node.services.traces import Traces
from node.services.transaction import Transaction
from node.services.vault import Vault

logger = logging.getLogger(__name__)


class ErasureBook:
    """Writes lines and applies them."""

    def __init__(  # noqa: PLR0917
        self,
        store: Store,
        vault: Vault,
        erasures: ErasureList,
        traces: Traces,
        acts: Acts,
        feed: Feed,
        notices: Notices,
        keys: Keys,
        clock: Clock,
    ) -> None:
        """Args:
        store: the node's database.
        vault: its keyring.
        erasures: the list.
        traces: finds what belongs to whom.
        acts: records what was done.
        feed: tells the centre's systems.
        notices: tells members that hold something.
        keys: has the data keys.
        clock: for the feed.

        Raises:
            ErasureListError: the list is older than the database or the keyring, or was altered.
            StoreError: one of them fails.
        """
        self._store, self._vault, self._list, self._traces = store, vault, erasures, traces
        self._acts, self._feed, self._keys, self._clock = acts, feed, keys, clock
        self._notices = notices
        self.rows = ErasureRows(store)
        self.catch_up()

    def mark(self) -> Mark:
        """How far the database has followed the list.

        Raises:
            StoreError: the database fails.
        """
        raw = self._store.get(layout.ERASURE_MARK)
        return Mark() if raw is None else msgspec.msgpack.decode(raw, type=Mark)

    def erase(
        self,
        owner: str,
        parts: Iterable[str],
        request: str,
        held: Mapping[str, int] | None = None,
        *,
        whole: bool = False,
        asked: bool = False,
    ) -> int:
        """Write that something is erased, and apply it; the caller has caught up.

        Args:
            owner: subject id, or the member's own name.
            parts: what goes.
            request: id of the wallet's request or of the notice that asks for it; empty for none.
            held: parts that are blocked instead, and until when, seconds since 1970 UTC.
            whole: whether everything of the owner is meant.
            asked: whether the subject or the operator asked this home now.

        Returns:
            The erasure's number.

        Raises:
            StoreError: something fails; once the line is in the list it is applied at the next start.
        """
        mark = self.mark()
        line = ErasedLine(
            number=mark.number + 1,
            previous=mark.head,
            at=int(self._clock.now()),
            owner=owner,
            whole=whole,
            parts=tuple(sorted(parts)),
            held=dict(held or {}),
            request=request,
            asked=asked,
        )
        self.add(line)
        return line.number

    def add(self, line: Line) -> None:
        """Write a line that follows `mark`, and apply it; the caller has caught up.

        Raises:
            StoreError: something fails; once the line is in the list it is applied at the next start.
        """
        raw = encode_line(line)
        mark = self.mark().after(raw)
        self._list.append(raw)
        self._apply(line, mark)
        self._apply_to_keyring(line, mark)
        self._feed.wake()

    def catch_up(self) -> None:
        """Apply the lines that the database or the keyring has not followed.

        Raises:
            ErasureListError: the list is older than one of them, or was altered.
            StoreError: one of them fails.
        """
        data, ring = self.mark(), self._vault.mark()
        low, high = (data, ring) if data.number <= ring.number else (ring, data)
        if low.number == high.number and low != high:
            raise ErasureListError(
                "data and keyring have followed different lists of erasures; they belong apart"
            )
        at = low
        for line, mark in read_lines(self._list.read(low.start), low):
            at = mark
            if mark.number == high.number and mark != high:
                raise ErasureListError(
                    f"line {mark.number} of the list of erasures is not the one followed here"
                )
            logger.warning("line %d of the list of erasures is applied", mark.number)
            if mark.number > data.number:
                self._apply(line, mark)
            if mark.number > ring.number:
                self._apply_to_keyring(line, mark)
        if at.number < high.number:
            raise ErasureListError(
                f"the list of erasures ends at line {at.number}, and this node has followed it to line "
                f"{high.number}: it is missing or an older copy"
            )

    def _apply(self, line: Line, mark: Mark) -> None:
        if isinstance(line, ErasedLine):
            self._traces.divide(line.owner)
        transaction = Transaction(self._store)
        if isinstance(line, ErasedLine):
            if line.asked:
                meant = () if line.whole else by_category([*line.parts, *line.held])
                self._notices.tell(transaction, line.owner, Erased(meant))
            gone = self._traces.remove(transaction, line)
            self.rows.put_open(transaction, line.number, self._still_open(gone))
            self.rows.put(transaction, Erasure(line))
            self.rows.note_held(transaction, line)
            about = {"subject": line.owner, "erasure": str(line.number)}
            self._feed.add(transaction, FeedEntry("subject.erased", self._clock.now(), about))
        elif isinstance(line, ReceiptLine):
            about = {"erasure": str(line.erasure), "receipt": document_digest(line.receipt).hex()}
            position = self._acts.record(transaction, ActKind.DATA_ERASED, about)
            erasure = self.rows.load(line.erasure)
            self.rows.put(
                transaction, msgspec.structs.replace(erasure, receipt=line.receipt, position=position)
            )
        else:
            transaction.set_counter(ACCEPTED, line.size)
        transaction.put(layout.ERASURE_LINE + layout.number(line.number), encode_line(line))
        transaction.put(layout.ERASURE_MARK, msgspec.msgpack.encode(mark))
        transaction.commit()

    def _apply_to_keyring(self, line: Line, mark: Mark) -> None:
        if not isinstance(line, ErasedLine):
            self._vault.follow(mark)
            return
        if not self.rows.is_open(line.number):
            # Only the keyring was put back: its files hold again what has to go.
            transaction = Transaction(self._store)
            self.rows.put_open(transaction, line.number, self._still_open([]))
            transaction.commit()
        self._vault.forget(line.owner, line.parts, line.held, mark)

    def _still_open(self, gone: list[bytes]) -> OpenErasure:
        return OpenErasure(gone, self._keys.present(KeyKind.DATA))
