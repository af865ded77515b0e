"""The log against its own anchors: the ledger keeps what a folder that was put back has forgotten."""

from node.probes import AnchorFacts, NodeState
from node.services.doctor.finding import Finding, Unknown, error, note, ok, unexamined


def check_log(state: NodeState | Unknown, anchor: AnchorFacts | Unknown) -> list[Finding]:
    """Size and root at the last anchor, computed again from the stored nodes.

    Args:
        state: of the node, asked at the anchor's size.
        anchor: what the ledger has.
    """
    if isinstance(state, Unknown):
        return []  # told by the check of the node itself
    if isinstance(anchor, Unknown):
        return [unexamined(anchor)]
    if not anchor.size:
        return [
            note(
                "NOT_ANCHORED",
                f"账本上尚无本日志的锚定（本地 {state.log_size} 条）",
                f"the ledger has no anchor of this log yet ({state.log_size} entries here)",
            )
        ]
    if state.log_size < anchor.size:
        return [
            error(
                "LOG_ROLLED_BACK",
                (
                    f"账本上的日志有 {anchor.size} 条，本地只有 {state.log_size} 条：数据目录是旧副本",
                    (
                        f"the ledger has {anchor.size} entries of this log, this folder {state.log_size}: an old "
                        "copy of the data was put back"
                    ),
                ),
                (
                    "不要运行此节点；恢复更新的数据。节点会拒绝续写，以免日志分叉",
                    (
                        "do not go on with this folder; restore newer data. The node refuses to publish, so that "
                        "its log does not fork"
                    ),
                ),
            )
        ]
    if state.root_trouble:
        return [
            error(
                "LOG_DAMAGED",
                (f"无法重算 {anchor.size} 条时的根：{state.root_trouble}",
                 f"the root at {anchor.size} entries cannot be computed again: {state.root_trouble}"),
                _RESTORE,
            )
        ]  # fmt: skip
    if state.root != anchor.root or state.through_size != anchor.size:
        return [
            error(
                "LOG_FORKED",
                (
                    f"{anchor.size} 条时的根与账本上的锚定不同",
                    f"the root at {anchor.size} entries is not the one that is anchored on the ledger",
                ),
                _RESTORE,
            )
        ]
    ahead = state.log_size - anchor.size
    return [
        ok(
            f"日志与锚定一致：{anchor.size} 条已锚定，其后 {ahead} 条待锚定",
            f"the log is the anchored one: {anchor.size} entries anchored, {ahead} wait for the next anchor",
        )
    ]


_RESTORE = (
    "停止节点，保留数据目录作为证据，恢复与账本相符的备份，并通知其他成员",
    "stop the node, keep the data folder as evidence, restore a backup that fits the ledger, tell the other members",
)


def check_alarms(state: NodeState | Unknown) -> list[Finding]:
    """What this node saw as a witness of the others' logs."""
    if isinstance(state, Unknown):
        return []
    return [
        error(
            "LOG_ALARM",
            (
                f"第 {alarm.number} 号警报：{alarm.member} 的日志有误（{alarm.fault}）",
                f"alarm {alarm.number}: the log of {alarm.member} was caught ({alarm.fault})",
            ),
            (
                f"heqi log alarms 显示可供出示的证据；通知其他成员，处理后 heqi log settle {alarm.number}",
                f"heqi log alarms shows the proof; tell the other members; heqi log settle {alarm.number} afterwards",
            ),
        )
        for alarm in state.alarms
    ] or [ok("未发现他人日志有误", "no other member's log was caught at a fault")]
