"""An authorised read across centres against its parts; among many registrations against one; refusals of any kind.

Both centres are in this process, with real TLS and synced LevelDB, and log periods as a centre would have them. Two
networks stand side by side, one with a single registration and one with many, and are asked in turn.
"""

import asyncio
import logging
import os
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import grpc
from heqi.v1 import exchange_service_pb2 as pb

from adapters.crypto.leaves import issue_leaf
from bench.empty import EMPTY_METHOD, UNLIMITED, serve_empty
from node.domain.document import document_digest, peek_document, sign_document
from node.domain.draft import RecordDraft
from node.domain.encoding import to_base64url
from node.domain.grant import UNCOUNTED, Grant, Scope, grant_terms
from node.domain.ledger import Event, GrantRegistered, SubjectCreated
from node.domain.ledger_ids import grant_id
from node.domain.reading import ReadRequest
from node.ports import Batch
from node.services.projecting import apply_event
from node.services.projection import GrantRow
from node.services.registration_rows import Registration, Voucher
from node.services.transaction import Transaction
from tests.integration.test_sharing_over_grpc import ask, fetch, sign
from tests.support.network import Centre, Network, Stubs, channel, open_network, until
from tests.support.network_bidder import FIELDS, Bidder

READS, REGISTRATIONS, GRANTS = 60, 1_000, 20
REFUSALS, REVOCATIONS = 10_000, 15
SCOPE = (Scope("subject.base", ("legal_name",)),)
PURPOSE = "qualification-review"
_SETTLE_PERIOD_SECONDS, _BATCH = 10.0, 4_096
_DAY = 86_400


def measure() -> dict[str, float]:
    """Median milliseconds."""
    return asyncio.run(_measure())


async def _measure() -> dict[str, float]:
    async with AsyncExitStack() as stack:
        few, many = [await _network(stack) for _ in range(2)]
        logging.getLogger("node.services.ledger_proofs").setLevel(logging.CRITICAL)  # of what is only seeded
        alone = [await _share(network) for network in (few, many)]
        among = await _seed(many, REGISTRATIONS, GRANTS)
        for network in (few, many):
            network["centre-a"].services.publish()
        await until(lambda: all(_anchored(network) for network in (few, many)), 60)
        empty, port = await serve_empty(few["centre-a"])
        times = await _reads(few, many, port, alone, [one.request for one in among])
        await empty.stop(0)
        return times | await _refusals(few, alone[0]) | await _revocations(few, alone[0].bidder)


@dataclass(frozen=True, slots=True)
class _Shared:
    """A registration with live grants."""

    bidder: Bidder
    request: str
    """Of the reader; granted."""
    token: str
    """The grant that answers it."""


async def _network(stack: AsyncExitStack) -> Network:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    return await stack.enter_async_context(
        open_network(
            folder,
            ("centre-a", "centre-b"),
            limits=UNLIMITED,
            period_seconds=_SETTLE_PERIOD_SECONDS,
            batch_size=_BATCH,
        )
    )


def _anchored(network: Network) -> bool:
    home = network["centre-a"].services
    views = [
        centre.services.alliance.projection.anchored_size("centre-a") for centre in network.centres.values()
    ]
    return min(views) >= home.log.size() > 0


async def _share(network: Network) -> _Shared:
    """By the calls that lead there."""
    bidder = Bidder(network, REGISTRATIONS)
    await bidder.register()
    centres = network.centres.values()
    raw = bytes.fromhex(bidder.subject)
    await until(lambda: all(c.services.projection.subject(raw) is not None for c in centres))
    request = await ask(network, bidder, uses=1_000)
    token = await sign(bidder)
    for centre in centres:
        centre.services.publish()
    await fetch(network, request)
    return _Shared(bidder, request, token)


async def _seed(network: Network, registrations: int, grants: int) -> list[_Shared]:
    """As the services leave them, without the calls that led there."""
    home, reader = network["centre-a"], network["centre-b"]
    seeded = []
    for number in range(registrations):
        bidder = Bidder(network, number)
        bidder.subject = os.urandom(32).hex()
        signed = [_grant(bidder) for _ in range(grants)]
        _register(home, bidder, signed)
        _follow(reader, bidder, signed)
        transaction = Transaction(reader.services.reading._store)  # noqa: SLF001
        request = reader.services.reading.adopt(transaction, signed[0])
        transaction.commit()
        seeded.append(_Shared(bidder, request, signed[0]))
        await asyncio.sleep(0)
    return seeded


def _grant(bidder: Bidder, scope: Sequence[Scope] = SCOPE) -> str:
    expires = int(time.time()) + 30 * _DAY
    return bidder.scribe.grant_unasked(
        "centre-b", "centre-a", scope, PURPOSE, uses=UNCOUNTED, expires=expires
    )


def _register(home: Centre, bidder: Bidder, signed: list[str]) -> None:
    services = home.services
    _follow(home, bidder, signed)
    transaction = Transaction(services.records._store)  # noqa: SLF001
    vouchers = {bidder.key.name: (Voucher(bidder.delegation(), b""),)}
    registration = Registration(bidder.subject, bidder.code, "虚构公司", vouchers)
    services.registrations._put(transaction, registration)  # noqa: SLF001
    fields = {"credit_code": bidder.code, **FIELDS}
    draft = RecordDraft("subject.base", "base", bidder.subject, "wallet", "", None, fields)
    services.records.stage(transaction, [draft])
    for token in signed:
        services.sharing._keep(transaction, _id_of(token), peek_document(token, Grant), token)  # noqa: SLF001
    transaction.commit()


