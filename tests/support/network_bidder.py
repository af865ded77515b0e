"""A bidder in a network of real nodes."""

import asyncio
import time

from adapters.crypto import trial_ca
from adapters.systems.sample import credit_code
from adapters.systems.sample_packages import base_document
from node.domain.delegation import Delegation, sign_delegation
from node.domain.wallet import PackageRecord
from node.wallet.client import WalletClient
from node.wallet.documents import Scribe
from node.wallet.keyfile import new_wallet_key
from tests.support.network import until

FIELDS = {
    name: value
    for name, value in base_document("虚构建设有限公司", "", bank_account="0000").fields.items()
    if name != "credit_code"
}
"""Of the base document, but for the credit code."""


class Bidder:
    """A company with a wallet; blocking calls run in threads, as a wallet is another process."""

    def __init__(self, network, number: int, *, rsa: bool = False) -> None:
        self.network, self.code = network, credit_code(number)
        self.certificate = trial_ca.issue(
            network.root, f"虚构公司{number}", self.code, rsa_bits=2048 if rsa else 0
        )
        self.key = new_wallet_key()
        self.subject = ""
        self.grants: list[str] = []

    @property
    def scribe(self) -> Scribe:
        return Scribe(self.key, self.network.descriptor, self.subject)

    def delegation(self) -> str:
        now = int(time.time())
        claims = Delegation(
            alliance=self.network.descriptor.alliance,
            iat=now,
            jti="AAAAAAAAAAAAAAAAAAAAAA",
            key=self.key.public_key.hex(),
            credit_code=self.code,
            exp=now + 3600,
        )
        return sign_delegation(claims, [self.certificate.der], self.certificate.key)

    async def at(self, centre, call, signed):
        with WalletClient(self.network[centre].member) as client:
            return await asyncio.to_thread(getattr(client, call), signed)

    async def register(self, centre: str = "centre-a") -> None:
        package = [PackageRecord("subject.base", "base", {"credit_code": self.code, **FIELDS})]
        signed = self.scribe.register(centre, self.delegation(), package)
        self.subject = (await self.at(centre, "register", signed)).subject_id

    async def status(self, centre: str = "centre-a"):
        return await self.at(centre, "status", self.scribe.status(centre))


async def settled(bidder) -> None:
    """Until the registration is final at its home, and every node knows the subject."""
    raw = bytes.fromhex(bidder.subject)
    centres = bidder.network.centres.values()
    await until(lambda: all(c.services.projection.subject(raw) is not None for c in centres))
    while True:
        now = await bidder.status()
        if now.accepted_count == now.final_count:
            return
        await asyncio.sleep(0.05)
