"""What the node needs from outside, as small Protocols.

Each port states what an implementation MUST do; `tests/ports` runs one behaviour suite per port on every
implementation, the in-memory ones included. A method lets out only the errors it names.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from node.domain.alliance_life import BookEntry, ContractSet
from node.domain.bank_order import BankAnswer, BankOrder
from node.domain.guarantee_page import Glyph
from node.domain.keys import KeyInfo, KeyKind
from node.domain.ledger import Block, Call, Event, Outcome, SignedCall
from node.domain.ledger_proof import LedgerProof, Storage
from node.domain.legal_read import LegalPapers
from node.domain.member import Member
from node.domain.registry import RegistryEntry
from node.domain.signed_file import Finding, Format
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


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> float:
        """Seconds since 1970 UTC. MUST NOT be used to measure durations."""
        ...


class Ledger(Protocol):
    """The shared ledger, seen from one member's account.

    All methods raise `LedgerUnavailableError` when the engine does not answer in time, and nothing else
    but what they name. Implementations MUST NOT cache anything that a block can change, MUST NOT retry a
    `send` under another nonce, and MUST be safe for concurrent calls from one event loop.
    """

    @property
    def account(self) -> bytes:
        """20 bytes: the address that signs."""
        ...

    async def head(self) -> Block:
        """The newest block."""
        ...

    async def block(self, number: int) -> Block | None:
        """The canonical block at `number`, or None past the head."""
        ...

    async def events(self, first: int, last: int) -> Sequence[Event]:
        """What the alliance's contracts reported in blocks `first` to `last`, both included, in order.

        MUST contain only events of the contracts that the descriptor names and of those in `use` that are known.
        """
        ...

    def use(self, contracts: Sequence[BookEntry]) -> None:
        """Take in which contracts votes have put in force since the founding, oldest first.

        From then on calls MUST go to the newest contract of a name, or where they say `at`, and events of all that
        are known MUST be reported.
        """
        ...

    async def knows(self, contract: ContractSet) -> bool:
        """Whether this software knows the code of a contract that was voted in.

        MUST compare the code on the chain: with what was voted on, and with the code this software was built for.
        """
        ...

    async def next_nonce(self) -> int:
        """The nonce of the account's next transaction, counting mined ones only."""
        ...

    async def dry_run(self, call: Call) -> None:
        """Run the call on the newest state without spending anything.

        Raises:
            LedgerRefusedError: a contract refuses; `problem` names its custom error.
            ContractUnknownError: the contract in force is not `known`.
        """
        ...

    async def sign(self, call: Call, nonce: int) -> SignedCall:
        """Sign a transaction at gas price zero. MUST NOT send it.

        Raises:
            ContractUnknownError: the contract in force is not `known`.
        """
        ...

    async def send(self, signed: SignedCall) -> None:
        """Hand the transaction to the engine. MUST accept one that the engine already knows.

        Raises:
            NonceTakenError: another transaction of this account already has the nonce.
        """
        ...

    async def outcome(self, transaction_hash: bytes) -> Outcome | None:
        """The canonical block that holds the transaction and whether it succeeded, or None."""
        ...

    async def prove(self, block: Block, storage: Storage) -> LedgerProof:
        """What contracts held after a canonical block, provable to strangers.

        MUST be a proof of just these slots, against the header of the block with that number and that hash, checked;
        `LedgerUnavailableError` also if the engine has another block there, or no longer has its state.
        MUST serve the newest block; how far back is the engine's affair.
        """
        ...

    async def close(self) -> None:
        """Release connections. The object MUST NOT be used afterwards."""
        ...


class Batch:
    """Changes that become durable together or not at all."""

    __slots__ = ("changes",)

    def __init__(self) -> None:
        self.changes: dict[bytes, bytes | None] = {}
        """New value by key; None deletes."""

    def put(self, key: bytes, value: bytes) -> None:
        """Set `key` to `value`."""
        self.changes[key] = value

    def delete(self, key: bytes) -> None:
        """Remove `key`, if it is there."""
        self.changes[key] = None


class Store(Protocol):
    """An ordered map from bytes to bytes that survives power loss.

    All methods raise `StoreError` when the database fails, and nothing else.
    """

    def get(self, key: bytes) -> bytes | None:
        """The value, or None."""
        ...

    def scan(
        self, prefix: bytes, *, start: bytes = b"", stop: bytes | None = None, reverse: bool = False
    ) -> Iterator[tuple[bytes, bytes]]:
        """Entries whose key begins with `prefix`, in byte order of keys.

        MUST show one moment: writes during the scan are not seen.

        Args:
            prefix: common beginning of the keys; the keys yielded still have it.
            start: first key wanted, without the prefix.
            stop: first key no longer wanted, without the prefix; None for all.
            reverse: descending.
        """
        ...

    def write(self, batch: Batch) -> None:
        """Apply all changes. MUST NOT return before they are on stable storage, and MUST apply all or none."""
        ...

    def purge(self, keys: Collection[bytes] | None) -> bool:
        """Let no file keep what keys held that were deleted or overwritten, nor the log of writes.

        May take long, and MAY be called from another thread while the other methods go on. MUST NOT change what `get`
        and `scan` find.

        Args:
            keys: which were; None for all there ever were.

        Returns:
            Whether that is so. False while somebody still reads what was there before: to be asked again.
        """
        ...

    def close(self) -> None:
        """Release the database. The object MUST NOT be used afterwards."""
        ...


