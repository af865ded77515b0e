"""What waits: the outbox, and what was parked."""

from node.probes import NodeState
from node.services.doctor.finding import Finding, Unknown, error, note, ok, warning

_OLD_SECONDS = 600.0
_OLD_ERASURE_SECONDS = 3_600.0
_OLD_NOTICE_SECONDS = 86_400.0
_OLD_RECEIPT_SECONDS = 3_600.0


def check_outbox(state: NodeState | Unknown) -> list[Finding]:
    """Items that should have reached the ledger."""
    if isinstance(state, Unknown):
        return []
    found = [
        warning(
            "CALL_PARKED",
            (
                f"发件箱第 {item.number} 项（{item.object}）被合约拒绝：{item.problem}",
                f"outbox item {item.number} ({item.object}) was refused by a contract: {item.problem}",
            ),
            (
                f"排除原因后 heqi alliance release {item.number}，或 heqi alliance drop {item.number} 放弃",
                (
                    f"put the cause right and run heqi alliance release {item.number}, or give it up with heqi "
                    f"alliance drop {item.number}"
                ),
            ),
        )
        for item in state.outbox_parked
    ]
    more = state.outbox_parked_count - len(found)
    if more:
        found.append(
            warning(
                "CALL_PARKED",
                (f"另有 {more} 项被搁置", f"{more} more are parked"),
                ("heqi alliance status 列出全部", "heqi alliance status lists all"),
            )
        )
    if state.outbox_oldest_seconds > _OLD_SECONDS and state.outbox_count > state.outbox_parked_count:
        minutes = state.outbox_oldest_seconds / 60
        found.append(
            warning(
                "OUTBOX_OLD",
                (
                    f"发件箱最早一项已等待 {minutes:.0f} 分钟（共 {state.outbox_count} 项）",
                    f"the oldest item of the outbox has waited {minutes:.0f} minutes ({state.outbox_count} in all)",
                ),
                (
                    "检查引擎；节点未运行时启动节点",
                    "check the engine; if the node does not run, start it",
                ),
            )
        )
    return found or [
        ok(
            f"发件箱 {state.outbox_count} 项，无积压",
            f"{state.outbox_count} items in the outbox, none old or parked",
        )
    ]


def check_proofs(state: NodeState | Unknown) -> list[Finding]:
    """Ledger proofs: without them a bundle rests on the members' signatures alone."""
    if isinstance(state, Unknown):
        return []
    found = []
    if state.proofs_lost:
        found.append(
            note(
                "PROOFS_LOST",
                f"{state.proofs_lost} 份账本证明已无法取得：相关证据包仍有效，但不含账本证明",
                f"{state.proofs_lost} ledger proofs could not be had: those bundles are good, and go without",
            )
        )
    if state.proofs_oldest_seconds > _OLD_SECONDS:
        minutes = state.proofs_oldest_seconds / 60
        found.append(
            warning(
                "PROOFS_OLD",
                (
                    f"{state.proofs_waiting} 份账本证明等待取得，最早已等 {minutes:.0f} 分钟",
                    f"{state.proofs_waiting} ledger proofs are to be taken, the oldest for {minutes:.0f} minutes",
                ),
                (
                    "检查引擎是否运行并提供 eth_getProof；节点未运行时启动节点",
                    "check that the engine runs and offers eth_getProof; if the node does not run, start it",
                ),
            )
        )
    return found or [
        ok(
            f"账本证明：{state.proofs_waiting} 份待取，无遗失",
            f"{state.proofs_waiting} ledger proofs still to be taken, none lost",
        )
    ]


def check_parked(state: NodeState | Unknown) -> list[Finding]:
    """Records that could not be used."""
    if isinstance(state, Unknown):
        return []
    if not state.parked:
        return [ok("没有搁置的记录", "no record is parked")]
    return [
        warning(
            "RECORDS_PARKED",
            (
                f"{state.parked} 条记录被搁置，等待处理",
                f"{state.parked} records are parked and wait for a decision",
            ),
            (
                "heqi record parked 查看原因，再 release 或 drop",
                "heqi record parked shows the reasons; then release or drop",
            ),
        )
    ]


