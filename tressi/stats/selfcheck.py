"""Did the generator cost the run rate or truth? Pure decisions over two readings of an engine, or over a whole run.

There are three levels. A second is **limited** when one of the four rules below is broken in it: then starts were not sent,
or figures may not be the target's. Only this is called GENERATOR LIMITED. A run is **late** when many of its starts were sent
late: a remark, because no latency and no count is affected. Everything else is a figure without a sentence: a thread that
waits for its core on a busy machine, and sends or reads a little later than it would on an idle one, costs nothing.

Example: in one second 1,000 starts were due.

- 12 of them were missed although a lane was free: 1.2 %, above the limit of 0.5 %. The second is limited. 4 would be 0.4 %:
  not limited. If 300 starts had been missed in all, most of them because no lane was free, the 12 would be less than a tenth
  of them: more workers would have kept the rate, so the second is not limited either.
- The engine's thread ran for 0.70 s and waited for its core for 0.27 s: 97 %, above the limit of 95 %. That alone is nothing.
  With 7 starts missed in the same second it is limited, and the sentence says "7 of 1,000 starts were missed".
- The kernel did not time 30 of 1,000 responses, above 1 %. The median service time is 20 ms, so p99 of the own delay may be
  2 ms (10 % of it; 1 ms at least). With a p99 of 3 ms the second is limited.
- No time at all was used for 0.5 s or more: the engine stood still.

A late send is a remark from 5 ms on, or a tenth of the mean gap between starts where that is more: at 1,000 starts a second
the gap is 1 ms and the limit 5 ms, at 10 a second the gap is 100 ms and the limit 10 ms.

The rules are of the time between the two readings alone: a generator that was slow in its first second is not blamed in its
tenth. A CPU limit that a cgroup sets is no rule of its own; where it held the generator back, the broken rules name it.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Final, Literal, cast

from tressi._core import Histogram
from tressi.frozen import dataclass
from tressi.text import milliseconds

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from tressi.model import EndpointSnapshot, EngineSnapshot, GeneratorSnapshot

Rule = Literal["cpu", "own-delay", "missed-late", "standstill"]

CPU_LIMIT_PERCENT: Final = 95.0
DELAY_FLOOR_MS: Final = 1.0
DELAY_SHARE_OF_SERVICE: Final = 0.10
# Of the responses of a second. Below it no p99 rests on a response that the kernel did not time.
USER_TIMED_LIMIT_PERCENT: Final = 1.0
MISSED_LATE_LIMIT_PERCENT: Final = 0.5
# Of all starts missed. Where a pool is too small, a lane that the generator comes to some milliseconds late costs a start now
# and then; that is not what limits the run.
MISSED_LATE_SHARE: Final = 0.10
# An engine closes its windows every 100 ms, if it can do nothing else.
STANDSTILL_LIMIT_S: Final = 0.5
LATE_FLOOR_MS: Final = 5.0
LATE_SHARE_OF_GAP: Final = 0.10
LATE_SENDS: Final = 100  # fewer have no p99
_NODES_NAMED: Final = 2

# {value} and {limit} are the finding's own, {lost} and {of} its counts.
_WORDS: Final[Mapping[Rule, str]] = {
    "cpu": "an engine's thread used its core, or waited for one, up to {value:.0f} % of the time (limit {limit:.0f} %), {cost}",
    "own-delay": (
        "the kernel did not time {lost:,} of {of:,} responses, and p99 of the own delay was up to {value:.3g} ms"
        " (limit {limit:.3g} ms)"
    ),
    "missed-late": (
        "tressi came too late for {lost:,} of {of:,} starts, although a lane was free"
        " (up to {value:.3g} % of a second's, limit {limit:.2g} %)"
    ),
    "standstill": "an engine did nothing for up to {value:.1f} s (limit {limit:.1g} s): it was stopped, or got no core",
}
_SPOILS: Final[Mapping[Rule, str]] = {
    "cpu": "rates may be the generator's limit, not the target's",
    "own-delay": "service times: those that the kernel did not time may hold the own delay",
    "missed-late": "the rate, which fell short through the generator, not the target",
    "standstill": "the rate: nothing was sent or read meanwhile, nor counted as missed before the engine went on",
}


_ADVICE: Final = "give tressi an idler machine or more engines (--processes), or ask for less"
_RATES_MEAN: Final = f"tressi could not send as fast as it was asked to, so these rates are no limit of the target's: {_ADVICE}"
_TIMES_MEAN: Final = f"tressi read responses late, so times may be longer here than the target's own: {_ADVICE}"


def meaning_of(reasons: Sequence[str]) -> str:
    """What the sentences of findings mean for the figures, and what to do, in one sentence for somebody who has read none."""
    return _TIMES_MEAN if all("it spoils: service times" in one for one in reasons) else _RATES_MEAN


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken rule: the measure's `value` and the `limit` it reached, in the unit that the rule says.

    `lost` of `of` starts (of the own delay: responses) are what it cost. `late_ms` is p99 of the late sends where that is the
    cost of a CPU at its limit. `throttled_s` is for how long a cgroup's quota held the generator back meanwhile. Of a run over
    several machines `nodes` are those that found it.
    """

    rule: Rule
    value: float
    limit: float
    lost: int = 0
    of: int = 0
    late_ms: float = 0.0
    throttled_s: float = 0.0
    nodes: tuple[str, ...] = ()

    def __str__(self) -> str:
        numbers = {"value": self.value, "limit": self.limit, "lost": self.lost, "of": self.of, "cost": self._cost()}
        quota = f"; a cgroup's quota (cpu.max) held it back for {self.throttled_s:.1f} s" if self.throttled_s else ""
        return f"{self._where()}{_WORDS[self.rule].format(**numbers)}{quota}; it spoils: {_SPOILS[self.rule]}"

    @property
    def excess(self) -> float:
        """How many times the limit was reached, to tell which of several seconds was the worst."""
        return self.value / self.limit

    def _where(self) -> str:
        """The nodes that found it, of many the first."""
        if len(self.nodes) > _NODES_NAMED:
            return f"{self.nodes[0]} and {len(self.nodes) - 1} other nodes: "
        return f"{' and '.join(self.nodes)}: " if self.nodes else ""

    def _cost(self) -> str:
        """What a CPU at its limit cost: starts, their punctuality, or the rate itself where none is set."""
        if self.lost:
            return f"and {self.lost:,} of {self.of:,} starts were missed"
        if self.late_ms:
            return f"and p99 of the late sends was up to {milliseconds(self.late_ms)} ms"
        return "and no rate is set: the requests came as fast as the generator could send them"


