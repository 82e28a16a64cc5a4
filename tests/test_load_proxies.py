"""Proxies, over both transports: requests that are passed on, tunnels, and what is said of them where they fail."""

import socket
from contextlib import suppress
from threading import Thread

import pytest
from engines import ONCE, attempt, endpoint, finish, only, reach, running, until
from ports import hanging_port
from servers import answering, raw_server, refusing_port, response, secured
from tls_ways import EVERY_TLS

from tressi.model import Proxies, SharedPool, TlsConfig

pytestmark = pytest.mark.timed

UNVERIFIED = TlsConfig(verify=False)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_hears_the_credentials_of_its_url(scheme, transport):
    """With the request, or with the CONNECT of a tunnel (RFC 9110 11.7.2), percent-decoded."""
    with raw_server(answering(response("502 Bad Gateway"))) as proxy:
        attempt(
            endpoint(f"{scheme}://nowhere.invalid/path", ONCE),
            transport=transport,
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
    """Until the source has no more, or is reset: the sink hears an end either way."""
    with suppress(OSError):
        while piece := source.recv(65536):
            sink.sendall(piece)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


@EVERY_TLS
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_target_inside_tls_is_reached_through_a_tunnel(scheme, transport):
    """Its requests are those of the first transport; the proxy hears one CONNECT for each connection, and its own TLS."""
    with (
        raw_server(secured(answering(response()))) as server,
        raw_server(secured(relaying) if scheme == "https" else relaying) as proxy,
    ):
        url = server.url.replace("http", "https")
        way = proxy.url.replace("http://", f"{scheme}://ann:secret@")
        with running(endpoint(url + "a/../b?", 50), transport=transport, proxy=way, tls=UNVERIFIED) as engine:
            reach(engine, 5)
            found = only(finish(engine))
    assert found.status_codes == {200: found.requests_made}
    assert found.connections_opened == server.connections == len(proxy.requests) == 1
    authority = f"127.0.0.1:{server.port}"
    asked = f"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\nProxy-Authorization: Basic YW5uOnNlY3JldA==\r\n\r\n"
    assert proxy.requests[0].head == asked.encode()
    assert server.requests[0].head == f"GET /a/../b? HTTP/1.1\r\nHost: {authority}\r\nUser-Agent: tressi\r\n\r\n".encode()
    assert found.bytes_sent == sum(len(seen.head) for seen in server.requests)


def test_requests_through_a_proxy_share_its_connection(transport):
    """Whatever the origins: it passes them on. Each names its whole URL, and a Host of its own stays the only one."""
    urls = {
        "http://one.invalid/a/../b%2f%zz?x[]=1": ("http://one.invalid/a/../b%2f%zz?x[]=1", {}),
        "http://two.invalid:8080": ("http://two.invalid:8080/", {}),
        "http://three.invalid?": ("http://three.invalid/?", {"headers": (("host", "own.example"),)}),
        "http://[::1]:81/#part": ("http://[::1]:81/", {"method": "HEAD", "body": b"abc"}),
    }
    with raw_server(answering(response(body=b""))) as proxy:
        endpoints = [endpoint(url, **fields) for url, (_, fields) in urls.items()]
        with running(*endpoints, transport=transport, proxy=proxy.url, shared_pool=SharedPool(1, 100)) as engine:
            until(lambda: len({seen.target for seen in proxy.requests}) >= len(urls))
            finish(engine)
    assert proxy.connections == 1
    assert {seen.target for seen in proxy.requests} == {target for target, _ in urls.values()}
    for seen in proxy.requests:
        hosts = [line for line in seen.head.split(b"\r\n") if line.lower().startswith(b"host:")]
        own = b"host: own.example" if "three" in seen.target else f"Host: {seen.target.split('/')[2]}".encode()
        assert hosts == [own]


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (answering(response("407 Proxy Authentication Required")), "proxy: status 407 for CONNECT"),
        (lambda conversation: conversation.head(), "proxy: the connection ended before the answer to CONNECT"),
        (answering(b"SSH-2.0\r\n\r\n"), "proxy: the answer to CONNECT is not an HTTP/1.x status line"),
    ],
)
def test_a_tunnel_that_is_refused_is_an_error_of_kind_connect(script, reason, transport):
    """In words that tell the proxy from the target."""
    with raw_server(script) as proxy:
        one = endpoint("https://nowhere.invalid/", ONCE)
        found = only(attempt(one, transport=transport, proxy=proxy.url, tls=UNVERIFIED))
    assert [(told.kind, told.text) for told in found.reasons] == [("connect", reason)]


@EVERY_TLS
def test_a_certificate_beyond_a_proxy_is_the_targets(transport):
    """A failure in the target's TLS is not reported as one of the proxy."""
    with raw_server(secured(answering(response()))) as server, raw_server(relaying) as proxy:
        found = only(attempt(endpoint(f"https://localhost:{server.port}/", ONCE), transport=transport, proxy=proxy.url))
    assert [told.kind for told in found.reasons] == ["tls"]
    assert "proxy" not in found.reasons[0].text


