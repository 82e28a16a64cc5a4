"""What a search in JSON must find, by the decoder of the standard library and a walk over the text."""

import json
import re
from itertools import islice

_DECODER = json.JSONDecoder()
_SPACE = re.compile(r"[ \t\n\r]*")
_ALONE = re.compile("[\ud800-\udfff]")
DEEPEST = 512


def found(data, steps, pick, limit):
    """The outcomes that a search may have, each as `Extractor.end` gives it; there are several only for a random pick.

    `steps` are names, indices and None for every entry. With the pick "first" it holds for what is JSON to its end: what
    stands behind the first match is not read.
    """
    try:
        text = data.decode("utf-8-sig")
        json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return [("malformed", None, False)]
    if _depth(text) > DEEPEST:
        return [("too deep", None, False)]
    only_last = pick != "first" and None not in steps
    spans = list(_spans(text, _SPACE.match(text).end(), steps, only_last=only_last))
    if pick == "first":
        spans = spans[:1]
    elif pick == "last":
        spans = spans[-1:]
    return [_outcome(text[begin:end], limit) for begin, end in spans] or [("not found", None, False)]


def _refuse(word):
    raise ValueError(word)


def _outcome(text, limit):
    is_literal = not text.startswith('"')
    value = (text if is_literal else _ALONE.sub("\ufffd", json.loads(text))).encode()
    return ("found", value, is_literal) if len(value) <= limit else ("too long", None, False)


def _depth(text):
    """How many lists and objects are within one another at most."""
    depth = deepest = 0
    for mark in re.findall(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', text):
        depth += (mark in "[{") - (mark in "]}")
        deepest = max(deepest, depth)
    return deepest


def _spans(text, at, steps, *, only_last):
    """Where the values at a path begin and end, in the order of the document."""
    if not steps:
        yield at, _end(text, at)
        return
    step, rest = steps[0], steps[1:]
    if isinstance(step, str) and text[at] == "{":
        places = [place for name, place in _members(text, at) if _ALONE.sub("\ufffd", name) == step]
        chosen = places[-1:] if only_last else places
    elif not isinstance(step, str) and text[at] == "[":
        places = _entries(text, at)
        chosen = places if step is None else islice(places, step, step + 1)
    else:
        return
    for place in chosen:
        yield from _spans(text, place, rest, only_last=only_last)


def _end(text, at):
    return _DECODER.raw_decode(text, at)[1]


def _space(text, at):
    return _SPACE.match(text, at).end()


def _entries(text, at):
    at = _space(text, at + 1)
    while text[at] != "]":
        at = _space(text, at)
        yield at
        at = _space(text, _end(text, at))
        at += text[at] == ","


def _members(text, at):
    at = _space(text, at + 1)
    while text[at] != "}":
        at = _space(text, at)
        name, at = _DECODER.raw_decode(text, at)
        at = _space(text, _space(text, at) + 1)
        yield name, at
        at = _space(text, _end(text, at))
        at += text[at] == ","


def written(rng, depth=0):
    """The text of a random document: with white space, escapes and names that come twice."""
    kind = rng.random()
    if depth < 7 and kind < 0.45:
        members = [
            f"{_gap(rng)}{_string(rng, rng.choice('abcé'))}{_gap(rng)}:{_gap(rng)}{written(rng, depth + 1)}{_gap(rng)}"
            for _ in range(rng.choice((0, 1, 1, 2, 3, 4)))
        ]
        return "{" + (",".join(members) or _gap(rng)) + "}"
    if depth < 7 and kind < 0.7:
        entries = [f"{_gap(rng)}{written(rng, depth + 1)}{_gap(rng)}" for _ in range(rng.choice((0, 1, 2, 2, 3)))]
        return "[" + (",".join(entries) or _gap(rng)) + "]"
    if kind < 0.85:
        return _string(rng, "".join(rng.choice(LETTERS) for _ in range(rng.choice((0, 1, 3, 10, 60)))))
    return rng.choice(SCALARS)


LETTERS = [
    "a",
    "b",
    "x",
    " ",
    "é",
    "€",
    "😀",
    "\x7f",
    "\u2028",
    '"',
    "\\",
    "/",
    "\n",
    "\0",
    "\ud83d",
    "\udc00",
    "\ud800",
    "\uffff",
]
SCALARS = [
    "0",
    "-0",
    "1",
    "-1",
    "10",
    "1e5",
    "1E+5",
    "-1.5e-07",
    "0.25",
    "123456789012345678901234567890",
    "true",
    "false",
    "null",
]


def _gap(rng):
    return rng.choice(("", "", "", " ", "\n  ", "\t", "\r\n"))


def _string(rng, text):
    """A text as a string, each character in one of the ways in which it may be written."""
    return '"' + "".join(_character(rng, letter) for letter in text) + '"'


def _character(rng, letter):
    plain = json.dumps(letter, ensure_ascii=False)[1:-1]
    if rng.random() < 0.2 or _ALONE.search(letter):
        units = letter.encode("utf-16-be", "surrogatepass")
        escape = "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
        return escape.upper().replace("\\U", "\\u") if rng.random() < 0.5 else escape
    return "\\/" if letter == "/" and rng.random() < 0.5 else plain


def path_of(rng):
    """A random path, with names and indices that documents are likely to have."""
    return tuple(rng.choice(("a", "b", "c", "é", 0, 0, 1, 2, None)) for _ in range(rng.choice((0, 1, 1, 2, 2, 3, 4))))
