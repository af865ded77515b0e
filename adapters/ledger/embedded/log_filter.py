"""`eth_getLogs`: only blocks that hold logs are looked at, found by index and sorted out by bloom."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass

from eth.abc import BlockHeaderAPI, LogAPI
from eth_bloom.bloom import BloomFilter

from adapters.ledger.embedded.chain import EmbeddedChain
from adapters.ledger.embedded.encoding import read_data, read_object, read_quantity
from adapters.ledger.embedded.rpc_error import LIMIT_EXCEEDED, RpcError
from adapters.ledger.embedded.views import Json, log_views

MAX_BLOCK_RANGE = 10_000
MAX_LOGS = 10_000
_MAX_TOPICS = 4
_MAX_BLOCK_NUMBER = 2**63
_MAX_ALTERNATIVES = 1_000

ReadBlock = Callable[[object], BlockHeaderAPI]
"""A block tag, number or hash parameter → its header."""


@dataclass(frozen=True, slots=True)
class LogFilter:
    """Blocks `first` to `last`, both included; empty sets mean anything."""

    first: int
    last: int
    addresses: frozenset[bytes]
    topics: tuple[frozenset[int], ...]
    """Per position the accepted topics."""

    @classmethod
    def read(cls, value: object, read_block: ReadBlock) -> "LogFilter":
        """Read the filter object of JSON-RPC.

        Raises:
            RpcError: a field is malformed, the range is too long, or a block does not exist.
        """
        fields = read_object(value, "filter")
        if fields.get("blockHash") is not None:
            if fields.get("fromBlock") is not None or fields.get("toBlock") is not None:
                raise RpcError.bad_params("blockHash excludes fromBlock and toBlock")
            first = last = int(read_block({"blockHash": fields["blockHash"]}).block_number)
        else:
            first = _read_bound(fields.get("fromBlock"), read_block)
            last = _read_bound(fields.get("toBlock"), read_block)
        if last < first:
            raise RpcError.bad_params("fromBlock is after toBlock")
        last = min(last, read_block("latest").block_number)  # what is past the head holds nothing yet
        if last - first >= MAX_BLOCK_RANGE:
            raise RpcError(LIMIT_EXCEEDED, f"query exceeds max block range {MAX_BLOCK_RANGE}")
        return cls(first, last, _read_addresses(fields.get("address")), _read_topics(fields.get("topics")))

    def may_match(self, bloom: int) -> bool:
        """Whether a block with that bloom filter can hold such a log."""
        holds = BloomFilter(bloom)
        wanted = [self.addresses, *(_as_words(accepted) for accepted in self.topics)]
        return all(not accepted or any(item in holds for item in accepted) for accepted in wanted)

    def matches(self, log: LogAPI) -> bool:
        """Whether the log is wanted."""
        if self.addresses and log.address not in self.addresses:
            return False
        if len(log.topics) < len(self.topics):
            return False
        return all(
            not accepted or topic in accepted
            for accepted, topic in zip(self.topics, log.topics, strict=False)
        )


async def find_logs(chain: EmbeddedChain, wanted: LogFilter) -> list[Json]:
    """The wanted logs in order; other requests get their turn after every block.

    Raises:
        RpcError: there are more than `MAX_LOGS`.
    """
    found: list[Json] = []
    async for view in _matching(chain, wanted):
        found.append(view)
        if len(found) > MAX_LOGS:
            raise RpcError(LIMIT_EXCEEDED, f"query returned more than {MAX_LOGS} results")
    return found


async def _matching(chain: EmbeddedChain, wanted: LogFilter) -> AsyncIterator[Json]:
    for header in chain.headers_with_logs(wanted.first, wanted.last):
        if wanted.may_match(header.bloom):
            for view in _matching_in(chain, header, wanted):
                yield view
        await asyncio.sleep(0)


def _matching_in(chain: EmbeddedChain, header: BlockHeaderAPI, wanted: LogFilter) -> Iterator[Json]:
    block = chain.sealed_block(header)
    for index, receipt in enumerate(block.receipts):
        if any(wanted.matches(log) for log in receipt.logs):
            for log, view in zip(receipt.logs, log_views(block, index), strict=True):
                if wanted.matches(log):
                    yield view


def _read_bound(value: object, read_block: ReadBlock) -> int:
    if isinstance(value, str) and value.startswith("0x"):
        number = read_quantity(value, "block")
        if number > _MAX_BLOCK_NUMBER:
            raise RpcError.bad_params("there is no such block number")
        return number
    return read_block("latest" if value is None else value).block_number


def _read_addresses(value: object) -> frozenset[bytes]:
    items = value if isinstance(value, list) else [] if value is None else [value]
    if len(items) > _MAX_ALTERNATIVES:
        raise RpcError.bad_params(f"address must have at most {_MAX_ALTERNATIVES} items")
    return frozenset(read_data(item, "address", 20) for item in items)


def _read_topics(value: object) -> tuple[frozenset[int], ...]:
    items = [] if value is None else value
    if not isinstance(items, list) or len(items) > _MAX_TOPICS:
        raise RpcError.bad_params(f"topics must be a list of at most {_MAX_TOPICS} items")
    return tuple(_read_topic(item) for item in items)


def _read_topic(item: object) -> frozenset[int]:
    choices = item if isinstance(item, list) else [] if item is None else [item]
    if len(choices) > _MAX_ALTERNATIVES:
        raise RpcError.bad_params(f"a topic must have at most {_MAX_ALTERNATIVES} alternatives")
    return frozenset(int.from_bytes(read_data(choice, "topic", 32), "big") for choice in choices)


def _as_words(numbers: frozenset[int]) -> frozenset[bytes]:
    return frozenset(number.to_bytes(32, "big") for number in numbers)