def check_generator(
    earlier: EngineSnapshot, later: EngineSnapshot, throttled_s: float = 0.0, steps: Collection[str] = ()
) -> tuple[Finding, ...]:
    """Every rule that the engine broke between two of its readings; none where no time passed between them.

    `throttled_s` is for how long a cgroup's quota held its processes back between the readings. `steps` are the endpoints of
    steps of flows: their starts are the flows', which count as those of endpoints do.
    """
    if later.nodes:
        return _of_nodes(earlier, later)
    if later.time_s <= earlier.time_s:
        return ()
    findings = (
        *_cpu(earlier, later, steps),
        *_own_delay(earlier, later),
        *_missed_late(earlier, later),
        *_standstill(earlier, later),
    )
    return tuple(replace(finding, throttled_s=throttled_s) for finding in findings) if throttled_s > 0 else findings


def merged(findings: Iterable[Finding]) -> Finding:
    """Several findings of one rule, in their order, as one: its worst value, and the sum of what was lost."""
    found = list(findings)
    worst = max(found, key=lambda finding: finding.excess)
    return replace(
        worst,
        lost=sum(finding.lost for finding in found),
        of=sum(finding.of for finding in found),
        late_ms=max(finding.late_ms for finding in found),
        throttled_s=sum(finding.throttled_s for finding in found),
        nodes=tuple(dict.fromkeys(chain(worst.nodes, *(finding.nodes for finding in found)))),
    )


def _of_nodes(earlier: EngineSnapshot, later: EngineSnapshot) -> tuple[Finding, ...]:
    """What the nodes of a run found broken by themselves and told since the earlier reading, each rule once.

    Each looks at its own engines over its own seconds: a frame that comes late is no engine that stands still, and one bad
    node among a hundred does not hide in what is merged.
    """
    known = earlier.found[-1].number if earlier.found else 0
    by_rule: dict[str, list[Finding]] = {}
    for one in later.found:
        if one.number > known and one.rule in _WORDS:
            finding = Finding(cast("Rule", one.rule), one.value, one.limit, one.lost, one.of, one.late_ms, nodes=(one.node,))
            by_rule.setdefault(one.rule, []).append(finding)
    return tuple(merged(found) for found in by_rule.values())


def late_remark(late_sends: Histogram, duration_s: float) -> str | None:
    """The sentence on a run of this length whose starts were sent late; None where they were not late enough to say it."""
    if not _is_late(late_sends, duration_s):
        return None
    most_ms, limit_ms = late_sends.max_us / 1e3, _late_limit_ms(late_sends.count, duration_s)
    p99 = f"p99 {milliseconds(_p99_ms(late_sends))} ms, limit {milliseconds(limit_ms)} ms"
    return f"starts were sent up to {milliseconds(most_ms)} ms late ({p99}); latencies are not affected"


# ------------------------------------------------------------------------------------------------------------ the rules


