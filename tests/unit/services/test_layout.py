"""Where things lie in the database: no family of rows reaches into another's."""

import itertools

from node.services import layout


def test_no_prefix_is_the_beginning_of_another() -> None:
    prefixes = {name: value for name, value in vars(layout).items() if isinstance(value, bytes)}
    clashes = [
        (one, other)
        for one, other in itertools.permutations(prefixes, 2)
        if prefixes[other].startswith(prefixes[one]) and one != "LEDGER"
    ]
    assert len(prefixes) > 80
    assert clashes == []
    assert all(
        value.startswith(layout.LEDGER) for name, value in prefixes.items() if name.startswith("LEDGER")
    )
