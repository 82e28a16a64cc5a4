"""One user's walk agrees with the engine's: the bytes that are sent, what is chosen and drawn, and each verdict."""

import gzip
import json
from contextlib import contextmanager

import pytest
from flows import ITEM, LOGIN, TOKEN, Shop, flow_config, flowing, of_flow, request, until
from servers import raw_server, response

from tressi import load_config
from tressi.trace.events import Chosen, Connected, Drawn, Extracted, FlowEnded, Paused, Received, Sent, StepEnded
from tressi.trace.verdict import kept_of
from tressi.trace.walk import walk

pytestmark = pytest.mark.timed

ONCE = {"startsPerSecond": 0.001}


@contextmanager
def served():
    """A server whose shop can be another one for each of two walks; the function has it play one."""
    shops = []

    def script(conversation):
        shops[-1].script(conversation)

    with raw_server(script) as server:
        yield server, shops.append


def traced(document, *, thinks=False):
    """Whether the flow was completed, and all that happened."""
    config, events = load_config(document), []
    return walk(config, config.flows[0] if config.flows else None, events.append, thinks=thinks), events


def only(events, kind):
    """The events of one kind."""
    return [event for event in events if isinstance(event, kind)]


def driven(document, starts=1):
    """One engine and one user who ends so many starts, and leaves; the last snapshot."""
    with flowing(document) as engine:
        until(lambda: of_flow(engine).requests_made >= starts)
        engine.stop(10)
        return engine.read()


def both(document_of, make_shop):
    """The same config walked by a trace and by an engine, against one server: what each shop saw, the events, the snapshot."""
    with served() as (server, play):
        first, second = make_shop(), make_shop()
        play(first)
        completed, events = traced(document_of(server))
        play(second)
        snapshot = driven(document_of(server))
    seen, others = ([(one.head, body) for one, body in shop.seen] for shop in (first, second))
    return seen, others, completed, events, snapshot


def moved(*fields):
    """A redirect."""
    return response("302 Found", *fields, body=b"")


def test_it_sends_the_bytes_that_the_engine_sends():
    """With cookies over redirects, values of every kind in every place, rounds, an end, and a Cookie field of its own."""
    answers = {
        "/form": response(body=b'<input name="csrf" value="a&b\xc3\xa4">'),
        "/list": response(
            "200 OK", "Content-Encoding: gzip", body=gzip.compress(b'{"n": 7, "all": [1, {"a": "\\n"}], "t": "x y"}')
        ),
        "/away": moved("Location: /away/further?a=1#b", "Set-Cookie: hop=1; Path=/away", "Set-Cookie: gone=1; Max-Age=0"),
        "/away/further": response("200 OK", "X-Next: n-1", "Set-Cookie: late=2"),
        "/leave": response("204 No Content", body=b""),
        "/big": response(),
    }
    requests = [
        LOGIN,
        request("form", "/form?x={{user.name}}"),
        request("list", "/list", headers={"Cookie": "lang=de"}),
        request("away", "/away", method="POST", payload={"csrf": "{{csrf}}", "n": "{{n}}", "all": "{{all}}", "t": "<{{t}}>"}),
        request("big", "/big?t={{t}}", method="PUT", body="{{{t}}} {{csrf}}", headers={"X-Next": "{{next}}"}),
        request("leave", "/leave", method="POST", headers={"Authorization": "Bearer {{token}}"}),
    ]
    take = {name: {"json": f"$.{name}"} for name in ("n", "all", "t")}
    flow = {
        **ONCE,
        "cookies": True,
        "begin": [TOKEN],
        "steps": [
            {"request": "form", "extract": {"csrf": {"between": ['value="', '"']}}},
            {"repeat": {"times": 2, "steps": [{"request": "list", "extract": take}]}},
            {"request": "away", "extract": {"next": {"header": "X-Next"}}},
            {"request": "big"},
        ],
        "end": [{"request": "leave"}],
    }
    data = {"user": {"values": [{"name": "ä b"}], "pick": "perLane"}}
    more = {"data": data, "followRedirects": True}
    seen, others, completed, events, snapshot = both(
        lambda server: flow_config(server, requests, flow, **more), lambda: Shop(answers=answers)
    )
    assert completed
    assert seen == others
    assert [head.split(b" ")[1] for head, _ in seen] == [
        *(b"/login", b"/form?x=%C3%A4%20b", b"/list", b"/list"),
        *(b"/away", b"/away/further?a=1", b"/big?t=x%20y", b"/leave"),
    ]
    assert b"\r\nCookie: hop=1; sid=s1\r\n" in seen[5][0]
    assert [event.head + event.body for event in only(events, Sent)] == [head + body for head, body in seen]
    assert sum(one.succeeded for one in snapshot.endpoints.values()) == len(only(events, StepEnded)) == 7
    assert len(only(events, Connected)) == 1


