"""This member's part in the alliance: proposing, voting, its own standing, and moving its own addresses."""

from node.domain.alliance_life import ProposeContract, ProposeRoles, ProposeVerifier, StandingStep, Step
from node.domain.descriptor import open_card
from node.domain.ledger import Action, Call, CastVote, ProposeAdmission, ProposeStanding, UpdateEndpoints
from node.errors import ConflictError, MissingError
from node.ports import Clock, Store
from node.services.alliance import Alliance
from node.services.outbox import Outbox
from node.services.transaction import Transaction

DEFAULT_VALID_SECONDS = 7 * 86_400
MAX_VALID_SECONDS = 90 * 86_400
_ANSWER = "answer"


class Membership:
    """Queues what this member decides; the contract counts."""

    def __init__(self, store: Store, alliance: Alliance, outbox: Outbox, clock: Clock) -> None:
        self._store, self._alliance, self._outbox, self._clock = store, alliance, outbox, clock

    def propose_admission(self, card: str, valid_seconds: int) -> None:
        """Propose the newcomer of a member card.

        Raises:
            DescriptorError: the card is false.
            ConflictError: there is such a member already.
            StoreError: the database fails.
        """
        member = open_card(card)
        if any(row.member.name == member.name for row in self._alliance.projection.members()):
            raise ConflictError(f"{member.name} is a member already")
        self._queue(f"admit/{member.name}", ProposeAdmission(member, self._expiry(valid_seconds)))

    def propose_standing(self, name: str, *, active: bool, valid_seconds: int) -> None:
        """Propose to suspend or reinstate a member.

        Raises:
            MissingError: there is no such member.
            ConflictError: it is this member itself.
            StoreError: the database fails.
        """
        self._check_other(name)
        action = Action.REINSTATE if active else Action.SUSPEND
        self._queue(f"standing/{name}", ProposeStanding(action, name, self._expiry(valid_seconds)))

    def propose_roles(self, name: str, roles: int, valid_seconds: int) -> None:
        """Propose that a member has these roles and no others.

        Raises:
            MissingError: there is no such member.
            ConflictError: it is this member itself.
            StoreError: the database fails.
        """
        self._check_other(name)
        self._queue(f"roles/{name}", ProposeRoles(name, roles, self._expiry(valid_seconds)))

    def propose_contract(self, name: str, address: bytes, code_hash: bytes, valid_seconds: int) -> None:
        """Propose to replace a contract by one that is deployed already.

        Raises:
            StoreError: the database fails.
        """
        call = ProposeContract(name, address, code_hash, self._expiry(valid_seconds))
        self._queue(f"contract/{name}", call)

    def propose_verifier(
        self, address: bytes, code_hash: bytes, valid_seconds: int, *, accepted: bool
    ) -> None:
        """Propose to accept a signature verifier, or no longer.

        Raises:
            StoreError: the database fails.
        """
        call = ProposeVerifier(address, accepted, code_hash, self._expiry(valid_seconds))
        self._queue(f"verifier/{address.hex()}", call)

    def take_step(self, step: Step, name: str) -> None:
        """Summon, vouch for or set aside a member, or leave, stay, come back oneself.

        Raises:
            MissingError: there is no such member.
            ConflictError: the step is about another member, and this names oneself or nobody.
            StoreError: the database fails.
        """
        if step.names_member:
            self._check_other(name)
        self._queue(
            f"step/{name or self._alliance.me}", StandingStep(step, name if step.names_member else "")
        )

    def answer_summons(self) -> None:
        """Give a sign of life if this member is summoned: a node that runs is never set aside by oversight.

        Raises:
            StoreError: the database fails.
        """
        row = self._alliance.projection.standing(self._alliance.me)
        if row is None or not row.summoned_until:
            return
        transaction = Transaction(self._store)
        if not self._outbox.is_open(transaction, _ANSWER):
            self._outbox.add(transaction, _ANSWER, StandingStep(Step.ANSWER))
            transaction.commit()

    def vote(self, proposal: int, *, approve: bool) -> None:
        """Vote on a proposal.

        Raises:
            MissingError: there is no such proposal.
            ConflictError: it has passed, or this member has voted.
            StoreError: the database fails.
        """
        row = dict(self._alliance.projection.proposals()).get(proposal)
        if row is None:
            raise MissingError(f"there is no proposal {proposal}")
        if row.passed or self._alliance.me in row.votes:  # its own proposal counts as a vote
            raise ConflictError(f"proposal {proposal} has passed, or this member has voted on it")
        self._queue(f"vote/{proposal}", CastVote(proposal, approve))

    def move(self, endpoint: str, wallet_endpoint: str) -> None:
        """Announce new addresses of this node.

        Raises:
            StoreError: the database fails.
        """
        self._queue("endpoints", UpdateEndpoints(endpoint, wallet_endpoint))

    def _check_other(self, name: str) -> None:
        if name == self._alliance.me:
            raise ConflictError("nobody decides on itself")
        if self._alliance.projection.standing(name) is None:
            raise MissingError(f"there is no member {name}")

    def _expiry(self, valid_seconds: int) -> int:
        valid = min(valid_seconds or DEFAULT_VALID_SECONDS, MAX_VALID_SECONDS - 3600)
        return int(self._clock.now()) + valid

    def _queue(self, name: str, call: Call) -> None:
        transaction = Transaction(self._store)
        self._outbox.add(transaction, name, call)
        transaction.commit()
