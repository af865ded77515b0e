"""The members' nodes as each other's peers: direct calls under the caller's name, and what goes wrong on the way."""

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from node.domain.legal_read import LegalPapers
from node.domain.member import Member
from node.domain.wallet import StepReceipt
from node.errors import PeerError
from node.ports import Answer, LogView
from tests.support.world_authorities import WorldAuthorities

if TYPE_CHECKING:
    from tests.support.world_centre import Centre

T = TypeVar("T")


class Network:
    """Joins the nodes; a test sets what it does to messages."""

    def __init__(self) -> None:
        self.centres: dict[str, Centre] = {}
        self.authorities = WorldAuthorities()
        self.absent: set[str] = set()
        """Members whose nodes cannot be reached."""
        self.hung: set[str] = set()
        """Members whose nodes take a call and never answer; nobody's patience ends here."""
        self.unanswered: list[tuple[str, str, str]] = []
        """(from, to, call) of everything that nobody was there to take."""
        self.refuse_definitions = False
        self.false_definition = b""
        """What every member says a definition is, if anything."""
        self.lose_answers = 0
        """So many of the next calls take effect at the peer, and their answer is lost."""
        self.tamper: Callable[[Answer], Answer] = lambda answer: answer
        """What a dishonest home does to an answer to a read."""
        self.show: Callable[[LogView], LogView] = lambda view: view
        """What a dishonest log makes of what it shows."""
        self.release: Callable[[str, str], str] = lambda _, token: token
        """What a dishonest holder, by name, makes of the shares that it gives."""
        self.delivered: list[tuple[str, str, str]] = []
        """(from, to, call) of everything that took effect."""
        self.reads: list[str] = []
        """Every read request that reached a home, lost answers included."""

    async def call(self, caller: str, member: Member, name: str, work: Callable[["Centre"], T]) -> T:
        """Make a call at a peer under the caller's name."""
        await asyncio.sleep(0)
        if member.name in self.hung:
            await asyncio.Event().wait()
        peer = self.centres.get(member.name)
        if peer is None or not peer.is_running or {caller, member.name} & self.absent:
            self.unanswered.append((caller, member.name, name))
            raise PeerError(f"{member.name} does not answer")
        result = work(peer)
        self.delivered.append((caller, member.name, name))
        if self.lose_answers:
            self.lose_answers -= 1
            raise PeerError(f"the connection to {member.name} broke")
        return result


class WorldPeers:
    """The `Peers` port of one node."""

    def __init__(self, network: Network, me: str) -> None:
        self._network, self._me = network, me

    async def submit_request(self, member: Member, request: str) -> None:
        await self._call(member, "submit_request", lambda c: c.sharing.submit_request(self._me, request))

    async def collect_grant(self, member: Member, request: str) -> str | None:
        return await self._call(member, "collect_grant", lambda c: c.sharing.collect_grant(self._me, request))

    async def prove_awards(self, member: Member, grant: str, delegation: str) -> bytes:
        return await self._call(
            member, "prove_awards", lambda c: c.services.awards.prove_to(self._me, grant, delegation)
        )

    async def read(self, member: Member, request: str, grant: str) -> Answer:
        self._network.reads.append(request)
        answer = await self._call(member, "read", lambda c: c.serving.read(self._me, request, grant))
        return self._network.tamper(answer)

    async def submit_receipt(self, member: Member, receipt: str) -> None:
        await self._call(member, "submit_receipt", lambda c: c.serving.take_receipt(self._me, receipt))

    async def submit_notice(self, member: Member, document: str) -> str:
        return await self._call(member, "submit_notice", lambda c: c.services.inbox.take(self._me, document))

    async def lodge_step(
        self, member: Member, guarantee: str, step: str, signature: bytes
    ) -> StepReceipt | None:
        lodge = lambda c: c.services.guarantee_delivery.lodge(self._me, guarantee, step, signature)  # noqa: E731
        return await self._call(member, "lodge_step", lodge)

    async def read_on_legal_basis(self, member: Member, papers: LegalPapers) -> Answer:
        answer = await self._call(member, "legal", lambda c: c.services.legal_serving.read(self._me, papers))
        return self._network.tamper(answer)

    async def submit_legal_receipt(self, member: Member, receipt: str) -> None:
        take = lambda c: c.services.legal_serving.take_receipt(self._me, receipt)  # noqa: E731
        await self._call(member, "submit_legal_receipt", take)

    async def log_view(self, member: Member, sizes: Sequence[int]) -> LogView:
        return self._network.show(await self._call(member, "log_view", lambda c: c.services.log.view(sizes)))

    async def definition(self, member: Member, digest: bytes) -> bytes:
        if self._network.refuse_definitions:
            raise PeerError(f"{member.name} hands over no definition")
        true = await self._call(member, "definition", lambda c: c.services.catalogue.text(digest))
        return self._network.false_definition or true

    async def witnessed_view(self, member: Member, size: int) -> LogView:
        return self._network.show(
            await self._call(member, "witnessed_view", lambda c: c.services.cosignatures.witnessed_view(size))
        )

    async def submit_cosignature(self, member: Member, size: int, line: str) -> None:
        await self._call(
            member, "submit_cosignature", lambda c: c.services.cosignatures.take(self._me, size, line)
        )

    async def opening_key(self, member: Member, request: str) -> str:
        make = lambda c: c.services.share_keeping.make_key(self._me, request)  # noqa: E731
        return await self._call(member, "opening_key", make)

    async def shares(self, member: Member, request: str) -> str:
        give = lambda c: c.services.share_keeping.release(self._me, request)  # noqa: E731
        return self._network.release(member.name, await self._call(member, "shares", give))

    async def evaluation_state(self, member: Member, waiver: str) -> str:
        tell = lambda c: c.services.evaluations.tell(self._me, waiver)  # noqa: E731
        return await self._call(member, "evaluation_state", tell)

    async def issue_signature(self, member: Member, guarantee: str) -> bytes:
        sign = lambda c: c.services.sealed_issuing.sign_again(self._me, guarantee)  # noqa: E731
        return await self._call(member, "issue_signature", sign)

    async def _call(self, member: Member, name: str, work: Callable[["Centre"], T]) -> T:
        return await self._network.call(self._me, member, name, work)
