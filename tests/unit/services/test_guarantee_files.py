"""Sealed guarantee files: what a node makes, what it takes, and what no forger gets past it."""

import asyncio
import contextlib
import io
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.embed import EmbeddedFileObject, FileSpec, embed_file
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

from adapters.crypto.organisation_seal import HeldSeal
from adapters.signatures.cms import Trust
from adapters.signatures.pdf import read_pdf
from node.cli.verdict import text_of
from node.config import TrustConfig
from node.domain.bundle_check import Verifier
from node.domain.document import peek_document
from node.domain.guarantee_file import GuaranteeSeal, peek_attachment
from node.domain.guarantee_file_check import VerifiedFile, trust_of, verify_file
from node.domain.keys import KeyKind
from node.domain.verdict import StepKind
from node.errors import (
    AuthorityUnavailableError,
    ConflictError,
    MissingError,
    NodeError,
    RoleMissingError,
    TooLargeError,
)
from node.services.guarantee_files import GuaranteeFiles
from node.services.guarantees import Verdict
from node.wallet.guarantees import GuaranteeScribe
from tests.support.key_holders import need
from tests.support.sealed_files import BANK_CODE, TYPEFACE, held_seal, sealed_anew, self_signed, short_lived
from tests.support.trial_timestamps import TrialTimestamps
from tests.support.trust import OCSP, TSA, TimedResponder, tsa_anchor
from tests.support.world import DAY, World
from tests.support.world_bidder import credit_code
from tests.support.world_centre import Centre
from tests.support.world_guarantees import BANK, INSURER, Issued, Tender, altered, signed_anew


@dataclass
class Bench:
    """A bank with an organisation seal and a time-stamp authority, and what it has issued."""

    tender: Tender
    issued: Issued
    file: bytes
    seal: HeldSeal
    status: TimedResponder

    @property
    def bank(self) -> Centre:
        return self.tender.bank

    @property
    def centre(self) -> Centre:
        return self.tender.centre


def at(node: Centre) -> GuaranteeFiles:
    return node.services.guarantee_files


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    """One for all tests here: none of them changes how the guarantee stands."""
    stamps = TrialTimestamps(now=lambda: world.clock.now())  # noqa: PLW0108  # the world is made below
    trust = TrustConfig(timestamp="tsa", soft_fail=("trial-ca",))
    world = World(
        guarantors=[BANK, INSURER], terms={"ocsp": (OCSP,)}, anchors=(tsa_anchor(stamps.root),), trust=trust
    )
    with world:
        status = TimedResponder(world.authority.root, now=world.clock.now)
        world.network.authorities.handlers |= {TSA: stamps.answer, OCSP: status.answer}
        yield asyncio.run(_bench(world, status))


async def _bench(world: World, status: TimedResponder) -> Bench:
    await world.settle()
    tender = Tender(world)
    held = tender.bank.seal = held_seal(world.authority)
    issued = await tender.in_force()
    return Bench(tender, issued, await at(tender.bank).make(issued.id), held, status)


async def said(bench: Bench, raw: bytes) -> tuple[Verdict, str]:
    """What the tender's centre says."""
    checked = (await at(bench.centre).check(raw)).checked
    return checked.verdict, checked.reason


async def is_false(bench: Bench, raw: bytes) -> bool:
    return (await said(bench, raw))[0] is Verdict.FALSE


@contextlib.asynccontextmanager
async def sealing(bench: Bench, held: HeldSeal | None) -> AsyncIterator[None]:
    """The bank has another seal for a while."""
    bench.bank.seal = held
    yield
    bench.bank.seal = bench.seal


async def test_every_node_says_of_a_sealed_file_what_its_guarantee_is_worth(bench: Bench) -> None:
    for node in bench.tender.world.centres.values():
        found = await at(node).check(bench.file)
        assert (found.checked.verdict, found.checked.terms) == (Verdict.VALID, bench.issued.terms)
        assert found.seal is not None
        assert found.seal.credit_code == BANK_CODE
        assert found.seal.finding.stamped is not None


