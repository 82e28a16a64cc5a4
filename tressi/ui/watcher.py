"""The seam between a run and its displays: what the run reports to them, and what they may ask of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tressi.model import Change, Draining, EngineSnapshot, Moment, ResolvedConfig, ScalingDecision
    from tressi.run.runner import EndpointRunner


class Watcher:
    """A display of a run while it lasts. This one shows nothing; others override the methods for the events they need."""

    def start(self, config: ResolvedConfig) -> None:
        """The run has started."""

    def moment(self, moment: Moment) -> None:
        """A second has passed."""

    def decision(self, decision: ScalingDecision) -> None:
        """A pool is scaled."""

    def change(self, change: Change) -> None:
        """Somebody changed the run."""

    def doing(self, words: str) -> None:
        """What the run does now, where something steers it, as a search for a capacity does; at the end, what it found."""

    def draining(self, draining: Draining) -> None:
        """The run's time is over, and another second was waited for what is in flight."""

    def drained(self, reading: EngineSnapshot) -> None:
        """What was in flight has ended too: the last reading."""

    def stop(self) -> None:
        """The run is over, its summary not yet made; may be called twice, and without a start."""

    def result(self, summary: Mapping[str, Any]) -> None:
        """The summary, whose table and files are written; may wait as long as somebody still looks, and is called last."""

    def leave(self) -> None:
        """Wait no longer in `result`, or do not begin to."""


class Controls(Protocol):
    """What a display may do to the run; `EndpointRunner` implements it."""

    @property
    def paused(self) -> bool:
        """Whether the run is paused."""

    def set_target(self, endpoint: str, rps: float, /) -> None:
        """Hold another rate from now on; `endpoint` is a key or a name. Raises TressiError where that cannot be."""

    def pause(self) -> bool:
        """Start nothing more until `resume`. Raises TressiError once the run is over."""

    def resume(self) -> bool:
        """Go on after a pause. Raises TressiError once the run is over."""

    def stop(self) -> bool:
        """Ask the run to end; its results are written."""


def attach(runner: EndpointRunner, watcher: Watcher) -> None:
    """Have the watcher told of everything that the run publishes; `stop` and `result` are the caller's to call."""
    runner.on("start", watcher.start)
    if type(watcher).moment is not Watcher.moment:  # what is published of a second costs something to make
        runner.on("snapshot", watcher.moment)
    runner.on("scaling", watcher.decision)
    runner.on("change", watcher.change)
    runner.on("draining", watcher.draining)
    runner.on("drained", watcher.drained)
