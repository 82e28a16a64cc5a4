"""ASCII where a stream or its locale has no more: the one place that decides."""

import io

import pytest

from tressi.ui.characters import has_more_than_ascii, in_ascii, shown

pytestmark = pytest.mark.pure

DRAWN = "── +1 → 3 workers … ▸ ▲▼ ↑↓ ━ │ ┤ ▁▂▃▄▅▆▇█"


def stream_of(encoding):
    """A stream that encodes so."""
    return io.TextIOWrapper(io.BytesIO(), encoding=encoding)


@pytest.fixture(autouse=True)
def _locale_of_utf_8(monkeypatch):
    """Whatever the tests run in."""
    for name in ("LC_ALL", "LC_CTYPE", "PYTHONUTF8", "PYTHONIOENCODING"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", "en_US.UTF-8")


@pytest.mark.parametrize(
    ("encoding", "environment", "has_more"),
    [
        ("utf-8", {}, True),
        ("iso-8859-1", {}, False),
        ("ascii", {}, False),
        ("utf-8", {"LC_ALL": "C"}, False),
        ("utf-8", {"LC_ALL": "", "LC_CTYPE": "POSIX"}, False),
        ("utf-8", {"LANG": "C"}, False),
        ("utf-8", {"LANG": ""}, False),
        ("utf-8", {"LANG": "C", "LC_CTYPE": "C.UTF-8"}, True),
        ("utf-8", {"LC_ALL": "C", "PYTHONUTF8": "1"}, True),
    ],
)
def test_stream_and_locale_decide(encoding, environment, has_more, monkeypatch):
    """A stream that cannot encode it, and a locale that has asked for ASCII, though Python writes UTF-8 there."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    stream = stream_of(encoding)
    assert has_more_than_ascii(stream) is has_more
    assert shown(DRAWN, stream) == (DRAWN if has_more else in_ascii(DRAWN))


def test_all_that_is_drawn_has_ascii_for_it():
    """As wide as before, but for the arrow within a sentence; letters stay as they are."""
    assert in_ascii(DRAWN).isascii()
    assert len(in_ascii(DRAWN)) == len(DRAWN) + 1
    assert in_ascii("größe 漢字") == "größe 漢字"
