"""The facts that a ledger proof shows, read as the contracts read them (`docs/formats/ledger-proof.md`).

    proof = parse_ledger_proof(raw)
    state = open_ledger_proof(proof, descriptor)
    state.anchor("centre-a").root

What a proof does not show is refused, never taken for zero; and a contract counts only if it has the code that the
descriptor names, for other code may keep other things in the same slots.
"""

import enum
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from eth_hash.auto import keccak

from node.domain.descriptor import Descriptor
from node.domain.ledger_proof import LedgerProof, ProvenBlock, ProvenStorage, read_storage
from node.domain.member import member_name_to_bytes32
from node.domain.storage_layout import (
    ALLIANCE_ACTIVE_COUNT,
    ALLIANCE_ACTIVE_SINCE,
    ALLIANCE_CONTRACTS,
    ALLIANCE_FORMER,
    ALLIANCE_MEMBERS,
    ANCHOR,
    ANCHORS_LATEST,
    FORMER,
    GRANT,
    GRANTS_GRANTS,
    MEMBER,
    Place,
)
from node.errors import LedgerProofError

ALLIANCE, ANCHORS, GRANTS = "Alliance", "Anchors", "Grants"
MAX_VERSIONS = 16
"""How many contracts of one name a proof goes back through."""

_WORD_BYTES, _ADDRESS_BYTES = 32, 20
_ACTIVE_COUNT_SLOT = ALLIANCE_ACTIVE_COUNT.slot.to_bytes(_WORD_BYTES, "big")


class GrantStanding(enum.IntEnum):
    """As in `IGrants.State`."""

    UNKNOWN = 0
    REGISTERED = 1
    REVOKED = 2


@dataclass(frozen=True, slots=True)
class ProvenAnchor:
    """The newest anchor of a member."""

    size: int
    root: bytes
    """32 bytes."""
    time: int
    """Of its block, seconds since 1970 UTC."""


@dataclass(frozen=True, slots=True)
class ProvenMember:
    """A member and its present keys."""

    name: str
    is_active: bool
    roles: int
    account: bytes
    """20 bytes."""
    identity_key: bytes
    """64 bytes."""
    log_key: bytes
    """32 bytes."""
    keys_version: int
    """How many changes of keys there were: whoever shows fewer hides some."""
    log_size: int
    """Checkpoints up to this size were signed by an earlier log key."""


@dataclass(frozen=True, slots=True)
class ProvenGrant:
    """What the ledger knows of a grant."""

    standing: GrantStanding
    expires: int
    """Seconds since 1970 UTC; 0 if it was never registered."""


@dataclass(frozen=True, slots=True)
class ProvenWitness:
    """A member as far as its cosignatures go."""

    is_active: bool
    log_key: bytes
    """32 bytes."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a proof is asked to show."""

    members: Sequence[str] = ()
    witnesses: Sequence[str] = ()
    """Members of whom only the log key is shown and whether they are active."""
    anchors: Sequence[str] = ()
    """Members whose newest anchor is shown."""
    grants: Sequence[bytes] = ()
    """Ids, 32 bytes each."""


def storage_of(
    facts: Facts, alliance: bytes, book: Mapping[str, Sequence[bytes]]
) -> dict[bytes, list[bytes]]:
    """The slots that show the facts.

    Args:
        facts: what is to be shown.
        alliance: address of the alliance contract, 20 bytes.
        book: all contracts that have had a name up to that block, oldest first.
    """
    is_any = bool(facts.members or facts.witnesses)
    wanted: dict[bytes, list[bytes]] = {alliance: [_ACTIVE_COUNT_SLOT] if is_any else []}
    for member in facts.members:
        wanted[alliance] += _member_slots(member)
    for member in facts.witnesses:
        wanted[alliance] += _witness_slots(member)
    for name, is_needed in ((ANCHORS, bool(facts.anchors)), (GRANTS, bool(facts.grants))):
        if is_needed:
            wanted[alliance] += _book_slots(name, len(book[name]))
            wanted |= {address: [] for address in book[name]}
    for address in book[ANCHORS] if facts.anchors else ():
        wanted[address] += [slot for member in facts.anchors for slot in _anchor_slots(member)]
    for address in book[GRANTS] if facts.grants else ():
        wanted[address] += [_grant_slot(grant) for grant in facts.grants]
    return wanted


