"""The checks of `heqi doctor`: each finds its fault, tells it at the right level, and says what to do."""

import dataclasses
import threading
import time
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.domain.ledger import Block
from node.domain.member import Role
from node.errors import StoreError
from node.probes import (
    AnchorFacts,
    DiskFacts,
    Examination,
    Expiry,
    FileFacts,
    GuaranteeFacts,
    KeyFacts,
    LeafFacts,
    LogAlarm,
    MemberFacts,
    NodeState,
    ParkedCall,
    PeerInfo,
)
from node.services.doctor import (
    calendar,
    certificates,
    clock,
    disk,
    engine,
    keys,
    log,
    peers,
    versions,
    waiting,
)
from node.services.doctor import guarantees as desk
from node.services.doctor.examination import Patient, examine
from node.services.doctor.finding import Level, Unknown, worst
from tests.support.ledgers import new_member

NOW = 1_800_000_000.0
DAY = 86_400
HEAD = Block(number=100, hash=b"h" * 32, time=int(NOW) - 3)
STATE = NodeState(
    is_running=True, version="1", block_number=100, block_hash=b"h" * 32, log_size=64, through_size=48,
    root=b"r" * 32, root_trouble="", members=(), outbox_count=1, outbox_oldest_seconds=2.0, outbox_parked=(),
    outbox_parked_count=0, parked=0,
)  # fmt: skip
ANCHOR = AnchorFacts(48, b"r" * 32)
ROOMY = DiskFacts("/x", free_bytes=1 << 40, total_bytes=1 << 41, free_files=1 << 20, sync_seconds=0.004)
AWAY = Unknown("no answer")


def told(findings) -> dict[str, Level]:
    for one in findings:
        assert one.zh, one
        assert one.en, one
        assert bool(one.do_zh) == bool(one.do_en) == (one.level >= Level.WARNING), one
    return {one.reason: one.level for one in findings}


def change(facts, **changes):
    return dataclasses.replace(facts, **changes)


# -- certificates --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (61, {"OK": Level.OK}),
        (59, {"ENDS_SOON": Level.NOTE}),
        (29, {"ENDS_SOON": Level.WARNING}),
        (6, {"ENDS_SOON": Level.ERROR}),
        (-1, {"EXPIRED": Level.ERROR}),
    ],
)
def test_certificates_are_told_60_30_and_7_days_before_they_end(days, expected):
    assert told(certificates.check_certificates([Expiry("CA x", NOW + days * DAY)], NOW)) == expected


@given(st.floats(-400, 400))
def test_less_time_is_never_told_at_a_milder_level(days):
    def level(left: float) -> Level:
        found = certificates.check_certificates([Expiry("x", NOW + left * DAY)], NOW)
        return max(one.level for one in found)

    assert level(days) >= level(days + 1)


def test_what_the_node_renews_is_told_only_when_the_renewing_failed():
    renewed = Expiry("operator", NOW + 45 * DAY, lead_days=30)
    assert told(certificates.check_certificates([renewed], NOW)) == {"OK": Level.OK}
    late = change(renewed, ends=NOW + 20 * DAY)
    assert told(certificates.check_certificates([late], NOW)) == {"NOT_RENEWED": Level.WARNING}


def test_the_own_leaf_must_be_of_the_own_key_and_renewed():
    leaf = LeafFacts(is_pinned=True, names="a.heqi", starts=NOW - DAY, ends=NOW + 4 * DAY)
    assert certificates.check_own_leaf(leaf, NOW) == []
    assert told(certificates.check_own_leaf(change(leaf, is_pinned=False), NOW)) == {
        "OWN_ADDRESS_TAKEN": Level.ERROR
    }
    assert told(certificates.check_own_leaf(change(leaf, ends=NOW + DAY), NOW)) == {
        "LEAF_NOT_RENEWED": Level.ERROR
    }


# -- clock ---------------------------------------------------------------------------------------------


def info(ahead: float) -> PeerInfo:
    return PeerInfo("1", NOW + ahead + 0.1, NOW, NOW + 0.2)


def test_the_way_there_and_back_is_not_taken_for_a_difference():
    assert abs(info(0).ahead) < 0.001
    assert told(clock.check_clock(HEAD, {"b": info(4)}, NOW)) == {"OK": Level.OK}


