"""Bad configs: every problem has its place, its value and its rule, and all of them come at once."""

import pytest
from each import each
from hypothesis import given, settings
from hypothesis import strategies as st

from tressi.config.load import load_config
from tressi.errors import ConfigError

pytestmark = pytest.mark.pure

URL = "http://127.0.0.1:8080/fast"


def lines_of(document):
    """Load a bad document, and return its problems as lines."""
    with pytest.raises(ConfigError) as caught:
        load_config(document)
    return str(caught.value).splitlines()


def request(**more):
    """One request to a good address."""
    return {"requests": [{"url": URL, **more}]}


@each(
    ("document", "line"),
    [
        pytest.param(5, "5 is not an object", id="a number"),
        pytest.param([], "an array is not an object", id="an array"),
        pytest.param(None, "null is not an object", id="null"),
        pytest.param({}, "requests: is missing, but required", id="no requests"),
        pytest.param({"requests": []}, "requests: has no entry, but needs at least 1", id="no request"),
        pytest.param({"requests": {}}, "requests: an object is not an array", id="requests as an object"),
        pytest.param({"requests": [5]}, "requests[0]: 5 is not an object", id="a request that is a number"),
        pytest.param({"requests": [{}]}, "requests[0].url: is missing, but required", id="a request without url"),
        pytest.param({"requests": [{"url": ""}]}, 'requests[0].url: "" is empty', id="an empty url"),
        pytest.param({**request(), "duration": 0}, "duration: 0 is not greater than 0", id="a number at its excluded bound"),
        pytest.param(
            {**request(), "duration": "10s"},
            'duration: "10s" is not an integer; times are seconds: write 10',
            id="a duration with its unit",
        ),
        pytest.param({**request(), "rps": 2.5}, "rps: 2.5 is not an integer", id="half a request"),
        pytest.param({**request(), "rps": True}, "rps: true is not an integer", id="a boolean is no number"),
        pytest.param({**request(), "rps": None}, "rps: null is not an integer", id="null is not absence"),
        pytest.param(
            {**request(), "errorRateThreshold": 2},
            "errorRateThreshold: 2 is greater than the maximum of 1",
            id="a share above 1",
        ),
        pytest.param(
            {**request(), "errorStatusCodes": [500, 99]},
            "errorStatusCodes[1]: 99 is less than the minimum of 100",
            id="an item of a list",
        ),
        pytest.param(
            request(method="get"),
            'requests[0].method: "get" is no method, because methods are written in capitals; did you mean GET?',
            id="a method in small letters",
        ),
        pytest.param(
            request(method="GET /x"),
            'requests[0].method: "GET /x" is no method; RFC 9110 allows capitals, digits and !#$%&\'*+-.^_`|~',
            id="a method that is no token",
        ),
        pytest.param(
            request(method=""),
            'requests[0].method: "" is no method; RFC 9110 allows capitals, digits and !#$%&\'*+-.^_`|~',
            id="no method at all",
        ),
        pytest.param(
            request(method="CONNECT"),
            "requests[0].method: CONNECT asks a proxy for a tunnel, and is no request to a target; `proxy` sends through one",
            id="a method of proxies",
        ),
        pytest.param(
            request(expect={"status": 1000}),
            "requests[0].expect.status: 1000 is greater than the maximum of 999",
            id="a status of four digits",
        ),
        pytest.param(
            request(autoscale={"enabled": True, "targetRps": 5, "scaleUpFactor": 1.5}),
            "requests[0].autoscale.scaleUpFactor: 1.5 is greater than the maximum of 1",
            id="a bound behind allOf",
        ),
        pytest.param(
            request(autoscale={"targetRps": 5}),
            "requests[0].autoscale.enabled: is missing, but required",
            id="a section that does not say whether",
        ),
        pytest.param(
            request(autoscale=True), "requests[0].autoscale: true is not an object", id="the legacy form in an endpoint"
        ),
        pytest.param(
            {**request(), "autoscale": 5}, "autoscale: 5 is not a boolean or an object", id="no branch takes the type"
        ),
        pytest.param(
            {**request(), "autoscale": {"enabled": True, "targetRps": 0}},
            "autoscale.targetRps: 0 is less than the minimum of 1",
            id="the branch of the given type speaks",
        ),
        pytest.param(request(payload="x"), 'requests[0].payload: "x" is not an object or an array', id="a payload of text"),
        pytest.param(
            request(expect={"status": []}), "requests[0].expect.status: has no entry, but needs at least 1", id="no status"
        ),
        pytest.param(
            request(expect={"status": 99}), "requests[0].expect.status: 99 is less than the minimum of 100", id="a status"
        ),
        pytest.param({**request(), "timeout": 0}, "timeout: 0 is not greater than 0", id="no time at all"),
        pytest.param(
            {**request(), "arrival": "burst"}, 'arrival: "burst" is not one of uniform or poisson', id="another arrival"
        ),
        pytest.param(
            request(headers={"Authorization": 5}),
            "requests[0].headers.Authorization: *** is not a string, an array or null",
            id="a secret",
        ),
        pytest.param(
            request(name="x" * 200 + "\x1b[31m", timeout="x" * 200),
            f'requests[0].timeout: "{"x" * 79}…" is not a number',
            id="a long value is cut",
        ),
        pytest.param(
            {**request(), "duration": "\x1b[31m"}, r'duration: "\u001b[31m" is not an integer', id="a value that paints"
        ),
        pytest.param(
            {**request(), "duration": 10**30},
            "duration: 1000000000000000000000000000000 is greater than 31,536,000, the most that can be held",
            id="longer than nanoseconds can count",
        ),
        pytest.param(
            {**request(), "autoscale": {"enabled": True, "targetRps": 10**9}},
            "autoscale.targetRps: 1000000000 is greater than 10,000,000, the most that can be held",
            id="a rate beyond any engine",
        ),
    ],
)
def test_a_broken_rule_is_told_in_one_line(document, line):
    """Place, value and rule, nothing else."""
    assert lines_of(document) == [line]


