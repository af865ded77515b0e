"""`heqi guarantee check --batch`: all guarantees of a section at once, from a folder of files or a list."""

import argparse
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import msgspec
from heqi.v1 import guarantee_service_pb2 as pb

from node.cli.client import OperatorClient
from node.cli.guarantee_section import section_terms
from node.cli.output import print_json, print_table, printable
from node.config import read_file
from node.domain.batch_check import MAX_ITEMS
from node.domain.document import Document, peek_document
from node.domain.pledge import BidPledge
from node.domain.waiver import BidWaiver
from node.errors import ConfigError, NodeError

CREDIT_CODE_LENGTH = 18
_MAX_FILE_BYTES = 64 << 10
_MAX_LIST_BYTES = 64 << 20
FAULTS = {
    "NOT_VALID": "非有效",
    "UNREADABLE": "无法核验",
    "NO_TERMS": "仅有编号，无文件",
    "OTHER_SECTION": "非本标段",
    "OTHER_KIND": "种类不符",
    "OTHER_BENEFICIARY": "受益人不符",
    "OTHER_APPLICANT": "非本投标人",
    "NOT_A_BIDDER": "不在投标人名单",
    "OTHER_GUARANTOR": "担保人或编号不符",
    "OTHER_CURRENCY": "币种不符",
    "TOO_SMALL": "金额不足",
    "OVER_LEGAL_LIMIT": "超过法定上限",
    "TOO_SHORT": "有效期不足",
    "SAME_CODE": "申请码重复",
    "TWO_BIDDERS": "一函两投",
    "SHOWN_TWICE": "重复提交",
    "PLEDGE_NOT_TAKEN": "不接受承诺函",
    "OTHER_TEXT": "承诺内容不符",
    "WAIVER_NOT_TAKEN": "不接受信用减免",
    "OTHER_SCALE": "评价部门或办法不符",
    "LOW_GRADE": "等级不够",
    "NOT_ENTITLED": "非认可的评价登记方",
    "EVALUATION_ENDED": "评价不在有效期",
    "EVALUATION_WITHDRAWN": "评价已撤销",
    "EVALUATION_SUPERSEDED": "评价已更新",
    "EVALUATION_DISPUTED": "评价有异议",
    "EVALUATION_UNKNOWN": "评价现状未知，请稍后再查",
    "NOT_COMPARED": "未比对（未给出，记录中也没有）",
    "WITHOUT_SECURITY": "未提供担保",
}


class _Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pledge: Annotated[str, msgspec.Meta(max_length=_MAX_FILE_BYTES)] = ""
    waiver: Annotated[str, msgspec.Meta(max_length=_MAX_FILE_BYTES)] = ""
    file: Annotated[str, msgspec.Meta(max_length=_MAX_FILE_BYTES)] = ""
    guarantor: Annotated[str, msgspec.Meta(max_length=200)] = ""
    number: Annotated[str, msgspec.Meta(max_length=200)] = ""
    id: Annotated[str, msgspec.Meta(max_length=200)] = ""
    bidder: Annotated[str, msgspec.Meta(max_length=200)] = ""


_DECODER = msgspec.json.Decoder(_Line)


@dataclass(slots=True)
class Item:
    """One guarantee to check, and where it came from."""

    label: str
    shown: pb.ShownGuarantee
    answer: pb.CheckedItem = field(default_factory=pb.CheckedItem)


def check_batch(args: argparse.Namespace) -> int:
    """Check a batch; exit code 0 only if nothing is found but what could not be compared."""
    if not args.section:
        raise ConfigError("a batch and a waiver want --section, the number of the section")
    items = list(read_batch(args.batch)) if args.batch else [_read_one(args.file)]
    if len(items) > MAX_ITEMS:
        raise ConfigError(f"a batch has at most {MAX_ITEMS} guarantees; {args.batch} has {len(items)}")
    # What is waived in part is known before the guarantees for the rest are looked at.
    items.sort(key=lambda one: not one.shown.waiver)
    summary = pb.BatchSummary()
    with OperatorClient(args.home) as node:
        requests = _requests(args, items)
        for answer in node.stream(node.guarantees.CheckGuarantees, requests):
            if answer.HasField("summary"):
                summary = answer.summary
            else:
                items[answer.item.number].answer = answer.item
                _progress(answer.item.number + 1, len(items))
    if args.json:
        print_json(_told(items, summary))
    else:
        _show(items, summary)
    is_wrong = summary.faulty_count or any(one.fault != "NOT_COMPARED" for one in summary.findings)
    return 1 if is_wrong else 0


