"""The parser against h11 and httptools: the same answer wherever they give one, and each difference named."""

import re
from dataclasses import replace

import pytest
from each import each
from hypothesis import given, settings
from hypothesis import strategies as st
from parser_cases import Outcome, cases, outcome
from parser_peers import h11_outcome, httptools_outcome

pytestmark = pytest.mark.pure

CASES = {case.title: case for case in cases()}

# Where the two disagree with us about a response file, and why we hold what we hold.
H11_DIFFERS = {
    "chunked: Extensions are passed over": "takes no white space in front of an extension (RFC 9112 7.1.1: BWS)",
    "chunked: Leading zeros of a size change no number (RFC 9112, 7.1: 1*HEXDIG)": "takes 20 digits at the most",
    "framing: Nor do many of them (RFC 9110, 8.6: 1*DIGIT)": "likewise",
    "framing: A length of zeros alone is nothing": "likewise",
    "framing: Where no body can follow, a length beyond 64 bits does no harm: 304": "takes 20 digits at the most",
    "framing: Nor with 204": "likewise",
    "framing: Nor in the answer to HEAD": "likewise",
    "framing: Nor in a 1xx": "likewise",
    "framing: Transfer-Encoding overrides a length beyond 64 bits too": "likewise",
    "chunked: Trailers never change the framing or the connection (RFC 9110, 6.5.1)": "checks framing fields in trailers",
    "chunked: Trailers count towards the head": "limits head and trailers each by itself",
    "framing: Another coding alone delimits nothing": "knows no coding but chunked",
    "framing: Chunked that is not the last coding delimits nothing": "likewise",
    "framing: Chunked last delimits what another coding made": "likewise",
    "framing: Codings may stand in several fields": "likewise",
    "framing: A coding whose name only begins like chunked is another": "likewise",
    "lines: A value holds no DEL": "lets control characters pass",
    "lines: Another major version is another protocol": "reads any version",
}
HTTPTOOLS_DIFFERS = {
    "chunked: Extensions are passed over": "takes no white space in front of an extension",
    "chunked: White space behind a size is passed over": "takes none there; servers that pad sizes exist",
    "chunked: Trailers are passed over": "takes no folded line",
    "chunked: Trailers never change the framing or the connection (RFC 9110, 6.5.1)": "checks framing fields in trailers",
    "chunked: An extension of more than 64 KiB has no end worth waiting for": "has no limit",
    "chunked: Trailers count towards the head": "has no limit",
    "connection: A later minor version is 1.1": "knows 1.0 and 1.1 only",
    "connection: Close in a 1xx is not the answer's": "takes a 1xx for an answer, with its Connection field",
    "framing: Several 1xx are passed over, their fields with them": "likewise",
    "framing: The same length twice is one length": "takes no second length (RFC 9112 6.3 allows it)",
    "framing: The same length in a list is one length": "likewise",
    "framing: Transfer-Encoding overrides Content-Length, and the connection ends with the message (6.1)": "refuses both",
    "framing: In whichever order they stand": "refuses both",
    "framing: Where no body can follow, a length beyond 64 bits does no harm: 304": "reads every length into 64 bits",
    "framing: Nor with 204": "likewise",
    "framing: Nor in a 1xx": "likewise",
    "framing: A length of 10^18 is too long for a body, zeros in front or not": "takes lengths up to 2^64",
    "framing: Transfer-Encoding overrides a length beyond 64 bits too": "refuses both",
    "lines: A bare LF ends a line": "takes no bare LF (RFC 9112 2.2 allows it)",
    "lines: Both line ends may be mixed": "likewise",
    "lines: A bare LF ends a trailer": "likewise",
    "lines: A folded line continues its field (5.2)": "takes no folded line",
    "lines: A control character is no reason": "takes any byte in a reason",
    "lines: Another major version is another protocol": "reads 2.0",
    "lines: No empty line stands in front of a response": "skips empty lines",
    "lines: A status begins at 100": "reads any number",
    "lines: A head of one byte more is not": "has no limit",
    "lines: A name without end is a head without end": "has no limit",
    "lines: A reason without end likewise": "has no limit",
    "lines: Heads of 1xx count together": "has no limit",
}
# httptools reads `chunked,` and `chunked` with a tab behind it as other codings (RFC 9110 5.6.1 and 5.6.3: they are not).
ODD_CODING = re.compile(rb"chunked[ \t,]*[\t,][ \t,]*\r?\n", re.IGNORECASE)
# The status line: others read versions beyond 1.x, numbers beyond 599, control characters and empty lines before it.
ODD_LINE = "not an HTTP/1.x status line"


