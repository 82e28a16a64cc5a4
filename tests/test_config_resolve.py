"""Which endpoints are autoscaled, with which values, and how the total rate is divided."""

import pytest
from configs import ABSENT, document, off, on, problems
from each import each
from hypothesis import given, settings
from hypothesis import strategies as st

from tressi.config.load import load_config
from tressi.config.resolve import AutoscaleConfigResolver
from tressi.errors import ConfigError
from tressi.model import AutoscaleConfig, SharedPool

pytestmark = pytest.mark.pure


def targets(config):
    """The target of each endpoint, None in the shared pool."""
    return [endpoint.autoscale and endpoint.autoscale.target_rps for endpoint in load_config(config).endpoints]


@each(
    ("own", "everyone", "autoscaled"),
    [
        pytest.param(off(), ABSENT, False, id="who opts out shares, without a global section"),
        pytest.param(off(), False, False, id="who opts out shares, beside the legacy false"),
        pytest.param(off(), off(targetRps=9), False, id="who opts out shares, beside a disabled section"),
        pytest.param(off(), on(targetRps=9), False, id="who opts out shares, beside an enabled section"),
        pytest.param(on(targetRps=9), ABSENT, True, id="who opts in scales, without a global section"),
        pytest.param(on(targetRps=9), False, True, id="who opts in scales, beside the legacy false"),
        pytest.param(on(), off(targetRps=9), True, id="who opts in scales, beside a disabled section"),
        pytest.param(on(), on(targetRps=9), True, id="who opts in scales, beside an enabled section"),
        pytest.param(ABSENT, ABSENT, False, id="without any section the pool is shared"),
        pytest.param(ABSENT, False, False, id="the legacy false shares"),
        pytest.param(ABSENT, off(targetRps=9), False, id="a disabled section shares"),
        pytest.param(ABSENT, on(targetRps=9), True, id="an enabled section scales everyone"),
    ],
)
def test_who_is_autoscaled(own, everyone, autoscaled):
    """The table of resolution, every combination."""
    config = load_config(document(own, **({} if everyone is ABSENT else {"autoscale": everyone})))

    assert (config.endpoints[0].autoscale is not None) is autoscaled
    assert (config.shared_pool is None) is autoscaled


def test_without_anything_to_inherit_the_defaults_hold():
    """The defaults, of the schema and of those that it leaves open."""
    config = load_config(document(on(targetRps=9)))

    assert config.endpoints[0].autoscale == AutoscaleConfig(target_rps=9, min_workers=1, max_workers=10)
    assert AutoscaleConfig(9, 1, 10) == AutoscaleConfig(9, 1, 10, 0.0, 0.9, 1.1, 0.25, 0.25, 2.0, 1.0, "medium", None)
    assert config.worker_limit == 10
    assert (config.duration_s, config.concurrent_requests, config.strategy, config.seed) == (10, 1, "proportional", 0)
    assert (config.arrival, config.keep_alive, config.endpoints[0].timeout_s) == ("uniform", True, 30)


EVERYTHING = {
    "minWorkers": 2,
    "rampUpTime": 3,
    "scaleUpThreshold": 0.5,
    "scaleDownThreshold": 1.5,
    "scaleUpFactor": 0.3,
    "scaleDownFactor": 0.4,
    "cooldownPeriod": 5,
    "initialWorkers": 4,
}


@pytest.mark.parametrize("enabled", [True, False])
def test_values_are_inherited_from_an_enabled_and_from_a_disabled_section(enabled):
    """What the endpoint leaves out is the global section's, except the budgets; the weight is its default weight."""
    section = {"enabled": enabled, **EVERYTHING, "targetRps": 100, "maxWorkers": 8, "defaultWeight": 0.5}

    own = load_config(document(on(), autoscale=section, rampUpTime=9)).endpoints[0].autoscale

    assert own == AutoscaleConfig(100.0, 2, 8, 3.0, 0.5, 1.5, 0.3, 0.4, 5.0, 0.5, "medium", 4)


def test_an_endpoints_own_values_win():
    """Every value that the endpoint gives replaces the inherited one."""
    own = on(
        targetRps=7,
        maxWorkers=6,
        minWorkers=1,
        rampUpTime=0,
        scaleUpThreshold=0.8,
        scaleDownThreshold=1.2,
        scaleUpFactor=0.1,
        scaleDownFactor=0.2,
        cooldownPeriod=1,
        initialWorkers=3,
        weight=0.9,
        priority="high",
    )

    config = load_config(document(own, autoscale=on(**EVERYTHING, targetRps=100, maxWorkers=8), rampUpTime=9))

    assert config.endpoints[0].autoscale == AutoscaleConfig(7.0, 1, 6, 0.0, 0.8, 1.2, 0.1, 0.2, 1.0, 0.9, "high", 3)


