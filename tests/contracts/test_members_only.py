"""All but Alliance take calls from active members only; their one immutable is their alliance."""

from collections.abc import Callable

import pytest

from tests.contracts.world import SUSPEND, World, name
from tests.support.evm import Account, refused

REVOKER = b"\x55" * 20
CALLS = {
    "Subjects.create": ("subjects", "create", (b"\1" * 32, REVOKER)),
    "Subjects.changeController": ("subjects", "changeController", (b"\1" * 32, REVOKER, b"")),
    "Grants.register": ("grants", "register", (b"\1" * 32, 2**63, 2**63, REVOKER)),
    "Grants.revoke": ("grants", "revoke", (b"\1" * 32, 2**63, 2**63, REVOKER, b"")),
    "Guarantees.issue": (
        "guarantees",
        "issue",
        ((b"\1" * 32, b"\1" * 32, 2**63, *[b"\1" * 32] * 3), REVOKER, b""),
    ),
    "Guarantees.step": ("guarantees", "step", (b"\1" * 32, 2, b"\1" * 32, REVOKER, b"\1" * 32, b"")),
    "Anchors.anchor": ("anchors", "anchor", (1, b"\1" * 32, [])),
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


def test_a_suspended_member_is_refused(world: World, attempt: Callable[[Account], None]) -> None:
    world.decide(("hangzhou", "ningbo"), SUSPEND, name("wenzhou"))
    attempt(world.members["wenzhou"])


@pytest.mark.parametrize("contract", ["subjects", "grants", "anchors", "guarantees"])
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
