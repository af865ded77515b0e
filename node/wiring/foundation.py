"""What every use case stands on: the database and its keys, the ledger as it was seen, and who this member is."""

from node.config import Config
from node.domain.descriptor import Descriptor
from node.ports import Keys
from node.services.alliance import Alliance
from node.services.catalogue import Catalogue
from node.services.feed import Feed
from node.services.gate import Gate
from node.services.homes import Homes
from node.services.outbox import Outbox
from node.services.parking import Parking
from node.services.projection import Projection
from node.services.reach import Reach
from node.services.recognition import Recognition
from node.services.signing import Signing
from node.services.vault import Vault
from node.wiring.outside import Outside


class Foundation:
    """Known to all; knows no use case."""

    def __init__(self, config: Config, descriptor: Descriptor, keys: Keys, outside: Outside) -> None:
        store, clock, entropy, me = outside.store, outside.clock, outside.entropy, config.name
        self._store, self.clock = store, clock
        self.feed = Feed(store)
        self.vault = Vault(outside.keyring, keys, entropy)
        self.projection = Projection(store)
        self.reach = Reach(store, self.projection, outside.erasures, me)
        self.alliance = Alliance(descriptor, self.projection, me)
        self.signing = Signing(self.alliance, keys.identity, clock, entropy)
        self.homes = Homes(store, self.alliance)
        self.recognition = Recognition(
            store,
            self.alliance,
            outside.authorities,
            clock,
            entropy,
            config.trust.soft_fail,
            config.trust.timestamp,
        )
        self.catalogue = Catalogue(store, self.alliance, outside.peers, clock)
        self.parking = Parking(store, self.vault, self.feed, clock, me)
        self.outbox = Outbox(store, clock)
        self.gate = Gate(store, self.alliance, clock)
