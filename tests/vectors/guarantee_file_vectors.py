"""The sealed file of the guarantee in the made-up alliance, up to the seal, which no two signers make the same."""

import hashlib
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import msgspec

from adapters.typefaces.noto import SHA256, NotoSansSc
from node.domain.descriptor import open_card
from node.domain.document import sign_document
from node.domain.encoding import canonical_json
from node.domain.guarantee_file import FORMAT, Attachment, GuaranteeSeal, OpenedFile, open_file, prepare
from node.domain.guarantee_page import characters, compose, lines_of
from node.domain.guarantee_pdf import MAX_SEAL_BYTES, Unsealed
from tests.vectors import authority, guarantee_story, world
from tests.vectors.world import ALLIANCE, GUARANTOR

TYPEFACE = NotoSansSc()
SHOWN_BADLY = "甲\u202e乙 \u3000𠮷"
"""A direction mark, an ideographic space, and a character that the typeface does not have."""


def statement() -> GuaranteeSeal:
    return GuaranteeSeal(
        **world.common("guarantee seal"),
        iss=GUARANTOR,
        guarantee=guarantee_story.issued_id().hex(),
        credit_code=authority.CREDIT_CODE,
        certificate=hashlib.sha256(authority.bidder().der).hexdigest(),
    )


def attachment() -> Attachment:
    return Attachment(
        format=FORMAT,
        alliance=ALLIANCE,
        contract=world.contract("Guarantees").hex(),
        guarantee=guarantee_story.issued_id().hex(),
        document=guarantee_story.guarantee_token(),
        seal=sign_document(statement(), world.identity(GUARANTOR).sign),
    )


@cache
def unsealed() -> Unsealed:
    return prepare(attachment(), TYPEFACE.glyph)


def sealed() -> bytes:
    """Under something in the form of a seal."""
    return unsealed().filled(b"\x30\x82\x01\x00" + bytes(range(256)))


def opened(raw: bytes) -> OpenedFile:
    """As whoever knows the members opens it."""
    members = {GUARANTOR: open_card(world.card_token(GUARANTOR))}
    return open_file(
        raw, TYPEFACE.glyph, alliance=ALLIANCE, members=members, verifier=world.contract("ES256Verifier")
    )


def _objects(before: bytes) -> str:
    """One object of each kind, the middle of the long ones left out."""
    found = re.findall(rb"\d+ 0 obj\n.*?(?:\nendobj\n|\Z)", before, re.DOTALL)
    font = next(place for place, one in enumerate(found) if b"/Type3" in one)
    page = next(place for place, one in enumerate(found) if b"/Type/Page/" in one)
    wanted = [*found[:5], *found[font : font + 3], *found[page : page + 2], found[-1]]
    return "".join(map(_shortened, wanted)) + "\n"


def _shortened(content: bytes) -> str:
    text = content.decode()
    return text if len(text) < 1_000 else f"{text[:430]}…{text[-190:]}"


def guarantee_file() -> Mapping[str, Any]:
    typeface, told, whole = TYPEFACE, attachment(), unsealed()
    lines = lines_of(
        msgspec.to_builtins(guarantee_story.guarantee()),
        told.guarantee,
        told.contract,
        msgspec.to_builtins(statement()),
    )
    glyph = typeface.glyph("一")
    assert glyph is not None
    return {
        "typeface": SHA256,
        "glyph": {"character": "一", "advance": glyph.advance, "outline": glyph.outline.decode()},
        "spelled": {"text": SHOWN_BADLY, "drawn": characters(SHOWN_BADLY, typeface.glyph)},
        "statement": canonical_json(msgspec.to_builtins(statement())).decode(),
        "attachment": canonical_json(msgspec.to_builtins(told)).decode(),
        "lines": [[line.chinese, line.english, line.value] for line in lines],
        "runs": [[run.x, run.y, run.size, run.text] for run in compose(lines, typeface.glyph)[0]],
        "before": {"bytes": len(whole.before), "sha256": hashlib.sha256(whole.before).hexdigest()},
        "objects": _objects(whole.before),
        "seal_bytes": MAX_SEAL_BYTES,
        "after": {"bytes": len(whole.after), "sha256": hashlib.sha256(whole.after).hexdigest()},
        "end": whole.after[-260:].decode(),
    }
