"""A guarantee over real gRPC: code, application, assessment, issue, check, release, and the refusals on the way."""

import asyncio
import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime

import grpc
import pytest
import pytest_asyncio
from heqi.v1 import desk_service_pb2 as desk_pb
from heqi.v1 import desk_service_pb2_grpc, exchange_service_pb2, opening_service_pb2_grpc
from heqi.v1 import guarantee_service_pb2 as pb
from heqi.v1 import opening_service_pb2 as opening_pb

from node.cli.main import main
from node.domain.descriptor import founders_of
from node.domain.document import document_digest, peek_document
from node.domain.grant import Grant
from node.domain.opening import OpeningNotice, open_terms, parse_sealed_file
from node.errors import GrantMissingError, PeerError
from node.wallet.applying import apply_once
from node.wallet.client import WalletClient
from node.wallet.documents import Scribe
from node.wallet.folder import WalletFolder, WalletState, create_wallet, open_wallet, write_state
from node.wallet.guarantees import NEEDED_SCOPE, PURPOSE, GuaranteeScribe, Terms, unmoved
from node.wallet.keyfile import WalletKey, new_wallet_key
from node.wallet.sealed_plans import SealedPlans
from node.wallet.waivers import Tender as WaivedTender
from node.wallet.waivers import sign_waiver
from node.wire.status import from_rpc_error
from tests.support.network import Stubs, open_network, until
from tests.support.network_bidder import FIELDS, Bidder, settled
from tests.support.world_desk import RULES
from tests.support.world_evaluations import EVALUATOR, SCALE, graded_fields
from tests.support.world_records import incoming

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOME, CENTRE, THIRD = "centre-a", "centre-b", "centre-c"
BANK = "bank-d"
SECTION = "GC-2026-001/1"
DAY = 86_400
Verdict = pb.CheckGuaranteeResponse.Verdict


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def network(tmp_path_factory):
    async with open_network(tmp_path_factory.mktemp("network"), guarantors=(BANK,)) as running:
        yield running


@dataclass
class Case:
    """One bidder's guarantee and its beneficiary."""

    bidder: Bidder
    beneficiary: WalletKey
    application: str = ""

    @property
    def writer(self) -> GuaranteeScribe:
        return GuaranteeScribe(self.bidder.scribe)

    @property
    def releasing(self) -> GuaranteeScribe:
        return GuaranteeScribe(Scribe(self.beneficiary, self.bidder.network.descriptor, ""))

    async def code(self, centre: str = CENTRE, section: str = SECTION) -> str:
        asked = self.writer.ask_code(centre, section, self.bidder.delegation())
        return await self.bidder.at(centre, "application_code", asked)

    async def apply(self, at: str = BANK, **changes: object) -> str:
        scribe, now = self.bidder.scribe, int(time.time())
        grant = scribe.grant_unasked(at, HOME, NEEDED_SCOPE, PURPOSE, uses=3, expires=now + 30 * DAY)
        await self.bidder.at(HOME, "give_grant", scribe.give(HOME, grant))
        terms = {
            "beneficiary_name": "虚构区住房和城乡建设局",
            "beneficiary_key": self.beneficiary.beneficiary_key(SECTION).public_key.hex(),
            "section": SECTION,
            "guarantee_kind": "bid",
            "amount": "80000.00",
            "currency": "CNY",
            "nbf": now,
            "exp": now + 90 * DAY,
            **changes,
        }
        return await self.bidder.at(
            at,
            "apply",
            self.writer.apply(at, await self.code(section=terms["section"]), grant, Terms(**terms)),
        )

    async def told(self) -> tuple[str, str, str]:
        """What the bank tells the applicant's wallet: state, reason of refusal, document."""
        [row] = await self.bidder.at(BANK, "applications", lambda: self.writer.applications(BANK))
        return row.state, row.refusal_reason, row.guarantee


