"""What a proposal to Alliance may carry: the address book, and one strict encoding."""

from typing import Any

import pytest
from eth_utils import keccak
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.contracts.world import (
    ADMIT,
    DAY,
    NONE,
    SET_CONTRACT,
    SET_ROLES,
    SET_TRUST,
    SET_VERIFIER,
    SUSPEND,
    World,
    argument,
    member,
    name,
)
from tests.support.evm import Receipt, Reverted, refused

VOTERS = ("hangzhou", "ningbo")


def propose_raw(world: World, action: int, data: bytes) -> Receipt:
    return world.send("hangzhou", world.alliance, "propose", action, data, world.evm.now + DAY)


def words(data: bytes) -> list[bytes]:
    return [data[start : start + 32] for start in range(0, len(data), 32)]


def word(value: int) -> bytes:
    return value.to_bytes(32, "big")


def test_a_contract_is_replaced_by_vote(world: World) -> None:
    successor = world.evm.deploy("Grants", world.alliance.address, sender=world.stranger)
    receipt = world.decide(VOTERS, SET_CONTRACT, name("Grants"), successor.address)
    location = "0x" + successor.address.hex()
    assert receipt.events[-1].values == {
        "name": name("Grants"),
        "location": location,
        "codeHash": keccak(world.evm.code(successor.address)),
    }
    assert world.view(world.alliance, "contractOf", name("Grants")) == location


def test_a_verifier_is_accepted_and_dropped_by_vote(world: World) -> None:
    verifier = world.evm.deploy("ES256Verifier", sender=world.stranger).address
    receipt = world.decide(VOTERS, SET_VERIFIER, verifier, True)
    assert receipt.events[-1].values == {"verifier": "0x" + verifier.hex(), "accepted": True}
    assert world.view(world.alliance, "isVerifier", verifier)
    world.decide(VOTERS, SET_VERIFIER, verifier, False)
    assert not world.view(world.alliance, "isVerifier", verifier)


def test_an_address_where_code_may_appear_later_is_not_voted_on(world: World) -> None:
    nobody = world.evm.account().address
    for action, values in ((SET_CONTRACT, (name("Grants"), nobody)), (SET_VERIFIER, (nobody, True))):
        with refused("AllianceMalformedProposal"):
            world.propose("hangzhou", action, *values)


def test_a_proposal_that_changes_nothing_is_refused(world: World) -> None:
    for action, values in (
        (SET_CONTRACT, (name("Grants"), world.grants.address)),
        (SET_VERIFIER, (world.es256.address, True)),
        (SET_VERIFIER, (world.grants.address, False)),
    ):
        with refused("AllianceUnchanged"):
            world.propose("hangzhou", action, *values)


@pytest.mark.parametrize("text", [b"", b"9Lives", b"Gr ants", b"G" * 32, b"Grants\0x", b"\xff"])
def test_a_contract_name_is_ascii_letters_and_digits(world: World, text: bytes) -> None:
    with refused("AllianceMalformedProposal"):
        world.propose("hangzhou", SET_CONTRACT, text.ljust(32, b"\0"), world.grants.address)


def test_a_proposal_of_no_action_is_refused(world: World) -> None:
    for data in (b"", name("ningbo")):
        with refused("AllianceMalformedProposal"):
            propose_raw(world, NONE, data)


def test_an_unknown_action_is_refused(world: World) -> None:
    data = world.alliance.artifact.encode(
        "propose", 5, argument(SUSPEND, name("ningbo")), world.evm.now + DAY
    )
    with pytest.raises(Reverted):
        world.evm.send_raw(
            world.members["hangzhou"], world.alliance, "propose", data[:35] + b"\x08" + data[36:]
        )


