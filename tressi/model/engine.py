"""The seam between a run and whatever makes its load: five methods."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tressi.model.asked import ResolvedConfig
    from tressi.model.measured import EngineSnapshot


Level = Literal["counters", "all"]


class Engine(Protocol):
    """The one seam for engines in this process, in a child, on another machine, and for the fake one of tests."""

    def start(self, config: ResolvedConfig, workers: Mapping[str, int]) -> None:
        """Start every pool together, each autoscaled endpoint with `workers[endpoint_key]`; returns at once."""

    def scale(self, endpoint_key: str, workers: int) -> None:
        """Make `workers` the endpoint's count; a worker that is removed finishes its requests first."""

    def set_rate(self, endpoint_key: str, target_rps: float | None) -> None:
        """Hold another rate from now on; 0 pauses, None is as fast as responses come back.

        A key of the shared pool sets the pool's rate.
        """

    def snapshot(self, endpoint_key: str | None = None, level: Level = "all") -> EngineSnapshot:
        """Read the metrics as they stand, of one endpoint or of all; never blocks the engine, and works after `stop`.

        At the level `counters` a reading has each endpoint's counts and its sliding window, and nothing of the rest: no
        latencies, no reasons, no samples and nothing of the generator. What decides several times a second asks for no more.
        """

    def stop(self, drain_s: float) -> None:
        """Start nothing more, wait at most `drain_s` seconds for what is in flight, cut the rest; may be called twice."""
