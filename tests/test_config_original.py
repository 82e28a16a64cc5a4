"""Configs of the original tool: the same run in the current form, and every complaint at its place in the file."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from servers import answering, raw_server, response

from tressi.cli import main
from tressi.config.load import Overrides, load_config
from tressi.config.original import DEPRECATION, is_original, moved
from tressi.errors import ConfigError

pytestmark = pytest.mark.pure

# As its own editor writes one.
EXIT = {"enabled": False, "errorRateThreshold": 1, "exitStatusCodes": [500], "monitoringWindowSeconds": 1}
HEAD = {
    "$schema": "https://raw.githubusercontent.com/kevinchatham/tressi/main/schemas/tressi.schema.v0.0.20.json",
    "options": {
        "durationSec": 30,
        "headers": {"X-A": "1"},
        "rampUpDurationSec": 5,
        "threads": 2,
        "workerEarlyExit": EXIT,
        "workerMemoryLimit": 128,
    },
    "requests": [
        {
            "url": "http://h/a",
            "method": "GET",
            "headers": {},
            "payload": {},
            "rps": 50,
            "rampUpDurationSec": 0,
            "earlyExit": {**EXIT, "enabled": True, "errorRateThreshold": 5, "monitoringWindowSeconds": 3},
        },
        {
            "url": "http://h/b",
            "method": "PATCH",
            "headers": {"X-B": "2"},
            "payload": {"a": 1},
            "rps": 7,
            "rampUpDurationSec": 3,
            "earlyExit": EXIT,
        },
    ],
}
FORMS = [
    (
        HEAD,
        {
            "duration": 30,
            "rampUpTime": 5,
            "headers": {"X-A": "1"},
            "thresholds": [
                {"threshold": "GET http://h/a: errorRate < 0.05", "abort": True, "abortDelay": 3},
                {"threshold": "GET http://h/a: statusCodes(500) == 0", "abort": True, "abortDelay": 3},
            ],
            "autoscale": {"enabled": True, "maxWorkers": 57},
            "requests": [
                {"url": "http://h/a", "method": "GET", "autoscale": {"enabled": True, "targetRps": 50}},
                {
                    "url": "http://h/b",
                    "method": "PATCH",
                    "headers": {"X-B": "2"},
                    "payload": {"a": 1},
                    "autoscale": {"enabled": True, "targetRps": 7, "rampUpTime": 3},
                },
            ],
        },
        (
            "options.threads: is left out; the flag --processes says how many processes send",
            "options.workerMemoryLimit: is left out; workers here have no memory of their own",
            "an early exit ends the whole run here, where the original tool stops the one endpoint",
        ),
    ),
    (
        {
            "options": {"durationSec": 9, "workerEarlyExit": {**EXIT, "enabled": True, "errorRateThreshold": 10}},
            "requests": [{"url": "http://h/a", "rps": 5}, {"url": "http://h/b", "rps": 2000}],
        },
        {
            "duration": 9,
            "earlyExitOnError": True,
            "errorRateThreshold": 0.1,
            "errorStatusCodes": [500],
            "autoscale": {"enabled": True, "maxWorkers": 1000},
            "requests": [
                {"url": "http://h/a", "autoscale": {"enabled": True, "targetRps": 5}},
                {"url": "http://h/b", "autoscale": {"enabled": True, "targetRps": 2000}},
            ],
        },
        ("an early exit ends the whole run here, where the original tool stops the one endpoint",),
    ),
    (
        {
            "options": {
                "workers": 20,
                "durationSec": 60,
                "rampUpTimeSec": 6,
                "rps": 200,
                "exportPath": "results",
                "useUI": False,
                "silent": False,
                "earlyExitOnError": True,
                "errorRateThreshold": 0.05,
                "errorCountThreshold": None,
                "errorStatusCodes": [],
            },
            "requests": [{"url": "http://h/a"}, {"url": "http://h/b", "method": "POST", "payload": [1]}],
        },
        {
            "duration": 60,
            "rampUpTime": 6,
            "export": "results",
            "earlyExitOnError": True,
            "errorRateThreshold": 0.05,
            "autoscale": {"enabled": True, "targetRps": 200, "maxWorkers": 20},
            "requests": [{"url": "http://h/a"}, {"url": "http://h/b", "method": "POST", "payload": [1]}],
        },
        ("options.useUI: is left out; the flag --no-ui says so",),
    ),
    (
        {"options": {"exportPath": True, "workers": 1}, "requests": [{"url": "http://h/a"}, {"url": "http://h/b", "rps": 3}]},
        {
            "autoscale": {"enabled": True, "maxWorkers": 2},
            "requests": [
                {"url": "http://h/a", "autoscale": {"enabled": True, "targetRps": 1}},
                {"url": "http://h/b", "autoscale": {"enabled": True, "targetRps": 3}},
            ],
        },
        (
            "options.exportPath: is left out; the flag --export writes the result files",
            "options.workers: 1 is raised to 2, one for each request",
            "requests[0]: has no rps; 1 is taken, as the original tool does",
        ),
    ),
]


def test_each_of_its_forms_becomes_the_current_one():
    """Of its head, of the version with one rate for all, and with what is left out by most people."""
    for original, current, notes in FORMS:
        assert is_original(original)
        move = moved(original)
        assert (move.document, move.notes, move.mistakes, move.unknown) == (current, notes, (), ())
        assert list(move.document) == list(current)
        assert not is_original(move.document)


def test_it_runs_as_its_migrated_form_with_a_warning():
    """Loading the file and loading what `tressi migrate` makes of it mean the same run."""
    for original, current, notes in FORMS:
        one, other = load_config(original), load_config(current)
        assert one.warnings == (DEPRECATION, *notes, *other.warnings)
        assert (one.endpoints, one.worker_limit, one.duration_s, one.thresholds, one.early_exit) == (
            other.endpoints,
            other.worker_limit,
            other.duration_s,
            other.thresholds,
            other.early_exit,
        )


def test_a_threshold_of_1_is_read_as_its_version_means_it():
    """Since 0.0.20 it is a percentage, before that a share."""
    for more, schema, share in [
        ({"errorRateThreshold": 1, "monitoringWindowSeconds": 1}, "", 0.01),
        ({"errorRateThreshold": 1, "monitoringWindowMs": 1000}, "", 1),
        ({"errorRateThreshold": 0.05, "monitoringWindowMs": 1000}, "", 0.05),
        ({"errorRateThreshold": 5, "monitoringWindowMs": 1000}, "", 0.05),
        ({"errorRateThreshold": 1}, "tressi.schema.v0.0.19.json", 1),
        ({"errorRateThreshold": 1}, "tressi.schema.v0.0.20.json", 0.01),
        ({"errorRateThreshold": 1}, "", 0.01),
    ]:
        document = {
            "$schema": schema,
            "options": {"workerEarlyExit": {"enabled": True, **more}},
            "requests": [{"url": "http://h/"}],
        }
        assert moved(document).document["errorRateThreshold"] == share, (more, schema)


def test_what_is_the_current_form_or_none_is_not_taken_for_it():
    """`options` of k6, a rate at a request without its schema, and a mixture of both forms are refused with a remedy."""
    request = {"url": "http://h/", "rps": 5}
    for document, line in [
        (
            {"options": {"vus": 5, "duration": "30s"}, "requests": [{"url": "http://h/"}]},
            "options: an object would have no effect",
        ),
        ({"requests": [request]}, "requests[0].rps: 5 would have no effect"),
        (
            {"options": {"durationSec": 2}, "rps": 5, "requests": [{"url": "http://h/"}]},
            "options: an object would have no effect",
        ),
    ]:
        assert not is_original(document)
        with pytest.raises(ConfigError) as refused:
            load_config(document)
        assert str(refused.value).startswith(line)
    assert is_original({"$schema": "./tressi.schema.v0.0.13.json", "requests": [request]})
    assert not is_original({"$schema": "./tressi.schema.json", "requests": [{"url": "http://h/"}]})
    for other in ({}, [], None, {"options": {}, "requests": 5}, {"options": {}}):
        assert not is_original(other)


def test_complaints_name_the_places_of_the_file():
    """Whatever is wrong with a value that was moved, and what is unknown there too."""
    document = {
        "options": {
            "durationSec": "30s",
            "rampUpDurationSec": -1,
            "headers": {"A b": "x"},
            "thinkTime": 3,
            "durationsec": 5,
            "workerEarlyExit": {"enabled": True, "errorRateThreshold": 500, "exitStatusCodes": [9]},
        },
        "requests": [
            {"url": "http://h/", "rps": 0, "method": "get"},
            {"url": "http://h/", "rsp": 5},
            {"url": "http://h/", "rps": 1, "rampUpDurationSec": "x", "thinkTime": 1},
        ],
    }
    with pytest.raises(ConfigError) as refused:
        load_config(document)
    assert [f"{problem.path}: {problem.message.partition(',')[0]}" for problem in refused.value.problems] == [
        'options.durationSec: "30s" is not an integer; times are seconds: write 30',
        "options.rampUpDurationSec: -1 is less than the minimum of 0",
        'options.headers["A…"]: is no header name; RFC 9110 allows letters',
        "options.thinkTime: 3 would have no effect",
        "options.durationsec: 5 would have no effect",
        "options.workerEarlyExit.errorRateThreshold: 5.0 is greater than the maximum of 1",
        "options.workerEarlyExit.exitStatusCodes[0]: 9 is less than the minimum of 100",
        "requests[0].rps: 0 is less than the minimum of 1",
        'requests[0].method: "get" is no method',
        "requests[1].rsp: 5 would have no effect",
        'requests[2].rampUpDurationSec: "x" is not an integer',
        "requests[2].thinkTime: 1 would have no effect",
    ]


def test_what_is_unknown_there_too_is_a_warning_or_strictly_an_error():
    """As in the current form."""
    document = {"options": {"durationSec": 2, "colour": "red"}, "requests": [{"url": "http://h/", "rps": 1}]}
    assert load_config(document).warnings == (DEPRECATION, "options.colour: unknown property, it has no effect")
    with pytest.raises(ConfigError, match=r"^options\.colour: unknown property"):
        load_config(document, Overrides(strict=True))


def test_a_flag_overrides_it_under_its_own_name():
    """And its mistakes are the flag's."""
    document = {"options": {"durationSec": 20}, "requests": [{"url": "/x", "rps": 1}]}
    config = load_config(document, Overrides(duration=3, base_url="http://h"))
    assert (config.duration_s, config.endpoints[0].url) == (3, "http://h/x")
    with pytest.raises(ConfigError, match=r"^duration: 0 is not greater than 0 \(given by --duration\)$"):
        load_config(document, Overrides(duration=0, base_url="http://h"))


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=3,
)


