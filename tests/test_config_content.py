"""Bodies of every kind, and variants: what is sent of them, and what is refused."""

import gzip
import json
from email import message_from_bytes
from email.policy import HTTP
from urllib.parse import parse_qsl

import pytest
from configs import problems
from each import each
from hypothesis import given
from hypothesis import strategies as st

from tressi.config.load import load_config

pytestmark = pytest.mark.pure


def endpoint(**request):
    """The one endpoint of a config."""
    return load_config({"requests": [{"url": "http://h/", "method": "POST", **request}]}).endpoints[0]


@given(st.dictionaries(st.text(max_size=5), st.text(max_size=5) | st.lists(st.text(max_size=5), max_size=3), max_size=4))
def test_a_form_is_read_back(form):
    """As a server reads it, names that stand more than once included."""
    sent = endpoint(form=form)
    pairs = [(name, one) for name, value in form.items() for one in (value if isinstance(value, list) else [value])]
    assert parse_qsl(sent.body.decode(), keep_blank_values=True, strict_parsing=bool(pairs)) == pairs
    assert sent.headers == (("Content-Type", "application/x-www-form-urlencoded"),)


def test_numbers_and_booleans_of_a_form_are_written_as_json_writes_them():
    """A form has only texts."""
    assert endpoint(form={"a": 1.5, "b": True, "c": [1, "x y"]}).body == b"a=1.5&b=true&c=1&c=x+y"


def test_parts_are_read_back(tmp_path):
    """By Python's reader of MIME; the boundary is the same each time, and stands in no part."""
    (tmp_path / "a.bin").write_bytes(b"\0\r\n--x\r\n")
    parts = [
        {"name": 'q"uote\n', "value": "ü"},
        {"name": "f", "file": "a.bin"},
        {"name": "g", "file": str(tmp_path / "a.bin"), "filename": "b.txt", "contentType": "text/plain"},
    ]
    (tmp_path / "c.json").write_text(json.dumps({"requests": [{"url": "http://h/", "method": "POST", "multipart": parts}]}))
    first, second = (load_config(tmp_path / "c.json").endpoints[0] for _ in range(2))
    assert first == second
    ((name, value),) = first.headers
    message = message_from_bytes(f"{name}: {value}\r\n\r\n".encode() + first.body, policy=HTTP)
    found = [
        (
            part.get_param("name", header="content-disposition"),
            part.get_filename(),
            part.get_content_type(),
            part.get_payload(decode=True),
        )
        for part in message.iter_parts()
    ]
    assert found == [
        ("q%22uote%0A", None, "text/plain", "ü".encode()),
        ("f", "a.bin", "application/octet-stream", b"\0\r\n--x\r\n"),
        ("g", "b.txt", "text/plain", b"\0\r\n--x\r\n"),
    ]


def test_a_body_may_be_a_file(tmp_path):
    """Its bytes, whatever they are; braces in it are no placeholders."""
    (tmp_path / "body.bin").write_bytes(b"\xff{{x}}\0")
    config = {"data": {"x": {"uuid": 4}}, "requests": [{"url": "http://h/{{x}}", "method": "POST", "bodyFile": "body.bin"}]}
    (tmp_path / "c.json").write_text(json.dumps(config))
    (one,) = load_config(tmp_path / "c.json").endpoints
    assert (one.body, one.headers, one.template) == (b"\xff{{x}}\0", (), ())


def test_a_compressed_body_says_so():
    """It is the same bytes each time."""
    one = endpoint(payload={"a": "b" * 1000}, compress="gzip")
    assert json.loads(gzip.decompress(one.body)) == {"a": "b" * 1000}
    assert dict(one.headers) == {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    assert one == endpoint(payload={"a": "b" * 1000}, compress="gzip")


def test_a_variant_has_what_it_leaves_out_from_its_request():
    """Headers by their names; a body of its own replaces the request's, of whatever kind."""
    one = endpoint(
        headers={"A": "1", "B": "2"},
        payload={"x": 1},
        variants=[{"weight": 3}, {"url": "https://other/y", "headers": {"b": "3"}, "form": {"f": "1"}}],
    )
    json_, form = ("Content-Type", "application/json"), ("Content-Type", "application/x-www-form-urlencoded")
    first, second = one.variants
    assert (first.url, first.weight, first.body, first.headers) == ("http://h/", 3, b'{"x":1}', (json_, ("A", "1"), ("B", "2")))
    assert (second.url, second.weight, second.body) == ("https://other/y", 1, b"f=1")
    assert second.headers == (form, ("A", "1"), ("b", "3"))
    assert one.endpoint_key == "POST http://h/"


@each(
    ("request_", "line"),
    [
        ({"payload": {}, "body": ""}, "requests[0].body: stands beside a payload; a request has one or the other"),
        (
            {"form": {}, "payload": {}},
            "requests[0].form: stands beside payload; a request has one of payload, body, bodyFile, form or multipart",
        ),
        ({"bodyFile": "/gone"}, 'requests[0].bodyFile: cannot read "/gone": No such file or directory'),
        ({"bodyFile": "/"}, 'requests[0].bodyFile: cannot read "/": Is a directory'),
        ({"compress": "gzip"}, "requests[0].compress: has no body to compress"),
        ({"compress": "br", "body": "x"}, 'requests[0].compress: "br" is not one of gzip'),
        (
            {"compress": "gzip", "body": "x", "headers": {"content-encoding": "gzip"}},
            "requests[0].headers.content-encoding: stands beside compress, which adds this header",
        ),
        ({"multipart": [{"name": "a"}]}, "requests[0].multipart[0]: needs a value or a file, one of both"),
        (
            {"multipart": [{"name": "a", "value": "", "filename": "x"}]},
            "requests[0].multipart[0].filename: is of no use without a file",
        ),
        (
            {"multipart": [{"name": "a", "value": "", "contentType": "a\r\nb: c"}]},
            "requests[0].multipart[0].contentType: has a character that no header of a part can have",
        ),
        (
            {"multipart": [{"name": "a", "value": ""}], "headers": {"Content-Type": "x"}},
            "requests[0].headers.Content-Type: stands beside multipart, whose Content-Type must name the boundary",
        ),
        ({"form": {"a": None}}, "requests[0].form.a: null is not a string, a number, a boolean or an array"),
        ({"variants": [{"weight": 0}]}, "requests[0].variants[0].weight: 0 is not greater than 0"),
        ({"variants": [{"body": "", "form": {}}]},
         "requests[0].variants[0].form: stands beside body; a request has one of payload, body, bodyFile, form or multipart"),
        ({"variants": []}, "requests[0].variants: has no entry, but needs at least 1"),
    ],
)  # fmt: skip
def test_a_body_that_cannot_be_is_refused(request_, line):
    """Place, value and rule."""
    assert problems({"requests": [{"url": "http://h/", "method": "POST", **request_}]}) == [line]


def test_a_body_with_placeholders_is_not_compressed():
    """It would have to be compressed anew for each request."""
    config = {
        "data": {"x": {"uuid": 4}},
        "requests": [{"url": "http://h/", "method": "POST", "payload": {"a": "{{x}}"}, "compress": "gzip"}],
    }
    assert problems(config) == [
        "requests[0].compress: cannot be: the body has placeholders, and it is compressed once, before the run"
    ]
