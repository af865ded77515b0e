"""Every error that the node raises on purpose, sorted by who must act.

NodeError
├─ InvalidError             the caller sent something malformed: correct it and send again
│  ├─ RecordFormatError  CodeFormatError  DocumentFormatError  ProofFormatError  ConfigError
│  │  └─ PackageError  RecordFieldsError
│  ├─ CertificateRequestError  TooLargeError  DefinitionError  RulesFormatError
├─ DeniedError              the caller may not: get the authority first
│  ├─ UnknownCallerError  NotMemberError  RoleMissingError  GrantMissingError  GrantScopeError
│  │  └─ CertificateRevokedError
│  ├─ GrantUsedUpError  GrantExpiredError  GrantRevokedError  ReplayError  StandingError  MovedError
│  ├─ LoginRefusedError  LegalBasisError  SecondOfficerMissingError
├─ MissingError             there is nothing by that name
├─ ConflictError            a right request in the wrong state
│  ├─ DuplicateError  SequenceError  StaleVersionError  LedgerRefusedError  NonceTakenError
│  ├─ LineError  ReservationMissingError
├─ VerificationError        a proof, a signature or a certificate is false: do not rely on it
│  ├─ SignatureError  CertificateError  RevokedError  StatusError  TimestampError
│  ├─ InclusionError  DisclosureError  AnchorError  DescriptorError  LedgerProofError
│  ├─ WitnessError  CustodyError  GapError  ArchiveError  ConsentError  ApprovalError
│  ├─ LineHistoryError  BankAnswerError  RulesUnapprovedError  SystemPushError
└─ UnavailableError         something outside failed: trying again later may help
   ├─ LedgerUnavailableError  ProjectionStaleError  ContractUnknownError  StoreError  PeerError  BusyError
   ├─ AuthorityUnavailableError  StatusUnknownError  KeyHolderError  ErasureListError
   ├─ EvidencePendingError  DefinitionMissingError  BankUnavailableError
   ├─ RegistryUnavailableError
   │  ├─ RegistrySlowError  RegistryAnswerError
   └─ LimitError            this caller asks too much at once
      ├─ RateLimitError  TooManyCallsError

`reason` is the stable UPPER_SNAKE word that travels in `google.rpc.ErrorInfo`; `advice` is one sentence that
says what to do. Both are shown to people; neither may carry a secret or say more than the caller may learn.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

_MOST_TOLD = 1_500
"""Characters: what gRPC takes in a trailer is 8 KiB, and one character may be three bytes, each written as three."""


class NodeError(Exception):
    """Base of all errors that the node raises on purpose; anything else that escapes is a bug."""

    reason: ClassVar[str] = "INTERNAL"
    advice: ClassVar[str] = ""


# -- the caller sent something malformed --------------------------------------------------------------


class InvalidError(NodeError):
    """Malformed input."""

    reason = "INVALID"
    advice = "Correct the request and send it again; nothing was stored."


class RecordFormatError(InvalidError):
    """A record breaks a rule of its form: unknown category, over-long field, number out of range."""

    reason = "RECORD_FORMAT"


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake in a registration package, and what to do."""

    document: int
    """Which document of the package, from 0; -1 for the package as a whole."""
    category: str
    thing: str
    field: str
    """Empty where it is about no single field."""
    chinese: str
    english: str
    is_warning: bool = False
    """Whether the package is taken all the same."""


class PackageError(RecordFormatError):
    """A registration package holds mistakes; all of them are told at once."""

    reason = "PACKAGE"
    advice = "Correct all that is named and hand the package in again; `heqi wallet draft check` tells it beforehand."
    mistakes: Sequence[Mistake] = ()

    @classmethod
    def of(cls, mistakes: Sequence[Mistake]) -> Self:
        """An error that tells the mistakes, as many as an answer's trailer holds.

        Args:
            mistakes: at least one that is no mere warning.
        """
        told = [_told(one) for one in mistakes if not one.is_warning]
        text = "; ".join(told)
        if len(text) > _MOST_TOLD:
            text = f"{len(told)} mistakes, of which the first: {text[:_MOST_TOLD]} …"
        error = cls(text)
        error.mistakes = mistakes
        return error


