"""`heqi verify` on a sealed guarantee file: needs no network, no node and no store."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence

import msgspec

from node.cli.output import print_json, print_table, say
from node.cli.verdict import print_roots, print_steps, text_of
from node.domain.bundle_check import Verifier
from node.domain.encoding import to_rfc3339
from node.domain.guarantee_file_check import VerifiedFile, trust_of, verify_file
from node.domain.guarantee_page import Line, lines_of
from node.domain.signed_file import Finding, Format


def is_pdf(beginning: bytes) -> bool:
    """Whether a file is one for `verify`, and no bundle."""
    return beginning.startswith(b"%PDF-")


def verify(raw: bytes, verifier: Verifier, *, as_json: bool) -> None:
    """Check a sealed file without asking anybody, and explain.

    Raises:
        NodeError: a step fails.
    """
    from adapters.typefaces.noto import NotoSansSc  # noqa: PLC0415  # only where a page is set

    now = int(time.time())
    found = verify_file(raw, NotoSansSc().glyph, verifier, lambda: _read(raw, verifier, now), now)
    if as_json:
        print_json(_plain(found))
        return
    print_roots(found.roots)
    print_steps(found.steps)
    print()
    rows = [(f"{line.chinese} {line.english}", line.value) for line in _lines(found)]
    print_table(("条款 term", "值 value"), rows)
    say(
        "\n文件属实；是否有效须查询账本",
        "the file is genuine; whether the guarantee is in force only the ledger says",
    )


def _read(raw: bytes, verifier: Verifier, now: int) -> Sequence[Finding]:
    from adapters.signatures.reader import ProcessSignatureReader  # noqa: PLC0415

    async def parts() -> AsyncIterator[bytes]:
        yield raw

    roots = trust_of(verifier).stampers(now)
    return asyncio.run(ProcessSignatureReader().read(parts(), Format.PDF, b"", roots, now))


def _lines(found: VerifiedFile) -> list[Line]:
    opened = found.opened
    return lines_of(
        msgspec.to_builtins(opened.terms),
        opened.attachment.guarantee,
        opened.attachment.contract,
        msgspec.to_builtins(opened.statement),
    )


def _plain(found: VerifiedFile) -> dict[str, object]:
    return {
        "genuine": True,
        "in_force": None,
        "steps": [
            {"step": step.kind.value, "gap": step.is_gap, "about": dict(step.about), "text": text_of(step)[1]}
            for step in found.steps
        ],
        "guarantee": found.opened.attachment.guarantee,
        "seal": {
            "organisation": found.seal.organisation,
            "credit_code": found.seal.credit_code,
            "judged": to_rfc3339(found.seal.judged_at),
            "stamped": found.seal.finding.stamped is not None,
        },
        "terms": {line.english: line.value for line in _lines(found)},
    }
