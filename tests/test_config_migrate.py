"""Migration: the forms of the contract, and the same run before and after."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tressi.config.load import Overrides, load_config
from tressi.config.migrate import migrated
from tressi.errors import ConfigError
from tressi.model import AutoscaleConfig

pytestmark = pytest.mark.pure

REQUESTS = [{"url": "/api/fast", "method": "GET"}, {"url": "/api/slow", "method": "POST"}]


@pytest.mark.parametrize(
    ("legacy", "current"),
    [
        pytest.param(
            {"autoscale": True, "workers": 50, "rps": 1000, "rampUpTime": 15, "requests": REQUESTS},
            {
                "autoscale": {
                    "enabled": True,
                    "targetRps": 1000,
                    "maxWorkers": 50,
                    "rampUpTime": 15,
                    "distributionStrategy": "proportional",
                    "defaultWeight": 1,
                },
                "requests": REQUESTS,
            },
            id="the contract's first example",
        ),
        pytest.param(
            {"autoscale": True, "workers": 100, "rps": 2000, "requests": REQUESTS},
            {
                "autoscale": {
                    "enabled": True,
                    "targetRps": 2000,
                    "maxWorkers": 100,
                    "distributionStrategy": "proportional",
                    "defaultWeight": 1,
                },
                "requests": REQUESTS,
            },
            id="the contract's second example, its endpoints untouched",
        ),
        pytest.param(
            {"requests": REQUESTS, "rps": 5, "duration": 9, "autoscale": False, "workers": 2},
            {"requests": REQUESTS, "rps": 5, "duration": 9, "autoscale": {"enabled": False}, "workers": 2},
            id="switched off, everything else keeps its place",
        ),
        pytest.param(
            {"autoscale": True, "rps": 9, "workers": 5, "requests": [{"url": "/", "autoscale": {"enabled": False}}]},
            {
                "autoscale": {
                    "enabled": True,
                    "targetRps": 9,
                    "maxWorkers": 5,
                    "distributionStrategy": "proportional",
                    "defaultWeight": 1,
                },
                "workers": 5,
                "requests": [{"url": "/", "autoscale": {"enabled": False}}],
            },
            id="an endpoint that opted out keeps the size of its pool",
        ),
        pytest.param({"rps": 9, "requests": REQUESTS}, {"rps": 9, "requests": REQUESTS}, id="no autoscale, nothing to do"),
    ],
)
def test_a_legacy_file_in_the_current_form(legacy, current):
    """The content and the order of keys are exactly these."""
    result = migrated(legacy)

    assert result == current
    assert list(result) == list(current)
    assert migrated(result) == result
    if isinstance(current.get("autoscale"), dict):
        assert list(result["autoscale"]) == list(current["autoscale"])


def test_the_contracts_migrated_form_with_endpoint_sections_runs():
    """Its relative urls need a base, and nothing else; each endpoint has exactly its own settings."""
    fast = {"enabled": True, "targetRps": 1500, "weight": 0.75, "priority": "high"}
    slow = {"enabled": True, "targetRps": 500, "weight": 0.25, "priority": "medium", "minWorkers": 5}
    document = {
        "autoscale": {"enabled": True, "targetRps": 2000, "maxWorkers": 100, "distributionStrategy": "proportional"},
        "requests": [
            {"url": "/api/fast", "method": "GET", "autoscale": fast},
            {"url": "/api/slow", "method": "POST", "autoscale": slow},
        ],
    }

    config = load_config(document, Overrides(base_url="http://h"))

    assert [endpoint.endpoint_key for endpoint in config.endpoints] == ["GET http://h/api/fast", "POST http://h/api/slow"]
    assert [endpoint.autoscale for endpoint in config.endpoints] == [
        AutoscaleConfig(1500.0, 1, 100, weight=0.75, priority="high"),
        AutoscaleConfig(500.0, 5, 100, weight=0.25),
    ]
    assert config.warnings == ()


def plan(document):
    """What a document resolves to, apart from warnings; or its problems."""
    try:
        config = load_config(document)
    except ConfigError as error:
        return len(error.problems)
    return (config.endpoints, config.shared_pool, config.worker_limit, config.strategy, config.duration_s)


@settings(max_examples=60, deadline=None)
@given(
    st.fixed_dictionaries(
        {
            "autoscale": st.booleans(),
            "requests": st.lists(
                st.fixed_dictionaries(
                    {"url": st.sampled_from(["http://h/a", "http://h/b"])},
                    optional={
                        "autoscale": st.sampled_from(
                            [{"enabled": False}, {"enabled": True}, {"enabled": True, "targetRps": 5, "maxWorkers": 3}]
                        )
                    },
                ),
                min_size=1,
                max_size=4,
            ),
        },
        optional={"rps": st.integers(1, 50), "workers": st.integers(1, 9), "rampUpTime": st.integers(0, 5)},
    )
)
def test_a_legacy_file_means_the_same_run_before_and_after(legacy):
    """Loading the file and loading what migration makes of it give one plan."""
    assert plan(legacy) == plan(migrated(legacy))


def test_a_rate_by_flag_is_the_total_of_a_legacy_file_and_that_is_said():
    """Of a current one it is the shared pool's; where it is too small, the message has the name under which it was given."""
    legacy = {"autoscale": True, "rps": 10, "workers": 4, "requests": [{"url": "http://h/"}, {"url": "http://h/b"}]}
    resolved = load_config(legacy, Overrides(rps=20))
    assert sum(one.autoscale.target_rps for one in resolved.autoscaled) == 20
    meaning = "--rps: in the legacy form it is the rate of all endpoints together, as rps of the file is"
    assert [one for one in resolved.warnings if "--rps" in one] == [meaning]
    assert meaning not in load_config(legacy).warnings

    legacy["requests"][1]["autoscale"] = {"enabled": True, "targetRps": 8}
    for rps, name in ((5, "--rps 5"), (None, "rps 7")):
        with pytest.raises(ConfigError) as caught:
            load_config({**legacy, "rps": 7}, Overrides(rps=rps))
        assert str(caught.value) == f"requests[1].autoscale.targetRps: 8 is above the total of the run, {name}"


def test_a_legacy_file_runs_with_a_deprecation_warning():
    """The warning names the remedy; the migrated file has none."""
    legacy = {"autoscale": True, "rps": 10, "workers": 4, "requests": [{"url": "http://h/"}]}

    assert load_config(legacy).warnings == (
        "autoscale: true is the legacy form; it still works, and `tressi migrate` writes the current one",
    )
    assert load_config(migrated(legacy)).warnings == ()


def test_problems_of_a_legacy_file_are_told_in_its_own_words():
    """The place is the key that stands in the file, not the one that it would become."""
    beyond = "rps: 1000000000 is greater than 10,000,000, the most that can be held"
    short = "workers: the limit of all autoscaled workers, 1, is less than the minWorkers of 2 autoscaled endpoints together, 2"
    # A budget with a part that is beyond all limits cannot be computed, and nothing is said of it.
    for rps, problem in ((10**9, beyond), (10**3, short)):
        with pytest.raises(ConfigError) as caught:
            load_config({"autoscale": True, "rps": rps, "workers": 1, "requests": [{"url": "http://h/"}] * 2})
        assert str(caught.value) == problem