def _told(mistake: Mistake) -> str:
    if mistake.document < 0:
        return mistake.english
    field = f"{mistake.field}: " if mistake.field and mistake.field not in mistake.english else ""
    return f"document {mistake.document} ({mistake.category}): {field}{mistake.english}"


class RecordFieldsError(RecordFormatError):
    """A record's fields are not as the definition of its category says; every mistake is told."""

    reason = "RECORD_FIELDS"
    advice = (
        "Correct the named fields and send the record again; heqi catalogue show prints what each must be."
    )


class DefinitionError(InvalidError):
    """A definition of a record category cannot serve as one."""

    reason = "DEFINITION"
    advice = "Correct the definition; docs/formats/catalogue.md says what it may use."


class RulesFormatError(InvalidError):
    """A guarantor's rules file breaks its schema."""

    reason = "RULES_FORMAT"
    advice = "Correct the file; docs/formats/issue-rules.md says what it may hold."


class CodeFormatError(InvalidError):
    """A code (credit code GB 32100, member name, hex identifier) is not well formed."""

    reason = "CODE_FORMAT"


class DocumentFormatError(InvalidError):
    """A signed document is not in the one strict encoding that `docs/formats/documents.md` allows."""

    reason = "DOCUMENT_FORMAT"


class ProofFormatError(InvalidError):
    """A proof, checkpoint or bundle cannot be parsed."""

    reason = "PROOF_FORMAT"


class TooLargeError(InvalidError):
    """What was sent is larger, or takes longer or more memory to read, than its method allows."""

    reason = "TOO_LARGE"
    advice = "Send less at once, or a simpler file; docs/access.md says how much each method takes."


class ConfigError(InvalidError):
    """The configuration or the node's folder is incomplete or contradictory."""

    reason = "CONFIG"
    advice = "Correct heqi.toml or the named file; `heqi init --help` shows what belongs there."


class CertificateRequestError(InvalidError):
    """A certificate signing request that this node will not sign."""

    reason = "CERTIFICATE_REQUEST"
    advice = "Make a PKCS #10 request in PEM with a key on P-256, P-384 or RSA of 2048 bits or more."


# -- the caller may not --------------------------------------------------------------------------------


class DeniedError(NodeError):
    """The caller lacks the authority for this."""

    reason = "DENIED"
    advice = "Ask the owner of the data, or the operator of this node, for the authority."


class UnknownCallerError(DeniedError):
    """The caller's certificate or key belongs to nobody this node knows."""

    reason = "UNKNOWN_CALLER"
    advice = "Use the certificate of a member of this alliance, issued by its identity key and in date."


class CertificateRevokedError(UnknownCallerError):
    """The caller's certificate was revoked by the operator of this node."""

    reason = "ACCESS_REVOKED"
    advice = "Ask the operator of the node for a new certificate: `heqi access issue`."


class NotMemberError(DeniedError):
    """The named party is not an active member of the alliance."""

    reason = "NOT_MEMBER"
    advice = "A member must be admitted by vote and not suspended: see `heqi alliance members`."


class RoleMissingError(DeniedError):
    """The caller is known but may not use this call."""

    reason = "ROLE_MISSING"
    advice = "Call with a certificate or key that holds the role which this call asks for."


class GrantMissingError(DeniedError):
    """No live grant of the owner covers this read; the same answer where there is nothing to read."""

    reason = "GRANT_MISSING"
    advice = "Request a grant and wait until its owner has signed it and the ledger has it."


class GrantScopeError(DeniedError):
    """The grant is real but does not cover this receiver, purpose, category or field."""

    reason = "GRANT_SCOPE"
    advice = "Ask for no more than the owner signed, or request another grant."


class SecondOfficerMissingError(DeniedError):
    """The company reserves this for two officers, and one alone has signed, or one that the home does not know."""

    reason = "SECOND_OFFICER_MISSING"
    advice = "Write it to a file with --second FILE, and have a second officer approve it: heqi wallet approve FILE."


class GrantUsedUpError(DeniedError):
    """The grant's number of uses is exhausted."""

    reason = "GRANT_USED_UP"
    advice = "Request a new grant."


class GrantExpiredError(DeniedError):
    """The grant is not valid at this moment."""

    reason = "GRANT_EXPIRED"
    advice = "Request a new grant."


