"""A claim from demand to payment: examined in time, refused with all reasons, precluded, paid, and never lost."""

from decimal import Decimal

import msgspec
import pytest

from node.domain.document import document_digest, peek_document
from node.domain.guarantee_statement import (
    Amendment,
    Claim,
    Discrepancy,
    Notice,
    Order,
    Payment,
    Reason,
    Reduction,
)
from node.domain.guarantee_table import GRACE_SECONDS, SUIT_SECONDS, Event, State
from node.domain.ledger_ids import step_receipt_digest
from node.domain.wallet import StepCall, StepReceipt, StepsCall
from node.errors import ConflictError, NodeError, RoleMissingError, SignatureError
from node.services import layout
from node.services.guarantees import Verdict
from node.services.outbox import State as Place
from node.wallet.documents import Scribe
from node.wallet.guarantees import GuaranteeScribe
from node.wallet.keyfile import new_wallet_key
from tests.support.world import DAY
from tests.support.world_guarantees import Issued, Tender

ORDER = Order("示例市中级人民法院", "(2026)示01财保1号", "2026-03-01")
WHY = Reason("as agreed")


@pytest.fixture
async def issued(tender: Tender) -> Issued:
    """In force everywhere, over 80,000."""
    return await tender.in_force()


def paid(amount: str) -> Payment:
    return Payment(amount, "ab" * 32)


def notice(*texts: str) -> Notice:
    return Notice(tuple(Discrepancy("document", text) for text in texts))


async def test_a_claim_is_received_examined_and_paid(tender: Tender, issued: Issued) -> None:
    taken = await tender.claimed(issued)
    assert taken.receipt is not None
    assert tender.state(issued) is State.CLAIMED
    [open_claim] = tender.bank.services.guarantee_views.claims()
    assert open_claim.life.claim is not None
    assert (open_claim.life.claim.payee, open_claim.working_days) == ("6222 0000", 5)
    [entry] = await tender.bank.feed("guarantee.claimed")
    assert entry.about["guarantee"] == issued.id
    await tender.make(issued, Event.FIND_COMPLYING, WHY)
    await tender.make(issued, Event.PAY, paid("80000.00"))
    assert tender.state(issued) is State.CLOSED
    checked = tender.centre.services.guarantees.check_file(issued.file)
    assert (checked.verdict, checked.life and checked.life.paid) == (Verdict.ENDED, Decimal("80000.00"))
    assert not list(tender.bank.services.guarantee_views.claims())


async def test_a_refusal_reaches_the_node_of_the_claim_with_every_reason(
    tender: Tender, issued: Issued
) -> None:
    await tender.claimed(issued)
    await tender.make(issued, Event.FIND_DISCREPANT, notice("the statement is not signed", "wrong section"))
    shown = tender.centre.services.guarantee_views.show(issued.id)
    says = shown.life.entries[-1].document.says  # type: ignore[union-attr]
    assert [one.text for one in says.discrepancies] == ["the statement is not signed", "wrong section"]
    assert tender.state(issued) is State.DISCREPANT
    with pytest.raises(ConflictError, match="not possible"):
        await tender.bank.services.guarantee_steps.make(issued.id, Event.FIND_DISCREPANT, notice("one more"))
    await tender.claimed(issued)
    assert tender.state(issued) is State.CLAIMED, "a refused claim can be made anew"


async def test_an_independent_guarantee_is_not_refused_on_the_debtors_defences(
    tender: Tender, issued: Issued
) -> None:
    await tender.claimed(issued)
    says = Notice((Discrepancy("defence", "the debt is time-barred"),))
    with pytest.raises(ConflictError, match="refused on document"):
        await tender.bank.services.guarantee_steps.make(issued.id, Event.FIND_DISCREPANT, says)


async def test_who_lets_five_working_days_pass_can_object_to_nothing(tender: Tender, issued: Issued) -> None:
    await tender.claimed(issued)
    with pytest.raises(ConflictError, match="too early"):
        await tender.step(issued, Event.PRECLUDE, WHY)
    row = tender.bank.services.projection.guarantee(bytes.fromhex(issued.id))
    assert row is not None
    tender.world.clock.advance(int(row.due - tender.world.clock.now()) - 7200)
    await tender.world.settle()
    assert len(await tender.bank.feed("guarantee.due-soon")) == 1
    tender.world.clock.advance(7200)
    await tender.world.settle()
    assert len(await tender.bank.feed("guarantee.overdue")) == 1
    with pytest.raises(ConflictError, match="too late"):
        await tender.bank.services.guarantee_steps.make(issued.id, Event.FIND_DISCREPANT, notice("late"))
    await tender.step(issued, Event.PRECLUDE, WHY)
    await tender.world.settle()
    assert tender.state(issued) is State.COMPLYING


