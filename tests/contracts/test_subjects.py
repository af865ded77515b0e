"""Subjects: random ids, homes, controllers. What counts as a signer is in test_signed_moves.py."""

import eth_abi
import pytest
from eth_utils import keccak

from tests.contracts.signers import AddressSigner, ES256Signer, typed_digest
from tests.contracts.world import ALLIANCE_ID, World, name
from tests.support.evm import Receipt, refused

SALT = keccak(text="salt")
Signer = AddressSigner | ES256Signer


def change(
    world: World, subject: bytes, signer: Signer, version: int, *, removed: bytes = b"", added: bytes = b""
) -> Receipt:
    """Relayed by a member that is not the subject's home."""
    signature = sign(world, subject, signer, version, removed=removed, added=added)
    return send(world, subject, removed, added, signer.signer, signature)


def hand_over(world: World, subject: bytes, old: Signer, version: int, new: bytes) -> Receipt:
    return change(world, subject, old, version, removed=old.signer, added=new)


def send(world: World, subject: bytes, *arguments: bytes) -> Receipt:
    return world.send("ningbo", world.subjects, "changeController", subject, *arguments)


def sign(
    world: World, subject: bytes, signer: Signer, version: int, *, removed: bytes = b"", added: bytes = b""
) -> bytes:
    fields = {"subject": "bytes32", "version": "uint64", "removed": "bytes", "added": "bytes"}
    message = {"subject": subject, "version": version, "removed": removed, "added": added}
    return signer.sign(typed_digest(world.domain(world.subjects), "ChangeController", fields, message))


def controllers(world: World, subject: bytes) -> tuple[bytes, ...]:
    return tuple(world.view(world.subjects, "subjectOf", subject)[2])


def create(world: World, signer: AddressSigner) -> bytes:
    return world.send("hangzhou", world.subjects, "create", SALT, signer.signer).returned


def test_a_subject_has_a_home_and_a_controller(world: World) -> None:
    signer = world.es256_signer()
    receipt = world.send("hangzhou", world.subjects, "create", SALT, signer.signer)
    subject = receipt.returned
    (event,) = receipt.events
    assert event.name == "SubjectCreated"
    assert event.values == {"subject": subject, "home": name("hangzhou"), "controller": signer.signer}
    assert world.view(world.subjects, "subjectOf", subject) == (name("hangzhou"), 1, (signer.signer,))


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
        change(world, SALT, signer, 1, added=world.address_signer().signer)


def test_a_controller_is_replaced(world: World) -> None:
    old, new = world.address_signer(), world.es256_signer()
    subject = create(world, old)
    (event,) = hand_over(world, subject, old, 2, new.signer).events
    assert event.name == "ControllerChanged"
    assert event.values == {"subject": subject, "version": 2, "removed": old.signer, "added": new.signer}
    assert world.view(world.subjects, "subjectOf", subject) == (name("hangzhou"), 2, (new.signer,))


def test_any_controller_adds_and_removes_others_and_itself(world: World) -> None:
    first, second, third = world.address_signer(), world.es256_signer(), world.address_signer()
    subject = create(world, first)
    change(world, subject, first, 2, added=second.signer)
    change(world, subject, second, 3, added=third.signer)
    assert controllers(world, subject) == (first.signer, second.signer, third.signer)
    change(world, subject, third, 4, removed=first.signer)
    assert controllers(world, subject) == (second.signer, third.signer)
    change(world, subject, third, 5, removed=third.signer)
    assert controllers(world, subject) == (second.signer,)


def test_a_replacement_keeps_the_places_of_the_others(world: World) -> None:
    keys = [world.address_signer() for _ in range(4)]
    subject = create(world, keys[0])
    for version, key in enumerate(keys[1:3], 2):
        change(world, subject, keys[0], version, added=key.signer)
    change(world, subject, keys[0], 4, removed=keys[1].signer, added=keys[3].signer)
    assert controllers(world, subject) == (keys[0].signer, keys[3].signer, keys[2].signer)


def test_the_last_controller_is_not_removed(world: World) -> None:
    only = world.address_signer()
    subject = create(world, only)
    with refused("SubjectsControllerCount"):
        change(world, subject, only, 2, removed=only.signer)


def test_there_are_five_controllers_at_most(world: World) -> None:
    first = world.address_signer()
    subject = create(world, first)
    for version in range(2, 6):
        change(world, subject, first, version, added=world.address_signer().signer)
    with refused("SubjectsControllerCount"):
        change(world, subject, first, 6, added=world.address_signer().signer)
    change(world, subject, first, 6, removed=first.signer, added=world.address_signer().signer)
    assert len(controllers(world, subject)) == 5


