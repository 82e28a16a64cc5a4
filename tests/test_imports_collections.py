"""Collections of Postman and Insomnia as requests."""

import json

import pytest
from each import each

from tests.imported_samples import sample
from tressi.errors import ConfigError
from tressi.imports.formats import imported
from tressi.imports.options import Options

pytestmark = pytest.mark.pure

SCHEMA = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"


def postman(*items, wanted=None, **more):
    """What an import makes of the items of a collection."""
    document = {"info": {"schema": SCHEMA}, "item": items, **more}
    return imported("postman", json.dumps(document), "x.json", Options(wanted=wanted))


def item(url="http://h/", script=None, **request):
    """An item, with the lines of a test script."""
    event = {"event": [{"listen": "test", "script": {"exec": script}}]} if script else {}
    return {"name": "one", "request": {"method": "GET", "url": url, **request}, **event}


def requests(result):
    """The requests by their names."""
    return {request["name"]: request for request in result.document["requests"]}


def test_a_bookshop_of_postman():
    """Folders, variables, credentials that are handed down, bodies of all modes, generators."""
    result = sample("postman-v21.json")
    found = requests(result)
    login = found["Account / Log in"]
    assert login["url"] == "http://127.0.0.1:8080/login"
    assert login["headers"] == {"X-Trace": "{{guid}}"}
    assert login["payload"] == {"user": "ada", "password": "${PASSWORD}", "at": "{{timestamp}}"}
    assert result.document["data"]["guid"] == {"uuid": 4}
    assert result.document["data"]["timestamp"] == {"time": "s"}
    assert found["Account / Admin"]["headers"] == {"Authorization": "Basic ${BASIC_CREDENTIALS}"}
    assert found["Books / Find"]["url"] == "http://127.0.0.1:8080/books/978-3?region=${REGION}&page=1"
    assert found["Books / Find"]["headers"]["Authorization"] == "Bearer ${ACCESS_TOKEN}"
    assert found["Books / Order"]["form"] == {"isbn": "978-3", "gift": "{{randomColor}}"}
    assert found["Books / Query"]["headers"] == {"X-Api-Key": "${API_SECRET}"}
    assert found["Books / Query"]["payload"]["variables"] == {"n": 3}
    assert found["Books / Signed"]["url"] == "${STATS_URL}/day"


def test_what_a_collection_has_beside_requests_is_listed():
    """Scripts, rows that are switched off, settings, credentials to be computed, files of another machine, other protocols."""
    notes = sample("postman-v21.json").notes
    for words in (
        "Books / Find: left out: protocolProfileBehavior",
        "Books / Find: left out: 1 parameters that are switched off",
        "Books / Order: left out: 1 fields that are switched off",
        "{{$randomColor}} becomes eight random letters",
        "credentials of the type awsv4 were left out",
        "'Socket' was left out",
        "left out: 2 scripts; a config has no code",
        "'Books / Cover' was left out: cannot read",
    ):
        assert any(words in note for note in notes), words


def test_as_a_flow_a_simple_script_is_an_extract():
    """What it sets from the response is a slot in the requests behind it."""
    result = sample("postman-v21.json", wanted="flow")
    [flow] = result.document["flows"]
    assert flow["steps"][0] == {
        "request": "Account / Log in",
        "extract": {"accessToken": {"json": "$.data.tokens[0].value"}},
    }
    assert requests(result)["Books / Find"]["headers"]["Authorization"] == "Bearer {{accessToken}}"
    assert "left out: 1 scripts; a config has no code" in result.notes


