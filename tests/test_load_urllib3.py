"""What the second transport alone does: redirects and proxies, and what a body says."""

import gc
import gzip
import socket
import ssl
from contextlib import suppress
from threading import Thread

import pytest
import trustme
from engines import ONCE, attempt, endpoint, finish, made, only, reach, running, until
from servers import answering, raw_server, refusing_port, response, secured

from tressi.load import calls
from tressi.model import Expectation, SharedPool, TlsConfig

pytestmark = pytest.mark.timed

UNVERIFIED = TlsConfig(verify=False)


def replying(answers):
    """A script that answers each target as `answers` has it."""

    def script(conversation):
        while seen := conversation.request():
            conversation.send(answers[seen.target])

    return script


def test_redirects_are_followed():
    """`followRedirects` counts the response at the end of the way, and the bytes of all of it."""

    def script(conversation):
        while seen := conversation.request():
            conversation.send(response() if seen.target == "/end" else response("302 Found", "Location: /end"))

    with raw_server(script) as server:
        found = only(attempt(endpoint(server.url, ONCE), transport="urllib3", follow_redirects=True))
    assert found.status_codes == {200: 1}
    assert [seen.target for seen in server.requests] == ["/", "/end"]
    assert found.bytes_sent == sum(len(seen.head) for seen in server.requests)
    assert found.bytes_received == server.said_bytes


@pytest.mark.parametrize(
    ("location", "kind"),
    [
        pytest.param(f"http://{'a' * 64}.example/", "dns", id="a label of 64"),
        pytest.param("http://a..b/", "dns", id="an empty label"),
        pytest.param("http://[::1/", "protocol", id="an open bracket"),
        pytest.param("ftp://a/", "protocol", id="another scheme"),
        pytest.param("/", "protocol", id="itself"),
    ],
)
def test_a_redirect_to_what_cannot_be_is_a_failure_and_the_lane_goes_on(location, kind):
    """Whatever a server writes into its Location."""
    with (
        raw_server(answering(response("302 Found", f"Location: {location}"))) as server,
        running(endpoint(server.url, 200), transport="urllib3", follow_redirects=True) as engine,
    ):
        until(lambda: made(engine) >= 3)
        found = only(finish(engine))
    assert found.errors == {kind: found.requests_made}


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ({"/": response("302 Found", "Location: /")}, "more than 20 redirects"),
        ({"/": response("302 Found", "Location: ftp://a/")}, "redirected to ftp://a/, which is neither http nor https"),
    ],
)
def test_a_redirect_that_cannot_be_followed_says_why(answers, reason):
    """Kind protocol, and the connection goes on serving."""
    with (
        raw_server(replying(answers)) as server,
        running(endpoint(server.url, 50), transport="urllib3", follow_redirects=True) as engine,
    ):
        reach(engine, 2)
        found = only(finish(engine))
    assert found.errors == {"protocol": found.requests_made}
    assert {told.text for told in found.reasons} == {reason}
    assert server.connections == 1


def test_what_is_no_redirect_is_its_status():
    """Also with a Retry-After, which asks for a later try that a load test does not make."""
    statuses = {
        "200 OK": ["Location: /x"],
        "300 Multiple Choices": ["Location: /x"],
        "302 Found": [],
        "304 Not Modified": ["Location: /x"],
        "413 Content Too Large": ["Retry-After: 1"],
        "429 Too Many Requests": ["Retry-After: Wed, 21 Oct 2015 07:28:00 GMT", "Location: /x"],
        "503 Service Unavailable": ["Retry-After: 120"],
    }
    answers = {f"/{status[:3]}": response(status, *fields) for status, fields in statuses.items()}
    with raw_server(replying(answers)) as server:
        endpoints = [endpoint(server.url + target[1:]) for target in answers]
        with running(*endpoints, transport="urllib3", follow_redirects=True, shared_pool=SharedPool(1, 200)) as engine:
            until(lambda: len({seen.target for seen in server.requests}) == len(answers))
            reach(engine, len(answers))
            snapshot = finish(engine)
    for one in snapshot.endpoints.values():
        status = int(one.endpoint_key[-3:])
        assert one.errors == {}
        assert set(one.status_codes) <= {status}
    assert {seen.target for seen in server.requests} == set(answers)


