"""`heqi registration`: a centre's existing registrations, before their bidders have wallets."""

import argparse
import sys
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from heqi.v1 import record_service_pb2 as record_pb
from heqi.v1 import registration_service_pb2 as pb

from node.cli.client import OperatorClient
from node.cli.output import print_json, printable, say
from node.cli.registration_source import Message, client_of, messages_of

_EPILOG = """\
示例 | example:
  heqi registration load --home centre-a existing.jsonl --system 主体库
每行一个主体 | one subject a line:
  {"id":"10001","credit_code":"91…","records":[{"category":"subject.base","thing":"base","fields":{"credit_code":"91…"}}]}
"""
_DESCRIPTION = """\
成批导入尚无钱包的既有注册：加密存储、上日志并锚定，在交易主体以同一统一社会信用代码的证书激活之前不与任何人共享。
显示进度；中断后再执行同一命令，从断点继续，不丢不重。不可用的行列明全部错误并搁置，不影响其余各行。
Load existing registrations that have no wallet yet: stored encrypted, logged, anchored, and shared with nobody until
the bidder takes its own over, with a certificate of the same credit code. Interrupted in any way, the same command
goes on where it was. A line that cannot be used is parked with everything that is wrong with it, and stops no other.
"""
_TELL_SECONDS = 5.0
_MOST_TOLD = 200


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the commands."""
    parser.epilog = _EPILOG
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    one = commands.add_parser(
        "load",
        help="成批导入既有注册，可断点续传 | load existing registrations, resumable",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    one.add_argument(
        "path", type=Path, metavar="FILE.jsonl", help="JSON Lines，每行一个主体 | one subject a line"
    )
    one.add_argument(
        "--system", default="registry", help="来源系统名 | name of the source (default registry)"
    )
    one.add_argument("--home", type=Path, required=True, help="节点目录 | folder of the node")
    one.add_argument("--json", action="store_true", help="机器可读 | for machines")
    one.set_defaults(run=load)


def load(args: argparse.Namespace) -> int:
    """Load what the node does not have yet; 1 if something was parked."""
    progress = _Progress(args.path.stat().st_size, quiet=args.json)
    with OperatorClient(args.home) as node:
        wanted = record_pb.GetLastSequenceRequest(client_id=client_of(args.path, args.system))
        last = node.call(node.records.GetLastSequence, wanted).sequence
        sent: deque[Message] = deque()
        messages = messages_of(args.path, args.system, last + 1)
        for answer in node.stream(node.registrations.LoadRegistrations, _requests(messages, sent)):
            progress.note(sent.popleft(), answer)
    if args.json:
        print_json({"messages_before": last, **progress.totals(), "problems": progress.problems})
    else:
        totals = progress.totals()
        say(
            f"新增 {totals['added']}，变更 {totals['changed']}，未变 {totals['unchanged']}，搁置 {totals['parked']}；"
            f"此前已有 {last} 批",
            f"{totals['records']} records; {last} messages were there before",
        )
    return 1 if progress.parked else 0


def _requests(messages: Iterator[Message], sent: deque[Message]) -> Iterator[pb.LoadRegistrationsRequest]:
    for message in messages:
        sent.append(message)
        yield message.request


class _Progress:
    """What the loader tells while it works, on standard error."""

    def __init__(self, size: int, *, quiet: bool) -> None:
        self._size, self._quiet = size, quiet
        self.added = self.changed = self.unchanged = self.records = self.parked = 0
        self.problems: list[dict[str, object]] = []
        """The first of them."""
        self._start = self._told = time.monotonic()
        self._begun_at = -1

    def totals(self) -> dict[str, object]:
        """Counted so far."""
        return {
            "added": self.added,
            "changed": self.changed,
            "unchanged": self.unchanged,
            "records": self.records,
            "parked": self.parked,
            "seconds": round(time.monotonic() - self._start, 3),
        }

    def note(self, message: Message, answer: pb.LoadRegistrationsResponse) -> None:
        """Count an answer, tell what is wrong, and now and then how far it is."""
        self.added += answer.added_count
        self.changed += answer.changed_count
        self.unchanged += answer.unchanged_count
        self.records += answer.record_count
        self.parked += answer.parked_count
        for one in answer.parked:
            line = message.lines[one.place]
            if len(self.problems) < _MOST_TOLD:
                self.problems.append({"line": line, "reason": one.reason, "message": one.message})
            if not self._quiet:
                print(f"第 {line} 行 line {line} [{one.reason}]: {printable(one.message)}", file=sys.stderr)
        now = time.monotonic()
        if self._begun_at < 0:
            self._begun_at = message.end
        if now - self._told < _TELL_SECONDS:
            return
        self._told = now
        rate = self.records / max(now - self._start, 0.001)
        done = max(message.end - self._begun_at, 1)
        minutes, seconds = divmod(round((self._size - message.end) * (now - self._start) / done), 60)
        print(
            f"{100 * message.end // max(self._size, 1)}%  {self.records} 条  {rate:.0f} 条/秒  约余 {minutes} 分 "
            f"{seconds} 秒  {self.records} records, {rate:.0f}/s, about {minutes} min {seconds} s to go",
            file=sys.stderr,
            flush=True,
        )
