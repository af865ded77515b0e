"""What a wallet asks a node to do: one kind of signed document for each call.

Every request is signed by the wallet's key and names the node it is meant for; nodes take each `jti` once and
only within a short window, so a request that somebody kept cannot be played again or at another node.
"""

from typing import Annotated, Any, ClassVar

import msgspec

from node.domain.controller import ControllerKey, ControllerSignature, OtherKey
from node.domain.document import Document
from node.domain.encoding import Hex32, Hex64, Seconds
from node.domain.guarantee import Kind, Text
from node.domain.sealed_guarantee import SealedPart

WINDOW_SECONDS = 300
APPROVED_WINDOW_SECONDS = 86_400
"""For requests with an approval: the second officer has a day for it."""


class WalletCall(Document, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """What all wallet requests say."""

    node: str
    """Member whose node is asked."""
    subject: Annotated[str, msgspec.Meta(pattern=r"^([0-9a-f]{64})?\Z")]
    """Subject id, 64 hex digits; empty before registration."""
    key: ControllerKey
    """The wallet's key, or passkey; it signs the request."""
    mandate: str = ""
    """The mandate under which `key` acts for `subject`, a compact JWS; left out if the subject itself acts."""
    approval: str = ""
    """The second officer's approval, a compact JWS; left out where one officer is enough."""


class PackageRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One document of a registration package."""

    category: str
    thing: str
    fields: dict[str, Any]
    """Plain JSON values; numbers with a fraction are decimal strings."""


class RegisterCall(WalletCall, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Register at this node, or hand in further records and newer versions (then `subject` is set)."""

    kind: ClassVar[str] = "wallet-register"

    delegation: str
    """The delegation, a compact JWS; empty under a mandate: the one that is known stands."""
    records: tuple[PackageRecord, ...]


class CheckCall(WalletCall, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Tell me what is wrong with this package; nothing is stored, and nothing that is stored is looked at.

    With `subject` set it is taken for a further package, whoever that is.
    """

    kind: ClassVar[str] = "wallet-check"

    delegation: str
    """The delegation, a compact JWS."""
    records: tuple[PackageRecord, ...]


class BranchCall(WalletCall, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Of a branch at its home: attest that this parent confirms me."""

    kind: ClassVar[str] = "wallet-branch"

    confirmation: str
    """A mandate of form `branch` by the parent, a compact JWS."""
    delegation: str
    """The parent's delegation, a compact JWS."""


class JointBidCall(WalletCall, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Of a member of a joint bid at a member's home: all have signed."""

    kind: ClassVar[str] = "wallet-joint-bid"

    joint_bid: str
    """The joint bid, canonical JSON."""


class CarriedGrant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A grant that a subject signed again for its new home."""

    grant: str
    """Names the new home, and as many reads as were left; a compact JWS."""
    request: str
    """The reader's access request that it answers, so that the reader can collect it; empty if there was none."""


class MoveCall(WalletCall, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Become this subject's home; the home so far is not asked."""

    kind: ClassVar[str] = "wallet-move"

    delegation: str
    """The delegation, a compact JWS."""
    records: tuple[PackageRecord, ...]
    """The registration package, from the wallet's own copy."""
    version: Annotated[int, msgspec.Meta(ge=2)]
    """Number of this change of the subject on the ledger."""
    signature: ControllerSignature
    """By the wallet's key over EIP-712 MoveSubject."""
    grants: tuple[CarriedGrant, ...]


class ControllerCall(WalletCall, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Add, remove or replace a key of this subject; any member's node brings it to the ledger."""

    kind: ClassVar[str] = "wallet-controller"

    removed: OtherKey
    """A present key; empty to remove none."""
    added: OtherKey
    """A new key; empty to add none."""
    version: Annotated[int, msgspec.Meta(ge=2)]
    """Number of this change of the subject on the ledger."""
    signature: ControllerSignature
    """By the key that calls over EIP-712 ChangeController."""


class VetoCall(WalletCall, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """This key is not lost: end every recovery of this subject."""

    kind: ClassVar[str] = "wallet-veto"

    version: Annotated[int, msgspec.Meta(ge=2)]
    """Number of this change of the subject on the ledger."""
    signature: ControllerSignature
    """By the key that calls over EIP-712 VetoRecovery."""


class RecoverCall(WalletCall, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All keys of this subject are lost: let the key that calls take their place."""

    kind: ClassVar[str] = "wallet-recover"

    delegation: str
    """The delegation for the key that calls, a compact JWS by a certificate of the same company."""
    former: str
    """The delegation for a key that is lost, a compact JWS."""
    acceptance: str
    """By that key: that the former delegation is its own company's, a key-acceptance document."""


class FinishCall(WalletCall, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The waiting time is over: let the key that calls take the place of the lost ones."""

    kind: ClassVar[str] = "wallet-finish"


class CopyCall(WalletCall, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Give me my own documents back; also at a home that I have left."""

    kind: ClassVar[str] = "wallet-copy"


class PlaceCall(WalletCall, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where the ledger has this subject, and which contract its next change is signed for; at any node."""

    kind: ClassVar[str] = "wallet-place"


class StatusCall(WalletCall, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How far registration, records, requests and grants are."""

    kind: ClassVar[str] = "wallet-status"


class GrantCall(WalletCall, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """At the subject's home: keep this grant for its reader, and bring it to the ledger."""

    kind: ClassVar[str] = "wallet-grant"

    grant: str
    """The grant, a compact JWS."""


class RelayCall(WalletCall, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Bring a grant to the ledger without seeing it: for members that are neither its home nor its receiver."""

    kind: ClassVar[str] = "wallet-relay"

    digest: Hex32
    """SHA-256 of the grant's signing input."""
    register_before: Seconds
    exp: Seconds
    revoker: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{168}\Z")]


class RevokeCall(WalletCall, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Bring this revocation to the ledger; any member's node does that for anybody who can prove it."""

    kind: ClassVar[str] = "wallet-revoke"

    digest: Hex32
    """SHA-256 of the grant's signing input, 64 hex digits."""
    register_before: Seconds
    exp: Seconds
    revoker: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{168}\Z")]
    signature: Hex64
    """By the one-time revocation key over EIP-712 RevokeGrant, hex."""


class HistoryCall(WalletCall, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who read what of this subject."""

    kind: ClassVar[str] = "wallet-history"


class ExportCall(WalletCall, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """This subject's records as SD-JWTs."""

    kind: ClassVar[str] = "wallet-export"


class EraseCall(WalletCall, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Erase what this node keeps of the subject as its home, or as the home that it has left."""

    kind: ClassVar[str] = "wallet-erase"

    categories: tuple[str, ...]
    """Only records of these, strictly ascending; empty for everything."""


class ConsentCall(WalletCall, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """At the subject's home: keep this consent of a person; by the subject's controller or the person itself."""

    kind: ClassVar[str] = "wallet-consent"

    consent: str
    """A person-consent or recorded-consent document."""


class WithdrawCall(WalletCall, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """At any member: take this withdrawal of a consent to the home."""

    kind: ClassVar[str] = "wallet-withdraw"

    withdrawal: str
    """A consent-withdrawal document by `key`."""


class ConsentsCall(WalletCall, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """At the subject's home: consents of persons; the controller sees all, a person those of its own key."""

    kind: ClassVar[str] = "wallet-consents"


class DisputeCall(WalletCall, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """At the subject's home: this record is wrong; by the subject's controller or the person in the record."""

    kind: ClassVar[str] = "wallet-dispute"

    dispute: str
    """A dispute document by `key`."""


class DisputesCall(WalletCall, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """At the subject's home: disputes and answers; the controller sees all, a person those of its own key."""

    kind: ClassVar[str] = "wallet-disputes"


class HoldersCall(WalletCall, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """At the home: which members were told of this subject, and what they answered; also after its erasure."""

    kind: ClassVar[str] = "wallet-holders"


class CodeCall(WalletCall, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Ask the tender's centre for the application code of a section."""

    kind: ClassVar[str] = "wallet-code"

    section: Text
    delegation: str
    """The delegation, a compact JWS: the centre need not know the subject."""
    guarantee_kind: Kind = "bid"
    """What the guarantee is for, left out for a bid: a section's winner also needs others, each once."""


class AwardsCall(WalletCall, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Ask the tender's centre for the proof of the own awards and contracts in a project."""

    kind: ClassVar[str] = "wallet-awards"

    project: Text
    """As the centre's source files its records: 招标项目编号, OCDS `ocid`."""
    delegation: str
    """The delegation, a compact JWS: the centre need not know the subject."""


class ApplyCall(WalletCall, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Apply to a guarantor for a guarantee."""

    kind: ClassVar[str] = "wallet-apply"

    code: str
    """An application-code document of the tender's centre, a compact JWS; empty in a sealed application."""
    grant: str
    """A grant to the guarantor on the applicant's data, a compact JWS."""
    applicant_key: Hex64
    """One-time key of this guarantee."""
    beneficiary_name: str
    beneficiary_key: Annotated[str, msgspec.Meta(pattern=r"^([0-9a-f]{128})?\Z")]
    """One-time key of the beneficiary."""
    section: str
    guarantee_kind: str
    amount: str
    currency: str
    nbf: Seconds
    exp: Seconds
    sealed: SealedPart | None = None
    """Instead of code, beneficiary and section, which are empty then: the guarantor is not to learn the tender."""


class ReserveCall(WalletCall, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """At any member: bring this reservation to the ledger with the next batch, or say where it stands."""

    kind: ClassVar[str] = "wallet-reserve"

    nullifier: Hex32
    binding: Hex32
    signature: Hex64
    """By the key that the nullifier is the address of: the member can bind it to nothing else."""


class SealedIssueCall(WalletCall, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """At a guarantor: what it signed on a sealed application of this subject."""

    kind: ClassVar[str] = "wallet-sealed-issue"

    application: Hex32


class ApplicationsCall(WalletCall, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What became of this subject's applications at a guarantor."""

    kind: ClassVar[str] = "wallet-applications"


class ReleasesCall(WalletCall, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A beneficiary asks which guarantees of a section wait for its signature to be given back."""

    kind: ClassVar[str] = "wallet-releases"

    section: Text
    """标段编号; `key` is the beneficiary's one-time key for it."""


class AcceptCall(WalletCall, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """I accept this offer for my application: with it the applicant's signature on the contract 合同签订."""

    kind: ClassVar[str] = "wallet-accept"

    application: Hex32
    offer: Hex32
    """Digest of the guarantee-offer document."""


class CancelCall(WalletCall, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """I take my application back; before the issue only."""

    kind: ClassVar[str] = "wallet-cancel"

    application: Hex32


class LineCall(WalletCall, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What credit line this subject has at this guarantor."""

    kind: ClassVar[str] = "wallet-line"


class ReleaseCall(WalletCall, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A beneficiary gives a guarantee back; its key is in the guarantee, it needs no subject."""

    kind: ClassVar[str] = "wallet-release"

    guarantee: str
    """The guarantee document, a compact JWS."""
    release: str
    """The guarantee-release document, a compact JWS by the beneficiary's key."""
    signature: Hex64
    """By the same key over EIP-712 StepGuarantee."""


class StepReceipt(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A counterparty had a step's document at a time; by guarantor or centre."""

    member: str
    lodged: Seconds
    key: Hex64
    """The member's identity key that signed."""
    signature: Hex64
    """Over EIP-712 StepReceipt."""


class StepCall(WalletCall, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A beneficiary or an applicant moves a guarantee; the key is in the guarantee, it needs no subject."""

    kind: ClassVar[str] = "wallet-step"

    guarantee: str
    """The guarantee document, a compact JWS."""
    step: str
    """The guarantee-step document, a compact JWS by the same key."""
    signature: Hex64
    """By the same key over EIP-712 StepGuarantee."""
    earlier: tuple[str, ...] = ()
    """Documents of steps before it, for a node that does not have them; left out if there are none."""
    receipt: StepReceipt | None = None
    """Shows that the step was in time; left out if it still is."""


class StepsCall(WalletCall, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How does my guarantee stand? Asked by the beneficiary's or the applicant's key."""

    kind: ClassVar[str] = "wallet-steps"

    guarantee: str
    """The guarantee document, a compact JWS."""
