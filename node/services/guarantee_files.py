"""The sealed guarantee file: made at the guarantor, checked at every node."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

import msgspec
from cryptography import x509

from node.domain.certificate import check_certificate
from node.domain.document import document_digest, reopen_document
from node.domain.encoding import canonical_json
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
from node.domain.sealed_guarantee import is_opened, reopen_guarantee
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
from node.ports import Clock, OrganisationSeal, SignatureReader, Store, Typeface
from node.services import layout
from node.services.alliance import Alliance
from node.services.expiries import Deadline
from node.services.guarantees import Checked, Guarantees, Verdict
from node.services.guarantor import Guarantor
from node.services.recognition import Recognition
from node.services.signing import Signing
from node.services.transaction import Transaction


@dataclass(frozen=True, slots=True)
class CheckedFile:
    """What a check of a file says."""

    checked: Checked
    seal: SealVerdict | None = None
    """On the organisation's seal; None if the file is false."""


class SealedRow(msgspec.Struct, frozen=True):
    """A file that was made: what it cannot be made from again."""

    attachment: bytes
    """Canonical JSON."""
    seal: bytes
    """CMS, DER."""
    certificate: str
    """SHA-256 of the seal's certificate, hex."""


class GuaranteeFiles:
    """Makes and checks sealed files."""

    def __init__(  # noqa: PLR0917
        self,
        store: Store,
        alliance: Alliance,
        guarantees: Guarantees,
        guarantor: Guarantor,
        recognition: Recognition,
        reader: SignatureReader,
        typeface: Typeface,
        seal: OrganisationSeal,
        signing: Signing,
        clock: Clock,
    ) -> None:
        self._store, self._alliance = store, alliance
        self._guarantees, self._guarantor = guarantees, guarantor
        self._recognition, self._reader, self._typeface = recognition, reader, typeface
        self._seal, self._signing, self._clock = seal, signing, clock

    async def make(self, guarantee: str) -> bytes:
        """The sealed file of a guarantee of this node's; the same one as long as the seal's certificate is the same.

        A guarantee is sealed before the ledger has it, too: a bid holds the file, and the row comes with the opening.

        Args:
            guarantee: id, 64 hex digits.

        Raises:
            MissingError: this node has no such guarantee, or no organisation seal.
            RoleMissingError: another guarantor issued it.
            ConflictError: the seal or the time stamp does not pass this node's own check.
            AuthorityUnavailableError: the configured time-stamp authority does not answer.
            StatusUnknownError: nobody says whether the seal's certificate is revoked.
            ConfigError: the seal's files are malformed.
            KeyHolderError: the seal's key does not answer.
            StoreError: the database fails.
        """
        raw_id = bytes.fromhex(guarantee)
        kept = self._store.get(layout.GUARANTEE + raw_id)
        if kept is None:
            raise MissingError("this node holds no such guarantee")
        token, chain = kept.decode(), self._seal.chain()
        if reopen_guarantee(token).iss != self._alliance.me:
            raise RoleMissingError("only the guarantor seals its guarantees")
        if is_opened(token):
            raise ConflictError(
                "a guarantee that was sealed until the opening is shown as it is, not as a PDF"
            )
        if not chain:
            raise MissingError("this node holds no organisation seal: heqi guarantee seal")
        made = self._store.get(layout.GUARANTEE_SEAL + raw_id)
        if made is not None:
            row = msgspec.msgpack.decode(made, type=SealedRow)
            if row.certificate == sha256(chain[0]).hexdigest():
                attachment = msgspec.json.decode(row.attachment, type=Attachment)
                return (await asyncio.to_thread(prepare, attachment, self._typeface.glyph)).filled(row.seal)
        row_there = self._alliance.projection.guarantee(raw_id)
        contract = (row_there and row_there.contract) or self._alliance.contract("Guarantees")
        attachment = self._attachment(token, contract, chain)
        unsealed = await asyncio.to_thread(prepare, attachment, self._typeface.glyph)
        stamp = self._recognition.stamp if self._recognition.stamps else None
        seal = await self._seal.seal(unsealed.covered, stamp)
        raw = unsealed.filled(seal)
        try:
            # What this node itself would not take must not leave it.
            verdict = await self._checked_seal(raw, await self._open(raw))
        except VerificationError as error:
            raise ConflictError(
                f"this node's organisation seal is not good for guarantees: {error}"
            ) from error
        if stamp is not None and verdict.finding.stamped is None:
            raise ConflictError(f"the time stamp does not count: {verdict.finding.stamp_problem}")
        transaction = Transaction(self._store)
        told = canonical_json(msgspec.to_builtins(attachment))
        row = SealedRow(told, seal, sha256(chain[0]).hexdigest())
        transaction.put(layout.GUARANTEE_SEAL + raw_id, msgspec.msgpack.encode(row))
        transaction.commit()
        return raw

    async def make_for_wallet(self, token: str, application: str) -> bytes:
        """The sealed file of the guarantee that came of an application of the wallet that asks.

        Args:
            token: a wallet-applications document.
            application: id, 64 hex digits.

        Raises:
            MissingError: the wallet has no such application, or it is not issued.
            NodeError: the request is not acceptable, or as `make`.
        """
        for found in self._guarantor.of_wallet(token):
            if found.id == application and found.row.guarantee:
                return await self.make(self._id_of(found.row.guarantee).hex())
        raise MissingError("there is no guarantee for such an application of this wallet")

    async def check(self, raw: bytes) -> CheckedFile:
        """Check a file that somebody shows; the guarantee in it is kept if it is the guarantor's.

        Raises:
            NodeError: this node cannot say now; nothing is said about the file.
        """
        if len(raw) > MAX_FILE_BYTES:
            raise TooLargeError(f"a guarantee file has at most {MAX_FILE_BYTES >> 20} MiB")
        try:
            opened = await self._open(raw)
            seal = await self._checked_seal(raw, opened)
        except UnavailableError:
            raise  # says nothing about the file
        except NodeError as error:
            return CheckedFile(Checked(Verdict.FALSE, str(error)))
        checked = self._guarantees.check_file(opened.attachment.document)
        if bytes.fromhex(opened.attachment.contract) not in self._alliance.contracts("Guarantees"):
            reason = "the file names a contract that never held guarantees of this alliance"
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

    def _attachment(self, token: str, contract: bytes, chain: Sequence[bytes]) -> Attachment:
        raw_id = self._id_of(token)
        try:
            identity = check_certificate(chain, self._recognition.trust(), int(self._clock.now()))
        except VerificationError as error:
            raise ConflictError(
                f"this node's organisation seal is not good for guarantees: {error}"
            ) from error
        statement = GuaranteeSeal(
            **self._signing.issued(),
            guarantee=raw_id.hex(),
            credit_code=identity.credit_code,
            certificate=sha256(chain[0]).hexdigest(),
        )
        me = self._alliance.projection.standing(self._alliance.me)
        return Attachment(
            format=FORMAT,
            alliance=self._alliance.id,
            contract=contract.hex(),
            guarantee=raw_id.hex(),
            document=token,
            seal=self._signing.sign(statement),
            successions=tuple(map(show_succession, me.successions if me else ())),
        )

    def _id_of(self, token: str) -> bytes:
        terms = reopen_document(token, Guarantee)
        verifier = self._alliance.verifiers.es256
        return guarantee_id(self._alliance.raw_id, guarantee_terms(terms, document_digest(token), verifier))

    async def _open(self, raw: bytes) -> OpenedFile:
        members = {row.member.name: row.member for row in self._alliance.projection.members()}
        return await asyncio.to_thread(
            open_file,
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
