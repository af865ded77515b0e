"""Lives on the real contract: attacks told one by one, and random lives against the model that the twin is held to.

`make lives` runs as many random ones as are asked for.
"""

import dataclasses
import itertools
import os
import secrets

import pytest

from adapters.ledger.artifact import VERIFIER
from adapters.ledger.calls import to_invocation
from adapters.ledger.deployment import DeployedContract, Deployment
from node.domain.guarantee_table import GRACE_SECONDS, OBJECTION_SECONDS, TRANSITIONS, Event, Mover, State
from node.domain.keys import KeyChange, KeySet
from node.domain.ledger import GuaranteeMoved, IssueGuarantee, StepGuarantee
from node.domain.ledger_ids import Eip712Domain, key_change_digest
from node.errors import LedgerRefusedError
from tests.contracts.world import ALLIANCE_ID, DAY, GUARANTOR, SUSPEND, World, identity_key, name
from tests.support.evm import Reverted
from tests.support.guarantee_lives import Life, Place, proposed
from tests.support.guarantee_model import RandomLife
from tests.support.ledgers import Es256Key, new_es256_key

LIVES = int(os.environ.get("HEQI_LIVES_ON_CONTRACT", "4"))
STEPS = 14
CENTRE = "hangzhou"
BANK, OWNER, BIDDER, TENDER = Mover.GUARANTOR, Mover.BENEFICIARY, Mover.APPLICANT, Mover.CENTRE


class ContractLedger:
    """The real contract, with a transaction for each step."""

    def __init__(self, world: World) -> None:
        self._founded, self.world = world, world
        there = Eip712Domain(world.evm.chain_id, world.guarantees.address, ALLIANCE_ID)
        keys = (GUARANTOR, identity_key(GUARANTOR), CENTRE, identity_key(CENTRE))
        self.place = Place(there, world.es256.address, *keys)
        places = {VERIFIER: world.es256, "Guarantees": world.guarantees}
        contracts = {one: DeployedContract(place.address, bytes(32)) for one, place in places.items()}
        self._deployment = Deployment(ALLIANCE_ID, there.chain_id, bytes(32), 0, contracts)

    def begin(self, now: int) -> int:
        self.world = self._founded.fork()
        return max(now, self.world.evm.now + 1)

    def apply(self, call: IssueGuarantee | StepGuarantee, now: int) -> GuaranteeMoved:
        function = "issue" if isinstance(call, IssueGuarantee) else "step"
        evm, data = self.world.evm, to_invocation(call, self._deployment).data
        assert now > evm.now
        evm.now = now - 1
        try:
            receipt = evm.send_raw(self.world.members["ningbo"], self.world.guarantees, function, data)
        except Reverted as error:
            raise LedgerRefusedError(error.name) from error
        [moved] = [event.values for event in receipt.events]
        return GuaranteeMoved(**{field.rstrip("_"): value for field, value in moved.items()})


@pytest.fixture
def life(world: World) -> "BlockLife":
    return BlockLife(world)


class BlockLife(Life):
    """Each attempt is a block, a second after the last."""

    def __init__(self, world: World) -> None:
        ledger = ContractLedger(world)
        start = world.evm.now + 1
        super().__init__(ledger, start, start + 30 * DAY)

    @property
    def world(self) -> World:
        return self.ledger.world

    def apply(self, call: StepGuarantee) -> GuaranteeMoved:
        self.now = max(self.now, self.world.evm.now + 1)
        return super().apply(call)

    def wait_until(self, moment: int) -> None:
        self.now = moment

    def claimed(self) -> "BlockLife":
        self.step(Event.CLAIM, OWNER)
        return self


@pytest.mark.timeout(7_200)
def test_random_lives_are_as_the_model_says(founded: World) -> None:
    ledger, taken, refused = ContractLedger(founded), 0, 0
    first = int(os.environ.get("HEQI_LIVES_SEED", secrets.randbits(32)))
    for seed in range(first, first + LIVES):
        life = RandomLife(ledger, seed, founded.evm.now + DAY)
        try:
            life.run(STEPS)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from error
        taken, refused = taken + life.taken, refused + life.refused
    print(f"{LIVES} lives on the contract: {taken} steps taken, {refused} refused, seeds from {first}")
    assert taken > LIVES


# -- attacks ---------------------------------------------------------------------------------------------


def test_a_claim_after_the_end_is_refused_however_it_is_told(life: BlockLife) -> None:
    life.wait_until(life.end)
    assert life.attempt(Event.CLAIM, OWNER) == "GuaranteesExpired"
    later = life.opened(life.end + DAY)
    assert life.attempt(Event.CLAIM, OWNER, evidence=later) == "GuaranteesWrongEnd"


