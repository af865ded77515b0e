"""`heqi guarantee show | ask | offer | fee | lapse`: the desk between application and issue."""

import argparse

from heqi.v1 import desk_service_pb2 as pb

from node.cli.arguments import Commands
from node.cli.client import OperatorClient
from node.cli.guarantee_system import STATES, facts_of
from node.cli.output import print_json, print_table, say
from node.domain.document import peek_document
from node.domain.offer import GuaranteeOffer

_DAY = 86_400
VERDICTS = {"HOLDS": "符合", "FAILS": "不符", "UNKNOWN": "无从判断"}
OUTCOMES = {"issue": "自动开立", "offer": "自动报价", "refuse": "自动拒绝", "manual": "转人工"}


def describe(commands: Commands) -> None:
    """Describe the commands."""
    one = commands.add_parser("show", help="申请与决定的依据 | one application, and why it was decided so")
    one.set_defaults(run=show)
    one = commands.add_parser("ask", help="要求补充 | ask the applicant for what is missing")
    one.add_argument("--needs", required=True, help="缺什么，告知申请人 | what, told to the applicant")
    one.set_defaults(run=ask)
    one = commands.add_parser("offer", help="报价 | sign fee and conditions")
    one.add_argument("--fee", required=True, help="保费（元）| plain decimal, 0 for none")
    one.add_argument("--currency", default="CNY")
    one.add_argument("--conditions", default="", help="合同名称等 | standard contract, for instance")
    one.add_argument("--days", type=int, default=7, help="报价有效天数 | valid for days (default 7)")
    one.set_defaults(run=offer)
    one = commands.add_parser("fee", help="确认保费到账 | the fee has been paid")
    one.add_argument("--reference", required=True, help="入账流水号 | by what it is found in the books")
    one.set_defaults(run=fee)
    one = commands.add_parser("lapse", help="报价失效 | end an offer whose time is over")
    one.set_defaults(run=lapse)
    for name in ("show", "ask", "offer", "fee", "lapse"):
        commands.choices[name].add_argument("application")


def show(args: argparse.Namespace) -> None:
    """Show an application with all that is known of its decision."""
    with OperatorClient(args.home) as node:
        request = pb.GetApplicationRequest(application_id=args.application)
        found = node.call(node.desk.GetApplication, request)
    facts = {
        "state": found.state,
        "outcome": found.decision.outcome,
        "reason": found.decision.reason,
        "problem": found.problem,
        "needs": found.needs,
        "refusals": found.refusals,
        "fee_reference": found.fee_reference,
    }
    if found.offer:
        terms = peek_document(found.offer, GuaranteeOffer)
        facts |= {"fee": f"{terms.fee} {terms.fee_currency}", "conditions": terms.conditions}
    order = found.system_order if found.HasField("system_order") else None
    if order is not None:
        facts |= {
            "system": f"{STATES.get(order.state, '')} {order.state}",
            "system_number": order.number,
            "system_file_sha256": order.file_digest,
            "system_problem": order.problem,
        }
    if args.json:
        if order is not None:
            facts |= {"system": facts_of(order)}
        print_json(facts | {"findings": findings_json(found.decision), "rules": found.decision.rules_digest})
        return
    print_table(("项目 item", "值 value"), [(name, value) for name, value in facts.items() if value != ""])
    if found.decision.findings:
        print_decision(found.decision)


def print_decision(decision: pb.RuleDecision) -> None:
    """Each rule with what it saw and said."""
    rows = [
        (one.rule, one.check, f"{VERDICTS.get(one.verdict, '')} {one.verdict}", ", ".join(one.saw))
        for one in decision.findings
    ]
    print_table(("规则 rule", "检查 check", "结论 verdict", "所见字段 saw"), rows)
    say(f"结论：{OUTCOMES.get(decision.outcome, decision.outcome)}", f"outcome: {decision.outcome}")


def findings_json(decision: pb.RuleDecision) -> list[dict[str, object]]:
    """The same for machines."""
    return [
        {"rule": one.rule, "check": one.check, "verdict": one.verdict, "saw": list(one.saw)}
        for one in decision.findings
    ]


def ask(args: argparse.Namespace) -> None:
    """Ask the applicant for what is missing."""
    with OperatorClient(args.home) as node:
        request = pb.AskApplicantRequest(application_id=args.application, needs=args.needs)
        node.call(node.desk.AskApplicant, request)
    say("已要求补充", "asked; the applicant applies anew under the same code")


def offer(args: argparse.Namespace) -> None:
    """Sign fee and conditions."""
    with OperatorClient(args.home) as node:
        request = pb.OfferGuaranteeRequest(
            application_id=args.application,
            fee=args.fee,
            currency=args.currency,
            conditions=args.conditions,
            valid_seconds=args.days * _DAY,
        )
        signed = node.call(node.desk.OfferGuarantee, request).offer
    if args.json:
        print_json({"offer": signed})
    else:
        say("已报价", "offered; issue it once the applicant has signed and the fee is there")


def fee(args: argparse.Namespace) -> None:
    """The fee has been paid."""
    with OperatorClient(args.home) as node:
        request = pb.ConfirmFeeRequest(application_id=args.application, reference=args.reference)
        node.call(node.desk.ConfirmFee, request)
    say("保费已确认", "the fee is there; the guarantee can be issued")


def lapse(args: argparse.Namespace) -> None:
    """End an offer whose time is over."""
    with OperatorClient(args.home) as node:
        node.call(node.desk.LapseOffer, pb.LapseOfferRequest(application_id=args.application))
    say("报价已失效", "the offer is over, and the code is free again")
