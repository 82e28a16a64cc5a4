"""`tressi replay` over real sockets: what the log has arrives, each entry once, and bad input says what is wrong with it."""

import gzip
import json
import random
import time
from array import array
from collections import Counter
from dataclasses import replace

import gevent
import pytest
import warm
from engines import config_of, endpoint, until
from servers import answering, raw_server, response

from tressi.errors import ConfigError, EngineError
from tressi.load.engine import LocalEngine
from tressi.load.plan import make_plan, uses_of
from tressi.load.tables import load_tables
from tressi.model import Curve, Pools, SharedPool, pools_of
from tressi.model.data import Rows
from tressi.model.replay import Replay
from tressi.run.runner import EndpointRunner
from tressi.testing.fake_engine import FakeEngine

pytestmark = pytest.mark.timed

MS = 1_000_000


def tressi(*arguments, **more):
    """Replay a log to its end."""
    return warm.run("replay", *arguments, text=False, **more)


def line(at_ms, target, method="GET"):
    """A line of `$msec $request $status`."""
    return f"{1_769_860_800 + at_ms // 1000}.{at_ms % 1000:03d} {method} {target} HTTP/1.1 200\n"


FORMAT = ("--log-format", "$msec $request $status")


@pytest.fixture
def log(tmp_path):
    """A log of 300 entries within 1.5 s, not in order, in which no path but `/` comes twice."""
    shuffled = random.Random(3)
    entries = [
        (at * 5, "/" if at % 10 == 0 else f"/items/{at}?n={at % 3}" if at % 3 else f"/users/{at}/orders") for at in range(300)
    ]
    lines = [line(at, target) for at, target in entries]
    shuffled.shuffle(lines)
    path = tmp_path / "access.log"
    path.write_text("".join(lines))
    return path, Counter(target for _, target in entries)


def summary_of(done):
    """The summary on standard output."""
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def check_entries(summary, arrived, entries):
    """Every entry arrived exactly once, but for those that were missed: on a busy machine an engine may stand still."""
    fit = summary["replay"]
    assert arrived <= entries
    assert fit["asked"] == entries.total() == arrived.total() + fit["missed"]
    assert fit["sent"] == arrived.total() == summary["global"]["requestsMade"]
    assert fit["missed"] == summary["global"]["requestsMissed"]
    assert arrived.total() > entries.total() // 2


@pytest.mark.parametrize("engines", [1, 3])
def test_by_times_every_entry_arrives_exactly_once(log, engines):
    """However many engines share the log, and each path that it has."""
    path, entries = log
    with raw_server(answering(response())) as server:
        base = server.url.rstrip("/")
        done = tressi(path, *FORMAT, "--base-url", base, "--as", "times", "--processes", engines, "--json", "-", "--quiet")
        arrived = Counter(request.target for request in server.requests)

    summary = summary_of(done)
    check_entries(summary, arrived, entries)
    assert {one["name"]: one["requestsMade"] + one["requestsMissed"] for one in summary["endpoints"]} == {
        "GET /items/:id": 180,
        "GET /users/:id/orders": 90,
        "GET /": 30,
    }
    assert summary["replay"]["log"] == {"lines": 300, "taken": 300, "leftOut": {}, "otherPaths": 0, "unreadable": 0}
    assert sum(sum(one["sentPerSecond"]) for one in summary["replay"]["endpoints"].values()) == arrived.total()
    # What each endpoint was asked for is the log's, and no even share.
    assert [round(one["targetRps"] * summary["durationSec"]) for one in summary["endpoints"]] == [180, 90, 30]


def test_by_times_over_the_second_transport_it_is_the_same(log):
    """Both take their starts, and the rows of a start, from the same place."""
    path, entries = log
    with raw_server(answering(response())) as server:
        base = server.url.rstrip("/")
        done = tressi(path, *FORMAT, "--base-url", base, "--as", "times", "--transport", "urllib3", "--json", "-", "--quiet")
        arrived = Counter(request.target for request in server.requests)

    check_entries(summary_of(done), arrived, entries)


def test_by_rates_each_endpoint_has_its_count_of_requests(log):
    """The paths are drawn from those of the log; how many there are of each route is the log's number."""
    path, entries = log
    with raw_server(answering(response())) as server:
        done = tressi(path, *FORMAT, "--base-url", server.url.rstrip("/"), "--json", "-", "--quiet")
        arrived = Counter(request.target for request in server.requests)

    summary = summary_of(done)
    assert set(arrived) <= set(entries)
    assert {one["name"]: one["requestsMade"] + one["requestsMissed"] for one in summary["endpoints"]} == {
        "GET /items/:id": 180,
        "GET /users/:id/orders": 90,
        "GET /": 30,
    }
    assert summary["replay"]["asked"] == 300


