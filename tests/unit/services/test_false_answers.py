"""A home that answers with something else than it anchored, or than it was asked: the reader refuses each."""

import json
from collections.abc import Callable

import msgspec
import pytest

from adapters.crypto import trial_ca
from node.domain.document import document_digest, peek_document, sign_document
from node.domain.draft import RecordDraft
from node.domain.encoding import from_base64url, to_base64url
from node.domain.evidence import Evidence, ShownRecord, parse_evidence
from node.domain.grant import Scope, open_grant
from node.domain.reading import ReadRequest
from node.domain.record import seal_record
from node.errors import (
    AnchorError,
    CertificateError,
    DisclosureError,
    GrantExpiredError,
    GrantScopeError,
    InclusionError,
    MissingError,
    NodeError,
    ProofFormatError,
    SignatureError,
    StaleVersionError,
    VerificationError,
)
from node.ports import Answer
from node.services.transaction import Transaction
from tests.support.world import DAY, SCOPE, Shared, World
from tests.support.world_bidder import Authority
from tests.support.world_dishonest import (
    forged_tree,
    other_payload,
    other_value,
    shown,
    signed_anew,
    with_record,
)
from tests.support.world_records import incoming

Attack = Callable[[World, Shared, Answer], Answer]
TWO_CATEGORIES = (*SCOPE, Scope("subject.qualification", ("level",), 2))


async def prepare(world: World) -> Shared:
    """The bidder's documents at positions 0 and 1, another subject's at 3 and 4, the bidder's newer ones at 6
    and 7, for which alone the grant is, and a tender of the centre's at 9; behind each package an attestation."""
    bidder, other = world.bidder(), world.bidder()
    world.register(bidder)
    world.register(other)
    world.register(bidder, package=[bidder.base(bank_account="9999"), bidder.qualification(level="特级")])
    world.home.records.append("etrading", 1, [incoming()])
    await world.settle()
    await world.settle()
    scope = (msgspec.structs.replace(SCOPE[0], least_version=2), TWO_CATEGORIES[1])
    return await world.share(bidder, scope)


# -- the attacks; in the order of the reader's steps -----------------------------------------------------


def altered_field(world: World, _: Shared, answer: Answer) -> Answer:
    changed = with_record(answer, lambda record: other_value(record, "bank_account", "6666"))
    return signed_anew(world.home, answer, changed)


def altered_header(world: World, _: Shared, answer: Answer) -> Answer:
    return signed_anew(
        world.home, answer, with_record(answer, lambda record: other_payload(record, version=9))
    )


def altered_digests(world: World, _: Shared, answer: Answer) -> Answer:
    def commit_to_something_else(record: ShownRecord) -> ShownRecord:
        _, *digests = json.loads(from_base64url(record.payload))["fields"]["_sd"]
        return other_payload(record, fields={"_sd": sorted([*digests, to_base64url(b"\0" * 32)])})

    return signed_anew(world.home, answer, with_record(answer, commit_to_something_else))


def another_place(world: World, _: Shared, answer: Answer) -> Answer:
    def move(record: ShownRecord) -> ShownRecord:
        return msgspec.structs.replace(record, index=(record.index + 1) % 8)

    return signed_anew(world.home, answer, with_record(answer, move))


def another_blind(world: World, _: Shared, answer: Answer) -> Answer:
    changed = with_record(
        answer, lambda record: msgspec.structs.replace(record, blind=to_base64url(b"\0" * 32))
    )
    return signed_anew(world.home, answer, changed)


def record_of_another_subject(world: World, shared: Shared, answer: Answer) -> Answer:
    own = parse_evidence(answer.evidence)
    foreign = shown(world.home, [3], SCOPE)
    return signed_anew(world.home, answer, Evidence(own.checkpoint, (foreign.records[0], own.records[1])))


def older_version(world: World, _: Shared, answer: Answer) -> Answer:
    own = parse_evidence(answer.evidence)
    old = shown(world.home, [0], SCOPE)
    return signed_anew(world.home, answer, Evidence(own.checkpoint, (old.records[0], own.records[1])))


def two_versions_of_one_thing(world: World, _: Shared, answer: Answer) -> Answer:
    own = parse_evidence(answer.evidence)
    return signed_anew(world.home, answer, Evidence(own.checkpoint, (*own.records, own.records[0])))


def more_fields_than_granted(world: World, _: Shared, answer: Answer) -> Answer:
    wide = (Scope("subject.base", (*SCOPE[0].fields, "legal_representative")), TWO_CATEGORIES[1])
    return signed_anew(world.home, answer, shown(world.home, [6, 7], wide))


