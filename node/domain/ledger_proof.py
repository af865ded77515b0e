"""What contracts held in one block, with Merkle-Patricia proofs to its header (`docs/formats/ledger-proof.md`).

A proof has one encoding: the nodes stand in the order in which the reader meets them, each once, none too many.
Source: EIP-1186 for the proofs, the Yellow Paper (4.1, 4.3, appendix D) for accounts, headers and tries; Besu's
`BftBlockHashing` for the hash of a QBFT block.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import rlp
from eth_hash.auto import keccak
from trie.exceptions import MissingTrieNode
from trie.hexary import HexaryTrie

from node.domain.encoding import canonical_json, decode_canonical, from_base64url, to_base64url
from node.errors import DocumentFormatError, LedgerProofError, ProofFormatError

LEDGER_PROOF_TYPE = "heqi.ledger-proof.v1"
MAX_PROOF_BYTES = 1 << 18
MAX_HEADER_BYTES = 1 << 14
MAX_NODE_BYTES = 1 << 10
"""The largest node is a branch of 17 items of at most 33 bytes."""
MAX_CONTRACTS = 64
MAX_SLOTS = 256
_MAX_NODES = 4096

_WORD_BYTES, _LONG_BYTES, _ADDRESS_BYTES = 32, 8, 20
_STATE_ROOT, _NUMBER, _TIME, _EXTRA_DATA, _MIX_HASH = 3, 8, 11, 12, 13
_LEAST_HEADER_ITEMS = 15
_QBFT_MIX_HASH = bytes.fromhex("63746963616c2062797a616e74696e65206661756c7420746f6c6572616e6365")
_QBFT_EXTRA_ITEMS = 5
_ACCOUNT_ITEMS = 4

Storage = Mapping[bytes, Iterable[bytes]]
"""32-byte slots by 20-byte address of the contract."""


class ShownContract(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which words of one contract are shown."""

    address: str
    """Base64url, 20 bytes."""
    slots: tuple[str, ...]
    """Base64url, 32 bytes each, ascending."""


