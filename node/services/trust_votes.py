"""This member's part in changing the trust list: what is proposed, and proposing."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from node.domain.act import ActKind
from node.domain.ledger import Action, ProposeTrust
from node.domain.trust import encode_anchor, parse_anchor
from node.errors import CertificateError, ConflictError
from node.ports import Clock, Store
from node.services.acts import Acts
from node.services.alliance import Alliance
from node.services.membership import DEFAULT_VALID_SECONDS, MAX_VALID_SECONDS
from node.services.outbox import Outbox
from node.services.recognition import Recognition
from node.services.transaction import Transaction


@dataclass(frozen=True, slots=True)
class ProposedEntry:
    """An entry that members vote on."""

    proposal: int
    entry: bytes
    problem: str
    """Why no node could use it; empty if it is well formed."""


class TrustVotes:
    """Queues what this member proposes; the contract counts."""

    def __init__(  # noqa: PLR0917
        self,
        store: Store,
        alliance: Alliance,
        recognition: Recognition,
        outbox: Outbox,
        acts: Acts,
        clock: Clock,
    ) -> None:
        self._store, self._alliance, self._recognition = store, alliance, recognition
        self._outbox, self._acts, self._clock = outbox, acts, clock

    def proposed(self) -> Iterator[ProposedEntry]:
        """Entries under open proposals, oldest first.

        Raises:
            StoreError: the database fails.
        """
        now = self._clock.now()
        for number, row in self._alliance.projection.proposals():
            if row.action is Action.SET_TRUST and not row.passed and row.expires >= now:
                yield ProposedEntry(number, row.entry, _problem(row.entry, row.about))

    def propose(self, entry: bytes, valid_seconds: int = 0) -> None:
        """Propose an entry.

        Args:
            entry: canonical JSON.
            valid_seconds: how long members can vote; 0 for the default.

        Raises:
            CertificateError: no node could use it.
            ConflictError: it is in force already.
            StoreError: the database fails.
        """
        anchor = parse_anchor(entry)
        present = self._recognition.trust().anchor(anchor.id)
        if present is not None and encode_anchor(present) == entry:
            raise ConflictError(f"just this entry of {anchor.id} is in force")
        valid = min(valid_seconds or DEFAULT_VALID_SECONDS, MAX_VALID_SECONDS - 3600)
        transaction = Transaction(self._store)
        call = ProposeTrust(anchor.id, entry, int(self._clock.now()) + valid)
        self._outbox.add(transaction, f"trust/{anchor.id}", call)
        about = {"authority": anchor.id, "entry_sha256": hashlib.sha256(entry).hexdigest()}
        self._acts.record(transaction, ActKind.TRUST_PROPOSED, about)
        transaction.commit()


def _problem(entry: bytes, name: str) -> str:
    try:
        parse_anchor(entry, name)
    except CertificateError as error:
        return str(error)
    return ""
