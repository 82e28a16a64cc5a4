"""Cells as they are encoded: what a server decodes is what stood in the table."""

import json
from urllib.parse import quote, unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tressi.request.encode import CellError, encoded

pytestmark = pytest.mark.pure

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
CELLS = st.lists(TEXT.map(str.encode), max_size=20)


@given(CELLS)
def test_percent_encoding_is_that_of_the_standard_library(cells):
    """Nothing but the unreserved characters of RFC 3986 stays as it is."""
    assert encoded(cells, "percent") == [quote(cell, safe="").encode() for cell in cells]
    assert [unquote_to_bytes(cell) for cell in encoded(cells, "percent")] == cells


@given(CELLS)
def test_raw_in_a_url_keeps_what_may_stand_there(cells):
    """A percent sign stays, and no character that would end the request line does."""
    assert encoded(cells, "url") == [quote(cell, safe="!$&'()*+,;=:@/?%[]~").encode() for cell in cells]


@given(CELLS)
def test_json_is_read_back(cells):
    """Within a string, and as a string."""
    assert [json.loads(b'"' + cell + b'"').encode() for cell in encoded(cells, "json")] == cells
    assert [json.loads(cell).encode() for cell in encoded(cells, "value")] == cells
    assert encoded(cells, "value", is_json=True) == cells == encoded(cells, "raw")


@given(st.lists(st.text(st.characters(codec="latin-1", exclude_categories=["Cc"])), max_size=20))
def test_a_header_is_latin_1(texts):
    """What a header can carry is carried in its own encoding."""
    assert encoded([text.encode() for text in texts], "header") == [text.encode("latin-1") for text in texts]


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("a\r\nX: y", "has U+000D, which is a control character, and which no header can carry"),
        ("a\nb", "has U+000A, which is a control character, and which no header can carry"),
        ("a\x7f", "has U+007F, which is a control character, and which no header can carry"),
        ("€", "has U+20AC, which is beyond Latin-1, and which no header can carry"),
    ],
)
def test_a_cell_that_would_end_a_header_is_refused(cell, message):
    """It is named by its number, whatever stands around it."""
    with pytest.raises(CellError) as caught:
        encoded([b"fine", "ü\tü".encode(), cell.encode(), b"\n"], "header")
    assert (caught.value.number, str(caught.value)) == (2, message)


@given(CELLS, st.sampled_from(["percent", "url", "json"]))
def test_what_is_known_of_a_piece_changes_nothing(cells, context):
    """The bytes that are no letters only spare the work where none of them is to be replaced."""
    odd = frozenset(byte for cell in cells for byte in cell if not chr(byte).isalnum() or byte > 0x7F)
    assert encoded(cells, context, odd=odd) == encoded(cells, context)
