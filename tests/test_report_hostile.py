"""Whatever a target, a resolver or a config says is harmless text in every file of an export."""

import copy
import csv
import io
import json
import re
from xml.etree import ElementTree as ET

import pytest
from each import each
from markdown_it import MarkdownIt
from openpyxl import load_workbook
from summaries import FLOW_SECOND, HOSTILE, decision, endpoint_snapshot, flow_part, summary_of, verdict

from tressi.model import Change
from tressi.report import junit_xml, latency_hlog, report_xlsx, summary_md
from tressi.report.formats import FORMATS
from tressi.report.workbook import LONGEST_TEXT, cell_text

pytestmark = pytest.mark.pure

KEY = "GET http://host/a"
MEGABYTE = 1_000_000
TEXTS = [*HOSTILE, "", "x" * MEGABYTE, "`" * 5000, "|" * 5000]
IDS = [f"{number}-{text[:12]!r}" for number, text in enumerate(TEXTS)]


def hostile(text):
    """A summary that has `text` wherever it may have text from outside."""
    summary = summary_of(
        endpoint_snapshot(KEY, failed=3),
        end_reason="early-exit",
        end_detail=text,
        saturated_by=[text],
        decisions=[decision(KEY, reason=text)],
        changes=[Change(1.0, "set-target", KEY, 5.0)],
        verdicts=[verdict(text, KEY, passed=False, detail=text), verdict(text, passed=None, detail=text)],
    )
    summary = json.loads(json.dumps(summary).replace(json.dumps(KEY)[1:-1], json.dumps(f"GET http://h/{text}")[1:-1]))
    (endpoint,) = summary["endpoints"]
    endpoint |= {"name": text, "url": text, "errorReasons": [{"kind": "tls", "reason": text, "count": 3}]}
    endpoint |= {"flow": f"flow {text}", "abandoned": 2}
    summary["flows"] = [flow_part(text, endpoint["endpointKey"])]
    for moment in summary["timeline"]:
        moment["flows"] = {f"flow {text}": FLOW_SECOND}
    summary["samples"] = [{"endpointKey": endpoint["endpointKey"], "status": 200, "body": text, "truncated": True}]
    summary["config"] = {"requests": [{"headers": {"X": text}}]}
    return summary


@pytest.fixture
def long_fields():
    """Let the reader of CSV read fields of any length."""
    usual = csv.field_size_limit(2 * MEGABYTE)
    yield
    csv.field_size_limit(usual)


def is_plain(text):
    """Whether a text has nothing but what is seen, and line ends."""
    return all(line.isprintable() for line in text.split("\n"))


@each("text", TEXTS, ids=IDS)
@each("name", [name for name in FORMATS if name.endswith(".csv")])
@pytest.mark.usefixtures("long_fields")
def test_no_cell_of_a_csv_is_computed(name, text):
    """Every row has its columns, and no cell begins a formula or steers a terminal."""
    head, *rows = csv.reader(io.StringIO(FORMATS[name](hostile(text)).decode(), newline=""))
    assert rows
    for row in rows:
        assert len(row) == len(head)
        for value in row:
            assert not value.startswith(("=", "+", "@", "\t", "\r"))
            assert not value.startswith("-") or float(value) < 0
            assert value.isprintable()


@pytest.mark.parametrize("text", TEXTS, ids=IDS)
def test_no_cell_of_the_workbook_is_computed(text):
    """Texts are texts of a length that Excel takes, no formulas and no links; the file is one that opens."""
    book = load_workbook(io.BytesIO(report_xlsx.render(hostile(text))))
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row if cell.value is not None]
    assert {cell.data_type for cell in cells} <= {"s", "n", "b"}
    assert all(cell.hyperlink is None for cell in cells)
    texts = [cell.value for cell in cells if cell.data_type == "s"]
    assert all(is_plain(value) and len(value.encode("utf-16-le")) <= 2 * LONGEST_TEXT for value in texts)
    # The other library leaves the escape of what looks like an escape as it is, which Excel takes off.
    body = cell_text(text)
    assert not body or body in {value.replace("_x005F_", "_") for value in texts}


@pytest.mark.parametrize("text", ["\U0001f600" * LONGEST_TEXT, "\x00" * LONGEST_TEXT, "x" * (LONGEST_TEXT + 1)])
def test_a_cell_is_cut_between_characters(text):
    """A text is as long as Excel takes it, in its own units, with no half of a character, and says that it is cut."""
    shown = cell_text(text)
    assert LONGEST_TEXT - 2 <= len(shown.encode("utf-16-le")) // 2 <= LONGEST_TEXT
    assert shown.endswith("…")


@pytest.mark.parametrize("text", ["x" * LONGEST_TEXT, "", "a\nb"])
def test_what_a_cell_can_hold_is_whole(text):
    """Nothing is cut that fits."""
    assert cell_text(text) == text


