"""The selected endpoint in full, where a window has room for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.cells import set_cell_size
from rich.text import Text

from tressi.model import FlowMoment
from tressi.run.shortfall import mean_differs
from tressi.text import plain, short_key, three_digits
from tressi.ui.live.chart import chart, peak_of
from tressi.ui.live.columns import carried_style, rps
from tressi.ui.sentences import shows_successes
from tressi.vocabulary import status_name

if TYPE_CHECKING:
    from tressi.model import EndpointMoment, EndpointSnapshot
    from tressi.ui.live.run_state import Seen

INDENT: Final = 10  # of the further lines of a text that is folded
_LEAST_WORDS, _MOST_WORDS = 7, 12
_SCALE_CELLS, _SECOND_CELLS = 8, 4


def detail(one: EndpointMoment, seen: Seen, size: tuple[int, int]) -> list[Text]:
    """Key, figures, statuses, errors with their reasons, and the rate of the last minutes, on as many lines as asked for."""
    width, height = size
    lines = [ruled(_heading(one.endpoint_key, seen), width, style="bold")]
    lines += [Text(f"   {line}") for line in (_flow_figures(one) if isinstance(one, FlowMoment) else _figures(one, seen))]
    lines.append(_latencies(one))
    if isinstance(one, FlowMoment):
        lines += folded(Text(f"   {_steps(one, seen)}"), width)
    reading = seen.moment.reading.endpoints.get(one.endpoint_key) if seen.moment is not None else None
    if reading is not None:
        lines += [line for words in _counts(reading) for line in folded(Text(f"   {words}"), width)]
    # Errors with long reasons may take lines of the chart, as long as it stays one.
    words = min(_MOST_WORDS, max(_LEAST_WORDS, height // 2))
    lines = lines[: max(words, _LEAST_WORDS)]
    lines += [Text()] * (_LEAST_WORDS - len(lines))
    return lines + _rates(one.endpoint_key, seen, width, height - len(lines))


def _heading(endpoint_key: str, seen: Seen) -> str:
    """The whole key, behind the config's name where there is one."""
    key, label = plain(endpoint_key), seen.label(endpoint_key)
    return key if label == short_key(endpoint_key, seen.origin) else f"{label}  {key}"


def ruled(words: str, width: int, style: str, beside: str = "") -> Text:
    """A heading: words on a line across the window, and others at its right end where there is room for them."""
    line = Text.assemble(("── ", "dim"), (words, style), " ")
    end = Text.assemble(" ", (beside, "cyan"), (" ──", "dim")) if beside else Text()
    if line.cell_len + end.cell_len > width:
        end = Text()
    return line.append("─" * max(0, width - line.cell_len - end.cell_len), "dim").append_text(end)


def folded(text: Text, width: int) -> list[Text]:
    """A text on as many lines as its words need, the further ones indented."""
    if text.cell_len <= width:
        return [text]
    room = len(set_cell_size(text.plain, width).rstrip())
    cut = text.plain.rfind(" ", 0, room + 1) + 1
    if cut <= INDENT:
        return [text]
    first, rest = text.divide([cut])
    first.rstrip()
    return [first, *folded(Text.assemble(" " * INDENT, rest), width)]


def _flow_figures(one: FlowMoment) -> list[str]:
    users = f"{one.worker_count} user{'s' * (one.worker_count != 1)} (at least {one.min_workers}, at most {one.max_workers})"
    target = "as fast as users come to the end" if one.asked_rps is None else f"of {rps(one.asked_rps)} starts per second"
    if mean_differs(one.asked_rps, one.target_rps):
        target += f" (mean of the second {rps(one.target_rps)})"
    oldest = f", the first of them for {one.oldest_s:.1f} s" if one.in_flight else ""
    share = f"{one.error_rate:.0%} of the latest"
    ends = f"{one.started:,} started, {one.completed:,} completed, {one.abandoned:,} abandoned ({share})"
    return [
        f"{rps(one.current_rps)} {target}; {users}, {one.in_flight} on their way{oldest}",
        f"{ends}; {one.missed:,} missed, {one.missed_now:,} just now",
    ]


