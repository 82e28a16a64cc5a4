"""The table's columns: what each shows of an endpoint, by what it is sorted, and which of them a width has room for."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Final, NamedTuple

from rich.cells import cell_len

from tressi.run.shortfall import mean_differs
from tressi.text import carries, plain, three_digits
from tressi.ui.rates import is_close, is_met
from tressi.ui.sentences import shows_successes

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Sequence

    from tressi.model import EndpointMoment
    from tressi.ui.live.run_state import Seen

FULLY_BUSY: Final = 0.95
TREND_SECONDS: Final = 60
LEAST_LABEL: Final = 12
_LEAST_TREND, _LEAST_ERRORS, _MOST_FAILURES = 6, 10, 44
_INDENT: Final = "  "
_STEP, _TWO_ERRORS = 4, 14  # the latter as wide as the most frequent error and how many other kinds there are
_ERRORS_BEFORE = 24  # so much of the errors is shown before a column that yields
_SPACIOUS = 100  # from this width on columns are two apart
_LONG, _ROUNDS_UP, _WHOLE = 1e5, 999.5, 10.0
_UNITS = ((1e3, "k"), (1e6, "M"), (1e9, "G"), (1e12, "T"))


class Row(NamedTuple):
    """An endpoint or a flow in the table, or all endpoints together: its last second, its name, and what went wrong so far.

    `has_rate`: it has a rate and workers of its own. The step of a flow has neither, and of all together a run with flows says
    no rate, because how many requests a start makes depends on the steps.
    """

    one: EndpointMoment
    label: str
    failures: Counter[str]
    has_rate: bool = True


@dataclass(frozen=True, slots=True)
class Column:
    """One column. Rows are sorted by `worth`, the largest first unless `is_rising`; None: it is nothing to sort by.

    `keep` says in which order columns are left out where a window has no room for all, the smallest first; one that `yields`
    is left out before a name is cut. `of_successes`: it is there only where so many attempts failed that it says something
    else than the others.
    """

    name: str
    keep: int
    least: int
    cell: Callable[[Row], str]
    worth: Callable[[Row], float | str] | None
    style: Callable[[Row], str] = lambda _: ""
    is_rising: bool = False
    of_successes: bool = False
    yields: bool = False


def rps(value: float | None) -> str:
    """A rate in six characters at most; None is "max": nothing limits it."""
    if value is None:
        return "max"
    return f"{value:.3g}" if 0 < value < _WHOLE else count(round(value))


def count(value: int) -> str:
    """A count in six characters at most: all its digits, or the first three."""
    if value < _LONG:
        return f"{value:,}"
    unit, name = next((one for one in _UNITS if value < _ROUNDS_UP * one[0]), _UNITS[-1])
    return f"{value / unit:.3g}{name}"


def failures_text(failures: Counter[str], room: int) -> str:
    """What went wrong how often, the most frequent first, as much of it as `room` cells hold."""
    parts = [f"{count(number)} {plain(kind)}" for kind, number in failures.most_common()]
    for shown in range(len(parts), 0, -1):
        more = f" +{len(parts) - shown}" if shown < len(parts) else ""
        text = ", ".join(parts[:shown]) + more
        # A status is known by its number.
        for shorter in (text, text.replace(" status ", " ")) if shown == 1 else (text,):
            if cell_len(shorter) <= room:
                return shorter
    return parts[0].replace(" status ", " ") if parts else ""


def met_style(rate: float, target: float | None) -> str:
    """The colour of a rate: whether it is the one asked for."""
    if target is None:
        return "cyan"
    if is_met(rate, target):
        return "green"
    return "yellow" if is_close(rate, target) else "red"


def carried_style(count: int, percent: float) -> str:
    """Dim where a percentile is of too few values to be relied on."""
    return "" if carries(count, percent) else "dim"


def _target(row: Row) -> str:
    """The rate asked for now, and its mean in the second that the other figures are of where a ramp makes that another."""
    if not row.has_rate:
        return ""
    one = row.one
    mean = f" ~{rps(one.target_rps)}" if mean_differs(one.asked_rps, one.target_rps) else ""
    return f"{rps(one.asked_rps)}{mean}"


def _workers(row: Row) -> str:
    """Workers, then the fewest and the most there may be."""
    one = row.one
    if one.flow is not None:
        return ""
    if one.min_workers is None and one.max_workers is None:
        return str(one.worker_count)
    return f"{one.worker_count} {one.min_workers}-{one.max_workers}"


def _style_workers(row: Row) -> str:
    """Yellow where a pool that has all the workers it may have is short of its target."""
    one = row.one
    at_cap = one.max_workers is not None and one.worker_count >= one.max_workers
    return "yellow" if at_cap and one.target_rps is not None and not is_met(one.current_rps, one.target_rps) else ""


COLUMNS: Final = (
    Column("endpoint", 12, LEAST_LABEL, lambda row: row.label, lambda row: row.label, is_rising=True),
    Column("target", 8, 6, _target, lambda row: _or_most(row.one.asked_rps) if row.has_rate else -1.0),
    Column(
        "rate",
        11,
        5,
        lambda row: rps(row.one.current_rps),
        lambda row: row.one.current_rps,
        lambda row: met_style(row.one.current_rps, row.one.target_rps),
    ),
    Column("trend", 1, _LEAST_TREND, lambda _: "", None, yields=True),
    Column("workers", 7, 8, _workers, lambda row: row.one.worker_count, _style_workers),
    Column(
        "busy",
        4,
        4,
        lambda row: f"{row.one.utilisation:.0%}" if row.one.flow is None else "",
        lambda row: row.one.utilisation,
        lambda row: "yellow" if row.one.utilisation >= FULLY_BUSY else "",
        yields=True,
    ),
    Column(
        "p50",
        2,
        5,
        lambda row: three_digits(row.one.p50_ms),
        lambda row: row.one.p50_ms or 0.0,
        lambda row: carried_style(row.one.response_count, 50),
        yields=True,
    ),
    Column(
        "p99",
        10,
        5,
        lambda row: three_digits(row.one.p99_ms),
        lambda row: row.one.p99_ms or 0.0,
        lambda row: carried_style(row.one.response_count, 99),
    ),
    Column(
        "svc p99",
        3,
        5,
        lambda row: three_digits(row.one.service_p99_ms),
        lambda row: row.one.service_p99_ms or 0.0,
        lambda row: carried_style(row.one.service_count, 99),
        yields=True,
    ),
    Column(
        "ok p99",
        6,
        5,
        lambda row: three_digits(row.one.success_p99_ms) if shows_successes(row.one) else "",
        lambda row: row.one.success_p99_ms or 0.0,
        lambda row: carried_style(row.one.success_count, 99),
        of_successes=True,
    ),
    Column(
        "missed",
        5,
        6,
        lambda row: count(row.one.missed) if row.one.flow is None else "",
        lambda row: row.one.missed,
        lambda row: "yellow" if row.one.missed_now else "dim",
    ),
    Column(
        "errors",
        9,
        _LEAST_ERRORS,
        lambda row: failures_text(row.failures, _MOST_FAILURES),
        lambda row: row.failures.total(),
        lambda row: "red" if row.one.error_rate else "dim",
    ),
)
_TO_THE_LEFT = frozenset({"endpoint", "trend", "errors"})


def is_left_aligned(column: Column) -> bool:
    """Whether a column is text and not a figure."""
    return column.name in _TO_THE_LEFT


def order(seen: Seen, name: str, *, is_reversed: bool = False, wanted: str = "") -> list[EndpointMoment]:
    """The endpoints as the table has them: by the column's worth, equal ones and those of no column as in the config.

    Of no column those that fail come first, a flow with its steps. Only those are there that have `wanted` in their names.
    """
    shown = [one for one in seen.endpoints if is_wanted(seen, one, wanted)]
    column = next((column for column in COLUMNS if column.name == name), None)
    if column is None or column.worth is None:
        first = _failing_first(seen, shown)
        return first[::-1] if is_reversed else first
    worth = column.worth
    rows = [row_of(seen, one) for one in shown]
    return [row.one for row in sorted(rows, key=worth, reverse=column.is_rising == is_reversed)]


def is_wanted(seen: Seen, one: EndpointMoment, wanted: str) -> bool:
    """Whether `wanted` is a part of the name, the key or the flow's name, whatever the case."""
    if not wanted:
        return True
    names = (seen.label(one.endpoint_key), one.endpoint_key, one.flow or "")
    return any(wanted.casefold() in name.casefold() for name in names)