def test_through_a_proxy_it_sends_what_the_engine_sends():
    """The whole URL, credentials for the proxy, and the cookies of the path in it; nothing of it is looked up."""
    answers = {
        "http://shop.invalid/a/in": response("200 OK", "Set-Cookie: one=1", "Set-Cookie: two=2; Path=/b", "Location: /x"),
        "http://shop.invalid/a/out": moved("Location: http://other.invalid/b", "Set-Cookie: three=3; Domain=shop.invalid"),
        "http://other.invalid/b": moved("Location: http://shop.invalid/b/c"),
        "http://shop.invalid/b/c": response(),
    }
    requests = [request("in", "/a/in?x=1"), request("out", "/a/out", method="POST", payload={"at": "{{at}}"})]
    steps = [{"request": "in", "extract": {"at": {"header": "location"}}}, {"request": "out"}]

    def document_of(server):
        flow = {**ONCE, "cookies": True, "steps": steps}
        proxy = server.url.replace("http://", "http://ann:word@")
        made = flow_config(server, requests, flow, followRedirects=True, proxy=proxy)
        return {**made, "baseUrl": "http://shop.invalid"}

    seen, others, completed, _, _ = both(document_of, lambda: Shop(answers=answers))
    assert completed
    assert seen == others
    assert [head.split(b" ")[1] for head, _ in seen][2:] == [b"http://other.invalid/b", b"http://shop.invalid/b/c"]
    cookies = [[line for line in head.split(b"\r\n") if line.startswith(b"Cookie")] for head, _ in seen]
    assert cookies == [[], [b"Cookie: one=1"], [], [b"Cookie: two=2"]]
    assert all(b"\r\nProxy-Authorization: Basic " in head for head, _ in seen)


def test_it_chooses_and_draws_as_the_first_user_of_a_run():
    """From the same seed: options, variants, and rows by every pick."""
    answers = {f"/{name}": response() for name in "abcd"}
    rows = {"values": list(range(50)), "pick": "random"}
    requests = [request("a", "/a?{{r}}.{{i}}"), request("b", "/b?{{u}}"), request("c", "/c", variants=[{}, {"url": "/d"}])]
    options = [
        {"weight": 2, "steps": [{"request": "a"}]},
        {"weight": 0, "steps": []},
        {"weight": 1, "steps": [{"request": "b"}]},
    ]
    flow = {**ONCE, "steps": [{"repeat": {"times": 12, "steps": [{"choose": options}, {"request": "c"}]}}]}
    data = {"r": rows, "i": {"integer": {"from": 1, "to": 10**6}}, "u": {"uuid": 4}}
    for seed in (0, 5):
        seen, others, completed, events, _ = both(
            lambda server, seed=seed: flow_config(server, requests, flow, data=data, seed=seed), lambda: Shop(answers=answers)
        )
        assert completed
        assert [head for head, _ in seen] == [head for head, _ in others]
        chosen = [(one.what, one.of) for one in only(events, Chosen)]
        assert chosen == [("option", 2), ("variant", 2)] * 12
        assert {round(one.probability, 9) for one in only(events, Chosen)} == {round(2 / 3, 9), round(1 / 3, 9), 0.5}
        drawn = only(events, Drawn)
        assert all((one.row is None) == (one.source != "r") for one in drawn)


UNMET = {
    "status": ({}, response("500 No", body=b"")),
    "status that is expected": ({"status": [201]}, response()),
    "a text": ({"bodyContains": "good"}, response()),
    "a header": ({"headers": {"X-A": "1"}}, response()),
    "a header's value": ({"headers": {"X-A": "1"}}, response("200 OK", "X-A: 2\x1b", "X-A: 3")),
    "a secret header": ({"headers": {"X-Token": "1"}}, response("200 OK", "X-Token: 2")),
    "a size": ({"maxBodyBytes": 3}, response()),
    "a value": ({"json": {"$.ok": True}}, response(body=b'{"ok": false}')),
    "JSON": ({"json": {}}, response(body=b"<html>")),
    "broken gzip": ({"bodyContains": "x"}, response("200 OK", "Content-Encoding: gzip", body=b"no")),
    "no header and no value": ({"json": {"$.ok": True}, "headers": {"X-A": "1"}}, response()),
}


