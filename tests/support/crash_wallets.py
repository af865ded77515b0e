"""Bidders with wallets: register, hand in documents, grant and revoke, with a fresh request after every break."""

import asyncio
import itertools
import os
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import grpc
from heqi.v1 import wallet_service_pb2 as pb
from heqi.v1 import wallet_service_pb2_grpc

from adapters.crypto import trial_ca
from adapters.systems.sample import credit_code
from adapters.systems.sample_packages import base_document, qualification_document
from node.domain.delegation import Delegation, sign_delegation
from node.domain.descriptor import Descriptor
from node.domain.encoding import to_base64url
from node.domain.grant import AccessRequest, Scope
from node.domain.wallet import PackageRecord
from node.wallet.documents import Scribe
from node.wallet.keyfile import WalletKey, new_wallet_key
from tests.support.crash_load import Report, report_refusal

MARK_FIELDS = {"subject.base": "address", "subject.qualification": "issued_by"}
"""Where a document says which try it was."""

_RETRY_SECONDS = 0.03


@dataclass
class Bidder:
    """One wallet, and what its home has told it."""

    home: str
    reader: str
    key: WalletKey
    code: str
    subject: str = ""
    tried: set[str] = field(default_factory=set)
    """Marks of all documents that may have reached the home."""
    taken: set[str] = field(default_factory=set)
    """Marks of the documents that were acknowledged."""
    granted: list[bytes] = field(default_factory=list)
    revoked: list[bytes] = field(default_factory=list)


class Bidders:
    """One bidder after the other at one home."""

    _codes = itertools.count(1000)

    def __init__(
        self,
        home: str,
        reader: str,
        descriptor: Descriptor,
        root: trial_ca.TrialCertificate,
        connect: Callable[[], grpc.aio.Channel],
        rng: random.Random,
        report: Report,
    ) -> None:
        self.all: list[Bidder] = []
        self.is_draining = False
        self._home, self._reader, self._descriptor, self._root = home, reader, descriptor, root
        self._connect, self._rng, self._report = connect, rng, report

    async def run(self) -> None:
        while not self.is_draining:
            bidder = Bidder(self._home, self._reader, new_wallet_key(), credit_code(next(self._codes)))
            self.all.append(bidder)
            await self._live(bidder)
            await asyncio.sleep(self._rng.random() * 0.2)

    async def _live(self, bidder: Bidder) -> None:
        certificate = trial_ca.issue(self._root, "虚构公司", bidder.code)
        delegation = self._delegate(bidder, certificate)
        base = base_document("虚构公司", bidder.code).fields
        bidder.subject = await self._hand_in(bidder, delegation, "subject.base", base)
        if self._rng.random() < 0.5:
            await self._hand_in(
                bidder, delegation, "subject.qualification", qualification_document(bidder.code).fields
            )
        while not (await self._status(bidder)).subject_final:
            await asyncio.sleep(0.1)
        scribe = self._scribe(bidder)
        token = scribe.grant(self._wish(bidder))
        grant = await self._ask("GiveGrant", pb.GiveGrantRequest, lambda: scribe.give(self._home, token))
        bidder.granted.append(bytes.fromhex(grant.grant_id))
        if self._rng.random() < 0.5:
            done = await self._ask(
                "RevokeGrant", pb.RevokeGrantRequest, lambda: scribe.revoke(self._home, token)
            )
            bidder.revoked.append(bytes.fromhex(done.grant_id))

    async def _hand_in(self, bidder: Bidder, delegation: str, category: str, fields: dict[str, Any]) -> str:
        scribe, tries, mark = self._scribe(bidder), itertools.count(), ""

        def sign() -> str:
            nonlocal mark
            mark = f"{bidder.code}/{category}/{next(tries)}"
            bidder.tried.add(mark)
            document = PackageRecord(category, "the one", {**fields, MARK_FIELDS[category]: mark})
            return scribe.register(self._home, delegation, [document])

        answer = await self._ask("Register", pb.RegisterRequest, sign)
        if answer.record_count:  # none if an earlier try was stored and its answer lost
            bidder.taken.add(mark)
        return answer.subject_id

    async def _status(self, bidder: Bidder) -> pb.GetStatusResponse:
        scribe = self._scribe(bidder)
        return await self._ask("GetStatus", pb.GetStatusRequest, lambda: scribe.status(self._home))

    async def _ask(self, method: str, kind: Any, sign: Callable[[], str]) -> Any:
        while True:
            try:
                async with self._connect() as channel:
                    stub = wallet_service_pb2_grpc.WalletServiceStub(channel)
                    return await getattr(stub, method)(kind(signed_request=sign()), timeout=5)
            except grpc.aio.AioRpcError as error:
                report_refusal(error, f"wallet {method}", self._report)
                await asyncio.sleep(_RETRY_SECONDS)

    def _scribe(self, bidder: Bidder) -> Scribe:
        return Scribe(bidder.key, self._descriptor, bidder.subject)

    def _delegate(self, bidder: Bidder, certificate: trial_ca.TrialCertificate) -> str:
        now = int(time.time())
        claims = Delegation(
            alliance=self._descriptor.alliance,
            iat=now,
            jti=to_base64url(os.urandom(16)),
            key=bidder.key.public_key.hex(),
            credit_code=bidder.code,
            exp=now + 86_400,
        )
        return sign_delegation(claims, [certificate.der], certificate.key)

    def _wish(self, bidder: Bidder) -> AccessRequest:
        now = int(time.time())
        return AccessRequest(
            alliance=self._descriptor.alliance,
            iat=now,
            jti=to_base64url(os.urandom(16)),
            iss=self._reader,
            aud=self._home,
            subject=bidder.subject,
            scope=(Scope("subject.base", ("credit_code",)),),
            purpose="qualification-review",
            basis="contract",
            uses=1,
            exp=now + 86_400,
        )
