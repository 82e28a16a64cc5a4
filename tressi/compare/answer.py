"""The answer over finished runs: which design they make, and what it says. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tressi.compare.doubts import check_comparable, doubts, unsteady_words
from tressi.compare.exported import LEAST_RUNS, calibrated, one_against_one, several
from tressi.compare.sides import Common, Matched, matched, merged
from tressi.compare.verdict import DEFAULT_PRIMARY, concluded, judged
from tressi.stats.combine import least_permutation_p
from tressi.text import counted, labels, plain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tressi._core import Histogram
    from tressi.compare.result import Comparison, Design
    from tressi.compare.sides import Run

DEFAULT_MARGIN: Final = 0.05


@dataclass(frozen=True, slots=True)
class Settings:
    """How a comparison judges: the margin as a share of 1, and which metrics of each endpoint are primary."""

    margin: float = DEFAULT_MARGIN
    primary: tuple[str, ...] = DEFAULT_PRIMARY


def compared(before: Sequence[Run], after: Sequence[Run], settings: Settings, calibration: Sequence[Run] = ()) -> Comparison:
    """Compare finished runs. Raises ConfigError where they cannot be compared."""
    every = [*before, *after, *calibration]
    found = matched(every)
    check_comparable(every, found)
    doubtful = doubts(before, after, found)
    warnings, names_side = list(doubtful.warnings), True
    design: Design = "runs"
    if len(before) == len(after) == 1:
        design, names_side = "one-against-one", bool(calibration)
        spread = calibrated(calibration, _of(found, len(before) + len(after))) if calibration else None
        estimates, unsteady = one_against_one(before[0], after[0], found, spread)
        warnings = [_about_one_run(len(calibration)), *warnings]
        warnings += [unsteady_words(run, why) for run, why in zip((*before, *after), unsteady, strict=True) if why]
    else:
        estimates = several(before, after, found)
        warnings = [*_about_runs(len(before), len(after)), *warnings]
    metrics = judged(estimates, shown_of(before[0], found), settings.primary, settings.margin, names_side=names_side)
    return concluded(
        design,
        metrics,
        settings.margin,
        sides=(_side(before), _side(after)),
        units=(len(before), len(after)),
        warnings=warnings,
        blocked=doubtful.blocked,
    )


def distributions(before: Sequence[Run], after: Sequence[Run]) -> dict[str | None, tuple[Histogram, Histogram]]:
    """The response times of both sides, all runs of a side together, by what estimates call the endpoints."""
    found = matched([*before, *after])
    sides: dict[str | None, tuple[Histogram, Histogram]] = {}
    for one in found.common:
        whole = [run.whole[key] for run, key in zip([*before, *after], one.keys, strict=True)]
        sides[one.shown] = merged(whole[: len(before)]), merged(whole[len(before) :])
    if len(sides) > 1:
        return {None: (merged(a for a, _ in sides.values()), merged(b for _, b in sides.values())), **sides}
    return sides


def _of(found: Matched, skipped: int) -> Matched:
    """What is common, with the keys of the runs behind the first so many alone."""
    return Matched(tuple(Common(one.shown, one.keys[skipped:]) for one in found.common))


def shown_of(run: Run, found: Matched) -> Mapping[str | None, str]:
    """How each endpoint is shown, by what estimates call it; None is all together."""
    named = labels({key: endpoint["name"] for key, endpoint in run.endpoints.items()})
    shown: dict[str | None, str] = {one.shown: named.get(one.keys[0], plain(one.shown)) for one in found.common}
    return {None: "all endpoints", **shown}


def _side(runs: Sequence[Run]) -> str:
    return runs[0].label if len(runs) == 1 else f"{runs[0].label} and {counted(len(runs) - 1, 'more run')}"


def _about_one_run(calibration: int) -> str:
    if calibration:
        return f"one run a side; how much runs of one build differ is taken from {counted(calibration, 'run')}"
    return (
        "one run a side: two runs of one build differ as well, often by 10 % or more, so this says whether these two runs"
        " differ, not which build is slower; interleave them (--live), give 4 runs a side, or --calibrate"
    )


def _about_runs(before: int, after: int) -> Sequence[str]:
    if min(before, after) == 1:
        return ["one run against several: the interval is that of one further run, which is wide"]
    least_p = least_permutation_p(before, after)
    if min(before, after) < LEAST_RUNS:
        return [f"{before} and {after} runs: the least p value of so few is {least_p:.2g}; it takes {LEAST_RUNS} a side"]
    return []