async def test_a_part_is_paid_and_the_rest_stays_in_force(tender: Tender, issued: Issued) -> None:
    await tender.claimed(issued, "30000.00")
    await tender.make(issued, Event.FIND_COMPLYING, WHY)
    steps = tender.bank.services.guarantee_steps
    for event, amount in ((Event.PAY, "30000.00"), (Event.PAY_PART, "40000.00"), (Event.PAY_PART, "10000")):
        with pytest.raises(ConflictError):
            await steps.make(issued.id, event, paid(amount))
    await tender.make(issued, Event.PAY_PART, paid("30000.00"))
    checked = tender.centre.services.guarantees.check_file(issued.file)
    assert checked.life is not None
    assert (checked.verdict, checked.life.amount) == (Verdict.VALID, Decimal("50000.00"))
    with pytest.raises(ConflictError, match=r"more than the 50000\.00"):
        await tender.claimed(issued, "50000.01")
    await tender.claimed(issued, "50000.00")
    await tender.make(issued, Event.FIND_COMPLYING, WHY)
    await tender.make(issued, Event.PAY, paid("50000.00"))
    assert tender.bank.services.guarantee_views.show(issued.id).life.paid == Decimal("80000.00")


async def test_a_longer_term_settles_a_claim_that_asks_for_it(tender: Tender, issued: Issued) -> None:
    longer = issued.terms.exp + 60 * DAY
    says = Claim("80000.00", "extend or pay", (), "6222", longer)
    await tender.step(issued, Event.CLAIM_EXTEND_OR_PAY, says)
    await tender.world.settle()
    await tender.make(issued, Event.SUSPEND, WHY)
    await tender.make(issued, Event.EXTEND, WHY)
    assert tender.state(issued) is State.ISSUED
    checked = tender.centre.services.guarantees.check_file(issued.file)
    assert checked.expires == longer
    tender.world.clock.advance(issued.terms.exp - int(tender.world.clock.now()) + DAY)
    await tender.world.settle()
    assert tender.centre.services.guarantees.check_file(issued.file).verdict is Verdict.VALID
    await tender.claimed(issued)
    assert tender.state(issued) is State.CLAIMED, "the ledger takes the new end, too"


async def test_a_court_stays_payment_until_thirty_days_pass_without_a_suit(
    tender: Tender, issued: Issued
) -> None:
    await tender.claimed(issued)
    await tender.make(issued, Event.FIND_COMPLYING, WHY)
    await tender.make(issued, Event.STAY, ORDER)
    with pytest.raises(ConflictError):
        await tender.bank.services.guarantee_steps.make(issued.id, Event.PAY, paid("80000.00"))
    tender.world.clock.advance(SUIT_SECONDS)
    await tender.world.settle()
    await tender.step(issued, Event.LAPSE, WHY)
    await tender.world.settle()
    assert tender.state(issued) is State.COMPLYING
    await tender.make(issued, Event.PAY, paid("80000.00"))


async def test_a_judgment_ends_the_claim_and_not_the_guarantee(tender: Tender, issued: Issued) -> None:
    await tender.claimed(issued)
    for event in (Event.STAY, Event.RECORD_SUIT, Event.PROHIBIT):
        await tender.make(issued, event, ORDER)
    assert tender.state(issued) is State.DISCREPANT
    assert tender.centre.services.guarantees.check_file(issued.file).verdict is Verdict.VALID


async def test_terms_change_only_when_the_beneficiary_accepts(tender: Tender, issued: Issued) -> None:
    check = tender.bank.services.guarantees.check_file
    longer = issued.terms.exp + 30 * DAY
    offer = Amendment("60000.00", longer, "the opening is postponed")
    await tender.make(issued, Event.PROPOSE, offer)
    found = check(issued.file)
    assert (found.life and found.life.amount, found.expires) == (Decimal("80000.00"), issued.terms.exp)
    await tender.step(issued, Event.REFUSE, WHY)
    await tender.world.settle()
    assert check(issued.file).expires == issued.terms.exp
    await tender.make(issued, Event.PROPOSE, offer)
    await tender.step(issued, Event.ACCEPT, WHY, via=tender.bank)
    await tender.world.settle()
    found = check(issued.file)
    assert (found.life and found.life.amount, found.expires) == (Decimal("60000.00"), longer)


