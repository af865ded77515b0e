"""Drafts in a wallet: written, edited and checked without a network."""

import json
import sys
from pathlib import Path

import pytest

from adapters.systems.sample_packages import base_document
from node.cli.main import main
from node.errors import ConfigError
from node.wallet.drafts import Drafts, company_of
from node.wallet.folder import DELEGATION_FILE, create_wallet
from tests.support.world import World
from tests.vectors.world import HOME, alliance_file

CODE = "91110000600037341L"


@pytest.fixture
def wallet(tmp_path: Path) -> Path:
    path = tmp_path / "w"
    create_wallet(path, alliance_file(), HOME, b"correct horse battery staple")
    with World(("hangzhou",)) as world:
        (path / DELEGATION_FILE).write_text(world.bidder().delegation)
    return path


def run(wallet: Path, action: str, *args: str) -> int:
    return main(["wallet", "draft", action, *args, "--wallet", str(wallet), "--json"])


def code_of(wallet: Path) -> str:
    return company_of((wallet / DELEGATION_FILE).read_text()).credit_code


def test_a_draft_is_made_filled_in_checked_and_listed_offline(
    wallet: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(wallet, "new", "base") == 0
    assert run(wallet, "check", "base", "--offline") == 1
    capsys.readouterr()
    good = base_document("虚构建设第1有限公司", code_of(wallet))
    stated = [f"{name}={value}" for name, value in good.fields.items()]
    assert run(wallet, "set", "base", "subject.base:base", *stated, "note:=[1]") == 0
    assert run(wallet, "check", "base", "--offline") == 1, "the category has no such field"
    assert run(wallet, "set", "base", "subject.base:base", "--unset", "note") == 0
    capsys.readouterr()
    assert run(wallet, "check", "base", "--offline") == 0
    assert json.loads(capsys.readouterr().out) == {"checked_by_home": False, "mistakes": []}
    assert Drafts(wallet).read("base") == [good]
    assert run(wallet, "list") == 0
    assert json.loads(capsys.readouterr().out) == [{"draft": "base", "documents": ["subject.base:base"]}]


def test_a_draft_is_readable_by_its_owner_alone(wallet: Path) -> None:
    run(wallet, "new", "base")
    assert Drafts(wallet).path("base").parent.stat().st_mode & 0o077 == 0


def test_an_editor_edits_the_file(wallet: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    run(wallet, "new", "base")
    script = tmp_path / "editor.py"
    script.write_text("import pathlib, sys; pathlib.Path(sys.argv[1]).write_text('[]')")
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", f"{sys.executable} {script}")
    assert run(wallet, "edit", "base") == 0
    assert Drafts(wallet).read("base") == []


def test_a_draft_with_mistakes_is_not_handed_in(wallet: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(wallet, "new", "base")
    assert run(wallet, "submit", "base") == 1
    assert "PACKAGE" in capsys.readouterr().err
    assert Drafts(wallet).names() == ["base"]


@pytest.mark.parametrize("name", ["", "..", "a/b", "x" * 65, ".hidden", "名"])
def test_a_name_is_no_path(wallet: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="draft's name"):
        Drafts(wallet).path(name)


def test_what_cannot_be_used_is_told(wallet: Path) -> None:
    assert run(wallet, "new", "base") == 0
    assert run(wallet, "new", "base") == 2
    assert run(wallet, "check", "other", "--offline") == 2
    assert run(wallet, "set", "base", "subject.base", "x=y") == 2
    assert run(wallet, "set", "base", "subject.base:base", "x") == 2
    assert run(wallet, "set", "base", "subject.base:base", "x:={") == 2
    Drafts(wallet).path("base").write_text("{}")
    assert run(wallet, "check", "base", "--offline") == 2
