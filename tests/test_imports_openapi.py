"""Descriptions of APIs as requests."""

import json

import pytest
from each import each
from jsonschema import Draft202012Validator

from tests.imported_samples import sample
from tressi.errors import ConfigError
from tressi.imports.formats import imported
from tressi.imports.options import Options
from tressi.imports.schemas import Schemas

pytestmark = pytest.mark.pure


def api(paths, **more):
    """A description of paths."""
    return {"openapi": "3.1.0", "info": {}, "servers": [{"url": "http://h"}], "paths": paths, **more}


def described(document, **options):
    """What an import makes of a description."""
    return imported("openapi", json.dumps(document), "x.json", Options(**options))


def requests(result):
    """The requests by their names."""
    return {request["name"]: request for request in result.document["requests"]}


def test_a_shelter_of_animals():
    """Parameters of all kinds, references, `allOf` and `oneOf`, defaults, examples, security."""
    result = sample("pets.yaml")
    found = requests(result)
    assert result.document["baseUrl"] == "http://127.0.0.1:8080"
    assert found["GET /animals"]["url"] == "/v2/animals?limit=5&kind=cat,dog&since=2026-02-01&filter%5Bage%5D=3"
    assert found["GET /animals"]["headers"] == {"Accept": "application/json", "X-Tenant": "north"}
    made = found["POST /animals"]["payload"]
    assert made["animal"]["kind"] == "cat"
    assert made["tags"] == ["shy", "loud"]
    assert made["parents"] == []
    assert "id" not in made["animal"]
    assert found["PUT /animals/{animalId}"]["url"] == "/v2/animals/rex%2F1"
    assert found["PUT /animals/{animalId}"]["payload"]["note"] == "{{brace}}{not a placeholder}} $${NOR_THIS}"
    assert found["POST /adoptions"]["form"] == {"animal": "7", "on": "2026-01-31T12:00:00Z", "paid": "true"}
    assert [one.name for one in result.variables] == ["X_SHELTER_KEY", "BASIC_CREDENTIALS", "BEARER_TOKEN"]
    assert any("/photo was left out: it sends the file 'photo'" in note for note in result.notes)
    assert any("{missing}, for which there is no parameter" in note for note in result.notes)
    assert not any("may not be" in note for note in result.notes)


def test_payments_of_version_3_1():
    """Types as lists, numeric bounds, `const`, `anyOf` with null, a schema that refers to itself."""
    result = sample("pay-31.json")
    found = requests(result)
    assert found["POST /payments"]["payload"] == {
        "amount": 0.25,
        "currency": "EUR",
        "reference": "stri",
        "method": {"last4": "1234"},
        "lines": [{"sku": "hat-1", "count": 3}] * 2,
        "shares": {"name1": -5, "name2": -5},
        "until": "2026-01-31T12:00:00Z",
    }
    assert found["POST /payments"]["headers"]["Content-Type"] == "application/vnd.pay+json"
    assert found["POST /payments"]["headers"]["Cookie"] == "pay_session=${PAY_SESSION}"
    assert found["GET /payments/{id}"]["url"] == "/payments/stringstring"
    assert found["HEAD /payments/{id}"]["url"] == "/payments/stringstring?api_key=${API_KEY}"
    assert any("'other.json#/x' is to another document" in note for note in result.notes)


def test_a_library_of_swagger_2():
    """Body and fields are parameters there, and definitions stand elsewhere."""
    found = requests(sample("swagger-2.json"))
    assert found["GET /books"]["url"] == "/api/books?page=1&genre=poetry"
    assert found["POST /books"]["payload"] == {"title": "Faust", "year": 1450}
    assert found["POST /books"]["headers"] == {"Authorization": "Basic ${BASIC_CREDENTIALS}"}
    assert found["POST /loans"]["form"] == {"isbn": "978", "days": "14"}


