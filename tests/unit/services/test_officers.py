"""What a company reserves for two officers: one alone does nothing of it, and cannot lift it."""

import copy
from collections.abc import Callable, Iterator
from dataclasses import replace

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from adapters.crypto import trial_ca
from node.domain.approval import Approval
from node.domain.controller import ControllerSigner
from node.domain.document import peek_document, sign_by_controller
from node.domain.grant import Grant
from node.domain.mandate import Power
from node.domain.wallet import APPROVED_WINDOW_SECONDS, EraseCall, RegisterCall
from node.errors import (
    ApprovalError,
    CertificateError,
    ConflictError,
    DocumentFormatError,
    GrantMissingError,
    ReplayError,
    RevokedError,
    SecondOfficerMissingError,
    SignatureError,
    UnknownCallerError,
)
from node.services import answer_check
from node.services.transaction import Transaction
from node.wallet.keyfile import WalletKey, new_wallet_key
from node.wallet.mandates import terms_of
from node.wallet.passkey import Passkey
from node.wallet.trial_authenticator import TrialAuthenticator
from tests.support.trust import OCSP, TimedResponder
from tests.support.world import DAY, SCOPE, World
from tests.support.world_bidder import Bidder
from tests.support.world_dishonest import read_request
from tests.support.world_mandates import acting, attorney, give, sign_by
from tests.support.world_mandates import hand_over as hand_over_under
from tests.support.world_officers import ALL, Company, attach, company

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

# -- what two may, and one may not -------------------------------------------------------------------------


async def test_a_grant_by_two_officers_is_read_and_a_stranger_verifies_the_bundle(world: World) -> None:
    both = await company(world)
    digest = world.request(world.reader, both.bidder)
    await world.settle()
    token = both.both(world.sign_grant(both.bidder))
    both.hand_over(world, token)
    await world.settle()
    await world.settle()
    fetched = await world.reader.services.reading.fetch(digest)
    assert fetched.credit_code == both.bidder.code
    await world.settle()
    await world.settle()
    world.verify(world.reader.services.proving.obtained_bundle(digest, fetched.number))


async def test_a_grant_by_one_officer_is_taken_nowhere(world: World) -> None:
    both = await company(world)
    token = both.grant(world)
    with pytest.raises(SecondOfficerMissingError):
        both.hand_over(world, token)
    # Through another member, which cannot know what is reserved, and read all the same.
    world.third.sharing.relay(both.scribe.relay(world.third.name, token))
    await world.settle()
    with pytest.raises(SecondOfficerMissingError):
        world.home.serving.read(world.reader.name, read_request(world, world.reader, token), token)


Act = Callable[[World, Company], object]


def _register(world: World, both: Company) -> str:
    return both.register(world.home, [both.bidder.qualification("D2")])


def _change(world: World, both: Company) -> str:
    return both.change(world.home, both.scribe, removed=both.second.name, added=new_wallet_key().name)


def _move(world: World, both: Company) -> str:
    place = world.third.services.moving.place(both.scribe.place(world.third.name))
    return both.scribe.move(
        world.third.name, both.bidder.delegation, both.bidder.package(), place.version + 1, place.contract
    )


ACTS: dict[str, tuple[Callable[[World, Company], str], Callable[[World, str], object]]] = {
    "register": (_register, lambda world, token: world.home.services.registrations.register(token)),
    "controllers": (_change, lambda world, token: world.home.services.controllers.change(token)),
    "move": (_move, lambda world, token: world.third.services.moving.take_over(token)),
    "erase": (
        lambda world, both: both.scribe.erase(world.home.name, ("subject.qualification",)),
        lambda world, token: world.home.services.erasures.by_wallet(token),
    ),
}


@pytest.mark.parametrize("act", ACTS)
async def test_an_act_needs_two_officers_and_then_works(world: World, act: str) -> None:
    both = await company(world)
    make, hand_in = ACTS[act]
    token = make(world, both)
    with pytest.raises(SecondOfficerMissingError):
        hand_in(world, token)
    hand_in(world, both.both(token))


