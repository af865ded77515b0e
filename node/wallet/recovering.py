"""What a company shows when it has lost its wallet's keys."""

import msgspec

from node.errors import ConfigError


class Papers(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of a key that may be lost some day. Nothing in it is secret; it names the company."""

    subject: str
    """Subject id, 64 hex digits."""
    delegation: str
    """For the key, a compact JWS."""
    acceptance: str
    """By the key, a compact JWS."""


def parse_papers(raw: bytes) -> Papers:
    """Read the file.

    Raises:
        ConfigError: it is none.
    """
    try:
        return msgspec.json.decode(raw, type=Papers)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ConfigError(f"these are no papers for a recovery: {error}") from error
