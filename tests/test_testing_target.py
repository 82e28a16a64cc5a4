"""The embedded target behaves as it says."""

import http.client
import subprocess
import sys
from urllib.parse import urlsplit

import pytest

from tressi.testing.target import Behaviour, Target, tide_s


def test_the_tide_rises_and_falls():
    """Low at the start, high in the middle of the first two fifths, low in the rest, and the same a period later."""
    assert tide_s(0, 20) == pytest.approx(0.020)
    assert tide_s(4, 20) == pytest.approx(0.060)
    assert tide_s(8, 20) == tide_s(19, 20) == pytest.approx(0.020)
    assert tide_s(24, 20) == pytest.approx(tide_s(4, 20))


def test_the_flaky_one_fails_every_tenth_time_on_average_and_repeatably():
    """A seed gives the same answers again; about a tenth of them are 503."""
    answers = [[Behaviour(seed=seed).answer("/flaky", 0)[0] for _ in range(1)] for seed in (1, 1)]
    assert answers[0] == answers[1]
    one = Behaviour(seed=3)
    statuses = [one.answer("/flaky", 0)[0] for _ in range(2000)]
    assert 150 < statuses.count(503) < 250
    assert set(statuses) == {200, 503}


@pytest.mark.parametrize(
    ("path", "status", "latency_s"), [("/fast", 200, 0), ("/slow?x=1", 200, 0.05), ("/", 200, 0), ("/nothing", 404, 0)]
)
def test_paths_are_answered_as_told(path, status, latency_s):
    """Status and latency belong to the path; a query changes nothing."""
    assert Behaviour().answer(path, 0) == (status, latency_s)


def test_it_speaks_http():
    """Keep-alive, HEAD without a body, a body with the request, and `Connection: close`."""
    with Target() as url:
        where = urlsplit(url)
        connection = http.client.HTTPConnection(where.hostname, where.port, timeout=20)
        for method, body in (("GET", None), ("HEAD", None), ("POST", b"x" * 100_000)):
            connection.request(method, "/fast", body)
            answer = connection.getresponse()
            assert answer.status == 200
            assert (answer.read() == b"") == (method == "HEAD")
        connection.request("GET", "/fast", headers={"Connection": "close"})
        assert connection.getresponse().getheader("Connection") == "close"


def test_it_ends_with_its_owner():
    """The end of its standard input is its end: no orphan serves on."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tressi.testing.target", "--port", "0"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline().startswith("http://127.0.0.1:")
    process.stdin.close()
    assert process.wait(20) == 0
    process.stdout.close()
