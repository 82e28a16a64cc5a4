"""Where another parser reads a response differently, and why this one reads it as it does.

A line holds for an input when its pattern is found there. A difference for which no line holds is a finding of the fuzzer:
either a fault, or a line that is missing here. `accepts` is who takes the message: this parser, the peer, or both, which then
disagree about what it says. RFC 9112 is meant where no other is named.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parser_cases import Outcome

Side = Literal["we", "peer", "both"]


@dataclass(frozen=True)
class Difference:
    """One way in which a peer differs: who accepts, what the input looks like, and the paragraph that decides."""

    accepts: Side
    pattern: re.Pattern[bytes]
    why: str


def _line(accepts: Side, pattern: bytes, why: str) -> Difference:
    return Difference(accepts, re.compile(pattern), why)


_CONTROL = rb"[\x01-\x08\x0b-\x1f\x7f]"
_SIZE = rb"(?:\A|\n)[0-9a-fA-F]+"
_TWO_LENGTHS = rb"(?is)\ncontent-length[^\n]*,|\ncontent-length.*\ncontent-length"
_BOTH_FRAMINGS = rb"(?is)\ncontent-length.*\ntransfer-encoding|\ntransfer-encoding.*\ncontent-length"
H11 = (
    _line(
        "we", rb"(?i)\ntransfer-encoding[^\n]*\n", "6.1: HTTP knows other codings and lists of them; h11 knows chunked alone"
    ),
    _line("we", rb"[0-9a-fA-F]{20}", "7.1 and RFC 9110 8.6 limit no digits; h11 takes 20"),
    _line("we", _TWO_LENGTHS, "6.3: the same length twice is one, and 0 is 00; h11 compares the text"),
    _line("we", _SIZE + rb"[ \t]", "7.1.1: white space in front of an extension is passed over; servers pad sizes with it"),
    _line(
        "peer", _CONTROL, "RFC 9110 5.5: a control character in a field or reason is invalid and dangerous; h11 passes it on"
    ),
    _line("peer", rb"\AHTTP/[^1]", "2.3: another major version is another protocol; h11 reads any"),
)
LLHTTP = (
    _line("we", rb"(?<!\r)\n", "2.2: a recipient may take a bare LF for a line's end; llhttp does not"),
    _line("we", rb"\n[ \t]", "5.2: a user agent replaces a fold by spaces; llhttp refuses it"),
    _line(
        "we", rb"\AHTTP/1\.[2-9]", "2.3: a later minor version is read as the highest that is known; llhttp knows 1.0 and 1.1"
    ),
    _line("we", _TWO_LENGTHS, "6.3: the same length twice is one; llhttp refuses lists and repetitions"),
    _line("we", _BOTH_FRAMINGS, "6.3: the coding overrides the length, and the connection is closed; llhttp refuses both"),
    _line("we", rb"(?i)\ntransfer-encoding:\s*\n", "RFC 9110 5.6.1: an empty list names no coding; llhttp refuses it"),
    _line("we", rb"[0-9]{20}", "RFC 9110 8.6: no body is read by a length on 1xx, 204 and 304; llhttp reads each into 64 bits"),
    _line("we", _SIZE + rb"[ \t]", "7.1.1: likewise white space behind a chunk's size"),
    _line(
        "we",
        _SIZE + rb";",
        "7.1.1: an extension that is not known is passed over, also one without a name; llhttp refuses that",
    ),
    _line(
        "both", rb"(?i)\ntransfer-encoding[^\n]*(?:,|\t)\s*\n", "RFC 9110 5.6.1: empty members and white space change no list"
    ),
    _line("we", rb"(?s)\AHTTP/1\.[01] 1.*(?i:\nconnection|\ncontent-length|\ntransfer)", "RFC 9110 15.2: likewise"),
    _line(
        "both",
        rb"(?s)\AHTTP/1\.[01] 1.*(?i:\nconnection|\ncontent-length|\ntransfer)",
        "RFC 9110 15.2: a 1xx is no final answer; llhttp lets its fields count",
    ),
    _line("peer", rb"(?i)\ntransfer-encoding[^\n]*(?:,|\t)\s*\n", "likewise: we read chunks where llhttp reads to the end"),
    _line("peer", rb"\A[\r\n]", "2.2 lets a server, not a client, skip empty lines in front of a message"),
    _line("peer", _CONTROL + rb"|\0", "4: a reason holds no control characters; llhttp passes them on"),
    _line(
        "peer",
        rb"\A(?:I\Z|HTTP/[^1])",
        "2.3: another major version is another protocol; llhttp reads others, and those of RTSP and ICE",
    ),
    _line("peer", rb"\AHTTP/1.[01] 0", "RFC 9110 15: a status begins at 100; llhttp reads any number"),
    _line(
        "peer",
        rb"[0-9]{19}|[0-9a-fA-F]{16}",
        "RFC 9110 8.6 and 7.1: no body is read by a length of 10^18 or a chunk of 16^15 and more",
    ),
)


def unexplained(lines: Sequence[Difference], data: bytes, ours: Outcome, theirs: Outcome, *, to_head: bool) -> str:
    """How the outcomes differ, where they do and no line says why; else ""."""
    accepts = _accepts(ours, theirs)
    if accepts is None or any(line.accepts == accepts and line.pattern.search(data) for line in lines):
        return ""
    who = {"we": "is refused by the peer", "peer": "is refused by us", "both": "is read in two ways"}[accepts]
    return f"{data!r}{' (to HEAD)' if to_head else ''} {who}: {ours} and {theirs}"


def _accepts(ours: Outcome, theirs: Outcome) -> Side | None:
    """Who takes what the other does not; None where they agree. h11 calls `broken` what goes on, llhttp `open`."""
    we = ours.progress != "broken"
    they = theirs.progress != "broken"
    if not they and ours.progress == "more":
        return None
    if theirs.progress == "open" and ours.progress in {"more", "closed"}:
        # Nothing is told about the end: what was read up to here must be the same.
        return None if ours.body == theirs.body else "both"
    if we != they:
        return "we" if we else "peer"
    if not we or replace(ours, reusable=False, fault="") == replace(theirs, reusable=False, fault=""):
        return None
    return "both"


def table() -> str:
    """All lines as the table of README.md."""
    takes = {"we": "this parser", "peer": "the other one", "both": "both, in two ways"}
    rows = ["| other parser | who takes the message | why |", "| --- | --- | --- |"]
    rows += [
        f"| {peer} | {takes[one.accepts]} | {one.why} |" for peer, lines in (("h11", H11), ("llhttp", LLHTTP)) for one in lines
    ]
    return "\n".join(rows)