@pytest.mark.parametrize(("expect", "answer"), UNMET.values(), ids=UNMET)
def test_a_response_that_is_not_as_expected_has_the_verdict_of_a_run(expect, answer):
    """Kind and words, of the first condition that a run looks at."""
    agree([request("a", "/a", **({"expect": expect} if expect else {}))], [{"request": "a"}], answer)


MISSING = {
    "no such value": ({"json": "$.nothing"}, response(body=b'{"a": 1}')),
    "no JSON": ({"json": "$.a"}, response(body=b"<html>")),
    "too deep": ({"json": "$.z"}, response(body=b"[" * 600)),
    "too long": ({"json": "$.a"}, response(body=b'{"a": "' + b"x" * 5000 + b'"}')),
    "no header": ({"header": "X-Token"}, response()),
    "a long header": ({"header": "X-Token"}, response("200 OK", "X-Token: " + "x" * 5000)),
    "no cookie": ({"cookie": "sid"}, response("200 OK", "Set-Cookie: other=1")),
    "a long cookie": ({"cookie": "sid"}, response("200 OK", "Set-Cookie: sid=1", "Set-Cookie: sid=" + "x" * 5000)),
    "no text": ({"between": ["<b>", "</b>"]}, response(body=b"<b>never ends")),
    "unfit": ({"json": "$.a"}, response(body=b'{"a": "x\\ny"}')),
    "broken gzip": ({"json": "$.a"}, response("200 OK", "Content-Encoding: gzip", body=b"no")),
    "a bad status beside it": ({"json": "$.a"}, response("404 No", body=b"{}")),
}


@pytest.mark.parametrize(("extract", "answer"), MISSING.values(), ids=MISSING)
def test_a_value_that_is_not_there_has_the_verdict_of_a_run(extract, answer):
    """Kind and words; the next step is not sent."""
    requests = [request("a", "/a"), request("b", "/b", headers={"X-V": "{{v}}"})]
    agree(requests, [{"request": "a", "extract": {"v": extract}}, {"request": "b"}], answer)


BROKEN = {
    "nothing": b"",
    "no HTTP": b"HELO\r\n\r\n",
    "cut": b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc",
    "a redirect to nowhere": moved("Location: ftp://a/"),
    "a redirect to itself": moved("Location: /a"),
}


@pytest.mark.parametrize("answer", BROKEN.values(), ids=BROKEN)
def test_what_is_no_response_fails_with_the_kind_of_a_run(answer):
    """The connection ends after what was said."""
    step = agree([request("a", "/a", method="POST")], [{"request": "a"}], answer, closes=not answer.startswith(b"HTTP/1.1 3"))
    assert step.kind in {"closed", "protocol"}


class Saying(Shop):
    """Says the same to every request, and may end the connection then."""

    def __init__(self, said, *, closes):
        super().__init__()
        self.said, self.closes = said, closes

    def script(self, conversation):
        """For `raw_server`."""
        while (seen := conversation.head()) is not None:
            conversation.body(seen)
            with self.lock:
                self.seen.append((seen, b""))
            conversation.send(self.said)
            if self.closes:
                return


def agree(requests, steps, answer, *, closes=False):
    """Trace and engine fail at the first step, for one reason; returns the verdict."""
    flow = {**ONCE, "steps": steps}
    seen, others, completed, events, snapshot = both(
        lambda server: flow_config(server, requests, flow, followRedirects=True), lambda: Saying(answer, closes=closes)
    )
    (step,) = only(events, StepEnded)
    first = next(iter(snapshot.endpoints.values()))
    assert (completed, step.succeeded, first.failed, first.abandoned) == (False, False, 1, 1)
    assert dict(first.errors) == ({} if step.kind is None else {step.kind: 1})
    reasons = [one.text for one in first.reasons]
    assert reasons in ([], [kept_of(step.reason)])
    assert bool(reasons) == bool(step.kind) or step.kind == "closed"
    assert [head for head, _ in seen] == [head for head, _ in others]
    assert only(events, FlowEnded) == [FlowEnded(completed=False, requests=1, failed=1, stopped_at="steps 1")]
    return step


