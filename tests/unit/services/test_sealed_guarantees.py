"""A bid guarantee whose bank learns no tender: the story of one tender after its opening, and attacks on it.

The world is one for the whole file (`sealed_story.py`); what a test reveals it reveals again, which changes nothing.
"""

from collections.abc import AsyncIterator
from itertools import combinations

import msgspec
import pytest
import pytest_asyncio
from heqi.v1 import opening_service_pb2 as pb
from msgspec.structs import replace

from node.api.opening_service import OpeningService
from node.domain.document import peek_document, sign_document
from node.domain.encoding import canonical_json, from_base64url, to_base64url
from node.domain.guarantee_table import State
from node.domain.opening import ShareRelease, parse_sealed_file
from node.domain.sealed_guarantee import (
    CONTENT_TYPE,
    SealedContent,
    SealedGuarantee,
    hidden_digest,
    hidden_of,
    opened_file,
    signed_part,
)
from node.domain.shares import (
    decrypt_content,
    encrypt_content,
    join_shares,
    open_share,
    share_commitment,
    share_info,
)
from node.errors import VerificationError
from node.services.guarantees import Verdict
from node.services.revealing import Bid
from tests.support.sealed_story import Story, ask, content_of, tell
from tests.support.world import World
from tests.support.world_guarantees import BANK, INSURER
from tests.support.world_sealed import HOLDERS, NAMES, SealedBid

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def story() -> AsyncIterator[Story]:
    with World(NAMES, guarantors=[BANK, INSURER], reserves=True, batch_size=16) as world:
        yield await tell(world)


def with_content(story: Story, one: SealedBid, content: SealedContent) -> Bid:
    """The same file around other content, by a bidder that is no honest one."""
    file = parse_sealed_file(one.sealed.file)
    raw = canonical_json(msgspec.to_builtins(content))
    ciphertext = encrypt_content(one.sealed.opening_key, bytes(12), raw, story.tender.opening.id)
    changed = replace(file, ciphertext=to_base64url(ciphertext))
    return Bid(canonical_json(msgspec.to_builtins(changed)), one.bidder.code)


def alone(one: SealedBid) -> Bid:
    """With the opening key, as the bidder shows it."""
    return Bid(one.sealed.file, one.bidder.code, one.sealed.opening_key)


async def problem(story: Story, one: SealedBid | Bid) -> str:
    """Why a bid's guarantee is not accepted; empty if it is."""
    [revealed] = await story.tender.reveal(one)
    assert bool(revealed.problem) != bool(revealed.guarantee_id)
    return revealed.problem


# -- before the opening --------------------------------------------------------------------------------


async def test_before_the_opening_nothing_goes_between_bank_and_centre_or_to_the_ledger(story: Story) -> None:
    assert story.between == set()
    assert story.rows[0] == 0
    assert set(story.verdicts) == {Verdict.UNKNOWN, Verdict.FALSE}


async def test_the_bank_holds_nothing_that_names_the_tender(story: Story) -> None:
    plan = story.of("honest").plan
    terms, centre = plan.terms, story.tender.centre.name
    secrets = (plan.word, terms.section, terms.beneficiary_name, terms.beneficiary_key)
    assert terms.amount in story.told
    assert not [secret for secret in secrets if secret in story.told]
    sealed = peek_document(signed_part(plan.guarantee), SealedGuarantee)
    assert centre not in msgspec.json.encode(sealed).decode()


async def test_no_holder_gives_a_share_before_the_opening_whoever_asks_and_why(story: Story) -> None:
    # the centre, another one, and the centre after it told the ledger an earlier moment than its bidders
    assert len(story.refusals) == 3 * len(HOLDERS)
    assert len(set(story.refusals)) == 1, "whatever the reason, the answer is one"
    assert story.refused_moves == 2


async def test_terms_with_an_earlier_moment_under_the_same_keys_open_nothing(story: Story) -> None:
    assert story.early == [[b""]] * len(HOLDERS), "sealed to the moment that the bidder was given"


