"""One run from its config to its summary.

Each part of a run is a greenlet that reads the engine and returns a value: the manager decides on workers, the timeline
keeps the seconds, the limits say when it is over. They meet in one event, `_ended`, which is set once, with the reason;
the first part to set it decides. After that, nothing is polled: the conducting greenlet drains, sums up and leaves.

Until then no greenlet of a run keeps its runner alive, unless somebody listens. So a runner that nobody holds any more, and
that nobody could stop, goes the way of every object without a reference, and its load ends with it.
"""

from __future__ import annotations

import signal
import sys
import time
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import gevent
from gevent.event import AsyncResult, Event

from tressi.autoscale.manager import EndpointAutoscaleManager
from tressi.config.load import load_config
from tressi.errors import ConfigError, ConfigProblem, TressiError
from tressi.load.plan import make_plan, uses_of
from tressi.load.tables import load_tables
from tressi.log import log_error, log_failure
from tressi.model import Draining, ResolvedConfig
from tressi.run.assembly import local_engine, pools_at_start
from tressi.run.cgroup import throttled_s
from tressi.run.discreet import Discreet
from tressi.run.events import Publisher
from tressi.run.limits import Limits, drain_s
from tressi.run.steering import Steering, check_target, endpoint_key_of
from tressi.run.timeline import Ending, Timeline
from tressi.run.unheld import SNAPSHOT_S, after, guarded, keep_time, weakly

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from os import PathLike

    from tressi.load.plan import Plan
    from tressi.model import Change, EndReason, Engine, EngineSnapshot, ScalingDecision
    from tressi.run.events import EventName
    from tressi.run.journal import Journal
    from tressi.run.kept import Interval

# What is left of a run after its last whole second is a moment of its own from this length on: a slot of the window.
_SHORTEST_MOMENT_S: Final = 0.1
_JOIN_S: Final = 1.0


def run(config: str | PathLike[str] | Mapping[str, Any] | ResolvedConfig) -> dict[str, Any]:
    """Do one run and return its summary. Cooperative: the caller's other greenlets go on meanwhile.

    Raises ConfigError for a config that breaks a rule, EngineError where this system has no engine. Whatever goes wrong
    later is in the summary's `endReason` and `endDetail`.
    """
    runner = EndpointRunner(config)
    runner.start()
    try:
        runner.wait()
    except BaseException:
        # A caller that is killed or interrupted leaves no load behind.
        runner.stop()
        raise
    return runner.summary()