def test_all_problems_come_at_once_and_in_document_order():
    """Schema and meaning together, so that nobody repairs a file one run at a time."""
    assert lines_of(
        {
            "headers": {"A b": "x"},
            "requests": [5, {"method": "get"}, {"url": "/x", "headers": {"A": "b\r\nC: d"}}],
            "workers": 0,
            "autoscale": {"enabled": "yes"},
        }
    ) == [
        'headers["A…"]: is no header name; RFC 9110 allows letters, digits and !#$%&\'*+-.^_`|~',
        "requests[0]: 5 is not an object",
        'requests[1].method: "get" is no method, because methods are written in capitals; did you mean GET?',
        "requests[1].url: is missing, but required",
        'requests[2].url: "/x" is relative; it needs baseUrl or --base-url, or http:// and a host in front',
        'requests[2].headers.A: "b\\r\\nC: d" has the control character U+000D',
        "workers: 0 is not greater than 0",
        'autoscale.enabled: "yes" is not a boolean; write true',
    ]


def test_any_token_in_capitals_is_a_method():
    """RFC 9110 9.1: the set of methods is open."""
    for method in ("PATCH", "TRACE", "PROPFIND", "M-SEARCH", "PURGE", "VERSION-CONTROL", "BASELINE_CONTROL", "X1"):
        config = load_config(request(method=method))
        assert (config.endpoints[0].method, config.endpoints[0].endpoint_key) == (method, f"{method} {URL}")


def test_statuses_beyond_599_are_statuses():
    """RFC 9110 15 gives them no meaning, and servers send them."""
    config = load_config(
        {
            **request(expect={"status": [200, 999]}),
            "earlyExitOnError": True,
            "errorStatusCodes": [600, 999],
            "thresholds": ["statusCodes(999) == 0"],
        }
    )
    assert config.endpoints[0].expect.status == (200, 999)
    assert config.early_exit.error_status_codes == {600, 999}


def test_free_names_are_no_unknown_properties():
    """Headers and payloads have names of their own."""
    assert load_config(request(method="POST", headers={"X-Any": "x"}, payload={"any": {"thing": 1}})).warnings == ()


def test_a_whole_float_is_an_integer_where_one_is_asked_for():
    """`5.0` is 5 for the schema, and becomes it; in a payload it is the user's, and stays."""
    config = load_config({**request(payload={"a": 5.0}), "duration": 5.0, "workers": 2.0, "timeout": 2.0})

    assert (config.duration_s, config.shared_pool.workers, config.endpoints[0].timeout_s) == (5.0, 2, 2.0)
    assert isinstance(config.shared_pool.workers, int)
    assert config.endpoints[0].body == b'{"a":5.0}'
    assert config.document["duration"] == 5
    assert isinstance(config.document["duration"], int)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
sections = st.fixed_dictionaries(
    {},
    optional={
        "enabled": st.booleans() | anything,
        "targetRps": st.integers(0, 50) | anything,
        "maxWorkers": st.integers(0, 20) | anything,
        "minWorkers": st.integers(0, 20) | anything,
        "initialWorkers": st.integers(0, 20) | anything,
        "weight": st.floats(0, 1) | anything,
        "priority": st.sampled_from(["high", "low"]) | anything,
        "rampUpTime": anything,
    },
)
documents = st.fixed_dictionaries(
    {
        "requests": st.lists(
            st.fixed_dictionaries(
                {"url": st.sampled_from([URL, "/x", "http://h:99999/", "x:y"]) | anything},
                optional={
                    "autoscale": sections | anything,
                    "headers": st.dictionaries(st.text(max_size=5), st.text(max_size=5)) | anything,
                    "payload": anything,
                    "body": anything,
                    "method": st.sampled_from(["GET", "HEAD"]) | anything,
                    "expect": anything,
                },
            )
            | anything,
            max_size=3,
        )
        | anything
    },
    optional={
        "autoscale": st.booleans() | sections | anything,
        "rps": st.integers(0, 50) | anything,
        "workers": st.integers(0, 20) | anything,
        "baseUrl": st.sampled_from(["http://h/v1", "h", "http://h?x"]) | anything,
        "headers": anything,
        "errorStatusCodes": anything,
        "tls": anything,
    },
)


@settings(max_examples=120, deadline=None)
@given(documents)
def test_any_document_is_resolved_or_refused_in_words(document):
    """No combination of wrong values ends in another exception, and what is resolved keeps its budgets."""
    try:
        config = load_config(document)
    except ConfigError:
        return
    assert len(config.endpoints) == len(document["requests"])
    assert len({endpoint.endpoint_key for endpoint in config.endpoints}) == len(config.endpoints)
    for endpoint in config.autoscaled:
        assert endpoint.autoscale.target_rps > 0
        assert 1 <= endpoint.autoscale.min_workers <= endpoint.autoscale.max_workers
    assert sum(endpoint.autoscale.min_workers for endpoint in config.autoscaled) <= max(config.worker_limit, 1)