def test_a_change_that_changes_nothing_is_refused(world: World) -> None:
    first, second = world.address_signer(), world.address_signer()
    subject = create(world, first)
    with refused("SubjectsUnchanged", subject):
        change(world, subject, first, 2)
    with refused("SubjectsUnchanged", subject):
        change(world, subject, first, 2, added=first.signer)
    with refused("SubjectsUnchanged", subject):
        change(world, subject, first, 2, removed=first.signer, added=first.signer)
    with refused("SubjectsNotController", subject):
        change(world, subject, first, 2, removed=second.signer)


def test_a_removed_controller_has_no_say(world: World) -> None:
    old, new = world.address_signer(), world.address_signer()
    subject = create(world, old)
    hand_over(world, subject, old, 2, new.signer)
    with refused("SubjectsNotController", subject):
        hand_over(world, subject, old, 3, old.signer)


def test_the_home_cannot_take_the_subject_over(world: World) -> None:
    home, owner = AddressSigner(world.members["hangzhou"]), world.address_signer()
    subject = create(world, owner)
    with refused("SubjectsNotController", subject):
        hand_over(world, subject, home, 2, home.signer)
    forged = sign(world, subject, home, 2, added=home.signer)
    with refused("SubjectsWrongSignature", subject):
        send(world, subject, b"", home.signer, owner.signer, forged)


def test_a_change_is_good_once(world: World) -> None:
    """Also when the controllers are again as they were."""
    first, second = world.address_signer(), world.address_signer()
    subject = create(world, first)
    replayed = sign(world, subject, first, 2, added=second.signer)
    send(world, subject, b"", second.signer, first.signer, replayed)
    change(world, subject, first, 3, removed=second.signer)
    with refused("SubjectsWrongSignature", subject):
        send(world, subject, b"", second.signer, first.signer, replayed)


@pytest.mark.parametrize("version", [0, 1, 3, 2**64 - 1])
def test_a_change_names_the_next_version(world: World, version: int) -> None:
    signer = world.address_signer()
    subject = create(world, signer)
    with refused("SubjectsWrongSignature", subject):
        hand_over(world, subject, signer, version, world.address_signer().signer)


def test_a_relay_cannot_change_what_is_added_or_removed(world: World) -> None:
    signer, thief, new = world.address_signer(), world.address_signer(), world.address_signer()
    subject = create(world, signer)
    signature = sign(world, subject, signer, 2, added=new.signer)
    for removed, added in ((b"", thief.signer), (signer.signer, new.signer), (new.signer, b"")):
        with refused("SubjectsWrongSignature", subject):
            send(world, subject, removed, added, signer.signer, signature)


def test_a_change_of_one_subject_moves_no_other(world: World) -> None:
    signer, new = world.address_signer(), world.address_signer()
    mine = create(world, signer)
    other = world.send("ningbo", world.subjects, "create", SALT, signer.signer).returned
    with refused("SubjectsWrongSignature", other):
        send(world, other, b"", new.signer, signer.signer, sign(world, mine, signer, 2, added=new.signer))


@pytest.mark.parametrize("controller", [bytes(20), b"\x55" * 19, b"\x55" * 21])
def test_nobody_is_no_controller(world: World, controller: bytes) -> None:
    signer = world.address_signer()
    subject = create(world, signer)
    with refused("SubjectsMalformedSigner"):
        change(world, subject, signer, 2, added=controller)
    assert world.view(world.subjects, "subjectOf", subject)[1] == 1


def test_a_shorter_controller_leaves_nothing_of_a_longer_one(world: World) -> None:
    long, short = world.es256_signer(), world.address_signer()
    subject = world.send("hangzhou", world.subjects, "create", SALT, long.signer).returned
    hand_over(world, subject, long, 2, short.signer)
    assert controllers(world, subject) == (short.signer,)


def test_controllers_of_an_earlier_contract_change_in_the_later_one(world: World) -> None:
    first, second = world.address_signer(), world.address_signer()
    subject = create(world, first)
    change(world, subject, first, 2, added=second.signer)
    world.subjects = world.successor("Subjects")
    assert controllers(world, subject) == (first.signer, second.signer)
    change(world, subject, second, 3, removed=first.signer)
    assert controllers(world, subject) == (second.signer,)
