"""Flows over real sockets: who is asked what, in which order, with which values, and what is counted of it."""

import json
from collections import Counter

import pytest
from flows import (
    ITEM,
    LOGIN,
    ONCE,
    TOKEN,
    Shop,
    completed,
    finished,
    flow_config,
    flowing,
    of_flow,
    of_flow_in,
    request,
    until,
)
from servers import raw_server, response

pytestmark = pytest.mark.timed


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
