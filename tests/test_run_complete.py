"""A run that ends after so many requests, against a real target: the target's log has exactly that many, however it is run."""

import json
import re
from collections import Counter

import pytest
import warm
from commands import tressi
from servers import answering, nginx, raw_server, response

from tressi import EndpointRunner
from tressi.config.load import load_config
from tressi.load.cluster import Cluster
from tressi.load.process import ProcessEngine

pytestmark = pytest.mark.timed

LONG_S = 60  # nothing here lasts so long unless it does not end


@pytest.fixture(scope="module")
def target(tmp_path_factory):
    """One nginx for all, each test with paths of its own."""
    with nginx(tmp_path_factory.mktemp("nginx")) as server:
        yield server


def done(document, engines=1):
    """The summary of a run over so many processes."""
    runner = EndpointRunner(load_config(document), engine=Cluster([ProcessEngine(warm.engine) for _ in range(engines)]))
    runner.start()
    summary = runner.summary()
    check(summary)
    return summary


def check(summary):
    """The laws of a run that has made all that it may."""
    total = summary["global"]
    assert summary["endReason"] == "complete"
    assert summary["endDetail"] == "each endpoint is through: it has made all the requests that maxRequests allows"
    assert total["requestsMade"] == total["requestsSucceeded"] + total["requestsFailed"]
    assert summary["durationSec"] < LONG_S / 2
    assert all(one["endedBy"] == "attempts" for one in summary["endpoints"])


def ended(metrics):
    """All attempts, whatever became of them."""
    return metrics["requestsMade"] + metrics["requestsCut"]


@pytest.mark.parametrize("engines", [1, 3])
@pytest.mark.parametrize(
    ("name", "load", "most"),
    [
        ("as-fast-as-responses-come", {"workers": 5}, 2_000),
        ("at-a-rate", {"workers": 4, "rps": 500}, 400),
        ("by-an-own-pool", {"autoscale": {"enabled": True, "targetRps": 400, "maxWorkers": 8}}, 400),
        ("fewer-workers-than-engines", {"workers": 1}, 1_000),
        ("fewer-requests-than-engines", {"workers": 3}, 2),
    ],
)
def test_a_run_makes_exactly_so_many(target, engines, name, load, most):
    """The log of the target, the counts of the summary and the number that was asked for are one number."""
    path = f"/{name}-{engines}"
    summary = done({"requests": [{"url": target.url + path[1:]}], "duration": LONG_S, "maxRequests": most, **load}, engines)
    assert target.served()[path] == ended(summary["global"]) == most
    assert summary["verdict"]["word"] != "FAILED", summary["verdict"]  # a busy machine may miss starts


@pytest.mark.parametrize("engines", [1, 3])
@pytest.mark.parametrize("rate", [{}, {"rps": 400}], ids=["unlimited", "at-a-rate"])
def test_an_endpoint_ends_and_others_go_on(target, engines, rate):
    """Each makes its own number, in a shared pool too, and the run is over with the last of them."""
    paths = {f"/few-{engines}-{len(rate)}": 30, f"/many-{engines}-{len(rate)}": 240, f"/own-{engines}-{len(rate)}": 100}
    requests = [{"url": target.url + path[1:], "maxRequests": most} for path, most in paths.items()]
    requests[2]["autoscale"] = {"enabled": True, "targetRps": 300, "maxWorkers": 4}
    summary = done({"requests": requests, "duration": LONG_S, "workers": 4, **rate}, engines)
    assert {path: target.served()[path] for path in paths} == paths
    assert [ended(one) for one in summary["endpoints"]] == list(paths.values())


def test_an_endpoint_without_a_number_goes_on_to_the_end(target):
    """The run then lasts its duration, and the other endpoint says what ended it."""
    requests = [{"url": target.url + "counted", "maxRequests": 10}, {"url": target.url + "uncounted"}]
    config = load_config({"requests": requests, "duration": 1, "rps": 100})
    runner = EndpointRunner(config)
    runner.start()
    summary = runner.summary()
    counted, uncounted = summary["endpoints"]
    assert summary["endReason"] == "duration"
    assert (counted["requestsMade"], counted["endedBy"]) == (10, "attempts")
    assert target.served()["/counted"] == 10
    assert "endedBy" not in uncounted
    # Its share of the rate is not given to the other.
    assert 45 <= uncounted["requestsMade"] + uncounted["requestsMissed"] <= 55


