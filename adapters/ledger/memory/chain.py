"""A chain in memory that several ledgers share, and the accidents that tests need: outage, loss, a fork."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from eth_hash.auto import keccak
from trie.constants import BLANK_NODE_HASH

from adapters.ledger.artifact import (
    ALLIANCE,
    BOOK_NAMES,
    CATALOGUE,
    CONTRACT_NAMES,
    TRUST_LIST,
    VERIFIER,
    VERIFIERS,
)
from adapters.ledger.deployment import DeployedContract, Deployment
from adapters.ledger.memory.alliance import AllianceRules
from adapters.ledger.memory.book import BookRules
from adapters.ledger.memory.calendar import CalendarRules
from adapters.ledger.memory.catalogue import CatalogueRules
from adapters.ledger.memory.guarantees import GuaranteeRules, Issue
from adapters.ledger.memory.member_keys import KeyRules
from adapters.ledger.memory.moves import MoveRules
from adapters.ledger.memory.sealing import SealingRules
from adapters.ledger.memory.state import Frame, State
from adapters.ledger.memory.storage import Tries, header_of
from adapters.ledger.memory.subjects import SubjectRules
from adapters.ledger.memory.transactions import Transaction, read_transaction
from adapters.ledger.memory.trust import TrustRules
from node.domain.alliance_life import (
    ContractSet,
    MoveSubject,
    ProposeCalendar,
    ProposeContract,
    ProposeDefinition,
    ProposeRoles,
    ProposeVerifier,
    StandingStep,
    VerifierSet,
)
from node.domain.catalogue.shipped import FoundingEntry
from node.domain.ledger import (
    AnchorCheckpoint,
    Block,
    Call,
    CastVote,
    ChangeController,
    ChangeKeys,
    CreateSubject,
    Event,
    Happening,
    IssueGuarantee,
    Outcome,
    ProposeAdmission,
    ProposeStanding,
    ProposeTrust,
    RegisterGrant,
    RevokeGrant,
    SignedCall,
    StepGuarantee,
    UpdateEndpoints,
)
from node.domain.ledger_proof import LedgerProof, Storage, make_ledger_proof
from node.domain.member import Member
from node.domain.recovery import ConfirmRecovery, FinishRecovery, ProposeRecovery, VetoRecovery
from node.domain.sealing import AnnounceOpening, OpenTender, PostponeOpening, ReserveApplications
from node.domain.trust import TrustAnchor
from node.errors import LedgerProofError, LedgerRefusedError, LedgerUnavailableError, NonceTakenError

Reported = tuple[bytes, Happening]
"""Which contract reported what."""


@dataclass(frozen=True, slots=True)
class _Sealed:
    block: Block
    events: tuple[Event, ...]
    outcomes: dict[bytes, bool]
    """Transaction hash → whether it succeeded."""
    mark: int
    """Where the state's journal stood before the block."""
    end: int
    """Where it stood after the block."""
    header: bytes
    """RLP."""
    state_root: bytes