@pytest.mark.parametrize(("ahead", "level"), [(20, Level.WARNING), (3600, Level.ERROR), (-3600, Level.ERROR)])
def test_when_most_peers_agree_it_is_this_clock_that_is_off(ahead, level):
    infos = {"b": info(ahead), "c": info(ahead + 1), "d": info(ahead)}
    [finding] = clock.check_clock(HEAD, infos, NOW)
    assert told([finding]) == {"CLOCK_OFF": level}
    assert ("behind" if ahead > 0 else "ahead") in finding.en
    assert f"{abs(ahead)} s" in finding.en


def test_one_peer_that_is_off_is_named_and_not_this_machine():
    infos = {"b": info(3600), "c": info(0), "d": info(1)}
    [finding] = clock.check_clock(HEAD, infos, NOW)
    assert told([finding]) == {"CLOCKS_DIFFER": Level.WARNING}
    assert "clock of b" in finding.en
    assert told(clock.check_clock(HEAD, {"b": info(99)}, NOW)) == {"CLOCKS_DIFFER": Level.WARNING}


def test_a_block_of_the_future_shows_a_late_clock_and_an_old_one_shows_nothing():
    assert told(clock.check_clock(HEAD, {}, NOW - 3600)) == {"CLOCK_OFF": Level.ERROR}
    assert told(clock.check_clock(HEAD, {}, NOW + 50)) == {"OK": Level.OK}
    assert told(clock.check_clock(AWAY, {"b": AWAY}, NOW)) == {"CLOCK_NOT_COMPARED": Level.NOTE}


# -- disk ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, {"OK": Level.OK}),
        ({"free_bytes": 1 << 30}, {"DISK_FILLS": Level.WARNING}),
        ({"free_bytes": 1 << 20}, {"DISK_FULL": Level.ERROR}),
        ({"free_files": 3}, {"NO_INODES": Level.ERROR}),
        ({"free_files": -1}, {"OK": Level.OK}),
        ({"trouble": "Read-only file system"}, {"NOT_WRITABLE": Level.ERROR}),
        ({"sync_seconds": 0.5}, {"SLOW_SYNC": Level.WARNING}),
    ],
)
def test_the_disk(changes, expected):
    assert told(disk.check_disk(change(ROOMY, **changes))) == expected


# -- engine --------------------------------------------------------------------------------------------


def test_the_engine():
    assert told(engine.check_engine(HEAD, [], NOW, 60)) == {"OK": Level.OK}
    assert told(engine.check_engine(AWAY, AWAY, NOW, 60)) == {"ENGINE_AWAY": Level.ERROR}
    assert told(engine.check_engine(HEAD, ["the chain id is 5"], NOW, 60)) == {"FOREIGN_LEDGER": Level.ERROR}
    assert told(engine.check_engine(HEAD, [], NOW + 100, 60)) == {"ENGINE_STANDS_STILL": Level.ERROR}
    assert told(engine.check_engine(HEAD, AWAY, NOW, 60)) == {"NOT_EXAMINED": Level.WARNING}


def test_a_node_that_is_behind_and_a_ledger_that_was_rewritten():
    assert engine.check_projection(STATE, HEAD, b"h" * 32) == []
    other = engine.check_projection(STATE, HEAD, b"x" * 32)
    assert told(other) == {"LEDGER_REWRITTEN": Level.ERROR}
    assert told(engine.check_projection(STATE, HEAD, b"")) == {"LEDGER_REWRITTEN": Level.ERROR}
    far = change(HEAD, number=1_000)
    assert told(engine.check_projection(STATE, far, b"h" * 32)) == {"PROJECTION_BEHIND": Level.WARNING}
    assert engine.check_projection(change(STATE, is_running=False), far, b"h" * 32) == []


# -- log -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, "OK"),
        ({"log_size": 32, "through_size": 32, "root": b""}, "LOG_ROLLED_BACK"),
        ({"root": b"x" * 32}, "LOG_FORKED"),
        ({"through_size": 47}, "LOG_FORKED"),
        ({"root": b"", "root_trouble": "tree node 0/3 is missing"}, "LOG_DAMAGED"),
    ],
)
def test_the_log_against_its_anchor(changes, reason):
    expected = Level.OK if reason == "OK" else Level.ERROR
    assert told(log.check_log(change(STATE, **changes), ANCHOR)) == {reason: expected}


def test_a_log_that_nobody_can_compare():
    assert told(log.check_log(STATE, AnchorFacts(0, b""))) == {"NOT_ANCHORED": Level.NOTE}
    assert told(log.check_log(STATE, AWAY)) == {"NOT_EXAMINED": Level.WARNING}