def open_ledger_proof(shown: LedgerProof, descriptor: Descriptor) -> "ProvenState":
    """Check a proof against the header that it brings.

    That the header is the ledger's, the proof cannot show: see "What it rests on" on the page.

    Raises:
        ProofFormatError: it is malformed.
        LedgerProofError: it does not hold together, or shows another alliance contract.
    """
    codes = {name: bytes.fromhex(one.code_hash) for name, one in descriptor.contracts.items()}
    return ProvenState(read_storage(shown), bytes.fromhex(descriptor.contracts[ALLIANCE].address), codes)


class ProvenState:
    """Facts of one block. Each method refuses what the proof does not show.

    Raises, in every method:
        LedgerProofError: a slot that the fact needs is not shown, or a contract is of other code than is known.
    """

    def __init__(self, storage: ProvenStorage, alliance: bytes, code_hashes: Mapping[str, bytes]) -> None:
        """Args:
        storage: checked.
        alliance: address of the alliance contract, 20 bytes.
        code_hashes: keccak256 of the code that each contract must have, by name.
        """
        self._storage, self._alliance, self._codes = storage, alliance, code_hashes
        self._check_code(ALLIANCE, alliance)

    @property
    def block(self) -> ProvenBlock:
        """Number, hash and time."""
        return self._storage.block

    def check_shows_exactly(self, facts: Facts) -> None:
        """That the proof shows what is needed for these facts, and nothing else.

        Without this a slot that no fact needs could be exchanged for another on the same path.
        """
        names = [name for name, asked in ((ANCHORS, facts.anchors), (GRANTS, facts.grants)) if asked]
        book = {name: self.contracts(name) for name in names}
        wanted = storage_of(facts, self._alliance, book)
        slots = {(address, slot) for address, needed in wanted.items() for slot in needed}
        if slots != self._storage.words.keys() or wanted.keys() != self._storage.code_hashes.keys():
            raise LedgerProofError("the ledger proof shows other contracts or slots than the facts need")

    def contracts(self, name: str) -> tuple[bytes, ...]:
        """Addresses of all contracts that have had the name, oldest first; the last is in force."""
        place = mapping_slot(_name_key(name), ALLIANCE_CONTRACTS)
        count = int.from_bytes(self._word(self._alliance, place), "big")
        if not 0 < count <= MAX_VERSIONS:
            raise LedgerProofError(f"the ledger proof shows {count} contracts of the name {name}")
        slots = _book_slots(name, count)[1:]
        return tuple(self._word(self._alliance, slot)[-_ADDRESS_BYTES:] for slot in slots)

    def contract(self, name: str) -> bytes:
        """Address of the contract that is in force."""
        return self.contracts(name)[-1]

    def witness(self, name: str) -> ProvenWitness | None:
        """A member's log key, and whether it is active; None where the proof does not show that."""
        key, slots = member_name_to_bytes32(name), _witness_slots(name)
        if not all((self._alliance, slot) in self._storage.words for slot in slots):
            return None
        log_key = self._struct(self._alliance, mapping_slot(key, ALLIANCE_MEMBERS))(MEMBER["logKey"])
        since = self._word(self._alliance, mapping_slot(key, ALLIANCE_ACTIVE_SINCE))
        return ProvenWitness(any(since), log_key)

    def member(self, name: str) -> ProvenMember:
        """A member in any standing."""
        key = member_name_to_bytes32(name)
        entry = self._struct(self._alliance, mapping_slot(key, ALLIANCE_MEMBERS))
        former = self._struct(self._alliance, mapping_slot(key, ALLIANCE_FORMER))
        account = entry(MEMBER["account"])
        if not any(account):
            raise LedgerProofError(f"the ledger proof shows that there is no member {name}")
        return ProvenMember(
            name=name,
            is_active=any(self._word(self._alliance, mapping_slot(key, ALLIANCE_ACTIVE_SINCE))),
            roles=_number(entry(MEMBER["roles"])),
            account=account,
            identity_key=entry(MEMBER["identityX"]) + entry(MEMBER["identityY"]),
            log_key=entry(MEMBER["logKey"]),
            keys_version=_number(former(FORMER["version"])),
            log_size=_number(former(FORMER["logSize"])),
        )

    def active_members(self) -> int:
        """How many members are active; shown with any member."""
        word, place = self._word(self._alliance, _ACTIVE_COUNT_SLOT), ALLIANCE_ACTIVE_COUNT
        end = _WORD_BYTES - place.offset
        return _number(word[end - place.length : end])

    def anchor(self, member: str) -> ProvenAnchor | None:
        """The newest anchor of a member's log, as `Anchors.latest`; None if it has none."""
        for address in reversed(self.contracts(ANCHORS)):
            entry = self._entry(
                ANCHORS, address, mapping_slot(member_name_to_bytes32(member), ANCHORS_LATEST)
            )
            if size := _number(entry(ANCHOR["size"])):
                return ProvenAnchor(size, entry(ANCHOR["root"]), _number(entry(ANCHOR["time"])))
        return None

    def grant(self, grant: bytes) -> ProvenGrant:
        """What the ledger knows of a grant (32 bytes), as `Grants.stateOf`."""
        newest_known: ProvenGrant | None = None
        for address in reversed(self.contracts(GRANTS)):
            entry = self._entry(GRANTS, address, mapping_slot(grant, GRANTS_GRANTS))
            number, expires = _number(entry(GRANT["state"])), _number(entry(GRANT["expires"]))
            if number > max(GrantStanding):
                raise LedgerProofError("the ledger proof shows a grant in a state that there is not")
            found = ProvenGrant(GrantStanding(number), expires)
            if found.standing is GrantStanding.REVOKED:
                return found
            if found.standing is not GrantStanding.UNKNOWN and newest_known is None:
                newest_known = found
        return newest_known or ProvenGrant(GrantStanding.UNKNOWN, 0)

    def _entry(self, name: str, address: bytes, slot: bytes) -> "Struct":
        self._check_code(name, address)
        return self._struct(address, slot)

    def _struct(self, address: bytes, slot: bytes) -> "Struct":
        def read(place: Place) -> bytes:
            word = self._word(address, slot_at(slot, place.slot))
            end = _WORD_BYTES - place.offset
            return word[end - place.length : end]

        return read

    def _check_code(self, name: str, address: bytes) -> None:
        shown = self._storage.code_hashes.get(address)
        if shown is None:
            raise LedgerProofError(f"the ledger proof does not show the contract {name} at 0x{address.hex()}")
        if shown != self._codes.get(name):
            raise LedgerProofError(f"the contract {name} at 0x{address.hex()} has other code than is known")

    def _word(self, address: bytes, slot: bytes) -> bytes:
        try:
            return self._storage.words[address, slot]
        except KeyError as error:
            raise LedgerProofError(
                f"the ledger proof does not show the slot 0x{slot.hex()} of 0x{address.hex()}"
            ) from error


