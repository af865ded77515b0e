"""Registering once: who may, with what, and what a refusal leaves behind."""

import datetime
from collections.abc import Callable
from typing import Any

import pytest

from adapters.crypto import trial_ca
from node.domain.document import sign_document
from node.domain.encoding import to_base64url
from node.domain.wallet import PackageRecord, RegisterCall
from node.errors import (
    CertificateError,
    DocumentFormatError,
    DuplicateError,
    InvalidError,
    MissingError,
    NodeError,
    RecordFormatError,
    SignatureError,
    StoreError,
    UnknownCallerError,
)
from node.services import layout
from node.wallet.keyfile import new_wallet_key
from tests.support.world import World
from tests.support.world_bidder import BANK_ACCOUNT, LEGAL_REPRESENTATIVE, Authority, Bidder


def stored(world: World) -> dict[bytes, bytes]:
    """All that is at rest at the home but the marks of requests that were taken."""
    everything = world.home.store.everything() | world.home.keyring.everything()
    return {key: value for key, value in everything.items() if not key.startswith(layout.TAKEN)}


def refused(world: World, bidder: Bidder, error: type[NodeError], words: str, **call: Any) -> None:
    """The registration is refused, and nothing of it is stored: no key, no counter, no row."""
    before = stored(world)
    with pytest.raises(error, match=words):
        world.register(bidder, **call)
    assert stored(world) == before


async def test_a_registration_brings_subject_key_and_records_to_the_ledger(world: World) -> None:
    bidder = world.bidder()
    registered = world.register(bidder)
    assert (registered.first, registered.count) == (0, 2)
    await world.settle()
    row = world.third.services.projection.subject(bytes.fromhex(bidder.subject))
    assert row is not None
    assert (row.home, row.version) == (world.home.name, 1)
    assert row.controllers == (world.home.services.alliance.signer_of(bidder.key.name),)
    assert world.home.services.proving.final_through() == 3
    assert {world.home.records.load(at).header.owner for at in (0, 1, 2)} == {bidder.subject}


def test_registering_again_under_the_same_key_gives_the_same_subject_and_stores_nothing(world: World) -> None:
    bidder = world.bidder()
    first = world.register(bidder)
    bidder.subject = ""
    before = stored(world)
    again = world.register(bidder)
    assert (again.subject, again.count) == (first.subject, 0)
    assert stored(world) == before


def test_two_companies_are_two_subjects(world: World) -> None:
    one, two = world.bidder(), world.bidder()
    assert world.register(one).subject != world.register(two).subject
    assert [world.home.services.registrations.load(b.subject).credit_code for b in (one, two)] == [
        one.code,
        two.code,
    ]


def test_another_key_for_the_same_company_is_refused(world: World) -> None:
    bidder = world.bidder()
    world.register(bidder)
    subject = bidder.subject
    bidder.key = new_wallet_key()
    bidder.delegation = bidder.delegate(bidder.key)
    bidder.subject = ""
    refused(world, bidder, DuplicateError, "under another wallet key")
    bidder.subject = subject
    refused(world, bidder, DuplicateError, "has to add this one first")


def test_a_wrong_credit_code_in_the_base_document_is_refused(world: World) -> None:
    bidder, other = world.bidder(), world.bidder()
    refused(world, bidder, RecordFormatError, "not the one in the certificate",
            package=[bidder.base(credit_code=other.code)])  # fmt: skip
    refused(world, bidder, RecordFormatError, "not the one in the certificate",
            package=[bidder.base(), other.qualification()])  # fmt: skip
    refused(world, bidder, RecordFormatError, "not the one in the certificate",
            package=[bidder.base(credit_code=None)])  # fmt: skip


def test_a_delegation_for_another_key_is_refused(world: World) -> None:
    bidder = world.bidder()
    bidder.delegation = bidder.delegate(new_wallet_key())
    refused(world, bidder, SignatureError, "another wallet key")


