"""Signers that Subjects, Grants and Guarantees take: ERC-7913, verifiers from the voted list only.

The same behaviour for all: `move` makes something with a signer and then has the signer move it.
"""

import pytest
from eth_utils import keccak

from node.domain.guarantee_table import Event
from tests.contracts.guarantor import NOTHING, SALT, Guarantor
from tests.contracts.signers import AddressSigner, ES256Signer, mirror, typed_digest
from tests.contracts.world import ALLIANCE_ID, SET_VERIFIER, World
from tests.support.evm import Contract, Reverted, create_address, refused

DIGEST, FOREVER = b"\x77" * 32, 2**64 - 1


class SubjectMoves:
    """A subject, and its controller handing over to another."""

    malformed, wrong = "SubjectsMalformedSigner", "SubjectsWrongSignature"

    def __init__(self, world: World) -> None:
        self.world, self.contract, self._made = world, world.subjects, 0
        self._next = world.address_signer().signer

    def make(self, signer: bytes) -> bytes:
        self._made += 1
        return self.world.send(
            "ningbo", self.contract, "create", self._made.to_bytes(32, "big"), signer
        ).returned

    def digest(self, subject: bytes, **changes: object) -> bytes:
        message = {"subject": subject, "version": 2, "removed": b"", "added": self._next}
        fields = {"subject": "bytes32", "version": "uint64", "removed": "bytes", "added": "bytes"}
        return typed_digest(self.world.domain(self.contract) | changes, "ChangeController", fields, message)

    def move(self, subject: bytes, signer: bytes, signature: bytes) -> None:
        self.world.send(
            "hangzhou", self.contract, "changeController", subject, b"", self._next, signer, signature
        )


class GrantMoves:
    """A grant, and its revocation key revoking it."""

    malformed, wrong = "GrantsMalformedSigner", "GrantsWrongSignature"

    def __init__(self, world: World) -> None:
        self.world, self.contract = world, world.grants

    def make(self, signer: bytes) -> bytes:
        return self.world.send("ningbo", self.contract, "register", DIGEST, FOREVER, FOREVER, signer).returned

    def digest(self, grant: bytes, **changes: object) -> bytes:
        domain = self.world.domain(self.contract) | changes
        return typed_digest(domain, "RevokeGrant", {"grant": "bytes32"}, {"grant": grant})

    def move(self, grant: bytes, signer: bytes, signature: bytes) -> None:
        self.world.send("hangzhou", self.contract, "revoke", DIGEST, FOREVER, FOREVER, signer, signature)


class GuaranteeMoves:
    """A guarantee, and its beneficiary releasing it."""

    malformed, wrong = "GuaranteesMalformedSigner", "GuaranteesWrongSignature"

    def __init__(self, world: World) -> None:
        self.world, self.contract, self._guarantor = world, world.guarantees, Guarantor(world)
        self._made = 0

    def make(self, signer: bytes) -> bytes:
        """The ledger has a hash only; a malformed signer comes out when it is used for the first time."""
        self._made += 1
        application = self._made.to_bytes(32, "big")
        terms = self._guarantor.other_terms(application=application, beneficiary=keccak(SALT + signer))
        guarantee = self._guarantor.issue(terms).returned
        try:
            self._step(self.world.fork(), guarantee, signer, b"")
        except Reverted as first_use:
            if first_use.name == self.malformed:
                raise
        return guarantee

    def digest(self, guarantee: bytes, **changes: object) -> bytes:
        return self._guarantor.step_digest(
            self._guarantor.said(Event.RELEASE, guarantee=guarantee), **changes
        )

    def move(self, guarantee: bytes, signer: bytes, signature: bytes) -> None:
        self._step(self.world, guarantee, signer, signature)

    def _step(self, world: World, guarantee: bytes, signer: bytes, signature: bytes) -> None:
        said = self._guarantor.said(Event.RELEASE, guarantee=guarantee)
        mover = (signer, SALT, NOTHING, signature)
        arguments = (tuple(said.values()), mover, self._guarantor.opened())
        world.send("hangzhou", self.contract, "step", *arguments)


Moves = SubjectMoves | GrantMoves | GuaranteeMoves
Signer = AddressSigner | ES256Signer


@pytest.fixture(params=[SubjectMoves, GrantMoves, GuaranteeMoves])
def moves(world: World, request: pytest.FixtureRequest) -> Moves:
    return request.param(world)


@pytest.fixture(params=["address", "es256"])
def signer(world: World, request: pytest.FixtureRequest) -> Signer:
    return world.address_signer() if request.param == "address" else world.es256_signer()


@pytest.fixture
def evil(world: World) -> Contract:
    return world.evm.deploy("EvilVerifier", sender=world.stranger)


def test_the_signer_moves_through_any_member(moves: Moves, signer: Signer) -> None:
    thing = moves.make(signer.signer)
    moves.move(thing, signer.signer, signer.sign(moves.digest(thing)))


