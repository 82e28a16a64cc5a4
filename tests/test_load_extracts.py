"""Values that flows take from responses, over real sockets: where they stand, how they are written, what is said without."""

import gzip
import json

import pytest
from flows import ITEM, LOGIN, ONCE, TOKEN, Shop, completed, ended, finished, flow_config, flowing, of_flow_in, request
from servers import raw_server, response

pytestmark = pytest.mark.timed


# How a value may be lost, and what is said then.
LOST = [
    ({"json": "$.nothing"}, b'{"access_token": "a"}', "the body has no value at $.nothing"),
    ({"json": "$.a"}, b"<html>", "the body is not JSON, so it has no value at $.a"),
    ({"json": "$.a"}, b'{"a": "' + b"x" * 5000 + b'"}', "the value at $.a has more than 4,096 bytes"),
    ({"header": "X-Token"}, b"", "the response has no header x-token"),
    ({"cookie": "sid"}, b"", "the response sets no cookie sid"),
    ({"between": ["<b>", "</b>"]}, b"<b>never ends", 'the body has no text between "<b>" and "</b>"'),
]


@pytest.mark.parametrize(("extract", "body", "reason"), LOST, ids=[next(iter(one[0])) + one[2][-12:] for one in LOST])
def test_what_is_not_found_is_a_failure_that_says_what_was_looked_for(extract, body, reason):
    """Of the kind `extraction`, with the status that came."""
    shop = Shop(answers={"/login": response(body=body)})
    flow = {**ONCE, "steps": [{"request": "login", "extract": {"token": extract}}, {"request": "item"}]}
    with raw_server(shop.script) as server, flowing(flow_config(server, [LOGIN, ITEM], flow)) as engine:
        ended(engine, 1)
        snapshot = finished(engine)
    login = next(iter(snapshot.endpoints.values()))
    assert (login.failed, login.errors, login.status_codes) == (1, {"extraction": 1}, {200: 1})
    assert [one.text for one in login.reasons] == [reason]
    assert shop.paths() == ["/login"]
    assert of_flow_in(snapshot).failed == login.abandoned == 1


def test_a_value_that_cannot_stand_where_it_is_used_is_a_failure():
    """A line end in a header would be a header of the target's; in a URL it is encoded."""
    body = json.dumps({"access_token": "a\r\nX-Evil: 1"}).encode()
    shop = Shop(answers={"/login": response(body=body), "/q": response()})
    for use, succeeds in ((ITEM, False), (request("item", "/q?t={{token}}"), True)):
        flow = {**ONCE, "steps": [TOKEN, {"request": "item"}]}
        with raw_server(shop.script) as server, flowing(flow_config(server, [LOGIN, use], flow)) as engine:
            ended(engine, 1)
            snapshot = finished(engine)
        login = next(iter(snapshot.endpoints.values()))
        reasons = [one.text for one in login.reasons]
        unfit = "the value at $.access_token cannot stand where it is used, in a header or in JSON"
        assert reasons == ([] if succeeds else [unfit])
        assert of_flow_in(snapshot).succeeded == succeeds
    assert shop.paths() == ["/login", "/login", "/q?t=a%0D%0AX-Evil%3A%201"]


def test_of_several_cookies_of_one_name_the_last_one_counts():
    """Also where it is too long."""
    for last, found in (("b", True), ("x" * 5000, False)):
        cookies = ("Set-Cookie: sid=a", f"Set-Cookie: sid={last}")
        shop = Shop(answers={"/login": response("200 OK", *cookies), "/q": response()})
        flow = {**ONCE, "steps": [{"request": "login", "extract": {"sid": {"cookie": "sid"}}}, {"request": "use"}]}
        requests = [LOGIN, request("use", "/q", headers={"X-Sid": "{{sid}}"})]
        with raw_server(shop.script) as server, flowing(flow_config(server, requests, flow)) as engine:
            ended(engine, 1)
            snapshot = finished(engine)
        assert of_flow_in(snapshot).succeeded == found
        assert [seen.fields["x-sid"] for seen, _ in shop.seen if seen.target == "/q"] == (["b"] if found else [])


