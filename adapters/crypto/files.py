"""Secret files: readable by this user only, never overwritten, on disk when written."""

import os
from pathlib import Path

from node.errors import ConfigError


def write_secret(path: Path, content: bytes) -> None:
    """Create a file that only this user can read; never overwrites, and is on disk when this returns.

    Raises:
        ConfigError: it exists, or cannot be written.
    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        sync_folder(path.parent)
    except OSError as error:
        raise ConfigError(f"cannot write {path}: {error.strerror}") from error


def read_secret(path: Path) -> bytes:
    """Read a file that must not be readable by others.

    Raises:
        ConfigError: it is missing, or others may read it.
    """
    try:
        mode = path.stat().st_mode
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error
    if mode & 0o077:
        raise ConfigError(
            f"{path} is readable by others; run chmod 600 on it, and consider the key disclosed"
        )
    return content


def sync_folder(path: Path) -> None:
    """Make what was created, renamed or removed in a folder durable.

    Raises:
        OSError: the folder cannot be opened or synced.
    """
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
