"""What keeps two sides from being compared, or makes the answer doubtful, in words. Pure functions of the summaries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import urlsplit

from tressi.config.messages import refusal
from tressi.text import common_origin, counted, plain, short_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tressi.compare.sides import Matched, Run

_MISSED: Final = 0.01
_MORE_FAILURES: Final = 0.01  # a share of attempts that fails on one side more, from which on a speed-up means nothing
_NAMED: Final = 3
# What may differ between two runs without a word: where it goes, what it is called, and where results go.
_OF_THE_TARGET: Final = {"baseUrl", "export", "$schema", "name", "labels", "seed", "url", "headers", "resolve"}


class Doubts(NamedTuple):
    """`warnings` are told beside the answer; where there is a `blocked`, no answer is given."""

    warnings: tuple[str, ...]
    blocked: tuple[str, ...]


def check_comparable(runs: Sequence[Run], found: Matched) -> None:
    """Raise ConfigError where nothing can be compared: no common endpoint, or a run without a measured request."""
    for run in runs:
        if run.summary["endReason"] == "error":
            raise refusal(f"{run.label} is of a run that tressi could not finish: its figures are not compared")
        if not run.summary["global"]["requestsMade"]:
            raise refusal(f"{run.label} has not one measured request")
    if not found.common:
        raise refusal("the runs have no endpoint in common: neither by key, nor by name, nor by path")


def doubts(before: Sequence[Run], after: Sequence[Run], found: Matched) -> Doubts:
    """All that a reader must know before trusting the answer."""
    every = [*before, *after]
    warnings = [note for run in every for note in run.notes]
    if found.lonely:
        named = ", ".join(map(plain, found.lonely[:_NAMED]))
        more = f" and {len(found.lonely) - _NAMED} more" if len(found.lonely) > _NAMED else ""
        warnings.append(f"not every run has {named}{more}: left out")
    warnings += _of_configs(every)
    warnings += _of_clocks(every)
    warnings += [words for run in every for words in _of_run(run)]
    warnings += _of_failures(before, after)
    return Doubts(tuple(dict.fromkeys(warnings)), tuple(_blocking(every)))


def _blocking(runs: Sequence[Run]) -> Iterator[str]:
    for run in runs:
        generator = run.summary["generator"]
        if generator["saturated"]:
            why = plain(generator["reasons"][0]) if generator["reasons"] else "its generator was at its limit"
            yield f"{run.label} measured its generator, not its target: {why}"


def _of_run(run: Run) -> Iterator[str]:
    total = run.summary["global"]
    asked = total["requestsMade"] + total["requestsMissed"]
    if asked and total["requestsMissed"] > _MISSED * asked:
        share = 100 * total["requestsMissed"] / asked
        yield f"{run.label} missed {share:.1f} % of its starts: its load was lighter than it should have been"
    if run.summary["endReason"] in {"interrupted", "stopped", "early-exit"}:
        yield f"{run.label} was ended before its time ({run.summary['endReason']})"


def unsteady_words(run: Run, reasons: Sequence[tuple[str, str]]) -> str:
    """That endpoints of a run have no steady state; (key, why) of each."""
    key, why = reasons[0]
    more = f", and so has {counted(len(reasons) - 1, 'more endpoint')}" if len(reasons) > 1 else ""
    return f"{run.label} has {plain(why)} ({short_key(key, common_origin(run.endpoints))}){more}"


def _of_clocks(runs: Sequence[Run]) -> Iterator[str]:
    clocks = {run.summary["generator"]["clock"] for run in runs}
    if len(clocks) > 1:
        named = " and ".join(sorted(map(plain, clocks)))
        yield f"the runs are timed by different clocks ({named}): they differ by some tens of microseconds for that alone"


def _of_failures(before: Sequence[Run], after: Sequence[Run]) -> Iterator[str]:
    shares = [_failed_share(runs) for runs in (before, after)]
    if abs(shares[1] - shares[0]) > _MORE_FAILURES:
        more = "after" if shares[1] > shares[0] else "before"
        yield (
            f"{100 * shares[0]:.1f} % of all attempts failed before and {100 * shares[1]:.1f} % after; a fast failure is no"
            f" speed-up, so compare times only once the side {more} fails as little as the other"
        )


def _failed_share(runs: Sequence[Run]) -> float:
    made = sum(run.summary["global"]["requestsMade"] for run in runs)
    return sum(run.summary["global"]["requestsFailed"] for run in runs) / made if made else 0.0


# ------------------------------------------------------------------------------------------------------------- configs


def _of_configs(runs: Sequence[Run]) -> Iterator[str]:
    """How the configs differ, beyond where the requests go."""
    first = dict(_settings(runs[0].summary["config"]))
    differing: dict[str, None] = {}
    for run in runs[1:]:
        other = dict(_settings(run.summary["config"]))
        differing |= dict.fromkeys(place for place in {**first, **other} if first.get(place) != other.get(place))
    if differing:
        named = ", ".join(map(plain, list(differing)[:_NAMED]))
        more = f" and {counted(len(differing) - _NAMED, 'setting')} more" if len(differing) > _NAMED else ""
        yield f"the runs did not have the same config: {named}{more} differ"


def _settings(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - any JSON value
    """Every setting with its place; of an address that of its path alone."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == "url" and isinstance(inner, str):
                yield f"{place}.url".lstrip("."), _path(inner)
            elif name not in _OF_THE_TARGET:
                yield from _settings(inner, f"{place}.{name}".lstrip("."))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _settings(inner, f"{place}[{number}]")
    else:
        yield place, value


def _path(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    return f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"


def has_same_load(documents: Sequence[Mapping[str, Any]]) -> bool:
    """Whether configs ask for the same, but for where it goes."""
    return len({tuple(map(repr, _settings(document))) for document in documents}) == 1