async def new_case(network, number: int) -> Case:
    bidder = Bidder(network, number)
    await bidder.register(HOME)
    await settled(bidder)
    case = Case(bidder, new_wallet_key())
    case.application = await case.apply()
    return case


async def operate(network, member, method, request, *, certificate=None):
    """A call by a member's own systems."""
    node = network[member]
    connection = node.operator_channel() if certificate is None else network[certificate].member_channel(node)
    async with connection:
        try:
            return await getattr(Stubs(connection).guarantees, method)(request)
        except Exception as error:
            raise from_rpc_error(error, member) from error


async def refusal(call) -> str:
    """The reason of a call's refusal, as it came over the wire."""
    try:
        await call
    except Exception as error:
        return getattr(error, "reason", repr(error))
    return ""


async def assess(network, application):
    deadline = time.monotonic() + 10
    while True:
        try:
            request = pb.AssessApplicationRequest(application_id=application)
            return await operate(network, BANK, "AssessApplication", request)
        except GrantMissingError:  # the ledger does not have the grant yet
            assert time.monotonic() < deadline, "waited in vain"
            await asyncio.sleep(0.05)


async def check(network, member, **by):
    return await operate(network, member, "CheckGuarantee", pb.CheckGuaranteeRequest(**by))


async def issue(network, case, number):
    request = pb.IssueGuaranteeRequest(application_id=case.application, number=number)
    return (await operate(network, BANK, "IssueGuarantee", request)).guarantee_id


async def test_a_guarantee_from_the_code_to_the_release(network):
    case = await new_case(network, 41)
    assert await case.told() == ("received", "", "")
    assert len((await assess(network, case.application)).records) == 1
    assert await case.told() == ("received", "", ""), "how far the bank has looked is its business"
    guarantee = await issue(network, case, "BH-41")
    state, _, document = await case.told()
    assert state == "issued"

    raw = bytes.fromhex(guarantee)
    nodes = network.centres.values()
    await until(lambda: all(node.services.projection.guarantee(raw) for node in nodes))
    shown = await check(network, CENTRE, file=document)
    assert (shown.verdict, shown.guarantee_id) == (Verdict.VERDICT_VALID, guarantee)
    assert (shown.terms.applicant_name, shown.terms.applicant_code) == (
        FIELDS["legal_name"],
        case.bidder.code,
    )
    assert (shown.terms.guarantor, shown.terms.number, shown.terms.amount) == (BANK, "BH-41", "80000.00")
    assert shown.expire_time_seconds == shown.terms.end_time_seconds
    assert shown.terms.centre == CENTRE
    by_number = {"guarantor": BANK, "number": "BH-41"}
    assert (await check(network, CENTRE, number=by_number)).terms == shown.terms

    unseen = await check(network, THIRD, guarantee_id=guarantee)
    assert unseen.verdict == Verdict.VERDICT_ISSUED
    assert not unseen.HasField("terms")
    assert (await check(network, THIRD, number=by_number)).verdict == Verdict.VERDICT_UNKNOWN

    with WalletClient(network[CENTRE].member) as client:
        release = case.releasing.release(
            CENTRE, unmoved(document), network[BANK].member, "the tender is over"
        )
        network.chain.is_down = True  # the first stays on its way until the second has come
        taken = await asyncio.to_thread(client.release_guarantee, release)
        assert (taken.guarantee_id, taken.was_under_way) == (guarantee, False)
        again = case.releasing.release(CENTRE, unmoved(document), network[BANK].member, "pressed twice")
        taken = await asyncio.to_thread(client.release_guarantee, again)
        assert (taken.guarantee_id, taken.was_under_way) == (guarantee, True)
        network.chain.is_down = False
    await until(lambda: all(node.services.projection.guarantee(raw).sequence == 2 for node in nodes))
    for member in network.centres:
        assert (await check(network, member, file=document)).verdict == Verdict.VERDICT_RELEASED


