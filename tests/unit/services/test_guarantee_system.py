"""A bank's own e-guarantee system decides, slow, wrong or away: nothing is lost, done twice, or done falsely."""

import base64
import contextlib
import hashlib
import random
from decimal import Decimal

import msgspec
import pytest

from adapters.banks.trial_system import PDF, Sent, TrialSystem
from node.domain.desk import Stage
from node.domain.document import peek_document
from node.domain.erasure import ErasedLine, part_of_application
from node.domain.guarantee import Guarantee
from node.domain.guarantee_statement import Reason
from node.domain.guarantee_table import Event, State
from node.domain.sealed_guarantee import is_sealed
from node.errors import BankAnswerError, ConflictError, MissingError, NodeError, SystemPushError
from node.services.system_cases import SystemCase
from node.services.traces import Traces
from node.services.transaction import Transaction
from node.wire.bank_manual import DecryptionNotice, OrderStUpdate, SurrenderApply, read_push
from tests.support.world import World
from tests.support.world_bidder import Bidder
from tests.support.world_desk import accept, applied, cancel, grant_line, row, use_rules
from tests.support.world_guarantees import BANK, SECTION, Issued, Tender
from tests.support.world_sealed import NAMES, SealedTender

MANUAL = '[[rules]]\nid = "never"\ncheck = "amount"\nat_most = "1"\nzh = "人工"\nen = "people look"\n'


@pytest.fixture
def system(tender: Tender) -> TrialSystem:
    """The bank's own system, which its node tells and which pushes to it."""
    return connected(tender)


def connected(tender: Tender) -> TrialSystem:
    tender.bank.guarantee_system = system = TrialSystem()
    tender.bank.restart()
    return system


def push(tender: Tender, sent: Sent) -> None:
    tender.bank.services.system_desk.take(read_push(*sent))


def case(tender: Tender, application: str) -> SystemCase:
    found = tender.bank.services.system_desk.case(application)
    assert found is not None
    return found


async def issued(tender: Tender, system: TrialSystem, bidder: Bidder | None = None) -> Issued:
    """A guarantee that the system has decided and filed; final everywhere."""
    bidder = bidder or await tender.bidder()
    application = await applied(tender, bidder)
    push(tender, system.approve(application, "ZX-1"))
    push(tender, system.file(application, "ZX-1"))
    await tender.world.settle()
    return Issued(
        bidder, application, case(tender, application).guarantee, row(tender, application).guarantee
    )


async def test_what_the_system_approves_and_files_is_issued_under_its_number(
    tender: Tender, system: TrialSystem
) -> None:
    application = await applied(tender)
    order = system.order(application)
    terms = tender.terms()
    assert (order.guarantee_type, order.block_number) == ("2", terms.section)
    assert (order.creditor, order.guarantee_amount) == (terms.beneficiary_name, terms.amount)
    assert (order.principal, len(order.principal_scc)) == (row(tender, application).legal_name, 18)
    push(tender, system.approve(application, "ZX-1"))
    assert row(tender, application).stage is Stage.APPLIED, "its file is still to come"
    push(tender, system.file(application, "ZX-1"))
    found = row(tender, application)
    assert (found.stage, peek_document(found.guarantee, Guarantee).number) == (Stage.ISSUED, "ZX-1")
    assert tender.bank.services.system_desk.file(application).content == PDF
    [act] = [one for one in tender.bank.services.acts.newest_first() if one.act == "system-file.taken"]
    assert act.about["file"] == hashlib.sha256(PDF).hexdigest()
    await tender.world.settle()
    assert (
        tender.state(Issued(await tender.bidder(), "", case(tender, application).guarantee, ""))
        is State.ISSUED
    )


async def test_a_refusal_reaches_the_applicant_with_its_note_and_frees_the_code(
    tender: Tender, system: TrialSystem
) -> None:
    bidder = await tender.bidder()
    application = await applied(tender, bidder)
    push(tender, system.refuse(application, "授信不足"))
    found = row(tender, application)
    assert (found.stage, found.refused) == (Stage.REFUSED, "授信不足")
    assert await applied(tender, bidder) != application, "it may apply again"