def _failing_first(seen: Seen, shown: Sequence[EndpointMoment]) -> list[EndpointMoment]:
    """A flow stays in front of its steps: they come first together where one of them fails."""
    groups: list[list[EndpointMoment]] = []
    for one in shown:
        if one.flow is not None and groups and groups[-1][0].endpoint_key == one.flow:
            groups[-1].append(one)
        else:
            groups.append([one])
    groups.sort(key=lambda group: not any(map(seen.is_failing, group)))
    return [one for group in groups for one in group]


def row_of(seen: Seen, one: EndpointMoment) -> Row:
    """The row of an endpoint or a flow, or that of all together. A step stands a little to the right."""
    is_step = one.flow is not None
    has_flows = seen.moment is not None and bool(seen.moment.flows)
    has_rate = not is_step and not (has_flows and one.endpoint_key == "")
    return Row(one, f"{_INDENT * is_step}{seen.label(one.endpoint_key)}", seen.failures(one), has_rate)


def _or_most(value: float | None) -> float:
    return float("inf") if value is None else value


class Fitted(NamedTuple):
    """The columns that a window has room for, each with its width, and how far they are apart."""

    columns: tuple[tuple[Column, int], ...]
    gap: int


def fit(width: int, rows: Sequence[Row], longest_label: int, *, with_successes: bool = False) -> Fitted:
    """Choose columns for `width` cells. Figures get what they need, then names and errors, and the trend has the rest.

    Columns that yield to names are left out before a name is cut, and others once it is as short as it may be.
    """
    gap = 2 if width >= _SPACIOUS else 1
    errors = _wanted_errors(rows)
    widths = {column.name: _need(column, rows) for column in COLUMNS}
    wanted = (column for column in COLUMNS if with_successes or not column.of_successes)
    kept = sorted(wanted, key=lambda column: column.keep)
    has_missed_none = not any(row.one.missed for row in rows)
    label = max(longest_label, len("endpoint"))
    widths["endpoint"] = min(label, LEAST_LABEL)
    full = widths | {"endpoint": label, "errors": min(errors, _ERRORS_BEFORE)}
    for needs, may_go in ((full, True), (widths, False)):
        for column in list(kept[:-1]):
            if sum(needs[one.name] + gap for one in kept) - gap <= width:
                break
            # A column of nothing but zeros yields as well.
            if column.yields or not may_go or (column.name == "missed" and has_missed_none):
                kept.remove(column)
    names = {column.name for column in kept}
    free = width - sum(gap + (0 if is_left_aligned(column) else widths[column.name]) for column in kept) + gap
    widths |= _share(free, names, label, errors)
    return Fitted(tuple((column, widths[column.name]) for column in COLUMNS if column.name in names), gap)


