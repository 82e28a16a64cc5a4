"""How the lines of a window are shared out: a pure function of its height and of how much there is to show."""

from __future__ import annotations

from typing import Final, NamedTuple

# The least of the detail that says something, and with a chart that is high enough for all rates.
LEAST_DETAIL_LINES: Final = 9
MOST_DETAIL_LINES: Final = 27
# From which height on a window has what, and how much of it.
_WITH_TITLE, _WITH_HEADING = 12, 18
_SMALL, _LARGE = 14, 30
# The detail takes no line from so many endpoints.
_ROWS_FIRST: Final = 20
_LEAST_EVENTS: Final = 2
_FIXED_LINES = 3  # progress, the table's head, the keys


class Needs(NamedTuple):
    """How many there are: endpoints, thresholds that are broken or undecided, warnings, lines with an address, events."""

    endpoints: int
    thresholds: int
    warnings: int
    addresses: int = 0
    events: int = 0


class Layout(NamedTuple):
    """How many lines each part of the picture has, from the top; keys and progress have one always."""

    title: int
    address: int
    gap: int
    rows: int
    total: int
    heading: int
    warnings: int
    thresholds: int
    detail: int
    events: int


def layout(height: int, needs: Needs) -> Layout:
    """Share out the lines: endpoints come first, but in every window that is not tiny there is room for the latest events.

    What they leave has the selected endpoint in full, and with many endpoints the latest events.
    """
    left = height - _FIXED_LINES
    title, total = 2 * (height >= _WITH_TITLE), int(needs.endpoints > 1)
    heading, gap = int(height >= _WITH_HEADING), int(height >= _LARGE)
    address = needs.addresses * heading
    left -= title + address + gap + total + heading
    warnings = min(needs.warnings, 3 if height >= _LARGE else 1)
    thresholds = min(needs.thresholds, 1 if height < _SMALL else 3 if height < _LARGE else 6)
    events = 1 if height < _SMALL else 4 if height < _LARGE else 8
    left -= warnings + thresholds
    has_room_for_detail = left - events - LEAST_DETAIL_LINES >= _ROWS_FIRST
    if needs.endpoints > left - events and not has_room_for_detail:
        events = min(events, max(_LEAST_EVENTS, needs.events))  # no line stays empty that a row could have
    rows = max(1, min(needs.endpoints, left - events))
    detail = _detail(left - rows - events)
    if not detail and has_room_for_detail:
        detail = LEAST_DETAIL_LINES
        rows -= detail - (left - rows - events)
    return Layout(title, address, gap, rows, total, heading, warnings, thresholds, detail, max(0, left - rows - detail))


def _detail(spare: int) -> int:
    """How many of the lines that are left the detail has: the events get a quarter of what is more than it needs."""
    if spare < LEAST_DETAIL_LINES:
        return 0
    return min(MOST_DETAIL_LINES, LEAST_DETAIL_LINES + (spare - LEAST_DETAIL_LINES) * 3 // 4)
