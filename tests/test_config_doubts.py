"""Settings that will not do what their author may expect, and what is said before a run: all of it warnings."""

import json

import pytest
from each import each

from tressi.cli import main
from tressi.config.load import Overrides, load_config
from tressi.config.remarks import at_full_speed, remarks
from tressi.ui.sentences import announcement

pytestmark = pytest.mark.pure

URL = "http://127.0.0.1:8080/fast"
POST = {"url": URL, "method": "POST"}
AUTOSCALED = {"url": URL, "autoscale": {"enabled": True, "targetRps": 5}}


def warnings_of(overrides=None, /, **document):
    """What is said of a sound config."""
    return list(load_config({"requests": [{"url": URL}], **document}, overrides).warnings)


@each(
    ("more", "warnings"),
    [
        ({"errorCountThreshold": 5}, ("errorCountThreshold: has no effect without earlyExitOnError: true",)),
        (
            {"errorRateThreshold": 0.5, "errorStatusCodes": [500], "earlyExitOnError": False},
            (
                "errorRateThreshold: has no effect without earlyExitOnError: true",
                "errorStatusCodes: has no effect without earlyExitOnError: true",
            ),
        ),
        ({"earlyExitOnError": True, "errorCountThreshold": 5}, ()),
        (
            {"requests": [{"url": URL, "headers": {"expect": "100-continue"}}]},
            ("requests[0].headers.expect: is left out, the request has no body that could wait",),
        ),
        ({"requests": [{"url": URL, "method": "PUT", "body": "x", "headers": {"Expect": "100-continue"}}]}, ()),
        (
            {"rampUpTime": 20, "duration": 10},
            ("rampUpTime: is longer than the duration, so the target is never reached",),
        ),
        ({"rampUpTime": 10, "duration": 10}, ()),
        ({"tls": {"key": "client.key"}}, ("tls.key: has no effect without tls.cert",)),
        ({"tls": {"cert": "client.pem", "key": "client.key"}}, ()),
    ],
)
def test_a_setting_without_the_effect_its_author_expects_is_a_warning(more, warnings):
    """The run is done as asked, and the author is told."""
    assert load_config({"requests": [{"url": URL}], **more}).warnings == warnings


CONTENT = "which asks for no content, and many servers refuse it; did you mean POST?"


def test_content_where_the_method_asks_for_none_is_a_warning():
    """RFC 9110 9.3: GET and HEAD have no meaning for it, TRACE must not have it."""
    for request, warning in [
        ({"payload": {}}, f"requests[0].payload: no method is given, so it is sent with GET, {CONTENT}"),
        ({"payload": [1], "method": "GET"}, f"requests[0].payload: it is sent with GET, {CONTENT}"),
        ({"body": "x", "method": "HEAD"}, f"requests[0].body: it is sent with HEAD, {CONTENT}"),
        ({"body": "x", "method": "TRACE"}, f"requests[0].body: it is sent with TRACE, {CONTENT}"),
    ]:
        assert warnings_of(requests=[{"url": URL, **request}]) == [warning]
    for request in ({"body": ""}, {"payload": {}, "method": "DELETE"}, {"body": "x", "method": "OPTIONS"}):
        assert warnings_of(requests=[{"url": URL, **request}]) == []


def test_one_name_of_two_endpoints_is_a_warning():
    """The warning of each of the others names the first; endpoints without a name have none in common."""
    names = ["a", None, "b", "a", None, "a"]
    requests = [{"url": URL} if name is None else {"url": URL, "name": name} for name in names]
    assert warnings_of(requests=requests) == [
        'requests[3].name: "a": requests[0] has this name too, and a threshold of it is judged for each',
        'requests[5].name: "a": requests[0] has this name too, and a threshold of it is judged for each',
    ]


TEMPLATE = "looks like a template; none is filled in, it is sent as it is"


