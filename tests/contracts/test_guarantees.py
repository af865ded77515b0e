"""Guarantees: issued once per application by who may, moved by who must. The table is in test_guarantee_table.py,
what counts as a signer in test_signed_moves.py."""

import dataclasses
from typing import Any

import pytest
from eth_utils import keccak

from node.domain.guarantee_table import Effect, Event, Mover, Period, State, Time
from tests.contracts.guarantor import DOCUMENT, EXPIRY_UNIT, Guarantor, end_commitment
from tests.contracts.signers import AddressSigner, ES256Signer
from tests.contracts.world import DAY, FOUNDERS, GUARANTOR, SET_VERIFIER, SUSPEND, World, identity_key, name
from tests.support.evm import refused


@pytest.fixture
def guarantor(world: World) -> Guarantor:
    return Guarantor(world)


@pytest.fixture
def issued(guarantor: Guarantor) -> Guarantor:
    guarantor.issue()
    return guarantor


@pytest.fixture
def free(world: World) -> Guarantor:
    """Under a table that takes further rows, see FreeGuarantees.sol; its guarantee is issued."""
    contract = world.evm.deploy("FreeGuarantees", world.alliance.address, sender=world.stranger)
    guarantor = Guarantor(world, contract)
    guarantor.issue()
    return guarantor


def by(free: Guarantor, mover: Mover, *, next_state: int = State.ISSUED, time: int = Time.ANY) -> int:
    """A new event, possible in two states."""
    event = 100 + 32 * mover + next_state
    for state in (State.ISSUED, State.RELEASED):
        rule = (next_state, mover, time, Period.NONE, Effect.NOTHING)
        free.world.send("ningbo", free.contract, "add", state, event, rule)
    return event


# -- issue ---------------------------------------------------------------------------------------------


def test_a_guarantee_is_issued_under_the_hash_of_its_terms(guarantor: Guarantor) -> None:
    receipt, terms = guarantor.issue(), guarantor.terms
    (event,) = receipt.events
    assert receipt.returned == terms.guarantee
    assert (event.name, event.values) == (
        "GuaranteeMoved",
        {
            "guarantee": terms.guarantee,
            "event_": Event.ISSUE,
            "state": State.ISSUED,
            "sequence": 1,
            "document": terms.digest,
            "expires": terms.expires,
            "end": 0,
            "since": guarantor.world.evm.now,
            "due": 0,
        },
    )
    assert guarantor.state() == (State.ISSUED, 1, terms.expires)


def test_an_unknown_guarantee_has_no_state(guarantor: Guarantor) -> None:
    assert guarantor.state() == (State.NONE, 0, 0)


@pytest.mark.parametrize("relay", FOUNDERS)
def test_any_member_relays_an_issue(guarantor: Guarantor, relay: str) -> None:
    guarantor.issue(relay=relay)
    assert guarantor.state()[0] == State.ISSUED


def test_a_pure_guarantor_issues(world: World, guarantor: Guarantor) -> None:
    world.admit("bank", roles=2)
    terms = guarantor.other_terms(guarantor=name("bank"))
    guarantor.issue(terms, signature=guarantor.sign_issue(terms, world.identity("bank")))
    assert guarantor.state(terms)[0] == State.ISSUED


def test_a_forged_issuer_signature_is_refused(world: World, guarantor: Guarantor) -> None:
    for forger in (world.es256_signer(), guarantor.beneficiary, world.identity("hangzhou")):
        forged = guarantor.sign_issue(guarantor.terms, forger)
        with refused("GuaranteesWrongSignature", guarantor.terms.guarantee):
            guarantor.issue(signature=forged)


def test_the_guarantors_account_does_not_sign_for_its_identity_key(
    world: World, guarantor: Guarantor
) -> None:
    account = AddressSigner(world.members[GUARANTOR])
    for signature in (b"", guarantor.sign_issue(guarantor.terms, account)):
        with refused("GuaranteesWrongSignature", guarantor.terms.guarantee):
            guarantor.issue(relay=GUARANTOR, signature=signature)


@pytest.mark.parametrize("roles", [1, 4, 5])
def test_a_member_without_the_role_does_not_issue(world: World, guarantor: Guarantor, roles: int) -> None:
    world.admit("suzhou", roles=roles)
    terms = guarantor.other_terms(guarantor=name("suzhou"))
    with refused("GuaranteesNotGuarantor", name("suzhou")):
        guarantor.issue(terms, signature=guarantor.sign_issue(terms, world.identity("suzhou")))


