"""Redirects that are followed, over both transports: one attempt, however many hops."""

import pytest
from engines import ONCE, attempt, endpoint, finish, made, only, reach, running, until
from servers import answering, raw_server, replying, response

from tressi.load import hops
from tressi.load.redirect import redirected
from tressi.model import Expectation, SharedPool

pytestmark = pytest.mark.timed


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


def test_a_redirect_is_asked_about_once(monkeypatch):
    """What follows is then known to the reactor, whichever lane meets it."""
    asked = []

    def counted(call, *rest):
        asked.append(call.url)
        return redirected(call, *rest)

    monkeypatch.setattr(hops, "redirected", counted)
    answers = {"/": response("302 Found", "Location: /a"), "/a": response("307 Moved", "Location: b"), "/b": response()}
    with raw_server(replying(answers)) as server, running(endpoint(server.url, 400), workers=3) as plain:
        reach(plain, 3)
        assert only(finish(plain)).redirects == 0
        with running(endpoint(server.url, 400), workers=3, follow_redirects=True) as engine:
            reach(engine, 40)
            found = only(finish(engine))
    assert found.status_codes == {200: found.requests_made}
    assert found.redirects == 2 * found.requests_made
    # Each of the three lanes may have met it before the first was told.
    assert 2 <= len(asked) <= 6


def test_redirects_beyond_what_is_learnt_are_followed_all_the_same(monkeypatch):
    """A server that leads each request to a place of its own fills no memory: what is not learnt is asked for each time."""
    monkeypatch.setattr(hops, "LEARNT", 3)

    def script(conversation):
        number = 0
        while seen := conversation.request():
            number += seen.target == "/"
            leads = {"/": f"/{number}", f"/{number}": f"/{number}/end"}
            conversation.send(response("302 Found", f"Location: {leads[seen.target]}") if seen.target in leads else response())

    with raw_server(script) as server, running(endpoint(server.url, 400), follow_redirects=True) as engine:
        reach(engine, 20)
        table = engine._hops
        found = only(finish(engine))
    assert (found.errors, found.status_codes) == ({}, {200: found.requests_made})
    assert found.redirects == 2 * found.requests_made
    assert sum(table._learnt) == 3
    assert len(table._calls) <= 3
    assert len(table._passing) <= 1


def test_memory_for_requests_that_follow_is_bounded(monkeypatch):
    """A large body that goes along with each of many redirects is not kept for each."""
    monkeypatch.setattr(hops, "LEARNT_BYTES", 100_000)

    def script(conversation):
        number = 0
        while seen := conversation.request():
            number += seen.target == "/"
            conversation.send(
                response("307 Moved", f"Location: /{number}") if seen.target == "/" else response("200 OK", "X: y")
            )

    body = b"x" * 40_000
    with (
        raw_server(script) as server,
        running(endpoint(server.url, 300, method="POST", body=body), follow_redirects=True) as engine,
    ):
        reach(engine, 12)
        table = engine._hops
        found = only(finish(engine))
    assert (found.errors, found.status_codes) == ({}, {200: found.requests_made})
    assert {seen.body_bytes for seen in server.requests} == {len(body)}
    assert len(table._calls) == 2


def test_the_number_of_redirects_is_the_configs(transport):
    """One more is a failure that names it."""
    answers = {"/": response("302 Found", "Location: /a"), "/a": response("302 Found", "Location: /b"), "/b": response()}
    with raw_server(replying(answers)) as server:
        found = only(attempt(endpoint(server.url, ONCE), transport=transport, follow_redirects=2))
        assert (found.status_codes, found.redirects) == ({200: 1}, 2)
        found = only(attempt(endpoint(server.url, ONCE), transport=transport, follow_redirects=1))
    assert [(told.kind, told.text) for told in found.reasons] == [("protocol", "more than 1 redirect")]
    assert found.redirects == 1


def test_two_locations_that_differ_are_a_failure(transport):
    """Nobody knows which of them was meant."""
    with raw_server(answering(response("302 Found", "Location: /a", "Location: /b"))) as server:
        found = only(attempt(endpoint(server.url, ONCE), transport=transport, follow_redirects=True))
    assert [told.text for told in found.reasons] == ["status 302 with two Locations that differ"]


def test_only_the_last_answer_is_held_against_what_is_expected(transport):
    """Neither the status nor the body of a redirect counts, nor is it kept as a sample."""
    answers = {
        "/": response("302 Found", "Location: /end", body=b"needle"),
        "/end": response("200 OK", body=b"no such thing"),
    }
    one = {"expect": Expectation(status=(200,), body_contains=b"needle")}
    with raw_server(replying(answers)) as server:
        snapshot = attempt(endpoint(server.url, ONCE, **one), transport=transport, follow_redirects=True)
    assert [told.kind for told in only(snapshot).reasons] == ["expectation"]
    assert only(snapshot).status_codes == {200: 1}
    assert [sample.body for sample in snapshot.samples] == [b"no such thing"]


@pytest.mark.parametrize("method", ["HEAD", "POST", "GET"])
def test_the_method_of_each_hop_decides_how_its_answer_ends(method, transport):
    """The answer to HEAD has no body; a POST that became a GET has one, and is awaited like one."""
    with raw_server(answering(response())) as end:
        fields = {"body": b"abc", "headers": (("Expect", "100-continue"),)} if method == "POST" else {}

        def script(conversation):
            while seen := conversation.head():
                if method == "POST":
                    conversation.send(b"HTTP/1.1 100 Continue\r\n\r\n")
                    conversation.socket.recv(3)
                body = b"" if method == "HEAD" else b"moved"
                assert seen.target == "/"
                conversation.send(
                    b"HTTP/1.1 303 See Other\r\nLocation: %s\r\nContent-Length: 5\r\n\r\n%s" % (end.url.encode(), body)
                )

        if method == "HEAD":
            answer = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"
            end.script = answering(answer)
        with (
            raw_server(script) as server,
            running(endpoint(server.url, 100, method=method, **fields), transport=transport, follow_redirects=True) as engine,
        ):
            reach(engine, 3)
            found = only(finish(engine))
    assert (found.errors, found.status_codes) == ({}, {200: found.requests_made})
    assert {seen.head.split(b" ")[0] for seen in end.requests} == {b"HEAD" if method == "HEAD" else b"GET"}
    assert server.connections == end.connections == 1


def test_an_unlimited_pool_follows_redirects(transport):
    """As fast as answers come, with several lanes, and closes every connection at its end."""
    with (
        raw_server(answering(response())) as end,
        raw_server(answering(response("302 Found", f"Location: {end.url}"))) as server,
    ):
        pool = SharedPool(4, None)
        with running(endpoint(server.url), transport=transport, follow_redirects=True, shared_pool=pool) as engine:
            reach(engine, 200)
            found = only(finish(engine))
        until(lambda: (server.left, end.left) == (server.connections, end.connections))
    assert found.status_codes == {200: found.requests_made}
    assert (server.connections, end.connections) == (4, 4)
