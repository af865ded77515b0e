"""Mandates: a subject lets somebody else act for it, within named powers, for a time, revocable at once.

One document serves for four things, told apart by `form`:

| form | Chinese | who acts |
|---|---|---|
| attorney | 授权委托（书） | whoever holds one key: an officer, a member of staff |
| agency | 代理机构 | another subject, by whatever key controls it |
| branch | 分支机构 | a subject that the parent confirms to be its branch |
| joint-bid | 联合体 | the lead of a joint bid, for each member that signed the agreement |

A mandate goes to the ledger like a grant and looks like one there: an id that commits to the document and to a
one-time revocation key. A grant under a mandate carries it, so whoever reads under the grant checks both, offline.
Nobody can pass a mandate on. docs/formats/mandate.md. Source: 民法典 art. 161–175; 招标投标法 art. 31.
"""

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, ClassVar, TypeVar

import msgspec

from node.domain.approval import Approval, Reserved, open_approval
from node.domain.certificate import check_credit_code
from node.domain.controller import ControllerKey, OtherKey
from node.domain.document import Document, document_digest, open_by_controller, peek_document
from node.domain.encoding import Hex32, Seconds, from_base64url
from node.domain.grant import CLOCK_SKEW_SECONDS, Grant, Purpose, Scope, check_scope, open_grant
from node.domain.ledger import GrantTerms
from node.domain.ledger_ids import grant_id
from node.errors import (
    CodeFormatError,
    DocumentFormatError,
    GrantExpiredError,
    GrantScopeError,
    UnknownCallerError,
)

W = TypeVar("W", bound=enum.Enum)
MAX_TERM_SECONDS = 3 * 366 * 86_400
MAX_RECEIVERS = 64
_MIN_JTI_BYTES = 16


class Form(enum.Enum):
    """What a mandate is for."""

    ATTORNEY = "attorney"
    AGENCY = "agency"
    BRANCH = "branch"
    JOINT_BID = "joint-bid"


class Power(enum.Enum):
    """What may be done; nothing else may."""

    GRANT = "grant"
    """Sign grants within the mandate's scope, and bring them to the ledger."""
    LOOK = "look"
    """See requests for access, grants and how far they are."""
    REGISTER = "register"
    """Hand in documents and newer versions of them."""
    REVOKE = "revoke"
    """Bring revocations to the ledger, of grants whose one-time key the agent has."""


