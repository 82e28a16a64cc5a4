"""Requests as parts: what a server reads of them are the values, and what has no placeholders is as it always was."""

import io
import json
from email.parser import BytesParser
from email.policy import HTTP
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tressi.config.load import load_config
from tressi.request.call import call_of, origin_of
from tressi.request.compiled import compiled
from tressi.request.parts import BODY_LENGTH, Hole, Rendering, Table
from tressi.request.render import render
from tressi.request.tables import load, row_of

pytestmark = pytest.mark.pure

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=10)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
FIELD = st.text(st.characters(codec="latin-1", exclude_categories=["Cc"]), max_size=10).map(str.strip)

ROW = st.fixed_dictionaries({"text": TEXT, "value": JSON, "field": FIELD})


def rendered(document, row=0, drawn=()):
    """Every request of a config as bytes, tables filled with one row and generators with what is given by name."""
    made = compiled(load_config(document), "tests")
    block = io.BytesIO()
    sources = load(made.uses, block)
    cells = {
        number: row_of(block.getvalue(), source, row % source.rows) if isinstance(source, Table) else (dict(drawn)[use.name],)
        for number, (use, source) in enumerate(zip(made.uses, sources, strict=True))
    }
    return [render(rendering, cells) for renderings in made.renderings for rendering in renderings]


def taken_apart(request):
    """Target, fields and body; the body is as long as it says."""
    head, _, body = request.partition(b"\r\n\r\n")
    line, _, rest = head.partition(b"\r\n")
    fields = BytesParser(policy=HTTP).parsebytes(rest + b"\r\n\r\n")
    assert int(fields.get("Content-Length", "0")) == len(body)
    return line.split(b" ")[1].decode(), rest.decode("latin-1"), body


@settings(deadline=None)
@given(
    st.lists(st.fixed_dictionaries({"text": TEXT, "value": JSON, "field": FIELD}), min_size=1, max_size=3), st.integers(0, 2)
)
def test_a_server_reads_the_values_of_the_row(rows, number):
    """In path, query, header, JSON, form and raw body: decoded as servers do, it is the value that stands in the table."""
    document = {
        "data": {"x": {"values": rows}},
        "requests": [
            {
                "url": "http://h/a/{{x.text}}/b?q={{x.text}}&r=1",
                "method": "POST",
                "headers": {"X-Field": "<{{x.field}}>"},
                "payload": {"whole": "{{x.value}}", "text": "{{x.text}}", "within": "<{{x.text}}>", "{{x.text}}": ["{{x}}"]},
            },
            {"url": "http://h/", "method": "POST", "form": {"a b": "<{{x.text}}>", "c": "d"}},
            {"url": "http://h/", "method": "POST", "body": "<{{x.text}}{{{x.text}}}>"},
            {"url": "http://h/", "method": "POST", "payload": {"raw": "{{{x.value}}}"}},
        ],
    }
    row = rows[number % len(rows)]
    first, form, body, raw = map(taken_apart, rendered(document, number))

    parts = urlsplit(first[0])
    assert unquote(parts.path) == f"/a/{row['text']}/b"
    assert parts.path.count("/") == 3
    assert parse_qsl(parts.query, keep_blank_values=True) == [("q", row["text"]), ("r", "1")]
    assert f"\r\nX-Field: <{row['field']}>\r\n" in f"{first[1]}\r\n"
    wanted = {"whole": row["value"], "text": row["text"], "within": f"<{row['text']}>"}
    assert json.loads(first[2]) == {**wanted, row["text"]: [row]}
    assert parse_qsl(form[2].decode(), keep_blank_values=True) == [("a b", f"<{row['text']}>"), ("c", "d")]
    assert body[2].decode() == f"<{row['text']}{row['text']}>"
    if not isinstance(row["value"], str):
        assert json.loads(raw[2]) == {"raw": row["value"]}


@given(TEXT)
def test_raw_in_a_url_cannot_end_the_request_line(text):
    """What may stand in a URL stands there as it is; a space or a line end is percent-encoded."""
    (request,) = rendered({"data": {"x": {"values": [text]}}, "requests": [{"url": "http://h/{{{x}}}"}]})
    target = request.split(b"\r\n")[0].removeprefix(b"GET /").removesuffix(b" HTTP/1.1")
    assert not set(target) & set(b' \r\n#"<>{}')
    kept = "abcZ09-._~!$&'()*+,;=:@/?%[]"
    assert rendered({"data": {"x": {"values": [kept]}}, "requests": [{"url": "http://h/{{{x}}}"}]})[0].startswith(
        f"GET /{kept} HTTP/1.1\r\n".encode()
    )


