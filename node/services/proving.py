"""Bundles over own records and over what was read elsewhere, and how far the own log is final."""

from collections.abc import Collection

from node.domain.bundle import BUNDLE_TYPE, Authority, Bundle, encode_bundle
from node.domain.document import peek_document
from node.domain.encoding import to_base64url
from node.domain.evidence import Evidence, parse_evidence, show_record
from node.domain.reading import ReadRequest
from node.domain.succession import ShownSuccession, show_succession
from node.errors import MissingError
from node.services.alliance import Alliance
from node.services.log import Log
from node.services.reading import Reading
from node.services.records import Records


class Proving:
    """Hands out proofs."""

    def __init__(self, alliance: Alliance, records: Records, log: Log, reading: Reading) -> None:
        self._alliance, self._records, self._log, self._reading = alliance, records, log, reading

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

    def own_bundle(self, position: int, fields: Collection[str] = ()) -> bytes:
        """A bundle over one own record under the last final anchor.

        Args:
            position: the record's position.
            fields: what to show; everything if empty.

        Raises:
            MissingError: there is no such record or field, or it is not final yet.
            StoreError: the database fails.
        """
        stored = self._records.load(position)
        sealed = stored.seal()
        opened = sealed.commitments.disclosures
        unknown = set(fields) - set(opened)
        if unknown:
            raise MissingError(f"the record has no field {', '.join(sorted(unknown))}")
        size = self.anchored_size()
        if not size:
            raise MissingError("nothing of this log is anchored yet")
        proof = self._log.prove(position, size)
        shown = [opened[name] for name in sorted(fields or opened)]
        record = show_record(sealed.payload, sealed.commitments.blind, shown, proof.index, proof.path)
        evidence = Evidence(proof.note, (record,))
        me = self._alliance.me
        return encode_bundle(
            Bundle(BUNDLE_TYPE, self._alliance.id, me, evidence, successions=self._successions(me))
        )

    def obtained_bundle(self, request: str, number: int) -> bytes:
        """A bundle over what was read elsewhere, with the authority under which it was read.

        Raises:
            MissingError: there was no such read.
            StoreError: the database fails.
        """
        obtained = self._reading.obtained(request, number)
        home = peek_document(obtained.request, ReadRequest).aud
        authority = Authority(
            obtained.grant,
            obtained.delegation,
            obtained.request,
            obtained.answer,
            to_base64url(obtained.status),
        )
        evidence = parse_evidence(obtained.evidence)
        successions = self._successions(home, self._alliance.me)
        return encode_bundle(Bundle(BUNDLE_TYPE, self._alliance.id, home, evidence, authority, successions))

    def _successions(self, *members: str) -> tuple[ShownSuccession, ...]:
        """How the members' keys have changed, so that who knows those of the descriptor can follow."""
        rows = [self._alliance.projection.standing(name) for name in sorted(set(members))]
        return tuple(show_succession(one) for row in rows if row is not None for one in row.successions)
