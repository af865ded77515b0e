"""Any sequence of steps, by anybody, under any table: the ledger in memory is where the table says."""

import secrets
from dataclasses import replace
from unittest import mock

from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.ledger.memory import MemoryChain, guarantees
from adapters.ledger.memory.state import Frame
from node.domain.guarantee_table import EXPIRY_UNIT_SECONDS, TRANSITIONS, Event, Mover, State, Transition
from node.domain.ledger import GuaranteeMoved, GuaranteeTerms, IssueGuarantee, StepGuarantee
from node.domain.ledger_ids import (
    guarantee_id,
    issue_guarantee_digest,
    mover_commitment,
    step_guarantee_digest,
)
from node.domain.member import Role
from node.errors import LedgerRefusedError
from tests.support.ledgers import Es256Key, new_account_key, new_es256_key, new_member

LIFE = 4
NOW = 57 * EXPIRY_UNIT_SECONDS - LIFE
SALT = secrets.token_bytes(32)
ALLIANCE = secrets.token_bytes(32)
IDENTITY, ACCOUNT = new_es256_key(b""), new_account_key()
BANK = replace(new_member("bank", ACCOUNT.address, Role.GUARANTOR), identity_key=IDENTITY.signer)
VERIFIER = MemoryChain(ALLIANCE, [BANK]).deployment.address_of("ES256Verifier")
KEYS = {
    Mover.GUARANTOR: Es256Key(IDENTITY.secret, VERIFIER),
    Mover.BENEFICIARY: new_es256_key(VERIFIER),
    Mover.APPLICANT: new_es256_key(VERIFIER),
    None: new_es256_key(VERIFIER),
}
TERMS = GuaranteeTerms(
    bytes(32),
    bytes(32),
    NOW + LIFE,
    "bank",
    mover_commitment(SALT, KEYS[Mover.BENEFICIARY].signer),
    mover_commitment(SALT, KEYS[Mover.APPLICANT].signer),
)
GUARANTEE = guarantee_id(ALLIANCE, TERMS)

STATES, EVENTS = [state for state in State if state is not State.NONE], list(Event)
ROWS = st.builds(
    Transition,
    state=st.sampled_from(STATES),
    event=st.sampled_from(EVENTS),
    next=st.sampled_from(STATES),
    mover=st.sampled_from(Mover),
    before_expiry=st.booleans(),
)
TABLES = st.just(TRANSITIONS) | st.lists(
    ROWS, min_size=2, max_size=8, unique_by=lambda row: (row.state, row.event)
).map(lambda rows: (TRANSITIONS[0], *rows))
EVENT_NUMBERS = st.sampled_from(EVENTS) | st.sampled_from([0, 3, 255])
# Mostly right, so that sequences get far; and each thing wrong by itself.
KEY_OF = st.just("the mover") | st.sampled_from(list(KEYS))
OFF = st.just(0) | st.integers(-1, 1)
STEPS = st.lists(st.tuples(EVENT_NUMBERS, KEY_OF, st.integers(0, 2), OFF), min_size=6, max_size=14)
"""(event, whose key, seconds that pass before it, how far its number is off)."""


class Model:
    """What the contract should be, said once more and without signatures: a state and a number."""

    def __init__(self, table: tuple[Transition, ...]) -> None:
        self.rows = {(row.state, row.event): row for row in table}
        self.state, self.sequence, self.last = State.ISSUED, 1, int(Event.ISSUE)

    def mover(self, event: int) -> Mover | None:
        row = self.rows.get((self.state, event))
        return None if row is None else row.mover

    def step(self, event: int, mover: Mover | None, off: int, now: int) -> str:
        """The refusal, or nothing if the step was taken."""
        row = self.rows.get((self.state, event))
        if row is None:
            return "GuaranteesAlreadyMoved" if event == self.last else "GuaranteesWrongStep"
        if row.before_expiry and now >= TERMS.expires:
            return "GuaranteesExpired"
        if row.mover is not mover:
            return "GuaranteesWrongMover"
        if off:
            return "GuaranteesWrongSignature"
        self.state, self.sequence, self.last = row.next, self.sequence + 1, event
        return ""


@settings(max_examples=60, deadline=None)
@given(TABLES, STEPS)
def test_every_sequence_of_steps_ends_where_the_table_says(table, steps):
    model, now = Model(table), NOW
    chain = MemoryChain(ALLIANCE, [BANK], clock=lambda: NOW)
    domain = chain.deployment.domain_of("Guarantees")
    signature = KEYS[Mover.GUARANTOR].sign(issue_guarantee_digest(domain, GUARANTEE))
    with mock.patch.object(guarantees, "transition", lambda state, event: model.rows.get((state, event))):
        chain._apply(ACCOUNT.address, IssueGuarantee(TERMS, signature), Frame(domain.contract, NOW))
        for count, (event, whose, seconds, off) in enumerate(steps):
            mover = model.mover(event) if whose == "the mover" else whose
            now += seconds
            key, document = KEYS[mover], count.to_bytes(32, "big")
            step = GUARANTEE, model.sequence + 1 + off, event, document
            signature = key.sign(step_guarantee_digest(domain, *step))
            call = StepGuarantee(GUARANTEE, event, document, key.signer, SALT, signature)
            refusal, moved = attempt(chain, call, now)
            assert refusal == model.step(event, mover, off, now)
            if not refusal:
                place = int(model.state), model.sequence, document, TERMS.expires
                assert moved == [GuaranteeMoved(GUARANTEE, event, *place)]


def attempt(chain: MemoryChain, call: StepGuarantee, now: int) -> tuple[str, list[GuaranteeMoved]]:
    try:
        return "", chain._apply(ACCOUNT.address, call, Frame(chain.deployment.address_of("Guarantees"), now))
    except LedgerRefusedError as error:
        return error.problem, []
