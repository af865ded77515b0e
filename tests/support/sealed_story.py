"""One tender with every kind of bid, honest and not, told once and looked at by many tests.

Worlds are what costs: all bidders go through each step together, and what can be seen only before the opening is
written down on the way.
"""

from dataclasses import dataclass, field

from msgspec.structs import replace

from node.domain.document import document_digest, peek_document, sign_document
from node.domain.encoding import from_base64url, to_base64url
from node.domain.guarantee import guarantee_terms
from node.domain.ledger import IssueGuarantee
from node.domain.opening import ShareRelease, ShareRequest, open_terms, parse_sealed_file
from node.domain.sealed_guarantee import (
    SealedContent,
    file_digest,
    parse_content,
    peek_guarantee,
    signed_part,
)
from node.domain.sealing import BATCH, AnnounceOpening, OpenTender
from node.domain.shares import decrypt_content
from node.errors import ConflictError, DocumentFormatError, MissingError
from node.services.guarantees import Verdict
from node.wallet.sealing import SealedPlan, seal
from tests.support.world import DAY, World
from tests.support.world_bidder import Bidder
from tests.support.world_centre import Centre
from tests.support.world_guarantees import BANK, INSURER
from tests.support.world_sealed import HOLDERS, HOUR, SealedBid, SealedTender

OTHER_SECTION = "GC-2026-002/1"
_OPENS_IN = 20 * DAY
_LOG_CALLS = {"log_view", "witnessed_view", "submit_cosignature"}
"""What all members' logs do anyway."""


@dataclass
class Story:
    """The tender after its opening, and what was seen before."""

    tender: SealedTender
    bids: dict[str, SealedBid] = field(default_factory=dict)
    between: set[str] = field(default_factory=set)
    """Calls between bank and centre before the opening, their logs' apart."""
    rows: list[int] = field(default_factory=list)
    """Guarantees on the ledger: when they were issued, and when one bidder had brought its own."""
    verdicts: list[Verdict] = field(default_factory=list)
    """What checks of a sealed guarantee by its number said, and by its signed part alone."""
    refusals: list[str] = field(default_factory=list)
    """What holders answered when they were asked too early, or by somebody else."""
    early: list[list[bytes]] = field(default_factory=list)
    """What holders gave for the same keys under terms with an earlier moment."""
    told: str = ""
    """All that the bank holds of the first application and its guarantee."""
    refused_moves: int = 0
    """Attempts to open early, or to a time that is no later one, that the centre's own node refused."""

    def of(self, name: str) -> SealedBid:
        return self.bids[name]


async def tell(world: World) -> Story:
    """Everything up to the opening, final everywhere."""
    tender = await SealedTender(world).announce(in_seconds=_OPENS_IN)
    story = Story(tender)
    names = (
        "honest",
        "second",
        "badly-dealt",
        "other-code",
        "others-code",
        "other-section",
        "two",
        "gone",
        "over",
    )
    bidders = {name: world.bidder() for name in (*names, "late")}
    for bidder in bidders.values():
        world.register(bidder)
    world.network.delivered.clear()
    await world.settle()
    plans = await _issue_all(tender, bidders, names)
    _watch(story, plans["honest"])
    plans |= await _reserve_again(tender, bidders, plans)
    story.between = _between(world, tender)
    await _try_early(story, bidders["honest"], plans["honest"])
    await _postpone(story)
    await _bring_own_row(story, plans["second"])
    plans["late"] = await _issue_late(tender, bidders["late"])
    for name, plan in plans.items():
        bidder = bidders[name.partition("/")[0]]
        deal = _deal_badly if name == "badly-dealt" else None
        story.bids[name] = tender.seal(bidder, _renamed(tender, plan), deal)
    for node in world.centres.values():
        node.restart()
    await world.settle()
    await tender.open()
    return story


async def _issue_all(
    tender: SealedTender, bidders: dict[str, Bidder], names: tuple[str, ...]
) -> dict[str, SealedPlan]:
    elsewhere = SealedTender(tender.world, OTHER_SECTION).tender
    plans = {name: tender.plan(bidders[name]) for name in names}
    plans["other-code"] = replace(plans["other-code"], code=elsewhere.code(bidders["other-code"]))
    plans["others-code"] = replace(plans["others-code"], code=tender.tender.code(tender.world.bidder()))
    plans["other-section"] = tender.plan(bidders["other-section"], section=OTHER_SECTION)
    begun = {name: tender.begin(bidders[name], plan) for name, plan in plans.items()}
    return await _issue(tender, bidders, begun, tender.bank, undecided=("gone", "over"))