class GrantRevokedError(DeniedError):
    """The owner has revoked the grant."""

    reason = "GRANT_REVOKED"
    advice = "Stop using what was read under it, and request a new grant if it is still needed."


class ReplayError(DeniedError):
    """A signed request was seen before, or its time is outside the accepted window."""

    reason = "REPLAY"
    advice = "Sign a fresh request; check that the clock of the sender is right."


class LoginRefusedError(DeniedError):
    """No login challenge is open under what was answered; the same whether it never was, was used or ran out."""

    reason = "LOGIN_REFUSED"
    advice = "Have the centre show a new QR code, and answer it once and in time."


class StandingError(DeniedError):
    """This node's member is suspended, absent or has left, and may not begin this; its duties run on."""

    reason = "STANDING"
    advice = "Go to an active member; the operator finds the way back in docs/operate.md."


class LegalBasisError(DeniedError):
    """A read without the owner's grant that the named legal basis does not allow, or a read that needs one."""

    reason = "LEGAL_BASIS"
    advice = "Ask the owner for a grant, or name a basis that allows it, a case, two officers: `heqi legal --help`."


class MovedError(DeniedError):
    """The subject has moved: another member is its home now."""

    reason = "MOVED"
    advice = "Turn to the subject's present home; a grant that names the old one no longer counts."


# -- there is nothing by that name ---------------------------------------------------------------------


class MissingError(NodeError):
    """Nothing by that name."""

    reason = "NOT_FOUND"
    advice = "Check the identifier."


# -- right request, wrong state ------------------------------------------------------------------------


class ConflictError(NodeError):
    """A well-formed request that the present state does not allow."""

    reason = "CONFLICT"
    advice = "Look at the present state and decide again."


class DuplicateError(ConflictError):
    """Something by that identifier exists already, with other content."""

    reason = "DUPLICATE"


class LineError(ConflictError):
    """A credit line does not allow this: too little is free, or it is frozen, over or ended."""

    reason = "LINE"
    advice = "Look at the line (heqi guarantee line show); raise it by a new grant, or issue outside of it."


class SequenceError(ConflictError):
    """A message of an append stream came out of order, or was sent again with other content."""

    reason = "SEQUENCE"
    advice = "Ask for the last accepted sequence and go on from there."


class StaleVersionError(ConflictError):
    """The data is older than the version that the grant or the request asks for."""

    reason = "STALE_VERSION"


class LedgerRefusedError(ConflictError):
    """A contract refuses the transaction; `problem` is the name of its custom error."""

    reason = "LEDGER_REFUSED"
    advice = "The contract's error says which rule was broken; the item is parked, not lost."

    def __init__(self, problem: str, detail: str = "") -> None:
        """Args:
        problem: name of the contract's custom error, for example `NotMember`.
        detail: its decoded arguments, for people.
        """
        self.problem = problem
        super().__init__(f"the contract refuses: {problem}{f' ({detail})' if detail else ''}")


class ReservationMissingError(ConflictError):
    """A sealed application has no live reservation on the ledger; never reserved, reserved for another, or over."""

    reason = "RESERVATION_MISSING"
    advice = "Wait until the next batch of reservations is final, or reserve anew: `heqi wallet reserve`."


class NonceTakenError(ConflictError):
    """Another transaction of this node's account has used the nonce."""

    reason = "NONCE_TAKEN"
    advice = "Use the account for one node only; the sender signs the item again under the next nonce."


# -- do not rely on it ---------------------------------------------------------------------------------


class VerificationError(NodeError):
    """A proof, signature or certificate is false."""

    reason = "VERIFICATION"
    advice = "Do not rely on this data; keep it as evidence and report who sent it."


class SignatureError(VerificationError):
    """A signature does not fit its document and key."""

    reason = "SIGNATURE"


class ApprovalError(VerificationError):
    """A second officer's approval is of another document, by the first officer's own key, or by somebody else."""

    reason = "APPROVAL"
    advice = "Have another officer of the company approve just this document, with a key of its own."


class CertificateError(VerificationError):
    """A certificate is not from a recognised authority, not in date, or does not carry what it must."""

    reason = "CERTIFICATE"