@each(
    "schema",
    [
        {"type": "integer", "minimum": 7, "multipleOf": 4},
        {"type": "integer", "maximum": -3},
        {"type": "integer", "exclusiveMinimum": 3, "exclusiveMaximum": 5},
        {"type": "number", "exclusiveMinimum": 0, "maximum": 0.75},
        {"type": "number", "multipleOf": 0.5, "minimum": 0.7},
        {"type": "string", "minLength": 12, "maxLength": 14},
        {"type": "string", "maxLength": 2},
        {"type": "string", "pattern": "^[A-Z]{3}$"},
        {"type": "string", "pattern": "^\\d+$", "minLength": 10},
        {"type": "array", "minItems": 3, "maxItems": 4, "items": {"type": "boolean"}},
        {"type": "array", "minItems": 3, "uniqueItems": True, "items": {"type": "integer", "minimum": 5}},
        {"type": "array", "minItems": 2, "uniqueItems": True, "items": {"type": "string"}},
        {"type": "array", "maxItems": 0},
        {"type": "object", "minProperties": 2},
        {"type": "object", "required": ["a"], "properties": {"a": {"type": "null"}}},
        {"type": ["null", "integer"]},
        {"enum": [None, "x"]},
        {"const": 5},
        {"oneOf": [{"type": "null"}, {"type": "string", "format": "email"}]},
        {"allOf": [{"required": ["b"]}, {"properties": {"b": {"type": "integer"}}}]},
        {"minimum": 3},
        {"items": {"type": "integer"}},
    ],
    ids=json.dumps,
)
def test_a_value_meets_its_schema(schema):
    """The library jsonschema agrees."""
    value = Schemas({}).value(schema)
    Draft202012Validator(schema).validate(json.loads(json.dumps(value)))


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "integer", "example": 9, "default": 5, "enum": [1]}, 9),
        ({"type": "integer", "examples": [8], "default": 5, "enum": [1]}, 8),
        ({"type": "integer", "default": 5, "enum": [1]}, 5),
        ({"type": "integer", "enum": [1]}, 1),
    ],
)
def test_what_the_document_gives_comes_first(schema, value):
    """Example, examples, default, enum, and a value of its own at last."""
    assert Schemas({}).value(schema) == value


def test_a_body_that_cannot_meet_its_schema_is_said():
    """With the place, and sent all the same."""
    schema = {"type": "object", "required": ["a"], "properties": {"a": {"type": "string", "pattern": "^zq[0-9]{7}$"}}}
    operation = {"requestBody": {"content": {"application/json": {"schema": schema}}}, "responses": {}}
    result = described(api({"/a": {"post": operation}}))
    assert result.document["requests"][0]["payload"] == {"a": "string"}
    assert any(
        "POST /a: its body may not be what its schema asks for: $.a: 'string' does not match" in note for note in result.notes
    )


def test_members_that_make_it_wrong_are_left_out():
    """What is required alone is sent where all members together do not meet the schema."""
    schema = {
        "type": "object",
        "required": ["a"],
        "properties": {"a": {"type": "integer"}, "b": {"type": "string", "pattern": "^zq[0-9]{7}$"}},
    }
    operation = {"requestBody": {"content": {"application/json": {"schema": schema}}}, "responses": {}}
    result = described(api({"/a": {"post": operation}}))
    assert result.document["requests"][0]["payload"] == {"a": 1}


@pytest.mark.parametrize(
    ("parameter", "url"),
    [
        ({"schema": {"type": "array", "items": {"enum": ["a b"]}}}, "/a?p=a%20b"),
        ({"schema": {"type": "array", "minItems": 2, "items": {"enum": ["a"]}}}, "/a?p=a&p=a"),
        ({"style": "pipeDelimited", "explode": False, "example": ["a", "b"]}, "/a?p=a%7Cb"),
        ({"example": {"x": 1, "y": "&"}}, "/a?x=1&y=%26"),
        ({"example": {"x": 1}, "explode": False}, "/a?p=x%2C1"),
        ({"content": {"application/json": {"example": {"x": 1}}}}, "/a?p=%7B%22x%22%3A%201%7D"),
        ({"examples": {"first": {"value": "v"}}}, "/a?p=v"),
    ],
)
def test_parameters_are_written_in_their_style(parameter, url):
    """As OpenAPI says."""
    operation = {"parameters": [{"name": "p", "in": "query", "required": True, **parameter}], "responses": {}}
    assert described(api({"/a": {"get": operation}})).document["requests"][0]["url"] == url


