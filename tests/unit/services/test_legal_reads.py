"""Reads on a legal basis: two officers, a case, evidence with proofs, an account of it, and notice to the owner."""

from itertools import pairwise

import pytest

from node.domain.document import document_digest, sign_document
from node.domain.erasure import ErasedLine
from node.domain.evidence import encode_evidence
from node.domain.legal_read import LEGAL_LOG, LegalAnswer, LegalPapers, Notice
from node.domain.reading import ReadReceipt
from node.errors import (
    ConflictError,
    DocumentFormatError,
    LegalBasisError,
    MissingError,
    MovedError,
    NodeError,
    PeerError,
    ReplayError,
    SignatureError,
    StandingError,
    VerificationError,
)
from node.ports import Answer
from node.services.traces import Traces
from node.services.transaction import Transaction
from tests.support.world import SCOPE, World
from tests.support.world_bidder import BANK_ACCOUNT
from tests.support.world_dishonest import other_value, shown, signed_anew, with_record
from tests.support.world_legal import (
    CASE,
    DAY,
    FIRST,
    ORDER,
    SECOND,
    Person,
    ask,
    common,
    countersign,
    papers,
    prepare,
    read,
    vouch,
)
from tests.unit.services.test_standing import suspend


@pytest.fixture
async def world():
    with World(supervisors=["supervision"]) as world:
        bidder = world.bidder()
        world.register(bidder, world.home)
        await world.settle()
        yield world


def supervisor(world):
    return world["supervision"]


def seen(world):
    [bidder] = world.bidders
    return list(world.home.services.legal_history.seen_by(bidder.subject, world.clock.now()))


def account(world):
    records = world.home.records
    positions = range(world.home.services.status.now().records)
    loaded = [records.load(at) for at in positions]
    return [one for one in loaded if one.header.category == LEGAL_LOG]


async def test_a_supervisor_reads_exactly_the_fields_asked_for_with_proofs(world):
    [bidder] = world.bidders
    fetched = await read(world, supervisor(world), world.home, bidder.subject)
    [record] = fetched.records
    assert record.fields["bank_account"] == BANK_ACCOUNT
    assert set(record.fields) == set(SCOPE[0].fields)


async def test_the_read_is_on_record_and_the_owner_sees_it_at_once_with_the_receipt(world):
    [bidder] = world.bidders
    await read(world, supervisor(world), world.home, bidder.subject)
    [entry] = seen(world)
    assert entry.receipt
    [record] = account(world)
    assert (record.header.owner, record.fields["case"]) == (world.home.name, CASE)
    assert record.fields["answer"] == document_digest(entry.answer).hex()
    assert bidder.subject not in str(record.fields)
    acts = [act.act for act in supervisor(world).services.acts.newest_first()]
    assert acts == ["legal.read", "legal.countersigned", "legal.requested"]


async def test_the_account_is_durable_before_the_answer_leaves(world):
    [bidder] = world.bidders
    world.network.lose_answers = 1
    reader = supervisor(world)
    digest = prepare(world, reader, world.home, bidder.subject)
    with pytest.raises(PeerError):
        await reader.services.legal_reading.fetch(FIRST.seen, digest)
    world.home.restart()
    await world.follow(world.home)
    assert len(account(world)) == 1
    fetched = await reader.services.legal_reading.fetch(FIRST.seen, digest)
    assert len(fetched.records) == 1
    assert len(account(world)) == 1, "the repetition is the same read"


async def test_what_was_read_is_kept_for_the_two_officers_and_nobody_else(world):
    [bidder] = world.bidders
    reader = supervisor(world)
    digest = prepare(world, reader, world.home, bidder.subject)
    first = await reader.services.legal_reading.fetch(FIRST.seen, digest)
    world.network.absent.add(world.home.name)
    again = await reader.services.legal_reading.fetch(SECOND.seen, digest)
    assert (again.records[0].fields, again.at) == (first.records[0].fields, first.at)
    with pytest.raises(LegalBasisError, match="two officers"):
        await reader.services.legal_reading.fetch(Person("officer-wang").seen, digest)


