"""The server under the dashboard and the Prometheus endpoint, against clients that mean it no good: real sockets, raw bytes."""

from contextlib import ExitStack, contextmanager
from functools import partial
from urllib.parse import urlsplit

import gevent
import pytest
from dashboards import Steered
from engines import until
from gevent import socket
from summaries import resolved

from tressi.site import server
from tressi.site.feed import KEPT
from tressi.site.places import KNOWN, STRANGERS, STRANGERS_PER_ADDRESS, Places
from tressi.site.server import REQUEST_BYTES, Listener
from tressi.ui.dashboard.watcher import Dashboard
from tressi.ui.prometheus import Prometheus

pytestmark = pytest.mark.timed

BOUND_S = 20.0
KEY = "GET http://host/a"
MANY = 150
LARGE = 32 << 20  # more than the buffers of a connection hold


@contextmanager
def dashboard():
    """A dashboard: its server and its address."""
    watcher = Dashboard(resolved(KEY), Steered())
    watcher.start(watcher._board._config)
    try:
        yield watcher, watcher.url
    finally:
        watcher._feed.close()
        watcher._listener.close(0)


@contextmanager
def prometheus():
    """A Prometheus endpoint likewise."""
    watcher = Prometheus("127.0.0.1", 0, print)
    watcher.start(resolved(KEY))
    try:
        yield watcher, watcher.url
    finally:
        watcher._listener.close(0)


BOTH = pytest.mark.parametrize("serving", [dashboard, prometheus], ids=["dashboard", "prometheus"])


@contextmanager
def small_app(**options):
    """A listener that answers with what it was sent."""

    def app(environ, start_response):
        body = b"x" * LARGE if environ["PATH_INFO"] == "/large" else environ["wsgi.input"].read() or b"hello"
        start_response("200 OK", [("Content-Length", str(len(body)))])
        return [body]

    listener = Listener("127.0.0.1", 0, "--listen")
    listener.serve(app, **options)
    try:
        yield listener, f"http://{listener.place}/"
    finally:
        listener.close(0)


def connected(url, stack=None):
    """A connection to it."""
    place = urlsplit(url)
    connection = socket.create_connection((place.hostname, place.port), timeout=BOUND_S)
    return stack.enter_context(connection) if stack else connection


def get(url, path=None, version="1.1"):
    """A whole request."""
    place = urlsplit(url)
    return f"GET {path or place.path} HTTP/{version}\r\nHost: {place.netloc}\r\n\r\n".encode()


def status_of(url, request=None):
    """The status that a request is answered with, on a connection of its own."""
    with connected(url) as connection:
        connection.sendall(request or get(url, version="1.0"))
        return int(connection.makefile("rb").readline().split()[1])


def all_of(connection):
    """What comes until the other side closes, or resets."""
    data = b""
    with gevent.Timeout(BOUND_S):
        try:
            while piece := connection.recv(1 << 16):
                data += piece
        except ConnectionError:
            pass
    return data


def held(listener):
    """How many connections its greenlets serve."""
    return len(listener._server.pool)


PATIENT = {
    "silent": lambda _: b"",
    "half a request line": lambda _: b"GET /",
    "half a head": lambda url: get(url)[:-2] + b"X-A: 1\r\n",
    "half a body": lambda url: get(url, "/guess")[:-2].replace(b"GET", b"POST") + b"Content-Length: 9\r\n\r\n1234",
    "no token": lambda url: get(url, "/guess"),
}


@BOTH
@pytest.mark.parametrize("said", PATIENT)
def test_connections_that_say_nothing_lock_nobody_out(serving, said):
    """However many there are, the next request is answered; and they take no more places than there are for them."""
    with serving() as (watcher, url), ExitStack() as stack:
        for _ in range(MANY):
            connected(url, stack).sendall(PATIENT[said](url))
        assert status_of(url) == 200
        until(lambda: held(watcher._listener) <= STRANGERS_PER_ADDRESS)
    until(lambda: not watcher._listener._server.pool)


def test_answers_that_are_never_read_lock_nobody_out(monkeypatch):
    """A client that asks and takes no answer has its place for as long as no other wants it."""
    monkeypatch.setattr(server, "Places", partial(Places, per_address=4))
    with small_app() as (listener, url), ExitStack() as stack:
        for _ in range(4):
            connected(url, stack).sendall(get(f"{url}large"))
        until(lambda: len(listener._server.places._answered) == 4)
        assert status_of(url) == 200
        until(lambda: held(listener) == 3)


def test_who_has_shown_the_token_is_not_displaced():
    """A page that is open goes on hearing, whatever comes after it."""
    with dashboard() as (watcher, url), ExitStack() as stack:
        page = connected(url, stack)
        page.sendall(get(f"{url}events"))
        stream = page.makefile("rb")
        assert b"200" in stream.readline()
        for _ in range(MANY):
            connected(url, stack)
        watcher.stop()
        with gevent.Timeout(BOUND_S):
            assert any(b'"phase":"ending"' in line for line in stream)


