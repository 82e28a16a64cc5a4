"""How the lines of a window are shared out: a pure function of its height and of how much there is to show."""

from __future__ import annotations

from typing import Final, NamedTuple

DETAIL_LINES: Final = 11
MOST_DETAIL_LINES: Final = 19
# From which height on a window has what, and how much of it.
_WITH_TITLE, _WITH_GAPS, _WITH_DETAIL = 12, 18, 36
_SMALL, _LARGE = 14, 30
_FIXED_LINES = 3  # progress, the table's head, the keys


class Needs(NamedTuple):
    """How many there are: endpoints, thresholds that are broken or undecided, warnings."""

    endpoints: int
    thresholds: int
    warnings: int


class Layout(NamedTuple):
    """How many lines each part of the picture has, from the top; keys and progress have one always."""

    title: int
    rows: int
    total: int
    gap: int
    warnings: int
    thresholds: int
    detail: int
    events: int


def layout(height: int, needs: Needs) -> Layout:
    """Share out the lines: endpoints come first, but in every window that is not tiny there is room for the latest events."""
    left = height - _FIXED_LINES
    title, total, gap = int(height >= _WITH_TITLE), int(needs.endpoints > 1), int(height >= _WITH_GAPS)
    left -= title + total + 2 * gap  # above the table, and the heading of the events
    warnings = min(needs.warnings, 3 if height >= _LARGE else 1)
    thresholds = min(needs.thresholds, 1 if height < _SMALL else 3 if height < _LARGE else 6)
    events = 1 if height < _SMALL else 4 if height < _LARGE else 8
    left -= warnings + thresholds
    detail = DETAIL_LINES if height >= _WITH_DETAIL else 0
    rows = max(1, min(needs.endpoints, left - events - detail))
    if detail:
        detail = min(MOST_DETAIL_LINES, detail + (left - rows - events - detail) // 2)
    return Layout(title, rows, total, gap, warnings, thresholds, detail, max(0, left - rows - detail))
