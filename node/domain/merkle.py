"""The RFC 6962 Merkle tree: hashing, growing from stored nodes, inclusion and consistency proofs.

A node of the tree is named by (level, index): level 0 holds the leaf hashes, and node (l, i) covers leaves
i·2^l up to (i+1)·2^l. Only complete nodes are stored, each once and for ever; what hangs over the right edge
is computed from them. Growing, proving and checking cost the logarithm of the size.

Source: RFC 6962 2.1; RFC 9162 2.1.3 and 2.1.4 for the checks.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence

from node.errors import InclusionError

ReadNode = Callable[[int, int], bytes]
"""(level, index) → 32 bytes of a complete, stored node."""

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()
MAX_PROOF_NODES = 64


def leaf_hash(entry: bytes) -> bytes:
    """SHA-256(0x00 ‖ entry)."""
    return hashlib.sha256(b"\0" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 ‖ left ‖ right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def grow(size: int, leaves: Iterable[bytes], read: ReadNode) -> Iterator[tuple[int, int, bytes]]:
    """Append leaf hashes to a tree of `size` leaves and yield every node that becomes complete.

    Yields:
        (level, index, hash), children before parents; the caller stores them.
    """
    level, first, fresh = 0, size, list(leaves)
    while fresh:
        for offset, value in enumerate(fresh):
            yield level, first + offset, value
        if first & 1:
            fresh.insert(0, read(level, first - 1))
            first -= 1
        fresh = [node_hash(fresh[i], fresh[i + 1]) for i in range(0, len(fresh) - 1, 2)]
        level, first = level + 1, first >> 1


def root_hash(size: int, read: ReadNode) -> bytes:
    """The tree head at `size`, from at most log2(size) stored nodes."""
    return _range_hash(0, size, read) if size else EMPTY_ROOT


def inclusion_proof(index: int, size: int, read: ReadNode) -> list[bytes]:
    """Sibling hashes from leaf to root; empty for a tree of one leaf.

    Raises:
        InclusionError: there is no leaf `index` in a tree of `size`.
    """
    if not 0 <= index < size:
        raise InclusionError(f"no leaf {index} in a tree of {size}")
    proof: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            proof.append(_range_hash(middle, end, read))
            end = middle
        else:
            proof.append(_range_hash(start, middle, read))
            start = middle
    return proof[::-1]


def consistency_proof(old_size: int, new_size: int, read: ReadNode) -> list[bytes]:
    """Nodes that show the tree of `new_size` to begin with the tree of `old_size`; empty if they are equal.

    Raises:
        InclusionError: `old_size` is not in 1..`new_size`.
    """
    if not 0 < old_size <= new_size:
        raise InclusionError(f"no consistency proof from {old_size} to {new_size}")
    proof: list[bytes] = []
    start, end, is_old_whole = 0, new_size, True
    while end != old_size:
        middle = start + _split(end - start)
        if old_size <= middle:
            proof.append(_range_hash(middle, end, read))
            end = middle
        else:
            proof.append(_range_hash(start, middle, read))
            start, is_old_whole = middle, False
    if not is_old_whole:
        proof.append(_range_hash(start, end, read))
    return proof[::-1]


def root_from_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes]) -> bytes:
    """The root to which the proof leads from leaf hash `leaf`; the caller compares it with a trusted one.

    Raises:
        InclusionError: the proof has the wrong shape for this place and size.
    """
    _check_shape(proof)
    if not 0 <= index < size:
        raise InclusionError(f"no leaf {index} in a tree of {size}")
    fn, sn, value = index, size - 1, leaf
    for sibling in proof:
        if sn == 0:
            raise InclusionError("the inclusion proof is too long")
        if fn & 1 or fn == sn:
            value = node_hash(sibling, value)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            value = node_hash(value, sibling)
        fn, sn = fn >> 1, sn >> 1
    if sn:
        raise InclusionError("the inclusion proof is too short")
    return value


def verify_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes) -> None:
    """Check that leaf hash `leaf` stands at `index` in the tree of `size` with `root`.

    Raises:
        InclusionError: it does not, or the proof is malformed.
    Source: RFC 9162 2.1.3.2.
    """
    if root_from_inclusion(index, size, leaf, proof) != root:
        raise InclusionError("the inclusion proof does not lead to the root")


def verify_consistency(
    old_size: int, new_size: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]
) -> None:
    """Check that the tree of `new_size` begins with the tree of `old_size`.

    Raises:
        InclusionError: it does not, or the proof is malformed.
    Source: RFC 9162 2.1.4.2.
    """
    _check_shape(proof)
    if not 0 < old_size <= new_size:
        raise InclusionError(f"no consistency from {old_size} to {new_size}")
    if old_size == new_size:
        if proof or old_root != new_root:
            raise InclusionError("trees of one size have different roots")
        return
    nodes = list(proof) if old_size & (old_size - 1) else [old_root, *proof]
    if not nodes:
        raise InclusionError("the consistency proof is too short")
    fn, sn = old_size - 1, new_size - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    old = new = nodes[0]
    for sibling in nodes[1:]:
        if sn == 0:
            raise InclusionError("the consistency proof is too long")
        if fn & 1 or fn == sn:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            new = node_hash(new, sibling)
        fn, sn = fn >> 1, sn >> 1
    if sn or old != old_root or new != new_root:
        raise InclusionError("the consistency proof does not join the two roots")


def _check_shape(proof: Sequence[bytes]) -> None:
    if len(proof) > MAX_PROOF_NODES or any(len(node) != HASH_BYTES for node in proof):
        raise InclusionError(f"a proof has at most {MAX_PROOF_NODES} nodes of {HASH_BYTES} bytes")


def _split(width: int) -> int:
    """The largest power of two smaller than `width` (RFC 6962 2.1)."""
    return 1 << (width - 1).bit_length() - 1


def _range_hash(start: int, end: int, read: ReadNode) -> bytes:
    """MTH of leaves start..end, a range that the RFC's recursion meets: its left parts are complete."""
    width = end - start
    if width & (width - 1) == 0:
        level = width.bit_length() - 1
        return read(level, start >> level)
    middle = start + _split(width)
    return node_hash(_range_hash(start, middle, read), _range_hash(middle, end, read))
