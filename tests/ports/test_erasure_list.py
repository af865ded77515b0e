"""What every list of erasures must do; the file survives its crashes."""

import os
from pathlib import Path

import pytest

from adapters.store.erasure_file import LIST_FILE, REACH_FILE, FileErasureList, MemoryErasureList
from node.errors import StoreError
from node.ports import ErasureList


@pytest.fixture(params=["memory", "file"])
def made(request: pytest.FixtureRequest, tmp_path: Path) -> ErasureList:
    return MemoryErasureList() if request.param == "memory" else FileErasureList(tmp_path / "erasures")


def test_lines_are_read_from_any_place(made: ErasureList) -> None:
    assert made.read(0) == made.read(7) == b""
    made.append(b"one\n")
    made.append(b"two\n")
    assert (made.read(0), made.read(4), made.read(8), made.read(100)) == (b"one\ntwo\n", b"two\n", b"", b"")


def test_a_reach_is_remembered_and_grows_with_the_list(made: ErasureList) -> None:
    assert made.reach() == 0
    made.note_reach(5)
    assert made.reach() == 5
    made.append(b"one\n")
    assert made.reach() == 5
    made.note_reach(9)
    assert made.reach() == 9


def test_a_list_is_there_again_after_a_restart(tmp_path: Path) -> None:
    first = FileErasureList(tmp_path)
    first.append(b"one\n")
    first.note_reach(3)
    second = FileErasureList(tmp_path)
    assert (second.read(0), second.reach()) == (b"one\n", 3)
    assert os.stat(tmp_path / LIST_FILE).st_mode & 0o777 == 0o600


@pytest.mark.parametrize("torn", [b"x", b"half a line", b"y" * 200_000])
def test_half_a_line_goes(tmp_path: Path, torn: bytes) -> None:
    FileErasureList(tmp_path).append(b"one\n")
    with (tmp_path / LIST_FILE).open("ab") as file:
        file.write(torn)
    again = FileErasureList(tmp_path)
    assert again.read(0) == b"one\n"
    again.append(b"two\n")
    assert FileErasureList(tmp_path).read(0) == b"one\ntwo\n"


def test_a_reach_is_of_one_list_and_of_no_other(tmp_path: Path) -> None:
    newer, older = FileErasureList(tmp_path / "new"), FileErasureList(tmp_path / "old")
    for made in (newer, older):
        made.append(b"one\n")
    newer.append(b"two\n")
    newer.note_reach(50)
    (tmp_path / "old" / REACH_FILE).write_bytes((tmp_path / "new" / REACH_FILE).read_bytes())
    assert older.reach() == 0
    other = FileErasureList(tmp_path / "other")
    other.append(b"ano\n")
    other.append(b"two\n")
    (tmp_path / "other" / REACH_FILE).write_bytes((tmp_path / "new" / REACH_FILE).read_bytes())
    assert other.reach() == 0


def test_a_damaged_reach_is_told(tmp_path: Path) -> None:
    made = FileErasureList(tmp_path)
    (tmp_path / REACH_FILE).write_bytes(b"{}")
    with pytest.raises(StoreError):
        made.reach()


def test_a_folder_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreError):
        FileErasureList(tmp_path / "file")