@pytest.mark.parametrize("basis", ["complaint", "own-procedure"])
async def test_what_was_read_is_proven_to_anybody_with_every_signature(world, basis):
    [bidder] = world.bidders
    reader = world.home if basis == "own-procedure" else supervisor(world)
    digest = prepare(world, reader, world.home, bidder.subject, basis=basis)
    await reader.services.legal_reading.fetch(FIRST.seen, digest)
    await world.settle()
    await world.settle()
    verified = world.verify(reader.services.proving.legal_bundle(FIRST.seen, digest))
    assert verified.legal is not None
    assert (verified.legal.case, verified.legal.basis) == (CASE, basis)
    assert not any(step.is_gap for step in verified.steps)
    with pytest.raises(LegalBasisError, match="two officers"):
        reader.services.proving.legal_bundle(Person("officer-wang").seen, digest)


async def test_one_officer_cannot_sign_twice(world):
    [bidder] = world.bidders
    reading = supervisor(world).services.legal_reading
    alone = ask(world, supervisor(world), world.home, bidder.subject, second=FIRST.name)
    with pytest.raises(LegalBasisError, match="another than the first"):
        reading.submit(FIRST.seen, alone)
    request = ask(world, supervisor(world), world.home, bidder.subject)
    digest = reading.submit(FIRST.seen, request)
    with pytest.raises(LegalBasisError, match="another than the first"):
        reading.countersign(FIRST.seen, countersign(world, request), digest)
    # Under the second's name, by the first's key; and by a key that no certificate of the second's has.
    for key in (FIRST.key, Person("x").key):
        with pytest.raises(LegalBasisError):
            reading.countersign(SECOND.seen, countersign(world, request, Person(SECOND.name, key)), digest)
    with pytest.raises(LegalBasisError, match="has not signed"):
        await reading.fetch(FIRST.seen, digest)


async def test_an_officer_hands_in_nothing_that_another_has_signed(world):
    [bidder] = world.bidders
    request = ask(world, supervisor(world), world.home, bidder.subject)
    with pytest.raises(LegalBasisError, match="signed itself"):
        supervisor(world).services.legal_reading.submit(SECOND.seen, request)


async def test_the_home_refuses_one_key_for_both_officers_whatever_the_reader_says(world):
    [bidder] = world.bidders
    reader = supervisor(world)
    request = ask(world, reader, world.home, bidder.subject)
    twice = countersign(world, request, Person(SECOND.name, FIRST.key))
    with pytest.raises(LegalBasisError, match="one key"):
        world.home.services.legal_serving.read(reader.name, vouch(world, reader, world.home, request, twice))
    third = countersign(world, request, Person("officer-wang"))
    with pytest.raises(LegalBasisError, match="another second officer"):
        world.home.services.legal_serving.read(reader.name, vouch(world, reader, world.home, request, third))
    assert account(world) == []


async def test_a_countersignature_serves_for_no_other_case(world):
    [bidder] = world.bidders
    reader = supervisor(world)
    signed = countersign(world, ask(world, reader, world.home, bidder.subject))
    other = ask(world, reader, world.home, bidder.subject, case="another case")
    with pytest.raises(DocumentFormatError, match="another request"):
        world.home.services.legal_serving.read(reader.name, vouch(world, reader, world.home, other, signed))


async def test_a_request_whose_scope_or_case_was_changed_after_signing_is_refused(world):
    [bidder] = world.bidders
    reader = supervisor(world)
    request = ask(world, reader, world.home, bidder.subject)
    wider = ask(world, reader, world.home, bidder.subject, scope=SCOPE[:1], case="other")
    forged = f"{wider.rpartition('.')[0]}.{request.rpartition('.')[2]}"
    with pytest.raises(SignatureError):
        world.home.services.legal_serving.read(
            reader.name, vouch(world, reader, world.home, forged, countersign(world, forged))
        )


async def test_one_request_is_one_read(world):
    [bidder] = world.bidders
    reader, serving = supervisor(world), world.home.services.legal_serving
    first = papers(world, reader, bidder)
    answer = serving.read(reader.name, first)
    assert serving.read(reader.name, first).evidence == answer.evidence
    again = vouch(world, reader, world.home, first.request, first.countersignature)
    with pytest.raises(ReplayError, match="another read"):
        serving.read(reader.name, again)
    assert len(account(world)) == 1


