"""Approvals 复核: a second officer of the same subject signs the same act, where its company reserves that for two.

A company says so in the delegations that its certificate signs (`Delegation.two_officers`). The first officer's
document carries the approval, which the second signs over the id that the same document has without it; the two hold
different keys, for each of which the company's certificate vouches. What stops something, a revocation, a veto, is
never reserved: whoever is in doubt can stop it alone.

- Which acts are reserved is the union of what all delegations say; `reserved_by` is the one place that decides it.
- Whether the keys speak for the subject, the ledger says; who may lift a reservation, the home
  (`services/officers.py`).

docs/formats/approval.md.
"""

from collections.abc import Iterable
from enum import Enum
from typing import ClassVar, TypeVar

import msgspec

from node.domain.controller import ControllerKey, raw_key
from node.domain.delegation import Delegation
from node.domain.document import Document, open_by_controller, peek_document, unsigned_digest
from node.domain.encoding import Hex32
from node.domain.validity import Judgement
from node.errors import ApprovalError, SecondOfficerMissingError

_X_BYTES = 32


class Reserved(Enum):
    """What a company may reserve for two officers; a delegation names them by value."""

    CONTROLLERS = "controllers"
    """Change the keys that speak for the subject."""
    ERASE = "erase"
    """Have records erased."""
    GRANT = "grant"
    """Let others read."""
    MANDATE = "mandate"
    """Let somebody else act."""
    MOVE = "move"
    """Take another home."""
    REGISTER = "register"
    """Hand in documents and newer versions of them."""


_ALWAYS = frozenset({Reserved.CONTROLLERS, Reserved.MANDATE})
"""Reserved as soon as anything is: with either of them alone one officer would make a second one of itself."""


class Approval(Document, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the second officer signs."""

    kind: ClassVar[str] = "approval"

    key: ControllerKey
    """The second officer's; it signs."""
    document: Hex32
    """Id of the approved document as it is without its approval: SHA-256 of that signing input."""
    delegation: str
    """For `key`, by the same company's certificate; a compact JWS."""


A = TypeVar("A", bound=Document)


def reserved_by(delegations: Iterable[Delegation]) -> frozenset[Reserved]:
    """What is reserved for two officers by delegations of one subject, taken together."""
    return closed(Reserved(word) for one in delegations for word in one.two_officers)


def closed(words: Iterable[Reserved]) -> frozenset[Reserved]:
    """What is reserved where these are: with them whatever would undo the reservation."""
    named = frozenset(words)
    return named | _ALWAYS if named else named


def without_approval(document: A) -> A:
    """The document that the second officer is shown and approves."""
    return msgspec.structs.replace(document, approval="")


def approved_id(document: Document, key: str) -> str:
    """What an approval of a document names: its id without the approval, signed by `key`; 64 hex digits."""
    return unsigned_digest(without_approval(document), key).hex()


def open_approval(document: Document, key: str, token: str) -> Approval:
    """Check that a second officer has approved just this document.

    Whose key the second officer's is, only delegation and ledger say.

    Args:
        document: by the first officer, with or without the approval.
        key: the first officer's.
        token: the approval, a compact JWS.

    Raises:
        DocumentFormatError: the approval is malformed.
        SignatureError: it is not signed by the key that it names.
        ApprovalError: it is of another document, or by the first officer itself.
    """
    approval = open_by_controller(token, Approval, peek_document(token, Approval).key)
    if is_same_holder(approval.key, key):
        raise ApprovalError("whoever signs an act cannot be its second officer")
    if (approval.alliance, approval.document) != (document.alliance, approved_id(document, key)):
        raise ApprovalError("the second officer has approved another document")
    return approval


def is_same_holder(one: str, other: str) -> bool:
    """Whether two controller keys are of one private key, under whatever kind or sign of y.

    Who holds d for the point (x, y) holds n - d for (x, -y).
    """
    return raw_key(one)[:_X_BYTES] == raw_key(other)[:_X_BYTES]


def check_officers(
    act: Reserved, first: Judgement, second: Judgement | None, approval: Approval | None
) -> None:
    """Check, from delegations alone, that an act is signed by as many officers as the company wants.

    Args:
        act: what it is.
        first: the first officer's delegation, which holds.
        second: the one in the approval, which holds too; None without an approval.
        approval: opened; None if there is none.

    Raises:
        SecondOfficerMissingError: one of the delegations reserves this for two.
        ApprovalError: the second officer is another company's, or the delegation is for another key.
    """
    if approval is None or second is None:
        if act in reserved_by([first.delegation]):
            raise SecondOfficerMissingError(f"the company reserves this for two officers: {act.value}")
        return
    if second.delegation.key != approval.key or is_same_holder(first.delegation.key, approval.key):
        raise ApprovalError("the certificate vouches for another key than the one that approved")
    if second.identity.credit_code != first.identity.credit_code:
        raise ApprovalError("the second officer is another company's")
