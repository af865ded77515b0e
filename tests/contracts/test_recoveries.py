"""Recovery of lost keys: who confirms, how long it waits, who objects, and how it is attacked."""

import pytest
from eth_utils import keccak

from node.domain.controller import drawn_members
from tests.contracts.signers import AddressSigner, typed_digest
from tests.contracts.test_subjects import SALT, change, controllers
from tests.contracts.world import DAY, SUSPEND, World, name
from tests.support.evm import refused

WEEK = 7 * DAY
HOME = "hangzhou"
OTHERS = ("jiaxing", "ningbo", "shaoxing", "taizhou", "wenzhou")


class Case:
    """A subject at hangzhou whose owner has lost the key; six members."""

    def __init__(self, world: World) -> None:
        self.world = world
        for newcomer in ("jiaxing", "shaoxing", "taizhou"):
            active = [one for one in world.members if world.is_active(one)]
            world.admit(newcomer, tuple(active[: -(-2 * len(active) // 3)]))
        self.lost, self.new = world.address_signer(), world.es256_signer()
        self.subject = world.send(HOME, world.subjects, "create", SALT, self.lost.signer).returned
        eligible = [name(one) for one in OTHERS]
        drawn = drawn_members([self.lost.signer], eligible)
        self.drawn = [one.rstrip(b"\0").decode() for one in drawn]
        self.not_drawn = [one for one in OTHERS if one not in self.drawn]

    def propose(self, by: str = HOME) -> None:
        self.world.send(by, self.world.subjects, "proposeRecovery", self.subject, self.new.signer)

    def confirm(self, by: str, version: int = 2) -> int:
        (event,) = self.world.send(
            by, self.world.subjects, "confirmRecovery", self.subject, version, self.new.signer
        ).events
        return event.values["until"]

    def finish(self, by: str = "taizhou", version: int = 2) -> None:
        self.world.send(by, self.world.subjects, "finishRecovery", self.subject, version, self.new.signer)

    def veto(self, signer: AddressSigner, version: int) -> None:
        message = {"subject": self.subject, "version": version}
        fields = {"subject": "bytes32", "version": "uint64"}
        digest = typed_digest(self.world.domain(self.world.subjects), "VetoRecovery", fields, message)
        arguments = (self.subject, signer.signer, signer.sign(digest))
        self.world.send("wenzhou", self.world.subjects, "vetoRecovery", *arguments)

    def confirmed(self) -> None:
        self.propose()
        self.confirm(self.drawn[0])
        self.confirm(self.drawn[1])

    def wait(self, seconds: int = WEEK) -> None:
        self.world.evm.now += seconds


@pytest.fixture
def case(world: World) -> Case:
    return Case(world)


def test_a_lost_key_is_recovered_after_two_confirmations_and_a_week(case: Case) -> None:
    case.propose("taizhou")
    assert case.confirm(case.drawn[0]) == 0
    assert case.confirm(case.drawn[2]) == case.world.evm.now + WEEK
    case.wait()
    case.finish()
    assert controllers(case.world, case.subject) == (case.new.signer,)
    with refused("SubjectsNotController", case.subject):
        change(case.world, case.subject, case.lost, 3, added=b"\x55" * 20)


def test_it_takes_all_keys_the_place(case: Case) -> None:
    other = case.world.address_signer()
    change(case.world, case.subject, case.lost, 2, added=other.signer)
    case.drawn = [one for one in OTHERS if _is_drawn(case, one)]
    case.propose()
    case.confirm(case.drawn[0], 3)
    case.confirm(case.drawn[1], 3)
    case.wait()
    case.finish(version=3)
    assert controllers(case.world, case.subject) == (case.new.signer,)


def _is_drawn(case: Case, member: str) -> bool:
    return case.world.view(case.world.subjects, "isDrawn", case.subject, name(member))


def test_three_members_are_drawn_and_never_the_home(case: Case) -> None:
    assert [one for one in OTHERS if _is_drawn(case, one)] == sorted(case.drawn)
    assert len(case.drawn) == 3
    assert not _is_drawn(case, HOME)


def test_the_home_centre_alone_confirms_nothing(case: Case) -> None:
    case.propose()
    with refused("SubjectsNotDrawn"):
        case.confirm(HOME)
    case.wait()
    with refused("SubjectsNotConfirmed", 0):
        case.finish(HOME)


def test_one_member_beside_the_home_is_not_enough(case: Case) -> None:
    case.propose()
    case.confirm(case.drawn[0])
    with refused("SubjectsAlreadyConfirmed"):
        case.confirm(case.drawn[0])
    case.wait(10 * WEEK)
    with refused("SubjectsNotConfirmed", 1):
        case.finish(HOME)


def test_members_that_the_home_chose_confirm_nothing(case: Case) -> None:
    case.propose()
    for friend in case.not_drawn:
        with refused("SubjectsNotDrawn"):
            case.confirm(friend)


def test_proposing_again_draws_the_same_members(case: Case) -> None:
    case.propose()
    for _ in range(3):
        case.new = case.world.es256_signer()
        case.propose()
        for friend in case.not_drawn:
            with refused("SubjectsNotDrawn"):
                case.confirm(friend)


def test_nothing_is_finished_before_its_time(case: Case) -> None:
    case.confirmed()
    case.wait(WEEK - 10)
    with refused("SubjectsTooEarly"):
        case.finish()


def test_an_old_key_vetoes_and_the_confirmations_are_worth_nothing_afterwards(case: Case) -> None:
    case.confirmed()
    case.veto(case.lost, 2)
    case.wait()
    for version in (2, 3):
        with refused("SubjectsNotProposed"):
            case.finish(version=version)
    case.propose()
    with refused("SubjectsNotProposed"):
        case.confirm(case.drawn[0], 2)
    with refused("SubjectsNotConfirmed", 0):
        case.finish(version=3)
    assert controllers(case.world, case.subject) == (case.lost.signer,)


def test_only_a_present_key_vetoes_and_once(case: Case) -> None:
    case.confirmed()
    with refused("SubjectsNotController", case.subject):
        case.veto(case.world.address_signer(), 2)
    with refused("SubjectsWrongSignature", case.subject):
        case.veto(case.lost, 3)


def test_a_confirmation_is_for_one_key(case: Case) -> None:
    case.confirmed()
    case.new = case.world.es256_signer()
    case.wait()
    with refused("SubjectsNotProposed"):
        case.finish()


def test_a_change_by_an_old_key_ends_a_recovery(case: Case) -> None:
    case.confirmed()
    change(case.world, case.subject, case.lost, 2, added=b"\x55" * 20)
    case.wait()
    with refused("SubjectsNotProposed"):
        case.finish()


def test_a_suspended_member_confirms_nothing_and_what_it_has_confirmed_counts_no_longer(case: Case) -> None:
    world = case.world
    case.confirmed()
    voters = tuple(one for one in (HOME, *OTHERS) if one != case.drawn[0])[:4]
    world.decide(voters, SUSPEND, name(case.drawn[0]))
    case.wait()
    with refused("SubjectsNotConfirmed", 1):
        case.finish()
    case.new = world.es256_signer()
    case.propose()
    with refused("SubjectsNotMember"):
        case.confirm(case.drawn[0])
    assert not _is_drawn(case, case.drawn[0])


def test_a_recovery_is_carried_out_once(case: Case) -> None:
    case.confirmed()
    case.wait()
    case.finish()
    with refused("SubjectsNotProposed"):
        case.finish()


def test_only_what_could_be_a_controller_is_proposed(case: Case) -> None:
    for signer, problem in (
        (b"\x55" * 19, "SubjectsMalformedSigner"),
        (case.lost.signer, "SubjectsUnchanged"),
    ):
        with refused(problem):
            case.world.send(HOME, case.world.subjects, "proposeRecovery", case.subject, signer)
    with refused("SubjectsUnknown"):
        case.world.send(HOME, case.world.subjects, "proposeRecovery", keccak(b"x"), case.new.signer)
    case.propose()
    with refused("SubjectsAlreadyProposed"):
        case.propose("ningbo")
