"""A guarantee check against an empty handler on the same mutual TLS; among a million guarantees against a thousand.

Two nodes stand in one process, one with few guarantees in force and one with many, and are asked in turn.
"""

import asyncio
import itertools
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from heqi.v1 import guarantee_service_pb2 as pb
from heqi.v1 import guarantee_service_pb2_grpc

from bench.empty import EMPTY_METHOD, UNLIMITED, guard_of, serve_empty
from node.domain.document import document_digest, sign_document
from node.domain.guarantee import Guarantee, end_on_ledger, guarantee_terms
from node.domain.guarantee_table import Event, State
from node.domain.ledger import Event as Happened
from node.domain.ledger import GuaranteeMoved
from node.domain.ledger_ids import guarantee_id
from node.domain.member import Member
from node.services.projecting import apply_event
from node.services.transaction import Transaction
from tests.support.network import Centre, channel, open_network, operator_pair

Call = Callable[[], Awaitable[object]]
_VALID = pb.CheckGuaranteeResponse.VERDICT_VALID
_ISSUED = pb.CheckGuaranteeResponse.VERDICT_ISSUED
IN_FLIGHT, ROUNDS = 32, 5
ROUND_SECONDS = 0.6
FEW, MANY = 1_000, 1_000_000
FILES = 500
"""Of so many among them the node holds the document."""
_BATCH = 5_000


@dataclass(frozen=True, slots=True)
class Pace:
    """How one kind of call went, best round."""

    rate: float
    """Calls a second."""
    p95: float
    """Milliseconds that 95 of 100 calls take at most, all in flight together."""


@dataclass(frozen=True, slots=True)
class _Listed:
    """What the asking process must know of a node."""

    member: Member
    home: Path
    tokens: list[str]
    ids: list[bytes]
    """Of guarantees that the node knows from the ledger alone."""


def measure(many: int = MANY) -> dict[str, Pace]:
    """Checks and empty calls, in turn."""
    with tempfile.TemporaryDirectory() as folder:
        here, there = multiprocessing.Pipe()
        server = multiprocessing.get_context("spawn").Process(target=_serve, args=(Path(folder), there, many))
        server.start()
        there.close()  # so that the end of a server that fails is noticed here
        figures = asyncio.run(_ask(here))
        here.send("stop")
        server.join()
        return figures


def _serve(folder: Path, pipe: Connection, many: int) -> None:
    async def run() -> None:
        async with AsyncExitStack() as stack:
            nodes, listed = [], []
            for name, live in (("few", FEW), ("many", many)):
                (folder / name).mkdir()
                network = await stack.enter_async_context(
                    open_network(folder / name, ("centre-a", "centre-b"), limits=UNLIMITED)
                )
                node = network["centre-a"]
                nodes.append(node)
                listed.append(_Listed(node.member, node.home, *_seed(node, live)))
            empties = [
                await serve_empty(nodes[0]),
                await serve_empty(nodes[0], guard_of(nodes[0], is_checking=False)),
                await serve_empty(nodes[0], guard_of(nodes[0], is_checking=True)),
            ]
            pipe.send((*listed, [port for _, port in empties]))
            await asyncio.to_thread(pipe.recv)
            for empty, _ in empties:
                await empty.stop(0)

    asyncio.run(run())


