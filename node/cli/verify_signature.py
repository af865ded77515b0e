"""`heqi verify-signature`: check the signatures on a file; needs no network and no node."""

import argparse
import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from pathlib import Path

from node.cli.output import print_json, print_table, say
from node.domain.certificate import check_certificate
from node.domain.descriptor import Descriptor, open_alliance_file
from node.domain.encoding import to_rfc3339
from node.domain.signed_file import Format, Problem, Verdict, judge
from node.domain.trust import TrustList
from node.errors import ConfigError

_PART = 1 << 20
_WORDS = {
    Problem.NONE: "有效",
    Problem.UNREADABLE: "签名格式损坏",
    Problem.UNSUPPORTED: "不支持的签名类型",
    Problem.NO_CERTIFICATE: "缺少签名证书",
    Problem.WEAK_ALGORITHM: "算法强度不足",
    Problem.ALTERED: "内容被改动",
    Problem.FALSE_SIGNATURE: "签名不实",
    Problem.PARTLY_COVERED: "签名未覆盖全文",
    Problem.CHANGED_AFTER_SIGNING: "签名后文件被修改",
    Problem.FALSE_TIMESTAMP: "时间戳不实",
    Problem.CERTIFICATE: "证书不被认可",
}
_EPILOG = """\
按 alliance.json 中认可的证书机构核验；不联网，不查证书是否已吊销。
Checks by the authorities in alliance.json; asks nobody, and does not know whether a certificate was revoked.

示例 | example:
  heqi verify-signature bid.pdf --alliance alliance.json
  heqi verify-signature bid.zip --signature bid.zip.p7s --alliance alliance.json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    parser.epilog = _EPILOG
    parser.add_argument("file", type=Path, help="PDF、CMS/PKCS#7 或 JWS 文件 | the file")
    parser.add_argument("--signature", type=Path, help="分离式签名 | the detached signature")
    parser.add_argument("--alliance", type=Path, required=True, help="联盟描述 | the signed descriptor")
    parser.add_argument(
        "--format", choices=[*Format], help="默认自动识别 | told from the content if left out"
    )
    parser.add_argument(
        "--at", help="按此时间判断证书 | judge certificates as of then (RFC 3339; default now)"
    )
    parser.add_argument("--json", action="store_true", help="机器可读 | for machines")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Check and explain; 1 unless there is a signature and all of them count."""
    descriptor = open_alliance_file(args.alliance.read_bytes())
    signature = args.signature.read_bytes() if args.signature else b""
    form = Format(args.format) if args.format else None
    verdicts = asyncio.run(_verify(args.file, form, signature, descriptor, _moment(args.at)))
    if args.json:
        print_json([_facts(verdict) for verdict in verdicts])
    for place, verdict in enumerate(verdicts):
        if not args.json:
            mark = "✓" if verdict.is_valid else "✗"
            print(f"{mark} {place + 1} {_WORDS[verdict.problem]} {verdict.problem}")
            print_table(
                ("项目 item", "值 value"),
                [(name, value) for name, value in _facts(verdict).items() if value != ""],
            )
    if not verdicts and not args.json:
        say("文件没有签名", "the file is not signed")
    return 0 if verdicts and all(verdict.is_valid for verdict in verdicts) else 1


async def _verify(
    path: Path, form: Format | None, signature: bytes, descriptor: Descriptor, at: int
) -> Sequence[Verdict]:
    from adapters.signatures.reader import ProcessSignatureReader  # noqa: PLC0415

    trust = TrustList(descriptor.trust_anchors)
    found = await ProcessSignatureReader().read(_parts(path), form, signature, trust.stampers(at), at)
    return [judge(one, lambda chain, moment: check_certificate(chain, trust, moment), at) for one in found]


async def _parts(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while part := file.read(_PART):
            yield part


def _moment(text: str | None) -> int:
    if text is None:
        return int(time.time())
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigError(f"--at wants a time in RFC 3339, not {text!r}") from error
    if at.tzinfo is None:
        raise ConfigError(f"--at wants a time with its zone, not {text!r}")
    return int(at.timestamp())


def _facts(verdict: Verdict) -> dict[str, object]:
    found = verdict.finding
    return {
        "name": found.name,
        "valid": verdict.is_valid,
        "problem": str(verdict.problem),
        "detail": verdict.detail,
        "subject": found.subject,
        "credit_code": verdict.credit_code,
        "organisation": verdict.organisation,
        "claimed": "" if found.claimed is None else to_rfc3339(found.claimed),
        "stamped": "" if found.stamped is None else to_rfc3339(found.stamped),
        "stamp_problem": found.stamp_problem,
        "judged": to_rfc3339(verdict.judged_at),
        "covers_whole": found.covers_whole,
        "algorithm": f"{found.mechanism} {found.digest} {found.key} {found.key_bits or ''}".strip(),
    }
