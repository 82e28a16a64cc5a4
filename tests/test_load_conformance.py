"""Both transports, one table: what a target does, and what is counted of it."""

from contextlib import ExitStack

import gevent
import pytest
from engines import ONCE, attempt, endpoint, finish, only, reach, resident_bytes, running, until
from servers import answering, raw_server, response, secured

from tressi.model import Expectation, SharedPool, TlsConfig

pytestmark = pytest.mark.timed


TRANSPORTS = ["wire", "urllib3"]


def closing(data=b""):
    """A script that reads a request, says `data` and closes."""

    def script(conversation):
        conversation.request()
        conversation.send(data)
        conversation.close()

    return script


def resetting(data=b""):
    """A script that reads a request, says `data` and resets."""

    def script(conversation):
        conversation.request()
        conversation.send(data)
        conversation.reset()

    return script


def silent(conversation):
    """A script that reads a request and says nothing."""
    conversation.request()
    conversation.wait_closed()


def with_length(*lengths):
    """A response of two bytes whose length is given in these ways."""
    fields = b"".join(b"Content-Length: " + length.encode("latin-1") + b"\r\n" for length in lengths)
    return b"HTTP/1.1 200 OK\r\n" + fields + b"\r\nok"


def chunked(body, *fields):
    """A response whose chunks are `body`."""
    lines = ["HTTP/1.1 200 OK", "Transfer-Encoding: chunked", *fields, "", ""]
    return "\r\n".join(lines).encode() + body


