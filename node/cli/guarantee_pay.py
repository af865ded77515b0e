"""`heqi guarantee pay`: the payment of a claim through the core banking system, from what is due to its proof."""

import argparse
import shlex

from heqi.v1 import desk_service_pb2 as pb

from node.cli.arguments import Commands
from node.cli.client import OperatorClient
from node.cli.output import print_json, print_table, say
from node.errors import ConfigError

_SUMMARY = "赔付：放款与核对 | pay a claim through the core bank: look, then release"
_EPILOG = """\
相符的索赔经放款才付款；放款须写明所核对的金额和账号 | money leaves only on a release that names sum and account:
  heqi guarantee pay --home bank-x                         待放款、在途、未登记 | due, under way, not on the ledger
  heqi guarantee pay --home bank-x GUARANTEE               应付多少、付给谁 | how much, to whom, how it stands
  heqi guarantee pay --home bank-x GUARANTEE --amount 80000 --account '6222 0000'   放款 | release it
  heqi guarantee pay --home bank-x GUARANTEE --close       已付而无法登记，另行了结 | paid, cannot be stated
付款后节点自行登记 PAY / PAY_PART；止付、撤回即召回指令，须重新放款。
Once the bank has paid, the node states it by itself. A stay or a withdrawal recalls the order; release it anew then.
"""
_STATES = {
    "due": "待放款",
    "ordered": "已放款，银行在办",
    "given-up": "指令已收回",
    "paid": "已付，待登记",
    "stated": "已登记",
    "closed": "已了结",
}
_HEADS = ("保函 guarantee", "金额 amount", "收款人 payee", "账号 account", "状态 state", "原因 problem")


def describe(commands: Commands) -> None:
    """Describe the command."""
    one = commands.add_parser(
        "pay",
        help=_SUMMARY,
        description=_SUMMARY,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    one.add_argument("guarantee", nargs="?", default="", help="账本编号 | id on the ledger")
    one.add_argument(
        "--amount", default="", metavar="YUAN", help="核对过的金额 | the amount that was checked"
    )
    one.add_argument("--account", default="", help="核对过的账号 | the account that was checked")
    one.add_argument("--close", action="store_true", help="了结无法登记的付款 | it was settled otherwise")
    one.set_defaults(run=pay)


def pay(args: argparse.Namespace) -> None:
    """List payments, show one, release it, or close it."""
    if bool(args.amount) != bool(args.account) or (args.close and args.amount):
        raise ConfigError("--amount 与 --account 同时给出 | give --amount and --account together, or --close")
    if not args.guarantee and (args.amount or args.close):
        raise ConfigError("请写明保函编号 | name the guarantee")
    with OperatorClient(args.home) as node:
        if not args.guarantee:
            found = node.call(node.desk.ListClaimPayments, pb.ListClaimPaymentsRequest()).payments
            _print_list(list(found), as_json=args.json)
        elif args.close:
            node.call(node.desk.CloseClaimPayment, pb.CloseClaimPaymentRequest(guarantee_id=args.guarantee))
            say("已了结", "closed, on record")
        elif args.amount:
            request = pb.PayClaimRequest(
                guarantee_id=args.guarantee, amount=args.amount, account=args.account
            )
            _print_released(node.call(node.desk.PayClaim, request).payment, as_json=args.json)
        else:
            asked = pb.GetClaimPaymentRequest(guarantee_id=args.guarantee)
            _print_one(args, node.call(node.desk.GetClaimPayment, asked))


def _word(state: str) -> str:
    return f"{_STATES.get(state, '')} {state}".strip()


def _json(one: pb.ClaimPayment) -> dict[str, object]:
    return {
        "guarantee": one.guarantee_id,
        "claim": one.claim_sequence,
        "amount": one.amount,
        "currency": one.currency,
        "beneficiary": one.beneficiary_name,
        "account": one.account,
        "state": one.state,
        "released_by": one.released_by,
        "order": one.order_id,
        "problem": one.problem,
        "reference": one.reference,
        "proof": one.proof,
    }


def _print_list(found: list[pb.ClaimPayment], *, as_json: bool) -> None:
    if as_json:
        print_json([_json(one) for one in found])
        return
    rows = [
        (
            one.guarantee_id,
            f"{one.amount} {one.currency}",
            one.beneficiary_name,
            one.account,
            _word(one.state),
            one.problem,
        )
        for one in found
    ]
    print_table(_HEADS, rows)


def _print_released(one: pb.ClaimPayment, *, as_json: bool) -> None:
    if as_json:
        print_json(_json(one))
    else:
        say(
            f"已放款 {one.amount} {one.currency}，指令 {one.order_id}",
            "released to the core bank; heqi guarantee pay shows when it has paid",
        )


def _print_one(args: argparse.Namespace, found: pb.GetClaimPaymentResponse) -> None:
    one = found.payment
    if args.json:
        print_json(_json(one) | {"order_state": found.order_state, "order_problem": found.order_problem})
        return
    facts = [
        ("金额 amount", f"{one.amount} {one.currency}"),
        ("收款人 payee", one.beneficiary_name),
        ("账号 account", one.account),
        ("索赔 claim", f"第 {one.claim_sequence} 步 | step {one.claim_sequence}"),
        ("状态 state", _word(one.state)),
        ("放款 released by", one.released_by),
        ("指令 order", f"{one.order_id} {found.order_state}".strip()),
        ("指令说明 order problem", found.order_problem),
        ("原因 problem", one.problem),
        ("流水号 reference", one.reference),
        ("凭证 proof", one.proof),
    ]
    print_table(("项目 item", "值 value"), [fact for fact in facts if fact[1]])
    if one.state in {"due", "given-up"}:
        say(
            "核对索赔文件后放款：",
            "check the claim (heqi guarantee life), then release it:\n"
            f"  heqi guarantee pay --home {args.home} {one.guarantee_id} "
            f"--amount {one.amount} --account {shlex.quote(one.account)}",
        )