async def test_rules_decide_first_and_leave_the_rest_to_the_system(
    tender: Tender, system: TrialSystem
) -> None:
    use_rules(tender.bank)
    at_once = await applied(tender)
    assert row(tender, at_once).stage is Stage.ISSUED
    assert system.orders() == []
    use_rules(tender.bank, "issue", MANUAL)
    left = await applied(tender)
    assert system.orders() == [left]
    assert len(await tender.bank.feed("application.referred")) == 1
    assert await tender.bank.feed("application.manual") == []


async def test_a_system_that_is_away_or_answers_late_is_told_once(
    tender: Tender, system: TrialSystem
) -> None:
    system.is_absent = True
    application = await applied(tender)
    system.is_absent, system.is_late = False, True
    await tender.world.settle()
    tender.bank.restart()
    await tender.world.settle()
    [kept] = tender.bank.services.system_desk.calls.unsettled()
    assert (kept.state, bool(kept.problem)) == ("open", True)
    system.is_late = False
    await tender.world.settle()
    assert list(tender.bank.services.system_desk.calls.unsettled()) == []
    assert system.orders() == [application]
    assert len(system.came) > 2


async def test_a_refused_or_false_answer_is_parked_for_a_person(tender: Tender, system: TrialSystem) -> None:
    system.refusing["apply"] = "渠道未开通"
    refused = await applied(tender)
    del system.refusing["apply"]
    system.tamper = lambda told: msgspec.structs.replace(told, order_no="ab" * 32)
    await applied(tender)
    desk = tender.bank.services.system_desk
    problems = {kept.call.about: kept.problem for kept in desk.calls.unsettled() if kept.state == "parked"}
    assert problems[refused] == "1002 渠道未开通"
    assert {problem[:11] for problem in problems.values()} == {"1002 渠道未开通"[:11], "BANK_ANSWER"}
    assert tender.bank.services.status.diagnose(0).guarantees.system_troubles == 2
    came = len(system.came)
    await tender.world.settle()
    assert len(system.came) == came, "a person looks at it first"
    system.tamper = None
    desk.retry(refused)
    await tender.world.settle()
    assert refused in system.orders()
    with pytest.raises(MissingError):
        desk.retry(refused)
    [other] = [about for about in problems if about != refused]
    desk.calls.drop(other)
    acts = [one.act for one in tender.bank.services.acts.newest_first()]
    assert {"system-call.retried", "system-call.dropped"} <= set(acts)


WRONG = {
    "another sum": {"guarantee_amount": "800000.00"},
    "another end": {"guarantee_end_date": "20990101"},
    "another begin": {"guarantee_start_date": "20200101"},
    "no number": {"guarantee_no": " "},
    "no time": {"out_guarantee_time": ""},
    "another order": {"order_no": "ab" * 32},
}


async def test_an_approval_that_does_not_fit_the_order_changes_nothing(
    tender: Tender, system: TrialSystem
) -> None:
    application = await applied(tender)
    for name, changes in WRONG.items():
        with pytest.raises((SystemPushError, BankAnswerError)):
            push(tender, system.approve(application, "ZX-1", **changes))
        found = row(tender, application).stage, case(tender, application).state
        assert found == (Stage.APPLIED, "sent"), name
    push(tender, system.approve(application, "ZX-1"))
    assert (case(tender, application).state, case(tender, application).problem) == ("approved", "")


async def test_a_problem_is_shown_to_people_and_told_once(tender: Tender, system: TrialSystem) -> None:
    application = await applied(tender)
    for _ in range(3):
        with pytest.raises(SystemPushError, match="needs a note"):
            push(tender, system.refuse(application, "  "))
    assert case(tender, application).problem.startswith("SYSTEM_PUSH: a refusal needs a note")
    assert tender.bank.services.status.diagnose(0).guarantees.system_troubles == 1
    assert len(await tender.bank.feed("system.problem")) == 1


