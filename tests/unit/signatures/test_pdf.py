"""What is said of signatures in PDF, and of what is done to a PDF after it was signed."""

import io
import re

import pytest
from hypothesis import given, settings
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.crypt import StandardSecurityHandler
from pyhanko.pdf_utils.generic import pdf_name, pdf_string
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.pdf_utils.writer import copy_into_new_writer
from pyhanko.sign.fields import SigFieldSpec, append_signature_field

from adapters.signatures.cms import Trust
from adapters.signatures.pdf import read_pdf
from node.domain.signed_file import Finding, Problem
from node.errors import InvalidError, NodeError
from tests.support.signed_files import blank_pdf, sign_pdf
from tests.unit.domain.mutation import refuses_or_returns, spoilt_bytes
from tests.vectors.authority import bidder, issue, name, root, rsa_key, usage
from tests.vectors.world import NOW

TRUST = Trust([root().der], NOW)
SIGNED = sign_pdf(bidder())


def read(raw: bytes) -> list[Finding]:
    return read_pdf(raw, TRUST)


def problem(raw: bytes) -> Problem:
    return read(raw)[0].problem


def updated(raw: bytes, change) -> bytes:
    """The file with an incremental update."""
    writer = IncrementalPdfFileWriter(io.BytesIO(raw))
    change(writer)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def contents_gap(raw: bytes) -> tuple[int, int]:
    """Where the signature itself stands."""
    _, length, start, _ = map(int, re.search(rb"/ByteRange\s*\[\s*(\d+) (\d+) (\d+) (\d+)", raw).groups())
    return length, start


# -- what works -------------------------------------------------------------------------------------------


def test_a_signed_pdf_is_read():
    (found,) = read(SIGNED)
    assert (found.name, found.problem, found.covers_whole) == ("Bid", Problem.NONE, True)
    assert (found.digest, found.mechanism, found.key) == ("sha256", "ecdsa", "secp256r1")
    assert found.chain == (bidder().der,)
    assert found.claimed is not None


def test_a_second_signature_leaves_the_first_one_good():
    first, second = read(sign_pdf(bidder(rsa_bits=2048), SIGNED, field="Witness"))
    assert (first.name, first.problem, first.covers_whole) == ("Bid", Problem.NONE, False)
    assert (second.name, second.problem, second.covers_whole) == ("Witness", Problem.NONE, True)


def test_a_timestamp_in_a_pdf_counts():
    (found,) = read(sign_pdf(bidder(rsa_bits=2048), stamped=True))
    assert found.stamped is not None


def test_an_unsigned_pdf_has_no_signatures():
    assert read(blank_pdf()) == []


def test_an_empty_signature_field_is_no_signature():
    assert (
        read(updated(blank_pdf(), lambda writer: append_signature_field(writer, SigFieldSpec("Empty")))) == []
    )


# -- attacks ----------------------------------------------------------------------------------------------


def test_an_altered_price_is_found():
    assert SIGNED.count(b"12800000") == 1
    assert problem(SIGNED.replace(b"12800000", b"92800000")) is Problem.ALTERED


def page_of(writer):
    return writer.root["/Pages"]["/Kids"][0].get_object()


def replace_page_content(writer):
    stream = generic.StreamObject(stream_data=b"BT 72 700 Td (9.00) Tj ET")
    page_of(writer)[pdf_name("/Contents")] = writer.add_object(stream)
    writer.update_container(page_of(writer))


def add_overlay(writer):
    """Shadow attack, "hide": something is laid over what was signed."""
    box = generic.ArrayObject(map(generic.FloatObject, (0, 0, 612, 792)))
    note = generic.DictionaryObject(
        {
            pdf_name("/Type"): pdf_name("/Annot"),
            pdf_name("/Subtype"): pdf_name("/FreeText"),
            pdf_name("/Rect"): box,
            pdf_name("/Contents"): pdf_string("9.00"),
        }
    )
    page = page_of(writer)
    existing = page.get("/Annots", generic.ArrayObject())
    page[pdf_name("/Annots")] = generic.ArrayObject([*existing, writer.add_object(note)])
    writer.update_container(page)


def replace_catalogue(writer):
    """Shadow attack, "replace": the document's root points to other pages."""
    stream = generic.StreamObject(stream_data=b"BT 72 700 Td (9.00) Tj ET")
    pages = generic.DictionaryObject(writer.root["/Pages"])
    page = generic.DictionaryObject(page_of(writer))
    page[pdf_name("/Contents")] = writer.add_object(stream)
    pages[pdf_name("/Kids")] = generic.ArrayObject([writer.add_object(page)])
    writer.root[pdf_name("/Pages")] = page[pdf_name("/Parent")] = writer.add_object(pages)
    writer.update_root()


def add_script(writer):
    action = generic.DictionaryObject(
        {pdf_name("/S"): pdf_name("/JavaScript"), pdf_name("/JS"): pdf_string("app.alert(1)")}
    )
    writer.root[pdf_name("/OpenAction")] = writer.add_object(action)
    writer.update_root()


@pytest.mark.parametrize("change", [replace_page_content, add_overlay, replace_catalogue, add_script])
def test_a_change_after_signing_is_found_and_another_signature_does_not_cover_it_up(change):
    attacked = updated(SIGNED, change)
    assert [one.problem for one in read(attacked)] == [Problem.CHANGED_AFTER_SIGNING]
    covered = sign_pdf(bidder(rsa_bits=2048), attacked, field="Accomplice")
    assert [one.problem for one in read(covered)] == [Problem.CHANGED_AFTER_SIGNING, Problem.NONE]