@each(
    ("script", "how"),
    [
        (["pm.environment.set('t', pm.response.json().a.b);"], {"json": "$.a.b"}),
        (
            ["// comment", "var d = JSON.parse(responseBody);", 'pm.globals.set("t", d.list[2]["x y"])'],
            {"json": "$.list[2]['x y']"},
        ),
        (["pm.variables.set('t', pm.response.headers.get('X-Id'));"], {"header": "x-id"}),
        (["pm.collectionVariables.set('t', pm.cookies.get('sid'));"], {"cookie": "sid"}),
        (["if (pm.response.code === 200) {", "pm.environment.set('t', pm.response.json().a);", "}"], None),
        (["pm.environment.set('t', pm.response.json().a + '1');"], None),
        (["pm.environment.set('t', other.a);"], None),
        (["const d = pm.response.json();", "pm.environment.set('t', d.a.length());"], None),
    ],
)
def test_only_scripts_of_the_plainest_kind_are_read(script, how):
    """A line that does anything else makes the whole script one that is left out."""
    result = postman(item("http://h/a", script), item("http://h/{{t}}"), wanted="flow")
    first = result.document["flows"][0]["steps"][0]
    assert first.get("extract") == (None if how is None else {"t": how})
    assert any("scripts" in note for note in result.notes) == (how is None)
    assert result.document["requests"][1]["url"] == ("/${T}" if how is None else "/{{t}}")


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("$guid", {"uuid": 4}),
        ("$isoTimestamp", {"time": "iso"}),
        ("$randomInt", {"integer": {"from": 0, "to": 1000}}),
        ("$randomBoolean", {"values": [True, False], "pick": "random"}),
    ],
)
def test_dynamic_variables_are_generators(name, source):
    """With the same name."""
    result = postman(item(f"http://h/{{{{{name}}}}}"))
    assert result.document["data"] == {name[1:]: source}
    assert result.document["requests"][0]["url"] == f"/{{{{{name[1:]}}}}}"


def test_version_2_0_is_read():
    """Headers in one text, a request that is its URL, credentials as an object."""
    found = requests(sample("postman-v20.json"))
    assert found["Make"]["headers"] == {"Content-Type": "text/plain", "X-One": "1"}
    assert found["Make"]["body"] == "hello ${WHO} {{timestamp}}"
    assert sample("postman-v20.json").document["headers"] == {"X-Tenant-Key": "${X_TENANT_KEY}"}


def test_a_variable_that_names_itself_ends():
    """Its value is taken as it stands."""
    result = postman(item("http://h/{{a}}"), variable=[{"key": "a", "value": "x{{a}}"}])
    assert len(result.document["requests"][0]["url"]) < 200


def test_a_weather_service_of_insomnia():
    """The base environment, folders, tags, credentials; other kinds of requests are listed."""
    result = sample("insomnia-v4.json")
    found = requests(result)
    now = found["Stations / Now"]
    assert now["url"] == "/stations/EDDB/now?units=metric"
    assert now["headers"] == {"X-Api-Key": "${AUTH_KEY}", "X-Request": "{{uuid}}"}
    assert found["Report"]["payload"] == {"at": "{{now}}", "temp": 3.5, "ref": "${TAG_RESPONSE}"}
    assert found["Subscribe"]["form"] == {"mail": "ada@example.com", "token": "${TOKEN}"}
    assert found["Subscribe"]["headers"] == {"Authorization": "Bearer ${ACCESS}"}
    assert "left out: 1 of the kind 'grpc_request'" in result.notes
    assert "Stations / Now: left out: settingFollowRedirects" in result.notes


def test_version_5_of_insomnia():
    """A tree in YAML; folders hand down headers and credentials."""
    result = sample("insomnia-v5.yaml")
    assert result.document["headers"] == {"X-Api-Key": "${KEY}", "X-Client": "load"}
    assert requests(result)["Stations / Ask"]["payload"] == {"query": "{ stations { id } }", "variables": {"n": 2}}
    assert "Stations / Ask: left out: scripts" in result.notes


@pytest.mark.parametrize(
    ("source", "document", "said"),
    [
        ("postman", {"requests": []}, "version 1"),
        ("postman", {"info": {"schema": "x/v3/collection.json"}, "item": []}, "another version"),
        ("postman", {"item": []}, "no request"),
        ("insomnia", {"_type": "export", "__export_format": 2, "resources": []}, "version 4 or 5"),
        ("insomnia", {"type": "collection.insomnia.rest/5.0", "collection": []}, "no request"),
    ],
)
def test_what_is_no_collection_is_a_sentence(source, document, said):
    """Or one without a request."""
    with pytest.raises(ConfigError, match=said):
        imported(source, json.dumps(document), "x.json", Options())