@each("text", TEXTS, ids=IDS)
def test_the_test_suite_is_well_formed(text):
    """An XML parser reads it, and finds the text where it belongs, each case with its outcome."""
    root = ET.fromstring(junit_xml.render(hostile(text)))
    values = [value for element in root.iter() for value in (element.text or "", *element.attrib.values())]
    assert all(is_plain(value) for value in values)
    assert {element.tag for element in root.iter()} <= {
        *("testsuites", "testsuite", "properties", "property", "testcase", "failure", "skipped", "system-out"),
    }
    outcomes = [[child.tag for child in case] for case in root.iter("testcase")]
    assert outcomes == [["failure"], [], [], ["system-out"], ["failure"], ["skipped"]]


def flat(tokens):
    """All tokens of a document, those inside a line too."""
    for token in tokens:
        yield token
        yield from flat(token.children or ())


@each("text", TEXTS, ids=IDS)
def test_markdown_is_what_the_summary_means_by_it(text):
    """Outside code there is nothing but our own words: no markup, link, picture, mention or address of the text's."""
    document = summary_md.render(hostile(text)).decode()
    assert is_plain(document)
    tokens = list(flat(MarkdownIt("gfm-like", {"linkify": False, "html": True}).parse(document)))
    tags = [token.content.strip() for token in tokens if token.type in {"html_block", "html_inline"}]
    opened = ["Sampled responses, of the 1 in summary.json", "Latencies of all endpoints together, in ms", "Status codes"]
    opened += ["1 scaling decision", "Changed while the run lasted", "The generator", "The run in numbers", "The config"]
    assert tags == [tag for title in opened for tag in (f"<details><summary>{title}</summary>", "</details>")]
    assert not {token.type for token in tokens} & {"link_open", "image", "hr", "blockquote_open", "s_open", "em_open"}
    assert [token.type for token in tokens].count("heading_open") == len(re.findall(r"^##", document, re.MULTILINE)) == 7
    assert [token.info for token in tokens if token.type == "fence"] == ["text", "json"]
    for token in tokens:
        if token.type == "text":
            assert re.fullmatch(r"[\w .,;:%()='/×+❌⚠\ufe0f-]*", token.content), token.content  # noqa: RUF001 - our own signs
            assert not re.search(r"www\.|://|:\w+:", token.content), token.content


@each("text", TEXTS, ids=IDS)
def test_markdown_shows_the_text_itself(text):
    """In a code span and in a block stands what was said, control characters as code points, long texts cut."""
    tokens = list(flat(MarkdownIt("gfm-like", {"linkify": False}).parse(summary_md.render(hostile(text)).decode())))
    (fence,) = (token for token in tokens if token.type == "fence" and token.info == "text")
    assert is_plain(fence.content)
    if text.isprintable() and len(text) < 200:
        assert fence.content == f"{text}\n"
        spans = {token.content for token in tokens if token.type == "code_inline"}
        shown = re.sub(r"\\+(?=\|)", lambda found: r"\x5c" * len(found[0]), text)
        said = {token.content for token in tokens if token.type == "text"}
        assert shown in spans | said | {""}


@each("text", TEXTS, ids=IDS)
def test_tables_keep_their_columns(text):
    """No text adds a cell to a row or ends a table."""
    tokens = list(MarkdownIt("gfm-like", {"linkify": False}).parse(summary_md.render(hostile(text)).decode()))
    types = [token.type for token in tokens]
    assert types.count("table_open") == 12
    width = 0
    for kind, count in re.findall(r"(h|d)row=(\d+)", rows_of(types)):
        width = int(count) if kind == "h" else width
        assert int(count) == width
    lines = [line for line in summary_md.render(hostile(text)).decode().splitlines() if line.startswith("| ")]
    assert sum(kind == "tr_open" for kind in types) + types.count("table_open") == len(lines)


def rows_of(types):
    """The rows among token types, as `hrow=3` for three cells of a header and `drow=3` for others."""
    found = []
    for kind in types:
        if kind == "tr_open":
            found.append([])
        elif kind in {"th_open", "td_open"}:
            found[-1].append(kind[1])
    return " ".join(f"{row[0]}row={len(row)}" for row in found)


@each("text", TEXTS, ids=IDS)
def test_a_line_of_the_log_is_a_line(text):
    """A tag has no space, comma or line end, and none that would begin a comment."""
    lines = latency_hlog.render(hostile(text)).decode().splitlines()
    assert len(lines) == 8
    for line in lines[4:]:
        assert re.fullmatch(r"Tag=(service:)?[A-Za-z0-9%_.~-]+,0\.000,2\.000,0\.00\d{4},[A-Za-z0-9+/=]+", line)


@each("text", TEXTS, ids=IDS)
def test_json_keeps_the_text(text):
    """For programs it is what it was, to the byte."""
    summary = hostile(text)
    assert json.loads(FORMATS["summary.json"](copy.deepcopy(summary))) == summary