async def test_only_the_tenders_centre_gets_shares_of_it(story: Story) -> None:
    sealed = parse_sealed_file(story.of("honest").sealed.file).shares[0].sealed
    [share] = ask(story.tender, HOLDERS[0], sealed)
    assert len(share) == 17
    with pytest.raises(Exception, match=story.refusals[0]):
        ask(story.tender, HOLDERS[0], sealed, caller=story.tender.world.home)


async def test_every_minority_of_the_holders_learns_nothing(story: Story) -> None:
    tender, one = story.tender, story.of("honest")
    file, threshold = parse_sealed_file(one.sealed.file), tender.opening.terms.threshold
    raw_alliance, dealt = bytes.fromhex(tender.world.descriptor.alliance), {}
    for place, holder in enumerate(tender.opening.holders, 1):
        node = tender.world[holder.name]
        [(key, sealed)] = list(node.store.scan(b"oh/"))
        secret = node.services.vault.open(holder.name, key, sealed)
        info = share_info(raw_alliance, tender.opening.id, holder.name)
        dealt[place] = open_share(secret, from_base64url(file.shares[place - 1].sealed), info)
        for other in set(range(len(HOLDERS))) - {place - 1}:
            with pytest.raises(VerificationError):
                open_share(secret, from_base64url(file.shares[other].sealed), info)
    ciphertext = from_base64url(file.ciphertext)
    for size in range(len(HOLDERS) + 1):
        for places in combinations(dealt, size):
            shares = {place: dealt[place] for place in places}
            if size >= threshold:
                assert decrypt_content(join_shares(shares, threshold), ciphertext, tender.opening.id)
                continue
            with pytest.raises(VerificationError):
                join_shares(shares, threshold)
            for guessed in (0, 1, 2**127):  # a share that is made up gives another key each time
                made_up = {place: bytes([place]) + guessed.to_bytes(16, "big") for place in dealt}
                key = join_shares(made_up | shares, threshold)
                with pytest.raises(VerificationError):
                    decrypt_content(key, ciphertext, tender.opening.id)


# -- bad shares ----------------------------------------------------------------------------------------


async def test_a_holder_that_gives_another_share_is_named_and_holds_nothing_up(story: Story) -> None:
    world, bad = story.tender.world, HOLDERS[1]

    def tamper(holder: str, token: str) -> str:
        if holder != bad:
            return token
        given = peek_document(token, ShareRelease)
        false = tuple(to_base64url(bytes([2]) + bytes(16)) for _ in given.shares)
        return sign_document(replace(given, shares=false), world[bad].keys.identity.sign)

    honest, world.network.release = world.network.release, tamper
    [revealed] = await story.tender.reveal(story.of("honest"))
    world.network.release = honest
    assert (revealed.problem, revealed.at_fault) == ("", (bad,))


async def test_a_holder_that_gives_what_is_no_share_holds_nothing_up(story: Story) -> None:
    world, bad = story.tender.world, HOLDERS[1]

    def tamper(holder: str, token: str) -> str:
        if holder != bad:
            return token
        given = peek_document(token, ShareRelease)
        stray = tuple("_" * 23 for _ in given.shares)  # its last letter has bits that encode nothing
        return sign_document(replace(given, shares=stray), world[bad].keys.identity.sign)

    honest, world.network.release = world.network.release, tamper
    [revealed] = await story.tender.reveal(story.of("honest"))
    world.network.release = honest
    assert not revealed.problem


async def test_a_minority_of_the_holders_may_be_away(story: Story) -> None:
    absent = story.tender.world.network.absent
    absent.add(HOLDERS[0])
    assert not await problem(story, story.of("honest"))
    absent.add(HOLDERS[1])
    assert await problem(story, story.of("honest"))
    assert not await problem(story, alone(story.of("honest"))), "the bidder opens its bid alone"
    absent.clear()


