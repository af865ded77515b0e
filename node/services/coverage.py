"""At a home, before every read: whether every person whose fields would leave has consented."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from node.domain.consent import (
    KEY_FIELD,
    Asked,
    Consent,
    PersonConsent,
    RecordedConsent,
    ShownConsent,
    encode_shown,
    lacking,
    personal_fields,
)
from node.domain.document import document_digest, reopen_document
from node.domain.grant import Grant, Scope
from node.ports import Clock, Store
from node.services import layout
from node.services.alliance import Alliance
from node.services.consent_rows import ConsentRows
from node.services.feed import Feed, FeedEntry
from node.services.preparing import StoredRecord
from node.services.records import Records
from node.services.sharing import Sharing
from node.services.transaction import Transaction

_MOST_LACKED = 10_000


@dataclass(frozen=True, slots=True)
class Lack:
    """A record that nobody may read under a grant, because its person has not consented."""

    receiver: str
    purpose: str
    category: str
    thing: str
    fields: tuple[str, ...]


class Coverage:
    """Stands before reads; looks again at every one, repetitions too."""

    def __init__(  # noqa: PLR0917
        self,
        store: Store,
        rows: ConsentRows,
        alliance: Alliance,
        records: Records,
        sharing: Sharing,
        feed: Feed,
        clock: Clock,
    ) -> None:
        self._store, self._rows, self._alliance = store, rows, alliance
        self._records, self._sharing, self._feed, self._clock = records, sharing, feed, clock
        self._lacked: set[tuple[str, bytes, str]] = set()
        """Subject, grant and reader of reads that lacked a consent; a process that dies forgets them."""

    def cover(  # noqa: PLR0917
        self,
        grant_id: bytes,
        grant: Grant,
        receiver: str,
        purpose: str,
        scope: Sequence[Scope],
        positions: Sequence[int],
    ) -> bytes | None:
        """The consents that a read of these records needs, to go with the answer.

        Costs nothing where no field of the scope is personal, and writes nothing: no refusal takes longer for it.

        Returns:
            See `encode_shown`; None if one is lacking, of which the owner is told afterwards.

        Raises:
            StoreError: the database fails.
        """
        personal = dict(personal_fields({part.category: part.fields for part in scope}))
        if not personal:
            return b""
        asked = self._asked(grant.iss, receiver, purpose)
        kept = list(self._rows.live(asked))
        shown: dict[bytes, ShownConsent] = {}
        is_covered = True
        for position in positions:
            stored = self._records.load(position)
            leaving = personal.get(stored.header.category, frozenset()) & stored.fields.keys()
            usable = _usable(stored, kept, grant.key)
            is_covered = is_covered and not lacking(
                stored.header.category, leaving, [consent for _, consent in usable]
            )
            for token, consent in usable:
                if leaving.intersection(consent.fields):
                    shown[document_digest(token)] = ShownConsent(token, _key_disclosure(stored, consent))
        if not is_covered:
            if len(self._lacked) < _MOST_LACKED:
                self._lacked.add((grant.iss, grant_id, receiver))
            return None
        return encode_shown(shown.values())

    def lacks(self, subject: str) -> Iterator[Lack]:
        """What of a subject's live grants cannot be read, because a person has not consented.

        Raises:
            StoreError: the database fails.
        """
        now = self._clock.now()
        for _, kept in self._sharing.grants(subject):
            if not kept.token or kept.revoked:
                continue
            grant = reopen_document(kept.token, Grant)
            if grant.exp <= now:
                continue
            personal = dict(personal_fields({part.category: part.fields for part in grant.scope}))
            for receiver in grant.aud if personal else ():
                yield from self._lacks_of(grant, receiver, personal)

    def _lacks_of(
        self, grant: Grant, receiver: str, personal: Mapping[str, frozenset[str]]
    ) -> Iterator[Lack]:
        live = list(self._rows.live(self._asked(grant.iss, receiver, grant.purpose)))
        for name, fields in personal.items():
            for position in self._records.newest(grant.iss, name, lambda _: True):
                stored = self._records.load(position)
                usable = [consent for _, consent in _usable(stored, live, grant.key)]
                if missing := lacking(name, fields & stored.fields.keys(), usable):
                    thing = stored.header.thing
                    yield Lack(receiver, grant.purpose, name, thing, tuple(sorted(missing)))

    def _asked(self, subject: str, receiver: str, purpose: str) -> Asked:
        now = int(self._clock.now())
        return Asked(self._alliance.id, subject, self._alliance.me, receiver, purpose, now)

    async def step(self) -> None:
        """Tell owners what could not be read.

        Raises:
            StoreError: the database fails.
        """
        while self._lacked:
            self._tell_owner(*self._lacked.pop())

    def _tell_owner(self, subject: str, grant_id: bytes, receiver: str) -> None:
        """Once for each grant: a reader that tries again and again shall not fill the feed."""
        mark = layout.CONSENT_LACKING + layout.text(subject) + grant_id
        if self._store.get(mark) is not None:
            return
        transaction = Transaction(self._store)
        transaction.put(mark, b"")
        about = {"subject": subject, "reader": receiver, "grant": grant_id.hex()}
        self._feed.add(transaction, FeedEntry("consent.lacking", self._clock.now(), about))
        transaction.commit()
        self._feed.wake()


def _usable(
    stored: StoredRecord, kept: Sequence[tuple[str, Consent]], controller: str
) -> list[tuple[str, Consent]]:
    """Those of a record's own person: by the key that it names, or recorded by who signed the grant."""
    place, named = (stored.header.category, stored.header.thing), stored.fields.get(KEY_FIELD)
    return [
        (token, consent)
        for token, consent in kept
        if (consent.category, consent.thing) == place
        and consent.key == (named if isinstance(consent, PersonConsent) else controller)
    ]


def _key_disclosure(stored: StoredRecord, consent: Consent) -> str:
    if isinstance(consent, RecordedConsent):
        return ""
    return stored.seal().commitments.disclosures[KEY_FIELD]
