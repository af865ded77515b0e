"""What waits for a block, and what may not."""

from pathlib import Path

import pytest
import rlp
from eth_account import Account

from adapters.ledger.embedded.admission import read_transaction
from adapters.ledger.embedded.pool import NONCES_AHEAD, Pool
from adapters.ledger.embedded.rpc_error import RpcError
from adapters.ledger.embedded.sealer import MAX_BLOCK_TRANSACTIONS
from tests.support.embedded_chains import TOY_CREATION, Bench
from tests.support.ledgers import new_account_key


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


async def test_geths_words_tell_the_cases_apart(bench: Bench) -> None:
    first = bench.candidate(TOY_CREATION, 0)
    bench.pool.add(first)
    with pytest.raises(RpcError, match=r"^already known$"):
        bench.pool.add(first)
    with pytest.raises(RpcError, match="replacement transaction underpriced"):
        bench.pool.add(bench.candidate(b"", 0))
    with pytest.raises(RpcError, match="nonce too high"):
        bench.pool.add(bench.candidate(b"", NONCES_AHEAD))
    await bench.seal()
    with pytest.raises(RpcError, match="nonce too low: next nonce 1, tx nonce 0"):
        bench.pool.add(first)


async def test_nonces_are_sealed_in_order_whatever_the_order_of_arrival(bench: Bench) -> None:
    for nonce in (2, 0, 3, 1, 5):
        bench.pool.add(bench.candidate(TOY_CREATION, nonce))
    assert [one.nonce for one in bench.pool.ready(10)] == [0, 1, 2, 3]
    assert bench.pool.next_nonce(bench.key.address) == 4
    await bench.seal()
    assert bench.nonces.read(bench.key.address) == 4
    assert len(bench.pool) == 1
    assert not bench.pool.has_ready()
    bench.pool.add(bench.candidate(TOY_CREATION, 4))
    await bench.seal()
    assert bench.nonces.read(bench.key.address) == 6
    assert len(bench.pool) == 0


def test_accounts_take_turns(bench: Bench) -> None:
    other = new_account_key()
    for nonce in range(4):
        bench.pool.add(bench.candidate(TOY_CREATION, nonce))
    bench.pool.add(bench.candidate(TOY_CREATION, 0, key=other))
    senders = [one.sender for one in bench.pool.ready(3)]
    assert senders == [bench.key.address, other.address, bench.key.address]


def test_a_full_pool_gives_up_what_waits_behind_a_gap(bench: Bench) -> None:
    pool = Pool(bench.nonces.read, capacity=2)
    gapped = bench.candidate(b"", 3)
    pool.add(gapped)
    pool.add(bench.candidate(b"", 0))
    pool.add(bench.candidate(b"", 1))
    assert pool.get(gapped.hash) is None
    with pytest.raises(RpcError, match="txpool is full"):
        pool.add(bench.candidate(b"", 2))


