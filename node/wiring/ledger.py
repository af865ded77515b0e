"""What goes to the ledger, and what comes from it."""

from node.config import Config
from node.domain.descriptor import Descriptor
from node.ports import Keys
from node.services.bank_orders import BankOrders
from node.services.credit_lines import CreditLines
from node.services.follower import Follower
from node.services.ledger_proofs import LedgerProofs
from node.services.reporter import Reporter
from node.services.sender import Sender
from node.services.system_cases import SystemCases
from node.wiring.outside import Outside
from node.wiring.records import WithRecords


class WithLedger(WithRecords):
    """Follows the ledger and sends to it; with those that look on as blocks come."""

    def __init__(self, config: Config, descriptor: Descriptor, keys: Keys, outside: Outside) -> None:
        super().__init__(config, descriptor, keys, outside)
        store, clock, entropy, me = outside.store, outside.clock, outside.entropy, config.name
        self.ledger_proofs = LedgerProofs(store, self.alliance, outside.ledger, clock)
        self.bank_orders = BankOrders(
            store, self.vault, outside.core_banking, self.acts, self.feed, clock, me
        )
        self.lines = CreditLines(
            store,
            self.vault,
            self.records,
            self.acts,
            self.outbox,
            self.bank_orders,
            self.projection,
            self.feed,
            clock,
            entropy,
            me,
        )
        self.system_cases = SystemCases(store, self.vault, me)
        observers = (
            Reporter(self.feed, clock, me).report,
            self.ledger_proofs.note_event,
            self.lines.note_event,
            self.sections.observe,
            self.system_cases.note_event,
        )
        self.follower = Follower(
            store,
            outside.ledger,
            self.projection,
            clock,
            observers,
            first_block=descriptor.deployed_block,
            confirmations=config.ledger.confirmations,
            staleness_seconds=config.ledger.staleness_seconds,
        )
        self.sender = Sender(self.outbox, outside.ledger, self.follower.final_number, clock)
