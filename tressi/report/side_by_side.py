"""Two runs beside each other: the same figures of both, and how they differ. Pure functions of two summaries.

Nothing here judges. Two runs of one build differ as well, and what two runs alone can say of that is nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from tressi.run.flow_parts import as_endpoint, flows_of, is_flow, is_step
from tressi.run.judgement import judge_run
from tressi.text import carries, common_origin, milliseconds, plain, rate, short_key, summary_labels

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tressi.run.judgement import Judgement

    Summary = Mapping[str, Any]
    Part = Mapping[str, Any]

STATEMENT: Final = "It shows both runs and does not judge: two runs of one build differ as well."
_WORST_FIRST: Final = (False, None, True)
_THRESHOLD_WORDS: Final = {True: "passed", False: "failed", None: "not judged"}
_NO_CHANGE: Final = 0.05  # percent, which is shown as none


class Cell(NamedTuple):
    """A figure as a program and as a person reads it; `is_thin`: of too few values to be relied on."""

    value: float | None
    shown: str
    is_thin: bool = False


class Figure(NamedTuple):
    """One figure of both runs; None where a run has nothing of the kind. `unit` is said once."""

    name: str
    before: Cell | None
    after: Cell | None
    unit: str = ""

    @property
    def change(self) -> str:
        """By how much the second is more than the first, in percent; nothing where that cannot be said."""
        values = [cell and cell.value for cell in (self.before, self.after)]
        return change_words(*values)


class Row(NamedTuple):
    """An endpoint or a flow with its figures; `only` says which run alone has it, "A" or "B"."""

    label: str
    figures: tuple[Figure, ...]
    only: str
    places: tuple[int | None, int | None]  # among the endpoints and then the flows of each run


class Threshold(NamedTuple):
    """A condition and how it came out in each run; a verdict is None where a run did not have it."""

    text: str
    label: str
    verdicts: tuple[bool | None, bool | None]
    words: tuple[str, str]
    details: tuple[str, str]


class Run(NamedTuple):
    """What one run was: its verdict, what it is called and found by, and facts by their names."""

    judgement: Judgement
    name: str
    labels: dict[str, str]
    facts: dict[str, str]


def change_words(before: float | None, after: float | None) -> str:
    """`+12.5 %`, `-3.0 %`, `±0 %`; nothing where there is no share to speak of."""
    if before is None or after is None or not before:
        return ""
    percent = 100 * (after - before) / before
    return "±0 %" if abs(percent) < _NO_CHANGE else f"{percent:+,.1f} %"


def run_of(summary: Summary) -> Run:
    """One of the runs."""
    facts = {
        "started": f"{summary['startedAt'][:19].replace('T', ' ')} UTC",
        "duration": f"{summary['durationSec']:.1f} s",
        "warm-up": f"{summary['warmUpSec']:.1f} s" if "warmUpSec" in summary else "",
        "ended by": summary["endReason"],
        "endpoints": f"{len(summary['endpoints'])}",
        "target": common_origin(one["endpointKey"] for one in summary["endpoints"]),
        "generator": "limited" if summary["generator"]["saturated"] else "not limited",
        "tressi": summary["tressiVersion"],
    }
    labels = {plain(key): plain(value) for key, value in summary.get("labels", {}).items()}
    return Run(judge_run(summary), plain(summary.get("name", "")), labels, {name: plain(one) for name, one in facts.items()})


def facts_of(before: Run, after: Run) -> list[tuple[str, str, str]]:
    """What the runs were, fact beside fact, the name and the labels first; what neither has is left out."""
    keys = {**before.labels, **after.labels}
    found = [("name", before.name, after.name)]
    found += [(f"label {key}", before.labels.get(key, ""), after.labels.get(key, "")) for key in keys]
    found += [(name, value, after.facts[name]) for name, value in before.facts.items()]
    return [row for row in found if row[1] or row[2]]


# ------------------------------------------------------------------------------------------------------------- figures


def _time(of: str, name: str, percent: float | None) -> Callable[[Part], Cell | None]:
    def cell(part: Part) -> Cell | None:
        value = part[of][name]
        is_thin = percent is not None and not carries(part["requestsMade"], percent)
        return None if value is None else Cell(value, milliseconds(value), is_thin)

    return cell


def _count(name: str) -> Callable[[Part], Cell | None]:
    return lambda part: None if is_step(part) and name == "requestsMissed" else Cell(part[name], f"{part[name]:,}")


def _failed(part: Part) -> Cell:
    share = f" ({part['errorRate']:.1%})" if part["requestsFailed"] else ""
    return Cell(part["requestsFailed"], f"{part['requestsFailed']:,}{share}")


_TIMES: Final = tuple((f"p{percent}", "ms", _time("responseTimeMs", f"p{percent}", float(percent))) for percent in (50, 95, 99))
_OF_ALL: Final[tuple[tuple[str, str, Callable[[Part], Cell | None]], ...]] = (
    ("rate", "RPS", lambda part: Cell(part["rps"], rate(part["rps"]))),
    *((f"response {name}", unit, cell) for name, unit, cell in _TIMES),
    ("service p99", "ms", _time("serviceTimeMs", "p99", 99.0)),
    ("failed", "", _failed),
    ("missed", "", _count("requestsMissed")),
    ("requests", "", _count("requestsMade")),
)
_OF_EACH: Final = (_OF_ALL[0], *_TIMES, *_OF_ALL[5:7])


def cards(before: Summary, after: Summary) -> list[Figure]:
    """The figures of all endpoints together, and the workers that they took."""
    figures = [Figure(name, cell(before["global"]), cell(after["global"]), unit) for name, unit, cell in _OF_ALL]
    return [*figures, Figure("workers at the end", _workers(before), _workers(after))]


def _workers(summary: Summary) -> Cell | None:
    totals = [row["global"]["workerCount"] for row in summary["timeline"] if row.get("global")]
    return Cell(totals[-1], f"{totals[-1]:,}") if totals else None


def rows(before: Summary, after: Summary) -> list[Row]:
    """Endpoints, then flows: those of both runs in the order of the first, then those that one run alone has.

    An endpoint is found again by its key, or by how it is shown: the same path of another server is the same endpoint.
    """
    parts = [[*one["endpoints"], *map(as_endpoint, flows_of(one))] for one in (before, after)]
    shown = [_shown(one) for one in (before, after)]
    places = [{part["endpointKey"]: place for place, part in enumerate(of)} for of in parts]
    by_label = {shown[1][key]: key for key in places[1]}
    pairs: list[tuple[str | None, str | None]] = []
    for key in places[0]:
        same = key if key in places[1] else by_label.get(shown[0][key])
        pairs.append((key, same))
    taken = {same for _, same in pairs}
    pairs += [(None, key) for key in places[1] if key not in taken]
    found = [_row(pair, parts, shown, places) for pair in pairs]
    return sorted(found, key=lambda row: ("", "A", "B").index(row.only))


def _shown(summary: Summary) -> dict[str, str]:
    """How endpoints are shown, by key: by name, or without the origin that all have."""
    labels, origin = summary_labels(summary), common_origin(one["endpointKey"] for one in summary["endpoints"])
    return {key: labels.get(key) or short_key(key, origin) for key in labels}


def _row(
    pair: tuple[str | None, str | None],
    parts: Sequence[Sequence[Part]],
    shown: Sequence[Mapping[str, str]],
    places: Sequence[Mapping[str, int]],
) -> Row:
    at = tuple(None if key is None else places[side][key] for side, key in enumerate(pair))
    both = [None if place is None else parts[side][place] for side, place in enumerate(at)]
    label = next(shown[side][key] for side, key in enumerate(pair) if key is not None)
    first, second = both
    found = (
        Figure(name, cell(first) if first else None, cell(second) if second else None, unit) for name, unit, cell in _OF_EACH
    )
    only = "B" if pair[0] is None else "A" if pair[1] is None else ""
    is_of_flow = any(part is not None and is_flow(part) for part in both)
    return Row(f"{label} (flow)" if is_of_flow and not label.startswith("flow ") else label, tuple(found), only, (at[0], at[1]))


# ---------------------------------------------------------------------------------------------------------- thresholds


def thresholds(before: Summary, after: Summary) -> list[Threshold]:
    """Every condition of either run, those that are broken in one first."""
    shown = [_shown(one) for one in (before, after)]
    found: dict[tuple[str, str], list[Mapping[str, Any] | None]] = {}
    for side, summary in enumerate((before, after)):
        for one in summary["thresholds"]:
            key = one["endpointKey"]
            label = "all" if key is None else shown[side].get(key, plain(key))
            found.setdefault((one["threshold"], label), [None, None])[side] = one
    rows_ = [_threshold(text, label, both) for (text, label), both in found.items()]
    return sorted(rows_, key=lambda one: min(map(_rank, zip(one.verdicts, one.words, strict=True))))


def _rank(outcome: tuple[bool | None, str]) -> int:
    verdict, words = outcome
    return _WORST_FIRST.index(verdict) if words else len(_WORST_FIRST)


def _threshold(text: str, label: str, both: Sequence[Mapping[str, Any] | None]) -> Threshold:
    (first, first_words, first_detail), (second, second_words, second_detail) = map(_outcome, both)
    return Threshold(plain(text), label, (first, second), (first_words, second_words), (first_detail, second_detail))


def _outcome(verdict: Mapping[str, Any] | None) -> tuple[bool | None, str, str]:
    if verdict is None:
        return None, "", ""
    return verdict["passed"], _THRESHOLD_WORDS[verdict["passed"]], plain(verdict["detail"])
