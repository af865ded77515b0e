"""`heqi alliance`: founding, joining, members and votes."""

import argparse
import asyncio
from pathlib import Path

from heqi.v1 import alliance_service_pb2 as pb

from node.cli import alliance_life, calendar, trust
from node.cli.client import OperatorClient, own_card
from node.cli.output import day, print_json, print_table, say
from node.cli.trust_file import read_entry
from node.cli.waiting import retry
from node.domain.descriptor import descriptor_digest
from node.domain.member import role_names
from node.domain.trust import TrustAnchor, anchor_from_pem
from node.errors import ConfigError, UnavailableError
from node.wire.tls import anchor_pem

_EPILOG = """\
建立联盟 | founding, with every centre on its own machine:
  1 各中心 | every centre      heqi init …            → card.jwt
  2 发起者 | one founder       heqi alliance create --home centre-a --name 联盟 --founder a/card.jwt
                                   --founder b/card.jwt --ca ca.pem --out alliance.json
  3 各发起者 | every founder   heqi alliance sign --home centre-b alliance.json
  4 各成员 | every member      heqi alliance join --home centre-b alliance.json
接纳新成员 | admitting a member later:
  heqi alliance propose --home centre-a new/card.jwt ; heqi alliance vote --home centre-b 1
"""

_WAIT_SECONDS = 60.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the commands."""
    parser.epilog = _EPILOG
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    one = commands.add_parser(
        "create", help="部署合约并起草联盟描述 | deploy the contracts, write the descriptor"
    )
    one.add_argument("--name", required=True, help="联盟名称 | name of the alliance, for people")
    one.add_argument(
        "--founder", action="append", type=Path, required=True, metavar="CARD", help="成员名片 | member card"
    )
    one.add_argument(
        "--ca",
        action="append",
        type=Path,
        required=True,
        metavar="PEM",
        help="认可的证书机构，或 trust draft 的条目 | recognised CA, or an entry (.json) of trust draft",
    )
    one.add_argument(
        "--credit-code-oid",
        default="2.5.4.97",
        help="信用代码所在的证书主体属性 | subject attribute with the credit code (default 2.5.4.97)",
    )
    one.add_argument("--out", type=Path, required=True)
    one.set_defaults(run=create)
    one = commands.add_parser("sign", help="核对并签署联盟描述 | check the descriptor and sign it")
    one.add_argument("file", type=Path)
    one.set_defaults(run=sign)
    one = commands.add_parser("join", help="核对并加入 | check everything and join")
    one.add_argument("file", type=Path)
    one.set_defaults(run=join)
    one = commands.add_parser("status", help="节点状态 | how this node is doing")
    one.add_argument(
        "--wait", action="store_true", help="等待节点就绪 | wait until the node is up and follows"
    )
    one.set_defaults(run=status)
    one = commands.add_parser("members", help="成员 | members")
    one.set_defaults(run=members)
    one = commands.add_parser("proposals", help="提案与投票 | proposals and votes")
    one.set_defaults(run=proposals)
    one = commands.add_parser("propose", help="提议接纳新成员 | propose to admit a member")
    one.add_argument("card", type=Path)
    one.set_defaults(run=propose)
    for name, summary in (
        ("suspend", "提议暂停成员 | propose to suspend"),
        ("reinstate", "提议恢复 | to reinstate"),
    ):
        one = commands.add_parser(name, help=summary)
        one.add_argument("member")
        one.set_defaults(run=standing, active=name == "reinstate")
    trust.add_arguments(commands.add_parser("trust", help="证书机构互认清单 | the trust list of authorities"))
    calendar.add_arguments(commands.add_parser("calendar", help="工作日历 | the working days"))
    one = commands.add_parser("vote", help="投票 | vote on a proposal")
    one.add_argument("proposal", type=int)
    one.add_argument("--refuse", action="store_true", help="反对 | vote no")
    one.set_defaults(run=vote)
    alliance_life.describe(commands)
    for name, summary in (
        ("release", "再试发件箱搁置条目 | try a parked outbox item again"),
        ("drop", "放弃发件箱搁置条目 | give a parked outbox item up"),
    ):
        one = commands.add_parser(name, help=summary)
        one.add_argument("number", type=int, help="见 status | number from heqi alliance status")
        one.set_defaults(run=settle, is_release=name == "release")
    one = commands.add_parser("anchor", help="节点的信任锚 | this node's trust anchor, for its systems' TLS")
    one.add_argument("--out", type=Path, required=True)
    one.set_defaults(run=anchor)
    for command in (one for name, one in commands.choices.items() if name not in {"trust", "calendar"}):
        command.add_argument("--home", type=Path, required=True, help="节点目录 | folder of the node")
        command.add_argument("--json", action="store_true", help="机器可读 | for machines")


def create(args: argparse.Namespace) -> None:
    """Deploy and describe."""
    from node.founding import create_alliance  # noqa: PLC0415

    try:
        cards = [path.read_text().strip() for path in args.founder]
        anchors = [_founding_anchor(path, args.credit_code_oid) for path in args.ca]
    except OSError as error:
        raise ConfigError(f"cannot read {error.filename}: {error.strerror}") from error
    say("正在部署合约…", "deploying the contracts…")
    descriptor = asyncio.run(create_alliance(args.home, args.name, cards, anchors, args.out))
    say(f"联盟 {descriptor.alliance}", "is founded")
    say(f"已写入并签署 {args.out}", f"wrote and signed {args.out}; now every other founder signs it")
    say(f"摘要（请电话核对）{descriptor_digest(descriptor)}", "digest, to be compared by telephone")


def _founding_anchor(path: Path, credit_code_oid: str) -> TrustAnchor:
    if path.suffix == ".json":
        return read_entry(path)
    return anchor_from_pem(path.stem, path.stem, path.read_text(), credit_code_oid)


def sign(args: argparse.Namespace) -> None:
    """Check and sign."""
    from node.founding import sign_alliance  # noqa: PLC0415

    asyncio.run(sign_alliance(args.home, args.file))
    say(f"已核对账本并签署 {args.file}", f"checked against the ledger and signed {args.file}")


def join(args: argparse.Namespace) -> None:
    """Check and install."""
    from node.founding import join_alliance  # noqa: PLC0415

    descriptor = asyncio.run(join_alliance(args.home, args.file))
    say(f"已加入联盟 {descriptor.name}", f"joined {descriptor.name}: signatures, code and founders are right")


def status(args: argparse.Namespace) -> None:
    """Show the node's numbers."""

    def ask() -> pb.GetNodeStatusResponse:
        with OperatorClient(args.home) as node:
            now = node.call(node.alliance.GetNodeStatus, pb.GetNodeStatusRequest())
        if args.wait and now.block_age_seconds < 0:
            raise UnavailableError("the node has not reached the ledger yet")
        return now

    now = retry(ask, _WAIT_SECONDS if args.wait else 0.0, UnavailableError)
    facts = {
        "member": now.member,
        "alliance": now.alliance_id,
        "records": now.record_count,
        "log_size": now.log_size,
        "anchored_size": now.anchored_size,
        "block": now.block_number,
        "block_age_seconds": now.block_age_seconds,
        "outbox": [f"{item.number} {item.object} {item.state} {item.problem}".strip() for item in now.outbox],
        "parked": now.parked_count,
        "expiries": [f"{one.level} {one.what} {day(one.expire_time_seconds)}" for one in now.expiries],
    }
    if args.json:
        print_json(facts)
    else:
        print_table(("项目 item", "值 value"), list(facts.items()))