async def _reserve_again(
    tender: SealedTender, bidders: dict[str, Bidder], plans: dict[str, SealedPlan]
) -> dict[str, SealedPlan]:
    """At a second guarantor: beside a live application, after a refusal, and after a reservation's end."""
    insurer = tender.world[INSURER]
    tender.bank.services.guarantor.refuse(plans["gone"].application, "no credit")
    refused = tender.collect(bidders["gone"], plans["gone"])
    begun = {
        "gone": tender.begin(bidders["gone"], refused, insurer),
        "two": _forced(tender, bidders["two"], plans["two"], insurer),
    }
    found = await _issue(tender, bidders, begun, insurer)
    tender.pass_to(plans["over"].reservations[-1].until)
    await tender.world.settle()
    over = {"over": tender.begin(bidders["over"], plans["over"], insurer)}
    found |= await _issue(tender, bidders, over, insurer)
    return {"two/again" if name == "two" else name: plan for name, plan in found.items()}


def _forced(tender: SealedTender, bidder: Bidder, plan: SealedPlan, bank: Centre) -> SealedPlan:
    """A dishonest wallet goes on to its next reservation while the last one lives."""
    live = plan.reservations[-1]
    begun = tender.begin(bidder, replace(plan, reservations=(replace(live, refusal="x"),)), bank)
    return replace(begun, reservations=(live, begun.reservations[-1]))


