"""`heqi verify`: check evidence; needs no network, no node and no store."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from node.cli.output import print_json, print_table, printable, say
from node.cli.trust_file import read_trust
from node.cli.verdict import print_roots, print_steps, text_of
from node.cli.verify_guarantee import is_pdf, verify
from node.domain.bundle import MAX_BUNDLE_BYTES, parse_bundle
from node.domain.bundle_check import VerifiedBundle, Verifier, verify_bundle
from node.domain.case import is_case, read_case
from node.domain.catalogue.definition import read_definition
from node.domain.category import learn
from node.domain.descriptor import open_alliance_file
from node.domain.guarantee_pdf import MAX_FILE_BYTES
from node.domain.verdict import Gap
from node.errors import ConfigError

_EPILOG = """\
核验只信任 alliance.json 中各发起中心签署的内容，以及您另外给出的名片；不联网。
The check trusts what the founders signed in alliance.json and the cards that you give, and asks nobody.
证据包缺少任何一项都会被拒绝，除非您用 --without-… 允许该缺口。
A bundle that lacks anything is refused, unless you allow that gap with --without-….

示例 | examples:
  heqi verify bundle.json --alliance alliance.json
  heqi verify case.heqi --alliance alliance.json     一案多包 | a whole case
  heqi verify BH-001.pdf --alliance alliance.json    盖章保函 | a sealed guarantee file
"""
_GAPS = {
    Gap.STATUS: "缺少证书吊销状态时仍继续 | go on where it is not shown whether a certificate was revoked",
    Gap.WITNESSES: "其他成员的共签不足时仍继续 | go on with too few cosignatures of other members",
    Gap.LEDGER: "缺少账本证明时仍继续 | go on without proofs of what the ledger held",
    Gap.CUSTODY: "缺少保管说明时仍继续 | go on where nobody signs for how the records were kept",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    parser.epilog = _EPILOG
    parser.add_argument(
        "bundle", type=Path, help="证据包、案卷或盖章保函 | a bundle, a case of many, or a sealed guarantee"
    )
    add_verifier_arguments(parser)
    parser.add_argument("--json", action="store_true", help="机器可读 | for machines")
    parser.set_defaults(run=run)


def add_verifier_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe what a verifier believes."""
    parser.add_argument("--alliance", type=Path, required=True, help="联盟描述 | the signed descriptor")
    parser.add_argument(
        "--card",
        type=Path,
        action="append",
        default=[],
        help="另外信任的成员名片 | card of a member admitted later, if you trust it",
    )
    parser.add_argument(
        "--trust",
        type=Path,
        help="信任的机构清单（heqi alliance trust list --out）| trust list to believe instead of the founding one",
    )
    parser.add_argument(
        "--definition",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="另外信任的类别定义（heqi catalogue show --text）| "
        "definition of a category that was voted in later, if you trust it",
    )
    for gap, text in _GAPS.items():
        parser.add_argument(
            f"--without-{gap.value}", dest="gaps", action="append_const", const=gap, help=text
        )


def verifier_of(args: argparse.Namespace) -> Verifier:
    """The verifier that the arguments describe.

    Raises:
        ConfigError: a file cannot be read.
        NodeError: a file is no descriptor, card, trust list or definition.
    """
    try:
        cards = [path.read_text().strip() for path in args.card]
        descriptor = open_alliance_file(args.alliance.read_bytes())
        for path in args.definition:
            learn(read_definition(path.read_bytes()))
    except OSError as error:
        raise ConfigError(f"cannot read {error.filename}: {error.strerror}") from error
    return Verifier(descriptor, cards, read_trust(args.trust), frozenset(args.gaps or ()))


def run(args: argparse.Namespace) -> None:
    """Check and explain."""
    verifier = verifier_of(args)
    try:
        with args.bundle.open("rb") as file:
            if is_pdf(file.peek(1)):
                verify(file.read(MAX_FILE_BYTES + 1), verifier, as_json=args.json)
                return
            if is_case(file.peek(1)):
                _run_case(file, verifier, as_json=args.json)
                return
            raw = file.read(MAX_BUNDLE_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"cannot read {error.filename}: {error.strerror}") from error
    verified = verify_bundle(parse_bundle(raw), verifier)
    if args.json:
        print_json(_plain(verified))
        return
    _print(verified)
    say("\n核验通过", "verified")


def _run_case(file: BinaryIO, verifier: Verifier, *, as_json: bool) -> None:
    case = read_case(_lines(file), verifier)
    count, shown = len(case.about.bundles), []
    if not as_json:
        say(
            f"案卷 {printable(case.about.title)}：{case.about.iss} 汇编，共 {count} 个证据包",
            f"a case of {count} bundle(s), put together by {case.about.iss}",
        )
    for number, verified in enumerate(case.bundles, 1):
        if as_json:
            shown.append(_plain(verified))
            continue
        say(f"\n证据包 {number}/{count}", f"bundle {number} of {count}")
        _print(verified)
    if as_json:
        print_json(
            {"verified": True, "title": case.about.title, "compiled_by": case.about.iss, "bundles": shown}
        )
        return
    say(f"\n核验通过：{count} 个证据包齐全", f"verified: all {count} bundle(s) are there and right")


def _lines(file: BinaryIO) -> Iterator[bytes]:
    # One more than a bundle and its line feed, so that an overlong line shows as such and is not read on.
    while line := file.readline(MAX_BUNDLE_BYTES + 2):
        yield line


def _print(verified: VerifiedBundle) -> None:
    print_roots(verified.roots)
    print_steps(verified.steps)
    for record in _records(verified):
        print()
        about = [
            (key, record[key]) for key in ("category", "version", "thing", "member", "source", "captured")
        ]
        print_table(("记录 record", ""), about)
        print_table(("字段 field", "值 value"), sorted(record["fields"].items()))


def _plain(verified: VerifiedBundle) -> dict[str, Any]:
    roots = verified.roots
    return {
        "verified": True,
        "steps": [
            {"step": step.kind.value, "gap": step.is_gap, "about": dict(step.about), "text": text_of(step)[1]}
            for step in verified.steps
        ],
        "roots": {
            "descriptor": roots.descriptor,
            "founders": list(roots.founders),
            "cards": list(roots.cards),
            "witnesses": list(roots.witnesses),
            "trust": roots.trust,
        },
        "records": _records(verified),
    }


def _records(verified: VerifiedBundle) -> list[dict[str, Any]]:
    return [
        {
            "category": record.header.category,
            "thing": record.header.thing,
            "version": record.header.version,
            "owner": record.header.owner,
            "member": record.header.member,
            "source": f"{record.header.source_system} {record.header.source_version}".strip(),
            "captured": record.header.captured,
            "index": record.index,
            "fields": dict(record.fields),
        }
        for record in verified.evidence.records
    ]
