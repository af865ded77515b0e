"""At a subject's home: writing attestations, what the certificate says at registration and what an operator saw.

They are records of the subject like its others, in its home's log; no wallet and no system can write one. What the
company register says is attested by `look_ups.py`.
"""

import hmac
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

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
from node.domain.package import BASE
from node.domain.record import RecordHeader
from node.domain.registry import Comparison, is_same_text
from node.errors import MissingError, RecordFormatError
from node.ports import Clock, Store
from node.services.acts import Acts
from node.services.alliance import Alliance
from node.services.feed import Feed, FeedEntry
from node.services.homes import Homes
from node.services.records import Records
from node.services.transaction import Transaction
from node.services.vault import Entropy

_THING_TAG = b"heqi.attestation-thing.v1\0"


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
        alliance: Alliance,
        homes: Homes,
        records: Records,
        acts: Acts,
        feed: Feed,
        clock: Clock,
        entropy: Entropy,
        *,
        index_key: bytes,
    ) -> None:
        """Args:
        store: the node's database.
        alliance: names this member.
        homes: says whose home this is.
        records: takes the attestations.
        acts: record what an operator attests.
        feed: tells what happened.
        clock: says when.
        entropy: of salts.
        index_key: 32 bytes: under it attestations are named, for what they are about could be guessed.
        """
        self._store, self._alliance, self._homes, self._records = store, alliance, homes, records
        self._acts, self._feed = acts, feed
        self._clock, self._entropy, self._index_key = clock, entropy, index_key

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
        """Attest what the certificate says of base documents that were just handed in.

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
        found: dict[str, tuple[int, Mapping[str, object]]] = {
            draft.thing: (self._records.version(transaction, subject, BASE, draft.thing), draft.fields)
            for draft in drafts
            if draft.category == BASE
        }
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
                self.attest(
                    About(BASE, thing, version),
                    Method.CERTIFICATE,
                    self._alliance.me,
                    Comparison(tuple(compared), tuple(differs)),
                    delegation.encode(),
                )
            )
        self.write(transaction, subject, attestations)

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
        self.check_home(subject)
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
        (position,) = self.write(transaction, subject, [attestation])
        done = {"subject": subject, "category": about.category, "position": str(position)}
        self._acts.record(transaction, ActKind.RECORD_ATTESTED, done)
        transaction.commit()
        self._feed.wake()
        return Attested(self._records.load(position).header, position, attestation)

    def of(self, subject: str) -> Iterator[Attested]:
        """The newest attestations of a subject, one for each attester, method and thing.

        Raises:
            MissingError: no such subject has its home here.
            StoreError: the database fails.
        """
        self.check_home(subject)
        for position in self._records.newest(subject, ATTESTATION_CATEGORY, lambda _: True):
            stored = self._records.load(position)
            yield Attested(stored.header, position, read_attestation(stored.fields))

    def attest(
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
        """An attestation of now.

        Args:
            about: the version that was compared.
            method: how.
            attester: whose word it is.
            comparison: with what result.
            evidence: what it rests on; its salted digest goes into the record.
            is_found: whether whoever was asked knows of it at all.
            state: what a register says became of the company.
        """
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

    def write(self, transaction: Transaction, subject: str, attestations: Sequence[Attestation]) -> list[int]:
        """Stage attestations as records of the subject; their positions.

        Raises:
            RecordFormatError: one says nothing clear.
            StoreError: the database fails.
        """
        drafts = [
            RecordDraft(
                category=ATTESTATION_CATEGORY,
                thing=self._thing(subject, attestation),
                owner=subject,
                source_system="heqi",
                source_version="",
                occurred=None,
                fields=fields_of(attestation),
                sealed_with=attestation.about.category,
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
        who = f"{attestation.method.value}\0{attestation.attester}"
        name = f"{subject}\0{who}\0{about.category}\0{about.thing}"
        return hmac.digest(self._index_key, _THING_TAG + name.encode(), "sha256").hex()

    def check_home(self, subject: str) -> None:
        """Only a subject's home attests for it.

        Raises:
            MissingError: this is not its home, or there is no such subject.
            StoreError: the database fails.
        """
        if not self._homes.is_home_of(subject):
            raise MissingError("no such subject has its home here")

    def _now(self) -> int:
        return int(self._clock.now())
