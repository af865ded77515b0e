"""Mandates in a world: given, brought to the ledger, and acted under."""

from collections.abc import Sequence

from node.domain.grant import Scope
from node.domain.mandate import Form, Power, open_mandate
from node.wallet.documents import Scribe
from node.wallet.keyfile import WalletKey, new_wallet_key
from node.wallet.mandates import Limits, sign_mandate, terms_of
from tests.support.world import DAY, PURPOSE, SCOPE, World
from tests.support.world_bidder import Bidder
from tests.support.world_centre import Centre

WIDE = Limits(scope=(Scope("subject.base", ("bank_account", "credit_code", "legal_name")),), uses=3)


def give(
    world: World,
    principal: Bidder,
    agent: str,
    *powers: Power,
    form: Form = Form.ATTORNEY,
    days: int = 60,
    limits: Limits = WIDE,
    via: Centre | None = None,
    agreement: str = "",
    codes: tuple[str, str] = ("", ""),
) -> str:
    """A mandate, signed and on its way to the ledger."""
    limits = limits if Power.GRANT in powers else Limits()
    token = sign_mandate(
        principal.scribe,
        form,
        agent,
        "示例代理人",
        powers,
        int(world.clock.now()) + days * DAY,
        limits=limits,
        agreement=agreement,
        codes=codes,
    )
    bring(world, principal, token, via)
    return token


def bring(world: World, principal: Bidder, token: str, via: Centre | None = None) -> None:
    """Have a member bring a mandate to the ledger."""
    via = via or principal.registered_at
    via.sharing.relay(principal.scribe.relay_terms(via.name, terms_of(token)))


def withdraw(world: World, principal: Bidder, token: str, via: Centre | None = None) -> None:
    """Revoke a mandate at a member."""
    via = via or principal.registered_at
    via.sharing.revoke(principal.scribe.revoke_terms(via.name, terms_of(token), open_mandate(token).jti))


def acting(world: World, key: WalletKey, principal: Bidder, mandate: str) -> Scribe:
    """What signs for a principal under a mandate."""
    return Scribe(key, world.descriptor, principal.subject, mandate=mandate)


def grant_by(
    world: World, scribe: Scribe, principal: Bidder, scope: Sequence[Scope] = SCOPE, *, uses: int = 3
) -> tuple[str, str]:
    """The reader asks, the agent grants: the request's digest, and the grant."""
    digest = world.request(world.reader, principal, scope, uses=uses)
    return digest, sign_by(world, scribe, principal, scope, uses=uses, request=digest)


def sign_by(
    world: World,
    scribe: Scribe,
    principal: Bidder,
    scope: Sequence[Scope] = SCOPE,
    *,
    uses: int = 3,
    days: int = 30,
    reader: str = "",
    request: str = "",
) -> str:
    """A grant by an agent, by the rules of the wallet."""
    asked = world.reader.services.reading._own.load(bytes.fromhex(request)).asked().jti if request else ""
    return scribe.grant_unasked(
        reader or world.reader.name,
        principal.registered_at.name,
        scope,
        PURPOSE,
        uses=uses,
        expires=int(world.clock.now()) + days * DAY,
        request=asked,
    )


def hand_over(world: World, scribe: Scribe, principal: Bidder, token: str) -> str:
    """The agent hands a grant to the principal's home."""
    home = principal.registered_at
    return home.sharing.give_grant(scribe.give(home.name, token))


def attorney() -> WalletKey:
    """Somebody with a key and no subject."""
    return new_wallet_key()
