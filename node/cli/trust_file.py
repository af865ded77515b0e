"""Files with entries of the trust list, which people may write and edit."""

from pathlib import Path
from typing import TypeVar

import msgspec

from node.domain.encoding import parse_readable_json
from node.domain.trust import TrustAnchor, TrustList, check_anchor, check_anchors
from node.errors import ConfigError, DocumentFormatError

T = TypeVar("T")


def read_entry(path: Path) -> TrustAnchor:
    """An entry in a file that people may have edited.

    Raises:
        ConfigError: the file cannot be read.
        NodeError: it holds no usable entry.
    """
    return check_anchor(_convert(path, TrustAnchor))


def read_trust(path: Path | None) -> TrustList | None:
    """A list that `trust list --out` wrote; None for no file.

    Raises:
        ConfigError: the file cannot be read.
        NodeError: it holds no list.
    """
    if path is None:
        return None
    anchors = _convert(path, tuple[TrustAnchor, ...])
    check_anchors(anchors)
    return TrustList(anchors)


def _convert(path: Path, kind: type[T]) -> T:
    try:
        return msgspec.convert(parse_readable_json(path.read_bytes()), type=kind)
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error
    except msgspec.ValidationError as error:
        raise DocumentFormatError(f"{path}: {error}") from error
