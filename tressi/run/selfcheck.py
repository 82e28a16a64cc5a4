"""Was the generator, not the target, the bottleneck? A pure decision over two readings of an engine.

Five rules, each with the measure it watches, its limit, and the figures that it spoils where it is broken. They are of
the time between the two readings alone: a generator that was slow in its first second is not blamed in its tenth.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from tressi._core import Histogram

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tressi.model import EngineSnapshot, GeneratorSnapshot

Rule = Literal["cpu", "own-delay", "late-sends", "missed-late", "standstill"]

CPU_LIMIT_PERCENT: Final = 95.0
DELAY_FLOOR_MS: Final = 1.0
DELAY_SHARE_OF_SERVICE: Final = 0.10
MISSED_LATE_LIMIT_PERCENT: Final = 0.5
# An engine closes its windows every 100 ms, if it can do nothing else.
STANDSTILL_LIMIT_S: Final = 0.5

# {value} and {limit} are filled in with the finding's own.
_WORDS: Final[Mapping[Rule, str]] = {
    "cpu": "the engine's thread used its core, or waited for one, {value:.0f} % of the time (limit {limit:.0f} %)",
    "own-delay": "p99 of the own delay was {value:.3g} ms (limit {limit:.3g} ms)",
    "late-sends": "p99 of the late sends was {value:.3g} ms (limit {limit:.3g} ms)",
    "missed-late": "{value:.2g} % of the starts were missed while a lane was free (limit {limit:.2g} %)",
    "standstill": "an engine did nothing for {value:.1f} s (limit {limit:.1g} s): it was stopped, or got no core",
}
_SPOILS: Final[Mapping[Rule, str]] = {
    "cpu": "rates may be the generator's limit, not the target's",
    "own-delay": "service times where the clock is not the kernel's, and the rate of busy lanes",
    "late-sends": "the spacing of the starts; latencies stay true",
    "missed-late": "the rate: it fell short through the generator, not the target",
    "standstill": "the rate: nothing was sent or read meanwhile, nor counted as missed before the engine went on",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken rule: the measure's `value` and the `limit` it reached, in the unit that the rule says."""

    rule: Rule
    value: float
    limit: float

    def __str__(self) -> str:
        return f"{_WORDS[self.rule].format(value=self.value, limit=self.limit)}; it spoils: {_SPOILS[self.rule]}"

    @property
    def excess(self) -> float:
        """How many times the limit was reached, to tell which of several seconds was the worst."""
        return self.value / self.limit


def check_generator(earlier: EngineSnapshot, later: EngineSnapshot) -> tuple[Finding, ...]:
    """Every rule that the engine broke between two of its readings; none where no time passed between them."""
    if later.time_s <= earlier.time_s:
        return ()
    limit_ms = max(DELAY_FLOOR_MS, DELAY_SHARE_OF_SERVICE * _median_service_ms(earlier, later))
    before, after = earlier.generator, later.generator
    return (
        *_reached("cpu", _busy_percent(earlier, later), CPU_LIMIT_PERCENT),
        *_exceeded("own-delay", _p99_ms(after.own_delay.since(before.own_delay)), limit_ms),
        *_exceeded("late-sends", _p99_ms(after.late_sends.since(before.late_sends)), limit_ms),
        *_reached("missed-late", _missed_late_percent(earlier, later), MISSED_LATE_LIMIT_PERCENT),
        *_reached("standstill", _standstill_s(earlier, later), STANDSTILL_LIMIT_S),
    )


def _reached(rule: Rule, value: float, limit: float) -> Iterable[Finding]:
    return (Finding(rule, value, limit),) if value >= limit else ()


def _exceeded(rule: Rule, value: float, limit: float) -> Iterable[Finding]:
    return (Finding(rule, value, limit),) if value > limit else ()


def _busy_percent(earlier: EngineSnapshot, later: EngineSnapshot) -> float:
    """CPU and wait for it of the busiest engine: one that is at its limit is not helped by others that are not."""
    busy_s = max((now - then for then, now in _engines(earlier, later)), default=0.0)
    return 100 * busy_s / (later.time_s - earlier.time_s)


def _standstill_s(earlier: EngineSnapshot, later: EngineSnapshot) -> float:
    """The time between the readings, where one of the engines used none of it; else 0."""
    # Where the system tells no thread's CPU time it is 0 throughout.
    stands = any(now == then > 0 for then, now in _engines(earlier, later))
    return later.time_s - earlier.time_s if stands else 0.0


def _engines(earlier: EngineSnapshot, later: EngineSnapshot) -> list[tuple[float, float]]:
    """How long each engine that is still there had been at work, or waited for its core, by the two readings."""
    pairs = zip(_parts(earlier.generator), _parts(later.generator), strict=False)
    return [(then, now) for then, now in pairs if then is not None and now is not None]


def _parts(generator: GeneratorSnapshot) -> tuple[float | None, ...]:
    """Of each engine; those that report no parts of their own are one."""
    return generator.busy_s or (generator.cpu_s + generator.run_queue_s,)


def _p99_ms(histogram: Histogram) -> float:
    return min(histogram.percentile(99), histogram.max_us) / 1e3


def _median_service_ms(earlier: EngineSnapshot, later: EngineSnapshot) -> float:
    """Of the responses of all endpoints between the readings; 0 without any."""
    before, after = Histogram(), Histogram()
    # Added up first: a difference for each of a thousand endpoints is the dearest part of a second.
    for key, endpoint in later.endpoints.items():
        after.merge(endpoint.service)
        if key in earlier.endpoints:
            before.merge(earlier.endpoints[key].service)
    return after.since(before).percentile(50) / 1e3


def _missed_late_percent(earlier: EngineSnapshot, later: EngineSnapshot) -> float:
    """Starts missed through the generator's own lateness, of those scheduled between the readings; 0 without a schedule."""
    missed = sum(after.missed_late for after in later.endpoints.values())
    missed -= sum(before.missed_late for before in earlier.endpoints.values())
    scheduled = sum(after.scheduled for after in later.endpoints.values())
    scheduled -= sum(before.scheduled for before in earlier.endpoints.values())
    # A burst may settle in a reading after the one in which its starts were due: never more than all of them.
    return 100 * min(1.0, missed / max(scheduled, 1.0))
