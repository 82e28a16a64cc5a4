"""Response times of a second in bands, ten to a decade: what a heat map is drawn of. Pure functions.

A histogram of a second has hundreds of counters, and a picture of a run needs some twenty numbers of it. Band k holds the
values from 10^(k/10) microseconds up to, and without, 10^((k+1)/10); so band 30 begins at 1 ms and band 40 at 10 ms.
Several seconds are merged by adding up their bands.

A list of bands is written as `[first, n, n, …]`: the number of the first band, then how many values are in it and in each of
those that follow; an empty list where there is no value.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import pairwise
from math import ceil
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tressi._core import Histogram

BANDS_A_DECADE: Final = 10
_LONGEST_US: Final = 3_600_000_000  # what a histogram holds
# The lower edge of each band, in whole microseconds, because every value is one.
_EDGES_US: Final = tuple(
    edge for band in range(10 * BANDS_A_DECADE) if (edge := ceil(round(10 ** (band / BANDS_A_DECADE), 6))) <= _LONGEST_US
)


def bands_of(histogram: Histogram) -> list[int]:
    """How many values of a histogram are in which band, as `[first, n, n, …]`."""
    if not histogram.count:
        return []
    first, last = _band_of(histogram.min_us), _band_of(histogram.max_us)
    if first == last:
        return [first, histogram.count]
    up_to = [*histogram.counts_up_to(edge - 1 for edge in _EDGES_US[first + 1 : last + 1]), histogram.count]
    return [first, up_to[0], *(after - before for before, after in pairwise(up_to))]


def band_edge_ms(band: int) -> float:
    """Where a band begins, in milliseconds."""
    return float(10 ** (band / BANDS_A_DECADE) / 1e3)


def merged_bands(parts: Iterable[Sequence[int]]) -> list[int]:
    """Several lists of bands added up."""
    filled = [part for part in parts if part]
    if not filled:
        return []
    first = min(part[0] for part in filled)
    counts = [0] * max(part[0] - first + len(part) - 1 for part in filled)
    for part in filled:
        for place, count in enumerate(part[1:], part[0] - first):
            counts[place] += count
    return [first, *counts]


def _band_of(value_us: float) -> int:
    return max(0, bisect_right(_EDGES_US, value_us) - 1)
