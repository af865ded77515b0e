"""What the command line says of a section, beside which its guarantees, pledges and waivers are checked."""

import argparse
import hashlib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from heqi.v1 import guarantee_service_pb2 as pb

from node.config import read_file
from node.domain.encoding import parse_readable_json
from node.domain.section import begin_of, day_of
from node.domain.waiver import WaiverRule, rules_from
from node.errors import ConfigError, NodeError


def describe_section(one: argparse.ArgumentParser) -> None:
    """Describe what the command line may say of a section."""
    of = one.add_argument_group(
        "批量核验 | with --batch",
        "未给出的取自本中心的记录 | what is left out is taken from the centre's records",
    )
    of.add_argument("--section", default="", help="标段编号 | number of the section")
    of.add_argument("--kind", default="bid", choices=["bid", "performance", "quality"])
    of.add_argument("--demanded", default="", metavar="YUAN", help="要求金额 | what the tender demands")
    of.add_argument(
        "--base", default="", metavar="YUAN", help="估算价或合同金额 | estimate, or the contract's amount"
    )
    of.add_argument(
        "--valid-until", default="", metavar="DAY", help="投标有效期至 | the bids are valid until"
    )
    of.add_argument("--beneficiary-name", default="", help="受益人 | beneficiary")
    of.add_argument("--beneficiary-key", default="", help="受益人公钥 | its key for this section")
    of.add_argument(
        "--takes-pledges", action="store_true", help="接受承诺函 | a bidder's pledge stands for a guarantee"
    )
    of.add_argument("--pledge-text", type=Path, help="承诺函正文 | the text that is to be pledged")
    of.add_argument(
        "--waivers",
        type=Path,
        metavar="FILE",
        help="信用减免规则，JSON | waivers by credit grade: a JSON list of {evaluator, scale, grades, recorders}",
    )
    of.add_argument(
        "--bidders", type=Path, help="投标人名单，每行：信用代码,名称 | list of bidders, a line: CODE,NAME"
    )


def section_terms(args: argparse.Namespace) -> pb.SectionTerms:
    """What the command line says of the section.

    Raises:
        ConfigError: a day or the list of bidders is malformed.
    """
    terms = pb.SectionTerms(
        section=args.section,
        guarantee_kind=args.kind,
        demanded_amount=args.demanded,
        base_amount=args.base,
        beneficiary_name=args.beneficiary_name,
        beneficiary_key=args.beneficiary_key,
        takes_pledges=args.takes_pledges or bool(args.pledge_text),
    )
    if args.pledge_text:
        terms.pledge_text_sha256 = hashlib.sha256(read_file(args.pledge_text)).hexdigest()
    if args.valid_until:
        day = day_of(args.valid_until)
        if day is None:
            raise ConfigError("--valid-until is a day such as 2026-03-31")
        terms.valid_until_seconds = begin_of(day + timedelta(days=1)) - 1
    if args.waivers:
        terms.waivers.extend(map(_rule, read_waivers(args.waivers)))
    if args.bidders:
        terms.bidders.extend(_bidders(args.bidders))
    return terms


def read_waivers(path: Path) -> tuple[WaiverRule, ...]:
    """What a tender waives for which grades, from a file of JSON.

    Raises:
        ConfigError: it is no such file.
    """
    try:
        return rules_from(parse_readable_json(read_file(path)))
    except NodeError as error:
        raise ConfigError(f"{path}: {error}") from error


def _rule(rule: WaiverRule) -> pb.WaiverRule:
    grades = [pb.WaivedGrade(grade=grade, share_percent=share) for grade, share in rule.shares]
    return pb.WaiverRule(evaluator=rule.evaluator, scale=rule.scale, grades=grades, recorders=rule.recorders)


def _bidders(path: Path) -> Iterator[pb.ListedBidder]:
    for number, line in enumerate(read_file(path).decode(errors="replace").splitlines(), 1):
        code, _, name = line.strip().partition(",")
        if not line.strip():
            continue
        if not code and not name:
            raise ConfigError(f"{path}:{number}: a line is CREDIT-CODE,NAME")
        yield pb.ListedBidder(credit_code=code.strip(), name=name.strip())
