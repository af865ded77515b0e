"""The numbers that Python and Solidity share."""

import re
from pathlib import Path

from node.domain.ledger import Action
from node.domain.member import Role

_ALLIANCE = Path(__file__).parents[3] / "contracts/src/interfaces/IAlliance.sol"


def test_actions_have_the_numbers_of_the_contract():
    source = re.search(r"enum Action \{([^}]*)\}", _ALLIANCE.read_text(encoding="utf-8"))
    assert source is not None
    names = [name.strip() for name in source[1].split(",")]
    assert names == ["NONE", *(action.name for action in Action)]
    assert [int(action) for action in Action] == list(range(1, len(names)))


def test_roles_have_the_bits_of_the_contract():
    source = re.search(r"bit mask: ([^\n]*)", _ALLIANCE.read_text(encoding="utf-8"))
    assert source is not None
    stated = dict(reversed(pair.split()) for pair in source[1].split(", "))
    assert {role.name.lower(): str(int(role)) for role in Role} == stated
