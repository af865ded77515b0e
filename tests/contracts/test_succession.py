"""Contracts that are replaced by vote: what the new one must not forget, what the old one goes on doing."""

import pytest
from eth_utils import keccak

from node.domain.guarantee_table import Event, State
from tests.contracts.guarantor import SALT, Guarantor
from tests.contracts.signers import typed_digest
from tests.contracts.world import FOUNDERS, SET_CONTRACT, SET_VERIFIER, World, argument, name
from tests.support.evm import refused

VOTERS = FOUNDERS[:2]
WEEK = 7 * 86_400
RELEASE, RELEASED = int(Event.RELEASE), int(State.RELEASED)
REGISTERED, REVOKED = 1, 2


def test_an_upgrade_to_other_code_than_voted_is_refused(world: World) -> None:
    """The proposal names the code; whoever shows the members one thing and deploys another gets nowhere."""
    good = world.evm.deploy("Grants", world.alliance.address, sender=world.stranger)
    evil = world.evm.deploy("Anchors", world.alliance.address, sender=world.stranger)
    shown = keccak(world.evm.code(good.address))
    data = argument(SET_CONTRACT, name("Grants"), evil.address, shown)
    with refused("AllianceOtherCode"):
        world.send(VOTERS[0], world.alliance, "propose", SET_CONTRACT, data, world.evm.now + WEEK)
    verifier = argument(SET_VERIFIER, evil.address, True, shown)
    with refused("AllianceOtherCode"):
        world.send(VOTERS[0], world.alliance, "propose", SET_VERIFIER, verifier, world.evm.now + WEEK)


def test_what_was_replaced_does_not_come_back(world: World) -> None:
    first = world.grants
    world.successor("Grants")
    with refused("AllianceUnchanged"):
        world.propose(VOTERS[0], SET_CONTRACT, name("Grants"), first.address)


def test_the_address_book_keeps_the_order(world: World) -> None:
    second = world.successor("Grants")
    third = world.successor("Grants")
    places = [f"0x{one.address.hex()}" for one in (world.grants, second, third)]
    assert list(world.view(world.alliance, "contractsOf", name("Grants"))) == places
    before = [world.view(world.alliance, "predecessorOf", name("Grants"), place) for place in places]
    assert before == ["0x" + "00" * 20, *places[:2]]


@pytest.mark.parametrize("contract", ["Subjects", "Grants", "Anchors", "Guarantees"])
def test_a_contract_takes_nothing_new_before_it_is_voted_in_and_after_it_is_voted_out(
    world: World, contract: str
) -> None:
    calls = {
        "Subjects": ("create", (b"\1" * 32, world.address_signer().signer)),
        "Grants": ("register", (b"\1" * 32, 2**63, 2**63, world.address_signer().signer)),
        "Anchors": ("anchor", (1, b"\1" * 32, [])),
        "Guarantees": ("issue", ((b"\1" * 32, b"\1" * 32, 2**63, *[b"\1" * 32] * 5, 5), b"\1" * 20, b"")),
    }
    function, arguments = calls[contract]
    waiting = world.evm.deploy(contract, world.alliance.address, sender=world.stranger)
    with refused("ContractNotInForce"):
        world.send("hangzhou", waiting, function, *arguments)
    world.successor(contract)
    with refused("ContractNotInForce"):
        world.send("hangzhou", getattr(world, contract.lower()), function, *arguments)


def test_a_log_goes_on_in_the_new_contract_from_its_last_anchor(world: World) -> None:
    world.send("ningbo", world.anchors, "anchor", 1, b"\1" * 32, [])
    later = world.successor("Anchors")
    assert world.view(later, "latest", name("ningbo"))[:2] == (1, b"\1" * 32)
    with refused("AnchorsNotGrowing"):
        world.send("ningbo", later, "anchor", 1, b"\2" * 32, [])
    with refused("AnchorsInconsistent"):
        world.send("ningbo", later, "anchor", 2, b"\2" * 32, [])


def test_a_subject_is_known_to_every_later_contract(world: World) -> None:
    signer = world.address_signer()
    subject = world.send("hangzhou", world.subjects, "create", b"\1" * 32, signer.signer).returned
    later = world.successor("Subjects")
    latest = world.successor("Subjects")
    for contract in (later, latest):
        assert world.view(contract, "subjectOf", subject) == (name("hangzhou"), 1, (signer.signer,))
    with refused("SubjectsExists", subject):
        world.send("hangzhou", latest, "create", b"\1" * 32, signer.signer)
    with refused("SubjectsUnknown"):
        world.view(latest, "subjectOf", b"\2" * 32)


