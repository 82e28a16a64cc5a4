"""Should a pool grow, shrink or stay? A pure function; every branch gives its reason in words and numbers.

A pool has two signs of being wrong. Starts that were missed because no lane was free say that it is too small. The current
RPS alone does not say so: it is also below the target while the generator is slow or the window is young. A capacity above
the target says that the pool is too large. The current RPS never says so, because the token bucket holds it at the target.

The capacity is lanes / mean occupied time: what the present workers could do if nothing held them back. The need is
target RPS * mean occupied time / lanes of a worker (Little's law): how many workers are occupied when the target is met.

Example, with the defaults: `scaleUpThreshold` 0.9, `scaleDownThreshold` 1.1, both factors 0.25, one lane per worker. The
target is 400 RPS and an attempt occupies its lane for 50 ms, so one worker does 20 RPS and the need is 400 * 0.05 = 20.

- Far below the target. 15 workers do 300 RPS, and 100 starts a second are missed. 300 is below 0.9 * 400 = 360, so the pool
  grows by a quarter: 15 * 0.25 = 3.75, rounded up 4. The need would allow 5 more, so the step is 4, and 19 workers follow.
- Nearly there. 19 workers do 380 RPS, above 360, and 20 starts a second are missed. The step is in proportion to these:
  19 * 20 / 400 = 0.95, rounded up 1. 20 workers follow.
- Too large. 31 workers have a capacity of 620 RPS, above 1.1 * 400 = 440, and nothing is missed. A quarter is 7.75, rounded
  up 8, and 23 workers follow. Their capacity of 460 RPS still exceeds 440.
- Settled. Of these 23 none may go: 22 workers have a capacity of 440 RPS, which does not exceed 440.
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, NamedTuple

from tressi.model import ScalingDecision

if TYPE_CHECKING:
    from tressi.model import Action, AutoscaleConfig, EndpointMetrics

# An evaluation is a little early when its greenlet is.
COOLDOWN_TOLERANCE_S = 0.010
# To shrink, this share of the starts due must have been completed, and fewer than this share of those have failed.
COMPLETED_TO_SHRINK = 0.9
FAILED_TO_KEEP = 0.5
# A ceiling must not count the dust of a division as one more worker.
_DUST = 1e-9


class Verdict(NamedTuple):
    """What to do, with how many workers, and why."""

    action: Action
    workers: int
    reason: str


def decide(config: AutoscaleConfig, metrics: EndpointMetrics, free_workers: int, now: float) -> ScalingDecision:
    """Choose one action for a pool at `now`, seconds since the run's start.

    `metrics.target_rps` is the mean of the target over the window, `config.target_rps` the target after the ramp.
    `free_workers` is how many more the run's worker limit has for this endpoint.
    """
    ready_at = metrics.last_scale_time + config.cooldown_period
    if now < ready_at - COOLDOWN_TOLERANCE_S:
        verdict = _keep(f"cooling down until {ready_at:.1f} s")
    elif metrics.window.missed > 0:
        verdict = _grow(config, metrics, free_workers)
    else:
        verdict = _shrink(config, metrics)
    change = {"scale-up": verdict.workers, "scale-down": -verdict.workers}.get(verdict.action, 0)
    return ScalingDecision(
        metrics.endpoint_key, verdict.action, verdict.workers, metrics.worker_count + change, verdict.reason, now
    )


def _keep(reason: str) -> Verdict:
    return Verdict("maintain", 0, reason)


# ------------------------------------------------------------------------------------------------------------------ grow


def _grow(config: AutoscaleConfig, metrics: EndpointMetrics, free_workers: int) -> Verdict:
    """Starts were missed because no lane was free."""
    seen = f"{_rates(metrics)}, {metrics.window.missed_rps:.1f} RPS missed because no lane was free"
    if metrics.generator_limited:
        return _keep(f"{seen}, but the generator is at its CPU limit: more workers cannot help")
    wanted = _wanted(config, metrics)
    caps = {
        f"maxWorkers {config.max_workers}": config.max_workers - metrics.worker_count,
        "the run's worker limit": free_workers,
    }
    cap, room = min(caps.items(), key=lambda item: item[1])
    if room <= 0:
        return _keep(f"{seen}, but {cap} is reached")
    if wanted > room:
        return Verdict("scale-up", room, f"{seen}: up to {cap}")
    return Verdict("scale-up", wanted, seen)


def _wanted(config: AutoscaleConfig, metrics: EndpointMetrics) -> int:
    """How many workers more would be right."""
    have = metrics.worker_count
    if metrics.current_rps >= config.scale_up_threshold * metrics.target_rps:
        # Nearly there: in proportion to what is missing.
        share = metrics.window.missed_rps / metrics.target_rps if metrics.target_rps > 0 else 0.0
        return max(1, ceil(have * share - _DUST))
    wanted = max(1, ceil(have * config.scale_up_factor - _DUST))
    needed = _needed(metrics)
    return wanted if needed is None else min(wanted, max(1, needed - have))


def _needed(metrics: EndpointMetrics) -> int | None:
    """Little's law: the workers that the target asks for at the present occupied time (Little 1961); None without data."""
    occupied_s = metrics.window.mean_occupied_s
    if occupied_s is None:
        return None
    return ceil(metrics.target_rps * occupied_s / metrics.lanes_per_worker - _DUST)


