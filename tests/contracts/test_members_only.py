"""All but Alliance take calls from active members only; their one immutable is their alliance."""

from collections.abc import Callable

import pytest

from node.domain.duties import ON_CHAIN
from node.domain.member import Standing
from tests.contracts.world import SUSPEND, World, name
from tests.support.evm import Account, Reverted, refused

REVOKER = b"\x55" * 20
STEP = (b"\1" * 32, 2, b"\1" * 32, b"\1" * 32)
SIGNED = (REVOKER, b"\1" * 32, b"\1" * 32, b"")
CALLS = {
    "Subjects.create": ("subjects", "create", (b"\1" * 32, REVOKER)),
    "Subjects.changeController": ("subjects", "changeController", (b"\1" * 32, b"", REVOKER, REVOKER, b"")),
    "Grants.register": ("grants", "register", (b"\1" * 32, 2**63, 2**63, REVOKER)),
    "Grants.revoke": ("grants", "revoke", (b"\1" * 32, 2**63, 2**63, REVOKER, b"")),
    "Guarantees.issue": (
        "guarantees",
        "issue",
        ((b"\1" * 32, b"\1" * 32, 2**63, *[b"\1" * 32] * 5, 5), REVOKER, b""),
    ),
    "Guarantees.step": (
        "guarantees",
        "step",
        ((b"\1" * 32, 2, *STEP, 0), SIGNED, (0, b"\1" * 32, 0, SIGNED)),
    ),
    "Anchors.anchor": ("anchors", "anchor", (0, b"\1" * 32, [])),
    "Openings.announce": ("openings", "announce", (b"\1" * 32, 0)),
    "Openings.postpone": ("openings", "postpone", (b"\1" * 32, 2**63, b"\1" * 32)),
    "Openings.open": ("openings", "open", (b"\1" * 32,)),
    "Reservations.reserve": ("reservations", "reserve", ([],)),
    "Subjects.proposeRecovery": ("subjects", "proposeRecovery", (b"\1" * 32, REVOKER)),
    "Subjects.confirmRecovery": ("subjects", "confirmRecovery", (b"\1" * 32, 2, REVOKER)),
    "Subjects.vetoRecovery": ("subjects", "vetoRecovery", (b"\1" * 32, REVOKER, b"")),
    "Subjects.finishRecovery": ("subjects", "finishRecovery", (b"\1" * 32, 2, REVOKER)),
    "Subjects.move": ("subjects", "move", (b"\1" * 32, REVOKER, b"")),
}


@pytest.fixture(params=CALLS, ids=str)
def attempt(world: World, request: pytest.FixtureRequest) -> Callable[[Account], None]:
    contract, function, arguments = CALLS[request.param]

    def send(sender: Account) -> None:
        with refused(f"{contract.capitalize()}NotMember", "0x" + sender.address.hex()):
            world.evm.send(sender, getattr(world, contract), function, *arguments)

    return send


def test_a_stranger_is_refused(world: World, attempt: Callable[[Account], None]) -> None:
    attempt(world.stranger)


@pytest.mark.parametrize("call", [act.call for act in ON_CHAIN])
def test_who_is_suspended_begins_nothing_and_fulfils_its_duties(world: World, call: str) -> None:
    """The rows of the duties' table that the contracts decide, one by one."""
    world.decide(("hangzhou", "ningbo"), SUSPEND, name("wenzhou"))
    contract, function, arguments = CALLS[call]
    with pytest.raises(Reverted) as refusal:
        world.send("wenzhou", getattr(world, contract), function, *arguments)
    # The arguments are no good, so a call that is taken at all is refused for them.
    is_barred = refusal.value.name == f"{contract.capitalize()}NotMember"
    row = next(act for act in ON_CHAIN if act.call == call)
    assert is_barred == (Standing.SUSPENDED not in row.standings)


def test_every_call_of_the_contracts_stands_in_the_duties_table() -> None:
    assert {act.call for act in ON_CHAIN} == CALLS.keys()


@pytest.mark.parametrize(
    "contract", ["subjects", "grants", "anchors", "guarantees", "calendar", "openings", "reservations"]
)
def test_deployed_code_is_the_compiled_code_with_the_alliance_filled_in(world: World, contract: str) -> None:
    deployed = getattr(world, contract)
    code = bytearray(deployed.artifact.deployed_bytecode)
    references = deployed.artifact.immutable_references
    assert references
    for reference in references:
        end = reference["start"] + reference["length"]
        code[reference["start"] : end] = world.alliance.address.rjust(reference["length"], b"\0")
    assert world.evm.code(deployed.address) == code
    assert world.view(deployed, "ALLIANCE") == "0x" + world.alliance.address.hex()


@pytest.mark.parametrize("contract", ["alliance", "es256"])
def test_alliance_and_verifier_have_no_immutables(world: World, contract: str) -> None:
    deployed = getattr(world, contract)
    assert deployed.artifact.immutable_references == []
    assert world.evm.code(deployed.address) == deployed.artifact.deployed_bytecode
