"""What limited each endpoint: nothing, its target, its workers, or the generator. Pure functions of a summary.

Whether the rate was kept is asked of the starts. Those that were due, less those that were sent, are what is short; a ramp and
changes by hand are in the rate asked for already. Not every missed start makes a run short:

- An autoscaled pool looks for its size while the run lasts. Starts missed up to two seconds after its last growth are the
  price of that, and of all others it may miss 1 %, which is what the scaler promises. A shared pool has a fixed size, so a
  single start that was missed because no lane was free says that it was too small.
- Starts missed because the generator was a little late, below the limit of the self-check, are no shortfall.
- Starts missed while the target stood still are one whatever the pool did meanwhile.

Why the rate was not kept is asked second by second, of the starts that were missed. A pool may have all the workers it can
have without needing them (a run starts that way), and a generator may be limited while nothing is missed: only what held when
starts were missed was a limit.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from tressi.run.course import Course, Second, seconds_of
from tressi.run.flow_parts import flows_of, is_flow, is_step, lost_words, parts_of
from tressi.run.warm_up import is_unmeasured, measured_s
from tressi.text import SHORTEST_S, counted, plain
from tressi.vocabulary import MET_SHARE, OVER, is_failed_status

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    Endpoint = Mapping[str, Any]
    Summary = Mapping[str, Any]

FAILING_SHARE: Final = 0.5  # of the attempts
LIMITING_SHARE: Final = 0.5  # of the starts missed
_USED_SHARE: Final = 0.9  # of the connections that the config allows
_SETTLED_SHARE: Final = 0.1  # of the run, at its end, without a missed start
_STILLS_TOLD: Final = 2
_GROWING: Final = {True: "was still growing", False: "had not grown by the end"}
_WHOLE_PERCENTS: Final = 0.1  # smaller shares have two digits
GENERATOR: Final = "generator limited"
TOO_SHORT: Final = "the run was too short to tell"
UNMEASURED: Final = "nothing was measured: the run ended within its warm-up"


class Limit(NamedTuple):
    """What limited an endpoint, in words, and whether its rate was not kept.

    `by_generator`: that is the generator's fault. `is_grown`: the rate was kept once the pool had grown, and not before.
    """

    words: str
    is_short: bool = False
    by_generator: bool = False
    is_grown: bool = False


def verdicts(summary: Summary) -> dict[str, str]:
    """A short sentence for each endpoint and each flow, by its key."""
    return {key: limit.words for key, limit in limits(summary).items()}


def limits(summary: Summary) -> dict[str, Limit]:
    """What limited each endpoint and each flow, by its key."""
    course = Course(summary)
    return {part["endpointKey"]: _limit_of(part, course) for part in parts_of(summary)}


def _limit_of(endpoint: Endpoint, course: Course) -> Limit:
    """What limited one endpoint of a summary, or one flow under the names of an endpoint."""
    summary = course.summary
    if is_unmeasured(summary):
        return Limit(UNMEASURED)
    if is_step(endpoint):
        return _over(endpoint) or Limit("; ".join(filter(None, (step_words(endpoint, summary), _failing(endpoint, summary)))))
    if measured_s(summary) < SHORTEST_S:
        return _over(endpoint) or Limit(TOO_SHORT)  # a signal came as it began
    made, target_rps = endpoint["requestsMade"], endpoint["targetRps"]
    if target_rps is None:
        return _over(endpoint) or Limit(_failing(endpoint, summary) or _unlimited(endpoint, course))
    short = _Shortfall(endpoint, course)
    if not made:
        was_due = endpoint["requestsMissed"] or endpoint["requestsCut"]
        return Limit(_none_ended(endpoint) if was_due else _none_made(endpoint), is_short=short.is_short)
    cause = short.cause() if short.is_short else _over(endpoint) or short.kept()
    return cause._replace(words=_failing(endpoint, summary) or cause.words)


def failures(endpoint: Endpoint) -> Counter[str]:
    """How often what went wrong: errors by kind, and statuses from 400 on, unless such a status was expected."""
    found: Counter[str] = Counter(endpoint["errors"])
    if endpoint["requestsFailed"] > found.total():
        found.update({f"status {code}": n for code, n in endpoint["statusCodes"].items() if is_failed_status(code)})
    return found


def mean_differs(asked_rps: float | None, mean_rps: float | None) -> bool:
    """Whether the mean of the rate asked for is another than that rate, through a ramp, a change or a pause."""
    if asked_rps is None or mean_rps is None:
        return False
    return abs(asked_rps - mean_rps) > (1 - MET_SHARE) * max(asked_rps, mean_rps)


def starts_due(endpoint: Endpoint, summary: Summary) -> int:
    """How many starts the schedule had over the run; 0 without a rate."""
    due = round((endpoint["targetRps"] or 0.0) * measured_s(summary))
    # A reading knows the schedule of a run that was broken off to the last 100 ms only.
    return max(due, endpoint["requestsMissed"]) if due else 0


def failure_words(endpoint: Endpoint) -> str:
    """The share of the attempts that failed, and of what most of them."""
    share = endpoint["requestsFailed"] / endpoint["requestsMade"]
    kinds = ", ".join(plain(kind) for kind, _ in failures(endpoint).most_common(2))
    shown = f"{share:.0%}" if share >= _WHOLE_PERCENTS else f"{100 * share:.2g}%"
    return f"{shown} failed ({kinds})" if kinds else f"{shown} failed"


def course_words(endpoint: Endpoint, limit: Limit) -> str:
    """What limited an endpoint, behind what failed or was missed of it: its rate may be kept all the same."""
    failed, missed = endpoint["requestsFailed"], endpoint["requestsMissed"]
    parts = [limit.words]
    if missed and limit.words.startswith("target met") and "missed" not in limit.words:
        parts.insert(0, f"{counted(missed, 'start')} missed")
    if failed and not is_flow(endpoint) and " failed" not in limit.words:
        parts.insert(0, failure_words(endpoint))
    return "; ".join(parts)


def _over(endpoint: Endpoint) -> Limit | None:
    """What ended an endpoint before the run's time."""
    words = {kind[0]: kind[1] for kind in OVER if kind is not None}.get(endpoint.get("endedBy", ""))
    return None if words is None else Limit(words)