async def test_what_is_not_reserved_one_officer_does_alone(world: World) -> None:
    both = await company(world, ("move",))
    world.home.services.registrations.register(_register(world, both))
    both.hand_over(world, both.grant(world))
    # But never what would lift it.
    with pytest.raises(SecondOfficerMissingError):
        world.home.services.controllers.change(_change(world, both))


async def test_one_officer_alone_revokes(world: World) -> None:
    both = await company(world)
    token = both.both(both.grant(world))
    both.hand_over(world, token)
    world.home.sharing.revoke(both.scribe.revoke(world.home.name, token))
    await world.settle()
    raw_id = bytes.fromhex(both.scribe.grant_id(token))
    assert world.third.services.projection.grant(raw_id).revoked


async def test_the_second_officer_has_a_day_and_the_request_works_once(world: World) -> None:
    both = await company(world)
    token = both.both(_register(world, both))
    world.clock.advance(APPROVED_WINDOW_SECONDS - 600)
    await world.settle()
    world.home.services.registrations.register(token)
    for again in (token, both.both(peeled(token, both.bidder.key))):
        with pytest.raises(ReplayError):
            world.home.services.registrations.register(again)
    late = both.both(_register(world, both))
    world.clock.advance(APPROVED_WINDOW_SECONDS + 1)
    with pytest.raises(ReplayError):
        world.home.services.registrations.register(late)


def peeled(token: str, key: WalletKey) -> str:
    """The same request without its approval: for a fresh approval of what was done already."""
    return sign_by_controller(msgspec.structs.replace(peek_document(token, RegisterCall), approval=""), key)


async def test_under_a_mandate_of_two_officers_an_agent_grants_and_registers(world: World) -> None:
    both, agent = await company(world), attorney()
    powers = (Power.GRANT, Power.REGISTER, Power.LOOK)
    alone = give(world, both.bidder, agent.name, *powers)
    mandate = both.both(alone)
    for one in (alone, mandate):
        world.home.sharing.relay(both.scribe.relay_terms(world.home.name, terms_of(one)))
    await world.settle()
    digest = world.request(world.reader, both.bidder)
    await world.settle()
    lonely, agreed = (acting(world, agent, both.bidder, one) for one in (alone, mandate))
    with pytest.raises(SecondOfficerMissingError):
        hand_over_under(world, lonely, both.bidder, sign_by(world, lonely, both.bidder, request=digest))
    records = [both.bidder.qualification("D3")]
    with pytest.raises(SecondOfficerMissingError):
        world.home.services.registrations.register(lonely.register(world.home.name, "", records))
    world.home.services.registrations.register(agreed.register(world.home.name, "", records))
    hand_over_under(world, agreed, both.bidder, sign_by(world, agreed, both.bidder, request=digest))
    await world.settle()
    await world.settle()
    assert (await world.reader.services.reading.fetch(digest)).records


# -- what is no approval -----------------------------------------------------------------------------------


def with_approval(both: Company, token: str, approval: str) -> str:
    """A grant into which the first officer puts whatever it has got."""
    grant = msgspec.structs.replace(peek_document(token, Grant), approval=approval)
    return sign_by_controller(grant, both.bidder.key)


def approval_by(both: Company, token: str, key: ControllerSigner, delegation: str) -> str:
    """An approval by a key that no wallet would use for it."""
    genuine = peek_document(both.approval(token), Approval)
    return sign_by_controller(msgspec.structs.replace(genuine, key=key.name, delegation=delegation), key)


def negative(key: WalletKey) -> WalletKey:
    """The key of (x, -y), which whoever holds the key of (x, y) has too."""
    scalar = key._key.private_numbers().private_value
    return WalletKey(ec.derive_private_key(P256_ORDER - scalar, ec.SECP256R1()))


