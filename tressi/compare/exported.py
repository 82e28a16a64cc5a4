"""The designs over finished runs: one run a side, several runs a side, and one run against several. Pure functions.

**Several runs a side.** A run gives one value of each metric: the logarithm of a percentile, or the share that failed. Requests
within a run are no repetitions, runs are (Kalibera and Jones 2013). The interval of the ratio is Welch's, the p value that of
all permutations of the runs. With 3 + 3 runs there are 20 of them, so no p below 0.1 exists.

**One run against several**, as a baseline is: is the one from the same distribution as the others? A prediction interval.

**One run a side.** Each percentile has the interval of its run, and the two become one of the ratio by MOVER on the log scale.
This interval knows nothing of how much whole runs differ. Only calibration does: several runs of one build, whose standard
deviation s widens the interval to t · s · √2 where that is wider.

Example: p99 is 12.0 ms (11.5 to 12.6) before and 12.6 ms (12.0 to 13.2) after: the ratio is 1.05, from 0.98 to 1.12.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import fmean, variance
from typing import TYPE_CHECKING, Any, Final, cast

from tressi._histogram import Packed
from tressi.compare.of_summary import confidence_of, knows, steady_value_ms, told
from tressi.compare.result import FAILURES, PERCENTS, Estimate
from tressi.compare.sides import merged
from tressi.hdr import together
from tressi.stats.combine import Difference, mover, permutation_p, welch
from tressi.stats.combine import Estimate as Sized
from tressi.stats.contrast import of_a_spread, one_of_many
from tressi.stats.interval import Interval, intervals
from tressi.stats.quantiles import normal_cdf
from tressi.stats.steady import steady_part
from tressi.stats.variance import long_run

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tressi._core import Histogram
    from tressi.compare.sides import Matched, Run

LEAST_RUNS: Final = 4
_MOST_TOGETHER: Final = 20  # endpoints, of which the seconds are added up
_LEAST_OF_A_SPREAD: Final = 3  # runs, below which a standard deviation says nothing
_Z: Final = 1.959964
TOO_FEW_RUNS: Final = f"it takes {LEAST_RUNS} runs a side: with fewer no p value below 0.05 exists"


@dataclass(frozen=True, slots=True)
class Spread:
    """How much runs of one build differ: the standard deviation of a metric's values, of so many runs."""

    deviation: float
    runs: int


Calibration = dict[tuple[str | None, str], Spread]


@dataclass(frozen=True, slots=True)
class Part:
    """One endpoint of one run, or all of them together: what estimates are made of.

    `seconds` are its response times second by second, None where the whole is all that is known. `failed` and `made` are of
    the whole run, `failures` and `attempts` of each row of the timeline. `confidence` is what the summary says of one
    endpoint's percentiles.
    """

    whole: Histogram
    seconds: Sequence[tuple[float, Packed]] | None
    failed: int
    made: int
    failures: Sequence[float] = ()
    attempts: Sequence[float] = ()
    warm_up_s: float | None = None
    steady_from_s: float | None = None
    confidence: Mapping[str, Any] | None = None

    @property
    def share(self) -> float:
        """The share of attempts that failed."""
        return self.failed / self.made if self.made else 0.0


def part_of(run: Run, keys: Sequence[str], seconds: Sequence[tuple[float, Packed]] | None = None) -> Part:
    """These endpoints of a run as one part; `seconds` are those of all of them, None where the whole is enough."""
    known = run.endpoints
    endpoints = [known[key] for key in keys]
    failed = sum(one["requestsFailed"] for one in endpoints)
    failures, attempts = _failures(run.summary, keys) if failed else ([], [])
    return Part(
        merged(run.whole[key] for key in keys),
        seconds,
        failed,
        sum(one["requestsMade"] for one in endpoints),
        failures,
        attempts,
        run.summary.get("warmUpSec"),
        _steady_from(endpoints),
        confidence_of(run, keys),
    )


def _steady_from(endpoints: Sequence[Mapping[str, Any]]) -> float | None:
    """From when on all these endpoints are steady, by the summary; None where it does not say."""
    found = [one.get("confidence", {}).get("steadyFrom") for one in endpoints]
    known = [float(one) for one in found if isinstance(one, (int, float))]
    return max(known) if len(known) == len(found) else None


