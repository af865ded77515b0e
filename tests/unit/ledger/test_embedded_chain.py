"""Opening a chain, drafting blocks, and what is found in them."""

from pathlib import Path

import pytest

from adapters.ledger.deploy import created_address
from adapters.ledger.embedded import chain as chain_module
from adapters.ledger.embedded.chain import BlockFullError, open_chain
from node.errors import ConfigError
from tests.support.embedded_chains import START, TOY_CREATION, TOY_RUNTIME, Bench, word
from tests.support.ledgers import new_account_key


def test_no_two_chains_are_alike(tmp_path: Path) -> None:
    one, two = (open_chain(tmp_path / name, now=START) for name in ("one", "two"))
    assert one.chain_id != two.chain_id
    assert one.head.hash != two.head.hash


async def test_a_chain_is_the_same_after_reopening(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    await bench.deploy_toy()
    chain_id, head = bench.chain.chain_id, bench.chain.head
    bench.chain.close()
    again = open_chain(tmp_path, now=START + 99)
    assert (again.chain_id, again.head) == (chain_id, head)


def test_another_chain_id_than_the_folder_has_is_refused(tmp_path: Path) -> None:
    open_chain(tmp_path, now=START, chain_id=7).close()
    with pytest.raises(ConfigError, match="id 7, not 8"):
        open_chain(tmp_path, now=START, chain_id=8)
    assert open_chain(tmp_path, now=START, chain_id=7).chain_id == 7


def test_a_bad_transaction_leaves_the_draft_as_it_was(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    draft = bench.chain.draft(START + 1)
    draft.apply(bench.candidate(TOY_CREATION, 0).transaction)
    with pytest.raises(Exception, match="nonce"):
        draft.apply(bench.candidate(TOY_CREATION, 5).transaction)
    other = new_account_key()
    draft.apply(bench.candidate(TOY_CREATION, 0, key=other).transaction)
    draft.apply(bench.candidate(TOY_CREATION, 1).transaction)
    draft.seal()
    state = bench.chain.state_at(bench.chain.head)
    for key, nonce in ((bench.key, 0), (other, 0), (bench.key, 1)):
        assert state.get_code(created_address(key.address, nonce)) == TOY_RUNTIME


def test_the_base_fee_stays_zero_when_blocks_are_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chain_module, "GAS_LIMIT", 600_000)
    monkeypatch.setattr(chain_module, "BLOCK_GAS_TARGET", 300_000)
    bench = Bench(tmp_path)
    draft = bench.chain.draft(START + 1)
    draft.apply(bench.candidate(TOY_CREATION, 0).transaction)
    draft.apply(bench.candidate(TOY_CREATION, 1).transaction)
    with pytest.raises(BlockFullError):
        draft.apply(bench.candidate(TOY_CREATION, 2, gas=250_000).transaction)
    draft.seal()
    assert bench.chain.draft(START + 2).seal().base_fee_per_gas == 0


def test_nothing_is_on_disk_before_the_seal(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    draft = bench.chain.draft(START + 1)
    draft.apply(bench.candidate(TOY_CREATION, 0).transaction)
    bench.chain.close()
    again = open_chain(tmp_path, now=START)
    assert again.head.block_number == 0


def test_a_seal_that_fails_leaves_the_head_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(tmp_path)
    candidate = bench.candidate(TOY_CREATION, 0)
    draft = bench.chain.draft(START + 1)
    draft.apply(candidate.transaction)
    with monkeypatch.context() as patch:
        patch.setattr(bench.chain.trie_nodes(), "_flush", _full_disk)
        with pytest.raises(OSError, match="no space"):
            draft.seal()
    assert bench.chain.head.block_number == 0
    again = bench.chain.draft(START + 1)
    again.apply(candidate.transaction)
    assert again.seal().block_number == 1


def _full_disk(_: object) -> None:
    raise OSError("no space left")


async def test_blocks_with_logs_are_found_without_looking_at_the_others(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    toy = await bench.deploy_toy()
    for _ in range(5):
        await bench.seal()
    await bench.send(word(7), to=toy)
    number = bench.chain.head.block_number
    await bench.seal()
    found = [header.block_number for header in bench.chain.headers_with_logs(0, 1_000)]
    assert found == [number]
    assert list(bench.chain.headers_with_logs(number + 1, 1_000)) == []


def test_headers_past_the_head_are_none(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    assert bench.chain.header_at(1) is None
    assert bench.chain.header_at(-1) is None
    assert bench.chain.header_of(bytes(32)) is None
    assert bench.chain.place_of(bytes(32)) is None
