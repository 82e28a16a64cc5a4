"""What a run looks like on a terminal: a pure function of the view, of what was seen, and of the window's size.

Every line is laid out here, so that only the rows shown are formatted, and none is longer than the window is wide.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.cells import cell_len
from rich.console import Group
from rich.text import Text

from tressi.model import ScalingDecision
from tressi.stats.nodes_words import nodes_words
from tressi.stats.summary_rows import node_row
from tressi.text import plain, shortened
from tressi.ui.first_decisions import Shrunk
from tressi.ui.live.chart import chart
from tressi.ui.live.columns import LEAST_LABEL, TREND_SECONDS, Row, failures_text, fit, is_left_aligned, row_of
from tressi.ui.live.detail import INDENT, detail, folded, ruled
from tressi.ui.live.help import help_lines
from tressi.ui.live.layout import Layout, Needs, layout
from tressi.ui.live.view import shown_by
from tressi.ui.sentences import LIMITED, change_line, decision_line, scaled, shrunk_line, threshold_line, time_left
from tressi.ui.standing import standing_of
from tressi.ui.trouble import told

if TYPE_CHECKING:
    from rich.console import RenderableType

    from tressi.model import Moment, ThresholdVerdict
    from tressi.ui.live.columns import Column, Fitted
    from tressi.ui.live.run_state import Event, Seen
    from tressi.ui.live.view import View

Size = tuple[int, int]
KEYS: Final = (
    ("↑↓", "select"),
    ("/", "filter"),
    ("s", "sort"),
    ("r", "reverse"),
    ("+-", "target"),
    ("p", "pause"),
    ("q", "end"),
    ("?", "help"),
)
_MARK = 2  # the cells before a row, for what points at the selected one
_TIME = 8  # the cells of an event's time
_FOLDING = 8  # from so many lines on a long event has several
_BAR_LEAST = 10
_WARNING_LINES = 2
_TONES: Final = {"good": "bold green", "warn": "bold yellow", "bad": "bold red", "none": "bold"}


def picture(view: View, seen: Seen, size: Size) -> RenderableType:
    """Draw on `size`, width and height in cells; the view is settled."""
    width, height = size
    if height < 1 or width < 1:
        return Group()
    parts = layout(height, needs_of(view, seen, width))
    lines = _header(seen, width)[: parts.title] + [Text(f"dashboard  {seen.address}", style="dim")] * parts.address
    lines += _middle(view, seen, parts, width)
    shown = lines[: height - 1]
    shown += [Text()] * (height - 1 - len(shown)) + [_footer(view, seen, parts, width)]
    for line in shown:
        line.no_wrap, line.overflow = True, "ellipsis"
    return Group(*shown)


def needs_of(view: View, seen: Seen, width: int) -> Needs:
    """What the picture is drawn from, in a window of that width."""
    if seen.moment is None:
        return Needs(0, 0, 0)
    warnings = sum(map(len, _warnings(seen.moment, seen, width)))
    return Needs(
        endpoints=len(shown_by(view, seen)),
        thresholds=len(_open_thresholds(seen.moment)),
        warnings=warnings,
        addresses=int(bool(seen.address)),
        events=len(seen.events) + len(seen.notes),
    )


def page_of(view: View, seen: Seen, size: Size) -> int:
    """How many endpoints are shown at once."""
    return layout(size[1], needs_of(view, seen, size[0])).rows


def _middle(view: View, seen: Seen, parts: Layout, width: int) -> list[Text]:
    """All that is between the header and the keys."""
    moment = seen.moment
    if view.is_helping:
        return help_lines(width)
    if moment is None:
        return [*_notes(seen, len(seen.notes)), Text("the first second has not passed", style="dim")]
    progress = _progress(moment, width, "" if parts.title else standing_of(moment, seen.labels).word)
    lines = [progress, *[Text()] * parts.gap, *_table(view, seen, parts, width)]
    lines += [line for warning in _warnings(moment, seen, width) for line in warning][: parts.warnings]
    lines += [_threshold(verdict, seen) for verdict in _open_thresholds(moment)[: parts.thresholds]]
    selected = next((one for one in seen.endpoints if one.endpoint_key == view.selected), None)
    if parts.detail and selected is not None:
        lines += detail(selected, seen, (width, parts.detail))
    return lines + _events(view, seen, parts, width)


# ------------------------------------------------------------------------------------------------------- top and bottom


def _header(seen: Seen, width: int) -> list[Text]:
    """What is run, and how it stands: what limits it now, and why."""
    moment = seen.moment
    state, style = ("starting", "dim") if moment is None else ("running", "green")
    if moment is not None and moment.warm_up:
        state, style = "warming up", "yellow"
    if moment is not None and moment.paused:
        state, style = " PAUSED ", "bold reverse yellow"
    if seen.is_ending or (moment is not None and moment.t >= moment.duration_s):
        state, style = " ENDING ", "bold reverse"
    title = _spread(Text.assemble(("tressi", "bold cyan"), f"  {seen.announcement}"), Text(state, style=style), width)
    if moment is None:
        return [title, Text()]
    word, tone, reasons = standing_of(moment, seen.labels)
    return [title, Text.assemble((word.upper(), _TONES[tone]), f"  {'; '.join(reasons)}")]


def _progress(moment: Moment, width: int, standing: str = "") -> Text:
    """A bar for the time or the requests, whatever ends the run first, and both in words."""
    words = "; ".join(filter(None, (time_left(moment), standing)))
    room = width - cell_len(words) - 2
    if room < _BAR_LEAST:
        return Text(words)
    share = min(1.0, moment.t / moment.duration_s) if moment.duration_s else 1.0
    if moment.max_requests is not None:
        share = max(share, min(1.0, moment.total.requests_made / moment.max_requests))
    done = round(room * share)
    return Text.assemble(("━" * done, "yellow" if moment.paused else "cyan"), ("─" * (room - done), "dim"), "  ", words)


def _footer(view: View, seen: Seen, parts: Layout, width: int) -> Text:
    """What was said to the last key, the filter that is typed, or the keys; and which of the endpoints are shown."""
    every, total = len(seen.endpoints), len(shown_by(view, seen))
    place = f"{view.offset + 1}-{min(total, view.offset + parts.rows)} of {total}" if total > parts.rows else ""
    if view.is_typing:
        how = f"{total} of {every}; Enter keeps it, Esc shows all"
        return _spread(Text.assemble(("/", "bold cyan"), plain(view.wanted), ("_", "blink")), Text(how, style="dim"), width)
    if view.wanted:
        place = f"/{plain(view.wanted)}  {place or f'{total} of {every}'}"
    left = Text(plain(view.message), style="bold yellow")
    if not view.message:
        left = Text("  ").join(Text.assemble((key, "bold cyan"), (f" {does}", "dim")) for key, does in KEYS)
    return _spread(left, Text(place, style="dim"), width)


def _spread(left: Text, right: Text, width: int) -> Text:
    """One text at each end of a line; the left one gives way."""
    room = width - right.cell_len - 2 if right.plain else width
    left.truncate(max(0, room), overflow="ellipsis", pad=True)
    return Text.assemble(left, "  ", right) if right.plain else left


# ------------------------------------------------------------------------------------------------------------ the table


def _table(view: View, seen: Seen, parts: Layout, width: int) -> list[Text]:
    """The endpoints' rows below their heading, and all together in one more."""
    moment = seen.moment
    if moment is None:
        return []
    shown = shown_by(view, seen)[view.offset : view.offset + parts.rows]
    rows = [row_of(seen, one) for one in shown]
    total = row_of(seen, moment.total)
    longest = max((cell_len(label) + _MARK * bool(moment.flows) for label in seen.labels.values()), default=0)
    fitted = fit(width - _MARK, [*rows, total], longest, with_successes=seen.has_failures)
    lines = [_heading(view, fitted)]
    lines += [_row(row, fitted, seen, is_selected=row.one.endpoint_key == view.selected) for row in rows]
    if not rows:
        lines.append(Text(f"  no endpoint has {plain(view.wanted)!r} in its name", style="dim"))
    if parts.total:
        lines.append(_row(total, fitted, seen, is_selected=False))
        lines[-1].stylize("bold")
    return lines


