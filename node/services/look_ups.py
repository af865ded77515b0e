"""At a subject's home: asking the company register, in the background, and attesting what it says.

Whether it answers, late or never, changes nothing about being registered. An answer is kept for a stated time, so
that a corrected document is compared at once.
"""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice

import msgspec

from node.domain.act import ActKind
from node.domain.attestation import About, Attestation, Method
from node.domain.erasure import REGISTRATION_PART
from node.domain.package import BASE
from node.domain.registry import (
    Comparison,
    RegistryEntry,
    check_entry,
    compare,
    decode_entry,
    encode_entry,
)
from node.errors import ConflictError, MissingError, NodeError, RegistrySlowError, StoreError
from node.ports import Clock, Registry, Store
from node.services import layout
from node.services.acts import Acts
from node.services.attesting import Attesting
from node.services.feed import Feed
from node.services.homes import Homes
from node.services.records import Records
from node.services.transaction import Transaction
from node.services.vault import Vault

logger = logging.getLogger(__name__)

_AT_ONCE = 16
_FIRST_PAUSE_SECONDS, _LAST_PAUSE_SECONDS = 5, 3_600


class LookUp(msgspec.Struct, frozen=True):
    """What is known of asking the register about a subject; at rest sealed under the subject's key."""

    due: int = 0
    """When it is asked next, seconds since 1970 UTC; 0: nothing waits."""
    tries: int = 0
    """In vain, one after another."""
    problem: str = ""
    """Reason of the last one in vain: a word of `node/errors.py`."""
    answered: int = 0
    """When it answered last; 0: never, the subject is registered but not yet looked up."""
    entry: bytes = b""
    """`RegistryEntry`, canonical JSON; empty where the register had none."""


@dataclass(frozen=True, slots=True)
class _Base:
    """The newest base document of a subject."""

    about: About
    fields: Mapping[str, object]


