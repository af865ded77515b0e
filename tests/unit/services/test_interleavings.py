"""Whatever happens in whatever order: every acknowledged record is provable, exactly once."""

import asyncio

from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from hypothesis.strategies import booleans, integers, sampled_from

from node.domain.ledger import Anchored
from node.errors import LedgerUnavailableError, SequenceError, StoreError
from node.services import layout
from tests.support.world import World
from tests.support.world_faults import KilledError, kill_at, pass_by
from tests.support.world_records import faulty, incoming

CLIENT = "etrading"


class NodeLife(RuleBasedStateMachine):
    """A client that appends, a node that publishes and sends, an engine that seals, and what befalls them."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.world = World(("hangzhou",), batch_size=3, confirmations=1)
        self.world.__enter__()
        self.sequence = 0
        self.acknowledged: list[str] = []
        self.unsure: list[str] = []
        """Of a message that was cut off: the client sends it again before anything else."""

    def teardown(self) -> None:
        self.finish()
        self.world.__exit__()
        self.loop.close()

    # -- the client ------------------------------------------------------------------------------------

    @rule(count=integers(1, 5), cut=sampled_from([None, "write", "written"]))
    def append(self, count: int, cut: str | None) -> None:
        if not self.unsure:
            self.sequence += 1
        things = self.unsure or [f"{self.sequence}/{number}" for number in range(count)]
        self.world.home.store.before = kill_at(cut) if cut else pass_by
        try:
            message = [*map(incoming, things), faulty()]
            self.world.home.records.append(CLIENT, self.sequence, message)
        except KilledError:
            self.unsure = things
            self.world.home.restart()
        else:
            self.unsure = []
            self.acknowledged += things
        self.world.home.store.before = pass_by

    @rule()
    def skip_a_sequence(self) -> None:
        last = self.world.home.records.last_sequence(CLIENT)
        try:
            self.world.home.records.append(CLIENT, last + 2, [incoming("from the future")])
        except SequenceError:
            return
        raise AssertionError("a gap was accepted")

    # -- the node --------------------------------------------------------------------------------------

    @rule(cut=sampled_from([None, None, "write", "written"]))
    def publish(self, cut: str | None) -> None:
        self.world.home.store.before = kill_at(cut) if cut else pass_by
        try:
            self.world.home.services.publish()
        except KilledError:
            self.world.home.restart()
        self.world.home.store.before = pass_by

    @rule(cut=sampled_from([None, None, "dry_run", "sign", "send", "sent", "outcome", "events", "block"]))
    def work(self, cut: str | None) -> None:
        self.world.home.ledger.before = kill_at(cut) if cut else pass_by
        try:
            self.run(self.turn())
        except KilledError:
            self.world.home.restart()
        self.world.home.ledger.before = pass_by

    async def turn(self) -> None:
        try:
            await self.world.follow()
            await self.world.home.services.sender.step()
        except LedgerUnavailableError:
            pass

    # -- the outside -----------------------------------------------------------------------------------

    @rule()
    def seal(self) -> None:
        self.world.seal()

    @rule(is_down=booleans())
    def engine(self, is_down: bool) -> None:
        self.world.chain.is_down = is_down

    @rule()
    def lose_transactions(self) -> None:
        self.world.chain.drop_pending()

    @precondition(lambda self: self.world.chain.head().number > 2)
    @rule()
    def reorganise(self) -> None:
        self.world.chain.reorganise(1)
        self.world.seal()

    @rule()
    def crash(self) -> None:
        self.world.home.restart()

    @rule()
    def disk_fails_for_a_moment(self) -> None:
        self.world.home.store.is_broken = True
        for work in (
            self.world.home.services.publish,
            lambda: self.world.home.records.append(CLIENT, 10**6, []),
        ):
            try:
                work()
            except StoreError:
                continue
            raise AssertionError("a broken store went unnoticed")
        self.world.home.store.is_broken = False

    # -- what must hold --------------------------------------------------------------------------------

    @invariant()
    def the_log_grows_by_whole_batches(self) -> None:
        assert self.world.home.services.log.size() % 3 == 0

    @invariant()
    def anchors_only_grow(self) -> None:
        events = self.world.chain.events(0, self.world.chain.head().number)
        sizes = [event.happening.size for event in events if isinstance(event.happening, Anchored)]
        assert sizes == sorted(set(sizes))

    def finish(self) -> None:
        """Nothing goes wrong any more: then everything acknowledged is provable, once."""
        self.world.chain.is_down = False
        if self.unsure:
            self.append(1, None)
        for _ in range(len(self.acknowledged) // 3 + 2):
            self.run(self.world.settle())
        home = self.world.home
        assert home.outbox() == []
        positions = list(home.records.all_of(home.name))
        things = {home.records.load(position).header.thing: position for position in positions}
        assert len(things) == len(positions) == len(self.acknowledged)
        assert things.keys() == set(self.acknowledged)
        indexes = set()
        for thing, position in things.items():
            [record] = self.world.verify(home.services.proving.own_bundle(position)).evidence.records
            assert record.header.thing == thing
            assert record.header.version == 1
            indexes.add(record.index)
        assert len(indexes) == len(things)
        assert len(list(home.services.parking.rows())) == self.sequence
        assert not list(home.store.scan(layout.ENTRY))

    def run(self, work: object) -> None:
        self.loop.run_until_complete(work)


NodeLife.TestCase.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)
TestNodeLife = NodeLife.TestCase
