"""How the lines of a window are shared out: all of them are used, and endpoints come first."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tressi.ui.live.layout import LEAST_DETAIL_LINES, MOST_DETAIL_LINES, Needs, layout

pytestmark = pytest.mark.pure


@given(
    st.integers(12, 120),
    st.builds(Needs, st.integers(1, 200), st.integers(0, 9), st.integers(0, 9), st.integers(0, 1)),
)
def test_every_line_is_used_and_none_twice(height, needs):
    """The parts and the three lines that are always there are the window, unless it is too small for all that is wrong."""
    parts = layout(height, needs)
    used = sum(parts) + 3
    assert used == height or (used > height and parts.events == 0 and parts.rows == 1)
    assert parts.rows <= needs.endpoints
    assert parts.detail in {0, *range(LEAST_DETAIL_LINES, MOST_DETAIL_LINES + 1)}


def test_endpoints_come_before_the_detail_and_the_detail_before_blank_lines():
    """A few endpoints leave room for it in a small window; many get twenty rows before it gets a line."""
    assert layout(24, Needs(4, 0, 0))[3:] == (4, 1, 1, 0, 0, 9, 4)
    many = Needs(40, 0, 0, events=100)
    assert (layout(24, many).rows, layout(24, many).detail, layout(24, many).events) == (13, 0, 4)
    assert (layout(40, many).rows, layout(40, many).detail) == (24, 0)
    assert (layout(50, many).rows, layout(50, many).detail) == (25, 9)
    assert layout(60, Needs(4, 0, 0)).detail == MOST_DETAIL_LINES
    assert (layout(40, Needs(40, 0, 0, events=1)).rows, layout(40, Needs(40, 0, 0, events=1)).events) == (30, 2)
