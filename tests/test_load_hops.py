"""Redirects that are followed, over both transports: one attempt, however many hops."""

import gc

import pytest
from engines import ONCE, attempt, endpoint, finish, made, only, reach, running, until
from servers import answering, raw_server, response

from tressi.model import SharedPool

pytestmark = pytest.mark.timed


@pytest.fixture(params=["wire", "urllib3"])
def transport(request):
    """Each of the two."""
    return request.param


def replying(answers):
    """A script that answers each target as `answers` has it."""

    def script(conversation):
        while seen := conversation.request():
            conversation.send(answers[seen.target])

    return script


def test_redirects_are_followed(transport):
    """`followRedirects` counts the response at the end of the way, and the bytes of all of it."""

    def script(conversation):
        while seen := conversation.request():
            conversation.send(response() if seen.target == "/end" else response("302 Found", "Location: /end"))

    with raw_server(script) as server:
        found = only(attempt(endpoint(server.url, ONCE), transport=transport, follow_redirects=True))
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
def test_a_redirect_to_what_cannot_be_is_a_failure_and_the_lane_goes_on(location, kind, transport):
    """Whatever a server writes into its Location."""
    with (
        raw_server(answering(response("302 Found", f"Location: {location}"))) as server,
        running(endpoint(server.url, 200), transport=transport, follow_redirects=True) as engine,
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
def test_a_redirect_that_cannot_be_followed_says_why(answers, reason, transport):
    """Kind protocol, and the connection goes on serving."""
    with (
        raw_server(replying(answers)) as server,
        running(endpoint(server.url, 50), transport=transport, follow_redirects=True) as engine,
    ):
        reach(engine, 2)
        found = only(finish(engine))
    assert found.errors == {"protocol": found.requests_made}
    assert {told.text for told in found.reasons} == {reason}
    assert server.connections == 1


def test_what_is_no_redirect_is_its_status(transport):
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
        with running(*endpoints, transport=transport, follow_redirects=True, shared_pool=SharedPool(1, 200)) as engine:
            until(lambda: len({seen.target for seen in server.requests}) == len(answers))
            reach(engine, len(answers))
            snapshot = finish(engine)
    for one in snapshot.endpoints.values():
        status = int(one.endpoint_key[-3:])
        assert one.errors == {}
        assert set(one.status_codes) <= {status}
    assert {seen.target for seen in server.requests} == set(answers)


def test_what_follows_goes_out_as_the_rules_have_it(transport):
    """Method, body, fields and Host of each hop, as the servers see them."""
    fields = (("Authorization", "Basic one"), ("Cookie", "a=b"), ("X-Auth-Token", "two"), ("content-type", "text/plain"))
    with raw_server(answering(response())) as end:
        answers = {
            "/": response("307 Temporary Redirect", "Location: login"),
            "/login": response("302 Found", f"Location: //LOCALHOST:{end.port}/café?x=ä#y"),
        }
        with raw_server(replying(answers)) as server:
            one = endpoint(server.url, ONCE, method="POST", body=b"abc", headers=fields)
            found = only(attempt(one, transport=transport, follow_redirects=True))
    first, second = server.requests
    assert found.status_codes == {200: 1}
    assert second.head == first.head.replace(b"POST / ", b"POST /login ")
    assert (first.body_bytes, second.body_bytes) == (3, 3)
    (last,) = end.requests
    assert last.head == f"GET /caf%C3%A9?x=%C3%A4 HTTP/1.1\r\nHost: localhost:{end.port}\r\nUser-Agent: tressi\r\n\r\n".encode()
    assert found.bytes_sent == sum(len(seen.head) + seen.body_bytes for seen in (first, second, last))


def test_the_answer_of_a_redirect_costs_no_connection(transport):
    """Its body is read, in chunks too, so that both hops of an origin share one."""
    body = b"Transfer-Encoding: chunked\r\n\r\n5\r\nmoved\r\n0\r\n\r\n"
    answers = {"/": b"HTTP/1.1 301 Moved\r\nLocation: /end\r\n" + body, "/end": response()}
    with (
        raw_server(replying(answers)) as server,
        running(endpoint(server.url, 100), transport=transport, follow_redirects=True) as engine,
    ):
        reach(engine, 5)
        found = only(finish(engine))
    assert found.status_codes == {200: found.requests_made}
    assert server.connections == 1


def test_connections_to_places_that_only_redirects_lead_to_are_few(transport):
    """A server that leads to another host each time fills no table."""

    def script(conversation):
        number = 0
        while conversation.request():
            number += 1
            conversation.send(response("302 Found", f"Location: http://127.0.0.{number % 200 + 1}:{end.port}/"))

    with (
        raw_server(answering(response()), host="0.0.0.0") as end,
        raw_server(script) as server,
        running(endpoint(server.url, 500), transport=transport, follow_redirects=True) as engine,
    ):
        reach(engine, 60)
        until(lambda: end.connections - end.left <= 17)
        found = only(finish(engine))
    assert found.errors == {}
    assert end.connections > 50


def test_what_failed_keeps_no_connection_open(transport):
    """Neither the traceback of a redirect that led nowhere nor anything else, once the engine has stopped."""
    with raw_server(answering(response("302 Found", "Location: http://a..b/"))) as server:
        gc.disable()
        try:
            attempt(endpoint(server.url, ONCE), transport=transport, follow_redirects=True)
            until(lambda: server.left == server.connections == 1)
        finally:
            gc.enable()


def test_a_redirect_to_another_origin_takes_the_time_of_both(transport):
    """Both answers are service time, both connections are counted, and connecting to the second is not service time."""

    def slow(conversation):
        conversation.request()
        conversation.pause(0.25)
        conversation.send(response("302 Found", f"Location: {end.url}"))

    with raw_server(answering(response())) as end, raw_server(slow) as server:
        snapshot = attempt(endpoint(server.url, ONCE), transport=transport, follow_redirects=True)
    found = only(snapshot)
    assert found.status_codes == {200: 1}
    assert found.service.min_us >= 249_000
    assert (found.connections_opened, found.connect.count) == (2, 2)
    # The first hop is the target's, and nothing that we are late by.
    assert snapshot.generator.late_sends.max_us < found.service.min_us


def test_redirects_go_through_the_proxy_too(transport):
    """It is asked for each hop, and hears its credentials with each, the target none."""
    answers = {
        "http://one.invalid/": response("302 Found", "Location: http://two.invalid/x"),
        "http://two.invalid/x": response(),
    }
    with raw_server(replying(answers)) as proxy:
        way = proxy.url.replace("http://", "http://ann:secret@")
        one = endpoint("http://one.invalid/", ONCE, headers=(("Authorization", "Basic s3cret"),))
        found = only(attempt(one, transport=transport, proxy=way, follow_redirects=True))
    assert found.status_codes == {200: 1}
    assert [seen.fields.get("authorization") for seen in proxy.requests] == ["Basic s3cret", None]
    assert {seen.fields["proxy-authorization"] for seen in proxy.requests} == {"Basic YW5uOnNlY3JldA=="}