def test_optional_parameters_without_an_example_are_left_out():
    """A default is what the server takes anyway."""
    given = [
        {"name": "a", "in": "query", "schema": {"default": 1}},
        {"name": "b", "in": "query", "schema": {"example": 2}},
    ]
    assert described(api({"/a": {"parameters": given, "get": {}}})).document["requests"][0]["url"] == "/a?b=2"


@pytest.mark.parametrize(
    ("servers", "options", "base", "url"),
    [
        ([{"url": "http://h:81/v1/"}], {}, "http://h:81", "/v1/a"),
        ([{"url": "/v1"}], {"base_url": "http://x:9/api"}, "http://x:9/api", "/a"),
        ([{"url": "{s}://h", "variables": {"s": {"default": "https"}}}], {}, "https://h", "/a"),
    ],
)
def test_the_first_server_is_the_base(servers, options, base, url):
    """Its variables have their defaults; --base-url stands for all of it."""
    document = described(api({"/a": {"get": {}}}, servers=servers), **options).document
    assert (document["baseUrl"], document["requests"][0]["url"]) == (base, url)


def test_rates_are_shared_by_weight():
    """Operations that change something have a quarter of what the others have."""
    result = described(api({"/a": {"get": {}, "post": {}}}), total_rps=50)
    assert result.document["autoscale"]["targetRps"] == 50
    assert [one["autoscale"]["weight"] for one in result.document["requests"]] == [1.0, 0.25]
    assert any("1 of 2 requests change something" in note for note in result.notes)


def test_yaml_is_read_as_json_has_values():
    """Dates and `on` are texts, statuses are names."""
    text = "openapi: 3.0.0\nservers: [{url: 'http://h'}]\npaths:\n  /a:\n    get:\n      parameters:\n"
    text += "        - {name: day, in: query, example: 2026-01-02}\n        - {name: 'on', in: query, example: on}\n"
    text += "      responses: {200: {description: x}}\n"
    document = imported("openapi", text, "x.yaml", Options()).document
    assert document["requests"][0]["url"] == "/a?day=2026-01-02&on=on"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: &a {b: *a}", "for itself"),
        (
            "x0: &x0 [a, a, a, a, a, a, a, a, a]\n"
            + "".join(f"x{n}: &x{n} [{', '.join([f'*x{n - 1}'] * 9)}]\n" for n in range(1, 9)),
            "values",
        ),
        ("openapi: '3.0'\npaths: {/a: {get: {}}}", "--base-url"),
        ("openapi: '3.0'", "no paths"),
        ("openapi: '4.0'", "no OpenAPI 3"),
        ("a: [", "line 1"),
        ("!!python/object/apply:os.system [ls]", "YAML"),
    ],
    ids=["itself", "laughs", "no server", "no paths", "version", "syntax", "object"],
)
def test_what_is_no_description_is_a_sentence(text, said):
    """Also YAML that stands for more than fits in memory."""
    with pytest.raises(ConfigError) as caught:
        imported("openapi", text, "x.yaml", Options())
    assert said in str(caught.value)


def test_without_its_reader_yaml_is_refused_with_the_remedy(monkeypatch):
    """It is an extra."""
    monkeypatch.setitem(__import__("sys").modules, "yaml", None)
    with pytest.raises(ConfigError, match=r"tressi\[import\]"):
        imported("openapi", "openapi: 3.0.0", "x.yaml", Options())
