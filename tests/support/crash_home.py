"""A node's folder that has joined an alliance, for tests of what can be wrong with it; no engine is behind it."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import msgspec

from adapters.crypto import trial_ca
from adapters.ledger.memory import MemoryChain
from node.app import load_descriptor
from node.config import ALLIANCE_FILE
from node.domain.descriptor import AllianceFile, sign_descriptor
from node.domain.encoding import to_base64url
from tests.support.network import Centre, _describe, _make_centre, trial_anchor

ROOT = Path(__file__).resolve().parents[2]


def joined_home(folder: Path, name: str = "centre-a") -> Centre:
    """As after `heqi init` and `heqi alliance join`."""
    centre = _make_centre(folder / name, name)
    chain = MemoryChain(os.urandom(32), [centre.member])
    descriptor = _describe(chain, {name: centre}, trial_anchor(trial_ca.make_root()))
    jti = to_base64url(os.urandom(16))
    signature = sign_descriptor(descriptor, name, centre.keys.identity.sign, iat=int(time.time()), jti=jti)
    file = AllianceFile(descriptor, {name: signature})
    (centre.home / ALLIANCE_FILE).write_bytes(msgspec.json.encode(file))
    load_descriptor(centre.home)  # sound, or the tests would find faults that they did not make
    return centre


class Told:
    """What a command told people on its standard error."""

    def __init__(self, code: int, text: str) -> None:
        assert "Traceback" not in text, text
        self.code, self.text = code, text
        found = re.search(r"错误 Error \[([A-Z_]+)\]: (.+)\n  → (.+)", text)
        assert found, f"not an error with reason, message and advice:\n{text}"
        self.reason, self.message, self.advice = found.groups()


def refused(*arguments: object) -> Told:
    """Run a command in a process of its own; it must end by itself and say why."""
    command = [sys.executable, "-m", "node", *map(str, arguments)]
    environment = os.environ | {"GRPC_VERBOSITY": "NONE"}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    return Told(done.returncode, done.stderr)
