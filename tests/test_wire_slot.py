"""A slot's value as it is written in a request: the same as a table's cell in the same place."""

import json

import pytest
from each import each
from hypothesis import given, settings
from hypothesis import strategies as st

from tressi._extract import CONTEXTS, encoded
from tressi.request import encode

pytestmark = pytest.mark.pure

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30)
CONTEXT = st.sampled_from(CONTEXTS)


def cell(value, context, **how):
    """What stands there for a table's cell, or None where it may not."""
    try:
        return encode.encoded([value], context, **how)[0]
    except encode.CellError:
        return None


@settings(max_examples=400)
@given(TEXT, CONTEXT)
def test_a_text_is_written_as_a_cell_is(text, context):
    """In every context, and refused where a cell is."""
    assert encoded(text.encode(), context) == cell(text.encode(), context)


@settings(max_examples=400)
@given(st.integers(0, 0x10FFFF).filter(lambda code: code and not 0xD800 <= code < 0xE000), CONTEXT)
def test_every_character_is_written_as_in_a_cell(code, context):
    """Also alone."""
    value = chr(code).encode()
    assert encoded(value, context) == cell(value, context)


@pytest.mark.parametrize("context", CONTEXTS)
def test_every_byte_of_latin_1_is_written_as_in_a_cell(context):
    """The tables in C have a bit for each character of ASCII."""
    for code in range(1, 256):
        value = f"a{chr(code)}b".encode()
        assert encoded(value, context) == cell(value, context), code


@settings(max_examples=100)
@given(st.recursive(st.none() | st.booleans() | st.integers() | TEXT, lambda inner: st.lists(inner, max_size=3)), CONTEXT)
def test_a_literal_stands_without_quotes_where_a_json_value_does(document, context):
    """And elsewhere like a text."""
    value = json.dumps(document, ensure_ascii=False).encode()
    assert encoded(value, context, is_literal=True) == cell(value, context, is_json=True)


@settings(max_examples=200)
@given(st.binary(max_size=30), CONTEXT)
def test_any_bytes_are_written_or_refused(value, context):
    """A header has bytes that are not UTF-8 as they came, and JSON refuses them."""
    written = encoded(value, context)
    try:
        value.decode()
    except UnicodeDecodeError:
        if context in {"json", "value"}:
            assert written is None
        elif context == "header" and not any((byte < 0x20 and byte != 0x09) or byte == 0x7F for byte in value):
            assert written == value
    if context == "header" and written is not None:
        assert not any(byte in b"\r\n\0" for byte in written)
    if context in {"percent", "url"}:
        assert written.isascii()
        assert not any(byte <= 0x20 for byte in written)


def test_a_nul_is_written_where_it_may_stand():
    """No cell has one; a value of a response may."""
    assert [encoded(b"a\0", context) for context in CONTEXTS] == [b"a%00", b"a%00", rb"a\u0000", rb'"a\u0000"', None, b"a\0"]


@pytest.mark.parametrize("context", CONTEXTS)
def test_an_empty_slot_writes_nothing(context):
    """Not even quotes, while an empty text has them."""
    assert encoded(None, context) == b""
    assert encoded(b"", context) == (b'""' if context == "value" else b"")


@each(
    ("value", "written"),
    [
        ("é", b"\xe9"),
        ("ÿ\t\x80", b"\xff\t\x80"),
        ("€", None),
        ("é€", None),
        (b"\xe9", b"\xe9"),
        (b"\xc3", b"\xc3"),
        (b"\xc3\xa9\xff", b"\xc3\xa9\xff"),
        (b"a\r\nX: y", None),
        (b"\xff\n", None),
        (b"\x7f", None),
        (b"a\0", None),
    ],
)
def test_what_a_header_can_carry(value, written):
    """Latin-1 of a text, and of other bytes all that end no line."""
    assert encoded(value.encode() if isinstance(value, str) else value, "header") == written
