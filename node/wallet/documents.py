"""What a wallet signs: requests to nodes, grants, revocations. Pure but for the key."""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from node.domain.controller import ControllerSigner
from node.domain.delegation import KeyAcceptance
from node.domain.descriptor import Descriptor, verifiers_of
from node.domain.document import (
    CommonMembers,
    common_members,
    document_digest,
    open_by_controller,
    open_members_document,
    peek_document,
    sign_by_controller,
)
from node.domain.erasure import ErasureReceipt
from node.domain.grant import (
    AccessRequest,
    Basis,
    Grant,
    Scope,
    check_grant,
    check_request,
    grant_terms,
    has_uses_left,
)
from node.domain.ledger import GrantTerms
from node.domain.ledger_ids import (
    Eip712Domain,
    change_controller_digest,
    grant_id,
    move_subject_digest,
    revoke_grant_digest,
    veto_recovery_digest,
)
from node.domain.mandate import check_grant_within, open_mandate
from node.domain.member import Member
from node.domain.wallet import (
    CarriedGrant,
    CheckCall,
    ControllerCall,
    CopyCall,
    EraseCall,
    ExportCall,
    FinishCall,
    GrantCall,
    HistoryCall,
    MoveCall,
    PackageRecord,
    PlaceCall,
    RecoverCall,
    RegisterCall,
    RelayCall,
    RevokeCall,
    StatusCall,
    VetoCall,
    WalletCall,
)
from node.errors import DocumentFormatError
from node.wallet.keyfile import WalletKey

C = TypeVar("C", bound=WalletCall)
REGISTER_WITHIN_SECONDS = 3_600
_HOUR = 3_600
_UNIQUE_BYTES = 16