async def test_another_member_cannot_use_papers_that_it_has_seen(world):
    [bidder] = world.bidders
    theirs = papers(world, supervisor(world), bidder)
    serving = world.home.services.legal_serving
    with pytest.raises(SignatureError):
        serving.read(world.reader.name, theirs)
    own = vouch(world, world.reader, world.home, theirs.request, theirs.countersignature)
    with pytest.raises(DocumentFormatError):
        serving.read(world.reader.name, own)


@pytest.mark.parametrize("days", [-1, 8])
async def test_a_request_of_another_time_is_refused(world, days):
    [bidder] = world.bidders
    iat = int(world.clock.now()) - days * DAY
    with pytest.raises(ReplayError):
        world.home.services.legal_serving.read(
            supervisor(world).name, papers(world, supervisor(world), bidder, iat=iat)
        )


async def test_a_read_that_was_held_back_is_refused(world):
    [bidder] = world.bidders
    held = papers(world, supervisor(world), bidder)
    world.clock.advance(301)
    world.seal()
    await world.follow(world.home)
    with pytest.raises(ReplayError, match="another time"):
        world.home.services.legal_serving.read(supervisor(world).name, held)


@pytest.mark.parametrize(
    ("who", "changes"),
    [
        ("nanjing", {}),
        ("nanjing", {"basis": "supervision"}),
        ("nanjing", {"basis": "own-procedure"}),
        ("supervision", {"basis": "own-procedure"}),
    ],
)
async def test_a_member_without_the_role_is_refused_at_both_ends(world, who, changes):
    [bidder] = world.bidders
    with pytest.raises(LegalBasisError):
        prepare(world, world[who], world.home, bidder.subject, **changes)
    with pytest.raises(LegalBasisError):
        world.home.services.legal_serving.read(who, papers(world, world[who], bidder, **changes))
    assert account(world) == []


async def test_any_member_presents_the_order_of_a_court(world):
    [bidder] = world.bidders
    court = {"basis": "court", "authority": "示例市中级人民法院", "instrument": ORDER}
    fetched = await read(world, world.reader, world.home, bidder.subject, **court)
    assert len(fetched.records) == 1
    for wrong in ({**court, "instrument": ""}, {"instrument": ORDER}):
        with pytest.raises(DocumentFormatError, match="order"):
            prepare(world, world.reader, world.home, bidder.subject, **wrong)


async def test_the_home_reads_in_its_own_procedure_by_the_same_way(world):
    [bidder] = world.bidders
    fetched = await read(world, world.home, world.home, bidder.subject, basis="own-procedure")
    assert fetched.records[0].fields["bank_account"] == BANK_ACCOUNT
    [entry] = seen(world)
    assert entry.receipt
    assert len(account(world)) == 1
    assert not list(world.home.store.scan(b"bw/")), "no second copy that erasure would not reach"
    later = Notice(int(world.clock.now()) + DAY, "pipl-35", "x")
    with pytest.raises(LegalBasisError, match="within 0 days"):
        prepare(world, world.home, world.home, bidder.subject, basis="own-procedure", notice=later)


async def test_a_supervisor_asks_by_credit_code_and_sees_whose_the_data_is(world):
    [bidder] = world.bidders
    fetched = await read(world, supervisor(world), world.home, "", credit_code=bidder.code)
    assert fetched.records[0].header.owner == bidder.subject
    blind = (type(SCOPE[0])("subject.base", ("legal_name",)),)
    with pytest.raises(DocumentFormatError, match="credit_code"):
        prepare(world, supervisor(world), world.home, "", credit_code=bidder.code, scope=blind)


async def test_a_member_without_authority_learns_nothing_about_any_subject(world):
    [bidder] = world.bidders
    serving, said, work = world.home.services.legal_serving, set(), set()
    with pytest.raises(LegalBasisError):  # members are read from the store once
        serving.read(world.reader.name, vouch_for(world, bidder.subject))
    for subject in (bidder.subject, "ab" * 32):
        mine = vouch_for(world, subject)
        gets = count_reads(world.home)
        with pytest.raises(LegalBasisError) as refused:
            serving.read(world.reader.name, mine)
        said.add(str(refused.value))
        work.add(gets())
    assert len(said) == len(work) == 1