class RevokedError(CertificateError):
    """A certificate was revoked before the moment that matters."""

    reason = "SIGNER_CERTIFICATE_REVOKED"
    advice = "Get a new certificate, sign a new delegation with it, and register that."


class StatusError(VerificationError):
    """What claims to be a certificate's status (OCSP, CRL) is false, stale, or by nobody who may say it."""

    reason = "CERTIFICATE_STATUS"
    advice = (
        "Do not rely on the answer; if it lasts, ask the authority and check its entry on the trust list."
    )


class TimestampError(VerificationError):
    """A time stamp (RFC 3161) is false, of other data, or by no recognised authority."""

    reason = "TIMESTAMP"


class InclusionError(VerificationError):
    """An inclusion or consistency proof does not lead to the stated root."""

    reason = "INCLUSION"


class DisclosureError(VerificationError):
    """A disclosed field does not belong to its record, or a field is missing or too many."""

    reason = "DISCLOSURE"


class AnchorError(VerificationError):
    """A checkpoint is not the one that the ledger holds for that log."""

    reason = "ANCHOR"


class ConsentError(VerificationError):
    """Personal fields are shown without their person's consent, or a consent is false."""

    reason = "CONSENT"
    advice = "Do not use the fields; have the person's consent collected for this receiver and purpose."


class RulesUnapprovedError(VerificationError):
    """A guarantor's rules file is not the one whose hash the configuration names."""

    reason = "RULES_UNAPPROVED"
    advice = "Find out who changed the file; if that was right, a second person enters its hash in heqi.toml."


class LineHistoryError(VerificationError):
    """The history of a credit line has a gap, a fork, or a step that its rules do not allow."""

    reason = "LINE_HISTORY"
    advice = (
        "Do not rely on the line; ask its issuer for the whole history, and keep both versions as evidence."
    )


class BankAnswerError(VerificationError):
    """The bank's own system answered what cannot be: another order, another sum, or without a valid signature."""

    reason = "BANK_ANSWER"
    advice = "Compare with the bank's books before anything is tried again; the order is parked."


class SystemPushError(VerificationError):
    """The guarantor's own guarantee system pushed what does not fit the order, or comes too late or too early."""

    reason = "SYSTEM_PUSH"
    advice = "Compare the two sides: heqi guarantee system list. Nothing was changed by it."


class WitnessError(VerificationError):
    """Too few members have cosigned a log for it to count as witnessed."""

    reason = "WITNESSES"
    advice = "Ask who handed it over for a bundle with more cosignatures, or give the cards of later members."


class CustodyError(VerificationError):
    """What the keeper signed about how records were kept does not fit them."""

    reason = "CUSTODY"


class GapError(VerificationError):
    """Evidence lacks something that the verifier did not allow to lack."""

    reason = "EVIDENCE_GAP"
    advice = "Ask for complete evidence, or allow the gap by the option that the message names."


class DescriptorError(VerificationError):
    """The alliance descriptor is not signed by its founders or does not fit the ledger."""

    reason = "DESCRIPTOR"


class ArchiveError(VerificationError):
    """The archive of a node is not, file for file, what its member signed, or cannot be opened by the key given."""

    reason = "ARCHIVE"
    advice = "Do not rely on this copy: take another one, check the key, and keep what you have as evidence."


class LedgerProofError(VerificationError):
    """A ledger proof does not lead to its block, or does not show what it is asked for."""

    reason = "LEDGER_PROOF"


# -- trying again may help -----------------------------------------------------------------------------


class UnavailableError(NodeError):
    """Something outside this process failed."""

    reason = "UNAVAILABLE"
    advice = "Try again; nothing that was acknowledged is lost."


class BankUnavailableError(UnavailableError):
    """The bank's own system does not answer; nobody knows yet whether it has carried an order out."""

    reason = "BANK_UNAVAILABLE"
    advice = "Wait: the order is submitted again under the same id, and carried out at most once."


class EvidencePendingError(UnavailableError):
    """Evidence is not complete yet: cosignatures or a proof from the ledger are still to come."""

    reason = "EVIDENCE_PENDING"
    advice = "Wait for the next period and ask again, or ask for what there is: it says then what it lacks."