class ErasureList(Protocol):
    """The list of erasures: bytes that only grow, kept apart from everything that is put back from a backup.

    All methods raise `StoreError` when it cannot be read or written, and nothing else.
    """

    def read(self, start: int) -> bytes:
        """From an offset to the end; whole lines only. Empty where the list is shorter."""
        ...

    def append(self, line: bytes) -> None:
        """Add a line, newline included. MUST add all or none of it, on stable storage when this returns."""
        ...

    def reach(self) -> int:
        """Size of the node's own log up to which this list is known to lack nothing."""
        ...

    def note_reach(self, size: int) -> None:
        """Remember that. It may be lost with the power: then the list is known to lack nothing up to less."""
        ...


class SignatureReader(Protocol):
    """Reads the signatures on a file and checks what needs no trust: structure, digests, signatures, timestamps."""

    async def read(
        self,
        content: AsyncIterator[bytes],
        form: Format | None,
        signature: bytes,
        roots: Sequence[bytes],
        at: int,
    ) -> Sequence[Finding]:
        """All signatures, in order; none if the file has none.

        MUST NOT let hostile content end, block or exhaust the process; MUST NOT fetch anything; MUST leave nothing
        of the content behind.

        Args:
            content: the file in parts.
            form: how it is signed; told from the content if None.
            signature: of a detached signature; empty if it is in the content.
            roots: DER of the authorities whose timestamps count.
            at: as of when these are judged, seconds since 1970 UTC.

        Raises:
            InvalidError: the file is none of that form.
            TooLargeError: too large, or too costly to read.
            BusyError: too many files are being read.
            UnavailableError: there is no room to read it in.
        """
        ...


class Typeface(Protocol):
    """The glyphs that stand on guarantee files.

    Every implementation MUST give the same glyphs for ever: those of the typeface that the format names. It MUST be
    safe for concurrent calls from threads.
    """

    def glyph(self, character: str) -> Glyph | None:
        """How a character is drawn; None if the typeface has no glyph for it, or one that draws nothing.

        Raises:
            ConfigError: the typeface is not there, or is another.
        """
        ...


class OrganisationSeal(Protocol):
    """The electronic seal 电子签章 of the member's organisation: a key and its certificate."""

    def chain(self) -> Sequence[bytes]:
        """DER of its certificate, then of those that lead to the authority; empty if the member has no seal.

        Raises:
            ConfigError: what is kept of it is malformed.
        """
        ...

    async def seal(self, content: bytes, stamp: Callable[[bytes], Awaitable[bytes]] | None) -> bytes:
        """A detached CMS signature over content in SHA-256 with the signing-certificate attribute, DER.

        Args:
            content: what is sealed.
            stamp: time-stamp request → answer (RFC 3161, DER), for PAdES B-T; None for B-B. What it raises MUST come
                out of this method.

        Raises:
            MissingError: the member has no seal.
            ConfigError: as `chain`, or the key does not belong to the certificate.
            KeyHolderError: the key's holder does not answer.
        """
        ...


class Signer(Protocol):
    """A private key that signs and never leaves its holder: a file, a token, an agent.

    `sign` raises `KeyHolderError` when the holder does not answer, and nothing else. It is called from the event loop
    and MUST answer or fail within seconds.
    """

    @property
    def public_key(self) -> bytes:
        """64 bytes for P-256, 32 for Ed25519."""
        ...

    def sign(self, message: bytes) -> bytes:
        """64 bytes: ES256 as r ‖ s, or Ed25519."""
        ...


class Account(Protocol):
    """A secp256k1 key that signs for an account of the ledger; as `Signer` otherwise."""

    @property
    def address(self) -> bytes:
        """20 bytes."""
        ...

    def sign(self, message: bytes) -> bytes:
        """65 bytes over keccak256 of the message: r ‖ s ‖ v with s in the lower half and v of 27 or 28."""
        ...