def test_a_user_who_is_lost_does_his_end_and_one_who_has_not_begun_does_not():
    """As in a run."""
    flow = {**ONCE, "begin": [TOKEN], "steps": [{"request": "bad"}, {"request": "item"}], "end": [{"request": "item"}]}
    bad = request("bad", "/bad")
    for answers, paths in (({}, ["/login", "/bad", "/items/7"]), ({"/login": response(body=b"{}")}, ["/login"])):
        made = []

        def shop(answers=answers, made=made):
            made.append(Shop(answers=answers))
            return made[-1]

        _, _, completed, _, _ = both(lambda server: flow_config(server, [LOGIN, ITEM, bad], flow), shop)
        assert not completed
        assert [one.paths() for one in made] == [paths, paths]


def test_of_several_values_that_are_missing_a_run_names_those_of_fields_first():
    """Whatever the order of the config."""
    requests = [request("a", "/a"), request("b", "/b?{{x}}{{y}}")]
    step = {"request": "a", "extract": {"x": {"json": "$.x"}, "y": {"header": "X-Y"}}}
    assert agree(requests, [step, {"request": "b"}], response(body=b"{}")).reason == "the response has no header x-y"


def test_a_user_who_is_lost_in_his_end_has_not_completed_the_walk():
    """In a run his start is completed, and the failed request counts at its step."""
    flow = {**ONCE, "begin": [TOKEN], "steps": [{"request": "item"}], "end": [{"request": "bad"}]}
    _, _, completed, events, snapshot = both(
        lambda server: flow_config(server, [LOGIN, ITEM, request("bad", "/bad")], flow), Shop
    )
    assert only(events, FlowEnded) == [FlowEnded(completed=False, requests=3, failed=1, stopped_at="end 1")]
    (counted,) = snapshot.flows.values()
    assert (completed, counted.succeeded, counted.failed) == (False, 1, 0)


def test_a_flow_that_goes_on_is_completed():
    """Whatever its steps say; a value that is not there leaves nothing in its place."""
    flow = {**ONCE, "onFailure": "continue", "steps": [TOKEN, {"request": "item"}]}
    seen, others, completed, events, _ = both(
        lambda server: flow_config(server, [LOGIN, ITEM], flow), lambda: Shop(answers={"/login": response(body=b"{}")})
    )
    assert completed
    assert seen == others
    assert b"\r\nAuthorization: Bearer \r\n" in seen[1][0]
    assert only(events, FlowEnded) == [FlowEnded(completed=True, requests=2, failed=2, stopped_at="steps 1")]


def test_pauses_are_told_and_waited_for_where_that_is_asked():
    """The pause is the same either way."""
    flow = {**ONCE, "steps": [{"request": "login"}, {"think": {"uniform": [0.01, 0.03]}}, {"request": "login"}]}
    pauses = []
    with raw_server(Shop().script) as server:
        for thinks in (False, True):
            completed, events = traced(flow_config(server, [LOGIN], flow), thinks=thinks)
            assert completed
            (paused,) = only(events, Paused)
            assert paused.waited == thinks
            pauses.append(paused.seconds)
    assert pauses[0] == pauses[1]
    assert 0.01 <= pauses[0] <= 0.03


def test_without_flows_each_request_is_sent_once():
    """In the order of the config, with a row of each table; one that fails does not stop the others."""
    shop = Shop(answers={"/a": response("500 No"), "/b": response(body=json.dumps({"x": 1}).encode())})
    with raw_server(shop.script) as server:
        requests = [request("a", "/a?{{n}}"), request("b", "/b?{{n}}", method="POST", payload=[1])]
        document = {"baseUrl": server.url.rstrip("/"), "requests": requests, "data": {"n": {"sequence": {"from": 5}}}}
        completed, events = traced({**document, "rps": 10, "workers": 1})
    assert shop.paths() == ["/a?5", "/b?6"]
    assert [one.succeeded for one in only(events, StepEnded)] == [False, True]
    assert (completed, only(events, Received)[1].body) == (False, b'{"x": 1}')
    assert only(events, Extracted) == []


def test_a_kept_connection_that_was_closed_is_replaced():
    """What may be sent twice is sent once more, as by the transport."""
    flow = {**ONCE, "steps": [{"request": "a"}, {"request": "a"}]}
    with raw_server(lambda conversation: conversation.request() and conversation.send(response())) as server:
        completed, events = traced(flow_config(server, [request("a", "/a")], flow))
    assert completed
    assert len(only(events, Connected)) == 2
