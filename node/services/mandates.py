"""Who speaks for a subject: its controller on the ledger, or somebody under a mandate that holds now.

The one place where that is decided, for calls at this node, for grants that are handed in, and for grants of others
under which this node reads; and so of whether such a grant still lives.
"""

import msgspec

from node.domain.grant import Grant
from node.domain.mandate import (
    Authority,
    Mandate,
    Power,
    authority_behind,
    authority_of,
    check_power,
)
from node.domain.wallet import WalletCall
from node.errors import GrantMissingError, GrantRevokedError, UnknownCallerError
from node.ports import Store
from node.services import layout
from node.services.alliance import Alliance
from node.services.projection import SubjectRow


class _Kept(msgspec.Struct, frozen=True):
    """As much of a kept grant or mandate as matters here."""

    revoked: bool = False


def principal_of(store: Store, alliance: Alliance, call: WalletCall, power: Power | None, now: int) -> str:
    """The subject's own key behind a call: the caller's, or the one that gave the caller a mandate; 128 hex digits.

    Args:
        store: the node's database.
        alliance: has the ledger's word.
        call: authenticated: signed by the key that it names.
        power: that the call needs; None if nobody else may make it.
        now: seconds since 1970 UTC.

    Raises:
        NodeError: the mandate is malformed, another's, without that power, or does not hold now.
    """
    if not call.mandate:
        return call.key
    if power is None:
        raise UnknownCallerError("this only the subject itself may do, under no mandate")
    authority = authority_behind(call.mandate)
    mandate = authority.mandate
    assert mandate is not None, "it is of a mandate"
    check_power(mandate, power, subject=call.subject, alliance=alliance.id, at=now)
    if mandate.agent_key and mandate.agent_key != call.key:
        raise UnknownCallerError("the mandate is for another key")
    _check_agent(alliance, mandate, call.key)
    check_second(alliance, alliance.projection.subject(bytes.fromhex(mandate.iss)), authority)
    check_in_force(alliance, authority, store)
    return mandate.key


def grantor_of(alliance: Alliance, token: str, grant: Grant) -> Authority:
    """On whose authority a grant is, after comparing it with the ledger.

    Args:
        alliance: has the ledger's word.
        token: the grant.
        grant: the same, opened.

    Raises:
        UnknownCallerError: neither the subject's controller signed it, nor somebody whom it let; or whoever approved
            it is no controller of the subject.
        NodeError: the grant goes beyond its mandate.
    """
    authority = authority_of(token)
    row = alliance.projection.subject(bytes.fromhex(grant.iss))
    # Named in any case: that there is no such subject costs the same.
    signer = alliance.signer_of(authority.key)
    if row is None or signer not in row.controllers:
        raise UnknownCallerError("the grant is not by the key that the ledger names for its subject")
    if authority.mandate is not None:
        _check_agent(alliance, authority.mandate, grant.key)
    check_second(alliance, row, authority)
    return authority


def check_live(alliance: Alliance, store: Store, raw_id: bytes, grant_token: str) -> Authority:
    """At a reader: check that a grant is on the ledger and lives, with the mandate under which it was signed.

    Asked before a use is spent, again of the answer, and whenever what was read is used once more.

    Args:
        alliance: has the ledger's word.
        store: the node's database, where a revocation that it has just taken acts before the ledger has it.
        raw_id: of the grant, 32 bytes.
        grant_token: the grant, checked.

    Returns:
        On whose authority it is.

    Raises:
        GrantMissingError: the ledger does not have the grant, or its mandate.
        GrantRevokedError: one of them is revoked.
        StoreError: the database fails.
    """
    if _is_revoked(alliance, store, raw_id):
        raise GrantRevokedError(
            "the grant was revoked by its owner; what was read under it is not to be used"
        )
    if not alliance.projection.grant(raw_id).registered:
        raise GrantMissingError("the grant is not on the ledger yet")
    authority = authority_of(grant_token)
    check_in_force(alliance, authority, store)
    return authority


def check_in_force(alliance: Alliance, authority: Authority, store: Store) -> None:
    """Check that the mandate behind a signature, if there is one, is on the ledger and not revoked.

    Args:
        alliance: has the ledger's word.
        authority: behind the signature.
        store: the node's database, where a revocation that it has just taken acts before the ledger has it.

    Raises:
        GrantMissingError: the ledger does not have it.
        GrantRevokedError: it is revoked, on the ledger or by a revocation that this node has taken.
        StoreError: the database fails.
    """
    if authority.mandate is None:
        return
    raw_id = authority.mandate_id(alliance.raw_id)
    if _is_revoked(alliance, store, raw_id):
        raise GrantRevokedError("the mandate was revoked by the subject that gave it")
    if not alliance.projection.grant(raw_id).registered:
        raise GrantMissingError("the mandate is not on the ledger")


def check_second(alliance: Alliance, row: SubjectRow | None, authority: Authority) -> None:
    """Check that the second officer's key, if there is one, speaks for the subject too.

    Args:
        alliance: has the ledger's word.
        row: the subject, as the ledger has it.
        authority: behind the first officer's signature.

    Raises:
        UnknownCallerError: it does not, or not any more.
    """
    if authority.approval is not None and not alliance.speaks_for(row, authority.approval.key):
        raise UnknownCallerError(
            "the second officer's key does not speak for the subject that it approved for"
        )


def check_all_signed(store: Store, authority: Authority) -> None:
    """At a member's home: that a grant by the lead of a joint bid is under an agreement that all members signed.

    Raises:
        GrantMissingError: this node has not seen that.
        StoreError: the database fails.
    """
    mandate = authority.mandate
    if mandate is None or not mandate.agreement:
        return
    key = layout.JOINT_BID + layout.text(mandate.iss) + bytes.fromhex(mandate.agreement)
    if store.get(key) is None:
        raise GrantMissingError("the joint bid is not shown to be signed by all its members")


def _is_revoked(alliance: Alliance, store: Store, raw_id: bytes) -> bool:
    """Whether a grant or a mandate is, on the ledger or by a revocation that this node has taken."""
    kept = store.get(layout.GRANT + raw_id)
    return alliance.projection.grant(raw_id).revoked or (
        kept is not None and msgspec.msgpack.decode(kept, type=_Kept).revoked
    )


def _check_agent(alliance: Alliance, mandate: Mandate, key: str) -> None:
    """That a key is the agent's, where the agent is a subject: the one that controls it now."""
    if not mandate.agent:
        return
    row = alliance.projection.subject(bytes.fromhex(mandate.agent))
    if not alliance.speaks_for(row, key):
        raise UnknownCallerError("the mandate is for another subject than the one that signed")
