"""Holders are told what became of a subject's data, act on it, and sign; nobody else can have them act."""

import os
from typing import Any

import pytest

from node.domain.document import document_digest, peek_document, sign_document
from node.domain.encoding import to_base64url
from node.domain.notice import About, Disputed, Erased, NewerVersion, NewerVersions, Notice, NoticeReceipt
from node.errors import DocumentFormatError, MissingError, NodeError, SignatureError, UnknownCallerError
from node.ports import Answer, Batch
from node.services import layout
from node.services.changes import EVERY_SECONDS
from tests.support.world import Shared, World
from tests.support.world_centre import Centre
from tests.support.world_guarantees import BANK, Tender


async def told(world: World, rounds: int = 3) -> None:
    """Background work until notices, deletions and receipts have gone their way."""
    for _ in range(rounds):
        await world.settle()


def notice(world: World, shared: Shared, about: About, *, by: Centre | None = None, **changes: Any) -> str:
    """A notice by any member's own key."""
    by = by or world.home
    values: dict[str, Any] = {
        "alliance": world.descriptor.alliance,
        "iat": int(world.clock.now()),
        "jti": to_base64url(os.urandom(16)),
        "iss": by.name,
        "aud": world.reader.name,
        "subject": shared.bidder.subject,
        "about": about,
        **changes,
    }
    return sign_document(Notice(**values), by.keys.identity.sign)


def submit(world: World, token: str, *, by: Centre | None = None) -> str:
    return world.reader.services.holdings.submit((by or world.home).name, token)


def outcomes(world: World, shared: Shared) -> list[tuple[str, str]]:
    """Who was told, and what it answered."""
    notices = world.home.services.notices
    return [(one.to, one.outcome) for _, one in notices.of_subject(shared.bidder.subject)]


def obtained_rows(centre: Centre) -> list[bytes]:
    families = (layout.OBTAINED, layout.READ_PROOF, layout.CORROBORATED, layout.UNCORROBORATED)
    return [key for key in centre.store.everything() if key.startswith(families)]  # type: ignore[attr-defined]


def erase(world: World, shared: Shared, *categories: str) -> None:
    world.home.services.erasures.by_wallet(shared.bidder.scribe.erase(world.home.name, categories))


# -- erasure ---------------------------------------------------------------------------------------------


async def test_an_erasure_reaches_every_holder_which_deletes_and_signs(world: World, shared: Shared) -> None:
    await world.reader.services.reading.fetch(shared.digest)
    await world.settle()
    erase(world, shared)
    await told(world)
    assert outcomes(world, shared) == [(world.reader.name, "deleted")]
    assert obtained_rows(world.reader) == []
    assert "obtained" not in world.reader.services.vault.parts(shared.bidder.subject)
    with pytest.raises(MissingError):
        world.reader.services.reading.obtained(shared.digest, 0)
    [done] = world.reader.services.erasures.all()
    [(_, out)] = world.home.services.notices.of_subject(shared.bidder.subject)
    assert done.line.request == document_digest(out.token).hex()
    assert done.receipt


async def test_who_read_nothing_is_not_told(world: World, shared: Shared) -> None:
    erase(world, shared)
    await told(world)
    assert outcomes(world, shared) == []


async def test_an_absent_holder_is_told_later_and_shown_until_then(world: World, shared: Shared) -> None:
    await world.reader.services.reading.fetch(shared.digest)
    world.network.absent.add(world.reader.name)
    erase(world, shared)
    await told(world, 2)
    world.home.restart()
    await told(world, 1)
    assert [one.to for _, one in world.home.services.notices.waiting()] == [world.reader.name]
    world.network.absent.clear()
    world.clock.advance(3_700)
    await told(world, 4)
    assert outcomes(world, shared) == [(world.reader.name, "deleted")]
    assert list(world.home.services.notices.waiting()) == []


async def test_no_receipt_is_signed_before_nothing_is_left(world: World, shared: Shared) -> None:
    await world.reader.services.reading.fetch(shared.digest)
    token = notice(world, shared, Erased(()))
    assert submit(world, token) == ""
    await world.reader.services.holdings.step()
    world.reader.restart()
    await world.follow(world.reader)
    await world.reader.services.holdings.step()
    assert submit(world, token) == ""
    while await world.reader.services.erasing.step():
        pass
    await world.reader.services.holdings.step()
    receipt = submit(world, token)
    assert peek_document(receipt, NoticeReceipt).outcome == "deleted"
    assert submit(world, token) == receipt
    assert len(list(world.reader.services.erasures.all())) == 1


