"""A bid guarantee whose bank learns no tender: from the reservation to the row on the ledger."""

import pytest

from node.domain.guarantee_table import State
from node.errors import ConflictError
from node.services.guarantees import Verdict
from tests.support.world import World
from tests.support.world_guarantees import BANK
from tests.support.world_sealed import NAMES, SealedTender

pytestmark = pytest.mark.asyncio


async def sealed_tender(world: World) -> SealedTender:
    return await SealedTender(world).announce()


async def test_a_sealed_guarantee_becomes_a_guarantee_once_the_tender_is_open() -> None:
    with World(NAMES, guarantors=[BANK], reserves=True) as world:
        tender = await sealed_tender(world)
        one = await tender.bid()
        assert tender.rows() == 0
        with pytest.raises(ConflictError):
            await tender.reveal(one)
        await tender.open()
        [revealed] = await tender.reveal(one)
        assert not revealed.problem
        assert not revealed.at_fault
        await world.settle()
        checked = world.third.services.guarantees.check_file(revealed.file)
        assert checked.verdict is Verdict.VALID
        assert checked.guarantee_id == revealed.guarantee_id
        assert checked.terms is not None
        assert checked.terms.section == tender.tender.section
        row = world.third.services.projection.guarantee(bytes.fromhex(revealed.guarantee_id))
        assert row is not None
        assert row.state == State.ISSUED
