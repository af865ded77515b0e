"""At a guarantor: an issue that was on its way when its contract, or its key, was replaced is signed again.

Id and terms name no contract (docs/adr/0058), so nothing is promised anew. Steps need none of this: a guarantee lives
on in the contract that holds it, and its steps go there.
"""

import logging

from node.domain.ledger import IssueGuarantee
from node.domain.ledger_ids import guarantee_id, issue_guarantee_digest
from node.domain.sealed_guarantee import is_issue_signed
from node.ports import Clock, Store
from node.services.alliance import Alliance
from node.services.outbox import Outbox, OutboxItem, State
from node.services.signing import Signing
from node.services.transaction import Transaction

logger = logging.getLogger(__name__)


class IssueRenewal:
    """Looks after the guarantor's own issues that the ledger has refused."""

    def __init__(
        self, store: Store, alliance: Alliance, outbox: Outbox, signing: Signing, clock: Clock
    ) -> None:
        self._store, self._alliance, self._outbox = store, alliance, outbox
        self._signing, self._clock = signing, clock

    async def step(self) -> None:
        """Sign again what was refused and is not signed for the contract in force.

        Raises:
            KeyHolderError: the key's holder does not sign.
            ContractUnknownError: this node does not know the contract in force.
            StoreError: the database fails.
        """
        for number, item in list(self._outbox.items()):
            # What is parked the sender leaves alone, so nothing can come in between.
            if item.kind == IssueGuarantee.__name__ and item.state is State.PARKED:
                self._renew(number, item)

    def _renew(self, number: int, item: OutboxItem) -> None:
        issue, projection = item.decoded(), self._alliance.projection
        if not isinstance(issue, IssueGuarantee) or issue.terms.guarantor != self._alliance.me:
            return
        projection.check_known("Guarantees")
        raw_id = guarantee_id(self._alliance.raw_id, issue.terms)
        domain = self._alliance.signing_domain("Guarantees")
        keys = projection.known_member(self._alliance.me).identity_keys(self._clock.now())
        if projection.guarantee(raw_id) is not None or is_issue_signed(keys, domain, raw_id, issue.signature):
            return  # refused for another reason: a person's
        signature = self._signing.sign_message(issue_guarantee_digest(domain, raw_id))
        transaction = Transaction(self._store)
        self._outbox.replace(transaction, number, IssueGuarantee(issue.terms, signature))
        transaction.commit()
        logger.info("the issue of guarantee %s is signed again for the contract in force", raw_id.hex())
