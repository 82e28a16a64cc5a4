"""Bodies as they were meant: decoded as they come, cut anywhere, within bounds."""

import gzip
import sys
import zlib
from functools import partial

import brotli
import pytest

from tressi.load.coding import KEPT_BYTES, Body
from tressi.load.decoding import DECODED_BYTES

try:
    from compression import zstd
except ImportError:  # before Python 3.14
    from backports import zstd

pytestmark = pytest.mark.pure

TEXT = b"hello world, hello again" * 3


def raw_deflate(data):
    """Without the header that RFC 9110 asks for."""
    squeeze = zlib.compressobj(wbits=-15)
    return squeeze.compress(data) + squeeze.flush()


PACKED = {
    "nothing": ((), TEXT),
    "identity": (("identity",), TEXT),
    "an empty field": (("",), TEXT),
    "gzip": (("gzip",), gzip.compress(TEXT)),
    "x-gzip": (("X-GZip ",), gzip.compress(TEXT)),
    "deflate": (("deflate",), zlib.compress(TEXT)),
    "deflate without its header": (("Deflate",), raw_deflate(TEXT)),
    "gzip in two members": (("gzip",), gzip.compress(TEXT[:9]) + gzip.compress(TEXT[9:])),
    "gzip and a tail": (("gzip",), gzip.compress(TEXT) + b"\0" * 512),
    "gzip with an empty member": (("gzip",), gzip.compress(b"") + gzip.compress(TEXT)),
    "two codings": (("deflate, gzip",), gzip.compress(zlib.compress(TEXT))),
    "two codings the other way": (("gzip,identity, deflate",), zlib.compress(gzip.compress(TEXT))),
    "br": (("br",), brotli.compress(TEXT)),
    "zstd": (("zstd",), zstd.compress(TEXT)),
    "zstd in two frames": (("ZSTD",), zstd.compress(TEXT[:9]) + zstd.compress(TEXT[9:])),
    "br in zstd": (("br, zstd",), zstd.compress(brotli.compress(TEXT))),
    "two fields": (("gzip", "gzip"), gzip.compress(gzip.compress(TEXT))),
}


def read(codings, data, needle=b"again", step=None, pause=lambda: None):
    """A body that came in pieces of `step` bytes."""
    body = Body(needle, codings, pause)
    step = step or len(data) or 1
    for place in range(0, len(data), step):
        body.feed(data[place : place + step])
    body.end()
    return body


def test_a_body_is_what_it_says_however_it_is_packed_and_cut():
    """Every coding that is known, in pieces of every size."""
    for name, (codings, data) in PACKED.items():
        for step in range(1, len(data) + 1):
            body = read(codings, data, step=step)
            assert (body.beginning, body.found, body.reason) == (TEXT, True, None), (name, step)
            assert not read(codings, data, b"hello  world", step).found, (name, step)


def test_a_needle_is_found_where_pieces_meet():
    """Of the body as it came, and as it was decoded."""
    data = b"x" * 65_530 + b"needle" + b"y" * 70_000
    for codings, packed in (((), data), (("gzip",), gzip.compress(data))):
        for step in (1_000, 65_533, len(packed)):
            assert read(codings, packed, b"needle", step).found
            assert not read(codings, packed, b"needles", step).found


def test_what_is_left_when_all_input_is_used_comes_too():
    """Without a checksum behind it the end of the data may be used up before the last piece is out."""
    for size in (*range(65_000, 66_600, 3), 131_072, 200_000):
        body = read(("deflate",), raw_deflate(b"\0" * (size - 1) + b"x"), b"\0x")
        assert (body.found, body.reason) == (True, None), size


def test_an_empty_body_is_whole_whatever_its_coding():
    """As that of a HEAD, or of 304, whose fields speak of another."""
    for coding in ("gzip", "deflate", "gzip, deflate"):
        body = read((coding,), b"", None)
        assert (body.beginning, body.found, body.reason) == (b"", True, None), coding


