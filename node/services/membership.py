"""This member's part in the alliance: proposing, voting, its own standing, and moving its own addresses."""

from collections.abc import Iterator

from node.domain.act import ActKind
from node.domain.alliance_life import (
    ProposeCalendar,
    ProposeContract,
    ProposeRoles,
    ProposeVerifier,
    StandingStep,
    Step,
)
from node.domain.calendar import WorkingYear, check_working_year, merge
from node.domain.descriptor import open_card
from node.domain.ledger import Action, Call, CastVote, ProposeAdmission, ProposeStanding, UpdateEndpoints
from node.domain.member import role_names
from node.errors import ConflictError, MissingError
from node.ports import Clock, Store
from node.services.acts import Acts
from node.services.alliance import Alliance
from node.services.outbox import Outbox
from node.services.transaction import Transaction

DEFAULT_VALID_SECONDS = 7 * 86_400
MAX_VALID_SECONDS = 90 * 86_400
_ANSWER = "answer"


class Membership:
    """Queues what this member decides; the contract counts."""

    def __init__(self, store: Store, alliance: Alliance, outbox: Outbox, acts: Acts, clock: Clock) -> None:
        self._store, self._alliance, self._outbox = store, alliance, outbox
        self._acts, self._clock = acts, clock

    def propose_admission(self, card: str, valid_seconds: int) -> None:
        """Propose the newcomer of a member card.

        Raises:
            DescriptorError: the card is false.
            ConflictError: there is such a member already.
            StoreError: the database fails.
        """
        member = open_card(card)
        if self._alliance.projection.standing(member.name) is not None:
            raise ConflictError(f"{member.name} is a member already")
        call = ProposeAdmission(member, self._expiry(valid_seconds))
        self._queue(f"admit/{member.name}", call, ActKind.ADMISSION_PROPOSED, {"member": member.name})

    def propose_standing(self, name: str, *, active: bool, valid_seconds: int) -> None:
        """Propose to suspend or reinstate a member.

        Raises:
            MissingError: there is no such member.
            ConflictError: it is this member itself.
            StoreError: the database fails.
        """
        self._check_other(name)
        action = Action.REINSTATE if active else Action.SUSPEND
        call = ProposeStanding(action, name, self._expiry(valid_seconds))
        about = {"member": name, "standing": action.name.lower()}
        self._queue(f"standing/{name}", call, ActKind.STANDING_PROPOSED, about)

    def propose_roles(self, name: str, roles: int, valid_seconds: int) -> None:
        """Propose that a member has these roles and no others.

        Raises:
            MissingError: there is no such member.
            ConflictError: it is this member itself.
            StoreError: the database fails.
        """
        self._check_other(name)
        call = ProposeRoles(name, roles, self._expiry(valid_seconds))
        about = {"member": name, "roles": role_names(roles)}
        self._queue(f"roles/{name}", call, ActKind.ROLES_PROPOSED, about)

    def propose_contract(self, name: str, address: bytes, code_hash: bytes, valid_seconds: int) -> None:
        """Propose to replace a contract by one that is deployed already.

        Raises:
            StoreError: the database fails.
        """
        call = ProposeContract(name, address, code_hash, self._expiry(valid_seconds))
        about = {"contract": name, "address": address.hex(), "code": code_hash.hex()}
        self._queue(f"contract/{name}", call, ActKind.CONTRACT_PROPOSED, about)

    def propose_verifier(
        self, address: bytes, code_hash: bytes, valid_seconds: int, *, accepted: bool
    ) -> None:
        """Propose to accept a signature verifier, or no longer.

        Raises:
            StoreError: the database fails.
        """
        call = ProposeVerifier(address, accepted, code_hash, self._expiry(valid_seconds))
        about = {"address": address.hex(), "code": code_hash.hex(), "accepted": "yes" if accepted else "no"}
        self._queue(f"verifier/{address.hex()}", call, ActKind.VERIFIER_PROPOSED, about)

    def propose_calendar(self, year: WorkingYear, valid_seconds: int) -> None:
        """Propose the working days of a year.

        Raises:
            CodeFormatError: no ledger takes such a year.
            ConflictError: the days that are still to come are so already.
            StoreError: the database fails.
        """
        check_working_year(year)
        if merge(self._alliance.projection.calendar(), year, int(self._clock.now())) is None:
            raise ConflictError(f"no day of {year.year} that is still to come would change")
        call = ProposeCalendar(year, self._expiry(valid_seconds))
        about = {"year": str(year.year), "working_days": str(len(year.days()))}
        self._queue(f"calendar/{year.year}", call, ActKind.CALENDAR_PROPOSED, about)

    def proposed_years(self) -> Iterator[tuple[int, WorkingYear]]:
        """Years under open proposals with the proposal's number, oldest first.

        Raises:
            StoreError: the database fails.
        """
        now = self._clock.now()
        for number, row in self._alliance.projection.proposals():
            if row.action is Action.SET_CALENDAR and not row.passed and row.expires >= now:
                yield number, WorkingYear(int(row.about), row.entry)

    def take_step(self, step: Step, name: str) -> None:
        """Summon, vouch for or set aside a member, or leave, stay, come back oneself.

        Raises:
            MissingError: there is no such member.
            ConflictError: the step is about another member, and this names oneself or nobody.
            StoreError: the database fails.
        """
        if step.names_member:
            self._check_other(name)
        member = name if step.names_member else ""
        about = {"step": step.name.lower(), "member": member or self._alliance.me}
        self._queue(
            f"step/{name or self._alliance.me}", StandingStep(step, member), ActKind.STANDING_STEP, about
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
        about = {"proposal": str(proposal), "vote": "yes" if approve else "no"}
        self._queue(f"vote/{proposal}", CastVote(proposal, approve), ActKind.VOTE_CAST, about)

    def move(self, endpoint: str, wallet_endpoint: str) -> None:
        """Announce new addresses of this node.

        Raises:
            StoreError: the database fails.
        """
        about = {"members": endpoint, "wallets": wallet_endpoint}
        call = UpdateEndpoints(endpoint, wallet_endpoint)
        self._queue("endpoints", call, ActKind.ENDPOINTS_CHANGED, about)

    def _check_other(self, name: str) -> None:
        if name == self._alliance.me:
            raise ConflictError("nobody decides on itself")
        if self._alliance.projection.standing(name) is None:
            raise MissingError(f"there is no member {name}")

    def _expiry(self, valid_seconds: int) -> int:
        valid = min(valid_seconds or DEFAULT_VALID_SECONDS, MAX_VALID_SECONDS - 3600)
        return int(self._clock.now()) + valid

    def _queue(self, name: str, call: Call, kind: ActKind, about: dict[str, str]) -> None:
        transaction = Transaction(self._store)
        self._outbox.add(transaction, name, call)
        self._acts.record(transaction, kind, about)
        transaction.commit()