async def test_a_backup_put_back_brings_nothing_back(world: World, shared: Shared) -> None:
    await world.reader.services.reading.fetch(shared.digest)
    before = dict(world.reader.store.everything())  # type: ignore[attr-defined]
    erase(world, shared)
    await told(world)
    old = Batch()
    for key, value in before.items():
        if key.startswith(layout.OBTAINED):
            old.put(key, value)
    old.delete(layout.ERASURE_MARK)
    world.reader.store.write(old)
    assert obtained_rows(world.reader)
    world.reader.restart()
    assert obtained_rows(world.reader) == []


async def test_only_reads_that_show_an_erased_category_go(world: World, shared: Shared) -> None:
    await world.reader.services.reading.fetch(shared.digest)
    erase(world, shared, "subject.qualification")
    await told(world)
    assert outcomes(world, shared) == [(world.reader.name, "deleted")]
    assert world.reader.services.reading.obtained(shared.digest, 0)
    erase(world, shared, "subject.base")
    await told(world)
    with pytest.raises(MissingError):
        world.reader.services.reading.obtained(shared.digest, 0)


async def test_an_answer_that_was_under_way_during_the_erasure_is_not_kept(
    world: World, shared: Shared
) -> None:
    def erased_meanwhile(answer: Answer) -> Answer:
        submit(world, notice(world, shared, Erased(())))
        return answer

    world.network.tamper = erased_meanwhile
    with pytest.raises(MissingError, match="meanwhile"):
        await world.reader.services.reading.fetch(shared.digest)
    assert obtained_rows(world.reader) == []


async def test_other_subjects_data_stays(world: World, shared: Shared) -> None:
    await world.reader.services.reading.fetch(shared.digest)
    other = world.bidder()
    world.register(other)
    await world.settle()
    second = await world.share(other)
    await world.reader.services.reading.fetch(second.digest)
    erase(world, shared)
    await told(world)
    assert world.reader.services.reading.obtained(second.digest, 0)


async def test_the_subject_itself_has_a_holder_delete_when_its_home_is_gone(
    world: World, shared: Shared
) -> None:
    await world.reader.services.reading.fetch(shared.digest)
    world.network.absent.add(world.home.name)
    erasures = world.reader.services.erasures
    stranger = world.bidder()
    stranger.subject = shared.bidder.subject
    with pytest.raises(UnknownCallerError):
        erasures.by_wallet(stranger.scribe.erase(world.reader.name))
    with pytest.raises(DocumentFormatError, match="whole"):
        erasures.by_wallet(shared.bidder.scribe.erase(world.reader.name, ["subject.base"]))
    with pytest.raises(MissingError):
        world.third.services.erasures.by_wallet(shared.bidder.scribe.erase(world.third.name))
    token = shared.bidder.scribe.erase(world.reader.name)
    [erasure] = erasures.by_wallet(token)
    assert obtained_rows(world.reader) == []
    await told(world)
    [done] = erasures.by_wallet(token)
    assert (done.line.number, bool(erasures.receipt(done))) == (erasure.line.number, True)


# -- who may give a notice -------------------------------------------------------------------------------


async def test_a_forged_notice_is_refused_whatever_is_held(world: World, shared: Shared) -> None:
    about = Erased(())
    answers = []
    for _ in range(2):
        with pytest.raises(UnknownCallerError) as caught:
            submit(world, notice(world, shared, about, by=world.third), by=world.third)
        answers.append(str(caught.value))
        await world.reader.services.reading.fetch(shared.digest)
    assert len(set(answers)) == 1
    with pytest.raises(SignatureError):
        submit(world, notice(world, shared, about, by=world.third, iss=world.home.name))
    for changes in ({"aud": world.third.name}, {"alliance": "ab" * 32}, {"iss": world.third.name}):
        with pytest.raises(NodeError):
            submit(world, notice(world, shared, about, **changes))
    with pytest.raises(UnknownCallerError):
        submit(world, notice(world, shared, about, subject="ab" * 32))
    with pytest.raises(DocumentFormatError):
        submit(world, notice(world, shared, Erased(("subject.base", "subject.base"))))
    assert world.reader.services.reading.obtained(shared.digest, 0)


async def test_a_holder_that_has_nothing_answers_like_one_that_deleted(world: World, shared: Shared) -> None:
    token = notice(world, shared, Erased(()))
    assert submit(world, token) == ""
    await world.reader.services.holdings.step()
    receipt = peek_document(submit(world, token), NoticeReceipt)
    assert (receipt.outcome, receipt.reason) == ("deleted", "")


