"""The report as a file: every number is the summary's, every text is text, nothing is fetched, and it stays small enough."""

import json
import re
import zlib
from base64 import b64decode
from collections import Counter
from html.parser import HTMLParser

import pytest
from each import each
from markupsafe import escape
from summaries import HOSTILE, decision, endpoint_snapshot, summary_of

from bench.long_run import long_summary
from tressi.report.page.series import chart_data
from tressi.report.report_html import render
from tressi.text import plain

pytestmark = pytest.mark.pure

MEGABYTE = 10**6
NOTHING = "\u2013"  # a dash, as long as a figure
LATENCY = ("min", "mean", "stdev", "p50", "p90", "p95", "p99", "p999", "max")
# By heading the numbers of a cell, in its order.
ENDPOINT = {
    "RPS, of asked": ("rps", "askedRps"),
    "Missed": ("requestsMissed",),
    "Failed": ("requestsFailed",),
    "Failed %": ("errorRate",),
    "Response p50 ms": ("responseTimeMs.p50",),
    "p95 ms": ("responseTimeMs.p95",),
    "p99 ms": ("responseTimeMs.p99",),
    "max ms": ("responseTimeMs.max",),
    "Service p99 ms": ("serviceTimeMs.p99",),
    "Workers": ("workerCount",),
    "Peak": ("peakWorkerCount",),
    "Requests": ("requestsMade",),
}
POOL = {
    "Weight": ("weight",),
    "Min workers": ("minWorkers",),
    "Max workers": ("maxWorkers",),
    "Succeeded": ("requestsSucceeded",),
    "Sent bytes": ("bytesSent",),
    "Received bytes": ("bytesReceived",),
    "Connections": ("connectionsOpened",),
    "Retries": ("retries",),
}
TIMES = {
    "response time": "responseTimeMs",
    "service time": "serviceTimeMs",
    "service time of successes": "successTimeMs",
    "time to the first byte": "firstByteMs",
    "connecting": "connectTimeMs",
    "TLS handshake": "tlsTimeMs",
}


class Tables(HTMLParser):
    """Every table as a list of rows; a cell is its text, or the list of its `<data>` values where it has any.

    `places` has beside each table the places of its rows in the summary, where they have one.
    """

    def __init__(self, document):
        super().__init__()
        self.tables, self.places, self.cell, self.values = [], [], None, []
        self.feed(document.decode())
        self.close()

    def handle_starttag(self, tag, attrs):  # noqa: D102 - the parser's own
        if tag == "table":
            self.tables.append([])
            self.places.append([])
        elif tag == "tr":
            self.tables[-1].append([])
            self.places[-1].append(int(dict(attrs).get("data-place", -1)))
        elif tag in {"td", "th"}:
            self.cell, self.values = "", []
        elif tag == "data" and self.cell is not None:
            self.values.append(float(dict(attrs)["value"]))

    def handle_data(self, data):  # noqa: D102 - likewise
        if self.cell is not None:
            self.cell += data

    def handle_endtag(self, tag):  # noqa: D102 - likewise
        if tag in {"td", "th"}:
            self.tables[-1][-1].append(self.values or self.cell.strip())
            self.cell = None

    def beginning(self, *headings):
        """The table with these first headings, each row by its heading."""
        ((found, places),) = [
            (table, places)
            for table, places in zip(self.tables, self.places, strict=True)
            if tuple(table[0][: len(headings)]) == headings
        ]
        rows = [dict(zip(found[0], row, strict=True)) for row in found[1:]]
        # In the summary's order, however the page has ranked them.
        return [row for _, row in sorted(zip(places[1:], rows, strict=True), key=lambda pair: pair[0])]


def value_of(document, name):
    """`p99` of `serviceTimeMs`, for `serviceTimeMs.p99`."""
    for part in name.split("."):
        document = document[part]
    return document


def cell_of(*values):
    """Numbers as `Tables` reads them from the cell that has them."""
    return [float(value) for value in values if value is not None] or NOTHING