def _steps(one: FlowMoment, seen: Seen) -> str:
    """The steps in order, each with how many users were lost at it."""
    return "steps: " + " → ".join(f"{seen.label(key)}{f' ({lost} lost)' if lost else ''}" for key, lost in one.steps)


def _figures(one: EndpointMoment, seen: Seen) -> list[str]:
    if one.flow is not None:
        return _step_figures(one, seen)
    bounds = "of the shared pool" if one.max_workers is None else f"(at least {one.min_workers}, at most {one.max_workers})"
    workers = f"{one.worker_count} worker{'s' * (one.worker_count != 1)} {bounds}"
    target = "as fast as responses come" if one.asked_rps is None else f"of {rps(one.asked_rps)} RPS"
    if mean_differs(one.asked_rps, one.target_rps):
        target += f" (mean of the second {rps(one.target_rps)})"
    oldest = f", the oldest for {one.oldest_s:.1f} s" if one.in_flight else ""
    counts = f"{one.requests_made:,} made, {one.error_rate:.0%} of the latest failed; {one.missed:,} missed, {one.missed_now:,}"
    return [
        f"{rps(one.current_rps)} {target}; {workers}, {one.utilisation:.0%} busy",
        f"{counts} just now; {one.in_flight} in flight{oldest}",
    ]


def _step_figures(one: EndpointMoment, seen: Seen) -> list[str]:
    oldest = f", the oldest for {one.oldest_s:.1f} s" if one.in_flight else ""
    return [
        f"{rps(one.current_rps)} RPS; a step of the {seen.label(one.flow or '')}, whose users send it",
        (
            f"{one.requests_made:,} made, {one.error_rate:.0%} of the latest failed; {one.abandoned:,} users lost here;"
            f" {one.in_flight} in flight{oldest}"
        ),
    ]


def _latencies(one: EndpointMoment) -> Text:
    """Percentiles of the last second by their names; dim where they are of too few values."""
    whole, own = ("duration", "of its walk") if isinstance(one, FlowMoment) else ("response time", "service time")
    parts = [
        (whole, one.p50_ms, one.p99_ms, one.response_count),
        (own, one.service_p50_ms, one.service_p99_ms, one.service_count),
    ]
    if shows_successes(one):
        parts.append(("of successes", one.success_p50_ms, one.success_p99_ms, one.success_count))
    line = Text("   ")
    for number, (name, p50_ms, p99_ms, count) in enumerate(parts):
        line.append(f"{'; ' * (number > 0)}{name} p50 ").append(three_digits(p50_ms), carried_style(count, 50))
        line.append(", p99 ").append(three_digits(p99_ms), carried_style(count, 99)).append(" ms")
    return line


def _counts(reading: EndpointSnapshot) -> list[str]:
    statuses = ", ".join(f"{status_name(code)}: {number:,}" for code, number in sorted(reading.status_codes.items()))
    reasons = {one.kind: f" ({plain(one.text)})" for one in reversed(reading.reasons)}
    kinds = sorted(reading.errors.items(), key=lambda error: -error[1])
    errors = ", ".join(f"{number:,} {plain(kind)}{reasons.get(kind, '')}" for kind, number in kinds)
    opened = f"connections opened: {reading.connections_opened:,}; retries: {reading.retries:,}"
    opened += f"; redirects: {reading.redirects:,}" * bool(reading.redirects)
    return [f"{opened}; statuses: {statuses or 'none'}", f"errors: {errors or 'none'}"]


def _rates(endpoint_key: str, seen: Seen, width: int, height: int) -> list[Text]:
    """The rate of the last minutes with its scale, a second as wide as there is room for."""
    trend, room = seen.trends[endpoint_key], max(1, width - _SCALE_CELLS)
    samples = trend.last(room)
    scale = [f"{rps(peak_of(samples)):>{_SCALE_CELLS - 2}} ┤", *["│"] * (height - 2), "0 ┤"]
    each = max(1, min(_SECOND_CELLS, room // max(1, len(samples))))
    bars = chart([sample for sample in samples for _ in range(each)], each * trend.seconds, room, height)
    return [Text.assemble((f"{mark:>{_SCALE_CELLS}}", "dim"), bar) for mark, bar in zip(scale, bars, strict=True)]
