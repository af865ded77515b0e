"""The calls of the common bank interface as JSON: the one place that knows both its names and the domain's.

Moments are yyyyMMddHHmmss and days yyyyMMdd, both in Beijing; sums are in yuan. Fields, and what the manual has that
is left out: `docs/formats/bank-envelope.md`. Source: 非融资性分离式投标保函接入手册 V1.0.
"""

import base64
import binascii
from datetime import date, datetime, timedelta, timezone
from typing import Literal, TypeVar

import msgspec

from node.domain.calendar import beijing_date
from node.domain.guarantee_system import (
    MAX_FILE_BYTES,
    Applied,
    Decided,
    FilePushed,
    Opened,
    Push,
    SurrenderAsked,
    SurrenderDecided,
    SystemAnswer,
    SystemCall,
    Withdrawn,
)
from node.errors import BankAnswerError

PATHS = {
    "apply": "/DlgOrderApply",
    "withdraw": "/DlgOrderStUpdate",
    "opened": "/DlgDecryptionNotice",
    "surrender": "/DlgSurrenderApply",
}
"""Under the system's own URL, by kind of call."""
RESULT_PATH, FILE_PATH, SURRENDER_PATH = "/DlgOrderResult", "/DlgFilePush", "/DlgSurrenderResult"
"""Where the node takes what the system pushes."""
MAX_PUSH_BYTES = 2 * MAX_FILE_BYTES
OK = "0000"
WAITING, CANCELLED, SEALED, PLAIN, APPROVED = (
    "待审核",
    "取消保函",
    "密文保函开立",
    "明文保函开立",
    "审核通过",
)
M = TypeVar("M", bound=msgspec.Struct)
_BEIJING = timezone(timedelta(hours=8))
_MOMENT, _DAY = "%Y%m%d%H%M%S", "%Y%m%d"


