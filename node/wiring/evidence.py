"""What is left of reads and records: proofs that others check, and erasure."""

from node.config import Config
from node.domain.descriptor import Descriptor
from node.ports import Keys
from node.services.changes import Changes
from node.services.corroboration import Corroboration
from node.services.erasing import Erasing
from node.services.erasure_book import ErasureBook
from node.services.erasures import Erasures
from node.services.holdings import Holdings
from node.services.inbox import Inbox
from node.services.proving import Proving
from node.services.remarks import Remarks
from node.services.traces import Traces
from node.wiring.outside import Outside
from node.wiring.reads import WithReads


class WithEvidence(WithReads):
    """Proves, tells of changes, and deletes."""

    def __init__(self, config: Config, descriptor: Descriptor, keys: Keys, outside: Outside) -> None:
        super().__init__(config, descriptor, keys, outside)
        store, clock, me = outside.store, outside.clock, config.name
        self.corroboration = Corroboration(
            store, self.alliance, outside.peers, self.reading, self.legal_reading, self.feed, clock
        )
        self.proving = Proving(
            self.alliance,
            self.records,
            self.log,
            self.cosignatures,
            self.reading,
            self.legal_reading,
            self.corroboration,
            self.ledger_proofs,
            self.signing,
        )
        self.changes = Changes(
            store,
            self.alliance,
            self.records,
            self.sharing,
            self.proving,
            self.notices,
            self.feed,
            clock,
        )
        self.remarks = Remarks(store)
        rules, traces = config.rules(), Traces(store, self.vault, self.parking, me)
        book = ErasureBook(
            store, self.vault, outside.erasures, traces, self.acts, self.feed, self.notices, keys, clock
        )
        self.holdings = Holdings(
            store, self.vault, self.alliance, self.gate, book, self.feed, self.signing, clock
        )
        self.inbox = Inbox(self.consents, self.holdings)
        self.erasures = Erasures(
            store,
            self.vault,
            book,
            traces,
            self.reach,
            rules,
            self.alliance,
            self.gate,
            self.registrations,
            self.proving,
            self.acts,
            self.holdings,
            clock,
        )
        self.erasing = Erasing(store, self.vault, book, rules, keys, clock, self.signing)
