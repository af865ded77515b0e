"""Drafts of registration packages: written, checked and handed in."""

import argparse
import os
import shlex
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec
from heqi.v1 import wallet_service_pb2 as pb

from node.cli.output import print_json, print_table, say
from node.cli.wallet.session import open_session
from node.cli.wallet.setup import hand_in
from node.config import read_file
from node.domain.wallet import PackageRecord
from node.errors import ConfigError, Mistake, PackageError, UnavailableError
from node.wallet.drafts import Drafts, check_locally
from node.wallet.folder import WalletFolder, open_wallet

EPILOG = """\
顺序 | in order:
  heqi wallet draft new --wallet w base                 新建 | begin; --registered begins with what was handed in
  heqi wallet draft set --wallet w base subject.base:base legal_name=虚构建设有限公司 credit_code=9199…
  heqi wallet draft edit --wallet w base                用编辑器改 | or in $EDITOR
  heqi wallet draft check --wallet w base --offline     本机检查，无需网络 | on this machine alone
  heqi wallet draft check --wallet w base               请注册中心检查，不留存 | the home checks and stores nothing
  heqi wallet draft submit --wallet w base --wait       提交 | hand in
错误一次全部列出，并说明如何更正；“注意”不妨碍提交
all mistakes are told at once, with what to do; warnings do not keep a package from being taken
"""
_CHINA_HOURS = 8
_EMPTY = (PackageRecord("subject.base", "base", {}),)


def new(args: argparse.Namespace) -> None:
    """Begin a draft."""
    wallet = open_wallet(args.wallet)
    if args.package and args.registered:
        raise ConfigError("begin with --package or with --registered, not with both")
    documents: Sequence[PackageRecord] = wallet.package() if args.registered else _EMPTY
    if args.package:
        try:
            documents = msgspec.json.decode(read_file(args.package), type=tuple[PackageRecord, ...])
        except msgspec.MsgspecError as error:
            raise ConfigError(f"{args.package}: {error}") from error
    path = Drafts(wallet.path).create(args.name, documents)
    if args.json:
        print_json({"draft": args.name, "file": str(path), "documents": len(documents)})
    else:
        say(f"草稿 {args.name} 已建立", f"begun with {len(documents)} documents: {path}")


def edit(args: argparse.Namespace) -> None:
    """Open a draft in an editor."""
    drafts = Drafts(open_wallet(args.wallet).path)
    drafts.read(args.name)
    editor = shlex.split(os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi")
    done = subprocess.run([*editor, str(drafts.path(args.name))], check=False)  # noqa: S603  # the owner's own
    if done.returncode:
        raise ConfigError(f"{editor[0]} ended with {done.returncode}; the draft is as it left it")
    count = len(drafts.read(args.name))
    if args.json:
        print_json({"draft": args.name, "documents": count})
    else:
        say(f"草稿 {args.name}：{count} 份材料", "now: heqi wallet draft check")


def set_(args: argparse.Namespace) -> None:
    """Set fields of one document."""
    category, colon, thing = args.document.partition(":")
    if not colon or not thing:
        raise ConfigError(f"{args.document}: say CATEGORY:THING, such as subject.base:base")
    fields: dict[str, object | None] = dict.fromkeys(args.unset)
    for stated in args.fields:
        name, equals, value = stated.partition("=")
        if not equals:
            raise ConfigError(f"{stated}: say FIELD=TEXT or FIELD:=JSON")
        if name.endswith(":"):
            try:
                fields[name[:-1]] = msgspec.json.decode(value)
            except msgspec.MsgspecError as error:
                raise ConfigError(f"{stated}: {error}") from error
        else:
            fields[name] = value
    Drafts(open_wallet(args.wallet).path).set(args.name, category, thing, fields)
    if args.json:
        print_json({"draft": args.name, "set": sorted(fields)})
    else:
        say(f"已填写 {len(fields)} 个字段", "set; heqi wallet draft check tells what is still wrong")


def list_(args: argparse.Namespace) -> None:
    """List drafts."""
    drafts = Drafts(open_wallet(args.wallet).path)
    found = [(name, drafts.read(name)) for name in drafts.names()]
    if args.json:
        print_json(
            [{"draft": name, "documents": [f"{d.category}:{d.thing}" for d in made]} for name, made in found]
        )
        return
    rows = [(name, ", ".join(f"{one.category}:{one.thing}" for one in made)) for name, made in found]
    print_table(("草稿 draft", "材料 documents"), rows)


def check(args: argparse.Namespace) -> int:
    """Tell all mistakes at once, by this machine and, unless told otherwise, by the home."""
    wallet = open_wallet(args.wallet)
    documents = Drafts(wallet.path).read(args.name)
    found, asked = _check_here(wallet, documents), not args.offline
    if asked:
        try:
            _, scribe, client = open_session(args)
            with client:
                token = scribe.check(client.member.name, wallet.delegation(), documents)
                found = [_mistake(one) for one in client.check_package(token)]
        except UnavailableError as error:
            asked = False
            if not args.json:
                say("注册中心无应答，仅作本机检查", f"the home does not answer, checked here alone: {error}")
    is_wrong = any(not one.is_warning for one in found)
    if args.json:
        print_json({"mistakes": [msgspec.to_builtins(one) for one in found], "checked_by_home": asked})
    else:
        _print(found)
        if not is_wrong:
            say("可以提交", "nothing stands in the way: heqi wallet draft submit")
    return 1 if is_wrong else 0


def submit(args: argparse.Namespace) -> None:
    """Hand a draft in, and throw it away once it was taken."""
    wallet = open_wallet(args.wallet)
    drafts = Drafts(wallet.path)
    documents = drafts.read(args.name)
    found = _check_here(wallet, documents)
    if any(not one.is_warning for one in found):
        if not args.json:
            _print(found)
        raise PackageError.of(found)
    hand_in(args, documents)
    if not args.second:
        drafts.remove(args.name)


def _check_here(wallet: WalletFolder, documents: Sequence[PackageRecord]) -> list[Mistake]:
    today = (datetime.now(UTC) + timedelta(hours=_CHINA_HOURS)).date()
    return check_locally(documents, wallet.delegation(), is_first=not wallet.state.subject, today=today)


def _mistake(one: pb.PackageMistake) -> Mistake:
    return Mistake(
        one.document, one.category, one.thing, one.field, one.chinese, one.english, is_warning=one.warning
    )


def _print(found: Sequence[Mistake]) -> None:
    rows = [
        (
            "注意 warning" if one.is_warning else "错误 mistake",
            f"{one.category}:{one.thing}" if one.document >= 0 else "-",
            one.field or "-",
            f"{one.chinese}  {one.english}",
        )
        for one in found
    ]
    if rows:
        print_table(("", "材料 document", "字段 field", "问题与处理 what is wrong, what to do"), rows)
