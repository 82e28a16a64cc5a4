"""The scaler's first decisions, told as one: pools that shrink to their need once the run has begun.

A run begins with workers for what it might need. Within two cooldowns each pool is looked at for the first time, and those that
have more than they need give it up in a few steps: many decisions that all say the same. As soon as a pool grows, the run is
at something else: a pool that shrinks then gives its workers to another, or gives back what it had just got.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tressi.frozen import dataclass
from tressi.text import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tressi.model import ResolvedConfig, ScalingDecision

# So many looks at each pool, and however long cooldowns are, no later than this.
_COOLDOWNS: Final = 4
_LONGEST_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Shrunk:
    """So many pools that shrank to their need, the last one `timestamp` seconds after the start: workers before and after."""

    timestamp: float
    pools: int
    before: int
    after: int

    @property
    def words(self) -> str:
        """What happened, in a sentence."""
        return f"{counted(self.pools, 'pool')} shrank to their need: {self.before:,} → {self.after:,} workers"


def first_s(config: ResolvedConfig) -> float:
    """For how many seconds after the start pools shrink to their need; 0 where fewer than two are scaled."""
    settings = [*(one.autoscale for one in config.endpoints), *(flow.autoscale for flow in config.flows)]
    cooldowns = [one.cooldown_period for one in settings if one is not None]
    return min(_LONGEST_S, _COOLDOWNS * max(cooldowns)) if len(cooldowns) > 1 else 0.0


def lasts_s(until_s: float, decision: ScalingDecision) -> float:
    """Until when pools shrink to their need, after a decision: no longer once one has grown."""
    return 0.0 if decision.action == "scale-up" else until_s


def is_first(decision: ScalingDecision, until_s: float) -> bool:
    """Whether a decision is one of those that are told together."""
    return decision.action == "scale-down" and decision.timestamp <= until_s


def told_together(decisions: Sequence[ScalingDecision]) -> Shrunk | None:
    """Decisions by which pools shrank, in their order, as one; None where fewer than two pools did."""
    before: dict[str, int] = {}
    after: dict[str, int] = {}
    for one in decisions:
        before.setdefault(one.endpoint_key, one.worker_count + one.workers)
        after[one.endpoint_key] = one.worker_count
    if len(before) <= 1:
        return None
    return Shrunk(decisions[-1].timestamp, len(before), sum(before.values()), sum(after.values()))
