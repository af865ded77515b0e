"""An archive as a folder: written whole or not at all, read without believing a name in it."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from adapters.crypto.files import sync_folder
from node.domain.archive import MANIFEST, STATEMENT, FileEntry, encode_line, file_entry, is_archive_path
from node.errors import ArchiveError, ConfigError, StoreError

_MAX_FILE_BYTES = 64 << 20
_MAX_MANIFEST_BYTES = 1 << 30
Sign = Callable[[bytes, int], str]
"""(content of the manifest, how many files it names) → the statement."""


def write_archive(
    target: Path, files: Iterable[tuple[str, bytes]], sign: Sign, tell: Callable[[int, int], None]
) -> None:
    """Write an archive beside its place and move it there when all of it is on disk.

    Args:
        target: must not exist.
        files: path and content.
        sign: called when all other files are written.
        tell: told how many files and bytes are written.

    Raises:
        ConfigError: `target` exists, or its parent does not.
        StoreError: the disk is full or fails; nothing is left behind.
    """
    check_target(target)
    try:
        draft = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    except OSError as error:
        raise ConfigError(f"cannot write into {target.parent}: {error.strerror}") from error
    try:
        entries: list[FileEntry] = []
        size = 0
        for path, content in files:
            entries.append(file_entry(path, content))
            _write(draft / path, content)
            size += len(content)
            tell(len(entries), size)
        entries.sort(key=lambda entry: entry.path)
        manifest = b"".join(map(encode_line, entries))
        _write(draft / MANIFEST, manifest)
        _write(draft / STATEMENT, sign(manifest, len(entries)).encode("ascii") + b"\n")
        for folder, _, _ in os.walk(draft, topdown=False):
            sync_folder(Path(folder))
        draft.rename(target)
        sync_folder(target.parent)
    except OSError as error:
        raise StoreError(f"the archive cannot be written: {error.strerror or error}") from error
    finally:
        if draft.exists():
            shutil.rmtree(draft, ignore_errors=True)


def check_target(target: Path) -> None:
    """That an archive can be written there.

    Raises:
        ConfigError: `target` exists, or its parent does not.
    """
    if target.exists() or target.is_symlink():
        raise ConfigError(f"{target} exists; an archive is written into a new folder")
    if not target.parent.is_dir():
        raise ConfigError(f"{target.parent} is no folder")


class ArchiveFolder:
    """A folder that somebody handed over."""

    def __init__(self, folder: Path) -> None:
        """Raises:
        ArchiveError: it is no folder with a statement in it.
        """
        self._folder = folder
        if folder.is_symlink() or not (folder / STATEMENT).is_file():
            raise ArchiveError(f"{folder} is no archive: there is no {STATEMENT} in it")

    def read(self, path: str) -> bytes:
        """A file.

        Raises:
            ArchiveError: it is missing, no ordinary file, or larger than a file of an archive can be.
        """
        if not is_archive_path(path):
            raise ArchiveError(f"{path!r} is no path of an archive")
        most = _MAX_MANIFEST_BYTES if path == MANIFEST else _MAX_FILE_BYTES
        try:
            # A link in the place of a file could lead to a device, or out of the archive.
            handle = os.open(self._folder / path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            with os.fdopen(handle, "rb") as file:
                if os.fstat(handle).st_size > most:
                    raise ArchiveError(f"{path} is too large")
                return file.read(most)
        except OSError as error:
            raise ArchiveError(f"{path}: {error.strerror}") from error

    def paths(self) -> Iterator[str]:
        """All files in it.

        Raises:
            ArchiveError: it holds what is neither an ordinary file nor a folder with files, or cannot be read.
        """
        yield from self._walk("")

    def _walk(self, within: str) -> Iterator[str]:
        is_empty = True
        try:
            with os.scandir(self._folder / within) as found:
                for entry in found:
                    is_empty = False
                    # Names that are not UTF-8 are shown, not printed raw.
                    path = f"{within}{entry.name}".encode("utf-8", "backslashreplace").decode()
                    if entry.is_dir(follow_symlinks=False):
                        yield from self._walk(f"{within}{entry.name}/")
                    elif entry.is_file(follow_symlinks=False):
                        yield path
                    else:
                        raise ArchiveError(f"{path} is no ordinary file")
        except OSError as error:
            raise ArchiveError(f"{within or self._folder}: {error.strerror}") from error
        if is_empty:
            raise ArchiveError(f"{within} is an empty folder; an archive has none")


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