async def test_a_decision_is_not_taken_back_and_the_same_again_is_no_fault(
    tender: Tender, system: TrialSystem
) -> None:
    application = await applied(tender)
    approved, filed = system.approve(application, "ZX-1"), system.file(application, "ZX-1")
    for _ in range(2):
        push(tender, approved)
    for wrong in (system.refuse(application), system.approve(application, "ZX-2")):
        with pytest.raises(SystemPushError, match="not taken back"):
            push(tender, wrong)
    for _ in range(2):
        push(tender, filed)
    push(tender, approved)
    with pytest.raises(SystemPushError, match="not taken back"):
        push(tender, system.refuse(application))
    with pytest.raises(SystemPushError, match="another file"):
        push(tender, system.file(application, "ZX-1", PDF + b"more"))
    assert tender.bank.services.system_desk.file(application).content == PDF
    guarantees = [key for key in tender.bank.store.everything() if key.startswith(b"k/")]
    assert len(guarantees) == 1


FALSE_FILES = {
    "another hash": {"sha256": "ab" * 32},
    "another md5": {"md5": "ab" * 16},
    "another number": {"guarantee_no": "ZX-2"},
    "cut off": {"file_content": "JVBERi0="},
    "no base64": {"file_content": "%PDF"},
    "of another kind": {"file_type": "OFD"},
}


async def test_a_false_file_issues_nothing(tender: Tender, system: TrialSystem) -> None:
    application = await applied(tender)
    with pytest.raises(SystemPushError, match="after the approval"):
        push(tender, system.file(application, "ZX-1"))
    push(tender, system.approve(application, "ZX-1"))
    for name, changes in FALSE_FILES.items():
        with pytest.raises((SystemPushError, BankAnswerError)):
            push(tender, system.file(application, "ZX-1", **changes))
        found = row(tender, application).stage, case(tender, application).state
        assert found == (Stage.APPLIED, "approved"), name


async def test_a_number_is_given_once(tender: Tender, system: TrialSystem) -> None:
    await issued(tender, system)
    other = await applied(tender)
    with pytest.raises(SystemPushError, match="already"):
        push(tender, system.approve(other, "ZX-1"))


async def test_a_cancelled_application_is_withdrawn_and_a_late_decision_counts_for_nothing(
    tender: Tender, system: TrialSystem
) -> None:
    bidder = await tender.bidder()
    application = await applied(tender, bidder)
    cancel(tender, bidder, application)
    with pytest.raises(SystemPushError, match="over: cancelled"):
        push(tender, system.approve(application, "ZX-1"))
    system.issued.clear()
    await tender.world.settle()
    told = msgspec.json.decode(system.taken["withdraw", application], type=OrderStUpdate)
    assert (told.order_status, told.reason) == ("取消保函", "cancelled")
    assert case(tender, application).state == "withdrawn"
    with pytest.raises(SystemPushError):
        push(tender, system.file(application, "ZX-1"))
    assert not row(tender, application).guarantee


async def test_a_withdrawal_goes_out_after_the_application_however_long_the_system_was_away(
    tender: Tender, system: TrialSystem
) -> None:
    bidder = await tender.bidder()
    system.is_absent = True
    application = await applied(tender, bidder)
    cancel(tender, bidder, application)
    await tender.world.settle()
    system.is_absent = False
    system.came.clear()
    await tender.world.settle()
    await tender.world.settle()
    assert system.came == ["apply", "withdraw"]


async def test_a_withdrawal_that_crosses_the_approval_is_shown_to_people(
    tender: Tender, system: TrialSystem
) -> None:
    bidder = await tender.bidder()
    application = await applied(tender, bidder)
    push(tender, system.approve(application, "ZX-1"))
    cancel(tender, bidder, application)
    await tender.world.settle()
    [kept] = tender.bank.services.system_desk.calls.unsettled(application)
    assert (kept.call.kind, kept.state, kept.problem) == ("withdraw", "parked", "1004 已开立")


