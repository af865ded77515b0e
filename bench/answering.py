"""Calls a second: a guarantee check against an empty handler on the same mutual TLS."""

import asyncio
import multiprocessing
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from multiprocessing.connection import Connection
from pathlib import Path

from heqi.v1 import guarantee_service_pb2, guarantee_service_pb2_grpc

from bench.empty import EMPTY_METHOD, UNLIMITED, guard_of, serve_empty
from node.domain.document import document_digest, sign_document
from node.domain.guarantee import Guarantee, guarantee_terms
from node.domain.guarantee_table import Event, State
from node.domain.ledger import Event as Happened
from node.domain.ledger import GuaranteeMoved
from node.domain.ledger_ids import guarantee_id
from node.services.projection import apply_event
from node.services.transaction import Transaction
from tests.support.network import Centre, channel, open_network, operator_pair

IN_FLIGHT, ROUNDS = 32, 5
ROUND_SECONDS = 0.6


def measure() -> dict[str, float]:
    """Checks and empty calls a second, in turn."""
    with tempfile.TemporaryDirectory() as folder:
        here, there = multiprocessing.Pipe()
        server = multiprocessing.get_context("spawn").Process(target=_serve, args=(Path(folder), there))
        server.start()
        there.close()  # so that the end of a server that fails is noticed here
        figures = asyncio.run(_ask(here))
        here.send("stop")
        server.join()
        return figures


def _serve(folder: Path, pipe: Connection) -> None:
    async def run() -> None:
        async with open_network(folder, ("centre-a", "centre-b"), limits=UNLIMITED) as network:
            a = network["centre-a"]
            token, number = _seed(a)
            empties = [
                await serve_empty(a),
                await serve_empty(a, guard_of(a, is_checking=False)),
                await serve_empty(a, guard_of(a, is_checking=True)),
            ]
            ports = [port for _, port in empties]
            pipe.send((a.member, a.home, token, number, ports))
            await asyncio.to_thread(pipe.recv)
            for empty, _ in empties:
                await empty.stop(0)

    asyncio.run(run())


def _seed(centre: Centre) -> tuple[str, bytes]:
    """A guarantee in force, put into the projection the way the follower does."""
    now, alliance = int(time.time()), centre.services.alliance
    guarantee = Guarantee(
        alliance=alliance.id,
        iat=now,
        jti="A" * 22,
        iss=centre.name,
        number="BH-1",
        centre=centre.name,
        code=centre.services.codes._code("A04", "91110108740053589U"),  # noqa: SLF001
        applicant="0" * 64,
        applicant_name="虚构建设有限公司",
        applicant_code="91110108740053589U",
        applicant_key=centre.member.identity_key.hex(),
        beneficiary_name="示例市虚构区住房和城乡建设局",
        beneficiary_key=centre.member.identity_key.hex(),
        section="A04",
        guarantee_kind="bid",
        legal_nature="independent",
        amount="1.00",
        currency="CNY",
        nbf=now - 1,
        exp=now + 86_400,
    )
    token = sign_document(guarantee, centre.keys.identity.sign)
    terms = guarantee_terms(guarantee, document_digest(token), alliance.verifiers.es256)
    raw_id = guarantee_id(alliance.raw_id, terms)
    transaction = Transaction(centre.services.guarantees._store)  # noqa: SLF001
    moved = GuaranteeMoved(raw_id, Event.ISSUE, State.ISSUED, 1, terms.digest, terms.expires)
    apply_event(transaction, Happened(1, 0, moved))
    centre.services.guarantees.keep(transaction, raw_id, guarantee, token)
    transaction.commit()
    return token, raw_id


async def _ask(pipe: Connection) -> dict[str, float]:
    member, home, token, raw_id, ports = await asyncio.to_thread(pipe.recv)
    pair = operator_pair(home)
    by_id = guarantee_service_pb2.CheckGuaranteeRequest(guarantee_id=raw_id.hex())
    by_file = guarantee_service_pb2.CheckGuaranteeRequest(file=token)
    async with AsyncExitStack() as stack:
        node = await stack.enter_async_context(channel(member, *pair))
        bare, believing, checking = [
            (
                await stack.enter_async_context(channel(member.moved_to(f"127.0.0.1:{port}", ""), *pair))
            ).unary_unary(EMPTY_METHOD)
            for port in ports
        ]
        stub = guarantee_service_pb2_grpc.GuaranteeServiceStub(node)
        assert (await stub.CheckGuarantee(by_id)).verdict == 1
        assert (await stub.CheckGuarantee(by_file)).verdict == 1
        calls: dict[str, Callable[[], Awaitable[object]]] = {
            "empty handler": lambda: bare(b""),
            "check by id": lambda: stub.CheckGuarantee(by_id),
            "check by file": lambda: stub.CheckGuarantee(by_file),
            "empty behind a guard that believes": lambda: believing(b""),
            "empty behind a guard that checks": lambda: checking(b""),
        }
        rates: dict[str, list[float]] = {name: [] for name in calls}
        for _ in range(ROUNDS):
            for name, call in calls.items():
                rates[name].append(await _rate(call))
    return {name: max(found) for name, found in rates.items()}


async def _rate(call: Callable[[], Awaitable[object]]) -> float:
    """Calls a second; for a time and not by number, so that a busy machine makes it less exact and not endless."""
    start = time.perf_counter()

    async def worker() -> int:
        count = 0
        while time.perf_counter() - start < ROUND_SECONDS:
            await call()
            count += 1
        return count

    counts = await asyncio.gather(*(worker() for _ in range(IN_FLIGHT)))
    return sum(counts) / (time.perf_counter() - start)
