"""What `heqi wallet` takes about the subject's keys: several, backed up, lost."""

import argparse
from pathlib import Path

from node.cli.arguments import Commands
from node.cli.wallet import keys, recovering

_KEYS_EPILOG = """\
第二台设备 | a second device:
  heqi wallet init --wallet w2 --alliance alliance.json --home-centre centre-a
  heqi wallet delegate --wallet w2 --certificate cert.pem --certificate-key key.pem
  heqi wallet keys show --wallet w2                 在第二台设备 | on the second device
  heqi wallet keys add KEY --wallet w               在第一台设备 | on the first one
  heqi wallet keys attach SUBJECT --wallet w2       在第二台设备 | on the second one
每把密钥都能单独代表主体，也能移除其他密钥：丢失或被盗请立即移除
any one key speaks for the subject and can remove the others: remove a lost or stolen one at once
"""

_RECOVER_EPILOG = """\
丢失全部密钥 | every key is lost:
  heqi wallet init --wallet new --alliance alliance.json --home-centre centre-a
  heqi wallet delegate --wallet new --certificate cert.pem --certificate-key key.pem
  heqi wallet recover start --papers papers.json --wallet new
  heqi wallet recover status --wallet new            两个抽签成员确认 | two drawn members confirm
  heqi wallet recover finish --wallet new            七天后 | after seven days
密钥其实未丢失而有人申请 | somebody asks although no key is lost:
  heqi wallet recover veto --wallet w
"""


def describe(commands: Commands) -> list[argparse.ArgumentParser]:
    """Describe the commands; those in groups are returned."""
    _describe_backup(commands)
    return [*_describe_keys(commands), *_describe_recovering(commands)]


def _describe_backup(commands: Commands) -> None:
    one = commands.add_parser("backup", help="备份整个钱包，加密 | write the whole wallet, encrypted")
    one.add_argument("file", type=Path, help="备份文件 | file to write")
    one.set_defaults(run=keys.backup)
    one = commands.add_parser("restore", help="在新设备上恢复 | make the wallet from a backup")
    one.add_argument("file", type=Path, help="备份文件 | the backup")
    one.set_defaults(run=keys.restore)


def _describe_keys(commands: Commands) -> list[argparse.ArgumentParser]:
    group = commands.add_parser(
        "keys",
        help="主体密钥：查看、增加、移除、更换 | the subject's keys: list, add, remove, replace",
        epilog=_KEYS_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    inner = group.add_subparsers(metavar="COMMAND", required=True)
    inner.add_parser("show", help="本钱包的密钥 | this wallet's own key").set_defaults(run=keys.show)
    inner.add_parser("list", help="账本上的密钥 | those on the ledger").set_defaults(run=keys.list_)
    one = inner.add_parser("add", help="增加一把密钥 | let another key speak too")
    one.add_argument("key", metavar="KEY", help="由 keys show 得到 | from keys show")
    one.set_defaults(run=keys.add)
    one = inner.add_parser("remove", help="移除一把密钥 | a key speaks no longer")
    one.add_argument("key", metavar="KEY", help="由 keys list 得到 | from keys list")
    one.set_defaults(run=keys.remove)
    one = inner.add_parser("replace", help="更换本钱包的密钥 | a fresh key in place of this wallet's")
    one.add_argument("--certificate", type=Path, required=True, help="证书链 PEM | certificate chain, PEM")
    one.add_argument(
        "--certificate-key", type=Path, required=True, help="证书私钥 PEM | its private key, PEM"
    )
    one.add_argument("--trust", type=Path, help="机构清单 | trust list, if the founding one is outdated")
    one.set_defaults(run=keys.replace)
    one = inner.add_parser("attach", help="（新设备）提交委托 | on a new device: hand its delegation in")
    one.add_argument("subject", help="主体编号 | subject id")
    one.set_defaults(run=keys.attach)
    one = inner.add_parser("papers", help="恢复所需材料，不含秘密 | what a recovery needs; no secret in it")
    one.add_argument("--out", type=Path, required=True, help="文件 | file to write")
    one.set_defaults(run=keys.papers)
    return list(inner.choices.values())


def _describe_recovering(commands: Commands) -> list[argparse.ArgumentParser]:
    group = commands.add_parser(
        "recover",
        help="丢失全部密钥后恢复 | when every key is lost",
        epilog=_RECOVER_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    inner = group.add_subparsers(metavar="COMMAND", required=True)
    one = inner.add_parser("start", help="申请 | ask for it")
    one.add_argument("--papers", type=Path, required=True, help="keys papers 写的文件 | from keys papers")
    one.set_defaults(run=recovering.start)
    inner.add_parser("status", help="进度 | how far it is").set_defaults(run=recovering.status)
    inner.add_parser("finish", help="七天后完成 | after the waiting time").set_defaults(run=recovering.finish)
    for one in inner.choices.values():
        one.add_argument(
            "--member", help="经由该成员（注册中心不配合时）| at this member, if the home does not help"
        )
    inner.add_parser("veto", help="（密钥未丢失）否决 | a key that is not lost objects").set_defaults(
        run=recovering.veto
    )
    return list(inner.choices.values())
