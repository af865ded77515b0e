"""The constructor of Alliance: everything is there at once, and nobody keeps a right from it."""

from typing import Any

import pytest

from tests.contracts.world import (
    ADMIT,
    ALLIANCE_ID,
    FOUNDERS,
    World,
    argument,
    member,
    name,
)
from tests.support.evm import Contract, Evm, refused

MALFORMED_MEMBERS = {
    "empty name": {"id": bytes(32)},
    "upper case": {"id": name("Hangzhou")},
    "digit first": {"id": name("1hangzhou")},
    "hyphen first": {"id": name("-hangzhou")},
    "space": {"id": name("hang zhou")},
    "32 characters, no padding": {"id": b"a" * 32},
    "something after the padding": {"id": b"hangzhou\0x".ljust(32, b"\0")},
    "not ASCII": {"id": name("hángzhōu")},
    "no role": {"roles": 0},
    "unknown role": {"roles": 8},
    "no account": {"account": bytes(20)},
    "no identity key x": {"identityX": bytes(32)},
    "no identity key y": {"identityY": bytes(32)},
    "no log key": {"logKey": bytes(32)},
    "no sealing key": {"sealingKey": bytes(32)},
    "endpoint too long": {"endpoint": "e" * 256},
    "wallet endpoint too long": {"walletEndpoint": "e" * 256},
    "line break in the endpoint": {"endpoint": "a:1\nb:2"},
    "endpoint not ASCII": {"endpoint": "杭州:7443"},
    "space in the wallet endpoint": {"walletEndpoint": "a b:1"},
}


@pytest.fixture
def evm() -> Evm:
    return Evm()


def deploy(evm: Evm, founders: list[Any], book: dict[bytes, bytes] | None = None, **changes: Any) -> Contract:
    book = book or {}
    arguments = {
        "allianceId": ALLIANCE_ID,
        "founders": founders,
        "names": list(book),
        "locations": list(book.values()),
        "verifiers": [],
    }
    return evm.deploy("Alliance", *(arguments | changes).values(), sender=evm.account())


def test_founders_are_active_members(world: World) -> None:
    assert world.view(world.alliance, "allianceId") == ALLIANCE_ID
    assert world.view(world.alliance, "memberIds") == tuple(map(name, FOUNDERS))
    for founder in FOUNDERS:
        assert world.is_active(founder)
        assert world.view(world.alliance, "memberOf", world.members[founder].address) == name(founder)


def test_a_founder_is_kept_as_it_was_given(world: World) -> None:
    given = member("ningbo", world.members["ningbo"])
    kept = world.view(world.alliance, "member", name("ningbo"))
    assert kept == tuple("0x" + field.hex() if field == given[2] else field for field in given)


def test_everything_founded_can_be_learned_from_events() -> None:
    evm = Evm()
    founder = member("hangzhou", evm.account())
    contract = deploy(evm, [founder], {name("Grants"): b"\x22" * 20}, verifiers=[b"\x33" * 20])
    events = evm.logs(contract)
    assert [event.name for event in events] == ["MemberAdmitted", "ContractSet", "VerifierSet"]
    assert events[0].values["id"] == name("hangzhou")
    assert events[0].values["member"][7] == "hangzhou.example:7443"
    assert events[1].values == {
        "name": name("Grants"),
        "location": "0x" + "22" * 20,
        "codeHash": bytes(32),
    }
    assert events[2].values == {"verifier": "0x" + "33" * 20, "accepted": True}


def test_the_address_book_is_as_founded(world: World) -> None:
    for contract, location in (
        ("Subjects", world.subjects),
        ("Grants", world.grants),
        ("Anchors", world.anchors),
        ("Guarantees", world.guarantees),
    ):
        assert world.view(world.alliance, "contractOf", name(contract)) == "0x" + location.address.hex()
    assert world.view(world.alliance, "isVerifier", world.es256.address)
    assert int(world.view(world.alliance, "contractOf", name("Nothing")), 16) == 0
    assert not world.view(world.alliance, "isVerifier", world.grants.address)


def test_the_deployer_has_no_right(evm: Evm) -> None:
    deployer = evm.account()
    founders = [member("hangzhou", evm.account())]
    alliance = evm.deploy("Alliance", ALLIANCE_ID, founders, [], [], [], sender=deployer)
    data = argument(ADMIT, member("mallory", deployer))
    with refused("AllianceNotMember"):
        evm.send(deployer, alliance, "propose", ADMIT, data, evm.now + 60)


def test_an_alliance_of_nobody_is_refused(evm: Evm) -> None:
    with refused("AllianceMalformedProposal"):
        deploy(evm, [])


def test_an_alliance_without_an_id_is_refused(evm: Evm) -> None:
    with refused("AllianceMalformedProposal"):
        deploy(evm, [member("hangzhou", evm.account())], allianceId=bytes(32))


@pytest.mark.parametrize("changes", MALFORMED_MEMBERS.values(), ids=MALFORMED_MEMBERS)
def test_a_malformed_founder_is_refused(evm: Evm, changes: dict[str, Any]) -> None:
    with refused("AllianceMalformedMember"):
        deploy(evm, [member("hangzhou", evm.account(), **changes)])


@pytest.mark.parametrize("text", ["a", "a" * 31, "centre-7", "a-"])
@pytest.mark.parametrize("roles", [1, 7])
def test_every_well_formed_name_is_taken(evm: Evm, text: str, roles: int) -> None:
    founder = member(text, evm.account(), id=name(text), roles=roles, endpoint="e" * 255, walletEndpoint="")
    alliance = deploy(evm, [founder])
    assert evm.call(alliance, "isActive", name(text))


def test_two_founders_of_one_name_are_refused(evm: Evm) -> None:
    with refused("AllianceMemberExists", name("hangzhou")):
        deploy(evm, [member("hangzhou", evm.account()), member("hangzhou", evm.account())])


def test_two_founders_of_one_account_are_refused(evm: Evm) -> None:
    account = evm.account()
    with refused("AllianceAccountTaken"):
        deploy(evm, [member("hangzhou", account), member("ningbo", account)])


@pytest.mark.parametrize(
    "changes",
    [
        {"names": [name("Grants")]},
        {"locations": [b"\x22" * 20]},
        {"names": [name("Grants")] * 2, "locations": [b"\x22" * 20, b"\x23" * 20]},
        {"names": [name("Grants")], "locations": [bytes(20)]},
        {"names": [bytes(32)], "locations": [b"\x22" * 20]},
        {"names": [name("授权")], "locations": [b"\x22" * 20]},
        {"names": [b"G" * 32], "locations": [b"\x22" * 20]},
        {"verifiers": [b"\x33" * 20] * 2},
        {"verifiers": [bytes(20)]},
    ],
    ids=str,
)
def test_a_malformed_address_book_is_refused(evm: Evm, changes: dict[str, Any]) -> None:
    with refused("AllianceMalformedProposal"):
        deploy(evm, [member("hangzhou", evm.account())], **changes)
