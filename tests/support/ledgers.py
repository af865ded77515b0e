"""Engines as real processes, members with keys, and signatures: what tests of the ledger need."""

import asyncio
import atexit
import fcntl
import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from coincurve import PrivateKey
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from eth_hash.auto import keccak

from adapters.crypto.signers import AccountSigner
from node.domain.ledger import Call, Outcome
from node.domain.member import Member, Role
from node.ports import Ledger
from tests.support.crash_nursery import Nursery

ROOT = Path(__file__).parents[2]
ENGINES_FOLDER = ROOT / "tests" / "engines"
ANVIL = ENGINES_FOLDER / "node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil"
_INSTALLED = ENGINES_FOLDER / "node_modules/.package-lock.json"  # npm writes it last

START_SECONDS = 30.0
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


# -- keys ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class AccountKey:
    """A secp256k1 key: an account, or a 20-byte ERC-7913 signer."""

    secret: bytes

    @property
    def address(self) -> bytes:
        return keccak(PrivateKey(self.secret).public_key.format(compressed=False)[1:])[12:]

    @property
    def signer(self) -> bytes:
        return self.address

    @property
    def account(self) -> AccountSigner:
        """As the ledgers take it."""
        return AccountSigner(self.secret)

    def sign(self, digest: bytes) -> bytes:
        """r ‖ s ‖ v over the bare digest."""
        signature = PrivateKey(self.secret).sign_recoverable(digest, hasher=None)
        return signature[:64] + bytes([signature[64] + 27])


@dataclass(frozen=True)
class Es256Key:
    """A P-256 key as ordinary signers use it: a verifier's address and the public key are the signer."""

    secret: ec.EllipticCurvePrivateKey
    verifier: bytes

    @property
    def signer(self) -> bytes:
        numbers = self.secret.public_key().public_numbers()
        return self.verifier + numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")

    def sign(self, digest: bytes, *, high: bool = False) -> bytes:
        """r ‖ s over SHA-256 of the digest; s in the upper half if `high`, as many signers leave it."""
        r, s = decode_dss_signature(self.secret.sign(digest, ec.ECDSA(hashes.SHA256())))
        if (s > P256_ORDER // 2) != high:
            s = P256_ORDER - s
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def new_account_key() -> AccountKey:
    return AccountKey(PrivateKey().secret)


def new_es256_key(verifier: bytes) -> Es256Key:
    return Es256Key(ec.generate_private_key(ec.SECP256R1()), verifier)


def new_member(name: str, account: bytes, role: Role = Role.CENTRE) -> Member:
    """A member with random keys; only the account's matters to the ledger."""
    return Member(
        name=name,
        roles=role,
        account=account,
        identity_key=secrets.token_bytes(64),
        log_key=secrets.token_bytes(32),
        sealing_key=secrets.token_bytes(32),
        endpoint=f"{name}.example:7443",
        wallet_endpoint=f"{name}.example:7444",
    )


# -- using a ledger ------------------------------------------------------------------------------------


async def submit(ledger: Ledger, call: Call, *, seconds: float = 20.0) -> Outcome:
    """Dry-run, sign, send, and wait for the block."""
    await ledger.dry_run(call)
    signed = await ledger.sign(call, await ledger.next_nonce())
    await ledger.send(signed)
    return await wait_for_outcome(ledger, signed.hash, seconds=seconds)


async def wait_for_outcome(ledger: Ledger, transaction_hash: bytes, *, seconds: float = 20.0) -> Outcome:
    async with asyncio.timeout(seconds):
        while True:
            outcome = await ledger.outcome(transaction_hash)
            if outcome is not None:
                return outcome
            await asyncio.sleep(0.01)


# -- engines -------------------------------------------------------------------------------------------


class EmbeddedEngine:
    """`heqi chain` on a folder of its own, listening on a Unix socket."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.folder = folder
        self.socket = folder / "run" / "chain.sock"
        self.url = f"unix://{self.socket}"
        self._options = {"seal_seconds": 0.02, "heartbeat_seconds": 15.0} | options
        self._pid = 0

    def start(self) -> None:
        arguments = {"folder": str(self.folder / "db"), "socket": str(self.socket)} | self._options
        self.socket.unlink(missing_ok=True)
        order = ["engine", json.dumps(arguments)]
        log, out = self.folder / "engine.log", self.folder / "engine.out"
        self._pid = _nursery().start(order, log, out=out)
        wait_until(self.is_listening, "the embedded engine did not start", self._exit_code)

    def is_listening(self) -> bool:
        # The file is there a moment before anybody listens at it.
        with socket.socket(socket.AF_UNIX) as caller:
            return caller.connect_ex(str(self.socket)) == 0

    def log(self) -> str:
        return (self.folder / "engine.log").read_text()

    def kill(self) -> None:
        if self._pid:
            _nursery().kill(self._pid)
            self._pid = 0

    def stop(self) -> None:
        if self._pid:
            if self._exit_code() is None:
                os.kill(self._pid, signal.SIGTERM)
            wait_until(lambda: self._exit_code() is not None, "the embedded engine did not stop")
            self._pid = 0

    def go_down(self) -> None:
        self.kill()

    def come_up(self) -> None:
        self.start()

    def _exit_code(self) -> int | None:
        return _nursery().exit_code(self._pid)


@cache
def _nursery() -> Nursery:
    """One for all engines of this process: importing the EVM takes longer than most tests."""
    nursery = Nursery(PYTHONWARNINGS="error")
    atexit.register(nursery.close)
    return nursery


class AnvilEngine:
    """Foundry's EVM node, mining each transaction at once, at gas price zero."""

    def __init__(self, folder: Path) -> None:
        self.chain_id = 1 + secrets.randbelow(2**31)
        self.url = ""
        self._log = folder / "anvil.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        options = "--hardfork cancun --port 0 --accounts 1 --gas-price 0 --block-base-fee-per-gas 0"
        command = [
            str(ANVIL),
            *options.split(),
            "--disable-min-priority-fee",
            "--chain-id",
            str(self.chain_id),
        ]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        wait_until(self.is_listening, "anvil did not start", self._process.poll)

    def is_listening(self) -> bool:
        found = re.search(r"Listening on (127\.0\.0\.1:\d+)", self._log.read_text())
        if found:
            self.url = f"http://{found[1]}"
        return found is not None

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.terminate()
            self._process.wait(START_SECONDS)

    def go_down(self) -> None:
        """It keeps nothing on disk, so it is not killed but made deaf."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        os.waitpid(self._process.pid, os.WUNTRACED)  # until it has stopped: the signal takes its time

    def come_up(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)


def missing_anvil() -> str | None:
    """Install anvil from the lock file if it is not there; the reason why it cannot be had, or None."""
    # `npm ci` deletes what is there before it fetches: never beside a test that starts the engine, nor
    # beside another worker that installs.
    with (ENGINES_FOLDER / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if _INSTALLED.exists() and ANVIL.exists():
            return None
        return _install_anvil()


def _install_anvil() -> str | None:
    npm = shutil.which("npm")
    if npm is None:
        return "npm is not installed"
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(ENGINES_FOLDER)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    if done.returncode or not ANVIL.exists():
        return f"npm ci --prefix tests/engines: {done.stderr.strip()[-300:] or 'no binary for this machine'}"
    return None


def wait_until(
    is_true: Callable[[], bool], complaint: str, ended: Callable[[], int | None] = lambda: None
) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not is_true():
        code = ended()
        if code is not None:
            raise AssertionError(f"{complaint}: it ended with {code}")
        if time.monotonic() > deadline:
            raise AssertionError(complaint)
        time.sleep(0.01)