def test_a_section_without_ramp_takes_the_top_level_one():
    """So does the shared pool."""
    config = load_config(document(on(targetRps=1), off(), rampUpTime=7))

    assert config.endpoints[0].autoscale.ramp_up_time == 7
    assert config.shared_pool == SharedPool(workers=10, target_rps=None, ramp_up_time=7)


def test_the_resolver_can_be_asked_about_one_endpoint():
    """Budgets stay out of what is inherited; only an endpoint's own are in its settings."""
    resolver = AutoscaleConfigResolver({"autoscale": on(targetRps=100, maxWorkers=5, cooldownPeriod=3)})

    settings = resolver.resolve_endpoint_config({"url": "/", "autoscale": on(maxWorkers=2)})

    assert settings["cooldownPeriod"] == 3
    assert settings["maxWorkers"] == 2
    assert "targetRps" not in settings
    assert resolver.resolve_endpoint_config({"url": "/", "autoscale": off()}) is None


@each(
    ("config", "expected", "pool_rps"),
    [
        pytest.param(
            document(ABSENT, ABSENT, autoscale=on(targetRps=1000)), [500, 500], None, id="equal weights, equal shares"
        ),
        pytest.param(
            document(on(weight=0.75), on(weight=0.25), autoscale=on(targetRps=1000)), [750, 250], None, id="by weight"
        ),
        pytest.param(
            document(on(weight=0.4), on(weight=0.1), autoscale=on(targetRps=1000)),
            [800, 200],
            None,
            id="weights are relative, also below a sum of 1",
        ),
        pytest.param(
            document(on(weight=1), on(weight=0.5), ABSENT, autoscale=on(targetRps=1000, defaultWeight=0.5)),
            [500, 250, 250],
            None,
            id="an endpoint without a weight has the default one",
        ),
        pytest.param(
            document(on(), on(), on(), autoscale=on(targetRps=100)), [100 / 3] * 3, None, id="a share may be a fraction"
        ),
        pytest.param(
            document(on(targetRps=600), ABSENT, ABSENT, autoscale=on(targetRps=1000)),
            [600, 200, 200],
            None,
            id="an own target is kept, the rest is split",
        ),
        pytest.param(
            document(on(targetRps=1500), on(targetRps=500), autoscale=on(targetRps=2000)),
            [1500, 500],
            None,
            id="own targets may use up the total",
        ),
        pytest.param(
            document(on(targetRps=100), on(targetRps=50), autoscale=on()), [100, 50], None, id="own targets need no total"
        ),
        pytest.param(
            document(ABSENT, off(), off(), autoscale=on(targetRps=900)),
            [300, None, None],
            600,
            id="the shared pool has the shares of its endpoints",
        ),
        pytest.param(
            document(on(weight=0.6), off(weight=0.2), autoscale=on(targetRps=800)),
            [600, None],
            200,
            id="an endpoint of the shared pool keeps its weight",
        ),
        pytest.param(
            document(on(targetRps=600), off(), autoscale=on(targetRps=1000)),
            [600, None],
            400,
            id="the shared pool has what own targets leave",
        ),
        pytest.param(
            document(ABSENT, off(), autoscale=on(targetRps=1000), rps=100),
            [900, None],
            100,
            id="rps is the shared pool's target, and part of the total",
        ),
        pytest.param(
            document(on(targetRps=1000), off(), autoscale=on(targetRps=1000), rps=50),
            [1000, None],
            50,
            id="rps gives the shared pool a target where own ones use up the total",
        ),
        pytest.param(
            document(on(), off(), autoscale=off(targetRps=1000)),
            [1000, None],
            None,
            id="the total of a disabled section does not bind the shared pool",
        ),
        pytest.param(
            document(on(), ABSENT, autoscale=off(targetRps=1000), rps=300),
            [1000, None],
            300,
            id="beside a disabled section rps is apart from the total",
        ),
        pytest.param(document(ABSENT, rps=40), [None], 40, id="the legacy meaning of rps"),
        pytest.param(document(ABSENT), [None], None, id="without any rate the shared pool is not limited"),
        pytest.param(document(on(targetRps=5), off(), autoscale=on()), [5, None], None, id="nor without a total"),
    ],
)
def test_the_total_rate_is_divided(config, expected, pool_rps):
    """Own targets are kept, the rest of the total is split by weight, the shared pool included."""
    pool = load_config(config).shared_pool

    assert targets(config) == pytest.approx(expected)
    assert (pool and pool.target_rps) == (pool_rps if pool_rps is None else pytest.approx(pool_rps))


