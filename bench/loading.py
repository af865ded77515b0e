"""`make first-load`: existing registrations against trading records, in one run and one store, message by message.

    python -m bench.loading [--registrations 100000] [--folder FOLDER]

Each registration has two documents of 15 fields, as the trading records have. Messages of both kinds take turns, so
that a busy machine slows both. Memory is told on the way: it must not follow the number of registrations.
"""

import argparse
import asyncio
import hashlib
import os
import time
from collections.abc import Callable
from pathlib import Path

from heqi.v1 import record_pb2
from heqi.v1 import registration_service_pb2 as pb

from adapters.systems.sample import credit_code
from bench.appending import folder
from bench.sample import FIELDS, message
from bench.scale import log_of, resident, services_of
from node.api.registration_service import existing_from_item
from node.cli.output import print_table
from node.services.transaction import Transaction
from node.services.waiting import WAITING
from node.wire.incoming import incoming_of
from node.wiring import Services
from tests.support.network import Centre, Network, open_network

MESSAGE_ITEMS = 200
_DOCUMENTS = 2


class _Side:
    """One of the two, and what it took."""

    def __init__(self) -> None:
        self.records = 0
        self.clock = self.cpu = 0.0

    def run(self, work: Callable[[], int]) -> None:
        clock, cpu = time.perf_counter(), time.process_time()
        self.records += work()
        self.clock += time.perf_counter() - clock
        self.cpu += time.process_time() - cpu


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.loading")
    parser.add_argument("--registrations", type=int, default=100_000)
    parser.add_argument("--folder", type=Path, help="where; temporary if missing")
    args = parser.parse_args()
    if args.folder:
        args.folder.mkdir()
        asyncio.run(_measure(args.folder, args.registrations))
        return
    with folder() as made:
        asyncio.run(_measure(made, args.registrations))


async def _measure(place: Path, registrations: int) -> None:
    print(
        f"{registrations:,} registrations of {_DOCUMENTS} documents, as many records, 15 fields each; load of the "
        f"machine at the beginning {os.getloadavg()[0]:.1f}"
    )
    async with open_network(place, ("centre-a",)) as network:
        pass
    _fill(network["centre-a"], network, registrations)
    print(f"load of the machine at the end {os.getloadavg()[0]:.1f}")


def _fill(centre: Centre, network: Network, registrations: int) -> None:
    records, loaded = _Side(), _Side()
    with services_of(centre, network) as (store, services):
        log = log_of(centre, network, store, services)
        count = registrations // MESSAGE_ITEMS
        told: list[float] = []
        for sequence in range(1, count + 1):
            raw = message("bench", sequence, MESSAGE_ITEMS * _DOCUMENTS)
            records.run(lambda raw=raw, n=sequence: _append(services, raw, n))
            mine = load_message(sequence)
            loaded.run(lambda raw=mine, n=sequence: _load(services, raw, n))
            if sequence % 5 == 0:
                log.publish(0)
            if sequence % max(count // 10, 1) == 0:
                told.append(resident()[1])
                print(
                    f"{sequence * MESSAGE_ITEMS:>12,} registrations  {loaded.records / loaded.clock:,.0f}/s against "
                    f"{records.records / records.clock:,.0f}/s  own memory {told[-1]:.0f} MB",
                    flush=True,
                )
        assert Transaction(store).counter(WAITING) == count * MESSAGE_ITEMS
        each = [side.cpu / side.records * 1e6 for side in (loaded, records)]
        print_table(
            ("", "measured"),
            [
                ("records/s of registrations", f"{loaded.records / loaded.clock:,.0f}"),
                ("records/s of trading records", f"{records.records / records.clock:,.0f}"),
                ("rate of the first / of the second", f"{records.clock / loaded.clock:.2f}"),
                ("CPU µs a record", f"{each[0]:.0f} against {each[1]:.0f}"),
                (
                    "own memory, MB, at a tenth, half, end",
                    f"{told[0]:.0f}, {told[len(told) // 2]:.0f}, {told[-1]:.0f}",
                ),
            ],
        )


def _append(services: Services, request: object, sequence: int) -> int:
    prepared = services.preparer.message(incoming_of(request), time.time())
    return services.records.accept("bench", sequence, prepared).count


def _load(services: Services, request: pb.LoadRegistrationsRequest, sequence: int) -> int:
    digest = hashlib.sha256(request.SerializeToString(deterministic=True)).digest()
    items = [existing_from_item(item) for item in request.items]
    return services.loading.load("load", sequence, digest, "bench", items).accepted.count


def load_message(sequence: int, count: int = MESSAGE_ITEMS) -> pb.LoadRegistrationsRequest:
    """One message; every registration is another company's."""
    first = (sequence - 1) * count
    items = []
    for number in range(first + 1, first + count + 1):
        code = credit_code(number)
        registration = pb.ExistingRegistration(source_id=str(number), credit_code=code)
        for category in ("subject.base", "subject.performance"):
            fields = [
                record_pb2.NamedValue(name=name, value=record_pb2.Value(text=value))
                for name, value in FIELDS.items()
            ]
            fields[0] = record_pb2.NamedValue(name="credit_code", value=record_pb2.Value(text=code))
            registration.records.append(record_pb2.Record(category=category, thing="1", fields=fields))
        items.append(pb.LoadItem(registration=registration))
    return pb.LoadRegistrationsRequest(
        client_id="load", sequence=sequence, source_system="bench", items=items
    )


if __name__ == "__main__":
    main()
