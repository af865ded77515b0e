"""At every node: application codes, keeping guarantee files, checking them, relaying the beneficiary's steps."""

import enum
import hashlib
import hmac
from dataclasses import dataclass

from node.domain.delegation import open_delegation
from node.domain.document import (
    document_digest,
    open_document,
    open_members_document,
    peek_document,
    reopen_document,
    sign_document,
)
from node.domain.duties import Act
from node.domain.encoding import to_base64url
from node.domain.guarantee import (
    ApplicationCode,
    Guarantee,
    GuaranteeRelease,
    check_guarantee,
    guarantee_terms,
)
from node.domain.guarantee_table import Event, State, transition
from node.domain.ledger import StepGuarantee
from node.domain.ledger_ids import guarantee_id, step_guarantee_digest
from node.domain.member import Member, Role
from node.domain.signature import verify_p256
from node.domain.wallet import CodeCall, ReleaseCall
from node.errors import (
    ConflictError,
    DocumentFormatError,
    MissingError,
    NodeError,
    NotMemberError,
    RoleMissingError,
    SignatureError,
    UnavailableError,
)
from node.ports import Clock, Signer, Store
from node.services import layout
from node.services.alliance import Alliance
from node.services.feed import Feed, FeedEntry
from node.services.follower import Follower
from node.services.gate import Gate
from node.services.outbox import Outbox
from node.services.transaction import Transaction
from node.services.vault import Entropy

CODE_VALID_SECONDS = 30 * 86_400
_SECTION_TAG = b"heqi.section.v1\0"


class Verdict(enum.Enum):
    """What a check says; the words are stable."""

    VALID = "VALID"
    """In force now: issued on the ledger, not expired, not released."""
    NOT_YET = "NOT_YET"
    """Signed by the guarantor, but the ledger does not have it (yet), or it begins later."""
    EXPIRED = "EXPIRED"
    RELEASED = "RELEASED"
    FALSE = "FALSE"
    """The document is not the guarantor's, or was altered."""
    UNKNOWN = "UNKNOWN"
    """Nothing by that number or id is known here."""


