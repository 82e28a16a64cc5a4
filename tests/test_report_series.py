"""The data of the report's charts: the summary's numbers, fewer of them in a long run, and never a mean of percentiles."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from summaries import histogram

from bench.long_run import long_summary
from tressi._core import Histogram
from tressi.hdr import encode_histogram
from tressi.report.page.series import (
    MOST_CELLS,
    MOST_POINTS,
    absent_words,
    chart_data,
    percentile_points,
    seconds_a_point,
)
from tressi.text import summary_labels

pytestmark = pytest.mark.pure

SCALES = {"utilisation": 100, "errorRate": 100}
UNDRAWN = {"serviceP50", "successP50", "statusCodes", "failures", "bands"}  # the last three are no columns of one number


def test_a_short_run_has_every_second():
    """Each figure of each endpoint and of the whole, to the digits that a chart can show; shares in percent."""
    summary = long_summary(endpoints=3, seconds=40)
    data = chart_data(summary)
    keys = [endpoint["endpointKey"] for endpoint in summary["endpoints"]]
    assert [one["key"] for one in data["endpoints"]] == list(summary_labels(summary).values())
    assert data["secondsAPoint"] == 1
    assert data["t"] == [round(row["t"], 1) for row in summary["timeline"]]
    drawn = [(data["total"], [row["global"] for row in summary["timeline"]])]
    for key, one in zip(keys, data["endpoints"], strict=True):
        drawn.append((one, [row["endpoints"][key] for row in summary["timeline"]]))
    for columns, rows in drawn:
        for name in rows[0].keys() - UNDRAWN:
            exact = [row[name] * SCALES.get(name, 1) for row in rows]
            assert columns[name] == pytest.approx(exact, rel=0.005), name


def test_what_is_unknown_is_a_gap():
    """A second without a value, without the endpoint, or a summary without the figures of all, is null and not 0."""
    summary = long_summary(endpoints=2, seconds=4)
    key = summary["endpoints"][0]["endpointKey"]
    summary["timeline"][1]["endpoints"][key]["p99"] = None
    del summary["timeline"][2]["endpoints"][key]
    del summary["timeline"][3]["global"]
    data = chart_data(summary)
    assert [value is None for value in data["endpoints"][0]["p99"]] == [False, True, True, False]
    assert [value is None for value in data["total"]["currentRps"]] == [False, False, False, True]


def test_a_point_of_several_seconds_shows_the_worst_of_them(monkeypatch):
    """Rates and utilisation are means, workers those at its end; latencies and failures are of the worst second."""
    summary = long_summary(endpoints=1, seconds=6)
    figures = [row["endpoints"][summary["endpoints"][0]["endpointKey"]] for row in summary["timeline"]]
    for second, one in enumerate(figures):
        one.update(currentRps=10.0 * second, p99=[5.0, None, 1.0, None, None, None][second], errorRate=0.1 * second)
        one.update(workerCount=second, missed=second, utilisation=0.2)
    monkeypatch.setattr("tressi.report.page.series.MOST_POINTS", 2)
    data = chart_data(summary)
    columns = data["endpoints"][0]
    assert data["secondsAPoint"] == 3
    assert data["t"] == [3.0, 6.0]
    assert columns["currentRps"] == [10, 40]
    assert columns["workerCount"] == [2, 5]
    assert columns["p99"] == [5, None]
    assert columns["errorRate"] == [20, 50]
    assert columns["missed"] == [1, 4]
    assert columns["utilisation"] == [20, 20]


def test_what_is_counted_is_added_up_and_shown_per_second(monkeypatch):
    """Statuses and kinds of failures, the most frequent first; a kind that a second has not was not there."""
    summary = long_summary(endpoints=1, seconds=4)
    rows = [row["endpoints"][summary["endpoints"][0]["endpointKey"]] for row in summary["timeline"]]
    for row, codes, failed in zip(
        rows,
        ({"200": 8}, {"200": 4, "503": 2}, {"503": 1}, {}),
        ({}, {"503": 2, "timeout": 6}, {"503": 1}, {}),
        strict=True,
    ):
        row.update(statusCodes=codes, failures=failed)
    (columns,) = chart_data(summary)["endpoints"]
    assert columns["statusCodes"] == {"200": [8, 4, 0, 0], "503": [0, 2, 1, 0]}
    assert list(columns["failures"].items()) == [("timeout", [0, 6, 0, 0]), ("503", [0, 2, 1, 0])]
    monkeypatch.setattr("tressi.report.page.series.MOST_POINTS", 2)
    monkeypatch.setattr("tressi.report.page.series.MOST_KINDS", 1)
    summary["timelineSeconds"] = 10
    (columns,) = chart_data(summary)["endpoints"]
    assert columns["statusCodes"] == {"200": [0.6, 0], "others": [0.1, 0.05]}
    assert columns["failures"] == {"timeout": [0.3, 0], "others": [0.1, 0.05]}


def test_a_heat_map_has_the_sums_of_its_seconds(monkeypatch):
    """Each column has as many response times as the seconds that it stands for; a second without any is empty."""
    summary = long_summary(endpoints=1, seconds=5)
    for row, bands in zip(summary["timeline"], ([30, 1, 2], [31, 5], [], [], [28, 9]), strict=True):
        row["global"]["bands"] = bands
    data = chart_data(summary)
    assert (data["heatT"], data["total"]["bands"]) == (data["t"], [[30, 1, 2], [31, 5], [], [], [28, 9]])
    monkeypatch.setattr("tressi.report.page.series.MOST_HEAT_COLUMNS", 3)
    data = chart_data(summary)
    assert data["heatT"] == [2.0, 4.0, 5.0]
    assert data["total"]["bands"] == [[30, 1, 7], [], [28, 9]]
    assert len(data["t"]) == 5


def test_a_summary_of_an_older_version_is_drawn_without_what_it_lacks():
    """Its seconds have no tail, no statuses, no kinds, no bands, and the page says so in a sentence."""
    summary = long_summary(endpoints=1, seconds=3)
    assert absent_words(summary) == ""
    for row in summary["timeline"]:
        for figures in (row["global"], *row["endpoints"].values()):
            for name in ("p95", "max", "statusCodes", "failures", "bands"):
                del figures[name]
    total = chart_data(summary)["total"]
    assert total["p95"] == total["max"] == [None, None, None]
    assert not {"statusCodes", "failures", "bands"} & total.keys()
    assert "older version" in absent_words(summary)
    assert "no seconds" in absent_words({**summary, "timeline": []})


@given(seconds=st.integers(0, 10**6), endpoints=st.integers(1, 10**4))
def test_however_long_the_run_the_page_has_a_bound(seconds, endpoints):
    """No line has more points than a screen could show, and all of them together no more than a page can hold."""
    points = -(-seconds // seconds_a_point(seconds, endpoints))
    assert points <= MOST_POINTS
    assert points <= max(1, MOST_CELLS // (endpoints + 1) + 1)


def test_ten_minutes_of_120_endpoints_are_drawn_second_by_second():
    """The figure that the page is built for."""
    assert seconds_a_point(600, 120) == 1


@given(values=st.lists(st.integers(1, 3_600_000_000), min_size=1, max_size=300))
def test_points_are_the_histograms_percentiles(values):
    """They rise, each is what the histogram says of its percentile, and the last is the maximum, where one value is left."""
    made = histogram(*values)
    points = percentile_points(encode_histogram(made), made.max_us / 1e3)
    percents, latencies = zip(*points, strict=True)
    assert list(percents) == sorted(set(percents))
    assert list(latencies) == sorted(latencies)
    assert percents[-1] == pytest.approx(100 * (1 - 1 / len(values)))
    assert latencies[-1] == pytest.approx(made.max_us / 1e3, rel=1e-3)
    exact = [min(us, made.max_us) / 1e3 for us in made.percentiles(percents[:-1])] if percents[1:] else []
    assert list(latencies[:-1]) == pytest.approx(exact, rel=2e-3)


def test_each_nine_has_as_many_points():
    """A million values have six nines, and ten steps in each: the log scale of nines has no bare stretch."""
    made = Histogram()
    made.record(100, 999_990)
    made.record(5000, 10)
    percents = [percent for percent, _ in percentile_points(encode_histogram(made), 5.0)]
    nines = [sum(100 - 10**-power <= percent < 100 - 10 ** -(power + 1) for percent in percents) for power in range(-1, 4)]
    assert nines == [11, 10, 10, 10, 10]  # the first has 95 % as well


def test_without_values_there_is_no_line():
    """A latency of nothing is not 0."""
    assert percentile_points(encode_histogram(histogram()), None) == []


def test_a_decision_is_of_its_endpoint():
    """By its place, so that the charts of one endpoint find theirs; a change of the whole run is of none."""
    summary = long_summary(endpoints=4, seconds=60)
    summary["changes"].append({"t": 3.0, "action": "pause", "endpointKey": None, "targetRps": None})
    data = chart_data(summary)
    assert len(data["decisions"]) == len(summary["scaling"]) > 0
    for one, decided in zip(data["decisions"], summary["scaling"], strict=True):
        assert summary["endpoints"][one["endpoint"]]["endpointKey"] == decided["endpointKey"]
        assert data["endpoints"][one["endpoint"]]["key"] == one["endpointKey"]
    assert [one["endpoint"] for one in data["changes"]] == [0, None]
