"""A sealed bid guarantee from the announced opening to a claim, between real nodes over TLS; a holder lies."""

import asyncio
import json
import time
from dataclasses import dataclass
from types import SimpleNamespace

import grpc
import pytest
import pytest_asyncio
from heqi.v1 import exchange_service_pb2 as exchange_pb
from heqi.v1 import guarantee_service_pb2 as guarantee_pb
from heqi.v1 import opening_service_pb2 as pb
from heqi.v1 import opening_service_pb2_grpc
from msgspec.structs import replace

from node.domain.document import peek_document, sign_document
from node.domain.encoding import to_base64url
from node.domain.guarantee_statement import Claim
from node.domain.guarantee_table import Event, State
from node.domain.opening import Opening, ShareRelease, open_terms
from node.errors import MissingError
from node.services import layout
from node.services.sealing_rows import opening_of, reservation_of
from node.wallet import documents
from node.wallet.client import WalletClient
from node.wallet.documents import Scribe
from node.wallet.guarantees import NEEDED_SCOPE, PURPOSE, GuaranteeScribe, Terms, see
from node.wallet.keyfile import WalletKey, new_wallet_key
from node.wallet.sealing import Sealed, SealedPlan, SealedScribe, new_plan, seal
from node.wire.guarantees import steps_from
from node.wire.status import from_rpc_error
from tests.support.network import Network, Stubs, open_network, until
from tests.support.network_bidder import Bidder, settled

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOME, CENTRE, OTHER, THIRD = "centre-a", "centre-b", "centre-c", "centre-d"
HOLDERS = (HOME, OTHER, THIRD)
BANK = "bank-e"
SECTION = "GC-2026-077/1"
DAY = 86_400


@dataclass
class Bid:
    """A sealed guarantee on its way into a bid."""

    bidder: Bidder
    plan: SealedPlan
    sealed: Sealed

    def shown(self, *, alone: bool = False) -> pb.SealedBid:
        key = self.sealed.opening_key if alone else b""
        return pb.SealedBid(sealed_file=self.sealed.file, bidder_code=self.bidder.code, opening_key=key)


@dataclass
class Tender:
    """Opened, with bids that were sealed before."""

    network: Network
    opening: Opening
    beneficiary: WalletKey
    honest: Bid
    badly_dealt: Bid
    rows: int
    """Guarantees on the ledger after the opening and before the reveal, as all nodes see it."""

    async def reveal(self, *bids: pb.SealedBid) -> list[pb.RevealedGuarantee]:
        asked = {"opening_id": self.opening.id.hex(), "bids": bids}
        return list((await call(self.network, "RevealGuarantees", **asked)).guarantees)


async def call(network: Network, method: str, **fields: object):
    """By the systems of the tender's centre."""
    async with network[CENTRE].operator_channel() as connection:
        stub = opening_service_pb2_grpc.OpeningServiceStub(connection)
        return await getattr(stub, method)(getattr(pb, f"{method}Request")(**fields))


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def tender(tmp_path_factory):
    folder = tmp_path_factory.mktemp("network")
    async with open_network(folder, (HOME, CENTRE, OTHER, THIRD), guarantors=(BANK,)) as network:
        opens = int(time.time()) + DAY
        announced = await call(
            network, "AnnounceOpening", section=SECTION, open_time_seconds=opens, holders=HOLDERS, threshold=2
        )
        opening = open_terms(announced.opening_terms, lambda name: network[name].member)
        beneficiary = new_wallet_key()
        bids = [await prepare(network, number, opening, beneficiary) for number in (61, 62)]
        sealed = [await apply(network, *one, f"MW-{number}") for number, one in enumerate(bids)]
        dealt = [seal(sealed[0][1], opening), seal(sealed[1][1], opening, deal=deal_badly)]
        honest, badly_dealt = (Bid(*one, file) for one, file in zip(sealed, dealt, strict=True))
        await come(network, opening)
        rows = sum(len(list(node.store.scan(b"l/guarantee/"))) for node in network.centres.values())
        yield Tender(network, opening, beneficiary, honest, badly_dealt, rows)


