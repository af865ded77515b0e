"""Records, the log that they are in, and who may hand them in."""

from node.config import Config
from node.domain.descriptor import Descriptor
from node.ports import Keys
from node.services.acts import Acts
from node.services.archiving import Archiving
from node.services.cosignatures import Cosignatures
from node.services.decisions import Decisions
from node.services.filing import PageTokens
from node.services.listing import Listing
from node.services.log import Log
from node.services.predecessors import Predecessors
from node.services.preparing import Preparer
from node.services.records import Records
from node.services.sections import Sections
from node.services.systems import Systems
from node.services.tiles import Tiles
from node.services.witness import Witness
from node.wiring.foundation import Foundation
from node.wiring.outside import Outside


class WithRecords(Foundation):
    """Takes records in and finds them again, keeps the log and has it witnessed."""

    def __init__(self, config: Config, descriptor: Descriptor, keys: Keys, outside: Outside) -> None:
        super().__init__(config, descriptor, keys, outside)
        store, clock, entropy, me = outside.store, outside.clock, outside.entropy, config.name
        self.preparer = Preparer(keys.index, entropy, descriptor.alliance, me, self.catalogue.rules)
        self.records = Records(
            store,
            self.vault,
            self.feed,
            self.parking,
            clock,
            self.preparer,
            me,
            self.reach.check,
            self.homes.is_home_of,
        )
        self._tokens = PageTokens(keys.index, entropy)
        self.listing = Listing(store, self.records, self._tokens, keys.index, me)
        self.acts = Acts(store, self.records)
        self.systems = Systems(store, self.acts, outside.certifier, clock)
        self.decisions = Decisions(store, self.records, self.outbox, self.acts, self.feed)
        self.log = Log(store, self.outbox, keys, entropy, descriptor.alliance, me, config.log.batch_size)
        self.cosignatures = Cosignatures(store, self.alliance, self.log)
        self.witness = Witness(store, self.alliance, outside.peers, keys, self.acts, self.feed, clock)
        self.tiles = Tiles(store, self.log, self.cosignatures)
        self.archiving = Archiving(
            store,
            self.vault,
            self.records,
            self.acts,
            self.alliance,
            self.log,
            self.cosignatures,
            self.tiles,
        )
        self.predecessors = Predecessors(store, self.vault, self.acts, self.alliance)
        self.sections = Sections(store, self.vault, self.records, keys.index, me, clock)
