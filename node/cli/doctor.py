"""`heqi doctor`: prints what the examination found."""

import argparse
import asyncio
from dataclasses import asdict
from pathlib import Path

from heqi.v1 import alliance_service_pb2 as pb

from node.cli.client import OperatorClient
from node.cli.output import print_json, printable
from node.doctor import AskNode, diagnose
from node.probes import NodeState
from node.services.doctor.finding import Finding, Level, Section, worst
from node.wire.diagnosis import state_from_message

_MARKS = {Level.OK: "✓", Level.NOTE: "·", Level.WARNING: "!", Level.ERROR: "✗"}
_LEVELS = {Level.OK: "正常", Level.NOTE: "提示", Level.WARNING: "警告", Level.ERROR: "错误"}
_SILENCE_SECONDS = 3.0

_EPILOG = """\
检查密钥、证书、时钟、磁盘、账本引擎、其他节点、日志与其锚定、发件箱、搁置、版本与配置，保函、担保柜台、密封开标与工作日历；
只看不改，不显示任何秘密。
Looks and changes nothing, shows no secret. Works while the node runs and while it is stopped. Run it as the node's
own user. Every finding is explained in docs/doctor.md.

退出码 | exit code:  0 正常或提示 fine or notes · 1 警告 warnings · 2 错误 errors
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    parser.epilog = _EPILOG
    parser.add_argument("--home", type=Path, required=True, help="节点目录 | folder of the node")
    parser.add_argument("--json", action="store_true", help="机器可读 | for machines")
    parser.add_argument(
        "--seconds", type=float, default=10.0, help="每项查询的时限 | time for each probe (default 10)"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Examine, print, and answer by exit code."""
    ask = ask_node(args.home, min(args.seconds, _SILENCE_SECONDS))
    sections = asyncio.run(diagnose(args.home, ask, args.seconds))
    level = worst(sections)
    if args.json:
        print_json(_document(sections, level))
    else:
        _print(sections, level)
    return level.exit_code


def ask_node(home: Path, seconds: float) -> AskNode:
    """How the running node is asked: by its RPC, with the operator's certificate."""

    def ask(anchored_size: int) -> NodeState:
        with OperatorClient(home, seconds) as node:
            request = pb.GetDiagnosisRequest(anchored_size=anchored_size)
            return state_from_message(node.call(node.alliance.GetDiagnosis, request))

    return ask


def _document(sections: tuple[Section, ...], level: Level) -> object:
    return {
        "level": level.name.lower(),
        "findings": [
            {"check": section.check} | asdict(finding) | {"level": finding.level.name.lower()}
            for section in sections
            for finding in section.findings
        ],
    }


def _print(sections: tuple[Section, ...], level: Level) -> None:
    for section in sections:
        for number, finding in enumerate(section.findings):
            heading = f"{section.title[0]} {section.title[1]}" if not number else ""
            _print_finding(heading, finding)
    print(f"\n{_MARKS[level]} {_LEVELS[level]} {level.name}", flush=True)


def _print_finding(heading: str, finding: Finding) -> None:
    if heading:
        print(heading)
    print(f"  {_MARKS[finding.level]} {printable(finding.zh)}")
    print(f"    {printable(finding.en)}" + ("" if finding.reason == "OK" else f"  [{finding.reason}]"))
    if finding.do_en:
        print(f"    → {printable(finding.do_zh)}")
        print(f"      {printable(finding.do_en)}")
