"""The property `data` and its placeholders: what is taken, what is refused and in which words, what is a warning."""

import json

import pytest
from configs import problems

from tressi.config.load import load_config
from tressi.errors import ConfigError
from tressi.model.data import Integer, Rows, Sequence, Text, Time, Uuid

pytestmark = pytest.mark.pure


def document(data, **request):
    """A config with sources, and one request."""
    return {"data": data, "requests": [{"url": "http://h/", **request}]}


@pytest.fixture
def folder(tmp_path):
    """A directory with two tables, and a function that writes a config beside them and says what is wrong with it."""
    (tmp_path / "users.csv").write_text("name,password,weight\nada,x,1\n")
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "carts.jsonl").write_text('{"id": 1}\n')
    return tmp_path


def saved(folder, config):
    """The path of a config in a file."""
    path = folder / "config.json"
    path.write_text(json.dumps(config))
    return path


def told(folder, config):
    """What is said of a config in a file."""
    with pytest.raises(ConfigError) as caught:
        load_config(saved(folder, config))
    return str(caught.value).splitlines()


def test_every_kind_of_source_is_resolved(folder):
    """Files are found beside the config; defaults are filled in."""
    data = {
        "user": {"file": "users.csv", "pick": {"weight": "weight"}},
        "line": {"file": "carts.jsonl", "format": "lines", "pick": "unique"},
        "cart": {"file": "carts.jsonl", "pick": {"zipf": 1.1}},
        "size": {"values": ["s", 2]},
        "qty": {"integer": {"from": -1, "to": 5.0}},
        "id": {"uuid": 7},
        "n": {"sequence": {}},
        "odd": {"sequence": {"from": 3, "step": 2}},
        "now": {"time": "iso"},
        "word": {"text": {"length": 3, "alphabet": "ab"}},
    }
    assert load_config(saved(folder, document(data))).data == {
        "user": Rows(
            "data.user.file", ("name", "password", "weight"), f"{folder}/users.csv", "csv", pick="weight", weight="weight"
        ),
        "line": Rows("data.line.file", (), f"{folder}/carts.jsonl", "lines", pick="unique"),
        "cart": Rows("data.cart.file", ("id",), f"{folder}/carts.jsonl", "jsonl", pick="zipf", exponent=1.1),
        "size": Rows("data.size.values", values=("s", 2)),
        "qty": Integer(-1, 5),
        "id": Uuid(7),
        "n": Sequence(),
        "odd": Sequence(3, 2),
        "now": Time("iso"),
        "word": Text(3, b"ab"),
    }


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ({"file": "gone.csv"}, 'data.x.file: cannot read "gone.csv": No such file or directory'),
        ({"file": "empty.csv"}, 'data.x.file: "empty.csv" is empty; its first line must name the columns'),
        ({"file": "."}, 'data.x.file: "." does not tell its format by its extension; `format` says it'),
        (
            {"file": ".", "format": "csv"},
            'data.x.file: "." is no regular file, and a table is read more than once',
        ),
        ({"file": "users.dat"}, 'data.x.file: "users.dat" does not tell its format by its extension; `format` says it'),
        ({"file": "a", "format": "xml"}, 'data.x.format: "xml" is not one of csv, tsv, jsonl or lines'),
        ({}, "data.x: says nothing of its values; a source is one of file, values, integer, uuid, sequence, time or text"),
        (
            {"uuid": 4, "time": "ms"},
            "data.x: has uuid and time; a source is one of file, values, integer, uuid, sequence, time or text",
        ),
        ({"uuid": 5}, "data.x.uuid: 5 is not one of 4 or 7"),
        ({"uuid": 4, "pick": "random"}, "data.x.pick: is of no use with uuid; only file or values has rows"),
        ({"values": [1], "format": "csv"}, "data.x.format: is of no use with values; only file has rows"),
        ({"values": []}, "data.x.values: has no entry, but needs at least 1"),
        ({"integer": {"from": 2, "to": 1}}, "data.x.integer: from 2 is greater than to 1"),
        ({"integer": {"from": 2}}, "data.x.integer.to: is missing, but required"),
        ({"sequence": {"step": 0}}, "data.x.sequence.step: 0 would give the same number each time"),
        ({"time": "h"}, 'data.x.time: "h" is not one of s, ms, us, ns or iso'),
        ({"text": {"length": 0}}, "data.x.text.length: 0 is less than the minimum of 1"),
        ({"text": {"length": 70_000}}, "data.x.text.length: 70000 is greater than 65,536, the most that can be held"),
        (
            {"text": {"length": 1, "alphabet": "aé"}},
            "data.x.text.alphabet: has U+00E9, which is no printable character of ASCII",
        ),
        ({"file": "users.csv", "pick": {"zipf": 0}}, "data.x.pick.zipf: 0 is not greater than 0"),
        ({"file": "users.csv", "pick": {}}, "data.x.pick: needs zipf or weight, one of both"),
        (
            {"file": "users.csv", "pick": {"weight": "wieght"}},
            'data.x.pick.weight: "wieght" is no column of the table; did you mean "weight"?',
        ),
        (
            {"file": "users.csv", "pick": "uniqe"},
            'data.x.pick: "uniqe" is not one of sequential, random, shuffle, unique or perLane',
        ),
    ],
)
def test_a_source_that_cannot_be_is_refused(folder, source, line):
    """Place, value and rule."""
    assert told(folder, document({"x": source})) == [line]


