"""What waits: the outbox, and what was parked."""

from node.probes import NodeState
from node.services.doctor.finding import Finding, Unknown, note, ok, warning

_OLD_SECONDS = 600.0


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
