"""Proofs of awards 中标证明, for lenders 中标贷: at the tender's centre, and at the lender.

The centre gives them to the winner, which hands them on, and to the lender that the winner's grant names. Who is
neither, or asks before the result is public, is told the same as if there were nothing.
"""

from collections.abc import Iterator

from node.domain.approval import Reserved, reserved_by
from node.domain.award import (
    AWARD,
    CONTRACT,
    award_grant_terms,
    is_public,
    open_award_grant,
    shown_fields,
    winners,
)
from node.domain.document import document_digest, peek_document
from node.domain.duties import Act
from node.domain.ledger_ids import grant_id
from node.domain.member import Role
from node.domain.wallet import AwardsCall
from node.errors import (
    EvidencePendingError,
    GrantExpiredError,
    GrantMissingError,
    GrantRevokedError,
    GrantScopeError,
    MissingError,
    RoleMissingError,
    SecondOfficerMissingError,
    SignatureError,
)
from node.ports import Clock, Peers, Store
from node.services.alliance import Alliance
from node.services.award_reads import AwardRead, AwardReads
from node.services.feed import Feed, FeedEntry
from node.services.follower import Follower
from node.services.gate import Gate
from node.services.listing import Listed, Listing, Query
from node.services.preparing import StoredRecord
from node.services.proving import Proving
from node.services.recognition import Recognition
from node.services.transaction import Transaction

_NOTHING = "no award of this bidder is public in such a project here"
_PAGE = 200
_MOST_RECORDS = 2_000
"""Versions of awards and contracts of one project that are looked at; beyond them there is no proof."""


