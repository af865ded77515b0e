"""Whether a step of a guarantee is right: its mover signed it, it comes next, and nothing forbids it now.

Looked at are the mover's signatures under document and ledger step, the step's place, the table, the times, and the
terms in force. The same check is made of a node's own steps, of those of wallets, and of those that members hand in.
"""

from dataclasses import dataclass

from node.domain.document import document_digest, open_document, open_members_document
from node.domain.guarantee import Guarantee, GuaranteeRelease
from node.domain.guarantee_life import Life, follow, possible_steps, signed_step
from node.domain.guarantee_statement import StepDocument, event_of, peek_step
from node.domain.guarantee_table import Event, Mover, Rule, State, Time, mover_of, transition
from node.domain.ledger import GuaranteeStep
from node.domain.ledger_ids import Eip712Domain, step_guarantee_digest, step_receipt_digest
from node.domain.member import Member
from node.domain.signature import verify_p256
from node.domain.wallet import StepReceipt
from node.errors import (
    ConflictError,
    DocumentFormatError,
    MissingError,
    RoleMissingError,
    SignatureError,
)
from node.ports import Clock, Store
from node.services import layout
from node.services.alliance import Alliance
from node.services.guarantee_lives import GuaranteeLives
from node.services.guarantees import Guarantees
from node.services.projection import GuaranteeRow

WALLETS = (Mover.BENEFICIARY, Mover.APPLICANT)
"""Who moves with a key of its own, and through whichever member it likes."""


@dataclass(frozen=True, slots=True)
class CheckedStep:
    """A step that may go to the ledger."""

    raw_id: bytes
    guarantee: Guarantee
    token: str
    guarantor: Member
    row: GuaranteeRow
    life: Life
    document: StepDocument
    document_token: str
    digest: bytes
    rule: Rule
    step: GuaranteeStep
    key: str
    """Of the mover."""
    signature: bytes
    at: bytes
    """Contract, 20 bytes."""

    @property
    def event(self) -> Event:
        """What it moves the guarantee by."""
        return Event(self.step.event)

    @property
    def is_timed(self) -> bool:
        """Whether it has a last moment, which a counterparty's receipt can keep."""
        return self.rule.time in {Time.IN_TIME, Time.BEFORE_DUE}


