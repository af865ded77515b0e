"""`heqi alliance calendar`: the working days, year by year, by vote."""

import argparse
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

from heqi.v1 import alliance_service_pb2 as pb

from node.cli.client import OperatorClient
from node.cli.output import print_json, print_table, say
from node.errors import ConfigError

_EPILOG = """\
保函审单等期限按工作日计。国务院每年秋季公布次年放假调休安排，由成员表决后记入账本；未表决的年份按周一至周五计，
已开始的日子不再改变。
Periods such as the examination of a claim count working days. The State Council announces each autumn which days of
the next year are off and which weekends are worked; members vote it onto the ledger. In a year that was not voted on,
Monday to Friday are worked. Days that have begun stay what they were.

示例 | example:
  heqi alliance calendar propose --home centre-a 2026 --off 2026-01-01..2026-01-03 --worked 2026-01-04 \\
        --off 2026-02-15..2026-02-23 --worked 2026-02-14 --worked 2026-02-28 ...
  heqi alliance calendar show --home centre-b ; heqi alliance vote --home centre-b 1
"""
_MAX_SPAN_DAYS = 31


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the commands."""
    parser.epilog = _EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    one = commands.add_parser("show", help="现行与待表决的工作日历 | in force, and what is voted on")
    one.set_defaults(run=show)
    one = commands.add_parser("propose", help="提议一年的工作日 | propose the working days of a year")
    one.add_argument("year", type=int, help="年份 | the year")
    one.add_argument(
        "--off",
        action="append",
        default=[],
        metavar="DAY[..DAY]",
        help="放假日，可含周末 | days off, yyyy-mm-dd; weekends among them change nothing",
    )
    one.add_argument(
        "--worked",
        action="append",
        default=[],
        metavar="DAY",
        help="上班的周六、周日 | Saturdays and Sundays that are worked",
    )
    one.set_defaults(run=propose)
    for command in commands.choices.values():
        command.add_argument("--home", type=Path, required=True, help="节点目录 | folder of the node")
        command.add_argument("--json", action="store_true", help="机器可读 | for machines")


def show(args: argparse.Namespace) -> None:
    """List the years."""
    with OperatorClient(args.home) as node:
        found = node.call(node.alliance.ListCalendar, pb.ListCalendarRequest()).years
    if args.json:
        print_json(
            [
                {
                    "year": one.year,
                    "working_days": one.working_day_count,
                    "off": list(one.holidays),
                    "worked": list(one.worked_days),
                    "proposal": one.proposal,
                }
                for one in found
            ]
        )
        return
    rows = [
        (
            one.year,
            f"提案 proposal {one.proposal}" if one.proposal else "现行 in force",
            one.working_day_count,
            _short(one.holidays),
            _short(one.worked_days),
        )
        for one in found
    ]
    print_table(("年 year", "状态 state", "工作日 days", "工作日放假 weekdays off", "周末上班 worked"), rows)


def propose(args: argparse.Namespace) -> None:
    """Propose a year."""
    request = pb.ProposeCalendarRequest(
        year=args.year, holidays=_days(args.off), worked_days=_days(args.worked)
    )
    with OperatorClient(args.home) as node:
        node.call(node.alliance.ProposeCalendar, request)
    say("提案已进入发件箱", "the proposal is on its way; see heqi alliance calendar show")


def _days(spans: Iterable[str]) -> list[str]:
    days: list[str] = []
    for span in spans:
        first, _, last = span.partition("..")
        try:
            start, end = date.fromisoformat(first), date.fromisoformat(last or first)
        except ValueError as error:
            raise ConfigError(f"{span!r} is not yyyy-mm-dd or yyyy-mm-dd..yyyy-mm-dd") from error
        if not 0 <= (end - start).days < _MAX_SPAN_DAYS:
            raise ConfigError(f"{span!r} ends before it begins, or is longer than a month")
        days += [(start + timedelta(count)).isoformat() for count in range((end - start).days + 1)]
    return days


def _short(days: Sequence[str]) -> str:
    """Days in a row as one."""
    dates = [date.fromisoformat(day) for day in days]
    firsts = dates[:1] + [day for before, day in pairwise(dates) if day - before > timedelta(1)]
    lasts = [before for before, day in pairwise(dates) if day - before > timedelta(1)] + dates[-1:]
    spans = [
        f"{first:%m-%d}" if first == last else f"{first:%m-%d}..{last:%m-%d}"
        for first, last in zip(firsts, lasts, strict=True)
    ]
    return " ".join(spans)