def test_it_ends_when_the_last_answer_came(target):
    """The run's length is that of its requests, not of the look that noticed its end; rates are over it."""
    document = {"requests": [{"url": target.url + "timed"}], "duration": LONG_S, "rps": 100, "maxRequests": 101, "workers": 2}
    summary = done(document)
    # Starts are 10 ms apart, the first at 0, and the run is looked at every 250 ms. A busy machine misses some of them.
    assert summary["durationSec"] >= 1.0
    starts = 101 + summary["global"]["requestsMissed"]
    assert summary["global"]["targetRps"] * summary["durationSec"] == pytest.approx(starts, rel=0.1)


def test_a_request_that_fails_is_one_of_them():
    """Failures count, and the run ends with them."""
    with raw_server(answering(response("503 Service Unavailable"))) as server:
        document = {"requests": [{"url": f"http://127.0.0.1:{server.port}/"}], "duration": LONG_S, "maxRequests": 25}
        summary = done(document)
        assert summary["global"]["requestsFailed"] == len(server.requests) == 25


def test_a_run_may_be_through_within_its_warm_up(target):
    """It has made all that it was to make, has measured nothing, and says so."""
    document = {"requests": [{"url": target.url + "warm"}], "duration": LONG_S, "warmUp": 30, "maxRequests": 20}
    runner = EndpointRunner(load_config(document))
    runner.start()
    summary = runner.summary()
    assert target.served()["/warm"] == 20
    assert summary["global"]["requestsMade"] == 0
    assert summary["verdict"] == {
        "word": "FAILED",
        "reasons": ["nothing was measured: the run ended within its warm-up"],
    }


def test_a_lost_engine_does_not_keep_the_others_from_being_through(target):
    """They make what is left, less at most what the lost one had in flight."""
    document = {"requests": [{"url": target.url + "lost"}], "duration": LONG_S, "workers": 4, "rps": 200, "maxRequests": 400}
    engines = [ProcessEngine(warm.engine) for _ in range(2)]
    runner = EndpointRunner(load_config(document), engine=Cluster(engines))
    runner.on("snapshot", lambda moment: engines[0]._process.kill() if moment.t < 1.5 else None)
    runner.start()
    summary = runner.summary()
    assert summary["endReason"] == "complete", summary["endDetail"]
    assert summary["endDetail"].startswith("each endpoint is through")
    assert len(summary["generator"]["lost"]) == 1
    assert 400 - document["workers"] <= ended(summary["global"]) <= target.served()["/lost"] <= 400


def test_quick_makes_so_many(target, tmp_path):
    """Without a duration it goes on until they are made; lines, stream and table say of how many."""
    stream = tmp_path / "stream.jsonl"
    found = tressi("quick", target.url + "quick", "--requests", "150", "--rps", "100", "--processes", "2", "--stream", stream)
    assert found.returncode == 0, found.stderr
    assert target.served()["/quick"] == 150
    assert "for 150 requests, 3600 s at most" in found.stderr
    assert re.search(r"^150 requests in [\d.]+ s", found.stdout, re.MULTILINE)
    assert "ended by complete: each endpoint is through: it has made all the requests that maxRequests allows" in found.stdout
    events = [json.loads(line) for line in stream.read_text().splitlines()]
    kinds = Counter(event["type"] for event in events)
    assert kinds["start"] == kinds["end"] == 1
    assert (events[-1]["endReason"], events[-1]["global"]["requestsMade"]) == ("complete", 150)


def test_quick_takes_a_duration_beside_it(target):
    """What comes first ends the run."""
    found = tressi("quick", target.url + "brief", "--requests", "100000000", "--duration", "1", "--rps", "20")
    assert found.returncode == 0, found.stderr
    assert "ended by duration" in found.stdout
    assert target.served()["/brief"] == 20
