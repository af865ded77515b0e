"""Acting for a subject under its mandate: what it allows, when it ends, and who checks."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from node.domain.document import document_digest, peek_document, sign_document
from node.domain.grant import Grant, Scope, grant_terms
from node.domain.mandate import Form, Mandate, Power, open_mandate
from node.domain.wallet import StatusCall
from node.errors import (
    DocumentFormatError,
    GrantExpiredError,
    GrantMissingError,
    GrantRevokedError,
    GrantScopeError,
    NodeError,
    SignatureError,
    UnknownCallerError,
)
from node.services.transaction import Transaction
from node.wallet.documents import Scribe
from node.wallet.keyfile import WalletKey, new_wallet_key
from node.wallet.mandates import Limits, sign_mandate
from node.wallet.mandates import terms_of as _mandate_terms
from tests.support.world import DAY, SCOPE, World
from tests.support.world_bidder import Bidder
from tests.support.world_dishonest import read_request
from tests.support.world_mandates import (
    WIDE,
    acting,
    attorney,
    give,
    grant_by,
    hand_over,
    sign_by,
    withdraw,
)


async def registered(world: World) -> Bidder:
    bidder = world.bidder()
    world.register(bidder)
    await world.settle()
    return bidder


async def under_mandate(world: World, *powers: Power, **kind: Any) -> tuple[Bidder, WalletKey, str]:
    """A subject, an attorney's key, and a mandate that is on the ledger."""
    bidder, key = await registered(world), attorney()
    token = give(world, bidder, key.public_key.hex(), *powers, **kind)
    await world.settle()
    return bidder, key, token


async def granted_under_mandate(world: World, *powers: Power) -> tuple[Bidder, Scribe, str, str]:
    """As `under_mandate`, with a grant that the reader has: whose, by whom, the mandate, the request's digest."""
    bidder, key, mandate = await under_mandate(world, *(powers or (Power.GRANT,)))
    scribe = acting(world, key, bidder, mandate)
    digest, token = grant_by(world, scribe, bidder)
    await world.settle()
    hand_over(world, scribe, bidder, token)
    await world.settle()
    await world.settle()
    return bidder, scribe, mandate, digest


# -- power of attorney ------------------------------------------------------------------------------------


async def test_an_attorney_grants_and_the_reader_checks_mandate_and_grant(world: World) -> None:
    bidder, _, _, digest = await granted_under_mandate(world)
    fetched = await world.reader.services.reading.fetch(digest)
    assert fetched.credit_code == bidder.code
    await world.settle()
    await world.settle()
    # A stranger sees from the file alone that the ledger held grant and mandate.
    world.verify(world.reader.services.proving.obtained_bundle(digest, fetched.number))


async def test_an_attorney_hands_in_documents_revokes_and_looks(world: World) -> None:
    bidder, key, mandate = await under_mandate(world, Power.REGISTER, Power.REVOKE, Power.GRANT, Power.LOOK)
    home, scribe = world.home, acting(world, key, bidder, mandate)
    token = scribe.register(home.name, "", [bidder.qualification("D2")])
    registered_ = home.services.registrations.register(token)
    assert (registered_.subject, registered_.count) == (bidder.subject, 1)
    granted = sign_by(world, scribe, bidder)
    hand_over(world, scribe, bidder, granted)
    home.sharing.revoke(scribe.revoke(home.name, granted))
    await world.settle()
    raw_id = bytes.fromhex(scribe.grant_id(granted))
    assert world.third.services.projection.grant(raw_id).revoked
    call = home.services.gate.open(scribe.status(home.name), StatusCall)
    assert home.services.gate.principal(call, Power.LOOK) == bidder.key.public_key.hex()


Act = Callable[[World, Bidder, Any], object]


def _relay(world: World, bidder: Bidder, scribe: Any) -> object:
    # Names no scope: a relay sees none.
    own = bidder.scribe.grant_unasked(
        world.reader.name, world.home.name, SCOPE, "x", uses=1, expires=int(world.clock.now()) + DAY
    )
    return world.third.sharing.relay(scribe.relay(world.third.name, own))


def _register(world: World, bidder: Bidder, scribe: Any) -> object:
    token = scribe.register(world.home.name, "", [bidder.qualification("D3")])
    return world.home.services.registrations.register(token)


def _revoke(world: World, bidder: Bidder, scribe: Any) -> object:
    own = bidder.scribe.grant_unasked(
        world.reader.name, world.home.name, SCOPE, "x", uses=1, expires=int(world.clock.now()) + DAY
    )
    terms = scribe.revoke_terms(world.home.name, _terms(own), peek_document(own, Grant).jti)
    return world.home.sharing.revoke(terms)


