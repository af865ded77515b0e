"""Bidders: how they register, act through others, move, change and recover keys, and log in."""

from node.config import Config
from node.domain.descriptor import Descriptor
from node.domain.package import field_rules
from node.ports import Keys
from node.services.agency import Agency
from node.services.attesting import Attesting
from node.services.controllers import Controllers
from node.services.exporting import Exporting
from node.services.loading import Loading
from node.services.logins import Logins
from node.services.look_ups import LookUps
from node.services.moving import Moving
from node.services.packages import Packages
from node.services.recoveries import Recoveries
from node.services.registration import Registrations
from node.services.waiting import Waiting
from node.wiring.ledger import WithLedger
from node.wiring.outside import Outside


class WithSubjects(WithLedger):
    """Keeps registrations, and knows who speaks for a subject."""

    def __init__(self, config: Config, descriptor: Descriptor, keys: Keys, outside: Outside) -> None:
        super().__init__(config, descriptor, keys, outside)
        store, clock, entropy = outside.store, outside.clock, outside.entropy
        self.waiting = Waiting(store, self.vault, keys.index)
        self.loading = Loading(
            store,
            self.vault,
            self.alliance,
            self.records,
            self.waiting,
            self.parking,
            self.acts,
            self.feed,
            clock,
            entropy,
        )
        self.attesting = Attesting(
            store,
            self.alliance,
            self.homes,
            self.records,
            self.acts,
            self.feed,
            clock,
            entropy,
            index_key=keys.index,
        )
        self.look_ups = LookUps(
            store,
            self.vault,
            self.homes,
            self.records,
            self.attesting,
            self.acts,
            self.feed,
            outside.registry,
            clock,
            timeout_seconds=config.registry.timeout_seconds,
            fresh_seconds=config.registry.fresh_seconds,
        )
        self.packages = Packages(
            store,
            self.vault,
            self.alliance,
            self.recognition,
            self.gate,
            clock,
            field_rules(self.catalogue.rules),
        )
        self.registrations = Registrations(
            store,
            self.vault,
            self.alliance,
            self.homes,
            self.recognition,
            self.gate,
            self.records,
            self.outbox,
            self.feed,
            clock,
            entropy,
            self.reach,
            self.waiting,
            self.attesting,
            self.look_ups,
            self.packages,
        )
        self.exporting = Exporting(
            self.alliance, self.gate, self.registrations, self.records, self.log, keys.identity, clock
        )
        self.moving = Moving(
            store,
            self.vault,
            self.alliance,
            self.recognition,
            self.gate,
            self.registrations,
            self.records,
            self.outbox,
            self.feed,
            clock,
        )
        self.controllers = Controllers(store, self.alliance, self.gate, self.outbox, self.registrations)
        self.recoveries = Recoveries(
            store,
            self.vault,
            self.alliance,
            self.recognition,
            self.gate,
            self.outbox,
            self.feed,
            clock,
            is_automatic=config.trust.recoveries == "automatic",
        )
        self.agency = Agency(
            store,
            self.alliance,
            self.gate,
            self.recognition,
            self.registrations,
            self.records,
            self.attesting,
            self.feed,
            clock,
        )
        self.logins = Logins(
            self.alliance, self.recognition, self.gate, self.follower, self.signing, clock, entropy
        )
