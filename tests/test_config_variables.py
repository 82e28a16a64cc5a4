"""`${NAME}` in a config: what it becomes, what it may not become, and that its value is shown nowhere."""

import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tressi.cli import main
from tressi.config.load import load_config
from tressi.config.overrides import Overrides
from tressi.errors import ConfigError
from tressi.run.discreet import Discreet

pytestmark = pytest.mark.pure

WORD = "opensesame-7"


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    """Three variables, and none that the machine has."""
    monkeypatch.setattr(os, "environ", {"WORD": WORD, "HOST": "shop.example", "EMPTY": "", "PATH": "/bin"})


def one(**more):
    """A config of one request."""
    return {"requests": [{"url": "http://h/", **more}]}


@pytest.mark.parametrize(
    ("text", "becomes"),
    [
        ("<${WORD}>", f"<{WORD}>"),
        ("${WORD}${WORD}", WORD * 2),
        ("${GONE:-a b}", "a b"),
        ("${GONE:-}", ""),
        ("${EMPTY:-x}", "x"),
        ("${EMPTY}", ""),
        ("${WORD:-x}", WORD),
        ("$${WORD}", "${WORD}"),
        ("$WORD ${} ${1} ${a b} {WORD}", "$WORD ${} ${1} ${a b} {WORD}"),
    ],
)
def test_a_reference_becomes_its_value(text, becomes):
    """As shells do it, and nothing that only looks like one is touched."""
    config = load_config(one(method="POST", body=text))
    assert config.endpoints[0].body == becomes.encode()


def test_every_text_of_a_config_may_have_one(tmp_path):
    """Values anywhere, not names; a note is left alone."""
    (tmp_path / "word").write_text("from a file\n")
    request = {"url": "/a?k=${WORD}", "method": "POST", "payload": {"${WORD}": ["${file:word}"]}, "_x": "${GONE}"}
    document = {"_note": "${GONE}", "baseUrl": "http://${HOST}/v1", "headers": {"X": "${WORD}"}, "requests": [request]}
    (tmp_path / "c.json").write_text(json.dumps(document))
    (endpoint,) = load_config(tmp_path / "c.json").endpoints
    assert endpoint.url == f"http://shop.example/v1/a?k={WORD}"
    assert dict(endpoint.headers)["X"] == WORD
    assert json.loads(endpoint.body) == {"${WORD}": ["from a file"]}


def test_what_is_not_there_is_told_with_its_place():
    """Every one at once."""
    with pytest.raises(ConfigError) as caught:
        load_config(one(headers={"A": "${GONE}"}, body="${file:gone.txt}", method="POST"))
    remedy = "--env-file reads some from a file, and ${GONE:-text} says what to take without it"
    assert str(caught.value).splitlines() == [
        f"requests[0].headers.A: the variable GONE is not set; {remedy}",
        'requests[0].body: cannot read "gone.txt": No such file or directory',
    ]


def test_variables_come_from_files_too(tmp_path):
    """A later file goes over an earlier one, and the environment over both."""
    (tmp_path / "a.env").write_text('# comment\nexport A="a b" # comment\nB=1\nWORD=other\n')
    (tmp_path / "b.env").write_text("B='2'\n")
    files = (str(tmp_path / "a.env"), str(tmp_path / "b.env"))
    config = load_config(one(body="${A} ${B} ${WORD}", method="POST"), Overrides(env_files=files))
    assert config.endpoints[0].body == f"a b 2 {WORD}".encode()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, '--env-file: cannot read "{file}": No such file or directory'),
        (b"A=1\nB 2\n= 3\n", '--env-file: "{file}" has something else than NAME=value on line 2'),
        (b"A=\xff", '--env-file: "{file}" is not UTF-8'),
    ],
)
def test_a_file_of_variables_that_cannot_be_read_is_refused(tmp_path, content, message):
    """The file and the line."""
    file = tmp_path / "x"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load_config(one(), Overrides(env_files=(str(file),)))
    assert str(caught.value) == message.format(file=file)


