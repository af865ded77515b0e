"""The rules of guarantees, on every ledger: in memory, the embedded engine, Anvil."""

import secrets
from dataclasses import replace
from typing import Any

from node.domain.calendar import add_working_days
from node.domain.guarantee import end_on_ledger
from node.domain.guarantee_table import EXPIRY_UNIT_SECONDS, OBJECTION_SECONDS, SUIT_SECONDS, Event, State
from node.domain.ledger import (
    NO_EVIDENCE,
    Action,
    CastVote,
    Evidence,
    GuaranteeMoved,
    GuaranteeStep,
    GuaranteeTerms,
    IssueGuarantee,
    ProposeStanding,
    Signed,
    StepGuarantee,
)
from node.domain.ledger_ids import (
    centre_commitment,
    end_commitment,
    guarantee_id,
    issue_guarantee_digest,
    mover_commitment,
    step_guarantee_digest,
)
from tests.support import ledger_worlds
from tests.support.ledger_worlds import FOUNDER_NAMES, GUARANTOR, World, assert_refused
from tests.support.ledgers import AccountKey, Es256Key, new_account_key, submit, wait_for_outcome

FIRST, SECOND, _ = FOUNDER_NAMES
DOCUMENT, SALT = secrets.token_bytes(32), secrets.token_bytes(32)

engine = ledger_worlds.engine
world = ledger_worlds.world

Key = AccountKey | Es256Key


class Setting:
    """The terms of one guarantee, and the keys of who moves it."""

    def __init__(self, world: World, now: int, beneficiary: Key | None = None) -> None:
        self.world = world
        self.domain = world.deployment.domain_of("Guarantees")
        self.identity = world.identity(GUARANTOR)
        self.beneficiary, self.applicant = beneficiary or world.es256_key(), world.es256_key()
        self.end = now + 3_600
        self.terms = GuaranteeTerms(
            digest=secrets.token_bytes(32),
            application=secrets.token_bytes(32),
            expires=end_on_ledger(self.end),
            guarantor=GUARANTOR,
            beneficiary=mover_commitment(SALT, self.beneficiary.signer),
            applicant=mover_commitment(SALT, self.applicant.signer),
            centre=centre_commitment(SALT, FIRST),
            end=end_commitment(SALT, self.end),
            examination=5,
        )
        self.last = 1, self.terms.digest

    @property
    def guarantee(self) -> bytes:
        return guarantee_id(self.world.alliance_id, self.terms)

    def issue(self, terms: GuaranteeTerms | None = None, key: Key | None = None) -> IssueGuarantee:
        terms = terms or self.terms
        digest = issue_guarantee_digest(self.domain, guarantee_id(self.world.alliance_id, terms))
        return IssueGuarantee(terms, (key or self.identity).sign(digest))

    def step(
        self, key: Key, event: int = Event.RELEASE, *, evidence: Evidence = NO_EVIDENCE, **changes: Any
    ) -> StepGuarantee:
        """The one that comes next, apart from what is given."""
        number, previous = self.last
        step = replace(GuaranteeStep(self.guarantee, number + 1, previous, event, DOCUMENT), **changes)
        digest = step_guarantee_digest(self.domain, step)
        return StepGuarantee(step, Signed(key.signer, key.sign(digest), SALT, FIRST), evidence)

    async def move(self, key: Key, event: int, **changes: Any) -> GuaranteeMoved:
        """Make a step; what the ledger says of it."""
        call = self.step(key, event, **changes)
        assert (await submit(self.world.ledger(), call)).succeeded
        self.last = call.step.sequence, call.step.document
        return (await self.world.happenings(GuaranteeMoved))[-1]

    def opened(self) -> Evidence:
        return Evidence(self.end, SALT)


async def new_setting(world: World, beneficiary: Key | None = None) -> Setting:
    return Setting(world, await world.now(), beneficiary)


async def suspend_guarantor(world: World) -> None:
    proposal = ProposeStanding(Action.SUSPEND, GUARANTOR, await world.now() + 600)
    await submit(world.ledger(FIRST), proposal)
    await submit(world.ledger(SECOND), CastVote(1, True))