def test_a_late_claim_with_a_forged_receipt_is_refused(life: BlockLife) -> None:
    life.wait_until(life.end)
    lodged = life.end - 1
    for forger in (OWNER, BIDDER, None):
        evidence = life.receipt(forger, Event.CLAIM, lodged)
        assert life.attempt(Event.CLAIM, OWNER, evidence=evidence) == "GuaranteesWrongReceipt"
    honest = life.receipt(BANK, Event.CLAIM, lodged)
    for forged in (
        dataclasses.replace(honest, lodged=lodged - 1),
        life.receipt(BANK, Event.CLAIM_EXTEND_OR_PAY, lodged),
        life.receipt(BANK, Event.CLAIM, lodged, document=bytes(32)),
        life.receipt(BANK, Event.CLAIM, lodged, guarantee=bytes(32)),
    ):
        assert life.attempt(Event.CLAIM, OWNER, evidence=forged) == "GuaranteesWrongReceipt"
    after = life.receipt(BANK, Event.CLAIM, life.end)
    assert life.attempt(Event.CLAIM, OWNER, evidence=after) == "GuaranteesExpired"


@pytest.mark.parametrize("receiver", [BANK, TENDER])
def test_a_claim_that_was_lodged_in_time_is_not_lost_to_an_outage(life: BlockLife, receiver: Mover) -> None:
    life.wait_until(life.end + GRACE_SECONDS - 2)
    evidence = life.receipt(receiver, Event.CLAIM, life.end - 1)
    assert life.step(Event.CLAIM, OWNER, evidence=evidence).state == State.CLAIMED


def test_a_receipt_does_not_revive_what_is_over(life: BlockLife) -> None:
    life.wait_until(life.end + GRACE_SECONDS)
    evidence = life.receipt(BANK, Event.CLAIM, life.end - 1)
    assert life.attempt(Event.CLAIM, OWNER, evidence=evidence) == "GuaranteesExpired"
    life.step(Event.EXPIRE, BANK)
    assert life.attempt(Event.CLAIM, OWNER, evidence=evidence) == "GuaranteesWrongStep"


def test_whoever_is_centre_and_beneficiary_at_once_gives_itself_no_receipt(world: World) -> None:
    life = BlockLife(world)
    life.keys[TENDER] = life.keys[OWNER]  # one key in two parts
    life.wait_until(life.end)
    evidence = life.receipt(TENDER, Event.CLAIM, life.end - 1)
    assert life.attempt(Event.CLAIM, OWNER, evidence=evidence) == "GuaranteesWrongReceipt"


def test_a_centre_that_is_also_the_beneficiary_by_another_key_gains_a_claim_to_be_examined_and_no_time(
    life: BlockLife,
) -> None:
    """The limit: whose the beneficiary's key is, no ledger knows. The guarantor refuses it like any late claim."""
    for _ in range(2):
        life.wait_until(max(life.now, life.end))
        evidence = life.receipt(TENDER, Event.CLAIM, life.end - 1)
        assert life.step(Event.CLAIM, OWNER, evidence=evidence).state == State.CLAIMED
        assert life.step(Event.FIND_DISCREPANT, BANK).state == State.DISCREPANT
    life.wait_until(life.end + GRACE_SECONDS)
    evidence = life.receipt(TENDER, Event.CLAIM, life.end - 1)
    assert life.attempt(Event.CLAIM, OWNER, evidence=evidence) == "GuaranteesExpired"
    assert life.step(Event.EXPIRE, BANK, evidence=life.opened()).state == State.EXPIRED


@pytest.mark.parametrize("thief", [BANK, BIDDER, TENDER, None])
def test_nobody_claims_or_answers_for_the_beneficiary(life: BlockLife, thief: Mover | None) -> None:
    for event in (Event.CLAIM, Event.CLAIM_EXTEND_OR_PAY, Event.RELEASE, Event.REDUCE):
        assert life.attempt(event, thief) == "GuaranteesWrongMover"
    later = proposed(life.end + DAY)
    life.step(Event.PROPOSE, BANK, **later)
    assert life.attempt(Event.ACCEPT, thief, **later) == "GuaranteesWrongMover"
    assert life.attempt(Event.REFUSE, thief) == "GuaranteesWrongMover"


