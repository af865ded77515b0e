"""`heqi award`: a lender fetches proofs of awards."""

import argparse
from pathlib import Path

from heqi.v1 import award_service_pb2 as pb

from node.cli.client import OperatorClient
from node.cli.output import print_json, say
from node.cli.waiting import retry
from node.config import replace_file
from node.errors import EvidencePendingError, GrantMissingError
from node.wallet.awards import read_papers

_EPILOG = """\
示例 | example:
  heqi award fetch --home bank-x award-grant.json --out award.heqi --wait
  heqi verify award.heqi --alliance alliance.json
"""
_WAIT_SECONDS = 60.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the commands."""
    parser.epilog = _EPILOG
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    one = commands.add_parser("fetch", help="凭中标人授权取得证明 | fetch the proof under a bidder's grant")
    one.add_argument("file", type=Path, help="授权文件 | from heqi wallet award grant")
    one.add_argument("--home", type=Path, required=True, help="节点目录 | folder of the node")
    one.add_argument("--out", type=Path, required=True, metavar="FILE", help="输出 | file to write")
    one.add_argument("--wait", action="store_true", help="等待授权上链 | wait until the grant is live")
    one.add_argument("--json", action="store_true", help="机器可读 | for machines")
    one.set_defaults(run=fetch)


def fetch(args: argparse.Namespace) -> None:
    """Fetch the proof."""
    papers = read_papers(args.file)
    request = pb.FetchAwardsRequest(award_grant=papers.award_grant, delegation=papers.delegation)
    with OperatorClient(args.home) as node:
        case = retry(
            lambda: node.call(node.awards.FetchAwards, request).case,
            _WAIT_SECONDS if args.wait else 0.0,
            GrantMissingError,
            EvidencePendingError,
        )
    replace_file(args.out, case)
    if args.json:
        print_json({"file": str(args.out), "bytes": len(case)})
    else:
        say(f"中标证明 {args.out}", "written; check it with heqi verify")
