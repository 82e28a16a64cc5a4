"""Runs as they may stand, second by second, made without an engine and in an instant: what pictures of pages are taken of.

What happens at the endpoints is written down; the moments, the decisions' marks and the summary are made from it by the run's
own `Timeline`, so that pages are shown what a real run would show.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from functools import partial
from math import log, sin
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

from tressi._core import Histogram
from tressi.capacity.document import Beside
from tressi.capacity.document import document_of as document_of_search
from tressi.capacity.known import Plan
from tressi.capacity.search import Search
from tressi.capacity.slo import condition_of
from tressi.capacity.trial import Second
from tressi.config.load import load_config
from tressi.model import Change, EndpointSnapshot, EngineSnapshot, GeneratorSnapshot, NodeRecord, Reason, ScalingDecision
from tressi.run.timeline import Ending, Timeline
from tressi.ui.capacity_progress import sentences

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from tressi.model import EndReason, Moment, ResolvedConfig

ORIGIN = "https://shop.example"
PATHS = ("/checkout", "/search?q=shoes", "/cart", "/login")
_NORMAL = [NormalDist().inv_cdf((place + 0.5) / 40) for place in range(40)]
_Z99 = NormalDist().inv_cdf(0.99)


def _nothing(_t: int) -> float:
    return 0.0


@dataclass(frozen=True, slots=True)
class Load:
    """What happens at one endpoint: shares by the second, and how long its answers take."""

    rps: float = 105.0
    p50_ms: float = 4.0
    p99_ms: float = 18.0
    failed: Callable[[int], float] = _nothing
    missed: Callable[[int], float] = _nothing
    late: Callable[[int], float] = _nothing  # missed by the generator
    slower: Callable[[int], float] = lambda _t: 1.0
    workers: Callable[[int], int] = lambda _t: 7
    status: int = 503
    reason: str | None = None  # of errors, in place of a status


@dataclass(frozen=True, slots=True)
class Scene:
    """A run up to a second of it, or to its end where `ends` says how."""

    loads: Sequence[Load]
    until_s: int = 41
    duration_s: int = 60
    thresholds: Sequence[str] = ("p99 < 50 ms", "errorRate < 1%", "requestsMissed == 0")
    lost: tuple[str, ...] = ()
    paused_from_s: int | None = None
    ends: EndReason | None = None
    decided: Mapping[int, tuple[int, int]] | None = None  # of the first endpoint: the second, workers before and after
    nodes: Callable[[int], tuple[NodeRecord, ...]] = lambda _t: ()
    is_searched: bool = False  # whether a search for a capacity sets the first endpoint's rate


@dataclass(frozen=True, slots=True)
class Run:
    """What the pages of a run are told, in order, and its summary where it has ended."""

    config: ResolvedConfig
    told: Sequence[Moment | ScalingDecision | Change | str]  # a text is what the run does, in words
    summary: Mapping[str, Any] | None
    paused: bool


def run_of(scene: Scene) -> Run:
    """Let a scene happen."""
    config = load_config(document_of(scene))
    timeline, told = Timeline(config), []
    counts = [EndpointSnapshot(one.endpoint_key) for one in config.endpoints]
    late_s = scene.until_s
    loads, search = list(scene.loads), Searched() if scene.is_searched else None
    for t in range(1, scene.until_s + 1):
        if search is not None:
            loads[0], change = search.second(loads[0], config.endpoints[0].endpoint_key)
            told += [change] if change else []
            told.append(search.words)
        is_paused = scene.paused_from_s is not None and t > scene.paused_from_s
        if t - 1 == scene.paused_from_s:
            told.append(Change(t - 0.5, "pause"))
            timeline.note(told[-1])
        for decision in _decisions(scene, config, t):
            told.append(decision)
            timeline.take(decision)
        counts = [_after(one, load, t, is_paused=is_paused) for one, load in zip(counts, loads, strict=True)]
        lost = scene.lost if t > late_s - 5 else ()
        told.append(timeline.tick(float(t), _reading(scene, t, counts, lost), paused=is_paused).moment)
    summary = None
    if scene.ends is not None:
        reading = _reading(scene, scene.until_s, counts, scene.lost)
        timeline.close(float(scene.until_s), reading)
        detail = "the user" if scene.ends == "stopped" else None
        summary = timeline.sum_up("2026-01-01T12:00:00.000+00:00", Ending(scene.ends, detail, float(scene.until_s), reading))
    return Run(config, told, summary, scene.paused_from_s is not None)


def document_of(scene: Scene) -> dict[str, Any]:
    """The config of a scene."""
    urls = [*PATHS, *(f"/catalogue/{number:03}" for number in range(1, len(scene.loads) + 1))]
    requests = [
        {"url": ORIGIN + url, "autoscale": {"enabled": True, "targetRps": load.rps, "maxWorkers": 12}}
        for url, load in zip(urls, scene.loads, strict=False)
    ]
    document = {"requests": requests, "workers": 16 * len(requests), "duration": scene.duration_s}
    return {**document, "thresholds": list(scene.thresholds), **NAMED}


def _decisions(scene: Scene, config: ResolvedConfig, t: int) -> Iterator[ScalingDecision]:
    if t in (scene.decided or {}):
        before, after = scene.decided[t]
        reason = f"{99.0 * before / after:.1f} of 105.0 RPS with {before} workers, 12 starts missed: no worker was free"
        action = "scale-up" if after > before else "scale-down"
        yield ScalingDecision(config.endpoints[0].endpoint_key, action, abs(after - before), after, reason, t - 0.4)


def _after(before: EndpointSnapshot, load: Load, t: int, *, is_paused: bool) -> EndpointSnapshot:
    """What was counted of an endpoint once another second has passed."""
    rps = 0.0 if is_paused else load.rps
    due = round(rps * t) - round(rps * (t - 1))
    late, missed = round(due * load.late(t)), round(due * load.missed(t))
    made = due - late - missed
    failed = round(made * load.failed(t))
    codes, errors = Counter(before.status_codes), Counter(before.errors)
    codes[200] += made - failed
    (errors if load.reason else codes)[("connect" if load.reason else load.status)] += failed
    workers = load.workers(t)
    after = replace(
        before,
        succeeded=before.succeeded + made - failed,
        failed=before.failed + failed,
        missed=before.missed + late + missed,
        missed_late=before.missed_late + late,
        bytes_received=before.bytes_received + 900 * made,
        status_codes={code: count for code, count in codes.items() if count},
        errors={kind: count for kind, count in errors.items() if count},
        reasons=(Reason("connect", load.reason, before.failed + failed),) if load.reason else (),
        worker_count=workers,
        peak_worker_count=max(workers, before.peak_worker_count),
        in_flight=0 if is_paused else round(workers * 0.4),
        oldest_s=0.0 if is_paused else load.p99_ms / 1000,
        target_rps=rps,
        scheduled=before.scheduled + due,
        scheduled_s=before.scheduled_s + 1.0,
        lane_s=before.lane_s + workers,
        occupied_lane_s=before.occupied_lane_s + workers * (1.0 if missed else 0.0 if is_paused else 0.45),
        **{name: getattr(before, name).copy() for name in ("service", "response", "success", "first_byte")},
    )
    _measure(after, load, t, 0 if load.reason else made, made - failed)
    return after


def _measure(counts: EndpointSnapshot, load: Load, t: int, answered: int, succeeded: int) -> None:
    """Record so many answers whose times are spread as a log-normal distribution."""
    spread = log(load.p99_ms / load.p50_ms) / _Z99
    wobble = load.slower(t) * (1 + 0.12 * sin(t / 2) + 0.05 * sin(3 * t))
    for place, normal in enumerate(_NORMAL):
        share = (place + 1) / len(_NORMAL)
        number = round(answered * share) - round(answered * place / len(_NORMAL))
        good = round(succeeded * share) - round(succeeded * place / len(_NORMAL))
        if not number and not good:
            continue  # at most places, where a rate is low
        us = round(1000 * load.p50_ms * wobble * 2.718281828 ** (normal * spread))
        counts.service.record(us, number)
        counts.first_byte.record(round(0.9 * us), number)
        counts.response.record(round(us * (1.0 if load.missed(t) == 0 else 3.0)), number)
        counts.success.record(us, good)


def _reading(scene: Scene, t: int, counts: Sequence[EndpointSnapshot], lost: tuple[str, ...]) -> EngineSnapshot:
    generator = GeneratorSnapshot(cpu_s=0.2 * t, kernel_timed=sum(one.requests_made for one in counts), lost=lost)
    return EngineSnapshot(float(t), {one.endpoint_key: one for one in counts}, generator, nodes=scene.nodes(t))


class Searched:
    """A search for the capacity of a target that carries about 400 requests per second, a second at a time."""

    SLO = ("p99 < 50ms", "errorRate < 1%")
    CARRIES = 400.0

    def __init__(self, carries: float = CARRIES) -> None:
        self._carries = carries
        self.search = Search([condition_of(one) for one in self.SLO], Plan(60.0, 1.0))
        self.step, self._t = self.search.begin(), 0
        self.words = ""

    def second(self, load: Load, key: str) -> tuple[Load, Change | None]:
        """How the endpoint fares in the next second, and what the search changed before it."""
        self._t += 1
        rps, starts = self.step.rps, round(self.step.rps)
        p50_ms = 4 / (1 - min(0.995, rps / self._carries)) ** 0.6
        response, slow = Histogram(), 0
        for place, normal in enumerate(_NORMAL):
            ms = p50_ms * (1 + 0.08 * sin(self._t)) * 2.718281828 ** (0.62 * normal)
            number = round(starts * (place + 1) / len(_NORMAL)) - round(starts * place / len(_NORMAL))
            response.record(round(1000 * ms), number)
            slow += number if ms >= 50 else 0
        second = Second(float(self._t), starts, (slow, 0), round(starts * p50_ms / 1000), p50_ms, response=response)
        self.step = self.search.see(second)
        self.words = sentences(self.search, self.step)
        change = Change(self._t - 0.9, "set-target", key, round(rps, 1), "the search") if rps != load.rps else None
        return replace(load, rps=rps, p50_ms=p50_ms, p99_ms=p50_ms * 4.2, slower=lambda _t: 1.0), change


def searched(seconds: int, carries: float = Searched.CARRIES) -> dict[str, Any]:
    """The document of a search that has lasted so long, or until it had its answer."""
    found, load = Searched(carries), Load()
    for _ in range(seconds):
        load, _change = found.second(load, SEARCHED)
        if found.step.phase == "done":
            break
    else:
        found.search.stop("budget")
    beside = [[Beside("GET " + ORIGIN + PATHS[2], 63.0, 10.9 + place % 3)] for place in range(len(found.search.trials))]
    return document_of_search(found.search, SEARCHED, beside)


# ------------------------------------------------------------------------------------------------------------- the scenes

SEARCHED = f"GET {ORIGIN}{PATHS[0]}"
# The answer; one that the time was too short for; and a target that carries less than was ever asked of it.
SEARCHES: Mapping[str, tuple[int, float]] = {"answer": (600, 400.0), "too-short": (60, 400.0), "nothing": (600, 1.01)}

NAMED = {"name": "checkout-peak", "labels": {"git": "4f1c2ab", "env": "staging"}}
GROWTH = {2: (1, 3), 3: (3, 5), 5: (5, 7)}


def _from(second: int, value: float) -> Callable[[int], float]:
    return lambda t: value if t >= second else 0.0


def _within(begin: int, end: int, value: float) -> Callable[[int], float]:
    return lambda t: value if begin <= t < end else 0.0


GOOD = tuple(Load(rps=rps, p50_ms=p50, p99_ms=p99) for rps, p50, p99 in ((105, 6, 24), (210, 3, 14), (63, 4, 11), (42, 9, 31)))
_SLOW = replace(GOOD[0], slower=lambda t: 1.0 + max(0, t - 20) / 8)
_FLAKY = replace(GOOD[1], failed=_from(25, 0.032))
_CAPPED = replace(GOOD[0], missed=_from(12, 0.21), workers=lambda t: min(12, 5 + t // 2))
_LATE = [replace(one, late=_within(28, 33, 0.08)) for one in GOOD]
_MANY = [Load(rps=8, p50_ms=3 + number % 9, p99_ms=15 + number % 23) for number in range(120)]
_MANY[70] = replace(_MANY[70], failed=_from(20, 0.5))
_MANY[33] = replace(_MANY[33], missed=_from(25, 0.25))
_MANY[101] = replace(_MANY[101], failed=_within(10, 36, 0.25), status=429)

# Four machines of two engines each, 105 RPS on each: one was lost after 36 s, and one has not been heard of for a while.
NODE_LOST = "node-3 was lost: no answer for 2.1 s"


def _nodes_of(t: int, name: str = "node-2") -> tuple[NodeRecord, ...]:
    whole = NodeRecord("node-1", "10.0.3.11", 2, 105 * t + 35 * max(0, t - 37), 0.25, 0.42, 0.08, 3.1, 0)
    silent_s = 1.4 if t == 41 else 0.1
    lost = replace(whole, name="node-3", address="10.0.3.13", requests_made=105 * min(t, 36), silent_s=max(0.1, t - 35.9))
    if t >= 38:
        lost = replace(lost, lost=NODE_LOST, lost_at=38.0, uncounted_at_most=54)
    return (
        replace(whole, silent_s=0.1),
        replace(whole, name=name, address="10.0.3.12", clock_offset_ms=-11.7, clock_bound_ms=0.21, silent_s=silent_s),
        lost,
        replace(whole, name="node-4", address="10.0.3.14", clock_offset_ms=1204.6, clock_bound_ms=0.09, silent_s=0.1),
    )


SCENES: Mapping[str, Scene] = {
    "running": Scene(GOOD, decided=GROWTH),
    "growing": Scene(
        [replace(one, missed=lambda t: max(0.0, 0.5 - t / 8), workers=lambda t: 1 + t) for one in GOOD],
        until_s=3,
        thresholds=(),
        decided={2: (1, 3), 3: (3, 5)},
    ),
    "at-risk": Scene([_SLOW, _FLAKY, *GOOD[2:]], thresholds=("rps > 400", "p99 < 30 ms", "errorRate < 0.5%")),
    "passed": Scene(GOOD, until_s=60, ends="duration", decided=GROWTH),
    "failed": Scene([_SLOW, _FLAKY, *GOOD[2:]], until_s=60, ends="duration", decided=GROWTH),
    "not-met": Scene([_CAPPED, *GOOD[1:]], until_s=60, ends="duration", thresholds=(), decided=GROWTH),
    "missing": Scene([_CAPPED, *GOOD[1:]], thresholds=(), decided=GROWTH),
    "limited": Scene(_LATE, until_s=32, thresholds=("p99 < 50 ms",)),
    "was-limited": Scene(_LATE, until_s=60, thresholds=("p99 < 50 ms",), ends="duration"),
    "paused": Scene(GOOD, paused_from_s=36, decided=GROWTH, thresholds=("p99 < 50 ms",)),
    "lost-engine": Scene(GOOD, lost=("engine 2 of 4: its process ended by signal 9",), thresholds=()),
    "refused": Scene(
        [replace(one, failed=_from(1, 1.0), reason="Connection refused") for one in GOOD[:2]], until_s=9, thresholds=()
    ),
    "one": Scene(GOOD[:1], decided=GROWTH, thresholds=("p99 < 50 ms",)),
    "many": Scene(_MANY, thresholds=("p99 < 50 ms", "errorRate < 1%")),
    "many-failed": Scene(_MANY, until_s=60, ends="duration", thresholds=("p99 < 50 ms", "errorRate < 0.1%")),
    "nodes": Scene(GOOD, lost=(NODE_LOST,), thresholds=("p99 < 50 ms",), nodes=_nodes_of),
    "nodes-ended": Scene(GOOD, until_s=60, lost=(NODE_LOST,), thresholds=("p99 < 50 ms",), nodes=_nodes_of, ends="duration"),
    "nodes-hostile": Scene(GOOD, until_s=3, thresholds=(), nodes=partial(_nodes_of, name="<b>node</b>\x1b[31m")),
    "searching": Scene(GOOD, until_s=75, duration_s=600, thresholds=(), is_searched=True),
    # Of which there are reports alone.
    "lost-ended": Scene(
        GOOD, until_s=60, lost=("engine 2 of 4: its process ended by signal 9",), thresholds=(), ends="duration"
    ),
    "one-passed": Scene(GOOD[:1], until_s=60, ends="duration", decided=GROWTH, thresholds=("p99 < 50 ms",)),
    "one-failed": Scene([_SLOW], until_s=60, ends="duration", decided=GROWTH),
}
