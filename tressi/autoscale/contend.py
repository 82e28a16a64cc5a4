"""Whose workers are they, when all want more than the run's limit? Pure functions.

An endpoint owns its allocated share. Above it, workers are borrowed from the free ones, and given back when an endpoint
below its share must grow. By priority, the higher may also take from the lowest what that has above its minimum, and
gives nothing back to it while it lives: else the two would hand the same workers to and fro at every evaluation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tressi.autoscale.allocate import PRIORITY_FACTOR

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
    debtors = [claim for claim in others if strategy != "priority-based" or not (claim.succeeds and _outranks(claim, mine))]
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
