"""What the harness sends: every message follows from seed, client and sequence, so none has to be kept."""

import functools
import hashlib
import random
from dataclasses import dataclass

from heqi.v1 import record_pb2
from heqi.v1 import record_service_pb2 as pb

_TEXT_BYTES = (1, 20, 300, 3_000)
_MESSAGE_RECORDS = (1, 1, 2, 5, 15, 40)
_THINGS = 25
MARK_FIELD = "id"
"""Where a record says which one it is."""


@dataclass(frozen=True)
class Expected:
    """What must become of one record."""

    mark: str
    """Names the record among all that were ever sent."""
    category: str
    thing: str
    fields: dict[str, object]


@dataclass(frozen=True)
class Planned:
    """One message, and what must be found of it."""

    request: pb.AppendRecordsRequest
    digest: bytes
    records: tuple[Expected, ...]
    parked: int


@functools.lru_cache(maxsize=512)
def planned(seed: str, client: str, sequence: int) -> Planned:
    rng = random.Random(f"{seed}/{client}/{sequence}")
    request = pb.AppendRecordsRequest(client_id=client, sequence=sequence)
    expected = []
    for place in range(rng.choice(_MESSAGE_RECORDS)):
        one = _record(rng, f"{client}/{sequence}/{place}")
        message = request.records.add(
            category=one.category,
            thing=one.thing,
            source_system="crash",
            occurred="2026-02-28T09:30:00+08:00",
        )
        for name, value in one.fields.items():
            message.fields.add(name=name, value=_value(name, value))
        if rng.random() < 0.04:
            message.category = "trade.nothing"  # to be parked, and to stop none of its neighbours
        else:
            expected.append(one)
    if rng.random() < 0.05:
        request.rejected_items.add(reason="NOT_JSON", message="made up", source="crash")
    items = [*request.records, *request.rejected_items]
    raws = [item.SerializeToString(deterministic=True) for item in items]
    digest = hashlib.sha256(b"".join(len(raw).to_bytes(4, "big") + raw for raw in raws)).digest()
    return Planned(request, digest, tuple(expected), len(items) - len(expected))


def _record(rng: random.Random, mark: str) -> Expected:
    category = rng.choice(("trade.tender", "trade.bid"))
    fields = {
        MARK_FIELD: mark,
        "status": "文" + rng.randbytes(rng.choice(_TEXT_BYTES) // 2).hex(),
        "documents": rng.randrange(1000),
        "value_amount": f"{rng.randrange(1, 10**6)}.25",
    }
    return Expected(mark, category, f"thing-{rng.randrange(_THINGS)}", fields)


def _value(name: str, value: object) -> record_pb2.Value:
    if isinstance(value, int):
        return record_pb2.Value(integer=value)
    return record_pb2.Value(decimal=value) if name == "value_amount" else record_pb2.Value(text=value)
