"""Turns final ledger events that concern this node's systems into entries of the feed."""

from node.domain import alliance_life, ledger
from node.domain.guarantee_table import HALTED, PAYABLE, State
from node.domain.guarantee_table import Event as GuaranteeEvent
from node.domain.ledger import Event
from node.domain.member import role_names
from node.domain.sealed_guarantee import reopen_guarantee
from node.ports import Clock
from node.services import layout
from node.services.feed import Feed, FeedEntry
from node.services.transaction import Transaction


class Reporter:
    """The follower's observer."""

    def __init__(self, feed: Feed, clock: Clock, me: str) -> None:
        self._feed, self._clock, self._me = feed, clock, me

    def report(self, transaction: Transaction, event: Event) -> None:
        """Add what happened to the feed, in the unit of work that makes it durable.

        Raises:
            StoreError: the database fails.
        """
        match event.happening:
            case ledger.Anchored(member, size, _) if member == self._me:
                self._add(transaction, "record.final", size=str(size))
            case ledger.SubjectCreated(subject, home, _) if home == self._me:
                self._add(transaction, "subject.final", subject=subject.hex())
            case ledger.GrantRegistered(grant) if self._concerns(transaction, grant):
                self._add(transaction, "grant.final", grant=grant.hex())
            case ledger.GrantRevoked(grant) if self._concerns(transaction, grant):
                self._add(transaction, "grant.revoked", grant=grant.hex())
            case ledger.GuaranteeMoved() as moved if moved.sequence > 1:
                self._report_guarantee(transaction, moved)
            case ledger.MemberAdmitted(member):
                self._add(transaction, "member.admitted", member=member.name)
            case ledger.MemberStanding(name, active):
                self._add(transaction, "member.reinstated" if active else "member.suspended", member=name)
            case ledger.ProposalMade(proposal, proposer, action, about):
                self._add(
                    transaction,
                    "proposal.made",
                    proposal=str(proposal),
                    proposer=proposer,
                    action=action.name,
                    about=about,
                )
            case _:
                self._report_life(transaction, event.happening)

    def _report_guarantee(self, transaction: Transaction, moved: ledger.GuaranteeMoved) -> None:
        """A guarantee moved whose file is here; its guarantor keeps in view which claims are open."""
        kept = transaction.get(layout.GUARANTEE + moved.guarantee)
        if kept is None:
            return
        event, state = GuaranteeEvent(moved.event), State(moved.state)
        about = {"guarantee": moved.guarantee.hex(), "event": event.name, "state": state.name}
        self._add(transaction, "guarantee.moved", **about, due=str(moved.due))
        if reopen_guarantee(kept.decode()).iss != self._me:
            return
        key = layout.GUARANTEE_CLAIM + moved.guarantee
        if state not in {*PAYABLE, *HALTED}:
            transaction.delete(key)
        elif transaction.get(key) is None:
            transaction.put(key, b"\0")
            self._add(transaction, "guarantee.claimed", guarantee=moved.guarantee.hex(), due=str(moved.due))

    def _report_life(self, transaction: Transaction, happening: ledger.Happening) -> None:
        match happening:
            case alliance_life.MemberAbsent(name, absent):
                self._add(transaction, "member.absent" if absent else "member.returned", member=name)
            case alliance_life.MemberSummoned(name, by, until):
                self._add(transaction, "member.summoned", member=name, by=by, until=str(until))
            case alliance_life.LeaveAnnounced(name, leaves):
                self._add(transaction, "member.leaving", member=name, at=str(leaves))
            case alliance_life.MemberLeft(name):
                self._add(transaction, "member.left", member=name)
            case alliance_life.RolesChanged(name, roles):
                self._add(transaction, "member.roles", member=name, roles=role_names(roles))
            case alliance_life.SubjectMoved(subject, _, home) if self._is_registered(transaction, subject):
                self._add(transaction, "subject.moved", subject=subject.hex(), home=home)
            case alliance_life.ContractSet(name, address, code_hash) if any(code_hash):
                self._add(transaction, "contract.replaced", contract=name, address=address.hex())
            case alliance_life.VerifierSet(address, accepted):
                self._add(transaction, "verifier.set", verifier=address.hex(), accepted=str(accepted).lower())

    def _add(self, transaction: Transaction, kind: str, **about: str) -> None:
        self._feed.add(transaction, FeedEntry(kind, self._clock.now(), about))

    @staticmethod
    def _is_registered(transaction: Transaction, subject: bytes) -> bool:
        return transaction.get(layout.REGISTRATION + subject.hex().encode()) is not None

    @staticmethod
    def _concerns(transaction: Transaction, grant: bytes) -> bool:
        # Others' grants are only noise here, and should stay it.
        return transaction.get(layout.GRANT + grant) is not None
