"""Bidders of a world: a certificate from the trial authority, a wallet, and the documents they hand in."""

import functools
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from adapters.crypto import trial_ca
from adapters.systems.sample import credit_code
from adapters.systems.sample_packages import base_document, qualification_document
from node.domain.controller import ControllerSigner
from node.domain.delegation import Delegation, sign_delegation
from node.domain.descriptor import Descriptor
from node.domain.encoding import to_base64url
from node.domain.trust import TrustAnchor, anchor_from_pem
from node.domain.wallet import PackageRecord
from node.wallet.documents import Scribe
from node.wallet.keyfile import WalletKey, new_wallet_key
from node.wallet.passkey import Passkey
from node.wallet.trial_authenticator import TrialAuthenticator
from tests.support.world_clock import WorldClock

if TYPE_CHECKING:
    from tests.support.world_centre import Centre

BANK_ACCOUNT = "0000 1111 2222 3333"
LEGAL_REPRESENTATIVE = "示例人张三"


class Authority:
    """A certificate authority; the world's own one is on the alliance's trust list, others are not."""

    def __init__(self, name: str = "试用证书机构 Trial CA") -> None:
        self._name = name
        self.root = _root(name)

    @property
    def anchor(self) -> TrustAnchor:
        pem = self.root.certificate_pem.decode()
        return anchor_from_pem("trial-ca", self._name, pem, trial_ca.CREDIT_CODE_OID)


class Bidder:
    """A company. What it signs is made by the real wallet code."""

    def __init__(self, number: int, authority: Authority, descriptor: Descriptor, clock: WorldClock) -> None:
        self.code = credit_code(number)
        self.organisation = f"虚构建设第{number}有限公司"
        self.certificate = trial_ca.issue(authority.root, self.organisation, self.code)
        self.key: WalletKey = new_wallet_key()
        self.subject = ""
        self.passkey: Passkey | None = None
        self.home: Centre | None = None
        self._descriptor, self._clock = descriptor, clock
        self.delegation = self.delegate(self.key)

    @property
    def registered_at(self) -> "Centre":
        assert self.home is not None, "the bidder has not registered yet"
        return self.home

    @property
    def scribe(self) -> Scribe:
        """Signs requests and grants with the wallet's key."""
        return Scribe(self.key, self._descriptor, self.subject, self.passkey)

    def use_passkey(self, host: str = "wallet.example") -> Passkey:
        """From now on sign by a fresh passkey, for which the certificate vouches."""
        self.passkey = Passkey(TrialAuthenticator(new_wallet_key(), host))
        self.delegation = self.delegate(self.passkey)
        return self.passkey

    def delegate(
        self,
        key: ControllerSigner,
        *,
        alliance: str = "",
        credit_code: str = "",
        seconds: int = 365 * 86_400,
        certificate: trial_ca.TrialCertificate | None = None,
        two_officers: Sequence[str] = (),
    ) -> str:
        """The certificate, or another one, says that a wallet key acts for the company."""
        signer, now = certificate or self.certificate, int(self._clock.now())
        delegation = Delegation(
            alliance=alliance or self._descriptor.alliance,
            iat=now,
            jti=to_base64url(os.urandom(16)),
            key=key.name,
            credit_code=credit_code or self.code,
            exp=now + seconds,
            two_officers=tuple(two_officers),  # type: ignore[arg-type]  # attacks name others, too
        )
        return sign_delegation(delegation, [signer.der], signer.key)

    def base(self, **changes: object) -> PackageRecord:
        """The base document; a change to None leaves the field out."""
        known = {"legal_representative": LEGAL_REPRESENTATIVE, "bank_account": BANK_ACCOUNT}
        return base_document(self.organisation, self.code, **{**known, **changes})

    def qualification(self, number: str = "D199999999", level: str = "一级") -> PackageRecord:
        return qualification_document(self.code, number, level=level)

    def package(self) -> Sequence[PackageRecord]:
        """A registration package: the base document and one qualification."""
        return self.base(), self.qualification()


@functools.cache
def _root(name: str) -> trial_ca.TrialCertificate:
    return trial_ca.make_root(name)
