"""`heqi wallet`: a bidder's key, and what it signs."""

import argparse
from pathlib import Path

from node.cli.wallet import setup, sharing

_EPILOG = """\
顺序 | in order:
  heqi wallet init --wallet w --alliance alliance.json --home-centre centre-a
  heqi wallet delegate --wallet w --certificate cert.pem --certificate-key key.pem
  heqi wallet register --wallet w package.json
  heqi wallet requests --wallet w
  heqi wallet grant --wallet w 1
  heqi wallet reads --wallet w
  heqi wallet revoke --wallet w GRANT
口令：提示输入，或 --passphrase-file；绝不放在命令行
passphrase: asked for, or --passphrase-file; never on the command line
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the commands."""
    parser.epilog = _EPILOG
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    one = commands.add_parser("init", help="新建钱包 | make a wallet with a fresh key")
    one.add_argument("--alliance", type=Path, required=True, help="联盟描述 | the signed descriptor")
    one.add_argument("--home-centre", required=True, help="注册中心 | centre where to register")
    one.set_defaults(run=setup.init)
    one = commands.add_parser(
        "delegate", help="用证书为钱包密钥签发委托 | let a certificate vouch for the key"
    )
    one.add_argument("--certificate", type=Path, required=True, help="证书链 PEM | certificate chain, PEM")
    one.add_argument(
        "--certificate-key", type=Path, required=True, help="证书私钥 PEM | its private key, PEM"
    )
    one.set_defaults(run=setup.delegate)
    one = commands.add_parser("register", help="注册或补充材料 | register, or hand in further documents")
    one.add_argument("package", type=Path, help="JSON: [{category, thing, fields}, …]")
    one.add_argument("--wait", action="store_true", help="等待上链 | wait until everything is final")
    one.set_defaults(run=setup.register)
    one = commands.add_parser("status", help="注册与上链进度 | how far everything is")
    one.set_defaults(run=setup.status)
    one = commands.add_parser("requests", help="收到的申请 | requests for access")
    one.add_argument("--wait", action="store_true", help="等待新申请 | wait for an open request")
    one.set_defaults(run=sharing.requests)
    one = commands.add_parser("grant", help="签署授权 | sign a grant")
    one.add_argument("number", type=int, help="申请序号 | number in the list of requests")
    one.add_argument(
        "--only", action="append", metavar="CATEGORY:FIELD,…", help="只授权这些 | grant only these"
    )
    one.add_argument("--uses", type=int, default=0, help="改次数 | another number of reads")
    one.add_argument("--yes", action="store_true", help="不再询问 | do not ask again")
    one.add_argument(
        "--relay", metavar="MEMBER", help="由另一成员上链 | let another member bring it to the ledger"
    )
    one.set_defaults(run=sharing.grant)
    one = commands.add_parser("grants", help="已签署的授权 | grants and their state")
    one.set_defaults(run=sharing.grants)
    one = commands.add_parser("revoke", help="撤回授权 | revoke a grant")
    one.add_argument("grant", help="授权编号 | grant id, or its beginning")
    one.add_argument(
        "--relay", metavar="MEMBER", help="由另一成员上链 | let another member bring it to the ledger"
    )
    one.set_defaults(run=sharing.revoke)
    one = commands.add_parser("reads", help="谁读过什么 | who read what")
    one.set_defaults(run=sharing.reads)
    for command in commands.choices.values():
        command.add_argument("--wallet", type=Path, required=True, help="钱包目录 | folder of the wallet")
        command.add_argument("--passphrase-file", type=Path, help="口令文件 | file with the passphrase")
        command.add_argument("--json", action="store_true", help="机器可读 | for machines")
