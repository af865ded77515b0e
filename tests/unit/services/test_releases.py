"""A release that is due is prepared by the centre and made by the beneficiary alone."""

from typing import Any

import pytest
from heqi.v1 import guarantee_pb2
from heqi.v1 import wallet_service_pb2 as pb
from msgspec.structs import replace

from node.api.guarantee_life import life_message
from node.cli.beneficiary import Agent
from node.domain.document import document_digest, peek_document, sign_document
from node.domain.guarantee_statement import Amendment, Reason, Reduction, Statement
from node.domain.guarantee_table import Event
from node.domain.section import day_at
from node.domain.wallet import ReleasesCall
from node.errors import (
    ConfigError,
    DocumentFormatError,
    NodeError,
    ProjectionStaleError,
    ReplayError,
    RoleMissingError,
    SignatureError,
)
from node.services.guarantees import Verdict
from node.wallet.documents import Scribe
from node.wallet.guarantees import GuaranteeScribe, unmoved
from node.wallet.keyfile import WalletKey, new_wallet_key
from node.wallet.releases import (
    AgentRules,
    SectionRule,
    Waiting,
    ask_releases,
    parse_rules,
    refusal,
    sign,
    waiting,
)
from tests.support.world import DAY
from tests.support.world_guarantees import BANK, INSURER, Issued, Tender, altered
from tests.support.world_sections import SECTION, SectionRecords

WINNER = "91310000132269406T"


class Client:
    """A wallet's connection, in the process: the real service behind the real messages."""

    def __init__(self, tender: Tender, centre: Any = None) -> None:
        self.centre = centre or tender.centre
        self.member = tender.world.member(self.centre.name)
        self.alters: dict[str, Any] = {}

    def releases(self, signed: str, token: str) -> pb.ListReleasesResponse:
        found = self.centre.services.releases.waiting(signed, token)
        return pb.ListReleasesResponse(
            releases=[
                pb.PreparedRelease(
                    **{
                        "guarantee": one.file,
                        "guarantee_id": one.guarantee,
                        "step": one.step,
                        "contract": one.contract.hex(),
                        "reason": one.reason,
                        "obligation_kind": one.obligation.kind,
                        **self.alters,
                    }
                )
                for one in found
            ]
        )

    def own_guarantee(self, signed: str) -> guarantee_pb2.GuaranteeLife:
        return life_message(self.centre.services.guarantee_views.of_wallet(signed))

    def release_guarantee(self, signed: str) -> pb.ReleaseGuaranteeResponse:
        taken = self.centre.services.guarantee_steps.release(signed)
        return pb.ReleaseGuaranteeResponse(guarantee_id=taken.guarantee, was_under_way=taken.was_under_way)


@pytest.fixture
def tender(tender: Tender) -> Tender:
    return Tender(tender.world, SECTION)


@pytest.fixture
def records(tender: Tender) -> SectionRecords:
    return SectionRecords(tender.centre)


@pytest.fixture
async def due(tender: Tender, records: SectionRecords) -> Issued:
    """A loser's guarantee that is owed back."""
    issued = await tender.in_force()
    tender.centre.services.guarantees.check_file(issued.file)
    records.bid(issued.terms.applicant_code, issued.terms.applicant_name)
    records.bid(WINNER, "中标公司")
    records.opened(tender.world.clock.now())
    records.contracted(WINNER, "中标公司", str(day_at(tender.world.clock.now())))
    return issued


def members(tender: Tender) -> dict[str, Any]:
    return {name: tender.world.member(name) for name in (BANK, INSURER, tender.centre.name)}


def waits(tender: Tender, writer: GuaranteeScribe | None = None, **alters: Any) -> list[Waiting]:
    client = Client(tender)
    client.alters = alters
    return list(waiting(writer or tender.releasing, client, members(tender), SECTION))


async def test_what_is_due_waits_and_the_beneficiarys_signature_makes_it(tender: Tender, due: Issued) -> None:
    [one] = waits(tender)
    assert (one.prepared.guarantee_id, one.objection) == (due.id, "")
    assert one.prepared.reason.startswith("bid-return: 招标投标法实施条例 art. 57, due ")
    assert sign(tender.releasing, Client(tender), members(tender), one)
    assert waits(tender) == [], "what is on its way is not prepared again"
    assert not sign(tender.releasing, Client(tender), members(tender), one), "signed twice, sent once"
    await tender.world.settle()
    assert tender.centre.services.guarantees.check_file(due.file).verdict is Verdict.RELEASED
    assert waits(tender) == []