def _cpu(earlier: EngineSnapshot, later: EngineSnapshot, steps: Collection[str]) -> Iterable[Finding]:
    """A CPU at its limit is no fault: it counts where starts were missed or late for it, or where nothing else is the limit."""
    busy_percent = _busy_percent(earlier, later)
    if busy_percent < CPU_LIMIT_PERCENT:
        return ()
    missed, due = _missed(earlier, later), _due(earlier, later)
    late_sends = later.generator.late_sends.since(earlier.generator.late_sends)
    late_ms = _p99_ms(late_sends) if _is_late(late_sends, later.time_s - earlier.time_s, sends=1) else 0.0
    is_unlimited = any(one.target_rps is None for one in _paced(later) if one.endpoint_key not in steps)
    if not (missed or late_ms or is_unlimited):
        return ()
    return (Finding("cpu", busy_percent, CPU_LIMIT_PERCENT, missed, max(due, missed), late_ms),)


def _own_delay(earlier: EngineSnapshot, later: EngineSnapshot) -> Iterable[Finding]:
    """The own delay is part of a service time only where the kernel did not time the response's arrival."""
    before, after = earlier.generator, later.generator
    user_timed = after.user_timed - before.user_timed
    timed = user_timed + after.kernel_timed - before.kernel_timed
    if user_timed <= timed * USER_TIMED_LIMIT_PERCENT / 100:
        return ()
    delay_ms = _p99_ms(after.own_delay.since(before.own_delay))
    limit_ms = max(DELAY_FLOOR_MS, DELAY_SHARE_OF_SERVICE * _median_service_ms(earlier, later))
    return (Finding("own-delay", delay_ms, limit_ms, user_timed, timed),) if delay_ms > limit_ms else ()


def _missed_late(earlier: EngineSnapshot, later: EngineSnapshot) -> Iterable[Finding]:
    """Starts missed through the generator's own lateness, of those that were due between the readings.

    They count where they are a tenth of all that were missed: then more lanes alone would not have kept the rate.
    """
    missed = _sum(later, "missed_late") - _sum(earlier, "missed_late")
    # A burst may settle in a reading after the one in which its starts were due: never more than all of them.
    due = max(_due(earlier, later), missed)
    percent = 100 * missed / due if due else 0.0
    if percent <= MISSED_LATE_LIMIT_PERCENT or missed < MISSED_LATE_SHARE * _missed(earlier, later):
        return ()
    return (Finding("missed-late", percent, MISSED_LATE_LIMIT_PERCENT, missed, due),)


def _standstill(earlier: EngineSnapshot, later: EngineSnapshot) -> Iterable[Finding]:
    """One of the engines used none of the time between the readings."""
    # Where the system tells no thread's CPU time it is 0 throughout.
    stands = any(now == then > 0 for then, now in _engines(earlier, later))
    span_s = later.time_s - earlier.time_s
    return (Finding("standstill", span_s, STANDSTILL_LIMIT_S),) if stands and span_s >= STANDSTILL_LIMIT_S else ()


# --------------------------------------------------------------------------------------------------------- the measures


def _busy_percent(earlier: EngineSnapshot, later: EngineSnapshot) -> float:
    """CPU and wait for it of the busiest engine: one that is at its limit is not helped by others that are not.

    The engine publishes its time every 100 ms, so that a second may be given a little more than it has.
    """
    busy_s = max((now - then for then, now in _engines(earlier, later)), default=0.0)
    return min(100.0, 100 * busy_s / (later.time_s - earlier.time_s))


def _engines(earlier: EngineSnapshot, later: EngineSnapshot) -> list[tuple[float, float]]:
    """How long each engine that is still there had been at work, or waited for its core, by the two readings."""
    pairs = zip(_parts(earlier.generator), _parts(later.generator), strict=False)
    return [(then, now) for then, now in pairs if then is not None and now is not None]


def _parts(generator: GeneratorSnapshot) -> tuple[float | None, ...]:
    """Of each engine; those that report no parts of their own are one."""
    return generator.busy_s or (generator.cpu_s + generator.run_queue_s,)


def _is_late(late_sends: Histogram, span_s: float, *, sends: int = LATE_SENDS) -> bool:
    """Whether p99 of at least `sends` late sends is above the limit for that many in `span_s` seconds."""
    return late_sends.count >= sends and _p99_ms(late_sends) > _late_limit_ms(late_sends.count, span_s)


def _late_limit_ms(sends: int, span_s: float) -> float:
    return max(LATE_FLOOR_MS, LATE_SHARE_OF_GAP * 1e3 * span_s / sends)


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


def _missed(earlier: EngineSnapshot, later: EngineSnapshot) -> int:
    """Starts given up between the readings, for whatever reason."""
    return _sum(later, "missed") - _sum(earlier, "missed")


def _due(earlier: EngineSnapshot, later: EngineSnapshot) -> int:
    """Starts scheduled between the readings; 0 without a schedule."""
    return round(sum(one.scheduled for one in _paced(later)) - sum(one.scheduled for one in _paced(earlier)))


def _sum(reading: EngineSnapshot, name: Literal["missed", "missed_late"]) -> int:
    return sum(getattr(one, name) for one in _paced(reading))


def _paced(reading: EngineSnapshot) -> Iterable[EndpointSnapshot]:
    """Whatever has a schedule: endpoints and flows. The endpoints of steps have none."""
    return chain(reading.endpoints.values(), reading.flows.values())
