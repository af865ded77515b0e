"""`heqi alliance`, continued: standing, roles, contracts and verifiers."""

import argparse
import asyncio

from heqi.v1 import alliance_service_pb2 as pb

from node.cli.arguments import Commands
from node.cli.client import OperatorClient
from node.cli.output import print_json, print_table, say
from node.domain.alliance_life import Step
from node.domain.encoding import from_hex
from node.domain.member import Role
from node.errors import CodeFormatError, ConfigError

_STEPS = {
    "summon": (Step.SUMMON, "催告失联成员（30 天未见）| ask a member unseen for 30 days for a sign of life"),
    "vouch": (Step.VOUCH, "为被催告成员作保 | object to the summons of another member"),
    "set-aside": (Step.SET_ASIDE, "催告期满，暂置失联成员 | after 30 more days: set the silent member aside"),
    "answer": (Step.ANSWER, "答复催告 | answer a summons (a running node does so by itself)"),
    "come-back": (Step.COME_BACK, "被暂置后恢复 | come back after having been set aside"),
    "leave": (Step.ANNOUNCE_LEAVE, "通知退出（30 天后可退出）| give notice of leaving, 30 days ahead"),
    "stay": (Step.WITHDRAW_LEAVE, "撤回退出通知 | withdraw the notice"),
    "depart": (Step.DEPART, "通知期满后退出 | leave, once the notice has run"),
}


def describe(commands: Commands) -> None:
    """Describe the commands."""
    for name, (step, summary) in _STEPS.items():
        one = commands.add_parser(name, help=summary)
        if step.names_member:
            one.add_argument("member")
        one.set_defaults(run=take_step, step=step)
    one = commands.add_parser("roles", help="提议变更成员角色 | propose the roles of a member")
    one.add_argument("member")
    one.add_argument(
        "--role",
        action="append",
        required=True,
        choices=[role.name.lower() for role in Role if role.name],
        help="此后的全部角色 | all of its roles from then on",
    )
    one.set_defaults(run=roles)
    one = commands.add_parser("contracts", help="经表决更换的合约 | contracts that votes have put in force")
    one.set_defaults(run=contracts)
    one = commands.add_parser("deploy", help="部署新版合约，待表决 | deploy a contract, to be voted on")
    one.add_argument("contract", help="Subjects, Grants, Anchors, Guarantees, Catalogue, Calendar")
    one.set_defaults(run=deploy)
    one = commands.add_parser("upgrade", help="提议更换合约 | propose to replace a contract")
    one.add_argument("contract", help="Subjects, Grants, Anchors, Guarantees, Catalogue, Calendar")
    _add_code(one)
    one.set_defaults(run=upgrade)
    for name, summary in (
        ("accept-verifier", "提议认可签名验证合约 | propose to accept a signature verifier"),
        ("drop-verifier", "提议不再认可 | propose to drop one"),
    ):
        one = commands.add_parser(name, help=summary)
        _add_code(one, needs_hash=name == "accept-verifier")
        one.set_defaults(run=verifier, accepted=name == "accept-verifier")


def take_step(args: argparse.Namespace) -> None:
    """A step about a standing."""
    request = pb.TakeStandingStepRequest(step=args.step.name, member=getattr(args, "member", ""))
    with OperatorClient(args.home) as node:
        node.call(node.alliance.TakeStandingStep, request)
    say("已进入发件箱", "on its way; see heqi alliance members")


def roles(args: argparse.Namespace) -> None:
    """Propose roles."""
    mask = sum({Role[name.upper()] for name in args.role})
    with OperatorClient(args.home) as node:
        node.call(node.alliance.ProposeRoles, pb.ProposeRolesRequest(member=args.member, roles=mask))
    say("提案已进入发件箱", "the proposal is on its way; see heqi alliance proposals")


def contracts(args: argparse.Namespace) -> None:
    """List contracts that were replaced."""
    with OperatorClient(args.home) as node:
        found = node.call(node.alliance.ListContracts, pb.ListContractsRequest()).contracts
    rows = [(one.name, "0x" + one.address.hex(), "0x" + one.code_hash.hex(), one.known) for one in found]
    if args.json:
        print_json([dict(zip(("contract", "address", "code", "known"), row, strict=True)) for row in rows])
    else:
        print_table(("合约 contract", "地址 address", "代码哈希 code hash", "本节点可用 known"), rows)


def deploy(args: argparse.Namespace) -> None:
    """Deploy a successor."""
    from node.founding import deploy_successor  # noqa: PLC0415

    address, code_hash = asyncio.run(deploy_successor(args.home, args.contract))
    facts = {"contract": args.contract, "address": "0x" + address.hex(), "code": "0x" + code_hash.hex()}
    if args.json:
        print_json(facts)
        return
    say(f"已部署 {args.contract}", "deployed; nothing has changed until the members vote for it:")
    print(f"  heqi alliance upgrade {args.contract} --address {facts['address']} --code {facts['code']}")


def upgrade(args: argparse.Namespace) -> None:
    """Propose a contract."""
    request = pb.ProposeContractRequest(
        name=args.contract, address=_read_hex(args.address, 20), code_hash=_read_hex(args.code, 32)
    )
    with OperatorClient(args.home) as node:
        node.call(node.alliance.ProposeContract, request)
    say("提案已进入发件箱", "the proposal is on its way; see heqi alliance proposals")


def verifier(args: argparse.Namespace) -> None:
    """Propose a verifier."""
    code_hash = _read_hex(args.code, 32) if args.accepted else bytes(32)
    request = pb.ProposeVerifierRequest(
        address=_read_hex(args.address, 20), accepted=args.accepted, code_hash=code_hash
    )
    with OperatorClient(args.home) as node:
        node.call(node.alliance.ProposeVerifier, request)
    say("提案已进入发件箱", "the proposal is on its way; see heqi alliance proposals")


def _add_code(parser: argparse.ArgumentParser, *, needs_hash: bool = True) -> None:
    parser.add_argument("--address", required=True, help="合约地址 | where it is deployed")
    if needs_hash:
        parser.add_argument(
            "--code", required=True, help="代码 keccak256 | keccak256 of the code that is voted on"
        )


def _read_hex(text: str, length: int) -> bytes:
    try:
        return from_hex(text.removeprefix("0x").lower(), length)
    except CodeFormatError as error:
        raise ConfigError(f"{text!r} is not {length} bytes in hex") from error
