"""The rules of guarantees, on every ledger: in memory, the embedded engine, Anvil."""

import secrets
from dataclasses import replace

from node.domain.guarantee import end_on_ledger
from node.domain.guarantee_table import EXPIRY_UNIT_SECONDS, Event, State
from node.domain.ledger import (
    Action,
    CastVote,
    GuaranteeMoved,
    GuaranteeTerms,
    IssueGuarantee,
    ProposeStanding,
    StepGuarantee,
)
from node.domain.ledger_ids import (
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
        self.terms = GuaranteeTerms(
            digest=secrets.token_bytes(32),
            application=secrets.token_bytes(32),
            expires=end_on_ledger(now + 3_600),
            guarantor=GUARANTOR,
            beneficiary=mover_commitment(SALT, self.beneficiary.signer),
            applicant=mover_commitment(SALT, self.applicant.signer),
        )

    @property
    def guarantee(self) -> bytes:
        return guarantee_id(self.world.alliance_id, self.terms)

    def issue(self, terms: GuaranteeTerms | None = None, key: Key | None = None) -> IssueGuarantee:
        terms = terms or self.terms
        digest = issue_guarantee_digest(self.domain, guarantee_id(self.world.alliance_id, terms))
        return IssueGuarantee(terms, (key or self.identity).sign(digest))

    def step(self, key: Key, event: int = Event.RELEASE, sequence: int = 2) -> StepGuarantee:
        digest = step_guarantee_digest(self.domain, self.guarantee, sequence, event, DOCUMENT)
        return StepGuarantee(self.guarantee, event, DOCUMENT, key.signer, SALT, key.sign(digest))


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
        assert (await world.happenings(GuaranteeMoved))[-2:] == [
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
        ({"signature": setting.step(setting.identity).signature}, "GuaranteesWrongSignature"),
        ({"signature": setting.step(setting.beneficiary, sequence=1).signature}, "GuaranteesWrongSignature"),
        ({"document": bytes(32)}, "GuaranteesWrongSignature"),
        ({"guarantee": bytes(32)}, "GuaranteesUnknown"),
        ({"signer": evil_verifier}, "GuaranteesMalformedSigner"),
        ({"signer": b""}, "GuaranteesMalformedSigner"),
        ({"salt": bytes(32)}, "GuaranteesWrongMover"),
        ({"event": Event.ISSUE}, "GuaranteesAlreadyMoved"),
        ({"event": 0}, "GuaranteesWrongStep"),
        ({"event": 255}, "GuaranteesWrongStep"),
    ]:
        await assert_refused(world, FIRST, replace(release, **changes), problem)
    assert (await submit(world.ledger(), release)).succeeded


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
