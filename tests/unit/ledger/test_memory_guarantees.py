"""The ledger in memory keeps rows that the table does not have yet: every mover, with and without expiry."""

import secrets
from dataclasses import dataclass, replace

import pytest

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

NOW = 57 * EXPIRY_UNIT_SECONDS - 100
"""So that a guarantee ends 100 s later."""
SALT = secrets.token_bytes(32)


@dataclass
class Setting:
    """A chain with one issued guarantee, and a clock."""

    now: float = NOW

    def __post_init__(self) -> None:
        identity, account = new_es256_key(b""), new_account_key()
        bank = new_member("bank", account.address, Role.GUARANTOR)
        bank = replace(bank, identity_key=identity.signer)
        self.chain = MemoryChain(secrets.token_bytes(32), [bank], clock=lambda: self.now)
        self.account, deployment = account.address, self.chain.deployment
        verifier = deployment.address_of("ES256Verifier")
        self.keys = {mover: new_es256_key(verifier) for mover in Mover}
        self.keys[Mover.GUARANTOR] = Es256Key(identity.secret, verifier)
        movers = [
            mover_commitment(SALT, self.keys[mover].signer) for mover in (Mover.BENEFICIARY, Mover.APPLICANT)
        ]
        terms = GuaranteeTerms(bytes(32), bytes(32), NOW + 100, "bank", *movers)
        self.guarantee = guarantee_id(deployment.alliance_id, terms)
        self.domain = deployment.domain_of("Guarantees")
        signature = self.keys[Mover.GUARANTOR].sign(issue_guarantee_digest(self.domain, self.guarantee))
        self.chain._apply(self.account, IssueGuarantee(terms, signature), self.frame())

    def frame(self) -> Frame:
        return Frame(self.domain.contract, int(self.now))

    def step(self, mover: Mover, sequence: int = 2) -> list[GuaranteeMoved]:
        key, step = self.keys[mover], (self.guarantee, sequence, Event.RELEASE, bytes(32))
        signature = key.sign(step_guarantee_digest(self.domain, *step))
        call = StepGuarantee(self.guarantee, Event.RELEASE, bytes(32), key.signer, SALT, signature)
        return self.chain._apply(self.account, call, self.frame())


def use(monkeypatch: pytest.MonkeyPatch, mover: Mover, *, before_expiry: bool = False) -> None:
    """A table where a release by `mover` leaves the guarantee as it is."""
    row = Transition(State.ISSUED, Event.RELEASE, State.ISSUED, mover, before_expiry=before_expiry)
    rows = {(row.state, row.event): row for row in (*TRANSITIONS, row)}
    monkeypatch.setattr(guarantees, "transition", lambda state, event: rows.get((state, event)))


@pytest.mark.parametrize("mover", Mover)
def test_each_mover_moves_its_own_steps_only(monkeypatch: pytest.MonkeyPatch, mover: Mover) -> None:
    setting = Setting()
    use(monkeypatch, mover)
    for other in set(Mover) - {mover}:
        with pytest.raises(LedgerRefusedError, match="GuaranteesWrongMover"):
            setting.step(other)
    for sequence in (2, 3):
        moved = GuaranteeMoved(setting.guarantee, Event.RELEASE, State.ISSUED, sequence, bytes(32), NOW + 100)
        assert setting.step(mover, sequence) == [moved]
        with pytest.raises(LedgerRefusedError, match="GuaranteesWrongSignature"):
            setting.step(mover, sequence)


def test_a_step_that_must_come_before_expiry_comes_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    setting = Setting()
    use(monkeypatch, Mover.BENEFICIARY, before_expiry=True)
    setting.now = NOW + 99
    setting.step(Mover.BENEFICIARY)
    setting.now = NOW + 100
    with pytest.raises(LedgerRefusedError, match="GuaranteesExpired"):
        setting.step(Mover.BENEFICIARY, 3)


def test_a_step_after_expiry_is_possible_where_the_table_says_so() -> None:
    setting = Setting()
    setting.now = NOW + 10_000
    (moved,) = setting.step(Mover.BENEFICIARY)
    assert moved.state == State.RELEASED