async def test_a_refused_applicant_is_told_why_and_can_apply_again(network):
    case = await new_case(network, 42)
    assert await refusal(case.apply()) == "DUPLICATE"
    for reason, expected in (("", "DOCUMENT_FORMAT"), ("no line left", ""), ("again", "CONFLICT")):
        request = pb.RefuseApplicationRequest(application_id=case.application, reason=reason)
        assert await refusal(operate(network, BANK, "RefuseApplication", request)) == expected
    assert await case.told() == ("refused", "no line left", "")
    assert await case.apply() != case.application
    listed = await operate(network, BANK, "ListApplications", pb.ListApplicationsRequest())
    states = [row.state for row in listed.applications if row.subject_id == case.bidder.subject]
    assert sorted(states) == ["received", "refused"]


async def test_a_lost_answer_costs_no_second_grant_and_no_second_application(network, tmp_path, monkeypatch):
    """The wallet is told nothing the first time; it sends the same again, and then something else."""
    bidder = Bidder(network, 44)
    await bidder.register(HOME)
    await settled(bidder)
    case = Case(bidder, new_wallet_key())
    wallet = WalletFolder(tmp_path, WalletState(HOME, bidder.subject), network.descriptor)
    real = WalletClient.apply

    def apply(amount: str) -> str:
        now = int(time.time())
        asked = (case.beneficiary.beneficiary_key(SECTION).public_key.hex(), SECTION, "bid", amount, "CNY")
        terms = Terms("虚构区住房和城乡建设局", *asked, now, now + 90 * DAY)
        with WalletClient(network[HOME].member) as home, WalletClient(network[BANK].member) as bank:
            return apply_once(wallet, case.writer, home, bank, code, terms)

    def deaf(client: WalletClient, signed: str) -> str:
        real(client, signed)
        raise PeerError("the answer was lost")

    code = await case.code()
    monkeypatch.setattr(WalletClient, "apply", deaf)
    for _ in range(2):
        with pytest.raises(PeerError):
            await asyncio.to_thread(apply, "80000.00")
    monkeypatch.setattr(WalletClient, "apply", real)
    code = await case.code()  # another copy of it
    application = await asyncio.to_thread(apply, "80000.00")
    assert len(wallet.grants()) == 1
    assert len((await bidder.status(HOME)).grants) == 1
    [row] = await bidder.at(BANK, "applications", lambda: case.writer.applications(BANK))
    assert row.application_id == application
    assert await refusal(asyncio.to_thread(apply, "90000.00")) == "DUPLICATE"
    assert await refusal(asyncio.to_thread(apply, "90000.00")) == "DUPLICATE"
    assert len(wallet.grants()) == 2, "one for each thing that was applied for"


async def test_lists_of_applications_come_in_pages(network):
    """The desk's and the wallet's own."""
    case = await new_case(network, 45)
    for section in ("S-1", "S-2"):
        await case.apply(section=section)
    ids, token = [], ""
    while True:
        request = pb.ListApplicationsRequest(page_size=1, page_token=token)
        page = await operate(network, BANK, "ListApplications", request)
        assert len(page.applications) == 1
        ids += [row.application_id for row in page.applications if row.subject_id == case.bidder.subject]
        if not (token := page.next_page_token):
            break
    assert len(ids) == 3
    with WalletClient(network[BANK].member) as client:
        own = await asyncio.to_thread(client.applications, lambda: case.writer.applications(BANK), 2)
    assert [row.application_id for row in own] == ids
    for request in (
        pb.ListApplicationsRequest(page_token="; drop"),
        pb.ListApplicationsRequest(page_size=-1),
    ):
        assert await refusal(operate(network, BANK, "ListApplications", request)) == "INVALID"


