"""The seam between a run and whatever makes its load: five methods."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol, TypeVar

if TYPE_CHECKING:
    from tressi.model.measurements import EngineSnapshot
    from tressi.model.pool import PoolId, Wanted

# What an engine is built from: `load.plan.Plan`, which this room does not know.
Built_contra = TypeVar("Built_contra", contravariant=True)
Level = Literal["counters", "all"]


class Engine(Protocol[Built_contra]):
    """The one seam for engines in this process, in a child, on another machine, for several as one, and for the fake one.

    What a run does with an engine, here with the fake one of tests:

    >>> from tressi import load_config
    >>> from tressi.load.plan import make_plan
    >>> from tressi.model import Curve, PoolId, Wanted
    >>> from tressi.testing.fake_engine import FakeEngine
    >>> engine = FakeEngine()
    >>> engine.build(make_plan(load_config({"requests": [{"url": "http://h/a"}], "rps": 50}), {PoolId(0): 4}))
    >>> _ = engine.go()
    >>> engine.want(PoolId(0), Wanted(workers=6, curve=Curve.held(80.0), version=1))
    >>> engine.read("counters").endpoints["GET http://h/a"].worker_count
    6
    >>> engine.stop(drain_s=5.0)
    """

    @property
    def lost(self) -> str | None:
        """Why it is gone, in words; None while it is there."""

    def build(self, plan: Built_contra) -> None:
        """Build every pool, and wait until that is done; nothing is sent yet. Raises EngineError where it cannot be."""

    def go(self, at_ns: int | None = None) -> int:
        """Start every pool together; returns at once, with the time on CLOCK_MONOTONIC at which the schedules begin.

        That is `at_ns`, or as soon as the engine can.
        """

    def want(self, pool: PoolId, wanted: Wanted) -> None:
        """Have a pool as it is wanted from now on; what is older than the last that came is passed over.

        A worker that is removed finishes its requests first.
        """

    def limit_connections(self, per_second: float) -> None:
        """Make so many connections a second at most from now on; for an engine that was built with such a limit."""

    def read(self, level: Level = "all", endpoint_key: str | None = None) -> EngineSnapshot:
        """Read the metrics as they stand, of one endpoint or of all; never blocks the engine, and works after `stop`.

        At the level `counters` a reading has each endpoint's counts and its sliding window, and nothing of the rest: no
        latencies, no reasons, no samples and nothing of the generator. What decides several times a second asks for no more.
        """

    def stop(self, drain_s: float) -> None:
        """Start nothing more, wait at most `drain_s` seconds for what is in flight, cut the rest; may be called twice.

        Raises EngineError where what it measured is not all that it did.
        """