@pytest.fixture(scope="module")
def summary():
    return long_summary(endpoints=12, seconds=30)


@pytest.fixture(scope="module")
def tables(summary):
    return Tables(render(summary))


def test_every_number_of_an_endpoint_is_the_summarys(summary, tables):
    """To the last bit, in the row of its endpoint."""
    for headings, columns in ((("Endpoint", "Limited by"), ENDPOINT), (("Endpoint", "Pool"), POOL)):
        rows = tables.beginning(*headings)
        assert len(rows) == len(summary["endpoints"])
        for row, endpoint in zip(rows, summary["endpoints"], strict=True):
            for heading, names in columns.items():
                values = [value_of(endpoint, name) for name in names]
                assert row[heading] == cell_of(*values), (endpoint["endpointKey"], heading)
    statuses = [row["Responses by status"] for row in tables.beginning("Endpoint", "Pool")]
    assert statuses == [list(map(float, endpoint["statusCodes"].values())) for endpoint in summary["endpoints"]]


def test_every_latency_is_the_summarys(summary, tables):
    """Of all endpoints together, and of each that has any."""
    heads = [name.replace("p999", "p99.9") for name in LATENCY]
    rows = tables.beginning("Endpoint", "Of")
    told = [
        (endpoint, time) for endpoint in summary["endpoints"] for time in TIMES.values() if endpoint[time]["max"] is not None
    ]
    assert len(rows) == len(told)
    for row, (endpoint, time) in zip(rows, told, strict=True):
        assert TIMES[row["Of"]] == time
        assert [row[head] for head in heads] == [cell_of(endpoint[time][name]) for name in LATENCY]
    for row in tables.beginning("Of"):
        of_all = summary["global"][TIMES[row["Of"]]]
        assert [row[head] for head in heads] == [cell_of(of_all[name]) for name in LATENCY]


def test_every_decision_threshold_and_change_is_the_summarys(summary, tables):
    """Decisions in their order, with the workers before and after; broken thresholds first, then those that nothing judged."""
    shown = [(*row["At"], *row["Workers"], row["Why"]) for row in tables.beginning("At", "Endpoint")]
    signs = {"scale-up": 1, "scale-down": -1}
    assert shown == [
        (
            one["timestamp"],
            one["workerCount"] - signs[one["action"]] * one["workers"],
            one["workerCount"],
            f"reason{one['reason']}",
        )
        for one in summary["scaling"]
    ]
    held, broken, unjudged = summary["thresholds"]
    rows = tables.beginning("Verdict")
    assert [row["Verdict"] for row in rows] == ["broken", "not judged", "held"]
    for row, one in zip(rows, (broken, unjudged, held), strict=True):
        assert row["Value and limit"] == (cell_of(one["value"], one["limit"]) if one["passed"] is not None else "no values yet")
        assert row["Broken at"] == cell_of(one["failedAt"])
    assert [row["Target RPS"] for row in tables.beginning("At", "What")] == [[80.0]]


def test_the_charts_have_their_data(summary):
    """What was packed is unpacked as it was, each endpoint by itself, and no character of it means anything to HTML."""
    (text,) = re.findall(r'<script type="text/plain" id="data">([^<]*)</script>', render(summary).decode())
    whole, *endpoints = (json.loads(zlib.decompress(b64decode(line, validate=True))) for line in text.split("\n"))
    assert {**whole, "endpoints": endpoints} == json.loads(json.dumps(chart_data(summary)))


def test_nothing_is_fetched_and_nothing_is_inline():
    """No element names anything outside the page; no attribute has a style or a script in it."""
    page = re.sub(r"<(script|style)[^>]*>.*?</\1>", "", render(summary_of()).decode(), flags=re.DOTALL)
    assert not re.search(r"<(link|img|iframe|object|embed|base|form|audio|video|source)\b", page)
    assert not re.search(r"""\s(src|srcset|action|style|on\w+)\s*=""", page)
    assert set(re.findall(r'href="(.)', page)) == {"#"}


