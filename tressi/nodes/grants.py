"""The attempts of maxRequests, granted to nodes bit by bit, so that a run over several machines makes exactly so many. Pure.

A grant is absolute: how many attempts a node may have begun in all by one count, of the run or of an endpoint. What all
nodes may have begun is never more than the limit. Of what is left unused, half is with the nodes, each by its share of what
is used, while that lasts a second or longer; then all of it. What a node does not use is taken back and given to those that
do. Once all are begun the count is closed, and the nodes are through. Until then one without any left only waits for more.

Example: 1,000 attempts, two nodes with the same share. Each is granted 250 at first. When they have begun 100 each, 800 are
left, of which each may have 200 before it: its grant is 300 now. At 100 a second all are with them when 200 are left.

What was granted to a node that is lost counts as begun, because it may be; if its last word still comes, the others get
what it did not use.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

_ENOUGH_S: Final = 1.0
_TELLING: Final = 20  # so many attempts used say what a node's share is; below, its workers do


@dataclass(slots=True)
class _Grant:
    """One count of one node: what it may have begun by its last answer, and by what was sent since."""

    confirmed: int = 0
    sent: int = 0
    most: int = 0  # of all that was sent since its last answer, which may not have come, or has come and was undone
    left: int = 0
    used: int = 0
    used_per_s: float = 0.0
    is_there: bool = True


class Count:
    """One limit, `total` attempts, over so many nodes."""

    def __init__(self, total: int, nodes: int) -> None:
        self.total = total
        self._grants = [_Grant() for _ in range(nodes)]

    @property
    def is_closed(self) -> bool:
        """Whether all attempts have begun: nothing changes any more."""
        return sum(one.used if one.is_there else one.most for one in self._grants) >= self.total

    def wanted(self, node: int, shares: Sequence[float]) -> int:
        """What a node is to be granted from now on, in all; `shares` are those of the workers of each."""
        grant = self._grants[node]
        if not grant.is_there or self.is_closed:
            return grant.sent
        unused = self.total - sum(one.used if one.is_there else one.most for one in self._grants)
        per_s = sum(one.used_per_s for one in self._grants if one.is_there)
        is_last = unused <= 2 * _ENOUGH_S * per_s or unused <= 2 * len(self._grants)
        before_it = self._part(node, unused if is_last else unused // 2, shares)
        others = sum(one.most for place, one in enumerate(self._grants) if place != node)
        grant.sent = max(0, min(grant.used + before_it, self.total - others))
        grant.most = max(grant.most, grant.sent)
        return grant.sent

    def answered(self, node: int, confirmed: int, left: int, span_s: float) -> None:
        """A node has said what it may have begun, and how much of that is left; `span_s` is since it said so before."""
        grant = self._grants[node]
        used = confirmed - left
        if span_s > 0:
            grant.used_per_s += min(1.0, span_s / _ENOUGH_S) * ((used - grant.used) / span_s - grant.used_per_s)
        grant.confirmed = grant.sent = grant.most = confirmed
        grant.left, grant.used = left, used

    def lose(self, node: int) -> None:
        """A node is gone: what it may have begun counts as begun."""
        self._grants[node].is_there = False

    def settle(self, node: int) -> None:
        """The last word of a node that was lost has come: it has begun what it said, and nothing more."""
        grant = self._grants[node]
        grant.confirmed = grant.sent = grant.most = grant.used

    def doubtful(self, node: int) -> int:
        """How many attempts a node may have begun of which it has said nothing."""
        return self._grants[node].most - self._grants[node].used

    def _part(self, node: int, attempts: int, shares: Sequence[float]) -> int:
        """A node's part of so many attempts: by what each uses, or before that is known by its workers. All parts sum up."""
        rates = [one.used_per_s if one.is_there else 0.0 for one in self._grants]
        known = sum(one.used for one in self._grants) >= _TELLING and sum(rates) > 0
        weights = rates if known else [share if one.is_there else 0.0 for one, share in zip(self._grants, shares, strict=True)]
        whole = sum(weights)
        if whole <= 0:
            return 0
        before = sum(weights[:node])
        return round(attempts * (before + weights[node]) / whole) - round(attempts * before / whole)
