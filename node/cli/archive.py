"""`heqi archive`: all that a node holds, for an archive or a successor; checked without the node."""

import argparse
import asyncio
import getpass
import sys
import time
from collections.abc import Callable
from pathlib import Path

from node.cli.output import print_json, print_table, say
from node.config import ALLIANCE_FILE, read_file
from node.domain.archive import MAX_BASIS_CHARS
from node.domain.descriptor import open_alliance_file
from node.errors import ConfigError

_EPILOG = """\
档案是普通文件组成的目录：日志与检查点为明文（只有散列值），其余加密给接收方的密钥。
An archive is a folder of ordinary files: the log in the clear (hashes only), all else encrypted to who receives it.
导出与导入时节点必须停止 | the node must be stopped while its archive is written or another's is read in.

示例 | examples:
  heqi archive key --out archive.pem                   接收方：建立密钥 | who receives it: make a key
  heqi archive export --home centre-a --out hangzhou-2030 --to archive.pub.pem --basis '档案移交 2030-7'
  heqi archive verify hangzhou-2030 --alliance alliance.json --key archive.pem
  heqi archive prove hangzhou-2030 17 --alliance alliance.json --key archive.pem --out bundle.json
  heqi archive import hangzhou-2030 --home centre-b --key archive.pem --basis '职能承接 2030-7'
  heqi record prove --home centre-b --log hangzhou 17 --out bundle.json
"""
_TOLD_EVERY_SECONDS = 2.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the commands."""
    parser.epilog = _EPILOG
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    one = commands.add_parser("key", help="接收方密钥 | make the key of who will receive archives")
    one.add_argument(
        "--out", type=Path, required=True, help="私钥 | private key; the public one is put beside it"
    )
    _add_passphrase(one)
    one.set_defaults(run=key)
    one = commands.add_parser("export", help="导出节点档案 | write the archive of a stopped node")
    _add_home(one)
    one.add_argument("--out", type=Path, required=True, help="新目录 | a new folder")
    one.add_argument(
        "--to", type=Path, required=True, metavar="PEM", help="接收方公钥 | recipient's public key"
    )
    _add_basis(one)
    one.set_defaults(run=export)
    one = commands.add_parser(
        "verify", help="离线核验 | check an archive without network and without the node"
    )
    _add_archive(one, is_key_needed=False)
    one.add_argument("--json", action="store_true", help="机器可读 | for machines")
    one.set_defaults(run=verify)
    one = commands.add_parser("prove", help="从档案生成证据包 | make an evidence bundle out of an archive")
    _add_archive(one, is_key_needed=True)
    one.add_argument("position", type=int, help="记录位置 | position of the record at its node")
    one.add_argument("--field", action="append", default=[], help="只披露这些字段 | show only these fields")
    one.add_argument("--out", type=Path, required=True)
    one.set_defaults(run=prove)
    one = commands.add_parser(
        "import", help="导入前任节点的档案 | keep another node's records at a stopped node"
    )
    _add_home(one)
    _add_archive(one, is_key_needed=True, has_alliance=False)
    _add_basis(one)
    one.set_defaults(run=import_)


def key(args: argparse.Namespace) -> None:
    """Make a key pair.

    Raises:
        ConfigError: a file exists, or the passphrase is too short.
    """
    from adapters.crypto.passphrase import MIN_CHARACTERS  # noqa: PLC0415
    from node.archives import make_recipient  # noqa: PLC0415

    public = args.out.with_suffix(".pub.pem")
    secret = _passphrase(args)
    if len(secret) < MIN_CHARACTERS:
        raise ConfigError(
            f"the passphrase needs at least {MIN_CHARACTERS} characters; take five words or more"
        )
    make_recipient(args.out, public, secret)
    say(
        f"已写入 {args.out} 与 {public}",
        f"wrote {args.out}, which stays secret, and {public} for who exports",
    )


def export(args: argparse.Namespace) -> None:
    """Write an archive."""
    from adapters.archive.envelope import Recipient  # noqa: PLC0415
    from node.app import open_node  # noqa: PLC0415
    from node.archives import export_archive  # noqa: PLC0415
    from node.domain.system import OPERATOR_NAME  # noqa: PLC0415
    from node.services.acts import act_as  # noqa: PLC0415

    recipient = Recipient(read_file(args.to), str(args.to))
    tell = _teller()

    async def run() -> None:
        async with open_node(args.home) as node:
            act_as(OPERATOR_NAME)
            done = export_archive(
                node.services,
                read_file(args.home / ALLIANCE_FILE),
                recipient,
                _basis(args),
                args.out,
                lambda files, size: tell(f"{files} 个文件 files, {size >> 20} MiB"),
            )
            say(
                f"已写入 {args.out}：{done.records} 条记录，日志 {done.size}",
                f"wrote {args.out}: {done.records} records, a log of {done.size}; check it with heqi archive verify",
            )

    asyncio.run(run())


def verify(args: argparse.Namespace) -> None:
    """Check and explain."""
    from node.archives import check_archive  # noqa: PLC0415

    descriptor, cards = open_alliance_file(read_file(args.alliance)), _cards(args)
    tell = _teller()
    _, found = check_archive(
        args.folder, descriptor, cards, _opener(args), lambda what, done, of: tell(f"{what} {done}/{of}")
    )
    statement = found.statement
    about = {
        "member": statement.iss,
        "basis": statement.basis,
        "made": statement.iat,
        "log_size": statement.size,
        "log_root": statement.root,
        "anchored_size": found.anchored_size,
        "witnesses": list(found.witnesses),
        "files": statement.files,
        "records": statement.records,
        "records_read": found.opened,
        "erased": found.erased,
        "unpublished": found.unpublished,
    }
    if args.json:
        print_json({"verified": True, **about})
        return
    print_table(("档案 archive", ""), list(about.items()))
    if not found.opened:
        say(
            "未提供密钥，记录内容未核验",
            "no key was given: the records were not read, only what surrounds them",
        )
    say("核验通过", "verified: every file is what the member signed, and every record read is in its log")


def prove(args: argparse.Namespace) -> None:
    """Write a bundle."""
    from node.archives import open_archive, prove_archived  # noqa: PLC0415

    archive, _ = open_archive(args.folder, open_alliance_file(read_file(args.alliance)), _cards(args))
    opener = _opener(args)
    assert opener is not None
    args.out.write_bytes(prove_archived(archive, opener, args.position, args.field))
    say(f"已写入 {args.out}", f"wrote {args.out}; check it with heqi verify")


def import_(args: argparse.Namespace) -> None:
    """Keep another node's records."""
    from node.app import open_node  # noqa: PLC0415
    from node.archives import import_archive  # noqa: PLC0415
    from node.domain.system import OPERATOR_NAME  # noqa: PLC0415
    from node.services.acts import act_as  # noqa: PLC0415

    opener, cards, tell = _opener(args), _cards(args), _teller()
    assert opener is not None

    async def run() -> None:
        async with open_node(args.home) as node:
            act_as(OPERATOR_NAME)
            found, readable = import_archive(
                node.services, args.folder, opener, cards, _basis(args),
                lambda what, done, of: tell(f"{what} {done}/{of}"),
            )  # fmt: skip
            name, lost = found.statement.iss, found.statement.records - readable
            say(
                f"已导入 {name} 的 {readable} 条记录；已删除主体的 {lost} 条仅存日志条目",
                f"{readable} records of {name} are kept apart from this node's own; of {lost}, whose subject was "
                "erased, only the log entry",
            )

    asyncio.run(run())


