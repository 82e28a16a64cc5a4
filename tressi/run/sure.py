"""How sure the percentiles of a run are, of each endpoint, of each flow and of all together: from the seconds that it kept.

A run's latencies lie second by second in a file, which a long run fills with a quarter of a gigabyte. They are read for a few
endpoints at a time, so that memory has a bound.
"""

from __future__ import annotations

from dataclasses import replace
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from tressi._histogram import Packed
from tressi.hdr import together
from tressi.model.pool import pools_of
from tressi.run.course import GROWTH_TAKES_S
from tressi.stats.latency import PERCENTILES
from tressi.stats.sureness import percentiles_with_confidence
from tressi.text import milliseconds
from tressi.threshold.expression import Metric, Number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from tressi.model import ResolvedConfig, ScalingDecision, Threshold, ThresholdVerdict
    from tressi.run.kept import Kept, Latencies
    from tressi.stats.sureness import Sureness

_AT_ONCE: Final = 1 << 26  # bytes of histograms
_NOTHING: Final = Packed(b"")
_SURE_TIMES: Final = frozenset({"responseTime", "duration"})


def sure_of(
    kept: Kept,
    config: ResolvedConfig,
    decisions: Sequence[ScalingDecision],
    measured_s: tuple[float, float],
    pause: Callable[[], object] = lambda: None,
) -> dict[str | None, Sureness]:
    """How sure the response times of each endpoint are, the durations of each flow, and under None all responses together.

    `measured_s` is from when to when the run was measured, from the end of its warm-up: what came in later belongs to the last
    second. Nothing is said of what had no response. `pause` is called between two endpoints, because many of them take
    seconds, in which a host application has other things to do.
    """
    begin_s, end_s = measured_s
    warm_up_s = begin_s if config.warm_up_s else None
    grown = _grown(config, decisions, end_s)
    endpoints = {endpoint.endpoint_key for endpoint in config.endpoints}
    found: dict[str | None, Sureness] = {}
    whole: dict[tuple[float, float], Packed] = {}  # by begin and length
    asked = tuple(PERCENTILES.values())
    for keys in _batches(kept, grown):
        of_all: dict[tuple[float, float], list[Packed]] = {}
        for key, payloads in _payloads(kept.latencies("response"), keys).items():
            pause()
            parts = [(begun_s, length_s, Packed(payload)) for begun_s, length_s, payload in payloads]
            found[key] = percentiles_with_confidence(filled(parts, begin_s, end_s), warm_up_s, grown[key], asked)
            if key in endpoints:
                for begun_s, length_s, histogram in parts:
                    of_all.setdefault((begun_s, length_s), []).append(histogram)
        whole |= {time: _sum(histograms, whole.get(time)) for time, histograms in of_all.items()}
    if whole:
        parts = [(*time, histogram) for time, histogram in sorted(whole.items(), key=itemgetter(0))]
        grown_s = max(grown[key] for key in endpoints)
        found[None] = percentiles_with_confidence(filled(parts, begin_s, end_s), warm_up_s, grown_s, asked)
    return found


def doubted(
    verdicts: Iterable[ThresholdVerdict], thresholds: Iterable[Threshold], sure: Mapping[str | None, Sureness]
) -> list[ThresholdVerdict]:
    """The verdicts, and of those that rest on a percentile whose interval crosses the limit that in their detail."""
    return [_doubted(verdict, threshold, sure) for verdict, threshold in zip(verdicts, thresholds, strict=True)]


def _doubted(verdict: ThresholdVerdict, threshold: Threshold, sure: Mapping[str | None, Sureness]) -> ThresholdVerdict:
    metric, limit = threshold.comparison.left, threshold.comparison.right
    if not isinstance(metric, Metric) or not isinstance(limit, Number) or metric.window_s is not None:
        return verdict
    time, _, name = metric.name.partition(".")
    known = sure.get(verdict.endpoint_key)
    if verdict.passed is None or known is None or time not in _SURE_TIMES or name not in PERCENTILES:
        return verdict
    interval = known.percentiles.get(PERCENTILES[name])
    if interval is None or interval.low_ms is None or interval.high_ms is None:
        return verdict
    if not interval.low_ms <= limit.value <= interval.high_ms:
        return verdict
    held = "held" if verdict.passed else "broken"
    bounds = f"{milliseconds(interval.low_ms)} to {milliseconds(interval.high_ms)} ms"
    return replace(verdict, detail=f"{verdict.detail}; {held}, but its interval crosses the limit: {bounds}")


