"""RFC 9162 2.1 as it is written, recursively: the oracle for what the contract checks."""

from hashlib import sha256


def leaves(count: int) -> list[bytes]:
    return [index.to_bytes(4, "big") for index in range(count)]


def root(entries: list[bytes]) -> bytes:
    """2.1.1, the Merkle tree hash."""
    if not entries:
        return sha256(b"").digest()
    if len(entries) == 1:
        return sha256(b"\0" + entries[0]).digest()
    split = _split(len(entries))
    return sha256(b"\1" + root(entries[:split]) + root(entries[split:])).digest()


def consistency(old_size: int, entries: list[bytes]) -> list[bytes]:
    """2.1.4.1, the proof that the first `old_size` entries are the tree's beginning."""
    return _subproof(old_size, entries, whole=True)


def _subproof(old_size: int, entries: list[bytes], *, whole: bool) -> list[bytes]:
    if old_size == len(entries):
        return [] if whole else [root(entries)]
    split = _split(len(entries))
    if old_size <= split:
        return [*_subproof(old_size, entries[:split], whole=whole), root(entries[split:])]
    return [*_subproof(old_size - split, entries[split:], whole=False), root(entries[:split])]


def _split(count: int) -> int:
    """The largest power of two below `count`."""
    return 1 << (count - 1).bit_length() - 1
