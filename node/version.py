"""The version of this software, as it was when the process began: not what was installed under it since then."""

from importlib import metadata


def _read() -> str:
    try:
        return metadata.version("heqi")
    except metadata.PackageNotFoundError:
        return "unknown"


VERSION = _read()
