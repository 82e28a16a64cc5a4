"""What a response must have beyond its status: headers, size, JSON, a regular expression. Over both transports, one table."""

import gzip
import json
import zlib
from threading import Event

import pytest
from engines import ONCE, attempt, config_of, endpoint, finish, only, reach, running, until
from servers import raw_server, response

from tressi.load.messages import decode, encode
from tressi.load.plan import make_plan
from tressi.model import Expectation, JsonCondition, SharedPool

pytestmark = pytest.mark.timed

MIB = 1024 * 1024


def chunked(body, *fields, size=1000):
    """A response whose body comes in chunks of so many bytes."""
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    framed = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    head = "\r\n".join(["HTTP/1.1 200 OK", "Transfer-Encoding: chunked", *fields, "", ""])
    return head.encode("latin-1") + framed


def condition(path, value, *steps):
    """A condition on a place."""
    return JsonCondition(path, steps, json.dumps(value))


OK = Expectation(json=(JsonCondition("$.ok", ("ok",), "true"),))
TYPE = Expectation(headers=(("content-type", ("application/json",)),))
LONG = "x-a-header-of-a-very-long-name"
MATCHING = Expectation(body_matches="id=[0-9]+;")

# Name, expectation, answer, why it fails (None: it does not).
CASES = [
    ("a header", TYPE, response("200 OK", "Content-Type: application/json"), None),
    ("in other letters, with parameters", TYPE, response("200 OK", "CONTENT-TYPE:application/json ; charset=utf-8"), None),
    (
        "another value", TYPE, response("200 OK", "Content-Type: text/html; charset=utf-8"),
        "the header content-type is 'text/html; charset=utf-8', expected 'application/json'",
    ),
    ("none", TYPE, response(), "the header content-type is missing, expected 'application/json'"),
    ("a longer value", TYPE, response("200 OK", "Content-Type: application/jsonx"),
     "the header content-type is 'application/jsonx', expected 'application/json'"),
    (
        "parameters that are asked for", Expectation(headers=(("content-type", ("a/b; c=d",)),)),
        response("200 OK", "Content-Type: a/b; c=e"), "the header content-type is 'a/b; c=e', expected 'a/b; c=d'",
    ),
    ("parameters as asked for", Expectation(headers=(("content-type", ("a/b; c=d",)),)),
     response("200 OK", "Content-Type: a/b; c=d"), None),
    ("one of several values", Expectation(headers=(("vary", ("a", "b")),)), response("200 OK", "Vary: b"), None),
    (
        "none of several values", Expectation(headers=(("vary", ("a", "b")),)), response("200 OK", "Vary: c"),
        "the header vary is 'c', expected 'a' or 1 more",
    ),
    ("one of several lines", Expectation(headers=(("vary", ("b",)),)), response("200 OK", "Vary: a", "vary: b"), None),
    (
        "none of several lines", Expectation(headers=(("vary", ("b",)),)), response("200 OK", "Vary: a", "vary: c"),
        "the header vary is 'c', expected 'b'",
    ),
    ("a long name", Expectation(headers=((LONG, ("1",)),)), response("200 OK", f"{LONG}: 1"), None),
    (
        "a name that begins alike", Expectation(headers=((LONG, ("1",)),)), response("200 OK", f"{LONG}s: 1"),
        f"the header {LONG[:26]} is missing, expected '1'",
    ),
    ("an empty value", Expectation(headers=(("x-empty", ("",)),)), response("200 OK", "X-Empty:"), None),
    ("a folded value", Expectation(headers=(("x-folded", ("a b",)),)), response("200 OK", "X-Folded: a\r\n  b"), None),
    ("Latin-1", Expectation(headers=(("x-name", ("J\xfcrgen",)),)), chunked(b"x", "X-Name: J\xfcrgen"), None),
    (
        "what steers a terminal", Expectation(headers=(("x-name", ("a",)),)), chunked(b"x", "X-Name: \x9b2J\xff"),
        "the header x-name is '?2J?', expected 'a'",
    ),
    (
        "a value that may be a secret", Expectation(headers=(("set-cookie", ("a=b",)),)), response("200 OK", "Set-Cookie: x"),
        "the header set-cookie has another value than it must have",
    ),
    ("fields that are known anyway", Expectation(headers=(("location", ("/x",)), ("content-length", ("5",)))),
     response("201 Created", "Location: /x"), None),
    (
        "a coding", Expectation(headers=(("content-encoding", ("gzip",)),), body_contains=b"hay"),
        response("200 OK", "Content-Encoding: gzip", body=gzip.compress(b"hay")), None,
    ),
    (
        "two, of which the second fails", Expectation(headers=(("a", ("1",)), ("b", ("2",)))),
        response("200 OK", "B: 3", "A: 1"), "the header b is '3', expected '2'",
    ),
    (
        "of an interim response", Expectation(headers=(("x-one", ("1",)),)),
        b"HTTP/1.1 103 Early Hints\r\nX-One: 1\r\n\r\n" + response(), "the header x-one is missing, expected '1'",
    ),
    (
        "of a trailer", Expectation(headers=(("x-one", ("1",)),)),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-One: 1\r\n\r\n",
        "the header x-one is missing, expected '1'",
    ),
    (
        "sixteen", Expectation(headers=tuple((f"x-{number}", (str(number),)) for number in range(16))),
        response("200 OK", *(f"X-{number}: {number if number != 10 else 'ten'}" for number in range(16))),
        "the header x-10 is 'ten', expected '10'",
    ),
    ("the status first", Expectation(headers=(("vary", ("a",)),)), response("500 No"), "status 500, expected below 400"),
    ("a small body", Expectation(max_body_bytes=5), response(), None),
    ("one byte too many", Expectation(max_body_bytes=4), response(), "the body has 5 bytes, expected at most 4"),
    ("no body at most", Expectation(max_body_bytes=0), b"HTTP/1.1 204 No\r\n\r\n", None),
    (
        "a packed body counts as it comes", Expectation(max_body_bytes=100),
        response("200 OK", "Content-Encoding: gzip", body=gzip.compress(b"x" * 10_000)), None,
    ),
    ("chunks", Expectation(max_body_bytes=3000), chunked(b"x" * 3001), "the body has 3001 bytes, expected at most 3000"),
    ("JSON", OK, response(body=b'{"ok":true}'), None),
    ("in chunks", OK, chunked(b'{"ok":true,"more":"' + b"x" * 20_000 + b'"}'), None),
    ("until the close", OK, b'HTTP/1.1 200 OK\r\n\r\n{"ok": true}', None),
    ("not as it must be", OK, response(body=b'{"ok":false}'), "the body has no $.ok true: it is false"),
    ("not there", OK, response(body=b'{"okay":true}'), "the body has no $.ok true: it has no such place"),
    ("no JSON", OK, response(body=b"<html>"),
     "the body is not JSON, at line 1, column 1"),
    ("no body", OK, b"HTTP/1.1 204 No\r\n\r\n", "the body is empty, and not JSON"),
    ("gzip", OK, response("200 OK", "Content-Encoding: gzip", body=gzip.compress(b'{"ok":true}')), None),
    (
        "deflate, then gzip", OK,
        response("200 OK", "Content-Encoding: deflate,gzip", body=gzip.compress(zlib.compress(b'{"ok":true}'))), None,
    ),
    (
        "broken gzip", OK, response("200 OK", "Content-Encoding: gzip", body=b'{"ok":true}'),
        "the body cannot be read: its data are no gzip",
    ),
    ("a bomb", OK, response("200 OK", "Content-Encoding: gzip", body=gzip.compress(b"[" * (MIB + 1))),
     "the body cannot be read: it decodes to more than 1 MiB"),
    ("a mebibyte", Expectation(json=()), response(body=b'"' + b"x" * (MIB - 2) + b'"'), None),
    ("more than a mebibyte", Expectation(json=()), response(body=b'"' + b"x" * (MIB - 1) + b'"'),
     "the body has more than 1 MiB, and is not looked at"),
    ("JSON and a text", Expectation(json=OK.json, body_contains=b"more"), response(body=b'{"ok":true}'),
     "the body lacks 'more'"),
    ("JSON, a text and a coding", Expectation(json=OK.json, body_contains=b"more"),
     response("200 OK", "Content-Encoding: gzip", body=gzip.compress(b'{"ok":true,"more":1}')), None),
    ("a match", MATCHING, response(body=b"a id=12; b"), None),
    ("no match", MATCHING, response(body=b"a id=; b"), "the body has no match of 'id=[0-9]+;'"),
    ("a match in what is packed", MATCHING, response("200 OK", "Content-Encoding: gzip", body=gzip.compress(b"id=1;")), None),
    ("bytes that are no text", MATCHING, response(body=b"\xff\xfe id=12;"), None),
    (
        "all of it", Expectation((200,), b"ok", (("vary", ("a",)),), OK.json, "ok", 99),
        response("200 OK", "Vary: a", body=b'{"ok":true}'), None,
    ),
]  # fmt: skip


