"""The sealed guarantee file: made at the guarantor, checked at every node."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from hashlib import sha256

from cryptography import x509

from node.domain.certificate import check_certificate
from node.domain.document import document_digest, reopen_document, sign_document
from node.domain.encoding import to_base64url
from node.domain.guarantee import Guarantee, guarantee_terms
from node.domain.guarantee_file import (
    FORMAT,
    Attachment,
    GuaranteeSeal,
    OpenedFile,
    check_seal,
    open_file,
    prepare,
)
from node.domain.guarantee_pdf import MAX_FILE_BYTES
from node.domain.ledger_ids import guarantee_id
from node.domain.signed_file import Format, judge
from node.domain.signed_file import Verdict as SealVerdict
from node.domain.succession import show_succession
from node.errors import (
    ConflictError,
    MissingError,
    NodeError,
    RoleMissingError,
    TooLargeError,
    UnavailableError,
    VerificationError,
)
from node.ports import Clock, OrganisationSeal, SignatureReader, Signer, Store, Typeface
from node.services import layout
from node.services.alliance import Alliance
from node.services.expiries import Deadline
from node.services.guarantees import Checked, Guarantees, Verdict
from node.services.recognition import Recognition
from node.services.vault import Entropy


@dataclass(frozen=True, slots=True)
class CheckedFile:
    """What a check of a file says."""

    checked: Checked
    seal: SealVerdict | None = None
    """On the organisation's seal; None if the file is false."""


