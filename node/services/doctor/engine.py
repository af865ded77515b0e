"""The engine: there, of this alliance, with the contracts that the descriptor names, and not standing still."""

from collections.abc import Sequence

from node.domain.ledger import Block
from node.probes import NodeState
from node.services.doctor.finding import Finding, Unknown, error, ok, unexamined, warning

_BEHIND_BLOCKS = 50


def check_engine(
    head: Block | Unknown, differences: Sequence[str] | Unknown, asked_at: float, staleness_seconds: float
) -> list[Finding]:
    """What the engine answers.

    Args:
        head: its newest block.
        differences: from the descriptor.
        asked_at: this machine's clock when the newest block was asked for.
        staleness_seconds: age of a block beyond which the node refuses reads.
    """
    if isinstance(head, Unknown):
        return [
            error(
                "ENGINE_AWAY",
                (f"账本引擎无应答：{head.why}", f"the ledger's engine does not answer: {head.why}"),
                (
                    "检查引擎是否运行（内置引擎：heqi chain）及 ledger.url；期间待上链事项留在发件箱，读取被拒绝",
                    (
                        "check that it runs (embedded: heqi chain) and ledger.url; what must go out waits in the "
                        "outbox, and reads are refused"
                    ),
                ),
            )
        ]
    found = [
        error(
            "FOREIGN_LEDGER",
            (f"账本与联盟描述不符：{one}", f"the ledger is not the descriptor's: {one}"),
            (
                "检查 ledger.url；若地址无误，不要信任该引擎，并通知其他成员",
                "check ledger.url; if it is right, do not rely on this engine, and tell the other members",
            ),
        )
        for one in (() if isinstance(differences, Unknown) else differences)
    ]
    if isinstance(differences, Unknown):
        found.append(unexamined(differences))
    age = asked_at - head.time
    if age > staleness_seconds:
        found.append(
            error(
                "ENGINE_STANDS_STILL",
                (
                    f"最新区块已有 {age:.0f} 秒，上限 {staleness_seconds:.0f} 秒：一切读取均被拒绝",
                    (
                        f"the newest block is {age:.0f} s old, the limit is {staleness_seconds:.0f} s: every read is "
                        "refused, of what is kept too"
                    ),
                ),
                (
                    "检查引擎及其验证节点；若本机时钟快，先校时",
                    "check the engine and its validators; if this clock is ahead, put it right first",
                ),
            )
        )
    return found or [
        ok(
            f"引擎正常，区块 {head.number}，合约与联盟描述一致",
            f"the engine answers, block {head.number}, contracts as in the descriptor",
        )
    ]


def check_projection(
    state: NodeState | Unknown, head: Block | Unknown, cursor_hash: bytes | Unknown
) -> list[Finding]:
    """Whether the node has kept up with the ledger, and has seen the same chain.

    Args:
        state: of the node.
        head: the engine's newest block.
        cursor_hash: what the engine has at the node's last block; empty if it has none.
    """
    if isinstance(state, Unknown) or isinstance(head, Unknown) or isinstance(cursor_hash, Unknown):
        return []
    if state.block_hash and cursor_hash != state.block_hash:
        return [
            error(
                "LEDGER_REWRITTEN",
                (
                    f"本节点视为最终的区块 {state.block_number} 不在该引擎的链上",
                    f"block {state.block_number}, final to this node, is not on the engine's chain",
                ),
                (
                    "确认引擎未被重置、ledger.confirmations 足够；保留数据目录作为证据，并通知其他成员",
                    (
                        "make sure that the engine was not reset and ledger.confirmations suffices; keep the data "
                        "folder as evidence, and tell the other members"
                    ),
                ),
            )
        ]
    behind = head.number - state.block_number
    if state.is_running and behind > _BEHIND_BLOCKS:
        return [
            warning(
                "PROJECTION_BEHIND",
                (f"本节点落后账本 {behind} 个区块", f"this node is {behind} blocks behind the ledger"),
                (
                    "等待其追上；若不前进，查看节点日志",
                    "wait until it catches up; if it does not, look into its log",
                ),
            )
        ]
    return []
