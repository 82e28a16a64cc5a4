"""What a threshold says, as values: two sides of numbers and metrics, and the comparison between them.

Times are milliseconds, shares are 0 to 1, as in the summary. `time` is the power of time that an expression has: 1 for a
latency, 0 for a count, a share or the quotient of two latencies. Only what has the same power can be added or compared.
"""

from __future__ import annotations

import operator
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from tressi.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


@dataclass(frozen=True, slots=True)
class Number:
    """A number as it was written, with its unit."""

    value: float
    time: int = 0


@dataclass(frozen=True, slots=True)
class Flag:
    """`true` or `false`."""

    value: bool


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure of a run or an endpoint, over the whole run or, with `window_s`, over every window of so many seconds.

    `name` is the summary's; of a latency it is which one and what of it, `serviceTime.p99`. `argument` is the percentile of
    `p(99.95)`, the status of `statusCodes(503)`, the kind of `errors(timeout)`.
    """

    name: str
    argument: str | None = None
    window_s: int | None = None
    time: int = 0
    text: str = ""


@dataclass(frozen=True, slots=True)
class Operation:
    """A sum, difference, product or quotient."""

    left: Expression
    symbol: str
    right: Expression
    time: int = 0


Expression = Number | Flag | Metric | Operation
Figure = float | bool | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """The whole condition."""

    left: Expression
    symbol: str
    right: Expression

    @property
    def window_s(self) -> int | None:
        """The longest window in it, in seconds; None where all of it is about the whole run."""
        return max((metric.window_s for metric in metrics_of(self) if metric.window_s is not None), default=None)

    def negated(self) -> Comparison:
        """The condition that holds exactly when this one does not."""
        return replace(self, symbol=_OPPOSITES[self.symbol])


@dataclass(frozen=True, slots=True)
class Outcome:
    """Whether a comparison holds, and its two sides; `holds` is None where a side has no value."""

    holds: bool | None
    left: Figure
    right: Figure


_OPPOSITES: Final[Mapping[str, str]] = {"<": ">=", ">=": "<", ">": "<=", "<=": ">", "==": "!=", "!=": "=="}
_COMPARE: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
_CALCULATE: Final[Mapping[str, Callable[[float, float], float]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}


def metrics_of(part: Comparison | Expression) -> Iterator[Metric]:
    """Every metric in it, from left to right."""
    if isinstance(part, Metric):
        yield part
    elif isinstance(part, (Comparison, Operation)):
        yield from metrics_of(part.left)
        yield from metrics_of(part.right)


def judge(comparison: Comparison, figure_of: Callable[[Metric], Figure]) -> Outcome:
    """Compare both sides, `figure_of` being what each metric is; None where it has no value."""
    left, right = _value(comparison.left, figure_of), _value(comparison.right, figure_of)
    holds = None if left is None or right is None else _COMPARE[comparison.symbol](left, right)
    return Outcome(holds, left, right)


def excess(comparison: Comparison, outcome: Outcome) -> float:
    """How far the left side lies on the wrong side of the right one; of two outcomes, the greater is the worse."""
    left, right = float(outcome.left or 0), float(outcome.right or 0)
    if comparison.symbol in {"<", "<="}:
        return left - right
    if comparison.symbol in {">", ">="}:
        return right - left
    return abs(left - right) if comparison.symbol == "==" else -abs(left - right)


def _value(expression: Expression, figure_of: Callable[[Metric], Figure]) -> Figure:
    if isinstance(expression, (Number, Flag)):
        return expression.value
    if isinstance(expression, Metric):
        return figure_of(expression)
    left, right = _value(expression.left, figure_of), _value(expression.right, figure_of)
    if left is None or right is None or (expression.symbol == "/" and right == 0):
        return None
    return _CALCULATE[expression.symbol](left, right)
