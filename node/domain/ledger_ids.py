"""Identifiers and signed digests that the contracts compute too (`docs/formats/ledger.md`).

keccak256 and ABI words, as the EVM has them; nothing here talks to a ledger.
Source: EIP-712; `ISubjects.sol` and `IGrants.sol` for the ids.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from eth_hash.auto import keccak

from node.domain.keys import KeyChange
from node.domain.ledger import GrantTerms, GuaranteeStep, GuaranteeTerms
from node.domain.member import member_name_to_bytes32
from node.errors import CodeFormatError

_CATEGORY = re.compile(r"[a-z][a-z0-9_.]{0,30}")
_DOMAIN_TYPE = keccak(
    b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract,bytes32 salt)"
)
_DOMAIN_NAME = keccak(b"Heqi")
_DOMAIN_VERSION = keccak(b"1")
_CHANGE_CONTROLLER_TYPE = keccak(
    b"ChangeController(bytes32 subject,uint64 version,bytes removed,bytes added)"
)
_VETO_RECOVERY_TYPE = keccak(b"VetoRecovery(bytes32 subject,uint64 version)")
_MOVE_SUBJECT_TYPE = keccak(b"MoveSubject(bytes32 subject,uint64 version,bytes32 home)")
_REVOKE_GRANT_TYPE = keccak(b"RevokeGrant(bytes32 grant)")
_ISSUE_GUARANTEE_TYPE = keccak(b"IssueGuarantee(bytes32 guarantee)")
_RESERVE_APPLICATION_TYPE = keccak(b"ReserveApplication(bytes32 binding)")
_STEP_GUARANTEE_TYPE = keccak(
    b"StepGuarantee(bytes32 guarantee,uint64 sequence,bytes32 previous,uint8 event,bytes32 document,"
    b"bytes32 end,uint64 expires)"
)
_STEP_RECEIPT_TYPE = keccak(b"StepReceipt(bytes32 guarantee,uint8 event,bytes32 document,uint64 lodged)")

_CHANGE_KEYS_TYPE = keccak(
    b"ChangeKeys(bytes32 member,uint64 version,address account,bytes32 identityX,bytes32 identityY,"
    b"bytes32 logKey,bytes32 sealingKey,uint64 logSize,uint64 overlapUntil)"
)


@dataclass(frozen=True, slots=True)
class Eip712Domain:
    """Where a signature is meant to be used; the alliance id is in it because chain ids repeat."""

    chain_id: int
    contract: bytes
    """20 bytes: the contract that checks the signature."""
    alliance_id: bytes
    """32 bytes, the `salt` of the EIP-712 domain."""

    def separator(self) -> bytes:
        """32 bytes: `hashStruct` of the domain."""
        return keccak(
            _DOMAIN_TYPE
            + _DOMAIN_NAME
            + _DOMAIN_VERSION
            + _word(self.chain_id)
            + self.contract.rjust(32, b"\0")
            + self.alliance_id
        )

    def preimage(self, struct_hash: bytes) -> bytes:
        """The 66 bytes whose keccak256 is the digest: what an account key, which hashes itself, is given."""
        return b"\x19\x01" + self.separator() + struct_hash

    def digest(self, struct_hash: bytes) -> bytes:
        """The 32 bytes that a signer signs for a struct in this domain."""
        return keccak(self.preimage(struct_hash))


def subject_id(alliance_id: bytes, home: str, salt: bytes) -> bytes:
    """Id of the subject that `home` creates with `salt` (32 random bytes): nobody else can take it."""
    return keccak(alliance_id + member_name_to_bytes32(home) + salt)


def trust_head(entries: Iterable[tuple[str, bytes]]) -> bytes:
    """Hash of the trust list's whole history, as `TrustList.headAt` gives it; zeros for none.

    Args:
        entries: name of the authority and entry, in the order in which they came into force.
    """
    head = bytes(32)
    for name, entry in entries:
        head = keccak(head + member_name_to_bytes32(name) + keccak(entry))
    return head


def category_to_bytes32(name: str) -> bytes:
    """A category's name as the contracts hold it: ASCII, right-padded with zeros to 32 bytes.

    Raises:
        CodeFormatError: no category can have that name on the ledger.
    """
    if not _CATEGORY.fullmatch(name):
        raise CodeFormatError(f"{name[:64]!a} is no name of a category: a-z, then at most 30 of a-z 0-9 _ .")
    return name.encode().ljust(32, b"\0")


def category_from_bytes32(raw: bytes) -> str:
    """The inverse of `category_to_bytes32`.

    Raises:
        CodeFormatError: the bytes are no padded name.
    """
    name = raw.rstrip(b"\0").decode("ascii", "replace")
    if category_to_bytes32(name) != raw:
        raise CodeFormatError("a category's name on the ledger has 32 bytes")
    return name


def grant_id(alliance_id: bytes, terms: GrantTerms) -> bytes:
    """Id of a grant on the ledger; it commits to all that the contract relies on."""
    return keccak(
        alliance_id
        + terms.digest
        + _word(terms.register_before)
        + _word(terms.expires)
        + keccak(terms.revoker)
    )


def change_controller_digest(
    domain: Eip712Domain, subject: bytes, version: int, *, removed: bytes, added: bytes
) -> bytes:
    """What a present controller signs to change the controllers; `version` is the new one."""
    struct = _CHANGE_CONTROLLER_TYPE + subject + _word(version) + keccak(removed) + keccak(added)
    return domain.digest(keccak(struct))


def veto_recovery_digest(domain: Eip712Domain, subject: bytes, version: int) -> bytes:
    """What a present controller signs against recoveries of its subject; `version` is the new one."""
    return domain.digest(keccak(_VETO_RECOVERY_TYPE + subject + _word(version)))


def move_subject_digest(domain: Eip712Domain, subject: bytes, version: int, home: str) -> bytes:
    """What a present controller signs so that the member `home` becomes its home; `version` is the new one."""
    struct = _MOVE_SUBJECT_TYPE + subject + _word(version) + member_name_to_bytes32(home)
    return domain.digest(keccak(struct))


def revoke_grant_digest(domain: Eip712Domain, grant: bytes) -> bytes:
    """What the one-time revocation key signs."""
    return domain.digest(keccak(_REVOKE_GRANT_TYPE + grant))


def guarantee_id(alliance_id: bytes, terms: GuaranteeTerms) -> bytes:
    """Id of a guarantee on the ledger; it commits to all that the contract relies on."""
    return keccak(
        alliance_id
        + terms.digest
        + terms.application
        + _word(terms.expires)
        + member_name_to_bytes32(terms.guarantor)
        + terms.beneficiary
        + terms.applicant
        + terms.centre
        + terms.end
        + _word(terms.examination)
    )


def mover_commitment(salt: bytes, signer: bytes) -> bytes:
    """What the ledger holds of a guarantee's mover until it makes a step.

    Args:
        salt: 32 bytes that nobody outside can guess.
        signer: ERC-7913 signer.
    """
    return keccak(salt + signer)


def centre_commitment(salt: bytes, centre: str) -> bytes:
    """What the ledger holds of the centre that runs the tender until it makes a step; `salt` as for a mover."""
    return keccak(salt + member_name_to_bytes32(centre))


def end_commitment(salt: bytes, end: int) -> bytes:
    """What the ledger holds of a guarantee's exact end until a step opens it; `salt` as for a mover."""
    return keccak(salt + _word(end))