@pytest.mark.parametrize(
    ("action", "data"),
    [
        (SUSPEND, b""),
        (SUSPEND, name("ningbo")[:31]),
        (SUSPEND, name("ningbo") + b"\0"),
        (SET_CONTRACT, name("Grants")),
        (SET_CONTRACT, name("Grants") + word(1)),
        (SET_CONTRACT, name("Grants") + b"\xff" * 32 + word(1)),
        (SET_CONTRACT, name("Grants") + word(1) + word(1) + b"\0"),
        (SET_VERIFIER, word(1) + word(2) + word(0)),
        (SET_VERIFIER, b"\xff" * 32 + word(1) + word(0)),
        (SET_VERIFIER, word(1) + word(0) + word(1)),
        (SET_VERIFIER, word(1) + word(0)),
        (SET_TRUST, name("ningbo")),
        (SET_ROLES, name("ningbo")),
        (SET_ROLES, name("ningbo") + word(256)),
        (SET_ROLES, name("ningbo") + word(1) + b"\0"),
        (ADMIT, b""),
        (ADMIT, word(32)),
        (ADMIT, word(32) * 12),
        (ADMIT, b"\xff" * 384),
    ],
    ids=lambda value: value.hex()[:70] if isinstance(value, bytes) else str(value),
)
def test_data_that_is_not_the_actions_argument_is_refused(world: World, action: int, data: bytes) -> None:
    with refused("AllianceMalformedProposal"):
        propose_raw(world, action, data)


def bend(index: int, value: bytes) -> Any:
    return lambda parts: [*parts[:index], value, *parts[index + 1 :]]


# words of an encoded member: 0 offset · 1 id · 2 roles · 3 account · 4-7 keys · 8, 9 offsets of the strings
# · 10 length · 11 text · 12 length · 13 text
@pytest.mark.parametrize(
    "change",
    {
        "trailing word": lambda parts: [*parts, bytes(32)],
        "missing word": lambda parts: parts[:-1],
        "moved struct": lambda parts: [word(64), bytes(32), *parts[1:]],
        "dirty roles": bend(2, word(257)),
        "dirty account": lambda parts: bend(3, b"\1" + parts[3][1:])(parts),
        "both strings in one place": lambda parts: bend(9, parts[8])(parts),
        "offset past the end": bend(8, word(2**256 - 1)),
        "second offset past the end": bend(9, word(2**256 - 1)),
        "length past the end": bend(10, word(2**256 - 1)),
        "length that wraps": bend(10, word(2**256 - 31)),
        "second length past the end": bend(12, word(2**256 - 31)),
        "dirty padding": lambda parts: bend(11, parts[11][:31] + b"\1")(parts),
        "swapped strings": lambda parts: [*parts[:8], parts[9], parts[8], *parts[10:]],
    }.items(),
    ids=lambda change: change[0],
)
def test_a_member_encoded_in_another_way_is_refused(world: World, change: tuple[str, Any]) -> None:
    """Two decoders could read it in two ways: what members see is not what they vote for."""
    parts = words(argument(ADMIT, member("wuxi", world.evm.account())))
    assert len(parts) == 14
    with refused("AllianceMalformedProposal"):
        propose_raw(world, ADMIT, b"".join(change[1](parts)))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_bent_member_is_refused_by_name_or_read_as_it_is(world: World, data: st.DataObject) -> None:
    world = world.fork()
    encoded = bytearray(argument(ADMIT, member("wuxi", world.evm.account())))
    for _ in range(data.draw(st.integers(1, 3))):
        encoded[data.draw(st.integers(0, len(encoded) - 1))] = data.draw(st.integers(0, 255))
    end = data.draw(st.one_of(st.just(len(encoded)), st.integers(0, len(encoded))))
    refusal = None
    try:
        number = propose_raw(world, ADMIT, bytes(encoded[:end])).returned
    except Reverted as error:
        refusal = error.name
    if refusal is None:
        admitted = world.vote("ningbo", number).events[-1].values["member"]
        assert argument(ADMIT, admitted) == encoded
    else:
        assert refusal in {"AllianceMalformedProposal", "AllianceMalformedMember"}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 255), st.integers(0, 255))
def test_endpoints_of_any_length_arrive_as_they_were_sent(world: World, first: int, second: int) -> None:
    world = world.fork()
    newcomer = member("wuxi", world.evm.account(), endpoint="e" * first, walletEndpoint="w" * second)
    world.decide(VOTERS, ADMIT, newcomer)
    assert world.view(world.alliance, "member", name("wuxi"))[7:] == newcomer[7:]
