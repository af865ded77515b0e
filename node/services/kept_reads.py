"""At the reader: using again what was fetched, while its home cannot be reached or need not be asked.

What was read may be used as long as the very grant under which it was read lives, and the mandate under which it was
signed, by this node's own fresh view of the ledger. It counts as no further use, for the home is not asked and shows
nothing. It comes with its age, for nothing here says that it is still the newest. Without a fresh view nobody can say
that the grant was not revoked, and nothing is shown.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from node.domain.document import document_digest, peek_document, reopen_document
from node.domain.duties import Act
from node.domain.evidence import VerifiedRecord, parse_evidence, verify_evidence
from node.domain.grant import check_covers, grant_terms
from node.domain.ledger_ids import grant_id
from node.domain.reading import ReadAnswer, ReadRequest
from node.errors import MissingError
from node.ports import Clock, Store
from node.services.alliance import Alliance
from node.services.answer_check import open_own_grant
from node.services.follower import Follower
from node.services.mandates import check_live
from node.services.own_requests import Obtained, OwnRequests
from node.services.recognition import Recognition
from node.services.vault import Vault


@dataclass(frozen=True, slots=True)
class KeptRead:
    """What an earlier read brought, and from when it is."""

    records: Sequence[VerifiedRecord]
    credit_code: str
    organisation: str
    number: int
    """Which read under its access request, from 0."""
    as_of: int
    """When the home said that this was the newest, seconds since 1970 UTC."""
    age_seconds: int
    """How long ago that was."""
    expires: int
    """When the grant ends, and with it this use, seconds since 1970 UTC."""


class KeptReads:
    """Shows what is kept, under live grants."""

    def __init__(  # noqa: PLR0917
        self,
        store: Store,
        vault: Vault,
        alliance: Alliance,
        recognition: Recognition,
        follower: Follower,
        clock: Clock,
    ) -> None:
        self._store, self._own = store, OwnRequests(store, vault)
        self._alliance, self._recognition, self._follower, self._clock = (
            alliance,
            recognition,
            follower,
            clock,
        )

    def show(self, digest: str, number: int = -1) -> KeptRead:
        """What a read brought.

        Args:
            digest: of the access request, 64 hex digits.
            number: which read under it, from 0; -1 for the last.

        Raises:
            ProjectionStaleError: this node's view of the ledger is too old to tell whether the grant lives.
            GrantRevokedError: the grant was revoked, or the mandate under which it was signed.
            GrantExpiredError: its time is over.
            GrantMissingError: the ledger does not have it, or its mandate.
            MovedError: its subject has another home by now.
            MissingError: there was no such read, or it was erased.
            NodeError: this node's member may read nothing now.
        """
        self._alliance.check_may(Act.READ)
        self._follower.check_fresh()
        self._alliance.projection.check_known("Subjects", "Grants")
        raw = bytes.fromhex(digest)
        own = self._own.load(raw)
        number = own.reads - 1 if number == -1 else number
        if not 0 <= number < own.reads:
            raise MissingError("nothing was read under this request yet")
        obtained = self._own.obtained(raw, number)
        expires = self._check_grant(obtained)
        answer = peek_document(obtained.answer, ReadAnswer)
        # Judged as of the answer, as on the day it came: a certificate that was revoked since ends no grant.
        moment = open_own_grant(self._alliance, obtained.grant).register_before
        identity = self._recognition.check(
            obtained.delegation, moment=moment, proof=obtained.status, at=answer.iat
        ).identity
        return KeptRead(
            self._records(obtained, answer.iss),
            identity.credit_code,
            identity.organisation,
            number,
            answer.as_of,
            max(0, int(self._clock.now()) - answer.as_of),
            expires,
        )

    def _check_grant(self, obtained: Obtained) -> int:
        """That the grant lives now; when it ends."""
        grant = open_own_grant(self._alliance, obtained.grant)
        raw_id = grant_id(self._alliance.raw_id, grant_terms(grant, document_digest(obtained.grant)))
        check_live(self._alliance, self._store, raw_id, obtained.grant)
        request = reopen_document(obtained.request, ReadRequest)
        check_covers(
            grant,
            request.scope,
            receiver=self._alliance.me,
            purpose=request.purpose,
            at=int(self._clock.now()),
        )
        return grant.exp

    def _records(self, obtained: Obtained, home: str) -> Sequence[VerifiedRecord]:
        """Checked once more, by whatever keys the home had: it may be at rest, or gone."""
        row = self._alliance.projection.standing(home)
        if row is None:
            raise MissingError("the home of what was read is no member that this node knows")
        evidence = verify_evidence(
            parse_evidence(obtained.evidence),
            alliance=self._alliance.id,
            member=home,
            log_key=row.member.log_key_at,
        )
        return evidence.records
