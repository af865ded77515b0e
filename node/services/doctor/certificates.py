"""Certificates and leaves: told 60, 30 and 7 days before they end."""

from collections.abc import Sequence

from node.probes import Expiry, LeafFacts
from node.services.doctor.finding import Finding, Level, Unknown, error, note, ok, unexamined

DAY = 86_400
_NOTE_DAYS, _WARNING_DAYS, _ERROR_DAYS = 60, 30, 7
_OWN_LEAF_DAYS = 2
"""The running node renews its leaf when half of its 7 days is over."""


def check_certificates(expiries: Sequence[Expiry] | Unknown, now: float) -> list[Finding]:
    """What ends by itself."""
    if isinstance(expiries, Unknown):
        return [unexamined(expiries)]
    found = [finding for one in expiries if (finding := _check(one, now)) is not None]
    return found or [ok("没有证书将在 60 天内到期", "no certificate ends within 60 days")]


def check_own_leaf(leaf: LeafFacts | Unknown, now: float) -> list[Finding]:
    """The leaf that this node shows to others while it runs."""
    if isinstance(leaf, Unknown):
        return []
    if not leaf.is_pinned:
        return [
            error(
                "OWN_ADDRESS_TAKEN",
                (
                    f"本节点的地址上出示的证书（{leaf.names}）并非由账本所列的身份密钥签发",
                    (
                        f"the certificate shown at this node's address ({leaf.names}) is not of the identity key on "
                        "the ledger"
                    ),
                ),
                (
                    "检查 listen.members 与端口上运行的程序",
                    "check listen.members, and which program listens on that port",
                ),
            )
        ]
    if leaf.ends - now < _OWN_LEAF_DAYS * DAY:
        zh, en = _left(leaf.ends - now)
        return [
            error(
                "LEAF_NOT_RENEWED",
                (f"节点的 TLS 证书{zh}，未续期", f"the node's TLS leaf {en} and was not renewed"),
                ("重启节点；检查时钟", "start the node again; check its clock"),
            )
        ]
    return []


def _check(one: Expiry, now: float) -> Finding | None:
    days = (one.ends - now) / DAY
    zh, en = _left(one.ends - now)
    what = (f"{one.name}{zh}", f"{one.name} {en}")
    if one.lead_days < _NOTE_DAYS:
        if days >= one.lead_days:
            return None
        return Finding(
            Level.ERROR if days <= 0 else Level.WARNING,
            "NOT_RENEWED",
            *what,
            "运行中的节点会自动续期：启动节点，并查看其日志",
            "a running node renews it: start the node, and look into its log",
        )
    if days > _NOTE_DAYS:
        return None
    if days > _WARNING_DAYS:
        return note("ENDS_SOON", *what)
    level = Level.ERROR if days <= _ERROR_DAYS else Level.WARNING
    return Finding(level, "EXPIRED" if days <= 0 else "ENDS_SOON", *what, *one.remedy)


def _left(seconds: float) -> tuple[str, str]:
    if seconds <= 0:
        return (f" 已于 {-seconds / DAY:.1f} 天前到期", f"ended {-seconds / DAY:.1f} days ago")
    return (f" 将于 {seconds / DAY:.1f} 天后到期", f"ends in {seconds / DAY:.1f} days")
