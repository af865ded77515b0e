"""`Guarantees` is replaced, or its guarantor's key, between the issue of a sealed guarantee and its opening."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from node.domain.keys import KeyKind
from node.domain.sealed_guarantee import (
    CONTENT_TYPE,
    SealedContent,
    hidden_of,
    opened_file,
    peek_guarantee,
    signed_part,
)
from node.errors import MissingError, VerificationError
from node.services.guarantees import Verdict
from tests.support.world import DAY, World
from tests.support.world_guarantees import BANK
from tests.support.world_sealed import NAMES, SealedBid, SealedTender
from tests.support.world_upgrade import replace

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Story:
    """Three bids of before the succession; one wallet asked its bank again while bids were taken."""

    def __init__(self, tender: SealedTender, bids: dict[str, SealedBid], contract: bytes) -> None:
        self.tender, self.bids, self.contract = tender, bids, contract


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def story() -> AsyncIterator[Story]:
    with World(NAMES, guarantors=[BANK], reserves=True, batch_size=16) as world:
        await world.settle()
        tender = await SealedTender(world).announce()
        plans = {}
        for number, name in enumerate(("old", "other", "again")):
            bidder = await tender.tender.bidder()
            plans[name] = (bidder, await tender.issued(bidder, number=f"MW-{number}"))
        contract = await replace(world, "Guarantees")
        bidder, plan = plans["again"]
        plans["again"] = (bidder, tender.collect(bidder, plan))
        bids = {name: tender.seal(*held) for name, held in plans.items()}
        await tender.open()
        yield Story(tender, bids, contract)


async def test_a_wallet_that_asks_again_gets_a_signature_for_the_contract_in_force(story: Story) -> None:
    tender, one = story.tender, story.bids["again"]
    tender.world.network.absent.add(BANK)
    [revealed] = await tender.reveal(one)
    tender.world.network.absent.clear()
    assert (revealed.problem, bool(revealed.guarantee_id)) == ("", True), "its bank need not be there"
    found = tender.ask(one.bidder, one.plan)
    assert (found.contract, found.signature.hex()) == (story.contract, one.plan.signature), (
        "no new one each time"
    )


async def test_a_guarantor_that_is_away_stops_only_the_bids_that_it_has_to_sign_again(story: Story) -> None:
    tender = story.tender
    before = len(tender.world.network.delivered)
    tender.world.network.absent.add(BANK)
    found = await tender.reveal(story.bids["old"], story.bids["again"], story.bids["other"])
    tender.world.network.absent.clear()
    assert ["sign again" in one.problem for one in found] == [True, False, True]
    asked = [call for *_, call in tender.world.network.delivered[before:] if call == "issue_signature"]
    assert len(asked) <= 1, "none is waited for twice"


async def test_after_a_succession_the_guarantor_signs_again_and_the_reveal_succeeds(story: Story) -> None:
    tender, world = story.tender, story.tender.world
    found = await tender.reveal(*story.bids.values())
    assert not [one.problem for one in found if one.problem]
    await world.settle()
    assert tender.rows() == len(story.bids)
    assert not tender.centre.outbox()
    for one in found:
        row = tender.centre.services.projection.guarantee(bytes.fromhex(one.guarantee_id))
        assert row is not None
        assert row.contract == story.contract
        assert world.third.services.guarantees.check_file(one.file).verdict is Verdict.VALID
    assert await tender.reveal(*story.bids.values()) == found


async def test_only_the_tenders_centre_has_a_guarantee_signed_again_and_only_one_that_was_issued(
    story: Story,
) -> None:
    tender, world = story.tender, story.tender.world
    file, other = (story.bids[name].plan.guarantee for name in ("old", "other"))
    sign = tender.bank.services.sealed_issuing.sign_again
    assert len(sign(tender.centre.name, file)) == 64
    refused = [
        (world.home.name, file),
        (world.third.name, file),
        (tender.centre.name, signed_part(file)),
        (tender.centre.name, opened_file(signed_part(file), hidden_of(other))),
        (tender.centre.name, "rubbish~rubbish"),
        (tender.centre.name, ""),
    ]
    told = set()
    for caller, shown in refused:
        with pytest.raises(MissingError) as error:
            sign(caller, shown)
        told.add(str(error.value))
    assert len(told) == 1, "why is not said"


async def test_a_signature_for_no_contract_at_all_is_not_signed_again(story: Story) -> None:
    revealing, content = story.tender.centre.services.revealing, story.bids["old"].plan
    terms = peek_guarantee(content.guarantee)
    forged = SealedContent(CONTENT_TYPE, content.guarantee, "11" * 64, content.proof)
    with pytest.raises(VerificationError):
        await revealing._signed_for_now(forged, terms, set())


async def test_after_a_change_of_its_key_the_guarantor_signs_again_and_the_reveal_succeeds() -> None:
    with World(NAMES, guarantors=[BANK], reserves=True, batch_size=16) as world:
        await world.settle()
        tender = await SealedTender(world).announce(in_seconds=20 * DAY)
        bidder = await tender.tender.bidder()
        bid = tender.seal(bidder, await tender.issued(bidder))
        rotation = tender.bank.services.key_rotation
        rotation.rotate((KeyKind.IDENTITY,), overlap_seconds=2 * DAY)
        for _ in range(3):
            await world.settle(corroborate=False)
            world.clock.advance(DAY + 60)
            rotation.step()
        await tender.open()
        [revealed] = await tender.reveal(bid)
        await world.settle(corroborate=False)
        assert (revealed.problem, tender.rows()) == ("", 1)
        calls = [call for *_, call in world.network.delivered if call == "issue_signature"]
        assert len(calls) == 1
        assert world.third.services.guarantees.check_file(revealed.file).verdict is Verdict.VALID
