"""The plan of an interleaved run: when which side is sent to. Pure functions, and the config that does it.

Both sides are endpoints of one run. In turn each has its rate for a block, while the other has none; two blocks, one of each
side, are a pair, and which comes first is drawn for each pair. The first second of a block is a guard, in which connections are
opened again and caches are filled; it is measured in no figure. A drift of the machine that is slower than a pair is then the
same for both.

Example: two pairs of blocks of 1 s + 2 s, drawn A B and B A: A is sent to from 0 to 3 s and from 9 to 12 s, B from 3 to 9 s.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal

from tressi.config.messages import refusal
from tressi.model import AutoscaleConfig, Curve, ResolvedConfig, Stage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tressi.model import ResolvedEndpoint

Side = Literal[0, 1]
GUARD_S: Final = 1
SHORTEST_S: Final = 2
LONGEST_S: Final = 10
BEYOND: Final = 20  # so many requests of a block beyond the percentile that is compared
MARKS: Final = ("#A", "#B")  # behind an endpoint's key; a key has no fragment of its own
_MOST_WORKERS: Final = 500


@dataclass(frozen=True, slots=True)
class Block:
    """One side's turn: from `begin_s` to `end_s` of the run, measured from `measured_s` on."""

    side: Side
    pair: int
    begin_s: int
    measured_s: int
    end_s: int


@dataclass(frozen=True, slots=True)
class Turns:
    """All blocks of a run, in the order of time. `at_once`: both sides are sent to all the time, a block is a piece of it."""

    blocks: tuple[Block, ...]
    at_once: bool = False

    @property
    def length_s(self) -> int:
        """How long the run takes."""
        return max(block.end_s for block in self.blocks)

    def of(self, side: Side) -> tuple[Block, ...]:
        """The blocks of one side."""
        return tuple(block for block in self.blocks if block.side == side)

    def curve(self, side: Side, rps: float) -> tuple[Stage, ...]:
        """The stages of an endpoint of that side: its rate in its blocks, 0 in the others'."""
        if self.at_once:
            return (Stage(float(self.length_s), rps / 2, is_step=True),)
        return tuple(
            Stage(float(block.end_s - block.begin_s), rps if block.side == side else 0.0, is_step=True) for block in self.blocks
        )


def turns(pairs: int, measured_s: int, seed: int, *, at_once: bool = False) -> Turns:
    """So many pairs of blocks, the order within each drawn by the seed."""
    if at_once:
        pieces = [(pair, GUARD_S + pair * measured_s) for pair in range(pairs)]
        return Turns(
            tuple(
                Block(side, pair, begin_s if pair else 0, begin_s, begin_s + measured_s)
                for pair, begin_s in pieces
                for side in _SIDES
            ),
            at_once=True,
        )
    drawn, now_s, blocks = random.Random(seed), 0, []  # noqa: S311 - an order, no secret
    for pair in range(pairs):
        for side in _SIDES if drawn.random() < 0.5 else _SIDES[::-1]:  # noqa: PLR2004 - a coin
            blocks.append(Block(side, pair, now_s, now_s + GUARD_S, now_s + GUARD_S + measured_s))
            now_s += GUARD_S + measured_s
    return Turns(tuple(blocks))


_SIDES: Final[tuple[Side, Side]] = (0, 1)


def measured_s(config: ResolvedConfig, percent: float, *, at_once: bool = False) -> int:
    """How long a block is measured: so that the slowest endpoint has 20 requests beyond the percentile, within 2 to 10 s.

    Where both sides are sent to at once each has half its rate.
    """
    slowest = min(rate for _, rate in rates_of(config)) / (2 if at_once else 1)
    return max(SHORTEST_S, min(LONGEST_S, math.ceil(BEYOND / (1 - percent / 100) / slowest)))


def rates_of(config: ResolvedConfig) -> list[tuple[ResolvedEndpoint, float]]:
    """Each endpoint with its rate after any ramp. Raises ConfigError for what cannot be interleaved."""
    if config.flows or config.replay is not None:
        raise refusal(
            "flows and replayed logs cannot be interleaved: their users are in the middle of something when a block ends;"
            " run each side several times, and compare the exports (BASE… -- NEW…)"
        )
    found = []
    shared = config.shared_pool
    pooled = [one for one in config.endpoints if one.autoscale is None]
    for endpoint in config.endpoints:
        stages = endpoint.autoscale.stages if endpoint.autoscale is not None else shared.stages if shared is not None else ()
        if stages:
            raise refusal(f"{endpoint.endpoint_key} has stages; sides that are sent to in turn need one rate")
        rate = endpoint.autoscale.target_rps if endpoint.autoscale is not None else _shared_rate(config, len(pooled))
        if not rate:
            raise refusal(
                f"{endpoint.endpoint_key} has no rate: as fast as possible, the slower side would be sent less; give it"
                " targetRps or rps"
            )
        found.append((endpoint, rate))
    return found


