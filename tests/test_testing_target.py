"""The embedded target behaves as it says."""

import http.client
import io
import re
import signal
import socket
import struct
import subprocess
import sys
from urllib.parse import urlsplit

import gevent.socket
import pytest

from tressi.errors import TressiError
from tressi.testing.target import Behaviour, Server, Target, tide_s

pytestmark = pytest.mark.timed


def test_the_tide_rises_and_falls():
    """Low at the start, high in the middle of the first two fifths, low in the rest, and the same a period later."""
    assert tide_s(0, 20) == pytest.approx(0.020)
    assert tide_s(4, 20) == pytest.approx(0.060)
    assert tide_s(8, 20) == tide_s(19, 20) == pytest.approx(0.020)
    assert tide_s(24, 20) == pytest.approx(tide_s(4, 20))


def test_the_flaky_one_fails_every_tenth_time_on_average_and_repeatably():
    """A seed gives the same answers again; about a tenth of them are 503."""
    one, same = Behaviour(seed=3), Behaviour(seed=3)
    statuses = [one.answer("/flaky", 0)[0] for _ in range(2000)]
    assert statuses == [same.answer("/flaky", 0)[0] for _ in range(2000)]
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


REQUESTS = (b"GET /fast HTTP/1.1\r\nHost: h\r\n\r\n", b"POST /nothing HTTP/1.1\r\nContent-Length: 5\r\n\r\nGET /")


@pytest.mark.parametrize("piece_bytes", [1, 7, 1000])
def test_requests_are_read_however_they_are_cut(piece_bytes):
    """Pipelined requests get their answers in order, and a body is never taken for a request."""
    sent = b"".join(REQUESTS * 2) + b"HEAD /flaky HTTP/1.1\r\nConnection: close\r\n\r\n"
    server = Server(Behaviour())
    where = urlsplit(server.start())
    received = b""
    try:
        with gevent.socket.create_connection((where.hostname, where.port)) as client:
            for start in range(0, len(sent), piece_bytes):
                client.sendall(sent[start : start + piece_bytes])
                gevent.sleep(0)
            while data := client.recv(65536):
                received += data
    finally:
        server.stop()
    assert re.findall(rb"HTTP/1.1 (\d+) ", received) == [b"200", b"404", b"200", b"404", b"200"]
    assert received.endswith(b"Connection: close\r\n\r\n")


@pytest.mark.parametrize(
    "sent",
    [b"GET /slow HTTP/1.1\r\n\r\n", b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nx", b"\x16\x03\x01" * 9, b"GET"],
    ids=["during the latency", "in the body", "not HTTP", "in the head"],
)
def test_a_client_that_leaves_costs_nothing(sent):
    """A reset in any place ends that connection quietly, and the next one is served."""
    server = Server(Behaviour())
    where = urlsplit(server.start())
    hub = gevent.get_hub()
    stream, hub.exception_stream = hub.exception_stream, io.StringIO()
    try:
        with gevent.socket.create_connection((where.hostname, where.port)) as rude:
            rude.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            rude.sendall(sent)
        with gevent.socket.create_connection((where.hostname, where.port)) as client:
            client.sendall(b"GET /slow HTTP/1.1\r\nConnection: close\r\n\r\n")
            assert client.recv(65536).startswith(b"HTTP/1.1 200 OK")
    finally:
        server.stop()
        said, hub.exception_stream = hub.exception_stream.getvalue(), stream
    assert said == ""


def test_it_ends_with_its_owner():
    """The end of its standard input is its end: no orphan serves on."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tressi.testing.target", "--port", "0"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline().startswith("http://127.0.0.1:")
    process.stdin.close()
    assert process.wait(20) == 0
    process.stdout.close()


def test_it_needs_no_standard_input():
    """In the background, with nothing to read, it serves until a signal comes, and ends without a word."""
    command = [sys.executable, "-m", "tressi.testing.target", "--port", "0"]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    where = urlsplit(process.stdout.readline().strip())
    connection = http.client.HTTPConnection(where.hostname, where.port, timeout=20)
    connection.request("GET", "/slow")
    assert connection.getresponse().status == 200
    connection.close()
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=20) == ("", "")
    assert process.returncode == 0


def test_a_target_that_cannot_start_says_so(monkeypatch):
    """The block is not entered without an address."""
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(TressiError, match=r"did not start \(exit status 1\)"), Target():
        pytest.fail("there is no target")