@pytest.mark.parametrize("transport", ["wire", "urllib3"])
def test_what_a_response_must_have(transport):
    """It is a success where it has all of it; otherwise the reason says what it has instead."""
    for name, expect, answer, reason in CASES:

        def script(conversation, answer=answer):
            conversation.request()
            conversation.send(answer)
            conversation.close()

        with raw_server(script) as server:
            snapshot = attempt(endpoint(server.url, ONCE, expect=expect), transport=transport)
        found = only(snapshot)
        texts = [one.text for one in found.reasons]
        assert (found.succeeded, found.failed, texts) == (
            int(reason is None),
            int(reason is not None),
            [reason] if reason else [],
        ), name
        assert dict(found.errors) == ({"expectation": 1} if reason else {}), name
        assert len(snapshot.samples) == 1, name


def test_fields_and_body_may_be_cut_anywhere():
    """Wherever a read ends, names, values and body are the same."""
    whole = response("200 OK", f"{LONG}: one", "Vary: two", body=b'{"ok":true}')
    expect = Expectation(headers=((LONG, ("one",)), ("vary", ("two",))), json=OK.json)
    cuts = [whole.index(part) + at for part, sizes in ((LONG.encode(), (1, 17, 18, 29)), (b"one", (1,)), (b"two", (0, 2)),
                                                       (b"true", (1,))) for at in sizes]  # fmt: skip
    for cut in cuts:
        seen_first = Event()

        def script(conversation, cut=cut, seen_first=seen_first):
            conversation.request()
            conversation.send(whole[:cut])
            conversation.wait(seen_first)
            conversation.send(whole[cut:])

        with raw_server(script) as server, running(endpoint(server.url, ONCE, expect=expect)) as engine:
            until(lambda cut=cut: only(engine.read()).bytes_received == cut)
            seen_first.set()
            reach(engine, 1)
            assert only(finish(engine)).succeeded == 1, cut


