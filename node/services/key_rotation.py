"""Changing this member's keys while everything goes on.

1 a new generation is made durable; the log signs by both from now on
2 the change, signed by the identity keys before and after, goes to the ledger through the outbox
3 when it is final the node uses the new keys; others have seen it in the same block
4 for the overlap the account and the identity key before count too: transactions under way, TLS leaves and
  documents of peers that are a little behind stay good. The identity key before goes on signing for the first half,
  so that everybody has learned of the new one when it begins to.

Whatever is interrupted goes on from what the folder and the ledger hold. The data key concerns nobody else: the new
one wraps at once, and what the old ones wrapped is wrapped again in the background; then they are destroyed.
"""

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from node.domain.act import ActKind
from node.domain.keys import (
    MAX_OVERLAP_SECONDS,
    ON_LEDGER,
    KeyChange,
    KeyInfo,
    KeyKind,
    KeyProofs,
    KeySet,
    Succession,
)
from node.domain.ledger import ChangeKeys
from node.domain.ledger_ids import Eip712Domain, key_change_message
from node.domain.member import Member
from node.errors import ConflictError, InvalidError, NotMemberError
from node.ports import Clock, Keys, Store
from node.services.acts import Acts
from node.services.alliance import Alliance
from node.services.log import Log
from node.services.outbox import Outbox
from node.services.transaction import Transaction
from node.services.vault import Vault

logger = logging.getLogger(__name__)

DEFAULT_OVERLAP_SECONDS = 7 * 86_400
_OBJECT = "keys"
_REWRAP_BATCH = 200


@dataclass(frozen=True, slots=True)
class KeyStatus:
    """One generation and what becomes of it."""

    info: KeyInfo
    state: str
    """`present`; `waiting` for the ledger; `overlap`: signs or counts until `until`; `former`."""
    until: int = 0
    """Seconds since 1970 UTC; zero where there is no end."""