async def test_nobody_tells_the_centre_of_an_amendment_that_nobody_has_answered(
    tender: Tender, issued: Issued
) -> None:
    before = len(tender.world.network.delivered)
    await tender.make(issued, Event.PROPOSE, Amendment("60000.00", issued.terms.exp, "less"))
    told = tender.world.network.delivered[before:]
    assert "lodge_step" not in {call for _, _, call in told}, "before the opening that would say who bids"


async def test_a_step_whose_document_is_not_here_is_shown_as_such(tender: Tender, issued: Issued) -> None:
    tender.world.third.services.guarantees.check_file(issued.file)
    await tender.make(issued, Event.PROPOSE, Amendment("60000.00", issued.terms.exp, "less"))
    shown = tender.world.third.services.guarantee_views.show(issued.id)
    assert shown.life.entries[-1].problem == "document not here"
    assert not shown.life.is_complete
    assert "documents of later steps" in tender.world.third.services.guarantees.check_file(issued.file).reason


async def test_the_beneficiary_reduces_and_only_downwards(tender: Tender, issued: Issued) -> None:
    with pytest.raises(ConflictError, match="below"):
        await tender.step(issued, Event.REDUCE, Reduction("80000.00", "cd" * 32))
    await tender.step(issued, Event.REDUCE, Reduction("20000", "cd" * 32))
    await tender.world.settle()
    assert tender.bank.services.guarantee_views.show(issued.id).life.amount == Decimal(20000)


async def test_a_guarantee_expires_on_the_ledger_after_the_time_of_grace(
    tender: Tender, issued: Issued
) -> None:
    tender.world.clock.advance(issued.terms.exp - int(tender.world.clock.now()))
    await tender.world.settle()
    with pytest.raises(ConflictError, match="too early"):
        await tender.bank.services.guarantee_steps.make(issued.id, Event.EXPIRE, WHY)
    tender.world.clock.advance(GRACE_SECONDS)
    await tender.world.settle()
    await tender.make(issued, Event.EXPIRE, WHY)
    assert tender.state(issued) is State.EXPIRED


async def test_a_claim_that_was_handed_in_in_time_survives_an_outage_of_the_ledger(
    tender: Tender, issued: Issued
) -> None:
    world = tender.world
    world.clock.advance(issued.terms.exp - int(world.clock.now()) - 600)
    await world.settle()
    world.chain.is_down = True
    taken = await tender.step(issued, Event.CLAIM, Claim("80000.00", "breach", (), "6222", 0))
    assert taken.receipt is not None
    assert taken.receipt.member == tender.centre.name
    world.clock.advance(DAY)
    world.chain.is_down = False
    await world.settle()
    assert tender.state(issued) is State.CLAIMED, "a day after the end"
    [shown] = tender.bank.services.guarantee_views.claims()
    assert shown.rests_on_receipt, "the bank had it from nobody before the end"


async def test_a_claim_that_its_guarantor_had_in_time_rests_on_nobody_elses_receipt(
    tender: Tender, issued: Issued
) -> None:
    world = tender.world
    world.clock.advance(issued.terms.exp - int(world.clock.now()) - 600)
    await world.settle()
    world.chain.is_down = True
    says = Claim("80000.00", "breach", (), "6222", 0)
    token = tender.releasing.step(tender.bank.name, tender.seen(issued), Event.CLAIM, says)
    await tender.bank.services.guarantee_steps.take(token)
    world.clock.advance(DAY)
    world.chain.is_down = False
    await world.settle()
    [shown] = tender.bank.services.guarantee_views.claims()
    assert not shown.rests_on_receipt