def test_a_log_that_loops_at_ten_times_its_speed_sends_it_again_and_again(tmp_path):
    """A log of 4 s in 0.4 s, for 2 s: five rounds."""
    path = tmp_path / "access.log"
    path.write_text("".join(f'::1 - - [31/Jan/2026:12:00:0{at // 5} +0000] "GET /p{at} HTTP/1.1" 200 1\n' for at in range(20)))
    with raw_server(answering(response())) as server:
        base = ("--base-url", server.url.rstrip("/"), "--loop", "--duration", 2, "--speed", 10, "--processes", 2)
        done = tressi(path, *base, "--as", "times", "--json", "-", "--quiet")
        arrived = Counter(request.target for request in server.requests)

    check_entries(summary_of(done), arrived, Counter({f"/p{at}": 5 for at in range(20)}))


def test_what_is_sent_can_be_chosen(tmp_path):
    """By path and by method; what is left out is counted, and headers go along."""
    path = tmp_path / "access.log.gz"
    lines = [line(0, "/api/a"), line(1, "/api/b", "POST"), line(2, "/other"), line(3, "/api/c", "DELETE"), "nonsense\n"]
    path.write_bytes(gzip.compress("".join(lines).encode()))
    with raw_server(answering(response())) as server:
        options = ("--only", "/api/*", "--methods", "GET,POST", "-H", "X-One: 1", "--as", "times")
        done = tressi(path, *FORMAT, "--base-url", server.url.rstrip("/"), *options)
        heads = sorted(request.head.split(b" HTTP")[0] for request in server.requests)
        ones = {request.fields["x-one"] for request in server.requests}

    assert done.returncode == 0, done.stderr
    # The latest start that is due is never given up.
    assert heads in ([b"GET /api/a", b"POST /api/b"], [b"POST /api/b"])
    assert ones == {"1"}
    said = done.stderr.decode()
    assert "of 5 lines 2 are sent; left out: 1 DELETE" in said
    assert "1 are of other paths than --only; 1 could not be read" in said
    assert "line 5: it is not of the log's format" in said
    assert f"The log asks for 2 requests; {len(heads)} were sent" in done.stdout.decode()


def test_a_har_file_goes_to_the_servers_that_it_names(tmp_path):
    """Where the user says so."""
    with raw_server(answering(response())) as server:
        entries = [
            {"startedDateTime": f"2026-01-31T12:00:00.{at}00Z", "request": {"method": "GET", "url": f"{server.url}{at}"}}
            for at in (3, 1, 2)
        ]
        path = tmp_path / "page.har"
        path.write_text(json.dumps({"log": {"entries": entries}}, indent=2))
        done = tressi(path, "--hosts-of-log", "--as", "times", "--quiet", "--json", "-")
        arrived = Counter(request.target for request in server.requests)

    check_entries(summary_of(done), arrived, Counter(["/1", "/2", "/3"]))


def test_a_log_on_standard_input_is_saved_as_a_config_that_runs(tmp_path):
    """JSON lines by the names of their members; nothing is sent."""
    rows = [{"t": 1_769_860_800 + at / 4, "p": f"/items/{at % 2}"} for at in range(8)]
    config = tmp_path / "replay.json"
    text = "\n".join(map(json.dumps, rows)).encode()
    with raw_server(answering(response())) as server:
        base = ("--base-url", server.url.rstrip("/"), "--fields", "time=t,url=p")
        done = tressi("-", *base, "--save", config, input=text)
        again = tressi("-", *base, "--save", config, input=text)
        assert not server.requests
        ran = warm.run(config, "--json", "-", "--quiet")

    assert done.returncode == 0, done.stderr
    assert again.returncode == 2
    assert b"exists" in again.stderr
    assert json.loads(config.read_text())["requests"][0]["autoscale"]["stages"] == [
        {"duration": 2, "targetRps": 4, "shape": "step"}
    ]
    assert json.loads(ran.stdout)["global"]["requestsMade"] + json.loads(ran.stdout)["global"]["requestsMissed"] == 8