def filled(parts: Iterable[tuple[float, float, Packed]], begin_s: float, end_s: float) -> list[tuple[float, Packed]]:
    """(End of the interval, its latencies) of a run from `begin_s` to `end_s`, without gaps, of (begin, length, latencies).

    An interval without any is an empty one, and what came in behind the end belongs to the last one. Parts are in the order of
    their time and have one length, but for the last.
    """
    known = [part for part in parts if part[2].count]
    if not known:
        return []
    step_s = max(length_s for _, length_s, _ in known)
    count = max(1, round((end_s - begin_s) / step_s))
    seconds = [_NOTHING] * count
    for part_s, _, histogram in known:
        place = min(count - 1, max(0, round((part_s - begin_s) / step_s)))
        seconds[place] = histogram if seconds[place] is _NOTHING else _sum([seconds[place], histogram])
    return [(begin_s + (place + 1) * step_s, histogram) for place, histogram in enumerate(seconds)]


def _grown(config: ResolvedConfig, decisions: Iterable[ScalingDecision], end_s: float) -> dict[str, float]:
    """When the ramp and the growth of each endpoint's and each flow's pool were over.

    What goes on in the second half of a run is part of how the run is: a rate that never comes to rest, or a pool that grows
    late.
    """
    grown_s: dict[str, float] = {}
    for pool in pools_of(config):
        ramp_s = 0.0 if pool.curve is None else pool.curve.points[-1][0]
        grown_s |= dict.fromkeys(pool.endpoint_keys, ramp_s if ramp_s <= end_s / 2 else 0.0)
    for decision in decisions:
        over_s = decision.timestamp + GROWTH_TAKES_S
        if decision.action == "scale-up" and over_s <= end_s / 2:
            grown_s[decision.endpoint_key] = max(grown_s[decision.endpoint_key], over_s)
    return grown_s | {one.endpoint_key: grown_s[one.flow] for one in config.endpoints if one.flow is not None}


def _batches(kept: Kept, keys: Iterable[str]) -> Iterator[set[str]]:
    """Endpoints and flows in groups of which the histograms together are short enough."""
    every = list(keys)
    groups = max(1, -(-kept.size // _AT_ONCE))
    yield from (set(every[place::groups]) for place in range(min(groups, len(every))))


def _payloads(latencies: Iterable[Latencies], keys: set[str]) -> dict[str, list[tuple[float, float, bytes]]]:
    """When each interval of an endpoint began, how long it was, and its histogram as it is kept."""
    found: dict[str, list[tuple[float, float, bytes]]] = {}
    for one in latencies:
        if one.endpoint_key in keys:
            found.setdefault(one.endpoint_key, []).append((one.start_s, one.length_s, one.payload))
    return found


def _sum(histograms: Sequence[Packed], before: Packed | None = None) -> Packed:
    """All of them as one, with those `before`."""
    return Packed(together(histograms if before is None else [before, *histograms]).zigzag())


def confidence_row(sure: Sureness | None) -> dict[str, Any]:
    """As the summary tells it: nothing of an endpoint without a response."""
    if sure is None:
        return {}
    names = {percent: name for name, percent in PERCENTILES.items()}
    ends = {names[percent]: one for percent, one in sure.percentiles.items()}
    bounds = {
        f"{name}{side}": value for name, one in ends.items() for side, value in (("Low", one.low_ms), ("High", one.high_ms))
    }
    return {
        "confidence": {
            "steadyFrom": sure.steady_from_s,
            "unsteady": sure.unsteady,
            "effectiveSamples": round(sure.effective_samples, 1),
            **bounds,
            **{f"{name}Steady": one.value_ms for name, one in ends.items()},
            "unsure": {name: {"reason": one.reason, "needsSec": one.needs_s} for name, one in ends.items() if one.reason},
        }
    }
