"""All use cases of one node, wired to ports and to each other; names no adapter."""

from collections.abc import Callable
from dataclasses import dataclass

from node.config import Config
from node.domain.act import ActKind
from node.domain.descriptor import Descriptor, alliance_domain
from node.domain.obligation import rules_with
from node.domain.package import field_rules
from node.ports import (
    Authorities,
    Certifier,
    Clock,
    CoreBanking,
    ErasureList,
    Keys,
    Ledger,
    OrganisationSeal,
    Peers,
    Registry,
    SignatureReader,
    Store,
    Typeface,
)
from node.services import layout
from node.services.acts import Acts
from node.services.agency import Agency
from node.services.alliance import Alliance
from node.services.application_codes import ApplicationCodes
from node.services.archiving import Archiving
from node.services.attesting import Attesting
from node.services.awards import Awards
from node.services.bank_orders import BankOrders
from node.services.batch_checks import BatchChecks
from node.services.catalogue import Catalogue
from node.services.catalogue_votes import CatalogueVotes
from node.services.changes import Changes
from node.services.consent_rows import ConsentRows
from node.services.consents import Consents
from node.services.controllers import Controllers
from node.services.corroboration import Corroboration
from node.services.cosignatures import Cosignatures
from node.services.coverage import Coverage
from node.services.credit_lines import CreditLines
from node.services.decisions import Decisions
from node.services.desk import Desk
from node.services.disputes import Disputes
from node.services.erasing import Erasing
from node.services.erasure_book import ErasureBook
from node.services.erasures import Erasures
from node.services.expiries import Expiries, anchor_deadlines
from node.services.exporting import Exporting
from node.services.feed import Feed
from node.services.filing import PageTokens
from node.services.follower import Follower
from node.services.gate import Gate
from node.services.guarantee_checks import StepChecks
from node.services.guarantee_delivery import GuaranteeDelivery
from node.services.guarantee_files import GuaranteeFiles
from node.services.guarantee_lives import GuaranteeLives
from node.services.guarantee_receipts import StepReceipts
from node.services.guarantee_steps import GuaranteeSteps
from node.services.guarantee_views import GuaranteeViews
from node.services.guarantees import Guarantees
from node.services.guarantor import Guarantor
from node.services.holdings import Holdings
from node.services.inbox import Inbox
from node.services.issue_rules import RulesInForce, RulesSource
from node.services.kept_reads import KeptReads
from node.services.key_rotation import KeyRotation
from node.services.ledger_proofs import LedgerProofs
from node.services.legal_history import LegalHistory
from node.services.legal_reading import LegalReading
from node.services.legal_serving import LegalServing
from node.services.line_desk import LineDesk
from node.services.line_keeping import LineKeeping
from node.services.listing import Listing
from node.services.loading import Loading
from node.services.log import Log
from node.services.logins import Logins
from node.services.look_ups import LookUps
from node.services.membership import Membership
from node.services.moving import Moving
from node.services.notices import Notices
from node.services.obligations import Obligations
from node.services.openings import Openings
from node.services.outbox import Outbox
from node.services.packages import Packages
from node.services.parking import Parking
from node.services.pledges import Pledges
from node.services.predecessors import Predecessors
from node.services.preparing import Preparer
from node.services.projection import Projection
from node.services.proving import Proving
from node.services.reach import Reach
from node.services.reading import Reading
from node.services.recognition import Recognition
from node.services.records import Records
from node.services.recoveries import Recoveries
from node.services.registration import Registrations
from node.services.releases import Releases
from node.services.remarks import Remarks
from node.services.reporter import Reporter
from node.services.reserving import Reserving
from node.services.revealing import Revealing
from node.services.sealed_issuing import SealedIssuing
from node.services.sections import Sections
from node.services.sender import Sender
from node.services.serving import Serving
from node.services.share_keeping import ShareKeeping
from node.services.sharing import Sharing
from node.services.signing import Signing
from node.services.status import NodeStatus
from node.services.systems import Systems
from node.services.taken_guarantees import TakenGuarantees
from node.services.tiles import Tiles
from node.services.traces import Traces
from node.services.transaction import Transaction
from node.services.trust_votes import TrustVotes
from node.services.vault import Entropy, Vault
from node.services.verifying import Verifying
from node.services.waiting import Waiting
from node.services.witness import Witness