class LedgerProof(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The proof as it is kept and shown."""

    type: str
    header: str
    """Base64url of the RLP of the block's header."""
    contracts: tuple[ShownContract, ...]
    """By ascending address."""
    nodes: tuple[str, ...]
    """Base64url, in the order in which they are first met."""


@dataclass(frozen=True, slots=True)
class ProvenBlock:
    """A header."""

    number: int
    hash: bytes
    """32 bytes, as the engine tells it."""
    time: int
    """Seconds since 1970 UTC."""
    state_root: bytes


@dataclass(frozen=True, slots=True)
class ProvenStorage:
    """What a checked proof shows."""

    block: ProvenBlock
    code_hashes: Mapping[bytes, bytes]
    """keccak256 of the code, by contract."""
    words: Mapping[tuple[bytes, bytes], bytes]
    """32 bytes by contract and slot; zeros where there is nothing."""


def parse_ledger_proof(raw: bytes) -> LedgerProof:
    """Read a proof without believing it.

    Raises:
        ProofFormatError: it is none, in the one allowed encoding of the members; `read_storage` checks the rest.
    """
    if len(raw) > MAX_PROOF_BYTES:
        raise ProofFormatError(f"a ledger proof has at most {MAX_PROOF_BYTES} bytes")
    try:
        return decode_canonical(raw, LedgerProof)
    except DocumentFormatError as error:
        raise ProofFormatError(f"not a ledger proof: {error}") from error


def encode_ledger_proof(proof: LedgerProof) -> bytes:
    """Canonical JSON."""
    return canonical_json(msgspec.to_builtins(proof))


def make_ledger_proof(header: bytes, wanted: Storage, nodes: Iterable[bytes]) -> LedgerProof:
    """Bring what an engine shows into the one form, and check it on the way.

    Args:
        header: RLP of the block's header.
        wanted: which contracts and slots.
        nodes: at least those that are needed, in any order.

    Raises:
        ProofFormatError: what the engine shows is malformed, or too large.
        LedgerProofError: it does not lead to the header's state root, or a contract is not there.
    """
    shown = {address: sorted(set(slots)) for address, slots in sorted(wanted.items())}
    walk = _Walk(nodes)
    walk.read(read_header(header), shown)
    proof = LedgerProof(
        type=LEDGER_PROOF_TYPE,
        header=to_base64url(header),
        contracts=tuple(
            ShownContract(to_base64url(address), tuple(map(to_base64url, slots)))
            for address, slots in shown.items()
        ),
        nodes=tuple(map(to_base64url, walk.met)),
    )
    if len(encode_ledger_proof(proof)) > MAX_PROOF_BYTES:
        raise ProofFormatError(f"a ledger proof has at most {MAX_PROOF_BYTES} bytes")
    return proof


def read_storage(proof: LedgerProof) -> ProvenStorage:
    """Check a proof: L1 to L5 of the page.

    Raises:
        ProofFormatError: it is malformed.
        LedgerProofError: a contract is not proven, or a node is missing, repeated, of no use or out of order.
    """
    if proof.type != LEDGER_PROOF_TYPE:
        raise ProofFormatError(f"unknown type of ledger proof {proof.type!r}")
    header = _read(proof.header, MAX_HEADER_BYTES)
    shown = _read_contracts(proof.contracts)
    if len(proof.nodes) > _MAX_NODES:
        raise ProofFormatError("the ledger proof has too many nodes")
    nodes = [_read(node, MAX_NODE_BYTES) for node in proof.nodes]
    walk = _Walk(nodes)
    storage = walk.read(read_header(header), shown)
    if walk.met != nodes:
        raise LedgerProofError("the ledger proof has nodes that are repeated, of no use, or out of order")
    return storage


def read_header(header: bytes) -> ProvenBlock:
    """Number, time, hash and state root of a block.

    Raises:
        ProofFormatError: it is no header.
    """
    items = _decode_list(header, "header")
    if len(items) < _LEAST_HEADER_ITEMS or not all(isinstance(item, bytes) for item in items):
        raise ProofFormatError("the header of the ledger proof is malformed")
    if len(items[_STATE_ROOT]) != _WORD_BYTES:
        raise ProofFormatError("the header of the ledger proof has no state root")
    number, time = _number(items[_NUMBER], _LONG_BYTES), _number(items[_TIME], _LONG_BYTES)
    if items[_MIX_HASH] == _QBFT_MIX_HASH and number:
        items[_EXTRA_DATA] = _without_seals(items[_EXTRA_DATA])
    return ProvenBlock(number, keccak(rlp.encode(items)), time, items[_STATE_ROOT])


class _Trie(HexaryTrie):
    """Decodes a node once, not once for each slot that it leads to."""

    def __init__(self, nodes: "_Walk", root: bytes) -> None:
        super().__init__(nodes, root)
        self._decoded = nodes.decoded

    def get_node(self, node_hash: bytes) -> Any:
        if len(node_hash) != _WORD_BYTES:
            return super().get_node(node_hash)  # type: ignore[no-untyped-call]
        node = self._decoded.get(node_hash)
        if node is None:
            node = self._decoded[node_hash] = super().get_node(node_hash)  # type: ignore[no-untyped-call]
        return node


class _Walk(dict[bytes, bytes]):
    """Nodes by hash, for the trie to read; remembers which it met."""

    def __init__(self, nodes: Iterable[bytes]) -> None:
        super().__init__((keccak(node), node) for node in nodes)
        self._met: dict[bytes, bytes] = {}
        self.decoded: dict[bytes, Any] = {}

    def __getitem__(self, key: bytes) -> bytes:
        node = super().__getitem__(key)
        self._met.setdefault(key, node)
        return node

    @property
    def met(self) -> list[bytes]:
        """In the order in which they were first met."""
        return list(self._met.values())

    def read(self, block: ProvenBlock, shown: Mapping[bytes, Iterable[bytes]]) -> ProvenStorage:
        code_hashes, words = {}, {}
        for address, slots in shown.items():
            encoded = self._look_up(block.state_root, keccak(address))
            if not encoded:
                raise LedgerProofError(f"there is no contract at 0x{address.hex()} in that block")
            account = _decode_list(encoded, "account")
            if len(account) != _ACCOUNT_ITEMS or any(len(item) != _WORD_BYTES for item in account[2:]):
                raise ProofFormatError("an account in the ledger proof is malformed")
            _, _, storage_root, code_hashes[address] = account
            for slot in slots:
                words[address, slot] = _word(self._look_up(storage_root, keccak(slot)))
        return ProvenStorage(block, code_hashes, words)

    def _look_up(self, root: bytes, key: bytes) -> bytes:
        try:
            found: object = _Trie(self, root)[key]
        except (MissingTrieNode, KeyError) as error:
            raise LedgerProofError("a node is missing in the ledger proof") from error
        except Exception as error:
            # A node that only who made up the header can have made; the library has no one word for that.
            raise ProofFormatError("a node of the ledger proof is malformed") from error
        if not isinstance(found, bytes):
            raise ProofFormatError("a node of the ledger proof is malformed")
        return found


def _read_contracts(contracts: tuple[ShownContract, ...]) -> dict[bytes, list[bytes]]:
    if not 0 < len(contracts) <= MAX_CONTRACTS:
        raise ProofFormatError(f"a ledger proof shows 1 to {MAX_CONTRACTS} contracts")
    shown: dict[bytes, list[bytes]] = {}
    for contract in contracts:
        slots = [_read(slot, _WORD_BYTES, exactly=True) for slot in contract.slots]
        if len(slots) > MAX_SLOTS or slots != sorted(set(slots)):
            raise ProofFormatError("the slots of a contract in the ledger proof are too many or out of order")
        shown[_read(contract.address, _ADDRESS_BYTES, exactly=True)] = slots
    if list(shown) != sorted(shown) or len(shown) != len(contracts):
        raise ProofFormatError("the contracts of the ledger proof are out of order")
    return shown


def _without_seals(extra_data: bytes) -> bytes:
    """Of a QBFT block: as it is hashed, with round 0 and no seals."""
    items = _decode_list(extra_data, "extra data")
    if len(items) != _QBFT_EXTRA_ITEMS:
        raise ProofFormatError("the header of the ledger proof is of no QBFT block")
    encoded: bytes = rlp.encode([*items[:3], b"", []])
    return encoded


def _read(text: str, length: int, *, exactly: bool = False) -> bytes:
    try:
        raw = from_base64url(text)
    except DocumentFormatError as error:
        raise ProofFormatError(f"the ledger proof is malformed: {error}") from error
    if len(raw) > length or (exactly and len(raw) != length):
        raise ProofFormatError("a byte string in the ledger proof has the wrong length")
    return raw


def _decode_list(raw: bytes, what: str) -> list[Any]:
    try:
        items = rlp.decode(raw)
        is_canonical = rlp.encode(items) == raw
    except (rlp.exceptions.RLPException, RecursionError, TypeError, ValueError) as error:
        raise ProofFormatError(f"the {what} in the ledger proof is no RLP") from error
    if not isinstance(items, list) or not is_canonical:
        raise ProofFormatError(f"the {what} in the ledger proof is no list")
    return items


def _word(encoded: bytes) -> bytes:
    if not encoded:
        return bytes(_WORD_BYTES)
    try:
        value = rlp.decode(encoded)
    except rlp.exceptions.RLPException as error:
        raise ProofFormatError("a word in the ledger proof is no RLP") from error
    if not value:
        raise ProofFormatError("a word in the ledger proof is an explicit zero")
    return _number(value, _WORD_BYTES).to_bytes(_WORD_BYTES, "big")


def _number(raw: object, length: int) -> int:
    if not isinstance(raw, bytes) or len(raw) > length or raw[:1] == b"\0":
        raise ProofFormatError("a number in the ledger proof is malformed")
    return int.from_bytes(raw, "big")