class OrderApply(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """DlgOrderApply 订单推送."""

    order_no: str
    order_status: str
    guarantee_type: Literal["1", "2"]
    """1 密文, 2 明文."""
    guarantee_amount: str
    guarantee_start_date: str
    guarantee_end_date: str
    valid_day: str
    principal: str
    principal_scc: str
    guarantor: str
    guarantee_file_type: Literal["PDF"] = "PDF"
    channel_no: str = ""
    template_id: str = ""
    center_name: str = ""
    block_number: str = ""
    creditor: str = ""
    legal_person_name: str = ""
    legal_person_phone: str = ""


class OrderStUpdate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """DlgOrderStUpdate 订单状态更新."""

    order_no: str
    old_order_status: str
    order_status: str
    reason: str


class DecryptionNotice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """DlgDecryptionNotice 解密通知."""

    order_no: str
    guarantee_no: str
    bid_time: str
    center_name: str
    block_number: str
    creditor: str


class SurrenderApply(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """DlgSurrenderApply 退保申请."""

    order_no: str
    guarantee_no: str
    surrender_reason: str
    surrender_time: str
    request_no: str
    """The number of the ledger's step: an applicant may ask again after a refusal."""


class Acknowledged(msgspec.Struct, frozen=True):
    """What either side answers to a call or a push."""

    order_no: str
    code: str
    """`0000`: taken; anything else: refused."""
    message: str = ""


class OrderResult(msgspec.Struct, frozen=True):
    """结果推送."""

    order_no: str
    status: Literal["1", "2"]
    """1 审核通过, 2 审核不通过."""
    guarantee_no: str = ""
    out_guarantee_time: str = ""
    guarantee_start_date: str = ""
    guarantee_end_date: str = ""
    guarantee_amount: str = ""
    note: str = ""


class FilePush(msgspec.Struct, frozen=True):
    """文件推送."""

    order_no: str
    guarantee_no: str
    file_type: Literal["PDF", "OFD"]
    file_content: str
    """base64."""
    md5: str
    sha256: str


class SurrenderResult(msgspec.Struct, frozen=True):
    """退保结果."""

    order_no: str
    guarantee_no: str
    surrender_result: Literal["1", "0"]
    """1 同意, 0 不同意. No other push has this field: which path a push comes to is not signed."""
    note: str = ""


class Address(msgspec.Struct, frozen=True):
    """What an order push says of its sender, as the system's operator has given it."""

    guarantor: str
    channel: str = ""
    template: str = ""


def write_call(call: SystemCall, sender: Address) -> str:
    """JSON text of a call."""
    order, told = call.about, call.told
    message: msgspec.Struct
    match told:
        case Applied():
            message = _apply(order, told, sender)
        case Withdrawn():
            message = OrderStUpdate(order, WAITING, CANCELLED, told.why)
        case Opened():
            place = (told.centre, told.section, told.creditor)
            message = DecryptionNotice(order, told.number, write_moment(told.opened), *place)
        case SurrenderAsked():
            asked = write_moment(told.asked)
            message = SurrenderApply(order, told.number, told.reason, asked, str(call.step))
    return msgspec.json.encode(message).decode()


def read_answer(data: str) -> SystemAnswer:
    """How the system took a call.

    Raises:
        BankAnswerError: it is no answer.
    """
    found = _decode(data, Acknowledged)
    state: Literal["taken", "refused"] = "taken" if found.code == OK else "refused"
    reason = "" if state == "taken" else f"{found.code} {found.message}".strip()[:400]
    return _convert({"about": found.order_no, "state": state, "reason": reason}, SystemAnswer)


def read_push(path: str, data: str) -> Push:
    """What the system pushes to a path.

    Raises:
        BankAnswerError: it is malformed.
    """
    if path == FILE_PATH:
        return _file(_decode(data, FilePush))
    if path == SURRENDER_PATH:
        told = _decode(data, SurrenderResult)
        said = {
            "about": told.order_no,
            "number": told.guarantee_no,
            "is_agreed": told.surrender_result == "1",
        }
        return _convert({**said, "note": told.note}, SurrenderDecided)
    result = _decode(data, OrderResult)
    said = {"about": result.order_no, "is_approved": result.status == "1", "note": result.note}
    if result.status == "1":
        said |= {
            "number": result.guarantee_no,
            "issued": read_moment(result.out_guarantee_time),
            "begins": _read_day(result.guarantee_start_date),
            "ends": _read_day(result.guarantee_end_date),
            "amount": _read_amount(result.guarantee_amount),
        }
    return _convert(said, Decided)


def write_moment(time: int) -> str:
    """A moment, seconds since 1970 UTC, as the calls have it."""
    return datetime.fromtimestamp(time, _BEIJING).strftime(_MOMENT)


def read_moment(text: str) -> int:
    """The inverse of `write_moment`.

    Raises:
        BankAnswerError: there is no such moment.
    """
    return int(_read_time(text, _MOMENT, len("20260101000000")).timestamp())


def write_day(time: int) -> str:
    """The day of a moment, as the calls have it."""
    return beijing_date(time).strftime(_DAY)


def _apply(order: str, told: Applied, sender: Address) -> OrderApply:
    days = beijing_date(told.exp) - beijing_date(told.nbf)
    return OrderApply(
        order_no=order,
        order_status=WAITING,
        guarantee_type="1" if told.is_sealed else "2",
        guarantee_amount=told.amount,
        guarantee_start_date=write_day(told.nbf),
        guarantee_end_date=write_day(told.exp),
        valid_day=str(days.days),
        principal=told.applicant_name,
        principal_scc=told.applicant_code,
        guarantor=sender.guarantor,
        channel_no=sender.channel,
        template_id=sender.template,
        center_name=told.centre,
        block_number=told.section,
        creditor=told.creditor,
        legal_person_name=told.representative,
        legal_person_phone=told.representative_phone,
    )


def _file(told: FilePush) -> FilePushed:
    try:
        content = base64.b64decode(told.file_content, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BankAnswerError("the file is not base64") from error
    said = {"about": told.order_no, "number": told.guarantee_no, "media": told.file_type}
    sums = {"md5": told.md5.lower(), "sha256": told.sha256.lower()}
    return _convert({**said, **sums, "content": content}, FilePushed)


def _read_amount(text: str) -> str:
    """Decimal(16,6) is written with all its zeros; the domain's amounts are plain."""
    return text.rstrip("0").rstrip(".") or "0" if "." in text else text


def _read_day(text: str) -> str:
    day: date = _read_time(text[:8], _DAY, 8).date()
    return day.isoformat()


def _read_time(text: str, form: str, length: int) -> datetime:
    problem = f"{text[:20]!r} is no time of the form {form}"
    if len(text) != length or not (text.isascii() and text.isdigit()):
        raise BankAnswerError(problem)
    try:
        return datetime.strptime(text, form).replace(tzinfo=_BEIJING)
    except ValueError as error:
        raise BankAnswerError(problem) from error


def _decode(data: str, kind: type[M]) -> M:
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError) as error:
        raise BankAnswerError(f"the message cannot be read: {error}") from error


def _convert(said: dict[str, object], kind: type[M]) -> M:
    try:
        return msgspec.convert(said, kind)
    except msgspec.ValidationError as error:
        raise BankAnswerError(f"the message breaks a rule: {error}") from error
