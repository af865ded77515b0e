"""Known vulnerabilities in what `dev.txt` pins, by pip-audit; part of `make check`.

pip-audit counts a package that its service does not know as no finding, and says that all is well when the index
in use serves no vulnerability data at all. Here only what was looked up counts: if nothing could be, this says
so and why; if something could not be, it is named.

Exit code 1 only for a vulnerability. Time is bounded: a service that hangs is one that cannot be reached.
"""

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_LOCK = Path(__file__).resolve().parent / "dev.txt"
_SERVICES = ("pypi", "osv")
_PROBE = "cryptography"
"""Looked up first and alone: a service that does not know this one knows none."""
_PROBE_SECONDS, _AUDIT_SECONDS = 20, 150


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one run of pip-audit found."""

    audited: int
    unknown: tuple[str, ...]
    """Names of packages that the service does not know."""
    vulnerable: tuple[str, ...]
    """One line per vulnerability."""


def read_report(report: str) -> Outcome:
    """What pip-audit's JSON report says.

    Raises:
        ValueError: it is none.
    """
    document = json.loads(report)
    if not isinstance(document, dict) or not isinstance(document.get("dependencies"), list):
        raise ValueError("not a report of pip-audit")
    packages = document["dependencies"]
    known = [package for package in packages if "skip_reason" not in package]
    return Outcome(
        len(known),
        tuple(package["name"] for package in packages if "skip_reason" in package),
        tuple(
            f"{package['name']} {package['version']}: {one['id']}, fixed in "
            f"{', '.join(one.get('fix_versions') or ['no version yet'])}"
            for package in known
            for one in package.get("vulns", ())
        ),
    )


def pin_of(name: str, lock: str) -> str:
    """The lines of a lock that pin one package.

    Raises:
        ValueError: it does not.
    """
    found = re.search(rf"^{re.escape(name)}==(?:.*\\\n)+.*", lock, re.MULTILINE)
    if found is None:
        raise ValueError(f"the lock does not hold {name}")
    return found[0] + "\n"


def audit(lock: Path, service: str, seconds: float) -> Outcome | str:
    """Look everything in a lock up; a sentence if the service cannot be asked."""
    command = [
        sys.executable, "-m", "pip_audit", "-r", str(lock), "--require-hashes", "--disable-pip", "--format",
        "json", "--progress-spinner", "off", "--timeout", "10", "--vulnerability-service", service,
    ]  # fmt: skip
    try:
        ran = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
        outcome = read_report(ran.stdout)
    except subprocess.TimeoutExpired:
        return f"{service} did not answer within {seconds:.0f} s"
    except ValueError:
        return f"{service} cannot be reached"
    return outcome if outcome.audited else f"{service}: this index serves no vulnerability data"


def main() -> int:
    """See the top of this file."""
    reasons: list[str] = []
    for service in _SERVICES:
        with tempfile.TemporaryDirectory() as folder:
            probe = Path(folder) / "probe.txt"
            probe.write_text(pin_of(_PROBE, _LOCK.read_text()))
            probed = audit(probe, service, _PROBE_SECONDS)
        outcome = probed if isinstance(probed, str) else audit(_LOCK, service, _AUDIT_SECONDS)
        if not isinstance(outcome, str):
            return _tell(outcome)
        reasons.append(outcome)
    print(f"skipped: known vulnerabilities were not looked up ({'; '.join(reasons)})")
    return 0


def _tell(outcome: Outcome) -> int:
    lines: Sequence[str] = outcome.vulnerable
    print(f"{outcome.audited} packages looked up, {len(lines)} known vulnerabilities")
    if outcome.unknown:
        print(f"not known to the service, so not looked up: {', '.join(outcome.unknown)}")
    print("\n".join(lines), end="\n" if lines else "")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
