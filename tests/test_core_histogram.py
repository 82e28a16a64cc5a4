"""The latency histogram: HdrHistogram's layout, and sums, merges and encodings that lose nothing."""

from fractions import Fraction
from itertools import chain
from math import floor

import pytest
from each import each
from hdrh.histogram import HdrHistogram
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tressi._core import HIGHEST_US, Histogram

pytestmark = pytest.mark.pure

COUNTERS = 23_552
PERCENTS = [0.1, 1, 10, 25, 29, 50, 75, 90, 95, 99, 99.9, 99.99, 100]

VALUES_US = st.one_of(st.integers(0, 5_000), st.integers(0, HIGHEST_US), st.integers(0, 31).map(lambda bits: 2**bits))
VALUES = st.lists(VALUES_US, max_size=60)
SOME_VALUES = st.lists(VALUES_US, min_size=1, max_size=60)


def histogram_of(values_us):
    """A histogram of these values."""
    histogram = Histogram()
    for value_us in values_us:
        histogram.record(value_us)
    return histogram


def contents(histogram):
    """All that a histogram says, as a value."""
    return (
        histogram.counts(),
        histogram.count,
        histogram.min_us,
        histogram.max_us,
        histogram.mean_us,
        histogram.stdev_us,
        histogram.percentiles(PERCENTS),
    )


@pytest.fixture(scope="module")
def peer():
    """HdrHistogram's own package, made once because it is slow to make; each example resets it."""
    return HdrHistogram(1, HIGHEST_US, 3)


def fill(peer, values_us):
    """The package's histogram with these values."""
    peer.reset()
    for value_us in values_us:
        assert peer.record_value(value_us)


def test_the_layout_has_as_many_counters_as_hdrhistogram(peer):
    """1 µs to 1 h at 3 significant digits is one layout, in the arena and outside it."""
    assert peer.counts_len == COUNTERS
    assert HIGHEST_US == 3_600_000_000


@settings(max_examples=150, deadline=None)
@given(value_us=VALUES_US)
@example(value_us=2047)
@example(value_us=2048)
@example(value_us=4095)
@example(value_us=4096)
@example(value_us=HIGHEST_US)
def test_a_value_lands_in_hdrhistograms_counter(peer, value_us):
    """Index and range of the counter are HdrHistogram's, so that exports can be read by its tools."""
    histogram = histogram_of([value_us])
    assert histogram.counts() == [(peer._counts_index_for(value_us), 1)]
    assert histogram.percentile(50) == peer.get_highest_equivalent_value(value_us)
    assert histogram.percentile(50) - value_us <= value_us / 1000


@settings(max_examples=60, deadline=None)
@given(values_us=SOME_VALUES, percents=st.lists(st.floats(0.001, 100), max_size=5))
@example(values_us=list(range(50)), percents=[])  # 29 % of 50 is 14.5, but 0.29 times 50 is less
def test_percentiles_are_hdrhistograms(peer, values_us, percents):
    """Every percentile is the value that HdrHistogram's package gives, to the microsecond."""
    fill(peer, values_us)
    histogram, percents = histogram_of(values_us), sorted([*PERCENTS, *percents])
    expected = peer.get_percentile_to_value_dict(percents)
    assert histogram.percentiles(percents) == [expected[percent] for percent in percents]
    assert [histogram.percentile(percent) for percent in percents] == histogram.percentiles(percents)


@given(values_us=VALUES, edges_us=st.lists(VALUES_US, max_size=5))
@example(values_us=[HIGHEST_US], edges_us=[HIGHEST_US, 0])
def test_values_up_to_an_edge_are_those_of_its_counter_and_below(values_us, edges_us):
    """Whatever order the edges have, and wherever they lie."""
    histogram = histogram_of(values_us)
    places = [histogram_of([edge_us]).counts()[0][0] for edge_us in edges_us]
    expected = [sum(count for index, count in histogram.counts() if index <= place) for place in places]
    assert histogram.counts_up_to(edges_us) == expected


@settings(max_examples=12, deadline=None)  # the package takes a tenth of a second for a deviation
@given(values_us=SOME_VALUES)
def test_mean_and_deviation(peer, values_us):
    """Minimum, maximum and mean are exact; the deviation is HdrHistogram's within the width of a counter."""
    fill(peer, values_us)
    histogram = histogram_of(values_us)
    assert (histogram.min_us, histogram.max_us) == (min(values_us), max(values_us))
    assert histogram.mean_us == pytest.approx(sum(values_us) / len(values_us), rel=1e-12)
    assert histogram.stdev_us == pytest.approx(peer.get_stddev(), rel=1e-3, abs=1 + max(values_us) / 1000)