TOTAL_USED = "is missing, and nothing of the run's total (autoscale.targetRps 100) is left for"
NO_TARGET = "is missing; without it, there or for the whole run, nothing says how far to scale"


@each(
    ("config", "lines"),
    [
        pytest.param(document(ABSENT, ABSENT, autoscale=on()), [f"autoscale.targetRps: {NO_TARGET}"], id="no target at all"),
        pytest.param(
            document(on(), on(targetRps=5), on()),
            [f"requests[0].autoscale.targetRps: {NO_TARGET}", f"requests[2].autoscale.targetRps: {NO_TARGET}"],
            id="no target, and no total to take it from",
        ),
        pytest.param(
            document(ABSENT, autoscale=on(), rps=40),
            [f"autoscale.targetRps: {NO_TARGET}; rps (40) limits only the shared pool"],
            id="rps is no target of autoscaled endpoints, and is named",
        ),
        pytest.param(
            document(on(targetRps=101), ABSENT, autoscale=on(targetRps=100)),
            ["requests[0].autoscale.targetRps: 101 is above the total of the run, autoscale.targetRps 100"],
            id="one endpoint above the total",
        ),
        pytest.param(
            document(on(targetRps=60), on(targetRps=60), autoscale=on(targetRps=100)),
            ["autoscale.targetRps: 100 is less than the endpoints' own targets together, 120"],
            id="the sum above the total",
        ),
        pytest.param(
            document(on(targetRps=60), on(targetRps=60), autoscale=off(targetRps=100)),
            ["autoscale.targetRps: 100 is less than the endpoints' own targets together, 120"],
            id="the sum above the total of a disabled section",
        ),
        pytest.param(
            document(on(targetRps=100), on(), autoscale=on(targetRps=100)),
            [f"requests[1].autoscale.targetRps: {TOTAL_USED} this endpoint"],
            id="nothing left for an endpoint",
        ),
        pytest.param(
            document(on(targetRps=100), off(), autoscale=on(targetRps=100)),
            [f"rps: {TOTAL_USED} the shared pool"],
            id="nothing left for the shared pool",
        ),
        pytest.param(
            document(ABSENT, off(), autoscale=on(targetRps=100), rps=100),
            [f"requests[0].autoscale.targetRps: {TOTAL_USED} this endpoint"],
            id="nothing left beside rps",
        ),
        pytest.param(
            document(ABSENT, ABSENT, autoscale=True),
            [f"rps: {NO_TARGET}"],
            id="in a legacy file the missing total is rps",
        ),
    ],
)
def test_a_total_that_cannot_be_divided_is_an_error(config, lines):
    """Each message says at which place, and out of what, the rate is missing."""
    assert problems(config) == lines


def test_rps_without_a_shared_pool_is_a_warning():
    """Nothing is limited by it, and the author may think that something is."""
    config = load_config(document(on(targetRps=5), rps=100))

    assert config.warnings == ("rps: has no effect, it limits the shared pool and every endpoint is autoscaled",)


@settings(max_examples=150, deadline=None)
@given(
    total=st.integers(1, 100_000),
    sections=st.lists(
        st.sampled_from([ABSENT, on(), off()])
        | st.builds(on, targetRps=st.integers(1, 2_000))
        | st.builds(on, weight=st.floats(0.1, 1)),
        min_size=1,
        max_size=8,
    ),
)
def test_the_parts_make_up_the_total(total, sections):
    """Whichever endpoints need a share, the targets add up to the total of the run; only own targets may fall short of it."""
    try:
        config = load_config(document(*sections, autoscale=on(targetRps=total, maxWorkers=50)))
    except ConfigError:
        return
    parts = [endpoint.autoscale.target_rps for endpoint in config.autoscaled]
    parts += [config.shared_pool.target_rps] if config.shared_pool else []
    only_own = all(section is not ABSENT and "targetRps" in section for section in sections)
    assert sum(parts) <= total if only_own else sum(parts) == pytest.approx(total)
    assert all(part > 0 for part in parts)
