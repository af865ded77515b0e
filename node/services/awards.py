"""At a tender's centre: a winner gets the proof of its own award and contract, to show to a lender 中标贷.

Nobody else gets it here. What a lender is shown it was given by the winner, and checks offline; who is not the
winner, or asks before the result is public, is told the same as if there were nothing.
"""

from collections.abc import Iterator

from node.domain.award import AWARD, CONTRACT, is_public, shown_fields, winners
from node.domain.document import peek_document
from node.domain.wallet import AwardsCall
from node.errors import EvidencePendingError, GrantMissingError, MissingError, SignatureError
from node.ports import Clock
from node.services.gate import Gate
from node.services.listing import Listed, Listing, Query
from node.services.preparing import StoredRecord
from node.services.proving import Proving
from node.services.recognition import Recognition

_PAGE = 200
_MOST_RECORDS = 2_000
"""Versions of awards and contracts of one project that are looked at; beyond them there is no proof."""


class Awards:
    """Proofs of awards."""

    def __init__(
        self, recognition: Recognition, gate: Gate, listing: Listing, proving: Proving, clock: Clock
    ) -> None:
        self._recognition, self._gate, self._listing = recognition, gate, listing
        self._proving, self._clock = proving, clock

    async def prepare(self, token: str) -> None:
        """Ask the authorities about the delegation in a request for `prove`.

        Raises:
            NodeError: the request is malformed.
        """
        await self._recognition.warm(peek_document(token, AwardsCall).delegation)

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
        code = judged.identity.credit_code
        found = [*self._of(code, call.project)]
        if not found:
            raise GrantMissingError("no award of this bidder is public in such a project here")
        try:
            bundles = [
                self._proving.own_bundle(one.position, shown_fields(one.category, record.fields))
                for one, record in found
            ]
        except MissingError as error:  # newer than the last anchor
            raise EvidencePendingError(f"the award is not on the ledger yet: {error}") from error
        return b"".join(self._proving.case(f"中标证明 {call.project}", bundles))

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