def test_another_key_does_not_move_it(moves: Moves, signer: Signer) -> None:
    other = (
        AddressSigner(moves.world.stranger)
        if isinstance(signer, AddressSigner)
        else moves.world.es256_signer()
    )
    thing = moves.make(signer.signer)
    with refused(moves.wrong, thing):
        moves.move(thing, signer.signer, other.sign(moves.digest(thing)))


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "heqi"},
        {"version": "2"},
        {"chainId": 1},
        {"verifyingContract": "0x" + "11" * 20},
        {"salt": b"\x99" * 32},
    ],
    ids=str,
)
def test_a_signature_for_somewhere_else_is_worthless(
    moves: Moves, signer: Signer, changes: dict[str, object]
) -> None:
    thing = moves.make(signer.signer)
    with refused(moves.wrong, thing):
        moves.move(thing, signer.signer, signer.sign(moves.digest(thing, **changes)))


@pytest.mark.parametrize("length", [0, 1, 63, 64, 66, 128])
def test_a_signature_of_the_wrong_length_is_refused(moves: Moves, length: int) -> None:
    signer = moves.world.address_signer()
    thing = moves.make(signer.signer)
    signature = signer.sign(moves.digest(thing)).ljust(length, b"\0")[:length]
    with refused(moves.wrong, thing):
        moves.move(thing, signer.signer, signature)


def test_a_secp256k1_signature_in_the_high_half_is_refused(moves: Moves) -> None:
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    signer = moves.world.address_signer()
    thing = moves.make(signer.signer)
    signature = signer.sign(moves.digest(thing))
    high = (order - int.from_bytes(signature[32:64], "big")).to_bytes(32, "big")
    with refused(moves.wrong, thing):
        moves.move(thing, signer.signer, signature[:32] + high + bytes([55 - signature[64]]))


def test_high_s_of_p256_is_accepted_as_the_same(moves: Moves) -> None:
    signer = moves.world.es256_signer()
    thing = moves.make(signer.signer)
    moves.move(thing, signer.signer, mirror(signer.sign(moves.digest(thing))))


@pytest.mark.parametrize("length", [0, 1, 19])
def test_a_signer_shorter_than_an_address_is_malformed(moves: Moves, length: int) -> None:
    with refused(moves.malformed):
        moves.make(b"\x55" * length)


def test_a_key_has_128_bytes_at_most(moves: Moves) -> None:
    verifier = moves.world.es256.address
    moves.make(verifier + b"k")
    moves.make(verifier + b"k" * 128)
    with refused(moves.malformed):
        moves.make(verifier + b"k" * 129)


def test_the_zero_address_signs_nothing(moves: Moves) -> None:
    with refused(moves.malformed):
        moves.make(bytes(20))


def test_a_contract_is_no_signer(moves: Moves, evil: Contract) -> None:
    """Its code could call anything a signature (ERC-1271). Nor is an accepted verifier without a key."""
    for contract in (evil, moves.world.es256, moves.contract):
        with refused(moves.malformed):
            moves.make(contract.address)


def test_an_evil_verifier_is_not_asked(moves: Moves, evil: Contract) -> None:
    with refused(moves.malformed):
        moves.make(evil.address + b"k")


def test_code_that_appears_later_does_not_sign(moves: Moves) -> None:
    """An address without code today can be a contract tomorrow: CREATE addresses are known in advance."""
    world = moves.world
    address = create_address(world.stranger.address, world.evm.nonce(world.stranger))
    thing = moves.make(address)
    assert world.evm.deploy("EvilVerifier", sender=world.stranger).address == address
    with refused(moves.malformed):
        moves.move(thing, address, b"anything")


def test_a_verifier_that_was_voted_out_is_not_asked_again(moves: Moves) -> None:
    world = moves.world
    signer = world.es256_signer()
    thing = moves.make(signer.signer)
    world.decide(("hangzhou", "ningbo"), SET_VERIFIER, signer.verifier, False)
    with refused(moves.malformed):
        moves.move(thing, signer.signer, signer.sign(moves.digest(thing)))


def test_a_verifier_that_was_voted_in_is_asked(moves: Moves, evil: Contract) -> None:
    """Then its word counts, whatever it says: that is what the members voted for."""
    moves.world.decide(("hangzhou", "ningbo"), SET_VERIFIER, evil.address, True)
    thing = moves.make(evil.address + b"k")
    moves.move(thing, evil.address + b"k", b"")


def test_an_accepted_address_that_is_no_verifier_signs_nothing(moves: Moves) -> None:
    world = moves.world
    for silent in (world.alliance, world.grants):
        world.decide(("hangzhou", "ningbo"), SET_VERIFIER, silent.address, True)
        signer = silent.address + b"k"
        thing = moves.make(signer)
        with refused(moves.wrong, thing):
            moves.move(thing, signer, b"")


def test_the_domain_can_be_read(moves: Moves) -> None:
    fields, name, version, chain_id, contract, salt, extensions = moves.world.view(
        moves.contract, "eip712Domain"
    )
    domain = moves.world.domain(moves.contract)
    assert fields == b"\x1f"
    assert (name, version, chain_id, contract) == tuple(domain.values())[:4]
    assert salt == ALLIANCE_ID
    assert extensions == ()
