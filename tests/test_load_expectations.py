"""What counts as a success, and which bodies are kept to show what came."""

import gzip
import zlib
from threading import Event

import pytest
from engines import ONCE, attempt, endpoint, finish, only, reach, running, until
from servers import answering, raw_server

from tressi.model import Expectation

pytestmark = pytest.mark.timed

HEAD = b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n"


def response(status, body):
    """A response with a length."""
    return HEAD % (status, len(body)) + body


def chunked(*pieces):
    """A response of these chunks."""
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"


@pytest.mark.parametrize(
    ("expect", "answer", "meets"),
    [
        pytest.param(None, response(200, b""), True, id="200 is a success"),
        pytest.param(None, response(399, b""), True, id="399 is the last that is"),
        pytest.param(None, response(400, b""), False, id="400 is the first that is not"),
        pytest.param(None, response(599, b""), False, id="599 is not"),
        pytest.param(Expectation(status=(404,)), response(404, b""), True, id="a 404 that is expected"),
        pytest.param(Expectation(status=(404, 410)), response(410, b""), True, id="one of two"),
        pytest.param(Expectation(status=(404,)), response(200, b""), False, id="a 200 that is not expected"),
        pytest.param(Expectation(body_contains=b"needle"), response(200, b"hay needle hay"), True, id="a needle in the body"),
        pytest.param(Expectation(body_contains=b"needle"), response(200, b"hay needl hay"), False, id="most of a needle"),
        pytest.param(Expectation(body_contains=b"aab"), response(200, b"aaab"), True, id="a needle begun twice"),
        pytest.param(
            Expectation(body_contains=b"needle"), chunked(b"hay nee", b"d", b"le hay"), True, id="a needle over chunks"
        ),
        pytest.param(Expectation(body_contains=b"e\r\n"), chunked(b"hay", b"needle"), False, id="framing is no body"),
        pytest.param(Expectation(body_contains=b"needle"), response(500, b"needle"), False, id="a needle in a 500"),
        pytest.param(Expectation((500,), b"needle"), response(500, b"needle"), True, id="a 500 and its needle expected"),
        pytest.param(Expectation((500,), b"needle"), response(500, b"hay"), False, id="a 500 without its needle"),
        pytest.param(Expectation(body_contains=b"x"), response(200, b"h" * 9_000 + b"x"), True, id="beyond what is kept"),
        pytest.param(Expectation(body_contains=b"n"), b"HTTP/1.1 204 No\r\n\r\n", False, id="no body at all"),
        pytest.param(
            Expectation(body_contains=b"needle"), b"HTTP/1.1 200 OK\r\n\r\nhay needle", True, id="a body that a close ends"
        ),
    ],
)
def test_a_response_succeeds_if_it_is_what_was_expected(expect, answer, meets):
    """Without expectations a status below 400; with them exactly these; a response that misses them is of kind expectation."""

    def script(conversation):
        conversation.request()
        conversation.send(answer)

    with raw_server(script) as server:
        found = only(attempt(endpoint(server.url, ONCE, expect=expect)))

    assert (found.succeeded, found.failed) == (int(meets), int(not meets))
    assert dict(found.errors) == ({} if meets or expect is None else {"expectation": 1})
    assert (found.service.count, found.response.count) == (1, 1)


@pytest.mark.parametrize("cut", range(1, 6))
def test_a_needle_may_be_cut_between_two_reads(cut):
    """Wherever the body is cut, what it contains is found."""
    whole, seen_first = response(200, b"hay needle hay"), Event()
    place = whole.index(b"needle") + cut

    def script(conversation):
        conversation.request()
        conversation.send(whole[:place])
        conversation.wait(seen_first)
        conversation.send(whole[place:])

    expect = Expectation(body_contains=b"needle")
    with raw_server(script) as server, running(endpoint(server.url, ONCE, expect=expect)) as engine:
        until(lambda: only(engine.read()).bytes_received == place)
        seen_first.set()
        reach(engine, 1)
        found = only(finish(engine))

    assert (found.succeeded, found.failed) == (1, 0)