async def test_nothing_that_the_centre_holds_releases(tender: Tender, due: Issued) -> None:
    """Its operator has the prepared release, the file and all the node's keys."""
    [one], keys = waits(tender), tender.centre.keys
    writer, services = tender.releasing, tender.centre.services
    for key in (WalletKey(keys.identity.key), new_wallet_key()):
        token = writer.sign_release(tender.centre.name, unmoved(due.file), key, one.prepared.reason)
        with pytest.raises(RoleMissingError):
            services.guarantee_steps.release(token)
    while await services.obligations.step():
        pass
    await tender.world.settle()
    assert tender.centre.outbox() == []
    assert services.guarantees.check_file(due.file).verdict is Verdict.VALID


async def test_a_contract_that_is_superseded_takes_the_release_back(
    tender: Tender, due: Issued, records: SectionRecords
) -> None:
    assert len(waits(tender)) == 1
    records.contracted(WINNER, "中标公司", "2026-01-05", status="cancelled")
    assert waits(tender) == []


async def test_the_winners_release_stops_when_its_performance_guarantee_is_over(
    tender: Tender, records: SectionRecords
) -> None:
    bidder = await tender.bidder()
    bid = await tender.issued(bidder, number="BH-1")
    await tender.world.settle()
    cover = await tender.issued(bidder, number="BH-2", guarantee_kind="performance")
    await tender.world.settle()
    for one in (bid, cover):
        tender.centre.services.guarantees.check_file(one.file)
    code, name = bid.terms.applicant_code, bid.terms.applicant_name
    records.bid(code, name)
    records.opened(tender.world.clock.now())
    signed = str(day_at(tender.world.clock.now()))
    records.contracted(code, name, signed, guarantees=[{"obligations": ["fulfillment"]}])
    assert [one.prepared.guarantee_id for one in waits(tender)] == [bid.id]
    tender.release(cover)
    await tender.world.settle()
    assert waits(tender) == []


async def test_only_the_beneficiary_learns_what_waits(tender: Tender, due: Issued) -> None:
    for wallet in (new_wallet_key(), due.bidder.key):
        assert waits(tender, GuaranteeScribe(Scribe(wallet, tender.world.descriptor, ""))) == []
    other = tender.beneficiary.beneficiary_key("another section")
    services = tender.centre.services
    asked = Scribe(other, tender.world.descriptor, "").call(ReleasesCall, tender.centre.name, section=SECTION)
    assert services.releases.waiting(asked, "") == []


async def test_a_question_is_signed_fresh_and_for_this_node(tender: Tender, due: Issued) -> None:
    releases, writer = tender.centre.services.releases, tender.releasing
    with pytest.raises(DocumentFormatError, match="another node"):
        releases.waiting(ask_releases(writer, tender.world.third.name, SECTION), "")
    asked = ask_releases(writer, tender.centre.name, SECTION)
    with pytest.raises(SignatureError):
        releases.waiting(asked[:-8] + "AAAAAAAA", "")
    assert len(releases.waiting(asked, "")) == 1
    assert releases.waiting(asked, "f" * 64) == []
    tender.world.clock.advance(DAY)
    with pytest.raises(ReplayError):
        releases.waiting(asked, "")


async def test_with_a_stale_view_of_the_ledger_nothing_is_prepared(tender: Tender, due: Issued) -> None:
    asked = ask_releases(tender.releasing, tender.centre.name, SECTION)
    tender.world.clock.advance(200)
    with pytest.raises(ProjectionStaleError):
        tender.centre.services.releases.waiting(asked, "")


