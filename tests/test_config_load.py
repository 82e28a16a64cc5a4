"""The one door: overrides, identities, the record of the config, and the examples."""

import json
from pathlib import Path

import pytest

from tressi.config.load import Overrides, load_config
from tressi.errors import ConfigError
from tressi.masking import MASK
from tressi.model import EarlyExit, Expectation

pytestmark = pytest.mark.pure

EXAMPLES = sorted((Path(__file__).parent.parent / "examples").glob("*.json"))


def one(**more):
    """A config of one request."""
    return {"requests": [{"url": "http://h/"}], **more}


def test_overrides_replace_the_files_settings():
    """Every override lands where its config key would."""
    overrides = Overrides(
        duration=1,
        rps=2,
        workers=3,
        concurrent_requests=4,
        ramp_up_time=1,
        base_url="http://base",
        timeout=0.5,
        connect_timeout=0.25,
        connections_per_second=2.5,
        graceful_stop=7.5,
        seed=6,
        export="out",
    )
    config = load_config({"requests": [{"url": "/x"}], "duration": 99, "rps": 99, "baseUrl": "http://other"}, overrides)

    assert (config.duration_s, config.shared_pool.target_rps, config.shared_pool.workers) == (1, 2, 3)
    assert (config.concurrent_requests, config.shared_pool.ramp_up_time, config.seed) == (4, 1, 6)
    assert (config.connections_per_second, config.endpoints[0].connect_timeout_s) == (2.5, 0.25)
    assert config.graceful_stop_s == 7.5
    assert (config.endpoints[0].url, config.endpoints[0].timeout_s, config.export) == ("http://base/x", 0.5, "out")


def test_absent_overrides_change_nothing():
    """The default of each is to leave the file's."""
    assert load_config(one(rps=5), Overrides()) == load_config(one(rps=5))


@pytest.mark.parametrize(
    ("overrides", "line"),
    [
        (Overrides(duration=0), "duration: 0 is not greater than 0 (given by --duration)"),
        (Overrides(concurrent_requests=-1), "concurrentRequests: -1 is not greater than 0 (given by --concurrent-requests)"),
        (
            Overrides(base_url="h"),
            'baseUrl: "h" is not an absolute http:// or https:// URL (given by --base-url)',
        ),
        (Overrides(graceful_stop=-0.5), "gracefulStop: -0.5 is less than the minimum of 0 (given by --graceful-stop)"),
        (
            Overrides(timeout=float("nan")),
            "timeout: is no number that JSON has, or beyond what a number can hold",
        ),
    ],
)
def test_an_override_is_held_to_the_rules_of_its_key(overrides, line):
    """The message says that the value did not come from the file."""
    with pytest.raises(ConfigError) as caught:
        load_config(one(duration=5), overrides)
    assert str(caught.value) == line


def test_an_override_reaches_a_legacy_file_where_its_key_goes():
    """`rps` and `workers` are the budgets of a legacy file, whether the file or a flag gives them."""
    config = load_config(one(autoscale=True, rps=10), Overrides(rps=20, workers=7))

    assert (config.endpoints[0].autoscale.target_rps, config.worker_limit) == (20, 7)


def test_repeated_endpoints_have_keys_of_their_own():
    """A repeated key gets a number; user info is masked, and two users of one address are told apart by it alone."""
    urls = ["http://h/a", "http://h/a", "http://h/b", "http://h/a", "http://ann:word@h/a", "http://bob:pass@h/a"]

    config = load_config({"requests": [{"url": url} for url in urls]})

    assert [endpoint.endpoint_key for endpoint in config.endpoints] == [
        "GET http://h/a",
        "GET http://h/a #2",
        "GET http://h/b",
        "GET http://h/a #3",
        "GET http://***@h/a",
        "GET http://***@h/a #2",
    ]


def test_a_graceful_stop_is_half_a_minute_unless_the_config_says_otherwise():
    """0 waits for nothing."""
    assert [load_config(one(**given)).graceful_stop_s for given in ({}, {"gracefulStop": 0}, {"gracefulStop": 2})] == [30, 0, 2]


def test_expectations_timeouts_and_names_are_resolved():
    """One status is a list of one; a request's own timeout wins over the run's."""
    requests = [
        {"url": "http://h/", "expect": {"status": 404}, "timeout": 1.5, "connectTimeout": 1, "name": "gone"},
        {"url": "http://h/", "expect": {"status": [200, 201], "bodyContains": "ö"}},
        {"url": "http://h/", "expect": {}},
    ]

    config = load_config({"requests": requests, "timeout": 5, "connectTimeout": 2})

    assert [endpoint.connect_timeout_s for endpoint in config.endpoints] == [1, 2, 2]
    assert [(endpoint.expect, endpoint.timeout_s, endpoint.name) for endpoint in config.endpoints] == [
        (Expectation(status=(404,)), 1.5, "gone"),
        (Expectation(status=(200, 201), body_contains=b"\xc3\xb6"), 5, None),
        (None, 5, None),
    ]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, None),
        ({"earlyExitOnError": False, "errorCountThreshold": 3}, None),
        ({"earlyExitOnError": True}, EarlyExit()),
        (
            {
                "earlyExitOnError": True,
                "errorRateThreshold": 0,
                "errorCountThreshold": 3,
                "errorStatusCodes": [500, 503, 500],
            },
            EarlyExit(0.0, 3, frozenset({500, 503})),
        ),
    ],
)
def test_early_exit_is_resolved_only_where_it_is_armed(settings, expected):
    """Thresholds alone arm nothing; a rate of 0 is a threshold, not an absence."""
    assert load_config(one(**settings)).early_exit == expected