def test_another_members_log_that_was_caught_is_told():
    assert told(log.check_alarms(STATE)) == {"OK": Level.OK}
    [finding] = log.check_alarms(change(STATE, alarms=[LogAlarm(3, "centre-b", "FORKED")]))
    assert (finding.reason, finding.level) == ("LOG_ALARM", Level.ERROR)
    assert "centre-b" in finding.en
    assert "settle 3" in finding.do_en


# -- what waits ----------------------------------------------------------------------------------------


def test_what_waits():
    assert told(waiting.check_outbox(STATE)) == {"OK": Level.OK}
    old = change(STATE, outbox_oldest_seconds=3_600.0)
    assert told(waiting.check_outbox(old)) == {"OUTBOX_OLD": Level.WARNING}
    parked = change(STATE, outbox_parked=(ParkedCall(7, "grant/1", "GrantsExpired"),), outbox_parked_count=3)
    first, more = waiting.check_outbox(parked)
    assert "release 7" in first.do_en
    assert "GrantsExpired" in first.en
    assert "2 more" in more.en
    assert told(waiting.check_proofs(STATE)) == {"OK": Level.OK}
    assert told(
        waiting.check_proofs(change(STATE, proofs_lost=2, proofs_waiting=1, proofs_oldest_seconds=900.0))
    ) == {
        "PROOFS_LOST": Level.NOTE,
        "PROOFS_OLD": Level.WARNING,
    }
    assert told(waiting.check_parked(change(STATE, parked=4))) == {"RECORDS_PARKED": Level.WARNING}


def test_a_category_that_takes_nothing_is_told_with_the_reason():
    assert told(waiting.check_definitions(STATE)) == {"OK": Level.OK}
    (finding,) = waiting.check_definitions(change(STATE, definitions_lacking=[("subject.base", "no text")]))
    assert (finding.reason, "subject.base" in finding.zh, "no text" in finding.en) == (
        "DEFINITION_LACKING",
        True,
        True,
    )


def test_an_erasure_that_is_late_is_told():
    assert told(waiting.check_erasures(change(STATE, erasure_oldest_seconds=3_000.0))) == {"OK": Level.OK}
    late = change(
        STATE, erasures_overdue=2, erasure_oldest_seconds=4_000.0, erasure_list_trouble="it may be back"
    )
    assert told(waiting.check_erasures(late)) == {
        "ERASURE_LIST": Level.ERROR,
        "ERASURE_OVERDUE": Level.WARNING,
        "ERASURE_OPEN": Level.WARNING,
    }


def test_a_holder_that_does_not_answer_is_told():
    fresh = change(STATE, notices_waiting=2, notices_oldest_seconds=3_000.0)
    assert told(waiting.check_notices(fresh)) == {"OK": Level.OK}
    old = change(STATE, notices_waiting=2, notices_oldest_seconds=90_000.0)
    assert told(waiting.check_notices(old)) == {"NOTICES_UNANSWERED": Level.WARNING}


def test_a_receipt_of_a_legal_read_that_is_late_is_told():
    fresh = change(STATE, legal_receipts_missing=1, legal_receipt_oldest_seconds=3_000.0)
    assert told(waiting.check_legal_receipts(fresh)) == {"OK": Level.OK}
    late = change(fresh, legal_receipt_oldest_seconds=4_000.0)
    assert told(waiting.check_legal_receipts(late)) == {"LEGAL_RECEIPT_MISSING": Level.WARNING}


# -- keys ----------------------------------------------------------------------------------------------

MEMBER = new_member("centre-a", bytes(range(20)))
KEYS = KeyFacts(
    account=MEMBER.account, identity=MEMBER.identity_key, log=MEMBER.log_key, sealing=MEMBER.sealing_key
)


@pytest.mark.parametrize("name", ["account", "identity", "log", "sealing"])
def test_each_key_must_be_the_one_that_card_and_ledger_name(name):
    other = change(KEYS, **{name: bytes(len(getattr(KEYS, name)))})
    found = keys.check_keys(other, MEMBER, MemberFacts(MEMBER, active=True))
    assert told(found) == {"KEY_NOT_OF_CARD": Level.ERROR, "KEY_NOT_OF_LEDGER": Level.ERROR}
    assert all(f"{name} key" in one.en for one in found)


def test_the_members_standing_is_told():
    assert told(keys.check_keys(KEYS, MEMBER, MemberFacts(MEMBER, active=True))) == {"OK": Level.OK}
    assert told(keys.check_keys(KEYS, MEMBER, MemberFacts(MEMBER, active=False))) == {
        "SUSPENDED": Level.ERROR
    }
    assert told(keys.check_keys(KEYS, MEMBER, None)) == {"NOT_ON_LEDGER": Level.NOTE}