@pytest.mark.parametrize(
    "spelling", [lambda key: key, lambda key: Passkey(TrialAuthenticator(key, "w.example")), negative]
)
async def test_one_key_is_not_two_officers_under_any_spelling(
    world: World, spelling: Callable[[WalletKey], ControllerSigner]
) -> None:
    both = await company(world)
    token, twin = both.grant(world), spelling(both.bidder.key)
    forged = with_approval(both, token, approval_by(both, token, twin, both.bidder.delegate(twin)))
    with pytest.raises(ApprovalError, match="second officer"):
        both.hand_over(world, forged)
    with pytest.raises(ApprovalError):
        world.reader.services.reading.adopt(Transaction(world.reader.store), forged)


async def test_the_approval_of_one_act_is_none_of_another(world: World) -> None:
    both = await company(world)
    first, second = both.grant(world), both.grant(world)
    with pytest.raises(ApprovalError, match="another document"):
        both.hand_over(world, with_approval(both, second, both.approval(first)))
    wider = msgspec.structs.replace(peek_document(first, Grant), uses=100)
    with pytest.raises(ApprovalError, match="another document"):
        both.hand_over(
            world, with_approval(both, sign_by_controller(wider, both.bidder.key), both.approval(first))
        )
    erase = both.scribe.erase(world.home.name)
    call = msgspec.structs.replace(peek_document(erase, EraseCall), approval=both.approval(first))
    with pytest.raises(ApprovalError, match="another document"):
        world.home.services.erasures.by_wallet(sign_by_controller(call, both.bidder.key))


async def test_an_approval_is_no_grant_and_a_grant_no_approval(world: World) -> None:
    both = await company(world)
    token = both.grant(world)
    with pytest.raises(DocumentFormatError, match="header"):
        both.hand_over(world, both.approval(token))
    with pytest.raises(DocumentFormatError, match="header"):
        both.hand_over(world, with_approval(both, token, token))


async def test_an_officer_of_another_company_approves_nothing(world: World) -> None:
    both, other = await company(world), world.bidder()
    world.register(other)
    await world.settle()
    token = both.grant(world)
    theirs = with_approval(both, token, approval_by(both, token, other.key, other.delegation))
    with pytest.raises(UnknownCallerError, match="second officer"):
        both.hand_over(world, theirs)
    # Whose key the ledger names, and whose certificate is another company's.
    stolen = with_approval(both, token, approval_by(both, token, both.second, other.delegate(both.second)))
    with pytest.raises(ApprovalError, match="another key or company"):
        both.hand_over(world, stolen)


async def test_a_member_that_only_relays_takes_no_strangers_approval(world: World) -> None:
    both, stranger = await company(world), new_wallet_key()
    theirs = replace(both, second=stranger, second_delegation=both.bidder.delegate(stranger))
    change = theirs.both(both.change(world.third, both.scribe, added=stranger.name))
    with pytest.raises(UnknownCallerError, match="second officer"):
        world.third.services.controllers.change(change)


async def test_a_key_that_was_replaced_approves_nothing_and_what_it_approved_is_dead(world: World) -> None:
    both = await company(world)
    digest = world.request(world.reader, both.bidder)
    await world.settle()
    token = both.both(world.sign_grant(both.bidder))
    both.hand_over(world, token)
    await world.settle()
    fresh = new_wallet_key()
    change = both.change(world.home, both.scribe, removed=both.second.name, added=fresh.name)
    world.home.services.controllers.change(both.both(change))
    await world.settle()
    with pytest.raises((GrantMissingError, SignatureError)):
        await world.reader.services.reading.fetch(digest)
    with pytest.raises(UnknownCallerError):
        both.hand_over(world, both.both(both.grant(world)))
    # The new one counts at once: two officers have added it.
    attach(world, both, fresh, both.bidder.delegate(fresh, two_officers=ALL))
    now = replace(both, second=fresh, second_delegation=both.bidder.delegate(fresh))
    both.hand_over(world, now.both(both.grant(world)))


async def test_an_approval_under_a_delegation_that_ran_out_counts_for_nothing_new(world: World) -> None:
    both = await company(world)
    short = replace(both, second_delegation=both.bidder.delegate(both.second, seconds=60))
    world.clock.advance(120)
    with pytest.raises(CertificateError):
        both.hand_over(world, short.both(both.grant(world)))