# Where a value stands, and how it comes.
FOUND = [
    ({"json": "$.list[1].id"}, (), b'{"list": [{"id": "x"}, {"id": "va&l e"}]}'),
    ({"json": "$.list[*].id", "pick": "last"}, (), b'{"list": [{"id": "x"}, {"id": "va&l e"}]}'),
    ({"header": "X-Token"}, ("X-TOKEN: va&l e",), b""),
    ({"header": "location"}, ("Location: va&l e",), b""),
    ({"cookie": "sid"}, ("Set-Cookie: other=1", "Set-Cookie: sid=va&l e; Path=/"), b""),
    ({"between": ['value="', '"']}, (), b'<input name="csrf" value="va&l e">'),
]


@pytest.mark.parametrize(("extract", "fields", "body"), FOUND, ids=[json.dumps(one[0])[2:14] for one in FOUND])
def test_a_value_is_written_as_its_place_wants_it(extract, fields, body):
    """Percent-encoded in a URL, as it is in a header, escaped in JSON; taken from wherever it stands, byte by byte."""
    shop = Shop()
    use = request("use", "/use/{{v}}?q={{v}}", method="POST", headers={"X-V": "{{v}}"}, payload={"v": "{{v}}", "w": 'a"{{v}}'})
    answer = response("200 OK", *fields, body=body)
    heard = []

    def script(conversation):
        while (seen := conversation.head()) is not None:
            heard.append((seen, conversation.body(seen)))
            conversation.drip(answer) if seen.target == "/login" else conversation.send(response())

    flow = {**ONCE, "steps": [{"request": "login", "extract": {"v": extract}}, {"request": "use"}]}
    with raw_server(script) as server, flowing(flow_config(server, [LOGIN, use], flow)) as engine:
        completed(engine, 1)
        finished(engine)
    seen, said = heard[1]
    assert seen.target == "/use/va%26l%20e?q=va%26l%20e"
    assert seen.fields["x-v"] == "va&l e"
    assert json.loads(said) == {"v": "va&l e", "w": 'a"va&l e'}
    assert not shop.seen


@pytest.mark.parametrize("coding", ["gzip", None])
def test_a_value_deep_in_a_large_body_is_found_however_it_is_sent(coding):
    """In a megabyte of JSON, compressed or not."""
    rows = [{"id": number, "text": f"row {number} " * 8} for number in range(11_000)]
    text = json.dumps({"rows": rows, "last": {"token": "abc-1"}}).encode()
    assert len(text) > 1_000_000
    fields = ("Content-Encoding: gzip",) if coding else ()
    shop = Shop(answers={"/login": response("200 OK", *fields, body=gzip.compress(text) if coding else text)})
    shop.tokens["abc-1"] = 9
    step = {"request": "login", "extract": {"token": {"json": "$.last.token"}}}
    flow = {**ONCE, "steps": [step, {"request": "item"}]}
    with raw_server(shop.script) as server, flowing(flow_config(server, [LOGIN, ITEM], flow)) as engine:
        completed(engine, 1)
        finished(engine)
    assert shop.seen[1][0].fields["authorization"] == "Bearer abc-1"


def test_what_was_extracted_is_masked_in_samples_unless_it_is_shown():
    """Of the response that gave it, and of later ones that repeat it."""
    for show, text in ((False, b"the token *******"), (True, b"the token token-0")):
        shop = Shop()
        shop.answers["/echo"] = lambda seen, _: response(body=b"the token " + seen.fields["x-t"].encode())
        echo = request("echo", "/echo", headers={"X-T": "{{token}}"})
        step = {"request": "login", "extract": {"token": {"json": "$.access_token", "show": show}}}
        flow = {**ONCE, "steps": [step, {"request": "echo"}]}
        with raw_server(shop.script) as server, flowing(flow_config(server, [LOGIN, echo], flow)) as engine:
            completed(engine, 1)
            snapshot = finished(engine)
        bodies = {sample.endpoint_key.partition(" ")[0]: sample.body for sample in snapshot.samples}
        assert bodies["GET"] == text
        assert (b"token-0" in bodies["POST"]) == show
