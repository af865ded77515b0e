"""One examination: probes side by side, each within its time, then the checks on what they brought."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from node.domain.ledger import Block
from node.domain.member import Member
from node.probes import (
    AnchorFacts,
    DiskFacts,
    Expiry,
    FileFacts,
    HostProbe,
    KeyFacts,
    LeafFacts,
    LedgerProbe,
    MemberFacts,
    NodeState,
    PeerInfo,
    PeerProbe,
    StateProbe,
)
from node.services.doctor.bounded import aside, within
from node.services.doctor.calendar import check_calendar
from node.services.doctor.certificates import check_certificates, check_own_leaf
from node.services.doctor.clock import check_clock
from node.services.doctor.configuration import check_configuration, check_node
from node.services.doctor.disk import check_disk
from node.services.doctor.engine import check_engine, check_projection
from node.services.doctor.finding import Finding, Level, Section, Unknown
from node.services.doctor.guarantees import check_desk, check_guarantees, check_openings
from node.services.doctor.keys import check_files, check_keys
from node.services.doctor.log import check_alarms, check_log
from node.services.doctor.peers import check_peers
from node.services.doctor.versions import check_versions
from node.services.doctor.waiting import (
    check_definitions,
    check_erasures,
    check_legal_receipts,
    check_notices,
    check_outbox,
    check_parked,
    check_proofs,
)

T = TypeVar("T")
_MISSING = Unknown("missing")


@dataclass(frozen=True, slots=True)
class Patient:
    """Who is examined, as far as its files could be read."""

    host: HostProbe
    version: str
    """Of this software."""
    name: str = ""
    """Of the member; empty if heqi.toml cannot be read."""
    endpoint: str = ""
    """Where the node listens for members."""
    staleness_seconds: float = 60.0
    card: Member | Unknown = _MISSING
    troubles: Sequence[str] = ()
    """What is wrong with the files themselves."""
    known: Sequence[Member] = ()
    """The founders, for when nothing newer is known."""
    ledger: LedgerProbe | None = None
    peers: PeerProbe | None = None
    state: StateProbe | None = None


@dataclass(slots=True)
class _Facts:
    """What the probes brought."""

    files: Sequence[FileFacts] | Unknown = _MISSING
    keys: KeyFacts | Unknown = _MISSING
    disk: DiskFacts | Unknown = _MISSING
    expiries: Sequence[Expiry] | Unknown = _MISSING
    versions: Sequence[tuple[str, str, str]] | Unknown = _MISSING
    head: Block | Unknown = _MISSING
    asked_at: float = 0.0
    differences: Sequence[str] | Unknown = _MISSING
    on_ledger: MemberFacts | Unknown | None = _MISSING
    anchor: AnchorFacts | Unknown = _MISSING
    state: NodeState | Unknown = _MISSING
    cursor_hash: bytes | Unknown = _MISSING
    own_leaf: LeafFacts | Unknown = _MISSING
    leaves: dict[str, LeafFacts | Unknown] = field(default_factory=dict)
    infos: dict[str, PeerInfo | Unknown] = field(default_factory=dict)


async def examine(patient: Patient, seconds: float) -> tuple[Section, ...]:
    """Examine a node; raises nothing.

    Args:
        patient: the node.
        seconds: for each probe. The whole takes at most three times as long: the ledger first, then what is
            compared with it, then the peers.
    """
    facts, host = _Facts(asked_at=patient.host.now()), patient.host
    facts.files, facts.keys, facts.disk, facts.expiries, facts.versions, _ = await asyncio.gather(
        within(seconds, lambda: aside(host.files)),
        within(seconds, lambda: aside(host.keys)),
        within(seconds, lambda: aside(host.disk)),
        within(seconds, lambda: aside(host.expiries)),
        within(seconds, lambda: aside(host.versions)),
        _ask_ledger(patient, facts, seconds),
    )
    await _ask_node(patient, facts, seconds)
    await _ask_peers(patient, facts, seconds)
    return tuple(_section(check, title, judge) for check, title, judge in _checks(patient, facts))


async def _ask_ledger(patient: Patient, facts: _Facts, seconds: float) -> None:
    ledger = patient.ledger
    if ledger is None:
        return
    facts.head = await within(seconds, ledger.head)
    facts.asked_at = patient.host.now()
    if isinstance(facts.head, Unknown):
        facts.differences = facts.on_ledger = facts.anchor = facts.head
        return
    facts.differences, facts.on_ledger, facts.anchor = await asyncio.gather(
        within(seconds, ledger.differences),
        within(seconds, lambda: ledger.member(patient.name)),
        within(seconds, lambda: ledger.anchor(patient.name)),
    )


async def _ask_node(patient: Patient, facts: _Facts, seconds: float) -> None:
    probe, ledger = patient.state, patient.ledger
    if probe is None:
        return
    size = facts.anchor.size if isinstance(facts.anchor, AnchorFacts) else 0
    facts.state = await within(seconds, lambda: aside(lambda: probe.state(size)))
    if isinstance(facts.state, NodeState) and ledger is not None and facts.state.block_hash:
        number = facts.state.block_number
        facts.cursor_hash = await within(seconds, lambda: ledger.block_hash(number))


async def _ask_peers(patient: Patient, facts: _Facts, seconds: float) -> None:
    probe = patient.peers
    if probe is None:
        return
    members = _members(patient, facts)
    own = members.pop(patient.name, None)
    infos = await asyncio.gather(*(within(seconds / 2, partial(probe.info, one)) for one in members.values()))
    facts.infos = dict(zip(members, infos, strict=True))
    # Whoever answers did so under its pinned key; of the others it is worth knowing what is at their address.
    silent = [members[name] for name, info in facts.infos.items() if isinstance(info, Unknown)]
    leaves = await asyncio.gather(*(within(seconds / 2, partial(probe.leaf, one)) for one in silent))
    facts.leaves = {one.name: leaf for one, leaf in zip(silent, leaves, strict=True)}
    if own is not None and isinstance(facts.state, NodeState) and facts.state.is_running:
        facts.own_leaf = await within(seconds / 2, lambda: probe.leaf(own))


def _members(patient: Patient, facts: _Facts) -> dict[str, Member]:
    """Whoever should be there, by name: as the node's projection has them, or the founders."""
    if isinstance(facts.state, NodeState) and facts.state.members:
        return {one.member.name: one.member for one in facts.state.members if one.active}
    return {member.name: member for member in patient.known}


