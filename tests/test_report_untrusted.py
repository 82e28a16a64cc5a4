"""Summaries of others: whatever stands in them, they take little memory, steer no terminal and end in no traceback."""

import copy
import json
import struct
import sys
import tracemalloc
import unicodedata
import zlib
from base64 import b64encode
from contextlib import suppress

import pytest
from summaries import decision, endpoint_snapshot, summary_of, verdict

from tressi.cli import main
from tressi.errors import ConfigError, TressiError
from tressi.hdr import decode_counts
from tressi.model import Change
from tressi.report import reading
from tressi.report.formats import FORMATS
from tressi.report.shape import check_summary
from tressi.report.summary_json import render
from tressi.text import harmless_json

pytestmark = pytest.mark.pure

KEY = "GET http://host/a"

# The largest number that is accepted, and the formats that take long.
LARGE, SLOW = 9e14, {"report.html", "report.xlsx"}


def obeyed():
    """Every character that a terminal may obey."""
    found = [chr(code) for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)) in {"Cc", "Zl", "Zp"}]
    marks = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
    found += [mark for mark in map(chr, range(0x10000)) if unicodedata.bidirectional(mark) in marks]
    return [*found, "\u061c", "\u200e", "\u200f", "\ufeff"]


def a_summary():
    return json.loads(
        render(
            summary_of(
                endpoint_snapshot(KEY, failed=3),
                decisions=[decision(KEY)],
                changes=[Change(1.0, "set-target", KEY, 5.0)],
                verdicts=[verdict("p99 < 1s", KEY)],
            )
        )
    )


def bomb(length):
    """A histogram whose text is short and whose content is `length` bytes."""
    squeeze, blank = zlib.compressobj(), bytes(1 << 20)
    compressed = b"".join(squeeze.compress(blank) for _ in range(length >> 20)) + squeeze.flush()
    return b64encode(struct.pack(">ii", 0x1C849314, len(compressed)) + compressed).decode()


def test_a_histogram_is_inflated_no_further_than_one_can_be():
    """A summary of 1 MB held 3.1 GB."""
    text = bomb(256 << 20)
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="longer than any"):
            decode_counts(text)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most < 4 << 20


def test_a_summary_larger_than_any_is_refused(tmp_path, capsys, monkeypatch):
    """And read no further than tells it."""
    monkeypatch.setattr(reading, "MOST_BYTES", 3 << 20)
    assert main(["report", "/dev/zero", "-o", str(tmp_path / "files")]) == 2
    assert capsys.readouterr().err == "tressi: /dev/zero is larger than 3 MiB, the most that is read\n"


def places(value, place=()):
    """Where the numbers of a summary stand, one of each list and of each kind of metric."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from places(inner, (*place, name))
    elif isinstance(value, list):
        for number, inner in enumerate(value[:1]):
            yield from places(inner, (*place, number))
    elif value is None or isinstance(value, (int, float)):
        yield place


def test_no_number_in_a_summary_is_a_traceback():
    """Each of them as large, as small and as negative as JSON has it: refused in words, or written in every format."""
    summary, accepted = a_summary(), []
    # By the first and the last name: an endpoint's figures are those of all together.
    for place in {(place[0], place[-1]): place for place in places(summary)}.values():
        for number in (10**30, 1e30, 1e308, -1e308, 2**62, LARGE, -1):
            with suppress(ConfigError):
                other = check_summary(with_number(summary, number, place), "summary.json")
                write_all(other, f"{place} {number}", FORMATS.keys() - SLOW)
                accepted += [place] * (number == LARGE)
    # These take a quarter of a second each, so they are given several numbers at once.
    for begin in range(0, len(accepted), 8):
        several = accepted[begin : begin + 8]
        write_all(with_number(summary, LARGE, *several), f"{several} {LARGE}", SLOW)
    assert accepted


def with_number(summary, number, *where):
    """A copy with the number in these places."""
    other = copy.deepcopy(summary)
    for place in where:
        inner = other
        for name in place[:-1]:
            inner = inner[name]
        inner[place[-1]] = number
    return other


def write_all(summary, what, names):
    for name in names:
        try:
            FORMATS[name](summary)
        except TressiError:
            continue
        except Exception as failure:
            raise AssertionError(f"{what} in {name}") from failure


def test_a_summary_in_json_steers_no_terminal():
    """`cat summary.json` shows what a target said, and obeys none of it; what is read is the same."""
    summary, marks = a_summary(), obeyed()
    summary["samples"] = [{"endpointKey": KEY, "status": 200, "body": f"{''.join(marks)}äπ😀", "truncated": False}]
    written = render(summary)
    assert json.loads(written)["samples"] == summary["samples"]
    assert not set(marks) & set(written.decode()) - {"\n"}
    assert "äπ😀".encode() in written


def test_escaping_leaves_every_other_character():
    """The bytes of an escaped character are part of no other."""
    others = "".join(map(chr, [*range(0x20, 0xD800), *range(0xE000, 0x11000)]))
    data = json.dumps(others, ensure_ascii=False).encode()
    assert json.loads(harmless_json(data)) == others
    left = set(harmless_json(data).decode())
    assert {character for character in others if unicodedata.category(character)[0] in "LNPS"} <= left
