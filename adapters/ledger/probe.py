"""Asks the engine directly what `heqi doctor` compares with the node's own view."""

import time
from collections.abc import Sequence
from typing import Any

from adapters.ledger.abi import decode_result, encode_function
from adapters.ledger.artifact import ALLIANCE, ANCHORS
from adapters.ledger.check import find_differences
from adapters.ledger.deployment import Deployment
from adapters.ledger.engine import Engine, EngineRefusal
from adapters.ledger.happenings import member_from_tuple
from node.domain.ledger import Block
from node.domain.member import Member, member_name_to_bytes32
from node.domain.trust import TrustAnchor
from node.errors import CodeFormatError, LedgerUnavailableError
from node.probes import AnchorFacts, MemberFacts

_OVERLAP_SHOWN_SECONDS = 3_600


class EngineProbe:
    """The `LedgerProbe` port."""

    def __init__(
        self,
        url: str,
        deployment: Deployment,
        founders: Sequence[Member],
        timeout_seconds: float,
        anchors: Sequence[TrustAnchor] = (),
    ) -> None:
        """Raises:
        ConfigError: the URL is none of an engine.
        """
        self._url, self._deployment, self._founders = url, deployment, founders
        self._anchors, self._timeout = anchors, timeout_seconds
        self._engine = Engine(url, timeout_seconds)

    async def head(self) -> Block:
        """See `LedgerProbe.head`.

        Raises:
            LedgerUnavailableError: the engine does not answer.
        """
        block = await self._block("latest")
        if block is None:
            raise self._engine.malformed("block")
        return block

    async def block_hash(self, number: int) -> bytes:
        """See `LedgerProbe.block_hash`.

        Raises:
            LedgerUnavailableError: the engine does not answer.
        """
        block = await self._block(hex(number))
        return b"" if block is None else block.hash

    async def differences(self) -> Sequence[str]:
        """See `LedgerProbe.differences`.

        Raises:
            LedgerUnavailableError: the engine does not answer.
        """
        return await find_differences(
            self._url, self._deployment, self._founders, self._anchors, timeout_seconds=self._timeout
        )

    async def member(self, name: str) -> MemberFacts | None:
        """See `LedgerProbe.member`.

        Raises:
            LedgerUnavailableError: the engine does not answer, or there is no such contract.
        """
        identifier = member_name_to_bytes32(name)
        where = self._deployment.address_of(ALLIANCE)
        (known,) = await self._read(where, ALLIANCE, "memberIds")
        if identifier not in known:
            return None
        (fields,) = await self._read(where, ALLIANCE, "member", identifier)
        (active,) = await self._read(where, ALLIANCE, "isActive", identifier)
        former = b"".join(await self._read(where, ALLIANCE, "formerIdentityKey", identifier))
        try:
            member = member_from_tuple(fields)
            if any(former):  # it counts at this moment; the contract does not say until when
                member = member.with_former_identity(former, int(time.time()) + _OVERLAP_SHOWN_SECONDS)
            return MemberFacts(member, active)
        except CodeFormatError as error:
            raise self._engine.malformed("member") from error

    async def anchor(self, name: str) -> AnchorFacts:
        """See `LedgerProbe.anchor`.

        Raises:
            LedgerUnavailableError: the engine does not answer, or there is no such contract.
        """
        # Not the founding one: a vote may have put another in its place.
        book_name = ANCHORS.encode("ascii").ljust(32, b"\0")
        (where,) = await self._read(self._deployment.address_of(ALLIANCE), ALLIANCE, "contractOf", book_name)
        latest = await self._read(bytes.fromhex(where[2:]), ANCHORS, "latest", member_name_to_bytes32(name))
        size, root, _ = latest
        return AnchorFacts(size, root)

    async def close(self) -> None:
        """Release the connections."""
        await self._engine.close()

    async def _block(self, which: str) -> Block | None:
        answer = await self._ask("eth_getBlockByNumber", which, False)
        if answer is None:
            return None
        fields = self._engine.read_object(answer, "block")
        number, time = (self._engine.read_number(fields.get(key), "block") for key in ("number", "timestamp"))
        return Block(number=number, hash=self._engine.read_bytes(fields.get("hash"), "block", 32), time=time)

    async def _read(self, where: bytes, contract: str, function: str, *arguments: object) -> tuple[Any, ...]:
        call = {
            "to": "0x" + where.hex(),
            "data": "0x" + encode_function(contract, function, arguments).hex(),
        }
        output = self._engine.read_bytes(await self._ask("eth_call", call, "latest"), function)
        try:
            return decode_result(contract, function, output)
        except ValueError as error:
            raise LedgerUnavailableError(f"there is no contract {contract} where it should be") from error

    async def _ask(self, method: str, *params: object) -> object:
        try:
            return await self._engine.request(method, *params)
        except EngineRefusal as refusal:
            raise LedgerUnavailableError(f"{self._url} refuses {method}: {refusal.message}") from refusal