async def test_what_was_approved_in_time_is_read_after_the_second_delegation_ran_out(world: World) -> None:
    both = await company(world)
    short = replace(both, second_delegation=both.bidder.delegate(both.second, seconds=2 * DAY))
    digest = world.request(world.reader, both.bidder)
    await world.settle()
    both.hand_over(world, short.both(world.sign_grant(both.bidder)))
    await world.settle()
    world.clock.advance(3 * DAY)
    await world.settle()
    fetched = await world.reader.services.reading.fetch(digest)
    await world.settle()
    await world.settle()
    world.verify(world.reader.services.proving.obtained_bundle(digest, fetched.number))


# -- a home that drops the second officer ------------------------------------------------------------------


async def dropped(world: World, both: Company, monkeypatch: pytest.MonkeyPatch) -> str:
    """The home takes and serves what one officer signed; the reader's request."""
    digest = world.request(world.reader, both.bidder)
    await world.settle()
    home = world.home.services.registrations
    monkeypatch.setattr(home, "check_officers", lambda *_: None)
    monkeypatch.setattr(
        home,
        "signed_voucher",
        lambda subject, authority, moment: home.voucher(subject, authority.key, moment),
    )
    both.hand_over(world, world.sign_grant(both.bidder))
    await world.settle()
    await world.settle()
    return digest


async def test_a_home_that_drops_the_second_officer_is_not_believed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = await company(world)
    digest = await dropped(world, both, monkeypatch)
    with pytest.raises(SecondOfficerMissingError):
        await world.reader.services.reading.fetch(digest)