@dataclass(frozen=True, slots=True)
class Outside:
    """Everything outside the process that the services use, behind its port."""

    store: Store
    keyring: Store
    ledger: Ledger
    peers: Peers
    authorities: Authorities
    clock: Clock
    entropy: Entropy
    signatures: SignatureReader
    certifier: Certifier
    erasures: ErasureList
    typeface: Typeface
    seal: OrganisationSeal
    registry: Registry | None = None
    issue_rules: Callable[[], RulesSource | None] = lambda: None
    """Reads a guarantor's rules anew; None where none are configured."""
    core_banking: CoreBanking | None = None


class Services:
    """All use cases of one node, wired."""

    def __init__(  # noqa: PLR0915  # a statement for each use case
        self, config: Config, descriptor: Descriptor, keys: Keys, outside: Outside
    ) -> None:
        store, clock, entropy, me = outside.store, outside.clock, outside.entropy, config.name
        self.feed = Feed(store)
        self.vault = Vault(outside.keyring, keys, entropy)
        self.projection = Projection(store)
        self.reach = Reach(store, self.projection, outside.erasures, me)
        self.alliance = Alliance(descriptor, self.projection, me)
        signing = Signing(self.alliance, keys.identity, clock, entropy)
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
            lambda subject: self.registrations.is_home_of(subject),  # noqa: PLW0108  # made further below
        )
        tokens = PageTokens(keys.index, entropy)
        self.listing = Listing(store, self.records, tokens, keys.index, me)
        self.acts = Acts(store, self.records)
        self.systems = Systems(store, self.acts, outside.certifier, clock)
        self.outbox = Outbox(store, clock)
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
        self.ledger_proofs = LedgerProofs(store, self.alliance, outside.ledger, clock)
        self.sections = Sections(store, self.vault, self.records, keys.index, me, clock)
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
        observers = (
            Reporter(self.feed, clock, me).report,
            self.ledger_proofs.note_event,
            self.lines.note_event,
            self.sections.observe,
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
        self.gate = Gate(store, self.alliance, clock)
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
            store, self.alliance, self.records, self.acts, self.feed, clock, entropy, index_key=keys.index
        )
        self.look_ups = LookUps(
            store,
            self.vault,
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
        self.exporting = Exporting(self.gate, self.registrations, self.records, keys.identity, clock, me)
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
        self.notices = Notices(store, self.alliance, self.gate, outside.peers, self.feed, signing, clock)
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
            self.registrations,
            self.records,
            self.notices,
            self.acts,
            self.feed,
            signing,
            clock,
        )
        self.disputes = Disputes(
            store,
            self.vault,
            self.alliance,
            self.gate,
            self.registrations,
            self.records,
            self.notices,
            self.acts,
            self.feed,
            signing,
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
            signing,
            clock,
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
            signing,
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
            signing,
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
            signing,
            clock,
        )
        self.codes = ApplicationCodes(
            self.alliance, self.recognition, self.gate, signing, index_key=keys.index
        )
        lives = GuaranteeLives(store, self.alliance)
        self.guarantees = Guarantees(store, self.alliance, self.follower, lives, self.codes, clock)
        checks = StepChecks(store, self.alliance, self.guarantees, lives, clock)
        step_receipts = StepReceipts(store, self.alliance, checks, signing, clock)
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
        self.line_keeping = LineKeeping(store, self.alliance, lives, self.lines)
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
            signing,
            clock,
        )
        self.obligations = Obligations(
            store,
            self.vault,
            self.sections,
            self.projection,
            self.codes,
            self.feed,
            tokens,
            clock,
            me,
            rules=rules_with(config.obligation_changes()),
            calendar=self.projection.calendar,
        )
        self.releases = Releases(
            store, self.gate, self.follower, self.projection, self.obligations, self.guarantee_steps
        )
        self.pledges = Pledges(self.alliance, self.recognition, clock)
        self.batch_checks = BatchChecks(self.sections, self.alliance, clock)
        self.sealed_issuing = SealedIssuing(
            store,
            self.vault,
            self.alliance,
            self.gate,
            self.records,
            self.log,
            self.acts,
            signing,
            clock,
        )
        self.guarantor = Guarantor(
            store,
            self.vault,
            self.alliance,
            self.gate,
            self.reading,
            self.guarantees,
            self.outbox,
            self.lines,
            self.acts,
            self.feed,
            signing,
            clock,
            self.sealed_issuing,
        )
        self.guarantee_files = GuaranteeFiles(
            store,
            self.alliance,
            self.guarantees,
            self.guarantor,
            self.recognition,
            outside.signatures,
            outside.typeface,
            outside.seal,
            signing,
            clock,
        )
        self.rules = RulesInForce(store, self.acts, outside.issue_rules)
        self.desk = Desk(
            store,
            self.vault,
            self.alliance,
            self.gate,
            self.guarantor,
            self.lines,
            self.rules,
            self.bank_orders,
            self.kept_reads,
            self.feed,
            signing,
            clock,
        )
        self.share_keeping = ShareKeeping(
            store, self.vault, self.alliance, self.follower, self.acts, signing, entropy
        )
        self.openings = Openings(
            store,
            self.alliance,
            self.follower,
            self.outbox,
            outside.peers,
            self.acts,
            signing,
            clock,
            entropy,
        )
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
            signing,
            clock,
        )
        self.reserving = Reserving(store, self.alliance, self.gate, self.follower, self.outbox, entropy)
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
            self.alliance, self.recognition, self.gate, self.follower, signing, clock, entropy
        )
        self.verifying = Verifying(outside.signatures, self.recognition, clock)
        self.taken_guarantees = TakenGuarantees(
            store, self.vault, self.alliance, self.verifying, self.recognition, clock
        )
        self.membership = Membership(store, self.alliance, self.outbox, self.acts, clock)
        self.trust_votes = TrustVotes(store, self.alliance, self.recognition, self.outbox, self.acts, clock)
        self.catalogue_votes = CatalogueVotes(
            store, self.alliance, self.catalogue, self.outbox, self.acts, clock
        )
        self.key_rotation = KeyRotation(
            store,
            self.alliance,
            self.outbox,
            self.log,
            self.vault,
            self.acts,
            keys,
            clock,
            alliance_domain(descriptor),
        )
        self.expiries = Expiries(
            clock,
            [
                lambda: anchor_deadlines(self.recognition.trust().anchors),
                self.guarantee_files.deadlines,
            ],
        )
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
            signing,
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
            clock,
        )
        self.line_desk = LineDesk(
            store,
            self.vault,
            self.alliance,
            self.gate,
            self.lines,
            self.kept_reads,
            self.proving,
            signing,
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
        self.holdings = Holdings(store, self.vault, self.alliance, self.gate, book, self.feed, signing, clock)
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
        self.erasing = Erasing(store, self.vault, book, rules, keys, clock, signing)
        self.status = NodeStatus(
            store,
            self.log,
            self.proving,
            self.follower,
            self.outbox,
            self.parking,
            self.expiries,
            self.reach,
            clock,
        )
        self._store, self.clock = store, clock
        self._members = self._known_members()
        self._watchers: list[Callable[[], None]] = []

    def on_authority_changed(self, tell: Callable[[], None]) -> None:
        """Have `tell` called whenever somebody may have lost the right to call this node.

        A system's certificate was revoked; or a member was suspended, or its identity key has changed.
        """
        self._watchers.append(tell)
        self.systems.on_revoked.append(tell)

    def note_config(self, digest: bytes) -> None:
        """Record which configuration this process works under, if it is not the one of the last start.

        Args:
            digest: SHA-256 of `heqi.toml`.

        Raises:
            StoreError: the database fails.
        """
        if self._store.get(layout.CONFIG) == digest:
            return
        transaction = Transaction(self._store)
        transaction.put(layout.CONFIG, digest)
        self.acts.record(transaction, ActKind.CONFIG_LOADED, {"sha256": digest.hex()})
        transaction.commit()

    async def follow(self) -> bool:
        """One round of following the ledger; wakes those who wait for what it brings."""
        before = self.follower.final_number()
        again = await self.follower.step()
        if self.follower.final_number() != before:
            self.key_rotation.take_up()
            self.membership.answer_summons()
            self.feed.wake()
        members = self._known_members()
        if members != self._members:
            self._members = members
            for tell in self._watchers:
                tell()
        return again

    def _known_members(self) -> frozenset[tuple[str, bytes]]:
        return frozenset(
            (row.member.name, row.member.identity_key) for row in self.projection.members() if row.active
        )

    def publish(self) -> None:
        """One batch of the log."""
        self.log.publish(self.proving.anchored_size())
        self.reach.note()

    def publish_when_known(self) -> None:
        """One batch of the log, once this node knows how far its own last anchor reached.

        Before it has seen the ledger, or while the projection is being built again, an anchor would start from
        the wrong size, and a node restored from an old copy would fork its log.
        """
        if self.follower.head is not None:
            self.publish()
