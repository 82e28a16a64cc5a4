"""A run judged by earlier ones: whether it is surely slower than they allow. Pure.

The baseline is broken where the whole 95 % interval of a primary metric lies beyond the slowdown that is allowed, with p
corrected for all primary metrics; or where more requests fail than before, by half a percent of them. So a run that may be
within the limit passes. With one export the interval knows nothing of how much runs differ; with three or more it does.

Example: at most 5 % are allowed. p99 is slower by 9 %, from 6 to 12: broken. By 9 %, from 3 to 15: not, because it may be 3 %.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from tressi.compare.answer import Settings, compared
from tressi.compare.result import FAILURES
from tressi.compare.verdict import ALPHA, FAILURE_MARGIN
from tressi.compare.words import change, metric_name, percent
from tressi.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tressi.compare.result import Comparison, Judged
    from tressi.compare.sides import Run

_NAMED: Final = 3


class Held(NamedTuple):
    """What a baseline says of a run, as a row of its thresholds; `comparison` is None where there could be none."""

    row: dict[str, Any]
    comparison: Comparison | None


def held(baseline: Sequence[Run], run: Run, max_slowdown: float) -> Held:
    """Compare a run with its baseline; `max_slowdown` is a share of 1."""
    row = {
        "threshold": f"baseline: at most {percent(max_slowdown)} slower",
        "endpointKey": None,
        "passed": None,
        "value": None,
        "limit": 100 * max_slowdown,
        "detail": "",
        "failedAt": None,
        "aborts": False,
    }
    try:
        comparison = compared(baseline, [run], Settings(max_slowdown))
    except ConfigError as error:
        return Held({**row, "detail": f"not compared: {error}"}, None)
    primary = [one for one in comparison.metrics if one.is_primary]
    known = [one for one in primary if one.estimate.low is not None]
    slowdowns = [100 * (one.estimate.ratio - 1) for one in known if one.estimate.ratio is not None]
    row["value"] = max(slowdowns, default=None)
    if comparison.blocked:
        return Held({**row, "detail": f"not judged: {comparison.blocked[0]}"}, comparison)
    broken = [one for one in known if is_broken(one, max_slowdown)]
    if broken:
        return Held({**row, "passed": False, "detail": _told(broken)}, comparison)
    if not known:
        reason = next((one.estimate.reason for one in primary if one.estimate.reason), "nothing was measured")
        return Held({**row, "detail": f"the comparison cannot tell: {reason}"}, comparison)
    return Held({**row, "passed": True, "detail": _told(sorted(known, key=_low)[-1:])}, comparison)


def is_broken(one: Judged, max_slowdown: float) -> bool:
    """Whether a primary metric is surely beyond what is allowed."""
    low, p = one.estimate.low, one.adjusted_p
    if low is None or p is None or p > ALPHA:
        return False
    return low > FAILURE_MARGIN if one.estimate.metric == FAILURES else low > 1 + max_slowdown


def _low(one: Judged) -> float:
    low = one.estimate.low or 0.0
    return low + 1 if one.estimate.metric == FAILURES else low


def _told(metrics: Sequence[Judged]) -> str:
    named = [f"{one.shown} {metric_name(one.estimate.metric)} {change(one.estimate)}" for one in metrics[:_NAMED]]
    more = f", and {len(metrics) - _NAMED} more" if len(metrics) > _NAMED else ""
    return f"{', '.join(named)}{more}"
