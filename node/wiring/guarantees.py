"""Guarantees, as all their parties deal with them: codes, checks, steps, openings."""

from node.config import Config
from node.domain.descriptor import Descriptor
from node.domain.obligation import rules_with
from node.ports import Keys
from node.services.application_codes import ApplicationCodes
from node.services.award_reads import AwardReads
from node.services.awards import Awards
from node.services.batch_checks import BatchChecks
from node.services.guarantee_checks import StepChecks
from node.services.guarantee_delivery import GuaranteeDelivery
from node.services.guarantee_lives import GuaranteeLives
from node.services.guarantee_receipts import StepReceipts
from node.services.guarantee_steps import GuaranteeSteps
from node.services.guarantee_views import GuaranteeViews
from node.services.guarantees import Guarantees
from node.services.line_keeping import LineKeeping
from node.services.obligations import Obligations
from node.services.openings import Openings
from node.services.pledges import Pledges
from node.services.releases import Releases
from node.services.reserving import Reserving
from node.services.revealing import Revealing
from node.services.share_keeping import ShareKeeping
from node.services.taken_guarantees import TakenGuarantees
from node.services.verifying import Verifying
from node.services.waivers import Waivers
from node.wiring.evidence import WithEvidence
from node.wiring.outside import Outside


class WithGuarantees(WithEvidence):
    """Follows a guarantee from the application code to its end, sealed until the opening or not."""

    def __init__(self, config: Config, descriptor: Descriptor, keys: Keys, outside: Outside) -> None:
        super().__init__(config, descriptor, keys, outside)
        store, clock, entropy, me = outside.store, outside.clock, outside.entropy, config.name
        self.codes = ApplicationCodes(
            self.alliance, self.recognition, self.gate, self.signing, index_key=keys.index
        )
        self._lives = lives = GuaranteeLives(store, self.alliance)
        self.guarantees = Guarantees(store, self.alliance, self.follower, lives, self.codes, clock)
        checks = StepChecks(store, self.alliance, self.guarantees, lives, clock)
        step_receipts = StepReceipts(store, self.alliance, lives, checks, self.signing, clock)
        self.guarantee_views = GuaranteeViews(
            store, self.alliance, self.gate, self.guarantees, lives, checks, self.feed, clock
        )
        self.guarantee_delivery = GuaranteeDelivery(
            store,
            self.alliance,
            self.guarantees,
            lives,
            checks,
            step_receipts,
            outside.peers,
            self.feed,
            clock,
        )
        self.line_keeping = LineKeeping(store, self.alliance, lives, self.lines, self.feed, clock)
        self.guarantee_steps = GuaranteeSteps(
            store,
            self.alliance,
            self.gate,
            self.guarantees,
            lives,
            checks,
            step_receipts,
            self.guarantee_delivery,
            self.line_keeping,
            self.outbox,
            self.feed,
            self.signing,
            clock,
        )
        self.obligations = Obligations(
            store,
            self.vault,
            self.sections,
            self.projection,
            self.codes,
            lives,
            self.feed,
            self._tokens,
            clock,
            me,
            rules=rules_with(config.obligation_changes()),
            calendar=self.projection.calendar,
        )
        self.releases = Releases(
            store, self.gate, self.follower, self.projection, self.obligations, self.guarantee_steps
        )
        self.pledges = Pledges(self.alliance, self.recognition, clock)
        self.waivers = Waivers(
            self.alliance, self.recognition, self.sections, self.evaluations, outside.peers, clock
        )
        self.batch_checks = BatchChecks(self.sections, self.alliance, clock)
        self.verifying = Verifying(outside.signatures, self.recognition, clock)
        self.taken_guarantees = TakenGuarantees(
            store, self.vault, self.alliance, self.verifying, self.recognition, clock
        )
        self.awards = Awards(
            store,
            self.alliance,
            self.recognition,
            self.follower,
            self.gate,
            self.listing,
            self.proving,
            outside.peers,
            self.feed,
            AwardReads(store, self.vault, me),
            clock,
        )
        self.share_keeping = ShareKeeping(
            store, self.vault, self.alliance, self.follower, self.acts, self.signing, clock, entropy
        )
        self.openings = Openings(
            store,
            self.alliance,
            self.follower,
            self.outbox,
            outside.peers,
            self.acts,
            self.signing,
            clock,
            entropy,
        )
        self.reserving = Reserving(store, self.alliance, self.gate, self.follower, self.outbox, entropy)
        self.revealing = Revealing(
            store,
            self.alliance,
            self.openings,
            self.codes,
            self.guarantees,
            self.outbox,
            self.feed,
            outside.peers,
            outside.ledger,
            self.signing,
            clock,
        )
