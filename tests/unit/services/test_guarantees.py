"""Checking guarantees: what each asker is told, and what no false document can pass for."""

from collections.abc import Callable

import pytest

from node.domain.document import sign_document
from node.domain.encoding import from_base64url, to_base64url
from node.domain.guarantee import Guarantee, end_on_ledger
from node.errors import ProjectionStaleError, StoreError
from node.services.guarantees import Checked, Guarantees, Verdict
from node.wallet.keyfile import new_wallet_key
from tests.support.world import DAY
from tests.support.world_centre import Centre
from tests.support.world_guarantees import INSURER, Issued, Tender, altered, signed_anew

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


@pytest.fixture
async def issued(tender: Tender) -> Issued:
    """In force: the bank has signed it and every node has seen it on the ledger."""
    return await tender.in_force()


def at(node: Centre) -> Guarantees:
    return node.services.guarantees


def said(checked: Checked) -> tuple[Verdict, Guarantee | None]:
    return checked.verdict, checked.terms


# -- what each asker learns --------------------------------------------------------------------------------


async def test_who_shows_the_file_learns_everything_at_any_node(tender: Tender, issued: Issued) -> None:
    for node in tender.world.centres.values():
        checked = at(node).check_file(issued.file)
        assert said(checked) == (Verdict.VALID, issued.terms)
        assert (checked.guarantee_id, checked.expires) == (issued.id, issued.terms.exp)
        assert checked.block == node.services.follower.final_number()


async def test_who_holds_no_file_learns_the_state_and_no_terms(tender: Tender, issued: Issued) -> None:
    third = at(tender.world.third)
    checked = third.check_id(issued.id)
    assert said(checked) == (Verdict.ISSUED, None), "in force or not: the ledger does not know"
    assert checked.expires == end_on_ledger(issued.terms.exp) > issued.terms.exp
    assert said(third.check_number(tender.bank.name, issued.terms.number)) == (Verdict.UNKNOWN, None)


async def test_a_node_that_was_shown_the_file_keeps_it(tender: Tender, issued: Issued) -> None:
    third = tender.world.third
    at(third).check_file(issued.file)
    third.restart()
    await tender.world.follow(third)
    number = tender.bank.name, issued.terms.number
    for checked in (at(third).check_number(*number), at(third).check_id(issued.id)):
        assert said(checked) == (Verdict.VALID, issued.terms)


async def test_a_number_is_its_guarantors(tender: Tender, issued: Issued) -> None:
    insurer = tender.world[INSURER]
    other = await tender.issued(bank=insurer)
    await tender.world.settle()
    assert other.terms.number == issued.terms.number
    for file in (issued.file, other.file):
        at(tender.centre).check_file(file)
    found = [
        at(tender.centre).check_number(name, "BH-1").guarantee_id for name in (tender.bank.name, INSURER)
    ]
    assert found == [issued.id, other.id]


async def test_two_files_under_one_number_are_named_and_none_is_picked(
    tender: Tender, issued: Issued
) -> None:
    """A hostile guarantor: its own node would not have signed the second."""
    second = signed_anew(issued.file, tender.bank.keys.identity.sign, amount="1.00")
    number = tender.bank.name, issued.terms.number
    for node, files in ((tender.centre, (issued.file, second)), (tender.world.third, (second, issued.file))):
        for file in files:
            at(node).check_file(file)
        checked = at(node).check_number(*number)
        assert said(checked) == (Verdict.AMBIGUOUS, None)
        assert (checked.guarantee_id, checked.expires) == ("", 0)
        assert said(at(node).check_file(issued.file)) == (Verdict.VALID, issued.terms), "the file is clear"
        assert at(node).check_id(issued.id).verdict is Verdict.VALID


async def test_a_number_that_begins_like_another_is_another(tender: Tender, issued: Issued) -> None:
    for number in ("BH-1\0", "BH-1\0BH-1", "BH-11", "BH-"):
        at(tender.centre).check_file(signed_anew(issued.file, tender.bank.keys.identity.sign, number=number))
    at(tender.centre).check_file(issued.file)
    assert at(tender.centre).check_number(tender.bank.name, "BH-1").guarantee_id == issued.id


async def test_what_nobody_issued_is_unknown(tender: Tender, issued: Issued) -> None:
    checked = at(tender.centre).check_id("ab" * 32)
    assert said(checked) == (Verdict.UNKNOWN, None)
    assert checked.expires == 0
    assert at(tender.bank).check_number(tender.bank.name, "BH-2").verdict is Verdict.UNKNOWN


# -- its life ----------------------------------------------------------------------------------------------


async def test_a_guarantee_counts_once_the_ledger_has_it_for_good(tender: Tender) -> None:
    issued = await tender.issued()
    for node in (tender.bank, tender.centre):
        assert said(at(node).check_file(issued.file)) == (Verdict.NOT_YET, issued.terms)
        assert at(node).check_id(issued.id).verdict is Verdict.NOT_YET
    assert at(tender.world.third).check_id(issued.id).verdict is Verdict.UNKNOWN
    await tender.world.settle()
    for node in (tender.bank, tender.centre):
        assert at(node).check_id(issued.id).verdict is Verdict.VALID


