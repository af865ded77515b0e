"""Real holders of keys for tests: encrypted files, SoftHSM as the token, OpenSSH's agent."""

import base64
import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from node.domain.keys import KeyKind

MODULES = (Path("/usr/lib/softhsm/libsofthsm2.so"), Path("/usr/lib64/softhsm/libsofthsm2.so"))
PIN = "1234567890"
_CURVES = {KeyKind.ACCOUNT: ec.SECP256K1(), KeyKind.IDENTITY: ec.SECP256R1()}


def need(is_there: bool, what: str) -> None:
    """Skip with a reason what this machine lacks; a failure where nothing may be skipped."""
    if is_there:
        return
    if os.environ.get("HEQI_REQUIRE_ALL") == "1":
        pytest.fail(f"{what} is missing, and HEQI_REQUIRE_ALL=1 lets nothing be skipped")
    pytest.skip(f"{what} is missing")


def new_private(kind: KeyKind) -> ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey:
    curve = _CURVES.get(kind)
    return ec.generate_private_key(curve) if curve else ed25519.Ed25519PrivateKey.generate()


class Token:
    """A SoftHSM token in a folder of its own. One per process: the library reads its configuration once."""

    def __init__(self, folder: Path) -> None:
        self.module = next((path for path in MODULES if path.exists()), None)
        need(self.module is not None and shutil.which("softhsm2-util") is not None, "SoftHSM (softhsm2)")
        self.folder = folder
        (folder / "tokens").mkdir(parents=True)
        configuration = folder / "softhsm2.conf"
        configuration.write_text(f"directories.tokendir = {folder}/tokens\nlog.level = ERROR\n")
        self.pin_file = folder / "pin"
        self.pin_file.write_text(PIN + "\n")
        self.pin_file.chmod(0o600)
        os.environ["SOFTHSM2_CONF"] = str(configuration)
        self._run("--init-token", "--free", "--label", "heqi", "--so-pin", PIN, "--pin", PIN)
        self._count = 0

    def add(self, kind: KeyKind, label: str = "") -> str:
        """Put a fresh key on the token; its URI."""
        self._count += 1
        label = label or f"{kind.value}-{self._count}"
        path = self.folder / f"{label}.pem"
        path.write_bytes(
            new_private(kind).private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        where = ("--token", "heqi", "--label", label, "--id", f"{self._count:02x}", "--pin", PIN)
        self._run("--import", str(path), *where)
        path.unlink()
        return self.uri(label)

    def uri(self, label: str, token: str = "heqi") -> str:
        query = f"module-path={self.module}&pin-source=file:{self.pin_file}"
        return f"pkcs11:token={token};object={label}?{query}"

    def _run(self, *arguments: str) -> None:
        subprocess.run(["softhsm2-util", *arguments], check=True, capture_output=True)


class Agent:
    """OpenSSH's agent on a socket of its own."""

    def __init__(self, folder: Path) -> None:
        need(shutil.which("ssh-agent") is not None and shutil.which("ssh-add") is not None, "OpenSSH's agent")
        folder.mkdir()
        self.folder, self.socket = folder, folder / "agent.sock"
        self._process: subprocess.Popen[bytes] | None = None
        self._files: list[Path] = []

    def start(self) -> None:
        self.socket.unlink(missing_ok=True)
        self._process = subprocess.Popen(
            ["ssh-agent", "-D", "-a", str(self.socket)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        assert self._process.stdout is not None
        self._process.stdout.readline()  # says where it listens
        for path in self._files:
            self._add(path)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.communicate()
            self._process = None

    def add(self, kind: KeyKind) -> str:
        """Give the agent a fresh key; its URI."""
        key = new_private(kind)
        path = self.folder / f"{kind.value}-{len(self._files)}"
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.OpenSSH,
                serialization.NoEncryption(),
            )
        )
        path.chmod(0o600)
        self._files.append(path)
        self._add(path)
        line = key.public_key().public_bytes(
            serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
        )
        digest = hashlib.sha256(base64.b64decode(line.split()[1])).digest()
        fingerprint = base64.b64encode(digest).decode().rstrip("=")
        return f"ssh-agent:{self.socket}?key=SHA256:{fingerprint}"

    def _add(self, path: Path) -> None:
        environment = os.environ | {"SSH_AUTH_SOCK": str(self.socket)}
        subprocess.run(["ssh-add", "-q", str(path)], check=True, capture_output=True, env=environment)


@contextmanager
def running_agent(folder: Path) -> Iterator[Agent]:
    agent = Agent(folder)
    agent.start()
    try:
        yield agent
    finally:
        agent.stop()
