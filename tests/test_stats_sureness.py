"""How sure a percentile is: ranks, dependence between seconds, refusals in words, and the steady part."""

import math
import random

import pytest
from each import each

from tressi._core import Histogram
from tressi._histogram import Packed
from tressi.hdr import together
from tressi.stats.interval import duration_words, interval_of, intervals, least_samples, lower_edge_us
from tressi.stats.steady import NO_STEADY_STATE, mser, steady_part
from tressi.stats.sureness import percentiles_with_confidence
from tressi.stats.variance import long_run

pytestmark = pytest.mark.pure


def histogram_of(values_us):
    histogram = Histogram()
    for value_us in values_us:
        histogram.record(round(value_us))
    return histogram


def run_of(seconds, each, scale=lambda _second: 1.0, seed=1):
    """Seconds of `each` exponential response times of 1 ms in the mean, times the scale of the second."""
    draw = random.Random(seed)
    return [histogram_of(1000 * scale(t) * draw.expovariate(1) for _ in range(each)) for t in range(seconds)]


def timed(seconds, step_s=1.0):
    return [((place + 1) * step_s, Packed(second.zigzag())) for place, second in enumerate(seconds)]


def merged_of(seconds):
    merged = Histogram()
    for second in seconds:
        merged.merge(second)
    return merged


@each(("percent", "least"), [(50, 6), (90, 29), (95, 59), (99, 299), (99.9, 2995), (99.99, 29956), (10, 29), (1, 299)])
def test_least_samples(percent, least):
    """From the least to the greatest of so many, and no fewer, is a 95 % interval."""
    p = percent / 100
    assert least_samples(percent) == least
    assert p**least + (1 - p) ** least <= 0.05 < p ** (least - 1) + (1 - p) ** (least - 1)


@each("percent", [10, 50, 90, 99])
@each("count", [400, 1000, 1901])
def test_independent_responses_have_the_ranks_of_scipy(percent, count):
    """Values below 2 ms have a counter each, so ranks are values, and those are quantile_test's."""
    from scipy import stats  # it takes seconds to import

    values = random.Random(count).sample(range(2000), count)
    found = interval_of(histogram_of(values), percent, float(count))
    peer = stats.quantile_test(values, p=percent / 100, q=0).confidence_interval(0.95)
    assert (found.low_ms * 1000, found.high_ms * 1000) == (peer.low, peer.high)


def test_edges_are_the_outer_ones():
    """Above 2 ms a counter stands for several values: the interval takes all of them in."""
    edges = histogram_of([30_000]).percentile(50)
    assert lower_edge_us(edges) <= 30_000 <= edges
    assert lower_edge_us(2047) == 2047
    assert (lower_edge_us(2049), lower_edge_us(4099)) == (2048, 4096)


def test_independent_seconds_have_no_design_effect():
    """2,000 responses of independent seconds are worth nearly as many; all but widening is left."""
    seconds = run_of(60, 200)
    found = intervals(merged_of(seconds), seconds, 60, [50, 99])
    assert 1 <= found[50].design_effect < 2
    assert 4000 < found[50].effective < 12000
    assert found[50].low_ms < math.log(2) < found[50].high_ms
    assert found[99].low_ms < math.log(100) < found[99].high_ms


def test_seconds_that_are_slow_together_say_less():
    """A slow wave over the same number of responses makes an interval wider."""
    waving = run_of(120, 100, lambda t: 1.3 + math.sin(t / 8))
    even = run_of(120, 100)
    wide, narrow = (intervals(merged_of(one), one, 120, [50])[50] for one in (waving, even))
    assert wide.design_effect > 5 * narrow.design_effect
    assert (wide.high_ms - wide.low_ms) > 3 * (narrow.high_ms - narrow.low_ms)


