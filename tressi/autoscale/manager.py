"""The scaler: one greenlet that evaluates each endpoint once every cooldown of its own, and applies what was decided."""

from __future__ import annotations

import heapq
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import gevent

from tressi.autoscale.allocate import allocated
from tressi.autoscale.contend import Claim, donations, free_workers
from tressi.autoscale.decide import COOLDOWN_TOLERANCE_S, decide
from tressi.errors import TressiError
from tressi.log import log_error, log_failure
from tressi.model import EndpointMetrics, ScalingDecision

if TYPE_CHECKING:
    from collections.abc import Callable

    from tressi.model import AutoscaleConfig, EndpointSnapshot, EngineSnapshot, Level, Pools, ResolvedConfig

# For so long the claims of all pools are good, and for longer where to read them takes more than a share of that: a thousand
# endpoints take some 20 ms, on a busy machine far more, and the others of this thread have their work to do.
_CLAIMS_S: Final = 0.1
_CLAIMS_SHARE: Final = 0.1
# What is due within the tolerance of a cooldown is done at once, so much of it at most: with a thousand endpoints two of three
# awakenings are saved, and others of this thread wait for no more than a millisecond.
_AT_ONCE: Final = 16


class EndpointAutoscaleManager:
    """Scales every autoscaled endpoint of a run; `on_decision` hears of every action.

    `read` is the engine's, `now` is the run's clock, in seconds since its start. While `generator_limited` is set, no pool
    grows: the engine is at its CPU limit and more workers cannot help. While `paused` is set, nothing is evaluated.
    """

    def __init__(
        self,
        read: Callable[[Level, str | None], EngineSnapshot],
        pools: Pools,
        config: ResolvedConfig,
        on_decision: Callable[[ScalingDecision], object],
        now: Callable[[], float],
    ) -> None:
        self._read = read
        self._pools = pools
        self._config = config
        self._on_decision = on_decision
        self._now = now
        self._settings = {one.endpoint_key: one.autoscale for one in config.autoscaled if one.autoscale is not None}
        self._shares = dict(zip(self._settings, allocated(config), strict=True))
        # A flow contends with nobody: its users are limited by its own maxWorkers.
        self._flows = {flow.endpoint_key: flow.autoscale for flow in config.flows if flow.autoscale is not None}
        self._settings |= self._flows
        self._shares |= {key: settings.max_workers for key, settings in self._flows.items()}
        self._last_scale = dict.fromkeys(self._settings, float("-inf"))
        self._greenlet: gevent.Greenlet | None = None
        self._known: tuple[float, list[Claim]] = (float("-inf"), [])  # the claims of all pools, and when they were read,
        self._good_s = _CLAIMS_S  # and for how long they are good
        self.generator_limited = False
        self.paused = False
        self.last_decisions: dict[str, ScalingDecision] = {}

    def start(self) -> None:
        """Begin to evaluate."""
        if self._settings and self._greenlet is None:
            self._greenlet = gevent.spawn(self._watch)

    def stop(self) -> None:
        """Evaluate no more; what was decided stays."""
        if self._greenlet is not None:
            self._greenlet.kill()

    def evaluate(self, endpoint_key: str, at: float) -> ScalingDecision:
        """Decide on one endpoint at its scheduled time `at`, apply and publish; returns the decision."""
        snapshot = self._read("counters", endpoint_key).of(endpoint_key)
        # Reading all endpoints at each evaluation would cost their square; only a pool that may grow contends with them.
        is_flow, settings = endpoint_key in self._flows, self._settings[endpoint_key]
        claims = self._claims() if snapshot.window.missed and not is_flow else [self._claim(endpoint_key, snapshot)]
        limit = settings.max_workers if is_flow else self._config.worker_limit
        free = free_workers(claims, limit, endpoint_key, self._config.strategy)
        decision = decide(self._settings_at(endpoint_key, at), self._metrics(endpoint_key, snapshot), free, at)
        if is_flow:
            decision = replace(decision, reason=_of_users(decision.reason))
        elif decision.action == "scale-up":
            self._collect(claims, decision)
        self._apply(decision)
        return decision

    # ---------------------------------------------------------------------------------------------------- its small parts

    def _watch(self) -> None:
        """Evaluate each endpoint every cooldown of its own, the first times spread over it."""
        count = len(self._settings)
        due = [
            (settings.cooldown_period * (1 + place / count), place, key)
            for place, (key, settings) in enumerate(self._settings.items())
        ]
        heapq.heapify(due)
        while True:
            gevent.sleep(max(0.0, due[0][0] - self._now()))
            until = self._now() + COOLDOWN_TOLERANCE_S
            for _ in range(_AT_ONCE):
                at, place, key = due[0]
                if at > until:
                    break
                self._try(key, at)
                heapq.heapreplace(due, (self._next(at, self._settings[key].cooldown_period), place, key))

    def _try(self, endpoint_key: str, at: float) -> None:
        """Evaluate an endpoint; an evaluation that fails must not end the scaling."""
        try:
            if not self.paused:
                self.evaluate(endpoint_key, at)
        except TressiError as failure:
            # The engine is lost, which ends the run; that is not a mistake in tressi.
            log_error("an evaluation failed", endpoint=endpoint_key, reason=str(failure))
        except Exception as failure:  # noqa: BLE001 - see above
            log_failure("an evaluation failed", failure, endpoint=endpoint_key)

    def _next(self, at: float, period: float) -> float:
        """The next scheduled time that has not gone by: a hub that was held up skips evaluations, it does not repeat them."""
        behind = max(0.0, self._now() - at)
        return at + period * (1 + behind // period) if period > 0 else max(at, self._now()) + 0.1

    def _settings_at(self, endpoint_key: str, at: float) -> AutoscaleConfig:
        """The settings with the rate for which workers are kept: that at the end of the ramp or stage under way."""
        settings, curve = self._settings[endpoint_key], self._pools.wanted(endpoint_key).curve
        target_rps = settings.target_rps if curve is None else curve.heading_for(at)
        return settings if target_rps == settings.target_rps else replace(settings, target_rps=target_rps)

    def _apply(self, decision: ScalingDecision) -> None:
        self.last_decisions[decision.endpoint_key] = decision
        if decision.action != "maintain":
            self._adjust(decision)
            self._last_scale[decision.endpoint_key] = decision.timestamp
            self._pools.scale(decision.endpoint_key, decision.worker_count)
            self._on_decision(decision)

    def _adjust(self, decision: ScalingDecision) -> None:
        """Have the claims that are known say what the decision makes of them: where all pools grow, each would be read anew."""
        read_at, claims = self._known
        self._known = (
            read_at,
            [
                one
                if one.endpoint_key != decision.endpoint_key
                else replace(
                    one,
                    workers=decision.worker_count,
                    draining=one.draining + max(0, one.workers - decision.worker_count),
                )
                for one in claims
            ],
        )

    def _collect(self, claims: list[Claim], decision: ScalingDecision) -> None:
        """Have the donors give up what the endpoint lacks, each by a decision of its own."""
        limit, strategy = self._config.worker_limit, self._config.strategy
        have = {claim.endpoint_key: claim.workers for claim in claims}
        given: dict[str, tuple[int, str]] = {}
        for donation in donations(claims, limit, decision.endpoint_key, decision.workers, strategy):
            count, reason = given.get(donation.endpoint_key, (0, donation.reason))
            given[donation.endpoint_key] = (count + donation.workers, reason)
        for key, (count, reason) in given.items():
            self._apply(ScalingDecision(key, "scale-down", count, have[key] - count, reason, decision.timestamp))

    def _claims(self) -> list[Claim]:
        read_at, claims = self._known
        begun = self._now()
        if not 0 <= begun - read_at < self._good_s:
            endpoints = self._read("counters", None).endpoints
            claims = [self._claim(key, endpoints[key]) for key in self._settings if key not in self._flows]
            now = self._now()
            self._known, self._good_s = (now, claims), max(_CLAIMS_S, (now - begun) / _CLAIMS_SHARE)
        return claims

    def _claim(self, endpoint_key: str, snapshot: EndpointSnapshot) -> Claim:
        settings = self._settings[endpoint_key]
        return Claim(
            endpoint_key=endpoint_key,
            workers=snapshot.worker_count,
            draining=snapshot.draining,
            share=self._shares[endpoint_key],
            min_workers=settings.min_workers,
            priority=settings.priority,
            succeeds=snapshot.window.attempts > snapshot.window.failures,
        )

    def _metrics(self, endpoint_key: str, snapshot: EndpointSnapshot) -> EndpointMetrics:
        return metrics_of(
            snapshot,
            lanes_per_worker=self._config.concurrent_requests,
            last_scale_time=self._last_scale[endpoint_key],
            generator_limited=self.generator_limited,
        )


def metrics_of(
    snapshot: EndpointSnapshot, *, lanes_per_worker: int, last_scale_time: float, generator_limited: bool
) -> EndpointMetrics:
    """What the autoscaler decides by, from what the engine measured."""
    window = snapshot.window
    return EndpointMetrics(
        endpoint_key=snapshot.endpoint_key,
        current_rps=window.current_rps,
        target_rps=window.target_rps,
        avg_latency=1e3 * window.service_s / window.attempts if window.attempts else 0.0,
        error_rate=window.error_rate,
        worker_count=snapshot.worker_count,
        last_scale_time=last_scale_time,
        requests_made=snapshot.requests_made,
        requests_succeeded=snapshot.succeeded,
        requests_failed=snapshot.failed,
        utilisation=window.utilisation,
        capacity_rps=_capacity_rps(snapshot, lanes_per_worker),
        lanes_per_worker=lanes_per_worker,
        draining=snapshot.draining,
        generator_limited=generator_limited,
        window=window,
    )


def _capacity_rps(snapshot: EndpointSnapshot, lanes_per_worker: int) -> float | None:
    """What the present workers could do if never held back: lanes by the mean occupied time."""
    occupied_s = snapshot.window.mean_occupied_s
    if not occupied_s:
        return None
    return snapshot.worker_count * lanes_per_worker / occupied_s


def _of_users(reason: str) -> str:
    """A reason in the words of a flow: its attempts are starts, and its workers users."""
    return reason.replace("RPS", "starts per second").replace("workers", "users").replace("no lane", "no user")
