"""How what went wrong may be coloured, and which endpoints stand behind a latency threshold that does not hold.

One rule for all pages. A rate that was not kept and starts that were missed are amber, as TARGET NOT MET is; requests that fail
are red from 1 % on. A threshold that is broken is red, whatever it is of.

Example: `p99 < 200ms` of all endpoints together is broken, and of three endpoints one has a p99 of 231 ms: it is that one whose
row is red.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from tressi.run.judgement import has_many_failures
from tressi.text import milliseconds, plain
from tressi.threshold.expression import Metric, Number
from tressi.threshold.parse import ThresholdError, parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tressi.run.shortfall import Limit

Tone = Literal["good", "warn", "bad", "none"]
TONES: Final[tuple[Tone, ...]] = ("good", "warn", "bad")
# The worst colour that a cause has by itself.
_WORST: Final[Mapping[str, int]] = {"rate": 1, "missed": 1, "failed": 2, "latency": 2}
# How a sentence of run.shortfall begins, and what that means for the run; any other is a shortfall.
_BEGINNINGS: Final[Mapping[str, Tone]] = {
    "target met": "good",
    "target failing": "bad",
    "users lost": "bad",
    "step of": "none",
    "as fast as": "none",
    "no attempt": "none",
    "no user started": "none",
    "the run was too short": "none",
}


SILENT_S: Final = 1.0  # of a node that is heard of several times a second


class Bound(NamedTuple):
    """A limit of a response time that does not hold: `name` is p99, max or the like, `text` the threshold as it was written.

    `endpoint_key` None: it is of all endpoints together. `is_broken`: nothing that may come changes that.
    """

    endpoint_key: str | None
    name: str
    limit_ms: float
    text: str
    is_broken: bool = True

    def is_behind(self, endpoint_key: str, value_ms: float | None) -> bool:
        """Whether an endpoint with that value stands behind it."""
        if self.endpoint_key is not None:
            return self.endpoint_key == endpoint_key
        return value_ms is not None and value_ms > self.limit_ms

    def words(self, value_ms: float | None = None) -> str:
        """What is said of such an endpoint."""
        what = f"{plain(self.text)} {'is broken' if self.is_broken else 'is at risk'}"
        return what if value_ms is None else f"{what}: {self.name} {milliseconds(value_ms)} ms"


def tone_of_cause(cause: str, level: int) -> Tone:
    """The colour of a cause: 0 that nothing is wrong, 1 that something was, 2 that it is grave."""
    return TONES[min(level, _WORST[cause])]


def tone_of_words(words: str) -> Tone:
    """What a sentence on an endpoint means for the run."""
    return next((tone for beginning, tone in _BEGINNINGS.items() if words.startswith(beginning)), "warn")


def tone_of_endpoint(endpoint: Mapping[str, Any], limit: Limit, bounds: Sequence[Bound] = (), *, is_step: bool = False) -> Tone:
    """The colour of an endpoint or a flow of a run that is over; one that kept its rate is not good where some failed."""
    if has_many_failures(endpoint) or bounds:
        return "bad"
    tone = tone_of_words(limit.words)
    is_flawed = endpoint["requestsFailed"] or (endpoint["requestsMissed"] and not is_step)
    return "warn" if is_flawed and tone in {"good", "none"} else tone


def standing_of_node(lost: str | None, lost_at_s: float | None, silent_s: float | None) -> tuple[Tone, str, str]:
    """How a machine of a run over several stands: its colour, that in words, and why. `silent_s` None: the run is over.

    A loss is amber, as it is in the verdict: what is counted stays true, and the other machines take over its share.
    """
    if lost is not None:
        return "warn", "lost" if lost_at_s is None else f"lost at {lost_at_s:.1f} s", lost
    if silent_s is None:
        return "good", "took part to the end", ""
    if silent_s > SILENT_S:
        return "warn", "silent", "nothing was heard of it in the last second"
    return "good", "running", ""


def bounds_behind(endpoint: Mapping[str, Any], bounds: Iterable[Bound]) -> list[Bound]:
    """The limits that an endpoint of a summary stands behind."""
    times, key = endpoint.get("responseTimeMs", {}), endpoint["endpointKey"]
    return [one for one in bounds if one.endpoint_key in {None, key} and one.is_behind(key, times.get(one.name))]


def broken_bounds(thresholds: Iterable[Mapping[str, Any]]) -> list[Bound]:
    """The limits of response times that are broken, of the thresholds of a summary."""
    broken = (bound_of(one["threshold"], one["endpointKey"]) for one in thresholds if one["passed"] is False)
    return [one for one in broken if one is not None]


@lru_cache(maxsize=1024)
def bound_of(text: str, endpoint_key: str | None, *, is_broken: bool = True) -> Bound | None:
    """The limit of a response time over a whole run that a threshold sets; None where it sets none."""
    try:
        comparison = parse(text)
    except ThresholdError:  # a summary may hold any text
        return None
    metric, limit = comparison.left, comparison.right
    if not isinstance(metric, Metric) or not isinstance(limit, Number) or not comparison.symbol.startswith("<"):
        return None
    time, _, name = metric.name.partition(".")
    if time != "responseTime" or metric.argument is not None:
        return None
    return Bound(endpoint_key, name, limit.value, text, is_broken)