def test_a_price_filled_into_a_form_after_signing_is_found():
    def add_field(writer):
        field = generic.DictionaryObject(
            {
                pdf_name("/FT"): pdf_name("/Tx"),
                pdf_name("/T"): pdf_string("price"),
                pdf_name("/V"): pdf_string("1.00"),
            }
        )
        fields = generic.ArrayObject([writer.add_object(field)])
        writer.root[pdf_name("/AcroForm")] = writer.add_object(
            generic.DictionaryObject({pdf_name("/Fields"): fields})
        )
        writer.update_root()

    def fill(writer):
        field = writer.root["/AcroForm"]["/Fields"][0].get_object()
        field[pdf_name("/V")] = pdf_string("9.00")
        writer.update_container(field)

    signed = sign_pdf(bidder(), updated(blank_pdf(), add_field))
    assert problem(signed) is Problem.NONE
    assert problem(updated(signed, fill)) is Problem.CHANGED_AFTER_SIGNING


def test_bytes_after_the_end_are_found():
    """Nothing refers to them, but a reader that mends files might take them in."""
    for more in (b"\n% something more\n", b"x" * 5000, b"\n%%EOF\nx"):
        assert refuses_or_returns(lambda more=more: problem(SIGNED + more), NodeError) in {
            Problem.CHANGED_AFTER_SIGNING,
            None,
        }
    assert problem(SIGNED + b"\n% something more\n") is Problem.CHANGED_AFTER_SIGNING
    assert problem(SIGNED + b"\r\n") is Problem.NONE


def test_a_hole_in_the_signed_bytes_is_found():
    """The byte range leaves out more than the signature (universal signature forgery, Mladenov et al. 2019)."""
    length, start = contents_gap(SIGNED)
    for wider in (b"[ 0 %d %d " % (length - 40, start), b"[ 0 %d %d " % (length, start + 40)):
        raw = re.sub(rb"/ByteRange\s*\[\s*0 \d+ \d+ ", b"/ByteRange " + wider, SIGNED)
        assert refuses_or_returns(lambda raw=raw: problem(raw), NodeError) is not Problem.NONE


@pytest.mark.parametrize("contents", [b"<>", b"<00>", b"null"])
def test_a_signature_that_is_taken_out_is_no_signature(contents):
    length, start = contents_gap(SIGNED)
    filled = contents.ljust(start - length, b" ")
    found = refuses_or_returns(lambda: read(SIGNED[:length] + filled + SIGNED[start:]), NodeError)
    assert all(one.problem is not Problem.NONE for one in found or ())


def test_a_kind_of_signature_that_is_not_checked_is_told_and_not_passed_over():
    other = SIGNED.replace(b"/adbe.pkcs7.detached", b"/adbe.x509.rsa_sha1 ")
    assert other != SIGNED
    assert problem(other) is Problem.UNSUPPORTED


def test_weak_digests_and_keys_do_not_count():
    assert problem(sign_pdf(bidder(rsa_bits=2048), digest="sha1")) is Problem.WEAK_ALGORITHM
    short = issue(
        name("short"), rsa_key(1024), root(), key_usage=usage("digital_signature"), constraints=None
    )
    assert problem(sign_pdf(short)) is Problem.WEAK_ALGORITHM


def test_an_encrypted_pdf_is_refused():
    writer = copy_into_new_writer(PdfFileReader(io.BytesIO(blank_pdf())))
    handler = StandardSecurityHandler.build_from_pw("owner", "user")
    writer._assign_security_handler(handler)
    writer._encrypt = writer.add_object(handler.as_pdf_object())
    out = io.BytesIO()
    writer.write(out)
    with pytest.raises(InvalidError):
        read(out.getvalue())


@pytest.mark.parametrize(
    "raw", [b"", b"%PDF-1.7", b"%PDF-1.7\n%%EOF", b"x" * 2000, SIGNED[:300], SIGNED[-1500:]]
)
def test_what_is_no_pdf_is_refused(raw):
    with pytest.raises(InvalidError):
        read(raw)


def test_form_fields_that_hold_each_other_end_in_a_refusal():
    def loop(writer):
        field = generic.DictionaryObject({pdf_name("/T"): pdf_string("a")})
        reference = writer.add_object(field)
        field[pdf_name("/Kids")] = generic.ArrayObject([reference])
        form = generic.DictionaryObject({pdf_name("/Fields"): generic.ArrayObject([reference])})
        writer.root[pdf_name("/AcroForm")] = writer.add_object(form)
        writer.update_root()

    with pytest.raises(InvalidError):
        read(updated(blank_pdf(), loop))


@settings(deadline=None, max_examples=60)
@given(spoilt_bytes(SIGNED))
def test_a_spoilt_pdf_is_refused_or_judged_and_raises_nothing_else(raw):
    for found in refuses_or_returns(lambda: read(raw), NodeError) or ():
        assert found.problem is not Problem.NONE or signed_bytes(raw) == signed_bytes(SIGNED)


def signed_bytes(raw: bytes) -> bytes:
    """All but the signature itself, which may be written in more than one way."""
    length, start = contents_gap(SIGNED)
    return raw[:length] + raw[start:]