@pytest.mark.parametrize("transport", ["wire", "urllib3"])
def test_each_response_is_held_against_its_own_endpoint(transport):
    """Lanes of a shared pool serve endpoints with and without checks in turn; nothing of one answer is left in the next."""
    answers = {
        b"/a": [response("200 OK", "Vary: a", body=b'{"ok":true}'), response("200 OK", "Vary: b", body=b'{"ok":true}')],
        b"/b": [response(body=b'{"ok":true}'), response(body=b'{"ok":tr')],
        b"/c": [response(body=b"x" * 50)],
    }
    counts = dict.fromkeys(answers, 0)

    def script(conversation):
        while request := conversation.request():
            place = request.target.encode()
            conversation.send(answers[place][counts[place] % len(answers[place])])
            counts[place] += 1

    with raw_server(script) as server:
        ends = [
            endpoint(f"{server.url}a", expect=Expectation(headers=(("vary", ("a",)),))),
            endpoint(f"{server.url}b", expect=OK),
            endpoint(f"{server.url}c"),
        ]
        with running(*ends, shared_pool=SharedPool(1, 300.0, 0.0), transport=transport) as engine:
            until(lambda: min(found.requests_made for found in engine.read().endpoints.values()) >= 10)
            found = finish(engine).endpoints

    first, second, third = (found[one.endpoint_key] for one in ends)
    assert first.succeeded == (first.requests_made + 1) // 2
    assert second.succeeded == (second.requests_made + 1) // 2
    assert third.failed == 0


@pytest.mark.parametrize("transport", ["wire", "urllib3"])
def test_of_a_chain_of_redirects_the_last_answer_is_held_against_them(transport):
    """What the redirects themselves have counts for nothing, neither for it nor against it."""
    expect = Expectation(headers=(("vary", ("b",)),), json=OK.json, max_body_bytes=11)
    lasts = {True: response("200 OK", "Vary: b", body=b'{"ok":true}'), False: response(body=b'{"ok":true}')}
    for meets, last in lasts.items():
        first = response("302 Found", "Location: /last", *([] if meets else ["Vary: b"]), body=b"far too many bytes")

        def script(conversation, first=first, last=last):
            while request := conversation.request():
                conversation.send(last if request.target == "/last" else first)

        with raw_server(script) as server:
            found = only(attempt(endpoint(server.url, ONCE, expect=expect), transport=transport, follow_redirects=True))
        assert found.succeeded == int(meets)
        assert [one.text for one in found.reasons] == ([] if meets else ["the header vary is missing, expected 'b'"])


def test_what_is_checked_reaches_an_engine_in_another_process():
    """The plan comes out of a message as it went in: fields, places, values of any kind and size, and an expression."""
    conditions = (condition("$[-1]['a b']", [1, {"b": None}], -1, "a b"), condition("$[0]", 2**70, 0))
    expect = Expectation((200,), b"x", (("vary", ("\xfc", "b")),), conditions, "a+", 7)
    one = endpoint("http://127.0.0.1:1/", ONCE, expect=expect)
    plan = make_plan(config_of(one), {0: 1})
    assert plan.endpoints[0].has_further
    assert decode(encode({"plan": plan}))["plan"] == plan
