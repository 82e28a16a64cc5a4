"""Response times in bands: what a heat map is drawn of."""

from __future__ import annotations

from random import Random

import pytest

from tressi._core import Histogram
from tressi.stats.bands import band_edge_ms, bands_of, merged_bands

pytestmark = pytest.mark.pure


def of(*values_us):
    histogram = Histogram()
    for value in values_us:
        histogram.record(value)
    return histogram


def test_every_value_is_in_the_band_whose_edges_enclose_it():
    """The edges themselves, their neighbours, the shortest and the longest time that there are."""
    cases = [1, 2, 9, 10, 11, 99, 100, 999, 1000, 1001, 1258, 1259, 9_999, 10_000, 999_000, 10**6, 59_999_999, 36 * 10**8]
    for value in cases:
        band, count = bands_of(of(value))
        assert count == 1
        low, high = band_edge_ms(band), band_edge_ms(band + 1)
        assert low <= value / 1e3 * (1 + 1e-9), value
        assert value / 1e3 < high * (1 + 1e-9), value
    assert bands_of(of()) == []
    assert bands_of(of(0)) == [0, 1]


def test_bands_hold_all_values_and_add_up():
    """Counted one by one, to the width of the histogram's counters at the edges."""
    random = Random(7)
    values = [int(random.lognormvariate(8, 2)) + 1 for _ in range(5000)]
    halves = [values[:1700], values[1700:]]
    bands = bands_of(of(*values))
    assert sum(bands[1:]) == len(values)
    for place, count in enumerate(bands[1:], bands[0]):
        low, high = 1e3 * band_edge_ms(place), 1e3 * band_edge_ms(place + 1)
        surely = sum(low * 1.001 <= value < high * 0.999 for value in values)
        perhaps = sum(low * 0.999 <= value < high * 1.001 for value in values)
        assert surely <= count <= perhaps, place
    assert merged_bands([bands_of(of(*half)) for half in halves]) == bands
    assert merged_bands([[], bands, []]) == bands
    assert merged_bands([[], []]) == []
    assert merged_bands([[3, 1], [0, 2, 0, 0, 0, 5]]) == [0, 2, 0, 0, 1, 5]
