"""Every second's latencies as an HdrHistogram log, which its own tools read, sum and draw.

A line is an interval: a tag, its start and length in seconds, its highest value, and its histogram. An endpoint has two
tags. The percent-encoded endpointKey alone holds response times, because that is what the tools are used for: latencies
free of coordinated omission. With `service:` in front, which no encoded key can begin with, it holds service times. All
values are microseconds; the highest is divided by the format's own ratio of a million, and is in seconds here.

The lines of a tag sum to the summary's histogram, to the count. A run has them second by second; from a summary alone
there is one interval, the whole run. Lines are made and read one by one, because a long run has hundreds of thousands.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import quote

from tressi.hdr import decode_counts, encode_histogram

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tressi.run.delta import Delta

SERVICE: Final = "service:"

_US_PER_S: Final = 1_000_000
_LEGEND = '"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"'


class _Interval(NamedTuple):
    """One line; the histogram is text already."""

    tag: str
    start_s: float
    length_s: float
    max_us: float
    histogram: str


def render(summary: Mapping[str, Any]) -> bytes:
    """Write one interval for each tag: the whole run."""
    return b"".join(_log(summary, _whole(summary)))


def second_by_second(summary: Mapping[str, Any], deltas: Iterable[Delta]) -> Iterator[bytes]:
    """The log of a run in pieces, with an interval for each second in which an endpoint had values."""
    return _log(summary, (interval for delta in deltas for interval in _of_delta(delta)))


def belongs(log: Iterable[bytes], summary: Mapping[str, Any]) -> bool:
    """Whether a log is of the run of that summary, and whole: it began then, and its lines sum to the same histograms."""
    head, found = list(_head(summary)), dict[str, Counter[int]]()
    for number, line in enumerate(log):
        if number < len(head):
            if line != head[number]:
                return False
            continue
        try:
            tag, _, _, _, text = line.removeprefix(b"Tag=").rstrip().decode().split(",")
            counts = found.setdefault(tag, Counter())
            for index, count in decode_counts(text):
                counts[index] += count
        except ValueError:
            return False
    return found == {interval.tag: dict(decode_counts(interval.histogram)) for interval in _whole(summary)}


def _log(summary: Mapping[str, Any], intervals: Iterable[_Interval]) -> Iterator[bytes]:
    yield from _head(summary)
    yield from (_line(interval) for interval in intervals)


def _head(summary: Mapping[str, Any]) -> Iterator[bytes]:
    """Timestamps of the lines are relative to the base time, the run's start."""
    started = datetime.fromisoformat(summary["startedAt"])
    yield b"#[Histogram log format version 1.3]\n"
    yield f"#[BaseTime: {started.timestamp():.3f} (seconds since epoch)]\n".encode()
    yield f"#[StartTime: {started.timestamp():.3f} (seconds since epoch), {started.isoformat()}]\n".encode()
    yield f"{_LEGEND}\n".encode()


def _line(interval: _Interval) -> bytes:
    numbers = f"{interval.start_s:.3f},{interval.length_s:.3f},{interval.max_us / _US_PER_S:.6f}"
    return f"Tag={interval.tag},{numbers},{interval.histogram}\n".encode()


def _whole(summary: Mapping[str, Any]) -> Iterator[_Interval]:
    for endpoint in summary["endpoints"]:
        key = quote(endpoint["endpointKey"], safe="")
        for tag, name in ((key, "responseTime"), (f"{SERVICE}{key}", "serviceTime")):
            longest_ms = endpoint[f"{name}Ms"]["max"]
            if longest_ms is not None:
                yield _Interval(tag, 0.0, summary["durationSec"], longest_ms * 1000, endpoint["histograms"][name])


def _of_delta(delta: Delta) -> Iterator[_Interval]:
    for endpoint in delta.endpoints:
        key = quote(endpoint.endpoint_key, safe="")
        for tag, histogram in ((key, endpoint.response), (f"{SERVICE}{key}", endpoint.service)):
            if histogram.count:
                start_s = max(0.0, delta.t - delta.span_s)
                yield _Interval(tag, start_s, delta.span_s, histogram.max_us, encode_histogram(histogram))
