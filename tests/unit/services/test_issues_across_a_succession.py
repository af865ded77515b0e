"""`Guarantees` is replaced while issues and steps are on their way: the guarantor's node signs its issues again."""

from node.domain.guarantee_statement import Amendment, Claim
from node.domain.guarantee_table import Event, State
from node.domain.ledger import IssueGuarantee
from node.services.guarantees import Verdict
from node.services.outbox import State as Place
from tests.support.world_centre import Centre
from tests.support.world_guarantees import Tender
from tests.support.world_upgrade import replace


def under_way(node: Centre) -> list[str]:
    """Guarantees; the vote that came too late is no matter."""
    return [item.object for item in node.outbox() if item.object.startswith("guarantee/")]


async def test_an_issue_on_its_way_is_signed_again_for_the_contract_in_force(tender: Tender) -> None:
    issued, bank = await tender.issued(), tender.bank
    bank.stop()
    contract = await replace(tender.world, "Guarantees")
    bank.start()
    await tender.world.settle()
    row = tender.world.third.services.projection.guarantee(bytes.fromhex(issued.id))
    assert row is not None
    assert (row.contract, under_way(bank)) == (contract, [])
    assert tender.centre.services.guarantees.check_file(issued.file).verdict is Verdict.VALID
    await tender.claimed(issued)
    assert tender.state(issued) is State.CLAIMED, "it lives on like any other"


async def test_steps_on_their_way_reach_the_contract_that_holds_the_guarantee(tender: Tender) -> None:
    proposed, claimed = await tender.in_force(), await tender.in_force(number="BH-2")
    offer = Amendment("60000.00", proposed.terms.exp, "less")
    await tender.bank.services.guarantee_steps.make(proposed.id, Event.PROPOSE, offer)
    await tender.step(claimed, Event.CLAIM, Claim("80000.00", "breach", (), "6222", 0), tender.bank)
    before = tender.bank.services.alliance.contract("Guarantees")
    tender.bank.stop()
    await replace(tender.world, "Guarantees")
    tender.bank.start()
    await tender.world.settle()
    assert tender.state(proposed) is State.AMENDMENT_PROPOSED
    assert tender.state(claimed) is State.CLAIMED
    row = tender.world.third.services.projection.guarantee(bytes.fromhex(claimed.id))
    assert row is not None
    assert (row.contract, under_way(tender.bank)) == (before, [])


async def test_what_the_ledger_refuses_for_another_reason_stays_parked_and_anothers_issue_too(
    tender: Tender,
) -> None:
    issued, bank = await tender.issued(), tender.bank
    item = bank.outbox()[0]
    issue = item.decoded()
    assert isinstance(issue, IssueGuarantee)
    tender.world.queue(tender.world.third, item.object, IssueGuarantee(issue.terms, bytes(64)))
    [number] = [number for number, one in bank.services.outbox.items() if one.object == item.object]
    bank.services.outbox.update(number, item.unsigned(Place.PARKED, "said by a test"))
    await tender.world.settle()
    assert [one.state for one in bank.outbox()] == [Place.PARKED], "its signature is good: a person's"
    [others] = tender.world.third.outbox()
    assert (others.state, others.decoded()) == (Place.PARKED, IssueGuarantee(issue.terms, bytes(64)))
    assert tender.world.third.services.projection.guarantee(bytes.fromhex(issued.id)) is None