def _heading(view: View, fitted: Fitted) -> Text:
    """The columns' names; an arrow after the one sorted by, in the gap where it is a figure's."""
    line = Text(" " * _MARK)
    for column, width in fitted.columns:
        is_sorted = column.name == view.column
        arrow = ("▲" if column.is_rising != view.is_reversed else "▼") if is_sorted else ""
        inside, after = (arrow, "") if is_left_aligned(column) else ("", arrow)
        cell = _cell(Text(column.name + inside), column, width).append(after.ljust(fitted.gap))
        cell.stylize("bold cyan" if is_sorted else "bold dim")
        line.append_text(cell)
    line.right_crop(fitted.gap - len(after) if fitted.columns else 0)
    return line


def _row(row: Row, fitted: Fitted, seen: Seen, *, is_selected: bool) -> Text:
    line = Text.assemble(("▸ " if is_selected else "  ", "bold cyan"))
    for column, width in fitted.columns:
        line.append_text(_painted(row, column, width, seen, is_selected=is_selected)).append(" " * fitted.gap)
    line.right_crop(fitted.gap)
    return line


def _painted(row: Row, column: Column, width: int, seen: Seen, *, is_selected: bool) -> Text:
    """One cell."""
    if column.name == "trend":
        trend = seen.trends[row.one.endpoint_key]
        return _cell(chart(trend.last(TREND_SECONDS), trend.seconds, width)[0], column, width)
    cell = _cell(Text(_words(row, column, width), style=column.style(row)), column, width)
    if column.name == "endpoint" and is_selected:
        cell.stylize("reverse")
    if column.name == "workers" and row.one.max_workers is not None and " " in cell.plain.strip():
        cell.stylize("dim", cell.plain.rindex(" "))
    return cell


