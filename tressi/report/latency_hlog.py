"""Every second's latencies as an HdrHistogram log, which its own tools read, sum and draw.

A line is an interval: a tag, its start and length in seconds, its highest value, and its histogram. An endpoint has two
tags, and so has a flow, whose durations stand for latencies. The percent-encoded endpointKey alone holds response times,
because that is what the tools are used for: latencies free of coordinated omission. With `service:` in front, which no encoded
key can begin with, it holds service times. All values are microseconds; the highest is divided by the format's own ratio of a
million, and is in seconds here.

The lines of a tag sum to the summary's histogram, to the count. A run has them second by second, a long one for several
seconds together; from a summary alone there is one interval, the whole run. Lines are made and read one by one, because a
long run has hundreds of thousands.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from tressi.hdr import decode_counts
from tressi.run.flow_parts import flows_of
from tressi.run.kept import Interval
from tressi.run.warm_up import measured_s

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tressi.run.kept import Time

SERVICE: Final = "service:"

_US_PER_S: Final = 1_000_000
_LEGEND = '"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"'


def render(summary: Mapping[str, Any]) -> bytes:
    """Write one interval for each tag: the whole run."""
    return b"".join(_log(summary, _whole(summary)))


def second_by_second(summary: Mapping[str, Any], intervals: Iterable[Interval]) -> Iterator[bytes]:
    """The log of a run in pieces, with each interval in which an endpoint had values: mostly a second."""
    return _log(summary, intervals)


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
    return found == {_tag(interval): dict(decode_counts(interval.histogram)) for interval in _whole(summary)}


def _log(summary: Mapping[str, Any], intervals: Iterable[Interval]) -> Iterator[bytes]:
    yield from _head(summary)
    yield from (_line(interval) for interval in intervals)


def _head(summary: Mapping[str, Any]) -> Iterator[bytes]:
    """Timestamps of the lines are relative to the base time, the run's start."""
    started = datetime.fromisoformat(summary["startedAt"])
    yield b"#[Histogram log format version 1.3]\n"
    yield f"#[BaseTime: {started.timestamp():.3f} (seconds since epoch)]\n".encode()
    yield f"#[StartTime: {started.timestamp():.3f} (seconds since epoch), {started.isoformat()}]\n".encode()
    yield f"{_LEGEND}\n".encode()


def _line(interval: Interval) -> bytes:
    numbers = f"{interval.start_s:.3f},{interval.length_s:.3f},{interval.max_us / _US_PER_S:.6f}"
    return f"Tag={_tag(interval)},{numbers},{interval.histogram}\n".encode()


def _tag(interval: Interval) -> str:
    key = quote(interval.endpoint_key, safe="")
    return key if interval.time == "response" else f"{SERVICE}{key}"


def _whole(summary: Mapping[str, Any]) -> Iterator[Interval]:
    times: Mapping[Time, str] = {"response": "responseTime", "service": "serviceTime"}
    of_flows: Mapping[Time, str] = {"response": "duration", "service": "walkTime"}
    parts = [(one, times) for one in summary["endpoints"]] + [(flow, of_flows) for flow in flows_of(summary)]
    for endpoint, names in parts:
        for time, name in names.items():
            longest_ms, text = endpoint[f"{name}Ms"]["max"], endpoint["histograms"][name]
            if longest_ms is not None:
                begin_s, length_s = summary.get("warmUpSec", 0.0), measured_s(summary)
                yield Interval(endpoint["endpointKey"], time, begin_s, length_s, longest_ms * 1000, text)
