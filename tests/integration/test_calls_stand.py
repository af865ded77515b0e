"""Every method of every service, called with hostile messages over real gRPC: no call ends as a bug of the node.

A bug is an answer with INTERNAL or UNKNOWN (`node/api/guard.py`); everything else is a refusal with its reason.
"""

import asyncio
import os
import random

import grpc
import pytest
import pytest_asyncio
from google.protobuf import symbol_database
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from node.config import LimitsConfig
from node.endpoints import MEMBERS, WALLETS
from node.wire.tls import anchor_pem, server_name
from tests.support.network import open_network
from tests.support.parsers import _tokens

pytestmark = pytest.mark.asyncio(loop_scope="module")

EXAMPLES = max(int(os.environ.get("HEQI_FUZZ_EXAMPLES", "0")) // 50, 6)
_STREAM_SECONDS = 0.2
_BUGS = {grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN}
TEXTS = (
    "",
    "a",
    "centre-a",
    "\0",
    "\u202e",
    "x" * 70_000,
    "0" * 64,
    "ab" * 32,
    "-1",
    "../..",
    "9" * 40,
    "子" * 300,
)
NUMBERS = (0, 1, -1, 2, 1000, 2**31 - 1, -(2**31), 2**32 - 1, 2**63 - 1, -(2**63), 2**64 - 1)
_INTEGERS = {
    FieldDescriptor.CPPTYPE_INT32: range(-(2**31), 2**31),
    FieldDescriptor.CPPTYPE_INT64: range(-(2**63), 2**63),
    FieldDescriptor.CPPTYPE_UINT32: range(2**32),
    FieldDescriptor.CPPTYPE_UINT64: range(2**64),
}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def network(tmp_path_factory):
    rich = LimitsConfig(
        calls_per_second=1_000_000, wallet_calls_per_second=1_000_000, mebibytes_per_second=4096
    )
    async with open_network(tmp_path_factory.mktemp("network"), limits=rich) as running:
        yield running


def methods() -> dict[str, MethodDescriptor]:
    pool = symbol_database.Default().pool
    return {
        f"/{one.name}/{method.name}": method
        for one in (*MEMBERS, *WALLETS)
        for method in pool.FindServiceByName(one.name).methods
    }


def hostile(kind: type[Message], dice: random.Random, depth: int = 0) -> Message:
    """A message of the kind, with anything in its fields."""
    made = kind()
    for field in made.DESCRIPTOR.fields:
        if dice.random() < 0.3:
            continue
        count = dice.choice([0, 1, 1, 2, 40]) if field.is_repeated else 1
        for _ in range(count):
            _put(made, field, dice, depth)
    return made


def _put(made: Message, field: FieldDescriptor, dice: random.Random, depth: int) -> None:
    if field.cpp_type == FieldDescriptor.CPPTYPE_MESSAGE:
        if depth < 8:
            inner = hostile(GetMessageClass(field.message_type), dice, depth + 1)
            place = getattr(made, field.name)
            place.add().CopyFrom(inner) if field.is_repeated else place.CopyFrom(inner)
        return
    if field.cpp_type in _INTEGERS:
        value: object = dice.choice([n for n in NUMBERS if n in _INTEGERS[field.cpp_type]])
    elif field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        value = dice.random() < 0.5
    elif field.cpp_type == FieldDescriptor.CPPTYPE_ENUM:
        value = dice.choice([0, 1, 2, 99])
    elif field.type == FieldDescriptor.TYPE_BYTES:
        value = dice.choice(
            [b"", b"\xff", bytes(20), bytes(32), dice.randbytes(64), b"{" * 5000, b"%PDF-1.7"]
        )
    else:
        value = dice.choice([*TEXTS, *_TOKENS])
    if field.is_repeated:
        getattr(made, field.name).append(value)
    else:
        setattr(made, field.name, value)


_TOKENS = _tokens()


async def called(
    connection: grpc.aio.Channel, path: str, method: MethodDescriptor, request: Message
) -> grpc.StatusCode:
    coding = {
        "request_serializer": lambda message: message.SerializeToString(),
        "response_deserializer": GetMessageClass(method.output_type).FromString,
    }
    try:
        if method.server_streaming:
            if method.client_streaming:
                call = connection.stream_stream(path, **coding)(iter([request]), timeout=_STREAM_SECONDS)
            else:
                call = connection.unary_stream(path, **coding)(request, timeout=_STREAM_SECONDS)
            async for _ in call:
                pass
        elif method.client_streaming:
            await connection.stream_unary(path, **coding)(iter([request]), timeout=10)
        else:
            await connection.unary_unary(path, **coding)(request, timeout=10)
    except grpc.aio.AioRpcError as error:
        return error.code()
    return grpc.StatusCode.OK


def wallet_channel(network) -> grpc.aio.Channel:
    to = network["centre-a"].member
    credentials = grpc.ssl_channel_credentials(anchor_pem(to.name, to.identity_key))
    options = [("grpc.ssl_target_name_override", server_name(to.name))]
    return grpc.aio.secure_channel(to.wallet_endpoint, credentials, options)


@pytest.mark.timeout(3600)
async def test_no_message_finds_a_bug(network, caplog):
    a, b = network["centre-a"], network["centre-b"]
    bugs, reached = [], set()
    async with (
        a.operator_channel() as operator,
        b.member_channel(a) as member,
        wallet_channel(network) as wallet,
    ):
        for path, method in methods().items():
            kind = GetMessageClass(method.input_type)
            connection = wallet if "WalletService" in path else member if "Exchange" in path else operator
            streams = method.server_streaming or method.client_streaming
            for number in range(EXAMPLES // 3 if streams else EXAMPLES):
                request = hostile(kind, random.Random(f"{path} {number}"))
                code = await called(connection, path, method, request)
                reached.add((path, code))
                if code in _BUGS:
                    bugs.append((path, number, str(request)[:200]))
    told = [record.exc_info for record in caplog.records if record.levelname == "ERROR"]
    assert not bugs, [repr(one[1]) for one in told if one][:10]
    # None was kept away from its method by who called.
    denied = {path for path, code in reached if code == grpc.StatusCode.UNAUTHENTICATED}
    assert not denied
    assert len({path for path, _ in reached}) == len(methods())


async def test_bytes_that_are_no_message_are_refused(network):
    async with network["centre-a"].operator_channel() as connection:
        dice = random.Random(1)
        for path, method in methods().items():
            if method.client_streaming or method.server_streaming or "Wallet" in path or "Exchange" in path:
                continue
            for raw in (b"\xff", b"\x0a\xff\xff\xff\xff\x0f", b"\x0b" * 3000, dice.randbytes(50)):
                call = connection.unary_unary(path)(raw, timeout=10)
                try:
                    await call
                except grpc.aio.AioRpcError as error:
                    assert error.code() not in _BUGS, (path, raw)
        await asyncio.sleep(0)
