"""Sealed guarantee files as banks make them, and as attackers would like to."""

import datetime
import hashlib
from collections.abc import Callable
from typing import Any

import msgspec
from msgspec.structs import replace

from adapters.crypto import trial_ca
from adapters.crypto.organisation_seal import HeldSeal
from adapters.signatures.sealing import PyhankoSeal
from adapters.typefaces.noto import NotoSansSc
from node.domain.document import peek_document, sign_document
from node.domain.guarantee_file import Attachment, GuaranteeSeal, peek_attachment, prepare
from node.domain.guarantee_pdf import Unsealed
from node.domain.signature import Sign
from tests.support.world_bidder import Authority, credit_code

BANK_CODE = credit_code(900)
TYPEFACE = NotoSansSc()


def held_seal(authority: Authority, code: str = BANK_CODE, **terms: Any) -> HeldSeal:
    """A bank's seal by an authority; `terms` as of `trial_ca.issue`."""
    issued = trial_ca.issue(authority.root, "虚构银行股份有限公司", code, **terms)
    return HeldSeal(lambda: issued.key, (issued.der,))


def self_signed(code: str = BANK_CODE) -> HeldSeal:
    """A seal of whoever likes to call himself a bank."""
    return held_seal(Authority("自签 Nobody's"), code)


def short_lived(authority: Authority, days: float) -> HeldSeal:
    now = datetime.datetime.now(datetime.UTC)
    return held_seal(authority, start=now - datetime.timedelta(hours=1), days=days)


async def seal(unsealed: Unsealed, held: HeldSeal) -> bytes:
    """A file sealed by whoever, without the checks of a node."""
    return unsealed.filled(await PyhankoSeal(lambda: held).seal(unsealed.covered, None))


async def sealed_anew(
    raw: bytes,
    held: HeldSeal,
    sign: Sign | None = None,
    change: Callable[[Attachment], Attachment] = lambda attachment: attachment,
    **statement: Any,
) -> bytes:
    """A file made from another one's attachment.

    Args:
        raw: the other one.
        held: by which seal.
        sign: identity key that names the seal's certificate; the statement stays as it is if None.
        change: what becomes of the attachment.
        statement: other members of the statement.
    """
    attachment = change(peek_attachment(raw))
    if sign is not None:
        said = peek_document(attachment.seal, GuaranteeSeal)
        values = {"certificate": hashlib.sha256(held.chain[0]).hexdigest(), **statement}
        said = replace(said, **values)
        attachment = msgspec.structs.replace(attachment, seal=sign_document(said, sign))
    return await seal(prepare(attachment, TYPEFACE.glyph), held)