async def test_a_false_receipt_closes_nothing(
    world: World, shared: Shared, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.reader.services.reading.fetch(shared.digest)
    erase(world, shared)
    [(number, out)] = world.home.services.notices.waiting()
    false = NoticeReceipt(
        alliance=world.descriptor.alliance,
        iat=1,
        jti=to_base64url(os.urandom(16)),
        iss=world.reader.name,
        aud=world.home.name,
        notice="ab" * 32,
        outcome="deleted",
        reason="",
    )
    held = world.reader.services.holdings
    for signer in (world.reader, world.third):
        monkeypatch.setattr(
            held, "submit", lambda *_, signer=signer: sign_document(false, signer.keys.identity.sign)
        )
        await world.home.services.notices.deliver(number)
        assert world.home.services.notices.load(number).receipt == ""
        assert world.home.services.notices.load(number).problem
    assert [one for one, _ in world.home.services.notices.waiting()] == [number]
    assert out.to == world.reader.name


# -- what the law holds ----------------------------------------------------------------------------------


async def test_what_a_guarantee_in_force_rests_on_is_held_with_the_reason(tender: Tender) -> None:
    world, bank = tender.world, tender.world[BANK]
    issued = await tender.issued()
    subject = issued.bidder.subject
    world.home.services.erasures.by_wallet(issued.bidder.scribe.erase(world.home.name))
    await told(world, 4)
    [(_, out)] = [
        (number, one) for number, one in world.home.services.notices.of_subject(subject) if one.to == BANK
    ]
    assert out.outcome == "held"
    assert "guarantee" in peek_document(out.receipt, NoticeReceipt).reason
    assert obtained_rows(bank)
    [row] = [one.row for one in bank.services.guarantor.applications()]
    with pytest.raises(MissingError):
        bank.services.reading.obtained(row.read, 0)  # stored, and used for nothing
    # Given back by the beneficiary it cannot be claimed any more: the rest goes, and is signed for.
    tender.release(issued)
    await told(world, 1)
    world.clock.advance(3_700)
    await told(world, 6)
    assert obtained_rows(bank) == []
    assert [one.outcome for _, one in world.home.services.notices.of_subject(subject) if one.to == BANK] == [
        "deleted"
    ]


async def test_an_application_that_came_to_nothing_goes_with_its_subject(tender: Tender) -> None:
    world, bank = tender.world, tender.world[BANK]
    bidder = await tender.bidder()
    await tender.assessed(bidder)
    world.home.services.erasures.by_wallet(bidder.scribe.erase(world.home.name))
    await told(world, 4)
    assert list(bank.services.guarantor.applications()) == []
    rows = bank.store.everything()  # type: ignore[attr-defined]
    assert [key for key in rows if key.startswith(b"i")] == [], "no row of any family of applications"


# -- newer versions --------------------------------------------------------------------------------------


async def test_holders_of_live_grants_are_told_of_newer_versions_once(world: World, shared: Shared) -> None:
    await world.reader.services.reading.fetch(shared.digest)
    for account in ("1", "2"):
        world.register(shared.bidder, package=[shared.bidder.base(bank_account=account)])
    world.register(shared.bidder, package=[shared.bidder.qualification(level="特级")])
    await told(world)
    world.clock.advance(EVERY_SECONDS)
    await told(world)
    notices = world.home.services.notices
    [(_, out)] = notices.of_subject(shared.bidder.subject)
    assert out.about() == NewerVersions((NewerVersion("subject.base", "base", 3),))
    assert out.outcome == "noted"
    [remark] = world.reader.services.remarks.of(shared.bidder.subject)
    assert (remark.thing, remark.version) == ("base", 3)
    world.clock.advance(EVERY_SECONDS)
    await told(world)
    assert len(list(notices.of_subject(shared.bidder.subject))) == 1


async def test_a_holder_whose_grant_was_revoked_hears_of_no_newer_version(
    world: World, shared: Shared
) -> None:
    await world.reader.services.reading.fetch(shared.digest)
    world.revoke(shared.bidder, shared.token)
    world.register(shared.bidder, package=[shared.bidder.base(bank_account="1")])
    await told(world)
    world.clock.advance(EVERY_SECONDS)
    await told(world)
    assert outcomes(world, shared) == []


async def test_a_remark_about_what_was_never_read_is_not_kept(world: World, shared: Shared) -> None:
    await world.reader.services.reading.fetch(shared.digest)
    other = NewerVersions((NewerVersion("subject.credit", "x", 2),))
    dispute = Disputed("subject.credit", "x", ("level",), "open", "ab" * 32)
    for about in (other, dispute):
        submit(world, notice(world, shared, about))
    await world.reader.services.holdings.step()
    assert world.reader.services.remarks.of(shared.bidder.subject) == []