class LedgerUnavailableError(UnavailableError):
    """The ledger's engine does not answer."""

    reason = "LEDGER_UNAVAILABLE"
    advice = "Check that the engine runs (`heqi chain`); what must go out waits in the outbox."


class ProjectionStaleError(UnavailableError):
    """This node has not seen a fresh block for longer than it may rely on what it knows."""

    reason = "PROJECTION_STALE"
    advice = "Check that the engine runs; reads that need the ledger fail until the node has caught up."


class DefinitionMissingError(UnavailableError):
    """The members have voted a definition of a category whose text this node does not have, or cannot use."""

    reason = "DEFINITION_MISSING"
    advice = (
        "Nothing of this category is taken until the text is here: the node asks the members for it; "
        "heqi catalogue list says what is missing."
    )


class ContractUnknownError(UnavailableError):
    """The members have replaced a contract by a version that this node's software does not know."""

    reason = "CONTRACT_UNKNOWN"
    advice = "Update this node's software; what is for that contract waits, everything else goes on."

    def __init__(self, name: str) -> None:
        """Args:
        name: of the contract in the address book.
        """
        self.name = name
        super().__init__(
            f"the contract {name} was replaced by vote, and this node does not know its new code"
        )


class StoreError(UnavailableError):
    """The node's own database failed, is locked by another process, or is full."""

    reason = "STORE"
    advice = "Check the disk, the permissions, and that no second node runs on this folder."


class ErasureListError(UnavailableError):
    """The list of what was erased at this node is missing, older than its data or the ledger, or was altered."""

    reason = "ERASURE_LIST"
    advice = (
        "Operator: put the newest copy of the folder erasures/ back, then start again; docs/operate.md, Backup, says "
        "what to do if there is none."
    )


class PeerError(UnavailableError):
    """Another member's node does not answer, or answers with something that is not the protocol."""

    reason = "PEER"
    advice = "Check the peer's endpoint; the request can be repeated safely."


class BusyError(UnavailableError):
    """The node is already doing as much of this as it may at once."""

    reason = "BUSY"
    advice = "Try again in a moment."


class LimitError(UnavailableError):
    """This caller asks too much at once; others are served meanwhile."""

    reason = "LIMIT"
    advice = "Wait as long as the answer says, then send the same again; ask less at once."
    retry_after: float = 1.0

    def __init__(self, message: str, retry_after: float = 1.0) -> None:
        """Args:
        message: which limit.
        retry_after: seconds after which the same can succeed.
        """
        self.retry_after = retry_after
        super().__init__(message)


class RateLimitError(LimitError):
    """This caller has made too many calls, or sent too many bytes, in too short a time."""

    reason = "RATE_LIMIT"


class TooManyCallsError(LimitError):
    """This caller, or this node, has too many calls or streams open at once."""

    reason = "TOO_MANY_CALLS"


class AuthorityUnavailableError(UnavailableError):
    """A certificate authority's service (OCSP, CRL, time stamps) does not answer as it should."""

    reason = "AUTHORITY_UNAVAILABLE"
    advice = "Check the way out of this node to the addresses that `heqi alliance trust list` shows."


class RegistryUnavailableError(UnavailableError):
    """The company register that this node asks does not answer."""

    reason = "REGISTRY_UNAVAILABLE"
    advice = "Registration goes on without it, and the node asks again by itself; `[registry]` in heqi.toml names it."


class RegistrySlowError(RegistryUnavailableError):
    """The company register did not answer within the time set."""

    reason = "REGISTRY_SLOW"


class RegistryAnswerError(RegistryUnavailableError):
    """What the company register answers is malformed, or about another company than was asked about."""

    reason = "REGISTRY_ANSWER"
    advice = "Have the register's adapter, or its file, corrected; the node asks again by itself."


class StatusUnknownError(UnavailableError):
    """Whether a certificate is revoked could not be learnt, and this node was not told to go on without."""

    reason = "CERTIFICATE_STATUS_UNKNOWN"
    advice = (
        "Try again when the authority answers; trust.soft_fail in heqi.toml names those it may go on without."
    )


class KeyHolderError(UnavailableError):
    """The token or agent that holds one of this node's keys does not answer, or refuses to sign."""

    reason = "KEY_HOLDER"
    advice = "Check that the token or agent runs and is unlocked; `heqi keys list` says which key it holds."
