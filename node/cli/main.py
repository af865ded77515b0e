"""`heqi`: finds the command, loads only that command's code, turns errors into messages and exit codes.

Exit codes: 0 done · 1 refused or failed · 2 wrong usage or configuration · 130 interrupted.
"""

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

COMMANDS = {
    "init": "建立节点目录与密钥 | make a node's folder and keys",
    "run": "运行节点 | run the node",
    "doctor": "体检：有何问题、如何处理 | what is wrong with a node, and what to do",
    "chain": "运行内置账本引擎 | run the embedded ledger engine",
    "alliance": "联盟：创建、加入、投票 | the alliance: create, join, vote",
    "access": "业务系统接入、操作记录 | systems of the centre: let in, shut out; what was done",
    "keys": "密钥：查看、更换 | this node's keys: list, rotate",
    "catalogue": "目录：记录类别与字段 | the catalogue: categories of records and their fields",
    "record": "交易记录：导入、证明、搁置 | trading records: import, prove, parked",
    "archive": "节点档案：导出、核验、导入 | archives of nodes: write, check, read in",
    "log": "日志：检查点、见证、警报 | the log: checkpoints, witnesses, alarms",
    "registration": "注册主体：既有注册导入、核验记录 | registered subjects: load existing ones, who checked what",
    "grant": "申请授权并读取他中心数据 | ask for access and read other centres' data",
    "legal": "依法查询：两名经办人、案号、告知 | reads on a legal basis: two officers, a case, notice",
    "login": "交易主体登录 | have a bidder log in",
    "recovery": "密钥恢复：核对并确认 | recoveries of lost keys: check, confirm",
    "erasure": "删除：请求、期限、回执 | erasure: what was erased, retention rules, receipts",
    "notice": "通知持有方、异议、代录撤回 | holders told, disputes, withdrawals of consent on record",
    "obligation": "三金一款：应退应付、到期、逾期 | what is owed in this centre's sections, due and late",
    "guarantee": "保函：核验、审核、开立、索赔、授信 | guarantees: check, issue, claims, credit lines",
    "award": "中标证明：凭授权查询 | proofs of awards, for lenders",
    "beneficiary": "受益人自动解保代理 | an agent that releases guarantees for their beneficiary",
    "opening": "开标时间与密文保函 | openings, and the sealed guarantees in bids",
    "wallet": "交易主体钱包 | a bidder's wallet",
    "verify": "离线核验证据包 | check an evidence bundle without network",
    "verify-signature": "离线核验文件签名 | check signatures on a file without network",
    "demo": "完整演示 | the whole story on this machine",
    "trial-ca": "试用证书机构（仅供演示） | a trial certificate authority, for trials only",
}

_EPILOG = """\
开始 | to begin:
  heqi demo                          在本机演示全部流程 | see everything work on this machine
  heqi init --help                   建立第一个节点 | set up a first node
  heqi verify bundle.json --alliance alliance.json
                                     离线核验 | check a bundle without trusting anybody
每个命令都有 --help | every command has --help.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    # Decided at the first hash; without it the slower of two keccak libraries would be taken.
    os.environ.setdefault("ETH_HASH_BACKEND", "pysha3")
    arguments = list(sys.argv[1:] if argv is None else argv)
    parser = _parser(arguments[0] if arguments else "")
    parsed = parser.parse_args(arguments)
    if not hasattr(parsed, "run"):
        parser.print_help()
        return 2
    return _run(parsed)


def entry() -> None:
    """The console script."""
    sys.exit(main())


def _parser(wanted: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="heqi",
        description="Heqi 合契：公共资源交易中心节点 | the node of a public-resource-trading centre",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=_version())
    commands = parser.add_subparsers(title="命令 | commands", metavar="COMMAND")
    for name, summary in COMMANDS.items():
        command = commands.add_parser(
            name,
            help=summary,
            description=summary,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if name == wanted:
            # Only the wanted command is imported: `heqi --help` must not load web3.
            importlib.import_module(f"node.cli.{name.replace('-', '_')}").add_arguments(command)
    return parser


def _run(parsed: argparse.Namespace) -> int:
    from node.cli.output import fail  # noqa: PLC0415
    from node.errors import ConfigError, NodeError  # noqa: PLC0415

    try:
        return int(parsed.run(parsed) or 0)
    except NodeError as error:
        fail(error.reason, str(error), error.advice)
        return 2 if isinstance(error, ConfigError) else 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Somebody piped us into `head`; that is no failure of ours.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        if error.filename is None:
            raise  # no file that the command line named: a bug
        fail(ConfigError.reason, f"{error.filename}: {error.strerror}", "Name a file that can be used.")
        return 2


def _version() -> str:
    from node.version import VERSION  # noqa: PLC0415

    return f"heqi {VERSION}"