class KeyRotation:
    """Makes, announces and takes up new keys."""

    def __init__(  # noqa: PLR0917
        self,
        store: Store,
        alliance: Alliance,
        outbox: Outbox,
        log: Log,
        vault: Vault,
        acts: Acts,
        keys: Keys,
        clock: Clock,
        domain: Eip712Domain,
    ) -> None:
        """Args:
        store: holds the outbox.
        alliance: what the ledger says of this member.
        outbox: brings the change to the ledger.
        log: whose size says which checkpoints are by which key.
        vault: wraps again what an old data key wraps.
        acts: records that keys were changed.
        keys: this node's.
        clock: tells when an overlap is over.
        domain: of signatures that the alliance contract checks.
        """
        self._store, self._alliance, self._outbox, self._log = store, alliance, outbox, log
        self._vault, self._acts, self._keys, self._clock, self._domain = vault, acts, keys, clock, domain
        self._is_unknown = False
        self.take_up()

    def rotate(
        self, kinds: Collection[KeyKind], overlap_seconds: int = DEFAULT_OVERLAP_SECONDS, holder: str = ""
    ) -> None:
        """Make new keys and announce them.

        What an earlier attempt made and nobody has announced is announced now.

        Args:
            kinds: which.
            overlap_seconds: how long the account and identity key before count; zero after a compromise.
            holder: URI of a new key that is made elsewhere already, where one kind only is changed.

        Raises:
            InvalidError: nothing is to be changed, the overlap is out of range, or one URI for several keys.
            ConfigError: a key cannot be made, or is not where the URI says.
            NotMemberError: the ledger does not know this member yet.
            ConflictError: a change is under way.
            KeyHolderError: the holder of a key does not answer; what was made is kept.
            StoreError: the database fails.
        """
        if not kinds or KeyKind.INDEX in kinds or (holder and len(kinds) != 1):
            raise InvalidError("name the keys to change, not the index key, and one key for a URI")
        if not 0 <= overlap_seconds < MAX_OVERLAP_SECONDS:
            raise InvalidError(f"an overlap lasts 0 to {MAX_OVERLAP_SECONDS} seconds")
        on_ledger = [kind for kind in ON_LEDGER if kind in kinds]
        if on_ledger:
            self._announce(on_ledger, overlap_seconds, holder)
        if KeyKind.DATA in kinds:
            self._keys.make(KeyKind.DATA, holder)
            transaction = Transaction(self._store)
            self._acts.record(transaction, ActKind.KEYS_CHANGED, {"kinds": KeyKind.DATA.value})
            transaction.commit()
            logger.warning("a new data key wraps the keyring from now on")

    def step(self) -> bool:
        """Take up what the ledger has taken; wrap again some of what an old data key wraps.

        Returns:
            Whether a present key has changed.

        Raises:
            ConfigError: the folder of the keys cannot be written.
            StoreError: the database fails.
        """
        if len(self._keys.data) > 1 and not self._vault.rewrap(_REWRAP_BATCH):
            self._keys.forget(KeyKind.DATA)
            logger.warning("the keyring is wrapped by the new data key; the old one is destroyed")
        return self.take_up()

    def take_up(self) -> bool:
        """Make those keys present that the ledger names; whether any has changed.

        Raises:
            ConfigError: the folder of the keys cannot be written.
            StoreError: the database fails.
        """
        row = self._alliance.projection.standing(self._alliance.me)
        if row is None:
            return False
        wanted = {
            KeyKind.ACCOUNT: row.member.account,
            KeyKind.IDENTITY: _signing_identity(row.member, self._clock.now()),
            KeyKind.LOG: row.member.log_key,
            KeyKind.SEALING: row.member.sealing_key,
        }
        changed, unknown = False, []
        for kind, public in wanted.items():
            if self._keys.present(kind) == public:
                continue
            if self._keys.use(kind, public):
                changed = True
                logger.warning("the %s key is now %s…", kind.value, public.hex()[:16])
            else:
                unknown.append(kind.value)
        if unknown and not self._is_unknown:
            logger.error("the ledger names keys that this node does not hold: %s", ", ".join(unknown))
        self._is_unknown = bool(unknown)
        return changed

    def list(self) -> Sequence[KeyStatus]:
        """All generations of all keys.

        Raises:
            StoreError: the database fails.
        """
        row = self._alliance.projection.standing(self._alliance.me)
        now = self._clock.now()
        until = _overlaps(row.member, now) if row is not None else {}
        return [self._status(info, until.get((info.kind, info.public), 0)) for info in self._keys.list()]

    def history(self) -> Sequence[Succession]:
        """This member's changes of keys, oldest first.

        Raises:
            StoreError: the database fails.
        """
        row = self._alliance.projection.standing(self._alliance.me)
        return () if row is None else row.successions

    def _status(self, info: KeyInfo, until: int) -> KeyStatus:
        if info.is_present:
            return KeyStatus(info, "present", until)
        if until:
            return KeyStatus(info, "overlap", until)
        present = next(one for one in self._keys.list() if one.kind is info.kind and one.is_present)
        return KeyStatus(info, "waiting" if info.generation > present.generation else "former")

    def _announce(self, kinds: Sequence[KeyKind], overlap_seconds: int, holder: str) -> None:
        row = self._alliance.projection.standing(self._alliance.me)
        if row is None:
            raise NotMemberError("this node does not know itself as a member yet; it has not seen the ledger")
        transaction = Transaction(self._store)
        if self._outbox.is_open(transaction, _OBJECT):
            raise ConflictError("a change of keys is under way; heqi alliance status shows the outbox")
        before = KeySet.of(row.member)
        for kind in kinds:
            if holder or self._keys.newest(kind) == _public_of(before, kind):
                self._keys.make(kind, holder)
        names = {KeyKind.ACCOUNT: "account", KeyKind.IDENTITY: "identity_key"}
        names |= {KeyKind.LOG: "log_key", KeyKind.SEALING: "sealing_key"}
        new = {names[kind]: self._keys.newest(kind) for kind in kinds}
        after = KeySet(**{name: new.get(name, getattr(before, name)) for name in names.values()})
        now = int(self._clock.now())
        change = KeyChange(
            after,
            self._log.size() if KeyKind.LOG in kinds else 0,
            now + overlap_seconds if overlap_seconds else 0,
        )
        version = len(row.successions) + 1
        message = key_change_message(self._domain, row.member.name, version, change)
        prove = self._keys.prove
        proofs = KeyProofs(
            prove(KeyKind.IDENTITY, before.identity_key, message.digest),
            prove(KeyKind.IDENTITY, after.identity_key, message.digest) if KeyKind.IDENTITY in kinds else b"",
            prove(KeyKind.ACCOUNT, after.account, message.preimage) if KeyKind.ACCOUNT in kinds else b"",
        )
        self._outbox.add(transaction, _OBJECT, ChangeKeys(change, proofs))
        about = {"kinds": ",".join(kind.value for kind in kinds), "overlap_until": str(change.overlap_until)}
        self._acts.record(transaction, ActKind.KEYS_CHANGED, about)
        transaction.commit()
        logger.warning("new keys are announced: %s", ", ".join(kind.value for kind in kinds))


def _signing_identity(member: Member, now: float) -> bytes:
    """The identity key that signs: the one before for the first half of its overlap."""
    for one in reversed(member.former):
        if one.identity_until is not None:
            overlap = one.identity_until - one.since
            # Without an overlap at once, even where the chain's clock is ahead of this one.
            if overlap <= 0 or now >= one.since + overlap / 2:
                return member.identity_key
            return one.identity_key
    return member.identity_key


def _overlaps(member: Member, now: float) -> dict[tuple[KeyKind, str], int]:
    """Until when identity keys that are not the ledger's last count."""
    return {
        (KeyKind.IDENTITY, one.identity_key.hex()): one.identity_until
        for one in member.former
        if one.identity_until is not None and now <= one.identity_until
    }


def _public_of(keys: KeySet, kind: KeyKind) -> bytes:
    match kind:
        case KeyKind.ACCOUNT:
            return keys.account
        case KeyKind.IDENTITY:
            return keys.identity_key
        case KeyKind.LOG:
            return keys.log_key
        case _:
            return keys.sealing_key