@settings(deadline=None)
@given(
    st.dictionaries(st.sampled_from([*HEAD["options"], "rps", "workers", "exportPath", "x"]), anything),
    st.lists(anything | st.dictionaries(st.sampled_from([*HEAD["requests"][0], "x"]), anything), min_size=1, max_size=2),
)
def test_any_values_in_its_form_are_resolved_or_refused_in_words(options, requests):
    """The error for a wrong type names its place, and no wrong type is a traceback."""
    try:
        load_config({"options": options, "requests": requests})
    except ConfigError:
        return


@pytest.mark.timed
def test_it_sends_what_it_says(tmp_path):
    """5 requests a second for 2 s are 10, with the headers of the options, and `migrate` writes the same."""
    with raw_server(answering(response())) as server:
        document = {
            "options": {"durationSec": 2, "headers": {"X-A": "1"}},
            "requests": [{"url": server.url, "method": "PATCH", "payload": {"a": 1}, "rps": 5}],
        }
        file, current, out = tmp_path / "c.json", tmp_path / "current.json", tmp_path / "out.json"
        file.write_text(json.dumps(document))
        assert main(["migrate", str(file), "-o", str(current)]) == 0
        for config in (file, current):
            assert main(["run", str(config), "--json", str(out), "--quiet"]) == 0
            assert json.loads(out.read_text())["global"]["requestsMade"] == 10
    assert {(request.head.split()[0], request.fields["x-a"], request.body_bytes) for request in server.requests} == {
        (b"PATCH", "1", 7)
    }
