"""At a centre: what is owed in its sections, kept up as records, guarantees and days come.

A section is looked at again when something about it has come, or when a day has made something due or late; nothing
else is touched, however long the history. What became due or late is told once in the feed, in the batch that notes
that it was told. Before its bids are opened a section has no row here, and no question finds it.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import msgspec

from node.domain.calendar import Calendar
from node.domain.guarantee_table import LIVE
from node.domain.guarantee_table import State as Standing
from node.domain.obligation import (
    Held,
    Obligation,
    Rule,
    State,
    counting_by,
    next_moment,
    releasable,
    state_of,
)
from node.domain.sealed_guarantee import reopen_guarantee
from node.domain.section import Party, day_at, opens_next
from node.domain.section_obligations import derive
from node.ports import Clock, Store
from node.services import layout
from node.services.application_codes import ApplicationCodes
from node.services.feed import Feed, FeedEntry
from node.services.filing import PageTokens
from node.services.guarantee_lives import GuaranteeLives
from node.services.projection import Projection
from node.services.sections import Sections, look
from node.services.transaction import Transaction
from node.services.vault import Vault

_AT_ONCE, _OBLIGATIONS_AT_ONCE = 20, 200
_ROUNDS = 50
_DIGEST_BYTES = 32
_RELEASE = b"release"
_MOST_LOOKED_AT = 2_000


class _Row(msgspec.Struct, frozen=True, array_like=True):
    """What is owed in one section."""

    looked: int
    """When it is looked at next, seconds since 1970 UTC; 0 for when something comes."""
    days: tuple[int, ...]
    """Under which days it stands in the index."""
    owed: tuple[Obligation, ...]


class Asked(msgspec.Struct, frozen=True):
    """What a list holds; what is empty does not restrict it."""

    section: str = ""
    is_late: bool = False
    """Only what is late today."""


@dataclass(frozen=True, slots=True)
class Owed:
    """One obligation as it stands now."""

    obligation: Obligation
    state: State


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list."""

    items: list[Owed]
    next_token: str
    """Empty at the end of the list."""