@pytest.mark.parametrize(
    ("request_", "line"),
    [
        ({"url": "http://h/{{usr.name}}"}, 'requests[0].url: {{usr.name}} is not declared in data; did you mean "user"?'),
        ({"body": "{{ nobody }}"}, 'requests[0].body: {{nobody}} is not declared in data; it has "id", "user" or "word"'),
        (
            {"body": "{{user.nam}}"},
            'requests[0].body: {{user.nam}}: "nam" is no column of the table; did you mean "name"?',
        ),
        (
            {"body": "{{user.x}}"},
            'requests[0].body: {{user.x}}: "x" is no column of the table; it has "name", "password", "weight"',
        ),
        (
            {"headers": {"A": "{{user}}"}},
            "requests[0].headers.A: {{user}} names no column of the table; write {{user.name}}, for example",
        ),
        ({"payload": {"a": ["{{id.x}}"]}}, 'requests[0].payload.a[0]: {{id.x}}: "id" has no columns; write {{id}}'),
        (
            {"payload": {"{{gone}}": 1}},
            'requests[0].payload["{{gone}}"]: {{gone}} is not declared in data; it has "id", "user" or "word"',
        ),
        ({"form": {"a": "{{usr}}"}}, 'requests[0].form.a: {{usr}} is not declared in data; did you mean "user"?'),
        (
            {"url": "http://{{id}}.test/"},
            'requests[0].url: "http://{{id}}.test/" has a placeholder in front of its path; where a request goes must be known',
        ),
        (
            {"url": "http://h:{{id}}/"},
            'requests[0].url: "http://h:{{id}}/" has a placeholder in front of its path; where a request goes must be known',
        ),
        (
            {"url": "http://h/{{word}}"},
            'requests[0].url: {{word}}: its alphabet has "&", which cannot stand in a URL as it is',
        ),
        (
            {"variants": [{"url": "http://h/{{usr.name}}"}]},
            'requests[0].variants[0].url: {{usr.name}} is not declared in data; did you mean "user"?',
        ),
    ],
)
def test_a_placeholder_that_names_nothing_is_refused(folder, request_, line):
    """With what it may have been meant to name."""
    data = {"user": {"file": "users.csv"}, "id": {"uuid": 4}, "word": {"text": {"length": 2, "alphabet": "a&"}}}
    assert told(folder, document(data, **request_)) == [line]


def test_a_name_must_be_one():
    """A placeholder could not name it."""
    assert problems(document({"a.b": {"uuid": 4}})) == [
        'data["a.b"]: is no name; letters, digits, - and _ make one, and the first is a letter or _'
    ]


def test_an_unknown_property_of_a_source_is_told():
    """As anywhere else in a config."""
    config = load_config(document({"x": {"uuid": 4, "piick": "random"}}, body="{{x}}", method="POST"))
    assert config.warnings == ("data.x.piick: unknown property, it has no effect; did you mean pick?",)


def test_a_source_that_no_request_uses_is_a_warning():
    """It may have been misspelt in a text that is no placeholder."""
    config = load_config(document({"x": {"uuid": 4}, "y": {"uuid": 4}}, url="http://h/{{x}}"))
    assert config.warnings == ("data.y: is used by no request",)


def test_without_data_braces_are_text():
    """They go out as they stand, and a warning says that they look like a template."""
    config = load_config({"requests": [{"url": "http://h/", "method": "POST", "body": "{{x}}"}]})
    assert (config.endpoints[0].body, config.endpoints[0].template) == (b"{{x}}", ())
    assert config.warnings == ('requests[0].body: "{{x}}" looks like a template; none is filled in, it is sent as it is',)


def test_the_identity_shows_placeholders_as_they_are_written():
    """A parameter that is a secret by its name is shown where it is a placeholder, and hidden where it is not."""
    config = load_config(
        document({"x": {"uuid": 4}}, url="http://u:p@h/ü/{{ x }}?api_key={{x}}&token=abc{{x}}&q={{{x}}}#{{x}}"),
    )
    (endpoint,) = config.endpoints
    assert endpoint.endpoint_key == "GET http://***@h/ü/{{x}}?api_key={{x}}&token=***&q={{{x}}}#{{x}}"
    assert endpoint.url == "http://u:p@h/%C3%BC/{{x}}?api_key={{x}}&token=abc{{x}}&q={{{x}}}"


def test_a_fetched_config_names_no_file(monkeypatch):
    """The server that it comes from could read files of this machine with it."""
    served = json.dumps(document({"x": {"file": "/etc/passwd", "format": "lines"}}, bodyFile="/etc/passwd", method="POST"))
    monkeypatch.setattr("tressi.config.source._bytes_of", lambda _: served.encode())
    with pytest.raises(ConfigError) as caught:
        load_config("https://example.test/c.json")
    file = '"/etc/passwd" is a file of this machine, and a config that was fetched may name none'
    assert str(caught.value).splitlines() == [f"data.x.file: {file}", f"requests[0].bodyFile: {file}"]