async def test_what_is_not_acceptable_is_refused_by_its_reason(network):
    case = await new_case(network, 43)
    assert await refusal(issue(network, case, "BH-43")) == "CONFLICT", "nothing was read yet"
    assert await refusal(case.code(BANK)) == "ROLE_MISSING"
    assert await refusal(case.apply(CENTRE)) == "ROLE_MISSING"
    assert await refusal(case.apply(amount="8万")) == "DOCUMENT_FORMAT"
    assert await refusal(case.bidder.at(BANK, "apply", "no document")) == "DOCUMENT_FORMAT"
    await assess(network, case.application)
    await issue(network, case, "BH-43")
    assert await refusal(issue(network, case, "BH-43-2")) == "CONFLICT", "it is decided"
    _, _, document = await case.told()
    stolen = case.releasing.sign_release(CENTRE, unmoved(document), case.bidder.key, "mine")
    assert await refusal(case.bidder.at(CENTRE, "release_guarantee", stolen)) == "ROLE_MISSING"
    asked = case.writer.ask_code(CENTRE, SECTION, case.bidder.delegation())
    await case.bidder.at(CENTRE, "application_code", asked)
    assert await refusal(case.bidder.at(CENTRE, "application_code", asked)) == "REPLAY"


@pytest.mark.parametrize(
    ("method", "request_", "reason"),
    [
        ("CheckGuarantee", pb.CheckGuaranteeRequest(), "INVALID"),
        ("CheckGuarantee", pb.CheckGuaranteeRequest(guarantee_id="AB" * 32), "CODE_FORMAT"),
        ("GetGuaranteeLife", pb.GetGuaranteeLifeRequest(guarantee_id="ab" * 32), "NOT_FOUND"),
        ("StepGuarantee", pb.StepGuaranteeRequest(guarantee_id="ab" * 32, event="STEAL"), "INVALID"),
        ("AssessApplication", pb.AssessApplicationRequest(application_id="1"), "CODE_FORMAT"),
        ("AssessApplication", pb.AssessApplicationRequest(application_id="ab" * 32), "NOT_FOUND"),
        ("IssueGuarantee", pb.IssueGuaranteeRequest(application_id="ab" * 32, number="1"), "NOT_FOUND"),
        (
            "RefuseApplication",
            pb.RefuseApplicationRequest(application_id="ab" * 32, reason="no"),
            "NOT_FOUND",
        ),
    ],
)
async def test_a_request_about_nothing_is_refused_by_its_reason(network, method, request_, reason):
    assert await refusal(operate(network, BANK, method, request_)) == reason


async def test_a_false_file_is_an_answer_and_no_error(network):
    for file in ("保函", "a.b.c"):
        answer = await check(network, CENTRE, file=file)
        assert (answer.verdict, answer.guarantee_id) == (Verdict.VERDICT_FALSE, "")
        assert answer.reason


@pytest.mark.parametrize(
    ("method", "request_"),
    [
        ("CheckGuarantee", pb.CheckGuaranteeRequest(guarantee_id="ab" * 32)),
        ("ListApplications", pb.ListApplicationsRequest()),
        ("IssueGuarantee", pb.IssueGuaranteeRequest(application_id="ab" * 32, number="1")),
    ],
)
async def test_another_member_has_nothing_to_ask_at_the_banks_desk(network, method, request_):
    call = operate(network, BANK, method, request_, certificate=CENTRE)
    assert await refusal(call) == "ROLE_MISSING"


