"""Dates as publishers write them. A zone that the source does not give is never added."""

import contextlib
import re
from datetime import UTC, datetime

from adapters.systems.ocds.fault import FaultError
from adapters.systems.ocds.outcome import Reason
from node.domain.values import DateValue, TimeValue
from node.errors import RecordFormatError

# RFC 3339 and its common neighbours: a blank for T, small letters, no seconds, a zone without colon.
_TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2}:[0-9]{2})(:[0-9]{2})?(\.[0-9]{1,9})?"
    r" ?([Zz]|(?:[+-][0-9]{2}):?(?:[0-9]{2}))?"
)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def read_date(text: str) -> DateValue | TimeValue | None:
    """The date or time that the text surely means.

    Returns:
        A day; or a moment, where the text has a zone; or None: a time without a zone, or a form whose meaning
        would have to be guessed (30/06/2017, 2017年6月). The caller keeps such a text as it is.

    Raises:
        FaultError: BAD_DATE: a plain date or time that does not exist.
    """
    value, has_zone = _parse(text)
    return value if has_zone else None


def order_key(text: str) -> str:
    """A key that sorts releases by date.

    For the order alone a time without a zone counts as UTC and a day as its first moment. What cannot be read
    comes first: it cannot claim to be newer than a dated release.

    Raises:
        FaultError: BAD_DATE: a plain date or time that does not exist.
    """
    value, _ = _parse(text)
    if value is None:
        return ""
    if isinstance(value, DateValue):
        return value.text + "T00:00:00.000000000"
    clock, rest = value.text[:19], value.text[19:]
    fraction = rest[1:].rstrip("Z").partition("+")[0].partition("-")[0] if rest.startswith(".") else ""
    zone = rest.removeprefix("." + fraction)
    # In year 1 or 9999 the zone can lead outside the calendar: then its own clock will do.
    with contextlib.suppress(OverflowError):
        clock = datetime.fromisoformat(clock + zone).astimezone(UTC).isoformat()[:19]
    return f"{clock}.{fraction:0<9}"


def _parse(text: str) -> tuple[DateValue | TimeValue | None, bool]:
    try:
        if _DATE.fullmatch(text):
            return DateValue(text), True
        match = _TIME.fullmatch(text)
        if match is None:
            return None, False
        day, minutes, seconds, fraction, zone = match.groups()
        offset = "Z" if zone in {None, "Z", "z"} else f"{zone[:3]}:{zone[-2:]}"
        return TimeValue(f"{day}T{minutes}{seconds or ':00'}{fraction or ''}{offset}"), zone is not None
    except RecordFormatError as error:
        raise FaultError(Reason.BAD_DATE, str(error)) from None
