"""Erasing what this node keeps of a subject, on the request of its wallet or on the operator's order.

What the law holds for a period is set aside instead: stored and protected, shared with nobody, erased at its end.
When a request is answered nobody can read any more what was meant; `erasing.py` brings it to its end. This centre's
own systems learn of it by the feed's `subject.erased`, members that read something here by a notice (`notices.py`).
Source: PIPL art. 47.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress

from node.domain.act import ActKind
from node.domain.approval import Reserved
from node.domain.category import OwnerRule, category
from node.domain.document import document_digest, peek_document
from node.domain.erasure import (
    OBTAINED_PART,
    AcceptedLine,
    category_of,
    divide,
    held_until,
)
from node.domain.retention import RetentionRules
from node.domain.wallet import EraseCall
from node.errors import ConflictError, DocumentFormatError, MissingError, UnknownCallerError
from node.ports import Clock, Store
from node.services.acts import Acts
from node.services.alliance import Alliance
from node.services.erasure_book import ErasureBook
from node.services.erasure_rows import Erasure
from node.services.gate import Gate
from node.services.holdings import Holdings
from node.services.proving import Proving
from node.services.reach import Reach
from node.services.registration import Registrations
from node.services.traces import Traces
from node.services.transaction import Transaction
from node.services.vault import Vault


class Erasures:
    """Takes requests and orders, and hands out receipts."""

    def __init__(  # noqa: PLR0917
        self,
        store: Store,
        vault: Vault,
        book: ErasureBook,
        traces: Traces,
        reach: Reach,
        rules: RetentionRules,
        alliance: Alliance,
        gate: Gate,
        registrations: Registrations,
        proving: Proving,
        acts: Acts,
        holdings: Holdings,
        clock: Clock,
    ) -> None:
        """Args:
        store: the node's database.
        vault: its keyring.
        book: where lines are written.
        traces: finds what belongs to whom.
        reach: whether the list can lack anything.
        rules: what the law holds.
        alliance: who speaks for a subject.
        gate: lets wallet requests in.
        registrations: who is registered here.
        proving: how far the log is final.
        acts: records what was done.
        holdings: erases what was read of a subject whose home is elsewhere.
        clock: tells the time.
        """
        self._store, self._vault, self._book, self._traces, self._reach = store, vault, book, traces, reach
        self._rules, self._alliance, self._gate, self._registrations = rules, alliance, gate, registrations
        self._proving, self._acts, self._holdings, self._clock = proving, acts, holdings, clock

    async def prepare(self, token: str) -> None:
        """Ask the authorities about a second officer's certificate, for `by_wallet`.

        Raises:
            NodeError: the request is malformed.
        """
        await self._registrations.warm_approval(peek_document(token, EraseCall).approval)

    def by_wallet(self, token: str) -> Sequence[Erasure]:
        """Erase on the request of the subject's controller; the very same request again gets the same answer.

        At a member that only read something of the subject, that is what is erased.

        Returns:
            The erasures that it led to: one at once, and later ones of what a legal period held.

        Raises:
            MissingError: there is nothing of the named categories.
            NodeError: the request is not acceptable; nothing is erased.
        """
        digest = document_digest(token)
        if known := self._book.rows.of_request(digest):
            return known
        if not self._has_data(peek_document(token, EraseCall).subject):
            self._holdings.by_controller(token)
            return self._book.rows.of_request(digest)
        call = self._gate.open(token, EraseCall)
        subject = self._speaker(call)
        self._registrations.check_call(call, Reserved.ERASE)
        _check_categories(call.categories)
        for name in call.categories:
            if category(name).is_stated_by_authority:
                # Who is penalised would erase just that, and nothing else.
                raise DocumentFormatError(f"{name} is an authority's word, which the authority withdraws")
        self._erase(subject, call.categories, digest.hex())
        return self._book.rows.of_request(digest)

    def by_operator(self, subject: str, credit_code: str, categories: Sequence[str], reason: str) -> Erasure:
        """Erase on the operator's order, for a subject that has no wallet any more; recorded with the reason.

        Args:
            subject: its id, 64 hex digits; or empty.
            credit_code: instead of the id.
            categories: as in a wallet's request.
            reason: why; goes into the record, so it names nobody.

        Raises:
            MissingError: no such subject is registered here, or there is nothing of the named categories.
            DocumentFormatError: no reason is given, or a category is none of a subject's.
            StoreError: the database fails.
        """
        if not reason.strip():
            raise DocumentFormatError("an erasure without the subject's wallet needs a reason")
        _check_categories(categories)
        if not subject:
            subject = self._registrations.find(credit_code)
        if not self._has_data(subject):
            raise MissingError("no such subject is registered here")
        self._book.catch_up()
        transaction = Transaction(self._store)
        about = {"erasure": str(self._book.mark().number + 1), "reason": reason}
        self._acts.record(transaction, ActKind.ERASURE_ORDERED, about)
        transaction.commit()
        return self.load(self._erase(subject, categories, ""))

    def accept(self, reason: str) -> None:
        """Answer for it that the list lacks nothing up to the log's last anchor; recorded with the reason.

        Raises:
            ConflictError: nothing can be missing.
            DocumentFormatError: no reason is given.
            StoreError: the database fails.
        """
        if not reason.strip():
            raise DocumentFormatError("this needs a reason")
        missing = self._reach.missing()
        if missing is None:
            raise ConflictError(
                "the list of erasures reaches as far as the ledger; there is nothing to accept"
            )
        self._book.catch_up()
        transaction = Transaction(self._store)
        about = {"size": str(missing[1]), "reason": reason}
        self._acts.record(transaction, ActKind.ERASURES_ACCEPTED, about)
        transaction.commit()
        mark, now = self._book.mark(), int(self._clock.now())
        self._book.add(
            AcceptedLine(number=mark.number + 1, previous=mark.head, at=now, size=missing[1], reason=reason)
        )

    def load(self, number: int) -> Erasure:
        """One erasure.

        Raises:
            MissingError: there is none by that number.
            StoreError: the database fails.
        """
        return self._book.rows.load(number)

    def all(self, first: int = 0) -> Iterator[Erasure]:
        """All erasures from a number on, oldest first.

        Raises:
            StoreError: the database fails.
        """
        return self._book.rows.all(first)

    def receipt(self, erasure: Erasure) -> str:
        """The signed receipt; empty until the record of it is anchored, so that it cannot be lost unseen.

        Raises:
            StoreError: the database fails.
        """
        is_final = 0 <= erasure.position < self._proving.final_through()
        return erasure.receipt if is_final else ""

    def _speaker(self, call: EraseCall) -> str:
        """The subject, if it is registered here and the call's key speaks for it now."""
        self._alliance.projection.check_known("Subjects")
        if not self._has_data(call.subject):
            raise UnknownCallerError("this key does not speak for a subject of this alliance")
        if self._alliance.projection.subject(bytes.fromhex(call.subject)) is None:
            # Registered a moment ago: the ledger does not have it yet. Or not at all: a registration that waits for
            # its wallet answers as one that does not exist.
            with suppress(UnknownCallerError):
                return self._registrations.owned_by(call.subject, call.key)
            raise UnknownCallerError("this key does not speak for a subject of this alliance")
        self._gate.check_controller(call)
        return call.subject

    def _has_data(self, subject: str) -> bool:
        """Whether the subject is registered here, or its data came with the archive of another node."""
        return self._registrations.is_registered(subject) or any(
            part != OBTAINED_PART for part in self._vault.parts(subject)
        )

    def _erase(self, owner: str, categories: Sequence[str], request: str) -> int:
        self._book.catch_up()
        self._traces.divide(owner)
        whole, wanted = not categories, frozenset(categories)
        # What earlier versions sealed under one key for everything lies under others now: that key goes in any case.
        meant = [
            part
            for part in self._vault.parts(owner)
            if part != OBTAINED_PART and (whole or not part or category_of(part) in wanted)
        ]
        if not meant and not whole:
            raise MissingError("nothing of these categories is kept here")
        parts, held = divide(meant, self._rules, self._clock.now())
        if whole:
            held |= {part: held_until(part, self._rules) for part in self._vault.blocked(owner)}
        return self._book.erase(owner, parts, request, held, whole=whole, asked=True)


def _check_categories(categories: Sequence[str]) -> None:
    if list(categories) != sorted(set(categories)):
        raise DocumentFormatError("categories must be ascending, each once")
    for name in categories:
        if category(name).owner is not OwnerRule.SUBJECT:
            raise DocumentFormatError(f"{name} belongs to the centre, not to a subject")