def test_who_is_no_member_does_not_issue(guarantor: Guarantor) -> None:
    for nobody in (bytes(32), name("nobody")):
        with refused("GuaranteesNotGuarantor", nobody):
            guarantor.issue(guarantor.other_terms(guarantor=nobody))


def test_a_suspended_guarantor_does_not_issue_but_its_duties_run_on(world: World, free: Guarantor) -> None:
    world.decide(("hangzhou", "ningbo"), SUSPEND, name(GUARANTOR))
    with refused("GuaranteesNotGuarantor", name(GUARANTOR)):
        free.issue(free.other_terms())
    free.step(free.identity, by(free, Mover.GUARANTOR))
    free.step(free.beneficiary, Event.RELEASE)
    assert free.state()[:2] == (State.RELEASED, 3)


def test_one_application_carries_one_guarantee_for_ever(world: World, issued: Guarantor) -> None:
    world.admit("bank", roles=2)
    used = issued.terms.application
    second = issued.other_terms(application=used)
    others = issued.other_terms(
        application=used, guarantor=name("bank"), expires=issued.terms.expires + EXPIRY_UNIT
    )
    attempts = {
        second: issued.sign_issue(second),
        others: issued.sign_issue(others, world.identity("bank")),
        issued.terms: issued.sign_issue(issued.terms),
    }

    def assert_used() -> None:
        for terms, signature in attempts.items():
            if world.evm.now + 1 < terms.expires:
                with refused("GuaranteesApplicationUsed", used):
                    issued.issue(terms, signature=signature)

    assert_used()
    issued.step(issued.beneficiary, Event.RELEASE)
    assert_used()
    world.evm.now = issued.terms.expires + DAY
    assert_used()


def test_a_refused_issue_uses_up_no_application(guarantor: Guarantor) -> None:
    with refused("GuaranteesWrongSignature"):
        guarantor.issue(signature=b"")
    guarantor.issue()


