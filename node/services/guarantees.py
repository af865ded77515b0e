"""At every node: keeping guarantee files, checking them, relaying the beneficiary's steps."""

import enum
import hashlib
import itertools
from dataclasses import dataclass

from node.domain.document import (
    document_digest,
    open_document,
)
from node.domain.guarantee import (
    Guarantee,
    GuaranteeRelease,
    beneficiary_salt,
    guarantee_terms,
)
from node.domain.guarantee_table import Event, State, transition
from node.domain.ledger import GuaranteeStep, Signed, StepGuarantee
from node.domain.ledger_ids import guarantee_id, step_guarantee_digest
from node.domain.member import Member, Role
from node.domain.sealed_guarantee import file_digest, open_guarantee, peek_guarantee, reopen_guarantee
from node.domain.signature import verify_p256
from node.domain.wallet import ReleaseCall
from node.errors import (
    ConflictError,
    DocumentFormatError,
    MissingError,
    NodeError,
    NotMemberError,
    RoleMissingError,
    UnavailableError,
)
from node.ports import Clock, Store
from node.services import layout
from node.services.alliance import Alliance
from node.services.application_codes import ApplicationCodes
from node.services.feed import Feed, FeedEntry
from node.services.follower import Follower
from node.services.gate import Gate
from node.services.outbox import Outbox
from node.services.outbox import State as Place
from node.services.projection import GuaranteeRow
from node.services.transaction import Transaction


class Verdict(enum.Enum):
    """What a check says; the words are stable."""

    VALID = "VALID"
    """In force now: issued on the ledger, begun, not expired, not released."""
    NOT_YET = "NOT_YET"
    """Signed by the guarantor, but the ledger does not have it (yet), or it begins later."""
    EXPIRED = "EXPIRED"
    """The ledger has it, and its end has passed."""
    RELEASED = "RELEASED"
    """The beneficiary has given it back."""
    FALSE = "FALSE"
    """The document is not the guarantor's, or was altered."""
    UNKNOWN = "UNKNOWN"
    """Nothing by that number or id is known here."""
    ISSUED = "ISSUED"
    """The ledger has it and it is not released; only its document, which this node does not hold, says from when
    until when it is in force."""
    WRONG_CODE = "WRONG_CODE"
    """Signed by the guarantor for a tender of this centre, under an application code that is not of its section and
    applicant."""
    AMBIGUOUS = "AMBIGUOUS"
    """The guarantor has signed more than one document under that number."""
    ENDED = "ENDED"
    """Over before its end: paid in full, given up by all three, or void because the tender failed."""
    NEVER_ISSUED = "NEVER_ISSUED"
    """Signed by the guarantor; its end has passed, and the ledger never had it."""


@dataclass(frozen=True, slots=True)
class Checked:
    """The answer to a check. Only who shows or holds the file learns the terms."""

    verdict: Verdict
    reason: str
    guarantee_id: str = ""
    terms: Guarantee | None = None
    expires: int = 0
    """When it is over for certain, seconds since 1970 UTC: its end where the terms are known, otherwise the later one
    that the ledger has; 0 if the ledger does not have it."""
    block: int = -1
    """Newest block on which the answer rests."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A step that is on its way to the ledger."""

    guarantee: str
    """Id, 64 hex digits."""
    was_under_way: bool
    """Whether the same step was on its way from this node before; then this one is not needed, and not sent."""


_ID_BYTES = 32


