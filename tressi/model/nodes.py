"""What a run over several machines says of each of them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NodeRecord:
    """One machine of a run, as it stands.

    `share` is its part of the run's rate and workers at the start, 0 to 1. Its clock was ahead of this machine's by
    `clock_offset_ms`, known to `clock_bound_ms`; `wall_ahead_ms` is the same of the wall clocks. `lost_at` is when it was
    lost, in seconds of the run (None: it was not), for the reason `lost`. `uncounted_at_most` is how many requests it may
    have made that are in no figure: 0 where its last word has come, None where no rate bounds them. `silent_s` is for how
    long nothing has been heard of it.
    """

    name: str
    address: str
    engines: int
    requests_made: int
    share: float
    clock_offset_ms: float
    clock_bound_ms: float
    wall_ahead_ms: float
    nice: int
    lost_at: float | None = None
    lost: str | None = None
    uncounted_at_most: int | None = 0
    silent_s: float = 0.0


@dataclass(frozen=True, slots=True)
class NodeFinding:
    """A rule of the self-check that a node found broken by itself; `number` grows with each that arrives from any node.

    All else is as `stats.selfcheck.Finding` has it, whose `rule` this is the name of.
    """

    number: int
    node: str
    rule: str
    value: float
    limit: float
    lost: int
    of: int
    late_ms: float