async def test_a_batch_is_answered_item_by_item_and_then_as_a_whole(network):
    section = pb.SectionTerms(
        section=SECTION, demanded_amount="1", bidders=[pb.ListedBidder(credit_code="91310000132269406T")]
    )
    files = ("nonsense", "", "nonsense")
    shown = [pb.ShownGuarantee(guarantee=pb.CheckGuaranteeRequest(file=file)) for file in files]
    unnamed = pb.ShownGuarantee(bidder_code="91310000132269406T")
    requests = [
        pb.CheckGuaranteesRequest(section=section),
        *(pb.CheckGuaranteesRequest(shown=one) for one in (*shown, unnamed)),
    ]
    *items, last = await batch(network, requests)
    assert [one.item.number for one in items] == [0, 1, 2, 3]
    assert [finding.fault for one in items for finding in one.item.findings] == [
        *["NOT_VALID"] * 3,
        "UNREADABLE",
    ]
    assert (last.summary.count, last.summary.valid_count, last.summary.faulty_count) == (4, 0, 4)
    assert [(one.fault, one.expected) for one in last.summary.findings] == [
        ("WITHOUT_SECURITY", "bid"),
        ("NOT_COMPARED", "beneficiary"),
    ]
    for wrong in ([], requests[1:2], [requests[0], requests[0]]):
        assert await refusal(batch(network, wrong)) == "INVALID", wrong
    for changes in ({"section": ""}, {"demanded_amount": "1e3"}, {"guarantee_kind": "x"}, {"bidders": [{}]}):
        terms = pb.SectionTerms(**{"section": SECTION, **changes})
        assert await refusal(batch(network, [pb.CheckGuaranteesRequest(section=terms)])) == "INVALID"


async def batch(network, requests):
    node = network[CENTRE]
    async with node.operator_channel() as connection:
        try:
            return [one async for one in Stubs(connection).guarantees.CheckGuarantees(iter(requests))]
        except Exception as error:
            raise from_rpc_error(error, CENTRE) from error


# -- the desk between application and issue ------------------------------------------------------------------


async def at_desk(network, method, **fields):
    async with network[BANK].operator_channel() as connection:
        stub = desk_service_pb2_grpc.DeskServiceStub(connection)
        try:
            return await getattr(stub, method)(getattr(desk_pb, f"{method}Request")(**fields))
        except Exception as error:
            raise from_rpc_error(error, BANK) from error


async def test_offer_contract_fee_and_line_over_the_wire(network):
    case = await new_case(network, 441)
    application = case.application
    await assess(network, application)
    until = int(time.time()) + 300 * DAY
    line = await at_desk(
        network, "GrantLine", basis=application, currency="CNY", limit="90000", end_time_seconds=until
    )
    assert line.line.subject_id == case.bidder.scribe.subject
    await at_desk(
        network, "OfferGuarantee", application_id=application, fee="160", currency="CNY", valid_seconds=DAY
    )
    bank = founders_of(network.descriptor)[BANK]
    [row] = await case.bidder.at(BANK, "applications", lambda: case.writer.applications(BANK))
    assert case.writer.open_offer(row.offer, bank, application).fee == "160"
    state = await case.bidder.at(BANK, "accept_offer", case.writer.accept(BANK, application, row.offer))
    assert state == "accepted"
    assert await refusal(issue(network, case, "BH-441")) == "CONFLICT"
    await at_desk(network, "ConfirmFee", application_id=application, reference="T-41")
    await issue(network, case, "BH-441")
    found = await at_desk(network, "GetApplication", application_id=application)
    assert (found.state, found.fee_reference) == ("issued", "T-41")
    told = case.writer.open_line(await case.bidder.at(BANK, "line", case.writer.ask_line(BANK)), bank)
    assert (told.limit, told.used) == ("90000", "80000")
    frozen = await at_desk(
        network,
        "ChangeLine",
        subject_id=case.bidder.scribe.subject,
        change=desk_pb.ChangeLineRequest.CHANGE_FREEZE,
    )
    assert (frozen.line.status, frozen.line.free) == ("frozen", "10000")
    shown = await at_desk(network, "GetCreditLine", subject_id=case.bidder.scribe.subject)
    assert shown.line == frozen.line
    assert await refusal(
        case.bidder.at(BANK, "cancel_application", case.writer.cancel(BANK, application))
    ) == ("CONFLICT")