def test_what_an_earlier_response_contained_is_forgotten():
    """Each body is searched on its own: the beginning of a needle in one and its end in the next are no needle."""
    answers = [response(200, b"nee"), response(200, b"dle"), response(200, b"needle")]

    def script(conversation):
        while conversation.request():
            conversation.send(answers[(len(server.requests) - 1) % 3])

    expect = Expectation(body_contains=b"needle")
    with raw_server(script) as server, running(endpoint(server.url, 300, expect=expect)) as engine:
        reach(engine, 30)
        found = only(finish(engine))

    assert found.succeeded == found.requests_made // 3
    assert found.errors["expectation"] == found.failed == found.requests_made - found.requests_made // 3


def test_every_status_is_counted():
    """All statuses from 200 to 599, each once: each is counted once, and below 400 they are successes."""

    def script(conversation):
        while conversation.request():
            conversation.send(_bodiless(199 + len(server.requests)))

    with raw_server(script) as server, running(endpoint(server.url, 1_000)) as engine:
        until(lambda: len(server.requests) >= 380)
        found = only(finish(engine))

    assert found.status_codes == dict.fromkeys(range(200, 200 + found.requests_made), 1)
    assert found.succeeded == 200


def _bodiless(status):
    return b"HTTP/1.1 %d \r\nContent-Length: 0\r\n\r\n" % status if status < 600 else b"HTTP/1.1 599 Over\r\n\r\n"


@pytest.mark.parametrize("size", [0, 1, 4071, 4072, 4073, 100_000])
def test_the_beginning_of_a_body_is_kept(size):
    """Up to 4072 bytes whole; of more, the first 4072, marked as truncated."""
    body = bytes(place % 251 for place in range(size))
    with raw_server(answering(response(200, body))) as server:
        (sample,) = attempt(endpoint(server.url, ONCE)).samples

    assert (sample.status, sample.body, sample.truncated) == (200, body[:4072], size > 4072)


def test_three_bodies_of_a_status_are_kept():
    """Of many responses of two statuses the first three of each are kept, in the order in which they began."""

    def script(conversation):
        while conversation.request():
            number = len(server.requests) - 1
            conversation.send(response(200 if number % 2 else 500, b"body %d" % number))

    with raw_server(script) as server, running(endpoint(server.url, 500)) as engine:
        reach(engine, 50)
        snapshot = finish(engine)

    kept = [(sample.status, sample.body) for sample in snapshot.samples]
    assert kept == [(200 if number % 2 else 500, b"body %d" % number) for number in range(6)]


def test_sixteen_bodies_of_an_endpoint_are_kept():
    """However many statuses there are, an endpoint keeps no more than sixteen bodies; each endpoint has its own."""

    def script(conversation):
        while request := conversation.request():
            place = sum(other.target == request.target for other in server.requests)
            conversation.send(response(400 + place % 20, request.target.encode()))

    with raw_server(script) as server:
        first, second = endpoint(f"{server.url}first", 500), endpoint(f"{server.url}second", 500)
        with running(first, second) as engine:
            until(lambda: all(found.requests_made >= 80 for found in engine.read().endpoints.values()))
            snapshot = finish(engine)

    for one, body in ((first, b"/first"), (second, b"/second")):
        kept = [sample for sample in snapshot.samples if sample.endpoint_key == one.endpoint_key]
        assert len(kept) == 16
        assert {sample.body for sample in kept} == {body}
        assert max(sum(sample.status == status for sample in kept) for status in range(400, 420)) <= 3


def test_a_body_that_was_cut_short_is_not_kept_as_a_sample():
    """Only whole responses are shown; a broken one does not use up a place for good."""

    def script(conversation):
        conversation.request()
        if conversation.number % 2:
            conversation.send(response(200, b"whole"))
        else:
            conversation.send(response(200, b"broken")[:-1])

    with raw_server(script) as server, running(endpoint(server.url, 500)) as engine:
        reach(engine, 60)
        snapshot = finish(engine)

    assert [sample.body for sample in snapshot.samples] == [b"whole"] * 3


def packed(data, coding, *, pieces=1):
    """A response whose body is `data`, packed already, in so many chunks."""
    size = -(-len(data) // pieces) or 1
    chunks = [data[at : at + size] for at in range(0, len(data), size)]
    framed = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in chunks) + b"0\r\n\r\n"
    return b"HTTP/1.1 200 OK\r\n" + coding + b"Transfer-Encoding: chunked\r\n\r\n" + framed