async def test_a_claim_that_a_self_tendering_centre_dated_back_is_shown_as_such_and_refused(
    tender: Tender, issued: Issued
) -> None:
    """The contract cannot tell whose the beneficiary's key is; who examines the claim can."""
    world = tender.world
    world.clock.advance(issued.terms.exp - int(world.clock.now()) + DAY)
    await world.settle()
    seen, writer, centre = tender.seen(issued), tender.releasing, tender.centre
    says = Claim("80000.00", "made up after the end", (), "6222", 0)
    token = writer.step(centre.name, seen, Event.CLAIM, says)
    call, key = peek_document(token, StepCall), writer.scribe.key.beneficiary_key(tender.section)
    lodged = issued.terms.exp - 60
    told = (bytes.fromhex(issued.id), int(Event.CLAIM), document_digest(call.step), lodged)
    digest = step_receipt_digest(centre.services.alliance.signing_domain("Guarantees"), *told)
    signature = centre.services.signing.sign_message(digest)
    receipt = StepReceipt(centre.name, lodged, centre.services.signing.public_key.hex(), signature.hex())
    await centre.services.guarantee_steps.take(writer.hand_in(centre.name, seen, key, call.step, receipt))
    await world.settle()
    [shown] = tender.bank.services.guarantee_views.claims()
    assert shown.rests_on_receipt
    await tender.make(issued, Event.FIND_DISCREPANT, notice("presented after the end"))
    assert tender.state(issued) is State.DISCREPANT
    world.clock.advance(GRACE_SECONDS)
    await world.settle()
    with pytest.raises(ConflictError, match="too late"):
        await tender.claimed(issued)


async def test_the_beneficiary_brings_its_receipt_itself_where_a_node_lost_the_claim(
    tender: Tender, issued: Issued
) -> None:
    world = tender.world
    world.clock.advance(issued.terms.exp - int(world.clock.now()) - 600)
    await world.settle()
    seen, writer = tender.seen(issued), tender.releasing
    said = Claim("80000.00", "breach", (), "6222", 0)
    world.chain.is_down = True
    token = writer.step(tender.bank.name, seen, Event.CLAIM, said)
    taken = await tender.bank.services.guarantee_steps.take(token)
    tender.bank.stop()
    world.clock.advance(DAY)
    world.chain.is_down = False
    key, document = writer.scribe.key.beneficiary_key(tender.section), peek_document(token, StepCall).step
    late = world.third.services.guarantee_steps.take
    with pytest.raises(ConflictError, match="too late"):
        await late(writer.hand_in(world.third.name, seen, key, document))
    assert taken.receipt is not None
    forged = msgspec.structs.replace(taken.receipt, lodged=taken.receipt.lodged - 1)
    own = msgspec.structs.replace(taken.receipt, key=key.public_key.hex())
    for false in (forged, own):
        with pytest.raises(SignatureError):
            await late(writer.hand_in(world.third.name, seen, key, document, false))
    await late(writer.hand_in(world.third.name, seen, key, document, taken.receipt))
    await world.settle()
    assert tender.state(issued) is State.CLAIMED


async def test_after_the_end_nobody_claims(tender: Tender, issued: Issued) -> None:
    tender.world.clock.advance(issued.terms.exp - int(tender.world.clock.now()))
    await tender.world.settle()
    with pytest.raises(ConflictError, match="too late"):
        await tender.claimed(issued)


async def test_nobody_but_the_beneficiary_claims(tender: Tender, issued: Issued) -> None:
    seen = tender.seen(issued)
    real = tender.releasing.step(tender.centre.name, seen, Event.CLAIM, Claim("1", "b", (), "p", 0))
    document = peek_document(real, StepCall).step
    stranger = GuaranteeScribe(Scribe(new_wallet_key(), tender.world.descriptor, ""))
    applicant = GuaranteeScribe(issued.bidder.scribe)
    for writer, key in (
        (stranger, stranger.scribe.key),
        (applicant, applicant.scribe.key.applicant_key(issued.terms.code)),
    ):
        with pytest.raises(RoleMissingError):
            await tender.centre.services.guarantee_steps.take(
                writer.hand_in(tender.centre.name, seen, key, document)
            )
    for node in (tender.bank, tender.centre):
        with pytest.raises(NodeError):
            await node.services.guarantee_steps.make(issued.id, Event.CLAIM, Claim("1", "b", (), "p", 0))
    with pytest.raises(RoleMissingError):
        await tender.bank.services.guarantee_steps.make(issued.id, Event.REFUSE, WHY)


async def test_a_document_with_another_amount_is_not_the_step_that_was_signed(
    tender: Tender, issued: Issued
) -> None:
    seen, writer = tender.seen(issued), tender.releasing
    tokens = [
        peek_document(
            writer.step(tender.centre.name, seen, Event.CLAIM, Claim(amount, "b", (), "p", 0)), StepCall
        )
        for amount in ("1.00", "80000.00")
    ]
    swapped = msgspec.structs.replace(tokens[0], step=tokens[1].step)
    key = writer.scribe.key.beneficiary_key(tender.section)
    members = {name: getattr(swapped, name) for name in ("guarantee", "step", "signature")}
    token = Scribe(key, tender.world.descriptor, "").call(StepCall, tender.centre.name, **members)
    with pytest.raises(SignatureError):
        await tender.centre.services.guarantee_steps.take(token)