async def test_what_people_decide_meanwhile_is_told_to_the_system(
    tender: Tender, system: TrialSystem
) -> None:
    application = await applied(tender)
    tender.bank.services.guarantor.refuse(application, "本行客户经理意见")
    await tender.world.settle()
    told = msgspec.json.decode(system.taken["withdraw", application], type=OrderStUpdate)
    assert told.reason == "refused"


async def test_an_approval_waits_for_contract_and_fee_where_people_have_offered(
    tender: Tender, system: TrialSystem
) -> None:
    bidder = await tender.bidder()
    application = await applied(tender, bidder)
    desk = tender.bank.services.desk
    desk.offer(application, Decimal(160), "CNY", "", 86_400)
    push(tender, system.approve(application, "ZX-1"))
    push(tender, system.file(application, "ZX-1"))
    accept(tender, bidder, application)
    await tender.world.settle()
    assert row(tender, application).stage is Stage.ACCEPTED
    desk.confirm_fee(application, "T-1")
    await tender.world.settle()
    assert row(tender, application).stage is Stage.ISSUED


async def test_an_issue_that_cannot_be_made_now_is_kept_and_made_later(
    tender: Tender, system: TrialSystem
) -> None:
    bidder = await tender.bidder()
    application = await applied(tender, bidder)
    grant_line(tender, bidder, "100")
    push(tender, system.approve(application, "ZX-1"))
    push(tender, system.file(application, "ZX-1"))
    assert (case(tender, application).state, case(tender, application).problem[:4]) == ("filed", "LINE")
    tender.bank.restart()
    grant_line(tender, bidder, "200000")
    await tender.world.settle()
    assert row(tender, application).stage is Stage.ISSUED


async def test_what_it_does_not_take_is_left_to_people(tender: Tender, system: TrialSystem) -> None:
    for terms in ({"guarantee_kind": "performance"}, {"currency": "USD"}):
        application = await applied(tender, **terms)
        assert system.orders() == []
        assert tender.bank.services.system_desk.case(application) is None


async def test_what_is_said_and_pushed_lies_sealed(tender: Tender, system: TrialSystem) -> None:
    application = await applied(tender)
    push(tender, system.approve(application, "ZX-1"))
    name = row(tender, application).legal_name.encode()
    await issued(tender, TrialSystem(system.taken))
    rows = {key: value for key, value in tender.bank.store.everything().items() if key[:1] == b"m"}
    assert {key[:3] for key in rows} >= {b"mc/", b"ms/", b"mf/"}
    for value in rows.values():
        assert name not in value
        assert b"ZX-1" not in value
        assert b"%PDF" not in value


async def test_what_was_left_to_people_can_be_handed_over(tender: Tender, system: TrialSystem) -> None:
    tender.bank.guarantee_system = None
    tender.bank.restart()
    use_rules(tender.bank, "issue", MANUAL)
    application = await applied(tender)
    assert len(await tender.bank.feed("application.manual")) == 1
    with pytest.raises(ConflictError):
        await tender.bank.services.desk.refer(application)
    tender.bank.guarantee_system = system
    tender.bank.restart()
    await tender.world.settle()
    await tender.bank.services.desk.refer(application)
    with pytest.raises(ConflictError):
        await tender.bank.services.desk.refer(application)
    await tender.world.settle()
    assert system.orders() == [application]