def test_permissions_and_owners():
    secret = FileFacts("keys/x", exists=True, mode=0o600, owner=5, is_secret=True)
    assert told(keys.check_files([secret], 5)) == {"OK": Level.OK}
    assert told(keys.check_files([change(secret, mode=0o640)], 5)) == {"READABLE_BY_OTHERS": Level.ERROR}
    assert told(keys.check_files([change(secret, exists=False)], 5)) == {"FILE_MISSING": Level.ERROR}
    assert told(keys.check_files([secret], 6)) == {"OTHER_OWNER": Level.WARNING}


# -- peers and versions --------------------------------------------------------------------------------

LEAF = LeafFacts(is_pinned=True, names="b.heqi", starts=NOW - DAY, ends=NOW + DAY)


@pytest.mark.parametrize(
    ("leaf", "answer", "reason"),
    [
        (None, info(0), "OK"),
        (None, change(info(0), version="2"), "PEER_VERSION"),
        (AWAY, AWAY, "PEER_AWAY"),
        (change(LEAF, is_pinned=False), AWAY, "PEER_WRONG_KEY"),
        (change(LEAF, ends=NOW - 1), AWAY, "PEER_LEAF_DATES"),
        (LEAF, AWAY, "PEER_REFUSES"),
    ],
)
def test_peers(leaf, answer, reason):
    leaves = {} if leaf is None else {"b": leaf}
    assert list(told(peers.check_peers(leaves, {"b": answer}, "1", NOW))) == [reason]


def test_an_alliance_of_one_has_no_peers():
    assert told(peers.check_peers({}, {}, "1", NOW)) == {"NO_PEERS": Level.NOTE}


def test_versions():
    met = [("Python", "3.11.7", ""), ("plyvel", "1.5.1", "")]
    assert told(versions.check_versions(met, STATE, "1")) == {"OK": Level.OK}
    unmet = [("plyvel", "1.0", ">=1.5.1")]
    assert told(versions.check_versions(unmet, STATE, "1")) == {"VERSION_UNMET": Level.ERROR}
    assert told(versions.check_versions(met, STATE, "2")) == {"OTHER_VERSION_RUNS": Level.WARNING}


# -- the examination itself ----------------------------------------------------------------------------


class Host:
    """A machine on which all is well, or not."""

    def __init__(self, **broken) -> None:
        self._broken = broken

    def _give(self, name: str, value):
        broken = self._broken.get(name)
        return value if broken is None else broken()

    def files(self):
        return self._give("files", [])

    def keys(self):
        return self._give("keys", KEYS)

    def disk(self):
        return self._give("disk", ROOMY)

    def expiries(self):
        return self._give("expiries", [])

    def versions(self):
        return self._give("versions", [("Python", "3.11", "")])

    def now(self):
        return NOW

    def user(self):
        return 5


def fail(error: Exception):
    def broken():
        raise error

    return broken


async def test_a_probe_that_hangs_is_told_and_stops_no_other():
    released = threading.Event()
    try:
        began = time.monotonic()
        sections = await examine(Patient(Host(disk=released.wait), "1", card=MEMBER), 0.3)
        assert time.monotonic() - began < 20
    finally:
        released.set()
    by_check = {section.check: told(section.findings) for section in sections}
    assert by_check["disk"] == {"NO_ANSWER_IN_TIME": Level.WARNING}
    assert by_check["keys"] == by_check["versions"] == by_check["files"] == {"OK": Level.OK}


@pytest.mark.parametrize("error", [StoreError("broken"), PermissionError(13, "denied", "x"), KeyError("bug")])
async def test_a_probe_that_fails_is_told_and_stops_no_other(error):
    broken = {name: fail(error) for name in ("files", "disk", "versions", "expiries")}
    sections = await examine(Patient(Host(**broken), "1", card=MEMBER), 5)
    by_check = {section.check: told(section.findings) for section in sections}
    assert by_check["disk"] == by_check["versions"] == {"NOT_EXAMINED": Level.WARNING}
    assert by_check["keys"] == {"OK": Level.OK}
    assert worst(sections) is Level.WARNING


async def test_a_check_with_a_bug_hides_no_other():
    sections = await examine(Patient(Host(disk=lambda: "no facts"), "1", card=MEMBER), 5)
    by_check = {section.check: told(section.findings) for section in sections}
    assert by_check["disk"] == {"BUG": Level.WARNING}
    assert by_check["versions"] == {"OK": Level.OK}


