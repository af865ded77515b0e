"""Subjects: random ids, homes, controllers. What counts as a signer is in test_signed_moves.py."""

import eth_abi
import pytest
from eth_utils import keccak

from tests.contracts.signers import AddressSigner, typed_digest
from tests.contracts.world import ALLIANCE_ID, World, name
from tests.support.evm import Receipt, refused

SALT = keccak(text="salt")


def change(world: World, subject: bytes, signer: AddressSigner, version: int, controller: bytes) -> Receipt:
    """Hand over; relayed by a member that is not the subject's home."""
    return world.send(
        "ningbo",
        world.subjects,
        "changeController",
        subject,
        controller,
        sign(world, subject, signer, version, controller),
    )


def sign(world: World, subject: bytes, signer: AddressSigner, version: int, controller: bytes) -> bytes:
    fields = {"subject": "bytes32", "version": "uint64", "controller": "bytes"}
    message = {"subject": subject, "version": version, "controller": controller}
    return signer.sign(typed_digest(world.domain(world.subjects), "ChangeController", fields, message))


def create(world: World, signer: AddressSigner) -> bytes:
    return world.send("hangzhou", world.subjects, "create", SALT, signer.signer).returned


def test_a_subject_has_a_home_and_a_controller(world: World) -> None:
    signer = world.es256_signer()
    receipt = world.send("hangzhou", world.subjects, "create", SALT, signer.signer)
    subject = receipt.returned
    (event,) = receipt.events
    assert event.name == "SubjectCreated"
    assert event.values == {"subject": subject, "home": name("hangzhou"), "controller": signer.signer}
    assert world.view(world.subjects, "subjectOf", subject) == (name("hangzhou"), 1, signer.signer)


def test_the_id_follows_from_alliance_home_and_salt(world: World) -> None:
    subject = create(world, world.address_signer())
    encoded = eth_abi.encode(["bytes32", "bytes32", "bytes32"], [ALLIANCE_ID, name("hangzhou"), SALT])
    assert subject == keccak(encoded)


def test_a_subject_is_created_once(world: World) -> None:
    subject = create(world, world.address_signer())
    with refused("SubjectsExists", subject):
        create(world, world.address_signer())


def test_nobody_takes_another_homes_id(world: World) -> None:
    mine = create(world, world.address_signer())
    other = world.send("ningbo", world.subjects, "create", SALT, world.address_signer().signer).returned
    assert other != mine
    assert world.view(world.subjects, "subjectOf", mine)[0] == name("hangzhou")


def test_an_unknown_subject_is_said_to_be_unknown(world: World) -> None:
    signer = world.address_signer()
    with refused("SubjectsUnknown", SALT):
        world.view(world.subjects, "subjectOf", SALT)
    with refused("SubjectsUnknown", SALT):
        change(world, SALT, signer, 1, signer.signer)


def test_the_controller_hands_over(world: World) -> None:
    old, new = world.address_signer(), world.es256_signer()
    subject = create(world, old)
    (event,) = change(world, subject, old, 2, new.signer).events
    assert event.name == "ControllerChanged"
    assert event.values == {"subject": subject, "version": 2, "controller": new.signer}
    assert world.view(world.subjects, "subjectOf", subject) == (name("hangzhou"), 2, new.signer)


def test_a_former_controller_has_no_say(world: World) -> None:
    old, new = world.address_signer(), world.address_signer()
    subject = create(world, old)
    change(world, subject, old, 2, new.signer)
    with refused("SubjectsWrongSignature", subject):
        change(world, subject, old, 3, old.signer)


def test_the_home_cannot_take_the_subject_over(world: World) -> None:
    home = AddressSigner(world.members["hangzhou"])
    subject = create(world, world.address_signer())
    with refused("SubjectsWrongSignature", subject):
        change(world, subject, home, 2, home.signer)


def test_a_hand_over_is_good_once(world: World) -> None:
    """Also when the controller who signed it has come back."""
    first, second = world.address_signer(), world.address_signer()
    subject = create(world, first)
    replayed = sign(world, subject, first, 2, second.signer)
    change(world, subject, first, 2, second.signer)
    change(world, subject, second, 3, first.signer)
    with refused("SubjectsWrongSignature", subject):
        world.send("ningbo", world.subjects, "changeController", subject, second.signer, replayed)


@pytest.mark.parametrize("version", [0, 1, 3, 2**64 - 1])
def test_a_hand_over_names_the_next_version(world: World, version: int) -> None:
    signer = world.address_signer()
    subject = create(world, signer)
    with refused("SubjectsWrongSignature", subject):
        change(world, subject, signer, version, signer.signer)


def test_a_relay_cannot_change_to_whom(world: World) -> None:
    signer, thief = world.address_signer(), world.address_signer()
    subject = create(world, signer)
    signature = sign(world, subject, signer, 2, world.address_signer().signer)
    with refused("SubjectsWrongSignature", subject):
        world.send("ningbo", world.subjects, "changeController", subject, thief.signer, signature)


def test_a_hand_over_of_one_subject_moves_no_other(world: World) -> None:
    signer, new = world.address_signer(), world.address_signer()
    mine = create(world, signer)
    other = world.send("ningbo", world.subjects, "create", SALT, signer.signer).returned
    with refused("SubjectsWrongSignature", other):
        world.send(
            "ningbo",
            world.subjects,
            "changeController",
            other,
            new.signer,
            sign(world, mine, signer, 2, new.signer),
        )


@pytest.mark.parametrize("controller", [b"", bytes(20), b"\x55" * 19, b"\x55" * 21])
def test_a_hand_over_to_nobody_is_refused(world: World, controller: bytes) -> None:
    signer = world.address_signer()
    subject = create(world, signer)
    with refused("SubjectsMalformedSigner"):
        change(world, subject, signer, 2, controller)
    assert world.view(world.subjects, "subjectOf", subject)[1] == 1


def test_a_shorter_controller_leaves_nothing_of_a_longer_one(world: World) -> None:
    long, short = world.es256_signer(), world.address_signer()
    subject = world.send("hangzhou", world.subjects, "create", SALT, long.signer).returned
    change(world, subject, long, 2, short.signer)
    assert world.view(world.subjects, "subjectOf", subject)[2] == short.signer
