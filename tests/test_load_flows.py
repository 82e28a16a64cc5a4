"""Flows over real sockets: who is asked what, in which order, with which values, and what is counted of it."""

import gzip
import json
from collections import Counter

import pytest
from flows import ITEM, LOGIN, TOKEN, Shop, flow_config, flowing, of_flow, request, until
from servers import raw_server, response

pytestmark = pytest.mark.timed

ONCE = {"startsPerSecond": 0.001}


def completed(engine, count):
    """Wait for so many starts that were walked to their end."""
    until(lambda: of_flow(engine).succeeded >= count)


def ended(engine, count):
    """Wait for so many starts that have ended, completed or abandoned."""
    until(lambda: of_flow(engine).requests_made >= count)


def finished(engine, drain_s=10.0):
    """Stop; the last reading, whose laws are checked: each start is accounted for, and so is each request."""
    engine.stop(drain_s)
    snapshot = engine.read()
    for flow in snapshot.flows.values():
        assert flow.in_flight == 0
        steps = [snapshot.endpoints[key] for key in snapshot.endpoints]
        # A user is lost at one step of the start that he is lost in.
        assert flow.failed == sum(step.abandoned for step in steps)
        assert flow.response.count >= flow.succeeded
    for step in snapshot.endpoints.values():
        assert step.requests_made == step.succeeded + step.failed
        assert step.in_flight == 0
    return snapshot


def test_a_user_logs_in_once_and_keeps_what_he_was_given():
    """The token, a number of JSON, and the cookie go along with each later request; the same item is looked at and bought."""
    shop = Shop()
    buy = request(
        "buy",
        "/cart?user={{id}}",
        method="POST",
        headers={"Authorization": "Bearer {{token}}"},
        payload={"item": "{{item}}", "user": "{{id}}", "text": "user {{id}}"},
    )
    item = request("item", "/items/{{item}}", headers={"Authorization": "Bearer {{token}}"})
    login = {"request": "login", "extract": {"token": {"json": "$.access_token"}, "id": {"json": "$.user.id"}}}
    flow = {
        **ONCE,
        "startsPerSecond": 1000,
        "cookies": True,
        "begin": [login],
        "steps": [{"request": "item"}, {"request": "buy"}],
    }
    with raw_server(shop.script) as server:
        document = flow_config(server, [LOGIN, item, buy], flow, data={"item": {"sequence": {"from": 10}}})
        with flowing(document) as engine:
            completed(engine, 3)
            snapshot = finished(engine)
    count = of_flow_in(snapshot).succeeded
    assert shop.times("/login") == 1
    asked = [(seen.target, seen.fields.get("authorization"), seen.fields.get("cookie"), body) for seen, body in shop.seen[1:]]
    for number, (look, bought) in enumerate(zip(asked[::2], asked[1::2], strict=False)):
        item_number = 10 + number
        assert look == (f"/items/{item_number}", "Bearer token-0", "sid=s1", b"")
        assert bought[:3] == ("/cart?user=1", "Bearer token-0", "sid=s1")
        assert json.loads(bought[3]) == {"item": item_number, "user": 1, "text": "user 1"}
    assert count >= 3
    assert {key.split()[0]: one.failed for key, one in snapshot.endpoints.items()} == {"POST": 0, "GET": 0}


def of_flow_in(snapshot):
    """The one flow of a snapshot."""
    (found,) = snapshot.flows.values()
    return found


def test_starts_are_those_of_the_schedule_whoever_walks_them():
    """Granted and missed together are the integral of the rate; each granted one is completed, abandoned or cut."""
    shop = Shop()
    flow = {"startsPerSecond": 200, "workers": 5, "steps": [{"request": "login"}, {"request": "login"}]}
    with raw_server(shop.script) as server, flowing(flow_config(server, [LOGIN], flow, duration=1)) as engine:
        until(lambda: engine.read().time_s > 1.2)
        flow = of_flow_in(finished(engine))
    assert flow.requests_made + flow.missed + flow.cut == 200
    assert shop.times("/login") == 2 * flow.succeeded
    assert flow.scheduled == pytest.approx(200)


def test_a_token_that_expires_fails_the_step_that_says_so_and_not_before():
    """Later steps of that start are not sent, and the next starts fail at the same step."""
    shop = Shop(lasts=5)
    flow = {"begin": [TOKEN], "steps": [{"request": "item"}, {"request": "other"}]}
    other = request("other", "/items/8", headers=ITEM["headers"])
    with raw_server(shop.script) as server, flowing(flow_config(server, [LOGIN, ITEM, other], flow)) as engine:
        until(lambda: of_flow(engine).failed >= 2)
        snapshot = finished(engine)
    first, second = (snapshot.endpoints[f"GET {server.url.rstrip('/')}/items/{number}"] for number in (7, 8))
    login = snapshot.endpoints[f"POST {server.url.rstrip('/')}/login"]
    assert (first.succeeded, second.succeeded) == (3, 2)
    assert (login.abandoned, first.abandoned) == (0, first.failed)
    assert second.abandoned == second.failed == 1
    assert first.status_codes[401] == first.failed
    flow = of_flow_in(snapshot)
    assert (flow.succeeded, flow.failed) == (2, 1 + first.failed)


