"""The numbers that Python and Solidity share."""

import re
from pathlib import Path

from node.domain.ledger import Action
from node.domain.member import Role

_ALLIANCE = Path(__file__).parents[3] / "contracts/src/interfaces/IAlliance.sol"


def test_actions_have_the_numbers_of_the_contract():
    source = re.search(r"enum Action \{([^}]*)\}", _ALLIANCE.read_text(encoding="utf-8"))
    assert source is not None
    numbers = {name.strip(): number for number, name in enumerate(source[1].split(","))}
    without_use = {"NONE": 0, "SET_TRUST": 6}
    assert numbers == without_use | {action.name: int(action) for action in Action}


def test_roles_have_the_bits_of_the_contract():
    source = re.search(r"bit mask: ([^\n]*)", _ALLIANCE.read_text(encoding="utf-8"))
    assert source is not None
    stated = dict(reversed(pair.split()) for pair in source[1].split(", "))
    assert {role.name.lower(): str(int(role)) for role in Role} == stated
