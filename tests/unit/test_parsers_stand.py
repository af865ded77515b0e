"""Whatever comes from outside: a parser returns or refuses by an error of the project, soon and in little memory.

`HEQI_FUZZ_EXAMPLES=5000 pytest tests/unit/test_parsers_stand.py` (`make fuzz`) looks longer.
"""

import ast
import base64
import contextlib
import itertools
import json
import os
import re
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from node.domain.encoding import to_base64url
from node.errors import NodeError
from node.wire.status import DOMAIN, from_rpc_error
from tests.support.parsers import ELSEWHERE, Parser, parsers
from tests.unit.domain.mutation import spoilt_bytes, spoilt_json, spoilt_text

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = int(os.environ.get("HEQI_FUZZ_EXAMPLES", "0"))
PARSERS = parsers()
_VERB = re.compile(r"(parse|open|read|reopen|peek|split|decode|from|load)(_|$)")
_MOST_CPU_SECONDS = 5.0
_MOST_BYTES = 256 << 20

DEEP = 200_000
MONSTERS = {
    "nothing": "",
    "a million digits": "1" * 1_000_000,
    "a negative million": '{"size":-' + "9" * 1_000_000 + "}",
    "an exponent": '{"size":1e999999999}',
    "arrays in arrays": "[" * DEEP,
    "closed arrays in arrays": "[" * DEEP + "]" * DEEP,
    "objects in objects": '{"a":' * DEEP + "1" + "}" * DEEP,
    "a long text": '"' + "x" * 3_000_000 + '"',
    "the same key often": "{" + ",".join(['"a":1'] * 100_000) + "}",
    "many keys": "{" + ",".join(f'"k{n}":1' for n in range(100_000)) + "}",
    "a lone surrogate escaped": '{"alliance":"\\ud800"}',
    "a lone surrogate": '{"alliance":"\ud800"}',
    "a byte order mark": '\ufeff{"a":1}',
    "NUL": "\0" * 100_000,
    "NaN": '{"a":NaN,"b":Infinity}',
    "dots": "." * 300_000,
    "two dots and a deep payload": f"e30.{base64.urlsafe_b64encode(b'[' * DEEP).decode()}.AA",
    "tildes": "~" * 300_000,
    "lines": "\n" * 300_000,
    "colons and percents": "pkcs11:" + "%" * 100_000 + ";a=" * 100_000,
    "paths": "x000/" * 60_000,
    "tables in tables": "a." * 20_000 + "b=1",
    "toml arrays": "a=" + "[" * 20_000,
    "hex": "0x" + "f" * 1_000_000,
    "PEM of nothing": "-----BEGIN CERTIFICATE-----\n" + "A" * 1_000_000 + "\n-----END CERTIFICATE-----\n",
    "a deep key": "-----BEGIN PRIVATE KEY-----\n" + "MIIA" * 100_000 + "\n-----END PRIVATE KEY-----\n",
    "a PDF of nothing": "%PDF-1.7\n" + "<<" * 50_000,
}
BINARY_MONSTERS = {
    "not UTF-8": b"\xff\xfe\xed\xa0\x80" * 1000,
    "DER without end": b"\x30\x80" * 100_000,
    "DER that lies about its length": b"\x30\x84\xff\xff\xff\xff" + bytes(1000),
    "RLP in RLP": b"\x02" + b"\xc1" * 100_000,
    "RLP that lies about its length": b"\x02\xff" + b"\xff" * 8,
    "zeros": bytes(1 << 20),
}


def stands(parser: Parser, given_: object) -> None:
    started = time.process_time()
    with contextlib.suppress(parser.allowed):
        parser.call(given_)
    assert time.process_time() - started < _MOST_CPU_SECONDS


def _as(example: bytes | str, text: str) -> bytes | str:
    return text.encode("utf-8", "surrogatepass") if isinstance(example, bytes) else text


@st.composite
def around(draw: st.DrawFn, example: bytes | str) -> bytes | str:
    """Arbitrary, or the example with something about it changed."""
    ways = ["anything", "edited", "cut", "twice", "spliced"]
    structured = _structure(example)
    ways += ["restructured"] * 3 if structured else []
    way = draw(st.sampled_from(ways))
    if way == "restructured":
        return draw(st.sampled_from(structured)).draw(draw)
    if isinstance(example, str):
        at = draw(st.integers(0, len(example)))
        return {
            "anything": lambda: draw(st.text(st.characters(), max_size=60)),
            "edited": lambda: draw(spoilt_text(example)),
            "cut": lambda: example[:at],
            "twice": lambda: example + draw(st.sampled_from(["", ".", "\n", "~"])) + example,
            "spliced": lambda: example[:at] + draw(st.sampled_from(_TEXT_TOKENS)) + example[at:],
        }[way]()
    at = draw(st.integers(0, len(example)))
    return {
        "anything": lambda: draw(st.binary(max_size=200)),
        "edited": lambda: draw(spoilt_bytes(example)),
        "cut": lambda: example[:at],
        "twice": lambda: example + example,
        "spliced": lambda: example[:at] + draw(st.sampled_from(_BYTE_TOKENS)) + example[at:],
    }[way]()


_TEXT_TOKENS = ("\ud800", "\0", "\n", "—", "٣", "%", "ﬀ", "=", "-1", "9" * 30, "\u202e", "/../", "x" * 5000)
_BYTE_TOKENS = (
    b"\xed\xa0\x80",
    b"\0",
    b"[" * 200,
    b'"a":1,',
    b"9" * 30,
    b"1e400",
    b"-0",
    b"\xff" * 9,
    b"null",
    b"\x30\x80",
)