@pytest.mark.parametrize("transport", ["wire", "urllib3"])
def test_a_packed_body_is_searched_and_kept_as_what_it_says(transport):
    """Content-Encoding changes how a body is sent, not what it says (RFC 9110 8.4); what cannot be decoded says why."""
    text = b"hay " * 40_000 + b"needle"
    squeezed = gzip.compress(text)
    cases = {
        "gzip": (packed(squeezed, b"Content-Encoding: gzip\r\n"), None),
        "x-gzip in three chunks": (packed(squeezed, b"content-encoding: X-GZIP\r\n", pieces=3), None),
        "byte by byte": (packed(gzip.compress(b"hay needle"), b"Content-Encoding: gzip\r\n", pieces=1000), None),
        "deflate": (packed(zlib.compress(text), b"Content-Encoding: deflate\r\n"), None),
        "deflate without its header": (packed(zlib.compress(text)[2:-4], b"Content-Encoding: deflate\r\n"), None),
        "twice, in two fields": (
            packed(gzip.compress(zlib.compress(text)), b"Content-Encoding: deflate\r\nContent-Encoding: gzip\r\n"),
            None,
        ),
        "identity": (packed(text, b"Content-Encoding: identity\r\n"), None),
        "not there": (packed(gzip.compress(b"hay"), b"Content-Encoding: gzip\r\n"), "the body lacks 'needle'"),
        "cut short": (
            packed(gzip.compress(b"hay")[:-9], b"Content-Encoding: gzip\r\n"),
            "the body cannot be searched: its gzip data are cut short",
        ),
        "unknown": (
            packed(text, b"Content-Encoding: xz\r\n"), "the body cannot be searched: its coding 'xz' is not known"
        ),
        "no gzip": (packed(text, b"Content-Encoding: gzip\r\n"), "the body cannot be searched: its data are no gzip"),
    }  # fmt: skip
    for name, (answer, reason) in cases.items():
        with raw_server(answering(answer)) as server:
            one = endpoint(server.url, ONCE, expect=Expectation(body_contains=b"needle"))
            snapshot = attempt(one, transport=transport)
        found = only(snapshot)
        assert (found.succeeded, [one.text for one in found.reasons]) == (int(reason is None), [reason] if reason else []), name
        if reason is None:
            assert snapshot.samples[0].body == (b"hay needle" if name == "byte by byte" else text)[:4072], name


def test_reasons_of_failed_expectations_name_what_came_and_what_was_expected():
    """The status and those that were expected, or the text that the body lacks."""
    cases = (
        (Expectation(status=(201,)), response(200, b""), "status 200, expected 201"),
        (Expectation(status=(201, 204, 200)), response(503, b""), "status 503, expected 200, 201 or 204"),
        (Expectation(body_contains=b"nope"), response(200, b"hay"), "the body lacks 'nope'"),
        (Expectation(body_contains=b"nope"), response(503, b"nope"), "status 503, expected below 400"),
        (Expectation(body_contains=b"x" * 500), response(200, b""), "the body lacks '" + "x" * 60 + "'…"),
    )
    for expect, answer, reason in cases:
        with raw_server(answering(answer)) as server:
            found = only(attempt(endpoint(server.url, ONCE, expect=expect)))
        assert [(one.kind, one.text, one.count) for one in found.reasons] == [("expectation", reason, 1)]


@pytest.mark.parametrize("transport", ["wire", "urllib3"])
def test_a_response_that_began_and_never_ends_is_told_apart_from_silence(transport):
    """How far it came is the reason of the timeout, or of the connection's end."""
    cases = {
        b"": "no response after 0.3 s",
        b"HTTP/1.1 200 OK\r\nX: y": "the head of the response had not ended after 0.3 s",
        b"HTTP/1.1 206 Part\r\nContent-Length: 5\r\n\r\nhay": "status 206, but the body had not ended after 0.3 s",
    }
    for said, reason in cases.items():

        def script(conversation, said=said):
            conversation.request()
            conversation.send(said)
            conversation.wait_closed()

        with raw_server(script) as server:
            found = only(attempt(endpoint(server.url, ONCE, timeout_s=0.3), transport=transport))
        assert [(one.kind, one.text) for one in found.reasons] == [("timeout", reason)]
