"""All use cases of one node: the last of the levels, and what the node does with them together."""

from collections.abc import Callable

from node.config import Config
from node.domain.act import ActKind
from node.domain.descriptor import Descriptor, alliance_domain
from node.ports import Keys
from node.services import layout
from node.services.catalogue_votes import CatalogueVotes
from node.services.expiries import Expiries, anchor_deadlines
from node.services.guarantee_watch import GuaranteeWatch
from node.services.key_rotation import KeyRotation
from node.services.membership import Membership
from node.services.status import NodeStatus
from node.services.transaction import Transaction
from node.services.trust_votes import TrustVotes
from node.wiring.issuing import WithIssuing
from node.wiring.outside import Outside


class Services(WithIssuing):
    """All use cases of one node, wired."""

    def __init__(self, config: Config, descriptor: Descriptor, keys: Keys, outside: Outside) -> None:
        super().__init__(config, descriptor, keys, outside)
        store, clock = outside.store, outside.clock
        self.membership = Membership(store, self.alliance, self.outbox, self.acts, clock)
        self.trust_votes = TrustVotes(store, self.alliance, self.recognition, self.outbox, self.acts, clock)
        self.catalogue_votes = CatalogueVotes(
            store, self.alliance, self.catalogue, self.outbox, self.acts, clock
        )
        self.key_rotation = KeyRotation(
            store,
            self.alliance,
            self.outbox,
            self.log,
            self.vault,
            self.acts,
            keys,
            clock,
            alliance_domain(descriptor),
        )
        self.expiries = Expiries(
            clock,
            [
                lambda: anchor_deadlines(self.recognition.trust().anchors),
                self.guarantee_files.deadlines,
            ],
        )
        self.status = NodeStatus(
            store,
            self.log,
            self.proving,
            self.follower,
            self.outbox,
            self.parking,
            self.expiries,
            self.reach,
            GuaranteeWatch(store, self.vault, self.bank_orders, self.rules, clock, config.name),
            clock,
        )
        self._members = self._known_members()
        self._watchers: list[Callable[[], None]] = []

    def on_authority_changed(self, tell: Callable[[], None]) -> None:
        """Have `tell` called whenever somebody may have lost the right to call this node.

        A system's certificate was revoked; or a member was suspended, or its identity key has changed.
        """
        self._watchers.append(tell)
        self.systems.on_revoked.append(tell)

    def note_config(self, digest: bytes) -> None:
        """Record which configuration this process works under, if it is not the one of the last start.

        Args:
            digest: SHA-256 of `heqi.toml`.

        Raises:
            StoreError: the database fails.
        """
        if self._store.get(layout.CONFIG) == digest:
            return
        transaction = Transaction(self._store)
        transaction.put(layout.CONFIG, digest)
        self.acts.record(transaction, ActKind.CONFIG_LOADED, {"sha256": digest.hex()})
        transaction.commit()

    async def follow(self) -> bool:
        """One round of following the ledger; wakes those who wait for what it brings."""
        before = self.follower.final_number()
        again = await self.follower.step()
        if self.follower.final_number() != before:
            self.key_rotation.take_up()
            self.membership.answer_summons()
            self.feed.wake()
        members = self._known_members()
        if members != self._members:
            self._members = members
            for tell in self._watchers:
                tell()
        return again

    def _known_members(self) -> frozenset[tuple[str, bytes]]:
        return frozenset(
            (row.member.name, row.member.identity_key) for row in self.projection.members() if row.active
        )

    def publish(self) -> None:
        """One batch of the log."""
        self.log.publish(self.proving.anchored_size())
        self.reach.note()

    def publish_when_known(self) -> None:
        """One batch of the log, once this node knows how far its own last anchor reached.

        Before it has seen the ledger, or while the projection is being built again, an anchor would start from
        the wrong size, and a node restored from an old copy would fork its log.
        """
        if self.follower.head is not None:
            self.publish()
