"""Whether something grows: a robust slope through noisy readings, how sure it is, and what is said of it. Pure functions.

The slope is that of Theil and Sen: the median of the slopes between all pairs of points, which a third of the points may
spoil without moving it far. Memory is read in steps and remembers its past, so neighbouring readings are not independent,
and the usual formula for the interval would be too sure. So the interval comes from a bootstrap by blocks: what the line
leaves over is drawn again in blocks of neighbours, laid upon the line, and the slope is taken anew.
"""

from __future__ import annotations

import random
import statistics
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

DRAWS: Final = 400
BLOCK: Final = 5
SURE: Final = 0.95
FEWEST: Final = 2 * BLOCK
# The smallest block of memory that CPython's and glibc's allocators give: a leak of one block a connection is no less.
ONE_OBJECT: Final = 16.0


@dataclass(frozen=True)
class Slope:
    """What is gained for each unit of x, and the interval of 95 % around it."""

    value: float
    low: float
    high: float

    @property
    def is_flat(self) -> bool:
        """Whether the slope is 0 within its noise: the interval includes 0, or what it says is that something shrinks."""
        return self.low <= 0

    def verdict(self, one: float = ONE_OBJECT) -> str:
        """`flat`; `below one object` where the whole interval is below the least that a leak each time could be; `grows`."""
        return "flat" if self.is_flat else "below one object" if self.high < one else "grows"


def slope_of(xs: Sequence[float], ys: Sequence[float], seed: int = 1) -> Slope:
    """The slope of `ys` over `xs`, which must differ. Raises ValueError with fewer than ten points."""
    if len(xs) < FEWEST or len(xs) != len(ys):
        raise ValueError(f"{len(xs)} and {len(ys)} readings: a slope needs as many of both, {FEWEST} at least")
    value = _theil_sen(xs, ys)
    level = statistics.median(y - value * x for x, y in zip(xs, ys, strict=True))
    left = [y - level - value * x for x, y in zip(xs, ys, strict=True)]
    draw = random.Random(seed)
    found = sorted(
        _theil_sen(xs, [level + value * x + rest for x, rest in zip(xs, _redrawn(left, draw), strict=True)])
        for _ in range(DRAWS)
    )
    outside = round(DRAWS * (1 - SURE) / 2)
    return Slope(value, min(value, found[outside]), max(value, found[-1 - outside]))


def _theil_sen(xs: Sequence[float], ys: Sequence[float]) -> float:
    points = zip(xs, ys, strict=True)
    return statistics.median((y2 - y1) / (x2 - x1) for (x1, y1), (x2, y2) in combinations(points, 2))


def _redrawn(left: Sequence[float], draw: random.Random) -> list[float]:
    """As many residuals, in blocks of neighbours that begin anywhere."""
    found: list[float] = []
    while len(found) < len(left):
        begin = draw.randrange(len(left) - BLOCK + 1)
        found += left[begin : begin + BLOCK]
    return found[: len(left)]
