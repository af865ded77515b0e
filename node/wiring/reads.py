"""Reading and being read: under bidders' grants, with people's consent, or on a legal basis."""

from node.config import Config
from node.domain.descriptor import Descriptor
from node.ports import Keys
from node.services.consent_rows import ConsentRows
from node.services.consents import Consents
from node.services.coverage import Coverage
from node.services.disputes import Disputes
from node.services.evaluations import Evaluations
from node.services.kept_reads import KeptReads
from node.services.legal_history import LegalHistory
from node.services.legal_reading import LegalReading
from node.services.legal_serving import LegalServing
from node.services.notices import Notices
from node.services.reading import Reading
from node.services.serving import Serving
from node.services.sharing import Sharing
from node.wiring.outside import Outside
from node.wiring.subjects import WithSubjects


class WithReads(WithSubjects):
    """Asks and answers; tells those who hold data what became of it."""

    def __init__(self, config: Config, descriptor: Descriptor, keys: Keys, outside: Outside) -> None:
        super().__init__(config, descriptor, keys, outside)
        store, clock, me = outside.store, outside.clock, config.name
        self.sharing = Sharing(
            store,
            self.vault,
            self.alliance,
            self.recognition,
            self.gate,
            self.registrations,
            self.outbox,
            self.feed,
            clock,
        )
        self.notices = Notices(store, self.alliance, self.gate, outside.peers, self.feed, self.signing, clock)
        consent_rows = ConsentRows(store, self.vault)
        self.coverage = Coverage(
            store, consent_rows, self.alliance, self.records, self.sharing, self.feed, clock
        )
        self.consents = Consents(
            store,
            consent_rows,
            self.coverage,
            self.alliance,
            self.gate,
            self.homes,
            self.records,
            self.notices,
            self.acts,
            self.feed,
            self.signing,
            clock,
        )
        self.disputes = Disputes(
            store,
            self.vault,
            self.alliance,
            self.gate,
            self.homes,
            self.records,
            self.notices,
            self.acts,
            self.feed,
            self.signing,
            clock,
        )
        self.serving = Serving(
            store,
            self.vault,
            self.alliance,
            self.registrations,
            self.recognition,
            self.records,
            self.log,
            self.coverage,
            self.disputes,
            self.follower,
            self.feed,
            self.signing,
            clock,
        )
        self.evaluations = Evaluations(
            store,
            self.alliance,
            self.homes,
            self.recognition,
            self.follower,
            self.records,
            self.disputes,
            self.attesting,
            self.feed,
            self.signing,
            clock,
        )
        self.reading = Reading(
            store,
            self.vault,
            self.alliance,
            self.recognition,
            self.follower,
            outside.peers,
            self.acts,
            self.feed,
            self.ledger_proofs,
            self.signing,
            clock,
        )
        self.kept_reads = KeptReads(store, self.vault, self.alliance, self.recognition, self.follower, clock)
        self.legal_history = LegalHistory(store, self.vault, me)
        self.legal_serving = LegalServing(
            store,
            self.alliance,
            self.registrations,
            self.records,
            self.log,
            self.legal_history,
            self.follower,
            self.reach,
            self.feed,
            self.signing,
            clock,
        )
        self.legal_reading = LegalReading(
            store,
            self.vault,
            self.alliance,
            self.legal_serving,
            self.ledger_proofs,
            self.follower,
            outside.peers,
            self.acts,
            self.feed,
            self.signing,
            clock,
        )
