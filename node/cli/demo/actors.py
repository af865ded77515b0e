"""Who acts in the demo: a bidder with its certificate and wallet, and members who try what they may not."""

import asyncio
import os
import time
from pathlib import Path

import msgspec

from adapters.crypto import trial_ca
from adapters.crypto.clock import SystemClock
from adapters.crypto.keys import open_keys
from adapters.crypto.leaves import LeafSource
from adapters.peers.grpc_peers import GrpcPeers
from adapters.systems.sample import credit_code
from adapters.systems.sample_packages import base_document, qualification_document
from node.domain.delegation import Delegation, sign_delegation
from node.domain.descriptor import Descriptor
from node.domain.document import common_members, document_digest, peek_document, sign_document
from node.domain.encoding import to_base64url
from node.domain.grant import AccessRequest, Grant, Scope, grant_terms
from node.domain.guarantee import Guarantee
from node.domain.ledger_ids import grant_id
from node.domain.member import Member
from node.domain.reading import ReadRequest
from node.domain.trust import TrustAnchor, anchor_from_pem
from node.errors import NodeError
from node.wallet.client import WalletClient
from node.wallet.documents import Scribe
from node.wallet.folder import DELEGATION_FILE, create_wallet, open_wallet
from node.wallet.guarantees import NEEDED_SCOPE, PURPOSE, GuaranteeScribe, Terms, unmoved
from node.wallet.keyfile import WalletKey, new_wallet_key

ORGANISATION = "虚构建设有限公司"
SECTION = "A04-999999-00000001-001-001"
_PASSPHRASE_BYTES = 16


class Authority:
    """The trial certificate authority that stands in for a real one."""

    def __init__(self) -> None:
        self.root = trial_ca.make_root()

    def anchor(self) -> TrustAnchor:
        """What the alliance recognises."""
        pem = self.root.certificate_pem.decode()
        return anchor_from_pem("trial-ca", "试用证书机构 Trial CA", pem, trial_ca.CREDIT_CODE_OID)


class Bidder:
    """A company with an RSA certificate and a wallet of its own."""

    def __init__(self, folder: Path, alliance: Path, home: str, authority: Authority) -> None:
        self.code = credit_code(1)
        self.passphrase = to_base64url(os.urandom(_PASSPHRASE_BYTES)).encode()
        certificate = trial_ca.issue(authority.root, ORGANISATION, self.code, rsa_bits=2048)
        key = create_wallet(folder, alliance.read_bytes(), home, self.passphrase)
        self.folder = open_wallet(folder)
        common = common_members(self.folder.descriptor.alliance, time.time(), os.urandom(16))
        delegation = Delegation(
            **common,
            key=key.public_key.hex(),
            credit_code=self.code,
            exp=common["iat"] + 86_400,
        )
        token = sign_delegation(delegation, [certificate.der], certificate.key)
        (folder / DELEGATION_FILE).write_text(token + "\n")
        self.home = self.folder.member(home)

    def scribe(self) -> Scribe:
        """Signs with the wallet's key, opened with the passphrase each time as a command would."""
        folder = open_wallet(self.folder.path)
        return folder.scribe(self.passphrase)

    def register(self) -> str:
        """Hand in the registration package; the subject's id."""
        package = [
            base_document(ORGANISATION, self.code),
            qualification_document(self.code),
        ]
        with WalletClient(self.home) as client:
            signed = self.scribe().register(self.home.name, self.folder.delegation(), package)
            subject = client.register(signed).subject_id
        self.folder.remember_subject(subject)
        return subject

    def is_final(self) -> bool:
        """Whether subject and documents are on the ledger."""
        with WalletClient(self.home) as client:
            now = client.status(self.scribe().status(self.home.name))
        return now.subject_final and now.accepted_count == now.final_count > 0

    def open_request(self) -> AccessRequest | None:
        """The request that waits for an answer, checked to be the reader's own."""
        scribe = self.scribe()
        with WalletClient(self.home) as client:
            received = client.status(scribe.status(self.home.name)).requests
        for entry in received:
            if not entry.answered:
                reader = self.folder.member(peek_document(entry.access_request, AccessRequest).iss)
                return scribe.check_request(entry.access_request, reader)
        return None

    def grant(self, request: AccessRequest) -> tuple[str, str]:
        """Sign what was asked for; the grant's id and document."""
        scribe = self.scribe()
        token = scribe.grant(request)
        with WalletClient(self.home) as client:
            return client.give_grant(scribe.give(self.home.name, token)), token

    def revoke(self, token: str) -> None:
        """Revoke."""
        with WalletClient(self.home) as client:
            client.revoke_grant(self.scribe().revoke(self.home.name, token))

    def reads(self) -> list[tuple[str, str, bool]]:
        """Who read what for: (reader, purpose, whether the receipt is there)."""
        with WalletClient(self.home) as client:
            found = client.reads(self.scribe().history(self.home.name)).reads
        requests = [(peek_document(entry.read_request, ReadRequest), entry.receipt) for entry in found]
        return [(request.iss, request.purpose, bool(receipt)) for request, receipt in requests]

    def apply(self, guarantor: str, centre: str, beneficiary: "Beneficiary", amount: str) -> str:
        """Get the tender centre's code, grant the bank what it needs, apply; the application's id."""
        scribe, now = self.scribe(), int(time.time())
        writer, bank = GuaranteeScribe(scribe), self.folder.member(guarantor)
        with WalletClient(self.folder.member(centre)) as client:
            asked = writer.ask_code(centre, SECTION, self.folder.delegation())
            code = client.application_code(asked)
        grant = scribe.grant_unasked(
            guarantor, self.home.name, NEEDED_SCOPE, PURPOSE, uses=2, expires=now + 86_400
        )
        with WalletClient(self.home) as client:
            client.give_grant(scribe.give(self.home.name, grant))
        terms = Terms(
            beneficiary_name=beneficiary.name,
            beneficiary_key=beneficiary.key.beneficiary_key(SECTION).public_key.hex(),
            section=SECTION,
            guarantee_kind="bid",
            amount=amount,
            currency="CNY",
            nbf=now,
            exp=now + 90 * 86_400,
        )
        with WalletClient(bank) as client:
            return client.apply(writer.apply(guarantor, code, grant, terms))

    def guarantee(self, guarantor: str) -> str:
        """The guarantee that the bank issued, checked; a compact JWS."""
        writer, bank = GuaranteeScribe(self.scribe()), self.folder.member(guarantor)
        with WalletClient(bank) as client:
            found = client.applications(lambda: writer.applications(guarantor))
        token = next(row.guarantee for row in found if row.guarantee)
        writer.open(token, bank)
        return token