# ---------------------------------------------------------------------------------------------------------------- shrink


def _shrink(config: AutoscaleConfig, metrics: EndpointMetrics) -> Verdict:
    """Nothing was missed, so the pool is large enough: find out whether it is too large."""
    enough = config.scale_down_threshold * config.target_rps
    hindrance = _hindrance(config, metrics, enough)
    if hindrance is not None:
        return _keep(hindrance)
    have = metrics.worker_count
    capacity = metrics.capacity_rps or 0.0
    floor, name = max(
        (config.min_workers, "minWorkers"),
        (_just_above(enough, capacity / have), f"a capacity above {enough:.1f} RPS"),
        (metrics.peak_workers, "the most occupied at once lately"),
    )
    goal = f"{config.scale_down_threshold:g} times {config.target_rps:.1f} RPS"
    seen = f"capacity {capacity:.1f} RPS with {have} workers exceeds {goal}"
    if have <= floor:
        return _keep(f"{seen}, but {floor} are needed for {name}")
    wanted = max(1, ceil(have * config.scale_down_factor - _DUST))
    if have - wanted < floor:
        return Verdict("scale-down", have - floor, f"{seen}: down to {floor} for {name}")
    return Verdict("scale-down", wanted, seen)


def _hindrance(config: AutoscaleConfig, metrics: EndpointMetrics, enough: float) -> str | None:
    """Why the pool must not shrink, or None."""
    window, capacity = metrics.window, metrics.capacity_rps or 0.0
    short = metrics.current_rps < config.scale_up_threshold * metrics.target_rps
    # A thousand pools are asked about every other second: only the sentence that is told is made.
    if not window.full:
        reason = f"the window is not full yet ({window.span_s:.1f} s)"
    elif short and metrics.generator_limited:
        reason = f"{_rates(metrics)}: the generator is at its CPU limit"
    elif metrics.capacity_rps is None:
        reason = "no attempt has ended in the window"
    elif capacity <= enough:
        reason = f"{_rates(metrics)}, capacity {capacity:.1f} RPS: as many as needed"
    elif window.attempts < COMPLETED_TO_SHRINK * window.starts_due:
        reason = f"{window.attempts} of {window.starts_due:.0f} starts due were completed: too few to judge"
    elif window.failures >= FAILED_TO_KEEP * window.attempts:
        reason = f"{window.failures} of {window.attempts} attempts failed: their times say nothing about the need"
    else:
        return None
    return reason


def _just_above(enough: float, per_worker: float) -> int:
    """The fewest workers whose capacity exceeds `enough`."""
    return int((enough / per_worker) + _DUST) + 1


def _rates(metrics: EndpointMetrics) -> str:
    return f"{metrics.current_rps:.1f} of {metrics.target_rps:.1f} RPS with {metrics.worker_count} workers"
