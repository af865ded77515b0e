"""Two officers 双人复核: the first writes an act to a file, the second approves it, the first hands it in."""

import argparse
from datetime import UTC, datetime

import msgspec

from node.cli.output import print_json, printable, say
from node.cli.wallet import erasing, keys, mandates, moving, setup, sharing
from node.cli.wallet.session import open_session
from node.config import read_file, replace_file
from node.domain.approval import Reserved, reserved_by
from node.domain.certified import peek_certified
from node.domain.delegation import Delegation
from node.domain.grant import Grant
from node.domain.mandate import Mandate
from node.domain.wallet import ControllerCall, EraseCall, MoveCall, RegisterCall
from node.errors import ConfigError
from node.wallet.approving import Opened, finish, open_held
from node.wallet.approving import approve as sign_approval
from node.wallet.client import WalletClient

EPILOG = """\
单位可在证书委托中规定某些事项须双人办理 | a company says in its delegations what two officers have to sign:
  heqi wallet delegate --wallet w --two-officers grant …  每位经办人的委托都写明 | say so in each officer's
  heqi wallet grant 1 --wallet w --second act.json        经办：写入文件 | the first officer writes it to a file
  heqi wallet approve act.json --wallet w2                复核：看明白后签名 | the second looks at it, and signs
  heqi wallet submit act.json --wallet w                  经办：最后签名并提交 | the first signs last, within a day
撤回、否决永远一人即可；请至少设三位经办人，避免一把密钥丢失后无人复核
revoking and vetoing always take one; have three officers, so that one lost key does not leave you without a second
"""
WORDS: dict[Reserved, tuple[str, str]] = {
    Reserved.CONTROLLERS: ("变更密钥", "change keys"),
    Reserved.ERASE: ("删除数据", "erase data"),
    Reserved.GRANT: ("授权他人读取", "let others read"),
    Reserved.MANDATE: ("委托他人办理", "let others act"),
    Reserved.MOVE: ("迁移注册中心", "move to another home"),
    Reserved.REGISTER: ("提交材料", "hand in documents"),
}


def approve(args: argparse.Namespace) -> int:
    """Show what the first officer wants to do, and sign."""
    wallet, scribe, client = open_session(args)
    client.close()
    opened = open_held(read_file(args.file), scribe)
    if opened.approval is not None:
        raise ConfigError(
            "a second officer has approved this already; the first hands it in: heqi wallet submit"
        )
    if not args.json:
        _print(opened)
    if not args.yes and input("复核无误并签名？ Approve just this? [y/N] ").strip().lower() not in {
        "y",
        "yes",
    }:
        say("未签名", "nothing was signed")
        return 1
    held = sign_approval(opened, scribe, wallet.delegation())
    replace_file(args.file, msgspec.json.encode(held))
    if args.json:
        print_json({"act": opened.act.value, "file": str(args.file), "approved": True})
    else:
        say(f"已复核：{args.file}", "approved; the first officer hands it in: heqi wallet submit FILE")
    return 0


def submit(args: argparse.Namespace) -> int:
    """As the first officer: sign what was approved, and hand it in."""
    wallet, scribe, client = open_session(args)
    client.close()
    opened = open_held(read_file(args.file), scribe)
    token, document = finish(opened, scribe), opened.document
    if isinstance(document, Grant):
        home = WalletClient(wallet.member(document.home))
        return sharing.give(args, wallet, scribe, home, token, opened.held.request)
    if isinstance(document, Mandate):
        mandates.bring(args, wallet, scribe, token, args.out or args.file.with_suffix(".jwt"))
        return 0
    assert isinstance(document, RegisterCall | EraseCall | MoveCall | ControllerCall), "the rest of ACTS"
    with WalletClient(wallet.member(document.node)) as node:
        if isinstance(document, RegisterCall):
            registered = node.register(token)
            wallet.remember_package(document.records)
            setup.tell(args, registered)
        elif isinstance(document, EraseCall):
            erasing.send(args, wallet, scribe, node, token)
        elif isinstance(document, MoveCall):
            moving.hand_over(args, wallet, scribe, node, token)
        else:
            keys.send_change(args, scribe, node, token)
    return 0


def _print(opened: Opened) -> None:
    """In plain words; what comes from a file may hold anything."""
    drafted = datetime.fromtimestamp(opened.document.iat, UTC).strftime("%Y-%m-%d %H:%M UTC")
    chinese, english = WORDS[opened.act]
    say(
        f"经办人 {opened.key[:24]}… 于 {drafted} 拟办：{chinese}",
        f"the officer with this key drafted, at that time: {english}",
    )
    match opened.document:
        case Grant() as grant:
            sharing.print_terms(grant, printable(" ".join(grant.aud)))
            if grant.standing:
                say("  长期授权：不再逐次询问", "a standing grant: nobody is asked again")
        case Mandate() as mandate:
            mandates.print_mandate(mandate)
        case RegisterCall() as call:
            say(f"  提交给 {printable(call.node)}：", f"to {printable(call.node)}:")
            _print_documents(call)
            _print_reserved(call.delegation)
        case EraseCall() as call:
            what = ", ".join(map(printable, call.categories)) or "全部 everything"
            say(f"  在 {printable(call.node)} 删除：{what}", "erased there, for good")
        case MoveCall() as call:
            node = printable(call.node)
            say(f"  迁往 {node}，带去材料 {len(call.records)} 份", f"to {node}, with that many documents")
            _print_reserved(call.delegation)
        case ControllerCall() as call:
            if call.added:
                say(f"  增加密钥 {call.added}", "this key will speak for the company; ask its owner for it")
            if call.removed:
                say(
                    f"  移除密钥 {call.removed}", "this key, and every grant that it signed or approved, ends"
                )


def _print_documents(call: RegisterCall) -> None:
    for one in call.records:
        print(f"    {printable(one.category)}:{printable(one.thing)}")
        for name, value in one.fields.items():
            print(f"      {printable(name)} = {printable(str(value))}")


def _print_reserved(delegation: str) -> None:
    reserved = reserved_by([peek_certified(delegation, Delegation)])
    words = [WORDS[one] for one in Reserved if one in reserved]
    say(
        f"  其证书委托规定须双人办理：{'、'.join(one for one, _ in words) or '无'}",
        f"its delegation reserves for two officers: {', '.join(one for _, one in words) or 'nothing'}",
    )