def test_an_amendment_that_the_beneficiary_never_accepted_binds_it_not(life: BlockLife) -> None:
    """Not even one that would end the guarantee tomorrow."""
    life.step(Event.PROPOSE, BANK, **proposed(life.now + DAY))
    life.wait_until(life.now + 10 * DAY)
    life.step(Event.CLAIM, OWNER)
    life.step(Event.WITHDRAW, OWNER)
    assert life.attempt(Event.EXPIRE, BANK, evidence=life.opened(life.now + DAY)) == "GuaranteesWrongEnd"
    assert life.attempt(Event.ACCEPT, OWNER) == "GuaranteesWrongStep", "the claim was its answer"


def test_an_extension_counts_from_its_acceptance_on(life: BlockLife) -> None:
    before, later = life.end, life.end + 400 * DAY
    life.step(Event.PROPOSE, BANK, **proposed(later))
    accepted = life.step(Event.ACCEPT, OWNER, **proposed(later))
    assert accepted.end == before
    assert accepted.expires > life.terms.expires
    life.end = later
    life.wait_until(before + GRACE_SECONDS)
    assert life.attempt(Event.EXPIRE, BANK, evidence=life.opened(before)) == "GuaranteesWrongEnd"
    life.step(Event.CLAIM, OWNER)


@pytest.mark.parametrize("days", [-20, 1, 800])
def test_who_accepts_an_end_says_which_and_is_bound_to_no_other(life: BlockLife, days: int) -> None:
    """A guarantor could tell the ledger another end than its document says, and nobody could claim by it."""
    hidden = proposed(life.now + days * DAY) | {"expires": life.terms.expires}
    said = proposed(life.end + 30 * DAY)
    life.step(Event.PROPOSE, BANK, **hidden)
    assert life.attempt(Event.ACCEPT, OWNER, **said) == "GuaranteesMalformedEnd"
    assert life.attempt(Event.ACCEPT, OWNER) == "GuaranteesMalformedEnd", "nor to none"
    life.step(Event.CLAIM, OWNER)


def test_who_grants_a_longer_term_says_which(life: BlockLife) -> None:
    longer = proposed(life.end + 30 * DAY)
    life.step(Event.CLAIM_EXTEND_OR_PAY, OWNER, **proposed(life.end + 3_000 * DAY))
    assert life.attempt(Event.EXTEND, BANK, **longer) == "GuaranteesMalformedEnd"
    assert life.attempt(Event.EXTEND, BANK) == "GuaranteesMalformedEnd"


def test_expiry_is_not_declared_early(life: BlockLife) -> None:
    assert life.attempt(Event.EXPIRE, BANK) == "GuaranteesTooEarly"
    life.wait_until(life.end + GRACE_SECONDS - 1)
    assert life.attempt(Event.EXPIRE, BANK) == "GuaranteesTooEarly"
    assert life.attempt(Event.EXPIRE, BANK, evidence=life.opened(life.end - DAY)) == "GuaranteesWrongEnd"
    assert life.step(Event.EXPIRE, BANK).end == life.end


def test_a_claim_keeps_the_guarantee_alive_for_years(life: BlockLife) -> None:
    life.claimed().wait_until(life.end + 1_000 * DAY)
    for event in (Event.EXPIRE, Event.ASK_SURRENDER, Event.ATTEST_VOID):
        mover = {Event.EXPIRE: BANK, Event.ASK_SURRENDER: BIDDER, Event.ATTEST_VOID: TENDER}[event]
        assert life.attempt(event, mover) == "GuaranteesWrongStep"
    assert life.step(Event.PRECLUDE, OWNER).state == State.COMPLYING
    assert life.step(Event.PAY_PART, BANK).state == State.ISSUED
    assert life.step(Event.EXPIRE, BANK).state == State.EXPIRED


def test_the_guarantor_refuses_within_five_working_days_or_not_at_all(life: BlockLife) -> None:
    due = life.claimed().last.due
    assert life.attempt(Event.PRECLUDE, OWNER) == "GuaranteesTooEarly"
    life.wait_until(due)
    assert life.attempt(Event.FIND_DISCREPANT, BANK) == "GuaranteesTooLate"
    in_time = life.receipt(OWNER, Event.FIND_DISCREPANT, due - 1)
    assert life.step(Event.FIND_DISCREPANT, BANK, evidence=in_time).state == State.DISCREPANT


def test_a_false_stay_gains_the_guarantor_no_day_of_examination(life: BlockLife) -> None:
    claimed = life.claimed().last
    life.wait_until(claimed.due - DAY)
    stayed = life.step(Event.STAY, BANK)
    assert life.attempt(Event.FIND_DISCREPANT, BANK) == "GuaranteesWrongStep"
    life.wait_until(stayed.due - 1)
    assert life.attempt(Event.LAPSE, OWNER) == "GuaranteesTooEarly"
    life.wait_until(stayed.due)
    lapsed = life.step(Event.LAPSE, OWNER)
    assert lapsed.state == State.CLAIMED
    assert lapsed.due - life.now == claimed.due - stayed.since