def check_definitions(state: NodeState | Unknown) -> list[Finding]:
    """Categories of records that this node cannot take."""
    if isinstance(state, Unknown):
        return []
    if not state.definitions_lacking:
        return [ok("各类记录的现行定义齐全", "the definitions in force are all here")]
    return [
        warning(
            "DEFINITION_LACKING",
            (
                f"{category} 暂不接收新记录，其余类别照常",
                f"{category} takes no new record, all other categories do: {problem}",
            ),
            (
                "节点会向成员索取定义文本，请检查网络；文本不可用时由成员表决新版本（heqi catalogue propose）",
                (
                    "the node asks the members for the text, check that they are reached; if the text cannot be "
                    "used, have the members vote on a next version (heqi catalogue propose)"
                ),
            ),
        )
        for category, problem in state.definitions_lacking
    ]


def check_notices(state: NodeState | Unknown) -> list[Finding]:
    """Members that were told to delete something, or of something newer, and have not answered."""
    if isinstance(state, Unknown):
        return []
    if state.notices_oldest_seconds <= _OLD_NOTICE_SECONDS:
        return [
            ok(
                f"{state.notices_waiting} 份通知待答复，无逾期",
                f"{state.notices_waiting} notices wait for an answer, none for long",
            )
        ]
    days = state.notices_oldest_seconds / 86_400
    return [
        warning(
            "NOTICES_UNANSWERED",
            (
                f"{state.notices_waiting} 份通知未获答复，最早已 {days:.0f} 天：持有方可能仍在使用该数据",
                (
                    f"{state.notices_waiting} notices are not answered, the oldest for {days:.0f} days: a member may "
                    "still use what was withdrawn or erased"
                ),
            ),
            (
                "heqi notice list --waiting 查看成员，联系其运维人员",
                "heqi notice list --waiting names the members: call their operators",
            ),
        )
    ]


def check_erasures(state: NodeState | Unknown) -> list[Finding]:
    """What should be erased and is not; whether anything that was erased may be back."""
    if isinstance(state, Unknown):
        return []
    found: list[Finding] = []
    if state.erasure_list_trouble:
        found.append(
            error(
                "ERASURE_LIST",
                (
                    "删除清单可能不完整，主体数据暂停提供",
                    f"subjects' data is not served: {state.erasure_list_trouble}",
                ),
                (
                    "停止节点，把最新的 erasures 目录放回；若已失，heqi erasure accept",
                    "stop the node and put the newest folder erasures back; if it is lost, heqi erasure accept",
                ),
            )
        )
    if state.erasures_overdue:
        found.append(
            warning(
                "ERASURE_OVERDUE",
                (
                    f"{state.erasures_overdue} 份数据保存期已满，尚未删除",
                    f"{state.erasures_overdue} parts that a legal period held should have been erased by now",
                ),
                ("启动节点，到期自动删除", "run the node: it erases what is due every hour"),
            )
        )
    if state.erasure_oldest_seconds > _OLD_ERASURE_SECONDS:
        hours = state.erasure_oldest_seconds / 3_600
        found.append(
            warning(
                "ERASURE_OPEN",
                (
                    f"一项删除 {hours:.0f} 小时未完成",
                    f"an erasure was asked for {hours:.0f} hours ago, and its bytes may still be in files",
                ),
                (
                    "启动节点；仍不完成，重启节点以关闭长时间的读取",
                    "run the node; if that does not help restart it: somebody reads what was there before",
                ),
            )
        )
    return found or [ok("没有拖延的删除", "no erasure is late")]


def check_legal_receipts(state: NodeState | Unknown) -> list[Finding]:
    """Reads on a legal basis whose reader has not countersigned what it got."""
    if isinstance(state, Unknown):
        return []
    if state.legal_receipt_oldest_seconds <= _OLD_RECEIPT_SECONDS:
        return [ok("依法查询的回执齐全", "no receipt of a read on a legal basis is late")]
    hours = state.legal_receipt_oldest_seconds / 3_600
    return [
        warning(
            "LEGAL_RECEIPT_MISSING",
            (
                f"{state.legal_receipts_missing} 次依法查询缺读取方回执，最早已 {hours:.0f} 小时",
                (
                    f"{state.legal_receipts_missing} reads on a legal basis lack the reader's receipt, the oldest "
                    f"for {hours:.0f} hours"
                ),
            ),
            (
                "heqi record list --category access.legal 查明读取方，要求其补交回执；它可能未核验即使用",
                (
                    "heqi record list --category access.legal names the reader: ask it for the receipt; it may have "
                    "used the data without checking it"
                ),
            ),
        )
    ]
