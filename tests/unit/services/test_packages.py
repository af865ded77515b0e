"""Packages at the home: versions, warnings, and the check of a draft, which tells nothing of what is stored."""

import pytest

from node.domain.wallet import CheckCall, PackageRecord
from node.errors import (
    CertificateError,
    DocumentFormatError,
    Mistake,
    PackageError,
    ReplayError,
    SignatureError,
)
from node.services import layout
from node.wallet.keyfile import new_wallet_key
from tests.support.world import World
from tests.support.world_bidder import Authority, Bidder


def ask(world: World, bidder: Bidder, *documents: PackageRecord) -> list[Mistake]:
    token = bidder.scribe.check(world.home.name, bidder.delegation, documents)
    return world.home.services.packages.check(token)


def test_each_hand_in_is_a_version_and_is_remembered(world: World) -> None:
    bidder = world.bidder()
    assert world.register(bidder).package == 1
    assert world.register(bidder, package=[bidder.qualification("D2")]).package == 2
    assert world.register(bidder, package=[]).package == 0
    bidder_again = world.home.services.packages.of(bidder.subject)
    assert [(one.version, one.first, one.count) for one in bidder_again] == [(1, 0, 2), (2, 3, 1)]
    subject, bidder.subject = bidder.subject, ""
    assert world.register(bidder).package == 2  # the same registration again
    assert bidder.subject == subject


def test_packages_of_two_subjects_are_counted_apart_and_go_with_the_subject(world: World) -> None:
    one, two = world.bidder(), world.bidder()
    assert [world.register(bidder).package for bidder in (one, two)] == [1, 1]
    world.home.services.erasures.by_wallet(one.scribe.erase(world.home.name))
    left = [key for key in world.home.store.everything() if key.startswith(layout.PACKAGE)]
    assert len(left) == 1
    assert one.subject.encode() not in left[0]


def test_a_warning_does_not_keep_a_package_from_being_taken(world: World) -> None:
    bidder = world.bidder()
    registered = world.register(bidder, package=[bidder.base(legal_name="虚构另一家有限公司")])
    assert [one.field for one in registered.warnings] == ["legal_name"]


def test_many_mistakes_are_told_without_bursting_the_answer(world: World) -> None:
    bidder = world.bidder()
    package = [bidder.base(), *(PackageRecord("subject.unheard", str(n), {"x": "y"}) for n in range(500))]
    with pytest.raises(PackageError) as refusal:
        world.register(bidder, package=package)
    assert len(refusal.value.mistakes) == 500
    assert "500 mistakes" in str(refusal.value)
    assert len(str(refusal.value)) < 2_000


def test_a_draft_is_checked_like_a_package(world: World) -> None:
    bidder = world.bidder()
    assert ask(world, bidder, *bidder.package()) == []
    wrong = (bidder.base(credit_code="x"), bidder.qualification(), bidder.qualification())
    found = ask(world, bidder, *wrong)
    assert [(one.document, one.field) for one in found] == [(0, "credit_code"), (2, "")]
    with pytest.raises(PackageError) as refusal:
        world.register(bidder, package=wrong)
    assert refusal.value.mistakes == found


def test_a_checked_draft_leaves_nothing_behind(world: World) -> None:
    bidder = world.bidder()
    before = world.home.store.everything(), world.home.keyring.everything()
    ask(world, bidder, *bidder.package())
    ask(world, bidder, bidder.base(credit_code="x"))
    assert (world.home.store.everything(), world.home.keyring.everything()) == before


def test_checking_a_draft_does_not_tell_whether_the_company_is_registered(world: World) -> None:
    """By answer and by every access to the store, whoever asks: the company's own new wallet, or another."""
    known, unknown = world.bidder(), world.bidder()
    world.register(known)
    world.home.restart()
    ask(world, known, *known.package())  # the definitions in force are read once per block
    seen = []
    for bidder in (known, unknown):
        bidder.subject, bidder.key = "", new_wallet_key()
        bidder.delegation = bidder.delegate(bidder.key)
        accesses: list[str] = []
        world.home.store.before = accesses.append
        world.home.keyring.before = accesses.append
        seen.append((ask(world, bidder, *bidder.package()), accesses))
    assert seen[0] == seen[1]


def test_only_whose_certificate_vouches_for_the_wallet_has_a_draft_checked(world: World) -> None:
    bidder, other = world.bidder(), world.bidder(authority=Authority("无人认可 Nobody's CA"))
    bidder.delegation = bidder.delegate(new_wallet_key())
    with pytest.raises(SignatureError, match="another wallet key"):
        ask(world, bidder, *bidder.package())
    with pytest.raises(CertificateError):
        ask(world, other, *other.package())


def test_a_check_is_for_its_node_and_its_time_and_is_no_registration(world: World) -> None:
    bidder = world.bidder()
    packages, registrations = world.home.services.packages, world.home.services.registrations
    with pytest.raises(DocumentFormatError):
        packages.check(bidder.scribe.check(world.third.name, bidder.delegation, bidder.package()))
    token = bidder.scribe.check(world.home.name, bidder.delegation, bidder.package())
    with pytest.raises(DocumentFormatError):
        registrations.register(token)
    assert packages.check(token) == packages.check(token) == []
    world.clock.advance(301)
    with pytest.raises(ReplayError):
        packages.check(token)
    assert CheckCall.kind != "wallet-register"
