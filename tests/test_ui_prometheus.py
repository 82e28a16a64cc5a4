"""The Prometheus endpoint as a scraper meets it: over sockets, in a run, and at its end."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import gevent
import pytest
from commands import BOUND_S, begun, config_file, tressi
from gevent import socket
from prometheus_client.parser import text_string_to_metric_families
from summaries import decision, endpoint_snapshot, engine_snapshot, moment, resolved, summary_of

from tressi.errors import ConfigError
from tressi.model import ThresholdVerdict
from tressi.ui.prometheus import LONGEST_WAIT_S, SHORTEST_WAIT_S, Prometheus, patience_s

pytestmark = pytest.mark.timed

VERDICT = ThresholdVerdict("p99 < 2ms", "GET http://host/0", passed=True, value=1.5, limit=2.0, detail="")
KEYS = [f"GET http://host/{number}" for number in range(120)]


@contextmanager
def serving(*keys, host="127.0.0.1"):
    """A watcher that has heard of a run's start, and what it says."""
    said = []
    watcher = Prometheus(host, 0, said.append)
    try:
        watcher.start(resolved(*keys))
        yield watcher, said
    finally:
        watcher._listener.close(0)


def connected(watcher):
    """A connection to its server."""
    place = urlsplit(watcher.url)
    return socket.create_connection((place.hostname, place.port), timeout=BOUND_S)


def asked(watcher, path="/metrics", method="GET", accept="*/*", host=None):
    """What the server answers: head and body."""
    host = urlsplit(watcher.url).netloc if host is None else host
    with connected(watcher) as connection:
        connection.sendall(f"{method} {path} HTTP/1.0\r\nHost: {host}\r\nAccept: {accept}\r\n\r\n".encode())
        answer = b""
        while piece := connection.recv(1 << 16):
            answer += piece
    head, _, body = answer.decode().partition("\r\n\r\n")
    return head, body


def samples_of(text):
    """Every sample by its name and labels."""
    return {
        (one.name, tuple(sorted(one.labels.items()))): one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
    }


def requests_of(text, key):
    """How many requests of an endpoint have succeeded."""
    return samples_of(text)["tressi_requests_total", (("endpoint", key), ("outcome", "success"))]


def reading(*keys, succeeded=100):
    """What the engine says of these."""
    return engine_snapshot(*(endpoint_snapshot(key, succeeded=succeeded) for key in keys))


def second(*keys, succeeded=100):
    """A moment with such a reading."""
    return replace(moment(*keys), reading=reading(*keys, succeeded=succeeded))


def test_the_latest_moment_is_served():
    """From the start on, each second and each decision is seen by the next scrape."""
    with serving(*KEYS[:2]) as (watcher, _):
        assert requests_of(asked(watcher)[1], KEYS[0]) == 0
        watcher.moment(second(*KEYS[:2], succeeded=7))
        watcher.decision(decision(KEYS[0]))
        watcher.decision(decision(KEYS[0], action="maintain"))
        watcher.moment(replace(second(*KEYS[:2], succeeded=7), thresholds=(VERDICT,)))
        head, body = asked(watcher)
        assert head.startswith("HTTP/1.1 200 OK")
        assert "Content-Type: text/plain; version=0.0.4" in head
        assert requests_of(body, KEYS[0]) == 7
        decisions = {name: value for name, value in samples_of(body).items() if "decisions" in name[0]}
        assert samples_of(body)["tressi_threshold_passed", (("endpoint", KEYS[0]), ("threshold", "p99 < 2ms"))] == 1
        assert decisions == {("tressi_scaling_decisions_total", (("action", "scale-up"), ("pool", KEYS[0]))): 1}


def test_who_asks_for_openmetrics_gets_it():
    """The format is the scraper's choice."""
    with serving(KEYS[0]) as (watcher, _):
        head, body = asked(watcher, accept="application/openmetrics-text; version=1.0.0")
        assert "Content-Type: application/openmetrics-text; version=1.0.0" in head
        assert body.endswith("# EOF\n")


@pytest.mark.parametrize("version", ["x", "1.x.0", "9" * 5000, "", ";;", "-1", "1.0.0.0.0"])
def test_a_version_that_is_none_is_no_fault_of_ours(version):
    """Whatever is asked for, a format that exists comes."""
    with serving(KEYS[0]) as (watcher, _):
        head, body = asked(watcher, accept=f"application/openmetrics-text;version={version}")
        assert head.startswith("HTTP/1.1 200 OK")
        assert "tressi_requests_total" in body