def _terms(token: str) -> Any:
    return grant_terms(peek_document(token, Grant), document_digest(token))


ACTS: dict[Power, Act] = {Power.REGISTER: _register, Power.REVOKE: _revoke}


@pytest.mark.parametrize("power", ACTS)
async def test_an_attorney_does_nothing_that_the_mandate_does_not_name(world: World, power: Power) -> None:
    bidder, key, mandate = await under_mandate(world, *(set(Power) - {power}))
    with pytest.raises(UnknownCallerError, match=f"power {power.value}"):
        ACTS[power](world, bidder, acting(world, key, bidder, mandate))


async def test_without_the_power_to_grant_neither_grant_nor_relay_is_taken(world: World) -> None:
    bidder, key, mandate = await under_mandate(world, Power.REGISTER)
    scribe = acting(world, key, bidder, mandate)
    with pytest.raises(UnknownCallerError, match="power grant"):
        _relay(world, bidder, scribe)
    grant = forged_grant(world, bidder, key, mandate)
    with pytest.raises(UnknownCallerError, match="power grant"):
        hand_over(world, scribe, bidder, grant)


async def test_moving_erasing_and_copying_are_under_no_mandate(world: World) -> None:
    bidder, key, mandate = await under_mandate(world, *Power)
    scribe, services = acting(world, key, bidder, mandate), world.home.services
    with pytest.raises(UnknownCallerError):
        services.erasures.by_wallet(scribe.erase(world.home.name))
    with pytest.raises(UnknownCallerError):
        list(services.moving.copy(scribe.copy(world.home.name)))
    with pytest.raises(UnknownCallerError):
        services.exporting.registration(scribe.export(world.home.name))
    with pytest.raises(UnknownCallerError):
        services.moving.place(scribe.place(world.home.name))


# -- attacks ----------------------------------------------------------------------------------------------


def forged_grant(world: World, bidder: Bidder, key: WalletKey, mandate: str, **changes: Any) -> str:
    """A grant by somebody who does not keep to what the wallet allows."""
    own = bidder.scribe.grant_unasked(
        world.reader.name, world.home.name, SCOPE, "registration-reuse", uses=3,
        expires=int(world.clock.now()) + 30 * DAY,
    )  # fmt: skip
    grant = peek_document(own, Grant)
    values = {"key": key.public_key.hex(), "mandate": mandate, **changes}
    return sign_document(msgspec.structs.replace(grant, **values), key.sign)


MORE: dict[str, tuple[dict[str, Any], type[NodeError]]] = {
    "a field more": (
        {"scope": (Scope("subject.base", (*SCOPE[0].fields, "legal_representative")),)},
        GrantScopeError,
    ),
    "a category more": ({"scope": (*SCOPE, Scope("subject.qualification", ("level",)))}, GrantScopeError),
    "more reads": ({"uses": 4}, GrantScopeError),
    "longer": ({}, GrantExpiredError),
    "another receiver": ({"aud": ("shanghai",)}, GrantScopeError),
    "any number of reads": ({"uses": 0}, GrantScopeError),
    "standing": ({"standing": True, "request": "", "uses": 0}, GrantScopeError),
    "another purpose": ({"purpose": "sale-of-data"}, GrantScopeError),
}


@pytest.mark.parametrize("what", MORE)
async def test_an_agent_that_grants_more_than_it_may_is_refused_by_home_and_reader(
    world: World, what: str
) -> None:
    limits = Limits(WIDE.scope, (world.reader.name,), ("registration-reuse",), WIDE.uses)
    bidder, key, mandate = await under_mandate(world, Power.GRANT, limits=limits)
    changes, error = MORE[what]
    if what == "longer":
        changes = {"exp": open_mandate(mandate).exp + 3600}
    grant = forged_grant(world, bidder, key, mandate, **changes)
    scribe = acting(world, key, bidder, mandate)
    with pytest.raises(error):
        hand_over(world, scribe, bidder, grant)
    await world.settle()
    world.third.sharing.relay(bidder.scribe.relay_terms(world.third.name, _terms(grant)))
    await world.settle()
    with pytest.raises(NodeError):
        world.home.serving.read(world.reader.name, read_request(world, world.reader, grant), grant)
    # A home that takes it all the same: the reader does not.
    if what != "another receiver":
        with pytest.raises(error):
            world.reader.services.reading.adopt(Transaction(world.reader.store), grant)


