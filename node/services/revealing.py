"""At a tender's centre, once the ledger has the opening: bids' sealed guarantees are opened, checked, brought there.

1 holders are asked for their shares; each is held against the commitment in the bid, so a false one is named
2 enough of them give the opening key; where they do not, the bidder shows the key itself
3 what the guarantor signed is checked: document, hidden terms, the signature for the ledger
4 that its log had the issue under an anchor older than the committed moment
5 that the application was reserved, and no other was live beside it
6 then the row goes to the ledger; the guarantor is not asked, and need not be there
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from node.domain.act import ACT_CATEGORY, ActKind
from node.domain.document import document_digest, open_members_document, peek_document
from node.domain.encoding import from_base64url
from node.domain.evidence import parse_evidence, verify_evidence
from node.domain.guarantee import Guarantee, guarantee_terms
from node.domain.ledger import IssueGuarantee
from node.domain.ledger_ids import guarantee_id
from node.domain.member import Member, Role
from node.domain.opening import (
    MOST_SHARES,
    Opening,
    SealedFile,
    ShareRelease,
    ShareRequest,
    parse_sealed_file,
)
from node.domain.sealed_guarantee import (
    ApplicationRefusal,
    HiddenTerms,
    Reservation,
    SealedContent,
    SealedGuarantee,
    binding_of,
    check_issue_signature,
    file_digest,
    hidden_of,
    nullifier_of,
    open_guarantee,
    parse_content,
    signed_part,
)
from node.domain.shares import decrypt_content, join_shares, share_commitment
from node.errors import (
    AnchorError,
    DocumentFormatError,
    NodeError,
    RoleMissingError,
    UnavailableError,
    VerificationError,
)
from node.ports import Clock, Ledger, Peers, Store
from node.services import layout
from node.services.alliance import Alliance
from node.services.application_codes import ApplicationCodes
from node.services.feed import Feed, FeedEntry
from node.services.guarantee_delivery import post_issue
from node.services.guarantees import Guarantees
from node.services.openings import Openings
from node.services.outbox import Outbox, guarantee_object
from node.services.sealing_rows import OpeningRow, reservation_of
from node.services.signing import Signing
from node.services.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Bid:
    """A bid's sealed guarantee as the bid system hands it over."""

    file: bytes
    bidder_code: str = ""
    """Credit code of who handed in the bid; empty if the caller compares it."""
    opening_key: bytes = b""
    """By the bidder itself, where the shares do not open its bid."""


@dataclass(frozen=True, slots=True)
class Revealed:
    """What became of one."""

    guarantee_id: str = ""
    """On its way to the ledger; empty if it was not accepted."""
    file: str = ""
    """The opened guarantee."""
    terms: Guarantee | None = None
    problem: str = ""
    """Why it is not accepted."""
    at_fault: tuple[str, ...] = ()
    """Holders that gave another share than was dealt to them."""


@dataclass(slots=True)
class _Gathered:
    """The shares of one bid."""

    shares: dict[int, bytes] = field(default_factory=dict)
    """By place; each fits its commitment."""
    at_fault: list[str] = field(default_factory=list)