class EndpointRunner:
    """A run that can be watched and steered. Its methods may be called from any greenlet of the thread that starts it.

    `config` is a path, `-`, an https URL, a dict or a config already resolved; a bad one raises ConfigError here.
    `engine` makes the load: the one of this process unless given. `journal` takes down every second of it, so that it can be
    recovered if this process is killed. `self.config` is the resolved config.
    A run goes on while somebody holds its runner or listens to it; else it ends as `stopped`, with a warning in the log.

    For example a run whose rate is changed while it lasts, on an engine without a network:

    >>> from tressi.testing.fake_engine import FakeEngine
    >>> config = {"requests": [{"url": "http://127.0.0.1:8080/fast"}], "rps": 50, "duration": 60}
    >>> runner = EndpointRunner(config, engine=FakeEngine())
    >>> runner.start()
    >>> runner.set_target("GET http://127.0.0.1:8080/fast", 80)
    >>> runner.stop(), runner.wait()
    (True, True)
    >>> [(change["action"], change["targetRps"]) for change in runner.summary()["changes"]]
    [('set-target', 80)]
    """

    def __init__(
        self,
        config: str | PathLike[str] | Mapping[str, Any] | ResolvedConfig,
        *,
        engine: Engine[Plan] | None = None,
        journal: Journal | None = None,
    ) -> None:
        self.config = config if isinstance(config, ResolvedConfig) else load_config(config)
        self._tables = load_tables(uses_of(self.config), self.config.replay)
        self._given_engine = engine
        self._publisher = Publisher()
        self._journal = journal
        self._ended, self._at_once = Event(), Event()
        self._end_reason: EndReason = "error"
        self._end_detail: str | None = None
        self._started = self._ended_at = 0.0
        self._result: AsyncResult[dict[str, Any]] = AsyncResult()
        self._greenlets: list[gevent.Greenlet] = []
        self._conductor: gevent.Greenlet | None = None
        self._is_conducted = False

    def __del__(self) -> None:
        """Have a run that nobody can stop any more ended like any other; the hub holds its runner until it is."""
        # Collected by whatever thread came to it, and perhaps before __init__ was through.
        if getattr(self, "_conductor", None) is not None and not self._is_conducted and not sys.is_finalizing():
            self._hub.loop.run_callback_threadsafe(self._be_dropped)

    # --------------------------------------------------------------------------------------------------- its public side

    def on(self, event: EventName, callback: Callable[[Any], object]) -> None:
        """Have `callback` called with one value at each event, in a greenlet of its own.

        `start`: the ResolvedConfig; `scaling`: a ScalingDecision; `change`: a Change; `snapshot`: a Moment, once a second;
        `early-exit`: the reason in words; `draining`: a Draining, once a second while what is in flight takes longer than
        that to end; `drained`: the last EngineSnapshot, of what was in flight too; `stop`: the
        summary. A callback that raises is logged. Raises ConfigError for any other event.
        """
        self._publisher.on(event, callback)
        self._publisher.subject = self

    def start(self) -> None:
        """Start the load and return. Raises TressiError when called twice, EngineError where this system has no engine.

        An engine that fails to start ends the run at once, with a summary whose `endReason` is `error`.
        """
        if self._conductor is not None:
            raise TressiError("a runner runs once: make another one for another run")
        self._engine = Discreet(self._given_engine or local_engine(), self.config)
        self._throttled_before_s = throttled_s() or 0.0
        self._timeline = Timeline(self.config, self._throttled_before_s)
        self._pools = pools_at_start(self.config, self._engine)
        self._manager = EndpointAutoscaleManager(
            self._engine.read, self._pools, self.config, weakly(self._take_decision), weakly(self._now)
        )
        self._steering = Steering(self._pools, self._manager, weakly(self._take_change), weakly(self._now))
        self._hub = gevent.get_hub()
        self._started_at = datetime.now(UTC).isoformat(timespec="milliseconds")
        if self._journal is not None:
            self._journal.begin(self.config, self._started_at)
        self._started = time.monotonic()
        try:
            self._set_up()
        except Exception as error:  # noqa: BLE001 - an engine may raise anything, and every end writes the summary
            self._fail(error)
        except BaseException:
            # The caller is killed, interrupted or out of time, and leaves no load behind.
            self._end("stopped", None)
            raise
        finally:
            self._publisher.start()
            self._conductor = gevent.spawn(after, self._ended, weakly(self._conduct))

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the run is over and every callback has returned, `timeout` seconds at most; say whether it is."""
        self._check_started()
        if self._publisher.is_delivering_here():
            self._result.wait(timeout)
            return bool(self._result.ready())
        return bool(self._publisher.delivered.wait(timeout))

    def stop(self) -> bool:
        """Ask the run to end as `stopped` and return at once; says whether this call is what ended it."""
        return self._end("stopped", None)

    def interrupt(self, signal_number: int) -> bool:
        """End the run as `interrupted` by a signal; once it is ending, a call cuts what is in flight at once.

        Never waits, so a signal handler may call it. Says whether this call is what ended the run.
        """
        if self._end("interrupted", signal.Signals(signal_number).name):
            return True
        self._at_once.set()
        return False

    def set_target(self, endpoint: str, rps: float, by: str = "") -> None:
        """Hold another rate from now on; 0 starts nothing. For an endpoint of the shared pool it is the whole pool's rate.

        `endpoint` is the key or the name of an endpoint, or of a flow, whose rate is its starts per second; `by` is shown as
        who asked for it (empty: a person). Raises ConfigError where none has it, where several have the name, for the step
        of a flow, and for a rate that is none; TressiError while no run is under way.
        """
        endpoint_key = endpoint_key_of(self.config, endpoint)
        check_target(endpoint_key, rps)
        if self.config.replay is not None:
            said = "this run has the times of a log, and its rate cannot be set; it can be paused"
            raise ConfigError([ConfigProblem(endpoint_key, said)])
        self._check_under_way()
        self._steering.set_target(endpoint_key, rps, by)

    def pause(self) -> bool:
        """Start nothing more until `resume`, and scale nothing; says whether the run was not paused already.

        What is in flight ends, the run's time goes on. Raises TressiError while no run is under way.
        """
        self._check_under_way()
        return self._steering.pause()

    def resume(self) -> bool:
        """Go on after a pause, each endpoint at its target; says whether there was a pause. Raises as `pause` does."""
        self._check_under_way()
        return self._steering.resume()

    @property
    def paused(self) -> bool:
        """Whether the run is paused."""
        return self._conductor is not None and self._steering.paused

    def summary(self) -> dict[str, Any]:
        """Wait for the end of the run, if need be, and return its summary. Raises TressiError before `start`."""
        self._check_started()
        summary: dict[str, Any] = self._result.get()
        return summary

    def intervals(self) -> Iterator[Interval]:
        """The latencies of each row of the timeline, for exports; the last ones hold the drain. All of them are the run's."""
        return self._timeline.kept.intervals()

    # ------------------------------------------------------------------------------------------- the way through a run

    def _set_up(self) -> None:
        """Start the engine, then everything that watches it."""
        workers = {pool.id: self._pools.wanted(pool.endpoint_keys[0]).workers for pool in self._pools.all}
        self._engine.build(make_plan(self.config, workers, self._tables))
        begin_ns = self._engine.go()
        # The run's clock begins with the schedules. Ahead of them every second would lack its last slot.
        gevent.sleep(max(0, begin_ns - time.monotonic_ns()) / 1e9)
        self._started = time.monotonic()
        self._publisher.emit("start", self.config)
        self._manager.start()
        now, fail = weakly(self._now), weakly(self._fail)
        count = partial(self._engine.read, "counters")
        limits = Limits(self.config, count, now, weakly(self._end))
        self._greenlets = [
            gevent.spawn(guarded, fail, keep_time, self._ended, now, weakly(self._tick), self.config.warm_up_s),
            gevent.spawn(guarded, fail, limits.watch, self._ended),
        ]

    def _be_dropped(self) -> None:
        """The last reference but the hub's is gone while the run was under way, or before its end was seen to."""
        if self._end("stopped", None):
            import structlog  # noqa: PLC0415 - it takes long to import, and this is rare

            structlog.get_logger().warning(
                "a run is stopped, because nobody holds its runner or listens to it",
                remedy="keep the EndpointRunner until the run is over, or register a callback with on()",
            )
        self._conductor = gevent.spawn(self._conduct)

    def _conduct(self) -> None:
        """See the ended run through to its summary, whatever happens on the way."""
        if self._is_conducted:
            return
        self._is_conducted = True
        try:
            self._guard(self._wind_down)
            ended = self._timeline.last
            self._guard(self._drain)
            self._guard(self._close_timeline)
            self._publisher.emit("drained", self._timeline.last)
            self._result.set(self._sum_up(ended))
            self._publisher.emit("stop", self._result.get())
        except BaseException as error:
            # The caller that waits for the summary must get it: nobody sees an exception that ends a greenlet.
            self._result.set_exception(error)
            raise
        finally:
            self._publisher.close()

    def _tick(self) -> None:
        reading, throttled = self._engine.read(), throttled_s() or 0.0
        second = self._timeline.tick(self._now(), reading, paused=self._steering.paused, throttled_s=throttled)
        self._manager.generator_limited = any(finding.rule == "cpu" for finding in second.findings)
        if self._journal is not None:
            self._journal.second(second, throttled - self._throttled_before_s)
        if self._publisher.has_listener("snapshot"):
            self._publisher.emit("snapshot", second.moment)
        if second.abort is not None:
            self._end("early-exit", second.abort)

    def _wind_down(self) -> None:
        """Stop what watches the engine, and take the reading with which the run's time ends."""
        if not self._greenlets:
            return
        self._manager.stop()
        gevent.joinall(self._greenlets, timeout=_JOIN_S)
        gevent.killall(self._greenlets, block=False)
        if self._now() - self._timeline.last_t >= _SHORTEST_MOMENT_S:
            self._tick()
        else:
            self._close(self._engine.read(), drained=False)

    def _drain(self) -> None:
        """Let requests in flight end: for the graceful stop at most, or until a signal says at once. Each second says so."""
        patience_s = drain_s(self.config.graceful_stop_s, self._end_reason)
        drain = gevent.spawn(self._guard, self._engine.stop, patience_s)
        while not gevent.wait([drain, self._at_once], timeout=SNAPSHOT_S, count=1):
            self._guard(self._tell_of_drain, patience_s)
        if not drain.ready():
            self._engine.stop(0.0)
            drain.kill(block=False)

    def _tell_of_drain(self, patience_s: float) -> None:
        reading = self._count()
        in_flight = sum(one.in_flight for one in reading.endpoints.values())
        users = sum(one.in_flight for one in reading.flows.values())
        if in_flight or users:  # none is left while the engine closes
            self._publisher.emit("draining", Draining(self._now(), in_flight, patience_s, users))

    def _close_timeline(self) -> None:
        # An engine that failed to start has measured nothing, and may have nothing to read.
        final = self._engine.read() if self._greenlets else self._timeline.last
        self._close(final, drained=True)

    def _count(self) -> EngineSnapshot:
        return self._engine.read("counters")

    def _close(self, reading: EngineSnapshot, *, drained: bool) -> None:
        delta = self._timeline.close(self._now(), reading)
        if self._journal is not None:
            self._journal.close(delta, drained=drained)

    def _sum_up(self, ended: EngineSnapshot) -> dict[str, Any]:
        ending = Ending(self._end_reason, self._end_detail, self._lasted_s(), ended)
        left_out = []
        if self._journal is not None:
            self._journal.end(ending)
            left_out = self._journal.left_out
        return self._timeline.sum_up(self._started_at, ending, left_out, gevent.sleep)

    # -------------------------------------------------------------------------------------------------- its small parts

    def _lasted_s(self) -> float:
        """The run's time: schedules end by themselves at the duration, however late that is noticed here."""
        lasted = max(0.0, self._ended_at - self._started)
        return min(lasted, self.config.duration_s) if self._end_reason == "duration" else lasted

    def _now(self) -> float:
        """Seconds since the run's start."""
        return time.monotonic() - self._started

    def _end(self, reason: EndReason, detail: str | None, at_s: float | None = None) -> bool:
        """End the run, `at_s` seconds after its start (None: now); the first to call this decides, and is told so."""
        if self._ended.is_set():
            return False
        self._end_reason, self._end_detail = reason, detail
        self._ended_at = time.monotonic() if at_s is None else self._started + at_s
        self._ended.set()
        if reason == "early-exit":
            self._publisher.emit("early-exit", detail)
        return True

    def _guard(self, action: Callable[..., object], *arguments: object) -> None:
        """Do `action`; whatever it raises ends the run, as an error unless there has been one before."""
        guarded(self._fail, action, *arguments)

    def _fail(self, error: BaseException) -> None:
        words = self._engine.hide(str(error) if isinstance(error, TressiError) else f"{type(error).__name__}: {error}")
        if words != self._end_detail:
            if isinstance(error, TressiError):
                log_error("the run failed", reason=words)
            else:
                log_failure("the run failed", error, self._engine.hide, reason=words)
        if not self._end("error", words) and self._end_reason != "error":
            # What was measured up to here may lack something: a run that lost its engine in the drain is no clean one.
            self._end_reason, self._end_detail = "error", words

    def _take_decision(self, decision: ScalingDecision) -> None:
        if decision.action != "maintain":
            self._timeline.take(decision)
        self._publisher.emit("scaling", decision)

    def _check_started(self) -> None:
        if self._conductor is None:
            raise TressiError("the run has not been started")

    def _check_under_way(self) -> None:
        if self._conductor is None or self._ended.is_set():
            raise TressiError("a run can be changed only while it is under way")

    def _take_change(self, change: Change) -> None:
        self._timeline.note(change)
        self._publisher.emit("change", change)
