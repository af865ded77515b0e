"""Grants: a bidder's own signature on who may read which fields, for what, until when and how often.

The document travels between those it concerns; the ledger holds only its id, so that it can be seen to exist
and be revoked. A relay can change nothing, for the id commits to the document and to all that the contract
relies on. Source: PIPL art. 14 and 23 (receiver, purpose, kinds); domain invariants 2 and 3.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Annotated, ClassVar, Literal

import msgspec

from node.domain.approval import open_approval
from node.domain.category import OwnerRule, category
from node.domain.controller import PASSKEY, ControllerKey
from node.domain.document import Document, open_by_controller, peek_document
from node.domain.encoding import Seconds, from_base64url, from_hex
from node.domain.ledger import GrantTerms
from node.errors import (
    CodeFormatError,
    DocumentFormatError,
    GrantExpiredError,
    GrantScopeError,
    RecordFormatError,
)

MAX_USES = 1_000_000
MAX_READERS = 64
UNCOUNTED = 0
"""As a number of uses: any number until the grant's end."""
CLOCK_SKEW_SECONDS = 300
"""By which a wallet's clock may be ahead of a node's."""
MAX_VALIDITY_SECONDS = 366 * 86_400
_MIN_JTI_BYTES = 16
_FIELD = re.compile(r"[a-z][a-z0-9_]{0,63}")

Purpose = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9-]{0,62}\Z")]
"""A code such as `registration-reuse`. Never a tender's number: the home centre reads it, and before opening
nobody may learn who bids for what (招标投标法 art. 22)."""


Basis = Literal["consent", "contract", "statutory-duty"]
"""On what ground the reader will handle the data: PIPL art. 13 (1), (2), (3). A code of its own, for the law asks for
another consent when the ground changes (art. 14)."""