async def test_a_wallet_signs_nothing_that_a_lying_centre_makes_up(tender: Tender, due: Issued) -> None:
    performance = await tender.issued(
        await tender.bidder(), number="BH-9", guarantee_kind="performance", bank=tender.bank
    )
    lies: list[dict[str, Any]] = [
        {"guarantee": altered(due.file, amount="1.00")},
        {"guarantee": "nonsense"},
        {"guarantee": performance.file, "guarantee_id": performance.id},
        {"guarantee_id": "ab" * 32},
        {"obligation_kind": "performance-return"},
        {"obligation_kind": "gift"},
        {"step": 3},
        {"contract": "ab"},
        {"reason": ""},
        {"reason": "x" * 201},
        {"reason": "two\nlines"},
    ]
    for lie in lies:
        [one] = waits(tender, **lie)
        assert one.terms is None, lie
        assert one.objection
        with pytest.raises(NodeError):
            sign(tender.releasing, Client(tender), members(tender), one)
    assert tender.centre.outbox() == []


async def reduced(tender: Tender, due: Issued, amount: str) -> None:
    await tender.step(due, Event.REDUCE, Reduction(amount, "cd" * 32))
    await tender.world.settle()


async def test_a_guarantee_that_has_moved_waits_with_the_terms_in_force_and_is_released(
    tender: Tender, due: Issued
) -> None:
    longer = due.terms.exp + 30 * DAY
    await tender.make(due, Event.PROPOSE, Amendment("90000.00", longer, "the opening is postponed"))
    assert waits(tender) == [], "an offer is open"
    await tender.step(due, Event.ACCEPT, Reason("agreed"))
    await tender.world.settle()
    [one] = waits(tender)
    assert one.terms is not None, one.objection
    assert (one.prepared.step, one.terms.amount, one.terms.exp) == (4, "90000.00", longer)
    assert "over the rule's amount" in refusal(rules(tender), one, 0), "the agent's rule has 80000.00"
    tender.world.clock.advance(due.terms.exp + DAY - int(tender.world.clock.now()))
    await tender.world.settle()
    [one] = waits(tender)
    assert sign(tender.releasing, Client(tender), members(tender), one), (
        "the first end is over, the other is not"
    )
    await tender.world.settle()
    assert tender.centre.services.guarantees.check_file(due.file).verdict is Verdict.RELEASED


async def test_an_agent_gives_back_what_was_reduced_to_its_rules_amount(tender: Tender, due: Issued) -> None:
    await reduced(tender, due, "50000.00")
    agent = Agent(rules(tender, most_amount="50000.00"), tender.releasing, members(tender))
    assert agent.round(Client(tender)) == 0
    await tender.world.settle()
    assert tender.centre.services.guarantees.check_file(due.file).verdict is Verdict.RELEASED


async def test_a_release_that_was_seen_before_another_step_is_refused(tender: Tender, due: Issued) -> None:
    [before] = waits(tender)
    await reduced(tender, due, "50000.00")
    with pytest.raises(SignatureError):
        sign(tender.releasing, Client(tender), members(tender), before)


async def test_a_release_is_signed_for_the_contract_that_holds_the_guarantee(
    tender: Tender, due: Issued
) -> None:
    [elsewhere] = waits(tender, contract="ab" * 20)
    assert elsewhere.seen is not None
    assert elsewhere.seen.contract == b"\xab" * 20
    with pytest.raises(SignatureError):
        sign(tender.releasing, Client(tender), members(tender), elsewhere)


async def test_a_node_that_cannot_say_now_is_no_objection_to_a_guarantee(tender: Tender, due: Issued) -> None:
    await reduced(tender, due, "50000.00")
    client = Client(tender)

    def busy(_: str) -> guarantee_pb2.GuaranteeLife:
        raise ProjectionStaleError("the ledger is not reached")

    client.own_guarantee = busy  # type: ignore[method-assign]
    with pytest.raises(ProjectionStaleError):
        list(waiting(tender.releasing, client, members(tender), SECTION))


MADE_UP = {
    "an event": lambda steps: setattr(steps[0], "event", "ASK_SURRENDER"),
    "a state": lambda steps: setattr(steps[0], "state", "ISSUED"),
    "no document": lambda steps: setattr(steps[0], "document", ""),
    "a step less": lambda steps: steps.pop(0),
    "a number": lambda steps: setattr(steps[0], "sequence", 3),
}


