"""Configuration: heqi.toml, the member card and the alliance descriptor, and whether they speak of one member."""

from node.domain.member import Member
from node.probes import MemberFacts, NodeState
from node.services.doctor.finding import Finding, Unknown, error, note, ok, warning


def check_configuration(
    troubles: list[str],
    name: str,
    card: Member | Unknown,
    on_ledger: MemberFacts | Unknown | None,
    endpoint: str,
) -> list[Finding]:
    """Whether the files can be read and agree.

    Args:
        troubles: what is wrong with the files themselves.
        name: in heqi.toml; empty if it cannot be read.
        card: of `card.jwt`.
        on_ledger: the member as the ledger has it now.
        endpoint: where the node listens for members.
    """
    found = [
        error(
            "CONFIG",
            (f"配置有误：{trouble}", trouble),
            (
                "按消息修正；各键见 docs/operate.md",
                "put right what it names; docs/operate.md explains every key",
            ),
        )
        for trouble in troubles
    ]
    if not isinstance(card, Unknown) and name and card.name != name:
        found.append(
            error(
                "OTHER_MEMBER",
                (
                    f"heqi.toml 的 name 为 {name}，名片属于 {card.name}",
                    f"heqi.toml says {name}, the card is of {card.name}",
                ),
                ("恢复同一成员的文件", "restore files of one member"),
            )
        )  # fmt: skip
    if isinstance(on_ledger, MemberFacts) and endpoint:
        stated, here = on_ledger.member.endpoint.rpartition(":")[2], endpoint.rpartition(":")[2]
        if stated != here:
            found.append(
                note(
                    "OTHER_PORT",
                    f"账本列出 {on_ledger.member.endpoint}，节点监听 {endpoint}：须有转发",
                    f"the ledger names {on_ledger.member.endpoint}, the node listens at {endpoint}: something must "
                    "forward",
                )
            )
    return found or [ok("配置完整", "the configuration is complete")]


def check_node(state: NodeState | Unknown) -> list[Finding]:
    """Whether the node runs, and whether its database can be read."""
    if isinstance(state, Unknown):
        return [
            error(
                "NODE_SILENT",
                (f"无法读取节点状态：{state.why}", f"the node's state cannot be read: {state.why}"),
                (
                    "若节点在运行却无应答，查看其日志并重启；否则检查数据目录",
                    "if it runs and does not answer, see its log and start it again; else check the data folder",
                ),
            )
        ]
    if not state.is_running:
        return [
            warning(
                "NOT_RUNNING",
                ("节点未运行；以下依据其目录", "the node does not run; what follows is from its folder"),
                ("heqi run --home …", "heqi run --home …"),
            )
        ]
    return [ok("节点正在运行", "the node runs")]