def step_words(endpoint: Endpoint, summary: Summary) -> str:
    """Which flow an endpoint is a step of, and how many users that has lost at it."""
    flow = next((one for one in flows_of(summary) if one["endpointKey"] == endpoint["flow"]), None)
    name = plain(endpoint["flow"] if flow is None else flow["endpointKey"])
    lost = endpoint.get("abandoned", 0)
    where = f", {counted(lost, 'user')} lost here" if lost else ""
    return f"step of {name}{where}"


def _failing(endpoint: Endpoint, summary: Summary) -> str | None:
    made = endpoint["requestsMade"]
    if not made or endpoint["requestsFailed"] < FAILING_SHARE * made:
        return None
    if is_flow(endpoint):
        return f"users lost: {endpoint['requestsFailed'] / made:.0%} of the starts were {lost_words(endpoint, summary)}"
    return f"target failing: {failure_words(endpoint)}"


def _none_ended(part: Endpoint) -> str:
    return "no user came to the end" if is_flow(part) else "target failing: no attempt ended"


def _none_made(part: Endpoint) -> str:
    return "no user started" if is_flow(part) else "no attempt was made"


def _unlimited(endpoint: Endpoint, course: Course) -> str:
    if not endpoint["requestsMade"]:
        return _none_ended(endpoint) if endpoint["requestsCut"] else _none_made(endpoint)
    ours = course.rates_spoilt_s >= LIMITING_SHARE * measured_s(course.summary)
    theirs = "users came to the end" if is_flow(endpoint) else "responses came"
    return f"as fast as {'the generator could' if ours else theirs}"


