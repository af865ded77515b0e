"""This member's part in the alliance: proposing, voting, and moving its own addresses."""

from node.domain.act import ActKind
from node.domain.descriptor import open_card
from node.domain.ledger import Action, Call, CastVote, ProposeAdmission, ProposeStanding, UpdateEndpoints
from node.errors import ConflictError, MissingError
from node.ports import Clock, Store
from node.services.acts import Acts
from node.services.alliance import Alliance
from node.services.outbox import Outbox
from node.services.transaction import Transaction

DEFAULT_VALID_SECONDS = 7 * 86_400
MAX_VALID_SECONDS = 90 * 86_400


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
        if any(row.member.name == member.name for row in self._alliance.projection.members()):
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
        if name == self._alliance.me:
            raise ConflictError("nobody decides on itself")
        if all(row.member.name != name for row in self._alliance.projection.members()):
            raise MissingError(f"there is no member {name}")
        action = Action.REINSTATE if active else Action.SUSPEND
        call = ProposeStanding(action, name, self._expiry(valid_seconds))
        about = {"member": name, "standing": action.name.lower()}
        self._queue(f"standing/{name}", call, ActKind.STANDING_PROPOSED, about)

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

    def _expiry(self, valid_seconds: int) -> int:
        valid = min(valid_seconds or DEFAULT_VALID_SECONDS, MAX_VALID_SECONDS - 3600)
        return int(self._clock.now()) + valid

    def _queue(self, name: str, call: Call, kind: ActKind, about: dict[str, str]) -> None:
        transaction = Transaction(self._store)
        self._outbox.add(transaction, name, call)
        self._acts.record(transaction, kind, about)
        transaction.commit()
