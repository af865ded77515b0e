"""At a tender's centre, once the ledger has the opening: bids' sealed guarantees are opened, checked, brought there.

1 holders are asked for their shares; each is held against the commitment in the bid, so a false one is named
2 enough of them give the opening key; where they do not, the bidder shows the key itself
3 what the guarantor signed is checked: document, hidden terms, the signature for the ledger
4 that its log had the issue under an anchor older than the committed moment
5 that the application was reserved, and no other was live beside it
6 then the row goes to the ledger; the guarantor is not asked, and need not be there
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from node.domain.act import ACT_CATEGORY, ActKind
from node.domain.document import open_members_document, peek_document
from node.domain.encoding import from_base64url
from node.domain.evidence import parse_evidence, verify_evidence
from node.domain.guarantee import Guarantee, guarantee_terms
from node.domain.ledger import IssueGuarantee
from node.domain.ledger_ids import guarantee_id
from node.domain.member import Member, Role
from node.domain.opening import (
    Opening,
    SealedFile,
    parse_sealed_file,
)
from node.domain.sealed_guarantee import (
    ApplicationRefusal,
    HiddenTerms,
    Reservation,
    SealedContent,
    SealedGuarantee,
    binding_of,
    file_digest,
    hidden_of,
    is_issue_signed,
    nullifier_of,
    open_guarantee,
    parse_content,
    signed_part,
)
from node.domain.shares import decrypt_content, join_shares
from node.errors import (
    AnchorError,
    ConflictError,
    DocumentFormatError,
    NodeError,
    RoleMissingError,
    SignatureError,
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
from node.services.share_gathering import Gathered, ShareGathering
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
class _Seen:
    """Among the bids that are revealed together."""

    codes: set[str] = field(default_factory=set)
    away: set[str] = field(default_factory=set)
    """Guarantors that were asked to sign again in vain: none is waited for twice."""


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
        self._peers, self._ledger, self._clock = peers, ledger, clock
        self._gathering = ShareGathering(store, alliance, peers, signing)

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
        gathered = await self._gathering.gather(found, terms, lacking)
        seen = _Seen()
        for number, file in files.items():
            shares = gathered.get(number, Gathered())
            results[number] = await self._open(found, state, bids[number], file, shares, seen)
        return [results[number] for number in range(len(bids))]

    async def _open(  # noqa: PLR0917
        self,
        opening: Opening,
        state: OpeningRow,
        bid: Bid,
        file: SealedFile,
        gathered: Gathered,
        seen: _Seen,
    ) -> Revealed:
        at_fault = tuple(gathered.at_fault)
        try:
            key = bid.opening_key or join_shares(gathered.shares, opening.terms.threshold)
            raw = decrypt_content(key, from_base64url(file.ciphertext), opening.id)
            content = parse_content(raw)
            terms = await self._check(opening, state, content, bid.bidder_code)
            content = await self._signed_for_now(content, terms, seen.away)
            if terms.code in seen.codes:
                raise VerificationError("another bid of this opening carries a guarantee under the same code")
            seen.codes.add(terms.code)
            raw_id = self._keep(content, terms)
        except UnavailableError:
            raise
        except NodeError as error:
            return Revealed(problem=str(error), at_fault=at_fault)
        return Revealed(raw_id.hex(), content.guarantee, terms, at_fault=at_fault)

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
        await self._check_proof(guarantor, file, from_base64url(content.proof), state.time)
        self._check_reservations(terms, hidden_of(file), peek_document(signed_part(file), SealedGuarantee))
        return terms

    async def _signed_for_now(
        self, content: SealedContent, terms: Guarantee, away: set[str]
    ) -> SealedContent:
        """The content with a signature by which the ledger will take the row.

        Where the contract was replaced after the issue, or the guarantor's key changed, the guarantor signs again;
        the tender is open by now, and so it may be asked.

        Raises:
            SignatureError: the guarantor has signed for no contract that was ever in force.
            ConflictError: the guarantor has to sign again, and did not.
        """
        self._alliance.projection.check_known("Guarantees")
        raw_id, guarantor = (
            self._id_of(content.guarantee, terms),
            self._alliance.projection.known_member(terms.iss),
        )
        contracts, now = self._alliance.contracts("Guarantees"), self._clock.now()
        then, at_present = guarantor.identity_keys(terms.iat), guarantor.identity_keys(now)
        if not any(self._is_signed(then, contract, raw_id, content.signature) for contract in contracts):
            raise SignatureError("the guarantor's signature for the ledger is not over this guarantee")
        is_there = self._alliance.projection.guarantee(raw_id) is not None
        if is_there or self._is_signed(at_present, contracts[0], raw_id, content.signature):
            return content
        problem = "it does not answer"
        if guarantor.name not in away:
            try:
                signature = (await self._peers.issue_signature(guarantor, content.guarantee)).hex()
            except UnavailableError:
                away.add(guarantor.name)
            except NodeError as error:
                problem = str(error)
            else:
                if self._is_signed(at_present, contracts[0], raw_id, signature):
                    return msgspec.structs.replace(content, signature=signature)
                problem = "it signed something else"
        raise ConflictError(
            f"{guarantor.name} signed for a contract, or under a key, that was replaced since, and has to sign "
            f"again: {problem}; reveal this bid again later"
        )

    def _is_signed(self, keys: Sequence[bytes], contract: bytes, raw_id: bytes, signature: str) -> bool:
        return is_issue_signed(keys, self._alliance.domain_at(contract), raw_id, bytes.fromhex(signature))

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
        followed = self._reserved(terms.code, len(earlier), last)
        if followed is None:
            raise VerificationError("the application was not reserved, or too long ago")
        for place, one in reversed(list(enumerate(earlier))):
            begun = self._reserved(terms.code, place, one)
            if begun is None:
                continue  # nothing under it could be revealed any more: it is not live beside another
            if one.until >= followed and not self._is_refused(terms.code, place, one):
                raise VerificationError("another application for this section was live beside this one")
            followed = begun
        named = (last.guarantor, last.subject, nullifier_of(terms.code, len(earlier)).hex())
        if named != (terms.iss, terms.applicant, sealed.nullifier) or terms.iat >= last.until:
            raise VerificationError("the guarantee was not issued under its reservation")

    def _reserved(self, code: str, place: int, reservation: Reservation) -> int | None:
        """When the ledger took it; None if it has none there, or had it too long ago.

        Another binding than the bidder shows is by who knows the code: nobody else has the nullifier's key.
        """
        row = reservation_of(self._store, nullifier_of(code, place))
        if row is not None and row.binding != binding_of(reservation):
            raise VerificationError("the application was not reserved as it says")
        return None if row is None else row.time

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
        told = guarantee_terms(terms, file_digest(content.guarantee), self._alliance.verifiers.es256)
        issue = IssueGuarantee(told, bytes.fromhex(content.signature))
        parked = None if is_there else self._outbox.parked(name)
        if parked is not None and parked[1].decoded() != issue:
            # It was signed for a contract, or under a key, that counts no more.
            self._outbox.replace(transaction, parked[0], issue)
        elif not is_there and not self._outbox.is_open(transaction, name):
            self._outbox.add(transaction, name, issue)
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
