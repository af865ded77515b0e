"""A home that made up a bidder's key: it creates a subject, signs a grant itself, and answers under it.

It controls its node, its log, its place on the ledger and every document it has seen. What it lacks is a
certificate of the company, and so no reader accepts what it makes.
"""

from collections.abc import Callable

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from adapters.crypto import trial_ca
from node.domain.delegation import Delegation, sign_delegation
from node.domain.document import peek_document, sign_document
from node.domain.draft import RecordDraft
from node.domain.grant import Grant
from node.domain.ledger import CreateSubject
from node.domain.ledger_ids import subject_id
from node.errors import CertificateError, DocumentFormatError, NodeError, SignatureError
from node.services import layout
from node.services.answer_check import open_own_grant
from node.services.registration_rows import Registration, Voucher
from node.services.transaction import Transaction
from node.wallet.documents import Scribe
from node.wallet.keyfile import WalletKey, new_wallet_key
from tests.support.world import DAY, PURPOSE, SCOPE, World
from tests.support.world_bidder import Authority, Bidder


@pytest.fixture
async def victim(world: World) -> Bidder:
    """A true company, registered at this home, whose documents the home has seen."""
    victim = world.bidder()
    world.register(victim)
    await world.settle()
    return victim


async def invent(world: World, victim: Bidder, delegation: Callable[[WalletKey], str]) -> str:
    """The home invents a key for the victim, and everything else that it can; the reader's request."""
    home, key, salt = world.home, new_wallet_key(), b"s" * 32
    subject = subject_id(bytes.fromhex(world.descriptor.alliance), home.name, salt).hex()
    transaction = Transaction(home.store)
    place = layout.REGISTRATION + subject.encode()
    row = Registration(
        subject, victim.code, victim.organisation, {key.name: (Voucher(delegation(key), b""),)}
    )
    transaction.put(place, home.services.vault.seal(subject, place, msgspec.msgpack.encode(row)))
    fields = {"legal_name": victim.organisation, "credit_code": victim.code, "bank_account": "the home's own"}
    home.records.stage(
        transaction, [RecordDraft("subject.base", "base", subject, "wallet", "", None, fields)]
    )
    signer = home.services.alliance.signer_of(key.public_key.hex())
    home.services.outbox.add(transaction, f"subject/{subject}", CreateSubject(salt, signer))
    transaction.commit()
    await world.settle()
    digest = world.reader.services.reading.request(subject, home.name, SCOPE, PURPOSE, 1, DAY)
    await world.settle()
    scribe = Scribe(key, world.descriptor, subject)
    [pending] = home.sharing.requests(subject)
    request = scribe.check_request(pending.token, world.member(world.reader.name))
    home.sharing._check_certificate = lambda _: None  # type: ignore[method-assign]
    home.services.recognition.hand_on = lambda *_: b""  # type: ignore[method-assign]
    home.sharing.give_grant(scribe.give(home.name, scribe.grant(request)))
    await world.settle()
    return digest


def stolen_delegation(_: World, victim: Bidder, __: WalletKey) -> str:
    """The victim's own, which is for the victim's key."""
    return victim.delegation


def own_authority(world: World, victim: Bidder, key: WalletKey) -> str:
    """By a certificate in the victim's name that the home issues to itself."""
    false = Authority("联盟认可的机构? Almost")
    certificate = trial_ca.issue(false.root, victim.organisation, victim.code)
    return victim.delegate(key, certificate=certificate)


def authority_by_the_same_name(world: World, victim: Bidder, key: WalletKey) -> str:
    """By an authority that calls itself what the recognised one is called."""
    root = trial_ca.make_root()
    return victim.delegate(key, certificate=trial_ca.issue(root, victim.organisation, victim.code))


def accomplice(world: World, victim: Bidder, key: WalletKey) -> str:
    """By a true certificate of a company that lends it; the record says the victim's code."""
    friend = world.bidder()
    return friend.delegate(key)