async def test_a_file_can_be_made_before_the_ledger_has_its_guarantee(bench: Bench) -> None:
    early = await bench.tender.issued(number="BH-EARLY")
    file = await at(bench.bank).make(early.id)
    assert (await said(bench, file))[0] is Verdict.NOT_YET
    await bench.tender.world.settle()
    assert (await said(bench, file))[0] is Verdict.VALID


async def test_a_file_is_made_once_for_each_certificate_of_the_seal(bench: Bench) -> None:
    assert await at(bench.bank).make(bench.issued.id) == bench.file
    bench.bank.restart()
    await bench.tender.world.settle()
    assert await at(bench.bank).make(bench.issued.id) == bench.file, "also after a restart"
    async with sealing(bench, held_seal(bench.tender.world.authority)):
        renewed = await at(bench.bank).make(bench.issued.id)
    assert renewed != bench.file
    for file in (renewed, bench.file):
        assert (await said(bench, file))[0] is Verdict.VALID


async def test_a_wallet_gets_the_file_of_its_own_application_only(bench: Bench) -> None:
    files, bidder = at(bench.bank), bench.issued.bidder
    asked = GuaranteeScribe(bidder.scribe).applications(BANK)
    assert await files.check(await files.make_for_wallet(asked, bench.issued.application))
    stranger = GuaranteeScribe((await bench.tender.bidder()).scribe)
    for application in (bench.issued.application, "ab" * 32):
        with pytest.raises(MissingError, match="of this wallet"):
            await files.make_for_wallet(stranger.applications(BANK), application)


async def test_a_file_is_sealed_by_its_guarantor_alone(bench: Bench) -> None:
    bench.centre.services.guarantees.check_file(bench.issued.file)
    with pytest.raises(RoleMissingError):
        await at(bench.centre).make(bench.issued.id)
    with pytest.raises(MissingError):
        await at(bench.bank).make("ab" * 32)
    async with sealing(bench, None):
        with pytest.raises(MissingError, match="no organisation seal"):
            await at(bench.bank).make(bench.issued.id)


async def test_a_seal_that_nobody_would_take_does_not_leave_the_node(bench: Bench) -> None:
    expired = short_lived(bench.tender.world.authority, days=1 / 25)
    for bad in (self_signed(), expired):
        async with sealing(bench, bad):
            with pytest.raises(ConflictError, match="not good for guarantees"):
                await at(bench.bank).make(bench.issued.id)


async def test_without_the_configured_time_stamp_nothing_is_sealed(bench: Bench) -> None:
    handlers = bench.tender.world.network.authorities.handlers
    unsealed = await bench.tender.issued(number="BH-UNSTAMPED")
    stamps = handlers.pop(TSA)
    with pytest.raises(AuthorityUnavailableError):
        await at(bench.bank).make(unsealed.id)
    others = TrialTimestamps(now=bench.tender.world.clock.now)
    handlers[TSA] = others.answer
    with pytest.raises(ConflictError, match="time stamp does not count"):
        await at(bench.bank).make(unsealed.id)
    handlers[TSA] = stamps


# -- offline -------------------------------------------------------------------------------------------------


def offline(bench: Bench, raw: bytes, now: int = 0) -> VerifiedFile:
    """By somebody who holds the file and the descriptor."""
    now, verifier = now or int(bench.tender.world.clock.now()), Verifier(bench.tender.world.descriptor)
    trust = Trust(trust_of(verifier).stampers(now), now)
    with ThreadPoolExecutor(1) as apart:  # pyHanko opens an event loop of its own
        return apart.submit(
            verify_file, raw, TYPEFACE.glyph, verifier, lambda: read_pdf(raw, trust), now
        ).result()