@pytest.mark.parametrize(
    ("path", "method", "status", "said"),
    [
        ("/", "GET", "200 OK", 'href="/metrics"'),
        ("/other", "GET", "404 Not Found", "the metrics are at /metrics"),
        ("/metrics", "POST", "405 Method Not Allowed", "only GET"),
    ],
)
def test_whoever_asks_elsewhere_is_shown_the_way(path, method, status, said):
    """The root says where the metrics are, and nothing can be sent."""
    with serving(KEYS[0]) as (watcher, _):
        head, body = asked(watcher, path, method)
        assert head.startswith(f"HTTP/1.1 {status}")
        assert said in body


def test_it_listens_on_ipv6_too():
    """The address is one to paste."""
    with serving(KEYS[0], host="::1") as (watcher, _):
        assert watcher.url.startswith("http://[::1]:")
        assert asked(watcher)[0].startswith("HTTP/1.1 200 OK")


def test_a_scraper_that_stalls_delays_nobody():
    """A client that asks and never reads holds up neither another scraper nor the end."""
    with serving(*KEYS) as (watcher, _), connected(watcher) as stalled:
        watcher.moment(second(*KEYS))
        stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stalled.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n" * 10)
        assert requests_of(asked(watcher)[1], KEYS[-1]) == 100
        watcher.drained(reading(*KEYS))
        with gevent.Timeout(BOUND_S):
            watcher.result(summary_of())


def test_the_hub_goes_on_while_a_large_answer_is_made():
    """Between two metrics others have their turn."""
    with serving(*KEYS) as (watcher, _):
        turns = []
        ticking = gevent.spawn(lambda: [turns.append(gevent.sleep(0)) for _ in range(1000)])
        metrics = len(list(watcher.collect()))
        ticking.kill()
        assert len(turns) >= metrics - 1


def test_a_regular_scraper_gets_the_final_figures():
    """A scraper that has come twice is waited for and gets the figures after the drain; then the server is gone."""
    with serving(KEYS[0]) as (watcher, said):
        asked(watcher)
        asked(watcher)
        watcher._scrapes_s = [watcher._scrapes_s[-1] - BOUND_S, watcher._scrapes_s[-1]]  # as if it came every minute
        watcher.drained(reading(KEYS[0], succeeded=123))
        verdict = {"threshold": "p99 < 2ms", "endpointKey": None, "passed": False}
        ending = gevent.spawn(watcher.result, {**summary_of(), "thresholds": [verdict]})
        gevent.sleep(0)
        assert len(said) == 1
        body = asked(watcher)[1]
        assert samples_of(body)["tressi_threshold_passed", (("endpoint", ""), ("threshold", "p99 < 2ms"))] == 0
        assert requests_of(body, KEYS[0]) == 123
        assert samples_of(body)["tressi_run_ended", ()] == 1
        ending.get(timeout=BOUND_S / 2)
        with pytest.raises(OSError, match="refused"):
            connected(watcher)


def test_without_a_regular_scraper_the_end_does_not_wait():
    """Nobody, or somebody who looked once, is not waited for."""
    with serving(KEYS[0]) as (watcher, said):
        asked(watcher)
        watcher.drained(reading(KEYS[0]))
        watcher.result(summary_of())
        assert said == []


@pytest.mark.parametrize("is_waiting", [False, True], ids=["before", "while waiting"])
def test_the_wait_can_be_left(is_waiting):
    """A signal ends the wait for a scraper that does not come, or keeps it from beginning."""
    with serving(KEYS[0]) as (watcher, said):
        watcher._scrapes_s.extend((time.monotonic() - BOUND_S, time.monotonic()))
        watcher.drained(reading(KEYS[0]))
        if not is_waiting:
            watcher.leave()
        ending = gevent.spawn(watcher.result, summary_of())
        gevent.sleep(0)
        watcher.leave()
        ending.get(timeout=BOUND_S / 2)
        assert len(said) == is_waiting


