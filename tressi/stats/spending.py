"""Looking several times without being wrong more often: how small p must be at each look.

Who looks after 8, 16, 32 and 64 pairs and stops at the first p below 0.05 is wrong in 13 of 100 comparisons of equals. Alpha
spending (Lan and DeMets 1983) divides the 5 of 100 over the looks; in the form of O'Brien and Fleming nearly all is left for
the last: after a share t of the information either side has spent 2 - 2 Φ(z / √t), where z leaves 1.25 of 100 above it.

The limit of a look depends on the looks before it, none of which may have crossed its own. Their joint density is carried from
look to look by numerical integration (Armitage, McPherson and Rowe 1969).
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from tressi.stats.combine import rising
from tressi.stats.quantiles import normal_cdf, normal_quantile

if TYPE_CHECKING:
    from collections.abc import Sequence

PAIRS: Final = (8, 16, 32, 64)
_CELLS: Final = 240  # of Simpson's rule; even
_FARTHEST_Z: Final = 8.0


def spent(share: float, alpha: float = 0.05) -> float:
    """How much of `alpha` may be spent after a `share` (above 0, up to 1) of the information, in O'Brien and Fleming's form."""
    return 4 - 4 * normal_cdf(normal_quantile(1 - alpha / 4) / math.sqrt(share))


def look_levels(shares: Sequence[float], alpha: float = 0.05) -> list[float]:
    """The two-sided p that a look must be below, for looks at rising shares of the information (above 0, up to 1).

    Raises ValueError for shares that do not rise.
    """
    return [2 * normal_cdf(-limit) for limit in look_limits(tuple(shares), alpha)]


@lru_cache(maxsize=64)
def look_limits(shares: tuple[float, ...], alpha: float = 0.05) -> list[float]:
    """The same as |z|: 4.33, 2.96, 2.36 and 2.01 for four looks at equal distances. Raises ValueError as `look_levels` does."""
    if not rising(shares):
        raise ValueError(
            f"looks at {', '.join(map(str, shares)) or 'no share'} of the information: shares rise from above 0 to 1"
        )
    limits: list[float] = []
    density: list[tuple[float, float]] = [(0.0, 1.0)]  # of the sum, with the weights of the integration
    before = 0.0
    for share in shares:
        now = spent(share, alpha) - (spent(before, alpha) if before else 0.0)
        deviation = math.sqrt(share - before)
        limits.append(_limit(density, deviation, math.sqrt(share), now))
        density = _carried(density, deviation, limits[-1] * math.sqrt(share))
        before = share
    return limits


def _limit(density: Sequence[tuple[float, float]], deviation: float, root: float, wanted: float) -> float:
    """The |z| beyond which the sum lies with the probability `wanted`, and none of the looks before has crossed."""
    low, high = 0.0, _FARTHEST_Z
    for _ in range(50):
        middle = (low + high) / 2
        edge = middle * root
        beyond = sum(weight * 2 * normal_cdf((at - edge) / deviation) for at, weight in density)
        low, high = (middle, high) if beyond > wanted else (low, middle)
    return (low + high) / 2


def _carried(density: Sequence[tuple[float, float]], deviation: float, edge: float) -> list[tuple[float, float]]:
    """The density of the sum after a further step, within the edges, at the points of Simpson's rule and with its weights."""
    step = 2 * edge / _CELLS
    scale = step / 3 / (deviation * math.sqrt(2 * math.pi))
    found = []
    for cell in range(_CELLS + 1):
        at = -edge + cell * step
        height = sum(weight * math.exp(-(((at - then) / deviation) ** 2) / 2) for then, weight in density)
        found.append((at, scale * height * (1 if cell in {0, _CELLS} else 4 if cell % 2 else 2)))
    return found