async def test_the_descriptor_is_enough_to_see_that_a_file_is_genuine(bench: Bench) -> None:
    found = offline(bench, bench.file)
    assert [(step.kind, step.is_gap) for step in found.steps] == [
        (StepKind.ROOTS, False),
        (StepKind.GUARANTEED, False),
        (StepKind.FILE_WHOLE, False),
        (StepKind.SEALED, False),
        (StepKind.SEAL_STAMPED, False),
        (StepKind.SEAL_STATUS_OPEN, True),
        (StepKind.GUARANTEE_STATE_OPEN, True),
    ]
    assert all(text_of(step) for step in found.steps)
    plain = offline(bench, await sealed_anew(bench.file, bench.seal))
    assert StepKind.SEAL_NOT_STAMPED in {step.kind for step in plain.steps}
    over = offline(bench, bench.file, bench.issued.terms.exp)
    assert over.steps[-1].kind is StepKind.GUARANTEE_OVER


async def test_what_a_node_finds_false_is_false_offline_too(bench: Bench) -> None:
    other = await sealed_anew(bench.file, self_signed(), bench.bank.keys.identity.sign)
    for raw in (revised(bench.file), other, bench.file[:-1] + b" ", b"%PDF-1.7\n"):
        with pytest.raises(NodeError):
            offline(bench, raw)


async def test_a_file_is_followed_through_changes_of_the_guarantors_keys(bench: Bench) -> None:
    bench.bank.services.key_rotation.rotate([KeyKind.IDENTITY], overlap_seconds=DAY)
    for _ in range(3):
        await bench.tender.world.settle()
        bench.bank.services.key_rotation.step()
    later = await at(bench.bank).make((await bench.tender.in_force(number="BH-ROTATED")).id)
    assert offline(bench, later).steps[0].about["successions"] == 1
    assert (await said(bench, later))[0] is Verdict.VALID
    assert offline(bench, bench.file).steps[0].about["successions"] == 0, "and the old one counts"


async def test_poppler_reads_the_seal_the_terms_and_the_attachment(bench: Bench, tmp_path: Path) -> None:
    need(shutil.which("pdfsig") is not None, "pdfsig of poppler-utils")
    path = tmp_path / "guarantee.pdf"
    path.write_bytes(bench.file)
    seal = tool("pdfsig", "-nocert", str(path))
    assert "Signature is Valid" in seal
    assert "Total document signed" in seal
    assert "ETSI.CAdES.detached" in seal
    text = tool("pdftotext", str(path), "-")
    for shown in (
        "电子保函",
        "投标保函",
        "80000.00",
        bench.issued.terms.applicant_name,
        bench.issued.id[:50],  # how much of it one line takes depends on its digits
    ):
        assert shown in text
    assert "1: heqi-guarantee.json" in tool("pdfdetach", "-list", str(path))


def tool(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, timeout=60).stdout.decode()


# -- the file ------------------------------------------------------------------------------------------------


def mixed(attachment_of: bytes, page_of: bytes) -> bytes:
    """The attachment of one file within the rest of another."""
    end = b"\nendstream\nendobj\n2 0 obj"
    return attachment_of[: attachment_of.index(end)] + page_of[page_of.index(end) :]


async def forged(bench: Bench, document: str, *, by_bank: bool = False) -> bytes:
    """The file around another document, sealed with the bank's own seal."""
    sign = bench.bank.keys.identity.sign if by_bank else None
    return await sealed_anew(
        bench.file, bench.seal, sign, lambda attachment: replace(attachment, document=document)
    )


async def test_an_altered_amount_on_the_page_is_found(bench: Bench) -> None:
    other = await forged(bench, altered(bench.issued.file, amount="90000.00"))
    showing = mixed(bench.file, other)
    changed = [
        place for place, pair in enumerate(zip(showing, bench.file, strict=True)) if pair[0] != pair[1]
    ]
    assert changed, "the page and the seal differ, the attachment and the length do not"
    verdict, reason = await said(bench, showing)
    assert (verdict, "page" in reason) == (Verdict.FALSE, True)
    resealed = showing.replace(seal_of(showing), seal_of(bench.file))
    assert await is_false(bench, resealed)


def seal_of(file: bytes) -> bytes:
    """The seal's digits."""
    start = file.index(b"/Contents<30") + len(b"/Contents<")
    return file[start : file.index(b">", start)]


