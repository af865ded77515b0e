"""Accounts and storage as a block's state root commits to them, with Merkle-Patricia proofs.

Source: EIP-1186 (`eth_getProof`): keys are keccak of the 20-byte address and of the 32-byte slot.
"""

import rlp
from eth.rlp.accounts import Account
from eth_utils.crypto import keccak
from trie.hexary import HexaryTrie

from adapters.ledger.embedded.chain import EmbeddedChain
from adapters.ledger.embedded.store import LevelStore


class Accounts:
    """The accounts under one state root."""

    def __init__(self, nodes: LevelStore, state_root: bytes) -> None:
        self._nodes = nodes
        self._trie = HexaryTrie(nodes, state_root)

    def account(self, address: bytes) -> Account:
        """The account; an empty one where there is none."""
        encoded = self._trie[keccak(address)]
        return rlp.decode(encoded, sedes=Account) if encoded else Account()

    def code(self, address: bytes) -> bytes:
        """Runtime code, empty for an account without."""
        code_hash = self.account(address).code_hash
        return b"" if code_hash == keccak(b"") else self._nodes[code_hash]

    def storage(self, address: bytes, slot: bytes) -> int:
        """The word in the 32-byte slot."""
        encoded = self._storage_trie(address)[keccak(slot)]
        return rlp.decode(encoded, sedes=rlp.sedes.big_endian_int) if encoded else 0

    def account_proof(self, address: bytes) -> list[bytes]:
        """RLP of the nodes from the state root to the account, or to where it would be."""
        return [rlp.encode(node) for node in _proof(self._trie, keccak(address))]

    def storage_proof(self, address: bytes, slot: bytes) -> list[bytes]:
        """RLP of the nodes from the account's storage root to the slot, or to where it would be."""
        return [rlp.encode(node) for node in _proof(self._storage_trie(address), keccak(slot))]

    def _storage_trie(self, address: bytes) -> HexaryTrie:
        return HexaryTrie(self._nodes, self.account(address).storage_root)


class Nonces:
    """Next nonces in the newest block, read once per block and account: the pool asks all the time."""

    def __init__(self, chain: EmbeddedChain) -> None:
        self._chain = chain
        self._head_hash = b""
        self._known: dict[bytes, int] = {}

    def read(self, account: bytes) -> int:
        """The account's next nonce, counting mined transactions only."""
        head = self._chain.head
        if head.hash != self._head_hash:
            self._head_hash, self._known = head.hash, {}
        if account not in self._known:
            accounts = Accounts(self._chain.trie_nodes(), head.state_root)
            self._known[account] = accounts.account(account).nonce
        return self._known[account]


def _proof(trie: HexaryTrie, key: bytes) -> tuple[object, ...]:
    nodes: tuple[object, ...] = trie.get_proof(key)  # type: ignore[no-untyped-call]
    return nodes