class MemoryChain:
    """The shared part. `is_down` makes every ledger on it unavailable until it is unset."""

    def __init__(
        self,
        alliance_id: bytes,
        founders: Sequence[Member],
        anchors: Sequence[TrustAnchor] = (),
        *,
        definitions: Sequence[FoundingEntry] | None = None,
        chain_id: int = 1337,
        auto_seal: bool = True,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Found an alliance: block 0 is empty, block 1 holds what the constructor reports.

        Args:
            alliance_id: 32 bytes.
            founders: the first members, in order.
            anchors: founding entries of the trust list.
            definitions: founding entries of the catalogue; None for those that come with this software.
            chain_id: part of every signature.
            auto_seal: make a block for each transaction at once; otherwise `seal` does.
            clock: seconds since 1970 UTC.

        Raises:
            LedgerRefusedError: a founder or an authority is malformed or there twice.
        """
        self.is_down = False
        self.auto_seal = auto_seal
        self._clock = clock
        self._fork = 0
        self._state = State()
        self._pending: dict[bytes, Transaction] = {}
        header = header_of(alliance_id, 0, int(clock()), BLANK_NODE_HASH, b"")
        genesis = Block(0, keccak(header), int(clock()))
        self._sealed = [_Sealed(genesis, (), {}, 0, 0, header, BLANK_NODE_HASH)]
        self.deployment = _place_contracts(alliance_id, chain_id, genesis.hash)
        self._tries = Tries(self._state, self.deployment)
        verifier = self.deployment.address_of(VERIFIER)
        places = {name: self.deployment.address_of(name) for name in BOOK_NAMES}
        for place in self.deployment.contracts.values():
            self._state.put("code", place.address, place.code_hash)
        self.names = {place.address: name for name, place in self.deployment.contracts.items()}
        verifiers = {name: self.deployment.address_of(name) for name in VERIFIERS}
        book = BookRules(self._state, places, verifiers)
        trust = TrustRules(self._state)
        catalogue = CatalogueRules(self._state)
        calendar = CalendarRules(self._state)
        self._alliance = AllianceRules(self._state, book, trust, catalogue, calendar)
        moves = MoveRules(self._state, self._alliance, book, self.deployment)
        subjects = SubjectRules(self._state, self._alliance, book, self.deployment)
        guarantees = GuaranteeRules(self._state, self._alliance, book, calendar, self.deployment)
        sealing = SealingRules(self._state, self._alliance, book, self.deployment)
        keys = KeyRules(self._state, self._alliance, book, self.deployment)
        self._rules: dict[type[Call | Issue], Callable[[bytes, Any, int], list[Happening]]] = {
            ProposeAdmission: self._alliance.propose,
            ProposeStanding: self._alliance.propose,
            ProposeTrust: self._alliance.propose,
            ProposeRoles: self._alliance.propose,
            ProposeContract: self._alliance.propose,
            ProposeVerifier: self._alliance.propose,
            ProposeDefinition: self._alliance.propose,
            ProposeCalendar: self._alliance.propose,
            StandingStep: lambda sender, call, _: self._alliance.take_step(sender, call),
            MoveSubject: lambda sender, call, _: subjects.move(sender, call),
            CastVote: self._alliance.vote,
            UpdateEndpoints: lambda sender, call, _: self._alliance.update_endpoints(sender, call),
            ChangeKeys: keys.change,
            CreateSubject: lambda sender, call, _: subjects.create(sender, call),
            ChangeController: lambda sender, call, _: subjects.change_controller(sender, call),
            ProposeRecovery: lambda sender, call, _: subjects.propose_recovery(sender, call),
            ConfirmRecovery: subjects.confirm_recovery,
            VetoRecovery: lambda sender, call, _: subjects.veto_recovery(sender, call),
            FinishRecovery: subjects.finish_recovery,
            RegisterGrant: moves.register_grant,
            RevokeGrant: lambda sender, call, _: moves.revoke_grant(sender, call),
            Issue: guarantees.issue,
            IssueGuarantee: lambda sender, call, now: guarantees.issue(
                sender, Issue(call.terms, verifier, call.signature), now
            ),
            StepGuarantee: guarantees.step,
            AnnounceOpening: sealing.announce,
            PostponeOpening: lambda sender, call, _: sealing.postpone(sender, call),
            OpenTender: sealing.open,
            ReserveApplications: sealing.reserve,
            AnchorCheckpoint: lambda sender, call, _: moves.anchor(sender, call),
        }
        mark = self._state.mark()
        self._state.frame = Frame(now=self._next_time())
        founded = self._alliance.found(tuple(founders))
        founded += [ContractSet(name, place, bytes(32)) for name, place in places.items()]
        founded += [VerifierSet(one, accepted=True) for one in verifiers.values()]
        alliance = self.deployment.address_of(ALLIANCE)
        events = [(alliance, one) for one in founded]
        events += [(self.deployment.address_of(TRUST_LIST), one) for one in trust.found(anchors)]
        events += [(self.deployment.address_of(CATALOGUE), one) for one in catalogue.found(definitions)]
        self._append(events, {}, mark)

    # -- what a test does to it --------------------------------------------------------------------------

    def seal(self) -> Block:
        """Make a block of what waits, perhaps of nothing."""
        mark = self._state.mark()
        happenings: list[Reported] = []
        outcomes: dict[bytes, bool] = {}
        while ready := [one for one in self._pending.values() if one.nonce == self.next_nonce(one.sender)]:
            for transaction in ready:
                del self._pending[transaction.hash]
                self._state.put("nonce", transaction.sender, transaction.nonce + 1)
                reported = self._execute(transaction)
                outcomes[transaction.hash] = reported is not None
                happenings += [(transaction.target, one) for one in reported or []]
        return self._append(happenings, outcomes, mark)

    def deploy(self, name: str, code_hash: bytes | None = None) -> bytes:
        """Put a contract on the chain, which is in force only once the members vote for it; its address.

        Args:
            name: whose rules it has.
            code_hash: of other code than the founding contract of that name has.
        """
        address = keccak(self.deployment.alliance_id + len(self.names).to_bytes(4, "big"))[12:]
        self._state.put("code", address, code_hash or self.deployment.contracts[name].code_hash)
        self.names[address] = name
        return address

    def code_hash(self, address: bytes) -> bytes | None:
        """Of the contract at an address."""
        found: bytes | None = self._state.get("code", address)
        return found

    def drop_pending(self) -> int:
        """Lose all transactions that wait, as an engine that is killed does; returns how many there were."""
        count = len(self._pending)
        self._pending.clear()
        return count

    def reorganise(self, depth: int) -> None:
        """Lose the last `depth` blocks and their transactions; new blocks get other hashes.

        Raises:
            ValueError: that would lose the founding.
        """
        if not 0 < depth <= len(self._sealed) - 2:
            raise ValueError("blocks 0 and 1 cannot be lost")
        self._state.rollback(self._sealed[-depth].mark)
        del self._sealed[-depth:]
        self._fork += 1

    # -- what a ledger asks ------------------------------------------------------------------------------

    def check_up(self) -> None:
        """Raises:
        LedgerUnavailableError: a test has taken it down.
        """
        if self.is_down:
            raise LedgerUnavailableError("the ledger in memory is down")

    def head(self) -> Block:
        """The newest block."""
        return self._sealed[-1].block

    def block(self, number: int) -> Block | None:
        """The block at `number`, or None."""
        return self._sealed[number].block if 0 <= number < len(self._sealed) else None

    def events(self, first: int, last: int) -> list[Event]:
        """The events of blocks `first` to `last`, both included."""
        return [event for sealed in self._sealed[first : last + 1] for event in sealed.events]

    def next_nonce(self, account: bytes) -> int:
        """The account's next nonce, counting mined transactions."""
        nonce: int = self._state.get("nonce", account, 0)
        return nonce

    def outcome(self, transaction_hash: bytes) -> Outcome | None:
        """Where the transaction is, if it is in a block."""
        for sealed in reversed(self._sealed):
            if transaction_hash in sealed.outcomes:
                return Outcome(sealed.block, sealed.outcomes[transaction_hash])
        return None

    def prove(self, block: Block, storage: Storage) -> LedgerProof:
        """Raises:
        LedgerUnavailableError: there is another block, or no contract where one is asked for.
        """
        if self.block(block.number) != block:
            raise LedgerUnavailableError(f"the ledger in memory has another block {block.number}")
        sealed = self._sealed[block.number]
        nodes = self._tries.nodes_of(sealed.state_root, storage)
        try:
            return make_ledger_proof(sealed.header, storage, nodes)
        except LedgerProofError as error:
            raise LedgerUnavailableError(f"the ledger in memory does not prove that: {error}") from error

    def dry_run(self, sender: bytes, call: Call, target: bytes) -> None:
        """Raises:
        LedgerRefusedError: as the contract at `target`.
        """
        mark = self._state.mark()
        try:
            self._apply(sender, call, Frame(target, self.head().time))
        finally:
            self._state.rollback(mark)

    def send(self, signed: SignedCall) -> None:
        """Let a transaction wait for its block.

        Raises:
            NonceTakenError: another transaction has its nonce.
            LedgerUnavailableError: it is not for this chain.
        """
        if signed.hash in self._pending or self.outcome(signed.hash) is not None:
            return
        try:
            transaction = read_transaction(signed.raw, self.deployment, self.names)
        except ValueError as error:
            raise LedgerUnavailableError(f"the ledger in memory refuses: {error}") from error
        rivals = [
            one
            for one in self._pending.values()
            if (one.sender, one.nonce) == (transaction.sender, transaction.nonce)
        ]
        if rivals or transaction.nonce < self.next_nonce(transaction.sender):
            raise NonceTakenError(f"nonce {transaction.nonce} was used by another transaction")
        self._pending[transaction.hash] = transaction
        if self.auto_seal:
            self.seal()

    # -- making blocks -----------------------------------------------------------------------------------

    def _execute(self, transaction: Transaction) -> list[Happening] | None:
        """What the transaction reports, or None if it fails: it is in the block all the same."""
        mark = self._state.mark()
        try:
            frame = Frame(transaction.target, self._next_time())
            return self._apply(transaction.sender, transaction.call, frame)
        except LedgerRefusedError:
            self._state.rollback(mark)
            return None

    def _apply(self, sender: bytes, call: Call | Issue, frame: Frame) -> list[Happening]:
        self._state.frame = frame
        happenings = self._rules[type(call)](sender, call, frame.now)
        return [*frame.reported, *happenings]

    def _append(self, happenings: list[Reported], outcomes: dict[bytes, bool], mark: int) -> Block:
        number, sealed_at = self.head().number + 1, self._next_time()
        last, end = self._sealed[-1], self._state.mark()
        root = self._tries.apply(last.state_root, self._state.changed_since(last.end))
        content = b"".join([self._fork.to_bytes(4, "big"), *outcomes])
        header = header_of(last.block.hash, number, sealed_at, root, content)
        block = Block(number, keccak(header), sealed_at)
        events = tuple(Event(number, index, one, at) for index, (at, one) in enumerate(happenings))
        self._sealed.append(_Sealed(block, events, outcomes, mark, end, header, root))
        return block

    def _next_time(self) -> int:
        return max(self.head().time + 1, int(self._clock()))


def _place_contracts(alliance_id: bytes, chain_id: int, genesis_hash: bytes) -> Deployment:
    places = {name: keccak(alliance_id + name.encode()) for name in CONTRACT_NAMES}
    return Deployment(
        alliance_id=alliance_id,
        chain_id=chain_id,
        genesis_hash=genesis_hash,
        block=1,
        contracts={name: DeployedContract(place[12:], place) for name, place in places.items()},
    )