def test_what_follows_goes_out_as_the_rules_have_it():
    """Method, body, fields and Host of each hop, as the servers see them."""
    fields = (("Authorization", "Basic one"), ("Cookie", "a=b"), ("X-Auth-Token", "two"), ("content-type", "text/plain"))
    with raw_server(answering(response())) as end:
        answers = {
            "/": response("307 Temporary Redirect", "Location: login"),
            "/login": response("302 Found", f"Location: //LOCALHOST:{end.port}/café?x=ä#y"),
        }
        with raw_server(replying(answers)) as server:
            one = endpoint(server.url, ONCE, method="POST", body=b"abc", headers=fields)
            found = only(attempt(one, transport="urllib3", follow_redirects=True))
    first, second = server.requests
    assert found.status_codes == {200: 1}
    assert second.head == first.head.replace(b"POST / ", b"POST /login ")
    assert (first.body_bytes, second.body_bytes) == (3, 3)
    (last,) = end.requests
    assert last.head == f"GET /caf%C3%A9?x=%C3%A4 HTTP/1.1\r\nHost: localhost:{end.port}\r\nUser-Agent: tressi\r\n\r\n".encode()
    assert found.bytes_sent == sum(len(seen.head) + seen.body_bytes for seen in (first, second, last))


def test_the_answer_of_a_redirect_costs_no_connection():
    """Its body is read, in chunks too, so that both hops of an origin share one."""
    body = b"Transfer-Encoding: chunked\r\n\r\n5\r\nmoved\r\n0\r\n\r\n"
    answers = {"/": b"HTTP/1.1 301 Moved\r\nLocation: /end\r\n" + body, "/end": response()}
    with (
        raw_server(replying(answers)) as server,
        running(endpoint(server.url, 100), transport="urllib3", follow_redirects=True) as engine,
    ):
        reach(engine, 5)
        found = only(finish(engine))
    assert found.status_codes == {200: found.requests_made}
    assert server.connections == 1


def test_connections_to_places_that_only_redirects_lead_to_are_few():
    """A server that leads to another host each time fills no table."""

    def script(conversation):
        number = 0
        while conversation.request():
            number += 1
            conversation.send(response("302 Found", f"Location: http://127.0.0.{number % 200 + 1}:{end.port}/"))

    with (
        raw_server(answering(response()), host="0.0.0.0") as end,
        raw_server(script) as server,
        running(endpoint(server.url, 500), transport="urllib3", follow_redirects=True) as engine,
    ):
        reach(engine, 60)
        until(lambda: end.connections - end.left <= 17)
        found = only(finish(engine))
    assert found.errors == {}
    assert end.connections > 50


def test_what_failed_keeps_no_connection_open():
    """Neither the traceback of a redirect that led nowhere nor anything else, once the engine has stopped."""
    with raw_server(answering(response("302 Found", "Location: http://a..b/"))) as server:
        gc.disable()
        try:
            attempt(endpoint(server.url, ONCE), transport="urllib3", follow_redirects=True)
            until(lambda: server.left == server.connections == 1)
        finally:
            gc.enable()


def test_a_redirect_to_another_origin_takes_the_time_of_both():
    """Both answers are service time, both connections are counted, and connecting to the second is not service time."""

    def slow(conversation):
        conversation.request()
        conversation.pause(0.25)
        conversation.send(response("302 Found", f"Location: {end.url}"))

    with raw_server(answering(response())) as end, raw_server(slow) as server:
        snapshot = attempt(endpoint(server.url, ONCE), transport="urllib3", follow_redirects=True)
    found = only(snapshot)
    assert found.status_codes == {200: 1}
    assert found.service.min_us >= 249_000
    assert (found.connections_opened, found.connect.count) == (2, 2)
    # The first hop is the target's, and nothing that we are late by.
    assert snapshot.generator.late_sends.max_us < found.service.min_us


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_hears_the_credentials_of_its_url(scheme):
    """With the request, or with the CONNECT of a tunnel (RFC 9110 11.7.2), percent-decoded."""
    with raw_server(answering(response("502 Bad Gateway"))) as proxy:
        attempt(
            endpoint(f"{scheme}://nowhere.invalid/path", ONCE),
            transport="urllib3",
            proxy=proxy.url.replace("http://", "http://ann:s%40cret@"),
        )
    assert proxy.requests[0].fields["proxy-authorization"] == "Basic YW5uOnNAY3JldA=="


def relaying(conversation):
    """A proxy's script: CONNECT, and then bytes both ways."""
    seen = conversation.head()
    host, _, port = seen.target.rpartition(":")
    with socket.create_connection((host.strip("[]"), int(port))) as target:
        conversation.send(b"HTTP/1.1 200 Connection established\r\nContent-Length: 7\r\n\r\n")
        back = Thread(target=relay, args=(target, conversation.socket), daemon=True)
        back.start()
        relay(conversation.socket, target)
        back.join(5)