async def test_a_bidder_that_dealt_bad_shares_opens_alone_and_harms_nobody(story: Story) -> None:
    first, second = await story.tender.reveal(story.of("badly-dealt"), story.of("honest"))
    assert first.problem
    assert not first.at_fault, "each gave what was dealt to it"
    assert not second.problem
    assert not await problem(story, alone(story.of("badly-dealt")))


async def test_a_bid_that_deals_nothing_at_all_stops_no_other(story: Story) -> None:
    one = story.of("honest")
    file = parse_sealed_file(one.sealed.file)
    nothing = tuple(
        replace(
            share,
            sealed="AAAA",
            commitment=share_commitment(story.tender.opening.id, share.holder, b"").hex(),
        )
        for share in file.shares
    )
    hostile = Bid(canonical_json(msgspec.to_builtins(replace(file, shares=nothing))), one.bidder.code)
    found = await story.tender.reveal(hostile, one)
    assert [bool(revealed.problem) for revealed in found] == [True, False]


async def test_rubbish_among_the_bids_stops_no_other(story: Story) -> None:
    one = story.of("honest")
    found = await story.tender.reveal(Bid(b"rubbish"), one, Bid(one.sealed.file[:-2] + b"A}"))
    assert [bool(revealed.problem) for revealed in found] == [True, False, True]


# -- false guarantees ----------------------------------------------------------------------------------


async def test_an_altered_amount_or_hidden_part_is_refused(story: Story) -> None:
    one = story.of("honest")
    content = content_of(story.tender, one)
    sealed, hidden = signed_part(content.guarantee), hidden_of(content.guarantee)
    more = replace(peek_document(sealed, SealedGuarantee), amount="800000.00")
    header, _, signature = sealed.split(".")
    altered = f"{header}.{to_base64url(canonical_json(msgspec.to_builtins(more)))}.{signature}"
    other = replace(hidden, beneficiary_name="somebody else")
    recommitted = replace(peek_document(sealed, SealedGuarantee), hidden=hidden_digest(other).hex())
    forged = [
        opened_file(altered, hidden),
        opened_file(sign_document(more, one.bidder.key.sign), hidden),
        opened_file(sealed, other),
        opened_file(sign_document(recommitted, one.bidder.key.sign), other),
    ]
    for file in forged:
        assert await problem(story, with_content(story, one, replace(content, guarantee=file)))
    assert await problem(story, with_content(story, one, replace(content, signature="00" * 64)))
    assert not await problem(story, with_content(story, one, content))


async def test_a_copied_file_is_another_bidders(story: Story) -> None:
    thief = story.of("second").bidder
    assert "another bidder" in await problem(story, Bid(story.of("honest").sealed.file, thief.code))


async def test_two_bids_under_one_guarantee_count_once(story: Story) -> None:
    one = story.of("honest")
    first, second = await story.tender.reveal(one, story.tender.seal(one.bidder, one.plan))
    assert not first.problem
    assert "same code" in second.problem


@pytest.mark.parametrize("name", ["other-code", "others-code"])
async def test_a_guarantee_under_another_sections_or_bidders_code_is_refused(story: Story, name: str) -> None:
    assert "application code" in await problem(story, story.of(name))


async def test_a_guarantee_for_another_section_is_refused(story: Story) -> None:
    assert "another section" in await problem(story, story.of("other-section"))


async def test_an_issue_that_was_anchored_only_after_the_moment_is_refused(story: Story) -> None:
    assert "only when the opening was due" in await problem(story, story.of("late"))


async def test_a_proof_of_another_issue_is_refused(story: Story) -> None:
    one, other = story.of("honest"), story.of("second")
    content = replace(content_of(story.tender, one), proof=content_of(story.tender, other).proof)
    assert await problem(story, with_content(story, one, content))
    none = SealedContent(CONTENT_TYPE, content.guarantee, content.signature, to_base64url(b"{}"))
    assert await problem(story, with_content(story, one, none))