def _failures(summary: Mapping[str, Any], keys: Sequence[str]) -> tuple[list[float], list[float]]:
    """How many failed and how many were made in each row of the timeline; nothing where it has not what it takes."""
    failures, attempts = [], []
    try:
        for row in summary["timeline"]:
            if row.get("warmUp"):
                continue
            figures = [row["endpoints"][key] for key in keys]
            attempts.append(sum(one["currentRps"] for one in figures))
            failures.append(sum(one["currentRps"] * one["errorRate"] for one in figures))
    except (KeyError, TypeError, AttributeError):
        return [], []
    return failures, attempts


def sure(part: Part, metrics: Sequence[str] = (*PERCENTS,)) -> tuple[Mapping[float, Interval], str | None]:
    """Each percentile with its interval, of the steady part of the run; and why there is no steady part."""
    percents = [PERCENTS[metric] for metric in metrics]
    if not part.whole.count:
        return {}, None
    if knows(part.confidence):
        found = cast("Mapping[str, Any]", part.confidence)
        return {PERCENTS[name]: told(found, name, steady_value_ms(found, name)) for name in metrics}, found["unsteady"]
    if part.seconds is None:
        values = zip(metrics, part.whole.percentiles(percents), strict=True)
        most = part.whole.max_us
        return {PERCENTS[name]: told(part.confidence, name, min(us, most) / 1e3) for name, us in values}, None
    lines, unsteady = _steady(part)
    if not lines:
        return {}, unsteady
    whole = part.whole if len(lines) == len(part.seconds) else together(lines)
    step_s = part.seconds[-1][0] / max(1, len(part.seconds))
    return intervals(whole, cast("Sequence[Histogram]", lines), len(lines) * max(1.0, step_s), percents), unsteady


def _steady(part: Part) -> tuple[list[Packed], str | None]:
    """The steady seconds of a run: as the summary says, behind the warm-up, or as they are found; and why there are none."""
    lines = part.seconds or ()
    begin_s = part.steady_from_s if part.steady_from_s is not None else part.warm_up_s
    if begin_s is not None:
        return [second for end, second in lines if end > begin_s + 0.5], None
    every = [second for _, second in lines]
    if part.confidence is not None and part.confidence.get("unsteady"):
        return every, str(part.confidence["unsteady"])
    found = steady_part(cast("Sequence[Histogram]", every))
    return every[found.cut :], found.reason


# ----------------------------------------------------------------------------------------------------- one run a side


def one_against_one(
    before: Run, after: Run, found: Matched, calibration: Calibration | None = None
) -> tuple[list[Estimate], tuple[list[tuple[str, str]], list[tuple[str, str]]]]:
    """Every metric of two runs, and of either run (key, why) of each endpoint without a steady state.

    With `calibration` the interval has the run-to-run spread in it. All endpoints together come first where there are several.
    Seconds are read only where the summary does not say how sure it is; for all endpoints together they are added up for 20 of
    them at most, since that would take longer than all others.
    """
    known, runs = calibration or {}, (before, after)
    result: list[Estimate] = []
    unsteady: tuple[list[tuple[str, str]], list[tuple[str, str]]] = ([], [])
    whole_keys = [[one.keys[side] for one in found.common] for side in (0, 1)]
    has_total = [
        1 < len(found.common) <= _MOST_TOGETHER and not knows(confidence_of(run, whole_keys[side]))
        for side, run in enumerate(runs)
    ]
    totals: list[list[tuple[float, Packed]] | None] = [None, None]
    for one in found.common:
        parts = []
        for side, run in enumerate(runs):
            key = one.keys[side]
            needed = has_total[side] or not knows(confidence_of(run, [key]))
            seconds = run.seconds[key] if needed and run.seconds is not None else None
            parts.append(part_of(run, [key], seconds))
            if has_total[side] and seconds is not None:
                totals[side] = _added(totals[side], seconds)
        estimates, reasons = _contrast(one.shown, parts[0], parts[1], known)
        result += estimates
        for side, why in enumerate(reasons):
            if why is not None:
                unsteady[side].append((one.keys[side], why))
    if len(found.common) > 1:
        whole = [part_of(run, whole_keys[side], totals[side]) for side, run in enumerate(runs)]
        result = [*_contrast(None, whole[0], whole[1], known)[0], *result]
    return result, unsteady