class Obligations:
    """The calendar."""

    def __init__(  # noqa: PLR0917
        self,
        store: Store,
        vault: Vault,
        sections: Sections,
        projection: Projection,
        codes: ApplicationCodes,
        lives: GuaranteeLives,
        feed: Feed,
        tokens: PageTokens,
        clock: Clock,
        me: str,
        *,
        rules: Mapping[str, Rule],
        calendar: Callable[[], Calendar],
    ) -> None:
        """Args:
        store: the node's database.
        vault: seals what is owed by whom.
        sections: what the records say.
        projection: where the guarantees stand.
        codes: tells guarantees whose application code is not of their section and applicant.
        lives: the terms of guarantees as their steps have left them.
        feed: is told what became due or late.
        tokens: of the pages of lists.
        clock: says what day it is.
        me: this member's name.
        rules: how long debtors have.
        calendar: the working days in force; where it is another one, every day is counted anew.
        """
        self._store, self._vault, self._sections, self._projection = store, vault, sections, projection
        self._codes, self._lives, self._feed, self._tokens = codes, lives, feed, tokens
        self._clock, self._me = clock, me
        self._rules, self._calendar = rules, calendar
        self._rules_digest = hashlib.sha256(msgspec.msgpack.encode(list(rules.values()))).digest()

    async def step(self) -> bool:
        """One round of keeping up; whether there is more to do at once.

        Raises:
            StoreError: the database fails.
        """
        return self.catch_up()

    def catch_up(self) -> bool:
        """As `step`, for who is about to ask.

        Raises:
            StoreError: the database fails; then nothing has changed.
        """
        # What is owed follows from all that is known: half of a section's records could make late what was paid.
        if self._sections.catch_up():
            return True
        self._note_rules()
        return self._look_again()

    def page(self, asked: Asked, size: int, token: str) -> Page:
        """One page, as of now.

        Args:
            asked: the same for all pages of a list.
            size: most items.
            token: from the last page; empty for the first.

        Raises:
            InvalidError: the token is not of this list.
            StoreError: the database fails.
        """
        self._settle()
        query = b"obligations\0" + msgspec.msgpack.encode(asked)
        place = self._tokens.open(query, token)
        start, skipped = place[:-8], layout.from_number(place[-8:]) if place else 0
        today, items = day_at(self._clock.now()), list[Owed]()
        for looked_at, (key, owed) in enumerate(self._rows(asked, start, today.toordinal())):
            if looked_at == _MOST_LOOKED_AT:
                return Page(items, self._tokens.make(query, key + layout.number(0)))
            for number, obligation in enumerate(owed):
                if key == start and number < skipped:
                    continue
                state = state_of(obligation, today)
                if asked.is_late and state is not State.LATE:
                    continue
                if len(items) == size:
                    return Page(items, self._tokens.make(query, key + layout.number(number)))
                items.append(Owed(obligation, state))
        return Page(items, "")

    def of_section(self, section: str) -> list[Owed]:
        """Everything that is owed in a section, as of now; nothing before its bids are opened.

        Raises:
            StoreError: the database fails.
        """
        self._settle()
        row, today = self._row(self._sections.digest(section)), day_at(self._clock.now())
        return [] if row is None else [Owed(one, state_of(one, today)) for one in row.owed]

    def releasable(self, section: str) -> list[tuple[Obligation, Held]]:
        """The guarantees of a section that are to be given back now, with what says so.

        Raises:
            StoreError: the database fails.
        """
        now, found = self._clock.now(), []
        for owed in self.of_section(section):
            if owed.obligation.guarantee and owed.state in {State.DUE, State.LATE}:
                held = self._held(bytes.fromhex(owed.obligation.guarantee))
                if held is not None and releasable(owed.obligation, held, now):
                    found.append((owed.obligation, held))
        return found

    def _settle(self) -> None:
        for _ in range(_ROUNDS):
            if not self.catch_up():
                return

    def _rows(self, asked: Asked, start: bytes, today: int) -> Iterator[tuple[bytes, tuple[Obligation, ...]]]:
        """Place in the list and what stands there; each obligation under one place only."""
        if asked.section:
            digest = self._sections.digest(asked.section)
            row = self._row(digest)
            yield from [] if row is None else [(digest, row.owed)]
        elif asked.is_late:
            stop = layout.number(today)
            for key, _ in self._store.scan(layout.OBLIGATION_DUE, start=start, stop=stop):
                place = key[len(layout.OBLIGATION_DUE) :]
                row, day = self._row(place[-_DIGEST_BYTES:]), layout.from_number(place[:8])
                owed = () if row is None else row.owed
                yield place, tuple(one for one in owed if one.due and one.due.toordinal() == day)
        else:
            for key, _ in self._store.scan(layout.OBLIGATIONS, start=start):
                digest = key[len(layout.OBLIGATIONS) :]
                row = self._row(digest)
                yield digest, () if row is None else row.owed

    def _note_rules(self) -> None:
        """Have every section looked at again where rules or calendar are others than the last ones."""
        years = sorted((year.year, year.words) for year in self._calendar().values())
        mark = hashlib.sha256(self._rules_digest + repr(years).encode()).digest()
        if self._store.get(layout.OBLIGATION_RULES) == mark:
            return
        transaction = Transaction(self._store)
        for key, _ in self._store.scan(layout.SECTION):
            transaction.put(look(0, key[len(layout.SECTION) :]), b"")
        transaction.put(layout.OBLIGATION_RULES, mark)
        transaction.commit()

    def _look_again(self) -> bool:
        now, transaction = self._clock.now(), Transaction(self._store)
        stop, seen, count = layout.number(int(now) + 1), set[bytes](), 0
        for key, _ in self._store.scan(layout.SECTION_LOOK, stop=stop):
            digest = key[-_DIGEST_BYTES:]
            if digest not in seen:
                if len(seen) == _AT_ONCE or count >= _OBLIGATIONS_AT_ONCE:
                    break
                seen.add(digest)
                count += self._derive(transaction, digest, now)
            transaction.delete(key)
        else:
            count = 0
        transaction.commit()
        if seen:
            self._feed.wake()
        return count > 0 or len(seen) == _AT_ONCE

    def _derive(self, transaction: Transaction, digest: bytes, now: float) -> int:
        """Look at a section again; how many obligations it has."""
        facts, before, today = self._sections.facts(digest), self._row(digest), day_at(now)
        key = layout.OBLIGATIONS + digest
        if before is not None:
            for day in before.days:
                transaction.delete(_due(day, digest))
            if before.looked:
                transaction.delete(look(before.looked, digest))
        held = [] if facts is None else list(self._all_held(digest))
        owed = [] if facts is None else derive(facts, held, self._rules, counting_by(self._calendar()), now)
        moments = [moment for one in owed if (moment := next_moment(one, today))]
        moments += [
            moment
            for one in held
            if not one.is_over
            for moment in (one.begins, one.ends, one.lapses)
            if moment > now
        ]
        if facts is not None and (opening := opens_next(facts, now)):
            moments.append(opening)
        looked = min(moments, default=0)
        if looked:
            transaction.put(look(looked, digest), b"")
        if not owed and not looked:
            transaction.delete(key)
            return 0
        days = {one.due.toordinal() for one in owed if one.due is not None and one.proof is None}
        for day in days:
            transaction.put(_due(day, digest), b"")
        row = _Row(looked, tuple(sorted(days)), tuple(owed))
        transaction.put(key, self._vault.seal(self._me, key, msgspec.msgpack.encode(row)))
        by_id = {one.id: one for one in held}
        for obligation in owed:
            self._tell(
                transaction, obligation, state_of(obligation, today), by_id.get(obligation.guarantee), now
            )
        return len(owed)

    def _tell(
        self, transaction: Transaction, obligation: Obligation, state: State, held: Held | None, now: float
    ) -> None:
        """Once each: the mark is written with what is told, and outlives everything that can be derived again."""
        key = layout.OBLIGATION_TOLD + bytes.fromhex(obligation.id)
        about = {"obligation": obligation.id, "kind": obligation.kind, "section": obligation.section}
        told = transaction.get(key)
        if (state is State.LATE and told != b"late") or (state is State.DUE and told is None):
            transaction.put(key, state.value.encode())
            self._feed.add(transaction, FeedEntry(f"obligation.{state.value}", now, about))
        if held is not None and releasable(obligation, held, now) and transaction.get(key + _RELEASE) is None:
            transaction.put(key + _RELEASE, b"")
            entry = FeedEntry("release.prepared", now, {**about, "guarantee": held.id})
            self._feed.add(transaction, entry)

    def _row(self, digest: bytes) -> _Row | None:
        key = layout.OBLIGATIONS + digest
        sealed = self._store.get(key)
        if sealed is None:
            return None
        return msgspec.msgpack.decode(self._vault.open(self._me, key, sealed), type=_Row)

    def _all_held(self, digest: bytes) -> Iterator[Held]:
        for raw_id in self._sections.guarantees(digest):
            if (held := self._held(raw_id)) is not None:
                yield held

    def _held(self, raw_id: bytes) -> Held | None:
        """A guarantee that counts: on the ledger, and its application code of its section and applicant."""
        kept, row = self._store.get(layout.GUARANTEE + raw_id), self._projection.guarantee(raw_id)
        if kept is None or row is None:
            return None
        terms = reopen_guarantee(kept.decode())
        if self._codes.are_mixed_up(terms):
            return None
        life = self._lives.of(raw_id, terms, row)
        # Where documents are missing the ledger alone speaks: its end is the exact one once a step has opened it.
        end = row.end or (life.end if life.is_complete else row.expires)
        return Held(
            id=raw_id.hex(),
            kind=terms.guarantee_kind,
            applicant=Party(terms.applicant_code, terms.applicant_name),
            beneficiary=terms.beneficiary_name,
            amount=f"{life.amount:f}" if life.is_complete else "",
            currency=terms.currency,
            begins=terms.nbf,
            ends=end,
            state=Standing(row.state).name,
            step=row.sequence,
            is_over=Standing(row.state) not in LIVE,
            is_quiet=row.state == Standing.ISSUED,
            is_known=life.is_complete,
        )


def _due(day: int, digest: bytes) -> bytes:
    return layout.OBLIGATION_DUE + layout.number(day) + digest