def read_batch(path: Path) -> Iterator[Item]:
    """The guarantees in a folder, a file each, or in a list of JSON lines.

    Raises:
        ConfigError: neither a folder nor a readable list.
    """
    if path.is_dir():
        for one in sorted(path.iterdir()):
            if one.is_file() and not one.name.startswith("."):
                yield _read_one(one)
        return
    raw = read_file(path)
    if len(raw) > _MAX_LIST_BYTES:
        raise ConfigError(f"{path} is larger than {_MAX_LIST_BYTES >> 20} MiB")
    for number, line in enumerate(raw.decode(errors="replace").splitlines(), 1):
        if line.strip():
            yield Item(f"{path.name}:{number}", read_item(line))


def _read_one(path: Path) -> Item:
    return Item(path.name, _shown(_content(path), _bidder_of(path.stem)))


def read_item(line: str) -> pb.ShownGuarantee:
    """One line of a list; what makes no sense is handed on as a file, which the node finds false.

    Args:
        line: one of `{"file": JWS}`, `{"pledge": JWS}`, `{"waiver": JWS}`, `{"guarantor": MEMBER, "number": NUMBER}`
            and `{"id": HEX}`, with `"bidder"` if known.
    """
    try:
        entry = _DECODER.decode(line.encode(errors="replace"))
    except (msgspec.MsgspecError, RecursionError):
        return _shown(line[:_MAX_FILE_BYTES].encode(errors="replace").decode())
    if entry.pledge:
        return pb.ShownGuarantee(pledge=entry.pledge, bidder_code=entry.bidder)
    if entry.waiver:
        return pb.ShownGuarantee(waiver=entry.waiver, bidder_code=entry.bidder)
    if entry.number:
        named = pb.GuaranteeNumber(guarantor=entry.guarantor, number=entry.number)
        return pb.ShownGuarantee(guarantee=pb.CheckGuaranteeRequest(number=named), bidder_code=entry.bidder)
    if entry.id:
        return pb.ShownGuarantee(
            guarantee=pb.CheckGuaranteeRequest(guarantee_id=entry.id), bidder_code=entry.bidder
        )
    return _shown(entry.file, entry.bidder)


def _shown(file: str, bidder: str = "") -> pb.ShownGuarantee:
    if _is(BidPledge, file):
        return pb.ShownGuarantee(pledge=file, bidder_code=bidder)
    if _is(BidWaiver, file):
        return pb.ShownGuarantee(waiver=file, bidder_code=bidder)
    return pb.ShownGuarantee(guarantee=pb.CheckGuaranteeRequest(file=file), bidder_code=bidder)


def is_waiver(path: Path) -> bool:
    """Whether a file holds a waiver: that is checked beside its section alone."""
    return _is(BidWaiver, _content(path))


def _is(kind: type[Document], file: str) -> bool:
    try:
        peek_document(file, kind)
    except NodeError:
        return False
    return True


def _content(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_MAX_FILE_BYTES).decode("ascii", errors="replace").strip()
    except OSError as error:
        return f"cannot read: {error.strerror}"


def _bidder_of(stem: str) -> str:
    """`<credit code>-anything.jwt` says whose bid the file lay in."""
    code = stem[:CREDIT_CODE_LENGTH]
    is_code = len(code) == CREDIT_CODE_LENGTH and code.isascii() and code.isalnum() and code.upper() == code
    return code if is_code and not stem[CREDIT_CODE_LENGTH:][:1].isalnum() else ""


def _requests(args: argparse.Namespace, items: Iterable[Item]) -> Iterator[pb.CheckGuaranteesRequest]:
    yield pb.CheckGuaranteesRequest(section=section_terms(args))
    for item in items:
        yield pb.CheckGuaranteesRequest(shown=item.shown)


