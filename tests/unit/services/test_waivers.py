"""Bid security waived by a credit grade: what a waiver shows; nobody else's, no other and no old one counts."""

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any
from unittest import mock

import msgspec
import pytest

from node.domain.batch_check import Batch, Expected, SectionTerms
from node.domain.batch_finding import Fault
from node.domain.document import document_digest, open_members_document, peek_document, sign_document
from node.domain.evidence import parse_evidence
from node.domain.record import parse_payload
from node.domain.registry import Comparison
from node.domain.section import Party, day_at
from node.domain.waiver import SHOWN_FIELDS, BidWaiver, EvaluationState
from node.domain.wallet import DisputeCall
from node.errors import DisclosureError, DocumentFormatError, MissingError, PackageError
from node.services.attesting import About, Method
from node.services.batch_checks import JudgedWaiver
from node.services.guarantees import Verdict
from node.services.registration import READ_LOG
from node.services.waivers import Round
from tests.support.world import DAY, Shared, World
from tests.support.world_bidder import Bidder
from tests.support.world_centre import Centre
from tests.support.world_evaluations import (
    EVALUATOR,
    SECRETS,
    SECTION,
    evaluated,
    exported,
    graded,
    rule,
    waiver,
)
from tests.support.world_people import call
from tests.support.world_sections import SectionRecords
from tests.unit.services.test_disputes import dispute

HOME, CENTRE = "hangzhou", "luohe"


@pytest.fixture
def world() -> Iterator[World]:
    """The home of the bidders, and the centre of the tender."""
    with World((HOME, CENTRE)) as world:
        yield world


@dataclass
class Opened:
    """A section at its opening."""

    world: World
    batch: Batch
    round: Round = field(default_factory=Round)

    @property
    def centre(self) -> Centre:
        return self.world[CENTRE]

    async def check(self, file: str, bidder: str = "") -> JudgedWaiver:
        services = self.centre.services
        statement = await services.waivers.ask(file, self.round)
        return services.batch_checks.check_waiver(
            self.batch, partial(services.waivers.check, file, self.round, statement), bidder
        )


async def opened(world: World, *bidders: Bidder, days: float = 1, **terms: Any) -> Opened:
    """Bids are opened: by then a day has passed."""
    world.clock.advance(days * DAY)
    await world.settle()
    said = {"waivers": (rule(HOME),), "demanded": Decimal(80_000), **terms}
    if bidders:
        said["bidders"] = tuple(Expected((Party(one.code, one.organisation),)) for one in bidders)
    return Opened(world, world[CENTRE].services.batch_checks.begin(SectionTerms(SECTION, "", **said)))


def faults(judged: JudgedWaiver) -> list[Fault]:
    return [one.fault for one in judged.findings]


def altered(world: World, bidder: Bidder, file: str, **changes: Any) -> str:
    """The bidder's own waiver with something else in it, signed again."""
    document = msgspec.structs.replace(peek_document(file, BidWaiver), **changes)
    return sign_document(document, bidder.key.sign)


def shown_with(file: str, **changes: Any) -> Any:
    """The evidence in a waiver with something else in its one record."""
    evidence = peek_document(file, BidWaiver).evidence
    record = msgspec.structs.replace(evidence.records[0], **changes)
    return msgspec.structs.replace(evidence, records=(record,))


# -- what it is for -----------------------------------------------------------------------------------------


async def test_a_grade_that_the_tender_counts_waives_the_security(world: World) -> None:
    bidder = await evaluated(world)
    file = waiver(world, bidder, world[CENTRE])
    before = list(world.network.delivered)
    section = await opened(world, bidder)
    judged = await section.check(file, bidder.code)
    assert (faults(judged), judged.share) == ([], 100)
    assert judged.checked is not None
    assert (judged.checked.verdict, judged.checked.state) == (Verdict.VALID, "current")
    assert (judged.checked.credit_code, judged.checked.organisation) == (bidder.code, bidder.organisation)
    assert section.batch.close() == []
    asked = [one for one in world.network.delivered[len(before) :] if one[2] == "evaluation_state"]
    assert asked == [(CENTRE, HOME, "evaluation_state")], "once, after the opening"
    said = open_members_document(judged.checked.statement, EvaluationState, world.member(HOME).identity_keys)
    assert (said.waiver, said.aud) == (document_digest(file).hex(), CENTRE)


