"""Who stands behind a call: by the certificate of its connection, or by where a wallet calls from."""

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass

import grpc
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from google.protobuf.message import Message

from node.api.authority import MEMBER, PARTY_OF_ROLE, RULES, WALLET, Party, Rule
from node.domain.duties import is_allowed
from node.errors import RoleMissingError, UnknownCallerError
from node.ports import Clock, Signer
from node.services.projection import Projection
from node.services.systems import Systems
from node.wire.tls import Caller, anchor_pem, identify, parse_leaf

Context = grpc.aio.ServicerContext[Message, Message]
_IPV6_SITE_BITS = 64
_NOT_ACTIVE = "the caller's certificate is not of an active member"


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who calls, for everything that a listener decides about its calls."""

    party: Party
    name: str
    """A member, a system of this centre, or an address of wallets."""

    @property
    def actor(self) -> str:
        """Under which name acts are recorded; never a system's name for somebody who is none."""
        return str(self) if self.party in MEMBER | WALLET else self.name

    def __str__(self) -> str:
        return f"{(self.party.name or '').lower()} {self.name}"


Check = Callable[[str, Context], tuple[Visitor, Rule]]
"""(full method name, context) → who calls and the method's rule; or an error, if the caller may not."""


class Callers:
    """Tells who stands behind a call, by the certificate of its connection and the ledger's pinned keys."""

    def __init__(
        self, projection: Projection, systems: Systems, clock: Clock, me: str, identity: Signer
    ) -> None:
        """Args:
        projection: the ledger's members.
        systems: the register of the centre's own systems.
        me: this node's member.
        identity: its own key: its systems are served before the ledger is reached, and while suspended.
        clock: for the time of certificates, and which keys count.
        """
        self._projection, self._systems, self._clock = projection, systems, clock
        self._me, self._identity = me, identity

    def anchors(self) -> bytes:
        """Trust anchors for the next handshake: all members and this node itself, PEM.

        Members at rest too: what they may still call, their standing decides at every call.
        """
        now = self._clock.now()
        pinned = {
            row.member.name: row.member.identity_keys(now)
            for row in self._projection.members()
            if row.member.name != self._me
        }
        pinned[self._me] = self._own_keys()
        return b"".join(anchor_pem(name, key) for name, keys in pinned.items() for key in keys)

    def of(self, context: Context) -> Caller:
        """The caller of a call on the members' listener, in whatever standing; `check` says what it may.

        Asked on every call and again while streams are open, so a connection does not outlive a suspension, a
        change of key, or the end of its certificate.

        Raises:
            UnknownCallerError: nobody this node knows.
        """
        pem = next(iter(context.auth_context().get("x509_pem_cert", ())), b"")
        return identify(pem, self._keys_of(parse_leaf(pem).issuer), self._me, self._clock.now())

    def system(self, context: Context) -> tuple[str, CertificatePublicKeyTypes]:
        """Name and key of the own system behind a call.

        Raises:
            UnknownCallerError: it is none of this centre's.
            CertificateRevokedError: it was shut out.
        """
        pem = next(iter(context.auth_context().get("x509_pem_cert", ())), b"")
        caller = self.of(context)
        row = self._systems.check(caller.serial, caller.fingerprint, caller.role)
        return row.name, parse_leaf(pem).certificate.public_key()

    def check(self, method: str, context: Context) -> tuple[Visitor, Rule]:
        """Who calls a method on the members' listener, if that caller may.

        Raises:
            UnknownCallerError: nobody this node knows, or a member at rest that has no duty there.
            CertificateRevokedError: a system that was shut out.
            RoleMissingError: known, but not for this.
        """
        caller = self.of(context)
        self._check_standing(caller.member, method)
        visitor = self._visitor(caller)
        return visitor, _rule(method, visitor)

    def _check_standing(self, name: str, method: str) -> None:
        row = None if name == self._me else self._projection.standing(name)
        if row is None or row.active:
            return
        rule = RULES.get(method)
        if rule is None or rule.duty is None or not is_allowed(rule.duty, row.standing):
            raise UnknownCallerError(_NOT_ACTIVE)

    def _visitor(self, caller: Caller) -> Visitor:
        if not caller.role:
            return Visitor(MEMBER, caller.member)
        row = self._systems.check(caller.serial, caller.fingerprint, caller.role)
        return Visitor(PARTY_OF_ROLE[caller.role], row.name)

    def _keys_of(self, issuer: str) -> tuple[bytes, ...]:
        if issuer == self._me:
            return self._own_keys()
        row = self._projection.standing(issuer)
        if row is None:
            raise UnknownCallerError(_NOT_ACTIVE)
        return row.member.identity_keys(self._clock.now())

    def _own_keys(self) -> tuple[bytes, ...]:
        """The key that signs now, and those that others take too: own systems hold leaves by either."""
        row = self._projection.standing(self._me)
        known = row.member.identity_keys(self._clock.now()) if row is not None else ()
        return tuple(dict.fromkeys((self._identity.public_key, *known)))


def check_wallet(method: str, context: Context) -> tuple[Visitor, Rule]:
    """Who calls a method on the wallets' listener, if it may be called there.

    Raises:
        RoleMissingError: it belongs to another listener.
    """
    visitor = Visitor(WALLET, site_of(context.peer()))
    return visitor, _rule(method, visitor)


def site_of(peer: str) -> str:
    """Where a connection comes from, as far as one party may have many addresses: IPv4, or IPv6 /64.

    Args:
        peer: as gRPC tells it, such as `ipv4:192.0.2.7:4711` or `ipv6:%5B2001:db8::1%5D:4711`.
    """
    host = peer.partition(":")[2].rpartition(":")[0].replace("%5B", "").replace("%5D", "").strip("[]")
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return peer  # a Unix socket, or nothing that an address can be read from
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, _IPV6_SITE_BITS), strict=False))


def _rule(method: str, visitor: Visitor) -> Rule:
    rule = RULES.get(method)
    if rule is None or visitor.party not in rule.who:
        raise RoleMissingError(f"{visitor} may not call {method}")
    return rule
