"""From the text of a threshold to its comparison. The grammar stands in `grammar.lark`, what words mean in `names.py`."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from lark import Lark, Token, Transformer, UnexpectedInput, UnexpectedToken, v_args
from lark.exceptions import VisitError

from tressi.text import plain
from tressi.threshold.expression import Comparison, Expression, Flag, Metric, Number, Operation, metrics_of
from tressi.threshold.names import UNWINDOWED_TIMES, Name, argument_mistake, names, nearest

if TYPE_CHECKING:
    from collections.abc import Mapping

# Times become milliseconds, the summary's unit.
_UNITS: Final[Mapping[str, tuple[float, int]]] = {
    "us": (1e-3, 1),
    "µs": (1e-3, 1),
    "ms": (1.0, 1),
    "s": (1e3, 1),
    "min": (60e3, 1),
    "%": (0.01, 0),
    "k": (1e3, 0),
}
_WORDS: Final[Mapping[str, str]] = {
    "COMPARATOR": "a comparison (< <= > >= == !=)",
    "SUM": "+ or -",
    "PRODUCT": "* or /",
    "NUMBER": "a number",
    "UNIT": "a unit (us, ms, s, min, % or k)",
    "FLAG": "true or false",
    "NAME": "a metric",
    "LPAR": "(",
    "RPAR": ")",
    "LSQB": "[",
    "RSQB": "]",
    "$END": "the end",
}
# Behind anything there may be more; what is missing is told better by what must come.
_OPTIONAL: Final = frozenset({"SUM", "PRODUCT", "UNIT", "LSQB", "LPAR"})
_LONGEST_WINDOW_S: Final = 3600
# Each may make the condition one level deeper, and a level takes several calls within one another.
_MOST_SIGNS: Final = 50
_SIGNS: Final = re.compile(r"[-+*/(]")


class ThresholdError(ValueError):
    """A threshold that cannot be understood, or means nothing; `str()` says why, with the place."""


@lru_cache(maxsize=256)  # one condition may stand beside each of a thousand endpoints, in every part of a report
def parse(text: str) -> Comparison:
    """Read a threshold, such as `p99[30s] < 250ms`. Raises ThresholdError."""
    signs = len(_SIGNS.findall(text))
    if signs > _MOST_SIGNS:
        raise ThresholdError(f"it has {signs} signs of + - * / and (, and may have {_MOST_SIGNS}")
    try:
        tree = _parser().parse(text)
        comparison = cast("Comparison", _Meaning().transform(tree))
    except UnexpectedInput as error:
        raise ThresholdError(_unexpected(text, error)) from None
    except VisitError as error:
        raise error.orig_exc from None
    if not any(metrics_of(comparison)):
        raise ThresholdError("names no metric: it would always give the same answer")
    _check_sides(comparison)
    return comparison


@cache
def _parser() -> Lark:
    return Lark(Path(__file__).with_name("grammar.lark").read_text(encoding="utf-8"), parser="lalr", maybe_placeholders=True)


def _unexpected(text: str, error: UnexpectedInput) -> str:
    at_end = isinstance(error, UnexpectedToken) and error.token.type == "$END"
    place = len(text) if at_end or error.pos_in_stream is None else error.pos_in_stream
    before, after = text[:place], text[place:].split()
    if after and after[0][0] in "<>=!" and any(symbol in before for symbol in "<>="):
        return f"column {place + 1}: a second comparison; write two thresholds"
    allowed = set(error.accepts if isinstance(error, UnexpectedToken) else getattr(error, "allowed", None) or ())
    if before.count("(") == before.count(")"):
        allowed.discard("RPAR")
    wanted = sorted(_WORDS[one] for one in (allowed - _OPTIONAL or allowed) if one in _WORDS)
    found = f"{plain(after[0])} stands" if after else "it ends"
    return f"column {place + 1}: {found} where {' or '.join(wanted)} is expected"


@v_args(inline=True)
class _Meaning(Transformer[Token, Any]):
    """Turns the grammar's tree into values, from the leaves up."""

    def comparison(self, left: Expression, symbol: Token, right: Expression) -> Comparison:
        return Comparison(left, str(symbol), right)

    def operation(self, left: Expression, symbol: Token, right: Expression) -> Operation:
        for side in (left, right):
            if _is_flag(side):
                raise ThresholdError(f"{_shown(side)} is true or false; nothing can be calculated with it")
        if symbol in {"*", "/"}:
            sign = 1 if symbol == "*" else -1
            return Operation(left, str(symbol), right, _time(left) + sign * _time(right))
        _check_time(left, right, "added")
        return Operation(left, str(symbol), right, _time(left))

    def number(self, digits: Token, unit: Token | None) -> Number:
        factor, time = _UNITS[unit] if unit is not None else (1.0, 0)
        value = _scaled(digits, factor)
        if not isfinite(value):
            raise ThresholdError(f"column {(digits.start_pos or 0) + 1}: the number is greater than any that can be held")
        return Number(value, time)

    def flag(self, word: Token) -> Flag:
        return Flag(word == "true")

    def argument(self, value: Token) -> str:
        return str(value)

    def window(self, digits: Token, unit: Token | None) -> int:
        factor, time = _UNITS[unit] if unit is not None else (1.0, 0)
        seconds = _scaled(digits, factor) / 1e3
        written = f"[{digits}{unit or ''}]"
        if not time:
            raise ThresholdError(f"the window {written} is no time: write [30s]")
        if not (seconds.is_integer() and 1 <= seconds <= _LONGEST_WINDOW_S):
            raise ThresholdError(f"the window {written} is not a whole number of seconds from 1s to {_LONGEST_WINDOW_S}s")
        return int(seconds)

    def metric(self, word: Token, argument: str | None, window_s: int | None) -> Metric:
        name = names().get(word)
        if name is None:
            raise ThresholdError(f"column {(word.start_pos or 0) + 1}: there is no metric {word}{nearest(word)}")
        mistake = argument_mistake(name, argument) or _window_mistake(name, window_s)
        if mistake:
            raise ThresholdError(mistake)
        shown = str(word) if argument is None else f"{word}({argument})"
        return Metric(name.full, argument, window_s, name.time, shown if window_s is None else f"{shown}[{window_s}s]")