def _progress(done: int, count: int) -> None:
    if sys.stderr.isatty():
        end = "\n" if done == count else ""
        print(f"\r已核验 checked {done}/{count}", end=end, file=sys.stderr, flush=True)


def _verdict(item: pb.CheckedItem) -> str:
    if item.HasField("pledge"):
        verdict = item.pledge.verdict
    elif item.HasField("waiver"):
        verdict = item.waiver.verdict
    elif item.HasField("check"):
        verdict = item.check.verdict
    else:
        return "-"
    return pb.CheckGuaranteeResponse.Verdict.Name(verdict).removeprefix("VERDICT_")


def _told(items: Iterable[Item], summary: pb.BatchSummary) -> dict[str, object]:
    return {
        "items": [
            {
                "item": item.label,
                "number": number,
                "verdict": _verdict(item.answer),
                "guarantee": item.answer.check.guarantee_id,
                "guarantor": item.answer.check.terms.guarantor,
                "guarantee_number": item.answer.check.terms.number,
                "applicant": item.answer.pledge.credit_code
                or item.answer.waiver.credit_code
                or item.answer.check.terms.applicant_code,
                "is_pledge": bool(item.shown.pledge),
                "waiver": _waiver(item.answer) if item.shown.waiver else None,
                "findings": [_finding(one) for one in item.answer.findings],
            }
            for number, item in enumerate(items)
        ],
        "bidders": [_finding(one) for one in summary.findings],
        "count": summary.count,
        "valid": summary.valid_count,
        "faulty": summary.faulty_count,
        "has_bidders": summary.has_bidders,
    }


def _waiver(item: pb.CheckedItem) -> dict[str, object]:
    told = item.waiver
    return {
        "evaluator": told.evaluator,
        "scale": told.scale,
        "grade": told.grade,
        "first_day": told.first_day,
        "last_day": told.last_day,
        "home": told.home,
        "state": told.state,
        "since": told.since_seconds,
        "evaluation_state": told.evaluation_state,
        "waived_percent": told.waived_percent,
        "reason": told.reason,
    }


def _finding(finding: pb.GuaranteeFinding) -> dict[str, object]:
    told: dict[str, object] = {
        "fault": finding.fault,
        "expected": finding.expected,
        "found": finding.found,
        "bidder": finding.bidder_code or finding.bidder_name,
    }
    if finding.other_number >= 0:
        told["other"] = finding.other_number
    return told


def _show(items: Iterable[Item], summary: pb.BatchSummary) -> None:
    rows = []
    for number, item in enumerate(items):
        terms, pledge, waiver = item.answer.check.terms, item.answer.pledge, item.answer.waiver
        named = f"{terms.guarantor}:{terms.number}" if terms.number else ""
        if item.shown.pledge:
            named = f"承诺 pledge {pledge.credit_code}"
        if item.shown.waiver:
            named = f"减免 waiver {waiver.credit_code} {waiver.grade}".rstrip()
        amount = f"{terms.amount or pledge.amount} {terms.currency or pledge.currency}".strip()
        rows.append(
            (
                number,
                item.label,
                _verdict(item.answer),
                named,
                f"-{waiver.waived_percent}%" if waiver.waived_percent else amount,
                "; ".join(map(_words, item.answer.findings)),
            )
        )
    print_table(("#", "文件 item", "结论 verdict", "保函 guarantee", "金额 amount", "问题 findings"), rows)
    for one in summary.findings:
        about = f"{one.bidder_name} {one.bidder_code}".strip()
        print(printable(f"{_words(one)}: {about}" if about else _words(one)))
    if not summary.has_bidders:
        print("投标人名单未知或未开标，未核对  the list of bidders is not known or not opened: not compared")
    print(
        f"共 {summary.count}，有效 {summary.valid_count}，有问题 {summary.faulty_count}  "
        f"{summary.count} checked, {summary.valid_count} valid, {summary.faulty_count} with findings"
    )


def _words(finding: pb.GuaranteeFinding) -> str:
    words = f"{FAULTS.get(finding.fault, '')} {finding.fault}".strip()
    if finding.other_number >= 0:
        words += f" #{finding.other_number}"
    if finding.expected or finding.found:
        words += f" ({finding.expected} ≠ {finding.found})" if finding.found else f" ({finding.expected})"
    return words
