"""Other members' nodes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from node.domain.legal_read import LegalPapers
from node.domain.member import Member
from node.domain.wallet import StepReceipt


@dataclass(frozen=True, slots=True)
class Answer:
    """What a home centre answers to a read."""

    evidence: bytes
    """Canonical JSON of `Evidence`."""
    answer: str
    """`ReadAnswer` over it, or `LegalAnswer`: a compact JWS by the home's identity key."""
    delegation: str
    """The subject's delegation, for the reader to check whose key signed the grant; empty without a grant."""
    status: bytes = b""
    """`StatusProof` beside the delegation, canonical JSON; empty if there is none."""
    consents: bytes = b""
    """Consents of the people whose fields are shown (`encode_shown`); empty if there are none such."""
    notices: tuple[str, ...] = ()
    """Notices by the home about disputes of these records."""
    approval_status: bytes = b""
    """`StatusProof` of the second officer's delegation, which is in the grant; empty if there is none."""


@dataclass(frozen=True, slots=True)
class LogView:
    """What a member's node shows of its log."""

    note: str
    """Its newest checkpoint, a signed note."""
    proofs: Sequence[Sequence[bytes]]
    """A consistency proof from each of the sizes asked for, in their order; empty where the log is smaller."""


class Peers(Protocol):
    """The other members' nodes, each reached at the endpoint and under the key that the ledger names.

    All methods raise `PeerError` when the peer does not answer or cannot be authenticated, and the error that
    the peer's node raised when it refuses.
    """

    async def submit_request(self, member: Member, request: str) -> None:
        """Hand a signed access request to the subject's home. MUST be safe to repeat."""
        ...

    async def collect_grant(self, member: Member, request: str) -> str | None:
        """The grant that answers the access request, if its subject has signed one."""
        ...

    async def read(self, member: Member, request: str, grant: str) -> Answer:
        """Read under a grant. MUST be safe to repeat: the same request is the same use."""
        ...

    async def prove_awards(self, member: Member, grant: str, delegation: str) -> bytes:
        """The proof of a bidder's awards under its award grant; not believed. MUST be safe to repeat."""
        ...

    async def submit_receipt(self, member: Member, receipt: str) -> None:
        """Countersign an answer. MUST be safe to repeat."""
        ...

    async def submit_notice(self, member: Member, document: str) -> str:
        """Hand a notice to a holder, or a person's withdrawal of a consent to its home. MUST be safe to repeat.

        Returns:
            The receipt; empty while what it asks is not done.
        """

    async def lodge_step(
        self, member: Member, guarantee: str, step: str, signature: bytes
    ) -> StepReceipt | None:
        """Hand in the document of a guarantee's step, with its mover's signature. MUST be safe to repeat.

        Both are empty for the issue, of a guarantee that was sealed until the opening: its document is the guarantee.

        Returns:
            That the member has it; None if it gives no receipt for it.
        """
        ...

    async def read_on_legal_basis(self, member: Member, papers: LegalPapers) -> Answer:
        """Read on a legal basis; no delegation comes along. MUST be safe to repeat: the same papers are one read."""
        ...

    async def submit_legal_receipt(self, member: Member, receipt: str) -> None:
        """Countersign an answer on a legal basis. MUST be safe to repeat."""
        ...

    async def log_view(self, member: Member, sizes: Sequence[int]) -> LogView:
        """The member's log as it is now, with consistency proofs from at most 2 sizes."""
        ...

    async def witnessed_view(self, member: Member, size: int) -> LogView:
        """The first checkpoint at or after `size` with enough cosignatures, which stand in the note; one proof.

        Raises:
            MissingError: there is none yet.
        """
        ...

    async def definition(self, member: Member, digest: bytes) -> bytes:
        """The text of a definition by its SHA-256; not believed.

        Raises:
            MissingError: the member does not have it.
        """
        ...

    async def opening_key(self, member: Member, request: str) -> str:
        """Have a holder make a key for an opening. MUST be safe to repeat: the same label is the same key."""
        ...

    async def shares(self, member: Member, request: str) -> str:
        """A holder's shares of an opened tender. MUST be safe to repeat.

        Raises:
            MissingError: it has nothing to release for such an opening.
        """
        ...

    async def evaluation_state(self, member: Member, waiver: str) -> str:
        """How the evaluation in a bidder's waiver stands at its home; not believed. MUST be safe to repeat.

        Raises:
            MissingError: the waiver does not let this node ask now, or there is no such evaluation.
        """
        ...

    async def issue_signature(self, member: Member, guarantee: str) -> bytes:
        """A guarantor's signature of an opened guarantee for the contract in force. MUST be safe to repeat.

        Raises:
            MissingError: it has nothing to sign there.
        """
        ...

    async def submit_cosignature(self, member: Member, size: int, line: str) -> None:
        """Hand a cosignature to the log's own node. MUST be safe to repeat."""
        ...
