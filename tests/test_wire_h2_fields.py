"""Header blocks of HTTP/2: RFC 7541's own examples, and whatever the package hpack writes and reads."""

from __future__ import annotations

import pytest
from each import each
from hpack import Decoder, Encoder
from hpack.huffman import HuffmanEncoder
from hpack.huffman_constants import REQUEST_CODES, REQUEST_CODES_LENGTH
from hypothesis import given
from hypothesis import strategies as st

from tressi._h2 import FieldDecoder, block_of, huffman_decoded, huffman_encoded

pytestmark = pytest.mark.pure

RESPONSES = [
    [
        (b":status", b"302"),
        (b"cache-control", b"private"),
        (b"date", b"Mon, 21 Oct 2013 20:13:21 GMT"),
        (b"location", b"https://www.example.com"),
    ],
    [
        (b":status", b"307"),
        (b"cache-control", b"private"),
        (b"date", b"Mon, 21 Oct 2013 20:13:21 GMT"),
        (b"location", b"https://www.example.com"),
    ],
    [
        (b":status", b"200"),
        (b"cache-control", b"private"),
        (b"date", b"Mon, 21 Oct 2013 20:13:22 GMT"),
        (b"location", b"https://www.example.com"),
        (b"content-encoding", b"gzip"),
        (b"set-cookie", b"foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1"),
    ],
]
REQUESTS = [
    [(b":method", b"GET"), (b":scheme", b"http"), (b":path", b"/"), (b":authority", b"www.example.com")],
    [
        (b":method", b"GET"),
        (b":scheme", b"http"),
        (b":path", b"/"),
        (b":authority", b"www.example.com"),
        (b"cache-control", b"no-cache"),
    ],
    [
        (b":method", b"GET"),
        (b":scheme", b"https"),
        (b":path", b"/index.html"),
        (b":authority", b"www.example.com"),
        (b"custom-key", b"custom-value"),
    ],
]
C5_LOCATION = "6e17" + b"https://www.example.com".hex()
C5_COOKIE = b"foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1".hex()
# The section, the table's bytes, its size after each block, the blocks, and what they say.
EXAMPLES = {
    "C.2.1": (4096, [55], ["400a637573746f6d2d6b65790d637573746f6d2d686561646572"], [[(b"custom-key", b"custom-header")]]),
    "C.2.2": (4096, [0], ["040c2f73616d706c652f70617468"], [[(b":path", b"/sample/path")]]),
    "C.2.3": (4096, [0], ["100870617373776f726406736563726574"], [[(b"password", b"secret")]]),
    "C.2.4": (4096, [0], ["82"], [[(b":method", b"GET")]]),
    "C.3": (
        4096,
        [57, 110, 164],
        [
            "828684410f7777772e6578616d706c652e636f6d",
            "828684be58086e6f2d6361636865",
            "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565",
        ],
        REQUESTS,
    ),
    "C.4": (
        4096,
        [57, 110, 164],
        ["828684418cf1e3c2e5f23a6ba0ab90f4ff", "828684be5886a8eb10649cbf", "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf"],
        REQUESTS,
    ),
    "C.5": (
        256,
        [222, 222, 215],
        [
            "4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d54" + C5_LOCATION,
            "4803333037c1c0bf",
            "88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738" + C5_COOKIE,
        ],
        RESPONSES,
    ),
    "C.6": (
        256,
        [222, 222, 215],
        [
            "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3",
            "4883640effc1c0bf",
            "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007",
        ],
        RESPONSES,
    ),
}
texts = st.binary(max_size=60)
names = st.text("abcdefghijklmnopqrstuvwxyz0123456789-_", min_size=1, max_size=20).map(str.encode)
fields = st.lists(st.tuples(names | st.sampled_from([b"date", b"server", b":status"]), texts), max_size=8)


@each("section", EXAMPLES)
def test_the_examples_of_the_standard(section):
    """RFC 7541, appendix C: what each block says, and how large the table is behind it."""
    limit, sizes, blocks, said = EXAMPLES[section]
    decoder = FieldDecoder(limit)
    for block, fields, size in zip(blocks, said, sizes, strict=True):
        assert decoder.decode(bytes.fromhex(block)) == fields
        assert decoder.size == size


@given(st.binary(max_size=200))
def test_the_code_of_strings(text):
    """Every text comes back, coded as hpack codes it."""
    coded = huffman_encoded(text)
    assert coded == HuffmanEncoder(REQUEST_CODES, REQUEST_CODES_LENGTH).encode(text)
    assert huffman_decoded(coded) == text


