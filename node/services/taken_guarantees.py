"""Guarantees of banks that run no node: a signed PDF that a bidder or a centre brings, checked and kept.

The file's signature is all there is: no ledger row stands behind it, nobody is told of a release, and whether the
bank has promised the same twice only the bank knows. What this node can find is the same file under two sections.

Source: the open e-guarantee of Suzhou Industrial Park 开放式架构电子保函 (certificate, integrity and signature are
checked, no interface to the bank); 电子签名法 art. 13.
"""

from collections.abc import AsyncIterator, Sequence
from hashlib import sha256
from typing import Annotated

import msgspec

from node.domain.certificate import check_certificate, check_credit_code
from node.domain.encoding import canonical_json
from node.domain.guarantee_pdf import is_guarantee_file
from node.domain.signed_file import Format, Verdict
from node.errors import InvalidError, MissingError, UnavailableError, VerificationError
from node.ports import Clock, Store
from node.services import layout
from node.services.alliance import Alliance
from node.services.recognition import Recognition
from node.services.transaction import Transaction
from node.services.vault import Vault
from node.services.verifying import Verifying

_COUNTER = "taken-guarantees"
_BEGINNING = 1_024
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+\Z")]


class Presentation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What whoever brings a file says of it; nothing of that is in a form that a machine could check."""

    number: Text
    """The bank's own."""
    guarantor_code: str
    """Credit code of the bank that is said to have issued it."""
    section: Text
    """标段编号 for which it is brought."""
    bearer: str
    """Credit code of the bidder whose guarantee it is."""


class TakenGuarantee(msgspec.Struct, frozen=True):
    """A file that was brought, and what it was found to be then."""

    presentation: Presentation
    sha256: str
    """Of the whole file, hex."""
    time: int
    """When it was brought, seconds since 1970 UTC."""
    valid: bool
    """Signed once or more, each signature counts, the last covers the whole file, and one is the guarantor's."""
    reason: str
    """Why it does not count; for people, in English."""
    organisation: str = ""
    """By the guarantor's certificate."""
    judged_at: int = 0
    """As of when its certificate was judged: its time stamp, or when it was brought."""
    stamped: bool = False
    """Whether a recognised time stamp says when it was signed."""


class Taking(msgspec.Struct, frozen=True):
    """The answer: the row, and where the same was brought before."""

    number: int
    """Of the row at this node, from 0."""
    taken: TakenGuarantee
    elsewhere: tuple[str, ...]
    """Other sections for which the same was brought here, oldest first. Not empty: a double presentation."""


