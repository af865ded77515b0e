"""Companies of a world that want two officers: keys, delegations, and acts signed by both."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec

from node.domain.wallet import APPROVED_WINDOW_SECONDS, PackageRecord
from node.wallet.approving import Held, approve, finish, open_held
from node.wallet.documents import Scribe
from node.wallet.keyfile import WalletKey, new_wallet_key
from tests.support.world import PURPOSE, SCOPE, World
from tests.support.world_bidder import Bidder
from tests.support.world_centre import Centre

ALL = ("controllers", "erase", "grant", "mandate", "move", "register")


@dataclass
class Company:
    """A bidder with two officers at its home; the bidder's own key is the first's."""

    bidder: Bidder
    second: WalletKey
    second_delegation: str

    @property
    def scribe(self) -> Scribe:
        """The first officer's."""
        return replace(self.bidder.scribe, within_seconds=APPROVED_WINDOW_SECONDS)

    @property
    def other(self) -> Scribe:
        """The second officer's."""
        return replace(self.scribe, key=self.second)

    def approval(self, token: str) -> str:
        """What the second officer signs for a document of the first."""
        held = Held(document=token)
        opened = open_held(msgspec.json.encode(held), self.other)
        return approve(opened, self.other, self.second_delegation).approval

    def both(self, token: str) -> str:
        """A document of the first officer, approved by the second."""
        held = Held(document=token, approval=self.approval(token))
        return finish(open_held(msgspec.json.encode(held), self.scribe), self.scribe)

    def grant(self, world: World, *, uses: int = 3) -> str:
        """By the first officer alone, to the reader."""
        return self.scribe.grant_unasked(
            world.reader.name, world.home.name, SCOPE, PURPOSE, uses=uses,
            expires=int(world.clock.now()) + 30 * 86_400,
        )  # fmt: skip

    def hand_over(self, world: World, grant: str) -> str:
        """To the home."""
        return world.home.sharing.give_grant(self.scribe.give(world.home.name, grant))

    def register(
        self,
        home: Centre,
        records: Sequence[PackageRecord],
        delegation: str = "",
        scribe: Scribe | None = None,
    ) -> str:
        """A request of the first officer, not approved."""
        scribe = scribe or self.scribe
        return scribe.register(home.name, delegation or self.bidder.delegation, records)

    def change(self, node: Centre, scribe: Scribe, *, removed: str = "", added: str = "") -> str:
        """A change of keys, not approved."""
        place = node.services.moving.place(scribe.place(node.name))
        return scribe.change_controller(
            node.name, place.version + 1, place.contract, removed=removed, added=added
        )


async def company(world: World, acts: Sequence[str] = ALL) -> Company:
    """Registered, with a second key that was added while there was one officer; both delegations reserve acts."""
    bidder = world.bidder()
    bidder.delegation = bidder.delegate(bidder.key, two_officers=acts)
    world.register(bidder)
    await world.settle()
    second = new_wallet_key()
    found = Company(bidder, second, bidder.delegate(second, two_officers=acts))
    world.home.services.controllers.change(found.change(world.home, bidder.scribe, added=second.name))
    await world.settle()
    attach(world, found, second, found.second_delegation)
    await world.settle()
    return found


def attach(world: World, company: Company, key: WalletKey, delegation: str) -> None:
    """A key that the ledger names hands its delegation in."""
    scribe = replace(company.scribe, key=key)
    world.home.services.registrations.register(company.register(world.home, (), delegation, scribe))