async def test_a_guarantee_is_in_force_from_its_beginning_to_before_its_end(tender: Tender) -> None:
    now = int(tender.world.clock.now())
    issued = await tender.in_force(nbf=now + DAY, exp=now + 2 * DAY)

    async def verdict_at(moment: int) -> Verdict:
        tender.world.clock.advance(moment - tender.world.clock.now() - 1)
        tender.world.seal()  # a block, lest the node's view is too old to say; it takes a second
        await tender.world.follow()
        assert tender.world.clock.now() == moment
        return at(tender.centre).check_file(issued.file).verdict

    moments = now + DAY - 1, now + DAY, now + 2 * DAY - 1, now + 2 * DAY
    assert [await verdict_at(moment) for moment in moments] == [
        Verdict.NOT_YET,
        Verdict.VALID,
        Verdict.VALID,
        Verdict.EXPIRED,
    ]
    assert at(tender.world.third).check_id(issued.id).verdict is Verdict.ISSUED
    tender.world.clock.advance(end_on_ledger(issued.terms.exp) - tender.world.clock.now())
    tender.world.seal()
    await tender.world.follow()
    assert at(tender.world.third).check_id(issued.id).verdict is Verdict.EXPIRED


async def test_what_was_never_issued_is_not_what_has_expired(tender: Tender) -> None:
    issued = await tender.issued()
    tender.world.clock.advance(issued.terms.exp - tender.world.clock.now() - 2)
    for expected in (Verdict.NOT_YET, Verdict.NEVER_ISSUED):
        tender.world.seal()
        await tender.world.follow()
        checked = at(tender.centre).check_file(issued.file)
        assert (said(checked), checked.expires) == ((expected, issued.terms), 0)
        tender.world.clock.advance(2)
    assert "never" in checked.reason


async def test_a_released_guarantee_stays_released_also_after_its_end(tender: Tender, issued: Issued) -> None:
    tender.release(issued)
    await tender.world.settle()
    assert at(tender.world.third).check_file(issued.file).verdict is Verdict.RELEASED
    tender.world.clock.advance(91 * DAY)
    await tender.world.settle()
    assert at(tender.world.third).check_file(issued.file).verdict is Verdict.RELEASED


async def test_a_suspended_guarantors_guarantee_stays_valid(tender: Tender, issued: Issued) -> None:
    await tender.suspend(tender.bank)
    assert said(at(tender.world.third).check_file(issued.file)) == (Verdict.VALID, issued.terms)


# -- what is false -----------------------------------------------------------------------------------------


def by_bank(**changes: object) -> Callable[[Tender, str], str]:
    return lambda tender, file: signed_anew(file, tender.bank.keys.identity.sign, **changes)


FALSE: dict[str, Callable[[Tender, str], str]] = {
    "amount altered": lambda _, file: altered(file, amount="8000000.00"),
    "beneficiary altered": lambda _, file: altered(file, beneficiary_key=new_wallet_key().public_key.hex()),
    "end altered": lambda _, file: altered(file, exp=4_000_000_000),
    "signed by a stranger": lambda _, file: signed_anew(file, new_wallet_key().sign),
    "signed by another guarantor": lambda tender, file: signed_anew(
        file, tender.world[INSURER].keys.identity.sign
    ),
    "in another guarantor's name": by_bank(iss=INSURER),
    "in the name of nobody": by_bank(iss="nobody"),
    "in the name of a name that is none": by_bank(iss="\0/../"),
    "of another alliance": by_bank(alliance="ab" * 32),
    "of an alliance that is none": by_bank(alliance="x"),
    "over nothing": by_bank(amount="0.00"),
    "for an applicant without a code": by_bank(applicant_code="91110108740053589V"),
    "under a malformed application code": by_bank(code="A" * 42),
    "never in force": by_bank(exp=1),
    "another kind of document": lambda tender, _: tender.code(tender.world.bidder()),
    "no document": lambda *_: "保函",
    "nothing": lambda *_: "",
}


@pytest.mark.parametrize("attack", FALSE)
async def test_a_false_file_is_named_so_and_not_kept(tender: Tender, issued: Issued, attack: str) -> None:
    false = FALSE[attack](tender, issued.file)
    before = tender.world.third.store.everything()
    checked = at(tender.world.third).check_file(false)
    assert said(checked) == (Verdict.FALSE, None)
    assert (checked.guarantee_id, checked.expires) == ("", 0)
    assert tender.world.third.store.everything() == before


async def test_a_centre_cannot_pose_as_a_guarantor(tender: Tender, issued: Issued) -> None:
    posed = signed_anew(issued.file, tender.centre.keys.identity.sign, iss=tender.centre.name)
    before = tender.world.third.store.everything()
    checked = at(tender.world.third).check_file(posed)
    assert said(checked) == (Verdict.FALSE, None)
    assert "no guarantor" in checked.reason
    assert tender.world.third.store.everything() == before