def _wanted_errors(rows: Sequence[Row]) -> int:
    """The width that all errors of these rows have, in steps, so that a digit more does not move the other columns."""
    longest = max((cell_len(failures_text(row.failures, _MOST_FAILURES)) for row in rows), default=0)
    return max(_LEAST_ERRORS, _STEP * ceil((longest + 1) / _STEP))


def _need(column: Column, rows: Sequence[Row]) -> int:
    """The width that a column cannot do without."""
    if is_left_aligned(column):
        return column.least
    return max([column.least, len(column.name), *(len(column.cell(row)) for row in rows)])


def _share(free: int, names: set[str], longest_label: int, wanted_errors: int) -> dict[str, int]:
    """Share out `free` cells among the columns of text: what stands in them first, the trend next, the rest at the right."""
    errors = trend = 0
    least_trend = _LEAST_TREND if "trend" in names else 0
    if "errors" in names:
        half = max(_TWO_ERRORS, free // 2)
        errors = min(wanted_errors, max(_LEAST_ERRORS, free * 2 // 5, min(half, free - longest_label - least_trend)))
    label = min(longest_label, free - errors - least_trend)
    if "trend" in names:
        trend = min(TREND_SECONDS, free - errors - label)
    rest = free - label - trend - errors
    return {"endpoint": label + (0 if errors else rest), "trend": trend, "errors": errors + rest}