async def test_an_old_step_is_not_taken_again(tender: Tender, issued: Issued) -> None:
    seen = tender.seen(issued)
    says = Claim("80000.00", "breach", (), "6222", 0)
    document = peek_document(
        tender.releasing.step(tender.centre.name, seen, Event.CLAIM, says), StepCall
    ).step
    key = tender.beneficiary.beneficiary_key(tender.section)
    again = lambda: tender.releasing.hand_in(tender.centre.name, seen, key, document)  # noqa: E731
    await tender.centre.services.guarantee_steps.take(again())
    await tender.world.settle()
    await tender.step(issued, Event.WITHDRAW, WHY)
    await tender.world.settle()
    with pytest.raises(ConflictError, match="sign anew"):
        await tender.centre.services.guarantee_steps.take(again())


async def test_a_suspended_guarantor_examines_and_pays(tender: Tender, issued: Issued) -> None:
    await tender.suspend(tender.bank)
    await tender.claimed(issued)
    await tender.make(issued, Event.FIND_COMPLYING, WHY)
    await tender.make(issued, Event.PAY, paid("80000.00"))
    assert tender.state(issued) is State.CLOSED


async def test_a_wallet_learns_only_of_its_own_guarantee(tender: Tender, issued: Issued) -> None:
    stranger = Scribe(new_wallet_key(), tender.world.descriptor, "")
    token = stranger.call(StepsCall, tender.bank.name, guarantee=issued.file)
    with pytest.raises(RoleMissingError):
        tender.bank.services.guarantee_views.of_wallet(token)


async def test_the_guarantors_own_parked_step_does_not_stand_in_the_way(
    tender: Tender, issued: Issued
) -> None:
    steps = tender.bank.services.guarantee_steps
    await steps.make(issued.id, Event.PROPOSE, Amendment("1", issued.terms.exp, "less"))
    await tender.step(issued, Event.REDUCE, Reduction("20000", "cd" * 32))
    tender.bank.stop()
    await tender.world.settle()
    tender.bank.start()
    await tender.world.settle()
    assert [item.state for item in tender.bank.outbox()] == [Place.PARKED]
    await tender.make(issued, Event.PROPOSE, Amendment("10000", issued.terms.exp, "less"))
    assert tender.state(issued) is State.AMENDMENT_PROPOSED
    assert not tender.bank.outbox()


async def test_a_claims_document_reaches_a_guarantor_that_was_away(tender: Tender, issued: Issued) -> None:
    world = tender.world
    world.network.absent = {tender.bank.name}
    seen = tender.seen(issued)
    says = Claim("80000.00", "breach", (), "6222", 0)
    token = tender.releasing.step(world.third.name, seen, Event.CLAIM, says)
    taken = await world.third.services.guarantee_steps.take(token)
    assert taken.receipt is not None
    assert taken.receipt.member == tender.centre.name, "the centre signs where the guarantor does not answer"
    await world.settle()
    assert tender.state(issued, tender.bank) is State.CLAIMED
    [claim] = tender.bank.services.guarantee_views.claims()
    assert claim.life.entries[-1].problem == "document not here"
    await tender.make(issued, Event.FIND_COMPLYING, WHY)
    with pytest.raises(ConflictError, match="not known here"):
        await tender.make(issued, Event.PAY, paid("80000.00"))
    world.network.absent = set()
    for _ in range(12):
        await world.settle()
    [claim] = tender.bank.services.guarantee_views.claims()
    assert not claim.life.entries[0].problem
    await tender.make(issued, Event.PAY, paid("80000.00"))
    assert tender.state(issued) is State.CLOSED


async def test_a_section_is_compared_with_what_is_in_force(tender: Tender, issued: Issued) -> None:
    await tender.step(issued, Event.REDUCE, Reduction("20000", "cd" * 32))
    await tender.world.settle()
    checked = tender.centre.services.guarantees.check_file(issued.file)
    assert checked.terms is not None
    assert checked.in_force is not None
    assert (checked.terms.amount, checked.in_force.amount) == ("80000.00", "20000")


