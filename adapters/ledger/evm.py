"""The ledger port over Ethereum JSON-RPC: the embedded engine, Besu, Anvil, or any other EVM engine."""

import logging
from collections.abc import Sequence

from eth_hash.auto import keccak

from adapters.ledger.abi import decode_error
from adapters.ledger.artifact import ALLIANCE, knows_code
from adapters.ledger.book import Book
from adapters.ledger.calls import to_invocation
from adapters.ledger.deployment import Deployment
from adapters.ledger.engine import Engine, EngineRefusal
from adapters.ledger.happenings import to_happening
from adapters.ledger.proofs import prove
from adapters.ledger.signing import sign_call
from node.domain.alliance_life import BookEntry, ContractSet
from node.domain.ledger import Block, Call, Event, Outcome, SignedCall
from node.domain.ledger_proof import LedgerProof, Storage
from node.errors import LedgerRefusedError, LedgerUnavailableError, NonceTakenError
from node.ports import Account

logger = logging.getLogger(__name__)

MAX_LOG_RANGE = 2_000
"""Blocks asked for at once; engines refuse long ranges (Besu: 5,000 by default)."""

_LIMIT_EXCEEDED = -32005
_EVM_FAILURES = ("revert", "outofgas", "invalidopcode", "invalidjump", "invalidinstruction")
"""In the message of an engine that saw the call fail; anything else is the engine's own trouble."""
_KNOWN = ("already known", "known transaction", "already imported")
_NONCE_USED = ("nonce too low", "replacement transaction underpriced", "transaction underpriced")


