"""A node under examination: probes on what the tests make, and a ledger probe on the in-memory ledger."""

from functools import partial
from pathlib import Path

from adapters.crypto.keys import open_keys
from adapters.ledger.memory import MemoryChain
from adapters.peers.probe import GrpcPeerProbe
from node.cli.doctor import ask_node
from node.config import load_config
from node.doctor import FolderProbe, NodeProbe, peer_leaf
from node.domain.descriptor import Descriptor, open_card
from node.domain.ledger import Anchored, Block, MemberAdmitted, MemberStanding
from node.probes import AnchorFacts, MemberFacts
from node.services.doctor.examination import Patient, examine
from node.services.doctor.finding import Finding, Section
from node.version import VERSION


class MemoryLedgerProbe:
    """The `LedgerProbe` on the in-memory ledger."""

    def __init__(self, chain: MemoryChain) -> None:
        self.chain = chain

    async def head(self) -> Block:
        return self.chain.head()

    async def block_hash(self, number: int) -> bytes:
        block = self.chain.block(number)
        return b"" if block is None else block.hash

    async def differences(self) -> list[str]:
        return []

    async def member(self, name: str) -> MemberFacts | None:
        found = None
        for happening in self._happenings():
            if isinstance(happening, MemberAdmitted) and happening.member.name == name:
                found = MemberFacts(happening.member, True)
            elif isinstance(happening, MemberStanding) and happening.name == name and found:
                found = MemberFacts(found.member, happening.active)
        return found

    async def anchor(self, name: str) -> AnchorFacts:
        anchors = [one for one in self._happenings() if isinstance(one, Anchored) and one.member == name]
        return AnchorFacts(anchors[-1].size, anchors[-1].root) if anchors else AnchorFacts(0, b"")

    def _happenings(self):
        return [event.happening for event in self.chain.events(0, self.chain.head().number)]


def patient_of(home: Path, chain: MemoryChain, descriptor: Descriptor, **changes) -> Patient:
    """The node in a folder, whose ledger is in this process."""
    config, keys = load_config(home), partial(open_keys, home)
    parts = {
        "host": FolderProbe(home, descriptor, keys),
        "version": VERSION,
        "name": config.name,
        "endpoint": config.listen.members,
        "card": open_card((home / "card.jwt").read_text().strip()),
        "ledger": MemoryLedgerProbe(chain),
        "peers": GrpcPeerProbe(lambda: peer_leaf(config.name, keys())),
        "state": NodeProbe(home, ask_node(home, 5.0)),
    }
    return Patient(**(parts | changes))


async def findings(patient: Patient, seconds: float = 10.0) -> dict[str, Finding]:
    """What is not OK, by reason."""
    return bad(await examine(patient, seconds))


def bad(sections: tuple[Section, ...]) -> dict[str, Finding]:
    """What is not OK, by reason."""
    return {f.reason: f for section in sections for f in section.findings if f.reason != "OK"}
