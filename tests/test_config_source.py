"""Reading a config: whatever the bytes are, a document or a sentence."""

import io
import json
import sys
from contextlib import suppress
from types import SimpleNamespace

import pytest
from config_messages import message_of
from hypothesis import given, settings
from hypothesis import strategies as st

from tressi.config.source import MAX_BYTES, decoded, parse, read
from tressi.errors import ConfigError

pytestmark = pytest.mark.pure


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(b"", "FILE is empty; `tressi init` writes a config to start from", id="an empty file"),
        pytest.param(b" \n\t", "FILE is empty; `tressi init` writes a config to start from", id="nothing but space"),
        pytest.param(b"\xef\xbb\xbf", "FILE is empty; `tressi init` writes a config to start from", id="a lone mark"),
        pytest.param(b"\x7fELF\0\1", "FILE is binary, not JSON: byte 5 is NUL", id="a program"),
        pytest.param(b'{"a": \xff}', "FILE is not UTF-8: byte 7 is 0xff", id="a byte that UTF-8 has not"),
        pytest.param("{}".encode("utf-16"), "FILE is UTF-16; JSON is UTF-8, save it as such", id="UTF-16"),
        pytest.param(
            b'{\n  "a" 1\n}',
            "FILE is not JSON: expecting ':' delimiter at line 2, column 7",
            id="a colon left out",
        ),
        pytest.param(b'{"a', "FILE is not JSON: unterminated string starting at line 1, column 2", id="an open string"),
        pytest.param(b"{} 5", "FILE is not JSON: extra data at line 1, column 4", id="two documents"),
        pytest.param(b"[" * 100_000 + b"]" * 100_000, "FILE is nested deeper than 100 levels", id="100,000 levels"),
        pytest.param(b'{"a":' * 101 + b"1" + b"}" * 101, "a.a.a: is nested deeper than 100 levels", id="one level too many"),
        pytest.param(
            b'{"a": [1, NaN]}', "a[1]: is no number that JSON has, or beyond what a number can hold", id="NaN is no JSON"
        ),
        pytest.param(b'{"a": 1e999}', "a: is no number that JSON has, or beyond what a number can hold", id="beyond any float"),
        pytest.param(
            b'{"a": ' + b"9" * 5_000 + b"}",
            "a: is no number that JSON has, or beyond what a number can hold",
            id="more digits than Python converts",
        ),
        pytest.param(rb'{"a": "\ud800"}', "a: has half of a surrogate pair, which is no character", id="half a character"),
    ],
)
def test_a_file_that_is_no_json_is_refused_with_its_place(tmp_path, data, message):
    """The message names the file, and where in it the trouble starts."""
    file = tmp_path / "config.json"
    file.write_bytes(data)

    assert message_of(file) == message.replace("FILE", str(file))


NO_JSON = {
    '{\n  // the rate\n  "rps": 5\n}': "has a comment at line 2, column 3; JSON has none, so remove it",
    '{"rps": 5, /* five */ "workers": 2}': "has a comment at line 1, column 12; JSON has none, so remove it",
    '{"rps": 5 # five\n}': "has a comment at line 1, column 11; JSON has none, so remove it",
    '# the rate\n{"rps": 5}': "has a comment at line 1, column 1; JSON has none, so remove it",
    '{"rps": 5}\n// the end\n': "has a comment at line 2, column 1; JSON has none, so remove it",
    '{"rps": 5,\n}': "has a comma too many at line 1, column 10: JSON has none behind the last entry, so remove it",
    '{"requests": [\n{"url": "/"} , \n]}': (
        "has a comma too many at line 2, column 14: JSON has none behind the last entry, so remove it"
    ),
    '{"rps": 5, // five\n}': "has a comment at line 1, column 12; JSON has none, so remove it",
    "duration: 5": "is YAML, not JSON; convert it first, for example with `yq -o=json`",
    "# load\n---\nrequests:\n  - url: http://h/\n": "is YAML, not JSON; convert it first, for example with `yq -o=json`",
    "- url: http://h/": "is YAML, not JSON; convert it first, for example with `yq -o=json`",
    '"rps": 5\nfrom: x': "is YAML, not JSON; convert it first, for example with `yq -o=json`",
    "{rps: 5}": 'has a name without quotes at line 1, column 2; write "rps"',
    "{'rps': 5}": "has ' at line 1, column 2 where JSON has a straight double quote",
    "{\u201crps\u201d: 5}": "has \u201c at line 1, column 2 where JSON has a straight double quote",
    '{"keepAlive": True}': "has True at line 1, column 15; write true",
    '{"rps": None}': "has None at line 1, column 9; write null",
    '{"rps": 5}\n{"rps": 6}\n': "has a second value at line 2, column 1; a config is one JSON object",
    "import http from 'k6/http';": (
        "is a script, not JSON; a config is one JSON object, and `tressi init` writes one to start from"
    ),
    "[load]\nrps = 5\n": "is TOML, not JSON; convert it first, for example with `yq -p=toml -o=json`",
    "rps = 5\n": "is TOML, not JSON; convert it first, for example with `yq -p=toml -o=json`",
    "<!DOCTYPE html>": "is XML or HTML, not JSON",
    '{"url": "http://h/ // no comment, and ,} neither"': ("is not JSON: expecting ',' delimiter at line 1, column 50"),
}