async def prepare(network, number, opening, beneficiary) -> tuple[Bidder, SealedPlan, str]:
    """Registered, with a code and a grant, and on its way to a reservation."""
    bidder, now = Bidder(network, number), int(time.time())
    await bidder.register(HOME)
    await settled(bidder)
    asked = GuaranteeScribe(bidder.scribe).ask_code(CENTRE, SECTION, bidder.delegation())
    code = await bidder.at(CENTRE, "application_code", asked)
    key = beneficiary.beneficiary_key(SECTION).public_key.hex()
    terms = Terms("虚构区住房和城乡建设局", key, SECTION, "bid", "80000.00", "CNY", now, now + 90 * DAY)
    plan = SealedScribe(bidder.scribe).begin(new_plan(code, terms), BANK, now)
    await bidder.at(HOME, "reserve", SealedScribe(bidder.scribe).reserve(HOME, plan))
    scope = {"uses": 3, "expires": now + 30 * DAY}
    grant = bidder.scribe.grant_unasked(BANK, HOME, NEEDED_SCOPE, PURPOSE, **scope)
    await bidder.at(HOME, "give_grant", bidder.scribe.give(HOME, grant))
    return bidder, plan, grant


async def apply(network, bidder, plan, grant, number) -> tuple[Bidder, SealedPlan]:
    """Reserved, applied for, read, issued and proven."""
    bank, scribe = network[BANK], SealedScribe(bidder.scribe)
    network[HOME].services.reserving.send_batch()
    await until(lambda: reservation_of(bank.store, plan.nullifier) is not None)
    grant_id = bytes.fromhex(bidder.scribe.grant_id(grant))
    await until(
        lambda: all(network[at].services.projection.grant(grant_id).registered for at in (HOME, BANK))
    )
    plan = replace(plan, application=await bidder.at(BANK, "apply", scribe.apply(plan, grant)))
    async with bank.operator_channel() as connection:
        desk = Stubs(connection).guarantees
        about = {"application_id": plan.application}
        await desk.AssessApplication(guarantee_pb.AssessApplicationRequest(**about))
        await desk.IssueGuarantee(guarantee_pb.IssueGuaranteeRequest(**about, number=number))
    while not plan.proof:
        await asyncio.sleep(0.05)
        found = await bidder.at(BANK, "sealed_guarantee", scribe.ask(plan))
        signed = (found.sealed_guarantee, found.issue_signature, found.proof, found.contract)
        plan = scribe.take(plan, bank.member, *signed)
    return bidder, plan


def deal_badly(_: bytes, __: int, count: int) -> list[bytes]:
    return [bytes([place]) * 17 for place in range(1, count + 1)]


async def come(network, opening) -> None:
    """The moment comes, for all nodes and the ledger, and the tender is opened."""
    known = lambda: [opening_of(one.store, CENTRE, opening.id) for one in network.centres.values()]  # noqa: E731
    network.clock.ahead = DAY + 60.0
    services = network[CENTRE].services
    await until(lambda: services.follower.head.time >= opening.terms.opens)
    await call(network, "OpenTender", opening_id=opening.id.hex())
    await until(lambda: all(row is not None and row.opened for row in known()))


def lie(network, monkeypatch, holder: str) -> None:
    """A holder that signs other shares than those that were dealt to it."""
    keeping, keys = network[holder].services.share_keeping, network[holder].keys
    true = keeping.release

    def release(caller: str, token: str) -> str:
        given = peek_document(true(caller, token), ShareRelease)
        false = tuple(to_base64url(bytes([1]) + bytes(16)) for _ in given.shares)
        return sign_document(replace(given, shares=false), keys.identity.sign)

    monkeypatch.setattr(keeping, "release", release)


async def test_until_the_reveal_no_node_has_a_row_of_it(tender):
    assert tender.rows == 0


async def test_a_guarantor_signs_again_over_the_wire_for_the_tenders_centre_alone(tender):
    network, file = tender.network, tender.honest.plan.guarantee
    bank, asked = network[BANK].member, {name: network[name].opened.peers for name in (CENTRE, OTHER)}
    assert len(await asked[CENTRE].issue_signature(bank, file)) == 64
    with pytest.raises(MissingError):
        await asked[OTHER].issue_signature(bank, file)


async def test_a_bidder_whose_shares_are_bad_opens_alone(tender):
    [without] = await tender.reveal(tender.badly_dealt.shown())
    assert without.problem
    assert not without.guarantee_id
    assert list(without.holders_at_fault) == [], "each gave what was dealt to it"
    [revealed] = await tender.reveal(tender.badly_dealt.shown(alone=True))
    assert (revealed.problem, revealed.guarantee) == ("", tender.badly_dealt.plan.guarantee)


