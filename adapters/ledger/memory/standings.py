"""`Membership.sol` and `Standings.sol` in Python: who is in, who speaks for it, and the steps between standings."""

from dataclasses import dataclass

from adapters.ledger.memory.state import State
from node.domain.alliance_life import (
    NOTICE_SECONDS,
    WAITING_SECONDS,
    LeaveAnnounced,
    MemberAbsent,
    MemberLeft,
    MemberSummoned,
    StandingStep,
    Step,
    SummonsEnded,
)
from node.domain.ledger import Happening
from node.domain.member import Member, Standing
from node.errors import LedgerRefusedError


@dataclass(frozen=True, slots=True)
class Former:
    """What the contract remembers of a member's keys before."""

    version: int = 0
    account: bytes = b""
    account_until: int = 0
    identity: bytes = b""
    identity_until: int = 0
    log_size: int = 0


class StandingRules:
    """What the alliance contract knows of its members."""

    def __init__(self, state: State) -> None:
        self._state = state

    def member_of(self, account: bytes) -> str | None:
        """Name of the active member with this account."""
        name = self.bound_member(account)
        return name if name is not None and self.is_active(name) else None

    def bound_member(self, account: bytes) -> str | None:
        """Name of the member that this account acts for, in whatever standing."""
        name: str | None = self._state.get("account", account)
        return name if name is not None and self._speaks_for(name, account) else None

    def is_active(self, name: str) -> bool:
        """Whether there is such a member and it is active."""
        return self._active_since(name) != 0

    def names(self) -> tuple[str, ...]:
        """All members, in order of admission."""
        known: tuple[str, ...] = self._state.get("names", "", ())
        return known

    def standing(self, name: str) -> Standing | None:
        """Where a member stands; None if there never was one by that name."""
        rest: Standing | None = self._state.get("rest", name)
        return Standing.ACTIVE if self.is_active(name) else rest

    def member(self, name: str) -> Member:
        """A member in any standing.

        Raises:
            LedgerRefusedError: there never was one by that name.
        """
        known: Member | None = self._state.get("member", name)
        if known is None:
            raise LedgerRefusedError("AllianceUnknownMember", f"id={name}")
        return known

    def former_identity_key(self, name: str) -> bytes | None:
        """The identity key before the present one while it still counts."""
        former: Former | None = self._state.get("former", name)
        is_counting = former is not None and self._state.frame.now <= former.identity_until
        return former.identity if former is not None and is_counting else None

    def note_own_step(self, name: str) -> None:
        """A sign of life, if it is an active member's."""
        if self.is_active(name):
            self._note(name, name)

    def take_step(self, account: bytes, call: StandingStep) -> list[Happening]:
        """Raises:
        LedgerRefusedError: as the contract's function of that name.
        """
        if call.step is Step.COME_BACK:
            return self._come_back(account)
        sender = self._sender(account)
        match call.step:
            case Step.SUMMON:
                return self._summon(sender, call.name)
            case Step.VOUCH:
                self._require_summons(call.name)
                self._note(call.name, sender)
                return []
            case Step.SET_ASIDE:
                until = self._require_summons(call.name)
                self._require_time(until)
                self._rest(call.name, Standing.ABSENT)
                return [MemberAbsent(call.name, absent=True)]
            case Step.ANNOUNCE_LEAVE | Step.WITHDRAW_LEAVE:
                is_announced = self._time("leaves", sender) != 0
                if is_announced == (call.step is Step.ANNOUNCE_LEAVE):
                    raise LedgerRefusedError("AllianceUnchanged")
                leaves = 0 if is_announced else self._state.frame.now + NOTICE_SECONDS
                self._state.put("leaves", sender, leaves)
                return [LeaveAnnounced(sender, leaves)]
            case Step.DEPART:
                return self._depart(sender)
            case _:
                return []  # ANSWER: being the sender is all

    def _summon(self, sender: str, name: str) -> list[Happening]:
        if name == sender:
            raise LedgerRefusedError("AllianceNotEligible", f"voter={sender}")
        self._require_standing(name, Standing.ACTIVE)
        if self._time("until", name):
            raise LedgerRefusedError("AllianceUnchanged")
        now = self._state.frame.now
        if now < self._time("seen", name) + WAITING_SECONDS:
            raise LedgerRefusedError("AllianceSeenLately", f"id={name}")
        self._state.put("until", name, now + WAITING_SECONDS)
        return [MemberSummoned(name, sender, now + WAITING_SECONDS)]

    def _come_back(self, account: bytes) -> list[Happening]:
        name = self.bound_member(account) or ""
        self._require_standing(name, Standing.ABSENT)
        self._activate(name)
        return [MemberAbsent(name, absent=False)]

    def _depart(self, sender: str) -> list[Happening]:
        leaves = self._time("leaves", sender)
        if not leaves:
            raise LedgerRefusedError("AllianceUnchanged")
        self._require_time(leaves)
        if self._count("active") == 1:
            raise LedgerRefusedError("AllianceLastMember", f"id={sender}")
        self._rest(sender, Standing.LEFT)
        return [MemberLeft(sender)]

    def _check_standing(self, name: str, *, active: bool) -> None:
        self.member(name)
        standing = self.standing(name)
        if standing is (Standing.ACTIVE if active else Standing.SUSPENDED):
            raise LedgerRefusedError("AllianceUnchanged")
        if not active:
            self._forbid_standing(name, Standing.LEFT)

    def _activate(self, name: str) -> None:
        self._state.put("since", name, self._add("epoch", 1))
        self._add("active", 1)
        self._note(name, name)

    def _rest(self, name: str, standing: Standing) -> None:
        if self.is_active(name):
            self._add("epoch", 1)
            self._add("active", -1)
            self._state.put("since", name, 0)
        self._state.put("rest", name, standing)
        self._state.put("until", name, 0)
        self._state.put("leaves", name, 0)

    def _note(self, name: str, by: str) -> None:
        """A sign of life."""
        self._state.put("seen", name, self._state.frame.now)
        if self._time("until", name):
            self._state.put("until", name, 0)
            self._state.frame.reported.append(SummonsEnded(name, by))

    def _sender(self, account: bytes) -> str:
        name = self.member_of(account)
        if name is None:
            raise LedgerRefusedError("AllianceNotMember", f"account=0x{account.hex()}")
        self._note(name, name)
        return name

    def _require_summons(self, name: str) -> int:
        until = self._time("until", name)
        if not until:
            raise LedgerRefusedError("AllianceNotSummoned", f"id={name}")
        return until

    def _require_time(self, start: int) -> None:
        if self._state.frame.now < start:
            raise LedgerRefusedError("AllianceTooEarly", f"from={start}")

    def _require_standing(self, name: str, wanted: Standing) -> None:
        if self.standing(name) is not wanted:
            raise LedgerRefusedError("AllianceWrongStanding", f"id={name}")

    def _forbid_standing(self, name: str, unwanted: Standing) -> None:
        if self.standing(name) is unwanted:
            raise LedgerRefusedError("AllianceWrongStanding", f"id={name}")

    def _speaks_for(self, name: str, account: bytes) -> bool:
        if self.member(name).account == account:
            return True
        former: Former | None = self._state.get("former", name)
        return (
            former is not None and former.account == account and self._state.frame.now <= former.account_until
        )

    def _active_since(self, name: str) -> int:
        """Epoch of admission or last return; 0 if not active."""
        since: int = self._state.get("since", name, 0)
        return since

    def _time(self, table: str, name: str) -> int:
        value: int = self._state.get(table, name, 0)
        return value

    def _count(self, counter: str) -> int:
        value: int = self._state.get("count", counter, 0)
        return value

    def _add(self, counter: str, step: int) -> int:
        value = self._count(counter) + step
        self._state.put("count", counter, value)
        return value
