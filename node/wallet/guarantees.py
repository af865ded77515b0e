"""What a wallet signs about guarantees: asking for a code, applying, and, as a beneficiary, releasing."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec
from heqi.v1 import guarantee_pb2 as pb

from node.domain.document import document_digest, open_members_document, peek_document, sign_document
from node.domain.encoding import decode_canonical, from_hex
from node.domain.grant import Scope
from node.domain.guarantee import (
    ApplicationCode,
    Guarantee,
    GuaranteeRelease,
    Kind,
    guarantee_terms,
)
from node.domain.guarantee_life import LedgerStep, Life, follow, replay, signed_step
from node.domain.guarantee_statement import Says, Statement, check_statement, event_of, peek_step
from node.domain.guarantee_table import Effect, Event, Mover, State, mover_of, transition
from node.domain.ledger import GuaranteeStep
from node.domain.ledger_ids import Eip712Domain, guarantee_id, step_guarantee_digest
from node.domain.line_statement import LineStatement
from node.domain.member import Member
from node.domain.offer import GuaranteeOffer
from node.domain.sealed_guarantee import file_digest, open_guarantee, peek_guarantee
from node.domain.wallet import (
    AcceptCall,
    ApplicationsCall,
    ApplyCall,
    AwardsCall,
    CancelCall,
    CodeCall,
    LineCall,
    ReleaseCall,
    StepCall,
    StepReceipt,
    StepsCall,
)
from node.errors import ConflictError, DocumentFormatError, MissingError, RoleMissingError
from node.wallet.documents import Scribe
from node.wallet.keyfile import WalletKey
from node.wire.guarantees import steps_from

NEEDED_SCOPE = (Scope("subject.base", ("credit_code", "legal_name")),)
PURPOSE = "guarantee-application"
_CONTRACT_BYTES = 20
FIRST_STEP = 2
"""Number of the step after the issue."""


def needed_with(shown: Sequence[Scope]) -> tuple[Scope, ...]:
    """What a guarantor needs in any case, and what else the applicant lets it read."""
    fields = {part.category: set(part.fields) for part in NEEDED_SCOPE}
    for part in shown:
        fields.setdefault(part.category, set()).update(part.fields)
    return tuple(Scope(category, tuple(sorted(names))) for category, names in sorted(fields.items()))


class Terms(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an applicant asks a guarantor for."""

    beneficiary_name: str
    beneficiary_key: str
    """One-time key of the beneficiary, 128 hex digits."""
    section: str
    guarantee_kind: str
    amount: str
    """Plain decimal."""
    currency: str
    nbf: int
    exp: int


@dataclass(frozen=True, slots=True)
class Seen:
    """How a guarantee stands, as a node says and the documents show."""

    token: str
    """The guarantee document."""
    guarantee: Guarantee
    life: Life
    sequence: int
    """Of the last step; 1 after the issue."""
    document: bytes
    """Digest of the last step's document, after the issue the guarantee's."""
    documents: tuple[str, ...]
    """Of the steps, as far as they were shown."""
    contract: bytes = b""
    """20 bytes: where it lives, if not in the founding contract."""


