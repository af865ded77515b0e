"""People in a bidder's records, with keys of their own, and what they and their company sign."""

import os
from typing import Any

import msgspec

from adapters.systems.sample_packages import personnel_document
from node.domain.consent import (
    ConsentWithdrawal,
    PersonConsent,
    RecordedConsent,
    evidence_digest,
    open_consent,
)
from node.domain.document import document_digest, sign_document
from node.domain.encoding import to_base64url
from node.domain.grant import Scope
from node.domain.wallet import ConsentCall, PackageRecord, WalletCall, WithdrawCall
from node.wallet.keyfile import WalletKey, new_wallet_key
from tests.support.world import DAY, PURPOSE, Shared, World
from tests.support.world_bidder import Bidder
from tests.support.world_centre import Centre

PERSONNEL = "subject.personnel"
ORDINARY, SENSITIVE = ("person_name", "phone"), ("bank_account", "id_number")
STAFF = (Scope(PERSONNEL, ("bank_account", "id_number", "job", "person_name", "phone")),)
NAMES = (Scope(PERSONNEL, ("job", "person_name", "phone")),)


class Person:
    """Somebody of a bidder's staff."""

    def __init__(self, world: World, bidder: Bidder, thing: str = "staff-1") -> None:
        self.key: WalletKey = new_wallet_key()
        self.world, self.bidder, self.thing = world, bidder, thing

    def record(self, **changes: object) -> PackageRecord:
        """The document about the person; a change to None leaves the field out."""
        fields: dict[str, object] = {
            "person_name": f"示例人 {self.thing}",
            "phone": "10000000000",
            "id_number": "110101199001010000",
            "bank_account": "6222 0000 0000 0000",
            "job": "项目经理",
            "consent_key": self.key.public_key.hex(),
            **changes,
        }
        return personnel_document(self.bidder.code, self.thing, **fields)

    def terms(
        self, *, sensitive: bool = False, reader: Centre | None = None, **changes: Any
    ) -> dict[str, Any]:
        """What the person agrees to."""
        now = int(self.world.clock.now())
        return {
            "alliance": self.world.descriptor.alliance,
            "iat": now,
            "jti": to_base64url(os.urandom(16)),
            "subject": self.bidder.subject,
            "home": self.bidder.registered_at.name,
            "key": self.key.public_key.hex(),
            "category": PERSONNEL,
            "thing": self.thing,
            "receiver": (reader or self.world.reader).name,
            "receiver_name": "南京公共资源交易中心",
            "contact": "025-00000000",
            "purpose": PURPOSE,
            "way": "核对项目班子后存入评标资料",
            "fields": SENSITIVE if sensitive else ORDINARY,
            "separate": sensitive,
            "necessity": "支付工资核对；泄露可致财产损失" if sensitive else "",
            "nbf": now,
            "exp": now + 30 * DAY,
            **changes,
        }

    def consent(self, **how: Any) -> str:
        """A consent by the person's own key."""
        return sign_document(PersonConsent(**self.terms(**how)), self.key.sign)

    def recorded(self, *, signer: WalletKey | None = None, **how: Any) -> str:
        """A consent that the company records, with a paper; or whoever signs for the company."""
        signer = signer or self.bidder.key
        terms = self.terms(**{"key": signer.public_key.hex(), **how})
        paper = {
            "evidence": "paper",
            "digest": evidence_digest(os.urandom(32), b"scan"),
            "recorder": "人事部",
        }
        consent = RecordedConsent(**{**paper, "given": terms["iat"], **terms})
        return sign_document(consent, signer.sign)

    def give(self, consent: str, *, key: WalletKey | None = None) -> str:
        """Hand a consent in at the home; the receipt. By the company's wallet if no key is named."""
        home = self.bidder.registered_at
        token = call(
            self.world, ConsentCall, home, self.bidder.subject, key or self.bidder.key, consent=consent
        )
        return home.services.consents.give(token)

    def withdrawal(self, consent: str, key: WalletKey | None = None, **changes: Any) -> str:
        """The withdrawal of a consent, signed by the person if no key is named."""
        key, said = key or self.key, open_consent(consent)
        withdrawal = ConsentWithdrawal(
            alliance=said.alliance,
            iat=int(self.world.clock.now()),
            jti=to_base64url(os.urandom(16)),
            subject=said.subject,
            home=said.home,
            consent=document_digest(consent).hex(),
            key=key.public_key.hex(),
        )
        return sign_document(msgspec.structs.replace(withdrawal, **changes), key.sign)

    def withdraw(
        self, consent: str, *, via: Centre | None = None, key: WalletKey | None = None, **changes: Any
    ) -> str:
        """Withdraw at a node; the receipt, empty if it is on its way."""
        via, key = via or self.bidder.registered_at, key or self.key
        withdrawal = self.withdrawal(consent, key, **changes)
        token = call(self.world, WithdrawCall, via, self.bidder.subject, key, withdrawal=withdrawal)
        return via.services.consents.withdraw(token)[0]


def call(
    world: World, kind: type[WalletCall], node: Centre, subject: str, key: WalletKey, **members: Any
) -> str:
    """A wallet call under any key."""
    made = kind(
        alliance=world.descriptor.alliance,
        iat=int(world.clock.now()),
        jti=to_base64url(os.urandom(16)),
        node=node.name,
        subject=subject,
        key=key.public_key.hex(),
        **members,
    )
    return sign_document(made, key.sign)


async def staffed(
    world: World, scope: tuple[Scope, ...] = NAMES, count: int = 1, uses: int = 9
) -> tuple[Shared, list[Person]]:
    """A bidder with people in its records, and the reader's live grant on them."""
    bidder = world.bidder()
    people = [Person(world, bidder, f"staff-{number}") for number in range(1, count + 1)]
    world.register(bidder, package=[bidder.base(), *(person.record() for person in people)])
    await world.settle()
    return await world.share(bidder, scope, uses=uses), people
