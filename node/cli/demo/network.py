"""The demo's network: an engine, three centres and a bank, each its own process with its own keys and folder."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from functools import partial
from pathlib import Path

from heqi.v1 import alliance_service_pb2 as alliance_pb

from node.cli.client import OperatorClient
from node.cli.demo.ports import free_ports
from node.cli.waiting import wait_for
from node.config import CARD_FILE
from node.domain.member import Role
from node.domain.trust import TrustAnchor
from node.errors import NodeError, UnavailableError
from node.founding import create_alliance, join_alliance, sign_alliance
from node.setup import create_home

CENTRES = ("centre-a", "centre-b", "centre-c")
BANK = "bank-x"
MEMBERS = {**dict.fromkeys(CENTRES, Role.CENTRE), BANK: Role.GUARANTOR}
PERIOD_SECONDS = 2.0
BATCH_SIZE = 256
_START_SECONDS = 60.0
_STOP_SECONDS = 10.0


class Network:
    """Starts, waits for, and stops the processes; everything lives below one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.alliance = folder / "alliance.json"
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def home(self, member: str) -> Path:
        """Folder of a member's node."""
        return self.folder / member

    def start_chain(self) -> None:
        """Start the embedded engine and wait until it answers.

        Raises:
            UnavailableError: it does not start.
        """
        (self.folder / "chain").mkdir(parents=True, mode=0o700)
        self._start("chain", self._chain_arguments())
        wait_for("the engine", self._is_chain_ready, _START_SECONDS, partial(self._check_alive, "chain"))

    def found_alliance(self, anchors: list[TrustAnchor]) -> None:
        """Make the nodes' folders, deploy the contracts, let every founder check and sign, let all join.

        Raises:
            NodeError: a check fails.
        """
        url = f"unix://{self.folder / 'chain' / 'chain.sock'}"
        ports = iter(free_ports(2 * len(MEMBERS)))
        for member, role in MEMBERS.items():
            members, wallets = f"127.0.0.1:{next(ports)}", f"127.0.0.1:{next(ports)}"
            create_home(
                self.home(member),
                member,
                role,
                members,
                wallets,
                url,
                period_seconds=PERIOD_SECONDS,
                batch_size=BATCH_SIZE,
            )
        cards = [(self.home(member) / CARD_FILE).read_text().strip() for member in MEMBERS]
        first, *others = MEMBERS
        asyncio.run(
            create_alliance(self.home(first), "示例联盟 Demo alliance", cards, anchors, self.alliance)
        )
        for member in others:
            asyncio.run(sign_alliance(self.home(member), self.alliance))
        for member in MEMBERS:
            asyncio.run(join_alliance(self.home(member), self.alliance))

    def start_nodes(self) -> None:
        """Start all nodes and wait until each has seen the ledger and knows all members.

        Raises:
            UnavailableError: one does not start.
        """
        for member in MEMBERS:
            self._start(member, ["run", "--home", str(self.home(member))])
        for member in MEMBERS:
            self._await_ready(member)

    def restart(self, name: str) -> None:
        """Start a process again that has ended, and wait until it is ready.

        Raises:
            UnavailableError: it does not start.
        """
        self._processes[name].wait()
        if name == "chain":
            self._start("chain", self._chain_arguments())
            wait_for("the engine", self._is_chain_ready, _START_SECONDS, partial(self._check_alive, "chain"))
        else:
            self._start(name, ["run", "--home", str(self.home(name))])
            self._await_ready(name)

    def stop(self) -> None:
        """Stop everything that runs."""
        for process in reversed(self._processes.values()):
            process.send_signal(signal.SIGTERM)
        for process in self._processes.values():
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def pids(self) -> dict[str, int]:
        """Process ids by name."""
        return {name: process.pid for name, process in self._processes.items()}

    def _chain_arguments(self) -> list[str]:
        chain = self.folder / "chain"
        paths = ["--folder", str(chain), "--socket", str(chain / "chain.sock")]
        return ["chain", *paths, "--seal-seconds", "1", "--heartbeat-seconds", "5"]

    def _is_chain_ready(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe, contextlib.suppress(OSError):
            probe.connect(str(self.folder / "chain" / "chain.sock"))
            return True
        return False

    def _await_ready(self, member: str) -> None:
        is_ready, check = partial(self._is_ready, member), partial(self._check_alive, member)
        wait_for(member, is_ready, _START_SECONDS, check)

    def _is_ready(self, member: str) -> bool:
        with contextlib.suppress(NodeError), OperatorClient(self.home(member), timeout_seconds=2.0) as node:
            found = node.call(node.alliance.ListMembers, alliance_pb.ListMembersRequest()).members
            now = node.call(node.alliance.GetNodeStatus, alliance_pb.GetNodeStatusRequest())
            return len(found) >= len(MEMBERS) and now.block_age_seconds >= 0
        return False

    def _start(self, name: str, arguments: list[str]) -> None:
        log = self.folder / f"{name}.log"
        with log.open("ab") as output:
            self._processes[name] = subprocess.Popen(  # noqa: S603
                [sys.executable, "-m", "node", *arguments],
                stdout=output,
                stderr=output,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                env=os.environ | {"GRPC_VERBOSITY": "ERROR"},
            )

    def _check_alive(self, name: str) -> None:
        code = self._processes[name].poll()
        if code is not None:
            tail = (self.folder / f"{name}.log").read_text(errors="replace")[-2000:]
            raise UnavailableError(f"{name} stopped with code {code}:\n{tail}")