async def test_nothing_to_show_is_one_answer_and_on_record_all_the_same(world):
    [bidder] = world.bidders
    no_credit = (type(SCOPE[0])("subject.credit", ("grade",)),)
    said = set()
    for subject, scope in (("ab" * 32, SCOPE), (bidder.subject, no_credit)):
        with pytest.raises(MissingError) as refused:
            await read(world, supervisor(world), world.home, subject, scope=scope)
        said.add(str(refused.value))
    assert len(said) == 1
    assert [record.fields["answer"] for record in account(world)] == ["", ""]
    assert seen(world) == []


async def test_the_owner_sees_a_deferred_read_on_its_date_and_nothing_before(world):
    [bidder] = world.bidders
    home = world.home
    before = (
        list(home.records.all_of(bidder.subject)),
        home.services.vault.parts(bidder.subject),
        home.services.vault.blocked(bidder.subject),
    )
    until = int(world.clock.now()) + 30 * DAY
    notice = Notice(until, "pipl-35", "调查尚未结束")
    await read(world, supervisor(world), home, bidder.subject, notice=notice)
    after = (
        list(home.records.all_of(bidder.subject)),
        home.services.vault.parts(bidder.subject),
        home.services.vault.blocked(bidder.subject),
    )
    assert before == after
    assert seen(world) == []
    world.clock.advance(until - world.clock.now() - 1)
    assert seen(world) == []
    home.restart()
    world.clock.advance(1)
    [entry] = seen(world)
    assert entry.due == until


@pytest.mark.parametrize(
    ("notice", "error"),
    [
        (Notice(91 * DAY, "pipl-35", "x"), LegalBasisError),
        (Notice(DAY, "", "x"), DocumentFormatError),
        (Notice(DAY, "pipl-99", "x"), DocumentFormatError),
        (Notice(DAY, "pipl-35", ""), DocumentFormatError),
        (Notice(0, "pipl-35", "x"), DocumentFormatError),
    ],
)
async def test_notice_is_deferred_only_by_law_with_a_reason_and_not_beyond_the_maximum(world, notice, error):
    [bidder] = world.bidders
    until = notice.until and int(world.clock.now()) + notice.until
    notice = Notice(until, notice.law, notice.reason)
    with pytest.raises(error):
        world.home.services.legal_serving.read(
            supervisor(world).name, papers(world, supervisor(world), bidder, notice=notice)
        )


async def test_a_later_date_by_a_request_dated_ahead_is_refused(world):
    [bidder] = world.bidders
    ahead = int(world.clock.now()) + 10 * DAY
    notice = Notice(ahead + 90 * DAY, "pipl-35", "x")
    with pytest.raises(ReplayError):
        world.home.services.legal_serving.read(
            supervisor(world).name, papers(world, supervisor(world), bidder, iat=ahead, notice=notice)
        )


async def test_a_missing_receipt_shows_and_arrives_when_the_home_is_back(world):
    [bidder] = world.bidders
    reader = supervisor(world)
    digest = prepare(world, reader, world.home, bidder.subject)
    refuse = world.home.services.legal_serving.take_receipt
    world.home.services.legal_serving.take_receipt = away  # type: ignore[method-assign]
    await reader.services.legal_reading.fetch(FIRST.seen, digest)
    world.clock.advance(2 * 3_600)
    state = world.home.services.status.diagnose(0)
    assert (state.legal_receipts_missing, state.legal_receipt_oldest_seconds >= 7_200) == (1, True)
    world.home.services.legal_serving.take_receipt = refuse  # type: ignore[method-assign]
    await reader.services.legal_reading.step()
    assert seen(world)[0].receipt
    assert world.home.services.status.diagnose(0).legal_receipts_missing == 0
    [(_, own)] = reader.services.legal_reading.requests()
    assert own.receipt == ""


