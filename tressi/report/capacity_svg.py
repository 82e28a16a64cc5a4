"""The picture of a search for a capacity: a percentile with its intervals against the rate, as SVG that needs nothing else."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING, Any, Final

from tressi.text import three_digits

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_WIDTH, _HEIGHT = 860, 430
_LEFT, _RIGHT, _TOP, _BOTTOM = 80, 840, 56, 370
_TONES: Final = {"held": "#1a7036", "broke": "#b3261e", "undecided": "#8a5300", "short": "#59636e"}
_WORDS: Final = {"held": "held", "broke": "broke", "undecided": "not decided", "short": "short trial"}
_HIGHEST: Final = 4.0  # times the limit; what is above stands at the edge


def svg(document: Mapping[str, Any]) -> str:
    """Draw the trials: the percentile of the first condition on one, or the share of bad starts where there is none."""
    timed = next((one for one in document["conditions"] if one["percent"] is not None), None)
    points = _points(document, timed)
    limit = timed["limitMs"] if timed else 100 * document["conditions"][0]["allowedShare"]
    top = max([1.5 * limit, *(min(one[2], _HIGHEST * limit) for one in points)])
    most = max([one[0] for one in points] or [1.0]) * 1.05
    picture = _Picture(most, top)
    unit = "ms" if timed else "%"
    title = f"p{timed['percent']:g} of the response times" if timed else "share of bad starts"
    parts = [
        *picture.axes(unit, title),
        *picture.capacity(document["capacity"]),
        *picture.limit(limit, f"{document['slo'][0]}" if timed is None else timed["text"]),
        *(part for one in points for part in picture.point(*one)),
        *picture.legend(),
    ]
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif"'
    return "\n".join(
        [
            f'{head} font-size="14" fill="#1b1f24" role="img">',
            f"<title>{escape(title)} against the rate, trial by trial</title>",
            f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#ffffff"/>',
            *parts,
            "</svg>",
        ]
    )


Point = tuple[float, float, float, float, str]


def _points(document: Mapping[str, Any], timed: Mapping[str, Any] | None) -> list[Point]:
    """Of each trial: rate, lower end, value, upper end, verdict."""
    found = []
    for one in document["trials"]:
        if timed is None:
            shares = [one[name] for name in ("low", "badShare", "high")]
            low, value, high = (None if share is None else 100 * share for share in shares)
        else:
            time = next((each for each in one["times"] if each["percent"] == timed["percent"]), None)
            low, value, high = (time["msLow"], time["ms"], time["msHigh"]) if time else (None, None, None)
        if value is not None:
            found.append((one["rps"], value if low is None else low, value, value if high is None else high, _form(one)))
    return found


def _form(trial: Mapping[str, Any]) -> str:
    """Which mark a trial has."""
    return "short" if trial["kind"] == "explore" and trial["verdict"] == "undecided" else str(trial["verdict"])


class _Picture:
    """Places on the picture, for rates up to `most` and values up to `top`."""

    def __init__(self, most: float, top: float) -> None:
        self._most, self._top = most, top

    def x(self, rps: float) -> float:
        return _LEFT + (_RIGHT - _LEFT) * min(1.0, rps / self._most)

    def y(self, value: float) -> float:
        return _BOTTOM - (_BOTTOM - _TOP) * min(1.0, value / self._top)

    def axes(self, unit: str, title: str) -> list[str]:
        parts = [f'<text x="{_LEFT}" y="{_TOP - 14}">{escape(title)}</text>']
        for value in _ticks(self._top):
            y = self.y(value)
            parts.append(f'<path d="M{_LEFT} {y:.1f}H{_RIGHT}" stroke="#e8ebef"/>')
            parts.append(f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{value:,.6g} {unit}</text>')
        parts += [
            f'<text x="{self.x(value):.1f}" y="{_BOTTOM + 20}" text-anchor="middle">{value:,.6g}</text>'
            for value in _ticks(self._most)
        ]
        middle = (_LEFT + _RIGHT) / 2
        parts.append(
            f'<text x="{middle}" y="{_HEIGHT - 14}" text-anchor="middle">requests per second that were asked for</text>'
        )
        return parts

    def capacity(self, found: Mapping[str, Any]) -> list[str]:
        """A band for the interval, and a line with the figure."""
        if found["rps"] is None:
            return []
        low, high = self.x(found["low"]), self.x(found["high"] if found["high"] is not None else self._most)
        at = self.x(found["rps"])
        said = f"{found['rps']:,.4g} RPS" if found["high"] is not None else f"at least {found['rps']:,.4g} RPS"
        anchor = "end" if at > (_LEFT + _RIGHT) / 2 else "start"
        return [
            (
                f'<rect x="{low:.1f}" y="{_TOP}" width="{max(1.0, high - low):.1f}" height="{_BOTTOM - _TOP}" fill="#1f6fd6"'
                ' fill-opacity="0.15"/>'
            ),
            f'<path d="M{at:.1f} {_TOP}V{_BOTTOM}" stroke="#1f6fd6" stroke-width="2"/>',
            (
                f'<text x="{at + (-8 if anchor == "end" else 8):.1f}" y="{_TOP + 16}" text-anchor="{anchor}" fill="#1f6fd6"'
                f' font-weight="bold">{said}</text>'
            ),
        ]

    def limit(self, value: float, words: str) -> list[str]:
        y = self.y(value)
        return [
            f'<path d="M{_LEFT} {y:.1f}H{_RIGHT}" stroke="#59636e" stroke-dasharray="6 4"/>',
            f'<text x="{_LEFT + 6}" y="{y - 6:.1f}" fill="#59636e">{escape(words)}</text>',
        ]

    def point(self, rps: float, low: float, value: float, high: float, verdict: str) -> list[str]:
        """A mark with its interval; marks differ by form too, for those who do not see the colours."""
        x, y, tone = self.x(rps), self.y(value), _TONES[verdict]
        parts = [f'<path d="M{x:.1f} {self.y(low):.1f}V{self.y(high):.1f}" stroke="{tone}" stroke-width="1.5"/>']
        if value > self._top:  # it stands at the edge, which is not where it is
            said = f"\u2191 {three_digits(value)}"
            parts.append(f'<text x="{x - 9:.1f}" y="{y + 5:.1f}" text-anchor="end" fill="{tone}">{said}</text>')
        return [*parts, _mark(x, y, verdict)]

    def legend(self) -> list[str]:
        parts, x = [], _LEFT + 330.0
        for verdict, words in _WORDS.items():
            parts.append(_mark(x, 22, verdict))
            parts.append(f'<text x="{x + 12}" y="27">{words}</text>')
            x += 24 + 9 * len(words)
        return parts


def _mark(x: float, y: float, verdict: str) -> str:
    tone = _TONES[verdict]
    if verdict == "held":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="{tone}"/>'
    if verdict == "short":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="#ffffff" stroke="{tone}" stroke-width="1.5"/>'
    if verdict == "broke":
        return f'<path d="M{x - 5:.1f} {y - 5:.1f}l10 10m0 -10l-10 10" stroke="{tone}" stroke-width="2.5"/>'
    return f'<path d="M{x:.1f} {y - 6:.1f}l6 6l-6 6l-6 -6z" fill="{tone}"/>'


def _ticks(most: float) -> Sequence[float]:
    """Round numbers from 0 up to `most`, four to eight of them."""
    step = 10 ** math.floor(math.log10(most))
    step = next(size for size in (step, step / 2, step / 5, step / 10) if most / size >= 4)  # noqa: PLR2004 - see above
    return [step * place for place in range(int(most / step + 1e-9) + 1)]
