"""`heqi record load`: years of records at once; interrupted, it goes on where it was."""

import argparse
import sys
import time
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from heqi.v1 import record_service_pb2 as pb

from adapters.systems.ocds import Summary
from node.cli.client import OperatorClient
from node.cli.output import print_json, say
from node.cli.record_source import append_messages, client_of

_DESCRIPTION = """\
成批导入历史记录：显示进度；中断后（断电、强行结束亦然）再执行同一命令，从断点继续，不丢不重；不可用的条目搁置并记明原因。
Load years of records, and see how far it is. Interrupted in any way, the same command over the same data goes on
where it was, and loses or doubles no record. What cannot be used is parked with its reason (`heqi record parked`).
大文件请用 JSON Lines（.jsonl），逐行读取。 Large exports come as JSON lines, which are read one by one.
"""
_TELL_SECONDS = 5.0


def add_arguments(commands: Any) -> None:
    """Describe the command."""
    one = commands.add_parser(
        "load",
        help="成批导入历史记录，可断点续传 | load years of records, resumable",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    one.add_argument("path", type=Path, help="OCDS 文件或目录 | file or folder of OCDS data")
    one.add_argument("--system", default="ocds", help="来源系统名 | name of the source system (default ocds)")
    one.set_defaults(run=load)


def load(args: argparse.Namespace) -> None:
    """Append what the node does not have yet."""
    summary = Summary()
    progress = _Progress(summary)
    with OperatorClient(args.home) as node:
        wanted = pb.GetLastSequenceRequest(client_id=client_of(args.path))
        last = node.call(node.records.GetLastSequence, wanted).sequence
        # The last one is sent once more: the node refuses it if the data is read in another way than then.
        messages = append_messages(args.path, args.system, summary, wait=False, first=max(last, 1))
        for answer in node.stream(node.records.AppendRecords, _read_first(messages, progress)):
            progress.note(answer.sequence, answer.accepted, is_new=answer.sequence > last)
    result = {
        "messages": progress.messages,
        "messages_before": last,
        "records": progress.records,
        "parked": progress.parked,
        "unchanged": sum(summary.unchanged.values()),
        "left_out": sum(summary.left_out.values()),
        "seconds": round(progress.seconds(), 3),
    }
    if args.json:
        print_json(result)
        return
    say(
        f"本次导入 {progress.records} 条，搁置 {progress.parked} 条；此前已有 {last} 批",
        f"loaded {progress.records} records, parked {progress.parked}; {last} messages were there before",
    )
    say(
        f"未变化 {result['unchanged']}，略去个人信息 {result['left_out']}",
        f"unchanged {result['unchanged']}, personal data left out {result['left_out']}",
    )


def _read_first(
    messages: Iterator[pb.AppendRecordsRequest], progress: "_Progress"
) -> Iterator[pb.AppendRecordsRequest]:
    """The same messages, once the source has been read: so long no stream is open."""
    progress.say("读取来源数据并按时间排序", "reading the source and putting it into the order of time")
    first = next(messages, None)
    progress.begin()
    return iter(()) if first is None else chain([first], messages)


class _Progress:
    """What the loader tells while it works, on standard error."""

    def __init__(self, summary: Summary) -> None:
        self._summary = summary
        self.messages = self.records = self.parked = 0
        self._start = self._told = time.monotonic()
        self._first_release = 0

    def begin(self) -> None:
        """Sending begins."""
        self._start = time.monotonic()
        self._first_release = self._summary.releases_given

    def seconds(self) -> float:
        """Since sending began."""
        return time.monotonic() - self._start

    def note(self, sequence: int, accepted: pb.Accepted, *, is_new: bool) -> None:
        """Count an answer, and tell now and then."""
        if is_new:
            self.messages += 1
            self.records += accepted.record_count
            self.parked += accepted.parked_count
        now = time.monotonic()
        if now - self._told < _TELL_SECONDS:
            return
        self._told = now
        given, all_ = self._summary.releases_given, self._summary.releases
        rate = self.records / max(self.seconds(), 0.001)
        left = (all_ - given) * self.seconds() / max(given - self._first_release, 1)
        minutes, seconds = divmod(round(left), 60)
        self.say(
            f"{100 * given // max(all_, 1)}%  第 {sequence} 批  {self.records} 条  {rate:.0f} 条/秒  "
            f"约余 {minutes} 分 {seconds} 秒",
            f"message {sequence}, {self.records} records, {rate:.0f}/s, about {minutes} min {seconds} s to go",
        )

    @staticmethod
    def say(chinese: str, english: str) -> None:
        """One line."""
        print(f"{chinese}  {english}", file=sys.stderr, flush=True)
