"""How the workers of one endpoint, or the users of one flow, are scaled: settings with nothing left to inherit."""

from __future__ import annotations

from typing import Literal

from tressi.frozen import dataclass
from tressi.model.curve import Curve, Stage

Priority = Literal["high", "medium", "low"]


@dataclass(frozen=True, slots=True)
class AutoscaleConfig:
    """One autoscaled endpoint's resolved settings: nothing inherited is left open. Times are seconds.

    `target_rps` may be fractional: it can be a share of a total. `initial_workers` is None where the allocation decides.
    """

    target_rps: float
    min_workers: int
    max_workers: int
    ramp_up_time: float = 0.0
    scale_up_threshold: float = 0.9
    scale_down_threshold: float = 1.1
    scale_up_factor: float = 0.25
    scale_down_factor: float = 0.25
    cooldown_period: float = 2.0
    weight: float = 1.0
    priority: Priority = "medium"
    initial_workers: int | None = None
    stages: tuple[Stage, ...] = ()  # then `target_rps` is the highest of their rates, and `ramp_up_time` 0

    @property
    def curve(self) -> Curve:
        """The rate over the run's time."""
        return Curve.of(self.stages) if self.stages else Curve.ramp(self.target_rps, self.ramp_up_time)
