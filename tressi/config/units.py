"""Values that were written with a unit, or as text: what a person meant, as the number that a config takes.

Nothing is converted in silence: the message of a wrong type says what to write instead.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Final

TIMES: Final = frozenset(
    {"duration", "rampUpTime", "cooldownPeriod", "timeout", "connectTimeout", "gracefulStop", "abortDelay"}
)  # fmt: skip
RATES: Final = frozenset({"rps", "targetRps", "connectionsPerSecond"})

_SECONDS: Final = {
    "ns": Fraction(1, 10**9),
    "us": Fraction(1, 10**6),
    "µs": Fraction(1, 10**6),
    "ms": Fraction(1, 1000),
    "s": Fraction(1),
    "m": Fraction(60),
    "h": Fraction(3600),
    "d": Fraction(86_400),
}
_LONG_NAMES: Final = {
    "msec": "ms", "millis": "ms", "millisecond": "ms", "sec": "s", "second": "s", "min": "m", "minute": "m", "hr": "h",
    "hour": "h", "day": "d",
}  # fmt: skip
_NUMBER: Final = r"([0-9]+(?:\.[0-9]+)?)"
_PLAIN: Final = re.compile(rf"(-?){_NUMBER}")
_TIME_PART: Final = re.compile(rf"{_NUMBER}\s*([a-zµ]+)\s*")
_RATE: Final = re.compile(rf"{_NUMBER}\s*(?:(?:rps|req(?:uest)?s?|r)?\s*(?:/|per)\s*([a-z]+)|rps)")
_THOUSANDS: Final = re.compile(rf"{_NUMBER}\s*([km])")
_SHARE: Final = re.compile(rf"{_NUMBER}\s*%")
_WORDS: Final = {"true": "true", "yes": "true", "on": "true", "false": "false", "no": "false", "off": "false"}


def remedy(name: str, text: str, types: list[str]) -> str:
    """What to write for the property `name` instead of `text`: `; times are seconds: write 30`; empty where that is unclear."""
    if "boolean" in types and text.lower() in _WORDS:
        return f"; write {_WORDS[text.lower()]}"
    if "number" not in types and "integer" not in types:
        return ""
    meant = number_meant(name, text)
    if meant is None:
        return ""
    intro = "times are seconds: " if name in TIMES and not _PLAIN.fullmatch(text.strip()) else ""
    if "number" not in types and meant.denominator != 1:
        return "; times are whole seconds here" if name in TIMES else ""
    return f"; {intro}write {float(meant):g}" if meant.denominator != 1 else f"; {intro}write {int(meant)}"


def number_meant(name: str, text: str) -> Fraction | None:
    """The number that `text` stands for as a value of `name`, in seconds or per second; None where it is none."""
    folded = text.strip().lower().replace(",", "").replace("_", "")
    plain = _PLAIN.fullmatch(folded)
    if plain:
        return Fraction(folded)
    if name in TIMES:
        return _seconds(folded)
    if name in RATES and (rate := _RATE.fullmatch(folded)):
        unit = _unit(rate[2]) if rate[2] else "s"
        return Fraction(rate[1]) / _SECONDS[unit] if unit in _SECONDS else None
    if share := _SHARE.fullmatch(folded):
        return Fraction(share[1]) / 100
    thousands = _THOUSANDS.fullmatch(folded)
    return Fraction(thousands[1]) * (1000 if thousands[2] == "k" else 10**6) if thousands else None


def _seconds(text: str) -> Fraction | None:
    """The sum of the parts of `1m30s`."""
    total, place = Fraction(0), 0
    for part in _TIME_PART.finditer(text):
        unit = _unit(part[2])
        if part.start() != place or unit not in _SECONDS:
            return None
        total, place = total + Fraction(part[1]) * _SECONDS[unit], part.end()
    return total if place == len(text) and place else None


def _unit(word: str) -> str:
    for name in (word, word.removesuffix("s")):
        if name in _LONG_NAMES or name in _SECONDS:
            return _LONG_NAMES.get(name, name)
    return word
