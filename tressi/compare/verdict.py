"""From intervals and a margin to an answer. Pure decisions.

Of one metric, by the 95 % interval of the ratio after / before:

- **the same within the margin**: the whole interval lies within it. This is shown, not what is left when no test was failed.
- **slower** or **faster**: it excludes 1, and the p value, corrected for the number of primary metrics, is below 0.05. Of 40
  metrics two would be below by chance alone.
- **cannot tell**: everything else, with how many pairs or runs would decide.

Of two single runs without calibration it is **differ** or **no difference shown**, because two runs of one build differ.

Example: a ratio of 1.03 from 1.01 to 1.05 is the same within 5 %, for it is all within 0.95 to 1.05. From 1.01 to 1.06 it is
slower, and from 0.99 to 1.06 the comparison cannot tell.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from tressi.compare.result import FAILURES, Comparison, Judged
from tressi.stats.combine import holm
from tressi.stats.contrast import joint_permutation_p

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from tressi.compare.result import Design, Estimate, MetricWord, Word

ALPHA: Final = 0.05
FAILURE_MARGIN: Final = 0.005  # half a percent of all attempts: more or fewer failures than that are a difference
DEFAULT_PRIMARY: Final = ("p99", FAILURES)
_MOST_NEEDED: Final = 100_000
_ROUNDED: Final = 1e-12


def judged(
    estimates: Sequence[Estimate],
    shown: Mapping[str | None, str],
    primary: Collection[str],
    margin: float,
    *,
    names_side: bool,
    alpha: float = ALPHA,
) -> tuple[Judged, ...]:
    """Each estimate with its verdict. `names_side`: the design can say which side is slower, not only that they differ.

    The metrics named in `primary` are primary of each endpoint; those of all endpoints together are where there is one endpoint
    only, for then they are the same.
    """
    is_primary = [one.metric in primary and one.endpoint_key is not None for one in estimates]
    asked = [one for one, main in zip(estimates, is_primary, strict=True) if main and one.p is not None]
    corrected = iter(corrected_p(asked))
    result = []
    for one, main in zip(estimates, is_primary, strict=True):
        p = next(corrected) if main and one.p is not None else one.p
        word = word_of(one, p, margin, alpha)
        if not names_side:
            word = "no-difference-shown" if word in {"same", "cannot-tell"} else "differ"
        result.append(Judged(one, shown[one.endpoint_key], main, word, p))
    return tuple(result)


def corrected_p(estimates: Sequence[Estimate]) -> list[float]:
    """The p values of primary metrics, corrected for how many they are: of several runs a side jointly, else by Holm."""
    sizes = {None if one.values is None else (len(one.values[0]), len(one.values[1])) for one in estimates}
    if len(sizes) == 1 and (size := sizes.pop()) is not None and min(size) > 1:
        every = [one.values for one in estimates if one.values is not None]
        return joint_permutation_p([before for before, _ in every], [after for _, after in every])
    return holm([one.p for one in estimates if one.p is not None])


def word_of(estimate: Estimate, p: float | None, margin: float, alpha: float = ALPHA) -> MetricWord:
    """The verdict on one metric."""
    if estimate.low is None or estimate.high is None:
        return "cannot-tell"
    is_failure = estimate.metric == FAILURES
    # On the log scale the margin is symmetric: twice as fast is as far as twice as slow.
    low, high = (one if is_failure else math.log(one) for one in (estimate.low, estimate.high))
    edge = FAILURE_MARGIN if is_failure else math.log1p(margin)
    if -edge - _ROUNDED <= low and high <= edge + _ROUNDED:
        return "same"
    if p is None or p > alpha or low <= 0 <= high:
        return "cannot-tell"
    if is_failure:
        return "more-failures" if low > 0 else "fewer-failures"
    return "slower" if low > 0 else "faster"


def concluded(
    design: Design,
    metrics: tuple[Judged, ...],
    margin: float,
    *,
    sides: tuple[str, str],
    units: tuple[int, int],
    warnings: Sequence[str] = (),
    blocked: Sequence[str] = (),
) -> Comparison:
    """The answer over all primary metrics; `sides` are what was compared, in words, `units` the pairs or the runs of each."""
    word: Word = "cannot-tell" if blocked else _overall([one.verdict for one in metrics if one.is_primary])
    needed = needed_units(metrics, margin, max(units)) if word == "cannot-tell" and not blocked else None
    return Comparison(design, word, margin, tuple(warnings), metrics, sides, units, needed, tuple(blocked))


def _overall(words: Sequence[MetricWord]) -> Word:
    """One endpoint that is slower makes the side slower, whatever became faster; to be the same, all must be."""
    if "slower" in words or "more-failures" in words:
        return "slower"
    if "differ" in words:
        return "differ"
    if "no-difference-shown" in words:
        return "no-difference-shown"
    if "faster" in words:
        return "faster"
    return "same" if words and set(words) <= {"same", "fewer-failures"} else "cannot-tell"


def needed_units(metrics: Sequence[Judged], margin: float, units: int) -> int | None:
    """How many more pairs, or runs a side, would decide the primary metrics that are open; None where that is not known.

    The interval must become so narrow that it excludes 1, or that it lies within the margin, whichever is nearer.
    """
    found = [_needed(one, margin) for one in metrics if one.is_primary and one.verdict == "cannot-tell"]
    known = [needed for needed in found if needed is not None]
    if not known or len(known) < len(found):
        return None
    return max(1, min(_MOST_NEEDED, max(known)) - units)


def _needed(judged_one: Judged, margin: float) -> int | None:
    one = judged_one.estimate
    if one.spread is None or one.before is None or one.after is None or one.units < 2:  # noqa: PLR2004 - one has no spread
        return None
    if one.metric == FAILURES:
        change, edge = abs(one.after - one.before), FAILURE_MARGIN
    else:
        if not one.before or not one.after:
            return None
        change, edge = abs(math.log(one.after / one.before)), math.log1p(margin)
    half = max(change, edge - change)
    # 2.3 instead of 1.96, for t at few pairs and a chance of more than a half to decide.
    return math.ceil((2.3 * one.spread / half) ** 2) if half > 0 else None
