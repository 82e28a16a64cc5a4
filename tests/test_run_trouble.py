"""Which endpoints only fail or give no answer: decisions over readings, and real targets that refuse, hang and disappoint."""

from dataclasses import replace

import gevent
import pytest
from servers import BOUND_S, answering, raw_server, refusing_port, response
from summaries import endpoint_snapshot, engine_snapshot, histogram

from tressi import EndpointRunner
from tressi.model import EndpointSnapshot, Reason, Trouble
from tressi.run.trouble import Troubles, failures_of, troubles_of

pytestmark = pytest.mark.pure

KEY = "GET http://h/a"
NOTHING = EndpointSnapshot(KEY)
REFUSED = (Reason("connect", "Connection refused", 3),)


def reading(succeeded=0, failed=0, **fields):
    """What was counted since the start."""
    return EndpointSnapshot(KEY, succeeded=succeeded, failed=failed, **fields)


CASES = [
    ("the first failure of an endpoint says so", NOTHING, NOTHING, reading(0, 1), [Trouble("failing", KEY, 1)]),
    (
        "with the most frequent reason",
        NOTHING,
        NOTHING,
        reading(0, 4, errors={"connect": 3, "dns": 1}, reasons=REFUSED),
        [Trouble("failing", KEY, 4, "Connection refused")],
    ),
    ("after a success it takes ten failures in a row", reading(1), reading(1), reading(1, 9), []),
    ("and then says that there was one", reading(1), reading(1), reading(1, 10), [Trouble("failing", KEY, 10, ever=True)]),
    ("a success in between is none", reading(5, 99), reading(4, 90), reading(5, 99), []),
    (
        "statuses count like errors",
        NOTHING,
        NOTHING,
        reading(0, 2, status_codes={503: 2}),
        [Trouble("failing", KEY, 2, "status 503")],
    ),
    (
        "silence has its count and its age",
        NOTHING,
        NOTHING,
        reading(in_flight=10, oldest_s=9.8),
        [Trouble("silent", KEY, 10, oldest_s=9.8)],
    ),
    ("a young request is no silence", NOTHING, NOTHING, reading(in_flight=10, oldest_s=0.5), []),
    ("nothing in flight is no silence", NOTHING, reading(9), reading(9), []),
    ("an answer in the second is no silence", reading(9), reading(8), reading(9, in_flight=3, oldest_s=5.0), []),
    (
        "ten times the median is silence",
        reading(9),
        reading(9),
        reading(9, service=histogram(100_000), in_flight=3, oldest_s=1.1),
        [Trouble("silent", KEY, 3, oldest_s=1.1)],
    ),
    (
        "an endpoint that always takes long is not silent",
        reading(9),
        reading(9),
        reading(9, service=histogram(1_000_000), in_flight=3, oldest_s=5.0),
        [],
    ),
]


def test_what_is_wrong_with_an_endpoint():
    """By its reading at its last success, one second ago, and now."""
    for words, served, before, after, expected in CASES:
        assert list(troubles_of(served, before, after)) == expected, words


def test_what_went_wrong_is_told_in_words():
    """By reasons where they are known, the rest by its kind; a status that was expected is no failure."""
    found = failures_of(reading(5, 9, errors={"connect": 5, "reset": 1}, reasons=REFUSED, status_codes={200: 5, 503: 3}))
    assert found == {"Connection refused": 3, "connect": 2, "reset": 1, "status 503": 3}
    expecting = reading(5, 1, errors={"expectation": 1}, status_codes={404: 5, 200: 1})
    assert failures_of(expecting) == {"expectation": 1}


def test_a_trouble_lasts_until_a_success():
    """Second by second: also through seconds in which nothing ends, and with the reason of this time alone."""
    troubles = Troubles(engine_snapshot(NOTHING))
    first = replace(NOTHING, failed=5, errors={"dns": 5})
    served = replace(first, succeeded=20)
    broken = replace(served, failed=15, errors={"dns": 5, "connect": 10})
    seconds = [(first, 5, "dns", False), (first, 5, "dns", False), (served, None, None, None)]
    seconds += [(broken, 10, "connect", True), (broken, 10, "connect", True), (replace(broken, succeeded=21), None, None, None)]
    for number, (now, count, reason, ever) in enumerate(seconds):
        found = troubles.tick(engine_snapshot(now))
        expected = () if count is None else (Trouble("failing", KEY, count, reason, ever=ever),)
        assert found == expected, number


def test_a_run_of_a_thousand_endpoints_has_its_troubles():
    """Each endpoint is judged by itself."""
    keys = [f"GET http://h/{number}" for number in range(1000)]
    troubles = Troubles(engine_snapshot(*(EndpointSnapshot(key) for key in keys)))
    later = [endpoint_snapshot(key, succeeded=number % 2, failed=1 - number % 2) for number, key in enumerate(keys)]
    assert [one.endpoint_key for one in troubles.tick(engine_snapshot(*later))] == keys[::2]


def first_troubles(url, **more):
    """The troubles of a run's first moment that has any."""
    request = {"url": url, "autoscale": {"enabled": True, "targetRps": 50, "maxWorkers": 5, "initialWorkers": 5}, **more}
    runner = EndpointRunner({"duration": 60, "timeout": 60, "requests": [request], "autoscale": {"enabled": True}})
    moments = gevent.queue.SimpleQueue()
    runner.on("snapshot", moments.put)
    runner.start()
    try:
        with gevent.Timeout(BOUND_S):
            while not (moment := moments.get()).troubles:
                pass
    finally:
        runner.stop()
    return moment


@pytest.mark.timed
def test_a_target_that_refuses_is_told_in_the_first_second():
    """With the system's reason."""
    with refusing_port() as port:
        moment = first_troubles(f"http://127.0.0.1:{port}/")
    [trouble] = moment.troubles
    assert (trouble.kind, trouble.reason, trouble.ever) == ("failing", "Connection refused", False)
    assert trouble.count == moment.total.requests_made
    assert moment.t < 2


@pytest.mark.timed
@pytest.mark.parametrize(
    ("expect", "reason"),
    [({"status": 201}, "status 200, expected 201"), ({"bodyContains": "nope"}, "the body lacks 'nope'")],
)
def test_what_disappoints_is_told_with_what_was_expected(expect, reason):
    """A response that is not the one expected has its reason like a connection that is refused."""
    with raw_server(answering(response())) as server:
        [trouble] = first_troubles(server.url, expect=expect).troubles
    assert trouble.reason == reason


@pytest.mark.timed
def test_a_target_that_hangs_is_told():
    """All that is in flight, and the age of the oldest."""
    with raw_server(lambda conversation: conversation.head() and conversation.wait_closed()) as server:
        [trouble] = first_troubles(server.url).troubles
    assert (trouble.kind, trouble.count) == ("silent", 5)
    assert trouble.oldest_s >= 0.9