@dataclass(frozen=True, slots=True)
class Checked:
    """The answer to a check. Only who shows or holds the file learns the terms."""

    verdict: Verdict
    reason: str
    guarantee_id: str = ""
    terms: Guarantee | None = None
    expires: int = 0
    block: int = -1
    """Newest block on which the answer rests."""


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
        signer: Signer,
        clock: Clock,
        entropy: Entropy,
        index_key: bytes,
    ) -> None:
        self._store, self._alliance, self._gate, self._follower = store, alliance, gate, follower
        self._outbox, self._feed, self._signer = outbox, feed, signer
        self._clock, self._entropy, self._index_key = clock, entropy, index_key

    def application_code(self, token: str) -> str:
        """The code of an authenticated bidder for a section of this centre; stateless, always the same.

        Returns:
            An application-code document, a compact JWS.

        Raises:
            NodeError: the bidder cannot be authenticated, or this node is no centre.
        """
        row = self._alliance.projection.standing(self._alliance.me)
        if row is None or not row.member.roles & Role.CENTRE:
            raise RoleMissingError(f"{self._alliance.me} runs no tenders")
        self._alliance.check_may(Act.GIVE_CODE)
        call = self._gate.open(token, CodeCall)
        now = int(self._clock.now())
        delegation, identity = open_delegation(
            call.delegation, self._alliance.id, self._alliance.trust_anchors, now
        )
        if delegation.key != call.key:
            raise SignatureError("the delegation is for another wallet key")
        section_key = hmac.digest(self._index_key, _SECTION_TAG + call.section.encode(), "sha256")
        code = ApplicationCode(
            alliance=self._alliance.id,
            iat=now,
            jti=to_base64url(self._entropy(16)),
            iss=self._alliance.me,
            code=to_base64url(hmac.digest(section_key, identity.credit_code.encode(), "sha256")),
            key=call.key,
            exp=now + CODE_VALID_SECONDS,
        )
        return sign_document(code, self._signer.sign)

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
            return self._judge(known, reopen_document(token, Guarantee))
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
        raw_id = self.by_number(guarantor, number)
        if raw_id is None:
            return Checked(Verdict.UNKNOWN, "this node holds no guarantee of that number")
        return self.check_id(raw_id.hex())

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
        return self._judge(raw_id, None if kept is None else reopen_document(kept.decode(), Guarantee))

    def by_number(self, guarantor: str, number: str) -> bytes | None:
        """Id of a guarantee that this node holds, or None.

        Raises:
            StoreError: the database fails.
        """
        return self._store.get(layout.GUARANTEE_NUMBER + layout.text(guarantor, number))

    def keep(self, transaction: Transaction, raw_id: bytes, guarantee: Guarantee, token: str) -> None:
        """Keep a checked guarantee file."""
        transaction.put(layout.GUARANTEE + raw_id, token.encode())
        transaction.put(_file_key(token), raw_id)
        transaction.put(layout.GUARANTEE_NUMBER + layout.text(guarantee.iss, guarantee.number), raw_id)

    def release(self, token: str) -> str:
        """Bring a beneficiary's release to the ledger; any member does that for whoever can sign it.

        Returns:
            The guarantee's id, 64 hex digits.

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
        step = (raw_id, row.sequence + 1, Event.RELEASE, document)
        # A guarantee lives on in the contract that it was issued in, also when that is replaced.
        at = row.contract or self._alliance.contract("Guarantees")
        digest = step_guarantee_digest(self._alliance.domain_at(at), *step)
        signature = bytes.fromhex(call.signature)
        verify_p256(bytes.fromhex(call.key), digest, signature)
        transaction = Transaction(self._store)
        move = StepGuarantee(
            raw_id, Event.RELEASE, document, self._alliance.signer_of(call.key), signature, at
        )
        self._outbox.add(transaction, f"guarantee/{raw_id.hex()}", move)
        about = {"guarantee": raw_id.hex(), "event": Event.RELEASE.name}
        self._feed.add(transaction, FeedEntry("guarantee.step", self._clock.now(), about))
        transaction.commit()
        self._feed.wake()
        return raw_id.hex()

    def _open(self, token: str) -> tuple[Guarantee, Member]:
        """A guarantee that its guarantor signed, suspended or not: what it issued stays its duty."""
        issuer = peek_document(token, Guarantee).iss
        rows = {row.member.name: row.member for row in self._alliance.projection.members()}
        if issuer not in rows:
            raise NotMemberError(f"{issuer} is not a member of this alliance")
        guarantee = open_members_document(token, Guarantee, rows[issuer].identity_keys)
        check_guarantee(guarantee)
        if guarantee.alliance != self._alliance.id:
            raise DocumentFormatError("the guarantee is of another alliance")
        return guarantee, rows[issuer]

    def _id_of(self, guarantee: Guarantee, token: str) -> bytes:
        terms = guarantee_terms(guarantee, document_digest(token), self._alliance.verifier)
        return guarantee_id(self._alliance.raw_id, terms)

    def _judge(self, raw_id: bytes, terms: Guarantee | None) -> Checked:
        row, now = self._alliance.projection.guarantee(raw_id), self._clock.now()
        block = self._follower.final_number()
        if row is None:
            verdict = Verdict.UNKNOWN if terms is None else Verdict.NOT_YET
            return Checked(verdict, "the ledger has no such guarantee", raw_id.hex(), terms, block=block)
        if row.state == State.RELEASED:
            verdict, reason = Verdict.RELEASED, "the beneficiary has released it"
        elif now >= row.expires:
            verdict, reason = Verdict.EXPIRED, "it has expired"
        elif terms is not None and now < terms.nbf:
            verdict, reason = Verdict.NOT_YET, "it begins later"
        else:
            verdict, reason = Verdict.VALID, "issued on the ledger, not expired, not released"
        return Checked(verdict, reason, raw_id.hex(), terms, row.expires, block)


def _file_key(token: str) -> bytes:
    return layout.GUARANTEE_FILE + hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