@pytest.mark.parametrize(
    "change",
    [
        {"digest": keccak(text="another text")},
        {"application": keccak(text="another application")},
        {"expires": EXPIRY_UNIT * 10**9},
        {"guarantor": name("bank")},
        {"beneficiary": keccak(text="thief")},
        {"applicant": keccak(text="thief")},
        {"centre": keccak(text="thief")},
        {"end": end_commitment(0)},
        {"examination": 30},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_relay_alters_no_term(world: World, guarantor: Guarantor, change: dict[str, Any]) -> None:
    world.admit("bank", roles=2)
    altered = dataclasses.replace(guarantor.terms, **change)
    with refused("GuaranteesWrongSignature", altered.guarantee):
        guarantor.issue(altered, signature=guarantor.sign_issue(guarantor.terms))


def test_an_expired_guarantee_is_not_issued(world: World, guarantor: Guarantor) -> None:
    late = Guarantor(world.fork())
    world.evm.now = guarantor.terms.expires - 2
    guarantor.issue()
    late.world.evm.now = guarantor.terms.expires - 1
    with refused("GuaranteesExpired", guarantor.terms.expires):
        late.issue(guarantor.terms)


def test_an_end_that_would_tell_the_section_is_refused(guarantor: Guarantor) -> None:
    for seconds in (1, DAY, EXPIRY_UNIT - 1):
        exact = guarantor.other_terms(expires=guarantor.terms.expires + seconds)
        with refused("GuaranteesUnroundedExpiry", exact.expires):
            guarantor.issue(exact)


@pytest.mark.parametrize(
    "domain", [{"chainId": 1}, {"salt": b"\x99" * 32}, {"verifyingContract": "0x" + "11" * 20}]
)
def test_an_issue_for_somewhere_else_is_worthless(guarantor: Guarantor, domain: dict[str, Any]) -> None:
    with refused("GuaranteesWrongSignature"):
        guarantor.issue(signature=guarantor.sign_issue(guarantor.terms, **domain))


@pytest.mark.parametrize("examination", [0, 31, 255])
def test_an_examination_without_days_or_without_end_is_refused(
    guarantor: Guarantor, examination: int
) -> None:
    terms = guarantor.other_terms(examination=examination)
    with refused("GuaranteesMalformedExamination", examination):
        guarantor.issue(terms)


def test_the_issuers_verifier_is_one_that_members_accepted(world: World, guarantor: Guarantor) -> None:
    evil = world.evm.deploy("EvilVerifier", sender=world.stranger)
    for verifier in (evil.address, bytes(20), world.alliance.address):
        with refused("GuaranteesMalformedSigner"):
            guarantor.issue(verifier=verifier)
    world.decide(("hangzhou", "ningbo"), SET_VERIFIER, world.es256.address, False)
    with refused("GuaranteesMalformedSigner"):
        guarantor.issue()


# -- what the chain shows --------------------------------------------------------------------------------


def test_two_guarantees_for_one_beneficiary_share_nothing_that_is_not_everybodys(
    guarantor: Guarantor,
) -> None:
    """Its key is the section's; each guarantee has another salt."""
    first, second = (
        guarantor.other_terms(
            digest=keccak(text=f"document {number}"),
            application=keccak(text=f"application {number}"),
            beneficiary=keccak(keccak(text=f"salt {number}") + guarantor.beneficiary.signer),
            applicant=keccak(text=f"applicant {number}"),
            centre=keccak(text=f"centre {number}"),
            end=keccak(text=f"end {number}"),
        )
        for number in (1, 2)
    )
    [[moved], [other]] = guarantor.issue(first).events, guarantor.issue(second).events
    same = {name for name, value in moved.values.items() if other.values[name] == value}
    assert same == {"event_", "state", "sequence", "expires", "end", "due"}
    with refused("GuaranteesWrongMover", first.guarantee):
        guarantor.step(
            guarantor.beneficiary, Event.RELEASE, guarantee=first.guarantee, salt=keccak(text="salt 2")
        )
    guarantor.step(
        guarantor.beneficiary, Event.RELEASE, guarantee=first.guarantee, salt=keccak(text="salt 1")
    )


# -- steps ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("relay", FOUNDERS)
def test_the_beneficiary_releases_through_any_member(issued: Guarantor, relay: str) -> None:
    receipt = issued.step(issued.beneficiary, Event.RELEASE, relay=relay)
    (event,) = receipt.events
    assert (event.name, event.values) == (
        "GuaranteeMoved",
        {
            "guarantee": issued.terms.guarantee,
            "event_": Event.RELEASE,
            "state": State.RELEASED,
            "sequence": 2,
            "document": DOCUMENT,
            "expires": issued.terms.expires,
            "end": 0,
            "since": issued.world.evm.now,
            "due": 0,
        },
    )
    assert issued.state() == (State.RELEASED, 2, issued.terms.expires)


def test_the_bank_does_not_release(issued: Guarantor) -> None:
    with refused("GuaranteesWrongMover", issued.terms.guarantee):
        issued.step(issued.identity, Event.RELEASE, relay=GUARANTOR)


def test_applicant_and_stranger_do_not_release(world: World, issued: Guarantor) -> None:
    for signer in (issued.applicant, world.es256_signer(), world.address_signer()):
        with refused("GuaranteesWrongMover", issued.terms.guarantee):
            issued.step(signer, Event.RELEASE)


def test_the_beneficiarys_signer_without_its_signature_releases_nothing(
    world: World, issued: Guarantor
) -> None:
    for forger in (world.es256_signer(), issued.identity):
        forged = issued.sign_step(forger, Event.RELEASE)
        with refused("GuaranteesWrongSignature", issued.terms.guarantee):
            issued.step(issued.beneficiary, Event.RELEASE, signature=forged)


def test_a_release_counts_once(issued: Guarantor) -> None:
    said = issued.said(Event.RELEASE)
    arguments = issued.arguments(issued.beneficiary, said)
    issued.world.send("ningbo", issued.contract, "step", *arguments)
    with refused("GuaranteesAlreadyMoved", issued.terms.guarantee, Event.RELEASE):
        issued.world.send("ningbo", issued.contract, "step", *arguments)


def test_only_a_repetition_of_the_last_step_counts_as_done(free: Guarantor) -> None:
    further = by(free, Mover.BENEFICIARY, next_state=State.RELEASED)
    first = free.said(Event.RELEASE)
    free.step(free.beneficiary, Event.RELEASE)
    with refused("GuaranteesAlreadyMoved", free.terms.guarantee, Event.RELEASE):
        free.step(free.beneficiary, **first | {"document": keccak(text="another release")})
    with refused("GuaranteesWrongStep", free.terms.guarantee, State.RELEASED, Event.RELEASE):
        free.step(free.beneficiary, Event.RELEASE)
    free.step(free.beneficiary, further)
    with refused("GuaranteesWrongStep", free.terms.guarantee, State.RELEASED, Event.RELEASE):
        free.step(free.beneficiary, **first)


def test_a_step_is_not_replayed_where_the_table_comes_back(free: Guarantor) -> None:
    event, between = by(free, Mover.BENEFICIARY), by(free, Mover.GUARANTOR)
    arguments = free.arguments(free.beneficiary, free.said(event))
    free.world.send("ningbo", free.contract, "step", *arguments)
    with refused("GuaranteesAlreadyMoved", free.terms.guarantee, event):
        free.world.send("ningbo", free.contract, "step", *arguments)
    free.step(free.identity, between)
    with refused("GuaranteesOtherStep", free.terms.guarantee, 3, DOCUMENT):
        free.world.send("ningbo", free.contract, "step", *arguments)
    with refused("GuaranteesWrongSignature", free.terms.guarantee):
        signature = arguments[1][-1]
        free.step(free.beneficiary, event, signature=signature)
    free.step(free.beneficiary, event)


def test_an_answer_is_to_the_step_that_was_seen(free: Guarantor) -> None:
    """A guarantor that signs two steps of one number cannot have the answer to one count for the other."""
    shown, sent = by(free, Mover.GUARANTOR), by(free, Mover.BENEFICIARY)
    answer = free.said(sent, sequence=3, previous=keccak(text="the step that was shown"))
    free.step(free.identity, shown, document=keccak(text="another step"))
    with refused("GuaranteesOtherStep", free.terms.guarantee, 2, keccak(text="another step")):
        free.step(free.beneficiary, **answer)


def test_a_step_is_not_replayed_on_another_guarantee_event_or_document(free: Guarantor) -> None:
    other, event = free.other_terms(), by(free, Mover.BENEFICIARY)
    free.issue(other)
    signature = free.sign_step(free.beneficiary, event)
    for change in (
        {"guarantee": other.guarantee},
        {"document": keccak(text="another")},
        {"event": by(free, Mover.BENEFICIARY, next_state=5)},
    ):
        with refused("GuaranteesWrongSignature"):
            free.step(free.beneficiary, **{"event": event} | change, signature=signature)


def test_a_step_that_must_come_before_expiry_comes_before_it(world: World, free: Guarantor) -> None:
    event, late = by(free, Mover.BENEFICIARY, time=Time.BEFORE_EXPIRY), world.fork()
    world.evm.now = free.terms.expires - 2
    free.step(free.beneficiary, event)
    free.world = late
    late.evm.now = free.terms.expires - 1
    with refused("GuaranteesExpired", free.terms.expires):
        free.step(free.beneficiary, event)
    free.step(free.beneficiary, by(free, Mover.BENEFICIARY))


def test_an_expired_guarantee_can_still_be_released(world: World, issued: Guarantor) -> None:
    world.evm.now = issued.terms.expires + DAY
    issued.step(issued.beneficiary, Event.RELEASE)
    assert issued.state()[0] == State.RELEASED


def test_what_was_not_issued_is_not_moved(world: World, issued: Guarantor) -> None:
    unknown = issued.other_terms().guarantee
    for event in (Event.ISSUE, Event.RELEASE, 0, 255):
        with refused("GuaranteesUnknown", unknown):
            issued.step(issued.beneficiary, event, guarantee=unknown)


def test_the_guarantor_steps_by_its_identity_key_under_any_accepted_verifier(
    world: World, free: Guarantor
) -> None:
    another, event = world.evm.deploy("ES256Verifier", sender=world.stranger), by(free, Mover.GUARANTOR)
    signer = ES256Signer(another.address, identity_key(GUARANTOR))
    with refused("GuaranteesMalformedSigner"):
        free.step(signer, event)
    world.decide(("hangzhou", "ningbo"), SET_VERIFIER, another.address, True)
    free.step(signer, event)
    free.step(free.identity, event)


def test_nothing_but_the_identity_key_is_the_guarantor(world: World, free: Guarantor) -> None:
    key, said = free.identity.signer, free.said(by(free, Mover.GUARANTOR))
    for signer in (
        key + b"\0",
        key[:-1],
        world.members[GUARANTOR].address,
        world.identity("hangzhou").signer,
    ):
        mover = (signer, bytes(32), bytes(32), bytes(64))
        with refused("GuaranteesWrongMover", free.terms.guarantee):
            world.send(GUARANTOR, free.contract, "step", tuple(said.values()), mover, free.opened())


def test_the_applicant_moves_what_is_the_applicants(free: Guarantor) -> None:
    with refused("GuaranteesWrongMover"):
        free.step(free.beneficiary, by(free, Mover.APPLICANT))
    free.step(free.applicant, by(free, Mover.APPLICANT))


def test_guarantees_do_not_touch_each_other(issued: Guarantor) -> None:
    other = issued.other_terms()
    issued.issue(other)
    issued.step(issued.beneficiary, Event.RELEASE)
    assert issued.state(other) == (State.ISSUED, 1, other.expires)