def issue_guarantee_digest(domain: Eip712Domain, guarantee: bytes) -> bytes:
    """What the guarantor's identity key signs to issue."""
    return domain.digest(keccak(_ISSUE_GUARANTEE_TYPE + guarantee))


def reserve_application_digest(domain: Eip712Domain, binding: bytes) -> bytes:
    """What the one-time key of a nullifier signs; the domain is that of `Alliance`, which is never replaced."""
    return domain.digest(keccak(_RESERVE_APPLICATION_TYPE + binding))


def step_guarantee_digest(domain: Eip712Domain, step: GuaranteeStep) -> bytes:
    """What a mover signs; number and document of the step before make it count once, and after that step only."""
    return domain.digest(
        keccak(
            _STEP_GUARANTEE_TYPE
            + step.guarantee
            + _word(step.sequence)
            + step.previous
            + _word(step.event)
            + step.document
            + step.end
            + _word(step.expires)
        )
    )


def step_receipt_digest(
    domain: Eip712Domain, guarantee: bytes, event: int, document: bytes, lodged: int
) -> bytes:
    """What a counterparty signs that received a step's document at `lodged`, seconds since 1970 UTC."""
    return domain.digest(keccak(_STEP_RECEIPT_TYPE + guarantee + _word(event) + document + _word(lodged)))


@dataclass(frozen=True, slots=True)
class Eip712Message:
    """What is signed, for both kinds of signers."""

    preimage: bytes
    digest: bytes


def key_change_message(domain: Eip712Domain, member: str, version: int, change: KeyChange) -> Eip712Message:
    """What a member's keys before and after sign; `version` is the number that the change will have."""
    keys = change.keys
    struct_hash = keccak(
        _CHANGE_KEYS_TYPE
        + member_name_to_bytes32(member)
        + _word(version)
        + keys.account.rjust(32, b"\0")
        + keys.identity_key
        + keys.log_key
        + keys.sealing_key
        + _word(change.log_size)
        + _word(change.overlap_until)
    )
    return Eip712Message(domain.preimage(struct_hash), domain.digest(struct_hash))


def key_change_digest(domain: Eip712Domain, member: str, version: int, change: KeyChange) -> bytes:
    """The digest of `key_change_message`."""
    return key_change_message(domain, member, version, change).digest


def _word(number: int) -> bytes:
    return number.to_bytes(32, "big")
