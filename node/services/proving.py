"""Bundles over own records and over what was read elsewhere, and how far the own log is final."""

from collections.abc import Collection, Iterator, Sequence

from msgspec.structs import replace

from node.domain.bundle import (
    BUNDLE_TYPE,
    Authority,
    Bundle,
    LaterCheckpoint,
    LegalAuthority,
    bundle_digest,
    encode_bundle,
)
from node.domain.case import CaseList, write_case
from node.domain.checkpoint import parse_checkpoint
from node.domain.consent import parse_shown
from node.domain.custody import Custody, LedgerClock, content_of
from node.domain.document import peek_document
from node.domain.encoding import from_base64url, to_base64url
from node.domain.evidence import Evidence, parse_evidence, show_record
from node.domain.legal_read import LegalRead
from node.domain.reading import ReadRequest
from node.domain.succession import ShownSuccession, show_succession
from node.errors import EvidencePendingError, MissingError
from node.services.alliance import Alliance
from node.services.corroboration import Corroboration
from node.services.cosignatures import Cosignatures
from node.services.ledger_proofs import LedgerProofs
from node.services.legal_reading import LegalReading, Officer
from node.services.log import Log
from node.services.reading import Reading
from node.services.records import Records
from node.services.signing import Signing
from node.version import VERSION


