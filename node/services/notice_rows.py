"""What a home keeps of notices: who read what, what is on its way to whom, and what was answered."""

import msgspec

from node.domain.consent import ConsentWithdrawal
from node.domain.document import peek_document, reopen_document
from node.domain.notice import About, Notice, NoticeReceipt, kind_of
from node.errors import DocumentFormatError
from node.ports import Store
from node.services import layout


class Holding(msgspec.Struct, frozen=True, array_like=True):
    """What a member read last under a grant; names the records by their places alone."""

    expires: int
    """Of the grant, seconds since 1970 UTC."""
    positions: list[int]


class OutNotice(msgspec.Struct, frozen=True):
    """A document on its way to a member, and what it answered."""

    token: str
    to: str
    subject: str
    made: float
    receipt: str = ""
    problem: str = ""
    """Why the member refused it last; empty if it did not."""

    @property
    def outcome(self) -> str:
        """What the holder has answered, as in its receipt; empty until then."""
        if not self.receipt or self.is_relayed:
            return "withdrawn" if self.receipt else ""
        return peek_document(self.receipt, NoticeReceipt).outcome

    @property
    def kind(self) -> str:
        """As in the notice; `withdrawal` for a relayed one."""
        return "withdrawal" if self.is_relayed else kind_of(self.token)

    @property
    def reason(self) -> str:
        """Why something is held, or why the member refused it last; empty otherwise."""
        if self.problem or not self.receipt or self.is_relayed:
            return self.problem
        return peek_document(self.receipt, NoticeReceipt).reason

    def about(self) -> About | None:
        """What it tells; None for a relayed withdrawal."""
        return None if self.is_relayed else reopen_document(self.token, Notice).about

    @property
    def is_relayed(self) -> bool:
        """Whether it is a person's withdrawal on the way to its home, not a notice of this one."""
        try:
            peek_document(self.token, ConsentWithdrawal)
        except DocumentFormatError:
            return False
        return True


def unanswered(store: Store, now: float) -> tuple[int, float]:
    """How many notices nobody has answered, and seconds since the oldest of them.

    Raises:
        StoreError: the database fails.
    """
    count, oldest = 0, 0.0
    for key, _ in store.scan(layout.NOTICE_OPEN):
        raw = store.get(layout.NOTICE + key[len(layout.NOTICE_OPEN) :])
        assert raw is not None  # written in one batch
        notice = msgspec.msgpack.decode(raw, type=OutNotice)
        if not notice.receipt:  # what is held was answered
            count, oldest = count + 1, max(oldest, now - notice.made)
    return count, oldest