async def test_the_wallet_itself_does_not_sign_more_than_the_mandate_allows(world: World) -> None:
    bidder, key, mandate = await under_mandate(world, Power.GRANT)
    scribe = acting(world, key, bidder, mandate)
    with pytest.raises(GrantScopeError):
        sign_by(world, scribe, bidder, (Scope("subject.qualification", ("level",)),))
    grant = peek_document(sign_by(world, scribe, bidder, uses=100, days=360), Grant)
    assert (grant.uses, grant.exp) == (WIDE.uses, open_mandate(mandate).exp)


async def test_a_widened_mandate_is_none(world: World) -> None:
    bidder, key, mandate = await under_mandate(world, Power.LOOK)
    wide = msgspec.structs.replace(
        peek_document(mandate, Mandate), powers=("grant", "look"), scope=SCOPE, uses=9
    )
    header, _, signature = mandate.split(".")
    payload = sign_document(wide, key.sign).split(".")[1]
    for forged in (f"{header}.{payload}.{signature}", sign_document(wide, key.sign)):
        with pytest.raises(SignatureError):
            _grant_by_force(world, bidder, key, forged)


def _grant_by_force(world: World, bidder: Bidder, key: WalletKey, mandate: str) -> None:
    grant = forged_grant(world, bidder, key, mandate)
    call = acting(world, key, bidder, mandate).give(world.home.name, grant)
    world.home.sharing.give_grant(call)


async def test_a_mandate_by_anothers_key_is_none(world: World) -> None:
    """The agent makes one out for itself, in the subject's name."""
    bidder, key, other = await registered(world), attorney(), world.bidder()
    other.subject, other.home = bidder.subject, bidder.home
    with pytest.raises(UnknownCallerError):
        give(world, other, key.public_key.hex(), Power.GRANT)
    own = sign_mandate(
        other.scribe, Form.ATTORNEY, key.public_key.hex(), "x", [Power.GRANT],
        int(world.clock.now()) + DAY, limits=WIDE,
    )  # fmt: skip
    with pytest.raises(NodeError):
        _grant_by_force(world, bidder, key, own)


async def test_a_mandate_for_another_key_subject_or_alliance_is_refused(world: World) -> None:
    bidder, _, mandate = await under_mandate(world, *Power)
    thief, other = attorney(), await registered(world)
    with pytest.raises(UnknownCallerError, match="another key"):
        _register(world, bidder, acting(world, thief, bidder, mandate))
    with pytest.raises(UnknownCallerError, match="another subject's"):
        _register(world, other, acting(world, thief, other, mandate))


async def test_a_mandate_that_the_ledger_does_not_have_counts_for_nothing(world: World) -> None:
    bidder, key = await registered(world), attorney()
    token = give(world, bidder, key.public_key.hex(), Power.REGISTER)
    with pytest.raises(GrantMissingError, match="mandate is not on the ledger"):
        _register(world, bidder, acting(world, key, bidder, token))
    await world.settle()
    _register(world, bidder, acting(world, key, bidder, token))


async def test_a_mandate_ends(world: World) -> None:
    bidder, key, mandate = await under_mandate(world, Power.REGISTER, days=10)
    world.clock.advance(11 * DAY)
    await world.settle()
    with pytest.raises(GrantExpiredError, match="mandate"):
        _register(world, bidder, acting(world, key, bidder, mandate))


@pytest.mark.parametrize("where", ["home", "third"])
async def test_a_revoked_mandate_ends_its_calls_and_its_grants_at_once(world: World, where: str) -> None:
    bidder, scribe, mandate, digest = await granted_under_mandate(world, Power.GRANT, Power.REGISTER)
    await world.reader.services.reading.fetch(digest)
    withdraw(world, bidder, mandate, getattr(world, where))
    if where == "home":  # before the ledger has it
        with pytest.raises(GrantRevokedError, match="mandate"):
            _register(world, bidder, scribe)
        with pytest.raises(GrantRevokedError, match="mandate"):
            await world.reader.services.reading.fetch(digest)
    await world.settle()
    with pytest.raises(GrantRevokedError, match="mandate"):
        await world.reader.services.reading.fetch(digest)
    with pytest.raises(GrantRevokedError, match="mandate"):
        _register(world, bidder, scribe)