class Mandate(Document, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """Signed by `key`, which must be the principal's controller on the ledger."""

    kind: ClassVar[str] = "mandate"

    iss: Hex32
    """The principal: the subject that lets somebody act for it."""
    key: ControllerKey
    """One of the principal's controllers."""
    form: str
    """`Form`."""
    agent: Annotated[str, msgspec.Meta(pattern=r"^([0-9a-f]{64})?\Z")]
    """Subject that may act; empty for an attorney."""
    agent_key: OtherKey
    """Key that may act, for an attorney; empty otherwise: then the key is the one that controls `agent`."""
    agent_name: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    """For people."""
    powers: tuple[str, ...]
    """Of `Power`, strictly ascending."""
    scope: tuple[Scope, ...]
    """What may be granted at most; empty unless `grant` is among the powers."""
    receivers: tuple[str, ...]
    """Members to which may be granted, strictly ascending; empty: to any."""
    purposes: tuple[Purpose, ...]
    """For which may be granted, strictly ascending; empty: for any."""
    uses: int
    """Most reads under one grant; 0 unless `grant` is among the powers."""
    nbf: Seconds
    exp: Seconds
    register_before: Seconds
    """Dead if it reaches the ledger later."""
    revoker: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{168}\Z")]
    """ERC-7913 signer of the one-time revocation key."""
    agreement: Annotated[str, msgspec.Meta(pattern=r"^([0-9a-f]{64})?\Z")]
    """Of a joint bid: digest of the agreement; empty otherwise."""
    principal_code: str
    """Of a branch: the parent's credit code; empty otherwise."""
    agent_code: str
    """Of a branch: its own credit code; empty otherwise."""
    approval: str = ""
    """The second officer's approval, a compact JWS; left out where one officer is enough."""


@dataclass(frozen=True, slots=True)
class Authority:
    """Who stands behind what was signed."""

    key: str
    """The subject's own key: the controller on the ledger, for which its certificate vouches; 128 hex digits."""
    mandate: Mandate | None = None
    """By which somebody else signed."""
    mandate_digest: bytes = b""
    """SHA-256 of its signing input."""
    approval: Approval | None = None
    """By the second officer, of the grant or of the mandate behind it; its own signature was checked."""
    register_before: int = 0
    """When the ledger had what was approved, at the latest, seconds since 1970 UTC; that commits to the approval."""

    @property
    def act(self) -> Reserved:
        """What the subject itself did, and may have reserved for two officers."""
        return Reserved.GRANT if self.mandate is None else Reserved.MANDATE

    def mandate_id(self, alliance: bytes) -> bytes:
        """The mandate's id on the ledger; `alliance` is the alliance's id, 32 bytes."""
        assert self.mandate is not None
        return grant_id(alliance, mandate_terms(self.mandate, self.mandate_digest))


@lru_cache(maxsize=256)
def open_mandate(token: str) -> Mandate:
    """A well-formed mandate that is signed by the key it names itself.

    Whose key that is, and whether the mandate still holds, only the ledger says.

    Raises:
        DocumentFormatError: a member of the document breaks a rule.
        SignatureError: not signed by that key, or the approval in it by none that it names.
        ApprovalError: the approval is of something else.
    """
    claimed = peek_document(token, Mandate)
    check_mandate(claimed)
    mandate = open_by_controller(token, Mandate, claimed.key)
    if mandate.approval:
        open_approval(mandate, mandate.key, mandate.approval)
    return mandate


def check_mandate(mandate: Mandate) -> None:
    """Check a mandate's form, apart from its signature and its state on the ledger.

    Raises:
        DocumentFormatError: a member of the document breaks a rule.
    """
    form = _word(Form, mandate.form, "form")
    for name, listed in (
        ("powers", mandate.powers),
        ("receivers", mandate.receivers),
        ("purposes", mandate.purposes),
    ):
        if list(listed) != sorted(set(listed)) or len(listed) > MAX_RECEIVERS:
            raise DocumentFormatError(f"{name} are named once each, ascending, at most {MAX_RECEIVERS}")
    _check_powers(mandate, may_be_none=form in {Form.BRANCH, Form.JOINT_BID})
    _check_agent(mandate, form)
    _check_codes(mandate, is_branch=form is Form.BRANCH)
    if not mandate.nbf < mandate.exp <= mandate.nbf + MAX_TERM_SECONDS:
        raise DocumentFormatError("a mandate ends after it begins, and within three years")
    if not mandate.iat <= mandate.register_before <= mandate.exp:
        raise DocumentFormatError("register_before must lie between iat and exp")
    if len(from_base64url(mandate.jti)) < _MIN_JTI_BYTES:
        raise DocumentFormatError(f"jti has fewer than {_MIN_JTI_BYTES} bytes")


def _check_powers(mandate: Mandate, *, may_be_none: bool) -> None:
    powers = {_word(Power, power, "powers") for power in mandate.powers}
    if Power.GRANT in powers:
        check_scope(mandate.scope)
        if mandate.uses < 1:
            raise DocumentFormatError("a mandate to grant says how many reads a grant may allow")
    elif mandate.scope or mandate.receivers or mandate.purposes or mandate.uses:
        raise DocumentFormatError("scope, receivers, purposes and uses are for mandates to grant alone")
    if not powers and not may_be_none:
        raise DocumentFormatError("a mandate names what may be done")


def _check_agent(mandate: Mandate, form: Form) -> None:
    if (form is Form.ATTORNEY) != bool(mandate.agent_key) or (form is Form.ATTORNEY) == bool(mandate.agent):
        raise DocumentFormatError("an attorney is named by a key, every other agent by its subject")
    if mandate.agent_key == mandate.key or (mandate.agent == mandate.iss and form is not Form.JOINT_BID):
        raise DocumentFormatError("nobody needs a mandate of its own")
    if (form is Form.JOINT_BID) != bool(mandate.agreement):
        raise DocumentFormatError("the mandates of a joint bid, and no others, name its agreement")
    if not mandate.agent_name.isprintable():
        raise DocumentFormatError("agent_name has 1 to 200 printable characters")


def mandate_terms(mandate: Mandate, digest: bytes) -> GrantTerms:
    """What the ledger learns of a mandate, and cannot tell from a grant; `digest` is its token's."""
    return GrantTerms(digest, mandate.register_before, mandate.exp, bytes.fromhex(mandate.revoker))


def authority_of(token: str) -> Authority:
    """Whose authority a grant rests on, as far as documents can tell.

    The caller still has to compare the key with the ledger's controller, and to ask the ledger for the mandate.

    Args:
        token: the grant, a compact JWS.

    Raises:
        DocumentFormatError: grant or mandate is malformed.
        SignatureError: one of them is not signed by the key that it names.
        GrantScopeError: the grant goes beyond the mandate.
        GrantExpiredError: it lasts longer than the mandate.
        UnknownCallerError: the mandate is another subject's, or for somebody else.
        ApprovalError: an approval is of something else.
    """
    grant = open_grant(token)
    if not grant.mandate:
        return Authority(grant.key, approval=_approval(grant.approval), register_before=grant.register_before)
    authority = authority_behind(grant.mandate)
    assert authority.mandate is not None, "it is of a mandate"
    check_grant_within(grant, authority.mandate)
    return authority


def authority_behind(token: str) -> Authority:
    """Who stands behind what is done under a mandate, as far as documents can tell.

    Args:
        token: the mandate, a compact JWS.

    Raises:
        NodeError: as `open_mandate`.
    """
    mandate = open_mandate(token)
    return Authority(
        mandate.key, mandate, document_digest(token), _approval(mandate.approval), mandate.register_before
    )


def _approval(token: str) -> Approval | None:
    return peek_document(token, Approval) if token else None


def principal_key(grant: Grant) -> str:
    """The subject's own key behind an opened grant: that for which its certificate vouches."""
    return open_mandate(grant.mandate).key if grant.mandate else grant.key


def approval_of(grant: Grant) -> str:
    """The second officer's approval of an opened grant, or of the mandate behind it; empty if there is none."""
    return open_mandate(grant.mandate).approval if grant.mandate else grant.approval


def check_grant_within(grant: Grant, mandate: Mandate) -> None:
    """Check that a grant by an agent is one that its principal let it give.

    Raises:
        UnknownCallerError: the mandate is another subject's or alliance's, or names another key.
        GrantScopeError: without the power, or another receiver or purpose, more reads, a category or field more, or
            an older version.
        GrantExpiredError: it begins before or ends after the mandate.
    """
    if (mandate.iss, mandate.alliance) != (grant.iss, grant.alliance):
        raise UnknownCallerError("the mandate is another subject's, or for another alliance")
    if mandate.agent_key and mandate.agent_key != grant.key:
        raise UnknownCallerError("the mandate is for another key")
    if Power.GRANT.value not in mandate.powers:
        raise GrantScopeError("the mandate does not allow to grant")
    if grant.standing:
        raise GrantScopeError("under a mandate nobody gives a standing grant")
    if mandate.receivers and not set(grant.aud) <= set(mandate.receivers):
        raise GrantScopeError("the mandate does not allow to grant to this member")
    if mandate.purposes and grant.purpose not in mandate.purposes:
        raise GrantScopeError("the mandate does not allow to grant for this purpose")
    if not 0 < grant.uses <= mandate.uses:
        raise GrantScopeError(f"the mandate allows at most {mandate.uses} reads under a grant")
    _check_scope_within(grant.scope, mandate.scope)
    if grant.nbf + CLOCK_SKEW_SECONDS < mandate.nbf or grant.exp > mandate.exp:
        raise GrantExpiredError("the grant begins before or ends after the mandate under which it was signed")


def check_power(mandate: Mandate, power: Power, *, subject: str, alliance: str, at: int) -> None:
    """Check that a mandate lets somebody do something for a subject now.

    Raises:
        UnknownCallerError: it is another subject's or alliance's, or does not name the power.
        GrantExpiredError: it is not valid at `at`, seconds since 1970 UTC.
    """
    if (mandate.iss, mandate.alliance) != (subject, alliance):
        raise UnknownCallerError("the mandate is another subject's, or for another alliance")
    if power.value not in mandate.powers:
        raise UnknownCallerError(f"the mandate does not name the power {power.value}")
    if not mandate.nbf - CLOCK_SKEW_SECONDS <= at < mandate.exp:
        raise GrantExpiredError("the mandate is not valid at this time")


def _check_scope_within(scope: Sequence[Scope], widest: Sequence[Scope]) -> None:
    allowed = {part.category: part for part in widest}
    for part in scope:
        most = allowed.get(part.category)
        if most is None or not set(part.fields) <= set(most.fields):
            raise GrantScopeError(f"the mandate does not cover all of the fields granted in {part.category}")
        if part.least_version < most.least_version:
            raise GrantScopeError(f"the mandate asks for version {most.least_version} of {part.category}")


def _check_codes(mandate: Mandate, *, is_branch: bool) -> None:
    codes = mandate.principal_code, mandate.agent_code
    if not is_branch:
        if any(codes):
            raise DocumentFormatError("credit codes are for the confirmation of a branch alone")
        return
    try:
        for code in codes:
            check_credit_code(code)
    except CodeFormatError as error:
        raise DocumentFormatError(f"a branch and its parent have credit codes: {error}") from error
    if codes[0] == codes[1]:
        raise DocumentFormatError("a branch has a credit code of its own")


def _word(kind: type[W], word: str, name: str) -> W:
    try:
        return kind(word)
    except ValueError as error:
        known = ", ".join(one.value for one in kind)
        raise DocumentFormatError(f"{name}: {word!r} is none of {known}") from error