class Awards:
    """Proofs of awards."""

    def __init__(  # noqa: PLR0917
        self,
        store: Store,
        alliance: Alliance,
        recognition: Recognition,
        follower: Follower,
        gate: Gate,
        listing: Listing,
        proving: Proving,
        peers: Peers,
        feed: Feed,
        reads: AwardReads,
        clock: Clock,
    ) -> None:
        self._store, self._alliance, self._recognition = store, alliance, recognition
        self._follower, self._gate, self._listing, self._proving = follower, gate, listing, proving
        self._peers, self._feed, self._reads, self._clock = peers, feed, reads, clock

    async def prepare(self, token: str) -> None:
        """Ask the authorities about the delegation in a request for `prove`.

        Raises:
            NodeError: the request is malformed.
        """
        await self._recognition.warm(peek_document(token, AwardsCall).delegation)

    async def prepare_delegation(self, delegation: str) -> None:
        """Ask the authorities about the delegation that comes with a grant, for `prove_to`.

        Raises:
            NodeError: it is malformed.
        """
        await self._recognition.warm(delegation)

    async def fetch(self, grant: str, delegation: str) -> bytes:
        """At a lender: the proof that a bidder's grant covers, from the centre that it names; not checked here.

        Args:
            grant: award-grant document.
            delegation: of the key that signed it.

        Returns:
            The file, for `heqi verify`.

        Raises:
            NodeError: the grant is malformed or another lender's, or the centre refuses or does not answer.
        """
        named = open_award_grant(grant)
        if (named.alliance, named.aud) != (self._alliance.id, self._alliance.me):
            raise GrantScopeError("the grant is for another lender or alliance")
        return await self._peers.prove_awards(
            self._alliance.projection.member(named.centre), grant, delegation
        )

    def prove_to(self, caller: str, grant: str, delegation: str) -> bytes:
        """The same as `prove`, for the lender that the winner's grant names; noted for the winner before it leaves.

        Args:
            caller: member that asks.
            grant: award-grant document.
            delegation: by which the winner's certificate vouches for the key that signed it.

        Raises:
            GrantMissingError: it is not covered, or there is nothing: one answer to all of that.
            GrantRevokedError: the winner has revoked its grant to this lender.
            GrantExpiredError: it is over.
            RoleMissingError: the caller is no lender.
            SecondOfficerMissingError: the company reserves grants for two officers.
            EvidencePendingError: the proof is not complete yet.
            NodeError: the documents are malformed, or this node cannot say now.
        """
        self._alliance.check_may(Act.SERVE)
        self._follower.check_fresh()
        projection = self._alliance.projection
        projection.check_known("Subjects", "Grants")
        named, now = open_award_grant(grant), int(self._clock.now())
        if not projection.member(caller).roles & Role.GUARANTOR:
            raise RoleMissingError(f"{caller} is no guarantor, and lends nothing")
        raw_id = grant_id(self._alliance.raw_id, award_grant_terms(named, document_digest(grant)))
        state, subject = projection.grant(raw_id), projection.subject(bytes.fromhex(named.iss))
        is_theirs = self._alliance.speaks_for(subject, named.key)
        is_for_us = (named.alliance, named.centre, named.aud) == (
            self._alliance.id,
            self._alliance.me,
            caller,
        )
        if not (is_theirs and is_for_us and (state.registered or state.revoked)):
            raise GrantMissingError(_NOTHING)
        if state.revoked:
            raise GrantRevokedError("the grant was revoked by its owner")
        if now >= named.exp:
            raise GrantExpiredError("the grant is over")
        judged = self._recognition.check(delegation)
        if judged.delegation.key != named.key:
            raise GrantMissingError(_NOTHING)
        if Reserved.GRANT in reserved_by([judged.delegation]):
            # An award grant has no place for an approval: such a company shows the proof by itself.
            raise SecondOfficerMissingError("the company reserves grants for two officers")
        case = self._case(judged.identity.credit_code, named.project)
        transaction = Transaction(self._store)
        about = {"grant": raw_id.hex(), "reader": caller, "subject": named.iss}
        self._feed.add(transaction, FeedEntry("award.read", now, about))
        self._reads.note(transaction, named.iss, AwardRead(now, caller, raw_id.hex(), named.project))
        transaction.commit()  # before anything leaves
        self._feed.wake()
        return case

    def reads_of(self, subject: str) -> list[AwardRead]:
        """Which lenders have fetched the proof of a winner's awards here, oldest first.

        Args:
            subject: the winner's id, 64 hex digits.

        Raises:
            StoreError: the database fails.
        """
        return self._reads.of(subject)

    def prove(self, token: str) -> bytes:
        """The awards of an authenticated bidder in one project, and its contracts, as one case.

        Returns:
            The file, for `heqi verify`.

        Raises:
            GrantMissingError: no award of this bidder is public in such a project; whatever else there may be.
            EvidencePendingError: there is one, and its proof is not complete yet.
            NodeError: the bidder cannot be authenticated.
        """
        call = self._gate.open(token, AwardsCall)
        judged = self._recognition.check(call.delegation)
        if judged.delegation.key != call.key:
            raise SignatureError("the delegation is for another wallet key")
        return self._case(judged.identity.credit_code, call.project)

    def _case(self, code: str, project: str) -> bytes:
        found = [*self._of(code, project)]
        if not found:
            raise GrantMissingError(_NOTHING)
        try:
            bundles = [
                self._proving.own_bundle(one.position, shown_fields(one.category, record.fields))
                for one, record in found
            ]
        except MissingError as error:  # newer than the last anchor
            raise EvidencePendingError(f"the award is not on the ledger yet: {error}") from error
        return b"".join(self._proving.case(f"中标证明 {project}", bundles))

    def _of(self, code: str, project: str) -> Iterator[tuple[Listed, StoredRecord]]:
        """The newest versions that are public and name the bidder; a contract may name it by its award."""
        now = int(self._clock.now())
        awards = [
            (one, record)
            for one, record in self._newest(AWARD, project)
            if is_public(AWARD, record.fields, now) and code in winners(record.fields)
        ]
        yield from awards
        won = {record.fields.get("id") for _, record in awards}
        for one, record in self._newest(CONTRACT, project):
            if is_public(CONTRACT, record.fields, now):
                named = winners(record.fields)
                if code in named or (not named and record.fields.get("award_id") in won):
                    yield one, record

    def _newest(self, category: str, project: str) -> Iterator[tuple[Listed, StoredRecord]]:
        """The newest version of each thing: one that was superseded proves nothing any more."""
        query = Query(is_operator=True, category=category, project=project, has_content=True)
        newest: dict[str, tuple[Listed, StoredRecord]] = {}
        token, looked_at = "", 0
        while looked_at < _MOST_RECORDS:
            page = self._listing.page(query, _PAGE, token)
            looked_at += len(page.items)
            for one in page.items:
                if one.record is not None:
                    header = one.record.header
                    last = newest.get(header.thing)
                    if last is None or last[1].header.version < header.version:
                        newest[header.thing] = one, one.record
            if not (token := page.next_token):
                return iter(newest.values())
        return iter(())
