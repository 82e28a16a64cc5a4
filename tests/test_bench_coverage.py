"""The proof of the intervals: the queue is the one it is said to be, and its counts make a table and a picture."""

import math
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from bench.coverage import MOST_RPS, cell, queue
from bench.coverage_table import BEGIN, END, PERCENTS, fill, picture, table
from tressi._core import Histogram

pytestmark = pytest.mark.pure


def test_the_queue_has_exponential_response_times():
    """At half load with the rate of 500 a second; each run has every response in one of its seconds."""
    draw, merged = np.random.default_rng(5), Histogram()
    for _ in range(40):
        for second in queue(draw, 0.5, 3):
            merged.merge(second)
    assert merged.count == pytest.approx(40 * 3 * 500, rel=0.02)
    for percent in (50, 90, 99):
        assert merged.percentile(percent) / 1e6 == pytest.approx(-math.log(1 - percent / 100) / 500, rel=0.06)


def test_intervals_hold_the_truth_where_naive_ones_do_not():
    """A short form of the proof: 40 runs of 10 s at half load, whose counts are those of a seed."""
    p50, p90, _, p999 = cell(0.5, 10, 40, seed=1)
    assert MOST_RPS == 1000
    for row in (p50, p90):
        assert row["given"] >= 36
        assert row["missed"] <= 4
        assert row["naive_given"] == 40
        assert row["naive_missed"] >= 8
    assert p999["given"] <= 2


def rows(given, missed):
    return [
        {"load": 0.8, "seconds": 120, "percent": percent, "runs": 200, "given": given, "missed": missed, "unsteady": 0}
        | {"naive_given": 200, "naive_missed": 150, "width": 0.1 if given else None}
        for percent in PERCENTS
    ]


def test_the_table_says_shares():
    """Of intervals given, of all runs, and nothing of nothing."""
    line = table(rows(160, 8), head=False).splitlines()[0]
    assert line == "| 80 % | 120 s | p50 | 160 of 200 | 95.0 % | 4.0 % | 10 % | 25.0 % |"
    assert table(rows(0, 0), head=True).splitlines()[2] == "| 80 % | 120 s | p50 | 0 of 200 |  | 0.0 % |  | 25.0 % |"


def test_the_page_is_filled_between_its_marks(tmp_path):
    """What a person wrote before and behind stays, also the second time; the picture is well-formed."""
    page = tmp_path / "confidence.md"
    page.write_text(f"before\n{BEGIN}{END}behind\n", encoding="utf-8")
    document = {"runs": 200, "seed": 1, "rows": rows(160, 8), "wire": rows(150, 5)}
    fill(page, document)
    once = page.read_text(encoding="utf-8")
    fill(page, document)
    assert page.read_text(encoding="utf-8") == once
    assert once.startswith("before\n")
    assert once.endswith("behind\n")
    ET.fromstring(page.with_suffix(".svg").read_text(encoding="utf-8"))
    assert "Over the wire: runs of tressi" in once
    assert "(`--wire 200`)" in once
    assert "mostly says" in picture(rows(40, 2))