def accomplice_in_the_victims_name(world: World, victim: Bidder, key: WalletKey) -> str:
    friend = world.bidder()
    return friend.delegate(key, credit_code=victim.code)


def retyped_delegation(world: World, victim: Bidder, key: WalletKey) -> str:
    """The victim's, with the invented key in place of the victim's and the old signature."""
    header, _, signature = victim.delegation.split(".")
    other = victim.delegate(key)
    return ".".join((header, other.split(".")[1], signature))


def no_delegation(_: World, victim: Bidder, key: WalletKey) -> str:
    """Some other document by the invented key."""
    return Scribe(key, victim._descriptor, "").status("hangzhou")


def certificate_without_its_key(world: World, victim: Bidder, key: WalletKey) -> str:
    """With the victim's certificate, which is public, and a signature by a key of the home's."""
    delegation = Delegation(
        alliance=world.descriptor.alliance,
        iat=int(world.clock.now()),
        jti="AAAAAAAAAAAAAAAAAAAAAA",
        key=key.public_key.hex(),
        credit_code=victim.code,
        exp=int(world.clock.now()) + DAY,
    )
    return sign_delegation(delegation, [victim.certificate.der], ec.generate_private_key(ec.SECP256R1()))


Invention = Callable[[World, Bidder, WalletKey], str]
INVENTIONS: dict[Invention, type[NodeError]] = {
    stolen_delegation: SignatureError,
    own_authority: CertificateError,
    authority_by_the_same_name: CertificateError,
    accomplice: CertificateError,
    accomplice_in_the_victims_name: CertificateError,
    retyped_delegation: SignatureError,
    certificate_without_its_key: SignatureError,
    no_delegation: DocumentFormatError,
}


@pytest.mark.parametrize("invention", INVENTIONS, ids=lambda invention: invention.__name__)
async def test_no_reader_accepts_an_invented_bidder(
    world: World, victim: Bidder, invention: Invention
) -> None:
    digest = await invent(world, victim, lambda key: invention(world, victim, key))
    with pytest.raises(INVENTIONS[invention]):
        await world.reader.services.reading.fetch(digest)
    own = next(request for _, request in world.reader.services.reading.requests())
    assert (own.reads, own.receipts) == (0, ())


async def test_the_same_steps_with_the_companys_certificate_are_accepted(
    world: World, victim: Bidder
) -> None:
    """So it is the certificate that makes the difference, and nothing else in these tests."""
    digest = await invent(world, victim, victim.delegate)
    assert (await world.reader.services.reading.fetch(digest)).credit_code == victim.code


async def test_a_home_cannot_sign_a_grant_for_a_true_subject(world: World, victim: Bidder) -> None:
    """Handed to the reader in answer to its request, beside the true subject's true delegation."""
    digest = world.request(world.reader, victim)
    await world.settle()
    key = new_wallet_key()
    own = next(request for _, request in world.reader.services.reading.requests())
    forger = Scribe(key, world.descriptor, victim.subject)
    request = forger.check_request(own.token, world.member(world.reader.name))
    forged = forger.grant(request)
    world.home.sharing.collect_grant = lambda *_: forged  # type: ignore[method-assign]
    await world.settle()
    assert dict(world.reader.services.reading.requests())[digest].grant == ""
    with pytest.raises(SignatureError, match="the key that the ledger names"):
        open_own_grant(world.reader.services.alliance, forged)


async def test_a_home_cannot_put_its_key_into_the_victims_grant(world: World, victim: Bidder) -> None:
    world.request(world.reader, victim)
    await world.settle()
    token, key = world.sign_grant(victim), new_wallet_key()
    grant = msgspec.structs.replace(peek_document(token, Grant), key=key.public_key.hex())
    forged = sign_document(grant, key.sign)
    world.home.sharing.collect_grant = lambda *_: forged  # type: ignore[method-assign]
    await world.settle()
    assert next(request for _, request in world.reader.services.reading.requests()).grant == ""
    with pytest.raises(SignatureError, match="the key that the ledger names"):
        open_own_grant(world.reader.services.alliance, forged)