def test_a_value_that_looks_like_a_template_is_a_warning():
    """Wherever something is sent, names in payloads included; the template is shown, and no more."""
    for more, warning in [
        ({"payload": {"id": "{{$randomInt}}"}}, 'requests[0].payload.id: "{{$randomInt}}"'),
        ({"payload": {"a": [1, {"b": "x ${x.HOME} y"}]}}, 'requests[0].payload.a[1].b: "${x.HOME}"'),
        ({"payload": {"{{key}}": 1}}, 'requests[0].payload["{{key}}"]: "{{key}}"'),
        ({"body": "x" * 500 + "{% for a in b %}"}, 'requests[0].body: "{% for a in b %}"'),
        ({"body": "{{" + "x" * 500}, 'requests[0].body: "{{' + "x" * 38 + '"'),
        ({"url": "http://h/{{id}}"}, 'requests[0].url: "{{id}}"'),
        ({"url": "http://ann:${x.WORD}@h/"}, 'requests[0].url: "http://***@h/"'),
        ({"headers": {"X-Id": "a-${x.ID}"}}, 'requests[0].headers.X-Id: "${x.ID}"'),
        ({"headers": {"Authorization": "Bearer ${x.TOKEN}"}}, "requests[0].headers.Authorization: ***"),
        ({"headers": {"X-Key": "${x.KEY}"}}, "requests[0].headers.X-Key: ***"),
        ({"expect": {"bodyContains": "{{name}}"}}, 'requests[0].expect.bodyContains: "{{name}}"'),
    ]:
        found = warnings_of(Overrides(mask_headers=("x-key",)), requests=[{**POST, **more}])
        assert found == [f"{warning} {TEMPLATE}"], more
    assert warnings_of(headers={"X-Id": "${x.ID}"}) == [f'headers.X-Id: "${{x.ID}}" {TEMPLATE}']
    for plain in ("{id}", "$5", "{ {", "100 %}", "a{b}{c}"):
        assert warnings_of(requests=[{**POST, "body": plain}]) == []


def test_many_templates_are_counted():
    """A payload of a hundred does not bury the rest."""
    found = warnings_of(requests=[{**POST, "payload": [f"${{{number}}}" for number in range(100)]}])
    assert found[2:] == [f'requests[0].payload[2]: "${{2}}" {TEMPLATE}', "97 more values look like a template"]
    assert warnings_of(requests=[{**POST, "payload": ["${x.a}"] * 4}])[3:] == ["1 more value looks like a template"]


def test_a_template_in_place_of_a_host_is_named_in_the_error(tmp_path, capsys):
    """No host can have such a name, and the reason is that nothing filled it in."""
    file = tmp_path / "c.json"
    file.write_text(json.dumps({"requests": [{"url": "https://{{host}}/x"}]}))
    assert main(["validate", str(file)]) == 2
    reason = "has a host that cannot be; it looks like a template, and none is filled in"
    assert capsys.readouterr().err == f'tressi: requests[0].url: "https://{{{{host}}}}/x" {reason}\n'


def test_a_share_that_is_meant_as_a_percentage_is_a_warning():
    """1 is 100 % of all attempts: `errorRate < 1` passes with 99 % of failures."""
    for condition, meant in [
        ("errorRate < 1", ("1", "errorRate < 1%")),
        ("errorRate <= 5", ("5", "errorRate <= 5%")),
        ("2.5 > errorRate", ("2.5", "2.5% > errorRate")),
        ("errorRate[30s] < 1", ("1", "errorRate[30s] < 1%")),
        ("errorRate < 1%", None),
        ("errorRate < 100%", None),
        ("errorRate < 0.01", None),
        ("rps > 1", None),
        ("requestsFailed / requestsMade < 1", None),
    ]:
        expected = []
        if meant:
            number, better = meant
            said = f'"{condition}" is about a share, of which 1 means 100 %; for {number} % write "{better}"'
            expected = [f"thresholds[0]: {said}"]
        assert warnings_of(thresholds=[condition]) == expected
    assert warnings_of(thresholds=[f"GET {URL}: errorRate < 1"])[0].startswith(
        'thresholds[0]: "errorRate < 1" is about a share'
    )
    assert warnings_of(thresholds=[{"threshold": "errorRate < 1"}])[0].startswith("thresholds[0].threshold: ")
    assert warnings_of(Overrides(fail_if=("errorRate > 1",)))[0].startswith('--fail-if: "errorRate > 1" is about a share')
    assert warnings_of(earlyExitOnError=True, errorRateThreshold=1) == [
        "errorRateThreshold: 1 is a share and means 100 %, so nothing less ends the run; 1 % is 0.01"
    ]
    assert warnings_of(earlyExitOnError=True, errorRateThreshold=0.99) == []