def relay(source, sink):
    """Until the source has no more."""
    with suppress(OSError):
        while piece := source.recv(65536):
            sink.sendall(piece)
        sink.shutdown(socket.SHUT_WR)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_target_inside_tls_is_reached_through_a_tunnel(scheme):
    """Its requests are those of the first transport; the proxy hears one CONNECT for each connection, and its own TLS."""
    with (
        raw_server(secured(answering(response()))) as server,
        raw_server(secured(relaying) if scheme == "https" else relaying) as proxy,
    ):
        url = server.url.replace("http", "https")
        way = proxy.url.replace("http://", f"{scheme}://ann:secret@")
        with running(endpoint(url + "a/../b?", 50), transport="urllib3", proxy=way, tls=UNVERIFIED) as engine:
            reach(engine, 5)
            found = only(finish(engine))
    assert found.status_codes == {200: found.requests_made}
    assert found.connections_opened == server.connections == len(proxy.requests) == 1
    authority = f"127.0.0.1:{server.port}"
    asked = f"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\nProxy-Authorization: Basic YW5uOnNlY3JldA==\r\n\r\n"
    assert proxy.requests[0].head == asked.encode()
    assert server.requests[0].head == f"GET /a/../b? HTTP/1.1\r\nHost: {authority}\r\nUser-Agent: tressi\r\n\r\n".encode()
    assert found.bytes_sent == sum(len(seen.head) for seen in server.requests)


def test_requests_through_a_proxy_share_its_connection():
    """Whatever the origins: it passes them on. Each names its whole URL, and a Host of its own stays the only one."""
    urls = {
        "http://one.invalid/a/../b%2f%zz?x[]=1": ("http://one.invalid/a/../b%2f%zz?x[]=1", {}),
        "http://two.invalid:8080": ("http://two.invalid:8080/", {}),
        "http://three.invalid?": ("http://three.invalid/?", {"headers": (("host", "own.example"),)}),
        "http://[::1]:81/#part": ("http://[::1]:81/", {"method": "HEAD", "body": b"abc"}),
    }
    with raw_server(answering(response(body=b""))) as proxy:
        endpoints = [endpoint(url, **fields) for url, (_, fields) in urls.items()]
        with running(*endpoints, transport="urllib3", proxy=proxy.url, shared_pool=SharedPool(1, 100)) as engine:
            until(lambda: len({seen.target for seen in proxy.requests}) >= len(urls))
            finish(engine)
    assert proxy.connections == 1
    assert {seen.target for seen in proxy.requests} == {target for target, _ in urls.values()}
    for seen in proxy.requests:
        hosts = [line for line in seen.head.split(b"\r\n") if line.lower().startswith(b"host:")]
        own = b"host: own.example" if "three" in seen.target else f"Host: {seen.target.split('/')[2]}".encode()
        assert hosts == [own]


def test_redirects_go_through_the_proxy_too():
    """It is asked for each hop, and hears its credentials with each, the target none."""
    answers = {
        "http://one.invalid/": response("302 Found", "Location: http://two.invalid/x"),
        "http://two.invalid/x": response(),
    }
    with raw_server(replying(answers)) as proxy:
        way = proxy.url.replace("http://", "http://ann:secret@")
        one = endpoint("http://one.invalid/", ONCE, headers=(("Authorization", "Basic s3cret"),))
        found = only(attempt(one, transport="urllib3", proxy=way, follow_redirects=True))
    assert found.status_codes == {200: 1}
    assert [seen.fields.get("authorization") for seen in proxy.requests] == ["Basic s3cret", None]
    assert {seen.fields["proxy-authorization"] for seen in proxy.requests} == {"Basic YW5uOnNlY3JldA=="}


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (answering(response("407 Proxy Authentication Required")), "proxy: status 407 for CONNECT"),
        (lambda conversation: conversation.head(), "proxy: the connection ended before the answer to CONNECT"),
        (answering(b"SSH-2.0\r\n\r\n"), "proxy: the answer to CONNECT is not an HTTP/1.x status line"),
    ],
)
def test_a_tunnel_that_is_refused_is_an_error_of_kind_connect(script, reason):
    """In words that tell the proxy from the target."""
    with raw_server(script) as proxy:
        one = endpoint("https://nowhere.invalid/", ONCE)
        found = only(attempt(one, transport="urllib3", proxy=proxy.url, tls=UNVERIFIED))
    assert [(told.kind, told.text) for told in found.reasons] == [("connect", reason)]