def _shared_rate(config: ResolvedConfig, sharers: int) -> float | None:
    shared = config.shared_pool
    return None if shared is None or shared.target_rps is None else shared.target_rps / sharers


def interleaved_config(first: ResolvedConfig, second: ResolvedConfig, plan: Turns) -> ResolvedConfig:
    """One config that does both, as planned. Raises ConfigError where they do not fit together."""
    _check_alike(first, second)
    endpoints = tuple(
        endpoint for side, config in zip(_SIDES, (first, second), strict=True) for endpoint in _of(config, side, plan)
    )
    workers = sum(one.autoscale.max_workers for one in endpoints if one.autoscale is not None)
    return replace(
        first,
        endpoints=endpoints,
        shared_pool=None,
        worker_limit=workers,
        duration_s=float(plan.length_s),
        warm_up_s=0.0,
        max_requests=None,
        early_exit=None,
        thresholds=(),
        export=None,
        secrets=(*first.secrets, *second.secrets),
        resolve={**first.resolve, **second.resolve},
        warnings=tuple(dict.fromkeys((*first.warnings, *second.warnings))),
    )


def _of(config: ResolvedConfig, side: Side, plan: Turns) -> Iterator[ResolvedEndpoint]:
    for endpoint, rate in rates_of(config):
        # Workers cost nothing until they are needed, and a pool that limits would be measured instead of the target: so many as
        # a latency of a second takes (Little's law), and no fewer than the config allows.
        allowed = endpoint.autoscale.max_workers if endpoint.autoscale is not None else 0
        workers = max(allowed, min(_MOST_WORKERS, math.ceil(rate)), 1)
        stages = plan.curve(side, rate)
        settings = AutoscaleConfig(Curve.of(stages).peak_rps, workers, workers, initial_workers=workers, stages=stages)
        yield replace(endpoint, endpoint_key=f"{endpoint.endpoint_key}{MARKS[side]}", autoscale=settings, max_requests=None)


def _check_alike(first: ResolvedConfig, second: ResolvedConfig) -> None:
    """Raise ConfigError where two configs cannot be one run."""
    for name in (
        "tls",
        "proxy",
        "transport",
        "keep_alive",
        "follow_redirects",
        "arrival",
        "kept",
        "concurrent_requests",
        "data",
    ):
        if getattr(first, name) != getattr(second, name):
            raise refusal(f"the two configs differ in {name}, which is one for a whole run; make it the same in both")
    differing = {host for host in first.resolve if host in second.resolve and first.resolve[host] != second.resolve[host]}
    if differing:
        raise refusal(f"the two configs send {min(differing)} to different addresses by resolve, which is one for a whole run")


def paired_keys(first: Sequence[ResolvedEndpoint], second: Sequence[ResolvedEndpoint]) -> list[tuple[str, str, str]]:
    """(how it is shown, key of the first side, key of the second) of each endpoint that both have, marked as in the run.

    An endpoint is known by its key, else by its name, else by method and path. Raises ConfigError where they differ.
    """
    by = {_identity(one): one for one in second}
    same = {one.endpoint_key for one in first} == {one.endpoint_key for one in second}
    found = []
    for one in first:
        other = next((two for two in second if same and two.endpoint_key == one.endpoint_key), by.get(_identity(one)))
        if other is None:
            raise refusal(f"{one.endpoint_key} is in one of the two configs alone: give both the same name, or the same path")
        shown = one.endpoint_key if same else one.name or _identity(one)
        found.append((shown, f"{one.endpoint_key}{MARKS[0]}", f"{other.endpoint_key}{MARKS[1]}"))
    if len(second) != len(first):
        raise refusal(f"one config has {len(first)} endpoints and the other {len(second)}")
    return found


def _identity(endpoint: ResolvedEndpoint) -> str:
    if endpoint.name:
        return endpoint.name
    method, _, url = endpoint.endpoint_key.partition(" ")
    return f"{method} /{url.partition('://')[2].partition('/')[2]}"