BAD = [
    ((), "", "--base-url: is missing"),
    (("--base-url", "http://127.0.0.1", "--hosts-of-log"), "", "--hosts-of-log: stands beside --base-url"),
    (("--base-url", "http://127.0.0.1", "--loop"), "", "--loop: has no end without --duration"),
    (("--base-url", "http://127.0.0.1", "--as", "times", "--save", "x.json"), "", "--save: writes a config"),
    (("--base-url", "http://127.0.0.1", "--log-format", "$x"), "a\n", "--log-format: '$x' has no time"),
    (("--base-url", "http://127.0.0.1", "--fields", "when=x"), "{}\n", "--fields: 'when=x' is no ROLE=NAME"),
    (("--base-url", "http://127.0.0.1"), "nonsense\n", "--log-format: is needed"),
    (("--base-url", "http://127.0.0.1"), "", "--log-format: is needed"),
    (("--base-url", "http://127.0.0.1", *FORMAT), "nonsense\n", "LOG: '-' has no request that can be sent"),
    (("--base-url", "http://127.0.0.1", *FORMAT, "--only", "/x"), line(0, "/y"), "1 are of other paths than --only"),
    (("--base-url", "http://127.0.0.1", *FORMAT), line(0, "/y", "POST"), "left out: 1 POST (--methods asks for more)"),
    (("--base-url", "http://127.0.0.1"), "{\n}\n", "LOG: is no HAR"),
    (("--base-url", "http://[::1"), line(0, "/y"), "--base-url"),
    (("--hosts-of-log", *FORMAT), line(0, "/y"), "--hosts-of-log: the log names no server for /y"),
    (("--base-url", "http://127.0.0.1", "-H", "X-One: {{r1}}"), "", "--header: X-One has {{, and a replay has no data"),
    (("--base-url", "http://127.0.0.1", "--speed", "0"), "", "is not from 0.001"),
    (("--base-url", "http://127.0.0.1", "--methods", "G T"), "", "no list of methods"),
    (("--base-url", "http://127.0.0.1", "--workers", "0"), "", "is not 1 or more"),
]  # fmt: skip


@pytest.mark.parametrize(("options", "text", "said"), BAD)
def test_bad_input_says_what_is_wrong_and_sends_nothing(options, text, said):
    """With the flag, the value and the rule, and exit code 2."""
    options = (*options, *FORMAT) if "http://[::1" in options else options
    done = tressi("-", *options, input=text.encode())

    assert done.returncode == 2, done.stderr
    assert said in done.stderr.decode()
    assert "Traceback" not in done.stderr.decode()


def test_a_file_that_is_not_there_or_broken_is_said(tmp_path):
    """By the name of the file."""
    broken = tmp_path / "broken.gz"
    broken.write_bytes(gzip.compress(line(0, "/a").encode() * 100)[:-20])
    for path, said in ((tmp_path / "none", "No such file"), (broken, "cannot be read"), (tmp_path, "Is a directory")):
        done = tressi(path, "--base-url", "http://127.0.0.1", *FORMAT)
        assert done.returncode == 2
        assert said in done.stderr.decode()


# ------------------------------------------------------------------------------------------------------ paused, and steered


def ended(found):
    """The starts that are over."""
    return found.requests_made + found.missed


def replayed(times_ms, url):
    """A config whose shared pool has these starts."""
    times = array("q", [at * MS for at in times_ms])
    replay = Replay(times, array("i", [0] * len(times)), (0,), (len(times) / 60,))
    return config_of(endpoint(url), shared_pool=SharedPool(5, len(times) / 60), duration_s=60.0, replay=replay)


def test_a_pause_leaves_out_what_would_have_been_due_meanwhile():
    """And the rest of the log keeps its times."""
    with raw_server(answering(response())) as server:
        config = replayed([0, *range(2000, 2300, 10), 2500, 2501], f"{server.url}x")
        engine = LocalEngine()
        pools = Pools(pools_of(config), {pool.id: 5 for pool in pools_of(config)}, engine)
        engine.build(make_plan(config, {pool.id: 5 for pool in pools_of(config)}, load_tables(uses_of(config), config.replay)))
        begin_ns = engine.go()
        (key,) = (one.endpoint_key for one in config.endpoints)
        try:
            until(lambda: len(server.requests) == 1)
            pools.follow(key, Curve.held(0.0))
            gevent.sleep(max(0.0, 2.4 - (time.monotonic_ns() - begin_ns) / 1e9))
            resumed_ns = time.monotonic_ns() - begin_ns
            pools.follow(key, config.shared_pool.curve)
            left = sum(at * MS >= resumed_ns for at in (2500, 2501))
            until(lambda: ended(engine.read().endpoints[key]) == 1 + left)
        finally:
            engine.stop(1.0)
        found = engine.read().endpoints[key]

    # Of the two that are due together a machine that stands still may miss the first.
    assert found.missed <= 1
    assert ended(found) == found.scheduled == 1 + left


def test_a_request_that_would_need_rows_of_two_tables_is_refused():
    """An entry has one number, which is a row of its endpoint's own table."""
    data = {name: Rows(f"data.{name}", values=("1", "2")) for name in ("r1", "r2")}
    config = replace(replayed([0], "http://127.0.0.1:9/{{r1}}/{{r2}}"), data=data)
    pools = {pool.id: 5 for pool in pools_of(config)}
    with pytest.raises(EngineError, match="more than the log's own table"):
        make_plan(config, pools, load_tables(uses_of(config), config.replay))


def test_the_rate_of_a_log_cannot_be_set():
    """A rate set by hand has no times, and the caller is told so."""
    runner = EndpointRunner(replayed([0, 1], "http://127.0.0.1:9/x"), engine=FakeEngine())
    runner.start()
    try:
        with pytest.raises(ConfigError, match="has the times of a log"):
            runner.set_target("GET http://127.0.0.1:9/x", 5)
    finally:
        runner.stop()
        runner.wait()
