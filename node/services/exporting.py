"""Records as SD-JWTs for the world outside: a bidder's own to the bidder, the centre's own to the centre.

A bidder gets the evidence of its records too: with it the wallet shows parts of them later without asking anybody.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from node.domain.category import category
from node.domain.controller import raw_key
from node.domain.grant import Scope
from node.domain.record import RecordHeader
from node.domain.sd_jwt import issue_sd_jwt
from node.domain.wallet import ExportCall
from node.errors import RoleMissingError
from node.ports import Clock, Signer
from node.services.alliance import Alliance
from node.services.gate import Gate
from node.services.log import Log
from node.services.records import Records
from node.services.registration import Registrations
from node.services.showing import Showing


@dataclass(frozen=True, slots=True)
class Exported:
    """One record of a subject."""

    header: RecordHeader
    sd_jwt: str
    """With all its disclosures."""
    evidence: bytes
    """The record with all its fields under the log's last anchored checkpoint; empty while it is not in that, and for
    records that the node itself writes."""


class Exporting:
    """Signs as issuer for what this node took in."""

    def __init__(  # noqa: PLR0917
        self,
        alliance: Alliance,
        gate: Gate,
        registrations: Registrations,
        records: Records,
        log: Log,
        signer: Signer,
        clock: Clock,
    ) -> None:
        self._alliance, self._gate = alliance, gate
        self._registrations, self._records, self._log = registrations, records, log
        self._showing = Showing(records, log)
        self._signer, self._clock, self._me = signer, clock, alliance.me

    def registration(self, token: str) -> list[Exported]:
        """A subject's records, the newest version of each thing, bound to its wallet's key.

        Args:
            token: a wallet-export document.

        Raises:
            DocumentFormatError, SignatureError, ReplayError: the request is not in order.
            UnknownCallerError: the key does not speak for a subject that is registered here.
            StoreError: the database fails.
        """
        call = self._gate.open(token, ExportCall)
        subject = self._registrations.owned_by(call.subject, call.key)
        return list(self._newest(subject, raw_key(call.key)))

    def own(self, position: int) -> str:
        """A record that belongs to this centre.

        Raises:
            MissingError: there is no such record.
            RoleMissingError: it belongs to a bidder, who alone may show it.
            StoreError: the database fails.
        """
        header = self._records.load(position).header
        if header.owner != self._me:
            raise RoleMissingError("the record belongs to a bidder; only its wallet exports it")
        return self._issue(position, b"")[1]

    def _newest(self, subject: str, key: bytes) -> Iterator[Exported]:
        size = self._alliance.projection.anchored_size(self._me)
        newest: dict[tuple[str, str], tuple[int, int]] = {}
        for position in self._records.all_of(subject):
            header = self._records.load(position).header
            thing = header.category, header.thing
            newest[thing] = max(newest.get(thing, (0, 0)), (header.version, position))
        for _, position in sorted(newest.values(), key=lambda found: found[1]):
            header, sd_jwt = self._issue(position, key)
            yield Exported(header, sd_jwt, self._evidence(position, size))

    def _evidence(self, position: int, size: int) -> bytes:
        stored, index = self._records.load(position), self._log.index_of(position)
        name = stored.header.category
        if index is None or index >= size or category(name).is_own:
            return b""
        return self._showing.show({position: stored}, [Scope(name, tuple(sorted(stored.fields)))], size)

    def _issue(self, position: int, key: bytes) -> tuple[RecordHeader, str]:
        stored = self._records.load(position)
        sealed = stored.seal()
        shown = [text for _, text in sorted(sealed.commitments.disclosures.items())]
        now = int(self._clock.now())
        return stored.header, issue_sd_jwt(sealed.payload, shown, self._me, now, self._signer.sign, key)