class Proving:
    """Hands out proofs."""

    def __init__(  # noqa: PLR0917
        self,
        alliance: Alliance,
        records: Records,
        log: Log,
        cosignatures: Cosignatures,
        reading: Reading,
        legal_reading: LegalReading,
        corroboration: Corroboration,
        ledger_proofs: LedgerProofs,
        signing: Signing,
    ) -> None:
        self._alliance, self._records, self._log, self._reading = alliance, records, log, reading
        self._legal = legal_reading
        self._cosignatures, self._corroboration, self._ledger = cosignatures, corroboration, ledger_proofs
        self._signing = signing

    def anchored_size(self) -> int:
        """Size of the own log under its last final anchor; zero before the first.

        Raises:
            StoreError: the database fails.
        """
        return self._alliance.projection.anchored_size(self._alliance.me)

    def final_through(self) -> int:
        """All own records at positions below this are final.

        Raises:
            StoreError: the database fails.
        """
        size = self.anchored_size()
        return self._log.checkpoint(size).through if size else 0

    def own_bundle(self, position: int, fields: Collection[str] = (), *, incomplete: bool = False) -> bytes:
        """A bundle over one own record under a final anchor.

        Args:
            position: the record's position.
            fields: what to show; everything if empty.
            incomplete: hand it out also while cosignatures or the proof of the ledger are still to come.

        Raises:
            MissingError: there is no such record or field, or it is not final yet.
            EvidencePendingError: it is not complete yet.
            StoreError: the database fails.
        """
        stored = self._records.load(position)
        sealed = stored.seal()
        opened = sealed.commitments.disclosures
        unknown = set(fields) - set(opened)
        if unknown:
            raise MissingError(f"the record has no field {', '.join(sorted(unknown))}")
        index, anchored = self._log.index_of(position), self.anchored_size()
        if not anchored:
            raise MissingError("nothing of this log is anchored yet")
        if index is None or index >= anchored:
            raise MissingError("the record is not yet in the log at its last anchor; wait for the next")
        kept = self._ledger.for_anchor(index + 1)
        size, ledger = (anchored, ()) if kept is None else (kept[0], kept[1:])
        later = self._witnessed(size)
        if not incomplete:
            _check_complete(is_witnessed=later is not None, is_anchored=bool(ledger))
        proof = self._log.prove(position, size)
        shown = [opened[name] for name in sorted(fields or opened)]
        record = show_record(sealed.payload, sealed.commitments.blind, shown, proof.index, proof.path)
        me = self._alliance.me
        bundle = Bundle(
            BUNDLE_TYPE,
            self._alliance.id,
            me,
            Evidence(proof.note, (record,)),
            successions=self._successions(),
            later=() if later is None else later,
            ledger=ledger,
        )
        return self._sign(bundle, 0)

    def obtained_bundle(self, request: str, number: int, *, incomplete: bool = False) -> bytes:
        """A bundle over what was read elsewhere, with the authority under which it was read.

        Raises:
            MissingError: there was no such read.
            EvidencePendingError: it is not complete yet, and `incomplete` does not allow that.
            StoreError: the database fails.
        """
        obtained = self._reading.obtained(request, number)
        later, ledger = self._corroboration.found(request, number), self._ledger.for_read(request, number)
        if not incomplete:
            _check_complete(is_witnessed=later is not None, is_anchored=bool(ledger))
        authority = Authority(
            obtained.grant,
            obtained.delegation,
            obtained.request,
            obtained.answer,
            to_base64url(obtained.status),
            parse_shown(obtained.consents),
            to_base64url(obtained.approval_status),
        )
        bundle = Bundle(
            BUNDLE_TYPE,
            self._alliance.id,
            peek_document(obtained.request, ReadRequest).aud,
            parse_evidence(obtained.evidence),
            authority,
            self._successions(),
            () if later is None else (later,),
            ledger,
        )
        return self._sign(bundle, obtained.at)

    def legal_bundle(self, officer: Officer, request: str, *, incomplete: bool = False) -> bytes:
        """A bundle over what was read on a legal basis, with every signature on it; for one of its two officers.

        Raises:
            MissingError: nothing was read under that request.
            LegalBasisError: the officer is another.
            EvidencePendingError: it is not complete yet, and `incomplete` does not allow that.
            StoreError: the database fails.
        """
        papers, answer, at = self._legal.shown(officer, request)
        evidence, home = parse_evidence(answer.evidence), peek_document(papers.read, LegalRead).aud
        ledger = self._ledger.for_read(request, 0)
        if home == self._alliance.me:
            later = self._witnessed(parse_checkpoint(evidence.checkpoint).size)
        else:
            found = self._corroboration.found(request, 0)
            later = None if found is None else (found,)
        if not incomplete:
            _check_complete(is_witnessed=later is not None, is_anchored=bool(ledger))
        bundle = Bundle(
            BUNDLE_TYPE,
            self._alliance.id,
            home,
            evidence,
            legal=LegalAuthority(papers.read, papers.request, papers.countersignature, answer.answer),
            successions=self._successions(),
            later=later or (),
            ledger=ledger,
        )
        return self._sign(bundle, at)

    def case(self, title: str, bundles: Sequence[bytes]) -> Iterator[bytes]:
        """Several bundles under one signed list.

        Args:
            title: what the case is about.
            bundles: as this node has made them, at least one.

        Returns:
            The lines of the file.

        Raises:
            StoreError: the database fails.
        """
        about = CaseList(
            **self._signing.issued(),
            title=title,
            bundles=tuple(map(content_of, bundles)),
            successions=tuple(one for one in self._successions() if one.member == self._alliance.me),
        )
        return write_case(self._signing.sign(about), bundles)

    def _witnessed(self, size: int) -> tuple[LaterCheckpoint, ...] | None:
        """A checkpoint at or after `size` with enough cosignatures, None if none has; empty where none are needed."""
        if not self._cosignatures.needed():
            return ()
        try:
            view = self._cosignatures.witnessed_view(size)
        except MissingError:
            return None
        [proof] = view.proofs
        return (LaterCheckpoint(view.note, tuple(map(to_base64url, proof))),)

    def _sign(self, bundle: Bundle, obtained: int) -> bytes:
        """The bundle with this node's word on how it kept the records."""
        newest = self._alliance.projection.cursor()
        if newest is None:
            raise MissingError("this node has not seen the ledger yet")
        payloads = (from_base64url(record.payload) for record in bundle.evidence.records)
        custody = Custody(
            **self._signing.issued(),
            bundle=bundle_digest(bundle),
            records=tuple(map(content_of, payloads)),
            storage="aes-256-gcm",
            software=f"heqi {VERSION}",
            clock=LedgerClock(newest.number, newest.hash.hex(), newest.time),
            obtained=obtained,
        )
        return encode_bundle(replace(bundle, custody=self._signing.sign(custody)))

    def _successions(self) -> tuple[ShownSuccession, ...]:
        """How the members' keys have changed, so that who knows those of the descriptor can follow."""
        rows = self._alliance.projection.members()
        return tuple(show_succession(one) for row in rows for one in row.successions)


def _check_complete(*, is_witnessed: bool, is_anchored: bool) -> None:
    lacking = [
        what
        for what, is_there in (
            ("cosignatures of enough other members", is_witnessed),
            ("a proof of what the ledger held", is_anchored),
        )
        if not is_there
    ]
    if lacking:
        raise EvidencePendingError(f"the evidence still lacks {' and '.join(lacking)}")
