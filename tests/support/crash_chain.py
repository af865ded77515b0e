"""The ledger as anybody sees it: raw JSON-RPC on the engine's socket, events taken apart by hand."""

import http.client
import json
import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eth_hash.auto import keccak

_TOPICS = {
    "0x" + keccak(signature.encode()).hex(): signature.partition("(")[0]
    for signature in (
        "Anchored(bytes32,uint64,bytes32)",
        "SubjectCreated(bytes32,bytes32,bytes)",
        "GrantRegistered(bytes32,uint64)",
        "GrantRevoked(bytes32)",
    )
}


@dataclass
class Seen:
    """Everything that the alliance's contracts have reported up to a block."""

    block: int = -1
    hash: str = ""
    anchors: dict[str, list[tuple[int, bytes]]] = field(default_factory=dict)
    """(size, root) in order, by member."""
    subjects: list[tuple[bytes, str, bytes]] = field(default_factory=list)
    """(id, home, controller)."""
    registered: list[bytes] = field(default_factory=list)
    revoked: list[bytes] = field(default_factory=list)


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=10)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


class RawChain:
    """One engine by its socket."""

    def __init__(self, path: Path, contracts: list[str]) -> None:
        self._path, self._contracts = path, contracts

    def ask(self, method: str, *params: object) -> Any:
        connection = _UnixConnection(self._path)
        try:
            body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
            connection.request("POST", "/", body, {"Content-Type": "application/json"})
            answer = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        return answer["result"]

    def look(self, seen: Seen) -> bool:
        """Add what is new; False if a block that was seen is gone or has changed."""
        head = self.ask("eth_getBlockByNumber", "latest", False)
        number = int(head["number"], 16)
        if seen.hash:
            known = self.ask("eth_getBlockByNumber", hex(seen.block), False)
            if known is None or known["hash"] != seen.hash:
                return False
        if number > seen.block:
            wanted = {"fromBlock": hex(seen.block + 1), "toBlock": hex(number), "address": self._contracts}
            for log in self.ask("eth_getLogs", wanted):
                _take(log, seen)
        seen.block, seen.hash = number, head["hash"]
        return True


def _take(log: dict[str, Any], seen: Seen) -> None:
    name = _TOPICS.get(log["topics"][0])
    topics = [bytes.fromhex(topic[2:]) for topic in log["topics"]]
    data = bytes.fromhex(log["data"][2:])
    if name == "Anchored":
        seen.anchors.setdefault(_name(topics[1]), []).append((int.from_bytes(data[:32], "big"), data[32:64]))
    elif name == "SubjectCreated":
        length = int.from_bytes(data[32:64], "big")
        seen.subjects.append((topics[1], _name(topics[2]), data[64 : 64 + length]))
    elif name == "GrantRegistered":
        seen.registered.append(topics[1])
    elif name == "GrantRevoked":
        seen.revoked.append(topics[1])


def _name(word: bytes) -> str:
    return word.rstrip(b"\0").decode()
