"""Flows in a config: what they resolve to, and every mistake with its place."""

import copy

import pytest
from each import each

from tressi.config.load import load_config
from tressi.config.overrides import Overrides
from tressi.errors import ConfigError
from tressi.model import Stage, pools_of
from tressi.model.flow import Between, Choose, Extract, FromCookie, FromHeader, FromJson, Repeat, Send, Think, steps_of

pytestmark = pytest.mark.pure

LOGIN = {"name": "login", "url": "http://h/login", "method": "POST", "payload": {"user": "ann"}}
ITEM = {"name": "item", "url": "http://h/items/1", "headers": {"Authorization": "Bearer {{token}}"}}
FREE = {"name": "free", "url": "http://h/free"}
TOKEN = {"request": "login", "extract": {"token": {"json": "$.access_token"}}}
FLOW = {"name": "shop", "workers": 2, "begin": [TOKEN], "steps": [{"request": "item"}]}


def document(flow=None, **fields):
    """A config with one flow and one endpoint beside it."""
    return copy.deepcopy({"requests": [LOGIN, ITEM, FREE], "flows": [{**FLOW, **(flow or {})}], **fields})


def problems_of(config, **overrides):
    """The sentences with which a config is refused."""
    with pytest.raises(ConfigError) as caught:
        load_config(config, Overrides(**overrides))
    return str(caught.value).split("\n")


def test_each_step_is_an_endpoint_and_the_flow_has_a_pool():
    """Behind the endpoints with rates of their own, in the order in which a user comes to them."""
    config = load_config(document(rps=10))
    assert [(one.name, one.flow) for one in config.endpoints] == [("free", None), ("login", "flow shop"), ("item", "flow shop")]
    (flow,) = config.flows
    assert steps_of(flow) == [one.endpoint_key for one in config.endpoints[1:]]
    assert config.endpoints[1].extracts == (Extract("token", FromJson("$.access_token", ("access_token",))),)
    own, shared = pools_of(config)
    assert (own.endpoint_keys, own.curve, own.is_shared) == (("flow shop",), None, False)
    assert shared.endpoint_keys == ("GET http://h/free",)


def test_a_request_may_be_sent_by_several_steps():
    """Each has books of its own, with the name of the request."""
    config = load_config(document({"steps": [{"request": "item"}, {"request": "item", "expect": {"status": 404}}]}))
    items = [one for one in config.endpoints if one.name == "item"]
    assert [one.endpoint_key for one in items] == ["GET http://h/items/1", "GET http://h/items/1 #2"]
    assert [one.expect and one.expect.status for one in items] == [None, (404,)]


def test_every_kind_of_step_and_extract():
    """As values."""
    steps = [
        {
            "request": "item",
            "extract": {
                "a": {"json": "$.l[*]['x y'][2]", "pick": "random", "show": True},
                "b": {"header": "Location"},
                "c": {"cookie": "sid"},
                "d": {"between": ["<", ">"]},
            },
        },
        {"think": 2},
        {"think": {"uniform": [1, 3]}},
        {"repeat": {"times": 3, "steps": [{"think": {"exponential": 0.5}}]}},
        {"choose": [{"weight": 1, "steps": [{"request": "item"}]}, {"weight": 0.5, "steps": []}]},
    ]
    config = load_config(document({"steps": steps, "cookies": True, "onFailure": "continue", "slotBytes": 9}))
    (flow,) = config.flows
    first, second = (one.endpoint_key for one in config.endpoints if one.name == "item")
    assert flow.steps == (
        Send(first),
        Think("fixed", 2.0),
        Think("uniform", 1.0, 3.0),
        Repeat(3, (Think("exponential", 0.5),)),
        Choose(((1.0, (Send(second),)), (0.5, ()))),
    )
    assert (flow.cookies, flow.goes_on, flow.slot_bytes) == (True, True, 9)
    extracts = next(one.extracts for one in config.endpoints if one.endpoint_key == first)
    assert [one.origin for one in extracts] == [
        FromJson("$.l[*]['x y'][2]", ("l", None, "x y", 2), "random"),
        FromHeader("location"),
        FromCookie("sid"),
        Between("<", ">"),
    ]
    assert [one.show for one in extracts] == [True, False, False, False]


def test_rates_and_users():
    """A rate, a ramp, stages, and the autoscaler's settings; `--scale` takes them along."""
    scaled = {"enabled": True, "maxWorkers": 50, "minWorkers": 2, "cooldownPeriod": 3}
    flow = {"startsPerSecond": 20, "autoscale": scaled, "rampUpTime": 5}
    del (config := document(flow))["flows"][0]["workers"]
    (one,) = load_config(config).flows
    assert one.autoscale is not None
    assert (one.autoscale.target_rps, one.autoscale.min_workers, one.autoscale.max_workers) == (20.0, 2, 50)
    assert one.curve.points == one.autoscale.curve.points == ((0.0, 0.0), (5.0, 20.0))
    (one,) = load_config(config, Overrides(scale=2.0)).flows
    assert (one.target_rps, one.autoscale.max_workers) == (40.0, 100)
    (one,) = load_config(
        document({"stages": [{"duration": 10, "startsPerSecond": 5}, {"duration": 5, "startsPerSecond": 0}]})
    ).flows
    assert one.stages == (Stage(10.0, 5.0), Stage(5.0, 0.0))
    assert one.target_rps == 5.0


