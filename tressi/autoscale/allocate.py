"""How many workers each endpoint starts with, and what its share of them is under contention. Pure functions."""

from __future__ import annotations

import heapq
from math import floor
from typing import TYPE_CHECKING

from tressi.model import WorkerAllocation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tressi.model import AutoscaleConfig, Priority, ResolvedConfig, Strategy

PRIORITY_FACTOR: Mapping[Priority, int] = {"high": 6, "medium": 3, "low": 1}


def allocate(config: ResolvedConfig) -> tuple[WorkerAllocation, ...]:
    """The workers that each autoscaled endpoint starts with, in config order.

    With `initialWorkers` an endpoint starts smaller than its share; what it leaves stays free for growth.
    """
    found = []
    for endpoint, count in zip(config.autoscaled, allocated(config), strict=True):
        autoscale = endpoint.autoscale
        if autoscale is not None:
            start = count if autoscale.initial_workers is None else min(count, autoscale.initial_workers)
            found.append(WorkerAllocation(endpoint.endpoint_key, start, autoscale.target_rps))
    return tuple(found)


def allocated(config: ResolvedConfig) -> list[int]:
    """Each autoscaled endpoint's share of the worker limit, in workers: what it may claim when others want more."""
    settings = [endpoint.autoscale for endpoint in config.autoscaled if endpoint.autoscale is not None]
    return distribute(
        config.worker_limit,
        shares(settings, config.strategy),
        [one.min_workers for one in settings],
        [one.max_workers for one in settings],
    )


def shares(settings: Sequence[AutoscaleConfig], strategy: Strategy) -> list[float]:
    """Each endpoint's share of the workers, 0 to 1, together 1: by weight, equally, or by weight and priority."""
    if strategy == "equal":
        claims = [1.0 for _ in settings]
    elif strategy == "priority-based":
        claims = [one.weight * PRIORITY_FACTOR[one.priority] for one in settings]
    else:
        claims = [one.weight for one in settings]
    total = sum(claims)
    # Without any weight at all nobody has a better claim than the others.
    return [claim / total for claim in claims] if total > 0 else [1 / len(claims) for _ in claims]


def distribute(total: int, parts: Sequence[float], least: Sequence[int], most: Sequence[int]) -> list[int]:
    """Divide `total` workers by share, each count within its bounds; together they are min(total, sum of `most`).

    Each begins at its share, rounded half up and brought within its bounds; then those that are furthest from their share
    give or take one at a time (the method of the largest remainder).
    """
    counts = [min(max(floor(total * part + 0.5), low), high) for part, low, high in zip(parts, least, most, strict=True)]
    over = sum(counts) - min(total, sum(most))
    step, bounds = (-1, least) if over > 0 else (1, most)
    # The heap's top has the most to give, or lacks the most; of equals the first in config order has more.
    heap = [
        (step * (count - total * part), step * place)
        for place, (count, part) in enumerate(zip(counts, parts, strict=True))
        if count != bounds[place]
    ]
    heapq.heapify(heap)
    for _ in range(abs(over)):
        if not heap:
            break
        off, turn = heapq.heappop(heap)
        place = step * turn
        counts[place] += step
        if counts[place] != bounds[place]:
            heapq.heappush(heap, (off + 1, turn))
    return counts
