"""At a guarantor that runs its own e-guarantee system: applications go there, and what it decides is done here.

    application → rules → (left to people) → the system → decision → file → issue
                                                        → refusal

The system's word moves an application through the very steps that a person's would: a decision that does not fit
what was applied for, comes twice, or comes too late changes nothing and is shown to people. Nobody's step is made by
it: an application that its applicant has taken back is over, and the system is told so.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence

from msgspec.structs import replace

from node.domain.act import ActKind
from node.domain.desk import FREES_CODE, Stage
from node.domain.document import peek_document
from node.domain.evidence import VerifiedRecord
from node.domain.guarantee import ApplicationCode
from node.domain.guarantee_statement import Reason, Statement, peek_step
from node.domain.guarantee_system import (
    CURRENCY,
    KIND,
    UNDECIDED,
    Applied,
    CaseState,
    Decided,
    FilePushed,
    Opened,
    Push,
    SurrenderAsked,
    SurrenderDecided,
    SystemCall,
    Withdrawn,
    check_decision,
    check_file,
)
from node.domain.guarantee_table import Event, State
from node.domain.package import BASE
from node.domain.sealed_guarantee import is_sealed
from node.domain.wallet import ApplyCall
from node.errors import (
    MissingError,
    NodeError,
    StoreError,
    SystemPushError,
)
from node.ports import Clock, Store
from node.services import layout
from node.services.acts import Acts
from node.services.applications import Application
from node.services.feed import Feed, FeedEntry
from node.services.guarantee_steps import GuaranteeSteps
from node.services.guarantee_views import GuaranteeViews
from node.services.guarantor import Guarantor
from node.services.pauses import Pauses
from node.services.projection import GuaranteeRow, Projection
from node.services.system_calls import CallState, SystemCalls
from node.services.system_cases import SystemCase, SystemCases, SystemFile
from node.services.transaction import Transaction

logger = logging.getLogger(__name__)

_FIRST_PAUSE_SECONDS, _LAST_PAUSE_SECONDS = 1.0, 300.0
_MOST_PROBLEM = 400
_AGREED = "同意退保"
_WHY = {
    Stage.CANCELLED: "cancelled",
    Stage.LAPSED: "lapsed",
    Stage.REPLACED: "replaced",
    Stage.REFUSED: "refused",
    Stage.ISSUED: "issued",
}


class SystemDesk:
    """The desk's other side; without such a system nothing goes anywhere."""

    def __init__(  # noqa: PLR0917
        self,
        store: Store,
        calls: SystemCalls,
        cases: SystemCases,
        guarantor: Guarantor,
        steps: GuaranteeSteps,
        views: GuaranteeViews,
        projection: Projection,
        acts: Acts,
        feed: Feed,
        clock: Clock,
    ) -> None:
        self._store, self.calls, self._cases = store, calls, cases
        self._guarantor, self._steps, self._views = guarantor, steps, views
        self._projection, self._acts, self._feed, self._clock = projection, acts, feed, clock
        self._pauses = Pauses[bytes](clock, _FIRST_PAUSE_SECONDS, _LAST_PAUSE_SECONDS)

    # -- what goes there ----------------------------------------------------------------------------------

    def takes(self, call: ApplyCall) -> bool:
        """Whether an application of this kind can be handed over."""
        return self.calls.has_system and (call.guarantee_kind, call.currency) == (KIND, CURRENCY)

    def refer(
        self, transaction: Transaction, application: str, row: Application, records: Sequence[VerifiedRecord]
    ) -> bool:
        """Hand an application over that was read and verified, unless it is of no kind that the system takes.

        Raises:
            StoreError: the database fails.
        """
        call = peek_document(row.call, ApplyCall)
        if not self.takes(call) or self._cases.get(application) is not None:
            return False
        base = next((r.fields for r in records if r.header.category == BASE), {})
        told = Applied(
            is_sealed=call.sealed is not None,
            centre=peek_document(call.code, ApplicationCode).iss if call.code else "",
            section=call.section,
            creditor=call.beneficiary_name,
            applicant_name=row.legal_name,
            applicant_code=row.credit_code,
            representative=_text(base, "legal_representative"),
            representative_phone=_text(base, "representative_phone"),
            amount=call.amount,
            nbf=call.nbf,
            exp=call.exp,
        )
        self.calls.add(transaction, SystemCall(application, 0, told))
        self._cases.put(transaction, application, SystemCase(row.number))
        return True

    async def step(self) -> None:
        """Tell what is to be told, and do what has become possible.

        Raises:
            StoreError: the database fails.
        """
        if not self.calls.has_system:
            return
        for application in list(self._cases.over()):
            self._withdraw(application)
        for application in list(self._cases.filed()):
            if self._pauses.is_due(bytes.fromhex(application)):
                self._issue(application)
        for key, sequence in list(self._store.scan(layout.SYSTEM_MOVED)):
            await self._look_at(key, sequence)
        await self.calls.step()

    def _withdraw(self, application: str) -> None:
        """Somebody else has ended the application: the applicant, its time, or people here."""
        row, case = self._guarantor.load(application), self._known(application)
        transaction = Transaction(self._store)
        told = Withdrawn(_WHY[row.stage])  # type: ignore[arg-type]
        applied = self.calls.find(application, 0)
        if applied is None or applied.state in {CallState.OPEN.value, CallState.DONE.value}:
            self.calls.add(transaction, SystemCall(application, 1, told))
        self._cases.put(transaction, application, replace(case, state=CaseState.WITHDRAWN.value))
        transaction.commit()

    # -- what it pushes -----------------------------------------------------------------------------------

    def take(self, push: Push) -> None:
        """Do what the system has decided; the same again changes nothing and is no fault.

        Raises:
            SystemPushError: it does not fit the order, or comes at the wrong time; shown to people.
            NodeError: it cannot be done now; shown to people.
        """
        try:
            match push:
                case Decided():
                    self._decided(push)
                case FilePushed():
                    self._filed(push)
                case SurrenderDecided():
                    self._surrender_decided(push)
        except StoreError:
            raise
        except NodeError as error:
            self._show_problem(push.about, error)
            raise
        self._feed.wake()

    def _decided(self, push: Decided) -> None:
        case, row = self._known(push.about), self._guarantor.load(push.about)
        if case.decided == push:
            return
        if case.state != CaseState.SENT.value:
            raise SystemPushError(f"the order is {case.state} already; a decision is not taken back")
        if row.stage in FREES_CODE | {Stage.ISSUED}:
            raise SystemPushError(f"the application is over: {row.stage.value}")
        check_decision(peek_document(row.call, ApplyCall), push)
        after = replace(case, decided=push, problem="")
        if not push.is_approved:
            over = replace(after, state=CaseState.REFUSED.value)
            self._guarantor.refuse(push.about, push.note, also=lambda t, _: self._put(t, push.about, over))
            return
        if self._guarantor.has_number(push.number):
            raise SystemPushError(f"there is a guarantee {push.number} already")
        self._commit(push.about, replace(after, state=CaseState.APPROVED.value))

    def _filed(self, push: FilePushed) -> None:
        case = self._known(push.about)
        if case.decided is None or not case.decided.is_approved:
            raise SystemPushError(f"the order is {case.state}: the file comes after the approval")
        if case.state == CaseState.WITHDRAWN.value:
            raise SystemPushError("the application is over")
        check_file(case.decided, push)
        if case.sha256:
            if case.sha256 != push.sha256:
                raise SystemPushError("another file came for this guarantee before")
            return
        transaction = Transaction(self._store)
        self._cases.keep_file(transaction, push)
        after = replace(case, state=CaseState.FILED.value, sha256=push.sha256, problem="")
        self._put(transaction, push.about, after)
        transaction.commit()
        self._issue(push.about)

    def _issue(self, application: str) -> None:
        """What the system has approved and filed is issued, as soon as contract and fee, if any, allow it."""
        case, row = self._known(application), self._guarantor.load(application)
        if row.stage not in {Stage.APPLIED, Stage.FEE_PAID} or case.decided is None:
            return
        self._pauses.put_off(bytes.fromhex(application))

        def issued(transaction: Transaction, guarantee: str) -> None:
            after = replace(case, state=CaseState.ISSUED.value, guarantee=guarantee, problem="")
            self._put(transaction, application, after)
            about = {"guarantee": guarantee, "file": case.sha256}
            self._acts.record(transaction, ActKind.SYSTEM_FILE_TAKEN, about)

        try:
            self._guarantor.issue(application, case.decided.number, also=issued)
        except StoreError:
            raise
        except NodeError as error:  # the line, this member's standing, the reservation: people see to it
            self._show_problem(application, error)
        else:
            self._pauses.forget(bytes.fromhex(application))

    def _surrender_decided(self, push: SurrenderDecided) -> None:
        case = self._known(push.about)
        if case.decided is None or not case.guarantee or case.decided.number != push.number:
            raise SystemPushError("there is no such guarantee of this order")
        answer = "agreed" if push.is_agreed else "refused"
        if case.surrender and (case.answer, case.note) == (answer, push.note):
            return
        raw_id = bytes.fromhex(case.guarantee)
        row = self._projection.guarantee(raw_id)
        if row is None or not _asks_surrender(row) or row.sequence != case.surrender:
            raise SystemPushError("no surrender of this guarantee waits for an answer")
        if case.answer:
            raise SystemPushError(f"this surrender is {case.answer} already")
        if not push.is_agreed and not push.note.strip():
            raise SystemPushError("a refusal needs a note")
        transaction = Transaction(self._store)
        self._put(transaction, push.about, replace(case, answer=answer, note=push.note, problem=""))
        self._cases.note_moved(transaction, raw_id, row.sequence)
        about = {"application": push.about, "guarantee": case.guarantee}
        self._feed.add(transaction, FeedEntry(f"system.surrender-{answer}", self._clock.now(), about))
        transaction.commit()

    # -- what follows from the ledger ---------------------------------------------------------------------

    async def _look_at(self, key: bytes, sequence: bytes) -> None:
        """A guarantee of the system's has moved; what its node does not hold yet is waited for."""
        raw_id = key[len(layout.SYSTEM_MOVED) :]
        if not self._pauses.is_due(raw_id):
            return
        self._pauses.put_off(raw_id)
        try:
            await self._follow(raw_id)
        except StoreError:
            raise
        except NodeError as error:
            logger.info("guarantee %s waits: %s", raw_id.hex()[:8], error)
            return
        self._pauses.forget(raw_id)
        transaction = Transaction(self._store)
        if transaction.get(key) == sequence:  # it may have moved again meanwhile
            transaction.delete(key)
            transaction.commit()

    async def _follow(self, raw_id: bytes) -> None:
        found, row = self._cases.of_guarantee(raw_id), self._projection.guarantee(raw_id)
        if found is None:
            return  # erased since
        if row is None:
            raise MissingError("this node reads the ledger anew")
        application, case = found
        number = "" if case.decided is None else case.decided.number
        if not case.is_told_opened and is_sealed(self._guarantor.load(application).guarantee):
            terms = self._views.show(raw_id.hex()).terms
            since = row.since or int(self._clock.now())
            told = Opened(number, since, terms.centre, terms.section, terms.beneficiary_name)
            transaction = Transaction(self._store)
            self.calls.add(transaction, SystemCall(application, 1, told))
            case = replace(case, is_told_opened=True)
            self._put(transaction, application, case)
            transaction.commit()
        if not _asks_surrender(row):
            return
        if case.surrender != row.sequence:
            asked = self._views.show(raw_id.hex()).documents.get(row.document)
            if asked is None:
                raise MissingError("the applicant's document is not here yet")
            surrender = SurrenderAsked(number, row.since, _reason(asked))
            transaction = Transaction(self._store)
            self.calls.add(transaction, SystemCall(application, row.sequence, surrender))
            self._put(transaction, application, replace(case, surrender=row.sequence, answer="", note=""))
            transaction.commit()
        elif case.answer == "agreed":
            says = Reason(case.note[:200] or _AGREED)
            await self._steps.make(raw_id.hex(), Event.AGREE_SURRENDER, says)

    # -- for people ---------------------------------------------------------------------------------------

    def case(self, application: str) -> SystemCase | None:
        """How an application stands at the system, or None if it was never there.

        Raises:
            StoreError: the database fails.
        """
        return self._cases.get(application)

    def cases(self) -> Iterator[tuple[str, SystemCase]]:
        """Applications that are undecided there or still to be issued, then those of which it is to be told more.

        Raises:
            StoreError: the database fails.
        """
        yield from self._cases.undecided()
        for application in dict.fromkeys(kept.call.about for kept in self.calls.unsettled()):
            case = self._cases.get(application)
            if case is not None and CaseState(case.state) not in UNDECIDED:
                yield application, case

    def file(self, application: str) -> SystemFile:
        """The system's own file of a guarantee.

        Raises:
            MissingError: it has pushed none.
            StoreError: the database fails.
        """
        found = self._cases.file(application)
        if found is None:
            raise MissingError("the guarantee system has pushed no file for this application")
        return found

    def retry(self, application: str) -> None:
        """Try again what is parked about an application, or has kept it from being issued.

        Raises:
            MissingError: nothing is parked there.
            StoreError: the database fails.
        """
        case = self._cases.get(application)
        if case is not None and case.state == CaseState.FILED.value:
            self._pauses.forget(bytes.fromhex(application))
            self._issue(application)
            return
        self.calls.retry(application)

    # -- rows -------------------------------------------------------------------------------------------

    def _known(self, application: str) -> SystemCase:
        case = self._cases.get(application)
        if case is None:
            raise SystemPushError("there is no such order")
        return case

    def _put(self, transaction: Transaction, application: str, case: SystemCase) -> None:
        self._cases.put(transaction, application, case)

    def _commit(self, application: str, case: SystemCase) -> None:
        transaction = Transaction(self._store)
        self._put(transaction, application, case)
        transaction.commit()

    def _show_problem(self, application: str, error: NodeError) -> None:
        """For people: on the case if there is one, and in the feed; the same is told once."""
        problem = f"{error.reason}: {error}"[:_MOST_PROBLEM]
        logger.warning("guarantee system, order %s: %s", application[:8], problem)
        case = self._cases.get(application)
        if case is not None and case.problem == problem:
            return
        transaction = Transaction(self._store)
        if case is not None:
            self._put(transaction, application, replace(case, problem=problem))
        about = {"application": application, "reason": error.reason}
        self._feed.add(transaction, FeedEntry("system.problem", self._clock.now(), about))
        transaction.commit()
        self._feed.wake()


def _asks_surrender(row: GuaranteeRow) -> bool:
    return State(row.state) is State.SURRENDER_ASKED


def _reason(token: str) -> str:
    step = peek_step(token)
    says = step.says if isinstance(step, Statement) else None
    return says.reason if isinstance(says, Reason) else ""


def _text(fields: Mapping[str, object], name: str) -> str:
    return str(fields.get(name, ""))
