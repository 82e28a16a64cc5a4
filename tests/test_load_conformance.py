"""Both transports, one table: what a target does, and what is counted of it."""

import gc
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from mmap import PAGESIZE
from pathlib import Path
from socket import AF_INET, SOCK_STREAM

import gevent
import pytest
from engines import ONCE, attempt, endpoint, finish, made, only, reach, running, until
from gevent.event import Event
from servers import answering, hanging_port, raw_server, refusing_port, response, secured

from tressi.model import Expectation, SharedPool, TlsConfig

pytestmark = pytest.mark.timed

TRANSPORTS = ["wire", "urllib3"]


@pytest.fixture(params=TRANSPORTS)
def transport(request):
    """Each of the two."""
    return request.param


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


@dataclass(frozen=True)
class Case:
    """What a target does with one request, and what is counted."""

    name: str
    script: object
    statuses: dict
    errors: dict
    fields: dict


def case(name, script, statuses=None, errors=None, **fields):
    return Case(name, script, statuses or {}, errors or {}, fields)


CASES = [
    case("a response with a length", answering(response()), {200: 1}),
    case(
        "a response in chunks",
        answering(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
        {200: 1},
    ),
    case("a response until the close", closing(b"HTTP/1.1 200 OK\r\n\r\nhello"), {200: 1}),
    case("a response without a body", answering(b"HTTP/1.1 204 No Content\r\n\r\n"), {204: 1}),
    case("an error status", answering(response("503 Service Unavailable")), {503: 1}),
    case("a redirect that is not followed", answering(response("302 Found", "Location: /x")), {302: 1}),
    case(
        "103 before the answer, twice",
        answering(2 * b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + response()),
        {200: 1},
    ),
    case("101 that nobody asked for", answering(response("101 Switching Protocols")), errors={"protocol": 1}),
    case("1xx without end", answering(10_000 * b"HTTP/1.1 103 Early Hints\r\n\r\n"), errors={"protocol": 1}),
    case("100 before the answer", answering(b"HTTP/1.1 100 Continue\r\n\r\n" + response()), {200: 1}),
    case("HEAD", answering(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n"), {200: 1}, method="HEAD"),
    case("a body with the request", answering(response()), {200: 1}, method="POST", body=b"x" * 100_000),
    case("an expected body", answering(response()), {200: 1}, expect=Expectation(body_contains=b"ell")),
    case(
        "an expected body where two reads meet",
        answering(response(body=b"." * 65533 + b"needle" + b"." * 9)),
        {200: 1},
        expect=Expectation(body_contains=b"needle"),
    ),
    case("an unexpected body", answering(response()), {200: 1}, {"expectation": 1}, expect=Expectation(body_contains=b"bye")),
    case("an expected status", answering(response("404 Not Found")), {404: 1}, expect=Expectation(status=(404,))),
    case("an unexpected status", answering(response()), {200: 1}, {"expectation": 1}, expect=Expectation(status=(201,))),
    case("a close before the answer", closing(), errors={"closed": 1}, method="POST"),
    case("a close in the body", closing(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"), errors={"closed": 1}),
    case("a reset before the answer", resetting(), errors={"reset": 1}, method="POST"),
    case("garbage", closing(b"\x00\x01garbage\r\n\r\n"), errors={"protocol": 1}),
    case("silence", silent, errors={"timeout": 1}, timeout_s=0.1),
    # Heads: limits are in bytes, and what frames a message is read to the letter.
    case("500 fields", answering(response("200 OK", *(f"X-{number}: {'a' * 60}" for number in range(500)))), {200: 1}),
    case("a field of 60 KiB", answering(response("200 OK", "X-Long: " + "a" * 60 * 1024)), {200: 1}),
    case("a head of more than 64 KiB", answering(response("200 OK", *65 * ["X: " + "a" * 1024])), errors={"protocol": 1}),
    case("no reason phrase", answering(response("200")), {200: 1}),
    case("bare line feeds", answering(b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello"), {200: 1}),
    case("a folded field", answering(response("200 OK", "X-Folded: a\r\n b\r\n\tc")), {200: 1}),
    case("a space before a colon", answering(response("200 OK", "X-Bad : a")), errors={"protocol": 1}),
    case("a line without a colon", answering(response("200 OK", "garbage")), errors={"protocol": 1}),
    case("a length given twice", answering(with_length("2", "2")), {200: 1}),
    case("a list of lengths", answering(with_length("2, 2,2 ")), {200: 1}),
    case("a list of lengths that differ", answering(with_length("2, 3")), errors={"protocol": 1}),
    case("lengths that differ", answering(with_length("2", "02", "3")), errors={"protocol": 1}),
    *(
        case(f"a length of {length!r}", answering(with_length(length)), errors={"protocol": 1})
        for length in ("+2", "-2", "0x2", "2_0", "2.0", "2 2", "two", "", ",", "9" * 30, "\xb2")
    ),
    case("a length beside chunks", answering(chunked(b"2\r\nok\r\n0\r\n\r\n", "Content-Length: 99")), {200: 1}),
    # Chunks.
    case("chunks with extensions and trailers", answering(chunked(b"2;a=b\r\nok\r\n0;c\r\nX-Sum: 1\r\n\r\n")), {200: 1}),
    *(
        case(f"a chunk size of {size!r}", answering(chunked(size + b"\r\nok\r\n0\r\n\r\n")), errors={"protocol": 1})
        for size in (b"+2", b"-2", b"0x2", b"2_0", b"", b" 2", b"g", b"f" * 30)
    ),
    case("a chunk longer than its size", answering(chunked(b"2\r\nokay\r\n0\r\n\r\n")), errors={"protocol": 1}),
    case("a close within a chunk", closing(chunked(b"9\r\nok")), errors={"closed": 1}),
    case("a close within the trailers", closing(chunked(b"2\r\nok\r\n0\r\nX-Sum: 1\r\n")), errors={"closed": 1}),
    # Ends.
    case("a close within the status line", closing(b"HTTP/1.1 20"), errors={"closed": 1}),
    case("a close within a field", closing(b"HTTP/1.1 200 OK\r\nContent-Le"), errors={"closed": 1}),
    case("a close behind the last field", closing(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n"), errors={"closed": 1}),
    case("a close behind a 1xx", closing(b"HTTP/1.1 103 Early Hints\r\n\r\n"), errors={"closed": 1}),
    case("a reset in the body", resetting(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"), errors={"reset": 1}),
    case("304 with a length", answering(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n"), {304: 1}),
    *(case(f"status {status}", answering(response(f"{status} X")), {status: 1}) for status in (599, 600, 999)),
    *(
        case(f"a status line of {line!r}", answering(line + b"\r\nContent-Length: 0\r\n\r\n"), errors={"protocol": 1})
        for line in (b"HTTP/1.1 099 X", b"HTTP/1.1 1000 X", b"HTTP/1.1 20 X", b"HTTP/1.1 +20 X", b"HTTP/1.1  200 X")
    ),
    case("a length with leading zeros", answering(with_length("0" * 40 + "2")), {200: 1}),
    case("a chunk size with leading zeros", answering(chunked(b"0" * 40 + b"2\r\nok\r\n000\r\n\r\n")), {200: 1}),
    case("503 with Retry-After", answering(response("503 Busy", "Retry-After: 1")), {503: 1}),
]


def saying_goodbye(data):
    """A script that reads a request, says `data` and ends TLS before it closes."""

    def script(conversation):
        conversation.request()
        conversation.send(data)
        conversation.socket.unwrap()

    return script


# A body that only the close delimits is whole when TLS itself was closed, and not before (RFC 9112 9.8).
UNTIL_CLOSE = "a response until the close"
SECURE_CASES = [
    *(one for one in CASES if one.name != UNTIL_CLOSE),
    case(UNTIL_CLOSE, saying_goodbye(b"HTTP/1.1 200 OK\r\n\r\nhello"), {200: 1}),
    case("a response until the close of TCP", closing(b"HTTP/1.1 200 OK\r\n\r\nhello"), errors={"closed": 1}),
]


@pytest.mark.parametrize("one", CASES, ids=[one.name for one in CASES])
def test_a_target_is_counted_alike(one, transport):
    """Status codes, error kinds and the split into success and failure are the same on both transports."""
    check_counted(one, "http", one.script, transport)


@pytest.mark.parametrize("one", SECURE_CASES, ids=[one.name for one in SECURE_CASES])
def test_a_target_inside_tls_is_counted_alike(one, transport):
    """Over TLS the results are the same, except that a cut is told from an end."""
    check_counted(one, "https", secured(one.script), transport)


def check_counted(one, scheme, script, transport):
    """One request has the outcome that the case says."""
    with raw_server(script) as server:
        url = server.url.replace("http", scheme)
        found = only(attempt(endpoint(url, ONCE, **one.fields), transport=transport, tls=TlsConfig(verify=False)))
    assert (found.connections_opened, found.retries) == (server.connections, 0)
    assert found.status_codes == one.statuses
    assert found.errors == one.errors
    assert found.bytes_sent == sum(len(seen.head) + seen.body_bytes for seen in server.requests)
    if one.statuses or "closed" in one.errors:
        # Nobody has to hear out a server that resets, or speaks no HTTP.
        assert found.bytes_received == server.said_bytes
    expected = one.fields.get("expect")
    succeeds = not one.errors and all(status < 400 or (expected and expected.status) for status in one.statuses)
    assert (found.succeeded, found.failed) == ((1, 0) if succeeds else (0, 1))


def test_a_refused_connection(transport):
    """Nobody listens: kind connect, with the system's words."""
    with refusing_port() as port:
        found = only(attempt(endpoint(f"http://127.0.0.1:{port}/", ONCE), transport=transport))
    assert found.errors == {"connect": 1}
    assert "refused" in found.reasons[0].text


def test_an_unknown_name(transport):
    """Kind dns."""
    assert only(attempt(endpoint("http://nowhere.invalid/", ONCE), transport=transport)).errors == {"dns": 1}


@pytest.mark.parametrize(("verify", "errors"), [(True, {"tls": 1}), (False, {})])
def test_a_certificate_of_an_unknown_authority(transport, verify, errors):
    """Refused with kind tls unless verification is off."""
    with raw_server(secured(answering(response()))) as server:
        url = f"https://localhost:{server.port}/"
        found = only(attempt(endpoint(url, ONCE), transport=transport, tls=TlsConfig(verify=verify)))
    assert found.errors == errors


@pytest.mark.parametrize("end", ["reset", "close"])
def test_a_handshake_that_the_server_ends_is_an_error_of_kind_tls(transport, end):
    """The connection was made, so it is none of kind connect."""

    def script(conversation):
        conversation.socket.recv(65536)
        getattr(conversation, end)()

    with raw_server(script) as server:
        found = only(attempt(endpoint(server.url.replace("http", "https"), ONCE), transport=transport))
    assert found.errors == {"tls": 1}
    assert "eof" in found.reasons[0].text or "reset" in found.reasons[0].text


@pytest.mark.parametrize(("method", "errors", "retries"), [("GET", {}, 1), ("POST", {"closed": 1}, 0)])
def test_a_kept_connection_that_turns_out_closed_is_replaced(transport, method, errors, retries):
    """What may be sent twice is; the retry is counted, and anything else is a failure of kind closed."""

    def script(conversation):
        conversation.request()
        conversation.send(response())
        if conversation.number == 0:
            conversation.request()
        else:
            answering(response())(conversation)

    with (
        raw_server(script) as server,
        running(endpoint(server.url, 100, method=method), transport=transport) as engine,
    ):
        reach(engine, 4)
        found = only(finish(engine))
    assert (found.errors, found.retries) == (errors, retries)
    assert found.connections_opened == server.connections == 2


PARTS = {"dns": "no address within 0.1 s", "connect": "no connection within 0.1 s", "tls": "no TLS handshake within 0.1 s"}


@contextmanager
def hanging(part, monkeypatch):
    """A URL to which a connection gets no further than `part`."""
    if part == "dns":
        # What the system's resolver does with a name server that is silent, which no test can be.
        monkeypatch.setattr("tressi.load.address.getaddrinfo", lambda *_: Event().wait())
        yield "http://hanging.invalid/"
    elif part == "connect":
        with hanging_port() as port:
            yield f"http://127.0.0.1:{port}/"
    else:
        with raw_server(lambda conversation: conversation.wait_closed()) as server:
            yield server.url.replace("http", "https")


@pytest.mark.parametrize("part", PARTS)
def test_a_connection_that_takes_too_long_fails_by_the_part_that_hangs(part, transport, monkeypatch):
    """`connectTimeout` ends it with its own kind and words, and the wait is among the response times."""
    with hanging(part, monkeypatch) as url:
        found = only(attempt(endpoint(url, ONCE, connect_timeout_s=0.1), transport=transport))
    assert found.errors == {part: 1}
    assert found.reasons[0].text == PARTS[part]
    assert (found.service.count, found.response.count) == (0, 1)
    assert found.response.min_us >= 99_000


@pytest.mark.parametrize("part", PARTS)
def test_without_a_limit_of_its_own_a_connection_times_out_like_a_request(part, transport, monkeypatch):
    """As long as the request's timeout, and kind timeout; the words tell which part of connecting it was."""
    with hanging(part, monkeypatch) as url:
        found = only(attempt(endpoint(url, ONCE, timeout_s=0.1), transport=transport))
    assert found.errors == {"timeout": 1}
    assert found.reasons[0].text == PARTS[part]
    assert found.response.min_us >= 99_000


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_looking_a_name_up_is_part_of_the_response_time(scheme, transport, monkeypatch):
    """A slow resolver is neither the target's service time nor our lateness."""

    def resolve(_host, port, *_):
        gevent.sleep(0.25)
        return [(AF_INET, SOCK_STREAM, 0, "", ("127.0.0.1", port))]

    monkeypatch.setattr("tressi.load.address.getaddrinfo", resolve)
    script = answering(response())
    with raw_server(secured(script) if scheme == "https" else script) as server:
        one = endpoint(f"{scheme}://slow.invalid:{server.port}/", ONCE)
        found = only(attempt(one, transport=transport, tls=TlsConfig(verify=False)))
    assert found.status_codes == {200: 1}
    assert found.response.min_us - found.service.min_us >= 249_000


def test_the_timeout_of_a_request_begins_with_its_first_byte(transport):
    """A handshake longer than the timeout costs none of it."""

    def script(conversation):
        conversation.pause(1.2)
        secured(answering(response()))(conversation)

    with raw_server(script) as server:
        one = endpoint(server.url.replace("http", "https"), ONCE, timeout_s=1.0, connect_timeout_s=20)
        found = only(attempt(one, transport=transport, tls=TlsConfig(verify=False)))
    assert (found.errors, found.status_codes) == ({}, {200: 1})
    assert found.tls.min_us >= 1_100_000


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
    for said, reason in SAID.items():

        def script(conversation, said=said):
            conversation.request()
            conversation.send(said)
            conversation.wait_closed()

        with raw_server(script) as server:
            found = only(attempt(endpoint(server.url, ONCE, timeout_s=1), transport=transport))
        assert [(told.kind, told.text) for told in found.reasons] == [("timeout", reason)]


def test_the_time_to_the_first_byte_is_of_the_answer(transport):
    """Counted from the request, apart from the service time where the answer came in parts."""

    def script(conversation):
        conversation.request()
        conversation.pause(0.1)
        conversation.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
        conversation.pause(0.2)
        conversation.send(b"hello")

    with raw_server(script) as server:
        found = only(attempt(endpoint(server.url, ONCE), transport=transport))
    assert (found.first_byte.count, found.service.count) == (1, 1)
    assert found.first_byte.min_us >= 99_000
    assert found.service.min_us - found.first_byte.min_us >= 100_000


def test_a_lane_keeps_a_connection_to_each_origin(transport):
    """However many there are."""
    with ExitStack() as stack:
        servers = [stack.enter_context(raw_server(answering(response()))) for _ in range(9)]
        endpoints = [endpoint(server.url) for server in servers]
        with running(*endpoints, transport=transport, shared_pool=SharedPool(1, 300)) as engine:
            reach(engine, 90)
            until(lambda: all(len(server.requests) > 1 for server in servers))
            finish(engine)
    assert [server.connections for server in servers] == 9 * [1]


def test_an_idle_connection_that_is_closed_is_replaced_without_a_retry(transport):
    """The server may close it between two requests; that is no error."""

    def script(conversation):
        conversation.request()
        conversation.send(response())
        conversation.pause(0.05)
        conversation.close()

    with raw_server(script) as server, running(endpoint(server.url, 5), transport=transport) as engine:
        reach(engine, 3)
        found = only(finish(engine))
    assert (found.errors, found.retries) == ({}, 0)
    assert found.connections_opened == found.requests_made


STREAMED_BYTES = 96 * 1024 * 1024


def resident_bytes():
    """What this process holds in memory now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGESIZE


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


def test_connections_are_kept(transport):
    """One connection serves a lane's requests, and is counted once."""
    with raw_server(answering(response())) as server, running(endpoint(server.url, 200), transport=transport) as engine:
        reach(engine, 20)
        found = only(finish(engine))
    assert found.connections_opened == server.connections == 1


def test_without_keep_alive_a_connection_serves_one_request(transport):
    """Also where the server would keep it open."""
    with (
        raw_server(answering(response())) as server,
        running(endpoint(server.url, 200), transport=transport, keep_alive=False) as engine,
    ):
        reach(engine, 5)
        found = only(finish(engine))
    assert found.connections_opened == server.connections == found.requests_made
    assert {seen.fields["connection"] for seen in server.requests} == {"close"}


def test_a_removed_worker_closes_its_connection(transport):
    """At once, and not when garbage is collected."""
    gc.disable()
    try:
        with (
            raw_server(answering(response())) as server,
            running(endpoint(server.url, 200), workers=2, transport=transport) as engine,
        ):
            reach(engine, 5)
            engine.scale(f"GET {server.url}", 0)
            until(lambda: only(engine.read()).draining == 0)
            until(lambda: server.left == server.connections > 0)
            finish(engine)
    finally:
        gc.enable()


def test_rates_are_kept(transport):
    """Starts granted and missed are the schedule's, over either transport."""
    with (
        raw_server(answering(response())) as server,
        running(endpoint(server.url, 100), workers=4, transport=transport, duration_s=1.0) as engine,
    ):
        until(lambda: made(engine) + only(engine.read()).missed >= 100)
        found = only(finish(engine))
    assert found.requests_made == len(server.requests)
    assert found.requests_made + found.missed == 100
