"""The compiler that the contracts are built with is locked; `make check` builds them again and compares."""

from pathlib import Path

CONTRACTS = Path(__file__).parents[2] / "contracts"


def test_the_lock_file_names_no_registry_and_no_machine() -> None:
    lock = (CONTRACTS / "package-lock.json").read_text()
    assert '"resolved"' not in lock
    assert "file:" not in lock