class GuaranteeFiles:
    """Makes and checks sealed files."""

    def __init__(  # noqa: PLR0917
        self,
        store: Store,
        alliance: Alliance,
        guarantees: Guarantees,
        recognition: Recognition,
        reader: SignatureReader,
        typeface: Typeface,
        seal: OrganisationSeal,
        signer: Signer,
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        self._store, self._alliance, self._guarantees = store, alliance, guarantees
        self._recognition, self._reader, self._typeface = recognition, reader, typeface
        self._seal, self._signer, self._clock, self._entropy = seal, signer, clock, entropy

    async def make(self, guarantee: str) -> bytes:
        """The sealed file of a guarantee that this node has issued; sealed anew at each call.

        Args:
            guarantee: id, 64 hex digits.

        Raises:
            MissingError: this node has no such guarantee, or no organisation seal.
            RoleMissingError: another guarantor issued it.
            ConflictError: it is not on the ledger yet, or the seal does not pass this node's own check.
            AuthorityUnavailableError: the configured time-stamp authority does not answer.
            ConfigError: the seal's files are malformed.
            KeyHolderError: the seal's key does not answer.
            StoreError: the database fails.
        """
        kept = self._store.get(layout.GUARANTEE + bytes.fromhex(guarantee))
        if kept is None:
            raise MissingError("this node holds no such guarantee")
        token = kept.decode()
        terms = reopen_document(token, Guarantee)
        if terms.iss != self._alliance.me:
            raise RoleMissingError("only the guarantor seals its guarantees")
        row = self._alliance.projection.guarantee(bytes.fromhex(guarantee))
        if row is None:
            raise ConflictError("the ledger does not have the guarantee yet; wait until it is final")
        contract = row.contract or self._alliance.contract("Guarantees")
        attachment = await self._attachment(token, contract)
        unsealed = await asyncio.to_thread(prepare, attachment, self._typeface.glyph)
        stamp = self._recognition.stamp if self._recognition.stamps else None
        raw = unsealed.filled(await self._seal.seal(unsealed.covered, stamp))
        try:
            # What this node itself would not take must not leave it.
            seal = await self._checked_seal(raw, self._open(raw))
        except VerificationError as error:
            raise ConflictError(
                f"this node's organisation seal is not good for guarantees: {error}"
            ) from error
        if stamp is not None and seal.finding.stamped is None:
            raise ConflictError(f"the time stamp does not count: {seal.finding.stamp_problem}")
        return raw

    async def check(self, raw: bytes) -> CheckedFile:
        """Check a file that somebody shows; the guarantee in it is kept if it is the guarantor's.

        Raises:
            NodeError: this node cannot say now; nothing is said about the file.
        """
        if len(raw) > MAX_FILE_BYTES:
            raise TooLargeError(f"a guarantee file has at most {MAX_FILE_BYTES >> 20} MiB")
        try:
            opened = await asyncio.to_thread(self._open, raw)
            seal = await self._checked_seal(raw, opened)
        except UnavailableError:
            raise  # says nothing about the file
        except NodeError as error:
            return CheckedFile(Checked(Verdict.FALSE, str(error)))
        checked = self._guarantees.check_file(opened.attachment.document)
        row = self._alliance.projection.guarantee(bytes.fromhex(opened.attachment.guarantee))
        if row is not None and row.contract and row.contract.hex() != opened.attachment.contract:
            reason = "the ledger has the guarantee in another contract than the file says"
            return CheckedFile(replace(checked, verdict=Verdict.FALSE, reason=reason))
        return CheckedFile(checked, seal)

    def deadlines(self) -> list[Deadline]:
        """When the seal's certificate runs out; nothing where there is no seal, or it cannot be read."""
        try:
            chain = self._seal.chain()
        except NodeError:
            return []
        leaf = [x509.load_der_x509_certificate(der) for der in chain[:1]]
        return [Deadline("organisation seal", one.not_valid_after_utc.timestamp()) for one in leaf]

    async def _attachment(self, token: str, contract: bytes) -> Attachment:
        chain, terms = self._seal.chain(), reopen_document(token, Guarantee)
        if not chain:
            raise MissingError("this node holds no organisation seal: heqi guarantee seal")
        now = int(self._clock.now())
        try:
            identity = check_certificate(chain, self._recognition.trust(), now)
        except VerificationError as error:
            raise ConflictError(
                f"this node's organisation seal is not good for guarantees: {error}"
            ) from error
        raw_id = guarantee_id(
            self._alliance.raw_id,
            guarantee_terms(terms, document_digest(token), self._alliance.verifiers.es256),
        )
        statement = GuaranteeSeal(
            alliance=self._alliance.id,
            iat=now,
            jti=to_base64url(self._entropy(16)),
            iss=self._alliance.me,
            guarantee=raw_id.hex(),
            credit_code=identity.credit_code,
            certificate=sha256(chain[0]).hexdigest(),
        )
        rows = {row.member.name: row for row in self._alliance.projection.members()}
        return Attachment(
            format=FORMAT,
            alliance=self._alliance.id,
            contract=contract.hex(),
            guarantee=raw_id.hex(),
            document=token,
            seal=sign_document(statement, self._signer.sign),
            successions=tuple(map(show_succession, rows[self._alliance.me].successions)),
        )

    def _open(self, raw: bytes) -> OpenedFile:
        members = {row.member.name: row.member for row in self._alliance.projection.members()}
        return open_file(
            raw,
            self._typeface.glyph,
            alliance=self._alliance.id,
            members=members,
            verifier=self._alliance.verifiers.es256,
        )

    async def _checked_seal(self, raw: bytes, opened: OpenedFile) -> SealVerdict:
        """The seal, its certificate and what the authority says of that, as of the proven time of sealing."""
        trust, now = self._recognition.trust(), int(self._clock.now())
        found = await self._reader.read(_parts(raw), Format.PDF, b"", trust.stampers(now), now)
        verdict = check_seal(
            opened, [judge(one, lambda chain, at: check_certificate(chain, trust, at), now) for one in found]
        )
        identity = check_certificate(verdict.finding.chain, trust, verdict.judged_at)
        await self._recognition.warm_identity(identity)
        self._recognition.check_identity(identity, verdict.judged_at)
        return verdict


async def _parts(raw: bytes) -> AsyncIterator[bytes]:
    yield raw
