"""At a subject's home: writing attestations, by itself and for the operator, and asking the company register.

What the certificate says is attested together with the registration, in one batch. The register is asked afterwards
in the background: whether it answers, late or never, changes nothing about being registered. Its answer is kept for
a stated time, so that a corrected document is compared at once.
"""

import asyncio
import hmac
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import msgspec

from node.domain.act import ActKind
from node.domain.attestation import (
    ATTESTATION_CATEGORY,
    SALT_BYTES,
    About,
    Attestation,
    Method,
    Result,
    evidence_digest,
    fields_of,
    read_attestation,
)
from node.domain.certificate import CertificateIdentity
from node.domain.draft import RecordDraft
from node.domain.encoding import to_rfc3339
from node.domain.erasure import REGISTRATION_PART
from node.domain.record import RecordHeader
from node.domain.registry import (
    Comparison,
    RegistryEntry,
    check_entry,
    compare,
    decode_entry,
    encode_entry,
    is_same_text,
)
from node.errors import (
    ConflictError,
    MissingError,
    NodeError,
    RecordFormatError,
    RegistrySlowError,
    StoreError,
)
from node.ports import Clock, Registry, Store
from node.services import layout
from node.services.acts import Acts
from node.services.alliance import Alliance
from node.services.feed import Feed, FeedEntry
from node.services.records import Records
from node.services.transaction import Transaction
from node.services.vault import Entropy, Vault

logger = logging.getLogger(__name__)

BASE = "subject.base"
_THING_TAG = b"heqi.attestation-thing.v1\0"
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
class Attested:
    """An attestation and its record."""

    header: RecordHeader
    position: int
    attestation: Attestation