async def test_a_home_that_does_not_take_a_receipt_is_asked_less_and_less_often(world):
    [bidder] = world.bidders
    reader, asked = supervisor(world), []
    digest = prepare(world, reader, world.home, bidder.subject)

    def refuse(*_: object) -> None:
        asked.append(world.clock.now())
        away()

    world.home.services.legal_serving.take_receipt = refuse  # type: ignore[method-assign]
    await reader.services.legal_reading.fetch(FIRST.seen, digest)
    for _ in range(400):
        await reader.services.legal_reading.step()
        world.clock.advance(1)
    pauses = [later - earlier for earlier, later in pairwise(asked[1:])]
    assert pauses == sorted(pauses)
    assert pauses[-1] == 60
    assert len(asked) < 20


async def test_a_receipt_is_the_readers_alone(world):
    [bidder] = world.bidders
    answer = world.home.services.legal_serving.read(
        supervisor(world).name, papers(world, supervisor(world), bidder)
    )
    for by in (world.reader, world.third):
        receipt = ReadReceipt(
            **common(world), iss=by.name, aud=world.home.name, answer=document_digest(answer.answer).hex()
        )
        with pytest.raises(MissingError):
            world.home.services.legal_serving.take_receipt(
                by.name, sign_document(receipt, by.keys.identity.sign)
            )
    assert seen(world)[0].receipt == ""


async def test_the_reader_refuses_a_false_answer_and_keeps_nothing(world):
    [bidder] = world.bidders
    other = world.bidder()
    world.register(other, world.home)
    await world.settle()
    reader, home = supervisor(world), world.home
    theirs = list(home.records.newest(other.subject, "subject.base", lambda _: True))

    def altered(answer: Answer) -> Answer:
        return legal_anew(home, answer, with_record(answer, lambda one: other_value(one, "legal_name", "x")))

    def foreign(answer: Answer) -> Answer:
        return legal_anew(home, answer, shown(home, theirs, SCOPE))

    def unsigned(answer: Answer) -> Answer:
        return Answer(shown_bytes(home, theirs), answer.answer, "")

    for false in (altered, foreign, unsigned):
        world.network.tamper = false
        with pytest.raises(VerificationError):
            await read(world, reader, home, bidder.subject)
    assert not list(reader.store.scan(b"bw/"))


async def test_a_moved_subject_is_read_at_its_new_home(world):
    [bidder] = world.bidders
    row = world.home.services.projection.subject(bytes.fromhex(bidder.subject))
    assert row is not None
    digest = prepare(world, supervisor(world), world.third, bidder.subject)
    with pytest.raises(MovedError):
        await supervisor(world).services.legal_reading.fetch(FIRST.seen, digest)


async def test_a_suspended_supervisor_reads_nothing(world):
    [bidder] = world.bidders
    digest = prepare(world, supervisor(world), world.home, bidder.subject)
    mine = papers(world, supervisor(world), bidder)
    await suspend(world, supervisor(world))
    with pytest.raises(StandingError):
        await supervisor(world).services.legal_reading.fetch(FIRST.seen, digest)
    with pytest.raises(NodeError):
        world.home.services.legal_serving.read(supervisor(world).name, mine)


async def test_an_erased_subject_answers_like_none_and_the_account_stays(world):
    [bidder] = world.bidders
    await read(world, supervisor(world), world.home, bidder.subject)
    world.home.services.erasures.by_operator(bidder.subject, "", (), "asked by letter")
    await world.settle()
    with pytest.raises(MissingError, match="nothing is kept here"):
        await read(world, supervisor(world), world.home, bidder.subject)
    assert len(seen(world)) == 1, "PIPL 56: the account is kept; the ledger's controller may still ask for it"


async def test_an_erasure_receipt_says_nothing_of_a_deferred_read(world):
    [bidder] = world.bidders
    notice = Notice(int(world.clock.now()) + 30 * DAY, "pipl-35", "x")
    await read(world, supervisor(world), world.home, bidder.subject, notice=notice)
    world.home.services.erasures.by_wallet(bidder.scribe.erase(world.home.name, ()))
    [erasure] = world.home.services.erasures.all()
    assert "legal" not in str(erasure.line)