class _Shortfall:
    """Whether an endpoint with a rate fell short of it, and why."""

    def __init__(self, endpoint: Endpoint, course: Course) -> None:
        self._endpoint, self._course, self._summary = endpoint, course, course.summary
        seconds = seconds_of(endpoint, course.summary)
        self._missing = [second for second in seconds if second.row["missed"] > 0]
        self._stills = _stills(endpoint, seconds)
        self._grown_s = course.grown_s.get(endpoint["endpointKey"], 0.0)
        self._due = starts_due(endpoint, course.summary)
        self._allowed = (1 - MET_SHARE) * self._due
        self._counted = [second for second in self._missing if not self._is_growth(second)]
        self.is_short = self._is_short()

    def kept(self) -> Limit:
        """What is said of a rate that was kept."""
        excused = [second for second in self._missing if self._is_growth(second)]
        if _missed(excused) <= self._allowed:
            return Limit("target met")
        return Limit(f"target met from {excused[-1].end_s:.0f} s on, once the pool had grown", is_grown=True)

    def cause(self) -> Limit:
        """Why it was not kept."""
        summary, seconds = self._summary, self._counted or self._missing
        if not seconds and not summary["generator"]["lost"]:
            return Limit(TOO_SHORT, is_short=True)
        if not seconds or _is_ours(self._endpoint, seconds, self._course):
            return Limit(GENERATOR, is_short=True, by_generator=True)
        still = self._still_words(seconds)
        if _wants_connections(summary):
            limit = summary["config"]["connectionsPerSecond"]
            cap: str | None = f"connection limit: all {limit:g} new connections per second were made"
        else:
            cap = _place_cap(self._endpoint) or _worker_cap(self._endpoint, seconds, self._course)
        words = "; ".join(filter(None, (still, cap)))
        return Limit(words or f"short of workers: the pool {_GROWING[self._grown_s > 0]}", is_short=True)

    def _is_growth(self, second: Second) -> bool:
        """Whether starts missed in that second are the price of finding the pool's size."""
        return second.end_s <= self._grown_s and not second.whole["saturated"] and not self._is_in_still(second)

    def _is_in_still(self, second: Second) -> bool:
        # The seconds in which a standstill begins and ends hold some of its missed starts.
        return any(begin_s <= second.end_s and second.begin_s <= end_s for begin_s, end_s in self._stills)

    def _is_short(self) -> bool:
        is_chance = self._summary["config"].get("arrival") == "poisson"
        counted = _missed(self._counted) - _missed_late_unnoticed(self._endpoint, self._summary)
        is_still = any(map(self._is_in_still, self._counted))
        tolerates = is_chance or (self._endpoint["autoscale"] and not is_still)
        if counted > (self._allowed if tolerates else 0):
            return True
        excused = _missed(self._missing) - _missed(self._counted)
        if self._is_growing() and excused > self._allowed:
            return True
        sent = self._endpoint["requestsMade"] + self._endpoint["requestsCut"]
        # Each engine may be a start off where a schedule ends; chance alone puts Poisson arrivals a little off the target.
        tolerance = max(self._allowed, self._summary["generator"]["processes"])
        # The schedule of an endpoint that has ended goes a little further than its last start.
        return bool(not is_chance and "endedBy" not in self._endpoint and self._due - sent - excused > tolerance)

    def _is_growing(self) -> bool:
        """Whether growth was not over before the run's end."""
        rest_s = self._summary["durationSec"] - self._missing[-1].end_s if self._missing else 0.0
        return bool(self._missing and rest_s < _SETTLED_SHARE * measured_s(self._summary))

    def _still_words(self, seconds: Sequence[Second]) -> str | None:
        """When the target stood still, where that cost most of the starts."""
        if not _is_mostly(seconds, filter(self._is_in_still, seconds)):
            return None
        told = [f"from {begin_s:.1f} to {end_s:.1f} s" for begin_s, end_s in self._stills[:_STILLS_TOLD]]
        more = len(self._stills) - len(told)
        return f"target stood still: no answer {' and '.join(told)}{f' and {more} times more' * (more > 0)}"


# ------------------------------------------------------------------------------------------------- what held in a second


def _stills(endpoint: Endpoint, seconds: Sequence[Second]) -> list[tuple[float, float]]:
    """From when to when attempts were in flight and none ended, for longer than the endpoint's answers take.

    A second in which the generator was limited says nothing about the target, nor does a flow's, whose users may all think.
    """
    if is_flow(endpoint):
        return []
    usual_s = (endpoint["serviceTimeMs"]["p50"] or 0.0) / 1e3
    found: list[tuple[float, float]] = []
    for second in seconds:
        if second.row["currentRps"] or not second.row["utilisation"] or second.whole["saturated"]:
            continue
        if found and found[-1][1] == second.begin_s:
            found[-1] = (found[-1][0], second.end_s)
        else:
            found.append((second.begin_s, second.end_s))
    return [(begin_s, end_s) for begin_s, end_s in found if end_s - begin_s > usual_s]