async def test_a_bundle_of_reader_and_home_who_drop_the_second_officer_is_false(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = await company(world)
    digest = await dropped(world, both, monkeypatch)
    monkeypatch.setattr(answer_check, "check_officers", lambda *_: None)
    fetched = await world.reader.services.reading.fetch(digest)
    await world.settle()
    await world.settle()
    bundle = world.reader.services.proving.obtained_bundle(digest, fetched.number)
    with pytest.raises(SecondOfficerMissingError):
        world.verify(bundle)


async def test_an_approval_that_is_stripped_takes_the_grant_with_it(world: World) -> None:
    both = await company(world)
    token = both.both(both.grant(world))
    header, _, signature = token.split(".")
    bare = both.grant(world).split(".")[1]
    with pytest.raises(SignatureError):
        world.reader.services.reading.adopt(Transaction(world.reader.store), f"{header}.{bare}.{signature}")


# -- one officer, and the company's certificate, against the other -----------------------------------------


async def test_a_weaker_delegation_lifts_nothing_unless_two_hand_it_in(world: World) -> None:
    both = await company(world)
    services, weaker = world.home.services, both.bidder.delegate(both.bidder.key)
    services.registrations.register(both.register(world.home, (), weaker))
    both.bidder.delegation = weaker
    with pytest.raises(SecondOfficerMissingError):
        both.hand_over(world, both.grant(world))
    # Two lift it: each officer's delegation is handed in, approved by the other.
    services.registrations.register(
        both.both(both.register(world.home, (), both.bidder.delegate(both.bidder.key)))
    )
    with pytest.raises(SecondOfficerMissingError):
        both.hand_over(world, both.grant(world))
    turned = Company(replace_key(both), both.bidder.key, weaker)
    services.registrations.register(
        turned.both(turned.register(world.home, (), both.bidder.delegate(both.second)))
    )
    both.hand_over(world, both.grant(world))


def replace_key(both: Company) -> Bidder:
    """The same company from its second officer's desk."""
    bidder = copy.copy(both.bidder)
    bidder.key, bidder.delegation = both.second, both.second_delegation
    return bidder


async def test_a_key_that_one_officer_added_elsewhere_is_no_officers(world: World) -> None:
    both, puppet = await company(world), new_wallet_key()
    world.third.services.controllers.change(both.change(world.third, both.scribe, added=puppet.name))
    await world.settle()
    weak = both.bidder.delegate(puppet)
    with pytest.raises(SecondOfficerMissingError, match="add this key first"):
        attach(world, both, puppet, weak)
    # Not with the lone officer's approval either.
    turned = Company(puppeteer(both, puppet, weak), both.bidder.key, both.bidder.delegation)
    call = turned.both(turned.register(world.home, (), weak))
    with pytest.raises(SecondOfficerMissingError, match="add this key first"):
        world.home.services.registrations.register(call)
    token = replace(both, second=puppet, second_delegation=weak)
    with pytest.raises(ApprovalError, match="no officer"):
        both.hand_over(world, token.both(both.grant(world)))
    # Nor does the puppet sign first, and the lone officer approve.
    erase = turned.both(turned.scribe.erase(world.home.name))
    with pytest.raises(SecondOfficerMissingError):
        world.home.services.erasures.by_wallet(erase)


def puppeteer(both: Company, key: WalletKey, delegation: str) -> Bidder:
    """The company under a key that one officer made up."""
    bidder = copy.copy(both.bidder)
    bidder.key, bidder.delegation = key, delegation
    return bidder


async def test_who_removes_the_other_officer_elsewhere_is_alone_and_can_do_nothing(world: World) -> None:
    both = await company(world)
    world.third.services.controllers.change(both.change(world.third, both.scribe, removed=both.second.name))
    await world.settle()
    weaker = both.bidder.delegate(both.bidder.key)
    world.home.services.registrations.register(both.register(world.home, (), weaker))
    both.bidder.delegation = weaker
    with pytest.raises(SecondOfficerMissingError):
        both.hand_over(world, both.grant(world))
    with pytest.raises(SecondOfficerMissingError):
        world.home.services.controllers.change(
            both.change(world.home, both.scribe, added=new_wallet_key().name)
        )


async def test_an_officer_whom_two_sent_away_does_not_come_back_by_one(world: World) -> None:
    both, third = await company(world), new_wallet_key()
    change = both.change(world.home, both.scribe, removed=both.second.name, added=third.name)
    world.home.services.controllers.change(both.both(change))
    await world.settle()
    world.third.services.controllers.change(both.change(world.third, both.scribe, added=both.second.name))
    await world.settle()
    with pytest.raises(ApprovalError, match="no officer"):
        both.hand_over(world, both.both(both.grant(world)))


async def test_the_last_two_officers_cannot_become_one(world: World) -> None:
    both = await company(world)
    change = both.both(both.change(world.home, both.scribe, removed=both.second.name))
    with pytest.raises(ConflictError, match="fewer than two"):
        world.home.services.controllers.change(change)


async def test_a_single_officer_can_replace_its_key_before_there_is_a_second(world: World) -> None:
    bidder = world.bidder()
    bidder.delegation = bidder.delegate(bidder.key, two_officers=ALL)
    world.register(bidder)
    await world.settle()
    fresh, second = new_wallet_key(), new_wallet_key()
    both = Company(bidder, second, bidder.delegate(second, two_officers=ALL))
    change = both.change(world.home, both.scribe, removed=bidder.key.name, added=fresh.name)
    world.home.services.controllers.change(change)
    await world.settle()
    bidder.key, bidder.delegation = fresh, bidder.delegate(fresh, two_officers=ALL)
    attach(world, both, fresh, bidder.delegation)
    with pytest.raises(SecondOfficerMissingError):
        both.hand_over(world, both.grant(world))
    world.home.services.controllers.change(both.change(world.home, both.scribe, added=second.name))
    await world.settle()
    attach(world, both, second, both.second_delegation)
    both.hand_over(world, both.both(both.grant(world)))


async def test_after_a_recovery_the_new_key_is_the_first_officer(world: World) -> None:
    both = await company(world)
    bidder, fresh = both.bidder, new_wallet_key()
    scribe = replace(both.scribe, key=fresh)
    papers = (bidder.delegate(fresh), bidder.delegation, bidder.scribe.accept(bidder.delegation))
    for centre in (world.home, world.reader, world.third):
        centre.services.recoveries.recover(scribe.recover(centre.name, *papers))
        await world.settle()
    for centre in (world.reader, world.third):
        [(request, _, _)] = centre.services.recoveries.waiting()
        centre.services.recoveries.confirm(request)
    await world.settle()
    world.clock.advance(7 * DAY + 60)
    await world.settle()
    world.home.services.recoveries.finish(scribe.finish(world.home.name))
    await world.settle()
    attach(world, both, fresh, papers[0])
    # What was reserved still is, and a second officer can be found again.
    bidder.key, bidder.delegation = fresh, papers[0]
    with pytest.raises(SecondOfficerMissingError):
        both.hand_over(world, both.grant(world))
    second = new_wallet_key()
    now = Company(bidder, second, bidder.delegate(second))
    world.home.services.controllers.change(now.change(world.home, now.scribe, added=second.name))
    await world.settle()
    attach(world, now, second, now.second_delegation)
    now.hand_over(world, now.both(now.grant(world)))


async def test_at_a_new_home_both_officers_of_the_move_count(world: World) -> None:
    both = await company(world)
    world.third.services.moving.take_over(both.both(_move(world, both)))
    await world.settle()
    grant = both.scribe.grant_unasked(
        world.reader.name, world.third.name, SCOPE, "x", uses=1, expires=int(world.clock.now()) + DAY
    )
    with pytest.raises(SecondOfficerMissingError):
        world.third.sharing.give_grant(both.scribe.give(world.third.name, grant))
    world.third.sharing.give_grant(both.scribe.give(world.third.name, both.both(grant)))


# -- where authorities tell what they have revoked ---------------------------------------------------------


@pytest.fixture
def asking() -> Iterator[tuple[World, TimedResponder]]:
    """A world whose authority answers by OCSP."""
    with World(terms={"ocsp": (OCSP,)}) as world:
        responder = TimedResponder(world.authority.root, now=world.clock.now)
        world.network.authorities.handlers[OCSP] = responder.answer
        yield world, responder


async def handed_in(world: World, both: Company, key: WalletKey, delegation: str) -> None:
    """As the wallets' service does it: first ask, then store."""
    registrations = world.home.services.registrations
    scribe = replace(both.scribe, key=key)
    is_first = not both.bidder.subject
    token = both.register(world.home, both.bidder.package() if is_first else (), delegation, scribe)
    registered = registrations.register(token, await registrations.prepare(token))
    both.bidder.subject, both.bidder.home = registered.subject, world.home
    await world.settle()


async def test_the_second_officers_certificate_is_asked_about_by_everybody(
    asking: tuple[World, TimedResponder],
) -> None:
    world, responder = asking
    bidder, second = world.bidder(), new_wallet_key()
    own = trial_ca.issue(world.authority.root, bidder.organisation, bidder.code)
    bidder.delegation = bidder.delegate(bidder.key, two_officers=ALL)
    both = Company(bidder, second, bidder.delegate(second, certificate=own, two_officers=ALL))
    await handed_in(world, both, bidder.key, bidder.delegation)
    world.home.services.controllers.change(both.change(world.home, both.scribe, added=second.name))
    await world.settle()
    await handed_in(world, both, second, both.second_delegation)
    digest = world.request(world.reader, bidder)
    await world.settle()

    async def give() -> None:
        token = both.scribe.give(world.home.name, both.both(world.sign_grant(bidder)))
        await world.home.sharing.prepare_grant(token)
        world.home.sharing.give_grant(token)
        await world.settle()

    await give()
    fetched = await world.reader.services.reading.fetch(digest)
    await world.settle()
    await world.settle()
    # What the authority said of the second's certificate is in the file: a stranger asks nobody.
    world.verify(world.reader.services.proving.obtained_bundle(digest, fetched.number))
    responder.revoke(own.certificate, world.clock.now() - 30 * DAY)
    world.clock.advance(2 * DAY)
    await world.settle()
    await world.home.services.registrations.warm(bidder.subject)
    with pytest.raises(RevokedError):
        await world.reader.services.reading.fetch(digest)
    world.request(world.reader, bidder)
    await world.settle()
    with pytest.raises(RevokedError):
        await give()
