"""What an interleaved run is watched for: the readings at the borders of its blocks, and what each pair has by them.

A block's answers are those that came from the end of its guard to the beginning of its side's next block: a request that was
sent within the block and answered long after it is one of its own. Pure values in, pure values out; `Watched` keeps them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tressi.compare.interleaved import Measured
from tressi.compare.sides import merged

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tressi._core import Histogram
    from tressi.compare.blocks import Block, Turns
    from tressi.compare.interleaved import Pair
    from tressi.model import EndpointSnapshot, EngineSnapshot, Moment

# A reading that comes this much after its border belongs to the next second; the pair it is of is left out.
_LATE_S: Final = 0.4


class Watched:
    """The readings of an interleaved run. `keys` are (how it is shown, key of A, key of B) of each endpoint."""

    def __init__(self, plan: Turns, keys: Sequence[tuple[str, str, str]]) -> None:
        self._plan, self._keys = plan, keys
        self._borders = {border for block in plan.blocks for border in (block.begin_s, block.measured_s, block.end_s)}
        self._readings: dict[int, Mapping[str, EndpointSnapshot]] = {}
        self._last: Mapping[str, EndpointSnapshot] | None = None
        self.limits: dict[str, None] = {}  # why the generator was at its limit, in words
        self._seconds = self._limited_s = 0

    def moment(self, moment: Moment) -> None:
        """Take a second of the run."""
        self._seconds += 1
        self._limited_s += bool(moment.saturated_by)
        second = round(moment.t)
        if second in self._borders and abs(moment.t - second) <= _LATE_S:
            self._readings[second] = moment.reading.endpoints
        self._last = moment.reading.endpoints
        self.limits |= dict.fromkeys(moment.saturated_by)

    def drained(self, reading: EngineSnapshot) -> None:
        """Take the last reading, of what was still in flight too."""
        self._last = reading.endpoints
        self._readings[self._plan.length_s] = reading.endpoints

    def complete(self) -> int:
        """How many pairs are over."""
        now = max(self._readings, default=0)
        return sum(all(self._until(block) <= now for block in pair) for pair in self._pairs())

    def pairs(self, most: int | None = None) -> dict[str, list[Pair]]:
        """What both sides answered in each pair that was measured whole, by endpoint; of the first `most` pairs."""
        found: dict[str, list[Pair]] = {shown: [] for shown, _, _ in self._keys}
        for first, second in self._pairs()[:most]:
            for shown, *keys in self._keys:
                sides = [self._measured(block, key) for block, key in zip((first, second), keys, strict=True)]
                if sides[0] is not None and sides[1] is not None:
                    found[shown].append((sides[0], sides[1]))
        return found

    def distributions(self) -> dict[str | None, tuple[Histogram, Histogram]]:
        """The response times of both sides over all measured blocks, by endpoint; None is all together."""
        found: dict[str | None, tuple[Histogram, Histogram]] = {
            shown: (merged(a.response for a, _ in pairs), merged(b.response for _, b in pairs))
            for shown, pairs in self.pairs().items()
            if pairs
        }
        if len(found) > 1:
            every = list(found.values())
            return {None: (merged(a for a, _ in every), merged(b for _, b in every)), **found}
        return found

    def limited_share(self) -> float:
        """The share of seconds in which the generator was at its limit."""
        return self._limited_s / max(1, self._seconds)

    def missed_share(self) -> float:
        """The share of starts that found no free lane."""
        every = list((self._last or {}).values())
        missed = sum(one.missed for one in every)
        return missed / max(1, missed + sum(one.succeeded + one.failed for one in every))

    def _pairs(self) -> list[tuple[Block, Block]]:
        return list(zip(self._plan.of(0), self._plan.of(1), strict=True))

    def _until(self, block: Block) -> int:
        """The second up to which answers are a block's own."""
        if self._plan.at_once:
            return block.end_s
        later = [other.begin_s for other in self._plan.of(block.side) if other.begin_s >= block.end_s]
        return min(later, default=self._plan.length_s)

    def _measured(self, block: Block, key: str) -> Measured | None:
        before, after = (self._readings.get(second) for second in (block.measured_s, self._until(block)))
        if before is None or after is None:
            return None
        then, now = before[key], after[key]
        failed = now.failed - then.failed
        return Measured(now.response.since(then.response), now.succeeded - then.succeeded + failed, failed)