async def test_before_the_opening_nobody_is_asked_and_the_home_tells_nothing(world: World) -> None:
    bidder = await evaluated(world)
    file = waiver(world, bidder, world[CENTRE])
    section = await opened(world, bidder, days=0)
    judged = await section.check(file)
    assert judged.checked is not None
    assert judged.checked.verdict is Verdict.NOT_YET
    assert Fault.NOT_VALID in faults(judged)
    assert judged.share == 0
    assert not [one for one in world.network.delivered if one[2] == "evaluation_state"]
    tell = world[HOME].services.evaluations.tell
    with pytest.raises(MissingError) as early:
        tell(CENTRE, file)
    world.clock.advance(DAY)
    await world.settle()
    with pytest.raises(MissingError) as strange:
        tell(HOME, file)
    world.clock.advance(90 * DAY)
    await world.settle()
    with pytest.raises(MissingError) as late:
        tell(CENTRE, file)
    assert str(early.value) == str(strange.value) == str(late.value)
    assert not await world[HOME].feed("evaluation.asked")


async def test_an_opening_that_was_put_off_keeps_the_centre_from_asking(world: World) -> None:
    bidder = await evaluated(world)
    file = waiver(world, bidder, world[CENTRE])
    SectionRecords(world[CENTRE]).opened(world.clock.now() + 3 * DAY)
    assert (await (await opened(world)).check(file)).share == 0
    assert not [one for one in world.network.delivered if one[2] == "evaluation_state"]
    assert (await (await opened(world, days=3)).check(file)).share == 100


async def test_who_asked_stands_in_the_bidders_log_of_reads_once_for_each_waiver(world: World) -> None:
    bidder = await evaluated(world)
    file = waiver(world, bidder, world[CENTRE])
    section = await opened(world, bidder)
    await section.check(file)
    await section.check(file)
    records = world[HOME].records
    [read] = [
        stored.fields
        for position in records.all_of(bidder.subject)
        if (stored := records.load(position)).header.category == READ_LOG
    ]
    assert (read["reader"], read["grant"]) == (CENTRE, document_digest(file).hex())
    [told] = world[HOME].services.evaluations.reads_of(bidder.subject)
    assert (told.reader, told.waiver) == (CENTRE, document_digest(file).hex())
    assert [one.about["reader"] for one in await world[HOME].feed("evaluation.asked")] == [CENTRE]


async def test_a_part_that_is_waived_leaves_the_rest_to_be_secured(world: World) -> None:
    bidder = await evaluated(world, grade="AA")
    section = await opened(world, bidder)
    file = waiver(world, bidder, world[CENTRE], opening=int(world.clock.now()))
    assert (await section.check(file)).share == 50
    [missing] = section.batch.close()
    assert (missing.fault, missing.expected) == (Fault.WITHOUT_SECURITY, "bid, 50%")


async def test_what_the_section_waives_is_read_from_its_record(world: World) -> None:
    bidder = await evaluated(world, home=world[CENTRE])
    file = waiver(world, bidder, world[CENTRE])
    section = SectionRecords(world[CENTRE])
    written = {"evaluator": EVALUATOR, "scale": rule().scale, "grades": {"AAA": 100}}
    section.planned(details={"bid_security_waivers": [written]})
    world.clock.advance(DAY)
    await world.settle()
    for given, share in (
        (SectionTerms(SECTION, ""), 100),
        (SectionTerms(SECTION, "", kind="performance"), 0),
    ):
        batch = world[CENTRE].services.batch_checks.begin(given)
        assert (await Opened(world, batch).check(file)).share == share
    unclear = {**written, "grades": {"AAA": 1_000}}
    section.planned(details={"bid_security_waivers": [unclear]})
    batch = world[CENTRE].services.batch_checks.begin(SectionTerms(SECTION, ""))
    assert faults(await Opened(world, batch).check(file)) == [Fault.WAIVER_NOT_TAKEN]