def test_the_nearest_credentials_count():
    """A request's own header, then its URL's user info, then the header for all; the base is for all requests too."""
    for url, own, base, expected in [
        ("http://h/", {}, None, "all"),
        ("http://ann:word@h/", {}, None, None),
        ("http://ann:word@h/", {"authorization": "own"}, None, "own"),
        ("http://h/", {"Authorization": "own"}, None, "own"),
        ("/x", {}, "http://ann:word@h", "all"),
    ]:
        document = {"headers": {"AUTHORIZATION": "all"}, "requests": [{"url": url, "headers": own}]}
        config = load_config({**document, "baseUrl": base} if base else document)
        found = {name.lower(): value for name, value in config.endpoints[0].headers}
        assert found.get("authorization") == expected, (url, own, base)


def test_the_record_has_no_secret():
    """Secret headers, those named by the user, and user info are masked wherever they stand."""
    document = {
        "baseUrl": "http://ann:SECRET@h",
        "headers": {"Authorization": "SECRET", "x-token": "SECRET", "Accept": "shown"},
        "requests": [
            {"url": "/x", "headers": {"Cookie": ["SECRET", "SECRET"], "X-API-Key": "SECRET", "X-Auth": None}},
            {"url": "http://SECRET@h/"},
        ],
    }

    config = load_config(document, Overrides(mask_headers=("X-Token",)))

    assert "SECRET" not in json.dumps(config.document)
    assert config.document["headers"] == {"Authorization": "***", "x-token": "***", "Accept": "shown"}
    assert config.document["baseUrl"] == "http://***@h"
    assert "SECRET" not in "".join(endpoint.endpoint_key + endpoint.masked_url for endpoint in config.endpoints)
    assert dict(config.endpoints[0].headers)["Authorization"] == "SECRET"


def test_the_record_has_the_defaults():
    """It says what was run: at the top, in the global section and in each request, never in an endpoint's section."""
    section = {"enabled": True, "targetRps": 5}
    record = load_config({"requests": [{"url": "http://h/", "autoscale": {"enabled": True}}], "autoscale": section}).document

    assert record["requests"] == [{"url": "http://h/", "autoscale": {"enabled": True}, "method": "GET"}]
    assert (record["duration"], record["workers"], record["timeout"]) == (10, 10, 30)
    assert record["autoscale"] == {
        **section,
        "minWorkers": 1,
        "scaleUpThreshold": 0.9,
        "scaleDownThreshold": 1.1,
        "scaleUpFactor": 0.25,
        "scaleDownFactor": 0.25,
        "cooldownPeriod": 2,
        "distributionStrategy": "proportional",
        "defaultWeight": 1,
    }


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_an_example_loads_and_its_record_is_the_same_run(example, monkeypatch):
    """Examples have no problem and no warning but the legacy one; a record can be run again where its files are."""
    monkeypatch.chdir(example.parent)
    config = load_config(example)

    assert all("legacy" in warning for warning in config.warnings)
    if MASK in json.dumps(config.document):
        return  # what is masked in the record is sent as it stands
    again = load_config(config.document)
    assert (again.endpoints, again.shared_pool, again.worker_limit) == (
        config.endpoints,
        config.shared_pool,
        config.worker_limit,
    )
    assert again.document == config.document


def test_there_are_examples():
    """The table above is not empty by mistake."""
    assert {"basic.json", "autoscale.json", "priority.json", "legacy.json", "shared-pool.json", "ramp.json"} <= {
        path.name for path in EXAMPLES
    }


def test_insecure_takes_any_certificate_and_keeps_the_rest():
    """--insecure is `tls.verify` false; what else the section says stays."""
    document = {"requests": [{"url": "https://h/"}], "tls": {"serverName": "other"}}
    config = load_config(document, Overrides(insecure=True))
    assert (config.tls.verify, config.tls.server_name) == (False, "other")
    assert load_config(document).tls.verify is True


def test_a_unix_socket_is_a_host():
    """The path stays percent-encoded, as Docker's clients write it; without one it is refused."""
    config = load_config({"requests": [{"url": "http+unix://%2Frun%2Fdocker.sock/info"}]})
    assert config.endpoints[0].url == "http+unix://%2Frun%2Fdocker.sock/info"
    with pytest.raises(ConfigError, match="no path of a unix socket"):
        load_config({"requests": [{"url": "http+unix://docker.sock/info"}]})


def test_a_secret_under_a_name_that_no_section_knows_is_not_recorded():
    """The summary, its exports and the journal quote the config; what the schema knows is quoted as it is."""
    request = {"url": "http://h/", "apiKey": "hunter3", "name": "kept"}
    recorded = load_config({"requests": [request], "rps": 1, "password": "hunter2", "keepAlive": True}).document
    assert recorded["password"] == recorded["requests"][0]["apiKey"] == "***"
    assert (recorded["keepAlive"], recorded["requests"][0]["name"]) == (True, "kept")
