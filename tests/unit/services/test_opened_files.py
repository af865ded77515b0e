"""After the opening the tender's centre hands a guarantor the file of what it issued sealed; before, nobody does."""

import pytest

from node.errors import ConflictError, NodeError, RoleMissingError
from node.services import layout
from tests.support.world import World
from tests.support.world_guarantees import BANK, INSURER
from tests.support.world_sealed import NAMES, SealedTender


async def test_the_guarantor_gets_the_opened_file_once_the_ledger_has_it() -> None:
    with World(NAMES, guarantors=[BANK, INSURER], reserves=True) as world:
        sealed = await SealedTender(world).announce()
        bidder = await sealed.tender.bidder()
        bank, centre = sealed.bank, sealed.centre
        plan = await sealed.issued(bidder)
        bid = sealed.seal(bidder, plan)
        await sealed.open()
        held = lambda: [key for key, _ in bank.store.scan(layout.GUARANTEE)]  # noqa: E731
        bank.is_running = False
        [revealed] = await sealed.reveal(bid)
        lodge = bank.services.guarantee_delivery.lodge
        with pytest.raises(ConflictError, match="does not have"):
            lodge(centre.name, revealed.file, "", b"")
        await world.settle()
        assert held() == []
        bank.is_running = True
        for _ in range(3):
            await world.settle()
        assert held() == [layout.GUARANTEE + bytes.fromhex(revealed.guarantee_id)]
        assert bank.store.get(held()[0]) == revealed.file.encode()
        assert len(await bank.feed("guarantee.lodged")) == 1
        assert list(centre.store.scan(layout.GUARANTEE_POST)) == []
        assert lodge("hangzhou", revealed.file, "", b"") is None, "the same again is no fault"
        with pytest.raises(RoleMissingError):
            world[INSURER].services.guarantee_delivery.lodge(centre.name, revealed.file, "", b"")
        document, _, hidden = revealed.file.partition("~")
        assert hidden
        for false in (document, f"{document}~AAAA", f"{document}~{hidden[:-4]}"):
            with pytest.raises(NodeError):
                lodge(centre.name, false, "", b"")