class Attesting:
    """Writes attestations; no wallet and no system can."""

    def __init__(  # noqa: PLR0917
        self,
        store: Store,
        vault: Vault,
        alliance: Alliance,
        records: Records,
        acts: Acts,
        feed: Feed,
        registry: Registry | None,
        clock: Clock,
        entropy: Entropy,
        *,
        index_key: bytes,
        timeout_seconds: float,
        fresh_seconds: int,
    ) -> None:
        """Args:
        store: the node's database.
        vault: seals what the register says.
        alliance: names this member, and says whose home it is.
        records: takes the attestations.
        acts: record what an operator attests.
        feed: tells what happened.
        registry: the company register; None if none is asked.
        clock: says when.
        entropy: of salts.
        index_key: 32 bytes: under it attestations are named, for what they are about could be guessed.
        timeout_seconds: how long the register may take.
        fresh_seconds: for how long an answer is used again.
        """
        self._store, self._vault, self._alliance, self._records = store, vault, alliance, records
        self._acts, self._feed, self._registry = acts, feed, registry
        self._clock, self._entropy, self._index_key = clock, entropy, index_key
        self._timeout, self._fresh = timeout_seconds, fresh_seconds

    # -- by itself, at registration ----------------------------------------------------------------------

    def registered(
        self,
        transaction: Transaction,
        subject: str,
        drafts: Sequence[RecordDraft],
        identity: CertificateIdentity,
        delegation: str,
        *,
        is_new_delegation: bool,
    ) -> None:
        """Attest what the certificate says of base documents that were just handed in, and have the register asked.

        Args:
            transaction: of the registration, with its records in it.
            subject: subject id.
            drafts: of the package.
            identity: of the certificate.
            delegation: that it signed: the evidence.
            is_new_delegation: whether it was not known before; then the base document that is here is attested too.

        Raises:
            StoreError: the database fails.
        """
        found = {
            draft.thing: (self._records.version(transaction, subject, BASE, draft.thing), draft.fields)
            for draft in drafts
            if draft.category == BASE
        }
        if found and self._registry is not None:
            self._queue(transaction, subject)
        if not found and is_new_delegation:
            for position in self._records.newest(subject, BASE, lambda _: True):
                stored = self._records.load(position)
                found[stored.header.thing] = (stored.header.version, stored.fields)
        attestations = []
        for thing, (version, fields) in found.items():
            said = {"credit_code": identity.credit_code, "legal_name": identity.organisation}
            compared = sorted(said.keys() & fields.keys())
            if not compared:
                continue
            differs = [name for name in compared if not is_same_text(said[name], fields[name])]
            attestations.append(
                self._attest(
                    About(BASE, thing, version),
                    Method.CERTIFICATE,
                    self._alliance.me,
                    Comparison(tuple(compared), tuple(differs)),
                    delegation.encode(),
                )
            )
        self._write(transaction, subject, attestations)

    # -- by itself, when the register answers -------------------------------------------------------------

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
        if self._store.get(key) is not None and _due(self.look_up(subject).due, subject) != key:
            # Its row was erased, or is about another moment: what waits must not wait for ever.
            transaction = Transaction(self._store)
            transaction.delete(key)
            transaction.commit()

    async def _look_up(self, registry: Registry, subject: str) -> None:
        known = self.look_up(subject)
        base = self._newest_base(subject)
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
            self._write(transaction, subject, [self._of_register(registry.name, base, entry)])
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

    def _of_register(self, name: str, base: "_Base", raw: bytes) -> Attestation:
        entry = decode_entry(raw) if raw else None
        if entry is None:
            compared = Comparison(("credit_code",), ())
            return self._attest(base.about, Method.LOOK_UP, name, compared, raw, is_found=False)
        compared = compare(entry, base.fields)
        return self._attest(base.about, Method.LOOK_UP, name, compared, raw, state=entry.state.value)

    def _try_later(self, subject: str, error: NodeError) -> None:
        logger.info("the register waits for %s: %s", subject[:8], error)
        known = self.look_up(subject)
        transaction = Transaction(self._store)
        pause = min(_FIRST_PAUSE_SECONDS * 2 ** min(known.tries, 16), _LAST_PAUSE_SECONDS)
        self._unqueue(transaction, subject)
        later = msgspec.structs.replace(
            known, due=self._now() + pause, tries=known.tries + 1, problem=error.reason
        )
        self._seal(transaction, subject, later)
        transaction.commit()

    # -- by an operator -----------------------------------------------------------------------------------

    def by_operator(  # noqa: PLR0917
        self,
        subject: str,
        about: About,
        method: Method,
        authority: str,
        comparison: Comparison,
        evidence: str,
        evidence_salt: str,
    ) -> Attested:
        """Attest what an operator saw: an original, or a document that the issuing authority signed.

        Args:
            subject: whose home this is.
            about: the version that was compared; it need not be the newest.
            method: `ORIGINAL` or `DOCUMENT`.
            authority: name of the issuing authority for a document; empty for an original.
            comparison: fields that were compared, and those that differ.
            evidence: `evidence_digest` of the scan or document, which stays with the centre.
            evidence_salt: its salt.

        Raises:
            MissingError: there is no such record of a subject whose home is here.
            RecordFormatError: the record has no such field, or the attestation says nothing clear.
            StoreError: the database fails.
        """
        if method not in {Method.ORIGINAL, Method.DOCUMENT} or bool(authority) != (method is Method.DOCUMENT):
            raise RecordFormatError("an operator attests an original, or a document and the authority's name")
        self._check_home(subject)
        stored = self._records.load(
            self._records.position(subject, about.category, about.thing, about.version)
        )
        lacking = set(comparison.compared) - stored.fields.keys()
        if lacking:
            raise RecordFormatError(f"that version has no field {', '.join(sorted(lacking))}")
        attestation = Attestation(
            about=about,
            fields=comparison.compared,
            method=method,
            attester=authority or self._alliance.me,
            result=Result.MISMATCH if comparison.differs else Result.MATCH,
            checked=to_rfc3339(self._clock.now()),
            evidence=evidence,
            evidence_salt=evidence_salt,
            differs=comparison.differs,
        )
        transaction = Transaction(self._store)
        (position,) = self._write(transaction, subject, [attestation])
        done = {"subject": subject, "category": about.category, "position": str(position)}
        self._acts.record(transaction, ActKind.RECORD_ATTESTED, done)
        transaction.commit()
        self._feed.wake()
        return Attested(self._records.load(position).header, position, attestation)

    def ask_again(self, subject: str) -> None:
        """Have the register asked about a subject now, whatever it said before.

        Raises:
            ConflictError: no register is configured.
            MissingError: the subject has no base document here, or its home is elsewhere.
            StoreError: the database fails.
        """
        if self._registry is None:
            raise ConflictError("no register is configured: [registry] in heqi.toml")
        self._check_home(subject)
        if self._newest_base(subject) is None:
            raise MissingError("the subject has no base document here")
        transaction = Transaction(self._store)
        self._unqueue(transaction, subject)
        again = msgspec.structs.replace(self.look_up(subject), due=self._now(), answered=0, tries=0)
        self._seal(transaction, subject, again)
        self._acts.record(transaction, ActKind.REGISTRY_ASKED, {"subject": subject})
        transaction.commit()

    # -- what there is --------------------------------------------------------------------------------------

    def of(self, subject: str) -> Iterator[Attested]:
        """The newest attestations of a subject, one for each attester, method and thing.

        Raises:
            MissingError: no such subject has its home here.
            StoreError: the database fails.
        """
        self._check_home(subject)
        for position in self._records.newest(subject, ATTESTATION_CATEGORY, lambda _: True):
            stored = self._records.load(position)
            yield Attested(stored.header, position, read_attestation(stored.fields))

    def look_up(self, subject: str) -> LookUp:
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

    # -- inside ---------------------------------------------------------------------------------------------

    def _attest(
        self,
        about: About,
        method: Method,
        attester: str,
        comparison: Comparison,
        evidence: bytes,
        *,
        is_found: bool = True,
        state: str = "",
    ) -> Attestation:
        salt = self._entropy(SALT_BYTES)
        result = Result.MISMATCH if comparison.differs else Result.MATCH
        return Attestation(
            about=about,
            fields=comparison.compared,
            method=method,
            attester=attester,
            result=result if is_found else Result.NOT_FOUND,
            checked=to_rfc3339(self._clock.now()),
            evidence=evidence_digest(salt, evidence),
            evidence_salt=salt.hex(),
            differs=comparison.differs,
            state=state,
        )

    def _write(
        self, transaction: Transaction, subject: str, attestations: Sequence[Attestation]
    ) -> list[int]:
        """Stage them as records of the subject; their positions."""
        drafts = [
            RecordDraft(
                category=ATTESTATION_CATEGORY,
                thing=self._thing(subject, attestation),
                owner=subject,
                source_system="heqi",
                source_version="",
                occurred=None,
                fields=fields_of(attestation),
            )
            for attestation in attestations
        ]
        if not drafts:
            return []
        first = self._records.stage(transaction, drafts)
        about = {"subject": subject, "first": str(first), "count": str(len(drafts))}
        self._feed.add(transaction, FeedEntry("subject.attested", self._clock.now(), about))
        return list(range(first, first + len(drafts)))

    def _thing(self, subject: str, attestation: Attestation) -> str:
        """One for each attester, method and thing, so that a newer attestation is its next version."""
        about = attestation.about
        name = "\0".join(
            (subject, attestation.method.value, attestation.attester, about.category, about.thing)
        )
        return hmac.digest(self._index_key, _THING_TAG + name.encode(), "sha256").hex()

    def _newest_base(self, subject: str) -> "_Base | None":
        position = next(self._records.newest(subject, BASE, lambda _: True), None)
        if position is None or not self._is_home(subject):
            return None
        stored = self._records.load(position)
        return _Base(About(BASE, stored.header.thing, stored.header.version), stored.fields)

    def _is_home(self, subject: str) -> bool:
        if self._store.get(layout.REGISTRATION + subject.encode()) is None:
            return False
        row = self._alliance.projection.subject(bytes.fromhex(subject))
        return row is None or row.home == self._alliance.me

    def _check_home(self, subject: str) -> None:
        if not self._is_home(subject):
            raise MissingError("no such subject has its home here")

    def _queue(self, transaction: Transaction, subject: str) -> None:
        self._unqueue(transaction, subject)
        again = msgspec.structs.replace(self.look_up(subject), due=self._now(), tries=0)
        self._seal(transaction, subject, again)

    def _unqueue(self, transaction: Transaction, subject: str) -> None:
        known = self.look_up(subject)
        if known.due:
            transaction.delete(_due(known.due, subject))

    def _seal(self, transaction: Transaction, subject: str, row: LookUp) -> None:
        key = _row(subject)
        transaction.put(key, self._vault.seal(subject, key, msgspec.msgpack.encode(row), REGISTRATION_PART))
        if row.due:
            transaction.put(_due(row.due, subject), b"")

    def _now(self) -> int:
        return int(self._clock.now())


@dataclass(frozen=True, slots=True)
class _Base:
    """The newest base document of a subject."""

    about: About
    fields: Mapping[str, object]


def _row(subject: str) -> bytes:
    return layout.LOOK_UP + subject.encode()


def _due(due: int, subject: str) -> bytes:
    return layout.LOOK_UP_DUE + layout.number(due) + subject.encode()