async def test_a_holder_that_lies_is_named_and_the_bid_is_opened_checked_and_can_be_claimed(
    tender, monkeypatch
):
    network = tender.network
    lie(network, monkeypatch, OTHER)
    [revealed] = await tender.reveal(tender.honest.shown())
    assert (revealed.problem, list(revealed.holders_at_fault)) == ("", [OTHER])
    raw = bytes.fromhex(revealed.guarantee_id)
    nodes = [network[name].services.projection for name in network.centres]
    await until(lambda: all(one.guarantee(raw) is not None for one in nodes))

    async with network[CENTRE].operator_channel() as connection:
        check = guarantee_pb.CheckGuaranteeRequest(file=revealed.guarantee)
        shown = await Stubs(connection).guarantees.CheckGuarantee(check)
    assert shown.verdict == guarantee_pb.CheckGuaranteeResponse.Verdict.VERDICT_VALID
    assert (shown.terms.section, shown.terms.applicant_code) == (SECTION, tender.honest.bidder.code)

    assert await claim(tender, monkeypatch, revealed.guarantee) == raw
    await until(lambda: all(one.guarantee(raw).state == State.CLAIMED for one in nodes))


async def test_what_a_suspended_guarantor_answers_to_a_claim_still_arrives(tender, monkeypatch):
    network, projection = tender.network, tender.network[CENTRE].services.projection
    [revealed] = await tender.reveal(tender.badly_dealt.shown(alone=True))
    raw = bytes.fromhex(revealed.guarantee_id)
    await until(lambda: all(one.services.projection.guarantee(raw) for one in network.centres.values()))
    await claim(tender, monkeypatch, revealed.guarantee)
    bank = network[BANK]
    await until(lambda: bank.services.projection.guarantee(raw).state == State.CLAIMED)
    await suspend(network, BANK)
    async with bank.operator_channel() as connection:
        says = json.dumps({"type": "reason", "reason": "单据相符"})
        step = {"guarantee_id": revealed.guarantee_id, "event": "FIND_COMPLYING", "says_json": says}
        await Stubs(connection).guarantees.StepGuarantee(guarantee_pb.StepGuaranteeRequest(**step))
    await until(lambda: projection.guarantee(raw).state == State.COMPLYING)
    # The ledger has its digest; the document itself comes from node to node, and a suspended one's is taken.
    document = projection.guarantee(raw).document
    await until(lambda: network[CENTRE].store.get(layout.GUARANTEE_STEP + raw + document))
    async with bank.member_channel(network[CENTRE]) as connection:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await Stubs(connection).exchange.CollectGrant(exchange_pb.CollectGrantRequest(access_request="x"))
    assert from_rpc_error(refused.value, CENTRE).reason == "UNKNOWN_CALLER", "it has duties, and no rights"


async def suspend(network, name: str) -> None:
    """By the vote of all others."""
    proposer, *others = (one for one in network.centres.values() if one.name != name)
    proposer.services.membership.propose_standing(name, active=False, valid_seconds=3_600)
    for voter in others:
        seen = voter.services.projection
        await until(lambda seen=seen: list(seen.proposals()) or not is_active(seen, name))
        for number, _ in list(seen.proposals()) if is_active(seen, name) else ():
            voter.services.membership.vote(number, approve=True)
    nodes = network.centres.values()
    await until(lambda: not any(is_active(one.services.projection, name) for one in nodes))


def is_active(projection, name: str) -> bool:
    row = projection.standing(name)
    return row is not None and row.active


async def claim(tender, monkeypatch, file: str) -> bytes:
    """As beneficiary, through the tender's centre, by a wallet whose clock is the nodes'; the guarantee's id."""
    network = tender.network
    monkeypatch.setattr(documents, "time", SimpleNamespace(time=network.clock.now))
    writer = GuaranteeScribe(Scribe(tender.beneficiary, network.descriptor, ""))
    says = Claim("80000.00", "中标后拒签合同", (), "虚构银行 0000", 0)

    def lodge() -> str:
        with WalletClient(network[CENTRE].member) as client:
            life = client.own_guarantee(writer.ask_steps(CENTRE, file))
            seen = see(file, steps_from(life), [one.document for one in life.steps])
            return client.take_step(writer.step(CENTRE, seen, Event.CLAIM, says)).guarantee_id

    return bytes.fromhex(await asyncio.to_thread(lodge))
