"""What a step of a guarantee states, from the options of a command; the same for operators and wallets."""

import argparse
import hashlib
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from heqi.v1 import guarantee_pb2 as pb

from node.cli.output import print_json, print_table
from node.config import read_file
from node.domain.guarantee_statement import (
    CONTENT,
    Amendment,
    Claim,
    Discrepancy,
    Enclosure,
    FailedTender,
    Ground,
    Notice,
    Order,
    Payment,
    Reason,
    Reduction,
    Says,
)
from node.domain.guarantee_table import Event, Mover, State, mover_of
from node.errors import ConfigError

BEIJING = timezone(timedelta(hours=8))
STATES = {
    State.ISSUED: "有效",
    State.RELEASED: "已解保",
    State.AMENDMENT_PROPOSED: "批改待答复",
    State.CLAIMED: "索赔审核中",
    State.EXTEND_OR_PAY: "索赔或展期审核中",
    State.SUSPENDED: "暂缓付款",
    State.COMPLYING: "相符待付",
    State.DISCREPANT: "不符拒付",
    State.STAYED: "止付",
    State.SUED: "止付已起诉",
    State.SURRENDER_ASKED: "申请退保",
    State.SURRENDER_AGREED: "同意退保",
    State.VOID_ATTESTED: "流标待确认",
    State.CLOSED: "已结清",
    State.EXPIRED: "已到期",
    State.SURRENDERED: "已退保",
    State.VOID: "流标注销",
}
EVENTS = {
    Event.PROPOSE: "批改/展期",
    Event.ACCEPT: "接受",
    Event.REFUSE: "拒绝",
    Event.REDUCE: "减额",
    Event.CLAIM: "索赔",
    Event.CLAIM_EXTEND_OR_PAY: "索赔或展期",
    Event.FIND_COMPLYING: "认定相符",
    Event.FIND_DISCREPANT: "认定不符",
    Event.PRECLUDE: "逾期视为相符",
    Event.WITHDRAW: "撤回索赔",
    Event.SUSPEND: "暂缓付款",
    Event.EXTEND: "同意展期",
    Event.STAY: "止付",
    Event.RECORD_SUIT: "登记起诉",
    Event.LIFT: "解除止付",
    Event.LAPSE: "止付失效",
    Event.LIFT_ON_ORDER: "凭裁定解除止付",
    Event.PROHIBIT: "判决终止支付",
    Event.PAY_PART: "部分付款",
    Event.PAY: "付清",
    Event.EXPIRE: "到期",
    Event.ASK_SURRENDER: "申请退保",
    Event.AGREE_SURRENDER: "同意退保",
    Event.ATTEST_VOID: "证明流标",
    Event.CLOSE_VOID: "流标注销",
}
"""Without issue and release, which have commands of their own."""
_OPTIONS: dict[type[Says], str] = {
    Amendment: "--amount --until --reason",
    Claim: "--amount --breach --payee [--enclose FILE …]",
    Notice: "--discrepancy TEXT …",
    Payment: "--amount --proof FILE",
    Order: "--court --order-number --order-date",
    Reduction: "--amount --proof FILE",
    FailedTender: "--section --reason",
    Reason: "--reason",
}
_MOVERS = {
    Mover.GUARANTOR: "担保人",
    Mover.BENEFICIARY: "受益人",
    Mover.APPLICANT: "申请人",
    Mover.CENTRE: "中心",
}


def word(event: Event) -> str:
    """As it is written in a command."""
    return event.name.lower().replace("_", "-")


def add_options(parser: argparse.ArgumentParser, movers: tuple[Mover, ...]) -> None:
    """Describe the event and everything that one can state; the help lists what each asks for."""
    events = [event for event in EVENTS if mover_of(event) in movers]
    lines = ["事件、谁、要填的 | events, by whom, with what:"]
    for event in events:
        wanted = _OPTIONS[CONTENT.get(event, Reason)]
        if event is Event.CLAIM_EXTEND_OR_PAY:
            wanted += " --until"
        lines.append(f"  {word(event):20} {EVENTS[event]}, {_MOVERS[mover_of(event)]}: {wanted}")
    lines.append("何时可行 | when each is possible: docs/guarantees.md")
    parser.epilog = "\n".join(lines)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("event", choices=[word(event) for event in events], metavar="EVENT")
    parser.add_argument("--reason", help="原因 | reason")
    parser.add_argument("--amount", help="金额（元）| plain decimal")
    parser.add_argument("--until", help="新的到期日 YYYY-MM-DD，北京时间当日结束 | new end: end of that day")
    parser.add_argument("--breach", help="违约声明 | in which respect the applicant is in breach")
    parser.add_argument("--payee", help="收款账户，不上链 | account to pay to; not on the ledger")
    parser.add_argument(
        "--enclose",
        action="append",
        default=[],
        type=Path,
        help="附件（只记哈希）| enclosed file, by its hash",
    )
    parser.add_argument(
        "--discrepancy",
        action="append",
        default=[],
        metavar="[GROUND:]TEXT",
        help="不符点，一次列全；GROUND 为 document（默认）、defence、cover | every one at once",
    )
    parser.add_argument("--proof", type=Path, help="付款凭证或减额文件 | proof of payment, or of a reduction")
    parser.add_argument("--court", help="法院或仲裁机构 | court or tribunal")
    parser.add_argument("--order-number", help="案号 | number of the order")
    parser.add_argument("--order-date", help="日期 YYYY-MM-DD | its date")
    parser.add_argument("--section", help="标段编号 | section of the tender")


