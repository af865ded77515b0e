"""One handler for each thing that the ledger can report."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from adapters.store.memory import MemoryStore
from node.domain.guarantee_table import Event as Step
from node.domain.guarantee_table import State
from node.domain.ledger import (
    Action,
    Anchored,
    ControllerChanged,
    EndpointsUpdated,
    Event,
    GrantRegistered,
    GrantRevoked,
    GuaranteeMoved,
    MemberAdmitted,
    MemberStanding,
    ProposalMade,
    ProposalPassed,
    SubjectCreated,
    VoteCast,
)
from node.errors import NotMemberError
from node.services.projecting import apply_event
from node.services.projection import (
    AnchorRow,
    GrantRow,
    GuaranteeRow,
    Projection,
    ProposalRow,
    SubjectRow,
)
from node.services.transaction import Transaction
from tests.support.ledgers import new_member

A, B, C = b"\xaa" * 32, b"\xbb" * 32, b"\xcc" * 32
MEMBER = new_member("hangzhou", b"\1" * 20)


class Book:
    """A projection and a way to report to it."""

    def __init__(self, *happenings: Any) -> None:
        self.store = MemoryStore()
        self.projection = Projection(self.store)
        self._block = 0
        for happening in happenings:
            self.report(happening)

    def report(self, happening: Any) -> None:
        self._block += 1
        transaction = Transaction(self.store)
        apply_event(transaction, Event(self._block, 0, happening))
        transaction.commit()


def test_a_member_is_there_from_its_admission_on() -> None:
    book = Book()
    with pytest.raises(NotMemberError):
        book.projection.member("hangzhou")
    book.report(MemberAdmitted(MEMBER))
    assert book.projection.member("hangzhou") == MEMBER


def test_a_suspended_member_is_listed_and_not_used() -> None:
    book = Book(MemberAdmitted(MEMBER), MemberStanding("hangzhou", active=False))
    with pytest.raises(NotMemberError):
        book.projection.member("hangzhou")
    assert [(row.member, row.active) for row in book.projection.members()] == [(MEMBER, False)]
    book.report(MemberStanding("hangzhou", active=True))
    assert book.projection.member("hangzhou") == MEMBER


def test_a_member_moves() -> None:
    book = Book(MemberAdmitted(MEMBER), EndpointsUpdated("hangzhou", "a:1", "b:2"))
    assert book.projection.member("hangzhou") == replace(MEMBER, endpoint="a:1", wallet_endpoint="b:2")


def test_a_subject_has_its_newest_controller() -> None:
    book = Book(SubjectCreated(A, "hangzhou", b"old"))
    assert book.projection.subject(A) == SubjectRow("hangzhou", 1, (b"old",))
    book.report(ControllerChanged(A, 2, b"old", b"new"))
    assert book.projection.subject(A) == SubjectRow("hangzhou", 2, (b"new",))
    assert book.projection.subject(B) is None


def test_a_grant_is_registered_and_then_revoked() -> None:
    book = Book()
    assert book.projection.grant(A) == GrantRow(registered=False, revoked=False)
    book.report(GrantRegistered(A, 99))
    assert book.projection.grant(A) == GrantRow(registered=True, revoked=False)
    book.report(GrantRevoked(A))
    assert book.projection.grant(A).revoked
    assert not book.projection.grant(B).registered


def test_a_tombstone_is_revoked_though_it_was_never_registered() -> None:
    assert Book(GrantRevoked(A)).projection.grant(A).revoked


def test_a_guarantee_is_where_its_last_step_left_it() -> None:
    book = Book(GuaranteeMoved(A, 1, 1, 1, B, 99, since=5))
    issued = GuaranteeRow(state=1, sequence=1, expires=99, document=B, event=1, since=5)
    assert book.projection.guarantee(A) == issued
    book.report(GuaranteeMoved(A, Step.CLAIM, State.CLAIMED, 2, C, 99, end=90, since=6, due=70))
    claimed = GuaranteeRow(4, 2, 99, document=C, event=Step.CLAIM, end=90, since=6, due=70)
    assert book.projection.guarantee(A) == claimed
    book.report(GuaranteeMoved(A, Step.WITHDRAW, State.ISSUED, 3, B, 99, since=7))
    withdrawn = GuaranteeRow(1, 3, 99, document=B, event=Step.WITHDRAW, end=90, since=7)
    assert book.projection.guarantee(A) == withdrawn, "an end that was opened is known from then on"
    assert book.projection.guarantee(B) is None


def test_an_end_that_was_opened_is_forgotten_when_another_takes_its_place() -> None:
    book = Book(GuaranteeMoved(A, Step.ISSUE, State.ISSUED, 1, B, 99))
    book.report(GuaranteeMoved(A, Step.PROPOSE, State.AMENDMENT_PROPOSED, 2, B, 99))
    book.report(GuaranteeMoved(A, Step.ACCEPT, State.ISSUED, 3, B, 199, end=90))
    row = book.projection.guarantee(A)
    assert row is not None
    assert (row.end, row.expires) == (0, 199)


def test_anchors_are_kept_by_log_and_size() -> None:
    book = Book(Anchored("a", 4, A), Anchored("b", 300, B), Anchored("a", 256, B))
    assert book.projection.anchor("a", 4) == AnchorRow(A, 1)
    assert book.projection.anchor("a", 256) == AnchorRow(B, 3)
    assert book.projection.anchor("a", 300) is None
    assert [book.projection.anchored_size(name) for name in ("a", "b", "c")] == [256, 300, 0]


def test_the_anchors_of_one_member_are_not_those_of_another_with_a_longer_name() -> None:
    assert Book(Anchored("ab", 4, A)).projection.anchored_size("a") == 0


def test_a_proposal_collects_its_votes_and_passes() -> None:
    book = Book(
        ProposalMade(1, "a", Action.SUSPEND, "c", 99, 3),
        ProposalMade(2, "a", Action.ADMIT, "d", 99, 3),
        VoteCast(1, "a", approve=True),
        VoteCast(1, "b", approve=False),
        ProposalPassed(1),
    )
    first = ProposalRow("a", Action.SUSPEND, "c", 99, 3, {"a": True, "b": False}, passed=True)
    second = ProposalRow("a", Action.ADMIT, "d", 99, 3, {})
    assert list(book.projection.proposals()) == [(1, first), (2, second)]


@pytest.mark.parametrize(
    "happening",
    [
        MemberStanding("unknown", active=False),
        EndpointsUpdated("unknown", "a:1", "b:2"),
        ControllerChanged(A, 2, b"old", b"new"),
        VoteCast(9, "a", approve=True),
        ProposalPassed(9),
    ],
)
def test_what_is_said_of_something_unknown_changes_nothing(happening: Any) -> None:
    assert list(Book(happening).store.scan(b"")) == []


def test_an_event_of_a_kind_yet_unknown_changes_nothing() -> None:
    class Later(msgspec.Struct):
        pass

    assert list(Book(Later()).store.scan(b"")) == []
