"""What the twin's contracts hold as the real ones hold it: the same words in the same slots, in real tries.

Only what can be proven is there: members, the address book, anchors, grants and subjects. Nodes are never dropped, so
that every block can be proven for ever.
"""

from collections.abc import Hashable, Iterable
from typing import Any

import rlp
from eth_hash.auto import keccak
from trie.constants import BLANK_NODE_HASH
from trie.hexary import HexaryTrie

from adapters.ledger.artifact import ALLIANCE
from adapters.ledger.deployment import Deployment
from adapters.ledger.memory.state import State
from node.domain import storage_layout as layout
from node.domain.controller import controllers_digest
from node.domain.ledger_proof import Storage
from node.domain.member import Member, member_name_to_bytes32
from node.domain.proven_state import GrantStanding, mapping_slot, slot_at
from node.domain.storage_layout import Place

Change = tuple[str, Hashable]
"""Table and key of a value that may have changed."""
_Word = tuple[bytes, bytes, bytes]
"""Contract, slot, 32 bytes."""

_WORD_BYTES = 32
_NO_UNCLES = keccak(rlp.encode([]))
_GAS_LIMIT = 30_000_000


class Tries:
    """Account and storage tries of all blocks."""

    def __init__(self, state: State, deployment: Deployment) -> None:
        """Args:
        state: what the contracts hold now.
        deployment: where they are.
        """
        self._state, self._alliance = state, deployment.address_of(ALLIANCE)
        self._nodes: dict[bytes, bytes] = {}
        self._decoded: dict[bytes, Any] = {}

    def apply(self, root: bytes, changes: Iterable[Change]) -> bytes:
        """The state root after changes to the state behind `root`."""
        accounts = self._trie(root)
        storages: dict[bytes, HexaryTrie] = {}
        words: list[_Word] = []
        for table, key in dict.fromkeys(changes):
            if table == "code" and isinstance(key, bytes):
                self._put_account(accounts, key, BLANK_NODE_HASH)
            else:
                words += self._words(table, key)
        for address, slot, word in words:
            if address not in storages:
                storages[address] = self._trie(_account(accounts, address)[2])
            value = int.from_bytes(word, "big")
            storages[address][keccak(slot)] = rlp.encode(value) if value else b""
        for address, storage in storages.items():
            self._put_account(accounts, address, storage.root_hash)
        new_root: bytes = accounts.root_hash
        return new_root

    def nodes_of(self, root: bytes, wanted: Storage) -> list[bytes]:
        """The nodes that prove the slots."""
        met = _Met(self._nodes)
        accounts = _Trie(met, root, self._decoded)
        for address, slots in wanted.items():
            if accounts[keccak(address)]:
                storage = _Trie(met, _account(accounts, address)[2], self._decoded)
                for slot in slots:
                    storage.get(keccak(slot))
        return list(met.values())

    def _trie(self, root: bytes) -> "_Trie":
        return _Trie(self._nodes, root, self._decoded)

    def _put_account(self, accounts: HexaryTrie, address: bytes, storage_root: bytes) -> None:
        code_hash = self._state.get("code", address)
        accounts[keccak(address)] = rlp.encode([1, 0, storage_root, code_hash])

    def _words(self, table: str, key: Hashable) -> Iterable[_Word]:
        value = self._state.get(table, key)
        if value is None:
            return []
        at, place = self._alliance, b""
        fields: dict[Place, bytes | int]
        match table, key:
            case "member", str(name):
                place = mapping_slot(member_name_to_bytes32(name), layout.ALLIANCE_MEMBERS)
                fields = _member_fields(value)
            case "since", str(name):
                place = mapping_slot(member_name_to_bytes32(name), layout.ALLIANCE_ACTIVE_SINCE)
                fields = {Place(0, 0, 8): value}
            case "count", "active":
                place, fields = bytes(_WORD_BYTES), {layout.ALLIANCE_ACTIVE_COUNT: value}
            case "former", str(name):
                place = mapping_slot(member_name_to_bytes32(name), layout.ALLIANCE_FORMER)
                fields = {
                    layout.FORMER["version"]: value.version,
                    layout.FORMER["accountUntil"]: value.account_until,
                    layout.FORMER["identityUntil"]: value.identity_until,
                    layout.FORMER["logSize"]: value.log_size,
                }
            case "contract", str(name):
                place = mapping_slot(name.encode().ljust(_WORD_BYTES, b"\0"), layout.ALLIANCE_CONTRACTS)
                words = [(at, place, len(value).to_bytes(_WORD_BYTES, "big"))]
                first = keccak(place)
                rows = enumerate(value)
                return words + [(at, slot_at(first, i), one.rjust(_WORD_BYTES, b"\0")) for i, one in rows]
            case "anchor", (bytes(at), str(name)):
                place = mapping_slot(member_name_to_bytes32(name), layout.ANCHORS_LATEST)
                fields = {
                    layout.ANCHOR["size"]: value.size,
                    layout.ANCHOR["time"]: value.time,
                    layout.ANCHOR["root"]: value.root,
                }
            case "subject", (bytes(at), bytes(subject)):
                place = mapping_slot(subject, layout.SUBJECTS_SUBJECTS)
                fields = {
                    layout.SUBJECT["home"]: member_name_to_bytes32(value.home),
                    layout.SUBJECT["version"]: value.version,
                    layout.SUBJECT["digest"]: controllers_digest(value.controllers),
                }
            case "grant", (bytes(at), bytes(grant)):
                place = mapping_slot(grant, layout.GRANTS_GRANTS)
                standing = GrantStanding.REVOKED if value.is_revoked else GrantStanding.REGISTERED
                fields = {layout.GRANT["state"]: standing, layout.GRANT["expires"]: value.expires}
            case _:
                return []
        return [(at, slot_at(place, distance), word) for distance, word in _pack(fields).items()]