class Guarantees:
    """Guarantees as this node knows them."""

    def __init__(  # noqa: PLR0917
        self,
        store: Store,
        alliance: Alliance,
        gate: Gate,
        follower: Follower,
        outbox: Outbox,
        feed: Feed,
        codes: ApplicationCodes,
        clock: Clock,
    ) -> None:
        self._store, self._alliance, self._gate, self._follower = store, alliance, gate, follower
        self._outbox, self._feed, self._codes, self._clock = outbox, feed, codes, clock

    def check_file(self, token: str) -> Checked:
        """Check a guarantee file that somebody shows, and keep it if it is the guarantor's.

        Raises:
            ProjectionStaleError: this node's view of the ledger is too old to say.
            ContractUnknownError: this node cannot read the contract in force.
            StoreError: the database fails.
        """
        self._follower.check_fresh()
        self._alliance.projection.check_known("Guarantees")
        known = self._store.get(_file_key(token))
        if known is not None:
            # The very same file was verified when it was kept; only its state can have changed.
            return self._judge(known, reopen_guarantee(token))
        try:
            guarantee, guarantor = self._open(token)
        except UnavailableError:
            raise  # says nothing about the document
        except NodeError as error:
            return Checked(Verdict.FALSE, str(error))
        raw_id = self._id_of(guarantee, token)
        if not guarantor.roles & Role.GUARANTOR:
            return Checked(Verdict.FALSE, f"{guarantee.iss} is no guarantor in this alliance")
        if self._store.get(layout.GUARANTEE + raw_id) is None:
            transaction = Transaction(self._store)
            self.keep(transaction, raw_id, guarantee, token)
            transaction.commit()
        return self._judge(raw_id, guarantee)

    def check_number(self, guarantor: str, number: str) -> Checked:
        """Check a guarantee by its guarantor and number; only where this node holds the file.

        Raises:
            ProjectionStaleError: this node's view of the ledger is too old to say.
            ContractUnknownError: this node cannot read the contract in force.
            StoreError: the database fails.
        """
        found = self.by_number(guarantor, number)
        if not found:
            return Checked(Verdict.UNKNOWN, "this node holds no guarantee of that number")
        if len(found) > 1:
            # None of them is picked: the guarantor broke its word, and which one is meant only the file tells.
            self._follower.check_fresh()
            reason = (
                f"{guarantor} has signed more than one guarantee under that number; check the file itself"
            )
            return Checked(Verdict.AMBIGUOUS, reason, block=self._follower.final_number())
        return self.check_id(found[0].hex())

    def check_id(self, guarantee: str) -> Checked:
        """Check a guarantee by its id; who does not hold the file learns its state only.

        Raises:
            ProjectionStaleError: this node's view of the ledger is too old to say.
            ContractUnknownError: this node cannot read the contract in force.
            StoreError: the database fails.
        """
        self._follower.check_fresh()
        self._alliance.projection.check_known("Guarantees")
        raw_id = bytes.fromhex(guarantee)
        kept = self._store.get(layout.GUARANTEE + raw_id)
        return self._judge(raw_id, None if kept is None else reopen_guarantee(kept.decode()))

    def by_number(self, guarantor: str, number: str) -> list[bytes]:
        """Ids of the guarantees of that number that this node holds; never more than two, which says enough.

        Raises:
            StoreError: the database fails.
        """
        prefix = layout.GUARANTEE_NUMBER + layout.text(guarantor, number)
        ids = (key[len(prefix) :] for key, _ in self._store.scan(prefix))
        # A number with a zero byte in it begins like a shorter one.
        return list(itertools.islice((raw_id for raw_id in ids if len(raw_id) == _ID_BYTES), 2))

    def keep(self, transaction: Transaction, raw_id: bytes, guarantee: Guarantee, token: str) -> None:
        """Keep a checked guarantee file."""
        transaction.put(layout.GUARANTEE + raw_id, token.encode())
        transaction.put(_file_key(token), raw_id)
        number = layout.text(guarantee.iss, guarantee.number)
        transaction.put(layout.GUARANTEE_NUMBER + number + raw_id, b"")

    def release(self, token: str) -> Taken:
        """Bring a beneficiary's release to the ledger; any member does that for whoever can sign it.

        Raises:
            NodeError: it is not the beneficiary's release of this guarantee, or not possible now.
        """
        call = self._gate.open(token, ReleaseCall)
        guarantee, _ = self._open(call.guarantee)
        if call.key != guarantee.beneficiary_key:
            raise RoleMissingError("only the beneficiary can release a guarantee")
        raw_id = self._id_of(guarantee, call.guarantee)
        release = open_document(call.release, GuaranteeRelease, bytes.fromhex(call.key))
        if (release.guarantee, release.alliance) != (raw_id.hex(), self._alliance.id):
            raise DocumentFormatError("the release is of another guarantee")
        row = self._alliance.projection.guarantee(raw_id)
        if row is None:
            raise MissingError("the ledger has no such guarantee")
        if transition(State(row.state), Event.RELEASE) is None:
            raise ConflictError(f"a guarantee that is {State(row.state).name} cannot be released")
        document = document_digest(call.release)
        step = GuaranteeStep(raw_id, row.sequence + 1, row.document, Event.RELEASE, document)
        # A guarantee lives on in the contract that it was issued in, also when that is replaced.
        at = row.contract or self._alliance.contract("Guarantees")
        digest = step_guarantee_digest(self._alliance.domain_at(at), step)
        signature = bytes.fromhex(call.signature)
        verify_p256(bytes.fromhex(call.key), digest, signature)
        if self._is_under_way(raw_id, Event.RELEASE):
            return Taken(raw_id.hex(), was_under_way=True)
        transaction = Transaction(self._store)
        mover = Signed(self._alliance.signer_of(call.key), signature, beneficiary_salt(guarantee.code))
        self._outbox.add(transaction, _object(raw_id), StepGuarantee(step, mover, at=at))
        about = {"guarantee": raw_id.hex(), "event": Event.RELEASE.name}
        self._feed.add(transaction, FeedEntry("guarantee.step", self._clock.now(), about))
        transaction.commit()
        self._feed.wake()
        return Taken(raw_id.hex(), was_under_way=False)

    def _is_under_way(self, raw_id: bytes, event: Event) -> bool:
        return any(
            isinstance(call := item.decoded(), StepGuarantee) and call.step.event == event
            for item in self._outbox.of(_object(raw_id))
            if item.state is not Place.PARKED
        )

    def _open(self, token: str) -> tuple[Guarantee, Member]:
        """A guarantee that its guarantor signed, suspended or not: what it issued stays its duty."""
        issuer = peek_guarantee(token).iss
        rows = {row.member.name: row.member for row in self._alliance.projection.members()}
        if issuer not in rows:
            raise NotMemberError(f"{issuer} is not a member of this alliance")
        guarantee = open_guarantee(token, rows[issuer].identity_keys, self._alliance.verifiers.es256)
        if guarantee.alliance != self._alliance.id:
            raise DocumentFormatError("the guarantee is of another alliance")
        return guarantee, rows[issuer]

    def _id_of(self, guarantee: Guarantee, token: str) -> bytes:
        terms = guarantee_terms(guarantee, file_digest(token), self._alliance.verifiers.es256)
        return guarantee_id(self._alliance.raw_id, terms)

    def _judge(self, raw_id: bytes, terms: Guarantee | None) -> Checked:
        row, now = self._alliance.projection.guarantee(raw_id), self._clock.now()
        if terms is not None and self._codes.are_mixed_up(terms):
            verdict, reason = _WRONG_CODE
        elif row is None:
            verdict, reason = _off_the_ledger(terms, now)
        else:
            verdict, reason = _on_the_ledger(row, terms, now)
        over = 0 if row is None else row.expires if terms is None else terms.exp
        return Checked(verdict, reason, raw_id.hex(), terms, over, self._follower.final_number())


