"""The committed artefacts are what the committed sources give."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

CONTRACTS = Path(__file__).parents[2] / "contracts"


def run(*command: str) -> str | None:
    """What the command complains about; None if it succeeds."""
    done = subprocess.run(command, cwd=CONTRACTS, capture_output=True, text=True, timeout=100, check=False)
    return f"{' '.join(command)}: {done.stdout}{done.stderr}" if done.returncode else None


def install() -> str | None:
    """Why the locked compiler cannot be had; None if it is there."""
    missing = [tool for tool in ("node", "npm") if shutil.which(tool) is None]
    if missing:
        return f"{' and '.join(missing)} not found"
    # `npm ci` deletes what is there before it fetches: not under a build that runs at the same time
    return run("npm", "ls", "--all") and run("npm", "ci", "--no-audit", "--no-fund")


@pytest.fixture
def compiler() -> None:
    """A skip without the compiler, or a failure where everything is required."""
    problem = install()
    if problem and os.environ.get("HEQI_REQUIRE_ALL") == "1":
        pytest.fail(f"the artefacts cannot be rebuilt: {problem}")
    elif problem:
        pytest.skip(f"the artefacts cannot be rebuilt: {problem}")


@pytest.mark.usefixtures("compiler")
def test_artefacts_are_what_the_sources_give() -> None:
    problem = run("node", "build.mjs", "--check")
    assert problem is None, problem


def test_the_lock_file_names_no_registry_and_no_machine() -> None:
    lock = (CONTRACTS / "package-lock.json").read_text()
    assert '"resolved"' not in lock
    assert "file:" not in lock
