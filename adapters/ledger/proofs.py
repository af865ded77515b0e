"""Storage proofs of an engine (EIP-1186), brought into the one form of the domain and checked on the way."""

from collections.abc import Awaitable, Callable

import rlp

from adapters.ledger.engine import Engine
from node.domain.ledger import Block
from node.domain.ledger_proof import LedgerProof, Storage, make_ledger_proof, read_header
from node.errors import LedgerProofError, LedgerUnavailableError, ProofFormatError

Ask = Callable[..., Awaitable[object]]

_HASH, _ADDRESS, _BLOOM, _NONCE = 32, 20, 256, 8
_FIELDS: tuple[tuple[str, int | None], ...] = (
    ("parentHash", _HASH),
    ("sha3Uncles", _HASH),
    ("miner", _ADDRESS),
    ("stateRoot", _HASH),
    ("transactionsRoot", _HASH),
    ("receiptsRoot", _HASH),
    ("logsBloom", _BLOOM),
    ("difficulty", None),
    ("number", None),
    ("gasLimit", None),
    ("gasUsed", None),
    ("timestamp", None),
    ("extraData", 0),
    ("mixHash", _HASH),
    ("nonce", _NONCE),
)
"""Of a header in their order: how many bytes; 0 for any number of them, None for a quantity."""
_LATER_FIELDS: tuple[tuple[str, int | None], ...] = (
    ("baseFeePerGas", None),
    ("withdrawalsRoot", _HASH),
    ("blobGasUsed", None),
    ("excessBlobGas", None),
    ("parentBeaconBlockRoot", _HASH),
    ("requestsHash", _HASH),
)
"""What forks have added; a header ends where its fork did (EIP-1559, 4895, 4844, 4788, 7685)."""


async def prove(engine: Engine, ask: Ask, block: Block, storage: Storage) -> LedgerProof:
    """Ask for header and proofs.

    Args:
        engine: reads its answers.
        ask: sends a request.
        block: as the node knows it.
        storage: contracts and slots.

    Raises:
        LedgerUnavailableError: the engine has another block there, does not prove, or proves something else.
    """
    header = _header(engine, await ask("eth_getBlockByNumber", hex(block.number), False))
    nodes: list[bytes] = []
    for address, slots in sorted(storage.items()):
        keys = [_hex(slot) for slot in sorted(set(slots))]
        answer = await ask("eth_getProof", _hex(address), keys, hex(block.number))
        nodes += _nodes(engine, answer)
    try:
        if read_header(header).hash != block.hash:
            raise LedgerUnavailableError(f"{engine.url} shows another block {block.number} than was followed")
        return make_ledger_proof(header, storage, nodes)
    except (LedgerProofError, ProofFormatError) as error:
        raise LedgerUnavailableError(f"{engine.url} does not prove block {block.number}: {error}") from error


def _header(engine: Engine, answer: object) -> bytes:
    fields = engine.read_object(answer, "block")
    present = [*_FIELDS]
    for name, kind in _LATER_FIELDS:
        if fields.get(name) is None:
            break
        present.append((name, kind))
    items: list[bytes | int] = [
        engine.read_number(fields.get(name), "block")
        if length is None
        else engine.read_bytes(fields.get(name), "block", length or None)
        for name, length in present
    ]
    header: bytes = rlp.encode(items)
    return header


def _nodes(engine: Engine, answer: object) -> list[bytes]:
    proof = engine.read_object(answer, "proof")
    slots = _list(engine, proof.get("storageProof"))
    shown = [
        proof.get("accountProof"),
        *(engine.read_object(slot, "proof").get("proof") for slot in slots),
    ]
    return [engine.read_bytes(node, "proof") for nodes in shown for node in _list(engine, nodes)]


def _list(engine: Engine, value: object) -> list[object]:
    if not isinstance(value, list):
        raise engine.malformed("proof")
    return value


def _hex(raw: bytes) -> str:
    return "0x" + raw.hex()