@pytest.mark.parametrize(
    ("scrapes", "now", "wait"),
    [
        ([], 100.0, 0.0),
        ([90.0], 100.0, 0.0),
        ([80.0, 95.0], 100.0, 17.5),
        ([80.0, 90.0], 120.0, 0.0),
        ([0.0, 1000.0], 1000.0, LONGEST_WAIT_S),
        ([99.9, 100.0], 101.0, SHORTEST_WAIT_S - 1.0),
    ],
    ids=["nobody", "once", "regular", "overdue", "rare", "often"],
)
def test_patience_is_an_interval_and_a_half(scrapes, now, wait):
    """Counted from the last scrape, within a bound."""
    assert patience_s(scrapes, now) == wait


def test_a_port_in_use_is_told_before_the_run(tmp_path):
    """Bad input: the flag, the address and the reason, exit code 2, and nothing is sent."""
    with serving(KEYS[0]) as (watcher, _):
        port = urlsplit(watcher.url).port
        with pytest.raises(ConfigError, match=f"--prometheus: cannot listen on 127.0.0.1:{port}: Address already in use"):
            Prometheus("127.0.0.1", port, print)
        config = config_file(tmp_path, "http://127.0.0.1:1/")
        done = tressi("run", config, "--prometheus", port)
        assert (done.returncode, done.stdout) == (2, "")
        assert "Address already in use" in done.stderr
        assert "running" not in done.stderr


WITHOUT_LIBRARY = """
import sys
sys.modules["prometheus_client"] = None  # as where the extra is not installed
from tressi.cli import main
sys.exit(main(sys.argv[1:]))
"""


def test_where_the_library_is_missing_it_is_named(tmp_path):
    """The message says what to install, without a traceback."""
    arguments = [sys.executable, "-c", WITHOUT_LIBRARY, "run", config_file(tmp_path, "http://127.0.0.1:1/"), "--prometheus"]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=BOUND_S, check=False)
    assert done.returncode == 3
    assert "the extra tressi[prometheus]" in done.stderr
    assert "Traceback" not in done.stderr


def test_counters_of_a_run_never_go_back(target, tmp_path):
    """Not even when one of two engines is killed: what it measured stays."""
    config = config_file(tmp_path, f"{target}/fast", rps=200, duration=60)
    with scraped("run", config, "--processes", 2, "--quiet") as (process, scrapes):
        before = next(scrapes)
        while not made(before):
            before = next(scrapes)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        os.kill(int(children[0]), signal.SIGKILL)
        after = next(scrapes)
        while made(after) < made(before) + 300:
            later = next(scrapes)
            assert [name for name in after if is_counter(name) and later[name] < after[name]] == []
            after = later
    assert [name for name in before if is_counter(name) and after[name] < before[name]] == []


def test_the_figures_of_the_end_are_those_of_the_summary(target, tmp_path):
    """A scraper that came along sees at last what the summary says, to the request and to the byte."""
    config = config_file(tmp_path, f"{target}/fast", f"{target}/flaky", duration=2)
    with scraped("run", config, "--quiet", "--json", "-") as (process, scrapes):
        last = next(one for one in scrapes if one["tressi_run_ended", ()])
        summary = json.loads(process.communicate(timeout=BOUND_S)[0])
        assert process.returncode == 0
    for endpoint in summary["endpoints"]:
        labels = (("endpoint", endpoint["endpointKey"]),)
        assert last["tressi_requests_total", (*labels, ("outcome", "failure"))] == endpoint["requestsFailed"]
        assert last["tressi_received_bytes_total", labels] == endpoint["bytesReceived"]
        assert last["tressi_service_time_seconds_count", labels] == endpoint["requestsMade"]
    assert made(last) == summary["global"]["requestsMade"]


@contextmanager
def scraped(*arguments):
    """A run, and an endless scrape of it: each time every sample, as often as one can look."""
    process = begun(*arguments, "--prometheus")
    try:
        url = re.search(r"http://\S+/metrics", process.stderr.readline())[0]
        yield process, (samples_of(text) for text in looking(url))
    finally:
        process.kill()
        process.communicate()


def looking(url):
    """The answers, from the first that has a run's counters."""
    while True:
        with urllib.request.urlopen(url, timeout=BOUND_S) as answer:
            text = answer.read().decode()
        if "tressi_requests_total{" in text:
            yield text


def made(samples):
    """Requests that ended, of all endpoints."""
    return sum(value for (name, _), value in samples.items() if name == "tressi_requests_total")


def is_counter(name):
    """Whether a sample may never decrease."""
    return name[0].endswith(("_total", "_bucket", "_count", "_sum"))