async def test_asking_for_more_and_cancelling_over_the_wire(network):
    case = await new_case(network, 442)
    await at_desk(network, "AskApplicant", application_id=case.application, needs="注册资本")
    [row] = await case.bidder.at(BANK, "applications", lambda: case.writer.applications(BANK))
    assert (row.state, row.needs) == ("need-info", "注册资本")
    await case.bidder.at(BANK, "cancel_application", case.writer.cancel(BANK, case.application))
    [row] = await case.bidder.at(BANK, "applications", lambda: case.writer.applications(BANK))
    assert row.state == "cancelled"
    listed = await operate(network, BANK, "ListApplications", pb.ListApplicationsRequest(open_only=True))
    assert case.application not in {one.application_id for one in listed.applications}


async def test_rules_are_asked_for_and_tried_over_the_wire(network):
    assert (await at_desk(network, "GetRules")).rules_digest == ""
    assert await refusal(at_desk(network, "LoadRules")) == "NOT_FOUND"
    assert await refusal(at_desk(network, "CheckRules", rules=b"x")) == "RULES_FORMAT"
    rules = RULES.format(outcome="issue").encode()
    case = await new_case(network, 443)
    await assess(network, case.application)
    tried = await at_desk(network, "CheckRules", rules=rules, application_id=case.application)
    assert tried.decision.outcome == "manual"
    assert [one.verdict for one in tried.decision.findings] == ["HOLDS", "HOLDS", "UNKNOWN", "HOLDS"]
    assert list((await at_desk(network, "ListBankOrders")).orders) == []
    assert await refusal(at_desk(network, "DecideBankOrder", order_id="ab" * 32)) == "INVALID"
    drop = desk_pb.DecideBankOrderRequest.DECISION_DROP
    unknown = at_desk(network, "DecideBankOrder", order_id="ab" * 32, decision=drop)
    assert await refusal(unknown) == "NOT_FOUND"
    assert await refusal(at_desk(network, "GetCreditLine", subject_id="ab" * 32)) == "NOT_FOUND"
    assert await refusal(at_desk(network, "ChangeLine", subject_id="ab" * 32)) == "INVALID"


async def opening(network, method, **fields):
    """A call of the tender centre's own systems."""
    node = network[CENTRE]
    async with node.operator_channel() as connection:
        stub = opening_service_pb2_grpc.OpeningServiceStub(connection)
        try:
            return await getattr(stub, method)(getattr(opening_pb, f"{method}Request")(**fields))
        except Exception as error:
            raise from_rpc_error(error, CENTRE) from error


async def test_an_opening_is_announced_and_put_off_and_nothing_opens_before_its_moment(network):
    now, holders = int(time.time()), (HOME, THIRD)
    announced = await opening(
        network, "AnnounceOpening", section=SECTION, open_time_seconds=now + DAY, holders=holders, threshold=2
    )
    papers = open_terms(announced.opening_terms, lambda name: network[name].member)
    assert papers.id.hex() == announced.opening_id
    state = lambda: opening(network, "ListOpenings")  # noqa: E731
    while (listed := (await state()).openings)[0].state != "announced":
        await asyncio.sleep(0.05)
    assert (listed[0].section, listed[0].open_time_seconds) == (SECTION, now + DAY)

    bid = opening_pb.SealedBid(sealed_file=b"whatever", bidder_code="")
    early = opening(network, "RevealGuarantees", opening_id=announced.opening_id, bids=[bid])
    assert await refusal(early) == "CONFLICT"
    assert await refusal(opening(network, "OpenTender", opening_id=announced.opening_id)) == "CONFLICT"
    asked = network[CENTRE].member_channel(network[HOME])
    async with asked:
        for request in ("", announced.opening_terms):
            shares = exchange_service_pb2.ReleaseSharesRequest(share_request=request)
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await Stubs(asked).exchange.ReleaseShares(shares)
            assert refused.value.code() is grpc.StatusCode.NOT_FOUND
    notice = await opening(
        network,
        "PostponeOpening",
        opening_id=announced.opening_id,
        open_time_seconds=now + 2 * DAY,
        reason="an addendum",
    )
    assert peek_document(notice.opening_notice, OpeningNotice).opens == now + 2 * DAY