def same_as_h11(ours, theirs):
    """Equal, but for reuse, which is ours to rule; what is cut short is `broken` to h11."""
    if ours.progress in {"more", "broken"}:
        return theirs.progress == "broken"
    return replace(ours, reusable=False) == replace(theirs, reusable=False)


def same_as_httptools(ours, theirs):
    """Equal, but for reuse; without an event for a close it calls `open` what goes on."""
    if ours.progress == "broken":
        return theirs.progress == "broken"
    if ours.progress == "done":
        return replace(ours, reusable=False) == replace(theirs, reusable=False)
    return theirs.progress == "open" and ours.body == theirs.body


@each("title", CASES)
def test_h11_says_the_same_of_a_response_file(title):
    """h11 agrees on where a message ends and what is in it, but where the table says why not."""
    case = CASES[title]
    ours, theirs = outcome([case.response], to_head=case.to_head), h11_outcome(case.response, to_head=case.to_head)
    assert same_as_h11(ours, theirs) is (title not in H11_DIFFERS)


@each("title", [title for title, case in CASES.items() if not case.to_head])
def test_httptools_says_the_same_of_a_response_file(title):
    """So does httptools; it cannot be told of a HEAD request."""
    data = CASES[title].response
    assert same_as_httptools(outcome([data]), httptools_outcome(data)) is (title not in HTTPTOOLS_DIFFERS)


def test_each_difference_is_of_a_case():
    """The tables name only cases that exist."""
    assert set(H11_DIFFERS) | set(HTTPTOOLS_DIFFERS) <= set(CASES)


TEXT = st.text(st.sampled_from("abcXYZ019 \t!#:;,=/\"'()\x80\xff"), max_size=12).map(lambda text: text.strip(" \t"))
NAMES = st.text(st.sampled_from("abzAZ09-_!#$%&'*+.^`|~"), min_size=1, max_size=8).map(lambda name: "X-" + name)
FIELDS = st.lists(st.tuples(NAMES, TEXT), max_size=4)
BODIES = st.binary(max_size=40)
CHUNKS = st.lists(st.binary(min_size=1, max_size=20), max_size=5)
INTERIMS = st.lists(st.tuples(st.sampled_from([100, 102, 103]), FIELDS), max_size=2)
FINAL = [200, 201, 205, 301, 400, 404, 418, 500, 503, 599]


def lines(first, fields):
    """A head."""
    return "\r\n".join([first, *(f"{name}: {value}" for name, value in fields), "", ""]).encode("latin-1")


@st.composite
def chunked_bodies(draw):
    """(bytes on the wire, body): chunks with extensions, and trailers."""
    wire, chunks = b"", draw(CHUNKS)
    for chunk in chunks:
        size = draw(st.sampled_from(["%x", "%X", "0%x", "000%X"])) % len(chunk)
        extension = draw(st.sampled_from(["", ";a", ";a=b", ';a="b c"', ";a;b=c"]))
        wire += f"{size}{extension}\r\n".encode() + chunk + b"\r\n"
    wire += draw(st.sampled_from([b"0", b"000", b"0;last"])) + b"\r\n"
    return wire + lines("", draw(FIELDS))[2:], b"".join(chunks)


@st.composite
def framings(draw):
    """(fields, bytes on the wire, body, progress at a close): every way a body may be delimited."""
    kind = draw(st.sampled_from(["length", "chunked", "close"]))
    if kind == "chunked":
        wire, body = draw(chunked_bodies())
        return [(draw(st.sampled_from(["Transfer-Encoding", "TRANSFER-encoding"])), "chunked")], wire, body, "done"
    body = draw(BODIES)
    if kind == "length":
        return [(draw(st.sampled_from(["Content-Length", "content-length"])), str(len(body)))], body, body, "done"
    return [], body, body, "closed"