# -- attacks ------------------------------------------------------------------------------------------------


async def test_a_copied_waiver_is_worthless_to_another_bidder_and_another_section(world: World) -> None:
    bidder, thief = await evaluated(world), world.bidder()
    world.register(thief)
    await world.settle()
    file = waiver(world, bidder, world[CENTRE])
    section = await opened(world, bidder, thief)
    copied = await section.check(file, thief.code)
    assert (faults(copied), copied.share) == ([Fault.OTHER_APPLICANT], 0)
    # The thief signs the same proof with its own key, under either delegation.
    for changes in ({"delegation": thief.delegation}, {}):
        stolen = altered(world, thief, file, key=thief.scribe.signer.name, **changes)
        assert faults(await section.check(stolen, thief.code)) == [Fault.NOT_VALID]
    # ... and the bidder's signature does not hold for anything else.
    head, _, signature = file.rpartition(".")
    other = altered(world, thief, file, section="another").rpartition(".")[0]
    assert faults(await section.check(f"{other}.{signature}")) == [Fault.NOT_VALID]
    assert head
    assert len(section.batch.close()) == 2
    elsewhere = Opened(
        world,
        world[CENTRE].services.batch_checks.begin(SectionTerms("another", "", waivers=(rule(HOME),))),
    )
    assert faults(await elsewhere.check(file, bidder.code)) == [Fault.OTHER_SECTION]


async def test_a_stolen_proof_does_not_make_the_home_tell(world: World) -> None:
    bidder, thief = await evaluated(world), world.bidder()
    world.register(thief)
    await world.settle()
    file = waiver(world, bidder, world[CENTRE], opening=int(world.clock.now()))
    stolen = altered(world, thief, file, key=thief.scribe.signer.name, delegation=thief.delegation)
    with pytest.raises(MissingError):
        world[HOME].services.evaluations.tell(CENTRE, stolen)


async def test_a_raised_grade_does_not_belong_to_the_record(world: World) -> None:
    bidder = await evaluated(world, grade="B")
    file = waiver(world, bidder, world[CENTRE])
    raised = []
    for text in peek_document(file, BidWaiver).evidence.records[0].disclosures:
        salt, name, value = json.loads(base64.urlsafe_b64decode(text + "=="))
        said = json.dumps(
            [salt, name, "AAA" if name == "grade" else value], ensure_ascii=False, separators=(",", ":")
        )
        raised.append(base64.urlsafe_b64encode(said.encode()).rstrip(b"=").decode())
    section = await opened(world, bidder)
    forged = altered(world, bidder, file, evidence=shown_with(file, disclosures=tuple(raised)))
    judged = await section.check(forged, bidder.code)
    assert faults(judged) == [Fault.NOT_VALID]
    assert judged.checked is not None
    assert "does not belong" in judged.checked.reason
    assert faults(await section.check(file, bidder.code)) == [Fault.LOW_GRADE], "the true one"


async def test_a_waiver_that_opens_another_field_or_one_less_is_none(world: World) -> None:
    bidder = await evaluated(world)
    file, whole = waiver(world, bidder, world[CENTRE]), parse_evidence(exported(bidder)).records[0]
    section = await opened(world, bidder)
    shown = peek_document(file, BidWaiver).evidence.records[0].disclosures
    for disclosures in (whole.disclosures, shown[:-1]):
        judged = await section.check(
            altered(world, bidder, file, evidence=shown_with(file, disclosures=disclosures))
        )
        assert faults(judged) == [Fault.NOT_VALID]
        assert judged.checked is not None
        assert "exactly the fields of a grade" in judged.checked.reason


