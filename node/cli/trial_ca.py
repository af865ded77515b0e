"""`heqi trial-ca`: a certificate authority for trials, named as such."""

import argparse
from pathlib import Path

from adapters.crypto import trial_ca
from adapters.crypto.files import read_secret, write_secret
from adapters.crypto.trial_ca import TrialCertificate
from node.cli.output import say
from node.domain.certificate import check_credit_code
from node.errors import ConfigError

_EPILOG = """\
仅供试用：真实的证书由持牌证书机构签发。For trials only: real certificates come from licensed authorities.

示例 | example:
  heqi trial-ca create --out ca
  heqi trial-ca issue --ca ca --name 虚构建设有限公司 --credit-code 919900000000000192 --out bidder
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the commands."""
    parser.epilog = _EPILOG
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    one = commands.add_parser("create", help="建立试用根证书 | make a trial root")
    one.add_argument("--out", type=Path, required=True, help="目录 | folder")
    one.set_defaults(run=create)
    one = commands.add_parser("issue", help="签发试用证书 | issue a trial certificate")
    one.add_argument("--ca", type=Path, required=True, help="试用机构目录 | folder of the trial root")
    one.add_argument("--name", required=True, help="单位名称 | name of the organisation")
    one.add_argument("--credit-code", required=True, help="统一社会信用代码 | credit code, 18 characters")
    one.add_argument("--rsa", action="store_true", help="RSA-2048 密钥 | an RSA-2048 key instead of P-256")
    one.add_argument("--out", type=Path, required=True, help="目录 | folder")
    one.set_defaults(run=issue)


def create(args: argparse.Namespace) -> None:
    """Make a root."""
    _write(args.out, trial_ca.make_root())
    say(f"试用根证书 {args.out}/cert.pem", "made; for trials only")


def issue(args: argparse.Namespace) -> None:
    """Issue a certificate."""
    check_credit_code(args.credit_code)
    try:
        root = trial_ca.load(read_secret(args.ca / "key.pem"), (args.ca / "cert.pem").read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigError(f"{args.ca} is not a trial authority: {error}") from error
    bits = 2048 if args.rsa else 0
    _write(args.out, trial_ca.issue(root, args.name, args.credit_code, rsa_bits=bits))
    say(f"试用证书 {args.out}/cert.pem", "issued; for trials only")


def _write(folder: Path, made: object) -> None:

    assert isinstance(made, TrialCertificate)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_secret(folder / "key.pem", made.key_pem)
    (folder / "cert.pem").write_bytes(made.certificate_pem)