def test_who_has_shown_the_token_may_rest():
    """A browser keeps its connection between two requests, and finds it there."""
    with dashboard() as (_, url), ExitStack() as stack:
        page = connected(url, stack)
        page.sendall(get(f"{url}past"))
        assert page.recv(1 << 16).startswith(b"HTTP/1.1 200")
        for _ in range(MANY):
            connected(url, stack)
        page.sendall(get(f"{url}past"))
        assert page.recv(1 << 16).startswith(b"HTTP/1.1 200")


def test_too_many_pages_are_told_so(monkeypatch):
    """With the token too there is a limit, and a page that is closed makes room."""
    monkeypatch.setattr(server, "Places", partial(Places, known=3))
    with dashboard() as (watcher, url), ExitStack() as stack:
        pages = [connected(url, stack) for _ in range(3)]
        for page in pages:
            page.sendall(get(f"{url}past"))
            assert page.recv(1 << 16).startswith(b"HTTP/1.1 200")
        assert status_of(url) == 503
        assert status_of(url, get(url, "/guess", "1.0")) == 404
        pages[0].close()
        until(lambda: held(watcher._listener) == 2)
        assert status_of(url) == 200


def test_there_are_places_for_a_browser_and_more():
    """A browser opens six connections to a server; a machine's programs have fewer places than there are."""
    assert KNOWN >= 6 * 10
    assert STRANGERS_PER_ADDRESS < STRANGERS