async def test_a_guarantee_is_issued_once_and_released_for_good(world: World) -> None:
    for beneficiary in (world.es256_key(), new_account_key()):
        setting = await new_setting(world, beneficiary)
        assert (await submit(world.ledger(FIRST), setting.issue())).succeeded
        await assert_refused(world, FIRST, setting.issue(), "GuaranteesApplicationUsed")
        release = setting.step(beneficiary)
        assert (await submit(world.ledger(SECOND), release)).succeeded
        await assert_refused(world, SECOND, release, "GuaranteesAlreadyMoved")
        await assert_refused(world, FIRST, setting.issue(), "GuaranteesApplicationUsed")
        guarantee, terms = setting.guarantee, setting.terms
        issued, released = (await world.happenings(GuaranteeMoved))[-2:]
        assert issued.since <= released.since
        assert [replace(one, since=0) for one in (issued, released)] == [
            GuaranteeMoved(guarantee, Event.ISSUE, State.ISSUED, 1, terms.digest, terms.expires),
            GuaranteeMoved(guarantee, Event.RELEASE, State.RELEASED, 2, DOCUMENT, terms.expires),
        ]


async def test_only_a_guarantor_issues_and_only_by_its_own_signature(world: World) -> None:
    setting = await new_setting(world)
    forged = setting.issue(key=world.es256_key())
    await assert_refused(world, GUARANTOR, forged, "GuaranteesWrongSignature")
    centre = replace(setting.terms, guarantor=FIRST)
    by_centre = setting.issue(centre, world.identity(FIRST))
    await assert_refused(world, FIRST, by_centre, "GuaranteesNotGuarantor")
    nobody = setting.issue(replace(setting.terms, guarantor="nobody"))
    await assert_refused(world, FIRST, nobody, "GuaranteesNotGuarantor")


async def test_a_relay_alters_no_term(world: World) -> None:
    setting = await new_setting(world)
    honest, thief = setting.issue(), secrets.token_bytes(32)
    for change in (
        {"digest": bytes(32)},
        {"application": bytes(32)},
        {"expires": setting.terms.expires + EXPIRY_UNIT_SECONDS},
        {"beneficiary": thief},
        {"applicant": thief},
        {"centre": thief},
        {"end": thief},
        {"examination": 30},
    ):
        altered = replace(honest, terms=replace(honest.terms, **change))
        await assert_refused(world, FIRST, altered, "GuaranteesWrongSignature")
    assert (await submit(world.ledger(FIRST), honest)).succeeded


async def test_one_application_carries_one_guarantee(world: World) -> None:
    setting = await new_setting(world)
    await submit(world.ledger(), setting.issue())
    second = setting.issue(replace(setting.terms, digest=secrets.token_bytes(32)))
    await assert_refused(world, FIRST, second, "GuaranteesApplicationUsed")


async def test_an_expired_guarantee_is_not_issued(world: World) -> None:
    setting = await new_setting(world)
    expired = setting.issue(
        replace(setting.terms, expires=end_on_ledger(await world.now()) - EXPIRY_UNIT_SECONDS)
    )
    await assert_refused(world, FIRST, expired, "GuaranteesExpired")


async def test_an_end_to_the_second_is_refused(world: World) -> None:
    setting = await new_setting(world)
    exact = setting.issue(replace(setting.terms, expires=setting.terms.expires + 3_600))
    await assert_refused(world, FIRST, exact, "GuaranteesUnroundedExpiry")


async def test_nobody_moves_the_beneficiarys_step(world: World) -> None:
    setting = await new_setting(world)
    await submit(world.ledger(), setting.issue())
    for key in (setting.identity, setting.applicant, world.es256_key(), new_account_key()):
        await assert_refused(world, GUARANTOR, setting.step(key), "GuaranteesWrongMover")
    release = setting.step(setting.beneficiary)
    evil_verifier = secrets.token_bytes(20) + setting.beneficiary.signer[20:]
    for changes, problem in [
        ({"document": bytes(32)}, "GuaranteesWrongSignature"),
        ({"guarantee": bytes(32)}, "GuaranteesUnknown"),
        ({"sequence": 3}, "GuaranteesOtherStep"),
        ({"previous": bytes(32)}, "GuaranteesOtherStep"),
        ({"end": DOCUMENT, "expires": setting.terms.expires}, "GuaranteesMalformedEnd"),
        ({"event": Event.ISSUE, "sequence": 1}, "GuaranteesAlreadyMoved"),
        ({"event": Event.ISSUE}, "GuaranteesWrongStep"),
        ({"event": 0}, "GuaranteesWrongStep"),
        ({"event": 255}, "GuaranteesWrongStep"),
    ]:
        await assert_refused(world, FIRST, replace(release, step=replace(release.step, **changes)), problem)
    for changes, problem in [
        ({"signature": setting.step(setting.identity).mover.signature}, "GuaranteesWrongSignature"),
        (
            {"signature": setting.step(setting.beneficiary, sequence=1).mover.signature},
            "GuaranteesWrongSignature",
        ),
        ({"signer": evil_verifier}, "GuaranteesMalformedSigner"),
        ({"signer": b""}, "GuaranteesMalformedSigner"),
        ({"salt": bytes(32)}, "GuaranteesWrongMover"),
    ]:
        call = replace(release, mover=replace(release.mover, **changes))
        await assert_refused(world, FIRST, call, problem)
    assert (await submit(world.ledger(), release)).succeeded