def test_exit_codes():
    assert [level.exit_code for level in (Level.OK, Level.NOTE, Level.WARNING, Level.ERROR)] == [0, 0, 1, 2]


# -- guarantees ----------------------------------------------------------------------------------------


def guarantees(**changes) -> NodeState:
    return change(STATE, guarantees=GuaranteeFacts(**changes))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"steps_undelivered": 2, "steps_oldest_seconds": 3_600}, {}),
        ({"steps_undelivered": 2, "steps_oldest_seconds": 3_601, "steps_to": ("b", "c")},
         {"STEPS_UNDELIVERED": Level.WARNING}),
        ({"lines_exceeded": ("ab" * 32,)}, {"LINE_EXCEEDED": Level.WARNING}),
        ({"examinations": (Examination("ab" * 32, NOW, 2),)}, {}),
        ({"examinations": (Examination("ab" * 32, NOW, 1),)}, {"EXAMINATION_ENDS": Level.WARNING}),
        ({"examinations": (Examination("ab" * 32, NOW, -1),)}, {"EXAMINATION_OVER": Level.ERROR}),
        ({"rules_trouble": "another hash"}, {"RULES_NOT_IN_FORCE": Level.WARNING}),
        ({"orders_parked": 1}, {"ORDERS_PARKED": Level.WARNING}),
        ({"system_troubles": 1}, {"SYSTEM_ORDERS_PARKED": Level.WARNING}),
        ({"orders_open": 1, "orders_oldest_seconds": 3_600}, {}),
        ({"orders_open": 1, "orders_oldest_seconds": 3_601}, {"ORDERS_OLD": Level.WARNING}),
        ({"desk_waiting": 1, "desk_oldest_seconds": 3 * DAY}, {}),
        ({"desk_waiting": 1, "desk_oldest_seconds": 3 * DAY + 1}, {"APPLICATIONS_OLD": Level.WARNING}),
        ({"payments_due": 1, "payments_oldest_seconds": DAY}, {}),
        ({"payments_due": 1, "payments_oldest_seconds": DAY + 1}, {"PAYMENTS_DUE": Level.WARNING}),
        ({"payments_unstated": 1}, {"PAYMENT_UNSTATED": Level.WARNING}),
        ({"openings_late": ("cd" * 32,)}, {"OPENING_LATE": Level.WARNING}),
        ({"openings_short": (("cd" * 32, "shanghai"),)}, {"HOLDERS_MISSING": Level.WARNING}),
        ({"opening_keys": 3}, {"HOLDS_KEYS": Level.NOTE}),
    ],
)  # fmt: skip
def test_what_waits_about_guarantees(changes, expected):
    state = guarantees(**changes)
    found = [*desk.check_guarantees(state), *desk.check_desk(state), *desk.check_openings(state)]
    reasons = told(found)
    reasons.pop("OK", None)
    assert reasons == expected
    assert desk.check_guarantees(AWAY) == desk.check_desk(AWAY) == desk.check_openings(AWAY) == []


def moment(day: str) -> float:
    return datetime.fromisoformat(f"{day}T12:00:00+08:00").timestamp()


@pytest.mark.parametrize(
    ("day", "years", "expected"),
    [
        ("2026-10-31", (2026,), {}),
        ("2026-11-01", (2026,), {"CALENDAR_LACKING": Level.NOTE}),
        ("2026-11-30", (2026, 2027), {}),
        ("2026-12-01", (2026,), {"CALENDAR_LACKING": Level.WARNING}),
        ("2027-01-01", (2026,), {"CALENDAR_LACKING": Level.WARNING}),
        ("2026-03-01", (), {"CALENDAR_LACKING": Level.WARNING}),
        ("2200-12-01", (2200,), {}),
    ],
)
def test_the_next_years_working_days_are_asked_for_when_they_are_announced(day, years, expected):
    guarantor = MemberFacts(dataclasses.replace(MEMBER, roles=Role.GUARANTOR), True)
    state = change(guarantees(years=years), members=(guarantor,))
    reasons = told(calendar.check_calendar(state, moment(day)))
    reasons.pop("OK", None)
    assert reasons == expected
    without = told(calendar.check_calendar(guarantees(years=years), moment(day)))
    assert Level.WARNING not in without.values(), "without a guarantor no period runs by it"
    assert calendar.check_calendar(change(state, block_number=-1), moment(day)) == []