async def test_an_altered_amount_in_the_attachment_is_found(bench: Bench) -> None:
    document = altered(bench.issued.file, amount="90000.00")
    replaced = bench.file.replace(bench.issued.file.encode(), document.encode())
    assert len(replaced) == len(bench.file)
    assert await is_false(bench, replaced)
    assert await is_false(bench, await forged(bench, document))
    assert await is_false(bench, await forged(bench, document, by_bank=True)), "not even by the bank's clerk"


async def test_the_page_of_one_guarantee_with_the_attachment_of_another_is_found(bench: Bench) -> None:
    second = await bench.tender.issued(number="BH-2", amount="10000.00")
    await bench.tender.world.settle()
    other = await at(bench.bank).make(second.id)
    assert (await said(bench, other))[0] is Verdict.VALID
    assert await is_false(bench, mixed(bench.file, other))
    assert await is_false(bench, mixed(other, bench.file))
    told = await sealed_anew(
        bench.file,
        bench.seal,
        bench.bank.keys.identity.sign,
        lambda attachment: replace(attachment, guarantee=second.id),
    )
    verdict, reason = await said(bench, told)
    assert (verdict, "another guarantee on the ledger" in reason) == (Verdict.FALSE, True)


async def test_a_file_that_names_another_contract_is_found(bench: Bench) -> None:
    made = await sealed_anew(
        bench.file, bench.seal, None, lambda attachment: replace(attachment, contract="ab" * 20)
    )
    assert await is_false(bench, made)


async def test_nothing_can_be_added_to_the_file(bench: Bench) -> None:
    for added in (revised(bench.file), with_attachment(bench.file)):
        assert added.startswith(bench.file)
        assert await is_false(bench, added)
    for added in (bench.file + b"\n", bench.file + b"%%EOF\n", b"\n" + bench.file, bench.file[:-1], b""):
        assert await is_false(bench, added)


def revised(file: bytes) -> bytes:
    """With a later revision that changes the language of the document."""
    writer = IncrementalPdfFileWriter(io.BytesIO(file))
    writer.root["/Lang"] = generic.TextStringObject("en")
    writer.update_root()
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def with_attachment(file: bytes) -> bytes:
    """With a second attachment of the same name."""
    writer = IncrementalPdfFileWriter(io.BytesIO(file))
    del writer.root["/Names"]
    embedded = EmbeddedFileObject.from_file_data(writer, b"{}")
    embed_file(writer, FileSpec("heqi-guarantee.json", embedded_data=embedded))
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


async def test_the_seal_is_written_in_one_way(bench: Bench) -> None:
    digits = seal_of(bench.file)
    for other in (
        digits.upper(),
        b"zz" + digits[2:],
        b"  " + digits[2:],
        b"00" + digits[2:],
        digits[:-2] + b"01",
    ):
        assert other != digits
        assert await is_false(bench, bench.file.replace(digits, other))
    assert await is_false(bench, bench.file.replace(digits, digits + b"00"))


@given(st.data())
def test_no_byte_of_the_file_can_be_another(bench: Bench, data: st.DataObject) -> None:
    covered = len(bench.file) - len(seal_of(bench.file))
    place = data.draw(st.integers(0, covered - 1))
    start = bench.file.index(seal_of(bench.file))
    place += 0 if place < start else len(seal_of(bench.file))
    other = (
        bench.file[:place]
        + bytes([bench.file[place] ^ data.draw(st.integers(1, 255))])
        + bench.file[place + 1 :]
    )
    assert asyncio.run(is_false(bench, other))


@pytest.mark.parametrize("raw", [b"", b"%PDF-1.7\n", b"\x00" * 4096, b"%PDF-1.7\n%%EOF", b"{" * 70_000])
async def test_garbage_is_no_guarantee(bench: Bench, raw: bytes) -> None:
    assert await is_false(bench, raw)


async def test_a_file_beyond_all_measure_is_refused_unread(bench: Bench) -> None:
    with pytest.raises(TooLargeError):
        await at(bench.centre).check(bench.file + bytes(2 << 20))