async def test_a_member_hands_in_only_what_its_mover_signed_and_only_at_a_party(
    tender: Tender, issued: Issued
) -> None:
    says = Claim("80000.00", "breach", (), "6222", 0)
    call = peek_document(
        tender.releasing.step(tender.centre.name, tender.seen(issued), Event.CLAIM, says), StepCall
    )
    signature = bytes.fromhex(call.signature)
    with pytest.raises(RoleMissingError):
        tender.world.third.services.guarantee_delivery.lodge("bank", call.guarantee, call.step, signature)
    lodge = tender.bank.services.guarantee_delivery.lodge
    for false in (bytes(64), signature[:-1] + bytes([signature[-1] ^ 1])):
        with pytest.raises(SignatureError):
            lodge("hangzhou", call.guarantee, call.step, false)
    receipt = lodge("hangzhou", call.guarantee, call.step, signature)
    tender.world.clock.advance(60)
    assert lodge("nanjing", call.guarantee, call.step, signature) == receipt, "the first time counts"


def of_amount(tender: Tender, issued: Issued, amount: str, via: str = "") -> str:
    """A claim, signed."""
    says = Claim(amount, "breach", (), "6222", 0)
    return tender.releasing.step(via or tender.centre.name, tender.seen(issued), Event.CLAIM, says)


async def test_a_second_claim_that_says_something_else_is_refused_while_the_first_is_on_its_way(
    tender: Tender, issued: Issued
) -> None:
    take = tender.centre.services.guarantee_steps.take
    token = of_amount(tender, issued, "10.00")
    first = await take(token)
    with pytest.raises(ConflictError, match="on its way"):
        await take(of_amount(tender, issued, "80000.00"))
    key = tender.beneficiary.beneficiary_key(tender.section)
    document = peek_document(token, StepCall).step
    tender.world.clock.advance(60)
    again = await take(tender.releasing.hand_in(tender.centre.name, tender.seen(issued), key, document))
    assert (again.was_under_way, again.receipt) == (True, first.receipt), "the same again is no fault"
    await tender.world.settle()
    life = tender.centre.services.guarantee_views.show(issued.id).life
    assert life.claim is not None
    assert life.claim.amount == "10.00"


async def test_the_guarantors_step_again_is_the_same_and_another_content_is_refused(
    tender: Tender, issued: Issued
) -> None:
    make, offer = (
        tender.bank.services.guarantee_steps.make,
        Amendment("60000.00", issued.terms.exp, "less"),
    )
    assert not (await make(issued.id, Event.PROPOSE, offer)).was_under_way
    assert (await make(issued.id, Event.PROPOSE, offer)).was_under_way
    with pytest.raises(ConflictError, match="on its way"):
        await make(issued.id, Event.PROPOSE, msgspec.structs.replace(offer, amount="50000.00"))


async def test_one_step_has_one_receipt_whatever_else_its_mover_signs(tender: Tender, issued: Issued) -> None:
    bank = tender.bank
    calls = [peek_document(of_amount(tender, issued, f"{number}.00"), StepCall) for number in (1, 2, 3)]
    lodge = bank.services.guarantee_delivery.lodge
    first, *others = [(call.guarantee, call.step, bytes.fromhex(call.signature)) for call in calls]
    receipt = lodge("hangzhou", *first)
    assert receipt is not None
    for caller in ("hangzhou", "nanjing"):
        for other in others:
            with pytest.raises(ConflictError, match="another document"):
                lodge(caller, *other)
    assert lodge("nanjing", *first) == receipt
    kept = [key for key, _ in bank.store.scan(layout.GUARANTEE_STEP)]
    assert len(kept) == 1, "nor does the database grow by what is refused"
    taken = await bank.services.guarantee_steps.take(of_amount(tender, issued, "80000.00", bank.name))
    assert taken.receipt is None or taken.receipt.member != bank.name


async def test_a_claim_gets_to_the_ledger_also_where_another_was_lodged_before(
    tender: Tender, issued: Issued
) -> None:
    lodged = peek_document(of_amount(tender, issued, "10.00"), StepCall)
    lodge = tender.bank.services.guarantee_delivery.lodge
    lodge("hangzhou", lodged.guarantee, lodged.step, bytes.fromhex(lodged.signature))
    await tender.claimed(issued)
    for _ in range(3):
        await tender.world.settle()
    life = tender.bank.services.guarantee_views.show(issued.id).life
    assert life.claim is not None
    assert life.claim.amount == "80000.00", "what the ledger has counts, and its document comes"
