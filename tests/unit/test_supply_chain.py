"""The lock's own check finds a lock that does not fit, and an audit that looked nothing up is not a clean one."""

import importlib.util
import json
import shutil
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
REPORT = {
    "dependencies": [
        {
            "name": "requests",
            "version": "2.19.0",
            "vulns": [{"id": "PYSEC-2018-28", "fix_versions": ["2.20.0"], "aliases": [], "description": ""}],
        },
        {"name": "rlp", "version": "5.0.0", "vulns": []},
        {"name": "heqi-private", "skip_reason": "Dependency not found on PyPI and could not be audited"},
    ],
    "fixes": [],
}


def script(name: str):
    spec = importlib.util.spec_from_file_location(
        f"requirements_{name}", ROOT / "requirements" / f"{name}.py"
    )
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


lock, audit = script("lock"), script("audit")


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """A copy of what the check reads, to be spoilt."""
    for name in ("runtime.txt", "dev.txt", "build.txt"):
        shutil.copy(ROOT / "requirements" / name, tmp_path / name)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    monkeypatch.setattr(lock, "FOLDER", tmp_path)
    monkeypatch.setattr(lock, "ROOT", tmp_path)
    return tmp_path


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_the_committed_lock_fits(copy):
    assert lock.faults() == []


def test_a_requirement_that_the_lock_lacks_is_named(copy):
    change(copy / "pyproject.toml", '"trie>=3",', '"trie>=3", "left-pad>=1",')
    assert lock.faults() == ["runtime.txt lacks left-pad", "dev.txt lacks left-pad"]


def test_a_requirement_that_the_lock_is_too_old_for_is_named(copy):
    change(copy / "pyproject.toml", '"trie>=3"', '"trie>=99"')
    assert all("trie>=99 is asked for" in fault for fault in lock.faults())
    assert len(lock.faults()) == 2


@pytest.mark.parametrize(
    "line",
    [
        "left-pad==1.0",
        "left-pad",
        "--index-url https://example.invalid/simple",
        "left-pad @ file:///tmp/x.whl",
    ],
)
def test_a_line_without_hash_or_with_a_place_of_its_own_is_named(copy, line):
    with (copy / "runtime.txt").open("a") as file:
        file.write(line + "\n")
    assert lock.faults() == [f"runtime.txt: neither pinned nor hashed: {line}"]


def test_a_pin_that_lost_its_hashes_is_named(copy):
    text = (copy / "build.txt").read_text()
    start = text.index("hatchling==")
    pin = text[start : text.index("    # via", start)]
    (copy / "build.txt").write_text(text.replace(pin, pin.split(" ")[0] + "\n"))
    assert any("neither pinned nor hashed: hatchling==" in fault for fault in lock.faults())
    assert "build.txt lacks hatchling" in lock.faults()


def test_runtime_and_dev_hold_the_same_versions(copy):
    (version,) = lock.read_pins((copy / "dev.txt").read_text())["trie"]
    change(copy / "dev.txt", f"trie=={version}", "trie==3.99")
    assert "dev.txt holds another trie than runtime.txt" in lock.faults()


def test_a_vulnerability_is_told_and_fails(capsys):
    outcome = audit.read_report(json.dumps(REPORT))
    assert (outcome.audited, outcome.unknown) == (2, ("heqi-private",))
    assert audit._tell(outcome) == 1
    told = capsys.readouterr().out
    assert "requests 2.19.0: PYSEC-2018-28, fixed in 2.20.0" in told
    assert "not looked up: heqi-private" in told


def test_an_audit_that_looked_nothing_up_is_skipped_and_says_so(capsys, monkeypatch):
    monkeypatch.setattr(audit, "read_report", lambda _: audit.Outcome(0, ("cryptography",), ()))
    monkeypatch.setattr(audit.subprocess, "run", lambda *_, **__: type("Ran", (), {"stdout": "{}"}))
    assert audit.main() == 0
    assert "skipped" in capsys.readouterr().out


def test_a_service_that_hangs_is_left_in_time(monkeypatch, tmp_path):
    hanging = tmp_path / "python"
    hanging.write_text("#!/bin/sh\nexec sleep 60\n")
    hanging.chmod(0o755)
    monkeypatch.setattr(audit.sys, "executable", str(hanging))
    assert "did not answer" in audit.audit(tmp_path / "lock.txt", "pypi", 0.2)


def test_the_probe_is_one_pin_with_its_hashes():
    pin = audit.pin_of("cryptography", (ROOT / "requirements" / "dev.txt").read_text())
    assert list(lock.read_pins(pin)) == ["cryptography"]
    with pytest.raises(ValueError, match="left-pad"):
        audit.pin_of("left-pad", pin)
