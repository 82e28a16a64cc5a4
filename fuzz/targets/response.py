"""The response parser: the same of the same bytes however they are cut, and what h11 and llhttp say of them.

The first byte of an input says how it is cut and whether it answers HEAD; the response is behind it. Where a peer differs,
`differences` must have a line that says why.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from parser_cases import byte_by_byte, cases, cut_at, outcome
from parser_peers import h11_outcome, httptools_outcome

from fuzz.target import Target
from fuzz.targets.differences import H11, LLHTTP, unexplained

if TYPE_CHECKING:
    from collections.abc import Hashable

_TO_HEAD = 1
_MOST_BYTES = 4_000  # a peer that is fed byte by byte is slow
_WORDS = (b'\r\n|\n|\r| |\t|:|,|;|=|"|0|1|\x00|\x7f|\x80|\xff|\x0b').split(b"|")
_WORDS += [
    b"HTTP/1.1 200 OK\r\n",
    b"HTTP/1.0 ",
    b"HTTP/1.1 204 N\r\n",
    b"HTTP/1.1 304 N\r\n",
    b"HTTP/1.1 100 C\r\n\r\n",
    b"HTTP/2 ",
]
_WORDS += [
    b"Content-Length: 5\r\n",
    b"Content-Length: 0\r\n",
    b"content-length:",
    b"Transfer-Encoding: chunked\r\n",
    b"chunked",
]
_WORDS += [b"gzip, chunked", b"Connection: close\r\n", b"Connection: keep-alive\r\n", b"keep-alive", b"close", b"identity"]
_WORDS += [
    b"Upgrade: x\r\n",
    b"0\r\n\r\n",
    b"5\r\nhello\r\n",
    b"00000005",
    b"0000000000000000000000005",
    b"fffffffffffffff",
    b"\r\n\r\n",
]


def check(data: bytes) -> Hashable:
    """Raise AssertionError where an invariant is broken, or a peer differs and no line says why."""
    how, response = (data[0] if data else 0), data[1:][:_MOST_BYTES]
    to_head = bool(how & _TO_HEAD)
    whole = outcome([response], to_head=to_head)
    for pieces in (byte_by_byte(response), cut_at(response, min(how, len(response))), [response, b""]):
        assert outcome(pieces, to_head=to_head) == whole, "it depends on where the bytes are cut"
    assert whole.progress in {"done", "closed", "more", "broken"}
    assert (whole.fault != "") is (whole.progress == "broken")
    assert 0 <= whole.end <= len(response)
    if whole.progress in {"done", "closed"}:
        assert 200 <= whole.status <= 999
        assert len(whole.body) <= whole.end
    theirs = h11_outcome(response, to_head=to_head)
    found = unexplained(H11, response, whole, theirs, to_head=to_head)
    assert not found, f"h11: {found}"
    if to_head:
        return (whole.progress, whole.fault, theirs.progress)
    other = httptools_outcome(response)
    found = unexplained(LLHTTP, response, whole, other, to_head=False)
    assert not found, f"llhttp: {found}"
    return (whole.progress, whole.fault, theirs.progress, other.progress, len(whole.body) > 0, whole.reusable)


TARGET = Target(
    "response",
    check,
    [bytes([case.to_head]) + case.response for case in cases() if len(case.response) < _MOST_BYTES],
    _WORDS,
)