async def run_commands(*argvs):
    """Commands as a user gives them, in a thread, because they block; each one must succeed."""
    for argv in argvs:
        code = await asyncio.to_thread(main, [str(one) for one in argv])
        assert code in {0, None}, argv


async def test_the_commands_of_a_sealed_guarantee(network, tmp_path, capsys):
    passphrase, folder = tmp_path / "passphrase", tmp_path / "wallet"
    passphrase.write_text("correct horse battery staple")
    secret = passphrase.read_bytes()
    bidder = Bidder(network, 48)
    bidder.key = create_wallet(folder, network.alliance_file.read_bytes(), HOME, secret)
    (folder / "delegation.jwt").write_text(bidder.delegation())
    await bidder.register(HOME)
    await settled(bidder)
    write_state(folder, WalletState(HOME, bidder.subject))
    (folder / "cards").mkdir()
    (folder / "cards" / "bank.jwt").write_text((network[BANK].home / "card.jwt").read_text())
    home, terms, sealed = network[CENTRE].home, tmp_path / "opening.jwt", tmp_path / "bid.sealed"
    section, soon = "GC-2026-003/1", datetime.fromtimestamp(time.time() + DAY, UTC).isoformat()
    later = datetime.fromtimestamp(time.time() + 2 * DAY, UTC).isoformat()
    own = ("--wallet", folder, "--passphrase-file", passphrase)
    await run_commands(
        ("opening", "announce", "--home", home, "--section", section, "--at", soon, "--holder", HOME,
         "--holder", THIRD, "--threshold", "2", "--out", terms, "--json"),
        ("wallet", "prepare", *own, "--guarantor", BANK),
    )  # fmt: skip
    announced = json.loads(capsys.readouterr().out.partition("}")[0] + "}")["opening"]
    public = new_wallet_key().beneficiary_key(section).public_key.hex()
    apply = ("wallet", "apply", "--sealed", *own, "--guarantor", BANK, "--centre", CENTRE, "--section", section,
             "--amount", "90000.00", "--beneficiary-name", "示例局", "--beneficiary-key", public)  # fmt: skip
    assert await asyncio.to_thread(main, [str(one) for one in apply]) == 1, "the batch is yet to come"
    network[CENTRE].services.reserving.send_batch()
    while await asyncio.to_thread(main, [str(one) for one in apply]) != 0:
        await asyncio.sleep(0.2)
    plans = SealedPlans(open_wallet(folder))
    assert peek_document(plans.grant_for(BANK, int(time.time())), Grant).uses == 100, (
        "the grant of long before"
    )
    application = plans.load(section).application
    await assess(network, application)
    issued = pb.IssueGuaranteeRequest(application_id=application, number="MW-48")
    await operate(network, BANK, "IssueGuarantee", issued)
    [row] = await bidder.at(BANK, "applications", lambda: GuaranteeScribe(bidder.scribe).applications(BANK))
    assert (row.state, row.guarantee) == ("issued", ""), "no file that a wallet would take for a guarantee"
    await run_commands(
        ("wallet", "sealed", *own, "--section", section, "--wait"),
        ("wallet", "seal", *own, "--section", section, "--opening", terms, "--out", sealed),
    )
    capsys.readouterr()
    await run_commands(("wallet", "sealed", *own, "--section", section, "--show-key"))
    key = tmp_path / "key"
    key.write_text(capsys.readouterr().out)
    assert bytes.fromhex(key.read_text()) == bytes.fromhex(plans.load(section).opening_key)
    assert parse_sealed_file(sealed.read_bytes()).opening == announced
    reveal = ("opening", "reveal", "--home", home, announced, f"{sealed}:{key}", "--out", tmp_path / "opened")
    assert await asyncio.to_thread(main, [str(one) for one in reveal]) == 1, "before its moment"
    while await asyncio.to_thread(
        main, ["opening", "postpone", "--home", str(home), announced, "--at", later, "--reason", "补遗", "--out",
               str(tmp_path / "notice.jwt")],
    ) != 0:  # fmt: skip
        await asyncio.sleep(0.2)
    assert await asyncio.to_thread(main, ["opening", "open", "--home", str(home), announced]) == 1
    capsys.readouterr()
    await run_commands(("opening", "list", "--home", home, "--json"))
    listed = {one["opening"]: one for one in json.loads(capsys.readouterr().out)}
    assert listed[announced]["section"] == section