async def _issue(
    tender: SealedTender,
    bidders: dict[str, Bidder],
    plans: dict[str, SealedPlan],
    bank: Centre,
    undecided: tuple[str, ...] = (),
) -> dict[str, SealedPlan]:
    """Each plan reserved, applied for and, but for some, issued and proven."""
    for name, plan in plans.items():
        tender.reserve(bidders[name], plan)
        tender.grant(bidders[name], bank)
    for _ in range(-(-len(plans) // BATCH)):
        await tender.world.settle(corroborate=False)
    plans = {name: tender.apply(bidders[name], plan, bank) for name, plan in plans.items()}
    decided = [name for name in plans if name not in undecided]
    for name in decided:
        await bank.services.guarantor.assess(plans[name].application)
        bank.services.guarantor.issue(plans[name].application, f"{bank.name}-{name}")
    await tender.world.settle(corroborate=False)
    return plans | {name: tender.collect(bidders[name], plans[name], bank) for name in decided}


async def _issue_late(tender: SealedTender, bidder: Bidder) -> SealedPlan:
    """Signed in time, and anchored only once the opening was due."""
    tender.pass_to(tender.opening.terms.opens + DAY - HOUR)
    plan = tender.begin(bidder, tender.plan(bidder))
    tender.reserve(bidder, plan)
    tender.grant(bidder, tender.bank)
    await tender.world.settle()
    plan = tender.apply(bidder, plan)
    await tender.bank.services.guarantor.assess(plan.application)
    tender.bank.services.guarantor.issue(plan.application, "bank-late")
    tender.pass_to(tender.opening.terms.opens + DAY)
    await tender.world.settle()
    return tender.collect(bidder, plan)


def _watch(story: Story, plan: SealedPlan) -> None:
    tender = story.tender
    story.rows.append(tender.rows())
    sealed = signed_part(plan.guarantee)
    for centre in (tender.centre, tender.bank, tender.world.third):
        checks = centre.services.guarantees
        story.verdicts += [
            checks.check_number(BANK, "bank-honest").verdict,
            checks.check_file(sealed).verdict,
        ]
    row = tender.bank.services.guarantor.load(plan.application)
    parts = [part for token in (row.call, row.guarantee) for part in token.split(".")[:2]]
    stored = b"".join(value for _, value in tender.bank.store.scan(b""))
    story.told = b"".join([*map(from_base64url, parts), stored]).decode("utf-8", "replace")


def _between(world: World, tender: SealedTender) -> set[str]:
    pair = {tender.bank.name, tender.centre.name}
    calls = {call for caller, called, call in world.network.delivered if {caller, called} == pair}
    return calls - _LOG_CALLS


def ask(
    tender: SealedTender, holder: str, sealed: str, *, terms: str = "", caller: Centre | None = None
) -> list[bytes]:
    """What a holder gives a centre that asks on its own account."""
    centre = caller or tender.centre
    request = ShareRequest(
        alliance=tender.world.descriptor.alliance,
        iat=int(tender.world.clock.now()),
        jti=to_base64url(b"j" * 16),
        iss=centre.name,
        aud=holder,
        terms=terms or tender.terms,
        shares=(sealed,),
    )
    token = sign_document(request, centre.keys.identity.sign)
    answer = tender.world[holder].services.share_keeping.release(centre.name, token)
    return [from_base64url(share) for share in peek_document(answer, ShareRelease).shares]


async def _try_early(story: Story, bidder: Bidder, plan: SealedPlan) -> None:
    """The centre tries to have shares before their moment, also under terms that name an earlier one."""
    tender, world = story.tender, story.tender.world
    file = parse_sealed_file(tender.seal(bidder, plan).sealed.file)
    early = replace(tender.opening.terms, opens=int(world.clock.now()) + HOUR)
    token = sign_document(early, tender.centre.keys.identity.sign)
    opening = document_digest(token)
    world.queue(tender.centre, "early", AnnounceOpening(opening, early.opens))
    await world.settle(corroborate=False)
    # The other way round: the terms that bidders have name the true moment, and the ledger is told an earlier one.
    twin = sign_document(
        replace(tender.opening.terms, jti=to_base64url(b"t" * 16)), tender.centre.keys.identity.sign
    )
    lied = open_terms(twin, world.member)
    world.queue(tender.centre, "lied", AnnounceOpening(lied.id, early.opens))
    await world.settle(corroborate=False)
    tender.pass_to(early.opens)
    world.queue(tender.centre, "early", OpenTender(opening))
    world.queue(tender.centre, "lied", OpenTender(lied.id))
    await world.settle(corroborate=False)
    other = parse_sealed_file(seal(plan, lied).file)
    for place, holder in enumerate(HOLDERS):
        sealed = file.shares[place].sealed
        story.early.append(ask(tender, holder, sealed, terms=token))
        attempts = (
            (sealed, "", tender.centre),
            (sealed, "", world.home),
            (other.shares[place].sealed, twin, tender.centre),
        )
        for share, terms, caller in attempts:
            try:
                ask(tender, holder, share, terms=terms, caller=caller)
            except MissingError as error:
                story.refusals.append(str(error))


async def _postpone(story: Story) -> None:
    """By a day; and what the centre's own node does not even send."""
    tender, openings = story.tender, story.tender.centre.services.openings
    moment = tender.opening.terms.opens
    try:
        openings.postpone(tender.id, moment, "no later moment")
    except DocumentFormatError:
        story.refused_moves += 1
    openings.postpone(tender.id, moment + DAY, "an addendum")
    await tender.world.settle(corroborate=False)
    tender.pass_to(moment)
    await tender.world.settle(corroborate=False)
    try:
        openings.open(tender.id)
    except ConflictError:
        story.refused_moves += 1


async def _bring_own_row(story: Story, plan: SealedPlan) -> None:
    """A bidder knows everything about its own guarantee, and tells the ledger early."""
    tender, file = story.tender, plan.guarantee
    verifier = tender.centre.services.alliance.verifiers.es256
    told = guarantee_terms(peek_guarantee(file), file_digest(file), verifier)
    tender.world.queue(tender.world.third, "own", IssueGuarantee(told, bytes.fromhex(plan.signature)))
    await tender.world.settle(corroborate=False)
    story.rows.append(tender.rows())


def _renamed(tender: SealedTender, plan: SealedPlan) -> SealedPlan:
    """A wallet that seals to this opening whatever the guarantee is for."""
    return replace(plan, terms=replace(plan.terms, section=tender.tender.section))


def _deal_badly(_: bytes, __: int, count: int) -> list[bytes]:
    return [bytes([place]) * 17 for place in range(1, count + 1)]


def content_of(tender: SealedTender, one: SealedBid) -> SealedContent:
    """What is in a sealed file, for whoever has its key."""
    file = parse_sealed_file(one.sealed.file)
    key, ciphertext = one.sealed.opening_key, from_base64url(file.ciphertext)
    return parse_content(decrypt_content(key, ciphertext, tender.opening.id))
