"""`heqi verify`: check an evidence bundle; needs no network, no node and no store."""

import argparse
from pathlib import Path
from typing import Any

from node.cli.output import print_json, print_table, say
from node.cli.trust_file import read_trust
from node.domain.bundle import parse_bundle, verify_bundle
from node.domain.descriptor import descriptor_digest, founders_of, open_alliance_file
from node.errors import ConfigError

_EPILOG = """\
核验只信任 alliance.json 中各发起中心签署的内容；账本引擎不参与。
The check trusts what the founders signed in alliance.json, and nothing else; it asks no ledger.

示例 | example:
  heqi verify bundle.json --alliance alliance.json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    parser.epilog = _EPILOG
    parser.add_argument("bundle", type=Path, help="证据包 | the bundle")
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
        "--without-status",
        action="store_true",
        help="缺少证书吊销状态时仍继续 | go on where the bundle does not show whether a certificate was revoked",
    )
    parser.add_argument("--json", action="store_true", help="机器可读 | for machines")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Check and explain."""
    try:
        raw, alliance = args.bundle.read_bytes(), args.alliance.read_bytes()
        cards = [path.read_text().strip() for path in args.card]
    except OSError as error:
        raise ConfigError(f"cannot read {error.filename}: {error.strerror}") from error
    descriptor = open_alliance_file(alliance)
    trust = read_trust(args.trust)
    verified = verify_bundle(parse_bundle(raw), descriptor, cards, trust, without_status=args.without_status)
    records: list[dict[str, Any]] = [
        {
            "category": record.header.category,
            "thing": record.header.thing,
            "version": record.header.version,
            "owner": record.header.owner,
            "member": record.header.member,
            "captured": record.header.captured,
            "index": record.index,
            "fields": dict(record.fields),
        }
        for record in verified.evidence.records
    ]
    if args.json:
        print_json({"verified": True, "steps": list(verified.steps), "records": records})
        return
    founders = ", ".join(founders_of(descriptor))
    say(f"信任根：联盟描述 {descriptor_digest(descriptor)[:16]}…", f"root of trust: signed by {founders}")
    for number, step in enumerate(verified.steps, 1):
        print(f"  ✓ {number} {step}")
    print("  · 账本锚定未在离线核验中检查 | the anchor on the ledger is not part of an offline check")
    for record in records:
        print()
        about = [(key, record[key]) for key in ("category", "version", "thing", "member", "captured")]
        print_table(("记录 record", ""), about)
        print_table(("字段 field", "值 value"), sorted(record["fields"].items()))
    say("\n核验通过", "verified")