async def test_no_other_field_can_be_recovered_from_a_waiver(world: World) -> None:
    bidder = await evaluated(world)
    file = waiver(world, bidder, world[CENTRE])
    document = peek_document(file, BidWaiver)
    [record] = document.evidence.records
    plain = b"".join(_everything(file))
    for shown in (EVALUATOR, "AAA", bidder.code):
        assert json.dumps(shown, ensure_ascii=False).encode() in plain, "the scan goes deep enough"
    for secret in (*SECRETS.values(), bidder.organisation):
        is_in_certificate = secret == bidder.organisation
        assert (secret.encode() in plain) is is_in_certificate
        assert json.dumps(secret).encode() not in plain
    _, digests = parse_payload(base64.urlsafe_b64decode(record.payload + "=="))
    opened_ = {hashlib.sha256(one.encode()).digest() for one in record.disclosures}
    assert len(opened_) == len(SHOWN_FIELDS)
    # As many digests as every evaluation has, whatever it says; what is not opened hides behind a salt of its own.
    [stored] = [
        one
        for position in world[HOME].records.all_of(bidder.subject)
        if (one := world[HOME].records.load(position)).header.thing == "e-1"
    ]
    assert len(digests) == 16 > len(stored.fields)
    hidden = stored.fields.keys() - SHOWN_FIELDS
    disclosures = stored.seal().commitments.disclosures
    assert {"score", "document_number", "evaluator_code", "body_name"} == hidden
    salts = [json.loads(base64.urlsafe_b64decode(one + "=="))[0] for one in record.disclosures]
    for name in hidden:
        salt = json.loads(base64.urlsafe_b64decode(disclosures[name] + "=="))[0]
        assert salt.encode() not in plain
        assert disclosures[name].encode() not in plain
        for known in (*salts, record.blind[:24], ""):
            # Who guesses the value right cannot tell: the salts that the waiver shows are of other fields.
            guess = json.dumps([known, name, stored.fields[name]], ensure_ascii=False, separators=(",", ":"))
            text = base64.urlsafe_b64encode(guess.encode()).rstrip(b"=")
            digest = base64.urlsafe_b64encode(hashlib.sha256(text).digest()).rstrip(b"=").decode()
            assert digest not in digests
    assert stored.seed not in plain


def _everything(token: str) -> Iterator[bytes]:
    """The bytes of a document, and of whatever is base64url in it, however deep."""
    pending = [token.encode()]
    while pending:
        raw = pending.pop()
        yield raw
        for part in re.findall(rb"[A-Za-z0-9+/_-]{12,}", raw):
            if len(part) % 4 != 1:
                padded = part.translate(bytes.maketrans(b"-_", b"+/")) + b"=" * (-len(part) % 4)
                pending.append(base64.b64decode(padded))


async def test_an_evaluation_of_another_company_is_none(world: World) -> None:
    bidder, other = await evaluated(world, body_code="91110108740053589U"), await evaluated(world)
    section = await opened(world)
    now = int(world.clock.now())
    own = waiver(world, bidder, world[CENTRE], opening=now)
    lent = waiver(world, bidder, world[CENTRE], opening=now, evidence=exported(other))
    for file in (own, lent):
        judged = await section.check(file, bidder.code)
        assert faults(judged) == [Fault.NOT_VALID]
        assert judged.checked is not None
        assert "another company" in judged.checked.reason


