"""At a tender's centre: checking a bidder's waiver, and asking its home after the opening. Nothing is kept."""

from dataclasses import dataclass, field
from datetime import date

from node.domain.batch_waivers import Standing
from node.domain.document import document_digest
from node.domain.evidence import encode_evidence
from node.domain.member import Member, Role
from node.domain.section import day_at, opened_at, opens_next
from node.domain.waiver import BidWaiver, Evaluation, open_state, open_waiver, read_evaluation
from node.errors import (
    CertificateError,
    NodeError,
    NotMemberError,
    PeerError,
    SignatureError,
    StoreError,
    UnavailableError,
)
from node.ports import Clock, Peers
from node.services.alliance import Alliance
from node.services.anchored import verify_anchored
from node.services.evaluations import Evaluations
from node.services.guarantees import Verdict
from node.services.recognition import Recognition
from node.services.sections import Sections


@dataclass(frozen=True, slots=True)
class WaiverChecked:
    """The answer to a check: VALID, NOT_YET, EXPIRED, UNKNOWN or FALSE; what a grade waives, the tender says."""

    verdict: Verdict
    reason: str
    digest: str = ""
    """Of the document, 64 hex digits; empty if it is false."""
    terms: BidWaiver | None = None
    evaluation: Evaluation | None = None
    credit_code: str = ""
    """Whose waiver it is, as a certificate says, and as the evaluation says."""
    organisation: str = ""
    state: Standing = "unknown"
    """How the evaluation stands, as its home says."""
    since: int = 0
    """Seconds since 1970 UTC; 0 if it is current, or unknown."""
    statement: str = ""
    """The home's evaluation-state document, to be kept with the bid; empty if there is none."""
    day: date = date.max
    """When it was checked, in China."""


@dataclass(slots=True)
class Round:
    """What is found out once for all waivers of a batch."""

    away: set[str] = field(default_factory=set)
    """Homes that have not answered, and are not asked again."""
    put_off: dict[str, bool] = field(default_factory=dict)
    """By section: whether its opening on record is still to come."""