def test_the_tenders_centre_alone_ends_nothing(life: BlockLife) -> None:
    life.step(Event.ATTEST_VOID, TENDER)
    assert life.attempt(Event.CLOSE_VOID, TENDER) == "GuaranteesTooEarly"
    life.wait_until(life.now + OBJECTION_SECONDS)
    assert life.attempt(Event.CLOSE_VOID, TENDER) == "GuaranteesWrongMover"
    assert life.step(Event.REFUSE, OWNER).state == State.ISSUED


def test_applicant_and_guarantor_together_end_nothing(life: BlockLife) -> None:
    life.step(Event.ASK_SURRENDER, BIDDER)
    life.step(Event.AGREE_SURRENDER, BANK)
    for mover in (BIDDER, BANK, TENDER):
        assert life.attempt(Event.ACCEPT, mover) == "GuaranteesWrongMover"
    assert life.step(Event.CLAIM, OWNER).state == State.CLAIMED


def test_a_guarantor_that_is_suspended_in_mid_life_keeps_its_duties(life: BlockLife) -> None:
    life.claimed()
    life.world.decide((CENTRE, "ningbo"), SUSPEND, name(GUARANTOR))
    life.step(Event.FIND_COMPLYING, BANK)
    assert life.step(Event.PAY, BANK).state == State.CLOSED


def rotate(life: BlockLife, key: Es256Key, until: int) -> None:
    """The guarantor's identity key becomes another; `life` goes on with the old one."""
    world, old = life.world, life.keys[BANK]
    now = KeySet(world.members[GUARANTOR].address, key.signer[20:], b"\1" * 32, b"\2" * 32)
    change = KeyChange(now, 1, until)
    there = dataclasses.replace(life.place.domain, contract=world.alliance.address)
    digest = key_change_digest(there, GUARANTOR, 1, change)
    x, y = key.signer[20:52], key.signer[52:]
    told = ((now.account, x, y, now.log_key, now.sealing_key), 1, until)
    proofs = (old.sign(digest), key.sign(digest), b"")
    world.send(GUARANTOR, world.alliance, "changeKeys", told, world.es256.address, proofs)


def test_a_step_by_a_key_that_was_changed_counts_through_the_overlap_only(life: BlockLife) -> None:
    life.claimed()
    new, until = Es256Key(new_es256_key(b"").secret, life.place.verifier), life.now + DAY
    rotate(life, new, until)
    life.step(Event.STAY, BANK)
    life.wait_until(until + 1)
    assert life.attempt(Event.LIFT, BANK) == "GuaranteesWrongMover"
    life.keys[BANK] = new
    assert life.step(Event.LIFT, BANK).state == State.CLAIMED


def test_a_stolen_key_makes_no_step_and_gives_no_receipt_once_it_was_changed(life: BlockLife) -> None:
    new = Es256Key(new_es256_key(b"").secret, life.place.verifier)
    rotate(life, new, 0)
    assert life.attempt(Event.PROPOSE, BANK) == "GuaranteesWrongMover"
    life.wait_until(life.end)
    stolen = life.receipt(BANK, Event.CLAIM, life.end - 1)
    assert life.attempt(Event.CLAIM, OWNER, evidence=stolen) == "GuaranteesWrongReceipt"
    life.keys[BANK] = new
    life.step(Event.CLAIM, OWNER, evidence=life.receipt(BANK, Event.CLAIM, life.end - 1))


def test_a_step_that_was_overtaken_is_signed_again_and_not_replayed(life: BlockLife) -> None:
    claim = life.call(Event.CLAIM, OWNER)
    life.step(Event.PROPOSE, BANK)
    with pytest.raises(LedgerRefusedError, match="GuaranteesOtherStep"):
        life.apply(claim)
    life.step(Event.CLAIM, OWNER)


def test_a_claim_is_overtaken_a_few_times_at_most(life: BlockLife) -> None:
    """All others together run out of steps, and the beneficiary has still its own."""
    for event, mover in [
        (Event.ASK_SURRENDER, BIDDER),
        (Event.PROPOSE, BANK),
        (Event.ATTEST_VOID, TENDER),
    ]:
        life.step(event, mover)
    further = {row.event for row in TRANSITIONS if row.state is State.VOID_ATTESTED}
    for event, mover in itertools.product(further, (BANK, BIDDER, TENDER)):
        assert life.attempt(event, mover) in {"GuaranteesWrongMover", "GuaranteesTooEarly"}
    life.step(Event.CLAIM, OWNER)