def test_120_endpoints_for_ten_minutes_stay_under_8_mb():
    """With every second drawn, more than 200 decisions, and 8 MB of bodies to choose from."""
    assert len(render(long_summary(endpoints=120, seconds=600))) < 8 * MEGABYTE


@each("text", [*HOSTILE, "\ud800", "</script><script>alert(1)</script>", "x" * MEGABYTE], ids=lambda text: ascii(text[:20]))
def test_hostile_text_has_no_effect_on_the_file(text):
    """Wherever it stands, the document has the elements that it has without, and it stays small."""
    harmless, document = render(hostile_summary("harmless")), render(hostile_summary(text))
    assert Counter(re.findall(rb"<[a-z/!]+", document)) == Counter(re.findall(rb"<[a-z/!]+", harmless))
    assert len(document) < 5 * MEGABYTE
    shown = document.count(escape(plain(text[:100])).encode())
    assert shown >= 12  # places


def hostile_summary(text):
    """A summary in which a target, a system and a config say `text` wherever they can say anything."""
    key = f"GET http://host/{text}"
    summary = summary_of(
        endpoint_snapshot(key, succeeded=9, failed=3), decisions=[decision(key, reason=text)], saturated_by=[text]
    )
    (endpoint,) = summary["endpoints"]
    endpoint |= {"name": text, "errors": {"connect": 3}}
    endpoint["errorReasons"] = [{"kind": "connect", "reason": text, "count": 3}]
    summary["samples"] = [{"endpointKey": key, "status": 500, "body": text, "truncated": True}]
    summary["endDetail"] = text
    summary["changes"] = [{"t": 1.0, "action": "set-target", "endpointKey": key, "targetRps": 1.0}]
    verdict = {"passed": False, "value": 1.0, "limit": 0.5, "failedAt": 1.0, "aborts": True}
    summary["thresholds"] = [{"threshold": text, "endpointKey": key, "detail": text, **verdict}]
    summary["config"] = {"requests": [{"url": f"http://host/{text[:1000]}", "payload": text[:1000]}]}
    return summary


def test_a_run_of_nothing_has_a_report():
    """Without an attempt, a second or a sample there is still a page that says so."""
    summary = summary_of(endpoint_snapshot("GET http://host/", succeeded=0, target=None), end_reason="error", end_detail="lost")
    summary |= {"timeline": [], "samples": []}
    shown = Tables(render(summary)).beginning("Endpoint", "Limited by")
    assert shown[0]["Limited by"] == "no attempt was made"
    assert shown[0]["Response p50 ms"] == NOTHING


def test_latencies_of_the_successes_stand_beside_those_of_all():
    """In the table of endpoints and among the figures, where more than 1 % failed, and nowhere else."""
    failing = endpoint_snapshot("GET http://host/bad", succeeded=95, failed=5)
    pages = [render(summary_of(one)) for one in (endpoint_snapshot("GET http://host/good"), failing)]
    shown = [Tables(page).beginning("Endpoint", "Limited by")[0].get("Successes' p99 ms") for page in pages]
    assert shown == [None, [1.5]]
    assert [b"of successes 1.5 / 1.5 / 1.5 ms" in page for page in pages] == [False, True]


def test_percentiles_of_too_few_values_are_grey():
    """100 responses carry a median and neither p95 nor p99; the figures are there all the same."""
    page = render(summary_of(endpoint_snapshot("GET http://host/good"))).decode()
    row = page.partition('<tr class="good" data-place="0">')[2].partition("</tr>")[0]
    cells = re.findall(r'<td class="number( thin)?\s*" data-name="[^"]* ms"[^>]*><data value="(1\.[56])">', row)
    assert cells == [("", "1.6"), (" thin", "1.6"), (" thin", "1.6"), ("", "1.6"), (" thin", "1.5")]
