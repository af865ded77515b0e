"""TrustList: what the founders brought, what votes change, and what an enemy tries."""

import eth_abi
import pytest
from eth_utils import keccak

from node.domain.ledger_ids import trust_head
from tests.contracts.world import DAY, FOUNDERS, FOUNDING_TRUST, SET_TRUST, World, argument, name, passed
from tests.support.evm import refused

CA, ENTRY = name("sh-ca"), b'{"an":"entry"}'
MOST = 8192


def in_force(world: World, ca: bytes = CA) -> bytes:
    return world.view(world.trust, "entryHash", ca)


def history(*further: tuple[str, bytes]) -> bytes:
    return trust_head([*((ca.decode(), entry) for ca, entry in FOUNDING_TRUST), *further])


def test_founding_entries_are_in_force_and_counted(world: World) -> None:
    assert world.view(world.trust, "version") == world.view(world.trust, "founded") == 2
    assert in_force(world, name("zj-ca")) == keccak(b"an entry")
    assert world.view(world.trust, "headAt", 2) == history()
    assert world.view(world.trust, "headAt", 3) == bytes(32)


def test_an_entry_comes_into_force_by_vote_and_not_before(world: World) -> None:
    assert not passed(world.propose("hangzhou", SET_TRUST, CA, ENTRY))
    assert in_force(world) == bytes(32)
    receipt = world.vote("ningbo", 1)
    assert [event.name for event in receipt.events] == ["VoteCast", "ProposalPassed", "TrustSet"]
    assert receipt.events[-1].values == {"ca": CA, "version": 3, "entry": ENTRY}
    assert in_force(world) == keccak(ENTRY)
    assert world.view(world.trust, "headAt", 3) == history(("sh-ca", ENTRY))
    assert world.view(world.trust, "founded") == 2


def test_a_vote_on_the_trust_list_is_not_counted_twice(world: World) -> None:
    world.admit("wuxi")
    world.propose("hangzhou", SET_TRUST, CA, ENTRY)
    number = 2
    with refused("AllianceAlreadyVoted"):
        world.vote("hangzhou", number)
    assert not passed(world.vote("ningbo", number))
    with refused("AllianceAlreadyVoted"):
        world.vote("ningbo", number)
    assert in_force(world) == bytes(32)
    assert passed(world.vote("wuxi", number))


@pytest.mark.parametrize("who", [*FOUNDERS, "stranger"])
def test_nobody_sets_an_entry_without_a_vote(world: World, who: str) -> None:
    account = world.stranger if who == "stranger" else world.members[who]
    with refused("TrustListNotAlliance"):
        world.evm.send(account, world.trust, "set", CA, ENTRY)


def test_what_is_in_force_is_not_proposed_again(world: World) -> None:
    with refused("TrustListUnchanged"):
        world.propose("hangzhou", SET_TRUST, name("zj-ca"), b"an entry")


def test_a_proposal_that_another_has_made_needless_cannot_pass(world: World) -> None:
    world.propose("hangzhou", SET_TRUST, CA, ENTRY)
    world.decide(("wenzhou", "hangzhou"), SET_TRUST, CA, ENTRY)
    with refused("TrustListUnchanged"):
        world.vote("ningbo", 1)


@pytest.mark.parametrize(
    ("ca", "entry"), [(CA, b""), (CA, bytes(MOST + 1)), (name("CA"), ENTRY), (bytes(32), ENTRY)]
)
def test_names_and_entries_out_of_bounds_are_refused(world: World, ca: bytes, entry: bytes) -> None:
    with refused("TrustListMalformedEntry"):
        world.propose("hangzhou", SET_TRUST, ca, entry)


def test_the_longest_entry_fits_the_gas_that_nodes_give(world: World) -> None:
    entry = b"x" * MOST
    receipts = [world.propose("hangzhou", SET_TRUST, CA, entry), world.vote("ningbo", 1)]
    assert passed(receipts[1])
    assert receipts[0].gas_used < 16_000_000 / 2
    assert receipts[1].gas_used < 4_000_000 / 2


@pytest.mark.parametrize(
    "data",
    [
        b"",
        bytes(95),
        argument(SET_TRUST, CA, ENTRY) + bytes(32),
        argument(SET_TRUST, CA, ENTRY)[:-1],
        argument(SET_TRUST, CA, ENTRY)[:-1] + b"\x01",
        eth_abi.encode(["bytes32", "uint256", "uint256", "bytes32"], [CA, 96, 0, bytes(32)]),
        eth_abi.encode(["bytes32", "uint256", "uint256"], [CA, 64, 2**255]),
    ],
    ids=["empty", "short", "trailing", "cut", "dirty padding", "moved offset", "huge length"],
)
def test_only_the_canonical_encoding_is_voted_on(world: World, data: bytes) -> None:
    with refused("AllianceMalformedProposal"):
        world.send("hangzhou", world.alliance, "propose", SET_TRUST, data, world.evm.now + DAY)