def test_a_new_contract_does_not_forget_used_application_codes(world: World) -> None:
    desk = Guarantor(world)
    desk.issue()
    for _ in range(2):  # the second one has to ask through the first
        later = Guarantor(world, world.successor("Guarantees"))
        assert world.view(later.contract, "isApplicationUsed", desk.terms.application)
        with refused("GuaranteesApplicationUsed", desk.terms.application):
            later.issue(later.other_terms(application=desk.terms.application))
    later.issue(later.other_terms())


def test_a_guarantee_lives_on_in_the_contract_that_it_was_issued_in(world: World) -> None:
    desk = Guarantor(world)
    desk.issue()
    later = Guarantor(world, world.successor("Guarantees"))
    with refused("GuaranteesUnknown"):
        later.step(desk.beneficiary, RELEASE, guarantee=desk.terms.guarantee)
    desk.step(desk.beneficiary, RELEASE)
    assert desk.state()[0] == RELEASED


def test_a_revocation_in_any_contract_of_the_line_is_a_revocation_in_the_last(world: World) -> None:
    signer = world.address_signer()
    terms = (b"\1" * 32, world.evm.now + WEEK, world.evm.now + 2 * WEEK, signer.signer)
    grant = world.send("ningbo", world.grants, "register", *terms).returned
    later = world.successor("Grants")
    assert world.view(later, "stateOf", grant)[0] == REGISTERED
    digest = typed_digest(world.domain(world.grants), "RevokeGrant", {"grant": "bytes32"}, {"grant": grant})
    world.send("ningbo", world.grants, "revoke", *terms, signer.sign(digest))
    assert world.view(later, "stateOf", grant)[0] == REVOKED
    with refused("GrantsAlreadyRevoked"):
        world.send("ningbo", later, "register", *terms)


# -- an evil verifier: voted in, it can lie for whoever names it; voted out, it cannot any more --------------


@pytest.fixture
def evil(world: World) -> bytes:
    """Accepts every signature, and two thirds of the members were talked into it."""
    address = world.evm.deploy("EvilVerifier", sender=world.stranger).address
    world.decide(VOTERS, SET_VERIFIER, address, True)
    return address


def test_an_evil_verifier_cannot_speak_for_keys_of_another_verifier(world: World, evil: bytes) -> None:
    """A subject, a grant and a mover each commit to their verifier: its word counts for nobody else's key."""
    owner = world.es256_signer()
    subject = world.send("hangzhou", world.subjects, "create", b"\1" * 32, owner.signer).returned
    with refused("SubjectsWrongSignature", subject):
        world.send("ningbo", world.subjects, "move", subject, owner.signer, b"")
    with refused("SubjectsNotController", subject):
        world.send("ningbo", world.subjects, "move", subject, evil + owner.signer[20:], b"")
    terms = (b"\1" * 32, world.evm.now + WEEK, world.evm.now + 2 * WEEK, owner.signer)
    world.send("ningbo", world.grants, "register", *terms)
    with refused("GrantsWrongSignature"):
        world.send("ningbo", world.grants, "revoke", *terms, b"")
    desk = Guarantor(world)
    desk.issue()
    forged = evil + desk.beneficiary.signer[20:]
    with refused("GuaranteesWrongMover"):
        said = tuple(desk.said(RELEASE).values())
        world.send("ningbo", desk.contract, "step", said, (forged, SALT, bytes(32), b""), desk.opened())


def test_an_evil_verifier_forges_an_issue_on_the_ledger_as_long_as_it_is_accepted(
    world: World, evil: bytes
) -> None:
    """A guarantor is known by its key, under whichever accepted verifier. Nodes look at the signed document all the
    same, so what is forged here is a row that no document fits; and it uses up the application's one guarantee."""
    desk = Guarantor(world)
    desk.issue(verifier=evil, signature=b"")
    assert desk.state()[0] != 0
    world.decide(VOTERS, SET_VERIFIER, evil, False)
    with refused("GuaranteesMalformedSigner"):
        desk.issue(desk.other_terms(), verifier=evil, signature=b"")


def test_what_names_an_evil_verifier_is_dead_once_it_is_voted_out(world: World, evil: bytes) -> None:
    subject = world.send("hangzhou", world.subjects, "create", b"\1" * 32, evil + b"k").returned
    world.send("ningbo", world.subjects, "move", subject, evil + b"k", b"")
    world.decide(VOTERS, SET_VERIFIER, evil, False)
    with refused("SubjectsMalformedSigner"):
        world.send("hangzhou", world.subjects, "move", subject, evil + b"k", b"")
