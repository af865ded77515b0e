"""The locks: what `pyproject.toml` asks for, resolved to one version each and pinned by hashes.

    python requirements/lock.py              resolve again, keeping what still fits (make lock)
    python requirements/lock.py --upgrade    resolve again with the newest of everything (make lock UPGRADE=1)
    python requirements/lock.py --check      no network: does the committed lock fit pyproject.toml?

runtime.txt  what a node runs with           dev.txt  the same and the developers' tools
build.txt    what builds and installs the package itself

One lock serves every Python from 3.11 on; markers say what is for which. No file names the index that it was
resolved against: whoever installs takes the files from where he is configured to, and pip checks the hashes.
"""

import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parent
_HASHES = re.compile(r"(?: \\\n    --hash=sha256:[0-9a-f]{64})+")
_PIN = re.compile(
    rf"^(?P<name>[a-z0-9.-]+)==(?P<version>[^ ]+)(?: ; (?P<marker>[^\\\n]+?))?(?P<hashes>{_HASHES.pattern})$",
    re.MULTILINE,
)
_PYTHON = "3.11"


def resolve(*, upgrade: bool) -> None:
    """Write all locks; what one pins, the next one keeps."""
    _compile("runtime.txt", "pyproject.toml", upgrade=upgrade)
    _compile("dev.txt", "pyproject.toml", "--extra", "dev", "-c", "requirements/runtime.txt", upgrade=upgrade)
    _compile("build.txt", "--group", "build", "-c", "requirements/dev.txt", upgrade=upgrade)


def faults() -> list[str]:
    """What is wrong with the locks, without asking anybody."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    runtime = project["project"]["dependencies"]
    wanted = {
        "runtime.txt": runtime,
        "dev.txt": [*runtime, *project["project"]["optional-dependencies"]["dev"]],
        "build.txt": [*project["dependency-groups"]["build"], *project["build-system"]["requires"]],
    }
    locks = {name: (FOLDER / name).read_text() for name in wanted}
    found = [fault for name, text in locks.items() for fault in _form_faults(name, text)]
    pins = {name: read_pins(text) for name, text in locks.items()}
    for name, requirements in wanted.items():
        for one in map(Requirement, requirements):
            found += [fault for each in (one, *_of_extras(one)) if (fault := _unmet(each, pins[name], name))]
    for name, versions in pins["runtime.txt"].items():
        if pins["dev.txt"].get(name) != versions:
            found.append(f"dev.txt holds another {name} than runtime.txt")
    return found


def read_pins(text: str) -> dict[str, set[Version]]:
    """The versions of every package in a lock, by canonical name; more than one only under markers."""
    pins: dict[str, set[Version]] = {}
    for match in _PIN.finditer(text):
        pins.setdefault(canonicalize_name(match["name"]), set()).add(Version(match["version"]))
    return pins


def _form_faults(name: str, text: str) -> list[str]:
    """Every line belongs to a pin with its hashes, and none leads to a place of its own."""
    rest = [line for line in _PIN.sub("", text).splitlines() if line and not line.lstrip().startswith("#")]
    return [f"{name}: neither pinned nor hashed: {line}" for line in rest]


def _of_extras(requirement: Requirement) -> list[Requirement]:
    """What the extras of a requirement ask for, as far as the package is installed here."""
    try:
        asked = metadata.requires(requirement.name) or []
    except metadata.PackageNotFoundError:
        return []
    parsed = [Requirement(line) for line in asked]
    extras = [{"extra": extra} for extra in requirement.extras]
    return [one for one in parsed if one.marker and any(map(one.marker.evaluate, extras))]


def _unmet(requirement: Requirement, pins: dict[str, set[Version]], name: str) -> str:
    versions = pins.get(canonicalize_name(requirement.name))
    if not versions:
        return f"{name} lacks {requirement.name}"
    for version in versions:
        if not requirement.specifier.contains(version, prereleases=True):
            return f"{name} holds {requirement.name} {version}, and {requirement} is asked for"
    return ""


def _compile(name: str, *arguments: str, upgrade: bool) -> None:
    command = [
        "uv", "pip", "compile", *arguments, "--universal", "--python-version", _PYTHON, "--generate-hashes",
        "--custom-compile-command", "make lock", "--quiet", "--output-file", f"requirements/{name}",
        *(["--upgrade"] if upgrade else []),
    ]  # fmt: skip
    subprocess.run([sys.executable, "-m", *command], cwd=ROOT, check=True)


def main() -> int:
    """See the top of this file."""
    if "--check" in sys.argv[1:]:
        found = faults()
        print("\n".join([*found, "the lock is out of date: run make lock"] if found else []), end="")
        return len(found) > 0
    resolve(upgrade="--upgrade" in sys.argv[1:])
    print("\n".join(faults()), end="")
    return len(faults()) > 0


if __name__ == "__main__":
    sys.exit(main())