GENERATORS = {
    "id": {"uuid": 4},
    "word": {"text": {"length": 5}},
    "ms": {"time": "ms"},
    "iso": {"time": "iso"},
    "digit": {"integer": {"from": 1, "to": 9}},
    "any": {"integer": {"from": 1, "to": 10}},
    "n": {"sequence": {}},
}
DRAWN = {"id": b"u" * 36, "word": b"w" * 5, "ms": b"1" * 13, "iso": b"i" * 24, "digit": b"7", "any": b"10", "n": b"123"}


def test_values_of_generators_are_numbers_or_strings():
    """A payload's string that is one placeholder is what the value is; three braces leave out the quotes too."""
    payload = {**{name: f"{{{{{name}}}}}" for name in GENERATORS}, "raw": "{{{n}}}", "text": "n {{n}}", "{{n}}": 1}
    document = {"data": GENERATORS, "requests": [{"url": "http://h/", "method": "POST", "payload": payload}]}
    (request,) = rendered(document, drawn=DRAWN)
    texts = {name: DRAWN[name].decode() for name in ("id", "word", "iso")}
    numbers = {name: int(DRAWN[name]) for name in ("ms", "digit", "any", "n")}
    assert json.loads(taken_apart(request)[2]) == {**texts, **numbers, "raw": 123, "text": "n 123", "123": 1}


@pytest.mark.parametrize(
    ("body", "is_fixed"),
    [("{{id}}{{word}}{{ms}}{{iso}}{{digit}}", True), ("{{any}}", False), ("{{n}}", False), ("{{table}}", False)],
)
def test_the_length_of_a_body_is_a_constant_where_it_can_be(body, is_fixed):
    """Where each source always gives as many bytes."""
    data = {**GENERATORS, "table": {"values": ["a"]}}
    document = {"data": data, "requests": [{"url": "http://h/", "method": "POST", "body": body}]}
    ((rendering,),) = compiled(load_config(document), "tests").renderings
    assert (Hole(BODY_LENGTH) in rendering.head) is not is_fixed
    assert taken_apart(rendered(document, drawn=DRAWN)[0])


def test_holes_are_numbered_in_the_order_of_their_first_use():
    """Each column once for each context; two requests that use it share it."""
    document = {
        "data": {"unused": {"uuid": 4}, "qty": {"integer": {"from": 1, "to": 9}}, "sku": {"values": [{"id": 1}]}},
        "requests": [
            {"url": "http://shop.example/items/{{sku.id}}?n={{qty}}&m={{sku.id}}"},
            {"url": "http://h/{{sku.id}}", "headers": {"A": "{{sku.id}}"}},
        ],
    }
    made = compiled(load_config(document), "tests")
    assert made.renderings[0] == (
        Rendering(
            (
                b"GET /items/",
                Hole(0, 0),
                b"?n=",
                Hole(1),
                b"&m=",
                Hole(0, 0),
                b" HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: tests\r\n\r\n",
            )
        ),
    )
    assert [(use.name, use.columns) for use in made.uses] == [("sku", (("id", "percent"), ("id", "header"))), ("qty", ())]


def test_a_request_without_placeholders_is_as_it_always_was():
    """The same bytes as one call makes, whether or not others have placeholders."""
    plain = {"url": "http://u:p@h/ü?a", "method": "PUT", "payload": {"a": "ü{}"}, "headers": {"X": "ü"}}
    other = {"url": "http://h/{{x}}"}
    without = load_config({"requests": [plain]})
    beside = load_config({"data": {"x": {"uuid": 4}}, "requests": [plain, other]})
    call = call_of(without.endpoints[0], "tests")
    for config in (without, beside):
        made = compiled(config, "tests")
        assert made.renderings[0] == (Rendering((call.head(),), (call.body,)),)
        assert (made.calls[0], made.origins[0]) == ((call,), (origin_of(without.endpoints[0].url),))
    assert made.renderings[0][0].is_static
    assert not made.renderings[1][0].is_static


def test_variants_have_their_weights_and_their_origins():
    """Each is a request of its own, perhaps to another server."""
    variants = [{"weight": 3}, {"url": "https://other:8443/{{n}}", "body": "{{n}}"}]
    document = {"data": {"n": {"sequence": {}}}, "requests": [{"url": "http://h/", "variants": variants}]}
    made = compiled(load_config(document), "tests")
    assert [rendering.weight for rendering in made.renderings[0]] == [3, 1]
    assert [str(origin) for origin in made.origins[0]] == ["http://h:80", "https://other:8443"]
    assert rendered(document, drawn=DRAWN)[1] == (
        b"GET /123 HTTP/1.1\r\nHost: other:8443\r\nUser-Agent: tests\r\nContent-Length: 3\r\n\r\n123"
    )