Struct = Callable[[Place], bytes]
"""Reads a member of a struct."""


def mapping_slot(key: bytes, variable: int) -> bytes:
    """Slot of a 32-byte key in a mapping."""
    return keccak(key + variable.to_bytes(_WORD_BYTES, "big"))


def slot_at(slot: bytes, distance: int) -> bytes:
    """The slot that many words behind."""
    return ((int.from_bytes(slot, "big") + distance) % 2**256).to_bytes(_WORD_BYTES, "big")


def _book_slots(name: str, count: int) -> list[bytes]:
    """Of the length and of every entry."""
    place = mapping_slot(_name_key(name), ALLIANCE_CONTRACTS)
    return [place, *(slot_at(keccak(place), index) for index in range(count))]


def _member_slots(name: str) -> list[bytes]:
    key = member_name_to_bytes32(name)
    wanted = [MEMBER[field] for field in ("roles", "account", "identityX", "identityY", "logKey")]
    return [
        *_struct_slots(mapping_slot(key, ALLIANCE_MEMBERS), wanted),
        mapping_slot(key, ALLIANCE_ACTIVE_SINCE),
        *_struct_slots(mapping_slot(key, ALLIANCE_FORMER), [FORMER["version"], FORMER["logSize"]]),
    ]


def _witness_slots(name: str) -> list[bytes]:
    key = member_name_to_bytes32(name)
    log_key = _struct_slots(mapping_slot(key, ALLIANCE_MEMBERS), [MEMBER["logKey"]])
    return [*log_key, mapping_slot(key, ALLIANCE_ACTIVE_SINCE)]


def _anchor_slots(member: str) -> list[bytes]:
    place = mapping_slot(member_name_to_bytes32(member), ANCHORS_LATEST)
    return _struct_slots(place, ANCHOR.values())


def _grant_slot(grant: bytes) -> bytes:
    [slot] = _struct_slots(mapping_slot(grant, GRANTS_GRANTS), GRANT.values())
    return slot


def _struct_slots(place: bytes, wanted: Iterable[Place]) -> list[bytes]:
    return [slot_at(place, distance) for distance in sorted({one.slot for one in wanted})]


def _name_key(name: str) -> bytes:
    return name.encode("ascii").ljust(_WORD_BYTES, b"\0")


def _number(raw: bytes) -> int:
    return int.from_bytes(raw, "big")
