"""The JSON-RPC methods, called as the dispatcher calls them."""

from pathlib import Path

import pytest
import rlp
from eth_hash.auto import keccak
from trie import HexaryTrie

from adapters.ledger.embedded import log_filter
from adapters.ledger.embedded.rpc_error import LIMIT_EXCEEDED, REVERTED, RpcError
from tests.support.embedded_chains import TOY_RUNTIME, Bench, word
from tests.support.ledgers import new_account_key


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def hexed(raw: bytes) -> str:
    return "0x" + raw.hex()


def unhex(text: str) -> bytes:
    return bytes.fromhex(text[2:])


# -- blocks and transactions ---------------------------------------------------------------------------


async def test_a_block_hash_is_the_hash_of_the_header_it_shows(bench: Bench) -> None:
    """So that anybody can check a storage proof against the header."""
    toy = await bench.deploy_toy()
    await bench.send(word(9), to=toy)
    view = bench.call("eth_getBlockByNumber", "latest", False)
    quantities = ("difficulty", "number", "gasLimit", "gasUsed", "timestamp")
    later = ("baseFeePerGas", "blobGasUsed", "excessBlobGas")
    fields = [unhex(view[name]) for name in ("parentHash", "sha3Uncles", "miner", "stateRoot")]
    fields += [unhex(view[name]) for name in ("transactionsRoot", "receiptsRoot", "logsBloom")]
    fields += [int(view[name], 16) for name in quantities]
    fields += [unhex(view[name]) for name in ("extraData", "mixHash", "nonce")]
    fields += [int(view[later[0]], 16), unhex(view["withdrawalsRoot"])]
    fields += [int(view[name], 16) for name in later[1:]] + [unhex(view["parentBeaconBlockRoot"])]
    assert hexed(keccak(rlp.encode(fields))) == view["hash"]


async def test_blocks_by_tag_number_and_hash(bench: Bench) -> None:
    await bench.seal()
    latest = bench.call("eth_getBlockByNumber", "latest")
    for tag in ("safe", "finalized", "pending", "0x1"):
        assert bench.call("eth_getBlockByNumber", tag) == latest
    assert bench.call("eth_getBlockByHash", latest["hash"]) == latest
    earliest = bench.call("eth_getBlockByNumber", "earliest")
    assert earliest["hash"] == latest["parentHash"]
    assert bench.call("eth_getBlockByNumber", "0x2") is None
    assert bench.call("eth_getBlockByHash", hexed(bytes(32))) is None


async def test_a_transaction_is_seen_waiting_and_then_mined(bench: Bench) -> None:
    raw = bench.sign(b"", 0, to=bytes(19) + b"\x99")
    digest = bench.call("eth_sendRawTransaction", hexed(raw))
    assert digest == hexed(keccak(raw))
    assert bench.woken == 1
    assert bench.call("eth_getTransactionByHash", digest)["blockHash"] is None
    assert bench.call("eth_getTransactionReceipt", digest) is None
    account = hexed(bench.key.address)
    assert bench.call("eth_getTransactionCount", account, "latest") == "0x0"
    assert bench.call("eth_getTransactionCount", account, "pending") == "0x1"
    await bench.seal()
    mined = bench.call("eth_getTransactionByHash", digest)
    block = bench.call("eth_getBlockByNumber", "latest", True)
    assert block["transactions"] == [mined]
    assert mined["from"].lower() == account
    assert bench.call("eth_getTransactionReceipt", digest)["blockHash"] == block["hash"]
    assert bench.call("eth_getTransactionCount", account) == "0x1"


async def test_a_receipt_tells_success_failure_and_creation(bench: Bench) -> None:
    toy = await bench.deploy_toy()
    creation = bench.call("eth_getBlockByNumber", "latest")["transactions"][0]
    receipt = bench.call("eth_getTransactionReceipt", creation)
    assert unhex(receipt["contractAddress"]) == toy
    assert bench.call("eth_getCode", hexed(toy)) == hexed(TOY_RUNTIME)
    good = bench.call("eth_getTransactionReceipt", await bench.send(word(1), to=toy))
    bad = bench.call("eth_getTransactionReceipt", await bench.send(word(0), to=toy))
    assert (good["status"], bad["status"]) == ("0x1", "0x0")
    assert (len(good["logs"]), len(bad["logs"])) == (1, 0)


# -- logs ----------------------------------------------------------------------------------------------


async def test_logs_are_numbered_within_their_block(bench: Bench) -> None:
    toy = await bench.deploy_toy()
    keys = [new_account_key() for _ in range(3)]
    for number, key in enumerate(keys, 1):
        bench.call("eth_sendRawTransaction", hexed(bench.sign(word(number), 0, key=key, to=toy)))
    await bench.seal()
    logs = await bench.call("eth_getLogs", {"fromBlock": "0x0", "toBlock": "latest"})
    assert [log["logIndex"] for log in logs] == ["0x0", "0x1", "0x2"]
    assert [log["topics"] for log in logs] == [[hexed(word(number))] for number in (1, 2, 3)]


