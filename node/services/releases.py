"""At a tender's centre: guarantees whose release is due are prepared for their beneficiary, who alone can make it.

Nothing is signed here, and nothing could be: the ledger takes a release under the beneficiary's key only. What is
prepared is not kept but follows, at every question, from what the records and the ledger say at that moment; so a
condition that no longer holds takes the release back by itself.
"""

import itertools
from dataclasses import dataclass

from node.domain.obligation import RULES, Obligation
from node.domain.sealed_guarantee import reopen_guarantee
from node.domain.wallet import ReleasesCall
from node.ports import Store
from node.services import layout
from node.services.follower import Follower
from node.services.gate import Gate
from node.services.guarantee_steps import GuaranteeSteps
from node.services.obligations import Obligations
from node.services.projection import Projection

MOST = 100
"""In one answer."""


@dataclass(frozen=True, slots=True)
class PreparedRelease:
    """One guarantee that waits for its beneficiary's signature."""

    file: str
    """The guarantee document, a compact JWS."""
    guarantee: str
    """Id, 64 hex digits."""
    step: int
    """Number that the release has among the guarantee's steps."""
    contract: bytes
    """20 bytes: that holds the guarantee; empty for the founding one."""
    reason: str
    """What the release document is to say."""
    obligation: Obligation


class Releases:
    """Prepares releases."""

    def __init__(  # noqa: PLR0917
        self,
        store: Store,
        gate: Gate,
        follower: Follower,
        projection: Projection,
        obligations: Obligations,
        steps: GuaranteeSteps,
    ) -> None:
        self._store, self._gate, self._follower = store, gate, follower
        self._projection, self._obligations, self._steps = projection, obligations, steps

    def waiting(self, token: str, after: str) -> list[PreparedRelease]:
        """What waits in one section for the signature of who asks, in the order of ids, at most `MOST`.

        Args:
            token: a `ReleasesCall`, signed by the beneficiary's key for the section.
            after: id of the last one of the answer before; empty for the first.

        Raises:
            NodeError: the request is not signed by the key that it names, not fresh, or not for this node.
            ProjectionStaleError: this node's view of the ledger is too old to say.
            ContractUnknownError: this node cannot read the contract in force.
            StoreError: the database fails.
        """
        call = self._gate.look_at(token, ReleasesCall)
        self._follower.check_fresh()
        self._projection.check_known("Guarantees")
        found = (self._prepared(obligation, call.key) for obligation in self._due(call.section, after))
        return list(itertools.islice((one for one in found if one is not None), MOST))

    def _due(self, section: str, after: str) -> list[Obligation]:
        due = [one for one, _ in self._obligations.releasable(section) if one.guarantee > after]
        return sorted(due, key=lambda one: one.guarantee)

    def _prepared(self, obligation: Obligation, key: str) -> PreparedRelease | None:
        raw_id = bytes.fromhex(obligation.guarantee)
        kept, row = self._store.get(layout.GUARANTEE + raw_id), self._projection.guarantee(raw_id)
        if kept is None or row is None:
            return None
        file = kept.decode()
        if reopen_guarantee(file).beneficiary_key != key:
            return None
        if self._steps.is_release_under_way(raw_id):
            return None
        reason = f"{obligation.kind}: {RULES[obligation.rule].source}, due {obligation.due}"
        step = row.sequence + 1
        return PreparedRelease(file, obligation.guarantee, step, row.contract, reason, obligation)