async def test_a_transaction_that_the_evm_does_not_take_is_dropped_alone(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, later = bench.candidate(b"\x01", 0), bench.candidate(TOY_CREATION, 1)
    other = new_account_key()
    good = bench.candidate(TOY_CREATION, 0, key=other)
    for candidate in (bad, later, good):
        bench.pool.add(candidate)
    state_class = type(bench.chain.state_at(bench.chain.head))
    apply = state_class.apply_transaction

    def apply_or_fail(state: object, transaction: object) -> object:
        result = apply(state, transaction)
        if transaction is bad.transaction:
            raise RuntimeError("a bug in the EVM")
        return result

    monkeypatch.setattr(state_class, "apply_transaction", apply_or_fail)
    await bench.seal()
    assert bench.nonces.read(other.address) == 1
    assert bench.nonces.read(bench.key.address) == 0
    assert bench.pool.get(bad.hash) is None
    assert bench.pool.get(later.hash) is not None


async def test_a_block_has_a_bounded_number_of_transactions(bench: Bench) -> None:
    keys = [new_account_key() for _ in range(2)]
    for nonce in range(MAX_BLOCK_TRANSACTIONS // 2 + 1):
        for key in keys:
            bench.pool.add(bench.candidate(b"", nonce, key=key, to=bytes(19) + b"\x99", gas=30_000))
    await bench.seal()
    assert len(bench.chain.sealed_block(bench.chain.head).transactions) == MAX_BLOCK_TRANSACTIONS
    await bench.seal()
    assert len(bench.chain.sealed_block(bench.chain.head).transactions) == 2


async def test_block_time_follows_the_clock_and_never_stands_still(bench: Bench) -> None:
    bench.now += 100
    await bench.seal()
    assert bench.chain.head.timestamp == int(bench.now)
    bench.now -= 50  # the machine's clock was set back
    before = bench.chain.head.timestamp
    await bench.seal()
    assert bench.chain.head.timestamp == before + 1


class TestAdmission:
    def refuse(self, bench: Bench, raw: bytes, message: str) -> None:
        with pytest.raises(RpcError, match=message):
            read_transaction(raw, bench.chain.chain_id)

    def sign(self, bench: Bench, **changes: object) -> bytes:
        fields = {
            "type": 2,
            "chainId": bench.chain.chain_id,
            "nonce": 0,
            "to": "0x" + "11" * 20,
            "value": 0,
            "gas": 50_000,
            "maxFeePerGas": 0,
            "maxPriorityFeePerGas": 0,
        }
        return bytes(Account.from_key(bench.key.secret).sign_transaction(fields | changes).raw_transaction)

    def test_another_chain(self, bench: Bench) -> None:
        self.refuse(bench, self.sign(bench, chainId=bench.chain.chain_id + 1), "invalid chain id for signer")

    def test_legacy_transactions_protected_or_not(self, bench: Bench) -> None:
        signer = Account.from_key(bench.key.secret)
        legacy = {"nonce": 0, "to": "0x" + "11" * 20, "value": 0, "gas": 50_000, "gasPrice": 0}
        for chain in ({}, {"chainId": bench.chain.chain_id}):
            raw = bytes(signer.sign_transaction(legacy | chain).raw_transaction)
            self.refuse(bench, raw, "transaction type not supported")

    def test_gas_out_of_bounds(self, bench: Bench) -> None:
        self.refuse(bench, self.sign(bench, gas=20_999), "intrinsic gas too low")
        self.refuse(bench, self.sign(bench, gas=2**24 + 1), "gas limit too high")
        dear = self.sign(bench, maxPriorityFeePerGas=2, maxFeePerGas=1)
        self.refuse(bench, dear, "max priority fee per gas higher")

    def test_money_nobody_has(self, bench: Bench) -> None:
        for raw in (self.sign(bench, value=1), self.sign(bench, maxFeePerGas=1)):
            with pytest.raises(RpcError, match="insufficient funds"):
                bench.call("eth_sendRawTransaction", "0x" + raw.hex())

    def test_oversized(self, bench: Bench) -> None:
        self.refuse(bench, b"\x02" + bytes(128 * 1024), "oversized data")
        raw = bench.sign(bytes(50_000), 0, gas=10_000_000)
        self.refuse(bench, raw, "max initcode size exceeded")

    def test_malformed_bytes(self, bench: Bench) -> None:
        raw = self.sign(bench)
        for broken in (
            b"",
            b"\x02",
            b"\x02\xc0",
            raw[:-1],
            raw + b"\0",
            b"\x03" + raw[1:],
            b"\x02" + bytes(40),
        ):
            with pytest.raises(RpcError):
                read_transaction(broken, bench.chain.chain_id)

    def test_a_signature_out_of_range(self, bench: Bench) -> None:
        *fields, r, s = rlp.decode(self.sign(bench)[1:])
        for out_of_range in ((r, b"\xff" * 32), (b"\xff" * 32, s), (r, b""), (b"", s)):
            self.refuse(bench, b"\x02" + rlp.encode([*fields, *out_of_range]), "invalid sender")
