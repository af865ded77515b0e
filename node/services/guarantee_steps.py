"""Every step of a guarantee after its issue, one way for all: checked, kept, to the ledger, to its parties.

At any member: what a beneficiary or an applicant has signed. At the guarantor and at the tender's centre: their
own steps. A step reaches the ledger from the node where it was made; its document goes to the guarantor's node, and
from there to the nodes that have handed in a step of this guarantee. Nobody else is told: before the opening a
message from a bank to a centre would say who bids.

The guarantor's node and the centre's sign at once that they have a document (`StepReceipt`). With that receipt the
step is in time on the ledger also when the ledger could not be reached in time.
"""

import enum
import logging
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from node.domain.calendar import working_days_to_come
from node.domain.document import (
    document_digest,
    open_document,
    open_members_document,
    sign_document,
)
from node.domain.encoding import to_base64url
from node.domain.guarantee import (
    Guarantee,
    GuaranteeRelease,
    applicant_salt,
    beneficiary_salt,
    centre_salt,
    end_salt,
)
from node.domain.guarantee_life import (
    Life,
    Possible,
    follow,
    possible_steps,
    signed_step,
)
from node.domain.guarantee_statement import (
    Says,
    Statement,
    StepDocument,
    check_statement,
    event_of,
    peek_step,
)
from node.domain.guarantee_table import Event, Mover, Rule, State, Time, mover_of, transition
from node.domain.ledger import NO_EVIDENCE, NO_WORD, Evidence, GuaranteeStep, Signed, StepGuarantee
from node.domain.ledger_ids import Eip712Domain, step_guarantee_digest, step_receipt_digest
from node.domain.member import Member
from node.domain.sealed_guarantee import reopen_guarantee
from node.domain.signature import verify_p256
from node.domain.wallet import ReleaseCall, StepCall, StepReceipt, StepsCall
from node.errors import (
    ConflictError,
    DocumentFormatError,
    MissingError,
    NodeError,
    NotMemberError,
    RoleMissingError,
    SignatureError,
    StoreError,
    UnavailableError,
)
from node.ports import Clock, Peers, Signer, Store
from node.services import layout
from node.services.alliance import Alliance
from node.services.feed import Feed, FeedEntry
from node.services.gate import Gate
from node.services.guarantee_lives import GuaranteeLives
from node.services.guarantees import Guarantees
from node.services.line_keeping import LineKeeping
from node.services.outbox import Outbox, guarantee_object
from node.services.outbox import State as Place
from node.services.pauses import Pauses
from node.services.projection import GuaranteeRow
from node.services.transaction import Transaction
from node.services.vault import Entropy

logger = logging.getLogger(__name__)

_COUNTER = "guarantee-posts"
_FIRST_PAUSE_SECONDS, _LAST_PAUSE_SECONDS = 1.0, 3_600.0
_TIMED = (Time.IN_TIME, Time.BEFORE_DUE)


@dataclass(frozen=True, slots=True)
class Taken:
    """A step that is on its way to the ledger."""

    guarantee: str
    """Id, 64 hex digits."""
    was_under_way: bool
    """Whether the same event was on its way from this node before; then this one is not needed, and not sent."""
    receipt: StepReceipt | None = None
    """That a counterparty has the document."""


@dataclass(frozen=True, slots=True)
class Shown:
    """How a guarantee stands, for one of its parties."""

    guarantee: str
    """Id, 64 hex digits."""
    terms: Guarantee
    row: GuaranteeRow
    life: Life
    documents: dict[bytes, str]
    """Compact JWS of the steps whose documents are here, by digest."""
    possible: list[Possible]
    working_days: int
    """Working days to come before what runs is over; 0 if nothing runs."""


class Stage(enum.IntEnum):
    """What was told of an open claim."""

    OPEN = 0
    DUE_SOON = 1
    """The last working day."""
    OVERDUE = 2
    """The guarantor can object to nothing any more."""