async def test_a_guarantee_lives_through_extension_claim_stay_and_payment(world: World) -> None:
    """Once on each ledger; all of the table is for the contract and its twin alone."""
    setting = await new_setting(world)
    await submit(world.ledger(), setting.issue())
    expires = setting.terms.expires + EXPIRY_UNIT_SECONDS
    longer = {"end": end_commitment(SALT, setting.end + 600), "expires": expires}
    assert (await setting.move(setting.identity, Event.PROPOSE, **longer)).expires == setting.terms.expires
    other = setting.step(setting.beneficiary, Event.ACCEPT, evidence=setting.opened())
    await assert_refused(world, FIRST, other, "GuaranteesMalformedEnd")
    claim = setting.step(setting.beneficiary, Event.ACCEPT, **longer)
    await assert_refused(world, FIRST, claim, "GuaranteesWrongEnd")
    accepted = await setting.move(setting.beneficiary, Event.ACCEPT, evidence=setting.opened(), **longer)
    assert (accepted.expires, accepted.end) == (expires, setting.end)
    setting.end += 600
    claimed = await setting.move(setting.beneficiary, Event.CLAIM, evidence=setting.opened())
    assert claimed.due == add_working_days({}, claimed.since, 5)
    early = setting.step(setting.beneficiary, Event.PRECLUDE)
    await assert_refused(world, FIRST, early, "GuaranteesTooEarly")
    stayed = await setting.move(setting.identity, Event.STAY)
    assert stayed.due == stayed.since + SUIT_SECONDS
    lifted = await setting.move(setting.identity, Event.LIFT)
    assert (lifted.state, lifted.since - claimed.since) == (State.CLAIMED, lifted.due - claimed.due)
    assert (await setting.move(setting.identity, Event.FIND_COMPLYING)).state == State.COMPLYING
    assert (await setting.move(setting.identity, Event.PAY)).state == State.CLOSED


async def test_the_tenders_centre_attests_that_it_failed_under_its_own_name(world: World) -> None:
    setting = await new_setting(world)
    await submit(world.ledger(), setting.issue())
    other = setting.step(world.identity(SECOND), Event.ATTEST_VOID)
    await assert_refused(world, SECOND, other, "GuaranteesWrongMover")
    renamed = replace(other, mover=replace(other.mover, member=SECOND))
    await assert_refused(world, SECOND, renamed, "GuaranteesWrongMover")
    attested = await setting.move(world.identity(FIRST), Event.ATTEST_VOID)
    assert attested.due == attested.since + OBJECTION_SECONDS


async def test_a_suspended_guarantor_issues_nothing_but_is_not_rid_of_what_it_issued(world: World) -> None:
    setting, later = await new_setting(world), await new_setting(world)
    await submit(world.ledger(), setting.issue())
    await suspend_guarantor(world)
    await assert_refused(world, FIRST, later.issue(), "GuaranteesNotGuarantor")
    await assert_refused(world, GUARANTOR, later.issue(), "GuaranteesNotMember")
    # It brings later steps to the ledger itself: to pay and to release is its duty.
    assert (await submit(world.ledger(GUARANTOR), setting.step(setting.beneficiary))).succeeded


async def test_a_refused_issue_that_is_sent_anyway_uses_up_no_application(world: World) -> None:
    setting, ledger = await new_setting(world), world.ledger()
    forged = await ledger.sign(setting.issue(key=world.es256_key()), await ledger.next_nonce())
    await ledger.send(forged)
    assert not (await wait_for_outcome(ledger, forged.hash)).succeeded
    assert (await submit(ledger, setting.issue())).succeeded
