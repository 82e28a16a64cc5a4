"""The times of a log as nanoseconds since 1970, in the forms in which servers write them.

Each function returns `(time_ns, is_whole)`: `is_whole` says that the form has a resolution of a second. Raises ValueError.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import Final

NS_PER_S: Final = 1_000_000_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MONTHS: Final = {
    name: number
    for number, name in enumerate(["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"], 1)
}
_COMMON: Final = re.compile(r"\[?(\d\d)/([A-Z][a-z][a-z])/(\d{4}):(\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))? ([+-])(\d\d)(\d\d)\]?")
_ISO: Final = re.compile(r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,12}))? ?(?:([Zz])|([+-])(\d\d):?(\d\d))?")
_NUMBER: Final = re.compile(r"(\d{1,20})(?:\.(\d{1,12}))?")
# Seconds since 1970 have ten digits until the year 2286, milliseconds thirteen, and so on.
_UNITS: Final = ((11, NS_PER_S), (14, 1_000_000), (17, 1_000), (20, 1))

Stamp = tuple[int, bool]


@lru_cache(maxsize=65536)
def common(text: str) -> Stamp:
    """`10/Oct/2000:13:55:36 -0700`, as $time_local and %t have it."""
    found = _COMMON.fullmatch(text)
    if found is None or found[2] not in _MONTHS:
        raise ValueError(f"{text[:40]!r} is no time such as 10/Oct/2000:13:55:36 -0700")
    date = int(found[3]), _MONTHS[found[2]], int(found[1])
    zone = timezone(timedelta(hours=int(found[9]), minutes=int(found[10])) * (1 if found[8] == "+" else -1))
    return _since(text, _moment(date, (int(found[4]), int(found[5]), int(found[6])), zone), found[7])


@lru_cache(maxsize=65536)
def iso(text: str) -> Stamp:
    """`2026-01-31T12:00:00.123Z`, of RFC 3339 or ISO 8601; without a zone it is UTC."""
    found = _ISO.fullmatch(text)
    if found is None:
        raise ValueError(f"{text[:40]!r} is no time such as 2026-01-31T12:00:00+00:00")
    date = int(found[1]), int(found[2]), int(found[3])
    zone: timezone = UTC
    if found[9]:
        zone = timezone(timedelta(hours=int(found[10]), minutes=int(found[11])) * (1 if found[9] == "+" else -1))
    return _since(text, _moment(date, (int(found[4]), int(found[5]), int(found[6])), zone), found[7])


def number(text: str, unit_ns: int | None = None) -> Stamp:
    """A number since 1970, in units of so many nanoseconds; without a unit, in the one that its size says."""
    found = _NUMBER.fullmatch(text)
    if found is None:
        raise ValueError(f"{text[:40]!r} is no number since 1970")
    unit_ns = unit_ns or next((unit for digits, unit in _UNITS if len(found[1]) <= digits), 1)
    return int(found[1]) * unit_ns + _fraction(found[2], unit_ns), unit_ns == NS_PER_S and found[2] is None


def any_form(text: str) -> Stamp:
    """A time in any of these forms."""
    if text[:1].isdecimal() and (len(text) < 5 or text[4] != "-") and "/" not in text:  # noqa: PLR2004 - behind a year
        return number(text)
    return common(text) if "/" in text else iso(text)


def duration(text: str, unit_ns: int) -> int:
    """How long a request took, as ns: a number of units. `-` is 0, and of nginx's several times all are added."""
    total = 0
    for part in map(str.strip, text.replace(":", ",").split(",")):
        if part == "-":
            continue
        found = _NUMBER.fullmatch(part)
        if found is None:
            raise ValueError(f"{text[:40]!r} is no duration")
        total += int(found[1]) * unit_ns + _fraction(found[2], unit_ns)
    return total


def _fraction(digits: str | None, unit_ns: int) -> int:
    return 0 if not digits else int(digits) * unit_ns // 10 ** len(digits)


def _moment(date: tuple[int, int, int], clock: tuple[int, int, int], zone: timezone) -> datetime:
    # A leap second is the one before it: datetime knows none.
    return datetime(*date, clock[0], clock[1], min(clock[2], 59), tzinfo=zone)


def _since(text: str, time: datetime, fraction: str | None) -> Stamp:
    try:
        passed = time - _EPOCH
    except OverflowError:
        raise ValueError(f"{text[:40]!r} is beyond the years that there are") from None
    if passed.days < 0:
        raise ValueError(f"{text[:40]!r} is before 1970")
    return (passed.days * 86400 + passed.seconds) * NS_PER_S + _fraction(fraction, NS_PER_S), fraction is None