@dataclass(frozen=True, slots=True)
class Scribe:
    """Writes documents for one wallet in one alliance."""

    key: WalletKey
    """Signs, unless a passkey does; one-time keys follow from it in any case."""
    descriptor: Descriptor
    subject: str
    """Subject id, 64 hex digits; empty before registration. Under a mandate that of the principal."""
    passkey: ControllerSigner | None = None
    """Signs in the key's place."""
    mandate: str = ""
    """The mandate under which everything is signed, a compact JWS; empty: the wallet's owner acts for itself."""
    within_seconds: int = REGISTER_WITHIN_SECONDS
    """How long a grant or a mandate may take to reach the ledger: longer where a second officer has to approve it."""

    @property
    def signer(self) -> ControllerSigner:
        """What speaks for the subject."""
        return self.passkey or self.key

    def common(self) -> CommonMembers:
        """Members of a document that is signed now; each call draws another `jti`."""
        return common_members(self.descriptor.alliance, time.time(), os.urandom(_UNIQUE_BYTES))

    def register(self, node: str, delegation: str, records: Sequence[PackageRecord]) -> str:
        """Ask a node to register this subject, or to take further documents."""
        return self.call(RegisterCall, node, delegation=delegation, records=tuple(records))

    def check(self, node: str, delegation: str, records: Sequence[PackageRecord]) -> str:
        """Ask a node what is wrong with a package."""
        return self.call(CheckCall, node, delegation=delegation, records=tuple(records))

    def status(self, node: str) -> str:
        """Ask how things stand."""
        return self.call(StatusCall, node)

    def history(self, node: str) -> str:
        """Ask who read what."""
        return self.call(HistoryCall, node)

    def export(self, node: str) -> str:
        """Ask for the own records as SD-JWTs."""
        return self.call(ExportCall, node)

    def erase(self, node: str, categories: Sequence[str] = ()) -> str:
        """Ask a node to erase records of some categories, or everything."""
        return self.call(EraseCall, node, categories=tuple(sorted(set(categories))))

    def check_receipt(self, token: str, home: Member, request: str) -> ErasureReceipt:
        """Check a receipt for an erasure before it is kept.

        Args:
            token: the receipt.
            home: member that must have signed it.
            request: the wallet request that it must answer.

        Raises:
            NodeError: it is not by that member, or about another request or subject.
        """
        receipt, call = (
            open_members_document(token, ErasureReceipt, home.identity_keys),
            peek_document(request, EraseCall),
        )
        named = (receipt.alliance, receipt.iss, receipt.subject, receipt.request, home.name)
        wanted = (
            self.descriptor.alliance,
            home.name,
            call.subject,
            document_digest(request).hex(),
            call.node,
        )
        if named != wanted:
            raise DocumentFormatError("the receipt is about another erasure, or by another member")
        return receipt

    def give(self, node: str, grant: str) -> str:
        """Give a grant to the subject's home."""
        return self.call(GrantCall, node, grant=grant)

    def relay(self, node: str, grant_token: str) -> str:
        """Ask another member to bring a grant to the ledger, showing it only what the ledger will show.

        Raises:
            DocumentFormatError: that member is the receiver, whose account would tell of the grant.
        """
        grant = peek_document(grant_token, Grant)
        if node in grant.aud:
            raise DocumentFormatError("the receiver of a grant cannot relay it: its account would tell of it")
        return self.relay_terms(node, grant_terms(grant, document_digest(grant_token)))

    def relay_terms(self, node: str, terms: GrantTerms) -> str:
        """Ask a member to bring a grant, or a mandate, to the ledger by nothing but what the ledger will show."""
        return self.call(
            RelayCall,
            node,
            digest=terms.digest.hex(),
            register_before=terms.register_before,
            exp=terms.expires,
            revoker=terms.revoker.hex(),
        )

    def check_request(self, token: str, reader: Member) -> AccessRequest:
        """Check an access request before it is shown to anybody as a reader's wish.

        Raises:
            NodeError: it is not by that reader, not for this subject, or malformed.
        """
        request = open_members_document(token, AccessRequest, reader.identity_keys)
        check_request(request)
        named = (request.alliance, request.subject, request.iss)
        if named != (self.descriptor.alliance, self.subject, reader.name):
            raise DocumentFormatError("the request is for another subject or alliance, or by another member")
        return request

    def grant(
        self,
        request: AccessRequest,
        *,
        scope: Sequence[Scope] = (),
        uses: int | None = None,
        expires: int = 0,
    ) -> str:
        """Sign a grant that answers a request, in full or in part.

        Args:
            request: a checked request.
            scope: what is granted; everything asked for if empty.
            uses: how many reads; as asked if None.
            expires: until when; as asked if zero.
        """
        return self.grant_unasked(
            request.iss,
            request.aud,
            tuple(scope) or request.scope,
            request.purpose,
            uses=request.uses if uses is None else uses,
            expires=expires or request.exp,
            request=request.jti,
            basis=request.basis,
        )

    def grant_unasked(
        self,
        readers: str | Sequence[str],
        home: str,
        scope: Sequence[Scope],
        purpose: str,
        *,
        uses: int,
        expires: int,
        request: str = "",
        basis: Basis = "consent",
        standing: bool = False,
    ) -> str:
        """Sign a grant that nobody asked for, for example to apply for a guarantee.

        Args:
            readers: member that may read; for a standing grant all that may.
            home: member that keeps the records.
            scope: what may be read.
            purpose: what for.
            uses: how many reads; `UNCOUNTED` for any number.
            expires: until when, seconds since 1970 UTC.
            request: `jti` of the request that this answers, if there was one.
            basis: on what ground the reader handles the data.
            standing: whether it answers every request that fits.

        Raises:
            DocumentFormatError: it breaks a rule, for example a standing grant on personal data.
        """
        common = self.common()
        now = common["iat"]
        if self.mandate:
            limits = open_mandate(self.mandate)
            uses, expires = min(uses or limits.uses, limits.uses), min(_full_hour(expires), limits.exp)
        # Both times stand on the ledger. Full hours, so that they do not tell when somebody signed or which
        # deadline he had in mind.
        expires = expires if self.mandate else _full_hour(expires)
        register_before = min(_full_hour(now + self.within_seconds), expires)
        revoker = self.verifier + self.key.revocation_key(common["jti"]).public_key
        grant = Grant(
            **common,
            iss=self.subject,
            aud=(readers,) if isinstance(readers, str) else tuple(sorted(set(readers))),
            home=home,
            key=self.signer.name,
            request=request,
            scope=tuple(scope),
            purpose=purpose,
            basis=basis,
            uses=uses,
            standing=standing,
            nbf=now,
            exp=expires,
            register_before=register_before,
            revoker=revoker.hex(),
            mandate=self.mandate,
        )
        check_grant(grant)
        if self.mandate:
            check_grant_within(grant, open_mandate(self.mandate))
        return sign_by_controller(grant, self.signer)

    def grant_id(self, grant_token: str) -> str:
        """Id of a grant on the ledger, 64 hex digits."""
        terms = grant_terms(peek_document(grant_token, Grant), document_digest(grant_token))
        return grant_id(bytes.fromhex(self.descriptor.alliance), terms).hex()

    def revoke(self, node: str, grant_token: str) -> str:
        """Sign a revocation of a grant of this wallet and ask a node to bring it to the ledger.

        Raises:
            NodeError: the grant is not this wallet's.
        """
        grant = open_by_controller(grant_token, Grant, self.signer.name)
        return self.revoke_terms(node, grant_terms(grant, document_digest(grant_token)), grant.jti)

    def revoke_terms(self, node: str, terms: GrantTerms, jti: str) -> str:
        """Sign a revocation of a grant, or a mandate, of this wallet and ask a node to bring it to the ledger.

        Args:
            node: the member that is asked.
            terms: what the ledger knows.
            jti: of the document: the one-time key follows from it.
        """
        one_time = self.key.revocation_key(jti)
        raw_id = grant_id(bytes.fromhex(self.descriptor.alliance), terms)
        grants = bytes.fromhex(self.descriptor.contracts["Grants"].address)
        domain = Eip712Domain(self.descriptor.chain_id, grants, bytes.fromhex(self.descriptor.alliance))
        digest = revoke_grant_digest(domain, raw_id)
        return self.call(
            RevokeCall,
            node,
            digest=terms.digest.hex(),
            register_before=terms.register_before,
            exp=terms.expires,
            revoker=terms.revoker.hex(),
            signature=one_time.sign(digest).hex(),
        )

    def call(self, kind: type[C], node: str, **members: Any) -> str:
        """A signed request to a node; `members` are those of its kind."""
        call = kind(
            **self.common(),
            node=node,
            subject=self.subject,
            key=self.signer.name,
            mandate=self.mandate,
            **members,
        )
        return sign_by_controller(call, self.signer)

    def place(self, node: str) -> str:
        """Ask where the ledger has this subject."""
        return self.call(PlaceCall, node)

    def copy(self, node: str) -> str:
        """Ask for this subject's own documents."""
        return self.call(CopyCall, node)

    def move(  # noqa: PLR0917
        self,
        node: str,
        delegation: str,
        records: Sequence[PackageRecord],
        version: int,
        contract: bytes,
        grants: Sequence[CarriedGrant] = (),
    ) -> str:
        """Sign that a node becomes this subject's home, and ask it to take the subject in.

        Args:
            node: the new home.
            delegation: what the certificate signed.
            records: the package.
            version: number of this change on the ledger.
            contract: 20 bytes: the contract of subjects in force.
            grants: signed again for the new home.
        """
        alliance = bytes.fromhex(self.descriptor.alliance)
        domain = Eip712Domain(self.descriptor.chain_id, contract, alliance)
        digest = move_subject_digest(domain, bytes.fromhex(self.subject), version, node)
        return self.call(
            MoveCall,
            node,
            delegation=delegation,
            records=tuple(records),
            version=version,
            signature=self.signer.sign_digest(digest).hex(),
            grants=tuple(grants),
        )

    def change_controller(
        self, node: str, version: int, contract: bytes, *, removed: str = "", added: str = ""
    ) -> str:
        """Sign that a key is added, removed or replaced, and ask a node to bring it to the ledger.

        Args:
            node: any member.
            version: number of this change on the ledger.
            contract: 20 bytes: the contract of subjects in force.
            removed: a present key; empty to remove none.
            added: a new key; empty to add none.
        """
        verifiers = verifiers_of(self.descriptor)
        digest = change_controller_digest(
            self._domain(contract),
            bytes.fromhex(self.subject),
            version,
            removed=verifiers.signer_of(removed) if removed else b"",
            added=verifiers.signer_of(added) if added else b"",
        )
        return self.call(
            ControllerCall,
            node,
            removed=removed,
            added=added,
            version=version,
            signature=self.signer.sign_digest(digest).hex(),
        )

    def veto(self, node: str, version: int, contract: bytes) -> str:
        """Sign against every recovery of this subject; arguments as for `change_controller`."""
        digest = veto_recovery_digest(self._domain(contract), bytes.fromhex(self.subject), version)
        signature = self.signer.sign_digest(digest).hex()
        return self.call(VetoCall, node, version=version, signature=signature)

    def recover(self, node: str, delegation: str, former: str, acceptance: str) -> str:
        """Ask a node to let this key take the place of all that were lost.

        Args:
            node: any member.
            delegation: for this key, by the company's certificate.
            former: the delegation for a lost key.
            acceptance: by that key, of that delegation.
        """
        return self.call(RecoverCall, node, delegation=delegation, former=former, acceptance=acceptance)

    def finish(self, node: str) -> str:
        """Ask a node to carry the recovery out."""
        return self.call(FinishCall, node)

    def accept(self, delegation: str) -> str:
        """Sign that a delegation is the own company's, for the day when this key is lost."""
        acceptance = KeyAcceptance(
            **self.common(),
            key=self.signer.name,
            delegation=document_digest(delegation).hex(),
        )
        return sign_by_controller(acceptance, self.signer)

    def _domain(self, contract: bytes) -> Eip712Domain:
        return Eip712Domain(self.descriptor.chain_id, contract, bytes.fromhex(self.descriptor.alliance))

    def grant_again(self, grant_token: str, home: str, used: int) -> str | None:
        """The same grant for another home, over as many reads as are left; None if nothing of it is left.

        Raises:
            NodeError: the grant is not this wallet's.
        """
        old = open_by_controller(grant_token, Grant, self.signer.name)
        if not has_uses_left(old, used) or old.exp <= int(time.time()) + _HOUR:
            return None
        # Versions count in each home's own log, and the new one is given the newest.
        scope = tuple(Scope(part.category, part.fields) for part in old.scope)
        return self.grant_unasked(
            old.aud,
            home,
            scope,
            old.purpose,
            uses=old.uses and old.uses - used,
            expires=old.exp,
            request=old.request,
            basis=old.basis,
            standing=old.standing,
        )

    @property
    def verifier(self) -> bytes:
        """Address of the alliance's verifier of P-256 keys, 20 bytes."""
        return verifiers_of(self.descriptor).es256


def _full_hour(seconds: int) -> int:
    return -(-seconds // _HOUR) * _HOUR