SQUEEZED = zlib.compress(TEXT)
BROKEN = {
    "no gzip": (("gzip",), TEXT, "its data are no gzip"),
    "no deflate": (("deflate",), b"\xff" * 20, "its data are no deflate"),
    "gzip called deflate": (("deflate",), b"\x1f\x8b" + b"\xff" * 20, "its data are no deflate"),
    "a checksum that is wrong": (("gzip",), gzip.compress(TEXT)[:-8] + b"\0" * 8, "its data are no gzip"),
    "gzip cut short": (("gzip",), gzip.compress(TEXT)[:-1], "its gzip data are cut short"),
    "one byte of gzip": (("gzip",), b"\x1f", "its gzip data are cut short"),
    "one byte of deflate": (("deflate",), b"\x78", "its deflate data are cut short"),
    "deflate cut short": (("deflate",), SQUEEZED[:-5], "its deflate data are cut short"),
    "the outer of two cut short": (("deflate, gzip",), gzip.compress(SQUEEZED)[:-9], "its gzip data are cut short"),
    "the inner of two cut short": (("deflate, gzip",), gzip.compress(SQUEEZED[:-6]), "its deflate data are cut short"),
    "an unknown coding": (("xz",), TEXT, "its coding 'xz' is not known"),
    "an unknown one of two": (("gzip, compress",), gzip.compress(TEXT), "its coding 'compress' is not known"),
    "no br": (("br",), TEXT, "its data are no br"),
    "br and a tail": (("br",), brotli.compress(TEXT) + b"tail", "its data are no br"),
    "br cut short": (("br",), brotli.compress(TEXT)[:-3], "its br data are cut short"),
    "no zstd": (("zstd",), TEXT, "its data are no zstd"),
    "zstd cut short": (("zstd",), zstd.compress(TEXT)[:-3], "its zstd data are cut short"),
    "zstd with a second frame cut short": (("zstd",), 2 * zstd.compress(TEXT)[:-1], "its data are no zstd"),
    "too many": (("gzip," * 9,), gzip.compress(TEXT), "it has more than 8 codings"),
    "a name that steers a terminal": (("\x1b[31m",), TEXT, "its coding '\\x1b[31m' is not known"),
}


def test_what_cannot_be_decoded_is_not_searched_and_says_why():
    """Neither as it came nor as far as it could be decoded."""
    for name, (codings, data, reason) in BROKEN.items():
        for step in (1, 7, len(data)):
            body = read(codings, data, b"nowhere", step)
            assert not body.found, name
            assert body.reason == f"the body cannot be searched: {reason}", (name, step)
            assert len(body.reason) < 111


def test_packed_text_is_no_place_to_search():
    """A body whose coding is not known has the needle by chance at most."""
    assert not read(("xz",), TEXT, b"hello").found
    assert read(("xz",), TEXT, b"hello").beginning == TEXT


def test_what_was_found_before_the_data_broke_was_said():
    """The needle had come whole."""
    packed = gzip.compress(TEXT + b"\0" * 1_000_000)
    assert read(("gzip",), packed[:-9], b"hello again").found


@pytest.mark.parametrize("codings", [("gzip",), ("deflate",), ("gzip, gzip",)], ids=str)
def test_a_bomb_is_left_after_64_mib(codings):
    """What is searched in it is not found, others run meanwhile, and no piece is larger than 64 KiB."""
    squeeze = zlib.compressobj(wbits=31 if codings[0] != "deflate" else 15)
    zeroes = b"\0" * (1 << 20)
    bomb = b"".join(squeeze.compress(zeroes) for _ in range((DECODED_BYTES >> 20) + 8)) + squeeze.flush()
    if codings == ("gzip, gzip",):
        bomb = gzip.compress(bomb)
    pauses = []
    body = read(codings, bomb, b"needle", pause=lambda: pauses.append(1))
    assert body.reason == "the body cannot be searched: it decodes to more than 64 MiB"
    assert len(pauses) >= DECODED_BYTES // 65536
    assert len(body.beginning) == KEPT_BYTES


@pytest.mark.parametrize(("coding", "pack"), [("br", partial(brotli.compress, quality=4)), ("zstd", zstd.compress)])
def test_a_bomb_of_a_newer_coding_is_left_as_well(coding, pack):
    """A few hundred bytes stand for more than 64 MiB: they come out in pieces, and no more than that of them."""
    bomb, pauses = pack(b"\0" * (DECODED_BYTES + 1)), []
    assert len(bomb) < 10_000
    body = read((coding,), bomb, b"needle", pause=lambda: pauses.append(1))
    assert body.reason == "the body cannot be searched: it decodes to more than 64 MiB"
    assert len(pauses) >= DECODED_BYTES // 65536 // 4


@pytest.mark.parametrize(("coding", "library"), [("br", "brotli"), ("zstd", "backports.zstd")])
def test_a_coding_whose_library_is_not_installed_says_so(coding, library, monkeypatch):
    """It is an extra; the reason has what to install, and fits."""
    monkeypatch.setitem(sys.modules, library, None)
    monkeypatch.setitem(sys.modules, "compression.zstd", None)
    body = read((coding,), TEXT, b"hello")
    assert body.reason == (
        f"the body cannot be searched: the library {library} is not installed (see the extra tressi[checks])"
    )
    assert len(body.reason) < 111


def test_nothing_is_decoded_that_nothing_looks_at():
    """Where the beginning is whole and nothing is searched, the rest may be what it likes."""
    pauses = []
    packed = gzip.compress(b"x" * (1 << 20))
    body = read(("gzip",), packed + b"no gzip", None, step=100, pause=lambda: pauses.append(1))
    assert (len(body.beginning), body.found, body.reason) == (KEPT_BYTES, True, None)
    assert len(pauses) <= 2
