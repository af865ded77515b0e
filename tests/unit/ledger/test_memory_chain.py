"""The accidents that the ledger in memory can have."""

import secrets

import pytest

from adapters.ledger.memory import MemoryChain, MemoryLedger
from node.domain.ledger import AnchorCheckpoint, Anchored, UpdateEndpoints
from node.errors import LedgerRefusedError, LedgerUnavailableError, NonceTakenError
from tests.support.ledgers import new_account_key, new_member


class Setting:
    def __init__(self, *, auto_seal: bool = False) -> None:
        self.now = 1_800_000_000.0
        key = new_account_key()
        member = new_member("hangzhou", key.address)
        self.chain = MemoryChain(
            secrets.token_bytes(32), [member], auto_seal=auto_seal, clock=lambda: self.now
        )
        self.ledger = MemoryLedger(self.chain, key.account)


def anchor(size: int) -> AnchorCheckpoint:
    return AnchorCheckpoint(size, secrets.token_bytes(32), ())


async def test_a_transaction_waits_for_its_block() -> None:
    setting = Setting()
    signed = await setting.ledger.sign(anchor(1), 0)
    await setting.ledger.send(signed)
    assert await setting.ledger.outcome(signed.hash) is None
    assert await setting.ledger.next_nonce() == 0
    block = setting.chain.seal()
    outcome = await setting.ledger.outcome(signed.hash)
    assert outcome is not None
    assert (outcome.block, outcome.succeeded) == (block, True)
    assert await setting.ledger.next_nonce() == 1


async def test_a_rival_of_a_waiting_transaction_is_told() -> None:
    setting = Setting()
    await setting.ledger.send(await setting.ledger.sign(anchor(1), 0))
    with pytest.raises(NonceTakenError):
        await setting.ledger.send(await setting.ledger.sign(anchor(2), 0))


async def test_nonces_are_sealed_in_order_and_gaps_wait() -> None:
    setting = Setting()
    moves = [UpdateEndpoints(f"a:{number}", "b:1") for number in range(3)]
    for nonce in (2, 1):
        await setting.ledger.send(await setting.ledger.sign(moves[nonce], nonce))
    setting.chain.seal()
    assert await setting.ledger.next_nonce() == 0
    await setting.ledger.send(await setting.ledger.sign(moves[0], 0))
    block = setting.chain.seal()
    events = await setting.ledger.events(block.number, block.number)
    assert [event.happening.endpoint for event in events] == ["a:0", "a:1", "a:2"]


async def test_a_dropped_transaction_can_be_sent_again() -> None:
    setting = Setting()
    signed = await setting.ledger.sign(anchor(1), 0)
    await setting.ledger.send(signed)
    assert setting.chain.drop_pending() == 1
    setting.chain.seal()
    assert await setting.ledger.outcome(signed.hash) is None
    await setting.ledger.send(signed)
    setting.chain.seal()
    assert await setting.ledger.outcome(signed.hash) is not None


async def test_a_reorganisation_takes_back_blocks_events_nonces_and_state() -> None:
    setting = Setting(auto_seal=True)
    first = await setting.ledger.sign(anchor(1), 0)
    await setting.ledger.send(first)
    kept = await setting.ledger.head()
    second = await setting.ledger.sign(UpdateEndpoints("a:1", "b:1"), 1)
    await setting.ledger.send(second)
    lost = await setting.ledger.head()
    setting.chain.reorganise(1)
    assert await setting.ledger.head() == kept
    assert await setting.ledger.outcome(second.hash) is None
    assert await setting.ledger.next_nonce() == 1
    await setting.ledger.send(second)
    again = await setting.ledger.head()
    assert (again.number, again.hash == lost.hash) == (lost.number, False)
    setting.chain.reorganise(2)
    await setting.ledger.dry_run(anchor(1))
    with pytest.raises(ValueError, match="cannot be lost"):
        setting.chain.reorganise(1)


async def test_everything_but_signing_fails_while_it_is_down() -> None:
    setting = Setting()
    ledger = setting.ledger
    signed = await ledger.sign(anchor(1), 0)
    setting.chain.is_down = True
    assert await ledger.sign(anchor(1), 0) != signed
    for attempt in (
        ledger.head,
        ledger.next_nonce,
        lambda: ledger.block(0),
        lambda: ledger.events(0, 1),
        lambda: ledger.dry_run(anchor(1)),
        lambda: ledger.send(signed),
        lambda: ledger.outcome(signed.hash),
    ):
        with pytest.raises(LedgerUnavailableError):
            await attempt()


async def test_a_dry_run_leaves_no_trace() -> None:
    setting = Setting()
    await setting.ledger.dry_run(anchor(5))
    await setting.ledger.dry_run(anchor(1))
    assert [e.happening for e in await setting.ledger.events(0, 9) if isinstance(e.happening, Anchored)] == []


async def test_a_transaction_for_another_alliance_is_not_taken() -> None:
    one, other = Setting(), Setting()
    with pytest.raises(LedgerUnavailableError, match="not a call"):
        await one.ledger.send(await other.ledger.sign(anchor(1), 0))


def test_an_alliance_without_founders_is_refused() -> None:
    with pytest.raises(LedgerRefusedError):
        MemoryChain(bytes(32), [])