class EvmLedger:
    """`node.ports.Ledger` for one member's account.

    When the engine was away it is asked who it is before anything else: a node must not follow, or write to,
    another chain that was started under the same URL.
    """

    def __init__(
        self, url: str, account: Account, deployment: Deployment, *, timeout_seconds: float = 10.0
    ) -> None:
        """Nothing is connected yet.

        Args:
            url: `http://host:port`, `https://…` or `unix:///path`.
            account: signs.
            deployment: where the alliance's contracts are.
            timeout_seconds: for each request.

        Raises:
            ConfigError: the URL is of another kind.
        """
        self._engine = Engine(url, timeout_seconds)
        self._signer = account
        self._deployment = deployment
        self._book = Book(deployment)
        self._is_identified = False

    @property
    def account(self) -> bytes:
        """20 bytes: the address that signs."""
        return self._signer.address

    async def head(self) -> Block:
        """The newest block."""
        return self._read_block(await self._ask("eth_getBlockByNumber", "latest", False))

    async def block(self, number: int) -> Block | None:
        """The canonical block at `number`, or None past the head."""
        answer = await self._ask("eth_getBlockByNumber", hex(number), False)
        return None if answer is None else self._read_block(answer)

    async def events(self, first: int, last: int) -> Sequence[Event]:
        """What the alliance's contracts reported in blocks `first` to `last`, both included, in order."""
        found: list[Event] = []
        last = min(last, (await self.head()).number)  # past the head some engines refuse
        start, width = first, MAX_LOG_RANGE
        while start <= last:
            end = min(last, start + width - 1)
            try:
                found += await self._events_at_once(start, end)
            except EngineRefusal as refusal:
                if refusal.code != _LIMIT_EXCEEDED or end == start:
                    raise self._trouble(refusal) from refusal
                width = (end - start + 1) // 2  # too much at once for this engine
                continue
            start = end + 1
        return found

    def use(self, contracts: Sequence[BookEntry]) -> None:
        """Take in which contracts votes have put in force since the founding, oldest first."""
        self._book.use(contracts)

    async def knows(self, contract: ContractSet) -> bool:
        """Whether the code there is what was voted on, and code that this software was built for."""
        answer = await self._ask("eth_getCode", _hex(contract.address), "latest")
        code = self._engine.read_bytes(answer, "code")
        if keccak(code) != contract.code_hash:
            logger.error("the code of %s on the chain is not what the members voted on", contract.name)
            return False
        return knows_code(contract.name, code, self._deployment.address_of(ALLIANCE))

    async def next_nonce(self) -> int:
        """The nonce of the account's next transaction, counting mined ones only."""
        answer = await self._ask("eth_getTransactionCount", _hex(self._signer.address), "latest")
        return self._engine.read_number(answer, "transaction count")

    async def dry_run(self, call: Call) -> None:
        """Run the call on the newest state without spending anything.

        Raises:
            LedgerRefusedError: a contract refuses; `problem` names its custom error.
            ContractUnknownError: the contract in force is of an unknown version.
        """
        invocation = to_invocation(call, self._deployment)
        target = self._book.target(invocation)
        try:
            await self._request(
                "eth_call",
                {
                    "from": _hex(self._signer.address),
                    "to": _hex(target),
                    "data": _hex(invocation.data),
                    "gas": hex(invocation.gas),
                },
                "latest",
            )
        except EngineRefusal as refusal:
            if refusal.data:
                raise LedgerRefusedError(*decode_error(refusal.data)) from refusal
            message = refusal.message.lower().replace(" ", "")
            if any(failure in message for failure in _EVM_FAILURES):
                raise LedgerRefusedError("Reverted", refusal.message) from refusal
            raise self._trouble(refusal) from refusal

    async def sign(self, call: Call, nonce: int) -> SignedCall:
        """Sign a transaction at gas price zero; needs no engine.

        Raises:
            ContractUnknownError: the contract in force is of an unknown version.
        """
        return sign_call(self._signer, self._deployment, self._book, call, nonce)

    async def send(self, signed: SignedCall) -> None:
        """Hand the transaction to the engine; one that it already knows is fine.

        Raises:
            NonceTakenError: another transaction of this account already has the nonce.
        """
        try:
            await self._request("eth_sendRawTransaction", _hex(signed.raw))
        except EngineRefusal as refusal:
            message = refusal.message.lower()
            if any(phrase in message for phrase in _KNOWN):
                return
            if not any(phrase in message for phrase in _NONCE_USED):
                raise self._trouble(refusal) from refusal
            if await self._ask("eth_getTransactionByHash", _hex(signed.hash)) is None:
                raise NonceTakenError(f"nonce {signed.nonce} was used by another transaction") from refusal

    async def outcome(self, transaction_hash: bytes) -> Outcome | None:
        """The canonical block that holds the transaction and whether it succeeded, or None."""
        answer = await self._ask("eth_getTransactionReceipt", _hex(transaction_hash))
        if answer is None:
            return None
        receipt = self._engine.read_object(answer, "receipt")
        status = self._engine.read_number(receipt.get("status"), "receipt")
        holder = await self._ask("eth_getBlockByHash", receipt.get("blockHash"), False)
        if holder is None:  # reorganised away between the two requests
            return None
        return Outcome(self._read_block(holder), succeeded=status == 1)

    async def prove(self, block: Block, storage: Storage) -> LedgerProof:
        """What the contracts held after a block, provable to strangers."""
        return await prove(self._engine, self._ask, block, storage)

    async def close(self) -> None:
        """Release connections."""
        await self._engine.close()

    # -- requests ----------------------------------------------------------------------------------------

    async def _ask(self, method: str, *params: object) -> object:
        """A request that the engine has no reason to refuse."""
        try:
            return await self._request(method, *params)
        except EngineRefusal as refusal:
            raise self._trouble(refusal) from refusal

    async def _request(self, method: str, *params: object) -> object:
        try:
            if not self._is_identified:
                await self._identify()
                self._is_identified = True
            return await self._engine.request(method, *params)
        except LedgerUnavailableError:
            self._is_identified = False
            raise

    async def _identify(self) -> None:
        chain_id = self._engine.read_number(await self._engine.request("eth_chainId"), "chain id")
        genesis = self._read_block(await self._engine.request("eth_getBlockByNumber", "0x0", False))
        if (chain_id, genesis.hash) != (self._deployment.chain_id, self._deployment.genesis_hash):
            raise LedgerUnavailableError(f"{self._engine.url} serves another chain than the alliance's")

    async def _events_at_once(self, first: int, last: int) -> list[Event]:
        wanted = {
            "fromBlock": hex(first),
            "toBlock": hex(last),
            "address": sorted(_hex(source) for source in self._book.sources),
        }
        answer = await self._request("eth_getLogs", wanted)
        if not isinstance(answer, list):
            raise self._engine.malformed("logs")
        events = [event for log in answer if (event := self._read_event(log)) is not None]
        if any(not first <= event.block <= last for event in events):
            raise self._engine.malformed("logs")
        return sorted(events, key=lambda event: (event.block, event.index))

    # -- answers -----------------------------------------------------------------------------------------

    def _read_block(self, answer: object) -> Block:
        fields = self._engine.read_object(answer, "block")
        return Block(
            number=self._engine.read_number(fields.get("number"), "block"),
            hash=self._engine.read_bytes(fields.get("hash"), "block", 32),
            time=self._engine.read_number(fields.get("timestamp"), "block"),
        )

    def _read_event(self, answer: object) -> Event | None:
        log = self._engine.read_object(answer, "log")
        topics = log.get("topics")
        source = self._engine.read_bytes(log.get("address"), "log", 20)
        if not isinstance(topics, list) or source not in self._book.sources or log.get("removed") is True:
            return None
        try:
            happening = to_happening(
                [self._engine.read_bytes(topic, "log", 32) for topic in topics],
                self._engine.read_bytes(log.get("data"), "log"),
            )
        except ValueError as error:
            raise self._engine.malformed("log") from error
        if happening is None:
            return None
        block = self._engine.read_number(log.get("blockNumber"), "log")
        return Event(block, self._engine.read_number(log.get("logIndex"), "log"), happening, source)

    def _trouble(self, refusal: EngineRefusal) -> LedgerUnavailableError:
        return LedgerUnavailableError(f"{self._engine.url} refuses: {refusal.message} ({refusal.code})")


def _hex(raw: bytes) -> str:
    return "0x" + raw.hex()
