"""The `SignatureReader` port: hostile files neither end, block nor exhaust the node, and nothing of them stays."""

import asyncio
import io
import os
import resource
import subprocess
import sys
import zlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.generic import pdf_name, pdf_string
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

from adapters.signatures import reader as module
from adapters.signatures.reader import ProcessSignatureReader
from node.domain.signed_file import Finding, Format, Problem
from node.errors import BusyError, InvalidError, NodeError, TooLargeError, UnavailableError
from tests.support.signed_files import CONTENT, blank_pdf, cms, jws, sign_pdf
from tests.vectors.authority import bidder, root
from tests.vectors.world import NOW


async def parts(raw: bytes, size: int = 1 << 16) -> AsyncIterator[bytes]:
    for at in range(0, len(raw), size):
        yield raw[at : at + size]


async def read(
    raw: bytes,
    form: Format | None = None,
    signature: bytes = b"",
    reader: ProcessSignatureReader | None = None,
) -> list[Finding]:
    reader = reader or ProcessSignatureReader()
    return list(await reader.read(parts(raw), form, signature, [root().der], NOW))


@pytest.mark.parametrize(
    ("raw", "signature"),
    [
        (sign_pdf(bidder()), b""),
        (cms(bidder()), b""),
        (cms(bidder(), armoured=True), b""),
        (CONTENT, cms(bidder(), detached=True)),
        (jws(bidder()), b""),
        (CONTENT, jws(bidder(), detached=True)),
        (blank_pdf(), cms(bidder(), blank_pdf(), detached=True)),
    ],
    ids=["PDF", "CMS", "PEM", "detached CMS", "JWS", "detached JWS", "detached CMS of a PDF"],
)
async def test_the_format_is_told_from_the_content(raw: bytes, signature: bytes) -> None:
    (found,) = await read(raw, None, signature)
    assert (found.problem, found.chain) == (Problem.NONE, (bidder().der,))


async def test_a_file_of_another_format_than_was_said_is_refused() -> None:
    for form in (Format.PDF, Format.JWS):
        with pytest.raises(InvalidError):
            await read(cms(bidder()), form)
    with pytest.raises(InvalidError, match="carries its signatures"):
        await read(sign_pdf(bidder()), Format.PDF, cms(bidder()))


async def test_files_are_read_side_by_side() -> None:
    reader = ProcessSignatureReader()
    found = await asyncio.gather(*(read(cms(bidder()), reader=reader) for _ in range(6)))
    assert [one.problem for (one,) in found] == [Problem.NONE] * 6


async def test_a_file_that_is_too_large_is_refused_before_all_of_it_has_come() -> None:
    taken = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal taken
        while True:
            taken += 1
            yield bytes(1 << 10)

    reader = ProcessSignatureReader(max_bytes=10 << 10)
    with pytest.raises(TooLargeError):
        await reader.read(endless(), None, b"", [], NOW)
    assert taken == 11


async def test_a_crowd_of_files_is_turned_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_WAITING", 1)
    reader, gate = ProcessSignatureReader(), asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        await gate.wait()
        yield cms(bidder())

    first = asyncio.create_task(_collect(reader, slow()))
    await asyncio.sleep(0)
    with pytest.raises(BusyError):
        await _collect(reader, parts(cms(bidder())))
    gate.set()
    assert len(await first) == 1
    assert len(await _collect(reader, parts(cms(bidder())))) == 1


async def _collect(reader: ProcessSignatureReader, content: AsyncIterator[bytes]) -> list[Finding]:
    return list(await reader.read(content, None, b"", [], NOW))


# -- bombs ------------------------------------------------------------------------------------------------


def doubling_pdf() -> bytes:
    """40 form fields, each with the next one as both its children: 2⁴⁰ fields."""
    writer = IncrementalPdfFileWriter(io.BytesIO(blank_pdf()))
    child = writer.add_object(generic.DictionaryObject({pdf_name("/T"): pdf_string("leaf")}))
    for depth in range(40):
        kids = generic.ArrayObject([child, child])
        child = writer.add_object(
            generic.DictionaryObject({pdf_name("/T"): pdf_string(f"f{depth}"), pdf_name("/Kids"): kids})
        )
    form = generic.DictionaryObject({pdf_name("/Fields"): generic.ArrayObject([child])})
    writer.root[pdf_name("/AcroForm")] = writer.add_object(form)
    writer.update_root()
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def inflating_pdf(megabytes: int) -> bytes:
    """Its cross-reference stream is a few kilobytes, and unpacks to much more."""
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(bytes(1 << 20)) for _ in range(megabytes)) + packer.flush()
    head = b"%PDF-1.7\n"
    entry = b"<< /Type /XRef /W [1 2 1] /Size %d /Root 2 0 R /Filter /FlateDecode /Length %d >>" % (
        megabytes << 18,
        len(packed),
    )
    return (
        head + b"1 0 obj\n" + entry + b"\nstream\n" + packed + b"\nendstream\nendobj\nstartxref\n9\n%%EOF\n"
    )


async def test_a_file_that_takes_for_ever_is_given_up_and_the_next_one_is_read() -> None:
    reader = ProcessSignatureReader(cpu_seconds=1)
    with pytest.raises(TooLargeError, match="time or memory"):
        await read(doubling_pdf(), reader=reader)
    assert len(await read(cms(bidder()), reader=reader)) == 1


async def test_a_file_that_unpacks_without_end_takes_no_memory_of_the_node() -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(NodeError):
        await read(inflating_pdf(100), reader=ProcessSignatureReader(memory_bytes=250 << 20, cpu_seconds=1))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50 << 10  # KiB


async def test_a_process_that_hangs_is_ended_and_the_event_loop_goes_on_meanwhile() -> None:
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0.01)

    counting = asyncio.create_task(count())
    with pytest.raises(TooLargeError):
        await read(doubling_pdf(), reader=ProcessSignatureReader(cpu_seconds=100, seconds=1.0))
    counting.cancel()
    assert turns > 5


async def test_a_process_that_does_not_start_is_not_held_against_the_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "run", os.getpid)  # which takes no arguments
    with pytest.raises(UnavailableError):
        await read(cms(bidder()))


# -- what stays behind ------------------------------------------------------------------------------------


async def test_no_process_and_no_open_file_stays_behind() -> None:
    reader = ProcessSignatureReader()
    await read(cms(bidder()), reader=reader)
    before = len(os.listdir("/proc/self/fd"))
    for raw in (cms(bidder()), b"nonsense"):
        try:
            await read(raw, reader=reader)
        except InvalidError:
            continue
    assert len(os.listdir("/proc/self/fd")) == before


async def test_the_content_has_no_name_in_the_file_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    seen: list[Path] = []

    async def watched() -> AsyncIterator[bytes]:
        yield b"%PDF-"
        seen.extend(tmp_path.iterdir())
        yield b"1.7"

    with pytest.raises(InvalidError):
        await ProcessSignatureReader().read(watched(), None, b"", [], NOW)
    assert seen == []
    assert list(tmp_path.iterdir()) == []


def test_the_node_does_not_load_the_parsers() -> None:
    heavy = ("pyhanko", "asn1crypto", "lxml", "segno")
    code = (
        "import sys, adapters.signatures.reader, node.cli.verify_signature, node.cli.login; "
        f"print([name for name in sys.modules if name.startswith({heavy})])"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert loaded.strip() == "[]"