def test_a_certificate_beyond_a_proxy_is_the_targets():
    """A failure in the target's TLS is not reported as one of the proxy."""
    with raw_server(secured(answering(response()))) as server, raw_server(relaying) as proxy:
        found = only(attempt(endpoint(f"https://localhost:{server.port}/", ONCE), transport="urllib3", proxy=proxy.url))
    assert [told.kind for told in found.reasons] == ["tls"]
    assert "proxy" not in found.reasons[0].text


def test_an_engine_makes_one_tls_context_and_none_without_tls(monkeypatch):
    """Loading the system's certificates takes milliseconds for each; a redirect into TLS makes it as well."""
    contexts = []

    def counted(tls):
        contexts.append(original(tls))
        return contexts[-1]

    original = calls.client_context
    monkeypatch.setattr(calls, "client_context", counted)
    with raw_server(answering(response())) as plain, raw_server(secured(answering(response()))) as secure:
        url = secure.url.replace("http", "https")
        with running(endpoint(plain.url, 100), workers=3, transport="urllib3", tls=UNVERIFIED) as engine:
            reach(engine, 6)
            finish(engine)
        assert contexts == []
        with running(endpoint(url, 200), workers=3, transport="urllib3", tls=UNVERIFIED) as engine:
            reach(engine, 9)
            found = only(finish(engine))
        assert found.errors == {}
        assert len(contexts) == 1
        with raw_server(answering(response("302 Found", f"Location: {url}"))) as first:
            options = {"transport": "urllib3", "tls": UNVERIFIED, "follow_redirects": True}
            with running(endpoint(first.url, 200), workers=3, **options) as engine:
                reach(engine, 9)
                found = only(finish(engine))
        assert found.errors == {}
        assert len(contexts) == 2


@pytest.mark.parametrize(
    ("coding", "body", "reason"),
    [
        ("gzip", gzip.compress(b"hello world"), None),
        ("gzip", gzip.compress(b"hello"), "the body lacks 'o wor'"),
        ("br", b"hello world", "the body cannot be searched: its coding 'br' is not known"),
        ("gzip", gzip.compress(b"hello")[:-3], "the body cannot be searched: its gzip data are cut short"),
        ("gzip", b"hello world", "the body cannot be searched: its data are no gzip"),
    ],
    ids=["gzip", "another text", "an unknown coding", "cut short", "no gzip"],
)
def test_a_body_is_searched_for_what_it_says(coding, body, reason):
    """Not for how it is packed; its sample is shown decoded."""
    answer = response("200 OK", f"Content-Encoding: {coding}", body=body)
    with raw_server(answering(answer)) as server:
        one = endpoint(server.url, ONCE, expect=Expectation(body_contains=b"o wor"))
        snapshot = attempt(one, transport="urllib3")
    found = only(snapshot)
    assert [(told.kind, told.text) for told in found.reasons] == ([("expectation", reason)] if reason else [])
    assert found.bytes_received == len(answer)
    if not reason:
        assert snapshot.samples[0].body == b"hello world"


def test_an_end_of_tls_says_goodbye():
    """A server hears that the client closes, and not that the connection broke."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    ends = []

    def script(conversation):
        conversation.socket = context.wrap_socket(conversation.socket, server_side=True, suppress_ragged_eofs=False)
        conversation.request()
        conversation.send(response("200 OK", "Connection: close"))
        try:
            ends.append(conversation.socket.recv(1))
        except OSError as failure:
            ends.append(failure)

    with raw_server(script) as server:
        attempt(endpoint(server.url.replace("http", "https"), ONCE), transport="urllib3", tls=UNVERIFIED)
        until(lambda: ends)
    assert ends == [b""]


def test_a_proxy_that_refuses_is_named_as_such():
    """Kind connect, in words without the names of classes."""
    with refusing_port() as port:
        found = only(attempt(endpoint("http://nowhere.invalid/", ONCE), transport="urllib3", proxy=f"http://127.0.0.1:{port}"))
    assert [(reason.kind, reason.text) for reason in found.reasons] == [("connect", "proxy: Connection refused")]


def test_a_proxy_is_asked_for_the_whole_url():
    """`proxy` sends absolute targets (RFC 9112 3.2.2) to the proxy, without the user info."""
    with raw_server(answering(response())) as proxy:
        url = "http://ann:secret@nowhere.invalid/path"
        found = only(attempt(endpoint(url, ONCE), transport="urllib3", proxy=proxy.url))
    assert found.status_codes == {200: 1}
    assert proxy.requests[0].target == "http://nowhere.invalid/path"
