"""Which endpoint gets the workers when all endpoints together want more than the run's limit? Pure functions.

An endpoint owns its allocated share. Workers above its share are borrowed: it takes them from the free ones, and gives them
back when an endpoint below its own share must grow. Under `priority-based` an endpoint of a higher priority may also take
what one of a lower priority has above its `minWorkers`. It gives nothing back to that one as long as it has successes itself:
otherwise the two would hand the same workers to and fro at every evaluation.

Example: the limit is 30 workers, and the strategy is `priority-based`. The shares are 26 for an endpoint of high priority and 4
for one of low priority, whose `minWorkers` is 2. Low has borrowed 6 and has 10 workers; high has 20. No worker is free.

>>> high = Claim("high", workers=20, draining=0, share=26, min_workers=1, priority="high", succeeds=True)
>>> low = Claim("low", workers=10, draining=0, share=4, min_workers=2, priority="low", succeeds=True)

High may have 8 more: the 6 that low has borrowed, and 2 of low's own 4, down to its minimum.

>>> free_workers([high, low], 30, "high", "priority-based")
8
>>> [(donation.workers, donation.reason) for donation in donations([high, low], 30, "high", 8, "priority-based")]
[(6, 'gives borrowed workers back to high'), (2, 'low priority gives workers to high (high)')]

Under `proportional` only the borrowed ones come back. An endpoint without a success in its window neither borrows nor takes:
if high were dead, it would get nothing, for no worker is free.

>>> free_workers([high, low], 30, "high", "proportional")
6
>>> from dataclasses import replace
>>> free_workers([replace(high, succeeds=False), low], 30, "high", "priority-based")
0
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tressi.autoscale.allocate import PRIORITY_FACTOR
from tressi.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tressi.model import Priority, Strategy


@dataclass(frozen=True, slots=True)
class Claim:
    """One endpoint's position: what it has, what is its own (`share`), and the least it must keep."""

    endpoint_key: str
    workers: int
    draining: int
    share: int
    min_workers: int
    priority: Priority
    succeeds: bool  # at least one success in its window


@dataclass(frozen=True, slots=True)
class Donation:
    """Workers that one endpoint gives up for another, and why."""

    endpoint_key: str
    workers: int
    reason: str


def free_workers(claims: Sequence[Claim], limit: int, taker: str, strategy: Strategy) -> int:
    """How many more workers `taker` may have: free ones, and those it may reclaim or take."""
    mine = _claim_of(claims, taker)
    free = _unused(claims, limit)
    if not mine.succeeds:
        # A dead endpoint uses what is its own; it neither borrows nor takes.
        return max(0, min(free, mine.share - mine.workers))
    # Below 0 others still drain: they hold the limit's workers until their requests have ended.
    return max(0, free + sum(workers for _, workers, _ in _sources(claims, mine, strategy)))


def donations(claims: Sequence[Claim], limit: int, taker: str, wanted: int, strategy: Strategy) -> list[Donation]:
    """Who gives up how many, so that `taker` can grow by `wanted`; nobody while free workers suffice."""
    mine = _claim_of(claims, taker)
    lacking = wanted - max(0, _unused(claims, limit))
    given = []
    for donor, workers, reason in _sources(claims, mine, strategy) if mine.succeeds else ():
        count = min(workers, lacking)
        if count > 0:
            given.append(Donation(donor.endpoint_key, count, reason))
            lacking -= count
    return given


def _claim_of(claims: Sequence[Claim], endpoint_key: str) -> Claim:
    return next(claim for claim in claims if claim.endpoint_key == endpoint_key)


def _unused(claims: Sequence[Claim], limit: int) -> int:
    return limit - sum(claim.workers + claim.draining for claim in claims)


def _outranks(one: Claim, other: Claim) -> bool:
    return PRIORITY_FACTOR[one.priority] > PRIORITY_FACTOR[other.priority]


def _sources(claims: Sequence[Claim], mine: Claim, strategy: Strategy) -> list[tuple[Claim, int, str]]:
    """(donor, how many, why), in the order of being asked: borrowers first, the largest of them; then lower priorities."""
    others = [claim for claim in claims if claim.endpoint_key != mine.endpoint_key]
    owed = max(0, mine.share - mine.workers)
    # Of a thousand pools few have more than their share, and only those are sorted.
    have_more = [claim for claim in others if claim.workers > max(claim.share, claim.min_workers)] if owed else []
    debtors = [one for one in have_more if strategy != "priority-based" or not (one.succeeds and _outranks(one, mine))]
    found: list[tuple[Claim, int, str]] = []
    for claim in sorted(debtors, key=lambda claim: claim.share - claim.workers):
        borrowed = min(claim.workers - max(claim.share, claim.min_workers), owed)
        if borrowed > 0:
            owed -= borrowed
            found.append((claim, borrowed, f"gives borrowed workers back to {mine.endpoint_key}"))
    if strategy == "priority-based":
        found += _lower(others, mine, {claim.endpoint_key: count for claim, count, _ in found})
    return found


def _lower(others: Sequence[Claim], mine: Claim, reclaimed: dict[str, int]) -> list[tuple[Claim, int, str]]:
    """What endpoints of a lower priority have above their minimum, the lowest priority first."""
    lower = [claim for claim in others if _outranks(mine, claim)]
    found = []
    for claim in sorted(lower, key=lambda claim: PRIORITY_FACTOR[claim.priority]):
        spare = claim.workers - reclaimed.get(claim.endpoint_key, 0) - claim.min_workers
        if spare > 0:
            reason = f"{claim.priority} priority gives workers to {mine.endpoint_key} ({mine.priority})"
            found.append((claim, spare, reason))
    return found
