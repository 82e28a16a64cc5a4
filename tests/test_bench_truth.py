"""What the truth bench makes of the words of each tool, and of what it found."""

import json

import pytest

from bench.peers import PEERS
from bench.scenarios import Run, Scenario
from bench.tellers import TELLERS, Told
from bench.truth_table import by_tool, off_us, ratio, render

pytestmark = pytest.mark.pure

TEXTS = {
    "tressi": json.dumps({"global": {"serviceTimeMs": {"p50": 0.05, "p90": 1, "p95": 0.06, "p99": 0.07}}}),
    "wrk": "  Latency Distribution\n     50%   50.00us\n     75%   55.00us\n     90%    1.00ms\n     99%   70.00us\n",
    "hey": "Latency distribution:\n  10% in 0.0001 secs\n  50% in 0.0002 secs\n  95%% in 0.0003 secs\n  99% in 0.0010 secs\n",
    "bombardier": json.dumps({"result": {"latency": {"mean": 1, "percentiles": {"50": 50, "75": 51, "95": 60, "99": 70}}}}),
    "oha": "\n" + json.dumps({"latencyPercentiles": {"p10": 1, "p50": 5e-05, "p95": 6e-05, "p99": 7e-05, "p99.9": 1}}),
    "autocannon": json.dumps({"latency": {"p50": 1, "p97_5": 2, "p99": 3}}),
    "Locust": 'noise\n[{"response_times": {"1": 90, "2.5": 8, "9": 2}}]\n',
}
FILES = {
    "h2load": ("h2load.log", "".join(f"1\t200\t{us}\n" for us in range(100, 0, -1))),
    "ab": ("ab.csv", "Percentage served,Time in ms\n" + "".join(f"{p},{p / 1000:.3f}\n" for p in range(100))),
    "fortio": ("fortio.json", json.dumps({"DurationHistogram": {"Percentiles": [{"Percentile": 50, "Value": 5e-05}]}})),
    "k6": ("k6.json", json.dumps({"metrics": {"http_req_duration": {"avg": 1, "p(50)": 0.05, "p(95)": 0.06, "p(99)": 0.07}}})),
}
EXPECTED = {
    "tressi": {50: 50, 95: 60, 99: 70},
    "wrk": {50: 50, 99: 70},
    "hey": {50: 200, 95: 300, 99: 1000},
    "bombardier": {50: 50, 95: 60, 99: 70},
    "oha": {50: 50, 95: 60, 99: 70},
    "autocannon": {50: 1000, 99: 3000},
    "Locust": {50: 1000, 95: 2500, 99: 9000},
    "h2load": {50: 50, 95: 95, 99: 99},
    "ab": {50: 50, 95: 95, 99: 99},
    "fortio": {50: 50},
    "k6": {50: 50, 95: 60, 99: 70},
}


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_what_a_tool_says_is_read_in_microseconds(name, tmp_path):
    """Each tool's own form gives its percentiles in microseconds, and none that it does not give."""
    if name in FILES:
        file, text = FILES[name]
        (tmp_path / file).write_text(text, encoding="ascii")
    told = Told(TEXTS.get(name, ""), tmp_path, name)
    assert TELLERS[name].read(told) == pytest.approx(EXPECTED[name])


@pytest.mark.parametrize("peer", [peer for peer in PEERS if peer.name in TELLERS], ids=lambda peer: peer.name)
def test_a_command_that_tells_differs_in_its_telling_words(peer, tmp_path):
    """All words of the comparison's command stay, but those that keep the tool quiet; the last one stays the last."""
    teller = TELLERS[peer.name]
    run = Run(Scenario("s", "s", 4), "http://127.0.0.1:1/", 3, tmp_path, 100)
    quiet = peer.command("binary", run)
    telling = teller.command(quiet, tmp_path)
    kept = [word for word in quiet if word not in teller.without]
    assert [word for word in telling if word in kept] == kept
    assert telling[-1] == kept[-1]
    assert not any("{}" in word for word in telling)


def rows(**said):
    """A round in which the wire saw 100 µs everywhere, for each tool and its p50."""
    return [
        {"peer": peer, "connections": 1, "rate": 10, "said": {"50": us}, "wire": {"50": 100, "95": 100, "99": 100}, "round": 0}
        for peer, us in said.items()
    ]


def test_the_truest_tool_is_first():
    """Tools are in the order of how far off they are, whichever side."""
    assert list(by_tool(rows(high=400, low=20, near=110))) == ["near", "low", "high"]


def test_a_percentile_that_is_not_said_is_no_number():
    """Neither a difference nor a ratio is made of nothing, and the table says so."""
    found = rows(tressi=110)
    assert (off_us(found, "50"), ratio(found, "50")) == (10, 1.1)
    assert (off_us(found, "95"), ratio(found, "95")) == (None, None)
    page = render({"machine": "M", "seconds": 5, "rows": found})
    assert "| **tressi** | 100, 110, +10 µs (+10 %) | 100, not said | 100, not said |" in page


def test_runs_over_http2_have_a_table_of_their_own():
    """The same connections and rate over another protocol are another scenario."""
    found = [*rows(tressi=110), *({**row, "protocol": "h2c"} for row in rows(tressi=120))]
    headings = [line for line in render({"machine": "M", "seconds": 5, "rows": found}).splitlines() if line.startswith("##")]
    over = "HTTP/2 without TLS, one request at a time"
    assert headings == ["## 1 connection, 10 requests per second", f"## 1 connection, 10 requests per second, {over}"]