def test_a_tail_is_no_surer_than_the_middle():
    """The design effect never falls towards the tail, and does not depend on what else is asked."""
    seconds = run_of(120, 400, lambda t: 1.3 + math.sin(t / 8))
    merged = merged_of(seconds)
    found = intervals(merged, seconds, 120, [50, 75, 90, 99])
    effects = [found[percent].design_effect for percent in (50, 75, 90, 99)]
    assert effects == sorted(effects)
    assert intervals(merged, seconds, 120, [99])[99] == found[99]


def test_below_ten_seconds_there_is_none():
    """The reason says what it takes."""
    seconds = run_of(9, 500)
    found = intervals(merged_of(seconds), seconds, 9, [50])[50]
    assert found.low_ms is None
    assert found.needs_s == 10
    assert found.reason == "9 s are too short to say how sure it is: it takes 10 s that are steady"


def test_too_few_responses():
    """100 responses a minute carry p50 and not p99; ten times of them would."""
    seconds = run_of(60, 2)
    found = intervals(merged_of(seconds), seconds, 60, [50, 99])
    assert found[50].low_ms is not None
    assert found[99].low_ms is None
    assert found[99].reason.startswith("too few responses: it takes 299 independent responses, and these 120 are worth ")
    assert 60 * 299 / 120 < found[99].needs_s < 60 * 3 * 299 / 120
    assert found[99].reason.endswith(f"run {duration_words(found[99].needs_s)}")


def test_too_correlated():
    """60,000 responses that rise and fall together say less of p99.9 than 2,995 independent ones."""
    seconds = run_of(60, 1000, lambda t: 1.3 + math.sin(t / 4))
    found = intervals(merged_of(seconds), seconds, 60, [99.9])[99.9]
    assert found.low_ms is None
    assert found.reason.startswith("too correlated to say: it takes 2,995 independent responses, and these 60,000, ")


@pytest.mark.parametrize(
    ("seconds", "words"), [(10, "10 s"), (31, "40 s"), (61, "2 min"), (240, "4 min"), (5400, "90 min"), (5401, "2 h")]
)
def test_words_of_a_duration(seconds, words):
    """Rounded up: who runs so long has enough."""
    assert duration_words(seconds) == words


def test_long_run_variance_of_a_series_without_memory():
    """It is the variance, within what an estimate is off by."""
    draw = random.Random(2)
    assert long_run([draw.gauss(5, 2) for _ in range(2000)]).variance == pytest.approx(4, rel=0.25)


@pytest.mark.parametrize("memory", [0.5, 0.8])
def test_long_run_variance_of_a_series_with_memory(memory):
    """An autoregression of variance s² / (1 - φ²) has the long-run variance s² / (1 - φ)²."""
    draw, value, series = random.Random(4), 0.0, []
    for _ in range(4000):
        value = memory * value + draw.gauss(0, 1)
        series.append(value)
    assert long_run(series).variance == pytest.approx(1 / (1 - memory) ** 2, rel=0.25)


def test_widening_shrinks_with_the_length():
    """From more than twice of 1.96 at 10 seconds towards 1.96."""
    draw = random.Random(8)
    factors = [long_run([draw.random() for _ in range(n)]).factor for n in (10, 120, 3600)]
    assert factors == sorted(factors, reverse=True)
    assert factors[0] > 3
    assert factors[-1] == pytest.approx(1.96, abs=0.12)
    assert long_run([1.0] * 20).variance == 0


@pytest.mark.parametrize(
    ("series", "cut"),
    [
        pytest.param([9, 9, 1, 1, 1, 1, 1, 1, 1, 1], 2, id="a warm-up of two"),
        pytest.param([1] * 12, 0, id="nothing to cut"),
        pytest.param(list(range(12)), 6, id="a trend is cut at the end of the half"),
        pytest.param([1] * 9 + [9], 0, id="the end is not searched"),
    ],
)
def test_mser(series, cut):
    """The cut of the least standard error, in the first half."""
    assert mser(series) == cut