class LookUps:
    """Asks the register about subjects."""

    def __init__(  # noqa: PLR0917
        self,
        store: Store,
        vault: Vault,
        homes: Homes,
        records: Records,
        attesting: Attesting,
        acts: Acts,
        feed: Feed,
        registry: Registry | None,
        clock: Clock,
        *,
        timeout_seconds: float,
        fresh_seconds: int,
    ) -> None:
        """Args:
        store: the node's database.
        vault: seals what the register says.
        homes: says whose home this is.
        records: have the base documents.
        attesting: writes the attestations.
        acts: record what an operator orders.
        feed: is woken when something was attested.
        registry: the company register; None if none is asked.
        clock: says what is due and what is fresh.
        timeout_seconds: how long the register may take.
        fresh_seconds: for how long an answer is used again.
        """
        self._store, self._vault, self._homes, self._records = store, vault, homes, records
        self._attesting, self._acts, self._feed = attesting, acts, feed
        self._registry, self._clock = registry, clock
        self._timeout, self._fresh = timeout_seconds, fresh_seconds

    def queue(self, transaction: Transaction, subject: str) -> None:
        """Have the register asked about a subject whose base document is new.

        Raises:
            StoreError: the database fails.
        """
        if self._registry is not None:
            self._unqueue(transaction, subject)
            again = msgspec.structs.replace(self.of(subject), due=self._now(), tries=0)
            self._seal(transaction, subject, again)

    def ask_again(self, subject: str) -> None:
        """Have the register asked about a subject now, whatever it said before.

        Raises:
            ConflictError: no register is configured.
            MissingError: the subject has no base document here, or its home is elsewhere.
            StoreError: the database fails.
        """
        if self._registry is None:
            raise ConflictError("no register is configured: [registry] in heqi.toml")
        self._attesting.check_home(subject)
        if self._newest_base(subject) is None:
            raise MissingError("the subject has no base document here")
        transaction = Transaction(self._store)
        self._unqueue(transaction, subject)
        again = msgspec.structs.replace(self.of(subject), due=self._now(), answered=0, tries=0)
        self._seal(transaction, subject, again)
        self._acts.record(transaction, ActKind.REGISTRY_ASKED, {"subject": subject})
        transaction.commit()

    def of(self, subject: str) -> LookUp:
        """How far asking the register about a subject is.

        Raises:
            StoreError: the database fails.
        """
        key = _row(subject)
        sealed = self._store.get(key)
        if sealed is None:
            return LookUp()
        try:
            return msgspec.msgpack.decode(self._vault.open(subject, key, sealed), type=LookUp)
        except MissingError:  # erased, and the row is about to go
            return LookUp()

    async def step(self) -> bool:
        """Ask the register about subjects that are due; True if there may be more.

        Raises:
            StoreError: the database fails.
        """
        if self._registry is None:
            return False
        stop = layout.number(self._now() + 1)
        due = [key for key, _ in islice(self._store.scan(layout.LOOK_UP_DUE, stop=stop), _AT_ONCE)]
        # A slow register delays each question by its timeout, not by all of theirs.
        await asyncio.gather(*(self._move_on(self._registry, key) for key in due))
        return len(due) == _AT_ONCE

    async def _move_on(self, registry: Registry, key: bytes) -> None:
        subject = key[len(layout.LOOK_UP_DUE) + 8 :].decode()
        try:
            await self._look_up(registry, subject)
        except StoreError:
            raise
        except NodeError as error:
            self._try_later(subject, error)
        if self._store.get(key) is not None and _due(self.of(subject).due, subject) != key:
            # Its row was erased, or is about another moment: what waits must not wait for ever.
            transaction = Transaction(self._store)
            transaction.delete(key)
            transaction.commit()

    async def _look_up(self, registry: Registry, subject: str) -> None:
        known, base = self.of(subject), self._newest_base(subject)
        if base is None:  # erased, or moved away before it was asked
            transaction = Transaction(self._store)
            self._unqueue(transaction, subject)
            transaction.delete(_row(subject))
            transaction.commit()
            return
        answered, entry = known.answered, known.entry
        if not answered or self._now() - answered >= self._fresh:
            found = await self._ask(registry, str(base.fields.get("credit_code", "")))
            answered, entry = self._now(), b"" if found is None else encode_entry(found)
        transaction = Transaction(self._store)
        self._unqueue(transaction, subject)
        # What was handed in while the register was being asked is newer than what the question was about.
        base = self._newest_base(subject)
        if base is not None:
            self._seal(transaction, subject, LookUp(answered=answered, entry=entry))
            said = self._of_register(registry.name, base, entry)
            self._attesting.write(transaction, subject, [said])
        transaction.commit()
        self._feed.wake()

    async def _ask(self, registry: Registry, credit_code: str) -> RegistryEntry | None:
        try:
            async with asyncio.timeout(self._timeout):
                entry = await registry.look_up(credit_code)
        except TimeoutError as error:
            raise RegistrySlowError(f"{registry.name} did not answer within {self._timeout:g} s") from error
        if entry is not None:
            check_entry(entry, credit_code)  # whatever the adapter has checked
        return entry

    def _of_register(self, name: str, base: _Base, raw: bytes) -> Attestation:
        if not raw:
            compared = Comparison(("credit_code",), ())
            return self._attesting.attest(base.about, Method.LOOK_UP, name, compared, raw, is_found=False)
        entry = decode_entry(raw)
        compared = compare(entry, base.fields)
        return self._attesting.attest(
            base.about, Method.LOOK_UP, name, compared, raw, state=entry.state.value
        )

    def _try_later(self, subject: str, error: NodeError) -> None:
        logger.info("the register waits for %s: %s", subject[:8], error)
        known = self.of(subject)
        transaction = Transaction(self._store)
        pause = min(_FIRST_PAUSE_SECONDS * 2 ** min(known.tries, 16), _LAST_PAUSE_SECONDS)
        self._unqueue(transaction, subject)
        due, tries = self._now() + pause, known.tries + 1
        later = msgspec.structs.replace(known, due=due, tries=tries, problem=error.reason)
        self._seal(transaction, subject, later)
        transaction.commit()

    def _newest_base(self, subject: str) -> _Base | None:
        position = next(self._records.newest(subject, BASE, lambda _: True), None)
        if position is None or not self._homes.is_home_of(subject):
            return None
        stored = self._records.load(position)
        return _Base(About(BASE, stored.header.thing, stored.header.version), stored.fields)

    def _unqueue(self, transaction: Transaction, subject: str) -> None:
        known = self.of(subject)
        if known.due:
            transaction.delete(_due(known.due, subject))

    def _seal(self, transaction: Transaction, subject: str, row: LookUp) -> None:
        key = _row(subject)
        transaction.put(key, self._vault.seal(subject, key, msgspec.msgpack.encode(row), REGISTRATION_PART))
        if row.due:
            transaction.put(_due(row.due, subject), b"")

    def _now(self) -> int:
        return int(self._clock.now())


def _row(subject: str) -> bytes:
    return layout.LOOK_UP + subject.encode()


def _due(due: int, subject: str) -> bytes:
    return layout.LOOK_UP_DUE + layout.number(due) + subject.encode()