_WRONG_CODE = (
    Verdict.WRONG_CODE,
    "its application code is not the one of this section and applicant; do not accept it",
)


def _off_the_ledger(terms: Guarantee | None, now: float) -> tuple[Verdict, str]:
    if terms is None:
        return Verdict.UNKNOWN, "the ledger has no such guarantee"
    if now >= terms.exp:
        return Verdict.NEVER_ISSUED, "its end has passed, and the ledger never had it: it was never in force"
    return Verdict.NOT_YET, "the ledger has no such guarantee"


_ENDED = {
    State.CLOSED: "it has been paid in full",
    State.SURRENDERED: "applicant, guarantor and beneficiary have given it up",
    State.VOID: "the tender failed, and it is void",
}


def _on_the_ledger(row: GuaranteeRow, terms: Guarantee | None, now: float) -> tuple[Verdict, str]:
    if row.state == State.RELEASED:
        return Verdict.RELEASED, "the beneficiary has released it"
    if row.state in _ENDED:
        return Verdict.ENDED, _ENDED[State(row.state)]
    if row.state == State.EXPIRED or now >= (row.expires if terms is None else terms.exp):
        return Verdict.EXPIRED, "it has expired"
    if terms is None:
        return Verdict.ISSUED, "issued and not released; only the document says whether it is in force now"
    if now < terms.nbf:
        return Verdict.NOT_YET, "it begins later"
    return Verdict.VALID, "issued on the ledger, not expired, not released"


def _object(raw_id: bytes) -> str:
    return f"guarantee/{raw_id.hex()}"


def _file_key(token: str) -> bytes:
    return layout.GUARANTEE_FILE + hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
