"""`tressi validate`: the plan for people and for programs, and all errors of a bad file."""

import json
import sys
from pathlib import Path

import pytest

from tressi.cli import main

pytestmark = pytest.mark.pure

ROOT = Path(__file__).parent.parent

MIXED = {
    "duration": 5,
    "workers": 3,
    "autoscale": {"enabled": True, "targetRps": 1000, "maxWorkers": 20, "rampUpTime": 2},
    "requests": [
        {"url": "http://ann:SECRET@127.0.0.1:8080/fast", "name": "fast", "autoscale": {"enabled": True, "weight": 0.5}},
        {
            "url": "http://127.0.0.1:8080/slow",
            "method": "POST",
            "autoscale": {"enabled": True, "weight": 0.25, "priority": "high", "initialWorkers": 4},
        },
        {"url": "http://127.0.0.1:8080/tide", "autoscale": {"enabled": False, "weight": 0.25}, "timeout": 1.5},
    ],
    "connectTimeout": 0.25,
    "colour": "red",
}


@pytest.fixture
def mixed(tmp_path):
    """A config with autoscaled endpoints, a shared pool, a secret and a warning."""
    file = tmp_path / "mixed.json"
    file.write_text(json.dumps(MIXED))
    return str(file)


def test_the_plan_for_programs(mixed, capsys):
    """Exactly the documented keys; whole numbers as whole numbers; what the shared pool has not is null."""
    assert main(["validate", mixed, "--json"]) == 0

    plan = json.loads(capsys.readouterr().out)
    values = {"scaleUpThreshold": 0.9, "scaleDownThreshold": 1.1, "scaleUpFactor": 0.25, "scaleDownFactor": 0.25}
    fast, slow, tide = plan["endpoints"]
    assert fast == {
        "endpointKey": "GET http://***@127.0.0.1:8080/fast",
        "method": "GET",
        "url": "http://***@127.0.0.1:8080/fast",
        "autoscale": True,
        "targetRps": 500,
        "minWorkers": 1,
        "maxWorkers": 20,
        "weight": 0.5,
        "priority": "medium",
        "rampUpTime": 2,
        **values,
        "cooldownPeriod": 2,
        "initialWorkers": 13,
    }
    assert (slow["targetRps"], slow["priority"], slow["initialWorkers"]) == (250, "high", 4)
    assert tide == {
        **dict.fromkeys(fast),
        "endpointKey": "GET http://127.0.0.1:8080/tide",
        "method": "GET",
        "url": "http://127.0.0.1:8080/tide",
        "autoscale": False,
    }
    assert plan["workerLimit"] == 20
    assert plan["sharedPool"] == {"workers": 3, "targetRps": 250}
    assert plan["warnings"] == ["colour: unknown property, it has no effect"]
    assert list(plan) == ["endpoints", "workerLimit", "sharedPool", "warnings"]


def test_the_plan_for_people(mixed, capsys):
    """A table of the endpoints, the pools, the warnings; no secret."""
    assert main(["validate", mixed]) == 0

    assert capsys.readouterr().out.splitlines() == [
        "endpoint                                   target RPS  workers  at start  weight  priority",
        "GET http://***@127.0.0.1:8080/fast (fast)         500     1-20        13     0.5    medium",
        "POST http://127.0.0.1:8080/slow                   250     1-20         4    0.25      high",
        "GET http://127.0.0.1:8080/tide                          shared",
        "",
        "5 s, 1 request in flight per worker at most",
        "time limits: 1.5 to 30 s for a request, 0.25 s for a connection",
        "autoscaled workers: 17 at start, 20 at most, proportional distribution",
        "shared pool: 3 workers, 250 RPS",
        "warning: colour: unknown property, it has no effect",
    ]


def test_the_conditions_of_a_pass_are_part_of_the_plan(tmp_path, capsys):
    """Each with what it is about, and whether it ends the run; those of the command line too."""
    file = tmp_path / "c.json"
    conditions = ["p99 < 1s", {"threshold": "GET /x: rps > 1", "abort": True}]
    file.write_text(json.dumps({"requests": [{"url": "/x"}], "thresholds": conditions}))

    assert main(["validate", str(file), "--base-url", "http://h", "--fail-if", "errorRate > 1%"]) == 0
    assert [line for line in capsys.readouterr().out.splitlines() if line.startswith("threshold")] == [
        "threshold: p99 < 1s, of the run",
        "threshold: rps > 1, of GET http://h/x, ends it",
        "threshold: fail if errorRate > 1%, of the run",
    ]


