"""The worked example of docs/autoscaling.md is what the autoscaler does."""

import re
from pathlib import Path

from simulated_queue import Endpoint, Simulation, settings

PAGE = (Path(__file__).parent.parent / "docs" / "autoscaling.md").read_text(encoding="utf-8")


def rows_below(heading):
    """The number cells of the first table below a heading."""
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return [[int(cell) for cell in re.findall(r"\d+", line)] for line in section.splitlines() if re.match(r"\| \d", line)]


def test_growing_is_as_the_page_says():
    """Each step's rate and count, and their arithmetic."""
    rows = rows_below("Growing, in numbers")
    one = Endpoint("GET /", settings(400, initial_workers=1), lambda _time_s: 0.05)
    Simulation(one).run(40)
    assert [row[4] for row in rows] == [workers for _, workers in one.counts]
    before = 1
    for _, rate, quarter, leaves, after in rows:
        assert rate == 20 * before
        assert leaves == 20 - before
        if rate < 360:
            assert quarter == -(-before // 4)
        assert after == before + min(quarter, leaves)
        before = after


def test_shrinking_is_as_the_page_says():
    """Each step's capacity and count, down to where it stays."""
    rows = rows_below("Shrinking, in numbers")
    one = Endpoint("GET /", settings(400), lambda _time_s: 0.05)
    Simulation(one).run(40)
    assert [row[3] for row in rows] == [workers for _, workers in one.counts]
    before = 100
    for _, capacity, quarter, after in rows:
        assert capacity == 20 * before
        assert quarter == -(-before // 4)
        assert after == before - quarter
        before = after
    assert one.workers == 23