def _contrast(
    key: str | None, first: Part, second: Part, known: Calibration
) -> tuple[list[Estimate], tuple[str | None, str | None]]:
    """Every metric of one endpoint of two runs, and why either has no steady part."""
    spreads = {metric: known.get((key, metric)) for metric in (*PERCENTS, FAILURES)}
    (one, why), (other, why_other) = sure(first), sure(second)
    found = percentiles(key, one, other, spreads)
    return [*found, failure_share(key, first, second, spreads[FAILURES])], (why, why_other)


def _added(total: Sequence[tuple[float, Packed]] | None, seconds: Sequence[tuple[float, Packed]]) -> list[tuple[float, Packed]]:
    """The seconds of several endpoints together."""
    if total is None:
        return list(seconds)
    return [(end, packed([one, other])) for (end, one), (_, other) in zip(total, seconds, strict=False)]


def percentiles(
    key: str | None,
    one: Mapping[float, Interval],
    other: Mapping[float, Interval],
    spreads: Mapping[str, Spread | None],
    metrics: Sequence[str] = (*PERCENTS,),
) -> list[Estimate]:
    """These percentiles of two runs, by their intervals."""
    both = [(metric, PERCENTS[metric]) for metric in metrics if PERCENTS[metric] in one and PERCENTS[metric] in other]
    return [_percentile(key, metric, one[percent], other[percent], spreads.get(metric)) for metric, percent in both]


def _percentile(key: str | None, metric: str, one: Interval, other: Interval, spread: Spread | None) -> Estimate:
    values = one.value_ms, other.value_ms
    logs = [_logs(interval) for interval in (one, other)]
    if logs[0] is None or logs[1] is None:
        return Estimate(key, metric, *values, reason=one.reason or other.reason)
    found = mover(logs[0], logs[1])
    change, low, high = found.value, found.low, found.high
    # As if it were normal, each side by itself.
    edge = (change - low) if change > 0 else (high - change)
    error = edge / _Z
    p = 2 * (1 - normal_cdf(abs(change) / error)) if error > 0 else float(change == 0)
    if spread is not None:
        widened = of_a_spread(change, spread.deviation, spread.runs)
        low, high, p = min(low, widened.low), max(high, widened.high), max(p, widened.p)
    return Estimate(key, metric, *values, low=math.exp(low), high=math.exp(high), p=p)


def _logs(interval: Interval) -> Sized | None:
    if interval.low_ms is None or interval.high_ms is None or interval.low_ms <= 0:
        return None
    return Sized(math.log(interval.value_ms), math.log(interval.low_ms), math.log(interval.high_ms))


def failure_share(key: str | None, first: Part, second: Part, spread: Spread | None = None) -> Estimate:
    """The difference of two shares: Wilson's intervals with what the rows of the timeline say of their variance, by MOVER."""
    values = first.share, second.share
    if not first.made or not second.made:
        return Estimate(key, FAILURES, *values, reason="nothing was sent")
    found = mover(_wilson(first), _wilson(second))
    change, low, high = found.value, found.low, found.high
    edge = (change - low) if change > 0 else (high - change)
    p = 2 * (1 - normal_cdf(abs(change) / (edge / _Z))) if edge > 0 else float(change == 0)
    if spread is not None:
        widened = of_a_spread(change, spread.deviation, spread.runs)
        low, high, p = min(low, widened.low), max(high, widened.high), max(p, widened.p)
    return Estimate(key, FAILURES, *values, low=low, high=high, p=p)


def _wilson(part: Part) -> Sized:
    """A share with its interval (Wilson 1927), of as many attempts as independent ones would say as much."""
    share, n = part.share, float(part.made)
    if len(part.failures) >= 10 and 0 < share < 1 and sum(part.attempts) > 0:  # noqa: PLR2004 - fewer have no variance
        rate = sum(part.failures) / sum(part.attempts)
        off = [failed - rate * made for failed, made in zip(part.failures, part.attempts, strict=True)]
        independent = sum(part.attempts) / len(part.attempts) * rate * (1 - rate)
        if independent > 0:
            n /= max(1.0, long_run(off).variance / independent)
    square = _Z**2
    middle = (share + square / (2 * n)) / (1 + square / n)
    half = _Z / (1 + square / n) * math.sqrt(share * (1 - share) / n + square / (4 * n * n))
    return Sized(share, max(0.0, middle - half), min(1.0, middle + half))


# ---------------------------------------------------------------------------------------------------- several runs a side