def _words(row: Row, column: Column, width: int) -> str:
    """What stands in a cell."""
    if column.name == "endpoint":
        return shortened(row.label, width)
    return failures_text(row.failures, width) if column.name == "errors" else column.cell(row)


def _cell(text: Text, column: Column, width: int) -> Text:
    """A text as wide as its column."""
    text.truncate(width, overflow="ellipsis")
    spaces = Text(" " * (width - text.cell_len))
    return Text.assemble(text, spaces) if is_left_aligned(column) else Text.assemble(spaces, text)


# ----------------------------------------------------------------------------------------------------------- what comes


def _events(view: View, seen: Seen, parts: Layout, width: int) -> list[Text]:
    """The latest events, the last one at the bottom; each in full where there is room for lines that go on."""
    # A name that the table may have cut, unless it stands in the detail.
    selected = seen.label(view.selected) if view.selected and not parts.detail else ""
    beside = selected if cell_len(selected) > LEAST_LABEL else ""
    heading = [ruled("scaling and changes", width, "dim", beside)] * parts.heading
    notes = _notes(seen, parts.events - 1)
    if not seen.events and parts.heading:
        return [*heading, *notes, Text("no pool has been scaled yet", style="dim")]
    return heading + notes + _latest(seen, parts.events - len(notes), width)


def _notes(seen: Seen, room: int) -> list[Text]:
    """What others said lately, as far as there is room."""
    said = list(seen.notes)[max(0, len(seen.notes) - room) :]
    return [Text(plain(note), style="red") for note in said]


def _latest(seen: Seen, room: int, width: int) -> list[Text]:
    """As many of the last events as `room` lines hold."""
    lines: list[Text] = []
    for event in reversed(seen.events):
        text = _event(event, seen)
        lines = (folded(text, width) if room >= _FOLDING else [text]) + lines
        if len(lines) >= room:
            break
    # Rather a line too few than an event without its beginning.
    while len(lines) > room or (lines and lines[0].plain.startswith(" " * INDENT)):
        lines.pop(0)
    return lines


def _event(event: Event, seen: Seen) -> Text:
    if isinstance(event, Shrunk):
        line = Text(shrunk_line(event))
        line.stylize("blue", _TIME)
        line.stylize("dim", 0, _TIME)
        return line
    if isinstance(event, ScalingDecision):
        line = Text(decision_line(event, seen.labels))
        line.highlight_words([scaled(event)], "green" if event.action == "scale-up" else "blue")
        line.stylize("dim", 0, _TIME)
        return line
    return Text(change_line(event, seen.labels), style="bold yellow")


def _warnings(moment: Moment, seen: Seen, width: int) -> list[list[Text]]:
    """What is wrong with the target, then with the generator: each on two lines at most, so that it can be read."""
    wrong = [one.sentence(seen.labels) for one in told(moment.troubles)]
    said = [*wrong, *(f"{LIMITED}: {plain(reason)}" for reason in moment.saturated_by)]
    shown = [folded(Text(words, style="bold red"), width)[:_WARNING_LINES] for words in said]
    return [*shown, *_nodes(moment, width)]


def _nodes(moment: Moment, width: int) -> list[list[Text]]:
    """The machines of a run over several, in one line; red once one of them was lost."""
    nodes = moment.reading.nodes
    if not nodes:
        return []
    style = "bold red" if any(node.lost is not None for node in nodes) else "dim"
    return [folded(Text(nodes_words([node_row(node) for node in nodes]), style=style), width)[:1]]


def _open_thresholds(moment: Moment) -> list[ThresholdVerdict]:
    """The thresholds that cannot hold any more, those that do not hold so far, then those without anything to judge."""
    return sorted((one for one in moment.thresholds if not one.passed), key=lambda one: (one.passed is None, not one.settled))


def _threshold(verdict: ThresholdVerdict, seen: Seen) -> Text:
    style = "dim" if verdict.passed is None else "bold red" if verdict.settled else "bold yellow"
    return Text(threshold_line(verdict, seen.labels), style=style)