def test_a_proxy_that_refuses_is_named_as_such(transport):
    """Kind connect, in words without the names of classes."""
    with refusing_port() as port:
        found = only(attempt(endpoint("http://nowhere.invalid/", ONCE), transport=transport, proxy=f"http://127.0.0.1:{port}"))
    assert [(reason.kind, reason.text) for reason in found.reasons] == [("connect", "proxy: Connection refused")]


def test_a_proxy_is_asked_for_the_whole_url(transport):
    """`proxy` sends absolute targets (RFC 9112 3.2.2) to the proxy, without the user info."""
    with raw_server(answering(response())) as proxy:
        url = "http://ann:secret@nowhere.invalid/path"
        found = only(attempt(endpoint(url, ONCE), transport=transport, proxy=proxy.url))
    assert found.status_codes == {200: 1}
    assert proxy.requests[0].target == "http://nowhere.invalid/path"


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(
    ("fields", "kind", "reason"),
    [
        ({"connect_timeout_s": 0.1}, "connect", "proxy: no connection within 0.1 s"),
        ({"timeout_s": 0.1}, "timeout", "no connection within 0.1 s"),
    ],
)
def test_a_proxy_that_does_not_answer(fields, kind, reason, scheme, transport):
    """It is the proxy's fault, unless the whole request's time ran out."""
    with hanging_port() as port:
        one = endpoint(f"{scheme}://nowhere.invalid/", ONCE, **fields)
        found = only(attempt(one, transport=transport, proxy=f"http://127.0.0.1:{port}", tls=UNVERIFIED))
    assert [(told.kind, told.text) for told in found.reasons] == [(kind, reason)]
    assert found.response.min_us >= 99_000


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_without_an_address(scheme, transport):
    """Kind connect: the name of the target was never looked up."""
    found = only(attempt(endpoint(f"{scheme}://a.invalid/", ONCE), transport=transport, proxy="http://b.invalid:3128"))
    assert [told.kind for told in found.reasons] == ["connect"]
    assert found.reasons[0].text.startswith("proxy: ")


@EVERY_TLS
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_certificate_of_the_proxy_that_nobody_knows(scheme, transport):
    """Its TLS is on the way to the target, and so is its failure."""
    with raw_server(secured(relaying)) as proxy:
        one = endpoint(f"{scheme}://nowhere.invalid/", ONCE)
        found = only(attempt(one, transport=transport, proxy=proxy.url.replace("http", "https")))
    assert [told.kind for told in found.reasons] == ["connect"]
    assert found.reasons[0].text.startswith("proxy: certificate not accepted")


@EVERY_TLS
def test_plain_requests_share_the_connection_of_a_proxy_with_tls(transport):
    """It hears the whole URL inside its own TLS, whose handshake is none of the target's."""
    with raw_server(secured(answering(response()))) as proxy:
        endpoints = [endpoint("http://one.invalid/"), endpoint("http://two.invalid/")]
        way = proxy.url.replace("http://", "https://ann:secret@")
        options = {"transport": transport, "tls": UNVERIFIED, "shared_pool": SharedPool(1, 200)}
        with running(*endpoints, proxy=way, **options) as engine:
            until(lambda: len({seen.target for seen in proxy.requests}) == len(endpoints))
            reach(engine, 10)
            snapshot = finish(engine)
    assert proxy.connections == 1
    assert {seen.fields["proxy-authorization"] for seen in proxy.requests} == {"Basic YW5uOnNlY3JldA=="}
    assert all(one.errors == {} and one.tls.count == 0 for one in snapshot.endpoints.values())


def test_hosts_that_no_proxy_names_are_reached_straight(transport):
    """Beside others that go through the proxy, over the same lane."""
    with raw_server(answering(response())) as proxy, raw_server(answering(response())) as server:
        endpoints = [endpoint(server.url), endpoint("http://two.invalid/")]
        proxies = Proxies(proxy.url, proxy.url, "127.0.0.1,localhost")
        with running(*endpoints, transport=transport, proxy=proxies, shared_pool=SharedPool(1, 200)) as engine:
            until(lambda: server.requests and proxy.requests)
            reach(engine, 4)
            finish(engine)
    assert {seen.target for seen in server.requests} == {"/"}
    assert {seen.target for seen in proxy.requests} == {"http://two.invalid/"}


@EVERY_TLS
def test_a_large_body_goes_through_tls_inside_tls(transport):
    """Both directions, and more than a record of either."""
    body = bytes(range(256)) * 4_000
    with (
        raw_server(secured(answering(response(body=body)))) as server,
        raw_server(secured(relaying)) as proxy,
    ):
        one = endpoint(server.url.replace("http", "https"), 50, method="POST", body=body)
        way = proxy.url.replace("http://", "https://")
        with running(one, transport=transport, proxy=way, tls=UNVERIFIED) as engine:
            reach(engine, 4)
            found = only(finish(engine))
    assert (found.errors, found.status_codes) == ({}, {200: found.requests_made})
    assert {seen.body_bytes for seen in server.requests} == {len(body)}
    assert found.bytes_received == found.requests_made * len(response(body=body))
    assert found.connections_opened == server.connections == 1
