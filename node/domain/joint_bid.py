"""Joint bids 联合体: an agreement that every member signs, and the lead that acts for each within what it allowed.

The agreement is never shown to those who read a member's data: its members' mandates name it by a digest that nobody
can guess. What is bid for stands in it as a commitment: until bids are opened nothing may tell (招标投标法 22).
docs/formats/mandate.md. Source: 招标投标法 art. 31: members sign an agreement on the share of each.
"""

import hashlib
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated

import msgspec

from node.domain.document import MAX_DOCUMENT_CHARS
from node.domain.encoding import Hex32, Seconds, canonical_json, decode_canonical
from node.domain.mandate import Form, Mandate, open_mandate
from node.errors import DocumentFormatError, SignatureError

MAX_MEMBERS = 20
SALT_BYTES = 32
MAX_FILE_BYTES = MAX_DOCUMENT_CHARS
_SECTION_TAG, _AGREEMENT_TAG = b"heqi.joint-bid-section.v1\0", b"heqi.joint-bid.v1\0"
_WHOLE = Decimal(100)
_SHARE = re.compile(r"(?:0|[1-9][0-9]{0,2})(?:\.[0-9]{1,4})?")


class Share(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One member and its part of the work."""

    subject: Hex32
    share: str
    """Per cent, a plain decimal."""


class Agreement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What all members sign."""

    alliance: Hex32
    members: tuple[Share, ...]
    """Strictly ascending by subject."""
    lead: Hex32
    section: Hex32
    """`section_commitment` of what is bid for."""
    nbf: Seconds
    exp: Seconds
    salt: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]
    """Random: without it the digest would tell who bids together."""


class JointBid(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The agreement, and each member's signature: a mandate to the lead."""

    agreement: Agreement
    mandates: tuple[str, ...]


def section_commitment(salt: bytes, section: str) -> str:
    """SHA-256("heqi.joint-bid-section.v1" ‖ 0x00 ‖ salt ‖ section), 64 hex digits; the salt has 32 random bytes."""
    return hashlib.sha256(_SECTION_TAG + salt + section.encode()).hexdigest()


def agreement_digest(agreement: Agreement) -> str:
    """SHA-256("heqi.joint-bid.v1" ‖ 0x00 ‖ canonical JSON), 64 hex digits."""
    return hashlib.sha256(_AGREEMENT_TAG + canonical_json(msgspec.to_builtins(agreement))).hexdigest()


def encode_joint_bid(bid: JointBid) -> bytes:
    """Canonical JSON."""
    return canonical_json(msgspec.to_builtins(bid))


def open_joint_bid(raw: bytes) -> tuple[Agreement, Sequence[Mandate]]:
    """Check that an agreement is well formed and that every member has signed it, each with the key it names itself.

    Whose keys those are only the ledger says.

    Args:
        raw: canonical JSON of `JointBid`.

    Raises:
        DocumentFormatError: malformed, or a mandate is about something else.
        SignatureError: a member has not signed, somebody else has, or a signature is false.
    """
    if len(raw) > MAX_FILE_BYTES:
        raise DocumentFormatError(f"a joint bid has at most {MAX_FILE_BYTES} bytes")
    bid = decode_canonical(raw, JointBid)
    check_agreement(bid.agreement)
    if len(bid.mandates) > MAX_MEMBERS:
        raise DocumentFormatError(f"a joint bid has at most {MAX_MEMBERS} members")
    mandates = [open_mandate(token) for token in bid.mandates]
    digest = agreement_digest(bid.agreement)
    for mandate in mandates:
        about = (mandate.alliance, mandate.form, mandate.agent, mandate.agreement)
        if about != (bid.agreement.alliance, Form.JOINT_BID.value, bid.agreement.lead, digest):
            raise DocumentFormatError("a mandate is not about this agreement and its lead")
        if mandate.exp > bid.agreement.exp:
            raise DocumentFormatError("a mandate lasts longer than the agreement")
    signers, members = sorted(one.iss for one in mandates), [one.subject for one in bid.agreement.members]
    if signers != members:
        lacking = len(set(members) - set(signers))
        raise SignatureError(
            f"{lacking} of {len(members)} members have not signed the agreement"
            if lacking
            else "somebody has signed twice, or is no member"
        )
    return bid.agreement, mandates


def check_agreement(agreement: Agreement) -> None:
    """Check an agreement's form.

    Raises:
        DocumentFormatError: names the rule that it breaks.
    """
    subjects = [one.subject for one in agreement.members]
    if not 2 <= len(subjects) <= MAX_MEMBERS or subjects != sorted(set(subjects)):
        raise DocumentFormatError(f"a joint bid has 2 to {MAX_MEMBERS} members, once each, ascending")
    if agreement.lead not in subjects:
        raise DocumentFormatError("the lead is one of the members")
    if not all(_SHARE.fullmatch(one.share) and Decimal(one.share) > 0 for one in agreement.members):
        raise DocumentFormatError("a share is a plain decimal above 0, with at most four places")
    if sum((Decimal(one.share) for one in agreement.members), Decimal(0)) != _WHOLE:
        raise DocumentFormatError("the shares are 100 per cent together")
    if not agreement.nbf < agreement.exp:
        raise DocumentFormatError("an agreement ends after it begins")