class _Json:
    """JSON with a member changed, added or taken away; in a JWS its payload or header."""

    def __init__(self, value: object, wrap) -> None:
        self._value, self._wrap = value, wrap

    def draw(self, draw: st.DrawFn) -> bytes | str:
        return self._wrap(
            json.dumps(
                draw(spoilt_json(self._value)), sort_keys=True, separators=(",", ":"), ensure_ascii=False
            )
        )


def _structure(example: bytes | str) -> list[_Json]:
    text = example.decode("utf-8", "replace") if isinstance(example, bytes) else example
    with contextlib.suppress(ValueError, TypeError, IndexError):
        value = json.loads(text)
        if isinstance(value, dict | list) and value:
            return [_Json(value, lambda changed: _as(example, changed))]
    with contextlib.suppress(ValueError, TypeError, IndexError):
        header, payload, signature = text.split(".")
        parts = [json.loads(base64.urlsafe_b64decode(part + "==")) for part in (header, payload)]
        return [
            _Json(
                parts[0],
                lambda changed: f"{to_base64url(changed.encode('utf-8', 'replace'))}.{payload}.{signature}",
            ),
            _Json(
                parts[1],
                lambda changed: f"{header}.{to_base64url(changed.encode('utf-8', 'replace'))}.{signature}",
            ),
        ]
    return []


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", PARSERS)
def test_only_errors_of_the_project_come_out(name: str) -> None:
    parser = PARSERS[name]
    count = EXAMPLES // (10 if parser.slow else 1) if EXAMPLES else 6 if parser.slow else 30

    @settings(
        max_examples=max(count, 1),
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate] if not EXAMPLES else [Phase.generate, Phase.shrink],
    )
    @given(st.sampled_from(parser.examples).flatmap(around))
    def run(spoilt: bytes | str) -> None:
        stands(parser, spoilt)

    run()


@pytest.mark.parametrize("name", PARSERS)
def test_monsters_cost_little(name: str) -> None:
    parser = PARSERS[name]
    monsters = [_as(parser.examples[0], text) for text in MONSTERS.values()]
    if isinstance(parser.examples[0], bytes):
        monsters += BINARY_MONSTERS.values()
    for what, monster in zip(itertools.chain(MONSTERS, BINARY_MONSTERS), monsters, strict=False):
        try:
            stands(parser, monster)
        except Exception as error:
            raise AssertionError(f"{name} by {what}: {type(error).__name__}") from error


@pytest.mark.parametrize(
    "name", ["node.domain.encoding:parse_readable_json", "node.domain.bundle:parse_bundle"]
)
def test_what_monsters_take_of_the_memory_is_bounded(name: str) -> None:
    tracemalloc.start()
    try:
        for text in MONSTERS.values():
            stands(PARSERS[name], text.encode("utf-8", "surrogatepass"))
        assert tracemalloc.get_traced_memory()[1] < _MOST_BYTES
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", PARSERS)
def test_an_example_is_of_the_form_that_its_parser_reads(name: str) -> None:
    """Otherwise a fuzzer would only ever see the first check."""
    parser = PARSERS[name]
    outcomes = []
    for example in parser.examples:
        try:
            parser.call(example)
            outcomes.append(True)
        except parser.allowed:
            outcomes.append(False)
    assert any(outcomes) or name in LATE


LATE = {
    "node.domain.checkpoint:open_checkpoint": "signed by a key that the test does not give",
    "node.domain.timestamp:check_timestamp": "by no authority of that list",
    "node.wallet.logins:open_login": "the vector's challenge is long over",
    "adapters.archive.folder:ArchiveFolder.read": "the file is not there",
    "adapters.ledger.embedded.admission:read_transaction": "nothing in it",
}


def _public_parsers() -> Iterator[str]:
    for package in ("node", "adapters"):
        for path in sorted((ROOT / package).rglob("*.py")):
            module = str(path.relative_to(ROOT).with_suffix("")).replace("/", ".")
            if module.startswith(("node.services", "node.cli.demo", "adapters.store")):
                continue
            for item in ast.parse(path.read_text(encoding="utf-8")).body:
                if isinstance(item, ast.FunctionDef) and _VERB.match(item.name) and item.args.args:
                    yield f"{module}:{item.name}"


def test_every_parser_is_fuzzed_or_its_absence_has_a_reason() -> None:
    found = set(_public_parsers())
    assert found - PARSERS.keys() - ELSEWHERE.keys() == set(), "put it into tests/support/parsers.py"
    assert set(ELSEWHERE) - found == set()
    assert not ELSEWHERE.keys() & PARSERS.keys()


class _Refusal(grpc.RpcError):
    def __init__(self, details: bytes) -> None:
        self._details = details

    def trailing_metadata(self):
        return (("grpc-status-details-bin", self._details),)

    def code(self):
        return grpc.StatusCode.UNKNOWN

    def details(self):
        return "x"


def test_false_details_of_an_error_are_an_error_of_the_peer() -> None:
    info = error_details_pb2.ErrorInfo(reason="RATE_LIMIT", domain=DOMAIN)
    status = status_pb2.Status(message="x")
    status.details.add().Pack(info)
    status.details.add().Pack(error_details_pb2.RetryInfo())
    valid = status.SerializeToString()

    @settings(max_examples=EXAMPLES or 60, deadline=None, database=None)
    @given(st.binary(max_size=80) | spoilt_bytes(valid))
    def run(details: bytes) -> None:
        assert isinstance(from_rpc_error(_Refusal(details), "centre-b"), NodeError)

    run()
