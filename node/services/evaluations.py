"""At a bidder's home: how the evaluation in a waiver of bid security stands, told to the centre that it names.

The waiver is the bidder's signed leave to ask: about this one evaluation, by this one centre, from the opening on.
Who asks without one, too early or too late, is told the same as if there were no such evaluation. That somebody
asked goes into the log of reads before anything leaves.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from node.domain.attestation import Result
from node.domain.document import document_digest, peek_document
from node.domain.draft import RecordDraft
from node.domain.duties import Act
from node.domain.evidence import verify_evidence
from node.domain.waiver import (
    EVALUATION_CATEGORY,
    SHOWN_FIELDS,
    WITHDRAWN,
    BidWaiver,
    Evaluation,
    EvaluationState,
    State,
    open_waiver,
    read_evaluation,
)
from node.errors import MissingError, NodeError, UnavailableError
from node.ports import Clock, Store
from node.services.alliance import Alliance
from node.services.attesting import Attesting
from node.services.disputes import Disputes
from node.services.feed import Feed, FeedEntry
from node.services.follower import Follower
from node.services.homes import Homes
from node.services.preparing import StoredRecord
from node.services.recognition import Recognition
from node.services.records import Records
from node.services.registration import READ_LOG
from node.services.signing import Signing
from node.services.transaction import Transaction

PURPOSE = "bid-waiver"
"""Of such reads, in the log of reads."""
_NOTHING = "no waiver allows this question now, or there is no such evaluation"


@dataclass(frozen=True, slots=True)
class EvaluationRead:
    """A centre asked how an evaluation stands."""

    time: str
    """When, RFC 3339 UTC."""
    reader: str
    waiver: str
    """Id of the waiver under which it asked, 64 hex digits."""


class Evaluations:
    """Says how evaluations stand."""

    def __init__(  # noqa: PLR0917
        self,
        store: Store,
        alliance: Alliance,
        homes: Homes,
        recognition: Recognition,
        follower: Follower,
        records: Records,
        disputes: Disputes,
        attesting: Attesting,
        feed: Feed,
        signing: Signing,
        clock: Clock,
    ) -> None:
        self._store, self._alliance, self._homes = store, alliance, homes
        self._recognition = recognition
        self._follower, self._records, self._disputes = follower, records, disputes
        self._attesting, self._feed = attesting, feed
        self._signing, self._clock = signing, clock

    async def prepare(self, token: str) -> None:
        """Ask the authorities about the delegation in a waiver, before `tell`; what is malformed is left to that."""
        try:
            await self._recognition.warm(peek_document(token, BidWaiver).delegation)
        except NodeError:
            return

    def tell(self, caller: str, token: str) -> str:
        """How the evaluation in a waiver stands now.

        Args:
            caller: member that asks.
            token: bid-waiver document.

        Returns:
            An evaluation-state document.

        Raises:
            MissingError: the waiver does not let the caller ask now, or there is no such evaluation here.
            UnavailableError: this node cannot say now.
            NodeError: the waiver is malformed.
        """
        self._alliance.check_may(Act.SERVE)
        self._follower.check_fresh()
        self._alliance.projection.check_known("Subjects")
        waiver = open_waiver(token)
        evaluation = self._allowed(caller, waiver)
        state, since = self._state(evaluation)
        digest = document_digest(token).hex()
        self._remember(caller, digest, evaluation.subject)
        told = EvaluationState(
            **self._signing.issued(),
            aud=caller,
            waiver=digest,
            state=state,
            since=since,
        )
        return self._signing.sign(told)

    def reads_of(self, subject: str) -> list[EvaluationRead]:
        """Who asked about a subject's evaluations, oldest first; told to the subject.

        Raises:
            StoreError: the database fails.
        """
        found = []
        for position in self._records.newest(subject, READ_LOG, lambda _: True):
            with suppress(MissingError):  # blocked, or erased
                stored = self._records.load(position)
                fields = stored.fields
                if fields.get("purpose") == PURPOSE and "answer" not in fields:
                    captured, reader = stored.header.captured, str(fields["reader"])
                    found.append(EvaluationRead(captured, reader, stored.header.thing))
        return sorted(found, key=lambda one: one.time)

    def _allowed(self, caller: str, waiver: BidWaiver) -> Evaluation:
        """The evaluation that the waiver shows, of the company whose key has signed it.

        Raises:
            MissingError: it does not let the caller ask now, or shows nothing of this log.
            UnavailableError: nobody says now whether the company's certificate stands.
        """
        me, now = self._alliance.me, self._clock.now()
        if (waiver.alliance, waiver.home, waiver.centre) != (self._alliance.id, me, caller):
            raise MissingError(_NOTHING)
        if not waiver.opening <= now < waiver.exp:
            raise MissingError(_NOTHING)
        try:
            judged = self._recognition.check(waiver.delegation)
            evidence = verify_evidence(
                waiver.evidence,
                alliance=self._alliance.id,
                member=me,
                log_key=self._alliance.projection.member(me).log_key_at,
            )
            evaluation = read_evaluation(evidence.records[0])
        except UnavailableError:
            raise
        except NodeError as error:
            raise MissingError(_NOTHING) from error
        whose = (judged.delegation.key, judged.identity.credit_code)
        if whose != (waiver.key, evaluation.code) or not self._homes.is_home_of(evaluation.subject):
            raise MissingError(_NOTHING)
        return evaluation

    def _state(self, evaluation: Evaluation) -> tuple[State, int]:
        """How it stands, and since when, seconds since 1970 UTC; 0 if it is current."""
        newest = self._newest(evaluation)
        if newest is None:
            return "erased", int(self._clock.now())
        captured = _seconds(newest.header.captured)
        if newest.fields.get("status") == WITHDRAWN:
            return "withdrawn", captured
        if newest.header.version > evaluation.version:
            return "superseded", captured
        since = min(self._objections(evaluation), default=0)
        return ("disputed", since) if since else ("current", 0)

    def _newest(self, evaluation: Evaluation) -> StoredRecord | None:
        for position in self._records.newest(evaluation.subject, EVALUATION_CATEGORY, lambda _: True):
            try:
                stored = self._records.load(position)
            except MissingError:  # blocked, or erased
                continue
            if stored.header.thing == evaluation.thing:
                return stored
        return None

    def _objections(self, evaluation: Evaluation) -> Iterator[int]:
        """Since when somebody says that this version is wrong: open disputes, and checks that found a difference."""
        place = (EVALUATION_CATEGORY, evaluation.thing)
        for _, kept in self._disputes.all(evaluation.subject):
            dispute = kept.dispute()
            if not kept.answer and (dispute.category, dispute.thing) == place:
                yield int(kept.opened)
        for one in self._attesting.of(evaluation.subject):
            about, said = one.attestation.about, one.attestation
            if (about.category, about.thing, about.version) != (*place, evaluation.version):
                continue
            if said.result is Result.NOT_FOUND or SHOWN_FIELDS & set(said.differs):
                yield _seconds(said.checked)

    def _remember(self, caller: str, waiver: str, subject: str) -> None:
        """Put on record that the caller asked; once for each waiver, however often it asks."""
        transaction = Transaction(self._store)
        if self._records.version(transaction, subject, READ_LOG, waiver):
            return
        self._records.stage(transaction, [_log_draft(caller, waiver, subject)])
        about = {"subject": subject, "reader": caller, "waiver": waiver}
        self._feed.add(transaction, FeedEntry("evaluation.asked", self._clock.now(), about))
        transaction.commit()  # before anything leaves
        self._feed.wake()


def _log_draft(caller: str, waiver: str, subject: str) -> RecordDraft:
    return RecordDraft(
        category=READ_LOG,
        thing=waiver,
        owner=subject,
        source_system="heqi",
        source_version="",
        occurred=None,
        fields={
            "reader": caller,
            "purpose": PURPOSE,
            "grant": waiver,
            "scope": ({"category": EVALUATION_CATEGORY, "fields": ("status",)},),
        },
    )


def _seconds(moment: str) -> int:
    return int(datetime.fromisoformat(moment).timestamp())