def test_a_stolen_delegation_does_not_serve_another_wallet(world: World) -> None:
    victim, thief = world.bidder(), world.bidder()
    thief.delegation = victim.delegation
    refused(world, thief, SignatureError, "another wallet key")


def _unknown_authority(world: World, bidder: Bidder) -> str:
    bidder.certificate = trial_ca.issue(
        Authority("无人认可 Nobody's CA").root, bidder.organisation, bidder.code
    )
    return bidder.delegate(bidder.key)


def _expired_certificate(world: World, bidder: Bidder) -> str:
    start = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=30)
    root = world.authority.root
    bidder.certificate = trial_ca.issue(root, bidder.organisation, bidder.code, start=start, days=29)
    return bidder.delegate(bidder.key)


def _malformed_code(world: World, bidder: Bidder) -> str:
    bidder.certificate = trial_ca.issue(world.authority.root, bidder.organisation, bidder.code[:-1] + "0")
    return bidder.delegate(bidder.key)


def _other_code(world: World, bidder: Bidder) -> str:
    return bidder.delegate(bidder.key, credit_code=world.bidder().code)


def _expired_delegation(_: World, bidder: Bidder) -> str:
    return bidder.delegate(bidder.key, seconds=-1)


@pytest.mark.parametrize(
    ("attack", "words"),
    [
        (_unknown_authority, "the certificate is not acceptable"),
        (_expired_certificate, "the certificate is not acceptable"),
        (_malformed_code, "no valid credit code"),
        (_other_code, "another credit code than its certificate"),
        (_expired_delegation, "not valid at this time"),
    ],
)
def test_a_certificate_that_does_not_vouch_is_refused(
    world: World, attack: Callable[[World, Bidder], str], words: str
) -> None:
    bidder = world.bidder()
    bidder.delegation = attack(world, bidder)
    refused(world, bidder, CertificateError, words)


def test_a_delegation_for_another_alliance_is_refused(world: World) -> None:
    bidder = world.bidder()
    bidder.delegation = bidder.delegate(bidder.key, alliance="ab" * 32)
    refused(world, bidder, DocumentFormatError, "another alliance")


def test_all_mistakes_of_a_package_are_told_at_once(world: World) -> None:
    bidder = world.bidder()
    package = [
        PackageRecord("subject.unheard", "a", {"x": "y"}),
        PackageRecord("trade.tender", "b", {"x": "y"}),
        PackageRecord("access.read", "c", {"x": "y"}),
        PackageRecord("subject.qualification", "d", {f"f{n}": "y" for n in range(17)}),
        PackageRecord("subject.qualification", "e", {"x": {"y": []}, "Bad-Name": "y"}),
        PackageRecord("subject.qualification", "", {"x": "y"}),
        bidder.qualification(),
    ]
    with pytest.raises(RecordFormatError) as refusal:
        world.register(bidder, package=package)
    mistakes = str(refusal.value).split("; document ")
    assert [mistake.removeprefix("document ")[0] for mistake in mistakes] == list("012345")
    assert "the first package must hold a subject.base document" in str(refusal.value)
    refused(world, bidder, RecordFormatError, "document 5", package=package)


def test_a_null_is_refused(world: World) -> None:
    bidder = world.bidder()
    base = bidder.base()
    fields = {**base.fields, "phone": None}
    refused(world, bidder, InvalidError, "null", package=[PackageRecord("subject.base", "base", fields)])


async def test_further_documents_are_newer_versions_or_new_things(world: World) -> None:
    bidder = world.bidder()
    world.register(bidder)
    await world.settle()
    more = world.register(bidder, package=[bidder.base(bank_account="9999"), bidder.qualification("D2")])
    assert (more.subject, more.first, more.count) == (bidder.subject, 3, 2)
    headers = [world.home.records.load(at).header for at in (3, 4)]
    assert [(h.thing, h.version) for h in headers] == [("base", 2), ("D2", 1)]


