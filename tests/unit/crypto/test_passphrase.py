"""Where the passphrase comes from, and what is not taken for one."""

import getpass
import io
import sys
from pathlib import Path

import pytest

from adapters.crypto.passphrase import make_passphrase, read_passphrase
from node.errors import ConfigError

LONG = "correct horse battery staple"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_file_is_made_once_with_256_bits_and_read_ever_after(tmp_path: Path) -> None:
    made = make_passphrase(tmp_path, "file:secret")
    assert len(made) >= 43
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600
    assert read_passphrase(tmp_path, "file:secret") == made == make_passphrase(tmp_path, "file:secret")


def test_a_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    make_passphrase(tmp_path, "file:secret")
    (tmp_path / "secret").chmod(0o604)
    with pytest.raises(ConfigError, match="readable by others"):
        read_passphrase(tmp_path, "file:secret")


def test_a_systemd_credential_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "heqi").write_text(LONG + "\n")
    with pytest.raises(ConfigError, match="LoadCredential"):
        read_passphrase(tmp_path, "credential:heqi")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert read_passphrase(tmp_path, "credential:heqi") == LONG.encode()
    for name in ("none", "../etc/passwd"):
        with pytest.raises(ConfigError):
            read_passphrase(tmp_path, f"credential:{name}")


def test_a_person_is_asked_at_a_terminal_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(LONG))
    with pytest.raises(ConfigError, match="terminal"):
        read_passphrase(tmp_path, "prompt")
    answers = iter([LONG, LONG, LONG, "another"])
    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr(getpass, "getpass", lambda *_: next(answers))
    assert make_passphrase(tmp_path, "prompt") == LONG.encode()
    with pytest.raises(ConfigError, match="differ"):
        make_passphrase(tmp_path, "prompt")


def test_short_passphrases_and_unknown_sources_are_refused(tmp_path: Path) -> None:
    (tmp_path / "short").write_text("12345678")
    (tmp_path / "short").chmod(0o600)
    with pytest.raises(ConfigError, match="at least 20"):
        read_passphrase(tmp_path, "file:short")
    for source in ("", "file:", "env:HEQI", LONG, "file:missing"):
        with pytest.raises(ConfigError):
            read_passphrase(tmp_path, source)