class KeptStep(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A step that was handed in, with what shows that it was in time."""

    step: str
    """The guarantee-step document."""
    earlier: tuple[str, ...]
    """Documents of the steps before."""
    contract: str
    """40 hex digits."""
    receipt: StepReceipt | None


def read_kept(raw: bytes) -> KeptStep:
    """What a wallet kept of a step.

    Raises:
        DocumentFormatError: it is none.
    """
    return decode_canonical(raw.rstrip(b"\n"), KeptStep)


def unmoved(token: str, contract: str = "") -> Seen:
    """A guarantee that has taken no step since its issue.

    Args:
        token: the guarantee document.
        contract: that holds it, 40 hex digits; empty for the founding one.

    Raises:
        DocumentFormatError: the document is malformed.
        CodeFormatError: that is no contract's address.
    """
    return see(token, (), (), from_hex(contract, _CONTRACT_BYTES) if contract else b"")


def see(token: str, steps: Sequence[LedgerStep], documents: Sequence[str], contract: bytes = b"") -> Seen:
    """Work out how a guarantee stands; a document that no step names is not looked at.

    Raises:
        DocumentFormatError: a document is malformed.
    """
    guarantee = peek_guarantee(token)
    named = {step.document for step in steps}
    by_digest = {document_digest(one): one for one in documents if document_digest(one) in named}
    opened = {digest: peek_step(one) for digest, one in by_digest.items()}
    life = replay(guarantee, steps, opened)
    last = steps[-1] if steps else None
    return Seen(
        token,
        guarantee,
        life,
        1 if last is None else last.sequence,
        file_digest(token) if last is None else last.document,
        tuple(by_digest.values()),
        contract,
    )


def seen_in(token: str, life: pb.GuaranteeLife) -> Seen:
    """How a guarantee stands, as a node tells it.

    Raises:
        DocumentFormatError: a document is malformed.
        InvalidError: a step is none of this version's table.
    """
    documents = [one.document for one in life.steps]
    return see(token, steps_from(life), documents, bytes.fromhex(life.contract))


def check_told(seen: Seen) -> None:
    """Check that what a node told of the steps follows from their documents.

    Every document names the one before it, so the last one's digest fixes them all; and what is signed next names
    that digest: under a made-up history the ledger takes nothing.

    Raises:
        MissingError: a document is not here, or breaks a rule.
        DocumentFormatError: events, states or places are others than the documents have them; or a stay came to an
            end, after which the documents alone do not tell the state.
    """
    state, previous = State.ISSUED, file_digest(seen.token)
    for number, entry in enumerate(seen.life.entries, FIRST_STEP):
        document = entry.document
        if entry.problem or document is None or isinstance(document, GuaranteeRelease):
            raise MissingError(f"what step {number} says is not known: {entry.problem or 'it is over'}")
        event, step = event_of(document), entry.step
        rule = transition(state, event)
        stated = (document.sequence, document.previous, event)
        if stated != (number, previous.hex(), step.event) or step.sequence != number:
            raise DocumentFormatError(f"step {number} is told otherwise than its document has it")
        if rule is None or rule.next is not step.state:
            raise DocumentFormatError(f"step {number} does not lead to {step.state.name}")
        state, previous = step.state, step.document


@dataclass(frozen=True, slots=True)
class GuaranteeScribe:
    """Writes documents about guarantees for one wallet."""

    scribe: Scribe

    def ask_code(self, centre: str, section: str, delegation: str, kind: Kind = "bid") -> str:
        """Ask the tender's centre for the application code of a section, for one kind of guarantee."""
        return self.scribe.call(CodeCall, centre, section=section, delegation=delegation, guarantee_kind=kind)

    def ask_awards(self, centre: str, project: str, delegation: str) -> str:
        """Ask the tender's centre for the proof of the own awards in a project."""
        return self.scribe.call(AwardsCall, centre, project=project, delegation=delegation)

    def apply(self, guarantor: str, code: str, grant: str, terms: Terms) -> str:
        """Apply to a guarantor, with the code and a grant on the applicant's data."""
        one_time = self.scribe.key.applicant_key(peek_document(code, ApplicationCode).code)
        return self.scribe.call(
            ApplyCall,
            guarantor,
            code=code,
            grant=grant,
            applicant_key=one_time.public_key.hex(),
            **msgspec.structs.asdict(terms),
        )

    def applications(self, guarantor: str) -> str:
        """Ask a guarantor what became of the applications."""
        return self.scribe.call(ApplicationsCall, guarantor)

    def open_offer(self, token: str, guarantor: Member, application: str) -> GuaranteeOffer:
        """An offer that its guarantor really signed, for this application.

        Raises:
            NodeError: it did not, or for another.
        """
        offer = open_members_document(token, GuaranteeOffer, guarantor.identity_keys)
        expected = (self.scribe.descriptor.alliance, guarantor.name, application)
        if (offer.alliance, offer.iss, offer.application) != expected:
            raise DocumentFormatError("the offer is of another alliance, guarantor or application")
        return offer

    def accept(self, guarantor: str, application: str, offer: str) -> str:
        """Sign the contract: accept just this offer."""
        digest = document_digest(offer).hex()
        return self.scribe.call(AcceptCall, guarantor, application=application, offer=digest)

    def cancel(self, guarantor: str, application: str) -> str:
        """Take an application back."""
        return self.scribe.call(CancelCall, guarantor, application=application)

    def ask_line(self, guarantor: str) -> str:
        """Ask a guarantor for this subject's credit line."""
        return self.scribe.call(LineCall, guarantor)

    def open_line(self, token: str, guarantor: Member) -> LineStatement:
        """A statement that its guarantor really signed, about this subject's line.

        Raises:
            NodeError: it did not, or about another.
        """
        statement = open_members_document(token, LineStatement, guarantor.identity_keys)
        expected = (self.scribe.descriptor.alliance, guarantor.name, self.scribe.subject)
        if (statement.alliance, statement.iss, statement.subject) != expected:
            raise DocumentFormatError("the statement is of another alliance, guarantor or subject")
        return statement

    def open(self, token: str, guarantor: Member) -> Guarantee:
        """A guarantee that its guarantor really signed.

        Raises:
            NodeError: it did not.
        """
        guarantee = open_guarantee(token, guarantor.identity_keys, self.scribe.verifier)
        if (guarantee.alliance, guarantee.iss) != (self.scribe.descriptor.alliance, guarantor.name):
            raise DocumentFormatError("the guarantee is of another alliance or guarantor")
        return guarantee

    def release(self, node: str, seen: Seen, guarantor: Member, reason: str) -> str:
        """As the beneficiary: give a guarantee back that stands as was seen, by a request to a node.

        Raises:
            NodeError: the document is not the guarantor's, or names another beneficiary.
        """
        guarantee = self.open(seen.token, guarantor)
        key = self.scribe.key.beneficiary_key(guarantee.section)
        if guarantee.beneficiary_key != key.public_key.hex():
            raise DocumentFormatError("the guarantee names another beneficiary than this wallet")
        return self.sign_release(node, seen, key, reason)

    def sign_release(self, node: str, seen: Seen, key: WalletKey, reason: str) -> str:
        """The request of `release` under any key, the beneficiary's or not."""
        guarantee = peek_guarantee(seen.token)
        raw_id = self.id_of(guarantee, seen.token)
        release = GuaranteeRelease(
            **self.scribe.common(),
            guarantee=raw_id.hex(),
            reason=reason,
        )
        signed = sign_document(release, key.sign)
        step = GuaranteeStep(raw_id, seen.sequence + 1, seen.document, Event.RELEASE, document_digest(signed))
        signature = key.sign(step_guarantee_digest(self._domain(seen.contract), step)).hex()
        speaker = replace(self.scribe, key=key, subject="")
        return speaker.call(ReleaseCall, node, guarantee=seen.token, release=signed, signature=signature)

    def key_of(self, guarantee: Guarantee, mover: Mover) -> WalletKey:
        """The key of this wallet's steps of a guarantee.

        Raises:
            RoleMissingError: the guarantee names another beneficiary or applicant.
        """
        if mover is Mover.BENEFICIARY:
            key, named = self.scribe.key.beneficiary_key(guarantee.section), guarantee.beneficiary_key
        else:
            key, named = self.scribe.key.applicant_key(guarantee.code), guarantee.applicant_key
        if key.public_key.hex() != named:
            raise RoleMissingError(f"the guarantee names another {mover.name.lower()} than this wallet")
        return key

    def part_in(self, guarantee: Guarantee) -> Mover:
        """Whether this wallet is the beneficiary or the applicant.

        Raises:
            RoleMissingError: it is neither.
        """
        try:
            self.key_of(guarantee, Mover.BENEFICIARY)
        except RoleMissingError:
            self.key_of(guarantee, Mover.APPLICANT)
            return Mover.APPLICANT
        return Mover.BENEFICIARY

    def ask_steps(self, node: str, token: str) -> str:
        """Ask a node how a guarantee stands."""
        guarantee = peek_guarantee(token)
        key = self.key_of(guarantee, self.part_in(guarantee))
        return replace(self.scribe, key=key, subject="").call(StepsCall, node, guarantee=token)

    def step(
        self, node: str, seen: Seen, event: Event, says: Says, receipt: StepReceipt | None = None
    ) -> str:
        """As beneficiary or applicant: move a guarantee that stands as was seen.

        Raises:
            NodeError: the step is another's, not possible now, or rests on a document that was not seen.
        """
        guarantee = seen.guarantee
        key = self.key_of(guarantee, mover_of(event))
        rule = transition(seen.life.state, event)
        if rule is None:
            raise ConflictError(
                f"{event.name} is not possible for a guarantee that is {seen.life.state.name}"
            )
        if rule.effect is Effect.ADOPT and seen.life.offer is None:
            raise MissingError(
                "the document with the terms that are offered is not here; ask the guarantor's node"
            )
        raw_id = self.id_of(guarantee, seen.token)
        statement = Statement(
            **self.scribe.common(),
            guarantee=raw_id.hex(),
            sequence=seen.sequence + 1,
            previous=seen.document.hex(),
            event=event.name,
            says=says,
        )
        check_statement(statement)
        follow(seen.life, event, statement, statement.sequence)
        return self.sign_step(node, seen, key, statement, receipt)

    def sign_step(
        self, node: str, seen: Seen, key: WalletKey, statement: Statement, receipt: StepReceipt | None = None
    ) -> str:
        """The request of `step` under any key and with any statement."""
        document = sign_document(statement, key.sign)
        return self.hand_in(node, seen, key, document, receipt)

    def hand_in(
        self, node: str, seen: Seen, key: WalletKey, document: str, receipt: StepReceipt | None = None
    ) -> str:
        """The request that brings a signed document, perhaps once more, now with a receipt."""
        guarantee, statement = seen.guarantee, peek_document(document, Statement)
        raw_id, digest = self.id_of(guarantee, seen.token), document_digest(document)
        previous = bytes.fromhex(statement.previous)
        step = signed_step(raw_id, guarantee.code, statement.sequence, previous, statement, digest, seen.life)
        signature = key.sign(step_guarantee_digest(self._domain(seen.contract), step))
        speaker = replace(self.scribe, key=key, subject="")
        return speaker.call(
            StepCall,
            node,
            guarantee=seen.token,
            step=document,
            signature=signature.hex(),
            earlier=seen.documents,
            receipt=receipt,
        )

    def id_of(self, guarantee: Guarantee, token: str) -> bytes:
        """Id on the ledger, 32 bytes."""
        terms = guarantee_terms(guarantee, file_digest(token), self.scribe.verifier)
        return guarantee_id(bytes.fromhex(guarantee.alliance), terms)

    def _domain(self, contract: bytes = b"") -> Eip712Domain:
        descriptor = self.scribe.descriptor
        contract = contract or bytes.fromhex(descriptor.contracts["Guarantees"].address)
        return Eip712Domain(descriptor.chain_id, contract, bytes.fromhex(descriptor.alliance))