def vouch_for(world: World, subject: str) -> LegalPapers:
    request = ask(world, world.reader, world.home, subject)
    return vouch(world, world.reader, world.home, request, countersign(world, request))


def count_reads(centre):
    """A counter of the store's reads from now on."""
    calls: list[str] = []
    centre.store.before = calls.append
    return lambda: tuple(calls)


def legal_anew(home, answer, evidence):
    return signed_anew(home, answer, evidence, kind=LegalAnswer)


def shown_bytes(home, positions):
    return encode_evidence(shown(home, positions, SCOPE))


def away(*_: object) -> None:
    raise PeerError("away")


async def test_the_account_ends_with_the_centres_own_retention(world):
    [bidder] = world.bidders
    await read(world, supervisor(world), world.home, bidder.subject)
    home = world.home
    parts = tuple(part for part in home.services.vault.parts(home.name) if part.startswith(LEGAL_LOG))
    traces = Traces(home.store, home.services.vault, home.services.parking, home.name)
    line = ErasedLine(
        number=1, previous="0" * 64, at=0, owner=home.name, whole=False, parts=parts, held={}, request=""
    )
    transaction = Transaction(home.store)
    traces.remove(transaction, line)
    transaction.commit()
    assert [key for prefix in (b"hl/", b"ho/", b"hz/", b"hm/") for key, _ in home.store.scan(prefix)] == []


async def test_an_archive_holds_the_account_and_what_was_read_on_a_legal_basis(world):
    [bidder] = world.bidders
    await read(world, supervisor(world), world.home, bidder.subject)
    await world.settle()

    def families(centre):
        files = centre.services.archiving.files(b"{}", lambda raw: raw, centre.services.log.size())
        return {path.partition("/")[0] for path, _ in files}

    assert "legal-reads" in families(world.home)
    assert {"legal-requests", "legal-obtained"} <= families(supervisor(world))


async def test_papers_that_do_not_belong_together_are_refused(world):
    [bidder] = world.bidders
    reader, home = supervisor(world), world.home
    right = papers(world, reader, bidder)
    other = papers(world, reader, bidder)
    serving = home.services.legal_serving
    with pytest.raises(DocumentFormatError):
        serving.read(reader.name, LegalPapers(right.read, other.request, other.countersignature))
    with pytest.raises(DocumentFormatError, match="this caller's"):
        serving.read(reader.name, vouch(world, reader, world.third, right.request, right.countersignature))
    early = countersign(world, right.request, iat=int(world.clock.now()) - DAY)
    with pytest.raises(DocumentFormatError, match="older"):
        serving.read(reader.name, vouch(world, reader, home, right.request, early))


@pytest.mark.parametrize(
    "changes",
    [
        {"basis": "curiosity"},
        {"case": " 17"},
        {"case": "17\u202e"},
        {"officer": "Zhang"},
        {"subject": ""},
        {"credit_code": "91110000600037341L"},
        {"instrument": ORDER},
        {"notice": Notice(1, "pipl-35", "x")},
    ],
)
async def test_a_malformed_request_is_refused(world, changes):
    [bidder] = world.bidders
    with pytest.raises((DocumentFormatError, LegalBasisError)):
        prepare(world, supervisor(world), world.home, **{"subject": bidder.subject, **changes})


async def test_a_second_signature_takes_no_others_place(world):
    [bidder] = world.bidders
    reading = supervisor(world).services.legal_reading
    request = ask(world, supervisor(world), world.home, bidder.subject)
    digest = reading.submit(FIRST.seen, request)
    assert reading.submit(FIRST.seen, request) == digest
    signed = countersign(world, request)
    for _ in range(2):
        reading.countersign(SECOND.seen, signed, digest)
    with pytest.raises(ConflictError):
        reading.countersign(SECOND.seen, countersign(world, request), digest)
    with pytest.raises(MissingError):
        reading.obtained(digest)
    with pytest.raises(MissingError):
        reading.shown(FIRST.seen, digest)
    with pytest.raises(MissingError):
        await reading.fetch(FIRST.seen, "ab" * 32)