def test_a_shared_pool_without_a_rate_is_said_in_words(tmp_path, capsys):
    """Nothing limits it, and nothing is autoscaled."""
    file = tmp_path / "c.json"
    file.write_text('{"requests": [{"url": "/x"}]}')

    assert main(["validate", str(file), "--base-url", "http://h", "--concurrent-requests", "2"]) == 0
    assert capsys.readouterr().out.splitlines()[-3:] == [
        "10 s, 2 requests in flight per worker at most",
        "time limits: 30 s for a request",
        "shared pool: 10 workers, as fast as responses come back",
    ]


def test_all_errors_for_programs(tmp_path, capsys):
    """A bad file gives its errors on standard output, and code 2."""
    file = tmp_path / "bad.json"
    file.write_text('{"requests": [{"url": "http://h/", "autoscale": {"enabled": true, "scaleUpFactor": 1.5}}], "workers": 0}')

    assert main(["validate", str(file), "--json"]) == 2

    captured = capsys.readouterr()
    assert json.loads(captured.out) == {
        "errors": [
            {"path": "requests[0].autoscale.scaleUpFactor", "message": "1.5 is greater than the maximum of 1"},
            {"path": "workers", "message": "0 is not greater than 0"},
        ]
    }
    assert captured.err == ""


def test_all_errors_for_people(tmp_path, capsys):
    """The same, a line each, on standard error."""
    file = tmp_path / "bad.json"
    file.write_text('{"requests": [{"url": "http://h/"}], "workers": 0, "rps": "x"}')

    assert main(["validate", str(file)]) == 2

    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == 'tressi: workers: 0 is not greater than 0\ntressi: rps: "x" is not an integer\n'


def test_a_header_named_by_a_flag_is_a_secret(tmp_path, capsys):
    """`--mask-header` may be given several times, and counts in error messages too."""
    file = tmp_path / "bad.json"
    file.write_text('{"requests": [{"url": "http://h/"}], "headers": {"X-One": "SECRET\\n", "X-Two": "SECRET\\n"}}')

    assert main(["validate", str(file), "--mask-header", "x-one", "--mask-header", "X-TWO"]) == 2
    assert "SECRET" not in capsys.readouterr().err


@pytest.mark.parametrize("example", sorted((ROOT / "examples").glob("*.json")), ids=lambda path: path.name)
def test_every_example_is_valid(example, capsys):
    """In both forms, and only the legacy one is warned of."""
    assert main(["validate", str(example)]) == 0
    assert main(["validate", str(example), "--json"]) == 0
    lines = capsys.readouterr().err.splitlines()
    assert all("legacy form" in line for line in lines)
    assert len(lines) == (2 if example.name == "legacy.json" else 0)


def test_warnings_are_seen_where_the_plan_goes_elsewhere(tmp_path, capsys, monkeypatch):
    """They stand in the plan; where that is no terminal, they go to standard error too, and nowhere twice to one place."""
    file = tmp_path / "c.json"
    file.write_text('{"requests": [{"url": "http://h/"}], "colour": "red"}')
    said = ["no rate is set: 10 workers send as fast as answers come", "warning: colour: unknown property, it has no effect"]

    for form in ([], ["--json"]):
        assert main(["validate", str(file), *form]) == 0
        captured = capsys.readouterr()
        assert captured.err.splitlines() == [f"tressi: {sentence}" for sentence in said]
        assert all(sentence.removeprefix("warning: ") in captured.out for sentence in said)

    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert main(["validate", str(file)]) == 0
    assert capsys.readouterr().err == ""


def test_the_plan_says_what_else_ends_the_run_and_what_is_left_out(tmp_path, capsys):
    """A number of requests, and the warm-up, by flag as by property."""
    file = tmp_path / "counted.json"
    file.write_text(json.dumps({"requests": [{"url": "http://127.0.0.1:8080/"}], "maxRequests": 500, "duration": 30}))
    assert main(["validate", str(file), "--warm-up", "2.5"]) == 0
    said = capsys.readouterr().out
    assert "30 s (the first 2.5 s of them are warm-up) or 500 requests, 1 request in flight per worker at most" in said
    assert main(["validate", str(file), "--warm-up", "30"]) == 2
    rule = "warmUp: 30.0 leaves nothing to measure: it is part of the run, which lasts 30 s (given by --warm-up)"
    assert rule in capsys.readouterr().err