class _Post(msgspec.Struct, frozen=True):
    to: str
    guarantee: bytes
    sequence: int
    digest: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class _Step:
    """One that was checked."""

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
        return Event(self.step.event)


class GuaranteeSteps:
    """Moves guarantees."""

    def __init__(  # noqa: PLR0917
        self,
        store: Store,
        alliance: Alliance,
        gate: Gate,
        guarantees: Guarantees,
        lives: GuaranteeLives,
        exposure: LineKeeping,
        peers: Peers,
        outbox: Outbox,
        feed: Feed,
        signer: Signer,
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        self._store, self._alliance, self._gate = store, alliance, gate
        self._guarantees, self._lives, self._exposure, self._peers = guarantees, lives, exposure, peers
        self._outbox, self._feed, self._signer = outbox, feed, signer
        self._clock, self._entropy = clock, entropy
        self._pauses = Pauses[tuple[str, bytes]](clock, _FIRST_PAUSE_SECONDS, _LAST_PAUSE_SECONDS)

    # -- making a step ------------------------------------------------------------------------------------

    def release(self, token: str) -> Taken:
        """Bring a beneficiary's release to the ledger; any member does that for whoever can sign it.

        Raises:
            NodeError: it is not the beneficiary's release of this guarantee, or not possible now.
        """
        call = self._gate.open(token, ReleaseCall)
        step = self._check(call.guarantee, call.release, bytes.fromhex(call.signature), call.key)
        return self._queue(step, self._own_receipt(step))

    async def take(self, token: str) -> Taken:
        """Bring a step of a beneficiary or an applicant to the ledger; any member does.

        Returns:
            With a receipt of the guarantor or the centre, if one of them could be reached.

        Raises:
            NodeError: it is not a step of this party of this guarantee, or not possible now.
        """
        call = self._gate.open(token, StepCall)
        self._keep_earlier(call)
        step = self._check(call.guarantee, call.step, bytes.fromhex(call.signature), call.key, call.receipt)
        receipt = call.receipt or self._own_receipt(step) or await self._their_receipt(step)
        return self._queue(step, receipt)

    async def make(self, guarantee: str, event: Event, says: Says) -> Taken:
        """Sign and bring to the ledger a step of this member, the guarantor or the tender's centre.

        Args:
            guarantee: id, 64 hex digits; this node holds the file.
            event: of the table.
            says: the content that it asks for.

        Raises:
            MissingError: this node does not hold the file, or the ledger does not have the guarantee.
            RoleMissingError: the step is another's.
            ConflictError: it is not possible now.
            DocumentFormatError: the content is not the event's.
        """
        token = self._file(bytes.fromhex(guarantee))
        terms, row = reopen_guarantee(token), self._row(bytes.fromhex(guarantee))
        if _member_of(terms, mover_of(event)) != self._alliance.me:
            raise RoleMissingError(f"{event.name} is a step of the {mover_of(event).name.lower()}")
        self._rule(row, event)
        statement = Statement(
            alliance=self._alliance.id,
            iat=int(self._clock.now()),
            jti=to_base64url(self._entropy(16)),
            guarantee=guarantee,
            sequence=row.sequence + 1,
            previous=row.document.hex(),
            event=event.name,
            says=says,
        )
        check_statement(statement)
        document = sign_document(statement, self._signer.sign)
        digest = document_digest(document)
        step = signed_step(
            bytes.fromhex(guarantee), terms.code, statement.sequence, row.document, statement, digest
        )
        signature = self._signer.sign(step_guarantee_digest(self._domain(row), step))
        checked = self._check(token, document, signature)
        return self._queue(checked, await self._their_receipt(checked))

    # -- what is handed in by a member --------------------------------------------------------------------

    def lodge(self, caller: str, guarantee: str, step: str, signature: bytes) -> StepReceipt | None:
        """Take a step's document from a member's node; the same again is answered the same.

        Args:
            caller: member; told of this guarantee's further steps from now on, if this is its guarantor.
            guarantee: the guarantee document.
            step: the step's document.
            signature: its mover's over EIP-712 StepGuarantee.

        Returns:
            A receipt, if this is guarantor or centre of it, not the mover, and the ledger does not have the step yet.

        Raises:
            ConflictError: it does not come next; perhaps this node has not seen the one before yet.
            NodeError: it is not a step of this guarantee, or none of this node's business.
        """
        terms, guarantor = self._guarantees.open(guarantee)
        raw_id, digest = self._guarantees.id_of(terms, guarantee), document_digest(step)
        if not self._concerns(raw_id, terms):
            raise RoleMissingError("this node is no party to the guarantee")
        document = peek_step(step)
        sequence = 0 if isinstance(document, GuaranteeRelease) else document.sequence
        transaction = Transaction(self._store)
        receipt = self._kept_receipt(raw_id, digest)
        if not self._is_known(raw_id, sequence, digest):
            checked = self._check(guarantee, step, signature)
            receipt = receipt or self._own_receipt(checked)
            self._keep_receipt(transaction, checked, receipt)
        if self._store.get(layout.GUARANTEE + raw_id) is None:
            self._guarantees.keep(transaction, raw_id, terms, guarantee)
        if self._alliance.me == guarantor.name:
            transaction.put(layout.GUARANTEE_NODE + raw_id + layout.text(caller), b"")
        if not self._lives.document(raw_id, digest):
            self._lives.keep(transaction, raw_id, step)
            self._tell(transaction, "guarantee.lodged", raw_id, event_of(document), by=caller)
        transaction.commit()
        self._feed.wake()
        return receipt

    # -- how it stands ------------------------------------------------------------------------------------

    def show(self, guarantee: str) -> Shown:
        """How a guarantee stands whose file this node holds.

        Raises:
            MissingError: it holds none, or the ledger does not have it.
            StoreError: the database fails.
        """
        raw_id = bytes.fromhex(guarantee)
        return self._show(raw_id, reopen_guarantee(self._file(raw_id)))

    def of_wallet(self, token: str) -> Shown:
        """How a guarantee stands, for its beneficiary or its applicant.

        Raises:
            NodeError: the request is not acceptable, or by another key.
        """
        call = self._gate.look_at(token, StepsCall)
        guarantee, _ = self._guarantees.open(call.guarantee)
        if call.key not in {guarantee.beneficiary_key, guarantee.applicant_key}:
            raise RoleMissingError("only beneficiary and applicant learn the steps of a guarantee")
        return self._show(self._guarantees.id_of(guarantee, call.guarantee), guarantee)

    def claims(self) -> Iterator[Shown]:
        """Open claims on the guarantees of this member.

        Raises:
            StoreError: the database fails.
        """
        for key, _ in self._store.scan(layout.GUARANTEE_CLAIM):
            yield self.show(key[len(layout.GUARANTEE_CLAIM) :].hex())

    def is_release_under_way(self, raw_id: bytes) -> bool:
        """Whether the beneficiary's release is on its way to the ledger from this node.

        Raises:
            StoreError: the database fails.
        """
        return any(
            isinstance(call := item.decoded(), StepGuarantee) and call.step.event == Event.RELEASE
            for item in self._outbox.of(guarantee_object(raw_id))
            if item.state is not Place.PARKED
        )

    # -- what goes on by itself ---------------------------------------------------------------------------

    async def step(self) -> None:
        """Hand in what is to be handed in, in order for each guarantee, and say which claims are due.

        Raises:
            StoreError: the database fails.
        """
        self._tell_of_claims()
        self._exposure.count_anew()
        held: set[tuple[str, bytes]] = set()
        for key, raw in list(self._store.scan(layout.GUARANTEE_POST)):
            post = msgspec.msgpack.decode(raw, type=_Post)
            line = post.to, post.guarantee
            if line in held or not self._pauses.is_due(line):
                continue
            if await self._deliver(key, post):
                self._pauses.forget(line)
            else:
                held.add(line)

    async def _deliver(self, key: bytes, post: _Post) -> bool:
        """Whether it is done, or is not needed any more."""
        line = post.to, post.guarantee
        row = self._alliance.projection.guarantee(post.guarantee)
        if row is None:
            return False  # this node reads the ledger anew
        is_overtaken = row.sequence >= post.sequence
        if not is_overtaken or self._lives.is_final(post.guarantee, post.sequence, post.digest):
            self._pauses.put_off(line)
            token = self._file(post.guarantee)
            document = self._lives.document(post.guarantee, post.digest)
            try:
                member = self._member(post.to)
                await self._peers.lodge_step(member, token, document, post.signature)
            except StoreError:
                raise
            except (UnavailableError, ConflictError) as error:
                logger.info("a step of guarantee %s waits for %s: %s", post.guarantee.hex(), post.to, error)
                return False
            except NodeError as error:
                logger.warning("a step of guarantee %s: %s refuses: %s", post.guarantee.hex(), post.to, error)
        transaction = Transaction(self._store)
        transaction.delete(key)
        transaction.commit()
        return True

    def _tell_of_claims(self) -> None:
        now, transaction, told = int(self._clock.now()), Transaction(self._store), False
        calendar = self._alliance.projection.calendar()
        for key, raw in self._store.scan(layout.GUARANTEE_CLAIM):
            raw_id, stage = key[len(layout.GUARANTEE_CLAIM) :], Stage(raw[0])
            row = self._alliance.projection.guarantee(raw_id)
            if row is None or not row.due or transition(State(row.state), Event.PRECLUDE) is None:
                continue
            left = working_days_to_come(calendar, now, row.due)
            reached = Stage.OVERDUE if now >= row.due else Stage.OPEN if left else Stage.DUE_SOON
            if reached > stage:
                kind = "guarantee.overdue" if reached is Stage.OVERDUE else "guarantee.due-soon"
                about = {"guarantee": raw_id.hex(), "due": str(row.due)}
                self._feed.add(transaction, FeedEntry(kind, now, about))
                transaction.put(key, bytes([reached]))
                told = True
        if told:
            transaction.commit()
            self._feed.wake()

    # -- checks -------------------------------------------------------------------------------------------

    def _check(
        self,
        guarantee: str,
        step: str,
        signature: bytes,
        key: str = "",
        receipt: StepReceipt | None = None,
    ) -> _Step:
        """A step that its mover signed, that comes next, and that neither table, time nor terms forbid."""
        terms, guarantor = self._guarantees.open(guarantee)
        raw_id = self._guarantees.id_of(terms, guarantee)
        document = peek_step(step)
        event = event_of(document)
        mover = mover_of(event)
        if key and (mover not in _WALLETS or key != _wallet_key(terms, mover)):
            raise RoleMissingError(f"{event.name} is a step of the {mover.name.lower()} alone")
        keys = self._open(step, document, terms, guarantor, mover)
        if (document.guarantee, document.alliance) != (raw_id.hex(), self._alliance.id):
            raise DocumentFormatError("the step is of another guarantee")
        row = self._row(raw_id)
        rule = self._rule(row, event)
        self._check_place(document, row)
        life = self._lives.of(raw_id, terms, row)
        follow(life, event, document, row.sequence + 1)
        digest = document_digest(step)
        signed = signed_step(raw_id, terms.code, row.sequence + 1, row.document, document, digest)
        typed = step_guarantee_digest(self._domain(row), signed)
        signer = _signer_among(keys, typed, signature)
        checked = _Step(
            raw_id, terms, guarantee, guarantor, row, life, document, step, digest, rule, signed, signer,
            signature, row.contract or self._alliance.contract("Guarantees"),
        )  # fmt: skip
        self._check_time(checked, receipt)
        return checked

    def _open(
        self, token: str, document: StepDocument, terms: Guarantee, guarantor: Member, mover: Mover
    ) -> list[bytes]:
        """Keys that can have signed for the ledger; the document is signed by one of them."""
        kind = type(document)
        if mover in _WALLETS:
            key = bytes.fromhex(_wallet_key(terms, mover))
            open_document(token, kind, key)
            return [key]
        member = guarantor if mover is Mover.GUARANTOR else self._member(terms.centre)
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

    def _check_time(self, step: _Step, receipt: StepReceipt | None) -> None:
        now, rule = self._clock.now(), step.rule
        limit = {Time.IN_TIME: step.life.end, Time.BEFORE_DUE: step.row.due}.get(rule.time)
        if receipt is not None:
            self._check_receipt(step, receipt)
        lodged = now if receipt is None else receipt.lodged
        if limit is not None and lodged >= limit:
            raise ConflictError(f"too late for {step.event.name}: the time ended at {limit}")
        for one in possible_steps(State(step.row.state), step.life.end, step.row.due):
            if one.event is step.event and now < one.opens:
                raise ConflictError(f"too early for {step.event.name}: possible from {one.opens} on")
        if rule.time in {Time.IN_TIME, Time.AFTER_GRACE} and not step.life.is_complete:
            raise DocumentFormatError("documents of earlier steps are not here: hand them in with the step")

    def _check_receipt(self, step: _Step, receipt: StepReceipt) -> None:
        if receipt.member not in {step.guarantee.iss, step.guarantee.centre}:
            raise SignatureError("a receipt is by guarantor or centre")
        if receipt.key == step.key or receipt.lodged > self._clock.now():
            raise SignatureError("a receipt is not by the mover, and not of the future")
        if bytes.fromhex(receipt.key) not in self._member(receipt.member).identity_keys(receipt.lodged):
            raise SignatureError(f"the receipt is not by a key of {receipt.member}")
        told = (step.raw_id, step.event, step.digest, receipt.lodged)
        digest = step_receipt_digest(self._domain(step.row), *told)
        verify_p256(bytes.fromhex(receipt.key), digest, bytes.fromhex(receipt.signature))

    # -- receipts -----------------------------------------------------------------------------------------

    def _own_receipt(self, step: _Step) -> StepReceipt | None:
        """That this node has the document, if it is guarantor or centre and not the mover."""
        me = self._alliance.me
        is_mover = step.rule.mover not in _WALLETS and me == _member_of(step.guarantee, step.rule.mover)
        if is_mover or me not in {step.guarantee.iss, step.guarantee.centre}:
            return None
        known = self._kept_receipt(step.raw_id, step.digest)
        if known is not None:
            return known
        lodged = int(self._clock.now())
        told = (step.raw_id, step.event, step.digest, lodged)
        signature = self._signer.sign(step_receipt_digest(self._domain(step.row), *told))
        return StepReceipt(me, lodged, self._signer.public_key.hex(), signature.hex())

    async def _their_receipt(self, step: _Step) -> StepReceipt | None:
        """The guarantor's, or the centre's: whoever answers first, in this order; none if nobody does."""
        if step.rule.time not in _TIMED:
            return None
        mover = _member_of(step.guarantee, step.rule.mover)
        for name in dict.fromkeys((step.guarantee.iss, step.guarantee.centre)):
            if name in {self._alliance.me, mover}:
                continue
            try:
                receipt = await self._peers.lodge_step(
                    self._member(name), step.token, step.document_token, step.signature
                )
                if receipt is not None:
                    self._check_receipt(step, receipt)
                    return receipt
            except StoreError:
                raise
            except NodeError as error:
                logger.info("no receipt by %s for a step of %s: %s", name, step.raw_id.hex(), error)
        return None

    def _kept_receipt(self, raw_id: bytes, digest: bytes) -> StepReceipt | None:
        raw = self._store.get(layout.GUARANTEE_RECEIPT + raw_id + digest)
        return None if raw is None else msgspec.msgpack.decode(raw, type=StepReceipt)

    @staticmethod
    def _keep_receipt(transaction: Transaction, step: _Step, receipt: StepReceipt | None) -> None:
        if receipt is not None:
            key = layout.GUARANTEE_RECEIPT + step.raw_id + step.digest
            transaction.put(key, msgspec.msgpack.encode(receipt))

    # -- to the ledger ------------------------------------------------------------------------------------

    def _queue(self, step: _Step, receipt: StepReceipt | None) -> Taken:
        name, named = guarantee_object(step.raw_id), step.raw_id.hex()
        transaction = Transaction(self._store)
        if self._is_under_way(transaction, name, step):
            return Taken(named, was_under_way=True, receipt=receipt)
        mover = Signed(self._alliance.signer_of(step.key), step.signature, *_opened(step))
        call = StepGuarantee(step.step, mover, self._evidence(step, receipt), at=step.at)
        self._outbox.add(transaction, name, call)
        if self._store.get(layout.GUARANTEE + step.raw_id) is None:
            self._guarantees.keep(transaction, step.raw_id, step.guarantee, step.token)
        self._lives.keep(transaction, step.raw_id, step.document_token)
        self._exposure.offer(transaction, step.raw_id, step.life, step.document)
        self._keep_receipt(transaction, step, receipt)
        for to in self._to_be_told(step):
            post = _Post(to, step.raw_id, step.step.sequence, step.digest, step.signature)
            place = layout.GUARANTEE_POST + layout.number(transaction.take(_COUNTER))
            transaction.put(place, msgspec.msgpack.encode(post))
        self._tell(transaction, "guarantee.step", step.raw_id, step.event)
        transaction.commit()
        self._feed.wake()
        return Taken(named, was_under_way=False, receipt=receipt)

    def _is_under_way(self, transaction: Transaction, name: str, step: _Step) -> bool:
        """Whether the same event is; a parked step that can never be taken any more is given up."""
        if not self._outbox.is_open(transaction, name):
            return False
        for number, item in self._outbox.items():
            call = item.decoded() if item.object == name else None
            if not isinstance(call, StepGuarantee):
                continue
            if call.step.sequence <= step.row.sequence:  # the ledger has that one, or another in its place
                if item.state is Place.PARKED:
                    self._outbox.drop(transaction, number)
            elif item.state is not Place.PARKED:
                if call.step.event == step.event:
                    return True
                raise ConflictError("another step is on its way from this node; wait until the ledger has it")
        return False

    def _evidence(self, step: _Step, receipt: StepReceipt | None) -> Evidence:
        if step.rule.time not in {*_TIMED, Time.AFTER_GRACE}:
            return NO_EVIDENCE
        end, salt = 0, NO_WORD
        if step.rule.time is not Time.BEFORE_DUE:
            end, salt = step.life.end, end_salt(step.guarantee.code, step.life.end_sequence)
        if receipt is None:
            return Evidence(end, salt)
        is_guarantors = receipt.member == step.guarantee.iss
        opens = (NO_WORD, "") if is_guarantors else (centre_salt(step.guarantee.code), receipt.member)
        by = Signed(self._alliance.signer_of(receipt.key), bytes.fromhex(receipt.signature), *opens)
        return Evidence(end, salt, receipt.lodged, by)

    def _to_be_told(self, step: _Step) -> list[str]:
        me = self._alliance.me
        if me != step.guarantee.iss:
            return [step.guarantee.iss]
        prefix = layout.GUARANTEE_NODE + step.raw_id
        return [key[len(prefix) : -1].decode() for key, _ in self._store.scan(prefix)]

    # -- what it rests on ---------------------------------------------------------------------------------

    def _show(self, raw_id: bytes, guarantee: Guarantee) -> Shown:
        row = self._row(raw_id)
        life = self._lives.of(raw_id, guarantee, row)
        documents = {
            entry.step.document: token
            for entry in life.entries
            if (token := self._lives.document(raw_id, entry.step.document))
        }
        calendar, now = self._alliance.projection.calendar(), int(self._clock.now())
        days = working_days_to_come(calendar, now, row.due) if row.due > now else 0
        possible = possible_steps(State(row.state), life.end, row.due)
        return Shown(raw_id.hex(), guarantee, row, life, documents, possible, days)

    def _keep_earlier(self, call: StepCall) -> None:
        """Documents that the ledger has need no other proof: their digests are in its steps."""
        guarantee, _ = self._guarantees.open(call.guarantee)
        raw_id, transaction = self._guarantees.id_of(guarantee, call.guarantee), Transaction(self._store)
        final = {step.document for step in self._alliance.projection.guarantee_steps(raw_id)}
        for token in call.earlier:
            peek_step(token)
            if document_digest(token) in final:
                self._lives.keep(transaction, raw_id, token)
        transaction.commit()

    def _is_known(self, raw_id: bytes, sequence: int, digest: bytes) -> bool:
        if self._lives.is_final(raw_id, sequence, digest):
            return True
        row = self._row(raw_id)  # a release does not say its number
        return row.document == digest

    def _concerns(self, raw_id: bytes, terms: Guarantee) -> bool:
        is_party = self._alliance.me in {terms.iss, terms.centre}
        return is_party or self._store.get(layout.GUARANTEE + raw_id) is not None

    def _file(self, raw_id: bytes) -> str:
        kept = self._store.get(layout.GUARANTEE + raw_id)
        if kept is None:
            raise MissingError("this node does not hold the file of that guarantee")
        return kept.decode()

    def _row(self, raw_id: bytes) -> GuaranteeRow:
        row = self._alliance.projection.guarantee(raw_id)
        if row is None:
            raise MissingError("the ledger has no such guarantee")
        return row

    @staticmethod
    def _rule(row: GuaranteeRow, event: Event) -> Rule:
        rule = transition(State(row.state), event)
        if rule is None:
            raise ConflictError(
                f"{event.name} is not possible for a guarantee that is {State(row.state).name}"
            )
        return rule

    def _member(self, name: str) -> Member:
        """In whatever standing: duties run on."""
        row = self._alliance.projection.standing(name)
        if row is None:
            raise NotMemberError(f"{name} is not a member of this alliance")
        return row.member

    def _domain(self, row: GuaranteeRow) -> Eip712Domain:
        # A guarantee lives on in the contract that it was issued in, also when that is replaced.
        return self._alliance.domain_at(row.contract or self._alliance.contract("Guarantees"))

    def _tell(self, transaction: Transaction, kind: str, raw_id: bytes, event: Event, **about: str) -> None:
        named = {"guarantee": raw_id.hex(), "event": event.name, **about}
        self._feed.add(transaction, FeedEntry(kind, self._clock.now(), named))


_WALLETS = (Mover.BENEFICIARY, Mover.APPLICANT)


def _wallet_key(terms: Guarantee, mover: Mover) -> str:
    return terms.beneficiary_key if mover is Mover.BENEFICIARY else terms.applicant_key


def _member_of(terms: Guarantee, mover: Mover) -> str:
    """Member that moves, or nobody."""
    return {Mover.GUARANTOR: terms.iss, Mover.CENTRE: terms.centre}.get(mover, "")


def _opened(step: _Step) -> tuple[bytes, str]:
    """Salt that opens the ledger's commitment to the mover, and the centre's name."""
    code = step.guarantee.code
    match step.rule.mover:
        case Mover.BENEFICIARY:
            return beneficiary_salt(code), ""
        case Mover.APPLICANT:
            return applicant_salt(code), ""
        case Mover.CENTRE:
            return centre_salt(code), step.guarantee.centre
        case _:
            return NO_WORD, ""


def _signer_among(keys: list[bytes], message: bytes, signature: bytes) -> str:
    for key in keys[:-1]:
        try:
            verify_p256(key, message, signature)
        except SignatureError:
            continue
        return key.hex()
    verify_p256(keys[-1], message, signature)
    return keys[-1].hex()
