"""The HdrHistogram log: every second of every endpoint, written and read piece by piece."""

from itertools import count, islice

import pytest
from each import each
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader
from summaries import endpoint_snapshot, histogram, summary_of

from tressi._core import HIGHEST_US
from tressi.model import Delta, EndpointCounts
from tressi.report.latency_hlog import belongs, render, second_by_second
from tressi.run.kept import Place

pytestmark = pytest.mark.pure

KEY = "GET http://host/a b,c"
TAG = "GET%20http%3A%2F%2Fhost%2Fa%20b%2Cc"
SUMMARY = summary_of(endpoint_snapshot(KEY, succeeded=5), endpoint_snapshot("GET http://host/quiet", succeeded=0))


def delta(t, service, response, span_s=1.0):
    """A second in which the endpoint had these values in microseconds."""
    return Delta(t, span_s, (EndpointCounts(KEY, len(service), service=histogram(*service), response=histogram(*response)),))


DELTAS = [delta(1.0, [1500] * 2, [1600] * 2), delta(2.0, [], [1600]), delta(4.5, [1500] * 3, [1600] * 2, 2.5)]


def latencies(deltas):
    """What a run keeps of these seconds."""
    return (interval for one in deltas for interval in Place(one).intervals())


def intervals(path):
    """What HdrHistogram's own reader finds: tag, start and end in seconds since the epoch, and the number of values."""
    reader = HistogramLogReader(str(path), HdrHistogram(1, HIGHEST_US, 3))
    found = []
    while (interval := reader.get_next_interval_histogram()) is not None:
        times = (interval.get_start_time_stamp() / 1000, interval.get_end_time_stamp() / 1000)
        found.append((interval.get_tag(), *times, interval.get_total_count()))
    reader.close()
    return found


def test_a_second_is_a_line_of_each_kind_of_time(tmp_path):
    """Response times under the key, service times beside them; a second without a value has no line."""
    path = tmp_path / "latency.hlog"
    path.write_bytes(b"".join(second_by_second(SUMMARY, latencies(DELTAS))))
    began = 1767225600.0
    assert intervals(path) == [
        (TAG, began, began + 1, 2),
        (f"service:{TAG}", began, began + 1, 2),
        (TAG, began + 1, began + 2, 1),
        (TAG, began + 2, began + 4.5, 2),
        (f"service:{TAG}", began + 2, began + 4.5, 3),
    ]


def test_the_highest_value_is_in_seconds():
    """The format divides by a million, whatever the unit; ours are microseconds."""
    lines = b"".join(second_by_second(SUMMARY, latencies(DELTAS))).decode().splitlines()
    assert [line.split(",")[3] for line in lines[4:6]] == ["0.001600", "0.001500"]


def test_a_log_is_made_line_by_line():
    """A run of any length is never in memory: the first lines are there before the next second is read."""
    endless = (delta(float(t), [1500], [1600]) for t in count(1))
    assert len(list(islice(second_by_second(SUMMARY, latencies(endless)), 1000))) == 1000


def test_from_a_summary_it_is_one_interval(tmp_path):
    """The whole run, without the endpoints that had no value."""
    path = tmp_path / "latency.hlog"
    path.write_bytes(render(SUMMARY))
    began = 1767225600.0
    assert intervals(path) == [(TAG, began, began + 2, 5), (f"service:{TAG}", began, began + 2, 5)]


def lines_of(summary, deltas):
    """A log as a file gives it."""
    return b"".join(second_by_second(summary, latencies(deltas))).splitlines(keepends=True)


def test_a_log_belongs_to_the_run_that_wrote_it():
    """The fine one and the coarse one, for both have all values."""
    assert belongs(lines_of(SUMMARY, DELTAS), SUMMARY)
    assert belongs(render(SUMMARY).splitlines(keepends=True), SUMMARY)


OTHER = {**SUMMARY, "startedAt": "2026-01-01T00:00:01.000+00:00"}
FOREIGN = [
    ("of another run", lines_of(OTHER, DELTAS)),
    ("without its last line", lines_of(SUMMARY, DELTAS)[:-1]),
    ("broken off in a line", [*lines_of(SUMMARY, DELTAS)[:-1], lines_of(SUMMARY, DELTAS)[-1][:-30]]),
    ("with a value more", lines_of(SUMMARY, [*DELTAS, delta(5.0, [], [7])])),
    ("with one value for another", lines_of(SUMMARY, [*DELTAS[:1], delta(2.0, [], [1700]), *DELTAS[2:]])),
    ("nothing", []),
    ("its head alone", lines_of(SUMMARY, [])),
    ("anything", [b"\xff\xfe\n", b"Tag=a,b\n"]),
    ("a tag that is no text", [*lines_of(SUMMARY, DELTAS), b"Tag=\xff,0,0,0,AAAA\n"]),
]


@each("log", [row[1] for row in FOREIGN], ids=[row[0] for row in FOREIGN])
def test_a_log_of_anything_else_does_not_belong(log):
    """One value more or less, and it is not carried over."""
    assert not belongs(log, SUMMARY)