PROTOCOL = ({}, {"protocol": 1})
CLOSED = ({}, {"closed": 1})
RESET = ({}, {"reset": 1})
UNEXPECTED = ({200: 1}, {"expectation": 1})
HEAD_OF_9 = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"
HINT = b"HTTP/1.1 103 Early Hints\r\n\r\n"
# What a target does with one request, the statuses and errors that are counted of it (a number: one response of that
# status), and what the endpoint has beyond a URL.
CASES = {
    "a response with a length": (answering(response()), 200),
    "a response in chunks": (answering(chunked(b"5\r\nhello\r\n0\r\n\r\n")), 200),
    "a response until the close": (closing(b"HTTP/1.1 200 OK\r\n\r\nhello"), 200),
    "a response without a body": (answering(b"HTTP/1.1 204 No Content\r\n\r\n"), 204),
    "304 with a length": (answering(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n"), 304),
    "an error status": (answering(response("503 Service Unavailable")), 503),
    "503 with Retry-After": (answering(response("503 Busy", "Retry-After: 1")), 503),
    "a redirect that is not followed": (answering(response("302 Found", "Location: /x")), 302),
    "103 before the answer, twice": (answering(2 * HINT + response()), 200),
    "100 before the answer": (answering(b"HTTP/1.1 100 Continue\r\n\r\n" + response()), 200),
    "101 that tressi did not ask for": (answering(response("101 Switching Protocols")), PROTOCOL),
    "1xx without end": (answering(10_000 * HINT), PROTOCOL),
    "HEAD": (answering(HEAD_OF_9), 200, {"method": "HEAD"}),
    "a body with the request": (answering(response()), 200, {"method": "POST", "body": b"x" * 100_000}),
    "an expected body": (answering(response()), 200, {"expect": Expectation(body_contains=b"ell")}),
    "an expected body where two reads meet": (
        answering(response(body=b"." * 65533 + b"needle" + b"." * 9)),
        200,
        {"expect": Expectation(body_contains=b"needle")},
    ),
    "an unexpected body": (answering(response()), UNEXPECTED, {"expect": Expectation(body_contains=b"bye")}),
    "an expected status": (answering(response("404 Not Found")), 404, {"expect": Expectation(status=(404,))}),
    "an unexpected status": (answering(response()), UNEXPECTED, {"expect": Expectation(status=(201,))}),
    "silence": (silent, ({}, {"timeout": 1}), {"timeout_s": 0.5}),
    "garbage": (closing(b"\x00\x01garbage\r\n\r\n"), PROTOCOL),
    # Ends.
    "a close before the answer": (closing(), CLOSED, {"method": "POST"}),
    "a close in the body": (closing(HEAD_OF_9 + b"half"), CLOSED),
    "a close within a chunk": (closing(chunked(b"9\r\nok")), CLOSED),
    "a close within the trailers": (closing(chunked(b"2\r\nok\r\n0\r\nX-Sum: 1\r\n")), CLOSED),
    "a close within the status line": (closing(b"HTTP/1.1 20"), CLOSED),
    "a close within a field": (closing(b"HTTP/1.1 200 OK\r\nContent-Le"), CLOSED),
    "a close behind the last field": (closing(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n"), CLOSED),
    "a close behind a 1xx": (closing(HINT), CLOSED),
    "a reset before the answer": (resetting(), RESET, {"method": "POST"}),
    "a reset in the body": (resetting(HEAD_OF_9 + b"half"), RESET),
    # Heads: limits are in bytes, and what frames a message is read to the letter.
    "500 fields": (answering(response("200 OK", *(f"X-{number}: {'a' * 60}" for number in range(500)))), 200),
    "a field of 60 KiB": (answering(response("200 OK", "X-Long: " + "a" * 60 * 1024)), 200),
    "a head of more than 64 KiB": (answering(response("200 OK", *65 * ["X: " + "a" * 1024])), PROTOCOL),
    "no reason phrase": (answering(response("200")), 200),
    "bare line feeds": (answering(b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello"), 200),
    "a folded field": (answering(response("200 OK", "X-Folded: a\r\n b\r\n\tc")), 200),
    "a space before a colon": (answering(response("200 OK", "X-Bad : a")), PROTOCOL),
    "a line without a colon": (answering(response("200 OK", "garbage")), PROTOCOL),
    "a length given twice": (answering(with_length("2", "2")), 200),
    "a list of lengths": (answering(with_length("2, 2,2 ")), 200),
    "a list of lengths that differ": (answering(with_length("2, 3")), PROTOCOL),
    "lengths that differ": (answering(with_length("2", "02", "3")), PROTOCOL),
    "a length with leading zeros": (answering(with_length("0" * 40 + "2")), 200),
    "a length beside chunks": (answering(chunked(b"2\r\nok\r\n0\r\n\r\n", "Content-Length: 99")), 200),
    "chunks with extensions and trailers": (answering(chunked(b"2;a=b\r\nok\r\n0;c\r\nX-Sum: 1\r\n\r\n")), 200),
    "a chunk size with leading zeros": (answering(chunked(b"0" * 40 + b"2\r\nok\r\n000\r\n\r\n")), 200),
    "a chunk longer than its size": (answering(chunked(b"2\r\nokay\r\n0\r\n\r\n")), PROTOCOL),
}
LENGTHS = ("+2", "-2", "0x2", "2_0", "2.0", "2 2", "two", "", ",", "9" * 30, "\xb2")
CHUNK_SIZES = (b"+2", b"-2", b"0x2", b"2_0", b"", b" 2", b"g", b"f" * 30)
STATUS_LINES = (b"HTTP/1.1 099 X", b"HTTP/1.1 1000 X", b"HTTP/1.1 20 X", b"HTTP/1.1 +20 X", b"HTTP/1.1  200 X")
CASES |= {f"a length of {one!r}": (answering(with_length(one)), PROTOCOL) for one in LENGTHS}
CASES |= {f"a chunk size of {one!r}": (answering(chunked(one + b"\r\nok\r\n0\r\n\r\n")), PROTOCOL) for one in CHUNK_SIZES}
CASES |= {f"status line {one!r}": (answering(one + b"\r\nContent-Length: 0\r\n\r\n"), PROTOCOL) for one in STATUS_LINES}
CASES |= {f"status {one}": (answering(response(f"{one} X")), one) for one in (599, 600, 999)}


def saying_goodbye(data):
    """A script that reads a request, says `data` and ends TLS before it closes."""

    def script(conversation):
        conversation.request()
        conversation.send(data)
        conversation.socket.unwrap()

    return script


# A body that only the close delimits is whole when TLS itself was closed, and not before (RFC 9112 9.8).
SECURE_CASES = {
    **CASES,
    "a response until the close": (saying_goodbye(b"HTTP/1.1 200 OK\r\n\r\nhello"), 200),
    "a response until the close of TCP": (closing(b"HTTP/1.1 200 OK\r\n\r\nhello"), CLOSED),
}


def test_a_target_is_counted_alike(transport):
    """Status codes, error kinds and the split into success and failure are the same on both transports."""
    assert {name: wrong for name, one in CASES.items() if (wrong := deviation("http", transport, *one))} == {}


def test_a_target_inside_tls_is_counted_alike(transport):
    """Over TLS the results are the same, except that a cut is told from an end."""
    cases = {name: (secured(script), *more) for name, (script, *more) in SECURE_CASES.items()}
    assert {name: wrong for name, one in cases.items() if (wrong := deviation("https", transport, *one))} == {}


def deviation(scheme, transport, script, counted, fields=None):
    """What of one request's figures is not as it must be: each by its name, with what it is and what it should be."""
    statuses, errors = counted if isinstance(counted, tuple) else ({counted: 1}, {})
    fields = fields or {}
    with raw_server(script) as server:
        url = server.url.replace("http", scheme)
        found = only(attempt(endpoint(url, ONCE, **fields), transport=transport, tls=TlsConfig(verify=False)))
    expected = fields.get("expect")
    succeeds = not errors and all(status < 400 or (expected and expected.status) for status in statuses)
    wanted = {
        "connections_opened": server.connections,
        "retries": 0,
        "status_codes": statuses,
        "errors": errors,
        "bytes_sent": sum(len(seen.head) + seen.body_bytes for seen in server.requests),
        "succeeded": int(succeeds),
        "failed": int(not succeeds),
    }
    if statuses or "closed" in errors:
        # A client need not hear out a server that resets, or speaks no HTTP.
        wanted["bytes_received"] = server.said_bytes
    return {name: (getattr(found, name), value) for name, value in wanted.items() if getattr(found, name) != value}


ONE = {"headers": (("X-One", "1"), ("Accept", "*/*"))}
REQUESTS = {
    "a path": ("a/b", {}),
    "no path": ("", {}),
    "dot segments": ("a/../b/./c/..", {}),
    "dots, encoded": ("%2e%2e/%2E/b", {}),
    "slashes": ("//a//b/", {}),
    "an encoded slash": ("%2f%2F", {}),
    "a % without two hexadecimal digits": ("a%zz%", {}),
    "brackets": ("a[1]?b[]=2", {}),
    "a lone question mark": ("a?", {}),
    "only a question mark": ("?", {}),
    "question marks": ("a??b?", {}),
    "a fragment": ("a?b#c", {}),
    "what a form would encode": ("a;b,c:d@e!$&'()*+=~", {}),
    "own fields": ("a", ONE),
    "fields twice": ("a", {"headers": (("X-One", "1"), ("x-one", "2"))}),
    "an own host": ("a", {"headers": (("host", "shop.example"),)}),
    "what else is added": ("a", {"headers": (("user-agent", "mine"), ("accept-encoding", "br"), ("connection", "x"))}),
    "what is left out": ("a", {"left_out": frozenset({"user-agent", "authorization"})}),
    "an empty field": ("a", {"headers": (("X-Empty", ""),)}),
    "Latin-1": ("a", {"headers": (("X-Name", "J\xfcrgen"),)}),
    "an own length": ("a", {"method": "POST", "body": b"abc", "headers": (("content-length", "99"),)}),
    "own chunks": ("a", {"method": "POST", "body": b"3\r\nabc\r\n0\r\n\r\n", "headers": (("TE", "trailers"),)}),
    "each for itself": ("a", {"keep_alive": False}),
    **{f"{method} without a body": ("a", {"method": method}) for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS")},
    **{f"{method} with a body": ("a", {"method": method, "body": b"abc"}) for method in ("GET", "HEAD", "DELETE", "PUT")},
    "an empty body": ("a", {"method": "GET", "body": b""}),
}


def sent(transport, path, fields):
    """The one request that an endpoint sends, its port left out."""
    fields = dict(fields)
    wide = {"keep_alive": fields.pop("keep_alive", True)}
    with raw_server(answering(response(body=b""))) as server:
        url = server.url.replace("http://", "http://ann:secret@") + path
        attempt(endpoint(url, ONCE, **fields), transport=transport, **wide)
    (seen,) = server.requests
    return seen.head.replace(str(server.port).encode(), b"port"), seen.body_bytes


def test_the_same_request_is_sent():
    """To the byte, whatever the path, the method, the fields and the body."""
    for name, (path, fields) in REQUESTS.items():
        first, second = (sent(transport, path, fields) for transport in TRANSPORTS)
        assert first == second, name
        target = "/" + path.partition("#")[0]
        assert first[0].startswith(f"{fields.get('method', 'GET')} {target} HTTP/1.1\r\n".encode()), name


def test_a_request_is_what_the_config_says(transport):
    """Method, target, header fields and credentials, and nothing that was not asked for."""
    head, body_bytes = sent(transport, "path?a=b", {"method": "POST", "body": b"{}", **ONE})
    assert head == (
        b"POST /path?a=b HTTP/1.1\r\nHost: 127.0.0.1:port\r\nUser-Agent: tressi\r\nAuthorization: Basic YW5uOnNlY3JldA==\r\n"
        b"X-One: 1\r\nAccept: */*\r\nContent-Length: 2\r\n\r\n"
    )
    assert body_bytes == 2


def test_what_is_left_out_is_not_sent(transport):
    """The fields that tressi would add, and no other."""
    head, _ = sent(transport, "a", {"left_out": frozenset({"user-agent", "authorization"})})
    assert head == b"GET /a HTTP/1.1\r\nHost: 127.0.0.1:port\r\n\r\n"


def flooding(beginning, piece):
    """A script that always has more ready than is read, for as long as a test may take."""

    def script(conversation):
        conversation.request()
        conversation.send(beginning)
        for _ in range(20_000):
            conversation.send(1_000 * piece)

    return script


FLOODS = {
    "1xx": (b"", b"HTTP/1.1 103 Early Hints\r\n\r\n", {"protocol": 1}),
    "fields": (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n", {"protocol": 1}),
    "chunks of one byte": (chunked(b""), b"1\r\nx\r\n", {"timeout": 1}),
    "a body": (b"HTTP/1.1 200 OK\r\n\r\n", 100 * b"x", {"timeout": 1}),
    "a chunk's extension": (chunked(b"1;"), 100 * b"x", {"protocol": 1}),
    "trailers": (chunked(b"0\r\n"), b"X: y\r\n", {"protocol": 1}),
}


@pytest.mark.parametrize("flood", FLOODS)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_server_that_always_has_more_ends_in_time(scheme, flood, transport):
    """Other greenlets run meanwhile, and so does the timeout of the request."""
    beginning, piece, errors = FLOODS[flood]
    script = flooding(beginning, piece)
    turns = []

    def count():
        while True:
            turns.append(1)
            gevent.sleep(0.001)

    counting = gevent.spawn(count)
    with raw_server(secured(script) if scheme == "https" else script) as server:
        one = endpoint(server.url.replace("http", scheme), ONCE, timeout_s=0.4)
        found = only(attempt(one, transport=transport, tls=TlsConfig(verify=False)))
    counting.kill()
    assert found.errors == errors
    if "timeout" in errors:
        assert len(turns) > 2


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("then", ["wait_closed", "close", "reset"])
def test_an_answer_that_comes_before_the_body_is_read_counts(scheme, then, transport):
    """A server that refuses a body need not read it; its connection carries no other request."""

    def script(conversation):
        conversation.head()
        conversation.send(response("413 Content Too Large"))
        if then == "wait_closed":
            # Until the client leaves: what is buffered on the way does not hold the body.
            while conversation.socket.recv(1) and not conversation._server.ended.wait(0.01):
                pass
        else:
            # The answer must be read before its connection is gone.
            conversation.pause(0.2)
            getattr(conversation, then)()

    with raw_server(secured(script) if scheme == "https" else script) as server:
        url = server.url.replace("http", scheme)
        one = endpoint(url, 50, method="POST", body=bytes(1 << 25), timeout_s=5)
        with running(one, transport=transport, tls=TlsConfig(verify=False)) as engine:
            reach(engine, 2)
            found = only(finish(engine))
    assert found.status_codes == {413: found.requests_made}
    assert found.connections_opened == found.requests_made


SAID = {
    b"": "no response after 1 s",
    b"HTTP/1.1 103 Early Hints\r\n\r\n": "the head of the response had not ended after 1 s",
    b"HTTP/1.1 200 OK\r\nX-": "the head of the response had not ended after 1 s",
    b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n": "status 200, but the body had not ended after 1 s",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: y": "status 200, but the body had not ended after 1 s",
    b"HTTP/1.1 404 Not Found\r\n\r\nhalf": "status 404, but the body had not ended after 1 s",
}


def test_a_timeout_says_how_far_the_response_had_come(transport):
    """One that began and did not end is told apart from silence. A second is time for what is said, under ASan too."""

    def saying(said):
        def script(conversation):
            conversation.request()
            conversation.send(said)
            conversation.wait_closed()

        return script

    with ExitStack() as stack:
        servers = [stack.enter_context(raw_server(saying(said))) for said in SAID]
        ones = [endpoint(server.url, timeout_s=1) for server in servers]
        with running(*ones, shared_pool=SharedPool(len(ones), None), transport=transport) as engine:
            until(lambda: all(one.requests_made for one in engine.read().endpoints.values()))
            ended = finish(engine, 0).endpoints
    for one, reason in zip(ones, SAID.values(), strict=True):
        assert [(told.kind, told.text) for told in ended[one.endpoint_key].reasons] == [("timeout", reason)]


def test_the_time_to_the_first_byte_is_of_the_answer(transport):
    """Counted from the request, apart from the service time where the answer came in parts."""

    def script(conversation):
        conversation.request()
        conversation.pause(0.1)
        conversation.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
        conversation.pause(1.0)  # a busy machine lets the client sleep for half a second
        conversation.send(b"hello")

    with raw_server(script) as server:
        found = only(attempt(endpoint(server.url, ONCE), transport=transport))
    assert (found.first_byte.count, found.service.count) == (1, 1)
    assert found.first_byte.min_us >= 99_000
    assert found.service.min_us - found.first_byte.min_us >= 100_000


STREAMED_BYTES = 96 * 1024 * 1024


def test_a_response_of_any_size_takes_no_memory(transport):
    """96 MiB in chunks are received to the byte, and the process never grows by a sixth of that."""
    piece = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    grown = []

    def script(conversation):
        conversation.request()
        before = resident_bytes()
        conversation.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for number in range(STREAMED_BYTES // 0x10000):
            conversation.send(piece)
            if number % 64 == 0:
                grown.append(resident_bytes() - before)
        conversation.send(b"0\r\n\r\n")

    with raw_server(script) as server:
        snapshot = attempt(endpoint(server.url, ONCE), transport=transport)
    assert only(snapshot).status_codes == {200: 1}
    assert only(snapshot).bytes_received > STREAMED_BYTES
    assert snapshot.samples[0].truncated
    assert max(grown) < STREAMED_BYTES // 6
