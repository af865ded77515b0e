"""What a joining node checks before it relies on a descriptor: that the chain holds exactly what it says.

The code is compared with the artefacts that came with this node, byte by byte, not with the descriptor's own
hashes: founders who deploy something else are found out.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from eth_hash.auto import keccak

from adapters.ledger.abi import Arguments, decode_log, decode_result, encode_function
from adapters.ledger.artifact import (
    ALLIANCE,
    BOOK_NAMES,
    CATALOGUE,
    CONTRACT_NAMES,
    TRUST_LIST,
    VERIFIERS,
    knows_code,
)
from adapters.ledger.deployment import Deployment
from adapters.ledger.engine import Engine, EngineRefusal
from adapters.ledger.happenings import member_from_tuple
from node.domain.catalogue import shipped
from node.domain.catalogue.definition import parse_definition
from node.domain.ledger_ids import category_from_bytes32, trust_head
from node.domain.member import Member
from node.domain.trust import TrustAnchor, encode_anchor
from node.errors import CodeFormatError, DescriptorError, LedgerUnavailableError

_FOUNDING_BLOCKS = 200
"""In how many blocks after the first the contracts of a founding are."""


async def check_deployment(
    url: str,
    deployment: Deployment,
    founders: Sequence[Member],
    anchors: Sequence[TrustAnchor] = (),
    *,
    timeout_seconds: float = 10.0,
) -> None:
    """Compare a deployment with the chain behind `url`.

    Args:
        url: of the engine, as for `EvmLedger`.
        deployment: as the descriptor states it.
        founders: the members that the descriptor names, in order, as they were at the founding.
        anchors: founding entries of the trust list, in order.
        timeout_seconds: for each request.

    Raises:
        DescriptorError: chain, code, address book or founders differ; the message says what.
        LedgerUnavailableError: the engine does not answer.
    """
    async for error in _differences(url, deployment, founders, anchors, timeout_seconds):
        raise error


async def find_differences(
    url: str,
    deployment: Deployment,
    founders: Sequence[Member],
    anchors: Sequence[TrustAnchor] = (),
    *,
    timeout_seconds: float = 10.0,
) -> list[str]:
    """All differences between a deployment and the chain behind `url`, one sentence each; see `check_deployment`.

    Raises:
        LedgerUnavailableError: the engine does not answer.
    """
    return [str(error) async for error in _differences(url, deployment, founders, anchors, timeout_seconds)]


async def _differences(
    url: str,
    deployment: Deployment,
    founders: Sequence[Member],
    anchors: Sequence[TrustAnchor],
    timeout_seconds: float,
) -> AsyncIterator[DescriptorError]:
    engine = Engine(url, timeout_seconds)
    check = _Check(engine, deployment)
    steps: list[Callable[[], Awaitable[None]]] = [
        check.chain,
        *(partial(check.code, name) for name in CONTRACT_NAMES),
        check.book,
        partial(check.founding, founders),
        partial(check.founding_trust, anchors),
        check.founding_catalogue,
    ]
    try:
        for step in steps:
            try:
                await step()
            except DescriptorError as error:
                yield error
                if step == check.chain:
                    return  # of another chain nothing more can be said
    except EngineRefusal as refusal:
        raise LedgerUnavailableError(f"{url} refuses: {refusal.message}") from refusal
    finally:
        await engine.close()


class _Check:
    def __init__(self, engine: Engine, deployment: Deployment) -> None:
        self._engine = engine
        self._deployment = deployment

    async def chain(self) -> None:
        """Raises:
        DescriptorError: the engine serves another chain.
        """
        engine = self._engine
        chain_id = engine.read_number(await engine.request("eth_chainId"), "chain id")
        _compare("the chain id", chain_id, self._deployment.chain_id)
        genesis = engine.read_object(await engine.request("eth_getBlockByNumber", "0x0", False), "block")
        genesis_hash = engine.read_bytes(genesis.get("hash"), "block", 32)
        _compare("the hash of block 0", genesis_hash, self._deployment.genesis_hash)

    async def code(self, name: str) -> None:
        """Raises:
        DescriptorError: other code than the committed artefact's, or the descriptor states another hash.
        """
        stated = self._deployment.contracts.get(name)
        if stated is None:
            raise DescriptorError(f"the descriptor does not name the contract {name}")
        answer = await self._engine.request("eth_getCode", _hex(stated.address), "latest")
        code = self._engine.read_bytes(answer, "code")
        if not code:
            raise DescriptorError(f"there is no contract at {name}'s address {_hex(stated.address)}")
        if not knows_code(name, code, self._deployment.address_of(ALLIANCE)):
            raise DescriptorError(f"the code of {name} on the chain is not the code this node was built with")
        _compare(f"the code hash of {name}", keccak(code), stated.code_hash)

    async def book(self) -> None:
        """Raises:
        DescriptorError: the alliance has another id, other contracts or another verifier.
        """
        _compare("the alliance's id", await self._read("allianceId"), self._deployment.alliance_id)
        for name in BOOK_NAMES:
            # The founding one: what votes put in its place later, the node follows on the ledger.
            known = await self._read("contractsOf", name.encode("ascii").ljust(32, b"\0"))
            stated = _hex(self._deployment.address_of(name))
            _compare(f"the address book's first entry for {name}", next(iter(known), "").lower(), stated)
        for name in VERIFIERS:
            if not await self._read("isVerifier", self._deployment.address_of(name)):
                raise DescriptorError(f"the alliance does not accept the verifier {name}")

    async def founding(self, founders: Sequence[Member]) -> None:
        """What the constructor reported: a hidden member, or a verifier that accepts anything, would show.

        Raises:
            DescriptorError: other first members, or other verifiers.
        """
        events = [
            decoded for log in await self._founding_logs() if (decoded := self._decode(log)) is not None
        ]
        admitted = [self._member(event["member"]) for name, event in events if name == "MemberAdmitted"]
        names = [member.name for member in admitted]
        _compare("the list of founders", names, [founder.name for founder in founders])
        for found, founder in zip(admitted, founders, strict=True):
            _compare(f"the founder {founder.name}", found, founder)
        verifiers = [event["verifier"].lower() for name, event in events if name == "VerifierSet"]
        stated = [_hex(self._deployment.address_of(name)) for name in VERIFIERS]
        _compare("the list of founding verifiers", verifiers, stated)

    async def founding_trust(self, anchors: Sequence[TrustAnchor]) -> None:
        """Raises:
        DescriptorError: the trust list began with other entries.
        """
        head = trust_head((anchor.id, encode_anchor(anchor)) for anchor in anchors)
        # An entry more would be one that nobody has voted on, and no descriptor shows.
        founded = await self._read("founded", contract=TRUST_LIST)
        _compare("the number of founding trust anchors", founded, len(anchors))
        found = await self._read("headAt", len(anchors), contract=TRUST_LIST)
        _compare("the hash of the founding trust list", found, head)

    async def founding_catalogue(self) -> None:
        """Raises:
        DescriptorError: the catalogue began with a definition that did not come with this software: nobody has
            voted on it, and no founder could have read it.
        """
        founded = await self._read("founded", contract=CATALOGUE)
        logs = await self._logs(CATALOGUE, _FOUNDING_BLOCKS)
        events = [
            event for log in logs if (decoded := self._decode(log)) is not None for event in decoded[1:]
        ][:founded]
        _compare("the number of founding definitions reported", len(events), founded)
        known = shipped.texts()
        for event in events:
            name, text = category_from_bytes32(event["category"]), known.get(event["definition"])
            definition = None if text is None else parse_definition(text)
            if definition is None or (definition.name, definition.version) != (name, event["version"]):
                raise DescriptorError(
                    f"the catalogue was founded with a definition of {name} that this software does not know"
                )

    async def _founding_logs(self) -> list[dict[str, Any]]:
        return await self._logs(ALLIANCE, 0)

    async def _logs(self, contract: str, blocks: int) -> list[dict[str, Any]]:
        """What a contract reported in the alliance's first block and so many after it."""
        first, address = self._deployment.block, _hex(self._deployment.address_of(contract))
        wanted = {"fromBlock": hex(first), "toBlock": hex(first + blocks), "address": address}
        logs = await self._engine.request("eth_getLogs", wanted)
        if not isinstance(logs, list):
            raise self._engine.malformed("logs")
        return [self._engine.read_object(log, "log") for log in logs]

    def _decode(self, log: dict[str, Any]) -> tuple[str, Arguments] | None:
        topics = log.get("topics")
        if not isinstance(topics, list):
            raise self._engine.malformed("log")
        raw_topics = [self._engine.read_bytes(topic, "log", 32) for topic in topics]
        try:
            return decode_log(raw_topics, self._engine.read_bytes(log.get("data"), "log"))
        except ValueError as error:
            raise self._engine.malformed("log") from error

    def _member(self, fields: Sequence[Any]) -> Member:
        try:
            return member_from_tuple(fields)
        except CodeFormatError as error:
            raise DescriptorError("a founder on the chain is malformed") from error

    async def _read(self, function: str, *arguments: object, contract: str = ALLIANCE) -> Any:
        call = {
            "to": _hex(self._deployment.address_of(contract)),
            "data": _hex(encode_function(contract, function, arguments)),
        }
        output = self._engine.read_bytes(await self._engine.request("eth_call", call, "latest"), function)
        try:
            return decode_result(contract, function, output)[0]
        except ValueError as error:
            raise self._engine.malformed(function) from error


def _compare(what: str, found: object, stated: object) -> None:
    if found != stated:
        raise DescriptorError(f"{what} is {_show(found)} on the chain and {_show(stated)} in the descriptor")


def _show(value: object) -> str:
    return _hex(value) if isinstance(value, bytes) else str(value)


def _hex(raw: bytes) -> str:
    return "0x" + raw.hex()
