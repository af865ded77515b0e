"""Guarantees of banks that run no node: what a signed PDF is worth, and whether it was brought before."""

import zlib
from collections.abc import AsyncIterator, Iterator

import pytest

from adapters.crypto import trial_ca
from node.errors import CodeFormatError, InvalidError
from node.services.taken_guarantees import Presentation, Taking
from tests.support.signed_files import blank_pdf, sign_pdf
from tests.support.world import DAY, World
from tests.support.world_bidder import Authority, credit_code
from tests.vectors.authority import Issued

BANK, BIDDER, OTHER = credit_code(900), credit_code(1), credit_code(2)


@pytest.fixture
def world() -> Iterator[World]:
    with World(("hangzhou",)) as world:
        yield world


def certificate(world: World, code: str = BANK, authority: Authority | None = None) -> Issued:
    found = trial_ca.issue((authority or world.authority).root, "虚构银行股份有限公司", code)
    return Issued(found.certificate, found.key)


def said(
    number: str = "2026-77", guarantor: str = BANK, section: str = "S-1", bearer: str = BIDDER
) -> Presentation:
    return Presentation(number, guarantor, section, bearer)


async def parts(raw: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(raw), 1 << 12):
        yield raw[start : start + (1 << 12)]


async def take(world: World, raw: bytes, presentation: Presentation | None = None) -> Taking:
    return await world.home.services.taken_guarantees.take(parts(raw), presentation or said())


async def test_a_true_file_is_taken_and_kept_with_who_brought_it(world: World) -> None:
    raw = sign_pdf(certificate(world))
    taking = await take(world, raw)
    assert (taking.taken.valid, taking.taken.organisation) == (True, "虚构银行股份有限公司")
    assert taking.elsewhere == ()
    world.home.restart()
    [(number, kept)] = world.home.services.taken_guarantees.rows()
    assert (number, kept) == (0, taking.taken)
    assert kept.presentation == said()
    assert BIDDER.encode() not in b"".join(content for _, content in world.home.store.scan(b"kt/")), "sealed"


async def test_the_same_file_for_the_same_section_is_one_row(world: World) -> None:
    raw = sign_pdf(certificate(world))
    assert (await take(world, raw)).number == (await take(world, raw)).number
    assert len(world.home.services.taken_guarantees.rows()) == 1


async def test_one_file_for_two_sections_is_found_however_it_is_wrapped(world: World) -> None:
    bank = certificate(world)
    raw = sign_pdf(bank)
    await take(world, raw)
    again = await take(world, raw, said(section="S-2", bearer=OTHER))
    assert (again.taken.valid, again.elsewhere) == (True, ("S-1",))
    signed_twice = sign_pdf(certificate(world, OTHER), raw, field="Mine")
    wrapped = await take(world, signed_twice, said(section="S-3"))
    assert set(wrapped.elsewhere) == {"S-1", "S-2"}


@pytest.mark.parametrize("attack", ["self-signed", "other company", "unsigned", "altered", "extended"])
async def test_a_false_file_is_kept_with_its_fault(world: World, attack: str) -> None:
    raw = {
        "self-signed": lambda: sign_pdf(certificate(world, authority=Authority("自签 Nobody's"))),
        "other company": lambda: sign_pdf(certificate(world, OTHER)),
        "unsigned": blank_pdf,
        "altered": lambda: sign_pdf(certificate(world)).replace(b"12800000.00", b"92800000.00"),
        "extended": lambda: sign_pdf(certificate(world)) + b"\n% behind",
    }[attack]()
    taking = await take(world, raw)
    assert not taking.taken.valid
    assert taking.taken.reason
    assert [row for _, row in world.home.services.taken_guarantees.rows()] == [taking.taken]


async def test_an_expired_certificate_does_not_count(world: World) -> None:
    raw = sign_pdf(certificate(world))
    world.clock.advance(800 * DAY)
    taking = await take(world, raw)
    assert (taking.taken.valid, "certificate" in taking.taken.reason) == (False, True)


@pytest.mark.parametrize("raw", [b"", b"no PDF", b"%PDF-1.7\n" + zlib.compress(bytes(1 << 22)) + b"%%EOF"])
async def test_what_is_no_pdf_leaves_nothing_behind(world: World, raw: bytes) -> None:
    with pytest.raises(InvalidError):
        await take(world, raw)
    assert world.home.services.taken_guarantees.rows() == []


async def test_malformed_codes_are_refused(world: World) -> None:
    for wrong in (said(guarantor="123"), said(bearer="")):
        with pytest.raises(CodeFormatError):
            await take(world, blank_pdf(), wrong)
