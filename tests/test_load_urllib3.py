"""What urllib3 alone does: redirects and proxies."""

import gc

import pytest
from engines import ONCE, attempt, endpoint, finish, made, only, running, until
from servers import answering, raw_server, refusing_port, response


def test_redirects_are_followed_by_urllib3():
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