def _seed(centre: Centre, live: int) -> tuple[list[str], list[bytes]]:
    """So many guarantees in force, put into the projection the way the follower does; of `FILES` the documents."""
    alliance, guarantees = centre.services.alliance, centre.services.guarantees
    ids: list[bytes] = []
    ends = end_on_ledger(int(time.time()) + 86_400)
    for numbers in (range(at, min(at + _BATCH, live - FILES)) for at in range(0, live - FILES, _BATCH)):
        transaction = Transaction(guarantees._store)  # noqa: SLF001
        for number in numbers:
            raw_id = os.urandom(32)
            issued = GuaranteeMoved(raw_id, Event.ISSUE, State.ISSUED, 1, os.urandom(32), ends)
            apply_event(transaction, Happened(1, number, issued))
            if number % max(1, live // FILES) == 0:
                ids.append(raw_id)
        transaction.commit()
    tokens = []
    for number in range(FILES):
        guarantee = _guarantee(centre, number)
        token = sign_document(guarantee, centre.keys.identity.sign)
        terms = guarantee_terms(guarantee, document_digest(token), alliance.verifiers.es256)
        raw_id = guarantee_id(alliance.raw_id, terms)
        transaction = Transaction(guarantees._store)  # noqa: SLF001
        issued = GuaranteeMoved(raw_id, Event.ISSUE, State.ISSUED, 1, terms.digest, terms.expires)
        apply_event(transaction, Happened(1, number, issued))
        guarantees.keep(transaction, raw_id, guarantee, token)
        transaction.commit()
        tokens.append(token)
    return tokens, ids


def _guarantee(centre: Centre, number: int) -> Guarantee:
    now = int(time.time())
    return Guarantee(
        alliance=centre.services.alliance.id,
        iat=now,
        jti=f"{number:A>22}",
        iss=centre.name,
        number=f"BH-{number}",
        centre=centre.name,
        code=centre.services.codes._code(f"A{number}", "bid", "91110108740053589U"),  # noqa: SLF001
        applicant="0" * 64,
        applicant_name="虚构建设有限公司",
        applicant_code="91110108740053589U",
        applicant_key=centre.member.identity_key.hex(),
        beneficiary_name="示例市虚构区住房和城乡建设局",
        beneficiary_key=centre.member.identity_key.hex(),
        section=f"A{number}",
        guarantee_kind="bid",
        legal_nature="independent",
        amount="1.00",
        currency="CNY",
        nbf=now - 1,
        exp=now + 86_400,
    )


async def _ask(pipe: Connection) -> dict[str, Pace]:
    few, many, ports = await asyncio.to_thread(pipe.recv)
    pair = operator_pair(few.home)
    async with AsyncExitStack() as stack:
        bare, believing, checking = [
            (
                await stack.enter_async_context(channel(few.member.moved_to(f"127.0.0.1:{port}", ""), *pair))
            ).unary_unary(EMPTY_METHOD)
            for port in ports
        ]
        calls: dict[str, Call] = {"empty handler": lambda: bare(b"")}
        for name, listed in (("few", few), ("many", many)):
            node = await stack.enter_async_context(channel(listed.member, *operator_pair(listed.home)))
            stub = guarantee_service_pb2_grpc.GuaranteeServiceStub(node)
            calls[f"check by id among {name}"] = await _checks(
                stub, [pb.CheckGuaranteeRequest(guarantee_id=one.hex()) for one in listed.ids], _ISSUED
            )
            calls[f"check by file among {name}"] = await _checks(
                stub, [pb.CheckGuaranteeRequest(file=one) for one in listed.tokens], _VALID
            )
        calls["empty behind a guard that believes"] = lambda: believing(b"")
        calls["empty behind a guard that checks"] = lambda: checking(b"")
        paces: dict[str, list[Pace]] = {name: [] for name in calls}
        for _ in range(ROUNDS):
            for name, call in calls.items():
                paces[name].append(await _pace(call))
    return {
        name: Pace(max(p.rate for p in found), min(p.p95 for p in found)) for name, found in paces.items()
    }


async def _checks(
    stub: "guarantee_service_pb2_grpc.GuaranteeServiceAsyncStub",
    requests: list[pb.CheckGuaranteeRequest],
    expected: pb.CheckGuaranteeResponse.Verdict,
) -> Call:
    """Another guarantee at each call; all are asked once before."""
    for request in requests:
        assert (await stub.CheckGuarantee(request)).verdict == expected
    turns = itertools.cycle(requests)
    return lambda: stub.CheckGuarantee(next(turns))


async def _pace(call: Call) -> Pace:
    """For a time and not by number, so that a busy machine makes it less exact and not endless."""
    start = time.perf_counter()
    took: list[float] = []

    async def worker() -> None:
        while (begun := time.perf_counter()) - start < ROUND_SECONDS:
            await call()
            took.append(time.perf_counter() - begun)

    await asyncio.gather(*(worker() for _ in range(IN_FLIGHT)))
    rate = len(took) / (time.perf_counter() - start)
    return Pace(rate, statistics.quantiles(took, n=20)[-1] * 1_000)
