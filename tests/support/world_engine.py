"""A world whose ledger is a real engine with the real contracts; its time is the world's."""

import asyncio
import json
import threading
import urllib.request
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

from adapters.ledger.deploy import deploy_alliance
from adapters.ledger.evm import EvmLedger
from node.domain.member import Member
from node.domain.trust import TrustAnchor
from node.ports import Account
from tests.support.ledgers import AnvilEngine, new_account_key
from tests.support.world_clock import WorldClock

T = TypeVar("T")
_TIMEOUT_SECONDS = 30.0


class EngineChain:
    """What a world asks of its chain."""

    is_down = False

    def __init__(
        self, engine: AnvilEngine, clock: WorldClock, alliance: bytes, founders: Sequence[Member],
        anchors: Sequence[TrustAnchor],
    ) -> None:  # fmt: skip
        self._engine, self._clock = engine, clock
        self._ledgers: list[EvmLedger] = []
        deployer = new_account_key().account
        self.deployment = _run(
            deploy_alliance(engine.url, deployer, alliance_id=alliance, founders=founders, anchors=anchors)
        )
        self.seal()

    def ledger(self, account: Account) -> EvmLedger:
        """A member's."""
        self._ledgers.append(
            EvmLedger(self._engine.url, account, self.deployment, timeout_seconds=_TIMEOUT_SECONDS)
        )
        return self._ledgers[-1]

    async def close(self) -> None:
        """Close the members' connections."""
        for ledger in self._ledgers:
            await ledger.close()

    def seal(self) -> None:
        """A block at the world's time; the world catches up with an engine that is ahead."""
        newest = int(self._ask("eth_getBlockByNumber", "latest", False)["timestamp"], 16)
        self._clock.advance(max(0, newest + 1 - self._clock.now()))
        self._ask("evm_setNextBlockTimestamp", int(self._clock.now()))
        self._ask("evm_mine")

    def _ask(self, method: str, *params: object) -> Any:
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        request = urllib.request.Request(self._engine.url, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:
            return json.load(answer)["result"]


def _run(work: Coroutine[Any, Any, T]) -> T:
    """In a loop of its own, whether or not one is running here."""
    found: list[T] = []
    thread = threading.Thread(target=lambda: found.append(asyncio.run(work)))
    thread.start()
    thread.join()
    return found[0]