async def test_logs_are_filtered_by_block_address_and_topic(bench: Bench) -> None:
    one, two = await bench.deploy_toy(), await bench.deploy_toy()
    for contract, number in ((one, 1), (two, 1), (two, 2)):
        await bench.send(word(number), to=contract)

    async def find(**wanted: object) -> list[tuple[bytes, int]]:
        logs = await bench.call("eth_getLogs", {"fromBlock": "earliest"} | wanted)
        return [(unhex(log["address"]), int(log["topics"][0], 16)) for log in logs]

    assert await find() == [(one, 1), (two, 1), (two, 2)]
    assert await find(address=hexed(two)) == [(two, 1), (two, 2)]
    assert await find(address=[hexed(one), hexed(two)], topics=[hexed(word(1))]) == [(one, 1), (two, 1)]
    assert await find(topics=[[hexed(word(2)), hexed(word(3))]]) == [(two, 2)]
    assert await find(topics=[None]) == [(one, 1), (two, 1), (two, 2)]
    assert await find(topics=[None, hexed(word(1))]) == []
    assert await find(fromBlock="0x4", toBlock="0x4") == [(two, 1)]
    assert await find(toBlock="0xffff") == [(one, 1), (two, 1), (two, 2)]
    assert await find(fromBlock="0xfff0", toBlock="0xffff") == []
    block_hash = bench.call("eth_getBlockByNumber", "0x3")["hash"]
    logs = await bench.call("eth_getLogs", {"blockHash": block_hash})
    assert [unhex(log["address"]) for log in logs] == [one]


async def test_too_many_logs_or_blocks_are_refused(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    toy = await bench.deploy_toy()
    await bench.send(word(1), to=toy)
    await bench.send(word(2), to=toy)
    monkeypatch.setattr(log_filter, "MAX_LOGS", 1)
    with pytest.raises(RpcError) as refusal:
        await bench.call("eth_getLogs", {"fromBlock": "0x0"})
    assert refusal.value.code == LIMIT_EXCEEDED
    monkeypatch.setattr(log_filter, "MAX_BLOCK_RANGE", 2)
    with pytest.raises(RpcError, match="max block range"):
        await bench.call("eth_getLogs", {"fromBlock": "0x0"})


# -- executing -----------------------------------------------------------------------------------------


async def test_a_revert_is_answered_with_code_3_and_its_data(bench: Bench) -> None:
    toy = await bench.deploy_toy()
    for method in ("eth_call", "eth_estimateGas"):
        with pytest.raises(RpcError) as refusal:
            bench.call(method, {"to": hexed(toy), "data": hexed(word(0))})
        assert refusal.value.as_object() == {
            "code": REVERTED,
            "message": "execution reverted",
            "data": hexed(bytes(32)),
        }


async def test_a_call_changes_nothing(bench: Bench) -> None:
    toy = await bench.deploy_toy()
    assert bench.call("eth_call", {"to": hexed(toy), "data": hexed(word(5))}) == "0x"
    assert bench.call("eth_getStorageAt", hexed(toy), "0x0") == hexed(word(0))


async def test_an_estimate_is_enough_and_not_much_more(bench: Bench) -> None:
    toy = await bench.deploy_toy()
    call = {"to": hexed(toy), "data": hexed(word(5))}
    estimate = int(bench.call("eth_estimateGas", call), 16)
    receipt = bench.call("eth_getTransactionReceipt", await bench.send(word(5), to=toy))
    used = int(receipt["gasUsed"], 16)
    assert used <= estimate <= used * 1.1


async def test_storage_is_read_at_any_block(bench: Bench) -> None:
    toy = await bench.deploy_toy()
    for number in (1, 2):
        await bench.send(word(number), to=toy)
    at = [int(bench.call("eth_getStorageAt", hexed(toy), "0x0", hex(block)), 16) for block in (1, 2, 3)]
    assert at == [0, 1, 2]


# -- proofs --------------------------------------------------------------------------------------------


async def test_proofs_lead_from_the_state_root_to_account_and_slot(bench: Bench) -> None:
    toy = await bench.deploy_toy()
    await bench.send(word(0xABCD), to=toy)
    old_block = bench.call("eth_getBlockByNumber", "latest")
    await bench.send(word(7), to=toy)
    view = bench.call("eth_getProof", hexed(toy), ["0x0", hexed(word(1))], old_block["number"])

    nodes = [rlp.decode(unhex(node)) for node in view["accountProof"]]
    account = rlp.decode(HexaryTrie.get_from_proof(unhex(old_block["stateRoot"]), keccak(toy), nodes))
    assert account == [
        b"\x01",
        b"",
        unhex(view["storageHash"]),
        keccak(TOY_RUNTIME),
    ]
    held, absent = view["storageProof"]
    assert (int(held["value"], 16), int(absent["value"], 16)) == (0xABCD, 0)
    for entry, expected in ((held, rlp.encode(0xABCD)), (absent, b"")):
        nodes = [rlp.decode(unhex(node)) for node in entry["proof"]]
        key = keccak(unhex(entry["key"]))
        assert HexaryTrie.get_from_proof(unhex(view["storageHash"]), key, nodes) == expected


async def test_an_absent_account_is_proved_absent(bench: Bench) -> None:
    await bench.deploy_toy()
    address = bytes(19) + b"\x77"
    view = bench.call("eth_getProof", hexed(address), [])
    root = unhex(bench.call("eth_getBlockByNumber", "latest")["stateRoot"])
    nodes = [rlp.decode(unhex(node)) for node in view["accountProof"]]
    assert HexaryTrie.get_from_proof(root, keccak(address), nodes) == b""
    assert view["nonce"] == "0x0"


async def test_blocks_past_the_head_are_refused_where_state_is_needed(bench: Bench) -> None:
    for method, *params in (
        ("eth_call", {"to": hexed(bytes(20))}),
        ("eth_getCode", hexed(bytes(20))),
        ("eth_getProof", hexed(bytes(20)), []),
        ("eth_getTransactionCount", hexed(bytes(20))),
    ):
        with pytest.raises(RpcError, match="header not found"):
            bench.call(method, *params, "0x99")
