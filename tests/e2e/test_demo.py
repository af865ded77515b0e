"""The demo as a newcomer runs it: real processes, and its exit code is the verdict."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
REAL = ROOT.parent / "shared" / "data" / "ocds-real" / "uk-contracts-finder"

OFFLINE = """
import sys

def refuse(event, _):
    if event.startswith("socket.") and event != "socket.gethostname":
        raise AssertionError(f"heqi verify used the network: {event}")

sys.addaudithook(refuse)
from node.cli.main import main
code = main(sys.argv[1:])
loaded = {"web3", "plyvel", "grpc", "eth", "aiohttp"} & set(sys.modules)
assert not loaded, f"heqi verify loaded {loaded}"
sys.exit(code)
"""


def heqi(*arguments: str, timeout: float = 110) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "node", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=timeout, check=False)


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo") / "network"
    done = heqi("demo", "--folder", str(folder))
    assert done.returncode == 0, done.stdout + done.stderr
    return folder, done.stdout


def offline(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", OFFLINE, *arguments]
    environment = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'proto' / 'gen'}"}
    return subprocess.run(
        command, cwd="/", env=environment, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.timeout(150)
def test_the_demo_proves_every_step(demo):
    _, told = demo
    assert "11 " in told
    assert "✗" not in told
    assert "one flipped bit is caught" in told


def test_evidence_is_verified_without_network_and_store(demo):
    folder, _ = demo
    bundle, alliance = folder / "evidence-bundle.json", folder / "alliance.json"
    done = offline("verify", str(bundle), "--alliance", str(alliance), "--json")
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    assert shown["verified"] is True
    assert sorted(shown["records"][0]["fields"]) == ["credit_code", "legal_name", "registered_capital"]


def test_forged_evidence_is_refused_offline(demo):
    folder, _ = demo
    forged, alliance = folder / "forged-bundle.json", folder / "alliance.json"
    assert offline("verify", str(forged), "--alliance", str(alliance)).returncode == 1


def test_evidence_of_another_alliance_is_refused(demo, tmp_path):
    folder, _ = demo
    alliance = json.loads((folder / "alliance.json").read_text())
    alliance["descriptor"]["name"] = "renamed"
    other = tmp_path / "alliance.json"
    other.write_text(json.dumps(alliance))
    done = offline("verify", str(folder / "evidence-bundle.json"), "--alliance", str(other))
    assert done.returncode == 1
    assert "DESCRIPTOR" in done.stderr


def test_no_secret_of_the_demo_is_readable_by_others(demo):
    folder, _ = demo
    keys = [
        *folder.rglob("*.key"),
        *folder.glob("*/keys/*"),
        *folder.glob("wallet/key.pem"),
        *folder.rglob("*.key.pem"),
    ]
    assert keys
    assert all(path.stat().st_mode & 0o077 == 0 for path in keys)


def test_no_log_of_the_demo_names_the_bidder(demo):
    folder, _ = demo
    logs = "".join(path.read_text() for path in folder.glob("*.log"))
    assert "虚构建设" not in logs
    assert "Traceback" not in logs


@pytest.mark.timeout(150)
def test_the_demo_runs_on_real_data(tmp_path):
    if not REAL.exists():
        pytest.skip(f"no real data at {REAL}")
    done = heqi("demo", "--folder", str(tmp_path / "network"), "--data", str(REAL))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "32 records accepted" in done.stdout