# -- one live application ------------------------------------------------------------------------------


async def test_of_two_live_applications_only_the_first_counts(story: Story) -> None:
    second, first = await story.tender.reveal(story.of("two/again"), story.of("two"))
    assert "live beside" in second.problem
    assert not first.problem


@pytest.mark.parametrize("name", ["gone", "over"])
async def test_after_a_refusal_or_its_end_an_application_goes_elsewhere(story: Story, name: str) -> None:
    assert len(story.of(name).plan.reservations) == 2
    assert not await problem(story, story.of(name))


async def test_a_refusal_of_another_reservation_frees_nothing(story: Story) -> None:
    one = story.of("two/again")
    borrowed = story.of("gone").plan.reservations[0].refusal
    content = content_of(story.tender, one)
    hidden = hidden_of(content.guarantee)
    first, last = hidden.reservations
    excused = replace(hidden, reservations=(replace(first, refusal=borrowed), last))
    file = opened_file(signed_part(content.guarantee), excused)
    assert await problem(story, with_content(story, one, replace(content, guarantee=file)))


async def test_a_bid_systems_call_tells_of_each_bid_what_became_of_it(story: Story) -> None:
    tender = story.tender
    api = OpeningService(tender.centre.services.openings, tender.centre.services.revealing)
    good, bad = story.of("honest"), story.of("badly-dealt")
    bids = [
        pb.SealedBid(sealed_file=good.sealed.file, bidder_code=good.bidder.code),
        pb.SealedBid(sealed_file=bad.sealed.file),
        pb.SealedBid(sealed_file=bad.sealed.file, opening_key=bad.sealed.opening_key),
    ]
    request = pb.RevealGuaranteesRequest(opening_id=tender.id, bids=bids)
    found = (await api.RevealGuarantees(request, None)).guarantees
    assert [bool(one.guarantee_id) for one in found] == [True, False, True]
    assert found[1].problem
    assert found[0].guarantee == content_of(tender, good).guarantee
    states = {one.opening_id: one.state for one in (await api.ListOpenings(None, None)).openings}
    assert states[tender.id] == "open"


async def test_an_archive_holds_openings_shares_and_sealed_issues(story: Story) -> None:
    tender = story.tender
    found: dict[str, str] = {}
    for name in (tender.centre.name, HOLDERS[0], BANK):
        archiving = tender.world[name].services.archiving
        size = tender.world[name].services.log.size()
        for path, lines in archiving.files(b"", lambda raw: raw, size):
            found[f"{name} {path.partition('/')[0]}"] = lines.decode("utf-8", "replace")
    assert tender.terms in found[f"{tender.centre.name} openings"]
    assert "document" in found[f"{HOLDERS[0]} shares-given"]
    assert "signature" in found[f"{BANK} sealed-issues"]


# -- after the opening ---------------------------------------------------------------------------------


async def test_a_sealed_guarantee_becomes_a_guarantee_like_any_other(story: Story) -> None:
    """Also one whose bidder had told the ledger of it early: that shows its own bid, and harms nobody."""
    tender = story.tender
    assert story.rows[1] == 1
    good = [story.of(name) for name in ("honest", "second", "badly-dealt", "two", "gone", "over")]
    found = await tender.reveal(*map(alone, good))
    assert not [revealed.problem for revealed in found if revealed.problem]
    await tender.world.settle()
    assert tender.rows() == len(good)
    assert not tender.centre.outbox()
    for centre in (tender.world.third, tender.bank):
        checked = centre.services.guarantees.check_file(found[0].file)
        assert checked.verdict is Verdict.VALID
        assert checked.terms is not None
        assert checked.terms.section == tender.tender.section
    row = tender.bank.services.projection.guarantee(bytes.fromhex(found[0].guarantee_id))
    assert row is not None
    assert row.state == State.ISSUED
    assert await tender.reveal(*map(alone, good)) == found
    assert not tender.centre.outbox()