def test_a_config_that_was_fetched_has_none(monkeypatch):
    """The text goes out as it stands, and a warning says so: the server of the config learns nothing."""
    served = json.dumps(one(body="${WORD}", method="POST")).encode()
    monkeypatch.setattr("tressi.config.source._bytes_of", lambda _: served)
    config = load_config("https://example.test/c.json")
    assert config.endpoints[0].body == b"${WORD}"
    assert config.warnings == ('requests[0].body: "${WORD}" looks like a template; none is filled in, it is sent as it is',)


def test_two_dollars_are_no_warning():
    """Its author has said that the braces stand for themselves."""
    assert load_config(one(body="$${x}", method="POST")).warnings == ()


# ------------------------------------------------------------------------------------------------------------- its secrecy


def shown(config):
    """Everything that outputs take from a resolved config."""
    return json.dumps(
        [[one.endpoint_key, one.masked_url, one.name] for one in config.endpoints] + [config.document, config.warnings]
    )


def test_a_value_is_shown_nowhere():
    """Not in the record of the config, which has the text as it is written, nor in an identity."""
    config = load_config(
        {
            "headers": {"X-Tenant": "a ${WORD}"},
            "requests": [
                {
                    "url": "http://${HOST}/${GONE:-v1}?q=${WORD}",
                    "method": "POST",
                    "payload": {"deep": [{"a": "<${WORD}>"}]},
                    "variants": [{"url": "http://h/?x=${WORD}"}, {"body": "${WORD}"}],
                }
            ],
        }
    )
    assert WORD not in shown(config)
    assert config.endpoints[0].endpoint_key == "POST http://shop.example/v1?q=***"
    assert config.endpoints[0].variants[0].masked_url == "http://h/?x=***"
    assert config.document["headers"] == {"X-Tenant": "a ${WORD}"}
    assert config.document["requests"][0]["payload"] == {"deep": [{"a": "<${WORD}>"}]}
    assert config.secrets == (WORD,)


def test_the_host_and_the_path_are_no_secrets():
    """They are an endpoint's identity; what stands there is hidden nowhere else either."""
    config = load_config(one(url="http://${HOST}:8080/${WORD}/x", headers={"A": "${WORD}"}))
    assert config.endpoints[0].endpoint_key == f"GET http://shop.example:8080/{WORD}/x"
    assert config.secrets == ()


def test_user_info_and_a_query_are_secrets():
    """Of a URL, what is neither host nor path."""
    config = load_config(one(url="http://u:${WORD}@h/?a=${HOST}"))
    assert config.endpoints[0].endpoint_key == "GET http://***@h/?a=***"
    assert set(config.secrets) == {WORD, "shop.example"}


def test_an_error_and_a_warning_do_not_show_it():
    """What is wrong with a value is told without the value."""
    with pytest.raises(ConfigError) as caught:
        load_config({**one(), "rps": "${WORD}", "arrival": "${WORD}"})
    assert WORD not in str(caught.value)
    assert str(caught.value).count("***") == 2
    warnings = load_config(one(headers={"Content-Length": "${WORD}"}, body="{{${WORD}}}", method="POST")).warnings
    assert WORD not in str(warnings)


def test_what_a_target_sends_back_of_it_is_hidden():
    """In whatever form it comes; see the tests of `masking` for the forms."""
    config = load_config(one(headers={"X-Tenant": "${WORD}"}))

    class Silent:
        """An engine that is never asked."""

        build = go = want = stop = read = None

    assert Discreet(Silent(), config).hide(f"no such tenant: {WORD}!") == "no such tenant: ***!"


def test_validate_does_not_print_it(tmp_path, capsys):
    """Neither as text nor as JSON."""
    (tmp_path / "c.json").write_text(json.dumps(one(url="http://h/?q=${WORD}", name="x", headers={"A": "${WORD}"})))
    for flags in ([], ["--json"]):
        assert main(["validate", str(tmp_path / "c.json"), *flags]) == 0
        out, err = capsys.readouterr()
        assert WORD not in out + err


@given(st.text(st.characters(exclude_characters="{}$", exclude_categories=["Cs"]), min_size=1))
def test_a_text_without_references_stays(text):
    """Byte for byte."""
    assert load_config(one(body=text, method="POST")).endpoints[0].body == text.encode()
