"""`tressi validate` of a config with flows: one user walks each on paper, in text and as JSON."""

import json

import pytest

from tressi.cli import main

pytestmark = pytest.mark.pure

CONFIG = {
    "baseUrl": "http://h",
    "duration": 1,
    "data": {
        "user": {
            "values": [{"name": "ann", "password": "s3cret-1"}, {"name": "bob", "password": "s3cret-2"}],
            "pick": "perLane",
        },
        "item": {"integer": {"from": 7, "to": 9}},
        "colour": {"values": ["red"]},
        "id": {"uuid": 4},
    },
    "mask": ["body:/password"],
    "requests": [
        {
            "name": "login",
            "url": "/login",
            "method": "POST",
            "payload": {"user": "{{user.name}}", "password": "{{user.password}}"},
        },
        {"name": "item", "url": "/items/{{item}}", "headers": {"Authorization": "Bearer {{token}}", "X-Id": "{{id}}"}},
        {"name": "paint", "url": "/paint/{{colour}}", "headers": {"Authorization": "Basic fixed {{token}}"}},
        {"name": "look", "url": "/look/{{colour}}"},
        {"name": "buy", "url": "/cart", "method": "POST", "payload": {"item": "{{item}}", "for": "{{user.name}}"}},
        {"name": "bye", "url": "/bye"},
        {"name": "health", "url": "/health", "autoscale": {"enabled": True, "targetRps": 1, "maxWorkers": 1}},
    ],
    "flows": [
        {
            "name": "shop",
            "startsPerSecond": 20,
            "autoscale": {"enabled": True, "maxWorkers": 200, "initialWorkers": 40},
            "cookies": True,
            "begin": [{"request": "login", "extract": {"token": {"json": "$.access_token"}}}],
            "steps": [
                {"request": "item"},
                {"think": {"exponential": 3}},
                {"repeat": {"times": 2, "steps": [{"request": "paint"}, {"think": {"uniform": [1, 2]}}, {"request": "look"}]}},
                {"choose": [{"weight": 1, "steps": [{"request": "buy"}]}, {"weight": 3, "steps": []}]},
            ],
            "end": [{"request": "bye"}],
        }
    ],
}


@pytest.fixture
def config(tmp_path):
    """The path of the config."""
    (tmp_path / "c.json").write_text(json.dumps(CONFIG))
    return str(tmp_path / "c.json")


def test_a_user_walks_the_flow_on_paper(config, capsys):
    """Each step in order and indented as it is nested, what is sent, where values come from, when they are drawn."""
    assert main(["validate", config]) == 0
    out = capsys.readouterr().out
    walk = [line for line in out.partition("\nflow shop: ")[2].partition("\n\nGET http://h/health")[0].splitlines() if line]
    # What is sent is of the requests' own test.
    assert [line for line in walk if not line.strip().startswith(("Host:", "User-Agent:", "Content-"))] == [
        "20 starts per second, 1 to 200 users, 40 at start, with cookies",
        "    draws user once for each user",
        "    begin, once by each user:",
        "        login:",
        "            POST /login HTTP/1.1",
        '            {"user":"ann","password":"***"}',
        "            takes token: json $.access_token, masked in every output",
        "    steps, at each start:",
        "        draws item with each start",
        "        draws id for this request",
        "        item:",
        "            GET /items/7 HTTP/1.1",
        "            Authorization: Bearer {{token}}",
        "            X-Id: 00000000-0000-4000-8000-000000000000",
        "            where {{token}} is from login: json $.access_token",
        "        think: 3 s in the mean, exponential",
        "        repeat 2 times:",
        "            draws colour with each round",
        "            paint:",
        "                GET /paint/red HTTP/1.1",
        "                Authorization: ***",
        "                where {{token}} is from login: json $.access_token",
        "            think: 1 to 2 s",
        "            look:",
        "                GET /look/red HTTP/1.1",
        "        choose:",
        "            25 % of the time:",
        "                buy:",
        "                    POST /cart HTTP/1.1",
        '                    {"item":7,"for":"ann"}',
        "            75 % of the time:",
        "                nothing",
        "    end, once when a user leaves:",
        "        bye:",
        "            GET /bye HTTP/1.1",
    ]
    assert "s3cret" not in out
    assert "flow shop" in next(line for line in out.splitlines() if line.startswith("GET http://h/bye"))


def test_the_plan_for_programs_has_the_walk(config, capsys):
    """The same as values."""
    assert main(["validate", config, "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    (flow,) = plan["flows"]
    assert (flow["startsPerSecond"], flow["minWorkers"], flow["maxWorkers"], flow["initialWorkers"]) == (20, 1, 200, 40)
    assert (flow["drawnOncePerUser"], flow["steps"]["draws"]) == (["user"], ["item"])
    item, think, repeat, choose = flow["steps"]["steps"]
    assert (item["request"], item["endpointKey"], item["draws"]) == ("item", "GET http://h/items/{{item}}", ["id"])
    assert item["slots"] == {"token": ["login: json $.access_token"]}
    assert think == {"think": {"exponential": 3}}
    assert (repeat["repeat"]["times"], repeat["repeat"]["draws"]) == (2, ["colour"])
    assert [option["share"] for option in choose["choose"]] == [0.25, 0.75]
    (login,) = flow["begin"]["steps"]
    assert login["extracts"] == {"token": "json $.access_token"}
    assert [one.get("flow") for one in plan["endpoints"]] == [None, *["flow shop"] * 6]


def test_a_flow_without_data_is_walked_too(tmp_path, capsys):
    """Its requests are what stands in the config, in the order of the steps."""
    requests = [{"name": "a", "url": "http://h/a"}, {"name": "b", "url": "http://h/b"}]
    steps = [{"request": "b"}, {"think": 2}, {"request": "a"}]
    flows = [{"name": "two", "workers": 3, "onFailure": "continue", "steps": steps}]
    (tmp_path / "c.json").write_text(json.dumps({"duration": 1, "requests": requests, "flows": flows}))
    assert main(["validate", str(tmp_path / "c.json")]) == 0
    out = capsys.readouterr().out
    assert "flow two: each user begins again at once, 3 users, goes on after a step that fails\n" in out
    assert out.index("        b:\n") < out.index("        think: 2 s\n") < out.index("        a:\n")