async def test_an_erased_application_leaves_nothing_of_what_the_system_was_told(
    tender: Tender, system: TrialSystem
) -> None:
    bidder = await tender.bidder()
    application, other = await applied(tender, bidder), await applied(tender)
    push(tender, system.approve(application, "ZX-1"))
    bank = tender.bank
    traces = Traces(bank.store, bank.services.vault, bank.services.parking, bank.name)
    line = ErasedLine(
        number=1,
        previous="0" * 64,
        at=0,
        owner=bidder.subject,
        whole=False,
        parts=(part_of_application(application),),
        held={},
        request="",
    )
    transaction = Transaction(bank.store)
    traces.remove(transaction, line)
    transaction.commit()
    raw = bytes.fromhex(application)
    assert not [
        key for key in bank.store.everything() if key.startswith((b"mc/", b"ms/", b"mu/")) and raw in key
    ]
    await tender.world.settle()
    with pytest.raises(SystemPushError, match="no such order"):
        push(tender, system.file(application, "ZX-1"))
    assert case(tender, other).state == "sent"


@pytest.mark.parametrize("seed", range(2))
async def test_whatever_comes_in_whatever_order_one_word_is_done_once(seed: int) -> None:
    """Decisions, files, people and applicants at odds, a system that comes and goes, and restarts."""
    chance = random.Random(seed)
    with World(("hangzhou", "nanjing"), guarantors=[BANK]) as world:
        await world.settle()
        tender = Tender(world)
        system = connected(tender)
        bidders = [await tender.bidder() for _ in range(3)]
        orders = {await applied(tender, bidder): bidder for bidder in bidders}
        ended: dict[str, Stage] = {}
        for _ in range(40):
            order = chance.choice(list(orders))
            move = chance.choice(
                ("approve", "approve", "refuse", "file", "file", "cancel", "people", "away", "turn")
            )
            number = chance.choice(("ZX-1", "ZX-2", f"ZX-{order[:6]}"))
            with contextlib.suppress(NodeError):
                match move:
                    case "approve":
                        push(tender, system.approve(order, number))
                    case "refuse":
                        push(tender, system.refuse(order))
                    case "file":
                        content = chance.choice((PDF, PDF + b"other"))
                        push(tender, system.file(order, number, content))
                    case "cancel" if chance.random() < 0.3:
                        cancel(tender, orders[order], order)
                    case "people" if chance.random() < 0.3:
                        tender.bank.services.guarantor.refuse(order, "人工")
                    case "away":
                        system.is_absent = not system.is_absent
                    case "turn":
                        tender.bank.restart()
                        await world.settle()
            for one in orders:
                found = row(tender, one)
                assert ended.setdefault(one, found.stage) == found.stage or ended[one] is Stage.APPLIED
                ended[one] = found.stage
                assert (found.stage is Stage.ISSUED) == (case(tender, one).state == "issued")
        system.is_absent = False
        await world.settle()
        await world.settle()
        documents = [row(tender, one).guarantee for one in orders]
        numbers = [peek_document(token, Guarantee).number for token in documents if token]
        assert len(set(numbers)) == len(numbers)
        withdrawn = {order for kind, order in system.taken if kind == "withdraw"}
        for one in orders:
            state, stage = case(tender, one).state, row(tender, one).stage
            assert (state == "withdrawn") == (
                stage in {Stage.CANCELLED, Stage.REFUSED} and state != "refused"
            )
            assert one not in withdrawn or state == "withdrawn"


async def test_an_archive_holds_what_was_told_and_pushed(tender: Tender, system: TrialSystem) -> None:
    await issued(tender, system)
    bank = tender.bank
    files = bank.services.archiving.files(b"{}", lambda raw: raw, bank.services.log.size())
    held = {path.partition("/")[0]: raw for path, raw in files if path.startswith("system-")}
    assert set(held) == {"system-calls", "system-cases", "system-files"}
    assert b"ZX-1" in held["system-cases"]
    assert base64.b64encode(PDF) in held["system-files"]


# -- after the issue --------------------------------------------------------------------------------------------


async def asked(tender: Tender, guarantee: Issued) -> None:
    await tender.step(guarantee, Event.ASK_SURRENDER, Reason("项目取消"))
    await tender.world.settle()