DRIPS = {
    "silence": (b"", b""),
    "line": (b"GET /", b"x"),
    "head": (b"GET / HTTP/1.1\r\n", b"X-A: 1\r\n"),
    "body": (b"POST / HTTP/1.1\r\nContent-Length: 100000\r\n\r\n", b"x"),
    "chunks": (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    "trailers": (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"X-A: 1\r\n"),
}


def drip(connection, piece):
    """Send a piece again and again until the other side does not take it any more."""
    try:
        while True:
            connection.sendall(piece)
            gevent.sleep(0.01)
    except OSError:
        pass


def flood(connection, piece):
    """Send a piece again and again, as fast as it is taken."""
    while True:
        connection.sendall(piece)


@pytest.mark.parametrize("kind", DRIPS)
def test_a_request_that_comes_by_drops_is_given_up(kind, monkeypatch):
    """There is a time limit for the whole of a request: each of its bytes comes well within it."""
    monkeypatch.setattr(server, "REQUEST_S", 0.2)
    first, then = DRIPS[kind]
    with small_app() as (_, url), connected(url) as connection:
        connection.sendall(first)
        dripping = gevent.spawn(drip, connection, then) if then else None
        answer = all_of(connection)
        assert b"200" not in answer
        if dripping:
            dripping.kill()


@pytest.mark.parametrize("kind", ["line", "head", "body", "chunks", "trailers"])
def test_a_request_without_end_is_given_up(kind, monkeypatch):
    """There is a limit for its bytes as well, at whatever speed they come."""
    monkeypatch.setattr(server, "REQUEST_S", 3600.0)
    first, then = DRIPS[kind]
    with small_app() as (listener, url), connected(url) as connection, gevent.Timeout(BOUND_S):
        connection.sendall(first.replace(b"100000", b"9" * 12))
        with pytest.raises(ConnectionError):
            flood(connection, then * 4096)
        until(lambda: held(listener) == 0)


def test_a_body_within_the_limits_is_read():
    """In however many pieces it comes, and the connection is kept for the next one."""
    body = b"x" * (REQUEST_BYTES - 4096)
    with small_app() as (_, url), connected(url) as connection:
        for _ in range(3):
            connection.sendall(get(url)[:-2] + b"Content-Length: %d\r\n\r\n" % len(body))
            for at in range(0, len(body), 50_000):
                connection.sendall(body[at : at + 50_000])
                gevent.sleep(0)
            stream = connection.makefile("rb")
            assert b"200" in stream.readline()
            while stream.readline().strip():
                pass
            assert stream.read(len(body)) == body


def test_a_connection_that_asks_nothing_more_is_given_up():
    """After an answer there is another time limit, for browsers keep connections."""
    with small_app(idle_s=0.1) as (_, url), connected(url) as connection:
        connection.sendall(get(url))
        assert all_of(connection).endswith(b"hello")


def test_an_answer_that_nobody_reads_is_given_up(monkeypatch):
    """Its reader has a time limit, and no other connection has to come for that."""
    monkeypatch.setattr(server, "SEND_S", 0.2)
    monkeypatch.setattr(server, "REQUEST_S", 3600.0)
    with small_app() as (listener, url), connected(url) as connection:
        connection.sendall(get(f"{url}large"))
        until(lambda: held(listener) == 1)
        until(lambda: held(listener) == 0)


def test_an_answer_that_is_read_slowly_comes_whole(monkeypatch):
    """The time limit is for each piece: over a slow network a report takes long."""
    monkeypatch.setattr(server, "SEND_S", 0.5)
    with small_app() as (_, url), connected(url) as connection, gevent.Timeout(BOUND_S):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        connection.sendall(get(f"{url}large", version="1.0"))
        received = 0
        for piece in iter(lambda: connection.recv(1 << 18), b""):
            received += len(piece)
            gevent.sleep(0.005)
        assert received > LARGE


@BOTH
def test_an_answer_comes_in_one_piece(serving):
    """Head and body are one write: a second one would wait 40 ms for the acknowledgement of the first."""
    with serving() as (_, url), connected(url) as connection:
        assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 0  # it is the server's that counts
        for _ in range(20):
            connection.sendall(get(url, "/guess"))
            head, _, body = connection.recv(1 << 16).partition(b"\r\n\r\n")
            assert b"Content-Length: %d\r\n" % len(body) in head + b"\r\n"
            assert body


GARBAGE = [
    b"\0" * 100,
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # TLS
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"GET\r\n\r\n",
    b"GET / HTTP/x.y\r\n\r\n",
    b"GET / HTTP/1\r\n\r\n",
    b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
    b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
    b"HEAD / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello",
    b"GET / HTTP/1.1\r\n: x\r\n\r\n",
    b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
    b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 200 + b"\r\n",
    b"GET / HTTP/1.1\r\nX: " + b"y" * 70_000 + b"\r\n\r\n",
    b"GET /" + b"y" * 10_000 + b" HTTP/1.1\r\n\r\n",
    b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",
    b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + b"f" * 100 + b"\r\n",
    b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n0\r\n\r\n",
    b"GET /%ff%00%0d%0a/\xff HTTP/1.1\r\nHost: \xff\r\n\r\n",
    b"GET http://[/ HTTP/1.1\r\nHost: [\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: http://[\r\n\r\n",
]
WITH_TOKEN = [
    b"POST {path}pause HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: http://[\r\n\r\n",
    b"POST {path}pause HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: \xff;=\r\nContent-Length: 0\r\n\r\n",
    b"POST {path}target HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 9000\r\n\r\n"
    + b"[" * 9000,
    b"GET {path}past/" + b"9" * 5000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    b"GET {path}assets/..%2f..%2fserver.py HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    b"GET {path}?%ff=%ff;&&=;\xff HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: \xff=;;=\r\nRange: bytes=0-9\r\n\r\n",
]


@BOTH
def test_garbage_is_no_fault_of_ours(serving, capfd):
    """Whatever is sent, no answer is a 5xx, nothing is written to standard error, and the next request is answered."""
    with serving() as (watcher, url):
        path = urlsplit(url).path.encode()
        for raw in [*GARBAGE, *(one.replace(b"{path}", path) for one in WITH_TOKEN)]:
            with connected(url) as connection:
                try:
                    connection.sendall(raw)
                    connection.shutdown(socket.SHUT_WR)
                except OSError:
                    pass  # it has said no before all was sent
                answer = all_of(connection)
            assert not answer.startswith(b"HTTP/1.1 5"), (raw[:80], answer)
        assert status_of(url) == 200
        until(lambda: held(watcher._listener) == 0)
    assert capfd.readouterr() == ("", "")


def test_a_place_in_the_events_that_is_no_number_of_ours():
    """Python refuses to read a number of thousands of digits: it is no place to go on from, like any that was never given."""
    request = b"GET {path}events HTTP/1.0\r\nHost: 127.0.0.1\r\nLast-Event-ID: " + b"9" * 5000 + b"\r\n\r\n"
    with dashboard() as (_, url):
        assert status_of(url, request.replace(b"{path}", urlsplit(url).path.encode())) == 200
    assert KEPT < 10**18


def test_a_client_that_leaves_in_the_middle_costs_nothing(capfd):
    """A reset while an answer is made or sent ends the connection, in silence."""
    with prometheus() as (watcher, url):
        for at in range(30):
            with connected(url) as connection:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                connection.sendall(get(url) * 3)
                for _ in range(at):
                    gevent.sleep(0)
        until(lambda: held(watcher._listener) == 0)
        assert status_of(url) == 200
    assert capfd.readouterr() == ("", "")


def test_a_host_that_a_site_may_have_reads_no_metrics():
    """DNS rebinding: a page under a name that resolves to us. On loopback only names of loopback are answered."""
    for host in ("evil.example", "evil.example:9464", "", "127.0.0.1.evil.example", "localhost.evil.example", "[", "192.0.2.1"):
        with prometheus() as (_, url):
            request = get(url, version="1.0").replace(urlsplit(url).netloc.encode(), host.encode())
            assert status_of(url, request) == 403, host
    for host in ("localhost", "LOCALHOST:1", "127.0.0.1", "127.0.0.2:80", "[::1]:9464"):
        with prometheus() as (_, url):
            request = get(url, version="1.0").replace(urlsplit(url).netloc.encode(), host.encode())
            assert status_of(url, request) == 200, host
