"""The guarantor's side: its desk, its rules, its lines, and what it signs."""

from node.config import Config
from node.domain.descriptor import Descriptor
from node.ports import Keys
from node.services.claim_payment_rows import PaymentRows
from node.services.claim_payments import ClaimPayments
from node.services.desk import Desk
from node.services.guarantee_files import GuaranteeFiles
from node.services.guarantee_system import SystemDesk
from node.services.guarantor import Guarantor
from node.services.issue_renewal import IssueRenewal
from node.services.issue_rules import RulesInForce
from node.services.line_desk import LineDesk
from node.services.payments_due import PaymentsDue
from node.services.sealed_issuing import SealedIssuing
from node.services.system_calls import SystemCalls
from node.wiring.guarantees import WithGuarantees
from node.wiring.outside import Outside


class WithIssuing(WithGuarantees):
    """Takes applications, decides and issues."""

    def __init__(self, config: Config, descriptor: Descriptor, keys: Keys, outside: Outside) -> None:
        super().__init__(config, descriptor, keys, outside)
        store, clock = outside.store, outside.clock
        self.sealed_issuing = SealedIssuing(
            store,
            self.vault,
            self.alliance,
            self.gate,
            self.records,
            self.log,
            self.acts,
            self.signing,
            clock,
        )
        self.guarantor = Guarantor(
            store,
            self.vault,
            self.alliance,
            self.gate,
            self.reading,
            self.kept_reads,
            self.guarantees,
            self.outbox,
            self.lines,
            self.acts,
            self.feed,
            self.signing,
            clock,
            self.sealed_issuing,
        )
        self.issue_renewal = IssueRenewal(store, self.alliance, self.outbox, self.signing, clock)
        self.guarantee_files = GuaranteeFiles(
            store,
            self.alliance,
            self.guarantees,
            self.guarantor,
            self.recognition,
            outside.signatures,
            outside.typeface,
            outside.seal,
            self.signing,
            clock,
        )
        self.rules = RulesInForce(store, self.acts, outside.issue_rules)
        calls = SystemCalls(
            store, self.vault, outside.guarantee_system, self.acts, self.feed, clock, config.name
        )
        self.system_desk = SystemDesk(
            store,
            calls,
            self.system_cases,
            self.guarantor,
            self.guarantee_steps,
            self.guarantee_views,
            self.projection,
            self.acts,
            self.feed,
            clock,
        )
        self.desk = Desk(
            store,
            self.vault,
            self.alliance,
            self.gate,
            self.guarantor,
            self.lines,
            self.rules,
            self.bank_orders,
            self.system_desk,
            self.kept_reads,
            self.feed,
            self.signing,
            clock,
        )
        self.claim_payments = ClaimPayments(
            store,
            PaymentRows(store, self.vault, config.name),
            PaymentsDue(store, self.alliance, self.follower, self._lives, self.guarantee_steps),
            self.guarantee_steps,
            self.bank_orders,
            self.rules,
            self.acts,
            self.feed,
            clock,
            is_enabled=config.guarantor.bank_pays_claims,
        )
        self.line_desk = LineDesk(
            store,
            self.vault,
            self.alliance,
            self.gate,
            self.lines,
            self.kept_reads,
            self.proving,
            self.signing,
        )