def test_the_steady_part_begins_behind_a_slow_start():
    """Four slow seconds are cut, and the interval is of the others."""
    seconds = run_of(60, 200, lambda t: 4.0 if t < 4 else 1.0)
    found = percentiles_with_confidence(timed(seconds), None, 0.0, [50, 100])
    assert found.steady_from_s in {4, 5}
    assert found.unsteady is None
    assert found.percentiles[50].low_ms < math.log(2) < found.percentiles[50].high_ms
    assert found.effective_samples == found.percentiles[50].effective


def test_the_maximum_has_no_interval():
    """However much was measured."""
    seconds = run_of(60, 20)
    found = percentiles_with_confidence(timed(seconds), None, 0.0, [100]).percentiles[100]
    assert found.value_ms == together(one for _, one in timed(seconds)).max_us / 1e3
    assert (found.low_ms, found.needs_s) == (None, None)
    assert found.reason == "the maximum of a sample says nothing about how large a response time can become"


@pytest.mark.parametrize(
    "scale",
    [
        pytest.param(lambda t: 1 + t / 20, id="slower all the time"),
        pytest.param(lambda t: 1.0 if t < 40 else 1.5, id="slower from the middle on"),
    ],
)
def test_no_steady_state(scale):
    """It is said, and the interval is of the whole."""
    seconds = run_of(60, 200, scale)
    found = percentiles_with_confidence(timed(seconds), None, 0.0, [50])
    assert found.steady_from_s is None
    assert found.unsteady.startswith(NO_STEADY_STATE)
    assert found.percentiles[50].value_ms == merged_of(seconds).percentile(50) / 1e3


def test_a_small_shift_is_still_steady():
    """Below 5 % it is significant perhaps, and no other state."""
    assert steady_part(run_of(120, 2000, lambda t: 1.0 if t < 60 else 1.03)).reason is None


def test_a_warm_up_of_the_config_overrides_the_search():
    """The second half is all that counts, whatever the first was."""
    seconds = run_of(60, 100, lambda t: 1 + t / 20)
    found = percentiles_with_confidence(timed(seconds), 30.0, 0.0, [50])
    assert (found.steady_from_s, found.unsteady) == (30, None)
    assert found.percentiles[50].value_ms == merged_of(seconds[30:]).percentile(50) / 1e3


def test_growth_is_cut_first():
    """Also where the config has a shorter warm-up; a second that had begun before belongs to the growth."""
    seconds = run_of(60, 100)
    assert percentiles_with_confidence(timed(seconds), 5.0, 12.5, [50]).steady_from_s == 13
    assert percentiles_with_confidence(timed(seconds), None, 20.0, [50]).steady_from_s == 20


def test_rows_of_several_seconds():
    """A long run keeps rows of two seconds: times are times."""
    seconds = run_of(30, 200, lambda t: 4.0 if t < 3 else 1.0)
    assert percentiles_with_confidence(timed(seconds, 2.0), None, 0.0, [50]).steady_from_s == 6


@pytest.mark.parametrize("seconds", [[], [Histogram() for _ in range(20)]])
def test_without_responses_there_is_nothing(seconds):
    """No percentile, no effective sample, no claim."""
    found = percentiles_with_confidence(timed(seconds), None, 0.0, [50, 99])
    assert (found.percentiles, found.effective_samples) == ({}, 0.0)


def test_seconds_without_responses_count():
    """A slow endpoint with a response every other second."""
    draw = random.Random(3)
    seconds = [histogram_of([1000 + 60 * draw.random()]) if t % 2 else Histogram() for t in range(60)]
    found = percentiles_with_confidence(timed(seconds), None, 0.0, [50])
    assert found.percentiles[50].low_ms < 1.03 < found.percentiles[50].high_ms


def test_the_same_value_all_the_time():
    """The interval is that value."""
    seconds = [histogram_of([1500] * 10) for _ in range(20)]
    found = percentiles_with_confidence(timed(seconds), None, 0.0, [50, 90])
    assert {(one.low_ms, one.high_ms, one.design_effect) for one in found.percentiles.values()} == {(1.5, 1.5, 1.0)}
