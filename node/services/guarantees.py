"""At every node: keeping guarantee files, and checking them."""

import enum
import hashlib
import itertools
from dataclasses import dataclass

import msgspec

from node.domain.guarantee import Guarantee, guarantee_terms
from node.domain.guarantee_life import Life
from node.domain.guarantee_table import HALTED, PAYABLE, State
from node.domain.ledger_ids import guarantee_id
from node.domain.member import Member, Role
from node.domain.sealed_guarantee import file_digest, open_guarantee, peek_guarantee, reopen_guarantee
from node.errors import DocumentFormatError, NodeError, UnavailableError
from node.ports import Clock, Store
from node.services import layout
from node.services.alliance import Alliance
from node.services.application_codes import ApplicationCodes
from node.services.follower import Follower
from node.services.guarantee_lives import GuaranteeLives
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
    state: State = State.NONE
    """Where the ledger has it."""
    life: Life | None = None
    """The terms in force, which steps have changed since, where the file is here."""

    @property
    def in_force(self) -> Guarantee | None:
        """The terms with amount and end as later steps have left them."""
        if self.terms is None or self.life is None:
            return self.terms
        return msgspec.structs.replace(self.terms, amount=f"{self.life.amount:f}", exp=self.life.end)


_ID_BYTES = 32


class Guarantees:
    """Guarantees as this node knows them."""

    def __init__(  # noqa: PLR0917
        self,
        store: Store,
        alliance: Alliance,
        follower: Follower,
        lives: GuaranteeLives,
        codes: ApplicationCodes,
        clock: Clock,
    ) -> None:
        self._store, self._alliance, self._follower = store, alliance, follower
        self._lives, self._codes, self._clock = lives, codes, clock

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
            guarantee, guarantor = self.open(token)
        except UnavailableError:
            raise  # says nothing about the document
        except NodeError as error:
            return Checked(Verdict.FALSE, str(error))
        raw_id = self.id_of(guarantee, token)
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
        """Keep a checked guarantee file.

        Of an opened one its guarantor may see a claim on the ledger before it has the file: then it is told now.
        """
        transaction.put(layout.GUARANTEE + raw_id, token.encode())
        transaction.put(_file_key(token), raw_id)
        number = layout.text(guarantee.iss, guarantee.number)
        transaction.put(layout.GUARANTEE_NUMBER + number + raw_id, b"")
        transaction.put(layout.SECTION_NEWS + raw_id, b"")
        row, claim = self._alliance.projection.guarantee(raw_id), layout.GUARANTEE_CLAIM + raw_id
        is_claimed = row is not None and row.state in {*PAYABLE, *HALTED}
        if is_claimed and guarantee.iss == self._alliance.me and transaction.get(claim) is None:
            transaction.put(claim, b"")

    def open(self, token: str) -> tuple[Guarantee, Member]:
        """A guarantee that its guarantor signed, suspended or not: what it issued stays its duty.

        Raises:
            NodeError: it is not, or is malformed.
        """
        issuer = self._alliance.projection.known_member(peek_guarantee(token).iss)
        guarantee = open_guarantee(token, issuer.identity_keys, self._alliance.verifiers.es256)
        if guarantee.alliance != self._alliance.id:
            raise DocumentFormatError("the guarantee is of another alliance")
        return guarantee, issuer

    def id_of(self, guarantee: Guarantee, token: str) -> bytes:
        """Id on the ledger, 32 bytes."""
        terms = guarantee_terms(guarantee, file_digest(token), self._alliance.verifiers.es256)
        return guarantee_id(self._alliance.raw_id, terms)

    def _judge(self, raw_id: bytes, terms: Guarantee | None) -> Checked:
        row, now = self._alliance.projection.guarantee(raw_id), self._clock.now()
        final = self._follower.final_number()
        is_mixed_up = terms is not None and self._codes.are_mixed_up(terms)
        if row is None:
            verdict, reason = _WRONG_CODE if is_mixed_up else _off_the_ledger(terms, now)
            return Checked(verdict, reason, raw_id.hex(), terms, block=final)
        life = None if terms is None else self._lives.of(raw_id, terms, row)
        verdict, reason = _WRONG_CODE if is_mixed_up else _on_the_ledger(row, life, now)
        over = row.expires if life is None else life.end
        return Checked(verdict, reason, raw_id.hex(), terms, over, final, State(row.state), life)


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


_OPEN = {
    State.AMENDMENT_PROPOSED: "other terms are proposed, which bind nobody yet",
    State.CLAIMED: "a claim is being examined",
    State.EXTEND_OR_PAY: "a claim is being examined that a longer term would settle",
    State.SUSPENDED: "payment of a claim waits for a longer term",
    State.COMPLYING: "payment of a claim is due",
    State.STAYED: "a court stays the payment of a claim",
    State.SUED: "a court stays the payment of a claim",
    State.SURRENDER_ASKED: "the applicant asks to end it; it binds until the beneficiary agrees",
    State.SURRENDER_AGREED: "applicant and guarantor want to end it; it binds until the beneficiary agrees",
    State.VOID_ATTESTED: "the centre says that the tender failed; it binds until it is void",
}
"""What a checker is told besides, while it is in force."""


def _on_the_ledger(row: GuaranteeRow, life: Life | None, now: float) -> tuple[Verdict, str]:
    if row.state == State.RELEASED:
        return Verdict.RELEASED, "the beneficiary has released it"
    if row.state in _ENDED:
        return Verdict.ENDED, _ENDED[State(row.state)]
    state = State(row.state)
    if state is State.EXPIRED or now >= (row.expires if life is None else life.end):
        is_open = state in {*PAYABLE, *HALTED}
        return Verdict.EXPIRED, f"it has expired; {_OPEN[state]}" if is_open else "it has expired"
    if life is None:
        return Verdict.ISSUED, "issued and not released; only the document says whether it is in force now"
    if now < life.begins:
        return Verdict.NOT_YET, "it begins later"
    reason = _OPEN.get(state, "issued on the ledger, not expired, not released")
    if not life.is_complete:
        reason += "; documents of later steps are not here, so amount and end may be others"
    return Verdict.VALID, reason


def _file_key(token: str) -> bytes:
    return layout.GUARANTEE_FILE + hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
