"""`stages` in a config: the rate over the run's time, in an endpoint's section, in the one of all, and for the shared pool."""

import pytest
from configs import problems
from each import each

from tressi.config.load import load_config
from tressi.config.overrides import Overrides

pytestmark = pytest.mark.pure

URL = "http://127.0.0.1:9/"
UP_AND_DOWN = [
    {"duration": 30, "targetRps": 300},
    {"duration": 10, "targetRps": 300},
    {"duration": 5, "targetRps": 30, "shape": "step"},
]
POINTS = ((0.0, 0.0), (30.0, 300.0), (40.0, 300.0), (40.0, 30.0), (45.0, 30.0))


def endpoint(path, **section):
    """A request with a section of its own."""
    return {"url": URL + path, "autoscale": {"enabled": True, **section}} if section else {"url": URL + path}


def half(points, factor):
    return tuple((at, pytest.approx(rps * factor)) for at, rps in points)


def test_an_endpoint_follows_its_own_stages():
    """The highest rate is its target, and the run is as long as the stages."""
    config = load_config({"requests": [endpoint("a", stages=UP_AND_DOWN)], "rampUpTime": 7})
    own = config.endpoints[0].autoscale
    assert (own.target_rps, own.curve.points, own.ramp_up_time, config.duration_s) == (300.0, POINTS, 0.0, 45.0)


def test_the_shared_pool_follows_those_of_the_top_level():
    """In place of rps."""
    config = load_config({"requests": [endpoint("a"), endpoint("b")], "stages": UP_AND_DOWN, "duration": 60})
    assert (config.shared_pool.curve.points, config.shared_pool.target_rps, config.duration_s) == (POINTS, 300.0, 60.0)


def test_endpoints_that_share_a_total_follow_its_shape():
    """One with a target of its own keeps that; what is left of the highest rate is divided by weight, as without stages."""
    requests = [endpoint("own", targetRps=60), endpoint("a", weight=0.5), endpoint("b", weight=1)]
    config = load_config({"requests": requests, "autoscale": {"enabled": True, "stages": UP_AND_DOWN, "maxWorkers": 9}})
    curves = [one.autoscale.curve.points for one in config.endpoints]
    assert curves == [((0.0, 60.0),), half(POINTS, 80 / 300), half(POINTS, 160 / 300)]


def test_a_shared_pool_without_a_rate_has_its_share_of_the_total_and_its_shape():
    """Its weight is that of its endpoints."""
    requests = [endpoint("a", weight=1), {"url": URL + "b", "autoscale": {"enabled": False}}]
    config = load_config({"requests": requests, "autoscale": {"enabled": True, "stages": UP_AND_DOWN, "maxWorkers": 9}})
    assert config.shared_pool.curve.points == half(POINTS, 0.5)


def test_scale_takes_the_rates_of_all_stages_times_the_factor():
    """Exactly, as it does with any rate."""
    config = load_config({"requests": [endpoint("a")], "stages": UP_AND_DOWN}, Overrides(scale=0.1))
    assert config.shared_pool.curve.points == half(POINTS, 0.1)


@each(
    ("document", "said"),
    [
        ({"stages": UP_AND_DOWN, "rps": 5}, "rps: stands beside stages"),
        ({"stages": UP_AND_DOWN, "rampUpTime": 5}, "rampUpTime: stands beside stages"),
        ({"stages": [{"duration": 3, "targetRps": 0}]}, "stages: ask for no request at all"),
        ({"stages": []}, "stages: has no entry"),
        ({"stages": [{"duration": 0, "targetRps": 1}]}, "stages[0].duration: 0 is not greater than 0"),
        ({"stages": [{"targetRps": 1}]}, "stages[0].duration: is missing"),
        ({"stages": [{"duration": 1, "targetRps": 1e8}]}, "stages[0].targetRps: 100000000.0 is greater than 10,000,000"),
        ({"stages": [{"duration": 1, "targetRps": 1, "shape": "zigzag"}]}, 'stages[0].shape: "zigzag" is not one of'),
        ({"stages": [{"duration": "1m", "targetRps": 1}]}, "stages[0].duration:"),
        (
            {"requests": [endpoint("a", stages=UP_AND_DOWN, targetRps=4)]},
            "requests[0].autoscale.targetRps: stands beside stages",
        ),
    ],
)
def test_what_cannot_be_is_said_with_its_place(document, said):
    """Nothing is passed over in silence."""
    assert any(line.startswith(said) for line in problems({"requests": [endpoint("a")], **document}))


def test_stages_beyond_the_end_of_the_run_are_a_warning():
    """The run is done as asked."""
    (warning,) = load_config({"requests": [endpoint("a")], "stages": UP_AND_DOWN, "duration": 20}).warnings
    assert warning == "stages: take 45 s and the run 20 s, so the last of them are not reached"
