"""A condition of `--slo` as what a search judges by: the share of the scheduled starts that may be bad.

"p99 < 200ms" says of the starts that at most 1 % may take longer than 200 ms, fail or be missed. So every condition is a
proportion, whose sureness is known without any assumption about how latencies are distributed.

Example: of 1,000 starts 4 took 230 ms, 2 were answered with 503 in 1 ms, and 3 were missed, which counts as 300 ms. Then 9
are bad, 0.9 %, and the condition holds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tressi.threshold.expression import Comparison, Metric, Number
from tressi.threshold.names import PERCENTILE
from tressi.threshold.parse import ThresholdError, parse

if TYPE_CHECKING:
    from tressi._core import Histogram

_LOWEST_PERCENTILE, _HIGHEST_PERCENTILE = 50.0, 99.9
_TIME: Final = "responseTime"
_FAILED: Final = "errorRate"
_MISSED: Final = "missedRate"
_MIRRORED: Final = {">": "<", ">=": "<=", "<": ">", "<=": ">=", "==": "==", "!=": "!="}
_WRITE: Final = "write it as in 'p99 < 200ms' or 'errorRate < 1%'"


@dataclass(frozen=True, slots=True)
class Condition:
    """A share of the starts, above 0 and below 1, that may be bad: `text` is the condition as it was written.

    `limit_us` is the response time beyond which a start is bad; without it only failures and missed starts are. With
    `only_missed` missed starts alone are.
    """

    text: str
    share: float
    limit_us: int | None = None
    only_missed: bool = False

    @property
    def percent(self) -> float:
        """Of a condition on a percentile, which one it is."""
        return round(100 * (1 - self.share), 6)

    def bad(self, response: Histogram, failed: int, missed: int, starts: int) -> int:
        """How many of so many starts were bad. `response` has every start that was answered, timed out or missed.

        A failure that took too long is counted once where all starts are bad, else twice: which they were is not known.
        """
        if self.only_missed:
            return min(starts, missed)
        if self.limit_us is None:
            return min(starts, failed + missed)
        late = response.count - response.counts_up_to((self.limit_us,))[0]
        return min(starts, late + failed)


def condition_of(text: str) -> Condition:
    """Read a condition. Raises ThresholdError, with the reason, for one that is no share of starts."""
    metric, limit = _sides(parse(text))
    if metric.window_s is not None:
        raise ThresholdError(f"{metric.text} has a window, and a trial is judged as a whole: leave [{metric.window_s}s] out")
    if metric.name in {_FAILED, _MISSED}:
        if not 0 < limit.value < 1:
            raise ThresholdError(f"{metric.text} is a share of the starts: its limit lies between 0 and 100 %")
        return Condition(text, limit.value, only_missed=metric.name == _MISSED)
    time, _, statistic = metric.name.partition(".")
    percent = _percent(statistic, metric.argument)
    if time != _TIME or percent is None:
        raise ThresholdError(
            f"{metric.text} is no share of the starts: a capacity is found for percentiles of response times"
            " (p50 to p99.9), for errorRate and for missed"
        )
    if not _LOWEST_PERCENTILE <= percent <= _HIGHEST_PERCENTILE:
        raise ThresholdError(f"{metric.text} is not from p50 to p99.9")
    if limit.value <= 0:
        raise ThresholdError("no response takes less than no time: the limit must be above 0")
    # 100 - 99.9 in binary is not quite 0.1.
    return Condition(text, round(1 - percent / 100, 9), limit_us=round(limit.value * 1e3))


def _sides(comparison: Comparison) -> tuple[Metric, Number]:
    """The metric and its upper limit. Raises ThresholdError where the condition is of another form."""
    left, symbol, right = comparison.left, comparison.symbol, comparison.right
    if isinstance(left, Number):
        left, symbol, right = right, _MIRRORED[symbol], left
    if not isinstance(left, Metric) or not isinstance(right, Number):
        raise ThresholdError(f"it compares more than one metric with one number: {_WRITE}")
    if symbol not in {"<", "<="}:
        raise ThresholdError(f"{symbol} sets no upper limit: {_WRITE}")
    return left, right


def _percent(statistic: str, argument: str | None) -> float | None:
    """The percentile that a statistic is, from 0 to 100; None where it is none. p999 is p99.9."""
    if statistic == PERCENTILE and argument is not None:
        return float(argument)
    if not (statistic.startswith(PERCENTILE) and statistic[1:].isdecimal()):
        return None
    digits = statistic[1:]
    return float(digits) / math.pow(10, len(digits) - 2)
