"""Guarantees: claims that are examined, steps on their way, lines, and what waits at a guarantor's desk."""

from datetime import UTC, datetime

from node.domain.calendar import AHEAD_SECONDS
from node.probes import Examination, GuaranteeFacts, NodeState
from node.services.doctor.finding import Finding, Unknown, error, note, ok, warning

_OLD_STEP_SECONDS = 3_600.0
_OLD_PAYMENT_SECONDS = 86_400.0
_OLD_ORDER_SECONDS = 3_600.0
_OLD_APPLICATION_SECONDS = 3 * 86_400.0
_SHORT = 16


def check_guarantees(state: NodeState | Unknown) -> list[Finding]:
    """What a guarantor owes within a time, and what has not reached its parties."""
    if isinstance(state, Unknown):
        return []
    facts = state.guarantees
    found = [finding for one in facts.examinations if (finding := _examination(one)) is not None]
    found += [_exceeded(guarantee) for guarantee in facts.lines_exceeded]
    if facts.steps_oldest_seconds > _OLD_STEP_SECONDS:
        found.append(_undelivered(facts))
    return found or [
        ok(
            f"{len(facts.examinations)} 项索赔在审，均在期内；{facts.steps_undelivered} 份保函变更文件待送达",
            f"{len(facts.examinations)} claims are examined, none is pressing; {facts.steps_undelivered} documents "
            "of steps are on their way",
        )
    ]


def check_desk(state: NodeState | Unknown) -> list[Finding]:
    """What waits for a guarantor's own people, its rules, and its core bank."""
    if isinstance(state, Unknown):
        return []
    facts, found = state.guarantees, list[Finding]()
    if facts.rules_trouble:
        found.append(
            warning(
                "RULES_NOT_IN_FORCE",
                (
                    f"所配置的开函规则未生效，申请全部转人工：{facts.rules_trouble}",
                    f"the configured rules for issuing are not in force, people decide all: {facts.rules_trouble}",
                ),
                (
                    "heqi guarantee rules check 检查文件；由另一人核对后填写 guarantor.rules_sha256，再 rules load",
                    (
                        "check the file with heqi guarantee rules check; have a second person enter its hash as "
                        "guarantor.rules_sha256, then heqi guarantee rules load"
                    ),
                ),
            )
        )
    if facts.orders_parked:
        found.append(
            warning(
                "ORDERS_PARKED",
                (
                    f"{facts.orders_parked} 笔核心系统指令被搁置，等待人工处理",
                    f"{facts.orders_parked} orders to the core bank are parked and wait for a person",
                ),
                (
                    "heqi guarantee bank list 查看原因，查账后 retry 或 drop",
                    "heqi guarantee bank list shows the reasons; look into the books, then retry or drop",
                ),
            )
        )
    if facts.system_troubles:
        found.append(
            warning(
                "SYSTEM_ORDERS_PARKED",
                (
                    f"保函业务系统的 {facts.system_troubles} 笔订单有误或被搁置，等待人工处理",
                    f"{facts.system_troubles} orders at the guarantee system are parked or wrong: a person decides",
                ),
                (
                    "heqi guarantee system list 查看原因，与该系统核对后 retry 或 drop",
                    "heqi guarantee system list shows the reasons; compare with that system, then retry or drop",
                ),
            )
        )
    if facts.orders_oldest_seconds > _OLD_ORDER_SECONDS:
        hours = facts.orders_oldest_seconds / 3_600
        found.append(
            warning(
                "ORDERS_OLD",
                (
                    f"{facts.orders_open} 笔核心系统指令未办结，最早已等 {hours:.0f} 小时",
                    f"{facts.orders_open} orders to the core bank are not done, the oldest for {hours:.0f} hours",
                ),
                (
                    "检查核心系统及其接口；heqi guarantee bank list 列出原因",
                    "check the core banking system and the way to it; heqi guarantee bank list names the reasons",
                ),
            )
        )
    if facts.payments_oldest_seconds > _OLD_PAYMENT_SECONDS:
        hours = facts.payments_oldest_seconds / 3_600
        found.append(
            warning(
                "PAYMENTS_DUE",
                (
                    f"{facts.payments_due} 件索赔已相符而未付款，最早已 {hours:.0f} 小时",
                    f"{facts.payments_due} claims comply and are not paid, the oldest for {hours:.0f} hours",
                ),
                (
                    "heqi guarantee pay 核对后放款；未由核心系统付款的，付款后 heqi guarantee step … pay",
                    (
                        "check and release them: heqi guarantee pay; where the core bank does not pay claims, "
                        "pay and state it: heqi guarantee step … pay"
                    ),
                ),
            )
        )
    if facts.payments_unstated:
        found.append(
            warning(
                "PAYMENT_UNSTATED",
                (
                    f"{facts.payments_unstated} 笔赔付已付出，账本却不能登记（止付或撤回）",
                    f"{facts.payments_unstated} payments were made and the ledger takes none: stayed, or withdrawn",
                ),
                (
                    "heqi guarantee pay 查看原因；另行了结后 --close",
                    "heqi guarantee pay shows why; once it is settled otherwise, say so with --close",
                ),
            )
        )
    if facts.desk_oldest_seconds > _OLD_APPLICATION_SECONDS:
        days = facts.desk_oldest_seconds / 86_400
        found.append(
            warning(
                "APPLICATIONS_OLD",
                (
                    f"{facts.desk_waiting} 件保函申请等待担保人办理，最早已 {days:.0f} 天",
                    f"{facts.desk_waiting} applications wait for this guarantor, the oldest for {days:.0f} days",
                ),
                (
                    "heqi guarantee list --open 逐件决定；投标截止后开立即无意义",
                    "decide them: heqi guarantee list --open; after the deadline for bids a guarantee is of no use",
                ),
            )
        )
    return found or [
        ok(
            f"{facts.desk_waiting} 件申请待办，{facts.orders_open} 笔核心系统指令在途，无积压",
            f"{facts.desk_waiting} applications wait, {facts.orders_open} orders to the core bank are under way, "
            "none for long",
        )
    ]