def test_an_empty_histogram_is_all_zero():
    """Without values every number is 0, and nothing divides by it."""
    assert contents(Histogram()) == ([], 0, 0.0, 0.0, 0.0, 0.0, [0] * len(PERCENTS))


@settings(max_examples=60, deadline=None)
@given(ours=VALUES, theirs=VALUES, last=VALUES)
def test_merging_is_exact_in_any_order(ours, theirs, last):
    """Merging equals recording all values in one histogram, whichever is merged into which, however grouped."""
    one, other, third = histogram_of(ours), histogram_of(theirs), histogram_of(last)
    left, right, tail = one.copy(), other.copy(), other.copy()
    left.merge(other)
    right.merge(one)
    assert contents(left) == contents(right) == contents(histogram_of(ours + theirs))
    left.merge(third)
    tail.merge(third)
    one.merge(tail)
    assert contents(one) == contents(left)


def test_merging_a_histogram_into_itself_doubles_it():
    """Nothing is read after it has been written."""
    histogram = histogram_of([1, 5_000])
    histogram.merge(histogram)
    assert contents(histogram) == contents(histogram_of([1, 5_000, 1, 5_000]))


@given(values_us=VALUES, more=SOME_VALUES)
def test_a_copy_is_independent(values_us, more):
    """What is recorded afterwards does not reach a copy taken before."""
    histogram = histogram_of(values_us)
    copied = histogram.copy()
    for value_us in more:
        histogram.record(value_us)
    assert contents(copied) == contents(histogram_of(values_us))


@settings(max_examples=60, deadline=None)
@given(before=VALUES, after=VALUES)
def test_since_undoes_a_merge(before, after):
    """What came after an earlier copy is told exactly by the counters; minimum and maximum to a counter's width."""
    earlier = histogram_of(before)
    later = earlier.copy()
    later.merge(histogram_of(after))
    delta, expected = later.since(earlier), histogram_of(after)
    assert delta.counts() == expected.counts()
    assert delta.percentiles(PERCENTS) == expected.percentiles(PERCENTS)
    assert delta.mean_us == expected.mean_us
    assert delta.min_us == pytest.approx(expected.min_us, rel=1e-3, abs=0.5)
    assert delta.max_us == pytest.approx(expected.max_us, rel=1e-3, abs=0.5)
    earlier.merge(delta)
    assert contents(earlier) == contents(later)