async def test_a_grade_waives_the_security_and_its_home_is_asked_after_the_opening(network, tmp_path, capsys):
    bidder = Bidder(network, 71)
    await bidder.register()
    await settled(bidder)
    records = network[HOME].services.records
    fields = {**graded_fields(bidder.code, int(time.time())), "body_name": "虚构公司71"}
    about = {"category": "subject.evaluation", "owner": bidder.subject, "fields": fields}
    assert records.append("authority", 1, [incoming("e-1", **about)]).parked == 0
    deadline = time.monotonic() + 20
    evidence: list[bytes] = []
    while not evidence:
        assert time.monotonic() < deadline, "the evaluation is not anchored"
        found = await bidder.at(HOME, "export", bidder.scribe.export(HOME))
        evidence = [one.evidence for one in found.records if one.category == "subject.evaluation"]
        evidence = [one for one in evidence if one]
        await asyncio.sleep(0.1)
    opening = int(time.time()) + 1
    tender = WaivedTender(CENTRE, SECTION, opening)
    waived = sign_waiver(bidder.scribe, tender, bidder.delegation(), evidence[0], opening + DAY)
    grades = [pb.WaivedGrade(grade="AAA", share_percent=100)]
    rule = pb.WaiverRule(evaluator=EVALUATOR, scale=SCALE, grades=grades, recorders=[HOME])
    terms = pb.SectionTerms(section=SECTION, waivers=[rule])
    shown = pb.ShownGuarantee(waiver=waived.token, bidder_code=bidder.code)
    await until(lambda: time.time() >= opening)

    requests = [pb.CheckGuaranteesRequest(section=terms), pb.CheckGuaranteesRequest(shown=shown)]
    item = (await batch(network, requests))[0].item
    assert [one.fault for one in item.findings] == []
    assert (item.waiver.verdict, item.waiver.state) == (Verdict.VERDICT_VALID, "current")
    assert (item.waiver.grade, item.waiver.waived_percent, item.waiver.home) == ("AAA", 100, HOME)
    [read] = (await bidder.at(HOME, "reads", bidder.scribe.history(HOME))).evaluation_reads
    assert (read.reader, read.waiver_id) == (CENTRE, document_digest(waived.token).hex())
    file, rules, home = tmp_path / f"{bidder.code}.jwt", tmp_path / "rules.json", network[CENTRE].home
    file.write_text(waived.token)
    waives = {"evaluator": EVALUATOR, "scale": SCALE, "grades": {"AAA": 100}}
    for recorders, code in (([HOME], 0), ([], 1)):
        rules.write_text(json.dumps([{**waives, "recorders": recorders}]))
        check = ["guarantee", "check", "--home", str(home), "--file", str(file), "--waivers", str(rules)]
        assert await asyncio.to_thread(main, [*check, "--section", SECTION]) == code
    told = capsys.readouterr().out
    assert f"减免 waiver {bidder.code} AAA" in told
    assert "NOT_ENTITLED" in told
    assert await asyncio.to_thread(main, check) == 2, "no section is named"
    withdrawn = {**about, "fields": {**fields, "status": "withdrawn"}}
    assert records.append("authority", 2, [incoming("e-1", **withdrawn)]).parked == 0
    item = (await batch(network, requests))[0].item
    assert [one.fault for one in item.findings] == ["EVALUATION_WITHDRAWN"]
    assert item.waiver.waived_percent == 0