class Keys(Protocol):
    """The keys of one node. Each but `index` has generations, of which one is present; newer ones wait for others to
    learn of them, older ones are kept for what they alone can open.
    """

    @property
    def identity(self) -> Signer:
        """P-256: signs this member's documents; always by the present generation."""
        ...

    @property
    def account(self) -> Account:
        """secp256k1: signs ledger transactions; always by the present generation."""
        ...

    @property
    def log(self) -> Signer:
        """Ed25519, the present generation."""
        ...

    @property
    def log_signers(self) -> Sequence[Signer]:
        """Those that sign checkpoints now: the present generation, then newer ones."""
        ...

    @property
    def data(self) -> Sequence[bytes]:
        """32 bytes each, newest first: the first wraps the keyring, the others open what they wrapped."""
        ...

    @property
    def index(self) -> bytes:
        """32 bytes."""
        ...

    def newest(self, kind: KeyKind) -> bytes:
        """Public key (account: address) of the newest generation of a key that the ledger holds."""
        ...

    def present(self, kind: KeyKind) -> bytes:
        """Public key (account: address) of the present generation."""
        ...

    def make(self, kind: KeyKind, holder: str = "") -> None:
        """Add a generation. MUST be durable on return; MUST NOT change which one is present.

        Args:
            kind: of which key; not `INDEX`.
            holder: URI of a key that is made elsewhere already; empty for a new encrypted file.

        Raises:
            ConfigError: it cannot be written, or the URI leads to no such key.
        """
        ...

    def prove(self, kind: KeyKind, public: bytes, message: bytes) -> bytes:
        """Sign by the generation of the account or identity key that has this public key (account: address).

        Raises:
            KeyHolderError: there is none, or its holder does not answer.
        """
        ...

    def use(self, kind: KeyKind, public: bytes) -> bool:
        """Make the generation with this public key present; False if there is none.

        Raises:
            ConfigError: that cannot be written down.
        """
        ...

    def forget(self, kind: KeyKind) -> None:
        """Destroy all generations older than the present one.

        Raises:
            ConfigError: a file cannot be removed.
        """
        ...

    def list(self) -> Sequence[KeyInfo]:
        """All generations of all keys."""
        ...


@dataclass(frozen=True, slots=True)
class IssuedCertificate:
    """A certificate of one of the centre's own systems."""

    serial: str
    """Lower-case hexadecimal digits, without leading zeros."""
    fingerprint: bytes
    """SHA-256 of the certificate in DER."""
    end: float
    """Seconds since 1970 UTC."""
    pem: bytes


class Certifier(Protocol):
    """Issues certificates to the centre's own systems, in the name of this member's identity key."""

    def certify(
        self, request_pem: bytes, name: str, role: str, start: float, end: float
    ) -> IssuedCertificate:
        """Sign a certificate for the key of a PKCS #10 request.

        MUST check that the request is signed by its own key, MUST refuse weak keys, MUST take nothing but the key
        from the request, and MUST give every certificate a serial of at least 64 random bits.

        Args:
            request_pem: the request.
            name: of the system, for people.
            role: what the certificate says that its holder is.
            start: seconds since 1970 UTC.
            end: the same.

        Raises:
            CertificateRequestError: the request will not be signed.
        """
        ...

    def recognise(self, certificate_pem: bytes, role: str) -> IssuedCertificate:
        """A certificate of this node's own making, in that role.

        Raises:
            UnknownCallerError: it is not.
        """
        ...


class Authorities(Protocol):
    """The services of certificate authorities: who says what is revoked, and what existed when.

    All methods raise `AuthorityUnavailableError` when there is no answer of the right kind and size in time, and
    nothing else. They MUST ask exactly the address given (from the voted list), MUST NOT follow redirects to
    another, and MUST NOT believe what they bring: it is checked by whoever asked.
    """

    async def ocsp(self, address: str, request: bytes) -> bytes:
        """The DER answer to a DER question, RFC 6960."""
        ...

    async def crl(self, address: str) -> bytes:
        """A revocation list, DER."""
        ...

    async def timestamp(self, address: str, request: bytes) -> bytes:
        """The DER answer to a DER request, RFC 3161."""
        ...


class Registry(Protocol):
    """A company register 市场监管, asked about one company at a time.

    It MUST ask the register anew each time: how long an answer is good for is the caller's to decide. It MUST NOT
    block the event loop, MUST be safe for concurrent calls, and MUST leave nothing open when a call is cancelled, for
    that is how a slow register is given up.
    """

    @property
    def name(self) -> str:
        """The register's name, as attestations give it: 1 to 200 printable characters. Never changes."""
        ...

    async def look_up(self, credit_code: str) -> RegistryEntry | None:
        """What the register has under a credit code; None where, and only where, it says that it has nothing.

        Raises:
            RegistryUnavailableError: it does not answer.
            RegistryAnswerError: it answers something that cannot be read, or about another code.
        """
        ...


class CoreBanking(Protocol):
    """The guarantor's own core banking system: books, accounts, payments.

    It may be slow, wrong or away; what it says is checked and never believed beyond that. It MUST NOT block the event
    loop, and MUST be safe for concurrent calls.
    """

    async def submit(self, order: BankOrder) -> BankAnswer:
        """Have an order carried out, or learn how it stands.

        It MUST carry an order id out at most once, however often and after whatever failure it is submitted, and MUST
        answer the same again with the state of the first: "done" once it is in the books, "pending" while it waits
        (for the applicant's payment, for instance), "refused" with a reason if it will not be done. It MUST refuse an
        id that comes again with another content, and MUST NOT turn "done" into anything else.

        Raises:
            BankUnavailableError: no answer in time; whether it was carried out is not known.
            BankAnswerError: an answer that cannot be read, or that is not the bank's.
        """
        ...


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

    async def submit_cosignature(self, member: Member, size: int, line: str) -> None:
        """Hand a cosignature to the log's own node. MUST be safe to repeat."""
        ...
