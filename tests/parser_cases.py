"""The parser as a function from bytes to what came of them, and the response files as cases."""

import re
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from tressi._parser import ResponseParser

FOLDER = Path(__file__).parent / "responses"

_CASE = re.compile(
    r"^## (?P<title>.+?)$.*?^```response\n(?P<response>.*?)^```$.*?^```event\n(?P<event>[^\n]*)\n(?P<body>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_ESCAPE = re.compile(rb"\\(?:x([0-9a-f]{2})|(.))|<(.)\*(\d+)>")
_PLAIN = {b"r": b"\r", b"n": b"\n", b"t": b"\t", b"\\": b"\\"}
_HEAD = "(to HEAD)\n"


@dataclass(frozen=True)
class Outcome:
    """What a parser made of some bytes, however they were cut."""

    progress: str  # done, closed, more, broken
    status: int
    body: bytes
    end: int  # bytes used until the message ended; all of them if it did not end
    reusable: bool = False
    fault: str = ""


@dataclass(frozen=True)
class Case:
    """One section of a response file."""

    title: str
    response: bytes
    to_head: bool
    event: str
    body: bytes


def outcome(pieces, *, to_head=False, parser=None):
    """Feed pieces to a parser until it is done, then tell it that the server closed."""
    parser = parser or ResponseParser()
    parser.reset(to_head)
    progress, end = "more", 0
    for piece in pieces:
        progress, used = parser.feed(piece)
        assert 0 <= used <= len(piece)
        assert progress != "more" or used == len(piece)
        end += used
        if progress != "more":
            break
    if progress == "more" and parser.close() == "done":
        progress = "closed"
    assert parser.body_bytes >= len(parser.kept)
    return Outcome(progress, parser.status, parser.kept, end, parser.reusable, parser.fault)


def cut_at(data, *places):
    """The pieces of data between these places."""
    edges = [0, *places, len(data)]
    return [data[begin:end] for begin, end in pairwise(edges)]


def byte_by_byte(data):
    """Every byte a piece."""
    return [data[at : at + 1] for at in range(len(data))]


def _unescaped(match):
    code, letter, repeated, count = match.groups()
    if code:
        return bytes([int(code, 16)])
    return _PLAIN[letter] if letter else repeated * int(count)


def written(text):
    """The bytes that a block stands for."""
    return _ESCAPE.sub(_unescaped, text.replace("\n", "").encode("latin-1"))


def cases():
    """All cases of all files."""
    found = []
    for path in sorted(FOLDER.glob("[a-z]*.md")):
        text = path.read_text("utf-8")
        matches = list(_CASE.finditer(text))
        assert len(matches) == text.count("\n## "), f"{path.name} has a section that is no case"
        for match in matches:
            response = match["response"]
            found.append(
                Case(
                    f"{path.stem}: {match['title']}",
                    written(response.removeprefix(_HEAD)),
                    response.startswith(_HEAD),
                    match["event"],
                    written(match["body"]),
                )
            )
    return found
