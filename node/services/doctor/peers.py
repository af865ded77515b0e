"""The other members' nodes: there, and under the key that the ledger names."""

from collections.abc import Mapping

from node.probes import LeafFacts, PeerInfo
from node.services.doctor.finding import Finding, Unknown, note, ok, warning


def check_peers(
    leaves: Mapping[str, LeafFacts | Unknown],
    infos: Mapping[str, PeerInfo | Unknown],
    version: str,
    now: float,
) -> list[Finding]:
    """What is at each active member's address.

    Args:
        leaves: the certificate shown there, by member, for those that did not answer.
        infos: what the node there says, by member.
        version: of this node's software.
        now: this machine's clock.
    """
    if not infos:
        return [note("NO_PEERS", "没有其他有效成员", "there are no other active members")]
    found: list[Finding] = []
    for name, info in infos.items():
        if isinstance(info, Unknown):
            found.append(_silent(name, info, leaves[name], now))
        elif info.version != version:
            found.append(
                note(
                    "PEER_VERSION",
                    f"{name} 运行版本 {info.version}，本机 {version}",
                    f"{name} runs version {info.version}, this is {version}",
                )
            )
    count = len(infos)
    return found or [
        ok(f"{count} 个节点均应答，密钥相符", f"peers that answer under their pinned keys: all {count}")
    ]


def _silent(name: str, info: Unknown, leaf: LeafFacts | Unknown, now: float) -> Finding:
    """Why a peer does not answer."""
    if isinstance(leaf, Unknown):
        return warning(
            "PEER_AWAY",
            (f"{name} 不可达：{leaf.why}", f"{name} cannot be reached: {leaf.why}"),
            (
                "检查网络与防火墙；请对方检查节点。期间请求自动重试，已读数据在授权有效期内可用：heqi grant kept",
                (
                    "check network and firewalls, ask them to look; requests are tried again by themselves, and what "
                    "was fetched under a live grant can be used: heqi grant kept"
                ),
            ),
        )
    if not leaf.is_pinned:
        return warning(
            "PEER_WRONG_KEY",
            (
                f"{name} 的地址上出示的证书（{leaf.names}）并非由账本所列密钥签发",
                f"the certificate shown at the address of {name} ({leaf.names}) is not of the key on the ledger",
            ),
            (
                "不要绕过：电话联系对方，确认地址与密钥；可能有人冒充",
                "do not work around it: telephone them about address and key; somebody may stand in between",
            ),
        )
    if not leaf.starts <= now <= leaf.ends:
        return warning(
            "PEER_LEAF_DATES",
            (f"{name} 的证书不在有效期内", f"the certificate of {name} is not in date"),
            ("核对双方时钟；请对方重启节点", "compare the clocks; ask them to start their node again"),
        )
    return warning(
        "PEER_REFUSES",
        (f"{name} 可达但拒绝应答：{info.why}", f"{name} is there and does not answer: {info.why}"),
        (
            "确认本成员未被暂停、密钥为账本所列",
            "make sure that this member is not suspended and uses the keys that the ledger names",
        ),
    )