class Revealing:
    """Opens what was sealed to this centre's openings."""

    def __init__(  # noqa: PLR0917
        self,
        store: Store,
        alliance: Alliance,
        openings: Openings,
        codes: ApplicationCodes,
        guarantees: Guarantees,
        outbox: Outbox,
        feed: Feed,
        peers: Peers,
        ledger: Ledger,
        signing: Signing,
        clock: Clock,
    ) -> None:
        self._store, self._alliance, self._openings, self._codes = store, alliance, openings, codes
        self._guarantees, self._outbox, self._feed = guarantees, outbox, feed
        self._peers, self._ledger, self._signing = peers, ledger, signing
        self._clock = clock

    async def reveal(self, opening: str, bids: Sequence[Bid]) -> list[Revealed]:
        """Open the sealed guarantees of an opening's bids; one bad bid never stops the others.

        Args:
            opening: id, 64 hex digits.
            bids: in any order, perhaps some that were revealed before.

        Returns:
            What became of each, in the same order.

        Raises:
            ConflictError: the opening is not final on the ledger.
            NodeError: there is no such opening, or this node's own side fails.
        """
        found, state, terms = self._openings.opened(opening)
        files: dict[int, SealedFile] = {}
        results: dict[int, Revealed] = {}
        for number, bid in enumerate(bids):
            try:
                files[number] = _sealed_to(found, bid.file)
            except NodeError as error:
                results[number] = Revealed(problem=str(error))
        lacking = {number: file for number, file in files.items() if not bids[number].opening_key}
        gathered = await self._gather(found, terms, lacking)
        codes: set[str] = set()
        for number, file in files.items():
            shares = gathered.get(number, _Gathered())
            results[number] = await self._open(found, state, bids[number], file, shares, codes)
        return [results[number] for number in range(len(bids))]

    async def _open(  # noqa: PLR0917
        self,
        opening: Opening,
        state: OpeningRow,
        bid: Bid,
        file: SealedFile,
        gathered: _Gathered,
        codes: set[str],
    ) -> Revealed:
        at_fault = tuple(gathered.at_fault)
        try:
            key = bid.opening_key or join_shares(gathered.shares, opening.terms.threshold)
            raw = decrypt_content(key, from_base64url(file.ciphertext), opening.id)
            content = parse_content(raw)
            terms = await self._check(opening, state, content, bid.bidder_code)
            if terms.code in codes:
                raise VerificationError("another bid of this opening carries a guarantee under the same code")
            codes.add(terms.code)
            raw_id = self._keep(content, terms)
        except UnavailableError:
            raise
        except NodeError as error:
            return Revealed(problem=str(error), at_fault=at_fault)
        return Revealed(raw_id.hex(), content.guarantee, terms, at_fault=at_fault)

    # -- shares ------------------------------------------------------------------------------------------

    async def _gather(
        self, opening: Opening, terms: str, files: Mapping[int, SealedFile]
    ) -> dict[int, _Gathered]:
        gathered = {number: _Gathered() for number in files}
        if files:
            places = range(1, len(opening.holders) + 1)
            await asyncio.gather(
                *(self._gather_from(opening, terms, place, files, gathered) for place in places)
            )
        return gathered

    async def _gather_from(
        self,
        opening: Opening,
        terms: str,
        place: int,
        files: Mapping[int, SealedFile],
        gathered: dict[int, _Gathered],
    ) -> None:
        """One holder's shares of all bids; nothing where it does not answer as it should."""
        holder = opening.holders[place - 1]
        numbers = list(files)
        for first in range(0, len(numbers), MOST_SHARES):
            part = numbers[first : first + MOST_SHARES]
            try:
                released = await self._ask(
                    opening, terms, holder.name, [files[number].shares[place - 1].sealed for number in part]
                )
            except NodeError:
                return  # a minority that is away, or refuses, holds nothing up
            for number, text in zip(part, released, strict=True):
                share = from_base64url(text)
                dealt = files[number].shares[place - 1].commitment
                if share_commitment(opening.id, holder.name, share).hex() == dealt:
                    gathered[number].shares[place] = share
                elif share:
                    gathered[number].at_fault.append(holder.name)

    async def _ask(self, opening: Opening, terms: str, name: str, sealed: Sequence[str]) -> Sequence[str]:
        holder = self._alliance.projection.known_member(name)
        request = self._signing.sign(
            ShareRequest(**self._signing.issued(), aud=name, terms=terms, shares=tuple(sealed))
        )
        token = await self._peers.shares(holder, request)
        release = open_members_document(token, ShareRelease, holder.identity_keys)
        named = (release.alliance, release.iss, release.aud, release.request)
        if named != (self._alliance.id, name, self._alliance.me, document_digest(request).hex()):
            raise DocumentFormatError("the answer is to another request")
        if len(release.shares) != len(sealed):
            raise DocumentFormatError("the answer has not as many shares as were asked for")
        transaction = Transaction(self._store)
        kept = layout.SHARES_OBTAINED + opening.id + layout.text(name) + document_digest(request)
        transaction.put(kept, token.encode())
        transaction.commit()
        return release.shares

    # -- what they open ----------------------------------------------------------------------------------

    async def _check(
        self, opening: Opening, state: OpeningRow, content: SealedContent, bidder_code: str
    ) -> Guarantee:
        file = content.guarantee
        guarantor = self._alliance.projection.known_member(
            peek_document(signed_part(file), SealedGuarantee).iss
        )
        if not guarantor.roles & Role.GUARANTOR:
            raise RoleMissingError(f"{guarantor.name} is no guarantor in this alliance")
        verifier = self._alliance.verifiers.es256
        terms = open_guarantee(file, guarantor.identity_keys, verifier)
        if (terms.alliance, terms.centre) != (self._alliance.id, self._alliance.me):
            raise DocumentFormatError("the guarantee is for another centre's tender")
        if terms.section != opening.terms.section:
            raise DocumentFormatError("the guarantee is for another section than this opening's")
        if bidder_code and terms.applicant_code != bidder_code:
            raise VerificationError("the guarantee is another bidder's")
        if self._codes.are_mixed_up(terms):
            raise VerificationError("its application code is not the one of this section and applicant")
        self._check_issue(guarantor, file, terms, bytes.fromhex(content.signature))
        await self._check_proof(guarantor, file, from_base64url(content.proof), state.time)
        self._check_reservations(terms, hidden_of(file), peek_document(signed_part(file), SealedGuarantee))
        return terms

    def _check_issue(self, guarantor: Member, file: str, terms: Guarantee, signature: bytes) -> None:
        """That the ledger will take the row."""
        domain = self._alliance.signing_domain("Guarantees")
        check_issue_signature(guarantor.identity_keys(terms.iat), domain, self._id_of(file, terms), signature)

    async def _check_proof(self, guarantor: Member, file: str, proof: bytes, deadline: int) -> None:
        evidence = verify_evidence(
            parse_evidence(proof),
            alliance=self._alliance.id,
            member=guarantor.name,
            log_key=guarantor.log_key_at,
        )
        checkpoint = evidence.checkpoint
        row = self._alliance.projection.anchor(guarantor.name, checkpoint.size)
        if row is None or row.root != checkpoint.root:
            raise AnchorError("the ledger has no such anchor of the guarantor's log")
        block = await self._ledger.block(row.block)
        if block is None or block.time >= deadline:
            raise AnchorError("the guarantor's log had the issue only when the opening was due")
        wanted = {"act": ActKind.GUARANTEE_SEALED.word, "document": file_digest(file).hex()}
        shown = [(record.header.category, dict(record.fields)) for record in evidence.records]
        if shown != [(ACT_CATEGORY, wanted)]:
            raise VerificationError("the proof is of something else than this issue")

    def _check_reservations(self, terms: Guarantee, hidden: HiddenTerms, sealed: SealedGuarantee) -> None:
        *earlier, last = hidden.reservations
        times = [self._reserved(terms.code, place, one) for place, one in enumerate(hidden.reservations)]
        for place, one in enumerate(earlier):
            if one.until >= times[place + 1] and not self._is_refused(terms.code, place, one):
                raise VerificationError("another application for this section was live beside this one")
        named = (last.guarantor, last.subject, nullifier_of(terms.code, len(earlier)).hex())
        if named != (terms.iss, terms.applicant, sealed.nullifier) or terms.iat >= last.until:
            raise VerificationError("the guarantee was not issued under its reservation")

    def _reserved(self, code: str, place: int, reservation: Reservation) -> int:
        """When the ledger took it."""
        row = reservation_of(self._store, nullifier_of(code, place))
        if row is None or row.binding != binding_of(reservation):
            raise VerificationError("the application was not reserved as it says")
        return row.time

    def _is_refused(self, code: str, place: int, reservation: Reservation) -> bool:
        if not reservation.refusal:
            return False
        guarantor = self._alliance.projection.known_member(reservation.guarantor)
        refusal = open_members_document(reservation.refusal, ApplicationRefusal, guarantor.identity_keys)
        named = (refusal.alliance, refusal.iss, refusal.nullifier)
        return named == (self._alliance.id, guarantor.name, nullifier_of(code, place).hex())

    def _keep(self, content: SealedContent, terms: Guarantee) -> bytes:
        raw_id = self._id_of(content.guarantee, terms)
        name = guarantee_object(raw_id)
        transaction = Transaction(self._store)
        if self._store.get(layout.GUARANTEE + raw_id) is None:
            self._guarantees.keep(transaction, raw_id, terms, content.guarantee)
        is_there = self._alliance.projection.guarantee(raw_id) is not None
        if not is_there and not self._outbox.is_open(transaction, name):
            told = guarantee_terms(terms, file_digest(content.guarantee), self._alliance.verifiers.es256)
            self._outbox.add(transaction, name, IssueGuarantee(told, bytes.fromhex(content.signature)))
            if terms.iss != self._alliance.me:
                post_issue(transaction, raw_id, terms.iss)
            about = {"guarantee": raw_id.hex(), "event": "REVEAL"}
            self._feed.add(transaction, FeedEntry("guarantee.revealed", self._clock.now(), about))
        transaction.commit()
        self._feed.wake()
        return raw_id

    def _id_of(self, file: str, terms: Guarantee) -> bytes:
        told = guarantee_terms(terms, file_digest(file), self._alliance.verifiers.es256)
        return guarantee_id(self._alliance.raw_id, told)


def _sealed_to(opening: Opening, raw: bytes) -> SealedFile:
    file = parse_sealed_file(raw)
    if file.opening != opening.id.hex():
        raise DocumentFormatError("the file is sealed to another opening")
    if [share.holder for share in file.shares] != [holder.name for holder in opening.holders]:
        raise DocumentFormatError("the file has not one share for each holder, in their order")
    return file
