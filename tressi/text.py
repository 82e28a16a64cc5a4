"""How values are shown to a person: harmless, short, with the digits that matter."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_FOUR_DIGITS = 1000
_THREE_DIGITS = 100
# From which value on so many decimal places are three digits.
_PLACES = ((0, 100.0), (1, 10.0), (2, 1.0))
_BYTE = 0xFF
_NO_CHARACTER = 0xFFFE  # the last two code points of each plane; no XML may hold U+FFFE and U+FFFF
_TAB = 4
_OBEYED = re.compile(
    rb"\x7f|\xc2[\x80-\x9f]"  # DEL, C1
    rb"|\xd8\x9c|\xe2\x80[\x8b-\x8f\xa8-\xae]|\xe2\x81[\xa0-\xaf]|\xef\xbb\xbf"  # U+061C, 200B-200F, 2028-202E, 2060-206F, FEFF
)
_BEYOND = 10
_NUMBERED = re.compile(r" #[0-9]+\Z")
_LONGEST_LABEL = 80
# A run that is shorter than one slot of the window has no rate that means something.
SHORTEST_S = 0.1


def plain(text: str) -> str:
    """Show control characters, escape sequences and direction marks as code points instead of obeying them."""
    return text if text.isprintable() else "".join(_shown(character) for character in text)


def plain_lines(text: str) -> str:
    """The same of a text of several lines, which stays one: a line end is one, a tab is four spaces."""
    lines = text.replace("\r\n", "\n").expandtabs(_TAB).split("\n")
    return "\n".join(plain(line) for line in lines)


def harmless_json(data: bytes) -> bytes:
    """The same JSON, with the characters escaped that a terminal or an editor would obey: C1 controls and direction marks.

    JSON has them raw in strings, and escapes the C0 controls itself. No part of another character looks like one in UTF-8.
    """
    return _OBEYED.sub(lambda found: b"\\u%04x" % ord(found[0].decode()), data)


def _shown(character: str) -> str:
    # Cc: controls, Cf: marks that reorder what is read, Cs: halves of surrogate pairs, Zl and Zp: other ends of lines.
    is_mark = unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"}
    if is_mark or ord(character) & _NO_CHARACTER == _NO_CHARACTER:
        return f"\\x{ord(character):02x}" if ord(character) <= _BYTE else f"\\u{ord(character):04x}"
    return character


def common_origin(endpoint_keys: Iterable[str]) -> str:
    """The origin (`http://host:port`) that every endpoint key's URL begins with, or "" where they differ."""
    origins = {_origin(key) for key in endpoint_keys}
    return origins.pop() if len(origins) == 1 else ""


def _origin(endpoint_key: str) -> str:
    scheme, found, rest = endpoint_key.partition(" ")[2].partition("://")
    return f"{scheme}://{rest.partition('/')[0]}" if found else ""


def short_key(endpoint_key: str, origin: str) -> str:
    """An endpoint key as it is shown: harmless, and without the origin that all have."""
    shown = endpoint_key.replace(origin, "", 1) if origin else endpoint_key
    return plain(shown if shown.strip().count(" ") else f"{shown} /")


def labels(names: Mapping[str, str | None]) -> dict[str, str]:
    """How endpoints are shown, by key: by the config's name, else by the key without the origin that all have.

    `names` are all endpoints of a run. A name that could be taken for another endpoint's has the key beside it. A request that
    several steps of flows send has its number there, as its key has: `item`, `item #2`.
    """
    origin = common_origin(names)
    shorts = {key: short_key(key, origin) for key in names}
    shown = {key: plain(name) if name and name.strip() else shorts[key] for key, name in names.items()}
    for alike in _repeated(names):
        shown |= {key: f"{shown[key]}{_number_of(key)}" for key in alike}
    often = Counter(shown.values())
    others = Counter(shorts.values())
    return {
        key: label if label == shorts[key] or (often[label] == 1 and not others[label]) else f"{label} ({shorts[key]})"
        for key, label in shown.items()
    }


def _repeated(names: Mapping[str, str | None]) -> Iterable[list[str]]:
    """The keys that have one name, where they differ by their numbers alone."""
    named: dict[str, list[str]] = {}
    for key, name in names.items():
        if name and name.strip():
            named.setdefault(name, []).append(key)
    for keys in named.values():
        if len(keys) > 1 and len({key.removesuffix(_number_of(key)) for key in keys}) == 1:
            yield keys