class _Trie(HexaryTrie):
    """Decodes a node once for all tries and all blocks: it stands under its hash."""

    def __init__(self, nodes: dict[bytes, bytes], root: bytes, decoded: dict[bytes, Any]) -> None:
        super().__init__(nodes, root)
        self._decoded = decoded

    def get_node(self, node_hash: bytes) -> Any:
        if len(node_hash) != _WORD_BYTES or node_hash == BLANK_NODE_HASH:
            return super().get_node(node_hash)  # type: ignore[no-untyped-call]
        self.db[node_hash]  # who collects what a look-up meets must see it
        node = self._decoded.get(node_hash)
        if node is None:
            node = self._decoded[node_hash] = super().get_node(node_hash)  # type: ignore[no-untyped-call]
        # The trie changes nodes in place on its way to new ones.
        return [list(item) if isinstance(item, list) else item for item in node]


class _Met(dict[bytes, bytes]):
    """The nodes that were read."""

    def __init__(self, nodes: dict[bytes, bytes]) -> None:
        super().__init__()
        self._nodes = nodes

    def __missing__(self, key: bytes) -> bytes:
        self[key] = self._nodes[key]
        return self[key]


def header_of(parent: bytes, number: int, time: int, state_root: bytes, content: bytes) -> bytes:
    """RLP of a header as the engines have it, of the twin's own making where it has no such thing.

    Args:
        parent: hash of the block before.
        number: of the block.
        time: seconds since 1970 UTC.
        state_root: after the block.
        content: what is in it, and what makes it another than a block that was lost.
    """
    empty, nothing = bytes(32), b""
    items: list[bytes | int] = [parent, _NO_UNCLES, bytes(20), state_root, keccak(content), empty]
    items += [bytes(256), nothing, number, _GAS_LIMIT, nothing, time, nothing, empty, bytes(8)]
    encoded: bytes = rlp.encode(items)
    return encoded


def _account(accounts: HexaryTrie, address: bytes) -> list[bytes]:
    decoded: list[bytes] = rlp.decode(accounts[keccak(address)])
    return decoded


def _member_fields(member: Member) -> dict[Place, bytes | int]:
    return {
        layout.MEMBER["id"]: member_name_to_bytes32(member.name),
        layout.MEMBER["roles"]: member.roles,
        layout.MEMBER["account"]: member.account,
        layout.MEMBER["identityX"]: member.identity_key[:_WORD_BYTES],
        layout.MEMBER["identityY"]: member.identity_key[_WORD_BYTES:],
        layout.MEMBER["logKey"]: member.log_key,
        layout.MEMBER["sealingKey"]: member.sealing_key,
    }


def _pack(fields: dict[Place, bytes | int]) -> dict[int, bytes]:
    """Words by their distance from the struct's first slot."""
    words: dict[int, int] = {}
    for place, value in fields.items():
        number = int.from_bytes(value, "big") if isinstance(value, bytes) else value
        words[place.slot] = words.get(place.slot, 0) | number << (8 * place.offset)
    return {slot: word.to_bytes(_WORD_BYTES, "big") for slot, word in words.items()}