class TakenGuarantees:
    """Checks and keeps them, sealed under the node's own key."""

    def __init__(  # noqa: PLR0917
        self,
        store: Store,
        vault: Vault,
        alliance: Alliance,
        verifying: Verifying,
        recognition: Recognition,
        clock: Clock,
    ) -> None:
        self._store, self._vault, self._alliance = store, vault, alliance
        self._verifying, self._recognition, self._clock = verifying, recognition, clock

    async def take(self, content: AsyncIterator[bytes], presentation: Presentation) -> Taking:
        """Check a file and keep what it was found to be; the same file for the same section is one row.

        Args:
            content: the PDF in parts.
            presentation: what is said of it.

        Raises:
            InvalidError: a code is malformed, it is no PDF, or the file of a member, which says more by itself.
            UnavailableError: this node cannot say now whether the certificate was revoked; nothing is kept.
            TooLargeError: too large, or too costly to read.
            StoreError: the database fails.
        """
        check_credit_code(presentation.guarantor_code)
        check_credit_code(presentation.bearer)
        seen = _Seen()
        try:
            verdicts = await self._verifying.verify(seen.through(content), form=Format.PDF)
        finally:
            if is_guarantee_file(seen.beginning):
                raise InvalidError("a member issued this guarantee: heqi guarantee check --file")
        taken = await self._judged(verdicts, presentation, seen.digest)
        imprints = {seen.digest, *(one.finding.imprint for one in verdicts if one.finding.imprint)}
        return self._keep(taken, sorted(imprints))

    def get(self, number: int) -> TakenGuarantee:
        """One row.

        Raises:
            MissingError: there is none.
            StoreError: the database fails.
        """
        key = layout.TAKEN_GUARANTEE + layout.number(number)
        sealed = self._store.get(key)
        if sealed is None:
            raise MissingError("this node has taken no such guarantee")
        return msgspec.msgpack.decode(self._vault.open(self._alliance.me, key, sealed), type=TakenGuarantee)

    def rows(self, first: int = 0) -> list[tuple[int, TakenGuarantee]]:
        """All rows from a number on, oldest first.

        Raises:
            StoreError: the database fails.
        """
        prefix = layout.TAKEN_GUARANTEE
        keys = [key for key, _ in self._store.scan(prefix)]
        numbers = (int.from_bytes(key[len(prefix) :], "big") for key in keys)
        return [(number, self.get(number)) for number in numbers if number >= first]

    async def _judged(
        self, verdicts: Sequence[Verdict], presentation: Presentation, digest: str
    ) -> TakenGuarantee:
        row = TakenGuarantee(presentation, digest, int(self._clock.now()), valid=False, reason="")
        reason = _fault(verdicts)
        if reason:
            return msgspec.structs.replace(row, reason=reason)
        mine = [one for one in verdicts if one.credit_code == presentation.guarantor_code]
        if not mine:
            signers = ", ".join(sorted({f"{one.organisation} {one.credit_code}" for one in verdicts}))
            return msgspec.structs.replace(row, reason=f"it is signed by {signers} and not by that guarantor")
        trust = self._recognition.trust()
        for one in verdicts:
            identity = check_certificate(one.finding.chain, trust, one.judged_at)
            await self._recognition.warm_identity(identity)
            try:
                self._recognition.check_identity(identity, one.judged_at)
            except UnavailableError:
                raise
            except VerificationError as error:
                return msgspec.structs.replace(row, reason=str(error))
        return msgspec.structs.replace(
            row,
            valid=True,
            organisation=mine[0].organisation,
            judged_at=mine[0].judged_at,
            stamped=mine[0].finding.stamped is not None,
        )

    def _keep(self, taken: TakenGuarantee, imprints: Sequence[str]) -> Taking:
        known = sorted({number for one in imprints for number in self._brought(one)})
        rows = [(number, self.get(number)) for number in known]
        sections = dict.fromkeys(row.presentation.section for _, row in rows)
        elsewhere = tuple(one for one in sections if one != taken.presentation.section)
        for number, row in rows:
            if (row.sha256, row.presentation) == (
                taken.sha256,
                taken.presentation,
            ) and row.valid == taken.valid:
                return Taking(number, row, elsewhere)
        transaction = Transaction(self._store)
        number = transaction.take(_COUNTER)
        key = layout.TAKEN_GUARANTEE + layout.number(number)
        transaction.put(key, self._vault.seal(self._alliance.me, key, msgspec.msgpack.encode(taken)))
        for one in imprints:
            transaction.put(_content_key(one) + layout.number(number), b"")
        transaction.commit()
        return Taking(number, taken, elsewhere)

    def _brought(self, imprint: str) -> list[int]:
        prefix = _content_key(imprint)
        return [int.from_bytes(key[len(prefix) :], "big") for key, _ in self._store.scan(prefix)]


def _fault(verdicts: Sequence[Verdict]) -> str:
    if not verdicts:
        return "the file is not signed"
    for one in verdicts:
        if not one.is_valid:
            return f"signature {one.finding.name}: {one.problem}: {one.detail}"
    if not verdicts[-1].finding.covers_whole:
        return "something was added to the file after its last signature"
    return ""


class _Seen:
    """Looks at a file on its way: its hash and how it begins."""

    def __init__(self) -> None:
        self._hash, self.beginning = sha256(), b""

    @property
    def digest(self) -> str:
        """SHA-256 of what has passed, hex."""
        return self._hash.hexdigest()

    async def through(self, content: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for part in content:
            self._hash.update(part)
            self.beginning = (
                (self.beginning + part)[:_BEGINNING] if len(self.beginning) < _BEGINNING else self.beginning
            )
            yield part


def _content_key(imprint: str) -> bytes:
    return layout.TAKEN_GUARANTEE_CONTENT + sha256(canonical_json(imprint)).digest()
