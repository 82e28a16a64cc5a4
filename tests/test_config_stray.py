"""Properties that are unknown: what would be a rate or a limit is refused, the rest is warned of."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tressi.cli import main
from tressi.config.load import Overrides, load_config
from tressi.config.schema import properties, schema
from tressi.config.stray import HARMLESS, homes
from tressi.errors import ConfigError

pytestmark = pytest.mark.pure

URL = "http://127.0.0.1:8080/fast"
SECTION = {"enabled": True, "targetRps": 5}
IGNORED = "would have no effect, because there is no such property here; "
RATE = "the rate of the run is rps, and that of one endpoint requests[].autoscale.targetRps"
OWN_RATE = 'a request has a rate of its own with autoscale: {"enabled": true, "targetRps": …}'
WORKERS = (
    "how many requests are in flight at most is workers times concurrentRequests, and for pools that scale autoscale.maxWorkers"
)
OWN_WORKERS = 'a request has workers of its own with autoscale: {"enabled": true, "targetRps": …, "maxWorkers": …}'
LENGTH = "how long a run lasts is duration, in seconds"
RAMP = "a rate rises in a straight line over rampUpTime seconds, or follows stages"
COUNT = "a run ends after so many requests with maxRequests, and after its duration, in seconds"
PACE = "requests start at the rate that rps or autoscale.targetRps asks for, and pause for nothing else"
FORM = "what a run does stands at the top level: duration, rps, workers, headers"
ABORTS = "a threshold ends the run early with abort: true, from abortDelay seconds on"

# By the place of the property; the shown value is 5 unless another stands beside it.
MISTAKES = {
    (): {
        "rsp": "did you mean rps?",
        "RPS": "did you mean rps?",
        "qps": "did you mean rps?",
        "duraton": "did you mean duration?",
        "worker": "did you mean workers?",
        "gracefullStop": "did you mean gracefulStop?",
        "error_rate_threshold": "did you mean errorRateThreshold?",
        "concurrentRequest": "did you mean concurrentRequests?",
        "maxworkers": "maxWorkers belongs in an autoscale section",
        "weight": "it belongs in an autoscale section",
        "coolDownPeriod": "cooldownPeriod belongs in an autoscale section",
        "abort": "it belongs in thresholds",
        "targetRPS": RATE,
        "rate": RATE,
        "arrivalRate": RATE,
        "spawn-rate": RATE,
        "requestsPerSecond": RATE,
        "throughput": RATE,
        "rpsLimit": RATE,
        "target": RATE,
        "vus": WORKERS,
        "maxVUs": WORKERS,
        "users": WORKERS,
        "threads": WORKERS,
        "connections": WORKERS,
        "max_workers": WORKERS,
        "workerCount": WORKERS,
        "concurrency": WORKERS,
        "durationSec": LENGTH,
        "hold-for": LENGTH,
        "maxDuration": LENGTH,
        "iterations": COUNT,
        "numRequests": COUNT,
        "loopCount": COUNT,
        "rampUp": RAMP,
        "thinkTime": PACE,
        "sleep": PACE,
        "pacing": PACE,
        "options": FORM,
        "scenarios": FORM,
        "limit": "no property of this name limits anything; `tressi schema` lists those that do",
        "maxRedirects": "no property of this name limits anything; `tressi schema` lists those that do",
    },
    ("requests", 0): {
        "rps": OWN_RATE,
        "rate": OWN_RATE,
        "targetRps": OWN_RATE,
        "workers": OWN_WORKERS,
        "maxWorkers": OWN_WORKERS,
        "duration": f"{LENGTH}, at the top level, for all endpoints",
        "rampUpTime": "a rate rises in a straight line over autoscale.rampUpTime seconds, or follows autoscale.stages",
        "weight": "it belongs in an autoscale section",
        "thresholds": "it belongs at the top level",
        "concurrentRequests": "it belongs at the top level",
        "connectionsPerSecond": "it belongs at the top level",
        "timout": "did you mean timeout?",
        "thinkTime": PACE,
        "repeat": "an endpoint ends after so many requests with maxRequests",
        "options": FORM,
    },
    ("requests", 0, "autoscale"): {
        "rps": "the rate of a section is targetRps",
        "maxWorker": "did you mean maxWorkers?",
        "targetrps": "did you mean targetRps?",
        "workers": "the workers of a section are minWorkers, maxWorkers and initialWorkers",
        "timeout": "it belongs at the top level",
    },
    ("thresholds", 0): {"abortOnFail": ABORTS, "delayAbortEval": ABORTS, "aborts": "did you mean abort?"},
}


def with_property(place, name, value):
    """A config that is sound but for one property."""
    document = {"rps": 9, "requests": [{"url": URL, "autoscale": dict(SECTION)}], "thresholds": [{"threshold": "p99 < 1s"}]}
    node = document
    for key in place:
        node = node[key]
    node[name] = value
    return document


def message_of(document, overrides=None):
    """Load a config with one problem, and return it."""
    with pytest.raises(ConfigError) as refused:
        load_config(document, overrides)
    return str(refused.value)


def test_what_means_a_rate_or_a_limit_is_refused_with_where_it_belongs():
    """In whatever dialect: without a word it would mean full speed."""
    for place, names in MISTAKES.items():
        for name, remedy in names.items():
            message = message_of(with_property(place, name, 5))
            assert message.endswith(f": 5 {IGNORED}{remedy}"), (place, name, message)
            assert name in message


def test_a_value_of_any_type_is_refused():
    """The phases of Artillery, a rate with its unit, options that hold it all."""
    for name, value, shown, remedy in [
        ("phases", [{"duration": 60, "arrivalRate": 20}], "an array", RAMP),
        ("rate", "5/s", '"5/s"', RATE),
        ("weight", None, "null", "it belongs in an autoscale section"),
        ("options", {"vus": 10, "duration": "30s"}, "an object", FORM),
    ]:  # fmt: skip
        assert message_of(with_property((), name, value)) == f"{name}: {shown} {IGNORED}{remedy}"


def test_a_stray_rate_of_a_wrong_type_is_no_traceback():
    """`rps` is known at the top level and has a bound there; at a request it is unknown, and may be anything."""
    for value, shown in [(None, "null"), ("x", '"x"'), ([], "an array"), (10**9, "1000000000")]:
        assert message_of(with_property(("requests", 0), "rps", value)).startswith(f"requests[0].rps: {shown} {IGNORED}")


def test_a_rate_inside_of_an_unknown_object_is_refused():
    """A person who groups settings loses all of them."""
    message = message_of(with_property((), "settings", {"load": {"rps": 50, "tags": ["a"]}, "owner": "ann"}))
    assert message == f"settings.load.rps: 50 {IGNORED}{RATE}"


def test_what_is_no_rate_and_no_limit_is_a_warning_with_the_nearest_name():
    """Notes, descriptions, and misspelt names that change no load."""
    for place, name, value, warning in [
        ((), "colour", "red", "unknown property, it has no effect"),
        ((), "description", "5 a second", "unknown property, it has no effect"),
        ((), "header", {}, "unknown property, it has no effect; did you mean headers?"),
        ((), "method", "GET", "unknown property, it has no effect; it belongs in an entry of requests"),
        ((), "target", "http://h/", "unknown property, it has no effect"),
        ((), "user", "ann", "unknown property, it has no effect"),
        ((), "meta", {"owner": "ann", "duration": "long"}, "unknown property, it has no effect"),
        (("requests", 0), "metod", "GET", "unknown property, it has no effect; did you mean method?"),
        (("requests", 0), "odd key", 1, "unknown property, it has no effect"),
        (("requests", 0), "json", {"rate": 5}, "unknown property, it has no effect; did you mean payload?"),
        (("requests", 0), "followRedirects", True, "unknown property, it has no effect; it belongs at the top level"),
        (("requests", 0, "autoscale"), "strategy", "equal", "unknown property, it has no effect"),
        ((), "_rps", 5, "unknown property, it has no effect"),
        ((), "//rps", 5, "unknown property, it has no effect"),
        ((), "x-rate", 5, "unknown property, it has no effect"),
    ]:
        found = [one for one in load_config(with_property(place, name, value)).warnings if "limits the shared pool" not in one]
        assert len(found) == 1, (name, found)
        assert found[0].endswith(f": {warning}"), (name, found)


def test_strict_refuses_whatever_is_unknown():
    """With the same words; what is known is as good as before."""
    strict = Overrides(strict=True)
    assert message_of(with_property((), "colour", "red"), strict) == "colour: unknown property, it has no effect"
    assert message_of(with_property((), "_note", "x"), strict) == "_note: unknown property, it has no effect"
    assert load_config({"requests": [{"url": URL}], "rps": 1}, strict).warnings == ()


def test_a_secret_is_not_shown():
    """The user info of a URL stays masked in a property that is unknown too."""
    message = message_of(with_property((), "rate", "http://ann:SECRET@h/"))
    assert message == f'rate: "http://***@h/" {IGNORED}{RATE}'


def test_every_property_of_the_schema_is_a_limit_or_is_not():
    """A new property has to say which: it is listed as harmless, or nearly its name is refused."""
    names = {name for node in schema()["definitions"].values() for name in properties(node)}
    assert names <= homes().keys()
    assert homes().keys() >= HARMLESS


@settings(deadline=None)
@given(st.dictionaries(st.text(max_size=8), st.none() | st.integers() | st.text(max_size=3), max_size=3))
def test_any_names_are_taken_or_refused_in_words(unknown):
    """No name ends in another exception."""
    try:
        load_config({**unknown, "requests": [{"url": URL, **{f"{name}x": value for name, value in unknown.items()}}]})
    except ConfigError:
        return


@pytest.mark.timed
def test_the_command_line_says_the_same(tmp_path, capsys):
    """`validate` and `migrate` refuse a stray rate; `--strict` refuses a stray note."""
    file = tmp_path / "c.json"
    file.write_text(json.dumps({"requests": [{"url": URL}], "rsp": 5}))
    for command in ("validate", "migrate", "run"):
        assert main([command, str(file)]) == 2
        assert capsys.readouterr().err == f"tressi: rsp: 5 {IGNORED}did you mean rps?\n"
    file.write_text(json.dumps({"requests": [{"url": URL}], "rps": 5, "colour": "red"}))
    assert main(["validate", str(file)]) == 0
    assert capsys.readouterr().err == "tressi: warning: colour: unknown property, it has no effect\n"
    assert main(["validate", str(file), "--strict"]) == 2
    assert capsys.readouterr().err == "tressi: colour: unknown property, it has no effect\n"