@pytest.mark.parametrize(
    ("coded", "why"),
    [
        (b"\xff\xff\xff\xff", "the end of strings stands in one"),
        (b"\xff", "eight bits of padding"),
        (b"\x1c\xff\xff", "more than a byte of padding"),
        (b"\x1e", "padding with a zero in it"),
    ],
)
def test_what_is_no_string(coded, why):
    """RFC 7541 5.2 has an error for it."""
    assert huffman_decoded(coded) is None, why


@given(st.lists(st.tuples(fields, st.booleans(), st.none() | st.integers(0, 4096)), max_size=6))
def test_what_hpack_writes_is_read(blocks):
    """Blocks of one connection, coded or not, with other sizes of the table in between; the tables stay the same."""
    encoder, decoder = Encoder(), FieldDecoder()
    for block, is_coded, size in blocks:
        if size is not None:
            encoder.header_table_size = size
        assert decoder.decode(encoder.encode(block, huffman=is_coded)) == block
        assert decoder.size == sum(len(name) + len(value) + 32 for name, value in encoder.header_table.dynamic_entries)
        assert decoder.table == list(encoder.header_table.dynamic_entries)


@given(st.binary(max_size=200))
def test_any_bytes_are_fields_or_none(block):
    """Whatever hpack reads is read alike; what it refuses, or says of no name, may be refused."""
    found = FieldDecoder().decode(block)
    try:
        theirs = Decoder(max_header_list_size=1 << 20).decode(block, raw=True)
    except Exception:  # noqa: BLE001 - whatever hpack raises
        theirs = None
    if theirs is not None:
        assert found == [tuple(one) for one in theirs]


@each(
    ("block", "why"),
    [
        ("80", "the index 0"),
        ("be", "an index behind the table"),
        ("7f808080808001", "an index beyond any"),
        ("3fe21f", "a table of 4,097 bytes"),
        ("8220", "another size behind a field"),
        ("40", "a name that is missing"),
        ("000a6b", "a name that is cut"),
        ("4001610a", "a value that is cut"),
    ],
)
def test_what_is_no_block(block, why):
    """The connection is lost, for the table cannot be known any more."""
    assert FieldDecoder().decode(bytes.fromhex(block)) is None, why


def test_a_name_whose_field_makes_room_for_it():
    """A field that is added may have the name of the oldest one, which goes (RFC 7541 4.4)."""
    decoder, encoder = FieldDecoder(64), Encoder()
    encoder.header_table_size = 64
    encoder.encode([])
    assert decoder.decode(b"\x40\x05first\x05value") == [(b"first", b"value")]
    assert decoder.decode(b"\x7e\x14" + b"x" * 20) == [(b"first", b"x" * 20)]
    assert decoder.table == [(b"first", b"x" * 20)]


@pytest.mark.parametrize("packs", [True, False])
def test_a_head_becomes_a_block(packs):
    """The request line is four fields, Host is one of them, names are small, and the fields of a connection are left out."""
    head = (
        b"POST /a/b?c=d HTTP/1.1\r\nUser-Agent: tressi\r\nHost: shop.example:8080\r\nConnection: close\r\nTE: gzip\r\n"
        b"Cookie: a=b\r\nX-Long: " + b"y" * 300 + b"\r\nContent-Length: 3\r\nEmpty:\r\n\r\n"
    )
    said = [
        (b":method", b"POST"),
        (b":scheme", b"https"),
        (b":authority", b"shop.example:8080"),
        (b":path", b"/a/b?c=d"),
        (b"user-agent", b"tressi"),
        (b"cookie", b"a=b"),
        (b"x-long", b"y" * 300),
        (b"content-length", b"3"),
        (b"empty", b""),
    ]
    block = block_of(head, is_secure=True, packs=packs)
    found = Decoder().decode(block, raw=True)
    assert [tuple(one) for one in found] == said
    assert [one[0] for one in found if not one.indexable] == [b"cookie"]
    assert FieldDecoder().decode(block) == said
    assert FieldDecoder().size == 0


def test_the_shortest_request():
    """All that can be is one byte a field."""
    assert block_of(b"GET / HTTP/1.1\r\n\r\n") == b"\x82\x86\x84"
    assert block_of(b"GET /\r\n") is None