# -- who seals -----------------------------------------------------------------------------------------------


async def test_the_certificate_of_another_company_seals_nothing(bench: Bench) -> None:
    sign, authority = bench.bank.keys.identity.sign, bench.tender.world.authority
    other = held_seal(authority, credit_code(901))
    named = peek_document(peek_attachment(bench.file).seal, GuaranteeSeal).certificate
    for held, signed, statement in (
        (other, None, {}),  # the statement names the bank's own certificate
        (other, sign, {"certificate": named}),
        (other, sign, {}),  # the bank names this certificate, under its own credit code
        (held_seal(authority), None, {}),  # the bank's credit code, in a certificate that it does not name
        (self_signed(), sign, {}),
    ):
        made = await sealed_anew(bench.file, held, signed, **statement)
        assert await is_false(bench, made)
    assert not await is_false(bench, await sealed_anew(bench.file, bench.seal, sign)), "the bank's own does"


async def test_another_guarantor_cannot_seal_this_ones_guarantee(bench: Bench) -> None:
    insurer, code = bench.tender.world[INSURER], credit_code(902)
    held, sign = held_seal(bench.tender.world.authority, code), insurer.keys.identity.sign
    for statement in ({"iss": INSURER, "credit_code": code}, {"credit_code": code}):
        assert await is_false(bench, await sealed_anew(bench.file, held, sign, **statement))
    # Nor a guarantee in the bank's name under its own keys.
    token = signed_anew(bench.issued.file, sign)
    made = await sealed_anew(
        bench.file, held, sign, lambda attachment: replace(attachment, document=token), credit_code=code
    )
    assert await is_false(bench, made)


async def test_a_centre_is_no_guarantor(bench: Bench) -> None:
    sign = bench.centre.keys.identity.sign
    token = signed_anew(bench.issued.file, sign, iss=bench.centre.name)
    made = await sealed_anew(
        bench.file,
        bench.seal,
        sign,
        lambda attachment: replace(attachment, document=token),
        iss=bench.centre.name,
    )
    assert await is_false(bench, made)


async def test_a_certificate_that_is_revoked_afterwards_does_not_undo_a_stamped_seal(bench: Bench) -> None:
    plain = await sealed_anew(bench.file, bench.seal)
    assert not await is_false(bench, plain)
    bench.tender.world.clock.advance(60)
    bench.status.revoke(x509.load_der_x509_certificate(bench.seal.chain[0]))
    bench.tender.world.clock.advance(DAY)
    await bench.tender.world.settle()
    assert await is_false(bench, plain), "nothing says that it was sealed before"
    assert (await said(bench, bench.file))[0] is Verdict.VALID


async def test_an_expired_certificate_needs_a_stamp_of_its_time(bench: Bench) -> None:
    held = short_lived(bench.tender.world.authority, days=4)
    sign, world = bench.bank.keys.identity.sign, bench.tender.world
    plain = await sealed_anew(bench.file, held, sign)
    async with sealing(bench, held):
        stamped = await at(bench.bank).make(bench.issued.id)
    assert not await is_false(bench, plain)
    world.clock.advance(5 * DAY)
    await world.settle()
    assert await is_false(bench, plain)
    assert (await said(bench, stamped))[0] is Verdict.VALID


async def test_the_end_of_the_seals_certificate_is_told_in_time(bench: Bench) -> None:
    said_of = lambda: [one for one in bench.bank.services.expiries.list() if one.what == "organisation seal"]  # noqa: E731
    assert len(said_of()) == 1
    async with sealing(bench, None):
        assert said_of() == []


async def test_a_released_guarantee_has_a_genuine_file_still(bench: Bench) -> None:
    released = await bench.tender.in_force(number="BH-RELEASED")
    async with sealing(bench, held_seal(bench.tender.world.authority)):
        file = await at(bench.bank).make(released.id)
    bench.tender.release(released)
    await bench.tender.world.settle()
    found = await at(bench.centre).check(file)
    assert found.checked.verdict is Verdict.RELEASED
    assert found.seal is not None
