"""Members of an alliance: who they are, what they may do, and the public keys that others rely on."""

import enum
import re
from dataclasses import dataclass, replace

from node.errors import CodeFormatError

_MEMBER_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")


class Role(enum.IntFlag):
    """What a member is in the alliance; a bit mask, the same numbers as in `IAlliance.sol`."""

    CENTRE = 1
    GUARANTOR = 2
    SUPERVISOR = 4


def role_names(roles: int) -> str:
    """For people: `CENTRE+GUARANTOR`."""
    return "+".join(role.name or "" for role in Role(roles))


class Standing(enum.IntEnum):
    """Where a member stands; the same numbers as in `IStanding.sol`. Only an active one has rights."""

    ACTIVE = 1
    SUSPENDED = 2
    """By vote, until it is reinstated by vote."""
    ABSENT = 3
    """Set aside because it gave no sign of life; it comes back by its own step."""
    LEFT = 4
    """By its own step, after its notice."""


@dataclass(frozen=True, slots=True)
class FormerKeys:
    """What a member's keys were before a change, and how long they go on counting."""

    identity_key: bytes
    log_key: bytes
    identity_until: int | None
    """Documents and TLS leaves by the identity key count if they are of this time or earlier; None if the change left
    the identity key as it was."""
    log_size: int | None
    """Checkpoints up to this size are by the log key; None if the change left the log key as it was."""
    since: int
    """When the change was made."""


@dataclass(frozen=True, slots=True)
class Member:
    """One member as the ledger holds it. All keys are public."""

    name: str
    """Stable identifier, `[a-z][a-z0-9-]{0,30}`; on the ledger right-padded with zeros to 32 bytes."""
    roles: Role
    account: bytes
    """20 bytes: the address whose transactions the contracts take as this member's."""
    identity_key: bytes
    """64 bytes, x ‖ y on P-256: vouches for the member's TLS leaves and signs its documents."""
    log_key: bytes
    """32 bytes, Ed25519: signs the member's checkpoints."""
    sealing_key: bytes
    """32 bytes, X25519: what is sealed to this member is encrypted to it."""
    endpoint: str
    """`host:port` where other members reach the node."""
    wallet_endpoint: str
    """`host:port` where wallets reach the node."""
    former: tuple[FormerKeys, ...] = ()
    """One for each change of keys, oldest first."""

    def __post_init__(self) -> None:
        """Raises:
        CodeFormatError: the name or a key has the wrong form.
        """
        check_member_name(self.name)
        lengths = {"account": 20, "identity_key": 64, "log_key": 32, "sealing_key": 32}
        for field, length in lengths.items():
            if len(getattr(self, field)) != length:
                raise CodeFormatError(f"{field} of member {self.name!r} must have {length} bytes")

    def identity_keys(self, at: float) -> tuple[bytes, ...]:
        """The identity keys that count for what was signed at a time, the present one first.

        A TLS leaf or a request of this moment counts under the keys of this moment; a document under those of its
        own time.
        """
        before = [
            one.identity_key
            for one in reversed(self.former)
            if one.identity_until is not None and at <= one.identity_until
        ]
        return tuple(dict.fromkeys((self.identity_key, *before)))

    def moved_to(self, endpoint: str, wallet_endpoint: str) -> "Member":
        """The same member at other addresses."""
        return replace(self, endpoint=endpoint, wallet_endpoint=wallet_endpoint)

    def with_former_identity(self, key: bytes, until: int) -> "Member":
        """The same member with another identity key that counts too.

        Args:
            key: 64 bytes.
            until: end of the overlap, seconds since 1970 UTC.
        """
        former = FormerKeys(key, self.log_key, identity_until=until, log_size=None, since=0)
        return replace(self, former=(*self.former, former))

    @property
    def log_keys(self) -> frozenset[bytes]:
        """All keys that have ever signed its checkpoints and cosignatures."""
        return frozenset((self.log_key, *(one.log_key for one in self.former)))

    def log_key_at(self, size: int) -> bytes:
        """The key that signs the checkpoint of this size."""
        for one in self.former:
            if one.log_size is not None and size <= one.log_size:
                return one.log_key
        return self.log_key


def check_member_name(name: str) -> str:
    """Return `name` if it is a member name.

    Raises:
        CodeFormatError: it is not `[a-z][a-z0-9-]{0,30}`.
    """
    if not _MEMBER_NAME.fullmatch(name):
        raise CodeFormatError(
            f"{name!r} is not a member name: a lower-case letter, then at most 30 of a-z 0-9 -"
        )
    return name


def member_name_to_bytes32(name: str) -> bytes:
    """The name as the contracts hold it: ASCII, right-padded with zeros to 32 bytes."""
    return check_member_name(name).encode().ljust(32, b"\0")


def member_name_from_bytes32(raw: bytes) -> str:
    """The inverse of `member_name_to_bytes32`.

    Raises:
        CodeFormatError: the bytes are no padded member name.
    """
    try:
        name = raw.rstrip(b"\0").decode("ascii")
    except UnicodeDecodeError as error:
        raise CodeFormatError("a member name on the ledger is not ASCII") from error
    if member_name_to_bytes32(name) != raw:
        raise CodeFormatError("a member name on the ledger has 32 bytes")
    return name