async def test_a_renewed_delegation_takes_the_place_of_the_old_one(world: World) -> None:
    bidder = world.bidder()
    world.register(bidder)
    bidder.delegation = bidder.delegate(bidder.key, seconds=1000)
    world.register(bidder, package=[])
    assert (
        world.home.services.registrations.voucher(bidder.subject, bidder.key.name).delegation
        == bidder.delegation
    )


def test_further_documents_for_a_subject_that_is_not_the_certificates_are_refused(world: World) -> None:
    bidder, other = world.bidder(), world.bidder()
    world.register(other)
    bidder.subject = "ab" * 32
    refused(world, bidder, MissingError, "under this certificate")
    bidder.subject = other.subject
    refused(world, bidder, MissingError, "under this certificate")
    world.register(bidder_without_subject(bidder))
    bidder.subject = other.subject
    refused(world, bidder, MissingError, "under this certificate")


def bidder_without_subject(bidder: Bidder) -> Bidder:
    bidder.subject = ""
    return bidder


def test_a_request_signed_by_another_key_than_it_names_is_refused(world: World) -> None:
    bidder = world.bidder()
    call = RegisterCall(
        alliance=world.descriptor.alliance,
        iat=int(world.clock.now()),
        jti=to_base64url(b"j" * 16),
        node=world.home.name,
        subject="",
        key=bidder.key.public_key.hex(),
        delegation=bidder.delegation,
        records=tuple(bidder.package()),
    )
    with pytest.raises(SignatureError):
        world.home.services.registrations.register(sign_document(call, new_wallet_key().sign))


def test_a_store_that_fails_leaves_the_registration_whole_or_absent(world: World) -> None:
    bidder = world.bidder()
    before = stored(world)

    def fail_registration(name: str) -> None:
        # The first write marks the request as taken, the second is the registration.
        if name == "write" and any(key.startswith(layout.TAKEN) for key in world.home.store.everything()):
            raise StoreError("full")

    world.home.store.before = fail_registration
    with pytest.raises(StoreError):
        world.register(bidder)
    world.home.store.before = lambda _: None
    left = {key for key in stored(world).keys() - before.keys() if not key.startswith(b"k/")}
    assert left == set()
    assert world.register(bidder).first == 0


def test_what_a_bidder_hands_in_is_sealed_and_its_code_cannot_be_looked_up(world: World) -> None:
    bidder = world.bidder()
    world.register(bidder)
    needles = [
        text.encode()
        for text in (bidder.code, bidder.organisation, LEGAL_REPRESENTATIVE, BANK_ACCOUNT, "D199999999")
    ]
    for key, value in stored(world).items():
        assert not any(needle in key or needle in value for needle in needles), key


def test_only_the_wallet_that_registered_owns_the_subject(world: World) -> None:
    bidder, other = world.bidder(), world.bidder()
    world.register(bidder)
    registrations = world.home.services.registrations
    assert registrations.owned_by(bidder.subject, bidder.key.public_key.hex()) == bidder.subject
    with pytest.raises(UnknownCallerError) as refusal:
        registrations.owned_by(bidder.subject, other.key.public_key.hex())
    with pytest.raises(UnknownCallerError) as same:
        registrations.owned_by("ab" * 32, other.key.public_key.hex())
    assert str(refusal.value) == str(same.value)
    with pytest.raises(MissingError):
        registrations.load("ab" * 32)


async def test_the_home_reports_what_was_registered_and_when_it_is_final(world: World) -> None:
    bidder = world.bidder()
    world.register(bidder)
    await world.settle()
    entries = await world.home.feed("subject.registered", "subject.final")
    assert [entry.about for entry in entries] == [
        {"subject": bidder.subject, "first": "0", "count": "2"},
        {"subject": bidder.subject},
    ]
    assert await world.third.feed("subject.registered", "subject.final") == []