def test_a_flow_that_goes_on_is_completed_whatever_its_steps_say():
    """Also without the value that a failed step did not give: nothing stands in its place."""
    shop = Shop(answers={"/login": response(body=b"{}")})
    flow = {**ONCE, "onFailure": "continue", "steps": [TOKEN, {"request": "item"}]}
    with raw_server(shop.script) as server, flowing(flow_config(server, [LOGIN, ITEM], flow)) as engine:
        completed(engine, 1)
        snapshot = finished(engine)
    assert shop.paths() == ["/login", "/items/7"]
    assert shop.seen[1][0].fields["authorization"] == "Bearer"
    assert (of_flow_in(snapshot).succeeded, of_flow_in(snapshot).failed) == (1, 0)
    assert sum(one.abandoned for one in snapshot.endpoints.values()) == 0


def test_a_failed_begin_is_done_again_by_the_next_start():
    """And the steps wait for it."""
    answers = iter([response("503 Service Unavailable"), response("503 Service Unavailable")])
    shop = Shop()
    shop.answers["/login"] = lambda seen, body: next(answers, None) or Shop.answer(Shop(), seen, body)
    flow = {"startsPerSecond": 100, "begin": [{"request": "login"}], "steps": [{"request": "free"}]}
    shop.answers["/free"] = response()
    with raw_server(shop.script) as server:
        document = flow_config(server, [LOGIN, request("free", "/free")], flow)
        with flowing(document) as engine:
            completed(engine, 2)
            flow = of_flow_in(finished(engine))
    assert shop.paths()[:5] == ["/login", "/login", "/login", "/free", "/free"]
    assert flow.failed == 2


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


def test_choices_and_repeats_are_walked():
    """A repeat so many times, one within another too; an option of the weight 0 never, the others by their weights."""
    shop = Shop(answers={f"/{name}": response() for name in "abcd"})
    requests = [request(name, f"/{name}") for name in "abcd"]
    choose = [
        {"weight": 3, "steps": [{"request": "b"}]},
        {"weight": 1, "steps": []},
        {"weight": 0, "steps": [{"request": "d"}]},
    ]
    inner = {"repeat": {"times": 2, "steps": [{"request": "c"}]}}
    flow = {"steps": [{"request": "a"}, {"repeat": {"times": 3, "steps": [inner, {"choose": choose}]}}]}
    with raw_server(shop.script) as server, flowing(flow_config(server, requests, flow)) as engine:
        completed(engine, 200)
        flow = of_flow_in(finished(engine))
    told = Counter(shop.paths())
    assert told["/a"] == flow.succeeded
    assert told["/c"] == 6 * flow.succeeded
    assert told["/d"] == 0
    # 600 choices or more: 75 % within five standard deviations.
    assert told["/b"] / (3 * flow.succeeded) == pytest.approx(0.75, abs=0.09)


def test_a_pause_is_in_no_duration_and_holds_its_user():
    """Two users who think for a minute: two starts, and every other one is missed because no lane was free."""
    shop = Shop(answers={"/a": response()})
    flow = {"startsPerSecond": 100, "workers": 2, "steps": [{"request": "a"}, {"think": 60}, {"request": "a"}]}
    with raw_server(shop.script) as server, flowing(flow_config(server, [request("a", "/a")], flow)) as engine:
        until(lambda: of_flow(engine).missed >= 20)
        assert of_flow(engine).in_flight == 2
        flow = of_flow_in(finished(engine, 0.0))
    assert shop.paths() == ["/a", "/a"]
    assert (flow.succeeded, flow.failed, flow.cut) == (0, 0, 2)


def test_a_duration_is_without_its_pauses():
    """A pause of a second between two answers of some milliseconds."""
    shop = Shop(answers={"/a": response()})
    flow = {**ONCE, "steps": [{"request": "a"}, {"think": {"uniform": [1, 1.001]}}, {"request": "a"}]}
    with raw_server(shop.script) as server, flowing(flow_config(server, [request("a", "/a")], flow)) as engine:
        completed(engine, 1)
        snapshot = finished(engine)
        assert engine.read().time_s >= 1
    assert of_flow_in(snapshot).response.max_us < 1_000_000
    assert max(one.response.max_us for one in snapshot.endpoints.values()) < 1_000_000


@pytest.mark.parametrize("how", ["retired", "the run is over"])
def test_a_user_says_goodbye_once(how):
    """When he is retired, and when the run is over: once each who has begun, and none who has not."""
    shop = Shop(answers={"/a": response(), "/bye": response()})
    requests = [LOGIN, request("a", "/a"), request("bye", "/bye")]
    flow = {
        "startsPerSecond": 50,
        "autoscale": {"enabled": True, "maxWorkers": 9},
        "begin": [{"request": "login"}],
        "steps": [{"request": "a"}],
        "end": [{"request": "bye"}],
    }
    with raw_server(shop.script) as server, flowing(flow_config(server, requests, flow), users=3) as engine:
        completed(engine, 5)
        if how == "retired":
            engine.scale("flow shop", 1)
            until(lambda: shop.times("/bye") >= shop.times("/login") - 1 and of_flow(engine).worker_count == 1)
        snapshot = finished(engine)
    assert shop.times("/bye") == shop.times("/login") >= 1
    assert of_flow_in(snapshot).failed == 0