async def test_the_guarantor_itself_cannot_alter_what_it_issued(tender: Tender, issued: Issued) -> None:
    lowered = signed_anew(issued.file, tender.bank.keys.identity.sign, amount="1.00")
    checked = at(tender.centre).check_file(lowered)
    assert checked.verdict is Verdict.NOT_YET, "signed, but the ledger has another"
    assert checked.guarantee_id != issued.id
    assert said(at(tender.centre).check_file(issued.file)) == (Verdict.VALID, issued.terms)


async def test_the_signatures_twin_names_the_same_guarantee(tender: Tender, issued: Issued) -> None:
    signing_input, _, signature = issued.file.rpartition(".")
    raw = from_base64url(signature)
    s = P256_ORDER - int.from_bytes(raw[32:], "big")
    twin = f"{signing_input}.{to_base64url(raw[:32] + s.to_bytes(32, 'big'))}"
    assert twin != issued.file
    checked = at(tender.centre).check_file(twin)
    assert (checked.verdict, checked.guarantee_id) == (Verdict.VALID, issued.id)


async def test_a_file_is_judged_under_the_terms_that_it_shows(tender: Tender, issued: Issued) -> None:
    """Also where the node keeps another file under the same number."""
    at(tender.centre).check_file(issued.file)
    again = sign_document(issued.terms, tender.bank.keys.identity.sign)
    assert said(at(tender.centre).check_file(again)) == (Verdict.VALID, issued.terms)


# -- the application code ----------------------------------------------------------------------------------


async def test_a_guarantee_under_another_sections_code_is_refused_by_the_tenders_centre(
    tender: Tender,
) -> None:
    """The bank cannot tell: the bidder applies for one section under the code of another, where it does not bid."""
    other, bidder = Tender(tender.world, "GC-2026-001/2"), await tender.bidder()
    issued = await tender.issued(bidder, code=other.code(bidder))
    await tender.world.settle()
    assert at(tender.bank).check_file(issued.file).verdict is Verdict.VALID
    for _ in range(2):  # shown, and kept
        checked = at(tender.centre).check_file(issued.file)
        assert said(checked) == (Verdict.WRONG_CODE, issued.terms)
        assert "section" in checked.reason
    for checked in (
        at(tender.centre).check_id(issued.id),
        at(tender.centre).check_number(tender.bank.name, issued.terms.number),
    ):
        assert checked.verdict is Verdict.WRONG_CODE
    own = await tender.issued(bidder, number="BH-2")
    await tender.world.settle()
    assert at(tender.centre).check_file(own.file).verdict is Verdict.VALID


@pytest.mark.parametrize(
    "changes", [{"section": "GC-2026-001/2"}, {"applicant_code": "91110000600037341L"}, {"code": "A" * 43}]
)
async def test_a_guarantor_ties_no_code_to_another_section_or_applicant(
    tender: Tender, issued: Issued, changes: dict[str, str]
) -> None:
    false = signed_anew(issued.file, tender.bank.keys.identity.sign, **changes)
    assert at(tender.centre).check_file(false).verdict is Verdict.WRONG_CODE
    assert at(tender.world.third).check_file(false).verdict is Verdict.NOT_YET, "only the centre has the key"


async def test_a_guarantee_says_whose_code_it_carries(tender: Tender, issued: Issued) -> None:
    assert issued.terms.centre == tender.centre.name
    elsewhere = signed_anew(
        issued.file, tender.bank.keys.identity.sign, centre=tender.world.third.name, number="BH-2"
    )
    assert at(tender.world.third).check_file(elsewhere).verdict is Verdict.WRONG_CODE


# -- when a node cannot say --------------------------------------------------------------------------------


async def test_a_node_whose_view_is_too_old_does_not_say(tender: Tender, issued: Issued) -> None:
    guarantees, number = at(tender.bank), issued.terms.number
    tender.world.clock.advance(3_600)
    for check in (
        lambda: guarantees.check_file(issued.file),
        lambda: guarantees.check_file("false"),
        lambda: guarantees.check_id(issued.id),
        lambda: guarantees.check_id("ab" * 32),
        lambda: guarantees.check_number(tender.bank.name, number),
    ):
        with pytest.raises(ProjectionStaleError):
            check()


@pytest.mark.parametrize("call", ["get", "scan", "write"])
async def test_a_failing_database_makes_no_guarantee_false(tender: Tender, issued: Issued, call: str) -> None:
    def fail(name: str) -> None:
        if name == call:
            raise StoreError("the database of this test is broken")

    tender.centre.store.before = fail
    with pytest.raises(StoreError):
        at(tender.centre).check_file(issued.file)


async def test_a_false_file_stays_false_however_often_it_is_shown(tender: Tender, issued: Issued) -> None:
    posed = signed_anew(issued.file, tender.centre.keys.identity.sign, iss=tender.centre.name)
    verdicts = {at(tender.centre).check_file(posed).verdict for _ in range(2)}
    assert verdicts == {Verdict.FALSE}