def a_category_left_out(world: World, _: Shared, answer: Answer) -> Answer:
    return signed_anew(world.home, answer, shown(world.home, [6], SCOPE))


def nothing_at_all(world: World, _: Shared, answer: Answer) -> Answer:
    return signed_anew(world.home, answer, Evidence(parse_evidence(answer.evidence).checkpoint, ()))


def a_record_of_another_category(world: World, _: Shared, answer: Answer) -> Answer:
    own = parse_evidence(answer.evidence)
    extra = shown(world.home, [9], (Scope("trade.tender", ("title",)),))
    return signed_anew(world.home, answer, Evidence(extra.checkpoint, (*own.records, *extra.records)))


def a_checkpoint_that_was_never_anchored(world: World, shared: Shared, answer: Answer) -> Answer:
    """The home forks its log for this reader alone: every proof in the answer holds, but the ledger's."""
    header = msgspec.structs.replace(world.home.records.load(6).header, version=9)
    fields = {"legal_name": "伪造公司", "credit_code": shared.bidder.code, "bank_account": "6666"}
    forged = seal_record(header, fields, b"s" * 32)
    return signed_anew(world.home, answer, forged_tree(world, world.home, forged, sorted(fields)))


def a_checkpoint_of_an_unanchored_size(world: World, _: Shared, answer: Answer) -> Answer:
    world.home.services.publish()
    size = world.home.services.log.size()
    return signed_anew(world.home, answer, shown(world.home, [6, 7], TWO_CATEGORIES, size))


def evidence_of_another_log(world: World, _: Shared, answer: Answer) -> Answer:
    """The third member's log, signed by the home as its own answer."""
    size = world.third.services.proving.anchored_size()
    note = world.third.services.log.checkpoint(size).note
    return signed_anew(world.home, answer, Evidence(note, parse_evidence(answer.evidence).records))


def evidence_in_another_encoding(world: World, _: Shared, answer: Answer) -> Answer:
    return signed_anew(world.home, answer, answer.evidence.replace(b'":', b'": ', 1))


def no_evidence(world: World, _: Shared, answer: Answer) -> Answer:
    return signed_anew(world.home, answer, b"{}")


def evidence_that_was_not_signed(world: World, _: Shared, answer: Answer) -> Answer:
    changed = with_record(answer, lambda record: other_value(record, "bank_account", "6666"))
    return Answer(signed_anew(world.home, answer, changed).evidence, answer.answer, answer.delegation)


def an_answer_to_another_request(world: World, _: Shared, answer: Answer) -> Answer:
    return signed_anew(world.home, answer, answer.evidence, request="ab" * 32)


def an_answer_to_another_reader(world: World, _: Shared, answer: Answer) -> Answer:
    return signed_anew(world.home, answer, answer.evidence, aud=world.third.name)


def an_answer_by_another_member(world: World, _: Shared, answer: Answer) -> Answer:
    return signed_anew(world.third, answer, answer.evidence)


def an_answer_in_another_members_name(world: World, _: Shared, answer: Answer) -> Answer:
    return signed_anew(world.home, answer, answer.evidence, iss=world.third.name)


def an_answer_after_the_grants_end(world: World, _: Shared, answer: Answer) -> Answer:
    return signed_anew(world.home, answer, answer.evidence, iat=int(world.clock.now()) + 40 * DAY)


def a_request_passed_off_as_an_answer(world: World, _: Shared, answer: Answer) -> Answer:
    return Answer(answer.evidence, world.network.reads[-1], answer.delegation)


def the_delegation_of_another_company(world: World, _: Shared, answer: Answer) -> Answer:
    return Answer(answer.evidence, answer.answer, world.bidders[1].delegation)


def a_delegation_by_an_unknown_authority(world: World, shared: Shared, answer: Answer) -> Answer:
    bidder = shared.bidder
    false = trial_ca.issue(Authority("无人认可 Nobody's CA").root, bidder.organisation, bidder.code)
    return Answer(answer.evidence, answer.answer, bidder.delegate(bidder.key, certificate=false))


def a_delegation_that_is_over(world: World, shared: Shared, answer: Answer) -> Answer:
    return Answer(answer.evidence, answer.answer, shared.bidder.delegate(shared.bidder.key, seconds=-1))