def members(args: argparse.Namespace) -> None:
    """List members."""
    with OperatorClient(args.home) as node:
        found = node.call(node.alliance.ListMembers, pb.ListMembersRequest()).members
    rows = [(m.name, role_names(m.roles), m.active, m.endpoint, *_standing(m)) for m in found]
    if args.json:
        names = ("name", "roles", "active", "endpoint", "standing", "until")
        print_json([dict(zip(names, row, strict=True)) for row in rows])
    else:
        header = ("成员 member", "角色 roles", "有效 active", "地址 endpoint", "状态 standing", "期限 until")
        print_table(header, rows)


def _standing(member: pb.Member) -> tuple[str, str]:
    """In words, and the day on which something may follow from it."""
    if member.summoned_until_seconds:
        return f"{member.standing} summoned", day(member.summoned_until_seconds)
    if member.leave_time_seconds:
        return f"{member.standing} leaving", day(member.leave_time_seconds)
    return member.standing, ""


def proposals(args: argparse.Namespace) -> None:
    """List proposals."""
    with OperatorClient(args.home) as node:
        found = node.call(node.alliance.ListProposals, pb.ListProposalsRequest()).proposals
    rows = [
        (p.number, p.action, p.about, f"{len(p.approvals)}/{p.eligible_count}", p.passed, p.detail)
        for p in found
    ]
    if args.json:
        print_json(
            [
                dict(zip(("number", "action", "about", "yes", "passed", "detail"), row, strict=True))
                for row in rows
            ]
        )
    else:
        print_table(("编号 No", "动作 action", "对象 about", "赞成 yes", "通过 passed", "内容 detail"), rows)


def propose(args: argparse.Namespace) -> None:
    """Propose an admission."""
    with OperatorClient(args.home) as node:
        request = pb.ProposeAdmissionRequest(member_card=args.card.read_text().strip())
        node.call(node.alliance.ProposeAdmission, request)
    say("提案已进入发件箱", "the proposal is on its way; see heqi alliance proposals")


def standing(args: argparse.Namespace) -> None:
    """Propose to suspend or reinstate."""
    with OperatorClient(args.home) as node:
        request = pb.ProposeStandingRequest(member=args.member, active=args.active)
        node.call(node.alliance.ProposeStanding, request)
    say("提案已进入发件箱", "the proposal is on its way; see heqi alliance proposals")


def vote(args: argparse.Namespace) -> None:
    """Vote."""
    with OperatorClient(args.home) as node:
        request = pb.CastVoteRequest(proposal=args.proposal, approve=not args.refuse)
        node.call(node.alliance.CastVote, request)
    say("投票已进入发件箱", "the vote is on its way")


def settle(args: argparse.Namespace) -> None:
    """Release or drop a parked item of the outbox."""
    with OperatorClient(args.home) as node:
        if args.is_release:
            node.call(node.alliance.ReleaseOutboxItem, pb.ReleaseOutboxItemRequest(number=args.number))
            say(f"条目 {args.number} 将再次发送", f"item {args.number} is tried again")
        else:
            node.call(node.alliance.DropOutboxItem, pb.DropOutboxItemRequest(number=args.number))
            say(f"已放弃条目 {args.number}", f"item {args.number} is dropped")


def anchor(args: argparse.Namespace) -> None:
    """Write the PEM by which the centre's own systems know this node."""
    card = own_card(args.home)
    try:
        args.out.write_bytes(anchor_pem(card.name, card.identity_key))
    except OSError as error:
        raise ConfigError(f"cannot write {args.out}: {error.strerror}") from error
    say(f"已写入 {args.out}", f"wrote {args.out}; it is public, and good for ten years")