async def test_an_evaluation_that_ended_the_day_before_counts_no_more(world: World) -> None:
    opening = int(world.clock.now()) + 10 * DAY
    last = day_at(opening)
    bidder = await evaluated(world, valid_until=str(last))
    file = waiver(world, bidder, world[CENTRE], opening=opening)
    with pytest.raises(DocumentFormatError, match="does not count"):
        waiver(world, bidder, world[CENTRE], opening=opening + DAY)
    section = await opened(world, bidder, days=10)
    assert (await section.check(file)).share == 100
    # Its opening was put off by a day: the tender's records say so.
    SectionRecords(world[CENTRE]).opened(world.clock.now() + DAY)
    late = await opened(world, bidder, days=1.1)
    judged = await late.check(file)
    assert (faults(judged), judged.share) == ([Fault.EVALUATION_ENDED], 0)
    assert judged.findings[0].expected == str(last + timedelta(days=1))


@pytest.mark.parametrize(
    ("changes", "fault", "state"),
    [
        ({"grade": "B"}, Fault.EVALUATION_SUPERSEDED, "superseded"),
        ({"status": "withdrawn", "reason": "弄虚作假"}, Fault.EVALUATION_WITHDRAWN, "withdrawn"),
    ],
)
async def test_what_became_of_the_evaluation_since_is_found(
    world: World, changes: dict[str, Any], fault: Fault, state: str
) -> None:
    bidder = await evaluated(world)
    file = waiver(world, bidder, world[CENTRE])
    graded(world, bidder, **changes)
    section = await opened(world, bidder)
    judged = await section.check(file)
    assert (faults(judged), judged.share) == ([fault], 0)
    assert judged.findings[0].found.startswith(state)
    assert [one.fault for one in section.batch.close()] == [Fault.WITHOUT_SECURITY]
    if state == "withdrawn":
        with pytest.raises(DocumentFormatError, match="withdrawn"):
            waiver(world, bidder, world[CENTRE])


async def test_an_evaluation_in_dispute_or_found_to_differ_is_told_as_that(world: World) -> None:
    bidder, other = await evaluated(world), await evaluated(world)
    now = int(world.clock.now())
    files = [waiver(world, one, world[CENTRE], opening=now) for one in (bidder, other)]
    said = {"category": "subject.evaluation", "thing": "e-1", "fields": ("grade",)}
    token = dispute(world, Shared(bidder, b"", ""), **said)
    made = call(world, DisputeCall, world[HOME], bidder.subject, bidder.key, dispute=token)
    world[HOME].services.disputes.open(made)
    world[HOME].services.attesting.by_operator(
        other.subject,
        About("subject.evaluation", "e-1", 1),
        Method.DOCUMENT,
        EVALUATOR,
        Comparison(("grade",), ("grade",)),
        "ab" * 32,
        "cd" * 32,
    )
    section = await opened(world)
    for file in files:
        assert faults(await section.check(file)) == [Fault.EVALUATION_DISPUTED]


async def test_while_the_home_is_away_the_evaluation_is_unknown_and_never_good(world: World) -> None:
    bidder = await evaluated(world)
    file = waiver(world, bidder, world[CENTRE])
    world.network.absent.add(HOME)
    section = await opened(world, bidder)
    judged = await section.check(file)
    assert (faults(judged), judged.share) == ([Fault.EVALUATION_UNKNOWN], 0)
    assert section.round.away == {HOME}
    assert len(section.batch.close()) == 1
    world.network.absent.clear()
    assert (await (await opened(world, bidder, days=0)).check(file)).share == 100


async def test_a_homes_word_about_another_waiver_is_no_word(world: World) -> None:
    bidder, other = await evaluated(world), await evaluated(world)
    now = int(world.clock.now())
    file, others = (waiver(world, one, world[CENTRE], opening=now) for one in (bidder, other))
    services = world[CENTRE].services
    statement = await services.waivers.ask(others, Round())
    assert services.waivers.check(others, Round(), statement).state == "current"
    checked = services.waivers.check(file, Round(), statement)
    assert (checked.state, checked.statement) == ("unknown", "")
    forged = services.waivers.check(others, Round(), statement[:-8] + "AAAAAAAA")
    assert forged.state == "unknown"