def _number_of(key: str) -> str:
    """The end of a repeated key, such as ` #2`; nothing of the first one."""
    found = _NUMBERED.search(key)
    return found[0] if found else ""


def summary_labels(summary: Mapping[str, Any]) -> dict[str, str]:
    """How the endpoints of a summary are shown, by key, and its flows."""
    shown = labels({endpoint["endpointKey"]: endpoint["name"] for endpoint in summary["endpoints"]})
    return shown | {flow["endpointKey"]: plain(flow["endpointKey"]) for flow in summary.get("flows", ())}


def run_words(name: str | None, given: Mapping[str, str], longest: int = _LONGEST_LABEL) -> str:
    """What a run is called and found by, in a line: `checkout (branch=main, git=4f2a9c1)`; "" of one that says neither.

    Each text is cut behind `longest` characters.
    """
    told = ", ".join(f"{_cut(plain(key), longest)}={_cut(plain(value), longest)}" for key, value in given.items())
    words = "" if name is None else _cut(plain(name), longest)
    return f"{words} ({told})" if words and told else words or told


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def rate(value: float | None) -> str:
    """A rate; None is "max": nothing limits it."""
    if value is None:
        return "max"
    return f"{value:.0f}" if value >= _FOUR_DIGITS else f"{value:.1f}"


def came_in(made: int, rps: float, lasted_s: float) -> str:
    """How many requests came in how long, and at what rate; no rate where that was less than one slot of the window."""
    if lasted_s < SHORTEST_S:
        return f"{made:,} requests in less than {SHORTEST_S:g} s"
    return f"{made:,} requests in {lasted_s:.1f} s ({rate(rps)} RPS)"


def milliseconds(value: float | None) -> str:
    """A latency in milliseconds, three digits of it, or a dash where there is none."""
    if value is None:
        return "-"
    return f"{value:.0f}" if value >= _THREE_DIGITS else f"{value:.3g}"


def three_digits(value: float | None) -> str:
    """A figure as every column of the terminal has it: three digits, all of those before the point, with separators.

    No digit finer than a thousandth: latencies in milliseconds are known to the microsecond. A dash where there is none.
    """
    if value is None:
        return "-"
    if not value:
        return "0"
    # What rounds up to ten has one place less, as ten has.
    places = next((places for places, least in _PLACES if round(abs(value), places) >= least), 3)
    return f"{value:,.{places}f}"


def shortened(label: str, width: int) -> str:
    """A label in `width` cells: what is left out is in the middle, because both ends of a URL say what it is."""
    from rich.cells import cell_len, set_cell_size  # noqa: PLC0415 - only what draws needs the widths of characters

    if cell_len(label) <= width:
        return label
    head = set_cell_size(label, max(0, width - 1) // 3)
    tail, room = "", width - 1 - cell_len(head)
    for character in reversed(label):
        if cell_len(character + tail) > room:
            break
        tail = character + tail
    return f"{head}…{tail}"


def percentile_ms(value: float | None, count: int, percent: float) -> str:
    """A percentile of `count` latencies, or a dash where so few cannot carry it."""
    return milliseconds(value if carries(count, percent) else None)


def carries(count: int, percent: float) -> bool:
    """Whether `count` values carry a percentile: ten of them lie beyond it, n >= 10 / (1 - p).

    1,000 carry p99, 20 a median. With fewer, a percentile is the value of a few outliers and differs from run to run.
    """
    # Rounded because 100 - 99.9 is less than 0.1 in binary.
    return count * round(100 - percent, 6) >= 100 * _BEYOND


def counted(number: int, noun: str) -> str:
    """A number of things, in words: `1 endpoint`, `3 endpoints`."""
    return f"{number:,} {noun}{'s' * (number != 1)}"


def some_of(some: int, many: int, noun: str) -> str:
    """So many of all, in words: `the threshold`, `all 2 thresholds`, `1 of 2 thresholds`."""
    if some == many:
        return f"all {counted(many, noun)}" if many > 1 else f"the {noun}"
    return f"{some:,} of {counted(many, noun)}"