def _missed(seconds: Iterable[Second]) -> int:
    return sum(int(second.row["missed"]) for second in seconds)


def _missed_late_unnoticed(endpoint: Endpoint, summary: Summary) -> int:
    """Starts that were missed through the generator's lateness, where it was below its limit all the time."""
    return 0 if summary["generator"]["saturated"] else int(endpoint["missedLate"])


def _is_mostly(seconds: Iterable[Second], some: Iterable[Second]) -> bool:
    """Whether `some` of the seconds have at least half of the starts missed in all of them."""
    return _missed(some) >= LIMITING_SHARE * _missed(seconds)


# ------------------------------------------------------------------------------------------------------------ the limits


def _is_ours(endpoint: Endpoint, seconds: Sequence[Second], course: Course) -> bool:
    """Whether the generator cost most of the starts.

    It did where a lane was free for them, and where a CPU at its limit or a standstill fell into the seconds in which they
    were missed, for long enough.
    """
    if endpoint["missedLate"] >= LIMITING_SHARE * endpoint["requestsMissed"]:
        return True
    is_long_enough = course.rates_spoilt_s >= LIMITING_SHARE * sum(second.end_s - second.begin_s for second in seconds)
    return is_long_enough and _is_mostly(seconds, (second for second in seconds if second.whole["saturated"]))


def _worker_cap(endpoint: Endpoint, seconds: Sequence[Second], course: Course) -> str | None:
    """Which limit of workers was reached when most of the starts were missed."""
    most, limit = endpoint["maxWorkers"], None if is_flow(endpoint) else _worker_limit(course.summary)
    if is_flow(endpoint) and not endpoint["autoscale"]:
        return f"worker cap: {'the 1 user' if most == 1 else f'all {most} users'} of the flow were on their way"
    if most is None:
        held = _holder(endpoint, seconds, course)
        return f"worker cap: all {endpoint['workerCount']} workers of the shared pool were busy{held}"
    if _is_mostly(seconds, (second for second in seconds if second.row["workerCount"] >= most)):
        return f"worker cap: maxWorkers {most} reached"
    if limit and _is_mostly(seconds, (second for second in seconds if course.workers(second) >= limit)):
        return f"worker cap: the run's limit of {limit} reached"
    return None


def _place_cap(endpoint: Endpoint) -> str | None:
    """In words, that lanes waited for a place on the connections that the config allows, as most of the starts did."""
    waited = endpoint.get("placesWaited", 0)
    if waited < LIMITING_SHARE * endpoint["requestsMade"]:
        return None
    streams = endpoint["streamsPerConnection"]
    return f"connection cap: http2.connections reached, with {counted(streams, 'stream')} each; lanes waited {waited:,} times"


def _holder(endpoint: Endpoint, seconds: Sequence[Second], course: Course) -> str:
    """Which other endpoint of the shared pool occupied most of its lanes meanwhile, in words; nothing where none did."""
    # What occupies most of the lanes over several seconds does so in one of them at least: few come into question.
    keys = {key for second in seconds for key in course.holders(second)}
    candidates = (key for key in course.pooled if key in keys)
    held = {key: sum(second.whole["endpoints"][key]["utilisation"] for second in seconds) for key in candidates}
    most = max(held, key=lambda key: held[key], default=endpoint["endpointKey"])
    if most == endpoint["endpointKey"] or held[most] <= LIMITING_SHARE * len(seconds):
        return ""
    return f", most of them with {course.labels[most]}"


def _wants_connections(summary: Summary) -> bool:
    """Whether about as many connections were begun, by all endpoints, as the config allows."""
    limit = summary["config"].get("connectionsPerSecond")
    whole = summary["global"]
    begun = whole["connectionsOpened"] + sum(whole["errors"].get(kind, 0) for kind in ("connect", "tls"))
    return limit is not None and begun >= _USED_SHARE * limit * measured_s(summary)


def _worker_limit(summary: Summary) -> int | None:
    """The most workers that all autoscaled endpoints may have together; None where the config does not say."""
    config = summary["config"]
    limit: int | None = (config.get("autoscale") or {}).get("maxWorkers", config.get("workers"))
    return limit