def _add_home(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--home", type=Path, required=True, help="节点目录 | folder of the stopped node")


def _add_basis(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--basis",
        required=True,
        help="依据，如移交文号 | on what ground, such as a file number; it is recorded",
    )


def _add_passphrase(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--passphrase-file", type=Path, help="口令文件 | file with the key's passphrase; else it is asked for"
    )


def _add_archive(parser: argparse.ArgumentParser, *, is_key_needed: bool, has_alliance: bool = True) -> None:
    parser.add_argument("folder", type=Path, help="档案目录 | the archive")
    if has_alliance:
        parser.add_argument("--alliance", type=Path, required=True, help="联盟描述 | the signed descriptor")
    parser.add_argument(
        "--card",
        type=Path,
        action="append",
        default=[],
        help="另外信任的成员名片 | card of a member admitted later, if you trust it",
    )
    parser.add_argument(
        "--key", type=Path, required=is_key_needed, help="接收方私钥 | recipient's private key"
    )
    _add_passphrase(parser)


def _passphrase(args: argparse.Namespace) -> bytes:
    if args.passphrase_file:
        return read_file(args.passphrase_file).rstrip(b"\r\n")
    return getpass.getpass("口令 Passphrase: ").encode()


def _opener(args: argparse.Namespace):  # type: ignore[no-untyped-def]  # noqa: ANN202  # loaded only where needed
    if args.key is None:
        return None
    from adapters.archive.envelope import load_opener  # noqa: PLC0415

    pem = read_file(args.key)
    return load_opener(pem, _passphrase(args) if b"ENCRYPTED" in pem else None, str(args.key))


def _cards(args: argparse.Namespace) -> list[str]:
    return [read_file(path).decode("ascii", "replace").strip() for path in args.card]


def _basis(args: argparse.Namespace) -> str:
    basis: str = args.basis.strip()
    if not 0 < len(basis) <= MAX_BASIS_CHARS or not basis.isprintable():
        raise ConfigError(f"--basis takes 1 to {MAX_BASIS_CHARS} printable characters")
    return basis


def _teller() -> Callable[[str], None]:
    """Tells progress on standard error, every now and then."""
    last = time.monotonic()

    def tell(text: str) -> None:
        nonlocal last
        if time.monotonic() - last >= _TOLD_EVERY_SECONDS:
            last = time.monotonic()
            print(f"… {text}", file=sys.stderr, flush=True)

    return tell
