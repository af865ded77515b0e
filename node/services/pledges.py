"""At a tender's centre: checking a bidder's pledge. Nothing is kept."""

from dataclasses import dataclass

from node.domain.document import document_digest, peek_document
from node.domain.pledge import BidPledge, open_pledge
from node.errors import NodeError, SignatureError, UnavailableError
from node.ports import Clock
from node.services.alliance import Alliance
from node.services.guarantees import Verdict
from node.services.recognition import Recognition


@dataclass(frozen=True, slots=True)
class PledgeChecked:
    """The answer to a check: VALID, EXPIRED or FALSE."""

    verdict: Verdict
    reason: str
    digest: str = ""
    """Of the document, 64 hex digits; empty if it is false."""
    terms: BidPledge | None = None
    credit_code: str = ""
    """Whose pledge it is, as a certificate says."""
    organisation: str = ""


class Pledges:
    """Checks pledges."""

    def __init__(self, alliance: Alliance, recognition: Recognition, clock: Clock) -> None:
        self._alliance, self._recognition, self._clock = alliance, recognition, clock

    async def prepare(self, token: str) -> None:
        """Ask the authorities about the delegation in a pledge, before `check`; what is malformed is left to that."""
        try:
            delegation = peek_document(token, BidPledge).delegation
            await self._recognition.warm(delegation)
        except NodeError:
            return

    def check(self, token: str) -> PledgeChecked:
        """Whether a pledge binds the company that its delegation names.

        Raises:
            UnavailableError: nobody says now whether the company's certificate stands.
            StoreError: the database fails.
        """
        try:
            pledge = open_pledge(token)
            if pledge.alliance != self._alliance.id:
                raise SignatureError("the pledge is of another alliance")
            judged = self._recognition.check(pledge.delegation)
            if judged.delegation.key != pledge.key:
                raise SignatureError("the delegation is of another key")
        except UnavailableError:
            raise
        except NodeError as error:
            return PledgeChecked(Verdict.FALSE, str(error))
        verdict, reason = Verdict.VALID, "signed by the company's wallet, and binding"
        if self._clock.now() >= pledge.exp:
            verdict, reason = Verdict.EXPIRED, "it has ended"
        return PledgeChecked(
            verdict,
            reason,
            document_digest(token).hex(),
            pledge,
            judged.identity.credit_code,
            judged.identity.organisation,
        )