async def test_a_home_that_is_not_entitled_waives_nothing(world: World) -> None:
    """The company has registered where it found somebody that records a better grade."""
    bidder = await evaluated(world)
    section = await opened(world, bidder, waivers=(rule("beijing"),))
    file = waiver(world, bidder, world[CENTRE], opening=int(world.clock.now()))
    judged = await section.check(file)
    assert (faults(judged), judged.share) == ([Fault.NOT_ENTITLED], 0)
    by_default = await opened(world, bidder, waivers=(rule(),))
    assert faults(await by_default.check(file)) == [Fault.NOT_ENTITLED], "this centre's own record alone"


async def test_a_wallet_writes_no_evaluation_of_its_own_company(world: World) -> None:
    bidder = world.bidder()
    record = bidder.qualification()
    own = msgspec.structs.replace(record, category="subject.evaluation", fields={"grade": "AAA"})
    with pytest.raises(PackageError):
        world.register(bidder, package=[bidder.base(), own])


async def test_evidence_of_a_log_that_is_not_anchored_or_of_another_record_is_none(world: World) -> None:
    bidder = await evaluated(world)
    file = waiver(world, bidder, world[CENTRE])
    section = await opened(world, bidder)
    [record] = peek_document(file, BidWaiver).evidence.records
    for changes in ({"index": record.index + 1}, {"blind": "A" * 43}, {"inclusion": record.inclusion[1:]}):
        judged = await section.check(altered(world, bidder, file, evidence=shown_with(file, **changes)))
        assert faults(judged) == [Fault.NOT_VALID]
    home = bidder.registered_at
    found = home.services.exporting.registration(bidder.scribe.export(home.name))
    [base] = [one.evidence for one in found if one.header.category == "subject.base"]
    with pytest.raises(DisclosureError):
        waiver(world, bidder, world[CENTRE], evidence=base)
    for home in ("nobody", CENTRE):
        judged = await section.check(altered(world, bidder, file, home=home))
        assert faults(judged) == [Fault.NOT_VALID]


async def test_a_company_that_has_moved_is_not_vouched_for_by_its_old_home(world: World) -> None:
    """Which would still say what it last knew."""
    bidder = await evaluated(world)
    file = waiver(world, bidder, world[CENTRE])
    section = await opened(world, bidder)
    services = world[CENTRE].services
    statement = await services.waivers.ask(file, section.round)
    row = services.projection.subject(bytes.fromhex(bidder.subject))
    assert row is not None
    moved = msgspec.structs.replace(row, home=CENTRE)
    look = partial(services.waivers.check, file, section.round, statement)
    with mock.patch.object(type(services.projection), "subject", return_value=moved):
        judged = services.batch_checks.check_waiver(section.batch, look)
    assert (faults(judged), judged.share) == ([Fault.EVALUATION_UNKNOWN], 0)
    assert services.batch_checks.check_waiver(section.batch, look).share == 100, "before the move"


async def test_a_passkey_signs_a_waiver_too(world: World) -> None:
    bidder = world.bidder()
    bidder.use_passkey()
    world.register(bidder)
    await world.settle()
    graded(world, bidder)
    await world.settle()
    file = waiver(world, bidder, world[CENTRE])
    assert (await (await opened(world, bidder)).check(file, bidder.code)).share == 100


async def test_an_erased_evaluation_waives_nothing(world: World) -> None:
    bidder = await evaluated(world)
    file = waiver(world, bidder, world[CENTRE])
    home = world[HOME]
    home.services.erasures.by_operator(bidder.subject, bidder.code, ["subject.evaluation"], "登记有误")
    await home.services.erasing.step()
    section = await opened(world, bidder)
    judged = await section.check(file)
    assert (faults(judged), judged.share) == ([Fault.EVALUATION_WITHDRAWN], 0)
    assert judged.findings[0].found.startswith("erased")