@settings(max_examples=80, deadline=None)
@given(first_us=VALUES_US, step_us=st.integers(-20_000, 20_000), count=st.integers(0, 400))
def test_a_series_is_its_values_one_by_one(first_us, step_us, count):
    """`record_series` touches the counters that recording each value would, rising, falling or standing."""
    room_us = first_us if step_us < 0 else max(0, HIGHEST_US - first_us)  # beyond either end a value alone is clamped
    count = min(count, room_us // abs(step_us) + 1) if step_us else count
    values_us = [first_us + index * step_us for index in range(count)]
    histogram = Histogram()
    histogram.record_series(first_us, values_us[-1] if values_us else 0, count)
    expected = histogram_of(values_us)
    assert histogram.counts() == expected.counts()
    assert histogram.count == count
    assert (histogram.min_us, histogram.max_us) == (expected.min_us, expected.max_us)
    assert histogram.mean_us == pytest.approx(expected.mean_us, rel=1e-12)


@settings(max_examples=80, deadline=None)
@given(first_us=st.integers(0, 10**6), last_us=st.integers(0, 10**6), half=st.integers(1, 300))
def test_a_series_of_fractions_is_rounded_value_by_value(first_us, last_us, half):
    """Values between microseconds go where each would, rounded by itself (an even count has no ties)."""
    count = 2 * half
    step_us = Fraction(last_us - first_us, count - 1)
    histogram = Histogram()
    histogram.record_series(first_us, last_us, count)
    expected = histogram_of([floor(first_us + index * step_us + Fraction(1, 2)) for index in range(count)])
    assert histogram.counts() == expected.counts()


def test_a_series_costs_its_counters_not_its_values():
    """A billion values are recorded as quickly as two, and none is lost."""
    histogram = Histogram()
    histogram.record_series(1_000, 3_000_000, 1_000_000_000)
    assert histogram.count == 1_000_000_000 == sum(count for _, count in histogram.counts())
    assert histogram.percentile(50) == pytest.approx(1_500_500, rel=1e-3)
    assert histogram.mean_us == pytest.approx(1_500_500)


@pytest.mark.parametrize("value_us", [HIGHEST_US + 1, 2 * HIGHEST_US, 10**15, 2**63 - 1])
def test_beyond_an_hour_is_an_hour(value_us):
    """A value out of range is counted at the end of the range, not dropped, and its sum does not overflow."""
    histogram = histogram_of([value_us])
    assert contents(histogram) == contents(histogram_of([HIGHEST_US]))
    assert histogram.max_us == histogram.mean_us == HIGHEST_US


@pytest.mark.parametrize(("value_us", "count"), [(5, 0), (5, 3), (HIGHEST_US, 1000)])
def test_a_value_may_count_several_times(value_us, count):
    """`record(value, n)` is n times `record(value)`."""
    histogram = Histogram()
    histogram.record(value_us, count)
    assert contents(histogram) == contents(histogram_of([value_us] * count))


@pytest.mark.parametrize(
    "record",
    [
        pytest.param(lambda histogram: histogram.record(-1), id="a time below 0"),
        pytest.param(lambda histogram: histogram.record(1, -1), id="a count below 0"),
        pytest.param(lambda histogram: histogram.record_series(-1, 5, 2), id="a series that begins below 0"),
        pytest.param(lambda histogram: histogram.record_series(5, -1, 2), id="a series that ends below 0"),
        pytest.param(lambda histogram: histogram.record_series(5, 6, -2), id="a series of less than nothing"),
        pytest.param(lambda histogram: histogram.record_series(5, 2**62, 2), id="a series whose sum would overflow"),
        pytest.param(lambda histogram: histogram.record(HIGHEST_US, 2**40), id="a value whose sum would overflow"),
    ],
)
def test_what_is_no_latency_is_refused(record):
    """It raises, and the histogram stays as it was."""
    histogram = histogram_of([7])
    with pytest.raises(ValueError, match=r"negative|beyond"):
        record(histogram)
    assert contents(histogram) == contents(histogram_of([7]))


@settings(max_examples=60, deadline=None)
@given(values_us=VALUES)
def test_an_encoding_is_read_back_as_it_was(values_us):
    """`decode(encode())` says all that the histogram said."""
    histogram = histogram_of(values_us)
    decoded = Histogram.decode(histogram.encode())
    assert contents(decoded) == contents(histogram)
    assert decoded.encode() == histogram.encode()


def encoded(counters, *, count=None, head=(5, 5, 5)):
    """The bytes of an encoding with these (index, count) pairs; `head`: sum, minimum, maximum."""
    total = sum(each for _, each in counters) if count is None else count
    before = [0, *(index for index, _ in counters)]
    pairs = [(index - earlier, each) for (index, each), earlier in zip(counters, before, strict=False)]
    return b"".join(leb128(number % 2**64) for number in (total, *head, *chain(*pairs)))


def leb128(number):
    """An unsigned LEB128 number."""
    return bytes([number & 0x7F | 0x80]) + leb128(number >> 7) if number > 0x7F else bytes([number])


@each(
    "data",
    [
        pytest.param(encoded([]), id="a head without counters"),
        pytest.param(encoded([(5, 1)], head=(5, 6, 5)), id="a minimum above the maximum"),
        pytest.param(encoded([(5, 1)])[:-1] + b"\x81\0", id="a number longer than it need be"),
        pytest.param(encoded([(5, 1)])[:-1], id="cut short"),
        pytest.param(encoded([(5, 1)]) + b"\0", id="a byte too many"),
        pytest.param(encoded([(COUNTERS, 1)]), id="a counter beyond the layout"),
        pytest.param(encoded([(5, -1)]), id="a negative count"),
        pytest.param(encoded([(5, 0)]), id="a counter that counts nothing"),
        pytest.param(encoded([(5, 1)], count=2), id="a count that is not the sum"),
        pytest.param(encoded([(5, 1), (5, 1)]), id="a counter told twice"),
        pytest.param(encoded([(6, 1), (5, 1)]), id="counters out of order"),
        pytest.param(encoded([(5, 2**62), (6, 2**62), (7, 2**62), (8, 2**62)], count=0), id="counts that overflow to the sum"),
    ],
)
def test_bytes_that_are_no_encoding_are_refused(data):
    """Bad bytes raise ValueError and never become a plausible histogram."""
    with pytest.raises(ValueError, match=r"encoded histogram|layout|sum"):
        Histogram.decode(data)


@settings(max_examples=100, deadline=None)
@given(values_us=SOME_VALUES, at=st.integers(0), byte=st.integers(0, 255))
def test_a_changed_byte_is_refused_or_read_as_it_stands(values_us, at, byte):
    """Whatever is accepted encodes to the very bytes that were read."""
    data = bytearray(histogram_of(values_us).encode())
    data[at % len(data)] = byte
    try:
        decoded = Histogram.decode(bytes(data))
    except ValueError:
        return
    assert decoded.encode() == data