class StepChecks:
    """Checks steps, and gives what the checks rest on to those who make and hand on steps."""

    def __init__(
        self, store: Store, alliance: Alliance, guarantees: Guarantees, lives: GuaranteeLives, clock: Clock
    ) -> None:
        self._store, self._alliance, self._clock = store, alliance, clock
        self._guarantees, self._lives = guarantees, lives

    def check(
        self,
        guarantee: str,
        step: str,
        signature: bytes,
        key: str = "",
        receipt: StepReceipt | None = None,
    ) -> CheckedStep:
        """A step that its mover signed, that comes next, and that neither table, time nor terms forbid.

        Args:
            guarantee: the guarantee document.
            step: the step's document.
            signature: its mover's over EIP-712 StepGuarantee.
            key: that is to be the mover's wallet key; empty where a member moves or any mover will do.
            receipt: that a counterparty had it in time.

        Raises:
            NodeError: it is not, or this cannot be told.
        """
        terms, guarantor = self._guarantees.open(guarantee)
        raw_id = self._guarantees.id_of(terms, guarantee)
        document = peek_step(step)
        event = event_of(document)
        mover = mover_of(event)
        if key and (mover not in WALLETS or key != wallet_key(terms, mover)):
            raise RoleMissingError(f"{event.name} is a step of the {mover.name.lower()} alone")
        keys = self._open(step, document, terms, guarantor, mover)
        if (document.guarantee, document.alliance) != (raw_id.hex(), self._alliance.id):
            raise DocumentFormatError("the step is of another guarantee")
        row = self._alliance.projection.known_guarantee(raw_id)
        rule = self.rule(row, event)
        self._check_place(document, row)
        life = self._lives.of(raw_id, terms, row)
        follow(life, event, document, row.sequence + 1)
        digest = document_digest(step)
        signed = signed_step(raw_id, terms.code, row.sequence + 1, row.document, document, digest, life)
        typed = step_guarantee_digest(self.domain(row), signed)
        signer = _signer_among(keys, typed, signature)
        checked = CheckedStep(
            raw_id, terms, guarantee, guarantor, row, life, document, step, digest, rule, signed, signer,
            signature, row.contract or self._alliance.contract("Guarantees"),
        )  # fmt: skip
        self._check_time(checked, receipt)
        return checked

    def check_receipt(self, step: CheckedStep, receipt: StepReceipt) -> None:
        """That guarantor or centre, whichever of them is not the mover, signed to have the step's document.

        Raises:
            NodeError: they did not.
        """
        if receipt.member not in {step.guarantee.iss, step.guarantee.centre}:
            raise SignatureError("a receipt is by guarantor or centre")
        if receipt.key == step.key or receipt.lodged > self._clock.now():
            raise SignatureError("a receipt is not by the mover, and not of the future")
        if bytes.fromhex(receipt.key) not in self._alliance.projection.known_member(
            receipt.member
        ).identity_keys(receipt.lodged):
            raise SignatureError(f"the receipt is not by a key of {receipt.member}")
        told = (step.raw_id, step.event, step.digest, receipt.lodged)
        digest = step_receipt_digest(self.domain(step.row), *told)
        verify_p256(bytes.fromhex(receipt.key), digest, bytes.fromhex(receipt.signature))

    def file(self, raw_id: bytes) -> str:
        """The guarantee document.

        Raises:
            MissingError: this node does not hold it.
            StoreError: the database fails.
        """
        kept = self._store.get(layout.GUARANTEE + raw_id)
        if kept is None:
            raise MissingError("this node does not hold the file of that guarantee")
        return kept.decode()

    @staticmethod
    def rule(row: GuaranteeRow, event: Event) -> Rule:
        """What the table says of an event now.

        Raises:
            ConflictError: it is not possible.
        """
        rule = transition(State(row.state), event)
        if rule is None:
            raise ConflictError(
                f"{event.name} is not possible for a guarantee that is {State(row.state).name}"
            )
        return rule

    def domain(self, row: GuaranteeRow) -> Eip712Domain:
        """In which signatures about a guarantee are made."""
        # A guarantee lives on in the contract that it was issued in, also when that is replaced.
        return self._alliance.domain_at(row.contract or self._alliance.contract("Guarantees"))

    def _open(
        self, token: str, document: StepDocument, terms: Guarantee, guarantor: Member, mover: Mover
    ) -> list[bytes]:
        """Keys that can have signed for the ledger; the document is signed by one of them."""
        kind = type(document)
        if mover in WALLETS:
            key = bytes.fromhex(wallet_key(terms, mover))
            open_document(token, kind, key)
            return [key]
        member = (
            guarantor if mover is Mover.GUARANTOR else self._alliance.projection.known_member(terms.centre)
        )
        open_members_document(token, kind, member.identity_keys)
        return list(member.identity_keys(document.iat))

    @staticmethod
    def _check_place(document: StepDocument, row: GuaranteeRow) -> None:
        if isinstance(document, GuaranteeRelease):
            return  # its place is in what is signed for the ledger
        if (document.sequence, document.previous) != (row.sequence + 1, row.document.hex()):
            raise ConflictError(
                f"the step is number {document.sequence} after another document; the ledger has "
                f"{row.sequence} steps: look at the guarantee and sign anew"
            )

    def _check_time(self, step: CheckedStep, receipt: StepReceipt | None) -> None:
        now, rule = self._clock.now(), step.rule
        limit = {Time.IN_TIME: step.life.end, Time.BEFORE_DUE: step.row.due}.get(rule.time)
        if receipt is not None:
            self.check_receipt(step, receipt)
        lodged = now if receipt is None else receipt.lodged
        if limit is not None and lodged >= limit:
            raise ConflictError(f"too late for {step.event.name}: the time ended at {limit}")
        for one in possible_steps(State(step.row.state), step.life.end, step.row.due):
            if one.event is step.event and now < one.opens:
                raise ConflictError(f"too early for {step.event.name}: possible from {one.opens} on")
        if rule.time in {Time.IN_TIME, Time.AFTER_GRACE} and not step.life.is_complete:
            raise DocumentFormatError("documents of earlier steps are not here: hand them in with the step")


def member_of(terms: Guarantee, mover: Mover) -> str:
    """Member that moves, or nobody."""
    return {Mover.GUARANTOR: terms.iss, Mover.CENTRE: terms.centre}.get(mover, "")


def wallet_key(terms: Guarantee, mover: Mover) -> str:
    """Key of one of `WALLETS`, 128 hex digits."""
    return terms.beneficiary_key if mover is Mover.BENEFICIARY else terms.applicant_key


def _signer_among(keys: list[bytes], message: bytes, signature: bytes) -> str:
    for key in keys[:-1]:
        try:
            verify_p256(key, message, signature)
        except SignatureError:
            continue
        return key.hex()
    verify_p256(keys[-1], message, signature)
    return keys[-1].hex()