# What is wrong, and the one sentence that says so.
MISTAKES = {
    "a name of no request": (
        {"steps": [{"request": "item"}, {"request": "itme"}]},
        'flows[0].steps[1].request: "itme" is the name of no request; did you mean "item"?',
    ),
    "no request at all": (
        {"begin": [TOKEN, {"request": "item"}], "steps": [{"think": 1}]},
        "flows[0].steps: send no request at all",
    ),
    "two things in one step": (
        {"steps": [{"request": "item"}, {"request": "item", "think": 1}]},
        "flows[0].steps[1]: has request and think; a step is one of request, think, repeat or choose",
    ),
    "nothing in a step": (
        {"steps": [{"request": "item"}, {}]},
        "flows[0].steps[1]: says nothing of what is done; a step is one of request, think, repeat or choose",
    ),
    "an extract of a pause": (
        {"steps": [{"request": "item"}, {"think": 1, "extract": {}}]},
        "flows[0].steps[1].extract: is of no use with think; only a request has a response",
    ),
    "a value from nowhere": (
        {"steps": [{"request": "item", "extract": {"a": {}}}]},
        (
            "flows[0].steps[0].extract.a: does not say where the value stands;"
            " a value comes from one of json, header, cookie or between"
        ),
    ),
    "a path that counts backwards": (
        {"steps": [{"request": "item", "extract": {"a": {"json": "$[-1]"}}}]},
        'flows[0].steps[0].extract.a.json: "$[-1]" counts from the end with [-1], which is not known while a body comes',
    ),
    "a pick without a path": (
        {"steps": [{"request": "item", "extract": {"a": {"cookie": "a", "pick": "last"}}}]},
        "flows[0].steps[0].extract.a.pick: is of no use without json",
    ),
    "a value before it is there": (
        {"begin": [], "steps": [{"request": "item"}, TOKEN]},
        (
            'flows[0].steps[0].request: "item" uses {{token}} before it is extracted, which is done by "login",'
            " a later step or this one"
        ),
    ),
    "a span the wrong way": (
        {"steps": [{"request": "item"}, {"think": {"uniform": [3, 1]}}]},
        "flows[0].steps[1].think.uniform: is no span of seconds from the shorter to the longer, 31,536,000 at most",
    ),
    "a choice of nothing": (
        {"steps": [{"request": "item"}, {"choose": [{"weight": 0, "steps": []}]}]},
        "flows[0].steps[1].choose: chooses nothing: no weight is above 0",
    ),
    "users counted twice": (
        {"autoscale": {"enabled": True, "maxWorkers": 5}, "startsPerSecond": 1},
        "flows[0].workers: stands beside autoscale, which decides how many users there are; maxWorkers limits them",
    ),
    "two rates": (
        {"startsPerSecond": 1, "stages": [{"duration": 1, "startsPerSecond": 1}]},
        "flows[0].startsPerSecond: stands beside stages, which say what rate is asked for when; leave one of them out",
    ),
}


@each("case", MISTAKES)
def test_a_mistake_is_named_with_its_place_and_the_rule(case):
    """One sentence each."""
    flow, sentence = MISTAKES[case]
    assert problems_of(document(flow)) == [sentence]


def test_mistakes_beside_flows():
    """What cannot stand beside them, and requests that are good for flows alone."""
    config = document(concurrentRequests=2, maxRequests=5)
    config["requests"][1] |= {"autoscale": {"enabled": True, "targetRps": 5}, "maxRequests": 7}
    config["requests"][2]["url"] = "http://h/{{token}}"
    assert problems_of(config) == [
        "requests[1].autoscale: is of no use: flows send this request, and only they have a rate",
        "requests[1].maxRequests: is of no use: flows send this request, and only they have a rate",
        "requests[2]: uses {{token}}, which a flow extracts; a request outside of flows has no such value",
        "concurrentRequests: 2 cannot stand beside flows: a worker of a flow is one user, who sends one request at a time",
        "maxRequests: cannot stand beside flows yet; the duration ends the run",
    ]


def test_names_mean_one_thing():
    """Flows among themselves, values and data, and the requests that steps name."""
    config = document(data={"token": {"uuid": 4}})
    config["flows"].append({**FLOW, "begin": []})
    config["requests"].append(dict(ITEM))
    found = problems_of(config)
    assert 'flows[1].name: "shop" is the name of flows[0], too; each flow has its own' in found
    assert 'flows[0].begin[0].extract.token: "token" is declared in data, too; each name means one thing' in found
    assert 'flows[0].steps[0].request: "item" is the name of requests[1] and requests[3]; a step needs one' in found


def test_the_second_transport_has_no_flows():
    """And says so."""
    assert problems_of(document(), transport="urllib3") == ["flows: need the transport wire"]


def test_what_the_schema_refuses_has_its_place_however_deep():
    """A definition that names itself is checked at every depth."""
    deep = {"repeat": {"times": 2, "steps": [{"choose": [{"weight": 1, "steps": [{"think": -1}]}]}]}}
    (found,) = problems_of(document({"steps": [{"request": "item"}, deep]}))
    assert found.startswith("flows[0].steps[1].repeat.steps[0].choose[0].steps[0].think: -1")
