"""What is taken from responses: a value in JSON, a text between two others, cookies.

The first byte of an input says which, the second how: which path and pick, where the body is cut. JSON is held against the
decoder of the standard library, the text against its search. Of cookies each line is a Set-Cookie, and what is sent back
must be made of what came.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from json_reference import DEEPEST, found

from fuzz.target import Target
from tressi._extract import JAR_BYTES, OUTCOMES, BetweenExtractor, Extractor, Jar, JsonExtractor, cookie_of, date_of

if TYPE_CHECKING:
    from collections.abc import Hashable

_PATHS: list[tuple[str | int | None, ...]] = [
    (),
    ("a",),
    ("b", 0),
    ("a", None),
    (None, "a", 1),
    (None,),
    ("a", "b", "c"),
    (1, None, "é"),
]
_PICKS = ("first", "last", "random")
_HOSTS = (b"www.example.com", b"example.com", b"a.www.example.com", b"127.0.0.1", b"localhost")
_TARGETS = (b"/", b"/a/b", b"/a?x=/y", b"*")
_NEEDLES = ((b'"', b'"'), (b"aab", b"aba"), (b"<a", b"</a>"))
_MOST_BYTES = 4_000
_MOST_NESTED = 400  # the decoder of the standard library has a limit of its own beyond that
_WORDS = [
    word.encode()
    for word in ("{", "}", "[", "]", ",", ":", '"', "\\", "\\u", "\\ud83d", "\\ude00", "\\n", "true", "null", "1", "-")
]
_WORDS += [
    word.encode()
    for word in ('"a":', '"b":', '"c":', "é", "😀", "\ufeff", "0", ".5", "e+", " ", "\n", "[" * 300, "]" * 300, "\0")
]
_WORDS += [
    word.encode()
    for word in ("; Path=/a", "; Domain=example.com", "; Max-Age=0", "; Max-Age=", "; Expires=", "; Secure", "=", ";")
]
_WORDS += [
    b"\nsid=",
    b"Sun, 06 Nov 1994 08:49:37 GMT",
    b"06-Nov-94",
    b"08:49:37",
    b"x" * 900,
    b"aab",
    b"aba",
    b"\xff",
    b"\xed\xa0\x80",
]


def check(data: bytes) -> Hashable:
    """Raise AssertionError where something else was found than there is."""
    kind, how, body = data[:1], data[1] if len(data) > 1 else 0, data[2:][:_MOST_BYTES]
    if kind == b"c":
        return _check_cookies(how, body)
    return _check_between(how, body) if kind == b"b" else _check_json(how, body)


def _read(extractor: Extractor, how: int, body: bytes) -> tuple[str, bytes | None, bool]:
    """The outcome of a body in one piece; every other way to cut it has the same."""
    outcome = extractor.read(body)
    cut = how * len(body) // 255
    assert extractor.read(body[:cut], b"", body[cut:]) == outcome, "it depends on where the body is cut"
    assert extractor.read(*(body[at : at + 1] for at in range(len(body)))) == outcome, "it depends on being cut at all"
    assert (outcome[1] is not None) is (outcome[0] == "found")
    return outcome


def _check_json(how: int, body: bytes) -> Hashable:
    steps, pick, limit = _PATHS[how % 8], _PICKS[how // 8 % 2], (3, 4096)[how // 16 % 2]
    outcome = _read(JsonExtractor(steps, pick, limit=limit), how, body)
    assert outcome[0] in OUTCOMES
    if max(body.count(b"["), body.count(b"{")) >= _MOST_NESTED:
        assert body.count(b"[") + body.count(b"{") > DEEPEST or outcome[0] != "too deep"
        return (outcome[0], "deep")
    expected = found(body, steps, pick, limit)
    if pick == "first" and expected[0][0] == "malformed":
        assert outcome[0] in {"malformed", "found", "too long"}
    else:
        assert outcome == expected[0], (steps, pick, expected)
    picked = JsonExtractor(steps, "random", limit=limit, seed=how).read(body)
    assert picked in found(body, steps, "random", limit), (steps, picked)
    return (outcome[0], steps, pick, outcome[2])


def _check_between(how: int, body: bytes) -> Hashable:
    left, right = _NEEDLES[how % 3]
    outcome = _read(BetweenExtractor(left, right), how, body)
    begin = body.find(left)
    end = -1 if begin < 0 else body.find(right, begin + len(left))
    assert outcome[1] == (None if end < 0 else body[begin + len(left) : end])
    return (outcome[0], left)


def _check_cookies(how: int, body: bytes) -> Hashable:
    host, target, is_secure = _HOSTS[how % 5], _TARGETS[how // 5 % 4], how > 127
    jar, outcomes, lines = Jar(), set(), body.split(b"\n")
    for now_s, line in enumerate(lines):
        outcomes.add(jar.store(host, target, line, is_secure=is_secure, now_s=now_s))
        taken, value = cookie_of(line, b"sid")
        assert taken == "other" or value is not None
        date = date_of(line)
        assert date is None or -11_644_473_600 <= date <= 253_402_300_799
    assert jar.sizes[0] <= jar.sizes[1] <= JAR_BYTES
    for other in _HOSTS:
        for path in _TARGETS:
            sent = jar.write(other, path, is_secure=is_secure, now_s=len(lines))
            assert not any((byte < 0x20 and byte != 0x09) or byte == 0x7F for byte in sent)
            for pair in sent.split(b"; ") if sent else []:
                assert b"=" in pair
                assert any(pair.partition(b"=")[0] in line for line in lines)
    return tuple(sorted(outcomes)), bool(jar.write(host, target, is_secure=is_secure, now_s=len(lines)))


_DOCUMENTS = [
    b'{"a":{"b":{"c":"x\\u00e9\\ud83d\\ude00"}},"b":[1,-2.5e+3]}',
    b'[{"a":[1,{"b":null}]},[{"\\u00e9":true},{"\xc3\xa9":"y"}]]',
    b'\xef\xbb\xbf {"a":[[],{},"",0],"a":[3]}',
    b'["\\ud83d","\\udc00\\n","\\"\\\\\\/"]',
]
_COOKIES = [
    b"a=b; Path=/; Domain=.Example.com; Secure; HttpOnly\nsid=x; Max-Age=3600\na=; Max-Age=0",
    b"sid=abc; Expires=Sun, 06 Nov 2094 08:49:37 GMT; Path=/a\nb=" + b"x" * 900 + b"\nc=" + b"y" * 1500 + b"\nd=" + b"z" * 1900,
]
_SEEDS = [b"j" + bytes([how]) + document for document in _DOCUMENTS for how in (0, 1, 2, 11, 28, 29, 7, 31)]
_SEEDS += [b"c" + bytes([how]) + lines for lines in _COOKIES for how in (0, 6, 129, 133)]
_SEEDS += [b"b\0" + b'value="x"', b"b\1" + b"aaababaabaabab", b"b\2" + b"<a>1</a><a>2<</a>"]
TARGET = Target("extract", check, _SEEDS, _WORDS)