def check_openings(state: NodeState | Unknown) -> list[Finding]:
    """Sealed tenders: those of this centre that should be open, or might not be opened; keys for others'."""
    if isinstance(state, Unknown):
        return []
    facts, found = state.guarantees, list[Finding]()
    for opening in facts.openings_late:
        found.append(
            warning(
                "OPENING_LATE",
                (
                    f"开标 {opening[:_SHORT]}… 已过约定时刻，尚未开启",
                    f"the opening {opening[:_SHORT]}… has not begun, and its moment has passed",
                ),
                (
                    f"heqi opening open {opening}；推迟则 heqi opening postpone",
                    f"heqi opening open {opening}; or put it off with heqi opening postpone",
                ),
            )
        )
    for opening, missing in facts.openings_short:
        found.append(
            warning(
                "HOLDERS_MISSING",
                (
                    f"开标 {opening[:_SHORT]}… 在册的份额保管人已不足门限，缺 {missing}",
                    f"too few holders of the opening {opening[:_SHORT]}… are in good standing; missing: {missing}",
                ),
                (
                    "联系其运维人员：暂停或退出的成员仍须交出份额；投标人亦可自行开启",
                    (
                        "call their operators: a suspended or leaving member owes its shares; bidders can also open "
                        "their own bids"
                    ),
                ),
            )
        )
    if facts.opening_keys:
        found.append(
            note(
                "HOLDS_KEYS",
                f"本节点为他人开标保管 {facts.opening_keys} 把密钥：只在数据目录中，须纳入备份，开标前勿停用节点",
                f"this node keeps {facts.opening_keys} keys for others' openings: they are in its data folder alone, "
                "so back it up, and keep the node running until those are open",
            )
        )
    return found or [ok("没有延误的开标", "no opening is late")]


def _examination(one: Examination) -> Finding | None:
    day = datetime.fromtimestamp(one.due + AHEAD_SECONDS, UTC).strftime("%Y-%m-%d %H:%M")
    if one.days_left < 0:
        return error(
            "EXAMINATION_OVER",
            (
                f"保函 {one.guarantee[:_SHORT]}… 的索赔审查期已过（{day} 北京时间），不得再提不符点",
                (
                    f"the time for examining a claim on guarantee {one.guarantee[:_SHORT]}… ended at {day}, Beijing: "
                    "nothing can be objected any more"
                ),
            ),
            (
                "认定相符并付款，heqi guarantee claims",
                "find it complying and pay: heqi guarantee claims",
            ),
        )
    if one.days_left > 1:
        return None
    return warning(
        "EXAMINATION_ENDS",
        (
            f"保函 {one.guarantee[:_SHORT]}… 的索赔须在 {day}（北京时间）前答复，此后尚余 {one.days_left} 个工作日",
            (
                f"the claim on guarantee {one.guarantee[:_SHORT]}… must be answered before {day} (Beijing); "
                f"{one.days_left} working days are left after today"
            ),
        ),
        (
            "heqi guarantee claims；一次列明全部不符点，或认定相符",
            "heqi guarantee claims: state all discrepancies at once, or find it complying",
        ),
    )


def _exceeded(guarantee: str) -> Finding:
    return warning(
        "LINE_EXCEEDED",
        (
            f"保函 {guarantee[:_SHORT]}… 下可索赔的金额超出申请人的授信额度",
            f"more can be claimed under guarantee {guarantee[:_SHORT]}… than its applicant's line allows",
        ),
        (
            f"heqi guarantee life {guarantee} 查明，再以更高额度重新授信（heqi guarantee line grant），随后自动计入",
            (
                f"look with heqi guarantee life {guarantee}, then grant the line again, higher (heqi guarantee line "
                "grant): it is counted by itself"
            ),
        ),
    )


def _undelivered(facts: GuaranteeFacts) -> Finding:
    hours, names = facts.steps_oldest_seconds / 3_600, ", ".join(facts.steps_to)
    return warning(
        "STEPS_UNDELIVERED",
        (
            f"{facts.steps_undelivered} 份保函变更文件未送达 {names}，最早已 {hours:.0f} 小时",
            (
                f"{facts.steps_undelivered} documents of guarantees' steps have not reached {names}, the oldest for "
                f"{hours:.0f} hours"
            ),
        ),
        (
            "检查到对方节点的网络，联系其运维人员；节点会继续重试",
            "check the network to their nodes and call their operators; this node goes on trying",
        ),
    )