def _expiries(facts: _Facts) -> Sequence[Expiry] | Unknown:
    """As the running node keeps them, for it knows more; else what the folder shows."""
    if isinstance(facts.state, NodeState) and facts.state.expiries:
        return facts.state.expiries
    return facts.expiries


_Check = tuple[str, tuple[str, str], Callable[[], Iterable[Finding]]]


def _checks(patient: Patient, f: _Facts) -> list[_Check]:
    """All checks, in the order in which people put things right."""
    host, now = patient.host, patient.host.now()
    told = (
        []
        if patient.ledger is None
        else check_engine(f.head, f.differences, f.asked_at, patient.staleness_seconds)
    )
    return [
        ("configuration", ("配置", "configuration"), lambda: check_configuration(
            list(patient.troubles), patient.name, patient.card, f.on_ledger, patient.endpoint)),
        ("versions", ("版本", "versions"), lambda: check_versions(f.versions, f.state, patient.version)),
        ("disk", ("磁盘", "disk"), lambda: check_disk(f.disk)),
        ("files", ("文件权限", "permissions"), lambda: check_files(f.files, host.user())),
        ("keys", ("密钥", "keys"), lambda: check_keys(f.keys, patient.card, f.on_ledger)),
        ("engine", ("账本引擎", "engine"), lambda: [
            *told, *check_projection(f.state, f.head, f.cursor_hash)]),
        ("clock", ("时钟", "clock"), lambda: check_clock(f.head, f.infos, f.asked_at)),
        ("node", ("节点", "node"), lambda: check_node(f.state) if patient.state else []),
        ("certificates", ("证书", "certificates"), lambda: [
            *check_certificates(_expiries(f), now), *check_own_leaf(f.own_leaf, now)]),
        ("log", ("日志", "log"), lambda: check_log(f.state, f.anchor)),
        ("witness", ("他人日志", "others' logs"), lambda: check_alarms(f.state)),
        ("outbox", ("发件箱", "outbox"), lambda: check_outbox(f.state)),
        ("proofs", ("账本证明", "ledger proofs"), lambda: check_proofs(f.state)),
        ("parked", ("搁置", "parked"), lambda: check_parked(f.state)),
        ("catalogue", ("目录", "catalogue"), lambda: check_definitions(f.state)),
        ("erasures", ("删除", "erasures"), lambda: check_erasures(f.state)),
        ("notices", ("通知", "notices"), lambda: check_notices(f.state)),
        ("legal reads", ("依法查询", "legal reads"), lambda: check_legal_receipts(f.state)),
        ("calendar", ("工作日历", "calendar"), lambda: check_calendar(f.state, now)),
        ("guarantees", ("保函", "guarantees"), lambda: check_guarantees(f.state)),
        ("desk", ("担保柜台", "desk"), lambda: check_desk(f.state)),
        ("openings", ("密封开标", "openings"), lambda: check_openings(f.state)),
        ("peers", ("其他节点", "peers"), lambda: [] if patient.peers is None else check_peers(
            f.leaves, f.infos, patient.version, now)),
    ]  # fmt: skip


def _section(check: str, title: tuple[str, str], judge: Callable[[], Iterable[Finding]]) -> Section:
    try:
        findings = tuple(judge())
    except Exception as error:  # noqa: BLE001  a check with a bug must not hide what the others found
        findings = (
            Finding(
                Level.WARNING,
                "BUG",
                f"此项检查自身出错：{error!r}",
                f"this check failed itself: {error!r}",
                "请报告此缺陷",
                "report this bug",
            ),
        )
    return Section(check, title, findings)
