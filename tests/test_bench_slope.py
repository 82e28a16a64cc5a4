"""The slope by which `bench.leaks` and `bench.soak` say whether something grows."""

import random

import pytest

from bench.slope import Slope, slope_of

pytestmark = pytest.mark.pure

XS = list(range(0, 40_000, 1000))


def readings(slope, seed=1):
    """Memory in bytes as it is read: a slope, pages of 4 KiB, noise of a few of them, and now and then a burst."""
    draw = random.Random(seed)
    level = [slope * x + 4096 * draw.choice([0, 0, 0, 1, 1, 2]) + 100_000 * (draw.random() < 0.1) for x in XS]
    return [4096 * round(one / 4096) for one in level]


@pytest.mark.parametrize("slope", [0.0, 16.0, 184.0, 5600.0])
def test_a_leak_is_found_through_the_noise(slope):
    """One of the smallest blocks a connection is told from none, and outliers in a tenth of the readings do not matter."""
    found = slope_of(XS, readings(slope))
    assert found.low <= slope <= found.high
    assert found.value == pytest.approx(slope, abs=0.5)
    assert found.verdict() == ("flat" if slope == 0 else "grows")


def test_what_stays_has_no_slope():
    """Not even within rounding."""
    assert slope_of(XS, [4096.0] * len(XS)) == Slope(0.0, 0.0, 0.0)


def test_what_shrinks_is_flat():
    """Memory that is given back is no leak."""
    assert slope_of(XS, readings(-16.0)).verdict() == "flat"


@pytest.mark.parametrize(
    ("slope", "verdict"),
    [
        (Slope(0.4, -0.1, 0.9), "flat"),
        (Slope(0.4, 0.3, 0.5), "below one object"),
        (Slope(9.0, 2.0, 16.5), "grows"),
        (Slope(20.0, 17.0, 23.0), "grows"),
    ],
)
def test_the_verdict_is_of_the_interval(slope, verdict):
    """It is flat where 0 lies within, and no object a connection is left only where the whole interval is below one."""
    assert slope.verdict() == verdict


def test_too_few_readings_have_no_slope():
    """Nor have readings that are not as many as what they are read over."""
    with pytest.raises(ValueError, match="10 at least"):
        slope_of(XS[:9], XS[:9])
    with pytest.raises(ValueError, match="as many of both"):
        slope_of(XS, XS[1:])
