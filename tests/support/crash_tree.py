"""The log's Merkle tree once more, from RFC 6962 2.1 alone: a row of peaks that grows leaf by leaf."""

import hashlib


class Tree:
    """Grows; remembers its leaves, its complete nodes, and the root of every size that was asked for."""

    def __init__(self) -> None:
        self.leaves: list[bytes] = []
        self.nodes: dict[tuple[int, int], bytes] = {}
        self._peaks: list[tuple[int, bytes]] = []
        self._roots: dict[int, bytes] = {}

    def grow(self, leaf_hash: bytes) -> None:
        self.leaves.append(leaf_hash)
        level, value = 0, leaf_hash
        self.nodes[0, len(self.leaves) - 1] = value
        while self._peaks and self._peaks[-1][0] == level:
            value = _sha256(b"\x01" + self._peaks.pop()[1] + value)
            level += 1
            self.nodes[level, (len(self.leaves) - 1) >> level] = value
        self._peaks.append((level, value))
        self._roots.pop(len(self.leaves), None)

    def root(self, size: int) -> bytes:
        """The root at a size up to the present one."""
        if size not in self._roots:
            peaks = self._peaks if size == len(self.leaves) else self._peaks_of(size)
            value = peaks[-1][1]
            for _, peak in reversed(peaks[:-1]):
                value = _sha256(b"\x01" + peak + value)
            self._roots[size] = value
        return self._roots[size]

    def _peaks_of(self, size: int) -> list[tuple[int, bytes]]:
        peaks, start = [], 0
        for level in range(size.bit_length() - 1, -1, -1):
            if size >> level & 1:
                peaks.append((level, self.nodes[level, start >> level]))
                start += 1 << level
        return peaks


def leaf_hash(entry: bytes) -> bytes:
    return _sha256(b"\0" + entry)


def _sha256(raw: bytes) -> bytes:
    return hashlib.sha256(raw).digest()
