"""What `heqi wallet` takes: the wallet stands behind the command, also where commands come in groups."""

import argparse
from collections.abc import Iterator

from node.cli.main import _parser


def choices(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """The commands below one, by name."""
    found = [one for one in parser._actions if isinstance(one, argparse._SubParsersAction)]
    return dict(found[0].choices) if found else {}


def takes_wallet(parser: argparse.ArgumentParser) -> bool:
    return any("--wallet" in one.option_strings for one in parser._actions)


def groups() -> Iterator[tuple[str, argparse.ArgumentParser]]:
    for name, command in choices(choices(_parser("wallet"))["wallet"]).items():
        if choices(command):
            yield name, command


def test_every_command_takes_the_wallet_and_no_group_does() -> None:
    found = dict(groups())
    assert {"award", "consent", "draft", "guarantee", "mandate"} <= found.keys()
    for name, group in found.items():
        assert not takes_wallet(group), name
        assert all(takes_wallet(one) for one in choices(group).values()), name