async def test_the_systems_answer_to_a_surrender_is_stated_by_the_guarantor(
    tender: Tender, system: TrialSystem
) -> None:
    guarantee = await issued(tender, system)
    with pytest.raises(SystemPushError, match="no surrender"):
        push(tender, system.surrender(guarantee.application, "ZX-1"))
    await asked(tender, guarantee)
    [told] = [data for key, data in system.taken.items() if key[0] == "surrender"]
    wanted = msgspec.json.decode(told, type=SurrenderApply)
    assert (wanted.guarantee_no, wanted.surrender_reason) == ("ZX-1", "项目取消")
    with pytest.raises(SystemPushError, match="no such guarantee"):
        push(tender, system.surrender(guarantee.application, "ZX-2"))
    for _ in range(2):
        push(tender, system.surrender(guarantee.application, "ZX-1"))
        await tender.world.settle()
    assert tender.state(guarantee) is State.SURRENDER_AGREED
    with pytest.raises(SystemPushError):
        push(tender, system.surrender(guarantee.application, "ZX-1", "0", "后悔"))


async def test_a_refused_surrender_leaves_the_guarantee_and_another_may_be_asked(
    tender: Tender, system: TrialSystem
) -> None:
    guarantee = await issued(tender, system)
    await asked(tender, guarantee)
    with pytest.raises(SystemPushError, match="needs a note"):
        push(tender, system.surrender(guarantee.application, "ZX-1", "0"))
    push(tender, system.surrender(guarantee.application, "ZX-1", "0", "保费已结清"))
    await tender.world.settle()
    assert tender.state(guarantee) is State.SURRENDER_ASKED
    assert len(await tender.bank.feed("system.surrender-refused")) == 1
    await tender.step(guarantee, Event.REFUSE, Reason("仍需担保"))
    await tender.world.settle()
    await asked(tender, guarantee)
    assert len([key for key in system.taken if key[0] == "surrender"]) == 2
    push(tender, system.surrender(guarantee.application, "ZX-1"))
    await tender.world.settle()
    assert tender.state(guarantee) is State.SURRENDER_AGREED


async def test_a_sealed_order_names_no_tender_and_is_told_of_it_after_the_opening() -> None:
    with World(NAMES, guarantors=[BANK], reserves=True) as world:
        sealed = await SealedTender(world).announce()
        tender, bidder = sealed.tender, await sealed.tender.bidder()
        system = connected(tender)
        plan = sealed.begin(bidder, sealed.plan(bidder))
        sealed.reserve(bidder, plan)
        sealed.grant(bidder, tender.bank)
        await world.settle()
        plan = sealed.apply(bidder, plan)
        await world.settle()
        order = system.order(plan.application)
        assert (order.guarantee_type, order.center_name, order.block_number, order.creditor) == (
            "1",
            "",
            "",
            "",
        )
        told = system.taken["apply", plan.application]
        for secret in (SECTION, tender.terms().beneficiary_name, tender.centre.name):
            assert secret not in told
        push(tender, system.approve(plan.application, "MW-1"))
        push(tender, system.file(plan.application, "MW-1"))
        assert is_sealed(row(tender, plan.application).guarantee)
        await world.settle()
        bid = sealed.seal(bidder, sealed.collect(bidder, plan))
        await sealed.open()
        [revealed] = await sealed.reveal(bid)
        await world.settle()
        for _ in range(3):
            await world.settle()
        notice = msgspec.json.decode(system.taken["opened", plan.application], type=DecryptionNotice)
        assert (notice.guarantee_no, notice.block_number) == ("MW-1", SECTION)
        assert (notice.creditor, notice.center_name) == (tender.terms().beneficiary_name, tender.centre.name)
        assert system.came.count("opened") == 1
        assert revealed


def test_an_unknown_order_is_refused(tender: Tender, system: TrialSystem) -> None:
    with pytest.raises(NodeError, match="no such order"):
        push(tender, system.refuse("ab" * 32))
