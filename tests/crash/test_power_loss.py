"""The store after a power loss: every write is whole or absent, wherever the disk stopped.

Every write is a synced batch at the end of one log, so what was not synced is the tail of that log. It is cut off
here at every byte. Not shown: a disk that keeps later pages and loses earlier ones in the middle of a synced
part, which no log survives.
"""

import contextlib
import itertools
import os
import random
import shutil
from pathlib import Path

import pytest

from adapters.store.leveldb import LevelStore
from node.errors import StoreError
from node.ports import Batch
from tests.support.crash_stores import newest_log, rewind

_BLOCK = 32_768
"""LevelDB's logs are made of blocks; batches that cross one are written in pieces."""
State = dict[bytes, bytes]


@pytest.fixture
def scratch(tmp_path):
    """In memory where there is some: thousands of syncs."""
    memory = Path("/dev/shm")
    folder = memory / f"heqi-{os.getpid()}" if memory.is_dir() else tmp_path / "scratch"
    folder.mkdir()
    yield folder
    shutil.rmtree(folder)


def written(folder: Path, sizes: list[int]) -> tuple[list[int], list[State]]:
    """Length of the log and content after each batch; the first entries are those of the empty store."""
    store, state, rng = LevelStore(folder), {}, random.Random(7)
    lengths, states = [newest_log(folder).stat().st_size], [{}]
    for number, size in enumerate(sizes):
        batch = Batch()
        batch.put(b"first/%d" % number, rng.randbytes(size))
        batch.put(b"last", b"%d" % number)
        if number:
            batch.delete(b"first/%d" % (number - 1))
        store.write(batch)
        for key, value in batch.changes.items():
            state.pop(key, None) if value is None else state.update({key: value})
        lengths.append(newest_log(folder).stat().st_size)
        states.append(dict(state))
    # As a killed process leaves it.
    shutil.copytree(folder, folder.with_name("killed"))
    store.close()
    return lengths, states


def reopened(folder: Path, length: int, acknowledged: int, *, zeros: int = 0) -> State:
    """What a store shows that has acknowledged so many batches, and finds its log with this length, then zeros."""
    cut = folder.with_name("cut")
    shutil.copytree(folder.with_name("killed"), cut)
    rewind(cut, acknowledged)
    os.truncate(newest_log(cut), length)
    os.truncate(newest_log(cut), length + zeros)
    try:
        store = LevelStore(cut)
        try:
            found = dict(store.scan(b""))
            go_on = Batch()
            go_on.put(b"after", b"1")
            store.write(go_on)
        finally:
            store.close()
        store = LevelStore(cut)
        assert dict(store.scan(b"")) == found | {b"after": b"1"}
        store.close()
        return found
    finally:
        shutil.rmtree(cut)


def test_a_log_cut_off_at_every_byte(scratch):
    lengths, states = written(scratch / "data", [10, 0, 50, 1])
    for number, (start, end) in enumerate(itertools.pairwise(lengths)):
        for length in range(start, end):
            assert reopened(scratch / "data", length, number) == states[number], (number, length - start)
    assert reopened(scratch / "data", lengths[-1], len(states) - 1) == states[-1]


def test_a_log_that_lost_what_was_acknowledged_is_refused(scratch):
    """Cut off by a file system, by damage, by a copy: LevelDB would open it and say nothing."""
    lengths, states = written(scratch / "data", [10, 0, 50, 1])
    for number, (start, end) in enumerate(itertools.pairwise(lengths)):
        for acknowledged in range(number + 1, len(states)):
            for length in (start, start + 3, end - 1):
                with pytest.raises(StoreError, match="has lost the last"):
                    reopened(scratch / "data", length, acknowledged)


def test_a_log_cut_off_around_its_blocks(scratch):
    lengths, states = written(scratch / "data", [100, _BLOCK - 200, 3 * _BLOCK, 20])
    rng = random.Random(11)
    for number, (start, end) in enumerate(itertools.pairwise(lengths)):
        edges = [edge + off for edge in range(0, end, _BLOCK) for off in range(-9, 10)]
        places = {place for place in edges if start <= place < end} | {
            rng.randrange(start, end) for _ in range(20)
        }
        for length in places:
            assert reopened(scratch / "data", length, number) == states[number], (number, length - start)


def test_a_tail_of_zeros_is_never_taken_for_data(scratch):
    """Some file systems keep a file's new length and not its new content.

    Nothing but zeros is passed over. Half a batch and then zeros may be refused, although nothing acknowledged is
    in it: LevelDB cannot tell it from damage, and an operator decides. Never is a part shown.
    """
    lengths, states = written(scratch / "data", [100, 300, 2 * _BLOCK])
    for number, (start, end) in enumerate(itertools.pairwise(lengths)):
        assert reopened(scratch / "data", start, number, zeros=end - start) == states[number]
        for length in (start + 1, start + 6, start + 7, start + 50, (start + end) // 2):
            with contextlib.suppress(StoreError):
                assert reopened(scratch / "data", length, number, zeros=end - length) == states[number]
        with pytest.raises(StoreError, match="Corruption"):
            reopened(scratch / "data", (start + end) // 2, number, zeros=end - (start + end) // 2)