def test_cookies_are_kept_by_each_user_and_follow_redirects():
    """The cookie that a redirect sets goes along with the request that follows on it, and with later ones of its user."""
    shop = Shop(answers={"/login": lambda *_: response("303 See Other", "Location: /home", f"Set-Cookie: u={len(shop.seen)}")})
    shop.answers["/home"] = shop.answers["/a"] = response()
    flow = {"startsPerSecond": 100, "workers": 3, "cookies": True, "begin": [{"request": "login"}], "steps": [{"request": "a"}]}
    with raw_server(shop.script) as server:
        document = flow_config(server, [LOGIN, request("a", "/a")], flow, followRedirects=True)
        with flowing(document) as engine:
            completed(engine, 6)
            finished(engine)
    for seen, _ in shop.seen:
        assert ("cookie" in seen.fields) == (seen.target != "/login"), seen
    by_path = {path: {seen.fields["cookie"] for seen, _ in shop.seen if seen.target == path} for path in ("/home", "/a")}
    assert by_path["/a"] <= by_path["/home"]
    assert len(by_path["/home"]) == shop.times("/login")


def test_a_cookie_field_of_the_config_goes_along_with_the_jar():
    """In one field (RFC 6265 5.4)."""
    shop = Shop(answers={"/a": response("200 OK", "Set-Cookie: sid=1")})
    flow = {**ONCE, "cookies": True, "steps": [{"request": "a"}, {"request": "a"}]}
    requests = [request("a", "/a", headers={"Cookie": "lang={{lang}}"})]
    with raw_server(shop.script) as server:
        document = flow_config(server, requests, flow, data={"lang": {"values": [{"code": "de"}]}})
        document["requests"][0]["headers"]["Cookie"] = "lang={{lang.code}}"
        with flowing(document) as engine:
            completed(engine, 1)
            finished(engine)
    assert [seen.fields["cookie"] for seen, _ in shop.seen] == ["lang=de", "lang=de; sid=1"]


def test_rows_that_are_used_once_end_the_flow():
    """Each user row is used by one start, and then the flow begins no more."""
    shop = Shop(answers={"/a": response(), "/b": response()})
    flow = {"startsPerSecond": 500, "steps": [{"request": "a"}, {"request": "b"}]}
    requests = [request("a", "/a?u={{u.n}}"), request("b", "/b?u={{u.n}}")]
    rows = {"u": {"values": [{"n": number} for number in range(7)], "pick": "unique"}}
    with raw_server(shop.script) as server, flowing(flow_config(server, requests, flow, data=rows)) as engine:
        until(lambda: of_flow(engine).over)
        completed(engine, 7)
        flow = of_flow_in(finished(engine))
    assert shop.paths() == [f"/{name}?u={number}" for number in range(7) for name in "ab"]
    assert (flow.succeeded, flow.failed) == (7, 0)


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


def test_a_dead_target_abandons_each_start_and_is_not_stormed():
    """A closed loop of users who cannot connect rests between its tries."""
    with raw_server(lambda _: None) as server:
        url = server.url
    flow = {"workers": 2, "steps": [{"request": "login"}]}
    document = {"baseUrl": url.rstrip("/"), "duration": 60, "requests": [LOGIN], "flows": [{"name": "shop", **flow}]}
    with flowing(document) as engine:
        until(lambda: of_flow(engine).failed >= 4)
        snapshot = finished(engine)
        lasted_s = engine.read().time_s
    login = next(iter(snapshot.endpoints.values()))
    assert login.errors == {"connect": login.failed}
    assert of_flow_in(snapshot).failed == login.abandoned == login.failed <= 2 * (2 + lasted_s / 0.1)


def test_flows_run_beside_endpoints_with_rates_of_their_own():
    """Each has its own workers and its own books."""
    shop = Shop(answers={"/free": response(), "/a": response()})
    free = request("free", "/free", autoscale={"enabled": True, "targetRps": 100, "maxWorkers": 5})
    flow = {"startsPerSecond": 50, "workers": 3, "steps": [{"request": "a"}, {"request": "a"}]}
    with raw_server(shop.script) as server:
        document = flow_config(server, [free, request("a", "/a")], flow, duration=1)
        with flowing(document) as engine:
            until(lambda: engine.read().time_s > 1.2)
            snapshot = finished(engine)
    endpoint = snapshot.endpoints[f"GET {server.url.rstrip('/')}/free"]
    assert endpoint.requests_made + endpoint.missed + endpoint.cut == 100
    flow = of_flow_in(snapshot)
    assert flow.requests_made + flow.missed + flow.cut == 50