def event_named(args: argparse.Namespace) -> Event:
    """The event that a command names."""
    return Event[args.event.upper().replace("-", "_")]


def says_of(event: Event, args: argparse.Namespace) -> Says:
    """What the options state.

    Raises:
        ConfigError: an option that the event asks for is missing, or a file cannot be read.
    """
    match CONTENT.get(event, Reason).__name__:
        case "Amendment":
            return Amendment(
                _wanted(args, "amount"), _end_of(_wanted(args, "until")), _wanted(args, "reason")
            )
        case "Claim":
            longer = _end_of(_wanted(args, "until")) if event is Event.CLAIM_EXTEND_OR_PAY else 0
            enclosed = tuple(Enclosure(path.name, _hash(path)) for path in args.enclose)
            return Claim(
                _wanted(args, "amount"), _wanted(args, "breach"), enclosed, _wanted(args, "payee"), longer
            )
        case "Notice":
            return Notice(tuple(_discrepancy(text) for text in _wanted(args, "discrepancy")))
        case "Payment":
            return Payment(_wanted(args, "amount"), _hash(_wanted(args, "proof")))
        case "Order":
            return Order(_wanted(args, "court"), _wanted(args, "order_number"), _wanted(args, "order_date"))
        case "Reduction":
            return Reduction(_wanted(args, "amount"), _hash(_wanted(args, "proof")))
        case "FailedTender":
            return FailedTender(_wanted(args, "section"), _wanted(args, "reason"))
        case _:
            return Reason(_wanted(args, "reason"))


def show_life(life: pb.GuaranteeLife, *, as_json: bool, mover: str = "") -> None:
    """Print how a guarantee stands: terms, what happened, what can be done by `mover` or anybody."""
    possible = [one for one in life.possible if mover in {"", one.mover}]
    facts = {
        "guarantee": life.guarantee_id,
        "number": f"{life.guarantor} {life.number}",
        "applicant": life.applicant_name,
        "beneficiary": life.beneficiary_name,
        "state": life.state,
        "amount": f"{life.amount} {life.currency}",
        "paid": life.paid,
        "until": _moment(life.end_time_seconds),
        "due": _moment(life.due_time_seconds),
        "working_days_left": life.working_days_left,
        "complete": life.is_complete,
    }
    if as_json:
        steps = [
            {
                "sequence": one.sequence,
                "event": one.event,
                "state": one.state,
                "document": one.document,
                "problem": one.problem,
            }
            for one in life.steps
        ]
        can = [
            {
                "event": one.event,
                "by": one.mover,
                "opens": one.opens_time_seconds,
                "closes": one.closes_time_seconds,
            }
            for one in possible
        ]
        print_json(facts | {"steps": steps, "possible": can})
        return
    facts["state"] = f"{STATES.get(State.__members__.get(life.state, State.NONE), '')} {life.state}"
    print_table(("项目 item", "值 value"), list(facts.items()))
    rows = [(one.sequence, _named(one.event), one.state, one.problem) for one in life.steps]
    print_table(("序 no", "已发生 happened", "状态 state", "问题 problem"), rows)
    can_rows = [
        (_named(one.event), one.mover, _moment(one.opens_time_seconds), _moment(one.closes_time_seconds))
        for one in possible
    ]
    print_table(("可做 possible", "由 by", "自 from", "至 until"), can_rows)


def _named(name: str) -> str:
    event = Event.__members__.get(name)
    return name if event is None else f"{EVENTS.get(event, '解保')} {word(event)}"


def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, BEIJING).isoformat() if seconds else ""


def _wanted(args: argparse.Namespace, name: str) -> Any:
    value = getattr(args, name)
    if not value:
        raise ConfigError(f"{args.event} needs --{name.replace('_', '-')}")
    return value


def _end_of(day: str) -> int:
    try:
        return int((datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=BEIJING) + timedelta(1)).timestamp())
    except ValueError as error:
        raise ConfigError(f"{day} is no date: YYYY-MM-DD") from error


def _discrepancy(text: str) -> Discrepancy:
    ground, colon, rest = text.partition(":")
    known: dict[str, Ground] = {"document": "document", "defence": "defence", "cover": "cover"}
    if colon and ground in known:
        return Discrepancy(known[ground], rest.strip())
    return Discrepancy("document", text)


def _hash(path: Path) -> str:
    return hashlib.sha256(read_file(path)).hexdigest()