class Waivers:
    """Checks waivers."""

    def __init__(  # noqa: PLR0917
        self,
        alliance: Alliance,
        recognition: Recognition,
        sections: Sections,
        evaluations: Evaluations,
        peers: Peers,
        clock: Clock,
    ) -> None:
        self._alliance, self._recognition, self._sections = alliance, recognition, sections
        self._evaluations, self._peers, self._clock = evaluations, peers, clock

    async def ask(self, token: str, batch: Round) -> str:
        """Before `check`: ask the authorities about the delegation, and the home how the evaluation stands.

        Nobody is asked before the opening, nor about a waiver that is not in order here.

        Args:
            token: bid-waiver document; what is malformed is left to `check`.
            batch: which it belongs to.

        Returns:
            The home's evaluation-state document; empty if it says nothing.

        Raises:
            StoreError: the database fails.
        """
        try:
            waiver = open_waiver(token)
            await self._recognition.warm(waiver.delegation)
            if not self._may_ask(waiver, batch) or self.check(token, batch).evaluation is None:
                return ""
            home = self._alliance.projection.member(waiver.home)
        except StoreError:
            raise
        except NodeError:
            return ""
        return "" if home.name in batch.away else await self._ask(home, token, batch)

    async def _ask(self, home: Member, token: str, batch: Round) -> str:
        try:
            if home.name == self._alliance.me:
                return self._evaluations.tell(home.name, token)
            return await self._peers.evaluation_state(home, token)
        except StoreError:
            raise
        except PeerError:
            batch.away.add(home.name)
        except NodeError:  # it knows of no such evaluation, refuses, or cannot say now about this one
            return ""
        return ""

    def check(self, token: str, batch: Round, statement: str = "") -> WaiverChecked:
        """Whether a waiver is the company's own, and shows an evaluation that stands.

        Args:
            token: bid-waiver document.
            batch: which it belongs to.
            statement: what `ask` returned.

        Raises:
            UnavailableError: nobody says now whether the company's certificate stands.
            StoreError: the database fails.
        """
        try:
            waiver = open_waiver(token)
            if waiver.alliance != self._alliance.id:
                raise SignatureError("the waiver is of another alliance")
            judged = self._recognition.check(waiver.delegation)
            if judged.delegation.key != waiver.key:
                raise SignatureError("the delegation is of another key")
            home = self._alliance.projection.member(waiver.home)
            evaluation = self._evaluation(waiver, home, judged.identity.credit_code)
        except UnavailableError:
            raise
        except NotMemberError as error:
            return WaiverChecked(Verdict.UNKNOWN, str(error))
        except NodeError as error:
            return WaiverChecked(Verdict.FALSE, str(error))
        digest = document_digest(token).hex()
        state, since, reason = self._state(evaluation, home, digest, statement)
        verdict, reason = self._verdict(waiver, batch, reason)
        return WaiverChecked(
            verdict,
            reason,
            digest,
            waiver,
            evaluation,
            judged.identity.credit_code,
            judged.identity.organisation,
            state,
            since,
            statement if state != "unknown" else "",
            day_at(self._clock.now()),
        )

    def _evaluation(self, waiver: BidWaiver, home: Member, code: str) -> Evaluation:
        """The evaluation under an anchored checkpoint of a centre's log.

        Raises:
            NodeError: it is not there, shows other fields than a grade's, or is another company's.
        """
        if not home.roles & Role.CENTRE:
            raise NotMemberError(f"{home.name} is no centre: it records no evaluations")
        evidence = verify_anchored(self._alliance, encode_evidence(waiver.evidence), home)
        evaluation = read_evaluation(evidence.records[0])
        if evaluation.code != code:
            raise CertificateError("the evaluation is of another company than the bidder's certificate")
        return evaluation

    def _state(
        self, evaluation: Evaluation, home: Member, digest: str, statement: str
    ) -> tuple[Standing, int, str]:
        row = self._alliance.projection.subject(bytes.fromhex(evaluation.subject))
        if row is None or row.home != home.name:
            return "unknown", 0, f"{home.name} is not the company's home now, and cannot say how it stands"
        if not statement:
            return "unknown", 0, f"{home.name} does not say how the evaluation stands; ask again later"
        try:
            said = open_state(
                statement, waiver=digest, alliance=self._alliance.id, home=home, centre=self._alliance.me
            )
        except NodeError as error:
            return "unknown", 0, f"what {home.name} says does not hold: {error}"
        return said.state, said.since, f"{home.name} says that the evaluation is {said.state}"

    def _verdict(self, waiver: BidWaiver, batch: Round, reason: str) -> tuple[Verdict, str]:
        now = self._clock.now()
        if now >= waiver.exp:
            return Verdict.EXPIRED, "it has ended"
        if now < waiver.opening or self._is_put_off(waiver.section, batch):
            return Verdict.NOT_YET, "bids are not opened: before that nobody asks about the evaluation"
        return Verdict.VALID, f"signed by the company's wallet; {reason}"

    def _may_ask(self, waiver: BidWaiver, batch: Round) -> bool:
        is_ours = (waiver.alliance, waiver.centre) == (self._alliance.id, self._alliance.me)
        is_time = waiver.opening <= self._clock.now() < waiver.exp
        return is_ours and is_time and not self._is_put_off(waiver.section, batch)

    def _is_put_off(self, section: str, batch: Round) -> bool:
        """Whether an opening is on record that is still to come, and none that was."""
        if section not in batch.put_off:
            now, known = self._clock.now(), self._sections.facts(self._sections.digest(section))
            batch.put_off[section] = (
                known is not None and not opened_at(known, now) and bool(opens_next(known, now))
            )
        return batch.put_off[section]
