"""What a guarantor's node and the guarantor's own e-guarantee system 保函业务系统 say to each other.

The node tells (`SystemCall`), each thing once and about one application in order; the system decides, numbers, makes
the file, and pushes that (`Decided`, `FilePushed`, `SurrenderDecided`). A push counts only as far as it fits what was
applied for: the rules are here, and nothing that breaks one changes anything.

Source: 非融资性分离式投标保函接入手册 V1.0 (订单推送, 订单状态更新, 结果推送, 文件推送, 解密通知, 退保).
"""

import enum
import hashlib
from decimal import Decimal
from typing import Annotated, Literal

import msgspec

from node.domain.calendar import beijing_date
from node.domain.encoding import Hex32, Seconds
from node.domain.guarantee import Amount
from node.domain.wallet import ApplyCall
from node.errors import BankAnswerError, SystemPushError

MAX_FILE_BYTES = 8 << 20
KIND, CURRENCY = "bid", "CNY"
"""What such a system takes: bid guarantees in yuan; everything else is left to people."""

Note = Annotated[str, msgspec.Meta(max_length=400)]
Name = Annotated[str, msgspec.Meta(max_length=200)]
Day = Annotated[str, msgspec.Meta(pattern=r"^([0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01]))?\Z")]
"""In Beijing; or nothing."""
Sum = Annotated[str, msgspec.Meta(pattern=r"^((0|[1-9][0-9]{0,15})(\.[0-9]{1,6})?)?\Z")]
"""As `Amount`; or nothing."""


# -- what the node tells ----------------------------------------------------------------------------------


class _Told(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="call"):
    """Content of a call; `call` tells which."""


class Applied(_Told, frozen=True, forbid_unknown_fields=True, tag="apply"):
    """订单推送: an application waits for a decision."""

    is_sealed: bool
    """密文: centre, section and creditor are empty, for nobody here knows them."""
    centre: Name
    section: Name
    creditor: Name
    applicant_name: Name
    applicant_code: Name
    representative: Name
    representative_phone: Name
    """Both empty where the applicant's grant does not show them."""
    amount: Amount
    """In yuan."""
    nbf: Seconds
    exp: Seconds


class Withdrawn(_Told, frozen=True, forbid_unknown_fields=True, tag="withdraw"):
    """订单状态更新: the application is over without this system's guarantee."""

    why: Literal["cancelled", "lapsed", "replaced", "refused", "issued"]
    """Taken back by the applicant · not accepted in time · applied anew · refused, or issued, by people here."""


class Opened(_Told, frozen=True, forbid_unknown_fields=True, tag="opened"):
    """解密通知: the sealed guarantee is on the ledger, and says now what it is for."""

    number: Name
    opened: Seconds
    """When the ledger took its row."""
    centre: Name
    section: Name
    creditor: Name


class SurrenderAsked(_Told, frozen=True, forbid_unknown_fields=True, tag="surrender"):
    """退保申请: the applicant wants to give the guarantee up."""

    number: Name
    asked: Seconds
    reason: Name


class SystemCall(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One thing to be told."""

    about: Hex32
    """The application: the order's number at the system."""
    step: Annotated[int, msgspec.Meta(ge=0, le=1 << 32)]
    """Its place among the calls about that application: 0 to apply, 1 withdrawn or opened, then the number of the
    guarantee's step on the ledger that asks for a surrender. It follows from the thing, so nothing is told twice."""
    told: Applied | Withdrawn | Opened | SurrenderAsked

    @property
    def kind(self) -> str:
        """The stable word of what is told."""
        return str(self.told.__struct_config__.tag)


class SystemAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a call was taken."""

    about: Hex32
    state: Literal["taken", "refused"]
    reason: Note = ""
    """Why it is refused."""


# -- what the system pushes -------------------------------------------------------------------------------


class Decided(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """结果推送."""

    about: Hex32
    is_approved: bool
    number: Name = ""
    """保函编号, with an approval."""
    issued: Seconds = 0
    """出函时间, with an approval."""
    begins: Day = ""
    ends: Day = ""
    amount: Sum = ""
    """In yuan; the manual does not ask for it. Checked where it is said."""
    note: Note = ""
    """Mandatory with a refusal; the applicant reads it."""


class FilePushed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """文件推送: the system's own file of the guarantee."""

    about: Hex32
    number: Name
    media: Literal["PDF", "OFD"]
    content: bytes
    md5: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{32}\Z")]
    sha256: Hex32


class SurrenderDecided(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """退保结果."""

    about: Hex32
    number: Name
    is_agreed: bool
    note: Note = ""


Push = Decided | FilePushed | SurrenderDecided


class CaseState(enum.Enum):
    """Where an application stands between node and system; the words are stable."""

    SENT = "sent"
    """已推送: the system decides."""
    APPROVED = "approved"
    """已通过: its file is still to come."""
    FILED = "filed"
    """已收文件: to be issued here."""
    ISSUED = "issued"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    """It is over by somebody else's doing, and the system is told so."""


UNDECIDED = frozenset({CaseState.SENT, CaseState.APPROVED, CaseState.FILED})


def check_answer(call: SystemCall, answer: SystemAnswer) -> None:
    """That an answer is to this call.

    Raises:
        BankAnswerError: it is not.
    """
    if answer.about != call.about:
        raise BankAnswerError("the answer is about another order")


def check_decision(call: ApplyCall, push: Decided) -> None:
    """That a decision is about what was applied for.

    Raises:
        SystemPushError: it is about another sum or time, or lacks what must be said.
    """
    if not push.is_approved:
        if not push.note.strip():
            raise SystemPushError("a refusal needs a note: the applicant is told why")
        return
    if not push.number.strip() or not push.issued:
        raise SystemPushError("an approval names the guarantee's number and when it was made out")
    if push.amount and Decimal(push.amount) != Decimal(call.amount):
        raise SystemPushError(f"approved are {push.amount}, applied for were {call.amount}")
    days = beijing_date(call.nbf).isoformat(), beijing_date(call.exp).isoformat()
    if (push.begins, push.ends) != days:
        raise SystemPushError(
            f"approved is {push.begins or '?'} to {push.ends or '?'}, applied for was {days[0]} to {days[1]}"
        )


def check_file(approved: Decided, push: FilePushed) -> None:
    """That a file is whole, of its kind, and of the guarantee that was approved.

    Raises:
        SystemPushError: it is not.
    """
    if push.number != approved.number:
        raise SystemPushError(f"the file is of {push.number}, approved was {approved.number}")
    if not 0 < len(push.content) <= MAX_FILE_BYTES:
        raise SystemPushError(f"a file has 1 byte to {MAX_FILE_BYTES >> 20} MiB")
    # MD5 because the manual has it; what counts is the other.
    sums = (
        hashlib.md5(push.content, usedforsecurity=False).hexdigest(),
        hashlib.sha256(push.content).hexdigest(),
    )
    if sums != (push.md5, push.sha256):
        raise SystemPushError("the file is not the one of its hashes")
    if not push.content.startswith(b"%PDF-" if push.media == "PDF" else b"PK\x03\x04"):
        raise SystemPushError(f"the file is no {push.media}")
