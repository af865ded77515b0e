"""Mandates on the command line, as far as they need no network."""

import json
from pathlib import Path

import pytest

from node.cli.main import main
from node.errors import MissingError
from node.wallet.folder import create_wallet
from node.wallet.mandates import Mandates, find, mandate_id
from tests.vectors import mandate_vectors
from tests.vectors.world import HOME, alliance_file


@pytest.fixture
def wallet(tmp_path: Path) -> Path:
    path = tmp_path / "w"
    create_wallet(path, alliance_file(), HOME, b"correct horse battery staple")
    (tmp_path / "mandate.jwt").write_text(mandate_vectors.mandate_token() + "\n")
    return path


def run(wallet: Path, action: str, *args: str) -> int:
    return main(["wallet", "mandate", action, *args, "--wallet", str(wallet), "--json"])


def test_a_mandate_is_shown_in_plain_words_offline(wallet: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = str(wallet.parent / "mandate.jwt")
    assert run(wallet, "show", file) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["form"], shown["powers"]) == ("attorney", ["grant", "look"])
    assert main(["wallet", "mandate", "show", file, "--wallet", str(wallet)]) == 0
    assert "示例人王五" in capsys.readouterr().out


def test_a_false_mandate_is_not_shown_as_true(wallet: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = wallet.parent / "mandate.jwt"
    header, payload, _ = mandate_vectors.mandate_token().split(".")
    file.write_text(f"{header}.{payload}.{'A' * 86}")
    assert run(wallet, "show", str(file)) == 1
    assert "SIGNATURE" in capsys.readouterr().err


def test_a_received_mandate_is_kept_and_found_by_its_beginning(wallet: Path) -> None:
    assert run(wallet, "accept", str(wallet.parent / "mandate.jwt"), "--home-centre", HOME) == 0
    received = Mandates(wallet).received()
    name = mandate_id(mandate_vectors.mandate_token())
    assert find(received, name[:6])[0] == name
    with pytest.raises(MissingError):
        find(received, "zz")
    assert run(wallet, "accept", str(wallet.parent / "mandate.jwt"), "--home-centre", "nowhere") == 2
    assert run(wallet, "list") == 0