class Beneficiary:
    """The tenderer: it holds a key of its own, and nobody else can release what was issued to it."""

    name = "示例市虚构区住房和城乡建设局"

    def __init__(self, descriptor: Descriptor, centre: Member) -> None:
        self.key, self._descriptor, self._centre = new_wallet_key(), descriptor, centre

    def release(self, token: str, key: WalletKey | None = None) -> None:
        """Release a guarantee through the own centre.

        Args:
            token: the guarantee.
            key: whose key signs; the beneficiary's own if None.

        Raises:
            NodeError: the centre's node refuses.
        """
        writer = GuaranteeScribe(Scribe(self.key, self._descriptor, ""))
        signer = key or self.key.beneficiary_key(SECTION)
        signed = writer.sign_release(self._centre.name, unmoved(token), signer, "合同已签订")
        with WalletClient(self._centre) as client:
            client.release_guarantee(signed)


def altered(token: str, amount: str) -> str:
    """The same guarantee over another amount and with the old signature."""
    header, _, signature = token.split(".")
    changed = msgspec.structs.replace(peek_document(token, Guarantee), amount=amount)
    return f"{header}.{to_base64url(msgspec.json.encode(changed, order='sorted'))}.{signature}"


def read_as(home: Path, name: str, bidder: Bidder, grant_token: str, scope: tuple[Scope, ...] = ()) -> str:
    """Read at the bidder's home with a member's real keys but whatever grant it likes.

    Args:
        home: folder of the member that reads.
        name: that member.
        bidder: whose data is read.
        grant_token: the document it shows.
        scope: what it asks for; what the grant says if empty.

    Returns:
        The reason of the refusal, or "" if the home answered.
    """
    keys = open_keys(home)
    grant = peek_document(grant_token, Grant)
    alliance = bytes.fromhex(grant.alliance)
    request = ReadRequest(
        **common_members(grant.alliance, time.time(), os.urandom(16)),
        iss=name,
        aud=bidder.home.name,
        grant=grant_id(alliance, grant_terms(grant, document_digest(grant_token))).hex(),
        scope=scope or grant.scope,
        purpose=grant.purpose,
    )

    async def read() -> str:
        peers = GrpcPeers(LeafSource(name, keys.identity, SystemClock()).leaf)
        try:
            await peers.read(bidder.home, sign_document(request, keys.identity.sign), grant_token)
        except NodeError as refusal:
            return refusal.reason
        finally:
            await peers.close()
        return ""

    return asyncio.run(read())


def widened(token: str, extra: str) -> str:
    """The same grant with one field more and the old signature: what a dishonest reader would try."""
    header, _, signature = token.split(".")
    grant = peek_document(token, Grant)
    scope = [msgspec.structs.replace(s, fields=tuple(sorted({*s.fields, extra}))) for s in grant.scope]
    payload = msgspec.json.encode(msgspec.structs.replace(grant, scope=tuple(scope)), order="sorted")
    return f"{header}.{to_base64url(payload)}.{signature}"