@st.composite
def responses(draw):
    """(bytes, whether they answer HEAD, what must come of them): a response built from its rules."""
    version, to_head = draw(st.sampled_from(["1.0", "1.1"])), draw(st.booleans())
    status = draw(st.sampled_from([*FINAL, 204, 304]))
    framing, wire, body, progress = draw(framings())
    options = draw(st.sampled_from([[], ["close"], ["keep-alive"], ["Close", "x"], ["x", "Keep-Alive"]]))
    fields = [*draw(FIELDS), *framing, *([("Connection", ", ".join(options))] if options else [])]
    interim = b"".join(lines(f"HTTP/1.1 {code} Interim", fields) for code, fields in draw(INTERIMS))
    head = interim + lines(f"HTTP/{version} {status} {draw(TEXT)}", draw(st.permutations(fields)))
    if to_head or status in {204, 304}:
        wire, body, progress = b"", b"", "done"
    lower = [option.lower() for option in options]
    coded_in_old = version == "1.0" and any(value == "chunked" for _, value in framing)
    reusable = progress == "done" and (version == "1.1" or "keep-alive" in lower) and "close" not in lower
    data = head + wire
    return data, to_head, Outcome(progress, status, body, len(data), reusable and not coded_in_old)


@settings(max_examples=250, deadline=None)
@given(response=responses(), behind=st.sampled_from([b"", b"HTTP/1.1 200 OK\r\n\r\n", b"\0"]))
def test_a_response_built_by_the_rules_is_read_by_all_three(response, behind):
    """Status, body, end and reuse are what the response was built from, and h11 and httptools say so, too."""
    data, to_head, expected = response
    if expected.progress == "done":
        data += behind
    assert outcome([data], to_head=to_head) == expected
    assert same_as_h11(expected, h11_outcome(data, to_head=to_head))
    if not to_head:
        assert same_as_httptools(expected, httptools_outcome(data))


PIECES = [b"\r\n", b"\n", b"\r", b" ", b"\t", b":", b",", b";", b"0", b"1", b"\0", b"\x7f", b"\xff", b"close", b"chunked"]
EDITS = st.lists(
    st.tuples(
        st.sampled_from(["insert", "replace", "delete", "repeat"]),
        st.integers(0, 2_000),
        st.integers(1, 30),
        st.one_of(st.sampled_from(PIECES), st.binary(min_size=1, max_size=3)),
    ),
    min_size=1,
    max_size=4,
)
SMALL = [case.response for case in CASES.values() if len(case.response) < 2_000]


def edited(data, edits):
    """A response after some accidents."""
    for kind, place, size, piece in edits:
        at = place % (len(data) + 1)
        behind = {"insert": data[at:], "replace": data[at + len(piece) :], "delete": data[at + size :]}
        new = {"repeat": data[max(0, at - size) : at], "delete": b""}.get(kind, piece)
        data = data[:at] + new + behind.get(kind, data[at:])
    return data


DAMAGED = st.one_of(
    st.builds(edited, st.sampled_from(SMALL), EDITS),
    st.builds(lambda response, edits: edited(response[0], edits), responses(), EDITS),
)


@settings(max_examples=300, deadline=None, derandomize=True)  # a new version of a peer must not surprise at random
@given(data=DAMAGED, to_head=st.booleans())
def test_two_parsers_that_accept_a_damaged_response_agree(data, to_head):
    """Whatever h11 or httptools takes and we take is the same message with the same end; what both take, we take."""
    ours, h11 = outcome([data], to_head=to_head), h11_outcome(data, to_head=to_head)
    if ours.progress in {"done", "closed"} and h11.progress != "broken":
        assert same_as_h11(ours, h11)
    if to_head or ODD_CODING.search(data):
        return
    httptools = httptools_outcome(data)
    if "broken" not in {ours.progress, httptools.progress}:
        assert same_as_httptools(ours, httptools)
    if "broken" not in {h11.progress, httptools.progress}:
        assert ours.progress != "broken" or ours.fault == ODD_LINE