# ------------------------------------------------------------------------------------------------- before a run


def test_a_pool_without_a_rate_says_so():
    """With how many workers, and of which pool; where all have a rate there is nothing to say."""
    for document, sentence in [
        ({}, "no rate is set: 10 workers send as fast as answers come"),
        ({"workers": 1}, "no rate is set: 1 worker sends as fast as answers come"),
        (
            {"concurrentRequests": 5},
            "no rate is set: 10 workers with 5 requests in flight each send as fast as answers come",
        ),
        (
            {"workers": 1, "concurrentRequests": 5},
            "no rate is set: 1 worker with 5 requests in flight sends as fast as answers come",
        ),
        (
            {"requests": [{"url": URL}, AUTOSCALED]},
            "no rate is set for the shared pool: 10 workers send as fast as answers come",
        ),
        ({"rps": 5}, None),
        ({"requests": [AUTOSCALED]}, None),
        ({"autoscale": {"enabled": True, "targetRps": 5}}, None),
    ]:
        config = load_config({"requests": [{"url": URL}], **document})
        assert at_full_speed(config) == sentence
        assert remarks(config, {}) == ([sentence] if sentence else [])
        assert announcement(config).startswith(f"{sentence}; running " if sentence else "running ")


@pytest.mark.timed
def test_it_is_the_first_line_of_validate_and_of_a_run(tmp_path, capsys):
    """In front of every warning, and with --quiet too."""
    sentence = "no rate is set: 10 workers send as fast as answers come"
    file = tmp_path / "c.json"
    file.write_text(json.dumps({"requests": [{"url": "http://127.0.0.1:9/"}], "duration": 1, "colour": "red"}))
    assert main(["validate", str(file)]) == 0
    assert capsys.readouterr().out.splitlines()[0] == sentence
    assert main(["validate", str(file), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["warnings"] == [sentence, "colour: unknown property, it has no effect"]
    for flag in ("--quiet", "--no-ui"):
        main(["run", str(file), flag])
        assert capsys.readouterr().err.splitlines()[0] == f"tressi: {sentence}"


def test_proxy_variables_that_are_not_used_are_said_in_one_sentence():
    """Their values are secrets; empty ones are not set."""
    plain = load_config({"requests": [{"url": URL}], "rps": 1})
    proxied = load_config({"requests": [{"url": URL}], "rps": 1, "proxy": "http://p:3128"})
    through = "`proxy` in the config sends them through one, and `environment` for it through these"
    remedy = f"requests go straight to the target; {through}"
    for environment, sentence in [
        ({"HTTP_PROXY": "http://ann:SECRET@p"}, f"HTTP_PROXY of the environment has no effect: {remedy}"),
        (
            {"NO_PROXY": "h", "https_proxy": "p", "http_proxy": "", "PATH": "/bin"},
            f"https_proxy and NO_PROXY of the environment have no effect: {remedy}",
        ),
        (
            {"all_proxy": "p", "ALL_PROXY": "p", "no_proxy": "*"},
            f"all_proxy, no_proxy and ALL_PROXY of the environment have no effect: {remedy}",
        ),
    ]:
        assert remarks(plain, environment) == [sentence]
    assert remarks(plain, {"http_proxy": ""}) == []
    assert remarks(proxied, {"http_proxy": "p"})[0] == (
        "http_proxy of the environment has no effect: all requests go to the config's proxy"
    )
