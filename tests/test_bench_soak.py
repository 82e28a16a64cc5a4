"""The rules of `bench.soak`, on counts by hand; and the soak itself in little."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench.slope import Slope
from bench.soak_rules import (
    Counts,
    broken_counts,
    broken_ends,
    broken_lateness,
    broken_memory,
    broken_torn,
    counts_of,
    late_p99_s,
)

pytestmark = pytest.mark.timed

METRICS = """# HELP tressi_run_elapsed_seconds How long it has lasted.
tressi_run_elapsed_seconds 60.5
tressi_run_start_time_seconds 1.7e+09
tressi_requests_total{endpoint="GET /a",outcome="success"} 90.0
tressi_requests_total{endpoint="GET /a",outcome="failure"} 8.0
tressi_responses_total{code="200",endpoint="GET /a"} 90.0
tressi_responses_total{code="500",endpoint="GET /a"} 3.0
tressi_errors_total{endpoint="GET /a",kind="closed"} 2.0
tressi_errors_total{endpoint="GET /a",kind="connect"} 3.0
tressi_retries_total{endpoint="GET /a"} 1.0
tressi_missed_starts_total{endpoint="GET /a"} 7.0
tressi_generator_missed_starts_total{endpoint="GET /a"} 4.0
tressi_requests_in_flight{endpoint="GET /a"} 5.0
tressi_generator_late_send_seconds_bucket{le="0.001"} 98.0
tressi_generator_late_send_seconds_bucket{le="0.01"} 100.0
tressi_generator_late_send_seconds_bucket{le="+Inf"} 100.0
"""


def at(**fields):
    """Counts of a moment."""
    usual = {
        "t": 60.0,
        "started_s": 0.0,
        "responses": 1000,
        "failures": 0,
        "lost": 0,
        "missed": 0,
        "missed_late": 0,
        "in_flight": 0,
    }
    return Counts(**usual | fields)


def endpoint(**fields):
    """An endpoint of a summary, with 100 responses."""
    usual = {
        "endpointKey": "GET /a",
        "requestsMade": 100,
        "requestsCut": 0,
        "retries": 0,
        "errors": {},
        "statusCodes": {"200": 100},
    }
    return usual | fields


def test_a_scrape_is_read():
    """A refused attempt has reached no server; one that was closed, and one sent again, may have been answered."""
    counts = counts_of(METRICS)
    assert (counts.t, counts.started_s, counts.responses, counts.failures) == (60.5, 1.7e9, 93, 8)
    assert (counts.lost, counts.missed, counts.missed_late, counts.in_flight) == (3, 7, 4, 5)
    assert counts.late == {0.001: 98.0, 0.01: 100.0, float("inf"): 100.0}
    with pytest.raises(KeyError):
        counts_of("tressi_run_ended 0.0\n")


def test_p99_of_late_sends_is_that_between_two_scrapes():
    """Half of the second bucket's two sends lie below it; without a send in between there is nothing late."""
    counts = counts_of(METRICS)
    assert late_p99_s(at(), counts) == pytest.approx(0.0055)
    assert late_p99_s(counts, counts) == 0.0
    assert late_p99_s(at(), at(late={0.01: 1.0, float("inf"): 100.0})) == 0.01


@pytest.mark.parametrize(
    ("counts", "fewest", "most", "said"),
    [
        (at(), 1000, 1000, ""),
        (at(), 1020, 1040, ""),
        (at(), 1021, 1040, "the server had answered 1,021"),
        (at(lost=3, in_flight=5), 1028, 1040, ""),
        (at(responses=1060), 1030, 1040, ""),
        (at(responses=1061), 1030, 1040, "1,061 responses were read"),
    ],
)
def test_a_minute_is_held_to_the_servers_count(counts, fewest, most, said):
    """At 100 RPS 20 starts are allowed for on either side, and what was lost or in flight besides."""
    assert broken_counts(counts, fewest, most, 100.0).startswith(said)
    assert bool(broken_counts(counts, fewest, most, 100.0)) == bool(said)


@pytest.mark.parametrize(
    ("ours", "theirs", "said"),
    [
        (endpoint(), {200: 100}, []),
        (endpoint(), {200: 99}, ["100 responses 200 were read, and the server sent 99"]),
        (endpoint(), {200: 101}, ["the server answered 1 more than were read, and 0 were lost"]),
        (endpoint(requestsCut=1), {200: 101}, []),
        (endpoint(retries=1), {200: 101}, []),
        (endpoint(requestsMade=101, errors={"reset": 1}), {200: 101}, []),
        (endpoint(requestsMade=101, errors={"connect": 1}), {200: 101}, ["and 0 were lost"]),
        (endpoint(requestsMade=101), {200: 100}, ["101 attempts are not 100 responses and 0 errors"]),
        (endpoint(statusCodes={"200": 60, "500": 40}), {200: 61, 500: 39}, ["40 responses 500 were read"]),
    ],
)
def test_the_end_is_held_to_the_servers_count_to_the_request(ours, theirs, said):
    """What was read was sent, status by status; what was sent was read, or is known to be lost."""
    found = broken_ends([ours], [theirs])
    assert len(found) == len(said)
    assert all(words in one for one, words in zip(found, said, strict=True))


def test_a_torn_answer_is_a_failure():
    """Of the kind `closed`, each of them."""
    assert broken_torn(endpoint(errors={"closed": 7}), 7) == []
    assert broken_torn(endpoint(errors={"closed": 6}), 7) == ["GET /a: 7 answers were torn, and 6 are counted as closed"]
    assert broken_torn(endpoint(errors={"closed": 8}), 7) != []


def test_lateness_and_memory_may_not_grow():
    """Lateness by no more than noise, the engine's memory by no more than 1 MiB, the command's by what it keeps of a second."""
    assert broken_lateness([0.001, 0.002, 0.001, 0.03, 0.004, 0.005]) == []
    assert broken_lateness([0.001, 0.002, 0.001, 0.001, 0.006, 0.007]) != []
    flat, slow, fast = Slope(0.0, -1.0, 1.0), Slope(2000.0, 1900.0, 2100.0), Slope(9e4, 8e4, 1e5)
    assert broken_memory(flat, slow, 500.0, 32e3) == []
    assert broken_memory(slow, slow, 500.0, 32e3) == []
    assert len(broken_memory(slow, fast, 600.0, 32e3)) == 2


def test_the_counts_are_true_to_the_request_through_faults(tmp_path):
    """The soak in little: nginx reloads, stands still and is restarted. Nothing is said here of memory, lateness or rates."""
    result = tmp_path / "soak.json"
    command = [sys.executable, "-m", "bench.soak", "--minutes", "3", "--slice-seconds", "4", "--rps", "200", "--counts-alone"]
    done = subprocess.run(
        [*command, "--json", str(result)],
        cwd=Path(__file__).parent.parent,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(result.read_text(encoding="utf-8"))
    assert [one["fault"] for one in found["minutes"]] == [
        "nginx reloads", "nginx stands still for 1 s", "nginx is restarted"
    ]  # fmt: skip
    assert found["broken"] == []
