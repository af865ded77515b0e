"""Who calls, and what each kind of caller may call: the one place that decides."""

import enum

import grpc
from google.protobuf.message import Message

from node.errors import NotMemberError, RoleMissingError, UnknownCallerError
from node.ports import Clock, Signer
from node.services.projection import Projection
from node.wire.tls import OPERATOR, Caller, anchor_pem, identify, parse_leaf

Context = grpc.aio.ServicerContext[Message, Message]


class Kind(enum.Enum):
    """Kinds of callers."""

    MEMBER = "member"
    SYSTEM = "system"
    WALLET = "wallet"
    """Anybody on the wallets' listener: the signed request says who it is."""


_PUBLIC = (
    "/grpc.health.v1.Health/",
    "/grpc.reflection.v1alpha.ServerReflection/",
    "/grpc.reflection.v1.ServerReflection/",
)
_ALLOWED: dict[str, Kind] = {
    "/heqi.v1.ExchangeService/": Kind.MEMBER,
    "/heqi.v1.RecordService/": Kind.SYSTEM,
    "/heqi.v1.AccessService/": Kind.SYSTEM,
    "/heqi.v1.AllianceService/": Kind.SYSTEM,
    "/heqi.v1.EventService/": Kind.SYSTEM,
    "/heqi.v1.LogService/": Kind.SYSTEM,
    "/heqi.v1.GuaranteeService/": Kind.SYSTEM,
    "/heqi.v1.WalletService/": Kind.WALLET,
}


class Callers:
    """Tells who stands behind a call, by the certificate of its connection and the ledger's pinned keys."""

    def __init__(self, projection: Projection, me: str, identity: Signer, clock: Clock) -> None:
        """Args:
        projection: the ledger's members.
        me: this node's member.
        identity: its own key: its systems are served before the ledger is reached, and while suspended.
        clock: tells which keys count.
        """
        self._projection, self._me, self._identity, self._clock = projection, me, identity, clock

    def anchors(self) -> bytes:
        """Trust anchors for the next handshake: all active members and this node itself, PEM."""
        now = self._clock.now()
        pinned = {
            row.member.name: row.member.identity_keys(now)
            for row in self._projection.members()
            if row.active and row.member.name != self._me
        }
        pinned[self._me] = self._own_keys()
        return b"".join(anchor_pem(name, key) for name, keys in pinned.items() for key in keys)

    def of(self, context: Context) -> Caller:
        """The caller of a call on the members' listener.

        Asked on every call, so a connection does not outlive a suspension or a change of key.

        Raises:
            UnknownCallerError: nobody this node knows.
        """
        pem = next(iter(context.auth_context().get("x509_pem_cert", ())), b"")
        return identify(pem, self._keys_of(parse_leaf(pem).issuer), self._me)

    def check(self, method: str, context: Context) -> None:
        """Check that the caller may call a method on the members' listener.

        Raises:
            UnknownCallerError: nobody this node knows.
            RoleMissingError: known, but not for this.
        """
        caller = self.of(context)
        if method.startswith(_PUBLIC):
            return
        kind = allowed_kind(method)
        is_system = caller.role == OPERATOR
        if (kind is Kind.SYSTEM and is_system) or (kind is Kind.MEMBER and not caller.role):
            return
        raise RoleMissingError(
            f"{caller.member}{' ' + caller.role if caller.role else ''} may not call {method}"
        )

    def _keys_of(self, issuer: str) -> tuple[bytes, ...]:
        if issuer == self._me:
            return self._own_keys()
        try:
            return self._projection.member(issuer).identity_keys(self._clock.now())
        except NotMemberError as error:
            raise UnknownCallerError("the caller's certificate is not of an active member") from error

    def _own_keys(self) -> tuple[bytes, ...]:
        """The key that signs now, and those that others take too: own systems hold leaves by either."""
        row = self._projection.standing(self._me)
        known = row.member.identity_keys(self._clock.now()) if row is not None else ()
        return tuple(dict.fromkeys((self._identity.public_key, *known)))


def check_wallet_method(method: str) -> None:
    """Check that a method may be called on the wallets' listener.

    Raises:
        RoleMissingError: it belongs to another listener.
    """
    if not method.startswith(_PUBLIC) and allowed_kind(method) is not Kind.WALLET:
        raise RoleMissingError(f"{method} is not for wallets")


def allowed_kind(method: str) -> Kind | None:
    """Which kind of caller a method is for; None for a method that nobody may call."""
    return next((kind for prefix, kind in _ALLOWED.items() if method.startswith(prefix)), None)
