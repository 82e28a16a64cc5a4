"""`--scale`: every rate and every bound of workers, in proportion."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tressi.cli import main
from tressi.config.load import Overrides, load_config
from tressi.errors import ConfigError

pytestmark = pytest.mark.pure

URL = "http://127.0.0.1:8080/fast"
DOCUMENT = {
    "rps": 30,
    "workers": 25,
    "connectionsPerSecond": 5,
    "concurrentRequests": 4,
    "rampUpTime": 3,
    "autoscale": {"enabled": True, "targetRps": 1000, "maxWorkers": 40, "minWorkers": 4},
    "requests": [
        {"url": URL, "autoscale": {"enabled": True, "targetRps": 55, "maxWorkers": 14, "initialWorkers": 6}},
        {"url": URL},
        {"url": URL, "autoscale": {"enabled": False}},
    ],
}


def scaled(document, factor):
    """The config at another scale."""
    return load_config(document, Overrides(scale=factor))


def test_every_rate_and_every_bound_is_scaled():
    """Rates exactly, workers rounded half up and at least 1; nothing else."""
    config = scaled(DOCUMENT, 0.1)

    own, inheriting = config.endpoints[0].autoscale, config.endpoints[1].autoscale
    assert (own.target_rps, own.min_workers, own.max_workers, own.initial_workers) == (5.5, 1, 1, 1)
    assert (inheriting.target_rps, inheriting.min_workers, inheriting.max_workers) == (91.5, 1, 4)
    assert (config.shared_pool.target_rps, config.shared_pool.workers) == (3, 3)
    assert (config.worker_limit, config.connections_per_second) == (4, 0.5)
    assert (config.concurrent_requests, own.ramp_up_time, config.duration_s) == (4, 3, 10)
    assert (config.document["rps"], config.document["autoscale"]["targetRps"], config.document["workers"]) == (3, 100, 3)


def test_a_scale_above_1_scales_up():
    """What a config leaves out is scaled too: its default."""
    config = scaled({"requests": [{"url": URL}], "rps": 3}, 2.5)
    assert (config.shared_pool.target_rps, config.shared_pool.workers) == (7.5, 25)


def test_a_factor_is_the_decimal_that_was_written():
    """As a float 0.3 is a little less: 15 workers would be 4, and 30 RPS no whole number."""
    config = scaled({"requests": [{"url": URL}], "rps": 30, "workers": 15}, 0.3)
    assert config.shared_pool.workers == 5
    assert json.dumps(config.document["rps"]) == "9"


def test_the_legacy_form_is_scaled_as_its_migrated_form():
    """Its `rps` and `workers` are the budgets."""
    config = scaled({"autoscale": True, "rps": 300, "workers": 50, "requests": [{"url": URL}]}, 0.1)
    assert (config.endpoints[0].autoscale.target_rps, config.worker_limit) == (30, 5)


def test_each_endpoint_keeps_a_worker():
    """Rounding up leaves the limit too small: it is raised to what the endpoints need."""
    requests = [{"url": URL, "autoscale": {"enabled": True, "targetRps": 10}} for _ in range(20)]
    for more, limit in [
        ({"workers": 20}, 20),
        ({"autoscale": {"enabled": False, "maxWorkers": 40}}, 20),
        ({"workers": 500}, 50),
    ]:
        config = scaled({"requests": requests, **more}, 0.1)
        assert (config.worker_limit, config.endpoints[0].autoscale.target_rps) == (limit, 1), more


def test_a_flag_is_scaled_too():
    """The scale is of what the file and the other flags say."""
    config = load_config({"requests": [{"url": URL}]}, Overrides(rps=70, workers=9, scale=0.5))
    assert (config.shared_pool.target_rps, config.shared_pool.workers) == (35, 5)


def test_a_scale_that_scales_nothing_or_too_much_is_refused():
    """With the value; what grows beyond what can be held says that it was scaled."""
    for factor, message in [
        (0, "--scale: 0 is no number greater than 0"),
        (-1, "--scale: -1 is no number greater than 0"),
        (float("nan"), "--scale: nan is no number greater than 0"),
        (float("inf"), "--scale: inf is no number greater than 0"),
        (1e6, "rps: 30000000 is greater than 10,000,000, the most that can be held (after --scale 1e+06)"),
    ]:
        with pytest.raises(ConfigError) as refused:
            scaled({"requests": [{"url": URL}], "rps": 30, "workers": 1}, factor)
        assert str(refused.value) == message


def test_thresholds_about_rates_are_warned_of():
    """They stay as they are, unless they speak of the target."""
    thresholds = ["rps > 28", "rps > 0.98 * targetRps", "p99 < 1s", "requestsMade > 100", "errorRate < 1%"]
    config = load_config({"requests": [{"url": URL}], "rps": 30, "thresholds": thresholds}, Overrides(scale=0.1))
    assert config.warnings == (
        'thresholds[0]: "rps > 28" is judged as it stands, --scale does not change it',
        'thresholds[3]: "requestsMade > 100" is judged as it stands, --scale does not change it',
    )


@settings(deadline=None)
@given(
    st.lists(st.integers(1, 1000), min_size=1, max_size=6),
    st.integers(0, 50),
    st.integers(1, 3),
    st.sampled_from([0.1, 0.001, 0.3, 1, 1.7, 7]),
)
def test_a_config_that_is_sound_stays_so(rates, spare, least, factor):
    """Whatever the factor: the budgets hold, each endpoint keeps its share and at least one worker."""
    requests = [{"url": URL, "autoscale": {"enabled": True, "targetRps": rate, "minWorkers": least}} for rate in rates]
    section = {"enabled": True, "targetRps": sum(rates), "maxWorkers": least * len(rates) + spare}
    config = scaled({"requests": requests, "autoscale": section}, factor)
    targets = [endpoint.autoscale.target_rps for endpoint in config.endpoints]
    assert targets == pytest.approx([rate * factor for rate in rates])
    assert sum(endpoint.autoscale.min_workers for endpoint in config.endpoints) <= config.worker_limit
    assert all(1 <= one.autoscale.min_workers <= one.autoscale.max_workers for one in config.endpoints)


def test_a_rate_by_flag_is_refused_where_no_shared_pool_is():
    """The load would be another than the one asked for; the scale that makes it is named."""
    own = {"url": URL, "autoscale": {"enabled": True, "targetRps": 150}}
    for document, remedy in [
        (
            {"requests": [own, {"url": URL}], "autoscale": {"enabled": True, "targetRps": 200}},
            "--scale 0.25 makes 50 of their 200 RPS together",
        ),
        (
            {"options": {}, "requests": [{"url": URL, "rps": 10}]},
            "--scale 5 makes 50 of their 10 RPS together",
        ),
    ]:
        with pytest.raises(ConfigError) as refused:
            load_config(document, Overrides(rps=50))
        assert str(refused.value) == f"--rps: 50 is a rate of the shared pool, and every endpoint is autoscaled; {remedy}"
        assert load_config(document).shared_pool is None


def test_a_rate_by_flag_beside_autoscaled_endpoints_is_a_warning():
    """It is the shared pool's alone. A rate in the file without a shared pool stays a warning."""
    own = {"url": URL, "autoscale": {"enabled": True, "targetRps": 10}}
    for requests, whose in [
        ([own, {"url": URL}], "1 autoscaled endpoint keeps its own"),
        ([own, own, {"url": URL}], "2 autoscaled endpoints keep theirs"),
    ]:
        config = load_config({"requests": requests}, Overrides(rps=5))
        assert config.shared_pool.target_rps == 5
        assert config.warnings == (
            f"--rps: is the rate of the shared pool alone, and {whose}; --scale changes the rates of all",
        )
    assert load_config({"requests": [own], "rps": 5}).warnings == (
        "rps: has no effect, it limits the shared pool and every endpoint is autoscaled",
    )


def test_the_command_line_scales(tmp_path, capsys):
    """The plan shows the rates as they will be."""
    file = tmp_path / "c.json"
    file.write_text(json.dumps(DOCUMENT))
    assert main(["validate", str(file), "--json", "--scale", "0.1"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert [endpoint["targetRps"] for endpoint in plan["endpoints"]] == [5.5, 91.5, None]
    assert plan["sharedPool"] == {"workers": 3, "targetRps": 3}
    assert main(["validate", str(file), "--scale", "tenth"]) == 2
    assert "'tenth' is not a number" in capsys.readouterr().err