ATTACKS: dict[Attack, type[NodeError]] = {
    evidence_that_was_not_signed: VerificationError,
    an_answer_to_another_request: VerificationError,
    an_answer_to_another_reader: VerificationError,
    an_answer_in_another_members_name: VerificationError,
    an_answer_by_another_member: SignatureError,
    a_request_passed_off_as_an_answer: NodeError,
    the_delegation_of_another_company: SignatureError,
    a_delegation_by_an_unknown_authority: CertificateError,
    a_delegation_that_is_over: CertificateError,
    an_answer_after_the_grants_end: GrantExpiredError,
    no_evidence: ProofFormatError,
    evidence_in_another_encoding: ProofFormatError,
    altered_field: DisclosureError,
    altered_header: InclusionError,
    altered_digests: InclusionError,
    another_place: InclusionError,
    another_blind: InclusionError,
    evidence_of_another_log: SignatureError,
    a_checkpoint_that_was_never_anchored: AnchorError,
    a_checkpoint_of_an_unanchored_size: AnchorError,
    record_of_another_subject: DisclosureError,
    a_record_of_another_category: DisclosureError,
    older_version: StaleVersionError,
    two_versions_of_one_thing: DisclosureError,
    more_fields_than_granted: DisclosureError,
    a_category_left_out: DisclosureError,
    nothing_at_all: DisclosureError,
}


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
async def test_the_reader_refuses_and_keeps_nothing(world: World, attack: Attack) -> None:
    shared = await prepare(world)
    before = await world.reader.feed()
    world.network.tamper = lambda answer: attack(world, shared, answer)
    with pytest.raises(ATTACKS[attack]):
        await world.reader.services.reading.fetch(shared.digest)
    with pytest.raises(MissingError):
        world.reader.services.reading.obtained(shared.digest, 0)
    assert await world.reader.feed() == before
    assert [entry.receipt for entry in world.home.serving.history(shared.bidder.subject)] == [""], (
        "the reader does not countersign what it refused"
    )
    # The same home, honest again, is read again.
    world.network.tamper = lambda answer: answer
    await world.reader.services.reading.fetch(shared.digest)


async def test_without_an_attack_the_same_read_is_accepted(world: World) -> None:
    shared = await prepare(world)
    world.network.tamper = lambda answer: signed_anew(world.home, answer, parse_evidence(answer.evidence))
    fetched = await world.reader.services.reading.fetch(shared.digest)
    assert [(record.header.category, record.header.version) for record in fetched.records] == [
        ("subject.base", 2),
        ("subject.qualification", 2),
    ]


async def test_an_earlier_answer_does_not_serve_for_a_later_request(world: World) -> None:
    shared = await prepare(world)
    reading, answers = world.reader.services.reading, []

    def first_again(answer: Answer) -> Answer:
        answers.append(answer)
        return answers[0]

    world.network.tamper = first_again
    await reading.fetch(shared.digest)
    with pytest.raises(VerificationError, match="another answer than it sent"):
        await reading.fetch(shared.digest)


async def test_a_record_with_another_credit_code_than_the_certificates_is_refused(world: World) -> None:
    """The home anchors a false base document under a true subject: the certificate says otherwise."""
    shared = await world.share()
    other = world.bidder()
    fields = {"legal_name": other.organisation, "credit_code": other.code, "bank_account": "6666"}
    false = RecordDraft("subject.base", "base", shared.bidder.subject, "home", "", None, fields)
    transaction = Transaction(world.home.store)
    world.home.records.stage(transaction, [false])
    transaction.commit()
    await world.settle()
    with pytest.raises(CertificateError, match="another credit code"):
        await world.reader.services.reading.fetch(shared.digest)


async def test_a_request_beyond_the_grant_is_not_accepted_though_the_home_answered(world: World) -> None:
    """Reader and home together cannot make a read look granted that was not."""
    shared = await world.share()
    reading = world.reader.services.reading
    raw_digest = bytes.fromhex(shared.digest)
    own = reading._own.load(raw_digest)
    grant = open_grant(own.grant)
    raw_id = reading._grant_id(grant, own.grant)
    wide = (Scope("subject.base", (*SCOPE[0].fields, "legal_representative")),)
    true = peek_document(reading._read_request(raw_digest, own, grant, raw_id), ReadRequest)
    request = sign_document(msgspec.structs.replace(true, scope=wide), world.reader.keys.identity.sign)
    reading._read_request = lambda *_: request  # type: ignore[method-assign]
    honest = world.home.serving.read

    def obliging(caller: str, token: str, grant: str) -> Answer:
        narrow = sign_document(
            msgspec.structs.replace(true, jti=to_base64url(b"n" * 16)), world.reader.keys.identity.sign
        )
        answer = honest(caller, narrow, grant)
        digest = document_digest(token).hex()
        return signed_anew(world.home, answer, shown(world.home, [0], wide), request=digest)

    world.home.serving.read = obliging  # type: ignore[method-assign]
    with pytest.raises(GrantScopeError):
        await reading.fetch(shared.digest)