@pytest.mark.parametrize("lie", [*MADE_UP, "a document"])
async def test_a_centre_that_hides_what_a_guarantee_has_become_gets_no_release(
    tender: Tender, due: Issued, lie: str
) -> None:
    """The agent gives back 80,000 by its rules, and the guarantee was raised."""
    await tender.make(due, Event.PROPOSE, Amendment("900000.00", due.terms.exp, "much more"))
    await tender.step(due, Event.ACCEPT, Reason("agreed"))
    await tender.world.settle()
    client, told = Client(tender), []

    def false(signed: str) -> guarantee_pb2.GuaranteeLife:
        life = Client(tender).own_guarantee(signed)
        if lie == "a document":
            true = peek_document(life.steps[0].document, Statement)
            says = replace(true.says, amount="80000.00")  # type: ignore[type-var]
            forged = sign_document(replace(true, says=says), tender.centre.keys.identity.sign)
            life.steps[0].document, life.steps[0].document_digest = forged, document_digest(forged).hex()
        else:
            MADE_UP[lie](life.steps)
        told.append(life)
        return life

    client.own_guarantee = false  # type: ignore[method-assign]
    assert Agent(rules(tender), tender.releasing, members(tender)).round(client) == 1
    assert told
    assert tender.centre.outbox() == []


async def test_what_is_given_back_under_terms_that_the_centre_cannot_show_is_left_to_a_person(
    tender: Tender, due: Issued
) -> None:
    # Through another member, and its document never reaches the centre.
    await tender.step(due, Event.REDUCE, Reduction("50000.00", "cd" * 32), via=tender.world.third)
    await tender.world.settle()
    [one] = waits(tender)
    assert one.terms is None
    assert "document not here" in one.objection
    tender.release(due)
    await tender.world.settle()
    assert tender.centre.services.guarantees.check_file(due.file).verdict is Verdict.RELEASED


RULES = AgentRules("centre", (SectionRule(SECTION, ("bid-return",), "80000.00", guarantors=(BANK,)),))


def rules(tender: Tender, **changes: Any) -> AgentRules:
    return AgentRules(tender.centre.name, (replace(RULES.section[0], **changes),))


async def test_an_agent_signs_what_its_rules_name(tender: Tender, due: Issued) -> None:
    agent = Agent(rules(tender), tender.releasing, members(tender))
    assert agent.round(Client(tender)) == 0
    await tender.world.settle()
    assert tender.centre.services.guarantees.check_file(due.file).verdict is Verdict.RELEASED
    assert agent.round(Client(tender)) == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"section": "another"},
        {"obligations": ("performance-return",)},
        {"obligations": ()},
        {"most_amount": "79999.99"},
        {"currency": "USD"},
        {"guarantors": (INSURER,)},
        {"most_releases": 0},
    ],
)
async def test_an_agent_leaves_to_a_person_what_its_rules_do_not_name(
    tender: Tender, due: Issued, changes: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    [one] = waits(tender)
    assert refusal(rules(tender, **changes), one, 0)
    agent = Agent(rules(tender, **changes), tender.releasing, members(tender))
    if "section" not in changes:
        assert [agent.round(Client(tender)) for _ in range(2)] == [1, 1]
        assert capsys.readouterr().out.count("留待人工") == 1, "said once"
    assert tender.centre.outbox() == []


async def test_an_agent_believes_only_the_centre_that_its_rules_name(tender: Tender, due: Issued) -> None:
    [one] = waits(tender)
    assert "centre" in refusal(AgentRules("elsewhere", RULES.section), one, 0)


@pytest.mark.parametrize(
    "text",
    [
        "",
        'centre = "c"\n[[section]]\nsection = "s"\nobligations = ["gift"]\nmost_amount = "1"',
        'centre = "c"\n[[section]]\nsection = "s"\nobligations = []\nmost_amount = "1e9"',
        'centre = "c"\n[[section]]\nsection = "s"\nobligations = []\nmost_amount = "1"\nmost_releases = -1',
        'centre = "c"\nsection = []\npause_seconds = 0.1',
        'centre = "c"\nsection = []\nunknown = 1',
        'centre = "c"' + 2 * '\n[[section]]\nsection = "s"\nobligations = []\nmost_amount = "1"',
    ],
)
def test_rules_that_make_no_sense_are_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        parse_rules(text.encode(), "rules.toml")


def test_rules_are_read() -> None:
    text = 'centre = "centre-b"\n[[section]]\nsection = "s"\nobligations = ["bid-return"]\nmost_amount = "1"'
    found = parse_rules(text.encode(), "rules.toml")
    assert found.section[0] == SectionRule("s", ("bid-return",), "1")
