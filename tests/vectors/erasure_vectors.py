"""One erasure, from the wallet's request to the list of the home that answers it."""

from collections.abc import Mapping
from typing import Any

from node.domain.document import document_digest, sign_document
from node.domain.erasure import (
    AcceptedLine,
    ErasedLine,
    ErasureReceipt,
    Held,
    Line,
    Mark,
    ReceiptLine,
    encode_line,
)
from tests.vectors import wallet_calls, world
from tests.vectors.keys import p256
from tests.vectors.world import HOME, SUBJECT, WALLET

HELD_UNTIL = 1_869_868_800


def request_token() -> str:
    return sign_document(wallet_calls.erase_call(), WALLET.sign)


def receipt() -> ErasureReceipt:
    return ErasureReceipt(
        **world.common("erasure receipt"),
        iss=HOME,
        subject=SUBJECT,
        request=document_digest(request_token()).hex(),
        number=1,
        asked=wallet_calls.erase_call().iat,
        whole=False,
        erased=("subject.qualification",),
        held=(Held("access.read", HELD_UNTIL),),
    )


def receipt_token() -> str:
    return sign_document(receipt(), p256(f"{HOME} identity").sign)


def lines() -> list[Line]:
    """The list after that erasure, and after its operator answered for it."""
    at = wallet_calls.erase_call().iat
    marks, made = Mark(), list[Line]()

    def add(line: Line) -> None:
        nonlocal marks
        made.append(line)
        marks = marks.after(encode_line(line))

    add(
        ErasedLine(
            number=1,
            previous=marks.head,
            at=at,
            owner=SUBJECT,
            whole=False,
            parts=("subject.qualification/2026-03",),
            held={"access.read/2026-03": HELD_UNTIL},
            request=document_digest(request_token()).hex(),
            asked=True,
        )
    )
    add(ReceiptLine(number=2, previous=marks.head, erasure=1, receipt=receipt_token()))
    add(AcceptedLine(number=3, previous=marks.head, at=at + 86_400, size=4096, reason="磁盘损毁"))
    return made


def vectors() -> Mapping[str, Any]:
    mark, found = Mark(), []
    for line in lines():
        raw = encode_line(line)
        mark = mark.after(raw)
        found.append({"line": raw.decode().removesuffix("\n"), "end": mark.end, "head": mark.head})
    return {"lines": found}
