"""`heqi guarantee rules check | load | show`: the rules for instant decisions."""

import argparse
from pathlib import Path

from heqi.v1 import desk_service_pb2 as pb

from node.cli.arguments import Commands
from node.cli.client import OperatorClient
from node.cli.guarantee_desk import findings_json, print_decision
from node.cli.output import print_json, print_table, say
from node.config import read_file
from node.domain.issue_rules import parse_rules
from node.errors import ConfigError

_SUMMARY = "秒出规则 | the rules for instant decisions"
_EPILOG = """\
规则文件由业务人员编写，另一人核对后把散列写入 heqi.toml | one person writes the file, another enters its hash:
  heqi guarantee rules check rules.toml                            仅查格式 | the file alone
  heqi guarantee rules check rules.toml --home bank-x --application APPLICATION    试算 | a dry run
  [guarantor] rules = "rules.toml", rules_sha256 = "..."           写入 heqi.toml | into heqi.toml
  heqi guarantee rules load --home bank-x                          生效，不需重启 | in force, without a restart
"""


def describe(commands: Commands) -> list[argparse.ArgumentParser]:
    """Describe the commands; those that need a node's folder in any case."""
    group = commands.add_parser(
        "rules",
        help=_SUMMARY,
        description=_SUMMARY,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = group.add_subparsers(metavar="ACTION", required=True)
    one = actions.add_parser(
        "check", help="检查规则文件，可试算 | check a file, and try it on an application"
    )
    one.add_argument("file", type=Path)
    one.add_argument("--application", default="", help="已读取数据的申请 | one whose data was read already")
    one.add_argument("--home", type=Path, help="节点目录，试算用 | folder of the node, for the dry run")
    one.add_argument("--json", action="store_true", help="机器可读 | for machines")
    one.set_defaults(run=check)
    load_ = actions.add_parser("load", help="重新载入 | read heqi.toml and the file again")
    load_.set_defaults(run=put_in_force)
    show_ = actions.add_parser("show", help="生效中的规则 | what is in force")
    show_.set_defaults(run=show)
    return [load_, show_]


def check(args: argparse.Namespace) -> None:
    """Check a rules file, on an application if one is named; nothing is done."""
    raw = read_file(args.file)
    approved = parse_rules(raw)
    if not args.application:
        if args.json:
            print_json({"sha256": approved.digest, "rules": len(approved.rules.rules)})
        else:
            say(
                f"格式正确，共 {len(approved.rules.rules)} 条",
                f"well-formed; rules_sha256 = {approved.digest!r}",
            )
        return
    if args.home is None:
        raise ConfigError("--application wants --home: the folder of the node that has the application")
    with OperatorClient(args.home) as node:
        request = pb.CheckRulesRequest(rules=raw, application_id=args.application)
        answer = node.call(node.desk.CheckRules, request)
    if args.json:
        decision = answer.decision
        print_json(
            {"sha256": approved.digest, "outcome": decision.outcome, "findings": findings_json(decision)}
        )
    else:
        print_decision(answer.decision)


def put_in_force(args: argparse.Namespace) -> None:
    """Put the approved file in force."""
    with OperatorClient(args.home) as node:
        digest = node.call(node.desk.LoadRules, pb.LoadRulesRequest()).rules_digest
    if args.json:
        print_json({"sha256": digest})
    else:
        say(f"规则已生效 {digest}", "in force; from now on applications are decided by it")


def show(args: argparse.Namespace) -> None:
    """Show what is in force."""
    with OperatorClient(args.home) as node:
        found = node.call(node.desk.GetRules, pb.GetRulesRequest())
    facts = {
        "sha256": found.rules_digest,
        "name": found.name,
        "rules": found.rule_count,
        "problem": found.problem,
    }
    if args.json:
        print_json(facts)
        return
    if not found.rules_digest:
        say("未启用秒出规则", "no rules in force: people decide")
    print_table(("项目 item", "值 value"), list(facts.items()))
