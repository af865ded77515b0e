"""Letting systems in and out."""

import contextlib

import pytest

from adapters.crypto.leaves import issue_leaf, new_request
from node.domain.act import ActKind
from node.domain.system import SystemRole
from node.errors import (
    CertificateRequestError,
    CertificateRevokedError,
    CodeFormatError,
    ConflictError,
    InvalidError,
    MissingError,
    StoreError,
    UnknownCallerError,
)
from node.services.systems import DAY_SECONDS
from tests.support.world import World
from tests.support.world_faults import refuse_writes

WRITER, READER = SystemRole.WRITER, SystemRole.READER


def issue(world: World, name: str = "trading", role: SystemRole = WRITER, days: int = 0):
    return world.home.services.systems.issue(new_request()[1], name, role, days)


def check(world: World, issued, role: SystemRole = WRITER):
    return world.home.services.systems.check(issued.serial, issued.fingerprint, role.value)


def acts(world: World) -> list[tuple[str, str]]:
    return [(act.act, act.about.get("system", "")) for act in world.home.services.acts.newest_first()]


def test_whoever_was_let_in_is_known_by_name_and_role(lonely: World) -> None:
    row = check(lonely, issue(lonely))
    assert (row.name, row.role, row.issuer) == ("trading", WRITER, "node")
    assert acts(lonely) == [("access.issued", "trading")]


def test_a_certificate_counts_only_in_its_role_and_as_the_very_one(lonely: World) -> None:
    issued, systems = issue(lonely), lonely.home.services.systems
    for serial, fingerprint, role in (
        (issued.serial, issued.fingerprint, "operator"),
        (issued.serial, b"\0" * 32, "writer"),
        ("ff" * 10, issued.fingerprint, "writer"),
        ("", issued.fingerprint, "writer"),
    ):
        with pytest.raises(UnknownCallerError):
            systems.check(serial, fingerprint, role)


def test_a_revoked_one_is_out_and_the_others_of_its_name_too(lonely: World) -> None:
    first, second, other = issue(lonely), issue(lonely), issue(lonely, "archive", READER)
    revoked = lonely.home.services.systems.revoke("trading", "key lost")
    assert {one.serial for one in revoked} == {first.serial, second.serial}
    for issued in (first, second):
        with pytest.raises(CertificateRevokedError):
            check(lonely, issued)
    assert check(lonely, other, READER).name == "archive"
    assert acts(lonely)[:2] == [("access.revoked", "trading")] * 2


def test_one_of_two_certificates_can_be_revoked_by_its_serial(lonely: World) -> None:
    old, new = issue(lonely), issue(lonely)
    lonely.home.services.systems.revoke(old.serial, "")
    assert check(lonely, new).name == "trading"
    with pytest.raises(CertificateRevokedError):
        check(lonely, old)


def test_what_is_not_there_cannot_be_revoked_nor_twice(lonely: World) -> None:
    issue(lonely)
    systems = lonely.home.services.systems
    with pytest.raises(MissingError):
        systems.revoke("archive", "")
    with pytest.raises(MissingError):
        systems.revoke("", "")
    systems.revoke("trading", "")
    with pytest.raises(MissingError):
        systems.revoke("trading", "")


def test_a_revocation_survives_a_restart(lonely: World) -> None:
    issued = issue(lonely)
    lonely.home.services.systems.revoke("trading", "key lost")
    lonely.home.restart()
    with pytest.raises(CertificateRevokedError):
        check(lonely, issued)
    [one] = lonely.home.services.systems.all()
    assert (one.row.reason, one.row.revoker) == ("key lost", "node")


def test_a_certificate_ends_at_its_time(lonely: World) -> None:
    issued = issue(lonely, days=1)
    lonely.clock.advance(DAY_SECONDS - 1)
    check(lonely, issued)
    lonely.clock.advance(1)
    with pytest.raises(UnknownCallerError):
        check(lonely, issued)


def test_a_name_holds_one_role_at_a_time(lonely: World) -> None:
    issue(lonely)
    with pytest.raises(ConflictError):
        issue(lonely, role=SystemRole.OPERATOR)
    lonely.home.services.systems.revoke("trading", "")
    assert check(lonely, issue(lonely, role=READER), READER).role is READER


@pytest.mark.parametrize("name", ["", "node", "Trading", "a b", "-a", "a" * 32, "交易", "a/b", "a\n"])
def test_names_that_no_system_can_have(lonely: World, name: str) -> None:
    with pytest.raises(CodeFormatError):
        issue(lonely, name)
    assert acts(lonely) == []


@pytest.mark.parametrize("days", [-1, 398, 100_000])
def test_nobody_is_let_in_for_years(lonely: World, days: int) -> None:
    with pytest.raises(InvalidError):
        issue(lonely, days=days)


def test_a_bad_request_leaves_nothing_behind(lonely: World) -> None:
    with pytest.raises(CertificateRequestError):
        lonely.home.services.systems.issue(b"nonsense", "trading", WRITER)
    assert not list(lonely.home.services.systems.all())
    assert acts(lonely) == []


@pytest.mark.parametrize("reason", ["x" * 201, "two\nlines", "\x1b[2J"])
def test_a_reason_is_one_printable_line(lonely: World, reason: str) -> None:
    issued = issue(lonely)
    with pytest.raises(InvalidError):
        lonely.home.services.systems.revoke("trading", reason)
    check(lonely, issued)


def test_a_failing_disk_revokes_nothing_and_says_so(lonely: World) -> None:
    issued = issue(lonely)
    told = []
    lonely.home.services.systems.on_revoked.append(lambda: told.append(1))
    lonely.home.store.before = refuse_writes
    with pytest.raises(StoreError):
        lonely.home.services.systems.revoke("trading", "")
    check(lonely, issued)
    assert not told
    assert acts(lonely) == [("access.issued", "trading")]


def test_listeners_hear_of_a_revocation_before_it_is_answered(lonely: World) -> None:
    issued, heard = issue(lonely), []

    def look() -> None:
        with contextlib.suppress(CertificateRevokedError):
            check(lonely, issued)
            heard.append("still in")
        heard.append("told")

    lonely.home.services.systems.on_revoked.append(look)
    lonely.home.services.systems.revoke("trading", "")
    assert heard == ["told"]


def test_the_operators_first_certificate_is_adopted_once(lonely: World) -> None:
    systems, home = lonely.home.services.systems, lonely.home
    leaf = issue_leaf(home.name, home.keys.identity.key, lonely.clock.now(), role="operator")
    assert systems.adopt(leaf.certificate_pem)
    assert systems.adopt(leaf.certificate_pem)
    assert acts(lonely) == [(ActKind.ACCESS_ISSUED.word, "operator")]


def test_a_revoked_or_foreign_certificate_is_not_adopted(lonely: World) -> None:
    systems, home, now = lonely.home.services.systems, lonely.home, lonely.clock.now()
    leaf = issue_leaf(home.name, home.keys.identity.key, now, role="operator")
    systems.adopt(leaf.certificate_pem)
    systems.revoke("operator", "")
    assert not systems.adopt(leaf.certificate_pem)
    assert not systems.adopt(
        issue_leaf(home.name, home.keys.identity.key, now, role="writer").certificate_pem
    )
    expired = issue_leaf(home.name, home.keys.identity.key, now - 8 * DAY_SECONDS, role="operator")
    assert not systems.adopt(expired.certificate_pem)
    assert not systems.adopt(b"")
