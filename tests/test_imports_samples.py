"""What holds for every import: the config is valid, has no secret, and what was literal stays so."""

import json
import random
import string

import pytest
from each import each
from hypothesis import given
from hypothesis import strategies as st

from tests.imported_samples import FOLDER, SAMPLES, SECRETS, loaded, of_curl, references, sample, text_of
from tressi.errors import ConfigError
from tressi.imports import marks
from tressi.imports.formats import FORMATS, imported
from tressi.imports.options import Options
from tressi.model.data import pieces_of

pytestmark = pytest.mark.pure

ODD = [
    None, True, False, 0, -1, 1e308, 10**30, "", "x", "{{", "{{a}}", "${X}", "\n", "\x00", "\x1b[2J", [], {}, [[]], [None],
    "\ud800e:HOME\udbff", {"a": 1}, "http://[::1", "//x", "http://h:99999/", "a" * 300, {"$ref": "#/paths"}, {"$ref": "#"},
]  # fmt: skip


def test_every_sample_is_listed():
    """No file lies beside the tests unread."""
    assert {path.name for path in FOLDER.iterdir()} == set(SAMPLES)
    assert set(SAMPLES.values()) == set(FORMATS)


@pytest.mark.parametrize("wanted", ["flow", "requests"])
@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_is_a_config_without_a_warning(name, wanted, monkeypatch):
    """It loads as it stands, once the variables that are listed are set, and every one of them is listed."""
    result = sample(name, wanted=wanted)

    config = loaded(result, monkeypatch)

    assert config.warnings == ()
    assert len(config.flows) == (wanted == "flow")
    assert len(config.endpoints) >= len(result.document["requests"]) > 0
    assert references(result.document) == {variable.name for variable in result.variables}


@each("wanted", ["flow", "requests"])
@each("name", SAMPLES)
def test_no_secret_of_a_sample_is_in_what_comes_out(name, wanted):
    """Neither in the config nor in a sentence."""
    result = sample(name, wanted=wanted)
    said = json.dumps([result.document, result.notes, [[one.name, one.meaning] for one in result.variables]])
    assert [secret for secret in SECRETS if secret in said] == []


@each("name", SAMPLES)
def test_a_sentence_for_a_terminal_has_no_control_character(name):
    """What was left out, and what to set."""
    result = sample(name)
    assert all(text.isprintable() for text in (*result.notes, *(one.meaning for one in result.variables)))


@given(
    st.lists(st.sampled_from(["{", "{{", "}", "}}", "$", "${", "a", ".", "{{a}}", "{{{a}}}", "${A}", " ", "<slot>", "<env>"]))
)
def test_what_is_literal_is_read_back_as_it_was(pieces):
    """Braces and dollars of a document are text, whatever stands beside a mark; marks are placeholders and variables."""
    given_text = "".join({"<slot>": marks.value("slot"), "<env>": marks.variable("ENV")}.get(piece, piece) for piece in pieces)
    # What tressi does with the text: variables first, then placeholders.
    from tressi.config.source import Reading
    from tressi.config.variables import filled

    reading = Reading({"x": marks.written(given_text)}, has_references=True)
    text = filled(reading, {"ENV": "<env>"}).document["x"]
    fill = {"brace": "{", "slot": "<slot>"}
    done = "".join(piece if isinstance(piece, str) else fill[piece.source] for piece in pieces_of(text))

    assert done == "".join(pieces)


def test_an_escape_in_a_body_makes_no_mark():
    """A document cannot have a variable of the environment sent by writing what a mark is."""
    forged = '{"a": "\\\\ud800e:HOME\\\\udbff", "b": 1}'
    request = of_curl(f"curl http://h/ -H 'Content-Type: application/json' --data-raw '{forged}'".replace("\\\\", "\\"))
    assert request["body"] == '{"a": "\\ud800e:HOME\\udbff", "b": 1}'
    entry = {
        "startedDateTime": "2026-01-01T00:00:00Z",
        "request": {
            "method": "POST",
            "url": "http://h/\ud800e:HOME\udbff",
            "headers": [],
            "postData": {"mimeType": "application/json", "text": forged.replace("\\\\", "\\")},
        },
        "response": {"status": 200, "content": {}},
    }
    document = imported("har", json.dumps({"log": {"entries": [entry]}}), "x", Options()).document
    assert "${" not in json.dumps(document)


def nodes(value, place=()):
    """Every place of a document."""
    yield place
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield from nodes(one, (*place, key))


def put(value, place, other):
    """The document with another value at a place."""
    if not place:
        return other
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[place[0]] = put(value[place[0]], place[1:], other)
    return copy


def damaged_text(text, chance):
    """A text cut off, or with some characters changed."""
    if chance.random() < 0.3:
        return text[: chance.randrange(len(text))]
    letters = list(text)
    for _ in range(chance.randint(1, 6)):
        place = chance.randrange(len(letters))
        letters[place : place + chance.randint(0, 4)] = chance.choice(
            ["'", '"', "$'", "\\", "--", "{", "}", "\n", "@", ";", "\ud83d", "-F", "%", ":"]
        )
    return "".join(letters)


@pytest.mark.parametrize("name", SAMPLES)
def test_a_damaged_document_is_a_config_or_a_sentence(name):
    """Never a traceback, and what comes out is a config that loads: the import itself has loaded it."""
    chance = random.Random(name)
    text = text_of(name)
    for _ in range(25):
        damaged = damaged_text(text, chance)
        if name.endswith((".json", ".har")) and chance.random() < 0.8:
            document = json.loads(text)
            for _ in range(chance.randint(1, 3)):
                place = chance.choice(list(nodes(document)))
                document = put(document, place, chance.choice(ODD))
            damaged = json.dumps(document)
        wanted = chance.choice([None, "flow", "requests"])
        try:
            result = imported(
                SAMPLES[name], damaged, "the document", Options(wanted=wanted, base_url=chance.choice([None, "http://h"]))
            )
        except ConfigError as error:
            said = str(error)
        else:
            said = json.dumps(result.document["requests"][0])
        assert said.encode().strip()


@pytest.mark.parametrize("source", FORMATS)
def test_any_text_is_a_config_or_a_sentence(source):
    """Also one that has nothing to do with the format."""
    chance = random.Random(source)
    texts = [
        "",
        "[]",
        "{}",
        "null",
        "1",
        '"x"',
        "{" * 3000,
        "[" * 3000,
        "- a\n- b: c",
        "&a [*a]",
        "a: &a [x]\nb: [*a, *a]",
        "\ufeff{}",
    ]
    texts += ["".join(chance.choices(string.printable, k=200)) for _ in range(10)]
    for text in texts:
        with pytest.raises(ConfigError):
            imported(source, text, "the document", Options())
