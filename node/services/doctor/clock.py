"""The clock: against the ledger's blocks and what peers say."""

import statistics
from collections.abc import Mapping

from node.domain.ledger import Block
from node.probes import PeerInfo
from node.services.doctor.finding import Finding, Level, Unknown, note, ok, warning

_TELL_SECONDS = 5.0
"""Blocks carry whole seconds and answers take a moment: less says nothing."""
_ERROR_SECONDS = 30.0
"""From here on reads are refused as stale and signed requests come close to their window of 300 s."""


def check_clock(
    head: Block | Unknown, peers: Mapping[str, PeerInfo | Unknown], blocked_at: float
) -> list[Finding]:
    """Against everybody who tells a time.

    Args:
        head: the newest block.
        peers: what each peer's node said.
        blocked_at: this machine's clock when the newest block was asked for.
    """
    offsets = {name: info.ahead for name, info in peers.items() if isinstance(info, PeerInfo)}
    # A block may be old, so a clock that is ahead does not show against it; a block of the future does show.
    if isinstance(head, Block) and head.time - blocked_at > _TELL_SECONDS:
        return [_off(blocked_at - head.time, "与最新区块相比", f"against block {head.number}")]
    found: list[Finding] = []
    middle = statistics.median(offsets.values()) if offsets else 0.0
    if abs(middle) > _TELL_SECONDS and _agree(offsets):
        found.append(_off(-middle, "与其他节点相比", f"against {', '.join(sorted(offsets))}"))
    else:
        found += [_peer_off(name, ahead) for name, ahead in offsets.items() if abs(ahead) > _TELL_SECONDS]
    if found:
        return found
    if not offsets and isinstance(head, Unknown):
        return [note("CLOCK_NOT_COMPARED", "没有可对照的时钟", "there was no clock to compare with")]
    return [
        ok(
            f"时钟与 {len(offsets)} 个节点及账本相符",
            f"the clock agrees with {len(offsets)} peers and the ledger",
        )
    ]


def _agree(offsets: Mapping[str, float]) -> bool:
    """Whether it is this clock that is off: with one peer nobody can tell, with more most of them agree."""
    middle = statistics.median(offsets.values())
    close = sum(abs(ahead - middle) <= _TELL_SECONDS for ahead in offsets.values())
    return close > 1 and close * 2 > len(offsets)


def _off(ahead: float, zh: str, en: str) -> Finding:
    way = ("快", "ahead") if ahead > 0 else ("慢", "behind")
    return Finding(
        Level.ERROR if abs(ahead) > _ERROR_SECONDS else Level.WARNING,
        "CLOCK_OFF",
        f"本机时钟{way[0]}了 {abs(ahead):.0f} 秒（{zh}）",
        f"this machine's clock is {abs(ahead):.0f} s {way[1]} ({en})",
        "启用时间同步（chrony、systemd-timesyncd），然后再次运行",
        "let the machine keep its time (chrony, systemd-timesyncd), then run this again",
    )


def _peer_off(name: str, ahead: float) -> Finding:
    way = ("快", "ahead of") if ahead > 0 else ("慢", "behind")
    return warning(
        "CLOCKS_DIFFER",
        (
            f"{name} 的时钟比本机{way[0]} {abs(ahead):.0f} 秒",
            f"the clock of {name} is {abs(ahead):.0f} s {way[1]} this one",
        ),
        (
            "先核对本机时间，再告知对方；相差超过 300 秒时请求会被拒绝",
            "check this machine's time, then tell the peer; beyond 300 s its requests are refused",
        ),
    )  # fmt: skip