def _follow(node: Centre, bidder: Bidder, signed: list[str]) -> None:
    """The ledger as a node has seen it."""
    alliance = node.services.alliance
    signer = alliance.signer_of(bidder.key.name)
    transaction = Transaction(node.services.records._store)  # noqa: SLF001
    created = SubjectCreated(bytes.fromhex(bidder.subject), "centre-a", signer)
    apply_event(transaction, Event(1, 0, created))
    for token in signed:
        apply_event(transaction, Event(1, 0, GrantRegistered(_id_of(token), peek_document(token, Grant).exp)))
    transaction.commit()


def _id_of(token: str) -> bytes:
    grant = peek_document(token, Grant)
    return grant_id(bytes.fromhex(grant.alliance), grant_terms(grant, document_digest(token)))


async def _reads(
    few: Network, many: Network, port: int, alone: Sequence[_Shared], among: Sequence[str]
) -> dict[str, float]:
    a, b = few["centre-a"], few["centre-b"]
    leaf = issue_leaf(b.name, b.keys.identity.key, time.time())
    to = a.member.moved_to(f"127.0.0.1:{port}", "")
    # Of the many some are read for the first time while the clock runs: then keys are made for them and what they
    # signed is checked. All others were read before.
    step = max(2, len(among) // (READS + 1))
    new, known = among[::step], among[1::step]
    for request in among:
        if request not in new:
            await many["centre-b"].services.reading.fetch(request)
    async with channel(to, leaf.key_pem, leaf.certificate_pem) as bare:
        call = bare.unary_unary(EMPTY_METHOD)

        async def parts(n: int) -> None:
            for _ in range(2):
                await call(b"")
                batch = Batch()
                batch.put(b"bench/" + str(n).encode(), os.urandom(1000))
                a.services.feed._store.write(batch)  # noqa: SLF001

        timed: dict[str, Callable[[int], Awaitable[object]]] = {
            "two empty calls and two synced puts": parts,
            "read": lambda _: b.services.reading.fetch(alone[0].request),
            "read, the same among many": lambda _: many["centre-b"].services.reading.fetch(alone[1].request),
            "read, another each time": lambda n: many["centre-b"].services.reading.fetch(known[n]),
            "read, another each time, its first": lambda n: many["centre-b"].services.reading.fetch(new[n]),
        }
        times: dict[str, list[float]] = {name: [] for name in timed}
        for n in range(READS + 1):
            for name, one in timed.items():
                start = time.perf_counter()
                await one(n)
                times[name].append(time.perf_counter() - start)
    return {name: statistics.median(found[1:]) * 1000 for name, found in times.items()}


async def _refusals(network: Network, known: _Shared) -> dict[str, float]:
    """How long the reader waits for each kind of refusal; one of each in flight."""
    missing = (Scope("subject.performance", ("contract_amount",)),)
    wider = (Scope("subject.base", ("bank_account", "legal_name")),)
    empty = _grant(known.bidder, missing)
    home, reader, stranger = network["centre-a"], network["centre-b"], Bidder(network, REGISTRATIONS + 1)
    _follow(home, known.bidder, [empty])
    stranger.subject = os.urandom(32).hex()
    asked = {
        "no such subject": (_grant(stranger), SCOPE),
        "not granted": (known.token, wider),
        "nothing there": (empty, missing),
    }
    async with reader.member_channel(home) as connection:
        stub = Stubs(connection).exchange

        async def refused(token: str, scope: Sequence[Scope]) -> float:
            request = pb.ReadRecordsRequest(read_request=_request(reader, token, scope), grant=token)
            start = time.perf_counter()
            try:
                await stub.ReadRecords(request)
            except grpc.aio.AioRpcError:
                return time.perf_counter() - start
            raise AssertionError

        times: dict[str, list[float]] = {name: [] for name in asked}
        for n in range(REFUSALS):
            # Who goes first waits a little longer for the others: in turn.
            names = sorted(asked, key=lambda name: (list(asked).index(name) + n) % len(asked))
            waited = await asyncio.gather(*(refused(*asked[name]) for name in names))
            for name, seconds in zip(names, waited, strict=True):
                times[name].append(seconds)
    return {f"refused, {name}": statistics.median(found) * 1000 for name, found in times.items()}


async def _revocations(network: Network, bidder: Bidder) -> dict[str, float]:
    """From the wallet's call at another member until every node refuses; the ledger is asked five times a second."""
    times = []
    for _ in range(REVOCATIONS):
        token = _grant(bidder)
        await bidder.at("centre-a", "give_grant", bidder.scribe.give("centre-a", token))
        rows = partial(_grant_rows, network, _id_of(token))
        await until(lambda rows=rows: all(row.registered for row in rows()), pause_seconds=0.002)
        start = time.perf_counter()
        await bidder.at("centre-b", "revoke_grant", bidder.scribe.revoke("centre-b", token))
        await until(lambda rows=rows: all(row.revoked for row in rows()), pause_seconds=0.002)
        times.append(time.perf_counter() - start)
    return {"revoked everywhere": statistics.median(times) * 1000}


def _grant_rows(network: Network, raw_id: bytes) -> list[GrantRow]:
    return [centre.services.alliance.projection.grant(raw_id) for centre in network.centres.values()]


def _request(reader: Centre, token: str, scope: Sequence[Scope]) -> str:
    grant = peek_document(token, Grant)
    request = ReadRequest(
        alliance=grant.alliance,
        iat=int(time.time()),
        jti=to_base64url(os.urandom(16)),
        iss=reader.name,
        aud=grant.home,
        grant=_id_of(token).hex(),
        scope=tuple(scope),
        purpose=grant.purpose,
    )
    return sign_document(request, reader.keys.identity.sign)