@pytest.mark.parametrize("where", ["reader", "third"])
async def test_what_was_read_under_a_mandate_is_not_used_after_its_revocation(
    world: World, where: str
) -> None:
    bidder, _, mandate, digest = await granted_under_mandate(world)
    await world.reader.services.reading.fetch(digest)
    assert world.reader.services.kept_reads.show(digest).records
    withdraw(world, bidder, mandate, getattr(world, where))
    await world.settle()
    with pytest.raises(GrantRevokedError, match="mandate"):
        world.reader.services.kept_reads.show(digest)


async def test_the_reader_refuses_under_a_revoked_mandate_though_the_home_answers(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    bidder, _, mandate, digest = await granted_under_mandate(world)
    withdraw(world, bidder, mandate, world.third)
    await world.settle()
    monkeypatch.setattr("node.services.serving.check_in_force", lambda *_: None)
    monkeypatch.setattr("node.services.reading.check_live", lambda *_: None)
    with pytest.raises(GrantRevokedError, match="mandate"):
        await world.reader.services.reading.fetch(digest)


async def test_a_grant_without_the_mandate_or_under_another_is_refused(world: World) -> None:
    bidder, key, mandate = await under_mandate(world, Power.GRANT)
    other = give(world, bidder, key.public_key.hex(), Power.GRANT)
    await world.settle()
    scribe = acting(world, key, bidder, mandate)
    with pytest.raises(DocumentFormatError, match="another mandate"):
        hand_over(world, scribe, bidder, forged_grant(world, bidder, key, other))
    with pytest.raises(DocumentFormatError, match="another mandate"):
        hand_over(world, scribe, bidder, forged_grant(world, bidder, key, ""))
    with pytest.raises(SignatureError):
        world.reader.services.reading.adopt(
            Transaction(world.reader.store), forged_grant(world, bidder, key, "")
        )


async def test_what_the_ledger_holds_of_a_mandate_is_like_a_grant(world: World) -> None:
    """Nobody can tell from the ledger that somebody acts for somebody."""
    bidder, key = await registered(world), attorney()
    mandate = give(world, bidder, key.public_key.hex(), Power.GRANT)
    [item] = world.home.outbox()
    name, sent = item.call
    assert (name, item.object.split("/")[0]) == ("RegisterGrant", "grant")
    assert not any(text.encode() in bytes(sent) for text in (bidder.subject, bidder.code, "示例代理人"))
    terms = _mandate_terms(mandate)
    assert (terms.expires % 3600, terms.register_before % 3600) == (0, 0)


# -- agencies ---------------------------------------------------------------------------------------------


async def test_an_agency_acts_by_the_key_that_controls_it(world: World) -> None:
    principal, agency = await registered(world), await registered(world)
    token = give(world, principal, agency.subject, Power.REGISTER, form=Form.AGENCY)
    await world.settle()
    _register(world, principal, acting(world, agency.key, principal, token))
    with pytest.raises(UnknownCallerError, match="another subject than the one that signed"):
        _register(world, principal, acting(world, new_wallet_key(), principal, token))
    third = await registered(world)
    with pytest.raises(UnknownCallerError, match="another subject than the one that signed"):
        _register(world, principal, acting(world, third.key, principal, token))


async def test_an_agency_grants_and_the_reader_asks_the_ledger_who_controls_it(world: World) -> None:
    principal, agency, third = [await registered(world) for _ in range(3)]
    mandate = give(world, principal, agency.subject, Power.GRANT, form=Form.AGENCY)
    await world.settle()
    scribe = acting(world, agency.key, principal, mandate)
    digest, token = grant_by(world, scribe, principal)
    await world.settle()
    hand_over(world, scribe, principal, token)
    await world.settle()
    await world.settle()
    assert (await world.reader.services.reading.fetch(digest)).credit_code == principal.code
    stolen = forged_grant(world, principal, third.key, mandate)
    with pytest.raises(SignatureError, match="another subject"):
        world.reader.services.reading.adopt(Transaction(world.reader.store), stolen)


async def test_an_agency_cannot_pass_its_mandate_on(world: World) -> None:
    principal, agency, third = [await registered(world) for _ in range(3)]
    mandate = give(world, principal, agency.subject, Power.REGISTER, form=Form.AGENCY)
    await world.settle()
    agent = acting(world, agency.key, principal, mandate)
    passed_on = sign_mandate(
        agent, Form.AGENCY, third.subject, "x", [Power.REGISTER], int(world.clock.now()) + DAY
    )
    with pytest.raises(NodeError):
        _register(world, principal, acting(world, third.key, principal, passed_on))