class Scope(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Fields of the newest record of every thing in one category."""

    category: str
    fields: tuple[str, ...]
    """Sorted, without repetition."""
    least_version: int = 1
    """Records below this version do not count."""


class AccessRequest(Document, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A member asks a subject for fields, for a purpose; signed by the member's identity key."""

    kind: ClassVar[str] = "access-request"

    iss: str
    """Member that will read."""
    aud: str
    """Home centre of the subject."""
    subject: str
    scope: tuple[Scope, ...]
    purpose: Purpose
    basis: Basis
    uses: int
    """How many reads; `UNCOUNTED` for any number."""
    exp: Seconds
    """Until when the grant should last, seconds since 1970 UTC."""


class Grant(Document, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """The subject's answer, signed by one of its controllers, or by somebody whom it gave a mandate.

    A *standing* grant answers every request of the members that it names, for its purpose and within its scope,
    without the wallet. It never covers personal data: consent to that is for one receiver at a time (PIPL art. 23).
    """

    kind: ClassVar[str] = "grant"

    iss: str
    """Subject id, 64 hex digits."""
    aud: tuple[str, ...]
    """The members that may read, sorted; one, unless the grant is standing."""
    home: str
    """The member that keeps the records and serialises the uses."""
    key: ControllerKey
    """That signs: one of the subject's controllers, or the agent's under the mandate."""
    request: str
    """`jti` of the request that this answers; empty if there was none."""
    scope: tuple[Scope, ...]
    purpose: Purpose
    basis: Basis
    uses: int
    """How many reads; each retry of one and the same read request is one read. `UNCOUNTED` for any number."""
    standing: bool
    nbf: Seconds
    exp: Seconds
    register_before: Seconds
    """A grant that reaches the ledger later than this is dead: nobody can hold it back and use it later."""
    revoker: str
    """ERC-7913 signer of the one-time revocation key, hex."""
    mandate: str = ""
    """The mandate under which `key` signs for the subject, a compact JWS; left out if the subject itself signs."""
    approval: str = ""
    """The second officer's approval, a compact JWS; left out where one officer is enough, and under a mandate."""


def check_scope(scope: Sequence[Scope]) -> None:
    """Check that a scope is well formed and asks only for what belongs to a subject.

    Raises:
        DocumentFormatError: empty, repeated or unsorted, or a category that is not the subject's to grant.
    """
    names = [part.category for part in scope]
    if not names or names != sorted(set(names)):
        raise DocumentFormatError("a scope names categories once each, sorted")
    for part in scope:
        try:
            owner = category(part.category).owner
        except RecordFormatError as error:
            raise DocumentFormatError(str(error)) from error
        if owner is not OwnerRule.SUBJECT:
            raise DocumentFormatError(f"{part.category} belongs to the centre, not to the subject")
        if not part.fields or list(part.fields) != sorted(set(part.fields)):
            raise DocumentFormatError(f"the fields of {part.category} must be named once each, sorted")
        if not all(_FIELD.fullmatch(name) for name in part.fields) or part.least_version < 1:
            raise DocumentFormatError(f"a field name or the least version of {part.category} is malformed")


def check_request(request: AccessRequest) -> None:
    """Check what a member asks for, apart from its signature.

    Raises:
        DocumentFormatError: a member of the document breaks a rule.
    """
    check_scope(request.scope)
    _check_terms(request.uses, request.iat, request.exp)
    _check_unique(request.jti)
    _check_hex(request.subject, 32, "subject")


@lru_cache(maxsize=1_024)
def open_grant(token: str) -> Grant:
    """A well-formed grant that is signed by the key it names itself.

    Whose key that is, and whether the grant still holds, only the ledger says. All else depends on nothing but the
    token, and is remembered: a grant is good for many reads, and comes along with each.

    Raises:
        DocumentFormatError: a member of the document breaks a rule.
        SignatureError: not signed by that key, or the approval in it by none that it names.
        ApprovalError: the approval is of something else.
    """
    claimed = peek_document(token, Grant)
    check_grant(claimed)
    grant = open_by_controller(token, Grant, claimed.key)
    if grant.approval:
        open_approval(grant, grant.key, grant.approval)
    return grant


def check_grant(grant: Grant) -> None:
    """Check a grant's form, apart from its signature and its state on the ledger.

    Raises:
        DocumentFormatError: a member of the document breaks a rule.
    """
    check_scope(grant.scope)
    _check_terms(grant.uses, grant.nbf, grant.exp)
    _check_unique(grant.jti)
    _check_readers(grant)
    _check_hex(grant.iss, 32, "iss")
    _check_hex(grant.key.removeprefix(PASSKEY), 64, "key")
    if len(grant.revoker) != 2 * (20 + 64):
        raise DocumentFormatError("the revoker is not an ERC-7913 signer with a P-256 key")
    _check_hex(grant.revoker, 84, "revoker")
    if grant.mandate and grant.approval:
        raise DocumentFormatError("under a mandate the second officer approves the mandate, not its grants")
    if not grant.iat <= grant.register_before <= grant.exp:
        raise DocumentFormatError("register_before must lie between iat and exp")


def has_uses_left(grant: Grant, used: int) -> bool:
    """Whether a grant that was used so often can be used once more."""
    return grant.uses == UNCOUNTED or used < grant.uses


def is_answer(grant: Grant, request: AccessRequest) -> bool:
    """Whether a grant answers an access request: given for it, or standing and wide enough; apart from signatures."""
    if (grant.iss, grant.alliance) != (request.subject, request.alliance) or request.iss not in grant.aud:
        return False
    if not grant.standing:
        return grant.request == request.jti
    try:
        check_covers(grant, request.scope, receiver=request.iss, purpose=request.purpose, at=grant.nbf)
    except (GrantScopeError, GrantExpiredError):
        return False
    return grant.basis == request.basis


def grant_terms(grant: Grant, digest: bytes) -> GrantTerms:
    """What the ledger learns of a grant; `digest` is `document_digest` of its token."""
    return GrantTerms(digest, grant.register_before, grant.exp, bytes.fromhex(grant.revoker))


def check_covers(grant: Grant, wanted: Sequence[Scope], *, receiver: str, purpose: str, at: int) -> None:
    """Check that a grant covers a read.

    Raises:
        GrantScopeError: another receiver or purpose, or a category, field or older version not granted.
        GrantExpiredError: not valid at `at` (seconds since 1970 UTC).
    """
    if receiver not in grant.aud or grant.purpose != purpose:
        raise GrantScopeError("the grant is for another receiver or purpose")
    if not grant.nbf - CLOCK_SKEW_SECONDS <= at < grant.exp:
        raise GrantExpiredError("the grant is not valid at this time")
    granted = {part.category: part for part in grant.scope}
    for part in wanted:
        given = granted.get(part.category)
        if given is None or not set(part.fields) <= set(given.fields):
            raise GrantScopeError(f"the grant does not cover all of the fields asked for in {part.category}")
        if part.least_version < given.least_version:
            raise GrantScopeError(
                f"the grant asks for version {given.least_version} of {part.category} at least"
            )


def _check_terms(uses: int, start: int, end: int) -> None:
    if not UNCOUNTED <= uses <= MAX_USES:
        raise DocumentFormatError(f"uses must be 0 (any number) to {MAX_USES}")
    if not start < end <= start + MAX_VALIDITY_SECONDS:
        raise DocumentFormatError("the validity must end after it begins, and within a year")


def _check_readers(grant: Grant) -> None:
    if not 1 <= len(grant.aud) <= MAX_READERS or list(grant.aud) != sorted(set(grant.aud)):
        raise DocumentFormatError(f"a grant names 1 to {MAX_READERS} readers once each, sorted")
    if not grant.standing:
        if len(grant.aud) > 1:
            raise DocumentFormatError("a grant that is not standing names one reader")
        return
    if grant.uses != UNCOUNTED or grant.request:
        raise DocumentFormatError("a standing grant counts no uses and answers no one request")
    for part in grant.scope:
        personal = category(part.category).personal & set(part.fields)
        if personal:
            raise DocumentFormatError(
                f"a standing grant covers no personal data: {', '.join(sorted(personal))} of {part.category}"
            )


def _check_unique(jti: str) -> None:
    # The id of a grant is public: these bytes alone keep it from being guessed from what it grants.
    if len(from_base64url(jti)) < _MIN_JTI_BYTES:
        raise DocumentFormatError(f"jti has fewer than {_MIN_JTI_BYTES} bytes")


def _check_hex(text: str, length: int, member: str) -> None:
    try:
        from_hex(text, length)
    except CodeFormatError as error:
        raise DocumentFormatError(f"{member}: {error}") from error