def _scaled(digits: str, factor: float) -> float:
    # 0.1% is 0.001 and not a bit more: division is exact where multiplying by 0.01 is not.
    return float(digits) * factor if factor >= 1 else float(digits) / round(1 / factor)


def _window_mistake(name: Name, window_s: int | None) -> str | None:
    if window_s is None or name.full.partition(".")[0] not in UNWINDOWED_TIMES:
        return None
    return f"{name.full} is known of the whole run alone; leave out the window"


def _check_sides(comparison: Comparison) -> None:
    left, right = comparison.left, comparison.right
    if _is_flag(left) != _is_flag(right):
        flag = left if _is_flag(left) else right
        raise ThresholdError(f"{_shown(flag)} is true or false: compare it with == true or == false")
    if _is_flag(left) and comparison.symbol not in {"==", "!="}:
        raise ThresholdError(f"{_shown(left)} is true or false: compare it with == or !=")
    _check_time(left, right, "compared")


def _check_time(left: Expression, right: Expression, done: str) -> None:
    if _time(left) == _time(right):
        return
    for one, other in ((left, right), (right, left)):
        if isinstance(one, Number) and not one.time and _time(other) == 1:
            raise ThresholdError(
                f"{_shown(other)} is a time, and {one.value:g} has no unit: write {one.value:g}ms or {one.value / 1e3:g}s"
            )
    raise ThresholdError(f"{_shown(left)} and {_shown(right)} cannot be {done}: one is a time, the other is not")


def _time(expression: Expression) -> int:
    return 0 if isinstance(expression, Flag) else expression.time


def _is_flag(expression: Expression) -> bool:
    return isinstance(expression, Flag) or (isinstance(expression, Metric) and expression.name == "saturated")


def _shown(expression: Expression) -> str:
    if isinstance(expression, Number):
        return f"{expression.value:g}{'ms' if expression.time else ''}"
    if isinstance(expression, Flag):
        return str(expression.value).lower()
    if isinstance(expression, Metric):
        return expression.text
    return f"{_shown(expression.left)} {expression.symbol} {_shown(expression.right)}"
