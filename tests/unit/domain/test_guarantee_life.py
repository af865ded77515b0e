"""The terms in force follow from the ledger's steps and their documents, whatever else somebody signs."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.domain.guarantee import Guarantee, end_on_ledger, end_salt
from node.domain.guarantee_life import (
    LedgerStep,
    Life,
    begin,
    claim_sequence,
    follow,
    payable,
    possible_steps,
    replay,
    signed_step,
)
from node.domain.guarantee_statement import (
    Amendment,
    Claim,
    Discrepancy,
    Notice,
    Payment,
    Reason,
    Reduction,
    Says,
    Statement,
    check_statement,
    read_says,
)
from node.domain.guarantee_table import (
    GRACE_SECONDS,
    TRANSITIONS,
    Event,
    Mover,
    State,
    mover_of,
    transition,
)
from node.domain.ledger import NO_WORD, GuaranteeStep
from node.domain.ledger_ids import end_commitment
from node.errors import ConflictError, DocumentFormatError
from tests.vectors import guarantee_story

GUARANTEE = guarantee_story.guarantee()
RAW_ID = guarantee_story.issued_id()
LONGER = GUARANTEE.exp + 86_400
OFFER = Amendment("60000", LONGER, "postponed")
CLAIM = Claim("30000", "breach", (), "6222", 0)
NOTICE = Notice((Discrepancy("document", "unsigned"),))


def statement(event: Event, says: Says, sequence: int = 2) -> Statement:
    return Statement(
        alliance=GUARANTEE.alliance,
        iat=1,
        jti="A" * 22,
        guarantee=RAW_ID.hex(),
        sequence=sequence,
        previous="00" * 32,
        event=event.name,
        says=says,
    )


def lived(*said: tuple[Event, Says | None], guarantee: Guarantee = GUARANTEE):
    """The terms after steps; None stands for a document that is not here."""
    state, steps, documents = State.ISSUED, [], {}
    for sequence, (event, says) in enumerate(said, 2):
        rule = transition(state, event)
        assert rule is not None
        state, digest = rule.next, sequence.to_bytes(32, "big")
        steps.append(LedgerStep(sequence, event, state, digest))
        if says is not None:
            documents[digest] = statement(event, says, sequence)
    return replay(guarantee, steps, documents)


def test_an_offer_binds_when_it_is_accepted() -> None:
    life = lived((Event.PROPOSE, OFFER), (Event.ACCEPT, Reason("yes")))
    assert (life.amount, life.end, life.end_sequence) == (60000, LONGER, 2)
    refused = lived((Event.PROPOSE, OFFER), (Event.REFUSE, Reason("no")))
    assert (refused.amount, refused.end, refused.end_sequence) == (Decimal("80000.00"), GUARANTEE.exp, 1)


def test_an_older_offer_is_not_taken_for_one_whose_document_is_missing() -> None:
    life = lived(
        (Event.PROPOSE, OFFER),
        (Event.REFUSE, Reason("no")),
        (Event.PROPOSE, None),
        (Event.ACCEPT, Reason("y")),
    )
    assert (life.end, life.is_complete) == (GUARANTEE.exp, False)
    assert life.entries[2].problem == "document not here"


def test_what_is_paid_and_what_stays_are_the_amount() -> None:
    life = lived(
        (Event.CLAIM, CLAIM),
        (Event.FIND_COMPLYING, Reason("ok")),
        (Event.PAY_PART, Payment("30000", "ab" * 32)),
        (Event.REDUCE, Reduction("20000", "ab" * 32)),
    )
    assert (life.amount, life.paid, life.is_complete) == (20000, 30000, True)


@pytest.mark.parametrize("amount", ["29999.99", "30000.01", "80000", "80000.01"])
def test_a_payment_of_another_amount_than_was_claimed_changes_nothing(amount: str) -> None:
    life = lived(
        (Event.CLAIM, CLAIM),
        (Event.FIND_COMPLYING, Reason("ok")),
        (Event.PAY_PART, Payment(amount, "ab" * 32)),
    )
    assert (life.amount, life.paid) == (Decimal("80000.00"), 0)
    assert life.entries[-1].problem


@pytest.mark.parametrize(
    ("nature", "ground", "is_allowed"),
    [
        ("independent", "document", True),
        ("independent", "defence", False),
        ("independent", "cover", False),
        ("suretyship", "defence", True),
        ("suretyship", "cover", False),
        ("insurance", "cover", True),
        ("insurance", "defence", False),
    ],
)
def test_each_legal_nature_has_its_own_grounds(nature, ground, is_allowed) -> None:
    life = replace(begin(GUARANTEE), nature=nature, state=State.CLAIMED)
    said = statement(Event.FIND_DISCREPANT, Notice((Discrepancy(ground, "because"),)))
    if is_allowed:
        follow(life, Event.FIND_DISCREPANT, said, 3)
    else:
        with pytest.raises(ConflictError):
            follow(life, Event.FIND_DISCREPANT, said, 3)


@pytest.mark.parametrize(
    ("event", "says"),
    [
        (Event.CLAIM, Reason("pay")),
        (Event.CLAIM, Claim("1", "b", (), "p", LONGER)),
        (Event.CLAIM_EXTEND_OR_PAY, CLAIM),
        (Event.CLAIM, Claim("0.00", "b", (), "p", 0)),
        (Event.PAY, NOTICE),
        (Event.RELEASE, Reason("take it")),
        (Event.ISSUE, Reason("mine")),
        (Event.REDUCE, Reduction("0", "ab" * 32)),
    ],
)
def test_a_statement_has_the_content_of_its_event(event: Event, says: Says) -> None:
    with pytest.raises(DocumentFormatError):
        check_statement(statement(event, says))


def test_a_notice_gives_a_reason_at_least() -> None:
    with pytest.raises(DocumentFormatError):
        read_says(b'{"type": "notice", "discrepancies": []}')
    assert read_says(b'{"type": "reason", "reason": "r"}') == Reason("r")


def test_what_is_signed_for_the_ledger_follows_from_the_document() -> None:
    for event, says, has_end in (
        (Event.PROPOSE, OFFER, True),
        (Event.CLAIM, CLAIM, False),
        (Event.CLAIM_EXTEND_OR_PAY, Claim("1", "b", (), "p", LONGER), True),
        (Event.ACCEPT, Reason("y"), False),
    ):
        step = signed(event, says, lived())
        assert (step.end != NO_WORD, step.expires >= LONGER) == (has_end, has_end)


def test_who_puts_an_end_in_force_signs_the_one_that_the_document_offered() -> None:
    offered = lived((Event.PROPOSE, OFFER))
    accepted, unknown = signed(Event.ACCEPT, Reason("y"), offered), lived((Event.PROPOSE, None))
    assert (accepted.end, accepted.expires) == (
        end_commitment(end_salt(GUARANTEE.code, 2), LONGER),
        end_on_ledger(LONGER),
    )
    with pytest.raises(DocumentFormatError):
        signed(Event.ACCEPT, Reason("y"), unknown)
    assert signed(Event.REFUSE, Reason("n"), unknown).end == NO_WORD


def signed(event: Event, says: Says, life: Life) -> GuaranteeStep:
    """What its mover signs for the ledger."""
    number = len(life.entries) + 2
    return signed_step(
        RAW_ID, GUARANTEE.code, number, bytes(32), statement(event, says, number), b"d" * 32, life
    )


def test_possible_steps_are_the_tables_with_their_times() -> None:
    found = {one.event: one for one in possible_steps(State.CLAIMED, 1000, 500)}
    assert found.keys() == {row.event for row in TRANSITIONS if row.state is State.CLAIMED}
    assert (found[Event.FIND_DISCREPANT].closes, found[Event.PRECLUDE].opens) == (500, 500)
    quiet = {one.event: one for one in possible_steps(State.ISSUED, 1000, 0)}
    assert (quiet[Event.CLAIM].closes, quiet[Event.EXPIRE].opens) == (1000, 1000 + GRACE_SECONDS)
    assert quiet[Event.CLAIM].mover is Mover.BENEFICIARY


def test_an_event_has_one_mover_wherever_it_is_possible() -> None:
    assert all(mover_of(row.event) is row.rule.mover for row in TRANSITIONS)


AMOUNTS = st.integers(1, 10).map(lambda tens: str(10_000 * tens))
"""Few, so that a payment is often that of a claim."""
SAID = st.sampled_from([row.event for row in TRANSITIONS]).flatmap(
    lambda event: st.tuples(
        st.just(event),
        AMOUNTS.map(
            lambda amount: {
                Event.PROPOSE: Amendment(amount, LONGER, "r"),
                Event.CLAIM: Claim(amount, "b", (), "p", 0),
                Event.CLAIM_EXTEND_OR_PAY: Claim(amount, "b", (), "p", LONGER + 1),
                Event.FIND_DISCREPANT: NOTICE,
                Event.PAY: Payment(amount, "ab" * 32),
                Event.PAY_PART: Payment(amount, "ab" * 32),
                Event.REDUCE: Reduction(amount, "ab" * 32),
            }.get(event, Reason("r"))
        ),
    )
)


def test_a_refused_claim_that_is_waived_after_a_reduction_is_owed_what_is_left() -> None:
    waived = (
        (Event.CLAIM, CLAIM),
        (Event.FIND_DISCREPANT, NOTICE),
        (Event.REDUCE, Reduction("20000", "ab" * 32)),
        (Event.FIND_COMPLYING, Reason("r")),
    )
    assert payable(lived(*waived)) == 20000
    beyond = lived(*waived, (Event.PAY_PART, Payment("30000", "ab" * 32)))
    assert (beyond.amount, beyond.paid, beyond.entries[-1].problem != "") == (20000, 0, True)
    life = lived(*waived, (Event.PAY, Payment("20000", "ab" * 32)))
    assert (life.amount, life.paid, claim_sequence(life)) == (0, 20000, 2)


@given(st.lists(SAID, max_size=30))
def test_whatever_is_signed_what_is_paid_is_covered(said) -> None:
    """Over random documents, most of which break a rule."""
    state, steps, documents, most = State.ISSUED, [], {}, Decimal(80000)
    for event, says in said:
        rule = transition(state, event)
        if rule is None or event is Event.RELEASE or rule.next is State.INTERRUPTED:
            continue
        state, sequence = rule.next, len(steps) + 2
        digest = sequence.to_bytes(32, "big")
        steps.append(LedgerStep(sequence, event, state, digest))
        documents[digest] = statement(event, says, sequence)
        before = replay(GUARANTEE, steps[:-1], documents)
        life = replay(GUARANTEE, steps, documents)
        if event is Event.ACCEPT and life.amount != before.amount:
            assert before.offer is not None
            most += life.amount - before.amount
        assert life.amount >= 0
        assert life.paid <= most
        assert life.amount + life.paid <= most
