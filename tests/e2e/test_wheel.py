"""The wheel holds all that the commands need: it is built, unpacked elsewhere, and run from the root folder."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

RUN = """
import sys
wheel, checkout, *arguments = sys.argv[1:]
kept = [path for path in sys.path if not path.startswith(checkout) or "site-packages" in path]
sys.path[:] = [wheel, *kept]
sys.argv[1:] = arguments
import node
assert node.__file__.startswith(wheel), node.__file__
from node.cli.main import main
sys.exit(main(arguments))
"""


# One process for all: each of its own would load the same libraries again.
EXPLAIN = RUN.replace(
    "sys.exit(main(arguments))",
    """
import contextlib
for command in arguments:
    with contextlib.suppress(SystemExit):
        main([command, "--help"])
""",
)
COMMANDS = (
    "init",
    "run",
    "chain",
    "alliance",
    "record",
    "grant",
    "guarantee",
    "wallet",
    "verify",
    "demo",
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--wheel-dir",
        str(folder),
        str(ROOT),
    ]
    built = subprocess.run(command, capture_output=True, text=True, timeout=110, check=False)
    if built.returncode and "hatchling" in built.stderr and "No matching distribution" in built.stderr:
        pytest.skip("the build backend cannot be fetched on this machine")
    assert built.returncode == 0, built.stderr
    unpacked = folder / "unpacked"
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as archive:
        archive.extractall(unpacked)
    return unpacked


def run(wheel: Path, *arguments: str, script: str = RUN) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", script, str(wheel), str(ROOT), *arguments]
    return subprocess.run(command, cwd="/", capture_output=True, text=True, timeout=60, check=False)


def test_the_wheel_holds_packages_and_contracts_and_nothing_else(wheel):
    top = {path.name for path in wheel.iterdir() if not path.name.endswith(".dist-info")}
    assert top == {"node", "adapters", "heqi"}
    artefacts = {path.stem for path in (wheel / "adapters" / "ledger" / "artifacts").glob("*.json")}
    assert {
        "Alliance",
        "Subjects",
        "Grants",
        "Anchors",
        "Guarantees",
        "Openings",
        "Reservations",
        "TrustList",
        "Calendar",
        "Catalogue",
        "ES256Verifier",
        "WebAuthnVerifier",
    } == artefacts


def test_every_command_of_the_wheel_explains_itself(wheel):
    told = run(wheel, "--help")
    assert told.returncode == 0, told.stderr
    for command in COMMANDS:
        assert f"    {command}" in told.stdout
    explained = run(wheel, *COMMANDS, script=EXPLAIN)
    assert explained.returncode == 0, explained.stderr
    for command in COMMANDS:
        assert f"usage: heqi {command}" in explained.stdout


def test_help_loads_no_heavy_library(wheel):
    told = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", RUN, str(wheel), str(ROOT), "--help"],
        cwd="/",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    loaded = {line.rpartition("|")[2].strip().partition(".")[0] for line in told.stderr.splitlines()}
    assert not loaded & {"web3", "grpc", "eth", "aiohttp", "cryptography", "msgspec"}


def test_what_the_wheel_cannot_do_it_says(wheel, tmp_path):
    told = run(wheel, "run", "--home", str(tmp_path / "nothing"))
    assert told.returncode == 2
    assert "[CONFIG]" in told.stderr
    assert "heqi init" in told.stderr
    assert "Traceback" not in told.stderr
