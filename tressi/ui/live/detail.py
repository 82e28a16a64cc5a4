"""The selected endpoint in full, where a window has room for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from tressi.text import milliseconds, plain
from tressi.ui.live.chart import chart, peak_of
from tressi.ui.live.columns import rps

if TYPE_CHECKING:
    from tressi.model import EndpointMoment, EndpointSnapshot
    from tressi.ui.live.seen import Seen

_WORDS_LINES = 6
_SCALE_CELLS, _SECOND_CELLS = 8, 4


def detail(one: EndpointMoment, seen: Seen, size: tuple[int, int]) -> list[Text]:
    """Key, figures, statuses, errors with their reasons, and the rate of the last minutes, on as many lines as asked for."""
    width, height = size
    lines = [ruled(plain(one.endpoint_key), width, style="bold"), *(Text(f"   {line}") for line in _figures(one))]
    reading = seen.moment.reading.endpoints.get(one.endpoint_key) if seen.moment is not None else None
    if reading is not None:
        lines += [Text(f"   {line}") for line in _counts(reading)]
    lines += [Text()] * (_WORDS_LINES - len(lines))
    return lines + _rates(one.endpoint_key, seen, width, height - _WORDS_LINES)


def ruled(words: str, width: int, style: str, beside: str = "") -> Text:
    """A heading: words on a line across the window, and others at its right end where there is room for them."""
    line = Text.assemble(("── ", "dim"), (words, style), " ")
    end = Text.assemble(" ", (beside, "cyan"), (" ──", "dim")) if beside else Text()
    if line.cell_len + end.cell_len > width:
        end = Text()
    return line.append("─" * max(0, width - line.cell_len - end.cell_len), "dim").append_text(end)


def _figures(one: EndpointMoment) -> list[str]:
    bounds = "of the shared pool" if one.max_workers is None else f"(at least {one.min_workers}, at most {one.max_workers})"
    workers = f"{one.worker_count} worker{'s' * (one.worker_count != 1)} {bounds}"
    target = "as fast as responses come" if one.target_rps is None else f"of {rps(one.target_rps)} RPS"
    latencies = f"p50 {milliseconds(one.p50_ms)}, p99 {milliseconds(one.p99_ms)} ms"
    return [
        f"{rps(one.current_rps)} {target}; {workers}, {one.utilisation:.0%} busy; {latencies}",
        f"{one.requests_made} made, {one.error_rate:.0%} of the latest failed; {one.missed} missed, {one.missed_now} just now",
    ]


def _counts(reading: EndpointSnapshot) -> list[str]:
    statuses = ", ".join(f"{code}: {number}" for code, number in sorted(reading.status_codes.items()))
    reasons = {one.kind: f" ({plain(one.text)})" for one in reversed(reading.reasons)}
    kinds = sorted(reading.errors.items(), key=lambda error: -error[1])
    errors = ", ".join(f"{number} {plain(kind)}{reasons.get(kind, '')}" for kind, number in kinds)
    opened = f"connections opened: {reading.connections_opened}; retries: {reading.retries}"
    return [f"{opened}; statuses: {statuses or 'none'}", f"errors: {errors or 'none'}"]


def _rates(endpoint_key: str, seen: Seen, width: int, height: int) -> list[Text]:
    """The rate of the last minutes with its scale, a second as wide as there is room for."""
    trend, room = seen.trends[endpoint_key], max(1, width - _SCALE_CELLS)
    samples = trend.last(room)
    scale = [f"{rps(peak_of(samples)):>{_SCALE_CELLS - 2}} ┤", *["│"] * (height - 2), "0 ┤"]
    each = max(1, min(_SECOND_CELLS, room // max(1, len(samples))))
    bars = chart([sample for sample in samples for _ in range(each)], each * trend.seconds, room, height)
    return [Text.assemble((f"{mark:>{_SCALE_CELLS}}", "dim"), bar) for mark, bar in zip(scale, bars, strict=True)]