def test_what_is_nearly_json_is_named_with_what_to_do(tmp_path):
    """Comments, commas too many, other quotes, and the languages in which configs are written elsewhere."""
    file = tmp_path / "config.json"
    for text, message in NO_JSON.items():
        file.write_text(text, encoding="utf-8")
        assert message_of(file) == f"{file} {message}", text


def test_what_is_nearly_json_is_named_in_windows_lines_too(tmp_path):
    """A carriage return is no character of the line's end that a reader counts."""
    file = tmp_path / "config.json"
    file.write_bytes(b'{\r\n  "rps": 5,\r\n}\r\n')
    assert (
        message_of(file)
        == f"{file} has a comma too many at line 2, column 11: JSON has none behind the last entry, so remove it"
    )


def test_what_is_no_file_is_refused_with_the_reason(tmp_path):
    """A directory, a missing file, a name with a NUL and an endless device each have their sentence."""
    assert message_of(tmp_path) == f"{tmp_path} is a directory, not a config file"
    assert message_of(tmp_path / "none.json") == f"cannot read {tmp_path}/none.json: No such file or directory"
    assert message_of("a\0b") == "cannot read a\\u0000b: embedded null byte"
    assert message_of("/dev/zero") == f"/dev/zero is larger than {MAX_BYTES // 1024**2} MiB, the most a config may have"


def test_a_body_of_64_mib_fits():
    """The largest that is promised, with the rest of a config around it."""
    assert len(decoded(b'{"body": "' + b"x" * 64 * 1024**2 + b'"}', "config.json")) > 64 * 1024**2
    assert message_of("http://host/c.json") == (
        "a config is fetched over https:// only, because anyone on the way could change it;"
        " to send requests to this address: tressi quick http://host/c.json"
    )


def test_a_byte_order_mark_is_skipped(tmp_path):
    """A file saved by an editor that writes the mark is read like any other."""
    file = tmp_path / "config.json"
    file.write_bytes(b'\xef\xbb\xbf{"duration": 5}')

    assert read(file).document == {"duration": 5}


def test_a_dash_reads_standard_input(monkeypatch):
    """`-` means standard input, under that name in messages; a closed one is no traceback."""
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b'{"rps": 3}')))
    assert read("-").document == {"rps": 3}
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"{")))
    assert message_of("-").startswith("standard input is not JSON: ")
    monkeypatch.setattr(sys, "stdin", None)
    assert message_of("-") == "cannot read standard input: it is closed"


def test_a_key_that_stands_twice_is_a_warning(tmp_path):
    """The last one counts, as in JavaScript; the reader is told, with the place."""
    file = tmp_path / "config.json"
    file.write_text('{"rps": 1, "requests": [{"url": "a", "url": "b"}], "rps": 2, "rps": 3}')

    reading = read(file)

    assert reading.document == {"rps": 3, "requests": [{"url": "b"}]}
    assert reading.warnings == (
        "rps: stands more than once; the last one counts",
        "requests[0].url: stands more than once; the last one counts",
    )


def test_a_mapping_is_copied():
    """What a program changes in its mapping later does not change the config; tuples are arrays."""
    mapping = {"requests": ({"url": "http://h/"},)}

    document = read(mapping).document
    mapping["requests"][0]["url"] = "http://other/"

    assert document == {"requests": [{"url": "http://h/"}]}


def endless():
    """A list that contains itself."""
    loop = []
    loop.append(loop)
    return loop


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ({"a": {1, 2}}, "the mapping cannot be written as JSON: Object of type set is not JSON serializable"),
        ({"a": endless()}, "the mapping cannot be written as JSON: Circular reference detected"),
        ({"a": float("inf")}, "a: is no number that JSON has, or beyond what a number can hold"),
        (5, None),
    ],
)
def test_a_mapping_that_is_no_json_is_refused(mapping, message):
    """A program's mistake gets a sentence too; a number is JSON, and for the schema to refuse."""
    if message is None:
        assert read(mapping).document == mapping
    else:
        assert message_of(mapping) == message


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_a_document_or_a_config_error(data):
    """No bytes lead to another exception."""
    with suppress(ConfigError):
        parse(decoded(data, "it"), "it")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.text(max_size=8), json_values, max_size=6))
def test_what_json_can_hold_is_read_unchanged(document):
    """Reading loses nothing."""
    assert read(document).document == document
    assert parse(decoded(json.dumps(document).encode(), "it"), "it") == document


def test_reading_a_small_config_takes_little_memory(tmp_path):
    """Python makes room beforehand for all that one call may read: 128 MiB, for a config of 2 bytes."""
    import tracemalloc

    (tmp_path / "c.json").write_text("{}")
    tracemalloc.start()
    try:
        read(tmp_path / "c.json")
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most < 8 << 20
