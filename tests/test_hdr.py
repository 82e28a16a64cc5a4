"""Histograms in HdrHistogram's format, beside its own library."""

import zlib
from base64 import b64decode, b64encode
from struct import unpack_from

import pytest
from each import each
from hdrh.histogram import HdrHistogram
from hypothesis import example, given
from hypothesis import strategies as st

from tressi import hdr
from tressi._core import HIGHEST_US, Histogram
from tressi._histogram import Packed
from tressi.hdr import decode_histogram, encode_histogram, lowest_us_at

pytestmark = pytest.mark.pure

VALUES = st.lists(st.tuples(st.integers(0, HIGHEST_US), st.integers(1, 10_000)), max_size=30)


def filled(values):
    """A histogram with these values and counts."""
    histogram = Histogram()
    for value, count in values:
        histogram.record(value, count)
    return histogram


@given(VALUES)
@example([(7, 10**15)])
@example([(0, 63), (1, 64), (2, 8191), (3, 8192), (HIGHEST_US, 2**62 // HIGHEST_US // 1000)])
def test_what_is_written_is_what_the_original_writes(values):
    """Byte for byte once inflated, so that any tool of HdrHistogram's reads it."""
    original = HdrHistogram(1, HIGHEST_US, 3)
    for value, count in values:
        original.record_value(value, count)
    assert inflated(encode_histogram(filled(values))) == inflated(original.encode().decode())


def inflated(text):
    """What is packed in an encoded histogram, and the cookie before it; how it is packed is the packer's affair."""
    cookie, length = unpack_from(">ii", raw := b64decode(text))
    assert length == len(raw) - 8
    return cookie, zlib.decompress(raw[8:])


@given(VALUES)
def test_reading_gives_every_counter_back(values):
    """Writing and reading lose nothing that a percentile is made of."""
    histogram = filled(values)
    assert decode_histogram(encode_histogram(histogram)).counts() == histogram.counts()


@given(st.integers(0, HIGHEST_US))
def test_a_counter_begins_at_its_lowest_value(value):
    """`lowest_us_at` inverts the layout: a value lies at or above its counter's beginning, which is in that counter."""
    ((index, _),) = filled([(value, 1)]).counts()
    lowest = lowest_us_at(index)
    assert lowest <= value
    assert filled([(lowest, 1)]).counts() == [(index, 1)]


def outcome(read, payload):
    """The counters that a reader finds, or that it refuses the payload."""
    try:
        return read(payload)
    except ValueError:
        return "refused"


def read_by_python(payload):
    """The counters of a payload as the reader in Python has them, under the rules for a histogram."""
    counts = list(hdr._counts(payload))
    if any(index > hdr._LAST_INDEX for index, _ in counts) or sum(count for _, count in counts) >= 2**63:
        raise ValueError("beyond the layout")
    if sum(lowest_us_at(index) * count for index, count in counts) * 1000 > 9.2e18:
        raise ValueError("beyond 63 bits of nanoseconds")
    return counts


NUMBERS = st.one_of(st.integers(-30_000, 5000), st.integers(-(2**63), 2**63 - 1))


def nine_bytes(value):
    """One ZigZag LEB128 number of 64 bits, as HdrHistogram's format has it."""
    rest, written = ((value << 1) ^ (value >> 63)) & (2**64 - 1), bytearray()
    while rest >= 0x80 and len(written) < 8:
        written.append(rest & 0x7F | 0x80)
        rest >>= 7
    return bytes([*written, rest])


@given(st.one_of(st.binary(max_size=60), st.lists(NUMBERS, max_size=20).map(lambda some: b"".join(map(nine_bytes, some)))))
@example(b"\x80" * 8 + b"\xff")
@example(nine_bytes(-(2**63)) * 3)
@example(nine_bytes(-(2**63)) + nine_bytes(1))
@example(nine_bytes(2**62) + nine_bytes(2**62))
@example(nine_bytes(-23_000) + b"\x00" * 600 + b"\x02")
def test_the_reader_in_c_reads_what_the_one_in_python_does(payload):
    """Any bytes at all: the same counters, or both refuse them."""
    assert outcome(lambda data: Histogram.from_zigzag(data).counts(), payload) == outcome(read_by_python, payload)


@given(
    VALUES, st.lists(st.floats(0, 100), max_size=5).map(sorted), st.lists(st.integers(0, HIGHEST_US), max_size=5).map(sorted)
)
@example([(3000, 1), (9000, 5)], [0.0, 16.0, 17.0, 100.0], [2999, 3000, 8999, 9000])
def test_a_packed_histogram_says_the_same(values, percents, edges):
    """Percentiles and counts, read from the bytes; several are added to one without being unpacked."""
    histogram = filled(values)
    packed = Packed(histogram.zigzag())
    assert packed.count == histogram.count
    assert packed.percentiles(percents) == histogram.percentiles(percents)
    assert packed.counts_up_to(edges) == histogram.counts_up_to(edges)
    twice = Histogram.from_zigzag(packed.payload)
    twice.add_zigzag(packed.payload)
    assert twice.counts() == [(index, 2 * count) for index, count in histogram.counts()]


def test_what_does_not_fit_is_refused_whole():
    """Nothing of it stays in the histogram."""
    full = filled([(HIGHEST_US, 2**62 // HIGHEST_US // 1000)])
    more = filled([(5, 3), (HIGHEST_US, 2**62 // HIGHEST_US // 1000)]).zigzag()
    full.add_zigzag(filled([(5, 3)]).zigzag())
    before = full.encode()
    with pytest.raises(ValueError, match="292 years"):
        full.add_zigzag(more)
    assert full.encode() == before


def test_the_reader_in_c_counts_each_value_as_the_lowest_of_its_counter():
    """Count, mean, minimum and maximum follow from the counters."""
    original = filled([(5, 2), (4100, 3), (HIGHEST_US, 1)])
    read, expected = Histogram.from_zigzag(original.zigzag()), Histogram()
    for index, count in original.counts():
        expected.record(lowest_us_at(index), count)
    assert read.encode() == expected.encode()


def put(payload, value):
    """Append one ZigZag LEB128 number that is shorter than nine bytes."""
    rest = (value << 1) ^ (value >> 63)
    while rest >= 0x80:
        payload.append(rest & 0x7F | 0x80)
        rest >>= 7
    payload.append(rest)


def beyond(gap):
    """A histogram with one value, `gap` counters after the first."""
    payload = bytearray()
    put(payload, -gap)
    put(payload, 1)
    body = hdr._HEAD.pack(hdr._COOKIE, len(payload), 0, 3, 1, HIGHEST_US, 1.0) + bytes(payload)
    compressed = zlib.compress(body)
    return b64encode(hdr._COMPRESSED_HEAD.pack(hdr._COMPRESSED_COOKIE, len(compressed)) + compressed).decode()


def test_the_last_counter_is_taken():
    """It holds the highest value there is."""
    ((last, _),) = filled([(HIGHEST_US, 1)]).counts()
    assert decode_histogram(beyond(last)).counts() == [(last, 1)]


@each(
    "text",
    [
        "",
        beyond(filled([(HIGHEST_US, 1)]).counts()[0][0] + 1),
        beyond(2**62),
        "no base64!",
        "AAAA",
        encode_histogram(Histogram())[:-8],
        HdrHistogram(1, 1000, 3).encode().decode(),
        HdrHistogram(1, HIGHEST_US, 2).encode().decode(),
    ],
)
def test_anything_else_is_refused(text):
    """A text of no or another layout is a ValueError, not a histogram that nobody recorded."""
    with pytest.raises(ValueError, match=r"histogram|base64|padding|ASCII"):
        decode_histogram(text)
