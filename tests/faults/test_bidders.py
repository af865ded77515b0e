"""Bidders whose papers are not in order: refused with the reason, and nothing of them is kept."""

import asyncio
import datetime
import itertools
import time
from dataclasses import dataclass, field

import pytest

from adapters.crypto import trial_ca
from adapters.systems.sample import credit_code
from adapters.systems.sample_packages import base_document
from node.domain.delegation import Delegation, sign_delegation
from node.domain.wallet import PackageRecord
from node.errors import NodeError
from node.wallet.client import WalletClient
from node.wallet.documents import Scribe
from node.wallet.keyfile import WalletKey, new_wallet_key
from tests.support.network import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

NUMBERS = itertools.count(5_000)
DAYS = datetime.timedelta(days=1)


@dataclass
class Papers:
    """What a bidder comes with; a test spoils one thing."""

    root: trial_ca.TrialCertificate
    key: WalletKey = field(default_factory=new_wallet_key)
    code: str = field(default_factory=lambda: credit_code(next(NUMBERS)))
    start: datetime.datetime | None = None
    days: float = 700
    stated: dict[str, str] = field(default_factory=dict)

    def package(self, **fields: str) -> list[PackageRecord]:
        return [base_document("虚构公司", self.code, **{**fields, **self.stated})]

    def delegation(self, network) -> str:
        certificate = trial_ca.issue(self.root, "虚构", self.code, start=self.start, days=self.days)
        now = int(time.time())
        claims = Delegation(
            alliance=network.descriptor.alliance,
            iat=now,
            jti="AAAAAAAAAAAAAAAAAAAAAA",
            key=self.key.public_key.hex(),
            credit_code=self.code,
            exp=now + 3_600,
        )
        return sign_delegation(claims, [certificate.der], certificate.key)


async def register(network, papers: Papers, **fields: str) -> str:
    signed = Scribe(papers.key, network.descriptor, "").register(
        "centre-a", papers.delegation(network), papers.package(**fields)
    )
    with WalletClient(network["centre-a"].member) as client:
        return (await asyncio.to_thread(client.register, signed)).subject_id


def kept(network) -> dict[bytes, bytes]:
    """Everything that a registration leaves here; that a request was taken is not part of it."""
    store = network["centre-a"].services.registrations._store
    prefixes = (b"s/", b"u/", b"r/", b"v/", b"m/position", b"m/open/subject")
    return {key: value for prefix in prefixes for key, value in store.scan(prefix)}


async def refused(network, papers: Papers, **fields: str) -> NodeError:
    await until(lambda: not network["centre-a"].services.outbox.heads().keys() - {"anchor"})
    before = kept(network)
    with pytest.raises(NodeError) as refusal:
        await register(network, papers, **fields)
    assert kept(network) == before
    return refusal.value


async def test_papers_in_order_are_taken(network):
    assert len(await register(network, Papers(network.root))) == 64


@pytest.mark.parametrize(
    "spoil",
    [
        {"start": datetime.datetime.now(datetime.UTC) - 10 * DAYS, "days": 9},
        {"start": datetime.datetime.now(datetime.UTC) + DAYS},
        {"root": trial_ca.make_root()},
        {"root": trial_ca.make_root("another name")},
        {"code": "919900000000000193"},  # the check character is that of ...192
        {"code": ""},
    ],
    ids=["expired", "not yet valid", "foreign, of the same name", "foreign", "wrong code", "no code"],
)
async def test_a_certificate_that_is_not_in_order(network, spoil):
    error = await refused(network, Papers(**{"root": network.root, **spoil}))
    assert error.reason == "CERTIFICATE"
    assert "certificate" in str(error)
    assert error.advice


async def test_another_credit_code_in_the_documents_than_in_the_certificate(network):
    error = await refused(network, Papers(network.root, stated={"credit_code": credit_code(4_999)}))
    assert error.reason == "PACKAGE"
    assert "credit_code" in str(error)


async def test_an_over_long_field_in_a_registration(network):
    error = await refused(network, Papers(network.root), legal_name="x" * (64 * 1024 + 1))
    assert error.reason == "PACKAGE"
    assert "legal_name" in str(error)


async def test_a_float_in_a_registration(network):
    error = await refused(network, Papers(network.root, stated={"registered_capital": 1.5}))
    assert error.reason == "DOCUMENT_FORMAT"
    assert "floating-point" in str(error)
