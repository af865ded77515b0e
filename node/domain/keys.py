"""A member's keys and how one set follows another.

A change is signed by the identity key before it, over EIP-712 data that the alliance contract checks
(`docs/formats/ledger.md`, key changes). So whoever knows a member's keys at one time can follow them to any later
time without asking a ledger, and the keys of the past stay known together with what they were good for.
"""

import enum
from dataclasses import dataclass, replace

from node.domain.member import FormerKeys, Member

MAX_OVERLAP_SECONDS = 30 * 86_400


class KeyKind(enum.Enum):
    """What a node's keys are for."""

    ACCOUNT = "account"
    """secp256k1: signs ledger transactions."""
    IDENTITY = "identity"
    """P-256: vouches for TLS leaves, signs documents."""
    LOG = "log"
    """Ed25519: signs checkpoints."""
    SEALING = "sealing"
    """X25519: opens what is sealed to this member."""
    DATA = "data"
    """256 bits: wraps the keyring. Known to nobody else."""
    INDEX = "index"
    """256 bits: files guessable names, makes application codes. Stays as long as the node: what it files would not
    be found again."""


ON_LEDGER = (KeyKind.ACCOUNT, KeyKind.IDENTITY, KeyKind.LOG, KeyKind.SEALING)


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """One generation of one key, without the key."""

    kind: KeyKind
    generation: int
    """From 1."""
    public: str
    """Public key or address in hex; a fingerprint for those that have no public half."""
    holder: str
    """`file`, `pkcs11` or `ssh-agent`."""
    is_present: bool


@dataclass(frozen=True, slots=True)
class KeySet:
    """The four public keys that the ledger holds of a member; lengths as in `Member`."""

    account: bytes
    identity_key: bytes
    log_key: bytes
    sealing_key: bytes

    @staticmethod
    def of(member: Member) -> "KeySet":
        """A member's present keys."""
        return KeySet(member.account, member.identity_key, member.log_key, member.sealing_key)


@dataclass(frozen=True, slots=True)
class KeyChange:
    """`IAlliance.KeyChange`: all four keys, those that stay included."""

    keys: KeySet
    log_size: int
    """The log key before counts for checkpoints up to this size; 0 if it stays."""
    overlap_until: int
    """The account and identity key before count until then too; 0 for not at all."""


@dataclass(frozen=True, slots=True)
class KeyProofs:
    """`IAlliance.KeyProofs`, each over `key_change_digest`."""

    identity: bytes
    """64 bytes, ES256 by the identity key before."""
    new_identity: bytes
    """64 bytes by the new one; empty if it stays."""
    new_account: bytes
    """65 bytes, r ‖ s ‖ v, by the new account; empty if it stays."""


@dataclass(frozen=True, slots=True)
class Succession:
    """One change of one member's keys, with what proves it."""

    member: str
    version: int
    """Counts the member's changes from 1."""
    time: int
    """Of the block that took it; not proven by the signatures."""
    change: KeyChange
    proofs: KeyProofs


def succeed(member: Member, succession: Succession) -> Member:
    """The member after a change that the ledger took."""
    change, keys = succession.change, succession.change.keys
    before = FormerKeys(
        identity_key=member.identity_key,
        log_key=member.log_key,
        # What stays is never former: it goes on counting.
        identity_until=max(change.overlap_until, succession.time)
        if keys.identity_key != member.identity_key
        else None,
        log_size=change.log_size if keys.log_key != member.log_key else None,
        since=succession.time,
    )
    earlier = member.former
    if before.identity_until is not None:
        # Only one key before counts at a time: an overlap that is not over ends with the next change.
        earlier = tuple(
            replace(one, identity_until=min(one.identity_until, succession.time))
            if one.identity_until is not None
            else one
            for one in earlier
        )
    return replace(
        member,
        account=keys.account,
        identity_key=keys.identity_key,
        log_key=keys.log_key,
        sealing_key=keys.sealing_key,
        former=(*earlier, before),
    )