def several(before: Sequence[Run], after: Sequence[Run], found: Matched) -> list[Estimate]:
    """Every metric of several runs a side; one of the sides may have one run where the other has three or more."""
    result = []
    for key, keys in _with_global(found):
        tables = [_values(runs, keys, offset) for runs, offset in ((before, 0), (after, len(before)))]
        result += [contrasted(key, metric, tables[0].get(metric, []), tables[1].get(metric, [])) for metric in tables[0]]
    return result


def _values(runs: Sequence[Run], keys: Sequence[Sequence[str]], offset: int) -> dict[str, list[float]]:
    """The values of each metric, one a run: logarithms of milliseconds, or shares."""
    found: dict[str, list[float]] = {}
    for place, run in enumerate(runs, offset):
        for metric, value in values_of(run_part(run, [one[place] for one in keys])).items():
            found.setdefault(metric, []).append(value)
    return found


def run_part(run: Run, keys: Sequence[str]) -> Part:
    """These endpoints of a run, with their seconds where the summary says that its beginning is not steady."""
    steady_from_s = _steady_from([run.endpoints[key] for key in keys])
    if run.seconds is None or not steady_from_s or knows(confidence_of(run, keys)):
        return part_of(run, keys)
    lines = [run.seconds[key] for key in keys]
    every = [(row[0][0], packed([second for _, second in row])) for row in zip(*lines, strict=False)]
    return part_of(run, keys, lines[0] if len(lines) == 1 else every)


def packed(seconds: Sequence[Packed]) -> Packed:
    """Several as one."""
    return Packed(together(seconds).zigzag())


def values_of(part: Part) -> dict[str, float]:
    """The value of each metric of one run; percentiles are of the steady part where the summary says when it begins."""
    if knows(part.confidence) and part.whole.count:
        known = cast("Mapping[str, Any]", part.confidence)
        logs = {metric: math.log(max(1e-3, steady_value_ms(known, metric))) for metric in PERCENTS}
        return {FAILURES: part.share, **logs}
    steady = part.whole
    if part.seconds is not None and part.steady_from_s:
        behind = [second for end, second in part.seconds if end > part.steady_from_s + 0.5]
        steady = together(behind) if behind else part.whole
    values = {FAILURES: part.share}
    if steady.count:
        figures = zip(PERCENTS, steady.percentiles(PERCENTS.values()), strict=True)
        values |= {metric: math.log(max(1.0, min(us, steady.max_us)) / 1e3) for metric, us in figures}
    return values


def contrasted(key: str | None, metric: str, before: Sequence[float], after: Sequence[float]) -> Estimate:
    """One metric by its values, one a run."""
    if not before or not after:
        return Estimate(key, metric, reason="a run has no value of it")
    shown = float if metric == FAILURES else math.exp
    values = shown(fmean(before)), shown(fmean(after))
    units = max(len(before), len(after))
    if min(len(before), len(after)) > 1:
        found, p = welch(before, after), permutation_p(before, after)
    elif units >= _LEAST_OF_A_SPREAD:
        found = one_of_many(before, after[0]) if len(after) == 1 else _reversed(one_of_many(after, before[0]))
        p = found.p
    else:
        return Estimate(key, metric, *values, reason=TOO_FEW_RUNS, units=units)
    low, high = (shown(one) for one in (found.low, found.high))
    kept = (tuple(before), tuple(after))
    return Estimate(key, metric, *values, low=low, high=high, p=p, spread=_spread(before, after), units=units, values=kept)


def _spread(before: Sequence[float], after: Sequence[float]) -> float:
    """How much the difference of one run a side varies."""
    return math.sqrt(sum(variance(side) for side in (before, after) if len(side) > 1))


def _reversed(found: Difference) -> Difference:
    return Difference(-found.value, -found.high, -found.low, found.p, found.freedom)


def calibrated(runs: Sequence[Run], found: Matched) -> Calibration:
    """How much several runs of one build differ, by endpoint and metric."""
    result: Calibration = {}
    for key, keys in _with_global(found):
        for metric, values in _values(runs, keys, 0).items():
            if len(values) >= _LEAST_OF_A_SPREAD:
                result[key, metric] = Spread(math.sqrt(variance(values)), len(values))
    return result


def _with_global(found: Matched) -> Iterator[tuple[str | None, Sequence[Sequence[str]]]]:
    """All endpoints together under None, then each; with one endpoint they are the same, and it stands alone."""
    if len(found.common) > 1:
        yield None, [one.keys for one in found.common]
    for one in found.common:
        yield one.shown, [one.keys]
