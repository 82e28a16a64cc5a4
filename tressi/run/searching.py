"""A search for a capacity, done by a run: each second of it is shown to the search, which says what is asked for next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tressi._core import Histogram
from tressi.capacity.document import Beside
from tressi.capacity.trial import Second

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tressi.capacity.search import Search, Step
    from tressi.capacity.slo import Condition
    from tressi.model import EndpointSnapshot, EngineSnapshot, Moment
    from tressi.run.runner import EndpointRunner

# Failures that leave no response time behind.
_UNTIMED: Final = ("dns", "connect", "tls", "send", "reset", "closed", "protocol")
_NO_PORT: Final = "assign requested address"
_LATE_SHARE: Final = 0.01


@dataclass(frozen=True, slots=True)
class Rates:
    """What is searched: `keys` are the endpoints that are judged, `of_pools` which share of the rate each pool gets."""

    keys: tuple[str, ...]
    of_pools: Mapping[str, float]


class Searching:
    """Steers a run by a search. `told` hears of every second and of what is done in the next."""

    def __init__(
        self,
        search: Search,
        rates: Rates,
        runner: EndpointRunner,
        told: Callable[[Step, Second], object] = lambda _step, _second: None,
    ) -> None:
        self.search, self._rates, self._runner, self._told = search, rates, runner, told
        self._step = search.begin()
        self._before: EngineSnapshot | None = None
        self._began: EngineSnapshot | None = None
        self._began_s = 0.0
        self.beside: list[list[Beside]] = []

    def watch(self) -> None:
        """Listen to the run, before it starts."""
        self._runner.on("snapshot", self.moment)

    def moment(self, moment: Moment) -> None:
        """A second of the run is over."""
        before, self._before = self._before, moment.reading
        if before is None:
            self._began, self._began_s = moment.reading, moment.t
            return
        if moment.paused or self._step.phase == "done":
            return
        second = second_of(before, moment, self._rates.keys, self.search.conditions)
        trials = len(self.search.trials)
        self._step = self.search.see(second)
        if len(self.search.trials) > trials:
            self.beside.append(self._beside(moment))
        if self._step.is_new:
            self._began, self._began_s = moment.reading, moment.t
            self._ask(self._step)
        self._told(self._step, second)

    def _ask(self, step: Step) -> None:
        if step.phase == "done":
            self._runner.stop()
            return
        for key, share in self._rates.of_pools.items():
            self._runner.set_target(key, share * step.rps, "the search")

    def _beside(self, moment: Moment) -> list[Beside]:
        """What the other endpoints did since the trial began."""
        began, span_s = self._began, moment.t - self._began_s
        if began is None or span_s <= 0:
            return []
        found = []
        for key, now in moment.reading.endpoints.items():
            if key not in self._rates.keys:
                response = now.response.since(began.endpoints[key].response)
                made = now.requests_made - began.endpoints[key].requests_made
                found.append(Beside(key, made / span_s, response.percentile(99) / 1e3 if response.count else None))
        return found


def second_of(before: EngineSnapshot, moment: Moment, keys: Sequence[str], conditions: Sequence[Condition]) -> Second:
    """What a search sees of the second between a reading and a moment, of these endpoints together."""
    pairs = [(before.endpoints[key], moment.reading.endpoints[key]) for key in keys]
    response, service = Histogram(), Histogram()
    for then, now in pairs:
        response.merge(now.response.since(then.response))
        service.merge(now.service.since(then.service))
    failed = sum(now.failed - then.failed for then, now in pairs)
    timeouts = sum(_errors(then, now, "timeout") for then, now in pairs)
    untimed = sum(_errors(then, now, kind) for then, now in pairs for kind in _UNTIMED)
    missed = sum(now.missed - then.missed for then, now in pairs)
    late = sum(now.missed_late - then.missed_late for then, now in pairs)
    starts = response.count + untimed
    limits = list(moment.saturated_by)
    if late > _LATE_SHARE * max(1, starts):
        limits.append(f"{late:,} starts were missed although workers were free")
    if any(_NO_PORT in one.text for _, now in pairs for one in now.reasons) and untimed:
        limits.append("this machine has no free port left for new connections")
    return Second(
        t=moment.t,
        starts=starts,
        bad=tuple(one.bad(response, _failed(one, failed, timeouts), missed - late, starts) for one in conditions),
        in_flight=sum(now.in_flight for _, now in pairs),
        median_ms=response.percentile(50) / 1e3 if response.count else None,
        served_bad=tuple(one.bad(service, _failed(one, failed, timeouts), 0, starts) for one in conditions),
        limits=tuple(limits),
        is_full=missed > late,
        response=response,
    )


def _failed(limit: Condition, failed: int, timeouts: int) -> int:
    """Failures that are counted beside the slow ones: a timeout is slow by its age already."""
    return failed if limit.limit_us is None else failed - timeouts


def _errors(then: EndpointSnapshot, now: EndpointSnapshot, kind: str) -> int:
    return now.errors.get(kind, 0) - then.errors.get(kind, 0)
